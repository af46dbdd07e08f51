//! How many neighbours nodes have, and how unevenly.

use crate::algo::cycles::reciprocity;
use crate::algo::degree::{assortativity, centralisation, gini};
use crate::fold::catalogue::NodeKind;
use crate::pass::{Effort, Graph, Measured, Pass};

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
}
