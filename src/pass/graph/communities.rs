//! Groups of nodes with more edges inside than chance would put there.
//!
//! How far the groups agree with declared domains is not measured: nothing declares domains yet.

use crate::algo::community::leiden;
use crate::pass::graph::{SEED, SMALL};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Finds communities.
pub static COMMUNITIES: Pass = Pass {
    name: "communities",
    about: "groups of nodes with more edges inside than chance would put there",
    explain: "modularity",
    watch: None,
    measure,
};

/// Restarts of which the best counts.
const RESTARTS: u32 = 10;

/// Restarts on a large graph when there is little time.
const FEW_RESTARTS: u32 = 2;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let restarts = if effort == Effort::Quick && graph.n_nodes() > SMALL {
        FEW_RESTARTS
    } else {
        RESTARTS
    };
    let found = leiden(&graph.undirected, restarts, SEED);
    measured.metric("modularity", found.modularity);
    if found.modularity.is_some() {
        measured.metric("communities", found.n_groups as f64);
    }
}
