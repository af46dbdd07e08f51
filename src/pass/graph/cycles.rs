//! Services that wait for each other.
//!
//! A strong component of the synchronous graph is a static mutual dependency: its calls may belong to different
//! operations and never meet. A request in which a service was called again while it still waited for the answer has the
//! cycle in it, and can lock both up.

use crate::algo::components::strong_components;
use crate::algo::cycles::{feedback_edges, flow_hierarchy, shortest_cycle};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds mutual dependencies.
pub static CYCLES: Pass = Pass {
    name: "cycles",
    about: "services that wait for each other",
    explain: "largest_cycle",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    measured.metric(
        "flow_hierarchy",
        flow_hierarchy(&graph.all, &strong_components(&graph.all)),
    );
    let strong = strong_components(&graph.sync);
    let feedback = feedback_edges(&graph.sync, &strong);
    let mut cycles: Vec<Vec<u32>> = strong.members();
    cycles.retain(|members| members.len() > 1);
    measured.metric("cycles", cycles.len() as f64);
    measured.metric(
        "largest_cycle",
        cycles.iter().map(Vec::len).max().unwrap_or(0) as f64,
    );
    measured.metric("feedback_edges", feedback.len() as f64);
    let traffic = graph.traffic();
    if traffic.weight > 0.0 {
        let weight = traffic
            .reentries
            .iter()
            .fold(0.0, |sum, reentry| sum + reentry.weight);
        measured.metric("reentry_ratio", weight / traffic.weight);
    }
    let mut findings: Vec<Finding> = cycles
        .iter()
        .filter_map(|members| finding(graph, members, &feedback))
        .collect();
    findings.sort_by(|a, b| b.count.cmp(&a.count).then(b.value.total_cmp(&a.value)));
    measured.findings.append(&mut findings);
}

fn finding(graph: &Graph<'_>, members: &[u32], feedback: &[(u32, u32)]) -> Option<Finding> {
    let cycle = shortest_cycle(&graph.sync, members)?;
    let is_member = |node: &u32| members.binary_search(node).is_ok();
    let traffic = graph.traffic();
    let again: u64 = traffic
        .reentries
        .iter()
        .filter(|reentry| reentry.nodes.iter().any(is_member))
        .map(|reentry| reentry.requests)
        .sum();
    let mut way = graph.names(&cycle);
    way.extend(cycle.first().map(|&first| graph.name(first).to_owned()));
    let seen = match (again, traffic.requests) {
        (_, 0) => "whether a request ever does is unknown".to_owned(),
        (0, requests) => format!(
            "static only: none of {} did",
            text::plural(requests, "request")
        ),
        (again, requests) => format!(
            "{} of {} did",
            text::count(again),
            text::plural(requests, "request")
        ),
    };
    let cut: Vec<String> = feedback
        .iter()
        .filter(|(from, to)| is_member(from) && is_member(to))
        .take(3)
        .map(|&(from, to)| format!("{} -> {}", graph.name(from), graph.name(to)))
        .collect();
    let edges = cycle
        .iter()
        .copied()
        .zip(cycle.iter().copied().cycle().skip(1));
    Some(Finding {
        value: members.len() as f64,
        unit: "services",
        grade: Grade::Proved,
        count: again,
        of: traffic.requests,
        exemplars: graph.exemplars(edges),
        text: format!(
            "{} can wait for each other, as in {} ({seen}); without {} they could not",
            text::plural(members.len() as u64, "service"),
            way.join(" -> "),
            cut.join(" and "),
        ),
        ..Finding::new(
            CYCLES.name,
            "largest_cycle",
            Subject::Path(graph.names(&cycle)),
        )
    })
}
