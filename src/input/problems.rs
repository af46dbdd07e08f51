//! Problems in records: all are counted, the first few are kept with their places.

use crate::error::{Lost, Problem};
use crate::input::part::Spot;
use crate::input::{Framing, Place, Record, guess};
use std::collections::BTreeSet;
use std::fmt;

/// How many problems are kept to be shown.
const SHOWN: usize = 10;

/// Problems by what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fields of spans that were kept.
    pub fields: u64,
    /// Spans.
    pub spans: u64,
    /// Records or rests of records, each with an unknown number of spans.
    pub records: u64,
}

impl Counts {
    /// Returns the number of all problems.
    pub fn total(self) -> u64 {
        self.fields + self.spans + self.records
    }
}

/// Collects problems; each worker has its own, and all are merged in the end.
///
/// Which problems are kept depends on their positions alone, not on the order of workers.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    counts: Counts,
    /// By source.
    of_source: Vec<u64>,
    /// The first [`SHOWN`], sorted by [`Kept::position`].
    kept: Vec<Kept>,
    /// Sources with an incomplete last line, which is not a problem.
    unfinished: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
struct Kept {
    place: Place,
    /// Where the problem is; lines are those of the block, or of the content for a part of a document.
    spot: Spot,
    problem: Problem,
}

impl Kept {
    fn position(&self) -> (u32, u64) {
        (self.place.source, self.spot.byte)
    }
}

impl Problems {
    /// Adds a problem of the record at a place.
    ///
    /// A last line without its end, of which brackets or quotes stay open, is remembered as unfinished instead: it
    /// belongs to a file that is still being written.
    pub fn add(&mut self, place: Place, record: &Record<'_>, mut problem: Problem) {
        let bytes = record.bytes();
        if place.last_unterminated && problem.lost == Lost::Record && guess::ends_inside(bytes) {
            self.unfinished.insert(place.source());
            return;
        }
        self.count(&place, &problem);
        let byte = match record.part() {
            Some(part) => part.byte(problem.offset),
            None => place.byte + problem.offset as u64,
        };
        if self.is_wanted((place.source, byte)) {
            let spot = match record.part() {
                Some(part) => part.spot(bytes, problem.offset),
                None => at_start(&place).behind(&bytes[..problem.offset.min(bytes.len())]),
            };
            if let Some(part) = record.part() {
                problem.path = part.path(problem.path);
            }
            self.keep(Kept {
                place,
                spot: Spot { byte, ..spot },
                problem,
            });
        }
    }

    /// Adds a problem with the start of a record that was not kept.
    pub(super) fn add_at_start(&mut self, place: Place, problem: Problem) {
        self.count(&place, &problem);
        self.keep(Kept {
            place,
            spot: at_start(&place),
            problem,
        });
    }

    /// Adds the problems of another worker.
    pub fn merge(&mut self, other: Problems) {
        self.counts.fields += other.counts.fields;
        self.counts.spans += other.counts.spans;
        self.counts.records += other.counts.records;
        for (source, &problems) in other.of_source.iter().enumerate() {
            *self.source_count(source) += problems;
        }
        for kept in other.kept {
            self.keep(kept);
        }
        self.unfinished.extend(other.unfinished);
    }

    /// Returns the number of problems, by what they cost.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the number of problems in a source.
    pub(super) fn of_source(&self, source: usize) -> u64 {
        self.of_source.get(source).copied().unwrap_or(0)
    }

    /// Returns whether the last line of a source is incomplete.
    pub(super) fn is_unfinished(&self, source: usize) -> bool {
        self.unfinished.contains(&source)
    }

    /// Returns the problems that were kept, with lines counted by `lines_before` the block of a place.
    pub(super) fn locate(
        &self,
        names: &[String],
        lines_before: impl Fn(&Place) -> u64,
    ) -> Vec<Located> {
        self.kept
            .iter()
            .map(|kept| Located {
                source: names[kept.place.source()].clone(),
                position: match kept.place.framing {
                    Framing::Lines | Framing::Documents => Position::Line {
                        line: lines_before(&kept.place) + kept.spot.line + 1,
                        column: kept.spot.column + 1,
                    },
                    Framing::Whole | Framing::Frames | Framing::Varints => {
                        Position::Byte(kept.position().1)
                    }
                },
                path: kept.problem.path.clone(),
                message: kept.problem.message.clone(),
                help: kept.problem.help,
            })
            .collect()
    }

    fn count(&mut self, place: &Place, problem: &Problem) {
        match problem.lost {
            Lost::Field => self.counts.fields += 1,
            Lost::Span => self.counts.spans += 1,
            Lost::Record => self.counts.records += 1,
        }
        *self.source_count(place.source()) += 1;
    }

    fn source_count(&mut self, source: usize) -> &mut u64 {
        if self.of_source.len() <= source {
            self.of_source.resize(source + 1, 0);
        }
        &mut self.of_source[source]
    }

    fn is_wanted(&self, position: (u32, u64)) -> bool {
        self.kept.len() < SHOWN
            || self
                .kept
                .last()
                .is_some_and(|last| position < last.position())
    }

    /// Keeps a problem behind those of the same position, which come from the same record and thus the same worker.
    fn keep(&mut self, kept: Kept) {
        let position = kept.position();
        let at = self
            .kept
            .partition_point(|earlier| earlier.position() <= position);
        self.kept.insert(at, kept);
        self.kept.truncate(SHOWN);
    }
}

/// Returns where a record begins that is no part of a document: such records begin with a line.
fn at_start(place: &Place) -> Spot {
    Spot {
        byte: place.byte,
        line: place.line,
        column: 0,
    }
}

/// A problem with the place people look it up by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The name of the source.
    pub source: String,
    /// Where in it.
    pub position: Position,
    /// The element, such as `resourceSpans[0].scopeSpans[0].spans[3].traceId`; empty when unknown.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<&'static str>,
}

/// Where in the content of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In text.
    Line {
        /// Counted from 1.
        line: u64,
        /// Counted in characters from 1.
        column: u64,
    },
    /// In binary content: the offset from its first byte.
    Byte(u64),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Line { line, column } => write!(f, "{line}:{column}"),
            Position::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

impl fmt::Display for Located {
    /// Writes source, position and message: `shop.jsonl:14:23: expected ...` or `shop.pb: byte 1234: expected ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Located {
            source,
            position,
            message,
            ..
        } = self;
        match position {
            Position::Line { .. } => write!(f, "{source}:{position}: {message}"),
            Position::Byte(_) => write!(f, "{source}: {position}: {message}"),
        }
    }
}
