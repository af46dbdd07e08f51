//! Intervals and tests for counts and samples.
//!
//! Proportions: Wilson's interval (JASA 22, 1927), Fisher's exact test, the phi coefficient, the difference of paired shares. Two
//! samples: Mann and Whitney (Ann. Math. Stat. 18, 1947) by its normal approximation with ties.
//! Many tests: Benjamini and Hochberg (J. R. Stat. Soc. B 57, 1995). Deciding what is significant
//! is the caller's.

use crate::algo::special::{ln_choose, normal_tail, normal_two_sided};

/// The 97.5 % quantile of the standard normal distribution.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Returns Wilson's 95 % interval for the share that `hits` of `trials` came from; all of [0, 1]
/// without trials. More hits than trials, which a damaged file may have, count as all.
pub fn wilson(hits: u64, trials: u64) -> Interval {
    wilson_with(Z_95, hits, trials)
}

/// Returns Wilson's interval of a confidence between 0 and 1, such as 0.99; see [`wilson`].
pub fn wilson_at(confidence: f64, hits: u64, trials: u64) -> Interval {
    wilson_with(normal_quantile_two_sided(confidence), hits, trials)
}

/// Returns the z between whose negative and itself so much of the standard normal distribution lies, by bisection.
pub fn normal_quantile_two_sided(confidence: f64) -> f64 {
    /// No double below 1 is more than this many deviations away.
    const FAR: f64 = 9.0;
    /// Halvings of the range down to the last digits.
    const STEPS: usize = 60;
    let (mut low, mut high) = (0.0, FAR);
    for _ in 0..STEPS {
        let z = (low + high) / 2.0;
        if normal_two_sided(z) > 1.0 - confidence {
            low = z;
        } else {
            high = z;
        }
    }
    (low + high) / 2.0
}

fn wilson_with(z: f64, hits: u64, trials: u64) -> Interval {
    if trials == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let hits = hits.min(trials);
    let n = trials as f64;
    let share = hits as f64 / n;
    let squared = z * z;
    let centre = share + squared / (2.0 * n);
    let margin = z * (share * (1.0 - share) / n + squared / (4.0 * n * n)).sqrt();
    let scale = 1.0 + squared / n;
    let low = if hits == 0 {
        0.0
    } else {
        (centre - margin) / scale
    };
    let high = if hits == trials {
        1.0
    } else {
        (centre + margin) / scale
    };
    Interval { low, high }
}

/// A table of two yes-or-no facts over the same cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwoByTwo {
    /// Cases where both hold.
    pub both: u64,
    /// Cases where only the first holds.
    pub first_only: u64,
    /// Cases where only the second holds.
    pub second_only: u64,
    /// Cases where neither holds.
    pub neither: u64,
}

impl TwoByTwo {
    /// Returns the phi coefficient, the correlation of the two facts; none if either never varies.
    pub fn phi(self) -> Option<f64> {
        let [a, b, c, d] =
            [self.both, self.first_only, self.second_only, self.neither].map(|count| count as f64);
        let spread = (a + b) * (c + d) * (a + c) * (b + d);
        (spread > 0.0).then(|| (a * d - b * c) / spread.sqrt())
    }

    /// Returns Fisher's one-sided p: the chance of at least this many `both` if the facts are
    /// independent. O(smallest margin).
    pub fn p_greater(self) -> f64 {
        let likelihood = self
            .likelihoods()
            .into_iter()
            .filter(|&(both, _)| both >= self.both);
        likelihood
            .map(|(_, probability)| probability)
            .sum::<f64>()
            .min(1.0)
    }

    /// Returns Fisher's two-sided p: the chance of any table that is at most as likely as this one.
    pub fn p_two_sided(self) -> f64 {
        /// Tables that are equally likely may differ in the last digits.
        const SLACK: f64 = 1.0 + 1e-7;
        let likelihoods = self.likelihoods();
        let own = likelihoods
            .iter()
            .find(|&&(both, _)| both == self.both)
            .map_or(0.0, |&(_, p)| p * SLACK);
        likelihoods
            .into_iter()
            .map(|(_, p)| p)
            .filter(|&p| p <= own)
            .sum::<f64>()
            .min(1.0)
    }

    /// Returns every possible count of `both` with the same margins, with its probability.
    fn likelihoods(self) -> Vec<(u64, f64)> {
        let first = self.both + self.first_only;
        let second = self.both + self.second_only;
        let all = first + self.second_only + self.neither;
        let fewest = (first + second).saturating_sub(all);
        let total = ln_choose(all, second);
        let probability =
            |both| (ln_choose(first, both) + ln_choose(all - first, second - both) - total).exp();
        (fewest..=first.min(second))
            .map(|both| (both, probability(both)))
            .collect()
    }
}

/// The result of comparing two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// The chance that a value of the first sample exceeds one of the second, ties counted half.
    pub superiority: f64,
    /// The two-sided p under the hypothesis that both come from one distribution.
    pub p: f64,
}

/// Compares two samples by ranks; none if either is empty. NaN sorts above all numbers.
///
/// Normal approximation with corrections for ties and continuity, sound from about eight values in
/// each sample. O(n log n).
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<MannWhitney> {
    let tagged = first
        .iter()
        .map(|&value| (value, true))
        .chain(second.iter().map(|&value| (value, false)));
    let mut pooled: Vec<(f64, bool)> = tagged.collect();
    pooled.sort_by(|a, b| a.0.total_cmp(&b.0));
    let equal = pooled.chunk_by(|a, b| a.0 == b.0);
    mann_whitney_binned(equal.map(|equal| {
        let of_first = equal.iter().filter(|(_, of_first)| *of_first).count();
        (of_first as u64, (equal.len() - of_first) as u64)
    }))
}

/// Compares two samples of which only is known how many values of each lie in every bin of an ascending row; values in one bin
/// are tied. None if either is empty. O(bins).
pub fn mann_whitney_binned(bins: impl IntoIterator<Item = (u64, u64)>) -> Option<MannWhitney> {
    let bins = bins.into_iter();
    mann_whitney_weighted(bins.map(|(first, second)| (first as f64, second as f64)))
}

/// Compares two samples as [`mann_whitney_binned`] does, of which every value counts for a part of one: so samples of values that depend on
/// each other are compared as samples of fewer.
pub fn mann_whitney_weighted(bins: impl IntoIterator<Item = (f64, f64)>) -> Option<MannWhitney> {
    let (mut n1, mut n2, mut rank_sum, mut tie_sum) = (0.0, 0.0, 0.0, 0.0);
    for (of_first, of_second) in bins {
        let count = of_first + of_second;
        rank_sum += (n1 + n2 + (count + 1.0) / 2.0) * of_first;
        tie_sum += count * count * count - count;
        n1 += of_first;
        n2 += of_second;
    }
    if n1 == 0.0 || n2 == 0.0 {
        return None;
    }
    let n = n1 + n2;
    let u = rank_sum - n1 * (n1 + 1.0) / 2.0;
    let variance = n1 * n2 / 12.0 * (n + 1.0 - tie_sum / (n * (n - 1.0)));
    let distance = ((u - n1 * n2 / 2.0).abs() - 0.5).max(0.0);
    let p = if variance > 0.0 {
        normal_two_sided(distance / variance.sqrt())
    } else {
        1.0
    };
    Some(MannWhitney {
        superiority: u / (n1 * n2),
        p,
    })
}

/// Returns the 95 % interval of the difference of two shares of the same `pairs` of yes-or-no answers, of which
/// only `first` in so many pairs and only `second` in so many said yes (Agresti and Min, Stat. Med. 24, 2005).
pub fn paired_difference(first: u64, second: u64, pairs: u64) -> Interval {
    // Half an answer more of each of the four kinds.
    let n = pairs as f64 + 2.0;
    let (first, second) = (first as f64 + 0.5, second as f64 + 0.5);
    let difference = (first - second) / n;
    let variance = ((first + second) / n - difference * difference) / n;
    let margin = Z_95 * variance.max(0.0).sqrt();
    Interval {
        low: (difference - margin).max(-1.0),
        high: (difference + margin).min(1.0),
    }
}

/// Returns the sum of counts, or the largest number there is.
pub fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// Returns how many values of one weight would tell as much as some whose weights, and the squares of these, add up to so much: the
/// effective sample size. Nothing when there is no weight.
///
/// Kish, Survey Sampling, 1965.
pub fn effective_number(weight: f64, squares: f64) -> Option<u64> {
    (squares > 0.0).then(|| (weight * weight / squares).round() as u64)
}

/// Returns the chance that of `trials` fair coins at least `heads` show heads: the one-sided sign test (Arbuthnot, Philosophical
/// Transactions 27, 1710). Exact up to a million trials, by the normal law with the correction for continuity beyond. Sums some
/// thousand terms at most.
pub fn sign_test(heads: u64, trials: u64) -> f64 {
    const EXACT: u64 = 1_000_000;
    if heads == 0 || heads > trials {
        return f64::from(heads == 0);
    }
    if trials > EXACT {
        let (heads, trials) = (heads as f64, trials as f64);
        return normal_tail((2.0 * heads - 1.0 - trials) / trials.sqrt());
    }
    if heads <= trials / 2 {
        return 1.0 - sign_test(trials - heads + 1, trials);
    }
    // Beyond the middle each term is less than the one before.
    let first = ln_choose(trials, heads) - trials as f64 * std::f64::consts::LN_2;
    let mut term = first.exp();
    let mut sum = 0.0;
    for k in heads..=trials {
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
        term *= (trials - k) as f64 / (k + 1) as f64;
    }
    sum.min(1.0)
}

/// Returns the p-values adjusted for testing all of them: calling those up to q significant keeps
/// the expected share of false alarms among them at q. O(n log n).
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let n = p_values.len() as f64;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least = 1.0f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p_values[index] * n / (rank as f64 + 1.0));
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn no_sum_is_too_large() {
        assert_eq!(total([]), 0);
        assert_eq!(total([2, 3]), 5);
        assert_eq!(total([u64::MAX, 1, u64::MAX]), u64::MAX);
    }

    #[test]
    fn uneven_weights_tell_less_than_even_ones() {
        let of = |weights: &[f64]| {
            let squares = weights.iter().map(|weight| weight * weight).sum();
            effective_number(weights.iter().sum(), squares)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7.0; 12]), Some(12));
        assert_eq!(of(&[1.0, 1.0, 8.0]), Some(2));
    }

    #[test]
    fn wilson_has_its_published_intervals() {
        let check = |hits, trials, low, high| {
            let found = wilson(hits, trials);
            assert_close(found.low, low, 1e-6);
            assert_close(found.high, high, 1e-6);
        };
        check(0, 30, 0.0, 0.113_513);
        check(1, 30, 0.005_909, 0.166_704);
        check(15, 30, 0.331_541, 0.668_459);
        check(3, 1000, 0.001_021, 0.008_783);
        check(0, 0, 0.0, 1.0);
        assert_eq!(wilson(7, 7).high, 1.0);
    }

    #[test]
    fn fisher_and_phi_have_their_published_values() {
        let table = TwoByTwo {
            both: 8,
            first_only: 2,
            second_only: 3,
            neither: 87,
        };
        assert_close(table.phi().expect("varies"), 0.735_083, 1e-6);
        assert_close(table.p_greater() / 3.76e-8, 1.0, 1e-2);
        // The lady tasting tea (Fisher, The Design of Experiments, 1935).
        let tea = TwoByTwo {
            both: 3,
            first_only: 1,
            second_only: 1,
            neither: 3,
        };
        assert_close(tea.p_greater(), 17.0 / 70.0, 1e-12);
        assert_close(tea.p_two_sided(), 34.0 / 70.0, 1e-12);
        let constant = TwoByTwo {
            both: 5,
            first_only: 3,
            second_only: 0,
            neither: 0,
        };
        assert_eq!(constant.phi(), None);
        assert_close(constant.p_greater(), 1.0, 1e-12);
        assert_close(
            TwoByTwo {
                both: 0,
                first_only: 0,
                second_only: 0,
                neither: 0,
            }
            .p_two_sided(),
            1.0,
            1e-12,
        );
    }

    #[test]
    fn likelihoods_of_all_tables_sum_to_one() {
        for n in 0..4096u64 {
            let [a, b, c, d] = [n % 8, n / 8 % 8, n / 64 % 8, n / 512];
            let table = TwoByTwo {
                both: a,
                first_only: b,
                second_only: c,
                neither: d,
            };
            let total: f64 = table.likelihoods().iter().map(|&(_, p)| p).sum();
            assert_close(total, 1.0, 1e-12);
        }
    }

    #[test]
    fn mann_whitney_counts_pairs() {
        let first = [1.0, 2.0, 2.0, 5.0, 9.0, 11.0, 12.0, 13.0];
        let second = [2.0, 3.0, 4.0, 4.0, 6.0, 7.0, 8.0, 10.0, 1.5];
        let found = mann_whitney(&first, &second).expect("two samples");
        let score = |a: f64, b: f64| {
            if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        };
        let pairs = first
            .iter()
            .flat_map(|&a| second.iter().map(move |&b| score(a, b)));
        assert_close(found.superiority, pairs.sum::<f64>() / 72.0, 1e-12);
        // scipy 1.17.1, mannwhitneyu(method="asymptotic").
        assert_close(found.p, 0.5304050042885856, 1e-9);
        assert_eq!(mann_whitney(&[], &second), None);
        assert_eq!(
            mann_whitney(&[1.0; 4], &[1.0; 3]).map(|same| (same.superiority, same.p)),
            Some((0.5, 1.0))
        );
    }

    #[test]
    fn binned_samples_are_samples_with_ties() {
        for replicate in 0..500 {
            let mut random = Random::new(5, replicate);
            let n_bins = 1 + random.below(12);
            let bins: Vec<(u64, u64)> = (0..n_bins)
                .map(|_| (random.below(5) as u64, random.below(5) as u64))
                .collect();
            let values = |of: fn(&(u64, u64)) -> u64| -> Vec<f64> {
                let each = bins.iter().enumerate();
                each.flat_map(|(bin, counts)| vec![bin as f64; of(counts) as usize])
                    .collect()
            };
            let exact = mann_whitney(&values(|counts| counts.0), &values(|counts| counts.1));
            let binned = mann_whitney_binned(bins.iter().copied());
            match (exact, binned) {
                (Some(exact), Some(binned)) => {
                    assert_close(exact.superiority, binned.superiority, 1e-12);
                    assert_close(exact.p, binned.p, 1e-12);
                }
                (exact, binned) => assert_eq!(exact, binned, "{bins:?}"),
            }
        }
    }

    #[test]
    fn the_difference_of_paired_shares_is_inside_its_interval_about_as_often_as_promised() {
        let (only_first, only_second, pairs) = (0.08, 0.03, 300);
        let mut inside = 0;
        for replicate in 0..2000 {
            let mut random = Random::new(9, replicate);
            let (mut first, mut second) = (0, 0);
            for _ in 0..pairs {
                let chance = random.unit();
                first += u64::from(chance < only_first);
                second += u64::from((only_first..only_first + only_second).contains(&chance));
            }
            let interval = paired_difference(first, second, pairs);
            let truth = only_first - only_second;
            inside += u64::from(interval.low <= truth && truth <= interval.high);
        }
        assert!((1860..1960).contains(&inside), "{inside}");
        let none = paired_difference(0, 0, 0);
        assert!(none.low < 0.0 && none.high > 0.0);
    }

    #[test]
    fn sign_tests_are_tails_of_the_binomial_law() {
        assert_close(sign_test(5, 5), 1.0 / 32.0, 1e-12);
        assert_close(sign_test(9, 10), 11.0 / 1024.0, 1e-12);
        assert_close(sign_test(15, 20), 0.020_694_732_666, 1e-12);
        // Half and half of the term in the middle, which is 1 / sqrt(pi n / 2).
        assert_close(sign_test(500_000, 1_000_000), 0.5 + 3.989e-4, 1e-6);
        assert_eq!(
            [sign_test(0, 7), sign_test(0, 0), sign_test(8, 7)],
            [1.0, 1.0, 0.0]
        );
        for heads in [450_000, 499_000, 500_000, 500_001, 501_000, 503_000] {
            let [exact, normal] =
                [1_000_000, 1_000_002].map(|n| sign_test(heads + n / 2 - 500_000, n));
            assert_close(exact, normal, 1e-5);
        }
        assert_eq!(sign_test(u64::MAX, u64::MAX), 0.0);
        assert_close(sign_test(u64::MAX / 2, u64::MAX), 0.5, 1e-6);
        for n in 1..40u64 {
            let mut counts = vec![1.0];
            for _ in 0..n {
                let padded = |i: usize| counts.get(i).copied().unwrap_or(0.0);
                counts = (0..=counts.len())
                    .map(|i| padded(i) + if i > 0 { padded(i - 1) } else { 0.0 })
                    .collect();
            }
            for k in 0..=n {
                let tail: f64 = counts[k as usize..].iter().sum();
                assert_close(sign_test(k, n), tail / 2f64.powi(n as i32), 1e-12);
            }
        }
    }

    #[test]
    fn benjamini_hochberg_adjusts_in_order() {
        // Their example of fifteen tests: four are significant at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let adjusted = benjamini_hochberg(&p);
        assert_eq!(adjusted.iter().filter(|&&q| q <= 0.05).count(), 4);
        assert_close(adjusted[3], 0.0095 * 15.0 / 4.0, 1e-12);
        assert!(adjusted.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(benjamini_hochberg(&[0.9, 0.01]), [0.9, 0.02]);
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
