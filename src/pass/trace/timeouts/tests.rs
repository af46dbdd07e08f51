//! Timeouts drawn: which are seen, and which cannot hold.

use std::time::Duration;

use super::*;
use crate::pass::trace::tests::{check, each_order};
use crate::policy::calls::{Backoff, Terms};

/// Returns what is said of `web -> shop -> pay` (nodes 2, 1 and 0 by name), in milliseconds.
fn said(drawing: &str, web: u64, shop: u64, attempts: u64, backoff: u64) -> Vec<String> {
    let ms = Duration::from_millis;
    let outer = Terms {
        timeout: Some(ms(web)),
        ..Terms::default()
    };
    let inner = Terms {
        timeout: Some(ms(shop)),
        attempts: Some(attempts),
        backoff: Some(Backoff {
            first: ms(backoff),
            longest: ms(10 * backoff),
        }),
        ..Terms::default()
    };
    let limits = Limits {
        calls: [((2, 1), outer), ((1, 0), inner)].into(),
        ..Limits::default()
    };
    let mut told = None;
    each_order(drawing, |_, system| {
        let mut measured = Measured::default();
        measure_with(&Graph::of(system), &limits, &mut measured);
        let lines = measured.findings.iter();
        let lines: Vec<String> = lines
            .map(|of| format!("{} {}", of.grade.name(), of.text))
            .collect();
        assert!(told.get_or_insert_with(|| lines.clone()) == &lines);
    });
    told.unwrap()
}

/// Requests of which the shop works `gone` ms before it calls.
fn requests(n: u64, gone: impl Fn(u64) -> u64) -> String {
    (0..n)
        .map(|at| {
            let (t, gone) = (at * 1000, gone(at));
            format!(
                "trace t{at}
                 web < GET /          {}..{}
                   web > GET /cart    {}..{}
                     shop < GET /cart {}..{}
                       shop > POST /pay {}..{} peer=pay\n",
                t,
                t + 352,
                t,
                t + 351,
                t + 1,
                t + 350,
                t + 1 + gone,
                t + 11 + gone,
            )
        })
        .collect()
}

#[test]
fn the_sum_of_all_attempts_must_fit() {
    let drawing = requests(1, |_| 0);
    assert_eq!(
        said(&drawing, 400, 200, 3, 50),
        [
            "proved shop may wait for pay longer than web waits for it: 3 x 200 ms + 150 ms backoff = 750 ms > 400 ms \
          (declared, declared)"
        ]
    );
    // Shorter at every layer is not enough as soon as one repeats.
    assert_eq!(
        said(&drawing, 25_000, 20_000, 2, 0),
        [
            "proved shop may wait for pay longer than web waits for it: 2 x 20 s = 40 s > 25 s (declared, declared)"
        ]
    );
    assert!(said(&drawing, 750, 200, 3, 50).is_empty());
    assert!(said(&drawing, 29_000, 25_000, 1, 0).is_empty());
}

#[test]
fn what_is_left_must_do() {
    // 10 of 40 calls begin after 300 ms.
    let drawing = requests(40, |at| if at % 4 == 0 { 300 } else { 10 });
    assert_eq!(
        said(&drawing, 400, 200, 1, 0),
        [
            "measured shop calls pay with more time than web has left for it in 25 % of 40 calls, 200 ms of 400 ms \
          (declared, declared): the deadline is not passed on"
        ]
    );
    assert!(said(&drawing, 600, 200, 1, 0).is_empty());
}

#[test]
fn captured_deadlines_show_it_call_by_call() {
    let drawing = |given: &str| {
        format!(
            "web < GET /            0..500
               web > shop.Cart/Get  0..490 rpc.request.metadata.grpc-timeout=400m
                 shop < shop.Cart/Get 1..480
                   shop > pay.Pay/Charge 101..200 peer=pay rpc.request.metadata.grpc-timeout={given}"
        )
    };
    check(
        "timeouts",
        &drawing("350m"),
        "proved deadline_not_passed_on web->shop->pay 1.000000: shop calls pay with more time than web has left for it \
            in 100 % of 1 call: the deadline is not passed on",
    );
    check("timeouts", &drawing("300m"), "");
}

#[test]
fn a_timeout_that_is_passed_on_is_nobody_elses() {
    let drawing: String = (0..6)
        .map(|at| {
            format!(
                "trace t{at}
                 web < GET /          0..500
                   web > GET /cart    0..260  http=504
                     shop < GET /cart 5..255  http=504
                       shop > POST /pay 10..250 peer=pay error=timeout\n"
            )
        })
        .collect();
    each_order(&drawing, |_, system| {
        let graph = Graph::of(system);
        let calls = calls_of(&graph, &Limits::default());
        let timeouts: Vec<Option<Timeout>> = calls.values().map(|of| of.timeout).collect();
        let inferred = Timeout {
            ns: 240_000_000,
            source: Source::Inferred,
        };
        // By number: shop -> pay, web -> shop.
        assert_eq!(timeouts, [Some(inferred), None]);
    });
}

#[test]
fn quiet_calls_tell_nothing_of_timeouts() {
    check(
        "timeouts",
        &requests(30, |_| 10),
        "unknown timeout_inversions the system: timeouts: none is declared, none was sent with requests, and too few \
            calls ended by one to infer any",
    );
}

#[test]
fn answers_later_than_the_caller_waits_are_counted() {
    let drawing: String = (0..20)
        .map(|at| {
            let (t, slow) = (at * 1000, if at < 6 { 450 } else { 50 });
            let client = if at < 6 { "error=timeout" } else { "" };
            format!(
                "trace t{at}
                 web < GET /          {t}..{}
                   web > GET /cart    {t}..{} {client}
                     shop < GET /cart {t}..{}\n",
                t + 500,
                t + slow.min(400),
                t + slow,
            )
        })
        .collect();
    check(
        "timeouts",
        &drawing,
        "inferred timeout_exceeded web->shop 0.300000: shop takes longer than the 400 ms that web waits (inferred) in \
            30 % of its answers",
    );
}
