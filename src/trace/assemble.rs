//! Groups rows into traces and builds the tree of each.
//!
//! Copies of one span (same id, kind and service) are merged. 64-bit and 128-bit spellings of one trace id meet in one
//! trace, unless two different 128-bit ids end in the same 64 bits.
//!
//! A trace with too many spans to be held is handed out in several parts, by hashes of ids: calling and called sides stay
//! together, but what lies above and below them may be in another part.
//!
//! Everything is ordered by content (span id first), so that no order of reading shows. O(n log n) in the spans of a
//! partition; all space is reused.

use crate::error::Result;
use crate::model::dictionary::Dictionary;
use crate::model::span::Flags;
use crate::model::{LinkRow, MarkKind, SpanId, SpanRow, TraceId};
use crate::near::ask_for;
use crate::trace::store::PARTITIONS;
use crate::trace::traces::{Share, Traces};
use crate::trace::tree::{Attachment, Tree};

/// One trace.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Its id.
    pub id: TraceId,
    /// Its spans by span id.
    pub spans: &'a [SpanRow],
    /// The parent of each span, or [`NONE`](crate::trace::NONE).
    pub parents: &'a [u32],
    /// How each span hangs in the tree.
    pub attachments: &'a [Attachment],
    /// Spans with parents before children.
    pub order: &'a [u32],
    /// Links, by owner.
    pub links: &'a [LinkRow],
    /// Marks, by owner.
    pub marks: &'a [LinkRow],
    /// How many rows were copies of other rows.
    pub duplicates: u32,
    /// Whether these are only some of its spans, since it has too many.
    pub is_part: bool,
    pub(in crate::trace) child_offsets: &'a [u32],
    pub(in crate::trace) child_list: &'a [u32],
}

impl<'a> Trace<'a> {
    /// Returns the children of a span by start, then span id.
    #[inline]
    pub fn children(&self, span: u32) -> &'a [u32] {
        let i = span as usize;
        &self.child_list[self.child_offsets[i] as usize..self.child_offsets[i + 1] as usize]
    }

    /// Returns the links of a span.
    pub fn links_of(&self, span: u32) -> &'a [LinkRow] {
        let row = &self.spans[span as usize];
        if !row.flags.has(Flags::LINKS) {
            return &[];
        }
        let from = self.links.partition_point(|link| link.span < row.span);
        let to = self.links.partition_point(|link| link.span <= row.span);
        &self.links[from..to]
    }

    /// Returns the numbers of a span's marks of one kind.
    #[inline]
    pub fn marks_of(&self, span: u32, kind: MarkKind) -> impl Iterator<Item = u64> + 'a {
        let row = &self.spans[span as usize];
        let marks = if row.flags.has(Flags::MARKS) {
            let from = self.marks.partition_point(|mark| mark.span < row.span);
            let to = self.marks.partition_point(|mark| mark.span <= row.span);
            &self.marks[from..to]
        } else {
            &[]
        };
        marks
            .iter()
            .filter(move |mark| mark.kind == kind as u64)
            .map(|mark| mark.to_trace.low)
    }

    /// Returns the first span with an id.
    pub fn find(&self, id: SpanId) -> Option<u32> {
        let at = self.spans.partition_point(|row| row.span < id);
        (at < self.spans.len() && self.spans[at].span == id).then_some(at as u32)
    }

    /// Returns the earliest start of the spans that have one, and the latest end.
    pub fn window(&self) -> Option<(u64, u64)> {
        let timed = || {
            self.spans
                .iter()
                .filter(|row| !row.flags.has(Flags::NO_START))
        };
        let start = timed().map(|row| row.start).min()?;
        let end = timed()
            .map(|row| row.start.saturating_add(row.duration))
            .max()?;
        Some((start, end))
    }
}

/// Rows that are held together however little memory there is: a megabyte.
const LEAST_ROWS: u64 = 1 << 14;

/// Spans of one trace that are held together: 80 MB with everything that is found out about them. More have an id that many
/// traces share by mistake, or a trace that never ends.
pub const TOGETHER_MAX: u64 = 1 << 17;

/// [`TOGETHER_MAX`], or fewer in tests.
#[derive(Clone, Copy, Debug)]
struct Most(u64);

impl Default for Most {
    fn default() -> Most {
        Most(TOGETHER_MAX)
    }
}

/// Hands out traces; its space is reused.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The rows of one partition as they were kept.
    loaded: Vec<SpanRow>,
    /// The lower half of each loaded row's trace id, and the row.
    keys: Vec<(u64, u32)>,
    /// The rows of several partitions, those of a trace together, by span id.
    rows: Vec<SpanRow>,
    /// The traces in `rows`.
    heads: Vec<Head>,
    /// The links of those traces.
    link_rows: Vec<LinkRow>,
    links: Vec<LinkRow>,
    tree: Tree,
    most: Most,
    /// Whether the rows are some of those of a trace that is too large.
    in_parts: bool,
}

/// The rows that agree in the lower half of the trace id: usually one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    /// The earliest start.
    start: u64,
    low: u64,
    from: usize,
    len: usize,
}

/// So many traces before one is handed out its rows are asked for.
const AHEAD: usize = 2;

/// Rows of a trace that are asked for; there is no room for more beside those at hand.
const ASKED: usize = 128;

impl Assembler {
    /// Number of partitions, to be handed out to threads.
    pub const PARTITIONS: u32 = PARTITIONS;

    /// Calls `f` with every trace of some partitions, holding together at most about as many bytes of rows as `budget` says of a
    /// partition; where it says less of later ones, the first has most.
    ///
    /// Of the traces that are held together, those that started first come first: what is counted by time is then found
    /// near what was counted before. Partitions are empty afterwards: what was kept for them in memory is needed for the
    /// topology.
    pub fn for_each(
        &mut self,
        traces: &Traces,
        partitions: impl IntoIterator<Item = u32>,
        budget: impl Fn(u32) -> u64,
        mut f: impl FnMut(&Trace<'_>),
    ) -> Result<()> {
        let budget = |partition| budget(partition) / size_of::<SpanRow>() as u64;
        // Growing step by step could take twice as much.
        let rows = budget(0).min(traces.bytes() / size_of::<SpanRow>() as u64);
        self.rows.reserve_exact(rows as usize);
        for partition in partitions {
            let budget = budget(partition);
            let large = traces.large(partition, self.most.0)?;
            let in_large: u64 = large.iter().map(|(_, rows)| rows).sum();
            let len = traces.len(partition) as u64 - in_large;
            if self.rows.len() as u64 + len > budget {
                self.hand_out(&traces.dictionary, &mut f);
            }
            let of = len
                .div_ceil(budget.max(LEAST_ROWS))
                .max(1)
                .next_power_of_two();
            for index in 0..of {
                let (rows, links) = (&mut self.loaded, &mut self.link_rows);
                let large = large.as_slice();
                traces.load(partition, Share::Traces { index, of, large }, rows, links)?;
                self.gather();
                if of > 1 {
                    self.hand_out(&traces.dictionary, &mut f);
                }
            }
            for &(low, n_rows) in &large {
                self.hand_out(&traces.dictionary, &mut f);
                self.in_parts = true;
                let of = n_rows.div_ceil(self.most.0).next_power_of_two();
                for index in 0..of {
                    let (rows, links) = (&mut self.loaded, &mut self.link_rows);
                    traces.load(partition, Share::Spans { low, index, of }, rows, links)?;
                    self.gather();
                    self.hand_out(&traces.dictionary, &mut f);
                }
                self.in_parts = false;
            }
            traces.drop_rows(partition);
        }
        self.hand_out(&traces.dictionary, &mut f);
        Ok(())
    }

    /// Puts the loaded rows of a trace together.
    fn gather(&mut self) {
        self.keys.clear();
        let rows = self.loaded.iter().zip(0..);
        self.keys.extend(rows.map(|(row, i)| (row.trace.low, i)));
        self.keys.sort_unstable_by_key(|key| key.0);
        for of_trace in self.keys.chunk_by_mut(|a, b| a.0 == b.0) {
            let low = of_trace[0].0;
            // Inside a trace the order is that of the span ids.
            for key in of_trace.iter_mut() {
                key.0 = self.loaded[key.1 as usize].span.0;
            }
            of_trace.sort_unstable_by_key(|key| key.0);
            let from = self.rows.len();
            let rows = of_trace.iter().map(|key| self.loaded[key.1 as usize]);
            self.rows.extend(rows);
            let rows = &self.rows[from..];
            let timed = rows.iter().filter(|row| !row.flags.has(Flags::NO_START));
            self.heads.push(Head {
                start: timed.map(|row| row.start).min().unwrap_or(0),
                low,
                from,
                len: rows.len(),
            });
        }
        self.loaded.clear();
    }

    /// Calls `f` with every trace at hand.
    fn hand_out(&mut self, dictionary: &Dictionary, f: &mut impl FnMut(&Trace<'_>)) {
        self.link_rows.sort_unstable();
        let mut heads = std::mem::take(&mut self.heads);
        let mut rows = std::mem::take(&mut self.rows);
        heads.sort_unstable();
        for (n, head) in heads.iter().enumerate() {
            if let Some(soon) = heads.get(n + AHEAD) {
                let rows = rows[soon.from..soon.from + soon.len].iter();
                rows.take(ASKED).for_each(ask_for);
            }
            let rows = &mut rows[head.from..head.from + head.len];
            self.group(head.low, rows, dictionary, f);
        }
        heads.clear();
        rows.clear();
        self.heads = heads;
        self.rows = rows;
        self.link_rows.clear();
    }

    /// The rows agree in the lower half of the trace id: usually one trace.
    fn group(
        &mut self,
        low: u64,
        rows: &mut [SpanRow],
        dictionary: &Dictionary,
        f: &mut impl FnMut(&Trace<'_>),
    ) {
        let first = rows[0].trace.high;
        if rows.iter().all(|row| row.trace.high == first) {
            self.one(TraceId { high: first, low }, rows, dictionary, f);
            return;
        }
        let mut highs: Vec<u64> = rows.iter().map(|row| row.trace.high).collect();
        highs.sort_unstable();
        highs.dedup();
        if highs.len() == 2 && highs[0] == 0 {
            let high = highs[1];
            self.one(TraceId { high, low }, rows, dictionary, f);
            return;
        }
        for high in highs {
            let of_high = rows.iter().filter(|row| row.trace.high == high);
            let mut of_high: Vec<SpanRow> = of_high.copied().collect();
            self.one(TraceId { high, low }, &mut of_high, dictionary, f);
        }
    }

    /// Builds one trace of spans sorted by span id and hands it out.
    fn one(
        &mut self,
        id: TraceId,
        spans: &mut [SpanRow],
        dictionary: &Dictionary,
        f: &mut impl FnMut(&Trace<'_>),
    ) {
        let before = spans.len();
        let spans = merge_copies(spans, dictionary);
        let duplicates = (before - spans.len()) as u32;
        self.links.clear();
        let of_trace = |high: u64| {
            let key = TraceId { high, low: id.low };
            let from = self.link_rows.partition_point(|link| link.trace < key);
            self.link_rows[from..]
                .iter()
                .take_while(move |link| link.trace == key)
        };
        let has_links = |row: &SpanRow| row.flags.has(Flags::LINKS) || row.flags.has(Flags::MARKS);
        if spans.iter().any(has_links) {
            self.links.extend(of_trace(id.high));
            if id.high != 0 {
                self.links.extend(of_trace(0));
            }
        }
        for link in &mut self.links {
            // Both halves of the trace id are known now, also to those that spelled it in 64 bits.
            link.trace = id;
        }
        self.links
            .sort_unstable_by_key(|link| (link.is_mark(), *link));
        self.links.dedup();
        let n_links = self.links.partition_point(|link| !link.is_mark());
        let (links, marks) = self.links.split_at(n_links);
        self.tree.build(spans);
        f(&Trace {
            id,
            spans,
            parents: &self.tree.parents,
            attachments: &self.tree.attachments,
            order: &self.tree.order,
            links,
            marks,
            duplicates,
            is_part: self.in_parts,
            child_offsets: &self.tree.offsets,
            child_list: &self.tree.list,
        });
    }
}

/// Merges rows that are copies of one span: same id, kind and service; returns those that are left. Rows are sorted by
/// span id.
fn merge_copies<'a>(rows: &'a mut [SpanRow], dictionary: &Dictionary) -> &'a [SpanRow] {
    if rows.windows(2).all(|pair| pair[0].span != pair[1].span) {
        return rows;
    }
    let mut spans = rows.to_vec();
    let identity = |row: &SpanRow| {
        (
            row.span,
            row.flags.kind(),
            dictionary.service_of[row.resource as usize],
        )
    };
    spans.sort_unstable_by_key(|row| (identity(row), *row));
    spans.dedup_by(|copy, kept| {
        if identity(copy) != identity(kept) {
            return false;
        }
        if kept.flags.has(Flags::NO_START)
            || (!copy.flags.has(Flags::NO_START) && copy.start < kept.start)
        {
            kept.start = copy.start;
        }
        kept.flags = kept.flags.merged(copy.flags);
        kept.duration = kept.duration.max(copy.duration);
        kept.parent = kept.parent.max(copy.parent);
        kept.resource = kept.resource.max(copy.resource);
        kept.operation = kept.operation.max(copy.operation);
        kept.detail = kept.detail.max(copy.detail);
        true
    });
    let left = &mut rows[..spans.len()];
    left.copy_from_slice(&spans);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lexicon::Lexicon;
    use crate::model::span::Kind;

    fn row(id: u64, parent: u64, kind: Kind) -> SpanRow {
        SpanRow {
            trace: TraceId { high: 0, low: 7 },
            span: SpanId(id),
            parent: SpanId(parent),
            flags: Flags::new(kind, Default::default(), Default::default(), 0),
            ..SpanRow::default()
        }
    }

    /// Draws the tree: each span with its parent, `-` for a root, `?` for a missing parent, `!` for a cut cycle.
    fn check(mut rows: Vec<SpanRow>, expected: &str) {
        let (dictionary, _) = Lexicon::default().close();
        for round in 0..2 {
            let mut assembler = Assembler {
                loaded: rows.clone(),
                ..Assembler::default()
            };
            let mut drawn = Vec::new();
            assembler.gather();
            assembler.hand_out(&dictionary, &mut |trace| {
                for (i, span) in trace.spans.iter().enumerate() {
                    let parent = match trace.attachments[i] {
                        Attachment::Root => "-".to_owned(),
                        Attachment::Child => {
                            let parent = &trace.spans[trace.parents[i] as usize];
                            format!("{}{:?}", parent.span.0, parent.flags.kind())
                                .chars()
                                .take(2)
                                .collect()
                        }
                        Attachment::MissingParent => "?".to_owned(),
                        Attachment::Cycle => "!".to_owned(),
                    };
                    drawn.push(format!("{}<{parent}", span.span.0));
                }
                if trace.duplicates > 0 {
                    drawn.push(format!("+{}", trace.duplicates));
                }
                assert_eq!(trace.order.len(), trace.spans.len());
            });
            assert_eq!(drawn.join(" "), expected, "round {round}");
            rows.reverse();
        }
    }

    #[test]
    fn parents_are_found_and_missing_ones_do_not_join_siblings() {
        use Kind::{Client, Internal, Server};
        check(
            vec![
                row(1, 0, Server),
                row(2, 1, Client),
                row(3, 2, Server),
                row(4, 9, Internal),
                row(5, 9, Internal),
            ],
            "1<- 2<1S 3<2C 4<? 5<?",
        );
    }

    #[test]
    fn shared_ids_put_the_caller_above_the_callee() {
        use Kind::{Client, Server};
        check(
            vec![
                row(1, 0, Server),
                row(2, 1, Client),
                row(2, 1, Server),
                row(3, 2, Client),
            ],
            "1<- 2<2C 2<1S 3<2S",
        );
        // The caller's copy left before its parent was known.
        check(
            vec![row(1, 0, Server), row(2, 0, Client), row(2, 1, Server)],
            "1<- 2<2C 2<1S",
        );
    }

    #[test]
    fn copies_count_once_and_cycles_are_cut_at_the_smallest() {
        use Kind::Internal;
        check(
            vec![
                row(1, 0, Internal),
                row(1, 0, Internal),
                row(2, 1, Internal),
            ],
            "1<- 2<1I +1",
        );
        check(
            vec![
                row(1, 3, Internal),
                row(2, 1, Internal),
                row(3, 2, Internal),
                row(4, 3, Internal),
            ],
            "1<! 2<1I 3<2I 4<3I",
        );
        check(vec![row(1, 1, Internal), row(2, 1, Internal)], "1<! 2<1I");
    }

    #[test]
    fn both_spellings_of_a_trace_id_meet() {
        use Kind::Internal;
        let long = |mut row: SpanRow| {
            row.trace.high = 5;
            row
        };
        check(
            vec![row(1, 0, Internal), long(row(2, 1, Internal))],
            "1<- 2<1I",
        );
        let other = |mut row: SpanRow| {
            row.trace.high = 6;
            row
        };
        check(
            vec![
                row(1, 0, Internal),
                long(row(2, 1, Internal)),
                other(row(3, 1, Internal)),
            ],
            "1<- 2<? 3<?",
        );
    }

    #[test]
    fn a_trace_too_large_to_be_held_comes_in_parts_that_keep_calls_whole() {
        use crate::trace::intake::Intake;
        use crate::trace::store::partition;
        let hand_out = |most: u64| {
            let mut intake = Intake::default();
            let mut push = |mut row: SpanRow, low: u64| {
                row.trace.low = low;
                intake.spans.push(partition(low), row).unwrap();
            };
            for call in 1..=500 {
                push(row(call, call / 7 + 10_000, Kind::Client), 7);
                push(row(call + 10_000, call, Kind::Server), 7);
            }
            // Other traces of the same partition.
            for low in (8..100_000).filter(|low| partition(*low) == partition(7)) {
                push(row(1, 0, Kind::Server), low);
            }
            let traces = Traces::new(vec![intake]);
            let mut assembler = Assembler {
                most: Most(most),
                ..Assembler::default()
            };
            let (mut parts, mut pairs, mut spans, mut others) = (0, 0, Vec::new(), 0);
            let f = |trace: &Trace<'_>| {
                if trace.id.low != 7 {
                    assert!(!trace.is_part);
                    others += 1;
                    return;
                }
                parts += usize::from(trace.is_part);
                assert!(trace.spans.len() as u64 <= 2 * most);
                let kind = |span: u32| trace.spans[span as usize].flags.kind();
                let servers = (0u32..).zip(trace.parents);
                let servers = servers.filter(|(span, _)| kind(*span) == Kind::Server);
                pairs += servers
                    .filter(|(_, parent)| **parent != crate::trace::NONE)
                    .count();
                spans.extend(trace.spans.iter().map(|row| row.span.0));
            };
            assembler
                .for_each(&traces, 0..Assembler::PARTITIONS, |_| 1 << 20, f)
                .unwrap();
            spans.sort_unstable();
            assert!(spans.windows(2).all(|pair| pair[0] < pair[1]));
            (parts, pairs, spans.len(), others)
        };
        let (parts, pairs, spans, others) = hand_out(1 << 17);
        assert_eq!((parts, pairs, spans), (0, 500, 1000));
        assert!(others > 50);
        assert_eq!(hand_out(300), (4, 500, 1000, others));
    }
}
