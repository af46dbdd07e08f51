//! `callers`: only some call a service.

use crate::policy::rule::Callers;
use crate::policy::value::EdgeMode;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, of_edges, spoken};

/// The verb.
pub(super) static CALLERS: RuleKind = RuleKind {
    name: "callers",
    about: "only some call a service",
    needs: Extent::Graph,
    fix: "go through one of the callers that may, or add the caller to the rule if it should be one",
};

pub(super) fn judge(rule: &Callers, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    if case.matching(&rule.of).is_empty() {
        return Found::unknown(format!("{} was not seen", rule.of));
    }
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let (caller, callee) = (case.node(from), case.node(to));
        if !rule.of.matches(&callee) {
            continue;
        }
        found.checked += 1;
        if !rule.only.matches(&caller) && !rule.of.matches(&caller) {
            let text = format!(
                "{from} calls {to}, which only {} may: {}",
                rule.only,
                spoken(edges)
            );
            found.object(of_edges((from, to), edges, text));
        }
    }
    if found.checked == 0 {
        found.miss(format!("no call of {} was seen", rule.of), "");
    }
    found
}
