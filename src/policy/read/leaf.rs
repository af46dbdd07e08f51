//! Single values: numbers, words, durations, patterns, selectors.

use std::time::Duration;

use jiff::civil::Date;

use crate::policy::read::{Mistake, Reader};
use crate::policy::selector::{EdgeSelector, KIND, KINDS, OperationSelector, Pattern, Selector};
use crate::policy::shape::{self, EDGES, OPERATION};
use crate::policy::value::{self, Expected, Ratio};
use crate::policy::yaml::{Node, Value};

pub(super) fn boolean(reader: &mut Reader<'_>, node: &Node) -> Option<bool> {
    match node.plain() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) | None => reader.expected("true or false", node),
    }
}

/// Reads a whole number of at least zero.
pub(super) fn whole(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    let digits = node
        .plain()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        Some(number) => Some(number),
        None => reader.expected("a whole number of at least 0", node),
    }
}

/// Reads a whole number of at least one.
pub(super) fn counting(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    match whole(reader, node)? {
        0 => reader.expected("a whole number of at least 1", node),
        number => Some(number),
    }
}

/// Returns the number that a text without quotes writes in decimal.
pub(super) fn decimal(node: &Node) -> Option<f64> {
    node.plain()
        .filter(|text| text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')))
        .and_then(|text| text.parse().ok())
        .filter(|number: &f64| number.is_finite())
}

pub(super) fn number(reader: &mut Reader<'_>, node: &Node) -> Option<f64> {
    match decimal(node) {
        Some(number) => Some(number),
        None => reader.expected("a number", node),
    }
}

/// Reads a number greater than zero.
pub(super) fn positive(reader: &mut Reader<'_>, node: &Node) -> Option<f64> {
    match decimal(node).filter(|number| *number > 0.0) {
        Some(number) => Some(number),
        None => reader.expected("a number greater than 0", node),
    }
}

/// Reads a scalar with a reader of text that says what it expected.
fn scalar<T>(
    reader: &mut Reader<'_>,
    node: &Node,
    expected: Expected,
    read: fn(&str) -> Result<T, Expected>,
) -> Option<T> {
    match node.text().map(read) {
        Some(Ok(value)) => Some(value),
        Some(Err(expected)) => reader.expected(expected, node),
        None => reader.expected(expected, node),
    }
}

pub(super) fn duration(reader: &mut Reader<'_>, node: &Node) -> Option<Duration> {
    scalar(reader, node, value::DURATION, value::duration)
}

/// Reads a duration longer than nothing.
pub(super) fn positive_duration(reader: &mut Reader<'_>, node: &Node) -> Option<Duration> {
    let duration = duration(reader, node)?;
    if duration.is_zero() {
        return reader.expected("a duration longer than nothing", node);
    }
    Some(duration)
}

/// Reads a percentage of any size.
pub(super) fn percent(reader: &mut Reader<'_>, node: &Node) -> Option<Ratio> {
    scalar(reader, node, value::PERCENT, value::percent)
}

/// Reads a percentage of at most the whole.
pub(super) fn share(reader: &mut Reader<'_>, node: &Node) -> Option<Ratio> {
    let ratio = percent(reader, node)?;
    if ratio.get() > 1.0 {
        return reader.expected("a percentage of at most 100%", node);
    }
    Some(ratio)
}

pub(super) fn date(reader: &mut Reader<'_>, node: &Node) -> Option<Date> {
    scalar(reader, node, value::DATE, value::date)
}

/// Returns a reader of one of some words.
pub(super) fn word<T: Copy>(
    names: &'static [(&'static str, T)],
) -> impl Fn(&mut Reader<'_>, &Node) -> Option<T> {
    move |reader, node| {
        let found = names.iter().find(|(name, _)| node.text() == Some(name));
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let known = shape::words(names);
        let expected = match known.as_slice() {
            [word] => format!("\"{word}\""),
            words => format!("one of {}", words.join(", ")),
        };
        let mistake = Mistake::at(node, format!("expected {expected}, found {}", node.found()));
        reader.report(mistake.with_nearest(node.text().unwrap_or_default(), known));
        None
    }
}

/// Reads text that is not empty.
pub(super) fn text(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    match node.text().filter(|text| !text.trim().is_empty()) {
        Some(text) if !node.is_nothing() => Some(text.to_owned()),
        Some(_) | None => reader.expected("text that is not empty", node),
    }
}

/// Reads a glob or a regular expression.
pub(super) fn pattern(reader: &mut Reader<'_>, node: &Node) -> Option<Pattern> {
    let Some(text) = node
        .text()
        .filter(|text| !text.is_empty() && !node.is_nothing())
    else {
        return reader.expected("a name, a glob or a /regex/", node);
    };
    match Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            reader.report(Mistake::at(
                node,
                format!("expected a regular expression, found a fault in it: {why}"),
            ));
            None
        }
    }
}

/// Reads a pattern of names of services, in which brackets are no globs.
fn name(reader: &mut Reader<'_>, node: &Node) -> Option<Pattern> {
    let pattern = pattern(reader, node)?;
    if pattern.regex().is_none() && node.text().is_some_and(|text| text.contains(['{', '['])) {
        reader.report(
            Mistake::at(
                node,
                format!(
                    "expected a name, a glob or a /regex/, found {}",
                    node.found()
                ),
            )
            .with_help("globs have * and ?; write a list for several, as in [cart, checkout-*]"),
        );
        return None;
    }
    Some(pattern)
}

/// Reads which services are meant.
pub(super) fn selector(reader: &mut Reader<'_>, node: &Node) -> Option<Selector> {
    match &node.value {
        Value::Scalar { .. } if node.is_nothing() => reader.expected(
            "services: a name, a glob, a /regex/, tags such as {tier: edge}, or a list of them",
            node,
        ),
        Value::Scalar { .. } => name(reader, node).map(Selector::Name),
        Value::List(items) if items.is_empty() => reader.expected(
            "a list of at least one, as nothing matches an empty one",
            node,
        ),
        Value::List(_) => reader.list(node, selector).map(Selector::Any),
        Value::Map(entries) if entries.is_empty() => {
            reader.expected("at least one tag, such as {tier: edge}", node)
        }
        Value::Map(entries) => {
            let tags: Vec<Option<(String, Vec<Pattern>)>> = entries
                .iter()
                .map(|(key, value)| tag(reader, key, value))
                .collect();
            tags.into_iter()
                .collect::<Option<Vec<_>>>()
                .map(Selector::Tags)
        }
    }
}

/// Reads a tag with the values it may have.
fn tag(reader: &mut Reader<'_>, key: &Node, value: &Node) -> Option<(String, Vec<Pattern>)> {
    let name = text(reader, key)?;
    let values = match &value.value {
        Value::List(items) if items.is_empty() => {
            return reader.expected("a list of at least one value", value);
        }
        Value::List(items) => items.iter().collect(),
        Value::Scalar { .. } | Value::Map(_) => vec![value],
    };
    let mut patterns = Vec::with_capacity(values.len());
    for value in values {
        let pattern = pattern(reader, value)?;
        if name == KIND && pattern.name().is_some_and(|kind| !KINDS.contains(&kind)) {
            let found = format!(
                "expected one of {}, found {}",
                KINDS.join(", "),
                value.found()
            );
            let mistake = Mistake::at(value, found);
            reader.report(mistake.with_nearest(value.text().unwrap_or_default(), KINDS));
            return None;
        }
        patterns.push(pattern);
    }
    Some((name, patterns))
}

/// Reads which edges are meant: `from -> to`, or a map with `from` and `to`.
pub(super) fn edges(reader: &mut Reader<'_>, node: &Node) -> Option<EdgeSelector> {
    const EXPECTED: &str = "an edge such as cart -> pricing, or {from: cart, to: pricing}";
    match &node.value {
        Value::Map(_) => {
            let fields = reader.fields(node, &EDGES)?;
            ends(reader, &fields)
        }
        Value::List(_) => reader.expected(EXPECTED, node),
        Value::Scalar { text, .. } => {
            let Some((from, to)) = text.split_once("->") else {
                return reader.expected(EXPECTED, node);
            };
            let mut end = |text: &str| {
                let part = Node {
                    value: Value::Scalar {
                        text: text.trim().to_owned(),
                        plain: false,
                    },
                    ..node.clone()
                };
                name(reader, &part).map(Selector::Name)
            };
            let (from, to) = (end(from), end(to));
            Some(EdgeSelector {
                from: from?,
                to: to?,
            })
        }
    }
}

/// Reads the keys `from` and `to`; an end that is not given is any service.
pub(super) fn ends(
    reader: &mut Reader<'_>,
    fields: &super::fields::Fields<'_>,
) -> Option<EdgeSelector> {
    let mut end = |name| match fields.get(name) {
        Some(node) => selector(reader, node),
        None => Some(Selector::every()),
    };
    let (from, to) = (end("from"), end("to"));
    Some(EdgeSelector {
        from: from?,
        to: to?,
    })
}

/// Reads which operations are meant: a pattern, or a map with `service` and `operation`.
pub(super) fn operation(reader: &mut Reader<'_>, node: &Node) -> Option<OperationSelector> {
    match &node.value {
        Value::Map(_) => {
            let fields = reader.fields(node, &OPERATION)?;
            requests(reader, &fields)
        }
        Value::Scalar { .. } | Value::List(_) => Some(OperationSelector {
            service: Selector::every(),
            operation: pattern(reader, node)?,
        }),
    }
}

/// Reads the keys `service` and `operation`; what is not given is any.
pub(super) fn requests(
    reader: &mut Reader<'_>,
    fields: &super::fields::Fields<'_>,
) -> Option<OperationSelector> {
    let service = match fields.get("service") {
        Some(node) => selector(reader, node),
        None => Some(Selector::every()),
    };
    let operation = match fields.get("operation") {
        Some(node) => pattern(reader, node),
        None => Pattern::new("*").ok(),
    };
    Some(OperationSelector {
        service: service?,
        operation: operation?,
    })
}
