//! The topology: everything topple keeps of the traces it has seen.
//!
//! It is a commutative monoid: [`Topology::empty`], [`crate::fold::Observer::observe`], [`Topology::merge`]. Sums are integers,
//! sketches have integer buckets, exemplars are chosen by a fixed order and bounds by hashes of content, so neither the
//! order of traces nor the tree of merges changes one byte of what [`crate::fold::codec`] writes. The one condition:
//! all spans of a trace are observed together.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry as MapEntry;
use rustc_hash::FxBuildHasher;

use crate::error::{Error, Result};
use crate::fold::catalogue::{Catalogue, Move, Node, NodeKind, USERS, Used};
use crate::fold::edge::{Edge, EdgeKey};
use crate::fold::exemplar::{Exemplar, Exemplars, Slowest};
use crate::fold::ledger::{Layout, Ledger, Part, TableOf};
use crate::fold::message::Messages;
use crate::fold::shape::{EntryKey, Shapes};
use crate::fold::sketch::Sketch;
use crate::model::names::{ABSENT, NameId};
use crate::trace::link::Class;

/// An instance of a service, as its resource tells; names of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// The node of the service.
    pub node: u32,
    /// Its instance id.
    pub instance: NameId,
    /// Its version.
    pub version: NameId,
    /// Its host.
    pub host: NameId,
    /// Its zone.
    pub zone: NameId,
    /// Its region.
    pub region: NameId,
    /// Its environment, such as production.
    pub environment: NameId,
}

/// What one instance emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Spans.
    pub spans: u64,
    /// Spans that failed.
    pub failed: u64,
    /// Health checks answered.
    pub health_checks: u64,
    /// Earliest start in nanoseconds since 1970; `u64::MAX` when unknown.
    pub first: u64,
    /// Latest start; zero when unknown.
    pub last: u64,
}

impl Default for Instance {
    fn default() -> Self {
        Instance {
            spans: 0,
            failed: 0,
            health_checks: 0,
            first: u64::MAX,
            last: 0,
        }
    }
}

/// Requests with more synchronous calls on their critical path are counted as having so many.
pub const MOST_HOPS: usize = 1_000;

/// What enters at one entry point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Requests seen.
    pub requests: u64,
    /// Requests, weighted, in units of 2^-20.
    pub weight: u64,
    /// Failed requests, weighted.
    pub failed: u64,
    /// Health checks among the requests seen.
    pub health_checks: u64,
    /// Durations of the roots.
    pub duration_ns: Sketch,
    /// Requests seen by synchronous call depth.
    pub depths: Vec<u64>,
    /// Requests by synchronous call depth, weighted.
    pub weights_by_depth: Vec<u64>,
    /// Requests by synchronous calls on their critical path, weighted; [`MOST_HOPS`] or more are counted as so many.
    pub weights_by_hops: Vec<u64>,
    /// Any requests.
    pub exemplars: Exemplars,
    /// Failed requests.
    pub failed_exemplars: Exemplars,
    /// The slowest requests.
    pub slowest: Slowest,
}

/// How much was read and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Spans by class.
    pub classes: [u64; Class::COUNT],
    /// Copies of spans.
    pub duplicates: u64,
    /// Spans that could not be read.
    pub unreadable: u64,
    /// Traces.
    pub traces: u64,
    /// Traces outside the time window asked for.
    pub traces_outside: u64,
    /// Spans of those traces.
    pub spans_outside: u64,
    /// Spans whose parent is not in the data.
    pub missing_parents: u64,
    /// Spans that carry a sampling weight.
    pub weighted_spans: u64,
    /// Things that could not be read.
    pub problems: u64,
    /// Earliest start in nanoseconds since 1970; `u64::MAX` when unknown.
    pub first: u64,
    /// Latest end; zero when unknown.
    pub last: u64,
    /// Time on all critical paths together.
    pub critical_ns: u64,
    /// Spans of traces that were looked at in parts, since they have too many.
    pub spans_in_parts: u64,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            classes: [0; Class::COUNT],
            duplicates: 0,
            unreadable: 0,
            traces: 0,
            traces_outside: 0,
            spans_outside: 0,
            missing_parents: 0,
            weighted_spans: 0,
            problems: 0,
            first: u64::MAX,
            last: 0,
            critical_ns: 0,
            spans_in_parts: 0,
        }
    }
}

impl Account {
    /// Returns all spans read.
    pub fn spans(&self) -> u64 {
        self.understood() + self.unreadable
    }

    /// Returns the spans of which enough could be read to use them.
    pub fn understood(&self) -> u64 {
        self.classes.iter().sum::<u64>() + self.duplicates + self.spans_outside
    }

    fn merge(&mut self, other: &Account) {
        for (mine, more) in self.classes.iter_mut().zip(other.classes) {
            *mine += more;
        }
        self.duplicates += other.duplicates;
        self.unreadable += other.unreadable;
        self.traces += other.traces;
        self.traces_outside += other.traces_outside;
        self.spans_outside += other.spans_outside;
        self.missing_parents += other.missing_parents;
        self.weighted_spans += other.weighted_spans;
        self.problems += other.problems;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.critical_ns = self.critical_ns.saturating_add(other.critical_ns);
        self.spans_in_parts += other.spans_in_parts;
    }
}

/// A bucket of a data set that was cut by trace id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// The data set, as its owner calls it.
    pub data_set: String,
    /// Number of buckets.
    pub of: u32,
    /// This bucket.
    pub index: u32,
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

/// A map whose order is never looked at.
pub type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// Everything kept of the traces seen.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Names and nodes.
    pub catalogue: Arc<Catalogue>,
    /// Edges.
    pub edges: Map<EdgeKey, Box<Edge>>,
    /// Instances.
    pub instances: Map<InstanceKey, Instance>,
    /// Entry points.
    pub entries: Map<EntryKey, Box<Entry>>,
    /// Request shapes.
    pub shapes: Shapes,
    /// Messages between traces.
    pub messages: Messages,
    /// What passes over traces keep.
    pub ledger: Ledger,
    /// Which service answered at which address.
    pub aliases: Map<(NameId, u32), ()>,
    /// How much was read.
    pub account: Account,
    /// The buckets it holds, if it was folded from shards.
    pub buckets: BTreeSet<Bucket>,
    /// Kinds of names of which some became `(other)`.
    pub overflowed: BTreeSet<String>,
}

impl Topology {
    /// Returns a topology that has seen nothing, over a catalogue.
    pub fn empty(catalogue: Arc<Catalogue>) -> Topology {
        Topology {
            catalogue,
            edges: Map::default(),
            instances: Map::default(),
            entries: Map::default(),
            shapes: Shapes::default(),
            messages: Messages::default(),
            ledger: Ledger::default(),
            aliases: Map::default(),
            account: Account::default(),
            buckets: BTreeSet::new(),
            overflowed: BTreeSet::new(),
        }
    }

    /// Returns the sum of two topologies.
    ///
    /// # Errors
    /// Fails when both hold the same bucket of the same data set: its traces would count twice.
    pub fn merge(mut a: Topology, mut b: Topology) -> Result<Topology> {
        if let Some(both) = a.buckets.intersection(&b.buckets).next() {
            let (index, of) = (both.index, both.of);
            let name = if both.data_set.is_empty() {
                String::new()
            } else {
                format!(" of {}", both.data_set)
            };
            return Err(Error::new(format!(
                "two topologies hold shard {index}/{of}{name}: its traces would count twice"
            ))
            .with_help("fold each shard once, or name the data sets apart with --data-set"));
        }
        if !Arc::ptr_eq(&a.catalogue, &b.catalogue) {
            let (joined, move_a, move_b) = Catalogue::join(&a.catalogue, &b.catalogue);
            let joined = Arc::new(joined);
            a.rename(&joined, &move_a);
            b.rename(&joined, &move_b);
        }
        let (edges, entries) = (&mut a.edges, &mut a.entries);
        let (shapes, messages) = (&mut a.shapes, &mut a.messages);
        rayon::join(
            || {
                merge_maps(edges, b.edges, |edge, more| edge.merge(more));
                merge_maps(entries, b.entries, |entry, more| entry.merge(more));
            },
            || {
                shapes.merge(b.shapes);
                messages.merge(b.messages);
            },
        );
        merge_maps(&mut a.instances, b.instances, Instance::merge);
        merge_maps(&mut a.aliases, b.aliases, |_, _| {});
        a.ledger.merge(&a.catalogue, b.ledger).map_err(|table| {
            Error::new(format!("two topologies lay out \"{table}\" differently"))
                .with_help("fold both again with the same version of topple")
        })?;
        a.account.merge(&b.account);
        a.buckets.extend(b.buckets);
        a.overflowed.extend(b.overflowed);
        Ok(a)
    }

    /// Gives everything the numbers of another catalogue.
    pub fn rename(&mut self, catalogue: &Arc<Catalogue>, moved: &Move) {
        let node = |old: u32| moved.nodes[old as usize];
        let text = |old: NameId| moved.texts[old as usize];
        self.edges = sorted(std::mem::take(&mut self.edges))
            .into_iter()
            .map(|(key, mut edge)| {
                edge.rename(&moved.texts);
                let key = EdgeKey {
                    from: node(key.from),
                    to: node(key.to),
                    ..key
                };
                (key, edge)
            })
            .collect();
        self.instances = sorted(std::mem::take(&mut self.instances))
            .into_iter()
            .map(|(key, instance)| {
                let key = InstanceKey {
                    node: node(key.node),
                    instance: text(key.instance),
                    version: text(key.version),
                    host: text(key.host),
                    zone: text(key.zone),
                    region: text(key.region),
                    environment: text(key.environment),
                };
                (key, instance)
            })
            .collect();
        self.entries = sorted(std::mem::take(&mut self.entries))
            .into_iter()
            .map(|(key, entry)| {
                let key = EntryKey {
                    node: node(key.node),
                    operation: text(key.operation),
                    kind: key.kind,
                };
                (key, entry)
            })
            .collect();
        self.aliases = sorted(std::mem::take(&mut self.aliases))
            .into_iter()
            .map(|((address, service), ())| ((text(address), node(service)), ()))
            .collect();
        self.shapes.rename(moved);
        self.messages.rename(moved);
        self.ledger.rename(moved);
        self.catalogue = Arc::clone(catalogue);
    }

    /// Gives up names and nodes that nothing uses and numbers the rest by their text, so that equal topologies are equal byte by byte.
    pub fn compact(&mut self) {
        let old = Arc::clone(&self.catalogue);
        let mut nodes = Used::of(old.nodes().len(), USERS);
        let mut texts = Used::of(old.texts().len(), ABSENT);
        for (key, edge) in sorted_refs(&self.edges) {
            nodes.extend([key.from, key.to]);
            for tally in [&edge.zones, &edge.regions, &edge.versions] {
                texts.extend(tally.entries().iter().flat_map(|((a, b), _)| [*a, *b]));
            }
            texts.extend(edge.errors.entries().iter().map(|(name, _)| *name));
        }
        for (key, _) in sorted_refs(&self.instances) {
            nodes.add(key.node);
            texts.extend([key.instance, key.version, key.host, key.zone]);
            texts.extend([key.region, key.environment]);
        }
        for (key, _) in sorted_refs(&self.entries) {
            nodes.add(key.node);
            texts.add(key.operation);
        }
        for ((address, node), ()) in sorted_refs(&self.aliases) {
            nodes.add(*node);
            texts.add(*address);
        }
        for shape in self.shapes.list() {
            nodes.extend(shape.steps.iter().map(|step| step.node));
            nodes.add(shape.entry.node);
            texts.add(shape.entry.operation);
        }
        for remainder in self.shapes.remainders() {
            nodes.add(remainder.entry.node);
            texts.add(remainder.entry.operation);
        }
        nodes.extend(self.messages.nodes());
        self.ledger.names(&mut nodes, &mut texts);
        let nodes = nodes.numbers();
        for &number in &nodes {
            let node = old.node(number);
            texts.extend([node.namespace, node.name, node.address]);
        }
        let texts = texts.numbers();
        let mut by_text: Vec<(&str, NameId)> = texts.iter().map(|&id| (old.text(id), id)).collect();
        by_text.sort_unstable();
        let mut new_texts: Vec<Box<str>> = Vec::new();
        let mut text_map = vec![ABSENT; old.texts().len()];
        for (text, id) in by_text {
            if new_texts.last().is_none_or(|last| **last != *text) {
                new_texts.push(text.into());
            }
            text_map[id as usize] = (new_texts.len() - 1) as NameId;
        }
        let new_nodes: Vec<Node> = nodes
            .iter()
            .map(|&number| old.node(number).renamed(&text_map))
            .collect();
        let catalogue = Catalogue::new(new_texts, new_nodes);
        let mut node_map = vec![USERS; old.nodes().len()];
        for &number in &nodes {
            let node = old.node(number).renamed(&text_map);
            node_map[number as usize] = catalogue
                .nodes()
                .binary_search(&node)
                .map_or(USERS, |at| at as u32);
        }
        let moved = Move {
            texts: text_map,
            nodes: node_map,
        };
        self.rename(&Arc::new(catalogue), &moved);
    }

    /// Returns whether a node is a service.
    pub fn is_service(&self, node: u32) -> bool {
        self.catalogue.node(node).kind == NodeKind::Service
    }
}

impl Instance {
    /// Adds another instance's sums.
    pub fn merge(&mut self, other: &Instance) {
        self.spans += other.spans;
        self.failed += other.failed;
        self.health_checks += other.health_checks;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl Entry {
    /// Adds another entry's sums.
    pub fn merge(&mut self, other: &Entry) {
        self.requests += other.requests;
        self.weight = self.weight.saturating_add(other.weight);
        self.failed = self.failed.saturating_add(other.failed);
        self.health_checks += other.health_checks;
        self.duration_ns.merge(&other.duration_ns);
        for (mine, more) in [
            (&mut self.depths, &other.depths),
            (&mut self.weights_by_depth, &other.weights_by_depth),
            (&mut self.weights_by_hops, &other.weights_by_hops),
        ] {
            for (level, sum) in more.iter().enumerate() {
                add_at(mine, level, *sum);
            }
        }
        self.exemplars.merge(&other.exemplars);
        self.failed_exemplars.merge(&other.failed_exemplars);
        self.slowest.merge(&other.slowest);
    }

    /// Counts one request.
    pub fn add(
        &mut self,
        exemplar: Exemplar,
        weight: u64,
        failed: bool,
        health_check: bool,
        duration: Option<u64>,
        (depth, hops): (usize, usize),
    ) {
        self.requests += 1;
        self.weight = self.weight.saturating_add(weight);
        self.health_checks += u64::from(health_check);
        self.exemplars.offer(exemplar);
        if failed {
            self.failed = self.failed.saturating_add(weight);
            self.failed_exemplars.offer(exemplar);
        }
        if let Some(duration) = duration {
            self.duration_ns.add(duration);
            self.slowest.offer(duration, exemplar);
        }
        add_at(&mut self.depths, depth, 1);
        add_at(&mut self.weights_by_depth, depth, weight);
        add_at(&mut self.weights_by_hops, hops.min(MOST_HOPS), weight);
    }
}

/// Adds to the sum of a level.
fn add_at(sums: &mut Vec<u64>, level: usize, more: u64) {
    if sums.len() <= level {
        sums.resize(level + 1, 0);
    }
    sums[level] = sums[level].saturating_add(more);
}

/// Adds the sums of a map to those of another. Neither the order of keys nor that of the two shows in sums.
fn merge_maps<K: Eq + Hash, V>(
    into: &mut Map<K, V>,
    mut from: Map<K, V>,
    merge: impl Fn(&mut V, &V),
) {
    if from.len() > into.len() {
        std::mem::swap(into, &mut from);
    }
    for (key, more) in from {
        match into.entry(key) {
            MapEntry::Vacant(place) => {
                place.insert(more);
            }
            MapEntry::Occupied(mut known) => merge(known.get_mut(), &more),
        }
    }
}

/// Returns the entries of a map by key.
pub fn sorted<K: Ord + Copy, V>(map: Map<K, V>) -> Vec<(K, V)> {
    let mut entries: Vec<(K, V)> = map.into_iter().collect();
    entries.sort_unstable_by_key(|entry| entry.0);
    entries
}

/// Returns references to the entries of a map by key.
pub fn sorted_refs<K: Ord, V>(map: &Map<K, V>) -> Vec<(&K, &V)> {
    let mut entries: Vec<(&K, &V)> = map.iter().collect();
    entries.sort_unstable_by_key(|entry| entry.0);
    entries
}
