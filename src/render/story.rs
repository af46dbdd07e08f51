//! What there is to tell about one violation, one rule or one finding, for people.

use std::io;

use super::Options;
use super::gate::{self, paragraph};
use crate::explain::{self, Explanation};
use crate::report::Finding;
use crate::report::verdict::{Judged, Violation};
use crate::text;

/// What is told about.
#[derive(Clone, Copy, Debug)]
pub enum Story<'a> {
    /// Something a rule objects to.
    Violation(&'a Violation),
    /// A rule that objects to nothing.
    Rule(&'a Judged),
    /// Something measured.
    Finding(&'a Finding),
}

impl Story<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// Fails when `out` does.
    pub fn write(&self, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Story::Violation(violation) => gate::write_violation(violation, options, out),
            Story::Rule(rule) => write_rule(rule, out),
            Story::Finding(finding) => write_finding(finding, out),
        }
    }

    /// Returns what explains it in general.
    pub fn explained(&self) -> Option<&'static Explanation> {
        match self {
            Story::Violation(violation) => explain::find(&format!("rules.{}", violation.verb)),
            Story::Rule(rule) => explain::find(&format!("rules.{}", rule.verb)),
            Story::Finding(finding) => {
                explain::find(finding.metric).or_else(|| explain::find(finding.pass))
            }
        }
    }
}

fn write_rule(rule: &Judged, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{} {}", rule.outcome.name(), text::visible(&rule.id))?;
    paragraph(out, "  ", &format!("{} checked", text::count(rule.checked)))?;
    if let Some(why) = &rule.why {
        paragraph(out, "  why: ", why)?;
    }
    if let Some(missing) = &rule.missing {
        paragraph(out, "  missing: ", missing)?;
    }
    Ok(())
}

fn write_finding(finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "{} of {}",
        text::visible(finding.metric),
        text::visible(&finding.subject.to_string())
    )?;
    paragraph(out, "  ", &finding.text)?;
    let mut seen = finding.grade.name().to_owned();
    if finding.of > 0 {
        let (count, of) = (text::count(finding.count), text::count(finding.of));
        seen = format!("{count} of {of}, {seen}");
    }
    if let Some((low, high)) = finding.interval {
        let (low, high) = (text::value(low), text::value(high));
        seen.push_str(&format!(", interval {low} to {high}"));
    }
    paragraph(out, "  seen: ", &seen)?;
    if let Some(cost) = finding.cost {
        paragraph(
            out,
            "  cost: ",
            &format!(
                "{} of the requests or calls pay for it",
                text::percent(cost)
            ),
        )?;
    }
    if !finding.exemplars.is_empty() {
        paragraph(out, "  traces: ", &finding.exemplars.join(", "))?;
    }
    paragraph(out, "  id: ", &finding.id)
}
