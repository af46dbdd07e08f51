//! What the gate says: plain data for the formats of `topple check`.
//!
//! Rules judge a [`Report`](crate::report::Report) and write what they object to here; nothing in this module judges. Every
//! rule that was asked for has a row, also when it found nothing, so that "nothing wrong" is told from "nothing looked at".

use crate::error::Exit;
use crate::finding::{Grade, Subject};

/// What became of a gate run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Every rule judged, in the order of the policy file; gates on metrics come behind the rules.
    pub rules: Vec<Judged>,
    /// Everything objected to: by rule, in the order of `rules`, then by subject.
    pub violations: Vec<Violation>,
    /// With what the run was compared, in words (`topple.lock at origin/main`); absent without a baseline.
    pub baseline: Option<String>,
    /// Edges that the baseline has and this run did not see; that is no removal.
    pub not_seen: Vec<(String, String)>,
    /// Edges of this run that the baseline does not have.
    pub new_edges: Vec<(String, String)>,
    /// What a reader should know, one sentence each: waivers about to end, evidence that is short, where the baseline
    /// comes from.
    pub notes: Vec<String>,
    /// The policy file, as it was named.
    pub policy: String,
    /// What closes the gate.
    pub fail_on: FailOn,
    /// Whether a part of the input could not be read: that part may be what would have failed.
    pub unread: bool,
}

/// What closes the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Violations of rules whose severity is to fail.
    #[default]
    Error,
    /// Violations of any severity.
    Warn,
    /// Nothing.
    Never,
}

impl FailOn {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            FailOn::Error => "error",
            FailOn::Warn => "warn",
            FailOn::Never => "never",
        }
    }

    /// Returns whether an open violation of a level closes the gate.
    fn closes(self, level: Outcome) -> bool {
        match self {
            FailOn::Error => level >= Outcome::Fail,
            FailOn::Warn => level >= Outcome::Warn,
            FailOn::Never => false,
        }
    }
}

/// A rule and what came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// Its id in the policy file; `metrics.<name>` and `network_health_metrics.<name>` for those.
    pub id: String,
    /// Its verb (`forbid`, `layers`, ...), `metrics`, or `network_health_metrics`.
    pub verb: &'static str,
    /// The outcome.
    pub outcome: Outcome,
    /// Why it is there, as the policy file says.
    pub why: Option<String>,
    /// What is missing, when the outcome is unknown.
    pub missing: Option<String>,
    /// How many things it looked at.
    pub checked: u64,
    /// Line of the rule in the policy file, from 1.
    pub line: usize,
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It holds.
    #[default]
    Pass,
    /// It is broken, and every violation is waived, grandfathered or in the baseline.
    Waived,
    /// There is too little evidence to say.
    Unknown,
    /// It is broken, and its severity is to warn.
    Warn,
    /// It is broken.
    Fail,
}

impl Outcome {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Waived => "waived",
            Outcome::Unknown => "unknown",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
        }
    }
}

/// Why a violation does not close the gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Excused {
    /// A waiver: its reason, its owner and its last day.
    Waiver {
        /// Why.
        reason: String,
        /// Who answers for it.
        owner: Option<String>,
        /// The last day, as `2027-01-31`.
        expires: String,
    },
    /// An `accept` line of the lock.
    Accepted,
    /// The baseline has it too, and only new ones were asked for.
    Known,
}

/// Whether the baseline has a violation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Age {
    /// There is no baseline to tell.
    #[default]
    Untold,
    /// The baseline does not have it.
    New,
    /// The baseline has it.
    Known,
}

/// Something a rule objects to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Violation {
    /// Stable id of rule and canonical subject: `rule:subject`.
    pub id: String,
    /// The id of the rule.
    pub rule: String,
    /// The verb of the rule, under which it is explained.
    pub verb: &'static str,
    /// Whether it is loud enough to close the gate: [`Outcome::Fail`], or [`Outcome::Warn`], or
    /// [`Outcome::Unknown`] when nobody can say whether it is one.
    pub level: Outcome,
    /// What it is about.
    pub subject: Subject,
    /// One sentence: what was found against what is allowed.
    pub text: String,
    /// Why the rule is there, as the policy file says.
    pub why: Option<String>,
    /// How to fix it.
    pub help: String,
    /// The value found, its limit and its unit, where there is one.
    pub value: Option<f64>,
    /// See `value`.
    pub limit: Option<f64>,
    /// See `value`; empty for a count.
    pub unit: &'static str,
    /// The interval of the value, where it is an estimate.
    pub interval: Option<(f64, f64)>,
    /// How sure the evidence is.
    pub grade: Grade,
    /// How many of how many calls, requests or spans show it.
    pub count: u64,
    /// See `count`.
    pub of: u64,
    /// Trace ids to look at.
    pub exemplars: Vec<String>,
    /// The nodes of the path or cycle it is about, the first repeated at the end of a cycle; empty otherwise.
    pub path: Vec<String>,
    /// Where each step of the path is shown; empty without one.
    pub steps: Vec<Location>,
    /// The declared entry point it is about, by name.
    pub entrypoint: Option<String>,
    /// Whether the baseline has it.
    pub age: Age,
    /// Why it does not close the gate, if it does not.
    pub excused: Option<Excused>,
    /// Where to show it: a file relative to the repository, and a line from 1.
    pub location: Location,
}

/// A place in the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The file, with `/` between folders, relative to the root of the repository.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl Verdict {
    /// Returns whether a violation closes the gate.
    pub fn closes(&self, violation: &Violation) -> bool {
        violation.excused.is_none() && self.fail_on.closes(violation.level)
    }

    /// Returns how loud a violation is to what shows results beside a change: as a failure if it closes the gate, and never as
    /// one if it does not.
    pub fn loudness(&self, violation: &Violation) -> Outcome {
        match violation.excused {
            Some(_) => Outcome::Waived,
            None if self.closes(violation) => Outcome::Fail,
            None => violation.level.min(Outcome::Warn),
        }
    }

    /// Returns the violations of a loudness.
    pub fn loud(&self, loudness: Outcome) -> impl Iterator<Item = &Violation> {
        let violations = self.violations.iter();
        violations.filter(move |violation| self.loudness(violation) == loudness)
    }

    /// Returns the violations that nothing excuses, at a level.
    pub fn open(&self, level: Outcome) -> impl Iterator<Item = &Violation> {
        self.violations
            .iter()
            .filter(move |violation| violation.excused.is_none() && violation.level == level)
    }

    /// Returns how many rules had an outcome.
    pub fn rules_with(&self, outcome: Outcome) -> usize {
        let rules = self.rules.iter();
        rules.filter(|rule| rule.outcome == outcome).count()
    }

    /// Returns how the process ends: closed when something closes the gate, not open when a part of the input could not be read,
    /// unknown when nothing could be judged.
    pub fn exit(&self) -> Exit {
        if self.violations.iter().any(|found| self.closes(found)) {
            return Exit::Closed;
        }
        if self.unread {
            return Exit::Usage;
        }
        match self.rules.len() - self.rules_with(Outcome::Unknown) {
            0 => Exit::Unknown,
            _ => Exit::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(outcomes: &[Outcome], violations: &[(Outcome, bool)]) -> Verdict {
        Verdict {
            rules: outcomes
                .iter()
                .map(|outcome| Judged {
                    outcome: *outcome,
                    ..Judged::default()
                })
                .collect(),
            violations: violations
                .iter()
                .map(|(level, excused)| Violation {
                    level: *level,
                    excused: excused.then_some(Excused::Accepted),
                    ..Violation::default()
                })
                .collect(),
            ..Verdict::default()
        }
    }

    #[test]
    fn the_gate_closes_for_open_violations_alone() {
        use Outcome::{Fail, Pass, Unknown, Warn};
        for (outcomes, violations, fail_on, exit) in [
            (&[Pass][..], &[][..], FailOn::Error, Exit::Open),
            (&[Fail], &[(Fail, false)], FailOn::Error, Exit::Closed),
            (&[Fail], &[(Fail, true)], FailOn::Error, Exit::Open),
            (&[Fail], &[(Fail, false)], FailOn::Never, Exit::Open),
            (&[Warn], &[(Warn, false)], FailOn::Error, Exit::Open),
            (&[Warn], &[(Warn, false)], FailOn::Warn, Exit::Closed),
            (&[Warn], &[(Warn, true)], FailOn::Warn, Exit::Open),
            (&[Unknown], &[(Unknown, false)], FailOn::Warn, Exit::Unknown),
            (&[Unknown, Pass], &[], FailOn::Error, Exit::Open),
            (&[Unknown], &[], FailOn::Error, Exit::Unknown),
            (&[Unknown], &[], FailOn::Never, Exit::Unknown),
            (&[], &[], FailOn::Error, Exit::Unknown),
        ] {
            let mut verdict = verdict(outcomes, violations);
            verdict.fail_on = fail_on;
            assert_eq!(
                verdict.exit(),
                exit,
                "{outcomes:?} {violations:?} {fail_on:?}"
            );
            verdict.unread = true;
            let unread = match exit {
                Exit::Closed => Exit::Closed,
                _ => Exit::Usage,
            };
            assert_eq!(verdict.exit(), unread, "{outcomes:?} {fail_on:?}");
            let loud = verdict.loud(Fail).count();
            assert_eq!(loud > 0, exit == Exit::Closed, "{violations:?} {fail_on:?}");
        }
    }
}
