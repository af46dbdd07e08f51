//! Nodes and edges without which the graph falls into parts.
//!
//! That is connectivity, not availability: a database at the end of an edge splits nothing when it fails, and takes its
//! callers along. Replicas hide behind one node, so what was seen of them is said with it; where nothing was, that is
//! unknown.

use crate::algo::components::connected_components;
use crate::algo::cuts::cuts;
use crate::finding::{Finding, Grade, Redundancy, Subject};
use crate::fold::catalogue::NodeKind;
use crate::model::dictionary::Weight;
use crate::pass::replicas::Replicas;
use crate::pass::trace::zones;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds articulation points and bridges.
pub static SINGLE_POINTS: Pass = Pass {
    name: "single-points",
    about: "nodes and edges without which the graph falls into parts",
    explain: "articulation_points",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let mut nodes: Vec<Finding> = Vec::new();
    let mut edges: Vec<Finding> = Vec::new();
    let mut bridges = 0;
    let replicas: Vec<Replicas> = (0..graph.n_nodes() as u32)
        .map(|node| Replicas::of(graph, node))
        .collect();
    for (standing, replicas) in measured.standings.iter_mut().zip(&replicas) {
        standing.redundancy = replicas.redundancy();
    }
    for (vertex, by_zone) in zones::answers(graph) {
        if let Some(node) = graph.node(vertex) {
            let concentration = zones::concentration(&by_zone);
            measured.standings[node as usize].zone_concentration = Some(concentration);
        }
    }
    // What a removal leaves is asked of each component alone.
    for members in connected_components(&graph.undirected).members() {
        if members.len() < 2 {
            continue;
        }
        let others = members.len() as u64 - 1;
        let cuts = cuts(&graph.undirected.induced(&members));
        for &point in &cuts.articulation_points {
            let cut_off = others - cuts.largest_without[point as usize] as u64;
            let node = members[point as usize];
            let standing = &mut measured.standings[node as usize];
            standing.articulation = true;
            standing.cut_off = cut_off;
            let replicas = replicas[node as usize];
            nodes.push(node_finding(graph, node, cut_off, others, replicas));
        }
        bridges += cuts.bridges.len();
        let inner = cuts
            .bridges
            .iter()
            .map(|&(a, b)| (members[a as usize], members[b as usize]))
            .filter(|(a, b)| graph.undirected.degree(*a).min(graph.undirected.degree(*b)) > 1);
        edges.extend(inner.map(|(a, b)| edge_finding(graph, a, b)));
    }
    measured.metric("articulation_points", nodes.len() as f64);
    measured.metric("bridges", bridges as f64);
    for mut findings in [nodes, edges] {
        findings.sort_by(|a, b| b.value.total_cmp(&a.value));
        measured.findings.append(&mut findings);
    }
    let unknown = unknown_replicas(graph, measured);
    measured.findings.extend(unknown);
}

/// Says of how many single points nothing is known of replicas, if of any.
fn unknown_replicas(graph: &Graph<'_>, measured: &Measured) -> Option<Finding> {
    let standings = measured.standings.iter().zip(0u32..);
    let points: Vec<(Redundancy, u32)> = standings
        .filter(|(of, _)| of.articulation)
        .map(|(of, node)| (of.redundancy, node))
        .collect();
    let is_silent = |node: u32| graph.vertex(node).kind != NodeKind::Service;
    let unknown = points.iter().filter(|(of, _)| *of == Redundancy::Unknown);
    let (silent, unnamed): (Vec<u32>, Vec<u32>) = unknown
        .map(|(_, node)| *node)
        .partition(|&node| is_silent(node));
    let why: Vec<String> = [
        (unnamed, "whose spans name no service.instance.id"),
        (silent, "that emit no spans"),
    ]
    .into_iter()
    .filter(|(nodes, _)| !nodes.is_empty())
    .map(|(nodes, why)| format!("{} {why}", text::count(nodes.len() as u64)))
    .collect();
    (!why.is_empty()).then(|| {
        let text = format!(
            "replicas of single points: unknown of {}",
            why.join(", and of ")
        );
        Finding::unknown(SINGLE_POINTS.name, "redundancy", text)
    })
}

fn node_finding(
    graph: &Graph<'_>,
    point: u32,
    cut_off: u64,
    others: u64,
    replicas: Replicas,
) -> Finding {
    let name = graph.name(point);
    let is_entry = graph.entries().binary_search(&point).is_ok();
    let entry = if is_entry { ", an entry point" } else { "" };
    let neighbours = graph.undirected.neighbours(point);
    let edges = neighbours
        .iter()
        .flat_map(|&other| [(other, point), (point, other)]);
    Finding {
        value: cut_off as f64,
        unit: "nodes",
        grade: Grade::Proved,
        count: cut_off,
        of: others,
        exemplars: graph.exemplars(edges),
        text: format!(
            "the graph splits without {name}{entry}, which cuts off {} of {}{}",
            text::count(cut_off),
            text::plural(others, "other node"),
            replicas.clause(),
        ),
        ..Finding::new(
            SINGLE_POINTS.name,
            "articulation_points",
            Subject::Service(name.to_owned()),
        )
    }
}

/// Returns the finding of a bridge with more than one node on either side.
fn edge_finding(graph: &Graph<'_>, a: u32, b: u32) -> Finding {
    let (from, to) = if graph.all.has_edge(a, b) {
        (a, b)
    } else {
        (b, a)
    };
    let calls: u64 = [(from, to), (to, from)]
        .into_iter()
        .flat_map(|(from, to)| graph.arcs_between(from, to))
        .filter(|arc| !arc.direct)
        .map(|arc| arc.edge.calls)
        .fold(0, u64::saturating_add);
    let calls = Weight(calls).value();
    let (caller, callee) = (graph.name(from), graph.name(to));
    Finding {
        value: calls,
        unit: "calls",
        grade: Grade::Proved,
        count: 1,
        of: graph.all.n_edges() as u64,
        exemplars: graph.exemplars([(from, to), (to, from)]),
        text: format!(
            "{caller} -> {callee} is the only edge between what hangs on either: {}",
            match calls {
                1.0 => "1 call".to_owned(),
                _ => format!("{} calls", text::weighted(calls)),
            }
        ),
        ..Finding::new(
            SINGLE_POINTS.name,
            "bridges",
            Subject::Edge(caller.to_owned(), callee.to_owned()),
        )
    }
}
