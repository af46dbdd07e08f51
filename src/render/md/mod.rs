//! The report for comments on pull requests: a summary, entry points and edges, and the account folded away.
//!
//! GitHub and GitLab both read it. Names are code, so that nobody is mentioned and nothing is linked by what a
//! stranger called a service.

mod hubs;

mod cascades;

mod shards;

mod budgets;

mod diff;

pub(super) mod simulation;

use std::io;

pub(in crate::render) use self::diff::DIFF;

use super::central::{told, untold};
use super::summary::{account, answers, by_urgency, edges, name, nothing_to_fix, scope, trust};
use super::{Options, Renderer};
use crate::report::{EdgeRow, EntryRow, Finding, Part, Quantiles, Report};
use crate::text;

/// Writes Markdown.
pub(in crate::render) static MD: Renderer = Renderer {
    name: "md",
    about: "a summary, for comments on pull requests",
    extensions: &["md", "markdown"],
    edges_with: None,
    write,
};

/// Widest name in a cell.
const NAME_COLUMNS: usize = 60;

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "**topple**: {}", scope(report))?;
    match report.part {
        Part::Whole => {
            write_answers(&answers(report), out)?;
            write_fixes(report, out)?;
            write_entries(report, options, out)?;
            write_edges(report, options, out)?;
            write_findings(report, options, out)?;
        }
        Part::Hubs => hubs::write(report, options, out)?,
        Part::Cascades => cascades::write(report, options, out)?,
        Part::Budgets => budgets::write(report, options, out)?,
    }
    write_details(report, out)
}

fn write_answers(answers: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let sentences: Vec<String> = answers.iter().map(|sentence| prose(sentence)).collect();
    writeln!(out, "\n{}", sentences.join(" "))
}

fn write_fixes(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(fixes) = report
        .fix_first
        .as_ref()
        .filter(|_| !report.services.is_empty())
    else {
        return Ok(());
    };
    writeln!(out, "\n### Fix first\n")?;
    if fixes.is_empty() {
        return writeln!(out, "{}", prose(&nothing_to_fix(report)));
    }
    for (at, fix) in fixes.iter().enumerate() {
        writeln!(
            out,
            "{}. {} of requests: {} ({}); {}",
            at + 1,
            text::percent(fix.cost),
            prose(&text::visible(&fix.text)),
            fix.grade.name(),
            code(&text::visible(&format!("topple {}", fix.command)))
        )?;
    }
    Ok(())
}

fn write_findings(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let findings: Vec<&Finding> = told(report).collect();
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Findings\n")?;
    for finding in findings.iter().take(options.rows()) {
        writeln!(
            out,
            "- {} ({})",
            prose(&text::visible(&finding.text)),
            finding.grade.name()
        )?;
    }
    write_rest(findings.len(), options, out)
}

fn write_entries(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    if report.entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Entry points\n")?;
    writeln!(
        out,
        "| service | operation | kind | requests | failed | p50 | p99 |"
    )?;
    writeln!(out, "|---|---|---|--:|--:|--:|--:|")?;
    for entry in report.entries.iter().take(options.rows()) {
        let EntryRow {
            service,
            operation,
            kind,
            requests,
            duration_ns,
            ..
        } = entry;
        let failed = if entry.failed > 0.0 && *requests > 0.0 {
            format!("**{}**", text::percent(entry.failed / requests))
        } else {
            "0".to_owned()
        };
        writeln!(
            out,
            "| {} | {} | {kind} | {} | {failed} | {} | {} |",
            code(service),
            code(operation),
            text::weighted(*requests),
            time(duration_ns, duration_ns.p50),
            time(duration_ns, duration_ns.p99),
        )?;
    }
    write_rest(report.entries.len(), options, out)
}

fn write_edges(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let rows = by_urgency(edges(report));
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Edges\n")?;
    writeln!(
        out,
        "| caller | callee | mode | calls | errors | p50 | p99 | critical path |"
    )?;
    writeln!(out, "|---|---|---|--:|--:|--:|--:|--:|")?;
    for edge in rows.iter().take(options.rows()) {
        let errors = if edge.errors() > 0.0 {
            format!("**{}**", text::percent(edge.error_ratio()))
        } else {
            "0".to_owned()
        };
        let client = &edge.client_ns;
        writeln!(
            out,
            "| {} | {} | {} | {} | {errors} | {} | {} | {} |",
            code(&edge.from),
            code(&edge.to),
            mode(edge),
            text::weighted(edge.calls),
            time(client, client.p50),
            time(client, client.p99),
            edge.critical_path_share
                .map(text::percent)
                .unwrap_or_default(),
        )?;
    }
    write_rest(rows.len(), options, out)
}

fn mode(edge: &EdgeRow) -> &'static str {
    match (edge.sync, edge.direct) {
        (true, _) => "sync",
        (false, false) => "async",
        (false, true) => "async, direct",
    }
}

/// Says how many rows are not shown.
fn write_rest(rows: usize, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    match rows.saturating_sub(options.rows()) {
        0 => Ok(()),
        rest => writeln!(out, "\n{} more not shown.", text::count(rest as u64)),
    }
}

fn write_details(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let data = &report.data;
    writeln!(out, "\n<details><summary>How far to trust this</summary>\n")?;
    for sentence in trust(report) {
        writeln!(out, "- {sentence}")?;
    }
    for note in report.notes.iter().map(|note| text::visible(note)) {
        writeln!(out, "- {}", prose(&note))?;
    }
    for sentence in untold(report) {
        writeln!(out, "- Not told: {}", prose(&sentence))?;
    }
    for problem in &data.problems {
        let place = [problem.source.as_str(), problem.place.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<&str>>()
            .join(":");
        writeln!(
            out,
            "- {}: {}",
            code(&place),
            prose(&text::visible(&problem.message))
        )?;
    }
    let rows = account(report);
    if !rows.is_empty() {
        writeln!(out, "\n| class | spans |\n|---|--:|")?;
        for (class, spans) in rows {
            writeln!(out, "| {class} | {} |", text::count(spans))?;
        }
    }
    writeln!(out, "\n</details>")
}

fn time(of: &Quantiles, quantile: u64) -> String {
    if of.count > 0 {
        text::duration(quantile)
    } else {
        String::new()
    }
}

/// Returns a name as code that stays in its cell.
pub(in crate::render) fn code(foreign: &str) -> String {
    let shown = name(foreign, NAME_COLUMNS);
    let plain = |c: char| c.is_alphanumeric() || " _-./:()+,=".contains(c);
    if shown.chars().all(plain) && shown.trim() == shown {
        return format!("`{shown}`");
    }
    format!("<code>{}</code>", prose(&shown))
}

/// Returns a text in which every character that could mean something to Markdown or HTML is written as a number.
pub(in crate::render) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !".,:;-/()%'=?".contains(c) {
            out.push_str(&format!("&#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample::{
        budgets, cascades, check, hostile, hostile_cascades, hubs, rendered, shop,
    };

    #[test]
    fn the_shop_in_markdown() {
        check(
            "render_md_shop",
            &rendered(&MD, &shop(), Options::default()),
        );
    }

    #[test]
    fn the_hubs_of_the_shop_in_markdown() {
        check(
            "render_md_hubs",
            &rendered(&MD, &hubs(), Options::default()),
        );
    }

    #[test]
    fn what_falls_in_the_shop_in_markdown() {
        check(
            "render_md_cascades",
            &rendered(&MD, &cascades(), Options::default()),
        );
    }

    #[test]
    fn the_budgets_of_the_shop_in_markdown() {
        check(
            "render_md_budgets",
            &rendered(&MD, &budgets(), Options::default()),
        );
    }

    #[test]
    fn nothing_read_is_a_sentence() {
        let text = rendered(&MD, &Report::default(), Options::default());
        assert!(
            text.starts_with("**topple**: No spans were read.\n"),
            "{text}"
        );
        assert!(!text.contains('|'), "{text}");
    }

    #[test]
    fn names_are_code_whatever_they_hold() {
        assert_eq!(code("POST /cart"), "`POST /cart`");
        assert_eq!(code("a|b"), "<code>a&#124;b</code>");
        assert_eq!(
            code("`@team` <b>"),
            "<code>&#96;&#64;team&#96; &#60;b&#62;</code>"
        );
        assert_eq!(code(" "), "<code> </code>");
    }

    #[test]
    fn hostile_names_add_no_cells_and_no_markup() {
        let [falling, _] = hostile_cascades();
        let texts = [hostile(), falling].map(|report| rendered(&MD, &report, Options::default()));
        let mut columns = 0;
        for line in texts.iter().flat_map(|text| text.lines()) {
            if line.starts_with('|') {
                let here = line.matches('|').count();
                assert!(columns == 0 || here == columns, "{line}");
                columns = here;
            } else {
                columns = 0;
            }
            for markup in ["<b>", "@team", "](", "\\|"] {
                assert!(!line.contains(markup), "{line}");
            }
        }
    }

    #[test]
    fn rows_past_the_limit_are_counted() {
        let options = Options {
            top: Some(1),
            ..Options::default()
        };
        let text = rendered(&MD, &shop(), options);
        assert!(text.contains("\n1 more not shown.\n") && text.contains("\n8 more not shown.\n"));
    }
}
