//! The page about one service: who falls with it, along which ways, and what it needs itself.

use std::collections::BTreeSet;
use std::io;

use super::cascades::{takes_along, write_chains};
use super::cells::{heading, name, share};
use super::page::{Column, Grid, Page, Row};
use super::{write_findings, write_summary};
use crate::render::Options;
use crate::render::falls::{evidence, ties};
use crate::render::summary::{self, nodes};
use crate::report::{EdgeRow, EntryRadius, Kind, PlaceRadius, Report, Service, Tie};
use crate::text;

/// Widest name in a sentence.
const NAME_COLUMNS: usize = 40;

/// Lines of each tree, unless a number is chosen.
const LINES: usize = 30;

/// Writes the page.
pub(super) fn write(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let focus = report.focus.as_deref().unwrap_or_default();
    let service = nodes(report).find(|node| node.name == focus);
    let answers: Vec<String> = service
        .map(|service| says(report, service))
        .into_iter()
        .collect();
    write_summary(report, &answers, page)?;
    let all = ties(report);
    let tree = |way: Way| Tree {
        way,
        ties: &all,
        seen: BTreeSet::new(),
        lines: Vec::new(),
    };
    page.heading("Who waits for it: falls with it if the call is hard")?;
    tree(Way::Callers).write(focus, options, page)?;
    page.heading("What it waits for: it falls with these if the call is hard")?;
    tree(Way::Callees).write(focus, options, page)?;
    write_entries(service, options, page)?;
    write_places(service, options, page)?;
    write_ways(report, options, page)?;
    write_chains(report, options, page)?;
    write_findings(report, options, options.rows(), page)
}

/// Returns what falls with a service, in a few sentences.
fn says(report: &Report, service: &Service) -> String {
    let shown = name(&service.name);
    let Some(radius) = &service.standing.blast_radius else {
        return format!(
            "Which requests fall without {shown} is unknown: no request was seen from its start."
        );
    };
    let mut said = format!(
        "{} of the requests use {shown}.",
        text::percent(radius.touch)
    );
    let (low, high) = (
        text::percent(radius.hard_low),
        text::percent(radius.hard_high),
    );
    said.push_str(&match (radius.hard_low, radius.hard_high) {
        (_, 0.0) => " None is known to need it.".to_owned(),
        (a, b) if a == b => format!(" Without it {low} fall."),
        (_, _) => format!(" Without it {low} to {high} fall: of some calls on the way it is unknown whether they let failures through."),
    });
    if let Some(seen) = radius.observed.filter(|seen| *seen > 0.0) {
        let seen = text::percent(seen);
        said.push_str(&format!(
            " {seen} of the requests did fail after a failure that began there."
        ));
    }
    if let Some(tenants) = &radius.tenants {
        let (low, high) = (tenants.hard_low, tenants.hard_high);
        let fall = match low == high {
            true => text::percent(low),
            false => format!("{} to {}", text::percent(low), text::percent(high)),
        };
        said.push_str(&format!(
            " {} of the {} use it, and {fall} have requests that fall without it.",
            text::percent(tenants.touch),
            text::plural(tenants.tenants, "tenant"),
        ));
    }
    if let Some(size) = report.sizes.first() {
        let size = takes_along(size.expected);
        said.push_str(&format!(
            " If it fails, {size} other services are expected to fail."
        ));
    }
    if service.kind != Kind::Service {
        said.push_str(" It emits no spans: what is known of it, its callers saw.");
    }
    said
}

/// In which direction a tree grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Callers,
    Callees,
}

/// A tree of services, a line each.
struct Tree<'a> {
    way: Way,
    ties: &'a [(&'a EdgeRow, &'a Tie)],
    /// Services whose lines below stand already.
    seen: BTreeSet<&'a str>,
    lines: Vec<String>,
}

impl<'a> Tree<'a> {
    fn write(mut self, focus: &'a str, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
        self.grow(focus);
        if self.lines.is_empty() {
            return page.paragraph("nobody that was seen", 2);
        }
        let most = options.top.unwrap_or(LINES);
        for line in self.lines.iter().take(most) {
            page.paragraph(line, 2)?;
        }
        match self.lines.len().saturating_sub(most) {
            0 => Ok(()),
            more => page.paragraph(
                &format!(
                    "and {} more; --top {} shows all",
                    text::count(more as u64),
                    self.lines.len()
                ),
                2,
            ),
        }
    }

    /// Adds the lines above or below a service, depth first; each service grows once.
    fn grow(&mut self, focus: &'a str) {
        self.seen.insert(focus);
        let mut stack = self.next(focus, 0);
        while let Some((depth, edge, tie)) = stack.pop() {
            let other = match self.way {
                Way::Callers => edge.from.as_str(),
                Way::Callees => edge.to.as_str(),
            };
            let is_new = self.seen.insert(other);
            let next = self.next(other, depth + 1);
            let again = match is_new || next.is_empty() {
                true => "",
                false => " (see above)",
            };
            self.lines.push(format!(
                "{:indent$}{} {} {}: {}{again}",
                "",
                match self.way {
                    Way::Callers => "<-",
                    Way::Callees => "->",
                },
                summary::name(other, NAME_COLUMNS),
                tie.dependency.name(),
                evidence(tie),
                indent = 2 * depth.min(15),
            ));
            if is_new {
                stack.extend(next);
            }
        }
    }

    /// Returns the edges to the next services, the last to be shown first.
    fn next(&self, service: &str, depth: usize) -> Vec<(usize, &'a EdgeRow, &'a Tie)> {
        let way = self.way;
        let is_next = move |edge: &EdgeRow| match way {
            Way::Callers => edge.to == service,
            Way::Callees => edge.from == service,
        };
        let next = self.ties.iter().rev().filter(|(edge, _)| is_next(edge));
        next.map(|&(edge, tie)| (depth, edge, tie)).collect()
    }
}

fn write_entries(
    service: Option<&Service>,
    options: &Options,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let radius = service.and_then(|service| service.standing.blast_radius.as_deref());
    let Some(radius) = radius.filter(|radius| !radius.entries.is_empty()) else {
        return Ok(());
    };
    page.heading(&heading(
        "Requests that use it, by entry point",
        radius.entries.len(),
        options,
    ))?;
    let row = |entry: &EntryRadius| Row {
        cells: vec![
            name(&entry.service),
            name(&entry.operation),
            text::weighted(entry.shares.requests),
            share(entry.shares.touch),
            share(entry.shares.hard_low),
            share(entry.shares.hard_high),
        ],
        failing: false,
    };
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("requests", Column::Number),
        ("use it", Column::Number),
        ("fall", Column::Number),
        ("at most", Column::Number),
    ];
    let rows = radius.entries.iter().take(options.rows()).map(row);
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_places(
    service: Option<&Service>,
    options: &Options,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let radius = service.and_then(|service| service.standing.blast_radius.as_deref());
    let Some(radius) = radius.filter(|radius| !radius.places.is_empty()) else {
        return Ok(());
    };
    page.heading(&heading(
        "Requests that use it, by where they enter",
        radius.places.len(),
        options,
    ))?;
    let row = |place: &PlaceRadius| Row {
        cells: vec![
            place.kind.to_owned(),
            name(&place.name),
            text::weighted(place.shares.requests),
            share(place.shares.touch),
            share(place.shares.hard_low),
            share(place.shares.hard_high),
        ],
        failing: false,
    };
    let head = [
        ("place", Column::Word),
        ("name", Column::Name),
        ("requests", Column::Number),
        ("use it", Column::Number),
        ("fall", Column::Number),
        ("at most", Column::Number),
    ];
    let rows = radius.places.iter().take(options.rows()).map(row);
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_ways(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    if report.ways.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "The most probable ways up to the entry points",
        report.ways.len(),
        options,
    ))?;
    for way in report.ways.iter().take(options.rows()) {
        let all = ties(report);
        let mut hops = String::new();
        for (at, service) in way.services.iter().enumerate() {
            if let Some(below) = at.checked_sub(1).and_then(|at| way.services.get(at)) {
                let is_hop = |edge: &EdgeRow| edge.from == *service && edge.to == *below;
                let tie = all.iter().find(|(edge, _)| is_hop(edge));
                hops.push_str(&format!(
                    " -{}-> ",
                    tie.map(|(_, tie)| passed(tie)).unwrap_or_default()
                ));
            }
            hops.push_str(&summary::name(service, NAME_COLUMNS));
        }
        let (low, high) = (text::percent(way.chance.0), text::percent(way.chance.1));
        let chance = match low == high {
            true => low,
            false => format!("{low} to {high}"),
        };
        page.paragraph(&format!("{hops}: {chance}"), 2)?;
    }
    Ok(())
}

/// Returns how often a failure was passed on along an edge, in the fewest characters.
fn passed(tie: &Tie) -> String {
    match tie.failed_calls {
        0 => "(never failed)".to_owned(),
        failed => format!(
            "({} of {})",
            text::count(tie.both_failed),
            text::count(failed)
        ),
    }
}
