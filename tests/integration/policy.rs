//! The policy file: what the program makes of it, and what the numbers it names are worth.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use topple::pipeline;
use topple::policy::query::{Answer, Query};
use topple::report::numbers::{METRICS, VOCABULARY, lookup};

use crate::cli::{SHOP, stdout};
use crate::support::report;

const FULL: &str = "testdata/policy/full/topple.yaml";

fn shop() -> topple::report::Report {
    report(&Path::new(env!("CARGO_MANIFEST_DIR")).join(SHOP))
}

#[test]
fn the_program_knows_every_name_of_the_full_policy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FULL);
    let policy = pipeline::policy(path.to_str()).unwrap().unwrap();
    assert_eq!(policy.rules.len(), 22);
}

#[test]
fn every_number_of_a_report_has_a_name_that_policies_know() {
    assert!(METRICS.is_sorted());
    assert!(VOCABULARY.services.is_sorted() && VOCABULARY.edges.is_sorted());
    let report: Value = serde_json::from_str(&stdout(&[SHOP, "-f", "json"])).unwrap();
    let known = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    for metric in report["metrics"].as_object().unwrap().keys() {
        assert!(
            METRICS.contains(&metric.as_str()),
            "name {metric} in METRICS of src/report/numbers.rs"
        );
    }
    // Parts of records follow a dot; names, lists, counts by kind and sums of times are no numbers to judge by.
    let numbers = |records: &Value| -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for record in records.as_array().unwrap() {
            for (name, value) in record.as_object().unwrap() {
                if value.is_number() {
                    names.insert(name.clone());
                } else if let Some(parts) = value.as_object()
                    && !["evidence", "error_types"].contains(&name.as_str())
                {
                    names.extend(parts.keys().map(|part| format!("{name}.{part}")));
                }
            }
        }
        names.retain(|name| !name.ends_with(".sum") && !name.ends_with(".count"));
        names
    };
    let services = numbers(&report["services"]);
    let unknown: Vec<_> = services
        .difference(&known(VOCABULARY.services))
        .cloned()
        .collect();
    assert!(
        unknown.is_empty(),
        "name {unknown:?} in src/report/numbers.rs"
    );
    let edges = numbers(&report["edges"]);
    let unknown: Vec<_> = edges
        .difference(&known(VOCABULARY.edges))
        .cloned()
        .collect();
    assert!(
        unknown.is_empty(),
        "name {unknown:?} in src/report/numbers.rs"
    );
}

#[test]
fn queries_agree_with_the_metrics_of_the_report() {
    let report = shop();
    for (query, metric) in [
        ("avg(service_communication_hops)", "average_path_length"),
        ("max(service_communication_hops)", "diameter"),
        ("avg(local_clustering_by_service)", "average_clustering"),
        ("max(service_connection_count)", "max_degree"),
        ("avg(degree)", "average_degree"),
        ("gini(degree)", "degree_gini"),
        ("count(connected_components)", "connected_components"),
        ("max(connected_components)", "largest_component"),
        ("count(degree)", "nodes"),
        ("sum(in_degree) - self_edges", "edges"),
    ] {
        let parsed = Query::new(query, &VOCABULARY).unwrap();
        let found = parsed.evaluate(&|name| lookup(&report, name)).unwrap();
        let expected = report.metrics.iter().find(|known| known.name == metric);
        let expected = expected.unwrap().value;
        let Answer::One(found) = found else {
            panic!("{query}: {found:?}");
        };
        assert!(
            (found - expected).abs() < 1e-12,
            "{query} is {found}, {metric} is {expected}"
        );
    }
}

#[test]
fn numbers_are_those_of_the_report() {
    let report = shop();
    let value = |name: &str, of: &str| match lookup(&report, name) {
        Ok(Answer::Each(values)) => values.get(of).map(|sample| sample.value),
        answer => panic!("{name}: {answer:?}"),
    };
    for service in &report.services {
        let degree = (service.name != "(users)").then_some(service.degree as f64);
        assert_eq!(value("degree", &service.name), degree);
    }
    let edge = report
        .edges
        .iter()
        .find(|edge| edge.to == "payments" && edge.from == "orders");
    let edge = edge.unwrap();
    assert_eq!(
        value("client_ns.p99", "orders -> payments"),
        Some(edge.client_ns.p99 as f64)
    );
    assert_eq!(
        value("error_ratio", "orders -> payments"),
        Some(edge.error_ratio())
    );
    // A message seen past its queue is no edge of the graph.
    assert_eq!(value("calls", "orders -> shipping"), None);
    assert!(lookup(&report, "power_law_alpha").is_err());
}
