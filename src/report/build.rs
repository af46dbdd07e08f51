//! Makes a report from the service graph; what it must be read with is in [`notes`](crate::report::notes).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::error::Result;
use crate::fold::catalogue::NodeKind;
use crate::fold::edge::Tally;
use crate::fold::exemplar::{Exemplars, Slowest};
use crate::fold::sketch::Sketch;
use crate::fold::system::{Arc, EntryPoint, System};
use crate::fold::topology::{InstanceKey, Topology};
use crate::input::Reading;
use crate::model::dictionary::Weight;
use crate::model::id::TraceId;
use crate::model::names::{ABSENT, NameId};
use crate::pass::budgets::{Budgets, CallBudget, call_budgets, entry_budgets};
use crate::pass::code;
use crate::pass::graph::paths::{depth_quantile, has_hops};
use crate::pass::spent::failures_of;
use crate::pass::{Choice, Effort, Graph};
use crate::policy::Policy;
use crate::policy::facts::declared;
use crate::report::fixes::{EntryId, fix_first};
use crate::report::notes::{notes, of_weights, stale};
use crate::report::{
    Data, Degrees, EdgeRow, EntryRow, Kind, Late, Part, ProblemRow, Quantiles, Report, Service,
    Slack, Standing, Tie,
};
use crate::simulate::{Question, simulate};
use crate::trace::link::{Class, Grade};

/// Returns the report of a topology, of what is declared about it, and of what was read to make it, with the results of
/// some passes.
pub fn report(system: &System, policy: &Policy, reading: &Reading, passes: &Choice) -> Report {
    part(system, policy, reading, Part::Whole, Effort::Quick, passes)
}

/// Returns the report on who is central, which takes more time for the graph.
pub fn hubs(system: &System, policy: &Policy, reading: &Reading) -> Report {
    part(
        system,
        policy,
        reading,
        Part::Hubs,
        Effort::Thorough,
        &Choice::All,
    )
}

/// Returns the report on what falls when one part falls, which takes more time for the graph.
pub fn cascades(system: &System, policy: &Policy, reading: &Reading) -> Report {
    part(
        system,
        policy,
        reading,
        Part::Cascades,
        Effort::Thorough,
        &Choice::All,
    )
}

/// Returns the report on what calls and requests may take.
pub fn budgets(system: &System, policy: &Policy, reading: &Reading) -> Report {
    part(
        system,
        policy,
        reading,
        Part::Budgets,
        Effort::Quick,
        &Choice::All,
    )
}

fn part(
    system: &System,
    policy: &Policy,
    reading: &Reading,
    part: Part,
    effort: Effort,
    passes: &Choice,
) -> Report {
    let topology = &system.rest;
    let graph = Graph::under(system, policy);
    let measured = passes.measure(&graph, effort);
    let mut entries: Vec<EntryRow> = system
        .entries
        .iter()
        .map(|entry| entry_row(system, &graph, entry))
        .collect();
    entries.sort_by(|a, b| {
        b.requests.total_cmp(&a.requests).then_with(|| {
            (&a.service, &a.operation, a.kind).cmp(&(&b.service, &b.operation, b.kind))
        })
    });
    let window_ns = window(system).map(|(start, end)| end - start);
    let budgets = Budgets {
        calls: call_budgets(&graph),
        entries: match part {
            Part::Budgets => entry_budgets(&graph),
            Part::Whole | Part::Hubs | Part::Cascades => Vec::new(),
        },
    };
    let places = code::places(&graph);
    let stale = stale(system, policy);
    let mut notes = notes(topology, system, reading);
    notes.extend(of_weights(&graph));
    notes.extend(stale.clone());
    notes.extend(measured.notes);
    let services: Vec<Service> = (0u32..)
        .zip(measured.standings)
        .map(|(node, standing)| service(topology, &graph, node, standing))
        .collect();
    let fix_first =
        (part == Part::Whole).then(|| fix_first(&measured.findings, &entries, &explained(&graph)));
    let arcs = system.arcs.iter();
    let ties: Vec<Option<Tie>> = arcs.map(|arc| tie(&graph, arc)).collect();
    // A report is largest when the rows of edges are made, and those need no graph.
    drop(graph);
    Report {
        part,
        data: data(topology, system, reading),
        degrees: Degrees::of(&services),
        services,
        edges: system
            .arcs
            .par_iter()
            .zip(ties)
            .map(|(arc, tie)| EdgeRow {
                code: place(&places, system, arc),
                tie,
                ..with_budget(edge_row(system, arc, window_ns), &budgets)
            })
            .collect(),
        fix_first,
        entries,
        budgets,
        metrics: measured.metrics,
        words: measured.words,
        passes: passes.len(),
        findings: measured.findings,
        chains: measured.chains,
        ways: measured.ways,
        sizes: measured.sizes,
        survival: measured.survival,
        shards: measured.shards,
        rarefaction: measured.rarefaction,
        focus: None,
        declared: declared(policy),
        stale,
        notes,
        verdict: None,
        simulation: None,
        diff: None,
    }
}

/// Returns the report of what changes would do; nothing else is measured for it.
///
/// # Errors
/// Fails when a change names something that is not there.
pub fn simulation(
    system: &System,
    policy: &Policy,
    reading: &Reading,
    question: &Question,
) -> Result<Report> {
    let topology = &system.rest;
    let graph = Graph::under(system, policy);
    let (simulation, of_changes) = simulate(&graph, question)?;
    let mut notes = notes(topology, system, reading);
    notes.extend(of_weights(&graph));
    notes.extend(of_changes);
    Ok(Report {
        data: data(topology, system, reading),
        notes,
        simulation: Some(simulation),
        ..Report::default()
    })
}

fn window(system: &System) -> Option<(u64, u64)> {
    let account = &system.account;
    (account.first <= account.last).then_some((account.first, account.last))
}

fn data(topology: &Topology, system: &System, reading: &Reading) -> Data {
    let account = &system.account;
    let of = |class: Class| account.classes[class as usize];
    let unresolved = [
        ("ambiguous_kind", of(Class::AmbiguousKind)),
        ("cycle", of(Class::Cycle)),
        ("missing_parent", of(Class::MissingParent)),
        ("no_peer", of(Class::NoPeer)),
        ("no_service_name", of(Class::NoServiceName)),
        ("outside_window", account.spans_outside),
        ("unreadable", account.unreadable),
    ];
    let spans = account.spans();
    let (mut paired, mut gaps) = (0, 0);
    for arc in system.arcs.iter().filter(|arc| arc.sync) {
        let of_service = system.vertices[arc.to].kind == NodeKind::Service
            && system.vertices[arc.from].kind != NodeKind::Users;
        if of_service {
            paired += arc.edge.grades[Grade::Paired as usize]
                + arc.edge.grades[Grade::ThroughInternal as usize];
            gaps += arc.edge.grades[Grade::OneSided as usize];
        }
    }
    let shapes = &topology.shapes;
    Data {
        spans_read: spans,
        spans_by_class: vec![
            ("edge_client", of(Class::EdgeClient)),
            ("edge_server", of(Class::EdgeServer)),
            ("edge_producer", of(Class::EdgeProducer)),
            ("edge_consumer", of(Class::EdgeConsumer)),
            ("virtual_peer", of(Class::VirtualPeer)),
            ("entry", of(Class::Entry)),
            ("internal", of(Class::Internal)),
            ("messaging_auxiliary", of(Class::MessagingAuxiliary)),
            ("folded", of(Class::Folded)),
            ("duplicate", account.duplicates),
        ],
        unresolved: unresolved
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        traces: account.traces,
        problems: problems(reading),
        problems_total: account.problems,
        window: window(system),
        paired_ratio: (paired + gaps > 0).then(|| paired as f64 / (paired + gaps) as f64),
        orphan_ratio: (spans > 0).then(|| account.missing_parents as f64 / spans as f64),
        weights_known: account.weighted_spans > 0,
        shapes: shapes.list().len() as u64,
        shapes_folded: shapes
            .remainders()
            .iter()
            .map(|remainder| remainder.requests)
            .sum(),
    }
}

fn problems(reading: &Reading) -> Vec<ProblemRow> {
    let faults = reading.sources.iter().filter_map(|source| {
        let fault = source.fault.as_ref()?;
        Some(ProblemRow {
            source: source.name.clone(),
            place: String::new(),
            message: fault.to_string(),
        })
    });
    let located = reading.problems.iter().map(|problem| ProblemRow {
        source: problem.source.clone(),
        place: problem.position.to_string(),
        message: if problem.path.is_empty() {
            problem.message.clone()
        } else {
            format!("{} in {}", problem.message, problem.path)
        },
    });
    faults.chain(located).collect()
}

/// Returns how many failed requests of each entry point began to fail at a service that is known.
fn explained(graph: &Graph<'_>) -> BTreeMap<EntryId, f64> {
    let mut explained: BTreeMap<EntryId, f64> = BTreeMap::new();
    for ((service, operation, kind, _), failed) in failures_of(graph).unwrap_or_default() {
        *explained
            .entry((service, operation, kind.name()))
            .or_default() += failed;
    }
    explained
}

fn service(topology: &Topology, graph: &Graph<'_>, node: u32, standing: Standing) -> Service {
    let vertex = graph.vertex(node);
    let described = graph.declared.described(graph.vertices[node as usize]);
    let distinct = |field: fn(&InstanceKey) -> NameId| -> Vec<String> {
        let names: BTreeSet<&str> = vertex
            .instances
            .iter()
            .map(|(key, _)| field(key))
            .filter(|name| *name != ABSENT)
            .map(|name| topology.catalogue.text(name))
            .collect();
        names.into_iter().map(str::to_owned).collect()
    };
    Service {
        name: vertex.name.clone(),
        kind: kind(vertex.kind),
        instances: distinct(|key| key.instance).len() as u64,
        versions: distinct(|key| key.version),
        zones: distinct(|key| key.zone),
        regions: distinct(|key| key.region),
        tags: described.tags.clone(),
        source: described.source.clone(),
        hosts: distinct(|key| key.host).len() as u64,
        spans: vertex
            .instances
            .iter()
            .map(|(_, instance)| instance.spans)
            .sum(),
        failed_spans: vertex
            .instances
            .iter()
            .map(|(_, instance)| instance.failed)
            .sum(),
        in_degree: graph.all.predecessors(node).len() as u64,
        out_degree: graph.all.successors(node).len() as u64,
        degree: graph.undirected.degree(node) as u64,
        standing,
    }
}

fn kind(kind: NodeKind) -> Kind {
    match kind {
        NodeKind::Users => Kind::Users,
        NodeKind::Service => Kind::Service,
        NodeKind::Database => Kind::Database,
        NodeKind::Cache => Kind::Cache,
        NodeKind::Queue => Kind::Queue,
        NodeKind::External | NodeKind::Unknown => Kind::External,
    }
}

fn weighted(units: u64) -> f64 {
    Weight(units).value()
}

fn edge_row(system: &System, arc: &Arc, window_ns: Option<u64>) -> EdgeRow {
    let (topology, edge) = (&system.rest, &arc.edge);
    let pairs = |tally: &Tally<(NameId, NameId)>| {
        let text = |name: NameId| topology.catalogue.text(name).to_owned();
        let mut pairs: Vec<(String, String, u64)> = tally
            .entries()
            .iter()
            .map(|((a, b), count)| (text(*a), text(*b), *count))
            .collect();
        pairs.sort();
        pairs
    };
    let mut error_types: Vec<(String, u64)> = edge
        .errors
        .entries()
        .iter()
        .map(|(name, count)| (topology.catalogue.text(*name).to_owned(), *count))
        .collect();
    error_types.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let busy = edge.client_ns.sum();
    EdgeRow {
        from: system.vertices[arc.from].name.clone(),
        to: system.vertices[arc.to].name.clone(),
        sync: arc.sync,
        protocol: arc.protocol.name(),
        direct: arc.direct,
        calls: weighted(edge.calls),
        attempts: weighted(edge.attempts),
        served: weighted(edge.served),
        errors_both: weighted(edge.failed_both),
        errors_client_only: weighted(edge.failed_client_only),
        errors_server_only: weighted(edge.failed_server_only),
        client_4xx: weighted(edge.client_faults),
        timeouts: weighted(edge.timeouts),
        retries: edge.retries.map(weighted),
        client_ns: quantiles(&edge.client_ns),
        server_ns: quantiles(&edge.server_ns),
        network_ns: quantiles(&edge.network_ns),
        queue_ns: quantiles(&edge.queue_ns),
        fan_out: if edge.traces > 0 {
            edge.grades.iter().sum::<u64>() as f64 / edge.traces as f64
        } else {
            0.0
        },
        fan_out_max: edge.most_in_trace,
        critical_path_share: (system.account.critical_ns > 0 && arc.sync)
            .then(|| edge.critical_ns as f64 / system.account.critical_ns as f64),
        slack: Slack::of(&edge.off_path),
        in_flight: window_ns
            .filter(|ns| *ns > 0 && busy > 0)
            .map(|ns| busy as f64 / ns as f64),
        evidence: Grade::ALL
            .iter()
            .map(|grade| (grade.name(), edge.grades[*grade as usize]))
            .filter(|(_, count)| *count > 0)
            .collect(),
        zones: pairs(&edge.zones),
        regions: pairs(&edge.regions),
        versions: pairs(&edge.versions),
        error_types,
        seen: (edge.first <= edge.last).then_some((edge.first, edge.last)),
        exemplars: exemplars(&edge.exemplars),
        failed_exemplars: exemplars(&edge.failed_exemplars),
        slowest_exemplars: slowest(&edge.slowest),
        ..EdgeRow::default()
    }
}

/// Returns the file and the line of the code that calls along an arc, if spans say so.
fn place(
    places: &BTreeMap<(&str, &str), (&str, Option<u64>)>,
    system: &System,
    arc: &Arc,
) -> Option<(String, Option<u64>)> {
    let name = |vertex: usize| system.vertices[vertex].name.as_str();
    let (file, line) = places.get(&(name(arc.from), name(arc.to)))?;
    Some(((*file).to_owned(), *line))
}

/// Returns what is known of whether the caller needs the callee, if it waits for it.
fn tie(graph: &Graph<'_>, arc: &Arc) -> Option<Tie> {
    let (from, to) = (graph.node(arc.from)?, graph.node(arc.to)?);
    let known = graph
        .dependence
        .tie(from, to)
        .filter(|_| arc.sync && graph.dependence.is_known)?;
    Some(Tie {
        dependency: known.dependency,
        transmissibility: known.transmissibility,
        failed_calls: known.failed_calls,
        both_failed: known.both_failed,
        good_calls: known.good_calls,
        failed_alone: known.failed_alone,
    })
}

/// Adds what the calls of an edge may take, if their caller waits.
fn with_budget(mut row: EdgeRow, budgets: &Budgets) -> EdgeRow {
    let ends = |call: &CallBudget| (&*call.from, &*call.to).cmp(&(&*row.from, &*row.to));
    if let Ok(at) = budgets.calls.binary_search_by(ends)
        && row.sync
        && !row.direct
    {
        let call = &budgets.calls[at];
        row.retry_amplification = call.amplification;
        row.max_attempts = Some(call.max_attempts);
        row.timeout_ns = call.timeout;
    }
    row
}

fn entry_row(system: &System, graph: &Graph<'_>, point: &EntryPoint) -> EntryRow {
    let entry = &point.entry;
    let slo = graph
        .declared
        .entrypoint(point.service, &point.operation)
        .map(|declared| declared.slo)
        .unwrap_or_default();
    let late = |limit: Option<Duration>| {
        let limit_ns = u64::try_from(limit?.as_nanos()).unwrap_or(u64::MAX);
        let count = entry.duration_ns.above(limit_ns);
        Some(Late { limit_ns, count })
    };
    let levels = |weights: &[u64]| {
        let deepest = weights.len().saturating_sub(1) as u64;
        (
            depth_quantile(weights, 0.5),
            depth_quantile(weights, 0.95),
            deepest,
        )
    };
    EntryRow {
        service: system.vertices[point.service].name.clone(),
        operation: point.operation.clone(),
        kind: point.kind.name(),
        requests: weighted(entry.weight),
        failed: weighted(entry.failed),
        weight: Some(graph.declared.weight(point.service, &point.operation))
            .filter(|weight| *weight != 1.0 && !graph.importance.is_even()),
        health_checks: entry.health_checks,
        duration_ns: quantiles(&entry.duration_ns),
        late: [slo.p50, slo.p90, slo.p99].map(late),
        sync_depth: levels(&entry.weights_by_depth),
        critical_hops: has_hops(entry).then(|| levels(&entry.weights_by_hops)),
        exemplars: exemplars(&entry.exemplars),
        failed_exemplars: exemplars(&entry.failed_exemplars),
        slowest_exemplars: slowest(&entry.slowest),
    }
}

fn quantiles(sketch: &Sketch) -> Quantiles {
    let at = |q| sketch.quantile(q).unwrap_or(0);
    Quantiles {
        count: sketch.count(),
        sum: sketch.sum(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: sketch.max(),
    }
}

fn exemplars(exemplars: &Exemplars) -> Vec<String> {
    distinct_traces(exemplars.list().map(|exemplar| exemplar.trace))
}

fn slowest(slowest: &Slowest) -> Vec<String> {
    distinct_traces(slowest.list().iter().map(|(_, exemplar)| exemplar.trace))
}

fn distinct_traces(ids: impl Iterator<Item = TraceId>) -> Vec<String> {
    let mut distinct: Vec<TraceId> = Vec::new();
    for id in ids {
        if !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    distinct.iter().map(TraceId::to_string).collect()
}
