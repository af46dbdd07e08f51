//! Groups of nodes with more edges inside than chance would put there, and how far they agree with declared groups.
//!
//! Random graphs to compare with are left to a thorough look. Declared groups are tags of services and compared over the
//! nodes that have one; where none tells groups apart, `service.namespace` stands in.

use std::collections::BTreeMap;

use crate::algo::agreement::adjusted_mutual_information;
use crate::algo::community::leiden;
use crate::algo::nulls::against_null;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::{NULLS, SEED, SMALL, against_chance, not_compared};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds communities.
pub static COMMUNITIES: Pass = Pass {
    name: "communities",
    about: "groups of nodes with more edges inside than chance would put there",
    explain: "modularity",
    watch: None,
    measure,
};

/// Restarts of which the best counts.
const RESTARTS: u32 = 10;

/// Restarts on a large graph when there is little time.
const FEW_RESTARTS: u32 = 2;

/// Edges against the declared groups that are named.
const NAMED: usize = 3;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let restarts = if effort == Effort::Quick && graph.n_nodes() > SMALL {
        FEW_RESTARTS
    } else {
        RESTARTS
    };
    let found = leiden(&graph.undirected, restarts, SEED);
    measured.metric("modularity", found.modularity);
    if found.modularity.is_none() {
        return;
    }
    measured.metric("communities", found.n_groups as f64);
    let agreement = agreement(graph, &found.group_of);
    if let Some(agreement) = &agreement {
        measured.metric("community_agreement", agreement.value);
    }
    measured.findings.extend(agreement);
    against_random(graph, effort, measured);
}

/// Compares with the modularity of random graphs.
fn against_random(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    const METRIC: &str = "modularity_null";
    if let Some(why) = not_compared(graph, effort) {
        let why = format!("communities against chance: {why}");
        return measured
            .findings
            .push(Finding::unknown(COMMUNITIES.name, METRIC, why));
    }
    let found = against_null(&graph.undirected, NULLS, SEED, |graph| {
        leiden(graph, RESTARTS, SEED).modularity
    });
    measured.metric(METRIC, found.mean);
    measured.metric("modularity_null_deviation", found.deviation);
    measured.metric("modularity_z", found.z());
    measured.findings.push(Finding {
        value: found.mean,
        grade: Grade::Inferred,
        count: u64::from(NULLS),
        of: u64::from(NULLS),
        text: format!(
            "modularity of the communities is {}",
            against_chance(&found)
        ),
        ..Finding::new(COMMUNITIES.name, METRIC, Subject::System)
    });
}

/// Says how far the communities agree with declared groups, if there are such groups.
fn agreement(graph: &Graph<'_>, community_of: &[u32]) -> Option<Finding> {
    let (source, groups) = graph.groups()?;
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for group in groups.values() {
        let next = numbers.len() as u32;
        numbers.entry(group).or_insert(next);
    }
    let declared: Vec<u32> = groups.values().map(|of| numbers[of.as_str()]).collect();
    let found: Vec<u32> = groups
        .keys()
        .map(|&node| community_of[node as usize])
        .collect();
    let value = adjusted_mutual_information(&found, &declared)?;
    let crossing = crossing(graph, &groups);
    let inside = graph
        .undirected
        .edges()
        .filter(|(a, b)| groups.contains_key(a) && groups.contains_key(b));
    let of = inside.count() as u64;
    let named: Vec<String> = crossing
        .iter()
        .take(NAMED)
        .map(|&(from, to)| format!("{} -> {}", graph.name(from), graph.name(to)))
        .collect();
    let edges = match named.len() {
        0 => String::new(),
        _ => format!(", such as {}", named.join(", ")),
    };
    let count = crossing.len() as u64;
    Some(Finding {
        value,
        grade: Grade::Inferred,
        count,
        of,
        exemplars: graph.exemplars(crossing.iter().take(NAMED).copied()),
        text: format!(
            "the communities agree with {source} by {value:.2} (1 is the same, 0 is chance); {} of {} between services that have one cross{}{edges}",
            text::count(count),
            text::plural(of, "edge"),
            if count == 1 { "es" } else { "" },
        ),
        ..Finding::new(COMMUNITIES.name, "community_agreement", Subject::System)
    })
}

/// Returns the edges between nodes of different groups as calls, those first that chance explains least: an edge
/// between nodes of degrees a and b in a graph of m edges costs 1 - ab/2m of modularity, times m.
fn crossing(graph: &Graph<'_>, groups: &BTreeMap<u32, String>) -> Vec<(u32, u32)> {
    let degree = |node: u32| graph.undirected.degree(node);
    let mut crossing: Vec<(u32, u32)> = graph
        .undirected
        .edges()
        .filter(|(a, b)| match (groups.get(a), groups.get(b)) {
            (Some(of_a), Some(of_b)) => of_a != of_b,
            (_, _) => false,
        })
        .collect();
    crossing.sort_by_key(|&(a, b)| degree(a) * degree(b));
    crossing
        .into_iter()
        .map(|(a, b)| match graph.all.has_edge(a, b) {
            true => (a, b),
            false => (b, a),
        })
        .collect()
}
