//! `slo`: entry points keep what is asked of them.
//!
//! "The p99 is at most 800 ms" is "at most 1 % of the requests take longer than 800 ms", a rate with an interval like any other.
//! What an edge takes is known by its quantiles alone, which count from enough calls on.

use std::time::Duration;

use crate::policy::calls::Entrypoint;
use crate::policy::rule::SloKept;
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{EntryRow, Grade, Quantiles, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, exemplars, of_edges, proved};
use crate::text;

/// The verb.
pub(super) static SLO: RuleKind = RuleKind {
    name: "slo",
    about: "entry points keep what is asked of them",
    needs: Extent::Everything,
    fix: "look at the slowest and the failed traces shown, and at the edges with the largest share of the critical paths",
};

pub(super) fn judge(rule: &SloKept, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    for declared in &case.policy.entrypoints {
        let is_meant = |name: &str| rule.entrypoints.iter().any(|of| of.matches(name));
        if !is_meant(&declared.name) {
            continue;
        }
        let entries: Vec<&EntryRow> = case
            .report
            .entries
            .iter()
            .filter(|entry| {
                case.entrypoint(entry)
                    .is_some_and(|of| of.name == declared.name)
            })
            .collect();
        if entries.is_empty() {
            found.miss("no request was seen of", declared.name.clone());
        }
        for entry in entries {
            times(case, declared, entry, &mut found);
            errors(case, declared, entry, &mut found);
            edges(rule, case, declared, entry, &mut found);
        }
    }
    if case.policy.entrypoints.is_empty() {
        found.miss("the policy declares no entry points", "");
    }
    found
}

fn subject(entry: &EntryRow) -> Subject {
    Subject::Entry(entry.service.clone(), entry.operation.clone())
}

fn times(case: &Case<'_>, declared: &Entrypoint, entry: &EntryRow, found: &mut Found) {
    let slo = &declared.slo;
    let of = &entry.duration_ns;
    let quantiles = [
        ("p50", slo.p50, 0.5, of.p50),
        ("p90", slo.p90, 0.1, of.p90),
        ("p99", slo.p99, 0.01, of.p99),
    ];
    for ((name, limit, allowed, value), late) in quantiles.into_iter().zip(entry.late) {
        let Some(limit) = limit else {
            continue;
        };
        found.checked += 1;
        let limit_ns = limit.as_nanos() as f64;
        // An earlier report may have counted against another limit.
        let late = late.filter(|late| u128::from(late.limit_ns) == limit.as_nanos());
        let late = late.map(|late| late.count);
        let Some(late) = late.or_else(|| surely_late(of, limit, value)) else {
            found.miss(
                "only quantiles are known, which do not tell how many requests were too late",
                format!("{} {name}", declared.name),
            );
            continue;
        };
        match case.rate(late as f64, of.count as f64, of.count, allowed) {
            Rate::Past(interval) => {
                let text = format!(
                    "the {name} of {} is {}, {} is asked for: {} of {} took longer",
                    declared.name,
                    text::duration(value),
                    text::duration(limit_ns as u64),
                    text::count(late),
                    text::plural(of.count, "request"),
                );
                let violation = Violation {
                    value: Some(value as f64),
                    limit: Some(limit_ns),
                    unit: "ns",
                    grade: Grade::Measured,
                    count: late,
                    of: of.count,
                    help: format!(
                        "{}; more than {} of all requests are too late, with {} confidence",
                        SLO.fix,
                        text::percent(interval.low),
                        text::percent(case.policy.evidence.confidence.get())
                    ),
                    exemplars: exemplars(&entry.slowest_exemplars),
                    entrypoint: Some(declared.name.clone()),
                    ..proved(subject(entry), text)
                };
                found.object_to(name, violation);
            }
            rate => {
                if let Some(why) = case.lacking(rate, "requests") {
                    found.miss(why, format!("{} {name}", declared.name));
                }
            }
        }
    }
}

/// Returns how many requests surely took longer than a limit for the quantile of this value, of which only the quantiles are
/// known; nothing when more may have done so than may. Those are as many as lie beyond the largest quantile past the limit.
fn surely_late(of: &Quantiles, limit: Duration, value: u64) -> Option<u64> {
    let limit = limit.as_nanos();
    if of.count == 0 || u128::from(value) <= limit {
        return Some(0);
    }
    let from = |q: f64| of.count - ((q * of.count as f64).ceil() as u64).clamp(1, of.count) + 1;
    let mut known = [(0.5, of.p50), (0.9, of.p90)].into_iter();
    known
        .find(|(_, value)| u128::from(*value) > limit)
        .map(|(q, _)| from(q))
}

fn errors(case: &Case<'_>, declared: &Entrypoint, entry: &EntryRow, found: &mut Found) {
    let Some(limit) = declared.slo.errors else {
        return;
    };
    found.checked += 1;
    let seen = entry.duration_ns.count;
    match case.rate(entry.failed, entry.requests, seen, limit.get()) {
        Rate::Past(interval) => {
            let share = entry.failed / entry.requests;
            let text = format!(
                "{} of {} fail, at most {} may",
                text::percent(share),
                declared.name,
                text::percent(limit.get())
            );
            let violation = Violation {
                value: Some(share),
                limit: Some(limit.get()),
                unit: "share",
                interval: Some((interval.low, interval.high)),
                grade: Grade::Measured,
                count: entry.failed.round() as u64,
                of: seen,
                exemplars: exemplars(&entry.failed_exemplars),
                entrypoint: Some(declared.name.clone()),
                ..proved(subject(entry), text)
            };
            found.object_to("errors", violation);
        }
        rate => {
            if let Some(why) = case.lacking(rate, "requests") {
                found.miss(why, format!("{} errors", declared.name));
            }
        }
    }
}

/// Holds what each call of the entry's service takes against its share of the time asked for.
fn edges(
    rule: &SloKept,
    case: &Case<'_>,
    declared: &Entrypoint,
    entry: &EntryRow,
    found: &mut Found,
) {
    let (Some(share), Some(p99)) = (rule.edge_share, declared.slo.p99) else {
        return;
    };
    let limit = share.get() * p99.as_nanos() as f64;
    for (&(from, to), edges) in &case.calls(EdgeMode::Sync) {
        if from != entry.service {
            continue;
        }
        found.checked += 1;
        for edge in edges {
            let value = edge.client_ns.p99 as f64;
            if edge.client_ns.count == 0 {
                continue;
            }
            if !case.has_quantile(edge.client_ns.count, 0.99) {
                found.miss("too few calls for a p99", format!("{from} -> {to}"));
                continue;
            }
            if value <= limit {
                continue;
            }
            let text = format!(
                "{to} takes {} (p99) of the {} that {} may, at most {} may be",
                text::duration(edge.client_ns.p99),
                text::duration(p99.as_nanos() as u64),
                declared.name,
                text::percent(share.get())
            );
            let violation = Violation {
                value: Some(value),
                limit: Some(limit),
                unit: "ns",
                grade: Grade::Measured,
                exemplars: exemplars(&edge.slowest_exemplars),
                entrypoint: Some(declared.name.clone()),
                ..of_edges((from, to), edges, text)
            };
            found.object_to(declared.name.clone(), violation);
            break;
        }
    }
}
