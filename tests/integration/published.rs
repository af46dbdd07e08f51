//! What the gate writes against the schemas that OASIS and Jenkins publish.
//!
//! They are documents of their owners and not kept here. That of SARIF is in the package `serde-sarif`, that of JUnit
//! (`junit-4.xsd`, the strictest that Jenkins published) in the package `junit-report`: dependencies of these tests for that one file each. Cargo
//! says where it unpacked them, and what the gate writes is validated by them in every run. JUnit is also read back with a parser that others
//! use, and its counts are held against its cases.

use std::fs;
use std::path::Path;
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

/// Returns what a command of cargo prints.
fn cargo(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(args).current_dir(ROOT).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a file of a package that these tests depend on.
fn file_of(package: &str, file: &str) -> String {
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
    let found = packages.find(|found| found["name"] == package);
    let manifest = Path::new(found.unwrap()["manifest_path"].as_str().unwrap());
    fs::read_to_string(manifest.with_file_name(file)).unwrap()
}

/// Returns the schema of SARIF 2.1.0.
fn sarif_schema() -> Value {
    let schema = file_of("serde-sarif", "src/schema.json");
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

/// Validates JUnit by the published schema.
fn valid_by_jenkins(junit: &str) {
    let schema = file_of("junit-report", "tests/JUnit.xsd");
    assert!(schema.contains("svn.jenkins-ci.org") && schema.contains("junit-4.xsd"));
    let schema = uppsala::parse(&schema).unwrap();
    let schema = uppsala::XsdValidator::from_schema(&schema).unwrap();
    let errors = |junit: &str| schema.validate(&uppsala::parse(junit).unwrap());
    let found = errors(junit);
    assert!(found.is_empty(), "{found:?}");
    // It does not look for attributes of elements that hold text alone.
    assert!(!junit.contains("<skipped ") && !junit.contains("<system-out "));
    // What it forbids it does find: attributes that are unknown or missing, elements that are unknown or in the wrong order.
    for (from, to) in [
        ("<testcase ", "<testcase loud=\"yes\" "),
        ("<testsuite name=", "<testsuite title="),
        ("</testsuites>", "<verdict/></testsuites>"),
        ("</system-out>", "</system-out><skipped>late</skipped>"),
        ("<skipped>", "<skipped><why/>"),
    ] {
        let wrong = junit.replace(from, to);
        assert!(wrong != junit && !errors(&wrong).is_empty(), "{from}");
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
    let junit = fs::read_to_string(root.join("gate.xml")).unwrap();
    valid_by_jenkins(&junit);
    parsed_by_others(junit.as_bytes());
}
