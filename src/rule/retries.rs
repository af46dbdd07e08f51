//! `retries`: few, and on one layer.
//!
//! Declared attempts and retries that were seen both count. What the attempts of several layers multiply to is measured elsewhere and
//! judged by its number.

use std::collections::{BTreeMap, VecDeque};

use crate::policy::rule::Retries;
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Ends, Found, Rate, exemplars, of_edges, proved, seen_of};
use crate::text;

/// The verb.
pub(super) static RETRIES: RuleKind = RuleKind {
    name: "retries",
    about: "retries are few and do not multiply",
    needs: Extent::Everything,
    fix: "retry on one layer only, with a budget, growing pauses and jitter; let the others pass the failure on",
};

/// How many attempts a call takes on average.
const AMPLIFICATION_OF_EDGE: &str = "retry_amplification";

/// The number of attempts that one request can cause at one service.
const AMPLIFICATION: &str = "worst_retry_amplification";

pub(super) fn judge(rule: &Retries, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let ends = case.calls(EdgeMode::Sync);
    for (&(from, to), edges) in &ends {
        if let Some(most) = rule.max_attempts {
            attempts(case, most, (from, to), edges, &mut found);
        }
        if let Some(most) = rule.max_rate {
            rate(case, most.get(), (from, to), edges, &mut found);
        }
    }
    if let Some(most) = rule.max_amplification {
        amplification(case, most, &mut found);
    }
    if rule.one_layer_only {
        layers(case, &ends, &mut found);
    }
    if found.checked == 0 {
        found.miss("no call was seen", "");
    }
    found
}

fn retried(edge: &EdgeRow) -> f64 {
    edge.retries.iter().sum()
}

/// Holds the attempts of one call against their limit: those that are declared, or else the most that were seen.
fn attempts<'a>(
    case: &Case<'a>,
    most: u64,
    ends: (&'a str, &'a str),
    edges: &[&EdgeRow],
    found: &mut Found,
) {
    let seen = edges.iter().filter_map(|edge| edge.max_attempts).max();
    let (attempts, how) = match (case.terms(ends.0, ends.1).attempts, seen) {
        (Some(declared), _) => (declared, "declared"),
        (None, Some(seen)) => (seen, "seen"),
        (None, None) => {
            let name = format!("{} -> {}", ends.0, ends.1);
            found.miss("attempts are not declared and were not counted", name);
            return;
        }
    };
    found.checked += 1;
    if attempts <= most {
        return;
    }
    let text = format!(
        "{} makes up to {} at {} ({how}), at most {} may be",
        ends.0,
        text::plural(attempts, "attempt"),
        ends.1,
        text::count(most)
    );
    let violation = of_edges(ends, edges, text);
    // The traces of retries show more than any of the edge.
    let mut findings = case.report.findings.iter();
    let shown = findings.find(|finding| {
        let is_of =
            matches!(&finding.subject, Subject::Edge(from, to) if from == ends.0 && to == ends.1);
        is_of && finding.metric == AMPLIFICATION_OF_EDGE
    });
    let traces = shown.map_or_else(Vec::new, |finding| exemplars(&finding.exemplars));
    found.object_to(
        "attempts",
        Violation {
            value: Some(attempts as f64),
            limit: Some(most as f64),
            exemplars: match traces.is_empty() {
                true => violation.exemplars.clone(),
                false => traces,
            },
            ..violation
        },
    );
}

fn rate(case: &Case<'_>, most: f64, ends: (&str, &str), edges: &[&EdgeRow], found: &mut Found) {
    let retries: f64 = edges.iter().map(|edge| retried(edge)).sum();
    let calls: f64 = edges.iter().map(|edge| edge.calls).sum();
    let attempts: f64 = edges.iter().map(|edge| edge.attempts).sum();
    let attempts_seen = seen_of(edges);
    // Logical calls that were seen: attempts, less their share of retries.
    let calls_seen = match attempts > 0.0 {
        true => (attempts_seen as f64 * calls / attempts).round() as u64,
        false => 0,
    };
    found.checked += 1;
    match case.rate(retries, calls, calls_seen, most) {
        Rate::Past(interval) => {
            let text = format!(
                "{} repeats {} of its calls to {}, at most {} may be",
                ends.0,
                text::percent(retries / calls),
                ends.1,
                text::percent(most)
            );
            let violation = Violation {
                value: Some(retries / calls),
                limit: Some(most),
                unit: "share",
                interval: Some((interval.low, interval.high)),
                grade: Grade::Measured,
                count: retries.round() as u64,
                of: calls_seen,
                ..of_edges(ends, edges, text)
            };
            found.object_to("rate", violation);
        }
        // No retry in few calls is nothing to be unsure about.
        Rate::TooFew if retries == 0.0 => {}
        rate => {
            if let Some(why) = case.lacking(rate, "calls") {
                found.miss(why, format!("{} -> {}", ends.0, ends.1));
            }
        }
    }
}

fn amplification(case: &Case<'_>, most: f64, found: &mut Found) {
    let Some(value) = case.report.metric(AMPLIFICATION) else {
        found.miss("how far retries multiply was not measured", "");
        return;
    };
    found.checked += 1;
    if value <= most {
        return;
    }
    let mut findings = case.report.findings.iter();
    let worst = findings.find(|finding| finding.metric == AMPLIFICATION);
    let (subject, way) = match worst.map(|finding| &finding.subject) {
        Some(Subject::Path(path)) => (Subject::Path(path.clone()), path.clone()),
        Some(subject) => (subject.clone(), Vec::new()),
        None => (Subject::System, Vec::new()),
    };
    let along = match way.len() {
        0 => String::new(),
        _ => format!(" along {}", way.join(" -> ")),
    };
    let text = format!(
        "one request can become {} attempts{along}, at most {} may be",
        text::value(value),
        text::value(most)
    );
    found.object_to(
        "amplification",
        Violation {
            value: Some(value),
            limit: Some(most),
            grade: worst.map_or(Grade::Measured, |finding| finding.grade),
            exemplars: worst.map_or_else(Vec::new, |finding| finding.exemplars.clone()),
            path: way,
            ..proved(subject, text)
        },
    );
}

/// Objects to retries below retries: from an edge that repeats to the next ones that do.
fn layers<'a>(case: &Case<'a>, ends: &Ends<'a>, found: &mut Found) {
    let repeats = |(from, to): (&'a str, &'a str), edges: &[&EdgeRow]| {
        let declared = case.terms(from, to).attempts;
        declared.map_or_else(
            || edges.iter().any(|edge| retried(edge) > 0.0),
            |attempts| attempts > 1,
        )
    };
    let mut callees: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    for (&(from, to), edges) in ends {
        let callee = (to, repeats((from, to), edges));
        callees.entry(from).or_default().push(callee);
    }
    for (&(from, to), edges) in ends {
        found.checked += 1;
        if !repeats((from, to), edges) {
            continue;
        }
        let mut before: BTreeMap<&str, &str> = BTreeMap::from([(to, from)]);
        let mut queue = VecDeque::from([to]);
        while let Some(node) = queue.pop_front() {
            for &(callee, again) in callees.get(node).into_iter().flatten() {
                if callee == from || before.contains_key(callee) {
                    continue;
                }
                before.insert(callee, node);
                if !again {
                    queue.push_back(callee);
                    continue;
                }
                let back = |node: &&str| before.get(node).copied().filter(|_| *node != from);
                let mut path: Vec<String> = std::iter::successors(Some(callee), back)
                    .map(str::to_owned)
                    .collect();
                path.reverse();
                let text = format!(
                    "{from} repeats calls to {to}, and below it {node} repeats calls to {callee}: {}",
                    path.join(" -> ")
                );
                found.object_to(
                    "layers",
                    Violation {
                        path: path.clone(),
                        exemplars: of_edges((from, to), edges, String::new()).exemplars,
                        ..proved(Subject::Path(path), text)
                    },
                );
            }
        }
    }
}
