//! Waivers: which hold today, what they excuse, and which nothing needs.
//!
//! A waiver holds up to the end of its last day. One that ended, and one that ends later than the policy allows, excuses nothing and
//! is spoken of.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::policy::selector::Node;
use crate::policy::value::Severity;
use crate::policy::waiver::{Waived, Waiver};
use crate::report::Subject;
use crate::report::verdict::{Excused, Judged, Location, Outcome, Violation};
use crate::rule::baseline::Extent;
use crate::rule::case::Case;
use crate::rule::driver::Judging;
use crate::rule::{RuleKind, driver};
use crate::text;

/// The row of waivers that nothing needs.
pub(super) static WAIVERS: RuleKind = RuleKind {
    name: "waivers",
    about: "every waiver is needed",
    needs: Extent::Everything,
    fix: "remove the waiver from the policy",
};

/// The waivers of a policy, and what became of them.
pub(super) struct Waivers<'a> {
    holding: Vec<Held<'a>>,
    outcomes: BTreeMap<String, Outcome>,
}

struct Held<'a> {
    waiver: &'a Waiver,
    used: bool,
}

impl<'a> Waivers<'a> {
    /// Returns the waivers that hold; says what is to be known of the others.
    pub(super) fn new(by: &Judging<'a>, notes: &mut Vec<String>) -> Waivers<'a> {
        let terms = &by.policy.waiver_policy;
        let mut holding = Vec::new();
        for waiver in &by.policy.waivers {
            let named = format!("the waiver of {} ({})", waiver.rule, waiver.reason);
            match days_between(by.today, waiver.expires) {
                days if days < 0 => {
                    notes.push(format!("{named} ended on {}", waiver.expires));
                    continue;
                }
                days if days.unsigned_abs() > terms.max_days => {
                    notes.push(format!(
                        "{named} does not count: it ends on {}, more than {} from today",
                        waiver.expires,
                        text::plural(terms.max_days, "day")
                    ));
                    continue;
                }
                days if days.unsigned_abs() <= terms.warn_before_days => {
                    let left = match days {
                        0 => "today is its last day".to_owned(),
                        days => format!(
                            "it ends in {}, on {}",
                            text::plural(days.unsigned_abs(), "day"),
                            waiver.expires
                        ),
                    };
                    notes.push(format!("{named} is about to end: {left}"));
                }
                _ => {}
            }
            holding.push(Held {
                waiver,
                used: false,
            });
        }
        Waivers {
            holding,
            outcomes: BTreeMap::new(),
        }
    }

    /// Returns the excuse of a violation, if a waiver gives one.
    pub(super) fn excuse(&mut self, violation: &Violation, case: &Case<'_>) -> Option<Excused> {
        let mut excuse = None;
        for held in &mut self.holding {
            let Waiver {
                rule,
                waived,
                reason,
                owner,
                expires,
                ..
            } = held.waiver;
            if *rule == violation.rule && covers(waived, violation, case) {
                held.used = true;
                excuse.get_or_insert_with(|| Excused::Waiver {
                    reason: reason.clone(),
                    owner: owner.clone(),
                    expires: expires.to_string(),
                });
            }
        }
        excuse
    }

    /// Notes what came of a rule: a waiver of one that could not be judged may be needed.
    pub(super) fn saw(&mut self, rule: &str, outcome: Outcome) {
        self.outcomes.insert(rule.to_owned(), outcome);
    }

    /// Returns what is to be said of waivers that nothing needs, if there are any and anything is to be said.
    pub(super) fn unused(&self, by: &Judging<'_>) -> Option<(Judged, Vec<Violation>)> {
        let level = match by.policy.waiver_policy.unused {
            Severity::Ignore => return None,
            Severity::Warn => Outcome::Warn,
            Severity::Fail => Outcome::Fail,
        };
        let is_told = |held: &&Held<'_>| {
            let outcome = self.outcomes.get(&held.waiver.rule);
            !held.used && outcome.is_some_and(|outcome| *outcome != Outcome::Unknown)
        };
        let unused: Vec<Violation> = self
            .holding
            .iter()
            .filter(is_told)
            .map(|held| violation(held.waiver, level, by))
            .collect();
        let row = Judged {
            id: WAIVERS.name.to_owned(),
            verb: WAIVERS.name,
            outcome: level,
            checked: self.holding.len() as u64,
            line: unused.first()?.location.line,
            ..Judged::default()
        };
        Some((row, unused))
    }
}

fn violation(waiver: &Waiver, level: Outcome, by: &Judging<'_>) -> Violation {
    let of = format!("{} {}", waiver.rule, about(&waiver.waived));
    Violation {
        id: driver::id(WAIVERS.name, &Subject::System, of.trim_end()),
        rule: WAIVERS.name.to_owned(),
        verb: WAIVERS.name,
        level,
        text: format!(
            "nothing needs the waiver of {} ({})",
            waiver.rule, waiver.reason
        ),
        help: WAIVERS.fix.to_owned(),
        location: Location {
            file: by.places.policy_file.clone(),
            line: waiver.place.line,
        },
        ..Violation::default()
    }
}

fn about(waived: &Waived) -> String {
    match waived {
        Waived::Everything => String::new(),
        Waived::Services(services) => services.to_string(),
        Waived::Edges(edges) => edges.to_string(),
        Waived::Entrypoint(name) => name.clone(),
    }
}

/// Returns whether a waiver is about a violation.
fn covers(waived: &Waived, violation: &Violation, case: &Case<'_>) -> bool {
    match waived {
        Waived::Everything => true,
        Waived::Services(services) => names(violation)
            .iter()
            .any(|name| services.matches(&node_of(name, case))),
        Waived::Edges(edges) => pairs(violation)
            .iter()
            .any(|(from, to)| edges.matches(&node_of(from, case), &node_of(to, case))),
        Waived::Entrypoint(name) => violation.entrypoint.as_ref() == Some(name),
    }
}

/// Returns a node by its name.
fn node_of<'n>(name: &'n str, case: &Case<'n>) -> Node<'n> {
    case.node(name)
}

/// Returns the services that a violation is about.
fn names(violation: &Violation) -> Vec<&str> {
    match &violation.subject {
        Subject::System | Subject::Shared(_, _) => Vec::new(),
        Subject::Service(name) | Subject::Entry(name, _) | Subject::Instance(name, _) => vec![name],
        Subject::Edge(from, to) | Subject::Call(from, to, _) => vec![from, to],
        Subject::Path(path) => path.iter().map(String::as_str).collect(),
    }
}

/// Returns the edges that a violation is about: that of its subject, and those of its path.
fn pairs(violation: &Violation) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = violation
        .path
        .windows(2)
        .map(|ends| (ends[0].as_str(), ends[1].as_str()))
        .collect();
    if let Subject::Edge(from, to) | Subject::Call(from, to, _) = &violation.subject {
        pairs.push((from, to));
    }
    pairs
}

/// Returns the days from one date to another; negative if that is in the past.
fn days_between(from: Date, to: Date) -> i64 {
    const SECONDS_OF_DAY: i64 = 86_400;
    to.duration_since(from).as_secs() / SECONDS_OF_DAY
}
