//! What every caller saw of every callee over time, and how busy every service was: two tables that several passes read.
//!
//! Both have bins of 10 s, which become wider when there is more than fits; passes say so. [`CALLS`] counts attempts by who
//! made them, [`SERVED`] the requests that instances worked on. [`circuit_breakers`](super::trace::circuit_breakers) fills both,
//! [`common_cause`](super::trace::common_cause), [`concurrency`](super::trace::concurrency) and [`metastability`](super::trace::metastability) read
//! them.

use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Attempt, Known, Request};
use crate::model::names::{ABSENT, NameId};
use crate::model::span::{Flags, Outcome};
use crate::pass::trace::log2;

/// Width of the bins, unless there are too many.
pub(in crate::pass) const BIN: u64 = 10_000_000_000;

/// By caller, callee and calling instance: attempts over time.
pub(in crate::pass) const CALLS: TableOf = TableOf {
    name: "outages-calls",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Text, Part::Unused],
        bin: BIN,
        limit: 1 << 15,
        group: 3,
    },
};

/// By service and instance: requests and messages worked on over time.
pub(in crate::pass) const SERVED: TableOf = TableOf {
    name: "outages-served",
    layout: Layout {
        parts: [Part::Node, Part::Text, Part::Unused, Part::Unused],
        bin: BIN,
        limit: 1 << 15,
        group: 2,
    },
};

/// Sums of [`CALLS`]. Attempts, first attempts, failed attempts, and those of them that nobody was seen working on.
pub(in crate::pass) const ATTEMPTS: usize = 0;
pub(in crate::pass) const FIRSTS: usize = 1;
pub(in crate::pass) const FAILED: usize = 2;
pub(in crate::pass) const UNSERVED: usize = 3;
/// Nanoseconds of failed attempts, and those that say that a breaker is open. The most of the record is the longest
/// attempt that timed out.
pub(in crate::pass) const FAILED_NS: usize = 4;
pub(in crate::pass) const REJECTED: usize = 5;
/// Attempts with a duration, and the sum of the logarithms of those.
pub(in crate::pass) const TIMED: usize = 6;
pub(in crate::pass) const LOGS: usize = 7;

/// Sums of [`SERVED`]. Requests, and those that failed though nothing they asked for had failed.
pub(in crate::pass) const REQUESTS: usize = 0;
pub(in crate::pass) const ORIGINS: usize = 1;
/// Requests that asked for something, and the nanoseconds until they first did.
pub(in crate::pass) const ASKING: usize = 2;
pub(in crate::pass) const UNTIL_ASKED_NS: usize = 3;

/// What instances are known by: their own name, or else their host.
fn instance(known: &Known<'_>, resource: u32) -> NameId {
    let resource = known.resource(resource);
    match resource.instance {
        ABSENT => resource.host,
        instance => instance,
    }
}

/// Returns who calls whom from where, as the parts of a key of [`CALLS`].
pub(in crate::pass) fn pool(attempt: &Attempt, known: &Known<'_>) -> [u32; 4] {
    let instance = instance(known, attempt.client);
    [attempt.from, attempt.to, instance, 0]
}

/// Adds attempts to [`CALLS`].
pub(in crate::pass) fn add_attempts(attempts: &[Attempt], known: &Known<'_>, calls: &mut Table) {
    let ns = |attempt: &Attempt| attempt.duration().filter(|_| attempt.sync);
    let place = |attempt: &Attempt| {
        ns(attempt)?;
        Some((pool(attempt, known), attempt.start))
    };
    calls.for_each(known.catalogue, attempts, place, |attempt, record| {
        let ns = ns(attempt).unwrap_or(0);
        record.add(ATTEMPTS, 1);
        record.add(FIRSTS, u64::from(attempt.first));
        record.add(TIMED, 1);
        record.add(LOGS, log2(ns));
        if !attempt.lone || !attempt.outcome.failed() {
            return;
        }
        let is_unserved = attempt.server().is_none();
        record.add(FAILED, 1);
        record.add(FAILED_NS, ns);
        record.add(UNSERVED, u64::from(is_unserved));
        if attempt.outcome == Outcome::Timeout {
            record.offer(ns);
        }
        if is_unserved && says_open(known.catalogue.text(known.detail(attempt.detail).error)) {
            record.add(REJECTED, 1);
        }
        record.exemplars.offer(attempt.exemplar);
    });
}

/// Adds requests to [`SERVED`].
pub(in crate::pass) fn add_requests(requests: &[Request], known: &Known<'_>, served: &mut Table) {
    let place = |request: &Request| {
        let is_counted = !request.flags.has(Flags::HEALTH) && request.duration().is_some();
        let parts = [request.node, instance(known, request.resource), 0, 0];
        is_counted.then_some((parts, request.start))
    };
    served.for_each(known.catalogue, requests, place, |request, record| {
        record.add(REQUESTS, 1);
        if request.origin {
            record.add(ORIGINS, 1);
            record.exemplars.offer(request.exemplar);
        }
        if let Some(ns) = request.until_asked() {
            record.add(ASKING, 1);
            record.add(UNTIL_ASKED_NS, ns);
        }
    });
}

/// Returns whether an error says that a circuit breaker did not let the call through, in the words of common libraries.
fn says_open(error: &str) -> bool {
    // resilience4j; Polly; Spring, MicroProfile and opossum; gobreaker; the response flag of Envoy.
    const WORDS: [&str; 5] = [
        "CallNotPermitted",
        "BrokenCircuit",
        "CircuitBreakerOpen",
        "ErrOpenState",
        "EOPENBREAKER",
    ];
    error == "UO"
        || error == "circuit breaker is open"
        || WORDS.iter().any(|word| error.contains(word))
}
