//! Shows the traces of one thread to the passes that look at them.
//!
//! Some passes look at whole traces, others at the attempts or the requests of many traces, collected and put in the order of
//! what they are counted in.

use crate::fold::attempt::{Attempt, Request};
use crate::fold::log::Log;
use crate::fold::shared::Shared;
use crate::fold::watch::Seen;
use crate::trace::NONE;

/// Traces shown at a time, few enough to stay in a cache while all passes look at them.
const SHOWN: usize = 96;

/// Attempts or requests collected before they are shown, by all threads together: 6 MB of the larger kind.
const BATCH: usize = 1 << 16;

/// What a thread collects at least, however many there are; one alone collects as if there were two.
const LEAST: usize = 1 << 12;

/// What is collected for the passes.
#[derive(Debug)]
pub(super) struct Watching {
    attempts: Log<Attempt>,
    requests: Log<Request>,
    /// How many are collected before they are shown.
    batch: usize,
}

impl Watching {
    /// Returns room for one of as many threads as the pool has.
    pub(super) fn new() -> Watching {
        Watching {
            attempts: Log::default(),
            requests: Log::default(),
            batch: (BATCH / rayon::current_num_threads().max(2)).max(LEAST),
        }
    }

    /// Shows traces to every pass.
    pub(super) fn look(&mut self, traces: &[Seen<'_>], shared: &Shared<'_>) {
        let [wants_requests, wants_attempts] = [
            shared.looks(|watcher| watcher.requests.is_some()),
            shared.looks(|watcher| watcher.attempts.is_some()),
        ];
        for seen in traces {
            // Span by span first: what attempts look at is near then.
            if wants_requests {
                collect_requests(seen, &mut self.requests);
            }
            if wants_attempts {
                collect_attempts(seen, &mut self.attempts);
            }
        }
        for some in traces.chunks(SHOWN) {
            shared.show_traces(some);
        }
        if self.attempts.len() >= self.batch {
            self.attempts.show(|some| shared.show_attempts(some));
        }
        if self.requests.len() >= self.batch {
            self.requests.show(|some| shared.show_requests(some));
        }
    }

    /// Shows what was collected.
    pub(super) fn finish(&mut self, shared: &Shared<'_>) {
        self.attempts.show(|some| shared.show_attempts(some));
        self.requests.show(|some| shared.show_requests(some));
    }
}

/// Takes the attempts of a trace into a log.
fn collect_attempts(seen: &Seen<'_>, attempts: &mut Log<Attempt>) {
    let mut before = NONE;
    for (number, call) in (0u32..).zip(seen.linked.calls) {
        if call.client != NONE {
            let attempt = Attempt::of(seen, number, call, before);
            attempts.push(attempt.key(), attempt);
            if call.sync {
                before = call.client;
            }
        }
    }
}

/// Takes the requests that the spans of a trace worked on into a log.
fn collect_requests(seen: &Seen<'_>, requests: &mut Log<Request>) {
    for span in 0..seen.trace.spans.len() as u32 {
        if let Some(request) = Request::of(seen, span) {
            requests.push(request.key(), request);
        }
    }
}
