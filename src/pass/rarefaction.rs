//! How many edges and services fewer traces would have shown.
//!
//! The graph grows with the time that was observed. Its size is comparable with that of another window at the same number of
//! traces ([`crate::algo::rarefaction`]): at 1, 2, 5, 10, ... traces, up to all of them.
//!
//! An edge is in as many traces as were counted for it; of one with several protocols, that in most traces counts. A service is in at
//! least as many as the edge of it that is in most, and at most in as many as all its edges together; hence two numbers.

use std::collections::BTreeMap;

use crate::algo::rarefaction::expected;
use crate::finding::Rarefied;
use crate::fold::catalogue::NodeKind;
use crate::pass::Graph;

/// Returns how many traces have each edge of the graph.
pub(in crate::pass) fn traces_of_edges(graph: &Graph<'_>) -> Vec<u64> {
    let mut edges: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for arc in &graph.system.arcs {
        if let (Some(from), Some(to)) = (graph.node(arc.from), graph.node(arc.to))
            && graph.all.has_edge(from, to)
        {
            let traces = edges.entry((from, to)).or_default();
            *traces = arc.edge.traces.max(*traces);
        }
    }
    edges.into_values().collect()
}

/// Returns how many traces have each service, at least and at most.
fn traces_of_services(graph: &Graph<'_>, all: u64) -> Vec<(u64, u64)> {
    let mut vertices = vec![(1u64, 0u64); graph.system.vertices.len()];
    for arc in &graph.system.arcs {
        for vertex in [arc.from, arc.to] {
            let (least, most) = &mut vertices[vertex];
            *least = arc.edge.traces.max(*least);
            *most = arc.edge.traces.saturating_add(*most);
        }
    }
    let services = graph
        .vertices
        .iter()
        .filter(|&&vertex| graph.system.vertices[vertex].kind == NodeKind::Service);
    let bounds = services.map(|&vertex| match vertices[vertex] {
        // Nobody calls it, and it calls nobody.
        (least, 0) => (least, all),
        (least, most) => (least.min(all), most.min(all)),
    });
    bounds.collect()
}

/// Returns what fewer traces would have shown, up to all of them; nothing without traces.
pub(in crate::pass) fn rarefaction(graph: &Graph<'_>) -> Vec<Rarefied> {
    let all = graph.system.account.traces;
    let (edges, services) = (traces_of_edges(graph), traces_of_services(graph, all));
    let at = |traces: u64| Rarefied {
        traces,
        edges: expected(all, edges.iter().copied(), traces),
        services: (
            expected(all, services.iter().map(|of| of.0), traces),
            expected(all, services.iter().map(|of| of.1), traces),
        ),
    };
    steps(all).map(at).collect()
}

/// Returns 1, 2, 5, 10, ... up to a number, and the number.
fn steps(last: u64) -> impl Iterator<Item = u64> {
    let tens = (0..).map_while(|exponent| 10u64.checked_pow(exponent));
    let steps = tens.flat_map(|ten| [1, 2, 5].map(|step| ten.saturating_mul(step)));
    let below = steps.take_while(move |step| *step < last);
    below.chain((last > 0).then_some(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::{each_order, measure};

    fn visits(name: &str, n: usize, callee: &str) -> String {
        let visit = |at: usize| {
            format!(
                "trace {name}{at}\nshop < GET / 0..50\n  shop > GET /x 5..40\n    {callee} < GET /x 10..35\n"
            )
        };
        (0..n).map(visit).collect()
    }

    #[test]
    fn fewer_traces_show_fewer_edges_and_services() {
        let drawing = visits("a", 8, "pay") + &visits("b", 2, "mail");
        each_order(&drawing, |_, system| {
            let measured = measure(system);
            // 8/10 + 2/10; two draws miss mail with chance 56/90 and pay with 2/90, five miss mail with chance 56/252.
            let expected = [
                (1, 1.0),
                (2, 2.0 - 58.0 / 90.0),
                (5, 2.0 - 56.0 / 252.0),
                (10, 2.0),
            ];
            assert_eq!(measured.rarefaction.len(), expected.len());
            for (of, (traces, edges)) in measured.rarefaction.iter().zip(expected) {
                assert_eq!(of.traces, traces);
                assert!((of.edges - edges).abs() < 1e-9, "{of:?}");
            }
            for of in &measured.rarefaction {
                // Every trace has the shop, and each callee as often as its only edge.
                let services = of.edges + 1.0;
                assert!((of.services.0 - services).abs() < 1e-9, "{of:?}");
                assert!((of.services.1 - services).abs() < 1e-9, "{of:?}");
            }
        });
    }

    #[test]
    fn a_service_with_two_callers_has_bounds() {
        let drawing = visits("a", 3, "pay")
            + "trace c
            job < GET /y 0..50
              job > GET /x 5..40
                pay < GET /x 10..35";
        each_order(&drawing, |_, system| {
            let found = measure(system).rarefaction;
            let [first, .., last] = &found[..] else {
                panic!("{found:?}");
            };
            // Pay and the shop are in three traces at least, the job in one; by all their edges in four, four and two.
            assert_eq!(first.services, (7.0 / 4.0, 2.5));
            assert_eq!((last.edges, last.services), (2.0, (3.0, 3.0)));
        });
        assert_eq!(steps(0).count(), 0);
        assert_eq!(steps(u64::MAX).last(), Some(u64::MAX));
    }
}
