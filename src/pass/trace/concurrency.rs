//! How many calls are in flight at once, and how many places that takes.
//!
//! A *pool* is one instance of a caller and one callee. Its mean in flight is the sum of the durations of its calls over the length of
//! the data (Little's law, which assumes nothing of their distribution); the *busiest* mean is that of the busiest 10 s. The peak is the most
//! in flight at one moment; a call that ends when another starts is not in flight with it. The recommended limit is the
//! smallest n that Poisson arrivals at the busiest mean exceed less than once in a thousand (M/G/infinity), but no less than the
//! peak seen: calls come in bursts too. It takes 100 calls, 10 s of data and bins of at most a second.
//!
//! Starts and ends are kept by nanosecond until there are too many, then in wider bins. In a bin with both, their order is lost: the
//! peak is then an interval. Sampled calls have a mean, by their weights, and no peak.
//!
//! - *Saturated*: a pool stood at its peak, of two or more, for longer than at any other number and for at least 10 s: a ceiling.
//! - *Shared pool*: in bins in which a callee takes three times as long as usual, requests to its caller wait three times as long
//!   before they ask for anything at all. What is asked later cannot slow that down, unless both need the same workers.
//!
//! - *Low limit*: a declared `concurrency_limit` below the same quantile for the busiest means of all callers together, under
//!   the same conditions. The callers may be busiest at different times, so the need is an upper bound.
//!
//! Left out on purpose: callers without an instance share one pool. A client that does not block holds no thread while it waits, and a
//! span may leave out the wait for a connection; then in flight is what was used, not what was wanted.

use std::collections::BTreeMap;

use crate::algo::queueing::poisson_quantile;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Key, Layout, Part, Record, Table, TableOf};
use crate::fold::{Seen, Watcher};
use crate::pass::outages::{self, ASKING, CALLS, LOGS, SERVED, TIMED, UNTIL_ASKED_NS};
use crate::pass::trace::{grouped, median, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds how many calls are in flight at once.
pub static CONCURRENCY: Pass = Pass {
    name: "concurrency",
    about: "calls in flight at once, and the limit that would let them through",
    explain: "concurrency",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and calling instance: what starts and ends at each time.
        TableOf {
            name: "concurrency",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Unused],
                bin: 1,
                limit: 1 << 15,
                group: 3,
            },
        },
    ],
    observe,
};

/// Calls that start in the bin and that end in it.
const STARTS: usize = 0;
const ENDS: usize = 1;
/// Nanoseconds of the calls that start in the bin, as they are and weighted.
const AREA: usize = 2;
const WEIGHTED: usize = 3;

/// The time over which the busiest mean is taken, and the least time at a ceiling.
const WINDOW: u64 = 10_000_000_000;

/// The least calls one after the other in each place of a ceiling: a stream that is held open reaches no limit.
const TURNS: u64 = 10;

/// Bins no wider than this show how busy a time was.
const SHARP: u64 = 1_000_000_000;

/// The share of moments at which the recommended limit suffices.
const SUFFICES: f64 = 0.999;

/// The least calls of an edge for a recommended limit.
const SIZED: u64 = 100;

/// How many times as long is slow, and how many calls a bin takes to tell.
const SLOW: f64 = 3.0;
const ENOUGH: u64 = 10;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    for (_, call) in seen.sync_calls() {
        table.fetch(outages::pool(seen, call), seen.row(call.client).start);
    }
    let mut before = u32::MAX;
    for (_, call) in seen.sync_calls() {
        // Several servers may answer one client, which waits once.
        if call.client == before {
            continue;
        }
        before = call.client;
        let Some((start, end)) = seen.times(call.client) else {
            continue;
        };
        let parts = outages::pool(seen, call);
        let weighted = u128::from(end - start) * u128::from(seen.weight(call.client));
        let at_once = table.is_one_bin(start, end);
        let record = table.at(seen.catalogue, parts, start);
        record.add(ENDS, u64::from(at_once));
        record.add(STARTS, 1);
        record.add(AREA, end - start);
        record.add(WEIGHTED, u64::try_from(weighted >> 20).unwrap_or(u64::MAX));
        if !at_once {
            table.at(seen.catalogue, parts, end).add(ENDS, 1);
        }
    }
}

/// What was in flight in one pool, or in the worst of several.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    /// The peak, at least and at most.
    peak: (u64, u64),
    /// The busiest mean, for bins that are not too wide.
    busiest: f64,
    mean: f64,
    calls: u64,
    /// Whether bins are narrow enough to tell how busy the busiest time was.
    is_sharp: bool,
    /// A ceiling at which the pool stood, and for how long.
    ceiling: Option<(u64, u64)>,
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [table] = WATCHER.tables else {
        return;
    };
    let unknown = |why: &str| Finding::unknown(CONCURRENCY.name, "peak_concurrency", why);
    let account = &graph.system.account;
    let table = match graph.table(table) {
        Some(table) if account.last > account.first => table,
        _ => {
            let why = "concurrency: no calls were looked at for their times: fold the traces again";
            return measured.findings.push(unknown(why));
        }
    };
    let is_sampled = account.weighted_spans > 0;
    let length = account.last - account.first;
    let rows = grouped(table, |key| {
        let [from, to, instance, _] = key.parts;
        let pool = (graph.name_of(from), graph.name_of(to), graph.text(instance));
        (pool, key.number)
    });
    let mut edges: BTreeMap<(&str, &str), Vec<Flight>> = BTreeMap::new();
    let rows: Vec<_> = rows.into_iter().collect();
    for pool in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
        let (from, to, _) = pool[0].0.0;
        let changes = pool
            .iter()
            .map(|((_, number), record)| (*number, &**record));
        let flight = flight(changes, table.width(), length);
        edges.entry((from, to)).or_default().push(flight);
    }
    if is_sampled {
        let why = "concurrency: the traces are a sample, and a peak takes all of them; means are by weight";
        measured.findings.push(unknown(why));
    }
    let (_, halvings) = table.bounds();
    if halvings > 0 {
        let n = edges.values().map(Vec::len).sum::<usize>() as u64;
        measured.findings.push(unknown(&format!(
            "concurrency: more callers' instances than are kept: of {} alone this is known",
            text::count(n)
        )));
    }
    let mut peaks = (0, 0);
    let mut saturated = 0u64;
    let mut highest: f64 = 0.0;
    for ((from, to), flights) in &edges {
        let worst = worst(flights);
        peaks = (peaks.0.max(worst.peak.0), peaks.1.max(worst.peak.1));
        highest = highest.max(worst.mean);
        let subject = Subject::Edge((*from).to_owned(), (*to).to_owned());
        measured
            .findings
            .push(size(&subject, &worst, flights.len(), (length, is_sampled)));
        if let Some(finding) = ceiling(&subject, &worst).filter(|_| !is_sampled) {
            saturated += 1;
            measured.findings.push(finding);
        }
    }
    if !edges.is_empty() {
        measured.metric("mean_concurrency", highest);
        if !is_sampled {
            measured.metric("peak_concurrency", peaks.0 as f64);
            measured.metric("saturated_pools", saturated as f64);
        }
    }
    declared_limits(graph, &edges, length, measured);
    shared_pools(graph, measured);
}

/// Tells of declared limits below what all callers of a service need.
fn declared_limits(
    graph: &Graph<'_>,
    edges: &BTreeMap<(&str, &str), Vec<Flight>>,
    length: u64,
    measured: &mut Measured,
) {
    let mut low = None;
    for (vertex, of) in graph.system.vertices.iter().enumerate() {
        let Some(limit) = graph.declared.described(vertex).concurrency_limit else {
            continue;
        };
        let callers = edges.iter().filter(|((_, to), _)| *to == of.name);
        let flights: Vec<&Flight> = callers.flat_map(|(_, flights)| flights).collect();
        let calls = total(flights.iter().map(|flight| flight.calls));
        let is_known = length >= WINDOW && calls >= SIZED;
        if !is_known || flights.iter().any(|flight| !flight.is_sharp) {
            continue;
        }
        let load: f64 = flights.iter().map(|flight| flight.busiest).sum();
        let needed = poisson_quantile(load, SUFFICES).max(1);
        let low = low.get_or_insert(0u64);
        if limit >= needed {
            continue;
        }
        *low += 1;
        let name = &of.name;
        measured.findings.push(Finding {
            value: limit as f64 / needed as f64,
            grade: Grade::Inferred,
            count: limit,
            of: needed,
            text: format!(
                "{name}: declared to take {} at once, and its callers need {}",
                text::plural(limit, "call"),
                text::count(needed)
            ),
            ..Finding::of(
                CONCURRENCY.name,
                "low_concurrency_limits",
                Subject::Service(name.clone()),
            )
        });
    }
    measured.metric("low_concurrency_limits", low.map(|low| low as f64));
}

/// Returns what was in flight in a pool whose changes are in the order of time.
fn flight<'a>(changes: impl Iterator<Item = (u64, &'a Record)>, width: u64, length: u64) -> Flight {
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
fn worst(flights: &[Flight]) -> Flight {
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

fn size(
    subject: &Subject,
    flight: &Flight,
    n_pools: usize,
    (length, is_sampled): (u64, bool),
) -> Finding {
    let (low, high) = flight.peak;
    let seen = if is_sampled { 1 } else { high };
    let limit = poisson_quantile(flight.busiest, SUFFICES).max(seen);
    // In wide bins the peak is an upper bound that nobody should size a pool by.
    let is_known = flight.is_sharp && flight.calls >= SIZED && length >= WINDOW;
    let wanted = match is_known {
        true => format!("; a limit of {limit} would let 99.9 % through"),
        false => String::new(),
    };
    let whose = match n_pools {
        1 => "in flight".to_owned(),
        n => format!("in flight from one of {n} instances"),
    };
    let mean = text::value(flight.mean);
    let finding = Finding {
        unit: "calls",
        grade: Grade::Measured,
        ..Finding::default()
    };
    if is_sampled {
        return Finding {
            value: flight.mean,
            text: format!("{subject}: {mean} calls {whose} on average{wanted}"),
            ..Finding {
                unit: finding.unit,
                grade: finding.grade,
                ..Finding::of(CONCURRENCY.name, "mean_concurrency", subject.clone())
            }
        };
    }
    let peak = match low == high {
        true => format!("at most {}", text::plural(high, "call")),
        false => format!(
            "between {} and {} calls at most",
            text::count(low),
            text::count(high)
        ),
    };
    Finding {
        value: low as f64,
        unit: finding.unit,
        grade: if low == high {
            Grade::Proved
        } else {
            Grade::Measured
        },
        interval: (low != high).then_some((low as f64, high as f64)),
        text: format!("{subject}: {peak} {whose}, {mean} on average{wanted}"),
        ..Finding::of(CONCURRENCY.name, "peak_concurrency", subject.clone())
    }
}

fn ceiling(subject: &Subject, flight: &Flight) -> Option<Finding> {
    let (limit, ns) = flight.ceiling?;
    Some(Finding {
        value: limit as f64,
        unit: "calls",
        grade: Grade::Inferred,
        text: format!(
            "{subject}: {} in flight for {} and never more, as if a limit were reached",
            text::plural(limit, "call"),
            text::duration(ns)
        ),
        ..Finding::of(CONCURRENCY.name, "saturated_pools", subject.clone())
    })
}

/// Tells of callers that queue while one callee is slow.
fn shared_pools(graph: &Graph<'_>, measured: &mut Measured) {
    let (Some(calls), Some(served)) = (graph.table(&CALLS), graph.table(&SERVED)) else {
        return;
    };
    let width = calls.width().max(served.width());
    let bins = |table: &Table, key: &Key| key.number / (width / table.width());
    let times = grouped(calls, |key| {
        let edge = (graph.name_of(key.parts[0]), graph.name_of(key.parts[1]));
        (edge, bins(calls, key))
    });
    let waits = grouped(served, |key| {
        (graph.name_of(key.parts[0]), bins(served, key))
    });
    let waited = |service: &str, bin: u64| {
        let record = waits.get(&(service, bin))?;
        let asking = record.sums[ASKING];
        (asking >= ENOUGH).then(|| record.sums[UNTIL_ASKED_NS] as f64 / asking as f64)
    };
    let times: Vec<_> = times.into_iter().collect();
    let (mut judged, mut found) = (0u64, 0u64);
    for edge in times.chunk_by(|a, b| a.0.0 == b.0.0) {
        let (from, to) = edge[0].0.0;
        let known = edge
            .iter()
            .filter(|(_, record)| record.sums[TIMED] >= ENOUGH);
        let typical: Vec<(u64, f64)> = known
            .map(|((_, bin), record)| {
                let mean = record.sums[LOGS] as f64 / record.sums[TIMED] as f64;
                (*bin, (mean / 1024.0).exp2())
            })
            .collect();
        let Some(usual) = median(typical.iter().map(|bin| bin.1).collect()) else {
            continue;
        };
        let (slow, well): (Vec<_>, Vec<_>) = typical.iter().partition(|bin| bin.1 >= SLOW * usual);
        let gaps = |bins: &[(u64, f64)]| -> Vec<f64> {
            bins.iter().filter_map(|bin| waited(from, bin.0)).collect()
        };
        let (slow, well) = (gaps(&slow), gaps(&well));
        let Some(short) = median(well.clone()) else {
            continue;
        };
        judged += u64::from(slow.len() > 1);
        let is_long = |gap: &&f64| **gap >= SLOW * short && **gap >= short + 1e6;
        let (long, chance) = (slow.iter().filter(is_long), well.iter().filter(is_long));
        let long: Vec<f64> = long.copied().collect();
        if slow.len() < 2 || 2 * long.len() <= slow.len() || 10 * chance.count() > well.len() {
            continue;
        }
        found += 1;
        let gap = median(long).unwrap_or(0.0);
        measured.findings.push(Finding {
            value: gap / 1e9,
            unit: "s",
            grade: Grade::Inferred,
            count: slow.len() as u64,
            of: typical.len() as u64,
            text: format!(
                "{from}: while {to} is slow, requests wait {} before they ask for anything, {} otherwise: \
                 what waits for {to} holds what all need",
                text::duration(gap as u64),
                text::duration(short as u64)
            ),
            ..Finding::of(
                CONCURRENCY.name,
                "shared_pools",
                Subject::Edge(from.to_owned(), to.to_owned()),
            )
        });
    }
    if judged > 0 {
        measured.metric("shared_pools", found as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{Busy, WINDOW, flight};
    use crate::fold::ledger::Record;
    use crate::model::id::mix;
    use crate::pass::trace::tests::{check, check_under};

    #[test]
    fn who_ends_when_another_starts_is_not_in_flight_with_it() {
        check(
            "concurrency",
            "shop . job          0..14
               shop > GET /a    0..10  peer=a
               shop > GET /a    2..6   peer=a
               shop > GET /a    4..12  peer=a
               shop > GET /a    6..8   peer=a
               shop > GET /a   12..14  peer=a",
            "proved peak_concurrency shop->a 3.000000: shop->a: at most 3 calls in flight, \
                1.8571 on average",
        );
    }

    #[test]
    fn a_declared_limit_is_compared_with_what_callers_need() {
        let limited = |limit: u32| {
            format!(
                "version: 1\nservices: {{ define: [ {{ match: a, concurrency_limit: {limit} }} ] }}\n"
            )
        };
        // A hundred calls in twelve seconds, one at a time and all the time.
        let calls = |n: u64| -> String {
            let line = |at| format!("\n  shop > GET /a {}..{} peer=a", at * 120, at * 120 + 120);
            (0..n).map(line).collect()
        };
        let drawing = |n: u64| format!("shop . job 0..{}{}", n * 120, calls(n));
        let size = "proved peak_concurrency shop->a 1.000000: shop->a: at most 1 call in flight, \
            1 on average; a limit of 5 would let 99.9 % through";
        let low = "inferred low_concurrency_limits a 0.400000: \
            a: declared to take 2 calls at once, and its callers need 5";
        check_under(&limited(5), "concurrency", &drawing(100), size);
        check_under(
            &limited(2),
            "concurrency",
            &drawing(100),
            &format!("{low}\n{size}"),
        );
        // A few calls say nothing of the limit.
        check_under(
            &limited(2),
            "concurrency",
            &drawing(9),
            "proved peak_concurrency shop->a 1.000000: shop->a: at most 1 call in flight, 1 on average",
        );
    }

    #[test]
    fn sampled_calls_have_a_mean_and_no_peak() {
        check(
            "concurrency",
            "shop . job          0..10
               shop > GET /a    0..5  peer=a weight=th:c",
            "measured mean_concurrency shop->a 2.000000: shop->a: 2 calls in flight on average
             unknown peak_concurrency the system: concurrency: the traces are a sample, and a peak takes all of them; \
                means are by weight",
        );
    }

    /// Returns the peak of intervals in bins of some width, at least and at most, and the most over any window.
    fn of(intervals: &[(u64, u64)], width: u64) -> super::Flight {
        let mut bins: std::collections::BTreeMap<u64, Record> = Default::default();
        for &(start, end) in intervals {
            let record = bins.entry(start / width).or_default();
            record.add(super::STARTS, 1);
            record.add(super::WEIGHTED, end - start);
            bins.entry(end / width).or_default().add(super::ENDS, 1);
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

    #[test]
    fn a_ceiling_is_where_a_pool_stands_for_long() {
        let drawing = |third: u64| {
            let mut drawing = String::from("shop . job 0..20000\n");
            for at in 0..20u64 {
                for worker in 0..2 {
                    let (start, end) = (at * 1000 + worker, at * 1000 + 1000 + worker);
                    writeln!(drawing, "  shop > GET /a {start}..{end} peer=a instance=i").unwrap();
                }
            }
            writeln!(drawing, "  shop > GET /a 0..{third} peer=a instance=i").unwrap();
            drawing
        };
        let size = |peak: u32, mean: &str| {
            format!(
                "proved peak_concurrency shop->a {peak}.000000: shop->a: at most {peak} calls in flight, \
                 {mean} on average"
            )
        };
        let reached = "inferred saturated_pools shop->a 2.000000: shop->a: 2 calls in flight for 20 s \
            and never more, as if a limit were reached";
        check(
            "concurrency",
            &drawing(0),
            &format!("{}\n{reached}", size(2, "1.9999")),
        );
        check("concurrency", &drawing(1500), &size(3, "2.0749"));
        // Two streams reach no limit: nothing waits for their places.
        check(
            "concurrency",
            "shop . job 0..20000
               shop > GET /a     0..20000 peer=a instance=i
               shop > GET /a     1..20000 peer=a instance=i",
            &size(2, "1.9999"),
        );
    }

    #[test]
    fn who_queues_while_a_callee_is_slow_shares_a_pool() {
        let drawing = |gap: u64| {
            let mut drawing = String::new();
            for at in 0..200u64 {
                let start = at * 500;
                let (slow, gap) = if (80..120).contains(&at) {
                    (200, gap)
                } else {
                    (10, 1)
                };
                let asked = start + gap;
                writeln!(
                    drawing,
                    "trace t{at}
                     shop < GET /x {start}..{} instance=i
                       shop > GET /a {asked}..{} peer=a instance=i",
                    asked + slow + 1,
                    asked + slow
                )
                .unwrap();
            }
            drawing
        };
        let told = |more: &str| {
            format!(
                "proved peak_concurrency shop->a 1.000000: shop->a: at most 1 call in flight, \
                 0.0965 on average; a limit of 3 would let 99.9 % through{more}"
            )
        };
        let shared = "\ninferred shared_pools shop->a 0.050000: shop: while a is slow, requests wait 50 ms \
            before they ask for anything, 1 ms otherwise: what waits for a holds what all need";
        check("concurrency", &drawing(50), &told(shared));
        check("concurrency", &drawing(2), &told(""));
    }
}
