//! How far apart nodes are, and how deep calls go.
//!
//! Undirected distances are over the largest component, directed ones over the pairs that a path of calls joins. Depth
//! is of synchronous calls alone: the longest chain in the graph, and what requests were seen to do. *Critical hops* are the synchronous
//! calls on the critical path of a request, below each other or one after another: so often its end waits for the way there and
//! back. Quantiles are of requests by their weights.

use crate::algo::components::{
    connected_components, largest_component, longest_chain, strong_components,
};
use crate::algo::distance::{directed_distances, undirected_distances};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::topology::Entry;
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
    let entries = graph.system.entries.iter();
    let depths = added(entries.map(|point| &point.entry.weights_by_depth));
    if !depths.is_empty() {
        measured.metric("max_sync_depth", (depths.len() - 1) as f64);
        measured.metric("p50_sync_depth", depth_quantile(&depths, 0.5) as f64);
        measured.metric("p95_sync_depth", depth_quantile(&depths, 0.95) as f64);
    }
    hops(graph, measured);
    hard_depth(graph, measured);
    let chain = chain(graph, measured);
    measured.findings.extend(chain);
}

/// Measures how many synchronous calls the ends of requests wait for.
fn hops(graph: &Graph<'_>, measured: &mut Measured) {
    let entries = || graph.system.entries.iter().map(|point| &*point.entry);
    if !entries().all(has_hops) {
        let why = "how many calls lie on critical paths is unknown: an earlier version folded the traces, fold them again";
        let untold = Finding::unknown(PATHS.name, "p95_critical_hops", why);
        measured.findings.push(untold);
        return;
    }
    let hops = added(entries().map(|entry| &entry.weights_by_hops));
    if !hops.is_empty() {
        measured.metric("max_critical_hops", (hops.len() - 1) as f64);
        measured.metric("p50_critical_hops", depth_quantile(&hops, 0.5) as f64);
        measured.metric("p95_critical_hops", depth_quantile(&hops, 0.95) as f64);
    }
}

/// Returns whether the calls on the critical paths of all requests of an entry point were counted.
pub fn has_hops(entry: &Entry) -> bool {
    let told = entry.weights_by_hops.iter().copied();
    told.fold(0, u64::saturating_add) == entry.weight
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

/// Returns the weights of all entry points together, level by level.
fn added<'a>(all: impl Iterator<Item = &'a Vec<u64>>) -> Vec<u64> {
    let mut sums: Vec<u64> = Vec::new();
    for weights in all {
        if sums.len() < weights.len() {
            sums.resize(weights.len(), 0);
        }
        for (sum, more) in sums.iter_mut().zip(weights) {
            *sum = sum.saturating_add(*more);
        }
    }
    sums
}

/// Returns the level of the nearest rank, of the weights of requests by level.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::{each_order, measure, system_of};

    /// Two requests with three calls on the path, one of them below another, and one call beside it; and one that stands for four.
    const REQUESTS: &str = "
        trace t1
        shop < GET         0..100
          shop > a        10..40 peer=a
          shop > b        20..70 peer=b
          shop > cart     75..95
            cart < cart   76..94
              cart > get  77..90 db=redis/0
        trace t2
        shop < GET         0..100
          shop > a        10..40 peer=a
          shop > b        20..70 peer=b
          shop > cart     75..95
            cart < cart   76..94
              cart > get  77..90 db=redis/0
        trace t3
        shop < GET         0..50 weight=th:c
          shop > b        10..40 peer=b";

    fn value(measured: &Measured, name: &str) -> Option<f64> {
        let found = measured.metrics.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    }

    #[test]
    fn hops_are_the_calls_that_requests_wait_for() {
        each_order(REQUESTS, |_, system| {
            let measured = measure(system);
            let hops = [
                "p50_critical_hops",
                "p95_critical_hops",
                "max_critical_hops",
            ];
            assert_eq!(
                hops.map(|name| value(&measured, name)),
                [Some(1.0), Some(3.0), Some(3.0)]
            );
        });
    }

    #[test]
    fn a_request_that_stands_for_many_is_as_deep_as_many() {
        let measured = measure(&system_of(REQUESTS, 0));
        // Of three requests two are one deep, of six two.
        assert_eq!(value(&measured, "p50_sync_depth"), Some(0.0));
        assert_eq!(value(&measured, "p95_sync_depth"), Some(1.0));
    }

    #[test]
    fn hops_that_were_not_counted_are_unknown() {
        let mut system = system_of(REQUESTS, 0);
        for point in &mut system.entries {
            point.entry.weights_by_hops.clear();
        }
        let measured = measure(&system);
        assert_eq!(value(&measured, "p95_critical_hops"), None);
        let mut findings = measured.findings.iter();
        let untold = findings.find(|of| of.metric == "p95_critical_hops");
        let untold = untold.expect("a reason");
        assert_eq!(untold.grade, Grade::Unknown);
        assert!(untold.text.contains("fold them again"), "{}", untold.text);
    }
}
