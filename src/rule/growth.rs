//! `growth`: a number does not get much worse than in the baseline.
//!
//! What the baseline does not have is new and has nothing to be compared with; improvements never fail.

use std::collections::BTreeMap;

use crate::policy::rule::{Growth, Scope};
use crate::report::numbers::{of_edge, of_service};
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, proved, seen, shown, unit};
use crate::rule::limit::quantile;

/// The verb.
pub(super) static GROWTH: RuleKind = RuleKind {
    name: "growth",
    about: "a number does not get much worse than in the baseline",
    needs: Extent::Numbers,
    fix: "see what changed with the baseline, or write a new baseline if the change is meant",
};

pub(super) fn judge(rule: &Growth, case: &Case<'_>) -> Found {
    let Some(base) = case.base else {
        return Found::unknown("there is no baseline: name one with --base");
    };
    let mut found = Found::default();
    match &rule.scope {
        Scope::System => match (case.report.metric(&rule.metric), base.metric(&rule.metric)) {
            (Some(now), Some(before)) => {
                compare(rule, Subject::System, "", now, before, &mut found);
            }
            (None, _) => found.miss(format!("{} was not measured", rule.metric), ""),
            (_, None) => found.miss(format!("the baseline has no {}", rule.metric), ""),
        },
        Scope::Services(selector) => {
            for service in case.matching(selector) {
                let mut others = base.services.iter();
                let before = others
                    .find(|other| other.name == service.name)
                    .and_then(|other| of_service(other, &rule.metric));
                if let (Some(now), Some(before)) = (of_service(service, &rule.metric), before) {
                    let subject = Subject::Service(service.name.clone());
                    compare(rule, subject, &service.name, now, before, &mut found);
                }
            }
        }
        Scope::Edges(selector) => {
            let least = case.policy.evidence.min_calls.max(1);
            let others = base.edges.iter().filter(|edge| !edge.direct);
            let others: BTreeMap<_, _> = others.map(|edge| (ends(edge), edge)).collect();
            for edge in case.edges() {
                if !selector.matches(&case.node(&edge.from), &case.node(&edge.to)) {
                    continue;
                }
                let Some(other) = others.get(&ends(edge)) else {
                    continue;
                };
                let (now, before) = (of_edge(edge, &rule.metric), of_edge(other, &rule.metric));
                let name = format!("{} -> {}", edge.from, edge.to);
                let has_quantile = |edge| match quantile(&rule.metric) {
                    Some(q) => case.has_quantile(seen(edge), q),
                    None => true,
                };
                if seen(edge) < least || seen(other) < least {
                    found.miss(format!("fewer than {least} calls, now or before"), name);
                } else if !has_quantile(edge) || !has_quantile(other) {
                    let why = format!("too few calls for {}, now or before", rule.metric);
                    found.miss(why, name);
                } else if let Some(why) = perhaps(rule, case, edge, other) {
                    found.checked += 1;
                    found.miss(why, name);
                } else if let (Some(now), Some(before)) = (now, before) {
                    let subject = Subject::Edge(edge.from.clone(), edge.to.clone());
                    compare(rule, subject, &name, now, before, &mut found);
                }
            }
        }
    }
    if found.checked == 0 {
        found.miss(
            format!("{} is in no part of both, now and before", rule.metric),
            "",
        );
    }
    found
}

/// Returns what tells an edge from others.
fn ends(edge: &EdgeRow) -> (&str, &str, bool, &str) {
    (&edge.from, &edge.to, edge.sync, edge.protocol)
}

/// Returns why a share of failed attempts that grew too much may have done so by chance, if it may.
fn perhaps(rule: &Growth, case: &Case<'_>, now: &EdgeRow, before: &EdgeRow) -> Option<String> {
    if rule.metric != "error_ratio" {
        return None;
    }
    let before = before.error_ratio();
    let limit = before + rule.max.allowance(before);
    case.lacking(
        case.rate(now.errors(), now.attempts, seen(now), limit),
        "calls",
    )
}

fn compare(rule: &Growth, subject: Subject, name: &str, now: f64, before: f64, found: &mut Found) {
    /// What the last digits of a double may differ by.
    const ROUNDING: f64 = 1e-9;
    found.checked += 1;
    let change = (now - before).abs();
    let slack = ROUNDING * before.abs().max(now.abs());
    if !rule.better.is_worse(now, before) || change <= rule.max.allowance(before) + slack {
        return;
    }
    let of = match name {
        "" => String::new(),
        name => format!(" of {name}"),
    };
    let text = format!(
        "{}{of} went from {} to {}, by more than {}",
        rule.metric,
        shown(&rule.metric, before),
        shown(&rule.metric, now),
        shown(&rule.metric, rule.max.allowance(before)),
    );
    found.object(Violation {
        value: Some(now),
        limit: Some(before),
        unit: unit(&rule.metric),
        grade: Grade::Measured,
        ..proved(subject, text)
    });
}
