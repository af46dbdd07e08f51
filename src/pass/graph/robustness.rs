//! How the graph falls apart when nodes are removed one after another.
//!
//! A measure of shape. It asks what still hangs together, not what still works.

use crate::algo::robustness::{
    adaptive_degree_order, attack_curve, random_robustness, robustness, static_degree_order,
};
use crate::pass::graph::{SEED, SMALL};
use crate::pass::{Effort, Graph, Measured, Pass};

/// Removes nodes by degree and at random.
pub static ROBUSTNESS: Pass = Pass {
    name: "robustness",
    about: "how the graph falls apart when nodes are removed one after another",
    explain: "robustness_adaptive",
    watch: None,
    measure,
};

/// Random orders of removal.
const ORDERS: u32 = 1_000;

/// Random orders by most nodes when there is little time; the mean varies less in larger graphs.
///
/// Measured at 200 nodes and 900 edges: 1,000 orders take 12 ms.
const FEW_ORDERS: [(usize, u32); 2] = [(100, ORDERS), (SMALL, 250)];

/// Random orders beyond that.
const FEWEST_ORDERS: u32 = 20;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let of = |order: &[u32]| robustness(&attack_curve(&graph.undirected, order));
    measured.metric(
        "robustness_adaptive",
        of(&adaptive_degree_order(&graph.undirected)),
    );
    measured.metric(
        "robustness_static",
        of(&static_degree_order(&graph.undirected)),
    );
    let orders = match effort {
        Effort::Thorough => ORDERS,
        Effort::Quick => FEW_ORDERS
            .iter()
            .find(|(most, _)| graph.n_nodes() <= *most)
            .map_or(FEWEST_ORDERS, |(_, orders)| *orders),
    };
    let random = random_robustness(&graph.undirected, orders, SEED);
    measured.metric("robustness_random", random.map(|found| found.mean));
}
