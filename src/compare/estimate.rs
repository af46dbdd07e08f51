//! Where a slow-down comes from when critical paths are not known: sums of durations for each request of the system.
//!
//! The own time of a service is the durations of its called spans less those of the calls it makes; the network is calling
//! less called durations. Calls made at once count fully each, so these are estimates, and their sum may be more than the change
//! that users see.

use std::collections::BTreeMap;

use crate::algo::differences::Sample;
use crate::compare::numbers::{Judging, LEAST_INDEPENDENT};
use crate::compare::side::{EdgeSide, Side, Times};
use crate::pass::spent::Place;
use crate::report::diff::PartChange;
use crate::trace::link::EntryKind;

/// A change below this share of the mean duration of requests is no matter.
pub(super) const LEAST_PART: f64 = 0.01;

/// Time of a request in a place: mean, square of its standard error, fewest independent values behind it, and calls.
#[derive(Clone, Copy, Debug)]
struct Sum {
    mean: f64,
    error: f64,
    n: f64,
    calls: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Sum {
            mean: 0.0,
            error: 0.0,
            n: f64::INFINITY,
            calls: 0.0,
        }
    }
}

impl Sum {
    /// Adds the times of a request's calls, or takes them away.
    fn add(&mut self, times: &Times, calls: f64, sign: f64) {
        self.mean += sign * calls * times.mean;
        self.error += calls * calls * times.variance / times.independent.max(1.0);
        self.n = self.n.min(times.independent);
    }

    fn sample(&self) -> Sample {
        let n = if self.n.is_finite() { self.n } else { 0.0 };
        Sample {
            n,
            mean: self.mean,
            variance: self.error * n,
        }
    }
}

/// Returns the changes of all places, for each request of the system.
pub(super) fn parts(base: &Side, head: &Side, judging: Judging) -> Vec<PartChange> {
    let (before, now) = (sums(base), sums(head));
    let least = LEAST_PART * mean_of(base).min(mean_of(head));
    let judging = Judging {
        least: judging.least.min(LEAST_INDEPENDENT),
        ..judging
    };
    let common = before
        .iter()
        .filter_map(|(place, one)| Some((place, one, now.get(place)?)));
    common
        .filter_map(|(place, one, other)| {
            Some(PartChange {
                place: place.clone(),
                operation: String::new(),
                spans: (one.calls, other.calls),
                time_ns: judging.means(one.sample(), other.sample(), least)?,
            })
        })
        .collect()
}

/// Returns the mean duration of the requests of a side.
pub(super) fn mean_of(side: &Side) -> f64 {
    let times = side
        .entries
        .values()
        .filter_map(|entry| entry.times.as_ref());
    let (time, count) = times.fold((0.0, 0.0), |(time, count), times| {
        (time + times.mean * times.count, count + times.count)
    });
    if count > 0.0 { time / count } else { 0.0 }
}

fn sums(side: &Side) -> BTreeMap<Place, Sum> {
    let mut sums: BTreeMap<Place, Sum> = BTreeMap::new();
    let requests = side.row.requests;
    if requests <= 0.0 {
        return sums;
    }
    for ((service, _, kind), entry) in &side.entries {
        if let (Some(times), true) = (&entry.times, *kind == EntryKind::Job.name()) {
            let own = sums.entry(Place::Own(service.clone())).or_default();
            own.add(times, entry.requests / requests, 1.0);
            own.calls += entry.requests / requests;
        }
    }
    for ((from, to, _, sync), edge) in &side.edges {
        let calls = |times: &Times| weighted(edge, times) / requests;
        if let Some(server) = &edge.server {
            let own = sums.entry(Place::Own(to.clone())).or_default();
            own.add(server, calls(server), 1.0);
            own.calls += calls(server);
        }
        if edge.of_users || !sync {
            continue;
        }
        if let Some(times) = edge.client.as_ref().or(edge.server.as_ref()) {
            let own = sums.entry(Place::Own(from.clone())).or_default();
            own.add(times, calls(times), -1.0);
        }
        let (place, times) = match (&edge.server, &edge.network, &edge.client) {
            (Some(_), Some(network), _) => (Place::Between(from.clone(), to.clone()), network),
            (None, _, Some(client)) => (Place::Silent(from.clone(), to.clone()), client),
            _ => continue,
        };
        let sum = sums.entry(place).or_default();
        sum.add(times, calls(times), 1.0);
        sum.calls += calls(times);
    }
    sums
}

/// Returns how many calls the times of an edge stand for.
fn weighted(edge: &EdgeSide, times: &Times) -> f64 {
    let known = edge.client.as_ref().or(edge.server.as_ref());
    let seen = known.map_or(times.count, |known| known.count);
    times.count / seen.max(1.0) * edge.attempts
}
