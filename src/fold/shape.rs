//! Request shapes: the distinct call trees of services, with how often each was seen and what failed in it.
//!
//! The tree of a request has a step for every position: the callee below its caller, siblings to the same
//! callee collapsed into one step with a counter. What-if questions (who fails when X fails) are answered over shapes, so
//! the spans are not needed again.
//!
//! The dictionary is bounded by [`MAX_SHAPES`] and [`MAX_STEPS`]. Past a bound, shapes whose hash is not below a
//! threshold go to the remainder of their entry point; the threshold halves until the rest fits. Which shapes stay is a
//! function of the set of shapes alone and not of their frequency: only so can parts be merged in any order to the
//! same bytes.

use hashbrown::HashTable;

use crate::fold::catalogue::{Catalogue, Move};
use crate::model::id::mix;
use crate::model::names::NameId;
use crate::trace::link::EntryKind;

/// Most shapes kept.
pub const MAX_SHAPES: usize = 100_000;

/// Most steps kept over all shapes.
pub const MAX_STEPS: usize = 1_000_000;

/// Most steps of one shape; larger requests go to the remainder of their entry point.
pub const MAX_STEPS_OF_ONE: usize = 2_000;

/// Where requests enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The node of the service.
    pub node: u32,
    /// The operation.
    pub operation: NameId,
    /// What begins there.
    pub kind: EntryKind,
}

/// One step of a shape, in depth-first order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Depth; the entry has depth 0.
    pub depth: u16,
    /// Whether the step above waits for this one.
    pub sync: bool,
    /// The node.
    pub node: u32,
}

/// What happened at one step over all requests of the shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCount {
    /// Attempts.
    pub calls: u32,
    /// Failed attempts.
    pub failed: u32,
    /// Requests in which the last attempt at this step failed.
    pub failed_requests: u32,
}

/// One shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where its requests enter.
    pub entry: EntryKey,
    /// Its steps, depth first, siblings in the order of their ranks.
    pub steps: Box<[Step]>,
    /// By step.
    pub counts: Box<[StepCount]>,
    /// Requests seen.
    pub requests: u64,
    /// Requests, weighted, in units of 2^-20.
    pub weight: u64,
    rank: u64,
    /// Hash of entry and steps, kept so that growing the table does not compute it again.
    hash: u64,
}

impl Shape {
    /// Returns a number that is the same for this shape in every catalogue, and hardly ever for another.
    pub fn rank(&self) -> u64 {
        self.rank
    }
}

/// What a shape is written as: entry point, steps, counts, requests and weight.
pub type ShapeParts = (EntryKey, Vec<Step>, Vec<StepCount>, u64, u64);

/// Requests of an entry point whose shapes were not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// The entry point.
    pub entry: EntryKey,
    /// Requests seen.
    pub requests: u64,
    /// Requests, weighted, in units of 2^-20.
    pub weight: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    shapes: usize,
    steps: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            shapes: MAX_SHAPES,
            steps: MAX_STEPS,
        }
    }
}

/// The shapes of a topology.
#[derive(Debug, Default)]
pub struct Shapes {
    list: Vec<Shape>,
    table: HashTable<u32>,
    remainders: Vec<Remainder>,
    steps: usize,
    halvings: u32,
    bounds: Bounds,
}

impl Clone for Shapes {
    fn clone(&self) -> Self {
        let mut copy = Shapes {
            list: self.list.clone(),
            table: HashTable::new(),
            remainders: self.remainders.clone(),
            steps: self.steps,
            halvings: self.halvings,
            bounds: self.bounds,
        };
        copy.index();
        copy
    }
}

fn hash(entry: &EntryKey, steps: &[Step]) -> u64 {
    let head = u64::from(entry.node) << 32 | u64::from(entry.operation) ^ (entry.kind as u64) << 30;
    steps.iter().fold(mix(head), |hash, step| {
        let word = u64::from(step.node) << 20 ^ u64::from(step.depth) << 1 ^ u64::from(step.sync);
        (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
    })
}

/// Returns the place of a shape in the order of eviction, from texts alone.
fn rank(catalogue: &Catalogue, entry: &EntryKey, steps: &[Step]) -> u64 {
    let head =
        catalogue.rank(entry.node) ^ catalogue.text_rank(entry.operation) ^ entry.kind as u64;
    steps.iter().fold(mix(head), |hash, step| {
        mix(hash ^ catalogue.rank(step.node) ^ u64::from(step.depth) << 1 ^ u64::from(step.sync))
    })
}

fn kept(rank: u64, halvings: u32) -> bool {
    halvings == 0 || rank >> (64 - halvings.min(64)) == 0
}

impl Shapes {
    /// Adds one request, and returns the rank of its shape; a request with too many steps has none.
    pub fn add(
        &mut self,
        catalogue: &Catalogue,
        entry: EntryKey,
        (steps, counts): (&[Step], &[StepCount]),
        weight: u64,
    ) -> Option<u64> {
        if steps.len() > MAX_STEPS_OF_ONE {
            self.add_remainder(Remainder {
                entry,
                requests: 1,
                weight,
            });
            return None;
        }
        let hash = hash(&entry, steps);
        let list = &mut self.list;
        let found = self.table.find(hash, |&at| {
            list[at as usize].entry == entry && *list[at as usize].steps == *steps
        });
        if let Some(&at) = found {
            let shape = &mut list[at as usize];
            shape.requests += 1;
            shape.weight = shape.weight.saturating_add(weight);
            add_counts(&mut shape.counts, counts);
            return Some(shape.rank);
        }
        let rank = rank(catalogue, &entry, steps);
        self.insert(Shape {
            entry,
            steps: steps.into(),
            counts: counts.into(),
            requests: 1,
            weight,
            rank,
            hash,
        });
        Some(rank)
    }

    /// Adds a shape that is not there yet.
    fn insert(&mut self, shape: Shape) {
        if !kept(shape.rank, self.halvings) {
            self.add_remainder(Remainder {
                entry: shape.entry,
                requests: shape.requests,
                weight: shape.weight,
            });
            return;
        }
        let at = self.list.len() as u32;
        self.steps += shape.steps.len();
        let hash = shape.hash;
        self.list.push(shape);
        let list = &self.list;
        self.table
            .insert_unique(hash, at, |&at| list[at as usize].hash);
        self.bound();
    }

    fn bound(&mut self) {
        let Bounds { shapes, steps } = self.bounds;
        if self.list.len() <= shapes && self.steps <= steps {
            return;
        }
        while self.list.len() > shapes || self.steps > steps {
            self.halvings += 1;
            let halvings = self.halvings;
            let (stay, go): (Vec<Shape>, Vec<Shape>) = std::mem::take(&mut self.list)
                .into_iter()
                .partition(|shape| kept(shape.rank, halvings));
            self.list = stay;
            self.steps = self.list.iter().map(|shape| shape.steps.len()).sum();
            for shape in go {
                self.add_remainder(Remainder {
                    entry: shape.entry,
                    requests: shape.requests,
                    weight: shape.weight,
                });
            }
        }
        self.index();
    }

    fn index(&mut self) {
        self.table.clear();
        let list = &self.list;
        for (at, shape) in list.iter().enumerate() {
            self.table
                .insert_unique(shape.hash, at as u32, |&at| list[at as usize].hash);
        }
    }

    fn add_remainder(&mut self, more: Remainder) {
        match self
            .remainders
            .binary_search_by_key(&more.entry, |remainder| remainder.entry)
        {
            Ok(at) => {
                let remainder = &mut self.remainders[at];
                remainder.requests += more.requests;
                remainder.weight = remainder.weight.saturating_add(more.weight);
            }
            Err(at) => self.remainders.insert(at, more),
        }
    }

    /// Adds the shapes of another, whose numbers are already those of the same catalogue.
    pub fn merge(&mut self, mut other: Shapes) {
        if other.list.len() > self.list.len() {
            std::mem::swap(self, &mut other);
        }
        if other.halvings > self.halvings {
            self.raise(other.halvings);
        }
        for remainder in other.remainders {
            self.add_remainder(remainder);
        }
        for shape in other.list {
            let list = &self.list;
            let found = self.table.find(shape.hash, |&at| {
                list[at as usize].entry == shape.entry && list[at as usize].steps == shape.steps
            });
            match found {
                Some(&at) => {
                    let mine = &mut self.list[at as usize];
                    mine.requests += shape.requests;
                    mine.weight = mine.weight.saturating_add(shape.weight);
                    add_counts(&mut mine.counts, &shape.counts);
                }
                None => self.insert(shape),
            }
        }
    }

    fn raise(&mut self, halvings: u32) {
        self.halvings = halvings;
        let list = std::mem::take(&mut self.list);
        self.table.clear();
        self.steps = 0;
        for shape in list {
            self.insert(shape);
        }
    }

    /// Gives nodes and names other numbers.
    pub fn rename(&mut self, moved: &Move) {
        let entry = |key: EntryKey| EntryKey {
            node: moved.nodes[key.node as usize],
            operation: moved.texts[key.operation as usize],
            kind: key.kind,
        };
        for shape in &mut self.list {
            shape.entry = entry(shape.entry);
            for step in &mut shape.steps {
                step.node = moved.nodes[step.node as usize];
            }
            shape.hash = hash(&shape.entry, &shape.steps);
        }
        for remainder in &mut self.remainders {
            remainder.entry = entry(remainder.entry);
        }
        self.remainders
            .sort_unstable_by_key(|remainder| remainder.entry);
        self.index();
    }

    /// Returns the shapes, in no particular order.
    pub fn list(&self) -> &[Shape] {
        &self.list
    }

    /// Returns the requests whose shapes were not kept, by entry point.
    pub fn remainders(&self) -> &[Remainder] {
        &self.remainders
    }

    /// Returns how often the threshold was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Returns the shapes of decoded parts.
    pub fn from_parts(
        catalogue: &Catalogue,
        shapes: Vec<ShapeParts>,
        remainders: Vec<Remainder>,
        halvings: u32,
    ) -> Shapes {
        let mut decoded = Shapes {
            halvings,
            ..Shapes::default()
        };
        for (entry, steps, counts, requests, weight) in shapes {
            let rank = rank(catalogue, &entry, &steps);
            let hash = hash(&entry, &steps);
            decoded.insert(Shape {
                entry,
                steps: steps.into(),
                counts: counts.into(),
                requests,
                weight,
                rank,
                hash,
            });
        }
        for remainder in remainders {
            decoded.add_remainder(remainder);
        }
        decoded
    }
}

fn add_counts(mine: &mut [StepCount], more: &[StepCount]) {
    for (mine, more) in mine.iter_mut().zip(more) {
        mine.calls = mine.calls.saturating_add(more.calls);
        mine.failed = mine.failed.saturating_add(more.failed);
        mine.failed_requests = mine.failed_requests.saturating_add(more.failed_requests);
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
