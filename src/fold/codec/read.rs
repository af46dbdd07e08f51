//! From a message to its topology; a number that points nowhere, or that no sum can have, is refused.

use std::sync::Arc;

use crate::fold::catalogue::{Catalogue, Node, NodeKind, USERS};
use crate::fold::codec::{ledger, wire};
use crate::fold::edge::{Edge, EdgeKey, OffPath, Tally};
use crate::fold::exemplar::{Exemplar, Exemplars, Slowest};
use crate::fold::message::{Messages, Sent, Taken};
use crate::fold::shape::{EntryKey, Remainder, ShapeParts, Shapes, Step, StepCount};
use crate::fold::sketch::Sketch;
use crate::fold::topology::{Account, Bucket, Entry, Instance, InstanceKey, Topology};
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::Protocol;
use crate::model::{SpanId, TraceId};
use crate::trace::link::EntryKind;

/// What every count of a file must lie below, so that thousands of files add up without an overflow.
const COUNT_LIMIT: u64 = 1 << 48;

/// Returns a count, unless nothing real can have counted so far.
pub(super) fn count(number: u64) -> Option<u64> {
    (number < COUNT_LIMIT).then_some(number)
}

fn counts(numbers: Vec<u64>) -> Option<Vec<u64>> {
    numbers.into_iter().map(count).collect()
}

/// Checks numbers against the catalogue.
pub(super) struct Bounds {
    texts: usize,
    nodes: usize,
}

impl Bounds {
    pub(super) fn text(&self, id: NameId) -> Option<NameId> {
        ((id as usize) < self.texts).then_some(id)
    }

    pub(super) fn node(&self, node: u32) -> Option<u32> {
        ((node as usize) < self.nodes).then_some(node)
    }

    fn key(&self, key: Option<wire::EntryKey>) -> Option<EntryKey> {
        let key = key?;
        Some(EntryKey {
            node: self.node(key.node)?,
            operation: self.text(key.operation)?,
            kind: *EntryKind::ALL.get(key.kind as usize)?,
        })
    }

    fn pairs(&self, pairs: Vec<wire::Pair>) -> Option<Tally<(NameId, NameId)>> {
        let mut tally = Tally::default();
        for pair in pairs {
            tally.add((self.text(pair.a)?, self.text(pair.b)?), count(pair.count)?);
        }
        Some(tally)
    }
}

/// Returns the topology of a message without its tables, and of the tables, which come one at a time; nothing when one of
/// them cannot be understood.
pub(super) fn from_wire(
    message: wire::Topology,
    tables: impl Iterator<Item = Option<wire::Table>>,
) -> Option<Topology> {
    let texts: Vec<Box<str>> = message.texts.into_iter().map(Into::into).collect();
    let all_texts = Bounds {
        texts: texts.len(),
        nodes: 0,
    };
    let nodes: Vec<Node> = message
        .nodes
        .iter()
        .map(|node| {
            Some(Node {
                kind: *NodeKind::ALL.get(node.kind as usize)?,
                namespace: all_texts.text(node.namespace)?,
                name: all_texts.text(node.name)?,
                address: all_texts.text(node.address)?,
            })
        })
        .collect::<Option<_>>()?;
    let users = Node {
        kind: NodeKind::Users,
        namespace: ABSENT,
        name: ABSENT,
        address: ABSENT,
    };
    let is_ordered = texts.first().is_some_and(|text| text.is_empty())
        && texts.windows(2).all(|pair| pair[0] < pair[1])
        && nodes.windows(2).all(|pair| pair[0] < pair[1])
        && nodes.first() == Some(&users);
    if !is_ordered {
        return None;
    }
    let bounds = Bounds {
        texts: texts.len(),
        nodes: nodes.len(),
    };
    let catalogue = Arc::new(Catalogue::new(texts, nodes));
    let mut topology = Topology::empty(Arc::clone(&catalogue));
    for edge in message.edges {
        let (key, edge) = edge_from_wire(edge, &bounds)?;
        topology.edges.insert(key, Box::new(edge));
    }
    for instance in message.instances {
        let (key, instance) = instance_from_wire(&instance, &bounds)?;
        topology.instances.insert(key, instance);
    }
    for entry in message.entries {
        let (key, entry) = entry_from_wire(entry, &bounds)?;
        topology.entries.insert(key, Box::new(entry));
    }
    let mut shapes = Vec::new();
    for shape in message.shapes {
        shapes.push(shape_from_wire(shape, &bounds)?);
    }
    let mut remainders = Vec::new();
    for remainder in message.remainders {
        remainders.push(Remainder {
            entry: bounds.key(remainder.entry)?,
            requests: count(remainder.requests)?,
            weight: remainder.weight,
        });
    }
    topology.shapes = Shapes::from_parts(
        &catalogue,
        shapes,
        remainders,
        message.shape_halvings.min(64),
    );
    topology.messages = Messages::with_halvings(message.message_halvings.min(64));
    for sent in message.sent {
        let side = Sent {
            node: bounds.node(sent.node)?,
            destination: bounds.node(sent.destination)?,
            end: sent.end,
        };
        topology.messages.add_sent(sent.key, side);
    }
    for taken in message.taken {
        let side = Taken {
            start: taken.start,
            destination: bounds.node(taken.destination)?,
            weight: taken.weight,
            duration: taken.duration,
            failed: taken.failed,
            exemplar: exemplar_from_wire(&taken.exemplar?),
        };
        topology
            .messages
            .add_taken(taken.key, bounds.node(taken.node)?, side);
    }
    for alias in message.aliases {
        topology
            .aliases
            .insert((bounds.text(alias.address)?, bounds.node(alias.node)?), ());
    }
    topology.ledger = ledger::from_wire(tables, &bounds)?;
    topology.account = account_from_wire(message.account?)?;
    for bucket in message.buckets {
        topology.buckets.insert(Bucket {
            data_set: bucket.data_set,
            of: bucket.of,
            index: bucket.index,
        });
    }
    topology.overflowed = message.overflowed.into_iter().collect();
    // The users' node has number zero in every catalogue; a file that says otherwise was caught above.
    debug_assert_eq!(topology.catalogue.node(USERS).kind, NodeKind::Users);
    Some(topology)
}

fn edge_from_wire(edge: wire::Edge, bounds: &Bounds) -> Option<(EdgeKey, Edge)> {
    let key = EdgeKey {
        from: bounds.node(edge.from)?,
        to: bounds.node(edge.to)?,
        protocol: *Protocol::ALL.get(edge.protocol as usize)?,
        sync: edge.sync,
        direct: edge.direct,
    };
    let mut errors = Tally::default();
    for pair in edge.errors {
        errors.add(bounds.text(pair.a)?, count(pair.count)?);
    }
    let value = Edge {
        calls: edge.calls,
        attempts: edge.attempts,
        served: edge.served,
        failed_both: edge.failed_both,
        failed_client_only: edge.failed_client_only,
        failed_server_only: edge.failed_server_only,
        client_faults: edge.client_faults,
        timeouts: edge.timeouts,
        retries: edge.retries.try_into().ok()?,
        grades: counts(edge.grades)?.try_into().ok()?,
        client_ns: sketch_from_wire(edge.client_ns?)?,
        server_ns: sketch_from_wire(edge.server_ns?)?,
        network_ns: sketch_from_wire(edge.network_ns?)?,
        queue_ns: sketch_from_wire(edge.queue_ns?)?,
        critical_ns: edge.critical_ns,
        off_path: match edge.off_path {
            Some(of) => OffPath {
                calls: count(of.calls)?,
                slack_ns: of.slack_ns,
                least_ns: of.least_ns,
                took_ns: of.took_ns,
            },
            None => OffPath::default(),
        },
        traces: count(edge.traces)?,
        most_in_trace: count(edge.most_in_trace)?,
        first: edge.first,
        last: edge.last,
        zones: bounds.pairs(edge.zones)?,
        regions: bounds.pairs(edge.regions)?,
        versions: bounds.pairs(edge.versions)?,
        errors,
        exemplars: exemplars_from_wire(&edge.exemplars),
        failed_exemplars: exemplars_from_wire(&edge.failed_exemplars),
        slowest: slowest_from_wire(&edge.slowest),
        ..Edge::default()
    };
    Some((key, value))
}

fn instance_from_wire(
    instance: &wire::Instance,
    bounds: &Bounds,
) -> Option<(InstanceKey, Instance)> {
    let key = InstanceKey {
        node: bounds.node(instance.node)?,
        instance: bounds.text(instance.instance)?,
        version: bounds.text(instance.version)?,
        host: bounds.text(instance.host)?,
        zone: bounds.text(instance.zone)?,
        region: bounds.text(instance.region)?,
        environment: bounds.text(instance.environment)?,
    };
    let value = Instance {
        spans: count(instance.spans)?,
        failed: count(instance.failed)?,
        health_checks: count(instance.health_checks)?,
        first: instance.first,
        last: instance.last,
    };
    Some((key, value))
}

/// Returns what requests weigh by depth in a file of an earlier version, which counted them alone: each as much as any other.
fn evenly_weighted(depths: &[u64], weight: u64, requests: u64) -> Vec<u64> {
    let of = |count: &u64| u128::from(*count) * u128::from(weight) / u128::from(requests.max(1));
    let weights = depths.iter().map(of);
    weights
        .map(|weight| u64::try_from(weight).unwrap_or(u64::MAX))
        .collect()
}

fn entry_from_wire(entry: wire::Entry, bounds: &Bounds) -> Option<(EntryKey, Entry)> {
    let key = bounds.key(entry.key)?;
    let weights_by_depth = match entry.weights_by_depth.is_empty() {
        true => evenly_weighted(&entry.depths, entry.weight, entry.requests),
        false => entry.weights_by_depth,
    };
    let value = Entry {
        requests: count(entry.requests)?,
        weight: entry.weight,
        failed: entry.failed,
        health_checks: count(entry.health_checks)?,
        duration_ns: sketch_from_wire(entry.duration_ns?)?,
        depths: counts(entry.depths)?,
        weights_by_depth,
        weights_by_hops: entry.weights_by_hops,
        exemplars: exemplars_from_wire(&entry.exemplars),
        failed_exemplars: exemplars_from_wire(&entry.failed_exemplars),
        slowest: slowest_from_wire(&entry.slowest),
    };
    Some((key, value))
}

fn shape_from_wire(shape: wire::Shape, bounds: &Bounds) -> Option<ShapeParts> {
    let n = shape.nodes.len();
    let lengths = [
        shape.depths.len(),
        shape.calls.len(),
        shape.failed.len(),
        shape.failed_requests.len(),
    ];
    if lengths.iter().any(|&length| length != n) {
        return None;
    }
    let mut steps = Vec::with_capacity(n);
    let mut counts = Vec::with_capacity(n);
    for i in 0..n {
        steps.push(Step {
            depth: u16::try_from(shape.depths[i] >> 1).ok()?,
            sync: shape.depths[i] & 1 == 1,
            node: bounds.node(shape.nodes[i])?,
        });
        counts.push(StepCount {
            calls: shape.calls[i],
            failed: shape.failed[i],
            failed_requests: shape.failed_requests[i],
        });
    }
    Some((
        bounds.key(shape.entry)?,
        steps,
        counts,
        count(shape.requests)?,
        shape.weight,
    ))
}

fn account_from_wire(account: wire::Account) -> Option<Account> {
    Some(Account {
        classes: counts(account.classes)?.try_into().ok()?,
        duplicates: count(account.duplicates)?,
        unreadable: count(account.unreadable)?,
        traces: count(account.traces)?,
        traces_outside: count(account.traces_outside)?,
        spans_outside: count(account.spans_outside)?,
        missing_parents: count(account.missing_parents)?,
        weighted_spans: count(account.weighted_spans)?,
        problems: count(account.problems)?,
        first: account.first,
        last: account.last,
        critical_ns: account.critical_ns,
        spans_in_parts: count(account.spans_in_parts)?,
    })
}

pub(super) fn sketch_from_wire(sketch: wire::Sketch) -> Option<Sketch> {
    if sketch.gaps.len() != sketch.counts.len() {
        return None;
    }
    let mut last: u32 = 0;
    let buckets = sketch
        .gaps
        .iter()
        .zip(&sketch.counts)
        .map(|(gap, count)| {
            last = last.checked_add(*gap)?;
            Some((u16::try_from(last).ok()?, *count))
        })
        .collect::<Option<Vec<(u16, u32)>>>()?;
    let sum = u128::from(sketch.sum_high) << 64 | u128::from(sketch.sum_low);
    let most = u128::from(count(sketch.count)?) * u128::from(sketch.max);
    if sum > most {
        return None;
    }
    Sketch::from_parts(&buckets, sketch.count, (sum, sketch.min, sketch.max))
}

fn exemplar_from_wire(exemplar: &wire::Exemplar) -> Exemplar {
    Exemplar {
        trace: TraceId {
            high: exemplar.trace_high,
            low: exemplar.trace_low,
        },
        span: SpanId(exemplar.span),
    }
}

pub(super) fn exemplars_from_wire(list: &[wire::Exemplar]) -> Exemplars {
    let mut exemplars = Exemplars::default();
    for exemplar in list {
        exemplars.offer(exemplar_from_wire(exemplar));
    }
    exemplars
}

fn slowest_from_wire(list: &[wire::Exemplar]) -> Slowest {
    let mut slowest = Slowest::default();
    for exemplar in list {
        slowest.offer(exemplar.value, exemplar_from_wire(exemplar));
    }
    slowest
}
