//! The page on what changed: where it comes from first, then entry points, places, edges, and what only one side has.

use std::io;

use super::cells::{heading, name, number, tight};
use super::page::{Column, Grid, Page, Row};
use crate::render::diff::{
    PATHS_OF_OPERATIONS, answer, as_many, failures, further, is_sure, operations, path, place,
    scope, shares, shifted, state, thing, time, versions,
};
use crate::render::{Options, Renderer};
use crate::report::Report;
use crate::report::diff::{
    Change, Diff, EdgeChange, Effect, EntryChange, OriginChange, PartChange, Presence,
};
use crate::text;

/// Writes text for terminals.
pub(in crate::render) static DIFF: Renderer = Renderer {
    name: "table",
    about: "where the changes come from and what they are, for people",
    extensions: &["txt"],
    edges_with: None,
    write,
};

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let nothing = Diff::default();
    let diff = report.diff.as_ref().unwrap_or(&nothing);
    let mut page = Page {
        out,
        color: options.color,
    };
    write_answers(diff, options, &mut page)?;
    write_entries(diff, options, &mut page)?;
    write_parts(diff, options, &mut page)?;
    write_edges(diff, options, &mut page)?;
    write_operations(diff, options, &mut page)?;
    write_presence(diff, options, &mut page)
}

/// Causes shown before the tables, unless a number of rows is chosen.
const CAUSES: usize = 5;

fn write_answers(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let is_bad = diff
        .causes
        .first()
        .is_some_and(|cause| matches!(cause.effect, Effect::Slower | Effect::Failing));
    match is_bad {
        true => page.alarm(&answer(diff))?,
        false => page.paragraph(&answer(diff), 0)?,
    }
    let most = options.top.unwrap_or(CAUSES);
    for cause in further(diff, most) {
        page.paragraph(&format!("{}.", text::visible(&cause.text)), 2)?;
    }
    let rest = diff.causes.len().saturating_sub(most.max(1)) as u64;
    if rest > 0 {
        page.paragraph(
            &format!(
                "And {}; --top {} shows all.",
                text::plural(rest, "smaller cause"),
                diff.causes.len()
            ),
            2,
        )?;
    }
    page.paragraph(&scope(diff), 0)?;
    if let Some(versions) = versions(diff) {
        page.paragraph(&format!("note: {versions}"), 2)?;
    }
    for sentence in &diff.untold {
        page.paragraph(&format!("note: {}", text::visible(sentence)), 2)?;
    }
    Ok(())
}

fn differs(change: Option<&Change>) -> bool {
    change.is_some_and(|change| change.differs)
}

/// Returns before, now, the change and half the width of its interval, of a time; nothing if it was not compared.
fn times(change: Option<&Change>) -> [String; 4] {
    let Some(change) = change else {
        return Default::default();
    };
    [
        tight(time(change.base)),
        tight(time(change.head)),
        tight(text::signed_duration(change.value())),
        tight(time((change.high - change.low) / 2.0)),
    ]
}

/// Returns what says "one to other" with tight units.
fn spaced(range: &str) -> String {
    let ends: Vec<String> = range
        .split(" to ")
        .map(|end| tight(end.to_owned()))
        .collect();
    ends.join(" to ")
}

fn write_entries(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let is_shown = |entry: &&EntryChange| {
        options.verbose || differs(entry.duration_ns.as_ref()) || differs(entry.failed.as_ref())
    };
    let entries: Vec<&EntryChange> = diff.entries.iter().filter(is_shown).collect();
    if entries.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Entry points, before and now",
        entries.len(),
        options,
    ))?;
    let rows = entries.iter().take(options.rows()).map(|entry| {
        let [before, now, change, margin] = times(entry.duration_ns.as_ref());
        let quantile = |shift: Option<_>| shift.as_ref().map(shifted).unwrap_or_default();
        Row {
            cells: vec![
                name(&entry.service),
                name(&entry.operation),
                number(entry.requests.1),
                before,
                now,
                change,
                margin,
                spaced(&quantile(entry.p99_ns)),
                failed(entry.failed.as_ref()),
            ],
            failing: [entry.duration_ns, entry.failed]
                .iter()
                .any(|change| is_worse(change.as_ref())),
        }
    });
    let head = [
        ("service", Column::Name),
        ("operation", Column::Name),
        ("requests", Column::Number),
        ("mean", Column::Number),
        ("now", Column::Number),
        ("change", Column::Number),
        ("+/-", Column::Number),
        ("p99", Column::Number),
        ("failed", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

/// Returns whether a number grew for sure: all that are compared are better when they are small.
fn is_worse(change: Option<&Change>) -> bool {
    change.is_some_and(|change| change.differs && change.value() > 0.0)
}

/// Returns a share of failures before and now, if there are any.
fn failed(change: Option<&Change>) -> String {
    match change {
        Some(change) if change.base > 0.0 || change.head > 0.0 => spaced(&shares(change)),
        _ => String::new(),
    }
}

fn write_parts(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let of = |entry: &EntryChange| format!("{} {}", entry.service, entry.operation);
    let parts = diff.entries.iter().flat_map(|entry| {
        let parts = entry.parts.iter().map(move |part| (entry, part));
        parts.filter(|(_, part)| options.verbose || part.time_ns.differs)
    });
    let mut parts: Vec<(&EntryChange, &PartChange)> = parts.collect();
    let cost = |(entry, part): &(&EntryChange, &PartChange)| {
        (part.time_ns.value() * entry.requests.1).abs()
    };
    parts.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    if !parts.is_empty() {
        page.heading(&heading(
            "Where a request spends more or less, mean time on the critical path",
            parts.len(),
            options,
        ))?;
        let rows = parts.iter().take(options.rows()).map(|(entry, part)| {
            let [before, now, change, margin] = times(Some(&part.time_ns));
            let (of_what, where_to) = place(&part.place);
            Row {
                cells: vec![
                    name(&of(entry)),
                    name(&where_to),
                    of_what.to_owned(),
                    before,
                    now,
                    change,
                    margin,
                ],
                failing: is_worse(Some(&part.time_ns)),
            }
        });
        let head = [
            ("of a request", Column::Name),
            ("in", Column::Name),
            ("what", Column::Word),
            ("mean", Column::Number),
            ("now", Column::Number),
            ("change", Column::Number),
            ("+/-", Column::Number),
        ];
        page.grid(&Grid::new(&head, rows.collect()))?;
    }
    let origins = diff.entries.iter().flat_map(|entry| {
        let origins = entry.origins.iter().map(move |origin| (entry, origin));
        origins.filter(|(_, origin)| options.verbose || origin.share.differs)
    });
    let origins: Vec<(&EntryChange, &OriginChange)> = origins.collect();
    if origins.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Where failed requests began to fail",
        origins.len(),
        options,
    ))?;
    let rows = origins
        .iter()
        .take(options.rows())
        .map(|(entry, origin)| Row {
            cells: vec![
                name(&of(entry)),
                name(&origin.service),
                tight(text::percent(origin.share.base)),
                tight(text::percent(origin.share.head)),
            ],
            failing: is_worse(Some(&origin.share)),
        });
    let head = [
        ("of requests", Column::Name),
        ("from", Column::Name),
        ("failed", Column::Number),
        ("now", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_edges(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let is_shown = |edge: &&EdgeChange| options.verbose || edge.differs();
    let mut edges: Vec<&EdgeChange> = diff.edges.iter().filter(is_shown).collect();
    if edges.is_empty() {
        return Ok(());
    }
    let cost = |edge: &EdgeChange| {
        let time = edge.client_ns.or(edge.server_ns);
        time.map_or(0.0, |change| change.value().abs()) * edge.calls.1
    };
    edges.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    page.heading(&heading(
        "Edges that changed, mean times of calls",
        edges.len(),
        options,
    ))?;
    let rows = edges.iter().take(options.rows()).map(|edge| {
        let by_caller = edge.client_ns.as_ref().or(edge.queue_ns.as_ref());
        let [before, now, change, _] = times(by_caller.or(edge.server_ns.as_ref()));
        let moved = |of: Option<&Change>| {
            of.filter(|change| options.verbose || change.differs)
                .map(|change| tight(text::signed_duration(change.value())))
                .unwrap_or_default()
        };
        let attempts = edge
            .attempts_per_call
            .as_ref()
            .map(|change| format!("{:.2} to {:.2}", change.base, change.head));
        Row {
            cells: vec![
                name(&edge.from),
                name(&edge.to),
                number(edge.calls.1),
                before,
                now,
                change,
                moved(edge.network_ns.as_ref()),
                moved(edge.server_ns.as_ref()),
                failed(edge.error_ratio.as_ref()),
                attempts.unwrap_or_default(),
            ],
            failing: edge.changes().any(|change| is_worse(Some(change))),
        }
    });
    let head = [
        ("caller", Column::Name),
        ("callee", Column::Name),
        ("calls", Column::Number),
        ("mean", Column::Number),
        ("now", Column::Number),
        ("change", Column::Number),
        ("network", Column::Number),
        ("callee", Column::Number),
        ("errors", Column::Number),
        ("attempts", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))
}

fn write_operations(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let operations = operations(diff, options.verbose);
    if operations.is_empty() {
        return Ok(());
    }
    page.heading(&heading(
        "Operations that changed, mean times of their calls",
        operations.len(),
        options,
    ))?;
    let rows = operations.iter().take(options.rows()).map(|of| {
        let [before, now, change, _] = times(of.client_ns.as_ref().or(of.server_ns.as_ref()));
        let moved = |time: Option<&Change>| {
            time.filter(|change| options.verbose || change.differs)
                .map(|change| tight(text::signed_duration(change.value())))
                .unwrap_or_default()
        };
        Row {
            cells: vec![
                name(of.from.as_deref().unwrap_or("(all)")),
                name(&of.to),
                name(&of.operation),
                before,
                now,
                change,
                moved(of.network_ns.as_ref()),
                moved(of.server_ns.as_ref()),
                path(of, options.verbose)
                    .map(|ns| tight(text::signed_duration(ns)))
                    .unwrap_or_default(),
                failed(failures(of)),
                failed(of.repeated_ratio.as_ref()),
            ],
            failing: of.changes().any(|change| is_worse(Some(change))),
        }
    });
    let head = [
        ("caller", Column::Name),
        ("callee", Column::Name),
        ("operation", Column::Name),
        ("mean", Column::Number),
        ("now", Column::Number),
        ("change", Column::Number),
        ("network", Column::Number),
        ("callee", Column::Number),
        ("path", Column::Number),
        ("errors", Column::Number),
        ("repeats", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    page.paragraph(PATHS_OF_OPERATIONS, 2)
}

fn write_presence(diff: &Diff, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let mut only: Vec<&Presence> = diff.presence.iter().collect();
    if only.is_empty() {
        return Ok(());
    }
    only.sort_by_key(|presence| !is_sure(presence));
    page.heading(&heading("On one side only", only.len(), options))?;
    let rows = only.iter().take(options.rows()).map(|presence| {
        let (kind, of) = thing(presence);
        Row {
            cells: vec![
                kind.to_owned(),
                name(&of),
                presence.seen.map(number).unwrap_or_default(),
                state(presence),
            ],
            failing: false,
        }
    });
    let head = [
        ("what", Column::Word),
        ("name", Column::Name),
        ("seen", Column::Number),
        ("state", Column::Word),
    ];
    page.grid(&Grid::new(&head, rows.collect()))?;
    match as_many(diff) {
        Some(sentence) => page.paragraph(&sentence, 2),
        None => Ok(()),
    }
}
