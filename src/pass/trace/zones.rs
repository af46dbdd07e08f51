//! What falls with a zone.
//!
//! - *Serving share*: how the answered attempts of a service are spread over the zones of its instances, where the zone is known; the
//!   Herfindahl-Hirschman index is the sum of the squares of the shares.
//! - *Partition*: traces whose spans lie in two zones, which need the way between these two.
//! - *Single zone*: of at least [`FEWEST`] answers more than [`MOST`] come from one zone, while the system has several.
//! - *Loss of a zone*: services all of whose instances are in it die, and with them the requests that need one of these; services with
//!   instances elsewhere are taken to cope. Bounds as for the blast radius.
//! - *Cross-zone*: synchronous calls whose caller and callee are in different zones, and how much longer their way takes than that of
//!   calls of the same edges inside one zone, by the means, on edges with at least [`FEWEST_CALLS`] of each.
//!
//! Left out on purpose: peers that emit no spans, whose zones nobody tells; capacity that is missing after the loss; how likely the
//! loss is.

use std::collections::BTreeMap;

use crate::algo::stats::wilson;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Key;
use crate::fold::{Attempt, Known, Look, Seen, Watcher};
use crate::model::dictionary::Weight;
use crate::model::names::{ABSENT, NameId};
use crate::pass::chance::Requests;
use crate::pass::graph::blast_radius::{Need, Needs};
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds what falls with a zone.
pub static ZONES: Pass = Pass {
    name: "zones",
    about: "what falls with a zone, and what calls between zones cost",
    explain: "zones",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller and callee: calls inside a zone and between zones, and nanoseconds on the way.
        TableOf {
            name: "zones",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Unused, Part::Unused],
                bin: 0,
                limit: 50_000,
                group: 0,
            },
        },
        // By two zones, the first by name first: traces with spans in both. Under the key of zeros all traces with a known zone.
        TableOf {
            name: "zones-spanned",
            layout: Layout {
                parts: [Part::Text, Part::Text, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 12,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Together(observe_zones)),
    attempts: Some(observe),
    ..Watcher::BLIND
};

/// More zones than this in one trace are no zones.
const MOST_ZONES: usize = 16;

const INSIDE: usize = 0;
const INSIDE_NS: usize = 1;
const BETWEEN: usize = 2;
const BETWEEN_NS: usize = 3;

/// Fewest answers that tell in how many zones a service lives.
const FEWEST: u64 = 200;

/// Fewest calls of an edge inside a zone, and between zones, whose means are compared.
const FEWEST_CALLS: u64 = 20;

/// A share beyond this is all but everything.
const MOST: f64 = 0.95;

fn observe(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [edges, _] = tables else {
        return;
    };
    let zones = |attempt: &Attempt| {
        let server = attempt.server().filter(|_| attempt.sync && attempt.lone)?;
        let from = known.resource(attempt.client).zone;
        let to = known.resource(server).zone;
        (from != ABSENT && to != ABSENT).then_some((from, to))
    };
    let place = |attempt: &Attempt| {
        attempt.way()?;
        zones(attempt).map(|_| ([attempt.from, attempt.to, 0, 0], 0))
    };
    edges.for_each(known.catalogue, attempts, place, |attempt, record| {
        if let (Some((from, to)), Some(way)) = (zones(attempt), attempt.way()) {
            let (calls, ns) = match from == to {
                true => (INSIDE, INSIDE_NS),
                false => (BETWEEN, BETWEEN_NS),
            };
            record.add(calls, 1);
            record.add(ns, way);
        }
    });
}

/// Notes in which zones traces were worked on.
fn observe_zones(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([_, spanned], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut known = 0;
    for seen in traces {
        let (mut zones, n) = zones_of(seen);
        known += u64::from(n > 0);
        let zones = &mut zones[..n];
        zones.sort_unstable_by_key(|&zone| seen.catalogue.text(zone));
        for (at, &one) in zones.iter().enumerate() {
            for &other in &zones[at + 1..] {
                let record = spanned.at(seen.catalogue, [one, other, 0, 0], 0);
                record.add(0, 1);
                record.exemplars.offer(seen.exemplar(0));
            }
        }
    }
    if known > 0 {
        spanned.at(any.catalogue, [ABSENT; 4], 0).add(0, known);
    }
}

/// Returns the zones that a trace was worked on in, and how many these are; none of a trace that names too many.
fn zones_of(seen: &Seen<'_>) -> ([NameId; MOST_ZONES], usize) {
    let (mut zones, mut n) = ([ABSENT; MOST_ZONES], 0);
    for row in seen.trace.spans {
        let zone = seen.dictionary.resources[row.resource as usize].zone;
        // All places are compared, since no processor foresees at which one to stop; the free ones hold no zone.
        let is_known = |known: bool, other: &NameId| known | (*other == zone);
        if zones.iter().fold(zone == ABSENT, is_known) {
            continue;
        }
        if n == MOST_ZONES {
            return (zones, 0);
        }
        zones[n] = zone;
        n += 1;
    }
    (zones, n)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let zones = zones(graph);
    if zones.is_empty() {
        let why = "what falls with a zone is unknown: no span says in which zone its service runs (cloud.availability_zone)";
        measured
            .findings
            .push(Finding::unknown(ZONES.name, "zone_loss", why));
        return;
    }
    measured.metric("zones", zones.len() as f64);
    if let [only] = zones[..] {
        let why = format!(
            "what falls with a zone is unknown: all spans that tell their zone are in {only}"
        );
        let unknown = Finding::unknown(ZONES.name, "zone_loss", why);
        measured.findings.push(unknown);
    } else {
        single_zones(graph, measured);
        losses(graph, &zones, measured);
        partitions(graph, measured);
    }
    crossings(graph, measured);
}

/// Says how many traces need the way between two zones.
fn partitions(graph: &Graph<'_>, measured: &mut Measured) {
    const METRIC: &str = "partition_share";
    let Some(table) = graph.table(&WATCHER.tables[1]) else {
        return;
    };
    let all = table
        .get(&Key::default())
        .map_or(0, |record| record.sums[0]);
    let by_name = grouped(table, |key| {
        let [one, other, ..] = key.parts;
        (graph.text(one), graph.text(other))
    });
    let mut found: Vec<Finding> = by_name
        .into_iter()
        .filter(|((one, other), _)| !one.is_empty() && !other.is_empty())
        .map(|((one, other), record)| {
            let count = record.sums[0];
            let share = count as f64 / all.max(1) as f64;
            let interval = wilson(count, all);
            let subject = Subject::Shared("zones", format!("{one}, {other}"));
            Finding {
                value: share.min(1.0),
                interval: Some((interval.low, interval.high)),
                grade: Grade::Measured,
                count,
                of: all,
                exemplars: exemplars(&record),
                text: format!(
                    "{} of the traces were worked on in {one} and in {other}: they need the way between these zones",
                    text::percent(share.min(1.0))
                ),
                ..Finding::of(ZONES.name, METRIC, subject)
            }
        })
        .collect();
    found.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.id.cmp(&b.id)));
    let worst = found.first().map(|finding| finding.value);
    measured.metric("max_partition_share", worst.unwrap_or(0.0));
    found.truncate(TOLD);
    measured.findings.append(&mut found);
}

/// Pairs of zones that are told.
const TOLD: usize = 10;

/// Returns the zones of the system, by name.
fn zones<'a>(graph: &Graph<'a>) -> Vec<&'a str> {
    let vertices = &graph.system.vertices;
    let instances = vertices.iter().flat_map(|vertex| &vertex.instances);
    let zones = instances.filter(|(key, _)| key.zone != ABSENT);
    let mut names: Vec<&str> = zones.map(|(key, _)| graph.text(key.zone)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns how many answers of each service, by vertex, came from which zone, where that is known.
pub(in crate::pass) fn answers<'a>(graph: &Graph<'a>) -> BTreeMap<usize, BTreeMap<&'a str, u64>> {
    let mut answers: BTreeMap<usize, BTreeMap<&str, u64>> = BTreeMap::new();
    for arc in &graph.system.arcs {
        if graph.system.vertices[arc.to].kind != NodeKind::Service {
            continue;
        }
        for ((_, zone), count) in arc.edge.zones.entries() {
            if *zone != ABSENT {
                let by_zone = answers.entry(arc.to).or_default();
                let sum = by_zone.entry(graph.text(*zone)).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }
    answers
}

/// Returns the sum of the squares of the shares that answers have by zone: 1 when all come from one.
pub(in crate::pass) fn concentration(by_zone: &BTreeMap<&str, u64>) -> f64 {
    let all = total(by_zone.values().copied()) as f64;
    let shares = by_zone.values().map(|&count| count as f64 / all);
    shares.map(|share| share * share).sum()
}

/// Says which services answer from one zone alone.
fn single_zones(graph: &Graph<'_>, measured: &mut Measured) {
    let mut single = 0;
    for (vertex, by_zone) in answers(graph) {
        let all = total(by_zone.values().copied());
        let name = &graph.system.vertices[vertex].name;
        let Some((zone, most)) = by_zone
            .iter()
            .max_by_key(|(zone, count)| (**count, std::cmp::Reverse(**zone)))
        else {
            continue;
        };
        let share = *most as f64 / all as f64;
        if all < FEWEST || share <= MOST {
            continue;
        }
        single += 1;
        let index = concentration(&by_zone);
        let interval = wilson(*most, all);
        measured.findings.push(Finding {
            value: share,
            interval: Some((interval.low, interval.high)),
            grade: Grade::Measured,
            count: *most,
            of: all,
            text: format!(
                "{name} answers from one zone, {zone}: {} of {} answers (index of concentration {index:.2})",
                text::count(*most),
                text::count(all)
            ),
            ..Finding::of(ZONES.name, "single_zone", Subject::Service(name.clone()))
        });
    }
    measured.metric("single_zone_services", f64::from(single));
}

/// Says which requests fall with each zone.
fn losses(graph: &Graph<'_>, zones: &[&str], measured: &mut Measured) {
    let requests = graph.importance.kept;
    if requests <= 0.0 {
        return;
    }
    // The one zone of each node, by number; none for nodes in several or unknown zones.
    let only: Vec<Option<usize>> = (0..graph.n_nodes() as u32)
        .map(|node| {
            let mut all = graph.vertex(node).instances.iter().map(|(key, _)| key.zone);
            let first = all.next().filter(|zone| *zone != ABSENT)?;
            let first = graph.text(first);
            let is_only = all.all(|zone| graph.text(zone) == first);
            is_only.then(|| zones.binary_search(&first).ok()).flatten()
        })
        .collect();
    let mut lost = vec![(0u64, 0u64); zones.len()];
    let mut drawn = Requests::default();
    let mut needs = Needs::default();
    for shape in graph.system.rest.shapes.list() {
        let counted = graph.count_of(shape);
        let mut worst = vec![Need::Touch; zones.len()];
        for &(node, need) in needs.of(graph, shape) {
            if let Some(zone) = only[node as usize] {
                worst[zone] = worst[zone].max(need);
            }
        }
        let needed: Vec<(u32, Need)> = (0..).zip(worst.iter().copied()).collect();
        drawn.push(&needed, shape.requests, counted);
        for ((sure, perhaps), worst) in lost.iter_mut().zip(worst) {
            if worst == Need::Sure {
                *sure = sure.saturating_add(counted);
            }
            if worst >= Need::Perhaps {
                *perhaps = perhaps.saturating_add(counted);
            }
        }
    }
    let share = |units: u64| (Weight(units).value() / requests).min(1.0);
    let chance = drawn.shares();
    let worst = lost
        .iter()
        .map(|(_, perhaps)| share(*perhaps))
        .max_by(f64::total_cmp);
    measured.metric("max_zone_loss", worst);
    for (number, (zone, (sure, perhaps))) in (0..).zip(zones.iter().zip(lost)) {
        if perhaps == 0 {
            continue;
        }
        let dead: Vec<u32> = (0..graph.n_nodes() as u32)
            .filter(|&node| only[node as usize].is_some_and(|at| zones[at] == *zone))
            .collect();
        let (low, high) = (share(sure), share(perhaps));
        let range = match low == high {
            true => text::percent(low),
            false => format!("{} to {}", text::percent(low), text::percent(high)),
        };
        measured.findings.push(Finding {
            value: low,
            interval: Some(chance.of_falls(number)),
            grade: Grade::Measured,
            count: dead.len() as u64,
            of: graph.n_nodes() as u64,
            text: format!(
                "without zone {zone}, {range} of the {} fall: {} was seen there alone",
                graph.importance.requests(),
                graph.listed(&dead)
            ),
            ..Finding::of(
                ZONES.name,
                "zone_loss",
                Subject::Shared("zone", (*zone).to_owned()),
            )
        });
    }
}

/// Adds up calls between zones, and what they cost.
fn crossings(graph: &Graph<'_>, measured: &mut Measured) {
    let Some(edges) = WATCHER.tables.first().and_then(|of| graph.table(of)) else {
        return;
    };
    let (mut added, mut compared) = (0.0, 0.0);
    let mut is_crossed = false;
    for (_, record) in edges.rows() {
        let [inside, inside_ns, crossing, crossing_ns] =
            [INSIDE, INSIDE_NS, BETWEEN, BETWEEN_NS].map(|sum| record.sums[sum]);
        is_crossed |= crossing > 0;
        if inside.min(crossing) >= FEWEST_CALLS {
            let (inside, n) = (inside_ns as f64 / inside as f64, crossing as f64);
            added += crossing_ns as f64 - n * inside;
            compared += n;
        }
    }
    if compared > 0.0 {
        measured.metric("cross_zone_added_ns", added / compared);
    } else if is_crossed {
        let why = format!(
            "what calls between zones cost is unknown: no edge has {FEWEST_CALLS} calls inside a zone and as many between zones"
        );
        let unknown = Finding::unknown(ZONES.name, "cross_zone_added_ns", why);
        measured.findings.push(unknown);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::model::id::mix;
    use crate::pass::trace::tests::{check, each_order, measure};

    fn day(times: usize, line: &str) -> String {
        let story = |time: usize| format!("trace t{time}\n{line}\n");
        (0..times).map(story).collect()
    }

    const UNTOLD: &str = "unknown zone_loss the system: what falls with a zone is unknown: \
        no span says in which zone its service runs (cloud.availability_zone)";

    #[test]
    fn a_service_in_one_of_two_zones_takes_its_requests_along() {
        let one = day(
            200,
            "shop < GET / 0..50 zone=a
               shop > GET /stock 5..40 zone=a
                 stock < GET /stock 10..35 zone=b",
        );
        let other = "
            trace other
            shop < GET / 0..50 zone=b";
        check(
            "zones",
            &format!("{one}{other}"),
            "measured single_zone shop 0.995025: shop answers from one zone, a: 200 of 201 answers (index of concentration 0.99)
             measured single_zone stock 1.000000: stock answers from one zone, b: 200 of 200 answers (index of concentration 1.00)
             measured zone_loss zone b 0.000000: without zone b, 0 % to 99.5 % of the requests fall: stock was seen there alone
             measured partition_share zones a, b 0.995025: 99.5 % of the traces were worked on in a and in b: \
                they need the way between these zones\n\
             unknown cross_zone_added_ns the system: what calls between zones cost is unknown: no edge has 20 calls inside a zone and as many between zones",
        );
    }

    #[test]
    fn one_zone_few_answers_and_no_zones_accuse_nobody() {
        let shop = |zone: &str| format!("shop < GET / 0..50 {zone}");
        check("zones", &day(300, &shop("")), UNTOLD);
        check(
            "zones",
            &day(300, &shop("zone=a")),
            "unknown zone_loss the system: what falls with a zone is unknown: all spans that tell their zone are in a",
        );
        let both = format!(
            "{}{}",
            day(150, &shop("zone=a")),
            "trace z\nshop < GET / 0..50 zone=b"
        );
        check("zones", &both, "");
    }

    #[test]
    fn traces_span_the_zones_that_counting_one_by_one_says() {
        // Now and then a trace has more zones than it may.
        let zones_of = |trace: u64| -> BTreeSet<String> {
            let n = mix(trace) % (MOST_ZONES as u64 + 8);
            let zone = |at: u64| format!("z{}", mix(trace << 8 | at) % 80);
            (0..n).map(zone).collect()
        };
        let mut drawing = String::new();
        let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut all = 0;
        for trace in 0..100 {
            drawing += &format!("trace t{trace}\nshop < GET / 0..50\n");
            let zones = zones_of(trace);
            for zone in zones.iter().chain(zones.first()) {
                drawing += &format!("  shop > GET /{zone} 1..2 zone={zone}\n");
            }
            if (1..=MOST_ZONES).contains(&zones.len()) {
                all += 1;
                let zones: Vec<&String> = zones.iter().collect();
                for (at, one) in zones.iter().enumerate() {
                    for other in &zones[at + 1..] {
                        let both = ((*one).clone(), (*other).clone());
                        *expected.entry(both).or_default() += 1;
                    }
                }
            }
        }
        assert!((50..95).contains(&all));
        expected.insert(Default::default(), all);
        each_order(&drawing, |_, system| {
            let graph = Graph::of(system);
            let table = graph.table(&WATCHER.tables[1]).unwrap();
            let text = |name: u32| graph.text(name).to_owned();
            let rows = table.rows().into_iter();
            let found = rows
                .map(|(key, record)| ((text(key.parts[0]), text(key.parts[1])), record.sums[0]));
            assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
        });
    }

    #[test]
    fn calls_between_zones_cost_what_they_take_longer() {
        let calls = |times: usize| -> String {
            let both = |time: usize| {
                format!(
                    "
                    trace near{time}
                    shop < GET / 0..50 zone=a
                      shop > GET /stock 5..17 zone=a
                        stock < GET /stock 6..16 zone=a
                    trace far{time}
                    shop < GET / 0..50 zone=a
                      shop > GET /stock 5..25 zone=a
                        stock < GET /stock 10..20 zone=b"
                )
            };
            (0..times).map(both).collect()
        };
        for (times, expected) in [(20, Some(8_000_000.0)), (19, None)] {
            each_order(&calls(times), |_, system| {
                let measured = measure(system);
                let name = "cross_zone_added_ns";
                let of = measured.metrics.iter().find(|metric| metric.name == name);
                assert_eq!(of.map(|metric| metric.value), expected);
                let mut said = measured.findings.iter();
                let unknown = said.find(|finding| finding.metric == name);
                assert_eq!(unknown.is_some(), expected.is_none());
            });
        }
    }
}
