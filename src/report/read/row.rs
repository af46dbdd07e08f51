//! Services, edges and entry points.

use serde_json::Value;

use super::{count, named, number, texts};
use crate::model::peer::Protocol;
use crate::report::{
    BlastRadius, Dependency, EdgeRow, EntryRadius, EntryRow, Kind, Quantiles, Redundancy, Service,
    Standing, Tie, Transmissibility,
};
use crate::text;
use crate::trace::link::{EntryKind, Grade};

const KINDS: [Kind; 6] = [
    Kind::Service,
    Kind::Database,
    Kind::Cache,
    Kind::Queue,
    Kind::External,
    Kind::Users,
];

const REDUNDANCIES: [Redundancy; 4] = [
    Redundancy::Unknown,
    Redundancy::OneInstance,
    Redundancy::Instances,
    Redundancy::Zones,
];

const DEPENDENCIES: [Dependency; 3] = [Dependency::Hard, Dependency::Soft, Dependency::Unknown];

/// How a timeout may be known.
const TIMEOUT_SOURCES: [&str; 3] = ["declared", "captured", "inferred"];

pub(super) fn service(row: &Value) -> Option<Service> {
    let tags = row["tags"].as_object().into_iter().flatten();
    Some(Service {
        name: row["name"].as_str()?.to_owned(),
        kind: named(&KINDS, Kind::name, &row["kind"])?,
        tags: tags
            .filter_map(|(tag, value)| Some((tag.clone(), value.as_str()?.to_owned())))
            .collect(),
        source: None,
        instances: count(&row["instances"]),
        versions: texts(&row["versions"]),
        zones: texts(&row["zones"]),
        regions: texts(&row["regions"]),
        hosts: count(&row["hosts"]),
        spans: count(&row["spans"]),
        failed_spans: count(&row["failed_spans"]),
        in_degree: count(&row["in_degree"]),
        out_degree: count(&row["out_degree"]),
        degree: count(&row["degree"]),
        standing: standing(row),
    })
}

fn standing(row: &Value) -> Standing {
    let is = |name: &str| row[name].as_bool().unwrap_or(false);
    Standing {
        clustering: row["clustering"].as_f64(),
        betweenness: row["betweenness"].as_f64(),
        betweenness_half_width: row["betweenness_half_width"].as_f64(),
        traffic_betweenness: row["traffic_betweenness"].as_f64(),
        pagerank: row["pagerank"].as_f64(),
        core: row["core"].as_u64(),
        level: row["level"].as_f64(),
        hub: is("hub"),
        orchestrator: is("orchestrator"),
        infrastructure: is("infrastructure"),
        entry: is("entry"),
        redundancy: named(&REDUNDANCIES, Redundancy::name, &row["redundancy"]).unwrap_or_default(),
        articulation: is("articulation"),
        cut_off: count(&row["cut_off"]),
        immediate_dominator: row["immediate_dominator"].as_str().map(str::to_owned),
        dominated: count(&row["dominated"]),
        blast_radius: row.get("blast_radius").map(blast_radius),
    }
}

fn blast_radius(row: &Value) -> BlastRadius {
    let entries = row["entries"].as_array().into_iter().flatten();
    BlastRadius {
        touch: number(&row["touch"]),
        hard_low: number(&row["hard_low"]),
        hard_high: number(&row["hard_high"]),
        from_elsewhere: (
            number(&row["elsewhere_low"]),
            number(&row["elsewhere_high"]),
        ),
        interval: (number(&row["low"]), number(&row["high"])),
        observed: row["observed"].as_f64(),
        entries: entries
            .filter_map(|of| {
                Some(EntryRadius {
                    service: of["service"].as_str()?.to_owned(),
                    operation: of["operation"].as_str()?.to_owned(),
                    requests: number(&of["requests"]),
                    touch: number(&of["touch"]),
                    hard_low: number(&of["hard_low"]),
                    hard_high: number(&of["hard_high"]),
                })
            })
            .collect(),
    }
}

pub(super) fn edge(row: &Value) -> Option<EdgeRow> {
    let errors = &row["errors"];
    let retries = &row["retries"];
    let timeout = &row["timeout_ns"];
    Some(EdgeRow {
        from: row["from"].as_str()?.to_owned(),
        to: row["to"].as_str()?.to_owned(),
        sync: row["mode"].as_str()? == "sync",
        protocol: named(&Protocol::ALL, Protocol::name, &row["protocol"])
            .unwrap_or_default()
            .name(),
        direct: row["direct"].as_bool().unwrap_or(false),
        calls: number(&row["calls"]),
        attempts: number(&row["attempts"]),
        served: number(&row["served"]),
        errors_both: number(&errors["both"]),
        errors_client_only: number(&errors["client_only"]),
        errors_server_only: number(&errors["server_only"]),
        client_4xx: number(&errors["client_4xx"]),
        timeouts: number(&row["timeouts"]),
        retries: ["marked", "hidden", "inferred"].map(|how| number(&retries[how])),
        retry_amplification: row["retry_amplification"].as_f64(),
        max_attempts: row["max_attempts"].as_u64(),
        timeout_ns: timeout["value"].as_u64().zip(named(
            &TIMEOUT_SOURCES,
            |name| name,
            &timeout["source"],
        )),
        client_ns: quantiles(&row["client_ns"]),
        server_ns: quantiles(&row["server_ns"]),
        network_ns: quantiles(&row["network_ns"]),
        queue_ns: quantiles(&row["queue_ns"]),
        fan_out: number(&row["fan_out"]),
        fan_out_max: count(&row["fan_out_max"]),
        critical_path_share: row["critical_path_share"].as_f64(),
        in_flight: row["in_flight"].as_f64(),
        evidence: Grade::ALL
            .iter()
            .filter_map(|grade| Some((grade.name(), row["evidence"][grade.name()].as_u64()?)))
            .collect(),
        zones: pairs(&row["zones"]),
        regions: pairs(&row["regions"]),
        versions: pairs(&row["versions"]),
        error_types: error_types(&row["error_types"]),
        seen: time(&row["first_seen"]).zip(time(&row["last_seen"])),
        tie: tie(row),
        exemplars: texts(&row["exemplars"]),
        failed_exemplars: texts(&row["failed_exemplars"]),
        slowest_exemplars: texts(&row["slowest_exemplars"]),
    })
}

fn time(value: &Value) -> Option<u64> {
    text::time_of(value.as_str()?)
}

/// Returns counts by a property of caller and callee; an unknown property is absent.
fn pairs(value: &Value) -> Vec<(String, String, u64)> {
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pairs = value.as_array().into_iter().flatten();
    pairs
        .map(|pair| {
            (
                name(&pair["from"]),
                name(&pair["to"]),
                count(&pair["attempts"]),
            )
        })
        .collect()
}

/// Returns the kinds of errors in their order: the most frequent first, then by name.
fn error_types(value: &Value) -> Vec<(String, u64)> {
    let all = value.as_object().into_iter().flatten();
    let mut all: Vec<(String, u64)> = all
        .map(|(kind, times)| (kind.clone(), count(times)))
        .collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

fn tie(row: &Value) -> Option<Tie> {
    let tau = &row["transmissibility"];
    let (failed, answered) = (&row["when_callee_failed"], &row["when_callee_answered"]);
    Some(Tie {
        dependency: named(&DEPENDENCIES, Dependency::name, &row["dependency"])?,
        transmissibility: tau["value"].as_f64().map(|value| Transmissibility {
            value,
            low: number(&tau["low"]),
            high: number(&tau["high"]),
        }),
        failed_calls: count(&failed["calls"]),
        both_failed: count(&failed["caller_failed"]),
        good_calls: count(&answered["calls"]),
        failed_alone: count(&answered["caller_failed"]),
    })
}

pub(super) fn entry(row: &Value) -> Option<EntryRow> {
    let depth = &row["sync_depth"];
    Some(EntryRow {
        service: row["service"].as_str()?.to_owned(),
        operation: row["operation"].as_str()?.to_owned(),
        kind: named(&EntryKind::ALL, EntryKind::name, &row["kind"])?.name(),
        requests: number(&row["requests"]),
        failed: number(&row["failed"]),
        weight: row["weight"].as_f64(),
        health_checks: count(&row["health_checks"]),
        duration_ns: quantiles(&row["duration_ns"]),
        late: [None; 3],
        sync_depth: (
            count(&depth["p50"]),
            count(&depth["p95"]),
            count(&depth["max"]),
        ),
        exemplars: texts(&row["exemplars"]),
        failed_exemplars: texts(&row["failed_exemplars"]),
        slowest_exemplars: texts(&row["slowest_exemplars"]),
    })
}

fn quantiles(row: &Value) -> Quantiles {
    Quantiles {
        count: count(&row["count"]),
        sum: sum(&row["sum"]),
        p50: count(&row["p50"]),
        p90: count(&row["p90"]),
        p99: count(&row["p99"]),
        max: count(&row["max"]),
    }
}

/// Returns a sum; past 64 bits it is known to the precision of a double.
fn sum(value: &Value) -> u128 {
    match value.as_u64() {
        Some(sum) => u128::from(sum),
        None => number(value) as u128,
    }
}
