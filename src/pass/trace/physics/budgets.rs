//! Budgets that light cannot keep: captured deadlines, declared timeouts, declared objectives.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::fold::sketch::Sketch;
use crate::pass::Graph;
use crate::pass::trace::physics::regions::floor_ns;
use crate::pass::trace::physics::{IMPOSSIBLE, PHYSICS};
use crate::pass::trace::{exemplars, grouped};
use crate::text;

fn finding(metric: &'static str, subject: Subject, budget_ns: u64, text: String) -> Finding {
    Finding {
        value: budget_ns as f64 / 1e6,
        unit: "ms",
        grade: Grade::Proved,
        text,
        ..Finding::of(PHYSICS.name, metric, subject)
    }
}

/// Returns a finding per operation called with a deadline below what light needs.
pub(super) fn captured(graph: &Graph<'_>, table: &Table) -> Vec<Finding> {
    let by_call = grouped(table, |key| {
        let [from, to, operation, _] = key.parts;
        (
            graph.name_of(from),
            graph.name_of(to),
            graph.text(operation),
        )
    });
    let told = by_call.iter().map(|((from, to, operation), record)| {
        let text = format!(
            "{from} -> {to} {operation}: a deadline of {} where light alone needs {} for the regions on the way",
            text::duration(record.least),
            text::duration(record.most),
        );
        let subject = Subject::Call((*from).into(), (*to).into(), (*operation).into());
        Finding {
            count: record.sums[IMPOSSIBLE],
            of: record.sums[IMPOSSIBLE],
            exemplars: exemplars(record),
            cost: graph.cost_of_calls(record.sums[IMPOSSIBLE], record.sums[IMPOSSIBLE]),
            ..finding("impossible_deadline", subject, record.least, text)
        }
    });
    told.collect()
}

/// Returns a finding per edge whose declared timeout is below what light needs between two regions that it connects.
pub(super) fn declared_timeouts(graph: &Graph<'_>) -> Vec<Finding> {
    let system = graph.system;
    let mut worst: BTreeMap<(usize, usize), (u64, u64, String)> = BTreeMap::new();
    for arc in &system.arcs {
        let is_between_services = system.vertices[arc.from].kind != NodeKind::Users
            && system.vertices[arc.to].kind == NodeKind::Service;
        if !arc.sync || !is_between_services || arc.edge.regions.entries().is_empty() {
            continue;
        }
        let Some(timeout) = graph.declared.terms(arc.from, arc.to).timeout else {
            continue;
        };
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        for &((from, to), count) in arc.edge.regions.entries() {
            let (from, to) = (graph.text(from), graph.text(to));
            if let Some(floor) = floor_ns(from, to).filter(|floor| *floor > timeout) {
                let text = format!(
                    "{} -> {}: a timeout of {} is declared, and light needs {} from {from} to {to} and back",
                    system.vertices[arc.from].name,
                    system.vertices[arc.to].name,
                    text::duration(timeout),
                    text::duration(floor),
                );
                let known = worst.entry((arc.from, arc.to)).or_default();
                if (floor, count) > (known.0, known.1) {
                    *known = (floor, count, text);
                }
            }
        }
    }
    let told = worst.into_iter().map(|((from, to), (_, count, text))| {
        let name = |vertex: usize| system.vertices[vertex].name.clone();
        let timeout = graph.declared.terms(from, to).timeout.unwrap_or_default();
        let ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Finding {
            count,
            of: count,
            cost: graph.cost_of_calls(count, count),
            ..finding(
                "impossible_deadline",
                Subject::Edge(name(from), name(to)),
                ns,
                text,
            )
        }
    });
    told.collect()
}

/// Returns a finding per entry point whose declared latency is below what light needs for the way its requests take.
///
/// The distribution of each record is what light needs for the calls between regions that a request waited for.
pub(super) fn declared_objectives(
    graph: &Graph<'_>,
    by_entry: &BTreeMap<(&str, &str), Cow<'_, Record>>,
    requests: &BTreeMap<(&str, &str), u64>,
) -> Vec<Finding> {
    let mut told: BTreeMap<(&str, &str), Finding> = BTreeMap::new();
    for point in &graph.system.entries {
        let service = graph.system.vertices[point.service].name.as_str();
        let key = (service, point.operation.as_str());
        let (Some(entrypoint), Some(record)) = (
            graph.declared.entrypoint(point.service, &point.operation),
            by_entry.get(&key),
        ) else {
            continue;
        };
        let all = requests.get(&key).copied().unwrap_or(0);
        let slo = &entrypoint.slo;
        for (name, share, objective) in [
            ("p50", 0.5, slo.p50),
            ("p90", 0.1, slo.p90),
            ("p99", 0.01, slo.p99),
        ] {
            let (Some(objective), Some(floors)) = (objective, &record.sketch) else {
                continue;
            };
            let ns = u64::try_from(objective.as_nanos()).unwrap_or(u64::MAX);
            let above = floors.count() - floors.count_below(ns);
            let least = above_quantile(floors, above);
            if above as f64 > share * all as f64 && least > ns {
                let text = format!(
                    "{service} {}: the {name} is to be {}, and light alone needs at least {} in {} of {}",
                    point.operation,
                    text::duration(ns),
                    text::duration(least),
                    text::count(above),
                    text::plural(all, "request"),
                );
                let subject = Subject::Entry(service.to_owned(), point.operation.clone());
                let finding = Finding {
                    count: above,
                    of: all,
                    exemplars: exemplars(record),
                    cost: graph.cost_of_entry(
                        point.service,
                        &point.operation,
                        above as f64 / all as f64,
                    ),
                    ..finding("impossible_objective", subject, ns, text)
                };
                told.entry(key).or_insert(finding);
            }
        }
    }
    told.into_values().collect()
}

/// Returns the least of so many of the largest values.
fn above_quantile(floors: &Sketch, above: u64) -> u64 {
    let below = floors.count().saturating_sub(above) + 1;
    floors
        .quantile(below as f64 / floors.count().max(1) as f64)
        .unwrap_or(0)
}
