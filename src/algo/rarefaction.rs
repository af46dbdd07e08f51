//! How much of what was seen in many samples a part of the samples would have shown.
//!
//! The more is looked at, the more kinds of things are found. Two collections of different size are compared at the same size:
//! of `total` samples, of which `with` show a thing, `drawn` ones chosen at random miss it with chance
//! `C(total - with, drawn) / C(total, drawn)`, and so many kinds are expected as chances of not missing them add up to (Hurlbert, Ecology
//! 52(4), 1971). Exact, without simulation.

use crate::algo::special::ln_choose;

/// Products of up to so many factors are multiplied out.
const FACTORS: u64 = 1_000;

/// Returns the chance that so many of the samples, drawn at random, all miss a thing that some of them show.
pub fn p_unseen(total: u64, with: u64, drawn: u64) -> f64 {
    let (with, drawn) = (with.min(total), drawn.min(total));
    // Whoever misses the thing draws only samples without it.
    if drawn > total - with {
        return 0.0;
    }
    // The same with the roles exchanged: none of the samples with it is drawn.
    let (few, many) = (with.min(drawn), with.max(drawn));
    if few > FACTORS {
        return (ln_choose(total - with, drawn) - ln_choose(total, drawn)).exp();
    }
    let factors = (0..few).map(|at| (total - many - at) as f64 / (total - at) as f64);
    factors.product()
}

/// Returns how many things are expected in so many of the samples, when each is in some of them.
pub fn expected(total: u64, with: impl IntoIterator<Item = u64>, drawn: u64) -> f64 {
    let seen = with
        .into_iter()
        .map(|with| 1.0 - p_unseen(total, with, drawn));
    seen.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::assert_close;

    /// Every choice of some samples, as bits.
    fn choices(total: u32, drawn: u32) -> impl Iterator<Item = u32> {
        (0..1u32 << total).filter(move |choice| choice.count_ones() == drawn)
    }

    #[test]
    fn the_expectation_is_the_mean_over_all_choices() {
        let mut random = Random::new(3, 0);
        for _ in 0..200 {
            let total = 1 + random.below(9) as u32;
            // Which samples show each thing.
            let things: Vec<u32> = (0..4)
                .map(|_| 1 + random.below((1 << total) - 1) as u32)
                .collect();
            for drawn in 0..=total {
                let (mut all, mut n) = (0, 0);
                for choice in choices(total, drawn) {
                    all += things.iter().filter(|thing| **thing & choice != 0).count();
                    n += 1;
                }
                let with = things.iter().map(|thing| u64::from(thing.count_ones()));
                let found = expected(u64::from(total), with, u64::from(drawn));
                assert_close(found, all as f64 / f64::from(n), 1e-12);
            }
        }
    }

    #[test]
    fn the_ends_are_nothing_one_sample_and_everything() {
        let with = [1, 5, 50, 100];
        assert_eq!(expected(100, with, 0), 0.0);
        assert_close(expected(100, with, 1), 1.56, 1e-12);
        assert_eq!(expected(100, with, 100), 4.0);
        assert_eq!(expected(100, with, u64::MAX), 4.0);
        assert_eq!(expected(0, [], 5), 0.0);
        assert_eq!(p_unseen(10, 0, 5), 1.0);
    }

    #[test]
    fn many_factors_are_what_few_are() {
        for (total, with, drawn) in [
            (100_000, 900, 1_500),
            (1_000_000, 1_000, 5_000),
            (9_000, 800, 4_000),
        ] {
            let exact: f64 = (0..with)
                .map(|at| ((total - drawn - at) as f64 / (total - at) as f64).ln())
                .sum();
            let by_logs = ln_choose(total - with, drawn) - ln_choose(total, drawn);
            assert_close(by_logs, exact, 1e-6 * exact.abs().max(1.0));
            assert_close(p_unseen(total, with, drawn), exact.exp(), 1e-9);
        }
        // Half of all samples, drawn from all that a number can count.
        let found = p_unseen(u64::MAX, 3, u64::MAX / 2);
        assert_close(found, 0.125, 1e-9);
    }
}
