//! `acyclic`: calls do not go round in circles.
//!
//! Services that reach each other both ways are one strong component, and one violation: its shortest cycle, from the first name on.

use crate::algo::components::strong_components;
use crate::algo::cycles::shortest_cycle;
use crate::policy::rule::Acyclic;
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, exemplars, node, proved};
use crate::text;

/// The verb.
pub(super) static ACYCLIC: RuleKind = RuleKind {
    name: "acyclic",
    about: "calls do not go round in circles",
    needs: Extent::Graph,
    fix: "remove one call of the cycle: pass its data along with the request, or send an event instead",
};

pub(super) fn judge(rule: &Acyclic, case: &Case<'_>) -> Found {
    let is_meant = |name: &str| {
        let service = case.service(name);
        service.is_some_and(|of| rule.among.matches(&node(of)))
    };
    let keep = |edge: &EdgeRow| {
        rule.mode.includes(edge.sync) && is_meant(&edge.from) && is_meant(&edge.to)
    };
    let (names, graph) = case.graph(keep);
    let mut found = Found::of(graph.n_edges() as u64);
    if graph.n_edges() == 0 {
        found.miss(format!("no call among {} was seen", rule.among), "");
    }
    for members in strong_components(&graph).members() {
        let Some(cycle) = shortest_cycle(&graph, &members) else {
            continue;
        };
        let mut path: Vec<String> = cycle
            .iter()
            .map(|node| names[*node as usize].to_owned())
            .collect();
        path.extend(path.first().cloned());
        let others = (members.len() - cycle.len()) as u64;
        let more = match others {
            0 => String::new(),
            others => format!(
                " (and {} in the same knot)",
                text::plural(others, "service")
            ),
        };
        let on_cycle = |edge: &&EdgeRow| {
            let mut pairs = path.windows(2);
            keep(edge) && pairs.any(|ends| ends[0] == edge.from && ends[1] == edge.to)
        };
        found.object(Violation {
            exemplars: exemplars(
                case.edges()
                    .filter(on_cycle)
                    .flat_map(|edge| edge.exemplars.first()),
            ),
            count: members.len() as u64,
            of: names.len() as u64,
            path: path.clone(),
            ..proved(
                Subject::Path(path.clone()),
                format!("{} call each other in a circle{more}", path.join(" -> ")),
            )
        });
    }
    found
}
