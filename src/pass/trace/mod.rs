//! Passes over traces: what a single request did wrong, folded over all of them.
//!
//! Each pass has a [`Watcher`](crate::fold::Watcher) that looks at every trace while it is folded, and a measure that
//! reads its tables afterwards and knows no spans. To add one, write `src/pass/trace/<name>.rs` and name it in
//! [`PASSES`](crate::pass::PASSES).
//!
//! Tables are sums that merge in any order; what a pass keeps is written in its header, sum by sum. A pass
//! keeps nothing of a healthy call that an edge has already counted.

pub mod deferrable;

pub mod lost_updates;

pub mod phantoms;

pub mod sagas;

pub mod sequential_calls;

pub mod transmission;

pub mod origins;

pub mod zones;

use std::collections::BTreeMap;

use crate::fold::catalogue::NodeKind;
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::{Key, Record, Table, TableOf};
use crate::model::dictionary::Weight;
use crate::pass::Graph;

#[cfg(test)]
mod tests;

impl<'a> Graph<'a> {
    /// Returns a table of a pass over traces, unless no trace was looked at for it: then the pass must say unknown.
    pub fn table(&self, of: &TableOf) -> Option<&'a Table> {
        self.system
            .rest
            .ledger
            .table(of)
            .filter(|table| table.traces() > 0)
    }

    /// Returns the logical calls, weighted, that wait for a service that emits spans.
    pub fn calls_between_services(&self) -> f64 {
        let arcs = self.system.arcs.iter().filter(|arc| {
            let (from, to) = (
                &self.system.vertices[arc.from],
                &self.system.vertices[arc.to],
            );
            arc.sync && from.kind != NodeKind::Users && to.kind == NodeKind::Service
        });
        Weight(total(arcs.map(|arc| arc.edge.calls))).value()
    }

    /// Returns the text of a name of the topology.
    pub fn text(&self, name: u32) -> &'a str {
        self.system.rest.catalogue.text(name)
    }

    /// Returns the name of a node of the topology, which may be the users' node.
    pub fn name_of(&self, number: u32) -> &'a str {
        let vertex = self.system.vertex_of[number as usize];
        &self.system.vertices[vertex].name
    }
}

/// Returns a sum that stops at `u64::MAX`: counts of a file may be anything.
pub(in crate::pass) fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// Returns the ids of the traces a record shows.
pub(in crate::pass) fn exemplars(record: &Record) -> Vec<String> {
    shown(&record.exemplars)
}

/// Returns the ids of the traces of exemplars.
pub(in crate::pass) fn shown(exemplars: &Exemplars) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for exemplar in exemplars.list() {
        let id = exemplar.trace.to_string();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Returns the records of a table, those put together that a function gives the same key, in the order of the keys.
///
/// Several nodes of the topology may be one of the graph, so what is said per node has to be put together by name.
pub(in crate::pass) fn grouped<K: Ord>(
    table: &Table,
    group: impl Fn(&Key) -> K,
) -> BTreeMap<K, Record> {
    let mut groups: BTreeMap<K, Record> = BTreeMap::new();
    for (key, record) in table.rows() {
        groups.entry(group(key)).or_default().merge(record);
    }
    groups
}
