//! What emits no spans: names, addresses that turn out to be services, and gaps.

use crate::fold::tests::{check_edges, check_grades, check_nodes};

#[test]
fn peers_are_named_by_the_first_thing_that_names_them() {
    check_nodes(
        "
        trace t1
        shop > a 0..1 peer=bank peer.service=old addr=host
        trace t2
        shop > b 0..1 peer.service=till addr=host
        trace t3
        shop > c 0..1 db=postgresql/orders addr=pg-1
        trace t4
        shop > d 0..1 db=redis/0
        trace t5
        shop >> e 0..1 dest=kafka/orders addr=broker
        trace t6
        shop > f 0..1 addr=partner.example:8443
        trace t7
        shop > g 0..1 net.peer.name=legacy
        trace t8
        shop > h 0..1 url.full=https://u:p@maps.example:443/x?y
        trace t9
        shop > i 0..1 rpc.system=grpc rpc.service=shop.Rates
        trace t10
        shop > j 0..1 rpc.system=grpc
        trace t11
        shop > k 0..1
        trace t12
        shop > l 0..1 gen_ai.provider.name=openai
        trace t13
        shop > m 0..1 faas.invoked_name=resize",
        "Service shop
         External bank
         External till
         Database postgresql/orders
         Cache redis/0
         Queue kafka/orders
         External partner.example
         External legacy
         External maps.example
         External shop.Rates
         External grpc
         Unknown unknown
         External openai
         External resize",
    );
}

#[test]
fn empty_names_are_absent() {
    check_nodes(
        "shop > a 0..1 peer= addr=bank",
        "Service shop\nExternal bank",
    );
}

#[test]
fn old_and_new_names_mean_the_same() {
    check_edges(
        "
        trace t1
        shop > a 0..1 db.system=postgresql db.name=orders
        trace t2
        shop > b 0..1 db.system.name=postgresql db.namespace=orders",
        "shop -> postgresql/orders database calls=2 attempts=2 client=1 critical=2",
    );
}

#[test]
fn names_of_kubernetes_services_lose_their_suffix() {
    check_nodes(
        "
        trace t1
        shop > a 0..1 addr=cart.prod.svc.cluster.local:80
        trace t2
        shop > b 0..1 addr=cart",
        "Service shop\nExternal cart",
    );
}

#[test]
fn bare_addresses_are_one_node_per_type() {
    check_grades(
        "
        trace t1
        shop > a 0..1 addr=10.0.0.1:80 http=200
        trace t2
        shop > a 0..1 addr=10.0.0.2:80 http=200
        trace t3
        shop > b 0..1 addr=10.0.0.2 db=redis
        trace t4
        shop > c 0..1 addr=[::1]:50051 grpc=0",
        "shop -> http/(ip addresses) one-sided=2
         shop -> redis one-sided=1
         shop -> grpc/(ip addresses) one-sided=1",
    );
}

#[test]
fn a_peer_with_the_name_of_a_service_is_that_service() {
    let drawing = "
        trace t1
        shop > a 0..10 addr=cart
        trace t2
        cart < b 0..10";
    check_nodes(drawing, "Service shop\nService cart gap=1");
    check_edges(
        drawing,
        "(users) -> cart unknown calls=1 attempts=1 served=1 server=10 critical=10
         shop -> cart unknown calls=1 attempts=1 client=10 critical=10",
    );
}

#[test]
fn a_peer_at_an_address_where_a_service_answered_is_that_service() {
    let drawing = "
        trace t1
        shop > a 0..10 addr=10.0.0.7
          cart < serve 1..9
        trace t2
        till > b 0..10 addr=10.0.0.7";
    check_nodes(drawing, "Service shop\nService till\nService cart gap=1");
    check_grades(drawing, "shop -> cart paired=1\ntill -> cart one-sided=1");
}

#[test]
fn an_address_where_two_services_answer_is_neither() {
    check_grades(
        "
        trace t1
        shop > a 0..10 addr=gate
          cart < serve 1..9
        trace t2
        shop > a 0..10 addr=gate
          stock < serve 1..9
        trace t3
        till > b 0..10 addr=gate",
        "shop -> cart paired=1\nshop -> stock paired=1\ntill -> gate one-sided=1",
    );
}

#[test]
fn databases_are_not_bound_by_address() {
    check_grades(
        "
        trace t1
        shop > a 0..10 addr=host
          cart < serve 1..9
        trace t2
        shop > b 0..10 addr=host db=mysql/orders",
        "shop -> cart paired=1\nshop -> mysql/orders one-sided=1",
    );
}

#[test]
fn namespaces_are_named_where_two_share_a_name() {
    check_grades(
        "
        trace t1
        eu/shop > a 0..10
          eu/cart < serve 1..9
        trace t2
        eu/shop > a 0..10
          us/cart < serve 1..9",
        "shop -> eu/cart paired=1\nshop -> us/cart paired=1",
    );
}

#[test]
fn a_namespace_may_be_absent_in_one_of_two() {
    check_grades(
        "
        trace t1
        shop > a 0..10
          eu/cart < serve 1..9
        trace t2
        shop > a 0..10
          cart < serve 1..9",
        "shop -> eu/cart paired=1\nshop -> cart paired=1",
    );
}

#[test]
fn isolated_services_stay_in_the_graph() {
    let drawing = "cron . sweep 0..10";
    check_nodes(drawing, "Service cron");
    check_edges(drawing, "");
}

#[test]
fn nothing_has_no_nodes() {
    check_nodes("", "");
    check_edges("", "");
}
