//! What passes measure: numbers about the whole graph, facts with their evidence, and where each node stands.
//!
//! Plain data without opinion. What it is measured by is the business of [`crate::pass`], how it looks that of the
//! renderers.

mod fall;

mod shards;

use std::fmt;

use crate::fold::edge::OffPath;

pub use fall::{
    BlastRadius, CascadeSize, Chain, Dependency, EntryRadius, Hop, PlaceRadius, Shares, Start,
    Stop, Survival, TenantRadius, Transmissibility, Way,
};

pub use shards::{Overlap, ShardLoss, Shards};

/// A number about the whole graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, as in the policy file.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

/// What the whole graph is called, where that is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name, beside those of numbers.
    pub name: &'static str,
    /// What it is called.
    pub value: String,
}

/// How much longer calls off the critical path could take before they would be on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slack {
    /// Calls off the path, as they were seen.
    pub calls: u64,
    /// How many nanoseconds longer they could have taken on average.
    pub mean_ns: u64,
    /// The least by which one of them could have taken longer.
    pub least_ns: u64,
    /// How much longer they could have taken together, as a share of what they took; absent when they took no time.
    pub of_duration: Option<f64>,
}

impl Slack {
    /// Returns the slack of calls, if there are any off the path.
    pub fn of(sums: &OffPath) -> Option<Slack> {
        Some(Slack {
            calls: sums.calls,
            mean_ns: sums.slack_ns.checked_div(sums.calls)?,
            least_ns: sums.least_ns,
            of_duration: (sums.took_ns > 0).then(|| sums.slack_ns as f64 / sums.took_ns as f64),
        })
    }
}

/// How many edges and services are expected in so many of the traces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rarefied {
    /// The traces.
    pub traces: u64,
    /// Edges, on average over all choices of so many traces.
    pub edges: f64,
    /// Services, at least and at most.
    pub services: (f64, f64),
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It follows from the spans alone.
    Proved,
    /// It is an estimate with an interval.
    Measured,
    /// It rests on a heuristic.
    Inferred,
    /// The data cannot tell.
    #[default]
    Unknown,
}

impl Grade {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Grade::Proved => "proved",
            Grade::Measured => "measured",
            Grade::Inferred => "inferred",
            Grade::Unknown => "unknown",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The whole system.
    #[default]
    System,
    /// A service or virtual node.
    Service(String),
    /// An edge, caller first.
    Edge(String, String),
    /// Services that call each other in this order.
    Path(Vec<String>),
    /// The calls of one operation along an edge: caller, callee, operation.
    Call(String, String, String),
    /// An operation of a service, often one at which requests enter.
    Entry(String, String),
    /// An instance of a service: the service, and the instance.
    Instance(String, String),
    /// Something that several services share: what it is (`host`, `zone`, `version`), and its name.
    Shared(&'static str, String),
}

impl Subject {
    /// Returns whether it is about this node, among others.
    pub fn names(&self, node: &str) -> bool {
        match self {
            Subject::System | Subject::Shared(_, _) => false,
            Subject::Service(name) | Subject::Entry(name, _) | Subject::Instance(name, _) => {
                name == node
            }
            Subject::Edge(from, to) | Subject::Call(from, to, _) => from == node || to == node,
            Subject::Path(path) => path.iter().any(|name| name == node),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::System => out.write_str("the system"),
            Subject::Service(name) => out.write_str(name),
            Subject::Edge(from, to) => write!(out, "{from}->{to}"),
            Subject::Path(path) => out.write_str(&path.join("->")),
            Subject::Call(from, to, operation) => write!(out, "{from}->{to} {operation}"),
            Subject::Entry(service, operation) => write!(out, "{service} {operation}"),
            Subject::Instance(service, instance) => write!(out, "{service}/{instance}"),
            Subject::Shared(kind, name) => write!(out, "{kind} {name}"),
        }
    }
}

/// One measured fact, without opinion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// Stable id of pass and subject.
    pub id: String,
    /// The pass that measured it.
    pub pass: &'static str,
    /// What was measured.
    pub metric: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// The value; it means nothing when the grade is unknown.
    pub value: f64,
    /// Its unit; empty for a count.
    pub unit: &'static str,
    /// Interval, if it is an estimate.
    pub interval: Option<(f64, f64)>,
    /// How sure it is.
    pub grade: Grade,
    /// How many of how many.
    pub count: u64,
    /// How many there were.
    pub of: u64,
    /// Trace ids to look at.
    pub exemplars: Vec<String>,
    /// One sentence for people.
    pub text: String,
    /// Share of requests (or, where no request can be told, of calls) that pay for it, from 0 to 1; absent for facts that
    /// cost nobody anything.
    pub cost: Option<f64>,
}

impl Finding {
    /// Returns a finding with its id; everything else is still to be said.
    pub fn new(pass: &'static str, metric: &'static str, subject: Subject) -> Finding {
        let canonical = match &subject {
            Subject::System => metric.to_owned(),
            subject => subject.to_string(),
        };
        Finding {
            id: format!("{pass}:{canonical}"),
            pass,
            metric,
            subject,
            ..Finding::default()
        }
    }

    /// Returns a finding of a pass that can say several things of one subject, so that its id names the metric too.
    pub fn of(pass: &'static str, metric: &'static str, subject: Subject) -> Finding {
        Finding {
            id: format!("{pass}:{metric}:{subject}"),
            ..Finding::new(pass, metric, subject)
        }
    }

    /// Returns the finding that something about the whole system cannot be told, and why.
    pub fn unknown(pass: &'static str, metric: &'static str, why: impl Into<String>) -> Finding {
        Finding {
            text: why.into(),
            ..Finding::new(pass, metric, Subject::System)
        }
    }
}

/// What was seen of the replicas behind a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redundancy {
    /// Nothing: it emits no spans, or they do not name their instance.
    #[default]
    Unknown,
    /// One instance at a time.
    OneInstance,
    /// Several instances at once, of which no two are known to be in different zones.
    Instances,
    /// Several instances at once, in several zones.
    Zones,
}

impl Redundancy {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Redundancy::Unknown => "unknown",
            Redundancy::OneInstance => "one-instance",
            Redundancy::Instances => "instances",
            Redundancy::Zones => "zones",
        }
    }
}

/// Where a node stands in the graph; what was not measured is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// How many of the pairs of its neighbours are neighbours too.
    pub clustering: Option<f64>,
    /// Share of the pairs of other nodes whose shortest synchronous path leads through it.
    pub betweenness: Option<f64>,
    /// Half of the width of the 95 % interval of the betweenness, if that is an estimate.
    pub betweenness_half_width: Option<f64>,
    /// Share of requests in which it stands between the entry and something called below.
    pub traffic_betweenness: Option<f64>,
    /// Share of time a random walk along the calls spends there.
    pub pagerank: Option<f64>,
    /// Largest k of a part of the graph in which everybody has k neighbours.
    pub core: Option<u64>,
    /// How far down the flow of calls it stands.
    pub level: Option<f64>,
    /// Whether it belongs to the hubs: so many call it that it stands out.
    pub hub: bool,
    /// Whether it calls so many that it stands out.
    pub orchestrator: bool,
    /// Whether it is declared to be infrastructure, which everybody calls by design.
    pub infrastructure: bool,
    /// Whether requests, messages or jobs enter there.
    pub entry: bool,
    /// What was seen of its replicas.
    pub redundancy: Redundancy,
    /// The sum of the squares of the shares that its answers have by zone: 1 when all come from one; absent where no zone is known.
    pub zone_concentration: Option<f64>,
    /// Whether the graph splits without it.
    pub articulation: bool,
    /// Nodes cut off from the largest rest of their part when it is gone.
    pub cut_off: u64,
    /// The closest node that every synchronous path from an entry to it passes.
    pub immediate_dominator: Option<String>,
    /// Nodes that no entry reaches synchronously when it is gone, without itself.
    pub dominated: u64,
    /// Share of the other nodes from which calls lead to it: what the graph alone would say of who uses it.
    pub ancestors: Option<f64>,
    /// Which requests fall with it, if requests were seen.
    pub blast_radius: Option<Box<BlastRadius>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_pass_and_subject() {
        let name = |name: &str| name.to_owned();
        let id = |subject| Finding::new("cycles", "largest_cycle", subject).id;
        assert_eq!(id(Subject::System), "cycles:largest_cycle");
        assert_eq!(id(Subject::Service(name("cart"))), "cycles:cart");
        assert_eq!(id(Subject::Edge(name("a"), name("b"))), "cycles:a->b");
        assert_eq!(id(Subject::Path(vec![name("a"), name("b")])), "cycles:a->b");
    }

    #[test]
    fn a_subject_names_its_nodes() {
        let edge = Subject::Edge("a".to_owned(), "b".to_owned());
        assert!(edge.names("a") && edge.names("b") && !edge.names("c"));
        assert!(!Subject::System.names("a"));
    }
}
