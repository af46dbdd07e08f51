//! What changed, in Markdown: where it comes from, entry points, edges, and what only one side has.

use std::io;

use super::{code, prose, write_rest};
use crate::render::diff::{
    PATHS_OF_OPERATIONS, answer, as_many, failures, further, interval, is_sure, operations, path,
    scope, shares, state, thing, time, versions,
};
use crate::render::{Options, Renderer};
use crate::report::Report;
use crate::report::diff::{Change, Diff, EdgeChange, EntryChange, Presence};
use crate::text;

/// Writes Markdown.
pub(in crate::render) static DIFF: Renderer = Renderer {
    name: "md",
    about: "where the changes come from, for comments on pull requests",
    extensions: &["md", "markdown"],
    edges_with: None,
    write,
};

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let nothing = Diff::default();
    let diff = report.diff.as_ref().unwrap_or(&nothing);
    writeln!(out, "**topple**: {}", prose(&answer(diff)))?;
    let mut further = further(diff, options.rows()).peekable();
    if further.peek().is_some() {
        writeln!(out)?;
    }
    for cause in further {
        writeln!(out, "- {}", prose(&text::visible(&cause.text)))?;
    }
    write_entries(diff, options, out)?;
    write_edges(diff, options, out)?;
    write_operations(diff, options, out)?;
    write_presence(diff, options, out)?;
    writeln!(out, "\n<details><summary>What was compared</summary>\n")?;
    writeln!(out, "- {}", prose(&scope(diff)))?;
    if let Some(versions) = versions(diff) {
        writeln!(out, "- {}", prose(&versions))?;
    }
    for sentence in &diff.untold {
        writeln!(out, "- {}", prose(&text::visible(sentence)))?;
    }
    writeln!(out, "\n</details>")
}

fn change(change: Option<&Change>) -> String {
    match change {
        Some(change) if change.differs => {
            format!(
                "**{}** ({})",
                text::signed_duration(change.value()),
                interval(change)
            )
        }
        Some(change) => text::signed_duration(change.value()),
        None => String::new(),
    }
}

fn share(change: Option<&Change>) -> String {
    match change {
        Some(change) if change.differs => format!("**{}**", shares(change)),
        Some(change) if change.base > 0.0 || change.head > 0.0 => shares(change),
        _ => String::new(),
    }
}

fn write_entries(diff: &Diff, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let differs = |change: Option<Change>| change.is_some_and(|change| change.differs);
    let is_shown = |entry: &&EntryChange| {
        options.verbose || differs(entry.duration_ns) || differs(entry.failed)
    };
    let entries: Vec<&EntryChange> = diff.entries.iter().filter(is_shown).collect();
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Entry points\n")?;
    writeln!(
        out,
        "| service | operation | requests | mean | now | change | failed |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for entry in entries.iter().take(options.rows()) {
        let of = |number: fn(&Change) -> f64| {
            entry
                .duration_ns
                .as_ref()
                .map(|change| time(number(change)))
                .unwrap_or_default()
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&entry.service),
            code(&entry.operation),
            text::weighted(entry.requests.1),
            of(|change| change.base),
            of(|change| change.head),
            change(entry.duration_ns.as_ref()),
            share(entry.failed.as_ref()),
        )?;
    }
    write_rest(entries.len(), options, out)
}

fn write_edges(diff: &Diff, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let is_shown = |edge: &&EdgeChange| options.verbose || edge.differs();
    let edges: Vec<&EdgeChange> = diff.edges.iter().filter(is_shown).collect();
    if edges.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Edges\n")?;
    writeln!(
        out,
        "| caller | callee | calls | caller waits | network | callee works | errors |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for edge in edges.iter().take(options.rows()) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&edge.from),
            code(&edge.to),
            text::weighted(edge.calls.1),
            change(edge.client_ns.as_ref().or(edge.queue_ns.as_ref())),
            change(edge.network_ns.as_ref()),
            change(edge.server_ns.as_ref()),
            share(edge.error_ratio.as_ref()),
        )?;
    }
    write_rest(edges.len(), options, out)
}

fn write_operations(diff: &Diff, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let operations = operations(diff, options.verbose);
    if operations.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Operations\n")?;
    writeln!(
        out,
        "| caller | callee | operation | caller waits | network | callee works | path | errors | repeats |"
    )?;
    writeln!(out, "|---|---|---|--:|--:|--:|--:|--:|--:|")?;
    for of in operations.iter().take(options.rows()) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            of.from.as_deref().map_or_else(|| "(all)".to_owned(), code),
            code(&of.to),
            code(&of.operation),
            change(of.client_ns.as_ref()),
            change(of.network_ns.as_ref()),
            change(of.server_ns.as_ref()),
            path(of, options.verbose).map_or_else(String::new, text::signed_duration),
            share(failures(of)),
            share(of.repeated_ratio.as_ref()),
        )?;
    }
    write_rest(operations.len(), options, out)?;
    writeln!(out, "\n{PATHS_OF_OPERATIONS}.")
}

fn write_presence(diff: &Diff, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut only: Vec<&Presence> = diff.presence.iter().collect();
    if only.is_empty() {
        return Ok(());
    }
    only.sort_by_key(|presence| !is_sure(presence));
    writeln!(out, "\n### On one side only\n")?;
    for presence in only.iter().take(options.rows()) {
        let (kind, of) = thing(presence);
        writeln!(out, "- {kind} {}: {}", code(&of), state(presence))?;
    }
    write_rest(only.len(), options, out)?;
    match as_many(diff) {
        Some(sentence) => writeln!(out, "\n{sentence}."),
        None => Ok(()),
    }
}
