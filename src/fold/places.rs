//! Where things are, by their hashes: numbers alone, small enough to stay in a cache where the things would not.

use crate::near::ask_for;

/// Slots by hash, open addressing with steps of one. A slot holds half of the hash, so that other things are rarely looked
/// at and the slots can be moved without them, and the place plus one; zero is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// A power of two, or none; at most three quarters are taken.
    slots: Vec<u64>,
    len: usize,
}

/// Slots of the first that are not none.
const LEAST: usize = 16;

impl Places {
    /// Returns the place of something with this hash for which `is` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let half = hash as u32;
        let mut at = half as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if (slot >> 32) as u32 == half {
                let place = slot as u32 as usize - 1;
                if is(place) {
                    return Some(place);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Asks for the slot at which a search for this hash begins.
    #[inline]
    pub(super) fn ask(&self, hash: u64) {
        let at = hash as u32 as usize & self.slots.len().wrapping_sub(1);
        if let Some(slot) = self.slots.get(at) {
            ask_for(slot);
        }
    }

    /// Adds the place of something that is not there yet.
    pub(super) fn insert(&mut self, hash: u64, place: usize) {
        if 4 * (self.len + 1) > 3 * self.slots.len() {
            self.widen((2 * self.slots.len()).max(LEAST));
        }
        self.len += 1;
        self.put(hash << 32 | (place as u64 + 1));
    }

    /// Makes room for so many at once: growing twofold from time to time takes as much again.
    pub(super) fn reserve(&mut self, n: usize) {
        let slots = (4 * n).div_ceil(3).next_power_of_two();
        if slots > self.slots.len() {
            self.widen(slots);
        }
    }

    fn widen(&mut self, n_slots: usize) {
        for slot in std::mem::replace(&mut self.slots, vec![0; n_slots]) {
            if slot != 0 {
                self.put(slot);
            }
        }
    }

    fn put(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Forgets all places and keeps the space.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::mix;
    use std::collections::HashMap;

    #[test]
    fn places_are_those_of_a_map() {
        for seed in 0..20u64 {
            let mut places = Places::default();
            for _ in 0..2 {
                // Hashes of few values collide in half and in whole.
                let hash = |key: u64| mix(key % 500) << (seed % 3 * 20);
                let mut map: HashMap<u64, usize> = HashMap::new();
                let mut keys = Vec::new();
                for at in 0..2_000 {
                    if at == 50 {
                        places.reserve((seed * 30) as usize);
                    }
                    let key = mix(seed << 32 | at) % 1_000;
                    let found = places.find(hash(key), |place| keys[place] == key);
                    assert_eq!(found, map.get(&key).copied());
                    if found.is_none() {
                        map.insert(key, keys.len());
                        places.insert(hash(key), keys.len());
                        keys.push(key);
                    }
                }
                places.clear();
                assert_eq!(places.find(hash(1), |_| true), None);
            }
        }
    }
}
