//! The sections `metrics` and `network_health_metrics`.

use crate::policy::Place;
use crate::policy::gate::{Better, Bounds, Gate, HealthMetric};
use crate::policy::query::Query;
use crate::policy::read::{Mistake, Reader, leaf};
use crate::policy::shape::{BOUNDS, GATE, HEALTH_METRIC};
use crate::policy::value::{self, Severity};
use crate::policy::yaml::{Node, Value};

pub(super) fn gate(reader: &mut Reader<'_>, key: &Node, node: &Node) -> Option<Gate> {
    let metric = key.text()?;
    let known = reader.vocabulary.metrics;
    if !known.contains(&metric) {
        let message =
            format!("expected the name of a number about the whole system, found \"{metric}\"");
        reader.report(Mistake::at(key, message).with_nearest(metric, known.iter().copied()));
    }
    reader.gates.insert(format!("metrics.{metric}"));
    let fields = reader.fields(node, &GATE)?;
    let mut read = |name| fields.read(reader, name, |reader, node| bounds(reader, node, metric));
    let warn = read("warn").unwrap_or_default();
    let fail = read("fail").unwrap_or_default();
    if let Some(node) = fields.get("warn")
        && is_past(warn, fail)
    {
        reader.report(Mistake::at(
            node,
            "expected to warn before it fails, found a warning past the failure",
        ));
    }
    let ratchet = fields.read(reader, "ratchet", |reader, node| {
        ratchet(reader, node, warn, fail)
    });
    Some(Gate {
        metric: metric.to_owned(),
        warn,
        fail,
        ratchet: ratchet.flatten(),
        place: key.place,
    })
}

/// Returns whether a bound of the first would never be reached before one of the second.
fn is_past(warn: Bounds, fail: Bounds) -> bool {
    let above = warn
        .above
        .zip(fail.above)
        .is_some_and(|(warn, fail)| warn > fail);
    let below = warn
        .below
        .zip(fail.below)
        .is_some_and(|(warn, fail)| warn < fail);
    above || below
}

/// Reads whether a number may only get better, and which way that is: as the bounds say, unless it says so itself.
fn ratchet(
    reader: &mut Reader<'_>,
    node: &Node,
    warn: Bounds,
    fail: Bounds,
) -> Option<Option<Better>> {
    if !matches!(node.plain(), Some("true" | "false")) {
        return leaf::word(Better::NAMES)(reader, node).map(Some);
    }
    if !leaf::boolean(reader, node)? {
        return Some(None);
    }
    let above = warn.above.or(fail.above).is_some();
    let below = warn.below.or(fail.below).is_some();
    match (above, below) {
        (true, false) => Some(Some(Better::Lower)),
        (false, true) => Some(Some(Better::Higher)),
        (true, true) | (false, false) => {
            reader.report(
                Mistake::at(
                    node,
                    "expected which way is better, as the limits do not say, found true",
                )
                .with_help("write ratchet: lower or ratchet: higher"),
            );
            None
        }
    }
}

/// Reads a bound above, or a map with bounds below and above.
pub(super) fn bounds(reader: &mut Reader<'_>, node: &Node, metric: &str) -> Option<Bounds> {
    if !matches!(node.value, Value::Map(_)) {
        return Some(Bounds {
            below: None,
            above: Some(value(reader, node, metric)?),
        });
    }
    let fields = reader.fields(node, &BOUNDS)?;
    let mut read = |name| fields.read(reader, name, |reader, node| value(reader, node, metric));
    let bounds = Bounds {
        below: read("below"),
        above: read("above"),
    };
    check_order(reader, bounds, node)
}

/// Refuses bounds between which nothing lies.
pub(super) fn check_order(reader: &mut Reader<'_>, bounds: Bounds, node: &Node) -> Option<Bounds> {
    let is_empty = bounds
        .below
        .zip(bounds.above)
        .is_some_and(|(below, above)| below > above);
    if is_empty {
        reader.report(Mistake::at(
            node,
            "expected \"below\" to be less than \"above\", found bounds between which nothing lies",
        ));
        return None;
    }
    Some(bounds)
}

/// Reads a value of a number of the report: a number, a percentage, or a duration for what is measured in nanoseconds.
pub(super) fn value(reader: &mut Reader<'_>, node: &Node, metric: &str) -> Option<f64> {
    let text = node.text().unwrap_or_default();
    if let Ok(share) = value::percent(text) {
        return Some(share.get());
    }
    let is_time = metric.ends_with("_ns") || metric.contains("_ns.");
    if is_time && let Ok(duration) = value::duration(text) {
        return Some(duration.as_nanos() as f64);
    }
    if is_time && leaf::decimal(node).is_none() {
        return reader.expected("a duration such as 400ms, or a number of nanoseconds", node);
    }
    match leaf::decimal(node) {
        Some(number) => Some(number),
        None => reader.expected("a number or a percentage", node),
    }
}

pub(super) fn health_metric(
    reader: &mut Reader<'_>,
    key: &Node,
    node: &Node,
) -> Option<HealthMetric> {
    let name = key.text()?;
    reader
        .gates
        .insert(format!("network_health_metrics.{name}"));
    let fields = reader.fields(node, &HEALTH_METRIC)?;
    let query = fields.read(reader, "query", query);
    let alert = fields.read(reader, "alert_threshold", |reader, node| {
        bounds(reader, node, "")
    });
    let severity = fields.read(reader, "severity", leaf::word(Severity::NAMES));
    Some(HealthMetric {
        name: name.to_owned(),
        query: query?,
        alert: alert?,
        severity: severity.unwrap_or_default(),
        place: key.place,
    })
}

fn query(reader: &mut Reader<'_>, node: &Node) -> Option<Query> {
    let text = leaf::text(reader, node)?;
    let fault = match Query::new(&text, reader.vocabulary) {
        Ok(query) => return Some(query),
        Err(fault) => fault,
    };
    let quotes = usize::from(node.plain().is_none());
    let mut mistake = Mistake::at(node, fault.message);
    // Characters stand where they were found unless escapes or breaks of lines moved them.
    if node.width == text.chars().count() + 2 * quotes {
        mistake.place = Place {
            column: node.place.column + quotes + fault.at.start,
            ..node.place
        };
        mistake.width = fault.at.len().max(1);
    }
    mistake.help = fault.help;
    reader.report(mistake);
    None
}
