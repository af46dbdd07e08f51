//! What a starter tries: limits, queries and rules that fit a report.

use std::collections::BTreeSet;

use super::{is_plain, json, slug};
use crate::report::{Kind, Report};

/// Databases of which the one caller is held fast.
const DATABASES: usize = 8;

/// What a measured number may grow by.
const ROOM: f64 = 1.2;

/// Numbers that get a limit, whether they may only get better, and why.
const METRICS: [(&str, bool, &str); 6] = [
    (
        "feedback_edges",
        true,
        "edges to cut until no cycle is left",
    ),
    ("largest_cycle", true, "services that wait for each other"),
    ("max_degree", false, "neighbours of the best connected node"),
    (
        "max_sync_depth",
        false,
        "synchronous calls below each other in one request",
    ),
    ("static_depth", false, "the longest chain of services"),
    (
        "worst_retry_amplification",
        false,
        "attempts that one request can become",
    ),
];

/// Queries, with their thresholds and why.
const QUERIES: [(&str, &str, &str, &str); 4] = [
    (
        "average_path_length",
        "avg(service_communication_hops)",
        "3",
        "how far services are apart",
    ),
    (
        "clustering_coefficient",
        "local_clustering_by_service",
        "0.8",
        "neighbours that all call each other",
    ),
    (
        "hub_degree_distribution",
        "max(service_connection_count) / avg(service_connection_count)",
        "10",
        "one node with most of the connections",
    ),
    (
        "network_fragmentation",
        "count(connected_components)",
        "1",
        "parts that nothing connects",
    ),
];

/// A line of the policy that may or may not hold.
pub(super) struct Line {
    /// The line, indented as in its section.
    pub(super) text: String,
    /// Why it is there.
    pub(super) why: &'static str,
}

pub(super) fn metrics(report: &Report) -> Vec<Line> {
    METRICS
        .iter()
        .filter_map(|(name, ratchet, why)| {
            let limit = (report.metric(name)? * ROOM).ceil();
            let ratchet = match ratchet {
                true => ", ratchet: true",
                false => "",
            };
            let text = format!("  {name}: {{ fail: {limit}{ratchet} }}");
            Some(Line { text, why })
        })
        .collect()
}

pub(super) fn queries() -> Vec<Line> {
    QUERIES
        .iter()
        .map(|(name, query, threshold, why)| Line {
            text: format!(
                "  {name}: {{ query: {}, alert_threshold: {threshold}, severity: warn }}",
                json(query)
            ),
            why,
        })
        .collect()
}

pub(super) fn rules(report: &Report) -> Vec<Line> {
    let most = |of: fn(&crate::report::Service) -> u64| {
        let most = report.services.iter().map(of).max().unwrap_or(0);
        (most as f64 * ROOM).ceil() as u64
    };
    let deepest = report.entries.iter().map(|entry| entry.sync_depth.2).max();
    let deepest = (deepest.unwrap_or(0) as f64 * ROOM).ceil() as u64;
    // Times are those of the machine that the traces come from, so they warn; the shape of the system fails.
    let line = |why: &'static str, id: &str, verb: String| Line {
        text: format!("  - {{ id: {id}, {verb} }}"),
        why,
    };
    let mut lines = vec![
        line(
            "new calls are seen in review",
            "new-edges",
            "new_edges: { approve_in: topple.lock }".to_owned(),
        ),
        line(
            "services that wait for each other can lock up",
            "no-sync-cycles",
            "acyclic: { edges: sync }".to_owned(),
        ),
        line(
            "every call below adds its latency and its failures",
            "call-depth",
            format!("depth: {{ max: {deepest}, edges: sync }}"),
        ),
        line(
            "what everybody calls takes everybody with it",
            "hub-limits",
            format!(
                "hubs: {{ max_callers: {}, max_callees: {} }}",
                most(|service| service.in_degree).max(1),
                most(|service| service.out_degree).max(1)
            ),
        ),
        line(
            "entry points keep their objectives",
            "objectives",
            "severity: warn, slo: { entrypoints: \"*\" }".to_owned(),
        ),
        line(
            "nothing succeeds that its caller gave up",
            "no-phantoms",
            "phantoms: { max_per_10k: 0 }".to_owned(),
        ),
        line(
            "retries below retries multiply",
            "one-retry-layer",
            "retries: { one_layer_only: true }".to_owned(),
        ),
        line(
            "calls stay in their zone",
            "stay-in-zone",
            "zones: { by: zone, cross: forbid }".to_owned(),
        ),
        line(
            "calls stay in their region",
            "stay-in-region",
            "zones: { by: region, cross: forbid }".to_owned(),
        ),
    ];
    lines.extend(owners(report));
    lines
}

/// Returns rules that databases keep their one caller.
fn owners(report: &Report) -> Vec<Line> {
    let mut taken = BTreeSet::new();
    let mut lines = Vec::new();
    for service in &report.services {
        if service.kind != Kind::Database || !is_plain(&service.name) {
            continue;
        }
        let callers: BTreeSet<&str> = report
            .edges
            .iter()
            .filter(|edge| edge.to == service.name)
            .map(|edge| edge.from.as_str())
            .collect();
        let Some(caller) = callers
            .first()
            .filter(|caller| callers.len() == 1 && is_plain(caller))
        else {
            continue;
        };
        let id = slug(&format!("owner of {}", service.name), &mut taken);
        lines.push(Line {
            text: format!(
                "  - {{ id: {id}, callers: {{ of: {}, only: [{}] }} }}",
                json(&service.name),
                json(caller)
            ),
            why: "data has one owner",
        });
        if lines.len() == DATABASES {
            break;
        }
    }
    lines
}
