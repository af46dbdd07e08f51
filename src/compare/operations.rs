//! What changed in single operations of edges: what callers and callees do for them, and what goes wrong.
//!
//! A row has the calls of one caller: their durations on both sides and between them, failed and repeated attempts. An operation
//! is called what the callee calls it; attempts that nobody answered count with the one operation that others of their name arrive
//! at, if it is one. Besides, a row has time on critical paths, and what is known of the requests that a callee answered, whoever
//! called: where a callee has one caller alone, that is of this caller's row; otherwise the row of it names no caller.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::differences::Sample;
use crate::compare::estimate;
use crate::compare::numbers::{Judging, LEAST_INDEPENDENT, LEAST_TIME, Share};
use crate::compare::side::{AnsweredSide, Side};
use crate::fold::operations::Moments;
use crate::pass::asked::{Asked, AskedId};
use crate::pass::spent::{Place, Spent};
use crate::report::diff::{Change, Diff, OperationChange};
use crate::trace::link::EntryKind;

/// An operation that has less than this share of the requests' time on both sides is not compared.
const LEAST_PART: f64 = 0.01;

/// Caller, callee and operation; no caller where there are several.
type OperationId = (Option<String>, String, String);

/// Returns the changes of operations, by their ids, and those that are all that is asked along their edge: their calls were compared as
/// those of the edge, and [`adopt`] gives them what came of that.
pub(super) fn operations(
    base: &Side,
    head: &Side,
    judging: Judging,
) -> (Vec<OperationChange>, Alone) {
    let arrivals = Arrivals::of([base, head]);
    let mut alone = Alone::new();
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
                rows.add_time(of, &arrivals, time);
            }
        }
    }
    if let (Some(before), Some(now)) = (&base.asked, &head.asked) {
        let [before, now] = [before, now].map(|side| by_operation(side, &arrivals));
        alone = only_ones(&before, &now);
        for (of, one) in &before {
            if let Some(other) = now.get(of) {
                rows.add_calls(of, [one, other], alone.contains(of), judging);
            }
        }
    }
    let rows = rows.rows.into_iter();
    let rows = rows.map(|((from, to, operation), row)| OperationChange {
        from,
        to,
        operation,
        ..row
    });
    (rows.collect(), alone)
}

/// Caller, callee and operation of edges that have one operation alone.
pub(super) type Alone = BTreeSet<(String, String, String)>;

/// Returns the operations that are the only ones of their edge on both sides.
fn only_ones(
    before: &BTreeMap<(String, String, String), Asked>,
    now: &BTreeMap<(String, String, String), Asked>,
) -> Alone {
    let all: Alone = before.keys().chain(now.keys()).cloned().collect();
    let mut by_edge: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (from, to, _) in &all {
        *by_edge.entry((from, to)).or_default() += 1;
    }
    let alone = all
        .iter()
        .filter(|(from, to, _)| by_edge[&(from.as_str(), to.as_str())] == 1);
    alone.cloned().collect()
}

/// Gives operations that are all of their edge what came of comparing the edge, and lets go of rows without a number.
pub(super) fn adopt(diff: &mut Diff, alone: &Alone) {
    for row in &mut diff.operations {
        let Some(from) = &row.from else {
            continue;
        };
        let id = (from.clone(), row.to.clone(), row.operation.clone());
        if !alone.contains(&id) {
            continue;
        }
        let edges = diff.edges.iter();
        let mut edges = edges.filter(|edge| edge.sync && edge.from == *from && edge.to == row.to);
        if let (Some(edge), None) = (edges.next(), edges.next()) {
            row.client_ns = edge.client_ns;
            row.server_ns = edge.server_ns.or(row.server_ns);
            row.network_ns = edge.network_ns;
            row.error_ratio = edge.error_ratio;
        }
    }
    diff.operations.retain(|row| row.changes().next().is_some());
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

    fn add_time(
        &mut self,
        (place, operation): &(Place, String),
        arrivals: &Arrivals,
        time: Change,
    ) {
        match place {
            Place::Own(service) => self.of_callee(service, operation).own_ns = Some(time),
            Place::Between(from, to) | Place::Silent(from, to) => {
                let arrival = arrivals.only(from, to, operation);
                let row = self.of_edge(from, to, arrival.unwrap_or(operation));
                row.way_ns = Some(time);
            }
        }
    }

    fn add_calls(
        &mut self,
        (from, to, operation): &(String, String, String),
        calls: [&Asked; 2],
        is_alone: bool,
        judging: Judging,
    ) {
        let row = self.of_edge(from, to, operation);
        row.attempts = Some((calls[0].attempts, calls[1].attempts));
        if is_alone {
            // A comparison of the same calls would only make all others less sure.
            return;
        }
        let times = |of: fn(&Asked) -> Moments| {
            let [one, other] = calls.map(|calls| sample(of(calls), calls, judging));
            let (one, other) = (one?, other?);
            let judging = Judging {
                least: LEAST_INDEPENDENT,
                ..judging
            };
            judging.means(one, other, LEAST_TIME * one.mean.min(other.mean))
        };
        let compared = |of: fn(&Asked) -> f64| {
            let [one, other] = calls.map(|calls| Share {
                value: of(calls) / calls.attempts.max(f64::MIN_POSITIVE),
                count: calls.seen,
                independent: calls.traces,
            });
            let is_some = one.value > 0.0 || other.value > 0.0;
            is_some.then(|| judging.shares(one, other)).flatten()
        };
        let (client_ns, network_ns) = (times(|of| of.calling), times(|of| of.between));
        let server_ns = times(|of| of.called);
        let (failed, repeated) = (compared(|of| of.failed), compared(|of| of.repeated));
        let row = self.of_edge(from, to, operation);
        (row.client_ns, row.network_ns) = (client_ns, network_ns);
        // What this caller's calls take, rather than the same of all callers' that went well.
        row.server_ns = server_ns.or(row.server_ns);
        (row.error_ratio, row.repeated_ratio) = (failed, repeated);
    }
}

/// Returns the times of calls, unless there are too few of them.
fn sample(moments: Moments, calls: &Asked, judging: Judging) -> Option<Sample> {
    let count = moments.count() as f64;
    // Calls of one trace may all depend on each other.
    let n = count * (calls.traces / calls.seen.max(1.0)).min(1.0);
    let is_known = count >= judging.least && n >= LEAST_INDEPENDENT;
    let (mean, variance) = moments.mean_and_variance().filter(|_| is_known)?;
    Some(Sample { n, mean, variance })
}

/// What the callee calls the operations that calling spans name.
struct Arrivals(BTreeMap<(String, String, String), BTreeSet<String>>);

impl Arrivals {
    fn of(sides: [&Side; 2]) -> Arrivals {
        let mut arrivals: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        let asked = sides.into_iter().filter_map(|side| side.asked.as_ref());
        for (from, to, calling, called) in asked.flat_map(BTreeMap::keys) {
            if !called.is_empty() {
                let id = (from.clone(), to.clone(), calling.clone());
                arrivals.entry(id).or_default().insert(called.clone());
            }
        }
        Arrivals(arrivals)
    }

    /// Returns the one operation at which calls of a name arrive, if it is one.
    fn only(&self, from: &str, to: &str, calling: &str) -> Option<&str> {
        let id = (from.to_owned(), to.to_owned(), calling.to_owned());
        let arrivals = self.0.get(&id)?;
        arrivals
            .first()
            .filter(|_| arrivals.len() == 1)
            .map(String::as_str)
    }
}

/// Returns the calls by caller, callee and operation.
fn by_operation(
    asked: &BTreeMap<AskedId, Asked>,
    arrivals: &Arrivals,
) -> BTreeMap<(String, String, String), Asked> {
    let mut all: BTreeMap<_, Asked> = BTreeMap::new();
    for ((from, to, calling, called), of) in asked {
        let operation = match called.as_str() {
            "" => arrivals.only(from, to, calling).unwrap_or(calling),
            called => called,
        };
        let id = (from.clone(), to.clone(), operation.to_owned());
        all.entry(id).or_default().merge(of);
    }
    all
}
