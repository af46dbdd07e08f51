//! How cyclic a directed graph is: example cycles, edges to cut, shares.
//!
//! An edge lies on a cycle exactly if both its ends are in one strong component, so everything here
//! starts from [`strong_components`](crate::algo::components::strong_components). Self-loops are no
//! edges of a [`Digraph`] and so count nowhere here. Shares of a graph without edges do not exist.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::algo::components::Components;
use crate::algo::graph::Digraph;

/// Returns a shortest cycle among `members`, the ascending nodes of one strong component; none if
/// there is but one.
///
/// The cycle begins at its lowest node, and of several shortest cycles the lexicographically first
/// is returned. For each node a breadth-first search looks for a way back through higher nodes, and
/// gives up as soon as it cannot beat the best cycle so far: O(N M) at worst, but real components
/// hold cycles of length two or three, where the search ends after one or two steps.
pub fn shortest_cycle(graph: &Digraph, members: &[u32]) -> Option<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let mut allowed = vec![false; graph.n_nodes()];
    for &node in members {
        allowed[node as usize] = true;
    }
    let mut parent = vec![UNSEEN; graph.n_nodes()];
    let mut best: Option<Vec<u32>> = None;
    for &start in members {
        let limit = best.as_ref().map_or(usize::MAX, Vec::len);
        if limit == 2 {
            break;
        }
        let mut queue = vec![(start, 1)];
        let mut next = 0;
        let mut last = None;
        while let Some(&(node, length)) = queue.get(next) {
            if length >= limit {
                break;
            }
            if node != start && graph.has_edge(node, start) {
                last = Some(node);
                break;
            }
            next += 1;
            for &callee in graph.successors(node) {
                if callee > start && allowed[callee as usize] && parent[callee as usize] == UNSEEN {
                    parent[callee as usize] = node;
                    queue.push((callee, length + 1));
                }
            }
        }
        if let Some(last) = last {
            let back = |&node: &u32| (node != start).then(|| parent[node as usize]);
            let mut cycle: Vec<u32> = std::iter::successors(Some(last), back).collect();
            cycle.reverse();
            best = Some(cycle);
        }
        for (node, _) in queue {
            parent[node as usize] = UNSEEN;
        }
    }
    best
}

/// Returns edges whose removal leaves no cycle, few of them, sorted.
///
/// The heuristic of Eades, Lin and Smyth (Inf. Process. Lett. 47, 1993), within each strong
/// component: sinks go to the end of an order, sources to its front, and when there is neither, the
/// node with the largest out-degree minus in-degree goes to the front, lowest number first. Edges
/// that point backwards in that order are the answer: never more than half of all.
/// O((N + M) log N).
pub fn feedback_edges(graph: &Digraph, strong: &Components) -> Vec<(u32, u32)> {
    let n_nodes = graph.n_nodes();
    let inside =
        |a: u32, b: u32| strong.component_of[a as usize] == strong.component_of[b as usize];
    let count =
        |node: u32, others: &[u32]| others.iter().filter(|&&other| inside(node, other)).count();
    let mut out_degree: Vec<usize> = (0..n_nodes as u32)
        .map(|node| count(node, graph.successors(node)))
        .collect();
    let mut in_degree: Vec<usize> = (0..n_nodes as u32)
        .map(|node| count(node, graph.predecessors(node)))
        .collect();

    // Keys put sinks first, then sources, then large surpluses.
    let key = |node: u32, out: usize, into: usize| match (out, into) {
        (0, _) => (0, Reverse(0), node),
        (_, 0) => (1, Reverse(0), node),
        _ => (2, Reverse(out as i64 - into as i64), node),
    };
    let mut remaining: BTreeSet<_> = (0..n_nodes as u32)
        .map(|node| key(node, out_degree[node as usize], in_degree[node as usize]))
        .collect();
    let mut placed = vec![false; n_nodes];
    let mut front = Vec::new();
    let mut back = Vec::new();
    while let Some((class, _, node)) = remaining.pop_first() {
        placed[node as usize] = true;
        if class == 0 {
            back.push(node)
        } else {
            front.push(node)
        }
        for &other in graph
            .successors(node)
            .iter()
            .filter(|&&other| inside(node, other))
        {
            if !placed[other as usize] {
                let (out, into) = (out_degree[other as usize], in_degree[other as usize]);
                remaining.remove(&key(other, out, into));
                remaining.insert(key(other, out, into - 1));
                in_degree[other as usize] -= 1;
            }
        }
        for &other in graph
            .predecessors(node)
            .iter()
            .filter(|&&other| inside(node, other))
        {
            if !placed[other as usize] {
                let (out, into) = (out_degree[other as usize], in_degree[other as usize]);
                remaining.remove(&key(other, out, into));
                remaining.insert(key(other, out - 1, into));
                out_degree[other as usize] -= 1;
            }
        }
    }
    let mut rank = vec![0; n_nodes];
    for (position, &node) in front.iter().chain(back.iter().rev()).enumerate() {
        rank[node as usize] = position;
    }
    graph
        .edges()
        .filter(|&(from, to)| inside(from, to) && rank[from as usize] > rank[to as usize])
        .collect()
}

/// Returns the share of edges that lie on no cycle (Luo and Magee, Complexity 16, 2011). O(M).
pub fn flow_hierarchy(graph: &Digraph, strong: &Components) -> Option<f64> {
    let crossing = graph.edges().filter(|&(from, to)| {
        strong.component_of[from as usize] != strong.component_of[to as usize]
    });
    (graph.n_edges() > 0).then(|| crossing.count() as f64 / graph.n_edges() as f64)
}

/// Returns the share of edges whose reverse is an edge too. O(M log d).
pub fn reciprocity(graph: &Digraph) -> Option<f64> {
    let mutual = graph.edges().filter(|&(from, to)| graph.has_edge(to, from));
    (graph.n_edges() > 0).then(|| mutual.count() as f64 / graph.n_edges() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::components::strong_components;
    use crate::algo::testgraphs::{self, assert_close, distances, random_digraphs};

    /// All simple cycles as node lists that begin at their lowest node.
    fn all_cycles(graph: &Digraph) -> Vec<Vec<u32>> {
        fn extend(graph: &Digraph, path: &mut Vec<u32>, found: &mut Vec<Vec<u32>>) {
            let last = path[path.len() - 1];
            for &next in graph.successors(last) {
                if next == path[0] {
                    found.push(path.clone());
                } else if next > path[0] && !path.contains(&next) {
                    path.push(next);
                    extend(graph, path, found);
                    path.pop();
                }
            }
        }
        let mut found = Vec::new();
        for start in 0..graph.n_nodes() as u32 {
            extend(graph, &mut vec![start], &mut found);
        }
        found
    }

    #[test]
    fn the_shortest_cycle_is_the_first_of_all_cycles() {
        for graph in random_digraphs(2000, 6) {
            let strong = strong_components(&graph);
            let cycles = all_cycles(&graph);
            for (component, members) in strong.members().iter().enumerate() {
                let own = cycles
                    .iter()
                    .filter(|cycle| strong.component_of[cycle[0] as usize] as usize == component);
                let expected = own
                    .min_by_key(|cycle| (cycle.len(), (*cycle).clone()))
                    .cloned();
                assert_eq!(shortest_cycle(&graph, members), expected, "{graph:?}");
            }
        }
    }

    #[test]
    fn removing_the_feedback_edges_leaves_no_cycle() {
        for graph in random_digraphs(2000, 8) {
            let feedback = feedback_edges(&graph, &strong_components(&graph));
            let kept = graph.edges().filter(|edge| !feedback.contains(edge));
            let rest = Digraph::new(graph.n_nodes(), kept);
            assert_eq!(strong_components(&rest).count(), graph.n_nodes());
            assert!(feedback.len() <= graph.n_edges() / 2);
        }
    }

    #[test]
    fn flow_hierarchy_agrees_with_the_way_back() {
        for graph in random_digraphs(1000, 7) {
            let distance = distances(graph.n_nodes(), graph.edges());
            let free = graph
                .edges()
                .filter(|&(a, b)| distance[b as usize][a as usize].is_none())
                .count();
            let expected = (graph.n_edges() > 0).then(|| free as f64 / graph.n_edges() as f64);
            assert_eq!(flow_hierarchy(&graph, &strong_components(&graph)), expected);
        }
    }

    #[test]
    fn the_shop_calls_back_once() {
        let shop = testgraphs::shop();
        let strong = strong_components(&shop.graph);
        assert_close(
            flow_hierarchy(&shop.graph, &strong).expect("edges"),
            0.904_762,
            1e-6,
        );
        assert_close(reciprocity(&shop.graph).expect("edges"), 0.095_238, 1e-6);
        let cycles: Vec<_> = strong
            .members()
            .iter()
            .filter_map(|members| shortest_cycle(&shop.graph, members))
            .collect();
        assert_eq!(
            cycles
                .iter()
                .map(|cycle| shop.names(cycle))
                .collect::<Vec<_>>(),
            [["checkout", "inventory"]]
        );
        assert_eq!(feedback_edges(&shop.graph, &strong).len(), 1);
    }

    #[test]
    fn nothing_and_self_loops_have_no_cycle() {
        for graph in [Digraph::new(0, []), Digraph::new(1, [(0, 0)])] {
            let strong = strong_components(&graph);
            assert_eq!(flow_hierarchy(&graph, &strong), None);
            assert_eq!(reciprocity(&graph), None);
            assert!(feedback_edges(&graph, &strong).is_empty());
            assert_eq!(
                shortest_cycle(&graph, &(0..graph.n_nodes() as u32).collect::<Vec<_>>()),
                None
            );
        }
    }
}
