//! What a service did over time, and when it failed more than it usually does.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::special::ln_choose;
use crate::pass::trace::common_cause::{BUSY, FAILURES, UNLIKELY};
use crate::pass::trace::{median, total};

/// What a node did over time: requests and failures that originate there, by bin.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) bins: BTreeMap<u64, (u64, u64)>,
    pub(super) unusual: BTreeSet<u64>,
}

impl Series {
    /// Finds the bins in which unusually much fails.
    pub(super) fn find_unusual(&mut self) {
        let share =
            |(requests, failures): &(u64, u64)| *failures as f64 / (*requests as f64).max(1.0);
        let all = total(self.bins.values().map(|bin| bin.0)) as f64;
        let usual = median(self.bins.values().map(share).collect());
        let usual = usual.unwrap_or(0.0).max(1.0 / all.max(1.0));
        let unusual = self.bins.iter().filter(|(_, (requests, failures))| {
            *failures >= FAILURES && binomial_tail(*requests, *failures, usual) < UNLIKELY
        });
        self.unusual = unusual.map(|(bin, _)| *bin).collect();
    }

    /// Returns whether most of these bins have more requests than usual.
    pub(super) fn is_busy(&self, bins: &BTreeSet<u64>) -> bool {
        let usual = median(self.bins.values().map(|bin| bin.0 as f64).collect()).unwrap_or(0.0);
        let busy = bins.iter().filter(|bin| {
            let requests = self.bins.get(bin).map_or(0, |bin| bin.0);
            requests as f64 > BUSY * usual
        });
        2 * busy.count() > bins.len()
    }
}

/// Returns the chance of at least `hits` of `trials`, each with this share.
fn binomial_tail(trials: u64, hits: u64, share: f64) -> f64 {
    /// Terms this much smaller than the sum add nothing.
    const NOTHING: f64 = 1e-15;
    /// With more hits than this the steps around the mean would be many; then nothing is called unusual that is not twice it.
    const MANY: u64 = 1 << 20;
    let trials = trials.max(hits);
    let (n, k) = (trials as f64, hits as f64);
    if k <= n * share || share >= 1.0 {
        return 1.0;
    }
    if hits > MANY {
        return if k > 2.0 * n * share { 0.0 } else { 1.0 };
    }
    let mut term = (ln_choose(trials, hits) + k * share.ln() + (n - k) * (1.0 - share).ln()).exp();
    let mut sum = 0.0;
    let mut at = k;
    while term > sum * NOTHING && at <= n {
        sum += term;
        term *= (n - at) / (at + 1.0) * share / (1.0 - share);
        at += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::binomial_tail;

    #[test]
    fn the_binomial_tail_is_the_sum_of_its_terms() {
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
        for n in 1..30u64 {
            for hits in 0..=n {
                for share in [0.01f64, 0.2, 0.5, 0.9] {
                    let exact: f64 = (hits..=n)
                        .map(|k| {
                            choose(n, k) * share.powi(k as i32) * (1.0 - share).powi((n - k) as i32)
                        })
                        .sum();
                    let found = binomial_tail(n, hits, share);
                    if hits as f64 > n as f64 * share {
                        assert!((found - exact).abs() < 1e-9, "{n} {hits} {share}");
                    } else {
                        assert_eq!(found, 1.0);
                    }
                }
            }
        }
    }
}
