//! Sets of nodes that only ever grow together.
//!
//! Union by size with halved paths (Tarjan and van Leeuwen, J. ACM 31(2), 1984): amortised
//! O(alpha(N)) for each operation.

/// A partition of the nodes, at first into single nodes.
#[derive(Clone, Debug)]
pub struct UnionFind {
    /// The node above each node; roots point to themselves.
    parent: Vec<u32>,
    /// The size of the set, at its root.
    size: Vec<u32>,
    /// How many sets there are.
    n_sets: usize,
}

impl UnionFind {
    /// Returns every node alone.
    pub fn new(n_nodes: usize) -> UnionFind {
        UnionFind {
            parent: (0..n_nodes as u32).collect(),
            size: vec![1; n_nodes],
            n_sets: n_nodes,
        }
    }

    /// Joins the sets of two nodes, which may be one already, and returns the size of the result.
    pub fn join(&mut self, a: u32, b: u32) -> usize {
        let (root_a, root_b) = (self.root(a), self.root(b));
        let a_is_larger = self.size[root_a as usize] >= self.size[root_b as usize];
        let (above, below) = if a_is_larger {
            (root_a, root_b)
        } else {
            (root_b, root_a)
        };
        if above != below {
            self.parent[below as usize] = above;
            self.size[above as usize] += self.size[below as usize];
            self.n_sets -= 1;
        }
        self.size[above as usize] as usize
    }

    /// Returns the number of sets.
    pub fn n_sets(&self) -> usize {
        self.n_sets
    }

    /// Climbs to the root, and lets every second node on the way point two steps higher.
    fn root(&mut self, node: u32) -> u32 {
        let mut node = node as usize;
        while self.parent[node] as usize != node {
            let above = self.parent[node] as usize;
            self.parent[node] = self.parent[above];
            node = self.parent[node] as usize;
        }
        node as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_grow_to_the_size_of_both() {
        let mut sets = UnionFind::new(5);
        assert_eq!(
            (sets.join(0, 1), sets.join(2, 3), sets.join(1, 0)),
            (2, 2, 2)
        );
        assert_eq!(
            (sets.join(3, 0), sets.join(4, 4), sets.join(1, 2)),
            (4, 1, 4)
        );
    }
}
