//! What calls and requests may take and do take, put together for people: no findings, just the facts they come from.

use std::collections::BTreeMap;

use crate::finding::Slack;
use crate::fold::catalogue::NodeKind;
use crate::fold::system::EntryPoint;
use crate::pass::Graph;
use crate::pass::limits::limits_of;
use crate::pass::trace::critical_path::Spent;
use crate::pass::trace::latency_budget::{MIN_P99, p99_of};
use crate::pass::trace::retries::attempts_of;
use crate::pass::trace::timeouts::calls_of;

/// What calls and requests may take and do take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budgets {
    /// Synchronous calls by caller and callee.
    pub calls: Vec<CallBudget>,
    /// Entry points, those with the most time first; put together for the part on budgets alone.
    pub entries: Vec<EntryBudget>,
}

/// What the calls from one node to another may take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallBudget {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// How many nanoseconds the caller waits for one attempt, and how that is known: declared, captured or inferred.
    pub timeout: Option<(u64, &'static str)>,
    /// Most attempts of one logical call, declared or seen.
    pub max_attempts: u64,
    /// Attempts per logical call.
    pub amplification: Option<f64>,
    /// The 99th percentile of the clients' durations, of enough calls.
    pub p99: Option<u64>,
    /// How much longer calls off the critical path could take, if there are any.
    pub slack: Option<Slack>,
}

/// What the requests of an entry point take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryBudget {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Requests.
    pub requests: u64,
    /// The median of their durations in nanoseconds.
    pub p50: Option<u64>,
    /// The 99th percentile, of enough requests.
    pub p99: Option<u64>,
    /// What the 99th percentile should be, if that is declared.
    pub slo: Option<u64>,
    /// Where their time goes, most of it first.
    pub spenders: Vec<Spender>,
}

/// An operation that has time of requests to itself on their critical paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spender {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Its share of the time of all requests.
    pub share: f64,
    /// The share of the time of all requests that would be saved at most if it took none.
    pub saving: f64,
    /// Its share of the time of typical requests, the 40th to 60th percentile.
    pub share_typical: f64,
    /// Its share of the time of the slowest 5 %, of enough requests.
    pub share_p95: Option<f64>,
    /// Its share of the time of the slowest 1 %, of enough requests.
    pub share_p99: Option<f64>,
}

/// Fewest requests of which the slowest 5 % are told.
const MIN_P95: u64 = 60;

/// Operations told of one entry point.
const SPENDERS: usize = 10;

/// Returns what the synchronous calls may take, by caller and callee.
pub fn call_budgets(graph: &Graph<'_>) -> Vec<CallBudget> {
    let limits = limits_of(graph);
    let attempts = attempts_of(graph);
    let calls = calls_of(graph, &limits).into_iter().map(|(nodes, of)| {
        let declared = limits.calls.get(&nodes).and_then(|terms| terms.attempts);
        let seen = attempts.get(&nodes);
        CallBudget {
            from: graph.name(nodes.0).to_owned(),
            to: graph.name(nodes.1).to_owned(),
            timeout: of
                .timeout
                .map(|timeout| (timeout.ns, timeout.source.name())),
            max_attempts: declared.or(seen.map(|seen| seen.most)).unwrap_or(1).max(1),
            amplification: seen.and_then(|seen| seen.amplification()),
            p99: p99_of(&of.client_ns),
            slack: Slack::of(&of.off_path),
        }
    });
    calls.collect()
}

/// Returns what the requests of each entry point take, those with the most time first.
pub fn entry_budgets(graph: &Graph<'_>) -> Vec<EntryBudget> {
    let limits = limits_of(graph);
    let mut points: BTreeMap<(&str, &str), &EntryPoint> = BTreeMap::new();
    for point in &graph.system.entries {
        let vertex = &graph.system.vertices[point.service];
        if vertex.kind != NodeKind::Users {
            let key = (vertex.name.as_str(), point.operation.as_str());
            points.entry(key).or_insert(point);
        }
    }
    let mut entries: Vec<(u64, EntryBudget)> = Vec::new();
    for (&(service, operation), of) in graph.paths().into_iter().flatten() {
        let all = of.all();
        let slow = |from: f64, least: u64| (all.seen >= least).then(|| of.between(from, 1.0));
        let (typical, p95, p99) = (
            of.between(0.4, 0.6),
            slow(0.95, MIN_P95),
            slow(0.99, MIN_P99),
        );
        let spenders = all
            .shares()
            .into_iter()
            .take(SPENDERS)
            .map(|(operation, share)| Spender {
                service: operation.0.to_owned(),
                operation: operation.1.to_owned(),
                share,
                saving: all.saving(operation),
                share_typical: typical.share(operation),
                share_p95: p95.as_ref().map(|spent: &Spent<'_>| spent.share(operation)),
                share_p99: p99.as_ref().map(|spent| spent.share(operation)),
            });
        let spenders = spenders.collect();
        let point = points.get(&(service, operation));
        let durations = point.map(|point| &point.entry.duration_ns);
        let node = point.and_then(|point| graph.node(point.service));
        let slo = node.and_then(|node| limits.slos.get(&(node, operation.to_owned())));
        let entry = EntryBudget {
            requests: all.requests,
            p50: durations.and_then(|of| of.quantile(0.5)),
            p99: durations.and_then(p99_of),
            slo: slo.copied(),
            spenders,
            service: service.to_owned(),
            operation: operation.to_owned(),
        };
        entries.push((all.time, entry));
    }
    entries.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    entries.into_iter().map(|(_, entry)| entry).collect()
}
