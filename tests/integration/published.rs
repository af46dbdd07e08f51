//! What the gate writes against the schemas that OASIS and Jenkins publish.
//!
//! They are documents of their owners and not kept here: the variable `TOPPLE_SCHEMAS` names a folder that has them, under the
//! last part of their addresses in `tests/schemas/validate.py`. Without it these tests check nothing; what is known of the formats
//! without the documents is checked beside the renderers. The script validates, because the schema of SARIF has a pattern that is no
//! regular expression to stricter readers, and the one of JUnit is XML Schema.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::gate::{ends, repository, topple};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Rules that pass, fail, warn, are waived and cannot be judged, on a recorded shop.
const POLICY: &str = r#"version: 1
entrypoints: { report: { service: web, operation: "*", slo: { p99: 1ns } } }
rules:
  - { id: holds, forbid: { from: pricing, to: payments } }
  - { id: <broken> & "loud", why: "Payments \u007b0\u007d [has](one) caller.", callers: { of: payments, only: [nobody] } }
  - { id: warns, severity: warn, forbid: { from: orders, to: payments, transitive: true } }
  - { id: waived, forbid: { from: orders, to: pricing } }
  - { id: untold, callers: { of: vault, only: [nobody] } }
  - { id: slow, slo: { entrypoints: "*" } }
  - { id: quick, timeouts: { nested: true } }
metrics: { nodes: { fail: 1 } }
network_health_metrics: { each: { query: degree, alert_threshold: 2 } }
waivers:
  - { rule: waived, reason: "soon gone", expires: 2027-01-31 }
"#;

/// Returns the folder with the schemas, if there is one.
fn schemas() -> Option<PathBuf> {
    std::env::var_os("TOPPLE_SCHEMAS").map(PathBuf::from)
}

#[test]
fn what_the_gate_writes_is_valid_by_the_published_schemas() {
    let folder = repository();
    let root = folder.path();
    fs::write(root.join("topple.yaml"), POLICY).unwrap();
    let shop = Path::new(ROOT).join("testdata/recorded/shop.pb");
    let check = [
        "check",
        shop.to_str().unwrap(),
        "--today",
        "2027-01-01",
        "-o",
        "gate.sarif",
        "-o",
        "gate.xml",
    ];
    ends(&topple(root, &check), 1);
    let sarif = fs::read(root.join("gate.sarif")).unwrap();
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    for kind in ["fail", "open"] {
        assert!(
            results.iter().any(|result| result["kind"] == kind),
            "{kind}"
        );
    }
    let Some(schemas) = schemas() else { return };
    let output = Command::new("python3")
        .arg(Path::new(ROOT).join("tests/schemas/validate.py"))
        .args(["gate.sarif", "gate.xml", "--schemas"])
        .arg(schemas)
        .current_dir(root)
        .output()
        .unwrap();
    ends(&output, 0);
}
