//! Where the product goes: stdout, or files that appear only when they are whole.
//!
//! A file is written under a temporary name in its folder and renamed at the end, so a killed run leaves no half-written
//! output; an interrupt and a panic also remove the temporary file. What is no regular file (a pipe, `/dev/null`) is written as it is.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use crate::error::{Error, Result};
use crate::format::otlp_write;
use crate::render::{self, Renderer};
use crate::text;

/// Temporary files that are being written.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The exit code of a program ended by an interrupt, by the convention of shells: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Makes an interrupt remove what is half-written and end the program at once. A panic ends the program without
/// dropping anything, and removes it too.
pub(super) fn remove_unfinished_when_ended() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Whoever panics may be the one that has it locked.
        if let Ok(unfinished) = UNFINISHED.try_lock() {
            remove(&unfinished);
        }
        tell(panic);
    }));
    let installed = ctrlc::set_handler(|| {
        if let Ok(unfinished) = UNFINISHED.lock() {
            remove(&unfinished);
        }
        #[expect(
            clippy::exit,
            reason = "an interrupt ends the program at once, wherever it is"
        )]
        std::process::exit(INTERRUPTED);
    });
    // Without a handler the interrupt still ends the program.
    drop(installed);
}

fn remove(unfinished: &[PathBuf]) {
    for path in unfinished {
        // It may be gone already; there is nobody to tell.
        let _ = std::fs::remove_file(path);
    }
}

/// Something being written.
pub(super) struct Output {
    name: String,
    target: Target,
}

enum Target {
    Stream(BufWriter<Box<dyn Write>>),
    File {
        writer: BufWriter<File>,
        temporary: PathBuf,
        path: PathBuf,
    },
}

impl Output {
    /// Opens a file, or stdout.
    pub(super) fn open(path: Option<&str>) -> Result<Output> {
        let Some(path) = path.filter(|path| *path != "-") else {
            return Ok(Output {
                name: "stdout".to_owned(),
                target: Target::Stream(buffered(Box::new(std::io::stdout().lock()))),
            });
        };
        let name = path.to_owned();
        // Behind a link, the file it leads to is the one to replace.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Error::new(format!(
                    "{name}: expected the name of a file to write, found a folder"
                )));
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(&path);
                let file = file.map_err(|error| Error::io(&name, &error))?;
                return Ok(Output {
                    name,
                    target: Target::Stream(buffered(Box::new(file))),
                });
            }
            _ => {}
        }
        let file_name = path
            .file_name()
            .ok_or_else(|| Error::new(format!("{name}: expected the name of a file to write")))?;
        let mut temporary_name = std::ffi::OsString::from(".");
        temporary_name.push(file_name);
        temporary_name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(temporary_name);
        if let Ok(mut unfinished) = UNFINISHED.lock() {
            unfinished.push(temporary.clone());
        }
        let file = File::create(&temporary).map_err(|error| Error::io(&name, &error))?;
        Ok(Output {
            name,
            target: Target::File {
                writer: buffered(file),
                temporary,
                path,
            },
        })
    }

    /// Writes with a function.
    pub(super) fn write(
        &mut self,
        f: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<()> {
        let writer: &mut dyn Write = match &mut self.target {
            Target::Stream(writer) => writer,
            Target::File { writer, .. } => writer,
        };
        f(writer).map_err(|error| Error::io(&self.name, &error))
    }

    /// Ends the writing; a file gets its name.
    pub(super) fn finish(mut self) -> Result<()> {
        self.write(|out| out.flush())?;
        if let Target::File {
            temporary, path, ..
        } = &self.target
        {
            std::fs::rename(temporary, path).map_err(|error| Error::io(&self.name, &error))?;
            forget(temporary);
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Target::File { temporary, .. } = &self.target
            && forget(temporary)
        {
            // The writing failed on the way: what was written is of no use.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

fn buffered<W: Write>(writer: W) -> BufWriter<W> {
    BufWriter::with_capacity(1 << 16, writer)
}

/// Takes a temporary file off the list; returns whether it was there.
fn forget(temporary: &Path) -> bool {
    let Ok(mut unfinished) = UNFINISHED.lock() else {
        return false;
    };
    let before = unfinished.len();
    unfinished.retain(|path| path != temporary);
    unfinished.len() < before
}

/// Returns what to write where: a renderer with a file, or with none for stdout.
pub(super) fn renderers(
    table: &'static [&'static Renderer],
    default: &str,
    format: Option<&str>,
    files: &[String],
) -> Result<Vec<(&'static Renderer, Option<String>)>> {
    let named = |name: &str| {
        render::named(table, name).ok_or_else(|| {
            let names: Vec<&str> = table.iter().map(|renderer| renderer.name).collect();
            let error = Error::new(format!(
                "expected one of the formats {}, found \"{name}\"",
                names.join(", ")
            ));
            match text::nearest(name, names) {
                Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
                None => error,
            }
        })
    };
    let mut chosen = Vec::new();
    if let Some(name) = format {
        chosen.push((named(name)?, None));
    } else if files.is_empty() {
        chosen.push((named(default)?, None));
    }
    for (index, file) in files.iter().enumerate() {
        if files[..index].contains(file) {
            return Err(Error::new(format!(
                "expected different files to write, found {file} twice"
            )));
        }
        let extension = Path::new(file)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or("");
        let renderer = render::for_extension(table, extension).ok_or_else(|| {
            let known: Vec<&str> = table
                .iter()
                .flat_map(|renderer| renderer.extensions)
                .copied()
                .collect();
            Error::new(format!(
                "{file}: expected a name that ends in one of .{}",
                known.join(", .")
            ))
        })?;
        chosen.push((renderer, Some(file.clone())));
    }
    Ok(chosen)
}

/// A renderer, whether it writes to stdout, and where it writes.
pub(super) type Opened = (&'static Renderer, bool, Output);

/// Opens what is to be written, so that files that cannot be written are known before the traces are read.
pub(super) fn open(chosen: Vec<(&'static Renderer, Option<String>)>) -> Result<Vec<Opened>> {
    chosen
        .into_iter()
        .map(|(renderer, target)| {
            let output = Output::open(target.as_deref())?;
            Ok((renderer, target.is_none(), output))
        })
        .collect()
}

/// How `convert` writes traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TraceFormat {
    Json,
    Protobuf,
}

impl TraceFormat {
    /// Writes the spans of one record.
    pub(super) fn write(
        self,
        messages: &[ResourceSpans],
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        match self {
            TraceFormat::Json => otlp_write::json_line(messages, out),
            TraceFormat::Protobuf => otlp_write::frame(messages, out),
        }
    }
}

/// Returns the format that was asked for, or the one of the file's name; JSON on stdout.
pub(super) fn trace_format(format: Option<&str>, file: Option<&str>) -> Result<TraceFormat> {
    let extension = file.and_then(|file| Path::new(file).extension()?.to_str());
    match (format, extension) {
        (Some("json" | "jsonl"), _) => Ok(TraceFormat::Json),
        (Some("protobuf" | "proto" | "pb"), _) => Ok(TraceFormat::Protobuf),
        (Some(other), _) => Err(Error::new(format!(
            "expected the format json or protobuf, found \"{other}\""
        ))),
        (None, None) if file.is_none_or(|file| file == "-") => Ok(TraceFormat::Json),
        (None, Some("json" | "jsonl" | "ndjson")) => Ok(TraceFormat::Json),
        (None, Some("pb" | "proto" | "binpb" | "bin")) => Ok(TraceFormat::Protobuf),
        (None, _) => Err(Error::new(format!(
            "{}: expected a name that ends in .json, .jsonl or .pb",
            file.unwrap_or("-")
        ))
        .with_help("say --format json or --format protobuf")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::RENDERERS;

    #[test]
    fn a_file_appears_only_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.json");
        let name = path.to_str().expect("a name");
        let list = || std::fs::read_dir(folder.path()).expect("readable").count();
        {
            let mut output = Output::open(Some(name)).expect("opened");
            output.write(|out| out.write_all(b"half")).expect("written");
            assert!(!path.exists());
        }
        assert_eq!(list(), 0, "a dropped output leaves nothing");
        let mut output = Output::open(Some(name)).expect("opened");
        output
            .write(|out| out.write_all(b"whole"))
            .expect("written");
        output.finish().expect("finished");
        assert_eq!(std::fs::read(&path).expect("there"), b"whole");
        assert_eq!(list(), 1);
    }

    /// The variable that names the file which a copy of this program writes until it panics.
    const PANICS: &str = "TOPPLE_TEST_PANICS";

    #[test]
    fn a_panic_leaves_nothing_half_written() {
        if let Ok(name) = std::env::var(PANICS) {
            remove_unfinished_when_ended();
            let mut output = Output::open(Some(&name)).expect("opened");
            output.write(|out| out.write_all(b"half")).expect("written");
            // As in a release, where nothing is dropped.
            std::mem::forget(output);
            let folder = Path::new(&name).parent().expect("a folder");
            let files = std::fs::read_dir(folder).expect("readable").count();
            panic!("{files} file is being written");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let test = "cli::output::tests::a_panic_leaves_nothing_half_written";
        let copy = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test])
            .env(PANICS, folder.path().join("out.json"))
            .output()
            .expect("run");
        let said = String::from_utf8_lossy(&copy.stdout);
        assert!(said.contains("1 file is being written"), "{said}");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("readable").count(),
            0
        );
    }

    #[test]
    fn formats_follow_names() {
        assert_eq!(
            trace_format(None, Some("a.pb")).ok(),
            Some(TraceFormat::Protobuf)
        );
        assert_eq!(trace_format(None, None).ok(), Some(TraceFormat::Json));
        assert_eq!(
            trace_format(Some("protobuf"), Some("a.json")).ok(),
            Some(TraceFormat::Protobuf)
        );
        assert!(trace_format(None, Some("a.txt")).is_err());
        assert!(
            renderers(RENDERERS, "table", Some("jsn"), &[])
                .is_err_and(|error| error.help() == Some("did you mean \"json\"?"))
        );
        assert!(renderers(RENDERERS, "table", None, &["a.xyz".to_owned()]).is_err());
        let both =
            renderers(RENDERERS, "table", Some("table"), &["a.json".to_owned()]).expect("known");
        assert_eq!(
            both.iter()
                .map(|(renderer, _)| renderer.name)
                .collect::<Vec<_>>(),
            ["table", "json"]
        );
    }
}
