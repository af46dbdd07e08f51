//! What a drawing of the graph shows: numbered nodes, the edges between them, and their labels as text.
//!
//! Direct edges are left out: the drawing shows the queue that the messages go through. Whoever calls and is
//! not listed is a user.

use std::collections::BTreeMap;

use super::summary::name;
use crate::report::{EdgeRow, Kind, Report};
use crate::text;

/// Widest name in a drawing.
const NAME_COLUMNS: usize = 48;

/// A graph to draw.
pub(super) struct Drawing<'a> {
    /// By number.
    pub(super) nodes: Vec<Node>,
    /// In the order of the report.
    pub(super) edges: Vec<Line<'a>>,
    /// Edges left out.
    pub(super) left_out: usize,
}

/// A node to draw.
pub(super) struct Node {
    /// Its name, safe to show; not yet escaped for the target.
    pub(super) label: String,
    pub(super) kind: Kind,
}

/// An edge to draw.
pub(super) struct Line<'a> {
    /// Number of the caller.
    pub(super) from: usize,
    /// Number of the callee.
    pub(super) to: usize,
    pub(super) edge: &'a EdgeRow,
    /// Calls and failures, ASCII.
    pub(super) label: String,
}

impl<'a> Drawing<'a> {
    /// Returns the drawing of the busiest edges; isolated nodes are shown only if no edge is left out.
    pub(super) fn new(report: &'a Report, max_edges: usize) -> Drawing<'a> {
        let edges: Vec<&EdgeRow> = report.edges.iter().filter(|edge| !edge.direct).collect();
        let kept = busiest(&edges, max_edges);
        let mut drawing = Drawing {
            nodes: Vec::new(),
            edges: Vec::new(),
            left_out: edges.len() - kept.len(),
        };
        let kinds: BTreeMap<&str, Kind> = report
            .services
            .iter()
            .map(|node| (node.name.as_str(), node.kind))
            .collect();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut number = |node: &'a str| {
            *numbers.entry(node).or_insert_with(|| {
                drawing.nodes.push(Node {
                    label: name(node, NAME_COLUMNS),
                    kind: kinds.get(node).copied().unwrap_or(Kind::Users),
                });
                drawing.nodes.len() - 1
            })
        };
        if drawing.left_out == 0 {
            for node in &report.services {
                number(&node.name);
            }
        }
        for edge in kept {
            let (from, to) = (number(&edge.from), number(&edge.to));
            drawing.edges.push(Line {
                from,
                to,
                edge,
                label: label(edge),
            });
        }
        drawing
    }
}

/// Returns the edges with the most calls, in the order they came.
fn busiest<'a>(edges: &[&'a EdgeRow], max: usize) -> Vec<&'a EdgeRow> {
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by(|&a, &b| edges[b].calls.total_cmp(&edges[a].calls));
    order.truncate(max);
    order.sort_unstable();
    order.into_iter().map(|at| edges[at]).collect()
}

/// Returns calls and failures of an edge: `1,234, 12.3 % failed`.
fn label(edge: &EdgeRow) -> String {
    let mut label = text::weighted(edge.calls);
    if edge.errors() > 0.0 {
        label.push_str(&format!(", {} failed", text::percent(edge.error_ratio())));
    }
    label
}

#[cfg(test)]
mod tests {
    use super::super::sample::shop;
    use super::*;

    #[test]
    fn the_busiest_edges_stay() {
        let report = shop();
        let drawing = Drawing::new(&report, 2);
        let calls: Vec<f64> = drawing.edges.iter().map(|line| line.edge.calls).collect();
        assert_eq!(calls, [1_234.0, 2_000.0]);
        assert_eq!(drawing.left_out, 7);
        let nodes: Vec<&str> = drawing
            .nodes
            .iter()
            .map(|node| node.label.as_str())
            .collect();
        assert_eq!(nodes, ["(users)", "frontend", "cart", "redis"]);
    }

    #[test]
    fn isolated_nodes_are_drawn_and_direct_edges_are_not() {
        let report = shop();
        let drawing = Drawing::new(&report, usize::MAX);
        assert_eq!(drawing.nodes.len(), report.services.len() + 1);
        assert_eq!(drawing.nodes.last().unwrap().kind, Kind::Users);
        assert!(drawing.edges.iter().all(|line| !line.edge.direct));
        assert_eq!(drawing.left_out, 0);
    }

    #[test]
    fn labels_say_calls_and_failures() {
        let report = shop();
        assert_eq!(label(&report.edges[1]), "2,000");
        assert_eq!(label(&report.edges[3]), "300, 11.2 % failed");
    }
}
