//! What many traces have in common, in an order that suits the tables it is counted in.
//!
//! Neighbouring calls of a trace belong to different edges and instances, so counting them one by one waits for the memory
//! of another record each time, in every pass. A log collects them, and shows them ordered by a key, those of one key in the
//! order in which they came: the records of a key are then fetched once for all of them, and stay near for every pass.
//!
//! What is counted does not depend on the order, so keys are short (22 bits of what they are made of count), and different
//! things may share one.

use crate::model::id::mix;
use crate::near::ask_for;

/// Items shown at a time, few enough to stay in a cache while all passes look at them.
const SHOWN: usize = 1 << 10;

/// Bits of each half of a key.
const HALF: u32 = 11;

/// Returns a key: what has the same first word stands together, and there what has the same second one.
#[inline]
pub(super) fn key(first: u64, second: u64) -> u32 {
    let half = |word: u64| (mix(word) >> (64 - HALF)) as u32;
    half(first) << HALF | half(second)
}

/// Items that wait to be shown.
#[derive(Debug)]
pub(super) struct Log<T> {
    items: Vec<T>,
    /// Their keys and places, and space for putting them in order.
    order: Vec<(u32, u32)>,
    ordered: Vec<(u32, u32)>,
    shown: Vec<T>,
}

impl<T> Default for Log<T> {
    fn default() -> Log<T> {
        Log {
            items: Vec::new(),
            order: Vec::new(),
            ordered: Vec::new(),
            shown: Vec::new(),
        }
    }
}

/// So many items before one is copied it is asked for.
const AHEAD: usize = 8;

impl<T: Copy> Log<T> {
    /// Takes an item in.
    #[inline]
    pub(super) fn push(&mut self, key: u32, item: T) {
        self.order.push((key, self.items.len() as u32));
        self.items.push(item);
    }

    /// Returns how many items wait.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Shows all items, some at a time, and lets them go.
    pub(super) fn show(&mut self, mut look: impl FnMut(&[T])) {
        self.put_in_order(0);
        self.put_in_order(HALF);
        for places in self.order.chunks(SHOWN) {
            self.shown.clear();
            let items = places.iter().enumerate().map(|(n, (_, at))| {
                // Where an item ends the next one begins.
                if let Some((_, at)) = places.get(n + AHEAD) {
                    let ends = self.items[*at as usize..].iter().take(2);
                    ends.for_each(ask_for);
                }
                self.items[*at as usize]
            });
            self.shown.extend(items);
            look(&self.shown);
        }
        self.items.clear();
        self.order.clear();
    }

    /// Orders by one half of the keys and leaves what has the same as it was.
    fn put_in_order(&mut self, shift: u32) {
        let half = |key: u32| (key >> shift) as usize & ((1 << HALF) - 1);
        let mut begins = [0u32; 1 << HALF];
        for (key, _) in &self.order {
            begins[half(*key)] += 1;
        }
        let mut begin = 0;
        for count in &mut begins {
            begin += std::mem::replace(count, begin);
        }
        self.ordered.clear();
        self.ordered.resize(self.order.len(), (0, 0));
        for entry in &self.order {
            let place = &mut begins[half(entry.0)];
            self.ordered[*place as usize] = *entry;
            *place += 1;
        }
        std::mem::swap(&mut self.order, &mut self.ordered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_by_key_and_those_of_one_key_as_they_came() {
        let mut log: Log<(u32, usize)> = Log::default();
        for round in 0..4 {
            let n = 3 * SHOWN + round;
            let number = |at: usize| mix((round << 20 | at) as u64);
            let mut expected: Vec<(u32, usize)> = (0..n)
                .map(|at| (key(number(at) % 30, number(at) >> 32 & 7), at))
                .collect();
            for item in &expected {
                log.push(item.0, *item);
            }
            expected.sort_by_key(|item| item.0);
            let mut found = Vec::new();
            log.show(|some| {
                assert!(!some.is_empty() && some.len() <= SHOWN);
                found.extend_from_slice(some);
            });
            assert_eq!(found, expected);
        }
        log.show(|_| panic!("nothing is left"));
    }
}
