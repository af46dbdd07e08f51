//! The file format of a topology (`*.topo`): a magic line and a protobuf message, compressed with zstd.
//!
//! The content is `topple topology\n`, then the message [`wire::Topology`]. Its `version` rises when an older program
//! could misread the file; fields are added without raising it. Everything is written in the order of its text, so
//! equal topologies are equal files. Reading trusts nothing: numbers that point nowhere are an error, not a panic.

use std::sync::Arc;

use prost::Message;

use crate::error::{Error, Result};
use crate::fold::catalogue::{Catalogue, Node, NodeKind, USERS};
use crate::fold::edge::{Edge, EdgeKey, Tally};
use crate::fold::exemplar::{Exemplar, Exemplars, Slowest};
use crate::fold::message::{Messages, Sent, Taken};
use crate::fold::shape::{EntryKey, Remainder, ShapeParts, Shapes, Step, StepCount};
use crate::fold::sketch::Sketch;
use crate::fold::topology::{
    Account, Bucket, Entry, Instance, InstanceKey, Topology, sorted, sorted_refs,
};
use crate::fold::wire;
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::Protocol;
use crate::model::{SpanId, TraceId};
use crate::trace::link::EntryKind;

/// What the content of a topology file begins with.
pub const MAGIC: &[u8] = b"topple topology\n";

/// The version this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Level of compression: the default of zstd.
const LEVEL: i32 = 3;

/// Returns whether content begins like a topology.
pub fn is_topology(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Returns the file of a topology; equal topologies give equal bytes.
///
/// # Errors
/// Fails when the compressor does.
pub fn encode(topology: Topology) -> Result<Vec<u8>> {
    let message = to_wire(topology.compacted());
    let mut content = MAGIC.to_vec();
    content.reserve(message.encoded_len());
    message
        .encode(&mut content)
        .map_err(|error| Error::new(format!("cannot encode the topology: {error}")))?;
    zstd::bulk::compress(&content, LEVEL).map_err(|error| Error::io("topology", &error))
}

/// Returns the topology of (decompressed) content; `name` is the file for messages.
///
/// # Errors
/// Fails when the content is no topology, is damaged, or was written by a newer program.
pub fn decode(name: &str, content: &[u8]) -> Result<Topology> {
    let damaged = |what: &str| {
        Error::new(format!("{name}: damaged topology: {what}"))
            .with_help("fold it again from the traces")
    };
    let message = content
        .strip_prefix(MAGIC)
        .ok_or_else(|| damaged("the first line is missing"))?;
    let version = wire::Version::decode(message)
        .map_err(|error| damaged(&error.to_string()))?
        .version;
    if version == 0 {
        return Err(damaged("it has no version"));
    }
    if version > VERSION {
        return Err(Error::new(format!(
            "{name}: a topology of version {version}, this program reads up to version {VERSION}"
        ))
        .with_help("it was written by a newer topple: update this one"));
    }
    let message = wire::Topology::decode(message).map_err(|error| damaged(&error.to_string()))?;
    from_wire(message).ok_or_else(|| damaged("a number points nowhere or is too large"))
}

fn to_wire(topology: Topology) -> wire::Topology {
    let catalogue = Arc::clone(&topology.catalogue);
    let nodes = catalogue.nodes().iter().map(|node| wire::Node {
        kind: node.kind as u32,
        namespace: node.namespace,
        name: node.name,
        address: node.address,
    });
    let mut shapes: Vec<_> = topology.shapes.list().iter().collect();
    shapes.sort_unstable_by(|a, b| (a.entry, &a.steps).cmp(&(b.entry, &b.steps)));
    let (sent, taken) = topology.messages.clone().into_parts();
    wire::Topology {
        version: VERSION,
        texts: catalogue
            .texts()
            .iter()
            .map(|text| text.to_string())
            .collect(),
        nodes: nodes.collect(),
        edges: sorted_refs(&topology.edges)
            .into_iter()
            .map(|(key, edge)| edge_to_wire(key, edge))
            .collect(),
        instances: sorted(topology.instances.clone())
            .into_iter()
            .map(instance_to_wire)
            .collect(),
        entries: sorted_refs(&topology.entries)
            .into_iter()
            .map(|(key, entry)| entry_to_wire(key, entry))
            .collect(),
        shapes: shapes.into_iter().map(shape_to_wire).collect(),
        shape_halvings: topology.shapes.halvings(),
        remainders: topology
            .shapes
            .remainders()
            .iter()
            .map(|remainder| wire::Remainder {
                entry: Some(key_to_wire(&remainder.entry)),
                requests: remainder.requests,
                weight: remainder.weight,
            })
            .collect(),
        sent: sent
            .into_iter()
            .map(|(key, sent)| wire::Sent {
                key,
                node: sent.node,
                destination: sent.destination,
                end: sent.end,
            })
            .collect(),
        taken: taken
            .into_iter()
            .map(|(key, node, taken)| wire::Taken {
                key,
                node,
                start: taken.start,
                destination: taken.destination,
                weight: taken.weight,
                duration: taken.duration,
                failed: taken.failed,
                exemplar: Some(exemplar_to_wire(&taken.exemplar, 0)),
            })
            .collect(),
        message_halvings: topology.messages.halvings(),
        aliases: sorted_refs(&topology.aliases)
            .into_iter()
            .map(|((address, node), ())| wire::Alias {
                address: *address,
                node: *node,
            })
            .collect(),
        account: Some(account_to_wire(&topology.account)),
        buckets: topology
            .buckets
            .iter()
            .map(|bucket| wire::Bucket {
                data_set: bucket.data_set.clone(),
                of: bucket.of,
                index: bucket.index,
            })
            .collect(),
        overflowed: topology.overflowed.iter().cloned().collect(),
    }
}

fn edge_to_wire(key: &EdgeKey, edge: &Edge) -> wire::Edge {
    let pairs = |tally: &Tally<(NameId, NameId)>| {
        tally
            .entries()
            .iter()
            .map(|((a, b), count)| wire::Pair {
                a: *a,
                b: *b,
                count: *count,
            })
            .collect()
    };
    wire::Edge {
        from: key.from,
        to: key.to,
        protocol: key.protocol as u32,
        sync: key.sync,
        direct: key.direct,
        calls: edge.calls,
        attempts: edge.attempts,
        served: edge.served,
        failed_both: edge.failed_both,
        failed_client_only: edge.failed_client_only,
        failed_server_only: edge.failed_server_only,
        client_faults: edge.client_faults,
        timeouts: edge.timeouts,
        retries: edge.retries.to_vec(),
        grades: edge.grades.to_vec(),
        client_ns: Some(sketch_to_wire(&edge.client_ns)),
        server_ns: Some(sketch_to_wire(&edge.server_ns)),
        network_ns: Some(sketch_to_wire(&edge.network_ns)),
        queue_ns: Some(sketch_to_wire(&edge.queue_ns)),
        critical_ns: edge.critical_ns,
        traces: edge.traces,
        most_in_trace: edge.most_in_trace,
        first: edge.first,
        last: edge.last,
        zones: pairs(&edge.zones),
        regions: pairs(&edge.regions),
        versions: pairs(&edge.versions),
        errors: edge
            .errors
            .entries()
            .iter()
            .map(|(a, count)| wire::Pair {
                a: *a,
                b: 0,
                count: *count,
            })
            .collect(),
        exemplars: exemplars_to_wire(&edge.exemplars),
        failed_exemplars: exemplars_to_wire(&edge.failed_exemplars),
        slowest: slowest_to_wire(&edge.slowest),
    }
}

fn instance_to_wire((key, instance): (InstanceKey, Instance)) -> wire::Instance {
    wire::Instance {
        node: key.node,
        instance: key.instance,
        version: key.version,
        host: key.host,
        zone: key.zone,
        region: key.region,
        spans: instance.spans,
        failed: instance.failed,
        health_checks: instance.health_checks,
        first: instance.first,
        last: instance.last,
    }
}

fn key_to_wire(key: &EntryKey) -> wire::EntryKey {
    wire::EntryKey {
        node: key.node,
        operation: key.operation,
        kind: key.kind as u32,
    }
}

fn entry_to_wire(key: &EntryKey, entry: &Entry) -> wire::Entry {
    wire::Entry {
        key: Some(key_to_wire(key)),
        requests: entry.requests,
        weight: entry.weight,
        failed: entry.failed,
        health_checks: entry.health_checks,
        duration_ns: Some(sketch_to_wire(&entry.duration_ns)),
        depths: entry.depths.clone(),
        exemplars: exemplars_to_wire(&entry.exemplars),
        failed_exemplars: exemplars_to_wire(&entry.failed_exemplars),
        slowest: slowest_to_wire(&entry.slowest),
    }
}

fn shape_to_wire(shape: &crate::fold::shape::Shape) -> wire::Shape {
    let counts = |field: fn(&StepCount) -> u32| shape.counts.iter().map(field).collect();
    wire::Shape {
        entry: Some(key_to_wire(&shape.entry)),
        depths: shape
            .steps
            .iter()
            .map(|step| u32::from(step.depth) << 1 | u32::from(step.sync))
            .collect(),
        nodes: shape.steps.iter().map(|step| step.node).collect(),
        calls: counts(|count| count.calls),
        failed: counts(|count| count.failed),
        failed_requests: counts(|count| count.failed_requests),
        requests: shape.requests,
        weight: shape.weight,
    }
}

fn account_to_wire(account: &Account) -> wire::Account {
    wire::Account {
        classes: account.classes.to_vec(),
        duplicates: account.duplicates,
        unreadable: account.unreadable,
        traces: account.traces,
        traces_outside: account.traces_outside,
        spans_outside: account.spans_outside,
        missing_parents: account.missing_parents,
        weighted_spans: account.weighted_spans,
        problems: account.problems,
        first: account.first,
        last: account.last,
        critical_ns: account.critical_ns,
    }
}

fn sketch_to_wire(sketch: &Sketch) -> wire::Sketch {
    let (sum, min, max) = sketch.totals();
    // Differences between neighbours are small numbers.
    let mut last = 0;
    let gaps = sketch.buckets().map(|(bucket, _)| {
        let gap = bucket - last;
        last = bucket;
        u32::from(gap)
    });
    wire::Sketch {
        gaps: gaps.collect(),
        counts: sketch.buckets().map(|(_, count)| count).collect(),
        count: sketch.count(),
        sum_high: (sum >> 64) as u64,
        sum_low: sum as u64,
        min,
        max,
    }
}

fn exemplar_to_wire(exemplar: &Exemplar, value: u64) -> wire::Exemplar {
    wire::Exemplar {
        trace_high: exemplar.trace.high,
        trace_low: exemplar.trace.low,
        span: exemplar.span.0,
        value,
    }
}

fn exemplars_to_wire(exemplars: &Exemplars) -> Vec<wire::Exemplar> {
    exemplars
        .list()
        .map(|exemplar| exemplar_to_wire(exemplar, 0))
        .collect()
}

fn slowest_to_wire(slowest: &Slowest) -> Vec<wire::Exemplar> {
    slowest
        .list()
        .iter()
        .map(|(value, exemplar)| exemplar_to_wire(exemplar, *value))
        .collect()
}

/// What every count of a file must lie below, so that thousands of files add up without an overflow.
const COUNT_LIMIT: u64 = 1 << 48;

/// Returns a count, unless nothing real can have counted so far.
fn count(number: u64) -> Option<u64> {
    (number < COUNT_LIMIT).then_some(number)
}

fn counts(numbers: Vec<u64>) -> Option<Vec<u64>> {
    numbers.into_iter().map(count).collect()
}

/// Checks numbers against the catalogue.
struct Bounds {
    texts: usize,
    nodes: usize,
}

impl Bounds {
    fn text(&self, id: NameId) -> Option<NameId> {
        ((id as usize) < self.texts).then_some(id)
    }

    fn node(&self, node: u32) -> Option<u32> {
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

fn from_wire(message: wire::Topology) -> Option<Topology> {
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
        topology.edges.insert(key, edge);
    }
    for instance in message.instances {
        let (key, instance) = instance_from_wire(&instance, &bounds)?;
        topology.instances.insert(key, instance);
    }
    for entry in message.entries {
        let (key, entry) = entry_from_wire(entry, &bounds)?;
        topology.entries.insert(key, entry);
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

fn entry_from_wire(entry: wire::Entry, bounds: &Bounds) -> Option<(EntryKey, Entry)> {
    let key = bounds.key(entry.key)?;
    let value = Entry {
        requests: count(entry.requests)?,
        weight: entry.weight,
        failed: entry.failed,
        health_checks: count(entry.health_checks)?,
        duration_ns: sketch_from_wire(entry.duration_ns?)?,
        depths: counts(entry.depths)?,
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
    })
}

fn sketch_from_wire(sketch: wire::Sketch) -> Option<Sketch> {
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

fn exemplars_from_wire(list: &[wire::Exemplar]) -> Exemplars {
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
