//! Overload that holds itself up after what began it is gone.
//!
//! A service is *vulnerable* when its utilisation times the worst amplification of its load is above one and work may be wasted: then,
//! once everything times out, the retries alone keep it at its limit (see [`capacity`]). That needs no incident, but a declared
//! capacity. What takes bins of 10 s in which something happened:
//!
//! - An *incident* (see [`incidents`]): a surge is over, and the callee stays bad.
//! - The *loop gain* (see [`gain`]): how many more attempts a failed one leads to.
//! - A *cache effect* (see [`cache`]): lookups that a cache answered go on to the store behind it.
//!
//! Left out on purpose: incidents whose trigger is no surge, because a fault that lasts looks the same as one that holds itself up.

mod capacity;

mod incidents;

mod gain;

mod cache;

use crate::finding::Finding;
use crate::fold::record::Record;
use crate::pass::outages::{ATTEMPTS, CALLS, FAILED, FIRSTS, LOGS, TIMED};
use crate::pass::trace::{grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds overload that holds itself up.
pub static METASTABILITY: Pass = Pass {
    name: "metastability",
    about: "overload that holds itself up after what began it is gone",
    explain: "metastability",
    watch: None,
    measure,
};

/// The widest bins that show how something changes.
const WIDEST_NS: u64 = 20_000_000_000;

/// The least first attempts of a bin, and the least bins.
const ENOUGH: u64 = 20;
const BINS: usize = 9;

/// How many times the well bins is bad, and the least error share that is.
const BAD: f64 = 3.0;
const BAD_SHARE: f64 = 0.1;

/// What a callee was asked in one bin.
#[derive(Clone, Copy, Debug)]
struct Bin {
    number: u64,
    firsts: f64,
    attempts: f64,
    failed: f64,
    typical_ns: f64,
}

impl Bin {
    fn of(number: u64, record: &Record) -> Bin {
        let sum = |at: usize| record.sums[at] as f64;
        Bin {
            number,
            firsts: sum(FIRSTS),
            attempts: sum(ATTEMPTS),
            failed: sum(FAILED),
            typical_ns: (sum(LOGS) / sum(TIMED).max(1.0) / 1024.0).exp2(),
        }
    }

    /// Returns the share of attempts that failed.
    fn failing(&self) -> f64 {
        self.failed / self.attempts.max(1.0)
    }
}

/// What well bins look like: the lower quartiles of all.
#[derive(Clone, Copy, Debug)]
struct Well {
    failing: f64,
    typical_ns: f64,
}

impl Well {
    fn of(bins: &[Bin]) -> Well {
        let quartile = |value: fn(&Bin) -> f64| {
            let mut values: Vec<f64> = bins.iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 4).copied().unwrap_or(0.0)
        };
        Well {
            failing: quartile(Bin::failing),
            typical_ns: quartile(|bin| bin.typical_ns),
        }
    }

    fn is_bad(self, bin: &Bin) -> bool {
        bin.failing() >= BAD_SHARE.max(BAD * self.failing)
            || bin.typical_ns >= BAD * self.typical_ns
    }
}

fn unknown(metric: &'static str, why: String) -> Finding {
    Finding::unknown(METASTABILITY.name, metric, why)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    const METRIC: &str = "metastable_incidents";
    let Some(calls) = graph.table(&CALLS) else {
        let why = "metastability: no calls were looked at: fold the traces again";
        return measured.findings.push(unknown(METRIC, why.to_owned()));
    };
    capacity::measure(graph, measured);
    if calls.width() > WIDEST_NS {
        return measured.findings.push(unknown(
            METRIC,
            format!(
                "metastability: too many instances for this long a time, of which only bins of {} are kept; fold less at a time",
                text::duration(calls.width())
            ),
        ));
    }
    cache::measure(graph, calls, measured);
    let records = grouped(calls, |key| (graph.name_of(key.parts[1]), key.number));
    let records: Vec<_> = records.into_iter().collect();
    let attempts = total(records.iter().map(|(_, record)| record.sums[ATTEMPTS]));
    let whole = graph.requests_or(attempts);
    let mut looked_at = 0u64;
    let mut found = 0u64;
    let mut gains = Vec::new();
    for callee in records.chunk_by(|a, b| a.0.0 == b.0.0) {
        let bins: Vec<Bin> = callee
            .iter()
            .filter(|(_, record)| record.sums[FIRSTS] >= ENOUGH)
            .map(|((_, number), record)| Bin::of(*number, record))
            .collect();
        if bins.len() < BINS {
            continue;
        }
        looked_at += 1;
        let name = callee[0].0.0;
        gains.extend(gain::of(&bins).map(|gain| (name, gain)));
        for incident in incidents::of(&bins, calls.width()) {
            found += 1;
            let mut sum = Record::default();
            for ((_, number), record) in callee {
                if incident.holds(*number) {
                    sum.merge(record);
                }
            }
            let finding = incident.finding(name, &sum, whole);
            measured.findings.push(finding);
        }
    }
    if looked_at == 0 {
        return measured.findings.push(unknown(
            METRIC,
            "metastability: no callee was asked often enough for 90 s to tell whether it recovers"
                .to_owned(),
        ));
    }
    measured.metric(METRIC, found as f64);
    gain::measure(&gains, calls.width(), measured);
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::ops::Range;

    use crate::pass::trace::tests::{check, check_under};

    const NO_CAPACITY: &str = "unknown hidden_capacity the system: metastability: how close to its limit a service works \
        takes a declared capacity (capacity_rps)";

    const NO_GAIN: &str = "unknown loop_gain the system: metastability: no callee failed in some bins of time and not in \
        others, which tells how many attempts a failure leads to";

    const GAIN: &str = "measured loop_gain quotes 0.500000: quotes: each failed attempt leads to 0.5 more (0.5 to 0.5; \
        8 of 16 bins of 10 s fail); when all fail, each call becomes 2.0 attempts";

    /// Bins of 10 s: 25 calls in each, 60 in a surge; of bad bins all fail, and every so many are made twice.
    fn drawing(surge: Range<u64>, bad: Range<u64>, every: u64) -> String {
        let mut drawing = String::new();
        for bin in 0..16 {
            for at in 0..if surge.contains(&bin) { 60 } else { 25 } {
                let start = bin * 10_000 + at * 150;
                writeln!(
                    drawing,
                    "trace t{bin}-{at}\nshop < GET /x {start}..{}",
                    start + 130
                )
                .unwrap();
                if !bad.contains(&bin) {
                    writeln!(
                        drawing,
                        "  shop > GET /q {start}..{} peer=quotes",
                        start + 10
                    )
                    .unwrap();
                    continue;
                }
                for attempt in 0..if every > 0 && at % every == 0 { 2 } else { 1 } {
                    let start = start + 60 * attempt;
                    let resend = if attempt > 0 { "resend=1" } else { "" };
                    writeln!(
                        drawing,
                        "  shop > GET /q {start}..{} peer=quotes error=timeout error {resend}",
                        start + 50
                    )
                    .unwrap();
                }
            }
        }
        drawing
    }

    #[test]
    fn what_stays_bad_after_a_surge_holds_itself_up() {
        check(
            "metastability",
            &drawing(3..4, 3..11, 1),
            &format!(
                "inferred metastable_incidents quotes 70.000000: quotes stayed bad for 1 min 10 s after a surge \
                 of 2.4 times the usual load was over: 100 % of the attempts failed, which took 17.5 s, \
                 and each first attempt became 2.0\n{GAIN}\n{NO_CAPACITY}"
            ),
        );
    }

    #[test]
    fn recovery_and_lasting_faults_are_no_incidents() {
        // It recovers; it is bad without a surge; nobody repeats anything.
        let short = GAIN.replace("8 of 16", "3 of 16");
        for (surge, bad, every, gain) in [
            (3..4, 3..6, 1, &*short),
            (0..0, 3..11, 1, GAIN),
            (3..4, 3..11, 0, ""),
        ] {
            check(
                "metastability",
                &drawing(surge, bad, every),
                &format!("{gain}\n{NO_CAPACITY}"),
            );
        }
    }

    #[test]
    fn a_retry_budget_keeps_the_loop_gain_low() {
        // Of 25 calls five are made again: 5 attempts for 30 failures. With thirteen it is 13 for 38.
        check("metastability", &drawing(0..0, 3..11, 5), NO_CAPACITY);
        let every_second = GAIN
            .replace("0.500000", "0.342105")
            .replace("0.5", "0.34")
            .replace("2.0", "1.5");
        let drawn = drawing(0..0, 3..11, 2);
        check(
            "metastability",
            &drawn,
            &format!("{every_second}\n{NO_CAPACITY}"),
        );
    }

    #[test]
    fn failures_in_too_few_bins_tell_no_gain() {
        let expected = format!("{NO_CAPACITY}\n{NO_GAIN}");
        check("metastability", &drawing(0..0, 3..5, 1), &expected);
        check("metastability", &drawing(0..0, 0..14, 1), &expected);
    }

    /// Bins of 10 s with 30 lookups each: one in so many goes on to the store, one in fewer in open bins.
    fn lookups(usual: u64, open: Range<u64>, opened: u64, store_ms: u64) -> String {
        let mut drawing = String::new();
        for bin in 0..16 {
            for at in 0..30 {
                let start = bin * 10_000 + at * 300;
                let (every, took) = match open.contains(&bin) {
                    true => (opened, store_ms),
                    false => (usual, 10),
                };
                writeln!(
                    drawing,
                    "trace t{bin}-{at}\nshop < GET /x {start}..{}\n  shop > GET {start}..{} db.system=redis server.address=carts",
                    start + 250,
                    start + 2
                )
                .unwrap();
                if at % every == 0 {
                    writeln!(
                        drawing,
                        "  shop > SELECT {}..{} db.system=postgresql server.address=items",
                        start + 2,
                        start + 2 + took
                    )
                    .unwrap();
                }
            }
        }
        drawing
    }

    #[test]
    fn a_cache_that_stops_shielding_its_store_is_told() {
        let said = |store_is: &str| {
            format!(
                "inferred cache_effects shop->postgresql/items 0.500000: shop: for each 100 lookups in redis/carts 50 calls \
                 of postgresql/items for 40 s, usually 10: the cache no longer keeps load from the store{store_is}\n\
                 {NO_CAPACITY}\n{NO_GAIN}"
            )
        };
        check("metastability", &lookups(10, 6..10, 2, 10), &said(""));
        check(
            "metastability",
            &lookups(10, 6..10, 2, 100),
            &said(", which is slow or failing meanwhile"),
        );
    }

    #[test]
    fn cold_starts_short_misses_and_stores_without_a_cache_are_not_told() {
        let expected = format!("{NO_CAPACITY}\n{NO_GAIN}");
        for drawn in [
            // Never open; cold at first; two bins alone; usually asked for most lookups; a third more is no matter.
            lookups(10, 0..0, 1, 10),
            lookups(10, 0..4, 2, 10),
            lookups(10, 6..8, 2, 10),
            lookups(2, 6..10, 1, 10),
            lookups(10, 6..10, 8, 10),
        ] {
            check("metastability", &drawn, &expected);
        }
    }

    #[test]
    fn attempts_along_a_path_multiply_against_a_declared_capacity() {
        let policy = |budget: &str| {
            format!(
                "version: 1
services: {{ define: [ {{ match: rates, capacity_rps: 60 }} ] }}
calls:
  - {{ from: shop, to: prices, attempts: 3 }}
  - {{ from: prices, to: rates, attempts: 3{budget} }}
"
            )
        };
        let drawing = "shop < GET /x            0..100
               shop > GET /p            0..90
                 prices < GET /p        0..90
                   prices > GET /r      0..80
                     rates < GET /r     0..80";
        let little = "unknown metastable_incidents the system: metastability: no callee was asked often enough for 90 s \
            to tell whether it recovers";
        check_under(
            &policy(""),
            "metastability",
            drawing,
            &format!(
                "inferred hidden_capacity rates 6.666667: rates: 10 a second of 60 it can do, and up to 9.0 attempts each: \
                 retries alone could hold an overload up (hidden capacity 6.6667 a second)\n{little}"
            ),
        );
        check_under(
            &policy(", retry_budget: 10%"),
            "metastability",
            drawing,
            &format!(
                "inferred hidden_capacity rates 18.181818: rates: 10 a second of 60 it can do, and up to 3.3 attempts each: \
                 retries alone could not (hidden capacity 18.1818 a second)\n{little}"
            ),
        );
    }

    #[test]
    fn attempts_that_were_seen_count_where_none_are_declared() {
        let policy = "version: 1
services: { define: [ { match: rates, capacity_rps: 50 } ] }
";
        let drawing = "shop < GET /x            0..100
               shop > GET /p            0..40 error=timeout error
                 prices < GET /p        0..30
               shop > GET /p            50..90 resend=1
                 prices < GET /p        52..80
                   prices > GET /r      53..56 error=timeout error
                   prices > GET /r      60..64 resend=1 error=timeout error
                   prices > GET /r      70..78 resend=2
                     rates < GET /r     71..77";
        check_under(
            policy,
            "metastability",
            drawing,
            "inferred hidden_capacity rates 8.333333: rates: 10 a second of 50 it can do, and up to 6.0 attempts each: \
             retries alone could hold an overload up (hidden capacity 8.3333 a second)
             unknown metastable_incidents the system: metastability: no callee was asked often enough for 90 s \
             to tell whether it recovers",
        );
    }

    #[test]
    fn little_data_tells_nothing() {
        check(
            "metastability",
            "shop > GET /q 0..10 peer=quotes",
            &format!(
                "{NO_CAPACITY}
                 unknown metastable_incidents the system: metastability: no callee was asked often enough for 90 s \
                 to tell whether it recovers"
            ),
        );
    }
}
