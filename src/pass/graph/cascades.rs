//! The ways on which failures rise to the entry points, and how many services they take along.
//!
//! Failures climb synchronous edges from callee to caller, each with its transmissibility. Where nothing failed the chance is
//! anything from 0 to 1: the way is the most probable one at the upper bounds, and its chance is given at both bounds. In large
//! graphs the ways of the services with which most falls are followed alone.

use crate::algo::contagion::Contagion;
use crate::finding::{CascadeSize, Way};
use crate::pass::graph::SEED;
use crate::pass::{Effort, Graph, Measured, Pass};

/// Finds on which ways failures rise.
pub static CASCADES: Pass = Pass {
    name: "cascades",
    about: "on which ways failures rise to the entry points, and how many services they take along",
    explain: "cascades",
    watch: None,
    measure,
};

/// Runs of the simulation.
const RUNS: u32 = 10_000;

/// Services from which ways are followed: those with which most falls.
const FOLLOWED: usize = 300;

/// Services whose cascades are simulated, those with the largest blast radius first.
const SIMULATED: usize = 20;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    if effort == Effort::Quick || graph.sync.n_edges() == 0 {
        return;
    }
    let n = graph.n_nodes();
    let ties = graph.dependence.ties();
    let spread = |bound: fn((f64, f64)) -> f64| {
        let edges = ties
            .iter()
            .map(|tie| (tie.to, tie.from, bound(tie.bounds())));
        Contagion::new(n, edges)
    };
    let (low, high) = (spread(|of| of.0), spread(|of| of.1));
    let radius = |node: u32| {
        let of = measured.standings[node as usize].blast_radius.as_deref();
        of.map_or((0.0, 0.0, 0.0), |of| (of.hard_low, of.hard_high, of.touch))
    };
    let mut order: Vec<u32> = (0..n as u32)
        .filter(|&node| !graph.sync.predecessors(node).is_empty())
        .collect();
    order.sort_by(|&a, &b| {
        let (x, y) = (radius(a), radius(b));
        (y.0.total_cmp(&x.0))
            .then(y.1.total_cmp(&x.1))
            .then(y.2.total_cmp(&x.2))
    });
    let entries = graph.entries();
    let mut ways = Vec::new();
    for &node in order.iter().take(FOLLOWED) {
        let before = high.ways(node);
        for &entry in entries.iter().filter(|entry| **entry != node) {
            let mut way = vec![entry];
            while let Some(last) = way.last().and_then(|&at| before[at as usize]) {
                way.push(last);
            }
            way.reverse();
            if way.len() < 2 {
                continue;
            }
            let chance = |bound: fn((f64, f64)) -> f64| -> f64 {
                let hops = way.windows(2);
                let ties = hops.filter_map(|hop| graph.dependence.tie(hop[1], hop[0]));
                ties.map(|tie| bound(tie.bounds())).product()
            };
            ways.push(Way {
                chance: (chance(|of| of.0), chance(|of| of.1)),
                services: graph.names(&way),
            });
        }
    }
    let sizes = order.iter().take(SIMULATED).map(|&node| {
        let size = |spread: &Contagion| spread.expected_size(node, RUNS, SEED);
        CascadeSize {
            service: graph.name(node).to_owned(),
            expected: (size(&low), size(&high)),
        }
    });
    measured.sizes = sizes.collect();
    measured.ways = ways;
}
