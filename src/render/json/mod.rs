//! The report for programs: every number as it is, units in the names, absent rather than null.
//!
//! The shape is a promise of its own, written by hand here and not mirrored from internal types. Additions are free;
//! anything else raises [`SCHEMA`]. Whole numbers print without a fraction; a number that is not finite is left out,
//! and so is a distribution of nothing.

mod rows;

mod falls;

mod shards;

pub mod schema;

mod budgets;

mod verdict;

mod diff;
pub(super) mod simulation;

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

pub(super) use self::diff::DIFF;

use super::{Options, Renderer};
use crate::report::{Data, Declared, Part, ProblemRow, Report};
use crate::text;

/// Writes JSON.
pub(super) static JSON: Renderer = Renderer {
    name: "json",
    about: "everything, for programs",
    extensions: &["json"],
    edges_with: None,
    write,
};

/// Name and version of the shape.
const SCHEMA: &str = "topple/report/1";

/// Writes a report as JSON.
pub(super) fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    document(&Record(report), out)
}

/// A part of the report as an object.
struct Record<'a, T>(&'a T);

/// Parts of the report as a list of objects.
struct Records<'a, T>(&'a [T]);

impl<'a, T> Serialize for Records<'a, T>
where
    Record<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Record))
    }
}

/// A number that prints as an integer if it is one.
#[derive(Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// From here on not every whole number has its own float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Named counts as an object.
struct Counts<'a, K>(&'a [(K, u64)]);

impl<K: Serialize> Serialize for Counts<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// Adds a number unless it is missing or not finite.
fn number<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: impl Into<Option<f64>>,
) -> Result<(), M::Error> {
    match value.into().filter(|value| value.is_finite()) {
        Some(value) => map.serialize_entry(name, &Number(value)),
        None => Ok(()),
    }
}

/// Adds both ends of an interval, if there is one.
fn interval<M: SerializeMap>(
    map: &mut M,
    of: impl Into<Option<(f64, f64)>>,
) -> Result<(), M::Error> {
    match of.into() {
        Some((low, high)) => {
            number(map, "low", low)?;
            number(map, "high", high)
        }
        None => Ok(()),
    }
}

/// Writes a document.
pub(in crate::render) fn document(
    value: &impl Serialize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

impl Serialize for Record<'_, Report> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA)?;
        if let Some(verdict) = &report.verdict {
            map.serialize_entry("verdict", &Record(verdict))?;
        }
        map.serialize_entry("data", &Record(&report.data))?;
        if let Some(focus) = &report.focus {
            map.serialize_entry("focus", focus)?;
        }
        map.serialize_entry("services", &Records(&report.services))?;
        match report.part {
            Part::Whole => {
                map.serialize_entry("edges", &Records(&report.edges))?;
                map.serialize_entry("entries", &Records(&report.entries))?;
            }
            Part::Cascades => map.serialize_entry("edges", &Records(&report.edges))?,
            Part::Hubs => {}
            Part::Budgets => {
                map.serialize_entry("edges", &Records(&report.edges))?;
                map.serialize_entry("entries", &Records(&report.entries))?;
                map.serialize_entry("budgets", &Record(&report.budgets))?;
            }
        }
        if !report.degrees.total.is_empty() {
            map.serialize_entry("degree_distribution", &Record(&report.degrees))?;
        }
        if !report.rarefaction.is_empty() {
            map.serialize_entry("rarefaction", &Records(&report.rarefaction))?;
        }
        match report.part {
            Part::Whole | Part::Cascades => {
                map.serialize_entry("chains", &Records(&report.chains))?;
                map.serialize_entry("survival", &Records(&report.survival))?;
                if !report.shards.is_empty() {
                    map.serialize_entry("shards", &Records(&report.shards))?;
                }
            }
            Part::Hubs | Part::Budgets => {}
        }
        match report.part {
            Part::Cascades => {
                map.serialize_entry("ways", &Records(&report.ways))?;
                map.serialize_entry("expected_cascades", &Records(&report.sizes))?;
            }
            Part::Whole | Part::Hubs | Part::Budgets => {}
        }
        map.serialize_entry("metrics", &Metrics(report))?;
        if let Some(fixes) = &report.fix_first {
            map.serialize_entry("fix_first", &Records(fixes))?;
        }
        map.serialize_entry("findings", &Records(&report.findings))?;
        if !report.declared.is_empty() {
            map.serialize_entry("declared", &Pairs(&report.declared))?;
        }
        map.serialize_entry("notes", &report.notes)?;
        map.end()
    }
}

/// What was declared as an object.
struct Pairs<'a>(&'a Declared);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter();
        serializer.collect_map(pairs.map(|(name, hash)| (name, hash)))
    }
}

/// The metrics of a report as an object.
struct Metrics<'a>(&'a Report);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for metric in &self.0.metrics {
            number(&mut map, metric.name, metric.value)?;
        }
        for word in &self.0.words {
            map.serialize_entry(word.name, &word.value)?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, Data> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("spans_read", &data.spans_read)?;
        map.serialize_entry("spans_by_class", &SpansByClass(data))?;
        map.serialize_entry("traces", &data.traces)?;
        map.serialize_entry("problems", &Records(&data.problems))?;
        map.serialize_entry("problems_total", &data.problems_total)?;
        if let Some((start, end)) = data.window {
            map.serialize_entry("window", &Window { start, end })?;
        }
        number(&mut map, "paired_ratio", data.paired_ratio)?;
        number(&mut map, "orphan_ratio", data.orphan_ratio)?;
        map.serialize_entry("weights_known", &data.weights_known)?;
        map.serialize_entry("shapes", &data.shapes)?;
        map.serialize_entry("shapes_folded", &data.shapes_folded)?;
        map.end()
    }
}

/// The account of the spans as an object: a count by class, and the reasons of the unresolved below theirs.
struct SpansByClass<'a>(&'a Data);

impl Serialize for SpansByClass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (class, spans) in &self.0.spans_by_class {
            map.serialize_entry(class, spans)?;
        }
        map.serialize_entry("unresolved", &Counts(&self.0.unresolved))?;
        map.end()
    }
}

/// The time from the first start to the last end.
struct Window {
    start: u64,
    end: u64,
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("start", &text::time(self.start))?;
        map.serialize_entry("end", &text::time(self.end))?;
        map.end()
    }
}

impl Serialize for Record<'_, ProblemRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let problem = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", &problem.source)?;
        if !problem.place.is_empty() {
            map.serialize_entry("place", &problem.place)?;
        }
        map.serialize_entry("message", &problem.message)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::sample::{cascades, check, hostile, hostile_cascades, hubs, rendered, shop};
    use crate::report::Late;

    fn json(report: &Report) -> String {
        rendered(&JSON, report, Options::default())
    }

    #[test]
    fn the_shop_in_json() {
        check("render_json_shop", &json(&shop()));
    }

    #[test]
    fn a_part_has_the_records_that_apply() {
        let value: Value = serde_json::from_str(&json(&hubs())).unwrap();
        assert!(value.get("edges").is_none() && value.get("entries").is_none());
        let payments = &value["services"][4];
        assert_eq!(payments["immediate_dominator"], "checkout");
        assert_eq!(payments["betweenness_half_width"], 0.01);
        assert_eq!(payments["hub"], false);
        assert!(value["services"][0].get("immediate_dominator").is_none());
        let cycle = &value["findings"][0]["subject"];
        assert_eq!(cycle["path"], serde_json::json!(["cart", "checkout"]));
        let unknown = &value["findings"][3];
        assert_eq!(unknown["grade"], "unknown");
        assert!(unknown.get("value").is_none());
    }

    #[test]
    fn what_falls_is_told_with_its_evidence() {
        let value: Value = serde_json::from_str(&json(&cascades())).unwrap();
        let edge = &value["edges"][3];
        assert_eq!(edge["dependency"], "hard");
        assert_eq!(edge["transmissibility"]["value"], 0.975);
        assert_eq!(edge["when_callee_failed"]["caller_failed"], 39);
        assert!(value["edges"][2].get("dependency").is_none());
        let radius = &value["services"][4]["blast_radius"];
        assert_eq!(
            (&radius["touch"], &radius["hard_low"]),
            (&0.25.into(), &0.2.into())
        );
        assert_eq!(radius["entries"][0]["operation"], "POST /checkout");
        assert_eq!(value["chains"][0]["hops"][2]["service"], "frontend");
        assert_eq!(value["chains"][1]["end"], "absorbed");
        assert_eq!(value["ways"][0]["chance_high"], 0.975);
        assert_eq!(value["expected_cascades"][0]["expected_low"], 1.25);
    }

    #[test]
    fn budgets_are_records_of_calls_and_entries() {
        let value: Value = serde_json::from_str(&json(&super::super::sample::budgets())).unwrap();
        let call = &value["budgets"]["calls"][1];
        assert_eq!(
            call["timeout_ns"],
            serde_json::json!({ "value": 200_000_000, "source": "inferred" })
        );
        assert_eq!(call["max_attempts"], 3);
        assert!(value["budgets"]["calls"][0].get("timeout_ns").is_none());
        let entry = &value["budgets"]["entries"][0];
        assert_eq!(entry["slo_p99_ns"], 800_000_000);
        assert_eq!(entry["spenders"][1]["share_p99"], 0.7);
    }

    #[test]
    fn the_schema_comes_first() {
        assert!(json(&Report::default()).starts_with("{\n  \"schema\": \"topple/report/1\",\n"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let report = hostile();
        let value: Value = serde_json::from_str(&json(&report)).unwrap();
        for (service, written) in report
            .services
            .iter()
            .zip(value["services"].as_array().unwrap())
        {
            assert_eq!(written["name"], service.name.as_str());
        }
        assert_eq!(
            value["data"]["spans_by_class"]["unresolved"]["missing_parent"],
            u64::MAX
        );
        assert_eq!(
            value["edges"][0]["error_types"].as_object().unwrap().len(),
            8
        );
    }

    #[test]
    fn what_rules_judge_is_read_back_as_it_was_written() {
        let written = |report: &Report| -> Vec<Value> {
            let mut root: Value = serde_json::from_str(&json(report)).unwrap();
            for finding in root["findings"].as_array_mut().unwrap() {
                finding.as_object_mut().unwrap().remove("unit");
            }
            let keys = ["services", "edges", "entries", "metrics", "findings"];
            keys.map(|key| root[key].clone()).into()
        };
        for mut report in [shop(), crate::render::gate::sample::checked()] {
            for edge in &mut report.edges {
                edge.protocol = "rpc";
            }
            report.entries[0].late = [
                None,
                Some(Late {
                    limit_ns: 80_000_000,
                    count: 7,
                }),
                None,
            ];
            let said = crate::report::read::read(&json(&report)).unwrap();
            assert_eq!(said.strange_findings, 0);
            assert_eq!(said.report.entries[0].late, report.entries[0].late);
            assert_eq!(written(&said.report), written(&report));
            assert_eq!(said.report.data.traces, report.data.traces);
        }
        for part in [hubs(), cascades()] {
            let error = crate::report::read::read(&json(&part)).unwrap_err();
            assert!(error.contains("the report of a part has none"), "{error}");
        }
        let near = Report {
            focus: Some("cart".to_owned()),
            ..shop()
        };
        let error = crate::report::read::read(&json(&near)).unwrap_err();
        assert!(error.contains("the neighbourhood of cart"), "{error}");
        let strange = json(&shop()).replace("\"pass\": \"retries\"", "\"pass\": \"later\"");
        let said = crate::report::read::read(&strange).unwrap();
        assert_eq!(said.strange_findings, 1, "{strange}");
    }

    #[test]
    fn what_is_not_as_it_was_written_is_an_error_with_a_place() {
        let whole: Value = serde_json::from_str(&json(&shop())).unwrap();
        for (pointer, value, expected) in [
            (
                "/edges/1/calls",
                serde_json::json!("many"),
                "edges[1].calls: expected a number, found \"many\"",
            ),
            (
                "/edges/0/from",
                Value::Null,
                "edges[0].from: expected a text, found nothing",
            ),
            (
                "/edges/0",
                serde_json::json!(7),
                "edges[0]: expected an object, found 7",
            ),
            (
                "/edges/0/server_ns/p99",
                serde_json::json!(-1),
                "edges[0].server_ns.p99: expected a whole number, found -1",
            ),
            (
                "/edges/0/errors",
                serde_json::json!([]),
                "edges[0].errors: expected an object, found []",
            ),
            (
                "/services/0/kind",
                serde_json::json!("planet"),
                "services[0].kind: expected one of service, database, cache, queue, external, users, found \"planet\"",
            ),
            (
                "/findings/0/subject",
                serde_json::json!({ "edge": ["a"] }),
                "findings[0].subject.edge: expected caller and callee, found [\"a\"]",
            ),
            (
                "/metrics/services",
                serde_json::json!(true),
                "metrics.services: expected a number, found true",
            ),
        ] {
            let mut root = whole.clone();
            *root.pointer_mut(pointer).unwrap() = value;
            let error = crate::report::read::read(&root.to_string()).unwrap_err();
            assert_eq!(error, expected, "{pointer}");
        }
        let huge = json(&shop()).replacen("\"sum\": ", "\"sum\": 9999999999999999999", 1);
        let said = crate::report::read::read(&huge).unwrap().report;
        let sums = said
            .edges
            .iter()
            .flat_map(|edge| [&edge.client_ns, &edge.server_ns]);
        assert!(sums.map(|of| of.sum).max() > Some(u128::from(u64::MAX)));
    }

    #[test]
    fn nothing_is_null() {
        fn nulls(value: &Value) -> usize {
            match value {
                Value::Null => 1,
                Value::Array(items) => items.iter().map(nulls).sum(),
                Value::Object(fields) => fields.values().map(nulls).sum(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
            }
        }
        let [falling, _] = hostile_cascades();
        for report in [shop(), hostile(), falling, Report::default()] {
            assert_eq!(nulls(&serde_json::from_str(&json(&report)).unwrap()), 0);
        }
    }

    #[test]
    fn whole_floats_are_integers_and_others_keep_all_digits() {
        let texts = [900.0, -3.0, 901.25, 1.708_333_333_333_333_3, 1e300]
            .map(|value| serde_json::to_string(&Number(value)).unwrap());
        assert_eq!(
            texts,
            ["900", "-3", "901.25", "1.7083333333333333", "1e+300"]
        );
    }
}
