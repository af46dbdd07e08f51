//! Calls on their way into edges.
//!
//! What is kept of an edge lies in some twenty cache lines, and neighbouring calls belong to different edges, so adding
//! calls one by one waits for memory most of the time. Calls are therefore collected, ordered by edge, and added edge by
//! edge: on a million spans with a thousand edges this takes a third of the time.
//!
//! [`Calls`] are those that wait, [`Edges`] what they are added to. Each is behind a lock of its own, so that one thread can
//! collect while another adds.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::fold::catalogue::Catalogue;
use crate::fold::edge::{Edge, EdgeKey};
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::Table;
use crate::fold::log::Log;
use crate::fold::operations::Operations;
use crate::fold::pile::Pile;
use crate::fold::topology::Map;
use crate::fold::watch::Seen;
use crate::model::SpanRow;
use crate::model::dictionary::Dictionary;
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::{PeerKind, Protocol};
use crate::model::span::{Flags, Kind, Outcome};
use crate::near::ask_for;
use crate::trace::NONE;
use crate::trace::link::{Call, End, Grade, Retry};
use crate::trace::path::NO_SLACK;

/// Calls collected before they are added: 4.5 MB, and as much for those that are being added.
const BATCH: usize = 1 << 15;

/// So many calls before one is added its edge is asked for.
const AHEAD: usize = 3;

/// A duration that is not known.
pub(super) const NO_TIME: u64 = u64::MAX;

/// What an edge wants to know of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallRecord {
    /// The edge, by its number in [`Calls`].
    pub(super) edge: u32,
    pub(super) grade: Grade,
    pub(super) retry: Retry,
    /// Whether the called side was seen.
    pub(super) served: bool,
    pub(super) client_outcome: Option<Outcome>,
    pub(super) server_outcome: Option<Outcome>,
    /// In units of 2^-20.
    pub(super) weight: u64,
    /// Number of the trace, the same for all calls of a trace and of no other.
    pub(super) serial: u64,
    /// Durations; [`NO_TIME`] when unknown.
    pub(super) client_ns: u64,
    pub(super) server_ns: u64,
    pub(super) network_ns: u64,
    pub(super) queue_ns: u64,
    pub(super) critical_ns: u64,
    /// How much longer the call could have taken; [`NO_SLACK`] on the critical path and where nobody waits.
    pub(super) slack_ns: u64,
    /// Zero when unknown.
    pub(super) start: u64,
    /// Kind of the error of a failed call.
    pub(super) error: NameId,
    /// Operations of the calling and of the called span; [`ABSENT`] of one that was not seen.
    pub(super) operations: [NameId; 2],
    /// Address at which the callee answered, if the call teaches that.
    pub(super) address: NameId,
    /// Resource of the caller.
    pub(super) from: u32,
    /// Resource of the callee.
    pub(super) to: u32,
    pub(super) exemplar: Exemplar,
}

/// Addresses and the nodes of the services that answered there.
type Aliases = Map<(NameId, u32), ()>;

/// Calls that wait to be added to their edges.
#[derive(Debug, Default)]
pub(super) struct Calls {
    numbers: HashMap<EdgeKey, u32, FxBuildHasher>,
    keys: Vec<EdgeKey>,
    waiting: Log<CallRecord>,
    /// Traces so far.
    serial: u64,
}

/// Edges, with the calls that were added to them.
#[derive(Debug, Default)]
pub(super) struct Edges {
    keys: Vec<EdgeKey>,
    edges: Pile<Edge>,
    /// The address that a call of the edge taught last, by edge.
    taught: Vec<NameId>,
    /// Which service's node answered at which address.
    aliases: Aliases,
    operations: Operations,
    /// The calls that are being added; empty in between, so that its room is ready for more.
    batch: Log<CallRecord>,
}

impl Edges {
    /// Takes the calls that wait, for [`Edges::add`]. What was taken before has been added.
    pub(super) fn take(&mut self, calls: &mut Calls) {
        std::mem::swap(&mut self.batch, &mut calls.waiting);
        for key in &calls.keys[self.keys.len()..] {
            self.keys.push(*key);
            self.edges.push(Edge::new());
            self.taught.push(ABSENT);
        }
    }

    /// Adds the calls taken to their edges, in the order they came in for each edge.
    pub(super) fn add(&mut self, dictionary: &Dictionary, catalogue: &Catalogue) {
        self.batch.show(|records| {
            for (n, record) in records.iter().enumerate() {
                if let Some(later) = records.get(n + AHEAD) {
                    let is_known = records[n + AHEAD - 1].edge == later.edge;
                    ask(&self.edges[later.edge as usize], later, is_known);
                }
                let edge = record.edge as usize;
                if record.address != ABSENT && record.address != self.taught[edge] {
                    self.taught[edge] = record.address;
                    self.aliases
                        .insert((record.address, self.keys[edge].to), ());
                }
                add(&mut self.edges[edge], record, dictionary);
                self.operations.add(&self.keys[edge], record);
            }
        });
        self.operations.make_room(&self.keys, catalogue);
    }

    /// Returns the edges with the last calls, what is known of their operations, and what the calls taught of addresses.
    pub(super) fn finish(
        mut self,
        mut calls: Calls,
        dictionary: &Dictionary,
        catalogue: &Catalogue,
    ) -> (Map<EdgeKey, Box<Edge>>, Table, Aliases) {
        self.take(&mut calls);
        drop(calls);
        self.add(dictionary, catalogue);
        self.batch = Log::default();
        let operations = self.operations.finish(&self.keys, catalogue);
        // In boxes: what is not moved again is not held twice.
        let edges = self.edges.into_iter().map(Box::new);
        let edges = self.keys.into_iter().zip(edges).collect();
        (edges, operations, self.aliases)
    }
}

impl Calls {
    /// Returns the number of an edge, new or known.
    #[inline]
    fn edge(&mut self, key: EdgeKey) -> u32 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            (self.keys.len() - 1) as u32
        })
    }

    /// Returns whether it is time to add the calls to their edges.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= BATCH
    }

    /// Adds the calls of a trace.
    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        self.serial += 1;
        for call in seen.linked.calls {
            self.add_call(seen, call);
        }
    }

    fn add_call(&mut self, seen: &Seen<'_>, call: &Call) {
        let (path, catalogue) = (&seen.path, seen.catalogue);
        let row = |span: u32| seen.row_if(span);
        let detail = |row: &SpanRow| &seen.dictionary.details[row.detail as usize];
        let (client, server, blamed) = (row(call.client), row(call.server), row(call.blamed));
        let witness = seen.row(call.witness);
        let key = EdgeKey {
            from: catalogue.end(call.from),
            to: catalogue.end(call.to),
            protocol: protocol(call, client, server, |row| detail(row).protocol),
            sync: call.sync,
            direct: call.direct,
        };

        // Durations. A client that owns several servers counts once; a message's sender is no part of its delivery.
        let of_sender = call.direct || (!call.sync && call.server != NONE);
        let duration = |row: Option<&SpanRow>| {
            row.filter(|row| !row.flags.has(Flags::NO_START) && !row.flags.has(Flags::NO_END))
                .map(|row| row.duration)
        };
        let is_repeat = call.retry == Retry::Hidden;
        let client_ns = if of_sender || is_repeat {
            None
        } else {
            duration(client)
        };
        let server_ns = duration(server.or(blamed));
        let network_ns = match (client_ns, server_ns) {
            (Some(outer), Some(inner)) if call.lone && call.sync => outer.checked_sub(inner),
            _ => None,
        };
        let (critical_ns, slack_ns) = match (call.client, call.server) {
            (_, _) if !call.sync => (0, NO_SLACK),
            (NONE, NONE) => (0, NO_SLACK),
            (NONE, span) => (path.total[span as usize], path.slack[span as usize]),
            (_, _) if is_repeat || of_sender => (0, NO_SLACK),
            (span, _) => (path.total[span as usize], path.slack[span as usize]),
        };

        // Outcomes. Of several servers below one client, the client's end is that of the last.
        let outcome = |row: &SpanRow| row.flags.outcome();
        let client_outcome = client
            .filter(|_| (call.lone || call.last) && !of_sender)
            .map(outcome);
        let server_outcome = blamed.map(outcome);
        let error = match client.map_or(ABSENT, |row| detail(row).error) {
            ABSENT => blamed.map_or(ABSENT, |row| detail(row).error),
            name => name,
        };

        // A queue calls nobody from anywhere.
        let caller = client.or_else(|| match call.from {
            End::Service(_) => row(seen.trace.parents[call.witness as usize]),
            End::Users | End::Peer(_) => None,
        });
        let resource = |row: Option<&SpanRow>| row.map_or(0, |row| row.resource);
        // A paired call shows who answers at the address the client used.
        let address = match (client, server, call.to) {
            (Some(client), Some(_), End::Service(_)) if call.sync => {
                let known = detail(client);
                let is_generic = known.peer_kind == PeerKind::External;
                if is_generic { known.address } else { ABSENT }
            }
            _ => ABSENT,
        };
        let called = server.or(blamed).or(client.is_none().then_some(witness));
        let record = CallRecord {
            edge: self.edge(key),
            grade: call.grade,
            retry: call.retry,
            served: server.is_some(),
            client_outcome,
            server_outcome,
            weight: detail(witness).weight.0,
            serial: self.serial,
            client_ns: client_ns.unwrap_or(NO_TIME),
            server_ns: server_ns.unwrap_or(NO_TIME),
            network_ns: network_ns.unwrap_or(NO_TIME),
            queue_ns: call.queue_ns.unwrap_or(NO_TIME),
            critical_ns,
            slack_ns,
            start: if witness.flags.has(Flags::NO_START) {
                0
            } else {
                witness.start
            },
            error,
            operations: [client, called].map(|row| row.map_or(ABSENT, |row| row.operation)),
            address,
            from: resource(caller),
            to: resource(called),
            exemplar: seen.exemplar(call.witness),
        };
        self.waiting.push(record.edge, record);
    }
}

/// Asks for what a call is added to: the edge if it is not the one before, else what does not lie in it.
#[inline]
fn ask(edge: &Edge, record: &CallRecord, is_known: bool) {
    if is_known {
        edge.client_ns.ask(record.client_ns);
        edge.server_ns.ask(record.server_ns);
        edge.network_ns.ask(record.network_ns);
        return;
    }
    ask_for(&edge.attempts);
    ask_for(&edge.grades);
    ask_for(&edge.client_ns);
    ask_for(&edge.server_ns);
    ask_for(&edge.network_ns);
    ask_for(&edge.off_path);
    ask_for(&edge.zones);
    ask_for(&edge.versions);
    ask_for(&edge.exemplars);
    ask_for(&edge.slowest);
    ask_for(&edge.current);
}

fn add(edge: &mut Edge, record: &CallRecord, dictionary: &Dictionary) {
    let weight = record.weight;
    let sum = |total: &mut u64| *total = total.saturating_add(weight);
    sum(&mut edge.attempts);
    match record.retry {
        Retry::First => sum(&mut edge.calls),
        Retry::Marked => sum(&mut edge.retries[0]),
        Retry::Hidden => sum(&mut edge.retries[1]),
        Retry::Inferred => sum(&mut edge.retries[2]),
        Retry::Inner => {}
    }
    if record.served {
        sum(&mut edge.served);
    }
    edge.grades[record.grade as usize] += 1;
    if edge.current.0 == record.serial {
        edge.current.1 += 1;
    } else {
        edge.current = (record.serial, 1);
        edge.traces += 1;
    }
    edge.most_in_trace = edge.most_in_trace.max(edge.current.1);

    for (sketch, value) in [
        (&mut edge.client_ns, record.client_ns),
        (&mut edge.server_ns, record.server_ns),
        (&mut edge.network_ns, record.network_ns),
        (&mut edge.queue_ns, record.queue_ns),
    ] {
        if value != NO_TIME {
            sketch.add(value);
        }
    }
    edge.critical_ns = edge.critical_ns.saturating_add(record.critical_ns);
    if record.slack_ns != NO_SLACK {
        let took = match record.client_ns {
            NO_TIME => record.server_ns,
            ns => ns,
        };
        if took != NO_TIME {
            edge.off_path.add(record.slack_ns, took);
        }
    }
    if record.start != 0 {
        edge.first = edge.first.min(record.start);
        edge.last = edge.last.max(record.start);
    }

    let failed = |outcome: Option<Outcome>| outcome.is_some_and(Outcome::failed);
    let (client_failed, server_failed) =
        (failed(record.client_outcome), failed(record.server_outcome));
    match (client_failed, server_failed) {
        (true, true) => sum(&mut edge.failed_both),
        (true, false) => sum(&mut edge.failed_client_only),
        (false, true) => sum(&mut edge.failed_server_only),
        (false, false) => {}
    }
    if client_failed || server_failed {
        edge.failed_exemplars.offer(record.exemplar);
        if record.error != ABSENT {
            edge.errors.add(record.error, 1);
        }
    }
    match record.client_outcome.or(record.server_outcome) {
        Some(Outcome::ClientError | Outcome::Redirected) => sum(&mut edge.client_faults),
        Some(Outcome::Timeout) => sum(&mut edge.timeouts),
        Some(Outcome::Fine | Outcome::Failed | Outcome::Unavailable | Outcome::Cancelled)
        | None => {}
    }
    edge.exemplars.offer(record.exemplar);
    let duration = match record.client_ns {
        NO_TIME => record.server_ns,
        ns => ns,
    };
    if duration != NO_TIME {
        edge.slowest.offer(duration, record.exemplar);
    }

    let from = &dictionary.resources[record.from as usize];
    let to = &dictionary.resources[record.to as usize];
    for (tally, pair) in [
        (&mut edge.zones, (from.zone, to.zone)),
        (&mut edge.regions, (from.region, to.region)),
        (&mut edge.versions, (from.version, to.version)),
    ] {
        if pair != (ABSENT, ABSENT) {
            tally.add(pair, 1);
        }
    }
}

/// Returns how the two sides of a call speak.
fn protocol(
    call: &Call,
    client: Option<&SpanRow>,
    server: Option<&SpanRow>,
    of: impl Fn(&SpanRow) -> Protocol,
) -> Protocol {
    let is_message = |row: Option<&SpanRow>| {
        row.is_some_and(|row| matches!(row.flags.kind(), Kind::Producer | Kind::Consumer))
    };
    if !call.sync && (is_message(client) || is_message(server)) {
        return Protocol::Messaging;
    }
    match (client.map(&of), server.map(&of)) {
        // The called side may know what the caller does not say.
        (Some(Protocol::Unknown) | None, Some(known)) => known,
        (Some(known), _) => known,
        (None, None) => Protocol::Unknown,
    }
}
