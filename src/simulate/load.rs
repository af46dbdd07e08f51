//! How full services get, where the policy says how much they can take.
//!
//! With a rate of attempts L, and s seconds of work on each, the offered load is a = L s. A service that works on c requests at a
//! time makes them wait with the chance of Erlang C(c, a), in the mean s / (c - a) seconds (M/M/c); one of which only the requests per
//! second C are known is a single place that takes 1 / C seconds for each (M/M/1). What arrives beyond what it can take is turned
//! away: 1 - c / a, or 1 - C / L. Failed attempts are repeated and arrive again, so the shares are computed until they stay.
//!
//! Rates are means over the time of the traces. What was served was possible: a service is never taken to be able to do less.

use std::collections::BTreeMap;

use crate::algo::queueing::erlang_c;
use crate::fold::sketch::Sketch;
use crate::model::dictionary::Weight;
use crate::pass::Graph;

/// The shortest time that tells a rate.
const MIN_WINDOW_S: f64 = 10.0;

/// What a service can take, and what it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    /// Requests per second it can serve, if that is declared.
    rps: Option<f64>,
    /// Requests it works on at a time, if that is declared.
    places: Option<u64>,
    /// Attempts per second that arrived.
    pub(super) rate: f64,
    /// Seconds of work on one.
    work: f64,
}

/// How full a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Fullness {
    /// What arrives, as a share of what it can take.
    pub(super) utilisation: f64,
    /// The share turned away.
    pub(super) turned_away: f64,
    /// The share that waits, and for how many nanoseconds in the mean.
    pub(super) wait: (f64, f64),
}

/// Returns the seconds that the traces span, if that is enough for rates.
pub(super) fn window(graph: &Graph<'_>) -> Option<f64> {
    let account = &graph.system.account;
    let seconds = account.last.saturating_sub(account.first.min(account.last)) as f64 / 1e9;
    (account.first <= account.last && seconds >= MIN_WINDOW_S).then_some(seconds)
}

/// Returns what is declared of what services can take, by node; nothing if the traces are too short for rates.
pub(super) fn capacities(graph: &Graph<'_>) -> BTreeMap<u32, Capacity> {
    let Some(seconds) = window(graph) else {
        return BTreeMap::new();
    };
    let nodes = (0u32..).take(graph.n_nodes());
    let declared = nodes.filter_map(|node| {
        let of = graph.declared.described(graph.vertices[node as usize]);
        let (rps, places) = (
            of.capacity_rps.filter(|rps| *rps > 0.0),
            of.concurrency_limit,
        );
        (rps.is_some() || places.is_some_and(|places| places > 0)).then_some((node, rps, places))
    });
    declared
        .map(|(node, rps, places)| {
            let vertex = graph.vertices[node as usize];
            let arcs = graph.system.arcs.iter();
            let into = arcs.filter(|arc| arc.to == vertex && !arc.direct);
            let (mut attempts, mut work) = (0u64, Sketch::default());
            for arc in into {
                attempts = attempts.saturating_add(arc.edge.attempts);
                work.merge(&arc.edge.server_ns);
            }
            let capacity = Capacity {
                rps,
                places,
                rate: Weight(attempts).value() / seconds,
                work: work.mean().unwrap_or(0.0) / 1e9,
            };
            (node, capacity)
        })
        .collect()
}

impl Capacity {
    /// Returns how full the service is when so many times as many attempts arrive as did.
    pub(super) fn at(self, times: f64) -> Fullness {
        let then = self.fullness(self.rate);
        let now = self.fullness(self.rate * times);
        let possible = then.utilisation.max(1.0);
        // What was waited for is in the durations already.
        let mean = now.wait.0 * now.wait.1 - then.wait.0 * then.wait.1;
        Fullness {
            utilisation: now.utilisation,
            turned_away: (1.0 - possible / now.utilisation.max(possible)).max(0.0),
            wait: match now.wait.0 > 0.0 && mean > 0.0 {
                true => (now.wait.0, mean / now.wait.0),
                false => (0.0, 0.0),
            },
        }
    }

    fn fullness(self, rate: f64) -> Fullness {
        /// Nearer to full than this the mean says nothing any more.
        const FULL: f64 = 0.99;
        let mut of = Fullness::default();
        if let Some(rps) = self.rps {
            of.utilisation = rate / rps;
            let near = of.utilisation.min(FULL);
            of.wait = (near, 1e9 / (rps * (1.0 - near)));
        }
        if let Some(places) = self.places.filter(|places| *places > 0) {
            let (load, n) = (rate * self.work, places as f64);
            of.utilisation = of.utilisation.max(load / n);
            let near = load.min(n * FULL);
            of.wait = (erlang_c(near, places), self.work * 1e9 / (n - near));
        }
        of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(rps: Option<f64>, places: Option<u64>, rate: f64, work: f64) -> Capacity {
        Capacity {
            rps,
            places,
            rate,
            work,
        }
    }

    #[test]
    fn what_is_too_much_is_turned_away() {
        let of = capacity(Some(100.0), None, 80.0, 0.01);
        assert_eq!(of.at(1.0).turned_away, 0.0);
        assert_eq!(
            of.at(1.0).wait,
            (0.0, 0.0),
            "the wait that was seen is in the durations"
        );
        // 160 of 100: three eighths.
        assert!((of.at(2.0).turned_away - 0.375).abs() < 1e-12);
        // What was served was possible.
        let busy = capacity(Some(50.0), None, 80.0, 0.01);
        assert_eq!(busy.at(1.0).turned_away, 0.0);
        assert!((busy.at(2.0).turned_away - 0.5).abs() < 1e-12);
    }

    #[test]
    fn waits_are_those_of_erlang() {
        // A load of 8 erlangs on 10 places: 40.9 % wait, in the mean half a second of work each.
        let of = capacity(None, Some(10), 4.0, 1.0).at(2.0);
        assert!((of.wait.0 - 0.409_180).abs() < 1e-6, "{of:?}");
        let before = crate::algo::queueing::erlang_c(4.0, 10) / 6.0;
        let mean = (0.409_180 * 0.5 - before) / 0.409_180;
        assert!((of.wait.1 / 1e9 - mean).abs() < 1e-5, "{of:?}");
        assert_eq!((of.utilisation, of.turned_away), (0.8, 0.0));
    }
}
