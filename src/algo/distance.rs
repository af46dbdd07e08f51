//! Exact distances between all pairs of nodes.
//!
//! The *distance* from s to t is the number of edges on a shortest path. Only reachable ordered
//! pairs of different nodes have one; the mean and the histogram are over those. The *eccentricity*
//! of a node is its largest distance to anything it reaches, the *diameter* the largest
//! eccentricity, the *radius* the smallest; *efficiency* is the mean of 1/distance over all ordered
//! pairs, where an unreachable pair counts zero (Latora and Marchiori, PRL 87, 2001).
//!
//! Method: breadth-first search from 512 sources at once (Then et al., The More the Merrier, VLDB
//! 2014). A row holds one bit per source: `seen[v]` which sources have reached v, `frontier[v]`
//! which reached it in the last step. One step costs one OR of a cache line per edge, for all
//! sources together. A thin frontier is pushed along its out-edges; a broad one is pulled by the
//! nodes that some source has not reached yet, which stop looking once nothing is missing. Counting
//! the new bits of each step yields the histogram, so no distance is ever stored.
//!
//! O(N (N + M) / 512) row operations, in parallel over batches of sources. All sums are integers,
//! so the order of the batches does not show. Self-loops are no edges of the graphs used here; the
//! empty graph has no pairs.

mod search;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::algo::distance::search::{BATCH, Search};
use crate::algo::graph::{Digraph, Undirected};
use crate::algo::threads_for;

/// The distances of all reachable ordered pairs of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distances {
    /// How many ordered pairs are this many edges apart; the entry for zero stays zero.
    pub histogram: Vec<u64>,
    /// The largest distance from each node to anything it reaches.
    pub eccentricities: Vec<u32>,
    /// How many others reach each node.
    pub reached_by: Vec<u32>,
}

impl Distances {
    /// Returns the number of reachable ordered pairs of different nodes.
    pub fn n_pairs(&self) -> u64 {
        self.histogram.iter().sum()
    }

    /// Returns the mean distance of reachable pairs; none if there are none.
    pub fn mean(&self) -> Option<f64> {
        let total: u64 = self
            .histogram
            .iter()
            .zip(0..)
            .map(|(pairs, distance)| pairs * distance)
            .sum();
        (self.n_pairs() > 0).then(|| total as f64 / self.n_pairs() as f64)
    }

    /// Returns the largest distance; zero without pairs.
    pub fn diameter(&self) -> u32 {
        self.eccentricities.iter().copied().max().unwrap_or(0)
    }

    /// Returns the smallest eccentricity; zero without nodes. It means something if all nodes reach
    /// one another.
    pub fn radius(&self) -> u32 {
        self.eccentricities.iter().copied().min().unwrap_or(0)
    }

    /// Returns the mean of 1/distance over all ordered pairs; none for fewer than two nodes.
    pub fn efficiency(&self) -> Option<f64> {
        let by_distance = self.histogram.iter().zip(0u32..).skip(1);
        let total: f64 = by_distance
            .map(|(&pairs, distance)| pairs as f64 / f64::from(distance))
            .sum();
        self.all_pairs().map(|pairs| total / pairs)
    }

    /// Returns the share of ordered pairs that are reachable; none for fewer than two nodes.
    pub fn reach(&self) -> Option<f64> {
        self.all_pairs().map(|pairs| self.n_pairs() as f64 / pairs)
    }

    fn all_pairs(&self) -> Option<f64> {
        let n = self.eccentricities.len() as f64;
        (self.eccentricities.len() > 1).then_some(n * (n - 1.0))
    }
}

/// Returns the distances along the edges of a directed graph.
pub fn directed_distances(graph: &Digraph) -> Distances {
    all_distances(
        graph.n_nodes(),
        |node| graph.successors(node),
        |node| graph.predecessors(node),
    )
}

/// Returns the distances of an undirected graph; pairs are ordered here too, so each counts twice.
pub fn undirected_distances(graph: &Undirected) -> Distances {
    all_distances(
        graph.n_nodes(),
        |node| graph.neighbours(node),
        |node| graph.neighbours(node),
    )
}

fn all_distances<'graph>(
    n_nodes: usize,
    out_of: impl Fn(u32) -> &'graph [u32] + Sync,
    into: impl Fn(u32) -> &'graph [u32] + Sync,
) -> Distances {
    let n_batches = n_nodes.div_ceil(BATCH);
    let next_batch = AtomicUsize::new(0);
    let worker = |_| {
        let mut search = Search::new(n_nodes);
        loop {
            let first = next_batch.fetch_add(1, Ordering::Relaxed) * BATCH;
            if first >= n_nodes {
                return search.finish();
            }
            search.run(first, &out_of, &into);
        }
    };
    let n_workers = threads_for(n_nodes * Search::BYTES_PER_NODE).min(n_batches);
    let parts: Vec<_> = (0..n_workers)
        .into_par_iter()
        .with_max_len(1)
        .map(worker)
        .collect();

    let mut all = Distances {
        histogram: Vec::new(),
        eccentricities: vec![0; n_nodes],
        reached_by: vec![0; n_nodes],
    };
    for (histogram, eccentricities, reached_by) in parts {
        all.histogram
            .resize(all.histogram.len().max(histogram.len()), 0);
        for (sum, pairs) in all.histogram.iter_mut().zip(histogram) {
            *sum += pairs;
        }
        for (node, eccentricity) in eccentricities {
            all.eccentricities[node as usize] = eccentricity;
        }
        for (sum, more) in all.reached_by.iter_mut().zip(reached_by) {
            *sum += more;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::{self, assert_close, distances, random_digraphs};

    fn by_brute_force(n_nodes: usize, edges: impl Iterator<Item = (u32, u32)>) -> Distances {
        let mut expected = Distances {
            histogram: Vec::new(),
            eccentricities: vec![0; n_nodes],
            reached_by: vec![0; n_nodes],
        };
        for (from, row) in distances(n_nodes, edges).iter().enumerate() {
            for &steps in row.iter().flatten().filter(|&&steps| steps > 0) {
                expected
                    .histogram
                    .resize(expected.histogram.len().max(steps as usize + 1), 0);
                expected.histogram[steps as usize] += 1;
                expected.eccentricities[from] = expected.eccentricities[from].max(steps);
            }
            for (to, steps) in row.iter().enumerate() {
                expected.reached_by[to] += u32::from(steps.is_some_and(|steps| steps > 0));
            }
        }
        expected
    }

    #[test]
    fn distances_agree_with_brute_force() {
        for graph in random_digraphs(2000, 10) {
            assert_eq!(
                directed_distances(&graph),
                by_brute_force(graph.n_nodes(), graph.edges())
            );
            let undirected = graph.undirected();
            let both_ways = undirected.edges().flat_map(|(a, b)| [(a, b), (b, a)]);
            assert_eq!(
                undirected_distances(&undirected),
                by_brute_force(graph.n_nodes(), both_ways)
            );
        }
    }

    /// More nodes than one batch has bits, in a graph sparse and deep enough to push and to pull.
    #[test]
    fn several_batches_agree_with_one_search_at_a_time() {
        let mut random = Random::new(11, 0);
        for n_edges in [700, 1500, 4000] {
            let n_nodes = 600;
            let mut draw = || random.below(n_nodes) as u32;
            let graph = Digraph::new(
                n_nodes,
                (0..n_edges).map(|_| (draw(), draw())).collect::<Vec<_>>(),
            );
            let mut expected = Distances {
                histogram: Vec::new(),
                eccentricities: vec![0; n_nodes],
                reached_by: vec![0; n_nodes],
            };
            for source in 0..n_nodes {
                let mut steps = vec![u32::MAX; n_nodes];
                steps[source] = 0;
                let mut queue = vec![source as u32];
                let mut next = 0;
                while let Some(&node) = queue.get(next) {
                    next += 1;
                    for &target in graph.successors(node) {
                        if steps[target as usize] == u32::MAX {
                            let distance = steps[node as usize] + 1;
                            steps[target as usize] = distance;
                            queue.push(target);
                            expected
                                .histogram
                                .resize(expected.histogram.len().max(distance as usize + 1), 0);
                            expected.histogram[distance as usize] += 1;
                            expected.eccentricities[source] = distance;
                            expected.reached_by[target as usize] += 1;
                        }
                    }
                }
            }
            assert_eq!(directed_distances(&graph), expected);
        }
    }

    #[test]
    fn published_values_hold() {
        let check = |graph: Undirected, mean: f64, diameter: u32, radius: u32, efficiency: f64| {
            let found = undirected_distances(&graph);
            assert_close(found.mean().expect("pairs"), mean, 1e-6);
            assert_eq!((found.diameter(), found.radius()), (diameter, radius));
            assert_close(found.efficiency().expect("pairs"), efficiency, 1e-6);
        };
        check(testgraphs::karate(), 2.408_200, 5, 3, 0.492_008);
        check(testgraphs::les_miserables(), 2.641_148, 5, 3, 0.435_287);
        check(testgraphs::florentine(), 2.485_714, 5, 3, 0.500_159);
        check(testgraphs::davis(), 2.306_452, 4, 3, 0.515_289);
        check(testgraphs::kite(), 1.977_778, 4, 2, 0.646_296);
        check(testgraphs::petersen(), 1.666_667, 2, 2, 0.666_667);
        check(testgraphs::barbell(5, 2), 2.757_576, 5, 3, 0.548_485);
        let mean = |graph: Undirected| undirected_distances(&graph).mean().expect("pairs");
        assert_close(mean(testgraphs::star(19)), 1.9, 1e-9);
        assert_close(mean(testgraphs::path(10)), 3.666_667, 1e-6);
        assert_close(mean(testgraphs::ring(10, 1)), 2.777_778, 1e-6);
        assert_close(mean(testgraphs::binary_tree(4)), 4.954_839, 1e-6);
        assert_close(mean(testgraphs::ring(30, 3)), 2.931_034, 1e-6);
        assert_close(mean(testgraphs::hypercube(4)), 2.133_333, 1e-6);
        assert_close(mean(testgraphs::grid(5)), 3.333_333, 1e-6);
    }

    #[test]
    fn the_shop_reaches_forty_five_pairs() {
        let shop = testgraphs::shop();
        let directed = directed_distances(&shop.graph);
        assert_eq!((directed.n_pairs(), directed.diameter()), (45, 3));
        assert_close(directed.mean().expect("pairs"), 1.688_889, 1e-6);
        assert_close(directed.reach().expect("pairs"), 45.0 / 240.0, 1e-12);
        let undirected = undirected_distances(&shop.graph.undirected());
        assert_close(undirected.mean().expect("pairs"), 3.066_667, 1e-6);
        assert_eq!(undirected.diameter(), 8);
    }

    #[test]
    fn nothing_has_no_distance() {
        let none = directed_distances(&Digraph::new(0, []));
        assert_eq!(
            (none.mean(), none.efficiency(), none.diameter()),
            (None, None, 0)
        );
        let apart = directed_distances(&Digraph::new(2, [(0, 0)]));
        assert_eq!(
            (apart.mean(), apart.efficiency(), apart.reach()),
            (None, Some(0.0), Some(0.0))
        );
    }
}
