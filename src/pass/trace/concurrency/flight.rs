//! How many calls were in flight in a pool, from what started and ended when.

use std::collections::BTreeMap;

use crate::fold::record::Record;
use crate::pass::trace::concurrency::{ENDS, STARTS, WEIGHTED, WINDOW};

/// The least calls one after the other in each place of a ceiling: a stream that is held open reaches no limit.
const TURNS: u64 = 10;

/// Bins no wider than this show how busy a time was.
const SHARP: u64 = 1_000_000_000;

/// What was in flight in one pool, or in the worst of several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flight {
    /// The peak, at least and at most.
    pub(super) peak: (u64, u64),
    /// The busiest mean, for bins that are not too wide.
    pub(super) busiest: f64,
    pub(super) mean: f64,
    pub(super) calls: u64,
    /// Whether bins are narrow enough to tell how busy the busiest time was.
    pub(super) is_sharp: bool,
    /// A ceiling at which the pool stood, and for how long.
    pub(super) ceiling: Option<(u64, u64)>,
}

/// Returns what was in flight in a pool whose changes are in the order of time.
pub(super) fn flight<'a>(
    changes: impl Iterator<Item = (u64, &'a Record)>,
    width: u64,
    length: u64,
) -> Flight {
    let (mut now, mut since) = (0u64, 0u64);
    let mut peak = (0, 0);
    let (mut area, mut calls) = (0u64, 0u64);
    let mut levels: BTreeMap<u64, u64> = BTreeMap::new();
    let mut busy = Busy::default();
    for (number, record) in changes {
        let at = number.saturating_mul(width);
        if now > 0 {
            let level = levels.entry(now).or_default();
            *level = level.saturating_add(at - since);
            busy.add(now, since, at);
        }
        let (starts, ends) = (record.sums[STARTS], record.sums[ENDS]);
        let after = now.saturating_add(starts).saturating_sub(ends);
        let most = if width > 1 {
            now.saturating_add(starts)
        } else {
            after
        };
        peak = (peak.0.max(after), peak.1.max(most));
        area = area.saturating_add(record.sums[WEIGHTED]);
        calls = calls.saturating_add(starts);
        (now, since) = (after, at);
    }
    let at_peak = levels.get(&peak.0).copied().unwrap_or(0);
    let is_ceiling = peak.0 == peak.1
        && peak.0 > 1
        && at_peak >= WINDOW
        && calls / TURNS >= peak.0
        && levels.values().all(|time| *time <= at_peak);
    let mean = area as f64 / length as f64;
    let busiest = match width <= SHARP {
        true => busy.most() as f64 / length.min(WINDOW) as f64,
        false => 0.0,
    };
    Flight {
        peak,
        is_sharp: width <= SHARP,
        busiest: busiest.max(mean),
        mean,
        calls,
        ceiling: is_ceiling.then_some((peak.0, at_peak)),
    }
}

/// Sums in flight times time, window by window.
#[derive(Debug, Default)]
struct Busy {
    window: u64,
    sum: u64,
    most: u64,
}

impl Busy {
    /// Adds that so many were in flight from one time to another; times do not go back.
    fn add(&mut self, now: u64, from: u64, to: u64) {
        let (first, last) = (from / WINDOW, to / WINDOW);
        self.enter(first);
        if first == last {
            self.sum = self.sum.saturating_add(now.saturating_mul(to - from));
            return;
        }
        let rest = WINDOW - from % WINDOW;
        self.sum = self.sum.saturating_add(now.saturating_mul(rest));
        if last - first > 1 {
            // All windows between are alike.
            self.enter(last - 1);
            self.sum = now.saturating_mul(WINDOW);
        }
        self.enter(last);
        self.sum = now.saturating_mul(to % WINDOW);
    }

    fn enter(&mut self, window: u64) {
        if window != self.window {
            self.most = self.most();
            (self.window, self.sum) = (window, 0);
        }
    }

    fn most(&self) -> u64 {
        self.most.max(self.sum)
    }
}

/// Returns the most of each number over several pools.
pub(super) fn worst(flights: &[Flight]) -> Flight {
    flights
        .iter()
        .fold(Flight::default(), |worst, flight| Flight {
            peak: (
                worst.peak.0.max(flight.peak.0),
                worst.peak.1.max(flight.peak.1),
            ),
            busiest: worst.busiest.max(flight.busiest),
            mean: worst.mean.max(flight.mean),
            calls: worst.calls.saturating_add(flight.calls),
            is_sharp: flight.is_sharp,
            ceiling: worst.ceiling.max(flight.ceiling),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::mix;

    /// Returns the peak of intervals in bins of some width, at least and at most, and the most over any window.
    fn of(intervals: &[(u64, u64)], width: u64) -> Flight {
        let mut bins: std::collections::BTreeMap<u64, Record> = Default::default();
        for &(start, end) in intervals {
            let record = bins.entry(start / width).or_default();
            record.add(STARTS, 1);
            record.add(WEIGHTED, end - start);
            bins.entry(end / width).or_default().add(ENDS, 1);
        }
        flight(bins.iter().map(|(bin, record)| (*bin, record)), width, 100)
    }

    #[test]
    fn the_true_peak_lies_in_the_interval_and_is_exact_in_bins_of_a_nanosecond() {
        let mut exact = 0;
        for seed in 0..3000u64 {
            let number = |at: u64, below: u64| mix(mix(seed) ^ at) % below;
            let intervals: Vec<(u64, u64)> = (0..1 + number(0, 12))
                .map(|at| {
                    let start = number(2 * at + 1, 60);
                    (start, start + 1 + number(2 * at + 2, 30))
                })
                .collect();
            let at = |time: u64| {
                intervals
                    .iter()
                    .filter(|i| i.0 <= time && time < i.1)
                    .count() as u64
            };
            let peak = (0..100).map(at).max().unwrap();
            assert_eq!(of(&intervals, 1).peak, (peak, peak));
            let area: u64 = intervals.iter().map(|i| i.1 - i.0).sum();
            assert!((of(&intervals, 1).mean - area as f64 / 100.0).abs() < 1e-12);
            for width in [2, 4, 8, 64] {
                let (low, high) = of(&intervals, width).peak;
                assert!(low <= peak && peak <= high, "{intervals:?} in {width}");
                exact += u64::from(low == high);
            }
        }
        assert!(exact > 100);
    }

    #[test]
    fn the_busiest_window_is_found_without_looking_at_each() {
        for seed in 0..500u64 {
            let number = |at: u64, below: u64| mix(mix(seed) ^ at) % below;
            let (mut busy, mut time) = (Busy::default(), 0);
            let mut sums = std::collections::BTreeMap::new();
            for at in 0..8 {
                let from = time + number(3 * at, 3 * WINDOW);
                let to = from + number(3 * at + 1, 4 * WINDOW);
                let now = 1 + number(3 * at + 2, 5);
                busy.add(now, from, to);
                let mut start = from;
                while start < to {
                    let end = to.min((start / WINDOW + 1) * WINDOW);
                    *sums.entry(start / WINDOW).or_insert(0) += now * (end - start);
                    start = end;
                }
                time = to;
            }
            assert_eq!(busy.most(), sums.into_values().max().unwrap_or(0));
        }
    }
}
