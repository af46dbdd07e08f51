//! `topple explain`: what a name means; with inputs, the story of a violation, a rule or a finding.

use std::io::IsTerminal;

use crate::cli::args::{Color, ExplainArgs};
use crate::cli::check::{self, Asked};
use crate::cli::lock::Changes;
use crate::cli::output::Output;
use crate::cli::{judge_reading, progress, read_options, say_notes};
use crate::error::{Error, Exit, Result};
use crate::explain;
use crate::pipeline;
use crate::render;
use crate::render::story::Story;
use crate::report::Report;
use crate::report::verdict::FailOn;
use crate::text;

pub(super) fn explain(args: ExplainArgs) -> Result<Exit> {
    let Some(name) = &args.name else {
        return written(|out| explain::list(out));
    };
    if args.inputs.is_empty() {
        return match explain::find(name) {
            Some(explanation) => written(|out| explanation.write(out)),
            None => Err(unknown(name)),
        };
    }
    story(args)
}

fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Result<Exit> {
    let mut output = Output::open(None)?;
    output.write(write)?;
    output.finish()?;
    Ok(Exit::Open)
}

/// Returns the error that a name means nothing without inputs.
fn unknown(name: &str) -> Error {
    let error = Error::new(format!(
        "expected a name that topple explains, found \"{}\"",
        text::visible(name)
    ));
    // The id of a violation or finding is a rule or pass, a colon, and a subject.
    if name.contains(':') {
        return error.with_help(
            "the story of a violation or finding takes the traces too: topple explain ID traces/",
        );
    }
    match explain::nearest(name) {
        Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
        None => error.with_help("topple explain lists all names"),
    }
}

/// Reads and judges the inputs, and tells of what is named.
fn story(args: ExplainArgs) -> Result<Exit> {
    let name = args.name.unwrap_or_default();
    let named = pipeline::named_policy(args.read.rules.as_deref())?;
    let report = match named {
        Some((policy_name, policy)) if policy.judges() => {
            let asked = Asked {
                inputs: args.inputs,
                read: &args.read,
                talk: &args.talk,
                base: args.base.as_deref(),
                only: &[],
                new_only: false,
                today: None,
                fail_on: FailOn::Error,
            };
            check::judged((policy_name, policy), asked, Changes::default(), || Ok(()))?.0
        }
        named => {
            if args.base.is_some() {
                return Err(match named {
                    Some((policy_name, _)) => Error::new(format!(
                        "{policy_name}: expected rules that judge against --base, found none"
                    )),
                    None => check::no_policy(),
                });
            }
            let policy = named.map(|(_, policy)| policy).unwrap_or_default();
            let options = read_options(args.inputs, &args.read.select, policy)?;
            let (report, reading) = progress::shown(args.talk.quiet, |progress| {
                pipeline::report(&options, progress)
            })?;
            judge_reading(&reading, report.data.spans_understood(), &args.talk)?;
            say_notes(&reading, &args.talk);
            report
        }
    };
    let options = render::Options {
        color: Color::Auto.wants(std::io::stdout().is_terminal()),
        verbose: true,
        ..render::Options::default()
    };
    match stories(&report, &name) {
        stories if stories.is_empty() => Err(absent(&report, &name)),
        stories => written(|out| {
            for (number, story) in stories.iter().enumerate() {
                if number > 0 {
                    writeln!(out)?;
                }
                story.write(&options, out)?;
            }
            let meant = stories.first().and_then(Story::explained);
            match meant {
                Some(explanation) => {
                    writeln!(out)?;
                    explanation.write(out)
                }
                None => Ok(()),
            }
        }),
    }
}

/// Returns the stories of a violation, of all violations of a rule, or of a finding.
fn stories<'a>(report: &'a Report, name: &str) -> Vec<Story<'a>> {
    let violations = report
        .verdict
        .iter()
        .flat_map(|verdict| &verdict.violations);
    let violations = violations.filter(|found| found.id == name || found.rule == name);
    let mut stories: Vec<Story<'a>> = violations.map(Story::Violation).collect();
    let rules = report.verdict.iter().flat_map(|verdict| &verdict.rules);
    if stories.is_empty() {
        stories.extend(rules.filter(|rule| rule.id == name).map(Story::Rule));
    }
    let findings = report.findings.iter().filter(|found| found.id == name);
    stories.extend(findings.map(Story::Finding));
    stories
}

/// Returns the error that the inputs show nothing of a name.
fn absent(report: &Report, name: &str) -> Error {
    let violations = report
        .verdict
        .iter()
        .flat_map(|verdict| &verdict.violations);
    let ids = violations
        .map(|found| found.id.as_str())
        .chain(report.findings.iter().map(|found| found.id.as_str()));
    let error = Error::new(format!(
        "expected the id of a violation or finding of these traces, found \"{}\"",
        text::visible(name)
    ));
    match text::nearest(name, ids) {
        Some(near) => error.with_help(format!("did you mean \"{}\"?", text::visible(near))),
        None => error.with_help(
            "topple check shows the ids of violations, topple report -f json those of findings",
        ),
    }
}
