//! Goes through a policy, rule by rule, and makes the verdict.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::error::{Error, Result};
use crate::policy::Policy;
use crate::policy::value::Severity;
use crate::report::verdict::{Age, Excused, Judged, Outcome, Verdict, Violation};
use crate::report::{Kind, Report, Subject};
use crate::rule::baseline::{Baseline, Extent, compare};
use crate::rule::case::{Case, Found};
use crate::rule::lock::Lock;
use crate::rule::places::{self, Places};
use crate::rule::{RuleKind, gates, judge_verb, waivers};
use crate::text;

/// What to judge a report by.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    /// What is demanded.
    pub policy: &'a Policy,
    /// The policy file, as it was named.
    pub policy_name: &'a str,
    /// Where things stand in the repository.
    pub places: &'a Places,
    /// What to compare with.
    pub base: Option<&'a Baseline>,
    /// What is approved and accepted.
    pub lock: Option<&'a Lock>,
    /// Ids of the rules to judge; all if there are none.
    pub only: &'a [String],
    /// Whether what the baseline has too is excused.
    pub new_only: bool,
    /// The day on which waivers hold or have ended.
    pub today: Date,
}

/// A rule, or a gate on a number, with what it found.
pub(super) struct Row<'a> {
    pub(super) id: String,
    pub(super) kind: &'static RuleKind,
    pub(super) severity: Severity,
    pub(super) why: Option<&'a str>,
    pub(super) waivable: bool,
    pub(super) line: usize,
    pub(super) found: Found,
}

/// Returns what the rules say of a report.
///
/// # Errors
/// Fails when there is nothing to judge by: an empty policy, an unknown rule, no baseline where one is needed.
pub fn judge(report: &Report, by: &Judging<'_>) -> Result<Verdict> {
    check_demand(by)?;
    let base = by.base.map(|base| &base.report);
    let case = Case::new(report, by.policy, base, by.lock);
    let mut rows = look(&case, by.only);
    let mut verdict = Verdict {
        policy: by.policy_name.to_owned(),
        baseline: by.base.map(|base| base.name.clone()),
        ..Verdict::default()
    };
    let fewest = by.policy.evidence.min_traces.max(1);
    if report.data.traces < fewest {
        let why = format!(
            "expected {} or more, found {}",
            text::plural(fewest, "trace"),
            text::count(report.data.traces)
        );
        verdict.notes.push(format!("nothing was judged: {why}"));
        // Nothing was compared either.
        verdict.baseline = None;
        for row in &mut rows {
            row.found = Found::unknown(why.clone());
            verdict.rules.push(judged(row, Outcome::Unknown));
        }
        return Ok(verdict);
    }
    if let Some(base) = base {
        (verdict.new_edges, verdict.not_seen) = compare(report, base);
        verdict.notes.extend(qualified(&verdict, report));
    }
    verdict.notes.extend(switched_off(by));
    verdict
        .notes
        .extend(by.base.into_iter().flat_map(|base| base.notes.clone()));
    verdict.notes.extend(report.stale.clone());
    let before = by.base.map(|base| Before::new(base, by));
    let places = places::Found::of(report, by.places);
    let mut waivers = waivers::Waivers::new(by, &mut verdict.notes);
    for row in rows {
        let mut violations = objected(&row, by);
        for violation in &mut violations {
            places.place(violation, row.line, &case);
            violation.age = before
                .as_ref()
                .map_or(Age::Untold, |before| before.age(violation));
            violation.excused = excuse(violation, &row, by, &case, &mut waivers);
        }
        let outcome = outcome(&row, &violations, by.policy.evidence.on_unknown);
        waivers.saw(&row.id, outcome);
        verdict.rules.push(judged(&row, outcome));
        verdict.violations.extend(violations);
    }
    verdict
        .notes
        .extend(by.base.and_then(|base| untold(&verdict, base, by.new_only)));
    if by.only.is_empty()
        && let Some((row, violations)) = waivers.unused(by)
    {
        verdict.rules.push(row);
        verdict.violations.extend(violations);
    }
    Ok(verdict)
}

/// Refuses what would be a pass without anything judged.
fn check_demand(by: &Judging<'_>) -> Result<()> {
    let policy = by.policy;
    let mut ids: Vec<String> = policy.rules.iter().map(|rule| rule.id.clone()).collect();
    ids.extend(policy.metrics.iter().map(gates::metric_id));
    ids.extend(policy.network_health_metrics.iter().map(gates::health_id));
    if ids.is_empty() {
        return Err(Error::new(format!(
            "{}: expected rules, metrics or network_health_metrics to judge by, found none",
            by.policy_name
        ))
        .with_help("topple init writes a policy that passes today"));
    }
    for name in by.only {
        if !ids.contains(name) {
            let error = Error::new(format!(
                "{}: expected the id of a rule, found \"{name}\"",
                by.policy_name
            ));
            return Err(match text::nearest(name, ids.iter().map(String::as_str)) {
                Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
                None => error.with_help(format!("the rules are {}", ids.join(", "))),
            });
        }
    }
    if by.new_only && by.base.is_none() {
        return Err(Error::new(
            "expected a baseline to tell what is new, as --new-only asks, found none",
        )
        .with_help("name one with --base, or write a lock with topple init"));
    }
    Ok(())
}

/// Says which services have their namespace in their name now, or no longer, if that makes edges look new.
fn qualified(verdict: &Verdict, now: &Report) -> Option<String> {
    let services = now.services.iter();
    let services = services.filter(|service| service.kind == Kind::Service);
    let services: BTreeSet<&str> = services.map(|service| service.name.as_str()).collect();
    let within = |long: &str, short: &str| {
        let namespace = long.strip_suffix(short);
        namespace.is_some_and(|namespace| namespace.ends_with('/'))
    };
    let is_one = |old: &str, new: &str| {
        old == new || (services.contains(new) && (within(new, old) || within(old, new)))
    };
    let mut names: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut edges = 0;
    for (from, to) in &verdict.new_edges {
        let mut not_seen = verdict.not_seen.iter();
        let other =
            not_seen.find(|(old_from, old_to)| is_one(old_from, from) && is_one(old_to, to));
        if let Some((old_from, old_to)) = other {
            edges += 1;
            names.extend([(&**old_from, &**from), (&**old_to, &**to)]);
        }
    }
    let names: Vec<String> = names
        .into_iter()
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("{old} is called {new} now"))
        .collect();
    (edges > 0).then(|| {
        format!(
            "{} may be old: {}, since whether other services have the same name changed",
            text::plural(edges, "new edge"),
            names.join(" and ")
        )
    })
}

/// Says of which rules the baseline does not tell whether what they object to is new, if there are any; of a lock only when that
/// was asked for, because it never tells more than the graph.
fn untold(verdict: &Verdict, base: &Baseline, new_only: bool) -> Option<String> {
    let untold = verdict.violations.iter().filter(|violation| {
        violation.age == Age::Untold
            && violation.excused.is_none()
            && violation.level >= Outcome::Warn
    });
    let rules: BTreeSet<&str> = untold.map(|violation| violation.rule.as_str()).collect();
    if rules.is_empty() || (base.extent == Extent::Graph && !new_only) {
        return None;
    }
    let rules: Vec<&str> = rules.into_iter().collect();
    Some(format!(
        "whether all that {} objects to is new is unknown: {} does not hold what that takes",
        rules.join(" and "),
        base.name
    ))
}

/// Returns a sentence for each rule that is not judged because of its severity.
fn switched_off(by: &Judging<'_>) -> Vec<String> {
    let rules = by.policy.rules.iter();
    rules
        .filter(|rule| rule.severity == Severity::Ignore)
        .map(|rule| format!("{} is not judged: its severity is ignore", rule.id))
        .collect()
}

/// Returns what every rule asked for finds, in the order of the policy.
fn look<'a>(case: &Case<'a>, only: &[String]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for rule in &case.policy.rules {
        if rule.severity == Severity::Ignore || !is_asked(only, &rule.id) {
            continue;
        }
        let (kind, mut found) = judge_verb(&rule.verb, case);
        if found.checked == 0 && found.objections.is_empty() && found.missing().is_none() {
            found.miss("nothing that it is about was seen", "");
        }
        rows.push(Row {
            id: rule.id.clone(),
            kind,
            severity: rule.severity,
            why: rule.why.as_deref(),
            waivable: rule.waivable,
            line: rule.place.line,
            found,
        });
    }
    let gates = gates::look(case);
    rows.extend(gates.into_iter().filter(|row| is_asked(only, &row.id)));
    rows
}

fn is_asked(only: &[String], id: &str) -> bool {
    only.is_empty() || only.iter().any(|name| name == id)
}

/// What the baseline has.
struct Before {
    /// The ids of what the same policy objects to there.
    ids: BTreeSet<String>,
    /// The ids of the rules that it tells enough to judge by.
    told: BTreeSet<String>,
}

impl Before {
    fn new(base: &Baseline, by: &Judging<'_>) -> Before {
        let case = Case::new(&base.report, by.policy, None, None);
        let mut before = Before {
            ids: base.objections.clone(),
            told: BTreeSet::new(),
        };
        for row in look(&case, by.only) {
            let objections = row.found.objections.iter();
            let ids = objections.map(|(aspect, found)| id(&row.id, &found.subject, aspect));
            before.ids.extend(ids);
            // New edges are told by the baseline that they are new to.
            let is_told = row.kind.needs <= base.extent && row.found.missing().is_none();
            if is_told || row.kind.name == "new_edges" {
                before.told.insert(row.id);
            }
        }
        before
    }

    fn age(&self, violation: &Violation) -> Age {
        if self.ids.contains(&violation.id) {
            Age::Known
        } else if self.told.contains(&violation.rule) {
            Age::New
        } else {
            Age::Untold
        }
    }
}

/// Returns the stable id of a violation: rule, canonical subject, and what tells it from others about the same.
pub(super) fn id(rule: &str, subject: &Subject, aspect: &str) -> String {
    let subject = match subject {
        Subject::System => "system".to_owned(),
        subject => subject.to_string(),
    };
    match aspect {
        "" => format!("{rule}:{subject}"),
        aspect => format!("{rule}:{subject} {aspect}"),
    }
}

/// Returns the row of a rule in the verdict.
fn judged(row: &Row<'_>, outcome: Outcome) -> Judged {
    Judged {
        id: row.id.clone(),
        verb: row.kind.name,
        outcome,
        why: row.why.map(str::to_owned),
        missing: row.found.missing(),
        checked: row.found.checked,
        line: row.line,
    }
}

/// Returns what a rule objects to, by subject, and that it cannot be judged, if that is to be said.
fn objected(row: &Row<'_>, by: &Judging<'_>) -> Vec<Violation> {
    let loudest = match row.severity {
        Severity::Fail => Outcome::Fail,
        Severity::Warn | Severity::Ignore => Outcome::Warn,
    };
    let mut all: Vec<Violation> = Vec::new();
    for (aspect, objection) in &row.found.objections {
        all.push(Violation {
            id: id(&row.id, &objection.subject, aspect),
            level: objection.level.min(loudest),
            ..objection.clone()
        });
    }
    if let Some(missing) = row.found.missing() {
        let level = match by.policy.evidence.on_unknown {
            Severity::Ignore => None,
            Severity::Warn => Some(Outcome::Unknown),
            Severity::Fail => Some(loudest),
        };
        all.extend(level.map(|level| {
            Violation {
                id: id(&row.id, &Subject::System, "unknown"),
                level,
                text: format!("cannot be judged: {missing}"),
                help: match row.kind.name {
                    "new_edges" => "write the lock with topple check --update-lock, and commit it",
                    _ => "record more traffic, or declare what is missing in the policy",
                }
                .to_owned(),
                ..Violation::default()
            }
        }));
    }
    all.sort_by(|a, b| (&a.subject, &a.id).cmp(&(&b.subject, &b.id)));
    for violation in &mut all {
        violation.rule = row.id.clone();
        violation.verb = row.kind.name;
        violation.why = row.why.map(str::to_owned);
        if violation.help.is_empty() {
            violation.help = row.kind.fix.to_owned();
        }
    }
    all
}

/// Returns why a violation does not count, if it does not.
fn excuse(
    violation: &Violation,
    row: &Row<'_>,
    by: &Judging<'_>,
    case: &Case<'_>,
    waivers: &mut waivers::Waivers<'_>,
) -> Option<Excused> {
    // A waiver is used also by what something else would excuse.
    let waived = row
        .waivable
        .then(|| waivers.excuse(violation, case))
        .flatten();
    let accepted = by.lock.is_some_and(|lock| {
        lock.accepted.contains(&violation.id) || gates::is_accepted(violation, lock)
    });
    if waived.is_some() {
        waived
    } else if accepted && row.waivable {
        Some(Excused::Accepted)
    } else if by.new_only && violation.age == Age::Known {
        Some(Excused::Known)
    } else {
        None
    }
}

fn outcome(row: &Row<'_>, violations: &[Violation], on_unknown: Severity) -> Outcome {
    let open = violations
        .iter()
        .filter(|violation| violation.excused.is_none())
        .map(|violation| violation.level)
        .max();
    let is_missing = row.found.missing().is_some();
    match open {
        Some(level) if level >= Outcome::Warn => level,
        _ if is_missing && (on_unknown != Severity::Ignore || row.found.checked == 0) => {
            Outcome::Unknown
        }
        _ if !violations.is_empty() => Outcome::Waived,
        _ => Outcome::Pass,
    }
}
