//! Calls, attempts, retries, failures by side and durations of every edge equal what happened, to the nanosecond.

use crate::simulator::program::Telling;
use crate::simulator::system::System;
use crate::simulator::truth::Edge;
use crate::simulator::{Run, scenarios};
use crate::support::{edge, report};

/// Runs a story and compares every edge between services.
#[track_caller]
fn check(system: System) -> Run {
    let run = system.run();
    let report = report(&run);
    assert!(run.truth.edges.len() + run.truth.queries.len() > 0);
    for ((from, to), truth) in &run.truth.edges {
        let row = edge(&report, from, to);
        let counted = [
            row.calls,
            row.attempts,
            row.served,
            row.errors_both,
            row.errors_client_only,
            row.errors_server_only,
            row.timeouts,
            row.retries[0],
            row.retries[1],
            row.retries[2],
        ];
        let happened = [
            truth.calls,
            truth.attempts,
            truth.served,
            truth.failed_both,
            truth.failed_client_only,
            truth.failed_server_only,
            truth.timeouts,
            truth.retries[0],
            truth.retries[1],
            truth.retries[2],
        ];
        assert_eq!(counted, happened.map(|n| n as f64), "{from} -> {to}");
        durations(row.client_ns, &truth.client_ns, from, to);
        durations(row.server_ns, &truth.server_ns, from, to);
    }
    for ((from, to), query_ns) in &run.truth.queries {
        let row = edge(&report, from, to);
        let n = query_ns.len() as f64;
        assert_eq!([row.calls, row.attempts], [n; 2], "{from} -> {to}");
        assert_eq!([row.served, row.errors()], [0.0; 2], "{from} -> {to}");
        durations(row.client_ns, query_ns, from, to);
    }
    for ((from, queue), sent) in &run.truth.sent {
        let row = edge(&report, from, &format!("kafka/{queue}"));
        assert_eq!(row.calls, *sent as f64, "{from} -> {queue}");
    }
    run
}

#[track_caller]
fn durations(said: topple::report::Quantiles, true_ns: &[u64], from: &str, to: &str) {
    assert_eq!(said.count, true_ns.len() as u64, "{from} -> {to}");
    if true_ns.is_empty() {
        return;
    }
    let sum: u128 = true_ns.iter().map(|&ns| u128::from(ns)).sum();
    assert_eq!(said.sum, sum, "{from} -> {to}");
    assert_eq!(Some(&said.max), true_ns.last(), "{from} -> {to}");
    for (said, percent) in [(said.p50, 50), (said.p90, 90), (said.p99, 99)] {
        let rank = (true_ns.len() * percent).div_ceil(100);
        let exact = true_ns[rank - 1];
        assert!(
            said.abs_diff(exact) as f64 <= 0.008 * exact as f64,
            "{from} -> {to}: p{percent} is {exact} ns, not {said}"
        );
    }
}

fn total(run: &Run, count: fn(&Edge) -> u64) -> u64 {
    run.truth.edges.values().map(count).sum()
}

#[test]
fn on_a_good_day_every_call_is_one_attempt() {
    let run = check(scenarios::healthy(1));
    assert_eq!(
        total(&run, |edge| edge.calls),
        total(&run, |edge| edge.served)
    );
}

#[test]
fn timeouts_are_failures_of_the_caller_alone_unless_the_callee_fails_too() {
    let run = check(scenarios::timeouts(2));
    assert!(total(&run, |edge| edge.timeouts) > 50);
    assert!(total(&run, |edge| edge.retries[0]) > 50);
}

#[test]
fn nested_retries_are_counted_at_each_layer() {
    for layers in [2, 3] {
        let run = check(scenarios::nested_retries(3, layers));
        assert!(run.truth.edges.values().all(|edge| edge.retries[0] > 0));
    }
}

#[test]
fn retries_count_once_however_they_are_told() {
    for (place, telling) in [Telling::Marked, Telling::Hidden, Telling::Unmarked]
        .into_iter()
        .enumerate()
    {
        let run = check(scenarios::retries(4, telling));
        let edge = &run.truth.edges[&("pricing", "rates")];
        assert!(edge.retries[place] > 100);
        assert_eq!(edge.retries[place], edge.attempts - edge.calls);
    }
}

#[test]
fn a_budget_bounds_the_retries() {
    let run = check(scenarios::budget(5));
    let edge = &run.truth.edges[&("pricing", "rates")];
    assert!(edge.retries[0] > 20 && edge.retries[0] * 10 <= edge.calls);
}

#[test]
fn requests_and_answers_that_are_lost_are_failures_of_the_caller() {
    let run = check(scenarios::gray_instance(6));
    assert!(total(&run, |edge| edge.failed_client_only) > 100);
    let run = check(scenarios::lost_answers(7));
    assert!(total(&run, |edge| edge.failed_client_only) > 100);
}

#[test]
fn failures_that_both_sides_see_count_once() {
    let run = check(scenarios::failing_instance(8));
    assert!(total(&run, |edge| edge.failed_both) > 100);
    check(scenarios::saga(9));
    check(scenarios::slow_instance(10));
}

#[test]
fn wrong_questions_are_no_failures() {
    let run = check(scenarios::wrong_questions(11));
    assert_eq!(total(&run, |edge| edge.failed_calls), 0);
}

#[test]
fn calls_of_a_service_that_died_with_work_under_way() {
    let run = check(scenarios::death(12));
    let edge = &run.truth.edges[&("gateway", "cart")];
    assert!(edge.served > 100 && edge.failed_client_only > 100);
}

#[test]
fn clocks_that_are_off_change_no_count_and_no_duration() {
    check(scenarios::clock_offsets(13).clock("host-of-catalog-2", -7_000_000, 0));
}

#[test]
fn far_and_near_calls() {
    check(scenarios::cross_region(14));
    check(scenarios::crossed_cells(15));
    check(scenarios::shuffle_shards(16));
    check(scenarios::one_after_the_other(17));
}

#[test]
fn queries_and_messages() {
    let run = check(scenarios::n_plus_one(21));
    assert!(!run.truth.queries.is_empty());
    let run = check(scenarios::messages(22));
    assert!(!run.truth.sent.is_empty());
}

#[test]
fn an_overload_that_retries_keep_up() {
    let run = check(scenarios::metastable(18));
    assert!(total(&run, |edge| edge.orphan_ns) > 0);
}

#[test]
fn an_outage_with_and_without_a_breaker() {
    for has_breaker in [false, true] {
        let run = check(scenarios::outage(19, has_breaker));
        assert_eq!(total(&run, |edge| edge.rejected) > 0, has_breaker);
    }
}

#[test]
fn a_hedge_is_a_call_of_its_own() {
    // Two spans of one moment: nothing in them tells a hedge from a second question.
    let run = scenarios::hedging(20).run();
    let truth = &run.truth.edges[&("reader", "store")];
    let report = report(&run);
    let row = edge(&report, "reader", "store");
    assert!(truth.hedges > 50);
    assert_eq!(row.attempts, truth.attempts as f64);
    assert_eq!(row.calls, (truth.calls + truth.hedges) as f64);
    assert_eq!(row.retries, [0.0; 3]);
    assert_eq!(row.errors(), 0.0);
}
