//! Which attempts belong to one logical call.
//!
//! Attempts are compared when one span makes them to one target with one operation, or when they lie inside one
//! outer CLIENT span. The target is the service that answered; an attempt that nobody answered counts as one to the
//! service that answered, in the same trace, where it was aimed. In the order of their starts, each either begins a
//! logical call or repeats the one before it (see [`Retry`]). A repeat after a redirect or a request for credentials,
//! and one the transport made by itself, belongs to the call but is no retry.

use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Outcome};
use crate::trace::link::{Call, End, Retry};
use crate::trace::{NONE, Trace};

/// The longest pause between an attempt and the next that still looks like one logical call.
pub const MAX_BACKOFF_NS: u64 = 60_000_000_000;

/// Whose attempt: a root CLIENT's own, or that of the span above or of the outer CLIENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Client(u32),
    Parent(u32),
    Outer(u32),
}

/// At what an attempt is aimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Users,
    Service(u32),
    Peer { name: u32, address: u32 },
}

/// An attempt in the order in which attempts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    owner: Owner,
    from: End,
    target: Target,
    operation: u32,
    start: u64,
    client: u32,
    served: u64,
    server: u32,
    call: u32,
}

impl Attempt {
    fn is_beside(&self, other: &Attempt) -> bool {
        (self.owner, self.from, self.target, self.operation)
            == (other.owner, other.from, other.target, other.operation)
    }
}

/// Finds which attempts belong together; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub(in crate::trace::link) struct Attempts {
    list: Vec<Attempt>,
    /// Who answered where, in traces where an attempt may have been repeated somewhere that answers.
    answers: Vec<((u32, u32), u32)>,
}

impl Attempts {
    /// Says of every synchronous call whether it begins a logical call and whether it is the last attempt of one.
    pub(in crate::trace::link) fn group(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        outer: &[u32],
        calls: &mut [Call],
    ) {
        self.learn(trace, dictionary, calls);
        self.list.clear();
        for (at, call) in calls.iter().enumerate() {
            if call.client == NONE || !call.sync {
                continue;
            }
            let client = call.client as usize;
            let row = &trace.spans[client];
            let owner = match (outer[client], trace.parents[client]) {
                (NONE, NONE) => Owner::Client(call.client),
                (NONE, parent) => Owner::Parent(parent),
                (outer, _) => Owner::Outer(outer),
            };
            self.list.push(Attempt {
                owner,
                from: call.from,
                target: self.target(dictionary, call.to),
                operation: if outer[client] == NONE {
                    row.operation
                } else {
                    ABSENT
                },
                start: row.start,
                client: call.client,
                served: if call.server == NONE {
                    0
                } else {
                    trace.spans[call.server as usize].start
                },
                server: call.server,
                call: at as u32,
            });
        }
        for (at, call) in calls.iter_mut().enumerate() {
            call.first = at as u32;
        }
        self.list.sort_unstable();
        for pair in self.list.windows(2) {
            let (before, attempt) = (&pair[0], &pair[1]);
            if attempt.is_beside(before) {
                let retry = repeat(trace, before, attempt);
                calls[attempt.call as usize].retry = retry;
                calls[before.call as usize].last = retry == Retry::First;
                if retry != Retry::First {
                    calls[attempt.call as usize].first = calls[before.call as usize].first;
                }
            }
        }
        for attempt in &self.list {
            let call = &mut calls[attempt.call as usize];
            let is_marked = trace.spans[attempt.client as usize].flags.resend() > 0;
            let stands_alone = call.retry == Retry::First;
            if stands_alone && is_marked {
                // What it repeats is in another trace, or was not recorded.
                call.retry = Retry::Marked;
            }
        }
    }

    /// Learns which service answered where, if some attempt failed without an answer in a way that callers repeat.
    fn learn(&mut self, trace: &Trace<'_>, dictionary: &Dictionary, calls: &[Call]) {
        self.answers.clear();
        let outcome = |call: &Call| trace.spans[call.client as usize].flags.outcome();
        let is_lost = |call: &Call| {
            matches!(call.to, End::Peer(_)) && call.client != NONE && outcome(call).retryable()
        };
        if !calls.iter().any(is_lost) {
            return;
        }
        for call in calls {
            if let End::Service(service) = call.to
                && call.client != NONE
            {
                let detail = &dictionary.details[trace.spans[call.client as usize].detail as usize];
                if detail.peer != ABSENT {
                    self.answers.push(((detail.peer, detail.address), service));
                }
            }
        }
        self.answers.sort_unstable();
        self.answers.dedup();
    }

    fn target(&self, dictionary: &Dictionary, to: End) -> Target {
        let detail = match to {
            End::Users => return Target::Users,
            End::Service(service) => return Target::Service(service),
            End::Peer(detail) => &dictionary.details[detail as usize],
        };
        let (name, address) = (detail.peer, detail.address);
        let from = self
            .answers
            .partition_point(|known| known.0 < (name, address));
        let mut known = self.answers[from..]
            .iter()
            .take_while(|known| known.0 == (name, address));
        match (known.next(), known.next()) {
            (Some((_, service)), None) => Target::Service(*service),
            (_, _) => Target::Peer { name, address },
        }
    }
}

/// Returns whether an attempt repeats the one before it, and why it does.
fn repeat(trace: &Trace<'_>, before: &Attempt, attempt: &Attempt) -> Retry {
    let (earlier, row) = (
        &trace.spans[before.client as usize],
        &trace.spans[attempt.client as usize],
    );
    if before.client == attempt.client {
        return Retry::Hidden;
    }
    if row.flags.has(Flags::TRANSPARENT) {
        return Retry::Inner;
    }
    let outcome = earlier.flags.outcome();
    let waited = row
        .start
        .checked_sub(earlier.start.saturating_add(earlier.duration));
    let is_inner = matches!(attempt.owner, Owner::Outer(_));
    if row.flags.resend() > 0 {
        return if outcome == Outcome::Redirected {
            Retry::Inner
        } else {
            Retry::Marked
        };
    }
    if outcome.retryable() && waited.is_some_and(|ns| ns <= MAX_BACKOFF_NS) {
        return Retry::Inferred;
    }
    if is_inner { Retry::Inner } else { Retry::First }
}
