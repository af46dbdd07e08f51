//! `require`: whoever calls one of those goes through a service in between.

use crate::policy::rule::Require;
use crate::policy::value::EdgeMode;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, of_edges, seen, spoken};
use crate::text;

/// The verb.
pub(super) static REQUIRE: RuleKind = RuleKind {
    name: "require",
    about: "calls go through a service in between",
    needs: Extent::Graph,
    fix: "send the call through the service in between",
};

pub(super) fn judge(rule: &Require, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let (mut calls, mut is_seen) = (0, false);
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let (caller, callee) = (case.node(from), case.node(to));
        let (is_meant, is_via) = (rule.edges.from.matches(&caller), rule.via.matches(&caller));
        if is_meant {
            calls += edges.iter().map(|edge| seen(edge)).sum::<u64>();
        }
        if !is_meant && !is_via {
            continue;
        }
        found.checked += 1;
        if !rule.edges.to.matches(&callee) {
            continue;
        }
        is_seen = true;
        if !is_via {
            let text = format!(
                "{from} calls {to} itself and not through {}: {}",
                rule.via,
                spoken(edges)
            );
            found.object(of_edges((from, to), edges, text));
        }
    }
    // Without any such call, enough others tell that there is none.
    if !is_seen && calls < case.policy.evidence.min_calls.max(1) {
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
