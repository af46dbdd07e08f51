//! `new_edges`: edges that the baseline does not have are approved in the lock.
//!
//! An edge is its two ends, and whether the caller waits: a message that becomes a call is a new dependency. The protocol is not
//! part of it. Edges that were not seen this time are no matter here: that is no removal.

use std::collections::BTreeSet;

use crate::policy::rule::NewEdges;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::baseline::ties;
use crate::rule::case::{Case, Ends, Found, of_edges, spoken};

/// The verb.
pub(super) static NEW_EDGES: RuleKind = RuleKind {
    name: "new_edges",
    about: "new edges are approved",
    needs: Extent::Graph,
    fix: "if the call is meant, approve it: run topple check --update-lock and commit the lock",
};

pub(super) fn judge(rule: &NewEdges, case: &Case<'_>) -> Found {
    if case.base.is_none() && case.lock.is_none() {
        return Found::unknown(format!(
            "there is no baseline: {} was not found and --base names none",
            rule.approve_in
        ));
    }
    let mut known: BTreeSet<(&str, &str, bool)> = BTreeSet::new();
    if let Some(base) = case.base {
        known.extend(ties(base));
    }
    if let Some(lock) = case.lock {
        known.extend(lock.ties());
    }
    let mut ends = Ends::new();
    for edge in case.edges().filter(|edge| edge.from != edge.to) {
        let key = (edge.from.as_str(), edge.to.as_str());
        ends.entry(key).or_default().push(edge);
    }
    let mut found = Found::of(ends.len() as u64);
    for (&(from, to), edges) in &ends {
        if case.is_excepted(&rule.except, from, to) {
            continue;
        }
        let is_new = |sync: bool| {
            edges.iter().any(|edge| edge.sync == sync) && !known.contains(&(from, to, sync))
        };
        let also = known.contains(&(from, to, true)) || known.contains(&(from, to, false));
        let text = match (is_new(true), is_new(false), also) {
            (false, false, _) => continue,
            (true, _, true) => format!(
                "{from} now waits for {to}, which it did not: {}",
                spoken(edges)
            ),
            (false, true, true) => format!("{from} now sends messages to {to}: {}", spoken(edges)),
            (_, _, false) => format!("{from} -> {to} is a new edge: {}", spoken(edges)),
        };
        found.object(of_edges((from, to), edges, text));
    }
    found
}
