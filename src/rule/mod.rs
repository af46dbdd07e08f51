//! Rules: what of a report a policy objects to.
//!
//! Rules judge the report, which is plain data: they read no spans and measure nothing but paths and components of the
//! graph that the report draws. A rule says what is wrong; the policy says how loudly. What cannot be told is unknown, with
//! what is missing, and never passes for fine.
//!
//! There is no clock here: the date that waivers are held against comes from the caller. Two runs on the same day give
//! the same verdict.
//!
//! To add a verb, write `src/rule/<verb>.rs`, name it in [`RULES`] and in `judge_verb`, and explain it in
//! `src/explain/rules.rs`.

pub mod lock;

pub mod baseline;

pub mod starter;

pub mod places;

mod case;

mod driver;

mod waivers;

mod gates;

mod acyclic;

mod callers;

mod criticality;

mod depth;

mod forbid;

mod growth;

mod hubs;

mod independent;

mod layers;

mod limit;

mod new_edges;

mod phantoms;

mod require;

mod require_breaker;

mod retries;

mod slo;

mod spof;

mod timeouts;

mod zones;

#[cfg(test)]
mod tests;

use crate::policy::rule::Verb;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found};

pub use driver::{Judging, judge};
pub use gates::ratcheted;

/// A verb of the policy.
#[derive(Debug)]
pub struct RuleKind {
    /// The verb.
    pub name: &'static str,
    /// What it demands, one line.
    pub about: &'static str,
    /// What a baseline must hold to tell whether it had a violation already.
    pub needs: Extent,
    /// How to fix what it objects to, one sentence.
    pub fix: &'static str,
}

impl RuleKind {
    /// Returns the name under which it is explained.
    pub fn explain(&self) -> String {
        format!("rules.{}", self.name)
    }
}

/// Every verb, by name.
pub static RULES: &[&RuleKind] = &[
    &acyclic::ACYCLIC,
    &callers::CALLERS,
    &criticality::CRITICALITY,
    &depth::DEPTH,
    &forbid::FORBID,
    &growth::GROWTH,
    &hubs::HUBS,
    &independent::INDEPENDENT,
    &layers::LAYERS,
    &limit::LIMIT,
    &gates::METRICS,
    &gates::NETWORK_HEALTH_METRICS,
    &new_edges::NEW_EDGES,
    &phantoms::PHANTOMS,
    &require::REQUIRE,
    &require_breaker::REQUIRE_BREAKER,
    &retries::RETRIES,
    &slo::SLO,
    &spof::SPOF,
    &timeouts::TIMEOUTS,
    &waivers::WAIVERS,
    &zones::ZONES,
];

/// Returns which verb a rule has, and what it found.
fn judge_verb(verb: &Verb, case: &Case<'_>) -> (&'static RuleKind, Found) {
    match verb {
        Verb::Forbid(of) => (&forbid::FORBID, forbid::judge(of, case)),
        Verb::Callers(of) => (&callers::CALLERS, callers::judge(of, case)),
        Verb::Require(of) => (&require::REQUIRE, require::judge(of, case)),
        Verb::RequireBreaker(of) => (
            &require_breaker::REQUIRE_BREAKER,
            require_breaker::judge(of, case),
        ),
        Verb::Layers(of) => (&layers::LAYERS, layers::judge(of, case)),
        Verb::Independent(of) => (&independent::INDEPENDENT, independent::judge(of, case)),
        Verb::Acyclic(of) => (&acyclic::ACYCLIC, acyclic::judge(of, case)),
        Verb::Hubs(of) => (&hubs::HUBS, hubs::judge(of, case)),
        Verb::Depth(of) => (&depth::DEPTH, depth::judge(of, case)),
        Verb::Timeouts(of) => (&timeouts::TIMEOUTS, timeouts::judge(of, case)),
        Verb::Retries(of) => (&retries::RETRIES, retries::judge(of, case)),
        Verb::SloKept(of) => (&slo::SLO, slo::judge(of, case)),
        Verb::Spof(of) => (&spof::SPOF, spof::judge(of, case)),
        Verb::CriticalityOrder(of) => (&criticality::CRITICALITY, criticality::judge(of, case)),
        Verb::Zones(of) => (&zones::ZONES, zones::judge(of, case)),
        Verb::Phantoms(of) => (&phantoms::PHANTOMS, phantoms::judge(of, case)),
        Verb::NewEdges(of) => (&new_edges::NEW_EDGES, new_edges::judge(of, case)),
        Verb::Limit(of) => (&limit::LIMIT, limit::judge(of, case)),
        Verb::Growth(of) => (&growth::GROWTH, growth::judge(of, case)),
    }
}
