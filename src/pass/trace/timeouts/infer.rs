//! What timeout the durations of calls tell of.
//!
//! - Of at least [`MIN_TIMED_OUT`] clients that ended by a timeout, the shortest interval with 80 % of their durations is
//!   taken; if it is no wider than 5 % of its middle (or than 10 ms, where that is at most a quarter of the middle), its lower
//!   end is the timeout.
//! - A client cancelled on purpose carries no error, so a spike at the end of all durations counts too: at least 5 % of
//!   [`MIN_CALLS`] calls or more within 2 % of one duration, no longer ones, half of the calls at most half as
//!   long, and servers that went on for longer, which tells a timeout from a callee that takes just that long.
//!
//! Durations are those of a sketch, so what is inferred is within 1.6 %.

use std::time::Duration;

use crate::fold::record::Record;
use crate::fold::sketch::{Sketch, bounds};
use crate::pass::trace::timeouts::{Source, Timeout};

/// Fewest timed-out calls that tell a timeout.
const MIN_TIMED_OUT: u64 = 5;

/// Fewest calls that show a spike.
const MIN_CALLS: u64 = 100;

/// Widest interval that needs no closer look.
const NARROW_NS: u64 = 10_000_000;

/// Returns the timeout of calls, from the best that is known of them: declared, captured, or what ended them.
pub(super) fn timeout(
    declared: Option<Duration>,
    captured: Option<&Record>,
    timed_out: Option<&Record>,
    clients: &Sketch,
    servers: &Sketch,
) -> Option<Timeout> {
    let of = |source| move |ns| Timeout { ns, source };
    let declared = declared.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    if let Some(timeout) = declared.map(of(Source::Declared)) {
        return Some(timeout);
    }
    if let Some(record) = captured {
        // Deadlines that vary are what was left of another.
        return (!varies(record))
            .then_some(record.most)
            .map(of(Source::Captured));
    }
    let ended = timed_out.and_then(|record| record.sketch.as_ref());
    let inferred = ended.and_then(|durations| shortest_interval(durations));
    inferred
        .or_else(|| spike(clients, servers))
        .map(of(Source::Inferred))
}

/// Returns whether captured deadlines differ by more than 5 %.
pub(super) fn varies(deadlines: &Record) -> bool {
    deadlines.most.saturating_sub(deadlines.least) > deadlines.most / 20
}

/// Returns the lower end of the shortest interval with 80 % of the durations, if that is short enough.
fn shortest_interval(durations: &Sketch) -> Option<u64> {
    let all = durations.count();
    if all < MIN_TIMED_OUT {
        return None;
    }
    let enough = (all * 4).div_ceil(5);
    let (_, least, most) = durations.totals();
    let buckets: Vec<(u16, u32)> = durations.buckets().collect();
    let mut best: Option<(u64, u64)> = None;
    let (mut inside, mut from) = (0u64, 0);
    for &(bucket, count) in &buckets {
        inside += u64::from(count);
        while inside - u64::from(buckets[from].1) >= enough {
            inside -= u64::from(buckets[from].1);
            from += 1;
        }
        if inside >= enough {
            let low = bounds(buckets[from].0).0.max(least);
            let width = bounds(bucket).1.min(most) - low;
            if best.is_none_or(|(narrowest, _)| width < narrowest) {
                best = Some((width, low));
            }
        }
    }
    let (width, low) = best?;
    let middle = low + width / 2;
    let is_short = width <= middle / 20 || (width <= NARROW_NS && width <= middle / 4);
    is_short.then_some(low)
}

/// Returns the duration at which many calls ended and after which none did, although their servers went on.
fn spike(clients: &Sketch, servers: &Sketch) -> Option<u64> {
    let all = clients.count();
    if all < MIN_CALLS || servers.max() <= clients.max() {
        return None;
    }
    // The middle of the spike lies 2 % below the longest call, its lower end another 2 %.
    let most = clients.max();
    let low = most - most / 25;
    let first = clients
        .buckets()
        .find(|(bucket, _)| bounds(*bucket).1 >= low)?;
    let at_end = clients.count_above(bounds(first.0).0) + u64::from(first.1);
    let is_far_off = clients.quantile(0.5)? <= most / 2;
    (is_far_off && at_end * 20 >= all).then_some(low.max(bounds(first.0).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::mix;

    const MS: u64 = 1_000_000;

    fn sketch(values: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        values.into_iter().for_each(|value| sketch.add(value));
        sketch
    }

    /// The definition over the durations themselves.
    fn by_definition(mut durations: Vec<u64>) -> Option<(u64, u64)> {
        durations.sort_unstable();
        let enough = (durations.len() * 4).div_ceil(5);
        let windows = durations.windows(enough);
        let widths = windows.map(|window| (window[enough - 1] - window[0], window[0]));
        widths.min().filter(|_| durations.len() >= 5)
    }

    #[test]
    fn timeouts_stand_out_of_the_durations_they_end() {
        let of = |ms: &[u64]| shortest_interval(&sketch(ms.iter().map(|ms| ms * MS)));
        assert_eq!(of(&[200, 200, 201, 202, 950]), Some(200 * MS));
        assert_eq!(of(&[200, 200, 201, 202]), None);
        assert_eq!(of(&[200, 300, 400, 500, 600, 700]), None);
        // Ten milliseconds may be the clock of a scheduler, but not of calls that take a few.
        assert_eq!(of(&[100, 102, 104, 106, 109]), Some(100 * MS));
        assert_eq!(of(&[1, 2, 4, 6, 8]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_shortest_interval_is_that_of_the_definition() {
        for round in 0..2_000u64 {
            let n = 5 + mix(round) % 40;
            let spread = 1 + mix(round ^ 7) % 200;
            let durations: Vec<u64> = (0..n)
                .map(|at| (200 + mix(round << 8 | at) % spread) * MS)
                .collect();
            let (width, low) = by_definition(durations.clone()).unwrap();
            let middle = low + width / 2;
            let limit = (middle / 20).max(NARROW_NS);
            let found = shortest_interval(&sketch(durations.iter().copied()));
            // A bucket at either end may add its width.
            let blur = middle / 30;
            if width + blur < limit {
                let found = found.expect("the interval is short");
                let window = |from: u64| {
                    let inside = |ns: &&u64| **ns >= from && **ns <= from + width + 2 * blur;
                    durations.iter().filter(inside).count() * 5 >= durations.len() * 4
                };
                assert!(window(found), "{durations:?}: {found}");
            } else if width > limit + blur {
                assert_eq!(found, None, "{durations:?}");
            }
        }
    }

    #[test]
    fn a_spike_needs_servers_that_went_on() {
        let clients = sketch((0..200).map(|at| {
            if at % 10 == 0 {
                1000 * MS
            } else {
                (10 + at % 20) * MS
            }
        }));
        let went_on = sketch((0..200).map(|at| {
            if at % 10 == 0 {
                3000 * MS
            } else {
                (9 + at % 20) * MS
            }
        }));
        let answered = sketch((0..200).map(|at| {
            if at % 10 == 0 {
                999 * MS
            } else {
                (9 + at % 20) * MS
            }
        }));
        let found = spike(&clients, &went_on).unwrap();
        assert!((950 * MS..=1000 * MS).contains(&found), "{found}");
        assert_eq!(spike(&clients, &answered), None);
        assert_eq!(spike(&clients, &Sketch::default()), None);
        // Few, or rare, or no further away than the others.
        let few = sketch((0..50).map(|at| if at % 10 == 0 { 1000 * MS } else { 10 * MS }));
        assert_eq!(spike(&few, &went_on), None);
        let rare = sketch((0..200).map(|at| if at == 0 { 1000 * MS } else { 10 * MS }));
        assert_eq!(spike(&rare, &went_on), None);
        let constant = sketch((0..200).map(|_| 1000 * MS));
        assert_eq!(spike(&constant, &went_on), None);
    }
}
