//! Which traces to show for a number, chosen in a way that no order of observation changes.

use crate::model::id::mix;
use crate::model::{SpanId, TraceId};
use crate::near::ask_for;

/// How many exemplars are kept.
pub const KEPT: usize = 3;

/// A span of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exemplar {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
}

impl Exemplar {
    /// Returns the place of the exemplar in the order of choice.
    #[inline]
    fn rank(self) -> u64 {
        mix(self.trace.low ^ mix(self.span.0))
    }
}

/// The few exemplars whose ids have the smallest hashes; two words wide, since most records have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemplars {
    few: Option<Box<Few>>,
    /// The rank of the last when all places are taken: most of what is offered is above it, and nothing else is looked at.
    worst: u64,
}

impl Default for Exemplars {
    fn default() -> Exemplars {
        Exemplars {
            few: None,
            worst: u64::MAX,
        }
    }
}

/// Exemplars by rank; past their number the places hold what [`NOBODY`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Few {
    len: usize,
    ranked: [(u64, Exemplar); KEPT],
}

/// Exemplars whose worst rank is above this have been offered so few that the next is among them more often than once in four.
const OFTEN: u64 = u64::MAX / 4;

const NOBODY: (u64, Exemplar) = (
    u64::MAX,
    Exemplar {
        trace: TraceId { high: 0, low: 0 },
        span: SpanId(0),
    },
);

impl Exemplars {
    /// Offers an exemplar.
    #[inline]
    pub fn offer(&mut self, exemplar: Exemplar) {
        let rank = exemplar.rank();
        if rank <= self.worst {
            self.take(rank, exemplar);
        }
    }

    /// Puts an exemplar where it belongs, if it is among the few.
    fn take(&mut self, rank: u64, exemplar: Exemplar) {
        let entry = (rank, exemplar);
        let few = self.few.get_or_insert_with(|| {
            Box::new(Few {
                len: 0,
                ranked: [NOBODY; KEPT],
            })
        });
        if few.len == KEPT && few.ranked[KEPT - 1] <= entry {
            return;
        }
        if let Err(at) = few.ranked[..few.len].binary_search(&entry) {
            few.len = (few.len + 1).min(KEPT);
            few.ranked[at..few.len].rotate_right(1);
            few.ranked[at] = entry;
            self.worst = few.ranked[KEPT - 1].0;
        }
    }

    /// Offers everything of another.
    pub fn merge(&mut self, other: &Exemplars) {
        for exemplar in other.list() {
            self.offer(*exemplar);
        }
    }

    /// Asks for the few when the next is likely to be among them.
    #[inline]
    pub(in crate::fold) fn ask(&self) {
        if let Some(few) = &self.few
            && self.worst > OFTEN
        {
            ask_for(&**few);
            ask_for(&few.ranked[KEPT - 1]);
        }
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.few.is_none()
    }

    /// Returns the exemplars, in the order of choice.
    pub fn list(&self) -> impl Iterator<Item = &Exemplar> {
        let few = self.few.iter().flat_map(|few| &few.ranked[..few.len]);
        few.map(|(_, exemplar)| exemplar)
    }
}

/// The few exemplars with the largest values, ties by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slowest(Vec<(u64, Exemplar)>);

impl Slowest {
    /// Offers an exemplar with its value.
    #[inline]
    pub fn offer(&mut self, value: u64, exemplar: Exemplar) {
        if self.0.len() == KEPT && self.0.last().is_some_and(|last| last.0 > value) {
            return;
        }
        let key = |entry: &(u64, Exemplar)| (std::cmp::Reverse(entry.0), entry.1);
        if let Err(at) = self.0.binary_search_by_key(&key(&(value, exemplar)), key) {
            // Room for one at first: most of what is seen at all is seen once.
            match self.0.len() {
                0 => self.0.reserve_exact(1),
                1 => self.0.reserve_exact(KEPT),
                _ => {}
            }
            self.0.insert(at, (value, exemplar));
            self.0.truncate(KEPT);
        }
    }

    /// Offers everything of another.
    pub fn merge(&mut self, other: &Slowest) {
        for &(value, exemplar) in &other.0 {
            self.offer(value, exemplar);
        }
    }

    /// Returns values and exemplars, the largest first.
    pub fn list(&self) -> &[(u64, Exemplar)] {
        &self.0
    }
}
