//! Who is central: by callers, by shortest paths, by the requests that were seen.
//!
//! The hubs themselves are those whose naming makes the graph shorter to describe; there may be none. By callers they
//! are shared dependencies, and by callees, found the same way among those that call at all, orchestrators: a gateway is
//! meant to be one. What is declared to be infrastructure stays a hub and is marked. The other two rankings are independent of
//! that and of each other: shortest synchronous paths know nothing of traffic, and requests know nothing of paths that
//! were not taken. An entry point is no inner node of its own requests.

use crate::algo::betweenness::{Estimate, directed_betweenness, sampled_betweenness};
use crate::algo::hubs::{in_degree_hubs, out_degree_hubs};
use crate::algo::pagerank::page_rank;
use crate::finding::{Finding, Grade, Subject};
use crate::pass::graph::{SEED, SMALL};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Ranks nodes by how central they are.
pub static HUBS: Pass = Pass {
    name: "hubs",
    about: "who is central: by callers, by shortest paths, by requests",
    explain: "hubs",
    watch: None,
    measure,
};

/// Sources of shortest paths that estimate the betweenness of a large graph.
const SOURCES: usize = 256;

/// How far down the rankings are compared.
const COMPARED: usize = 5;

fn measure(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) {
    let n_nodes = graph.n_nodes();
    let hubs = in_degree_hubs(&graph.all).nodes;
    let orchestrators = out_degree_hubs(&graph.all).nodes;
    let entries = graph.entries();
    let betweenness = betweenness(graph, effort, measured);
    let ranks = page_rank(&graph.all);
    let traffic = graph.traffic();
    let has_traffic = traffic.weight > 0.0;
    for (node, standing) in measured.standings.iter_mut().enumerate() {
        standing.pagerank = Some(ranks[node]);
        let number = node as u32;
        standing.hub = hubs.binary_search(&number).is_ok();
        standing.orchestrator = orchestrators.binary_search(&number).is_ok();
        standing.entry = entries.binary_search(&number).is_ok();
        standing.infrastructure = graph.is_infrastructure(number);
        // Fewer than three nodes have no pair of others.
        if n_nodes > 2 {
            let Estimate { value, half_width } = betweenness[node];
            standing.betweenness = Some(value);
            standing.betweenness_half_width = (half_width > 0.0).then_some(half_width);
        }
        standing.traffic_betweenness = has_traffic.then(|| traffic.inside[node] / traffic.weight);
    }
    measured.metric("hubs", hubs.len() as f64);
    measured.metric("orchestrators", orchestrators.len() as f64);
    if traffic.missing > 0 {
        measured.notes.push(format!(
            "how many requests lead through a service is told by {} of {} requests: the shapes of the others were not kept",
            text::count(traffic.requests),
            text::count(traffic.requests + traffic.missing),
        ));
    }
    // What everybody calls by design comes after what everybody came to call.
    let (by_design, others): (Vec<u32>, Vec<u32>) =
        hubs.iter().partition(|&&hub| graph.is_infrastructure(hub));
    let mut findings: Vec<Finding> = [others, by_design]
        .into_iter()
        .flat_map(|hubs| {
            let found = hubs
                .into_iter()
                .map(|hub| hub_finding(graph, hub, measured));
            let mut found: Vec<Finding> = found.collect();
            found.sort_by(|a, b| b.value.total_cmp(&a.value));
            found
        })
        .collect();
    measured.findings.append(&mut findings);
    let agreement = agreement(graph, measured);
    if let Some(agreement) = &agreement {
        measured.metric("hub_agreement", agreement.value);
    }
    measured.findings.extend(agreement);
    let mut findings: Vec<Finding> = orchestrators
        .iter()
        .map(|&node| orchestrator_finding(graph, node, measured))
        .collect();
    findings.sort_by(|a, b| b.value.total_cmp(&a.value));
    measured.findings.append(&mut findings);
}

/// Returns the betweenness of every node, exact or from a sample of the sources.
fn betweenness(graph: &Graph<'_>, effort: Effort, measured: &mut Measured) -> Vec<Estimate> {
    let n_nodes = graph.n_nodes();
    if effort == Effort::Quick && n_nodes > SMALL {
        measured.notes.push(format!(
            "betweenness is estimated from {SOURCES} of {} sources; topple hubs computes it exactly",
            text::count(n_nodes as u64)
        ));
        return sampled_betweenness(&graph.sync, SOURCES, SEED);
    }
    let exact = |value| Estimate {
        value,
        half_width: 0.0,
    };
    directed_betweenness(&graph.sync)
        .into_iter()
        .map(exact)
        .collect()
}

fn hub_finding(graph: &Graph<'_>, hub: u32, measured: &Measured) -> Finding {
    let callers = graph.all.predecessors(hub);
    let others = graph.n_nodes() as u64 - 1;
    let name = graph.name(hub);
    let standing = &measured.standings[hub as usize];
    let inside = match standing.traffic_betweenness {
        Some(share) if share > 0.0 => {
            format!("; {} of the requests lead through it", text::percent(share))
        }
        _ => String::new(),
    };
    let declared = match standing.infrastructure {
        true => " declared to be infrastructure",
        false => "",
    };
    Finding {
        value: callers.len() as f64,
        unit: "callers",
        grade: Grade::Proved,
        count: callers.len() as u64,
        of: others,
        exemplars: graph.exemplars(callers.iter().map(|&caller| (caller, hub))),
        text: format!(
            "{name} is a hub, a shared dependency{declared}: {} of {} call it{inside}",
            text::count(callers.len() as u64),
            text::plural(others, "other"),
        ),
        ..Finding::new(HUBS.name, "in_degree", Subject::Service(name.to_owned()))
    }
}

fn orchestrator_finding(graph: &Graph<'_>, node: u32, measured: &Measured) -> Finding {
    let callees = graph.all.successors(node);
    let others = graph.n_nodes() as u64 - 1;
    let name = graph.name(node);
    let entry = match measured.standings[node as usize].entry {
        true => ", as entry points do",
        false => "",
    };
    let subject = Subject::Service(name.to_owned());
    Finding {
        id: format!("{}:{name}:out", HUBS.name),
        value: callees.len() as f64,
        unit: "callees",
        grade: Grade::Proved,
        count: callees.len() as u64,
        of: others,
        exemplars: graph.exemplars(callees.iter().map(|&callee| (node, callee))),
        text: format!(
            "{name} is an orchestrator: it calls {} of {}{entry}",
            text::count(callees.len() as u64),
            text::plural(others, "other"),
        ),
        ..Finding::new(HUBS.name, "out_degree", subject)
    }
}

/// Says who leads all three rankings, where there are three.
fn agreement(graph: &Graph<'_>, measured: &Measured) -> Option<Finding> {
    let standings = &measured.standings;
    let first = |score: &dyn Fn(usize) -> f64| -> Vec<u32> {
        let mut nodes: Vec<u32> = (0..graph.n_nodes() as u32)
            .filter(|&node| score(node as usize) > 0.0)
            .collect();
        nodes.sort_by(|&a, &b| score(b as usize).total_cmp(&score(a as usize)));
        nodes.truncate(COMPARED);
        nodes
    };
    let rankings = [
        first(&|node| graph.all.predecessors(node as u32).len() as f64),
        first(&|node| standings[node].betweenness.unwrap_or(0.0)),
        first(&|node| standings[node].traffic_betweenness.unwrap_or(0.0)),
    ];
    let longest = rankings
        .iter()
        .map(Vec::len)
        .max()
        .filter(|_| rankings.iter().all(|of| !of.is_empty()))?;
    let [by_callers, by_paths, by_requests] = &rankings;
    let all: Vec<u32> = by_requests
        .iter()
        .copied()
        .filter(|node| by_callers.contains(node) && by_paths.contains(node))
        .collect();
    let text = match all.len() {
        0 => format!(
            "no service is among the first {longest} by callers, by shortest paths and by requests"
        ),
        agreed => format!(
            "{agreed} of the first {longest} by callers, by shortest paths and by requests agree: {}",
            graph.listed(&all)
        ),
    };
    Some(Finding {
        value: all.len() as f64 / longest as f64,
        grade: if standings
            .iter()
            .any(|of| of.betweenness_half_width.is_some())
        {
            Grade::Inferred
        } else {
            Grade::Proved
        },
        count: all.len() as u64,
        of: longest as u64,
        text,
        ..Finding::new(HUBS.name, "hub_agreement", Subject::System)
    })
}
