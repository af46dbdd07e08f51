//! `forbid`: nobody of these calls anybody of those, directly or through others.
//!
//! A forbidden path is objected to where it begins and ends, whatever lies between, so that another way round is the same
//! violation. It is followed to the first forbidden service only, and not past another service that must not begin one: that one has a violation
//! of its own.

use std::collections::{BTreeMap, VecDeque};

use crate::policy::rule::Forbid;
use crate::report::Subject;
use crate::report::verdict::Violation;
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Ends, Found, of_edges, proved, spoken};

/// The verb.
pub(super) static FORBID: RuleKind = RuleKind {
    name: "forbid",
    about: "nobody of these calls anybody of those",
    needs: Extent::Graph,
    fix: "call a service that may, take the data along with the request, or let the other side send an event",
};

pub(super) fn judge(rule: &Forbid, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    for (selector, side) in [(&rule.edges.from, "caller"), (&rule.edges.to, "callee")] {
        if case.matching(selector).is_empty() {
            found.miss(format!("no {side} {selector} was seen"), "");
        }
    }
    let ends = case.calls(rule.mode);
    found.checked = ends.len() as u64;
    if rule.transitive {
        transitive(rule, case, &mut found);
        return found;
    }
    for (&(from, to), edges) in &ends {
        let is_forbidden = rule.edges.matches(&case.node(from), &case.node(to));
        if is_forbidden && !case.is_excepted(&rule.except, from, to) {
            let text = format!("{from} calls {to}: {}", spoken(edges));
            found.object(of_edges((from, to), edges, text));
        }
    }
    found
}

/// Objects to paths.
fn transitive(rule: &Forbid, case: &Case<'_>, found: &mut Found) {
    // On the way through a queue a path needs the queue's own edges.
    let mut ends = Ends::new();
    for edge in case.edges().filter(|edge| rule.mode.includes(edge.sync)) {
        let (from, to) = (edge.from.as_str(), edge.to.as_str());
        if from != to && !case.is_excepted(&rule.except, from, to) {
            ends.entry((from, to)).or_default().push(edge);
        }
    }
    let mut callees: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for &(from, to) in ends.keys() {
        callees.entry(from).or_default().push(to);
    }
    for start in case.matching(&rule.edges.from) {
        let start = start.name.as_str();
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &callee in callees.get(node).into_iter().flatten() {
                if callee == start || before.contains_key(callee) {
                    continue;
                }
                before.insert(callee, node);
                if rule.edges.to.matches(&case.node(callee)) {
                    found.object(path(start, callee, &before, &ends));
                } else if !rule.edges.from.matches(&case.node(callee)) {
                    queue.push_back(callee);
                }
            }
        }
    }
}

fn path(start: &str, end: &str, before: &BTreeMap<&str, &str>, ends: &Ends<'_>) -> Violation {
    let back = |node: &&str| before.get(node).copied().filter(|_| *node != start);
    let mut path: Vec<&str> = std::iter::successors(Some(end), back).collect();
    path.reverse();
    let last = path.len().saturating_sub(2);
    let edges = ends.get(&(path[last], end));
    let exemplars = edges.map_or_else(Vec::new, |edges| {
        of_edges((start, end), edges, String::new()).exemplars
    });
    let text = match path.len() {
        2 => format!("{start} calls {end}"),
        _ => format!("{start} reaches {end}: {}", path.join(" -> ")),
    };
    Violation {
        path: path.into_iter().map(str::to_owned).collect(),
        exemplars,
        ..proved(Subject::Edge(start.to_owned(), end.to_owned()), text)
    }
}
