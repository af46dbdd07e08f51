//! How many further attempts a failed one leads to.
//!
//! Over the bins of a callee, the slope of the attempts beyond the first on those that failed: what load brings by itself is in the first
//! attempts and so left out. With a gain of g, one call becomes 1 / (1 - g) attempts when all of them fail: 2 with 1/2, and 1.2
//! with the 1/6 of a retry budget of 20 %. From [`TOLD`] on, one and a half attempts for each call, the loop is told: that is where
//! retry storms begin.
//!
//! The interval takes bins as independent of each other. A slope takes bins that fail and bins that do not.

use crate::algo::regression::{Slope, slope};
use crate::finding::{Finding, Grade, Subject};
use crate::pass::Measured;
use crate::pass::trace::metastability::{BAD_SHARE, Bin, METASTABILITY, unknown};
use crate::text;

/// The least gain that is told, at the lower end of the interval.
const TOLD: f64 = 1.0 / 3.0;

/// The least bins that fail, and that do not.
const ENOUGH_BINS: usize = 3;

/// The gain of one callee.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gain {
    slope: Slope,
    bins: u64,
    failing: u64,
}

/// Returns the gain of a callee, if it failed in some bins and not in others.
pub(super) fn of(bins: &[Bin]) -> Option<Gain> {
    let failing = bins.iter().filter(|bin| bin.failing() >= BAD_SHARE).count();
    if failing < ENOUGH_BINS || bins.len() - failing < ENOUGH_BINS {
        return None;
    }
    let points = bins
        .iter()
        .map(|bin| (bin.failed, bin.attempts - bin.firsts));
    Some(Gain {
        slope: slope(0.95, points)?,
        bins: bins.len() as u64,
        failing: failing as u64,
    })
}

/// Tells the gains of callees.
pub(super) fn measure(gains: &[(&str, Gain)], width: u64, measured: &mut Measured) {
    const METRIC: &str = "loop_gain";
    let largest = gains.iter().map(|(_, gain)| gain.slope.value);
    let Some(largest) = largest.reduce(f64::max) else {
        let why = "metastability: no callee failed in some bins of time and not in others, which tells how many attempts a failure leads to";
        return measured.findings.push(unknown(METRIC, why.to_owned()));
    };
    measured.metric(METRIC, largest);
    for (callee, gain) in gains
        .iter()
        .filter(|(_, gain)| gain.slope.interval.low >= TOLD)
    {
        let Slope { value, interval } = gain.slope;
        let all_fail = match value < 1.0 {
            true => format!(
                "; when all fail, each call becomes {:.1} attempts",
                1.0 / (1.0 - value)
            ),
            false => String::new(),
        };
        measured.findings.push(Finding {
            value,
            unit: "attempts/failure",
            grade: Grade::Measured,
            interval: Some((interval.low, interval.high)),
            count: gain.failing,
            of: gain.bins,
            text: format!(
                "{callee}: each failed attempt leads to {} more ({} to {}; {} of {} fail){all_fail}",
                hundredths(value),
                hundredths(interval.low),
                hundredths(interval.high),
                text::count(gain.failing),
                format_args!(
                    "{} of {}",
                    text::plural(gain.bins, "bin"),
                    text::duration(width)
                ),
            ),
            ..Finding::of(
                METASTABILITY.name,
                METRIC,
                Subject::Service((*callee).to_owned()),
            )
        });
    }
}

fn hundredths(value: f64) -> String {
    text::value((value * 100.0).round() / 100.0)
}
