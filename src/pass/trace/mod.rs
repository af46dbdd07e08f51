//! Passes over traces: what a single request did wrong, folded over all of them.
//!
//! Each pass has a [`Watcher`](crate::fold::Watcher) that looks at every trace while it is folded, or at attempts and
//! requests many traces at a time where the trace does not matter, and a measure that reads its tables afterwards and knows no
//! spans. To add one, write `src/pass/trace/<name>.rs` and name it in [`PASSES`](crate::pass::PASSES).
//!
//! Tables are sums that merge in any order; what a pass keeps is written in its header, sum by sum. A pass
//! keeps nothing of a healthy call that an edge has already counted.

pub mod cells;

pub mod certificates;

pub mod circuit_breakers;

pub mod common_cause;

pub mod concurrency;

pub mod causality;

pub mod clock_skew;

pub mod deferrable;

pub mod gray_failure;

pub mod hedging;

pub mod locality;

pub mod lost_updates;

pub mod metastability;

pub mod phantoms;

pub mod physics;

pub mod sagas;

pub mod stages;

pub mod sequential_calls;

pub mod transmission;

pub mod origins;

pub mod zones;

pub mod shuffle_sharding;

pub mod versions;

pub mod critical_path;

pub mod latency_budget;

pub mod retries;

pub mod timeouts;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::algo::special::normal_tail;
use crate::algo::stats::TwoByTwo;
pub(in crate::pass) use crate::algo::stats::total;
use crate::fold::catalogue::NodeKind;
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::{Key, Record};
use crate::model::dictionary::Weight;
use crate::pass::Graph;

#[cfg(test)]
pub(crate) mod tests;

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

/// Returns a table whose keys are kept as they are, up to 50,000 of them.
pub(in crate::pass) const fn sums(name: &'static str, parts: [Part; 4]) -> TableOf {
    TableOf {
        name,
        layout: Layout {
            parts,
            bin: 0,
            limit: 50_000,
            group: 0,
        },
    }
}

/// Returns how many requests were seen, by service and operation of the entry point.
pub(in crate::pass) fn requests_by_entry<'a>(
    graph: &Graph<'a>,
) -> BTreeMap<(&'a str, &'a str), u64> {
    let mut requests: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for point in &graph.system.entries {
        let service = graph.system.vertices[point.service].name.as_str();
        let n = requests.entry((service, &point.operation)).or_default();
        *n = n.saturating_add(point.entry.requests);
    }
    requests
}

/// Adds the square of a value so many times to two sums: the part above 2^32, and that below.
#[inline]
pub(in crate::pass) fn add_square(record: &mut Record, sums: [usize; 2], value: u64, times: u64) {
    let square = u128::from(value) * u128::from(value) * u128::from(times);
    record.add(sums[0], u64::try_from(square >> 32).unwrap_or(u64::MAX));
    record.add(sums[1], square as u64 & u64::from(u32::MAX));
}

/// Returns the sum of the squares that [`add_square`] added to two sums.
pub(in crate::pass) fn square_sum(record: &Record, sums: [usize; 2]) -> f64 {
    let [high, low] = sums.map(|at| record.sums[at] as f64);
    high * 2f64.powi(32) + low
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
/// Several nodes of the topology may be one of the graph, so what is said per node has to be put together by name. Most are
/// one, and their records are not copied.
pub(in crate::pass) fn grouped<'a, K: Ord>(
    table: &'a Table,
    group: impl Fn(&Key) -> K,
) -> BTreeMap<K, Cow<'a, Record>> {
    let mut groups: BTreeMap<K, Cow<'a, Record>> = BTreeMap::new();
    for (key, record) in table.rows() {
        match groups.entry(group(key)) {
            Entry::Vacant(place) => {
                place.insert(Cow::Borrowed(record));
            }
            Entry::Occupied(sum) => sum.into_mut().to_mut().merge(record),
        }
    }
    groups
}

/// Returns the binary logarithm of a duration in units of 2^-10, within 0.09 of the true one; zero for durations up to 1 ns.
///
/// Between powers of two it is a straight line, so that sums are exact integers everywhere.
pub(in crate::pass) fn log2(ns: u64) -> u64 {
    let whole = u64::from(ns.max(1).ilog2());
    let above = u128::from(ns.max(1)) - (1 << whole);
    (whole << 10) + ((above << 10) >> whole) as u64
}

/// Returns the chance that the first fact goes with the second as often as it does if they are independent: Fisher's exact
/// test, and its normal approximation for more cases than that is made for.
pub(in crate::pass) fn p_greater(table: TwoByTwo) -> f64 {
    /// With this many cases the two agree to many digits, and the exact one takes long.
    const MANY: u64 = 1 << 20;
    let cases = [
        table.both,
        table.first_only,
        table.second_only,
        table.neither,
    ];
    if total(cases) < MANY {
        return table.p_greater();
    }
    let [a, b, c, d] = cases.map(|count| count as f64);
    let spread = (a + b) * (c + d) * (a + c) * (b + d);
    match spread > 0.0 {
        true => normal_tail((a * d - b * c) / spread.sqrt() * (a + b + c + d).sqrt()),
        false => 1.0,
    }
}

/// Returns the median, the lower of two; none of nothing.
pub(in crate::pass) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}
