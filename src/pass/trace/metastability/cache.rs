//! Caches that no longer keep load from the store behind them.
//!
//! A store that works at its limit only because a cache answers most lookups does not come back by itself once the cache is empty:
//! what would fill it again times out (Huang et al., section 4). Cache and store are told by their kinds: a cache and a database that one
//! service calls, where the store is usually asked less than half as often as the cache.
//!
//! In bins of 10 s, calls of the store for each lookup in the cache. An *effect* is a run of three bins or more in which they are twice the
//! usual or more (the median of all bins), a tenth of the lookups more, and beyond three standard deviations of a count. A run
//! that begins with the data is a cold start and none.
//!
//! Left out on purpose: which lookup misses; calls are counted, not followed. A job that asks the store alone looks the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::trace::metastability::{BINS, Bin, ENOUGH, METASTABILITY, Well, unknown};
use crate::pass::trace::{exemplars, grouped, median};
use crate::pass::{Graph, Measured};
use crate::text;

const METRIC: &str = "cache_effects";

/// The least bins of an effect.
const LEAST_BINS: usize = 3;

/// Calls of the store for each lookup: the most that are usual behind a cache, how many times that is told, and how much more it is.
const SHIELDED: f64 = 0.5;
const TOLD_RATIO: f64 = 2.0;
const TOLD_SHARE: f64 = 0.1;

/// What one service asked of one callee, by bin.
type Asked<'a> = BTreeMap<u64, &'a Record>;

/// A bin of a cache and the store behind it.
struct Both {
    cache: Bin,
    store: Bin,
}

impl Both {
    /// Returns the calls of the store for each lookup.
    fn passed_on(&self) -> f64 {
        self.store.firsts / self.cache.firsts
    }
}

/// Tells of caches that stopped shielding their stores.
pub(super) fn measure(graph: &Graph<'_>, calls: &Table, measured: &mut Measured) {
    let kind = |node: u32| {
        let vertex = graph.system.vertex_of[node as usize];
        graph.system.vertices[vertex].kind
    };
    let is_either = |node: u32| matches!(kind(node), NodeKind::Cache | NodeKind::Database);
    let records = grouped(calls, |key| {
        let [from, to, ..] = key.parts;
        let pair = is_either(to).then(|| (graph.name_of(from), kind(to), graph.name_of(to)));
        (pair, key.number)
    });
    let mut asked: BTreeMap<&str, BTreeMap<(NodeKind, &str), Asked<'_>>> = BTreeMap::new();
    for ((pair, number), record) in &records {
        if let Some((from, kind, to)) = *pair {
            let of = asked
                .entry(from)
                .or_default()
                .entry((kind, to))
                .or_default();
            of.insert(*number, record);
        }
    }
    let (mut pairs, mut looked_at, mut found) = (0u64, 0u64, 0u64);
    for (service, peers) in &asked {
        let of_kind = |kind: NodeKind| peers.iter().filter(move |((of, _), _)| *of == kind);
        for ((_, cache), lookups) in of_kind(NodeKind::Cache) {
            for ((_, store), passed) in of_kind(NodeKind::Database) {
                pairs += 1;
                let bins = bins(lookups, passed);
                if bins.len() < BINS {
                    continue;
                }
                looked_at += 1;
                for run in effects(&bins) {
                    found += 1;
                    let finding =
                        said_of([service, cache, store], &bins, run, passed, calls.width());
                    measured.findings.push(finding);
                }
            }
        }
    }
    if looked_at > 0 {
        measured.metric(METRIC, found as f64);
    } else if pairs > 0 {
        let why = "metastability: no cache was asked often enough for 90 s to tell whether it keeps load from its store";
        measured.findings.push(unknown(METRIC, why.to_owned()));
    }
}

/// Returns the bins with enough lookups; a bin without calls of the store is one.
fn bins(lookups: &Asked<'_>, passed: &Asked<'_>) -> Vec<Both> {
    let nothing = Record::default();
    let both = lookups.iter().map(|(&number, &record)| Both {
        cache: Bin::of(number, record),
        store: Bin::of(number, passed.get(&number).copied().unwrap_or(&nothing)),
    });
    both.filter(|both| both.cache.firsts >= ENOUGH as f64)
        .collect()
}

/// Returns the usual calls of the store for each lookup.
fn usual(bins: &[Both]) -> f64 {
    median(bins.iter().map(Both::passed_on).collect()).unwrap_or(0.0)
}

/// Returns the runs in which the cache passes on far more than usual.
fn effects(bins: &[Both]) -> Vec<&[Both]> {
    let usual = usual(bins);
    if usual >= SHIELDED {
        return Vec::new();
    }
    let is_open = |both: &Both| {
        let (share, expected) = (both.passed_on(), usual * both.cache.firsts);
        share >= TOLD_RATIO * usual
            && share >= usual + TOLD_SHARE
            && both.store.firsts > expected + 3.0 * expected.sqrt()
    };
    let runs =
        bins.chunk_by(|a, b| b.cache.number - a.cache.number == 1 && is_open(a) == is_open(b));
    let first = bins.first().map(|both| both.cache.number);
    runs.filter(|run| {
        let began = run.first().map(|both| both.cache.number);
        run.len() >= LEAST_BINS && is_open(&run[0]) && began != first
    })
    .collect()
}

fn said_of(
    [service, cache, store]: [&str; 3],
    bins: &[Both],
    run: &[Both],
    passed: &Asked<'_>,
    width: u64,
) -> Finding {
    let sum = |of: fn(&Both) -> f64| run.iter().map(of).sum::<f64>();
    let (lookups, asked) = (sum(|both| both.cache.firsts), sum(|both| both.store.firsts));
    let share = asked / lookups;
    let numbers: BTreeSet<u64> = run.iter().map(|both| both.cache.number).collect();
    let mut record = Record::default();
    for (_, more) in passed.iter().filter(|(number, _)| numbers.contains(number)) {
        record.merge(more);
    }
    let asked_at_all = bins.iter().filter(|both| both.store.attempts > 0.0);
    let stores: Vec<Bin> = asked_at_all.map(|both| both.store).collect();
    let well = Well::of(&stores);
    let bad = run.iter().filter(|both| well.is_bad(&both.store)).count();
    let store_is = match 2 * bad > run.len() {
        true => ", which is slow or failing meanwhile",
        false => "",
    };
    Finding {
        value: share,
        grade: Grade::Inferred,
        count: asked as u64,
        of: lookups as u64,
        exemplars: exemplars(&record),
        text: format!(
            "{service}: for each 100 lookups in {cache} {} calls of {store} for {}, usually {}: the cache no longer keeps load from \
             the store{store_is}",
            text::value((share * 100.0).round()),
            text::duration(width.saturating_mul(run.len() as u64)),
            text::value((usual(bins) * 100.0).round()),
        ),
        ..Finding::of(
            METASTABILITY.name,
            METRIC,
            Subject::Edge(service.to_owned(), store.to_owned()),
        )
    }
}
