//! Which nodes are entangled with each other.

use crate::algo::kcore::core_numbers;
use crate::pass::{Effort, Graph, Measured, Pass};

/// Peels the graph.
pub static CORES: Pass = Pass {
    name: "cores",
    about: "which nodes are entangled with each other",
    explain: "degeneracy",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let cores = core_numbers(&graph.undirected);
    measured.metric(
        "degeneracy",
        f64::from(cores.iter().max().copied().unwrap_or(0)),
    );
    for (standing, core) in measured.standings.iter_mut().zip(cores) {
        standing.core = Some(u64::from(core));
    }
}
