//! Waivers: named exceptions with a reason, an owner and an end.

use jiff::civil::Date;

use crate::policy::Place;
use crate::policy::selector::{EdgeSelector, Selector};
use crate::policy::value::Severity;

/// The section `waiver_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaiverPolicy {
    /// Most days from today to the end of a waiver; 180 unless given.
    pub max_days: u64,
    /// Days before its end from which a waiver is spoken of; 14 unless given.
    pub warn_before_days: u64,
    /// How loudly to speak of a waiver that nothing needs; `warn` unless given.
    pub unused: Severity,
}

impl Default for WaiverPolicy {
    fn default() -> WaiverPolicy {
        WaiverPolicy {
            max_days: 180,
            warn_before_days: 14,
            unused: Severity::Warn,
        }
    }
}

/// What a waiver is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Waived {
    /// Everything the rule objects to.
    Everything,
    /// What concerns these services.
    Services(Selector),
    /// What concerns these edges.
    Edges(EdgeSelector),
    /// What concerns the entry point of this name.
    Entrypoint(String),
}

/// An entry of the section `waivers`.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// The id of the rule; a limit of `metrics` is `metrics.<name>`, one of `network_health_metrics` likewise.
    pub rule: String,
    /// What is excepted from it.
    pub waived: Waived,
    /// Why; never empty.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day it holds.
    pub expires: Date,
    /// Where it stands in the policy file.
    pub place: Place,
}
