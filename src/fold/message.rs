//! Messages whose two sides lie in different traces: they meet when everything has been merged.
//!
//! A consumer names the span that made a message by a link, often into another trace, which may be in another shard.
//! So both sides are remembered by the key of the producing span, and [`Messages::meet`] joins them. What is
//! remembered is bounded by [`MAX_SIDES`]; past it only keys below a threshold stay, the same for both sides, so
//! that what stays is a sample of whole messages, and [`Messages::sampling`] says of how many each one stands.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::fold::catalogue::Move;
use crate::fold::exemplar::Exemplar;
use crate::model::id::mix;

/// Most sides of messages remembered.
pub const MAX_SIDES: usize = 1 << 19;

/// The side that made a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// The node of the service.
    pub node: u32,
    /// The node of the destination, or the users' node when none was named.
    pub destination: u32,
    /// When sending ended, in nanoseconds since 1970; zero when unknown.
    pub end: u64,
}

/// The side that took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// When work on it began, in nanoseconds since 1970; zero when unknown.
    pub start: u64,
    /// The node of the destination, or the users' node when none was named.
    pub destination: u32,
    /// Weight in units of 2^-20.
    pub weight: u64,
    /// How long the work took.
    pub duration: u64,
    /// Whether the work failed.
    pub failed: bool,
    /// The span.
    pub exemplar: Exemplar,
}

/// A message both sides of which are known.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    /// The producing service's node.
    pub from: u32,
    /// The consuming service's node.
    pub to: u32,
    /// The producing side.
    pub sent: Sent,
    /// The consuming side.
    pub taken: Taken,
}

/// Producing sides by key, and consuming sides by key and node.
pub type Sides = (Vec<(u64, Sent)>, Vec<(u64, u32, Taken)>);

/// The sides of messages of a topology.
#[derive(Clone, Debug)]
pub struct Messages {
    sent: HashMap<u64, Sent, FxBuildHasher>,
    taken: HashMap<(u64, u32), Taken, FxBuildHasher>,
    halvings: u32,
    /// Most sides remembered.
    bound: usize,
}

impl Default for Messages {
    fn default() -> Self {
        Messages {
            sent: HashMap::default(),
            taken: HashMap::default(),
            halvings: 0,
            bound: MAX_SIDES,
        }
    }
}

fn kept(key: u64, halvings: u32) -> bool {
    halvings == 0 || mix(key) >> (64 - halvings.min(64)) == 0
}

impl Messages {
    /// Remembers a producing side; of two with one key the smaller stays.
    pub fn add_sent(&mut self, key: u64, sent: Sent) {
        if kept(key, self.halvings) {
            self.sent
                .entry(key)
                .and_modify(|other| *other = sent.min(*other))
                .or_insert(sent);
            self.bound();
        }
    }

    /// Remembers a consuming side; a message counts once per consuming service, by its earliest span.
    pub fn add_taken(&mut self, key: u64, node: u32, taken: Taken) {
        if kept(key, self.halvings) {
            self.taken
                .entry((key, node))
                .and_modify(|other| *other = taken.min(*other))
                .or_insert(taken);
            self.bound();
        }
    }

    fn bound(&mut self) {
        while self.sent.len() + self.taken.len() > self.bound {
            self.halvings += 1;
            let halvings = self.halvings;
            self.sent.retain(|key, _| kept(*key, halvings));
            self.taken.retain(|(key, _), _| kept(*key, halvings));
        }
    }

    /// Adds everything of another, whose nodes are already those of the same catalogue.
    pub fn merge(&mut self, mut other: Messages) {
        if other.sent.len() + other.taken.len() > self.sent.len() + self.taken.len() {
            std::mem::swap(self, &mut other);
        }
        if other.halvings > self.halvings {
            self.halvings = other.halvings;
            let halvings = self.halvings;
            self.sent.retain(|key, _| kept(*key, halvings));
            self.taken.retain(|(key, _), _| kept(*key, halvings));
        }
        // What stays is a function of the set: the order of adding does not show.
        for (key, sent) in other.sent {
            self.add_sent(key, sent);
        }
        for ((key, node), taken) in other.taken {
            self.add_taken(key, node, taken);
        }
    }

    /// Gives nodes other numbers.
    pub fn rename(&mut self, moved: &Move) {
        let renamed = Messages {
            sent: HashMap::default(),
            taken: HashMap::default(),
            ..*self
        };
        let (sent, taken) = std::mem::replace(self, renamed).parts();
        let node = |old: u32| moved.nodes[old as usize];
        for (key, mut sent) in sent {
            sent.node = node(sent.node);
            sent.destination = node(sent.destination);
            self.add_sent(key, sent);
        }
        for (key, of, mut taken) in taken {
            taken.destination = node(taken.destination);
            self.add_taken(key, node(of), taken);
        }
    }

    /// Returns the nodes of all sides, each as often as it is named, in no particular order.
    pub fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        let of_sent = self.sent.values();
        let of_taken = self.taken.iter();
        of_sent
            .flat_map(|sent| [sent.node, sent.destination])
            .chain(of_taken.flat_map(|((_, node), taken)| [*node, taken.destination]))
    }

    /// Returns both sides, by key.
    pub fn parts(&self) -> Sides {
        let mut sent: Vec<(u64, Sent)> =
            self.sent.iter().map(|(key, sent)| (*key, *sent)).collect();
        sent.sort_unstable();
        let mut taken: Vec<(u64, u32, Taken)> = self
            .taken
            .iter()
            .map(|((key, node), taken)| (*key, *node, *taken))
            .collect();
        taken.sort_unstable();
        (sent, taken)
    }

    /// Returns how often the threshold was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Returns messages with such a threshold, to be filled.
    pub fn with_halvings(halvings: u32) -> Messages {
        Messages {
            halvings,
            ..Messages::default()
        }
    }

    /// Returns how many messages one of the remembered ones stands for.
    pub fn sampling(&self) -> u64 {
        1 << self.halvings.min(63)
    }

    /// Returns the messages both sides of which are known, by key.
    pub fn meet(&self) -> Vec<Met> {
        let mut met: Vec<(u64, Met)> = self
            .taken
            .iter()
            .filter_map(|((key, node), taken)| {
                let sent = *self.sent.get(key)?;
                let (from, to, taken) = (sent.node, *node, *taken);
                Some((
                    *key,
                    Met {
                        from,
                        to,
                        sent,
                        taken,
                    },
                ))
            })
            .collect();
        met.sort_unstable_by_key(|(key, met)| (*key, met.to));
        met.into_iter().map(|(_, met)| met).collect()
    }

    /// Returns how many consuming sides found no producing side.
    pub fn unmet(&self) -> u64 {
        self.taken
            .keys()
            .filter(|(key, _)| !self.sent.contains_key(key))
            .count() as u64
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
