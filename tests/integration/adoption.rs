//! What a team meets that takes up the gate: what closes it, the story of a violation, the grammar of the lock, broken input.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::gate::{ends, repository, topple, traces};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A policy with a rule that is broken and one that warns.
const POLICY: &str = "version: 1\nrules:\n  - { id: no-stock, why: Cart owns the stock., forbid: { from: web, to: stock } }\n  - { id: no-pay, severity: warn, forbid: { from: web, to: pay } }\n";

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn what_closes_the_gate_is_chosen_and_every_output_agrees() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let both = [("web", "stock"), ("web", "pay")];
    for (calls, level, code, gate) in [
        (&both[..], "error", 1, "closed"),
        (&both, "warn", 1, "closed"),
        (&both, "never", 0, "open"),
        (&both[1..], "error", 0, "open"),
        (&both[1..], "warn", 1, "closed"),
        (&both[1..], "never", 0, "open"),
    ] {
        // The callee that nobody calls is there, so that the rule about it can be judged.
        let calls = [calls, &[("cart", "stock"), ("cart", "pay")]].concat();
        fs::write(root.join("traces.jsonl"), traces(&calls)).unwrap();
        let check = [
            "check",
            "traces.jsonl",
            "--fail-on",
            level,
            "-f",
            "pretty",
            "-o",
            "v.json",
            "-o",
            "v.xml",
            "-o",
            "v.sarif",
            "-o",
            "v.md",
        ];
        let said = ends(&topple(root, &check), code);
        assert!(said.starts_with(&format!("gate {gate}: ")), "{said}");
        let verdict = &json(root, "v.json")["verdict"];
        assert_eq!(verdict["gate"], gate);
        assert_eq!(verdict["fail_on"], level);
        let junit = fs::read_to_string(root.join("v.xml")).unwrap();
        assert_eq!(junit.contains("<failure"), code == 1);
        let sarif = fs::read_to_string(root.join("v.sarif")).unwrap();
        assert_eq!(
            sarif.contains("\"level\": \"error\",\n          \"locations\""),
            code == 1
        );
        let md = fs::read_to_string(root.join("v.md")).unwrap();
        assert!(md.contains(&format!("the gate is {gate}")), "{md}");
    }
}

#[test]
fn input_that_cannot_be_read_in_part_opens_nothing() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let calls = [("web", "cart"), ("cart", "stock"), ("cart", "pay")];
    fs::create_dir(root.join("traces")).unwrap();
    fs::write(root.join("traces/a.jsonl"), traces(&calls)).unwrap();
    ends(&topple(root, &["check", "traces"]), 0);
    fs::write(root.join("traces/b.json"), "no traces at all").unwrap();
    let check = [
        "check", "traces", "-f", "pretty", "-o", "v.json", "-o", "v.sarif",
    ];
    let said = ends(&topple(root, &check), 2);
    assert!(said.contains("gate unknown: "), "{said}");
    assert_eq!(json(root, "v.json")["verdict"]["gate"], "unknown");
    assert_eq!(json(root, "v.json")["verdict"]["unread"], true);
    let run = &json(root, "v.sarif")["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn input_of_which_nothing_was_understood_is_no_input() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let damaged = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}"#;
    let good = traces(&[("web", "cart")]);
    let both = format!("{damaged}\n{good}");
    for (content, code) in [
        ("no traces at all", 2),
        (damaged, 2),
        (r#"{"resourceSpans":[]}"#, 3),
        ("", 3),
    ] {
        fs::write(root.join("t.json"), content).unwrap();
        for part in ["report", "check", "hubs", "simulate"] {
            let arguments: &[&str] = match part {
                "simulate" => &[part, "t.json", "--kill", "cart"],
                part => &[part, "t.json"],
            };
            if part != "simulate" || code == 2 {
                ends(&topple(root, arguments), code);
            }
        }
    }
    // What is outside of the window was understood.
    fs::write(root.join("t.json"), both).unwrap();
    let outside = [
        "diff",
        "t.json",
        "t.json",
        "--since",
        "2090-01-01T00:00:00Z",
    ];
    let said = ends(&topple(root, &outside), 3);
    assert!(!said.contains("no span was understood"), "{said}");
}

#[test]
fn a_story_without_rules_has_no_baseline() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("traces.jsonl"), traces(&[("web", "cart")])).unwrap();
    let explain = ["explain", "x:y", "traces.jsonl", "--base", "main"];
    let said = ends(&topple(root, &explain), 2);
    assert!(said.contains("found no topple.yaml"), "{said}");
    fs::write(root.join("topple.yaml"), "version: 1\n").unwrap();
    let said = ends(&topple(root, &explain), 2);
    assert!(
        said.contains("topple.yaml: expected rules that judge against --base, found none"),
        "{said}"
    );
}

#[test]
fn a_violation_a_rule_and_a_finding_have_a_story() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let calls = [("web", "stock"), ("web", "cart"), ("cart", "pay")];
    fs::write(root.join("traces.jsonl"), traces(&calls)).unwrap();
    let explain = |name: &str, code| ends(&topple(root, &["explain", name, "traces.jsonl"]), code);
    let said = explain("no-stock:web->stock", 0);
    for part in [
        "fail no-stock\n  web calls stock: 1 call\n  why: Cart owns the stock.\n",
        "seen: 1 of 1, proved",
        "at: topple.yaml:3",
        "- { rule: \"no-stock\", edge: { from: \"web\", to: \"stock\" }",
        "rules.forbid: nobody of these calls anybody of those",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(explain("no-stock", 0), said);
    let said = explain("no-pay", 0);
    assert!(said.starts_with("pass no-pay\n  3 checked\n"), "{said}");
    let said = explain("no-stock:web->stok", 2);
    assert!(
        said.contains("did you mean \"no-stock:web->stock\"?"),
        "{said}"
    );
    let said = ends(&topple(root, &["explain", "no-stock:web->stock"]), 2);
    assert!(said.contains("topple explain ID traces/"), "{said}");

    let shop = Path::new(ROOT).join("testdata/recorded/shop.pb");
    let shop = shop.to_str().unwrap();
    fs::remove_file(root.join("topple.yaml")).unwrap();
    ends(&topple(root, &["report", shop, "-o", "shop.json"]), 0);
    let report = json(root, "shop.json");
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let id = finding["id"].as_str().unwrap();
        let said = ends(&topple(root, &["explain", id, shop]), 0);
        assert!(said.contains("What it cannot see"), "{id}: {said}");
    }
}

#[test]
fn a_report_of_the_gate_is_a_baseline_that_knows_what_was_objected_to() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    fs::write(
        root.join("traces.jsonl"),
        traces(&[("web", "stock"), ("web", "pay")]),
    )
    .unwrap();
    let check = ["check", "traces.jsonl", "-f", "pretty", "-o", "old.json"];
    ends(&topple(root, &check), 1);
    let again = ["check", "traces.jsonl", "--new-only", "--base", "old.json"];
    let said = ends(&topple(root, &again), 0);
    assert!(said.contains("2 excused"), "{said}");
}

#[test]
fn shipped_locks_keep_to_the_grammar() {
    let folder = repository();
    let root = folder.path();
    let schema = ends(&topple(root, &["schema", "lock"]), 0);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let patterns: Vec<Regex> = schema["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| Regex::new(line["pattern"].as_str().unwrap()).unwrap())
        .collect();
    for input in [
        "recorded/shop.pb",
        "recorded/shop-node.jsonl",
        "formats/zipkin-list.json",
    ] {
        let input = Path::new(ROOT).join("testdata").join(input);
        ends(
            &topple(root, &["init", input.to_str().unwrap(), "--force"]),
            0,
        );
        let lock = fs::read_to_string(root.join("topple.lock")).unwrap();
        assert!(lock.lines().count() > 3, "{lock}");
        for line in lock.lines() {
            let kinds = patterns.iter().filter(|pattern| pattern.is_match(line));
            assert_eq!(kinds.count(), 1, "{line}");
        }
    }
}
