//! What passes ask of an attempt and of a request, apart from the trace it belongs to.

use crate::fold::exemplar::Exemplar;
use crate::fold::log;
use crate::fold::watch::Seen;
use crate::model::names::NameId;
use crate::model::span::{Flags, Kind, Outcome};
use crate::trace::NONE;
use crate::trace::link::{Call, Retry};

/// How far below a request a failed call is looked for.
const DEPTH: u32 = 32;

/// What stands for a time that is not known.
const NO_TIME: u64 = u64::MAX;

/// An attempt whose client was seen.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The nodes of the caller and of who is called.
    pub from: u32,
    /// See `from`.
    pub to: u32,
    /// The resource of the client.
    pub client: u32,
    server: u32,
    /// When the client began, by the clock of its host; zero when unknown.
    pub start: u64,
    /// When the server began, by the clock of its host; zero when unknown.
    pub served: u64,
    client_ns: u64,
    server_ns: u64,
    gone_ns: u64,
    /// The client.
    pub exemplar: Exemplar,
    /// The detail of the client.
    pub detail: u32,
    /// The node of the service that waits for the caller; that of users when nobody does.
    pub caller: u32,
    /// How the client ended.
    pub outcome: Outcome,
    /// How the server ended, if it was seen.
    pub served_outcome: Option<Outcome>,
    /// Whether the caller waits.
    pub sync: bool,
    /// Whether the client has no other server.
    pub lone: bool,
    /// Whether it is the first attempt of its logical call.
    pub first: bool,
    /// Whether the client is that of the attempt before.
    pub again: bool,
    /// Whether it is known when client and server began.
    pub started: bool,
}

impl Attempt {
    /// Returns what there is to know of an attempt, by its number among all calls of the trace; `before` is the client of the
    /// one before.
    pub(super) fn of(seen: &Seen<'_>, number: u32, call: &Call, before: u32) -> Attempt {
        let client = seen.row(call.client);
        let server = seen.row_if(call.server);
        let started = |flags: Flags| !flags.has(Flags::NO_START);
        let first = call.first == number;
        let waits = first && call.sync && call.retry != Retry::Hidden;
        let waited_for = if waits {
            seen.waited_for(call.client)
        } else {
            None
        };
        let (caller, gone_ns) = waited_for.unwrap_or((0, NO_TIME));
        Attempt {
            from: seen.end(call.from),
            to: seen.end(call.to),
            client: client.resource,
            server: server.map_or(NONE, |row| row.resource),
            start: client.start,
            served: server.map_or(0, |row| row.start),
            client_ns: seen.duration(call.client).unwrap_or(NO_TIME),
            server_ns: server
                .and_then(|_| seen.duration(call.server))
                .unwrap_or(NO_TIME),
            gone_ns,
            exemplar: seen.exemplar(call.client),
            detail: client.detail,
            caller,
            outcome: client.flags.outcome(),
            served_outcome: server.map(|row| row.flags.outcome()),
            sync: call.sync,
            lone: call.lone,
            first,
            again: call.client == before,
            started: started(client.flags) && server.is_none_or(|row| started(row.flags)),
        }
    }

    /// Returns the resource of the server, if it was seen.
    #[inline]
    pub fn server(&self) -> Option<u32> {
        (self.server != NONE).then_some(self.server)
    }

    /// Returns by what attempts are ordered: who calls whom, then from where to where.
    #[inline]
    pub(super) fn key(&self) -> u32 {
        log::key(pair(self.from, self.to), pair(self.client, self.server))
    }

    /// Returns how long the client took, if that is known.
    #[inline]
    pub fn duration(&self) -> Option<u64> {
        known(self.client_ns)
    }

    /// Returns how long the server took, if that is known.
    #[inline]
    pub fn served_duration(&self) -> Option<u64> {
        known(self.server_ns)
    }

    /// Returns how much longer the client took than the server, if both are known and that is not less.
    #[inline]
    pub fn way(&self) -> Option<u64> {
        self.duration()?.checked_sub(self.served_duration()?)
    }

    /// Returns how long the caller had worked for [`Attempt::caller`] when it made the attempt; none for further attempts,
    /// and when nobody waits for the caller.
    #[inline]
    pub fn gone(&self) -> Option<u64> {
        known(self.gone_ns)
    }
}

/// A request or a message that an instance worked on.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The node of the service.
    pub node: u32,
    /// The resource of the span.
    pub resource: u32,
    /// Its operation.
    pub operation: NameId,
    /// Kind, outcome and more.
    pub flags: Flags,
    /// When it began; zero when unknown.
    pub start: u64,
    ns: u64,
    until_asked_ns: u64,
    /// Whether it failed though no call it made had failed.
    pub origin: bool,
    /// Whether it failed though nothing it waited for had failed.
    pub alone: bool,
    /// The span.
    pub exemplar: Exemplar,
}

impl Request {
    /// Returns what there is to know of a span that works on a request or a message; none for other spans.
    pub(super) fn of(seen: &Seen<'_>, span: u32) -> Option<Request> {
        let row = seen.row(span);
        if !matches!(row.flags.kind(), Kind::Server | Kind::Consumer) {
            return None;
        }
        let times = seen.times(span);
        let children = seen.trace.children(span).iter();
        let own = children.filter(|&&child| seen.row(child).resource == row.resource);
        let asked = own
            .filter_map(|&child| seen.times(child))
            .map(|(start, _)| start);
        let until_asked = times.and_then(|(start, _)| Some(asked.min()?.saturating_sub(start)));
        let failed = row.flags.outcome().failed();
        Some(Request {
            node: seen.node(span),
            resource: row.resource,
            operation: row.operation,
            flags: row.flags,
            start: row.start,
            ns: times.map_or(NO_TIME, |(start, end)| end - start),
            until_asked_ns: until_asked.unwrap_or(NO_TIME),
            origin: failed && !has_failed_call(seen, span, DEPTH),
            alone: failed && !is_inherited(seen, span),
            exemplar: seen.exemplar(span),
        })
    }

    /// Returns by what requests are ordered: who works where, then on what.
    #[inline]
    pub(super) fn key(&self) -> u32 {
        log::key(pair(self.node, self.resource), u64::from(self.operation))
    }

    /// Returns how long it took, if that is known.
    #[inline]
    pub fn duration(&self) -> Option<u64> {
        known(self.ns)
    }

    /// Returns how long it took until the instance asked for something, if it did.
    #[inline]
    pub fn until_asked(&self) -> Option<u64> {
        known(self.until_asked_ns)
    }
}

#[inline]
fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[inline]
fn known(ns: u64) -> Option<u64> {
    (ns != NO_TIME).then_some(ns)
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

/// Returns whether a failed span waited for a call that failed, itself or through failed spans of its own.
fn is_inherited(seen: &Seen<'_>, span: u32) -> bool {
    let mut open = vec![span];
    while let Some(at) = open.pop() {
        for &child in seen.trace.children(at) {
            let waits = seen.linked.waits[child as usize];
            if waits && seen.outcome(child).failed() {
                match seen.row(child).flags.kind() {
                    Kind::Internal | Kind::Unspecified => open.push(child),
                    Kind::Client | Kind::Server | Kind::Producer | Kind::Consumer => return true,
                }
            }
        }
    }
    false
}
