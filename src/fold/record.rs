//! What passes over traces keep of one thing: sums, a least and a most value, a distribution and exemplars, each of which merges
//! whatever the order.

use std::cmp::Ordering;
use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::fold::exemplar::Exemplars;
use crate::fold::sketch::Sketch;
use crate::near::ask_for;

/// Number of sums of a record.
pub const SUMS: usize = 8;

/// What a record is about; in the order of the parts, then of the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// Nodes, texts and plain numbers, as the layout says.
    pub parts: [u32; 4],
    /// A number, or the bin of one.
    pub number: u64,
}

impl Key {
    /// Returns the parts as two words; an array would be hashed as a string of bytes, and compared part by part.
    #[inline]
    fn words(&self) -> [u64; 2] {
        let [a, b, c, d] = self.parts;
        let word = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        [word(a, b), word(c, d)]
    }

    #[inline]
    pub(super) fn hash(&self) -> u64 {
        let [one, other] = self.words();
        let mut state = FxHasher::default();
        state.write_u64(one);
        state.write_u64(other);
        state.write_u64(self.number);
        state.finish()
    }
}

impl Ord for Key {
    #[inline]
    fn cmp(&self, other: &Key) -> Ordering {
        let words = |key: &Key| {
            let [high, low] = key.words();
            (u128::from(high) << 64 | u128::from(low), key.number)
        };
        words(self).cmp(&words(other))
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Sums, extremes, a distribution and exemplars.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
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

    /// Asks for what does not lie in the record itself.
    #[inline]
    pub(in crate::fold) fn ask(&self) {
        if let Some(sketch) = &self.sketch {
            ask_for(&**sketch);
        }
        self.exemplars.ask();
    }

    /// Asks for what does not lie in the distribution itself.
    #[inline]
    pub(in crate::fold) fn ask_beyond(&self) {
        if let Some(sketch) = &self.sketch {
            sketch.ask_any();
        }
    }

    /// Adds another record.
    pub fn merge(&mut self, other: &Record) {
        self.merge_numbers(other);
        if let Some(sketch) = &other.sketch {
            self.sketch.get_or_insert_default().merge(sketch);
        }
        self.exemplars.merge(&other.exemplars);
    }

    /// Adds another record that nobody else needs.
    pub(super) fn absorb(&mut self, other: Record) {
        self.merge_numbers(&other);
        if let Some(sketch) = other.sketch {
            match &mut self.sketch {
                Some(mine) => mine.merge(&sketch),
                none => *none = Some(sketch),
            }
        }
        if self.exemplars.is_empty() {
            self.exemplars = other.exemplars;
        } else {
            self.exemplars.merge(&other.exemplars);
        }
    }

    fn merge_numbers(&mut self, other: &Record) {
        for (mine, more) in self.sums.iter_mut().zip(other.sums) {
            *mine = mine.saturating_add(more);
        }
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}
