//! How requests are added to the table: what their spans took, and what of them could not be told.

use crate::fold::Seen;
use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Kind};
use crate::pass::trace::add_square;
use crate::pass::trace::critical_path::{
    AT_ONCE, BUCKET_BITS, CLAMPED, COUNT, SAVED, SEEN, SET_RIGHT, SHORT, SQUARES, TIME, bucket,
    mark,
};
use crate::trace::link::{Class, End};
use crate::trace::path::set_right;

/// Adds the requests of traces.
pub(super) fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let mut spans = Vec::with_capacity(TOGETHER);
    let mut requests = Vec::new();
    for seen in traces {
        for &(entry, _) in seen.linked.entries {
            let node = seen.node(entry);
            let whole = seen.path.total[entry as usize];
            if node == USERS || whole == 0 || seen.row(entry).flags.has(Flags::HEALTH) {
                continue;
            }
            requests.push(Request::of(seen, entry, table, &mut spans));
            if spans.len() >= TOGETHER {
                add_spans(seen.catalogue, &mut spans, table);
            }
        }
    }
    let Some(Seen { catalogue, .. }) = traces.first() else {
        return;
    };
    add_spans(catalogue, &mut spans, table);
    let key = |request: &Request<'_>| Some((request.parts, request.bucket));
    table.for_each(catalogue, &requests, key, |request, record| {
        request.add_to(record);
    });
}

/// Spans that are added at a time, about: they stay in a cache meanwhile.
const TOGETHER: usize = 1 << 10;

/// A span of a request that takes much of its time.
struct Told {
    parts: [u32; 4],
    number: u64,
    /// The time of the path in it, and what would be saved without it.
    of: (u64, u64),
    /// How many the request stands for.
    times: u64,
}

/// Adds spans, and lets them go.
fn add_spans(catalogue: &Catalogue, spans: &mut Vec<Told>, table: &mut Table) {
    let key = |span: &Told| Some((span.parts, span.number));
    table.for_each(catalogue, spans, key, |span, record| {
        add_span(record, span.of, span.times);
    });
    spans.clear();
}

/// A request as a whole.
struct Request<'a> {
    seen: &'a Seen<'a>,
    entry: u32,
    parts: [u32; 4],
    bucket: u64,
    /// How many it stands for.
    times: u64,
    /// The time of spans too short to be told.
    short: u64,
    /// How much was cut off.
    clamped: u64,
    at_once: u64,
}

impl<'a> Request<'a> {
    /// Looks at the spans of a request; those that take much of its time go to `spans`, or into the table at once when it lets
    /// them go.
    fn of(seen: &'a Seen<'a>, entry: u32, table: &mut Table, spans: &mut Vec<Told>) -> Request<'a> {
        let whole = seen.path.total[entry as usize];
        let [node, operation] = [seen.node(entry), seen.row(entry).operation];
        let parts = [node, operation, USERS, ABSENT];
        let mut request = Request {
            seen,
            entry,
            parts,
            bucket: bucket(whole),
            // A sampled request stands for so many.
            times: (seen.weight(entry) >> 20).max(1),
            short: 0,
            clamped: 0,
            at_once: 0,
        };
        let times = request.times;
        // Most requests of a system with many entry points may be let go; then nothing has to be found for each span.
        let mut rest = table.let_go(seen.catalogue, parts);
        for &span in seen.below(entry) {
            if seen.path.total[span as usize] == 0 {
                continue;
            }
            let (cut, calls) = waits_of(seen, span);
            request.clamped = request.clamped.saturating_add(cut);
            request.at_once = request.at_once.max(calls);
            let of = (seen.path.own[span as usize], seen.path.saved[span as usize]);
            if of.0 < whole >> 10 {
                request.short += of.0;
            } else if let Some(rest) = &mut rest {
                add_span(rest, of, times);
            } else {
                spans.push(Told {
                    parts: [node, operation, seen.node(span), seen.row(span).operation],
                    number: callee_mark(seen, span) << BUCKET_BITS | request.bucket,
                    of,
                    times,
                });
            }
        }
        request
    }

    fn add_to(&self, record: &mut Record) {
        let (seen, times) = (self.seen, self.times);
        let whole = seen.path.total[self.entry as usize];
        record.add(COUNT, times);
        record.add(SEEN, 1);
        record.add(TIME, whole.saturating_mul(times));
        record.add(SHORT, self.short.saturating_mul(times));
        record.add(AT_ONCE, self.at_once.saturating_mul(times));
        record.add(CLAMPED, times * u64::from(self.clamped > whole / 20));
        let is_off = |span: &u32| seen.path.ahead(*span) != 0;
        let is_set_right = seen.path.is_set_right() && seen.below(self.entry).iter().any(is_off);
        record.add(SET_RIGHT, times * u64::from(is_set_right));
        record.offer(self.at_once);
        record.exemplars.offer(seen.exemplar(self.entry));
    }
}

/// Adds the time of a span, and what would be saved without it.
#[inline]
fn add_span(record: &mut Record, (own, saved): (u64, u64), times: u64) {
    record.add(COUNT, times);
    record.add(TIME, own.saturating_mul(times));
    record.add(SAVED, saved.saturating_mul(times));
    add_square(record, SQUARES, own, times);
}

/// Returns a mark of whom a span calls; zero for a span that works by itself.
fn callee_mark(seen: &Seen<'_>, span: u32) -> u64 {
    let children = seen.trace.children(span);
    let services = seen.linked.services;
    let class = seen.linked.classes[span as usize];
    let kind = seen.row(span).flags.kind();
    // Without kinds, a span whose only child is remote is the caller's side of the call.
    let is_call = class == Class::EdgeClient
        || (class == Class::Folded && kind == Kind::Client)
        || (kind == Kind::Unspecified && children.len() == 1);
    let callee = if class == Class::VirtualPeer {
        Some(seen.end(End::Peer(seen.row(span).detail)))
    } else if is_call {
        let mut children = children.iter();
        let answer = children.find(|&&child| services[child as usize] != services[span as usize]);
        answer.map(|&child| seen.node(child))
    } else {
        None
    };
    callee.map_or(0, |node| mark(seen.catalogue, node))
}

/// Returns how much of the children a span waits for lies outside of it, and of several children the largest number of calls
/// that all began before the first of them ended; children come by start.
fn waits_of(seen: &Seen<'_>, span: u32) -> (u64, u64) {
    let children = seen.trace.children(span);
    if children.is_empty() {
        return (0, 0);
    }
    let times_of = |span: u32| {
        let ahead = seen.path.ahead(span);
        let (start, end) = seen.times(span)?;
        Some((set_right(start, ahead), set_right(end, ahead)))
    };
    let of_span = times_of(span);
    let mut outside = 0u64;
    let (mut most, mut together, mut first_end) = (0, 0, 0);
    for &child in children {
        let times = times_of(child);
        let Some((start, end)) = times.filter(|_| seen.linked.waits[child as usize]) else {
            continue;
        };
        if let Some((from, to)) = of_span {
            let inside = end.min(to).saturating_sub(start.max(from));
            outside = outside.saturating_add((end - start) - inside);
        }
        if seen.row(child).flags.kind() != Kind::Client {
            continue;
        }
        if start < first_end {
            together += 1;
            first_end = first_end.min(end);
        } else {
            (together, first_end) = (1, end);
        }
        most = most.max(together);
    }
    let is_alone = children.len() == 1;
    (outside, if is_alone { 0 } else { most })
}
