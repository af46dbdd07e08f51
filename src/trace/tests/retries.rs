//! Which attempts are one logical call, and which of them are retries.

use crate::trace::drawing::check_calls;

#[test]
fn marked_attempts_are_retries() {
    check_calls(
        "
         shop < GET 0..100
           shop > call 0..10 addr=cart http=503
             cart < serve 1..9 http=503
           shop > call 10..20 addr=cart http=503 resend=1
             cart < serve 11..19 http=503
           shop > call 20..30 addr=cart resend=2
             cart < serve 21..29",
        "(users) -> shop one-sided s
         shop -> cart paired repeated c s
         shop -> cart paired marked repeated c s
         shop -> cart paired marked c s",
    );
}

#[test]
fn a_marked_attempt_alone_is_a_retry() {
    // Its first attempt may be a trace of its own.
    check_calls(
        "shop > call 0..10 addr=cart resend=1",
        "shop -> [cart] one-sided marked c",
    );
}

#[test]
fn an_attempt_after_a_retryable_failure_is_a_retry() {
    check_calls(
        "
         shop < GET 0..100
           shop > call 0..10 addr=cart http=503
           shop > call 10..20 addr=cart",
        "(users) -> shop one-sided s
         shop -> [cart] one-sided repeated c
         shop -> [cart] one-sided inferred c",
    );
}

#[test]
fn kinds_of_errors_do_not_part_attempts() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..10 addr=cart error=timeout
           shop > call 20..30 addr=cart error=ECONNREFUSED
           shop > call 40..50 addr=cart",
        "shop -> [cart] one-sided repeated c
         shop -> [cart] one-sided inferred repeated c
         shop -> [cart] one-sided inferred c",
    );
}

#[test]
fn an_attempt_that_never_arrived_belongs_to_the_one_that_did() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..10 addr=cart error=ECONNREFUSED
           shop > call 20..30 addr=cart
             cart < serve 21..29",
        "shop -> [cart] one-sided repeated c
         shop -> cart paired inferred c s",
    );
}

#[test]
fn an_address_where_two_services_answer_says_nothing() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..10 addr=gate error=ECONNREFUSED
           shop > call 20..30 addr=gate
             cart < serve 21..29
           shop > call 40..50 addr=gate
             stock < serve 41..49",
        "shop -> [gate] one-sided c
         shop -> cart paired c s
         shop -> stock paired c s",
    );
}

#[test]
fn an_attempt_after_a_failure_nobody_retries_is_a_call_of_its_own() {
    for status in ["200", "404", "500"] {
        check_calls(
            &format!(
                "
                 shop . work 0..100
                   shop > call 0..10 addr=cart http={status}
                   shop > call 10..20 addr=cart"
            ),
            "shop -> [cart] one-sided c\nshop -> [cart] one-sided c",
        );
    }
}

#[test]
fn timeouts_limits_and_unavailable_servers_are_retried() {
    for failure in [
        "http=408", "http=429", "http=502", "http=503", "http=504", "grpc=4", "grpc=8", "grpc=10",
        "grpc=14",
    ] {
        check_calls(
            &format!(
                "
                 shop . work 0..100
                   shop > call 0..10 addr=cart {failure}
                   shop > call 10..20 addr=cart"
            ),
            "shop -> [cart] one-sided repeated c\nshop -> [cart] one-sided inferred c",
        );
    }
}

#[test]
fn attempts_that_overlap_are_no_retries() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..20 addr=cart http=503
           shop > call 10..30 addr=cart",
        "shop -> [cart] one-sided c\nshop -> [cart] one-sided c",
    );
}

#[test]
fn an_attempt_more_than_a_minute_later_is_no_retry() {
    let attempts = |start: u64| {
        format!(
            "
             shop . work 0..100000
               shop > call 0..10 addr=cart http=503
               shop > call {start}..70000 addr=cart"
        )
    };
    check_calls(
        &attempts(60_010),
        "shop -> [cart] one-sided repeated c\nshop -> [cart] one-sided inferred c",
    );
    check_calls(
        &attempts(60_011),
        "shop -> [cart] one-sided c\nshop -> [cart] one-sided c",
    );
}

#[test]
fn other_operations_targets_and_parents_are_no_retries() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..10 addr=cart http=503
           shop > other 10..20 addr=cart
           shop > call 10..20 addr=stock
           shop . more 10..20
             shop > call 10..20 addr=cart",
        "shop -> [cart] one-sided c
         shop -> [cart] one-sided c
         shop -> [stock] one-sided c
         shop -> [cart] one-sided c",
    );
}

#[test]
fn roots_have_no_attempts_in_common() {
    check_calls(
        "
         shop > call 0..10 addr=cart http=503
         shop > call 10..20 addr=cart",
        "shop -> [cart] one-sided c\nshop -> [cart] one-sided c",
    );
}

#[test]
fn redirects_and_requests_for_credentials_are_no_retries() {
    for status in ["302", "401", "407"] {
        check_calls(
            &format!(
                "
                 shop . work 0..100
                   shop > call 0..10 addr=cart http={status}
                   shop > call 10..20 addr=cart resend=1"
            ),
            "shop -> [cart] one-sided repeated c\nshop -> [cart] one-sided inner c",
        );
    }
}

#[test]
fn what_the_transport_repeats_is_no_retry() {
    check_calls(
        "
         shop > Sent 0..100
           shop > Attempt 0..10 addr=cart grpc=14
           shop > Attempt 10..20 addr=cart transparent
           shop > Attempt 30..40 addr=cart previous-rpc-attempts=1",
        "shop -> [cart] one-sided repeated c
         shop -> [cart] one-sided inner repeated c
         shop -> [cart] one-sided marked c",
    );
}

#[test]
fn servers_below_one_client_are_hidden_retries() {
    check_calls(
        "
         shop > call 0..100
           cart < serve 10..20 http=503
           cart < serve 30..40 http=503
           cart < serve 50..60",
        "shop -> cart paired repeated not-alone c s
         shop -> cart paired hidden repeated not-alone c s
         shop -> cart paired hidden not-alone c s",
    );
}

#[test]
fn hidden_retries_follow_a_marked_attempt() {
    check_calls(
        "
         shop . work 0..100
           shop > call 0..10 addr=cart http=503
           shop > call 10..50 addr=cart resend=1
             cart < serve 11..20 http=503
             cart < serve 30..40",
        "shop -> [cart] one-sided repeated c
         shop -> cart paired marked repeated not-alone c s
         shop -> cart paired hidden not-alone c s",
    );
}

#[test]
fn attempts_without_a_time_are_not_inferred_to_be_late() {
    check_calls(
        "
         shop . work 0..100
           shop > call ?..? addr=cart
           shop > call ?..? addr=cart",
        "shop -> [cart] one-sided c\nshop -> [cart] one-sided c",
    );
}
