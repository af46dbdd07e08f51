//! `require`: whoever calls one of those goes through a service in between.

use crate::policy::rule::Require;
use crate::policy::value::EdgeMode;
use crate::rule::RuleKind;
use crate::rule::case::{Case, Found, of_edges, seen, spoken};
use crate::text;

/// The verb.
pub(super) static REQUIRE: RuleKind = RuleKind {
    name: "require",
    about: "calls go through a service in between",
    fix: "send the call through the service in between",
};

pub(super) fn judge(rule: &Require, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let mut calls = 0;
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let (caller, callee) = (case.node(from), case.node(to));
        if rule.edges.from.matches(&caller) {
            calls += edges.iter().map(|edge| seen(edge)).sum::<u64>();
        }
        if !rule.edges.to.matches(&callee) {
            continue;
        }
        if rule.via.matches(&caller) {
            found.checked += 1;
        } else if rule.edges.from.matches(&caller) {
            found.checked += 1;
            let text = format!(
                "{from} calls {to} itself and not through {}: {}",
                rule.via,
                spoken(edges)
            );
            found.object(of_edges((from, to), edges, text));
        }
    }
    if found.checked == 0 && calls < case.policy.evidence.min_calls.max(1) {
        let why = format!(
            "no call of {} was seen, in {} of {}",
            rule.edges.to,
            text::plural(calls, "call"),
            rule.edges.from
        );
        found.miss(why, "");
    }
    found
}
