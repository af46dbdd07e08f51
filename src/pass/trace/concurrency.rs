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
//! - *Saturated*: a pool stood at its peak, of two or more, for longer than at any other number and for at least 10 s, with ten
//!   calls one after the other in each place: a ceiling.
//! - *Shared pool*: in bins in which a callee takes three times as long as usual, requests to its caller wait three times as long
//!   before they ask for anything at all. What is asked later cannot slow that down, unless both need the same workers.
//!
//! - *Low limit*: a declared `concurrency_limit` below the same quantile for the busiest means of all callers together, under
//!   the same conditions. The callers may be busiest at different times, so the need is an upper bound.
//!
//! Left out on purpose: callers without an instance share one pool. A client that does not block holds no thread while it waits, and a
//! span may leave out the wait for a connection; then in flight is what was used, not what was wanted.

mod flight;

mod shared;

use std::collections::BTreeMap;

use crate::algo::queueing::poisson_quantile;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Attempt, Known, Watcher};
use crate::pass::outages;
use crate::pass::trace::concurrency::flight::{Flight, flight, worst};
use crate::pass::trace::concurrency::shared::shared_pools;
use crate::pass::trace::{grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::policy::Sampling;
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
    attempts: Some(observe),
    ..Watcher::BLIND
};

/// Calls that start in the bin and that end in it.
const STARTS: usize = 0;
const ENDS: usize = 1;
/// Nanoseconds of the calls that start in the bin, as they are and weighted.
const AREA: usize = 2;
const WEIGHTED: usize = 3;

/// The time over which the busiest mean is taken, and the least time at a ceiling.
const WINDOW: u64 = 10_000_000_000;

/// The share of moments at which the recommended limit suffices.
const SUFFICES: f64 = 0.999;

/// A pool with one call at most in flight is told from this mean on in its busiest time.
const BUSY: f64 = 0.5;

/// The least calls of an edge for a recommended limit.
const SIZED: u64 = 100;

/// Attempts whose changes are written down together.
const TOGETHER: usize = 128;

/// What changes in one bin.
#[derive(Clone, Copy, Debug)]
struct Change {
    pool: [u32; 4],
    time: u64,
    starts: u64,
    ends: u64,
    ns: u64,
    weighted: u64,
}

fn observe(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let mut changes: Vec<Change> = Vec::with_capacity(2 * TOGETHER);
    for some in attempts.chunks(TOGETHER) {
        let width = table.width();
        changes.clear();
        for attempt in some {
            add_changes(attempt, known, width, &mut changes);
        }
        let place = |change: &Change| Some((change.pool, change.time));
        table.for_each(known.catalogue, &changes, place, |change, record| {
            record.add(STARTS, change.starts);
            record.add(ENDS, change.ends);
            record.add(AREA, change.ns);
            record.add(WEIGHTED, change.weighted);
        });
    }
}

/// Adds what an attempt changes, in bins of some width: once when it ends in the bin in which it starts.
fn add_changes(attempt: &Attempt, known: &Known<'_>, width: u64, changes: &mut Vec<Change>) {
    // Several servers may answer one client, which waits once.
    let waited = attempt.duration();
    let Some(ns) = waited.filter(|_| attempt.sync && !attempt.again) else {
        return;
    };
    let end = attempt.start.saturating_add(ns);
    let next_bin = (attempt.start / width).checked_add(1);
    let next_bin = next_bin.and_then(|bin| bin.checked_mul(width));
    let is_one_bin = next_bin.is_none_or(|next| end < next);
    let weighted = u128::from(ns) * u128::from(known.detail(attempt.detail).weight.0);
    let start = Change {
        pool: outages::pool(attempt, known),
        time: attempt.start,
        starts: 1,
        ends: u64::from(is_one_bin),
        ns,
        weighted: u64::try_from(weighted >> 20).unwrap_or(u64::MAX),
    };
    changes.push(start);
    if !is_one_bin {
        changes.push(Change {
            time: end,
            starts: 0,
            ends: 1,
            ns: 0,
            weighted: 0,
            ..start
        });
    }
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
    let is_sampled = account.weighted_spans > 0 || graph.declared.sampling() == Sampling::Tail;
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
    let mut sizes: Vec<(f64, Finding)> = Vec::new();
    let mut highest: f64 = 0.0;
    for ((from, to), flights) in &edges {
        let worst = worst(flights);
        peaks = (peaks.0.max(worst.peak.0), peaks.1.max(worst.peak.1));
        highest = highest.max(worst.mean);
        let subject = Subject::Edge((*from).to_owned(), (*to).to_owned());
        // One call now and then needs no sizing, and is most of a quiet system.
        if is_sampled || worst.peak.1 > 1 || worst.busiest >= BUSY {
            let size = size(&subject, &worst, flights.len(), (length, is_sampled));
            sizes.push((worst.busiest, size));
        }
        if let Some(finding) = ceiling(&subject, &worst).filter(|_| !is_sampled) {
            saturated += 1;
            measured.findings.push(finding);
        }
    }
    // The largest first; those of one size by name.
    sizes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    measured
        .findings
        .extend(sizes.into_iter().map(|(_, size)| size));
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

#[cfg(test)]
mod tests {
    use std::fmt::Write;

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
    fn traces_chosen_when_they_were_over_have_no_peak() {
        check_under(
            "version: 1\nevidence: { sampling: tail }\n",
            "concurrency",
            "shop . job          0..10
               shop > GET /a    0..10  peer=a
               shop > GET /a    5..10  peer=a",
            "inferred mean_concurrency shop->a 1.500000: shop->a: 1.5 calls in flight on average
             unknown peak_concurrency the system: concurrency: the traces are a sample, and a peak takes all of them; means are by weight",
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
        let shared = "inferred shared_pools shop->a 0.050000: shop: while a is slow, requests wait 50 ms \
            before they ask for anything, 1 ms otherwise: what waits for a holds what all need";
        check("concurrency", &drawing(50), shared);
        check("concurrency", &drawing(2), "");
    }
}
