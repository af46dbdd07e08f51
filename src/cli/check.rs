//! `topple check`: reads, measures, compares, judges, and says whether the gate is open.

use jiff::civil::Date;

use crate::cli::args::{self, CheckArgs, ReadArgs, TalkArgs};
use crate::cli::lock::{Changes, write_lock};
use crate::cli::output;
use crate::cli::{judge_reading, progress, read_options, say_notes, write_all};
use crate::error::{Error, Exit, Result};
use crate::pipeline::{self, base};
use crate::policy::Policy;
use crate::render::gate::GATE_RENDERERS;
use crate::report::Report;
use crate::report::verdict::{FailOn, Verdict};
use crate::rule::lock::Lock;
use crate::rule::{Judging, judge};

/// What to judge, and by what.
pub(super) struct Asked<'a> {
    pub(super) inputs: Vec<String>,
    pub(super) read: &'a ReadArgs,
    pub(super) talk: &'a TalkArgs,
    pub(super) base: Option<&'a str>,
    pub(super) only: &'a [String],
    pub(super) new_only: bool,
    pub(super) today: Option<Date>,
    pub(super) fail_on: FailOn,
}

pub(super) fn check(args: CheckArgs) -> Result<Exit> {
    let renderers = output::renderers(
        GATE_RENDERERS,
        "pretty",
        args.format.as_deref(),
        &args.output,
    )?;
    let asked = Asked {
        inputs: args.inputs,
        read: &args.read,
        talk: &args.talk,
        base: args.base.as_deref(),
        only: &args.only,
        new_only: args.new_only,
        today: args.today,
        fail_on: match args.fail_on {
            args::FailOn::Error => FailOn::Error,
            args::FailOn::Warn => FailOn::Warn,
            args::FailOn::Never => FailOn::Never,
        },
    };
    let changes = Changes {
        update: args.update_lock,
        accept: args.accept,
    };
    let opened = || output::open(renderers);
    let policy = pipeline::named_policy(args.read.rules.as_deref())?.ok_or_else(no_policy)?;
    let (report, outputs) = judged(policy, asked, changes, opened)?;
    let exit = report.verdict.as_ref().map_or(Exit::Unknown, Verdict::exit);
    write_all(outputs, &report, args.top, args.verbose, args.color)?;
    Ok(exit)
}

/// Returns the error that there is nothing to judge by.
pub(super) fn no_policy() -> Error {
    Error::new("expected a policy to judge by, found no topple.yaml")
        .with_help("topple init writes one that passes today; --rules names one")
}

/// Reads, measures and judges by a policy of a name; returns the report with its verdict, and what `prepared` returned once the arguments were
/// understood.
pub(super) fn judged<T>(
    (policy_name, policy): (String, Policy),
    asked: Asked<'_>,
    changes: Changes,
    prepared: impl FnOnce() -> Result<T>,
) -> Result<(Report, T)> {
    let options = read_options(asked.inputs, &asked.read.select, policy)?;
    let prepared = prepared()?;
    let lock_name = base::lock_name(&policy_name, &options.policy);
    let mut lock = base::lock(&lock_name, &options.policy)?;
    let (mut report, reading) = progress::shown(asked.talk.quiet, |progress| {
        pipeline::report(&options, progress)
    })?;
    let read = judge_reading(&reading, report.data.spans_understood(), asked.talk)?;
    say_notes(&reading, asked.talk);
    let found = base::base(asked.base, &lock_name, lock.as_ref(), &report, &options)?;
    let before = lock.clone();
    let kept = match changes.update && report.data.traces > 0 {
        true => {
            let facts = Lock::of(&report, &options.policy);
            lock.get_or_insert_default().update(facts, &options.policy)
        }
        false => Vec::new(),
    };
    let names = (policy_name.as_str(), lock_name.as_str());
    let verdict = |lock: Option<&Lock>, report: &Report| {
        let places = base::places(names, (before.as_ref(), lock), report)?;
        judge(
            report,
            &Judging {
                policy: &options.policy,
                policy_name: &policy_name,
                places: &places,
                base: found.baseline.as_ref(),
                lock,
                only: asked.only,
                new_only: asked.new_only,
                today: asked.today.unwrap_or_else(today),
            },
        )
    };
    let mut said = verdict(lock.as_ref(), &report)?;
    changes.check(&said, &options.policy)?;
    let mut notes = Vec::new();
    if changes.is_accepting() {
        let lock = lock.get_or_insert_default();
        notes = changes.accept(lock, &said, &kept);
        said = verdict(Some(lock), &report)?;
    }
    notes.extend(changes.stayed(&kept));
    if let Some(lock) = lock.filter(|lock| before.as_ref() != Some(lock)) {
        write_lock(&lock_name, &lock, asked.talk.quiet)?;
    }
    said.notes.extend(notes);
    said.notes.extend(found.note);
    if read != Exit::Open {
        said.unread = true;
        said.notes.push(UNREAD.to_owned());
    }
    said.fail_on = asked.fail_on;
    report.verdict = Some(said);
    Ok((report, prepared))
}

/// What is to be known when a part of the input could not be read.
const UNREAD: &str =
    "a part of the input could not be read, and that part may be what would have failed";

/// Returns the day in UTC.
fn today() -> Date {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
}
