//! How content is cut into records.

use crate::input::part::Part;
use crate::model::TraceId;

/// Readable bytes behind every record, so that a reader may load whole vectors at its end.
pub const PAD: usize = 64;

/// How the content of a file is cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One record a line; empty lines are skipped.
    Lines,
    /// JSON documents in a row, each possibly over many lines; they are cut by their outline, or else the content is one record.
    Documents,
    /// The content is one binary record.
    Whole,
    /// Binary records, each behind its length as four big-endian bytes.
    Frames,
    /// Binary records, each behind its length as a varint.
    Varints,
}

/// One record: bytes of a block with at least [`PAD`] readable bytes behind them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    padded: &'a [u8],
    len: usize,
    part: Option<&'a Part>,
}

impl<'a> Record<'a> {
    /// Returns the record of the first `len` bytes, or `None` when fewer than [`PAD`] bytes follow them.
    #[inline]
    pub fn new(padded: &'a [u8], len: usize) -> Option<Record<'a>> {
        (padded.len() >= len + PAD).then_some(Record {
            padded,
            len,
            part: None,
        })
    }

    /// Returns the record, which is a part of a document.
    pub(super) fn of_part(self, part: Option<&'a Part>) -> Record<'a> {
        Record { part, ..self }
    }

    /// Returns how it lies in the content, if it is a part of a document.
    pub(super) fn part(&self) -> Option<&'a Part> {
        self.part
    }

    /// Returns trace ids that were in lists of the document before this part of it, and in how many.
    pub fn repeats(&self) -> &'a [(TraceId, u64)] {
        self.part.map_or(&[], |part| &part.repeats)
    }

    /// Returns the record's bytes.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        &self.padded[..self.len]
    }

    /// Returns the record's bytes and what follows them, at least [`PAD`] bytes of unspecified content.
    #[inline]
    pub fn padded(&self) -> &'a [u8] {
        self.padded
    }

    /// Calls `f` with a record that is a padded copy of `bytes`; for callers off the hot path.
    pub fn with_copy<T>(bytes: &[u8], f: impl FnOnce(&Record<'_>) -> T) -> T {
        let mut padded = Vec::with_capacity(bytes.len() + PAD);
        padded.extend_from_slice(bytes);
        padded.resize(bytes.len() + PAD, 0);
        f(&Record {
            padded: &padded,
            len: bytes.len(),
            part: None,
        })
    }
}
