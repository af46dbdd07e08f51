//! What is known of the calls from one node to another: how often they fail their caller, are repeated, given up, how long they take.

use std::collections::BTreeMap;

use crate::finding::Dependency;
use crate::fold::sketch::{Sketch, bounds};
use crate::pass::Graph;
use crate::pass::limits::{Limits, limits_of};
use crate::pass::trace::retries::{Attempts, attempts_of};
use crate::pass::trace::sequential_calls::side_by_side;
use crate::pass::trace::timeouts::{Calls, calls_of};

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// Users, for the link on which requests enter.
    Users,
    /// A node of the graph.
    Node(u32),
    /// Something the policy leaves out.
    LeftOut,
}

/// The ends of a link, and whether the caller waits.
pub(super) type Ends = (End, End, bool);

/// How something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    /// The policy says it.
    Declared,
    /// Traces show it.
    Seen,
    /// Nothing tells it.
    Not,
}

/// The calls from one node to another.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) ends: Ends,
    /// The least and the most likely that the caller fails with a failed call.
    pub(super) passes: [f64; 2],
    /// How that is known.
    pub(super) passes_known: Known,
    /// Most attempts of one call.
    pub(super) attempts: u64,
    pub(super) attempts_known: Known,
    /// Most retries as a share of the calls, if that is declared.
    pub(super) budget: Option<f64>,
    /// How long the caller waits for one attempt, and how that is known.
    pub(super) timeout: Option<(u64, &'static str)>,
    /// Pauses before the second attempt, the third and so on; the last one stands for all that follow.
    pub(super) pauses: Vec<u64>,
    /// What one attempt took for the caller.
    pub(super) client: Draw,
    /// What the callee took.
    pub(super) server: Draw,
}

impl Link {
    /// Returns the node that is called.
    pub(super) fn callee(&self) -> Option<u32> {
        match self.ends.1 {
            End::Node(node) => Some(node),
            End::Users | End::LeftOut => None,
        }
    }

    /// Returns the node that calls.
    pub(super) fn caller(&self) -> Option<u32> {
        match self.ends.0 {
            End::Node(node) => Some(node),
            End::Users | End::LeftOut => None,
        }
    }

    /// Returns whether it is a call that somebody waits for, and not the way in.
    pub(super) fn is_waited_for(&self) -> bool {
        self.ends.2 && self.ends.0 != End::Users
    }

    /// Returns the pause before an attempt, from the second on.
    pub(super) fn pause(&self, attempt: u64) -> u64 {
        let at = usize::try_from(attempt.saturating_sub(2)).unwrap_or(usize::MAX);
        let pause = self.pauses.get(at).or(self.pauses.last());
        pause.copied().unwrap_or(0)
    }
}

/// A distribution to draw from: the buckets of a sketch, with the share of values up to each.
#[derive(Clone, Debug, Default)]
pub(super) struct Draw {
    buckets: Vec<(f64, u64, u64)>,
}

impl Draw {
    pub(super) fn of(sketch: &Sketch) -> Draw {
        let (_, least, most) = sketch.totals();
        let all: f64 = sketch.buckets().map(|(_, count)| f64::from(count)).sum();
        let mut below = 0.0;
        let buckets = sketch.buckets().map(|(bucket, count)| {
            below += f64::from(count);
            let (low, high) = bounds(bucket);
            (below / all, low.max(least), high.min(most))
        });
        Draw {
            buckets: buckets.collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Returns the value up to which such a share lies; zero if there are no values.
    pub(super) fn at(&self, share: f64) -> u64 {
        let at = self
            .buckets
            .partition_point(|(below, _, _)| *below <= share);
        let last = self.buckets.len().saturating_sub(1);
        let Some(&(until, low, high)) = self.buckets.get(at.min(last)) else {
            return 0;
        };
        let from = at
            .min(last)
            .checked_sub(1)
            .map_or(0.0, |before| self.buckets[before].0);
        let inside = ((share - from) / (until - from)).clamp(0.0, 1.0);
        low + ((high - low) as f64 * inside) as u64
    }

    /// Returns the share of values from a limit on.
    pub(super) fn share_from(&self, limit: u64) -> f64 {
        let at = self.buckets.partition_point(|(_, low, _)| *low < limit);
        match at.checked_sub(1) {
            None => 1.0,
            Some(before) => 1.0 - self.buckets[before].0,
        }
    }
}

/// What is known of the links of a graph, made when they are met.
pub(super) struct Facts<'a, 'g> {
    graph: &'a Graph<'g>,
    limits: Limits,
    attempts: BTreeMap<(u32, u32), Attempts>,
    calls: BTreeMap<(u32, u32), Calls>,
    numbers: BTreeMap<Ends, u32>,
    pub(super) links: Vec<Link>,
}

impl<'a, 'g> Facts<'a, 'g> {
    pub(super) fn of(graph: &'a Graph<'g>) -> Facts<'a, 'g> {
        let limits = limits_of(graph);
        Facts {
            graph,
            attempts: attempts_of(graph),
            calls: calls_of(graph, &limits),
            limits,
            numbers: BTreeMap::new(),
            links: Vec::new(),
        }
    }

    /// Returns the number of a link.
    pub(super) fn link(&mut self, ends: Ends) -> u32 {
        if let Some(&number) = self.numbers.get(&ends) {
            return number;
        }
        let link = self.describe(ends);
        let number = self.links.len() as u32;
        self.links.push(link);
        self.numbers.insert(ends, number);
        number
    }

    fn describe(&self, ends: Ends) -> Link {
        let (passes, passes_known) = self.passes(ends);
        let mut link = Link {
            ends,
            passes,
            passes_known,
            attempts: 1,
            attempts_known: Known::Not,
            budget: None,
            timeout: None,
            pauses: Vec::new(),
            client: Draw::default(),
            server: Draw::default(),
        };
        let (End::Node(from), End::Node(to), true) = ends else {
            return link;
        };
        let pair = (from, to);
        let terms = self.limits.calls.get(&pair).copied().unwrap_or_default();
        let seen = self.attempts.get(&pair);
        (link.attempts, link.attempts_known) = match (terms.attempts, seen) {
            (Some(declared), _) => (declared.max(1), Known::Declared),
            (None, Some(seen)) if seen.most > 1 => (seen.most, Known::Seen),
            (None, _) => (1, Known::Not),
        };
        link.budget = terms.retry_budget.map(|budget| budget.get());
        link.pauses = match (terms.backoff, seen) {
            (Some(backoff), _) => {
                /// After so many doublings pauses are as long as they get, or longer than anybody waits.
                const PAUSES: u64 = 32;
                let until = |attempts| backoff.total(attempts).as_nanos();
                let pauses = (2..=link.attempts.min(PAUSES)).map(|attempt| {
                    u64::try_from(until(attempt) - until(attempt - 1)).unwrap_or(u64::MAX)
                });
                pauses.collect()
            }
            (None, Some(seen)) => seen.pauses.iter().map(|pause| pause.mean_ns).collect(),
            (None, None) => Vec::new(),
        };
        if let Some(calls) = self.calls.get(&pair) {
            link.timeout = calls
                .timeout
                .map(|timeout| (timeout.ns, timeout.source.name()));
            link.server = Draw::of(&calls.server_ns);
            link.client = match calls.client_ns.count() {
                0 => link.server.clone(),
                _ => Draw::of(&calls.client_ns),
            };
        }
        link
    }

    /// Returns how likely a failed call fails its caller, at least and at most.
    fn passes(&self, (from, to, sync): Ends) -> ([f64; 2], Known) {
        let (from, to) = match (from, to) {
            _ if !sync => return ([0.0, 0.0], Known::Seen),
            (End::Users, _) => return ([1.0, 1.0], Known::Seen),
            (End::Node(from), End::Node(to)) => (from, to),
            (End::LeftOut, _) | (_, End::LeftOut | End::Users) => return ([0.0, 1.0], Known::Not),
        };
        if from == to {
            return ([1.0, 1.0], Known::Seen);
        }
        let tie = self.graph.dependence.tie(from, to);
        let known = match tie {
            Some(tie) if Some(tie.dependency == Dependency::Soft) == tie.declared_soft => {
                Known::Declared
            }
            _ => Known::Seen,
        };
        match tie.map(|tie| tie.dependency) {
            Some(Dependency::Hard) => ([1.0, 1.0], known),
            Some(Dependency::Soft) => ([0.0, 0.0], known),
            Some(Dependency::Unknown) | None => ([0.0, 1.0], Known::Not),
        }
    }
}

/// Which calls of one caller run side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// By caller and two callees, the smaller first: how often they followed each other, and how often they overlapped.
    pairs: BTreeMap<(u32, u32, u32), (u64, u64)>,
}

impl Order {
    pub(super) fn of(graph: &Graph<'_>) -> Order {
        Order {
            pairs: side_by_side(graph),
        }
    }

    /// Returns whether two callees were rather called at once than one after the other, if that was seen.
    pub(super) fn at_once(&self, caller: u32, one: u32, other: u32) -> Option<bool> {
        let key = (caller, one.min(other), one.max(other));
        let (followed, overlapped) = self.pairs.get(&key)?;
        Some(overlapped > followed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_their_sketch() {
        let mut sketch = Sketch::default();
        assert!(Draw::of(&sketch).is_empty());
        assert_eq!(Draw::of(&sketch).at(0.5), 0);
        for value in 1..=1_000 {
            sketch.add(value * 1_000);
        }
        let draw = Draw::of(&sketch);
        for percent in 0..=100 {
            let share = f64::from(percent) / 100.0;
            let value = draw.at(share) as f64;
            assert!((value - share * 1e6).abs() < 17_000.0, "{percent}: {value}");
        }
        assert_eq!((draw.share_from(0), draw.share_from(2_000_000)), (1.0, 0.0));
        assert!((draw.share_from(900_000) - 0.1).abs() < 0.02);
    }
}
