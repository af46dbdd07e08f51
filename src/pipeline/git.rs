//! Asks git for files of earlier commits.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};
use crate::text;

/// Returns a file as a commit has it, or nothing when it has no such file.
///
/// # Errors
/// Fails when git is missing, when the commit is not in this clone, and when the file is no text.
pub(super) fn show(commit: &str, file: &str) -> Result<Option<String>> {
    if commit.starts_with('-')
        || commit.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
    {
        return Err(Error::new(format!(
            "expected a file, or a commit such as origin/main, found \"{}\"",
            text::visible(commit)
        )));
    }
    let path = Path::new(file);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let object = format!("{commit}^{{commit}}");
    let known = git(folder, &["rev-parse", "--verify", "--quiet", &object])?;
    if !known.status.success() {
        return Err(missing(commit, folder, &known));
    }
    let object = format!("{commit}:./{name}");
    if !git(folder, &["cat-file", "-e", &object])?.status.success() {
        return Ok(None);
    }
    let shown = git(folder, &["show", &object])?;
    if !shown.status.success() {
        return Err(Error::new(format!("git show {object}: {}", said(&shown))));
    }
    String::from_utf8(shown.stdout).map(Some).map_err(|_| {
        Error::new(format!(
            "{file} at {commit}: expected text in UTF-8, found bytes that are none"
        ))
    })
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output> {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Error::io("git", &error).with_help("git reads the baseline; --base FILE needs none")
        })
}

/// Returns what git had to say, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or("it said nothing");
    text::visible(line.trim_start_matches("fatal: ")).into_owned()
}

/// Returns the error that a commit is not in this clone, with what brings it there.
fn missing(commit: &str, folder: &Path, output: &Output) -> Error {
    let error = Error::new(format!(
        "expected a file, or a commit of this clone, found \"{commit}\""
    ));
    if !output.stderr.is_empty() {
        return error.with_help(format!(
            "there is no such file, and git says: {}",
            said(output)
        ));
    }
    let remotes = git(folder, &["remote"]).ok();
    let remotes = remotes.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let remotes = remotes.unwrap_or_default();
    // A clone without any will have this one.
    const ORIGIN: &str = "origin";
    let first = remotes.lines().next().unwrap_or(ORIGIN);
    let remote = commit
        .split_once('/')
        .filter(|(remote, _)| *remote == first || remotes.lines().any(|known| known == *remote));
    let fetch = match remote {
        Some((remote, branch)) => {
            format!("git fetch --depth=1 {remote} {branch}:refs/remotes/{remote}/{branch}")
        }
        None => format!("git fetch --depth=1 {first} {commit}"),
    };
    let shallow = git(folder, &["rev-parse", "--is-shallow-repository"]);
    let is_shallow = shallow.is_ok_and(|output| output.stdout.starts_with(b"true"));
    error.with_help(if is_shallow {
        format!("the clone is shallow: {fetch}")
    } else {
        format!("there is no such file; a commit that was not fetched comes with: {fetch}")
    })
}
