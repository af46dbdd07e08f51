//! The verdict for comments and step summaries: the answer, what to fix, a drawing of the change, the rest folded away.
//!
//! A comment on GitHub holds 65,536 characters. Each section has its share of `MAX_BYTES` and counts what it leaves out,
//! so that the whole fits whatever the system. The first line is a mark by which a job finds its own comment again.

mod change;

use std::io;

use super::words::{self, capital, counts, details, excuse, missing, place, untold};
use super::{Options, Renderer};
use crate::render::md::{code, prose};
use crate::report::Report;
use crate::report::verdict::{Age, Outcome, Verdict, Violation};
use crate::text;

/// Writes Markdown.
pub(super) static MD: Renderer = Renderer {
    name: "md",
    about: "the verdict with a drawing of the change, for comments",
    extensions: &["md", "markdown"],
    edges_with: None,
    write,
};

/// Most bytes of the whole.
#[cfg(test)]
const MAX_BYTES: usize = 60_000;

/// Bytes of the sections; with headings and counts of what is left out their sum stays below `MAX_BYTES`.
const VIOLATIONS: usize = 20_000;
const WARNINGS: usize = 8_000;
const CHANGE: usize = 12_000;
const UNKNOWN: usize = 4_000;
const EXCUSED: usize = 4_000;
const RULES: usize = 5_000;
const NOTES: usize = 3_000;

/// Most columns of a sentence from elsewhere.
const SENTENCE_COLUMNS: usize = 400;

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let verdict = words::verdict(report);
    let of = |level| -> Vec<String> {
        let violations = verdict.open(level);
        violations.map(|found| item(&verdict, found)).collect()
    };
    let mut unknown = of(Outcome::Unknown);
    unknown.extend(untold(&verdict).map(|rule| {
        let missing = sentence(missing(rule));
        format!("- {}: {missing}\n", code(&rule.id))
    }));
    let excused: Vec<String> = verdict
        .violations
        .iter()
        .filter_map(|violation| {
            let excuse = sentence(&excuse(violation)?);
            let rule = code(&violation.rule);
            Some(format!(
                "- {rule} {}: {excuse}\n",
                code(&violation.subject.to_string())
            ))
        })
        .collect();
    writeln!(out, "<!-- topple -->")?;
    writeln!(out, "## topple: {}\n", words::headline(&verdict))?;
    write!(out, "{}.", capital(&counts(&verdict)))?;
    if let Some(baseline) = &verdict.baseline {
        write!(out, " Compared with {}.", code(baseline))?;
    }
    writeln!(out)?;
    section("\n### Violations\n\n", &of(Outcome::Fail), VIOLATIONS, out)?;
    section("\n### Warnings\n\n", &of(Outcome::Warn), WARNINGS, out)?;
    change::write(&verdict, CHANGE, out)?;
    folded("Unknown", &unknown, UNKNOWN, out)?;
    folded("Excused", &excused, EXCUSED, out)?;
    folded("Rules", &rules(&verdict), RULES, out)?;
    let notes = verdict.notes.iter();
    let notes: Vec<String> = notes
        .map(|note| format!("- {}\n", sentence(note)))
        .collect();
    folded("Notes", &notes, NOTES, out)
}

/// Returns a violation as an item of a list.
fn item(verdict: &Verdict, violation: &Violation) -> String {
    let place = place(verdict, violation);
    let age = match violation.age {
        Age::New => " (new)",
        Age::Known | Age::Untold => "",
    };
    let mut item = format!(
        "- {} {}{age}\n",
        code(&violation.rule),
        sentence(&violation.text)
    );
    for line in details(violation) {
        item.push_str(&format!("  - {}\n", sentence(&line)));
    }
    let place = format!("{}:{}", place.file, place.line);
    item.push_str(&format!("  - at: {}\n", code(&place)));
    item
}

/// Returns the rules as rows of a table, the loudest first.
fn rules(verdict: &Verdict) -> Vec<String> {
    let mut rules: Vec<_> = verdict.rules.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.outcome));
    let rows: Vec<String> = rules
        .iter()
        .map(|rule| {
            let checked = text::count(rule.checked);
            format!(
                "| {} | {} | {checked} |\n",
                code(&rule.id),
                rule.outcome.name()
            )
        })
        .collect();
    if rows.is_empty() {
        return rows;
    }
    let head = "| rule | outcome | checked |\n|---|---|--:|\n".to_owned();
    [vec![head], rows].concat()
}

/// Returns a sentence from elsewhere, of bounded length, that means nothing to Markdown.
fn sentence(text: &str) -> String {
    prose(&text::truncated(&text::visible(text), SENTENCE_COLUMNS))
}

/// Returns the items that fit so many bytes, and a line that counts the others.
fn fitting(items: &[String], bytes: usize) -> String {
    let mut out = String::new();
    for (number, item) in items.iter().enumerate() {
        if out.len() + item.len() > bytes {
            let rest = text::count((items.len() - number) as u64);
            out.push_str(&format!("\n{rest} more not shown.\n"));
            break;
        }
        out.push_str(item);
    }
    out
}

fn section(
    heading: &str,
    items: &[String],
    bytes: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    write!(out, "{heading}{}", fitting(items, bytes))
}

fn folded(title: &str, items: &[String], bytes: usize, out: &mut dyn io::Write) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let items = fitting(items, bytes);
    write!(
        out,
        "\n<details><summary>{title}</summary>\n\n{items}\n</details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gate::sample::{checked, hostile, many};
    use crate::render::sample::{check, rendered};

    fn markdown(report: &Report) -> String {
        rendered(&MD, report, Options::default())
    }

    #[test]
    fn the_gate_of_the_shop_in_markdown() {
        check("render_gate_md", &markdown(&checked()));
    }

    #[test]
    fn any_verdict_fits_a_comment() {
        let mut wide = many(300);
        for violation in &mut wide.verdict.as_mut().unwrap().violations {
            violation.text = "\u{1f4a5}|".repeat(5_000);
            violation.why = Some("`".repeat(5_000));
        }
        let mut full = many(400);
        let verdict = full.verdict.as_mut().unwrap();
        for (number, violation) in verdict.violations.iter_mut().enumerate() {
            let levels = [Outcome::Fail, Outcome::Warn, Outcome::Unknown];
            violation.level = levels[number % 3];
            if number % 4 == 0 {
                violation.excused = Some(crate::report::verdict::Excused::Known);
            }
        }
        verdict.rules = vec![verdict.rules[0].clone(); 1_000];
        verdict.notes = vec!["a note".repeat(100); 1_000];
        for report in [many(5_000), wide, full, hostile()] {
            let text = markdown(&report);
            assert!(text.len() < MAX_BYTES, "{} bytes", text.len());
            assert!(text.contains(" more not shown.\n"));
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let items = ["- a\n", "- b\n", "- c\n"].map(str::to_owned);
        assert_eq!(fitting(&items, 12), "- a\n- b\n- c\n");
        assert_eq!(fitting(&items, 11), "- a\n- b\n\n1 more not shown.\n");
        assert_eq!(fitting(&items, 3), "\n3 more not shown.\n");
    }

    #[test]
    fn hostile_names_add_no_markup() {
        for line in markdown(&hostile()).lines() {
            for markup in ["<b>", "@team", "](", "</failure", "{init}"] {
                assert!(!line.contains(markup), "{line}");
            }
            assert!(line.matches("```").count() <= 1, "{line}");
        }
    }

    #[test]
    fn no_verdict_is_no_open_gate() {
        let text = markdown(&Report::default());
        assert!(text.contains("## topple: the gate cannot tell\n"), "{text}");
    }
}
