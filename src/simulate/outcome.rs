//! What is told of a change: plain data.

use crate::text;

/// What a change does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulation {
    /// The changes, as they were asked for.
    pub changes: Vec<String>,
    /// Draws for each entry point.
    pub runs: u64,
    /// The seed of the draws.
    pub seed: u64,
    /// Whether anything was drawn: without, all shares are exact.
    pub drawn: bool,
    /// Requests whose shapes were gone through.
    pub requests: u64,
    /// Requests whose shapes were not kept.
    pub missing: u64,
    /// All entry points together.
    pub all: Success,
    /// Entry points, those that lose most requests first.
    pub entries: Vec<EntryChange>,
    /// Services, those whose answers change most first.
    pub services: Vec<ServiceChange>,
    /// Calls, those that change most first.
    pub edges: Vec<EdgeChange>,
    /// What is taken for granted.
    pub assumptions: Vec<Assumption>,
    /// What could not be told, and what would tell it.
    pub untold: Vec<String>,
    /// Single changes that would help, the best first.
    pub helps: Vec<Help>,
    /// Single changes that were tried.
    pub tried: u64,
}

/// The least and the most that something may be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Range {
    /// Returns the range of two bounds, whichever is smaller.
    pub(super) fn of([one, other]: [f64; 2]) -> Range {
        Range {
            low: one.min(other),
            high: one.max(other),
        }
    }

    /// Returns whether both ends print the same as a percentage.
    pub fn is_one(self) -> bool {
        text::percent(self.low) == text::percent(self.high)
    }
}

/// How many requests succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Success {
    /// The share that succeeded.
    pub before: f64,
    /// The share that succeeds, with unknown dependencies taken as hard and as soft.
    pub after: Range,
    /// The 95 % interval around these: what as many other requests, and other draws, would show.
    pub interval: Range,
}

impl Success {
    /// Returns the share of requests that succeeded and would not.
    pub fn lost(&self) -> Range {
        Range {
            low: (self.before - self.after.high).max(0.0),
            high: (self.before - self.after.low).max(0.0),
        }
    }
}

/// What becomes of the requests of an entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryChange {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// `request`, `message` or `job`.
    pub kind: &'static str,
    /// Requests that were seen, weighted.
    pub requests: f64,
    /// How much a request counts against those of other entry points, if that is not once.
    pub weight: Option<f64>,
    /// How many times as many enter.
    pub load: f64,
    /// How many succeed.
    pub success: Success,
    /// How long requests took, if that is known.
    pub before: Option<Latency>,
    /// How long those take that succeed, if any do.
    pub after: Option<Latency>,
}

/// Quantiles of durations in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// The median.
    pub p50: Spread,
    /// The 95th percentile.
    pub p95: Spread,
    /// The 99th percentile.
    pub p99: Spread,
}

/// A duration in nanoseconds with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The least it may be.
    pub low: u64,
    /// What it is, of two that unknown dependencies allow the longer.
    pub value: u64,
    /// The most it may be.
    pub high: u64,
}

/// What becomes of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceChange {
    /// The service.
    pub service: String,
    /// Attempts to reach it, per attempt that was seen.
    pub load: Range,
    /// Attempts per second that arrived, if the traces are long enough.
    pub rate_before: Option<f64>,
    /// The share of calls to it that failed.
    pub failed_before: f64,
    /// The share of calls to it that fail.
    pub failed_after: Range,
    /// What arrives as a share of what it can take, if that is declared.
    pub utilisation: Option<Range>,
}

/// What becomes of the calls from one service to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeChange {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// Attempts that were seen, weighted.
    pub attempts_before: f64,
    /// Attempts.
    pub attempts_after: Range,
    /// Attempts per call.
    pub per_call: Range,
    /// The share of calls that failed, all attempts made.
    pub failed_before: f64,
    /// The share of calls that fail, all attempts made.
    pub failed_after: Range,
}

/// Something taken for granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumption {
    /// What.
    pub text: String,
    /// How many edges it concerns, if it is about edges.
    pub edges: Option<u64>,
}

/// A single change that would help.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    /// What to change.
    pub text: String,
    /// The share of all requests that it saves.
    pub saved: Range,
    /// The share of all attempts that it spares; below zero if it costs some.
    pub spared: f64,
    /// By how many nanoseconds the p99 of the entry point that gains most gets shorter, and which that is.
    pub faster: Option<(u64, String)>,
}
