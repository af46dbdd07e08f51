//! Calls made one after the other that could run side by side, and the same call made again and again.
//!
//! Siblings are the logical calls that one span makes and waits for. Two follow each other when the later starts at or
//! after the end of the earlier and the gap is below a fifth of the shorter; both must lie on the critical path.
//! Whether the later needs the answer of the earlier cannot be seen, but it can be refuted (Chow et al.,
//! The Mystery Machine, OSDI 2014): operations that were also seen overlapping, or in the other order, with success, do not
//! depend on each other; operations that a span calls more than once are left out of this. An order that never changed in 30 requests is a candidate and no more. Running two calls side by
//! side saves at most the shorter of the two.
//!
//! Five siblings or more with one operation and one target, none overlapping, are a loop (N+1 queries): a batch would save
//! at most all but the longest of them.
//!
//! Left out on purpose: retries, asynchronous calls, and siblings beyond the first [`SIBLINGS_MAX`] of a span.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Part, Table};
use crate::fold::{Look, Seen, Watcher};
use crate::model::id::mix;
use crate::model::names::NameId;
use crate::pass::trace::{exemplars, grouped, sums, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::Retry;

/// Finds calls that could run side by side, and loops of calls.
pub static SEQUENTIAL_CALLS: Pass = Pass {
    name: "sequential-calls",
    about: "calls one after the other that could run side by side, and the same call in a loop",
    explain: "sequential-calls",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // Two callees and their operations, the smaller first; the number is the hash of where they are called.
        sums(
            "sequential-pairs",
            [Part::Node, Part::Text, Part::Node, Part::Text],
        ),
        // Caller and operation by that hash.
        sums(
            "sequential-places",
            [Part::Node, Part::Text, Part::Unused, Part::Unused],
        ),
        // Caller, its operation, callee, operation of the loop.
        sums(
            "sequential-loops",
            [Part::Node, Part::Text, Part::Node, Part::Text],
        ),
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Of pairs: the first just before the second, the second just before the first, both at a time, and nanoseconds saved at most.
const FORWARD: usize = 0;
const BACKWARD: usize = 1;
const OVERLAPPED: usize = 2;
const PAIR_SAVED_NS: usize = 3;

/// Of loops: loops, calls in them, nanoseconds saved at most.
const LOOPS: usize = 0;
const LOOP_CALLS: usize = 1;
const LOOP_SAVED_NS: usize = 2;

/// Siblings of one span that are compared: one bit for each.
const SIBLINGS_MAX: usize = 64;

/// Calls of a loop.
const LOOP_MIN: usize = 5;

/// Requests in which an order must have held to be called constant.
const CONSTANT_MIN: u64 = 30;

/// A call that a span makes; siblings stand together, in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sibling {
    parent: u32,
    start: u64,
    end: u64,
    client: u32,
    to: u32,
    operation: NameId,
}

impl Sibling {
    fn duration(self) -> u64 {
        self.end - self.start
    }

    fn target(self) -> (u32, NameId) {
        (self.to, self.operation)
    }

    /// Returns whether another call begins when this one is over, without much of a pause.
    fn is_followed_by(self, next: Sibling) -> bool {
        let shorter = self.duration().min(next.duration());
        next.start >= self.end && (next.start - self.end) * 5 < shorter
    }
}

/// Returns what running calls side by side saves at most: all but the longest.
fn saved(calls: &[Sibling]) -> u64 {
    let durations = || calls.iter().map(|call| call.duration());
    total(durations()) - durations().max().unwrap_or(0)
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let [pairs, places, loops] = tables else {
        return;
    };
    let mut calls = Vec::new();
    let mut found: Vec<Pair<'_>> = Vec::new();
    // Pairs of one place each.
    let mut at_place: Vec<Range<usize>> = Vec::new();
    for seen in traces.iter().filter(|seen| seen.linked.calls.len() > 1) {
        find_siblings(seen, &mut calls);
        for siblings in calls.chunk_by(|a, b| a.parent == b.parent) {
            if siblings.len() < 2 {
                continue;
            }
            let siblings = &siblings[..siblings.len().min(SIBLINGS_MAX)];
            let repeated = repeated(siblings);
            if repeated.count_ones() as usize >= LOOP_MIN {
                observe_loops(seen, siblings, loops);
            }
            let before = found.len();
            find_pairs(seen, siblings, repeated, &mut found);
            if found.len() > before {
                at_place.push(before..found.len());
            }
        }
    }
    let Some(Seen { catalogue, .. }) = traces.first() else {
        return;
    };
    let key = |pair: &Pair<'_>| Some((pair.parts, pair.place));
    pairs.for_each(catalogue, &found, key, |pair, record| {
        record.exemplars.offer(pair.seen.exemplar(pair.parent));
        record.add(pair.sum, 1);
        record.add(PAIR_SAVED_NS, pair.saved_ns);
    });
    let key = |some: &Range<usize>| {
        let Pair {
            seen,
            parent,
            place,
            ..
        } = found[some.start];
        let parts = [seen.node(parent), seen.row(parent).operation, 0, 0];
        Some((parts, place))
    };
    places.for_each(catalogue, &at_place, key, |some, record| {
        record.add(0, some.len() as u64);
    });
}

/// Finds the calls that have siblings, by parent and start; those found before are let go.
fn find_siblings(seen: &Seen<'_>, calls: &mut Vec<Sibling>) {
    calls.clear();
    for (_, call) in seen.sync_calls() {
        let parent = seen.trace.parents[call.client as usize];
        if call.retry != Retry::First || parent == NONE {
            continue;
        }
        // Without others there is nothing to compare with.
        if call.lone && seen.trace.children(parent).len() < 2 {
            continue;
        }
        if let Some((start, end)) = seen.times(call.client).filter(|(start, end)| start < end) {
            calls.push(Sibling {
                parent,
                start,
                end,
                client: call.client,
                to: seen.end(call.to),
                operation: seen.row(call.client).operation,
            });
        }
    }
    calls.sort_unstable();
}

/// Two siblings that follow each other or overlap.
#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    seen: &'a Seen<'a>,
    parent: u32,
    /// The hash of where they are called.
    place: u64,
    parts: [u32; 4],
    /// What it counts as.
    sum: usize,
    saved_ns: u64,
}

/// Returns which siblings call a target that another one calls too, a bit for each.
fn repeated(siblings: &[Sibling]) -> u64 {
    let mut repeated = 0;
    for (at, one) in siblings.iter().enumerate() {
        for (distance, other) in siblings[at + 1..].iter().enumerate() {
            if one.target() == other.target() {
                repeated |= 1 << at | 1 << (at + 1 + distance);
            }
        }
    }
    repeated
}

/// Returns a number of an operation of a node that follows from their names: which of two targets stands first in a key must
/// not depend on their numbers.
fn rank(seen: &Seen<'_>, (node, name): (u32, NameId)) -> u64 {
    let catalogue = seen.catalogue;
    mix(catalogue.rank(node) ^ catalogue.text_rank(name))
}

/// Finds pairs of siblings whose targets were called once each. Of targets that were called again, nothing says which
/// calls belong together: in a loop the first call for one item follows the last for another whatever each item needs.
fn find_pairs<'a>(
    seen: &'a Seen<'a>,
    siblings: &[Sibling],
    repeated: u64,
    found: &mut Vec<Pair<'a>>,
) {
    let parent = siblings[0].parent;
    // Known when the first pair is met.
    let mut place = None;
    // By sibling, once they are asked for; zero before.
    let mut ranks = [0; SIBLINGS_MAX];
    let mut rank_of = |at: usize| {
        if ranks[at] == 0 {
            ranks[at] = rank(seen, siblings[at].target());
        }
        ranks[at]
    };
    let mut add = |one: usize, other: usize, sums: [usize; 2], saved_ns| {
        let target_of_parent = (seen.node(parent), seen.row(parent).operation);
        let is_turned = rank_of(one) > rank_of(other);
        let [low, high] = match is_turned {
            true => [siblings[other], siblings[one]],
            false => [siblings[one], siblings[other]],
        };
        found.push(Pair {
            seen,
            parent,
            place: *place.get_or_insert_with(|| rank(seen, target_of_parent)),
            parts: [low.to, low.operation, high.to, high.operation],
            sum: sums[usize::from(is_turned)],
            saved_ns,
        });
    };
    let is_once = |at: usize| repeated >> at & 1 == 0;
    for (at, &first) in siblings.iter().enumerate() {
        let is_fine = !seen.outcome(first.client).failed();
        for (distance, &second) in siblings[at + 1..].iter().enumerate() {
            if first.target() == second.target() {
                continue;
            }
            let next = at + 1 + distance;
            let both_once = is_once(at) && is_once(next);
            if second.start < first.end {
                let both_fine = is_fine && !seen.outcome(second.client).failed();
                if both_fine && both_once {
                    add(at, next, [OVERLAPPED; 2], 0);
                }
                continue;
            }
            let on_path = |call: Sibling| seen.path.total[call.client as usize] > 0;
            let is_next = distance == 0 && first.is_followed_by(second);
            if is_next && both_once && on_path(first) && on_path(second) {
                let saved_ns = saved(&[first, second]);
                add(at, next, [FORWARD, BACKWARD], saved_ns);
            }
            // Later siblings start later still.
            break;
        }
    }
}

/// Looks for loops.
fn observe_loops(seen: &Seen<'_>, siblings: &[Sibling], loops: &mut Table) {
    let mut of_target: Vec<Sibling> = siblings.to_vec();
    of_target.sort_unstable_by_key(|call| (call.target(), call.start, call.client));
    for repeated in of_target.chunk_by(|a, b| a.target() == b.target()) {
        let is_loop = repeated.len() >= LOOP_MIN
            && repeated.windows(2).all(|pair| pair[1].start >= pair[0].end);
        if !is_loop {
            continue;
        }
        let Sibling {
            parent,
            to,
            operation,
            ..
        } = repeated[0];
        let parts = [seen.node(parent), seen.row(parent).operation, to, operation];
        let record = loops.at(seen.catalogue, parts, 0);
        record.add(LOOPS, 1);
        record.add(LOOP_CALLS, repeated.len() as u64);
        record.add(LOOP_SAVED_NS, saved(repeated));
        record.offer(repeated.len() as u64);
        record.exemplars.offer(seen.exemplar(parent));
    }
}

/// Returns how often two callees of one caller were called one right after the other, and how often at once, by caller and
/// callees, the smaller first. What was not looked at is not there.
pub(crate) fn side_by_side(graph: &Graph<'_>) -> BTreeMap<(u32, u32, u32), (u64, u64)> {
    let mut found: BTreeMap<(u32, u32, u32), (u64, u64)> = BTreeMap::new();
    let [pairs, places, _] = WATCHER.tables else {
        return found;
    };
    let (Some(pairs), Some(places)) = (graph.table(pairs), graph.table(places)) else {
        return found;
    };
    let caller_of: BTreeMap<u64, u32> = places
        .rows()
        .into_iter()
        .map(|(key, _)| (key.number, key.parts[0]))
        .collect();
    for (key, record) in pairs.rows() {
        let Some(&caller) = caller_of.get(&key.number) else {
            continue;
        };
        let nodes = [caller, key.parts[0], key.parts[2]].map(|node| graph.node_of_topology(node));
        if let [Some(caller), Some(one), Some(other)] = nodes {
            let sum = found
                .entry((caller, one.min(other), one.max(other)))
                .or_default();
            sum.0 = total([sum.0, record.sums[FORWARD], record.sums[BACKWARD]]);
            sum.1 = total([sum.1, record.sums[OVERLAPPED]]);
        }
    }
    found
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [pairs, places, loops] = WATCHER.tables else {
        return;
    };
    let (Some(pairs), Some(places), Some(loops)) =
        (graph.table(pairs), graph.table(places), graph.table(loops))
    else {
        let why = "no spans were looked at for calls one after the other: fold the traces again";
        measured.findings.push(Finding::unknown(
            SEQUENTIAL_CALLS.name,
            "sequential_calls",
            why,
        ));
        return;
    };
    let before = measured.findings.len();
    said_of_loops(graph, loops, measured);
    measured.metric("call_loops", (measured.findings.len() - before) as f64);
    let before = measured.findings.len();
    said_of_pairs(graph, pairs, places, measured);
    measured.metric(
        "sequential_calls",
        (measured.findings.len() - before) as f64,
    );
}

fn said_of_loops(graph: &Graph<'_>, loops: &Table, measured: &mut Measured) {
    let by_place = grouped(loops, |key| {
        let [caller, place, callee, operation] = key.parts;
        let names = (graph.name_of(caller), graph.name_of(callee));
        (names, graph.text(place), graph.text(operation))
    });
    for (((caller, callee), place, operation), record) in &by_place {
        let [n, calls, saved_ns, ..] = record.sums;
        let each = calls as f64 / n as f64;
        let spread = match (record.least, record.most) {
            (least, most) if least == most => format!("{most} each time"),
            (least, most) => format!("{least} to {most} times"),
        };
        measured.findings.push(Finding {
            value: each,
            unit: "calls",
            grade: Grade::Proved,
            count: n,
            of: n,
            exemplars: exemplars(record),
            text: format!(
                "{caller} {place} calls {callee} {operation} in a loop, {spread}, in {}: one call for all \
                 would save at most {} a time",
                text::plural(n, "request"),
                text::duration(saved_ns / n.max(1)),
            ),
            ..Finding::of(
                SEQUENTIAL_CALLS.name,
                "call_loops",
                Subject::Call((*caller).into(), (*callee).into(), (*operation).into()),
            )
        });
    }
}

fn said_of_pairs(graph: &Graph<'_>, pairs: &Table, places: &Table, measured: &mut Measured) {
    let place_of: BTreeMap<u64, (u32, NameId)> = places
        .rows()
        .into_iter()
        .map(|(key, _)| (key.number, (key.parts[0], key.parts[1])))
        .collect();
    for (key, record) in pairs.rows() {
        let [forward, backward, overlapped, saved_ns, ..] = record.sums;
        let n = total([forward, backward]);
        let Some(&(caller, place)) = place_of.get(&key.number) else {
            continue;
        };
        let free = overlapped > 0 || (forward > 0 && backward > 0);
        if n == 0 || (!free && n < CONSTANT_MIN) {
            continue;
        }
        let [low_to, low_name, high_to, high_name] = key.parts;
        let low = format!("{} {}", graph.name_of(low_to), graph.text(low_name));
        let high = format!("{} {}", graph.name_of(high_to), graph.text(high_name));
        let (first, second) = if forward >= backward {
            (low, high)
        } else {
            (high, low)
        };
        let why = match (overlapped, free) {
            (0, true) => "both orders were seen, so neither needs the other".to_owned(),
            (0, false) => "always in this order, so the later may need the earlier".to_owned(),
            (times, _) => format!(
                "{} they overlapped, so neither needs the other",
                text::plural(times, "time")
            ),
        };
        let each = saved_ns / n.max(1);
        let caller = graph.name_of(caller);
        let place = graph.text(place);
        let mut finding = Finding {
            value: each as f64 / 1e6,
            unit: "ms",
            grade: if free { Grade::Proved } else { Grade::Inferred },
            count: n,
            of: total([n, overlapped]),
            exemplars: exemplars(record),
            text: format!(
                "{caller} {place} calls {first}, then {second}, in {}; {why}; side by side would save at most {} a time",
                text::plural(n, "request"),
                text::duration(each),
            ),
            ..Finding::of(
                SEQUENTIAL_CALLS.name,
                "sequential_calls",
                Subject::Entry(caller.to_owned(), place.to_owned()),
            )
        };
        finding.id = format!("{}: {first}, {second}", finding.id);
        measured.findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::{Sibling, saved};
    use crate::pass::trace::tests::check;

    #[test]
    fn side_by_side_saves_all_but_the_longest() {
        let calls = [(10, 30), (30, 70), (75, 95)].map(|(start, end)| Sibling {
            parent: 0,
            start,
            end,
            client: 0,
            to: 0,
            operation: 0,
        });
        assert_eq!(saved(&calls), 40);
        assert_eq!(saved(&[]), 0);
        assert!(calls[0].is_followed_by(calls[1]));
        assert!(
            !calls[1].is_followed_by(calls[2]),
            "a pause of a quarter of the shorter"
        );
    }

    #[test]
    fn an_order_that_changes_needs_none() {
        check(
            "sequential-calls",
            "trace t1
             shop < GET /page       0..100
               shop > GET /cart    10..40  peer=cart
               shop > GET /ads     41..81  peer=ads
             trace t2
             shop < GET /page       0..100
               shop > GET /ads     10..40  peer=ads
               shop > GET /cart    40..80  peer=cart",
            "proved sequential_calls shop GET /page 30.000000: shop GET /page calls ads GET /ads, then cart GET /cart, in 2 requests; \
             both orders were seen, so neither needs the other; side by side would save at most 30 ms a time",
        );
    }

    #[test]
    fn an_order_seen_twice_says_nothing() {
        check(
            "sequential-calls",
            "trace t1
             shop < GET /page       0..100
               shop > GET /cart    10..40  peer=cart
               shop > GET /ads     41..81  peer=ads
             trace t2
             shop < GET /page       0..100
               shop > GET /cart    10..40  peer=cart
               shop > GET /ads     41..81  peer=ads",
            "",
        );
    }

    #[test]
    fn calls_for_one_item_after_the_other_need_not_be_independent() {
        // The stock of each item may need its price, whatever the next item does.
        check(
            "sequential-calls",
            "shop < GET /page        0..100
               shop > GET /price    0..10  peer=price
               shop > GET /stock   10..20  peer=stock
               shop > GET /price   20..30  peer=price
               shop > GET /stock   30..40  peer=stock",
            "",
        );
        check(
            "sequential-calls",
            "trace t1
             shop < GET /page        0..40
               shop > GET /price    0..10  peer=price
               shop > GET /price    1..13  peer=price
               shop > GET /stock   10..20  peer=stock
               shop > GET /stock   13..23  peer=stock
             trace t2
             shop < GET /page        0..40
               shop > GET /price    0..10  peer=price
               shop > GET /stock   10..20  peer=stock",
            "",
        );
    }

    #[test]
    fn the_same_query_again_and_again_is_a_loop() {
        let query = |n: usize| {
            format!(
                "\n  shop > SELECT items {}..{} db=postgresql/shop",
                n * 10,
                n * 10 + 9
            )
        };
        let page = |queries: usize| {
            let queries: String = (1..=queries).map(query).collect();
            format!("shop < GET /page 0..100{queries}")
        };
        check("sequential-calls", &page(4), "");
        check(
            "sequential-calls",
            &page(6),
            "proved call_loops shop->postgresql/shop SELECT items 6.000000: shop GET /page calls postgresql/shop SELECT items in a loop, \
             6 each time, in 1 request: one call for all would save at most 45 ms a time",
        );
    }
}
