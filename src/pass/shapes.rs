//! What the shapes of requests say about the nodes of the graph: who stands inside them, and who is called again below
//! itself.
//!
//! Requests whose shapes were not kept are not in the sums; [`Traffic::missing`] counts them. O(steps).

use std::collections::BTreeSet;

use crate::pass::Graph;

/// Sums over the requests whose shapes were kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Requests seen.
    pub requests: u64,
    /// Requests seen whose shapes were not kept.
    pub missing: u64,
    /// Requests, weighted.
    pub weight: f64,
    /// Requests, weighted, also those whose shapes were not kept.
    pub all_weight: f64,
    /// By node, the weighted requests in which it stands between the entry and something below.
    pub inside: Vec<f64>,
    /// The distinct sets of nodes that lie on a synchronous path back to one of them, and how many requests had it.
    pub reentries: Vec<Reentry>,
}

/// Requests in which the same services are on a way back to a service that is still waiting.
#[derive(Clone, Debug, PartialEq)]
pub struct Reentry {
    /// The nodes called again below themselves, ascending.
    pub nodes: Vec<u32>,
    /// Requests seen.
    pub requests: u64,
    /// Requests, weighted.
    pub weight: f64,
}

impl Traffic {
    /// Returns the sums over the shapes of a graph.
    pub fn of(graph: &Graph<'_>) -> Traffic {
        let shapes = &graph.system.rest.shapes;
        let mut inside = vec![0u64; graph.n_nodes()];
        let mut traffic = Traffic::default();
        let mut weight = 0u64;
        let mut reentries: Vec<(Vec<u32>, u64, u64)> = Vec::new();
        // The shape, counted from one, in which a node was last seen inside.
        let mut seen = vec![0; graph.n_nodes()];
        // The path to the current step: its node and where its synchronous part begins.
        let mut path: Vec<(Option<u32>, usize)> = Vec::new();
        for (number, shape) in (1u32..).zip(shapes.list()) {
            traffic.requests += shape.requests;
            weight = weight.saturating_add(shape.weight);
            let mut again: BTreeSet<u32> = BTreeSet::new();
            path.clear();
            for (at, step) in shape.steps.iter().enumerate() {
                let depth = usize::from(step.depth);
                path.truncate(depth);
                let node = graph.node_of_topology(step.node);
                let start = match path.last() {
                    Some((_, start)) if step.sync => *start,
                    _ => path.len(),
                };
                let has_below = shape
                    .steps
                    .get(at + 1)
                    .is_some_and(|next| next.depth > step.depth);
                if depth > 0
                    && has_below
                    && let Some(node) = node
                    && seen[node as usize] != number
                {
                    seen[node as usize] = number;
                    let sum = &mut inside[node as usize];
                    *sum = sum.saturating_add(shape.weight);
                }
                // A call to oneself is a self-edge; only a way through others leads back.
                let above = &path[start.min(path.len())..];
                let others = above.iter().rposition(|(other, _)| *other != node);
                if let (Some(others), Some(node)) = (others, node)
                    && above[..others]
                        .iter()
                        .any(|(other, _)| *other == Some(node))
                {
                    again.insert(node);
                }
                path.push((node, start));
            }
            if !again.is_empty() {
                reentries.push((again.into_iter().collect(), shape.requests, shape.weight));
            }
        }
        let value = |units: u64| crate::model::dictionary::Weight(units).value();
        traffic.weight = value(weight);
        let missing = shapes.remainders().iter().map(|of| of.weight);
        traffic.all_weight = value(missing.fold(weight, u64::saturating_add));
        traffic.inside = inside.into_iter().map(value).collect();
        traffic.missing = shapes
            .remainders()
            .iter()
            .map(|remainder| remainder.requests)
            .sum();
        reentries.sort();
        for (nodes, requests, units) in reentries {
            match traffic
                .reentries
                .last_mut()
                .filter(|last| last.nodes == nodes)
            {
                Some(last) => {
                    last.requests += requests;
                    last.weight += value(units);
                }
                None => traffic.reentries.push(Reentry {
                    nodes,
                    requests,
                    weight: value(units),
                }),
            }
        }
        traffic
    }
}
