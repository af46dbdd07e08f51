//! Which requests fall when a node falls, over the call trees of the requests that were seen.
//!
//! A node *kills* a request if a path of hard edges leads from the entry to it in the request's own tree. Edges of which
//! nothing is known count as soft for the lower bound and as hard for the upper one; calls nobody waits for kill nobody. A
//! service needs itself. Requests count by their weights and those of their entry points ([`crate::pass::importance`]).
//!
//! Shares are of requests, which are independent of each other, so the Wilson interval tells what resampling them would;
//! unequal weights make fewer of them count. O(steps), and O(steps log nodes) for the order in which most is lost.

use std::collections::BTreeMap;

use crate::algo::stats::{effective_number, total, wilson};
use crate::algo::survival::Losses;
use crate::finding::{BlastRadius, Dependency, EntryRadius, Finding, Grade, Subject};
use crate::fold::shape::Shape;
use crate::fold::topology::{Map, sorted};
use crate::model::dictionary::Weight;
use crate::pass::trace::origins;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds which requests fall with each node.
pub static BLAST_RADIUS: Pass = Pass {
    name: "blast-radius",
    about: "which requests fall when a service falls",
    explain: "blast_radius",
    watch: None,
    measure,
};

/// How surely a request needs something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::pass) enum Need {
    /// It uses it, and lives without it.
    #[default]
    Touch,
    /// It may die without it.
    Perhaps,
    /// It dies without it.
    Sure,
}

/// Space for reading needs, reused from shape to shape.
#[derive(Debug, Default)]
pub(in crate::pass) struct Needs {
    /// The node at each depth, and how surely the request needs it there.
    path: Vec<(Option<u32>, Need)>,
    /// What one request needs, by node, each once.
    found: Vec<(u32, Need)>,
}

impl Needs {
    /// Returns the nodes that the requests of a shape use, ascending, and how surely they need each.
    pub(in crate::pass) fn of(&mut self, graph: &Graph<'_>, shape: &Shape) -> &[(u32, Need)] {
        self.path.clear();
        self.found.clear();
        for step in &shape.steps {
            self.path.truncate(usize::from(step.depth));
            let node = graph.node_of_topology(step.node);
            let need = match self.path.last() {
                None => Need::Sure,
                Some(_) if !step.sync => Need::Touch,
                Some(&(above, need)) => need.min(edge(graph, above, node)),
            };
            self.found.extend(node.map(|node| (node, need)));
            self.path.push((node, need));
        }
        self.found
            .sort_unstable_by_key(|&(node, need)| (node, std::cmp::Reverse(need)));
        self.found.dedup_by_key(|(node, _)| *node);
        &self.found
    }
}

/// Returns how surely a caller needs its callee.
fn edge(graph: &Graph<'_>, from: Option<u32>, to: Option<u32>) -> Need {
    let (Some(from), Some(to)) = (from, to) else {
        return Need::Perhaps;
    };
    if from == to {
        return Need::Sure;
    }
    match graph.dependence.tie(from, to).map(|tie| tie.dependency) {
        Some(Dependency::Hard) => Need::Sure,
        Some(Dependency::Soft) => Need::Touch,
        Some(Dependency::Unknown) | None => Need::Perhaps,
    }
}

/// Weights of requests by how surely they need something; each includes the next.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    touch: u64,
    perhaps: u64,
    sure: u64,
}

impl Sums {
    fn add(&mut self, need: Need, weight: u64) {
        self.touch = self.touch.saturating_add(weight);
        if need >= Need::Perhaps {
            self.perhaps = self.perhaps.saturating_add(weight);
        }
        if need == Need::Sure {
            self.sure = self.sure.saturating_add(weight);
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    if graph.traffic().weight <= 0.0 {
        let why =
            "which requests fall with a service is unknown: no request was seen from its start";
        let untold = Finding::unknown(BLAST_RADIUS.name, "blast_radius", why);
        measured.findings.push(untold);
        return;
    }
    let shapes = graph.system.rest.shapes.list();
    // Entry points by service, operation and kind.
    let mut entries: BTreeMap<(usize, &str, u8), (u32, u64)> = BTreeMap::new();
    for shape in shapes {
        let number = entries.len() as u32;
        let known = entries
            .entry(entry_key(graph, shape))
            .or_insert((number, 0));
        known.1 = known.1.saturating_add(shape.weight);
    }
    let mut sums = vec![Sums::default(); graph.n_nodes()];
    let mut elsewhere = sums.clone();
    let mut by_entry: Map<(u32, u32), Sums> = Map::default();
    let (mut sure, mut perhaps) = (Losses::new(graph.n_nodes()), Losses::new(graph.n_nodes()));
    let (mut squares, mut all) = (0u128, 0u128);
    let mut needs = Needs::default();
    for shape in shapes {
        let entry = entries.get(&entry_key(graph, shape)).map_or(0, |of| of.0);
        let counted = graph.count_of(shape);
        let found = needs.of(graph, shape);
        let root = shape.steps.first().map(|step| step.node);
        let root = root.and_then(|root| graph.node_of_topology(root));
        for &(node, need) in found {
            sums[node as usize].add(need, counted);
            if root != Some(node) {
                elsewhere[node as usize].add(need, counted);
            }
            by_entry
                .entry((node, entry))
                .or_default()
                .add(need, shape.weight);
        }
        let at_least = |least: Need| {
            let some = found.iter().filter(move |(_, need)| *need >= least);
            some.map(|(node, _)| *node)
        };
        sure.push(at_least(Need::Sure), counted);
        perhaps.push(at_least(Need::Perhaps), counted);
        let square = u128::from(counted).saturating_mul(u128::from(counted));
        squares = squares.saturating_add(square / u128::from(shape.requests.max(1)));
        all += u128::from(counted);
    }
    let total = graph.importance.kept;
    let effective = effective(shapes, all, squares);
    let mut names: Vec<EntryRadius> = vec![EntryRadius::default(); entries.len()];
    for (&(service, operation, _), &(number, weight)) in &entries {
        names[number as usize] = EntryRadius {
            service: graph.system.vertices[service].name.clone(),
            operation: operation.to_owned(),
            requests: Weight(weight).value(),
            ..EntryRadius::default()
        };
    }
    let observed = origins::observed(graph);
    let share = |units: u64, of: f64| (Weight(units).value() / of).min(1.0);
    for (node, (standing, of)) in measured.standings.iter_mut().zip(&sums).enumerate() {
        let (low, high) = (share(of.sure, total), share(of.perhaps, total));
        let bound = |share: f64| wilson((share * effective as f64).round() as u64, effective);
        let seen = observed.as_ref().map(|by_node| {
            let lost = by_node.get(&(node as u32)).copied().unwrap_or(0.0);
            (lost / graph.importance.all).min(1.0)
        });
        standing.blast_radius = Some(BlastRadius {
            touch: share(of.touch, total),
            hard_low: low,
            hard_high: high,
            from_elsewhere: (
                share(elsewhere[node].sure, total),
                share(elsewhere[node].perhaps, total),
            ),
            interval: (bound(low).low, bound(high).high),
            observed: seen,
            entries: Vec::new(),
        });
    }
    for ((node, entry), of) in sorted(by_entry) {
        let name = &names[entry as usize];
        if let Some(radius) = &mut measured.standings[node as usize].blast_radius {
            radius.entries.push(EntryRadius {
                touch: share(of.touch, name.requests),
                hard_low: share(of.sure, name.requests),
                hard_high: share(of.perhaps, name.requests),
                ..name.clone()
            });
        }
    }
    for standing in &mut measured.standings {
        if let Some(radius) = &mut standing.blast_radius {
            radius.entries.sort_by(|a, b| {
                b.requests
                    .total_cmp(&a.requests)
                    .then_with(|| (&a.service, &a.operation).cmp(&(&b.service, &b.operation)))
            });
        }
    }
    measured.metric("request_survival", perhaps.random_area());
    measured.metric("request_survival_high", sure.random_area());
    measured.metric("request_survival_targeted", perhaps.greedy_area());
    say(graph, measured);
}

fn entry_key<'a>(graph: &Graph<'a>, shape: &Shape) -> (usize, &'a str, u8) {
    let service = graph.system.vertex_of[shape.entry.node as usize];
    (
        service,
        graph.text(shape.entry.operation),
        shape.entry.kind as u8,
    )
}

/// Returns how many requests of one weight would tell as much.
fn effective(shapes: &[Shape], weight: u128, squares: u128) -> u64 {
    effective_number(weight as f64, squares as f64)
        .unwrap_or_else(|| total(shapes.iter().map(|shape| shape.requests)))
}

/// Services of which a finding says what falls with them.
const SAID: usize = 10;

fn say(graph: &Graph<'_>, measured: &mut Measured) {
    let radii = (0u32..).zip(&measured.standings);
    let mut inner: Vec<(u32, &BlastRadius)> = radii
        .filter_map(|(node, standing)| Some((node, standing.blast_radius.as_ref()?)))
        .collect();
    inner.sort_by(|(a, x), (b, y)| {
        let ((x_low, x_high), (y_low, y_high)) = (x.from_elsewhere, y.from_elsewhere);
        y_low
            .total_cmp(&x_low)
            .then(y_high.total_cmp(&x_high))
            .then(a.cmp(b))
    });
    let most = |share: fn(&BlastRadius) -> f64| {
        inner.iter().map(|(_, of)| share(of)).max_by(f64::total_cmp)
    };
    let (low, high) = (
        most(|of| of.from_elsewhere.0),
        most(|of| of.from_elsewhere.1),
    );
    let mut findings = Vec::new();
    for (node, radius) in inner.into_iter().take(SAID) {
        if radius.from_elsewhere.0 == 0.0 {
            break;
        }
        let name = graph.name(node);
        let perhaps = match radius.hard_high > radius.hard_low {
            true => format!(", up to {}", text::percent(radius.hard_high)),
            false => String::new(),
        };
        let requests = graph.traffic().requests;
        let fallen = match graph.importance.is_even() {
            true => radius.hard_low,
            false => {
                let of_entries = radius.entries.iter().map(|of| of.hard_low * of.requests);
                of_entries.sum::<f64>() / graph.traffic().weight
            }
        };
        findings.push(Finding {
            value: radius.hard_low,
            interval: Some(radius.interval),
            grade: Grade::Measured,
            count: (fallen * requests as f64).round() as u64,
            of: requests,
            text: format!(
                "without {name}, {} of the {} fall{perhaps}; {} use it",
                text::percent(radius.hard_low),
                graph.importance.requests(),
                text::percent(radius.touch),
            ),
            ..Finding::of(
                BLAST_RADIUS.name,
                "blast_radius",
                Subject::Service(name.to_owned()),
            )
        });
    }
    measured.findings.append(&mut findings);
    measured.metric("max_blast_radius_low", low);
    measured.metric("max_blast_radius", high);
    if graph.traffic().missing > 0 {
        measured.notes.push(format!(
            "what falls with a service is told by {} of {} requests: the shapes of the others were not kept",
            text::count(graph.traffic().requests),
            text::count(graph.traffic().requests + graph.traffic().missing),
        ));
    }
}
