//! Where in the repository results are shown, as far as code scanning and code quality see it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::gate::{ends, repository, topple, traces};

const POLICY: &str = "version: 1
services:
  define:
    - { match: web, source: web/main.go }
    - { match: cart, source: \"services/{name}/\" }
rules:
  - { id: no-stock, forbid: { from: \"*\", to: stock } }
  - { id: no-cycles, acyclic: { edges: sync } }
";

/// Returns what one of the formats for machines says.
fn checked(root: &Path, format: &str, arguments: &[&str]) -> Value {
    let all = [&["check", "traces.jsonl", "-f", format], arguments].concat();
    let output = topple(root, &all);
    ends(&output, 1);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns file and line of a physical location.
fn place(location: &Value) -> String {
    let physical = &location["physicalLocation"];
    let file = physical["artifactLocation"]["uri"].as_str().unwrap();
    format!("{file}:{}", physical["region"]["startLine"])
}

/// Returns where each result is shown, by what it is about.
fn places(root: &Path, arguments: &[&str]) -> Vec<String> {
    let sarif = checked(root, "sarif", arguments);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let mut places: Vec<String> = results
        .iter()
        .map(|result| {
            let location = &result["locations"][0];
            let about = location["logicalLocations"][0]["fullyQualifiedName"].as_str();
            format!("{} {}", about.unwrap(), place(location))
        })
        .collect();
    places.sort();
    // What is shown beside a merge request is shown at the same places.
    let quality = checked(root, "gitlab", arguments);
    let mut of_quality: Vec<String> = quality
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| {
            let at = &issue["location"];
            format!("{}:{}", at["path"].as_str().unwrap(), at["lines"]["begin"])
        })
        .collect();
    let mut of_sarif: Vec<&str> = places
        .iter()
        .map(|place| &place[place.rfind(' ').unwrap() + 1..])
        .collect();
    of_quality.sort();
    of_sarif.sort_unstable();
    assert_eq!(of_quality, of_sarif);
    places
}

/// Writes calls to the stock from three services; the caller of each of the first says where in its code that is.
fn write_traces(root: &Path, code: &[&str]) {
    let lines = traces(&[("web", "stock"), ("cart", "stock"), ("pay", "stock")]);
    let mut text = String::new();
    for (number, line) in lines.lines().enumerate() {
        let attributes = match code.get(number) {
            Some(attributes) => format!("\"kind\":3,\"attributes\":[{attributes}],"),
            None => "\"kind\":3,".to_owned(),
        };
        text.push_str(&line.replace("\"kind\":3,", &attributes));
        text.push('\n');
    }
    fs::write(root.join("traces.jsonl"), text).unwrap();
}

#[test]
fn the_code_comes_before_the_lock_the_source_and_the_rule() {
    let folder = repository();
    let root = folder.path();
    fs::create_dir_all(root.join("src/web")).unwrap();
    fs::write(root.join("src/web/client.go"), "").unwrap();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();

    // Neither code nor a lock: the source where it is a file, else the rule.
    write_traces(root, &[]);
    let expected = [
        "cart->stock topple.yaml:7",
        "pay->stock topple.yaml:7",
        "web->stock web/main.go:1",
    ];
    assert_eq!(places(root, &[]), expected);

    // A lock has a line for each edge, also the lock that this run writes.
    let expected = [
        "cart->stock topple.lock:2",
        "pay->stock topple.lock:3",
        "web->stock topple.lock:4",
    ];
    assert_eq!(places(root, &["--update-lock"]), expected);
    assert_eq!(places(root, &[]), expected);
    let lock = fs::read_to_string(root.join("topple.lock")).unwrap();
    assert_eq!(lock.lines().nth(3), Some("edge web -> stock unknown sync"));

    // Code comes first, by its current name or its older one, wherever it was built; what is not in the repository does not.
    write_traces(
        root,
        &[
            r#"{"key":"code.file.path","value":{"stringValue":"/build/7/src/web/client.go"}},{"key":"code.line.number","value":{"intValue":"42"}}"#,
            r#"{"key":"code.filepath","value":{"stringValue":"src/cart.rs"}},{"key":"code.lineno","value":{"intValue":7}}"#,
            r#"{"key":"code.file.path","value":{"stringValue":"/usr/lib/http.py"}}"#,
        ],
    );
    let expected = [
        "cart->stock src/cart.rs:7",
        "pay->stock topple.lock:3",
        "web->stock src/web/client.go:42",
    ];
    assert_eq!(places(root, &[]), expected);
    // A folded file knows as much.
    ends(
        &topple(root, &["fold", "traces.jsonl", "-o", "day.topo"]),
        0,
    );
    fs::rename(root.join("day.topo"), root.join("traces.jsonl")).unwrap();
    assert_eq!(places(root, &[]), expected);
}

#[test]
fn each_step_of_a_path_is_shown_at_its_own_place() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let calls = [("web", "cart"), ("cart", "web")];
    fs::write(root.join("traces.jsonl"), traces(&calls)).unwrap();
    let sarif = checked(root, "sarif", &["--update-lock"]);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let mut cycles = results
        .iter()
        .filter(|result| result["codeFlows"].is_array());
    let flow = &cycles.next().unwrap()["codeFlows"][0]["threadFlows"][0]["locations"];
    let steps: Vec<String> = flow
        .as_array()
        .unwrap()
        .iter()
        .map(|step| place(&step["location"]))
        .collect();
    assert_eq!(steps, ["topple.lock:2", "topple.lock:3", "topple.lock:2"]);
}
