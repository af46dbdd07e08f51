//! Text out of bytes that are not quite UTF-8.
//!
//! Each invalid sequence becomes U+FFFD. Positions in the repaired text are translated back to the record's.

use crate::error::{Lost, Problem};
use crate::format::Sink;
use crate::input::{PAD, Record};
use crate::model::attr::Asked;
use crate::model::{Facts, RawSpan};

/// The repaired text of a record.
pub(super) struct Repaired {
    padded: String,
    len: usize,
    /// Where an invalid sequence ends: in the repaired text and in the record. Sorted.
    ends: Vec<(usize, usize)>,
    first_invalid: usize,
}

impl Repaired {
    /// Repairs bytes.
    pub(super) fn new(bytes: &[u8]) -> Repaired {
        let mut padded = String::with_capacity(bytes.len() + PAD);
        let mut ends = Vec::new();
        let mut consumed = 0;
        let mut first_invalid = None;
        for chunk in bytes.utf8_chunks() {
            padded.push_str(chunk.valid());
            consumed += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                first_invalid.get_or_insert(consumed);
                padded.push(char::REPLACEMENT_CHARACTER);
                consumed += chunk.invalid().len();
                ends.push((padded.len(), consumed));
            }
        }
        let len = padded.len();
        padded.extend(std::iter::repeat_n('\0', PAD));
        Repaired {
            padded,
            len,
            ends,
            first_invalid: first_invalid.unwrap_or(0),
        }
    }

    /// Returns the repaired text.
    pub(super) fn text(&self) -> &str {
        &self.padded[..self.len]
    }

    /// Returns the repaired text as a record.
    pub(super) fn record(&self) -> Record<'_> {
        Record::new(self.padded.as_bytes(), self.len).expect("the text was padded")
    }

    /// Returns the problem that the bytes were not UTF-8.
    pub(super) fn problem(&self) -> Problem {
        let message = match self.ends.len() {
            1 => "expected UTF-8, found an invalid sequence of bytes".to_owned(),
            n => format!("expected UTF-8, found {n} invalid sequences of bytes"),
        };
        Problem {
            offset: self.first_invalid,
            message,
            lost: Lost::Field,
            ..Problem::default()
        }
    }

    /// Returns the position in the record of a position in the repaired text.
    pub(super) fn original(&self, offset: usize) -> usize {
        let behind = self
            .ends
            .partition_point(|(repaired, _)| *repaired <= offset);
        match self.ends[..behind].last() {
            Some((repaired, original)) => original + (offset - repaired),
            None => offset,
        }
    }
}

/// A sink that gets positions of the record instead of the repaired text's.
pub(super) struct RepairedSink<'s> {
    /// The repaired text.
    pub(super) repaired: &'s Repaired,
    /// The sink behind.
    pub(super) sink: &'s mut dyn Sink,
}

impl Sink for RepairedSink<'_> {
    fn asked(&self) -> Asked {
        self.sink.asked()
    }

    fn resource(&mut self, facts: &Facts<'_>) {
        self.sink.resource(facts);
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        self.sink.span(span);
    }

    fn problem(&mut self, problem: Problem) {
        let offset = self.repaired.original(problem.offset);
        self.sink.problem(Problem { offset, ..problem });
    }

    fn other_signal(&mut self) {
        self.sink.other_signal();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_behind_invalid_bytes_are_the_records() {
        let repaired = Repaired::new(b"ab\xffcd\xe2\x82ef");
        assert_eq!(repaired.text(), "ab\u{fffd}cd\u{fffd}ef");
        assert_eq!(repaired.problem().offset, 2);
        let originals: Vec<usize> = repaired
            .text()
            .char_indices()
            .map(|(at, _)| repaired.original(at))
            .collect();
        assert_eq!(originals, [0, 1, 2, 3, 4, 5, 7, 8]);
        assert_eq!(repaired.original(repaired.text().len()), 9);
    }
}
