//! Sources: files, folders' files and pipes, and what their first bytes say.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

/// A file or stream we were given.
#[derive(Debug)]
pub struct Source {
    name: String,
    pub(super) origin: Origin,
}

/// Where the bytes of a source come from.
pub(super) enum Origin {
    /// A path.
    Path(PathBuf),
    /// An open stream.
    Stream(Box<dyn Read + Send>),
    /// Nowhere: a part of a folder that could not be looked at, and why.
    Unreadable(io::Error),
}

impl Source {
    /// Returns the source of a file.
    pub fn file(name: impl Into<String>, path: impl Into<PathBuf>) -> Source {
        Source {
            name: name.into(),
            origin: Origin::Path(path.into()),
        }
    }

    /// Returns the source of an open stream.
    pub fn stream(name: impl Into<String>, stream: impl Read + Send + 'static) -> Source {
        Source {
            name: name.into(),
            origin: Origin::Stream(Box::new(stream)),
        }
    }

    /// Returns the source of standard input.
    pub fn stdin() -> Source {
        Source::stream("<stdin>", io::stdin())
    }

    /// Returns a source that stands for what could not be looked at.
    pub(super) fn unreadable(name: impl Into<String>, error: io::Error) -> Source {
        Source {
            name: name.into(),
            origin: Origin::Unreadable(error),
        }
    }

    /// Returns the name, as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Origin::Stream(_) => f.write_str("Stream"),
            Origin::Unreadable(error) => f.debug_tuple("Unreadable").field(error).finish(),
        }
    }
}

/// How content is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// RFC 1952, one or several members.
    Gzip,
    /// RFC 8878, one or several frames, skippable ones too.
    Zstd,
}

impl Packing {
    /// Returns the compression that the first bytes of a file announce.
    pub(super) fn of(head: &[u8]) -> Option<Packing> {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Packing::Zstd)
            }
            _ => None,
        }
    }

    /// Returns the name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// Reads until the buffer is full or the stream ends; returns how much was read, also in front of an error.
pub(super) fn read_full(
    stream: &mut dyn Read,
    buffer: &mut [u8],
) -> (usize, Result<(), io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}
