//! Shapes of requests, and entry points.

use crate::fold::tests::{check, check_shapes};

#[test]
fn a_shape_is_the_tree_of_callees() {
    check_shapes(
        "
        shop < GET 0..100
          shop > call 10..50
            cart < serve 12..48
              cart > query 20..30 db=redis/0
          shop > call 50..90
            stock < serve 51..89",
        "1x GET request: shop 1/0/0; shop>cart 1/0/0; shop>cart>redis/0 1/0/0; shop>stock 1/0/0;",
    );
}

#[test]
fn equal_requests_have_one_shape() {
    let request = "
        shop < GET 0..100
          shop > call 10..50
            cart < serve 12..48";
    check_shapes(
        &format!("trace t1{request}\ntrace t2{request}\ntrace t3{request} error"),
        "3x GET request: shop 3/0/0; shop>cart 3/0/0;",
    );
    check_shapes(
        &format!(
            "trace t1{request}\ntrace t2{}",
            request.replace("10..50", "10..50 error")
        ),
        "2x GET request: shop 2/0/0; shop>cart 2/1/1;",
    );
}

#[test]
fn siblings_to_one_callee_are_one_step() {
    check_shapes(
        "
        shop < GET 0..100
          shop > a 10..20
            cart < serve 12..18
              cart > query 13..14 db=redis/0
          shop > b 30..40
            cart < serve 32..38
              cart > query 33..34 db=redis/0",
        "1x GET request: shop 1/0/0; shop>cart 2/0/0; shop>cart>redis/0 2/0/0;",
    );
}

#[test]
fn a_request_whose_last_attempt_succeeds_did_not_fail_there() {
    check_shapes(
        "
        shop < GET 0..100
          shop > call 10..20 http=503
            cart < serve 12..18 http=503
          shop > call 30..40 resend=1
            cart < serve 32..38",
        "1x GET request: shop 1/0/0; shop>cart 2/1/0;",
    );
    check_shapes(
        "
        shop < GET 0..100 error
          shop > call 10..20 http=503
            cart < serve 12..18 http=503
          shop > call 30..40 resend=1 http=503
            cart < serve 32..38",
        "1x GET request: shop 1/1/1; shop>cart 2/2/1;",
    );
}

#[test]
fn hidden_attempts_fail_one_by_one() {
    check_shapes(
        "
        shop < GET 0..100
          shop > call 10..50
            cart < serve 12..18 error
            cart < serve 32..38",
        "1x GET request: shop 1/0/0; shop>cart 2/1/0;",
    );
}

#[test]
fn what_nobody_waits_for_is_a_step_of_its_own_mode() {
    check_shapes(
        "
        shop < GET 0..100
          shop >> send 10..20 dest=kafka/q
            mail << take 30..40
              mail > query 31..32 db=redis/0",
        "1x GET request: shop 1/0/0; shop>~kafka/q 1/0/0; shop>~mail 1/0/0; shop>~mail>redis/0 1/0/0;",
    );
}

#[test]
fn a_further_parent_does_not_move_a_span() {
    check_shapes(
        "
        shop < GET 0..100
          shop > call 10..20
            cart < serve 12..18 follows=w
          shop . work 30..40
            stock . w 30..40 #w",
        "1x GET request: shop 1/0/0; shop>cart 1/0/0; shop>stock 1/0/0;",
    );
}

#[test]
fn a_failed_zipkin_call_known_by_its_callee_failed() {
    check_shapes(
        "
        shop < GET 0..100
          cart > odd 10..20 zipkin error",
        "1x GET request: shop 1/0/0; shop>cart 1/1/1;",
    );
}

#[test]
fn headless_parts_have_no_shape() {
    check_shapes(
        "
        shop < GET 0..100 missing-parent
          shop > call 10..50
            cart < serve 12..48",
        "",
    );
}

#[test]
fn jobs_and_messages_have_shapes() {
    check_shapes(
        "
        trace t1
        night . sweep 0..10
          night > query 1..2 db=redis/0
        trace t2
        mail << take 0..10",
        "1x sweep job: night 1/0/0; night>redis/0 1/0/0;
         1x take message: mail 1/0/0;",
    );
}

#[test]
fn entry_points_know_requests_failures_health_and_depth() {
    check(
        "
        trace t1
        shop < GET 0..100 http=500
          shop > call 10..50
            cart < serve 12..48
              cart > call 13..40
                stock < serve 14..39
        trace t2
        shop < GET 0..50 weight=th:8
          shop > query 10..50 db=redis/0
        trace t3
        shop < GET 0..1 http.route=/healthz",
        "/healthz request requests=1 weight=1 failed=0 health=1 depths=[1] by depth=[1.0] by hops=[1.0]
         GET request requests=2 weight=3 failed=1 health=0 depths=[1, 0, 1] by depth=[2.0, 0.0, 1.0] by hops=[0.0, 2.0, 1.0]",
        |system, out| {
            for point in &system.entries {
                let entry = &point.entry;
                let units = |units| crate::model::dictionary::Weight(units).value();
                let all = |of: &[u64]| of.iter().map(|of| units(*of)).collect::<Vec<f64>>();
                out.push_str(&format!(
                    "{} {} requests={} weight={} failed={} health={} depths={:?} by depth={:?} by hops={:?}\n",
                    point.operation,
                    point.kind.name(),
                    entry.requests,
                    units(entry.weight),
                    units(entry.failed),
                    entry.health_checks,
                    entry.depths,
                    all(&entry.weights_by_depth),
                    all(&entry.weights_by_hops),
                ));
            }
        },
    );
}
