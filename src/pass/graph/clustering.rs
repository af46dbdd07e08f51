//! How often two neighbours of a node are neighbours too, and whether that is more than what chance gives.
//!
//! Random graphs to compare with are left to a thorough look.

use crate::algo::clustering::{clustering, directed_clustering};
use crate::algo::nulls::against_null;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::{NULLS, SEED, against_chance, not_compared};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Measures clustering.
pub static CLUSTERING: Pass = Pass {
    name: "clustering",
    about: "how often two neighbours of a node are neighbours too",
    explain: "average_clustering",
    watch: None,
    measure,
};

const METRIC: &str = "average_clustering_null";

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let found = clustering(&graph.undirected);
    measured.metric("average_clustering", found.average());
    measured.metric("transitivity", found.transitivity());
    let directed = directed_clustering(&graph.all);
    let sum: f64 = directed.iter().sum();
    measured.metric("directed_clustering", sum / directed.len() as f64);
    for (standing, local) in measured.standings.iter_mut().zip(found.local) {
        standing.clustering = Some(local);
    }
    if let Some(why) = not_compared(graph, effort) {
        let why = format!("clustering against chance: {why}");
        return measured
            .findings
            .push(Finding::unknown(CLUSTERING.name, METRIC, why));
    }
    let found = against_null(&graph.undirected, NULLS, SEED, |graph| {
        clustering(graph).average()
    });
    measured.metric(METRIC, found.mean);
    measured.metric("average_clustering_null_deviation", found.deviation);
    measured.metric("average_clustering_z", found.z());
    measured.findings.push(Finding {
        value: found.mean,
        grade: Grade::Inferred,
        count: u64::from(NULLS),
        of: u64::from(NULLS),
        text: format!("average clustering is {}", against_chance(&found)),
        ..Finding::new(CLUSTERING.name, METRIC, Subject::System)
    });
}
