//! Latency against the speed of light.
//!
//! *g* is the duration of a client less that of its server: the network and whatever lies between, by durations that need no
//! common clock. Between two regions it cannot be less than the *floor*, the time of light in fibre along the great
//! circle there and back ([`regions`]).
//!
//! - *Impossible deadline*, *impossible objective*: the caller gives a call, or the policy an entry point, less time than the
//!   floors of the calls between regions that it waits for, one after the other.
//! - *Wrong region*: at least half of the calls between two regions take less than nine tenths of the floor.
//! - *Extra round trips*: many calls take once or twice the least g more than the least: connections are set up for them.
//! - *Inflation*: the least g over the floor; routes are usually half as long again to two and a half times.
//! - *Chatty requests*: calls to another region one after the other, as the critical path has them.
//!
//! A server that goes on after its answer makes g too small, so single calls prove nothing about labels.

mod budgets;

mod links;

mod regions;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Attempt, Known, Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::names::{ABSENT, NameId};
use crate::model::span::Flags;
use crate::pass::cost::cost;
use crate::pass::trace::physics::links::Link;
use crate::pass::trace::physics::regions::{floor_between, floor_ns};
use crate::pass::trace::{exemplars, grouped, requests_by_entry, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::Call;

/// Compares latency with the speed of light.
pub static PHYSICS: Pass = Pass {
    name: "physics",
    about: "calls between regions against the speed of light: deadlines, labels, detours, round trips",
    explain: "physics",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By region of the caller and of the callee: the distribution of g.
        TableOf {
            name: "physics-links",
            layout: Layout {
                parts: [Part::Text, Part::Text, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 12,
                group: 0,
            },
        },
        // By service and operation of the entry point: round trips of a request are offered, the floors of all of them sampled.
        TableOf {
            name: "physics-entries",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
        // By caller, callee and operation: deadlines below the floor; the least deadline, and the most that light needs.
        TableOf {
            name: "physics-deadlines",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Together(observe)),
    attempts: Some(add_attempts),
    ..Watcher::BLIND
};

/// Requests with round trips between regions, these trips, and their nanoseconds on the critical path.
const REQUESTS: usize = 0;
const TRIPS: usize = 1;
const TRIPS_NS: usize = 2;
/// Nanoseconds of those requests.
const TOTAL_NS: usize = 3;

/// Calls with an impossible deadline.
const IMPOSSIBLE: usize = 0;

/// Fewest calls between two regions from which something is said.
const ENOUGH: u64 = 10;
/// Routes longer than this many times the floor are suspicious.
const TOLD_INFLATION: f64 = 4.0;
/// Fewest calls with extra round trips, and their least share.
const FEWEST_EXTRA: u64 = 5;
const TOLD_SHARE: f64 = 0.2;
/// Round trips per request that make it chatty.
const CHATTY: f64 = 2.0;

/// Regions whose numbers are remembered.
const PLACES: usize = 16;

/// A call between regions on a critical path.
struct Crossing<'a> {
    call: &'a Call,
    /// The topmost span above it.
    top: u32,
    /// Client less server time, if both are known.
    g_ns: Option<u64>,
    /// The least nanoseconds that light needs, if both regions are known places.
    floor: Option<u64>,
}

/// Adds the calls between regions.
fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [links, ..] = tables else {
        return;
    };
    let place = |attempt: &Attempt| {
        let server = attempt.server().filter(|_| attempt.sync && attempt.lone)?;
        let from = known.resource(attempt.client).region;
        let to = known.resource(server).region;
        let is_crossing = is_between_regions(from, to) && attempt.way().is_some();
        is_crossing.then_some(([from, to, 0, 0], 0))
    };
    links.for_each(known.catalogue, attempts, place, |attempt, record| {
        record.sample(attempt.way().unwrap_or(0));
        record.exemplars.offer(attempt.exemplar);
    });
}

fn is_between_regions(from: NameId, to: NameId) -> bool {
    from != to && from != ABSENT && to != ABSENT
}

/// Adds the ways between regions that requests wait for.
fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([_, entries, deadlines], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut places = Places::default();
    let mut crossings: Vec<Crossing<'_>> = Vec::new();
    let mut requests: Vec<Crossed<'_>> = Vec::new();
    for seen in traces {
        crossings.clear();
        find_crossings(seen, &mut places, &mut crossings);
        if crossings.is_empty() {
            continue;
        }
        crossings.sort_unstable_by_key(|crossing| crossing.top);
        let by_top = crossings.chunk_by(|a, b| a.top == b.top);
        requests.extend(by_top.filter_map(|of_top| Crossed::of(seen, of_top)));
        if !seen.trace.marks.is_empty() {
            observe_deadlines(seen, &crossings, deadlines);
        }
    }
    let place = |of: &Crossed<'_>| {
        let operation = of.seen.row(of.entry).operation;
        Some(([of.seen.node(of.entry), operation, 0, 0], 0))
    };
    entries.for_each(any.catalogue, &requests, place, |of, record| {
        record.add(REQUESTS, 1);
        record.add(TRIPS, of.trips);
        record.add(TRIPS_NS, of.ns);
        record.add(TOTAL_NS, of.seen.path.total[of.entry as usize]);
        record.offer(of.trips);
        record.sample(of.floor);
        record.exemplars.offer(of.seen.exemplar(of.entry));
    });
}

/// Finds the calls between regions that requests of a trace wait for.
fn find_crossings<'a>(seen: &Seen<'a>, places: &mut Places, crossings: &mut Vec<Crossing<'a>>) {
    for (_, call) in seen.sync_calls() {
        let is_seen = call.server != NONE && call.lone;
        if !is_seen || seen.path.total[call.client as usize] == 0 {
            continue;
        }
        let from = seen.resource(call.client).region;
        let to = seen.resource(call.server).region;
        if !is_between_regions(from, to) {
            continue;
        }
        let g_ns = seen
            .duration(call.client)
            .zip(seen.duration(call.server))
            .and_then(|(client, server)| client.checked_sub(server));
        let (from, to) = (places.of(from, seen), places.of(to, seen));
        crossings.push(Crossing {
            call,
            top: seen.tops[call.client as usize],
            g_ns,
            floor: from.zip(to).map(|(from, to)| floor_between(from, to)),
        });
    }
}

/// The numbers of some regions; traces that look alike meet few.
#[derive(Default)]
struct Places {
    known: [(NameId, Option<usize>); PLACES],
    n: usize,
}

impl Places {
    /// Returns the number of a region, if it is a known place.
    fn of(&mut self, name: NameId, seen: &Seen<'_>) -> Option<usize> {
        let known = &self.known[..self.n];
        if let Some((_, place)) = known.iter().find(|(known, _)| *known == name) {
            return *place;
        }
        let place = regions::number(seen.catalogue.text(name));
        if let Some(free) = self.known.get_mut(self.n) {
            *free = (name, place);
            self.n += 1;
        }
        place
    }
}

/// A request with calls between regions.
struct Crossed<'a> {
    seen: &'a Seen<'a>,
    entry: u32,
    trips: u64,
    /// Nanoseconds of the trips on the critical path, and what light needs for all of them.
    ns: u64,
    floor: u64,
}

impl<'a> Crossed<'a> {
    /// Returns what there is to know of the crossings below one topmost span, if that is an entry point.
    fn of(seen: &'a Seen<'a>, crossings: &[Crossing<'_>]) -> Option<Crossed<'a>> {
        let (entry, _) = seen.entry(crossings[0].top)?;
        let mut crossed = Crossed {
            seen,
            entry,
            trips: crossings.len() as u64,
            ns: 0,
            floor: 0,
        };
        for crossing in crossings {
            let on_path = seen.path.total[crossing.call.client as usize];
            let ns = crossing.g_ns.unwrap_or(0).min(on_path);
            crossed.ns = crossed.ns.saturating_add(ns);
            crossed.floor = crossed.floor.saturating_add(crossing.floor.unwrap_or(0));
        }
        Some(crossed)
    }
}

fn observe_deadlines(seen: &Seen<'_>, crossings: &[Crossing<'_>], deadlines: &mut Table) {
    // What light needs below each span; filled when the first deadline is met.
    let mut floors: Vec<u64> = Vec::new();
    for (_, call) in seen.sync_calls() {
        if !seen.row(call.client).flags.has(Flags::MARKS) {
            continue;
        }
        let mut marks = seen.trace.marks_of(call.client, MarkKind::Deadline);
        let Some(deadline) = marks.next() else {
            continue;
        };
        if floors.is_empty() {
            floors = floors_below(seen, crossings);
        }
        let floor = floors[call.client as usize];
        if floor > deadline {
            let operation = seen.row(call.client).operation;
            let parts = [seen.end(call.from), seen.end(call.to), operation, 0];
            let record = deadlines.at(seen.catalogue, parts, 0);
            record.add(IMPOSSIBLE, 1);
            record.least = record.least.min(deadline);
            record.most = record.most.max(floor);
            record.exemplars.offer(seen.exemplar(call.client));
        }
    }
}

/// Returns for each span what light needs for the crossings on the critical path at it and below.
fn floors_below(seen: &Seen<'_>, crossings: &[Crossing<'_>]) -> Vec<u64> {
    let mut floors = vec![0u64; seen.trace.spans.len()];
    for crossing in crossings {
        let floor = &mut floors[crossing.call.client as usize];
        *floor = floor.saturating_add(crossing.floor.unwrap_or(0));
    }
    for &span in seen.trace.order.iter().rev() {
        if let Some(parent) = seen
            .trace
            .parents
            .get(span as usize)
            .filter(|parent| **parent != NONE)
        {
            floors[*parent as usize] =
                floors[*parent as usize].saturating_add(floors[span as usize]);
        }
    }
    floors
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [links, entries, deadlines] = WATCHER.tables else {
        return;
    };
    let (Some(links), Some(entries), Some(deadlines)) = (
        graph.table(links),
        graph.table(entries),
        graph.table(deadlines),
    ) else {
        let why = "no spans were looked at for calls between regions: fold the traces again";
        let finding = Finding::unknown(PHYSICS.name, "route_inflation", why);
        measured.findings.push(finding);
        return;
    };
    let instances = graph.system.vertices.iter();
    let mut instances = instances.flat_map(|vertex| &vertex.instances);
    if !instances.any(|(key, _)| key.region != ABSENT) {
        let why = "no resource names its region (cloud.region)";
        let finding = Finding::unknown(PHYSICS.name, "route_inflation", why);
        measured.findings.push(finding);
        return;
    }
    measured
        .findings
        .extend(budgets::captured(graph, deadlines));
    measured.findings.extend(budgets::declared_timeouts(graph));
    let mut inflation: Option<f64> = None;
    let by_link = grouped(links, |key| {
        (graph.text(key.parts[0]), graph.text(key.parts[1]))
    });
    for ((from, to), record) in &by_link {
        let (Some(floor), Some(g)) = (floor_ns(from, to), &record.sketch) else {
            continue;
        };
        let link = Link {
            from,
            to,
            floor,
            g,
            record,
        };
        if let Some(wrong) = link.wrong_region() {
            measured.findings.push(wrong);
        } else if g.count() >= ENOUGH && floor > 0 {
            inflation = Some(inflation.unwrap_or(0.0).max(link.inflation()));
            measured.findings.extend(link.inflated());
            measured.findings.extend(link.extra_round_trips());
        }
    }
    measured.metric("route_inflation", inflation);
    let mut most_trips = 0.0f64;
    let by_entry = grouped(entries, |key| {
        (graph.name_of(key.parts[0]), graph.text(key.parts[1]))
    });
    let requests = requests_by_entry(graph);
    let all = total(requests.values().copied());
    measured
        .findings
        .extend(budgets::declared_objectives(graph, &by_entry, &requests));
    for ((service, operation), record) in &by_entry {
        let trips = record.sums[TRIPS] as f64 / record.sums[REQUESTS].max(1) as f64;
        most_trips = most_trips.max(trips);
        if trips >= CHATTY {
            let of_entry = requests.get(&(*service, *operation)).copied();
            let requests = (of_entry.unwrap_or(0), all);
            measured
                .findings
                .push(chatty(service, operation, record, requests));
        }
    }
    measured.metric("region_trips", most_trips);
}

/// Says how often requests go to other regions; `requests` are those of the entry point, and of all.
fn chatty(service: &str, operation: &str, record: &Record, requests: (u64, u64)) -> Finding {
    let n = record.sums[REQUESTS];
    let trips = record.sums[TRIPS] as f64 / n.max(1) as f64;
    let share = record.sums[TRIPS_NS] as f64 / record.sums[TOTAL_NS].max(1) as f64;
    Finding {
        value: trips,
        unit: "round trips",
        grade: Grade::Measured,
        count: n,
        of: requests.0.max(n),
        exemplars: exemplars(record),
        cost: cost(n, requests.1),
        text: format!(
            "{service} {operation}: {} round trips to other regions one after the other (at most {}), {} of the time, in {} \
             that {} any",
            text::value(trips),
            text::count(record.most),
            text::percent(share.min(1.0)),
            text::plural(n, "request"),
            if n == 1 { "makes" } else { "make" },
        ),
        ..Finding::of(
            PHYSICS.name,
            "chatty_requests",
            Subject::Entry(service.to_owned(), operation.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::{check, each_order};
    use crate::pass::{self, Effort, Graph};
    use crate::policy::{Vocabulary, read};

    /// Returns requests in Dublin, each with calls to Virginia so many milliseconds above the server's own ten.
    fn calls(network_ms: &[u64]) -> String {
        let mut drawing = String::new();
        for (number, ms) in network_ms.iter().enumerate() {
            let (end, half) = (10 + 10 + ms, 10 + ms / 2);
            writeln!(drawing, "trace t{number}").unwrap();
            writeln!(drawing, "page < GET /page 0..{} region=eu-west-1", end + 5).unwrap();
            writeln!(drawing, "  page > GET /row 10..{end} region=eu-west-1").unwrap();
            writeln!(
                drawing,
                "    rows < GET /row {half}..{} region=us-east-1",
                half + 10
            )
            .unwrap();
        }
        drawing
    }

    #[test]
    fn calls_faster_than_light_have_a_wrong_label() {
        check("physics", &calls(&[70; 12]), "");
        check(
            "physics",
            &calls(&[4; 12]),
            "measured wrong_region regions eu-west-1, us-east-1 4.000000: eu-west-1 -> us-east-1: 12 of 12 calls were \
                faster than light, 4 ms in the median against 53.5 ms: a region label is wrong, or something nearer answers",
        );
        // A server that goes on after its answer, now and then.
        check(
            "physics",
            &calls(&[[70; 12].as_slice(), &[4; 5]].concat()),
            "",
        );
        check("physics", &calls(&[4; 9]), "");
    }

    #[test]
    fn new_connections_take_whole_round_trips() {
        let reused = [60; 30].as_slice();
        check(
            "physics",
            &calls(&[reused, &[120; 10]].concat()),
            "inferred extra_round_trips regions eu-west-1, us-east-1 25.000000: eu-west-1 -> us-east-1: 25 % of 40 calls take \
                whole round trips more than the fastest, of 60 ms, as if connections were set up for them",
        );
        // Two calls of ten are no share.
        check("physics", &calls(&[&reused[..8], &[120; 2]].concat()), "");
        let spread: Vec<u64> = (60..140).collect();
        check("physics", &calls(&spread), "");
        check(
            "physics",
            &calls(&[240; 10]),
            "measured route_inflation regions eu-west-1, us-east-1 4.487265: eu-west-1 -> us-east-1: the fastest of 10 calls \
                took 240 ms, light takes 53.5 ms: a long route, or a proxy on the way",
        );
    }

    #[test]
    fn round_trips_one_after_the_other_are_chatty() {
        check(
            "physics",
            "page < GET /page     0..200  region=eu-west-1
               page > GET /row    10..90  region=eu-west-1
                 rows < GET /row  45..55  region=us-east-1
               page > GET /row   100..180 region=eu-west-1
                 rows < GET /row 135..145 region=us-east-1
             trace side-by-side
             page < GET /feed     0..200  region=eu-west-1
               page > GET /row    10..90  region=eu-west-1
                 rows < GET /row  45..55  region=us-east-1
               page > GET /row    10..90  region=eu-west-1
                 rows < GET /row  45..55  region=us-east-1",
            "measured chatty_requests page GET /page 2.000000: page GET /page: 2 round trips to other regions one after the \
                other (at most 2), 70 % of the time, in 1 request that makes any",
        );
    }

    #[test]
    fn a_deadline_below_the_speed_of_light_is_impossible() {
        let drawing = |deadline: &str| {
            format!(
                "page < GET /page     0..200  region=eu-west-1
                   page > GET /row    10..90  region=eu-west-1 rpc.request.metadata.grpc-timeout={deadline}
                     rows < GET /row  45..55  region=us-east-1"
            )
        };
        check("physics", &drawing("60m"), "");
        check(
            "physics",
            &drawing("50m"),
            "proved impossible_deadline page->rows GET /row 50.000000: page -> rows GET /row: a deadline of 50 ms where light \
                alone needs 53.5 ms for the regions on the way",
        );
    }

    #[test]
    fn declared_budgets_below_the_speed_of_light_are_impossible() {
        let policy = |timeout: &str, p99: &str| {
            format!(
                "version: 1\ncalls:\n  - {{ from: page, to: rows, timeout: {timeout} }}\n\
                 entrypoints:\n  page: {{ service: page, operation: \"GET /page\", slo: {{ p99: {p99} }} }}\n"
            )
        };
        let said = |policy: &str| -> Vec<String> {
            let policy = read(policy, &Vocabulary::default()).unwrap();
            let mut said = Vec::new();
            each_order(&calls(&[70; 12]), |_, system| {
                let graph = Graph::under(system, &policy);
                let found = pass::measure(&graph, Effort::Thorough).findings;
                let found = found.into_iter().filter(|it| it.pass == "physics");
                said = found.map(|finding| finding.text).collect();
            });
            said
        };
        assert_eq!(said(&policy("60ms", "60ms")), [""; 0]);
        assert_eq!(
            said(&policy("50ms", "40ms")),
            [
                "page -> rows: a timeout of 50 ms is declared, and light needs 53.5 ms from eu-west-1 to us-east-1 and back",
                "page GET /page: the p99 is to be 40 ms, and light alone needs at least 53.5 ms in 12 of 12 requests",
            ]
        );
    }

    #[test]
    fn without_regions_nothing_is_known() {
        check(
            "physics",
            "page < GET /page 0..10",
            "unknown route_inflation the system: no resource names its region (cloud.region)",
        );
    }
}
