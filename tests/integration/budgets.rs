//! What the calls and requests of the recorded shop may take, through the library and through the binary.

use std::path::Path;

use serde_json::Value;
use topple::pipeline::{self, Progress};
use topple::report::Part;

use crate::cli::{SHOP, stdout};
use crate::support::{options, report};

#[test]
fn the_recorded_shop_is_measured_once_whatever_is_asked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHOP);
    let whole = report(&path);
    let (budgets, _) = pipeline::budgets(&options(&[&path]), &Progress::default()).unwrap();
    assert_eq!(budgets.part, Part::Budgets);
    assert_eq!(whole.metrics, budgets.metrics);
    assert_eq!(whole.edges, budgets.edges);
    assert_eq!(whole.budgets.calls, budgets.budgets.calls);
    // Nothing but the part on budgets shows them.
    assert!(whole.budgets.entries.is_empty() && !budgets.budgets.entries.is_empty());
    for entry in &budgets.budgets.entries {
        let all: f64 = entry.spenders.iter().map(|of| of.share).sum();
        assert!(all <= 1.0 + 1e-9, "{}: {all}", entry.operation);
    }
    // What is said of a pair is said of its edges.
    let has_budget = budgets.edges.iter();
    let has_budget: Vec<_> = has_budget
        .filter(|edge| edge.max_attempts.is_some())
        .collect();
    assert_eq!(has_budget.len(), budgets.budgets.calls.len());
    for edge in has_budget {
        let mut calls = budgets.budgets.calls.iter();
        let call = calls
            .find(|call| call.from == edge.from && call.to == edge.to)
            .unwrap();
        assert_eq!(edge.retry_amplification, call.amplification);
    }
}

#[test]
fn every_format_of_budgets_says_where_the_time_goes() {
    let table = stdout(&["budgets", SHOP]);
    assert!(table.contains("\nWhere the time goes, "), "{table}");
    let json: Value = serde_json::from_str(&stdout(&["budgets", SHOP, "-f", "json"])).unwrap();
    assert_eq!(json["schema"], "topple/report/1");
    assert!(json["budgets"]["entries"][0]["spenders"][0]["share"].is_number());
    assert!(json["edges"][0].get("from").is_some());
    let md = stdout(&["budgets", SHOP, "-f", "md"]);
    assert!(md.contains("### Where the time goes"), "{md}");
    let csv = stdout(&["budgets", SHOP, "-f", "csv"]);
    assert!(
        csv.lines().next().unwrap().contains(",max_attempts,"),
        "{csv}"
    );
    assert_eq!(stdout(&["budgets", SHOP, "-f", "dot"]), "");
}
