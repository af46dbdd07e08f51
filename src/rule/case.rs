//! What rules look at, and how they say what they found.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::graph::Digraph;
use crate::algo::stats::{Interval, total, wilson_at};
use crate::policy::calls::{Entrypoint, Terms};
use crate::policy::selector::{EdgeSelector, Node, Selector};
use crate::policy::value::EdgeMode;
use crate::policy::{Policy, Sampling};
use crate::report::verdict::{Outcome, Violation};
use crate::report::{Dependency, EdgeRow, EntryRow, Grade, Kind, Report, Service, Subject};
use crate::rule::lock::Lock;
use crate::text;

/// What rules look at.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) report: &'a Report,
    pub(super) policy: &'a Policy,
    /// What the run is compared with.
    pub(super) base: Option<&'a Report>,
    /// What is approved.
    pub(super) lock: Option<&'a Lock>,
    services: BTreeMap<&'a str, &'a Service>,
}

/// The edges from a node to another, whatever they carry.
pub(super) type Ends<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a EdgeRow>>;

/// What became of a rate that has a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rate {
    /// It is not past the limit.
    Within,
    /// All of its interval is.
    Past(Interval),
    /// It is, but that may be chance.
    Perhaps,
    /// There is too little to judge.
    TooFew,
    /// The traces were chosen by what became of them.
    Chosen,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        report: &'a Report,
        policy: &'a Policy,
        base: Option<&'a Report>,
        lock: Option<&'a Lock>,
    ) -> Case<'a> {
        let services = report.services.iter();
        Case {
            report,
            policy,
            base,
            lock,
            services: services
                .map(|service| (service.name.as_str(), service))
                .collect(),
        }
    }

    /// Returns a service as selectors see it; one that the report does not list has neither kind nor tags.
    pub(super) fn node(&self, name: &'a str) -> Node<'a> {
        static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();
        match self.services.get(name) {
            Some(service) => node(service),
            None => Node {
                name,
                kind: "",
                tags: &NO_TAGS,
            },
        }
    }

    /// Returns the service of a name.
    pub(super) fn service(&self, name: &str) -> Option<&'a Service> {
        self.services.get(name).copied()
    }

    /// Returns the services and virtual nodes that a selector means, without users.
    pub(super) fn matching(&self, selector: &Selector) -> Vec<&'a Service> {
        let services = self.report.services.iter();
        services
            .filter(|service| service.kind != Kind::Users && selector.matches(&node(service)))
            .collect()
    }

    /// Returns whether a name is that of a node; users are none.
    fn is_inside(&self, name: &str) -> bool {
        self.service(name)
            .is_some_and(|service| service.kind != Kind::Users)
    }

    /// Returns the edges of the graph: messages on their way through the queue, and without those of users.
    pub(super) fn edges(&self) -> impl Iterator<Item = &'a EdgeRow> {
        let edges = self.report.edges.iter();
        edges.filter(|edge| !edge.direct && self.is_inside(&edge.from))
    }

    /// Returns who speaks to whom by itself: calls, messages to a queue, and messages past it. A queue speaks to nobody by itself,
    /// and who calls from outside is nobody one could name.
    pub(super) fn calls(&self, mode: EdgeMode) -> Ends<'a> {
        let mut ends = Ends::new();
        for edge in &self.report.edges {
            let is_queue = |of: &Service| of.kind == Kind::Queue;
            let is_own =
                self.is_inside(&edge.from) && !self.service(&edge.from).is_some_and(is_queue);
            if is_own && edge.from != edge.to && mode.includes(edge.sync) {
                let key = (edge.from.as_str(), edge.to.as_str());
                ends.entry(key).or_default().push(edge);
            }
        }
        ends
    }

    /// Returns whether one of the selectors means an edge.
    pub(super) fn is_excepted(&self, except: &[EdgeSelector], from: &'a str, to: &'a str) -> bool {
        let mut except = except.iter();
        except.any(|edges| edges.matches(&self.node(from), &self.node(to)))
    }

    /// Returns the graph of the edges for which `keep` holds, with the names of its nodes in order.
    pub(super) fn graph(&self, keep: impl Fn(&EdgeRow) -> bool) -> (Vec<&'a str>, Digraph) {
        let edges: Vec<&EdgeRow> = self.edges().filter(|edge| keep(edge)).collect();
        let names: BTreeSet<&str> = edges
            .iter()
            .flat_map(|edge| [edge.from.as_str(), edge.to.as_str()])
            .collect();
        let numbers: BTreeMap<&str, u32> = names.iter().copied().zip(0..).collect();
        let pairs = edges
            .iter()
            .map(|edge| (numbers[edge.from.as_str()], numbers[edge.to.as_str()]));
        let graph = Digraph::new(names.len(), pairs);
        (names.into_iter().collect(), graph)
    }

    /// Returns what is declared about the calls on an edge.
    pub(super) fn terms(&self, from: &'a str, to: &'a str) -> Terms {
        self.policy.calls.terms(&self.node(from), &self.node(to))
    }

    /// Returns whether a caller cannot do without its callee: as failures showed, or else as declared. Nothing when neither tells.
    pub(super) fn is_hard(&self, ends: (&'a str, &'a str), edges: &[&EdgeRow]) -> Option<bool> {
        let tie = edges.iter().find_map(|edge| edge.tie.as_ref());
        match tie.map(|tie| tie.dependency) {
            Some(Dependency::Hard) => Some(true),
            Some(Dependency::Soft) => Some(false),
            Some(Dependency::Unknown) | None => self.terms(ends.0, ends.1).soft.map(|soft| !soft),
        }
    }

    /// Returns the declared entry point that requests belong to.
    pub(super) fn entrypoint(&self, entry: &'a EntryRow) -> Option<&'a Entrypoint> {
        let mut declared = self.policy.entrypoints.iter();
        declared.find(|declared| {
            declared
                .requests
                .matches(&self.node(&entry.service), &entry.operation)
        })
    }

    /// Holds a rate against its limit: `hits` of `of`, told by so many that were `seen`.
    pub(super) fn rate(&self, hits: f64, of: f64, seen: u64, limit: f64) -> Rate {
        let evidence = &self.policy.evidence;
        if evidence.sampling == Sampling::Tail {
            return Rate::Chosen;
        }
        if seen < evidence.min_calls.max(1) || of <= 0.0 {
            return Rate::TooFew;
        }
        let share = (hits / of).clamp(0.0, 1.0);
        let interval = wilson_at(
            evidence.confidence.get(),
            (share * seen as f64).round() as u64,
            seen,
        );
        if interval.low > limit {
            Rate::Past(interval)
        } else if share > limit {
            Rate::Perhaps
        } else {
            Rate::Within
        }
    }

    /// Returns what is missing to judge a rate, as a reason for [`Found::miss`]; nothing for one that is judged.
    pub(super) fn lacking(&self, rate: Rate, noun: &str) -> Option<String> {
        match rate {
            Rate::Within | Rate::Past(_) => None,
            Rate::Perhaps => Some(format!(
                "past the limit, which with so few {noun} may be chance"
            )),
            Rate::TooFew => Some(format!(
                "fewer than {} {noun}",
                text::count(self.policy.evidence.min_calls.max(1))
            )),
            Rate::Chosen => Some(
                "traces were chosen by what became of them (sampling: tail), which says nothing of rates"
                    .to_owned(),
            ),
        }
    }

    /// Returns a bound for how often so many values give the quantile `q`.
    pub(super) fn has_quantile(&self, count: u64, q: f64) -> bool {
        /// Fewest values beyond a quantile that give it.
        const BEYOND: f64 = 3.0;
        let least = (BEYOND / (1.0 - q)).ceil() as u64;
        count >= least.max(self.policy.evidence.min_calls)
    }
}

/// Returns a service as selectors see it.
pub(super) fn node(service: &Service) -> Node<'_> {
    Node {
        name: &service.name,
        kind: service.kind.name(),
        tags: &service.tags,
    }
}

/// Attempts of an edge that were seen, whatever they stand for.
pub(super) fn seen(edge: &EdgeRow) -> u64 {
    match total(edge.evidence.iter().map(|(_, count)| *count)) {
        0 => edge.attempts.round() as u64,
        seen => seen,
    }
}

/// Attempts of several edges that were seen.
pub(super) fn seen_of(edges: &[&EdgeRow]) -> u64 {
    total(edges.iter().map(|edge| seen(edge)))
}

/// Trace ids that a violation shows.
const EXEMPLARS: usize = 3;

/// Returns the first trace ids, each once.
pub(super) fn exemplars<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for id in ids {
        if distinct.len() < EXEMPLARS && !distinct.contains(id) {
            distinct.push(id.clone());
        }
    }
    distinct
}

/// Returns a violation that one span proves.
pub(super) fn proved(subject: Subject, text: String) -> Violation {
    Violation {
        subject,
        text,
        grade: Grade::Proved,
        level: Outcome::Fail,
        ..Violation::default()
    }
}

/// Returns a violation by the edges between two nodes.
pub(super) fn of_edges(ends: (&str, &str), edges: &[&EdgeRow], text: String) -> Violation {
    let count = seen_of(edges);
    Violation {
        count,
        of: count,
        exemplars: exemplars(edges.iter().flat_map(|edge| &edge.exemplars)),
        ..proved(Subject::Edge(ends.0.to_owned(), ends.1.to_owned()), text)
    }
}

/// Says how two nodes speak, and how often: `12 calls over http`.
pub(super) fn spoken(edges: &[&EdgeRow]) -> String {
    let protocols: BTreeSet<&str> = edges.iter().map(|edge| edge.protocol).collect();
    let protocols: Vec<&str> = protocols.into_iter().collect();
    let noun = if edges.iter().any(|edge| edge.sync) {
        "call"
    } else {
        "message"
    };
    let over = match protocols.as_slice() {
        // By which protocol nobody said.
        ["unknown"] => String::new(),
        names => format!(" over {}", names.join(" and ")),
    };
    match seen_of(edges) {
        0 => format!("a {noun}{over}"),
        count => format!("{}{over}", text::plural(count, noun)),
    }
}

/// What a rule found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// How many things it looked at.
    pub(super) checked: u64,
    /// What it objects to, each with what tells it from others about the same subject.
    pub(super) objections: Vec<(String, Violation)>,
    /// What is missing, and for what.
    missing: BTreeMap<String, BTreeSet<String>>,
}

impl Found {
    /// Returns that so many things were looked at, without any objection yet.
    pub(super) fn of(checked: u64) -> Found {
        Found {
            checked,
            ..Found::default()
        }
    }

    /// Returns that nothing could be judged, and why.
    pub(super) fn unknown(why: impl Into<String>) -> Found {
        let mut found = Found::default();
        found.miss(why, "");
        found
    }

    /// Objects.
    pub(super) fn object(&mut self, violation: Violation) {
        self.object_to("", violation);
    }

    /// Objects to one aspect of a subject.
    pub(super) fn object_to(&mut self, aspect: impl Into<String>, violation: Violation) {
        self.objections.push((aspect.into(), violation));
    }

    /// Says what is missing to judge something.
    pub(super) fn miss(&mut self, why: impl Into<String>, of: impl Into<String>) {
        self.missing
            .entry(why.into())
            .or_default()
            .insert(of.into());
    }

    /// Returns what is missing, as a part of a sentence.
    pub(super) fn missing(&self) -> Option<String> {
        /// Names of one reason.
        const NAMED: usize = 3;
        let reasons: Vec<String> = self
            .missing
            .iter()
            .map(|(why, of)| {
                let named: Vec<&str> = of
                    .iter()
                    .filter(|name| !name.is_empty())
                    .take(NAMED)
                    .map(String::as_str)
                    .collect();
                let more = match of.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                if named.is_empty() {
                    why.clone()
                } else {
                    format!("{why}: {}{more}", named.join(", "))
                }
            })
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// Returns a value of a number of the report with its unit.
pub(super) fn shown(metric: &str, value: f64) -> String {
    if is_time(metric) && value >= 0.0 {
        text::duration(value as u64)
    } else {
        text::value(value)
    }
}

/// Returns whether a number is a duration in nanoseconds.
pub(super) fn is_time(metric: &str) -> bool {
    metric.ends_with("_ns") || metric.contains("_ns.")
}

/// Returns the unit of a number of the report.
pub(super) fn unit(metric: &str) -> &'static str {
    if is_time(metric) { "ns" } else { "" }
}
