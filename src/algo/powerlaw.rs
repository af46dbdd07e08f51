//! Whether counts follow a discrete power law from some point on.
//!
//! Method: Clauset, Shalizi and Newman (SIAM Rev. 51(4), 2009), exactly and for integers. Above
//! `xmin` the chance of x is x^-alpha / zeta(alpha, xmin). For a given xmin, alpha is the maximum
//! of the likelihood (Newton's method on a convex function, not the shortcut formula, which is far
//! off for small xmin); xmin is the value with the least Kolmogorov-Smirnov distance D between the
//! tail and its fit, among values with at least [`MIN_TAIL`] counts in their tail. Whether the fit
//! is plausible is decided by a semi-parametric bootstrap: synthetic counts, drawn from the fit
//! above xmin and from the data below, go through the whole procedure, and p is the share of them
//! that fit worse than the data. A straight line in a log-log plot decides nothing. How the fit
//! compares with other distributions is the subject of [`rivals`](crate::algo::rivals).
//!
//! With u distinct values a fit costs O(u^2), a bootstrap O(K (n log n + u^2)). Zeros carry no
//! information about a power law and are left out by the caller or here, which is the same.

use rayon::prelude::*;

use crate::algo::random::Random;
use crate::algo::zeta::{scaled_zeta, scaled_zeta_jet};

/// The least number of counts in a tail worth fitting.
pub const MIN_TAIL: usize = 50;

/// The steepest exponent considered; beyond, a tail is a single value in all but name.
const MAX_ALPHA: f64 = 60.0;

/// Positive counts as distinct values with their multiplicities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Ascending, positive.
    values: Vec<u64>,
    /// How many counts equal each value.
    times: Vec<usize>,
}

impl Counts {
    /// Collects counts; zeros are left out.
    pub fn new(counts: &[u64]) -> Counts {
        let mut sorted: Vec<u64> = counts.iter().copied().filter(|&count| count > 0).collect();
        sorted.sort_unstable();
        let runs = sorted.chunk_by(|a, b| a == b);
        let (values, times) = runs.map(|run| (run[0], run.len())).unzip();
        Counts { values, times }
    }

    /// Returns how many counts there are.
    pub fn len(&self) -> usize {
        self.times.iter().sum()
    }

    /// Tells whether there are no counts.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns `(value, multiplicity)` of the counts that are at least `xmin`, ascending.
    pub fn tail(&self, xmin: u64) -> impl Iterator<Item = (u64, usize)> + Clone + '_ {
        let first = self.values.partition_point(|&value| value < xmin);
        self.values[first..]
            .iter()
            .copied()
            .zip(self.times[first..].iter().copied())
    }
}

/// A discrete power law fitted to the tail of some counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The exponent.
    pub alpha: f64,
    /// Where the tail begins; at least one.
    pub xmin: u64,
    /// How many counts are in the tail.
    pub n_tail: usize,
    /// The Kolmogorov-Smirnov distance between the tail and the fit.
    pub distance: f64,
    /// The logarithm of the likelihood of the tail.
    pub ln_likelihood: f64,
}

impl PowerLaw {
    /// Returns the chance that a value of the tail is at least x, for x of at least xmin.
    fn at_least(&self, x: f64) -> f64 {
        let xmin = self.xmin as f64;
        scaled_zeta(self.alpha, x) / scaled_zeta(self.alpha, xmin) * (x / xmin).powf(-self.alpha)
    }

    /// Returns the logarithm of the chance of x.
    pub fn ln_probability(&self, x: u64) -> f64 {
        let xmin = self.xmin as f64;
        -self.alpha * (x as f64 / xmin).ln() - scaled_zeta(self.alpha, xmin).ln()
    }
}

/// Fits the tail from `xmin` on, which is at least one; none if it holds fewer than two distinct
/// values.
pub fn fit_tail(counts: &Counts, xmin: u64) -> Option<PowerLaw> {
    if xmin == 0 || counts.tail(xmin).nth(1).is_none() {
        return None;
    }
    let start = xmin as f64;
    let n_tail: usize = counts.tail(xmin).map(|(_, times)| times).sum();
    let n = n_tail as f64;
    let log_sum: f64 = counts
        .tail(xmin)
        .map(|(value, times)| times as f64 * (value as f64 / start).ln())
        .sum();
    let alpha = most_likely_alpha(log_sum / n, start)?;

    let at_xmin = scaled_zeta(alpha, start);
    let at_least = |x: f64| scaled_zeta(alpha, x) / at_xmin * (x / start).powf(-alpha);
    // The two step functions are farthest apart at a value, or at the integer just below one.
    let mut distance = 0.0f64;
    let mut remaining = n_tail;
    for (value, times) in counts.tail(xmin) {
        let before = remaining as f64 / n - at_least(value as f64);
        remaining -= times;
        let after = remaining as f64 / n - at_least(value as f64 + 1.0);
        distance = distance.max(before.abs()).max(after.abs());
    }
    Some(PowerLaw {
        alpha,
        xmin,
        n_tail,
        distance,
        ln_likelihood: -n * at_xmin.ln() - alpha * log_sum,
    })
}

/// Returns the alpha that minimises ln zeta(alpha, xmin) + alpha `mean_log`, both relative to xmin;
/// none if it is beyond [`MAX_ALPHA`].
fn most_likely_alpha(mean_log: f64, xmin: f64) -> Option<f64> {
    const PRECISION: f64 = 1e-12;
    const ROUNDS: usize = 200;
    let (mut low, mut high) = (1.0, MAX_ALPHA);
    let mut alpha =
        (1.0 + 1.0 / (mean_log - (1.0 - 0.5 / xmin).ln())).clamp(1.0 + 1e-6, MAX_ALPHA - 1.0);
    for _ in 0..ROUNDS {
        let zeta = scaled_zeta_jet(alpha, xmin);
        let slope = zeta.slope / zeta.value + mean_log;
        let bend = zeta.bend / zeta.value - (zeta.slope / zeta.value).powi(2);
        if slope > 0.0 {
            high = alpha
        } else {
            low = alpha
        }
        let newton = alpha - slope / bend;
        let next = if newton > low && newton < high {
            newton
        } else {
            (low + high) / 2.0
        };
        let moved = (next - alpha).abs();
        alpha = next;
        if moved < PRECISION * alpha {
            break;
        }
    }
    (alpha < MAX_ALPHA - 1e-6).then_some(alpha)
}

/// Fits the tail with the least distance; the lowest xmin wins a tie. None if no tail of at least
/// [`MIN_TAIL`] counts has two distinct values.
pub fn fit(counts: &Counts) -> Option<PowerLaw> {
    let mut n_tail = counts.len();
    let mut best: Option<PowerLaw> = None;
    for (&xmin, &times) in counts.values.iter().zip(&counts.times) {
        if n_tail < MIN_TAIL {
            break;
        }
        n_tail -= times;
        if let Some(candidate) = fit_tail(counts, xmin)
            && best.is_none_or(|best| candidate.distance < best.distance)
        {
            best = Some(candidate);
        }
    }
    best
}

/// Returns the share of `replicates` synthetic data sets that fit their power law worse than
/// `counts` fit theirs, `law`. Below 0.1 a power law is ruled out.
pub fn goodness(counts: &Counts, law: &PowerLaw, replicates: u32, seed: u64) -> f64 {
    let sampler = Sampler::new(counts, law);
    let worse = |replicate: u32| {
        let synthetic = sampler.draw(&mut Random::new(seed, u64::from(replicate)));
        u32::from(fit(&synthetic).is_some_and(|fitted| fitted.distance >= law.distance))
    };
    let n_worse: u32 = (0..replicates).into_par_iter().map(worse).sum();
    f64::from(n_worse) / f64::from(replicates.max(1))
}

/// Draws data sets that follow a power law in the tail and the data below it.
struct Sampler<'a> {
    law: &'a PowerLaw,
    n: usize,
    /// The counts below xmin, one by one.
    body: Vec<u64>,
    /// The chance of at least xmin, xmin + 1, ...; descending.
    at_least: Vec<f64>,
}

impl<'a> Sampler<'a> {
    fn new(counts: &Counts, law: &'a PowerLaw) -> Sampler<'a> {
        /// Values farther from xmin than this are rare enough to be searched for.
        const TABLE: u64 = 4096;
        let below = counts
            .values
            .iter()
            .zip(&counts.times)
            .take_while(|&(&value, _)| value < law.xmin);
        Sampler {
            law,
            n: counts.len(),
            body: below
                .flat_map(|(&value, &times)| std::iter::repeat_n(value, times))
                .collect(),
            at_least: (0..TABLE)
                .map(|offset| law.at_least((law.xmin + offset) as f64))
                .collect(),
        }
    }

    fn draw(&self, random: &mut Random) -> Counts {
        let one = |_| match random.below(self.n) {
            chosen if chosen < self.body.len() => self.body[chosen],
            _ => self.draw_tail(1.0 - random.unit()),
        };
        Counts::new(&(0..self.n).map(one).collect::<Vec<_>>())
    }

    /// Returns the largest x whose chance of at least x is no less than `chance`.
    fn draw_tail(&self, chance: f64) -> u64 {
        /// Larger values differ in no digit that a fit could see.
        const LARGEST: u64 = 1 << 52;
        let in_table = self.at_least.partition_point(|&share| share >= chance) as u64;
        if in_table < self.at_least.len() as u64 {
            return self.law.xmin + in_table.max(1) - 1;
        }
        let mut low = self.law.xmin + in_table - 1;
        let mut high = low;
        while high < LARGEST && self.law.at_least(high as f64) >= chance {
            low = high;
            high *= 2;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.law.at_least(middle as f64) >= chance {
                low = middle
            } else {
                high = middle
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, assert_close};

    const TOY: [u64; 20] = [1, 1, 1, 2, 1, 3, 1, 2, 5, 1, 8, 2, 1, 1, 13, 2, 1, 4, 21, 1];

    fn degrees(graph: &crate::algo::graph::Undirected) -> Counts {
        Counts::new(
            &graph
                .degrees()
                .iter()
                .map(|&degree| degree as u64)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn exact_fits_have_their_published_values() {
        let check = |counts: &Counts, xmin, n_tail, alpha, distance, ln_likelihood: Option<f64>| {
            let found = fit_tail(counts, xmin).expect("a tail");
            assert_eq!(found.n_tail, n_tail);
            assert_close(found.alpha, alpha, 1e-6);
            assert_close(found.distance, distance, 1e-6);
            if let Some(expected) = ln_likelihood {
                assert_close(found.ln_likelihood, expected, 1e-6 * expected.abs());
            }
        };
        let toy = Counts::new(&TOY);
        check(&toy, 1, 20, 1.850_581, 0.052_136, Some(-38.816_013));
        check(&toy, 2, 10, 1.998_075, 0.092_943, Some(-24.725_603));
        let karate = degrees(&testgraphs::karate());
        check(&karate, 2, 33, 2.161_474, 0.099_983, Some(-72.259_048));
        check(&karate, 3, 22, 2.445_233, 0.105_782, None);
        check(
            &degrees(&testgraphs::les_miserables()),
            10,
            22,
            4.125_169,
            0.051_446,
            None,
        );
    }

    #[test]
    fn the_likelihood_is_the_sum_over_the_tail_and_the_largest() {
        let counts = Counts::new(&TOY);
        let found = fit_tail(&counts, 2).expect("a tail");
        let at = |law: PowerLaw| {
            counts
                .tail(2)
                .map(|(x, times)| times as f64 * law.ln_probability(x))
                .sum::<f64>()
        };
        assert_close(found.ln_likelihood, at(found), 1e-9);
        for alpha in [found.alpha - 0.01, found.alpha + 0.01] {
            assert!(at(PowerLaw { alpha, ..found }) < found.ln_likelihood);
        }
    }

    #[test]
    fn drawn_values_follow_the_law_and_are_fitted_back() {
        let law = PowerLaw {
            alpha: 2.3,
            xmin: 4,
            n_tail: 1,
            distance: 0.0,
            ln_likelihood: 0.0,
        };
        let sampler = Sampler {
            n: 20_000,
            ..Sampler::new(&Counts::new(&[9]), &law)
        };
        let drawn = sampler.draw(&mut Random::new(5, 0));
        assert_eq!(drawn.len(), 20_000);
        for x in [4, 5, 10, 40] {
            let share = drawn.tail(x).map(|(_, times)| times).sum::<usize>() as f64 / 20_000.0;
            assert_close(share, law.at_least(x as f64), 0.01);
        }
        let fitted = fit_tail(&drawn, 4).expect("a tail");
        assert_close(fitted.alpha, 2.3, 0.03);
        assert!(goodness(&drawn, &fit(&drawn).expect("a fit"), 40, 1) > 0.1);
        // Past the table the search must find the same as the definition.
        for chance in [1e-6, 1e-9] {
            let x = sampler.draw_tail(chance) as f64;
            assert!(law.at_least(x) >= chance && law.at_least(x + 1.0) < chance);
        }
    }

    #[test]
    fn an_even_spread_is_ruled_out() {
        let counts = Counts::new(&(0..600).map(|i| 20 + i % 40).collect::<Vec<u64>>());
        let law = fit(&counts).expect("a fit");
        assert!(goodness(&counts, &law, 100, 1) < 0.1);
        assert_eq!(
            goodness(&counts, &law, 100, 1),
            goodness(&counts, &law, 100, 1)
        );
    }

    #[test]
    fn too_little_is_not_fitted() {
        assert_eq!(fit(&Counts::new(&[])), None);
        assert_eq!(fit(&Counts::new(&[1; 200])), None);
        assert_eq!(fit(&Counts::new(&TOY)), None);
        assert_eq!(fit_tail(&Counts::new(&TOY), 0), None);
        assert_eq!(fit_tail(&Counts::new(&TOY), 21), None);
        assert!(Counts::new(&[0, 0]).is_empty());
        assert!(fit(&Counts::new(&[1, u64::MAX].repeat(40))).is_some());
    }
}
