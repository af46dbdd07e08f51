//! How content is cut into records.

/// Readable bytes behind every record, so that a reader may load whole vectors at its end.
pub const PAD: usize = 64;

/// How the content of a file is cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One record a line; empty lines are skipped.
    Lines,
    /// JSON documents in a row, each possibly over many lines; the content is one record.
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
}

impl<'a> Record<'a> {
    /// Returns the record of the first `len` bytes, or `None` when fewer than [`PAD`] bytes follow them.
    #[inline]
    pub fn new(padded: &'a [u8], len: usize) -> Option<Record<'a>> {
        (padded.len() >= len + PAD).then_some(Record { padded, len })
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
        })
    }
}
