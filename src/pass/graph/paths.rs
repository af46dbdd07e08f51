//! How far apart nodes are, and how deep calls go.
//!
//! Undirected distances are over the largest component, directed ones over the pairs that a path of calls joins. Depth
//! is of synchronous calls alone: the longest chain in the graph, and what requests were seen to do.

use crate::algo::components::{
    connected_components, largest_component, longest_chain, strong_components,
};
use crate::algo::distance::{directed_distances, undirected_distances};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::blast_radius::{Need, Needs};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Measures distances and depth.
pub static PATHS: Pass = Pass {
    name: "paths",
    about: "how far apart nodes are, and how deep calls go",
    explain: "average_path_length",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let components = connected_components(&graph.undirected);
    measured.metric("connected_components", components.count() as f64);
    measured.metric(
        "largest_component",
        components.sizes.iter().max().copied().unwrap_or(0) as f64,
    );
    let (largest, _) = largest_component(&graph.undirected);
    if largest.n_nodes() > 1 {
        let distances = undirected_distances(&largest);
        measured.metric("average_path_length", distances.mean());
        measured.metric("diameter", f64::from(distances.diameter()));
        measured.metric("radius", f64::from(distances.radius()));
        measured.metric("global_efficiency", distances.efficiency());
    }
    let directed = directed_distances(&graph.all);
    measured.metric("directed_average_path_length", directed.mean());
    measured.metric("reachable_pairs", directed.n_pairs() as f64);
    measured.metric("reachable_share", directed.reach());
    let others = graph.n_nodes() as f64 - 1.0;
    for (standing, reached_by) in measured.standings.iter_mut().zip(directed.reached_by) {
        standing.ancestors = (others > 0.0).then(|| f64::from(reached_by) / others);
    }
    let depths = depths(graph);
    if !depths.is_empty() {
        measured.metric("max_sync_depth", (depths.len() - 1) as f64);
        measured.metric("p50_sync_depth", depth_quantile(&depths, 0.5) as f64);
        measured.metric("p95_sync_depth", depth_quantile(&depths, 0.95) as f64);
    }
    hard_depth(graph, measured);
    let chain = chain(graph, measured);
    measured.findings.extend(chain);
}

/// Measures how deep requests need what is below them: the longest chain of calls that surely, or perhaps, let a failure
/// through.
fn hard_depth(graph: &Graph<'_>, measured: &mut Measured) {
    let (mut sure, mut perhaps): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut needs = Needs::default();
    for shape in graph.system.rest.shapes.list() {
        for (depths, least) in [(&mut sure, Need::Sure), (&mut perhaps, Need::Perhaps)] {
            let depth = needs.depth(graph, shape, least);
            if depths.len() <= depth {
                depths.resize(depth + 1, 0);
            }
            depths[depth] = depths[depth].saturating_add(shape.weight);
        }
    }
    if !sure.is_empty() {
        measured.metric("p95_hard_depth_low", depth_quantile(&sure, 0.95) as f64);
        measured.metric("p95_hard_depth_high", depth_quantile(&perhaps, 0.95) as f64);
    }
}

/// Returns the requests seen by synchronous depth, over all entry points.
fn depths(graph: &Graph<'_>) -> Vec<u64> {
    let mut depths: Vec<u64> = Vec::new();
    for point in &graph.system.entries {
        if depths.len() < point.entry.depths.len() {
            depths.resize(point.entry.depths.len(), 0);
        }
        for (sum, more) in depths.iter_mut().zip(&point.entry.depths) {
            *sum += more;
        }
    }
    depths
}

/// Returns the depth of the nearest rank, of requests counted by depth.
pub fn depth_quantile(depths: &[u64], q: f64) -> u64 {
    let total: u64 = depths.iter().copied().fold(0, u64::saturating_add);
    let rank = ((q * total as f64).ceil() as u64).max(1);
    let mut below = 0;
    for (depth, count) in depths.iter().enumerate() {
        below = u64::saturating_add(below, *count);
        if below >= rank {
            return depth as u64;
        }
    }
    0
}

/// Returns the longest chain of synchronous calls, a cycle counted as one.
fn chain(graph: &Graph<'_>, measured: &mut Measured) -> Option<Finding> {
    let strong = strong_components(&graph.sync);
    let chain = longest_chain(&graph.sync, &strong);
    let hops = chain.len().checked_sub(1)?;
    measured.metric("static_depth", hops as f64);
    if hops == 0 {
        return None;
    }
    let members = strong.members();
    let steps: Vec<String> = chain
        .iter()
        .map(|&component| match members[component as usize].as_slice() {
            [only] => graph.name(*only).to_owned(),
            cycle => format!("{{{}}}", graph.listed(cycle)),
        })
        .collect();
    let first_members: Vec<u32> = chain
        .iter()
        .map(|&component| members[component as usize][0])
        .collect();
    Some(Finding {
        value: hops as f64,
        unit: "calls",
        grade: Grade::Proved,
        count: hops as u64,
        of: graph.n_nodes() as u64,
        exemplars: graph.exemplars(edges_of(graph, &chain, &members)),
        text: format!(
            "the longest chain of synchronous calls is {} deep: {}",
            text::count(hops as u64),
            steps.join(" -> ")
        ),
        ..Finding::new(
            PATHS.name,
            "static_depth",
            Subject::Path(graph.names(&first_members)),
        )
    })
}

/// Returns an edge from each part of a chain to the next.
fn edges_of(graph: &Graph<'_>, chain: &[u32], members: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let joins = |pair: &[u32]| {
        let (callers, callees) = (&members[pair[0] as usize], &members[pair[1] as usize]);
        callers.iter().find_map(|&from| {
            let to = callees.iter().find(|&&to| graph.sync.has_edge(from, to))?;
            Some((from, *to))
        })
    };
    chain.windows(2).filter_map(joins).collect()
}
