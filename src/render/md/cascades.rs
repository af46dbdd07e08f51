//! What falls when one part falls, in Markdown.

use std::io;

use super::{code, prose, shards, write_answers, write_findings, write_rest};
use crate::render::Options;
use crate::render::falls::{answers, chain, evidence, falling, narrowed, ties, with_tenants};
use crate::report::Report;
use crate::text;

/// Writes the answers, the services, the chains and the edges.
pub(super) fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let report = &narrowed(report);
    write_answers(&answers(report), out)?;
    let falling = falling(report);
    if !falling.is_empty() {
        writeln!(out, "\n### What falls without a service\n")?;
        writeln!(out, "| without | use it | fall | at most | fell |")?;
        writeln!(out, "|---|--:|--:|--:|--:|")?;
        for (node, radius) in falling.iter().take(options.rows()) {
            let fell = radius.observed.filter(|seen| *seen > 0.0);
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                code(&node.name),
                text::percent(radius.touch),
                text::percent(radius.hard_low),
                text::percent(radius.hard_high),
                fell.map(text::percent).unwrap_or_default(),
            )?;
        }
        write_rest(falling.len(), options, out)?;
    }
    let tenants = with_tenants(report);
    if !tenants.is_empty() {
        writeln!(out, "\n### Which tenants fall without a service\n")?;
        writeln!(
            out,
            "| without | use it | fall | at most | fall by size | 95 % |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
        for (node, of) in tenants.iter().take(options.rows()) {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} to {} |",
                code(&node.name),
                text::percent(of.touch),
                text::percent(of.hard_low),
                text::percent(of.hard_high),
                text::percent(of.by_size.1),
                text::percent(of.by_size_interval.0),
                text::percent(of.by_size_interval.1),
            )?;
        }
        write_rest(tenants.len(), options, out)?;
    }
    shards::write(report, options, out)?;
    if !report.chains.is_empty() {
        writeln!(out, "\n### Failures that happened\n")?;
        for found in report.chains.iter().take(options.rows()) {
            let times = text::plural(found.traces, "trace");
            writeln!(out, "- {times}: {}", prose(&chain(found)))?;
        }
        write_rest(report.chains.len(), options, out)?;
    }
    let ties = ties(report);
    if !ties.is_empty() {
        writeln!(out, "\n### What lets failures through\n")?;
        writeln!(out, "| caller | callee | dependency | seen |")?;
        writeln!(out, "|---|---|---|---|")?;
        for (edge, tie) in ties.iter().take(options.rows()) {
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                code(&edge.from),
                code(&edge.to),
                tie.dependency.name(),
                evidence(tie),
            )?;
        }
        write_rest(ties.len(), options, out)?;
    }
    write_findings(report, options, out)
}
