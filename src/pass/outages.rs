//! What every caller saw of every callee over time, and how busy every service was: two tables that several passes read.
//!
//! Both have bins of 10 s, which become wider when there is more than fits; passes say so. [`CALLS`] counts attempts by who
//! made them, [`SERVED`] the requests that instances worked on. [`circuit_breakers`](super::trace::circuit_breakers) fills both,
//! [`common_cause`](super::trace::common_cause), [`concurrency`](super::trace::concurrency) and [`metastability`](super::trace::metastability) read
//! them.

use crate::fold::Seen;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::model::names::{ABSENT, NameId};
use crate::model::span::{Flags, Kind, Outcome};
use crate::pass::trace::log2;
use crate::trace::NONE;
use crate::trace::link::Call;

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

/// How far below a request a failed call is looked for.
const DEPTH: u32 = 32;

/// What instances are known by: their own name, or else their host.
pub(in crate::pass) fn instance(seen: &Seen<'_>, span: u32) -> NameId {
    let resource = seen.resource(span);
    match resource.instance {
        ABSENT => resource.host,
        instance => instance,
    }
}

/// Returns who calls whom from where, as the parts of a key of [`CALLS`].
pub(in crate::pass) fn pool(seen: &Seen<'_>, call: &Call) -> [u32; 4] {
    let (from, to) = (seen.end(call.from), seen.end(call.to));
    [from, to, instance(seen, call.client), 0]
}

/// Adds a trace to [`CALLS`] and [`SERVED`].
pub(in crate::pass) fn observe(seen: &Seen<'_>, calls: &mut Table, served: &mut Table) {
    for (_, call) in seen.sync_calls() {
        calls.fetch(pool(seen, call), seen.row(call.client).start);
    }
    for (number, call) in seen.sync_calls() {
        let Some((start, end)) = seen.times(call.client) else {
            continue;
        };
        let record = calls.at(seen.catalogue, pool(seen, call), start);
        record.add(ATTEMPTS, 1);
        record.add(FIRSTS, u64::from(call.first == number));
        record.add(TIMED, 1);
        record.add(LOGS, log2(end - start));
        let outcome = seen.outcome(call.client);
        if !call.lone || !outcome.failed() {
            continue;
        }
        record.add(FAILED, 1);
        record.add(FAILED_NS, end - start);
        record.add(UNSERVED, u64::from(call.server == NONE));
        if outcome == Outcome::Timeout {
            record.offer(end - start);
        }
        let error = seen.catalogue.text(seen.detail(call.client).error);
        if call.server == NONE && says_open(error) {
            record.add(REJECTED, 1);
        }
        record.exemplars.offer(seen.exemplar(call.client));
    }
    let requests = || {
        let spans = (0..).zip(seen.trace.spans);
        spans.filter(|(_, row)| {
            let is_request = matches!(row.flags.kind(), Kind::Server | Kind::Consumer);
            is_request && !row.flags.has(Flags::HEALTH)
        })
    };
    let server = |span: u32| [seen.node(span), instance(seen, span), 0, 0];
    for (span, row) in requests() {
        served.fetch(server(span), row.start);
    }
    for (span, row) in requests() {
        let Some((start, _)) = seen.times(span) else {
            continue;
        };
        let record = served.at(seen.catalogue, server(span), start);
        record.add(REQUESTS, 1);
        if row.flags.outcome().failed() && !has_failed_call(seen, span, DEPTH) {
            record.add(ORIGINS, 1);
            record.exemplars.offer(seen.exemplar(span));
        }
        let children = seen.trace.children(span).iter();
        let own = children.filter(|&&child| seen.row(child).resource == row.resource);
        let asked = own
            .filter_map(|&child| seen.times(child))
            .map(|times| times.0);
        if let Some(asked) = asked.min() {
            record.add(ASKING, 1);
            record.add(UNTIL_ASKED_NS, asked.saturating_sub(start));
        }
    }
}

/// Returns whether a calling span below a request failed, through spans of the same service.
fn has_failed_call(seen: &Seen<'_>, span: u32, depth: u32) -> bool {
    seen.trace.children(span).iter().any(|&child| {
        let flags = seen.row(child).flags;
        match flags.kind() {
            Kind::Client | Kind::Producer => flags.outcome().failed(),
            Kind::Internal | Kind::Unspecified => {
                depth > 0 && has_failed_call(seen, child, depth - 1)
            }
            Kind::Server | Kind::Consumer => false,
        }
    })
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
