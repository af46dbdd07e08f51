//! The lock file: what is approved, one sorted fact per line.
//!
//! ```text
//! accept no-edge-to-data:web->postgresql/orders
//! edge cart -> pricing http sync
//! metric largest_cycle 0
//! service cart service
//! ```
//!
//! Facts have no counts and no dates, so that two branches which add different ones merge line by line, and the same system gives
//! the same file. `edge` says who speaks to whom, over what, and whether the caller waits (`sync`), sends to a queue or reads from it (`async`), or
//! is the sender of what another received past a queue (`direct`). `service` says what kind a node is. `accept` excuses one violation by its id.
//! `metric` is there for numbers that the policy holds against the baseline, and for no others.
//!
//! A name that is empty, has a space or a quote in it or begins with `#` is a JSON string. Order and repetition do not matter
//! to the reader, since merges make both; unknown facts are mistakes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::{Error, Result};
use crate::model::peer::Protocol;
use crate::policy::Policy;
use crate::policy::rule::{Scope, Verb};
use crate::report::numbers::METRICS;
use crate::report::{Data, EdgeRow, Kind, Metric, Report, Service};
use crate::text;

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

/// What a lock file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// Ids of violations that are excused.
    pub accepted: BTreeSet<String>,
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
        let metrics = report
            .metrics
            .iter()
            .filter(|metric| compared.contains(metric.name) && metric.value.is_finite())
            .map(|metric| (metric.name.to_owned(), metric.value))
            .collect();
        Lock {
            accepted: BTreeSet::new(),
            edges,
            metrics,
            services,
        }
    }

    /// Adds what another lock says; of two values or kinds the other's counts. Nothing is taken away: what was not seen
    /// is not removed.
    pub fn extend(&mut self, other: Lock) {
        self.accepted.extend(other.accepted);
        self.edges.extend(other.edges);
        self.metrics.extend(other.metrics);
        self.services.extend(other.services);
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

    /// Reads a lock file; `name` is what messages call it.
    ///
    /// # Errors
    /// Fails at the first line that is no fact.
    pub fn read(text: &str, name: &str) -> Result<Lock> {
        let mut lock = Lock::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim_end_matches('\r');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
                .iter()
                .any(|mark| line.starts_with(mark))
            {
                return Err(Error::new(format!(
                    "{name}:{number}: expected a fact, found the mark of a merge that was not finished"
                ))
                .with_help(format!(
                    "keep the lines of both sides; \"{FILE_NAME} merge=union\" in .gitattributes lets git do so"
                )));
            }
            lock.add(line).map_err(|(column, expected)| {
                Error::new(format!(
                    "{name}:{number}:{column}: expected {expected}, found \"{}\"",
                    text::visible(&text::truncated(line, 80))
                ))
                .with_excerpt(excerpt(line, number, column))
            })?;
        }
        Ok(lock)
    }

    /// Adds the fact of a line, or returns the column where it is none, and what was expected.
    fn add(&mut self, line: &str) -> std::result::Result<(), (usize, &'static str)> {
        let mut words = Words { line, at: 0 };
        match words.word()?.as_str() {
            "accept" => {
                const EXPECTED: &str = "the id of a violation";
                let id = words.rest().map_err(|column| (column, EXPECTED))?;
                if !id.contains(':') {
                    return Err(("accept ".len() + 1, EXPECTED));
                }
                self.accepted.insert(id);
                Ok(())
            }
            "edge" => {
                const EXPECTED: &str = "edge FROM -> TO PROTOCOL sync, async or direct";
                let at = |words: &Words<'_>| (words.column(), EXPECTED);
                let from = words.word()?;
                if words.word()? != "->" {
                    return Err(at(&words));
                }
                let to = words.word()?;
                let (protocol, before) = (words.word()?, words.column());
                let mut protocols = Protocol::ALL.into_iter();
                let protocol = protocols.find(|known| known.name() == protocol);
                let mode = words.word()?;
                let mode = Mode::ALL.into_iter().find(|known| known.name() == mode);
                words.end()?;
                self.edges.insert(EdgeFact {
                    from,
                    to,
                    protocol: protocol.ok_or((before, "a protocol such as http"))?,
                    mode: mode.ok_or((before, EXPECTED))?,
                });
                Ok(())
            }
            "metric" => {
                let name = words.word()?;
                let before = words.column();
                let value = words.word()?;
                words.end()?;
                let value = value.parse::<f64>().ok().filter(|value| value.is_finite());
                let value = value.ok_or((before, "a number"))?;
                self.metrics.insert(name, value);
                Ok(())
            }
            "service" => {
                let name = words.word()?;
                let before = words.column();
                let kind = words.word()?;
                words.end()?;
                let kind = KINDS.into_iter().find(|known| known.name() == kind);
                self.services
                    .insert(name, kind.ok_or((before, "a kind such as service"))?);
                Ok(())
            }
            _ => Err((1, "accept, edge, metric or service")),
        }
    }

    /// Returns the report that the facts are of: the graph without any count, so that structural rules can judge it.
    ///
    /// Services have the tags that the policy gives them, over those that a service of the same name has `now`.
    pub fn report(&self, now: &Report, policy: &Policy) -> Report {
        let mut kinds = self.services.clone();
        for edge in &self.edges {
            for name in [&edge.from, &edge.to] {
                kinds.entry(name.clone()).or_default();
            }
        }
        let tags: BTreeMap<&str, &BTreeMap<String, String>> = now
            .services
            .iter()
            .map(|service| (service.name.as_str(), &service.tags))
            .collect();
        let mut callers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut callees = callers.clone();
        for (from, to, _) in self.ties().filter(|(from, to, _)| from != to) {
            callers.entry(to).or_default().insert(from);
            callees.entry(from).or_default().insert(to);
        }
        let degree = |of: &BTreeMap<&str, BTreeSet<&str>>, name: &str| {
            of.get(name).map_or(0, |others| others.len() as u64)
        };
        let services = kinds
            .iter()
            .map(|(name, kind)| {
                let traced = tags.get(name.as_str()).map(|tags| (*tags).clone());
                let described =
                    policy
                        .services
                        .describe(name, kind.name(), traced.unwrap_or_default());
                Service {
                    name: name.clone(),
                    kind: *kind,
                    tags: described.tags,
                    source: described.source,
                    in_degree: degree(&callers, name),
                    out_degree: degree(&callees, name),
                    ..Service::default()
                }
            })
            .collect();
        let edges = self
            .edges
            .iter()
            .map(|edge| EdgeRow {
                from: edge.from.clone(),
                to: edge.to.clone(),
                sync: edge.mode == Mode::Sync,
                direct: edge.mode == Mode::Direct,
                protocol: edge.protocol.name(),
                ..EdgeRow::default()
            })
            .collect();
        let metrics = METRICS
            .iter()
            .filter_map(|name| {
                let value = *self.metrics.get(*name)?;
                Some(Metric { name, value })
            })
            .collect();
        Report {
            data: Data {
                traces: 1,
                ..Data::default()
            },
            services,
            edges,
            metrics,
            ..Report::default()
        }
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

/// The words of a line.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl Words<'_> {
    /// Returns the column of what comes next, from 1.
    fn column(&self) -> usize {
        self.line[..self.at].chars().count() + 1
    }

    /// Returns the next word.
    fn word(&mut self) -> std::result::Result<String, (usize, &'static str)> {
        const EXPECTED: &str = "another word";
        let rest = &self.line[self.at..];
        let trimmed = rest.trim_start_matches(' ');
        self.at += rest.len() - trimmed.len();
        if trimmed.is_empty() {
            return Err((self.column(), EXPECTED));
        }
        let (word, length) = if trimmed.starts_with('"') {
            let mut texts = serde_json::Deserializer::from_str(trimmed).into_iter::<String>();
            match texts.next() {
                Some(Ok(word)) => (word, texts.byte_offset()),
                Some(Err(_)) | None => return Err((self.column(), "a name in quotes")),
            }
        } else {
            let length = trimmed.find(' ').unwrap_or(trimmed.len());
            (trimmed[..length].to_owned(), length)
        };
        self.at += length;
        Ok(word)
    }

    /// Returns all that is left, as one name.
    fn rest(&mut self) -> std::result::Result<String, usize> {
        let rest = self.line[self.at..].trim();
        if !rest.starts_with('"') {
            return Ok(rest.to_owned());
        }
        serde_json::from_str(rest).map_err(|_| self.column() + 1)
    }

    /// Refuses more words.
    fn end(&self) -> std::result::Result<(), (usize, &'static str)> {
        match self.line[self.at..].trim().is_empty() {
            true => Ok(()),
            false => Err((self.column() + 1, "the end of the line")),
        }
    }
}

/// Returns the line with a mark at the column.
fn excerpt(line: &str, number: usize, column: usize) -> String {
    /// Longer lines are not shown.
    const COLUMNS: usize = 160;
    if line.chars().count() > COLUMNS {
        return String::new();
    }
    let visible = text::visible(line);
    let margin = format!("{number} | ");
    let indent = " ".repeat(margin.len() + column.saturating_sub(1));
    format!("{margin}{visible}\n{indent}^")
}
