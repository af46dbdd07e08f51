//! Reads a policy file: all mistakes at once, each with its place and what was probably meant.
//!
//! The tree of values comes from [`super::yaml`], the names that may stand in it from [`super::shape`]. Each part of the file
//! has its own reader below; a part that is wrong is left out, and the others are read all the same. What refers to
//! something elsewhere in the file is checked when everything else was read.

mod fields;

mod leaf;

mod services;

mod calls;

mod gates;

mod rules;

mod waivers;

mod references;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::policy::read::references::{Declared, Reference};
use crate::policy::shape::{EVIDENCE, POLICY, SAGA, STAGE};
use crate::policy::value::Severity;
use crate::policy::yaml::{self, Node};
use crate::policy::{Evidence, Place, Policy, Saga, Sampling, Stage};
use crate::text;

/// Most mistakes that are reported.
const MISTAKES_MAX: usize = 100;

/// Names of numbers that a report can have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vocabulary<'a> {
    /// Numbers about the whole system.
    pub metrics: &'a [&'a str],
    /// Numbers about each service.
    pub services: &'a [&'a str],
    /// Numbers about each edge.
    pub edges: &'a [&'a str],
}

/// Something in a policy file that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// Characters it takes on that line; at least one.
    pub width: usize,
    /// What was expected and found: lowercase, no full stop.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
}

impl Mistake {
    /// Returns the mistake that a value is.
    pub(super) fn at(node: &Node, message: impl Into<String>) -> Mistake {
        Mistake {
            place: node.place,
            width: node.width,
            message: message.into(),
            help: None,
        }
    }

    /// Returns it with what to do about it.
    #[must_use]
    fn with_help(mut self, help: impl Into<String>) -> Mistake {
        self.help = Some(help.into());
        self
    }

    /// Returns it with the name that was probably meant, if one is near.
    #[must_use]
    fn with_nearest<'k>(self, name: &str, known: impl IntoIterator<Item = &'k str>) -> Mistake {
        match text::nearest(name, known) {
            Some(near) => self.with_help(format!("did you mean \"{near}\"?")),
            None => self,
        }
    }

    /// Returns the error for people: the place in a file of this name and text, the line with a mark below it, and help.
    pub fn error(&self, file: &str, source: &str) -> Error {
        let error = Error::new(format!("{file}:{}: {}", self.place, self.message));
        let error = match source.lines().nth(self.place.line.saturating_sub(1)) {
            Some(line) => error.with_excerpt(self.excerpt(line)),
            None => error,
        };
        match &self.help {
            Some(help) => error.with_help(help.clone()),
            None => error,
        }
    }

    /// Returns a line with its number, and the mark below it.
    fn excerpt(&self, line: &str) -> String {
        /// Longer lines are cut around the mark.
        const COLUMNS: usize = 88;
        let Place {
            line: number,
            column,
        } = self.place;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let visible: Vec<char> = line
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let at = (column - 1).min(visible.len());
        let start = match visible.len() > COLUMNS {
            true => at.saturating_sub(COLUMNS / 2).min(visible.len() - COLUMNS),
            false => 0,
        };
        let end = (start + COLUMNS).min(visible.len());
        let shown: String = visible[start..end].iter().collect();
        let before = text::width(&visible[start..at].iter().collect::<String>());
        let width = self.width.min((end - at).max(1));
        let number = number.to_string();
        let margin = " ".repeat(number.len());
        format!(
            "{number} | {}\n{margin} | {}{}",
            text::visible(shown.trim_end()),
            " ".repeat(before),
            "^".repeat(width)
        )
    }
}

/// Reads the text of a policy file; returns the policy, or every mistake in the order of the file.
pub fn read(source: &str, vocabulary: &Vocabulary<'_>) -> Result<Policy, Vec<Mistake>> {
    let mut reader = Reader {
        mistakes: Vec::new(),
        vocabulary,
        rules: BTreeMap::new(),
        gates: BTreeSet::new(),
        lock: None,
        entrypoints: BTreeSet::new(),
        references: Vec::new(),
    };
    let root = yaml::read(source, &mut reader.mistakes);
    let policy = match &root {
        Some(root) => policy(&mut reader, root),
        None if reader.mistakes.is_empty() => {
            reader.mistakes.push(
                Mistake {
                    place: Place { line: 1, column: 1 },
                    width: 1,
                    message: "expected a policy, found nothing".to_owned(),
                    help: None,
                }
                .with_help("the least is: version: 1"),
            );
            None
        }
        None => None,
    };
    let mut mistakes = reader.mistakes;
    mistakes.sort_by_key(|mistake| mistake.place);
    match policy {
        Some(policy) if mistakes.is_empty() => Ok(policy),
        Some(_) | None => Err(mistakes),
    }
}

/// Returns the error for people that all mistakes of a file are together.
pub fn error(file: &str, source: &str, mistakes: &[Mistake]) -> Error {
    let shown = mistakes.iter().take(MISTAKES_MAX);
    let more = mistakes.len().saturating_sub(MISTAKES_MAX) as u64;
    let rest = (more > 0).then(|| {
        Error::new(format!(
            "{file}: {more} more {}",
            text::nouns(more, "mistake")
        ))
    });
    shown
        .map(|mistake| mistake.error(file, source))
        .chain(rest)
        .reduce(Error::and)
        .unwrap_or_else(|| Error::new(format!("{file}: expected a policy, found none")))
}

/// What the readers of all parts share.
struct Reader<'a> {
    mistakes: Vec<Mistake>,
    vocabulary: &'a Vocabulary<'a>,
    /// Rules by their id.
    rules: BTreeMap<String, Declared>,
    /// Limits of `metrics` and `network_health_metrics`, as waivers name them.
    gates: BTreeSet<String>,
    /// The lock that new edges are approved in, and the line that says so.
    lock: Option<(String, usize)>,
    /// Names of entry points.
    entrypoints: BTreeSet<String>,
    /// Names to be checked when everything was read.
    references: Vec<Reference>,
}

impl Reader<'_> {
    /// Reports a mistake.
    fn report(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// Reports that a value is not what it must be; there is nothing to return then.
    fn expected<T>(&mut self, expected: &str, node: &Node) -> Option<T> {
        self.report(Mistake::at(
            node,
            format!("expected {expected}, found {}", node.found()),
        ));
        None
    }
}

/// Reads the whole file.
fn policy(reader: &mut Reader<'_>, root: &Node) -> Option<Policy> {
    let fields = reader.fields(root, &POLICY)?;
    if let Some(node) = fields.get("version")
        && node.plain() != Some("1")
    {
        reader.expected::<()>("the number 1, the only version there is", node);
    }
    let mut policy = Policy::default();
    if let Some(evidence) = fields.read(reader, "evidence", evidence) {
        policy.evidence = evidence;
    }
    if let Some(services) = fields.read(reader, "services", services::services) {
        policy.services = services;
    }
    policy.entrypoints = fields.entries(reader, "entrypoints", calls::entrypoint);
    if let Some(calls) = fields.read(reader, "calls", calls::calls) {
        policy.calls = calls;
    }
    policy.redundancy = fields.list(reader, "redundancy", services::redundancy);
    policy.idempotent = fields.list(reader, "idempotent", leaf::operation);
    policy.deferrable = fields.list(reader, "deferrable", leaf::operation);
    policy.sagas = fields.list(reader, "sagas", saga);
    policy.stages = fields.list(reader, "stages", stage);
    policy.metrics = fields.entries(reader, "metrics", gates::gate);
    policy.network_health_metrics =
        fields.entries(reader, "network_health_metrics", gates::health_metric);
    policy.rules = fields.list(reader, "rules", rules::rule);
    if let Some(of_waivers) = fields.read(reader, "waiver_policy", waivers::waiver_policy) {
        policy.waiver_policy = of_waivers;
    }
    policy.waivers = fields.list(reader, "waivers", waivers::waiver);
    references::check(reader);
    Some(policy)
}

fn evidence(reader: &mut Reader<'_>, node: &Node) -> Option<Evidence> {
    let fields = reader.fields(node, &EVIDENCE)?;
    let default = Evidence::default();
    let confidence = fields.read(reader, "confidence", |reader, node| {
        let share = leaf::share(reader, node)?;
        if share.get() > 0.5 && share.get() < 1.0 {
            return Some(share);
        }
        reader.expected("a percentage above 50% and below 100%", node)
    });
    Some(Evidence {
        min_traces: fields
            .read(reader, "min_traces", leaf::whole)
            .unwrap_or(default.min_traces),
        min_calls: fields
            .read(reader, "min_calls", leaf::whole)
            .unwrap_or(default.min_calls),
        confidence: confidence.unwrap_or(default.confidence),
        on_unknown: fields
            .read(reader, "on_unknown", leaf::word(Severity::NAMES))
            .unwrap_or(default.on_unknown),
        sampling: fields
            .read(reader, "sampling", leaf::word(Sampling::NAMES))
            .unwrap_or(default.sampling),
    })
}

fn stage(reader: &mut Reader<'_>, node: &Node) -> Option<Stage> {
    let fields = reader.fields(node, &STAGE)?;
    let entry = fields.read(reader, "entry", leaf::operation);
    let of = fields.read(reader, "of", leaf::operation);
    let mean = fields.read(reader, "mean", leaf::positive_duration);
    let p99 = fields.read(reader, "p99", leaf::positive_duration);
    Some(Stage {
        entry: entry?,
        of: of?,
        mean,
        p99,
    })
}

fn saga(reader: &mut Reader<'_>, node: &Node) -> Option<Saga> {
    let fields = reader.fields(node, &SAGA)?;
    let action = fields.read(reader, "action", leaf::operation);
    let compensation = fields.read(reader, "compensation", leaf::operation);
    let within = fields.read(reader, "within", leaf::positive_duration);
    Some(Saga {
        action: action?,
        compensation: compensation?,
        within,
    })
}

#[cfg(test)]
mod tests;
