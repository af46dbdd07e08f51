//! What changes do, for a terminal: the answer, then entry points, services and calls, what would help, what is taken for granted.

use std::io;

use super::cells::{heading, name, number, tight};
use super::page::{Column, Grid, Page, Row};
use super::write_problems;
use crate::render::simulation::{
    answers, assumptions, factors, help, help_heading, is_other, no_help, range,
};
use crate::render::{Options, Renderer};
use crate::report::{EntryChange, Latency, Range, Report, Simulation, Spread};
use crate::text;

/// Writes text for terminals.
pub(in crate::render) static TABLE: Renderer = Renderer {
    name: "table",
    about: "what changes and what would help, for people",
    extensions: &["txt"],
    edges_with: None,
    write,
};

/// Rows of services and of calls, unless a number is chosen.
const ROWS: usize = 8;

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page {
        out,
        color: options.color,
    };
    let page = &mut page;
    let Some(of) = &report.simulation else {
        return Ok(());
    };
    for (at, answer) in answers(report, of).iter().enumerate() {
        let answer = text::visible(answer);
        match at == 2 && of.all.lost().low > 0.0 {
            true => page.alarm(&answer)?,
            false => page.paragraph(&answer, 0)?,
        }
    }
    for note in &report.notes {
        page.paragraph(&format!("note: {}", text::visible(note)), 2)?;
    }
    if of.requests > 0 {
        write_entries(of, options, page)?;
        write_times(of, options, page)?;
        let options = &Options {
            top: Some(options.top.unwrap_or(ROWS)),
            ..*options
        };
        write_services(of, options, page)?;
        write_edges(of, options, page)?;
        write_rest(of, page)?;
    }
    write_problems(report, page)
}

/// Returns a range of shares, tight.
fn shares(of: Range) -> String {
    tight(range(of)).replace("%to", "-")
}

fn write_entries(of: &Simulation, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let title = "Requests that succeed, entry points that lose most first";
    page.heading(&heading(title, of.entries.len(), options))?;
    let rows = of.entries.iter().take(options.rows()).map(|entry| Row {
        cells: vec![
            name(&entry.service),
            name(&entry.operation),
            number(entry.requests),
            match entry.load == 1.0 {
                true => String::new(),
                false => format!("x{}", text::value(entry.load)),
            },
            tight(text::percent(entry.success.before)),
            shares(entry.success.after),
            shares(entry.success.interval),
        ],
        failing: entry.success.lost().low > 0.0,
    });
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("requests", Column::Number),
        ("load", Column::Number),
        ("before", Column::Number),
        ("after", Column::Number),
        ("95 % interval", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_times(of: &Simulation, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let slower: Vec<(&EntryChange, Latency, Latency)> = of
        .entries
        .iter()
        .filter_map(|entry| Some((entry, entry.before?, entry.after?)))
        .filter(|(_, before, after)| is_other(before, after))
        .collect();
    if slower.is_empty() {
        return Ok(());
    }
    let title = "How long requests take that succeed, where that changes";
    page.heading(&heading(title, slower.len(), options))?;
    let time = |of: Spread| tight(text::duration(of.value));
    let rows = slower
        .iter()
        .take(options.rows())
        .map(|(entry, before, after)| {
            let mut cells = vec![name(&entry.service), name(&entry.operation)];
            for (then, now) in [
                (before.p50, after.p50),
                (before.p95, after.p95),
                (before.p99, after.p99),
            ] {
                cells.extend([time(then), time(now)]);
            }
            let [low, high] = [after.p99.low, after.p99.high].map(|ns| tight(text::duration(ns)));
            cells.push(format!("{low}-{high}"));
            Row {
                cells,
                failing: false,
            }
        });
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("p50", Column::Number),
        ("after", Column::Number),
        ("p95", Column::Number),
        ("after", Column::Number),
        ("p99", Column::Number),
        ("after", Column::Number),
        ("95 % interval", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_services(of: &Simulation, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    if of.services.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Services, those whose answers change most first",
        of.services.len(),
        options,
    ))?;
    let rows = of.services.iter().take(options.rows()).map(|service| Row {
        cells: vec![
            name(&service.service),
            tight(text::percent(service.failed_before)),
            shares(service.failed_after),
            tight(factors(service.load)).replace("to", "-"),
            service.rate_before.map(number).unwrap_or_default(),
            service.utilisation.map(shares).unwrap_or_default(),
        ],
        failing: service.failed_after.low > service.failed_before,
    });
    let head = [
        ("service", Column::Name),
        ("calls fail", Column::Number),
        ("after", Column::Number),
        ("attempts", Column::Number),
        ("per s before", Column::Number),
        ("full", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_edges(of: &Simulation, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    if of.edges.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Calls, those that change most first",
        of.edges.len(),
        options,
    ))?;
    let rows = of.edges.iter().take(options.rows()).map(|edge| {
        let attempts = edge.attempts_after;
        let [low, high] = [attempts.low, attempts.high].map(|n| number((n * 10.0).round() / 10.0));
        Row {
            cells: vec![
                name(&edge.from),
                name(&edge.to),
                tight(text::percent(edge.failed_before)),
                shares(edge.failed_after),
                number(edge.attempts_before),
                if low == high {
                    low
                } else {
                    format!("{low}-{high}")
                },
                tight(factors(edge.per_call))
                    .replace("to", "-")
                    .replace('x', ""),
            ],
            failing: edge.failed_after.low > edge.failed_before,
        }
    });
    let head = [
        ("caller", Column::Name),
        ("callee", Column::Name),
        ("fail", Column::Number),
        ("after", Column::Number),
        ("attempts", Column::Number),
        ("after", Column::Number),
        ("per call", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_rest(of: &Simulation, page: &mut Page<'_>) -> io::Result<()> {
    page.heading(&help_heading(of))?;
    if of.helps.is_empty() {
        page.paragraph(no_help(of), 0)?;
    }
    for (at, one) in of.helps.iter().enumerate() {
        page.paragraph(&format!("{}. {}", at + 1, help(one)), 3)?;
    }
    page.heading("Taken for granted")?;
    for (at, assumption) in assumptions(of).iter().enumerate() {
        page.paragraph(&format!("{}. {assumption}", at + 1), 3)?;
    }
    page.heading("Not told")?;
    for untold in &of.untold {
        page.paragraph(&format!("- {}", text::visible(untold)), 2)?;
    }
    Ok(())
}
