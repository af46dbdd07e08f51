//! The lock file: what is approved, one sorted fact per line.
//!
//! ```text
//! accept no-edge-to-data:web->postgresql/orders
//! declared services a8c7f832281a39c5
//! edge cart -> pricing http sync
//! metric largest_cycle 0
//! service cart service
//! ```
//!
//! Facts have no counts and no dates, so that two branches which add different ones merge line by line, and the same system gives
//! the same file. `edge` says who speaks to whom, over what, and whether the caller waits (`sync`), sends to a queue or reads from it (`async`), or
//! is the sender of what another received past a queue (`direct`). `service` says what kind a node is. `accept` excuses one violation by its id.
//! `metric` is there for numbers that the policy holds against the baseline, and for no others; `declared` beside them says under which
//! declarations of the policy they were measured ([`crate::policy::facts`]).
//!
//! A name that is empty, has a space or a quote in it or begins with `#` is a JSON string. Order and repetition do not matter
//! to the reader, since merges make both: of two values of a number the better counts, as the policy has it, of two kinds of a node the first
//! in the order of [`Kind`]. Unknown facts are mistakes.

pub mod schema;

mod read;

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::peer::Protocol;
use crate::policy::Policy;
use crate::policy::facts::{Declared, declared};
use crate::policy::gate::Better;
use crate::policy::rule::{Scope, Verb};
use crate::report::{EdgeRow, Kind, Report};

/// The name of the lock file.
pub const FILE_NAME: &str = "topple.lock";

/// Whether the caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It sends to a queue, or reads from it.
    Async,
    /// It is the sender of what another received past a queue.
    Direct,
    /// It waits.
    Sync,
}

impl Mode {
    const ALL: [Mode; 3] = [Mode::Async, Mode::Direct, Mode::Sync];

    fn name(self) -> &'static str {
        match self {
            Mode::Async => "async",
            Mode::Direct => "direct",
            Mode::Sync => "sync",
        }
    }

    fn of(edge: &EdgeRow) -> Mode {
        match (edge.direct, edge.sync) {
            (true, _) => Mode::Direct,
            (false, true) => Mode::Sync,
            (false, false) => Mode::Async,
        }
    }
}

/// An edge as a fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeFact {
    /// Caller.
    pub from: String,
    /// Callee.
    pub to: String,
    /// How they speak.
    pub protocol: Protocol,
    /// Whether the caller waits.
    pub mode: Mode,
}

/// A number of the lock that stayed, because that of a run is worse.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its name.
    pub metric: String,
    /// The value of the lock.
    pub kept: f64,
    /// The value of the run.
    pub now: f64,
}

/// What a lock file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// Ids of violations that are excused.
    pub accepted: BTreeSet<String>,
    /// What the policy declared that the numbers rest on; nothing without numbers.
    pub declared: Declared,
    /// Edges.
    pub edges: BTreeSet<EdgeFact>,
    /// Values of numbers, by name.
    pub metrics: BTreeMap<String, f64>,
    /// Services and virtual nodes, by name.
    pub services: BTreeMap<String, Kind>,
}

/// Every kind of node.
const KINDS: [Kind; 6] = [
    Kind::Service,
    Kind::Database,
    Kind::Cache,
    Kind::Queue,
    Kind::External,
    Kind::Users,
];

impl Lock {
    /// Returns the facts of a report, with the numbers that a policy holds against the baseline. Users and what they call are no
    /// facts: who calls from outside depends on the test.
    pub fn of(report: &Report, policy: &Policy) -> Lock {
        let services: BTreeMap<String, Kind> = report
            .services
            .iter()
            .filter(|service| service.kind != Kind::Users)
            .map(|service| (service.name.clone(), service.kind))
            .collect();
        let protocol = |name: &str| {
            let mut protocols = Protocol::ALL.into_iter();
            protocols.find(|protocol| protocol.name() == name)
        };
        let edges = report
            .edges
            .iter()
            .filter(|edge| services.contains_key(&edge.from))
            .map(|edge| EdgeFact {
                from: edge.from.clone(),
                to: edge.to.clone(),
                protocol: protocol(edge.protocol).unwrap_or_default(),
                mode: Mode::of(edge),
            })
            .collect();
        let compared = compared(policy);
        let metrics: BTreeMap<String, f64> = report
            .metrics
            .iter()
            .filter(|metric| compared.contains(metric.name) && metric.value.is_finite())
            .map(|metric| (metric.name.to_owned(), metric.value))
            .collect();
        let declared = match metrics.is_empty() {
            true => Declared::new(),
            false => declared(policy),
        };
        Lock {
            accepted: BTreeSet::new(),
            declared,
            edges,
            metrics,
            services,
        }
    }

    /// Adds the facts of a run; of two values or kinds those of the run count, except for numbers that may only get better by
    /// the policy: their better value stays. Nothing is taken away: what was not seen is not removed. Returns what stayed.
    pub fn update(&mut self, facts: Lock, policy: &Policy) -> Vec<Kept> {
        self.accepted.extend(facts.accepted);
        self.declared = facts.declared;
        self.edges.extend(facts.edges);
        self.services.extend(facts.services);
        let mut stayed = Vec::new();
        for (metric, now) in facts.metrics {
            let mut gates = policy.metrics.iter().filter(|gate| gate.metric == metric);
            let ratchet = gates.find_map(|gate| gate.ratchet);
            match self.metrics.get(&metric) {
                Some(&kept) if ratchet.is_some_and(|better| better.is_worse(now, kept)) => {
                    stayed.push(Kept { metric, kept, now });
                }
                _ => {
                    self.metrics.insert(metric, now);
                }
            }
        }
        stayed
    }

    /// Returns the edges of the graph, each with whether the caller waits.
    pub fn ties(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.edges
            .iter()
            .filter(|edge| edge.mode != Mode::Direct)
            .map(|edge| {
                (
                    edge.from.as_str(),
                    edge.to.as_str(),
                    edge.mode == Mode::Sync,
                )
            })
    }
}

/// Returns the names of the numbers that a policy holds against the baseline.
fn compared(policy: &Policy) -> BTreeSet<&str> {
    let ratchets = policy.metrics.iter().filter(|gate| gate.ratchet.is_some());
    let mut names: BTreeSet<&str> = ratchets.map(|gate| gate.metric.as_str()).collect();
    for rule in &policy.rules {
        if let Verb::Growth(growth) = &rule.verb
            && growth.scope == Scope::System
        {
            names.insert(&growth.metric);
        }
    }
    names
}

/// Returns which way a number gets better by a policy; less is better where it does not say.
fn better(policy: &Policy, metric: &str) -> Better {
    let mut gates = policy.metrics.iter().filter(|gate| gate.metric == metric);
    let mut rules = policy.rules.iter();
    let by_rule = || {
        rules.find_map(|rule| match &rule.verb {
            Verb::Growth(growth) if growth.scope == Scope::System && growth.metric == metric => {
                Some(growth.better)
            }
            _ => None,
        })
    };
    let by_gate = gates.find_map(|gate| gate.ratchet);
    by_gate.or_else(by_rule).unwrap_or(Better::Lower)
}

impl fmt::Display for Lock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "# What topple check takes as approved; topple check --update-lock adds what is new."
        )?;
        for id in &self.accepted {
            match id.chars().any(char::is_control) || id.starts_with('"') || id.trim() != id {
                true => writeln!(out, "accept {}", quoted(id))?,
                false => writeln!(out, "accept {id}")?,
            }
        }
        for (name, hash) in &self.declared {
            writeln!(out, "declared {} {}", word(name), word(hash))?;
        }
        for edge in &self.edges {
            writeln!(
                out,
                "edge {} -> {} {} {}",
                word(&edge.from),
                word(&edge.to),
                edge.protocol.name(),
                edge.mode.name()
            )?;
        }
        for (name, value) in &self.metrics {
            writeln!(out, "metric {} {value}", word(name))?;
        }
        for (name, kind) in &self.services {
            writeln!(out, "service {} {}", word(name), kind.name())?;
        }
        Ok(())
    }
}

/// Returns a name as one word.
fn word(name: &str) -> String {
    let is_plain = !name.is_empty()
        && !name.starts_with('#')
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
    if is_plain {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(name: &str) -> String {
    serde_json::Value::String(name.to_owned()).to_string()
}
