//! Which edges failures cross: what the counts of the transmission pass say of every synchronous edge.
//!
//! With `p1 = k1 / n1`, the share of callers that fail when their call fails, and `p0 = k0 / n0`, that of callers that fail
//! although it goes well, the *transmissibility* is `tau = (p1 - p0) / (1 - p0)`, cut off at 0 and 1: the chance that a
//! failure is passed on by someone who would not have failed anyway. Its bounds come from the Wilson intervals of both. Where
//! the call never goes well there is no `p0`, and nothing is taken off `p1`.
//!
//! An edge is *hard* when at least [`FEWEST`] calls failed and the lower bound of `p1` is [`HARD`] or more, *soft* when its upper bound is
//! [`SOFT`] or less, and unknown otherwise. A caller that fails as often when the call goes well tells nothing about it:
//! where the two intervals meet, the edge is not called hard. What is unknown is as the policy declares, if it says.

use std::collections::BTreeMap;

use crate::algo::stats::{Interval, wilson};
use crate::finding::{Dependency, Transmissibility};
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::{Layout, Part, TableOf};
use crate::fold::record::Record;
use crate::pass::Graph;

/// The counts, by caller and callee, as the transmission pass takes them.
pub(in crate::pass) const TABLE: TableOf = TableOf {
    name: "transmission",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Unused, Part::Unused],
        bin: 0,
        limit: 200_000,
        group: 0,
    },
};

/// Frames whose call failed, and of these those that failed.
pub(in crate::pass) const FAILED_CALLS: usize = 0;
pub(in crate::pass) const BOTH_FAILED: usize = 1;
/// Frames whose calls all went well, and of these those that failed.
pub(in crate::pass) const GOOD_CALLS: usize = 2;
pub(in crate::pass) const FAILED_ALONE: usize = 3;
/// Frames whose call failed after they had ended.
pub(in crate::pass) const TOO_LATE: usize = 4;
/// Weight of the frames that failed with their call.
pub(in crate::pass) const BOTH_WEIGHT: usize = 5;

/// Fewest failed calls that tell something.
pub const FEWEST: u64 = 20;

/// From this share on, a dependency is hard.
pub const HARD: f64 = 0.8;

/// Up to this share, it is soft.
pub const SOFT: f64 = 0.2;

/// What is known of one synchronous edge.
#[derive(Clone, Debug, Default)]
pub struct Tie {
    /// The caller.
    pub from: u32,
    /// The callee.
    pub to: u32,
    /// Frames of the caller whose call failed.
    pub failed_calls: u64,
    /// Of these, those that failed.
    pub both_failed: u64,
    /// Weight of the latter, in units of 2^-20.
    pub both_weight: u64,
    /// Frames whose calls all went well.
    pub good_calls: u64,
    /// Of these, those that failed.
    pub failed_alone: u64,
    /// Frames whose call failed.
    pub exemplars: Exemplars,
    /// The chance that a failure is passed on; absent when no call failed.
    pub transmissibility: Option<Transmissibility>,
    /// What the traces show.
    pub shown: Dependency,
    /// The same, or else what the policy says.
    pub dependency: Dependency,
    /// Whether the policy says that the caller can do without the callee.
    pub declared_soft: Option<bool>,
}

impl Tie {
    fn of(from: u32, to: u32, record: &Record, declared_soft: Option<bool>) -> Tie {
        let [failed_calls, both_failed, good_calls, failed_alone] =
            [FAILED_CALLS, BOTH_FAILED, GOOD_CALLS, FAILED_ALONE].map(|sum| record.sums[sum]);
        let with = wilson(both_failed.min(failed_calls), failed_calls);
        let without = match good_calls {
            0 => Interval {
                low: 0.0,
                high: 0.0,
            },
            good => wilson(failed_alone.min(good), good),
        };
        let tells = with.low > without.high;
        let shown = match failed_calls >= FEWEST {
            true if with.low >= HARD && tells => Dependency::Hard,
            true if with.high <= SOFT => Dependency::Soft,
            _ => Dependency::Unknown,
        };
        let dependency = match (shown, declared_soft) {
            (Dependency::Unknown, Some(true)) => Dependency::Soft,
            (Dependency::Unknown, Some(false)) => Dependency::Hard,
            (shown, _) => shown,
        };
        Tie {
            from,
            to,
            failed_calls,
            both_failed,
            both_weight: record.sums[BOTH_WEIGHT],
            good_calls,
            failed_alone,
            exemplars: record.exemplars.clone(),
            transmissibility: (failed_calls > 0).then(|| {
                let ratio = |hits: u64, trials: u64| hits as f64 / trials.max(1) as f64;
                let (p1, p0) = (
                    ratio(both_failed, failed_calls),
                    ratio(failed_alone, good_calls),
                );
                transmissibility(p1, with, p0, without)
            }),
            shown,
            dependency,
            declared_soft,
        }
    }

    /// Returns whether the policy says that the caller can do without the callee, and the traces that failures are passed on more
    /// often than a soft dependency allows.
    pub fn has_broken_fallback(&self) -> bool {
        let is_passed_on = self.transmissibility.is_some_and(|tau| tau.low > SOFT);
        self.declared_soft == Some(true) && self.failed_calls >= FEWEST && is_passed_on
    }

    /// Returns the least and the most likely a failure is to be passed on; where nothing failed, from 0 to 1, or as
    /// declared.
    pub fn bounds(&self) -> (f64, f64) {
        match (self.transmissibility, self.declared_soft) {
            (Some(tau), _) => (tau.low, tau.high),
            (None, Some(true)) => (0.0, 0.0),
            (None, Some(false)) => (1.0, 1.0),
            (None, None) => (0.0, 1.0),
        }
    }
}

fn transmissibility(p1: f64, with: Interval, p0: f64, without: Interval) -> Transmissibility {
    let tau = |p1: f64, p0: f64| match 1.0 - p0 {
        rest if rest > 0.0 => ((p1 - p0) / rest).clamp(0.0, 1.0),
        _ => 0.0,
    };
    let (low, high) = (tau(with.low, without.high), tau(with.high, without.low));
    Transmissibility {
        value: tau(p1, p0).clamp(low, high),
        low,
        high,
    }
}

/// What is known of all synchronous edges.
#[derive(Clone, Debug, Default)]
pub struct Dependence {
    /// Whether traces were looked at for it.
    pub is_known: bool,
    /// By caller, then callee.
    ties: Vec<Tie>,
    /// Where the ties of each caller begin, and where the last ones end.
    begins: Vec<usize>,
}

impl Dependence {
    /// Returns what the traces say of the edges of a graph. O(edges log edges).
    pub fn of(graph: &Graph<'_>) -> Dependence {
        let table = graph.table(&TABLE);
        let mut sums: BTreeMap<(u32, u32), Record> = BTreeMap::new();
        for (key, record) in table.iter().flat_map(|table| table.rows()) {
            let ends = [key.parts[0], key.parts[1]].map(|node| graph.node_of_topology(node));
            if let [Some(from), Some(to)] = ends {
                sums.entry((from, to)).or_default().merge(record);
            }
        }
        let nothing = Record::default();
        let (mut ties, mut begins) = (Vec::new(), vec![0]);
        for from in 0..graph.n_nodes() as u32 {
            ties.extend(graph.sync.successors(from).iter().map(|&to| {
                let record = sums.get(&(from, to)).unwrap_or(&nothing);
                Tie::of(from, to, record, declared_soft(graph, from, to))
            }));
            begins.push(ties.len());
        }
        Dependence {
            is_known: table.is_some(),
            ties,
            begins,
        }
    }

    /// Returns what is known of every synchronous edge, by caller, then callee.
    pub fn ties(&self) -> &[Tie] {
        &self.ties
    }

    /// Returns what is known of an edge, if it is synchronous and no self-edge. O(log callees).
    pub fn tie(&self, from: u32, to: u32) -> Option<&Tie> {
        let from = from as usize;
        let ties = &self.ties[*self.begins.get(from)?..*self.begins.get(from + 1)?];
        let at = ties.binary_search_by_key(&to, |tie| tie.to);
        at.ok().map(|at| &ties[at])
    }
}

fn declared_soft(graph: &Graph<'_>, from: u32, to: u32) -> Option<bool> {
    if graph.declared.is_empty() {
        return None;
    }
    let [from, to] = [from, to].map(|node| graph.vertices[node as usize]);
    graph.declared.terms(from, to).soft
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tie(failed_calls: u64, both: u64, good: u64, alone: u64) -> Tie {
        let mut record = Record::default();
        for (sum, count) in [
            (FAILED_CALLS, failed_calls),
            (BOTH_FAILED, both),
            (GOOD_CALLS, good),
            (FAILED_ALONE, alone),
        ] {
            record.add(sum, count);
        }
        Tie::of(0, 1, &record, None)
    }

    #[test]
    fn what_is_declared_counts_until_traces_tell() {
        let mut record = Record::default();
        let of = |record: &Record, soft| Tie::of(0, 1, record, soft);
        assert_eq!(of(&record, Some(true)).dependency, Dependency::Soft);
        assert_eq!(of(&record, Some(false)).bounds(), (1.0, 1.0));
        record.add(FAILED_CALLS, 30);
        assert!(!of(&record, Some(true)).has_broken_fallback());
        record.add(BOTH_FAILED, 29);
        assert_eq!(of(&record, Some(true)).dependency, Dependency::Hard);
        assert!(of(&record, Some(true)).has_broken_fallback());
        assert!(!of(&record, None).has_broken_fallback());
    }

    #[test]
    fn it_takes_twenty_failures_and_a_clear_share() {
        let of = |counts: (u64, u64)| tie(counts.0, counts.1, 1_000, 0).dependency;
        assert_eq!(of((19, 19)), Dependency::Unknown);
        assert_eq!(of((20, 20)), Dependency::Hard);
        assert_eq!(of((20, 19)), Dependency::Unknown);
        assert_eq!(of((20, 0)), Dependency::Soft);
        assert_eq!(of((20, 1)), Dependency::Unknown);
        assert_eq!(of((1_000, 900)), Dependency::Hard);
        assert_eq!(of((1_000, 500)), Dependency::Unknown);
    }

    #[test]
    fn a_caller_that_always_fails_tells_nothing() {
        assert_eq!(tie(30, 30, 1_000, 1_000).dependency, Dependency::Unknown);
        // Where the call never goes well, there is nothing to compare with.
        assert_eq!(tie(30, 30, 0, 0).dependency, Dependency::Hard);
        assert_eq!(tie(30, 30, 1_000, 10).dependency, Dependency::Hard);
    }

    #[test]
    fn what_would_have_failed_anyway_is_taken_out() {
        // p1 = 3/4, p0 = 1/2: half of those who would not have failed did.
        let tau = tie(100, 75, 100, 50).transmissibility.unwrap();
        assert!((tau.value - 0.5).abs() < 1e-12);
        assert!(tau.low < tau.value && tau.value < tau.high);
        assert_eq!(tie(10, 2, 100, 50).transmissibility.unwrap().value, 0.0);
        assert!(tie(0, 0, 100, 50).transmissibility.is_none());
        assert_eq!(tie(0, 0, 100, 50).bounds(), (0.0, 1.0));
    }
}
