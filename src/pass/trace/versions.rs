//! Versions that run side by side, and what does not work between them.
//!
//! - *Mixed window*: the time between the first and last spans of versions of one service in which two of them or more
//!   were seen; versions with less than 1 % of the service's spans are left out.
//! - *Mixed trace*: one request that two versions of one service worked on. Of a trace the first 16 services are looked at.
//! - *Incompatible pair*: calls from one version to another fail at least twice as often (Fisher's exact test), or take at least
//!   1.5 times as long (Welch's test of the logarithms of durations), as the other calls along the edge. The p-values of all pairs
//!   are adjusted together (Benjamini and Hochberg, 5 %); both sides take 20 calls.
//! - *Straggler*: the one instance that still runs an old version at the end of the data, after every other instance
//!   moved on; for at least 10 s and a quarter of the time since the newest version began.
//!
//! Left out on purpose: what a version is called; a canary is no straggler, because the others have not moved.

use std::collections::BTreeMap;

use crate::algo::special::normal_tail;
use crate::algo::stats::{TwoByTwo, benjamini_hochberg, wilson};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Record, Table, TableOf};
use crate::fold::{Seen, Watcher};
use crate::model::names::ABSENT;
use crate::model::span::Kind;
use crate::pass::trace::{exemplars, grouped, log2, p_greater, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;

/// Finds versions that run side by side.
pub static VERSIONS: Pass = Pass {
    name: "versions",
    about: "versions side by side, what fails between them, and who was forgotten",
    explain: "versions",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and their versions; see the constants for the sums.
        TableOf {
            name: "versions",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 1 << 14,
                group: 2,
            },
        },
        // By service and two of its versions in the order of their texts: traces with both.
        TableOf {
            name: "versions-mixed",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 12,
                group: 1,
            },
        },
    ],
    observe,
};

/// Attempts, and those that failed for the caller.
const CALLS: usize = 0;
const FAILED: usize = 1;
/// Attempts with a duration, the sum of its logarithms, and of their squares in units of 2^-10.
const TIMED: usize = 2;
const LOGS: usize = 3;
const SQUARES: usize = 4;

/// Services of one trace that are looked at.
const SERVICES: usize = 16;

/// The least calls on both sides of a comparison.
const ENOUGH: u64 = 20;

/// The share of false alarms among pairs that are told.
const FALSE_ALARMS: f64 = 0.05;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [pairs, mixed] = tables else {
        return;
    };
    for (_, call) in seen.sync_calls() {
        if call.server == NONE {
            continue;
        }
        let (from, to) = (
            seen.resource(call.client).version,
            seen.resource(call.server).version,
        );
        if from == ABSENT || to == ABSENT {
            continue;
        }
        let parts = [seen.end(call.from), seen.end(call.to), from, to];
        let record = pairs.at(seen.catalogue, parts, 0);
        record.add(CALLS, 1);
        if seen.outcome(call.client).failed() {
            record.add(FAILED, 1);
            record.exemplars.offer(seen.exemplar(call.client));
        } else if let Some(ns) = seen.duration(call.client) {
            let log = log2(ns);
            record.add(TIMED, 1);
            record.add(LOGS, log);
            record.add(SQUARES, (log * log) >> 10);
        }
    }
    let mut first = [(0, ABSENT, false); SERVICES];
    let mut n = 0;
    for (span, row) in (0..).zip(seen.trace.spans) {
        if !matches!(row.flags.kind(), Kind::Server | Kind::Consumer) {
            continue;
        }
        let version = seen.resource(span).version;
        let node = seen.node(span);
        if version == ABSENT {
            continue;
        }
        match first[..n].iter_mut().find(|known| known.0 == node) {
            // A request counts once for each service.
            Some((_, other, is_mixed)) if *other != version && !*is_mixed => {
                *is_mixed = true;
                let (a, b) = (seen.catalogue.text(*other), seen.catalogue.text(version));
                let (a, b) = if a < b {
                    (*other, version)
                } else {
                    (version, *other)
                };
                let record = mixed.at(seen.catalogue, [node, a, b, 0], 0);
                record.exemplars.offer(seen.exemplar(span));
                record.add(0, 1);
            }
            Some(_) => {}
            None if n < SERVICES => {
                first[n] = (node, version, false);
                n += 1;
            }
            None => {}
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [pairs, mixed] = WATCHER.tables else {
        return;
    };
    let unknown = |why: &str| Finding::unknown(VERSIONS.name, "mixed_version_seconds", why);
    let (Some(pairs), Some(mixed)) = (graph.table(pairs), graph.table(mixed)) else {
        let why = "versions: no spans were looked at for their versions: fold the traces again";
        return measured.findings.push(unknown(why));
    };
    let lives = lives(graph);
    if lives.is_empty() {
        let why = "versions: no span names a version, as service.version in the resource would";
        return measured.findings.push(unknown(why));
    }
    for (service, lives) in &lives {
        measured.findings.extend(mixed_window(service, lives));
        measured.findings.extend(straggler(service, lives));
    }
    let spans = |findings: &[Finding]| {
        let windows = findings
            .iter()
            .filter(|finding| finding.metric == "mixed_version_seconds");
        windows.map(|finding| finding.value).fold(0.0, f64::max)
    };
    let longest = spans(&measured.findings);
    measured.metric("mixed_version_seconds", longest);
    let stragglers = measured
        .findings
        .iter()
        .filter(|finding| finding.metric == "version_straggler");
    let stragglers = stragglers.count() as f64;
    measured.metric("version_stragglers", stragglers);
    mixed_traces(graph, mixed, measured);
    incompatible(graph, pairs, measured);
}

/// What one instance did with one version.
#[derive(Clone, Debug)]
struct Life<'a> {
    instance: &'a str,
    version: &'a str,
    spans: u64,
    first: u64,
    last: u64,
}

/// Returns what every instance did with each version, by service.
fn lives<'a>(graph: &Graph<'a>) -> BTreeMap<&'a str, Vec<Life<'a>>> {
    let mut services: BTreeMap<&str, BTreeMap<(&str, &str), Life<'a>>> = BTreeMap::new();
    for vertex in &graph.system.vertices {
        for (key, instance) in &vertex.instances {
            if key.version == ABSENT || instance.last == 0 {
                continue;
            }
            let place = (graph.text(key.instance), graph.text(key.version));
            let lives = services.entry(&vertex.name).or_default();
            let life = lives.entry(place).or_insert(Life {
                instance: place.0,
                version: place.1,
                spans: 0,
                first: u64::MAX,
                last: 0,
            });
            life.spans = life.spans.saturating_add(instance.spans);
            life.first = life.first.min(instance.first);
            life.last = life.last.max(instance.last);
        }
    }
    let listed = |lives: BTreeMap<_, Life<'a>>| lives.into_values().collect();
    services
        .into_iter()
        .map(|(service, lives)| (service, listed(lives)))
        .collect()
}

/// Returns when each version was seen first and last, without those that hardly work.
fn windows<'a>(lives: &[Life<'a>]) -> BTreeMap<&'a str, (u64, u64)> {
    let mut versions: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for life in lives {
        let (spans, first, last) = versions.entry(life.version).or_insert((0, u64::MAX, 0));
        *spans = spans.saturating_add(life.spans);
        *first = life.first.min(*first);
        *last = life.last.max(*last);
    }
    let all = total(versions.values().map(|version| version.0));
    versions.retain(|_, (spans, ..)| *spans > all / 100);
    versions
        .into_iter()
        .map(|(version, (_, first, last))| (version, (first, last)))
        .collect()
}

fn mixed_window(service: &str, lives: &[Life<'_>]) -> Option<Finding> {
    let windows = windows(lives);
    let mut changes: Vec<(u64, i32)> = windows
        .values()
        .flat_map(|&(first, last)| [(first, 1), (last, -1)])
        .collect();
    changes.sort_unstable();
    let (mut running, mut since, mut mixed) = (0, 0, 0);
    for (at, change) in changes {
        if running > 1 {
            mixed += at - since;
        }
        running += change;
        since = at;
    }
    if mixed == 0 {
        return None;
    }
    let names: Vec<&str> = windows.into_keys().collect();
    Some(Finding {
        value: mixed as f64 / 1e9,
        unit: "s",
        grade: Grade::Proved,
        text: format!(
            "{service}: {} of it ({}) worked side by side for {}",
            text::plural(names.len() as u64, "version"),
            names.join(", "),
            text::duration(mixed)
        ),
        ..Finding::of(
            VERSIONS.name,
            "mixed_version_seconds",
            Subject::Service(service.to_owned()),
        )
    })
}

/// Returns the instance that was forgotten, if exactly one was.
fn straggler(service: &str, lives: &[Life<'_>]) -> Option<Finding> {
    /// What is shorter is a rollout under way.
    const LEAST_NS: u64 = 10_000_000_000;
    let windows = windows(lives);
    let (newest, (began, _)) = windows.into_iter().max_by_key(|(_, (first, _))| *first)?;
    let start = lives.iter().map(|life| life.first).min()?;
    let end = lives.iter().map(|life| life.last).max()?;
    let (moved, old): (Vec<&Life<'_>>, Vec<&Life<'_>>) =
        lives.iter().partition(|life| life.version == newest);
    let is_moved = |life: &Life<'_>| moved.iter().any(|new| new.instance == life.instance);
    let kept = old
        .iter()
        .filter(|life| !is_moved(life) && !life.instance.is_empty());
    let last = kept.max_by_key(|life| (life.last, life.instance))?;
    // When the last of the others was seen with an old version.
    let others = old.iter().filter(|life| life.instance != last.instance);
    let others = others.map(|life| life.last).max().unwrap_or(start);
    let alone = last.last.saturating_sub(others.max(began));
    let is_left = alone >= LEAST_NS.max(end.saturating_sub(began) / 4);
    let is_there = end.saturating_sub(last.last) <= end.saturating_sub(start) / 10;
    if moved.len() < 2 || !is_left || !is_there || last.spans < ENOUGH || began == start {
        return None;
    }
    let subject = Subject::Instance(service.to_owned(), last.instance.to_owned());
    Some(Finding {
        value: alone as f64 / 1e9,
        unit: "s",
        grade: Grade::Proved,
        count: 1,
        of: moved.len() as u64 + 1,
        text: format!(
            "{subject} still ran {} when {} ran {newest}, for {}",
            last.version,
            text::plural(moved.len() as u64, "other instance"),
            text::duration(alone)
        ),
        ..Finding::of(VERSIONS.name, "version_straggler", subject)
    })
}

fn mixed_traces(graph: &Graph<'_>, mixed: &Table, measured: &mut Measured) {
    let by_versions = grouped(mixed, |key| {
        let [service, a, b, _] = key.parts;
        (graph.name_of(service), graph.text(a), graph.text(b))
    });
    let all = mixed.traces();
    let count = total(by_versions.values().map(|record| record.sums[0]));
    measured.metric("mixed_version_traces", count as f64);
    for ((service, a, b), record) in by_versions {
        let count = record.sums[0];
        measured.findings.push(Finding {
            value: count as f64,
            unit: "requests",
            grade: Grade::Proved,
            count,
            of: all,
            exemplars: exemplars(&record),
            text: format!(
                "{service}: {} met both {a} and {b}",
                text::plural(count, "request")
            ),
            ..Finding::of(
                VERSIONS.name,
                "mixed_version_traces",
                Subject::Entry(service.to_owned(), format!("{a}, {b}")),
            )
        });
    }
}

/// One pair of versions beside all other calls along its edge.
struct Pair<'a> {
    ends: (&'a str, &'a str, &'a str, &'a str),
    own: Record,
    rest: [u64; 5],
}

fn incompatible(graph: &Graph<'_>, pairs: &Table, measured: &mut Measured) {
    let records = grouped(pairs, |key| {
        let [from, to, old, new] = key.parts;
        let (from, to) = (graph.name_of(from), graph.name_of(to));
        (from, to, graph.text(old), graph.text(new))
    });
    let mut edges: BTreeMap<(&str, &str), [u64; 5]> = BTreeMap::new();
    for ((from, to, ..), record) in &records {
        let sums = edges.entry((from, to)).or_default();
        for (sum, more) in sums.iter_mut().zip(record.sums) {
            *sum = sum.saturating_add(more);
        }
    }
    let pairs = records.into_iter().filter_map(|(ends, own)| {
        let mut rest = edges[&(ends.0, ends.1)];
        for (sum, less) in rest.iter_mut().zip(own.sums) {
            *sum = sum.saturating_sub(less);
        }
        let is_enough = own.sums[CALLS] >= ENOUGH && rest[CALLS] >= ENOUGH;
        is_enough.then(|| Pair {
            ends,
            own: own.into_owned(),
            rest,
        })
    });
    let pairs: Vec<Pair<'_>> = pairs.collect();
    let p_failing: Vec<f64> = pairs.iter().map(p_of_failures).collect();
    let p_slower: Vec<f64> = pairs.iter().map(p_of_durations).collect();
    let both: Vec<f64> = p_failing.into_iter().chain(p_slower).collect();
    let adjusted = benjamini_hochberg(&both);
    let calls = graph.calls_between_services();
    for (at, pair) in pairs.iter().enumerate() {
        let (from, to, old, new) = pair.ends;
        let place = format!("{from} {old} -> {to} {new}");
        let subject = Subject::Call(from.to_owned(), to.to_owned(), format!("{old} to {new}"));
        let [n, failed] = [pair.own.sums[CALLS], pair.own.sums[FAILED]];
        let share = failed as f64 / n as f64;
        let usual = pair.rest[FAILED] as f64 / pair.rest[CALLS] as f64;
        if adjusted[at] <= FALSE_ALARMS && share >= 2.0 * usual {
            let interval = wilson(failed, n);
            measured.findings.push(Finding {
                value: share,
                grade: Grade::Measured,
                interval: Some((interval.low, interval.high)),
                count: failed,
                of: n,
                exemplars: exemplars(&pair.own),
                cost: (calls > 0.0).then(|| (failed as f64 / calls).min(1.0)),
                text: format!(
                    "{place}: {} of the calls fail, {} between other versions",
                    text::percent(share),
                    text::percent(usual)
                ),
                ..Finding::of(VERSIONS.name, "version_pair_errors", subject.clone())
            });
        }
        let (Some(own), Some(rest)) = (logs(&pair.own.sums), logs(&pair.rest)) else {
            continue;
        };
        let times = (own.0 - rest.0).exp2();
        if adjusted[pairs.len() + at] <= FALSE_ALARMS && times >= 1.5 {
            measured.findings.push(Finding {
                value: times,
                grade: Grade::Measured,
                count: pair.own.sums[TIMED],
                of: pair.own.sums[TIMED].saturating_add(pair.rest[TIMED]),
                text: format!(
                    "{place}: calls take {times:.1} times as long as between other versions"
                ),
                ..Finding::of(VERSIONS.name, "version_pair_slowdown", subject)
            });
        }
    }
}

fn p_of_failures(pair: &Pair<'_>) -> f64 {
    let [calls, failed] = [pair.own.sums[CALLS], pair.own.sums[FAILED]];
    let table = TwoByTwo {
        both: failed,
        first_only: calls.saturating_sub(failed),
        second_only: pair.rest[FAILED],
        neither: pair.rest[CALLS].saturating_sub(pair.rest[FAILED]),
    };
    p_greater(table)
}

/// Returns mean and variance of the mean of the binary logarithms of durations, if there are enough.
fn logs(sums: &[u64]) -> Option<(f64, f64)> {
    if sums[TIMED] < ENOUGH {
        return None;
    }
    let n = sums[TIMED] as f64;
    let mean = sums[LOGS] as f64 / n / 1024.0;
    let square = sums[SQUARES] as f64 / n / 1024.0;
    // Equal durations have no spread; the rounding of logarithms alone gives this much.
    let variance = (square - mean * mean).max(1e-3);
    Some((mean, variance / n))
}

fn p_of_durations(pair: &Pair<'_>) -> f64 {
    match (logs(&pair.own.sums), logs(&pair.rest)) {
        (Some((own, spread)), Some((rest, other))) => {
            normal_tail((own - rest) / (spread + other).sqrt())
        }
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    const SECOND: u64 = 1000;

    /// Requests to instances of the catalog, one a second: instance, version and times of each.
    fn catalog(lives: &[(&str, &str, std::ops::Range<u64>)]) -> String {
        let mut drawing = String::new();
        for (instance, version, when) in lives {
            for second in when.clone() {
                let (start, end) = (second * SECOND, second * SECOND + 5);
                writeln!(
                    drawing,
                    "trace {instance}{second}\ncatalog < GET /items {start}..{end} instance={instance} version={version}"
                )
                .unwrap();
            }
        }
        drawing
    }

    #[test]
    fn the_one_instance_left_on_the_old_version_is_a_straggler() {
        check(
            "versions",
            &catalog(&[
                ("a", "1", 0..20),
                ("a", "2", 20..100),
                ("b", "1", 0..100),
                ("c", "1", 0..30),
                ("c", "2", 30..100),
            ]),
            "proved mixed_version_seconds catalog 79.000000: \
                catalog: 2 versions of it (1, 2) worked side by side for 1 min 19 s
             proved version_straggler catalog/b 70.000000: \
                catalog/b still ran 1 when 2 other instances ran 2, for 1 min 10 s",
        );
    }

    #[test]
    fn neither_a_rollout_nor_a_canary_leaves_a_straggler() {
        let mixed = |seconds: u32, shown: &str| {
            format!(
                "proved mixed_version_seconds catalog {seconds}.000000: \
                 catalog: 2 versions of it (1, 2) worked side by side for {shown}"
            )
        };
        let rolled = [
            ("a", "1", 0..20),
            ("a", "2", 20..100),
            ("b", "1", 0..26),
            ("b", "2", 26..100),
            ("c", "1", 0..30),
            ("c", "2", 30..100),
        ];
        check("versions", &catalog(&rolled), &mixed(9, "9 s"));
        let canary = [("a", "1", 0..99), ("b", "1", 0..99), ("c", "2", 20..99)];
        check("versions", &catalog(&canary), &mixed(78, "1 min 18 s"));
        check("versions", &catalog(&[("a", "1", 0..50)]), "");
    }

    #[test]
    fn spans_without_versions_say_nothing() {
        check(
            "versions",
            "catalog < GET /items 0..10",
            "unknown mixed_version_seconds the system: \
                versions: no span names a version, as service.version in the resource would",
        );
    }

    /// Forty calls of each pair of versions; the words of the calls and how long they take.
    fn pairs(of_new: &str, ms: u64) -> String {
        let mut drawing = String::new();
        for (version, words, ms) in [("1", "", 10), ("2", of_new, ms)] {
            for at in 0..40 {
                let words = if at % 4 == 0 { words } else { "" };
                writeln!(
                    drawing,
                    "trace t{version}-{at}
                     shop < GET /cart       0..1000  version=7
                       shop > GET /items   10..{}    version=7 {words}
                         catalog < GET /items 11..{} version={version} {words}",
                    10 + ms + at % 3,
                    9 + ms + at % 3
                )
                .unwrap();
            }
        }
        drawing
    }

    #[test]
    fn a_pair_of_versions_that_fails_or_is_slow_is_told() {
        // Both versions start in the same millisecond, so that no time passes between them.
        check(
            "versions",
            &pairs("error", 10),
            "measured version_pair_errors shop->catalog 7 to 2 0.250000: \
                 shop 7 -> catalog 2: 25 % of the calls fail, 0 % between other versions",
        );
        check(
            "versions",
            &pairs("", 40),
            "measured version_pair_slowdown shop->catalog 7 to 2 3.766011: \
                 shop 7 -> catalog 2: calls take 3.8 times as long as between other versions",
        );
        check("versions", &pairs("", 10), "");
    }

    #[test]
    fn a_request_may_meet_two_versions() {
        check(
            "versions",
            "shop < GET /cart         0..100
               shop > GET /items     10..20
                 catalog < GET /items 11..19 version=1
               shop > GET /more      30..40
                 catalog < GET /more 30..39 version=2",
            "proved mixed_version_traces catalog 1, 2 1.000000: \
                catalog: 1 request met both 1 and 2",
        );
    }
}
