//! `topple diff`: reads two sides and says what changed from the one to the other. It judges nothing.

use crate::cli::args::DiffArgs;
use crate::cli::output;
use crate::cli::{judge_reading, options, progress, write_all};
use crate::compare::side::Side;
use crate::compare::{compare, focus};
use crate::error::{Error, Exit, Result};
use crate::pipeline::{Options, sides};
use crate::render::diff::DIFF_RENDERERS;
use crate::report::Report;

pub(super) fn diff(args: DiffArgs) -> Result<Exit> {
    let renderers = output::renderers(
        DIFF_RENDERERS,
        "table",
        args.format.as_deref(),
        &args.output,
    )?;
    if args.base == "-" && args.head == "-" {
        return Err(Error::new(
            "expected two different sides, found stdin twice",
        ));
    }
    let options = options(vec![args.base.clone()], &args.read)?;
    let outputs = output::open(renderers)?;
    let (base, base_exit) = read(&options, &args)?;
    let head = Options {
        inputs: vec![args.head.clone()],
        ..options.clone()
    };
    let (head, head_exit) = read(&head, &args)?;
    let mut exit = match base_exit {
        Exit::Open => head_exit,
        base_exit => base_exit,
    };
    if exit == Exit::Open && (base.row.is_empty || head.row.is_empty) {
        exit = Exit::Unknown;
    }
    let mut diff = compare(&base, &head, &options.policy.evidence);
    if let Some(service) = &args.focus {
        focus::focus(&mut diff, [&base, &head], service)?;
    }
    let report = Report {
        diff: Some(diff),
        ..Report::default()
    };
    write_all(outputs, &report, args.top, args.verbose, args.color)?;
    Ok(exit)
}

/// Returns one side, and how reading it went.
fn read(options: &Options, args: &DiffArgs) -> Result<(Side, Exit)> {
    let (side, read) = progress::shown(args.talk.quiet, |progress| sides::side(options, progress))?;
    let exit = match &read {
        Some((reading, understood)) => judge_reading(reading, *understood, &args.talk)?,
        None => Exit::Open,
    };
    Ok((side, exit))
}
