//! Reads a JSON report back, as far as later runs are compared with it: nodes, edges, entry points, and numbers.
//!
//! Findings, distributions behind quantiles and examples are left out: nothing compares them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::peer::Protocol;
use crate::report::numbers::METRICS;
use crate::report::{Data, EdgeRow, EntryRow, Kind, Metric, Quantiles, Report, Service};
use crate::trace::link::{EntryKind, Grade};

/// What the schema of every report begins with.
const SCHEMA: &str = "topple/report/";

/// The schema that is understood.
const KNOWN: &str = "topple/report/1";

/// Returns whether content begins like a JSON report.
pub fn is_report(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    head.trim_start().starts_with('{') && head.contains(&format!("\"{SCHEMA}"))
}

/// Returns the report of a JSON text and the ids of what the gate objected to in it, or why there is none.
pub fn read(text: &str) -> Result<(Report, BTreeSet<String>), String> {
    let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let schema = root["schema"].as_str().unwrap_or("none");
    if schema != KNOWN {
        return Err(format!("expected the schema {KNOWN}, found {schema}"));
    }
    let list = |name: &str| root[name].as_array().map(Vec::as_slice).unwrap_or_default();
    if !root["edges"].is_array() {
        return Err("which has edges; the report of a part has none".to_owned());
    }
    let metrics = METRICS
        .iter()
        .filter_map(|name| {
            let value = root["metrics"][*name].as_f64()?;
            Some(Metric { name, value })
        })
        .collect();
    let objections = root["verdict"]["violations"].as_array();
    let objections = objections.into_iter().flatten();
    let objections = objections
        .filter(|found| found["level"] != "unknown")
        .filter_map(|found| found["id"].as_str().map(str::to_owned))
        .collect();
    let report = Report {
        data: Data {
            traces: root["data"]["traces"].as_u64().unwrap_or(0),
            ..Data::default()
        },
        services: list("services").iter().filter_map(service).collect(),
        edges: list("edges").iter().filter_map(edge).collect(),
        entries: list("entries").iter().filter_map(entry).collect(),
        metrics,
        ..Report::default()
    };
    Ok((report, objections))
}

fn service(row: &Value) -> Option<Service> {
    let kinds = [
        Kind::Service,
        Kind::Database,
        Kind::Cache,
        Kind::Queue,
        Kind::External,
        Kind::Users,
    ];
    let kind = row["kind"].as_str().unwrap_or("service");
    let count = |name: &str| row[name].as_u64().unwrap_or(0);
    let tags = row["tags"].as_object().into_iter().flatten();
    let mut service = Service {
        name: row["name"].as_str()?.to_owned(),
        kind: kinds.into_iter().find(|known| known.name() == kind)?,
        tags: tags
            .filter_map(|(tag, value)| Some((tag.clone(), value.as_str()?.to_owned())))
            .collect(),
        instances: count("instances"),
        versions: row["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|version| Some(version.as_str()?.to_owned()))
            .collect(),
        spans: count("spans"),
        failed_spans: count("failed_spans"),
        in_degree: count("in_degree"),
        out_degree: count("out_degree"),
        degree: count("degree"),
        ..Service::default()
    };
    let standing = &mut service.standing;
    standing.betweenness = row["betweenness"].as_f64();
    standing.clustering = row["clustering"].as_f64();
    standing.core = row["core"].as_u64();
    standing.level = row["level"].as_f64();
    standing.pagerank = row["pagerank"].as_f64();
    standing.traffic_betweenness = row["traffic_betweenness"].as_f64();
    Some(service)
}

fn edge(row: &Value) -> Option<EdgeRow> {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let protocol = row["protocol"].as_str().unwrap_or_default();
    let protocol = Protocol::ALL
        .into_iter()
        .find(|known| known.name() == protocol);
    Some(EdgeRow {
        from: row["from"].as_str()?.to_owned(),
        to: row["to"].as_str()?.to_owned(),
        sync: row["mode"].as_str()? == "sync",
        direct: row["direct"].as_bool().unwrap_or(false),
        protocol: protocol.unwrap_or_default().name(),
        calls: number(&row["calls"]),
        attempts: number(&row["attempts"]),
        served: number(&row["served"]),
        errors_both: number(&row["errors"]["both"]),
        errors_client_only: number(&row["errors"]["client_only"]),
        errors_server_only: number(&row["errors"]["server_only"]),
        client_4xx: number(&row["errors"]["client_4xx"]),
        timeouts: number(&row["timeouts"]),
        client_ns: quantiles(&row["client_ns"]),
        server_ns: quantiles(&row["server_ns"]),
        network_ns: quantiles(&row["network_ns"]),
        queue_ns: quantiles(&row["queue_ns"]),
        fan_out: number(&row["fan_out"]),
        fan_out_max: row["fan_out_max"].as_u64().unwrap_or(0),
        critical_path_share: row["critical_path_share"].as_f64(),
        evidence: Grade::ALL
            .iter()
            .filter_map(|grade| Some((grade.name(), row["evidence"][grade.name()].as_u64()?)))
            .collect(),
        ..EdgeRow::default()
    })
}

fn entry(row: &Value) -> Option<EntryRow> {
    let number = |name: &str| row[name].as_f64().unwrap_or(0.0);
    let kind = row["kind"].as_str()?;
    let mut kinds = EntryKind::ALL.into_iter().map(EntryKind::name);
    Some(EntryRow {
        service: row["service"].as_str()?.to_owned(),
        operation: row["operation"].as_str()?.to_owned(),
        kind: kinds.find(|known| *known == kind)?,
        requests: number("requests"),
        failed: number("failed"),
        weight: row["weight"].as_f64(),
        health_checks: row["health_checks"].as_u64().unwrap_or(0),
        duration_ns: quantiles(&row["duration_ns"]),
        ..EntryRow::default()
    })
}

fn quantiles(row: &Value) -> Quantiles {
    let ns = |name: &str| row[name].as_u64().unwrap_or(0);
    Quantiles {
        count: ns("count"),
        sum: u128::from(ns("sum")),
        p50: ns("p50"),
        p90: ns("p90"),
        p99: ns("p99"),
        max: ns("max"),
    }
}
