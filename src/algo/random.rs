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
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            // What is rejected is less than the bound, so that the division is seldom needed.
            if product as u64 >= bound || product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as usize;
            }
        }
    }

    /// Returns how many of `trials` succeed when each does with chance `p`, from 0 to 1.
    ///
    /// Few successes are counted by adding up chances; many are drawn by transformed rejection (Hoermann, J. Stat. Comput.
    /// Simul. 46, 1993: BTRS, with its names), in a time that does not depend on their number.
    pub fn binomial(&mut self, trials: u64, p: f64) -> u64 {
        /// With fewer expected successes the rejection method does not work.
        const FEW: f64 = 10.0;
        if p > 0.5 {
            return trials - self.binomial(trials, 1.0 - p);
        }
        if trials == 0 || p <= 0.0 {
            return 0;
        }
        match trials as f64 * p < FEW {
            true => self.few_of(trials, p),
            false => self.many_of(trials, p),
        }
    }

    fn few_of(&mut self, trials: u64, p: f64) -> u64 {
        let n = trials as f64;
        let ratio = p / (1.0 - p);
        let mut chance = (n * (-p).ln_1p()).exp();
        let mut left = self.unit();
        let mut successes = 0;
        // Chances add up to one but for the last digits; the far end of the tail ends it.
        while left >= chance && successes < trials && chance > 0.0 {
            left -= chance;
            successes += 1;
            chance *= ratio * (n + 1.0 - successes as f64) / successes as f64;
        }
        successes
    }

    fn many_of(&mut self, trials: u64, p: f64) -> u64 {
        let n = trials as f64;
        let ratio = p / (1.0 - p);
        let spread = (n * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = n * p + 0.5;
        let within = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let m = ((n + 1.0) * p).floor();
        let fixed =
            (m + 0.5) * ((m + 1.0) / (ratio * (n - m + 1.0))).ln() + stirling(m) + stirling(n - m);
        loop {
            let v = self.unit();
            let u = self.unit() - 0.5;
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + centre).floor();
            if !(0.0..=n).contains(&k) {
                continue;
            }
            if us >= 0.07 && v <= within {
                return k as u64;
            }
            let v = (v * alpha / (a / (us * us) + b)).ln();
            let bound = fixed
                + (n + 1.0) * ((n - m + 1.0) / (n - k + 1.0)).ln()
                + (k + 0.5) * (ratio * (n - k + 1.0) / (k + 1.0)).ln()
                - stirling(k)
                - stirling(n - k);
            if v <= bound {
                return (k as u64).min(trials);
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

/// Returns how far the logarithm of `k!` is from Stirling's formula for `k + 1`.
fn stirling(k: f64) -> f64 {
    const FIRST: [f64; 10] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_29,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_093,
        0.016_644_691_189_821_193,
        0.013_876_128_823_070_748,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_096,
        0.009_255_462_182_712_733,
        0.008_330_563_433_362_87,
    ];
    if let Some(known) = FIRST.get(k as usize) {
        return *known;
    }
    let above = k + 1.0;
    let squared = above * above;
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / squared) / squared) / above
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::special::ln_choose;

    /// Draws many and compares how often each number comes with its chance (chi-squared over numbers expected five times or
    /// more).
    #[test]
    fn binomial_numbers_follow_their_distribution() {
        const DRAWS: u64 = 40_000;
        for (case, (trials, p)) in [
            (1, 0.3),
            (7, 0.5),
            (20, 0.05),
            (40, 0.3),
            (100, 0.97),
            (1_000, 0.004),
            (1_000, 0.5),
            (30_000, 0.001),
        ]
        .into_iter()
        .enumerate()
        {
            let mut random = Random::new(17, case as u64);
            let mut seen = vec![0u64; trials as usize + 1];
            for _ in 0..DRAWS {
                seen[random.binomial(trials, p) as usize] += 1;
            }
            let (mut squares, mut classes, mut rest) = (0.0, 0u32, (DRAWS as f64, DRAWS));
            for (k, &seen) in (0..=trials).zip(&seen) {
                let ln = ln_choose(trials, k)
                    + k as f64 * f64::ln(p)
                    + (trials - k) as f64 * f64::ln(1.0 - p);
                let expected = ln.exp() * DRAWS as f64;
                if expected >= 5.0 {
                    squares += (seen as f64 - expected).powi(2) / expected;
                    classes += 1;
                    rest = (rest.0 - expected, rest.1 - seen);
                }
            }
            if rest.0 >= 1.0 {
                squares += (rest.1 as f64 - rest.0).powi(2) / rest.0;
                classes += 1;
            }
            let degrees = f64::from(classes - 1);
            let most = degrees + 4.0 * (2.0 * degrees).sqrt() + 4.0;
            assert!(squares < most, "{trials} {p}: {squares} for {degrees}");
        }
    }

    #[test]
    fn certain_and_huge_numbers_of_trials_are_no_exception() {
        let mut random = Random::new(3, 0);
        assert_eq!(random.binomial(0, 0.5), 0);
        assert_eq!(random.binomial(9, 0.0), 0);
        assert_eq!(random.binomial(9, 1.0), 9);
        assert_eq!(random.binomial(u64::MAX, 1.0), u64::MAX);
        let half = random.binomial(u64::MAX, 0.5) as f64 / u64::MAX as f64;
        assert!((half - 0.5).abs() < 1e-8);
        assert!(random.binomial(u64::MAX, 1e-19) < 20);
    }

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
