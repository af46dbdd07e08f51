//! Repeated attempts: how much they add to an edge, whether they help, how they wait, and how they multiply.
//!
//! - *Amplification* of an edge: (logical calls + retries) / logical calls. Retries are marked as resent, hidden below one
//!   CLIENT span, or inferred from a failure before; what follows a redirect or a request for credentials, copies sent at
//!   the same time, and repeats of a success are none (see [`Retry`]). Attempts repeated as traces of their own count
//!   too, since first attempts carry no resend count.
//! - *Pauses* before the second attempt, the third and so on: where their coefficient of variation is below
//!   [`SYNCHRONISED`], clients that failed together come back together.
//! - *Layers*: a retried call below an attempt of another retried call, in one trace, by another caller. That is
//!   multiplication seen, not concluded.
//! - *Worst case*: the product of the most attempts along a path from an entry (see [`worst`]).
//! - *Storms*: times in which a callee fails and repeats are most of what it is asked (see [`storms`]).
//!
//! A client whose span covers the logical call with all its attempts, as those of RPC and databases often do, shows
//! no retries unless its callee does. O(spans) in traces with retries, O(calls) in others.

mod storms;

mod worst;

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::{Part, Table};
use crate::fold::record::Record;
use crate::fold::{Look, Seen, Watcher};
use crate::model::dictionary::Weight;
use crate::model::span::Outcome;
use crate::pass::limits::{Limits, limits_of};
use crate::pass::trace::{exemplars, grouped, sums, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::{Call, Retry};

/// Finds retries and what they multiply to.
pub static RETRIES: Pass = Pass {
    name: "retries",
    about: "what repeated attempts add, how they wait, and how they multiply along a path",
    explain: "retry_amplification",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller and callee, logical calls with retries only; see the constants. The most is that of attempts.
        sums(
            "retries",
            [Part::Node, Part::Node, Part::Unused, Part::Unused],
        ),
        // By caller, callee and attempt, from the second on: the pauses before it.
        sums(
            "retries-pauses",
            [Part::Node, Part::Node, Part::Plain, Part::Unused],
        ),
        // By outer caller and callee and inner caller and callee: outer calls in which both were retried. The most is that
        // of inner attempts within one outer call.
        sums("retries-layers", [Part::Node; 4]),
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Logical calls repeated within their trace, and those of which the last attempt was answered.
const REPEATED: usize = 0;
const ANSWERED: usize = 1;
/// Attempts marked as resent whose first attempt is not in their trace.
const APART: usize = 2;
/// Traces with a retry on the edge.
const TRACES: usize = 3;

/// Below this coefficient of variation pauses are synchronised.
pub const SYNCHRONISED: f64 = 0.05;

/// Fewest pauses that say how they vary.
const MIN_PAUSES: u64 = 10;

/// A pause shorter than this is none.
const NO_PAUSE_NS: u64 = 1_000_000;

/// An attempt in the order in which those of a logical call were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    first: u32,
    start: u64,
    client: u32,
    served: u64,
    number: u32,
}

impl Attempt {
    /// Returns the attempts of a trace, of those within one span the first.
    fn all(seen: &Seen<'_>) -> impl Iterator<Item = Attempt> {
        let calls = seen.sync_calls();
        let calls =
            calls.filter(|(number, call)| call.retry != Retry::Inner || call.first == *number);
        calls.map(|(number, call)| Attempt {
            first: call.first,
            start: seen.row(call.client).start,
            client: call.client,
            served: seen.row_if(call.server).map_or(0, |row| row.start),
            number,
        })
    }

    fn call<'a>(&self, seen: &Seen<'a>) -> &'a Call {
        &seen.linked.calls[self.number as usize]
    }

    fn is_retry(&self, seen: &Seen<'_>) -> bool {
        !matches!(self.call(seen).retry, Retry::First | Retry::Inner)
    }
}

/// The attempts of one logical call.
type Group<'a> = &'a [Attempt];

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([edges, pauses, layers], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut repeated: Vec<Repeated<'_>> = Vec::new();
    let mut paused: Vec<([u32; 4], u64)> = Vec::new();
    for seen in traces.iter().filter(|seen| seen.signs.repeated) {
        attempts.clear();
        attempts.extend(Attempt::all(seen));
        attempts.sort_unstable();
        let groups = attempts.chunk_by(|a, b| a.first == b.first);
        let is_repeated = |group: &Group<'_>| group.iter().any(|attempt| attempt.is_retry(seen));
        let groups: Vec<Group<'_>> = groups.filter(is_repeated).collect();
        let before = repeated.len();
        for group in &groups {
            let of = Repeated::of(seen, group);
            for (attempt, pair) in (2u32..).zip(group.windows(2)) {
                if let Some(ns) = pause(seen, &pair[0], &pair[1]) {
                    paused.push(([of.parts[0], of.parts[1], attempt, 0], ns));
                }
            }
            repeated.push(of);
        }
        let of_trace = &mut repeated[before..];
        of_trace.sort_unstable_by_key(|of| of.parts);
        for of_edge in of_trace.chunk_by_mut(|a, b| a.parts == b.parts) {
            of_edge[0].is_first = true;
        }
        observe_layers(seen, &groups, layers);
    }
    let key = |of: &Repeated<'_>| Some((of.parts, 0));
    edges.for_each(any.catalogue, &repeated, key, |of, record| {
        record.exemplars.offer(of.seen.exemplar(of.client));
        record.offer(of.attempts);
        record.add(of.kind, 1);
        record.add(ANSWERED, u64::from(of.is_answered));
        record.add(TRACES, u64::from(of.is_first));
    });
    let key = |of: &([u32; 4], u64)| Some((of.0, 0));
    pauses.for_each(any.catalogue, &paused, key, |(_, ns), record| {
        record.sample(*ns);
    });
}

/// A logical call that was made more than once, with its key.
#[derive(Clone, Copy, Debug)]
struct Repeated<'a> {
    seen: &'a Seen<'a>,
    parts: [u32; 4],
    client: u32,
    /// How many attempts there were at least.
    attempts: u64,
    /// What it counts as: [`REPEATED`] or [`APART`].
    kind: usize,
    /// Whether the last attempt was answered, of those in the trace.
    is_answered: bool,
    /// Whether it stands for its edge in its trace.
    is_first: bool,
}

impl<'a> Repeated<'a> {
    fn of(seen: &'a Seen<'a>, group: Group<'_>) -> Repeated<'a> {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let (kind, attempts) = match group.len() {
            1 => (APART, u64::from(seen.row(first.client).flags.resend()) + 1),
            n => (REPEATED, n as u64),
        };
        Repeated {
            seen,
            parts: ends(seen, first.call(seen)),
            client: first.client,
            attempts,
            kind,
            is_answered: kind == REPEATED && is_answered(seen, last),
            is_first: false,
        }
    }
}

fn ends(seen: &Seen<'_>, call: &Call) -> [u32; 4] {
    [seen.end(call.from), seen.end(call.to), 0, 0]
}

fn is_answered(seen: &Seen<'_>, attempt: &Attempt) -> bool {
    match seen.outcome(attempt.client) {
        Outcome::Fine | Outcome::ClientError | Outcome::Redirected => true,
        Outcome::Failed | Outcome::Timeout | Outcome::Unavailable | Outcome::Cancelled => false,
    }
}

/// Returns how long the caller paused between two attempts with spans of their own.
fn pause(seen: &Seen<'_>, before: &Attempt, after: &Attempt) -> Option<u64> {
    if before.client == after.client || after.call(seen).retry == Retry::Inner {
        return None;
    }
    let ((_, end), (start, _)) = (seen.times(before.client)?, seen.times(after.client)?);
    start.checked_sub(end)
}

/// Counts retried calls below attempts of other retried calls.
fn observe_layers(seen: &Seen<'_>, groups: &[Group<'_>], layers: &mut Table) {
    if groups.len() < 2 {
        return;
    }
    // The group of the nearest retried call at or above each span.
    let mut above = vec![NONE; seen.trace.spans.len()];
    for (number, group) in (0u32..).zip(groups) {
        for attempt in group.iter().filter(|_| group.len() > 1) {
            above[attempt.client as usize] = number;
        }
    }
    let own = above.clone();
    for &span in seen.trace.order {
        let parent = seen.trace.parents[span as usize];
        if above[span as usize] == NONE && parent != NONE {
            above[span as usize] = above[parent as usize];
        }
    }
    let mut found: Vec<(u32, [u32; 4], u64)> = Vec::new();
    for (number, group) in (0u32..).zip(groups) {
        let parent = seen.trace.parents[group[0].client as usize];
        let is_repeated = own[group[0].client as usize] == number;
        if parent == NONE || above[parent as usize] == NONE || !is_repeated {
            continue;
        }
        let outer = groups[above[parent as usize] as usize];
        let (outer, inner) = (outer[0].call(seen), group[0].call(seen));
        if outer.from != inner.from {
            let ([a, b, ..], [c, d, ..]) = (ends(seen, outer), ends(seen, inner));
            found.push((above[parent as usize], [a, b, c, d], group.len() as u64));
        }
    }
    found.sort_unstable();
    for together in found.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let record = layers.at(seen.catalogue, together[0].1, 0);
        record.add(0, 1);
        record.offer(total(together.iter().map(|(_, _, attempts)| *attempts)));
        let outer = groups[together[0].0 as usize][0];
        record.exemplars.offer(seen.exemplar(outer.client));
    }
}

/// What is known of the attempts from one node to another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts {
    /// Logical calls, weighted.
    pub(crate) calls: f64,
    /// Retries marked, hidden and inferred, weighted.
    pub(crate) retries: [f64; 3],
    /// Most attempts of one logical call that were seen; at least 1.
    pub(crate) most: u64,
    /// Mean pauses before the second attempt, the third and so on, where there are enough.
    pub(crate) pauses: Vec<Pause>,
    /// What traces with retries say, if there are any.
    repeated: Option<Record>,
}

/// The pauses before one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// The attempt, from 2 on.
    pub(crate) attempt: u32,
    /// How many pauses.
    pub(crate) count: u64,
    /// Their mean in nanoseconds.
    pub(crate) mean_ns: u64,
    /// Their coefficient of variation, if there are enough and they are no zeros.
    pub(crate) variation: Option<f64>,
}

impl Attempts {
    fn retries(&self) -> f64 {
        self.retries.iter().sum()
    }

    /// Returns attempts per logical call, if the first attempt of any was seen.
    pub(in crate::pass) fn amplification(&self) -> Option<f64> {
        (self.calls > 0.0).then(|| (self.calls + self.retries()) / self.calls)
    }
}

/// Returns the attempts of every synchronous edge of the graph.
pub(crate) fn attempts_of(graph: &Graph<'_>) -> BTreeMap<(u32, u32), Attempts> {
    let mut edges: BTreeMap<(u32, u32), Attempts> = BTreeMap::new();
    for arc in &graph.system.arcs {
        let users = graph.system.vertices[arc.from].kind == NodeKind::Users;
        if let (Some(from), Some(to)) = (graph.node(arc.from), graph.node(arc.to))
            && arc.sync
            && !arc.direct
            && !users
        {
            let edge = edges.entry((from, to)).or_default();
            edge.most = 1;
            edge.calls += Weight(arc.edge.calls).value();
            for (sum, more) in edge.retries.iter_mut().zip(arc.edge.retries) {
                *sum += Weight(more).value();
            }
        }
    }
    let [repeated, pauses, _] = WATCHER.tables else {
        return edges;
    };
    let pair = |parts: [u32; 4]| {
        let nodes = (
            graph.node_of_topology(parts[0]),
            graph.node_of_topology(parts[1]),
        );
        nodes.0.zip(nodes.1)
    };
    for (nodes, record) in graph
        .table(repeated)
        .map(|table| grouped(table, |key| pair(key.parts)))
        .unwrap_or_default()
    {
        if let Some(edge) = nodes.and_then(|nodes| edges.get_mut(&nodes)) {
            edge.most = edge.most.max(record.most);
            edge.repeated = Some(record.into_owned());
        }
    }
    let by_attempt = graph
        .table(pauses)
        .map(|table| grouped(table, |key| (pair(key.parts), key.parts[2])))
        .unwrap_or_default();
    for ((nodes, attempt), record) in by_attempt {
        if let (Some(edge), Some(sketch)) = (
            nodes.and_then(|nodes| edges.get_mut(&nodes)),
            record.into_owned().sketch,
        ) {
            edge.pauses.push(Pause {
                attempt,
                count: sketch.count(),
                mean_ns: sketch.mean().unwrap_or(0.0) as u64,
                variation: sketch.variation().filter(|_| sketch.count() >= MIN_PAUSES),
            });
        }
    }
    edges
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    measure_with(graph, &limits_of(graph), measured);
}

fn measure_with(graph: &Graph<'_>, limits: &Limits, measured: &mut Measured) {
    let [repeated, _, layers] = WATCHER.tables else {
        return;
    };
    let (Some(_), Some(layers)) = (graph.table(repeated), graph.table(layers)) else {
        let why = "no spans were looked at for retries: fold the traces again";
        measured
            .findings
            .push(Finding::unknown(RETRIES.name, "retry_amplification", why));
        return;
    };
    let edges = attempts_of(graph);
    if edges.is_empty() {
        let why = "retries: no call whose caller waits was seen";
        measured
            .findings
            .push(Finding::unknown(RETRIES.name, "retry_amplification", why));
        return;
    }
    let worst = edges
        .values()
        .filter_map(Attempts::amplification)
        .fold(1.0, f64::max);
    measured.metric("retry_amplification", worst);
    measured.findings.extend(multiplied(graph, layers));
    storms::measure(graph, limits, measured);
    let others = worst::measure(graph, &edges, limits, measured);
    let mut retried: Vec<(&(u32, u32), &Attempts)> = edges
        .iter()
        .filter(|(_, edge)| edge.repeated.is_some())
        .collect();
    retried.sort_by(|a, b| b.1.retries().total_cmp(&a.1.retries()));
    for (nodes, edge) in &retried {
        measured.findings.extend(amplified(graph, **nodes, edge));
    }
    for (nodes, edge) in retried {
        measured.findings.extend(synchronised(graph, *nodes, edge));
    }
    measured.findings.extend(others);
}

fn subject(graph: &Graph<'_>, (from, to): (u32, u32)) -> Subject {
    Subject::Edge(graph.name(from).to_owned(), graph.name(to).to_owned())
}

/// Says how much retries add to an edge, and whether they help.
fn amplified(graph: &Graph<'_>, nodes: (u32, u32), edge: &Attempts) -> Option<Finding> {
    let (record, value) = (edge.repeated.as_ref()?, edge.amplification()?);
    let [marked, hidden, inferred] = edge.retries;
    let how: Vec<String> = [
        (marked, "marked"),
        (hidden, "below one client span"),
        (inferred, "inferred from the failure before"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0.0)
    .map(|(count, how)| format!("{} {how}", text::weighted(count)))
    .collect();
    let repeated = record.sums[REPEATED];
    let helped = match repeated {
        0 => String::new(),
        all => format!(
            "; of {} repeated, {} got an answer in the end",
            text::plural(all, "call"),
            text::count(record.sums[ANSWERED])
        ),
    };
    let requests = total([graph.traffic().requests, graph.traffic().missing]);
    Some(Finding {
        value,
        unit: "attempts/call",
        grade: if inferred > 0.0 {
            Grade::Inferred
        } else {
            Grade::Proved
        },
        count: total([repeated, record.sums[APART]]),
        of: edge.calls.round() as u64,
        exemplars: exemplars(record),
        text: format!(
            "{} -> {}: {} attempts per call, {} at most (retries: {}{helped})",
            graph.name(nodes.0),
            graph.name(nodes.1),
            text::value((value * 100.0).round() / 100.0),
            text::count(edge.most),
            how.join(", "),
        ),
        cost: (requests > 0).then(|| (record.sums[TRACES] as f64 / requests as f64).min(1.0)),
        ..Finding::of(RETRIES.name, "retry_amplification", subject(graph, nodes))
    })
}

/// Says where the pauses before retries hardly vary, or where there are none.
fn synchronised(graph: &Graph<'_>, nodes: (u32, u32), edge: &Attempts) -> Option<Finding> {
    let at_once = |pause: &Pause| pause.mean_ns < NO_PAUSE_NS && pause.count >= MIN_PAUSES;
    let same =
        |pause: &&Pause| at_once(pause) || pause.variation.is_some_and(|cv| cv < SYNCHRONISED);
    let pauses: Vec<&Pause> = edge.pauses.iter().filter(same).collect();
    let first = pauses.first()?;
    let said: Vec<String> = pauses
        .iter()
        .map(|pause| match at_once(pause) {
            true => format!("attempt {} follows at once", pause.attempt),
            false => format!(
                "attempt {} follows after {} (variation {})",
                pause.attempt,
                text::duration(pause.mean_ns),
                text::percent(pause.variation.unwrap_or(0.0))
            ),
        })
        .collect();
    Some(Finding {
        value: first.variation.unwrap_or(0.0),
        unit: "",
        grade: Grade::Measured,
        count: first.count,
        of: first.count,
        exemplars: edge.repeated.as_ref().map(exemplars).unwrap_or_default(),
        text: format!(
            "{} -> {} retries without jitter: {}",
            graph.name(nodes.0),
            graph.name(nodes.1),
            said.join(", ")
        ),
        ..Finding::of(RETRIES.name, "backoff_variation", subject(graph, nodes))
    })
}

/// Says where retries on two layers met inside one request.
fn multiplied(graph: &Graph<'_>, layers: &Table) -> Vec<Finding> {
    let name = |node: u32| graph.name_of(node).to_owned();
    let by_path = grouped(layers, |key| {
        let [a, b, c, d] = key.parts.map(name);
        if b == c {
            vec![a, b, d]
        } else {
            vec![a, b, c, d]
        }
    });
    let mut found: Vec<Finding> = by_path
        .into_iter()
        .map(|(path, record)| {
            let [a, b, .., c, d] = [&path[0], &path[1], &path[path.len() - 2], &path[path.len() - 1]];
            let times = record.sums[0];
            let text = format!(
                "{a} -> {b} and {c} -> {d} were both retried inside one call, {}: up to {} of {c} -> {d} for one call of {a} -> {b}",
                text::plural(times, "time"),
                text::plural(record.most, "attempt"),
            );
            Finding {
                value: record.most as f64,
                unit: "attempts/call",
                grade: Grade::Proved,
                count: times,
                of: times,
                exemplars: exemplars(&record),
                text,
                ..Finding::of(RETRIES.name, "multiplied_retries", Subject::Path(path))
            }
        })
        .collect();
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    found
}

#[cfg(test)]
mod tests;
