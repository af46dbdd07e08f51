//! What readers find names, resources and details in while they read: one for all threads of a run.
//!
//! Names may explode, and a lexicon for each thread would hold them once a thread. Each part has a lock, held for one look-up;
//! what was looked up lately every thread remembers for itself ([`Recall`]), so that threads seldom come here.
//!
//! Numbers are given in the order of reading. [`Lexicon::close`] puts them in that of the content.

use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::lock::{alone, lock};
use crate::model::dictionary::{Detail, Dictionary, Resource};
use crate::model::memo::{self, Meaning, Memo};
use crate::model::names::{Class, Interner, NameId};

/// Names, resources and details while they are read.
#[derive(Debug, Default)]
pub struct Lexicon {
    names: Mutex<Interner>,
    resources: Mutex<Numbers<Resource>>,
    details: Mutex<Numbers<Detail>>,
}

/// What became of the numbers of a lexicon when it was closed.
#[derive(Debug)]
pub struct Renumbering {
    /// By old name.
    pub names: Vec<NameId>,
    /// By old resource.
    pub resources: Vec<u32>,
    /// By old detail.
    pub details: Vec<u32>,
}

impl Lexicon {
    /// Returns the number of a name; see [`Interner::intern`].
    #[inline]
    pub fn intern(&self, class: Class, text: &str) -> NameId {
        lock(&self.names).intern(class, text)
    }

    /// Returns the number of two parts with a separator between them; see [`Interner::intern_joined`].
    #[inline]
    pub fn intern_joined(
        &self,
        class: Class,
        first: &str,
        separator: char,
        second: &str,
    ) -> NameId {
        lock(&self.names).intern_joined(class, first, separator, second)
    }

    /// Returns the number of a resource.
    pub fn resource(&self, resource: Resource) -> u32 {
        lock(&self.resources).number(resource)
    }

    /// Returns the number of a detail.
    #[inline]
    pub fn detail(&self, detail: Detail) -> u32 {
        lock(&self.details).number(detail)
    }

    /// Returns everything with numbers in the order of the content, and what became of each number.
    pub fn close(self) -> (Dictionary, Renumbering) {
        let (names, of_names) = alone(self.names).in_order();
        let (resources, of_resources) = in_order(alone(self.resources).all, |resource| {
            resource.renamed(&of_names)
        });
        let (details, of_details) =
            in_order(alone(self.details).all, |detail| detail.renamed(&of_names));
        let renumbering = Renumbering {
            names: of_names,
            resources: of_resources,
            details: of_details,
        };
        (Dictionary::new(names, resources, details), renumbering)
    }
}

/// Renames things and puts them in order, each once; says what became of each number.
fn in_order<T: Ord + Copy>(mut all: Vec<T>, renamed: impl Fn(T) -> T) -> (Vec<T>, Vec<u32>) {
    all.iter_mut().for_each(|of| *of = renamed(*of));
    let mut order: Vec<u32> = (0..all.len() as u32).collect();
    order.sort_unstable_by_key(|at| all[*at as usize]);
    let mut map = vec![0; all.len()];
    let mut sorted = Vec::new();
    for alike in order.chunk_by(|a, b| all[*a as usize] == all[*b as usize]) {
        alike
            .iter()
            .for_each(|at| map[*at as usize] = sorted.len() as u32);
        sorted.push(all[alike[0] as usize]);
    }
    (sorted, map)
}

/// Numbers in the order in which things come; the default thing is number 0.
#[derive(Debug)]
struct Numbers<T> {
    all: Vec<T>,
    /// Numbers by the hash of the thing.
    table: HashTable<u32>,
}

impl<T: Hash + Eq + Copy + Default> Default for Numbers<T> {
    fn default() -> Self {
        let mut numbers = Numbers {
            all: Vec::new(),
            table: HashTable::new(),
        };
        numbers.number(T::default());
        numbers
    }
}

impl<T: Hash + Eq + Copy> Numbers<T> {
    fn number(&mut self, thing: T) -> u32 {
        let hash = |thing: &T| FxBuildHasher.hash_one(thing);
        let of = hash(&thing);
        let known = |number: &u32| self.all[*number as usize] == thing;
        if let Some(&number) = self.table.find(of, known) {
            return number;
        }
        let number = self.all.len() as u32;
        self.all.push(thing);
        let again = |number: &u32| hash(&self.all[*number as usize]);
        self.table.insert_unique(of, number, again);
        number
    }
}

/// What one thread remembers of the lexicon.
#[derive(Debug, Default)]
pub struct Recall {
    /// Where everything is looked up.
    pub lexicon: Arc<Lexicon>,
    /// Meanings of recent spans.
    pub meanings: Memo<Meaning>,
    /// Numbers of recent resources.
    pub resources: Memo<u32>,
    labels: Memo<NameId>,
}

impl Recall {
    /// Returns the memory of another thread, still empty.
    #[must_use]
    pub fn another(&self) -> Recall {
        Recall {
            lexicon: Arc::clone(&self.lexicon),
            meanings: Memo::default(),
            resources: Memo::default(),
            labels: Memo::default(),
        }
    }

    /// Returns the number of a label.
    pub fn label(&mut self, text: &str) -> NameId {
        let key = memo::text_key(text);
        self.labels.get(key).unwrap_or_else(|| {
            let number = self.lexicon.intern(Class::Label, text);
            self.labels.put(key, number);
            number
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::names::{ABSENT, OTHER};

    #[test]
    fn numbers_follow_the_content_whatever_came_first() {
        let closed = |services: &[&str]| {
            let lexicon = Lexicon::default();
            let mut resources = Vec::new();
            let mut details = Vec::new();
            for text in services {
                let service = lexicon.intern(Class::Service, text);
                resources.push(lexicon.resource(Resource {
                    service,
                    ..Resource::default()
                }));
                details.push(lexicon.detail(Detail {
                    peer: service,
                    ..Detail::default()
                }));
            }
            let (dictionary, map) = lexicon.close();
            let service = |of: &u32| dictionary.resources[map.resources[*of as usize] as usize];
            let peer = |of: &u32| dictionary.details[map.details[*of as usize] as usize];
            let named = resources.iter().map(|of| service(of).service);
            let peers = details.iter().map(|of| peer(of).peer);
            assert!(
                named
                    .zip(peers)
                    .zip(services)
                    .all(|((a, b), text)| a == b && dictionary.text(a) == *text)
            );
            assert_eq!((map.resources[0], map.details[0]), (0, 0));
            assert_eq!(map.names[..2], [ABSENT, OTHER]);
            (dictionary.resources, dictionary.details)
        };
        let expected = closed(&["b", "a", "", "c", "a"]);
        assert_eq!(expected.0.len(), 4);
        assert_eq!(closed(&["c", "b", "a"]), expected);
        assert_eq!(closed(&["a", "a", "b", "", "c"]), expected);
    }

    #[test]
    fn what_a_thread_remembers_is_what_all_know() {
        let mut first = Recall::default();
        let mut second = first.another();
        let numbers = ["a", "b", "", "a"].map(|text| first.label(text));
        assert_eq!(numbers, ["a", "b", "", "a"].map(|text| second.label(text)));
        assert_eq!(numbers[0], first.lexicon.intern(Class::Label, "a"));
        assert!(numbers[0] != numbers[1] && numbers[2] == ABSENT);
    }
}
