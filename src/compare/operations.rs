//! What changed in single operations of edges: what callers and callees do for them, and what goes wrong.
//!
//! A topology keeps no distribution for each operation of an edge. What it keeps is put together here: time on critical paths,
//! by caller, callee and operation, of the calls and of the work they cause; attempts that failed or were repeated, as shares
//! of all attempts of their edge; and the requests that a callee answered, by operation. Where a callee has one caller alone, what it does
//! is of that caller's edge; otherwise the row names no caller.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::differences::Sample;
use crate::compare::estimate;
use crate::compare::numbers::{Judging, Share};
use crate::compare::side::{AnsweredSide, Side};
use crate::pass::spent::{Mishaps, Place, Spent};
use crate::report::diff::{Change, OperationChange};
use crate::trace::link::EntryKind;

/// An operation that has less than this share of the requests' time on both sides is not compared.
const LEAST_PART: f64 = 0.01;

/// Fewest failed or repeated attempts, of both sides together.
const LEAST_MISHAPS: f64 = 5.0;

/// Caller, callee and operation; no caller where there are several.
type OperationId = (Option<String>, String, String);

/// Returns the changes of operations, by their ids.
pub(super) fn operations(base: &Side, head: &Side, judging: Judging) -> Vec<OperationChange> {
    let mut rows = Rows {
        callers: callers(base, head),
        users: users(base, head),
        rows: BTreeMap::new(),
    };
    if let (Some(before), Some(now)) = (&base.answered, &head.answered) {
        for (of, one) in before {
            if let Some(other) = now.get(of) {
                rows.add_answered(of, [one, other], judging);
            }
        }
    }
    if let (Some(before), Some(now)) = (&base.work, &head.work) {
        let names: BTreeSet<&(Place, String)> = before.keys().chain(now.keys()).collect();
        let nothing = Spent::default();
        for of in names {
            let spent = [before, now].map(|work| work.get(of).unwrap_or(&nothing));
            if let Some(time) = time([base, head], spent, judging) {
                rows.add_time(of, time);
            }
        }
    }
    if let (Some(before), Some(now)) = (&base.mishaps, &head.mishaps) {
        let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
        for of in names {
            let mishaps = [before, now].map(|side| side.get(of).copied().unwrap_or_default());
            rows.add_mishaps(of, [base, head], mishaps, judging);
        }
    }
    let rows = rows.rows.into_iter();
    rows.filter(|(_, row)| row.changes().next().is_some())
        .map(|((from, to, operation), row)| OperationChange {
            from,
            to,
            operation,
            ..row
        })
        .collect()
}

/// Returns the only caller of each node that has one alone on both sides, and begins nothing by itself.
fn callers(base: &Side, head: &Side) -> BTreeMap<String, String> {
    let mut callers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for side in [base, head] {
        for (from, to, _, _) in side.edges.keys() {
            callers.entry(to).or_default().insert(from);
        }
        for (service, _, kind) in side.entries.keys() {
            if *kind == EntryKind::Job.name() {
                // A service that begins work by itself is a caller of its own.
                callers.entry(service).or_default().insert(service);
            }
        }
    }
    let alone = callers.into_iter().filter_map(|(to, from)| {
        let caller = from.first().filter(|_| from.len() == 1)?;
        (*caller != to).then(|| (to.to_owned(), (*caller).to_owned()))
    });
    alone.collect()
}

/// Returns the names of what stands for users.
fn users(base: &Side, head: &Side) -> BTreeSet<String> {
    let edges = base.edges.iter().chain(&head.edges);
    let of_users = edges.filter(|(_, edge)| edge.of_users);
    of_users.map(|((from, _, _, _), _)| from.clone()).collect()
}

/// Compares the time that operations have of a request.
fn time(sides: [&Side; 2], spent: [&Spent; 2], judging: Judging) -> Option<Change> {
    let means = sides.map(estimate::mean_of);
    let is_large = spent[0].mean >= LEAST_PART * means[0] || spent[1].mean >= LEAST_PART * means[1];
    let is_seen = spent[0].spans.max(spent[1].spans) >= judging.least;
    if !is_large || !is_seen {
        return None;
    }
    let sample = |side: &Side, spent: &Spent| Sample {
        // Requests of one trace may all depend on each other.
        n: side.row.requests.min(side.row.traces as f64),
        mean: spent.mean,
        variance: spent.variance,
    };
    judging.means(
        sample(sides[0], spent[0]),
        sample(sides[1], spent[1]),
        LEAST_PART * means[0].min(means[1]),
    )
}

/// Rows on their way.
struct Rows {
    callers: BTreeMap<String, String>,
    users: BTreeSet<String>,
    rows: BTreeMap<OperationId, OperationChange>,
}

impl Rows {
    /// Returns the row of what a node does, whoever calls.
    fn of_callee(&mut self, to: &str, operation: &str) -> &mut OperationChange {
        let from = self.callers.get(to).cloned();
        let id = (from, to.to_owned(), operation.to_owned());
        self.rows.entry(id).or_default()
    }

    fn of_edge(&mut self, from: &str, to: &str, operation: &str) -> &mut OperationChange {
        let id = (Some(from.to_owned()), to.to_owned(), operation.to_owned());
        self.rows.entry(id).or_default()
    }

    fn add_answered(
        &mut self,
        (to, operation): &(String, String),
        [before, now]: [&AnsweredSide; 2],
        judging: Judging,
    ) {
        let caller = self.callers.get(to);
        if caller.is_some_and(|caller| self.users.contains(caller)) {
            // Entry points say the same.
            return;
        }
        let failed = |of: &AnsweredSide| Share {
            value: of.failed / of.requests.max(1.0),
            count: of.requests,
            independent: of.independent,
        };
        let [one, other] = [before, now].map(|of| of.times.as_ref());
        let row = self.of_callee(to, operation);
        row.requests = Some((before.requests, now.requests));
        row.server_ns = judging.times(one, other);
        row.p50_ns = judging.shift(one, other, 0);
        row.p99_ns = judging.shift(one, other, 1);
        row.failed = judging.shares(failed(before), failed(now));
    }

    fn add_time(&mut self, (place, operation): &(Place, String), time: Change) {
        match place {
            Place::Own(service) => self.of_callee(service, operation).own_ns = Some(time),
            Place::Between(from, to) | Place::Silent(from, to) => {
                self.of_edge(from, to, operation).way_ns = Some(time);
            }
        }
    }

    fn add_mishaps(
        &mut self,
        (from, to, operation): &(String, String, String),
        sides: [&Side; 2],
        mishaps: [Mishaps; 2],
        judging: Judging,
    ) {
        let attempts = sides.map(|side| attempts(side, from, to));
        let compared = |of: fn(&Mishaps) -> f64| {
            let [one, other] = [&mishaps[0], &mishaps[1]].map(of);
            let share = |at: usize, value: f64| Share {
                value: value / attempts[at].value.max(1.0),
                ..attempts[at]
            };
            let is_some = one + other >= LEAST_MISHAPS;
            is_some
                .then(|| judging.shares(share(0, one), share(1, other)))
                .flatten()
        };
        let (failed, repeated) = (compared(|of| of.failed), compared(|of| of.repeated));
        let row = self.of_edge(from, to, operation);
        (row.edge_failed, row.edge_repeated) = (failed, repeated);
    }
}

/// Returns the attempts from a caller to a callee: how many, weighted, how many were seen, and how many of these count as independent.
fn attempts(side: &Side, from: &str, to: &str) -> Share {
    let edges = side.edges.iter();
    let edges =
        edges.filter(|((caller, callee, _, sync), _)| *sync && caller == from && callee == to);
    let nothing = Share {
        value: 0.0,
        count: 0.0,
        independent: 0.0,
    };
    edges.fold(nothing, |sum, (_, edge)| Share {
        value: sum.value + edge.attempts,
        count: sum.count + edge.seen,
        independent: sum.independent + edge.traces,
    })
}
