//! The page on who is central: the answers, three rankings side by side, what hangs on whom.

use std::collections::BTreeSet;
use std::io;

use super::cells::{heading, name, number, share};
use super::page::{Column, Grid, Page, Row};
use super::{write_findings, write_summary};
use crate::render::Options;
use crate::render::central::{answers, rankings};
use crate::render::summary::nodes;
use crate::report::{Degrees, Report, Service};
use crate::text;

/// Rows of the rankings, unless a number is chosen: what fits one screen with the answers.
const RANKS: usize = 8;

/// Writes the page.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    write_summary(report, &answers(report), page)?;
    write_rankings(report, options, page)?;
    write_findings(report, options, options.rows(), page)?;
    write_nodes(report, options, page)?;
    write_degrees(report, options, page)
}

fn write_rankings(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let [by_callers, by_paths, by_requests] = rankings(report);
    let all = [&by_callers, &by_paths, &by_requests];
    let longest = all.iter().map(|ranking| ranking.nodes.len()).max();
    let Some(longest) = longest.filter(|longest| *longest > 0) else {
        return Ok(());
    };
    let options = &Options {
        top: Some(options.top.unwrap_or(RANKS)),
        ..*options
    };
    page.heading(&heading("Most central, three ways", longest, options))?;
    let rows = (0..longest.min(options.rows())).map(|at| {
        let mut cells = vec![text::count(at as u64 + 1)];
        for ranking in all {
            let (node, value) = match ranking.nodes.get(at) {
                Some((node, value)) => (name(&node.name), value.replace(' ', "")),
                None => (String::new(), String::new()),
            };
            cells.extend([node, value]);
        }
        Row {
            cells,
            failing: false,
        }
    });
    let head = [
        ("", Column::Number),
        ("by callers", Column::Name),
        ("", Column::Number),
        ("by shortest paths", Column::Name),
        ("", Column::Number),
        ("by requests", Column::Name),
        ("", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    page.paragraph(
        "by shortest paths: share of the pairs of others between which it lies; by requests: share that leads through it",
        2,
    )
}

fn write_nodes(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let mut nodes: Vec<&Service> = nodes(report).collect();
    if nodes.is_empty() {
        return Ok(());
    }
    nodes.sort_by_key(|node| {
        let of = &node.standing;
        std::cmp::Reverse((of.dominated + of.cut_off, node.in_degree))
    });
    let title = "Services and peers, most hanging on them first";
    page.heading(&heading(title, nodes.len(), options))?;
    let rows = nodes.iter().take(options.rows()).map(|node| row(node));
    let head = [
        ("name", Column::Name),
        ("kind", Column::Word),
        ("callers", Column::Number),
        ("callees", Column::Number),
        ("alone", Column::Number),
        ("off", Column::Number),
        ("reached through", Column::Name),
        ("core", Column::Number),
        ("level", Column::Number),
        ("rank", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    page.paragraph(
        "alone: nodes reached through it alone; off: nodes cut off without it; rank: share of a random walk's time",
        2,
    )
}

/// Writes how many nodes have how many neighbours, the most first.
fn write_degrees(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let Degrees {
        total,
        incoming,
        outgoing,
    } = &report.degrees;
    let all = [total, incoming, outgoing];
    let occurring: BTreeSet<u64> = all
        .iter()
        .copied()
        .flatten()
        .map(|row| row.degree)
        .collect();
    if occurring.is_empty() {
        return Ok(());
    }
    let title = "Nodes by how many they are joined to, and the share with so many or more";
    page.heading(&heading(title, occurring.len(), options))?;
    let rows = occurring.iter().rev().take(options.rows()).map(|&degree| {
        let mut cells = vec![text::count(degree)];
        for of in all {
            match of.iter().find(|row| row.degree == degree) {
                Some(row) => cells.extend([text::count(row.count), text::percent(row.ccdf)]),
                None => cells.extend([String::new(), String::new()]),
            }
        }
        Row {
            cells,
            failing: false,
        }
    });
    let head = [
        ("degree", Column::Number),
        ("neighbours", Column::Number),
        ("share", Column::Number),
        ("callers", Column::Number),
        ("share", Column::Number),
        ("callees", Column::Number),
        ("share", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn row(node: &Service) -> Row {
    let of = &node.standing;
    let some = |count: u64| match count {
        0 => String::new(),
        count => number(count as f64),
    };
    Row {
        cells: vec![
            name(&node.name),
            node.kind.name().to_owned(),
            number(node.in_degree as f64),
            number(node.out_degree as f64),
            some(of.dominated),
            some(of.cut_off),
            of.immediate_dominator
                .as_deref()
                .map(name)
                .unwrap_or_default(),
            of.core.map(text::count).unwrap_or_default(),
            of.level
                .map(|level| format!("{level:.1}"))
                .unwrap_or_default(),
            of.pagerank.map(share).unwrap_or_default(),
        ],
        failing: false,
    }
}
