//! What services that are meant to stand in for each other both need.
//!
//! - *Declared groups*: the policy names services of which one is enough. What all of them need, through edges that are hard or
//!   unknown, fails them together. It is certain when every member reaches it through hard edges alone.
//! - *Regions*: a service that calls something from more than one region, and is answered from one region alone, needs that
//!   region everywhere. Where the callee tells no region, it may have one of its own in each.
//!
//! Of a group with a measured chance of failure each, the chance that all fail at once lies between the bounds of Frechet whatever the
//! correlation; independence is a point between them and no default. Redundancy never makes it worse than the best member.
//!
//! O(groups x edges).

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::availability::frechet_all_fail;
use crate::finding::{Dependency, Finding, Grade, Subject};
use crate::model::names::ABSENT;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds what redundant services share.
pub static SHARED_DEPENDENCIES: Pass = Pass {
    name: "shared-dependencies",
    about: "what services that stand in for each other both need",
    explain: "shared_dependencies",
    watch: None,
    measure,
};

/// The share of failures that hit all members at once in the common-shock example: what is usually taken where nothing was
/// measured (IEC 61508-6, Annex D, 1 to 10 %).
const BETA: f64 = 0.1;

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let groups: Vec<Vec<u32>> = graph
        .declared
        .redundancy()
        .iter()
        .map(|group| {
            group
                .iter()
                .filter_map(|&vertex| graph.node(vertex))
                .collect()
        })
        .collect();
    let mut shared = 0;
    for group in groups.iter().filter(|group: &&Vec<u32>| group.len() > 1) {
        let (sure, perhaps) = (
            common(graph, group, |of| of == Dependency::Hard),
            common(graph, group, |of| of != Dependency::Soft),
        );
        shared += perhaps.len();
        measured
            .findings
            .push(of_group(graph, measured, group, &sure, &perhaps));
    }
    if !groups.is_empty() {
        measured.metric("shared_dependencies", shared as f64);
    }
    let mut regional = across_regions(graph);
    measured.findings.append(&mut regional);
}

/// Returns what every member of a group reaches through edges that pass, without the members, ascending.
fn common(graph: &Graph<'_>, group: &[u32], passes: fn(Dependency) -> bool) -> Vec<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for &member in group {
        let mut seen = BTreeSet::from([member]);
        let mut queue = vec![member];
        while let Some(at) = queue.pop() {
            for &next in graph.sync.successors(at) {
                let tie = graph.dependence.tie(at, next);
                if tie.is_some_and(|tie| passes(tie.dependency)) && seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        for node in seen {
            *counts.entry(node).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(node, count)| *count == group.len() && !group.contains(node))
        .map(|(node, _)| node)
        .collect()
}

fn of_group(
    graph: &Graph<'_>,
    measured: &Measured,
    group: &[u32],
    sure: &[u32],
    perhaps: &[u32],
) -> Finding {
    let members = graph.names(group);
    let needs = match (sure, perhaps) {
        ([], []) => "share nothing that was seen".to_owned(),
        ([], perhaps) => format!("may all need {}", graph.listed(perhaps)),
        (sure, perhaps) if sure.len() == perhaps.len() => {
            format!("all need {}", graph.listed(sure))
        }
        (sure, perhaps) => format!(
            "all need {}, and may need {}",
            graph.listed(sure),
            text::plural((perhaps.len() - sure.len()) as u64, "more node"),
        ),
    };
    Finding {
        value: perhaps.len() as f64,
        unit: "nodes",
        // What was not seen may be there all the same.
        grade: match !sure.is_empty() && sure.len() == perhaps.len() {
            true => Grade::Proved,
            false => Grade::Inferred,
        },
        interval: Some((sure.len() as f64, perhaps.len() as f64)),
        count: sure.len() as u64,
        of: perhaps.len() as u64,
        exemplars: perhaps
            .first()
            .map(|&node| {
                let callers = graph.sync.predecessors(node);
                graph.exemplars(callers.iter().map(|&caller| (caller, node)))
            })
            .unwrap_or_default(),
        text: format!(
            "{} stand in for each other and {needs}{}",
            members.join(", "),
            together(graph, measured, group)
        ),
        ..Finding::of(
            SHARED_DEPENDENCIES.name,
            "shared_dependencies",
            Subject::Path(members),
        )
    }
}

/// Says how often the members fail all at once, by how often each was the origin of a failure, if that was seen of each.
fn together(graph: &Graph<'_>, measured: &Measured, group: &[u32]) -> String {
    let chances: Option<Vec<f64>> = group
        .iter()
        .map(|&node| {
            let radius = measured.standings[node as usize].blast_radius.as_deref()?;
            let observed = radius.observed?;
            (radius.touch > 0.0).then(|| (observed / radius.touch).min(1.0))
        })
        .collect();
    let Some(chances) = chances else {
        return String::new();
    };
    let never = group
        .iter()
        .zip(&chances)
        .filter(|(_, chance)| **chance == 0.0);
    let never: Vec<u32> = never.map(|(node, _)| *node).collect();
    if !never.is_empty() {
        return format!(
            "; how often all fail at once cannot be told, for no failure began in {}",
            graph.listed(&never)
        );
    }
    let bounds = frechet_all_fail(&chances);
    let alone: f64 = chances.iter().product();
    let shocked: Vec<f64> = chances.iter().map(|q| (1.0 - BETA) * q).collect();
    let shocked = shocked.iter().product::<f64>() + BETA * bounds.high;
    format!(
        "; by what was seen, all fail at once in {} to {} of requests, {} if they fail independently, {} if {} of the failures are shared",
        text::percent(bounds.low),
        text::percent(bounds.high),
        text::percent(alone),
        text::percent(shocked),
        text::percent(BETA),
    )
}

/// Says what services that call from several regions need from one.
fn across_regions(graph: &Graph<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tie in graph.dependence.ties() {
        if tie.dependency == Dependency::Soft {
            continue;
        }
        let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
        let (mut known, mut calls) = (true, 0u64);
        for arc in graph.arcs_between(tie.from, tie.to) {
            for ((caller, callee), count) in arc.edge.regions.entries() {
                if !arc.sync || *caller == ABSENT {
                    continue;
                }
                from.insert(graph.text(*caller));
                known &= *callee != ABSENT;
                to.insert(graph.text(*callee));
                calls = calls.saturating_add(*count);
            }
        }
        if from.len() < 2 || to.len() != 1 || !known {
            continue;
        }
        let (caller, callee) = (graph.name(tie.from), graph.name(tie.to));
        let home = to.first().copied().unwrap_or_default();
        let needs = match tie.dependency {
            Dependency::Hard => "needs",
            Dependency::Soft | Dependency::Unknown => "may need",
        };
        findings.push(Finding {
            value: from.len() as f64,
            unit: "regions",
            grade: match tie.dependency {
                Dependency::Hard => Grade::Proved,
                Dependency::Soft | Dependency::Unknown => Grade::Inferred,
            },
            count: calls,
            of: calls,
            exemplars: graph.exemplars([(tie.from, tie.to)]),
            text: format!(
                "{caller} {needs} {callee} in {home} from each of {}",
                from.into_iter().collect::<Vec<_>>().join(", ")
            ),
            ..Finding::of(
                SHARED_DEPENDENCIES.name,
                "shared_region",
                Subject::Edge(caller.to_owned(), callee.to_owned()),
            )
        });
    }
    findings
}
