//! Adds traces to a topology, one at a time.
//!
//! An [`Observer`] is a topology under construction with the space it needs per trace; one per thread. Per trace it reads
//! the meaning of the spans ([`Linked`]), the critical path ([`Path`]), and adds to edges, instances, entry points,
//! shapes and messages.

use std::sync::Arc;

use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::edge::{Edge, EdgeKey};
use crate::fold::exemplar::Exemplar;
use crate::fold::frames::Frames;
use crate::fold::message::{Sent, Taken};
use crate::fold::shape::EntryKey;
use crate::fold::topology::{Instance, InstanceKey, Topology};
use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::peer::{PeerKind, Protocol};
use crate::model::span::{Flags, Kind, Outcome};
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
    serial: u64,
}

impl<'a> Observer<'a> {
    /// Returns an observer that has seen nothing.
    pub fn new(dictionary: &'a Dictionary, catalogue: Arc<Catalogue>, window: Window) -> Observer<'a> {
        Observer {
            dictionary,
            topology: Topology::empty(catalogue),
            window,
            instances: vec![Instance::default(); dictionary.resources.len()],
            linked: Linked::default(),
            path: Path::default(),
            frames: Frames::default(),
            serial: 0,
        }
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
    }

    /// Returns the topology of what was observed.
    pub fn finish(mut self) -> Topology {
        for (resource, instance) in self.dictionary.resources.iter().zip(&self.instances) {
            if instance.spans == 0 || resource.service == ABSENT {
                continue;
            }
            let number = self.dictionary.resources.iter().position(|other| other == resource);
            let service = number.map_or(0, |number| self.dictionary.service_of[number]);
            let key = InstanceKey {
                node: self.topology.catalogue.service(service),
                instance: resource.instance,
                version: resource.version,
                host: resource.host,
                zone: resource.zone,
                region: resource.region,
            };
            let sum = self.topology.instances.entry(key).or_default();
            sum.spans += instance.spans;
            sum.failed += instance.failed;
            sum.health_checks += instance.health_checks;
            sum.first = sum.first.min(instance.first);
            sum.last = sum.last.max(instance.last);
        }
        self.topology
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
            instance.health_checks += u64::from(row.flags.has(Flags::HEALTH) && row.flags.kind() == Kind::Server);
            if !row.flags.has(Flags::NO_START) {
                instance.first = instance.first.min(row.start);
                instance.last = instance.last.max(row.start);
            }
        }
    }

    fn add_call(&mut self, trace: &Trace<'_>, call: &Call) {
        let dictionary = self.dictionary;
        let row = |span: u32| (span != NONE).then(|| &trace.spans[span as usize]);
        let (client, server) = (row(call.client), row(call.server));
        let Some(seen) = client.or(server).or(row(call.blamed)) else {
            return;
        };
        let detail = &dictionary.details[seen.detail as usize];
        let is_message = |row: Option<&crate::model::SpanRow>| row.is_some_and(|row| matches!(row.flags.kind(), Kind::Producer | Kind::Consumer));
        let protocol = match (client, server) {
            _ if !call.sync && (is_message(client) || is_message(server)) => Protocol::Messaging,
            (Some(client), Some(server)) => {
                // The called side knows better how it was called when the caller is an SDK of its own kind.
                let of_client = dictionary.details[client.detail as usize].protocol;
                if of_client == Default::default() { dictionary.details[server.detail as usize].protocol } else { of_client }
            }
            _ => detail.protocol,
        };
        let key = EdgeKey {
            from: self.topology.catalogue.end(call.from),
            to: self.topology.catalogue.end(call.to),
            protocol,
            sync: call.sync,
            direct: call.direct,
        };
        let edge = self.topology.edges.entry(key).or_insert_with(Edge::new);
        let weight = detail.weight.0;
        edge.attempts = edge.attempts.saturating_add(weight);
        match call.retry {
            Retry::First => edge.calls = edge.calls.saturating_add(weight),
            Retry::Marked => edge.retries[0] = edge.retries[0].saturating_add(weight),
            Retry::Hidden => edge.retries[1] = edge.retries[1].saturating_add(weight),
            Retry::Inferred => edge.retries[2] = edge.retries[2].saturating_add(weight),
            Retry::Inner => {}
        }
        if server.is_some() {
            edge.served = edge.served.saturating_add(weight);
        }
        edge.grades[call.grade as usize] += 1;
        if edge.current.0 == self.serial {
            edge.current.1 += 1;
        } else {
            edge.current = (self.serial, 1);
            edge.traces += 1;
        }
        edge.most_in_trace = edge.most_in_trace.max(edge.current.1);

        // Durations. A client that owns several servers counts once; a message's sender is no part of its delivery.
        let timed = |row: &&crate::model::SpanRow| !row.flags.has(Flags::NO_START) && !row.flags.has(Flags::NO_END);
        let sender_only = call.direct || (!call.sync && call.server != NONE);
        let duration = |row: Option<&crate::model::SpanRow>| row.filter(timed).map(|row| row.duration);
        let client_ns = if sender_only || call.retry == Retry::Hidden { None } else { duration(client) };
        let server_ns = duration(server);
        if let Some(ns) = client_ns {
            edge.client_ns.add(ns);
        }
        if let Some(ns) = server_ns {
            edge.server_ns.add(ns);
        }
        if let (Some(outer), Some(inner), true, true) = (client_ns, server_ns, call.lone, call.sync)
            && let Some(network) = outer.checked_sub(inner)
        {
            edge.network_ns.add(network);
        }
        if let Some(ns) = call.queue_ns {
            edge.queue_ns.add(ns);
        }
        let on_path = match (call.client, call.server) {
            (NONE, NONE) => 0,
            (NONE, server) => self.path.total[server as usize],
            (_, _) if call.retry == Retry::Hidden || sender_only => 0,
            (client, _) => self.path.total[client as usize],
        };
        edge.critical_ns = edge.critical_ns.saturating_add(on_path);
        if !seen.flags.has(Flags::NO_START) {
            edge.first = edge.first.min(seen.start);
            edge.last = edge.last.max(seen.start);
        }

        // Failures. Of several servers below one client, the client's end is that of the last.
        let is_senders = sender_only && call.client != NONE;
        let answers_last = call.lone || call.last;
        let client_outcome = client.filter(|_| answers_last && !is_senders).map(|row| row.flags.outcome());
        let server_outcome = row(call.blamed).map(|row| row.flags.outcome());
        let failed = |outcome: Option<Outcome>| outcome.is_some_and(Outcome::failed);
        let exemplar = Exemplar { trace: trace.id, span: seen.span };
        match (failed(client_outcome), failed(server_outcome)) {
            (true, true) => edge.failed_both = edge.failed_both.saturating_add(weight),
            (true, false) => edge.failed_client_only = edge.failed_client_only.saturating_add(weight),
            (false, true) => edge.failed_server_only = edge.failed_server_only.saturating_add(weight),
            (false, false) => {}
        }
        if failed(client_outcome) || failed(server_outcome) {
            edge.failed_exemplars.offer(exemplar);
            let error = |row: Option<&crate::model::SpanRow>| row.map_or(ABSENT, |row| dictionary.details[row.detail as usize].error);
            let name = match error(client) {
                ABSENT => error(row(call.blamed)),
                name => name,
            };
            if name != ABSENT {
                edge.errors.add(name, 1);
            }
        }
        match client_outcome.or(server_outcome) {
            Some(Outcome::ClientError | Outcome::Redirected) => {
                edge.client_faults = edge.client_faults.saturating_add(weight);
            }
            Some(Outcome::Timeout) => edge.timeouts = edge.timeouts.saturating_add(weight),
            Some(Outcome::Fine | Outcome::Failed | Outcome::Unavailable | Outcome::Cancelled) | None => {}
        }
        edge.exemplars.offer(exemplar);
        if let Some(ns) = client_ns.or(server_ns) {
            edge.slowest.offer(ns, exemplar);
        }

        // Places and versions of both sides.
        let caller = client.or_else(|| server.and_then(|_| row(trace.parents[call.server as usize])));
        let called = server.or(row(call.blamed)).or_else(|| (call.server == NONE).then_some(seen).filter(|_| false));
        let resource = |row: Option<&crate::model::SpanRow>| row.map(|row| dictionary.resources[row.resource as usize]).unwrap_or_default();
        let (from, to) = (resource(caller), resource(called));
        for (tally, a, b) in [
            (&mut edge.zones, from.zone, to.zone),
            (&mut edge.regions, from.region, to.region),
            (&mut edge.versions, from.version, to.version),
        ] {
            if a != ABSENT || b != ABSENT {
                tally.add((a, b), 1);
            }
        }
        // A paired call shows who answers at the address the client used.
        if let (Some(client), Some(_), End::Service(service)) = (client, server, call.to) {
            let known = &dictionary.details[client.detail as usize];
            if known.address != ABSENT && known.peer_kind == PeerKind::External && call.sync {
                let node = self.topology.catalogue.service(service);
                self.topology.aliases.insert((known.address, node), ());
            }
        }
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
        let start = if row.flags.has(Flags::NO_START) { 0 } else { row.start };
        if message.produces {
            let end = if start == 0 { 0 } else { start.saturating_add(row.duration) };
            self.topology.messages.add_sent(message.key, Sent { node, destination, end });
        } else {
            let taken = Taken {
                start,
                destination,
                weight: detail.weight.0,
                duration: row.duration,
                failed: row.flags.outcome().failed(),
                exemplar: Exemplar { trace: trace.id, span: row.span },
            };
            self.topology.messages.add_taken(message.key, node, taken);
        }
    }

    fn add_requests(&mut self, trace: &Trace<'_>) {
        if self.linked.entries.is_empty() {
            return;
        }
        let catalogue = Arc::clone(&self.topology.catalogue);
        self.frames.build(trace, &self.linked, &catalogue);
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
            let exemplar = Exemplar { trace: trace.id, span: row.span };
            let health_check = row.flags.has(Flags::HEALTH) && kind == EntryKind::Request;
            self.topology.entries.entry(key).or_default().add(
                exemplar,
                weight,
                failed,
                health_check,
                is_timed.then_some(row.duration),
                shape.depth,
            );
            self.topology.shapes.add(&catalogue, key, shape.steps, shape.counts, weight);
        }
    }
}
