//! Which failures came first, without any clock that two hosts would have to share.
//!
//! Where failures of one request began in several services, those of one service came *first* if one of them had ended before one of
//! the other's began, and none the other way around (see [`order`]). Over all requests with both, one service
//! goes *before* another if its failures came first in more than half of them, beyond chance: by the sign test, corrected for all pairs
//! that are looked at (Benjamini-Hochberg).
//!
//! First in time is not the cause: that is left to who reads. Left out on purpose: all but the first [`ORIGINS_MAX`] origins of a
//! request.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::algo::stats::{benjamini_hochberg, sign_test};
use crate::finding::{Finding, Subject};
use crate::fold::Seen;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::pass::Graph;
use crate::text;
use crate::trace::order::{self, Order, has_messages};

/// By two services, the one with the smaller rank first: requests in which failures of both began.
pub(super) const TABLE: TableOf = TableOf {
    name: "origins-order",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Plain, Part::Plain],
        bin: 0,
        limit: 20_000,
        group: 0,
    },
};

/// Requests in which failures of the first came first, those in which failures of the second did, and all of them.
const FIRST: usize = 0;
const SECOND: usize = 1;
const ALL: usize = 2;

/// Requests with both that are enough to look at: fewer could not tell.
const ENOUGH: u64 = 5;

/// Share of the pairs told that may be told by chance.
const FALSE_ALARMS: f64 = 0.05;

/// Most origins of one request that are compared with each other.
const ORIGINS_MAX: usize = 16;

/// Finds the order of the origins of a trace; its space is used again from trace to trace.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    order: Order,
    /// Lamport's number of the end of an origin, or zero if nothing can have come before anything; the origin, and its node.
    origins: Vec<(u32, u32, u32)>,
    /// Nodes of which the first came first, and all pairs, the smaller number first.
    firsts: Vec<(u32, u32)>,
    pairs: Vec<(u32, u32)>,
}

impl Sequence {
    /// Adds the order of the origins of a trace: each a span and its node.
    pub(super) fn observe(
        &mut self,
        seen: &Seen<'_>,
        origins: impl Iterator<Item = (u32, u32)> + Clone,
        table: &mut Table,
    ) {
        let mut nodes = origins.clone().map(|(_, node)| node);
        let Some(first) = nodes.next() else {
            return;
        };
        if nodes.all(|node| node == first) {
            return;
        }
        self.origins.clear();
        self.origins
            .extend(origins.map(|(span, node)| (0, span, node)));
        // Of many origins the order says which are the first.
        let is_open = self.origins.len() > ORIGINS_MAX || has_messages(&seen.trace, &seen.linked);
        if is_open || self.may_be_ordered(seen) {
            self.order.read(&seen.trace, &seen.linked);
            let ranks = self.order.ranks();
            for (rank, span, _) in &mut self.origins {
                *rank = ranks[order::end(*span) as usize];
            }
        }
        self.origins.sort_unstable();
        self.origins.truncate(ORIGINS_MAX);
        // What happened before something else has the smaller number.
        self.firsts.clear();
        self.pairs.clear();
        for (at, &(rank, one, a)) in self.origins.iter().enumerate() {
            let others = self.origins[at + 1..].iter().filter(|(.., b)| *b != a);
            for &(later, other, b) in others {
                self.pairs.push((a.min(b), a.max(b)));
                if rank < later && self.order.ends_before(one, other) {
                    self.firsts.push((a, b));
                }
            }
        }
        self.pairs.sort_unstable();
        self.pairs.dedup();
        for &(a, b) in &self.pairs {
            let (a, b) = match seen.catalogue.rank(a) <= seen.catalogue.rank(b) {
                true => (a, b),
                false => (b, a),
            };
            let record = table.at(seen.catalogue, [a, b, 0, 0], 0);
            record.add(ALL, 1);
            match [(a, b), (b, a)].map(|pair| self.firsts.contains(&pair)) {
                [true, false] => record.add(FIRST, 1),
                [false, true] => record.add(SECOND, 1),
                _ => {}
            }
        }
    }

    /// Returns whether one of the origins may have ended before another began: few have.
    fn may_be_ordered(&mut self, seen: &Seen<'_>) -> bool {
        let (origins, order) = (&self.origins, &mut self.order);
        origins.iter().any(|&(_, one, a)| {
            let mut others = origins.iter().filter(|(.., b)| *b != a);
            others.any(|&(_, other, _)| order.may_end_before(&seen.trace, one, other))
        })
    }
}

/// Two services, and in how many of the requests with failures that began in both those of the first came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before<'a> {
    pub(super) first: &'a str,
    pub(super) second: &'a str,
    pub(super) count: u64,
    pub(super) of: u64,
}

/// Returns which services go before which, beyond chance.
pub(super) fn read<'a>(graph: &Graph<'a>) -> Vec<Before<'a>> {
    // Several nodes of the topology may be one of the graph.
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    let rows = graph.table(&TABLE).into_iter().flat_map(Table::rows);
    for (key, record) in rows {
        let [a, b] = [key.parts[0], key.parts[1]].map(|node| graph.name_of(node));
        let [first, second, all] = [FIRST, SECOND, ALL].map(|sum| record.sums[sum]);
        for (pair, count) in [((a, b), first), ((b, a), second)] {
            let sum = sums.entry(pair).or_default();
            *sum = (sum.0.saturating_add(count), sum.1.saturating_add(all));
        }
    }
    let pairs = sums
        .into_iter()
        .filter(|((first, second), (_, of))| first != second && *of >= ENOUGH);
    let pairs: Vec<Before<'_>> = pairs
        .map(|((first, second), (count, of))| Before {
            first,
            second,
            count,
            of,
        })
        .collect();
    let chances: Vec<f64> = pairs
        .iter()
        .map(|pair| sign_test(pair.count, pair.of))
        .collect();
    let adjusted = benjamini_hochberg(&chances);
    let told = pairs.into_iter().zip(adjusted);
    let told = told.filter(|(_, chance)| *chance <= FALSE_ALARMS);
    told.map(|(pair, _)| pair).collect()
}

/// Puts findings, the dearest first, into the order of their services: none stands above one that goes before it, as far as that can be;
/// and says of each after which, or else before which, it comes.
pub(super) fn arrange(findings: &mut Vec<Finding>, befores: &[Before<'_>]) {
    if befores.is_empty() {
        return;
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, finding) in findings.iter().enumerate() {
        if let Subject::Service(name) = &finding.subject {
            places.insert(name, place);
        }
    }
    let place = |name: &str| places.get(name).copied();
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); findings.len()];
    let mut n_above = vec![0usize; findings.len()];
    let mut said: Vec<[Option<Before<'_>>; 2]> = vec![[None; 2]; findings.len()];
    for before in befores {
        let (Some(first), Some(second)) = (place(before.first), place(before.second)) else {
            continue;
        };
        below[first].push(second);
        n_above[second] += 1;
        // Said is what the most requests tell.
        for (of, side) in [(second, 0), (first, 1)] {
            let known = &mut said[of][side];
            if known.is_none_or(|known| known.of < before.of) {
                *known = Some(*before);
            }
        }
    }
    let mut waiting: BTreeSet<usize> = (0..findings.len()).collect();
    let free = waiting.iter().copied().filter(|at| n_above[*at] == 0);
    let mut free: BTreeSet<usize> = free.collect();
    let mut arranged: Vec<usize> = Vec::with_capacity(findings.len());
    // Of services that go before each other in a circle the dearest is the first.
    while let Some(next) = free.pop_first().or_else(|| waiting.first().copied()) {
        waiting.remove(&next);
        arranged.push(next);
        for &second in below[next].iter().filter(|at| waiting.contains(at)) {
            n_above[second] -= 1;
            if n_above[second] == 0 {
                free.insert(second);
            }
        }
    }
    let texts: Vec<String> = said.iter().map(sentence).collect();
    let mut left: Vec<Option<Finding>> = findings.drain(..).map(Some).collect();
    findings.extend(arranged.into_iter().filter_map(|at| {
        let mut finding = left[at].take()?;
        finding.text.push_str(&texts[at]);
        Some(finding)
    }));
}

/// Says after which others the failures of a service came, or else before which.
fn sentence(said: &[Option<Before<'_>>; 2]) -> String {
    let (word, other, of) = match said {
        [Some(of), _] => ("after", of.first, of),
        [None, Some(of)] => ("before", of.second, of),
        [None, None] => return String::new(),
    };
    format!(
        "; {word} those of {other} in {} of {} with both",
        text::count(of.count),
        text::plural(of.of, "request"),
    )
}
