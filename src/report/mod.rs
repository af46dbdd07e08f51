//! Plain data for people and machines: what a renderer writes, and nothing it would have to compute.
//!
//! [`build`] makes a [`Report`] from the resolved service graph; [`focus`] cuts one down to the
//! neighbourhood of a service; [`numbers`] finds numbers by name; [`read`] reads a JSON report back. Counts that stand for sampled requests are weighted and may be fractions.

pub mod build;

mod bounds;

pub mod notes;

pub mod degrees;

pub mod fixes;

pub mod focus;

pub mod verdict;

pub mod diff;

pub mod numbers;

pub mod read;

use std::collections::BTreeMap;

use crate::report::diff::Diff;
use crate::report::fixes::Fix;
use crate::report::verdict::Verdict;

pub use crate::finding::{
    BlastRadius, CascadeSize, Chain, Dependency, EntryRadius, Finding, Grade, Hop, Metric, Overlap,
    PlaceRadius, Rarefied, Redundancy, ShardLoss, Shards, Shares, Slack, Standing, Start, Stop,
    Subject, Survival, TenantRadius, Transmissibility, Way, Word,
};
pub use crate::pass::budgets::{Budgets, CallBudget, EntryBudget, Spender};
pub use crate::policy::facts::Declared;
pub use crate::report::degrees::{DegreeRow, Degrees};
pub use crate::simulate::{
    Assumption, EdgeChange, EntryChange, Help, Latency, Range, ServiceChange, Simulation, Spread,
    Success,
};

/// Which part of the report was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The whole picture.
    #[default]
    Whole,
    /// Who is central, and what hangs on it.
    Hubs,
    /// What falls when one part falls.
    Cascades,
    /// What calls and requests may take.
    Budgets,
}

/// Everything a report says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The part that was asked for.
    pub part: Part,
    /// What was read, and how well it hangs together.
    pub data: Data,
    /// Services and virtual nodes, by name.
    pub services: Vec<Service>,
    /// Edges, by caller, callee, mode and protocol.
    pub edges: Vec<EdgeRow>,
    /// Entry points, the busiest first.
    pub entries: Vec<EntryRow>,
    /// How many nodes of the whole graph have how many neighbours.
    pub degrees: Degrees,
    /// What calls and requests may take and do take.
    pub budgets: Budgets,
    /// Numbers about the whole graph, by name.
    pub metrics: Vec<Metric>,
    /// What the graph is called, by name.
    pub words: Vec<Word>,
    /// Measured facts, the most important first; what could not be told comes last.
    pub findings: Vec<Finding>,
    /// What to fix first; a part and the neighbourhood of one service have no such list.
    pub fix_first: Option<Vec<Fix>>,
    /// How many passes looked for something to fix.
    pub passes: usize,
    /// Failures that happened one above another: those that reached an entry point first, then the most frequent.
    pub chains: Vec<Chain>,
    /// The ways on which failures would rise, by service and entry point; followed for the part on cascades alone.
    pub ways: Vec<Way>,
    /// How many services would fail with one; simulated for the part on cascades alone.
    pub sizes: Vec<CascadeSize>,
    /// What is left of the requests when services are lost one after another.
    pub survival: Vec<Survival>,
    /// What the tenants of each service share, by service.
    pub shards: Vec<Shards>,
    /// How many edges and services fewer traces would have shown.
    pub rarefaction: Vec<Rarefied>,
    /// The service the report was cut down to, if it was.
    pub focus: Option<String>,
    /// What the policy declared that the numbers rest on.
    pub declared: Declared,
    /// That the policy said something else when the input was folded, if so: one sentence, of the notes too.
    pub stale: Option<String>,
    /// What a reader should know before trusting the numbers, one sentence each.
    pub notes: Vec<String>,
    /// What the gate says, when it was asked.
    pub verdict: Option<Verdict>,
    /// What changes would do, when that was asked.
    pub simulation: Option<Simulation>,
    /// What changed, when two sides were compared.
    pub diff: Option<Diff>,
}

impl Report {
    /// Returns a number about the whole graph, if it was measured.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let found = self.metrics.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    }
}

/// How many requests took longer than a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The limit in nanoseconds.
    pub limit_ns: u64,
    /// The requests.
    pub count: u64,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// Spans read; the sum of all classes.
    pub spans_read: u64,
    /// Spans by class, in the order of the JSON report; names are snake_case.
    pub spans_by_class: Vec<(&'static str, u64)>,
    /// Spans that found no place in the graph, by reason; names are snake_case.
    pub unresolved: Vec<(&'static str, u64)>,
    /// Traces.
    pub traces: u64,
    /// The first problems, with their places.
    pub problems: Vec<ProblemRow>,
    /// All problems.
    pub problems_total: u64,
    /// Earliest start and latest end in nanoseconds since 1970, if any span has a time.
    pub window: Option<(u64, u64)>,
    /// Share of synchronous calls to services that emit spans of which both sides were seen, if there are any.
    pub paired_ratio: Option<f64>,
    /// Share of spans whose parent is not in the data, if there are spans.
    pub orphan_ratio: Option<f64>,
    /// Whether the spans carry sampling weights.
    pub weights_known: bool,
    /// Distinct request shapes kept.
    pub shapes: u64,
    /// Requests whose shapes were not kept.
    pub shapes_folded: u64,
}

impl Data {
    /// Returns the spans of which enough could be read to use them.
    pub fn spans_understood(&self) -> u64 {
        let mut lost = self.unresolved.iter();
        let lost = lost.find(|(reason, _)| *reason == "unreadable");
        self.spans_read
            .saturating_sub(lost.map_or(0, |(_, spans)| *spans))
    }
}

/// One problem in the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemRow {
    /// The file, as it was named.
    pub source: String,
    /// Where in the file: `14:23` (line and column) or `byte 1234`; empty when it concerns the whole file.
    pub place: String,
    /// What was expected and found.
    pub message: String,
}

/// What a node of the graph is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A service that emits spans.
    #[default]
    Service,
    /// A database.
    Database,
    /// A cache.
    Cache,
    /// A queue or topic.
    Queue,
    /// Anything else that emits no spans.
    External,
    /// Whoever uses the system.
    Users,
}

impl Kind {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Database => "database",
            Kind::Cache => "cache",
            Kind::Queue => "queue",
            Kind::External => "external",
            Kind::Users => "users",
        }
    }
}

/// A node of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its name, unique in the report.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Instances seen.
    pub instances: u64,
    /// Versions seen, in text order.
    pub versions: Vec<String>,
    /// Zones seen, in text order.
    pub zones: Vec<String>,
    /// Regions seen, in text order.
    pub regions: Vec<String>,
    /// Hosts seen.
    pub hosts: u64,
    /// Tags, from its traces and from the policy; `criticality` is one of them.
    pub tags: BTreeMap<String, String>,
    /// Where its code is, as the policy says.
    pub source: Option<String>,
    /// Spans it emitted.
    pub spans: u64,
    /// Spans of these that failed.
    pub failed_spans: u64,
    /// Distinct callers, without users.
    pub in_degree: u64,
    /// Distinct callees.
    pub out_degree: u64,
    /// Distinct neighbours.
    pub degree: u64,
    /// Where it stands in the graph.
    pub standing: Standing,
}

/// An edge of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeRow {
    /// Name of the caller.
    pub from: String,
    /// Name of the callee.
    pub to: String,
    /// Whether the caller waits.
    pub sync: bool,
    /// How they speak.
    pub protocol: &'static str,
    /// Whether it is the direct view of messages that go through a destination.
    pub direct: bool,
    /// Logical calls.
    pub calls: f64,
    /// Attempts.
    pub attempts: f64,
    /// Attempts of which the called side was seen.
    pub served: f64,
    /// Attempts that failed on both sides.
    pub errors_both: f64,
    /// Attempts of which only the calling side failed.
    pub errors_client_only: f64,
    /// Attempts of which only the called side failed.
    pub errors_server_only: f64,
    /// Attempts at which the caller was at fault.
    pub client_4xx: f64,
    /// Attempts that timed out.
    pub timeouts: f64,
    /// Retries marked, hidden below one client span, and inferred.
    pub retries: [f64; 3],
    /// Attempts per logical call, if the caller waits and a first attempt was seen.
    pub retry_amplification: Option<f64>,
    /// Most attempts of one logical call, declared or seen, if the caller waits.
    pub max_attempts: Option<u64>,
    /// How long the caller waits for one attempt, and how that is known.
    pub timeout_ns: Option<(u64, &'static str)>,
    /// Durations of calling spans.
    pub client_ns: Quantiles,
    /// Durations of called spans.
    pub server_ns: Quantiles,
    /// Calling minus called durations.
    pub network_ns: Quantiles,
    /// How long messages waited.
    pub queue_ns: Quantiles,
    /// Mean calls per trace that has any.
    pub fan_out: f64,
    /// Most calls in one trace.
    pub fan_out_max: u64,
    /// Share of all critical-path time spent in these calls.
    pub critical_path_share: Option<f64>,
    /// How much longer calls off the critical path could take, if there are any.
    pub slack: Option<Slack>,
    /// Mean number of calls under way at a time over the window.
    pub in_flight: Option<f64>,
    /// Attempts seen by grade of evidence; grades without any are left out.
    pub evidence: Vec<(&'static str, u64)>,
    /// Attempts by `(zone of caller, zone of callee)`; an empty name is an unknown zone.
    pub zones: Vec<(String, String, u64)>,
    /// Attempts by `(region of caller, region of callee)`.
    pub regions: Vec<(String, String, u64)>,
    /// Attempts by `(version of caller, version of callee)`.
    pub versions: Vec<(String, String, u64)>,
    /// Failed attempts by kind of error, where the spans say.
    pub error_types: Vec<(String, u64)>,
    /// The file of the code that makes most of the calls, as its spans name it, and the line, if spans say so.
    pub code: Option<(String, Option<u64>)>,
    /// Earliest and latest start in nanoseconds since 1970.
    pub seen: Option<(u64, u64)>,
    /// Whether the caller needs the callee, if it waits for it.
    pub tie: Option<Tie>,
    /// Trace ids of any calls.
    pub exemplars: Vec<String>,
    /// Trace ids of failed calls.
    pub failed_exemplars: Vec<String>,
    /// Trace ids of the slowest calls, the slowest first.
    pub slowest_exemplars: Vec<String>,
}

/// What happened to the caller when its call failed and when it did not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tie {
    /// What follows from it.
    pub dependency: Dependency,
    /// The chance that a failure is passed on, if any call failed.
    pub transmissibility: Option<Transmissibility>,
    /// How often the call failed in the end, by the caller's work.
    pub failed_calls: u64,
    /// How often the caller failed then.
    pub both_failed: u64,
    /// How often all went well with the calls.
    pub good_calls: u64,
    /// How often the caller failed then.
    pub failed_alone: u64,
}

impl EdgeRow {
    /// Returns all failed attempts.
    pub fn errors(&self) -> f64 {
        self.errors_both + self.errors_client_only + self.errors_server_only
    }

    /// Returns the share of attempts that failed; zero without attempts.
    pub fn error_ratio(&self) -> f64 {
        if self.attempts > 0.0 {
            self.errors() / self.attempts
        } else {
            0.0
        }
    }
}

/// A distribution of durations in nanoseconds; quantiles are of nearest rank, within 0.8 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// How many.
    pub count: u64,
    /// Their exact sum.
    pub sum: u128,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest, exact.
    pub max: u64,
}

/// An entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryRow {
    /// Name of the service.
    pub service: String,
    /// Operation.
    pub operation: String,
    /// `request`, `message` or `job`.
    pub kind: &'static str,
    /// Requests.
    pub requests: f64,
    /// Failed requests.
    pub failed: f64,
    /// How much a request counts where requests are lost, if it is declared to be other than 1.
    pub weight: Option<f64>,
    /// Health checks among the requests seen.
    pub health_checks: u64,
    /// Durations.
    pub duration_ns: Quantiles,
    /// Requests that took longer than the p50, p90 and p99 that its declared entry point is asked for.
    pub late: [Option<Late>; 3],
    /// Median, 95th percentile and maximum of the synchronous call depth, of requests by weight.
    pub sync_depth: (u64, u64, u64),
    /// The same of the synchronous calls on critical paths, if they were counted.
    pub critical_hops: Option<(u64, u64, u64)>,
    /// Trace ids of any requests.
    pub exemplars: Vec<String>,
    /// Trace ids of failed requests.
    pub failed_exemplars: Vec<String>,
    /// Trace ids of the slowest requests, the slowest first.
    pub slowest_exemplars: Vec<String>,
}

impl Report {
    /// Returns whether requests of some entry points count more than others where requests are lost.
    pub fn weighs(&self) -> bool {
        self.entries.iter().any(|entry| entry.weight.is_some())
    }
}

impl EntryRow {
    /// Returns how much its requests count where requests are lost.
    pub fn counted(&self) -> f64 {
        self.requests * self.weight.unwrap_or(1.0)
    }
}
