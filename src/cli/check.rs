//! `topple check`: reads, measures, compares, judges, and says whether the gate is open.

use jiff::civil::Date;

use crate::cli::args::{CheckArgs, FailOn};
use crate::cli::output::{self, Output};
use crate::cli::{judge_reading, progress, read_options, say, write_all};
use crate::error::{Error, Exit, Result};
use crate::input;
use crate::pipeline::{self, base};
use crate::render::gate::GATE_RENDERERS;
use crate::report::Report;
use crate::report::verdict::{Outcome, Verdict};
use crate::rule::lock::Lock;
use crate::rule::{Judging, judge};
use crate::text;

pub(super) fn check(args: CheckArgs) -> Result<Exit> {
    let renderers = output::renderers(
        GATE_RENDERERS,
        "pretty",
        args.format.as_deref(),
        &args.output,
    )?;
    let Some((policy_name, policy)) = pipeline::named_policy(args.read.rules.as_deref())? else {
        return Err(
            Error::new("expected a policy to judge by, found no topple.yaml")
                .with_help("topple init writes one that passes today; --rules names one"),
        );
    };
    let options = read_options(args.inputs, &args.read.select, policy)?;
    let outputs = output::open(renderers)?;
    let lock_name = base::lock_name(&policy_name, &options.policy);
    let mut lock = base::lock(&lock_name)?;
    let (mut report, reading) = progress::shown(args.talk.quiet, |progress| {
        pipeline::report(&options, progress)
    })?;
    let read = judge_reading(&reading, report.data.spans_read, &args.talk)?;
    let found = base::base(
        args.base.as_deref(),
        &lock_name,
        lock.as_ref(),
        &report,
        &options,
    )?;
    let before = lock.clone();
    if args.update_lock && report.data.traces > 0 {
        let facts = Lock::of(&report, &options.policy);
        lock.get_or_insert_default().extend(facts);
    }
    let policy_file = input::name_in_repository(&policy_name);
    let verdict = |lock: Option<&Lock>, report: &Report| {
        judge(
            report,
            &Judging {
                policy: &options.policy,
                policy_name: &policy_name,
                policy_file: &policy_file,
                base: found.baseline.as_ref(),
                lock,
                only: &args.only,
                new_only: args.new_only,
                today: args.today.unwrap_or_else(today),
            },
        )
    };
    let mut said = verdict(lock.as_ref(), &report)?;
    if args.accept {
        let lock = lock.get_or_insert_default();
        lock.accepted.extend(open(&said));
        said = verdict(Some(lock), &report)?;
    }
    if let Some(lock) = lock.filter(|lock| before.as_ref() != Some(lock)) {
        write_lock(&lock_name, &lock, args.talk.quiet)?;
    }
    said.notes.extend(found.note);
    let judged = said.exit(match args.fail_on {
        FailOn::Error => Some(Outcome::Fail),
        FailOn::Warn => Some(Outcome::Warn),
        FailOn::Never => None,
    });
    report.verdict = Some(said);
    write_all(outputs, &report, args.top, args.verbose, args.color)?;
    // What could not be read may be what would have failed, so that the gate is not open.
    Ok(match (judged, read) {
        (Exit::Closed, _) => Exit::Closed,
        (_, Exit::Usage) => Exit::Usage,
        (judged, _) => judged,
    })
}

/// Returns the day in UTC.
fn today() -> Date {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
}

/// Returns the ids of what keeps the gate closed or warns.
fn open(verdict: &Verdict) -> Vec<String> {
    let loud = [Outcome::Fail, Outcome::Warn];
    let open = loud.into_iter().flat_map(|level| verdict.open(level));
    open.map(|violation| violation.id.clone()).collect()
}

/// Writes a lock.
pub(super) fn write_lock(name: &str, lock: &Lock, quiet: bool) -> Result<()> {
    let mut output = Output::open(Some(name))?;
    output.write(|out| out.write_fmt(format_args!("{lock}")))?;
    output.finish()?;
    if !quiet {
        say(&format!(
            "{name}: {} and {}",
            text::plural(lock.edges.len() as u64, "edge"),
            text::plural(lock.accepted.len() as u64, "accepted violation")
        ));
    }
    Ok(())
}
