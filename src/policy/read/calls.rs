//! The sections `calls` and `entrypoints`.

use crate::policy::calls::{Backoff, Call, Calls, Entrypoint, Slo, Terms};
use crate::policy::read::{Reader, leaf};
use crate::policy::shape::{CALL, ENTRYPOINT, SLO, TIMEOUT_FROM};
use crate::policy::yaml::{Node, Value};

pub(super) fn calls(reader: &mut Reader<'_>, node: &Node) -> Option<Calls> {
    let Value::List(items) = &node.value else {
        return reader.expected("a list of calls", node);
    };
    let mut calls = Calls::default();
    for item in items {
        if has_key(item, "timeout_from") {
            if let Some(fields) = reader.fields(item, &TIMEOUT_FROM) {
                calls
                    .timeout_from
                    .extend(fields.one_or_more(reader, "timeout_from", leaf::text));
            }
        } else {
            calls.declared.extend(call(reader, item));
        }
    }
    Some(calls)
}

fn has_key(node: &Node, name: &str) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().any(|(key, _)| key.text() == Some(name)),
        Value::Scalar { .. } | Value::List(_) => false,
    }
}

fn call(reader: &mut Reader<'_>, node: &Node) -> Option<Call> {
    let fields = reader.fields(node, &CALL)?;
    let edges = leaf::ends(reader, &fields);
    let terms = Terms {
        timeout: fields.read(reader, "timeout", leaf::positive_duration),
        attempts: fields.read(reader, "attempts", leaf::counting),
        backoff: fields.read(reader, "backoff", backoff),
        retry_budget: fields.read(reader, "retry_budget", leaf::percent),
        soft: fields.read(reader, "soft", leaf::boolean),
    };
    Some(Call {
        edges: edges?,
        terms,
        place: node.place,
    })
}

/// Reads a constant pause, or the first and the longest.
fn backoff(reader: &mut Reader<'_>, node: &Node) -> Option<Backoff> {
    const EXPECTED: &str =
        "a pause such as 100ms, or the first and the longest such as [100ms, 1s]";
    let (first, longest) = match &node.value {
        Value::Scalar { .. } => (node, node),
        Value::List(items) => match items.as_slice() {
            [first, longest] => (first, longest),
            _ => return reader.expected(EXPECTED, node),
        },
        Value::Map(_) => return reader.expected(EXPECTED, node),
    };
    let backoff = Backoff {
        first: leaf::duration(reader, first)?,
        longest: leaf::duration(reader, longest)?,
    };
    if backoff.longest < backoff.first {
        return reader.expected(
            "a longest pause that is not shorter than the first",
            longest,
        );
    }
    Some(backoff)
}

pub(super) fn entrypoint(reader: &mut Reader<'_>, key: &Node, node: &Node) -> Option<Entrypoint> {
    reader.entrypoints.insert(key.text()?.to_owned());
    let fields = reader.fields(node, &ENTRYPOINT)?;
    let requests = leaf::requests(reader, &fields);
    let slo = fields.read(reader, "slo", slo);
    let weight = fields.read(reader, "weight", leaf::positive);
    Some(Entrypoint {
        name: key.text()?.to_owned(),
        requests: requests?,
        slo: slo.unwrap_or_default(),
        weight: weight.unwrap_or(1.0),
        place: key.place,
    })
}

fn slo(reader: &mut Reader<'_>, node: &Node) -> Option<Slo> {
    let fields = reader.fields(node, &SLO)?;
    let slo = Slo {
        p50: fields.read(reader, "p50", leaf::positive_duration),
        p90: fields.read(reader, "p90", leaf::positive_duration),
        p99: fields.read(reader, "p99", leaf::positive_duration),
        errors: fields.read(reader, "errors", leaf::share),
    };
    let quantiles = [("p50", slo.p50), ("p90", slo.p90), ("p99", slo.p99)];
    let given: Vec<_> = quantiles
        .iter()
        .filter_map(|(name, limit)| limit.map(|limit| (*name, limit)))
        .collect();
    for pair in given.windows(2) {
        if let [(lower, shorter), (higher, longer)] = pair
            && longer < shorter
            && let Some(node) = fields.get(higher)
        {
            return reader.expected(
                &format!("a {higher} that is not shorter than the {lower}"),
                node,
            );
        }
    }
    Some(slo)
}
