//! A good day and what is declared about calls say who takes which requests along when it dies: the blast radius and the
//! simulation, against days on which services really are dead.

use std::collections::BTreeMap;

use topple::policy::Policy;
use topple::report::Report;
use topple::simulate::Verb;

use crate::simulator::Run;
use crate::simulator::program::secs;
use crate::simulator::scenarios::{self, SHOP};
use crate::simulator::system::{Effect, Place};
use crate::simulator::truth::Pair;
use crate::support::{declared, report_under, what_if};

/// Prediction and truth may differ by two percentage points.
const CLOSE: f64 = 0.02;

/// Returns the share of the requests of each entry point that is said to fall with a service, by the blast radius and by the
/// simulation, which must agree.
fn said(
    run: &Run,
    policy: &Policy,
    report: &Report,
    service: &str,
) -> BTreeMap<(String, String), f64> {
    let row = report
        .services
        .iter()
        .find(|row| row.name == service)
        .unwrap();
    let radius = row.standing.blast_radius.as_deref().unwrap();
    let simulated = what_if(run, policy, &[(Verb::Kill, service)]);
    assert!(!simulated.drawn);
    let mut said = BTreeMap::new();
    for entry in simulated
        .entries
        .iter()
        .filter(|entry| entry.kind == "request")
    {
        let lost = entry.success.lost();
        assert_eq!(lost.low, lost.high, "every call to {service} is declared");
        assert_eq!(entry.success.before, 1.0);
        let mut entries = radius.entries.iter();
        let same =
            |name: &str, operation: &str| (name, operation) == (&*entry.service, &*entry.operation);
        let of = entries.find(|of| same(&of.service, &of.operation));
        let (low, high) = of.map_or((0.0, 0.0), |of| (of.shares.hard_low, of.shares.hard_high));
        assert_eq!(low, high, "{} without {service}", entry.operation);
        assert!(
            (low - lost.low).abs() < 1e-9,
            "{}: {low} and {}",
            entry.operation,
            lost.low
        );
        said.insert((entry.service.clone(), entry.operation.clone()), lost.low);
    }
    said
}

/// Returns the share of the requests of each entry point that was lost.
fn lost(run: &Run, service: &'static str) -> Vec<(Pair, f64)> {
    let lost = run.truth.lost[service].iter();
    lost.map(|(pair, &(requests, lost))| (*pair, lost as f64 / requests as f64))
        .collect()
}

#[test]
fn what_dies_with_a_service_is_known_beforehand() {
    let well = scenarios::healthy(1).run();
    let policy = declared(&well.truth, "");
    let report = report_under(&well, policy.clone());
    let mut outcomes = Vec::new();
    for service in SHOP {
        let said = said(&well, &policy, &report, service);
        // Another day, with other requests.
        for ((entry, operation), lost) in lost(&scenarios::without(2, service).run(), service) {
            let said = said[&(entry.to_owned(), operation.to_owned())];
            assert!(
                (said - lost).abs() < CLOSE,
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
    let policy = declared(&well.truth, "");
    let report = report_under(&well, policy.clone());
    for service in ["details", "reviews"] {
        let dead = (0..secs(1000), Place::Service(service), Effect::Dead);
        let run = scenarios::sometimes(4).when(dead.0, dead.1, dead.2).run();
        let (_, lost) = lost(&run, service)[0];
        let said = said(&well, &policy, &report, service);
        let said = said[&("page".to_owned(), "GET /page".to_owned())];
        assert!(
            (said - lost).abs() < CLOSE,
            "{service}: {said} and not {lost}"
        );
        assert!((0.1..0.9).contains(&lost), "{service}: {lost}");
    }
}
