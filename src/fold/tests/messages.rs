//! Messages whose two sides lie in different traces.

use crate::fold::tests::{check, check_edges};

#[test]
fn a_link_joins_two_traces() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m dest=kafka/orders
        trace t2
        mail << take 30..40 dest=kafka/orders link=t1/m",
        "shop -> kafka/orders messaging async calls=1 attempts=1 client=10
         kafka/orders -> mail messaging async calls=1 attempts=1 served=1 server=10
         shop -> mail messaging async direct calls=1 attempts=1 served=1 server=10 queue=20",
    );
}

#[test]
fn one_trace_or_two_makes_no_difference() {
    check_edges(
        "
        shop >> send 0..10 #m dest=kafka/orders
        mail << take 30..40 dest=kafka/orders link=m",
        "shop -> kafka/orders messaging async calls=1 attempts=1 client=10
         kafka/orders -> mail messaging async calls=1 attempts=1 served=1 server=10
         shop -> mail messaging async direct calls=1 attempts=1 served=1 server=10 queue=20",
    );
}

#[test]
fn a_batch_is_as_many_messages_as_it_has_links() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m
        trace t2
        till >> send 0..20 #m
        trace t3
        shop >> send 0..30 #m
        trace t4
        mail << take 50..60 link=t1/m link=t2/m link=t3/m",
        "shop -> mail messaging async calls=2 attempts=2 served=2 server=10 queue=30
         till -> mail messaging async calls=1 attempts=1 served=1 server=10 queue=30",
    );
}

#[test]
fn a_message_counts_once_per_service_that_takes_it() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m
        trace t2
        mail << receive 20..30 op=receive link=t1/m
          mail << process 22..28 op=process link=t1/m
        trace t3
        bill << take 40..50 link=t1/m",
        "shop -> mail messaging async calls=1 attempts=1 served=1 server=10 queue=10
         shop -> bill messaging async calls=1 attempts=1 served=1 server=10 queue=30",
    );
}

#[test]
fn the_creation_of_a_message_is_its_producing_side() {
    check_edges(
        "
        trace t1
        shop . work 0..10
          shop >> make 0..1 op=create #m
          shop > send 2..10 dest=kafka/orders op=send link=t1/m
        trace t2
        mail << take 30..40 op=process link=t1/m",
        "shop -> kafka/orders messaging async calls=1 attempts=1 client=8
         shop -> mail messaging async calls=1 attempts=1 served=1 server=10 queue=29",
    );
}

#[test]
fn a_failed_consumer_fails_on_the_server_side() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m
        trace t2
        mail << take 30..40 link=t1/m error",
        "shop -> mail messaging async calls=1 attempts=1 served=1 server-only=1 server=10 queue=20",
    );
}

#[test]
fn a_consumer_whose_producer_is_not_there_is_counted_as_unmet() {
    check(
        "
        trace t1
        shop . work 0..10 #m
        trace t2
        mail << take 30..40 link=t1/m",
        "unmet=1 edges=0",
        |system, out| {
            out.push_str(&format!(
                "unmet={} edges={}",
                system.unmet_messages,
                system.arcs.len()
            ))
        },
    );
}

#[test]
fn a_message_from_oneself_is_an_edge_to_oneself() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m
        trace t2
        shop << take 30..40 link=t1/m",
        "shop -> shop messaging async calls=1 attempts=1 served=1 server=10 queue=20",
    );
}

#[test]
fn a_redelivered_message_counts_once_per_service() {
    check_edges(
        "
        trace t1
        shop >> send 0..10 #m
        trace t2
        mail << take 30..40 link=t1/m
        trace t3
        mail << take 50..90 link=t1/m",
        "shop -> mail messaging async calls=1 attempts=1 served=1 server=10 queue=20",
    );
}
