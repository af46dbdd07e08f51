//! What changes do, in Markdown.

use std::io;

use super::{code, prose, write_rest};
use crate::render::simulation::{
    answers, assumptions, factors, help, help_heading, is_other, no_help, range, spread,
};
use crate::render::{Options, Renderer};
use crate::report::{Report, Simulation};
use crate::text;

/// Writes Markdown.
pub(in crate::render) static MD: Renderer = Renderer {
    name: "md",
    about: "the same, for comments",
    extensions: &["md", "markdown"],
    edges_with: None,
    write,
};

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(of) = &report.simulation else {
        return Ok(());
    };
    let sentences = answers(report, of);
    let sentences: Vec<String> = sentences
        .iter()
        .map(|it| prose(&text::visible(it)))
        .collect();
    writeln!(out, "**topple**: {}", sentences.join(" "))?;
    for note in &report.notes {
        writeln!(out, "\n- {}", prose(&text::visible(note)))?;
    }
    if of.requests == 0 {
        return Ok(());
    }
    write_entries(of, options, out)?;
    write_services(of, options, out)?;
    write_edges(of, options, out)?;
    writeln!(out, "\n### {}\n", help_heading(of))?;
    if of.helps.is_empty() {
        writeln!(out, "{}", no_help(of))?;
    }
    for (at, one) in of.helps.iter().enumerate() {
        writeln!(out, "{}. {}", at + 1, prose(&help(one)))?;
    }
    writeln!(
        out,
        "\n<details><summary>Taken for granted, and not told</summary>\n"
    )?;
    for (at, assumption) in assumptions(of).iter().enumerate() {
        writeln!(out, "{}. {}", at + 1, prose(assumption))?;
    }
    writeln!(out)?;
    for untold in &of.untold {
        writeln!(out, "- Not told: {}", prose(&text::visible(untold)))?;
    }
    writeln!(out, "\n</details>")
}

fn write_entries(of: &Simulation, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "\n### Requests that succeed\n")?;
    writeln!(
        out,
        "| service | operation | requests | before | after | 95 % interval | p99 before | p99 after |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    for entry in of.entries.iter().take(options.rows()) {
        let success = &entry.success;
        let slower = entry.before.zip(entry.after);
        let (then, now) = match slower.filter(|(then, now)| is_other(then, now)) {
            Some((then, now)) => (spread(then.p99), spread(now.p99)),
            None => (String::new(), String::new()),
        };
        let after = match success.lost().low > 0.0 {
            true => format!("**{}**", range(success.after)),
            false => range(success.after),
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {after} | {} | {then} | {now} |",
            code(&entry.service),
            code(&entry.operation),
            text::weighted(entry.requests),
            text::percent(success.before),
            range(success.interval),
        )?;
    }
    write_rest(of.entries.len(), options, out)
}

fn write_services(of: &Simulation, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    if of.services.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Services\n")?;
    writeln!(out, "| service | calls fail | after | attempts | full |")?;
    writeln!(out, "|---|--:|--:|--:|--:|")?;
    for service in of.services.iter().take(options.rows()) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            code(&service.service),
            text::percent(service.failed_before),
            range(service.failed_after),
            factors(service.load),
            service.utilisation.map(range).unwrap_or_default(),
        )?;
    }
    write_rest(of.services.len(), options, out)
}

fn write_edges(of: &Simulation, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    if of.edges.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Calls\n")?;
    writeln!(
        out,
        "| caller | callee | fail | after | attempts | after | per call |"
    )?;
    writeln!(out, "|---|---|--:|--:|--:|--:|--:|")?;
    for edge in of.edges.iter().take(options.rows()) {
        let attempts = edge.attempts_after;
        let [low, high] =
            [attempts.low, attempts.high].map(|n| text::weighted((n * 10.0).round() / 10.0));
        let after = if low == high {
            low
        } else {
            format!("{low} to {high}")
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {after} | {} |",
            code(&edge.from),
            code(&edge.to),
            text::percent(edge.failed_before),
            range(edge.failed_after),
            text::weighted(edge.attempts_before),
            factors(edge.per_call),
        )?;
    }
    write_rest(of.edges.len(), options, out)
}
