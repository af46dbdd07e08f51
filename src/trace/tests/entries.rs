//! Where work begins: users, messages, jobs, and what is none of them.

use crate::trace::drawing::{check_calls, check_classes, check_entries};

#[test]
fn a_root_server_is_entered_by_users() {
    let drawing = "shop < GET /x 0..100 = entry";
    check_calls(drawing, "(users) -> shop one-sided s");
    check_entries(drawing, "shop GET /x request");
    check_classes(drawing);
}

#[test]
fn a_root_server_that_names_its_caller_is_called_by_it() {
    let drawing = "shop < GET 0..100 peer=till = edge-server";
    check_calls(drawing, "[till] -> shop declared s");
    check_entries(drawing, "shop GET request");
    check_classes(drawing);
}

#[test]
fn the_caller_a_server_names_counts_only_when_no_caller_was_seen() {
    check_calls(
        "
         till > call 0..100
           shop < GET 1..99 peer=somebody",
        "till -> shop paired c s",
    );
}

#[test]
fn a_server_whose_parent_is_missing_is_no_entry() {
    let drawing = "shop < GET 0..100 missing-parent = missing-parent";
    check_calls(drawing, "");
    check_entries(drawing, "");
    check_classes(drawing);
}

#[test]
fn a_server_whose_parent_is_missing_may_name_its_caller() {
    let drawing = "shop < GET 0..100 missing-parent peer=till = edge-server";
    check_calls(drawing, "[till] -> shop declared s");
    check_entries(drawing, "");
    check_classes(drawing);
}

#[test]
fn a_root_consumer_takes_from_an_outside_producer() {
    let drawing = "mail << take 0..100 = entry";
    check_calls(drawing, "(users) -> mail one-sided async s");
    check_entries(drawing, "mail take message");
    check_classes(drawing);
}

#[test]
fn a_root_consumer_whose_producer_is_linked_is_not_entered_by_users() {
    let drawing = "
        trace t1
        shop >> send 0..10 #a
        trace t2
        mail << take 20..30 link=t1/a = edge-consumer";
    check_calls(drawing, "");
    check_entries(drawing, "shop send job\nmail take message");
    check_classes(drawing);
}

#[test]
fn other_roots_are_jobs() {
    check_entries(
        "
         trace t1
         night . sweep 0..100
         trace t2
         night > poll 0..100
         trace t3
         night >> send 0..100
         trace t4
         night . create 0..100 op=create",
        "night sweep job\nnight poll job\nnight send job\nnight create job",
    );
    check_classes("night . sweep 0..100 = internal");
}

#[test]
fn a_root_without_a_kind_is_a_request() {
    let drawing = "shop ? GET 0..100 = entry";
    check_calls(drawing, "(users) -> shop one-sided s");
    check_entries(drawing, "shop GET request");
    check_classes(drawing);
}

#[test]
fn a_trace_may_have_several_roots() {
    check_entries(
        "
         shop < a 0..100
         shop < b 200..300",
        "shop a request\nshop b request",
    );
}

#[test]
fn what_a_cycle_was_cut_from_is_no_entry() {
    let drawing = "shop < GET 0..100 #a parent=a = cycle";
    check_entries(drawing, "");
    check_calls(drawing, "");
    check_classes(drawing);
}
