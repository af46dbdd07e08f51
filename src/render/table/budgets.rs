//! The page on budgets: the answers, where the time of each entry point goes, what calls may take.

use std::io;

use super::cells::{heading, name, number, share, tight};
use super::page::{Column, Grid, Page, Row};
use super::{write_findings, write_summary};
use crate::render::Options;
use crate::render::budget::{answers, most, only_budgets};
use crate::report::{CallBudget, EntryBudget, Report};
use crate::text;

/// Rows of entry points, unless a number is chosen: what fits one screen with the answers.
const ENTRIES: usize = 10;

/// Writes the page.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let report = &only_budgets(report);
    write_summary(report, &answers(report), page)?;
    write_entries(report, options, page)?;
    write_findings(report, options, options.rows(), page)?;
    write_calls(report, options, page)
}

fn write_entries(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let entries = &report.budgets.entries;
    if entries.is_empty() {
        return Ok(());
    }
    let options = &Options {
        top: Some(options.top.unwrap_or(ENTRIES)),
        ..*options
    };
    page.heading(&heading(
        "Where the time goes, entry points with the most of it first",
        entries.len(),
        options,
    ))?;
    let rows = entries
        .iter()
        .take(options.rows())
        .flat_map(entry_rows)
        .collect();
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("requests", Column::Number),
        ("p50", Column::Number),
        ("p99", Column::Number),
        ("goal", Column::Number),
        ("most time in", Column::Name),
        ("share", Column::Number),
        ("typical", Column::Number),
        ("slowest", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows))?;
    page.paragraph(
        "share: of the time of all requests, spent in the operation itself while the end of the request waits for it; \
         typical, slowest: of requests around the median, and of the slowest 1 % (5 % of fewer than 300)",
        2,
    )
}

fn entry_rows(entry: &EntryBudget) -> Vec<Row> {
    let time = |ns: Option<u64>| ns.map(|ns| tight(text::duration(ns))).unwrap_or_default();
    let failing = entry.slo.zip(entry.p99).is_some_and(|(slo, p99)| p99 > slo);
    let mut rows = Vec::new();
    for (at, most) in most(entry).into_iter().enumerate() {
        let mut cells = match at {
            0 => vec![
                name(&entry.service),
                name(&entry.operation),
                number(entry.requests as f64),
                time(entry.p50),
                time(entry.p99),
                time(entry.slo),
            ],
            _ => vec![String::new(); 6],
        };
        cells.push(name(&most.operation));
        cells.extend(most.shares.map(|of| of.map(share).unwrap_or_default()));
        rows.push(Row { cells, failing });
    }
    rows
}

fn write_calls(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let is_told = |call: &&CallBudget| call.timeout.is_some() || call.max_attempts > 1;
    let mut calls: Vec<&CallBudget> = report.budgets.calls.iter().filter(is_told).collect();
    if calls.is_empty() {
        return Ok(());
    }
    let amplification = |call: &CallBudget| call.amplification.unwrap_or(1.0);
    calls.sort_by(|a, b| amplification(b).total_cmp(&amplification(a)));
    page.heading(&heading(
        "Calls with a timeout or retries, most retried first",
        calls.len(),
        options,
    ))?;
    let rows = calls.iter().take(options.rows()).map(|call| call_row(call));
    let head = [
        ("caller", Column::Name),
        ("callee", Column::Name),
        ("timeout", Column::Number),
        ("known by", Column::Word),
        ("p99", Column::Number),
        ("attempts", Column::Number),
        ("per call", Column::Number),
        ("slack", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    let has_slack = calls
        .iter()
        .take(options.rows())
        .any(|call| call.slack.is_some());
    let slack = match has_slack {
        true => "; slack: how much longer calls off the critical path could take on average",
        false => "",
    };
    page.paragraph(
        &format!(
            "attempts: the most of one call, declared or seen; per call: attempts divided by calls{slack}"
        ),
        2,
    )
}

fn call_row(call: &CallBudget) -> Row {
    let time = |ns: u64| tight(text::duration(ns));
    Row {
        cells: vec![
            name(&call.from),
            name(&call.to),
            call.timeout.map(|(ns, _)| time(ns)).unwrap_or_default(),
            call.timeout
                .map(|(_, source)| source.to_owned())
                .unwrap_or_default(),
            call.p99.map(time).unwrap_or_default(),
            number(call.max_attempts as f64),
            call.amplification
                .map(|of| format!("{of:.2}"))
                .unwrap_or_default(),
            call.slack.map(|of| time(of.mean_ns)).unwrap_or_default(),
        ],
        failing: false,
    }
}
