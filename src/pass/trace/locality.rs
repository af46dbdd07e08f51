//! How much of the calling leaves its zone or region, and what that costs.
//!
//! How many calls stay and how many leave is known from the edges. Here the *added* time is measured: client less server duration
//! (which needs no common clock) of the calls that leave, against those of the same edge that stay, each in the
//! median. Per entry point it is the time that the critical path spends between regions, by the region where the request
//! entered and the region it waits for. What calls carry is told by [`bytes`].
//!
//! Left out on purpose: databases and other callees that emit no spans, because nothing says where they are.

mod bytes;

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::edge::Edge;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::sketch::Sketch;
use crate::fold::{Attempt, Known, Look, Seen, Watcher};
use crate::model::dictionary::Resource;
use crate::model::names::{ABSENT, NameId};
use crate::pass::cost::cost;
use crate::pass::trace::locality::bytes::BYTES;
use crate::pass::trace::{exemplars, grouped, requests_by_entry, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;

/// Measures what leaving the zone or the region costs.
pub static LOCALITY: Pass = Pass {
    name: "locality",
    about: "calls that leave their zone or region, and the time that adds",
    explain: "locality",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and how far the call goes: the distribution of client less server time.
        TableOf {
            name: "locality-edges",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Plain, Part::Unused],
                bin: 0,
                limit: 1 << 13,
                group: 2,
            },
        },
        // By service and operation of the entry point, its region, and the region it waits for.
        TableOf {
            name: "locality-entries",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Text, Part::Text],
                bin: 0,
                limit: 1 << 14,
                group: 2,
            },
        },
        BYTES,
    ],
    traces: Some(Look::Each(observe)),
    attempts: Some(add_attempts),
    ..Watcher::BLIND
};

/// How far a call goes, the third part of a key.
const TO_ZONE: u32 = 1;
const TO_REGION: u32 = 2;

/// Calls that leave.
const CALLS: usize = 0;

/// Requests that wait for the other region, the nanoseconds between, and those of the whole requests.
const REQUESTS: usize = 0;
const AWAY_NS: usize = 1;
const TOTAL_NS: usize = 2;

/// Fewest calls, or requests, from which something is said.
pub(in crate::pass) const ENOUGH: u64 = 30;
/// Added time from which leaving the zone matters.
const TOLD_NS: u64 = 1_000_000;
/// Share of an entry point's requests that wait for another region, from which that region is its home.
const AWAY: f64 = 0.5;

/// Adds the calls that leave.
fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [edges, ..] = tables else {
        return;
    };
    let place = |attempt: &Attempt| {
        let server = attempt.server().filter(|_| attempt.sync)?;
        let reach = reach(known.resource(attempt.client), known.resource(server))?;
        Some(([attempt.from, attempt.to, reach, 0], 0))
    };
    edges.for_each(known.catalogue, attempts, place, |attempt, record| {
        record.add(CALLS, 1);
        if let Some(g_ns) = attempt.way().filter(|_| attempt.lone) {
            record.sample(g_ns);
        }
        record.exemplars.offer(attempt.exemplar);
    });
}

/// Adds what requests wait for in other regions.
fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [_, entries, bytes] = tables else {
        return;
    };
    if !seen.trace.marks.is_empty() {
        bytes::observe(seen, bytes);
    }
    // By entry span and region, for this trace alone.
    let mut away: Vec<((u32, NameId), u64)> = Vec::with_capacity(seen.linked.calls.len());
    for (_, call) in seen.sync_calls() {
        let on_path = seen.path.total[call.client as usize];
        if on_path == 0 || call.server == NONE {
            continue;
        }
        let server = seen.resource(call.server);
        if reach(seen.resource(call.client), server) != Some(TO_REGION) {
            continue;
        }
        let g_ns = seen
            .duration(call.client)
            .zip(seen.duration(call.server))
            .and_then(|(client, server)| client.checked_sub(server));
        let key = (seen.tops[call.client as usize], server.region);
        away.push((key, g_ns.unwrap_or(0).min(on_path)));
    }
    away.sort_unstable();
    for of_region in away.chunk_by(|a, b| a.0 == b.0) {
        let (entry, region) = of_region[0].0;
        let home = seen.resource(entry).region;
        let is_entry = seen.entry(entry).is_some();
        if is_entry && home != ABSENT && home != region {
            let parts = [seen.node(entry), seen.row(entry).operation, home, region];
            let record = entries.at(seen.catalogue, parts, 0);
            record.add(REQUESTS, 1);
            record.add(AWAY_NS, total(of_region.iter().map(|(_, ns)| *ns)));
            record.add(TOTAL_NS, seen.path.total[entry as usize]);
            record.exemplars.offer(seen.exemplar(entry));
        }
    }
}

/// Returns how far a call goes, if it leaves its zone and both sides are known.
fn reach(from: &Resource, to: &Resource) -> Option<u32> {
    let differ = |one: NameId, other: NameId| one != ABSENT && other != ABSENT && one != other;
    if differ(from.region, to.region) {
        Some(TO_REGION)
    } else {
        differ(from.zone, to.zone).then_some(TO_ZONE)
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [edges, entries, bytes] = WATCHER.tables else {
        return;
    };
    let (Some(edges), Some(entries)) = (graph.table(edges), graph.table(entries)) else {
        let why = "no spans were looked at for calls that leave their zone: fold the traces again";
        let finding = Finding::unknown(LOCALITY.name, "cross_zone_share", why);
        measured.findings.push(finding);
        return;
    };
    let by_edge = Between::all(graph);
    let sum = |of: fn(&Between) -> u64| total(by_edge.values().map(of));
    let share = |left: u64, known: u64| (known > 0).then(|| left as f64 / known as f64);
    let zones = share(sum(|edge| edge.zones.left), sum(|edge| edge.zones.known));
    let regions = share(
        sum(|edge| edge.regions.left),
        sum(|edge| edge.regions.known),
    );
    measured.metric("cross_zone_share", zones);
    measured.metric("cross_region_share", regions);
    if zones.is_none() && regions.is_none() {
        let why = "no call has a known zone or region on both sides (cloud.availability_zone, cloud.region)";
        let finding = Finding::unknown(LOCALITY.name, "cross_zone_share", why);
        measured.findings.push(finding);
        return;
    }
    let whole = graph.requests_or(sum(|edge| edge.calls));
    let left = grouped(edges, |key| {
        let [from, to, reach, _] = key.parts;
        (graph.name_of(from), graph.name_of(to), reach)
    });
    for ((from, to, reach), record) in &left {
        if let Some(between) = by_edge.get(&(*from, *to)) {
            let mut stayed = between.network_ns.clone();
            for away in [TO_ZONE, TO_REGION] {
                let away = left.get(&(*from, *to, away));
                if let Some(sketch) = away.and_then(|record| record.sketch.as_ref()) {
                    stayed = stayed.without(sketch);
                }
            }
            let leaving = Leaving {
                from,
                to,
                record,
                stayed,
                whole,
            };
            measured.findings.extend(match *reach {
                TO_REGION => leaving.to_region(&between.regions),
                _ => leaving.to_zone(&between.zones),
            });
        }
    }
    measure_entries(graph, entries, measured);
    let left = sum(|edge| total([edge.zones.left, edge.regions.left]));
    match graph.table(bytes).filter(|of| !of.rows().is_empty()) {
        Some(bytes) => bytes::measure(graph, bytes, measured),
        None if left > 0 => measured.findings.push(bytes::unknown()),
        None => {}
    }
}

/// Calls whose two places are known, and those of them whose places differ.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    known: u64,
    left: u64,
}

impl Places {
    fn add(&mut self, counts: &[((NameId, NameId), u64)]) {
        for ((from, to), count) in counts {
            if *from != ABSENT && *to != ABSENT {
                self.known = self.known.saturating_add(*count);
                if from != to {
                    self.left = self.left.saturating_add(*count);
                }
            }
        }
    }
}

/// The calls between two services that wait.
#[derive(Debug, Default)]
pub(in crate::pass) struct Between {
    calls: u64,
    zones: Places,
    regions: Places,
    /// Client less server time.
    pub(in crate::pass) network_ns: Sketch,
}

/// Returns by how much the median of calls that leave is above that of those that stay, and whether any stay.
pub(in crate::pass) fn added_ns(left: &Sketch, stayed: &Sketch) -> Option<(u64, bool)> {
    let left = left.quantile(0.5)?;
    let stayed = stayed.quantile(0.5);
    Some((left.saturating_sub(stayed.unwrap_or(0)), stayed.is_some()))
}

impl Between {
    pub(in crate::pass) fn all<'a>(graph: &Graph<'a>) -> BTreeMap<(&'a str, &'a str), Between> {
        let mut all: BTreeMap<(&str, &str), Between> = BTreeMap::new();
        let vertices = &graph.system.vertices;
        for arc in &graph.system.arcs {
            let (from, to) = (&vertices[arc.from], &vertices[arc.to]);
            if arc.sync && from.kind != NodeKind::Users && to.kind == NodeKind::Service {
                let between = all.entry((&from.name, &to.name)).or_default();
                between.add(&arc.edge);
            }
        }
        all
    }

    fn add(&mut self, edge: &Edge) {
        self.calls = total([self.calls, total(edge.grades)]);
        self.zones.add(edge.zones.entries());
        self.regions.add(edge.regions.entries());
        self.network_ns.merge(&edge.network_ns);
    }
}

/// The calls of one edge that leave.
struct Leaving<'a> {
    from: &'a str,
    to: &'a str,
    record: &'a Record,
    /// Client less server time of the calls that stay.
    stayed: Sketch,
    /// What calls are a share of.
    whole: u64,
}

impl Leaving<'_> {
    fn added_ns(&self) -> Option<(u64, bool)> {
        added_ns(self.record.sketch.as_ref()?, &self.stayed)
    }

    fn finding(&self, metric: &'static str, places: &Places, what: &str) -> Option<Finding> {
        let (added, is_compared) = self.added_ns()?;
        let calls = self.record.sums[CALLS];
        let compared = if is_compared {
            "more than those that stay"
        } else {
            "on the way"
        };
        Some(Finding {
            value: added as f64 / 1e6,
            unit: "ms",
            grade: Grade::Measured,
            count: calls,
            of: places.known.max(calls),
            exemplars: exemplars(self.record),
            cost: cost(calls, self.whole),
            text: format!(
                "{} -> {}: {} of {} leave their {what}, and take {} {compared} in the median",
                self.from,
                self.to,
                text::count(calls),
                text::plural(places.known.max(calls), "call"),
                text::duration(added),
            ),
            ..Finding::of(
                LOCALITY.name,
                metric,
                Subject::Edge(self.from.to_owned(), self.to.to_owned()),
            )
        })
    }

    fn to_region(&self, places: &Places) -> Option<Finding> {
        let is_enough = self.record.sums[CALLS] >= ENOUGH;
        is_enough.then(|| self.finding("cross_region_calls", places, "region"))?
    }

    /// Leaving the zone is the price of having several: it is told where it costs time and staying was possible.
    fn to_zone(&self, places: &Places) -> Option<Finding> {
        let is_enough = self.record.sums[CALLS] >= ENOUGH && self.stayed.count() >= ENOUGH;
        let is_slow = self.added_ns().is_some_and(|(added, _)| added >= TOLD_NS);
        (is_enough && is_slow).then(|| self.finding("cross_zone_calls", places, "zone"))?
    }
}

fn measure_entries(graph: &Graph<'_>, table: &Table, measured: &mut Measured) {
    let requests = requests_by_entry(graph);
    let all = total(requests.values().copied());
    let by_entry = grouped(table, |key| {
        let [service, operation, home, away] = key.parts;
        (
            (graph.name_of(service), graph.text(operation)),
            graph.text(home),
            graph.text(away),
        )
    });
    for (((service, operation), home, away), record) in &by_entry {
        let n = record.sums[REQUESTS];
        let of = requests
            .get(&(*service, *operation))
            .copied()
            .unwrap_or(0)
            .max(n);
        if n < ENOUGH || (n as f64) < AWAY * of as f64 {
            continue;
        }
        let each = |sum: usize| record.sums[sum] / n.max(1);
        measured.findings.push(Finding {
            value: each(AWAY_NS) as f64 / 1e6,
            unit: "ms",
            grade: Grade::Measured,
            count: n,
            of,
            exemplars: exemplars(record),
            cost: cost(n, all),
            text: format!(
                "{service} {operation}: {} of {} that enter in {home} wait for {away}, {} of {} each between the two",
                text::count(n),
                text::plural(of, "request"),
                text::duration(each(AWAY_NS)),
                text::duration(each(TOTAL_NS)),
            ),
            ..Finding::of(
                LOCALITY.name,
                "home_region_mismatch",
                Subject::Entry((*service).to_owned(), format!("{operation}, {home} to {away}")),
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    /// Returns requests with a call to a server in a place, so many milliseconds on the way.
    pub(super) fn calls(n: usize, place: &str, network_ms: usize) -> String {
        let mut drawing = String::new();
        for number in 0..n {
            let end = 20 + network_ms;
            writeln!(drawing, "trace {place}-{number}").unwrap();
            writeln!(
                drawing,
                "page < GET /page 0..{} region=r1 zone=z1",
                end + 10
            )
            .unwrap();
            writeln!(drawing, "  page > GET /row 10..{end} region=r1 zone=z1").unwrap();
            writeln!(drawing, "    rows < GET /row 11..21 {place}").unwrap();
        }
        drawing
    }

    #[test]
    fn leaving_the_zone_is_told_where_it_costs_time() {
        let home = calls(40, "region=r1 zone=z1", 1);
        let slow = calls(40, "region=r1 zone=z2", 4);
        check(
            "locality",
            &format!("{home}{slow}"),
            &format!(
                "measured cross_zone_calls page->rows 2.996481: page -> rows: 40 of 80 calls leave their zone, and take 3 ms more than \
                 those that stay in the median\n{NO_SIZES}"
            ),
        );
        let fast = calls(40, "region=r1 zone=z2", 1);
        check("locality", &format!("{home}{fast}"), NO_SIZES);
        // Nobody could have stayed.
        check("locality", &slow, NO_SIZES);
    }

    const NO_SIZES: &str = "unknown cross_zone_bytes the system: what calls carry out of their zone is unknown: \
        no calling span tells the sizes of bodies, as http.response.body.size would";

    #[test]
    fn requests_that_wait_for_another_region_have_their_home_there() {
        let away = calls(40, "region=r2 zone=z3", 80);
        check(
            "locality",
            &away,
            &format!(
                "measured cross_region_calls page->rows 80.000000: page -> rows: 40 of 40 calls leave their region, and take 80 ms on \
                 the way in the median
                 measured home_region_mismatch page GET /page, r1 to r2 80.000000: page GET /page: 40 of 40 requests that enter in r1 \
                 wait for r2, 80 ms of 110 ms each between the two\n{NO_SIZES}"
            ),
        );
        check("locality", &calls(20, "region=r2 zone=z3", 80), NO_SIZES);
    }

    #[test]
    fn without_places_nothing_is_known() {
        check(
            "locality",
            "page < GET /page   0..50
               page > GET /row   10..40
                 rows < GET /row 11..21",
            "unknown cross_zone_share the system: no call has a known zone or region on both sides \
                (cloud.availability_zone, cloud.region)",
        );
    }
}
