//! What `topple check` does to the lock: adds what is new, and accepts what someone answers for.

use crate::cli::output::Output;
use crate::cli::say;
use crate::error::{Error, Result};
use crate::policy::Policy;
use crate::report::verdict::{Outcome, Verdict, Violation};
use crate::rule::lock::{Kept, Lock};
use crate::rule::ratcheted;
use crate::text;

/// What is to be done with the lock before it is judged by.
#[derive(Clone, Default)]
pub(super) struct Changes {
    /// Whether to add the facts of the run.
    pub(super) update: bool,
    /// What to accept: names of metrics, and ids of rules and violations; an empty name means all that is open.
    pub(super) accept: Vec<String>,
}

impl Changes {
    /// Returns whether anything is to be accepted.
    pub(super) fn is_accepting(&self) -> bool {
        !self.accept.is_empty()
    }

    fn means(&self, name: &str) -> bool {
        self.accept.iter().any(|of| of.is_empty() || of == name)
    }

    fn means_violation(&self, violation: &Violation) -> bool {
        let rule = &violation.rule;
        let metric = rule.strip_prefix("metrics.").unwrap_or(rule);
        [&violation.id, rule, metric]
            .iter()
            .any(|name| self.means(name))
    }

    /// Refuses names that nothing has.
    pub(super) fn check(&self, verdict: &Verdict, policy: &Policy) -> Result<()> {
        let rules = verdict.rules.iter().map(|rule| rule.id.as_str());
        let metrics = policy.metrics.iter().map(|gate| gate.metric.as_str());
        let ids = verdict.violations.iter().map(|of| of.id.as_str());
        let known: Vec<&str> = rules.chain(metrics).chain(ids).collect();
        for name in self.accept.iter().filter(|name| !name.is_empty()) {
            if !known.contains(&name.as_str()) {
                let error = Error::new(format!(
                    "expected a metric, a rule or a violation to accept, found \"{name}\""
                ));
                return Err(match text::nearest(name, known.iter().copied()) {
                    Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
                    None => error.with_help("topple check -v prints the id of each violation"),
                });
            }
        }
        Ok(())
    }

    /// Accepts what is open, or was asked for, of a verdict: a number that got worse by its value, everything else by its id.
    /// Returns what to say of it.
    pub(super) fn accept(&self, lock: &mut Lock, verdict: &Verdict, kept: &[Kept]) -> Vec<String> {
        let mut worse: Vec<(String, f64)> = kept
            .iter()
            .filter(|of| self.means(&of.metric))
            .map(|of| (of.metric.clone(), of.now))
            .collect();
        let loud = [Outcome::Fail, Outcome::Warn];
        let open = loud.into_iter().flat_map(|level| verdict.open(level));
        for violation in open.filter(|violation| self.means_violation(violation)) {
            match (ratcheted(violation), violation.value) {
                (Some(metric), Some(now)) => worse.push((metric.to_owned(), now)),
                _ => {
                    lock.accepted.insert(violation.id.clone());
                }
            }
        }
        worse.sort_by(|a, b| a.0.cmp(&b.0));
        worse.dedup_by(|a, b| a.0 == b.0);
        let mut notes = Vec::new();
        for (metric, now) in worse {
            let before = lock.metrics.insert(metric.clone(), now);
            let from = before.map_or(String::new(), |before| {
                format!(" from {}", text::value(before))
            });
            notes.push(format!(
                "{metric} went{from} to {} in the lock, as --accept asked, though it may only get better",
                text::value(now)
            ));
        }
        notes
    }

    /// Says which numbers of the lock stayed as they were, because those of this run are worse.
    pub(super) fn stayed(&self, kept: &[Kept]) -> Vec<String> {
        let stayed = kept.iter().filter(|of| !self.means(&of.metric));
        stayed
            .map(|of| {
                format!(
                    "{} stays {} in the lock: it may only get better, and is {} now; --accept={} would take that",
                    of.metric,
                    text::value(of.kept),
                    text::value(of.now),
                    of.metric
                )
            })
            .collect()
    }
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
