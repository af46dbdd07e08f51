//! The worst case along a path: the product of the most attempts of its edges.
//!
//! If every attempt fails, a call that is retried on several layers arrives at the bottom as often as the product of
//! their attempts says: 3 attempts on 3 layers are 27, 4 are 64. With independent failures of share f at the bottom
//! alone, r attempts are (1 - f^r) / (1 - f) expected, and d nested layers of r attempts are one layer of r^d.
//!
//! The worst path is found over the synchronous graph from the nodes at which requests enter; the most attempts are
//! those declared, or else those seen. A cycle of services is gone through once: inside one the most retried edge counts,
//! the others do not. O(nodes + edges).

use std::collections::BTreeMap;

use crate::algo::components::strong_components;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::limits::Limits;
use crate::pass::trace::retries::{Attempts, RETRIES};
use crate::pass::{Graph, Measured};
use crate::text;

/// Dependencies whose worst way is told.
const TOLD: usize = 10;

/// Returns the attempts expected of a call with at most `most` attempts, each of which fails with a share below 1.
fn expected_attempts(failing: f64, most: f64) -> f64 {
    (1.0 - failing.powf(most)) / (1.0 - failing)
}

/// The worst way to a node.
#[derive(Clone, Debug)]
struct Way {
    attempts: f64,
    expected: f64,
    path: Vec<u32>,
    factors: Vec<u64>,
}

/// Adds the worst product over all paths from entries, and returns those of other dependencies.
pub(super) fn measure(
    graph: &Graph<'_>,
    edges: &BTreeMap<(u32, u32), Attempts>,
    limits: &Limits,
    measured: &mut Measured,
) -> Vec<Finding> {
    let most = |nodes: &(u32, u32)| {
        let said = limits.calls.get(nodes).and_then(|call| call.attempts);
        said.unwrap_or_else(|| edges.get(nodes).map_or(1, |edge| edge.most))
            .max(1)
    };
    let ways = worst(graph, edges, most);
    let Some(worst) = ways.first() else {
        return Vec::new();
    };
    measured.metric("worst_retry_amplification", worst.attempts);
    // Whoever stands on the way to another that is asked more often has been told of with that.
    let mut told: Vec<&Way> = Vec::new();
    for way in ways.iter().filter(|way| way.factors.last() > Some(&1)) {
        let is_on_the_way = |other: &&Way| other.path.starts_with(&way.path);
        if !told.iter().any(is_on_the_way) && told.len() < TOLD {
            told.push(way);
        }
    }
    let mut told = told.into_iter().map(|way| finding(graph, way));
    measured.findings.extend(told.next());
    told.collect()
}

/// Says what a request can become along a way.
fn finding(graph: &Graph<'_>, worst: &Way) -> Finding {
    let retried = worst.factors.iter().filter(|factor| **factor > 1).count();
    let factors = worst.factors.iter().filter(|factor| **factor > 1);
    let factors: Vec<String> = factors.map(u64::to_string).collect();
    let names = graph.names(&worst.path);
    let rounded = |value: f64| text::value((value * 100.0).round() / 100.0);
    let product = match factors.len() {
        1 => String::new(),
        _ => format!("{} = ", factors.join(" x ")),
    };
    let text = format!(
        "a request along {} can become {product}{} attempts if every attempt fails ({} if half of them do, {} as seen)",
        names.join(" -> "),
        text::value(worst.attempts),
        rounded(expected_attempts(0.5, worst.attempts)),
        rounded(worst.expected),
    );
    Finding {
        value: worst.attempts,
        unit: "attempts/request",
        grade: Grade::Inferred,
        count: retried as u64,
        of: worst.factors.len() as u64,
        exemplars: graph.exemplars(worst.path.windows(2).map(|pair| (pair[0], pair[1]))),
        text,
        ..Finding::of(
            RETRIES.name,
            "worst_retry_amplification",
            Subject::Path(names),
        )
    }
}

/// Returns the worst way to every node that is reached, or to a cycle as a whole, the largest product first; of equals the one
/// whose part of the graph comes first.
fn worst(
    graph: &Graph<'_>,
    edges: &BTreeMap<(u32, u32), Attempts>,
    most: impl Fn(&(u32, u32)) -> u64,
) -> Vec<Way> {
    let strong = strong_components(&graph.sync);
    let mut entries = graph.entries();
    entries.extend(
        (0..graph.n_nodes() as u32).filter(|&node| graph.sync.predecessors(node).is_empty()),
    );
    let mut ways: Vec<Option<Way>> = vec![None; strong.count()];
    for node in entries {
        ways[strong.component_of[node as usize] as usize].get_or_insert_with(|| Way {
            attempts: 1.0,
            expected: 1.0,
            path: vec![node],
            factors: Vec::new(),
        });
    }
    let members = strong.members();
    let mut all: Vec<Way> = Vec::new();
    for component in 0..strong.count() {
        let Some(mut way) = ways[component].take() else {
            continue;
        };
        let pairs = members[component].iter().flat_map(|&from| {
            let callees = graph.sync.successors(from).iter();
            callees.map(move |&to| (from, to))
        });
        let (inside, leaving): (Vec<_>, Vec<_>) =
            pairs.partition(|(_, to)| strong.component_of[*to as usize] as usize == component);
        if let Some(pair) = inside
            .iter()
            .copied()
            .reduce(|a, b| if most(&b) > most(&a) { b } else { a })
            && most(&pair) > 1
        {
            way = extended(&way, pair, most(&pair), edges);
        }
        for pair in leaving {
            let known = &mut ways[strong.component_of[pair.1 as usize] as usize];
            let attempts = way.attempts * most(&pair) as f64;
            if known.as_ref().is_none_or(|known| attempts > known.attempts) {
                *known = Some(extended(&way, pair, most(&pair), edges));
            }
        }
        all.push(way);
    }
    // Stable, so that equals stay in the order of their parts.
    all.sort_by(|a, b| b.attempts.total_cmp(&a.attempts));
    all
}

fn extended(
    way: &Way,
    (from, to): (u32, u32),
    factor: u64,
    edges: &BTreeMap<(u32, u32), Attempts>,
) -> Way {
    let mut next = way.clone();
    let of_edge = edges.get(&(from, to)).and_then(Attempts::amplification);
    next.attempts *= factor as f64;
    next.expected *= of_edge.unwrap_or(1.0);
    if next.path.last() != Some(&from) {
        // Inside a cycle of services, on the way to the one that calls on.
        next.path.push(from);
        next.factors.push(1);
    }
    next.path.push(to);
    next.factors.push(factor);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_attempts_have_their_published_values() {
        for (failing, most, expected) in [
            (0.1, 3.0, 1.11),
            (0.5, 3.0, 1.75),
            (0.5, 27.0, 2.00),
            (0.9, 27.0, 9.42),
        ] {
            assert!((expected_attempts(failing, most) - expected).abs() < 0.005);
        }
    }
}
