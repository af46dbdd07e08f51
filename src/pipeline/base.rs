//! Finds what a run is compared with: a file, or the lock of an earlier commit.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::input;
use crate::pipeline::{Options, Progress, git, report};
use crate::policy::Policy;
use crate::policy::facts::differing;
use crate::report::{Report, read as report_file};
use crate::rule::baseline::{Baseline, Extent};
use crate::rule::lock::{FILE_NAME, Lock};
use crate::rule::places::Places;
use crate::text;

/// Returns the commit that a variable means.
type Meant = fn(&str) -> String;

/// Variables that name the base of a change, and how the name is meant: those of GitHub and GitLab.
const VARIABLES: [(&str, Meant); 2] = [
    ("GITHUB_BASE_REF", |branch| format!("origin/{branch}")),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", str::to_owned),
];

/// Most bytes of a lock.
const LOCK_BYTES: u64 = 64 << 20;

/// Most bytes of a JSON report.
const REPORT_BYTES: u64 = 1 << 30;

/// What to compare with, and what should be known of where it comes from.
#[derive(Debug, Default)]
pub struct Base {
    /// What to compare with, if there is anything.
    pub baseline: Option<Baseline>,
    /// Where it comes from, if nobody named it.
    pub note: Option<String>,
}

/// Returns the name of the lock: the file that a `new_edges` rule names, in the folder of the policy.
pub fn lock_name(policy_name: &str, policy: &Policy) -> String {
    use crate::policy::rule::Verb;
    let named = policy.rules.iter().find_map(|rule| match &rule.verb {
        Verb::NewEdges(rule) => Some(rule.approve_in.as_str()),
        _ => None,
    });
    let name = Path::new(policy_name).with_file_name(named.unwrap_or(FILE_NAME));
    name.to_string_lossy().into_owned()
}

/// Returns the lock of a name, if there is such a file.
///
/// # Errors
/// Fails when it cannot be read or is no lock.
pub fn lock(name: &str, policy: &Policy) -> Result<Option<Lock>> {
    match input::text_file(name, LOCK_BYTES)? {
        Some(text) => Lock::read(&text, name, policy).map(Some),
        None => Ok(None),
    }
}

/// Returns where things stand in the repository: the policy, the lines of the lock as it will be, and the code that calls.
///
/// # Errors
/// Fails when the lock cannot be read.
pub fn places(
    (policy_name, lock_name): (&str, &str),
    (before, lock): (Option<&Lock>, Option<&Lock>),
    report: &Report,
) -> Result<Places> {
    let text = match lock {
        lock if lock == before => input::text_file(lock_name, LOCK_BYTES)?,
        lock => lock.map(Lock::to_string),
    };
    let files = report.edges.iter().filter_map(|edge| edge.code.as_ref());
    let files: BTreeSet<&str> = files.map(|(file, _)| file.as_str()).collect();
    let repository = input::Repository::of(policy_name);
    let found = files
        .into_iter()
        .filter_map(|file| Some((file.to_owned(), repository.code(file)?)));
    Ok(Places {
        policy_file: repository.name(policy_name),
        code: found.collect(),
        lock_file: repository.name(lock_name),
        lock_lines: text.map(|text| Lock::lines(&text)).unwrap_or_default(),
    })
}

/// Returns what a run is compared with: what `named` names, else what the variables of a CI job name, else the lock of the working
/// tree.
///
/// # Errors
/// Fails when what is named cannot be read; a gate without the baseline it was given would be no gate.
pub fn base(
    named: Option<&str>,
    lock_name: &str,
    lock: Option<&Lock>,
    now: &Report,
    options: &Options,
) -> Result<Base> {
    let mut base = found(named, lock_name, lock, now, options)?;
    if let Some(base) = &mut base.baseline {
        let otherwise = otherwise(&base.name, &base.report, now);
        base.notes.extend(otherwise);
    }
    Ok(base)
}

/// Says what the policy declares and what it declared otherwise when a baseline was written, if anything.
fn otherwise(name: &str, base: &Report, now: &Report) -> Option<String> {
    let names = differing(&base.declared, &now.declared);
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "{name} was written when the policy said something else of {}: numbers that rest on that may differ for no other reason",
            names.join(" and ")
        )
    })
}

fn found(
    named: Option<&str>,
    lock_name: &str,
    lock: Option<&Lock>,
    now: &Report,
    options: &Options,
) -> Result<Base> {
    let policy = &options.policy;
    if let Some(named) = named {
        let baseline = match Path::new(named).exists() || named.contains(['*', '?']) {
            true => of_file(named, now, options)?,
            false => of_commit(named, lock_name, now, policy)?.ok_or_else(|| {
                Error::new(format!(
                    "{named}: expected a file or a commit with {lock_name}"
                ))
                .with_help("topple init writes a lock; commit it first")
            })?,
        };
        return Ok(Base {
            baseline: Some(baseline),
            note: None,
        });
    }
    let mut note = None;
    for (variable, meant) in VARIABLES {
        let Some(value) = std::env::var(variable)
            .ok()
            .filter(|value| !value.is_empty())
        else {
            continue;
        };
        let commit = meant(&value);
        match of_commit(&commit, lock_name, now, policy)? {
            Some(baseline) => {
                let note = format!("the baseline is {}, as {variable} says", baseline.name);
                return Ok(Base {
                    baseline: Some(baseline),
                    note: Some(note),
                });
            }
            None => {
                note = Some(format!(
                    "{commit}, which {variable} names, has no {lock_name} yet: the lock of the working tree is the baseline"
                ));
            }
        }
    }
    Ok(Base {
        baseline: lock
            .map(|lock| Baseline::of_lock(lock_name.to_owned(), lock.report(now, policy))),
        note,
    })
}

/// Returns the lock of a commit as a baseline, if the commit has one.
fn of_commit(
    commit: &str,
    lock_name: &str,
    now: &Report,
    policy: &Policy,
) -> Result<Option<Baseline>> {
    let lock = lock_of_commit(commit, lock_name, policy)?;
    Ok(lock.map(|(name, lock)| {
        let report = lock.report(now, policy);
        Baseline::of_lock(name, report)
    }))
}

/// Returns the lock of a commit, if the commit has one, and what it is in words.
pub(super) fn lock_of_commit(
    commit: &str,
    lock_name: &str,
    policy: &Policy,
) -> Result<Option<(String, Lock)>> {
    let Some(text) = git::show(commit, lock_name)? else {
        return Ok(None);
    };
    let name = format!("{lock_name} at {commit}");
    let lock = Lock::read(&text, &name, policy)?;
    Ok(Some((name, lock)))
}

/// What a file holds.
pub(super) enum Content {
    /// Facts.
    Lock(Lock),
    /// What an earlier run said.
    Report(Box<report_file::Said>),
    /// Anything else: traces or a topology, if the readers of those understand it.
    Traces,
}

/// Returns what a file, folder or glob holds, and reads it unless that is traces.
///
/// # Errors
/// Fails when a lock or a report cannot be read.
pub(super) fn content(name: &str, policy: &Policy) -> Result<Content> {
    let head = input::head(name)?;
    if name.ends_with(".lock") || is_lock(&head) {
        return Ok(Content::Lock(lock(name, policy)?.unwrap_or_default()));
    }
    if report_file::is_report(&head) {
        let text = input::text_file(name, REPORT_BYTES)?.unwrap_or_default();
        let said = report_file::read(&text)
            .map_err(|why| Error::new(format!("{name}: expected a report of topple, {why}")))?;
        return Ok(Content::Report(Box::new(said)));
    }
    Ok(Content::Traces)
}

/// Returns what a file holds as a baseline.
fn of_file(name: &str, now: &Report, options: &Options) -> Result<Baseline> {
    let (mut objections, mut notes) = (BTreeSet::new(), Vec::new());
    let (report, extent) = match content(name, &options.policy)? {
        Content::Lock(lock) => (lock.report(now, &options.policy), Extent::Graph),
        Content::Report(mut said) => {
            describe(&mut said.report, now, &options.policy);
            objections = std::mem::take(&mut said.objections);
            notes.extend(unread(&said));
            (said.report, Extent::Everything)
        }
        Content::Traces => {
            let options = Options {
                inputs: vec![name.to_owned()],
                shard: None,
                window: Default::default(),
                ..options.clone()
            };
            let (report, _) = report(&options, &Progress::default())?;
            notes.extend(report.stale.iter().map(|note| format!("{name}: {note}")));
            (report, Extent::Everything)
        }
    };
    if report.data.traces == 0 {
        return Err(Error::new(format!(
            "{name}: expected a baseline, found no trace in it"
        )));
    }
    Ok(Baseline {
        name: name.to_owned(),
        report,
        extent,
        objections,
        notes,
    })
}

/// Says how much of a JSON report is of kinds that this version does not know, if anything is.
fn unread(said: &report_file::Said) -> Option<String> {
    let n = said.strange_findings;
    (n > 0).then(|| {
        format!(
            "{} of the baseline are of kinds that this version of topple does not know: they are compared with nothing",
            text::plural(n, "finding")
        )
    })
}

/// Returns whether the first line that says anything is a fact.
fn is_lock(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let first = head
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = first.and_then(|line| line.split(' ').next());
    word.is_some_and(|word| ["accept", "declared", "edge", "metric", "service"].contains(&word))
}

/// Gives services the tags that they have now, and what the policy says of them.
fn describe(report: &mut Report, now: &Report, policy: &Policy) {
    for service in &mut report.services {
        let known = now.services.iter().find(|known| known.name == service.name);
        let tags = match known {
            Some(known) if service.tags.is_empty() => known.tags.clone(),
            _ => std::mem::take(&mut service.tags),
        };
        let described = policy
            .services
            .describe(&service.name, service.kind.name(), tags);
        service.tags = described.tags;
    }
}
