//! Dominators: who can no longer be reached when a node is gone.
//!
//! Node v *dominates* w if every path from every entry to w passes v. A virtual root that points to
//! all entries makes this the classical single-root problem; the *immediate* dominator of w is the
//! closest of its dominators, and the immediate dominators form a tree under the virtual root.
//! Without v, exactly its subtree is unreachable.
//!
//! Method: Cooper, Harvey and Kennedy, A Simple, Fast Dominance Algorithm (2001): visit nodes in
//! reverse postorder and intersect the dominators of the predecessors until nothing changes. O(M D)
//! per round with D the depth of the tree and in practice two or three rounds; quadratic at worst,
//! which call graphs do not approach. The search is iterative.
//!
//! Self-loops and repeated entries change nothing. Nodes that no entry reaches are dominated by
//! nothing.

use crate::algo::graph::Digraph;

/// Where a node stands in the dominator tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dominator {
    /// No entry reaches the node.
    Unreachable,
    /// No single node stands between the entries and the node.
    Root,
    /// The closest node that every path from an entry passes.
    Node(u32),
}

/// The dominator tree under the entries of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dominators {
    /// The immediate dominator of each node.
    pub immediate: Vec<Dominator>,
    /// For each node, how many nodes are unreachable without it, itself included; zero if it is
    /// unreachable already.
    pub subtree_sizes: Vec<usize>,
}

/// Returns the dominator tree of what `entries` reach.
pub fn dominators(graph: &Digraph, entries: &[u32]) -> Dominators {
    let n_nodes = graph.n_nodes();
    let postorder = postorder(graph, entries);
    // Ranks are postorder positions; the virtual root comes last, above them all.
    const UNREACHED: usize = usize::MAX;
    let root = postorder.len();
    let mut rank = vec![UNREACHED; n_nodes];
    for (position, &node) in postorder.iter().enumerate() {
        rank[node as usize] = position;
    }
    let mut immediate = vec![UNREACHED; root + 1];
    immediate[root] = root;
    for &entry in entries {
        immediate[rank[entry as usize]] = root;
    }

    let mut changed = true;
    while changed {
        changed = false;
        for position in (0..root).rev() {
            if immediate[position] == root {
                continue;
            }
            let mut closest = UNREACHED;
            for &caller in graph.predecessors(postorder[position]) {
                let from = rank[caller as usize];
                if from == UNREACHED || immediate[from] == UNREACHED {
                    continue;
                }
                closest = if closest == UNREACHED {
                    from
                } else {
                    common_dominator(&immediate, closest, from)
                };
            }
            if closest != immediate[position] {
                immediate[position] = closest;
                changed = true;
            }
        }
    }

    let mut sizes = vec![1; root + 1];
    for position in 0..root {
        sizes[immediate[position]] += sizes[position];
    }
    let place = |position: usize| match immediate[position] {
        above if above == root => Dominator::Root,
        above => Dominator::Node(postorder[above]),
    };
    let of_rank = |&position: &usize| {
        if position == UNREACHED {
            Dominator::Unreachable
        } else {
            place(position)
        }
    };
    Dominators {
        immediate: rank.iter().map(of_rank).collect(),
        subtree_sizes: rank
            .iter()
            .map(|&position| {
                if position == UNREACHED {
                    0
                } else {
                    sizes[position]
                }
            })
            .collect(),
    }
}

/// Climbs from both positions until they meet.
fn common_dominator(immediate: &[usize], mut left: usize, mut right: usize) -> usize {
    while left != right {
        if left < right {
            left = immediate[left];
        } else {
            right = immediate[right];
        }
    }
    left
}

/// Returns the nodes reachable from `entries`, each after its descendants in the depth-first
/// forest.
fn postorder(graph: &Digraph, entries: &[u32]) -> Vec<u32> {
    let mut seen = vec![false; graph.n_nodes()];
    let mut order = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    for &entry in entries {
        if std::mem::replace(&mut seen[entry as usize], true) {
            continue;
        }
        path.push((entry, 0));
        while let Some((node, position)) = path.last_mut() {
            let Some(&next) = graph.successors(*node).get(*position) else {
                order.push(*node);
                path.pop();
                continue;
            };
            *position += 1;
            if !std::mem::replace(&mut seen[next as usize], true) {
                path.push((next, 0));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, random_digraphs};

    fn reached(graph: &Digraph, entries: &[u32], removed: Option<u32>) -> Vec<bool> {
        let edges = graph
            .edges()
            .filter(|&(a, b)| Some(a) != removed && Some(b) != removed);
        let rest = Digraph::new(graph.n_nodes(), edges);
        let alive: Vec<u32> = entries
            .iter()
            .copied()
            .filter(|&entry| Some(entry) != removed)
            .collect();
        let mut reached = vec![false; graph.n_nodes()];
        for node in postorder(&rest, &alive) {
            reached[node as usize] = true;
        }
        reached
    }

    #[test]
    fn dominators_agree_with_removing_every_node() {
        for (number, graph) in random_digraphs(2000, 8).enumerate() {
            let entries: Vec<u32> = (0..graph.n_nodes() as u32)
                .filter(|node| (number >> node) & 1 == 1)
                .collect();
            let found = dominators(&graph, &entries);
            let all = reached(&graph, &entries, None);
            let dominates = |v: u32| {
                let without = reached(&graph, &entries, Some(v));
                (0..graph.n_nodes())
                    .map(|w| all[w] && !without[w])
                    .collect::<Vec<_>>()
            };
            let table: Vec<Vec<bool>> = (0..graph.n_nodes() as u32).map(dominates).collect();
            for w in 0..graph.n_nodes() {
                assert_eq!(
                    found.subtree_sizes[w],
                    table[w].iter().filter(|&&lost| lost).count()
                );
                let strict: Vec<usize> = (0..graph.n_nodes())
                    .filter(|&v| v != w && table[v][w])
                    .collect();
                let closest = strict
                    .iter()
                    .copied()
                    .find(|&v| strict.iter().all(|&other| table[other][v]));
                let expected = match (all[w], closest) {
                    (false, _) => Dominator::Unreachable,
                    (true, None) => Dominator::Root,
                    (true, Some(v)) => Dominator::Node(v as u32),
                };
                assert_eq!(found.immediate[w], expected, "{graph:?} {entries:?} {w}");
            }
        }
    }

    #[track_caller]
    fn check(named: &testgraphs::Named, entry: &str, expected: &[(&str, &str)]) {
        let found = dominators(&named.graph, &[named.index(entry)]);
        for &(above, below) in expected {
            for name in below.split(',') {
                assert_eq!(
                    named.value(&found.immediate, name),
                    Dominator::Node(named.index(above)),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn published_trees_hold() {
        let shop = testgraphs::shop();
        let expected = [
            ("gateway", "auth,cart,catalog,catalog-db,checkout"),
            ("payment", "bank,ledger-db"),
            ("checkout", "payment,inventory"),
            ("search", "elastic"),
            ("catalog", "search"),
            ("cart", "redis"),
            ("auth", "user-db"),
        ];
        check(&shop, "gateway", &expected);
        check(
            &testgraphs::lengauer_tarjan(),
            "R",
            &[
                ("R", "A,B,C,D,E,H,I,K"),
                ("C", "F,G"),
                ("G", "J"),
                ("D", "L"),
            ],
        );
        let found = dominators(&shop.graph, &[shop.index("gateway")]);
        assert_eq!(shop.value(&found.immediate, "s3"), Dominator::Unreachable);
        assert_eq!(shop.value(&found.subtree_sizes, "checkout"), 5);
        assert_eq!(shop.value(&found.subtree_sizes, "gateway"), 14);
    }

    #[test]
    fn nothing_is_dominated_without_entries() {
        let graph = Digraph::new(2, [(0, 1)]);
        assert_eq!(
            dominators(&graph, &[]).immediate,
            [Dominator::Unreachable; 2]
        );
        assert!(dominators(&Digraph::new(0, []), &[]).immediate.is_empty());
    }
}
