//! The table of entry points.

use std::io;

use super::cells::{heading, name, number, share, time};
use super::page::{Column, Grid, Page, Row};
use crate::render::Options;
use crate::report::{EntryRow, Report};
use crate::text;

/// Writes the table, or why there is none.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    if report.entries.is_empty() {
        return match report.data.spans_read {
            0 => Ok(()),
            _ => page.paragraph(
                "No entry points: no trace has its first span in the data.",
                0,
            ),
        };
    }
    page.heading(&heading(
        "Entry points, the busiest first",
        report.entries.len(),
        options,
    ))?;
    let rows = report
        .entries
        .iter()
        .take(options.rows())
        .map(entry_row)
        .collect();
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("kind", Column::Word),
        ("requests", Column::Number),
        ("failed", Column::Number),
        ("p50", Column::Number),
        ("p99", Column::Number),
        ("max", Column::Number),
        ("depth", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows))?;
    page.paragraph(
        "depth: synchronous calls below each other, 95th percentile of the requests",
        2,
    )
}

fn entry_row(entry: &EntryRow) -> Row {
    let failed = if entry.requests > 0.0 {
        entry.failed / entry.requests
    } else {
        0.0
    };
    let duration = &entry.duration_ns;
    Row {
        cells: vec![
            name(&entry.service),
            name(&entry.operation),
            entry.kind.to_owned(),
            number(entry.requests),
            share(failed),
            time(duration, duration.p50),
            time(duration, duration.p99),
            time(duration, duration.max),
            text::count(entry.sync_depth.1),
        ],
        failing: entry.failed > 0.0,
    }
}
