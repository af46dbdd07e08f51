//! Traces that wait until passes look at them.
//!
//! Passes look at some traces one after the other, pass by pass, those that look alike together: they are counted in the same
//! records, which then stay in cache, as the code of the pass does.

use crate::fold::watch::{Known, Seen, Signs};
use crate::policy::Policy;
use crate::trace::kept::Kept;
use crate::trace::link::{Linked, Meaning};
use crate::trace::lists::Lists;
use crate::trace::path::Path;
use crate::trace::{NONE, Trace};

/// Spans that wait at most, unless one trace has more: about 1.5 MB.
const SPANS: usize = 1 << 12;

/// Traces with what their spans mean.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    kept: Kept,
    /// Whether passes look at the traces; nothing but `kept` is known otherwise.
    is_watched: bool,
    tops: Tops,
    signs: Vec<Signs>,
    /// Traces with the same number or near ones look alike: who was asked what, and how long it took.
    likeness: Vec<u64>,
}

impl Waiting {
    /// Returns room for traces at which passes look, or none does.
    pub(super) fn new(is_watched: bool) -> Waiting {
        Waiting {
            is_watched,
            ..Waiting::default()
        }
    }

    /// Takes a trace in, with what its spans mean and its critical paths.
    pub(super) fn push(&mut self, trace: &Trace<'_>, linked: &Linked, path: &Path) {
        self.kept.keep(trace, linked, path);
        if self.is_watched {
            let linked = linked.meaning();
            self.tops.find(trace);
            self.signs.push(Signs::of(trace, &linked));
            self.likeness.push(likeness(trace, &linked));
        }
    }

    /// Returns whether it is time to look at the traces.
    pub(super) fn is_full(&self) -> bool {
        self.kept.n_spans() >= SPANS
    }

    /// Returns the traces, those that look alike together if passes look at them.
    pub(super) fn traces<'s>(&'s self, known: Known<'s>, policy: &'s Policy) -> Vec<Seen<'s>> {
        let mut order: Vec<(u64, u32)> = Vec::with_capacity(self.kept.len());
        let likeness = |n: u32| self.likeness.get(n as usize).copied().unwrap_or_default();
        order.extend((0..self.kept.len() as u32).map(|n| (likeness(n), n)));
        order.sort_unstable();
        let seen = |&(_, n): &(u64, u32)| {
            let n = n as usize;
            let (trace, linked, path) = self.kept.get(n);
            let (tops, by_top, begins) = match self.is_watched {
                true => self.tops.get(n),
                false => Default::default(),
            };
            Seen {
                trace,
                dictionary: known.dictionary,
                catalogue: known.catalogue,
                linked,
                path,
                signs: self.signs.get(n).copied().unwrap_or_default(),
                tops,
                by_top,
                begins,
                policy,
            }
        };
        order.iter().map(seen).collect()
    }

    /// Lets all traces go.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.tops.clear();
        self.signs.clear();
        self.likeness.clear();
    }
}

fn likeness(trace: &Trace<'_>, linked: &Meaning<'_>) -> u64 {
    let first = linked.entries.first().map(|(entry, _)| *entry);
    let Some(top) = first.or_else(|| trace.order.first().copied()) else {
        return 0;
    };
    let row = &trace.spans[top as usize];
    // Sixteen for every doubling of the duration, in the order of durations.
    let log = u64::from(row.duration.max(16).ilog2());
    let duration = log << 4 | row.duration.max(16) >> (log - 4) & 15;
    u64::from(row.operation) << 32
        | u64::from(linked.services[top as usize] & 0xffff) << 16
        | duration
}

/// Which spans of each trace are topmost, and what lies below them.
#[derive(Debug, Default)]
struct Tops {
    of: Lists<u32>,
    spans: Lists<u32>,
    begins: Lists<u32>,
}

impl Tops {
    /// Adds a trace.
    fn find(&mut self, trace: &Trace<'_>) {
        let n = trace.spans.len();
        let of = self.of.push_filled(n, NONE);
        let begins = self.begins.push_filled(n + 1, 0);
        for &span in trace.order {
            let top = match trace.parents[span as usize] {
                NONE => span,
                parent => of[parent as usize],
            };
            of[span as usize] = top;
            begins[top as usize] += 1;
        }
        // From counts to where each ends, and by filling from behind to where each begins.
        let mut end = 0;
        for begin in &mut *begins {
            end += *begin;
            *begin = end;
        }
        let spans = self.spans.push_filled(end as usize, 0);
        for (span, &top) in of.iter().enumerate().rev() {
            let begin = &mut begins[top as usize];
            *begin -= 1;
            spans[*begin as usize] = span as u32;
        }
    }

    /// Returns of a trace what [`Seen`] knows of its topmost spans.
    fn get(&self, n: usize) -> (&[u32], &[u32], &[u32]) {
        (self.of.get(n), self.spans.get(n), self.begins.get(n))
    }

    fn clear(&mut self) {
        self.of.clear();
        self.spans.clear();
        self.begins.clear();
    }
}
