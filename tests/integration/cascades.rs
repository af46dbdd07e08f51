//! What falls when one part falls, through the binary.

use std::path::Path;

use serde_json::Value;
use topple::pipeline::{self, Progress};
use topple::report::{Part, Start, Stop};

use crate::cli::{SHOP, stdout};
use crate::support::{options, report, shared};

#[test]
fn shares_are_the_same_whatever_is_asked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHOP);
    let whole = report(&path);
    let (cascades, _) = pipeline::cascades(&options(&[&path]), &Progress::default()).unwrap();
    assert_eq!(cascades.part, Part::Cascades);
    assert_eq!(whole.services, cascades.services);
    assert_eq!(whole.chains, cascades.chains);
    assert!(whole.ways.is_empty() && !cascades.ways.is_empty());
    for service in &whole.services {
        let radius = service.standing.blast_radius.as_deref().unwrap();
        let shares = [0.0, radius.hard_low, radius.hard_high, radius.touch, 1.0];
        assert!(shares.is_sorted(), "{}: {radius:?}", service.name);
        assert!(radius.interval().0 <= radius.hard_low && radius.hard_high <= radius.interval().1);
    }
}

#[test]
fn every_format_says_what_falls() {
    let table = stdout(&["cascades", SHOP]);
    assert!(
        table.contains("\nWhat falls without a service, "),
        "{table}"
    );
    let json: Value = serde_json::from_str(&stdout(&["cascades", SHOP, "-f", "json"])).unwrap();
    assert!(json["services"][0]["blast_radius"]["touch"].is_number());
    assert!(json["ways"].is_array() && json["chains"].is_array());
    let lost = json["survival"].as_array().unwrap();
    let left = |of: &Value| of["targeted_low"].as_f64().unwrap();
    assert!(!lost.is_empty() && lost.is_sorted_by(|a, b| left(a) >= left(b)));
    let radius = &json["services"][0]["blast_radius"];
    for share in ["touch", "hard_low", "hard_high"] {
        let end = |end: &str| radius["intervals"][share][end].as_f64().unwrap();
        let value = radius[share].as_f64().unwrap();
        assert!((end("low")..=end("high")).contains(&value), "{radius}");
    }
    let md = stdout(&["cascades", SHOP, "-f", "md"]);
    assert!(md.contains("### What falls without a service"), "{md}");
    let csv = stdout(&["cascades", SHOP, "-f", "csv"]);
    assert!(
        csv.lines().next().unwrap().contains(",dependency,"),
        "{csv}"
    );
    assert_eq!(stdout(&["cascades", SHOP, "-f", "dot"]), "");
}

#[test]
fn focus_tells_the_story_of_one_service() {
    let text = stdout(&["cascades", SHOP, "--focus", "payments"]);
    let callers = text.split("\nWho waits for it").nth(1).unwrap();
    let (callers, callees) = callers.split_once("\nWhat it waits for").unwrap();
    assert!(
        callers.contains("<- orders ") && callers.contains("  <- web "),
        "{text}"
    );
    assert!(callees.contains("The most probable ways up"), "{text}");
}

#[test]
fn a_service_that_is_down_and_says_nothing_is_found() {
    let Some(folder) = shared("data/otlp") else {
        return;
    };
    let report = report(&folder.join("otel-demo-startup.jsonl"));
    let silent: Vec<_> = report
        .chains
        .iter()
        .filter(|chain| chain.start == Start::Silent)
        .map(|chain| chain.origin())
        .collect();
    assert!(silent.contains(&"cartservice"), "{silent:?}");
    assert!(report.chains.iter().any(|chain| chain.stop == Stop::Entry));
}
