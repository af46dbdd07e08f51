//! How far down the flow of calls each node stands.
//!
//! Every pair of caller and callee counts the same, however often it calls. Declared tiers are not compared here: in which
//! order they may call each other is for a policy to say.

use crate::algo::levels::trophic_levels;
use crate::pass::{Effort, Graph, Measured, Pass};

/// Measures levels.
pub static LEVELS: Pass = Pass {
    name: "levels",
    about: "how far down the flow of calls each node stands",
    explain: "level",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let found = trophic_levels(&graph.all, &vec![1.0; graph.all.n_edges()]);
    measured.metric("trophic_incoherence", found.incoherence);
    for (standing, level) in measured.standings.iter_mut().zip(found.level) {
        standing.level = Some(level);
    }
}
