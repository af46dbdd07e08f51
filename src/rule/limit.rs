//! `limit`: any number of the report keeps within bounds.
//!
//! A share of failed attempts is a rate: it must surely be past its bound, and keeps to it when enough calls were seen to tell. Quantiles
//! of an edge count from enough calls on, whichever side of the bound they are; every other number always.

use crate::policy::rule::{Limit, Scope};
use crate::report::numbers::{of_edge, of_service};
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, of_edges, proved, seen, shown, unit};
use crate::text;

/// The verb.
pub(super) static LIMIT: RuleKind = RuleKind {
    name: "limit",
    about: "a number keeps within bounds",
    needs: Extent::Numbers,
    fix: "see what the number means with topple explain, and what changed it",
};

pub(super) fn judge(rule: &Limit, case: &Case<'_>) -> Found {
    match &rule.scope {
        Scope::System => of_system(rule, case),
        Scope::Services(selector) => {
            let mut found = Found::default();
            for service in case.matching(selector) {
                let Some(value) = of_service(service, &rule.metric) else {
                    continue;
                };
                found.checked += 1;
                if let Some(bound) = rule.bounds.broken_by(value) {
                    let subject = Subject::Service(service.name.clone());
                    let text = sentence(&service.name, rule, value, bound);
                    found.object(valued(rule, value, bound, proved(subject, text)));
                }
            }
            if found.checked == 0 {
                found.miss(
                    format!("{} was not measured for {selector}", rule.metric),
                    "",
                );
            }
            found
        }
        Scope::Edges(selector) => {
            let mut found = Found::default();
            for edge in case.edges() {
                if selector.matches(&case.node(&edge.from), &case.node(&edge.to)) {
                    of_one_edge(rule, case, edge, &mut found);
                }
            }
            if found.checked == 0 {
                found.miss(
                    format!("{} was not measured for {selector}", rule.metric),
                    "",
                );
            }
            found
        }
    }
}

fn of_system(rule: &Limit, case: &Case<'_>) -> Found {
    let Some(value) = case.report.metric(&rule.metric) else {
        return Found::unknown(format!("{} was not measured", rule.metric));
    };
    let mut found = Found::of(1);
    if let Some(bound) = rule.bounds.broken_by(value) {
        let text = sentence("", rule, value, bound);
        let violation = proved(Subject::System, text);
        found.object(valued(rule, value, bound, violation));
    }
    found
}

fn of_one_edge(rule: &Limit, case: &Case<'_>, edge: &EdgeRow, found: &mut Found) {
    let Some(value) = of_edge(edge, &rule.metric) else {
        return;
    };
    found.checked += 1;
    let name = format!("{} -> {}", edge.from, edge.to);
    if let Some(q) = quantile(&rule.metric)
        && !case.has_quantile(seen(edge), q)
    {
        found.miss(format!("too few calls for {}", rule.metric), name);
        return;
    }
    let mut interval = None;
    if rule.metric == "error_ratio" {
        match share(rule, case, edge, value) {
            Ok(of) => interval = of,
            Err(why) => return found.miss(why, name),
        }
    }
    let Some(bound) = rule.bounds.broken_by(value) else {
        return;
    };
    let ends = (edge.from.as_str(), edge.to.as_str());
    let text = sentence(&name, rule, value, bound);
    let aspect = format!(
        "{} {}",
        if edge.sync { "sync" } else { "async" },
        edge.protocol
    );
    let violation = Violation {
        interval,
        ..of_edges(ends, &[edge], text)
    };
    found.object_to(aspect, valued(rule, value, bound, violation));
}

/// Returns the interval of a share of failed attempts that is surely past its bound, nothing for one that keeps to it, or why neither can
/// be told.
fn share(
    rule: &Limit,
    case: &Case<'_>,
    edge: &EdgeRow,
    value: f64,
) -> Result<Option<(f64, f64)>, String> {
    let (attempts, errors) = (edge.attempts, edge.errors());
    // A rate is past a lower bound when its complement is past the complement of it.
    let (hits, limit, is_complement) = match rule.bounds.broken_by(value) {
        Some(bound) if value < bound => (attempts - errors, 1.0 - bound, true),
        Some(bound) => (errors, bound, false),
        // Whether there was enough to tell is all that is left to ask.
        None => (errors, 1.0, false),
    };
    let rate = case.rate(hits, attempts, seen(edge), limit);
    match (rate, case.lacking(rate, "calls")) {
        (_, Some(why)) => Err(why),
        (Rate::Past(of), None) if is_complement => Ok(Some((1.0 - of.high, 1.0 - of.low))),
        (Rate::Past(of), None) => Ok(Some((of.low, of.high))),
        (Rate::Within | Rate::Perhaps | Rate::TooFew | Rate::Chosen, None) => Ok(None),
    }
}

/// Returns which quantile a number is, if it is one that few values do not give.
pub(super) fn quantile(metric: &str) -> Option<f64> {
    match metric.rsplit_once('.')?.1 {
        "p50" => Some(0.5),
        "p90" => Some(0.9),
        "p99" => Some(0.99),
        _ => None,
    }
}

fn sentence(of: &str, rule: &Limit, value: f64, bound: f64) -> String {
    let side = if value > bound { "above" } else { "below" };
    let of = match of {
        "" => String::new(),
        name => format!(" of {}", text::visible(name)),
    };
    format!(
        "{}{of} is {}, {side} the limit of {}",
        rule.metric,
        shown(&rule.metric, value),
        shown(&rule.metric, bound)
    )
}

fn valued(rule: &Limit, value: f64, bound: f64, violation: Violation) -> Violation {
    Violation {
        value: Some(value),
        limit: Some(bound),
        unit: unit(&rule.metric),
        grade: Grade::Measured,
        help: format!("topple explain {} says what it means", rule.metric),
        ..violation
    }
}
