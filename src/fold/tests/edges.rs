//! What is counted and measured of an edge.

use crate::fold::tests::{check, check_edges, check_grades};

#[test]
fn a_call_is_measured_on_both_sides() {
    check_edges(
        "
        shop < GET 0..100
          shop > call 10..50 http=200
            cart < serve 12..48 http=200",
        "(users) -> shop unknown calls=1 attempts=1 served=1 server=100 critical=100
         shop -> cart http calls=1 attempts=1 served=1 client=40 server=36 network=4 critical=40",
    );
}

#[test]
fn calls_off_the_critical_path_have_slack() {
    check_edges(
        "trace t1
         shop < GET  0..100
           shop > a 10..40 peer=a
           shop > b 20..70 peer=b
         trace t2
         shop < GET  0..100
           shop > a 10..50 peer=a
           shop > b 20..60 peer=b
         trace t3
         shop < GET  0..100
           shop > a 10..90 peer=a
           shop > b 20..50 peer=b",
        "(users) -> shop unknown calls=3 attempts=3 served=3 server=100 critical=300
         shop -> a unknown calls=3 attempts=3 client=50 off-path=2 slack=40 least=10 took=70 critical=80
         shop -> b unknown calls=3 attempts=3 client=40 off-path=1 slack=40 least=40 took=30 critical=90",
    );
}

#[test]
fn failures_are_told_apart_by_who_saw_them() {
    let call = |client: &str, server: &str| {
        format!(
            "
            shop > call 0..10 {client}
              cart < serve 1..9 {server}"
        )
    };
    let edge = |numbers: &str| {
        format!(
            "shop -> cart unknown calls=1 attempts=1 served=1{numbers} client=10 server=8 network=2 critical=10"
        )
    };
    check_edges(&call("", ""), &edge(""));
    check_edges(&call("error", "error"), &edge(" both=1"));
    check_edges(&call("error", ""), &edge(" client-only=1"));
    check_edges(&call("", "error"), &edge(" server-only=1"));
    check_edges(
        &call("error=timeout", ""),
        &edge(" client-only=1 timeouts=1"),
    );
    check_edges(&call("error=timeout", "error"), &edge(" both=1 timeouts=1"));
}

#[test]
fn faults_of_the_caller_are_no_failures() {
    let call = |code: &str| {
        format!(
            "
            shop > call 0..10 http={code} error
              cart < serve 1..9 http={code}"
        )
    };
    let edge = |numbers: &str| {
        format!(
            "shop -> cart http calls=1 attempts=1 served=1{numbers} client=10 server=8 network=2 critical=10"
        )
    };
    check_edges(&call("404"), &edge(" faults=1"));
    check_edges(&call("401"), &edge(" faults=1"));
    check_edges(&call("408"), &edge(" both=1 timeouts=1"));
    check_edges(&call("429"), &edge(" both=1"));
    check_edges(&call("500"), &edge(" both=1"));
    check_edges(&call("504"), &edge(" both=1 timeouts=1"));
}

#[test]
fn codes_of_grpc_count_like_those_of_http() {
    let call = |code: &str| {
        format!(
            "
            shop > call 0..10 grpc={code}
              cart < serve 1..9 grpc={code}"
        )
    };
    let edge = |numbers: &str| {
        format!(
            "shop -> cart grpc calls=1 attempts=1 served=1{numbers} client=10 server=8 network=2 critical=10"
        )
    };
    check_edges(&call("0"), &edge(""));
    check_edges(&call("1"), &edge(""));
    check_edges(&call("4"), &edge(" both=1 timeouts=1"));
    check_edges(&call("5"), &edge(" faults=1"));
    check_edges(&call("13"), &edge(" both=1"));
    check_edges(&call("14"), &edge(" both=1"));
}

#[test]
fn a_failure_of_which_one_side_was_seen_is_that_side_s() {
    check_edges(
        "
        shop > call 0..10 addr=bank error=timeout",
        "shop -> bank unknown calls=1 attempts=1 client-only=1 timeouts=1 client=10 critical=10",
    );
    check_edges(
        "
        shop < GET 0..10 error",
        "(users) -> shop unknown calls=1 attempts=1 served=1 server-only=1 server=10 critical=10",
    );
}

#[test]
fn retries_count_once_as_calls() {
    check_edges(
        "
        shop . work 0..100
          shop > call 0..10 addr=cart http=503
            cart < serve 1..9 http=503
          shop > call 10..20 addr=cart http=503 resend=1
            cart < serve 11..19 http=503
          shop > call 20..30 addr=cart http=200 resend=2
            cart < serve 21..29",
        "shop -> cart http calls=1 attempts=3 served=3 both=2 marked=2 client=10 server=8 network=2 critical=30",
    );
}

#[test]
fn amplification_is_attempts_over_calls() {
    // Eight logical calls, of which two took three attempts: 12 / 8 = 1.5.
    let mut drawing = String::from("\nshop . work 0..1000\n");
    for call in 0..8 {
        let attempts = if call < 6 { 1 } else { 3 };
        drawing.push_str(&format!(
            " shop . step {}..{}\n",
            call * 100,
            call * 100 + 90
        ));
        for attempt in 0..attempts {
            let (from, mark) = (
                call * 100 + attempt * 20,
                if attempt > 0 {
                    format!("resend={attempt}")
                } else {
                    String::new()
                },
            );
            drawing.push_str(&format!(
                "  shop > call {from}..{} addr=cart {mark}\n",
                from + 10
            ));
        }
    }
    check_edges(
        &drawing,
        "shop -> cart unknown calls=8 attempts=12 marked=4 client=10 critical=120",
    );
}

#[test]
fn hidden_retries_have_one_client_time() {
    check_edges(
        "
        shop > call 0..100
          cart < serve 10..30 http=503
          cart < serve 50..90 http=200",
        "shop -> cart http calls=1 attempts=2 served=2 server-only=1 hidden=1 client=100 server=30 critical=100",
    );
}

#[test]
fn a_refused_attempt_and_its_repeat_are_one_call() {
    check_edges(
        "
        shop . work 0..100
          shop > call 0..10 addr=cart error=ECONNREFUSED
          shop > call 20..30 addr=cart
            cart < serve 21..29",
        "shop -> cart unknown calls=1 attempts=2 served=1 client-only=1 inferred=1 client=10 server=8 network=2 critical=20",
    );
}

#[test]
fn a_server_that_outlasts_its_client_has_no_network_time() {
    check_edges(
        "
        shop > call 0..10
          cart < serve 1..50",
        "shop -> cart unknown calls=1 attempts=1 served=1 client=10 server=49 critical=10",
    );
}

#[test]
fn durations_do_not_need_clocks_that_agree() {
    check_edges(
        "
        shop > call 5000..5040
          cart < serve 12..48",
        "shop -> cart unknown calls=1 attempts=1 served=1 client=40 server=36 network=4 critical=40",
    );
}

#[test]
fn spans_without_times_are_counted_and_not_measured() {
    check_edges(
        "
        shop > call ?..?
          cart < serve 1..?",
        "shop -> cart unknown calls=1 attempts=1 served=1",
    );
}

#[test]
fn zero_and_huge_durations_are_measured() {
    check_edges(
        "
        shop > call 5..5
          cart < serve 5..5",
        "shop -> cart unknown calls=1 attempts=1 served=1 client=0 server=0 network=0",
    );
    check(
        "
        shop > call 0..18446744073709551615
          cart < serve 1..18446744073709551615",
        "18446743073709.551615 18446743073708.551615",
        |system, out| {
            let edge = &system.arcs[0].edge;
            for sketch in [&edge.client_ns, &edge.server_ns] {
                out.push_str(&format!(
                    "{}.{:06} ",
                    sketch.max() / 1_000_000,
                    sketch.max() % 1_000_000
                ));
            }
            out.truncate(out.len() - 1);
        },
    );
}

#[test]
fn sampled_requests_stand_for_many() {
    check_edges(
        "
        trace t1
        shop > call 0..10 addr=cart weight=th:8
        trace t2
        shop > call 0..10 addr=cart weight=th:c error
        trace t3
        shop > call 0..10 addr=cart weight=th:0
        trace t4
        shop > call 0..10 addr=cart weight=th:nonsense",
        "shop -> cart unknown calls=8 attempts=8 client-only=4 client=10 critical=40",
    );
}

#[test]
fn grades_are_counted() {
    check_grades(
        "
        trace t1
        shop > call 0..10
          cart < serve 1..9
        trace t2
        shop > call 0..10
          shop . pick 0..10
            cart < serve 1..9
        trace t3
        shop . work 0..10
          cart < serve 1..9
        trace t4
        shop > call 0..10 addr=cart
        trace t5
        cart < serve 0..10 peer=shop",
        "shop -> cart paired=1 through-internal=1 parent-child=1 one-sided=1 declared=1",
    );
}

#[test]
fn places_and_versions_of_both_sides_are_counted() {
    check(
        "
        trace t1
        shop > call 0..10 zone=a region=eu version=1
          cart < serve 1..9 zone=b region=eu version=7
        trace t2
        shop > call 0..10 zone=a
          cart < serve 1..9 zone=a",
        "zones a-a=1 a-b=1 regions eu-eu=1 versions 1-7=1",
        |system, out| {
            let text = |name| system.rest.catalogue.text(name);
            let edge = &system.arcs[0].edge;
            for (word, tally) in [
                ("zones", &edge.zones),
                ("regions", &edge.regions),
                ("versions", &edge.versions),
            ] {
                out.push_str(word);
                let mut pairs: Vec<String> = tally
                    .entries()
                    .iter()
                    .map(|((a, b), n)| format!(" {}-{}={n}", text(*a), text(*b)))
                    .collect();
                pairs.sort();
                out.push_str(&pairs.concat());
                out.push(' ');
            }
        },
    );
}

#[test]
fn fan_out_and_use_are_counted_by_trace() {
    check(
        "
        trace t1
        shop . work 0..10
          shop > a 0..1 addr=cart
          shop > b 1..2 addr=cart
          shop > c 2..3 addr=cart
        trace t2
        shop > a 0..1 addr=cart",
        "traces=2 most=3 first=0 last=2",
        |system, out| {
            let edge = &system.arcs[0].edge;
            let ms = |time: u64| (time - crate::trace::drawing::EPOCH) / 1_000_000;
            out.push_str(&format!(
                "traces={} most={} first={} last={}",
                edge.traces,
                edge.most_in_trace,
                ms(edge.first),
                ms(edge.last)
            ));
        },
    );
}

#[test]
fn the_account_names_what_was_not_understood() {
    check(
        "
        shop < GET 0..100 #a
        shop < GET 0..100 #a
          shop > call 1..2 missing-parent addr=bank
          shop . lost 1..2 missing-parent
          - . nameless 1..2 missing-parent
          shop . knot 1..2 #k parent=k",
        "duplicates=1 missing=3 [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]",
        |system, out| {
            let account = &system.account;
            out.push_str(&format!(
                "duplicates={} missing={} {:?}",
                account.duplicates, account.missing_parents, account.classes
            ));
        },
    );
}
