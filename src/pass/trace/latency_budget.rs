//! The time an entry point may take, and what its slowest requests spend it on.
//!
//! - *Headroom*: the declared objective for the p99 of requests minus the p99 measured, from 300 requests on, with the interval
//!   of the order statistics around it.
//! - *Tail*: E[T | T >= p99] by operation, from the critical paths of those requests, where an operation has a share of it
//!   that is larger by ten points than that of typical requests (40th to 60th percentile).
//! - *Fan-out*: of n calls at once, each independently beyond its p99 once in a hundred, 1 - 0.99^n of the requests meet one
//!   (Dean and Barroso, The Tail at Scale, 2013). p99s are never added.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::sketch::Sketch;
use crate::pass::limits::{Limits, limits_of};
use crate::pass::trace::critical_path::{EntryPaths, MIN_REQUESTS, Operation, why_unknown};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Compares entry points with their objectives.
pub static LATENCY_BUDGET: Pass = Pass {
    name: "latency-budget",
    about: "how much of its time an entry point has left, and what makes slow requests slow",
    explain: "slo_headroom",
    watch: None,
    measure,
};

/// Fewest requests that have a p99.
pub(in crate::pass) const MIN_P99: u64 = 300;

/// Fewest calls at once that are worth a sentence.
const MANY: f64 = 5.0;

/// By how much an operation must have more of the tail than of typical requests.
const SHIFT: f64 = 0.1;

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    measure_with(graph, &limits_of(graph), measured);
}

fn measure_with(graph: &Graph<'_>, limits: &Limits, measured: &mut Measured) {
    let paths = graph.paths();
    if let Some(why) = why_unknown(paths) {
        let why = format!("what slow requests spend their time on is unknown: {why}");
        let untold = Finding::unknown(LATENCY_BUDGET.name, "tail_time", why);
        measured.findings.push(untold);
    }
    let mut least: Option<f64> = None;
    let mut slos = Vec::new();
    for point in &graph.system.entries {
        let Some(node) = graph.node(point.service) else {
            continue;
        };
        let Some(&slo) = limits.slos.get(&(node, point.operation.clone())) else {
            continue;
        };
        let durations = &point.entry.duration_ns;
        let entry = (graph.name(node), point.operation.as_str());
        let cost = |share| graph.cost_of_entry(point.service, &point.operation, share);
        slos.push(headroom(entry, durations, slo, cost));
        if let Some(p99) = p99_of(durations) {
            let share = (slo as f64 - p99 as f64) / slo.max(1) as f64;
            least = Some(least.map_or(share, |least: f64| least.min(share)));
        }
    }
    measured.metric("least_slo_headroom", least);
    slos.sort_by(|a, b| a.value.total_cmp(&b.value));
    measured.findings.extend(slos);
    for (&entry, of) in paths.into_iter().flatten() {
        measured.findings.extend(tail(entry, of));
        measured.findings.extend(fan_out(entry, of));
    }
}

/// Returns the p99 of enough durations.
pub(in crate::pass) fn p99_of(durations: &Sketch) -> Option<u64> {
    durations
        .quantile(0.99)
        .filter(|_| durations.count() >= MIN_P99)
}

/// Returns the values at the ranks that are 1.96 standard deviations of a binomial count below and above that of the p99.
pub(in crate::pass) fn p99_interval(durations: &Sketch) -> Option<(u64, u64)> {
    let margin = 1.96 * (0.99 * 0.01 / durations.count() as f64).sqrt();
    let at = |q: f64| durations.quantile(q.min(1.0));
    Some((at(0.99 - margin)?, at(0.99 + margin)?))
}

fn subject(entry: Operation<'_>) -> Subject {
    Subject::Entry(entry.0.to_owned(), entry.1.to_owned())
}

/// Compares the p99 of an entry point with its objective.
fn headroom(
    entry: Operation<'_>,
    durations: &Sketch,
    slo: u64,
    cost_of: impl Fn(f64) -> Option<f64>,
) -> Finding {
    let of = Finding::of(LATENCY_BUDGET.name, "slo_headroom", subject(entry));
    let count = durations.count();
    let Some(p99) = p99_of(durations) else {
        let requests = text::plural(count, "request");
        return Finding {
            text: format!(
                "{} {}: {requests} have no p99, it takes {MIN_P99}",
                entry.0, entry.1
            ),
            ..of
        };
    };
    let (low, high) = p99_interval(durations).unwrap_or((p99, p99));
    let left = slo as f64 - p99 as f64;
    let said = match slo.checked_sub(p99) {
        Some(left) => format!("{} are left", text::duration(left)),
        None => format!("{} too long", text::duration(p99 - slo)),
    };
    Finding {
        value: left,
        unit: "ns",
        interval: Some((slo as f64 - high as f64, slo as f64 - low as f64)),
        grade: Grade::Measured,
        count: durations.count_above(slo),
        of: count,
        text: format!(
            "{} {}: p99 {} ({} to {}) of {}: {said}",
            entry.0,
            entry.1,
            text::duration(p99),
            text::duration(low),
            text::duration(high),
            text::duration(slo),
        ),
        cost: (left < 0.0)
            .then(|| cost_of(durations.count_above(slo) as f64 / count as f64))
            .flatten(),
        ..of
    }
}

/// Says what the slowest percent of the requests spends more of its time on than typical ones.
fn tail(entry: Operation<'_>, of: &EntryPaths<'_>) -> Option<Finding> {
    let (requests, seen) = of.requests();
    if seen < MIN_P99 {
        return None;
    }
    let (slow, typical) = (of.between(0.99, 1.0), of.between(0.4, 0.6));
    let shift = |operation: Operation<'_>| slow.share(operation) - typical.share(operation);
    let (most, share) = slow
        .shares()
        .into_iter()
        .max_by(|a, b| {
            shift(a.0)
                .total_cmp(&shift(b.0))
                .then_with(|| b.0.cmp(&a.0))
        })
        .filter(|(operation, _)| shift(*operation) >= SHIFT)?;
    Some(Finding {
        value: share,
        grade: Grade::Measured,
        count: slow.requests,
        of: requests,
        exemplars: of.exemplars.clone(),
        text: format!(
            "{} {}: the slowest {} take {} on average and spend {} of it in {} {}, typical ones {} of {}",
            entry.0,
            entry.1,
            text::plural(slow.requests, "request"),
            text::duration(slow.time / slow.requests.max(1)),
            text::percent(share),
            most.0,
            most.1,
            text::percent(typical.share(most)),
            text::duration(typical.time / typical.requests.max(1)),
        ),
        ..Finding::of(LATENCY_BUDGET.name, "tail_time", subject(entry))
    })
}

/// Returns the share of requests that meet the slowest percent of a call when they wait for so many.
fn slowest_met(calls: f64) -> f64 {
    1.0 - 0.99f64.powf(calls)
}

fn fan_out(entry: Operation<'_>, of: &EntryPaths<'_>) -> Option<Finding> {
    let (requests, seen) = of.requests();
    let mean = of.at_once.0 as f64 / requests.max(1) as f64;
    if mean < MANY || seen < MIN_REQUESTS {
        return None;
    }
    Some(Finding {
        value: mean,
        unit: "calls",
        grade: Grade::Proved,
        count: requests,
        of: requests,
        exemplars: of.exemplars.clone(),
        text: format!(
            "{} {} waits for {} calls at once on average, {} at most: if one call in a hundred is slow, {} of the requests are",
            entry.0,
            entry.1,
            text::value((mean * 10.0).round() / 10.0),
            text::count(of.at_once.1),
            text::percent(slowest_met(mean)),
        ),
        ..Finding::of(LATENCY_BUDGET.name, "calls_at_once", subject(entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::system::System;
    use crate::pass::trace::critical_path::WATCHER;
    use crate::pass::trace::tests::{check, each_order};

    /// Requests that take 100 ms, or at the end 500 ms of which pay has 440.
    fn requests(n: u64) -> String {
        (0..n)
            .map(|at| {
                let (t, pay) = (at * 1000, if at * 100 >= n * 98 { 440 } else { 40 });
                format!(
                    "trace t{at}\nweb < GET / {t}..{}\n  web > pay {}..{} peer=pay\n",
                    t + 60 + pay,
                    t + 30,
                    t + 30 + pay
                )
            })
            .collect()
    }

    fn said(drawing: &str, slo_ms: u64) -> Vec<String> {
        let limits = Limits {
            // By name: pay is node 0.
            slos: [((1, "GET /".to_owned()), slo_ms * 1_000_000)].into(),
            ..Limits::default()
        };
        let mut told = Vec::new();
        each_order(drawing, |_, system| {
            let mut measured = Measured::default();
            measure_with(&Graph::of(system), &limits, &mut measured);
            told = measured
                .findings
                .iter()
                .map(|of| format!("{} {}", of.grade.name(), of.text))
                .collect();
        });
        told
    }

    #[test]
    fn an_objective_has_headroom_or_not() {
        let drawing = requests(300);
        assert_eq!(
            said(&drawing, 800)[0],
            "measured web GET /: p99 500 ms (100 ms to 500 ms) of 800 ms: 300 ms are left"
        );
        assert_eq!(
            said(&drawing, 400)[0],
            "measured web GET /: p99 500 ms (100 ms to 500 ms) of 400 ms: 100 ms too long"
        );
        assert_eq!(
            said(&requests(20), 400),
            ["unknown web GET /: 20 requests have no p99, it takes 300"]
        );
    }

    #[test]
    fn what_makes_slow_requests_slow_is_told() {
        check(
            "latency-budget",
            &requests(300),
            "measured tail_time web GET / 0.880000: web GET /: the slowest 6 requests take 500 ms on average and spend 88 % \
                of it in web pay, typical ones 40 % of 100 ms",
        );
    }

    #[test]
    fn files_of_versions_that_did_not_count_requests_say_so() {
        use crate::fold::ledger::Table;
        use crate::pass::trace::tests::system_of;
        let mut system = system_of(&requests(300), 0);
        let old = |system: &System| {
            let mut measured = Measured::default();
            measure_with(&Graph::of(system), &Limits::default(), &mut measured);
            let findings = measured.findings.into_iter();
            findings
                .map(|of| format!("{} {}", of.grade.name(), of.metric))
                .collect::<Vec<_>>()
        };
        assert_eq!(old(&system), ["measured tail_time"]);
        let table = system.rest.ledger.table(&WATCHER.tables[0]).unwrap();
        let rows = table.rows().into_iter().map(|(key, record)| {
            let mut record = record.clone();
            record.sums[7] = 0;
            (*key, record)
        });
        let (layout, bounds) = (*table.layout(), table.bounds());
        let table = Table::from_parts(
            layout,
            rows.collect::<Vec<_>>(),
            None,
            bounds,
            table.traces(),
        );
        system.rest.ledger.insert(WATCHER.tables[0].name, table);
        assert_eq!(old(&system), ["unknown tail_time"]);
    }

    #[test]
    fn many_calls_at_once_meet_the_slowest() {
        let calls = |n: u64| {
            (0..n)
                .map(|at| format!("\n  web > pay {at}..90 peer=pay"))
                .collect::<String>()
        };
        let drawing = |n: u64, requests: u64| {
            (0..requests)
                .map(|at| format!("trace t{at}\nweb < GET / 0..100{}\n", calls(n)))
                .collect::<String>()
        };
        check(
            "latency-budget",
            &drawing(10, 20),
            "proved calls_at_once web GET / 10.000000: web GET / waits for 10 calls at once on average, 10 at most: if one \
                call in a hundred is slow, 9.6 % of the requests are",
        );
        check("latency-budget", &drawing(3, 20), "");
        check("latency-budget", &drawing(10, 19), "");
        assert!((slowest_met(10.0) - 0.0956).abs() < 5e-5);
        assert!((slowest_met(100.0) - 0.6340).abs() < 5e-5);
    }
}
