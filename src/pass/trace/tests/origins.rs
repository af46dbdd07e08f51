//! Chains of failures in drawings.

use crate::finding::Chain;
use crate::pass::trace::origins::MAX_HOPS;
use crate::pass::trace::tests::{check, each_order, measure};
use crate::trace::drawing::compare;

/// Checks the chains of a drawing, one a line: `traces start error: origin > ... > last (stop)`.
#[track_caller]
fn check_chains(drawing: &str, expected: &str) {
    each_order(drawing, |order, system| {
        let lines: Vec<String> = measure(system).chains.iter().map(line).collect();
        compare(&lines.join("\n"), expected, order);
    });
}

fn line(chain: &Chain) -> String {
    let hops = chain.hops.iter().map(|hop| {
        let space = if hop.operation.is_empty() { "" } else { " " };
        format!("{}{space}{}", hop.service, hop.operation)
    });
    format!(
        "{} {} {}: {} ({})",
        chain.traces,
        chain.start.name(),
        chain.error,
        hops.collect::<Vec<_>>().join(" > "),
        chain.stop.name()
    )
}

const DOWN: &str = "
    front < GET /checkout        0..100 error
      front > POST /order       10..90  error
        order < POST /order     12..88  error
          order . prepare       13..80
            order > GetCart     14..70  peer=cart error=UNAVAILABLE error";

#[test]
fn a_service_that_emits_nothing_is_found_through_its_caller() {
    check_chains(
        DOWN,
        "1 silent UNAVAILABLE: cart GetCart > order > front GET /checkout (entry)",
    );
    check(
        "origins",
        DOWN,
        "proved origin_failures cart 1.000000: cart: 1 chain of failures began here, seen by its callers alone, most often \
            GetCart (UNAVAILABLE); 1 reached the entry point, 0 were stopped on the way",
    );
}

#[test]
fn a_failure_stops_where_the_caller_does_without() {
    check_chains(
        "front < GET /home         0..100
           front > GET /ads       10..90  error
             ads < GET /ads       12..88  error=OutOfMemory error",
        "1 inside OutOfMemory: ads GET /ads > front (absorbed)",
    );
}

#[test]
fn an_attempt_that_was_repeated_is_not_why_its_caller_fails() {
    check_chains(
        "shop < GET /checkout         0..100 error=bug error
           shop > POST /charge       10..20  error=503 error
             pay < POST /charge      12..18  http=503
           shop > POST /charge       30..60  resend=1
             pay < POST /charge      32..58",
        "1 inside bug: shop GET /checkout (entry)
         1 inside : pay POST /charge > shop (retried)",
    );
}

#[test]
fn an_answer_that_is_lost_begins_between_the_two() {
    check_chains(
        "shop < GET /checkout         0..100 error
           shop > POST /charge       10..50  error=timeout error
             pay < POST /charge      12..90",
        "1 on-the-way timeout: pay POST /charge > shop GET /checkout (entry)",
    );
}

#[test]
fn nobody_waits_for_who_takes_a_message() {
    check_chains(
        "shop < POST /order         0..50
           shop >> send orders     10..20  dest=kafka/orders
             mail << process       60..90  dest=kafka/orders op=process error=smtp error",
        "1 inside smtp: mail process orders (nobody-waits)",
    );
}

#[test]
fn a_lost_parent_leaves_the_end_open() {
    check_chains(
        "cart < GET /cart 0..10 missing-parent error",
        "1 inside : cart GET /cart (unknown)",
    );
}

#[test]
fn each_chain_counts_once_per_trace_and_faults_of_callers_are_none() {
    check_chains(
        "trace t1
         page < GET /     0..100 error
           page > get     1..10 db=redis/0 error
           page > get    11..20 db=redis/0 error
         trace t2
         page < GET /     0..100 error
           page > get     1..10 db=redis/0 error
         trace t3
         page < GET /x    0..100 http=404
           page > GET /x  1..10 peer=files http=404 error",
        "2 silent : redis/0 get > page GET / (entry)",
    );
    check(
        "origins",
        "page < GET / 0..100\n  page > get 1..10 db=redis/0",
        "",
    );
}

#[test]
fn chains_that_are_too_long_keep_both_ends() {
    let mut drawing = String::new();
    for depth in 0..40 {
        let indent = " ".repeat(depth);
        drawing.push_str(&format!(
            "{indent}s{depth} < op{depth} {depth}..{} error\n",
            200 - depth
        ));
    }
    each_order(&drawing, |_, system| {
        let chains = measure(system).chains;
        let hops = &chains[0].hops;
        assert_eq!(hops.len(), MAX_HOPS);
        assert_eq!(
            (hops[0].service.as_str(), hops[0].operation.as_str()),
            ("s39", "op39")
        );
        let last = &hops[MAX_HOPS - 1];
        assert_eq!(
            (last.service.as_str(), last.operation.as_str()),
            ("s0", "op0")
        );
    });
}

/// Requests in which stock fails, and then the call that gives the money back; the clock of payments is far behind.
fn undone(requests: u32) -> String {
    let request = |number| {
        format!(
            "trace t{number}
             shop < POST /buy         0..100 error
               shop > POST /reserve  10..30  error
                 stock < POST /reserve 11..29 error=OutOfStock error
               shop > POST /refund   40..80  error
                 pay < POST /refund   1..30  error=Refused error
               shop > GET /ads       10..50  error
                 ads < GET /ads      12..48  error=Empty error
            "
        )
    };
    (0..requests).map(request).collect()
}

/// Checks which origins are told in which order, and what is said of their place.
#[track_caller]
fn check_sequence(drawing: &str, expected: &str) {
    each_order(drawing, |order, system| {
        let findings = measure(system).findings;
        let origins = findings.iter().filter(|of| of.metric == "origin_failures");
        let lines: Vec<String> = origins
            .map(|of| {
                let said = of.text.split("stopped on the way").nth(1).unwrap();
                format!("{}{said}", of.text.split(':').next().unwrap())
            })
            .collect();
        let expected: Vec<&str> = expected.lines().map(str::trim).collect();
        assert_eq!(lines, expected, "read in order {order}");
    });
}

#[test]
fn failures_that_came_first_stand_first_whatever_the_other_clock_says() {
    // Stock had failed before the refund was asked for, and ads beside both of them.
    check_sequence(
        &undone(8),
        "ads
         stock; before those of pay in 8 of 8 requests with both
         pay; after those of stock in 8 of 8 requests with both",
    );
}

#[test]
fn few_requests_are_too_few_to_tell_what_comes_first() {
    check_sequence(&undone(4), "ads\npay\nstock");
}

#[test]
fn failures_that_follow_each_other_both_ways_are_told_in_no_order() {
    let swapped = undone(8)
        .replace("stock <", "other <")
        .replace("pay <", "stock <")
        .replace("other <", "pay <")
        .replace("trace t", "trace u");
    check_sequence(&format!("{}{swapped}", undone(8)), "ads\npay\nstock");
}

#[test]
fn a_callee_that_was_given_up_may_have_failed_later() {
    let given_up = undone(8).replace("10..30  error", "10..30  error=timeout error");
    check_sequence(&given_up, "ads\npay\nstock");
}
