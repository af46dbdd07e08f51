//! What single operations of edges do: sums from which means, their spread and shares follow.
//!
//! An edge has distributions; an edge and operation has sums alone, for there are many more of them. They are added where calls
//! are added to their edges, ordered by edge, and end in a table of the ledger, which bounds them: [`OPERATIONS`].
//!
//! A call has two names for what it asks for: that of the span that calls, and that of the span that answers, if one was seen.
//! Both are kept, since a caller often knows less (`GET` instead of `GET /cart/{id}`), and a call that nobody answered has one alone.
//!
//! Left out on purpose: messages, which nobody waits for, and calls of users, which entry points tell of.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::fold::calls::{CallRecord, NO_TIME};
use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::edge::EdgeKey;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::model::names::NameId;
use crate::model::span::Outcome;
use crate::trace::link::Retry;

/// Calls by caller, callee, and the operations of the calling and of the called span. The number says of what the sums are:
/// [`CALLING`], [`CALLED`] or [`REPEATING`].
pub const OPERATIONS: TableOf = TableOf {
    name: "operations",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Text, Part::Text],
        bin: 0,
        limit: 50_000,
        group: 4,
    },
};

/// Of attempts and what their callers waited for: the [`Moments`] at 0, and the sums below.
pub const CALLING: u64 = 0;
/// Of what callees worked, with the moments at 0, and of what lies between, at 4.
pub const CALLED: u64 = 1;
/// Of attempts that repeat another: their weight.
pub const REPEATING: u64 = 2;

/// Attempts seen.
pub const SEEN: usize = 4;
/// Traces in which they were.
pub const TRACES: usize = 5;
/// Attempts, weighted.
pub const ATTEMPTS: usize = 6;
/// Those that failed on either side, weighted.
pub const FAILED: usize = 7;

/// Where the moments of what lies between caller and callee begin.
pub const BETWEEN: usize = 4;

/// Combinations after which those that wait go to the table.
const WAITING: usize = 1 << 14;

/// How many times there are, their sum, and the sum of their squares: the part above 2^32 and the part below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments([u64; 4]);

impl Moments {
    fn add(&mut self, ns: u64) {
        if ns == NO_TIME {
            return;
        }
        let square = u128::from(ns) * u128::from(ns);
        let parts = [
            1,
            ns,
            u64::try_from(square >> 32).unwrap_or(u64::MAX),
            square as u64 & u64::from(u32::MAX),
        ];
        for (sum, part) in self.0.iter_mut().zip(parts) {
            *sum = sum.saturating_add(part);
        }
    }

    fn write(self, record: &mut Record, at: usize) {
        for (place, sum) in self.0.into_iter().enumerate() {
            record.add(at + place, sum);
        }
    }

    /// Reads the moments that begin at a sum of a record.
    pub fn of(record: &Record, at: usize) -> Moments {
        let mut moments = [0; 4];
        moments.copy_from_slice(&record.sums[at..at + 4]);
        Moments(moments)
    }

    /// Adds those of another record.
    pub fn merge(&mut self, other: Moments) {
        for (mine, more) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(more);
        }
    }

    /// Returns how many times there are.
    pub fn count(self) -> u64 {
        self.0[0]
    }

    /// Returns the mean, and the variance of a sample; none of nothing.
    pub fn mean_and_variance(self) -> Option<(f64, f64)> {
        let [count, sum, high, low] = self.0.map(|sum| sum as f64);
        if count == 0.0 {
            return None;
        }
        let mean = sum / count;
        let squares = high * 2f64.powi(32) + low;
        let variance = (squares / count - mean * mean).max(0.0);
        Some((mean, variance * count / (count - 1.0).max(1.0)))
    }
}

/// The sums of one combination on their way to the table.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    edge: u32,
    operations: [NameId; 2],
    /// The trace that was added last.
    serial: u64,
    calling: Moments,
    called: Moments,
    between: Moments,
    seen: u64,
    traces: u64,
    attempts: u64,
    failed: u64,
    repeated: u64,
}

/// Operations, and sums that wait to be added to them.
#[derive(Debug)]
pub(super) struct Operations {
    /// Places in `waiting`, by edge and operations.
    places: HashMap<(u32, [NameId; 2]), u32, FxBuildHasher>,
    waiting: Vec<Sums>,
    table: Table,
}

impl Default for Operations {
    fn default() -> Self {
        Operations {
            places: HashMap::default(),
            waiting: Vec::new(),
            table: Table::new(OPERATIONS.layout),
        }
    }
}

impl Operations {
    /// Adds a call.
    #[inline]
    pub(super) fn add(&mut self, key: &EdgeKey, record: &CallRecord) {
        if !key.sync || key.direct || key.from == USERS {
            return;
        }
        let waiting = &mut self.waiting;
        let of = (record.edge, record.operations);
        let place = *self.places.entry(of).or_insert_with(|| {
            waiting.push(Sums {
                edge: record.edge,
                operations: record.operations,
                ..Sums::default()
            });
            (waiting.len() - 1) as u32
        });
        let sums = &mut waiting[place as usize];
        sums.calling.add(record.client_ns);
        sums.called.add(record.server_ns);
        sums.between.add(record.network_ns);
        sums.seen += 1;
        sums.traces += u64::from(sums.serial != record.serial);
        sums.serial = record.serial;
        sums.attempts = sums.attempts.saturating_add(record.weight);
        let outcomes = [record.client_outcome, record.server_outcome];
        if outcomes.into_iter().flatten().any(Outcome::failed) {
            sums.failed = sums.failed.saturating_add(record.weight);
        }
        match record.retry {
            Retry::Marked | Retry::Hidden | Retry::Inferred => {
                sums.repeated = sums.repeated.saturating_add(record.weight);
            }
            Retry::First | Retry::Inner => {}
        }
    }

    /// Makes room if it is time: everything goes to the table. No call of a trace is added before it and another after.
    pub(super) fn make_room(&mut self, keys: &[EdgeKey], catalogue: &Catalogue) {
        if self.waiting.len() >= WAITING {
            self.pour(keys, catalogue);
        }
    }

    fn pour(&mut self, keys: &[EdgeKey], catalogue: &Catalogue) {
        self.places.clear();
        for sums in self.waiting.drain(..) {
            let key = &keys[sums.edge as usize];
            write(&sums, key, catalogue, &mut self.table);
        }
    }

    /// Returns the table of everything that was added.
    pub(super) fn finish(mut self, keys: &[EdgeKey], catalogue: &Catalogue) -> Table {
        self.pour(keys, catalogue);
        self.table.settle(catalogue);
        self.table
    }
}

fn write(sums: &Sums, key: &EdgeKey, catalogue: &Catalogue, table: &mut Table) {
    let [calling, called] = sums.operations;
    let parts = [key.from, key.to, calling, called];
    let record = table.at(catalogue, parts, CALLING);
    sums.calling.write(record, 0);
    for (at, more) in [
        (SEEN, sums.seen),
        (TRACES, sums.traces),
        (ATTEMPTS, sums.attempts),
        (FAILED, sums.failed),
    ] {
        record.add(at, more);
    }
    if sums.called.count() > 0 {
        let record = table.at(catalogue, parts, CALLED);
        sums.called.write(record, 0);
        sums.between.write(record, BETWEEN);
    }
    if sums.repeated > 0 {
        table.at(catalogue, parts, REPEATING).add(0, sums.repeated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_times() {
        let mut moments = Moments::default();
        assert_eq!(moments.mean_and_variance(), None);
        for ns in [NO_TIME, 2, 4, 9] {
            moments.add(ns);
        }
        let (mean, variance) = moments.mean_and_variance().unwrap();
        assert_eq!((moments.count(), mean), (3, 5.0));
        assert!((variance - 13.0).abs() < 1e-12, "{variance}");
        let hour = 3_600_000_000_000;
        let mut long = Moments::default();
        for ns in [hour, hour + 2_000_000_000] {
            long.add(ns);
        }
        let (mean, variance) = long.mean_and_variance().unwrap();
        assert_eq!(mean, hour as f64 + 1e9);
        assert!((variance / 2e18 - 1.0).abs() < 1e-3, "{variance}");
    }
}
