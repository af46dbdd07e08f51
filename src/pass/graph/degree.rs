//! How many neighbours nodes have, and how unevenly; how much of the calls goes to the busiest.
//!
//! Calls of users are left out: where they enter is where they enter. So are calls of a node to itself.
//!
//! Degrees grow with the time that was observed. Edges that one trace alone showed tell how far that has come: the next trace
//! shows as many new ones as they are, divided by the traces (Good, Biometrika 40, 1953).

use std::cmp::Reverse;

use crate::algo::cycles::reciprocity;
use crate::algo::degree::{assortativity, centralisation, gini};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::model::dictionary::Weight;
use crate::pass::rarefaction::{rarefaction, traces_of_edges};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Measures size and degrees.
pub static DEGREE: Pass = Pass {
    name: "degree",
    about: "how many neighbours nodes have, and how unevenly",
    explain: "degree",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let (nodes, edges) = (graph.n_nodes() as f64, graph.all.n_edges() as f64);
    let degrees: Vec<u64> = graph
        .undirected
        .degrees()
        .into_iter()
        .map(|degree| degree as u64)
        .collect();
    let services = graph
        .vertices
        .iter()
        .filter(|&&vertex| graph.system.vertices[vertex].kind == NodeKind::Service);
    measured.metric("nodes", nodes);
    measured.metric("services", services.count() as f64);
    measured.metric("edges", edges);
    let in_traces = traces_of_edges(graph);
    let once = in_traces.iter().filter(|traces| **traces == 1);
    measured.metric("edges_seen_once", once.count() as f64);
    measured.rarefaction = rarefaction(graph);
    measured.metric("self_edges", graph.all.self_loops().len() as f64);
    measured.metric("density", edges / (nodes * (nodes - 1.0)));
    let sum = degrees.iter().sum::<u64>();
    measured.metric("average_degree", sum as f64 / nodes);
    measured.metric(
        "max_degree",
        degrees.iter().max().copied().unwrap_or(0) as f64,
    );
    measured.metric("degree_gini", gini(&degrees));
    measured.metric("degree_centralisation", centralisation(&graph.undirected));
    measured.metric("assortativity", assortativity(&graph.undirected));
    measured.metric("reciprocity", reciprocity(&graph.all));
    let busiest = busiest(graph, measured);
    measured.findings.extend(busiest);
}

/// Measures how much of the calls goes to the busiest callees, and says which those are.
fn busiest(graph: &Graph<'_>, measured: &mut Measured) -> Option<Finding> {
    const FIRST: usize = 3;
    let mut calls: Vec<(u64, u32)> = (0..graph.n_nodes() as u32)
        .map(|node| (calls_to(graph, node), node))
        .filter(|(calls, _)| *calls > 0)
        .collect();
    calls.sort_by_key(|&(calls, node)| (Reverse(calls), node));
    let sum = |of: &[(u64, u32)]| {
        of.iter()
            .fold(0, |sum: u64, (calls, _)| sum.saturating_add(*calls))
    };
    let all = Weight(sum(&calls)).value();
    let (&(most, node), first) = (calls.first()?, &calls[..calls.len().min(FIRST)]);
    let share = |units: u64| Weight(units).value() / all;
    let (top, top_three) = (share(most), share(sum(first)));
    measured.metric("top_callee_traffic_share", top);
    measured.metric("top3_callee_traffic_share", top_three);
    let name = graph.name(node);
    let nodes: Vec<u32> = first.iter().map(|(_, node)| *node).collect();
    let rest = match calls.len() > FIRST {
        true => format!(
            "; the first {FIRST}, {}, take {}",
            graph.listed(&nodes),
            text::percent(top_three)
        ),
        false => String::new(),
    };
    let callers = graph.all.predecessors(node);
    Some(Finding {
        value: top,
        grade: Grade::Proved,
        count: Weight(most).value() as u64,
        of: all as u64,
        exemplars: graph.exemplars(callers.iter().map(|&caller| (caller, node))),
        text: format!(
            "{name} takes {} of all calls between nodes{rest}",
            text::percent(top)
        ),
        ..Finding::new(
            DEGREE.name,
            "top_callee_traffic_share",
            Subject::Service(name.to_owned()),
        )
    })
}

/// Returns the weighted calls of other nodes to a node.
fn calls_to(graph: &Graph<'_>, node: u32) -> u64 {
    let callers = graph.all.predecessors(node).iter();
    callers
        .flat_map(|&caller| graph.arcs_between(caller, node))
        .filter(|arc| !arc.direct)
        .fold(0, |sum, arc| sum.saturating_add(arc.edge.calls))
}
