//! Reads a JSON report back: everything that rules judge and comparisons compare.
//!
//! That is services, edges, entry points, metrics and findings, each as it was written. Left out on purpose: what nothing
//! is compared by, such as chains of failures, notes and what to fix first. What a JSON report never had are the distributions behind its
//! quantiles.

mod finding;

mod row;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::numbers::METRICS;
use crate::report::{Data, Metric, Report};

/// What the schema of every report begins with.
const SCHEMA: &str = "topple/report/";

/// The schema that is understood.
const KNOWN: &str = "topple/report/1";

/// Returns whether content begins like a JSON report.
pub fn is_report(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    head.trim_start().starts_with('{') && head.contains(&format!("\"{SCHEMA}"))
}

/// What a JSON report says.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The report.
    pub report: Report,
    /// The ids of what the gate objected to in it, if it was judged.
    pub objections: BTreeSet<String>,
    /// Findings of kinds that are not known here: another version wrote them.
    pub strange_findings: u64,
}

/// Returns what a JSON text says, or why it is no report that anything could be compared with.
///
/// # Errors
/// Fails unless it is a report of the known schema, and of everything that was read.
pub fn read(text: &str) -> Result<Said, String> {
    let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let schema = root["schema"].as_str().unwrap_or("none");
    if schema != KNOWN {
        return Err(format!("expected the schema {KNOWN}, found {schema}"));
    }
    for (name, what) in [
        ("edges", "edges"),
        ("entries", "entry points"),
        ("findings", "findings"),
    ] {
        if !root[name].is_array() {
            return Err(format!(
                "which has {what}; the report of a part has none: write one with topple report -f json"
            ));
        }
    }
    if let Some(service) = root["focus"].as_str() {
        return Err(format!(
            "of all services, found the neighbourhood of {service}: write one without --focus"
        ));
    }
    let list = |name: &str| root[name].as_array().map(Vec::as_slice).unwrap_or_default();
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
    let findings: Vec<_> = list("findings").iter().filter_map(finding::read).collect();
    let strange_findings = (list("findings").len() - findings.len()) as u64;
    let report = Report {
        data: Data {
            traces: root["data"]["traces"].as_u64().unwrap_or(0),
            ..Data::default()
        },
        services: list("services").iter().filter_map(row::service).collect(),
        edges: list("edges").iter().filter_map(row::edge).collect(),
        entries: list("entries").iter().filter_map(row::entry).collect(),
        metrics,
        findings,
        ..Report::default()
    };
    Ok(Said {
        report,
        objections,
        strange_findings,
    })
}

/// Returns a number; zero if there is none.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// Returns a count or a time; zero if there is none. Larger ones than anybody measures are cut, so that sums of them fit.
fn count(value: &Value) -> u64 {
    const MOST: u64 = 1 << 60;
    value.as_u64().unwrap_or(0).min(MOST)
}

/// Returns the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}

/// Returns the one of a few that has this name.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, value: &Value) -> Option<T> {
    let text = value.as_str()?;
    all.iter().copied().find(|one| name(*one) == text)
}
