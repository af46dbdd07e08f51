//! What if something in the recorded shop were other than it was, through the binary.

use std::path::Path;

use serde_json::Value;
use topple::pipeline::{self, Progress};
use topple::simulate::{Question, Verb};

use crate::cli::{SHOP, check, stdout};
use crate::support::options;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn a_dead_service_takes_along_what_its_blast_radius_says() {
    let path = Path::new(ROOT).join(SHOP);
    let (report, _) = pipeline::report(&options(&[&path]), &Progress::default()).unwrap();
    for service in &report.services {
        let question = Question {
            changes: vec![Verb::Kill.read(&service.name).unwrap()],
            runs: 100,
            seed: 1,
        };
        let (of, _) =
            pipeline::simulate(&options(&[&path]), &question, &Progress::default()).unwrap();
        let of = of.simulation.unwrap();
        let radius = service.standing.blast_radius.as_deref().unwrap();
        let lost = of.all.lost();
        // Some requests fall already, so that fewer can be lost than need the service.
        let failed = 1.0 - of.all.before;
        assert!(
            lost.high <= radius.hard_high + 1e-9,
            "{}: {lost:?} {radius:?}",
            service.name
        );
        assert!(
            lost.low >= radius.hard_low - failed - 1e-9,
            "{}: {lost:?} {radius:?}",
            service.name
        );
    }
}

#[test]
fn threads_and_inputs_in_another_order_change_no_byte() {
    let changes = [
        "--slow",
        "payments=+200ms",
        "--retries",
        "orders=2",
        "--errors",
        "pricing=10%",
    ];
    let with = |threads: &str, format: &str| {
        let mut arguments = vec![
            "simulate", SHOP, "-j", threads, "-f", format, "--runs", "500",
        ];
        arguments.extend(changes);
        stdout(&arguments)
    };
    for format in ["table", "json", "md"] {
        let one = with("1", format);
        assert!(!one.is_empty());
        assert_eq!(one, with("2", format));
        assert_eq!(one, with("8", format));
    }
}

#[test]
fn json_says_everything_by_name() {
    let json = stdout(&["simulate", SHOP, "--slow", "payments=+200ms", "-f", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "topple/simulation/1");
    assert_eq!(json["changes"][0], "--slow payments=+200ms");
    assert_eq!(
        (&json["drawn"], &json["seed"]),
        (&Value::Bool(true), &Value::from(1))
    );
    let entries = json["entries"].as_array().unwrap();
    let checkout = entries
        .iter()
        .find(|entry| entry["operation"] == "POST /checkout")
        .unwrap();
    let p50 = |when: &str| checkout[when]["p50"]["value"].as_u64().unwrap();
    assert!(p50("duration_after_ns") > p50("duration_before_ns") + 150_000_000);
    assert!(!json["assumptions"].as_array().unwrap().is_empty());
    assert!(!json["untold"].as_array().unwrap().is_empty());
}

#[test]
fn questions_are_answered_or_refused() {
    check(
        "simulate",
        Path::new(ROOT),
        &[
            &["simulate", "-h"],
            &["simulate", SHOP, "--kill", "inventory", "--top", "3"],
            &[
                "simulate",
                SHOP,
                "--errors",
                "payments=20%",
                "--retries",
                "payments=3",
                "-f",
                "md",
                "--top",
                "2",
            ],
            &["simulate", SHOP],
            &["simulate", SHOP, "--kill", "inventry"],
            &["simulate", SHOP, "--cut", "orders->web"],
            &["simulate", SHOP, "--load", "POST /chekout=x2"],
            &["simulate", SHOP, "--slow", "orders=200ms"],
            &["simulate", SHOP, "--retries", "orders=0"],
            &["simulate", SHOP, "--kill", "orders", "-f", "csv"],
            &[
                "simulate",
                "testdata/formats/otlp-plain-numbers.json",
                "--kill",
                "shop",
                "-q",
            ],
        ],
    );
}

#[test]
fn nothing_to_go_through_is_not_enough() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.json"), "{\"resourceSpans\":[]}").unwrap();
    check(
        "simulate_nothing",
        folder.path(),
        &[&["simulate", "empty.json", "--kill", "shop"]],
    );
}
