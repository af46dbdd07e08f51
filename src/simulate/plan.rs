//! The shapes of requests, ready to be gone through again and again.
//!
//! Terms: a *step* is a position in a shape; a *place* is what the steps at one position of all shapes of one entry point are
//! together. Parents come before their children, so that going backwards is going upwards. Shapes are put in an order of
//! their own, because sums of floats depend on it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::algo::stats::{effective_number, total};
use crate::fold::shape::{Shape, StepCount};
use crate::fold::sketch::Sketch;
use crate::fold::system::EntryPoint;
use crate::model::dictionary::Weight;
use crate::pass::Graph;
use crate::simulate::links::{End, Facts, Link};
use crate::trace::link::EntryKind;

/// No step, or no place.
pub(super) const NONE: u32 = u32::MAX;

/// Everything that is gone through.
pub(super) struct Plan {
    pub(super) links: Vec<Link>,
    pub(super) entries: Vec<Entry>,
    pub(super) places: Vec<Place>,
    pub(super) shapes: Vec<Requests>,
    pub(super) steps: Vec<Step>,
}

/// An entry point.
pub(super) struct Entry {
    /// The vertex of its service.
    pub(super) service: usize,
    pub(super) operation: String,
    pub(super) kind: EntryKind,
    pub(super) places: Range<usize>,
    pub(super) shapes: Range<usize>,
    /// Requests whose shapes were kept, weighted.
    pub(super) weight: f64,
    /// How much a request counts against those of other entry points.
    pub(super) counts: f64,
    /// Requests whose shapes were kept.
    pub(super) requests: u64,
    /// How many requests of one weight would tell as much.
    pub(super) effective: u64,
    /// The share of all requests that succeeded.
    pub(super) observed: f64,
    /// How long requests took.
    pub(super) duration: Sketch,
}

/// Requests of one shape.
pub(super) struct Requests {
    pub(super) weight: f64,
    /// The sum of the squares of their weights.
    pub(super) squares: f64,
    pub(super) steps: Range<usize>,
}

/// A position in a shape.
pub(super) struct Step {
    /// The step above, of all steps; [`NONE`] for the first.
    pub(super) parent: u32,
    pub(super) place: u32,
    /// Logical calls per attempt at the step above.
    pub(super) calls: f64,
}

/// A position in the shapes of an entry point.
pub(super) struct Place {
    /// The place above; [`NONE`] for the first.
    pub(super) parent: u32,
    pub(super) link: u32,
    /// Logical calls per attempt at the place above.
    pub(super) calls: f64,
    /// The share of attempts that failed.
    pub(super) failed: f64,
    /// Attempts per request of the entry point, but no more than one.
    pub(super) share: f64,
}

/// Sums over the steps at one place.
#[derive(Clone, Copy, Default)]
struct Sums {
    attempts: f64,
    calls: f64,
    failed: f64,
}

impl Plan {
    /// Returns the plan of all shapes that were kept. O(steps log steps).
    pub(super) fn of(graph: &Graph<'_>) -> Plan {
        let mut facts = Facts::of(graph);
        let mut points: BTreeMap<(usize, &str, u8), &EntryPoint> = BTreeMap::new();
        for point in &graph.system.entries {
            let key = (point.service, point.operation.as_str(), point.kind as u8);
            points.insert(key, point);
        }
        let mut plan = Plan {
            links: Vec::new(),
            entries: Vec::new(),
            places: Vec::new(),
            shapes: Vec::new(),
            steps: Vec::new(),
        };
        let mut place_sums: Vec<Sums> = Vec::new();
        let shapes = sorted(graph);
        for of_entry in shapes.chunk_by(|a, b| a.0 == b.0) {
            let &(key, _, first) = &of_entry[0];
            let point = points.get(&key);
            let (places, shapes) = (plan.places.len(), plan.shapes.len());
            let mut known: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            for (_, _, shape) in of_entry {
                plan.add(graph, &mut facts, shape, &mut known, &mut place_sums);
            }
            let weight = plan.shapes[shapes..].iter().map(|of| of.weight).sum();
            let entry = point.map(|point| &point.entry);
            let observed = entry.filter(|entry| entry.weight > 0).map_or(1.0, |entry| {
                1.0 - entry.failed.min(entry.weight) as f64 / entry.weight as f64
            });
            plan.entries.push(Entry {
                service: key.0,
                operation: key.1.to_owned(),
                kind: first.entry.kind,
                places: places..plan.places.len(),
                shapes: shapes..plan.shapes.len(),
                weight,
                counts: match graph.importance.is_even() {
                    true => 1.0,
                    false => graph.declared.weight(key.0, key.1),
                },
                effective: effective(plan.shapes[shapes..].iter().map(|of| (1.0, of))),
                requests: total(of_entry.iter().map(|(_, _, shape)| shape.requests)),
                observed,
                duration: entry
                    .map(|entry| entry.duration_ns.clone())
                    .unwrap_or_default(),
            });
        }
        for at in 0..plan.places.len() {
            let (sums, parent) = (place_sums[at], plan.places[at].parent);
            let above = match parent {
                NONE => sums.attempts,
                parent => place_sums[parent as usize].attempts,
            };
            plan.places[at].calls = per_attempt(sums.calls, sums.attempts, above);
            plan.places[at].failed = (sums.failed / sums.attempts.max(1.0)).min(1.0);
        }
        for entry in &plan.entries {
            let requests = place_sums[entry.places.start].attempts;
            for at in entry.places.clone() {
                plan.places[at].share = (place_sums[at].attempts / requests).min(1.0);
            }
        }
        plan.links = facts.links;
        plan
    }

    fn add(
        &mut self,
        graph: &Graph<'_>,
        facts: &mut Facts<'_, '_>,
        shape: &Shape,
        known: &mut BTreeMap<(u32, u32), u32>,
        sums: &mut Vec<Sums>,
    ) {
        let start = self.steps.len();
        // The step at each depth, its end, and its attempts.
        let mut path: Vec<(u32, End, f64)> = Vec::new();
        for (step, count) in shape.steps.iter().zip(&shape.counts) {
            path.truncate(usize::from(step.depth));
            let end = match graph.node_of_topology(step.node) {
                Some(node) => End::Node(node),
                None => End::LeftOut,
            };
            let above = path.last().copied();
            let from = above.map_or(End::Users, |(_, end, _)| end);
            let sync = step.sync || above.is_none();
            let link = facts.link((from, end, sync));
            let above_place = above.map_or(NONE, |(step, _, _)| self.steps[step as usize].place);
            let next = self.places.len() as u32;
            let place = *known.entry((above_place, link)).or_insert(next);
            if place == next {
                self.places.push(Place {
                    parent: above_place,
                    link,
                    calls: 1.0,
                    failed: 0.0,
                    share: 1.0,
                });
                sums.push(Sums::default());
            }
            let attempts = f64::from(count.calls.max(1));
            let calls = logical(*count, facts.links[link as usize].attempts);
            let sum = &mut sums[place as usize];
            sum.attempts += attempts;
            sum.calls += calls;
            sum.failed += f64::from(count.failed);
            let number = self.steps.len() as u32;
            self.steps.push(Step {
                parent: above.map_or(NONE, |(step, _, _)| step),
                place,
                calls: per_attempt(calls, attempts, above.map_or(attempts, |(_, _, of)| of)),
            });
            path.push((number, end, attempts));
        }
        let weight = Weight(shape.weight).value();
        self.shapes.push(Requests {
            weight,
            squares: weight * weight / shape.requests.max(1) as f64,
            steps: start..self.steps.len(),
        });
    }

    /// Returns the shapes of an entry point.
    pub(super) fn shapes_of(&self, entry: &Entry) -> &[Requests] {
        &self.shapes[entry.shapes.clone()]
    }

    /// Returns how many requests of one weight would tell as much as all do.
    pub(super) fn effective(&self) -> u64 {
        let entries = self.entries.iter();
        effective(entries.flat_map(|entry| {
            let shapes = self.shapes_of(entry).iter();
            shapes.map(|of| (entry.counts, of))
        }))
    }

    /// Returns the link of a place.
    pub(super) fn link(&self, place: u32) -> &Link {
        &self.links[self.places[place as usize].link as usize]
    }
}

/// Returns how many requests of one weight would tell as much as those of shapes, with how much each counts.
fn effective<'a>(shapes: impl Iterator<Item = (f64, &'a Requests)>) -> u64 {
    let (mut weight, mut squares) = (0.0, 0.0);
    for (counts, of) in shapes {
        weight += of.weight * counts;
        squares += of.squares * counts * counts;
    }
    effective_number(weight, squares).unwrap_or(0)
}

/// Returns how many logical calls the attempts at a step were: a failed one that was not the last of its request was repeated.
fn logical(count: StepCount, most_attempts: u64) -> f64 {
    let attempts = count.calls.max(1);
    if most_attempts <= 1 {
        return f64::from(attempts);
    }
    let repeated = count.failed.saturating_sub(count.failed_requests);
    f64::from(attempts.saturating_sub(repeated).max(1))
}

/// Returns how many logical calls are made per attempt above. Where there are at least as many attempts as above, it is one
/// call or more.
fn per_attempt(calls: f64, attempts: f64, above: f64) -> f64 {
    let calls = calls / above.max(1.0);
    if attempts >= above {
        calls.max(1.0)
    } else {
        calls
    }
}

/// What shapes are ordered by: their entry point, then their steps and counts.
type Sorted<'a> = ((usize, &'a str, u8), Vec<(u16, bool, usize)>, &'a Shape);

fn sorted<'a>(graph: &Graph<'a>) -> Vec<Sorted<'a>> {
    let system = graph.system;
    let shapes = system.rest.shapes.list().iter();
    let mut sorted: Vec<Sorted<'a>> = shapes
        .filter(|shape| !system.vertices[system.vertex_of[shape.entry.node as usize]].ignored)
        .map(|shape| {
            let entry = (
                system.vertex_of[shape.entry.node as usize],
                graph.text(shape.entry.operation),
                shape.entry.kind as u8,
            );
            let steps = shape.steps.iter();
            let steps =
                steps.map(|step| (step.depth, step.sync, system.vertex_of[step.node as usize]));
            (entry, steps.collect(), shape)
        })
        .collect();
    let counts = |shape: &Shape| -> Vec<[u32; 3]> {
        let counts = shape.counts.iter();
        counts
            .map(|of| [of.calls, of.failed, of.failed_requests])
            .collect()
    };
    sorted.sort_by(|a, b| {
        (&a.0, &a.1).cmp(&(&b.0, &b.1)).then_with(|| {
            let key = |shape: &Shape| (shape.requests, shape.weight, counts(shape));
            key(a.2).cmp(&key(b.2))
        })
    });
    sorted
}
