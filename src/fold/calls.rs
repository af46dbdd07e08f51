//! Calls on their way into edges.
//!
//! What is kept of an edge lies in some twenty cache lines, and neighbouring calls belong to different edges, so adding
//! calls one by one waits for memory most of the time. Calls are therefore collected, ordered by edge, and added edge by
//! edge: on a million spans with a thousand edges this takes a third of the time.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::fold::catalogue::Catalogue;
use crate::fold::edge::{Edge, EdgeKey};
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::Table;
use crate::fold::operations::Operations;
use crate::fold::topology::Map;
use crate::model::dictionary::Dictionary;
use crate::model::names::{ABSENT, NameId};
use crate::model::span::Outcome;
use crate::trace::link::{Grade, Retry};

/// Calls collected before they are added: about 6 MB.
const BATCH: usize = 1 << 15;

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
pub(super) type Aliases = Map<(NameId, u32), ()>;

/// Edges, and calls that wait to be added to them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    numbers: HashMap<EdgeKey, u32, FxBuildHasher>,
    keys: Vec<EdgeKey>,
    edges: Vec<Edge>,
    /// The address that a call of the edge taught last, by edge.
    taught: Vec<NameId>,
    /// Which service's node answered at which address.
    aliases: Aliases,
    waiting: Vec<CallRecord>,
    operations: Operations,
    /// Space for ordering: where the calls of each edge begin, and the calls by edge.
    begins: Vec<u32>,
    order: Vec<u32>,
}

impl Calls {
    /// Returns the number of an edge, new or known.
    #[inline]
    pub(super) fn edge(&mut self, key: EdgeKey) -> u32 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.edges.push(Edge::new());
            self.taught.push(ABSENT);
            (self.keys.len() - 1) as u32
        })
    }

    /// Takes a call.
    #[inline]
    pub(super) fn push(
        &mut self,
        record: CallRecord,
        dictionary: &Dictionary,
        catalogue: &Catalogue,
    ) {
        let serial = record.serial;
        self.waiting.push(record);
        if self.waiting.len() >= BATCH {
            self.flush(dictionary);
            self.operations.make_room(&self.keys, catalogue, serial);
        }
    }

    /// Adds the waiting calls to their edges, in the order they came in for each edge.
    fn flush(&mut self, dictionary: &Dictionary) {
        self.begins.clear();
        self.begins.resize(self.edges.len() + 1, 0);
        for record in &self.waiting {
            self.begins[record.edge as usize + 1] += 1;
        }
        for edge in 0..self.edges.len() {
            self.begins[edge + 1] += self.begins[edge];
        }
        self.order.clear();
        self.order.resize(self.waiting.len(), 0);
        for (at, record) in self.waiting.iter().enumerate() {
            let place = &mut self.begins[record.edge as usize];
            self.order[*place as usize] = at as u32;
            *place += 1;
        }
        for &at in &self.order {
            let record = &self.waiting[at as usize];
            let edge = record.edge as usize;
            if record.address != ABSENT && record.address != self.taught[edge] {
                self.taught[edge] = record.address;
                self.aliases
                    .insert((record.address, self.keys[edge].to), ());
            }
            add(&mut self.edges[edge], record, dictionary);
            self.operations.add(&self.keys[edge], record);
        }
        self.waiting.clear();
    }

    /// Returns the edges with all calls added, what is known of their operations, and what the calls taught of addresses.
    pub(super) fn finish(
        mut self,
        dictionary: &Dictionary,
        catalogue: &Catalogue,
    ) -> (Map<EdgeKey, Edge>, Table, Aliases) {
        self.flush(dictionary);
        let operations = self.operations.finish(&self.keys, catalogue);
        let edges = self.keys.into_iter().zip(self.edges).collect();
        (edges, operations, self.aliases)
    }
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
