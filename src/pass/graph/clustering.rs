//! How often two neighbours of a node are neighbours too.

use crate::algo::clustering::{clustering, directed_clustering};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Measures clustering.
pub static CLUSTERING: Pass = Pass {
    name: "clustering",
    about: "how often two neighbours of a node are neighbours too",
    explain: "average_clustering",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let found = clustering(&graph.undirected);
    measured.metric("average_clustering", found.average());
    measured.metric("transitivity", found.transitivity());
    let directed = directed_clustering(&graph.all);
    let sum: f64 = directed.iter().sum();
    measured.metric("directed_clustering", sum / directed.len() as f64);
    for (standing, local) in measured.standings.iter_mut().zip(found.local) {
        standing.clustering = Some(local);
    }
}
