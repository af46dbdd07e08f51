//! Which requests fall when a node falls, over the call trees of the requests that were seen.
//!
//! A node *kills* a request if a path of hard edges leads from the entry to it in the request's own tree. Edges of which
//! nothing is known count as soft for the lower bound and as hard for the upper one; calls nobody waits for kill nobody. A
//! service needs itself. Requests count by their weights and those of their entry points ([`crate::pass::importance`]).
//!
//! Shares are of requests, which are independent of each other and are drawn again for the intervals ([`crate::pass::chance`]).
//! O(steps), and O(steps log nodes) for the order in which most is lost.

mod groups;

use std::collections::BTreeMap;

use crate::algo::survival::Losses;
use crate::finding::{
    BlastRadius, Dependency, EntryRadius, Finding, Grade, Shares, Subject, Survival, TenantRadius,
};
use crate::fold::requests::TENANTS;
use crate::fold::shape::Shape;
use crate::model::dictionary::Weight;
use crate::pass::chance::{Chance, REPLICATES, Requests};
use crate::pass::graph::SEED;
use crate::pass::trace::{origins, shown};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

use self::groups::{Known, Tenants};

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
        self.found.clear();
        self.walk(graph, shape, |found, node, need, _| {
            found.extend(node.map(|node| (node, need)));
        });
        self.found
            .sort_unstable_by_key(|&(node, need)| (node, std::cmp::Reverse(need)));
        self.found.dedup_by_key(|(node, _)| *node);
        &self.found
    }

    /// Returns how far down the requests of a shape need something at least so surely.
    pub(in crate::pass) fn depth(
        &mut self,
        graph: &Graph<'_>,
        shape: &Shape,
        least: Need,
    ) -> usize {
        let mut deepest = 0;
        self.walk(graph, shape, |_, _, need, depth| {
            if need >= least {
                deepest = deepest.max(depth);
            }
        });
        deepest
    }

    /// Calls `f` with every step: its node, how surely it is needed, and its depth.
    fn walk(
        &mut self,
        graph: &Graph<'_>,
        shape: &Shape,
        mut f: impl FnMut(&mut Vec<(u32, Need)>, Option<u32>, Need, usize),
    ) {
        self.path.clear();
        for step in &shape.steps {
            let depth = usize::from(step.depth);
            self.path.truncate(depth);
            let node = graph.node_of_topology(step.node);
            let need = match self.path.last() {
                None => Need::Sure,
                Some(_) if !step.sync => Need::Touch,
                Some(&(above, need)) => need.min(edge(graph, above, node)),
            };
            f(&mut self.found, node, need, depth);
            self.path.push((node, need));
        }
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

impl Sums {
    /// Returns the sums as shares of requests of so much weight.
    fn shares(self, all: u64, interval: (f64, f64)) -> Shares {
        let share = |part: u64| (part as f64 / all.max(1) as f64).min(1.0);
        Shares {
            requests: Weight(all).value(),
            touch: share(self.touch),
            hard_low: share(self.sure),
            hard_high: share(self.perhaps),
            interval,
        }
    }
}

/// The requests of one entry point.
#[derive(Debug, Default)]
struct Entry {
    requests: Requests,
    /// By node that some of them use.
    sums: BTreeMap<u32, Sums>,
    total: u64,
}

impl Entry {
    /// Adds the requests of a shape, with what they need.
    fn push(&mut self, needs: &[(u32, Need)], shape: &Shape) {
        for &(node, need) in needs {
            self.sums.entry(node).or_default().add(need, shape.weight);
        }
        self.requests.push(needs, shape.requests, shape.weight);
        self.total = self.total.saturating_add(shape.weight);
    }

    /// Returns which of the requests fall with each node that some of them use.
    fn radii(self, service: &str, operation: &str) -> impl Iterator<Item = (u32, EntryRadius)> {
        let chance = self.requests.shares();
        self.sums.into_iter().map(move |(node, of)| {
            let radius = EntryRadius {
                service: service.to_owned(),
                operation: operation.to_owned(),
                shares: of.shares(self.total, chance.of_falls(node)),
            };
            (node, radius)
        })
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
    // One entry point after the other: what is drawn for one is not held for all.
    let mut by_entry: Vec<_> = shapes
        .iter()
        .map(|shape| (entry_key(graph, shape), shape))
        .collect();
    by_entry.sort_by_key(|(key, _)| *key);
    let mut sums = vec![Sums::default(); graph.n_nodes()];
    let mut elsewhere = sums.clone();
    let (mut sure, mut perhaps) = (Losses::new(graph.n_nodes()), Losses::new(graph.n_nodes()));
    let mut requests = Requests::default();
    let mut known = Known::new(graph);
    let mut needs = Needs::default();
    let mut radii: Vec<(u32, EntryRadius)> = Vec::new();
    for of_entry in by_entry.chunk_by(|(a, _), (b, _)| a == b) {
        let mut entry = Entry::default();
        for (_, shape) in of_entry {
            let counted = graph.count_of(shape);
            let found = needs.of(graph, shape);
            let root = shape.steps.first().map(|step| step.node);
            let root = root.and_then(|root| graph.node_of_topology(root));
            for &(node, need) in found {
                sums[node as usize].add(need, counted);
                if root != Some(node) {
                    elsewhere[node as usize].add(need, counted);
                }
            }
            let at_least = |least: Need| {
                let some = found.iter().filter(move |(_, need)| *need >= least);
                some.map(|(node, _)| *node)
            };
            sure.push(at_least(Need::Sure), counted);
            perhaps.push(at_least(Need::Perhaps), counted);
            requests.push(found, shape.requests, counted);
            entry.push(found, shape);
            if let Some(known) = &mut known {
                known.push(shape, found);
            }
        }
        let (service, operation, _) = of_entry[0].0;
        radii.extend(entry.radii(&graph.system.vertices[service].name, operation));
    }
    radii.sort_by(|(a, x), (b, y)| {
        a.cmp(b)
            .then(y.shares.requests.total_cmp(&x.shares.requests))
            .then_with(|| (&x.service, &x.operation).cmp(&(&y.service, &y.operation)))
    });
    let total = graph.importance.kept;
    let chance = requests.shares_and_survival(graph.n_nodes());
    let places = known.as_ref().map(|known| known.places(graph));
    let mut places = places.unwrap_or_else(|| vec![Vec::new(); graph.n_nodes()]);
    let tenants = known.as_ref().and_then(|known| known.tenants(graph));
    let observed = origins::observed(graph);
    let mut radii = radii.into_iter();
    let share = |units: u64| (Weight(units).value() / total).min(1.0);
    for (node, (standing, of)) in measured.standings.iter_mut().zip(&sums).enumerate() {
        let (low, high) = (share(of.sure), share(of.perhaps));
        let interval = |need: Need| chance.of(node as u32, need);
        let seen = observed.as_ref().map(|by_node| {
            let lost = by_node.get(&(node as u32)).copied().unwrap_or(0.0);
            (lost / graph.importance.all).min(1.0)
        });
        let entries = radii.as_slice().iter();
        let n_entries = entries.take_while(|(of, _)| *of == node as u32).count();
        let entries = radii.by_ref().take(n_entries).map(|(_, of)| of).collect();
        standing.blast_radius = Some(Box::new(BlastRadius {
            touch: share(of.touch),
            hard_low: low,
            hard_high: high,
            from_elsewhere: (share(elsewhere[node].sure), share(elsewhere[node].perhaps)),
            touch_interval: interval(Need::Touch),
            low_interval: interval(Need::Sure),
            high_interval: interval(Need::Perhaps),
            observed: seen,
            entries,
            places: std::mem::take(&mut places[node]),
            tenants: tenants.as_ref().map(|tenants| tenants.radius(node as u32)),
        }));
    }
    measured.metric("request_survival", perhaps.random_area());
    measured.metric("request_survival_high", sure.random_area());
    measured.metric("request_survival_targeted", perhaps.greedy_area());
    measured.survival = curve(graph, &sure, &perhaps);
    say_survival(measured, graph, &chance);
    say(graph, measured);
    say_tenants(graph, tenants.as_ref(), measured);
}

/// Services whose loss, one after another, is told.
const LOST: usize = 10;

/// Returns what is left of the requests when more and more services are lost.
fn curve(graph: &Graph<'_>, sure: &Losses, perhaps: &Losses) -> Vec<Survival> {
    let order: Vec<u32> = perhaps.greedy().into_iter().map(|(node, _)| node).collect();
    let order = &order[..order.len().min(LOST)];
    let (low, high) = (perhaps.after(order), sure.after(order));
    let shares = low.into_iter().zip(high);
    (1..)
        .zip(order)
        .zip(shares)
        .map(|((lost, &node), targeted)| {
            let random = |losses: &Losses| losses.random(lost).unwrap_or(1.0);
            Survival {
                lost: lost as u64,
                service: graph.name(node).to_owned(),
                targeted,
                random: (random(perhaps), random(sure)),
            }
        })
        .collect()
}

/// Says how many requests survive, with what chance may have added.
fn say_survival(measured: &mut Measured, graph: &Graph<'_>, chance: &Chance) {
    let metric = |name: &str| measured.metrics.iter().find(|metric| metric.name == name);
    let values = [metric("request_survival"), metric("request_survival_high")];
    let ([Some(low), Some(high)], Some(drawn)) = (values, chance.survival) else {
        return;
    };
    let (low, high) = (low.value, high.value);
    let [(least, _), (_, most)] = drawn.map(|of| (of.low.min(low), of.high.max(high)));
    let range = match low == high {
        true => text::percent(low),
        false => format!("{} to {}", text::percent(low), text::percent(high)),
    };
    let finding = Finding {
        value: low,
        interval: Some((least, most)),
        grade: Grade::Measured,
        of: graph.traffic().requests,
        text: format!(
            "losing services at random, one after another until all are gone, leaves {range} of the {} alive on average (95 %: {} to {}, by {REPLICATES} drawings of the requests, seed {SEED})",
            graph.importance.requests(),
            text::percent(least),
            text::percent(most),
        ),
        ..Finding::new(BLAST_RADIUS.name, "request_survival", Subject::System)
    };
    measured.findings.push(finding);
}

/// Returns the entry point of a shape: service, operation and kind.
fn entry_key<'a>(graph: &Graph<'a>, shape: &Shape) -> (usize, &'a str, u8) {
    let service = graph.system.vertex_of[shape.entry.node as usize];
    (
        service,
        graph.text(shape.entry.operation),
        shape.entry.kind as u8,
    )
}

/// Says which tenants fall, or why that cannot be told.
fn say_tenants(graph: &Graph<'_>, tenants: Option<&Tenants>, measured: &mut Measured) {
    const METRIC: &str = "tenant_radius";
    let Some(tenants) = tenants else {
        let why = match graph.table(&TENANTS) {
            None => "which tenants fall with a service is unknown: fold the traces again",
            Some(_) => {
                "which tenants fall with a service is unknown: no request names one tenant (enduser.id, enduser.pseudo.id, tenant.id, or the attribute that services.tags.tenant names)"
            }
        };
        let untold = Finding::unknown(BLAST_RADIUS.name, METRIC, why);
        measured.findings.push(untold);
        return;
    };
    measured.metric("tenants", tenants.count() as f64);
    let entries = graph.entries();
    let mut nodes: Vec<(u32, TenantRadius)> = (0..graph.n_nodes() as u32)
        .filter(|node| entries.binary_search(node).is_err())
        .map(|node| (node, tenants.radius(node)))
        .collect();
    nodes.sort_by(|(a, x), (b, y)| {
        (y.hard_low.total_cmp(&x.hard_low))
            .then(y.hard_high.total_cmp(&x.hard_high))
            .then(a.cmp(b))
    });
    let most = nodes
        .iter()
        .map(|(_, of)| of.hard_high)
        .max_by(f64::total_cmp);
    measured.metric("max_tenant_radius", most);
    let sampled = match tenants.is_sampled {
        true => ", in a sample of the tenants",
        false => "",
    };
    for (node, of) in nodes.into_iter().take(SAID) {
        if of.hard_low == 0.0 {
            break;
        }
        let name = graph.name(node);
        let perhaps = match of.hard_high > of.hard_low {
            true => format!(", up to {}", text::percent(of.hard_high)),
            false => String::new(),
        };
        measured.findings.push(Finding {
            value: of.hard_low,
            interval: Some(of.interval),
            grade: Grade::Measured,
            count: tenants.fallen(node),
            of: of.tenants,
            exemplars: shown(tenants.exemplars(node)),
            text: format!(
                "without {name}, {} of {} have requests that fall{perhaps}; they are {} by requests{sampled}",
                text::percent(of.hard_low),
                text::plural(of.tenants, "tenant"),
                text::percent(of.by_size.1),
            ),
            ..Finding::of(BLAST_RADIUS.name, METRIC, Subject::Service(name.to_owned()))
        });
    }
    let (known, all) = (tenants.requests, graph.traffic().requests);
    if known < all && !tenants.is_sampled {
        measured.notes.push(format!(
            "which tenants fall is told by {} of {} requests: the others name no tenant, or several",
            text::count(known),
            text::count(all),
        ));
    }
}

/// Services of which a finding says what falls with them.
const SAID: usize = 10;

fn say(graph: &Graph<'_>, measured: &mut Measured) {
    let radii = (0u32..).zip(&measured.standings);
    let mut inner: Vec<(u32, &BlastRadius)> = radii
        .filter_map(|(node, standing)| Some((node, standing.blast_radius.as_deref()?)))
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
                let of_entries = radius
                    .entries
                    .iter()
                    .map(|of| of.shares.hard_low * of.shares.requests);
                of_entries.sum::<f64>() / graph.traffic().weight
            }
        };
        findings.push(Finding {
            value: radius.hard_low,
            interval: Some(radius.interval()),
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
