//! Traces that wait until passes look at them.
//!
//! Passes look at some traces one after the other, pass by pass, those that look alike together: they are counted in the same
//! records, which then stay in cache, as the code of the pass does.

use crate::fold::watch::Signs;
use crate::trace::assemble::Kept;
use crate::trace::link::Linked;
use crate::trace::path::Path;
use crate::trace::{NONE, Trace};

/// Spans that wait at most, unless one trace has more: about 3 MB.
const SPANS: usize = 1 << 13;

/// A trace with more spans does not keep its space for the next: sooner or later every place would have seen one, and all of
/// them together would hold many times what waits.
const LARGE: usize = 32;

/// Traces with what their spans mean.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The first `n_traces` are in use, the space of the others is.
    traces: Vec<Watched>,
    /// Whether passes look at the traces.
    is_watched: bool,
    n_traces: usize,
    n_spans: usize,
}

/// One trace that waits.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) trace: Kept,
    pub(super) linked: Linked,
    pub(super) path: Path,
    pub(super) tops: Tops,
    pub(super) signs: Signs,
    /// Traces with the same number or near ones look alike: who was asked what, and how long it took.
    pub(super) likeness: u64,
}

impl Waiting {
    /// Returns room for traces at which passes look, or none does.
    pub(super) fn new(is_watched: bool) -> Waiting {
        Waiting {
            is_watched,
            ..Waiting::default()
        }
    }

    /// Takes a trace in; what its spans mean is exchanged for space of the same kind.
    pub(super) fn push(&mut self, trace: &Trace<'_>, linked: &mut Linked, path: &mut Path) {
        if self.n_traces == self.traces.len() {
            self.traces.push(Watched::default());
        }
        let place = &mut self.traces[self.n_traces];
        place.trace.keep(trace);
        if self.is_watched {
            place.tops.find(trace);
            place.signs = Signs::of(trace, linked);
            place.likeness = likeness(trace, linked);
        }
        std::mem::swap(&mut place.linked, linked);
        std::mem::swap(&mut place.path, path);
        self.n_traces += 1;
        self.n_spans += trace.spans.len();
    }

    /// Returns whether it is time to look at the traces.
    pub(super) fn is_full(&self) -> bool {
        self.n_spans >= SPANS
    }

    /// Returns the traces, in the order in which they came.
    pub(super) fn traces(&self) -> &[Watched] {
        &self.traces[..self.n_traces]
    }

    /// Lets all traces go.
    pub(super) fn clear(&mut self) {
        let is_small = |watched: &Watched| watched.trace.trace().spans.len() <= LARGE;
        self.traces.retain(is_small);
        self.n_traces = 0;
        self.n_spans = 0;
    }
}

fn likeness(trace: &Trace<'_>, linked: &Linked) -> u64 {
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

/// Which spans are topmost, and what lies below them.
#[derive(Debug, Default)]
pub(super) struct Tops {
    /// The topmost span above each span.
    pub(super) of: Vec<u32>,
    /// The spans, those below one topmost span together, in the order of their ids.
    pub(super) spans: Vec<u32>,
    /// Where in `spans` those below each topmost span begin; one more than there are spans.
    pub(super) begins: Vec<u32>,
}

impl Tops {
    fn find(&mut self, trace: &Trace<'_>) {
        let n = trace.spans.len();
        self.of.clear();
        self.of.resize(n, NONE);
        self.begins.clear();
        self.begins.resize(n + 1, 0);
        for &span in trace.order {
            let top = match trace.parents[span as usize] {
                NONE => span,
                parent => self.of[parent as usize],
            };
            self.of[span as usize] = top;
            self.begins[top as usize] += 1;
        }
        // From counts to where each ends, and by filling from behind to where each begins.
        let mut end = 0;
        for begin in &mut self.begins {
            end += *begin;
            *begin = end;
        }
        self.spans.clear();
        self.spans.resize(end as usize, 0);
        for (span, &top) in self.of.iter().enumerate().rev() {
            let begin = &mut self.begins[top as usize];
            *begin -= 1;
            self.spans[*begin as usize] = span as u32;
        }
    }
}
