//! Where failures begin, and how far they came: the chains that really happened.
//!
//! - *Origin*: a failed span below which nothing failed. A failed CLIENT span that nobody answered accuses who was called:
//!   a service that is down emits no span and is found through its callers. So does one whose SERVER did not fail: the
//!   answer was lost or late on the way.
//! - *Chain*: the services from the origin upwards whose work failed too, one after another, until the entry point, or until
//!   one did not fail: it did without the answer, or got it from a further attempt.
//!
//! Failures do not pass from whoever takes a message to who sent it, nor from an attempt that was repeated: what fails above
//! those has begun above them. Each chain counts once per trace.
//!
//! Origins of one request are put in the order in which they happened: see [`sequence`].
//!
//! Left out on purpose: what caused the first failure. Hops in the middle of chains longer than [`MAX_HOPS`].

mod sequence;

use std::collections::BTreeMap;

use crate::finding::{Chain, Finding, Grade, Hop, Start, Stop, Subject};
use crate::fold::catalogue::Catalogue;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::watch::NESTED;
use crate::fold::{Look, Seen, Watcher};
use crate::model::dictionary::Weight;
use crate::model::id::mix;
use crate::model::names::ABSENT;
use crate::model::span::Kind;
use crate::pass::trace::origins::sequence::Sequence;
use crate::pass::trace::{exemplars, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::{Call, EntryKind};

/// Finds where failures begin.
pub static ORIGINS: Pass = Pass {
    name: "origins",
    about: "where failures begin, and the chains along which they rise",
    explain: "origins",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By chain: a hash of it, and by hop the service, the operation at both ends, and at the origin the error; the
        // number has the rest of the hash above the place of the hop.
        TableOf {
            name: "origins",
            layout: Layout {
                parts: [Part::Plain, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 20_000,
                group: 1,
            },
        },
        // By origin and entry point: failed requests.
        TableOf {
            name: "origins-entries",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Plain],
                bin: 0,
                limit: 50_000,
                group: 0,
            },
        },
        sequence::TABLE,
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Traces in which the chain happened, and their weight; of an entry point, failed requests and theirs.
const SEEN: usize = 0;
const WEIGHT: usize = 1;

/// Most hops of a chain that are kept.
pub const MAX_HOPS: usize = 24;

/// As many hops as most chains have.
const FEW_HOPS: usize = 8;

/// Bits of the number that hold the place of a hop and the end of the chain.
const PLACE_BITS: u32 = 16;

/// One chain of one trace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Climb {
    hops: Vec<(u32, u32)>,
    error: u32,
    start: Start,
    stop: Stop,
    /// The span where it began, and the entry point it reached.
    span: u32,
    entry: Option<(u32, EntryKind)>,
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([chains, entries, order], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut spans = Spans::default();
    let mut climbs: Vec<Climb> = Vec::new();
    let mut hops: Vec<Climbed<'_>> = Vec::new();
    let mut lost: Vec<Lost> = Vec::new();
    let mut sequence = Sequence::default();
    let is_same = |a: &Climb, b: &Climb| {
        (&a.hops, a.error, a.start, a.stop) == (&b.hops, b.error, b.start, b.stop)
    };
    let failed = (0..).zip(traces).filter(|(_, seen)| seen.signs.failed);
    for (trace, seen) in failed {
        climbs.clear();
        spans.find(seen, &mut climbs);
        climbs.sort_unstable();
        let origins = climbs.iter().map(|climb| (climb.span, climb.hops[0].0));
        sequence.observe(seen, origins, order);
        for (at, climb) in climbs.iter().enumerate() {
            if let (Stop::Entry, Some((entry, kind))) = (climb.stop, climb.entry) {
                lost.push(Lost {
                    trace,
                    entry,
                    kind,
                    origin: climb.hops[0].0,
                });
            }
            if at == 0 || !is_same(&climbs[at - 1], climb) {
                add_chain(seen, climb, &mut hops);
            }
        }
    }
    let key = |hop: &Climbed<'_>| Some((hop.parts, hop.number));
    chains.for_each(any.catalogue, &hops, key, |hop, record| {
        record.add(SEEN, 1);
        record.add(WEIGHT, hop.seen.weight(hop.origin));
        if hop.is_first {
            record.exemplars.offer(hop.seen.exemplar(hop.origin));
        }
    });
    // Several spans of one node may have failed one request.
    lost.sort_unstable();
    lost.dedup();
    let key = |lost: &Lost| {
        let seen = &traces[lost.trace];
        let operation = seen.row(lost.entry).operation;
        let parts = [lost.origin, seen.node(lost.entry), operation];
        Some(([parts[0], parts[1], parts[2], lost.kind as u32], 0))
    };
    entries.for_each(any.catalogue, &lost, key, |lost, record| {
        record.add(SEEN, 1);
        record.add(WEIGHT, traces[lost.trace].weight(lost.entry));
    });
}

/// A failed request and a node where that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lost {
    /// The number of the trace among those that are looked at.
    trace: usize,
    entry: u32,
    kind: EntryKind,
    origin: u32,
}

/// A hop of a chain, with its key.
#[derive(Clone, Copy, Debug)]
struct Climbed<'a> {
    seen: &'a Seen<'a>,
    parts: [u32; 4],
    number: u64,
    /// The span where the chain began.
    origin: u32,
    is_first: bool,
}

fn add_chain<'a>(seen: &'a Seen<'a>, climb: &Climb, hops: &mut Vec<Climbed<'a>>) {
    let hash = hash(seen.catalogue, climb);
    let rest = (hash >> 32) << PLACE_BITS;
    let ends = (climb.start as u64) << 11 | (climb.stop as u64) << 8;
    let places = (0u64..).zip(&climb.hops);
    hops.extend(places.map(|(place, &(node, operation))| {
        let error = if place == 0 { climb.error } else { ABSENT };
        Climbed {
            seen,
            parts: [hash as u32, node, operation, error],
            number: rest | ends | place,
            origin: climb.span,
            is_first: place == 0,
        }
    }));
}

/// Returns a hash of a chain that is the same for every catalogue.
fn hash(catalogue: &Catalogue, climb: &Climb) -> u64 {
    let ends = (climb.start as u64) << 8 | climb.stop as u64;
    let head = mix(catalogue.text_rank(climb.error) ^ ends);
    climb.hops.iter().fold(head, |hash, &(node, operation)| {
        let word = catalogue.rank(node) ^ catalogue.text_rank(operation).rotate_left(1);
        mix(hash.rotate_left(7) ^ word)
    })
}

/// What there is to know of the spans of a trace; space is used again from trace to trace.
#[derive(Debug, Default)]
struct Spans<'a> {
    failed: Vec<bool>,
    /// The call that each failed calling span makes.
    made: Vec<Option<&'a Call>>,
    /// Whether something failed below that reached the span.
    has_failed_below: Vec<bool>,
}

impl<'a> Spans<'a> {
    /// Finds the chains of a trace in which something failed.
    fn find(&mut self, seen: &Seen<'a>, climbs: &mut Vec<Climb>) {
        let trace = &seen.trace;
        let n = trace.spans.len();
        let failed = trace.spans.iter().map(|row| row.flags.outcome().failed());
        self.failed.clear();
        self.failed.extend(failed);
        self.made.clear();
        self.made.resize(n, None);
        for call in seen.linked.calls.iter().filter(|call| !call.direct) {
            if call.client != NONE && self.failed[call.client as usize] {
                let known = &mut self.made[call.client as usize];
                // Of several servers below one client, the last tells how it ended.
                if known.is_none_or(|known| !known.last) {
                    *known = Some(call);
                }
            }
        }
        self.has_failed_below.clear();
        self.has_failed_below.resize(n, false);
        for &span in trace.order.iter().rev() {
            let i = span as usize;
            let has_failed = self.failed[i] || self.has_failed_below[i];
            if has_failed && seen.linked.waits[i] && !self.is_retried(span) {
                let parent = trace.parents[i];
                if parent != NONE {
                    self.has_failed_below[parent as usize] = true;
                }
            }
        }
        let is_origin = |span: u32| {
            let i = span as usize;
            self.failed[i] && !self.has_failed_below[i]
        };
        let origins = trace.order.iter().copied().filter(|span| is_origin(*span));
        climbs.extend(origins.map(|span| self.climb(seen, span)));
    }

    /// Returns whether a span is a failed attempt that was repeated.
    fn is_retried(&self, span: u32) -> bool {
        self.made[span as usize].is_some_and(|call| call.sync && !call.last)
    }

    /// Follows a failure upwards.
    fn climb(&self, seen: &Seen<'_>, origin: u32) -> Climb {
        let operation = seen.row(origin).operation;
        let own = seen.node(origin);
        let mut hops: Vec<(u32, u32)> = Vec::with_capacity(FEW_HOPS);
        let start = match self.made[origin as usize] {
            None => Start::Inside,
            Some(call) => {
                hops.push((seen.end(call.to), operation));
                match call.server {
                    NONE => Start::Silent,
                    _ => Start::OnTheWay,
                }
            }
        };
        if hops.is_empty() {
            hops.push((own, operation));
        }
        let mut climb = Climb {
            hops,
            error: seen.detail(origin).error,
            start,
            stop: Stop::Lost,
            span: origin,
            entry: None,
        };
        let services = seen.linked.services;
        let mut at = origin;
        for _ in 0..NESTED {
            let parent = seen.trace.parents[at as usize];
            if self.is_retried(at) {
                climb.stop = Stop::Retried;
                climb.push(seen.node(at));
                return climb;
            }
            if !seen.linked.waits[at as usize] && parent != NONE {
                climb.stop = Stop::Nobody;
                return climb;
            }
            // The topmost span of the work of a service says whether that failed.
            let is_top = parent == NONE || services[parent as usize] != services[at as usize];
            let is_called = is_top || is_answering(seen, at);
            if is_called {
                climb.push(seen.node(at));
                if !self.failed[at as usize] {
                    climb.stop = Stop::Absorbed;
                    return climb;
                }
            }
            if parent == NONE {
                if let Some((entry, kind)) = seen.entry(at) {
                    climb.stop = Stop::Entry;
                    climb.entry = Some((entry, kind));
                    climb.end_at(seen.row(entry).operation);
                }
                return climb;
            }
            at = parent;
        }
        climb
    }
}

/// Returns whether a span answers a call, also one of its own service.
fn is_answering(seen: &Seen<'_>, span: u32) -> bool {
    matches!(seen.row(span).flags.kind(), Kind::Server | Kind::Consumer)
}

impl Climb {
    /// Adds a service above the last, unless it is the same.
    fn push(&mut self, node: u32) {
        if self.hops.last().is_some_and(|(last, _)| *last == node) {
            return;
        }
        if self.hops.len() == MAX_HOPS {
            self.hops.pop();
        }
        self.hops.push((node, ABSENT));
    }

    /// Gives the last hop, if it is not the first, its operation.
    fn end_at(&mut self, operation: u32) {
        if let [_, .., last] = &mut self.hops[..] {
            last.1 = operation;
        }
    }
}

/// Returns how much the failed requests that had their origin at each node count; none when no traces were looked at.
pub(in crate::pass) fn observed(graph: &Graph<'_>) -> Option<BTreeMap<u32, f64>> {
    let entries = graph.table(&WATCHER.tables[1])?;
    let mut by_node: BTreeMap<u32, u64> = BTreeMap::new();
    for (key, record) in entries.rows() {
        if let Some(node) = graph.node_of_topology(key.parts[0]) {
            let vertex = graph.system.vertex_of[key.parts[1] as usize];
            let operation = graph.text(key.parts[2]);
            let weight = record.sums[WEIGHT];
            let counted = graph
                .importance
                .weigh(&graph.declared, vertex, operation, weight);
            let sum = by_node.entry(node).or_default();
            *sum = sum.saturating_add(counted);
        }
    }
    let value = |(node, units)| (node, Weight(units).value());
    Some(by_node.into_iter().map(value).collect())
}

/// Returns how many failed requests of each entry point, by service, operation and kind, had an origin of each name; none when
/// no traces were looked at.
pub(in crate::pass) fn by_entry(
    graph: &Graph<'_>,
) -> Option<BTreeMap<(String, String, EntryKind, String), f64>> {
    let entries = graph.table(&WATCHER.tables[1])?;
    let named = |node: u32| graph.name_of(node).to_owned();
    let mut failed = BTreeMap::new();
    for (key, record) in entries.rows() {
        let [origin, entry, operation, kind] = key.parts;
        let mut kinds = EntryKind::ALL.into_iter();
        let Some(kind) = kinds.find(|known| *known as u32 == kind) else {
            continue;
        };
        let of = (
            named(entry),
            graph.text(operation).to_owned(),
            kind,
            named(origin),
        );
        *failed.entry(of).or_default() += Weight(record.sums[WEIGHT]).value();
    }
    Some(failed)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [chains, ..] = WATCHER.tables else {
        return;
    };
    let Some(chains) = graph.table(chains) else {
        let why = "no spans were looked at for where failures begin: fold the traces again";
        let untold = Finding::unknown(ORIGINS.name, "origin_failures", why);
        measured.findings.push(untold);
        return;
    };
    let found = read(graph, chains);
    if let Some(other) = chains.other() {
        measured.notes.push(format!(
            "there are more kinds of chains of failures than can be remembered: {} are not shown",
            text::count(other.sums[SEEN])
        ));
    }
    let lost = found.iter().filter(|chain| chain.stop == Stop::Entry);
    measured.metric(
        "failed_requests_with_origin",
        total(lost.map(|chain| chain.traces)) as f64,
    );
    let mut by_origin: BTreeMap<&str, Vec<&Chain>> = BTreeMap::new();
    for chain in &found {
        by_origin.entry(chain.origin()).or_default().push(chain);
    }
    let observed = observed(graph).unwrap_or_default();
    let nodes = 0..graph.n_nodes() as u32;
    let nodes: BTreeMap<&str, u32> = nodes.map(|node| (graph.name(node), node)).collect();
    let mut findings: Vec<Finding> = by_origin
        .into_iter()
        .map(|(origin, chains)| {
            let node = nodes.get(origin);
            let lost = node.and_then(|node| observed.get(node)).copied();
            finding(origin, &chains, lost.unwrap_or(0.0), graph.importance.all)
        })
        .collect();
    findings.sort_by(|a, b| {
        let cost = |finding: &Finding| finding.cost.unwrap_or(0.0);
        cost(b).total_cmp(&cost(a)).then(b.count.cmp(&a.count))
    });
    if findings.len() > 1 && graph.table(&sequence::TABLE).is_none() {
        measured.notes.push(
            "in which order failures began is unknown, since an earlier version folded this: fold the traces again"
                .to_owned(),
        );
    }
    sequence::arrange(&mut findings, &sequence::read(graph));
    measured.findings.append(&mut findings);
    measured.chains = found;
}

/// Returns the chains of a table, the most frequent first.
fn read(graph: &Graph<'_>, table: &Table) -> Vec<Chain> {
    /// Its place in the chain, and what is kept of it.
    type Row<'a> = (u64, [u32; 4], &'a Record);
    let mut hops: BTreeMap<(u32, u64), Vec<Row<'_>>> = BTreeMap::new();
    for (key, record) in table.rows() {
        let chain = (key.parts[0], key.number >> 8);
        let place = key.number & 0xff;
        hops.entry(chain)
            .or_default()
            .push((place, key.parts, record));
    }
    // Several nodes of the topology may be one of the graph.
    type Name<'a> = (Vec<(&'a str, &'a str)>, &'a str, Start, Stop);
    let mut chains: BTreeMap<Name<'_>, Record> = BTreeMap::new();
    for ((_, ends), mut hops) in hops {
        hops.sort_by_key(|(place, ..)| *place);
        let Some((0, [_, _, _, error], record)) = hops.first().copied() else {
            continue;
        };
        let named = hops
            .iter()
            .map(|(_, [_, node, operation, _], _)| (graph.name_of(*node), graph.text(*operation)))
            .collect();
        let start = Start::ALL[(ends >> 3) as usize & 3];
        let stop = Stop::ALL[ends as usize & 7];
        chains
            .entry((named, graph.text(error), start, stop))
            .or_default()
            .merge(record);
    }
    let mut found: Vec<Chain> = chains
        .into_iter()
        .map(|((hops, error, start, stop), record)| Chain {
            hops: hops
                .into_iter()
                .map(|(service, operation)| Hop {
                    service: service.to_owned(),
                    operation: operation.to_owned(),
                })
                .collect(),
            error: error.to_owned(),
            start,
            stop,
            traces: record.sums[SEEN],
            weight: Weight(record.sums[WEIGHT]).value(),
            exemplars: exemplars(&record),
        })
        .collect();
    found.sort_by(|a, b| {
        (b.stop == Stop::Entry)
            .cmp(&(a.stop == Stop::Entry))
            .then(b.weight.total_cmp(&a.weight))
    });
    found
}

/// Says what began at a service.
fn finding(origin: &str, chains: &[&Chain], lost: f64, requests: f64) -> Finding {
    let traces = total(chains.iter().map(|chain| chain.traces));
    let ended = |stops: &[Stop]| {
        let some = chains.iter().filter(|chain| stops.contains(&chain.stop));
        total(some.map(|chain| chain.traces))
    };
    let (reached, stopped) = (
        ended(&[Stop::Entry]),
        ended(&[Stop::Absorbed, Stop::Retried]),
    );
    let silent = total(
        chains
            .iter()
            .filter(|chain| chain.start != Start::Inside)
            .map(|chain| chain.traces),
    );
    let seen_by = match silent {
        0 => String::new(),
        all if all == traces => ", seen by its callers alone".to_owned(),
        some => format!(", {} of them seen by its callers alone", text::count(some)),
    };
    let most = chains.iter().max_by(|a, b| {
        a.weight
            .total_cmp(&b.weight)
            .then_with(|| b.hops.cmp(&a.hops))
    });
    let kind = most.map_or(String::new(), |chain| {
        let error = match chain.error.as_str() {
            "" => String::new(),
            error => format!(" ({error})"),
        };
        format!(", most often {}{error}", chain.hops[0].operation)
    });
    let text = format!(
        "{}: {} of failures began here{seen_by}{kind}; {} reached the entry point, {} {} stopped on the way",
        origin,
        text::plural(traces, "chain"),
        text::count(reached),
        text::count(stopped),
        if stopped == 1 { "was" } else { "were" },
    );
    Finding {
        value: traces as f64,
        unit: "traces",
        grade: Grade::Proved,
        count: reached,
        of: traces,
        exemplars: most.map_or(Vec::new(), |chain| chain.exemplars.clone()),
        text,
        cost: (lost > 0.0 && requests > 0.0).then(|| (lost / requests).min(1.0)),
        ..Finding::of(
            ORIGINS.name,
            "origin_failures",
            Subject::Service(origin.to_owned()),
        )
    }
}
