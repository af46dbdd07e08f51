//! One number of both sides: its change, the interval of the change, and the chance of one as large if there is none.

use std::collections::BTreeSet;

use crate::algo::differences::{
    Difference, Estimate, Sample, of_means, of_shares, quantile_ranks, recovered,
};
use crate::algo::stats::{Interval, mann_whitney_weighted};
use crate::compare::side::Times;
use crate::fold::sketch::Sketch;
use crate::report::diff::{Change, Shift};

/// A time that changes by less than this share of itself is no matter, however sure the change is.
pub(super) const LEAST_TIME: f64 = 0.05;

/// A share of failures that changes by less is no matter.
const LEAST_SHARE: f64 = 0.001;

/// Attempts for each call that change by less are no matter.
const LEAST_ATTEMPTS: f64 = 0.01;

/// How to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judging {
    /// How sure intervals are.
    pub(super) confidence: f64,
    /// Fewest values on each side.
    pub(super) least: f64,
}

/// Fewest of the values that count as independent of each other: below, ranks and means are no base for a test.
pub(super) const LEAST_INDEPENDENT: f64 = 8.0;

/// A share, and of how much it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// The share.
    pub(super) value: f64,
    /// Of how many cases.
    pub(super) count: f64,
    /// How many of the cases count as independent of each other.
    pub(super) independent: f64,
}

impl Judging {
    /// Compares times: by their means and by their ranks, each with half of the chance of a false alarm.
    pub(super) fn times(self, base: Option<&Times>, head: Option<&Times>) -> Option<Change> {
        let (base, head) = self.enough(base, head)?;
        let means = of_means(self.confidence, sample(base), sample(head))?;
        let p = match (&base.sketch, &head.sketch) {
            (Some(one), Some(other)) => {
                let weights = [base, head].map(|times| times.independent / times.count);
                let ranks = mann_whitney_weighted(bins(one, other, weights));
                let least = ranks.map_or(means.p, |ranks| ranks.p.min(means.p));
                (2.0 * least).min(1.0)
            }
            _ => means.p,
        };
        let is_large = |one: f64, other: f64| (other - one).abs() >= LEAST_TIME * one.min(other);
        let [one, other] = [base, head].map(|times| times.quantiles[0] as f64);
        Some(Change {
            base: base.mean,
            head: head.mean,
            low: means.interval.low,
            high: means.interval.high,
            p,
            matters: is_large(base.mean, head.mean) || is_large(one, other),
            ..Change::default()
        })
    }

    fn enough<'a>(
        self,
        base: Option<&'a Times>,
        head: Option<&'a Times>,
    ) -> Option<(&'a Times, &'a Times)> {
        base.zip(head).filter(|(base, head)| {
            [base, head]
                .iter()
                .all(|times| times.count >= self.least && times.independent >= LEAST_INDEPENDENT)
        })
    }

    /// Compares the quantile that [`Times::quantiles`] has at a place; the interval is known of distributions alone.
    pub(super) fn shift(
        self,
        base: Option<&Times>,
        head: Option<&Times>,
        place: usize,
    ) -> Option<Shift> {
        let (base, head) = self.enough(base, head)?;
        let q = [0.5, 0.99][place];
        let estimate = |times: &Times| {
            let sketch = times.sketch.as_ref()?;
            let n = times.independent;
            let (low, high) = quantile_ranks(self.confidence, q, n);
            // Ranks among the independent values are shares of all.
            let at = |rank: f64| sketch.quantile(rank / n).unwrap_or(0) as f64;
            Some(Estimate {
                value: times.quantiles[place] as f64,
                interval: Interval {
                    low: at(low),
                    high: at(high),
                },
            })
        };
        Some(Shift {
            base: base.quantiles[place],
            head: head.quantiles[place],
            interval: estimate(base)
                .zip(estimate(head))
                .map(|(base, head)| recovered(base, head))
                .map(|interval| (interval.low, interval.high)),
        })
    }

    /// Compares means of which spread and number are known; a change below `least` is no matter.
    pub(super) fn means(self, base: Sample, head: Sample, least: f64) -> Option<Change> {
        if base.n < self.least || head.n < self.least {
            return None;
        }
        let Difference { interval, p } = of_means(self.confidence, base, head)?;
        Some(Change {
            base: base.mean,
            head: head.mean,
            low: interval.low,
            high: interval.high,
            p,
            matters: (head.mean - base.mean).abs() >= least,
            ..Change::default()
        })
    }

    /// Compares shares.
    pub(super) fn shares(self, base: Share, head: Share) -> Option<Change> {
        let is_known = |of: Share| of.count >= self.least && of.independent >= LEAST_INDEPENDENT;
        if !is_known(base) || !is_known(head) {
            return None;
        }
        let hits = |of: Share| {
            let n = of.independent.round();
            ((of.value.clamp(0.0, 1.0) * n).round() as u64, n as u64)
        };
        let Difference { interval, p } = of_shares(self.confidence, hits(base), hits(head));
        let change = Change {
            base: base.value,
            head: head.value,
            low: interval.low,
            high: interval.high,
            p,
            ..Change::default()
        };
        Some(Change {
            matters: change.value().abs() >= LEAST_SHARE,
            ..change
        })
    }

    /// Compares attempts for each call: the share of attempts that repeat another says the same.
    pub(super) fn attempts(self, base: Share, head: Share) -> Option<Change> {
        let repeated = |of: Share| Share {
            value: 1.0 - 1.0 / of.value.max(1.0),
            ..of
        };
        let shares = self.shares(repeated(base), repeated(head))?;
        let change = Change {
            base: base.value,
            head: head.value,
            p: shares.p,
            ..Change::default()
        };
        // A difference of shares s is one of s (a b) in attempts for each call of a and b.
        let scale = base.value.max(1.0) * head.value.max(1.0);
        Some(Change {
            low: shares.low * scale,
            high: shares.high * scale,
            matters: change.value().abs() >= LEAST_ATTEMPTS,
            ..change
        })
    }
}

fn sample(times: &Times) -> Sample {
    Sample {
        n: times.independent,
        mean: times.mean,
        variance: times.variance,
    }
}

/// Returns how many values of each sketch, weighted, lie in each bucket.
fn bins<'a>(
    base: &'a Sketch,
    head: &'a Sketch,
    [of_base, of_head]: [f64; 2],
) -> impl Iterator<Item = (f64, f64)> + 'a {
    let buckets: BTreeSet<u16> = base
        .buckets()
        .chain(head.buckets())
        .map(|(bucket, _)| bucket)
        .collect();
    buckets.into_iter().map(move |bucket| {
        (
            f64::from(base.count_in(bucket)) * of_base,
            f64::from(head.count_in(bucket)) * of_head,
        )
    })
}
