//! The policy file: what the program makes of it, and what the numbers it names are worth.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use topple::pipeline;
use topple::policy::query::{Answer, Query};
use topple::report::numbers::{METRICS, VOCABULARY, lookup};

use crate::cli::{SHOP, stdout};
use crate::support::{report, shared};

const FULL: &str = "testdata/policy/full/topple.yaml";

fn shop() -> topple::report::Report {
    report(&Path::new(env!("CARGO_MANIFEST_DIR")).join(SHOP))
}

#[test]
fn the_program_knows_every_name_of_the_full_policy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FULL);
    let policy = pipeline::policy(path.to_str()).unwrap().unwrap();
    assert_eq!(policy.rules.len(), 23);
}

/// Records of counts by kind and of evidence, which are no numbers to judge by.
const COUNTED: [&str; 4] = [
    "error_types",
    "evidence",
    "when_callee_answered",
    "when_callee_failed",
];

#[test]
fn every_number_of_a_report_has_a_name_that_policies_know() {
    assert!(METRICS.is_sorted());
    assert!(VOCABULARY.services.is_sorted() && VOCABULARY.edges.is_sorted());
    let report: Value = serde_json::from_str(&stdout(&[SHOP, "-f", "json"])).unwrap();
    let known = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    // Verdicts in words are no numbers to judge by.
    let metrics = report["metrics"].as_object().unwrap().iter();
    for (metric, _) in metrics.filter(|(_, value)| value.is_number()) {
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
                    && !COUNTED.contains(&name.as_str())
                {
                    let parts = parts.iter().filter(|(_, value)| value.is_number());
                    names.extend(parts.map(|(part, _)| format!("{name}.{part}")));
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

/// Returns a schema that the program prints, ready to use.
fn schema(what: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&stdout(&["schema", what])).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn reports_of_real_data_are_valid() {
    let schema = schema("report");
    let folders = ["data/jaeger", "data/zipkin"]
        .into_iter()
        .filter_map(shared);
    let mut inputs: Vec<String> = folders
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    inputs.extend([SHOP.to_owned(), "testdata/formats".to_owned()]);
    for input in &inputs {
        for command in ["report", "hubs"] {
            let report: Value =
                serde_json::from_str(&stdout(&[command, input, "-f", "json"])).unwrap();
            let errors: Vec<String> = schema
                .iter_errors(&report)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{command} {input}: {errors:#?}");
        }
    }
}

#[test]
fn the_schema_of_policies_names_every_section() {
    let schema: Value = serde_json::from_str(&stdout(&["schema", "rules"])).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let sections = schema["properties"].as_object().unwrap();
    assert_eq!(sections.len(), 15);
}

#[test]
fn the_schema_of_policies_refuses_what_nobody_knows() {
    let schema = schema("rules");
    assert!(schema.is_valid(&serde_json::json!({ "version": 1, "rules": [] })));
    assert!(!schema.is_valid(&serde_json::json!({ "version": 1, "rule": [] })));
}

#[test]
fn the_policy_of_the_readme_is_one() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("\n```yaml\n").unwrap();
    let (policy, _) = rest.split_once("\n```").unwrap();
    let mistakes = topple::policy::read(policy, &VOCABULARY).err();
    assert_eq!(mistakes, None);
}

#[test]
fn mistakes_are_errors_with_a_mark_and_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/policy/broken/several.yaml");
    let error = pipeline::policy(path.to_str()).unwrap_err();
    assert_eq!(error.each().count(), 6);
    for error in error.each() {
        assert!(error.to_string().contains("several.yaml:"), "{error}");
        assert!(error.excerpt().unwrap().contains('^'));
    }
}
