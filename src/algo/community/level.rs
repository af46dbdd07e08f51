//! One level of the Leiden method: moving nodes, splitting groups, contracting them.

use std::collections::VecDeque;

use crate::algo::graph::Undirected;
use crate::algo::random::Random;

/// A weighted graph whose nodes stand for connected groups of nodes.
pub(super) struct Level {
    /// The neighbours of each node, other than itself, with the number of edges between.
    ties: Vec<Vec<(u32, f64)>>,
    /// The sum of the degrees of what each node stands for.
    degree: Vec<f64>,
    /// Twice the number of edges of the whole graph.
    ends: f64,
}

impl Level {
    pub(super) fn of_graph(graph: &Undirected) -> Level {
        let ties_of = |node| {
            graph
                .neighbours(node)
                .iter()
                .map(|&other| (other, 1.0))
                .collect()
        };
        Level {
            ties: (0..graph.n_nodes() as u32).map(ties_of).collect(),
            degree: graph
                .degrees()
                .iter()
                .map(|&degree| degree as f64)
                .collect(),
            ends: 2.0 * graph.n_edges() as f64,
        }
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.ties.len()
    }

    /// Returns half of what Q M gains when a node of the given degree joins a group of others to
    /// whose members it has `edges`.
    fn gain(&self, edges: f64, degree: f64, group_degree: f64) -> f64 {
        edges - degree * group_degree / self.ends
    }

    /// Moves single nodes to better groups, or to one of their own, until no move gains.
    pub(super) fn move_nodes(&self, group_of: &mut [u32], random: &mut Random) {
        let n_nodes = self.n_nodes();
        let mut group_degree = vec![0.0; n_nodes];
        let mut group_size = vec![0usize; n_nodes];
        for (node, &group) in group_of.iter().enumerate() {
            group_degree[group as usize] += self.degree[node];
            group_size[group as usize] += 1;
        }
        let mut empty: Vec<u32> = (0..n_nodes as u32)
            .filter(|&group| group_size[group as usize] == 0)
            .collect();
        let mut order: Vec<u32> = (0..n_nodes as u32).collect();
        random.shuffle(&mut order);
        let mut queue = VecDeque::from(order);
        let mut queued = vec![true; n_nodes];
        let mut edges_to = EdgeSums::new(n_nodes);
        while let Some(node) = queue.pop_front() {
            let index = node as usize;
            queued[index] = false;
            let old = group_of[index];
            let degree = self.degree[index];
            group_degree[old as usize] -= degree;
            group_size[old as usize] -= 1;
            edges_to.gather(&self.ties[index], group_of);
            let mut best = (
                self.gain(
                    edges_to.sum[old as usize],
                    degree,
                    group_degree[old as usize],
                ),
                old,
            );
            for &group in &edges_to.groups {
                let gain = self.gain(
                    edges_to.sum[group as usize],
                    degree,
                    group_degree[group as usize],
                );
                if gain > best.0 + SMALLEST_GAIN {
                    best = (gain, group);
                }
            }
            if best.0 < -SMALLEST_GAIN
                && let Some(alone) = empty.pop()
            {
                best = (0.0, alone);
            }
            edges_to.clear();
            let new = best.1;
            group_of[index] = new;
            group_degree[new as usize] += degree;
            group_size[new as usize] += 1;
            if new == old {
                continue;
            }
            if group_size[old as usize] == 0 {
                empty.push(old);
            }
            for &(other, _) in &self.ties[index] {
                if group_of[other as usize] != new && !queued[other as usize] {
                    queued[other as usize] = true;
                    queue.push_back(other);
                }
            }
        }
    }

    /// Returns a partition within `groups`: every node starts alone, and joins, once, a subgroup of
    /// its group that is well tied to the rest of the group and whose gain is not negative.
    pub(super) fn refine(&self, groups: &[u32], random: &mut Random) -> Vec<u32> {
        /// How random the merging is; the value of the paper, in units of Q.
        const THETA: f64 = 0.01;
        let n_nodes = self.n_nodes();
        let mut group_degree = vec![0.0; n_nodes];
        for (node, &group) in groups.iter().enumerate() {
            group_degree[group as usize] += self.degree[node];
        }
        let inside = |node: usize| {
            let own = self.ties[node]
                .iter()
                .filter(|&&(other, _)| groups[other as usize] == groups[node]);
            own.map(|&(_, edges)| edges).sum::<f64>()
        };
        // Of each subgroup: its degrees, and its edges to the rest of its group.
        let mut subgroup_of: Vec<u32> = (0..n_nodes as u32).collect();
        let mut sub_degree = self.degree.clone();
        let mut sub_edges: Vec<f64> = (0..n_nodes).map(inside).collect();
        let mut alone = vec![true; n_nodes];
        let well_tied = |edges: f64, degree: f64, group: u32| {
            edges >= degree * (group_degree[group as usize] - degree) / self.ends - SMALLEST_GAIN
        };
        let mut edges_to = EdgeSums::new(n_nodes);
        let mut order: Vec<u32> = (0..n_nodes as u32).collect();
        random.shuffle(&mut order);
        for node in order {
            let index = node as usize;
            let group = groups[index];
            if !alone[index] || !well_tied(sub_edges[index], self.degree[index], group) {
                continue;
            }
            let own = self.ties[index]
                .iter()
                .filter(|&&(other, _)| groups[other as usize] == group);
            edges_to.gather(own, &subgroup_of);
            let mut choices = vec![(node, 0.0)];
            for &subgroup in &edges_to.groups {
                let (edges, degree) = (sub_edges[subgroup as usize], sub_degree[subgroup as usize]);
                let gain = self.gain(edges_to.sum[subgroup as usize], self.degree[index], degree);
                if gain >= 0.0 && well_tied(edges, degree, group) {
                    choices.push((subgroup, gain));
                }
            }
            // Gains are in edges; Q counts them relative to M.
            let most = choices.iter().map(|choice| choice.1).fold(0.0, f64::max);
            let weight = |gain: f64| ((gain - most) * 2.0 / self.ends / THETA).exp();
            let mut target =
                random.unit() * choices.iter().map(|choice| weight(choice.1)).sum::<f64>();
            let chosen = choices.iter().find(|choice| {
                target -= weight(choice.1);
                target < 0.0
            });
            let subgroup = chosen.map_or(node, |choice| choice.0);
            if subgroup != node {
                let between = edges_to.sum[subgroup as usize];
                subgroup_of[index] = subgroup;
                alone[index] = false;
                alone[subgroup as usize] = false;
                sub_degree[subgroup as usize] += self.degree[index];
                sub_edges[subgroup as usize] += sub_edges[index] - 2.0 * between;
            }
            edges_to.clear();
        }
        subgroup_of
    }

    /// Returns the graph whose nodes are the given groups of this one.
    pub(super) fn contracted(&self, group_of: &[u32], n_groups: usize) -> Level {
        let mut members = vec![Vec::new(); n_groups];
        for (node, &group) in group_of.iter().enumerate() {
            members[group as usize].push(node);
        }
        let mut edges_to = EdgeSums::new(n_groups);
        let mut ties = Vec::with_capacity(n_groups);
        let mut degree = Vec::with_capacity(n_groups);
        for (group, nodes) in members.iter().enumerate() {
            for &node in nodes {
                edges_to.gather(&self.ties[node], group_of);
            }
            let others = edges_to
                .groups
                .iter()
                .filter(|&&other| other as usize != group);
            ties.push(
                others
                    .map(|&other| (other, edges_to.sum[other as usize]))
                    .collect(),
            );
            degree.push(nodes.iter().map(|&node| self.degree[node]).sum());
            edges_to.clear();
        }
        Level {
            ties,
            degree,
            ends: self.ends,
        }
    }
}

/// Differences below this are rounding; true ones are at least 1/(2M) of an edge.
const SMALLEST_GAIN: f64 = 1e-10;

/// Edges added up by the group they lead to.
struct EdgeSums {
    /// The groups with edges, in the order they were met.
    groups: Vec<u32>,
    /// Zero for all other groups.
    sum: Vec<f64>,
}

impl EdgeSums {
    fn new(n_groups: usize) -> EdgeSums {
        EdgeSums {
            groups: Vec::new(),
            sum: vec![0.0; n_groups],
        }
    }

    fn gather<'a>(&mut self, ties: impl IntoIterator<Item = &'a (u32, f64)>, group_of: &[u32]) {
        for &(other, edges) in ties {
            let group = group_of[other as usize];
            if self.sum[group as usize] == 0.0 {
                self.groups.push(group);
            }
            self.sum[group as usize] += edges;
        }
    }

    fn clear(&mut self) {
        for group in self.groups.drain(..) {
            self.sum[group as usize] = 0.0;
        }
    }
}
