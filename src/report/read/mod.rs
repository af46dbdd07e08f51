//! Reads a JSON report back: everything that rules judge and comparisons compare.
//!
//! That is services, edges, entry points, metrics and findings, each as it was written. Left out on purpose: what nothing
//! is compared by, such as chains of failures, notes and what to fix first. What a JSON report never had are the distributions behind its
//! quantiles. What is not there is not known; what is there and is not what it should be is an error that names its place.

mod field;

mod finding;

mod row;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::numbers::METRICS;
use crate::report::read::field::{Field, Read};
use crate::report::{Data, Finding, Metric, Report};

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
    let root = Field::new(&root, "");
    let metrics_said = root.part("metrics")?;
    let mut metrics = Vec::new();
    for name in METRICS {
        if let Some(value) = metrics_said.at(name).some_number()? {
            metrics.push(Metric { name, value });
        }
    }
    let mut declared = BTreeSet::new();
    for (name, hash) in root.part("declared")?.parts()? {
        declared.insert((name.to_owned(), hash.text()?.to_owned()));
    }
    let mut objections = BTreeSet::new();
    for found in root.part("verdict")?.at("violations").list()? {
        if found.at("level").text()? != "unknown" {
            objections.insert(found.at("id").text()?.to_owned());
        }
    }
    let findings = each(&root, "findings", finding::read)?;
    let all_findings = findings.len();
    let findings: Vec<Finding> = findings.into_iter().flatten().collect();
    let strange_findings = (all_findings - findings.len()) as u64;
    let report = Report {
        data: Data {
            traces: root.part("data")?.at("traces").count()?,
            ..Data::default()
        },
        services: each(&root, "services", row::service)?,
        edges: each(&root, "edges", row::edge)?,
        entries: each(&root, "entries", row::entry)?,
        metrics,
        findings,
        declared,
        ..Report::default()
    };
    Ok(Said {
        report,
        objections,
        strange_findings,
    })
}

/// Reads each record of a list.
fn each<T>(root: &Field<'_>, name: &str, read: impl Fn(&Field<'_>) -> Read<T>) -> Read<Vec<T>> {
    let rows = root.at(name).list()?;
    rows.iter().map(|row| read(row.object()?)).collect()
}
