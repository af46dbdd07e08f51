//! `hubs`: limits on what hangs on one service.

use crate::policy::rule::Hubs;
use crate::policy::selector::Selector;
use crate::report::verdict::Violation;
use crate::report::{Grade, Service, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, node, proved};
use crate::text;

/// The verb.
pub(super) static HUBS: RuleKind = RuleKind {
    name: "hubs",
    about: "nobody is at the centre of too much",
    needs: Extent::Graph,
    fix: "split the service by what its callers need, or except it if being a hub is its purpose",
};

pub(super) fn judge(rule: &Hubs, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let infrastructure = &case.policy.services.infrastructure;
    let requests: u64 = case
        .report
        .entries
        .iter()
        .map(|entry| entry.duration_ns.count)
        .sum();
    for service in case.matching(&Selector::every()) {
        if rule.except.matches(&node(service)) || infrastructure.matches(&node(service)) {
            continue;
        }
        found.checked += 1;
        for (most, n, noun) in [
            (rule.max_callers, service.in_degree, "caller"),
            (rule.max_callees, service.out_degree, "callee"),
        ] {
            if let Some(most) = most
                && n > most
            {
                found.object_to(text::nouns(2, noun), degree(service, n, most, noun));
            }
        }
        let (Some(most), Some(share)) =
            (rule.max_traffic_share, service.standing.traffic_betweenness)
        else {
            continue;
        };
        match case.rate(
            share * requests as f64,
            requests as f64,
            requests,
            most.get(),
        ) {
            Rate::Past(interval) => {
                let text = format!(
                    "{} of the requests pass through {}, at most {} may",
                    text::percent(share),
                    service.name,
                    text::percent(most.get())
                );
                let violation = Violation {
                    value: Some(share),
                    limit: Some(most.get()),
                    unit: "share",
                    interval: Some((interval.low, interval.high)),
                    grade: Grade::Measured,
                    count: (share * requests as f64).round() as u64,
                    of: requests,
                    ..proved(Subject::Service(service.name.clone()), text)
                };
                found.object_to("requests", violation);
            }
            rate => {
                if let Some(why) = case.lacking(rate, "requests") {
                    found.miss(why, service.name.clone());
                }
            }
        }
    }
    let is_told = case
        .report
        .services
        .iter()
        .any(|service| service.standing.traffic_betweenness.is_some());
    if rule.max_traffic_share.is_some() && !is_told {
        found.miss("no request was seen from its start", "");
    }
    found
}

fn degree(service: &Service, n: u64, most: u64, noun: &str) -> Violation {
    Violation {
        value: Some(n as f64),
        limit: Some(most as f64),
        count: n,
        of: n,
        ..proved(
            Subject::Service(service.name.clone()),
            format!(
                "{} has {}, at most {} may be",
                service.name,
                text::plural(n, noun),
                text::count(most)
            ),
        )
    }
}
