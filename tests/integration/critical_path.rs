//! The critical path against the answers of Jaeger's user interface. Runs when the folder with the cases is there; the
//! definition is also tested on drawings of our own.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use serde_json::Value;
use topple::format::FORMATS;
use topple::input::Record;
use topple::model::SpanId;
use topple::trace::link::Linked;
use topple::trace::path::Path;
use topple::trace::{Assembler, Intake, Traces};

use crate::support::shared;

/// Nanoseconds on the critical path by span, without spans that have none.
type OwnTimes = BTreeMap<SpanId, u64>;

fn read_json(path: &FilePath) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Gives every trace and span a hexadecimal id in place of a word; returns the spans' new ids by their old ones.
fn with_ids(document: &mut Value) -> BTreeMap<String, SpanId> {
    let spans = document["data"][0]["spans"].as_array_mut().unwrap();
    let ids: BTreeMap<String, SpanId> = spans
        .iter()
        .enumerate()
        .map(|(i, span)| {
            (
                span["spanID"].as_str().unwrap().to_owned(),
                SpanId(i as u64 + 1),
            )
        })
        .collect();
    let id = |old: &Value| Value::from(ids[old.as_str().unwrap()].to_string());
    for span in spans {
        span["spanID"] = id(&span["spanID"]);
        span["traceID"] = Value::from("0a");
        for reference in span["references"].as_array_mut().unwrap() {
            reference["spanID"] = id(&reference["spanID"]);
            reference["traceID"] = Value::from("0a");
        }
    }
    ids
}

fn own_times(document: &Value) -> OwnTimes {
    let jaeger = FORMATS
        .iter()
        .find(|format| format.name.contains("jaeger"))
        .unwrap();
    let mut intake = Intake::new(None);
    Record::with_copy(document.to_string().as_bytes(), |record| {
        (jaeger.read)(record, &mut intake)
    });
    // Some ids of the cases are no hex; topple says so and goes on.
    assert!(
        intake
            .problems
            .iter()
            .all(|problem| problem.message.contains("hex"))
    );
    let traces = Traces::new(vec![intake]);
    let (mut linked, mut path) = (Linked::default(), Path::default());
    let mut times = OwnTimes::new();
    let mut assembler = Assembler::default();
    assembler
        .for_each(
            &traces,
            0..Assembler::PARTITIONS,
            |_| u64::MAX,
            |trace| {
                linked.read(trace, &traces.dictionary);
                path.compute(trace, |span| linked.meaning().waits[span as usize]);
                times.extend(
                    trace
                        .spans
                        .iter()
                        .map(|row| row.span)
                        .zip(path.paths().own.iter().copied()),
                );
            },
        )
        .unwrap();
    times.retain(|_, ns| *ns > 0);
    times
}

#[test]
fn jaeger_critical_paths() {
    let Some(folder) = shared("conformance/jaeger-critical-path") else {
        return;
    };
    for case in 1..=9 {
        let mut document = read_json(&folder.join(format!("test{case}.json")));
        let ids = with_ids(&mut document);
        let mut expected = OwnTimes::new();
        for section in read_json(&folder.join(format!("test{case}.expected.json")))
            .as_array()
            .unwrap()
        {
            let time = |key: &str| section[key].as_u64().unwrap();
            let id = ids[section["spanID"].as_str().unwrap()];
            *expected.entry(id).or_default() += (time("sectionEnd") - time("sectionStart")) * 1000;
        }
        assert_eq!(own_times(&document), expected, "test {case}");
    }
}
