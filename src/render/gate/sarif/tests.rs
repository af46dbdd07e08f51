//! SARIF against what its specification says of the objects we write, and against what GitHub asks for.

use std::collections::BTreeSet;

use super::*;
use crate::render::gate::sample::{checked, hostile, many};
use crate::render::sample::{check, rendered};
use crate::report::verdict::Outcome;

fn sarif(report: &Report) -> String {
    rendered(&SARIF, report, Options::default())
}

fn log(report: &Report) -> Value {
    serde_json::from_str(&sarif(report)).unwrap()
}

/// Returns an object schema with these required and these further properties, and no others.
fn object(required: &[(&str, Value)], further: &[(&str, Value)]) -> Value {
    let mut properties = serde_json::Map::new();
    for (name, schema) in required.iter().chain(further) {
        properties.insert((*name).to_owned(), schema.clone());
    }
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": names })
}

fn list(items: &Value, least: usize) -> Value {
    json!({ "type": "array", "items": items, "minItems": least })
}

/// Returns the part of the format that we write as JSON Schema, written from the specification: `sarifLog` (3.13), `run` (3.14),
/// `tool` (3.18), `invocation` (3.20), `result` (3.27), `location` (3.28), `physicalLocation` (3.29), `suppression` (3.35),
/// `codeFlow` (3.36), `reportingDescriptor` (3.49). Messages are not empty, lines count from 1.
fn schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let message = object(&[("text", text.clone())], &[]);
    let level = json!({ "enum": ["none", "note", "warning", "error"] });
    let bag = json!({ "type": "object" });
    let physical = object(
        &[
            (
                "artifactLocation",
                object(
                    &[
                        (
                            "uri",
                            json!({ "type": "string", "pattern": "^([A-Za-z0-9._~-]|%[0-9A-F]{2})([A-Za-z0-9._~/-]|%[0-9A-F]{2})*$" }),
                        ),
                        ("uriBaseId", json!({ "const": "%SRCROOT%" })),
                    ],
                    &[],
                ),
            ),
            (
                "region",
                object(
                    &[("startLine", json!({ "type": "integer", "minimum": 1 }))],
                    &[],
                ),
            ),
        ],
        &[],
    );
    let logical = object(
        &[
            ("fullyQualifiedName", json!({ "type": "string" })),
            ("kind", text.clone()),
            ("name", json!({ "type": "string" })),
        ],
        &[],
    );
    let location = object(
        &[("physicalLocation", physical)],
        &[
            ("logicalLocations", list(&logical, 1)),
            ("message", message.clone()),
        ],
    );
    let step = object(
        &[
            ("location", location.clone()),
            ("executionOrder", json!({ "type": "integer", "minimum": 0 })),
        ],
        &[],
    );
    let thread = object(&[("locations", list(&step, 1))], &[]);
    let result = object(
        &[
            (
                "kind",
                json!({ "enum": ["pass", "open", "informational", "notApplicable", "review", "fail"] }),
            ),
            ("level", level.clone()),
            ("locations", list(&location, 1)),
            ("message", message.clone()),
            (
                "partialFingerprints",
                json!({ "type": "object", "additionalProperties": text, "minProperties": 1 }),
            ),
            ("ruleId", text.clone()),
            ("ruleIndex", json!({ "type": "integer", "minimum": 0 })),
            (
                "suppressions",
                list(
                    &object(
                        &[("kind", json!({ "enum": ["inSource", "external"] }))],
                        &[
                            (
                                "status",
                                json!({ "enum": ["accepted", "underReview", "rejected"] }),
                            ),
                            ("justification", text.clone()),
                        ],
                    ),
                    0,
                ),
            ),
        ],
        &[
            (
                "baselineState",
                json!({ "enum": ["new", "unchanged", "updated", "absent"] }),
            ),
            (
                "codeFlows",
                list(&object(&[("threadFlows", list(&thread, 1))], &[]), 1),
            ),
            ("properties", bag.clone()),
        ],
    );
    let described = json!({ "type": "string", "minLength": 1, "maxLength": 1_024 });
    let description = object(&[("text", described)], &[]);
    let rule = object(
        &[
            (
                "id",
                json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
            ),
            ("shortDescription", description.clone()),
            ("fullDescription", description),
            (
                "help",
                object(&[("text", text.clone()), ("markdown", text.clone())], &[]),
            ),
            (
                "properties",
                json!({ "required": ["tags"], "properties": { "tags": { "uniqueItems": true, "maxItems": 10, "items": text } } }),
            ),
        ],
        &[
            (
                "name",
                json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
            ),
            (
                "defaultConfiguration",
                object(&[("level", level.clone())], &[]),
            ),
        ],
    );
    let driver = object(
        &[
            ("name", text.clone()),
            ("version", text.clone()),
            ("semanticVersion", text.clone()),
            ("rules", list(&rule, 0)),
        ],
        &[],
    );
    let notification = object(&[("message", message)], &[("level", level)]);
    let invocation = object(
        &[("executionSuccessful", json!({ "type": "boolean" }))],
        &[("toolExecutionNotifications", list(&notification, 0))],
    );
    let run = object(
        &[
            ("tool", object(&[("driver", driver)], &[])),
            ("results", list(&result, 0)),
            ("automationDetails", object(&[("id", text)], &[])),
            (
                "columnKind",
                json!({ "enum": ["utf16CodeUnits", "unicodeCodePoints"] }),
            ),
            ("invocations", list(&invocation, 0)),
            ("originalUriBaseIds", bag.clone()),
        ],
        &[("properties", bag)],
    );
    object(
        &[
            ("version", json!({ "const": "2.1.0" })),
            ("runs", list(&run, 1)),
        ],
        &[("$schema", json!({ "type": "string" }))],
    )
}

#[test]
fn the_gate_of_the_shop_in_sarif() {
    let mut log = log(&checked());
    // The texts of explanations are no business of this test.
    for rule in log["runs"][0]["tool"]["driver"]["rules"]
        .as_array_mut()
        .unwrap()
    {
        let help = rule["help"]["text"].as_str().unwrap();
        let headings = help.lines().take(2).collect::<Vec<_>>().join("\n");
        rule["help"] = json!({ "text": headings });
    }
    let text = serde_json::to_string_pretty(&log).unwrap();
    check("render_gate_sarif", &text);
}

#[test]
fn logs_keep_to_the_specification() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for report in [Report::default(), checked(), hostile(), many(3)] {
        let log = log(&report);
        let errors: Vec<String> = validator
            .iter_errors(&log)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
    let mut wrong = log(&checked());
    wrong["runs"][0]["results"][0]["locations"] = json!([]);
    assert!(
        !validator.is_valid(&wrong),
        "a result without a place is refused"
    );
}

#[test]
fn results_name_their_rules_and_differ() {
    for report in [checked(), hostile()] {
        let log = log(&report);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), rules.len());
        let mut prints = BTreeSet::new();
        for result in run["results"].as_array().unwrap() {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(rules[index]["id"], result["ruleId"]);
            let print = &result["partialFingerprints"]["primaryLocationLineHash"];
            assert!(prints.insert(print.as_str().unwrap()), "{result}");
            let level = result["level"].as_str().unwrap();
            assert_eq!(level == "none", result["kind"] != "fail", "section 3.27.10");
            let is_suppressed = result["suppressions"] != json!([]);
            assert!(!is_suppressed || ["note", "none"].contains(&level));
        }
    }
}

#[test]
fn too_many_results_leave_the_loudest() {
    let mut verdict = many(25_003).verdict.unwrap();
    for violation in verdict.violations.iter_mut().take(5) {
        violation.level = Outcome::Warn;
    }
    let results = results::results(&verdict, &rules::Rules::new(&verdict));
    assert_eq!(results.len(), 25_000);
    let warnings = results.iter().filter(|result| result["level"] == "warning");
    assert_eq!(warnings.count(), 2);
    let note = results::left_out(&verdict).unwrap();
    assert_eq!(note["message"]["text"], "3 results left out");
    assert!(results::left_out(&many(3).verdict.unwrap()).is_none());
}

#[test]
fn messages_hold_no_links_and_no_placeholders() {
    assert_eq!(
        plain("[a](b) {0} {id} {} {12} {1"),
        "[a] (b) {{0}} {id} {} {{12}} {1"
    );
    assert_eq!(plain("\u{1b}[0m"), "\\x1b[0m");
}

#[test]
fn paths_are_written_as_references() {
    assert_eq!(uri("src/a b#1:c.rs"), "src/a%20b%231%3Ac.rs");
    assert_eq!(uri("\u{e9}"), "%C3%A9");
}
