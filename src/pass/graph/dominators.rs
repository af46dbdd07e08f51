//! Who can no longer be reached when a service is gone.
//!
//! Over synchronous calls from the services at which requests, messages and jobs enter. What no entry reaches this way has
//! no dominator. An entry point dominates much by nature, so those come last.

use crate::algo::dominators::{Dominator, dominators};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::replicas::Replicas;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds immediate dominators.
pub static DOMINATORS: Pass = Pass {
    name: "dominators",
    about: "who can no longer be reached when a service is gone",
    explain: "immediate_dominator",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let entries = graph.entries();
    if entries.is_empty() {
        if graph.n_nodes() > 0 {
            let why = "dominators: no entry point is in the data";
            measured.findings.push(Finding::unknown(
                DOMINATORS.name,
                "immediate_dominator",
                why,
            ));
        }
        return;
    }
    let tree = dominators(&graph.sync, &entries);
    let reached = tree
        .immediate
        .iter()
        .filter(|of| **of != Dominator::Unreachable)
        .count() as u64;
    // With whether it is about an entry point.
    let mut findings: Vec<(bool, Finding)> = Vec::new();
    for node in 0..graph.n_nodes() as u32 {
        let standing = &mut measured.standings[node as usize];
        if let Dominator::Node(by) = tree.immediate[node as usize] {
            standing.immediate_dominator = Some(graph.name(by).to_owned());
        }
        standing.dominated = (tree.subtree_sizes[node as usize] as u64).saturating_sub(1);
        if standing.dominated > 0 {
            let is_entry = entries.binary_search(&node).is_ok();
            let finding = finding(graph, node, standing.dominated, reached - 1, is_entry);
            findings.push((is_entry, finding));
        }
    }
    findings.sort_by(|(a_enters, a), (b_enters, b)| {
        let by_value = b.value.total_cmp(&a.value);
        a_enters.cmp(b_enters).then(by_value)
    });
    let findings = findings.into_iter().map(|(_, finding)| finding);
    measured.findings.extend(findings);
}

fn finding(graph: &Graph<'_>, node: u32, dominated: u64, others: u64, is_entry: bool) -> Finding {
    let name = graph.name(node);
    let callees = graph.sync.successors(node);
    let entry = if is_entry { ", an entry point," } else { "" };
    Finding {
        value: dominated as f64,
        unit: "nodes",
        grade: Grade::Proved,
        count: dominated,
        of: others,
        exemplars: graph.exemplars(callees.iter().map(|&callee| (node, callee))),
        text: format!(
            "{name}{entry} is the only way to {} of {}{}",
            text::count(dominated),
            text::plural(others, "other node"),
            Replicas::of(graph, node).clause(),
        ),
        ..Finding::new(
            DOMINATORS.name,
            "dominated",
            Subject::Service(name.to_owned()),
        )
    }
}
