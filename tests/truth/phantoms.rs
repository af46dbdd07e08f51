//! Phantom operations, duplicates and wasted time are what happened: counts exactly, time from below.

use topple::finding::Subject;
use topple::report::Report;

use crate::simulator::scenarios;
use crate::simulator::system::System;
use crate::simulator::truth::Truth;
use crate::support::{findings, metric, report};

/// Runs a story and compares what is said of the whole system.
#[track_caller]
fn check(system: System) -> (Truth, Report) {
    let run = system.run();
    let report = report(&run);
    let sum = |count: fn(&crate::simulator::truth::Edge) -> u64| -> f64 {
        run.truth.edges.values().map(count).sum::<u64>() as f64
    };
    assert_eq!(
        metric(&report, "phantom_operations"),
        sum(|edge| edge.phantoms)
    );
    let done_twice = sum(|edge| edge.done_twice) + run.truth.messages_done_twice as f64;
    assert_eq!(metric(&report, "phantom_duplicates"), done_twice);
    // Seconds within a millisecond, or a hundredth of what the caller waited, are left out.
    let least = sum(|edge| edge.outlasted_ns.saturating_sub(edge.phantoms * 2_000_000)) / 1e9;
    let most = sum(|edge| edge.orphan_ns) / 1e9;
    let wasted = metric(&report, "wasted_server_seconds");
    assert!(
        (least..=most).contains(&wasted),
        "{least} <= {wasted} <= {most}"
    );
    (run.truth, report)
}

#[test]
fn timeouts_of_what_succeeds_later() {
    let (truth, report) = check(scenarios::timeouts(1));
    let edge = &truth.edges[&("shop", "payment")];
    let call = |name: &str| name.to_owned();
    let subject = Subject::Call(call("shop"), call("payment"), call("POST /charges"));
    let said: Vec<_> = findings(&report, "phantoms")
        .into_iter()
        .map(|finding| (finding.metric, finding.subject.clone(), finding.count))
        .collect();
    assert_eq!(
        said[0],
        ("phantom_operations", subject.clone(), edge.phantoms)
    );
    assert_eq!(
        said[1],
        ("phantom_duplicates", subject.clone(), edge.done_twice)
    );
    assert_eq!((said[2].0, &said[2].1), ("wasted_server_seconds", &subject));
}

#[test]
fn one_clock_tells_every_second_that_nobody_waited_for() {
    let on_one_host = |system: System| {
        system
            .change("shop", |shop| shop.on(["one"]))
            .change("payment", |payment| payment.on(["one"]))
    };
    let run = on_one_host(scenarios::timeouts(11)).run();
    let report = report(&run);
    // But for what is within a millisecond, which clocks may not tell.
    let orphans = &run.truth.edges[&("shop", "payment")].orphans;
    let told = orphans.iter().filter(|ns| **ns > 1_000_000);
    let wasted = told.clone().sum::<u64>() as f64 / 1e9;
    assert_eq!(metric(&report, "wasted_server_seconds"), wasted);
    let said = findings(&report, "phantoms");
    let said = said.iter().find(|of| of.metric == "wasted_server_seconds");
    assert_eq!(said.unwrap().count, told.count() as u64);
}

#[test]
fn clocks_of_two_hosts_prove_what_durations_do_not() {
    // Requests wait in a queue until nobody wants their answers: no server lasts longer than its client waited.
    let run = scenarios::metastable(12).run();
    let edge = &run.truth.edges[&("front", "quotes")];
    assert_eq!(edge.outlasted_ns, 0);
    let report = report(&run);
    let wasted = metric(&report, "wasted_server_seconds") * 1e9;
    let truth = edge.orphan_ns as f64;
    assert!(
        wasted <= truth && wasted > 0.5 * truth,
        "{wasted} of {truth}"
    );
}

#[test]
fn answers_that_are_lost() {
    let (truth, _) = check(scenarios::lost_answers(2));
    let edge = &truth.edges[&("checkout", "payment")];
    assert!(edge.phantoms > 50 && edge.done_twice > 50);
}

#[test]
fn an_overload_wastes_most_of_its_work() {
    let (truth, _) = check(scenarios::metastable(3));
    assert!(truth.edges[&("front", "quotes")].phantoms > 500);
}

#[test]
fn messages_that_come_twice_and_calls_that_nobody_waits_for() {
    let (truth, report) = check(scenarios::messages(4));
    assert!(truth.messages_done_twice > 10);
    assert_eq!(findings(&report, "phantoms").len(), 1);
}

#[test]
fn who_fails_or_dies_or_was_never_asked_did_nothing_twice() {
    for system in [
        scenarios::healthy(5),
        scenarios::death(6),
        scenarios::gray_instance(7),
        scenarios::failing_instance(8),
        scenarios::nested_retries(9, 3),
    ] {
        let (_, report) = check(system);
        assert_eq!(
            findings(&report, "phantoms"),
            Vec::<&topple::finding::Finding>::new()
        );
    }
}

#[test]
fn a_call_that_its_caller_cancels_looks_like_one_that_ends_early() {
    // Who cancels on purpose leaves no sign in its span, so the losers of hedges cannot be told.
    let run = scenarios::hedging(10).run();
    let edge = &run.truth.edges[&("reader", "store")];
    assert!(edge.phantoms > 50 && edge.orphan_ns > 0);
    let report = report(&run);
    assert_eq!(metric(&report, "phantom_operations"), 0.0);
    assert_eq!(metric(&report, "wasted_server_seconds"), 0.0);
}
