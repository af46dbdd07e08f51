//! The table of services and of peers without spans.

use std::io;

use super::cells::{heading, list, name, number, share};
use super::page::{Column, Grid, Page, Row};
use crate::render::Options;
use crate::render::summary::nodes;
use crate::report::{Kind, Report, Service};

/// Writes the table, if there are any.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let mut nodes: Vec<&Service> = nodes(report).collect();
    if nodes.is_empty() {
        return Ok(());
    }
    nodes.sort_by_key(|node| std::cmp::Reverse(node.in_degree));
    let title = "Services and peers, most callers first";
    page.heading(&heading(title, nodes.len(), options))?;
    let rows = nodes
        .iter()
        .take(options.rows())
        .map(|node| service_row(node))
        .collect();
    let head = [
        ("name", Column::Name),
        ("kind", Column::Word),
        ("callers", Column::Number),
        ("callees", Column::Number),
        ("instances", Column::Number),
        ("spans", Column::Number),
        ("failed", Column::Number),
        ("versions", Column::Word),
        ("zones", Column::Word),
    ];
    page.grid(&Grid::new(&head, rows))
}

fn service_row(node: &Service) -> Row {
    let emitted = |cell: String| {
        if node.kind == Kind::Service {
            cell
        } else {
            String::new()
        }
    };
    let failed = if node.spans > 0 {
        node.failed_spans as f64 / node.spans as f64
    } else {
        0.0
    };
    Row {
        cells: vec![
            name(&node.name),
            node.kind.name().to_owned(),
            number(node.in_degree as f64),
            number(node.out_degree as f64),
            emitted(number(node.instances as f64)),
            emitted(number(node.spans as f64)),
            emitted(share(failed)),
            list(&node.versions),
            list(&node.zones),
        ],
        failing: node.failed_spans > 0,
    }
}
