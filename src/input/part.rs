//! Parts of documents: what a format says about its documents, so that they need not be held whole, and where the bytes
//! of a part stand in the content.
//!
//! A document of lists is cut between the elements of a list. Each part is a document of its own: in front of its elements
//! stands its *lead*, the brackets and keys that open the list, and behind them what closes these. A value that nobody reads
//! is left out, and `0` stands in its place.

use crate::model::TraceId;

/// Returns the trace ids that a text names.
pub(super) type TraceIds = fn(&[u8]) -> Vec<TraceId>;

/// Where in the documents of a format the lists are whose elements can be read apart from each other.
#[derive(Debug)]
pub struct Outline {
    /// Keys of such lists.
    pub lists: &'static [&'static str],
    /// Keys of objects that may stand around them.
    pub wrappers: &'static [&'static str],
    /// How many of these may stand around a list.
    pub max_wrappers: usize,
    /// Whether a document may be such a list itself.
    pub bare: bool,
    /// Keys in front of a list that make the object something else, which is then not cut.
    pub foreign: &'static [&'static str],
    /// Whether values under all other keys are of no interest to the format; otherwise they are only behind a list.
    pub passes_over: bool,
    /// Returns the trace ids of an element that is a list itself, if the format tells traces apart by such lists.
    pub ids: Option<TraceIds>,
}

/// A place in the content of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    /// Offset of the byte.
    pub(super) byte: u64,
    /// Lines before it.
    pub(super) line: u64,
    /// Characters before it in its line.
    pub(super) column: u64,
}

impl Spot {
    /// Returns the place behind some text that begins here.
    pub(super) fn behind(self, text: &[u8]) -> Spot {
        let byte = self.byte + text.len() as u64;
        match memchr::memrchr(b'\n', text) {
            None => Spot {
                byte,
                line: self.line,
                column: self.column + characters(text),
            },
            Some(at) => Spot {
                byte,
                line: self.line + memchr::memchr_iter(b'\n', text).count() as u64,
                column: characters(&text[at + 1..]),
            },
        }
    }
}

/// Returns the number of characters, where a byte that begins none counts as part of the one before it.
fn characters(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u64
}

/// How the bytes of a record lie in the content.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Where stretches of the record begin in it, and where they stand in the content. Sorted; the first begins at 0.
    pub(super) stretches: Vec<(usize, Spot)>,
    /// How many elements of the list come before those of the record.
    pub(super) first: usize,
    /// In how many lists before this part trace ids of it were.
    pub(super) repeats: Vec<(TraceId, u64)>,
}

impl Part {
    /// Returns the offset in the content of a byte of the record.
    pub(super) fn byte(&self, offset: usize) -> u64 {
        let at = self.stretches.partition_point(|(from, _)| *from <= offset);
        let stretch = at.checked_sub(1).map(|at| self.stretches[at]);
        stretch.map_or(0, |(from, spot)| spot.byte + (offset - from) as u64)
    }

    /// Returns the place of a byte of the record.
    pub(super) fn spot(&self, record: &[u8], offset: usize) -> Spot {
        let offset = offset.min(record.len());
        let at = self.stretches.partition_point(|(from, _)| *from <= offset);
        match at.checked_sub(1).map(|at| self.stretches[at]) {
            Some((from, spot)) => spot.behind(&record[from..offset]),
            None => Spot::default(),
        }
    }

    /// Returns the path of an element as it is in the whole document.
    pub(super) fn path(&self, path: String) -> String {
        let number = |path: &str| {
            let from = path.find('[')? + 1;
            let to = from + path[from..].find(']')?;
            let index: usize = path[from..to].parse().ok()?;
            let (before, behind) = (&path[..from], &path[to..]);
            Some(format!("{before}{}{behind}", index + self.first))
        };
        if self.first == 0 {
            return path;
        }
        number(&path).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_behind_a_lead_and_a_gap_is_found_where_it_stands() {
        let content = "{\"a\":1,\n\"b\":\"long\",\n\"l\":[\u{e9},2]}";
        let record = "{\"l\":[2]}".as_bytes();
        let at = content.find("2]").unwrap();
        let spot = Spot::default().behind(&content.as_bytes()[..at]);
        assert_eq!((spot.line, spot.column), (2, 7));
        let part = Part {
            stretches: vec![(0, Spot::default()), (6, spot)],
            first: 1,
            repeats: Vec::new(),
        };
        assert_eq!(part.spot(record, 0), Spot::default());
        assert_eq!(part.spot(record, 6), spot);
        assert_eq!(part.spot(record, 7).column, 8);
        assert_eq!(part.spot(record, 99).byte, at as u64 + 3);
        assert_eq!(part.path("l[0].x[3]".to_owned()), "l[1].x[3]");
        assert_eq!(part.path("l".to_owned()), "l");
    }
}
