//! The policy: what a team demands of its system, as `topple.yaml` says it.
//!
//! Plain data with the meaning of every key, and the reader that makes it from the file. A policy is whole or it is refused:
//! [`read()`] reports all mistakes at once, each with its place. It knows no spans, no graph and no verdict; it says what a
//! selector matches and what a query is worth, and leaves to others whether that is fine. Files are opened in
//! [`crate::input`].
//!
//! To add a key, name it in the tables of [`shape`], from which unknown keys, suggestions and the JSON Schema follow, and
//! read it in [`mod@read`].

pub mod value;

pub mod selector;

pub mod services;

pub mod calls;

pub mod query;

pub mod gate;

pub mod rule;

pub mod waiver;

pub mod facts;

pub mod shape;

pub mod read;

pub mod schema;

mod yaml;

use std::fmt;
use std::time::Duration;

use crate::policy::calls::{Calls, Entrypoint};
use crate::policy::gate::{Gate, HealthMetric};
use crate::policy::rule::Rule;
use crate::policy::selector::{OperationSelector, Selector};
use crate::policy::services::Services;
use crate::policy::value::{Ratio, Severity};
use crate::policy::waiver::{Waiver, WaiverPolicy};

pub use crate::policy::read::{Mistake, Vocabulary, read};

/// The name of the policy file.
pub const FILE_NAME: &str = "topple.yaml";

/// A place in the policy file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Everything the policy file says. The default is that of a file that says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// How much proof a rule needs.
    pub evidence: Evidence,
    /// What services are.
    pub services: Services,
    /// What is asked of entry points, in the order of the file.
    pub entrypoints: Vec<Entrypoint>,
    /// Declared timeouts and retries.
    pub calls: Calls,
    /// Groups of services of which one is enough.
    pub redundancy: Vec<Selector>,
    /// Operations that may be repeated.
    pub idempotent: Vec<OperationSelector>,
    /// Operations that need not be done before the answer.
    pub deferrable: Vec<OperationSelector>,
    /// Operations and what undoes them.
    pub sagas: Vec<Saga>,
    /// What parts of requests may take of their time.
    pub stages: Vec<Stage>,
    /// Limits on numbers about the whole system.
    pub metrics: Vec<Gate>,
    /// Limits on queries.
    pub network_health_metrics: Vec<HealthMetric>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// What waivers may be like.
    pub waiver_policy: WaiverPolicy,
    /// Exceptions from rules.
    pub waivers: Vec<Waiver>,
}

impl Policy {
    /// Returns whether there is anything to judge by.
    pub fn judges(&self) -> bool {
        !(self.rules.is_empty()
            && self.metrics.is_empty()
            && self.network_health_metrics.is_empty())
    }
}

/// The section `evidence`: traces are samples, and this is how much proof a rule needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Fewest traces to judge anything; 1 unless given.
    pub min_traces: u64,
    /// Fewest calls of an edge or a service to judge its rates and times; 20 unless given.
    pub min_calls: u64,
    /// How sure a rate must be past its limit, above 50 % and below 100 %; 95 % unless given.
    pub confidence: Ratio,
    /// How loudly to speak of what cannot be told; `warn` unless given.
    pub on_unknown: Severity,
    /// How the traces were chosen; `head` unless given.
    pub sampling: Sampling,
}

impl Default for Evidence {
    fn default() -> Evidence {
        Evidence {
            min_traces: 1,
            min_calls: 20,
            confidence: Ratio::percent(95.0).expect("95 % is a percentage"),
            on_unknown: Severity::Warn,
            sampling: Sampling::Head,
        }
    }
}

/// How traces were chosen among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// They were not: these are all traces.
    None,
    /// When they began, whatever became of them: rates are those of all traces.
    Head,
    /// When they were over, by what became of them: rates are not those of all traces.
    Tail,
}

impl Sampling {
    /// Every way, by its name.
    pub const NAMES: &'static [(&'static str, Sampling)] = &[
        ("none", Sampling::None),
        ("head", Sampling::Head),
        ("tail", Sampling::Tail),
    ];
}

/// An entry of the section `stages`: how much of the time of requests some operations may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The entry points.
    pub entry: OperationSelector,
    /// The operations, of which the time on the critical path counts.
    pub of: OperationSelector,
    /// The most they may take on average.
    pub mean: Option<Duration>,
    /// The longest 99th percentile of their sum by request.
    pub p99: Option<Duration>,
}

/// An entry of the section `sagas`.
#[derive(Clone, Debug, PartialEq)]
pub struct Saga {
    /// What is done.
    pub action: OperationSelector,
    /// What undoes it.
    pub compensation: OperationSelector,
    /// How soon after a failure it has to be undone.
    pub within: Option<Duration>,
}
