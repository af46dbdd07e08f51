//! Shapes past their bounds: what stays, and what adds up.

use super::*;
use crate::fold::catalogue::{Node, NodeKind};
use crate::model::names::ABSENT;

/// A request: where it enters, whom it calls, and what failed.
type Request = (EntryKey, Vec<Step>, Vec<StepCount>, u64);

fn catalogue() -> Catalogue {
    let texts: Vec<Box<str>> = (0..40)
        .map(|number| format!("{number:02}").into())
        .collect();
    let node = |name| Node {
        kind: NodeKind::Service,
        namespace: ABSENT,
        name,
        address: ABSENT,
    };
    Catalogue::new(texts, (0..40).map(node).collect())
}

/// Returns requests of which many share a shape.
fn requests() -> Vec<Request> {
    (0..3_000u64)
        .map(|number| {
            let chance = mix(mix(number) % 700);
            let entry = EntryKey {
                node: 1 + (chance % 3) as u32,
                operation: (chance % 5) as NameId,
                kind: EntryKind::Request,
            };
            let step = |depth: u64| Step {
                depth: depth as u16,
                sync: chance >> depth & 1 == 0,
                node: 1 + (mix(chance ^ depth) % 39) as u32,
            };
            let steps: Vec<Step> = (0..1 + chance % 9).map(step).collect();
            let failed = u32::from(mix(number).is_multiple_of(7));
            let count = StepCount {
                calls: 1,
                failed,
                failed_requests: failed,
            };
            let counts = vec![count; steps.len()];
            (entry, steps, counts, 1 + number % 2)
        })
        .collect()
}

fn with_bounds(shapes: usize, steps: usize) -> Shapes {
    Shapes {
        bounds: Bounds { shapes, steps },
        ..Shapes::default()
    }
}

fn of(mut shapes: Shapes, catalogue: &Catalogue, requests: &[Request]) -> Shapes {
    for (entry, steps, counts, weight) in requests {
        shapes.add(catalogue, *entry, (steps, counts), *weight);
    }
    shapes
}

/// Returns everything there is to know of shapes, in a fixed order.
fn content(shapes: &Shapes) -> (Vec<Shape>, Vec<Remainder>, u32) {
    let mut list = shapes.list.clone();
    list.sort_unstable_by(|a, b| (a.entry, &a.steps).cmp(&(b.entry, &b.steps)));
    (list, shapes.remainders.clone(), shapes.halvings)
}

#[test]
fn what_stays_past_the_bounds_depends_on_the_set_alone() {
    let catalogue = catalogue();
    let mut requests = requests();
    for (shapes, steps) in [
        (1_000, 10_000),
        (100, 10_000),
        (1_000, 300),
        (17, 90),
        (0, 0),
    ] {
        let empty = || with_bounds(shapes, steps);
        let whole = content(&of(empty(), &catalogue, &requests));
        let is_bounded = whole.2 > 0;
        assert_eq!(is_bounded, shapes < 1_000 || steps < 10_000);
        assert!(
            whole.0.len() <= shapes
                && whole.0.iter().map(|shape| shape.steps.len()).sum::<usize>() <= steps
        );
        let kept: u64 = whole.0.iter().map(|shape| shape.requests).sum();
        let rest: u64 = whole.1.iter().map(|remainder| remainder.requests).sum();
        assert_eq!(kept + rest, requests.len() as u64, "requests add up");
        let weight = whole
            .0
            .iter()
            .map(|shape| shape.weight)
            .chain(whole.1.iter().map(|remainder| remainder.weight));
        assert_eq!(
            weight.sum::<u64>(),
            requests.iter().map(|request| request.3).sum::<u64>(),
            "weights add up"
        );
        for round in 0..6 {
            requests.sort_by_key(|request| mix(hash(&request.0, &request.1) ^ request.3 ^ round));
            let cut = 1 + (mix(round) % 2_900) as usize;
            let (first, second) = requests.split_at(cut);
            let mut sum = of(empty(), &catalogue, second);
            sum.merge(of(empty(), &catalogue, first));
            assert_eq!(
                content(&sum),
                whole,
                "bounds {shapes} and {steps}, cut at {cut}"
            );
            let thirds = requests
                .chunks(1_000)
                .map(|third| of(empty(), &catalogue, third));
            let sum = thirds.fold(empty(), |mut sum, third| {
                sum.merge(third.clone());
                sum
            });
            assert_eq!(
                content(&sum),
                whole,
                "bounds {shapes} and {steps}, in thirds"
            );
        }
    }
}

#[test]
fn a_request_of_too_many_steps_is_counted_without_its_shape() {
    let catalogue = catalogue();
    let (entry, _, counts, _) = requests().remove(0);
    let step = Step {
        depth: 1,
        sync: true,
        node: 1,
    };
    for (steps, kept) in [(MAX_STEPS_OF_ONE, 1), (MAX_STEPS_OF_ONE + 1, 0)] {
        let mut shapes = Shapes::default();
        shapes.add(
            &catalogue,
            entry,
            (&vec![step; steps], &vec![counts[0]; steps]),
            3,
        );
        assert_eq!(
            (shapes.list().len(), shapes.remainders().len()),
            (kept, 1 - kept),
            "{steps} steps"
        );
        assert!(
            shapes
                .remainders()
                .iter()
                .all(|remainder| (remainder.requests, remainder.weight) == (1, 3))
        );
    }
}
