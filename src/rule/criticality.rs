//! `criticality`: what matters does not depend on what matters less.
//!
//! Only a hard dependency counts: one of which failures were seen to reach the caller, or else one that is declared (`soft: false`).

use crate::policy::rule::CriticalityOrder;
use crate::policy::selector::CRITICALITY as TAG;
use crate::policy::value::EdgeMode;
use crate::report::Subject;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, of_edges, spoken};

/// The verb.
pub(super) static CRITICALITY: RuleKind = RuleKind {
    name: "criticality",
    about: "what matters does not depend on what matters less",
    needs: Extent::Everything,
    fix: "let the caller cope without the answer, or treat the callee as the caller is treated",
};

pub(super) fn judge(rule: &CriticalityOrder, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let level = |name: &str| case.service(name)?.tags.get(TAG).map(String::as_str);
    for (&(from, to), edges) in &case.calls(EdgeMode::Sync) {
        let (Some(above), Some(below)) = (level(from), level(to)) else {
            continue;
        };
        found.checked += 1;
        let is_forbidden = rule
            .forbid_hard
            .iter()
            .any(|(caller, callee)| caller.name() == above && callee.name() == below);
        if !is_forbidden {
            continue;
        }
        match case.is_hard((from, to), edges) {
            Some(true) => {
                let text = format!(
                    "{from} ({above}) cannot do without {to} ({below}): {}",
                    spoken(edges)
                );
                found.object(of_edges((from, to), edges, text));
            }
            Some(false) => {}
            None => found.miss(
                "whether the caller copes without the callee was not seen, and is not declared (calls: soft)",
                Subject::Edge(from.to_owned(), to.to_owned()).to_string(),
            ),
        }
    }
    if found.checked == 0 {
        found.miss("no call between services with a criticality was seen", "");
    }
    found
}
