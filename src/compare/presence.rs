//! What only one side has: added or removed, or just not seen.
//!
//! An edge that one side does not show is gone only if that side saw its caller at work often enough. If its calls came as often
//! with every work of the caller on both sides, the chance that all traces with it fell on the other side is binomial; below what
//! the confidence leaves, the edge was added or removed. Entry points are held against all requests. A service is what
//! its edges and entry points are. How many edges both sides show is compared at the number of traces of the smaller one. A lock lists everything that is approved: what it lacks is added or removed.

use std::collections::BTreeMap;

use crate::algo::differences::p_absent;
use crate::algo::rarefaction;
use crate::algo::stats::benjamini_hochberg;
use crate::compare::numbers::Judging;
use crate::compare::side::Side;
use crate::report::diff::{AsMany, Holds, Presence, State, Thing};

/// Something one side has, before it is judged.
struct Found {
    what: Thing,
    is_new: bool,
    seen: Option<f64>,
    expected: Option<f64>,
    /// The chance that the other side does not show it though nothing changed.
    p: f64,
}

/// Returns what only one side has: services, edges, entry points, each by name.
pub(super) fn presence(base: &Side, head: &Side, judging: Judging) -> Vec<Presence> {
    let mut found = only(base, head, false);
    found.extend(only(head, base, true));
    found.sort_by(|a, b| (&a.what, a.is_new).cmp(&(&b.what, b.is_new)));
    let chances: Vec<f64> = found.iter().map(|found| found.p).collect();
    let adjusted = benjamini_hochberg(&chances);
    let sure: Vec<bool> = adjusted
        .iter()
        .map(|q| *q <= 1.0 - judging.confidence)
        .collect();
    let mut presence = services(base, head, &found, &sure);
    presence.extend(found.into_iter().zip(sure).map(|(found, sure)| Presence {
        p_unseen: found.p_unseen(),
        what: found.what,
        state: state(found.is_new, sure),
        seen: found.seen,
        expected: found.expected,
    }));
    presence
}

impl Found {
    /// Returns the chance that the other side does not show it, if it was counted.
    fn p_unseen(&self) -> Option<f64> {
        self.expected.map(|_| self.p)
    }
}

fn state(is_new: bool, sure: bool) -> State {
    match (is_new, sure) {
        (true, true) => State::Added,
        (true, false) => State::NotSeenBefore,
        (false, true) => State::Removed,
        (false, false) => State::NotSeenNow,
    }
}

/// Returns the edges and entry points that the first side alone has.
fn only(has: &Side, lacks: &Side, is_new: bool) -> Vec<Found> {
    let work = [has, lacks].map(Side::work);
    let edges = has
        .edges
        .iter()
        .filter(|(id, edge)| !edge.of_users && !lacks.edges.contains_key(*id));
    let mut found: Vec<Found> = edges
        .map(|((from, to, protocol, sync), edge)| {
            let worked = |of: &BTreeMap<&str, f64>| of.get(from.as_str()).copied().unwrap_or(0.0);
            let work = [worked(&work[0]), worked(&work[1])];
            Found {
                what: Thing::Edge(from.clone(), to.clone(), protocol, *sync),
                ..judged([has, lacks], is_new, edge.calls, edge.traces, work)
            }
        })
        .collect();
    let has_entries = [has, lacks].map(|side| side.row.holds < Holds::Lock);
    if has_entries == [true, true] {
        let entries = has.entries.iter();
        let entries = entries.filter(|(id, _)| !lacks.entries.contains_key(*id));
        found.extend(entries.map(|((service, operation, kind), entry)| Found {
            what: Thing::Entry(service.clone(), operation.clone(), kind),
            ..judged(
                [has, lacks],
                is_new,
                entry.requests,
                entry.seen,
                [has.row.requests, lacks.row.requests],
            )
        }));
    }
    found
}

/// Returns the chance that a side lacks something that came so often, with the work there was on both sides.
fn judged(
    [has, lacks]: [&Side; 2],
    is_new: bool,
    seen: f64,
    events: f64,
    [here, there]: [f64; 2],
) -> Found {
    let what = Thing::Service(String::new());
    let is_counted = has.row.holds < Holds::Lock;
    let seen = is_counted.then_some(seen);
    if lacks.row.holds == Holds::Lock {
        return Found {
            what,
            is_new,
            seen,
            expected: None,
            p: 0.0,
        };
    }
    if !is_counted || here <= 0.0 {
        return Found {
            what,
            is_new,
            seen,
            expected: None,
            p: 1.0,
        };
    }
    Found {
        what,
        is_new,
        expected: seen.map(|seen| seen * there / here),
        seen,
        p: p_absent(events, there / (here + there)),
    }
}

/// Returns how many edges both sides show in as many traces: of the side with more traces, how many are expected in so few of them.
pub(super) fn as_many(base: &Side, head: &Side) -> Option<AsMany> {
    let counted = [base, head]
        .iter()
        .all(|side| side.row.holds < Holds::Lock && side.row.traces > 0);
    let traces = base.row.traces.min(head.row.traces);
    if !counted || base.row.traces == head.row.traces {
        return None;
    }
    let edges = |side: &Side| {
        let edges = side.edges.values().filter(|edge| !edge.of_users);
        let with = edges.map(|edge| (edge.traces.round() as u64).max(1));
        rarefaction::expected(side.row.traces, with, traces)
    };
    Some(AsMany {
        traces,
        base: edges(base),
        head: edges(head),
    })
}

/// Returns the services that only one side has, as sure as the surest of their edges and entry points is.
fn services(base: &Side, head: &Side, found: &[Found], sure: &[bool]) -> Vec<Presence> {
    let mut shown: BTreeMap<(&str, bool), Vec<(&Found, bool)>> = BTreeMap::new();
    for (found, sure) in found.iter().zip(sure) {
        let name = match &found.what {
            Thing::Edge(_, name, _, _) | Thing::Entry(name, _, _) | Thing::Service(name) => name,
        };
        let of = shown.entry((name, found.is_new)).or_default();
        of.push((found, *sure));
    }
    let only = |has: &Side, lacks: &Side, is_new: bool| -> Vec<Presence> {
        let names = has.nodes.difference(&lacks.nodes);
        let presence = names.map(|name| {
            let shown = shown.get(&(name.as_str(), is_new));
            let shown = shown.map(Vec::as_slice).unwrap_or_default();
            let is_sure = lacks.row.holds == Holds::Lock || shown.iter().any(|(_, sure)| *sure);
            let sum = |number: fn(&Found) -> Option<f64>| {
                let mut numbers = shown.iter().map(|(found, _)| number(found)).peekable();
                numbers.peek()?;
                numbers.sum::<Option<f64>>()
            };
            Presence {
                what: Thing::Service(name.clone()),
                state: state(is_new, is_sure),
                seen: sum(|found| found.seen),
                expected: sum(|found| found.expected),
                // Not to see it takes as much luck as not to see that of its edges and entry points which is most telling.
                p_unseen: shown
                    .iter()
                    .filter_map(|(found, _)| found.p_unseen())
                    .min_by(f64::total_cmp),
            }
        });
        presence.collect()
    };
    let mut services = only(base, head, false);
    services.extend(only(head, base, true));
    services.sort_by(|a, b| a.what.cmp(&b.what));
    services
}
