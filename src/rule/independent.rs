//! `independent`: groups of services do not call each other.

use crate::policy::rule::Independent;
use crate::policy::value::EdgeMode;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, of_edges, spoken};

/// The verb.
pub(super) static INDEPENDENT: RuleKind = RuleKind {
    name: "independent",
    about: "groups of services do not call each other",
    needs: Extent::Graph,
    fix: "keep the request in its group, or except a service that all groups may call",
};

pub(super) fn judge(rule: &Independent, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let group = |name: &str| case.service(name)?.tags.get(&rule.by);
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let (Some(own), Some(other)) = (group(from), group(to)) else {
            continue;
        };
        found.checked += 1;
        let is_shared =
            rule.except.matches(&case.node(from)) || rule.except.matches(&case.node(to));
        if own != other && !is_shared {
            let text = format!(
                "{from} ({} {own}) calls {to} ({} {other}): {}",
                rule.by,
                rule.by,
                spoken(edges)
            );
            found.object(of_edges((from, to), edges, text));
        }
    }
    if found.checked == 0 {
        let why = format!(
            "no call between services with the tag \"{}\" was seen",
            rule.by
        );
        found.miss(why, "");
    }
    found
}
