//! Calls from one version to another beside all other calls along their edge.

use std::collections::BTreeMap;

use crate::algo::special::normal_tail;
use crate::algo::stats::{TwoByTwo, benjamini_hochberg, wilson};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::trace::versions::lives::Place;
use crate::pass::trace::versions::{
    CALLS, ENOUGH, FAILED, FALSE_ALARMS, LOGS, SQUARES, TIMED, number_of,
};
use crate::pass::trace::{exemplars, grouped, p_greater};
use crate::pass::{Graph, Measured};
use crate::text;

/// One pair of versions beside all other calls along its edge.
struct Pair<'a> {
    ends: (&'a str, &'a str, &'a str, &'a str),
    /// The environment of the callee; empty when it has no name.
    environment: &'a str,
    own: Record,
    rest: [u64; 5],
}

/// Tells of versions between which calls fail, or take long.
pub(super) fn measure(graph: &Graph<'_>, pairs: &Table, measured: &mut Measured) {
    let environments = environments(graph);
    let records = grouped(pairs, |key| {
        let [from, to, old, new] = key.parts;
        let (from, to) = (graph.name_of(from), graph.name_of(to));
        let environment = environments.get(&key.number).copied().unwrap_or("");
        ((from, to, graph.text(old), graph.text(new)), environment)
    });
    let mut edges: BTreeMap<(&str, &str, &str), [u64; 5]> = BTreeMap::new();
    for (((from, to, ..), environment), record) in &records {
        let sums = edges.entry((from, to, environment)).or_default();
        for (sum, more) in sums.iter_mut().zip(record.sums) {
            *sum = sum.saturating_add(more);
        }
    }
    let pairs = records
        .into_iter()
        .filter_map(|((ends, environment), own)| {
            let mut rest = edges[&(ends.0, ends.1, environment)];
            for (sum, less) in rest.iter_mut().zip(own.sums) {
                *sum = sum.saturating_sub(less);
            }
            let is_enough = own.sums[CALLS] >= ENOUGH && rest[CALLS] >= ENOUGH;
            is_enough.then(|| Pair {
                ends,
                environment,
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
        let at_callee = Place {
            service: to,
            environment: pair.environment,
        };
        let place = format!("{from} {old} -> {to} {new}{}", at_callee.where_it_is());
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
                cost: graph.cost_of_weight(failed as f64, calls),
                text: format!(
                    "{place}: {} of the calls fail, {} between other versions",
                    text::percent(share),
                    text::percent(usual)
                ),
                ..at_callee.finding("version_pair_errors", subject.clone())
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
                ..at_callee.finding("version_pair_slowdown", subject)
            });
        }
    }
}

/// Returns the names of environments by the numbers that stand for them.
fn environments<'a>(graph: &Graph<'a>) -> BTreeMap<u64, &'a str> {
    let catalogue = &graph.system.rest.catalogue;
    let instances = graph.system.vertices.iter().flat_map(|of| &of.instances);
    let names = instances.map(|(key, _)| key.environment);
    names
        .map(|name| (number_of(catalogue, name), graph.text(name)))
        .collect()
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
