//! What happened before what in a trace, without any wall clock that two hosts would have to share.
//!
//! Terms: every span has two events, its start and its end. One event *happened before* another (Lamport, CACM 21(7),
//! 1978) if a chain of these leads from one to the other:
//!
//! - a span starts before it ends, and before its children start;
//! - a child that its parent waited for ended before the parent: a called side before its caller if both ended well or both failed
//!   in the same way (who gave up or was cancelled says so) and the called side did not last longer, work inside a process if it
//!   ended first by the clock of that process;
//! - of two children of one span in the process of that span, the one that ended before the other started, by the
//!   clock of that process;
//! - a message is sent before it is taken.
//!
//! What no chain connects is concurrent: it may have happened in either order, whatever its times say.
//!
//! The children of a span in its process are ordered by a line of time: an end leads onto it, it leads to later starts, and so
//! k children need 3 k arcs. Building takes O(n log n) in the spans of a trace, a question O(n).

use std::ops::Range;

use crate::model::span::{Flags, Kind, Outcome};
use crate::trace::link::{Call, Meaning};
use crate::trace::{NONE, Trace};

/// How two spans of a trace stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The first ended before the second started.
    Before,
    /// The second ended before the first started.
    After,
    /// The first started before the second, and may have gone on.
    Leads,
    /// The second started before the first, and may have gone on.
    Follows,
    /// Nothing connects them.
    Concurrent,
}

/// The order of the events of a trace, of none at first; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub struct Order {
    n_spans: usize,
    /// The starts and ends of spans come first, then those on lines of time.
    n_events: usize,
    /// What comes directly after what, as it was found.
    arcs: Vec<(u32, u32)>,
    /// Where the arcs of each event begin in `to`.
    offsets: Vec<u32>,
    to: Vec<u32>,
    /// Starts and ends of the children of one span.
    moments: Vec<(u64, bool, u32)>,
    /// What a question came across, and what it has not gone on from.
    seen: Vec<bool>,
    open: Vec<u32>,
}

fn start(span: u32) -> u32 {
    2 * span
}

/// Returns the number of the event that is the end of a span.
pub fn end(span: u32) -> u32 {
    2 * span + 1
}

impl Order {
    /// Finds the order of a trace.
    pub fn read(&mut self, trace: &Trace<'_>, linked: &Meaning<'_>) {
        self.n_spans = trace.spans.len();
        self.arcs.clear();
        for span in 0..self.n_spans as u32 {
            self.arcs.push((start(span), end(span)));
            let parent = trace.parents[span as usize];
            if parent != NONE {
                self.arcs.push((start(parent), start(span)));
                if is_inside(trace, linked, parent, span) {
                    self.arcs.push((end(span), end(parent)));
                }
            }
        }
        let messages = linked.calls.iter().filter(|call| is_message(trace, call));
        let taken = messages.map(|call| (start(call.client), start(call.server)));
        self.arcs.extend(taken);
        self.n_events = 2 * self.n_spans;
        for span in 0..self.n_spans as u32 {
            self.add_line_of_time(trace, span);
        }
        self.sort_arcs();
    }

    /// Orders the children of a span in its process by time.
    fn add_line_of_time(&mut self, trace: &Trace<'_>, parent: u32) {
        let children = trace.children(parent);
        if children.len() < 2 {
            return;
        }
        // At one time ends come before starts.
        self.moments.clear();
        for &child in children {
            if is_local(trace, parent, child)
                && let Some((from, to)) = times(trace, child)
                && from < to
            {
                self.moments.push((to, false, child));
                self.moments.push((from, true, child));
            }
        }
        self.moments.sort_unstable();
        let first = self.n_events as u32;
        for (at, (_, is_start, child)) in (first..).zip(&self.moments) {
            if at > first {
                self.arcs.push((at - 1, at));
            }
            if *is_start {
                self.arcs.push((at, start(*child)));
            } else {
                self.arcs.push((end(*child), at));
            }
        }
        self.n_events += self.moments.len();
    }

    /// Puts the arcs of each event together.
    fn sort_arcs(&mut self) {
        self.offsets.clear();
        self.offsets.resize(self.n_events + 2, 0);
        for (from, _) in &self.arcs {
            self.offsets[*from as usize + 2] += 1;
        }
        for at in 2..self.offsets.len() {
            self.offsets[at] += self.offsets[at - 1];
        }
        self.to.clear();
        self.to.resize(self.arcs.len(), 0);
        for (from, to) in &self.arcs {
            // Where the arcs of an event begin becomes where they end, which is where those of the next begin.
            let at = &mut self.offsets[*from as usize + 1];
            self.to[*at as usize] = *to;
            *at += 1;
        }
    }

    /// Returns how two spans stand to each other.
    ///
    /// Messages that seem to be taken before they are sent can make two spans happen before each other; those are concurrent.
    pub fn relation(&mut self, first: u32, second: u32) -> Relation {
        let [leads, follows] = [(first, second), (second, first)]
            .map(|(one, other)| self.reaches(start(one), start(other)));
        match (leads, follows) {
            (true, false) if self.ends_before(first, second) => Relation::Before,
            (true, false) => Relation::Leads,
            (false, true) if self.ends_before(second, first) => Relation::After,
            (false, true) => Relation::Follows,
            (_, _) => Relation::Concurrent,
        }
    }

    /// Returns whether the first of two spans may have ended before the second started, in a trace that need not have been read: false is
    /// sure if [no message](has_messages) connects its spans. O(n).
    pub fn may_end_before(&mut self, trace: &Trace<'_>, first: u32, second: u32) -> bool {
        self.seen.clear();
        self.seen.resize(trace.spans.len(), false);
        let mut at = first;
        while at != NONE {
            self.seen[at as usize] = true;
            at = trace.parents[at as usize];
        }
        let (mut common, mut above_second) = (second, NONE);
        while common != NONE && !self.seen[common as usize] {
            above_second = common;
            common = trace.parents[common as usize];
        }
        let (mut at, mut above_first) = (first, NONE);
        while at != common && at != NONE {
            above_first = at;
            at = trace.parents[at as usize];
        }
        if [common, above_first, above_second].contains(&NONE) {
            return false;
        }
        let are_local = [above_first, above_second].map(|of| is_local(trace, common, of));
        let times = [above_first, above_second].map(|of| times(trace, of));
        match (are_local, times) {
            ([true, true], [Some((_, ended)), Some((started, _))]) => ended <= started,
            (_, _) => false,
        }
    }

    /// Returns whether the first span ended before the second started.
    pub fn ends_before(&mut self, first: u32, second: u32) -> bool {
        self.reaches(end(first), start(second))
    }

    fn next(&self, event: u32) -> Range<usize> {
        let event = event as usize;
        self.offsets[event] as usize..self.offsets[event + 1] as usize
    }

    fn reaches(&mut self, from: u32, to: u32) -> bool {
        self.seen.clear();
        self.seen.resize(self.n_events, false);
        self.open.clear();
        self.open.push(from);
        while let Some(event) = self.open.pop() {
            if event == to {
                return true;
            }
            if !std::mem::replace(&mut self.seen[event as usize], true) {
                let next = self.next(event);
                self.open.extend_from_slice(&self.to[next]);
            }
        }
        false
    }

    /// Returns Lamport's number of each event, the start and the end of the first span, of the second, and so on: more than that of
    /// everything that happened before it, which does not mean that everything with a smaller number did. Events on a cycle of
    /// messages have no more than the events before the cycle give them.
    pub fn ranks(&self) -> Vec<u32> {
        let mut waiting_for = vec![0u32; self.n_events];
        for to in &self.to {
            waiting_for[*to as usize] += 1;
        }
        let mut ranks = vec![0u32; self.n_events];
        let mut open: Vec<u32> = (0..self.n_events as u32)
            .filter(|event| waiting_for[*event as usize] == 0)
            .collect();
        while let Some(event) = open.pop() {
            let is_of_span = (event as usize) < 2 * self.n_spans;
            let rank = ranks[event as usize] + u32::from(is_of_span);
            for &to in &self.to[self.next(event)] {
                let to = to as usize;
                ranks[to] = ranks[to].max(rank);
                waiting_for[to] -= 1;
                if waiting_for[to] == 0 {
                    open.push(to as u32);
                }
            }
        }
        ranks.truncate(2 * self.n_spans);
        ranks
    }
}

/// Returns whether a call is a message that leads from one part of the tree to another.
fn is_message(trace: &Trace<'_>, call: &Call) -> bool {
    let is_message = !call.sync && call.client != NONE && call.server != NONE;
    is_message && trace.parents[call.server as usize] != call.client
}

/// Returns whether messages lead from one part of the tree of a trace to another.
pub fn has_messages(trace: &Trace<'_>, linked: &Meaning<'_>) -> bool {
    linked.calls.iter().any(|call| is_message(trace, call))
}

/// Returns start and end of a span, if it has both.
fn times(trace: &Trace<'_>, span: u32) -> Option<(u64, u64)> {
    let row = &trace.spans[span as usize];
    let is_timed = !row.flags.has(Flags::NO_START)
        && !row.flags.has(Flags::NO_END)
        && !row.flags.has(Flags::NEGATIVE);
    is_timed.then(|| (row.start, row.start.saturating_add(row.duration)))
}

/// Returns whether a span ran in the process of its parent.
fn is_local(trace: &Trace<'_>, parent: u32, span: u32) -> bool {
    let (above, row) = (&trace.spans[parent as usize], &trace.spans[span as usize]);
    let comes_from_outside = matches!(row.flags.kind(), Kind::Server | Kind::Consumer);
    above.resource == row.resource && !comes_from_outside
}

/// Returns whether a span surely ended before its parent did.
fn is_inside(trace: &Trace<'_>, linked: &Meaning<'_>, parent: u32, span: u32) -> bool {
    let (Some(outer), Some(inner)) = (times(trace, parent), times(trace, span)) else {
        return false;
    };
    if is_local(trace, parent, span) {
        return inner.1 <= outer.1;
    }
    let outcome = |span: u32| trace.spans[span as usize].flags.outcome();
    let is_well = |span: u32| match outcome(span) {
        Outcome::Fine | Outcome::ClientError | Outcome::Redirected => true,
        Outcome::Failed | Outcome::Timeout | Outcome::Unavailable | Outcome::Cancelled => false,
    };
    // Who answers that it is unavailable was there.
    let is_told = matches!(outcome(parent), Outcome::Failed | Outcome::Unavailable);
    let is_answered =
        is_well(parent) && is_well(span) || is_told && outcome(parent) == outcome(span);
    linked.waits[span as usize]
        && trace.spans[parent as usize].flags.kind() == Kind::Client
        && is_answered
        && inner.1 - inner.0 <= outer.1 - outer.0
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::algo::random::Random;
    use crate::trace::drawing::{ORDERS, compare, for_each, spans};

    /// Checks how all pairs of spans stand to each other, one a line; the names are operations, concurrent pairs are left out.
    #[track_caller]
    fn check(drawing: &str, expected: &str) {
        let spans = spans(drawing);
        for reading in 0..ORDERS {
            let mut found = String::new();
            for_each(&spans, reading, |trace, traces, linked| {
                let mut order = Order::default();
                order.read(trace, linked);
                let ranks = order.ranks();
                let name = |span: u32| traces.dictionary.text(trace.spans[span as usize].operation);
                for first in 0..trace.spans.len() as u32 {
                    for second in 0..trace.spans.len() as u32 {
                        let word = match order.relation(first, second) {
                            Relation::Before => "before",
                            Relation::Leads if first != second => "leads",
                            _ => continue,
                        };
                        let [one, other] = [first, second].map(|of| ranks[start(of) as usize]);
                        assert!(one < other);
                        writeln!(found, "{} {word} {}", name(first), name(second)).unwrap();
                    }
                }
            });
            compare(&found, expected, reading);
        }
    }

    #[test]
    fn calls_one_after_the_other_are_ordered_whatever_the_other_clock_says() {
        check(
            "page < page       0..100
               page > a       10..40
                 one < A     510..520
               page > b       50..90
                 two < B       1..20",
            "page leads a
             page leads A
             page leads b
             page leads B
             a leads A
             a before b
             a before B
             A before b
             A before B
             b leads B",
        );
    }

    #[test]
    fn calls_at_once_are_concurrent() {
        check(
            "page < page       0..100
               page > a       10..60
                 one < A      20..30
               page > b       50..90
                 two < B      70..80",
            "page leads a
             page leads A
             page leads b
             page leads B
             a leads A
             b leads B",
        );
    }

    #[test]
    fn a_server_that_its_client_left_goes_on_beside_what_follows() {
        check(
            "page < page       0..100
               page > a       10..40  error=timeout error
                 one < A      11..39
               page > b       50..90",
            "page leads a
             page leads A
             page leads b
             a leads A
             a before b",
        );
    }

    #[test]
    fn messages_are_sent_before_they_are_taken() {
        check(
            "shop < order      0..100
               shop >> send   10..20  op=send dest=kafka/orders #sent
             mail << mail      5..9   op=process dest=kafka/orders link=sent",
            "order leads send orders
             order leads process orders
             send orders leads process orders",
        );
    }

    /// Returns whether one event reaches another by arcs between all pairs of siblings.
    fn closure(trace: &Trace<'_>, linked: &Meaning<'_>) -> Vec<bool> {
        let n = 2 * trace.spans.len();
        let mut reaches = vec![false; n * n];
        let mut arc = |from: u32, to: u32| reaches[from as usize * n + to as usize] = true;
        for span in 0..trace.spans.len() as u32 {
            arc(start(span), start(span));
            arc(end(span), end(span));
            arc(start(span), end(span));
            let parent = trace.parents[span as usize];
            if parent == NONE {
                continue;
            }
            arc(start(parent), start(span));
            if is_inside(trace, linked, parent, span) {
                arc(end(span), end(parent));
            }
            for &other in trace.children(parent) {
                let both_local = is_local(trace, parent, span) && is_local(trace, parent, other);
                if let (Some(one), Some(two)) = (times(trace, span), times(trace, other))
                    && both_local
                    && one.0 < one.1
                    && two.0 < two.1
                    && one.1 <= two.0
                {
                    arc(end(span), start(other));
                }
            }
        }
        for middle in 0..n {
            for from in 0..n {
                if reaches[from * n + middle] {
                    for to in 0..n {
                        reaches[from * n + to] |= reaches[middle * n + to];
                    }
                }
            }
        }
        reaches
    }

    #[test]
    fn lines_of_time_say_what_all_pairs_say() {
        let mut order = Order::default();
        for replicate in 0..400 {
            let mut random = Random::new(13, replicate);
            let mut drawing = String::from("s0 < root 0..40\n");
            let mut depth = 0;
            for number in 0..1 + random.below(9) {
                depth = 1 + random.below(depth + 1);
                let from = random.below(40);
                let (kind, service) = [(">", 0), (".", 0), ("<", 1)][random.below(3)];
                let error = ["", "", "error=timeout error"][random.below(3)];
                writeln!(
                    drawing,
                    "{:depth$}s{service} {kind} op{number} {from}..{} {error}",
                    "",
                    from + random.below(20)
                )
                .unwrap();
            }
            let spans = spans(&drawing);
            for_each(&spans, 0, |trace, _, linked| {
                order.read(trace, linked);
                let ranks = order.ranks();
                let all = closure(trace, linked);
                let n = 2 * trace.spans.len() as u32;
                for from in 0..n {
                    for to in 0..n {
                        let expected = all[(from * n + to) as usize];
                        assert_eq!(order.reaches(from, to), expected, "{drawing}{from} {to}");
                        if expected && from % 2 == 1 && to % 2 == 0 {
                            assert!(order.may_end_before(trace, from / 2, to / 2), "{drawing}");
                        }
                        if expected && from != to {
                            let [one, other] = [from, to].map(|at| ranks[at as usize]);
                            assert!(one < other, "{drawing}{from} {to}");
                        }
                    }
                }
            });
        }
    }
}
