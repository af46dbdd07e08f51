//! Interned names: every distinct text once, as a number, bounded per class.
//!
//! Names can explode (an operation per user, an instance per request). Past [`Class::bound`] names of a class, those
//! whose hash is not below a threshold become [`OTHER`]; the threshold halves until the rest fits. It is a function
//! of the set of names alone, so neither the order of spans nor the split over threads changes which names stay:
//! a part of the set never has a lower threshold than the whole.
//!
//! While reading goes on, an [`Interner`] gives names numbers in the order in which they come; then [`Names`] have numbers in the
//! order of class and text, whoever read what.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher;

use crate::model::id::mix;

/// The number of a name in one table.
pub type NameId = u32;

/// The absent name, the empty text.
pub const ABSENT: NameId = 0;

/// What names past the bound of their class become.
pub const OTHER: NameId = 1;

/// The text of [`OTHER`].
pub const OTHER_TEXT: &str = "(other)";

/// What a name names; every class has a bound of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Services, namespaces, zones, regions, languages.
    Service = 0,
    /// Operations.
    Operation = 1,
    /// Peers, their addresses, destinations.
    Peer = 2,
    /// Instances and hosts.
    Instance = 3,
    /// Versions, kinds of errors, feature flags and what they say.
    Label = 4,
}

/// Number of classes.
const N_CLASSES: usize = 5;

impl Class {
    /// Returns how many names of the class are kept.
    ///
    /// A service that takes requests from users holds some 2.5 kB, and a peer hardly less, so that twice as many would not fit into the
    /// memory that a run may take; the largest system of which a number is published has more than 18,500 (Huye et al., USENIX ATC 2023).
    pub fn bound(self) -> usize {
        match self {
            Class::Operation => 1 << 16,
            Class::Service | Class::Peer | Class::Instance | Class::Label => 1 << 15,
        }
    }

    /// Returns what the class names, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Class::Service => "service",
            Class::Operation => "operation",
            Class::Peer => "peer",
            Class::Instance => "instance",
            Class::Label => "version, error or flag",
        }
    }
}

/// Gives names numbers as they come.
#[derive(Debug)]
pub struct Interner {
    /// Hash and number; a text may be there twice when it was joined of different parts.
    table: HashTable<(u64, NameId)>,
    text: String,
    entries: Vec<Entry>,
    counts: [usize; N_CLASSES],
    /// A name of a class is kept when its spread hash shifted right by 64 - this is zero, or the shift is zero.
    halvings: [u32; N_CLASSES],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    class: Class,
}

impl Default for Interner {
    fn default() -> Self {
        let mut names = Interner {
            table: HashTable::new(),
            text: String::new(),
            entries: Vec::new(),
            counts: [0; N_CLASSES],
            halvings: [0; N_CLASSES],
        };
        // Absent and other are not in the hash table: `intern` never meets them.
        for text in ["", OTHER_TEXT] {
            names.append(Class::Service, text);
        }
        names
    }
}

fn hash(class: Class, text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(class as u8);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Returns the place of a name in the order of eviction; the largest go first.
///
/// Written out (FNV-1a, then mixed) since it decides what stays in files: it must never change with a dependency.
fn rank(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// Returns whether a name of this rank is kept after so many halvings.
fn kept(rank: u64, halvings: u32) -> bool {
    halvings == 0 || rank >> (64 - halvings.min(64)) == 0
}

impl Interner {
    /// Returns the number of a text, which is new or known; the empty text is [`ABSENT`].
    #[inline]
    pub fn intern(&mut self, class: Class, text: &str) -> NameId {
        if text.is_empty() {
            return ABSENT;
        }
        if text == OTHER_TEXT {
            return OTHER;
        }
        let hash = hash(class, text);
        let (entries, bytes) = (&self.entries, &self.text);
        let found = self.table.find(hash, |&(_, id)| {
            let entry = entries[id as usize];
            entry.class == class && bytes[entry.start as usize..entry.end as usize] == *text
        });
        match found {
            Some(&(_, id)) => id,
            None => self.add(class, text, hash),
        }
    }

    /// Returns the number of the two parts with a separator between them.
    #[inline]
    pub fn intern_joined(
        &mut self,
        class: Class,
        first: &str,
        separator: char,
        second: &str,
    ) -> NameId {
        let hash = hash(class, first).rotate_left(23) ^ hash(class, second);
        let (entries, bytes) = (&self.entries, self.text.as_bytes());
        let found = self.table.find(hash, |&(_, id)| {
            let entry = entries[id as usize];
            let text = &bytes[entry.start as usize..entry.end as usize];
            // The separator is one byte: see the callers.
            entry.class == class
                && text.len() == first.len() + 1 + second.len()
                && text.ends_with(second.as_bytes())
                && text.starts_with(first.as_bytes())
                && text[first.len()] == separator as u8
        });
        match found {
            Some(&(_, id)) => id,
            None => self.add(class, &format!("{first}{separator}{second}"), hash),
        }
    }

    #[cold]
    fn add(&mut self, class: Class, text: &str, hash: u64) -> NameId {
        let c = class as usize;
        if !kept(rank(text), self.halvings[c]) || self.text.len() + text.len() > u32::MAX as usize {
            return OTHER;
        }
        let id = self.append(class, text);
        self.counts[c] += 1;
        if self.counts[c] > 2 * class.bound() {
            self.halve(class);
            if !kept(rank(text), self.halvings[c]) {
                return OTHER;
            }
        }
        self.table.insert_unique(hash, (hash, id), |entry| entry.0);
        id
    }

    fn append(&mut self, class: Class, text: &str) -> NameId {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.entries.push(Entry {
            start,
            end: self.text.len() as u32,
            class,
        });
        (self.entries.len() - 1) as NameId
    }

    /// Lowers the threshold of a class until it fits. Names past it keep their number until they are put in order.
    ///
    /// There may be twice as many as the bound, since a text may be there twice; so the threshold is never lower than that of the
    /// names in order.
    fn halve(&mut self, class: Class) {
        let c = class as usize;
        while self.counts[c] > 2 * class.bound() {
            self.halvings[c] += 1;
            let halvings = self.halvings[c];
            let (entries, bytes) = (&self.entries, &self.text);
            let text = |id: NameId| {
                let entry = entries[id as usize];
                &bytes[entry.start as usize..entry.end as usize]
            };
            self.table.retain(|&mut (_, id)| {
                entries[id as usize].class != class || kept(rank(text(id)), halvings)
            });
            self.counts[c] = entries
                .iter()
                .enumerate()
                .skip(2)
                .filter(|(id, entry)| {
                    entry.class == class && kept(rank(text(*id as NameId)), halvings)
                })
                .count();
        }
    }

    fn text(&self, id: NameId) -> &str {
        let entry = self.entries[id as usize];
        &self.text[entry.start as usize..entry.end as usize]
    }

    /// Returns the names in the order of class and text, within their bounds, and what became of each number.
    pub fn in_order(mut self) -> (Names, Vec<NameId>) {
        self.table = HashTable::new();
        let class = |id: NameId| self.entries[id as usize].class;
        let name = |id: NameId| (class(id), self.text(id));
        let mut order: Vec<NameId> = (2..self.entries.len() as NameId).collect();
        order.sort_unstable_by(|a, b| name(*a).cmp(&name(*b)));
        let mut map = vec![OTHER; self.entries.len()];
        map[ABSENT as usize] = ABSENT;
        let mut names = Names::default();
        for of_class in order.chunk_by(|a, b| class(*a) == class(*b)) {
            let class = class(of_class[0]);
            let alike = || of_class.chunk_by(|a, b| self.text(*a) == self.text(*b));
            let is_kept = |ids: &[NameId], halvings| kept(rank(self.text(ids[0])), halvings);
            let mut halvings = self.halvings[class as usize];
            while alike().filter(|ids| is_kept(ids, halvings)).count() > class.bound() {
                halvings += 1;
            }
            if halvings > 0 {
                names.overflowed.push(class);
            }
            for ids in alike().filter(|ids| is_kept(ids, halvings)) {
                let number = names.push(self.text(ids[0]));
                ids.iter().for_each(|id| map[*id as usize] = number);
            }
        }
        (names, map)
    }
}

/// Names in the order of class and text, after [`ABSENT`] and [`OTHER`].
#[derive(Debug)]
pub struct Names {
    text: String,
    /// Where each name ends.
    ends: Vec<u32>,
    overflowed: Vec<Class>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names {
            text: String::new(),
            ends: Vec::new(),
            overflowed: Vec::new(),
        };
        names.push("");
        names.push(OTHER_TEXT);
        names
    }
}

impl Names {
    fn push(&mut self, text: &str) -> NameId {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        (self.ends.len() - 1) as NameId
    }

    /// Returns the text of a number.
    pub fn text(&self, id: NameId) -> &str {
        let start = match id {
            0 => 0,
            id => self.ends[id as usize - 1],
        };
        &self.text[start as usize..self.ends[id as usize] as usize]
    }

    /// Returns how many numbers are in use.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.ends.len() <= 2
    }

    /// Returns the classes of which names were turned into [`OTHER`].
    pub fn overflowed(&self) -> impl Iterator<Item = Class> + '_ {
        self.overflowed.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number_in_its_class() {
        let mut names = Interner::default();
        let cart = names.intern(Class::Service, "cart");
        assert_eq!(names.intern(Class::Service, "cart"), cart);
        assert_ne!(names.intern(Class::Operation, "cart"), cart);
        assert_eq!(names.intern(Class::Service, ""), ABSENT);
        assert_eq!(names.intern(Class::Service, OTHER_TEXT), OTHER);
        let joined = names.intern_joined(Class::Operation, "GET", ' ', "/cart");
        assert_eq!(
            names.intern_joined(Class::Operation, "GET", ' ', "/cart"),
            joined
        );
        // The same text in one piece may get another number here, and has the same one in the end.
        let whole = names.intern(Class::Operation, "GET /cart");
        let (names, map) = names.in_order();
        assert_eq!(map[joined as usize], map[whole as usize]);
        assert_eq!(names.text(map[joined as usize]), "GET /cart");
        assert_eq!(names.text(map[cart as usize]), "cart");
        assert_eq!(map[..2], [ABSENT, OTHER]);
        let texts = (0..names.len() as NameId).map(|id| names.text(id));
        let expected = ["", OTHER_TEXT, "cart", "GET /cart", "cart"];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_stays_past_the_bound_depends_on_the_set_alone() {
        let texts: Vec<String> = (0..150_000).map(|i| format!("GET /item/{i}")).collect();
        let in_order = |order: &mut dyn Iterator<Item = usize>| {
            let mut names = Interner::default();
            for i in order {
                names.intern(Class::Operation, &texts[i]);
                names.intern_joined(Class::Operation, "GET", ' ', &texts[i][4..]);
            }
            names.in_order()
        };
        let (one, map) = in_order(&mut (0..texts.len()));
        let (two, _) = in_order(&mut (0..texts.len()).rev());
        let thirds = (0..3).flat_map(|third| (third..150_000).step_by(3));
        let (three, _) = in_order(&mut thirds.into_iter());
        assert!(one.text == two.text && one.text == three.text);
        assert!(one.len() <= Class::Operation.bound() + 2);
        assert!(2 * one.len() > Class::Operation.bound());
        assert_eq!(one.overflowed().collect::<Vec<_>>(), [Class::Operation]);
        assert!(map.contains(&OTHER));
    }
}
