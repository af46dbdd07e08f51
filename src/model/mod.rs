//! The data model: what a span is once its format is forgotten.
//!
//! A reader fills a [`RawSpan`] with borrowed text, and [`meaning`] turns it into a fixed-size [`SpanRow`] whose
//! names are numbers of the [`lexicon`] that all threads read with; once everything is read, it closes into a [`dictionary`].
//! Nothing here knows a file format, and nothing here allocates per span.

pub mod attr;
pub mod dictionary;
pub mod event;
mod health;
pub mod id;
pub mod lexicon;
pub mod mark;
pub mod meaning;
pub mod memo;
pub mod names;
mod operation;
mod outcome;
pub mod peer;
pub mod question;
pub mod span;
mod statement;

pub use attr::{Facts, Slot, Value};
pub use id::{SpanId, TraceId};
pub use mark::MarkKind;
pub use span::{Flags, Kind, LinkKind, LinkRow, RawLink, RawSpan, SpanRow, Status};
