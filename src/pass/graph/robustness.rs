//! How the graph falls apart when nodes are removed one after another.
//!
//! A measure of shape. It asks what still hangs together, not what still works. Removal by betweenness asks for all
//! shortest paths after every removal, so that it is left out of graphs for which that takes too long, never estimated.

use crate::algo::cuts::cuts;
use crate::algo::robustness::{
    adaptive_betweenness_order, adaptive_degree_order, attack_curve, one_removal,
    random_robustness, robustness, static_degree_order,
};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::SEED;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Removes nodes by degree, by betweenness and at random.
pub static ROBUSTNESS: Pass = Pass {
    name: "robustness",
    about: "how the graph falls apart when nodes are removed one after another",
    explain: "robustness_adaptive",
    watch: None,
    measure,
};

/// Random orders, at least and at most; the same however little time there is. One order takes each node and each edge once.
const ORDERS: [u64; 2] = [20, 1_000];

/// Nodes and edges taken together by all random orders, unless those are the least: fewer orders for graphs of more than 50,000, of
/// which the mean varies less.
///
/// Measured at 200 nodes and 900 edges: 1,000 orders, or a million nodes and edges, take 12 ms on one core.
const MOST_TAKEN: u64 = 50_000_000;

/// Steps of removal by betweenness, nodes times nodes times edges, when there is little time and when there is time.
const MOST_STEPS: [u64; 2] = [20_000_000, 20_000_000_000];

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let of = |order: &[u32]| robustness(&attack_curve(&graph.undirected, order));
    let adaptive = of(&adaptive_degree_order(&graph.undirected));
    measured.metric("robustness_adaptive", adaptive);
    measured.metric(
        "robustness_static",
        of(&static_degree_order(&graph.undirected)),
    );
    let orders = orders(graph.n_nodes(), graph.undirected.n_edges());
    let found = random_robustness(&graph.undirected, orders, SEED);
    let random = found.map(|found| found.mean);
    measured.metric("robustness_random", random);
    measured.metric("robustness_random_orders", found.map(|_| f64::from(orders)));
    let error = found.map(|found| found.deviation / f64::from(orders).sqrt());
    measured.metric("robustness_random_error", error);
    // How much worse an attack is than chance; 1 is no worse.
    let ratio = adaptive
        .zip(random)
        .map(|(attacked, random)| attacked / random);
    measured.metric("robustness_ratio", ratio);
    by_betweenness(graph, effort, measured);
    let lost = lost_at_once(graph, measured);
    measured.findings.extend(lost);
}

/// Returns how many random orders a graph is worth.
fn orders(nodes: usize, edges: usize) -> u32 {
    let [least, most] = ORDERS;
    let taken = (nodes as u64).saturating_add(edges as u64).max(1);
    (MOST_TAKEN / taken).clamp(least, most) as u32
}

fn by_betweenness(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    const METRIC: &str = "robustness_betweenness";
    let (nodes, edges) = (graph.n_nodes() as u64, graph.undirected.n_edges() as u64);
    let steps = nodes.saturating_mul(nodes).saturating_mul(edges);
    let [quick, thorough] = MOST_STEPS.map(|most| steps <= most);
    let why = match effort {
        Effort::Quick if quick => None,
        Effort::Quick if thorough => Some("not computed here; topple hubs does"),
        Effort::Thorough if thorough => None,
        Effort::Quick | Effort::Thorough => Some("not computed, it takes too long at this size"),
    };
    match why {
        None => {
            let order = adaptive_betweenness_order(&graph.undirected);
            let found = robustness(&attack_curve(&graph.undirected, &order));
            measured.metric(METRIC, found);
        }
        Some(why) => {
            let why = format!("robustness against removal by betweenness: {why}");
            let finding = Finding::unknown(ROBUSTNESS.name, METRIC, why);
            measured.findings.push(finding);
        }
    }
}

/// Says what the loss of any one node leaves of the whole, exactly.
fn lost_at_once(graph: &Graph<'_>, measured: &mut Measured) -> Option<Finding> {
    let cuts = cuts(&graph.undirected);
    let found = one_removal(&cuts)?;
    measured.metric("one_removal_mean", found.mean);
    measured.metric("one_removal_worst", found.worst);
    let (left, node) = cuts.largest_without.iter().zip(0u32..).min()?;
    let name = graph.name(node);
    // Of two nodes nothing can fall apart.
    (graph.n_nodes() > 2).then(|| Finding {
        value: found.worst,
        grade: Grade::Proved,
        count: *left as u64,
        of: graph.n_nodes() as u64,
        text: format!(
            "{name} is the worst single loss for connection: {} of all nodes still hang together, {} on average over all losses",
            text::percent(found.worst),
            text::percent(found.mean),
        ),
        ..Finding::new(
            ROBUSTNESS.name,
            "one_removal_worst",
            Subject::Service(name.to_owned()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::graph::Undirected;

    #[test]
    fn larger_graphs_have_fewer_orders_and_never_less_than_some() {
        for (nodes, edges, expected) in [
            (0, 0, 1_000),
            (2_001, 10_000, 1_000),
            (10_000, 40_000, 1_000),
            (10_000, 90_000, 500),
            (100_000, 400_000, 100),
            (1_000_000, 9_000_000, 20),
            (usize::MAX, usize::MAX, 20),
        ] {
            assert_eq!(
                orders(nodes, edges),
                expected,
                "{nodes} nodes, {edges} edges"
            );
        }
    }

    /// The standard error says how far means of other orders lie.
    #[test]
    fn means_of_other_orders_lie_within_the_error() {
        // A tree whose nodes also know their neighbours in order.
        let edges = (1..80).flat_map(|node| [(node / 3, node), (node - 1, node)]);
        let graph = Undirected::new(80, edges);
        let of = |seed: u64| random_robustness(&graph, 200, seed).unwrap();
        let truth = random_robustness(&graph, 20_000, 1).unwrap().mean;
        let off: Vec<f64> = (2..42)
            .map(|seed| {
                let found = of(seed);
                (found.mean - truth) / (found.deviation / 200f64.sqrt())
            })
            .collect();
        let squares: f64 = off.iter().map(|off| off * off).sum::<f64>() / 40.0;
        // One on average; of forty within 0.45 and 1.8 but for one case in a thousand.
        assert!((0.45..1.8).contains(&squares), "{squares}");
    }
}
