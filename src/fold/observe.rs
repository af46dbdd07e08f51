//! Adds traces to a topology, one at a time.
//!
//! An [`Observer`] is a topology under construction with the space it needs per trace; one per thread. Per trace it reads
//! the meaning of the spans ([`Linked`]), the critical path ([`Path`]), and adds to edges, instances, entry points,
//! shapes and messages.

use std::sync::Arc;

use crate::fold::calls::{CallRecord, Calls, NO_TIME};
use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::edge::EdgeKey;
use crate::fold::exemplar::Exemplar;
use crate::fold::frames::Frames;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::message::{Sent, Taken};
use crate::fold::operations::OPERATIONS;
use crate::fold::requests::{Request, Requests, tenant_of};
use crate::fold::shape::EntryKey;
use crate::fold::topology::{Instance, InstanceKey, Topology};
use crate::fold::watch::Watcher;
use crate::fold::watching::Watching;
use crate::model::SpanRow;
use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::peer::{PeerKind, Protocol};
use crate::model::span::{Flags, Kind};
use crate::policy::Policy;
use crate::policy::facts::FACTS;
use crate::trace::link::{Call, End, EntryKind, Linked, MessageEnd, Retry};
use crate::trace::path::Path;
use crate::trace::{Attachment, NONE, Trace};

/// The times traces must start in to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Earliest start, in nanoseconds since 1970.
    pub since: Option<u64>,
    /// First start that is too late.
    pub until: Option<u64>,
}

impl Window {
    /// Returns whether a trace that starts then counts; one without any time counts only when no window is asked for.
    fn holds(self, start: Option<u64>) -> bool {
        match (self.since, self.until, start) {
            (None, None, _) => true,
            (_, _, None) => false,
            (since, until, Some(start)) => {
                since.is_none_or(|since| start >= since) && until.is_none_or(|until| start < until)
            }
        }
    }
}

/// Spans by service and the tags of their resource, which are one text.
pub const TAGS: TableOf = TableOf {
    name: "tags",
    layout: Layout {
        parts: [Part::Node, Part::Text, Part::Unused, Part::Unused],
        bin: 0,
        limit: 50_000,
        group: 0,
    },
};

/// Traces by what the policy said when they were folded: the number of a fact that decides what is kept of them, and its hash.
pub const DECLARED: TableOf = TableOf {
    name: "declared",
    layout: Layout {
        parts: [Part::Plain, Part::Unused, Part::Unused, Part::Unused],
        bin: 0,
        limit: 1 << 10,
        group: 0,
    },
};

/// A topology under construction.
#[derive(Debug)]
pub struct Observer<'a> {
    dictionary: &'a Dictionary,
    topology: Topology,
    window: Window,
    /// By resource of the dictionary.
    instances: Vec<Instance>,
    linked: Linked,
    path: Path,
    frames: Frames,
    calls: Calls,
    serial: u64,
    watching: Option<Watching<'a>>,
    requests: Requests,
}

impl<'a> Observer<'a> {
    /// Returns an observer that has seen nothing.
    pub fn new(
        dictionary: &'a Dictionary,
        catalogue: Arc<Catalogue>,
        window: Window,
    ) -> Observer<'a> {
        Observer {
            dictionary,
            topology: Topology::empty(catalogue),
            window,
            instances: vec![Instance::default(); dictionary.resources.len()],
            linked: Linked::default(),
            path: Path::default(),
            frames: Frames::default(),
            calls: Calls::default(),
            serial: 0,
            watching: None,
            requests: Requests::new(),
        }
    }

    /// Returns the observer, with passes that look at each trace.
    #[must_use]
    pub fn watched_by(
        mut self,
        watchers: impl IntoIterator<Item = &'static Watcher>,
        policy: &'a Policy,
    ) -> Self {
        let known = (self.dictionary, Arc::clone(&self.topology.catalogue));
        self.watching = Some(Watching::new(watchers, known, policy));
        self
    }

    /// Adds a trace.
    pub fn observe(&mut self, trace: &Trace<'_>) {
        let account = &mut self.topology.account;
        let times = trace.window();
        if !self.window.holds(times.map(|(start, _)| start)) {
            account.traces_outside += 1;
            account.spans_outside += trace.spans.len() as u64 + u64::from(trace.duplicates);
            return;
        }
        self.serial += 1;
        if let Some((start, end)) = times {
            account.first = account.first.min(start);
            account.last = account.last.max(end);
        }
        account.traces += 1;
        account.duplicates += u64::from(trace.duplicates);
        self.linked.read(trace, self.dictionary);
        let waits = &self.linked.waits;
        self.path.compute(trace, |span| waits[span as usize]);
        self.count_spans(trace);
        for at in 0..self.linked.calls.len() {
            let call = self.linked.calls[at];
            self.add_call(trace, &call);
        }
        for at in 0..self.linked.messages.len() {
            let message = self.linked.messages[at];
            self.remember(trace, message);
        }
        self.add_requests(trace);
        if let Some(watching) = &mut self.watching {
            watching.push(trace, &mut self.linked, &mut self.path);
        }
    }

    /// Returns the topology of what was observed.
    pub fn finish(mut self) -> Topology {
        if let Some(policy) = self.watching.as_ref().map(Watching::policy) {
            self.declare(policy);
        }
        let mut tags = Table::new(TAGS.layout);
        let resources = self
            .dictionary
            .resources
            .iter()
            .zip(&self.dictionary.service_of);
        for ((resource, &service), instance) in resources.zip(&self.instances) {
            if instance.spans == 0 || resource.service == ABSENT {
                continue;
            }
            let key = InstanceKey {
                node: self.topology.catalogue.service(service),
                instance: resource.instance,
                version: resource.version,
                host: resource.host,
                zone: resource.zone,
                region: resource.region,
            };
            if resource.tags != ABSENT {
                let catalogue = &self.topology.catalogue;
                let parts = [key.node, resource.tags, 0, 0];
                tags.at(catalogue, parts, 0).add(0, instance.spans);
            }
            let sum = self.topology.instances.entry(key).or_default();
            sum.spans += instance.spans;
            sum.failed += instance.failed;
            sum.health_checks += instance.health_checks;
            sum.first = sum.first.min(instance.first);
            sum.last = sum.last.max(instance.last);
        }
        tags.settle(&self.topology.catalogue);
        self.topology.ledger.insert(TAGS.name, tags);
        let catalogue = &self.topology.catalogue;
        self.requests.finish(catalogue, &mut self.topology.ledger);
        let (edges, operations, aliases) = self.calls.finish(self.dictionary, catalogue);
        (self.topology.edges, self.topology.aliases) = (edges, aliases);
        self.topology.ledger.insert(OPERATIONS.name, operations);
        if let Some(watching) = self.watching {
            watching.finish(&mut self.topology.ledger);
        }
        self.topology
    }

    /// Keeps what the policy says of what was kept.
    fn declare(&mut self, policy: &Policy) {
        let traces = self.topology.account.traces;
        if traces == 0 {
            return;
        }
        let mut table = Table::new(DECLARED.layout);
        for (number, fact) in (0..).zip(&FACTS) {
            if fact.folds {
                let key = [number, 0, 0, 0];
                let record = table.at(&self.topology.catalogue, key, fact.hash(policy));
                record.add(0, traces);
            }
        }
        table.settle(&self.topology.catalogue);
        self.topology.ledger.insert(DECLARED.name, table);
    }

    fn count_spans(&mut self, trace: &Trace<'_>) {
        let account = &mut self.topology.account;
        for (i, row) in trace.spans.iter().enumerate() {
            account.classes[self.linked.classes[i] as usize] += 1;
            account.missing_parents += u64::from(trace.attachments[i] == Attachment::MissingParent);
            account.weighted_spans += u64::from(row.flags.has(Flags::WEIGHTED));
            if trace.attachments[i] == Attachment::Root {
                account.critical_ns = account.critical_ns.saturating_add(self.path.total[i]);
            }
            let instance = &mut self.instances[row.resource as usize];
            instance.spans += 1;
            instance.failed += u64::from(row.flags.outcome().failed());
            instance.health_checks +=
                u64::from(row.flags.has(Flags::HEALTH) && row.flags.kind() == Kind::Server);
            if !row.flags.has(Flags::NO_START) {
                instance.first = instance.first.min(row.start);
                instance.last = instance.last.max(row.start);
            }
        }
    }

    fn add_call(&mut self, trace: &Trace<'_>, call: &Call) {
        let dictionary = self.dictionary;
        let row = |span: u32| (span != NONE).then(|| &trace.spans[span as usize]);
        let detail = |row: &SpanRow| &dictionary.details[row.detail as usize];
        let (client, server, blamed) = (row(call.client), row(call.server), row(call.blamed));
        let seen = &trace.spans[call.witness as usize];
        let key = EdgeKey {
            from: self.topology.catalogue.end(call.from),
            to: self.topology.catalogue.end(call.to),
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
        let critical_ns = match (call.client, call.server) {
            (_, _) if !call.sync => 0,
            (NONE, NONE) => 0,
            (NONE, server) => self.path.total[server as usize],
            (_, _) if is_repeat || of_sender => 0,
            (client, _) => self.path.total[client as usize],
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
            End::Service(_) => row(trace.parents[call.witness as usize]),
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
        let called = server.or(blamed).or(client.is_none().then_some(seen));
        let record = CallRecord {
            edge: self.calls.edge(key),
            grade: call.grade,
            retry: call.retry,
            served: server.is_some(),
            client_outcome,
            server_outcome,
            weight: detail(seen).weight.0,
            serial: self.serial,
            client_ns: client_ns.unwrap_or(NO_TIME),
            server_ns: server_ns.unwrap_or(NO_TIME),
            network_ns: network_ns.unwrap_or(NO_TIME),
            queue_ns: call.queue_ns.unwrap_or(NO_TIME),
            critical_ns,
            start: if seen.flags.has(Flags::NO_START) {
                0
            } else {
                seen.start
            },
            error,
            operations: [client, called].map(|row| row.map_or(ABSENT, |row| row.operation)),
            address,
            from: resource(caller),
            to: resource(called),
            exemplar: Exemplar {
                trace: trace.id,
                span: seen.span,
            },
        };
        self.calls
            .push(record, dictionary, &self.topology.catalogue);
    }

    fn remember(&mut self, trace: &Trace<'_>, message: MessageEnd) {
        if message.service == 0 {
            return;
        }
        let row = &trace.spans[message.span as usize];
        let detail = &self.dictionary.details[row.detail as usize];
        let catalogue = &self.topology.catalogue;
        let node = catalogue.service(message.service);
        let destination = if detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT {
            catalogue.end(End::Peer(row.detail))
        } else {
            USERS
        };
        let start = if row.flags.has(Flags::NO_START) {
            0
        } else {
            row.start
        };
        if message.produces {
            let end = if start == 0 {
                0
            } else {
                start.saturating_add(row.duration)
            };
            self.topology.messages.add_sent(
                message.key,
                Sent {
                    node,
                    destination,
                    end,
                },
            );
        } else {
            let taken = Taken {
                start,
                destination,
                weight: detail.weight.0,
                duration: row.duration,
                failed: row.flags.outcome().failed(),
                exemplar: Exemplar {
                    trace: trace.id,
                    span: row.span,
                },
            };
            self.topology.messages.add_taken(message.key, node, taken);
        }
    }

    fn add_requests(&mut self, trace: &Trace<'_>) {
        self.requests.see();
        if self.linked.entries.is_empty() {
            return;
        }
        let catalogue = Arc::clone(&self.topology.catalogue);
        self.frames.build(trace, &self.linked, &catalogue);
        let tenant = tenant_of(trace);
        for at in 0..self.linked.entries.len() {
            let (span, kind) = self.linked.entries[at];
            let row = &trace.spans[span as usize];
            let service = self.linked.services[span as usize];
            if service == 0 {
                continue;
            }
            let key = EntryKey {
                node: catalogue.service(service),
                operation: row.operation,
                kind,
            };
            let weight = self.dictionary.details[row.detail as usize].weight.0;
            let failed = row.flags.outcome().failed();
            let is_timed = !row.flags.has(Flags::NO_START) && !row.flags.has(Flags::NO_END);
            let shape = self.frames.shape(span, &catalogue);
            let exemplar = Exemplar {
                trace: trace.id,
                span: row.span,
            };
            let health_check = row.flags.has(Flags::HEALTH) && kind == EntryKind::Request;
            self.topology.entries.entry(key).or_default().add(
                exemplar,
                weight,
                failed,
                health_check,
                is_timed.then_some(row.duration),
                shape.depth,
            );
            let steps = (shape.steps, shape.counts);
            let rank = self.topology.shapes.add(&catalogue, key, steps, weight);
            if let Some(shape) = rank {
                let resource = &self.dictionary.resources[row.resource as usize];
                let request = Request {
                    shape,
                    resource,
                    tenant,
                    weight,
                    exemplar,
                };
                self.requests.add(&catalogue, &request);
            }
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
