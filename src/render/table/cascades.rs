//! The page on what falls when one part falls: the answers, services, failures that happened, and what stops them.

use std::io;

use super::cells::{heading, name, number, share};
use super::page::{Column, Grid, Page, Row};
use super::{shards, story, write_findings, write_summary};
use crate::render::Options;
use crate::render::falls::{answers, chain, falling, narrowed, ties, with_tenants, worst_entry};
use crate::report::{BlastRadius, Dependency, Report, Service, Stop, Tie};
use crate::text;

/// Rows of each table, unless a number is chosen: what fits a screen with the answers.
const ROWS: usize = 8;

/// Writes the page.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let report = &narrowed(report);
    if report.focus.is_some() {
        return story::write(report, options, page);
    }
    let options = &Options {
        top: Some(options.top.unwrap_or(ROWS)),
        ..*options
    };
    write_summary(report, &answers(report), page)?;
    write_services(report, options, page)?;
    write_tenants(report, options, page)?;
    shards::write(report, options, page)?;
    write_chains(report, options, page)?;
    write_ties(report, options, page)?;
    write_findings(report, options, options.rows(), page)
}

fn write_services(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let falling = falling(report);
    if falling.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        match report.weighs() {
            true => "What falls without a service, in shares of all requests by weight",
            false => "What falls without a service, in shares of all requests",
        },
        falling.len(),
        options,
    ))?;
    let rows = falling
        .iter()
        .take(options.rows())
        .map(|(node, radius)| row(report, node, radius));
    let head = [
        ("without", Column::Name),
        ("kind", Column::Word),
        ("use it", Column::Number),
        ("fall", Column::Number),
        ("at most", Column::Number),
        ("95 %", Column::Number),
        ("fell", Column::Number),
        ("takes along", Column::Number),
        ("most of", Column::Name),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    page.paragraph(
        "fall: through calls known to let failures through; at most: also through those of which that is unknown; fell: failed while a failure began there; 95 %: what chance may have added, by drawing the requests again; takes along: services that would fail too",
        2,
    )
}

fn write_tenants(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let tenants = with_tenants(report);
    if tenants.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Which tenants fall without a service, in shares of all tenants and, by size, of their requests",
        tenants.len(),
        options,
    ))?;
    let rows = tenants.iter().take(options.rows()).map(|(node, of)| {
        let (low, high) = of.interval;
        let (_, size_low, size_high) = of.by_size;
        let (least, most) = of.by_size_interval;
        Row {
            cells: vec![
                name(&node.name),
                share(of.touch),
                share(of.hard_low),
                share(of.hard_high),
                format!("{}..{}", share(low), share(high)),
                share(size_low),
                share(size_high),
                format!("{}..{}", share(least), share(most)),
            ],
            failing: false,
        }
    });
    let head = [
        ("without", Column::Name),
        ("use it", Column::Number),
        ("fall", Column::Number),
        ("at most", Column::Number),
        ("95 %", Column::Number),
        ("by size: fall", Column::Number),
        ("at most", Column::Number),
        ("95 %", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn row(report: &Report, node: &Service, radius: &BlastRadius) -> Row {
    let (low, high) = radius.interval();
    let size = report.sizes.iter().find(|size| size.service == node.name);
    Row {
        cells: vec![
            name(&node.name),
            node.kind.name().to_owned(),
            share(radius.touch),
            share(radius.hard_low),
            share(radius.hard_high),
            format!("{}..{}", share(low), share(high)),
            radius
                .observed
                .filter(|seen| *seen > 0.0)
                .map(share)
                .unwrap_or_default(),
            size.map(|size| takes_along(size.expected))
                .unwrap_or_default(),
            worst_entry(radius).as_deref().map(name).unwrap_or_default(),
        ],
        failing: radius.observed.is_some_and(|seen| seen > 0.0),
    }
}

/// Returns how many services fail too, between two bounds.
pub(super) fn takes_along((low, high): (f64, f64)) -> String {
    let (low, high) = (format!("{low:.1}"), format!("{high:.1}"));
    match low.as_str() {
        _ if low == high => low,
        "0.0" => format!("up to {high}"),
        _ => format!("{low}..{high}"),
    }
}

/// Writes the chains of failures.
pub(super) fn write_chains(
    report: &Report,
    options: &Options,
    page: &mut Page<'_>,
) -> io::Result<()> {
    if report.chains.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Failures that happened, from where they began upwards",
        report.chains.len(),
        options,
    ))?;
    for found in report.chains.iter().take(options.rows()) {
        let times = text::plural(found.traces, "trace");
        let trace = match found.exemplars.first() {
            Some(id) => format!(", as in {id}"),
            None => String::new(),
        };
        let line = format!("{times}: {}{trace}", chain(found));
        match found.stop {
            Stop::Entry => page.alarm_indented(&line, 2)?,
            Stop::Absorbed | Stop::Retried | Stop::Nobody | Stop::Lost => {
                page.paragraph(&line, 2)?;
            }
        }
    }
    Ok(())
}

fn write_ties(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let ties = ties(report);
    if ties.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "What lets failures through, what stops them, and what is unknown",
        ties.len(),
        options,
    ))?;
    let rows = ties
        .iter()
        .take(options.rows())
        .map(|(edge, tie)| tie_row(&edge.from, &edge.to, tie));
    let head = [
        ("caller", Column::Name),
        ("callee", Column::Name),
        ("dependency", Column::Word),
        ("call failed", Column::Number),
        ("caller too", Column::Number),
        ("call fine", Column::Number),
        ("caller failed", Column::Number),
        ("passed on", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn tie_row(from: &str, to: &str, tie: &Tie) -> Row {
    let passed_on = tie
        .transmissibility
        .map(|tau| format!("{}..{}", share(tau.low), share(tau.high)));
    Row {
        cells: vec![
            name(from),
            name(to),
            tie.dependency.name().to_owned(),
            number(tie.failed_calls as f64),
            number(tie.both_failed as f64),
            number(tie.good_calls as f64),
            number(tie.failed_alone as f64),
            passed_on.unwrap_or_default(),
        ],
        failing: tie.dependency == Dependency::Hard,
    }
}
