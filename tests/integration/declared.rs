//! Baselines and folded files that were written under another policy than the one that judges.

use std::fs;
use std::path::Path;

use crate::gate::{ends, repository, topple, traces, unwrapped};

/// Writes a policy with an entry point of this weight.
fn write_policy(root: &Path, weight: u64, more: &str) {
    let policy = format!(
        "version: 1\nentrypoints: {{ home: {{ service: web, operation: \"GET /\", weight: {weight} }} }}\n\
         metrics: {{ max_blast_radius: {{ ratchet: lower }}, nodes: {{ fail: 9 }} }}\n{more}"
    );
    fs::write(root.join("topple.yaml"), policy).unwrap();
}

fn said(root: &Path, arguments: &[&str], code: i32) -> String {
    unwrapped(&ends(&topple(root, arguments), code))
}

const CALLS: [(&str, &str); 3] = [("web", "cart"), ("cart", "stock"), ("batch", "stock")];

const OTHERWISE: &str = "was written when the policy said something else of entrypoints: numbers that rest on that may differ";

#[test]
fn a_report_and_a_lock_of_other_weights_are_no_silent_baseline() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("traces.jsonl"), traces(&CALLS)).unwrap();
    write_policy(root, 2, "");
    ends(
        &topple(root, &["report", "traces.jsonl", "-o", "base.json"]),
        0,
    );
    ends(
        &topple(root, &["check", "traces.jsonl", "--update-lock"]),
        0,
    );
    let of_report = ["check", "traces.jsonl", "--base", "base.json"];
    let of_lock = ["check", "traces.jsonl"];
    for same in [&of_report[..], &of_lock] {
        let text = said(root, same, 0);
        assert!(!text.contains("something else"), "{text}");
    }

    write_policy(root, 50, "");
    for (arguments, name) in [(&of_report[..], "base.json"), (&of_lock, "topple.lock")] {
        let output = topple(root, arguments);
        let text = unwrapped(&String::from_utf8_lossy(&output.stdout));
        assert!(text.contains(&format!("{name} {OTHERWISE}")), "{text}");
    }
    let text = said(root, &["diff", "base.json", "traces.jsonl"], 0);
    assert!(
        text.contains("the policy said something else of entrypoints when one side was written"),
        "{text}"
    );

    // Who takes the numbers of today takes what they rest on.
    ends(
        &topple(
            root,
            &[
                "check",
                "traces.jsonl",
                "--update-lock",
                "--accept=max_blast_radius",
            ],
        ),
        0,
    );
    let text = said(root, &of_lock, 0);
    assert!(!text.contains("something else"), "{text}");
    let lock = fs::read_to_string(root.join("topple.lock")).unwrap();
    assert_eq!(
        lock.lines()
            .filter(|line| line.starts_with("declared entrypoints "))
            .count(),
        1,
        "{lock}"
    );
}

#[test]
fn limits_and_objectives_are_nothing_that_numbers_rest_on() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("traces.jsonl"), traces(&CALLS)).unwrap();
    write_policy(root, 2, "");
    ends(
        &topple(root, &["report", "traces.jsonl", "-o", "base.json"]),
        0,
    );
    write_policy(
        root,
        2,
        "evidence: { min_calls: 3 }\nrules: [ { id: cycles, acyclic: { edges: sync } } ]\n",
    );
    let text = said(root, &["check", "traces.jsonl", "--base", "base.json"], 0);
    assert!(!text.contains("something else"), "{text}");
}

#[test]
fn a_file_folded_without_what_the_policy_asks_for_says_so() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("traces.jsonl"), traces(&CALLS)).unwrap();
    ends(
        &topple(root, &["fold", "traces.jsonl", "-o", "old.topo"]),
        0,
    );
    let tags = "services: { tags: { team: service.owner } }\n";
    write_policy(root, 1, tags);
    ends(
        &topple(root, &["fold", "traces.jsonl", "-o", "new.topo"]),
        0,
    );
    let stale = "traces were folded when the policy said something else of services.tags";
    for (input, is_stale) in [
        ("old.topo", true),
        ("new.topo", false),
        ("traces.jsonl", false),
    ] {
        let text = said(root, &["check", input, "--base", "new.topo"], 0);
        assert_eq!(text.contains(stale), is_stale, "{text}");
        let text = said(root, &["check", "traces.jsonl", "--base", input], 0);
        assert_eq!(
            text.contains(&format!("{input}: {stale}")),
            is_stale,
            "{text}"
        );
        let text = said(root, &["report", input], 0);
        assert_eq!(text.contains(stale), is_stale, "{text}");
        let text = said(root, &["diff", input, "new.topo"], 0);
        assert_eq!(text.contains(&format!("BASE: {stale}")), is_stale, "{text}");
    }
    // Of both together a part is stale.
    let text = said(root, &["report", "old.topo", "new.topo"], 0);
    assert!(text.contains(stale), "{text}");
}
