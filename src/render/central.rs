//! Who is central and what hangs on it: sentences and orders that the renderers of that part share.

use crate::report::{Finding, Grade, Redundancy, Report, Service, Subject};
use crate::text;

use super::summary::{name, nodes};

/// One way to rank nodes: what the ranking is by, and the nodes with their values, the highest first.
pub(super) struct Ranking<'a> {
    pub(super) title: &'static str,
    pub(super) nodes: Vec<(&'a Service, String)>,
}

/// Returns the rankings; nodes of value zero are in none.
pub(super) fn rankings(report: &Report) -> [Ranking<'_>; 3] {
    let count = |value: f64| text::count(value as u64);
    [
        ranking(report, "callers", |node| node.in_degree as f64, count),
        ranking(
            report,
            "shortest paths",
            |node| node.standing.betweenness.unwrap_or(0.0),
            text::percent,
        ),
        ranking(
            report,
            "requests",
            |node| node.standing.traffic_betweenness.unwrap_or(0.0),
            text::percent,
        ),
    ]
}

fn ranking<'a>(
    report: &'a Report,
    title: &'static str,
    value: fn(&Service) -> f64,
    shown: fn(f64) -> String,
) -> Ranking<'a> {
    let mut ranked: Vec<&Service> = nodes(report).filter(|node| value(node) > 0.0).collect();
    ranked.sort_by(|a, b| value(b).total_cmp(&value(a)));
    Ranking {
        title,
        nodes: ranked
            .into_iter()
            .map(|node| (node, shown(value(node))))
            .collect(),
    }
}

/// Returns the answers, one sentence each: hubs, agreement, traffic, single points, cycles, depth.
pub(super) fn answers(report: &Report) -> Vec<String> {
    if nodes(report).next().is_none() {
        return Vec::new();
    }
    let found = |metric| of_metric(report, metric).map(|found| sentence(&found.text));
    let mut sentences = vec![hubs(report)];
    sentences.extend(found("hub_agreement"));
    sentences.extend(found("top_callee_traffic_share"));
    sentences.push(single_points(report));
    sentences.extend(hanging(report));
    sentences.extend(found("one_removal_worst"));
    sentences.push(cycles(report));
    sentences.extend(depth(report));
    sentences
}

fn hubs(report: &Report) -> String {
    let hubs: Vec<String> = rankings(report)[0]
        .nodes
        .iter()
        .filter(|(node, _)| node.standing.hub)
        .map(|(node, _)| {
            let callers = text::plural(node.in_degree, "caller");
            let declared = match node.standing.infrastructure {
                true => ", infrastructure",
                false => "",
            };
            format!("{} ({callers}{declared})", name(&node.name, 30))
        })
        .collect();
    let shared = match hubs.len() {
        0 => "No hubs: no service has so many callers that it stands out.".to_owned(),
        1 => format!("1 hub, a shared dependency: {}.", hubs[0]),
        all => format!("{all} hubs, shared dependencies: {}.", listed(hubs)),
    };
    let orchestrators: Vec<String> = nodes(report)
        .filter(|node| node.standing.orchestrator)
        .map(|node| {
            let callees = text::plural(node.out_degree, "callee");
            let entry = match node.standing.entry {
                true => ", an entry point",
                false => "",
            };
            format!("{} ({callees}{entry})", name(&node.name, 30))
        })
        .collect();
    match orchestrators.len() as u64 {
        0 => shared,
        count => format!(
            "{shared} {}: {}.",
            text::plural(count, "orchestrator"),
            listed(orchestrators)
        ),
    }
}

fn single_points(report: &Report) -> String {
    let mut points: Vec<&Service> = nodes(report)
        .filter(|node| node.standing.articulation)
        .collect();
    points.sort_by_key(|node| std::cmp::Reverse(node.standing.cut_off));
    let names = points
        .iter()
        .map(|node| {
            let mut marks = text::count(node.standing.cut_off);
            if node.standing.entry {
                marks.push_str(", entry");
            }
            if node.standing.redundancy == Redundancy::Zones {
                marks.push_str(", in several zones");
            }
            format!("{} ({marks})", name(&node.name, 30))
        })
        .collect();
    match points.len() as u64 {
        0 => "No single node splits the graph when it is gone.".to_owned(),
        count => format!(
            "{} {} the graph when gone, and {} off others: {}.",
            text::plural(count, "single node"),
            if count == 1 { "splits" } else { "split" },
            if count == 1 { "cuts" } else { "cut" },
            listed(names)
        ),
    }
}

/// Says which service that is no entry point the most depends on to be reached, if one is.
fn hanging(report: &Report) -> Option<String> {
    let most = nodes(report)
        .filter(|node| node.standing.dominated > 0 && !node.standing.entry)
        .min_by_key(|node| std::cmp::Reverse(node.standing.dominated))?;
    let names: Vec<String> = nodes(report)
        .filter(|node| node.standing.immediate_dominator.as_ref() == Some(&most.name))
        .map(|node| name(&node.name, 30))
        .collect();
    Some(format!(
        "Behind the entry points, most is reached through {} alone: {}, directly {}.",
        name(&most.name, 30),
        text::plural(most.standing.dominated, "node"),
        listed(names)
    ))
}

fn cycles(report: &Report) -> String {
    let mut cycles = of_pass(report, "cycles");
    match (cycles.next(), cycles.count()) {
        (None, _) => "No services wait for each other in a cycle.".to_owned(),
        (Some(first), 0) => format!("A cycle: {}", sentence(&first.text)),
        (Some(first), more) => format!(
            "{} cycles, first of all: {}",
            text::count(more as u64 + 1),
            sentence(&first.text)
        ),
    }
}

fn depth(report: &Report) -> Option<String> {
    let metric = |name: &str| report.metric(name).map(|value| value as u64);
    let chain = of_metric(report, "static_depth").map(|found| found.text.clone());
    let seen = metric("max_sync_depth")
        .zip(metric("p95_sync_depth"))
        .map(|(max, p95)| {
            format!(
                "Requests were seen to go {} deep, 95 of 100 no deeper than {}",
                text::plural(max, "synchronous call"),
                text::count(p95)
            )
        });
    let parts: Vec<String> = seen.into_iter().chain(chain).collect();
    (!parts.is_empty()).then(|| sentence(&parts.join("; ")))
}

/// Passes that have nothing to look for until the policy names it.
const BY_POLICY: [&str; 3] = ["deferrable", "sagas", "stages"];

/// Returns what could not be told, one sentence for each reason, which stands behind a colon; what the policy does not ask for comes
/// last, in one sentence.
pub(super) fn untold(report: &Report) -> Vec<String> {
    let unknown = report
        .findings
        .iter()
        .filter(|finding| finding.grade == Grade::Unknown);
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut unasked: Vec<&str> = Vec::new();
    for finding in unknown {
        // What nobody asked for is told under the name of the pass, and not of one of its numbers.
        let is_unasked = finding.metric == finding.pass && finding.subject == Subject::System;
        if BY_POLICY.contains(&finding.pass) && is_unasked {
            unasked.push(finding.pass);
            continue;
        }
        let (what, why) = finding.text.split_once(": ").unwrap_or(("", &finding.text));
        match by_reason.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, subjects)) => subjects.push(what),
            None => by_reason.push((why, vec![what])),
        }
    }
    let mut sentences: Vec<String> = by_reason
        .into_iter()
        .map(|(why, subjects)| match subjects.as_slice() {
            [""] => sentence(why),
            subjects => sentence(&format!("{}: {why}", subjects.join(", "))),
        })
        .collect();
    if let Some(first) = unasked.first() {
        sentences.push(format!(
            "not in the policy: {} (topple explain {first}).",
            unasked.join(", ")
        ));
    }
    sentences
}

/// Returns the findings that tell something.
pub(super) fn told(report: &Report) -> impl Iterator<Item = &Finding> {
    report
        .findings
        .iter()
        .filter(|finding| finding.grade != Grade::Unknown)
}

/// Returns what a pass tells.
pub(super) fn of_pass<'a>(
    report: &'a Report,
    pass: &'static str,
) -> impl Iterator<Item = &'a Finding> {
    told(report).filter(move |finding| finding.pass == pass)
}

fn of_metric<'a>(report: &'a Report, metric: &str) -> Option<&'a Finding> {
    told(report).find(|finding| finding.metric == metric)
}

/// Returns a text that is safe to show, with a full stop; it may begin with a name, whose case is kept.
pub(super) fn sentence(text: &str) -> String {
    format!("{}.", text::visible(text))
}

/// Returns the first of many words, and how many more there are.
fn listed(words: Vec<String>) -> String {
    const SHOWN: usize = 5;
    let more = words.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = words.into_iter().take(SHOWN).collect();
    if more > 0 {
        shown.push(format!("{} more", text::count(more as u64)));
    }
    shown.join(", ")
}
