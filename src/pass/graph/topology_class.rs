//! Which textbook shape the graph is like, if any.

use crate::algo::components::{connected_components, strong_components};
use crate::algo::cuts::cuts;
use crate::algo::cycles::flow_hierarchy;
use crate::algo::degree::centralisation;
use crate::algo::levels::trophic_levels;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Names the shape.
pub static TOPOLOGY_CLASS: Pass = Pass {
    name: "topology-class",
    about: "which textbook shape the graph is like, if any",
    explain: "topology_class",
    watch: None,
    measure,
};

const METRIC: &str = "topology_class";

/// Smaller graphs are of every shape at once.
const MIN_NODES: usize = 4;

/// Centralisation of a star.
const STAR: f64 = 0.8;

/// Density of a mesh.
const MESH: f64 = 0.5;

/// Share of neighbours that two equal hubs have in common.
const ALIKE: f64 = 0.8;

/// Share of edges outside cycles, and the incoherence, of a layered system.
const LAYERED: (f64, f64) = (0.95, 0.1);

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    if graph.n_nodes() < MIN_NODES {
        let why = format!("topology class: not applicable, fewer than {MIN_NODES} nodes");
        return measured
            .findings
            .push(Finding::unknown(TOPOLOGY_CLASS.name, METRIC, why));
    }
    let centralisation = centralisation(&graph.undirected).unwrap_or(0.0);
    let (class, says, value, because) = if centralisation > STAR {
        (
            "star",
            "a star",
            centralisation,
            format!("degree centralisation {centralisation:.2}"),
        )
    } else if let Some(density) = graph.undirected.density().filter(|density| *density > MESH) {
        (
            "mesh",
            "a mesh",
            density,
            format!("{density:.2} of all pairs are neighbours"),
        )
    } else if let Some((a, b, alike)) = equal_hubs(graph) {
        let pair = format!(
            "{} and {} share {alike:.2} of their neighbours",
            graph.name(a),
            graph.name(b)
        );
        ("hub-and-spoke", "two equal hubs with spokes", alike, pair)
    } else {
        let downward = flow_hierarchy(&graph.all, &strong_components(&graph.all)).unwrap_or(0.0);
        let levels = trophic_levels(&graph.all, &vec![1.0; graph.all.n_edges()]);
        let incoherence = levels.incoherence.unwrap_or(1.0);
        let because =
            format!("{downward:.2} of the edges are on no cycle, incoherence {incoherence:.2}");
        if downward > LAYERED.0 && incoherence < LAYERED.1 {
            ("layered", "layered", downward, because)
        } else {
            ("mixed", "mixed", downward, because)
        }
    };
    measured.word(METRIC, class);
    measured.findings.push(Finding {
        value,
        grade: Grade::Inferred,
        count: graph.all.n_edges() as u64,
        of: graph.all.n_edges() as u64,
        text: format!("the shape of the graph is {says}: {because}"),
        ..Finding::new(TOPOLOGY_CLASS.name, METRIC, Subject::System)
    });
}

/// Returns the two nodes of highest degree and how alike their neighbours are, if each joins at least half of the others
/// and the graph holds together without either.
fn equal_hubs(graph: &Graph<'_>) -> Option<(u32, u32, f64)> {
    let undirected = &graph.undirected;
    let mut nodes: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    nodes.sort_by_key(|&node| std::cmp::Reverse(undirected.degree(node)));
    let (a, b) = (nodes[0], nodes[1]);
    let others = |of: u32, than: u32| {
        let neighbours = undirected.neighbours(of).iter().copied();
        neighbours.filter(move |other| *other != than)
    };
    let both = others(a, b)
        .filter(|other| undirected.has_edge(b, *other))
        .count();
    let any = others(a, b).count() + others(b, a).count() - both;
    let alike = both as f64 / any.max(1) as f64;
    let needed = (graph.n_nodes() - 2).div_ceil(2);
    let is_whole = connected_components(undirected).count() == 1
        && !cuts(undirected)
            .articulation_points
            .iter()
            .any(|point| *point == a || *point == b);
    (alike > ALIKE && both >= needed && is_whole).then_some((a, b, alike))
}
