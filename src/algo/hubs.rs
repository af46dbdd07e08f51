//! The hubs of a graph by minimum description length.
//!
//! A set of hubs is worth naming if that makes the graph shorter to describe (Kirkley, PRE 109,
//! 034310, 2024, with Erdos-Renyi encoding). N nodes are sorted by in-degree; for the first h of
//! them, with M_h of all M in-edges, the description has the length
//!
//! ```text
//! DL(h) = ln N + ln M + ln C(N, h) + ln C(h(N-1), M_h) + ln C((N-h)(N-1), M - M_h)
//! ```
//!
//! against `DL0 = ln C(N(N-1), M)` without hubs, all in nats. A set never divides nodes of equal
//! degree. There is no parameter, and "no hubs" is a possible answer. O(N log N). Self-loops are no
//! edges; a graph without edges has no hubs.

use std::cmp::Reverse;

use crate::algo::graph::Digraph;
use crate::algo::special::ln_choose;

/// The hub set of a graph, with the description lengths that decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Hubs {
    /// Ascending; empty if naming hubs does not pay.
    pub nodes: Vec<u32>,
    /// The description length without hubs.
    pub plain_length: f64,
    /// The least description length with at least one hub; infinite without edges.
    pub hub_length: f64,
}

/// Returns the hubs by in-degree.
pub fn in_degree_hubs(graph: &Digraph) -> Hubs {
    let nodes: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    by_degree(graph, &nodes, |node| graph.predecessors(node).len() as u64)
}

/// Returns the hubs by out-degree, among the nodes that have successors.
///
/// Leaves are left out of the description: half of a service graph calls nobody, and naming all others
/// would pay for that alone.
pub fn out_degree_hubs(graph: &Digraph) -> Hubs {
    let nodes: Vec<u32> = (0..graph.n_nodes() as u32)
        .filter(|&node| !graph.successors(node).is_empty())
        .collect();
    by_degree(graph, &nodes, |node| graph.successors(node).len() as u64)
}

/// Returns the hubs among `nodes`, whose degrees together count every edge once.
fn by_degree(graph: &Digraph, nodes: &[u32], degree: impl Fn(u32) -> u64) -> Hubs {
    let n_nodes = nodes.len() as u64;
    let n_edges = graph.n_edges() as u64;
    let mut order = nodes.to_vec();
    order.sort_by_key(|&node| Reverse(degree(node)));

    let others = (graph.n_nodes() as u64).saturating_sub(1);
    let plain_length = ln_choose(n_nodes * others, n_edges);
    let names = (n_nodes as f64).ln() + (n_edges as f64).ln();
    let (mut hub_length, mut n_hubs) = (f64::INFINITY, 0);
    let mut hub_edges = 0;
    let mut h = 0;
    for equal in order.chunk_by(|&a, &b| degree(a) == degree(b)) {
        h += equal.len() as u64;
        hub_edges += equal.len() as u64 * degree(equal[0]);
        let length = names
            + ln_choose(n_nodes, h)
            + ln_choose(h * others, hub_edges)
            + ln_choose((n_nodes - h) * others, n_edges - hub_edges);
        if n_edges > 0 && length < hub_length {
            (hub_length, n_hubs) = (length, h as usize);
        }
    }
    let mut nodes = if hub_length < plain_length {
        order[..n_hubs].to_vec()
    } else {
        Vec::new()
    };
    nodes.sort_unstable();
    Hubs {
        nodes,
        plain_length,
        hub_length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, assert_close};

    #[test]
    fn the_centre_of_a_star_is_its_hub() {
        let star = Digraph::new(20, (1..20).map(|caller| (caller, 0)));
        let found = in_degree_hubs(&star);
        assert_eq!(found.nodes, [0]);
        assert_close(found.plain_length, 73.065_884, 1e-6);
        assert_close(found.hub_length, 8.935_904, 1e-6);
    }

    #[test]
    fn two_hubs_stand_out_of_thirty_nodes() {
        let ones = (2..30).map(|node| ((node - 1) % 28 + 2, node));
        let hubs = (2..22)
            .map(|caller| (caller, 0))
            .chain((2..20).map(|caller| (caller, 1)));
        let found = in_degree_hubs(&Digraph::new(30, hubs.chain(ones)));
        assert_eq!(found.nodes, [0, 1]);
        assert_close(found.plain_length, 230.658_479, 1e-6);
        assert_close(found.hub_length, 168.044_078, 1e-6);
    }

    #[test]
    fn leaves_make_no_orchestrator_of_who_calls_at_all() {
        // One gateway of twenty, ten that call two each.
        let calls = |node: u32| [(node, node + 10), (node, (node + 3) % 10 + 11)];
        let gateway = (1..=20).map(|callee| (0, callee));
        let graph = Digraph::new(21, gateway.chain((1..=10).flat_map(calls)));
        assert_eq!(out_degree_hubs(&graph).nodes, [0]);
        // All that call at all call the same.
        let even = Digraph::new(21, (1..=10).flat_map(calls));
        assert!(out_degree_hubs(&even).nodes.is_empty());
        assert!(out_degree_hubs(&Digraph::new(0, [])).nodes.is_empty());
    }

    #[test]
    fn equal_nodes_are_no_hubs() {
        let ring = Digraph::new(12, (0..12).map(|node| (node, (node + 1) % 12)));
        assert!(in_degree_hubs(&ring).nodes.is_empty());
        assert!(in_degree_hubs(&testgraphs::shop().graph).nodes.is_empty());
        assert!(in_degree_hubs(&Digraph::new(0, [])).nodes.is_empty());
        assert!(in_degree_hubs(&Digraph::new(3, [(1, 1)])).nodes.is_empty());
    }
}
