//! From a topology to its message, section by section; everything in the order of its text.

use std::sync::Arc;

use prost::Message;

use crate::error::Result;
use crate::fold::codec::fields::{put_bytes, put_number, put_numbers};
use crate::fold::codec::{VERSION, wire};
use crate::fold::edge::{Edge, EdgeKey, Tally};
use crate::fold::exemplar::{Exemplar, Exemplars, Slowest};
use crate::fold::shape::{EntryKey, Shape, Step};
use crate::fold::sketch::Sketch;
use crate::fold::topology::{Account, Entry, Instance, InstanceKey, Topology, sorted_refs};
use crate::model::names::NameId;
use crate::near::{TOGETHER, ask_for};

/// What a section holds at most of edges, shapes and messages.
const SECTION: usize = 1 << 10;

/// Hands out all but the tables of a topology in sections, each a message with a few of its fields; written one after the
/// other they are one message. So only one section at a time is in memory twice.
pub(super) fn sections(
    topology: &Topology,
    n_tables: u32,
    mut write: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let catalogue = Arc::clone(&topology.catalogue);
    let nodes = catalogue.nodes().iter().map(|node| wire::Node {
        kind: node.kind as u32,
        namespace: node.namespace,
        name: node.name,
        address: node.address,
    });
    let (sent, taken, message_halvings) = {
        let halvings = topology.messages.halvings();
        let (sent, taken) = topology.messages.parts();
        (sent, taken, halvings)
    };
    write(
        &wire::Topology {
            version: VERSION,
            texts: catalogue
                .texts()
                .iter()
                .map(|text| text.to_string())
                .collect(),
            nodes: nodes.collect(),
            instances: sorted_refs(&topology.instances)
                .into_iter()
                .map(instance_to_wire)
                .collect(),
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
            message_halvings,
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
            n_tables,
            ..wire::Topology::default()
        }
        .encode_to_vec(),
    )?;
    for entries in sorted_refs(&topology.entries).chunks(SECTION) {
        let entries = entries.iter().map(|(key, entry)| entry_to_wire(key, entry));
        write(
            &wire::Topology {
                entries: entries.collect(),
                ..wire::Topology::default()
            }
            .encode_to_vec(),
        )?;
    }
    for edges in sorted_refs(&topology.edges).chunks(SECTION) {
        let edges = edges.iter().map(|(key, edge)| edge_to_wire(key, edge));
        write(
            &wire::Topology {
                edges: edges.collect(),
                ..wire::Topology::default()
            }
            .encode_to_vec(),
        )?;
    }
    let mut shapes: Vec<_> = topology.shapes.list().iter().collect();
    shapes.sort_unstable_by(|a, b| (a.entry, &a.steps).cmp(&(b.entry, &b.steps)));
    let (mut section, mut space) = (Vec::new(), Vec::new());
    for shapes in shapes.chunks(SECTION) {
        section.clear();
        for some in shapes.chunks(TOGETHER) {
            // Shapes and their steps lie in another order.
            for shape in some {
                ask_for(&shape.steps);
                ask_for(&shape.requests);
            }
            for shape in some {
                shape.steps.first().map(ask_for);
                shape.counts.first().map(ask_for);
            }
            for shape in some {
                space.clear();
                put_shape(&mut space, shape);
                put_bytes(&mut section, wire::SHAPES, &space);
            }
        }
        write(&section)?;
    }
    for sent in sent.chunks(SECTION) {
        let sent = sent.iter().map(|(key, sent)| wire::Sent {
            key: *key,
            node: sent.node,
            destination: sent.destination,
            end: sent.end,
        });
        write(
            &wire::Topology {
                sent: sent.collect(),
                ..wire::Topology::default()
            }
            .encode_to_vec(),
        )?;
    }
    for taken in taken.chunks(SECTION) {
        let taken = taken.iter().map(|(key, node, taken)| wire::Taken {
            key: *key,
            node: *node,
            start: taken.start,
            destination: taken.destination,
            weight: taken.weight,
            duration: taken.duration,
            failed: taken.failed,
            exemplar: Some(exemplar_to_wire(&taken.exemplar, 0)),
        });
        write(
            &wire::Topology {
                taken: taken.collect(),
                ..wire::Topology::default()
            }
            .encode_to_vec(),
        )?;
    }
    Ok(())
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
        off_path: (edge.off_path.calls > 0).then_some(wire::OffPath {
            calls: edge.off_path.calls,
            slack_ns: edge.off_path.slack_ns,
            least_ns: edge.off_path.least_ns,
            took_ns: edge.off_path.took_ns,
        }),
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

fn instance_to_wire((key, instance): (&InstanceKey, &Instance)) -> wire::Instance {
    wire::Instance {
        node: key.node,
        instance: key.instance,
        version: key.version,
        host: key.host,
        zone: key.zone,
        region: key.region,
        environment: key.environment,
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
        weights_by_depth: entry.weights_by_depth.clone(),
        weights_by_hops: entry.weights_by_hops.clone(),
        exemplars: exemplars_to_wire(&entry.exemplars),
        failed_exemplars: exemplars_to_wire(&entry.failed_exemplars),
        slowest: slowest_to_wire(&entry.slowest),
    }
}

/// Writes a [`wire::Shape`]: they are many, and their lists would have to be made first.
fn put_shape(out: &mut Vec<u8>, shape: &Shape) {
    let (steps, counts) = (shape.steps.iter(), shape.counts.iter());
    let depth = |step: &Step| u64::from(step.depth) << 1 | u64::from(step.sync);
    put_bytes(out, 1, &key_to_wire(&shape.entry).encode_to_vec());
    put_numbers(out, 2, steps.clone().map(depth));
    put_numbers(out, 3, steps.map(|step| u64::from(step.node)));
    put_numbers(out, 4, counts.clone().map(|count| u64::from(count.calls)));
    put_numbers(out, 5, counts.clone().map(|count| u64::from(count.failed)));
    let failed_requests = counts.map(|count| u64::from(count.failed_requests));
    put_numbers(out, 6, failed_requests);
    put_number(out, 7, shape.requests);
    put_number(out, 8, shape.weight);
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
        spans_in_parts: account.spans_in_parts,
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
