//! The graphs that every algorithm here works on.
//!
//! A [`Digraph`] is dense and built once, in sorted order: nodes are the numbers `0..n_nodes`,
//! successors and predecessors are sorted slices, and nothing is ever removed, so that an index
//! stays an index. [`Undirected`] is its simple undirected projection.
//!
//! Parallel edges collapse into one. A self-loop is no edge here: it changes no path, no component
//! and no triangle, so a [`Digraph`] keeps the nodes that had one in a list of their own and
//! [`Undirected`] drops it. Names, weights and whatever else a caller knows about a node stay with
//! the caller, in vectors under the same index.

/// Sorted neighbour lists, one after another in one vector.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Adjacency {
    /// Where the list of each node begins; one entry more than nodes, the last is `ends.len()`.
    starts: Vec<usize>,
    ends: Vec<u32>,
}

impl Adjacency {
    /// Lays out `pairs`, which are sorted and free of duplicates.
    fn from_sorted(n_nodes: usize, pairs: &[(u32, u32)]) -> Adjacency {
        let starts = starts_of(n_nodes, pairs.iter().map(|&(from, _)| from));
        Adjacency {
            starts,
            ends: pairs.iter().map(|&(_, to)| to).collect(),
        }
    }

    /// Returns the lists of all edges turned round, by counting; stays sorted because sources are
    /// visited in order.
    fn reversed(&self) -> Adjacency {
        let n_nodes = self.n_nodes();
        let starts = starts_of(n_nodes, self.ends.iter().copied());
        let mut next = starts.clone();
        let mut ends = vec![0; self.ends.len()];
        for from in 0..n_nodes {
            for &to in self.of(from) {
                let slot = &mut next[to as usize];
                ends[*slot] = from as u32;
                *slot += 1;
            }
        }
        Adjacency { starts, ends }
    }

    fn n_nodes(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.ends[self.starts[node]..self.starts[node + 1]]
    }
}

fn starts_of(n_nodes: usize, keys: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut starts = vec![0; n_nodes + 1];
    for key in keys {
        starts[key as usize + 1] += 1;
    }
    for node in 0..n_nodes {
        starts[node + 1] += starts[node];
    }
    starts
}

/// A simple directed graph, with its self-loops kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digraph {
    successors: Adjacency,
    predecessors: Adjacency,
    /// Sorted, without duplicates.
    self_loops: Vec<u32>,
}

impl Digraph {
    /// Builds the graph of `n_nodes` nodes and the given `(from, to)` pairs, in any order and with
    /// any repetition.
    ///
    /// O(M log M). Panics if a pair names a node outside `0..n_nodes`, or if there are more than
    /// `u32::MAX` nodes: the caller numbers the nodes.
    pub fn new(n_nodes: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> Digraph {
        assert!(n_nodes <= u32::MAX as usize, "a node index has 32 bits");
        let mut edges = Vec::new();
        let mut self_loops = Vec::new();
        for (from, to) in pairs {
            assert!(
                (from.max(to) as usize) < n_nodes,
                "edge {from} -> {to} leaves the {n_nodes} nodes"
            );
            if from == to {
                self_loops.push(from);
            } else {
                edges.push((from, to));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        self_loops.sort_unstable();
        self_loops.dedup();
        let successors = Adjacency::from_sorted(n_nodes, &edges);
        let predecessors = successors.reversed();
        Digraph {
            successors,
            predecessors,
            self_loops,
        }
    }

    /// Returns the number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.successors.n_nodes()
    }

    /// Returns the number of distinct edges; self-loops are not counted.
    pub fn n_edges(&self) -> usize {
        self.successors.ends.len()
    }

    /// Returns the nodes that `node` points to, ascending.
    pub fn successors(&self, node: u32) -> &[u32] {
        self.successors.of(node as usize)
    }

    /// Returns the nodes that point to `node`, ascending.
    pub fn predecessors(&self, node: u32) -> &[u32] {
        self.predecessors.of(node as usize)
    }

    /// Returns the nodes that point to themselves, ascending.
    pub fn self_loops(&self) -> &[u32] {
        &self.self_loops
    }

    /// Tells whether there is an edge `from -> to`; a self-loop is none. O(log d).
    pub fn has_edge(&self, from: u32, to: u32) -> bool {
        self.successors(from).binary_search(&to).is_ok()
    }

    /// Returns all edges sorted by `(from, to)`; the position of an edge here is its edge index.
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..self.n_nodes() as u32)
            .flat_map(|from| self.successors(from).iter().map(move |&to| (from, to)))
    }

    /// Returns the graph with every edge turned round.
    pub fn reversed(&self) -> Digraph {
        Digraph {
            successors: self.predecessors.clone(),
            predecessors: self.successors.clone(),
            self_loops: self.self_loops.clone(),
        }
    }

    /// Returns the simple undirected projection: `a -> b` and `b -> a` become one edge. O(N + M).
    pub fn undirected(&self) -> Undirected {
        let n_nodes = self.n_nodes();
        let mut starts = Vec::with_capacity(n_nodes + 1);
        let mut ends = Vec::with_capacity(2 * self.n_edges());
        starts.push(0);
        for node in 0..n_nodes as u32 {
            merge_into(&mut ends, self.successors(node), self.predecessors(node));
            starts.push(ends.len());
        }
        Undirected {
            neighbours: Adjacency { starts, ends },
        }
    }
}

/// Appends the union of two sorted lists, sorted.
fn merge_into(out: &mut Vec<u32>, mut left: &[u32], mut right: &[u32]) {
    while let (Some((&a, left_rest)), Some((&b, right_rest))) =
        (left.split_first(), right.split_first())
    {
        out.push(a.min(b));
        if a <= b {
            left = left_rest;
        }
        if b <= a {
            right = right_rest;
        }
    }
    out.extend_from_slice(left);
    out.extend_from_slice(right);
}

/// A simple undirected graph: no self-loops, no parallel edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undirected {
    /// Symmetric: each edge stands in the lists of both its ends.
    neighbours: Adjacency,
}

impl Undirected {
    /// Builds the graph of `n_nodes` nodes and the given pairs; order and repetition do not matter,
    /// self-loops drop.
    ///
    /// O(M log M). Panics under the conditions of [`Digraph::new`].
    pub fn new(n_nodes: usize, pairs: impl IntoIterator<Item = (u32, u32)>) -> Undirected {
        Digraph::new(n_nodes, pairs).undirected()
    }

    /// Returns the number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.neighbours.n_nodes()
    }

    /// Returns the number of edges.
    pub fn n_edges(&self) -> usize {
        self.neighbours.ends.len() / 2
    }

    /// Returns the neighbours of `node`, ascending.
    pub fn neighbours(&self, node: u32) -> &[u32] {
        self.neighbours.of(node as usize)
    }

    /// Returns the number of neighbours of `node`.
    pub fn degree(&self, node: u32) -> usize {
        self.neighbours(node).len()
    }

    /// Returns the degrees of all nodes.
    pub fn degrees(&self) -> Vec<usize> {
        self.neighbours
            .starts
            .windows(2)
            .map(|window| window[1] - window[0])
            .collect()
    }

    /// Tells whether `a` and `b` are neighbours. O(log d).
    pub fn has_edge(&self, a: u32, b: u32) -> bool {
        self.neighbours(a).binary_search(&b).is_ok()
    }

    /// Returns every edge once, as `(smaller, larger)`, sorted.
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..self.n_nodes() as u32).flat_map(|a| {
            let neighbours = self.neighbours(a);
            let above = neighbours.partition_point(|&b| b < a);
            neighbours[above..].iter().map(move |&b| (a, b))
        })
    }

    /// Returns the share of possible edges that exist; none for fewer than two nodes.
    pub fn density(&self) -> Option<f64> {
        let n = self.n_nodes() as f64;
        (self.n_nodes() > 1).then(|| 2.0 * self.n_edges() as f64 / (n * (n - 1.0)))
    }

    /// Returns the subgraph of `nodes`, which are ascending and distinct; node `i` of the result is
    /// `nodes[i]`. O(N + M).
    pub fn induced(&self, nodes: &[u32]) -> Undirected {
        const ABSENT: u32 = u32::MAX;
        let mut new_index = vec![ABSENT; self.n_nodes()];
        for (index, &node) in nodes.iter().enumerate() {
            new_index[node as usize] = index as u32;
        }
        let mut starts = Vec::with_capacity(nodes.len() + 1);
        let mut ends = Vec::new();
        starts.push(0);
        for &node in nodes {
            let kept = self
                .neighbours(node)
                .iter()
                .map(|&other| new_index[other as usize]);
            ends.extend(kept.filter(|&other| other != ABSENT));
            starts.push(ends.len());
        }
        Undirected {
            neighbours: Adjacency { starts, ends },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_edges_collapse_and_self_loops_stand_apart() {
        let graph = Digraph::new(4, [(2, 1), (0, 1), (2, 1), (1, 0), (3, 3), (3, 3)]);
        assert_eq!(graph.edges().collect::<Vec<_>>(), [(0, 1), (1, 0), (2, 1)]);
        assert_eq!(graph.predecessors(1), [0, 2]);
        assert_eq!(graph.self_loops(), [3]);
        assert!(graph.has_edge(2, 1) && !graph.has_edge(1, 2) && !graph.has_edge(3, 3));
        assert_eq!(
            graph.undirected().edges().collect::<Vec<_>>(),
            [(0, 1), (1, 2)]
        );
        assert_eq!(
            graph.reversed().edges().collect::<Vec<_>>(),
            [(0, 1), (1, 0), (1, 2)]
        );
    }

    #[test]
    fn the_empty_graph_is_a_graph() {
        let graph = Digraph::new(0, []);
        assert_eq!((graph.n_nodes(), graph.n_edges()), (0, 0));
        assert_eq!(graph.undirected().density(), None);
        assert_eq!(Undirected::new(2, []).density(), Some(0.0));
    }

    #[test]
    fn an_induced_subgraph_renumbers_in_order() {
        let ring = Undirected::new(5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
        let part = ring.induced(&[0, 1, 3, 4]);
        assert_eq!(part.edges().collect::<Vec<_>>(), [(0, 1), (0, 3), (2, 3)]);
        assert_eq!(part.degrees(), [2, 1, 1, 2]);
    }

    #[test]
    #[should_panic(expected = "edge 0 -> 2 leaves the 2 nodes")]
    fn an_edge_outside_the_nodes_is_refused() {
        Digraph::new(2, [(0, 2)]);
    }
}
