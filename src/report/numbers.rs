//! The numbers of a report by name, as policies and queries ask for them.
//!
//! Names are those of the JSON report; parts of a record follow a dot, as in `client_ns.p99`. What was not measured has no
//! number, and nothing here makes one up.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::components::{connected_components, largest_component};
use crate::algo::distance::undirected_distances;
use crate::algo::graph::Undirected;
use crate::policy::Vocabulary;
use crate::policy::query::{Answer, Sample, Unknown};
use crate::report::{BlastRadius, EdgeRow, Kind, Quantiles, Report, Service, Transmissibility};

/// A number about each service: its name, and where it stands.
type OfService = (&'static str, fn(&Service) -> Option<f64>);

/// A number about each edge: its name, and where it stands.
type OfEdge = (&'static str, fn(&EdgeRow) -> Option<f64>);

/// Numbers about the whole system that passes may measure, by name.
pub const METRICS: &[&str] = &[
    "articulation_points",
    "assortativity",
    "average_clustering",
    "average_clustering_null",
    "average_clustering_null_deviation",
    "average_clustering_z",
    "average_degree",
    "average_path_length",
    "beta_factor",
    "bridges",
    "cache_effects",
    "call_loops",
    "causal_violations",
    "cell_isolation",
    "certificate_days_left",
    "certificates_ending_together",
    "clock_inconsistencies",
    "clock_pairs",
    "clock_skew_ms",
    "communities",
    "community_agreement",
    "connected_components",
    "correlated_failures",
    "criticality_inversions",
    "cross_cell_calls",
    "cross_region_bytes",
    "cross_region_share",
    "cross_zone_added_ns",
    "cross_zone_bytes",
    "cross_zone_share",
    "cycles",
    "degeneracy",
    "degree_centralisation",
    "degree_gini",
    "density",
    "diameter",
    "directed_average_path_length",
    "directed_clustering",
    "edges",
    "edges_seen_once",
    "failed_requests_with_origin",
    "feedback_edges",
    "flow_hierarchy",
    "full_shard_overlap",
    "global_efficiency",
    "gray_edges",
    "gray_instances",
    "hard_edges",
    "hedged_calls",
    "hub_agreement",
    "hubs",
    "largest_component",
    "largest_cycle",
    "late_compensations",
    "least_slo_headroom",
    "least_stage_headroom",
    "load_times_amplification",
    "loop_gain",
    "lost_update_windows",
    "low_concurrency_limits",
    "max_blast_radius",
    "max_blast_radius_low",
    "max_critical_hops",
    "max_degree",
    "max_partition_share",
    "max_sync_depth",
    "max_tenant_radius",
    "max_zone_loss",
    "mean_concurrency",
    "metastable_incidents",
    "missing_breakers",
    "missing_compensations",
    "mixed_flag_traces",
    "mixed_version_seconds",
    "mixed_version_traces",
    "modularity",
    "modularity_null",
    "modularity_null_deviation",
    "modularity_z",
    "nodes",
    "one_removal_mean",
    "one_removal_worst",
    "opened_breakers",
    "orchestrators",
    "order_inversion_risk",
    "p50_critical_hops",
    "p50_sync_depth",
    "p95_critical_hops",
    "p95_hard_depth_high",
    "p95_hard_depth_low",
    "p95_sync_depth",
    "peak_concurrency",
    "phantom_duplicates",
    "phantom_operations",
    "phantoms_per_10k",
    "poison_radius",
    "power_law_alpha",
    "power_law_p",
    "radius",
    "reachable_pairs",
    "reachable_share",
    "reciprocity",
    "reentry_ratio",
    "region_trips",
    "rejected_by_breakers",
    "request_survival",
    "request_survival_high",
    "request_survival_targeted",
    "retry_amplification",
    "retry_storms",
    "robustness_adaptive",
    "robustness_betweenness",
    "robustness_random",
    "robustness_random_error",
    "robustness_random_orders",
    "robustness_ratio",
    "robustness_static",
    "route_inflation",
    "same_zone_bytes",
    "saturated_pools",
    "self_edges",
    "sequential_calls",
    "serial_availability",
    "services",
    "shared_between_cells",
    "shared_dependencies",
    "shared_pools",
    "single_zone_services",
    "skewed_starts",
    "small_world_omega",
    "small_world_sigma",
    "soft_edges",
    "static_depth",
    "tenants",
    "tenants_in_several_cells",
    "timeout_inversions",
    "timeouts_known",
    "top3_callee_traffic_share",
    "top_callee_traffic_share",
    "transitivity",
    "trophic_incoherence",
    "unknown_edges",
    "unordered_writes",
    "unplaced_bytes",
    "version_stragglers",
    "wasted_server_ratio",
    "wasted_server_seconds",
    "worst_retry_amplification",
    "zones",
];

const OF_SERVICES: &[OfService] = &[
    ("ancestors", |service| service.standing.ancestors),
    ("betweenness", |service| service.standing.betweenness),
    ("blast_radius.elsewhere_high", |service| {
        blast_radius(service, |of| of.from_elsewhere.1)
    }),
    ("blast_radius.elsewhere_low", |service| {
        blast_radius(service, |of| of.from_elsewhere.0)
    }),
    ("blast_radius.hard_high", |service| {
        blast_radius(service, |of| of.hard_high)
    }),
    ("blast_radius.hard_low", |service| {
        blast_radius(service, |of| of.hard_low)
    }),
    ("blast_radius.high", |service| {
        blast_radius(service, |of| of.interval().1)
    }),
    ("blast_radius.low", |service| {
        blast_radius(service, |of| of.interval().0)
    }),
    ("blast_radius.observed", |service| {
        let radius = service.standing.blast_radius.as_deref();
        radius.and_then(|of| of.observed)
    }),
    ("blast_radius.touch", |service| {
        blast_radius(service, |of| of.touch)
    }),
    ("clustering", |service| service.standing.clustering),
    ("core", |service| {
        service.standing.core.map(|core| core as f64)
    }),
    ("cut_off", |service| Some(service.standing.cut_off as f64)),
    ("degree", |service| Some(service.degree as f64)),
    ("dominated", |service| {
        Some(service.standing.dominated as f64)
    }),
    ("failed_spans", |service| {
        traced(service, service.failed_spans)
    }),
    ("hosts", |service| traced(service, service.hosts)),
    ("in_degree", |service| Some(service.in_degree as f64)),
    ("instances", |service| traced(service, service.instances)),
    ("level", |service| service.standing.level),
    ("out_degree", |service| Some(service.out_degree as f64)),
    ("pagerank", |service| service.standing.pagerank),
    ("spans", |service| traced(service, service.spans)),
    ("traffic_betweenness", |service| {
        service.standing.traffic_betweenness
    }),
    ("zone_concentration", |service| {
        service.standing.zone_concentration
    }),
];

const OF_EDGES: &[OfEdge] = &[
    ("attempts", |edge| Some(edge.attempts)),
    ("calls", |edge| Some(edge.calls)),
    ("client_ns.max", |edge| time(&edge.client_ns, |of| of.max)),
    ("client_ns.p50", |edge| time(&edge.client_ns, |of| of.p50)),
    ("client_ns.p90", |edge| time(&edge.client_ns, |of| of.p90)),
    ("client_ns.p99", |edge| time(&edge.client_ns, |of| of.p99)),
    ("critical_path_share", |edge| edge.critical_path_share),
    ("error_ratio", |edge| {
        (edge.attempts > 0.0).then(|| edge.error_ratio())
    }),
    ("errors.both", |edge| Some(edge.errors_both)),
    ("errors.client_4xx", |edge| Some(edge.client_4xx)),
    ("errors.client_only", |edge| Some(edge.errors_client_only)),
    ("errors.server_only", |edge| Some(edge.errors_server_only)),
    ("fan_out", |edge| Some(edge.fan_out)),
    ("fan_out_max", |edge| Some(edge.fan_out_max as f64)),
    ("in_flight", |edge| edge.in_flight),
    ("max_attempts", |edge| {
        edge.max_attempts.map(|most| most as f64)
    }),
    ("network_ns.max", |edge| time(&edge.network_ns, |of| of.max)),
    ("network_ns.p50", |edge| time(&edge.network_ns, |of| of.p50)),
    ("network_ns.p90", |edge| time(&edge.network_ns, |of| of.p90)),
    ("network_ns.p99", |edge| time(&edge.network_ns, |of| of.p99)),
    ("queue_ns.max", |edge| time(&edge.queue_ns, |of| of.max)),
    ("queue_ns.p50", |edge| time(&edge.queue_ns, |of| of.p50)),
    ("queue_ns.p90", |edge| time(&edge.queue_ns, |of| of.p90)),
    ("queue_ns.p99", |edge| time(&edge.queue_ns, |of| of.p99)),
    ("retries.hidden", |edge| Some(edge.retries[1])),
    ("retries.inferred", |edge| Some(edge.retries[2])),
    ("retries.marked", |edge| Some(edge.retries[0])),
    ("retry_amplification", |edge| edge.retry_amplification),
    ("served", |edge| Some(edge.served)),
    ("server_ns.max", |edge| time(&edge.server_ns, |of| of.max)),
    ("server_ns.p50", |edge| time(&edge.server_ns, |of| of.p50)),
    ("server_ns.p90", |edge| time(&edge.server_ns, |of| of.p90)),
    ("server_ns.p99", |edge| time(&edge.server_ns, |of| of.p99)),
    ("slack.calls", |edge| {
        edge.slack.map(|slack| slack.calls as f64)
    }),
    ("slack.least_ns", |edge| {
        edge.slack.map(|slack| slack.least_ns as f64)
    }),
    ("slack.mean_ns", |edge| {
        edge.slack.map(|slack| slack.mean_ns as f64)
    }),
    ("slack.of_duration", |edge| {
        edge.slack.and_then(|slack| slack.of_duration)
    }),
    ("timeout_ns.value", |edge| {
        edge.timeout_ns.map(|(ns, _)| ns as f64)
    }),
    ("timeouts", |edge| Some(edge.timeouts)),
    ("transmissibility.high", |edge| {
        transmissibility(edge, |tau| tau.high)
    }),
    ("transmissibility.low", |edge| {
        transmissibility(edge, |tau| tau.low)
    }),
    ("transmissibility.value", |edge| {
        transmissibility(edge, |tau| tau.value)
    }),
];

fn blast_radius(service: &Service, share: fn(&BlastRadius) -> f64) -> Option<f64> {
    service.standing.blast_radius.as_deref().map(share)
}

fn transmissibility(edge: &EdgeRow, bound: fn(&Transmissibility) -> f64) -> Option<f64> {
    let tie = edge.tie.as_ref()?;
    tie.transmissibility.as_ref().map(bound)
}

/// Returns a count that only services which emit spans have.
fn traced(service: &Service, count: u64) -> Option<f64> {
    (service.kind == Kind::Service).then_some(count as f64)
}

/// Returns a quantile, unless it is one of nothing.
fn time(of: &Quantiles, quantile: fn(&Quantiles) -> u64) -> Option<f64> {
    (of.count > 0).then(|| quantile(of) as f64)
}

/// The names of [`OF_SERVICES`].
const SERVICES: [&str; OF_SERVICES.len()] = {
    let mut names = [""; OF_SERVICES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = OF_SERVICES[at].0;
        at += 1;
    }
    names
};

/// The names of [`OF_EDGES`].
const EDGES: [&str; OF_EDGES.len()] = {
    let mut names = [""; OF_EDGES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = OF_EDGES[at].0;
        at += 1;
    }
    names
};

/// Every name that a policy may ask for.
pub const VOCABULARY: Vocabulary<'static> = Vocabulary {
    metrics: METRICS,
    services: &SERVICES,
    edges: &EDGES,
};

/// Returns a number of a service by its name, if it was measured.
pub fn of_service(service: &Service, name: &str) -> Option<f64> {
    let (_, of) = OF_SERVICES.iter().find(|(known, _)| *known == name)?;
    of(service)
}

/// Returns a number of an edge by its name, if it was measured.
pub fn of_edge(edge: &EdgeRow, name: &str) -> Option<f64> {
    let (_, of) = OF_EDGES.iter().find(|(known, _)| *known == name)?;
    of(edge)
}

/// Returns the nodes of the graph: everything but users.
fn nodes(report: &Report) -> impl Iterator<Item = &Service> {
    report
        .services
        .iter()
        .filter(|service| service.kind != Kind::Users)
}

/// Returns the edges of the graph: messages on their way through the queue, and without those of users.
fn edges(report: &Report) -> impl Iterator<Item = &EdgeRow> {
    let names: BTreeSet<&str> = nodes(report).map(|service| service.name.as_str()).collect();
    report
        .edges
        .iter()
        .filter(move |edge| !edge.direct && names.contains(edge.from.as_str()))
}

/// Returns what a name is worth in a report, or why that cannot be told.
///
/// Hops are counted on the graph without directions, between the nodes of its largest component, as `average_path_length` does.
pub fn lookup(report: &Report, name: &str) -> Result<Answer, Unknown> {
    let each = |of: fn(&Service) -> Option<f64>| {
        let values = nodes(report)
            .filter_map(|service| Some((service.name.clone(), Sample::of_one(of(service)?))));
        Ok(Answer::Each(values.collect()))
    };
    match name {
        "connected_components" => Ok(components(report)),
        "local_clustering_by_service" => each(|service| service.standing.clustering),
        "service_communication_hops" => Ok(hops(report)),
        "service_connection_count" => each(|service| Some(service.degree as f64)),
        name => {
            if let Some((_, of)) = OF_SERVICES.iter().find(|(known, _)| *known == name) {
                each(*of)
            } else if let Some((_, of)) = OF_EDGES.iter().find(|(known, _)| *known == name) {
                Ok(of_edges(report, *of))
            } else {
                let value = report.metric(name).map(Answer::One);
                value.ok_or_else(|| Unknown(format!("{name} was not measured")))
            }
        }
    }
}

/// Returns a number of each edge; of two edges between the same ends the second is named with its protocol.
fn of_edges(report: &Report, of: fn(&EdgeRow) -> Option<f64>) -> Answer {
    let mut values = BTreeMap::new();
    for edge in edges(report) {
        let Some(value) = of(edge) else { continue };
        let mut name = format!("{} -> {}", edge.from, edge.to);
        if values.contains_key(&name) {
            let mode = if edge.sync { "sync" } else { "async" };
            name = format!("{name} ({mode} {})", edge.protocol);
        }
        values.insert(name, Sample::of_one(value));
    }
    Answer::Each(values)
}

/// Returns the graph without directions.
fn graph(report: &Report) -> Undirected {
    let numbers: BTreeMap<&str, u32> = nodes(report)
        .map(|service| service.name.as_str())
        .zip(0..)
        .collect();
    let pairs = edges(report).filter_map(|edge| {
        let from = numbers.get(edge.from.as_str())?;
        Some((*from, *numbers.get(edge.to.as_str())?))
    });
    Undirected::new(numbers.len(), pairs)
}

/// Returns how many nodes each component has, by the first name in it.
fn components(report: &Report) -> Answer {
    let found = connected_components(&graph(report));
    let names: Vec<&str> = nodes(report).map(|service| service.name.as_str()).collect();
    let members = found.members().into_iter();
    Answer::Each(
        members
            .filter_map(|members| {
                let of = members.iter().map(|node| names[*node as usize]);
                let name = format!("the part of {}", of.min()?);
                Some((name, Sample::of_one(members.len() as f64)))
            })
            .collect(),
    )
}

/// Returns how many ordered pairs of nodes are so many edges apart.
fn hops(report: &Report) -> Answer {
    let (largest, _) = largest_component(&graph(report));
    let distances = undirected_distances(&largest);
    let pairs = distances.histogram.iter().zip(0u32..);
    Answer::Each(
        pairs
            .filter(|(count, _)| **count > 0)
            .map(|(count, distance)| {
                let sample = Sample {
                    value: f64::from(distance),
                    count: *count,
                };
                (format!("{distance:06} hops"), sample)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_a_policy_may_ask_for_is_explained() {
        let further = [
            "local_clustering_by_service",
            "service_communication_hops",
            "service_connection_count",
        ];
        for name in METRICS
            .iter()
            .chain(&SERVICES)
            .chain(&EDGES)
            .chain(&further)
        {
            assert!(crate::explain::find(name).is_some(), "{name}");
        }
    }
}
