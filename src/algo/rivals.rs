//! Other distributions for the tail of a power law.
//!
//! Each rival is fitted to the same tail by maximum likelihood, made discrete by giving x the
//! chance of the interval x - 1/2 to x + 1/2. With y = ln(x / xmin) and t = x / xmin they are, by
//! their chance of at least x:
//!
//! - exponential, in closed form: geometric from xmin on;
//! - lognormal, by slope s and curvature c at xmin: density exp(-s y - c y^2 / 2) in y, so that
//!   sigma^2 = 1/c and mu = ln xmin - s/c. As c falls to zero it turns into a power law;
//! - stretched exponential: exp(-g (t^b - 1) / b), which does the same as b falls to zero;
//! - power law with cutoff: chances proportional to t^-a exp(-l t), which contains the power law.
//!
//! The first three are compared by Vuong's normalised likelihood ratio (Econometrica 57, 1989),
//! positive in favour of the power law; the last is nested, where twice the ratio is chi-squared
//! with one degree of freedom. A rival that fitted best at the end where it *is* a power law is
//! degenerate: its ratio compares a thing with itself and says nothing.
//!
//! O(u) per evaluation for u distinct values, a few hundred evaluations.

use crate::algo::powerlaw::{Counts, PowerLaw};
use crate::algo::simplex::minimum;
use crate::algo::special::{ln_normal_tail, normal_two_sided};

/// A distribution that a power law is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// Memoryless.
    Exponential,
    /// Normal in the logarithm.
    Lognormal,
    /// Weibull's, with any exponent.
    StretchedExponential,
    /// A power law that ends exponentially.
    Cutoff,
}

impl Rival {
    /// All rivals.
    pub const ALL: [Rival; 4] = [
        Rival::Exponential,
        Rival::Lognormal,
        Rival::StretchedExponential,
        Rival::Cutoff,
    ];

    /// Returns the name in words.
    pub fn name(self) -> &'static str {
        match self {
            Rival::Exponential => "exponential",
            Rival::Lognormal => "lognormal",
            Rival::StretchedExponential => "stretched exponential",
            Rival::Cutoff => "power law with cutoff",
        }
    }
}

/// How a power law compares with a rival on the same tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The other distribution.
    pub rival: Rival,
    /// The normalised log likelihood ratio, positive in favour of the power law; for
    /// [`Rival::Cutoff`] the plain one, which is never positive.
    pub ratio: f64,
    /// The chance of a ratio this far from zero if both fit equally well.
    pub p: f64,
    /// Whether the rival fitted best where it is a power law itself.
    pub degenerate: bool,
}

/// Compares a fitted power law with every rival.
pub fn compare(counts: &Counts, law: &PowerLaw) -> Vec<Comparison> {
    let tail = Tail::new(counts, law);
    Rival::ALL
        .iter()
        .map(|&rival| tail.compare(rival))
        .collect()
}

/// The tail of the counts, relative to xmin.
struct Tail {
    xmin: f64,
    n: f64,
    /// Each distinct value with its multiplicity and its log chance under the power law.
    values: Vec<(f64, f64, f64)>,
}

impl Tail {
    fn new(counts: &Counts, law: &PowerLaw) -> Tail {
        let values = counts
            .tail(law.xmin)
            .map(|(x, times)| (x as f64, times as f64, law.ln_probability(x)));
        Tail {
            xmin: law.xmin as f64,
            n: law.n_tail as f64,
            values: values.collect(),
        }
    }

    fn compare(&self, rival: Rival) -> Comparison {
        match rival {
            Rival::Exponential => {
                let excess = self
                    .values
                    .iter()
                    .map(|&(x, times, _)| times * (x - self.xmin))
                    .sum::<f64>()
                    / self.n;
                let stay = excess / (1.0 + excess);
                let ln_chance = |x: f64| (x - self.xmin) * stay.ln() + (1.0 - stay).ln();
                self.vuong(rival, ln_chance, false)
            }
            Rival::Lognormal => {
                // Less curvature than this over the whole tail is none.
                const LEAST: f64 = 1e-4;
                let family = |[slope, ln_curvature]: [f64; 2]| {
                    let curvature = ln_curvature.exp();
                    let (scale, xmin) = (curvature.sqrt(), self.xmin);
                    move |x: f64| ln_normal_tail(slope / scale + scale * (x / xmin).ln())
                };
                let (point, at_bound) =
                    self.most_likely(family, [1.0, -2.0], LEAST.ln(), |[slope, _]| {
                        slope.abs() < 50.0
                    });
                self.vuong(rival, self.discrete(family(point)), at_bound)
            }
            Rival::StretchedExponential => {
                const LEAST: f64 = 1e-3;
                let family = |[ln_rate, ln_power]: [f64; 2]| {
                    let (rate, power, xmin) = (ln_rate.exp(), ln_power.exp(), self.xmin);
                    move |x: f64| -rate / power * ((x / xmin).powf(power) - 1.0)
                };
                let (point, at_bound) =
                    self.most_likely(family, [0.0, -1.0], LEAST.ln(), |[_, power]| power < 3.0);
                self.vuong(rival, self.discrete(family(point)), at_bound)
            }
            Rival::Cutoff => self.compare_with_cutoff(),
        }
    }

    /// Makes a distribution discrete, given the logarithm of its chance of at least x up to a
    /// constant.
    fn discrete(&self, ln_at_least: impl Fn(f64) -> f64) -> impl Fn(f64) -> f64 {
        let from_xmin = ln_at_least(self.xmin - 0.5);
        move |x| {
            let from = ln_at_least(x - 0.5);
            let beyond = ln_at_least(x + 0.5);
            from - from_xmin + (-(beyond - from).exp_m1()).ln()
        }
    }

    /// Returns the parameters of largest likelihood, the second kept above `least`, and whether it
    /// ended there.
    fn most_likely<F: Fn(f64) -> f64>(
        &self,
        family: impl Fn([f64; 2]) -> F,
        start: [f64; 2],
        least: f64,
        allowed: impl Fn([f64; 2]) -> bool,
    ) -> ([f64; 2], bool) {
        /// How close to the bound, in the logarithm, is at the bound.
        const MARGIN: f64 = 0.5;
        let misfit = |point: [f64; 2]| {
            if point[1] < least || !allowed(point) {
                return f64::INFINITY;
            }
            let ln_chance = self.discrete(family(point));
            -self
                .values
                .iter()
                .map(|&(x, times, _)| times * ln_chance(x))
                .sum::<f64>()
        };
        let point = minimum(misfit, start);
        (point, point[1] < least + MARGIN)
    }

    fn vuong(&self, rival: Rival, ln_chance: impl Fn(f64) -> f64, degenerate: bool) -> Comparison {
        let differences: Vec<(f64, f64)> = self
            .values
            .iter()
            .map(|&(x, times, of_law)| (times, of_law - ln_chance(x)))
            .collect();
        let total: f64 = differences
            .iter()
            .map(|(times, difference)| times * difference)
            .sum();
        let mean = total / self.n;
        let spread: f64 = differences
            .iter()
            .map(|(times, d)| times * (d - mean) * (d - mean))
            .sum();
        let ratio = if spread > 0.0 {
            total / spread.sqrt()
        } else {
            0.0
        };
        Comparison {
            rival,
            ratio,
            p: normal_two_sided(ratio),
            degenerate,
        }
    }

    fn compare_with_cutoff(&self) -> Comparison {
        let of_law: f64 = self
            .values
            .iter()
            .map(|&(_, times, chance)| times * chance)
            .sum();
        let mean_log = self
            .values
            .iter()
            .map(|&(x, times, _)| times * (x / self.xmin).ln())
            .sum::<f64>()
            / self.n;
        let mean = self
            .values
            .iter()
            .map(|&(x, times, _)| times * x)
            .sum::<f64>()
            / self.n
            / self.xmin;
        // The rate is searched in its logarithm, from far beyond the largest value down to nothing
        // to see.
        let longest = self.values.last().map_or(1.0, |&(x, _, _)| x / self.xmin);
        let misfit = |[alpha, ln_rate]: [f64; 2]| {
            let rate = ln_rate.exp();
            if alpha.abs() > 30.0 || rate * longest < 1e-6 || rate > 50.0 {
                return f64::INFINITY;
            }
            self.n * (ln_cutoff_sum(alpha, rate, self.xmin) + alpha * mean_log + rate * mean)
        };
        let point = minimum(misfit, [1.5, -longest.ln()]);
        let gain = (-misfit(point) - of_law).max(0.0);
        Comparison {
            rival: Rival::Cutoff,
            ratio: -gain,
            p: normal_two_sided((2.0 * gain).sqrt()),
            degenerate: false,
        }
    }
}

/// Returns the logarithm of the sum of t^-alpha exp(-rate t) with t = x / xmin over x = xmin, xmin
/// + 1, ...
///
/// Some terms directly, then the Euler-Maclaurin formula, with the integral by Simpson's rule in ln
/// t. All terms are relative to the first, exp(-rate), so that nothing vanishes.
fn ln_cutoff_sum(alpha: f64, rate: f64, xmin: f64) -> f64 {
    const DIRECT: usize = 40;
    const STEPS: usize = 200;
    let term = |t: f64| (-alpha * t.ln() - rate * (t - 1.0)).exp();
    let mut sum = 0.0;
    let mut x = xmin;
    for _ in 0..DIRECT {
        sum += term(x / xmin);
        x += 1.0;
    }
    let from = x / xmin;
    // In u = ln t the integrand is t * term(t); it has died out where rate * t passes 50, or
    // earlier.
    let end_by_rate = ((60.0 + 4.0 * alpha.abs()) / rate + from).ln();
    let end_by_power = if alpha > 1.0 {
        from.ln() + 40.0 / (alpha - 1.0)
    } else {
        f64::INFINITY
    };
    let (low, high) = (from.ln(), end_by_rate.min(end_by_power));
    let step = (high - low) / STEPS as f64;
    let integrand = |i: usize| {
        let t = (low + step * i as f64).exp();
        t * term(t)
    };
    let weight = |i: usize| {
        if i == 0 || i == STEPS {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let integral = (0..=STEPS).map(|i| weight(i) * integrand(i)).sum::<f64>() * step / 3.0 * xmin;
    let slope = -(alpha / from + rate) / xmin;
    let rest = integral + term(from) * (0.5 - slope / 12.0);
    (sum + rest).ln() - rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::powerlaw::fit_tail;
    use crate::algo::testgraphs::assert_close;

    /// Counts that follow the given chances from `xmin` on as exactly as whole numbers can.
    fn shaped(xmin: u64, n: f64, chance: impl Fn(f64) -> f64) -> Counts {
        let total: f64 = (xmin..xmin + 20_000).map(|x| chance(x as f64)).sum();
        let times = |x: u64| (n * chance(x as f64) / total).round() as usize;
        Counts::new(
            &(xmin..xmin + 2000)
                .flat_map(|x| std::iter::repeat_n(x, times(x)))
                .collect::<Vec<_>>(),
        )
    }

    #[track_caller]
    fn compared(counts: &Counts, xmin: u64, rival: Rival) -> Comparison {
        let law = fit_tail(counts, xmin).expect("a tail");
        compare(counts, &law)
            .into_iter()
            .find(|comparison| comparison.rival == rival)
            .expect("every rival")
    }

    #[test]
    fn each_shape_is_recognised() {
        let geometric = shaped(3, 2000.0, |x| 0.8f64.powf(x));
        assert!(compared(&geometric, 3, Rival::Exponential).ratio < -3.0);
        let lognormal = shaped(1, 5000.0, |x| (-(x.ln() - 2.0).powi(2) / 2.0).exp() / x);
        let against = compared(&lognormal, 1, Rival::Lognormal);
        assert!(against.ratio < -3.0 && against.p < 0.01 && !against.degenerate);
        let stretched = shaped(1, 5000.0, |x| x.powf(-0.5) * (-x.sqrt()).exp());
        assert!(compared(&stretched, 1, Rival::StretchedExponential).ratio < -3.0);
        let cut = shaped(1, 5000.0, |x| x.powf(-1.5) * (-x / 20.0).exp());
        assert!(compared(&cut, 1, Rival::Cutoff).p < 0.01);
    }

    #[test]
    fn a_pure_power_law_makes_its_imitators_degenerate() {
        // Evenly spaced quantiles of the continuous law, rounded.
        let quantile =
            |i: u32| (7.5 * (1.0 - (f64::from(i) + 0.5) / 5000.0).powf(-1.0 / 1.2) + 0.5) as u64;
        let pure = Counts::new(&(0..5000).map(quantile).collect::<Vec<_>>());
        assert!(compared(&pure, 8, Rival::Exponential).ratio > 5.0);
        for rival in [Rival::Lognormal, Rival::StretchedExponential] {
            let comparison = compared(&pure, 8, rival);
            assert!(
                comparison.degenerate || comparison.p > 0.1,
                "{comparison:?}"
            );
        }
    }

    #[test]
    fn the_cutoff_sum_agrees_with_adding_up() {
        for (alpha, rate, xmin) in [
            (1.5, 0.01, 1.0),
            (2.5, 0.3, 4.0),
            (0.2, 0.001, 7.0),
            (3.0, 5.0, 2.0),
        ] {
            let terms = (0..400_000).map(|k| {
                let t = (xmin + f64::from(k)) / xmin;
                t.powf(-alpha) * (-rate * t).exp()
            });
            assert_close(
                ln_cutoff_sum(alpha, rate, xmin),
                terms.sum::<f64>().ln(),
                1e-6,
            );
        }
    }
}
