//! What is known of one side: everything of traces, counts and quantiles of a JSON report, the graph alone of a lock.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::stats::total;
use crate::fold::edge::Edge;
use crate::fold::sketch::Sketch;
use crate::fold::system::System;
use crate::model::dictionary::Weight;
use crate::model::names::ABSENT;
use crate::pass::Graph;
use crate::pass::asked::{Asked, AskedId, asked_of};
use crate::pass::spent::{EntrySpent, Place, Spent, TimeOf, answered_by, failures_of, time_of};
use crate::policy::Policy;
use crate::policy::facts::{Declared, declared};
use crate::report::diff::{Holds, SideRow};
use crate::report::notes::stale;
use crate::report::{EdgeRow, EntryRow, Kind, Quantiles, Report};
use crate::trace::link::EntryKind;

/// An edge: caller, callee, protocol, and whether the caller waits.
pub type EdgeId = (String, String, &'static str, bool);

/// An entry point: service, operation, kind.
pub type EntryId = (String, String, &'static str);

/// One side.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// What it is.
    pub row: SideRow,
    /// What the policy declared, unless nothing rests on that.
    pub declared: Option<Declared>,
    /// That the policy said something else when traces were folded, if so.
    pub stale: Option<String>,
    /// Nodes of the graph, without users.
    pub(super) nodes: BTreeSet<String>,
    /// The versions of services that have any, in text order.
    pub(super) versions: BTreeMap<String, Vec<String>>,
    /// Edges, those of users too.
    pub(super) edges: BTreeMap<EdgeId, EdgeSide>,
    /// Entry points.
    pub(super) entries: BTreeMap<EntryId, EntrySide>,
    /// Where the time of requests goes, by service and operation of the entry point.
    pub(super) spent: Option<BTreeMap<(String, String), EntrySpent>>,
    /// The same of all requests, by place and operation.
    pub(super) work: Option<BTreeMap<(Place, String), Spent>>,
    /// What callers ask of callees, by operation.
    pub(super) asked: Option<BTreeMap<AskedId, Asked>>,
    /// Requests that services answered, by service and operation.
    pub(super) answered: Option<BTreeMap<(String, String), AnsweredSide>>,
    /// Failed requests by entry point and where they began to fail.
    pub(super) failures: Option<BTreeMap<(EntryId, String), f64>>,
}

/// What is known of an edge.
#[derive(Clone, Debug, Default)]
pub(super) struct EdgeSide {
    /// Whether users call.
    pub(super) of_users: bool,
    /// Logical calls, weighted.
    pub(super) calls: f64,
    /// Attempts, weighted.
    pub(super) attempts: f64,
    /// Failed attempts, weighted.
    pub(super) failed: f64,
    /// Attempts seen.
    pub(super) seen: f64,
    /// Traces with a call.
    pub(super) traces: f64,
    /// Durations.
    pub(super) client: Option<Times>,
    /// See `client`.
    pub(super) server: Option<Times>,
    /// See `client`.
    pub(super) network: Option<Times>,
    /// See `client`.
    pub(super) queue: Option<Times>,
    /// Time on critical paths, if that is known.
    pub(super) critical_ns: Option<f64>,
}

/// What is known of an entry point.
#[derive(Clone, Debug, Default)]
pub(super) struct EntrySide {
    /// Requests, weighted.
    pub(super) requests: f64,
    /// Failed requests, weighted.
    pub(super) failed: f64,
    /// Requests seen.
    pub(super) seen: f64,
    /// Durations.
    pub(super) times: Option<Times>,
}

/// What is known of the requests of an operation of a service, whoever calls.
#[derive(Clone, Debug)]
pub(super) struct AnsweredSide {
    /// Requests seen.
    pub(super) requests: f64,
    /// Those that failed there and nowhere below.
    pub(super) failed: f64,
    /// How many of the requests count as independent of each other.
    pub(super) independent: f64,
    /// Durations of those that succeeded.
    pub(super) times: Option<Times>,
}

/// A distribution of times, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// How many there are.
    pub(super) count: f64,
    /// How many count as independent of each other.
    pub(super) independent: f64,
    /// Their mean.
    pub(super) mean: f64,
    /// Their variance, or a bound of it.
    pub(super) variance: f64,
    /// The median and the 99th percentile.
    pub(super) quantiles: [u64; 2],
    /// The distribution itself.
    pub(super) sketch: Option<Sketch>,
}

impl Times {
    fn of_sketch(sketch: &Sketch, independent: f64) -> Option<Times> {
        let mean = sketch.mean()?;
        let deviation = sketch.variation().unwrap_or(0.0) * mean;
        let count = sketch.count() as f64;
        Some(Times {
            count,
            independent: independent * count,
            mean,
            variance: deviation * deviation * count / (count - 1.0).max(1.0),
            quantiles: [0.5, 0.99].map(|q| sketch.quantile(q).unwrap_or(0)),
            sketch: Some(sketch.clone()),
        })
    }

    /// Returns the distribution of which only quantiles are known, with the largest variance that they allow: the values
    /// between two of them may all be the upper one.
    fn of_quantiles(of: &Quantiles, independent: f64) -> Option<Times> {
        if of.count == 0 {
            return None;
        }
        let count = of.count as f64;
        let mean = of.sum as f64 / count;
        let squares = [(0.5, of.p50), (0.4, of.p90), (0.09, of.p99), (0.01, of.max)];
        let squares = squares.map(|(share, most)| share * (most as f64).powi(2));
        Some(Times {
            count,
            independent: independent * count,
            mean,
            variance: (squares.iter().sum::<f64>() - mean * mean).max(0.0),
            quantiles: [of.p50, of.p99],
            sketch: None,
        })
    }
}

impl Side {
    /// Returns the side of traces.
    pub fn of_system(name: &str, system: &System, policy: &Policy) -> Side {
        let graph = Graph::under(system, policy);
        let (entries, operations) = match time_of(&graph) {
            Some(TimeOf {
                entries,
                operations,
                ..
            }) => (Some(entries), Some(operations)),
            None => (None, None),
        };
        let mut side = Side {
            row: SideRow {
                name: name.to_owned(),
                holds: Holds::Traces,
                traces: system.account.traces,
                requests: 0.0,
                is_empty: system.account.traces == 0,
            },
            declared: Some(declared(policy)),
            stale: stale(system, policy),
            nodes: (0..graph.n_nodes() as u32)
                .map(|node| graph.name(node).to_owned())
                .collect(),
            versions: (0..graph.n_nodes() as u32)
                .filter_map(|node| Some((graph.name(node).to_owned(), versions(&graph, node)?)))
                .collect(),
            spent: entries,
            work: operations,
            asked: asked_of(&graph),
            failures: failures_of(&graph).map(|failures| {
                let keyed =
                    |((service, operation, kind, origin), n): ((_, _, EntryKind, _), f64)| {
                        (((service, operation, kind.name()), origin), n)
                    };
                failures.into_iter().map(keyed).collect()
            }),
            ..Side::default()
        };
        for arc in system.arcs.iter().filter(|arc| !arc.direct) {
            let name = |vertex: usize| system.vertices[vertex].name.clone();
            let of_users = graph.node(arc.from).is_none();
            let id = (name(arc.from), name(arc.to), arc.protocol.name(), arc.sync);
            side.edges.insert(id, edge_side(&arc.edge, of_users));
        }
        for point in &system.entries {
            let service = system.vertices[point.service].name.clone();
            let entry = EntrySide {
                requests: Weight(point.entry.weight).value(),
                failed: Weight(point.entry.failed).value(),
                seen: point.entry.requests as f64,
                times: Times::of_sketch(&point.entry.duration_ns, 1.0),
            };
            side.row.requests += entry.requests;
            let id = (service, point.operation.clone(), point.kind.name());
            side.entries.insert(id, entry);
        }
        side.answered = answered_by(&graph).map(|answered| {
            let sides = answered.into_iter().map(|(of, answered)| {
                let independent = side.independent(&of.0);
                let requests = answered.requests as f64;
                let of_operation = AnsweredSide {
                    requests,
                    failed: answered.failed as f64,
                    independent: independent * requests,
                    times: Times::of_sketch(&answered.duration_ns, independent),
                };
                (of, of_operation)
            });
            sides.collect()
        });
        side
    }

    /// Returns the share of the calls of a service that count as independent of each other: one of each trace.
    fn independent(&self, service: &str) -> f64 {
        let calls = self.edges.iter().filter(|((_, to, _, _), _)| to == service);
        let shares = calls.map(|(_, edge)| (edge.traces / edge.seen.max(1.0)).min(1.0));
        shares.fold(1.0, f64::min)
    }

    /// Returns the side of a report that was read back, or of a lock.
    pub fn of_report(name: &str, report: &Report, holds: Holds) -> Side {
        let is_lock = holds == Holds::Lock;
        let nodes = report.services.iter();
        let mut side = Side {
            row: SideRow {
                name: name.to_owned(),
                holds,
                traces: if is_lock { 0 } else { report.data.traces },
                requests: report.entries.iter().map(|entry| entry.requests).sum(),
                is_empty: if is_lock {
                    nodes.len() == 0
                } else {
                    report.data.traces == 0
                },
            },
            nodes: nodes
                .filter(|service| service.kind != Kind::Users)
                .map(|service| service.name.clone())
                .collect(),
            declared: (!is_lock).then(|| report.declared.clone()),
            versions: (report.services.iter())
                .filter(|service| !service.versions.is_empty())
                .map(|service| (service.name.clone(), service.versions.clone()))
                .collect(),
            ..Side::default()
        };
        let users = report.services.iter();
        let users: BTreeSet<&str> = users
            .filter(|service| service.kind == Kind::Users)
            .map(|service| service.name.as_str())
            .collect();
        for row in report.edges.iter().filter(|row| !row.direct) {
            let id = (row.from.clone(), row.to.clone(), row.protocol, row.sync);
            let edge = edge_side_of_row(row, users.contains(row.from.as_str()));
            side.edges.insert(id, edge);
        }
        for row in &report.entries {
            let id = (row.service.clone(), row.operation.clone(), row.kind);
            side.entries.insert(id, entry_side_of_row(row));
        }
        side
    }

    /// Returns how often each node worked: attempts to reach it, and what it began by itself.
    pub(super) fn work(&self) -> BTreeMap<&str, f64> {
        let called = self.edges.iter();
        let called = called.map(|((_, to, _, _), edge)| (to.as_str(), edge.attempts));
        let began = self.entries.iter();
        let began = began
            .filter(|((_, _, kind), _)| *kind != EntryKind::Request.name())
            .map(|((service, _, _), entry)| (service.as_str(), entry.requests));
        let mut work: BTreeMap<&str, f64> = BTreeMap::new();
        for (node, times) in called.chain(began) {
            *work.entry(node).or_default() += times;
        }
        work
    }
}

/// Returns the versions of a service, if its instances name any.
fn versions(graph: &Graph<'_>, node: u32) -> Option<Vec<String>> {
    let instances = graph.vertex(node).instances.iter();
    let named = instances
        .map(|(key, _)| key.version)
        .filter(|name| *name != ABSENT);
    let versions: BTreeSet<&str> = named.map(|name| graph.text(name)).collect();
    let versions: Vec<String> = versions.into_iter().map(str::to_owned).collect();
    (!versions.is_empty()).then_some(versions)
}

fn edge_side(edge: &Edge, of_users: bool) -> EdgeSide {
    let seen: u64 = edge.grades.iter().sum();
    let traces = edge.traces as f64;
    // Spans of one trace may all depend on each other.
    let independent = (traces / seen.max(1) as f64).min(1.0);
    let times = |sketch| Times::of_sketch(sketch, independent);
    EdgeSide {
        of_users,
        calls: Weight(edge.calls).value(),
        attempts: Weight(edge.attempts).value(),
        failed: Weight(edge.failed()).value(),
        seen: seen as f64,
        traces,
        client: times(&edge.client_ns),
        server: times(&edge.server_ns),
        network: times(&edge.network_ns),
        queue: times(&edge.queue_ns),
        critical_ns: Some(edge.critical_ns as f64),
    }
}

fn edge_side_of_row(row: &EdgeRow, of_users: bool) -> EdgeSide {
    let seen = total(row.evidence.iter().map(|(_, count)| *count));
    let independent = 1.0 / row.fan_out.max(1.0);
    let times = |of| Times::of_quantiles(of, independent);
    EdgeSide {
        of_users,
        calls: row.calls,
        attempts: row.attempts,
        failed: row.errors(),
        seen: seen as f64,
        traces: seen as f64 * independent,
        client: times(&row.client_ns),
        server: times(&row.server_ns),
        network: times(&row.network_ns),
        queue: times(&row.queue_ns),
        critical_ns: None,
    }
}

fn entry_side_of_row(row: &EntryRow) -> EntrySide {
    let times = Times::of_quantiles(&row.duration_ns, 1.0);
    EntrySide {
        requests: row.requests,
        failed: row.failed,
        seen: times.as_ref().map_or(0.0, |times| times.count),
        times,
    }
}
