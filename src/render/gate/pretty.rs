//! The verdict for people: open or closed, why, where to look; then rule by rule, and each violation with how to fix it.

use std::io;

use anstyle::{AnsiColor, Style};

use super::Renderer;
use crate::render::Options;
use crate::report::Report;
use crate::report::verdict::{Age, Excused, Judged, Outcome, Verdict, Violation};
use crate::text;

/// Writes the verdict for people.
pub(super) static PRETTY: Renderer = Renderer {
    name: "pretty",
    about: "the answer first, then each violation with how to fix it, for people",
    extensions: &["txt"],
    write,
};

/// Width of the page.
const COLUMNS: usize = 100;

/// Trace ids shown of a violation.
const EXEMPLARS: usize = 2;

fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(verdict) = &report.verdict else {
        return writeln!(out, "nothing was judged");
    };
    let page = Page {
        color: options.color,
    };
    page.answer(report, verdict, out)?;
    page.rules(verdict, out)?;
    let shown = |violation: &&Violation| {
        violation.excused.is_none() && violation.level != Outcome::Unknown || options.verbose
    };
    let violations: Vec<&Violation> = verdict.violations.iter().filter(shown).collect();
    for violation in violations.iter().take(options.rows()) {
        page.violation(violation, options, out)?;
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
    fn painted(&self, text: &str, outcome: Outcome) -> String {
        let style = match outcome {
            Outcome::Pass => AnsiColor::Green.on_default(),
            Outcome::Waived => Style::new().dimmed(),
            Outcome::Unknown | Outcome::Warn => AnsiColor::Yellow.on_default(),
            Outcome::Fail => AnsiColor::Red.on_default(),
        };
        match self.color {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

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
        let (word, outcome) = match (fails, judged) {
            (0, 0) => ("unknown", Outcome::Unknown),
            (0, _) => ("open", Outcome::Pass),
            _ => ("closed", Outcome::Fail),
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
        writeln!(
            out,
            "{}: {why}",
            self.painted(&format!("gate {word}"), outcome)
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
            None => about.push_str("; no baseline"),
        }
        paragraph(out, "", &about)?;
        if let Some(first) = verdict.open(Outcome::Fail).next() {
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
            if let Some(missing) = missing {
                said.push(missing.clone());
            }
            let start = format!("{} {id}{pad}  ", self.painted(&name, *outcome));
            let indent = 8 + width + 2;
            let said = format!("{verb}: {}", said.join("; "));
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

    fn violation(
        &self,
        violation: &Violation,
        options: &Options,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let outcome = match violation.excused {
            Some(_) => Outcome::Waived,
            None => violation.level,
        };
        let age = match violation.age {
            Age::New => ", new",
            Age::Known => ", in the baseline too",
            Age::Untold => "",
        };
        let rule = text::visible(&violation.rule);
        writeln!(
            out,
            "\n{} {rule}{age}",
            self.painted(outcome.name(), outcome)
        )?;
        paragraph(out, "  ", &violation.text)?;
        if let Some(why) = &violation.why {
            paragraph(out, "  why: ", why)?;
        }
        if !violation.help.is_empty() {
            paragraph(out, "  fix: ", &violation.help)?;
        }
        if let Some((low, high)) = violation.interval {
            let (low, high) = match violation.unit {
                "share" => (text::percent(low), text::percent(high)),
                _ => (text::value(low), text::value(high)),
            };
            let seen = match violation.of {
                0 => String::new(),
                of => format!(
                    ", by {} of {}",
                    text::count(violation.count),
                    text::count(of)
                ),
            };
            writeln!(out, "  surely between {low} and {high}{seen}")?;
        }
        if !violation.exemplars.is_empty() {
            let exemplars = violation.exemplars.iter().take(EXEMPLARS);
            let exemplars: Vec<&str> = exemplars.map(String::as_str).collect();
            paragraph(out, "  traces: ", &exemplars.join(", "))?;
        }
        match &violation.excused {
            None => {}
            Some(Excused::Accepted) => writeln!(out, "  excused: accepted in the lock")?,
            Some(Excused::Known) => writeln!(out, "  excused: the baseline has it too")?,
            Some(Excused::Waiver {
                reason,
                owner,
                expires,
            }) => {
                let owner = owner.as_ref().map(|owner| format!(", {owner}"));
                let owner = owner.unwrap_or_default();
                let said = format!("{reason} (waived until {expires}{owner})");
                paragraph(out, "  excused: ", &said)?;
            }
        }
        writeln!(out, "  id: {}", text::visible(&violation.id))?;
        if options.verbose && violation.excused.is_none() && violation.level != Outcome::Unknown {
            writeln!(out, "  to paste into the waivers of the policy:")?;
            writeln!(out, "    - {}", waiver(violation))?;
        }
        Ok(())
    }
}

/// Returns a waiver of a violation as the policy would have it; reason and date are for people to fill in.
fn waiver(violation: &Violation) -> String {
    use crate::report::Subject;
    let json = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    let about = match (&violation.subject, &violation.entrypoint) {
        (_, Some(name)) => format!("entrypoint: {}, ", json(name)),
        (Subject::Edge(from, to) | Subject::Call(from, to, _), _) => {
            format!("edge: {{ from: {}, to: {} }}, ", json(from), json(to))
        }
        (Subject::Path(path), _) => match path.as_slice() {
            [from, to, ..] => format!("edge: {{ from: {}, to: {} }}, ", json(from), json(to)),
            _ => String::new(),
        },
        (Subject::Service(name) | Subject::Entry(name, _) | Subject::Instance(name, _), _) => {
            format!("service: {}, ", json(name))
        }
        (Subject::System | Subject::Shared(_, _), _) => String::new(),
    };
    format!(
        "{{ rule: {}, {about}reason: \"...\", owner: \"...\", expires: YYYY-MM-DD }}",
        json(&violation.rule)
    )
}

/// Writes text from strangers behind a heading, further lines below the text.
fn paragraph(out: &mut dyn io::Write, heading: &str, said: &str) -> io::Result<()> {
    let margin = heading.trim_start_matches('\n').len();
    let visible = text::visible(said);
    for (number, line) in text::wrapped(&visible, COLUMNS - margin).iter().enumerate() {
        match number {
            0 => writeln!(out, "{heading}{line}")?,
            _ => writeln!(out, "{}{line}", " ".repeat(margin))?,
        }
    }
    Ok(())
}
