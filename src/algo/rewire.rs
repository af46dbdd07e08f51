//! Random graphs with the degrees of a given one, for comparison.
//!
//! A *swap* takes two edges a-b and c-d and makes them a-d and c-b, unless that would be a
//! self-loop or an edge that exists: all degrees stay. Enough random swaps yield a random graph of
//! the same degrees. Connected graphs stay connected: swaps are made in windows, each checked once
//! and undone if it broke the graph apart, and windows grow while they hold and shrink when they do
//! not (Gkantsidis, Mihail and Zegura, ALENEX 2003). A *lattice* is made by the same swaps, taken
//! only if they bring the ends of edges closer on a ring of all nodes (Sporns and Zwi,
//! Neuroinformatics 2, 2004).
//!
//! O(S + S M / W) for S swaps in windows of W. Graphs with fewer than two edges stay as they are,
//! as do graphs such as stars that no swap can change.

use std::collections::HashSet;

use crate::algo::graph::Undirected;
use crate::algo::random::Random;
use crate::algo::unionfind::UnionFind;

/// Returns a random graph with the degrees of `graph` and no more parts, after `swaps_per_edge`
/// attempted swaps for each edge.
pub fn rewired(graph: &Undirected, swaps_per_edge: usize, random: &mut Random) -> Undirected {
    swapped(graph, swaps_per_edge, random, |_, _| true)
}

/// Returns a graph with the degrees of `graph` and no more parts, whose edges are as short on a ring
/// as `swaps_per_edge` attempts for each edge can make them.
///
/// Nodes have their places on the ring by number.
pub fn latticed(graph: &Undirected, swaps_per_edge: usize, random: &mut Random) -> Undirected {
    let n_nodes = graph.n_nodes();
    let length = |(a, b): (u32, u32)| {
        let steps = a.abs_diff(b) as usize;
        steps.min(n_nodes - steps)
    };
    let shorter = |before: [(u32, u32); 2], after: [(u32, u32); 2]| {
        after.map(length).iter().sum::<usize>() <= before.map(length).iter().sum::<usize>()
    };
    swapped(graph, swaps_per_edge, random, shorter)
}

fn swapped(
    graph: &Undirected,
    swaps_per_edge: usize,
    random: &mut Random,
    welcome: impl Fn([(u32, u32); 2], [(u32, u32); 2]) -> bool,
) -> Undirected {
    let n_nodes = graph.n_nodes();
    let mut edges: Vec<(u32, u32)> = graph.edges().collect();
    if edges.len() < 2 {
        return graph.clone();
    }
    let sorted = |(a, b): (u32, u32)| (a.min(b), a.max(b));
    let mut present: HashSet<(u32, u32)> = edges.iter().copied().collect();
    let n_parts = parts(n_nodes, &edges, 0);
    let mut attempts_left = swaps_per_edge.saturating_mul(edges.len());
    let mut window = 1usize;
    let mut done = Vec::new();
    while attempts_left > 0 {
        done.clear();
        for _ in 0..window.min(attempts_left) {
            attempts_left -= 1;
            let (first, second) = (random.below(edges.len()), random.below(edges.len()));
            let (a, b) = edges[first];
            let (c, d) = if random.bits() & 1 == 0 {
                edges[second]
            } else {
                (edges[second].1, edges[second].0)
            };
            let (new_first, new_second) = ((a, d), (c, b));
            let possible = a != d && c != b && first != second;
            if !possible
                || present.contains(&sorted(new_first))
                || present.contains(&sorted(new_second))
            {
                continue;
            }
            if !welcome([edges[first], edges[second]], [new_first, new_second]) {
                continue;
            }
            done.push((first, second, edges[first], edges[second]));
            for (slot, new) in [(first, new_first), (second, new_second)] {
                present.remove(&sorted(edges[slot]));
                present.insert(sorted(new));
                edges[slot] = new;
            }
        }
        if done.is_empty() {
            continue;
        }
        if parts(n_nodes, &edges, n_parts) <= n_parts {
            window += 1 + window / 2;
        } else {
            for &(first, second, old_first, old_second) in done.iter().rev() {
                for (slot, old) in [(first, old_first), (second, old_second)] {
                    present.remove(&sorted(edges[slot]));
                    edges[slot] = old;
                }
                present.insert(sorted(old_first));
                present.insert(sorted(old_second));
            }
            window = (window / 2).max(1);
        }
    }
    Undirected::new(n_nodes, edges)
}

/// Returns the number of parts, or no more than `enough` once it is clear that there are no more.
fn parts(n_nodes: usize, edges: &[(u32, u32)], enough: usize) -> usize {
    let mut sets = UnionFind::new(n_nodes);
    for &(a, b) in edges {
        sets.join(a, b);
        if sets.n_sets() <= enough {
            break;
        }
    }
    sets.n_sets()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::components::{connected_components, largest_component};
    use crate::algo::testgraphs::{self, random_digraphs};

    #[test]
    fn swaps_keep_degrees_and_connection() {
        for (number, graph) in random_digraphs(300, 15).enumerate() {
            let whole = graph.undirected();
            let (part, _) = largest_component(&whole);
            for graph in [whole, part] {
                for change in [rewired, latticed] {
                    let changed = change(&graph, 5, &mut Random::new(2, number as u64));
                    assert_eq!(changed.degrees(), graph.degrees());
                    assert_eq!(changed.n_edges(), graph.n_edges());
                    let (found, before) = (
                        connected_components(&changed).count(),
                        connected_components(&graph).count(),
                    );
                    assert!(found <= before, "{found} parts of {before}");
                }
            }
        }
    }

    #[test]
    fn every_graph_of_the_same_degrees_comes_about() {
        // A ring of six: 60 labelled rings are connected, and all of them are equally likely.
        let ring = testgraphs::ring(6, 1);
        let mut seen = std::collections::BTreeMap::new();
        for replicate in 0..6000 {
            let changed = rewired(&ring, 10, &mut Random::new(4, replicate));
            *seen.entry(changed.edges().collect::<Vec<_>>()).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 60);
        assert!(
            seen.values().all(|&count| (50..160).contains(&count)),
            "{seen:?}"
        );
    }

    #[test]
    fn a_lattice_is_clustered_and_a_star_cannot_change() {
        let random = rewired(&testgraphs::ring(60, 2), 10, &mut Random::new(1, 0));
        let average = |graph: &Undirected| {
            crate::algo::clustering::clustering(graph)
                .average()
                .expect("nodes")
        };
        let lattice = latticed(&random, 200, &mut Random::new(1, 1));
        assert!(average(&lattice) > 0.25 && average(&random) < 0.15);
        let star = testgraphs::star(5);
        assert_eq!(rewired(&star, 10, &mut Random::new(1, 2)), star);
    }
}
