//! Which services fail together, of those that calls do not relate.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::graph::Digraph;
use crate::algo::stats::{TwoByTwo, benjamini_hochberg};
use crate::fold::catalogue::NodeKind;
use crate::pass::Graph;
use crate::pass::trace::common_cause::series::Series;
use crate::pass::trace::common_cause::{COMPARED, FALSE_ALARMS, TOGETHER};
use crate::pass::trace::p_greater;

/// Which nodes a service needs, directly or not, for those with unusual bins.
pub(super) struct Related(BTreeMap<u32, BTreeSet<u32>>);

impl Related {
    /// Returns what services with unusual bins need.
    pub(super) fn of(graph: &Graph<'_>, series: &BTreeMap<u32, Series>) -> Related {
        let unusual = |node: &u32| {
            series
                .get(node)
                .is_some_and(|series| !series.unusual.is_empty())
        };
        let mut services: Vec<u32> = series.keys().copied().filter(unusual).collect();
        services.retain(|node| graph.vertex(*node).kind == NodeKind::Service);
        services.sort_by_key(|node| (std::cmp::Reverse(series[node].unusual.len()), *node));
        services.truncate(COMPARED);
        let below = |node: u32| {
            let reached = reachable(&graph.sync, node).into_iter();
            reached.filter(unusual).collect()
        };
        Related(
            services
                .into_iter()
                .map(|node| (node, below(node)))
                .collect(),
        )
    }

    /// Returns the services that are compared.
    pub(super) fn services(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.keys().copied()
    }

    /// Returns whether calls may explain that two services fail together.
    pub(super) fn are(&self, one: u32, other: u32) -> bool {
        match (self.0.get(&one), self.0.get(&other)) {
            (Some(a), Some(b)) => a.contains(&other) || b.contains(&one) || !a.is_disjoint(b),
            _ => true,
        }
    }
}

/// Returns the nodes that a node calls, directly or not.
fn reachable(graph: &Digraph, from: u32) -> BTreeSet<u32> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for &next in graph.successors(node) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// Two services, and how often they fail together.
pub(super) struct Together {
    pub(super) nodes: (u32, u32),
    /// The bins in which both fail, and the spells that have such a bin.
    pub(super) bins: BTreeSet<u64>,
    pub(super) spells: u64,
    pub(super) phi: f64,
    pub(super) p: f64,
}

impl Together {
    /// Compares two services over the bins in which both were asked for something; nothing if one of them never failed in
    /// any, or always did.
    fn of(series: &BTreeMap<u32, Series>, nodes: (u32, u32)) -> Option<Together> {
        let (one, other) = (&series[&nodes.0], &series[&nodes.1]);
        let known = one.bins.keys().filter(|bin| other.bins.contains_key(bin));
        let facts: Vec<(u64, [bool; 2])> = known
            .map(|bin| (*bin, [one, other].map(|of| of.unusual.contains(bin))))
            .collect();
        let both = |(_, fails): &&(u64, [bool; 2])| *fails == [true; 2];
        let count = |fails: [bool; 2]| facts.iter().filter(|fact| fact.1 == fails).count() as u64;
        let by_bin = TwoByTwo {
            both: count([true, true]),
            first_only: count([true, false]),
            second_only: count([false, true]),
            neither: count([false, false]),
        };
        let phi = by_bin.phi()?;
        let is_bad = |fact: &(u64, [bool; 2])| fact.1 != [false; 2];
        let is_one_run =
            |a: &(u64, [bool; 2]), b: &(u64, [bool; 2])| is_bad(a) == is_bad(b) && b.0 - a.0 == 1;
        let mut by_spell = TwoByTwo::default();
        let mut n_spells = 0;
        for spell in facts.chunk_by(is_one_run).filter(|run| is_bad(&run[0])) {
            n_spells += 1;
            if spell.iter().any(|fact| both(&fact)) {
                by_spell.both += 1;
            } else {
                by_spell.first_only += u64::from(spell.iter().any(|fact| fact.1[0]));
                by_spell.second_only += u64::from(spell.iter().any(|fact| fact.1[1]));
            }
        }
        let n_bad = facts.len() as u64 - by_bin.neither;
        by_spell.neither = by_bin.neither * n_spells / n_bad.max(1);
        Some(Together {
            nodes,
            bins: facts.iter().filter(both).map(|fact| fact.0).collect(),
            spells: by_spell.both,
            phi,
            p: p_greater(by_spell),
        })
    }
}

/// Returns the pairs that fail together, by name.
pub(super) fn pairs(
    graph: &Graph<'_>,
    series: &BTreeMap<u32, Series>,
    related: &Related,
) -> Vec<Together> {
    let services: Vec<u32> = related.services().collect();
    let mut pairs: Vec<Together> = Vec::new();
    for (at, &one) in services.iter().enumerate() {
        let others = services[at + 1..].iter();
        let unrelated = others.filter(|&&other| !related.are(one, other));
        pairs.extend(unrelated.filter_map(|&other| Together::of(series, (one, other))));
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    let adjusted = benjamini_hochberg(&p);
    let mut told: Vec<Together> = pairs
        .into_iter()
        .zip(adjusted)
        .map(|(pair, p)| Together { p, ..pair })
        .filter(|pair| {
            let (one, other) = (&series[&pair.nodes.0], &series[&pair.nodes.1]);
            pair.spells >= TOGETHER
                && pair.p <= FALSE_ALARMS
                && !(one.is_busy(&pair.bins) && other.is_busy(&pair.bins))
        })
        .collect();
    told.sort_by_key(|pair| (graph.name(pair.nodes.0), graph.name(pair.nodes.1)));
    told
}
