//! What the gate writes against the schemas that OASIS and Jenkins publish.
//!
//! They are documents of their owners and not kept here. That of SARIF is in the package `serde-sarif`, a dependency of these tests
//! for that one file: cargo says where it unpacked it, and everything the gate writes is validated by it in every run. No package
//! on crates.io has the XML Schema of JUnit (`junit-10.xsd`), and nothing there validates by such schemas; the JUnit is therefore read back with a parser
//! that others use, and its counts are held against its cases. Elements, attributes and their order are checked beside the renderer, by a table
//! made from that schema.
//!
//! The schema of JUnit itself, and the corrected edition of that of SARIF, are used when the variable `TOPPLE_SCHEMAS` names a
//! folder that has them, under the last part of their addresses in `tests/schemas/validate.py`.

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

/// Returns what a command of cargo prints.
fn cargo(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(args).current_dir(ROOT).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the schema of SARIF 2.1.0.
fn sarif_schema() -> Value {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    // Packages for other systems are not there, and nothing is fetched.
    let metadata = cargo(&[
        "metadata",
        "--format-version=1",
        "--offline",
        "--locked",
        "--filter-platform",
        host.unwrap(),
    ]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "serde-sarif");
    let manifest = Path::new(package.unwrap()["manifest_path"].as_str().unwrap());
    let schema = manifest.with_file_name("src").join("schema.json");
    let schema = fs::read_to_string(schema).unwrap();
    // A bracket that closes nothing stands for itself only where engines are lenient.
    serde_json::from_str(&schema.replace("{2}]?$", "{2}\\\\]?$")).unwrap()
}

/// Validates a SARIF log by its published schema.
fn valid_by_oasis(sarif: &Value) {
    let schema = sarif_schema();
    let id = schema["$id"].as_str().unwrap();
    assert!(
        id.contains("oasis-tcs") && id.ends_with("sarif-schema-2.1.0.json"),
        "{id}"
    );
    let schema = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(sarif)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // What it forbids it does find.
    let wrong: [fn(&mut Value); 3] = [
        |log| log["version"] = "2.0.0".into(),
        |log| log["runs"][0]["results"][0]["level"] = "loud".into(),
        |log| log["runs"][0]["results"][0]["verdict"] = true.into(),
    ];
    for make in wrong {
        let mut log = sarif.clone();
        make(&mut log);
        assert!(!schema.is_valid(&log));
    }
}

/// Reads JUnit with a parser that others use, and holds its counts against its cases.
fn parsed_by_others(junit: &[u8]) {
    let suites = junit_parser::from_reader(junit).unwrap();
    let cases = || suites.suites.iter().flat_map(|suite| &suite.cases);
    let failed = cases().filter(|case| case.status.is_failure()).count() as u64;
    let skipped = cases().filter(|case| case.status.is_skipped()).count() as u64;
    assert_eq!(
        (suites.tests, suites.failures),
        (cases().count() as u64, failed)
    );
    assert!(failed > 0 && skipped > 0, "{suites:#?}");
    for suite in &suites.suites {
        let failed = suite.cases.iter().filter(|case| case.status.is_failure());
        let skipped = suite.cases.iter().filter(|case| case.status.is_skipped());
        assert_eq!(suite.tests, suite.cases.len() as u64, "{}", suite.name);
        assert_eq!(suite.failures, failed.count() as u64, "{}", suite.name);
        assert_eq!(suite.skipped, skipped.count() as u64, "{}", suite.name);
    }
    let names: Vec<&str> = suites
        .suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    assert!(names.contains(&"<broken> & \"loud\""), "{names:?}");
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
    valid_by_oasis(&sarif);
    parsed_by_others(&fs::read(root.join("gate.xml")).unwrap());
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
