//! Who is central in the recorded shop, through the library and through the binary.

use std::path::Path;

use serde_json::Value;
use topple::pipeline::{self, Progress};
use topple::report::{Grade, Part};

use crate::cli::{SHOP, stdout};
use crate::support::{options, report};

#[test]
fn the_recorded_shop_is_measured_once_whatever_is_asked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHOP);
    let whole = report(&path);
    let (hubs, _) = pipeline::hubs(&options(&[&path]), &Progress::default()).unwrap();
    assert_eq!((whole.part, hubs.part), (Part::Whole, Part::Hubs));
    assert_eq!(whole.metrics, hubs.metrics);
    assert_eq!(whole.services, hubs.services);
    let metric = |name: &str| whole.metric(name).unwrap();
    assert_eq!(metric("articulation_points"), 4.0);
    assert_eq!(metric("largest_cycle"), 0.0);
    assert_eq!(metric("diameter"), 4.0);
    let inventory = whole.services.iter().find(|of| of.name == "inventory");
    let inventory = &inventory.unwrap().standing;
    assert!(inventory.articulation && !inventory.hub);
    assert_eq!((inventory.cut_off, inventory.dominated), (1, 1));
    // 20 of the 51 requests, weighted.
    let through = inventory.traffic_betweenness.unwrap();
    assert!((through - 20.0 / 51.0).abs() < 1e-9, "{through}");
    let untold: Vec<_> = whole
        .findings
        .iter()
        .filter(|of| of.grade == Grade::Unknown)
        .collect();
    assert!(untold.len() >= 4 && untold.iter().all(|of| !of.text.is_empty()));
}

#[test]
fn every_format_of_hubs_says_who_is_central() {
    let table = stdout(&["hubs", SHOP]);
    assert!(table.contains("\nNo hubs: "), "{table}");
    assert!(table.contains("\nMost central, three ways "), "{table}");
    let json: Value = serde_json::from_str(&stdout(&["hubs", SHOP, "-f", "json"])).unwrap();
    assert_eq!(json["schema"], "topple/report/1");
    assert!(json.get("edges").is_none());
    assert_eq!(json["services"][0]["name"], "inventory");
    assert!(json["services"][0]["betweenness"].is_number());
    let md = stdout(&["hubs", SHOP, "-f", "md"]);
    assert!(md.contains("### Most central, three ways"), "{md}");
    assert_eq!(stdout(&["hubs", SHOP, "-f", "dot"]), "");
}

#[test]
fn focus_keeps_what_is_near_and_findings_about_it() {
    let text = stdout(&["hubs", SHOP, "-f", "json", "--focus", "payments"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = json["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["orders", "payments", "shipping"]);
    assert!(text.contains("single-points:orders") && !text.contains("single-points:web"));
}

#[test]
fn words_stand_among_the_metrics_and_ancestors_with_the_services() {
    let json: Value = serde_json::from_str(&stdout(&["hubs", SHOP, "-f", "json"])).unwrap();
    assert_eq!(json["metrics"]["power_law_verdict"], "insufficient data");
    assert!(json["metrics"]["topology_class"].is_string());
    let services = json["services"].as_array().unwrap();
    let nobody_above = |service: &Value| service["ancestors"] == 0;
    for service in services {
        assert_eq!(
            service["in_degree"] == 0,
            nobody_above(service),
            "{service}"
        );
    }
    assert!(services.iter().any(|service| !nobody_above(service)));
}
