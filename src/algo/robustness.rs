//! How a graph falls apart when nodes are removed one after another.
//!
//! An *attack* is an order of removal, its *curve* the size of the largest component after 0, 1,
//! ..., N removals, and its robustness R the mean of curve/N over the removals 1..N (Schneider et
//! al., PNAS 108(10), 2011): (N-1)/(2N) for a complete graph, (N-1)/N^2 for a star. The curve
//! describes connectivity; that a dependency is gone while the graph still holds together is not
//! its subject.
//!
//! Method: play the attack backwards. Nodes return in reverse order and join their neighbours in a
//! union-find forest, so that all N + 1 points of the curve cost O(M alpha(N)) together.
//!
//! Ties go to the lower node number; two betweenness values tie if they differ by rounding alone.
//! The empty graph has the curve `[0]` and no R.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::algo::betweenness::undirected_betweenness;
use crate::algo::components::largest_component;
use crate::algo::cuts::Cuts;
use crate::algo::distance::undirected_distances;
use crate::algo::graph::Undirected;
use crate::algo::random::Random;
use crate::algo::unionfind::UnionFind;

/// Returns all nodes by descending degree in the intact graph. O(N log N).
pub fn static_degree_order(graph: &Undirected) -> Vec<u32> {
    let mut order: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    order.sort_by_key(|&node| Reverse(graph.degree(node)));
    order
}

/// Returns all nodes in the order of always removing the one with the largest degree among those
/// that remain. O((N + M) log N).
pub fn adaptive_degree_order(graph: &Undirected) -> Vec<u32> {
    let mut degree = graph.degrees();
    let mut remaining: BTreeSet<_> = degree
        .iter()
        .zip(0u32..)
        .map(|(&d, node)| (Reverse(d), node))
        .collect();
    let mut order = Vec::with_capacity(graph.n_nodes());
    while let Some((_, node)) = remaining.pop_first() {
        order.push(node);
        for &other in graph.neighbours(node) {
            let of_other = &mut degree[other as usize];
            if remaining.remove(&(Reverse(*of_other), other)) {
                *of_other -= 1;
                remaining.insert((Reverse(*of_other), other));
            }
        }
    }
    order
}

/// Returns all nodes in the order of always removing the one with the largest betweenness among those
/// that remain. O(N^2 M), so for graphs of hundreds of nodes.
pub fn adaptive_betweenness_order(graph: &Undirected) -> Vec<u32> {
    /// Sums of shares of paths in different orders differ by less.
    const ROUNDING: f64 = 1e-9;
    let mut kept: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    let mut order = Vec::with_capacity(kept.len());
    while !kept.is_empty() {
        let rest = graph.induced(&kept);
        // Nothing lies between others any more once no node has two neighbours.
        if rest.degrees().iter().all(|&degree| degree < 2) {
            order.append(&mut kept);
            break;
        }
        let betweenness = undirected_betweenness(&rest);
        let most = betweenness.iter().copied().fold(0.0, f64::max);
        let first = betweenness
            .iter()
            .position(|&value| value >= most - ROUNDING * most);
        order.push(kept.remove(first.unwrap_or(0)));
    }
    order
}

/// Returns the size of the largest component after removing the first 0, 1, ..., N nodes of
/// `order`, which holds every node once.
pub fn attack_curve(graph: &Undirected, order: &[u32]) -> Vec<usize> {
    let n_nodes = graph.n_nodes();
    assert_eq!(order.len(), n_nodes, "an attack removes every node once");
    let mut sets = UnionFind::new(n_nodes);
    let mut present = vec![false; n_nodes];
    let mut curve = vec![0; n_nodes + 1];
    let mut largest = 0;
    for (n_removed, &node) in order.iter().enumerate().rev() {
        present[node as usize] = true;
        largest = largest.max(1);
        for &other in graph.neighbours(node) {
            if present[other as usize] {
                largest = largest.max(sets.join(node, other));
            }
        }
        curve[n_removed] = largest;
    }
    curve
}

/// Returns R of an attack curve; none for the curve of an empty graph.
pub fn robustness(curve: &[usize]) -> Option<f64> {
    let n = (curve.len().max(1) - 1) as f64;
    let total: usize = curve.iter().skip(1).sum();
    (n > 0.0).then(|| total as f64 / (n * n))
}

/// The robustness against random removal, over many orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomRobustness {
    /// The mean of R over the orders.
    pub mean: f64,
    /// The standard deviation of R from order to order.
    pub deviation: f64,
}

/// Returns R against random removal, over `n_orders` seeded permutations in parallel; none for the
/// empty graph or without orders. O(K M alpha(N)) for K orders.
pub fn random_robustness(graph: &Undirected, n_orders: u32, seed: u64) -> Option<RandomRobustness> {
    let of_order = |replicate: u32| {
        let mut order: Vec<u32> = (0..graph.n_nodes() as u32).collect();
        Random::new(seed, u64::from(replicate)).shuffle(&mut order);
        robustness(&attack_curve(graph, &order))
    };
    let values: Vec<f64> = (0..n_orders)
        .into_par_iter()
        .map(of_order)
        .collect::<Option<_>>()?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    (n_orders > 0).then(|| RandomRobustness {
        mean,
        deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
    })
}

/// The largest component after a single removal, as a share of all N nodes: exact, over all choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneRemoval {
    /// The mean over all choices of the node.
    pub mean: f64,
    /// The least over all choices of the node.
    pub worst: f64,
}

/// Returns what one removal does, from the cuts of the graph; shares are of all N nodes, the
/// removed one included. None for the empty graph. O(N).
pub fn one_removal(cuts: &Cuts) -> Option<OneRemoval> {
    let n = cuts.largest_without.len() as f64;
    let worst = cuts.largest_without.iter().copied().min()? as f64 / n;
    let total: usize = cuts.largest_without.iter().sum();
    Some(OneRemoval {
        mean: total as f64 / (n * n),
        worst,
    })
}

/// One point of an attack with distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint {
    /// How many nodes are gone.
    pub n_removed: usize,
    /// The size of the largest component that is left.
    pub largest: usize,
    /// The mean distance inside it; none if it is a single node.
    pub mean_distance: Option<f64>,
}

/// Returns the largest component and its exact mean distance at `n_steps` evenly spaced points of
/// an attack, from the intact graph on. O(S N (N + M) / 512) for S steps.
pub fn path_curve(graph: &Undirected, order: &[u32], n_steps: usize) -> Vec<PathPoint> {
    let n_nodes = graph.n_nodes();
    let mut points: Vec<usize> = (0..n_steps).map(|step| step * n_nodes / n_steps).collect();
    points.dedup();
    let at = |n_removed: usize| {
        let mut kept = order[n_removed..].to_vec();
        kept.sort_unstable();
        let (largest, nodes) = largest_component(&graph.induced(&kept));
        PathPoint {
            n_removed,
            largest: nodes.len(),
            mean_distance: undirected_distances(&largest).mean(),
        }
    };
    points.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::components::connected_components;
    use crate::algo::cuts::cuts;
    use crate::algo::testgraphs::{self, assert_close, distances, random_digraphs};

    #[test]
    fn curves_agree_with_removing_node_by_node() {
        for graph in random_digraphs(1000, 9).map(|graph| graph.undirected()) {
            let adaptive = adaptive_degree_order(&graph);
            for order in [static_degree_order(&graph), adaptive.clone()] {
                let curve = attack_curve(&graph, &order);
                for (n_removed, &size) in curve.iter().enumerate() {
                    let mut kept = order[n_removed..].to_vec();
                    kept.sort_unstable();
                    let sizes = connected_components(&graph.induced(&kept)).sizes;
                    assert_eq!(size, sizes.into_iter().max().unwrap_or(0));
                }
            }
            for (position, &node) in adaptive.iter().enumerate() {
                let mut kept = adaptive[position..].to_vec();
                kept.sort_unstable();
                let rest = graph.induced(&kept);
                let first = (0..kept.len() as u32)
                    .min_by_key(|&i| (Reverse(rest.degree(i)), i))
                    .expect("a node");
                assert_eq!(kept[first as usize], node);
            }
        }
    }

    #[test]
    fn the_betweenness_order_removes_the_most_between_each_time() {
        for graph in random_digraphs(400, 8).map(|graph| graph.undirected()) {
            let order = adaptive_betweenness_order(&graph);
            assert_eq!(order.len(), graph.n_nodes());
            let mut kept: Vec<u32> = (0..graph.n_nodes() as u32).collect();
            for node in order {
                let rest = graph.induced(&kept);
                let distance = distances(kept.len(), both_ways(&rest));
                let values: Vec<f64> = (0..kept.len())
                    .map(|node| between(&rest, &distance, node))
                    .collect();
                let most = values.iter().copied().fold(0.0, f64::max);
                let first = values.iter().position(|&value| value > most - 1e-9);
                assert_eq!(kept[first.expect("a node")], node);
                kept.retain(|&other| other != node);
            }
        }
    }

    fn both_ways(graph: &Undirected) -> impl Iterator<Item = (u32, u32)> + '_ {
        graph.edges().flat_map(|(a, b)| [(a, b), (b, a)])
    }

    /// The sum over pairs of the share of shortest paths through a node, by counting paths step by step.
    fn between(graph: &Undirected, distance: &[Vec<Option<u32>>], node: usize) -> f64 {
        fn paths(graph: &Undirected, distance: &[Vec<Option<u32>>], from: usize, to: usize) -> f64 {
            let closer = |&next: &u32| {
                distance[next as usize][to].map(|steps| steps + 1) == distance[from][to]
            };
            match distance[from][to] {
                None => 0.0,
                Some(0) => 1.0,
                Some(_) => graph
                    .neighbours(from as u32)
                    .iter()
                    .copied()
                    .filter(closer)
                    .map(|next| paths(graph, distance, next as usize, to))
                    .sum(),
            }
        }
        let others = || (0..graph.n_nodes()).filter(|&other| other != node);
        let pairs = others().flat_map(|a| others().map(move |b| (a, b)));
        let share = |(from, to): (usize, usize)| {
            let (direct, first, second) = (
                distance[from][to]?,
                distance[from][node]?,
                distance[node][to]?,
            );
            (from != to && first + second == direct).then(|| {
                paths(graph, distance, from, node) * paths(graph, distance, node, to)
                    / paths(graph, distance, from, to)
            })
        };
        pairs.filter_map(share).sum()
    }

    #[test]
    fn published_values_hold() {
        let r = |graph: &Undirected, order: Vec<u32>| {
            robustness(&attack_curve(graph, &order)).expect("nodes")
        };
        let check = |graph: Undirected, adaptive: f64, fixed: Option<f64>| {
            assert_close(r(&graph, adaptive_degree_order(&graph)), adaptive, 1e-6);
            if let Some(fixed) = fixed {
                assert_close(r(&graph, static_degree_order(&graph)), fixed, 1e-6);
            }
        };
        check(testgraphs::karate(), 0.135_813, Some(0.141_869));
        check(testgraphs::les_miserables(), 0.112_835, Some(0.128_689));
        check(testgraphs::florentine(), 0.177_778, Some(0.191_111));
        check(testgraphs::davis(), 0.202_148, Some(0.263_672));
        check(testgraphs::kite(), 0.310_000, Some(0.360_000));
        check(testgraphs::petersen(), 0.350_000, Some(0.430_000));
        check(testgraphs::barbell(5, 2), 0.208_333, Some(0.256_944));
        check(testgraphs::star(19), 19.0 / 400.0, None);
        check(testgraphs::path(10), 0.25, None);
        check(testgraphs::ring(10, 1), 0.29, None);
        check(testgraphs::complete(10), 0.45, Some(0.45));
        check(testgraphs::binary_tree(4), 0.093_652, None);
        check(testgraphs::ring(20, 2), 0.375, None);
        check(testgraphs::ring(30, 3), 0.418_889, None);
        check(testgraphs::hypercube(4), 0.332_031, None);
        check(testgraphs::grid(5), 0.2768, None);
    }

    #[test]
    fn the_shop_falls_apart_from_auth_on() {
        let shop = testgraphs::shop();
        let graph = shop.graph.undirected();
        let order = adaptive_degree_order(&graph);
        assert_eq!(
            shop.names(&order[..4]),
            ["auth", "checkout", "catalog", "cart"]
        );
        assert_close(
            robustness(&attack_curve(&graph, &order)).expect("nodes"),
            0.183_594,
            1e-6,
        );
        let fixed = static_degree_order(&graph);
        assert_close(
            robustness(&attack_curve(&graph, &fixed)).expect("nodes"),
            0.218_750,
            1e-6,
        );
    }

    #[test]
    fn one_removal_is_exact() {
        let karate = one_removal(&cuts(&testgraphs::karate())).expect("nodes");
        assert_close(karate.mean, 0.965_398, 1e-6);
        assert_close(karate.worst, 0.794_118, 1e-6);
        let florentine = one_removal(&cuts(&testgraphs::florentine())).expect("nodes");
        assert_close(florentine.mean, 0.906_667, 1e-6);
        assert_close(florentine.worst, 0.733_333, 1e-6);
        // Nothing splits without one node: what is gone is that node.
        let davis = one_removal(&cuts(&testgraphs::davis())).expect("nodes");
        assert_close(davis.mean, 31.0 / 32.0, 1e-12);
        assert_close(davis.worst, 31.0 / 32.0, 1e-12);
        for graph in random_digraphs(500, 9).map(|graph| graph.undirected()) {
            let n = graph.n_nodes();
            let left = (0..n as u32).map(|gone| {
                let kept: Vec<u32> = (0..n as u32).filter(|&node| node != gone).collect();
                let sizes = connected_components(&graph.induced(&kept)).sizes;
                sizes.into_iter().max().unwrap_or(0) as f64 / n as f64
            });
            let found = one_removal(&cuts(&graph));
            assert_eq!(found.is_some(), n > 0);
            if let Some(found) = found {
                assert_close(found.mean, left.clone().sum::<f64>() / n as f64, 1e-12);
                assert_close(found.worst, left.fold(1.0, f64::min), 1e-12);
            }
        }
    }

    #[test]
    fn random_removal_of_equal_nodes_has_one_outcome() {
        let found = random_robustness(&testgraphs::complete(10), 50, 1).expect("nodes");
        assert_close(found.mean, 0.45, 1e-12);
        assert_close(found.deviation, 0.0, 1e-12);
        // A star of four nodes, over all 24 orders.
        let star = testgraphs::star(3);
        let mut total = 0.0;
        let mut n_orders = 0.0;
        for a in 0..4 {
            for b in (0..4).filter(|&b| b != a) {
                for c in (0..4).filter(|&c| c != a && c != b) {
                    let order = [a, b, c, 6 - a - b - c];
                    total += robustness(&attack_curve(&star, &order)).expect("nodes");
                    n_orders += 1.0;
                }
            }
        }
        assert_close(
            random_robustness(&star, 4000, 3).expect("nodes").mean,
            total / n_orders,
            0.005,
        );
    }

    #[test]
    fn the_path_curve_measures_what_is_left() {
        let path = testgraphs::path(4);
        let points = path_curve(&path, &[0, 1, 2, 3], 4);
        let expected = [
            (0, 4, Some(5.0 / 3.0)),
            (1, 3, Some(4.0 / 3.0)),
            (2, 2, Some(1.0)),
            (3, 1, None),
        ];
        for (point, (n_removed, largest, mean)) in points.iter().zip(expected) {
            assert_eq!(
                (point.n_removed, point.largest, point.mean_distance),
                (n_removed, largest, mean)
            );
        }
        assert_eq!(path_curve(&path, &[0, 1, 2, 3], 100).len(), 4);
    }

    #[test]
    fn nothing_cannot_be_attacked() {
        let empty = Undirected::new(0, []);
        assert_eq!(attack_curve(&empty, &[]), [0]);
        assert_eq!(robustness(&[0]), None);
        assert_eq!(random_robustness(&empty, 10, 1), None);
        assert_eq!(one_removal(&cuts(&empty)), None);
        assert!(path_curve(&empty, &[], 0).is_empty());
    }
}
