//! How far two samples differ: differences of means, of shares and of quantiles, with intervals and tests.
//!
//! - Means: Welch's test (Biometrika 34, 1947) with the degrees of freedom of Satterthwaite.
//! - Shares: the interval of Newcombe (Stat. Med. 17, 1998, method 10), which squares and adds Wilson's; Fisher's exact test.
//! - Quantiles: order statistics have binomial ranks; intervals of two quantiles make one of their difference by the
//!   recovery of variances (Zou and Donner, Stat. Med. 27, 2008), of which Newcombe's is the case for shares.
//! - Absence: given how many events there were in all, how many of them fall on one side is binomial (Przyborowski and
//!   Wilenski, Biometrika 31, 1940).
//!
//! Whether a difference matters is the caller's business.

use crate::algo::special::{ln_gamma, normal_two_sided};
use crate::algo::stats::{Interval, TwoByTwo, normal_quantile_two_sided, wilson_at};

/// What is known of a sample to compare its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Independent values; need not be whole.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance.
    pub variance: f64,
}

/// What a comparison of two samples says: the second less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The interval of the difference.
    pub interval: Interval,
    /// The chance of a difference at least as large if there is none.
    pub p: f64,
}

/// Returns how far the mean of the second sample is above that of the first; `None` unless both have more than one value.
pub fn of_means(confidence: f64, first: Sample, second: Sample) -> Option<Difference> {
    if !(first.n > 1.0 && second.n > 1.0) {
        return None;
    }
    let value = second.mean - first.mean;
    let parts = [first, second].map(|of| (of.variance.max(0.0) / of.n, of.n - 1.0));
    let squared: f64 = parts.iter().map(|(part, _)| part).sum();
    if squared <= 0.0 {
        return Some(Difference {
            interval: Interval {
                low: value,
                high: value,
            },
            p: if value == 0.0 { 1.0 } else { 0.0 },
        });
    }
    let rest: f64 = parts.iter().map(|(part, df)| part * part / df).sum();
    let df = squared * squared / rest;
    let error = squared.sqrt();
    let margin = student_quantile(confidence, df) * error;
    Some(Difference {
        interval: Interval {
            low: value - margin,
            high: value + margin,
        },
        p: student_two_sided(value / error, df),
    })
}

/// Returns how far the share of the second sample is above that of the first, each given as hits and trials.
pub fn of_shares(confidence: f64, first: (u64, u64), second: (u64, u64)) -> Difference {
    let [one, other] = [first, second].map(|(hits, trials)| Estimate {
        value: hits as f64 / trials.max(1) as f64,
        interval: wilson_at(confidence, hits, trials),
    });
    let bounded = recovered(one, other);
    Difference {
        interval: Interval {
            low: bounded.low.max(-1.0),
            high: bounded.high.min(1.0),
        },
        p: p_of_shares(first, second),
    }
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its interval.
    pub interval: Interval,
}

/// Returns the interval of the second value less the first.
pub fn recovered(first: Estimate, second: Estimate) -> Interval {
    let value = second.value - first.value;
    let part = |a: f64, b: f64| a.hypot(b);
    Interval {
        low: value
            - part(
                second.value - second.interval.low,
                first.interval.high - first.value,
            ),
        high: value
            + part(
                second.interval.high - second.value,
                first.value - first.interval.low,
            ),
    }
}

/// Returns the chance of shares that differ at least so much if both samples have the same.
fn p_of_shares(first: (u64, u64), second: (u64, u64)) -> f64 {
    /// With so many hits and misses the normal approximation agrees, and the exact test takes long.
    const MANY: u64 = 2_000;
    let ((a, n), (b, m)) = (first, second);
    if n == 0 || m == 0 {
        return 1.0;
    }
    let hits = a.saturating_add(b);
    let misses = (n - a).saturating_add(m - b);
    // Counts that no sum holds come from damaged reports alone.
    if hits.min(misses) < MANY && n.checked_add(m).is_some() {
        let table = TwoByTwo {
            both: a,
            first_only: b,
            second_only: n - a,
            neither: m - b,
        };
        return table.p_two_sided();
    }
    let (n, m) = (n as f64, m as f64);
    let share = hits as f64 / (n + m);
    let error = (share * (1.0 - share) * (1.0 / n + 1.0 / m)).sqrt();
    if error == 0.0 {
        return 1.0;
    }
    normal_two_sided((b as f64 / m - a as f64 / n) / error)
}

/// Returns the ranks, from 1, of the values between which a quantile lies with a confidence, of so many values; the first
/// and the last if there are too few.
pub fn quantile_ranks(confidence: f64, q: f64, n: f64) -> (f64, f64) {
    let centre = q * n;
    let margin = normal_quantile_two_sided(confidence) * (n * q * (1.0 - q)).sqrt();
    let low = (centre - margin).floor().max(1.0);
    let high = (centre + margin).ceil() + 1.0;
    (low.min(n), high.min(n))
}

/// Returns the chance that none of so many events fell on a side which has `share` of the opportunities.
pub fn p_absent(events: f64, share: f64) -> f64 {
    (events * (-share.clamp(0.0, 1.0)).ln_1p()).exp()
}

/// Returns the probability that Student's t with so many degrees of freedom is further from zero than `t`.
pub fn student_two_sided(t: f64, df: f64) -> f64 {
    /// From here on Student's distribution is the normal one to seven digits.
    const NORMAL: f64 = 1e7;
    if df >= NORMAL {
        return normal_two_sided(t);
    }
    incomplete_beta(df / (df + t * t), df / 2.0, 0.5)
}

/// Returns the t between whose negative and itself so much of Student's distribution lies, by bisection.
pub(in crate::algo) fn student_quantile(confidence: f64, df: f64) -> f64 {
    /// Halvings down to the last digits.
    const STEPS: usize = 200;
    let (mut low, mut high) = (0.0f64, 1.0f64);
    while student_two_sided(high, df) > 1.0 - confidence && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if student_two_sided(middle, df) > 1.0 - confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Returns the regularised incomplete beta function of `x` with parameters `a` and `b`, by Lentz's evaluation of its continued
/// fraction (DLMF 8.17.22).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast on this side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - front * beta_fraction(1.0 - x, b, a) / b;
    }
    front * beta_fraction(x, a, b) / a
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const DEPTH: u32 = 10_000;
    let not_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..=DEPTH {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut last = 1.0;
        for term in [even, odd] {
            d = 1.0 / not_zero(1.0 + term * d);
            c = not_zero(1.0 + term / c);
            last = d * c;
            fraction *= last;
        }
        if (last - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::special::ln_choose;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn students_distribution_has_its_published_quantiles() {
        // Table of critical values: 12.706, 2.228, 2.086, 1.984 and the normal 1.960.
        for (df, quantile) in [
            (1.0, 12.706_204_736),
            (10.0, 2.228_138_852),
            (20.0, 2.085_963_447),
            (100.0, 1.983_971_519),
            (f64::INFINITY, 1.959_963_985),
        ] {
            assert_close(student_quantile(0.95, df), quantile, 1e-8);
            assert_close(student_two_sided(quantile, df), 0.05, 1e-9);
        }
        assert_close(student_two_sided(0.0, 5.0), 1.0, 1e-12);
        // scipy 1.17.1, 2 * t.sf(8, 30).
        assert_close(student_two_sided(8.0, 30.0) / 6.265_822_475_7e-9, 1.0, 1e-8);
    }

    #[test]
    fn welch_compares_means_of_unequal_variance() {
        // scipy 1.17.1, ttest_ind_from_stats(mean1=15, std1=sqrt(87.5), nobs1=13, mean2=12, std2=sqrt(39), nobs2=11,
        // equal_var=False).
        let first = Sample {
            n: 13.0,
            mean: 15.0,
            variance: 87.5,
        };
        let second = Sample {
            n: 11.0,
            mean: 12.0,
            variance: 39.0,
        };
        let found = of_means(0.95, first, second).unwrap();
        assert_close(found.p, 0.359_998_186_93, 1e-9);
        assert_close(found.interval.low, -9.666_822_14, 1e-7);
        assert_close(found.interval.high, 3.666_822_14, 1e-7);
        let mirrored = of_means(0.95, second, first).unwrap();
        assert_close(mirrored.interval.low, -found.interval.high, 1e-12);
        assert_eq!(mirrored.p, found.p);
        let one = Sample { n: 1.0, ..first };
        assert_eq!(of_means(0.95, one, second), None);
        let constant = |mean| Sample {
            n: 5.0,
            mean,
            variance: 0.0,
        };
        assert_eq!(of_means(0.95, constant(1.0), constant(1.0)).unwrap().p, 1.0);
        assert_eq!(of_means(0.95, constant(1.0), constant(2.0)).unwrap().p, 0.0);
    }

    #[test]
    fn differences_of_shares_have_newcombes_published_intervals() {
        // His table II, method 10: the first share less the second.
        for (second, first, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            let found = of_shares(0.95, first, second);
            assert_close(found.interval.low, low, 6e-5);
            assert_close(found.interval.high, high, 6e-5);
        }
    }

    #[test]
    fn the_exact_and_the_approximate_test_of_shares_agree() {
        let exact = TwoByTwo {
            both: 2_100,
            first_only: 2_250,
            second_only: 7_900,
            neither: 7_750,
        };
        let found = of_shares(0.95, (2_100, 10_000), (2_250, 10_000));
        assert_close(found.p / exact.p_two_sided(), 1.0, 0.06);
        let (hits, misses) = (
            of_shares(0.95, (5, 300), (12, 290)).p,
            of_shares(0.95, (295, 300), (278, 290)).p,
        );
        assert_close(hits, misses, 1e-12);
        assert_eq!(of_shares(0.95, (0, 0), (3, 4)).p, 1.0);
    }

    #[test]
    fn ranks_hold_the_quantile_as_often_as_promised() {
        for n in [20u64, 50, 300, 1_000] {
            for q in [0.5, 0.9, 0.99] {
                let (low, high) = quantile_ranks(0.95, q, n as f64);
                // The quantile is between these order statistics when so many values are below it.
                let inside: f64 = (low as u64..high as u64)
                    .map(|below| {
                        (ln_choose(n, below)
                            + below as f64 * q.ln()
                            + (n - below) as f64 * (-q).ln_1p())
                        .exp()
                    })
                    .sum();
                let has_room = high < n as f64 && low > 1.0;
                assert!(!has_room || inside > 0.945, "{n} {q}: {inside}");
            }
        }
    }

    #[test]
    fn means_are_inside_their_interval_about_as_often_as_promised() {
        let mut inside = 0;
        for replicate in 0..2_000 {
            let mut random = Random::new(11, replicate);
            let mut sample = |n: usize, scale: f64| {
                let values: Vec<f64> = (0..n).map(|_| -random.unit().ln_1p() * scale).collect();
                let mean = values.iter().sum::<f64>() / n as f64;
                let squares = values.iter().map(|value| (value - mean).powi(2));
                Sample {
                    n: n as f64,
                    mean,
                    variance: squares.sum::<f64>() / (n as f64 - 1.0),
                }
            };
            // ln(1 + u) has the mean 2 ln 2 - 1.
            let truth = -(2.0 * 2.0f64.ln() - 1.0) * (3.0 - 1.0);
            let found = of_means(0.95, sample(40, 1.0), sample(60, 3.0)).unwrap();
            inside += u64::from(found.interval.low <= truth && truth <= found.interval.high);
        }
        assert!((1_860..1_940).contains(&inside), "{inside}");
    }

    #[test]
    fn absence_says_more_the_more_there_was_before() {
        assert_close(p_absent(1.0, 0.5), 0.5, 1e-12);
        assert_close(p_absent(5.0, 0.5), 0.031_25, 1e-12);
        assert_close(p_absent(0.0, 0.5), 1.0, 1e-12);
        assert_eq!(p_absent(3.0, 1.0), 0.0);
        assert_eq!(p_absent(3.0, 0.0), 1.0);
    }
}
