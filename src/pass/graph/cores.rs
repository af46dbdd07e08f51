//! Which nodes are entangled with each other.

use crate::algo::kcore::core_numbers;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Peels the graph.
pub static CORES: Pass = Pass {
    name: "cores",
    about: "which nodes are entangled with each other",
    explain: "degeneracy",
    watch: None,
    measure,
};

/// In a core of fewer neighbours each there is nothing but a ring, which many small systems have.
const ENTANGLED: u32 = 3;

/// Says who is entangled most. Of a system that is one core as a whole nothing is said: it is small and dense.
fn entangled(graph: &Graph<'_>, most: u32, innermost: &[u32]) -> Finding {
    let count = innermost.len() as u64;
    let edges = graph.all.edges().filter(|(from, to)| {
        [from, to]
            .iter()
            .all(|node| innermost.binary_search(node).is_ok())
    });
    Finding {
        value: f64::from(most),
        unit: "neighbours",
        grade: Grade::Proved,
        count,
        of: graph.n_nodes() as u64,
        exemplars: graph.exemplars(edges.take(3)),
        text: format!(
            "{count} nodes are entangled most, each with {most} or more of the others: {}",
            graph.listed(innermost)
        ),
        ..Finding::new(CORES.name, "degeneracy", Subject::System)
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let cores = core_numbers(&graph.undirected);
    let most = cores.iter().max().copied().unwrap_or(0);
    measured.metric("degeneracy", f64::from(most));
    let innermost: Vec<u32> = (0u32..)
        .zip(&cores)
        .filter(|(_, core)| **core == most)
        .map(|(node, _)| node)
        .collect();
    if most >= ENTANGLED && innermost.len() < graph.n_nodes() {
        measured.findings.push(entangled(graph, most, &innermost));
    }
    for (standing, core) in measured.standings.iter_mut().zip(cores) {
        standing.core = Some(u64::from(core));
    }
}
