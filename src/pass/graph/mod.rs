//! Passes over the service graph, a file each.
//!
//! Undirected measures are over the simple projection, those of paths over its largest component.

pub mod degree;

pub mod power_law;

pub mod hubs;

pub mod paths;

pub mod clustering;

pub mod small_world;

pub mod communities;

pub mod cores;

pub mod cycles;

pub mod single_points;

pub mod dominators;

pub mod robustness;

pub mod levels;

pub mod topology_class;

pub mod blast_radius;

pub mod cascades;

pub mod criticality;

pub mod serial_availability;

pub mod shared_dependencies;

use crate::algo::components::connected_components;
use crate::algo::nulls::AgainstNull;
use crate::algo::smallworld::{MAX_DENSITY, MIN_NODES};
use crate::pass::{Effort, Graph};

/// Up to so many nodes measures are exact and have all their repetitions, however little time they may take.
///
/// Measured on two cores: exact betweenness takes 0.2 s at 2,000 nodes and 20,000 edges, 12 s at ten times as many.
const SMALL: usize = 2_000;

/// The seed of everything drawn at random.
pub(in crate::pass) const SEED: u64 = 1;

/// Random graphs to compare with.
const NULLS: u32 = 20;

/// Says why a graph is not compared with random graphs of the same degrees, if it is not.
fn not_compared(graph: &Graph<'_>, effort: Effort) -> Option<String> {
    let sizes = connected_components(&graph.undirected).sizes;
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let density = graph.undirected.density().unwrap_or(0.0);
    if largest < MIN_NODES {
        Some(format!(
            "not applicable, fewer than {MIN_NODES} nodes hang together"
        ))
    } else if density > MAX_DENSITY {
        Some(format!("not applicable, denser than {MAX_DENSITY}"))
    } else if effort == Effort::Quick {
        Some("not compared with random graphs here; topple hubs does".to_owned())
    } else if graph.n_nodes() > SMALL {
        Some("not compared, random graphs of this size take too long".to_owned())
    } else {
        None
    }
}

/// Returns what a number says against that of random graphs, as one clause.
fn against_chance(found: &AgainstNull) -> String {
    /// Distances from the mean that chance keeps, about 95 times in 100.
    const BY_CHANCE: f64 = 2.0;
    let AgainstNull {
        observed,
        mean,
        deviation,
    } = found;
    let numbers = format!(
        "{observed:.3} against {mean:.3} +- {deviation:.3} in {NULLS} random graphs with the same degrees (seed {SEED})"
    );
    match found.z() {
        None => format!("{numbers}, which do not vary"),
        Some(z) if z > BY_CHANCE => format!("{numbers}, z = {z:.1}: more than what chance gives"),
        Some(z) if z < -BY_CHANCE => format!("{numbers}, z = {z:.1}: less than what chance gives"),
        Some(z) => format!("{numbers}, z = {z:.1}: what chance gives"),
    }
}
