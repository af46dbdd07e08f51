//! The table of edges, and the legend of its signs.

use std::io;

use super::cells::{heading, name, number, share, time};
use super::page::{Column, Grid, Page, Row};
use crate::render::Options;
use crate::render::summary::{by_urgency, edges};
use crate::report::{EdgeRow, Quantiles, Report};

/// Writes the table, or why there is none.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let edges = by_urgency(edges(report));
    if edges.is_empty() {
        return match report.data.spans_read {
            0 => Ok(()),
            _ => page.paragraph("No edges: no span calls another service.", 0),
        };
    }
    let title = "Edges by failed attempts, then by share of critical paths";
    page.heading(&heading(title, edges.len(), options))?;
    let shown = &edges[..edges.len().min(options.rows())];
    let head = [
        ("caller", Column::Name),
        ("", Column::Word),
        ("callee", Column::Name),
        ("calls", Column::Number),
        ("errors", Column::Number),
        ("retries", Column::Number),
        ("p50", Column::Number),
        ("p99", Column::Number),
        ("net", Column::Number),
        ("path", Column::Number),
    ];
    page.grid(&Grid::new(
        &head,
        shown.iter().map(|edge| edge_row(edge)).collect(),
    ))?;
    page.paragraph(&legend(shown), 2)
}

fn edge_row(edge: &EdgeRow) -> Row {
    let retries: f64 = edge.retries.iter().sum();
    let (seen, mark) = seen_from(edge);
    let way = way(edge);
    let seen_time = |quantile| match time(seen, quantile) {
        shown if shown.is_empty() => shown,
        shown => shown + mark,
    };
    Row {
        cells: vec![
            name(&edge.from),
            arrow(edge).to_owned(),
            name(&edge.to),
            number(edge.calls),
            share(edge.error_ratio()),
            if retries > 0.0 {
                number(retries)
            } else {
                String::new()
            },
            seen_time(seen.p50),
            seen_time(seen.p99),
            time(way, way.p50),
            edge.critical_path_share.map(share).unwrap_or_default(),
        ],
        failing: edge.errors() > 0.0,
    }
}

fn arrow(edge: &EdgeRow) -> &'static str {
    match (edge.sync, edge.direct) {
        (true, _) => "->",
        (false, false) => "~>",
        (false, true) => "=>",
    }
}

/// Returns the durations to show: the caller's, or else the callee's with a mark.
fn seen_from(edge: &EdgeRow) -> (&Quantiles, &'static str) {
    if edge.client_ns.count == 0 && edge.server_ns.count > 0 {
        (&edge.server_ns, "*")
    } else {
        (&edge.client_ns, "")
    }
}

/// Returns what calls and messages spend between caller and callee.
fn way(edge: &EdgeRow) -> &Quantiles {
    if edge.sync {
        &edge.network_ns
    } else {
        &edge.queue_ns
    }
}

/// Returns what the signs in a table of edges mean, as far as it has them.
fn legend(edges: &[&EdgeRow]) -> String {
    let any = |has: fn(&EdgeRow) -> bool| edges.iter().any(|edge| has(edge));
    [
        (any(|edge| arrow(edge) == "~>"), "~> asynchronous"),
        (
            any(|edge| arrow(edge) == "=>"),
            "=> asynchronous, seen past the queue",
        ),
        (
            any(|edge| seen_from(edge).1 == "*"),
            "* as the callee sees it",
        ),
        (
            any(|edge| way(edge).count > 0),
            "net: median on the way, for messages in the queue",
        ),
        (
            any(|edge| edge.critical_path_share.is_some()),
            "path: share of all time on critical paths",
        ),
    ]
    .iter()
    .filter(|(used, _)| *used)
    .map(|(_, meaning)| *meaning)
    .collect::<Vec<&str>>()
    .join("; ")
}
