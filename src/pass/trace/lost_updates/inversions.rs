//! Writes whose order their time stamps may not tell.
//!
//! Two writes of one request to the same collection of a database are *unordered* when neither happened before the other (see
//! [`order`](crate::trace::order)). If the later time stamp wins, the hosts' clocks decide; and when the clock of one is ahead of
//! the other's by something between `low` and `high`, writes whose starts differ by more than `low` and less than `high` may have been in either
//! order. Hosts that did not meet are compared by one that both met. Writes on one host have one clock, whose order is true.
//!
//! Left out on purpose: writes that are conditional or relative; hosts nobody names, and browsers; all but the first writes of a request; writes of several requests, between
//! which spans say nothing of keys.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::Seen;
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::trace::clock_skew::{Clocks, clock};
use crate::pass::trace::lost_updates::{Access, LOST_UPDATES};
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Graph, Measured};
use crate::text;
use crate::trace::order::{Order, Relation};

/// Most writes of one request that are compared with each other.
const WRITES_MAX: usize = 32;

/// Which of two writes began first, by the clock of its host: that on the first host, or on the second.
const FIRST: u64 = 0;
const SECOND: u64 = 1;

/// Adds the pairs of unordered writes of a trace.
pub(super) fn observe(
    seen: &Seen<'_>,
    accesses: &[Access<'_>],
    order: &mut Order,
    table: &mut Table,
) {
    let writes = accesses.iter().filter(|access| access.written.is_some());
    let writes: Vec<&Access<'_>> = writes.take(WRITES_MAX).collect();
    let is_same = |one: &Access<'_>, other: &Access<'_>| {
        (one.database, one.written) == (other.database, other.written)
    };
    let mut is_known = false;
    for (at, one) in writes.iter().enumerate() {
        for other in writes[at + 1..].iter().filter(|other| is_same(one, other)) {
            let clocks = clock(seen, one.span).zip(clock(seen, other.span));
            let Some((of_one, of_other)) = clocks else {
                continue;
            };
            if !std::mem::replace(&mut is_known, true) {
                order.read(&seen.trace, &seen.linked);
            }
            if order.relation(one.span, other.span) != Relation::Concurrent {
                continue;
            }
            let (one, other): (&Access<'_>, &Access<'_>) = (one, other);
            let [a, b] = [of_one, of_other].map(|host| seen.catalogue.text(host));
            let [(from, before), (to, after)] = match (a, one.start) <= (b, other.start) {
                true => [(of_one, one), (of_other, other)],
                false => [(of_other, other), (of_one, one)],
            };
            let which = if before.start <= after.start {
                FIRST
            } else {
                SECOND
            };
            let parts = [from, to, before.database, before.operation];
            let record = table.at(seen.catalogue, parts, which);
            record.add(0, 1);
            record.sample(before.start.abs_diff(after.start));
            record.exemplars.offer(seen.exemplar(after.span));
        }
    }
}

/// The unordered writes of one operation.
#[derive(Debug, Default)]
struct Unordered {
    pairs: u64,
    undecided: u64,
    record: Record,
}

/// Tells of writes whose time stamps do not tell which was first.
pub(super) fn measure(graph: &Graph<'_>, table: &Table, measured: &mut Measured) {
    const METRIC: &str = "order_inversion_risk";
    let records = grouped(table, |key| {
        let [from, to, database, operation] = key.parts;
        let hosts = (graph.text(from), graph.text(to));
        let place = (graph.name_of(database), graph.text(operation));
        (place, hosts, key.number)
    });
    if records.is_empty() {
        return;
    }
    let clocks = graph.clocks();
    let mut places: BTreeMap<(&str, &str), Unordered> = BTreeMap::new();
    for ((place, hosts, which), record) in &records {
        let of = places.entry(*place).or_default();
        of.pairs += record.sums[0];
        let undecided = undecided(clocks, *hosts, *which, record);
        of.undecided += undecided;
        if undecided > 0 {
            of.record.merge(record);
        }
    }
    let sum = |of: fn(&Unordered) -> u64| places.values().map(of).sum::<u64>() as f64;
    let pairs = sum(|of| of.pairs);
    measured.metric("unordered_writes", pairs);
    measured.metric(METRIC, sum(|of| of.undecided) / pairs.max(1.0));
    for ((database, operation), of) in places {
        if of.undecided == 0 {
            continue;
        }
        let mut finding = Finding {
            value: of.undecided as f64 / of.pairs as f64,
            grade: Grade::Inferred,
            count: of.undecided,
            of: of.pairs,
            exemplars: exemplars(&of.record),
            text: format!(
                "{database}: of {} of writes ({operation}) that nothing orders, {} closer than the clocks of their hosts are known: \
                 if the later time stamp wins, it may be the earlier write, provided both have one key",
                text::plural(of.pairs, "pair"),
                match of.undecided {
                    1 => "1 is".to_owned(),
                    n => format!("{} are", text::count(n)),
                }
            ),
            ..Finding::of(
                LOST_UPDATES.name,
                METRIC,
                Subject::Service(database.to_owned()),
            )
        };
        finding.id = format!("{} {operation}", finding.id);
        measured.findings.push(finding);
    }
}

/// Returns how many pairs of writes may have been in either order.
fn undecided(clocks: &Clocks<'_>, (from, to): (&str, &str), which: u64, record: &Record) -> u64 {
    let Some(sketch) = record.sketch.as_deref().filter(|_| from != to) else {
        return 0;
    };
    let Some((low, high)) = ahead(clocks, from, to) else {
        return sketch.count();
    };
    // By how much the second began later by the clocks alone, of those that say so with this sign.
    let (low, high) = match which {
        FIRST => (low, high),
        _ => (high.saturating_neg(), low.saturating_neg()),
    };
    let at = |bound: i64| u64::try_from(bound).unwrap_or(0);
    match high > 0 {
        true => sketch
            .count_below(at(high))
            .saturating_sub(sketch.count_below(at(low))),
        false => 0,
    }
}

/// Returns how far the clock of the second host is ahead of that of the first, at least and at most, if anything bounds it.
fn ahead(clocks: &Clocks<'_>, from: &str, to: &str) -> Option<(i64, i64)> {
    let between = |host: &str| {
        let (low, high) = clocks.ahead(from, host)?;
        let (more, most) = clocks.ahead(host, to)?;
        Some((low.saturating_add(more), high.saturating_add(most)))
    };
    let hosts = clocks
        .met()
        .filter_map(|(a, b)| match (a == from, b == from) {
            (true, _) => Some(b),
            (_, true) => Some(a),
            (false, false) => None,
        });
    let through = hosts.filter(|host| *host != to).filter_map(between);
    let narrowest = through.min_by_key(|(low, high)| high.saturating_sub(*low));
    clocks.ahead(from, to).or(narrowest)
}
