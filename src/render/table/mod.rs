//! The report for people at a terminal, the answers first.
//!
//! The first lines say what was read, what fails, where the time goes and how far to trust it. Then entry points,
//! edges and services, each shortened to what is most urgent, then what went unread. Units stand tight at their
//! numbers, so that names have room.

mod page;

mod cells;

mod entries;

mod edges;

mod services;

mod hubs;

mod budgets;

mod cascades;

mod shards;

mod story;

mod diff;

pub(super) mod simulation;

use std::io;

use crate::render::central::{self, told, untold};
use crate::render::summary::{account, answers, edges as all_edges, nothing_to_fix, scope, trust};
use crate::render::{Options, Renderer, budget, falls};
use crate::report::{Finding, Metric, Part, Report};
use crate::text;

pub(in crate::render) use self::diff::DIFF;

use self::cells::{heading, number, share};
use self::page::{COLUMNS, Column, Grid, Page, Row};

/// Writes text for terminals.
pub(in crate::render) static TABLE: Renderer = Renderer {
    name: "table",
    about: "the answers and the most urgent rows, for people",
    extensions: &["txt"],
    edges_with: None,
    write,
};

/// Findings shown beside everything else, unless a number of rows is chosen.
const FINDINGS: usize = 8;

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page {
        out,
        color: options.color,
    };
    match report.part {
        Part::Whole => write_whole(report, options, &mut page)?,
        Part::Hubs => hubs::write(report, options, &mut page)?,
        Part::Cascades => cascades::write(report, options, &mut page)?,
        Part::Budgets => budgets::write(report, options, &mut page)?,
    }
    let has_shape = !matches!(report.part, Part::Cascades | Part::Budgets);
    if !report.services.is_empty() && has_shape {
        write_metrics(report, &mut page)?;
    }
    write_account(report, options, &mut page)?;
    write_problems(report, &mut page)
}

fn write_whole(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    write_summary(report, &answers(report), page)?;
    write_fixes(report, page)?;
    entries::write(report, options, page)?;
    edges::write(report, options, page)?;
    // What requests do comes before what the shape of the graph says.
    write_findings(report, options, FINDINGS, page)?;
    write_parts(report, page)?;
    services::write(report, options, page)
}

/// Writes the answers of the parts that commands show in depth; they are about the whole, not about a neighbourhood.
fn write_parts(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.services.is_empty() || report.focus.is_some() {
        return Ok(());
    }
    for (heading, answers) in [
        ("Who is central (topple hubs)", central::answers(report)),
        (
            "What falls with what (topple cascades)",
            falls::answers(report),
        ),
        (
            "Timeouts, retries, time (topple budgets)",
            budget::answers(report),
        ),
    ] {
        if !answers.is_empty() {
            page.heading(heading)?;
        }
        for answer in answers {
            page.paragraph(&answer, 0)?;
        }
    }
    Ok(())
}

fn write_summary(report: &Report, answers: &[String], page: &mut Page<'_>) -> io::Result<()> {
    page.paragraph(&scope(report), 0)?;
    let failing = all_edges(report).any(|edge| !edge.direct && edge.errors() > 0.0);
    for (at, answer) in answers.iter().enumerate() {
        if at == 0 && failing && report.part == Part::Whole {
            page.alarm(answer)?;
        } else {
            page.paragraph(answer, 0)?;
        }
    }
    page.paragraph(&trust(report).join(" "), 0)?;
    for note in &report.notes {
        page.paragraph(&format!("note: {}", text::visible(note)), 2)?;
    }
    Ok(())
}

/// Columns that a sentence of the fix list has at least, even if its command is long.
const LEAST_SENTENCE: usize = 40;

/// Writes what to fix first, or how much was looked at to find nothing.
fn write_fixes(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let Some(fixes) = report
        .fix_first
        .as_ref()
        .filter(|_| !report.services.is_empty())
    else {
        return Ok(());
    };
    page.heading("Fix first, by the share of requests that pay")?;
    if fixes.is_empty() {
        return page.paragraph(&nothing_to_fix(report), 0);
    }
    for (at, fix) in fixes.iter().enumerate() {
        let (sentence, command) = (text::visible(&fix.text), text::visible(&fix.command));
        let before = format!("{}. {}: ", at + 1, text::percent(fix.cost));
        let after = format!(" ({}); topple {command}", fix.grade.name());
        let room = COLUMNS.saturating_sub(text::width(&before) + text::width(&after));
        // The whole sentence stands among the findings.
        let short = text::beginning(&sentence, room.max(LEAST_SENTENCE));
        page.paragraph(&format!("{before}{short}{after}"), 3)?;
    }
    Ok(())
}

/// Writes the first findings, and what could not be told.
fn write_findings(
    report: &Report,
    options: &Options,
    rows: usize,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let options = &Options {
        top: Some(options.top.unwrap_or(rows)),
        ..*options
    };
    let findings: Vec<&Finding> = told(report).collect();
    let untold = untold(report);
    if report.services.is_empty() || (findings.is_empty() && untold.is_empty()) {
        return Ok(());
    }
    page.heading(&heading("Findings", findings.len(), options))?;
    for finding in findings.iter().take(options.rows()) {
        let sentence = text::visible(&finding.text);
        page.paragraph(&format!("- {sentence} ({})", finding.grade.name()), 2)?;
    }
    if !untold.is_empty() {
        page.paragraph(&format!("not told: {}", untold.join(" ")), 2)?;
    }
    Ok(())
}

fn write_metrics(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.metrics.is_empty() {
        return Ok(());
    }
    page.heading("Shape of the graph (topple explain NAME says what a number means)")?;
    let cells = |metric: &Metric| match metric.value.is_finite() {
        true => [metric.name.to_owned(), text::value(metric.value)],
        false => [metric.name.to_owned(), "unknown".to_owned()],
    };
    let (left, right) = report.metrics.split_at(report.metrics.len().div_ceil(2));
    let right = right
        .iter()
        .map(cells)
        .chain(std::iter::repeat_with(Default::default));
    let rows = left
        .iter()
        .map(cells)
        .zip(right)
        .map(|(left, right)| Row {
            cells: left.into_iter().chain(right).collect(),
            failing: false,
        })
        .collect();
    let head = [
        ("metric", Column::Word),
        ("value", Column::Number),
        ("metric", Column::Word),
        ("value", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows))
}

fn write_account(report: &Report, options: &Options, page: &mut Page<'_>) -> io::Result<()> {
    let data = &report.data;
    let unresolved = data.unresolved.iter().any(|(_, spans)| *spans > 0);
    if data.spans_read == 0 || !(options.verbose || unresolved) {
        return Ok(());
    }
    page.heading("Where the spans went")?;
    let all = data.spans_read as f64;
    let rows = account(report)
        .into_iter()
        .map(|(class, spans)| Row {
            cells: vec![class, number(spans as f64), share(spans as f64 / all)],
            failing: false,
        })
        .collect();
    let head = [
        ("class", Column::Word),
        ("spans", Column::Number),
        ("share", Column::Number),
    ];
    page.grid(&Grid::new(&head, rows))
}

fn write_problems(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let data = &report.data;
    if data.problems_total == 0 {
        return Ok(());
    }
    page.heading("Problems in the input")?;
    for problem in &data.problems {
        let parts = [&problem.source, &problem.place, &problem.message];
        let line: Vec<String> = parts
            .into_iter()
            .zip(["", ":", ": "])
            .filter(|(part, _)| !part.is_empty())
            .map(|(part, before)| format!("{before}{}", text::visible(part)))
            .collect();
        page.paragraph(&line.concat(), 2)?;
    }
    match data
        .problems_total
        .saturating_sub(data.problems.len() as u64)
    {
        0 => Ok(()),
        rest => page.paragraph(&format!("and {} more", text::count(rest)), 2),
    }
}

#[cfg(test)]
mod tests {
    use super::page::COLUMNS;
    use super::*;
    use crate::render::sample::{
        budgets, cascades, check, hostile, hostile_cascades, hubs, rendered, shop, story,
    };

    #[test]
    fn the_shop_in_a_terminal() {
        check(
            "render_table_shop",
            &rendered(&TABLE, &shop(), Options::default()),
        );
    }

    #[test]
    fn the_hubs_of_the_shop_in_a_terminal() {
        check(
            "render_table_hubs",
            &rendered(&TABLE, &hubs(), Options::default()),
        );
    }

    #[test]
    fn what_falls_in_the_shop_in_a_terminal() {
        check(
            "render_table_cascades",
            &rendered(&TABLE, &cascades(), Options::default()),
        );
    }

    #[test]
    fn the_story_of_one_service_in_a_terminal() {
        check(
            "render_table_story",
            &rendered(&TABLE, &story(), Options::default()),
        );
    }

    #[test]
    fn the_budgets_of_the_shop_in_a_terminal() {
        check(
            "render_table_budgets",
            &rendered(&TABLE, &budgets(), Options::default()),
        );
    }

    #[test]
    fn nothing_central_is_said_in_a_sentence() {
        let nothing = Report {
            part: Part::Hubs,
            ..Report::default()
        };
        assert_eq!(
            rendered(&TABLE, &nothing, Options::default()),
            "No spans were read.\n"
        );
    }

    #[test]
    fn hostile_names_in_a_terminal() {
        let text = rendered(&TABLE, &hostile(), Options::default());
        check(
            "render_table_hostile",
            &text.replace(['\u{6771}', '\u{4eac}'], "##"),
        );
    }

    #[test]
    fn nothing_read_is_one_sentence() {
        assert_eq!(
            rendered(&TABLE, &Report::default(), Options::default()),
            "No spans were read.\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let central = Report {
            part: Part::Hubs,
            ..hostile()
        };
        let [falling, focused] = hostile_cascades();
        let of_budgets = Report {
            part: Part::Budgets,
            ..hostile()
        };
        for report in [
            shop(),
            hubs(),
            cascades(),
            story(),
            budgets(),
            hostile(),
            central,
            falling,
            focused,
            of_budgets,
        ] {
            for top in [None, Some(1), Some(usize::MAX)] {
                let options = Options {
                    top,
                    ..Options::default()
                };
                for line in rendered(&TABLE, &report, options).lines() {
                    assert!(text::width(line) <= COLUMNS, "{line}");
                }
            }
        }
    }

    #[test]
    fn top_limits_the_rows_and_says_how_to_see_the_rest() {
        let options = Options {
            top: Some(3),
            ..Options::default()
        };
        let text = rendered(&TABLE, &shop(), options);
        assert!(
            text.contains("critical paths (3 of 9 shown; --top 9 shows all)\n"),
            "{text}"
        );
        assert!(text.contains("Entry points, the busiest first\n"), "{text}");
    }

    #[test]
    fn the_account_shows_when_spans_went_missing_or_when_asked_for() {
        let mut report = shop();
        let account = "\nWhere the spans went\n";
        assert!(rendered(&TABLE, &report, Options::default()).contains(account));
        report.data.unresolved.clear();
        assert!(!rendered(&TABLE, &report, Options::default()).contains(account));
        let verbose = Options {
            verbose: true,
            ..Options::default()
        };
        assert!(rendered(&TABLE, &report, verbose).contains(account));
    }

    #[test]
    fn empty_tables_are_sentences() {
        let mut report = shop();
        report.entries.clear();
        report.edges.clear();
        let text = rendered(&TABLE, &report, Options::default());
        assert!(text.contains("No entry points: no trace has its first span in the data.\n"));
        assert!(text.contains("No edges: no span calls another service.\n"));
    }
}
