//! How much of a declared capacity is left when everything is tried as often as it may be.
//!
//! The hidden capacity of a service is its capacity over the worst amplification of its load (Bronson et al.): the greatest product of
//! attempts along a path from an entry. Of an edge these are the declared attempts, or else the most that were seen of one call; a retry
//! budget b bounds them at 1 + b. The greatest load ever seen is no capacity.

use crate::finding::{Finding, Grade, Subject};
use crate::model::dictionary::Weight;
use crate::pass::trace::metastability::METASTABILITY;
use crate::pass::trace::{retries, total};
use crate::pass::{Graph, Measured};
use crate::text;

/// Tells of every service with a declared capacity how much of it is left when all attempts are made.
pub(super) fn measure(graph: &Graph<'_>, measured: &mut Measured) {
    let account = &graph.system.account;
    let seconds = account.last.saturating_sub(account.first) as f64 / 1e9;
    let amplification = amplification(graph);
    let mut worst = None;
    for (vertex, of) in graph.system.vertices.iter().enumerate() {
        let capacity = graph.declared.described(vertex).capacity_rps;
        let Some(capacity) = capacity.filter(|capacity| *capacity > 0.0 && seconds > 0.0) else {
            continue;
        };
        let asking = graph
            .system
            .arcs
            .iter()
            .filter(|arc| arc.to == vertex && !arc.direct);
        let attempts = total(asking.map(|arc| arc.edge.attempts));
        let load = Weight(attempts).value() / seconds;
        let times = amplification[vertex];
        let product = load / capacity * times;
        worst = Some(product.max(worst.unwrap_or(0.0)));
        let verdict = match product > 1.0 {
            true => "retries alone could hold an overload up",
            false => "retries alone could not",
        };
        let name = &of.name;
        measured.findings.push(Finding {
            value: capacity / times,
            unit: "1/s",
            grade: Grade::Inferred,
            text: format!(
                "{name}: {} a second of {} it can do, and up to {times:.1} attempts each: {verdict} \
                 (hidden capacity {} a second)",
                text::value(load),
                text::value(capacity),
                text::value(capacity / times)
            ),
            ..Finding::of(
                METASTABILITY.name,
                "hidden_capacity",
                Subject::Service(name.clone()),
            )
        });
    }
    measured.metric("load_times_amplification", worst);
    if worst.is_none() {
        let why = "metastability: how close to its limit a service works takes a declared capacity (capacity_rps)";
        let finding = Finding::unknown(METASTABILITY.name, "hidden_capacity", why);
        measured.findings.push(finding);
    }
}

/// Returns the worst attempts per request along any path to each vertex: declared where they are, else as seen.
fn amplification(graph: &Graph<'_>) -> Vec<f64> {
    /// Longer paths, and those around cycles, are not followed to their end.
    const DEPTH: usize = 32;
    const MOST: f64 = 1e6;
    let seen = retries::attempts_of(graph);
    let arcs = graph.system.arcs.iter().filter(|arc| arc.sync);
    let edges: Vec<(usize, usize, f64)> = arcs
        .map(|arc| {
            let terms = graph.declared.terms(arc.from, arc.to);
            let nodes = graph.node(arc.from).zip(graph.node(arc.to));
            let observed = nodes.and_then(|nodes| Some(seen.get(&nodes)?.most as f64));
            let declared = terms.attempts.map(|attempts| attempts as f64);
            let times = declared.or(observed).unwrap_or(1.0).max(1.0);
            let bounded = terms
                .retry_budget
                .map_or(times, |budget| times.min(1.0 + budget.get()));
            (arc.from, arc.to, bounded)
        })
        .collect();
    let mut worst = vec![1.0f64; graph.system.vertices.len()];
    for _ in 0..DEPTH {
        let before = worst.clone();
        for &(from, to, times) in &edges {
            if from != to {
                worst[to] = worst[to].max((before[from] * times).min(MOST));
            }
        }
        if worst == before {
            break;
        }
    }
    worst
}
