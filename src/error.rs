//! What ends the program, what input could not be read, and the exit codes.
//!
//! An [`Error`] ends the run; a [`Problem`] is one thing in the input that could not be read while the rest
//! could. Both say where, what was expected and what was found.

use std::fmt;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The work was done; the gate, if any, is open.
    Open = 0,
    /// The gate is closed.
    Closed = 1,
    /// Wrong usage, a wrong policy or unreadable input.
    Usage = 2,
    /// Not enough evidence to judge.
    Unknown = 3,
}

/// What ends the run: a sentence, where it happened, and what to do.
#[derive(Debug)]
pub struct Error {
    message: String,
    /// What to do about it.
    help: Option<String>,
    /// Lines of the file that it is about, with a mark.
    excerpt: Option<String>,
    /// Further errors that ended the run with it.
    others: Vec<Error>,
    /// Whether the reader of our output went away, which is no failure worth a message.
    quiet: bool,
}

/// The result of anything that can end the run.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns an error with a message: lowercase, no full stop, expected and found.
    pub fn new(message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
            help: None,
            excerpt: None,
            others: Vec::new(),
            quiet: false,
        }
    }

    /// Returns the error of a failed system call on a named thing.
    pub fn io(name: &str, source: &std::io::Error) -> Error {
        Error {
            message: format!("{name}: {}", reason(source)),
            help: None,
            excerpt: None,
            others: Vec::new(),
            quiet: source.kind() == std::io::ErrorKind::BrokenPipe,
        }
    }

    /// Returns the error with a line that says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Error {
        self.help = Some(help.into());
        self
    }

    /// Returns the error with lines of the file that it is about.
    #[must_use]
    pub fn with_excerpt(mut self, excerpt: impl Into<String>) -> Error {
        self.excerpt = Some(excerpt.into());
        self
    }

    /// Returns the error that it is together with another, which comes behind it.
    #[must_use]
    pub fn and(mut self, mut other: Error) -> Error {
        let others = std::mem::take(&mut other.others);
        self.others.push(other);
        self.others.extend(others);
        self
    }

    /// Returns it and all that ended the run with it.
    pub fn each(&self) -> impl Iterator<Item = &Error> {
        std::iter::once(self).chain(&self.others)
    }

    /// Returns lines of the file that it is about, if there are any.
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }

    /// Returns what to do, if that is known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns whether the error needs no message (a closed pipe).
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Returns the reason of a failed system call, lowercase and without the number.
pub(crate) fn reason(source: &std::io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => "unknown input/output error".to_owned(),
    }
}

/// A place inside a record: where, counted from the record's first byte, and inside which element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// Offset of the fault from the first byte of the record.
    pub offset: usize,
    /// The element, such as `resourceSpans[0].scopeSpans[0].spans[3].traceId`; empty when unknown.
    pub path: String,
    /// What was expected and what was found: lowercase, no full stop.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<&'static str>,
    /// How many spans were lost by it.
    pub lost: Lost,
}

/// What a problem cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lost {
    /// A field of a span that was kept.
    #[default]
    Field,
    /// One span.
    Span,
    /// The rest of the record, with an unknown number of spans.
    Record,
}
