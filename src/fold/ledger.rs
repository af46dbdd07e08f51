//! What passes over traces keep: tables of sums, merged and written here once for all of them.
//!
//! A [`Table`] maps keys to [`Record`]s. A key has up to four parts (nodes, texts or plain numbers) and a number, often a
//! time. Records hold sums, a least and a most value, a distribution and exemplars, each of which merges whatever the
//! order. Texts and nodes are numbers of the catalogue and move with it.
//!
//! Every table is bounded. Times are kept in bins; while there are too many keys the bins are made twice as wide. When
//! they cannot be any wider, keys whose rank is not below a threshold go to [`Table::other`], and the threshold halves
//! until the rest fits. Both depend on the set of keys alone, so parts merge in any order to the same bytes.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::fold::catalogue::{Catalogue, Move, text_rank};
use crate::fold::exemplar::Exemplars;
use crate::fold::sketch::Sketch;
use crate::model::id::mix;
use crate::model::names::NameId;

/// Number of sums of a record.
pub const SUMS: usize = 8;

/// Bins are made wider at most this often; then one bin holds all times.
const MAX_SHIFT: u32 = 63;

/// What a part of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// Not used; always zero.
    Unused = 0,
    /// A node of the catalogue.
    Node = 1,
    /// A text of the catalogue.
    Text = 2,
    /// A number that means the same everywhere.
    Plain = 3,
}

impl Part {
    /// Every kind of part, by number.
    pub const ALL: [Part; 4] = [Part::Unused, Part::Node, Part::Text, Part::Plain];
}

/// The layout of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What the parts of a key are.
    pub parts: [Part; 4],
    /// Width of the bins of the key's number; zero when the number is kept as it is.
    pub bin: u64,
    /// Most keys kept.
    pub limit: u64,
    /// How many of the parts decide whether a key is kept, so that keys that share them stay together; zero for all
    /// parts and the number.
    pub group: u8,
}

/// A table of a pass: its name, unique among all passes, and its layout.
#[derive(Debug)]
pub struct TableOf {
    /// `pass` or `pass-what`.
    pub name: &'static str,
    /// The layout.
    pub layout: Layout,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Nodes, texts and plain numbers, as the layout says.
    pub parts: [u32; 4],
    /// A number, or the bin of one.
    pub number: u64,
}

/// Sums, extremes, a distribution and exemplars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Sums; each pass says what they count. They stop at `u64::MAX`.
    pub sums: [u64; SUMS],
    /// The least value offered; `u64::MAX` when none was.
    pub least: u64,
    /// The most offered; zero when none was.
    pub most: u64,
    /// A distribution; absent when empty.
    pub sketch: Option<Box<Sketch>>,
    /// Traces to look at.
    pub exemplars: Exemplars,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            sums: [0; SUMS],
            least: u64::MAX,
            most: 0,
            sketch: None,
            exemplars: Exemplars::default(),
        }
    }
}

impl Record {
    /// Adds to one of the sums.
    #[inline]
    pub fn add(&mut self, sum: usize, more: u64) {
        self.sums[sum] = self.sums[sum].saturating_add(more);
    }

    /// Offers a value for the least and the most.
    #[inline]
    pub fn offer(&mut self, value: u64) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    /// Adds a value to the distribution.
    #[inline]
    pub fn sample(&mut self, value: u64) {
        self.sketch.get_or_insert_default().add(value);
    }

    /// Adds another record.
    pub fn merge(&mut self, other: &Record) {
        for (mine, more) in self.sums.iter_mut().zip(other.sums) {
            *mine = mine.saturating_add(more);
        }
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        if let Some(sketch) = &other.sketch {
            self.sketch.get_or_insert_default().merge(sketch);
        }
        self.exemplars.merge(&other.exemplars);
    }
}

/// Records by key.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    records: HashMap<Key, Record, FxBuildHasher>,
    /// What went to no key of its own because there were too many.
    other: Option<Record>,
    /// How often the bins were made twice as wide.
    shift: u32,
    /// How often the threshold was halved.
    halvings: u32,
    /// Traces looked at.
    traces: u64,
}

impl Table {
    /// Returns an empty table.
    pub fn new(layout: Layout) -> Table {
        Table {
            layout,
            records: HashMap::default(),
            other: None,
            shift: 0,
            halvings: 0,
            traces: 0,
        }
    }

    /// Notes that one more trace was looked at.
    #[inline]
    pub(in crate::fold) fn see(&mut self) {
        self.traces += 1;
    }

    /// Returns the record of a key, new or known; the number is put into its bin here.
    #[inline]
    pub fn at(&mut self, catalogue: &Catalogue, parts: [u32; 4], number: u64) -> &mut Record {
        let number = number.checked_div(self.layout.bin).unwrap_or(number) >> self.shift;
        let key = Key { parts, number };
        if self.halvings == 0 && self.records.len() < self.limit() {
            return self.records.entry(key).or_default();
        }
        self.at_bound(catalogue, key)
    }

    fn limit(&self) -> usize {
        self.layout.limit as usize
    }

    /// Returns the record of a key whose number is in its bin, in a table that is full.
    fn at_bound(&mut self, catalogue: &Catalogue, mut key: Key) -> &mut Record {
        let is_full = |table: &Table, key: &Key| {
            table.records.len() >= table.limit() && !table.records.contains_key(key)
        };
        if self.layout.bin != 0 && self.shift < MAX_SHIFT && is_full(self, &key) {
            let by = self.widening_for(&key);
            self.widen(self.shift + by);
            key.number >>= by;
        }
        let rank = rank(&self.layout, catalogue, &key);
        while kept(rank, self.halvings) && is_full(self, &key) {
            self.halve(catalogue, self.halvings + 1);
        }
        if kept(rank, self.halvings) {
            self.records.entry(key).or_default()
        } else {
            self.other.get_or_insert_default()
        }
    }

    /// Returns the fewest further doublings of the bins that make room for a key, or as many as there may be.
    fn widening_for(&self, key: &Key) -> u32 {
        let mut keys: Vec<Key> = self.records.keys().copied().collect();
        keys.sort_unstable();
        let room = MAX_SHIFT.saturating_sub(self.shift);
        let wide = |key: &Key, by: u32| (key.parts, key.number >> by);
        let fits = |by: &u32| {
            let bins = keys.chunk_by(|a, b| wide(a, *by) == wide(b, *by)).count();
            bins < self.limit() || keys.iter().any(|known| wide(known, *by) == wide(key, *by))
        };
        (1..room).find(fits).unwrap_or(room)
    }

    /// Makes the bins as wide as after `shift` doublings.
    fn widen(&mut self, shift: u32) {
        let by = shift - self.shift;
        self.shift = shift;
        let records = std::mem::take(&mut self.records);
        for (mut key, record) in sorted(records) {
            key.number >>= by;
            self.records.entry(key).or_default().merge(&record);
        }
    }

    /// Lets go of keys above the threshold after so many halvings.
    fn halve(&mut self, catalogue: &Catalogue, halvings: u32) {
        self.halvings = halvings;
        let records = std::mem::take(&mut self.records);
        for (key, record) in sorted(records) {
            if kept(rank(&self.layout, catalogue, &key), halvings) {
                self.records.insert(key, record);
            } else {
                self.other.get_or_insert_default().merge(&record);
            }
        }
    }

    /// Adds the records of another table with the same layout and catalogue.
    fn merge(&mut self, catalogue: &Catalogue, mut other: Table) {
        let shift = self.shift.max(other.shift);
        let halvings = self.halvings.max(other.halvings);
        for table in [&mut *self, &mut other] {
            if table.shift < shift {
                table.widen(shift);
            }
            if table.halvings < halvings {
                table.halve(catalogue, halvings);
            }
        }
        for (mut key, record) in sorted(other.records) {
            // Making room for one key may have widened the bins.
            key.number >>= self.shift - shift;
            if self.records.len() < self.limit() && self.halvings == halvings {
                self.records.entry(key).or_default().merge(&record);
            } else {
                self.at_bound(catalogue, key).merge(&record);
            }
        }
        if let Some(record) = &other.other {
            self.other.get_or_insert_default().merge(record);
        }
        self.traces += other.traces;
    }

    fn rename(&mut self, moved: &Move) {
        let records = std::mem::take(&mut self.records);
        self.records = sorted(records)
            .into_iter()
            .map(|(mut key, record)| {
                for (part, of) in key.parts.iter_mut().zip(self.layout.parts) {
                    match of {
                        Part::Node => *part = moved.nodes[*part as usize],
                        Part::Text => *part = moved.texts[*part as usize],
                        Part::Unused | Part::Plain => {}
                    }
                }
                (key, record)
            })
            .collect();
    }

    /// Adds the nodes and texts that keys name.
    fn names(&self, nodes: &mut Vec<u32>, texts: &mut Vec<NameId>) {
        for (key, _) in self.rows() {
            for (part, of) in key.parts.iter().zip(self.layout.parts) {
                match of {
                    Part::Node => nodes.push(*part),
                    Part::Text => texts.push(*part),
                    Part::Unused | Part::Plain => {}
                }
            }
        }
    }

    /// Returns the layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns every record by key.
    pub fn rows(&self) -> Vec<(&Key, &Record)> {
        let mut rows: Vec<(&Key, &Record)> = self.records.iter().collect();
        rows.sort_unstable_by_key(|(key, _)| **key);
        rows
    }

    /// Returns the record of a key, if there is one.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    /// Returns the sums of keys that were let go because there were too many.
    pub fn other(&self) -> Option<&Record> {
        self.other.as_ref()
    }

    /// Returns the width of the bins in the unit of the numbers; 1 where numbers are kept as they are.
    pub fn width(&self) -> u64 {
        self.layout
            .bin
            .max(1)
            .saturating_mul(1 << self.shift.min(62))
    }

    /// Returns how many traces were looked at.
    pub fn traces(&self) -> u64 {
        self.traces
    }

    /// Returns how often the bins were made wider and the threshold halved.
    pub fn bounds(&self) -> (u32, u32) {
        (self.shift, self.halvings)
    }

    /// Returns a table of decoded parts.
    pub fn from_parts(
        layout: Layout,
        records: impl IntoIterator<Item = (Key, Record)>,
        other: Option<Record>,
        (shift, halvings): (u32, u32),
        traces: u64,
    ) -> Table {
        Table {
            records: records.into_iter().collect(),
            other,
            shift: shift.min(MAX_SHIFT),
            halvings,
            traces,
            ..Table::new(layout)
        }
    }
}

/// Returns the place of a key in the order of eviction, from texts and plain numbers alone.
fn rank(layout: &Layout, catalogue: &Catalogue, key: &Key) -> u64 {
    let (n, number) = match layout.group {
        0 => (4, key.number),
        n => (usize::from(n), 0),
    };
    let parts = key.parts.iter().zip(layout.parts).take(n);
    parts.fold(mix(number), |hash, (part, of)| {
        let word = match of {
            Part::Unused => 0,
            Part::Node => catalogue.rank(*part),
            Part::Text => text_rank(catalogue.text(*part)),
            Part::Plain => u64::from(*part),
        };
        mix(hash ^ word)
    })
}

fn kept(rank: u64, halvings: u32) -> bool {
    halvings == 0 || rank >> (64 - halvings.min(64)) == 0
}

fn sorted(records: HashMap<Key, Record, FxBuildHasher>) -> Vec<(Key, Record)> {
    let mut records: Vec<(Key, Record)> = records.into_iter().collect();
    records.sort_unstable_by_key(|(key, _)| *key);
    records
}

/// The tables of a topology, by name.
#[derive(Clone, Debug, Default)]
pub struct Ledger(BTreeMap<String, Table>);

impl Ledger {
    /// Returns a table, if traces were looked at for it.
    pub fn table(&self, of: &TableOf) -> Option<&Table> {
        self.0
            .get(of.name)
            .filter(|table| table.layout == of.layout)
    }

    /// Puts a table there, in place of one with the same name.
    pub fn insert(&mut self, name: &str, table: Table) {
        self.0.insert(name.to_owned(), table);
    }

    /// Returns every table, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.0.iter().map(|(name, table)| (&**name, table))
    }

    /// Adds the tables of another with the same catalogue; returns the name of a table whose layouts differ, if there is one.
    pub(in crate::fold) fn merge(
        &mut self,
        catalogue: &Catalogue,
        other: Ledger,
    ) -> Result<(), String> {
        for (name, table) in other.0 {
            match self.0.get_mut(&name) {
                Some(mine) if mine.layout == table.layout => mine.merge(catalogue, table),
                Some(_) => return Err(name),
                None => {
                    self.0.insert(name, table);
                }
            }
        }
        Ok(())
    }

    pub(in crate::fold) fn rename(&mut self, moved: &Move) {
        for table in self.0.values_mut() {
            table.rename(moved);
        }
    }

    pub(in crate::fold) fn names(&self, nodes: &mut Vec<u32>, texts: &mut Vec<NameId>) {
        for table in self.0.values() {
            table.names(nodes, texts);
        }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
