//! Parents, shared ids, copies, cycles: what becomes of damaged and unusual trees.

use crate::trace::drawing::{check_calls, check_classes, check_tree};

#[test]
fn nothing_has_no_tree() {
    check_tree("", "");
    check_calls("", "");
}

#[test]
fn one_span_is_a_root() {
    check_tree("shop < GET 0..10", "< GET in -");
}

#[test]
fn children_of_a_missing_parent_are_not_joined() {
    let drawing = "
        shop > a 0..10 missing-parent = missing-parent
        cart < b 0..10 missing-parent = missing-parent
        cart . c 0..10 missing-parent = missing-parent";
    check_tree(
        &drawing.replace("= missing-parent", ""),
        "> a in ?\n< b in ?\n. c in ?",
    );
    // The CLIENT still called something, whoever was above it.
    check_calls(drawing, "shop -> (unnamed) one-sided c");
    check_classes(&drawing.replace(
        "> a 0..10 missing-parent = missing-parent",
        "> a 0..10 missing-parent = virtual-peer",
    ));
}

#[test]
fn calls_below_a_missing_parent_count() {
    check_calls(
        "
         shop < b 0..10 missing-parent
           shop > c 1..9
             cart < d 2..8",
        "shop -> cart paired c s",
    );
}

#[test]
fn a_span_that_is_its_own_parent_is_cut() {
    let drawing = "
        shop . a 0..10 #a parent=a = cycle
          shop . b 1..9 = internal";
    check_tree(drawing, ". a in !\n. b in . a");
    check_classes(drawing);
}

#[test]
fn a_cycle_is_cut_once_at_the_smallest_id() {
    let drawing = "
        shop . a 0..10 #a parent=c = cycle
          shop . b 1..9 = internal
            shop . c 2..8 #c = internal
              shop . d 3..7 = internal";
    check_tree(drawing, ". a in !\n. b in . a\n. c in . b\n. d in . c");
    check_classes(drawing);
}

#[test]
fn shared_ids_put_the_client_above_the_server_and_all_else_below_it() {
    let drawing = "
        shop < GET 0..100 zipkin
          shop > call 10..50 #a zipkin
          cart < serve 12..48 #a shared zipkin
            db < deep 20..30 zipkin";
    check_tree(
        drawing,
        "< GET in -\n> call in < GET\n< serve in > call\n< deep in < serve",
    );
    check_calls(
        drawing,
        "(users) -> shop one-sided s
         shop -> cart paired c s
         cart -> db parent-child s",
    );
}

#[test]
fn the_server_copy_knows_the_parent_that_the_client_copy_was_sent_without() {
    check_tree(
        "
         shop < GET 0..100 #r
           cart < serve 12..48 #a shared
         shop > call 10..50 #a",
        "< GET in -\n> call in < GET\n< serve in > call",
    );
}

#[test]
fn copies_count_once() {
    let drawing = "
        shop < GET 0..10 #a = entry
        shop < GET 0..10 #a = duplicate
        shop < GET 0..10 #a = duplicate";
    check_tree(drawing, "< GET in -\n2 copies");
    check_classes(drawing);
    check_calls(drawing, "(users) -> shop one-sided s");
}

#[test]
fn spans_of_different_services_with_one_id_are_no_copies() {
    let drawing = "
        shop < GET 0..10
          cart . work 1..5 #a
          shop . work 1..5 #a";
    check_tree(drawing, "< GET in -\n. work in < GET\n. work in < GET");
}

#[test]
fn kindless_spans_with_one_id_and_no_caller_are_ambiguous() {
    check_classes(
        "
         shop ? work 0..10 #a = ambiguous-kind
         cart ? work 1..5 #a = ambiguous-kind",
    );
}

#[test]
fn both_spellings_of_a_trace_id_are_one_trace() {
    check_tree(
        "
         shop < GET 0..10
           shop > call 1..9 short-id
             cart < serve 2..8",
        "< GET in -\n> call in < GET\n< serve in > call",
    );
}

#[test]
fn two_long_ids_with_one_ending_are_two_traces() {
    check_tree(
        "
         shop < GET 0..10
           shop > call 1..9 other-id",
        "< GET in -\n> call in ?",
    );
}

#[test]
fn a_span_that_ends_before_it_starts_stays() {
    check_tree("shop < GET 10..5", "< GET in - negative");
}

#[test]
fn spans_without_times_link_like_others() {
    check_calls(
        "
         shop < GET ?..?
           shop > call ?..?
             cart < serve ?..?",
        "(users) -> shop one-sided s
         shop -> cart paired c s",
    );
}

#[test]
fn a_span_without_a_service_works_for_the_service_of_its_parent() {
    let drawing = "
        shop < GET 0..10 = entry
          - > call 1..9 = edge-client
            cart < serve 2..8 = edge-server";
    check_classes(drawing);
    check_calls(
        drawing,
        "(users) -> shop one-sided s\nshop -> cart paired c s",
    );
}

#[test]
fn spans_that_no_service_owns_are_unresolved() {
    let drawing = "
        - < GET 0..10 = no-service
          - > call 1..9 = no-service
            cart < serve 2..8 = no-service
              cart > query 3..7 db=redis/0 = virtual-peer";
    check_calls(drawing, "cart -> [redis/0] one-sided c");
    check_classes(drawing);
}

#[test]
fn a_server_without_a_service_is_no_other_side() {
    let drawing = "
        shop > call 0..10 peer=cart = virtual-peer
          - < serve 1..9 = no-service";
    check_calls(drawing, "shop -> [cart] one-sided c");
    check_classes(drawing);
}

#[test]
fn names_may_be_of_any_script() {
    check_calls(
        "
         caf\u{e9} > \u{6ce8}\u{6587} 0..10
           \u{30ab}\u{30fc}\u{30c8} < \u{1f6d2} 1..9",
        "caf\u{e9} -> \u{30ab}\u{30fc}\u{30c8} paired c s",
    );
}

#[test]
fn services_that_differ_in_case_are_different() {
    check_calls(
        "Cart > call 0..10\n cart < serve 1..9",
        "Cart -> cart paired c s",
    );
}
