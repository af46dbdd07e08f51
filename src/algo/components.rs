//! Connected and strongly connected components.
//!
//! Two nodes are *connected* if a path of undirected edges joins them, *strongly connected* if
//! directed paths lead both ways. Strong components are found by Tarjan's algorithm (SIAM J.
//! Comput. 1(2), 1972) with an explicit stack, so that depth costs memory and never the thread's
//! stack. Contracting each strong component yields the acyclic condensation, whose longest path is
//! the static depth.
//!
//! Everything is O(N + M). Nodes without edges are components of their own; self-loops make no
//! component; the empty graph has none.

use crate::algo::graph::{Digraph, Undirected};

/// A partition of the nodes into numbered components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// The component of each node.
    pub component_of: Vec<u32>,
    /// The number of nodes in each component.
    pub sizes: Vec<usize>,
}

impl Components {
    /// Returns the number of components.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// Returns the largest component; the lowest number wins a tie, and the empty graph has none.
    pub fn largest(&self) -> Option<u32> {
        let best = (0..self.count())
            .max_by_key(|&component| (self.sizes[component], std::cmp::Reverse(component)));
        best.map(|component| component as u32)
    }

    /// Returns the nodes of every component, ascending.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members: Vec<Vec<u32>> = self
            .sizes
            .iter()
            .map(|&size| Vec::with_capacity(size))
            .collect();
        for (node, &component) in self.component_of.iter().enumerate() {
            members[component as usize].push(node as u32);
        }
        members
    }

    /// Returns the nodes of one component, ascending.
    pub fn members_of(&self, component: u32) -> Vec<u32> {
        let nodes = 0..self.component_of.len() as u32;
        nodes
            .filter(|&node| self.component_of[node as usize] == component)
            .collect()
    }
}

const UNSEEN: u32 = u32::MAX;

/// Returns the connected components, numbered by their lowest node.
pub fn connected_components(graph: &Undirected) -> Components {
    let mut component_of = vec![UNSEEN; graph.n_nodes()];
    let mut sizes = Vec::new();
    let mut queue = Vec::new();
    for start in 0..graph.n_nodes() as u32 {
        if component_of[start as usize] != UNSEEN {
            continue;
        }
        let component = sizes.len() as u32;
        component_of[start as usize] = component;
        queue.push(start);
        let mut size = 0;
        while let Some(node) = queue.pop() {
            size += 1;
            for &next in graph.neighbours(node) {
                if component_of[next as usize] == UNSEEN {
                    component_of[next as usize] = component;
                    queue.push(next);
                }
            }
        }
        sizes.push(size);
    }
    Components {
        component_of,
        sizes,
    }
}

/// Returns the subgraph of the largest connected component, with the original number of each of its
/// nodes.
pub fn largest_component(graph: &Undirected) -> (Undirected, Vec<u32>) {
    let components = connected_components(graph);
    let nodes = components
        .largest()
        .map_or_else(Vec::new, |component| components.members_of(component));
    (graph.induced(&nodes), nodes)
}

/// Returns the strongly connected components, numbered in topological order: an edge that leaves a
/// component leads to a component of higher number.
pub fn strong_components(graph: &Digraph) -> Components {
    let n_nodes = graph.n_nodes();
    // `order` counts visits; `low` is the lowest order reachable inside the open part of the
    // search.
    let mut order = vec![UNSEEN; n_nodes];
    let mut low = vec![0u32; n_nodes];
    let mut component_of = vec![UNSEEN; n_nodes];
    let mut sizes = Vec::new();
    let mut visited = 0u32;
    let mut open = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in 0..n_nodes as u32 {
        if order[start as usize] != UNSEEN {
            continue;
        }
        path.push((start, 0));
        while let Some(&mut (node, ref mut position)) = path.last_mut() {
            let index = node as usize;
            if *position == 0 {
                order[index] = visited;
                low[index] = visited;
                visited += 1;
                open.push(node);
            }
            let successors = graph.successors(node);
            let unseen = successors[*position..].iter().position(|&next| {
                let seen = order[next as usize] != UNSEEN;
                if seen && component_of[next as usize] == UNSEEN {
                    low[index] = low[index].min(order[next as usize]);
                }
                !seen
            });
            if let Some(offset) = unseen {
                let next = successors[*position + offset];
                *position += offset + 1;
                path.push((next, 0));
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent as usize] = low[parent as usize].min(low[index]);
            }
            if low[index] == order[index] {
                let component = sizes.len() as u32;
                let mut size = 0;
                while let Some(member) = open.pop() {
                    component_of[member as usize] = component;
                    size += 1;
                    if member == node {
                        break;
                    }
                }
                sizes.push(size);
            }
        }
    }
    // Tarjan closes callees before callers; turning the numbers round makes them topological.
    let last = sizes.len() as u32;
    for component in &mut component_of {
        *component = last - 1 - *component;
    }
    sizes.reverse();
    Components {
        component_of,
        sizes,
    }
}

/// Returns a longest chain of strong components, from caller to callee; its length minus one is the
/// static depth.
///
/// `strong` is the result of [`strong_components`] on the same graph. Of several longest chains
/// this is the one with the lowest node numbers from the start on. Empty for the empty graph.
pub fn longest_chain(graph: &Digraph, strong: &Components) -> Vec<u32> {
    let members = strong.members();
    let mut steps_below = vec![0usize; strong.count()];
    let mut next_in_chain = vec![UNSEEN; strong.count()];
    for component in (0..strong.count()).rev() {
        for &node in &members[component] {
            for &callee in graph.successors(node) {
                let below = strong.component_of[callee as usize];
                if below as usize == component {
                    continue;
                }
                let steps = steps_below[below as usize] + 1;
                let better = steps > steps_below[component]
                    || (steps == steps_below[component]
                        && members[below as usize][0]
                            < members[next_in_chain[component] as usize][0]);
                if better {
                    steps_below[component] = steps;
                    next_in_chain[component] = below;
                }
            }
        }
    }
    let Some(&deepest) = steps_below.iter().max() else {
        return Vec::new();
    };
    let starts =
        (0..strong.count() as u32).filter(|&component| steps_below[component as usize] == deepest);
    let first = starts.min_by_key(|&component| members[component as usize][0]);
    let step =
        |&component: &u32| Some(next_in_chain[component as usize]).filter(|&next| next != UNSEEN);
    std::iter::successors(first, step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, random_digraphs, reachability};

    #[test]
    fn strong_components_agree_with_mutual_reachability() {
        for graph in random_digraphs(2000, 9) {
            let strong = strong_components(&graph);
            let reach = reachability(&graph);
            for (a, row) in reach.iter().enumerate() {
                for (b, &forth) in row.iter().enumerate() {
                    let together = strong.component_of[a] == strong.component_of[b];
                    assert_eq!(
                        together,
                        a == b || (forth && reach[b][a]),
                        "{graph:?} {a} {b}"
                    );
                }
            }
            for (from, to) in graph.edges() {
                assert!(strong.component_of[from as usize] <= strong.component_of[to as usize]);
            }
            assert_eq!(strong.sizes.iter().sum::<usize>(), graph.n_nodes());
        }
    }

    #[test]
    fn connected_components_agree_with_reachability() {
        for graph in random_digraphs(2000, 8) {
            let components = connected_components(&graph.undirected());
            let both_ways = Digraph::new(
                graph.n_nodes(),
                graph.edges().flat_map(|(a, b)| [(a, b), (b, a)]),
            );
            let reach = reachability(&both_ways);
            for (a, row) in reach.iter().enumerate() {
                for (b, &reached) in row.iter().enumerate() {
                    let together = components.component_of[a] == components.component_of[b];
                    assert_eq!(together, a == b || reached);
                }
            }
        }
    }

    #[test]
    fn the_longest_chain_agrees_with_trying_all_chains() {
        fn deepest(graph: &Digraph, strong: &Components, component: u32) -> usize {
            let edges = graph.edges().map(|(a, b)| {
                (
                    strong.component_of[a as usize],
                    strong.component_of[b as usize],
                )
            });
            let below = edges
                .filter(|&(a, b)| a == component && b != component)
                .map(|(_, b)| b);
            below
                .map(|next| 1 + deepest(graph, strong, next))
                .max()
                .unwrap_or(0)
        }
        for graph in random_digraphs(500, 7) {
            let strong = strong_components(&graph);
            let chain = longest_chain(&graph, &strong);
            let expected = (0..strong.count() as u32)
                .map(|start| deepest(&graph, &strong, start))
                .max();
            assert_eq!(chain.len().checked_sub(1), expected);
        }
    }

    #[test]
    fn the_shop_has_one_cycle_and_depth_four() {
        let shop = testgraphs::shop();
        let strong = strong_components(&shop.graph);
        let chain = longest_chain(&shop.graph, &strong);
        let members = strong.members();
        let names: Vec<_> = chain
            .iter()
            .map(|&component| shop.names(&members[component as usize]))
            .collect();
        let expected: [&[&str]; 5] = [
            &["gateway"],
            &["checkout", "inventory"],
            &["cart"],
            &["auth"],
            &["user-db"],
        ];
        assert_eq!(names, expected);
        assert_eq!(members.iter().filter(|nodes| nodes.len() > 1).count(), 1);
        assert_eq!(connected_components(&shop.graph.undirected()).count(), 1);
    }

    #[test]
    fn a_deep_chain_does_not_exhaust_the_stack() {
        let n_nodes = 300_000;
        let chain = Digraph::new(n_nodes, (1..n_nodes as u32).map(|node| (node - 1, node)));
        let strong = strong_components(&chain);
        assert_eq!(longest_chain(&chain, &strong).len(), n_nodes);
    }

    #[test]
    fn the_empty_graph_has_no_components() {
        let empty = Digraph::new(0, []);
        assert_eq!(strong_components(&empty).count(), 0);
        assert!(longest_chain(&empty, &strong_components(&empty)).is_empty());
        assert_eq!(connected_components(&empty.undirected()).largest(), None);
        assert!(largest_component(&empty.undirected()).1.is_empty());
        let loops = Digraph::new(2, [(0, 0), (1, 1)]);
        assert_eq!(strong_components(&loops).sizes, [1, 1]);
    }
}
