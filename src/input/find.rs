//! Turns arguments into sources.

use crate::error::{Error, Result};
use crate::input::Source;
use crate::text;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf, is_separator};

/// Characters that make an argument a glob when no file has its name.
const GLOB: &[char] = &['*', '?', '[', '{'];

/// Folders are followed so deep; what is deeper is reported.
const DEPTH_MAX: usize = 128;

/// Returns the sources that arguments name, sorted by name, each file once.
///
/// An argument is a file, a folder, a glob, or `-` for standard input. Folders are read with everything below them;
/// only regular files count there, and links to folders are not followed. A glob matches below its first folder
/// without glob characters, `*` does not match a separator, and a matching folder is read like one that was
/// named. Hidden files and folders are skipped unless they are named. What cannot be looked at inside a folder becomes a
/// source that reports it. Names are what the user wrote, followed by the path below it.
pub fn find(arguments: &[String]) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut stdin = None;
    for argument in arguments {
        if argument == "-" {
            if stdin.replace(Source::stdin()).is_some() {
                return Err(Error::new(
                    "expected - for standard input once, found it twice",
                ));
            }
            continue;
        }
        let path = Path::new(argument);
        let before = found.len();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                walk(path, DEPTH_MAX, &|_| Wanted::Yes, &mut found);
                if found.len() == before {
                    return Err(Error::new(format!(
                        "{argument}: expected a folder with files, found none"
                    ))
                    .with_help("hidden files are skipped"));
                }
            }
            Ok(_) => found.push(Found::file(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && argument.contains(GLOB) => {
                expand(argument, &mut found)?;
                if found.len() == before {
                    return Err(Error::new(format!(
                        "{argument}: expected a file or glob, found no file like it"
                    ))
                    .with_help(
                        "* does not match a folder separator, ** does; hidden files are skipped",
                    ));
                }
            }
            Err(error) => return Err(unavailable(argument, &error)),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = HashSet::new();
    found.retain(|file| {
        seen.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone()))
    });
    Ok(stdin
        .into_iter()
        .chain(found.into_iter().map(Found::into_source))
        .collect())
}

/// A file, or what could not be looked at.
struct Found {
    name: String,
    path: PathBuf,
    error: Option<io::Error>,
}

impl Found {
    fn file(path: PathBuf) -> Found {
        Found {
            name: path.to_string_lossy().into_owned(),
            path,
            error: None,
        }
    }

    fn unreadable(path: PathBuf, error: io::Error) -> Found {
        Found {
            error: Some(error),
            ..Found::file(path)
        }
    }

    fn into_source(self) -> Source {
        match self.error {
            None => Source::file(self.name, self.path),
            Some(error) => Source::unreadable(self.name, error),
        }
    }
}

/// Whether an entry of a folder is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// With everything below it.
    Yes,
    /// Not itself, but something below it may be.
    Below,
}

/// Adds the files of a folder and of the folders in it, as far as `wanted` says.
fn walk(folder: &Path, depth: usize, wanted: &dyn Fn(&Path) -> Wanted, found: &mut Vec<Found>) {
    if depth == 0 {
        let error = io::Error::other(format!("folders are deeper than {DEPTH_MAX}"));
        found.push(Found::unreadable(folder.to_owned(), error));
        return;
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Found::unreadable(folder.to_owned(), error));
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.push(Found::unreadable(folder.to_owned(), error));
                continue;
            }
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let asked = wanted(&path);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => match asked {
                Wanted::Yes => walk(&path, depth - 1, &|_| Wanted::Yes, found),
                Wanted::Below => walk(&path, depth - 1, wanted, found),
            },
            _ if asked == Wanted::Below => {}
            Ok(_) => match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => found.push(Found::file(path)),
                Ok(_) => {}
                Err(error) => found.push(Found::unreadable(path, error)),
            },
            Err(error) => found.push(Found::unreadable(path, error)),
        }
    }
}

/// Adds the files that a glob matches.
fn expand(glob: &str, found: &mut Vec<Found>) -> Result<()> {
    let first = glob.find(GLOB).unwrap_or(glob.len());
    let start = glob[..first].rfind(is_separator).map_or(0, |at| at + 1);
    let (base, rest) = glob.split_at(start);
    let matcher: GlobMatcher = GlobBuilder::new(rest)
        .literal_separator(true)
        .build()
        .map_err(|error| {
            Error::new(format!(
                "{glob}: expected a file or glob, found neither: {}",
                error.kind()
            ))
        })?
        .compile_matcher();
    let folder = if base.is_empty() {
        Path::new(".")
    } else {
        Path::new(base)
    };
    if let Err(error) = fs::read_dir(folder) {
        return Err(unavailable(base, &error));
    }
    let wanted = |path: &Path| {
        let below = path.strip_prefix(folder).unwrap_or(path);
        if matcher.is_match(below) {
            Wanted::Yes
        } else {
            Wanted::Below
        }
    };
    let before = found.len();
    walk(folder, DEPTH_MAX, &wanted, found);
    if base.is_empty() {
        for file in &mut found[before..] {
            let name = Path::new(&file.name)
                .strip_prefix(".")
                .map(Path::to_string_lossy);
            if let Ok(name) = name {
                file.name = name.into_owned();
            }
        }
    }
    Ok(())
}

/// Returns the error for a path that cannot be looked at, with a name that may have been meant.
fn unavailable(argument: &str, error: &io::Error) -> Error {
    let failed = Error::io(argument, error);
    if error.kind() != io::ErrorKind::NotFound {
        return failed;
    }
    match similar(Path::new(argument)) {
        Some(name) => failed.with_help(format!("did you mean {name}?")),
        None => failed.with_help("give files, folders, globs, or - for standard input"),
    }
}

/// Returns the path with the name nearest to a path's own in the same folder, if one is near.
fn similar(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let names: Vec<String> = fs::read_dir(folder.unwrap_or(Path::new(".")))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = text::nearest(wanted, names.iter().map(String::as_str))?;
    Some(match folder {
        Some(folder) => {
            let folder = folder.to_string_lossy();
            let folder = folder.trim_end_matches(is_separator);
            format!("{folder}{MAIN_SEPARATOR}{name}")
        }
        None => name.to_owned(),
    })
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
