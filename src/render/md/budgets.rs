//! What calls and requests may take, in Markdown.

use std::io;

use super::{code, write_answers, write_findings, write_rest};
use crate::render::Options;
use crate::render::budget::{answers, most, only_budgets};
use crate::report::{CallBudget, Report};
use crate::text;

/// Writes the answers, where the time goes, what calls may take, and the findings.
pub(super) fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let report = &only_budgets(report);
    write_answers(&answers(report), out)?;
    write_entries(report, options, out)?;
    write_calls(report, options, out)?;
    write_findings(report, options, out)
}

fn time(ns: Option<u64>) -> String {
    ns.map(text::duration).unwrap_or_default()
}

fn write_entries(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let entries = &report.budgets.entries;
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Where the time goes\n")?;
    writeln!(
        out,
        "| service | operation | requests | p50 | p99 | goal | most time in | share | slowest |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|---|--:|--:|")?;
    for entry in entries.iter().take(options.rows()) {
        for most in most(entry).iter().take(1) {
            let [all, _, slowest] = most
                .shares
                .map(|of| of.map(text::percent).unwrap_or_default());
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {all} | {slowest} |",
                code(&entry.service),
                code(&entry.operation),
                text::count(entry.requests),
                time(entry.p50),
                time(entry.p99),
                time(entry.slo),
                code(&most.operation),
            )?;
        }
    }
    write_rest(entries.len(), options, out)
}

fn write_calls(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let is_told = |call: &&CallBudget| call.timeout.is_some() || call.max_attempts > 1;
    let calls: Vec<&CallBudget> = report.budgets.calls.iter().filter(is_told).collect();
    if calls.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Calls with a timeout or retries\n")?;
    writeln!(
        out,
        "| caller | callee | timeout | p99 | attempts | per call | slack |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for call in calls.iter().take(options.rows()) {
        let timeout = call
            .timeout
            .map(|(ns, source)| format!("{} ({source})", text::duration(ns)));
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&call.from),
            code(&call.to),
            timeout.unwrap_or_default(),
            time(call.p99),
            text::count(call.max_attempts),
            call.amplification
                .map(|of| format!("{of:.2}"))
                .unwrap_or_default(),
            time(call.slack.map(|of| of.mean_ns)),
        )?;
    }
    write_rest(calls.len(), options, out)
}
