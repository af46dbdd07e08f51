//! How long servers went on after clients on other hosts had gone, as far as the clocks of both tell.
//!
//! By its own clock a client runs from c0 to c1, its server from s0 to s1 by another, which is ahead by u at most (see
//! [`clock_skew`](crate::pass::trace::clock_skew)). The server began at least r = s0 - c0 - u after its client, so that it worked for nobody for
//! at least its duration less that of the client plus r, and no longer than it worked at all: r counts up to the duration of the client.
//!
//! What u is only all traces together say, so that calls are kept as sums. The least of r and a duration is no sum; but when no r is negative,
//! R is the largest and D the shortest duration of a client, it is at least r min(1, D / R) for every call, and when R is no more than D
//! it is r itself. Calls whose server outlasted its client anyway are kept apart from the others, of which some may have wasted nothing.
//!
//! So are calls whose server began when its client had ended, if both clocks were right, as most nearly are: each wasted all of what its server
//! took, less u at most.
//!
//! Left out on purpose: pairs of clocks that contradict each other, or of which nothing bounds the difference.

use std::collections::BTreeMap;

use crate::fold::Catalogue;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::model::names::NameId;
use crate::pass::Graph;
use crate::pass::trace::clock_skew::{biased, difference, unbiased};

/// By caller, callee, and the hosts of both: calls whose client gave up. The number is the rank of the operation, and in its lowest bits
/// whether the server outlasted the client, and whether it began behind it as both clocks have it.
pub(super) const LATE: TableOf = TableOf {
    name: "phantoms-late",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Text, Part::Text],
        bin: 0,
        limit: 1 << 13,
        group: 0,
    },
};

/// Calls, the sums of s0 - c0 and of s1 - c1, each followed by that of what is negative, and of the durations of servers. The least and the most
/// are those of s0 - c0, the distribution that of the durations of clients.
const CALLS: usize = 0;
const STARTS: usize = 1;
const ENDS: usize = 3;
const SERVED: usize = 5;

/// The lowest bits of a number.
const OUTLASTED: u64 = 1;
const BEHIND: u64 = 2;
const BITS: u64 = OUTLASTED | BEHIND;

/// Returns the number for an operation, without its lowest bits.
pub(super) fn number(catalogue: &Catalogue, operation: NameId) -> u64 {
    catalogue.text_rank(operation) & !BITS
}

/// Returns the lowest bits for a call, of which durations show that so much was wasted, if they do.
pub(super) fn bits(client: (u64, u64), server: (u64, u64), shown: Option<u64>) -> u64 {
    let bit = |is_so, bit| if is_so { bit } else { 0 };
    bit(shown.is_some(), OUTLASTED) | bit(server.0 >= client.1, BEHIND)
}

/// Adds a call whose client and server began and ended then, each by its own clock.
pub(super) fn add(record: &mut Record, client: (u64, u64), server: (u64, u64)) {
    record.add(CALLS, 1);
    let start = difference(server.0, client.0);
    let end = difference(server.1, client.1);
    for (sum, of) in [(STARTS, start), (ENDS, end)] {
        record.add(sum + usize::from(of < 0), of.unsigned_abs());
    }
    record.add(SERVED, server.1.saturating_sub(server.0));
    record.offer(biased(start));
    record.sample(client.1.saturating_sub(client.0));
}

/// Time that servers worked for nobody beyond what durations show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beyond {
    pub(super) ns: u64,
    /// Calls of which at least one did so though its server did not outlast its client.
    pub(super) calls: u64,
}

/// Returns it by caller, callee and number of the operation without its lowest bit.
pub(super) fn beyond<'a>(
    graph: &Graph<'a>,
    table: &Table,
) -> BTreeMap<(&'a str, &'a str, u64), Beyond> {
    let mut all: BTreeMap<(&str, &str, u64), Beyond> = BTreeMap::new();
    let rows = table.rows();
    if rows.is_empty() {
        return all;
    }
    let clocks = graph.clocks();
    for (key, record) in rows {
        let [from, to, caller, callee] = key.parts;
        let Some(ahead) = clocks.at_most(graph.text(caller), graph.text(callee)) else {
            continue;
        };
        let ns = surely(record, ahead, key.number & BITS);
        if ns == 0 {
            continue;
        }
        let place = (graph.name_of(from), graph.name_of(to), key.number & !BITS);
        let of = all.entry(place).or_default();
        of.ns = of.ns.saturating_add(ns);
        if key.number & OUTLASTED == 0 {
            of.calls = of.calls.saturating_add(record.sums[CALLS]);
        }
    }
    all
}

/// Returns the nanoseconds that the calls of a record surely wasted beyond what durations show, when the clock of the servers is ahead by so
/// much at most.
fn surely(record: &Record, ahead: i64, bits: u64) -> u64 {
    if record.sums.contains(&u64::MAX) {
        return 0;
    }
    let sum = |at: usize| i128::from(record.sums[at]) - i128::from(record.sums[at + 1]);
    let (starts, ends, ahead) = (sum(STARTS), sum(ENDS), i128::from(ahead));
    let calls = i128::from(record.sums[CALLS]);
    let late = starts - calls * ahead;
    let [least, most] = [record.least, record.most].map(|of| i128::from(unbiased(of)) - ahead);
    let shortest = record
        .sketch
        .as_ref()
        .map_or(0, |clients| clients.totals().1);
    let shortest = i128::from(shortest);
    // By how much servers outlasted clients, which is negative where they did not.
    let over = ends - starts;
    let by_start = match (most <= shortest, least >= 0) {
        (true, _) => over + late,
        (false, true) => over + late.saturating_mul(shortest) / most,
        (false, false) => 0,
    };
    let whole = match bits & BEHIND {
        0 => 0,
        _ => i128::from(record.sums[SERVED]) - calls * ahead.max(0),
    };
    let shown = match bits & OUTLASTED {
        0 => 0,
        _ => over,
    };
    let beyond = by_start.max(whole) - shown;
    u64::try_from(beyond.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::mix;

    /// What really was wasted of calls as (c0, c1, s0, s1) in true time, and what is surely so when the servers' clock is ahead by `ahead`, and by
    /// `at_most` at most.
    fn both(calls: &[(u64, u64, u64, u64)], ahead: i64, at_most: i64) -> (u64, u64) {
        let mut records: [Record; 4] = Default::default();
        let (mut truth, mut shown) = (0, 0);
        for &(c0, c1, s0, s1) in calls {
            truth += s1.saturating_sub(c1.max(s0));
            let over = (s1 - s0).saturating_sub(c1 - c0);
            shown += over;
            let by = |time: u64| time.wrapping_add_signed(ahead);
            let (client, server) = ((c0, c1), (by(s0), by(s1)));
            let bits = bits(client, server, (over > 0).then_some(over));
            add(&mut records[bits as usize], client, server);
        }
        let beyond = (0..).zip(&records);
        let beyond: u64 = beyond.map(|(bits, of)| surely(of, at_most, bits)).sum();
        (truth, shown + beyond)
    }

    #[test]
    fn known_clocks_tell_what_was_wasted() {
        // The server began 30 late and went on for 20, though it worked no longer than its client waited.
        let began_late = (1000, 1050, 1030, 1070);
        assert_eq!(both(&[began_late], 500, 500), (20, 20));
        assert_eq!(both(&[began_late], 500, 505), (20, 15));
        assert_eq!(both(&[began_late], 500, 530), (20, 0));
        // It outlasted its client by 10, and began 5 late.
        let outlasted = (1000, 1050, 1005, 1065);
        assert_eq!(both(&[outlasted], -300, -300), (15, 15));
        // It began when its client had gone: all of its work, and no more, is for nobody.
        let began_behind = (1000, 1050, 1080, 1180);
        assert_eq!(both(&[began_behind], 0, 0), (100, 100));
        // Beside calls that began much later still, the clocks tell that of each.
        let much_later = (1000, 1050, 9000, 9020);
        assert_eq!(
            both(&[(1000, 1050, 1080, 1100), much_later], 0, 3),
            (40, 34)
        );
    }

    #[test]
    fn never_more_is_told_than_was_wasted() {
        for round in 0..20_000u64 {
            let draw = |of: u64, below: u64| mix(round << 8 | of) % below;
            let calls: Vec<(u64, u64, u64, u64)> = (0..1 + draw(0, 6))
                .map(|call| {
                    let draw = |of: u64, below: u64| draw(call * 8 + of + 1, below);
                    let c0 = 10_000 + draw(1, 1000);
                    let s0 = c0 + draw(2, 120);
                    (c0, c0 + 1 + draw(3, 80), s0, s0 + draw(4, 120))
                })
                .collect();
            let ahead = draw(200, 4000) as i64 - 2000;
            // The bound holds for the fastest request, as that of clocks that never met closer does.
            let slack = draw(201, 40) as i64 - 1;
            let (truth, told) = both(&calls, ahead, ahead + slack.max(0));
            assert!(told <= truth, "{calls:?}: {told} > {truth}");
        }
    }

    #[test]
    fn sums_that_are_full_tell_nothing() {
        let mut record = Record::default();
        for _ in 0..3 {
            add(&mut record, (0, 10), (u64::MAX / 2, u64::MAX / 2 + 5));
        }
        record.sums[STARTS] = u64::MAX;
        assert_eq!(surely(&record, 0, OUTLASTED), 0);
    }
}
