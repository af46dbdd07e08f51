//! Whether the graph is as clustered as a lattice and as short as a random graph.
//!
//! Needs random graphs to compare with, which is left to a thorough look.

use crate::algo::smallworld::{MAX_DENSITY, MIN_NODES, NotApplicable, small_world};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::{SEED, SMALL};
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

/// Random graphs to compare with.
const NULLS: u32 = 20;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let unknown =
        |why: &str| Finding::unknown(SMALL_WORLD.name, METRIC, format!("small world: {why}"));
    let sizes = crate::algo::components::connected_components(&graph.undirected).sizes;
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let too_small = format!("not applicable, fewer than {MIN_NODES} nodes hang together");
    if largest < MIN_NODES {
        return measured.findings.push(unknown(&too_small));
    }
    if effort == Effort::Quick {
        return measured.findings.push(unknown(
            "not compared with random graphs here; topple hubs does",
        ));
    }
    if largest > SMALL {
        return measured.findings.push(unknown(
            "not compared, random graphs of this size take too long",
        ));
    }
    let found = match small_world(&graph.undirected, NULLS, SEED) {
        Ok(found) => found,
        Err(why) => {
            let why = match why {
                NotApplicable::TooSmall => too_small,
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
            "small world: sigma {:.2}{omega} against {NULLS} random graphs with the same degrees; clustering {:.3} against {:.3} +- {:.3}{z}",
            found.sigma, found.clustering.observed, found.clustering.mean, found.clustering.deviation,
        ),
        ..Finding::new(SMALL_WORLD.name, METRIC, Subject::System)
    });
}
