//! What the calls from one region to another say of the way between.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::record::Record;
use crate::fold::sketch::Sketch;
use crate::pass::trace::physics::{ENOUGH, FEWEST_EXTRA, PHYSICS, TOLD_INFLATION, TOLD_SHARE};
use crate::pass::trace::{exemplars, total};
use crate::text;

/// The calls from one region to another.
pub(super) struct Link<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) floor: u64,
    /// Client less server time.
    pub(super) g: &'a Sketch,
    pub(super) record: &'a Record,
}

impl Link<'_> {
    pub(super) fn inflation(&self) -> f64 {
        self.least() as f64 / self.floor.max(1) as f64
    }

    fn least(&self) -> u64 {
        self.g.totals().1
    }

    fn finding(&self, metric: &'static str) -> Finding {
        let subject = Subject::Shared("regions", format!("{}, {}", self.from, self.to));
        Finding {
            grade: Grade::Measured,
            count: self.g.count(),
            of: self.g.count(),
            exemplars: exemplars(self.record),
            ..Finding::of(PHYSICS.name, metric, subject)
        }
    }

    pub(super) fn wrong_region(&self) -> Option<Finding> {
        let median = self.g.quantile(0.5)?;
        let too_fast = self.g.count_below(self.floor / 10 * 9);
        let is_wrong = self.g.count() >= ENOUGH && too_fast * 2 > self.g.count();
        is_wrong.then(|| Finding {
            value: median as f64 / 1e6,
            unit: "ms",
            count: too_fast,
            text: format!(
                "{} -> {}: {} of {} were faster than light, {} in the median against {}: a region label is wrong, or something \
                 nearer answers",
                self.from,
                self.to,
                text::count(too_fast),
                text::plural(self.g.count(), "call"),
                text::duration(median),
                text::duration(self.floor),
            ),
            ..self.finding("wrong_region")
        })
    }

    pub(super) fn inflated(&self) -> Option<Finding> {
        let inflation = self.inflation();
        (inflation > TOLD_INFLATION).then(|| Finding {
            value: inflation,
            unit: "times",
            text: format!(
                "{} -> {}: the fastest of {} took {}, light takes {}: a long route, or a proxy on the way",
                self.from,
                self.to,
                text::plural(self.g.count(), "call"),
                text::duration(self.least()),
                text::duration(self.floor),
            ),
            ..self.finding("route_inflation")
        })
    }

    /// Looks for calls that take one or two round trips more than the fastest, with few calls between.
    pub(super) fn extra_round_trips(&self) -> Option<Finding> {
        let quarters = self.least() / 4;
        let between = |from: u64, to: u64| {
            let below = |times: u64| self.g.count_below(quarters.saturating_mul(times));
            below(to).saturating_sub(below(from))
        };
        // In quarters of a round trip: two or three of them are 7 to 9 or 11 to 13, and 5 to 7 lies between.
        let extra = total([between(7, 9), between(11, 13)]);
        let share = extra as f64 / self.g.count() as f64;
        let is_told = extra >= FEWEST_EXTRA && share >= TOLD_SHARE;
        let is_apart = between(5, 7).saturating_mul(4) < extra;
        (is_told && is_apart).then(|| Finding {
            value: 100.0 * share,
            unit: "%",
            grade: Grade::Inferred,
            count: extra,
            text: format!(
                "{} -> {}: {} of {} take whole round trips more than the fastest, of {}, as if connections were set up for them",
                self.from,
                self.to,
                text::percent(share),
                text::plural(self.g.count(), "call"),
                text::duration(self.least()),
            ),
            ..self.finding("extra_round_trips")
        })
    }
}
