//! Whom a loss hits: requests by the region and the cell they enter, and tenants in place of requests.
//!
//! A tenant is hit when one of its requests is: it uses the node with the first that does, and falls with the first that falls.
//! Tenants count each as one, and again each as often as it has requests, because one large customer may be most of a system.
//!
//! Left out on purpose: requests of which no tenant is known, or more than one; requests whose shapes were not kept.

use std::collections::BTreeMap;

use crate::finding::{PlaceRadius, TenantRadius};
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::Table;
use crate::fold::requests::{PLACES, REQUESTS, TENANTS, WEIGHT, shape_of};
use crate::fold::shape::Shape;
use crate::fold::topology::Map;
use crate::pass::Graph;
use crate::pass::chance::{Chance, Requests, of_count, of_sizes};

use super::{Need, Sums};

/// A shape, and what its requests need.
type Needed<'a> = (&'a Shape, Vec<(u32, Need)>);

/// What the requests of every shape need, by the rank of the shape.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    of: Map<u64, Needed<'a>>,
}

impl<'a> Known<'a> {
    /// Returns a place for the shapes of a graph, if some table asks for them.
    pub(super) fn new(graph: &Graph<'_>) -> Option<Known<'a>> {
        let is_used = |table: Option<&Table>| table.is_some_and(|table| !table.rows().is_empty());
        let is_asked = is_used(graph.table(&PLACES)) || is_used(graph.table(&TENANTS));
        is_asked.then(Known::default)
    }

    /// Notes what the requests of a shape need.
    pub(super) fn push(&mut self, shape: &'a Shape, needs: &[(u32, Need)]) {
        self.of.insert(shape.rank(), (shape, needs.to_vec()));
    }

    /// Returns, for every node, the places in which requests enter that use it.
    pub(super) fn places(&self, graph: &Graph<'_>) -> Vec<Vec<PlaceRadius>> {
        let mut by_node = vec![Vec::new(); graph.n_nodes()];
        let Some(table) = graph.table(&PLACES) else {
            return by_node;
        };
        let mut totals: BTreeMap<(&str, &str), (u64, Requests)> = BTreeMap::new();
        let mut sums: BTreeMap<(u32, &str, &str), Sums> = BTreeMap::new();
        for (key, record) in table.rows() {
            let Some((shape, needs)) = self.of.get(&shape_of(key)) else {
                continue;
            };
            let weight = weighed(graph, shape, record.sums[WEIGHT]);
            for (kind, name) in [("region", key.parts[0]), ("cell", key.parts[1])] {
                let name = graph.text(name);
                if name.is_empty() {
                    continue;
                }
                let (total, requests) = totals.entry((kind, name)).or_default();
                *total = total.saturating_add(weight);
                requests.push(needs, record.sums[REQUESTS], weight);
                for &(node, need) in needs {
                    sums.entry((node, kind, name))
                        .or_default()
                        .add(need, weight);
                }
            }
        }
        let drawn = totals.into_iter();
        let drawn = drawn.map(|(place, (total, requests))| (place, (total, requests.shares())));
        let drawn: BTreeMap<(&str, &str), (u64, Chance)> = drawn.collect();
        for ((node, kind, name), of) in sums {
            let (total, chance) = &drawn[&(kind, name)];
            by_node[node as usize].push(PlaceRadius {
                kind,
                name: name.to_owned(),
                shares: of.shares(*total, chance.of_falls(node)),
            });
        }
        for places in &mut by_node {
            places.sort_by(|a, b| {
                (b.kind.cmp(a.kind))
                    .then(b.shares.requests.total_cmp(&a.shares.requests))
                    .then_with(|| a.name.cmp(&b.name))
            });
        }
        by_node
    }

    /// Returns which tenants fall with every node; none when no request names its tenant.
    pub(super) fn tenants(&self, graph: &Graph<'_>) -> Option<Tenants> {
        let table = graph.table(&TENANTS)?;
        let rows = table.rows();
        let mut tenants = Tenants {
            by_node: vec![Hit::default(); graph.n_nodes()],
            is_sampled: table.bounds().1 > 0,
            ..Tenants::default()
        };
        for of_one in rows.chunk_by(|(a, _), (b, _)| a.parts[..2] == b.parts[..2]) {
            let mut worst: BTreeMap<u32, (Need, Exemplars)> = BTreeMap::new();
            let mut size = 0u64;
            for (key, record) in of_one {
                let Some((shape, needs)) = self.of.get(&shape_of(key)) else {
                    continue;
                };
                tenants.requests = tenants.requests.saturating_add(record.sums[REQUESTS]);
                size = size.saturating_add(weighed(graph, shape, record.sums[WEIGHT]));
                for &(node, need) in needs {
                    let (known, exemplars) = worst.entry(node).or_default();
                    if need > *known {
                        *exemplars = Exemplars::default();
                    }
                    *known = need.max(*known);
                    if need == *known {
                        exemplars.merge(&record.exemplars);
                    }
                }
            }
            if size == 0 {
                continue;
            }
            tenants.all.add(Need::Sure, 1);
            tenants.sizes = tenants.sizes.saturating_add(size);
            tenants.squares += (size as f64) * (size as f64);
            for (node, (need, exemplars)) in worst {
                let hit = &mut tenants.by_node[node as usize];
                hit.tenants.add(need, 1);
                hit.sizes.add(need, size);
                if need == Need::Sure {
                    hit.exemplars.merge(&exemplars);
                }
            }
        }
        (tenants.all.touch > 0).then_some(tenants)
    }
}

/// Returns how much requests of a shape count that sampling gave this weight.
fn weighed(graph: &Graph<'_>, shape: &Shape, weight: u64) -> u64 {
    let vertex = graph.system.vertex_of[shape.entry.node as usize];
    let operation = graph.text(shape.entry.operation);
    graph
        .importance
        .weigh(&graph.declared, vertex, operation, weight)
}

/// Who is hit by the loss of each node.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    /// Tenants, and the weight of their requests.
    all: Sums,
    sizes: u64,
    squares: f64,
    /// Requests of which the tenant is known.
    pub(super) requests: u64,
    /// Whether there were too many tenants to keep.
    pub(super) is_sampled: bool,
    by_node: Vec<Hit>,
}

/// Who is hit by the loss of one node.
#[derive(Clone, Debug, Default)]
struct Hit {
    tenants: Sums,
    sizes: Sums,
    exemplars: Exemplars,
}

impl Tenants {
    /// Returns how many there are.
    pub(super) fn count(&self) -> u64 {
        self.all.touch
    }

    /// Returns how many surely fall with a node.
    pub(super) fn fallen(&self, node: u32) -> u64 {
        self.by_node[node as usize].tenants.sure
    }

    /// Returns traces of requests of tenants that surely fall with a node.
    pub(super) fn exemplars(&self, node: u32) -> &Exemplars {
        &self.by_node[node as usize].exemplars
    }

    /// Returns the shares of those that a node takes along.
    pub(super) fn radius(&self, node: u32) -> TenantRadius {
        let Hit { tenants, sizes, .. } = &self.by_node[node as usize];
        let n = self.count();
        let share = |part: u64, of: u64| (part as f64 / of.max(1) as f64).min(1.0);
        let by_size = |part: u64| share(part, self.sizes);
        let of_size = |part: u64| of_sizes(by_size(part), self.sizes as f64, self.squares);
        TenantRadius {
            tenants: n,
            touch: share(tenants.touch, n),
            hard_low: share(tenants.sure, n),
            hard_high: share(tenants.perhaps, n),
            interval: (
                of_count(tenants.sure, n).low,
                of_count(tenants.perhaps, n).high,
            ),
            by_size: (
                by_size(sizes.touch),
                by_size(sizes.sure),
                by_size(sizes.perhaps),
            ),
            by_size_interval: (of_size(sizes.sure).low, of_size(sizes.perhaps).high),
        }
    }
}
