//! `depth`: the longest chain of calls.
//!
//! Of synchronous calls the deepest request counts, which one trace proves. Chains with messages in them cross traces, so that of
//! them the longest way through the graph from the entry point counts; no request may have taken all of it.

use crate::algo::components::{longest_chain, strong_components};
use crate::algo::graph::Digraph;
use crate::policy::rule::Depth;
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{EntryRow, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, exemplars, proved};
use crate::text;

/// The verb.
pub(super) static DEPTH: RuleKind = RuleKind {
    name: "depth",
    about: "chains of calls are short",
    needs: Extent::Everything,
    fix: "let a service higher up call the lower one itself, or do the last steps behind a queue",
};

pub(super) fn judge(rule: &Depth, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    for (name, _) in &rule.per_entrypoint {
        let is_seen = |entry: &EntryRow| {
            case.entrypoint(entry)
                .is_some_and(|declared| declared.name == *name)
        };
        let mut entries = case.report.entries.iter();
        if !entries.any(is_seen) {
            found.miss("no request was seen of", name.clone());
        }
    }
    for entry in &case.report.entries {
        let declared = case.entrypoint(entry).map(|declared| &declared.name);
        let own = rule
            .per_entrypoint
            .iter()
            .find(|(name, _)| Some(name) == declared);
        let Some(most) = own.map(|(_, most)| *most).or(rule.max) else {
            continue;
        };
        found.checked += 1;
        let (depth, path, grade) = match rule.mode {
            EdgeMode::Sync => (entry.sync_depth.2, Vec::new(), Grade::Proved),
            EdgeMode::Async | EdgeMode::All => {
                let path = longest_from(&entry.service, rule.mode, case);
                (path.len().saturating_sub(1) as u64, path, Grade::Inferred)
            }
        };
        if depth <= most {
            continue;
        }
        let way = match path.len() {
            0 => String::new(),
            _ => format!(": {}", path.join(" -> ")),
        };
        let text = format!(
            "{} of {} is {} deep, at most {} may be{way}",
            entry.operation,
            entry.service,
            text::plural(depth, "call"),
            text::count(most),
        );
        found.object(Violation {
            value: Some(depth as f64),
            limit: Some(most as f64),
            grade,
            exemplars: exemplars(&entry.exemplars),
            entrypoint: declared.cloned(),
            path,
            ..proved(
                Subject::Entry(entry.service.clone(), entry.operation.clone()),
                text,
            )
        });
    }
    if found.checked == 0 {
        found.miss("no request with a limit was seen from its start", "");
    }
    found
}

/// Returns a longest chain of calls from a service.
fn longest_from(service: &str, mode: EdgeMode, case: &Case<'_>) -> Vec<String> {
    let (names, graph) = case.graph(|edge| mode.includes(edge.sync));
    let Ok(start) = names.binary_search(&service) else {
        return Vec::new();
    };
    let mut is_reached = vec![false; names.len()];
    let mut stack = vec![start as u32];
    is_reached[start] = true;
    while let Some(node) = stack.pop() {
        for &callee in graph.successors(node) {
            if !std::mem::replace(&mut is_reached[callee as usize], true) {
                stack.push(callee);
            }
        }
    }
    let below: Vec<(u32, u32)> = graph
        .edges()
        .filter(|(from, _)| is_reached[*from as usize])
        .collect();
    let below = Digraph::new(names.len(), below);
    let strong = strong_components(&below);
    let members = strong.members();
    let chain = longest_chain(&below, &strong);
    chain
        .iter()
        .map(|component| match members[*component as usize].as_slice() {
            members if members.contains(&(start as u32)) => service.to_owned(),
            members => names[members[0] as usize].to_owned(),
        })
        .collect()
}
