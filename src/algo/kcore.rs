//! Core numbers by peeling.
//!
//! The *k-core* is what remains after removing nodes of degree below k until there are none; the
//! *core number* of a node is the largest k whose core holds it, and the largest core number is the
//! *degeneracy*. Members of the innermost core are mutually entangled.
//!
//! Method: Batagelj and Zaversnik, An O(m) Algorithm for Cores Decomposition of Networks (2003).
//! Nodes lie in one vector sorted by remaining degree; the head of each degree's stretch moves
//! right as nodes drop by one. O(N + M). A node without neighbours has core number zero; the empty
//! graph has degeneracy zero.

use crate::algo::graph::Undirected;

/// Returns the core number of every node.
pub fn core_numbers(graph: &Undirected) -> Vec<u32> {
    let n_nodes = graph.n_nodes();
    let mut degree: Vec<u32> = graph
        .degrees()
        .iter()
        .map(|&degree| degree as u32)
        .collect();
    let max_degree = degree.iter().copied().max().unwrap_or(0) as usize;

    // `first[d]` is where the nodes of remaining degree d begin in `sorted`; `place` is the inverse
    // of `sorted`.
    let mut first = vec![0usize; max_degree + 2];
    for &d in &degree {
        first[d as usize + 1] += 1;
    }
    for d in 0..=max_degree {
        first[d + 1] += first[d];
    }
    let mut next = first.clone();
    let mut sorted = vec![0u32; n_nodes];
    let mut place = vec![0usize; n_nodes];
    for node in 0..n_nodes {
        let slot = &mut next[degree[node] as usize];
        sorted[*slot] = node as u32;
        place[node] = *slot;
        *slot += 1;
    }

    for position in 0..n_nodes {
        let node = sorted[position];
        let core = degree[node as usize];
        // Stretches of this degree and below are used up to here.
        first[core as usize] = position + 1;
        for &neighbour in graph.neighbours(node) {
            let index = neighbour as usize;
            if degree[index] <= core {
                continue;
            }
            let head = &mut first[degree[index] as usize];
            let displaced = sorted[*head];
            sorted.swap(*head, place[index]);
            place[displaced as usize] = place[index];
            place[index] = *head;
            *head += 1;
            degree[index] -= 1;
        }
    }
    degree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, random_digraphs};

    fn by_repeated_removal(graph: &Undirected) -> Vec<u32> {
        let mut core = vec![0; graph.n_nodes()];
        let mut alive = vec![true; graph.n_nodes()];
        for k in 0..=graph.n_nodes() {
            loop {
                let low = (0..graph.n_nodes()).find(|&node| {
                    let degree = graph
                        .neighbours(node as u32)
                        .iter()
                        .filter(|&&other| alive[other as usize])
                        .count();
                    alive[node] && degree <= k
                });
                let Some(node) = low else { break };
                alive[node] = false;
                core[node] = k as u32;
            }
        }
        core
    }

    #[test]
    fn core_numbers_agree_with_repeated_removal() {
        for graph in random_digraphs(2000, 12).map(|graph| graph.undirected()) {
            assert_eq!(
                core_numbers(&graph),
                by_repeated_removal(&graph),
                "{graph:?}"
            );
        }
    }

    #[test]
    fn published_core_histograms_hold() {
        let histogram = |graph: &Undirected| {
            let mut cores = core_numbers(graph);
            cores.sort_unstable();
            let stretches = cores.chunk_by(|a, b| a == b);
            stretches
                .map(|stretch| format!("{}:{}", stretch[0], stretch.len()))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(histogram(&testgraphs::karate()), "1:1 2:11 3:12 4:10");
        assert_eq!(
            histogram(&testgraphs::les_miserables()),
            "1:18 2:11 3:7 4:3 6:7 7:11 8:8 9:12"
        );
        assert_eq!(histogram(&testgraphs::florentine()), "1:5 2:10");
        assert_eq!(histogram(&testgraphs::davis()), "2:4 3:5 4:23");
        assert_eq!(histogram(&testgraphs::kite()), "1:2 2:1 3:7");
        assert_eq!(histogram(&testgraphs::petersen()), "3:10");
        assert_eq!(histogram(&testgraphs::barbell(5, 2)), "2:2 4:10");
    }

    #[test]
    fn the_shop_has_a_core_of_four() {
        let shop = testgraphs::shop();
        let cores = core_numbers(&shop.graph.undirected());
        let of_core = |k: u32| {
            let nodes: Vec<u32> = (0..16).filter(|&node| cores[node as usize] == k).collect();
            shop.names(&nodes).join(" ")
        };
        assert_eq!(of_core(3), "auth cart checkout gateway");
        assert_eq!(of_core(2), "catalog catalog-db inventory payment");
    }

    #[test]
    fn lonely_nodes_have_core_zero() {
        assert_eq!(core_numbers(&Undirected::new(3, [(0, 1)])), [1, 1, 0]);
        assert!(core_numbers(&Undirected::new(0, [])).is_empty());
    }
}
