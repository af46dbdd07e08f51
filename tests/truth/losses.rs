//! The shapes of requests on a good day say who takes which requests along when it dies.

use std::collections::BTreeMap;

use topple::fold::shape::Shape;
use topple::fold::system::System;
use topple::trace::link::EntryKind;

use crate::simulator::program::secs;
use crate::simulator::scenarios::{self, SHOP};
use crate::simulator::system::{Effect, Place};
use crate::simulator::truth::Truth;
use crate::support::system;

/// Returns whether a request of this shape fails without a service: it waits for it through hard calls alone.
fn needs(system: &System, shape: &Shape, service: &str, truth: &Truth) -> bool {
    let name = |node: u32| {
        system.vertices[system.vertex_of[node as usize]]
            .name
            .as_str()
    };
    let mut above: Vec<(&str, bool)> = Vec::new();
    for step in &shape.steps {
        above.truncate(usize::from(step.depth));
        let own = name(step.node);
        let is_needed = match above.last() {
            Some((caller, is_needed)) => {
                let mut hard = truth.hard.iter();
                *is_needed && step.sync && hard.any(|pair| *pair == (*caller, own))
            }
            None => true,
        };
        if is_needed && own == service {
            return true;
        }
        above.push((own, is_needed));
    }
    false
}

/// Returns the share of the requests of each entry point that need a service.
fn predicted(system: &System, service: &str, truth: &Truth) -> BTreeMap<(String, String), f64> {
    let mut sums: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for shape in system.rest.shapes.list() {
        if shape.entry.kind != EntryKind::Request {
            continue;
        }
        let vertex = system.vertex_of[shape.entry.node as usize];
        let operation = system.rest.catalogue.text(shape.entry.operation);
        let key = (system.vertices[vertex].name.clone(), operation.to_owned());
        let (all, lost) = sums.entry(key).or_default();
        *all += shape.requests;
        if needs(system, shape, service, truth) {
            *lost += shape.requests;
        }
    }
    let share = |(all, lost): (u64, u64)| lost as f64 / all as f64;
    sums.into_iter()
        .map(|(key, sums)| (key, share(sums)))
        .collect()
}

#[test]
fn what_dies_with_a_service_is_known_beforehand() {
    let well = scenarios::healthy(1).run();
    let system = system(&well);
    let mut outcomes = Vec::new();
    for service in SHOP {
        let shares = predicted(&system, service, &well.truth);
        // Another day, with other requests.
        let truth = scenarios::without(2, service).run().truth;
        for (&(entry, operation), &(requests, lost)) in &truth.lost[service] {
            let lost = lost as f64 / requests as f64;
            let said = shares[&(entry.to_owned(), operation.to_owned())];
            assert!(
                (said - lost).abs() < 0.02,
                "{operation} without {service}: {said} and not {lost}"
            );
            outcomes.push(lost);
        }
    }
    assert!(outcomes.contains(&0.0) && outcomes.contains(&1.0));
}

#[test]
fn a_call_that_is_not_always_made_is_not_always_missed() {
    let well = scenarios::sometimes(3).run();
    let system = system(&well);
    let lost = |service| {
        let dead = (0..secs(1000), Place::Service(service), Effect::Dead);
        let truth = scenarios::sometimes(4)
            .when(dead.0, dead.1, dead.2)
            .run()
            .truth;
        let (requests, lost) = truth.lost[service][&("page", "GET /page")];
        lost as f64 / requests as f64
    };
    let said = |service| {
        let shares = predicted(&system, service, &well.truth);
        shares[&("page".to_owned(), "GET /page".to_owned())]
    };
    for service in ["details", "reviews"] {
        let (said, lost) = (said(service), lost(service));
        assert!(
            (said - lost).abs() < 0.02,
            "{service}: {said} and not {lost}"
        );
        assert!((0.1..0.9).contains(&lost), "{service}: {lost}");
    }
}
