//! Single points of connectivity: articulation points, bridges, blocks.
//!
//! An *articulation point* is a node whose removal splits its component, a *bridge* an edge whose
//! removal does. A *block* is a maximal set of edges any two of which lie on a common cycle, or a
//! single bridge.
//!
//! Method: Hopcroft and Tarjan (Comm. ACM 16(6), 1973), one depth-first search with an explicit
//! stack. `order` is the visiting number of a node and `low` the lowest number reachable from its
//! subtree by one edge outside the tree. A child whose `low` does not get above its parent hangs on
//! that parent alone: it closes a block, and its whole subtree falls off when the parent goes. The
//! sizes of those subtrees therefore say how large the pieces are after any single removal, at no
//! extra cost.
//!
//! O(N + M). A node without neighbours is in no block. Disconnected graphs are fine; the empty
//! graph has nothing.

use crate::algo::graph::Undirected;

/// The cuts of an undirected graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Ascending.
    pub articulation_points: Vec<u32>,
    /// As `(smaller, larger)`, sorted.
    pub bridges: Vec<(u32, u32)>,
    /// The number of blocks, also called biconnected components.
    pub n_blocks: usize,
    /// For each node, the size of the largest component of the whole graph once that node is
    /// removed.
    pub largest_without: Vec<usize>,
}

/// Returns the cuts of `graph`.
pub fn cuts(graph: &Undirected) -> Cuts {
    let n_nodes = graph.n_nodes();
    // Visiting numbers begin at one; zero means not yet visited.
    let mut order = vec![0u32; n_nodes];
    let mut low = vec![0u32; n_nodes];
    let mut subtree = vec![1usize; n_nodes];
    // Of the subtrees that fall off when the node goes: how many, their sum, the largest.
    let mut n_falling = vec![0u32; n_nodes];
    let mut sum_falling = vec![0usize; n_nodes];
    let mut largest_piece = vec![0usize; n_nodes];
    let mut bridges = Vec::new();
    let mut n_blocks = 0;
    let mut articulation_points = Vec::new();
    let mut component_sizes = Vec::new();
    let mut root_of = vec![0u32; n_nodes];

    let mut visited = 0;
    let mut path: Vec<(u32, usize)> = Vec::new();
    for root in 0..n_nodes as u32 {
        if order[root as usize] != 0 {
            continue;
        }
        path.push((root, 0));
        visited += 1;
        (order[root as usize], low[root as usize]) = (visited, visited);
        while let Some(&(node, position)) = path.last() {
            let depth = path.len();
            let parent = (depth > 1).then(|| path[depth - 2].0);
            if let Some(&next) = graph.neighbours(node).get(position) {
                path[depth - 1].1 += 1;
                if order[next as usize] == 0 {
                    visited += 1;
                    (order[next as usize], low[next as usize]) = (visited, visited);
                    path.push((next, 0));
                } else if Some(next) != parent {
                    low[node as usize] = low[node as usize].min(order[next as usize]);
                }
                continue;
            }
            path.pop();
            root_of[node as usize] = component_sizes.len() as u32;
            let Some(parent) = parent else { continue };
            let (child, above) = (node as usize, parent as usize);
            low[above] = low[above].min(low[child]);
            subtree[above] += subtree[child];
            if low[child] >= order[above] {
                n_blocks += 1;
                n_falling[above] += 1;
                sum_falling[above] += subtree[child];
                largest_piece[above] = largest_piece[above].max(subtree[child]);
                if low[child] > order[above] {
                    bridges.push((node.min(parent), node.max(parent)));
                }
            }
        }
        component_sizes.push(subtree[root as usize]);
    }

    bridges.sort_unstable();
    let (largest, second) = two_largest(&component_sizes);
    for node in 0..n_nodes {
        let size = component_sizes[root_of[node] as usize];
        let above = size - 1 - sum_falling[node];
        if n_falling[node] + u32::from(above > 0) > 1 {
            articulation_points.push(node as u32);
        }
        let elsewhere = if size == largest { second } else { largest };
        largest_piece[node] = largest_piece[node].max(above).max(elsewhere);
    }
    Cuts {
        articulation_points,
        bridges,
        n_blocks,
        largest_without: largest_piece,
    }
}

/// Returns the largest and the second largest size, equal ones included.
fn two_largest(sizes: &[usize]) -> (usize, usize) {
    sizes.iter().fold((0, 0), |(first, second), &size| {
        if size > first {
            (size, first)
        } else {
            (first, second.max(size))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::components::connected_components;
    use crate::algo::testgraphs::{self, random_digraphs};

    fn without_node(graph: &Undirected, node: u32) -> Undirected {
        let kept: Vec<u32> = (0..graph.n_nodes() as u32)
            .filter(|&other| other != node)
            .collect();
        graph.induced(&kept)
    }

    /// Blocks by definition: edges are together if no single removed node, other than a shared end,
    /// parts them.
    fn blocks_by_brute_force(graph: &Undirected) -> usize {
        let edges: Vec<_> = graph.edges().collect();
        let mut label: Vec<usize> = (0..edges.len()).collect();
        for first in 0..edges.len() {
            for second in 0..first {
                let together = (0..graph.n_nodes() as u32).all(|node| {
                    let rest = Undirected::new(
                        graph.n_nodes(),
                        edges
                            .iter()
                            .copied()
                            .filter(|&(a, b)| a != node && b != node),
                    );
                    let components = connected_components(&rest);
                    let end = |edge: (u32, u32)| if edge.0 == node { edge.1 } else { edge.0 };
                    let (a, b) = (end(edges[first]), end(edges[second]));
                    components.component_of[a as usize] == components.component_of[b as usize]
                });
                if together {
                    let (from, to) = (label[first], label[second]);
                    label
                        .iter_mut()
                        .filter(|l| **l == from)
                        .for_each(|l| *l = to);
                }
            }
        }
        label.sort_unstable();
        label.dedup();
        label.len()
    }

    #[test]
    fn cuts_agree_with_removing_every_node_and_edge() {
        for graph in random_digraphs(1500, 8).map(|graph| graph.undirected()) {
            let found = cuts(&graph);
            let before = connected_components(&graph).count();
            let splits = |node: u32| {
                connected_components(&without_node(&graph, node)).count() > before.max(1)
                    || (graph.degree(node) > 0
                        && connected_components(&without_node(&graph, node)).count() > before)
            };
            let expected: Vec<u32> = (0..graph.n_nodes() as u32)
                .filter(|&node| splits(node))
                .collect();
            assert_eq!(found.articulation_points, expected, "{graph:?}");
            let bridges: Vec<_> = graph
                .edges()
                .filter(|&bridge| {
                    let rest = Undirected::new(
                        graph.n_nodes(),
                        graph.edges().filter(|&edge| edge != bridge),
                    );
                    connected_components(&rest).count() > before
                })
                .collect();
            assert_eq!(found.bridges, bridges);
            for node in 0..graph.n_nodes() as u32 {
                let rest = connected_components(&without_node(&graph, node));
                assert_eq!(
                    found.largest_without[node as usize],
                    rest.sizes.iter().copied().max().unwrap_or(0)
                );
            }
        }
    }

    #[test]
    fn blocks_agree_with_brute_force() {
        for graph in random_digraphs(300, 6).map(|graph| graph.undirected()) {
            assert_eq!(
                cuts(&graph).n_blocks,
                blocks_by_brute_force(&graph),
                "{graph:?}"
            );
        }
    }

    #[test]
    fn published_counts_hold() {
        let count = |graph: &Undirected| {
            let found = cuts(graph);
            (
                found.articulation_points.len(),
                found.bridges.len(),
                found.n_blocks,
            )
        };
        assert_eq!(count(&testgraphs::karate()), (1, 1, 3));
        assert_eq!(count(&testgraphs::les_miserables()), (8, 18, 21));
        assert_eq!(count(&testgraphs::florentine()), (4, 5, 6));
        assert_eq!(count(&testgraphs::davis()), (0, 0, 1));
        assert_eq!(count(&testgraphs::kite()), (2, 2, 3));
        assert_eq!(count(&testgraphs::petersen()), (0, 0, 1));
        assert_eq!(count(&testgraphs::barbell(5, 2)), (4, 3, 5));
    }

    #[test]
    fn the_shop_hangs_on_seven_services() {
        let shop = testgraphs::shop();
        let found = cuts(&shop.graph.undirected());
        let points = [
            "auth",
            "cart",
            "catalog",
            "ledger-db",
            "payment",
            "report",
            "search",
        ];
        assert_eq!(shop.names(&found.articulation_points), points);
        let bridges: Vec<_> = found
            .bridges
            .iter()
            .map(|&(a, b)| shop.names(&[a, b]).join("-"))
            .collect();
        let expected = [
            "auth-user-db",
            "bank-payment",
            "cart-redis",
            "catalog-search",
            "elastic-search",
            "ledger-db-payment",
            "ledger-db-report",
            "report-s3",
        ];
        assert_eq!(bridges, expected);
    }

    #[test]
    fn nothing_has_no_cuts() {
        assert_eq!(cuts(&Undirected::new(0, [])), Cuts::default());
        assert_eq!(cuts(&Undirected::new(1, [])).largest_without, [0]);
    }
}
