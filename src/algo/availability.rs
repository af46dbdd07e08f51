//! The algebra of failing together: redundancy, correlation, shuffle sharding.
//!
//! `q` is always a probability of failure, `1 - q` an availability. Whatever the correlation, all
//! of several members fail together at most as often as the best of them fails (Frechet), so
//! redundancy never makes availability worse than its best member; how much better it makes it
//! depends on the model, and each model here says how often all members fail at once. Nothing here
//! estimates correlations from failures that were not seen.

use crate::algo::special::ln_choose;
use crate::algo::stats::Interval;

/// Returns the bounds on P(all fail) that hold for any correlation; [1, 1] for no members at all.
pub fn frechet_all_fail(q: &[f64]) -> Interval {
    let least = q.iter().copied().fold(1.0, f64::min);
    let sum: f64 = q.iter().sum();
    Interval {
        low: (sum - (q.len() as f64 - 1.0)).clamp(0.0, least),
        high: least,
    }
}

/// Returns P(both fail) of two members whose failures have correlation `rho`; a correlation that no
/// two such members can have counts as the nearest they can.
pub fn pair_both_fail(q1: f64, q2: f64, rho: f64) -> f64 {
    let bounds = frechet_all_fail(&[q1, q2]);
    let both = q1 * q2 + rho * (q1 * (1.0 - q1) * q2 * (1.0 - q2)).sqrt();
    both.clamp(bounds.low, bounds.high)
}

/// Returns P(all fail) of n like members when with chance `rho` one shock decides for all of them.
pub fn common_shock_all_fail(q: f64, rho: f64, n: u32) -> f64 {
    rho * q + (1.0 - rho) * q.powf(f64::from(n))
}

/// Returns P(all fail) of n like members by the beta-factor model (NUREG/CR-4780): the share `beta`
/// of failures hits all, the rest each alone.
pub fn beta_factor_all_fail(q: f64, beta: f64, n: u32) -> f64 {
    ((1.0 - beta) * q).powf(f64::from(n)) + beta * q
}

/// Returns the beta factor seen in `single` failures of one member and `double` failures of two;
/// none without failures.
pub fn beta_factor(single: u64, double: u64) -> Option<f64> {
    let (single, double) = (single as f64, double as f64);
    (single + double > 0.0).then(|| 2.0 * double / (single + 2.0 * double))
}

/// Returns P(all fail) of n like members whose q varies by a beta distribution such that two of
/// them correlate by `rho` (beta-binomial model). O(n).
pub fn beta_binomial_all_fail(q: f64, rho: f64, n: u32) -> f64 {
    // With a = q (1-rho)/rho and a + b = (1-rho)/rho the factor (a+i)/(a+b+i) is this, also at rho
    // = 0.
    let factor = |i: u32| (q * (1.0 - rho) + f64::from(i) * rho) / (1.0 - rho + f64::from(i) * rho);
    if n == 0 {
        1.0
    } else {
        (1..n).map(factor).product::<f64>() * q
    }
}

/// Returns the availability of something that needs all of its parts, if they fail independently.
pub fn serial_availability(parts: &[f64]) -> f64 {
    parts.iter().product()
}

/// Returns the number of nines of an availability: 0.999 has three, 0.1 has 0.05; perfect has
/// infinitely many.
pub fn nines(availability: f64) -> f64 {
    -(1.0 - availability).log10()
}

/// Returns the chance that two random shards of `shard` out of `servers` share j servers, for j
/// from 0 to `shard`. A shard is at most all servers.
pub fn shard_overlap(servers: u64, shard: u64) -> Vec<f64> {
    let all = ln_choose(servers, shard);
    let others = servers.saturating_sub(shard);
    let sharing = |j| (ln_choose(shard, j) + ln_choose(others, shard - j) - all).exp();
    (0..=shard).map(sharing).collect()
}

/// Returns the chance that a random shard is down entirely when `failed` of `servers` are.
pub fn shard_all_down(servers: u64, shard: u64, failed: u64) -> f64 {
    (ln_choose(failed, shard) - ln_choose(servers, shard)).exp()
}

/// Returns the chance that a random shard has lost at least one server when `failed` of `servers`
/// are down.
pub fn shard_any_down(servers: u64, shard: u64, failed: u64) -> f64 {
    1.0 - (ln_choose(servers.saturating_sub(failed), shard) - ln_choose(servers, shard)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::special::choose;
    use crate::algo::testgraphs::assert_close;

    #[track_caller]
    fn assert_relative(actual: f64, expected: f64, tolerance: f64) {
        assert_close(actual / expected, 1.0, tolerance);
    }

    #[test]
    fn three_correlated_members_keep_three_nines() {
        assert_relative(common_shock_all_fail(1e-3, 0.9, 3), 9.0000e-4, 1e-5);
        assert_relative(beta_binomial_all_fail(1e-3, 0.9, 3), 8.5277e-4, 1e-4);
        assert_close(nines(1.0 - common_shock_all_fail(1e-3, 0.9, 3)), 3.05, 0.01);
        assert_close(
            nines(1.0 - beta_binomial_all_fail(1e-3, 0.9, 3)),
            3.07,
            0.01,
        );
        assert_close(nines(0.1), 0.05, 0.005);
    }

    #[test]
    fn a_small_beta_dominates() {
        for (beta, expected) in [(0.01, 1.0001e-5), (0.1, 1.0000e-4), (0.5, 5.0e-4)] {
            assert_relative(beta_factor_all_fail(1e-3, beta, 3), expected, 1e-4);
        }
        assert_close(beta_factor(18, 1).expect("failures"), 0.1, 1e-12);
        assert_eq!(beta_factor(0, 0), None);
    }

    #[test]
    fn no_model_leaves_the_frechet_bounds() {
        for q in [1e-9, 0.001, 0.2, 0.5, 0.9, 1.0] {
            for rho in [0.0, 0.1, 0.5, 1.0] {
                for n in 1..6 {
                    let bounds = frechet_all_fail(&vec![q; n as usize]);
                    let models = [
                        common_shock_all_fail(q, rho, n),
                        beta_factor_all_fail(q, rho, n),
                        beta_binomial_all_fail(q, rho, n),
                    ];
                    // The beta-factor model takes the chance of a shared failure for small.
                    let [shock, _, binomial] = models;
                    for value in [shock, binomial] {
                        assert!(
                            (bounds.low - 1e-12..=bounds.high + 1e-12).contains(&value),
                            "{q} {rho} {n} {value}"
                        );
                    }
                    assert!(n > 1 || models.iter().all(|value| (value - q).abs() < 1e-12));
                }
                let pair = pair_both_fail(q, q, rho);
                assert_close(pair, common_shock_all_fail(q, rho, 2), 1e-12);
                assert_close(pair, beta_binomial_all_fail(q, rho, 2), 1e-12);
            }
        }
        assert_eq!(pair_both_fail(0.1, 0.2, 1.0), 0.1);
        assert_eq!(
            frechet_all_fail(&[]),
            Interval {
                low: 1.0,
                high: 1.0
            }
        );
        assert_close(frechet_all_fail(&[0.9, 0.8]).low, 0.7, 1e-12);
    }

    #[test]
    fn five_hops_of_three_nines_lose_half_a_percent() {
        assert_close(serial_availability(&[0.999; 5]), 0.995_010, 1e-6);
        assert_eq!(serial_availability(&[]), 1.0);
    }

    #[test]
    fn shards_overlap_as_published() {
        let check = |servers, shard, expected: &[f64]| {
            for (found, &value) in shard_overlap(servers, shard).into_iter().zip(expected) {
                assert_relative(found, value, 2e-3);
            }
        };
        check(8, 2, &[0.535_714, 0.428_571, 0.035_714]);
        check(
            100,
            5,
            &[
                0.769_590, 0.211_426, 0.018_385, 0.000_593, 6.309e-6, 1.328e-8,
            ],
        );
        assert_eq!(choose(100, 5), Some(75_287_520));
        assert_close(shard_all_down(100, 5, 3), 0.0, 0.0);
        assert_close(shard_any_down(100, 5, 3), 0.144_00, 1e-5);
        assert_close(shard_all_down(100, 5, 30), 0.001_893, 1e-6);
        assert_close(shard_all_down(100, 4, 30), 0.006_99, 1e-5);
        assert_close(shard_all_down(100, 3, 30), 0.025_11, 1e-5);
        assert_close(shard_any_down(100, 5, 30), 0.8392, 1e-4);
    }
}
