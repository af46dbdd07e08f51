//! Timeouts: which there are, and which cannot hold.
//!
//! No convention records the timeout of a call. It is declared, or captured with the request (`grpc-timeout` and its
//! kin), or inferred from calls that ended by one (see [`infer`]). A client whose server ended by a timeout first has passed that
//! on and shows nothing of its own; the same goes for captured deadlines that vary, which are what was left of another.
//! What follows from timeouts, attempts and pauses is in [`check`].
//!
//! Durations and starts are compared on one clock only. Left out on purpose: asynchronous calls, calls of jobs (nobody
//! waits for a job), and streams and long polls, which are told by their median (see [`check::LONG_NS`]). O(calls).

pub(in crate::pass) mod infer;

mod check;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::fold::catalogue::NodeKind;
use crate::fold::edge::OffPath;
use crate::fold::ledger::{Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::sketch::Sketch;
use crate::fold::{Attempt, Known, Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::dictionary::Weight;
use crate::model::span::{Flags, Outcome};
use crate::pass::limits::{Limits, limits_of};
use crate::pass::trace::{grouped, sums};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::trace::link::{Call, Retry};

/// Finds timeouts that cannot hold.
pub static TIMEOUTS: Pass = Pass {
    name: "timeouts",
    about: "which timeouts there are, and which cannot hold",
    explain: "timeouts",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller and callee: durations of clients that ended by a timeout of their own; those that passed one on.
        sums(
            "timeouts",
            [Part::Node, Part::Node, Part::Unused, Part::Unused],
        ),
        // By caller and callee: captured deadlines.
        sums(
            "timeouts-deadlines",
            [Part::Node, Part::Node, Part::Unused, Part::Unused],
        ),
        // By the caller of a service, the service and its callee: how long the service had worked when it called.
        sums(
            "timeouts-starts",
            [Part::Node, Part::Node, Part::Node, Part::Unused],
        ),
    ],
    traces: Some(Look::Each(observe)),
    attempts: Some(add_attempts),
    ..Watcher::BLIND
};

/// Of the first table: clients that passed a timeout on.
const PASSED_ON: usize = 0;
/// Of the last table: calls with a captured deadline below a captured deadline, and those with more time than was left.
const CHECKED: usize = 0;
const OVERDRAWN: usize = 1;

/// What clocks and rounding may add to a deadline.
const SLACK_NS: u64 = 1_000_000;

/// Notes how long services had worked for their callers when they made calls.
fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [_, _, starts] = tables else {
        return;
    };
    let place = |attempt: &Attempt| {
        attempt.gone()?;
        Some(([attempt.caller, attempt.from, attempt.to, 0], 0))
    };
    starts.for_each(known.catalogue, attempts, place, |attempt, record| {
        record.sample(attempt.gone().unwrap_or(0));
    });
}

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [timed_out, deadlines, starts] = tables else {
        return;
    };
    if !seen.signs.failed && seen.trace.marks.is_empty() {
        return;
    }
    for (number, call) in seen.sync_calls() {
        if call.retry == Retry::Hidden {
            continue;
        }
        if seen.outcome(call.client) == Outcome::Timeout {
            observe_timeout(seen, call, timed_out);
        }
        let deadline = deadline(seen, call.client, call.server);
        if let Some(ns) = deadline {
            let parts = [seen.end(call.from), seen.end(call.to), 0, 0];
            let record = deadlines.at(seen.catalogue, parts, 0);
            record.offer(ns);
            record.sample(ns);
        }
        if let Some(given) = deadline.filter(|_| call.first == number) {
            observe_given(seen, call, given, starts);
        }
    }
}

fn observe_timeout(seen: &Seen<'_>, call: &Call, timed_out: &mut Table) {
    let Some(waited) = seen.duration(call.client) else {
        return;
    };
    let parts = [seen.end(call.from), seen.end(call.to), 0, 0];
    let record = timed_out.at(seen.catalogue, parts, 0);
    let of_server = seen
        .row_if(call.server)
        .filter(|row| row.flags.outcome() == Outcome::Timeout && row.duration <= waited);
    if of_server.is_some() {
        record.add(PASSED_ON, 1);
        return;
    }
    record.offer(waited);
    record.sample(waited);
    record.exemplars.offer(seen.exemplar(call.client));
}

/// Returns the deadline that was sent with a request, if one of its spans has it.
fn deadline(seen: &Seen<'_>, client: u32, server: u32) -> Option<u64> {
    let of = |span: u32| {
        let row = seen.row_if(span).filter(|row| row.flags.has(Flags::MARKS));
        row.and_then(|_| seen.trace.marks_of(span, MarkKind::Deadline).next())
    };
    of(client).or_else(|| of(server))
}

/// Compares the deadline of a call with what was left of that of its caller, if that is known.
fn observe_given(seen: &Seen<'_>, call: &Call, given: u64, starts: &mut Table) {
    let Some((caller, gone)) = seen.waited_for(call.client) else {
        return;
    };
    let top = seen.top_of_work(call.client);
    let whole = top.and_then(|top| deadline(seen, seen.trace.parents[top as usize], top));
    if let Some(whole) = whole {
        let parts = [caller, seen.end(call.from), seen.end(call.to), 0];
        let record = starts.at(seen.catalogue, parts, 0);
        record.add(CHECKED, 1);
        let left = whole.saturating_sub(gone);
        if given > left.saturating_add(SLACK_NS.max(left / 100)) {
            record.add(OVERDRAWN, 1);
            record.exemplars.offer(seen.exemplar(call.client));
        }
    }
}

/// How a timeout is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The policy file says it.
    Declared,
    /// It was sent with the requests.
    Captured,
    /// Calls ended by it.
    Inferred,
}

impl Source {
    /// Returns the name that reports use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Declared => "declared",
            Source::Captured => "captured",
            Source::Inferred => "inferred",
        }
    }
}

/// How long a caller waits for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout {
    /// Nanoseconds.
    pub(crate) ns: u64,
    /// How that is known.
    pub(crate) source: Source,
}

/// What is known of the calls from one node to another.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// How long the caller waits, if that is known.
    pub(crate) timeout: Option<Timeout>,
    /// What the clients and the servers took.
    pub(crate) client_ns: Sketch,
    pub(crate) server_ns: Sketch,
    /// Time of the clients on critical paths.
    critical_ns: u64,
    /// Calls off critical paths.
    pub(crate) off_path: OffPath,
    /// Attempts that ended by a timeout, weighted.
    timed_out: f64,
    /// Deadlines were captured and vary: what was left of another is passed on.
    passes_on: bool,
    /// Traces of timeouts.
    exemplars: Vec<String>,
}

/// Returns what is known of the synchronous edges of the graph.
pub(crate) fn calls_of(graph: &Graph<'_>, limits: &Limits) -> BTreeMap<(u32, u32), Calls> {
    let mut calls: BTreeMap<(u32, u32), Calls> = BTreeMap::new();
    for arc in graph
        .system
        .arcs
        .iter()
        .filter(|arc| arc.sync && !arc.direct)
    {
        let users = graph.system.vertices[arc.from].kind == NodeKind::Users;
        if let (Some(from), Some(to), false) = (graph.node(arc.from), graph.node(arc.to), users) {
            let of = calls.entry((from, to)).or_default();
            of.client_ns.merge(&arc.edge.client_ns);
            of.server_ns.merge(&arc.edge.server_ns);
            of.critical_ns = of.critical_ns.saturating_add(arc.edge.critical_ns);
            of.off_path.merge(&arc.edge.off_path);
            of.timed_out += Weight(arc.edge.timeouts).value();
        }
    }
    let [timed_out, deadlines, _] = WATCHER.tables else {
        return calls;
    };
    let by_nodes = |of: &TableOf| -> BTreeMap<Option<(u32, u32)>, Cow<'_, Record>> {
        let nodes = |parts: [u32; 4]| {
            let from = graph.node_of_topology(parts[0])?;
            Some((from, graph.node_of_topology(parts[1])?))
        };
        let table = graph.table(of);
        table
            .map(|table| grouped(table, |key| nodes(key.parts)))
            .unwrap_or_default()
    };
    let (timed_out, deadlines) = (by_nodes(timed_out), by_nodes(deadlines));
    for (nodes, of) in &mut calls {
        let declared = limits.calls.get(nodes).and_then(|terms| terms.timeout);
        let captured = deadlines.get(&Some(*nodes)).map(|record| &**record);
        let ended = timed_out.get(&Some(*nodes)).map(|record| &**record);
        of.passes_on = captured.is_some_and(infer::varies);
        of.timeout = infer::timeout(declared, captured, ended, &of.client_ns, &of.server_ns);
        of.exemplars = ended.map(crate::pass::trace::exemplars).unwrap_or_default();
    }
    calls
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    measure_with(graph, &limits_of(graph), measured);
}

fn measure_with(graph: &Graph<'_>, limits: &Limits, measured: &mut Measured) {
    let [_, _, starts] = WATCHER.tables else {
        return;
    };
    let Some(starts) = graph.table(starts) else {
        let why = "no spans were looked at for timeouts: fold the traces again";
        measured
            .findings
            .push(Finding::unknown(TIMEOUTS.name, "timeout_inversions", why));
        return;
    };
    let calls = calls_of(graph, limits);
    let known = calls.values().filter(|of| of.timeout.is_some()).count();
    if !calls.is_empty() {
        measured.metric("timeouts_known", known as f64 / calls.len() as f64);
    }
    check::measure(graph, limits, &calls, starts, measured);
    if known == 0 && !calls.is_empty() {
        let why = "timeouts: none is declared, none was sent with requests, and too few calls ended by one to infer any";
        measured
            .findings
            .push(Finding::unknown(TIMEOUTS.name, "timeout_inversions", why));
    }
}

#[cfg(test)]
mod tests;
