//! PageRank: where a walk along the calls spends its time.
//!
//! With chance `DAMPING` the walk follows a random out-edge of the node it is at, otherwise, and
//! always at a node without out-edges, it starts anew at a random node (Brin and Page, 1998). The
//! share of time at each node is found by iterating the walk from the uniform start until it
//! changes by less than 1e-12 in total, in at most 200 rounds: the error shrinks by `DAMPING` per
//! round. O(N + M) per round. Self-loops are no edges; the empty graph has no ranks.

use crate::algo::graph::Digraph;

/// The chance to go on.
const DAMPING: f64 = 0.85;

/// Returns the rank of every node; they sum to one.
pub fn page_rank(graph: &Digraph) -> Vec<f64> {
    const PRECISION: f64 = 1e-12;
    const ROUNDS: usize = 200;
    let n_nodes = graph.n_nodes();
    let n = n_nodes as f64;
    let mut rank = vec![1.0 / n; n_nodes];
    for _ in 0..ROUNDS {
        let leaving = |node: u32| rank[node as usize] / graph.successors(node).len() as f64;
        let stuck: f64 = (0..n_nodes as u32)
            .filter(|&node| graph.successors(node).is_empty())
            .map(|node| rank[node as usize])
            .sum();
        let anew = (1.0 - DAMPING + DAMPING * stuck) / n;
        let arriving = |node: u32| {
            graph
                .predecessors(node)
                .iter()
                .map(|&caller| leaving(caller))
                .sum::<f64>()
        };
        let next: Vec<f64> = (0..n_nodes as u32)
            .map(|node| anew + DAMPING * arriving(node))
            .collect();
        let change: f64 = rank
            .iter()
            .zip(&next)
            .map(|(old, new)| (old - new).abs())
            .sum();
        rank = next;
        if change < PRECISION {
            break;
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, assert_close, random_digraphs};

    #[test]
    fn ranks_are_stationary_and_sum_to_one() {
        for graph in random_digraphs(300, 9).filter(|graph| graph.n_nodes() > 0) {
            let rank = page_rank(&graph);
            assert_close(rank.iter().sum::<f64>(), 1.0, 1e-10);
            let n = graph.n_nodes() as f64;
            for to in 0..graph.n_nodes() as u32 {
                let step = |from: u32| {
                    let ends = graph.successors(from);
                    let follow = match ends.len() {
                        0 => 1.0 / n,
                        count => f64::from(u8::from(graph.has_edge(from, to))) / count as f64,
                    };
                    rank[from as usize] * (DAMPING * follow + (1.0 - DAMPING) / n)
                };
                let arriving: f64 = (0..graph.n_nodes() as u32).map(step).sum();
                assert_close(rank[to as usize], arriving, 1e-10);
            }
        }
    }

    #[test]
    fn published_values_hold() {
        let shop = testgraphs::shop();
        let rank = page_rank(&shop.graph);
        let expected = [
            ("user-db", 0.118_639),
            ("auth", 0.096_826),
            ("elastic", 0.083_141),
            ("catalog-db", 0.076_414),
            ("ledger-db", 0.066_015),
        ];
        for (name, value) in expected {
            assert_close(shop.value(&rank, name), value, 2e-6);
        }
        let karate = testgraphs::karate();
        let both_ways = Digraph::new(34, karate.edges().flat_map(|(a, b)| [(a, b), (b, a)]));
        assert_close(page_rank(&both_ways)[33], 0.100_919, 2e-6);
    }

    #[test]
    fn nothing_has_no_rank() {
        assert!(page_rank(&Digraph::new(0, [])).is_empty());
        assert_close(page_rank(&Digraph::new(1, []))[0], 1.0, 1e-12);
    }
}
