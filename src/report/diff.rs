//! What changed between two sets of traces: plain data for the formats of `topple diff`.
//!
//! Every change is the head less the base. Nothing in this module compares; see [`compare`](crate::compare).

pub use crate::pass::spent::Place;

/// What changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// What is compared with.
    pub base: SideRow,
    /// What is compared.
    pub head: SideRow,
    /// How sure intervals are; the share of false alarms among the changes is kept to the rest.
    pub confidence: f64,
    /// What the changes at the entry points come from, the largest first: what makes requests slower, what makes them fail, what makes
    /// them faster, what makes them fail less.
    pub causes: Vec<Cause>,
    /// Entry points that both sides have, the busiest of the head first.
    pub entries: Vec<EntryChange>,
    /// Edges that both sides have, by caller, callee, mode and protocol; those of messages past their queue are left out.
    pub edges: Vec<EdgeChange>,
    /// Operations of edges, by caller, callee and name.
    pub operations: Vec<OperationChange>,
    /// Services, edges and entry points that only one side has.
    pub presence: Vec<Presence>,
    /// Services that run other versions than before.
    pub versions: Vec<VersionChange>,
    /// Comparisons made.
    pub tested: u64,
    /// Comparisons that show more than chance does.
    pub differing: u64,
    /// The edges of both sides in as many traces, if one has more traces and both are known.
    pub as_many: Option<AsMany>,
    /// What was not compared and why, one sentence each.
    pub untold: Vec<String>,
    /// The service the changes were cut down to, if they were.
    pub focus: Option<String>,
}

/// One of the two sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideRow {
    /// What it is, in words.
    pub name: String,
    /// What it holds.
    pub holds: Holds,
    /// Traces; none in a lock.
    pub traces: u64,
    /// Requests, messages and jobs; none in a lock.
    pub requests: f64,
    /// Whether it holds nothing that could be compared.
    pub is_empty: bool,
}

/// What a side holds, the most first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Traces or a topology: everything.
    #[default]
    Traces,
    /// A JSON report: counts and quantiles.
    Report,
    /// A lock: who calls whom.
    Lock,
}

impl Holds {
    /// Returns the name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Holds::Traces => "traces",
            Holds::Report => "report",
            Holds::Lock => "lock",
        }
    }
}

/// A number on both sides, and whether it differs by more than chance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// The number of the base.
    pub base: f64,
    /// The number of the head.
    pub head: f64,
    /// The lower end of the interval of the difference.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance of such a difference if there is none.
    pub p: f64,
    /// The same, adjusted for all comparisons made.
    pub q: f64,
    /// Whether the difference is large enough to matter.
    pub matters: bool,
    /// Whether it matters and is more than chance.
    pub differs: bool,
}

impl Change {
    /// Returns the head less the base.
    pub fn value(&self) -> f64 {
        self.head - self.base
    }
}

/// A quantile on both sides, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shift {
    /// That of the base.
    pub base: u64,
    /// That of the head.
    pub head: u64,
    /// The interval of the difference, if the distributions are known.
    pub interval: Option<(f64, f64)>,
}

/// What changed at one entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryChange {
    /// Name of the service.
    pub service: String,
    /// Operation.
    pub operation: String,
    /// `request`, `message` or `job`.
    pub kind: &'static str,
    /// Requests of both sides.
    pub requests: (f64, f64),
    /// Mean duration in nanoseconds.
    pub duration_ns: Option<Change>,
    /// Median duration.
    pub p50_ns: Option<Shift>,
    /// 99th percentile of the duration.
    pub p99_ns: Option<Shift>,
    /// Share of failed requests.
    pub failed: Option<Change>,
    /// Where the time of a request goes; with the spans too short to be told, these add up to the duration.
    pub parts: Vec<PartChange>,
    /// Mean time of a request in spans too short to be told, on both sides, if `parts` are known.
    pub short_ns: Option<(f64, f64)>,
    /// Where failed requests began to fail.
    pub origins: Vec<OriginChange>,
}

/// Time of a request in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct PartChange {
    /// The place.
    pub place: Place,
    /// The operation there whose time changed most.
    pub operation: String,
    /// Spans on the paths of a request, on both sides.
    pub spans: (f64, f64),
    /// Mean time of a request in nanoseconds.
    pub time_ns: Change,
}

/// Failed requests that began to fail at one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OriginChange {
    /// The service.
    pub service: String,
    /// Their share of the requests.
    pub share: Change,
}

/// What changed at one edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeChange {
    /// Name of the caller.
    pub from: String,
    /// Name of the callee.
    pub to: String,
    /// How they speak.
    pub protocol: &'static str,
    /// Whether the caller waits.
    pub sync: bool,
    /// Logical calls of both sides.
    pub calls: (f64, f64),
    /// Mean duration of calling spans, in nanoseconds.
    pub client_ns: Option<Change>,
    /// Mean duration of called spans.
    pub server_ns: Option<Change>,
    /// Mean of calling less called durations.
    pub network_ns: Option<Change>,
    /// Mean time that messages waited.
    pub queue_ns: Option<Change>,
    /// Median of the calling spans, or of the called ones where the caller has none.
    pub p50_ns: Option<Shift>,
    /// Their 99th percentile.
    pub p99_ns: Option<Shift>,
    /// Share of attempts that failed.
    pub error_ratio: Option<Change>,
    /// Attempts for each call.
    pub attempts_per_call: Option<Change>,
    /// Time on critical paths for each request of the system, in nanoseconds, on both sides.
    pub critical_ns: Option<(f64, f64)>,
}

impl EdgeChange {
    /// Returns the numbers that were compared.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let all = [
            &self.client_ns,
            &self.server_ns,
            &self.network_ns,
            &self.queue_ns,
            &self.error_ratio,
            &self.attempts_per_call,
        ];
        all.into_iter().flatten()
    }

    /// Returns whether any of its numbers differs.
    pub fn differs(&self) -> bool {
        self.changes().any(|change| change.differs)
    }
}

/// What changed in one operation of an edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperationChange {
    /// Name of the caller; none when the callee has several, and this is what it does for all of them.
    pub from: Option<String>,
    /// Name of the callee.
    pub to: String,
    /// The operation.
    pub operation: String,
    /// Attempts of both sides, weighted.
    pub attempts: Option<(f64, f64)>,
    /// Mean duration of the calling spans, in nanoseconds.
    pub client_ns: Option<Change>,
    /// Mean duration of the called spans; where no caller is named, of the requests that succeeded.
    pub server_ns: Option<Change>,
    /// Mean of calling less called durations.
    pub network_ns: Option<Change>,
    /// Share of attempts that failed on either side.
    pub error_ratio: Option<Change>,
    /// Share of attempts that repeat another.
    pub repeated_ratio: Option<Change>,
    /// Requests of both sides that instances of the callee answered, if they are named.
    pub requests: Option<(f64, f64)>,
    /// The median of those that succeeded.
    pub p50_ns: Option<Shift>,
    /// Their 99th percentile.
    pub p99_ns: Option<Shift>,
    /// Share of them that failed at the callee and nowhere below.
    pub failed: Option<Change>,
    /// The callee's own time on critical paths, for each request of the system.
    pub own_ns: Option<Change>,
    /// Time on critical paths between caller and callee, or in a callee that emits no spans, for each request of the system.
    pub way_ns: Option<Change>,
}

impl OperationChange {
    /// Returns the numbers that were compared.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let all = [
            &self.client_ns,
            &self.server_ns,
            &self.network_ns,
            &self.error_ratio,
            &self.repeated_ratio,
            &self.failed,
            &self.own_ns,
            &self.way_ns,
        ];
        all.into_iter().flatten()
    }

    /// Returns whether any of its numbers differs.
    pub fn differs(&self) -> bool {
        self.changes().any(|change| change.differs)
    }
}

/// Something that only one side has.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// What it is.
    pub what: Thing,
    /// Whether it was added or removed, or just not seen.
    pub state: State,
    /// How often it was seen on the side that has it; none in a lock.
    pub seen: Option<f64>,
    /// How often it should have been seen on the other side, if that can be told.
    pub expected: Option<f64>,
    /// The chance that the other side does not show it though nothing changed, if that can be told.
    pub p_unseen: Option<f64>,
}

/// How many edges both sides show in as many traces.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AsMany {
    /// The traces of the side that has fewer.
    pub traces: u64,
    /// The edges of the base: those it has, or those expected in so many of its traces.
    pub base: f64,
    /// The edges of the head.
    pub head: f64,
}

/// The versions of a service that both sides name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionChange {
    /// The service.
    pub service: String,
    /// Those of the base, in text order.
    pub base: Vec<String>,
    /// Those of the head.
    pub head: Vec<String>,
}

/// A part of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A service or another node.
    Service(String),
    /// An edge: caller, callee, protocol, and whether the caller waits.
    Edge(String, String, &'static str, bool),
    /// An entry point: service, operation and kind.
    Entry(String, String, &'static str),
}

/// How sure it is that something is gone or new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The head has it, and the base would have shown it.
    Added,
    /// The base has it, and the head would have shown it.
    Removed,
    /// The base has it; that the head does not show it may be chance.
    NotSeenNow,
    /// The head has it; that the base does not show it may be chance.
    NotSeenBefore,
}

impl State {
    /// Returns the name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            State::Added => "added",
            State::Removed => "removed",
            State::NotSeenNow => "not seen this time",
            State::NotSeenBefore => "not seen before",
        }
    }
}

/// What a cause does to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// They take longer.
    Slower,
    /// More of them fail.
    Failing,
    /// They take less long.
    Faster,
    /// Fewer of them fail.
    Mending,
}

impl Effect {
    /// Returns the name that outputs use.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Slower => "slower",
            Effect::Failing => "failing",
            Effect::Faster => "faster",
            Effect::Mending => "mending",
        }
    }
}

/// What a change at entry points comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What it does.
    pub effect: Effect,
    /// Where.
    pub place: Place,
    /// The entry point that it costs or saves most, by service and operation; none when entry points could not be told apart.
    pub entry: Option<(String, String)>,
    /// At how many entry points it shows.
    pub entries: usize,
    /// The change for each request there: nanoseconds, or a share of the requests that fail.
    pub change: f64,
    /// Its interval.
    pub interval: (f64, f64),
    /// The whole change there, of which this is a part; none if it is not known.
    pub of: Option<f64>,
    /// Whether it is more than chance; if not, it is part of a change that is.
    pub sure: bool,
    /// Whether the change is estimated from sums of durations, for want of critical paths.
    pub estimated: bool,
    /// One sentence.
    pub text: String,
}
