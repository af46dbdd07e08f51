//! The sections `metrics` and `network_health_metrics`: limits on numbers, what may only get better, and queries.

use crate::policy::gate::{Bounds, Gate, HealthMetric};
use crate::policy::query::{Answer, Domain, Unknown};
use crate::policy::value::Severity;
use crate::report::numbers::lookup;
use crate::report::verdict::{Outcome, Violation};
use crate::report::{Grade, Report, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, proved, shown, unit};
use crate::rule::driver::Row;
use crate::rule::lock::Lock;
use crate::text;

/// The section `metrics`.
pub(super) static METRICS: RuleKind = RuleKind {
    name: "metrics",
    about: "numbers about the whole system keep within limits and get no worse",
    needs: Extent::Graph,
    fix: "see what changed the number; topple explain says what it means",
};

/// The section `network_health_metrics`.
pub(super) static NETWORK_HEALTH_METRICS: RuleKind = RuleKind {
    name: "network_health_metrics",
    about: "queries keep within limits",
    needs: Extent::Numbers,
    fix: "see which services or edges the query is about; topple explain says what its numbers mean",
};

/// Returns the id of a limit, as waivers name it.
pub(super) fn metric_id(gate: &Gate) -> String {
    format!("metrics.{}", gate.metric)
}

/// Returns the id of a query, as waivers name it.
pub(super) fn health_id(metric: &HealthMetric) -> String {
    format!("network_health_metrics.{}", metric.name)
}

/// Returns what all limits find.
pub(super) fn look<'a>(case: &Case<'a>) -> Vec<Row<'a>> {
    let gates = case.policy.metrics.iter().map(|gate| Row {
        id: metric_id(gate),
        kind: &METRICS,
        severity: Severity::Fail,
        why: None,
        waivable: true,
        line: gate.place.line,
        found: of_gate(gate, case),
    });
    let queries = case.policy.network_health_metrics.iter();
    let queries = queries
        .filter(|metric| metric.severity != Severity::Ignore)
        .map(|metric| Row {
            id: health_id(metric),
            kind: &NETWORK_HEALTH_METRICS,
            severity: metric.severity,
            why: None,
            waivable: true,
            line: metric.place.line,
            found: of_query(metric, case),
        });
    gates.chain(queries).collect()
}

fn of_gate(gate: &Gate, case: &Case<'_>) -> Found {
    let number = |report: &Report| {
        let value = report.metric(&gate.metric);
        value.filter(|value| value.is_finite())
    };
    let Some(value) = number(case.report) else {
        return Found::unknown(format!("{} was not measured", gate.metric));
    };
    let mut found = Found::of(1);
    let past = |bounds: Bounds, level| bounds.broken_by(value).map(|bound| (bound, level));
    if let Some((bound, level)) =
        past(gate.fail, Outcome::Fail).or_else(|| past(gate.warn, Outcome::Warn))
    {
        let violation = past_bound(&gate.metric, value, bound, level);
        found.object(violation);
    }
    let Some(better) = gate.ratchet else {
        return found;
    };
    match (case.base, case.base.and_then(number)) {
        (None, _) => found.miss(
            "it may get no worse than the baseline, and there is none",
            "",
        ),
        (Some(_), None) => found.miss(
            format!(
                "it may get no worse than the baseline, which has no {}",
                gate.metric
            ),
            "",
        ),
        (Some(_), Some(before)) => {
            /// What the last digits of a double may differ by.
            const ROUNDING: f64 = 1e-9;
            let slack = ROUNDING * before.abs().max(value.abs());
            if better.is_worse(value, before) && (value - before).abs() > slack {
                let text = format!(
                    "{} was {} in the baseline and is {}: it may only get better",
                    gate.metric,
                    shown(&gate.metric, before),
                    shown(&gate.metric, value)
                );
                let violation = Violation {
                    limit: Some(before),
                    ..past_bound(&gate.metric, value, before, Outcome::Fail)
                };
                found.object_to(RATCHET, Violation { text, ..violation });
            }
        }
    }
    found
}

/// What tells that a number got worse from its limits.
const RATCHET: &str = "ratchet";

/// Returns the number that got worse, if a violation is about that.
pub fn ratcheted(violation: &Violation) -> Option<&str> {
    let metric = violation.rule.strip_prefix("metrics.")?;
    let aspect = violation.id.rsplit(' ').next();
    (aspect == Some(RATCHET)).then_some(metric)
}

/// Returns whether a lock has a value at least as bad as that to which a number got worse: who put it there accepted that.
pub(super) fn is_accepted(violation: &Violation, lock: &Lock) -> bool {
    let approved = ratcheted(violation).and_then(|metric| lock.metrics.get(metric));
    match (approved, violation.value, violation.limit) {
        (Some(&approved), Some(now), Some(before)) if now > before => approved >= now,
        (Some(&approved), Some(now), Some(_)) => approved <= now,
        _ => false,
    }
}

fn past_bound(metric: &str, value: f64, bound: f64, level: Outcome) -> Violation {
    let side = if value > bound { "above" } else { "below" };
    let text = format!(
        "{metric} is {}, {side} the limit of {}",
        shown(metric, value),
        shown(metric, bound)
    );
    Violation {
        level,
        value: Some(value),
        limit: Some(bound),
        unit: unit(metric),
        grade: Grade::Measured,
        help: format!("topple explain {metric} says what it means"),
        ..proved(Subject::System, text)
    }
}

fn of_query(metric: &HealthMetric, case: &Case<'_>) -> Found {
    let answer = metric.query.evaluate(&|name| lookup(case.report, name));
    let mut found = Found::of(1);
    match answer {
        Err(Unknown(why)) => return Found::unknown(why),
        Ok(Answer::One(value)) => {
            if let Some(bound) = metric.alert.broken_by(value) {
                found.object(alert(metric, Subject::System, "", (value, bound)));
            }
        }
        Ok(Answer::Each(values)) => {
            found.checked = values.len() as u64;
            for (name, sample) in &values {
                if let Some(bound) = metric.alert.broken_by(sample.value) {
                    let (subject, aspect) = subject(metric.query.domain(), name, case.report);
                    let violation = alert(metric, subject, &aspect, (sample.value, bound));
                    found.object_to(aspect, violation);
                }
            }
        }
    }
    found
}

/// Returns what a value of many is about, and what tells it from others about the same.
fn subject(domain: Option<Domain>, name: &str, report: &Report) -> (Subject, String) {
    match domain {
        Some(Domain::Services) => (Subject::Service(name.to_owned()), String::new()),
        Some(Domain::Edges) => {
            // The names of the ends may hold anything, so the edges are asked.
            let edge = report.edges.iter().find_map(|edge| {
                let ends = format!("{} -> {}", edge.from, edge.to);
                let aspect = name.strip_prefix(&ends)?.trim().to_owned();
                Some((Subject::Edge(edge.from.clone(), edge.to.clone()), aspect))
            });
            edge.unwrap_or_else(|| (Subject::System, name.to_owned()))
        }
        Some(Domain::Pairs | Domain::Components) | None => (Subject::System, name.to_owned()),
    }
}

fn alert(
    metric: &HealthMetric,
    subject: Subject,
    aspect: &str,
    (value, bound): (f64, f64),
) -> Violation {
    let side = if value > bound { "above" } else { "below" };
    let of = match (&subject, aspect) {
        (Subject::System, "") => String::new(),
        (Subject::System, aspect) => format!(" of {aspect}"),
        (Subject::Edge(from, to), _) => format!(" of {from} -> {to}"),
        (subject, _) => format!(" of {subject}"),
    };
    let text = format!(
        "{}{of} is {}, {side} the threshold of {} ({})",
        metric.name,
        text::value(value),
        text::value(bound),
        metric.query
    );
    Violation {
        value: Some(value),
        limit: Some(bound),
        grade: Grade::Measured,
        ..proved(subject, text)
    }
}
