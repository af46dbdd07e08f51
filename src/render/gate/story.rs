//! One violation for people: what was found, why it matters, how to fix it, what shows it, and the waiver that would excuse it.

use std::io;

use anstyle::{AnsiColor, Style};

use super::words::excuse;
use crate::render::Options;
use crate::report::Subject;
use crate::report::verdict::{Age, Location, Outcome, Violation};
use crate::text;

/// Width of the page.
pub(super) const COLUMNS: usize = 100;

/// Trace ids shown of a violation.
const EXEMPLARS: usize = 2;

/// Writes a violation for people.
pub(in crate::render) fn write(
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
    let name = painted(outcome.name(), outcome, options.color);
    writeln!(out, "{name} {rule}{age}")?;
    paragraph(out, "  ", &violation.text)?;
    if let Some(why) = &violation.why {
        paragraph(out, "  why: ", why)?;
    }
    if !violation.help.is_empty() {
        paragraph(out, "  fix: ", &violation.help)?;
    }
    if let Some(seen) = seen(violation) {
        writeln!(out, "  seen: {seen}")?;
    }
    if !violation.exemplars.is_empty() {
        let exemplars = violation.exemplars.iter().take(EXEMPLARS);
        let exemplars: Vec<&str> = exemplars.map(String::as_str).collect();
        paragraph(out, "  traces: ", &exemplars.join(", "))?;
    }
    if let Some(excuse) = excuse(violation) {
        paragraph(out, "  excused: ", &excuse)?;
    }
    if !violation.location.file.is_empty() {
        let Location { file, line } = &violation.location;
        paragraph(out, "  at: ", &format!("{file}:{line}"))?;
    }
    writeln!(out, "  id: {}", text::visible(&violation.id))?;
    if options.verbose && violation.excused.is_none() && violation.level != Outcome::Unknown {
        writeln!(out, "  to paste into the waivers of the policy:")?;
        writeln!(out, "    - {}", waiver(violation))?;
    }
    Ok(())
}

/// Returns how many of how many show a violation, how sure that is, and the interval of an estimate.
fn seen(violation: &Violation) -> Option<String> {
    let grade = violation.grade.name();
    let mut said = match violation.of {
        0 => String::new(),
        of => format!(
            "{} of {}, {grade}",
            text::count(violation.count),
            text::count(of)
        ),
    };
    if let Some((low, high)) = violation.interval {
        let (low, high) = match violation.unit {
            "share" => (text::percent(low), text::percent(high)),
            _ => (text::value(low), text::value(high)),
        };
        if said.is_empty() {
            said.push_str(grade);
        }
        said.push_str(&format!(", interval {low} to {high}"));
    }
    (!said.is_empty()).then_some(said)
}

/// Returns a waiver of a violation as the policy would have it; reason and date are for people to fill in.
fn waiver(violation: &Violation) -> String {
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

/// Returns text in the colour of an outcome, if there are colours.
pub(super) fn painted(text: &str, outcome: Outcome, color: bool) -> String {
    let style = match outcome {
        Outcome::Pass => AnsiColor::Green.on_default(),
        Outcome::Waived => Style::new().dimmed(),
        Outcome::Unknown | Outcome::Warn => AnsiColor::Yellow.on_default(),
        Outcome::Fail => AnsiColor::Red.on_default(),
    };
    match color {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    }
}

/// Writes text from strangers behind a heading, further lines below the text.
pub(in crate::render) fn paragraph(
    out: &mut dyn io::Write,
    heading: &str,
    said: &str,
) -> io::Result<()> {
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
