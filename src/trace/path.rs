//! The critical path of a trace: which span the end of the root waited for, at every moment.
//!
//! Definition: walk down from each root; a child is clamped to its parent's clamped interval, empty and
//! asynchronous children are dropped; walk backwards from the parent's end `cur`, taking the children by (end
//! descending, start descending, id) that end at or before `cur`; the gap between the child's end and `cur` is the
//! parent's own; go on from the child's start. What is left before the first child is the parent's own. Intervals
//! are half-open, so the segments tile the root exactly.
//!
//! How much earlier the root would end if a span on the path took no time is at most its own time, and at most what its
//! siblings, and those of the spans above it, leave: where another call of its parent ends `d` before it, the parent waits for that
//! one and no more than `d` is saved. Pauses between siblings are taken to stay.
//!
//! *Slack* is how much longer a span off the path could have taken before its parent would have waited for it: until the sibling on
//! the path ends during which it ended. Below a span off the path there is a path too, of what that span waited for: what is on it
//! has the slack of the span, what is off it has its own besides, as the total float of the critical path method (Kelley,
//! Operations Research 1961).
//!
//! Times are those of the clock of the trace's first span, as far as the calls of the trace prove that another clock differs from
//! it (see `clocks`): without that, all that a host did whose clock is off would lie outside of whoever waited for it.
//!
//! This is the definition of CRISP (Zhang et al., ATC 2022) and Jaeger but for two things: a child that ends exactly
//! when the next one starts is kept, and clamping is top-down, so the result does not depend on an order of
//! iteration. O(n log n) in the spans of a trace.

use crate::model::SpanRow;
use crate::model::dictionary::Dictionary;
use crate::model::span::{Flags, Kind};
use crate::trace::clocks::Clocks;
use crate::trace::link::Meaning;
use crate::trace::{Attachment, Trace};

/// The critical paths of a trace, one per root.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// Time on the path spent in the span itself, by span.
    pub own: &'a [u64],
    /// Time on the path spent in the span and below it, by span.
    pub total: &'a [u64],
    /// The most that the end of the root would move forward if the span took no time, by span; zero off the path.
    pub saved: &'a [u64],
    /// How much longer the span could have taken without being on the path, by span; [`NO_SLACK`] on the path and where nobody waits.
    pub slack: &'a [u64],
    /// How far the clock of each span is ahead; empty when no clock is.
    pub(in crate::trace) ahead: &'a [i64],
}

impl Paths<'_> {
    /// Returns how far the clock of a span was found ahead of that of the trace's first span.
    #[inline]
    pub fn ahead(&self, span: u32) -> i64 {
        self.ahead.get(span as usize).copied().unwrap_or(0)
    }

    /// Returns whether the clock of some span was set right.
    #[inline]
    pub fn is_set_right(&self) -> bool {
        !self.ahead.is_empty()
    }
}

/// Finds critical paths; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub struct Path {
    own: Vec<u64>,
    total: Vec<u64>,
    saved: Vec<u64>,
    slack: Vec<u64>,
    /// How far the clock of each span is ahead; empty when no clock is.
    ahead: Vec<i64>,
    clocks: Clocks,
    stack: Vec<Part>,
    children: Vec<(u64, u64, u32)>,
    next: Vec<u64>,
}

/// The slack of a span that has none: it is on the path, or nobody waits for it.
pub const NO_SLACK: u64 = u64::MAX;

/// A span, and from when to when those above it leave it time.
#[derive(Clone, Copy, Debug)]
struct Part {
    span: u32,
    from: u64,
    to: u64,
    /// The most that the end of the root would move forward without the span.
    most: u64,
    /// [`NO_SLACK`] on the path.
    slack: u64,
}

/// Returns what a clock shows that is not ahead, when one that is shows a time.
#[inline]
pub fn set_right(time: u64, ahead: i64) -> u64 {
    time.saturating_add_signed(ahead.saturating_neg())
}

/// Returns whether a span is work of its own that its parent may wait for in place of a sibling. What happens inside a service beside a
/// call is often the same call seen by another library.
pub(in crate::trace) fn holds(row: &SpanRow) -> bool {
    matches!(row.flags.kind(), Kind::Client | Kind::Server)
}

impl Path {
    /// Returns the paths of the trace that was looked at last.
    pub fn paths(&self) -> Paths<'_> {
        Paths {
            own: &self.own,
            total: &self.total,
            saved: &self.saved,
            slack: &self.slack,
            ahead: &self.ahead,
        }
    }

    /// Finds the paths of a trace, by clocks that are set right where its calls prove that they differ.
    pub fn read(&mut self, trace: &Trace<'_>, linked: &Meaning<'_>, dictionary: &Dictionary) {
        let mut ahead = std::mem::take(&mut self.ahead);
        self.clocks.find(trace, linked, dictionary, &mut ahead);
        let waits = |span: u32| linked.waits[span as usize];
        if ahead.is_empty() {
            self.compute(trace, waits);
        } else {
            let set_right = |span: u32| {
                let start = trace.spans[span as usize].start;
                set_right(start, ahead[span as usize])
            };
            self.follow(trace, waits, set_right);
        }
        self.ahead = ahead;
    }

    /// Computes the paths of a trace by its clocks as they are; `waits` says whether the parent of a span waits for it.
    pub fn compute(&mut self, trace: &Trace<'_>, waits: impl Fn(u32) -> bool) {
        self.ahead.clear();
        self.follow(trace, waits, |span| trace.spans[span as usize].start);
    }

    fn follow(
        &mut self,
        trace: &Trace<'_>,
        waits: impl Fn(u32) -> bool,
        start_of: impl Fn(u32) -> u64,
    ) {
        let n = trace.spans.len();
        self.own.clear();
        self.own.resize(n, 0);
        self.total.clear();
        self.total.resize(n, 0);
        self.saved.clear();
        self.saved.resize(n, 0);
        self.slack.clear();
        self.slack.resize(n, NO_SLACK);
        for (i, attachment) in trace.attachments.iter().enumerate() {
            let row = &trace.spans[i];
            if *attachment == Attachment::Root && !row.flags.has(Flags::NO_START) {
                let start = start_of(i as u32);
                let end = start.saturating_add(row.duration);
                self.stack.push(Part {
                    span: i as u32,
                    from: start,
                    to: end,
                    most: u64::MAX,
                    slack: NO_SLACK,
                });
            }
        }
        while let Some(part) = self.stack.pop() {
            let Part {
                span,
                from,
                to,
                most,
                slack,
            } = part;
            let is_on_path = slack == NO_SLACK;
            if is_on_path {
                self.total[span as usize] = to - from;
            }
            self.slack[span as usize] = slack;
            self.children.clear();
            for &child in trace.children(span) {
                let row = &trace.spans[child as usize];
                if row.flags.has(Flags::NO_START) || !waits(child) {
                    continue;
                }
                let began = start_of(child);
                let end = began.saturating_add(row.duration).min(to);
                let start = began.max(from);
                if start < end {
                    self.children.push((end, start, child));
                }
            }
            if self.children.len() > 1 {
                self.children
                    .sort_unstable_by(|a, b| (b.0, b.1, a.2).cmp(&(a.0, a.1, b.2)));
            }
            let mut current = to;
            let mut latest = to;
            let mut own = 0;
            // By child, when the next of its siblings that is a call of its own ends.
            self.next.clear();
            self.next.resize(self.children.len(), 0);
            let mut held = 0;
            for (next, &(end, _, child)) in self.next.iter_mut().zip(&self.children).rev() {
                *next = held;
                if holds(&trace.spans[child as usize]) {
                    held = end;
                }
            }
            for (&(end, start, child), &next) in self.children.iter().zip(&self.next) {
                let mut part = Part {
                    span: child,
                    from: start,
                    to: end,
                    most: most.min(end - start.max(next)),
                    slack,
                };
                if end <= current {
                    own += current - end;
                    (current, latest) = (start, end);
                } else {
                    let beyond = if is_on_path { 0 } else { slack };
                    part.slack = beyond.saturating_add(latest - end).min(NO_SLACK - 1);
                }
                self.stack.push(part);
            }
            own += current - from;
            if is_on_path {
                self.own[span as usize] = own;
                self.saved[span as usize] = own.min(most);
            }
        }
    }
}
