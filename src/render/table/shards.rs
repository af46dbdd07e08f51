//! What tenants share, and what failed instances do to them.

use std::io;

use super::cells::{heading, name, number, share};
use super::page::{Column, Grid, Page, Row};
use crate::render::Options;
use crate::report::Report;

/// Writes both tables, if tenants are known.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    if report.shards.is_empty() {
        return Ok(());
    }
    let overlaps = report.shards.iter().flat_map(|of| {
        of.overlap.iter().map(move |overlap| Row {
            cells: vec![
                name(&of.service),
                format!("{} of {}", of.size, of.instances),
                number(overlap.shared as f64),
                number(overlap.pairs as f64),
                share(overlap.share),
                share(overlap.random),
            ],
            failing: false,
        })
    });
    let rows: Vec<Row> = overlaps.collect();
    page.heading(&heading(
        "How many instances two tenants share",
        rows.len(),
        options,
    ))?;
    let head = [
        ("service", Column::Name),
        ("tenants use", Column::Number),
        ("share", Column::Number),
        ("pairs", Column::Number),
        ("seen", Column::Number),
        ("at random", Column::Number),
    ];
    let rows = rows.into_iter().take(options.rows()).collect();
    page.grid(&Grid::new(&head, rows))?;
    let losses = report.shards.iter().flat_map(|of| {
        of.losses.iter().map(move |loss| Row {
            cells: vec![
                name(&of.service),
                format!("{} of {}", loss.failed, of.instances),
                share(loss.all_down),
                share(loss.any_down),
            ],
            failing: false,
        })
    });
    let rows: Vec<Row> = losses.collect();
    page.heading(&heading(
        "Which tenants lose instances when some are down, if shards are random",
        rows.len(),
        options,
    ))?;
    let head = [
        ("service", Column::Name),
        ("down", Column::Number),
        ("all of theirs", Column::Number),
        ("at least one", Column::Number),
    ];
    let rows = rows.into_iter().take(options.rows()).collect();
    page.grid(&Grid::new(&head, rows))
}
