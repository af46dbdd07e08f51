//! The verdict for people: open or closed, why, where to look; then rule by rule, and each violation with how to fix it.

use std::cmp::Reverse;
use std::io;

use super::story::{self, COLUMNS, painted, paragraph};
use super::{Renderer, words};
use crate::render::Options;
use crate::report::Report;
use crate::report::verdict::{Judged, Outcome, Verdict, Violation};
use crate::text;

/// Writes the verdict for people.
pub(super) static PRETTY: Renderer = Renderer {
    name: "pretty",
    about: "the answer first, then each violation with how to fix it, for people",
    extensions: &["txt"],
    edges_with: None,
    write,
};

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(verdict) = &report.verdict else {
        return writeln!(out, "nothing was judged");
    };
    let page = Page {
        color: options.color,
    };
    page.answer(report, verdict, out)?;
    page.rules(verdict, out)?;
    // What a rule misses stands in its line.
    let shown = |violation: &&Violation| {
        violation.level != Outcome::Unknown && (violation.excused.is_none() || options.verbose)
    };
    let mut violations: Vec<&Violation> = verdict.violations.iter().filter(shown).collect();
    violations.sort_by_key(|found| (found.excused.is_some(), Reverse(found.level)));
    for violation in violations.iter().take(options.rows()) {
        writeln!(out)?;
        story::write(violation, options, out)?;
    }
    let more = violations.len().saturating_sub(options.rows());
    if more > 0 {
        writeln!(
            out,
            "\n... and {more} more; --top {} shows all",
            violations.len()
        )?;
    }
    for note in &verdict.notes {
        paragraph(out, "\nnote: ", note)?;
    }
    Ok(())
}

struct Page {
    color: bool,
}

impl Page {
    /// Says whether the gate is open, why, and where to look.
    fn answer(
        &self,
        report: &Report,
        verdict: &Verdict,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let open = |level| verdict.open(level).count() as u64;
        let (fails, warnings) = (open(Outcome::Fail), open(Outcome::Warn));
        let unknown = verdict.rules_with(Outcome::Unknown);
        let judged = (verdict.rules.len() - unknown) as u64;
        let word = words::answer(verdict);
        let outcome = match word {
            "open" => Outcome::Pass,
            "closed" => Outcome::Fail,
            _ => Outcome::Unknown,
        };
        let mut why = match (fails, judged) {
            (0, 0) => "no rule could be judged".to_owned(),
            (0, _) => format!("nothing fails, {} judged", text::plural(judged, "rule")),
            _ => format!(
                "{} of {}",
                text::plural(fails, "violation"),
                text::plural(verdict.rules_with(Outcome::Fail) as u64, "rule")
            ),
        };
        if warnings > 0 {
            why.push_str(&format!(", {}", text::plural(warnings, "warning")));
        }
        if unknown > 0 && judged > 0 {
            why.push_str(&format!(", {unknown} unknown"));
        }
        let excused = verdict.violations.iter().filter(|of| of.excused.is_some());
        let excused = excused.count();
        if excused > 0 {
            why.push_str(&format!(", {excused} excused"));
        }
        if let Some(level) = words::level(verdict) {
            why.push_str(&format!("; {level}"));
        }
        writeln!(
            out,
            "{}: {why}",
            painted(&format!("gate {word}"), outcome, self.color)
        )?;
        let mut about = format!(
            "{} in {}; policy {}",
            text::plural(report.data.spans_read, "span"),
            text::plural(report.data.traces, "trace"),
            verdict.policy
        );
        match &verdict.baseline {
            Some(baseline) => about.push_str(&format!(
                "; compared with {baseline}: {}, {} not seen this time",
                text::plural(verdict.new_edges.len() as u64, "new edge"),
                verdict.not_seen.len()
            )),
            None if verdict.rules_with(Outcome::Unknown) == verdict.rules.len() => {}
            None => about.push_str("; no baseline"),
        }
        paragraph(out, "", &about)?;
        let worst = verdict.loud(Outcome::Fail).max_by_key(|found| found.level);
        if let Some(first) = verdict.open(Outcome::Fail).next().or(worst) {
            let at = &first.location;
            let look = format!("{} ({}:{})", first.text, at.file, at.line);
            paragraph(out, "look first at: ", &look)?;
        }
        Ok(())
    }

    /// Writes a line for each rule.
    fn rules(&self, verdict: &Verdict, out: &mut dyn io::Write) -> io::Result<()> {
        let width = verdict.rules.iter().map(|rule| text::width(&rule.id));
        let width = width.max().unwrap_or(0).min(50);
        writeln!(out)?;
        let first = verdict.rules.first().and_then(|rule| rule.missing.as_ref());
        // What all miss is said once, in a note.
        let is_same = verdict.rules.len() > 1
            && first.is_some()
            && verdict
                .rules
                .iter()
                .all(|rule| rule.missing.as_ref() == first);
        for rule in &verdict.rules {
            let Judged {
                id,
                verb,
                outcome,
                checked,
                missing,
                ..
            } = rule;
            let id = text::visible(id);
            let pad = " ".repeat(width.saturating_sub(text::width(&id)));
            let name = format!("{:7}", outcome.name());
            let of = verdict.violations.iter().filter(|of| of.rule == rule.id);
            let (open, excused): (Vec<_>, Vec<_>) = of
                .filter(|of| of.level != Outcome::Unknown)
                .partition(|of| of.excused.is_none());
            let mut said = Vec::new();
            if !open.is_empty() {
                said.push(text::plural(open.len() as u64, "violation"));
            }
            if !excused.is_empty() {
                said.push(format!("{} excused", excused.len()));
            }
            if *checked > 0 {
                said.push(format!("{} checked", text::count(*checked)));
            }
            said.extend(missing.clone().filter(|_| !is_same));
            let start = format!("{} {id}{pad}  ", painted(&name, *outcome, self.color));
            let indent = 8 + width + 2;
            let said = match said.is_empty() {
                true => (*verb).to_owned(),
                false => format!("{verb}: {}", said.join("; ")),
            };
            let lines = text::wrapped(
                &text::visible(&said),
                COLUMNS.saturating_sub(indent).max(30),
            );
            for (number, line) in lines.iter().enumerate() {
                match number {
                    0 => writeln!(out, "{start}{line}")?,
                    _ => writeln!(out, "{}{line}", " ".repeat(indent))?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gate::sample::checked;
    use crate::render::sample::{check, rendered};
    use crate::report::verdict::FailOn;

    #[test]
    fn the_gate_of_the_shop_for_people() {
        check(
            "render_gate_pretty",
            &rendered(&PRETTY, &checked(), Options::default()),
        );
        let verbose = Options {
            verbose: true,
            ..Options::default()
        };
        let mut report = checked();
        report.verdict.as_mut().unwrap().fail_on = FailOn::Never;
        check(
            "render_gate_pretty_verbose",
            &rendered(&PRETTY, &report, verbose),
        );
    }

    #[test]
    fn the_loudest_stand_first() {
        let mut report = checked();
        report.verdict.as_mut().unwrap().violations.reverse();
        let text = rendered(&PRETTY, &report, Options::default());
        let levels: Vec<&str> = text
            .split("\n\n")
            .skip(2)
            .filter_map(|story| story.split(' ').next())
            .collect();
        assert_eq!(levels[..5], ["fail", "fail", "fail", "warn", "note:"]);
    }
}
