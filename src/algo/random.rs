//! A small seeded random number generator.
//!
//! Every Monte Carlo method here takes a seed and gives the same result for it, on every platform
//! and with any number of threads: each replicate has a generator of its own, made from the seed
//! and the number of the replicate. Streams are xoshiro256++ (Blackman and Vigna, ACM TOMS 47(4),
//! 2021), their state is filled by SplitMix64. It is meant for sampling, not for secrets. It is
//! written here because results must not change with the version of a dependency.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    /// Never all zero.
    state: [u64; 4],
}

/// Advances a SplitMix64 state and returns its output.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// Returns the stream of one replicate of a seeded experiment.
    pub fn new(seed: u64, replicate: u64) -> Random {
        let mut replicate_state = replicate;
        let mut state = seed ^ split_mix(&mut replicate_state);
        Random {
            state: std::array::from_fn(|_| split_mix(&mut state)),
        }
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Returns a uniform number in `[0, 1)` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * f64::EPSILON / 2.0
    }

    /// Returns a uniform number below `bound`, without bias (Lemire, ACM TOMACS 29(1), 2019).
    /// `bound` is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below zero to draw");
        let bound = bound as u64;
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as usize;
            }
        }
    }

    /// Brings `items` into a uniformly random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Returns `count` distinct numbers below `bound` in ascending order; all of them if there are
    /// no more.
    pub fn sample(&mut self, bound: usize, count: usize) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..bound as u32).collect();
        if count < bound {
            for slot in 0..count {
                let chosen = slot + self.below(bound - slot);
                numbers.swap(slot, chosen);
            }
            numbers.truncate(count);
            numbers.sort_unstable();
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_follows_its_reference() {
        // SplitMix64 from state 0, and xoshiro256++ from state 1, 2, 3, 4: outputs of the authors'
        // C programs.
        let mut state = 0;
        assert_eq!(split_mix(&mut state), 0xe220_a839_7b1d_cdaf);
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        let first: [u64; 3] = std::array::from_fn(|_| random.bits());
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut random = Random::new(7, 0);
        let mut counts = [0; 6];
        for _ in 0..60_000 {
            counts[random.below(6)] += 1;
        }
        assert!(
            counts.iter().all(|&count| (9_600..10_400).contains(&count)),
            "{counts:?}"
        );
        let mean = (0..10_000).map(|_| random.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02);
    }

    #[test]
    fn replicates_differ_and_repeat() {
        assert_eq!(Random::new(1, 5).bits(), Random::new(1, 5).bits());
        assert_ne!(Random::new(1, 5).bits(), Random::new(1, 6).bits());
        assert_ne!(Random::new(1, 5).bits(), Random::new(5, 1).bits());
    }

    #[test]
    fn a_sample_is_ascending_and_distinct() {
        let sample = Random::new(3, 0).sample(50, 20);
        assert_eq!(sample.len(), 20);
        assert!(sample.windows(2).all(|pair| pair[0] < pair[1]) && sample[19] < 50);
        assert_eq!(Random::new(3, 0).sample(3, 9), [0, 1, 2]);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        Random::new(3, 0).shuffle(&mut items);
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
