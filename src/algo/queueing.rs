//! How many requests are in flight at once, and how many places that takes.
//!
//! Load is offered in *erlangs*: arrivals per second times seconds each stays, which by Little's
//! law is the mean number in flight. Without a limit that number is Poisson distributed
//! (M/G/infinity); with n places, Erlang B is the share turned away if nobody waits, Erlang C the
//! share that waits if everybody does (Erlang, 1917). Loads are finite and not negative; fewer than
//! zero or NaN counts as none.

use crate::algo::special::ln_gamma;

/// Returns the least n with P(Poisson(load) <= n) >= `share`, where `share` is below one. A load
/// beyond a billion counts as a billion. O(sqrt(load)).
pub fn poisson_quantile(load: f64, share: f64) -> u64 {
    /// Farther below the mean than this many standard deviations there is nothing to add.
    const REACH: f64 = 40.0;
    const LARGEST: f64 = 1e9;
    if load.is_nan() || load <= 0.0 {
        return 0;
    }
    let load = load.min(LARGEST);
    let first = (load - REACH * load.sqrt()).max(0.0).floor();
    let last = load + REACH * load.sqrt() + REACH;
    let mut n = first;
    let mut cumulative = 0.0;
    loop {
        cumulative += (n * load.ln() - load - ln_gamma(n + 1.0)).exp();
        if cumulative >= share || n >= last {
            return n as u64;
        }
        n += 1.0;
    }
}

/// Returns the share of requests that find all `places` taken, if those are turned away. O(places).
pub fn erlang_b(load: f64, places: u64) -> f64 {
    let load = load.max(0.0);
    (1..=places).fold(1.0, |blocked, n| {
        load * blocked / (n as f64 + load * blocked)
    })
}

/// Returns the share of requests that wait for one of `places`; all of them if the load is not
/// below `places`, for then the queue has no end. O(places).
pub fn erlang_c(load: f64, places: u64) -> f64 {
    waiting_share(erlang_b(load, places), load.max(0.0), places)
}

fn waiting_share(blocked: f64, load: f64, places: u64) -> f64 {
    let utilisation = load / places as f64;
    if utilisation < 1.0 {
        blocked / (1.0 - utilisation * (1.0 - blocked))
    } else {
        1.0
    }
}

/// Returns the least number of places at which at most `share` of the requests wait; none if
/// `share` is not positive or the load is beyond ten million. O(result).
pub fn places_for_wait(load: f64, share: f64) -> Option<u64> {
    const LARGEST_LOAD: f64 = 1e7;
    let load = load.max(0.0);
    if load > LARGEST_LOAD || share.is_nan() || share <= 0.0 {
        return None;
    }
    let mut blocked = 1.0;
    let mut places = 0;
    // Above the load the share that waits falls faster than geometrically, so this ends.
    loop {
        places += 1;
        blocked = load * blocked / (places as f64 + load * blocked);
        if waiting_share(blocked, load, places) <= share {
            return Some(places);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn poisson_has_its_published_quantiles() {
        for (load, expected) in [
            (0.5, 4),
            (2.0, 8),
            (8.0, 18),
            (20.0, 35),
            (100.0, 132),
            (0.0, 0),
        ] {
            assert_eq!(poisson_quantile(load, 0.999), expected, "load {load}");
        }
        // The median of a Poisson distribution with integer mean is that mean.
        assert_eq!(poisson_quantile(1e6, 0.5), 1_000_000);
        assert_eq!(poisson_quantile(f64::INFINITY, 0.5), 1_000_000_000);
        assert_eq!(poisson_quantile(f64::NAN, 0.5), 0);
    }

    #[test]
    fn erlang_has_its_published_values() {
        let table = [
            (8.0, 10, 0.121_661, 0.409_180),
            (20.0, 30, 0.008_457, 0.024_950),
            (5.0, 8, 0.070_048, 0.167_267),
        ];
        for (load, places, blocked, waiting) in table {
            assert_close(erlang_b(load, places), blocked, 1e-6);
            assert_close(erlang_c(load, places), waiting, 1e-6);
        }
        assert_eq!(
            (erlang_b(3.0, 0), erlang_c(3.0, 3), erlang_c(0.0, 1)),
            (1.0, 1.0, 0.0)
        );
    }

    #[test]
    fn places_are_the_least_that_suffice() {
        for load in [0.3, 1.0, 8.0, 20.0, 250.0] {
            let places = places_for_wait(load, 0.01).expect("a finite load");
            assert!(erlang_c(load, places) <= 0.01 && erlang_c(load, places - 1) > 0.01);
        }
        assert_eq!(
            (places_for_wait(0.0, 0.01), places_for_wait(1e12, 0.01)),
            (Some(1), None)
        );
    }
}
