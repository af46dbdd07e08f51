//! Repeatable choices: the same seed gives the same corpus on every machine, so there are no floats here.

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast and good enough to invent traces with.
pub(super) struct Rng(u64);

impl Rng {
    /// Returns the generator of a seed.
    pub(super) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// Returns 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns random bits that are not all zero, as ids need.
    pub(super) fn id(&mut self) -> u64 {
        self.bits().max(1)
    }

    /// Returns a number below `n`; zero when `n` is zero.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Returns an index below `n`.
    pub(super) fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// Returns a number from `low` up to but not including `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// Returns true `n` times in a thousand.
    pub(super) fn per_mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    /// Returns one of the items.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// Returns one of the items, to be changed.
    pub(super) fn pick_mut<'a, T>(&mut self, items: &'a mut [T]) -> &'a mut T {
        &mut items[self.index(items.len())]
    }

    /// Returns a duration around `typical` with a long tail: one in fifty takes 4 to 20 times as long.
    pub(super) fn duration(&mut self, typical: u64) -> u64 {
        let usual = typical / 2 + self.below(typical);
        match self.below(50) {
            0 => usual * self.between(4, 20),
            _ => usual,
        }
    }
}
