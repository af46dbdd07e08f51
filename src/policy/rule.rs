//! Rules: one verb each, with what it needs to know. Who breaks a rule is decided elsewhere.

use std::time::Duration;

use crate::policy::Place;
use crate::policy::gate::{Better, Bounds, Change};
use crate::policy::selector::{EdgeSelector, Pattern, Selector};
use crate::policy::value::{Criticality, EdgeMode, Ratio, Severity};

/// An entry of the section `rules`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique in the file.
    pub id: String,
    /// Why it is there, for those who break it.
    pub why: Option<String>,
    /// How loudly it speaks; `fail` unless given.
    pub severity: Severity,
    /// Whether a waiver may except from it; unless given, it may.
    pub waivable: bool,
    /// What it demands.
    pub verb: Verb,
    /// Where it stands in the policy file.
    pub place: Place,
}

/// What a rule demands.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Nobody of these calls anybody of those.
    Forbid(Forbid),
    /// Only some call a service.
    Callers(Callers),
    /// Calls go through a service in between.
    Require(Require),
    /// Callers stop asking what is down.
    RequireBreaker(RequireBreaker),
    /// Calls go down the layers.
    Layers(Layers),
    /// Groups of services do not call each other.
    Independent(Independent),
    /// Calls do not go round in circles.
    Acyclic(Acyclic),
    /// Nobody is at the centre of too much.
    Hubs(Hubs),
    /// Chains of calls are short.
    Depth(Depth),
    /// Timeouts of callers outlast those of what they call.
    Timeouts(Timeouts),
    /// Retries are few and do not multiply.
    Retries(Retries),
    /// Entry points keep what is asked of them.
    SloKept(SloKept),
    /// No service takes too much with it.
    Spof(Spof),
    /// What matters does not depend on what matters less.
    CriticalityOrder(CriticalityOrder),
    /// Calls stay where they are.
    Zones(Zones),
    /// Nothing succeeds that its caller gave up.
    Phantoms(Phantoms),
    /// New edges are approved.
    NewEdges(NewEdges),
    /// A number keeps within bounds.
    Limit(Limit),
    /// A number does not get much worse than in the baseline.
    Growth(Growth),
}

/// `forbid`: no edge from one of these to one of those.
#[derive(Clone, Debug, PartialEq)]
pub struct Forbid {
    /// The edges.
    pub edges: EdgeSelector,
    /// Whether a path is forbidden too, through whatever lies between.
    pub transitive: bool,
    /// Which edges count.
    pub mode: EdgeMode,
    /// Edges that are allowed all the same.
    pub except: Vec<EdgeSelector>,
}

/// `callers`: nobody but these calls the services.
#[derive(Clone, Debug, PartialEq)]
pub struct Callers {
    /// The services called.
    pub of: Selector,
    /// Who may call them.
    pub only: Selector,
}

/// `require`: whoever calls one of those goes through a service in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// The edges that must not be direct.
    pub edges: EdgeSelector,
    /// The service in between.
    pub via: Selector,
}

/// `require_breaker`: who calls one of these stops asking while it is down.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireBreaker {
    /// The edges; at least one.
    pub edges: Vec<EdgeSelector>,
}

/// What to do about a call past the next layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// It is allowed.
    #[default]
    Allow,
    /// It is not.
    Forbid,
}

impl Skip {
    /// Both, by their names.
    pub const NAMES: &'static [(&'static str, Skip)] =
        &[("allow", Skip::Allow), ("forbid", Skip::Forbid)];
}

/// `layers`: calls go from a layer to the same or a lower one.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// The tag whose value is the layer.
    pub by: String,
    /// The layers from the top to the bottom, each once.
    pub order: Vec<String>,
    /// Whether a call may pass over a layer.
    pub skip: Skip,
    /// How loudly to speak of services without a layer.
    pub unassigned: Severity,
    /// Edges that are allowed all the same.
    pub except: Vec<EdgeSelector>,
}

/// `independent`: no call from one group to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Independent {
    /// The tag whose value is the group.
    pub by: String,
    /// Services that all groups may call.
    pub except: Selector,
}

/// `acyclic`: no cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct Acyclic {
    /// Which edges count.
    pub mode: EdgeMode,
    /// Among which services; all unless given.
    pub among: Selector,
}

/// `hubs`: limits on what hangs on one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Hubs {
    /// Most callers.
    pub max_callers: Option<u64>,
    /// Most callees.
    pub max_callees: Option<u64>,
    /// Largest share of the requests that pass through it.
    pub max_traffic_share: Option<Ratio>,
    /// Services without these limits.
    pub except: Selector,
}

/// `depth`: the longest chain of calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Depth {
    /// The limit for entry points without their own.
    pub max: Option<u64>,
    /// Which edges count.
    pub mode: EdgeMode,
    /// Limits by the name of the entry point, in the order of the file.
    pub per_entrypoint: Vec<(String, u64)>,
}

/// `timeouts`: budgets that hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// Whether the timeout of a caller must outlast all attempts and pauses of each call it makes.
    pub nested: bool,
    /// What part of the caller's timeout must be left over, below 100 %.
    pub headroom: Ratio,
    /// Longest timeouts on some edges.
    pub edges: Vec<TimeoutLimit>,
}

/// The longest timeout on some edges.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeoutLimit {
    /// The edges.
    pub edges: EdgeSelector,
    /// The longest timeout.
    pub max: Duration,
}

/// `retries`: few, and at one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Retries {
    /// Most attempts of one call, the first included.
    pub max_attempts: Option<u64>,
    /// Most retries as a share of the calls.
    pub max_rate: Option<Ratio>,
    /// Most attempts that one request can cause at one service, over all layers.
    pub max_amplification: Option<f64>,
    /// Whether only one layer of a path may retry.
    pub one_layer_only: bool,
}

/// `slo`: what entry points are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SloKept {
    /// Which entry points, by name.
    pub entrypoints: Vec<Pattern>,
    /// Largest share of the time asked for that a single edge may take.
    pub edge_share: Option<Ratio>,
}

/// `spof`: how much one service may take with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spof {
    /// Largest share of the requests that may fail with one service.
    pub max_blast_radius: Option<Ratio>,
    /// Entry points, by name, that must not hang on a single service other than their own.
    pub critical_entrypoints: Vec<String>,
    /// Services without these limits.
    pub except: Selector,
}

/// `criticality`: hard dependencies that must not be.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalityOrder {
    /// Caller and callee.
    pub forbid_hard: Vec<(Criticality, Criticality)>,
}

/// `zones`: calls stay in their zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Zones {
    /// The tag whose value is the zone.
    pub by: String,
    /// Largest share of the calls of an edge that may leave their zone; zero for `forbid`.
    pub cross: Ratio,
    /// Edges that may cross.
    pub except: Vec<EdgeSelector>,
}

/// `phantoms`: operations that succeeded after their caller gave up.
#[derive(Clone, Debug, PartialEq)]
pub struct Phantoms {
    /// Most of them in ten thousand calls.
    pub max_per_10k: f64,
}

/// `new_edges`: edges that the baseline does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEdges {
    /// The file whose `accept` lines approve them.
    pub approve_in: String,
    /// Edges that need no approval.
    pub except: Vec<EdgeSelector>,
}

/// What a number is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// The whole system.
    System,
    /// Each of these services.
    Services(Selector),
    /// Each of these edges.
    Edges(EdgeSelector),
}

/// `limit`: bounds of any number of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The number, as in the JSON report.
    pub metric: String,
    /// What it is about.
    pub scope: Scope,
    /// Its bounds.
    pub bounds: Bounds,
}

/// `growth`: how much worse than in the baseline any number of the report may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// The number, as in the JSON report.
    pub metric: String,
    /// What it is about.
    pub scope: Scope,
    /// Which way it gets better; `lower` unless given.
    pub better: Better,
    /// How much worse it may be.
    pub max: Change,
}
