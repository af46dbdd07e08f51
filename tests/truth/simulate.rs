//! What is simulated on a good day, against days on which it really happened.

use topple::report::{EdgeChange, EntryChange, Simulation};
use topple::simulate::Verb;

use crate::simulator::program::{between, call, ms, secs, work};
use crate::simulator::scenarios;
use crate::simulator::system::{Effect, Place, System, service};
use crate::simulator::truth::Entry;
use crate::support::{declared, policy, what_if};

/// A shop that charges its customers, up to three times and for no longer than 40 ms.
fn shop(seed: u64, attempts: usize) -> System {
    let charge = call("payment", "PUT /charges")
        .timeout(ms(40))
        .attempts(attempts, ms(5));
    System::new(seed)
        .with(service("shop").workers(200).does(
            "PUT /orders",
            [work(between(ms(1), ms(3))), charge.into(), work(ms(1))],
        ))
        .with(
            service("payment")
                .workers(200)
                .does("PUT /charges", [work(between(ms(8), ms(24)))]),
        )
        .users("shop", "PUT /orders", 60.0, 0..secs(40))
}

fn all_day(system: System, effect: Effect) -> System {
    system.when(0..secs(1000), Place::Service("payment"), effect)
}

fn share(entry: Entry) -> f64 {
    1.0 - entry.failed as f64 / entry.requests as f64
}

#[track_caller]
fn only<'a>(of: &'a Simulation, from: &str, to: &str) -> (&'a EntryChange, &'a EdgeChange) {
    let mut edges = of
        .edges
        .iter()
        .filter(|edge| (&*edge.from, &*edge.to) == (from, to));
    (&of.entries[0], edges.next().unwrap())
}

const THRICE: &str =
    "  - { from: shop, to: payment, attempts: 3, backoff: [5ms, 5ms], timeout: 40ms }\n";

#[test]
fn errors_and_retries_are_as_they_are_said_to_be() {
    let well = shop(1, 3).run();
    for errors in [0.2, 0.5] {
        let text = format!("payment={}%", errors * 100.0);
        for attempts in [1, 3] {
            let terms = declared(&well.truth, &THRICE.replace('3', &attempts.to_string()));
            let of = what_if(&well, &terms, &[(Verb::Errors, &text)]);
            let (entry, edge) = only(&of, "shop", "payment");
            let truth = all_day(shop(2, attempts), Effect::Fail(errors)).run().truth;
            let real = share(truth.entries[&("shop", "PUT /orders")]);
            let said = &entry.success;
            assert!(
                (said.after.low - real).abs() < 0.02,
                "{said:?} and not {real}"
            );
            assert!(
                said.interval.low <= real && real <= said.interval.high,
                "{said:?}, {real}"
            );
            let charges = &truth.edges[&("shop", "payment")];
            let per_call = charges.attempts as f64 / charges.calls as f64;
            assert!(
                (edge.per_call.low - per_call).abs() < 0.03,
                "{edge:?} and not {per_call}"
            );
        }
    }
}

#[test]
fn what_runs_into_its_timeout_is_known_beforehand() {
    let well = shop(3, 1).run();
    let terms = declared(&well.truth, &THRICE.replace("attempts: 3", "attempts: 1"));
    for factor in [2.0, 3.0] {
        let slow = format!("payment=x{factor}");
        let of = what_if(&well, &terms, &[(Verb::Slow, &slow)]);
        let truth = all_day(shop(4, 1), Effect::Slow(factor)).run().truth;
        let real = share(truth.entries[&("shop", "PUT /orders")]);
        let said = &of.entries[0].success;
        // The way there and back is not slowed, but taken for a part of the call.
        assert!(
            (said.after.low - real).abs() < 0.05,
            "{factor}: {said:?} and not {real}"
        );
        assert!((0.05..0.95).contains(&real), "{real}");
    }
}

#[test]
fn what_takes_longer_is_known_beforehand() {
    // 2 to 4 ms of work, 8 to 24 ms of charging.
    let well = shop(5, 1).run();
    let terms = declared(&well.truth, "");
    let of = what_if(&well, &terms, &[(Verb::Slow, "payment=x1.5")]);
    let slow = all_day(shop(6, 1), Effect::Slow(1.5)).run();
    let slow = what_if(&slow, &terms, &[(Verb::Slow, "payment=x1")]);
    let (said, real) = (
        of.entries[0].after.unwrap(),
        slow.entries[0].before.unwrap(),
    );
    for (said, real) in [
        (said.p50, real.p50),
        (said.p95, real.p95),
        (said.p99, real.p99),
    ] {
        let off = (said.value as f64 - real.value as f64).abs() / real.value as f64;
        // Request and charge are drawn apart, so that the slowest are spread a little wider.
        assert!(off < 0.15, "{said:?} and not {real:?}");
    }
    let off = (said.p50.value as f64 / real.p50.value as f64 - 1.0).abs();
    assert!(off < 0.04, "{:?} and not {:?}", said.p50, real.p50);
}

#[test]
fn what_changes_nothing_is_what_was_seen() {
    for run in [
        scenarios::healthy(1).run(),
        scenarios::failing_instance(2).run(),
        scenarios::timeouts(3).run(),
        scenarios::nested_retries(4, 2).run(),
        scenarios::saga(5).run(),
        scenarios::outage(6, false).run(),
    ] {
        let terms = declared(&run.truth, "");
        for terms in [&terms, &policy("")] {
            let of = what_if(
                &run,
                terms,
                &[(
                    Verb::Load,
                    &format!("{}=x1", run.truth.entries.keys().next().unwrap().0),
                )],
            );
            let real = run.truth.entries.values();
            let seen = real
                .clone()
                .map(|entry| entry.requests - entry.unseen)
                .sum::<u64>();
            let failed = real.map(|entry| entry.failed - entry.unseen).sum::<u64>();
            // Messages and health checks are entry points too, which users know nothing of.
            let is_asked = |entry: &&EntryChange| {
                let mut asked = run.truth.entries.keys();
                asked.any(|pair| *pair == (&*entry.service, &*entry.operation))
            };
            let entries: Vec<&EntryChange> = of.entries.iter().filter(is_asked).collect();
            let lost: f64 = entries
                .iter()
                .map(|entry| entry.requests * (1.0 - entry.success.before))
                .sum();
            let all: f64 = entries.iter().map(|entry| entry.requests).sum();
            assert_eq!(all, seen as f64);
            assert!(
                (lost - failed as f64).abs() < 1e-6,
                "{lost} and not {failed}"
            );
            for entry in of.entries {
                let success = entry.success;
                assert_eq!(
                    (success.after.low, success.after.high),
                    (success.before, success.before)
                );
                assert_eq!(entry.before, entry.after.or(entry.before));
            }
        }
    }
}
