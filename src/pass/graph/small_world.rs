//! Whether the graph is as clustered as a lattice and as short as a random graph.
//!
//! Needs random graphs to compare with, which is left to a thorough look.

use crate::algo::smallworld::{MAX_DENSITY, MIN_NODES, NotApplicable, small_world};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::{NULLS, SEED, not_compared};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Compares with random graphs and lattices of the same degrees.
pub static SMALL_WORLD: Pass = Pass {
    name: "small-world",
    about: "whether the graph is clustered like a lattice and short like a random graph",
    explain: "small_world_sigma",
    watch: None,
    measure,
};

const METRIC: &str = "small_world_sigma";

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let unknown =
        |why: &str| Finding::unknown(SMALL_WORLD.name, METRIC, format!("small world: {why}"));
    if let Some(why) = not_compared(graph, effort) {
        return measured.findings.push(unknown(&why));
    }
    let found = match small_world(&graph.undirected, NULLS, SEED) {
        Ok(found) => found,
        Err(why) => {
            let why = match why {
                NotApplicable::TooSmall => {
                    format!("not applicable, fewer than {MIN_NODES} nodes hang together")
                }
                NotApplicable::TooDense => format!("not applicable, denser than {MAX_DENSITY}"),
                NotApplicable::NoRandomClustering => {
                    "not applicable, random graphs with these degrees have no triangles".to_owned()
                }
            };
            return measured.findings.push(unknown(&why));
        }
    };
    measured.metric(METRIC, found.sigma);
    measured.metric("small_world_omega", found.omega);
    let omega = found
        .omega
        .map(|omega| format!(", omega {omega:.2}"))
        .unwrap_or_default();
    let z = found
        .clustering
        .z()
        .map(|z| format!(", z = {z:.1}"))
        .unwrap_or_default();
    measured.findings.push(Finding {
        value: found.sigma,
        grade: Grade::Inferred,
        count: u64::from(NULLS),
        of: u64::from(NULLS),
        text: format!(
            "small world: sigma {:.2}{omega} against {NULLS} random graphs with the same degrees (seed {SEED}); clustering (mean of the nodes) {:.3} against {:.3} +- {:.3}{z}; path length {:.3} against {:.3} +- {:.3}",
            found.sigma, found.clustering.observed, found.clustering.mean, found.clustering.deviation,
            found.distance.observed, found.distance.mean, found.distance.deviation,
        ),
        ..Finding::new(SMALL_WORLD.name, METRIC, Subject::System)
    });
}
