//! Clustering: how often two neighbours of a node are neighbours too.
//!
//! The *local* coefficient of a node with T triangles and degree k is 2T / (k (k-1)), and zero for
//! k < 2; the *average* is over all nodes; *transitivity* is three triangles over all paths of
//! length two. The directed coefficient is Fagiolo's (PRE 76, 026107, 2007): with S = A + A^T,
//! total degree d and number of mutual neighbours b, it is (S^3)_ii / (2 (d (d-1) - 2b)). A
//! triangle of the projection contributes the product of its three entries of S, so one enumeration
//! serves both.
//!
//! Method: edges point from low to high degree, which leaves at most sqrt(2M) per node; every
//! triangle is found once, from its lowest node, with a marker per node (Latapy, Theor. Comput.
//! Sci. 407, 2008). O(M^1.5), in parallel over stretches of nodes; all sums over triangles are
//! integers. Self-loops are no edges of the graphs used here. The average of no nodes and the
//! transitivity of no paths are `None`.

use rayon::prelude::*;

use crate::algo::graph::{Digraph, Undirected};

/// How many nodes a task takes at once.
const STRETCH: usize = 2048;

/// The clustering of an undirected graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// The number of triangles through each node.
    pub triangles: Vec<u64>,
    /// The local coefficient of each node.
    pub local: Vec<f64>,
    /// The number of paths of length two, by their middle.
    pub n_paths: u64,
}

impl Clustering {
    /// Returns the number of triangles of the graph.
    pub fn n_triangles(&self) -> u64 {
        self.triangles.iter().sum::<u64>() / 3
    }

    /// Returns the mean local coefficient; none without nodes.
    pub fn average(&self) -> Option<f64> {
        mean(&self.local)
    }

    /// Returns the share of paths of length two that are closed; none if there are no such paths.
    pub fn transitivity(&self) -> Option<f64> {
        (self.n_paths > 0).then(|| 3.0 * self.n_triangles() as f64 / self.n_paths as f64)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns the clustering of `graph`.
pub fn clustering(graph: &Undirected) -> Clustering {
    let triangles = sum_over_triangles(graph, |_, _| 1);
    let pairs = |node: u32| {
        let degree = graph.degree(node) as u64;
        degree * degree.saturating_sub(1) / 2
    };
    let local = |(node, &count): (usize, &u64)| {
        if count == 0 {
            0.0
        } else {
            count as f64 / pairs(node as u32) as f64
        }
    };
    Clustering {
        local: triangles.iter().enumerate().map(local).collect(),
        n_paths: (0..graph.n_nodes() as u32).map(pairs).sum(),
        triangles,
    }
}

/// Returns Fagiolo's coefficient of every node; zero where it has no two neighbours to compare.
pub fn directed_clustering(graph: &Digraph) -> Vec<f64> {
    let ties = |a: u32, b: u32| u64::from(graph.has_edge(a, b)) + u64::from(graph.has_edge(b, a));
    let closed = sum_over_triangles(&graph.undirected(), ties);
    let local = |node: u32| {
        let degree = graph.successors(node).len() + graph.predecessors(node).len();
        let mutual = graph
            .successors(node)
            .iter()
            .filter(|&&other| graph.has_edge(other, node))
            .count();
        // S^3 counts each triangle in both directions, which cancels the two in the denominator.
        let possible = degree * degree.saturating_sub(1) - 2 * mutual;
        if possible == 0 {
            0.0
        } else {
            closed[node as usize] as f64 / possible as f64
        }
    };
    (0..graph.n_nodes() as u32).map(local).collect()
}

/// Returns for each node the sum, over the triangles through it, of the product of the weights of
/// their three edges.
fn sum_over_triangles(graph: &Undirected, weight: impl Fn(u32, u32) -> u64 + Sync) -> Vec<u64> {
    let upward = Upward::new(graph, weight);
    let n_nodes = graph.n_nodes();
    let count = |mut scratch: Scratch, stretch: usize| {
        for node in stretch * STRETCH..n_nodes.min((stretch + 1) * STRETCH) {
            upward.count_from(node, &mut scratch);
        }
        scratch
    };
    let scratches = (0..n_nodes.div_ceil(STRETCH))
        .into_par_iter()
        .fold(|| Scratch::new(n_nodes), count);
    let by_rank = scratches
        .map(|scratch| scratch.sums)
        .reduce(Vec::new, |mut left, right| {
            if left.is_empty() {
                return right;
            }
            left.iter_mut()
                .zip(right)
                .for_each(|(sum, more)| *sum += more);
            left
        });
    let mut sums = vec![0; n_nodes];
    for (rank, sum) in by_rank.into_iter().enumerate() {
        sums[upward.node_of[rank] as usize] = sum;
    }
    sums
}

/// The graph with nodes renumbered by ascending degree, and only the edges to higher numbers.
struct Upward {
    node_of: Vec<u32>,
    starts: Vec<usize>,
    /// The higher end of each edge, and its weight.
    ends: Vec<(u32, u32)>,
}

struct Scratch {
    sums: Vec<u64>,
    /// The weight of the edge from the node in progress; zero if there is none.
    marks: Vec<u32>,
}

impl Scratch {
    fn new(n_nodes: usize) -> Scratch {
        Scratch {
            sums: vec![0; n_nodes],
            marks: vec![0; n_nodes],
        }
    }
}

impl Upward {
    fn new(graph: &Undirected, weight: impl Fn(u32, u32) -> u64) -> Upward {
        let mut node_of: Vec<u32> = (0..graph.n_nodes() as u32).collect();
        node_of.sort_by_key(|&node| graph.degree(node));
        let mut rank_of = vec![0u32; graph.n_nodes()];
        for (rank, &node) in node_of.iter().enumerate() {
            rank_of[node as usize] = rank as u32;
        }
        let mut starts = vec![0];
        let mut ends = Vec::with_capacity(graph.n_edges());
        for (rank, &node) in node_of.iter().enumerate() {
            for &other in graph.neighbours(node) {
                let end = rank_of[other as usize];
                if end as usize > rank {
                    ends.push((end, weight(node, other) as u32));
                }
            }
            starts.push(ends.len());
        }
        Upward {
            node_of,
            starts,
            ends,
        }
    }

    fn above(&self, rank: usize) -> &[(u32, u32)] {
        &self.ends[self.starts[rank]..self.starts[rank + 1]]
    }

    /// Adds the triangles whose lowest node is `first`.
    fn count_from(&self, first: usize, scratch: &mut Scratch) {
        for &(second, weight) in self.above(first) {
            scratch.marks[second as usize] = weight;
        }
        let mut through_first = 0;
        for &(second, first_to_second) in self.above(first) {
            let mut through_second = 0;
            for &(third, second_to_third) in self.above(second as usize) {
                let mark = scratch.marks[third as usize];
                if mark != 0 {
                    let product =
                        u64::from(mark) * u64::from(first_to_second) * u64::from(second_to_third);
                    scratch.sums[third as usize] += product;
                    through_second += product;
                }
            }
            scratch.sums[second as usize] += through_second;
            through_first += through_second;
        }
        scratch.sums[first] += through_first;
        for &(second, _) in self.above(first) {
            scratch.marks[second as usize] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, assert_close, random_digraphs};

    #[test]
    fn clustering_agrees_with_trying_all_triples() {
        for graph in random_digraphs(1500, 9) {
            let undirected = graph.undirected();
            let found = clustering(&undirected);
            let directed = directed_clustering(&graph);
            let n_nodes = graph.n_nodes() as u32;
            let tie =
                |a, b| f64::from(u8::from(graph.has_edge(a, b)) + u8::from(graph.has_edge(b, a)));
            for i in 0..n_nodes {
                let pairs = (0..n_nodes).flat_map(|j| (0..j).map(move |k| (j, k)));
                let paths =
                    pairs.filter(|&(j, k)| undirected.has_edge(i, j) && undirected.has_edge(i, k));
                let (closed, open): (Vec<_>, Vec<_>) =
                    paths.partition(|&(j, k)| undirected.has_edge(j, k));
                assert_eq!(found.triangles[i as usize], closed.len() as u64);
                let n_paths = (closed.len() + open.len()).max(1) as f64;
                assert_close(
                    found.local[i as usize],
                    closed.len() as f64 / n_paths,
                    1e-12,
                );

                let (mut cubed, mut degree, mut mutual) = (0.0, 0.0, 0.0);
                for j in 0..n_nodes {
                    degree += tie(i, j);
                    mutual += f64::from(u8::from(tie(i, j) == 2.0));
                    for k in 0..n_nodes {
                        cubed += tie(i, j) * tie(j, k) * tie(k, i);
                    }
                }
                let possible = 2.0 * (degree * (degree - 1.0) - 2.0 * mutual);
                let expected = if possible == 0.0 {
                    0.0
                } else {
                    cubed / possible
                };
                assert_close(directed[i as usize], expected, 1e-12);
            }
        }
    }

    #[test]
    fn stretches_add_up() {
        let ring = testgraphs::ring(3 * STRETCH as u32 + 5, 3);
        assert_close(clustering(&ring).average().expect("nodes"), 0.6, 1e-12);
    }

    #[test]
    fn published_values_hold() {
        let check = |graph: Undirected, average: f64, transitivity: f64, n_triangles: u64| {
            let found = clustering(&graph);
            assert_close(found.average().expect("nodes"), average, 1e-6);
            assert_close(found.transitivity().expect("paths"), transitivity, 1e-6);
            assert_eq!(found.n_triangles(), n_triangles);
        };
        check(testgraphs::karate(), 0.570_638, 0.255_682, 45);
        check(testgraphs::les_miserables(), 0.573_137, 0.498_932, 467);
        check(testgraphs::florentine(), 0.160_000, 0.191_489, 3);
        check(testgraphs::davis(), 0.0, 0.0, 0);
        check(testgraphs::kite(), 0.520_000, 0.578_947, 11);
        check(testgraphs::petersen(), 0.0, 0.0, 0);
        check(testgraphs::barbell(5, 2), 0.766_667, 0.857_143, 20);
        check(testgraphs::complete(10), 1.0, 1.0, 120);
        check(testgraphs::ring(20, 2), 0.5, 0.5, 20);
    }

    #[test]
    fn the_shop_has_its_published_clustering() {
        let shop = testgraphs::shop();
        let found = clustering(&shop.graph.undirected());
        assert_close(found.average().expect("nodes"), 0.122_917, 1e-6);
        assert_close(found.transitivity().expect("paths"), 0.326_087, 1e-6);
        assert_close(
            mean(&directed_clustering(&shop.graph)).expect("nodes"),
            0.057_887,
            1e-6,
        );
    }

    #[test]
    fn nothing_clusters_not_at_all() {
        let none = clustering(&Undirected::new(0, []));
        assert_eq!((none.average(), none.transitivity()), (None, None));
        let edge = clustering(&Undirected::new(2, [(0, 1)]));
        assert_eq!((edge.average(), edge.transitivity()), (Some(0.0), None));
    }
}
