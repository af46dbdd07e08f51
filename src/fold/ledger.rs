//! What passes over traces keep: tables of sums, merged and written here once for all of them.
//!
//! A [`Table`] maps keys to [`Record`]s. A key has up to four parts (nodes, texts or plain numbers) and a number, often a
//! time. Texts and nodes are numbers of the catalogue and move with it.
//!
//! Every table is bounded. Times are kept in bins; when there are too many keys the bins are made twice as wide until the
//! keys fit. When they cannot be any wider, keys whose rank is not below a threshold go to [`Table::other`], and the
//! threshold halves until the rest fits. Both depend on the set of keys alone, so parts merge in any order to the same bytes.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::fold::catalogue::{Catalogue, Move, Used};
use crate::fold::pile::Pile;
use crate::fold::places::Places;
use crate::fold::record::{Key, Record};
use crate::model::id::mix;
use crate::near::{TOGETHER, ask_for};

/// Bins are made wider at most this often; then one bin holds all times.
const MAX_SHIFT: u32 = 63;

/// A table with more than this part of its limit is expected to reach it.
const SMALL: usize = 8;

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

/// A key and its record: two cache lines that lie side by side, the key and the first sums in one.
#[derive(Clone, Debug, Default)]
#[repr(C, align(128))]
struct Row {
    key: Key,
    record: Record,
}

const _: () = assert!(size_of::<Row>() == 128, "a row grew past two cache lines");

/// Records by key.
///
/// Between two looks at the bound a table holds more keys than its limit (see [`Table::most`]), so that making room is rare;
/// what is read, merged or written has been settled and is within it.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    /// Places in `records` by the hash of the key.
    places: Places,
    /// In the order in which the keys came.
    records: Pile<Row>,
    /// The place of the record asked for last: what stands together is often of one key.
    last: usize,
    /// What went to no key of its own because there were too many.
    other: Option<Record>,
    /// How often the bins were made twice as wide.
    shift: u32,
    /// How often the threshold was halved.
    halvings: u32,
    /// Traces looked at.
    traces: u64,
    /// Space for what is sought.
    sought: Vec<Sought>,
}

/// A key that is looked for.
#[derive(Clone, Copy, Debug, Default)]
struct Sought {
    key: Key,
    hash: u64,
    /// Where its record is, as half of the hash has it; `usize::MAX` until it is found.
    place: usize,
    /// The items it is sought for: what stands together is often of one key.
    from: usize,
    until: usize,
}

impl Sought {
    /// Returns a key that is sought for one item.
    #[inline]
    fn of(key: Key, item: usize) -> Sought {
        Sought {
            key,
            hash: key.hash(),
            place: usize::MAX,
            from: item,
            until: item + 1,
        }
    }
}

/// Keys that are looked for at a time.
const SOUGHT: usize = 128;

/// Of these so many are looked at before others are.
const BLOCK: usize = 16;

impl Table {
    /// Returns an empty table.
    pub fn new(layout: Layout) -> Table {
        Table {
            layout,
            places: Places::default(),
            records: Pile::new(),
            last: 0,
            other: None,
            shift: 0,
            halvings: 0,
            traces: 0,
            sought: Vec::new(),
        }
    }

    /// Notes that more traces were looked at.
    pub(in crate::fold) fn see(&mut self, traces: u64) {
        self.traces += traces;
    }

    /// Returns the record of a key, new or known; the number is put into its bin here.
    #[inline]
    pub fn at(&mut self, catalogue: &Catalogue, parts: [u32; 4], number: u64) -> &mut Record {
        let number = self.binned(number);
        self.at_key(catalogue, Key { parts, number })
    }

    #[inline]
    fn at_key(&mut self, catalogue: &Catalogue, key: Key) -> &mut Record {
        if self.last >= self.records.len() || self.records[self.last].key != key {
            match self.place(&key) {
                Some(place) => self.last = place,
                None => return self.at_new(catalogue, key),
            }
        }
        &mut self.records[self.last].record
    }

    /// Gives the record of every item that has a key to a function, in their order. A table is larger than a cache, so what is looked at for
    /// an item is asked for while other items are at hand: first the slot, then the record, then what lies beyond it.
    pub fn for_each<T>(
        &mut self,
        catalogue: &Catalogue,
        items: &[T],
        key: impl Fn(&T) -> Option<([u32; 4], u64)>,
        mut add: impl FnMut(&T, &mut Record),
    ) {
        let mut sought = std::mem::take(&mut self.sought);
        let mut at = 0;
        while at < items.len() {
            at = self.seek(items, at, &key, &mut sought);
            let (shift, halvings, n) = (self.shift, self.halvings, self.records.len());
            let blocks = sought.len().div_ceil(BLOCK);
            for step in 0..blocks + 3 {
                let block = |behind: usize| {
                    let block = step.checked_sub(behind).filter(|block| *block < blocks);
                    let from = block.map_or(0, |block| block * BLOCK);
                    from..block.map_or(0, |_| sought.len().min(from + BLOCK))
                };
                let [first, second, third, fourth] = [0, 1, 2, 3].map(block);
                sought[first].iter().for_each(|of| self.places.ask(of.hash));
                self.find(&mut sought[second]);
                self.ask(&sought[third]);
                for of in &sought[fourth] {
                    // Records may have moved since, and bins become wider.
                    let number = of.key.number >> (self.shift - shift);
                    let key = Key { number, ..of.key };
                    let is_as_it_was =
                        (shift, halvings, n) == (self.shift, self.halvings, self.records.len());
                    let record = match of.place {
                        usize::MAX if is_as_it_was => self.at_new(catalogue, key),
                        place => self.at_probably(catalogue, key, place),
                    };
                    for item in &items[of.from..of.until] {
                        add(item, record);
                    }
                }
            }
        }
        self.sought = sought;
    }

    /// Fills the list of what is sought for items from one on; returns the first item for which there is no room any more.
    #[inline]
    fn seek<T>(
        &self,
        items: &[T],
        from: usize,
        key: impl Fn(&T) -> Option<([u32; 4], u64)>,
        sought: &mut Vec<Sought>,
    ) -> usize {
        sought.clear();
        for (at, item) in items.iter().enumerate().skip(from) {
            let Some((parts, number)) = key(item) else {
                continue;
            };
            let number = self.binned(number);
            let key = Key { parts, number };
            let is_of = |last: &&mut Sought| last.key == key && last.until == at;
            if let Some(last) = sought.last_mut().filter(is_of) {
                last.until += 1;
            } else if sought.len() < SOUGHT {
                sought.push(Sought::of(key, at));
            } else {
                return at;
            }
        }
        items.len()
    }

    /// Returns the record of a key, new or known, that is probably where it was found.
    #[inline]
    fn at_probably(&mut self, catalogue: &Catalogue, key: Key, place: usize) -> &mut Record {
        self.last = place;
        self.at_key(catalogue, key)
    }

    /// Finds where records probably are, and asks for them.
    #[inline]
    fn find(&self, sought: &mut [Sought]) {
        for of in sought {
            of.place = self.places.find(of.hash, |_| true).unwrap_or(usize::MAX);
            if let Some(row) = self.records.get(of.place) {
                ask_for(&row.key);
                ask_for(&row.record.most);
            }
        }
    }

    /// Asks for what lies beyond records that were found.
    #[inline]
    fn ask(&self, sought: &[Sought]) {
        let rows = sought.iter().filter_map(|of| self.records.get(of.place));
        rows.clone().for_each(|row| row.record.ask());
        rows.for_each(|row| row.record.ask_beyond());
    }

    /// Returns the record of all keys that were let go, if all keys that share the deciding parts with this one were.
    pub fn let_go(&mut self, catalogue: &Catalogue, parts: [u32; 4]) -> Option<&mut Record> {
        let key = Key { parts, number: 0 };
        let is_kept = self.layout.group == 0
            || self.halvings == 0
            || kept(rank(&self.layout, catalogue, &key), self.halvings);
        (!is_kept).then(|| self.other.get_or_insert_default())
    }

    #[inline]
    fn binned(&self, number: u64) -> u64 {
        number.checked_div(self.layout.bin).unwrap_or(number) >> self.shift
    }

    /// Returns where the record of a key is.
    #[inline]
    fn place(&self, key: &Key) -> Option<usize> {
        let is_key = |place: usize| self.records[place].key == *key;
        self.places.find(key.hash(), is_key)
    }

    /// Returns the record of a key that has none yet.
    fn at_new(&mut self, catalogue: &Catalogue, mut key: Key) -> &mut Record {
        if self.records.len() >= self.most() {
            let shift = self.shift;
            self.settle(catalogue);
            key.number >>= self.shift - shift;
            if let Some(place) = self.place(&key) {
                return &mut self.records[place].record;
            }
        }
        if self.halvings > 0 && !kept(rank(&self.layout, catalogue, &key), self.halvings) {
            return self.other.get_or_insert_default();
        }
        self.push(key, Record::default());
        let last = self.records.len() - 1;
        &mut self.records[last].record
    }

    /// Adds a key that has no record yet.
    fn push(&mut self, key: Key, record: Record) {
        if self.records.len() == self.limit() / SMALL {
            self.places.reserve(self.most());
        }
        self.records.push(Row { key, record });
        self.note(&key, self.records.len() - 1);
    }

    /// Notes where the record of a key is.
    fn note(&mut self, key: &Key, place: usize) {
        self.places.insert(key.hash(), place);
    }

    /// Adds a record to that of its key.
    fn add(&mut self, key: Key, record: Record) {
        match self.place(&key) {
            Some(place) => self.records[place].record.absorb(record),
            None => self.push(key, record),
        }
    }

    fn limit(&self) -> usize {
        self.layout.limit as usize
    }

    /// Returns how many keys there are before room is made. Bins become wider again and again while times go on; other tables
    /// are larger, and theirs is made seldom.
    fn most(&self) -> usize {
        let limit = self.limit();
        match self.layout.bin {
            0 => limit + limit / 4,
            _ => limit + limit / 2,
        }
    }

    /// Makes bins as wide, and the threshold as low, as the limit asks for and no more.
    pub(in crate::fold) fn settle(&mut self, catalogue: &Catalogue) {
        let is_binned = self.layout.bin != 0;
        if self.records.len() > self.limit() && is_binned && (1..MAX_SHIFT).contains(&self.shift) {
            // When bins were too narrow before, twice their width is mostly enough, and is sooner tried than told.
            self.widen(self.shift + 1);
        }
        if self.records.len() > self.limit() && is_binned && self.shift < MAX_SHIFT {
            let by = self.widening();
            self.widen(self.shift + by);
        }
        while self.records.len() > self.limit() && self.halvings < u64::BITS {
            self.halve(catalogue, self.halvings + 1);
        }
    }

    /// Returns the fewest further doublings of the bins after which the keys fit, or as many as there may be.
    fn widening(&self) -> u32 {
        let mut keys: Vec<Key> = Vec::with_capacity(self.records.len());
        keys.extend(self.records.iter().map(|row| row.key));
        keys.sort_unstable();
        // After how many doublings a key is that of the one before it, if ever.
        let mut joins = [0; u64::BITS as usize + 1];
        for pair in keys.windows(2) {
            if pair[0].parts == pair[1].parts {
                let differing = pair[0].number ^ pair[1].number;
                joins[(u64::BITS - differing.leading_zeros()) as usize] += 1;
            }
        }
        let mut left = keys.len();
        let most = MAX_SHIFT - self.shift;
        let is_enough = |by: &u32| {
            left -= joins[*by as usize];
            left <= self.limit()
        };
        (1..most).find(is_enough).unwrap_or(most)
    }

    /// Makes the bins as wide as after `shift` doublings.
    fn widen(&mut self, shift: u32) {
        let by = shift - self.shift;
        self.shift = shift;
        for place in 0..self.records.len() {
            self.records[place].key.number >>= by;
        }
        self.renew(|_| true);
    }

    /// Lets go of keys above the threshold after so many halvings.
    fn halve(&mut self, catalogue: &Catalogue, halvings: u32) {
        self.halvings = halvings;
        let layout = self.layout;
        self.renew(|key| kept(rank(&layout, catalogue, key), halvings));
    }

    /// Finds places anew after keys have changed: keys that have become one are added up, those that are not to be kept go
    /// to the others. Records move up in the space there is, for space that was never used costs more than moving.
    fn renew(&mut self, is_kept: impl Fn(&Key) -> bool) {
        self.places.clear();
        let (mut n, len) = (0, self.records.len());
        for from in (0..len).step_by(TOGETHER) {
            let together = from..len.min(from + TOGETHER);
            let mut sought = [Sought::default(); TOGETHER];
            let sought = &mut sought[..together.len()];
            for (of, at) in sought.iter_mut().zip(together.clone()) {
                *of = Sought::of(self.records[at].key, at);
                self.places.ask(of.hash);
            }
            self.find(sought);
            self.ask(sought);
            for (Sought { key, .. }, at) in sought.iter().zip(together) {
                if !is_kept(key) {
                    let record = std::mem::take(&mut self.records[at].record);
                    self.other.get_or_insert_default().absorb(record);
                } else if let Some(place) = self.place(key) {
                    let record = std::mem::take(&mut self.records[at].record);
                    self.records[place].record.absorb(record);
                } else {
                    if n < at {
                        self.records[n] = std::mem::take(&mut self.records[at]);
                    }
                    self.note(key, n);
                    n += 1;
                }
            }
        }
        self.records.truncate(n);
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
        for Row { key, record } in other.records {
            self.add(key, record);
        }
        if let Some(record) = &other.other {
            self.other.get_or_insert_default().merge(record);
        }
        self.traces += other.traces;
        self.settle(catalogue);
    }

    fn rename(&mut self, moved: &Move) {
        for place in 0..self.records.len() {
            let key = &mut self.records[place].key;
            for (part, of) in key.parts.iter_mut().zip(self.layout.parts) {
                match of {
                    Part::Node => *part = moved.nodes[*part as usize],
                    Part::Text => *part = moved.texts[*part as usize],
                    Part::Unused | Part::Plain => {}
                }
            }
        }
        self.renew(|_| true);
    }

    /// Adds the nodes and texts that keys name.
    fn names(&self, nodes: &mut Used, texts: &mut Used) {
        for Row { key, .. } in self.records.iter() {
            for (part, of) in key.parts.iter().zip(self.layout.parts) {
                match of {
                    Part::Node => nodes.add(*part),
                    Part::Text => texts.add(*part),
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
        // Keys are compared where they lie side by side, not record by record.
        let mut keys: Vec<(Key, usize)> = Vec::with_capacity(self.records.len());
        keys.extend(self.records.iter().map(|row| row.key).zip(0..));
        keys.sort_unstable();
        let row = |(_, place): (Key, usize)| {
            let row = &self.records[place];
            (&row.key, &row.record)
        };
        keys.into_iter().map(row).collect()
    }

    /// Returns the record of a key, if there is one.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.place(key).map(|place| &self.records[place].record)
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
        let mut table = Table {
            other,
            shift: shift.min(MAX_SHIFT),
            halvings,
            traces,
            ..Table::new(layout)
        };
        for (key, record) in records {
            table.add(key, record);
        }
        table
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
            Part::Text => catalogue.text_rank(*part),
            Part::Plain => u64::from(*part),
        };
        mix(hash ^ word)
    })
}

fn kept(rank: u64, halvings: u32) -> bool {
    halvings == 0 || rank >> (64 - halvings.min(64)) == 0
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
        let tables = self.0.par_iter_mut();
        tables.for_each(|(_, table)| table.rename(moved));
    }

    /// Takes the tables out, by name.
    pub(in crate::fold) fn into_tables(self) -> impl Iterator<Item = (String, Table)> {
        self.0.into_iter()
    }

    pub(in crate::fold) fn names(&self, nodes: &mut Used, texts: &mut Used) {
        for table in self.0.values() {
            table.names(nodes, texts);
        }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
