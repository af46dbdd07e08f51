//! How far the clocks of two hosts are apart, as intervals that no estimate can leave.
//!
//! *theta* is the callee's clock minus the caller's. A call with client `[c0, c1]` by one clock and server `[s0, s1]` by
//! the other says `theta <= s0 - c0`, because the server began after the client, and `theta >= s1 - c1`, if the
//! client waited for the server to end. All calls between two clocks in a bin of time meet in one interval.
//!
//! - The lower bound is taken from calls alone that ended well on both sides, whose client has no other server, and whose
//!   server did not last longer; the upper bound also from calls nobody waits for, and from messages.
//! - Clocks drift: bounds are widened by [`DRIFT_PPM`] of the width of their bin, and a bound holds in other bins when it is
//!   widened by that much of the time between.
//! - Clocks are read in granules: where all starts are whole milliseconds or microseconds, bounds are widened by two of
//!   those (a start is cut off, and an end may be the sum of two such numbers).
//! - The clocks of browsers are nobody's to set, and are left out.
//!
//! All pairs together are a system of difference constraints ([`crate::algo::constraints`]): a cycle that no offsets
//! fit is reported, and otherwise every interval is made as narrow as the detours over other clocks allow, for up to
//! [`MAX_CLOCKS`] of them. Of calls on one host nothing is asked here; see [`causality`](super::causality).

mod clocks;

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::stats::wilson;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Attempt, Known, Seen, Watcher};
use crate::model::names::{ABSENT, NameId, OTHER};
use crate::model::span::Outcome;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

pub use clocks::Clocks;
pub(in crate::pass) use clocks::{biased, unbiased};

use clocks::Pair;

/// The names of two clocks.
type Names<'a> = (&'a str, &'a str);

/// Bounds how far clocks are apart.
pub static CLOCK_SKEW: Pass = Pass {
    name: "clock-skew",
    about: "how far the clocks of hosts are apart, as proved intervals",
    explain: "clock-skew",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By host of the caller and of the callee, in bins of time. The least is the upper bound, the most the lower one,
        // both shifted so that they sort; see the constants for the sums.
        TableOf {
            name: "clock-skew",
            layout: Layout {
                parts: [Part::Text, Part::Text, Part::Unused, Part::Unused],
                bin: 10_000_000_000,
                limit: 1 << 15,
                group: 2,
            },
        },
    ],
    attempts: Some(observe),
    ..Watcher::BLIND
};

/// Calls that gave an upper bound, and those that gave a lower one too.
const CALLS: usize = 0;
const WAITED: usize = 1;
/// Calls whose client, or server, did not start at a whole millisecond, or microsecond.
const CLIENT_NOT_MS: usize = 2;
const CLIENT_NOT_US: usize = 3;
const SERVER_NOT_MS: usize = 4;
const SERVER_NOT_US: usize = 5;

/// How much one clock may gain on another, in millionths: quartz without a thermostat.
const DRIFT_PPM: u64 = 50;

/// The most clocks whose bounds are tightened by all others.
const MAX_CLOCKS: usize = 500;

/// Smaller differences are of no use to anybody.
const TOLD_NS: i64 = 1_000_000;

/// Differences past 36 years are no differences of clocks; keeping them out keeps sums in range.
const FARTHEST: i128 = 1 << 60;

fn observe(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [pairs] = tables else {
        return;
    };
    let clocks = |attempt: &Attempt| {
        let server = attempt.server().filter(|_| attempt.started)?;
        let (from, to) = (clock_of(known, attempt.client)?, clock_of(known, server)?);
        (from != to).then_some(([from, to, 0, 0], attempt.start))
    };
    pairs.for_each(known.catalogue, attempts, clocks, add);
}

/// Adds what an attempt says of the clocks of its two sides.
fn add(attempt: &Attempt, record: &mut Record) {
    record.add(CALLS, 1);
    for (start, not_ms, not_us) in [
        (attempt.start, CLIENT_NOT_MS, CLIENT_NOT_US),
        (attempt.served, SERVER_NOT_MS, SERVER_NOT_US),
    ] {
        record.add(not_ms, u64::from(start % 1_000_000 != 0));
        record.add(not_us, u64::from(start % 1_000 != 0));
    }
    let upper = difference(attempt.served, attempt.start);
    record.least = record.least.min(biased(upper));
    let mut is_skewed = upper < 0;
    if waited(attempt)
        && let (Some(client), Some(server)) = (attempt.duration(), attempt.served_duration())
        && server <= client
    {
        let lower = difference(
            attempt.served.saturating_add(server),
            attempt.start.saturating_add(client),
        );
        record.add(WAITED, 1);
        record.most = record.most.max(biased(lower));
        is_skewed |= lower > 0;
    }
    if is_skewed {
        record.exemplars.offer(attempt.exemplar);
    }
}

/// Returns whose clock stamped a span, if that is known and somebody sets that clock.
pub(in crate::pass) fn clock(seen: &Seen<'_>, span: u32) -> Option<NameId> {
    let known = Known {
        dictionary: seen.dictionary,
        catalogue: seen.catalogue,
    };
    clock_of(&known, seen.row(span).resource)
}

/// Returns whose clock stamps the spans of a resource, if that is known and somebody sets that clock.
fn clock_of(known: &Known<'_>, resource: u32) -> Option<NameId> {
    let resource = known.resource(resource);
    let is_known = resource.host != ABSENT && resource.host != OTHER;
    (is_known && !known.dictionary.is_browser(resource)).then_some(resource.host)
}

/// Returns whether the caller surely waited until the server had ended.
fn waited(attempt: &Attempt) -> bool {
    let served_well = attempt.served_outcome.is_some_and(Outcome::answered);
    attempt.sync && attempt.lone && attempt.outcome.answered() && served_well
}

/// Returns how far one time is ahead of another.
pub(in crate::pass) fn difference(time: u64, of: u64) -> i64 {
    (i128::from(time) - i128::from(of)).clamp(-FARTHEST, FARTHEST) as i64
}

fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let clocks = graph.clocks();
    if clocks.pairs.is_empty() {
        let why = "no call has spans of two known hosts: name the host in each resource (host.id, k8s.node.uid, host.name)";
        let finding = Finding::unknown(CLOCK_SKEW.name, "clock_skew_ms", why);
        measured.findings.push(finding);
        return;
    }
    if clocks.is_partial {
        let why = format!(
            "more than {} clocks: they were compared in pairs alone, not along cycles",
            text::count(MAX_CLOCKS as u64)
        );
        let finding = Finding::unknown(CLOCK_SKEW.name, "clock_inconsistencies", why);
        measured.findings.push(finding);
    }
    let steady = || clocks.pairs.iter().filter(|(_, pair)| pair.gap().is_none());
    let bounded = steady().filter(|(_, pair)| pair.best.width().is_some());
    let apart = steady().map(|(_, pair)| pair.best.apart()).max();
    let contradictions =
        clocks.pairs.len() - steady().count() + usize::from(!clocks.cycle.is_empty());
    measured.metric("clock_pairs", bounded.count() as f64);
    measured.metric("clock_skew_ms", apart.map(ms));
    measured.metric("clock_inconsistencies", contradictions as f64);
    for (names, pair) in &clocks.pairs {
        if let Some(gap) = pair.gap() {
            measured.findings.push(contradiction(*names, pair, gap));
        }
    }
    if !clocks.cycle.is_empty() {
        measured.findings.push(contradicting_cycle(&clocks.cycle));
    }
    let apart: BTreeMap<(&str, &str), &Pair> = steady()
        .filter(|(_, pair)| pair.best.apart() >= TOLD_NS)
        .map(|(names, pair)| (*names, pair))
        .collect();
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    for (names, _) in steady() {
        for name in [names.0, names.1] {
            *met.entry(name).or_default() += 1;
        }
    }
    measured.findings.extend(blamed(&apart, &met));
}

fn contradiction(names: (&str, &str), pair: &Pair, gap: i64) -> Finding {
    let subject = Subject::Shared("clocks", format!("{}, {}", names.0, names.1));
    Finding {
        value: ms(gap),
        unit: "ms",
        grade: Grade::Proved,
        count: pair.calls,
        of: pair.calls,
        exemplars: pair.exemplars.clone(),
        text: format!(
            "{} and {}: no steady difference of their clocks fits their calls, {} are missing; a clock was set, gains more than \
             {DRIFT_PPM} millionths, or one name stands for several hosts",
            names.0,
            names.1,
            text::duration(gap.unsigned_abs())
        ),
        ..Finding::of(CLOCK_SKEW.name, "clock_inconsistencies", subject)
    }
}

fn contradicting_cycle(cycle: &[&str]) -> Finding {
    Finding {
        value: cycle.len() as f64,
        unit: "clocks",
        grade: Grade::Proved,
        count: 1,
        of: 1,
        text: format!(
            "the clocks of {} contradict each other, though no two of them do",
            cycle.join(", ")
        ),
        ..Finding::of(
            CLOCK_SKEW.name,
            "clock_inconsistencies",
            Subject::Shared("clocks", cycle.join(", ")),
        )
    }
}

/// Returns a finding per clock that explains differences: a clock that is off is off from most others it meets, and
/// should be named once. O(pairs log pairs).
fn blamed(apart: &BTreeMap<(&str, &str), &Pair>, met: &BTreeMap<&str, u64>) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for names in apart.keys() {
        for name in [names.0, names.1] {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut suspects: Vec<(f64, &str, u64, u64)> = counts
        .into_iter()
        .map(|(name, n)| {
            let n_met = met.get(name).copied().unwrap_or(n);
            (wilson(n, n_met).low, name, n, n_met)
        })
        .collect();
    suspects.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let blame: BTreeMap<&str, f64> = suspects.iter().map(|it| (it.1, it.0)).collect();
    let mut of_clock: BTreeMap<&str, Vec<(&Names<'_>, &Pair)>> = BTreeMap::new();
    for (names, pair) in apart {
        for name in [names.0, names.1] {
            of_clock.entry(name).or_default().push((names, pair));
        }
    }
    let mut explained: BTreeSet<&str> = BTreeSet::new();
    let mut said = Vec::new();
    for (_, name, n_apart, n_met) in suspects {
        let is_left = |names: &(&str, &str)| {
            [names.0, names.1]
                .iter()
                .all(|name| !explained.contains(name))
        };
        // The clock that is trusted most says best how far this one is off.
        let blame_of_other = |names: &(&str, &str)| {
            let other = if names.0 == name { names.1 } else { names.0 };
            blame.get(other).copied().unwrap_or(0.0)
        };
        let told = of_clock[name]
            .iter()
            .filter(|(names, _)| is_left(names))
            .min_by(|a, b| {
                let by_blame = blame_of_other(a.0).total_cmp(&blame_of_other(b.0));
                by_blame.then_with(|| b.1.best.apart().cmp(&a.1.best.apart()))
            });
        if let Some((names, pair)) = told {
            said.push(skew(name, **names, pair, n_apart, n_met));
        }
        explained.insert(name);
    }
    said.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.id.cmp(&b.id)));
    said
}

/// Says how far a clock is off from another, and from how many others it is.
fn skew(clock: &str, names: (&str, &str), pair: &Pair, n_apart: u64, n_met: u64) -> Finding {
    let is_second = names.1 == clock;
    let (other, reach) = if is_second {
        (names.0, pair.best)
    } else {
        (names.1, pair.best.reversed())
    };
    let is_ahead = reach.at_least.is_some_and(|bound| bound > 0);
    let (least, most) = if is_ahead {
        (reach.apart(), reach.at_most)
    } else {
        (reach.apart(), reach.at_least.map(i64::saturating_neg))
    };
    let span = |ns: i64| text::duration(ns.unsigned_abs());
    let range = match most {
        Some(most) => format!("{} to {}", span(least), span(most)),
        None => format!("at least {}", span(least)),
    };
    let side = if is_ahead { "ahead of" } else { "behind" };
    let others = match (n_apart, n_met) {
        (1, 1) => String::new(),
        (apart, met) => {
            format!(", and apart from {apart} of the {met} clocks it was compared with")
        }
    };
    let subject = match n_apart {
        1 => Subject::Shared("clocks", format!("{}, {}", names.0, names.1)),
        _ => Subject::Shared("clock", clock.to_owned()),
    };
    Finding {
        value: ms(least),
        unit: "ms",
        interval: reach
            .at_least
            .zip(reach.at_most)
            .map(|(low, high)| (ms(low), ms(high))),
        grade: Grade::Proved,
        count: n_apart,
        of: n_met,
        exemplars: pair.exemplars.clone(),
        text: format!("the clock of {clock} is {range} {side} that of {other}{others}"),
        ..Finding::of(CLOCK_SKEW.name, "clock_skew_ms", subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::check;

    #[test]
    fn many_clocks_apart_are_blamed_in_one_go() {
        let names: Vec<String> = (0..100_000).map(|at| format!("h{at:06}")).collect();
        let pair = Pair::default();
        let pairs = names.chunks(2);
        let pairs = pairs.map(|names| ((names[0].as_str(), names[1].as_str()), &pair));
        let said = blamed(&pairs.collect(), &BTreeMap::new());
        assert_eq!(said.len(), names.len() / 2);
    }

    /// A call of 100 ms of which the callee's clock shows 60 to 110.
    const ONE: &str = "
        a < GET /a 0.000001..100.000001 host=h1
          a > GET /b 0.000001..100.000001 host=h1
            b < GET /b 60.000001..110.000001 host=h2";

    #[test]
    fn one_call_bounds_the_difference_from_both_sides() {
        // 10 to 60 ms, 0.5 ms for drift within a bin.
        check(
            "clock-skew",
            ONE,
            "proved clock_skew_ms clocks h1, h2 9.499998: \
                the clock of h1 is 9.5 ms to 60.5 ms behind that of h2",
        );
    }

    #[test]
    fn further_calls_narrow_the_interval() {
        // 35 to 45 ms, as if of one time.
        check(
            "clock-skew",
            &format!("trace t1{ONE}{MORE}"),
            "proved clock_skew_ms clocks h1, h2 34.499998: \
                the clock of h1 is 34.5 ms to 45.5 ms behind that of h2",
        );
    }

    const MORE: &str = "
        trace t2
        a > GET /b 1000..1030 host=h1
          b < GET /b 1045..1060 host=h2
        trace t3
        a > GET /b 2000..2080 host=h1
          b < GET /b 2050..2115 host=h2";

    #[test]
    fn clocks_read_in_milliseconds_are_known_to_two_of_them() {
        check(
            "clock-skew",
            MORE,
            "proved clock_skew_ms clocks h1, h2 32.500000: \
                the clock of h1 is 32.5 ms to 47.5 ms behind that of h2",
        );
    }

    #[test]
    fn what_a_caller_did_not_wait_for_bounds_one_side_alone() {
        check(
            "clock-skew",
            "a < GET /a    0..100 host=h1
               a > GET /b  0..50  host=h1 error=timeout error
                 b < GET /b 60..110 host=h2
             trace late
             a < GET /a    0..100 host=h1
               a > GET /b 90..100 host=h1
                 b < GET /b 60..110 host=h2",
            "proved clock_skew_ms clocks h1, h2 27.500000: \
                the clock of h1 is at least 27.5 ms ahead of that of h2",
        );
    }

    #[test]
    fn one_host_a_browser_and_agreeing_clocks_are_not_told() {
        check(
            "clock-skew",
            "a < GET /a    0..100 host=h1
               a > GET /b  0..100 host=h1
                 b < GET /b 60..110 host=h1
             trace browser
             page > GET /b  0..100 host=h3 language=webjs
               b < GET /b 60..110 host=h1
             trace agree
             a > GET /b  0..100 host=h1
               b < GET /b 20..80 host=h2",
            "",
        );
        check(
            "clock-skew",
            "a < GET /a    0..100
               a > GET /b  0..100
                 b < GET /b 60..110",
            "unknown clock_skew_ms the system: no call has spans of two known hosts: name the host in each resource \
                (host.id, k8s.node.uid, host.name)",
        );
    }

    #[test]
    fn a_clock_that_is_off_is_named_once() {
        let mut drawing = String::new();
        for (number, (caller, callee, ms)) in [
            ("h1", "h2", 0),
            ("h1", "h3", 50),
            ("h2", "h3", 50),
            ("h4", "h3", 50),
            ("h4", "h1", 0),
        ]
        .into_iter()
        .enumerate()
        {
            drawing += &format!("trace t{number}\na > GET /b 100..110 host={caller}\n");
            drawing += &format!("  b < GET /b {}..{} host={callee}\n", 102 + ms, 108 + ms);
        }
        check(
            "clock-skew",
            &drawing,
            "proved clock_skew_ms clock h3 45.500000: the clock of h3 is 45.5 ms to 54.5 ms ahead of that of h1, and apart from 3 of \
                the 3 clocks it was compared with",
        );
    }

    #[test]
    fn three_clocks_that_contradict_each_other_are_told() {
        let call = |name: &str, caller: &str, callee: &str, least: u64, most: u64| {
            // Server end minus client end is the least, server start minus client start the most.
            format!(
                "trace {name}\na > GET /b 1000..1100 host={caller}\n  b < GET /b {}..{} host={callee}\n",
                1000 + most,
                1100 + least
            )
        };
        let two = call("t1", "a", "b", 30, 45) + &call("t2", "c", "b", 10, 20);
        check(
            "clock-skew",
            &two,
            "proved clock_skew_ms clock b 27.500000: the clock of b is 27.5 ms to 47.5 ms ahead of that of a, and apart from 2 of \
                the 2 clocks it was compared with",
        );
        let found = two + &call("t3", "a", "c", 50, 60);
        check(
            "clock-skew",
            &found,
            "proved clock_inconsistencies clocks a, b, c 3.000000: the clocks of a, b, c contradict each other, though no two of \
                them do
             proved clock_skew_ms clock a 47.500000: the clock of a is 47.5 ms to 62.5 ms behind that of c, and apart from 2 of \
                the 2 clocks it was compared with
             proved clock_skew_ms clock b 7.500000: the clock of b is 7.5 ms to 22.5 ms ahead of that of c, and apart from 2 of \
                the 2 clocks it was compared with",
        );
    }

    #[test]
    fn a_clock_that_is_set_contradicts_itself() {
        check(
            "clock-skew",
            "trace t1
             a > GET /b  100..200 host=h1
               b < GET /b 110..190 host=h2
             trace t2
             a > GET /b  30100..30200 host=h1
               b < GET /b 30610..30690 host=h2",
            "proved clock_inconsistencies clocks h1, h2 473.500000: h1 and h2: no steady difference of their clocks fits their calls, \
                474 ms are missing; a clock was set, gains more than 50 millionths, or one name stands for several hosts",
        );
    }
}
