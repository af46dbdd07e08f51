//! Two days compared: what really changed is named first, with an interval that holds the truth, and days that do not differ are
//! called different no more often than stated.

use topple::compare::compare;
use topple::compare::side::Side;
use topple::policy::{Evidence, Policy};
use topple::report::diff::{Diff, Effect, Place};

use crate::simulator::program::{around, between, call, ms, query, work};
use crate::simulator::system::{Effect as Fault, Place as Where, System};
use crate::simulator::{Run, scenarios};
use crate::support::system;

fn side(run: &Run) -> Side {
    Side::of_system("a day", &system(run), &Policy::default())
}

fn diff(base: &Run, head: &Run) -> Diff {
    compare(&side(base), &side(head), &Evidence::default())
}

/// Returns the mean time of the calls of an edge in their callee, as it really was.
fn mean(run: &Run, edge: (&'static str, &'static str)) -> f64 {
    let times = &run.truth.edges[&edge].server_ns;
    times.iter().map(|&ns| ns as f64).sum::<f64>() / times.len() as f64
}

fn said(diff: &Diff) -> Vec<&str> {
    diff.causes.iter().map(|cause| &*cause.text).collect()
}

/// The payment takes 50 ms more than usual.
fn slow_payment(system: System) -> System {
    system.change("payment", |payment| {
        payment.does("POST /charges", [work(between(ms(58), ms(70)))])
    })
}

#[test]
fn the_service_that_got_slower_is_named_first_and_how_much() {
    let base = scenarios::healthy(1).run();
    let head = slow_payment(scenarios::healthy(2)).run();
    let diff = diff(&base, &head);
    let first = &diff.causes[0];
    assert_eq!(
        first.place,
        Place::Own("payment".to_owned()),
        "{:#?}",
        said(&diff)
    );
    assert_eq!(
        (first.effect, first.entries, first.sure),
        (Effect::Slower, 1, true)
    );
    let edge = diff.edges.iter().find(|edge| edge.to == "payment").unwrap();
    let payment = edge.server_ns.unwrap();
    let pair = ("checkout", "payment");
    assert!((payment.value() - (mean(&head, pair) - mean(&base, pair))).abs() < 1.0);
    let truth = ms(50) as f64;
    assert!(payment.low <= truth && truth <= payment.high, "{payment:?}");
    assert!(payment.high - payment.low < truth / 10.0, "{payment:?}");
    assert!(!edge.network_ns.unwrap().differs);
    // On the path of a checkout it sometimes was not before: the stock took longer.
    let (low, high) = first.interval;
    assert!(low <= 1.02 * truth && high >= truth, "{low} to {high}");
    let parts: f64 = diff
        .entries
        .iter()
        .find(|entry| entry.operation == "POST /checkout")
        .map(|entry| entry.parts.iter().map(|part| part.time_ns.value()).sum())
        .unwrap();
    assert!((parts / first.of.unwrap() - 1.0).abs() < 0.02, "{parts}");
}

#[test]
fn a_slower_database_is_named_with_who_waits_for_it() {
    let base = scenarios::healthy(3).run();
    let select = query("postgresql", "items-db", "SELECT items", around(ms(30)));
    let head = scenarios::healthy(4)
        .change("catalog", |catalog| {
            catalog.does("GET /items", [work(between(ms(1), ms(4))), select])
        })
        .run();
    let diff = diff(&base, &head);
    let Place::Silent(from, to) = &diff.causes[0].place else {
        panic!("{:#?}", said(&diff));
    };
    assert_eq!(
        (from.as_str(), to.as_str()),
        ("catalog", "postgresql/items-db")
    );
}

#[test]
fn the_service_where_failures_begin_is_named() {
    let base = scenarios::healthy(5).run();
    let fault = Fault::Fail(0.2);
    let head = scenarios::healthy(6)
        .when(0..ms(100_000), Where::Service("payment"), fault)
        .run();
    let diff = diff(&base, &head);
    let failing = diff
        .causes
        .iter()
        .find(|cause| cause.effect == Effect::Failing);
    let failing = failing.unwrap_or_else(|| panic!("{:#?}", said(&diff)));
    assert_eq!(failing.place, Place::Own("payment".to_owned()));
    assert!((failing.change - 0.2).abs() < 0.08, "{}", failing.text);
}

/// The shop with reports, which take long and vary much, and an answer for orders that takes as long as asked.
fn reports(seed: u64, order: u64) -> System {
    scenarios::shop(seed)
        .change("catalog", |catalog| {
            catalog
                .does("GET /reports", [work(between(ms(20), ms(400)))])
                .does("PUT /prices", [work(between(order, order + ms(4)))])
        })
        .change("gateway", |gateway| {
            gateway
                .does("GET /reports", [call("catalog", "GET /reports").into()])
                .does("PUT /prices", [call("catalog", "PUT /prices").into()])
        })
        .users("gateway", "GET /reports", 12.0, 0..ms(40_000))
        .users("gateway", "PUT /prices", 2.0, 0..ms(40_000))
}

#[test]
fn an_operation_that_got_slower_is_named_though_its_edge_hides_it() {
    let base = reports(40, ms(10)).run();
    let head = reports(41, ms(16)).run();
    let diff = diff(&base, &head);
    let edge = diff.edges.iter().find(|edge| edge.to == "catalog").unwrap();
    assert!(!edge.differs(), "{edge:#?}");
    let named: Vec<_> = diff.operations.iter().filter(|of| of.differs()).collect();
    let [prices] = named[..] else {
        panic!("{named:#?}");
    };
    assert_eq!(
        (prices.from.as_deref(), &*prices.to, &*prices.operation),
        (Some("gateway"), "catalog", "PUT /prices")
    );
    let truth = ms(6) as f64;
    for time in [prices.server_ns.unwrap(), prices.client_ns.unwrap()] {
        assert!(time.low <= truth && truth <= time.high, "{time:?}");
    }
    assert!(!prices.network_ns.unwrap().differs, "{prices:#?}");
    let count = |run: &Run| run.truth.edges[&("gateway", "catalog")].attempts as f64;
    let all = |of: fn(&(f64, f64)) -> f64| -> f64 {
        let rows = diff.operations.iter();
        let rows = rows.filter(|row| row.from.as_deref() == Some("gateway") && row.to == "catalog");
        rows.filter_map(|row| row.attempts.as_ref().map(of)).sum()
    };
    assert_eq!(
        (all(|of| of.0), all(|of| of.1)),
        (count(&base), count(&head))
    );
    let same = compare(
        &side(&base),
        &side(&reports(42, ms(10)).run()),
        &Evidence::default(),
    );
    assert_eq!(same.differing, 0, "{:#?}", said(&same));
}

#[test]
fn days_that_do_not_differ_are_called_different_no_more_often_than_stated() {
    let days: Vec<Side> = (20..32)
        .map(|seed| side(&scenarios::healthy(seed).run()))
        .collect();
    let (mut pairs, mut alarms) = (0, Vec::new());
    for (at, head) in days.iter().enumerate() {
        for base in &days[..at] {
            let diff = compare(base, head, &Evidence::default());
            assert!(diff.tested > 40, "{}", diff.tested);
            assert!(diff.presence.is_empty(), "{:#?}", diff.presence);
            pairs += 1;
            if diff.differing > 0 {
                alarms.push(said(&diff).join("\n"));
            }
        }
    }
    // Nothing differs, so that every pair with a change is a false alarm.
    assert!(
        alarms.len() as f64 <= 0.05 * f64::from(pairs),
        "{} of {pairs}: {alarms:#?}",
        alarms.len()
    );
}
