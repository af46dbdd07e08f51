//! What tenants share, in Markdown.

use std::io;

use super::{code, write_rest};
use crate::render::Options;
use crate::report::Report;
use crate::text;

/// Writes both tables, if tenants are known.
pub(super) fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    if report.shards.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### How many instances two tenants share\n")?;
    writeln!(
        out,
        "| service | tenants use | share | pairs | seen | at random |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
    let overlaps = report.shards.iter();
    let overlaps = overlaps.flat_map(|of| of.overlap.iter().map(move |overlap| (of, overlap)));
    for (of, overlap) in overlaps.clone().take(options.rows()) {
        writeln!(
            out,
            "| {} | {} of {} | {} | {} | {} | {} |",
            code(&of.service),
            of.size,
            of.instances,
            overlap.shared,
            text::count(overlap.pairs),
            text::percent(overlap.share),
            text::percent(overlap.random),
        )?;
    }
    write_rest(overlaps.count(), options, out)?;
    writeln!(
        out,
        "\n### Which tenants lose instances when some are down, if shards are random\n"
    )?;
    writeln!(out, "| service | down | all of theirs | at least one |")?;
    writeln!(out, "|---|--:|--:|--:|")?;
    let losses = report.shards.iter();
    let losses = losses.flat_map(|of| of.losses.iter().map(move |loss| (of, loss)));
    for (of, loss) in losses.clone().take(options.rows()) {
        writeln!(
            out,
            "| {} | {} of {} | {} | {} |",
            code(&of.service),
            loss.failed,
            of.instances,
            text::percent(loss.all_down),
            text::percent(loss.any_down),
        )?;
    }
    write_rest(losses.count(), options, out)
}
