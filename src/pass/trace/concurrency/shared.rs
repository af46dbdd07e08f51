//! Callers that queue while one callee is slow.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::Table;
use crate::fold::record::Key;
use crate::pass::outages::{ASKING, CALLS, LOGS, SERVED, TIMED, UNTIL_ASKED_NS};
use crate::pass::trace::concurrency::CONCURRENCY;
use crate::pass::trace::{grouped, median};
use crate::pass::{Graph, Measured};
use crate::text;

/// How many times as long is slow, and how many calls a bin takes to tell.
const SLOW: f64 = 3.0;
const ENOUGH: u64 = 10;

/// Tells of callers that queue while one callee is slow.
pub(super) fn shared_pools(graph: &Graph<'_>, measured: &mut Measured) {
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
