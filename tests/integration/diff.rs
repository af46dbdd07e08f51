//! `topple diff` on a recorded pair of days, on what their sides can be written as, and on data of others.

use std::fs;
use std::path::Path;

use serde_json::Value;
use topple::compare::compare;
use topple::compare::side::Side;
use topple::pipeline::{Progress, sides};
use topple::report::diff::{Diff, Place, State, Thing};

use crate::cli::{check, code, root, run, stdout};
use crate::support::{options, shared};

const BEFORE: &str = "testdata/changes/before.json.zst";
const AFTER: &str = "testdata/changes/after.json.zst";

fn side(path: &Path) -> Side {
    sides::side(&options(&[path]), &Progress::default())
        .unwrap()
        .0
}

fn diff(base: &Path, head: &Path) -> Diff {
    compare(&side(base), &side(head), &Default::default())
}

#[test]
fn the_change_of_the_release_is_named() {
    check(
        "diff",
        root(),
        &[
            &["diff", BEFORE, AFTER],
            &["diff", BEFORE, AFTER, "-f", "md"],
            &["diff", BEFORE, AFTER, "--focus", "cart", "-v"],
            &["diff", BEFORE, BEFORE],
        ],
    );
}

#[test]
fn what_cannot_be_compared_is_refused_in_a_sentence() {
    check(
        "diff_refused",
        root(),
        &[
            &["diff", BEFORE],
            &["diff", BEFORE, AFTER, "-f", "csv"],
            &["diff", BEFORE, AFTER, "-o", "diff.svg"],
            &["diff", BEFORE, AFTER, "--focus", "payments"],
            &["diff", "-", "-"],
        ],
    );
}

#[test]
fn a_side_that_is_not_there_is_an_error() {
    let output = run(root(), &["diff", BEFORE, "nowhere"]);
    assert_eq!(code(&output), 2);
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    let wanted = "error: expected a file, or a commit of this clone, found \"nowhere\"\n";
    assert!(said.starts_with(wanted), "{said}");
}

#[test]
fn a_side_without_spans_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.json");
    fs::write(&empty, "{\"resourceSpans\":[]}").unwrap();
    let output = run(root(), &["diff", BEFORE, empty.to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    let said = String::from_utf8(output.stdout).unwrap();
    let wanted = "Nothing is known of what changed: HEAD holds nothing to compare.\n";
    assert!(said.starts_with(wanted), "{said}");
}

#[test]
fn topologies_say_what_their_traces_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut folded = Vec::new();
    for day in [BEFORE, AFTER] {
        let path = folder.path().join(format!("{}.topo", folded.len()));
        let output = run(root(), &["fold", "-q", day, "-o", path.to_str().unwrap()]);
        assert_eq!(code(&output), 0);
        folded.push(path);
    }
    let traces = diff(&root().join(BEFORE), &root().join(AFTER));
    let topologies = diff(&folded[0], &folded[1]);
    assert_eq!(traces.causes, topologies.causes);
    assert_eq!(traces.edges, topologies.edges);
    assert_eq!(traces.operations, topologies.operations);
    assert_eq!(traces.entries, topologies.entries);
    assert_eq!(traces.presence, topologies.presence);
}

#[test]
fn a_report_gives_estimates_and_a_lock_the_graph_alone() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("before.json");
    fs::write(&report, stdout(&["report", BEFORE, "-f", "json"])).unwrap();
    let estimated = diff(&report, &root().join(AFTER));
    let first = &estimated.causes[0];
    assert_eq!(first.place, Place::Own("payment".to_owned()));
    assert!(
        first.estimated && first.text.contains("by estimate"),
        "{}",
        first.text
    );
    // Half of the requests are checkouts, the others do not pay.
    let (low, high) = first.interval;
    assert!(low < first.change && first.change < high);
    assert!((15e6..35e6).contains(&first.change), "{}", first.change);
    assert!(estimated.untold[0].starts_with("BASE is a JSON report"));

    let lock = folder.path().join("topple.lock");
    fs::write(&lock, "edge cart -> gone http sync\n").unwrap();
    let facts = diff(&lock, &root().join(AFTER));
    assert_eq!(facts.tested, 0);
    assert!(facts.untold[0].ends_with("BASE is a lock, which holds no numbers"));
    let gone = facts
        .presence
        .iter()
        .find(|presence| presence.what == Thing::Service("gone".to_owned()));
    assert_eq!(gone.unwrap().state, State::NotSeenNow);
}

#[test]
fn the_json_has_every_number_with_its_interval() {
    let json: Value =
        serde_json::from_str(&stdout(&["diff", BEFORE, AFTER, "-f", "json"])).unwrap();
    assert_eq!(json["schema"], "topple/diff/1");
    assert_eq!(json["causes"][0]["place"]["own"], "payment");
    let edges = json["edges"].as_array().unwrap();
    let payment = edges.iter().find(|edge| edge["to"] == "payment").unwrap();
    let server = &payment["server_ns"];
    let number = |name: &str| server[name].as_f64().unwrap();
    assert!(number("low") < 50e6 && 50e6 < number("high"));
    assert!((number("head") - number("base") - number("change")).abs() < 1e-3);
    assert_eq!(server["differs"], true);
    assert!(payment["p50_ns"]["low"].is_number());
    assert_eq!(json["presence"][0]["state"], "added");
}

#[test]
fn threads_make_no_difference() {
    let one = stdout(&["diff", BEFORE, AFTER, "-f", "json", "-j", "1"]);
    assert_eq!(
        one,
        stdout(&["diff", BEFORE, AFTER, "-f", "json", "-j", "7"])
    );
}

/// Somebody delayed the network of `ts-basic-service` for a minute: the train ticket system, when its recordings are there.
#[test]
fn the_delayed_service_of_the_train_tickets_is_named_first() {
    let Some(folder) = shared("data/otlp") else {
        return;
    };
    let [normal, fault] = [
        "trainticket-normal-1139.jsonl",
        "trainticket-fault-basic-netdelay-1207.jsonl",
    ]
    .map(|name| folder.join(name));
    let diff = diff(&normal, &fault);
    let first = &diff.causes[0];
    let Place::Between(_, to) = &first.place else {
        panic!("{}", first.text);
    };
    assert_eq!(to, "ts-basic-service", "{}", first.text);
    let report = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    fs::write(
        report.path(),
        stdout(&["report", normal.to_str().unwrap(), "-f", "json"]),
    )
    .unwrap();
    let first = &crate::diff::diff(report.path(), &fault).causes[0];
    assert!(
        first.place.names().contains(&"ts-basic-service"),
        "{}",
        first.text
    );
}
