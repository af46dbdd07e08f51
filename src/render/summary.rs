//! What people want to know first: how much was read, how far it can be trusted, what fails and what is slow.
//!
//! Sentences and orders that more than one renderer needs; where they stand and how they look is the renderer's.

use std::collections::BTreeSet;

use crate::report::{EdgeRow, Grade, Kind, Report, Service};
use crate::text;

/// Returns what was read, in one sentence.
pub(super) fn scope(report: &Report) -> String {
    let data = &report.data;
    if data.spans_read == 0 {
        return "No spans were read.".to_owned();
    }
    let services = report
        .services
        .iter()
        .filter(|node| node.kind == Kind::Service)
        .count();
    let virtuals = nodes(report).count() - services;
    let mut sentence = format!(
        "{} in {}: {}",
        text::plural(data.spans_read, "span"),
        text::plural(data.traces, "trace"),
        text::plural(services as u64, "service"),
    );
    if virtuals > 0 {
        sentence.push_str(&format!(
            ", {} without spans",
            text::plural(virtuals as u64, "peer")
        ));
    }
    let pairs: BTreeSet<(&str, &str)> = edges(report)
        .filter(|edge| !edge.direct)
        .map(|edge| (edge.from.as_str(), edge.to.as_str()))
        .collect();
    sentence.push_str(&format!(", {}", text::plural(pairs.len() as u64, "edge")));
    if let Some((start, end)) = data.window {
        let length = text::duration(end.saturating_sub(start));
        sentence.push_str(&format!("; {length} from {}", text::time_to_second(start)));
    }
    sentence.push('.');
    sentence
}

/// Returns how far the data can be trusted, one sentence each.
pub(super) fn trust(report: &Report) -> Vec<String> {
    let data = &report.data;
    if data.spans_read == 0 {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    match data.paired_ratio {
        Some(ratio) => sentences.push(format!(
            "Both sides were seen of {} of the calls between services.",
            text::percent(ratio)
        )),
        None if edges(report).next().is_some() => {
            sentences.push("No call has a CLIENT span with its SERVER span.".to_owned());
        }
        None => {}
    }
    if let Some(ratio) = data.orphan_ratio.filter(|ratio| *ratio > 0.0) {
        sentences.push(format!(
            "The parent of {} of the spans is missing.",
            text::percent(ratio)
        ));
    }
    sentences.push(match data.weights_known {
        true => "Counts are weighted by the sampling of the spans.".to_owned(),
        false => "Spans carry no sampling weights: counts are of what was recorded.".to_owned(),
    });
    if data.problems_total > 0 {
        sentences.push(format!(
            "{} in the input.",
            text::plural(data.problems_total, "problem")
        ));
    }
    sentences
}

/// Returns what fails and where the time goes, one sentence each.
pub(super) fn answers(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    let seen: Vec<&EdgeRow> = edges(report).filter(|edge| !edge.direct).collect();
    if seen.is_empty() {
        return sentences;
    }
    let failing = seen.iter().filter(|edge| edge.errors() > 0.0).count();
    match by_urgency(seen.iter().copied()).first() {
        Some(worst) if worst.errors() > 0.0 => sentences.push(format!(
            "{} of {} failing, most often {}: {} of {} attempts.",
            text::count(failing as u64),
            text::plural(seen.len() as u64, "edge"),
            arrow(worst),
            text::percent(worst.error_ratio()),
            text::weighted(worst.attempts),
        )),
        _ => sentences.push("No failed calls were seen.".to_owned()),
    }
    let share = |edge: &EdgeRow| edge.critical_path_share.unwrap_or(0.0);
    let slowest = seen
        .iter()
        .rev()
        .max_by(|a, b| share(a).total_cmp(&share(b)));
    if let Some(slowest) = slowest.filter(|edge| share(edge) > 0.0) {
        sentences.push(format!(
            "Requests wait longest in {}: {} of all time on critical paths.",
            arrow(slowest),
            text::percent(share(slowest)),
        ));
    }
    sentences
}

/// Returns the two ends of an edge as a person would write them, each shortened to a third of a line.
fn arrow(edge: &EdgeRow) -> String {
    format!("{} -> {}", name(&edge.from, 30), name(&edge.to, 30))
}

/// Returns a name that is safe to show and fits so many columns; an absent one is said to be empty.
pub(super) fn name(name: &str, columns: usize) -> String {
    if name.is_empty() {
        return text::truncated("(empty)", columns).into_owned();
    }
    text::truncated(&text::visible(name), columns).into_owned()
}

/// Returns services and virtual nodes, without users.
pub(super) fn nodes(report: &Report) -> impl Iterator<Item = &Service> {
    report
        .services
        .iter()
        .filter(|node| node.kind != Kind::Users)
}

/// Returns edges between services and virtual nodes: users, who are no node, come through entry points.
pub(super) fn edges(report: &Report) -> impl Iterator<Item = &EdgeRow> {
    let names: BTreeSet<&str> = nodes(report).map(|node| node.name.as_str()).collect();
    report
        .edges
        .iter()
        .filter(move |edge| names.contains(edge.from.as_str()))
}

/// Sorts edges: most failed attempts first, then most time on critical paths, then most calls.
pub(super) fn by_urgency<'a>(edges: impl Iterator<Item = &'a EdgeRow>) -> Vec<&'a EdgeRow> {
    let mut edges: Vec<&EdgeRow> = edges.collect();
    edges.sort_by(|a, b| {
        let share = |edge: &EdgeRow| edge.critical_path_share.unwrap_or(0.0);
        (b.errors().total_cmp(&a.errors()))
            .then(share(b).total_cmp(&share(a)))
            .then(b.calls.total_cmp(&a.calls))
    });
    edges
}

/// The account of the spans: every class with its spans, then every reason why spans found no place.
pub(super) fn account(report: &Report) -> Vec<(String, u64)> {
    let classes = report
        .data
        .spans_by_class
        .iter()
        .map(|(class, n)| (class.replace('_', " "), *n));
    let reasons = report.data.unresolved.iter();
    classes
        .chain(reasons.map(|(why, n)| (format!("unresolved: {}", why.replace('_', " ")), *n)))
        .filter(|(_, spans)| *spans > 0)
        .collect()
}

/// Returns what was looked at to find nothing that costs requests anything.
pub(super) fn nothing_to_fix(report: &Report) -> String {
    let untold = report
        .findings
        .iter()
        .filter(|finding| finding.grade == Grade::Unknown);
    let seen = format!(
        "Nothing was found that costs requests anything: {} looked at {}.",
        text::plural(report.passes as u64, "pass"),
        text::plural(report.data.traces, "trace"),
    );
    match untold.count() {
        0 => seen,
        n => format!(
            "{seen} {} could not be told; see the end of the findings.",
            text::plural(n as u64, "thing")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::shop;
    use super::*;

    #[test]
    fn the_scope_counts_pairs_once_and_no_users() {
        assert_eq!(
            scope(&shop()),
            "12,345 spans in 1,234 traces: 5 services, 4 peers without spans, 8 edges; \
             15 min from 2026-01-01T00:00:00Z."
        );
    }

    #[test]
    fn users_are_no_node_whether_listed_or_not() {
        let mut report = shop();
        let before = (scope(&report), edges(&report).count());
        let users = Service {
            name: "(users)".to_owned(),
            kind: Kind::Users,
            ..Service::default()
        };
        report.services.push(users);
        assert_eq!((scope(&report), edges(&report).count()), before);
    }

    #[test]
    fn nothing_read_is_said_and_not_judged() {
        let nothing = Report::default();
        assert_eq!(scope(&nothing), "No spans were read.");
        assert!(trust(&nothing).is_empty());
        assert!(answers(&nothing).is_empty());
    }

    #[test]
    fn the_answers_name_the_worst_edge() {
        assert_eq!(
            answers(&shop()),
            [
                "1 of 8 edges failing, most often checkout -> payments: 11.2 % of 380 attempts.",
                "Requests wait longest in checkout -> payments: 61.2 % of all time on critical paths.",
            ]
        );
    }

    #[test]
    fn no_failures_are_said() {
        let mut report = shop();
        report.edges.retain(|edge| edge.errors() == 0.0);
        assert_eq!(answers(&report)[0], "No failed calls were seen.");
    }

    #[test]
    fn urgent_edges_fail_then_take_time_then_are_busy() {
        let report = shop();
        let order: Vec<&str> = by_urgency(edges(&report))
            .iter()
            .map(|edge| edge.to.as_str())
            .collect();
        assert_eq!(order[0], "payments");
        assert_eq!(order[1], "redis");
        assert_eq!(*order.last().unwrap(), "tax.example.com");
    }

    #[test]
    fn unweighted_spans_and_lost_parents_are_said() {
        let mut report = shop();
        report.data.weights_known = false;
        report.data.problems_total = 1;
        assert_eq!(
            trust(&report),
            [
                "Both sides were seen of 98.2 % of the calls between services.",
                "The parent of 0.1 % of the spans is missing.",
                "Spans carry no sampling weights: counts are of what was recorded.",
                "1 problem in the input.",
            ]
        );
        report.data.paired_ratio = None;
        assert_eq!(
            trust(&report)[0],
            "No call has a CLIENT span with its SERVER span."
        );
    }
}
