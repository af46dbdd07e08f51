//! Synchronous calls: which SERVER answers which CLIENT, and how well that is proved.

use crate::trace::drawing::{check_calls, check_classes};

#[test]
fn a_server_below_a_client_is_paired() {
    let drawing = "
        shop < GET 0..100 = entry
          shop > call 10..50 = edge-client
            cart < serve 12..48 = edge-server";
    check_calls(
        drawing,
        "(users) -> shop one-sided s\nshop -> cart paired c s",
    );
    check_classes(drawing);
}

#[test]
fn internal_spans_between_are_transparent() {
    let drawing = "
        shop > call 10..50 = edge-client
          shop . retry 11..49 = internal
            shop ? hop 11..49 = internal
              cart < serve 12..48 = edge-server";
    check_calls(drawing, "shop -> cart through-internal c s");
    check_classes(drawing);
}

#[test]
fn internal_spans_of_another_service_are_not_transparent() {
    check_calls(
        "
         shop > call 10..50
           mesh . route 11..49
             cart < serve 12..48",
        "shop -> mesh parent-child c s\nmesh -> cart parent-child s",
    );
}

#[test]
fn the_nearest_client_calls() {
    check_calls(
        "
         shop > far 0..50
           shop < own 1..49
             shop > near 2..48
               cart < serve 3..47",
        "shop -> shop paired c s\nshop -> cart paired c s",
    );
}

#[test]
fn a_server_below_another_service_without_a_client_is_called_by_it() {
    let drawing = "
        shop < GET 0..100 = entry
          shop . work 5..60 = internal
            cart < serve 12..48 = edge-server";
    check_calls(
        drawing,
        "(users) -> shop one-sided s\nshop -> cart parent-child s",
    );
    check_classes(drawing);
}

#[test]
fn a_span_of_any_kind_below_another_service_shows_a_call() {
    check_calls(
        "
         shop < GET 0..100
           cart . work 12..48",
        "(users) -> shop one-sided s\nshop -> cart parent-child s",
    );
    check_calls(
        "
         shop ? GET 0..100
           cart ? work 12..48
             stock ? work 20..30",
        "(users) -> shop one-sided s\nshop -> cart parent-child c s\ncart -> stock parent-child c s",
    );
}

#[test]
fn a_kindless_span_with_several_children_is_no_side_of_a_call() {
    check_calls(
        "
         shop ? GET 0..100
           cart ? a 12..48
           cart ? b 50..60",
        "(users) -> shop one-sided s\nshop -> cart parent-child s\nshop -> cart parent-child s",
    );
}

#[test]
fn a_client_below_another_service_is_back_filled() {
    let drawing = "
        shop < GET 0..100 = entry
          cart > query 10..20 db=postgresql/orders = virtual-peer";
    check_calls(
        drawing,
        "(users) -> shop one-sided s
         shop -> cart parent-child
         cart -> [postgresql/orders] one-sided c",
    );
    check_classes(drawing);
}

#[test]
fn a_back_filled_call_is_the_call_of_the_client_above() {
    let drawing = "
        shop > call 0..100 = edge-client
          cart > query 10..20 db=postgresql/orders = virtual-peer";
    check_calls(
        drawing,
        "shop -> cart parent-child c\ncart -> [postgresql/orders] one-sided c",
    );
    check_classes(drawing);
}

#[test]
fn a_zipkin_client_without_a_named_peer_is_the_callee_of_the_call_above() {
    let drawing = "
        shop < GET 0..100 = entry
          cart > odd 10..20 zipkin error = edge-server";
    check_calls(
        drawing,
        "(users) -> shop one-sided s\nshop -> cart parent-child blamed",
    );
    check_classes(drawing);
    // Answered, it is a caller like any other.
    check_calls(
        "
         shop < GET 0..100
           cart > odd 10..20 zipkin error
             stock < serve 11..19",
        "(users) -> shop one-sided s\nshop -> cart parent-child\ncart -> stock paired c s",
    );
}

#[test]
fn a_zipkin_client_that_names_nobody_is_no_call() {
    let drawing = "
        shop < GET 0..100 = entry
          shop > call 10..20 zipkin = no-peer";
    check_calls(drawing, "(users) -> shop one-sided s");
    check_classes(drawing);
}

#[test]
fn one_client_may_have_several_servers() {
    let drawing = "
        shop > call 0..100 = edge-client
          cart < first 10..20 error = edge-server
          cart < second 30..40 = edge-server";
    check_calls(
        drawing,
        "shop -> cart paired repeated not-alone c s\nshop -> cart paired hidden not-alone c s",
    );
    check_classes(drawing);
}

#[test]
fn servers_of_different_services_below_one_client_are_calls_of_their_own() {
    check_calls(
        "
         shop > call 0..100
           cart < a 10..20
           stock < b 30..40",
        "shop -> cart paired not-alone c s\nshop -> stock paired not-alone c s",
    );
}

#[test]
fn a_service_calls_itself_only_by_an_explicit_pair() {
    let pair = "
        shop > call 0..100 = edge-client
          shop < serve 10..20 = edge-server";
    check_calls(pair, "shop -> shop paired c s");
    check_classes(pair);
    let forwarded = "
        shop < GET 0..100 = entry
          shop < include 10..20 = folded
            shop . work 11..19 = internal";
    check_calls(forwarded, "(users) -> shop one-sided s");
    check_classes(forwarded);
    let inside = "
        shop > call 0..100 = virtual-peer
          shop . work 1..99 = internal
            shop < include 10..20 = folded";
    check_calls(inside, "shop -> (unnamed) one-sided c");
    check_classes(inside);
}

#[test]
fn a_producer_answered_by_a_server_does_not_wait_for_it() {
    check_calls(
        "
         shop >> push 0..10
           mail < deliver 20..30",
        "shop -> mail paired async c s",
    );
}

#[test]
fn a_parent_that_does_not_wait_makes_the_call_asynchronous() {
    check_calls(
        "
         shop . begin 0..10 #a
           mail . send 20..30 follows=a",
        "shop -> mail parent-child async s",
    );
}

#[test]
fn further_parents_are_callers_too() {
    let drawing = "
        shop . a 0..10
          join . work 5..9 child-of=b follows=c = edge-server
        cart . b 0..10 #b
        mail . c 0..10 #c";
    check_calls(
        drawing,
        "shop -> join parent-child s
         cart -> join parent-child s
         mail -> join parent-child async s",
    );
    check_classes(drawing);
}

#[test]
fn clocks_that_disagree_change_no_link() {
    check_calls(
        "
         shop > call 1000..1100
           cart < serve 10..20",
        "shop -> cart paired c s",
    );
}
