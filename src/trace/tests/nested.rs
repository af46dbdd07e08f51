//! CLIENT inside CLIENT: one logical call, whichever of them the callee answers.

use crate::trace::drawing::{check_calls, check_classes};

#[test]
fn an_sdk_over_http_is_one_call_to_what_the_sdk_names() {
    let drawing = "
        shop > query 0..100 db=dynamodb/orders = folded
          shop > POST 10..90 http=200 addr=dynamodb.example = virtual-peer";
    check_calls(drawing, "shop -> [dynamodb/orders] one-sided c");
    check_classes(drawing);
}

#[test]
fn the_inner_span_that_is_answered_stands_for_both() {
    let drawing = "
        shop > call 0..100 addr=cart = folded
          shop . pick 1..99 = internal
            shop > POST 10..90 addr=cart = edge-client
              cart < serve 12..80 = edge-server";
    check_calls(drawing, "shop -> cart paired c s");
    check_classes(drawing);
}

#[test]
fn the_outer_span_that_is_answered_stands_for_the_inner_one() {
    // The outer library passed its own context on; the inner one does not know that it was answered.
    let drawing = "
        shop > call 0..100 addr=cart grpc=0 = edge-client
          shop > POST 10..90 addr=cart http=200 = folded
          cart < serve 12..80 = edge-server";
    check_calls(drawing, "shop -> cart paired c s");
    check_classes(drawing);
}

#[test]
fn an_inner_call_to_something_else_is_a_call_of_its_own() {
    let drawing = "
        shop > call 0..100 addr=cart = edge-client
          shop > token 1..9 addr=login = virtual-peer
          cart < serve 12..80 = edge-server";
    check_calls(
        drawing,
        "shop -> cart paired c s\nshop -> [login] one-sided c",
    );
    check_classes(drawing);
}

#[test]
fn attempts_inside_one_call_are_one_logical_call() {
    check_calls(
        "
         shop > Sent.Cart 0..100
           shop > Attempt.Cart 0..30 grpc=14
             cart < serve 1..29 grpc=14
           shop > Attempt.Cart 40..90 grpc=0
             cart < serve 41..89",
        "shop -> cart paired repeated c s\nshop -> cart paired inferred c s",
    );
    check_calls(
        "
         shop > call 0..100
           shop . once 0..30
             shop > HEAD 0..30
               cart < serve 1..29
           shop . again 40..90
             shop > GET 40..90
               cart < serve 41..89",
        "shop -> cart paired repeated c s\nshop -> cart paired inner c s",
    );
}

#[test]
fn attempts_count_for_the_outermost_call() {
    check_calls(
        "
         shop > sdk 0..100
           shop > try 0..30
             shop > wire 0..30
               cart < serve 1..29
           shop > try 40..90
             shop > wire 40..90
               cart < serve 41..89",
        "shop -> cart paired repeated c s\nshop -> cart paired inner c s",
    );
}

#[test]
fn the_transport_of_a_message_is_part_of_sending_it() {
    let drawing = "
        shop >> send 0..100 dest=sqs/orders = edge-producer
          shop > POST 10..90 addr=sqs.example http=200 = folded
            shop > connect 11..19 addr=sqs.example = folded";
    check_calls(drawing, "shop -> [sqs/orders] one-sided async c");
    check_classes(drawing);
}

#[test]
fn the_transport_of_a_message_without_a_destination_shows_where_it_went() {
    let drawing = "
        shop >> send 0..100 = edge-producer
          shop > POST 10..90 addr=broker http=200 = virtual-peer";
    check_calls(drawing, "shop -> [broker] one-sided c");
    check_classes(drawing);
}

#[test]
fn a_client_below_a_server_below_a_client_is_not_nested() {
    check_calls(
        "
         shop > call 0..100
           shop < serve 1..99
             shop > query 10..20 db=redis/0",
        "shop -> shop paired c s\nshop -> [redis/0] one-sided c",
    );
}
