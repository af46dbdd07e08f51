//! Messages within one trace.

use crate::trace::drawing::{check_calls, check_classes, check_entries};

#[test]
fn a_message_goes_through_its_destination() {
    let drawing = "
        shop >> send 0..10 dest=kafka/orders = edge-producer
          mail << take 30..40 dest=kafka/orders = edge-consumer";
    check_calls(
        drawing,
        "shop -> [kafka/orders] paired async c
         [kafka/orders] -> mail paired async s
         shop -> mail paired async direct c s waited=20",
    );
    check_classes(drawing);
}

#[test]
fn without_a_destination_there_is_only_the_direct_view() {
    check_calls(
        "
         shop >> send 0..10
           mail << take 30..40",
        "shop -> mail paired async c s waited=20",
    );
}

#[test]
fn either_side_may_name_the_destination() {
    check_calls(
        "
         shop >> send 0..10 dest=kafka/orders
           mail << take 30..40",
        "shop -> [kafka/orders] paired async c
         [kafka/orders] -> mail paired async s
         shop -> mail paired async direct c s waited=20",
    );
    check_calls(
        "
         shop >> send 0..10
           mail << take 30..40 dest=kafka/orders",
        "[kafka/orders] -> mail paired async s
         shop -> mail paired async direct c s waited=20",
    );
}

#[test]
fn a_message_nobody_was_seen_to_take_goes_to_its_destination() {
    let drawing = "shop >> send 0..10 dest=kafka/orders = edge-producer";
    check_calls(drawing, "shop -> [kafka/orders] one-sided async c");
    check_classes(drawing);
}

#[test]
fn links_come_before_parents() {
    let drawing = "
        shop >> send 0..10 #m
        push < POST 20..50
          mail << take 30..40 link=m = edge-consumer";
    check_calls(
        drawing,
        "(users) -> push one-sided s
         shop -> mail paired async c s waited=20",
    );
    check_classes(drawing);
}

#[test]
fn a_parent_that_is_also_linked_counts_once() {
    check_calls(
        "
         shop >> send 0..10 #m
           mail << take 30..40 link=m",
        "shop -> mail paired async c s waited=20",
    );
}

#[test]
fn internal_spans_between_producer_and_consumer_are_transparent() {
    check_calls(
        "
         shop >> send 0..10
           shop . flush 1..9
             mail << take 30..40",
        "shop -> mail through-internal async c s waited=20",
    );
}

#[test]
fn a_consumer_with_several_links_is_several_messages() {
    check_calls(
        "
         shop . work 0..10
           shop >> send 0..10 #m
           shop >> send 0..10 #n
         mail << take 30..40 dest=kafka/orders op=receive link=m link=n",
        "shop -> mail paired async direct c s waited=20
         shop -> mail paired async direct c s waited=20
         [kafka/orders] -> mail paired async s",
    );
}

#[test]
fn a_pair_counts_once_though_the_message_is_received_and_processed() {
    let drawing = "
        shop >> send 0..10 dest=kafka/orders #m = edge-producer
        mail > poll 20..30 dest=kafka/orders op=receive link=m = edge-consumer
          mail << work 30..40 dest=kafka/orders op=process link=m = folded";
    check_calls(
        drawing,
        "shop -> [kafka/orders] paired async c
         shop -> mail paired async direct c s waited=10
         [kafka/orders] -> mail paired async s",
    );
    check_classes(drawing);
}

#[test]
fn each_service_that_takes_a_message_counts() {
    check_calls(
        "
         shop >> send 0..10 #m
         mail << take 30..40 link=m
         bill << take 50..60 link=m",
        "shop -> mail paired async not-alone c s waited=20
         shop -> bill paired async not-alone c s waited=40",
    );
}

#[test]
fn the_role_decides_before_the_kind() {
    let drawing = "
        shop > publish 0..10 dest=kafka/orders op=send = edge-producer
          mail > poll 30..40 dest=kafka/orders messaging.operation=receive = edge-consumer";
    check_calls(
        drawing,
        "shop -> [kafka/orders] paired async c
         [kafka/orders] -> mail paired async s
         shop -> mail paired async direct c s waited=20",
    );
    check_classes(drawing);
}

#[test]
fn making_and_acknowledging_are_no_calls() {
    let drawing = "
        shop . work 0..10
          shop >> make 0..1 dest=kafka/orders op=create #m = auxiliary
          shop > send 2..10 dest=kafka/orders op=send link=m = edge-producer
        mail << take 30..40 dest=kafka/orders op=process link=m = edge-consumer
          mail > ack 38..39 dest=kafka/orders op=settle = auxiliary";
    check_calls(
        drawing,
        "shop -> [kafka/orders] one-sided async c
         shop -> mail paired async direct c s waited=29
         [kafka/orders] -> mail paired async s",
    );
    check_classes(drawing);
}

#[test]
fn a_message_to_oneself_counts_when_the_pair_is_explicit() {
    check_calls(
        "
         shop >> send 0..10
           shop << take 30..40",
        "shop -> shop paired async c s waited=20",
    );
    let inside = "
        shop >> send 0..10
          shop . flush 1..9
            shop << take 30..40 = internal";
    check_calls(inside, "");
    check_classes(inside);
}

#[test]
fn a_consumer_below_a_client_is_called_by_it() {
    check_calls(
        "
         shop > send 0..10 addr=mail
           mail << take 30..40",
        "shop -> mail paired async c s",
    );
}

#[test]
fn a_consumer_below_another_service_is_called_by_it() {
    check_calls(
        "
         shop < GET 0..10
           mail << take 30..40",
        "(users) -> shop one-sided s\nshop -> mail parent-child async s",
    );
}

#[test]
fn a_message_taken_before_it_was_sent_waited_for_no_time() {
    check_calls(
        "
         shop >> send 100..110
           mail << take 30..40",
        "shop -> mail paired async c s waited=0",
    );
}

#[test]
fn a_message_without_times_waited_for_an_unknown_time() {
    check_calls(
        "
         shop >> send ?..?
           mail << take 30..40",
        "shop -> mail paired async c s",
    );
}

#[test]
fn a_linked_consumer_at_the_root_is_an_entry_that_no_user_made() {
    let drawing = "
        shop < GET 0..10
          shop >> send 0..10 #m
        mail << take 30..40 link=m = edge-consumer";
    check_entries(drawing, "shop GET request\nmail take message");
    check_calls(
        drawing,
        "(users) -> shop one-sided s\nshop -> mail paired async c s waited=20",
    );
    check_classes(drawing);
}

#[test]
fn a_consumer_without_a_producer_takes_from_its_destination() {
    let drawing = "mail << take 30..40 dest=kafka/orders missing-parent = edge-consumer";
    check_calls(drawing, "[kafka/orders] -> mail one-sided async s");
    check_classes(drawing);
    check_classes("mail << take 30..40 missing-parent = missing-parent");
}
