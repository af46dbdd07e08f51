//! Communities: groups with more edges inside than chance would put there.
//!
//! *Modularity* of a partition is Q = sum over groups of (inside/M - (degrees/2M)^2), with the
//! edges inside a group and the degrees of its nodes; resolution one. Method: Leiden (Traag,
//! Waltman and van Eck, Sci. Rep. 9, 5233, 2019). Nodes move to the group that gains most until
//! none gains (`move_nodes`); within each group, singletons merge anew into connected subgroups, at
//! random in proportion to exp(gain/theta) (`refine`); the subgroups become the nodes of a smaller
//! graph (`Level::contracted`), and all repeats until no group can be split or joined. Every group
//! is connected, which Louvain does not promise.
//!
//! Q is high in sparse random graphs too: compare with a rewired null before believing it. O(M) per
//! round and restart, a handful of rounds. Restarts run in parallel, each from its own seed; the
//! best Q wins, the earliest among equals. Nodes without edges stay alone. A graph without edges
//! has no Q.

mod level;

use rayon::prelude::*;

use crate::algo::community::level::Level;
use crate::algo::graph::Undirected;
use crate::algo::random::Random;

/// A partition into groups, numbered by their lowest node.
#[derive(Clone, Debug, PartialEq)]
pub struct Communities {
    /// The group of each node.
    pub group_of: Vec<u32>,
    /// The number of groups.
    pub n_groups: usize,
    /// The modularity; none without edges.
    pub modularity: Option<f64>,
}

/// Returns the best partition that Leiden finds in `restarts` seeded runs, at least one.
pub fn leiden(graph: &Undirected, restarts: u32, seed: u64) -> Communities {
    let run = |restart: u32| {
        let group_of = leiden_once(graph, &mut Random::new(seed, u64::from(restart)));
        let modularity = modularity(graph, &group_of);
        (modularity, restart, group_of)
    };
    let best = (0..restarts.max(1))
        .into_par_iter()
        .map(run)
        .reduce_with(|left, right| {
            let order = left
                .0
                .unwrap_or(0.0)
                .total_cmp(&right.0.unwrap_or(0.0))
                .then(right.1.cmp(&left.1));
            if order.is_lt() { right } else { left }
        });
    let (modularity, _, groups) = best.expect("there is at least one run");
    let (group_of, n_groups) = renumbered(&groups);
    Communities {
        group_of,
        n_groups,
        modularity,
    }
}

/// Returns the modularity of a partition of `graph`; none without edges. O(N + M).
pub fn modularity(graph: &Undirected, group_of: &[u32]) -> Option<f64> {
    let n_groups = group_of.iter().max().map_or(0, |&group| group as usize + 1);
    let mut degrees = vec![0.0; n_groups];
    for node in 0..graph.n_nodes() as u32 {
        degrees[group_of[node as usize] as usize] += graph.degree(node) as f64;
    }
    let m = graph.n_edges() as f64;
    let inside = graph
        .edges()
        .filter(|&(a, b)| group_of[a as usize] == group_of[b as usize])
        .count() as f64;
    let by_chance: f64 = degrees.iter().map(|sum| (sum / (2.0 * m)).powi(2)).sum();
    (graph.n_edges() > 0).then(|| inside / m - by_chance)
}

/// Numbers the groups by first appearance.
fn renumbered(group_of: &[u32]) -> (Vec<u32>, usize) {
    const NEW: u32 = u32::MAX;
    let mut number = vec![NEW; group_of.iter().max().map_or(0, |&group| group as usize + 1)];
    let mut n_groups = 0;
    let renumber = |&group: &u32| {
        let number = &mut number[group as usize];
        if *number == NEW {
            *number = n_groups;
            n_groups += 1;
        }
        *number
    };
    let renumbered = group_of.iter().map(renumber).collect();
    (renumbered, n_groups as usize)
}

fn leiden_once(graph: &Undirected, random: &mut Random) -> Vec<u32> {
    let mut level = Level::of_graph(graph);
    // The node of the current level that each node of the graph is part of.
    let mut part_of: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    let mut group_of = part_of.clone();
    loop {
        level.move_nodes(&mut group_of, random);
        let (groups, n_groups) = renumbered(&group_of);
        let (subgroups, n_subgroups) = renumbered(&level.refine(&groups, random));
        if n_groups == level.n_nodes() || n_subgroups == level.n_nodes() {
            return part_of.iter().map(|&part| groups[part as usize]).collect();
        }
        for part in &mut part_of {
            *part = subgroups[*part as usize];
        }
        group_of = vec![0; n_subgroups];
        for (&subgroup, &group) in subgroups.iter().zip(&groups) {
            group_of[subgroup as usize] = group;
        }
        level = level.contracted(&subgroups, n_subgroups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::components::connected_components;
    use crate::algo::testgraphs::{self, assert_close, random_digraphs};

    fn best_by_trying_all(graph: &Undirected) -> Option<f64> {
        fn extend(graph: &Undirected, groups: &mut Vec<u32>, best: &mut Option<f64>) {
            if groups.len() == graph.n_nodes() {
                let found = modularity(graph, groups);
                if found > *best {
                    *best = found;
                }
                return;
            }
            let n_groups = groups.iter().max().map_or(0, |&group| group + 1);
            for group in 0..=n_groups {
                groups.push(group);
                extend(graph, groups, best);
                groups.pop();
            }
        }
        let mut best = None;
        extend(graph, &mut Vec::new(), &mut best);
        best
    }

    #[test]
    fn small_graphs_reach_the_best_of_all_partitions() {
        for graph in random_digraphs(150, 7).map(|graph| graph.undirected()) {
            let found = leiden(&graph, 10, 1);
            match (found.modularity, best_by_trying_all(&graph)) {
                (Some(found), Some(best)) => assert_close(found, best, 1e-9),
                (found, best) => assert_eq!(found, best),
            }
        }
    }

    #[test]
    fn published_optima_are_reached() {
        let check = |graph: Undirected, expected: f64| {
            let found = leiden(&graph, 10, 1);
            assert_close(found.modularity.expect("edges"), expected, 1e-6);
            found
        };
        assert_eq!(check(testgraphs::karate(), 0.419_790).n_groups, 4);
        check(testgraphs::florentine(), 0.398_750);
        check(testgraphs::davis(), 0.336_006);
        check(testgraphs::kite(), 0.222_222);
        check(testgraphs::barbell(5, 2), 0.488_658);
        let novel_characters = leiden(&testgraphs::les_miserables(), 30, 1)
            .modularity
            .expect("edges");
        assert_close(novel_characters, 0.560_008, 1e-6);
    }

    #[test]
    fn groups_are_connected_and_repeatable() {
        for graph in random_digraphs(200, 40).map(|graph| graph.undirected()) {
            let found = leiden(&graph, 2, 7);
            assert_eq!(found, leiden(&graph, 2, 7));
            for group in 0..found.n_groups as u32 {
                let nodes = 0..graph.n_nodes() as u32;
                let members: Vec<u32> = nodes
                    .filter(|&node| found.group_of[node as usize] == group)
                    .collect();
                assert_eq!(connected_components(&graph.induced(&members)).count(), 1);
            }
        }
    }

    #[test]
    fn the_two_clubs_have_their_published_modularity() {
        let officer = [
            9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
        ];
        let clubs: Vec<u32> = (0..34)
            .map(|node| u32::from(officer.contains(&node)))
            .collect();
        assert_close(
            modularity(&testgraphs::karate(), &clubs).expect("edges"),
            0.358_235,
            1e-6,
        );
    }

    #[test]
    fn nothing_has_no_communities() {
        let found = leiden(&Undirected::new(0, []), 0, 1);
        assert_eq!((found.n_groups, found.modularity), (0, None));
        assert_eq!(leiden(&Undirected::new(3, []), 1, 1).group_of, [0, 1, 2]);
    }
}
