//! How failures spread along edges that pass them on by chance.
//!
//! An edge leads from who fails to who may fail because of it, with the chance that it does. The most probable way is a shortest
//! path in lengths of `-ln chance` (Dijkstra); of ways with equal chances the one with the fewest hops counts, then the one
//! through the smaller numbers. How many fail is told by the independent cascade model (Kempe, Kleinberg and Tardos, KDD
//! 2003): every failed node tries each of its edges once.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::algo::random::Random;

/// Edges with chances, by the node they leave.
#[derive(Clone, Debug, Default)]
pub struct Contagion {
    edges: Vec<Vec<(u32, f64)>>,
}

/// How far a node is away.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Distance {
    length: f64,
    hops: u32,
    node: u32,
}

impl Eq for Distance {}

impl Ord for Distance {
    fn cmp(&self, other: &Distance) -> Ordering {
        self.length
            .total_cmp(&other.length)
            .then((self.hops, self.node).cmp(&(other.hops, other.node)))
    }
}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Distance) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Contagion {
    /// Returns edges between so many nodes; chances that are not above zero make no edge, larger than one count as one.
    pub fn new(n_nodes: usize, edges: impl IntoIterator<Item = (u32, u32, f64)>) -> Contagion {
        let mut lists = vec![Vec::new(); n_nodes];
        for (from, to, chance) in edges {
            if chance > 0.0 {
                lists[from as usize].push((to, chance.min(1.0)));
            }
        }
        for list in &mut lists {
            list.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        }
        Contagion { edges: lists }
    }

    /// Returns, for every node, the one before it on the most probable way from a start; none for the start and for those
    /// it cannot reach. O(edges log nodes).
    pub fn ways(&self, start: u32) -> Vec<Option<u32>> {
        let n = self.edges.len();
        let mut before = vec![None; n];
        let mut best: Vec<Option<(f64, u32)>> = vec![None; n];
        let mut is_done = vec![false; n];
        best[start as usize] = Some((0.0, 0));
        let mut queue = BinaryHeap::from([Reverse(Distance {
            length: 0.0,
            hops: 0,
            node: start,
        })]);
        while let Some(Reverse(at)) = queue.pop() {
            if std::mem::replace(&mut is_done[at.node as usize], true) {
                continue;
            }
            for &(node, chance) in &self.edges[at.node as usize] {
                let next = Distance {
                    length: at.length - chance.ln(),
                    hops: at.hops + 1,
                    node,
                };
                let is_better = best[node as usize]
                    .is_none_or(|(length, hops)| (next.length, next.hops) < (length, hops));
                if is_better && !is_done[node as usize] {
                    best[node as usize] = Some((next.length, next.hops));
                    before[node as usize] = Some(at.node);
                    queue.push(Reverse(next));
                }
            }
        }
        before
    }

    /// Returns the mean number of others that fail when a node does, over so many seeded runs. Where every edge that counts
    /// has chance one, one run tells. O(runs x edges reached).
    pub fn expected_size(&self, start: u32, runs: u32, seed: u64) -> f64 {
        let mut is_random = false;
        let mut failed = vec![0u32; self.edges.len()];
        let mut queue = Vec::new();
        let mut others = 0u64;
        for run in 1..=runs {
            let mut random = Random::new(seed, u64::from(run));
            failed[start as usize] = run;
            queue.push(start);
            while let Some(at) = queue.pop() {
                for &(node, chance) in &self.edges[at as usize] {
                    let seen = &mut failed[node as usize];
                    if *seen == run {
                        continue;
                    }
                    is_random |= chance < 1.0;
                    if chance >= 1.0 || random.unit() < chance {
                        *seen = run;
                        others += 1;
                        queue.push(node);
                    }
                }
            }
            if !is_random {
                return others as f64;
            }
        }
        others as f64 / f64::from(runs.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::assert_close;

    fn way(before: &[Option<u32>], mut to: u32) -> Vec<u32> {
        let mut way = vec![to];
        while let Some(node) = before[to as usize] {
            way.insert(0, node);
            to = node;
        }
        way
    }

    fn random_edges(random: &mut Random, n: u32) -> Vec<(u32, u32, f64)> {
        let mut edges = Vec::new();
        for from in 0..n {
            for to in 0..n {
                if from != to && random.below(2) == 0 {
                    edges.push((from, to, [0.0, 0.25, 0.5, 1.0][random.below(4)]));
                }
            }
        }
        edges
    }

    /// Chance of the best simple path, by trying all.
    fn best(edges: &[(u32, u32, f64)], at: u32, to: u32, seen: &mut Vec<u32>) -> f64 {
        if at == to {
            return 1.0;
        }
        seen.push(at);
        let mut most = 0.0f64;
        for &(from, next, chance) in edges {
            if from == at && !seen.contains(&next) {
                most = most.max(chance * best(edges, next, to, seen));
            }
        }
        seen.pop();
        most
    }

    /// Mean number of others that fail, by trying every outcome of every edge.
    fn exact_size(n: u32, edges: &[(u32, u32, f64)]) -> f64 {
        let mut mean = 0.0;
        for outcome in 0..1u32 << edges.len() {
            let is_open = |at: usize| outcome >> at & 1 == 1;
            let chance: f64 = edges
                .iter()
                .enumerate()
                .map(|(at, (_, _, chance))| if is_open(at) { *chance } else { 1.0 - chance })
                .product();
            let mut failed = vec![false; n as usize];
            failed[0] = true;
            for _ in 0..n {
                for (at, &(from, to, _)) in edges.iter().enumerate() {
                    failed[to as usize] |= is_open(at) && failed[from as usize];
                }
            }
            mean += chance * (failed.iter().filter(|failed| **failed).count() as f64 - 1.0);
        }
        mean
    }

    #[test]
    fn the_most_probable_way_beats_the_shortest() {
        let spread = Contagion::new(4, [(0, 3, 0.1), (0, 1, 0.9), (1, 2, 0.9), (2, 3, 0.9)]);
        assert_eq!(way(&spread.ways(0), 3), [0, 1, 2, 3]);
        // Of equal chances the fewest hops count.
        let sure = Contagion::new(3, [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0)]);
        assert_eq!(way(&sure.ways(0), 2), [0, 2]);
        assert_eq!(Contagion::new(2, [(0, 1, 0.0)]).ways(0), [None, None]);
    }

    #[test]
    fn ways_agree_with_trying_all() {
        for replicate in 0..1_000 {
            let mut random = Random::new(3, replicate);
            let n = 2 + random.below(4) as u32;
            let edges = random_edges(&mut random, n);
            let before = Contagion::new(n as usize, edges.iter().copied()).ways(0);
            for to in 1..n {
                let expected = best(&edges, 0, to, &mut Vec::new());
                let found = way(&before, to);
                let chance: f64 = found
                    .windows(2)
                    .map(|hop| {
                        let edge = edges
                            .iter()
                            .find(|edge| (edge.0, edge.1) == (hop[0], hop[1]));
                        edge.unwrap().2
                    })
                    .product();
                let reached = if found[0] == 0 { chance } else { 0.0 };
                assert_close(reached, expected, 1e-12);
            }
        }
    }

    #[test]
    fn sizes_agree_with_every_outcome() {
        for replicate in 0..40 {
            let mut random = Random::new(5, replicate);
            let n = 2 + random.below(3) as u32;
            let mut edges = random_edges(&mut random, n);
            edges.truncate(8);
            let spread = Contagion::new(n as usize, edges.iter().copied());
            let found = spread.expected_size(0, 10_000, 1);
            // The mean of 10,000 runs with at most 3 others lies within five standard errors.
            assert_close(found, exact_size(n, &edges), 0.075);
        }
    }

    #[test]
    fn certain_edges_need_one_run() {
        let sure = Contagion::new(4, [(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0)]);
        assert_eq!(sure.expected_size(0, 1, 1), 2.0);
        assert_eq!(sure.expected_size(3, 10_000, 1), 0.0);
    }
}
