//! Who is central, in Markdown.

use std::io;

use super::{code, write_answers, write_findings};
use crate::render::Options;
use crate::render::central::{answers, rankings};
use crate::report::Report;

/// Rows of the rankings, unless a number is chosen.
const RANKS: usize = 8;

/// Writes the answers, the rankings and the findings.
pub(super) fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    write_answers(&answers(report), out)?;
    let all = rankings(report);
    let longest = all
        .iter()
        .map(|ranking| ranking.nodes.len())
        .max()
        .unwrap_or(0);
    if longest > 0 {
        writeln!(out, "\n### Most central, three ways\n")?;
        let titles = all
            .iter()
            .map(|ranking| format!(" by {} | |", ranking.title));
        writeln!(out, "| |{}", titles.collect::<String>())?;
        writeln!(out, "|--:|---|--:|---|--:|---|--:|")?;
    }
    for at in 0..longest.min(options.top.unwrap_or(RANKS)) {
        let cells = all.iter().map(|ranking| match ranking.nodes.get(at) {
            Some((node, value)) => format!(" {} | {value} |", code(&node.name)),
            None => " | |".to_owned(),
        });
        writeln!(out, "| {} |{}", at + 1, cells.collect::<String>())?;
    }
    write_findings(report, options, out)
}
