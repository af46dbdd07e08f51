//! `spof`: no service takes too much with it.
//!
//! How many requests fall with a service is measured between two bounds: what surely falls, and what may. The lower one past the limit
//! is a violation, the upper one alone is unknown. Requests that enter at the service itself are not counted: without a gateway nothing
//! comes in, and no rule can change that.

use std::collections::BTreeSet;

use crate::policy::query::Answer;
use crate::policy::rule::Spof;
use crate::policy::value::EdgeMode;
use crate::report::numbers::lookup;
use crate::report::verdict::Violation;
use crate::report::{EntryRow, Grade, Service, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, node, of_edges, proved};
use crate::text;

/// The verb.
pub(super) static SPOF: RuleKind = RuleKind {
    name: "spof",
    about: "no service takes too much with it",
    needs: Extent::Everything,
    fix: "let callers cope without it (a default, a cache, a queue), or run it more than once and independently",
};

/// The shares of requests that enter elsewhere and surely fall with a service, and that may.
const SURE: &str = "blast_radius.elsewhere_low";
const PERHAPS: &str = "blast_radius.elsewhere_high";

pub(super) fn judge(rule: &Spof, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    if let Some(most) = rule.max_blast_radius {
        radius(rule, case, most.get(), &mut found);
    }
    for name in &rule.critical_entrypoints {
        alone(rule, case, name, &mut found);
    }
    found
}

fn radius(rule: &Spof, case: &Case<'_>, most: f64, found: &mut Found) {
    let values = |name: &str| match lookup(case.report, name) {
        Ok(Answer::Each(values)) if !values.is_empty() => Some(values),
        _ => None,
    };
    let (Some(sure), Some(perhaps)) = (values(SURE), values(PERHAPS)) else {
        found.miss("which requests fall with a service was not measured", "");
        return;
    };
    let (requests, effective) = requests(&case.report.entries);
    let (by_weight, noun) = match effective == requests {
        true => ("", "requests"),
        false => (" by weight", "requests of equal weight"),
    };
    for (name, share) in &sure {
        let Some(service) = case.service(name) else {
            continue;
        };
        if rule.except.matches(&node(service)) {
            continue;
        }
        found.checked += 1;
        let share = share.value;
        match case.rate(share * effective as f64, effective as f64, effective, most) {
            Rate::Past(interval) => {
                let text = format!(
                    "{} of all requests{by_weight} enter elsewhere and fall with {name}, at most {} may",
                    text::percent(share),
                    text::percent(most)
                );
                let violation = Violation {
                    value: Some(share),
                    limit: Some(most),
                    unit: "share",
                    interval: Some((interval.low, interval.high)),
                    grade: Grade::Measured,
                    count: (share * effective as f64).round() as u64,
                    of: effective,
                    ..proved(Subject::Service(name.clone()), text)
                };
                found.object(violation);
            }
            Rate::Within => {
                let high = perhaps.get(name).map_or(0.0, |sample| sample.value);
                if high > most {
                    found.miss(
                        "whether callers cope without it was not seen, and if not it takes too much with it",
                        name.clone(),
                    );
                }
            }
            rate => {
                if let Some(why) = case.lacking(rate, noun) {
                    found.miss(why, name.clone());
                }
            }
        }
    }
}

/// Returns how many requests were seen, and how many that all count the same would tell as much as those with their declared
/// weights do.
fn requests(entries: &[EntryRow]) -> (u64, u64) {
    let seen = entries.iter().map(|entry| entry.duration_ns.count).sum();
    if entries
        .iter()
        .all(|entry| entry.weight == entries[0].weight)
    {
        return (seen, seen);
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for entry in entries {
        let (requests, weight) = (entry.duration_ns.count as f64, entry.weight.unwrap_or(1.0));
        sum += requests * weight;
        squares += requests * weight * weight;
    }
    let effective = if squares > 0.0 {
        sum * sum / squares
    } else {
        0.0
    };
    (seen, effective.round() as u64)
}

/// Objects to services that the service of an entry point cannot do without, directly or through others that it cannot do without.
fn alone(rule: &Spof, case: &Case<'_>, name: &str, found: &mut Found) {
    let entries = case.report.entries.iter().filter(|entry| {
        case.entrypoint(entry)
            .is_some_and(|declared| declared.name == *name)
    });
    let starts: BTreeSet<&str> = entries.map(|entry| entry.service.as_str()).collect();
    if starts.is_empty() {
        found.miss("no request was seen of", name);
    }
    let ends = case.calls(EdgeMode::Sync);
    let is_one_of_several = |service: &Service| {
        let mut groups = case.policy.redundancy.iter();
        groups.any(|group| group.matches(&node(service)))
    };
    for start in starts {
        let mut reached = BTreeSet::from([start]);
        let mut stack = vec![start];
        while let Some(caller) = stack.pop() {
            for (&(_, callee), edges) in ends
                .range((caller, "")..)
                .take_while(|((from, _), _)| *from == caller)
            {
                let Some(service) = case.service(callee) else {
                    continue;
                };
                if reached.contains(callee)
                    || rule.except.matches(&node(service))
                    || is_one_of_several(service)
                {
                    continue;
                }
                found.checked += 1;
                match case.is_hard((caller, callee), edges) {
                    Some(false) => {}
                    None => found.miss(
                        "whether the caller copes without the callee was not seen, and is not declared (calls: soft)",
                        format!("{caller} -> {callee}"),
                    ),
                    Some(true) => {
                        reached.insert(callee);
                        stack.push(callee);
                        let text = format!("{name} falls with {callee}, which {caller} cannot do without");
                        let violation = Violation {
                            entrypoint: Some(name.to_owned()),
                            grade: Grade::Inferred,
                            exemplars: of_edges((caller, callee), edges, String::new()).exemplars,
                            ..proved(Subject::Service(callee.to_owned()), text)
                        };
                        found.object_to(name, violation);
                    }
                }
            }
        }
    }
}
