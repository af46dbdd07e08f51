//! Retries drawn: what they add, how they wait, how they multiply.

use super::*;
use crate::pass::trace::tests::{check, each_order};
use crate::policy::calls::Terms;

/// Returns a request with a call of so many attempts, all of which but the last fail.
fn request(name: &str, attempts: u64, at: u64, pause: impl Fn(u64) -> u64) -> String {
    let mut drawing = format!("trace {name}\n  shop < GET / {at}..{}\n", at + 900);
    let mut start = at;
    for attempt in 0..attempts {
        let status = if attempt + 1 == attempts { 200 } else { 503 };
        let end = start + 10;
        let resend = match attempt {
            0 => String::new(),
            attempt => format!("resend={attempt}"),
        };
        drawing += &format!("    shop > GET /pay {start}..{end} peer=pay http={status} {resend}\n");
        start = end + pause(attempt);
    }
    drawing
}

fn metric(drawing: &str, limits: &Limits, name: &str) -> f64 {
    let mut value = None;
    each_order(drawing, |_, system| {
        let mut measured = Measured::default();
        measure_with(&Graph::of(system), limits, &mut measured);
        let found = measured.metrics.iter().find(|metric| metric.name == name);
        value = found.map(|metric| metric.value);
    });
    value.unwrap()
}

#[test]
fn eight_calls_of_twelve_attempts_are_amplified_by_half() {
    let drawing: String = [1, 1, 1, 1, 1, 1, 3, 3]
        .into_iter()
        .enumerate()
        .map(|(at, attempts)| request(&format!("t{at}"), attempts, at as u64 * 1000, |_| 10))
        .collect();
    let expected = "inferred worst_retry_amplification shop->pay 3.000000: a request along shop -> pay can become 3 attempts if \
                    every attempt fails (1.75 if half of them do, 1.5 as seen)
         proved retry_amplification shop->pay 1.500000: \
            shop -> pay: 1.5 attempts per call, 3 at most (retries: 4 marked; of 2 calls repeated, 2 got an answer in the end)";
    check("retries", &drawing, expected);
}

#[test]
fn repeats_that_are_no_retries_add_nothing() {
    check(
        "retries",
        "trace hedge
         shop < GET /          0..100
           shop > GET /pay     0..30  peer=pay http=503
           shop > GET /pay     5..20  peer=pay
         trace credentials
         shop < GET /          0..100
           shop > GET /pay     0..10  peer=pay http=401
           shop > GET /pay    20..30  peer=pay resend=1
         trace transport
         shop < GET /          0..100
           shop > GET /pay     0..10  peer=pay http=503
           shop > GET /pay    20..30  peer=pay transparent
         trace loop
         shop < GET /          0..100
           shop > GET /pay     0..10  peer=pay
           shop > GET /pay    20..30  peer=pay
         trace other
         shop < GET /          0..100
           shop > GET /pay     0..10  peer=pay http=503
           shop > GET /refund 20..30  peer=pay",
        "",
    );
}

#[test]
fn attempts_of_their_own_traces_count_without_their_first() {
    let drawing = "trace t1
         shop > GET /pay   0..10 peer=pay http=503
         trace t2
         shop > GET /pay  20..30 peer=pay http=503 resend=1
         trace t3
         shop > GET /pay  40..50 peer=pay resend=2";
    assert_eq!(
        metric(drawing, &Limits::default(), "retry_amplification"),
        3.0
    );
    assert_eq!(
        metric(drawing, &Limits::default(), "worst_retry_amplification"),
        3.0
    );
}

#[test]
fn retries_below_retries_multiply() {
    check(
        "retries",
        "web < GET /              0..400
           web > GET /cart        0..100  http=503
             cart < GET /cart     5..95   http=503
               cart > GET /stock 10..20   peer=stock http=503
               cart > GET /stock 30..40   peer=stock http=503 resend=1
               cart > GET /stock 50..60   peer=stock http=503 resend=2
           web > GET /cart      200..300  http=503 resend=1
             cart < GET /cart   205..295  http=503
               cart > GET /stock 210..220 peer=stock http=503
               cart > GET /stock 230..240 peer=stock http=503 resend=1
               cart > GET /stock 250..260 peer=stock http=503 resend=2",
        "proved multiplied_retries web->cart->stock 6.000000: web -> cart and cart -> stock were both retried inside \
            one call, 1 time: up to 6 attempts of cart -> stock for one call of web -> cart
         inferred worst_retry_amplification web->cart->stock 6.000000: a request along web -> cart -> stock can \
            become 2 x 3 = 6 attempts if every attempt fails (1.97 if half of them do, 6 as seen)
         proved retry_amplification cart->stock 3.000000: cart -> stock: 3 attempts per call, 3 at most \
            (retries: 4 marked; of 2 calls repeated, 0 got an answer in the end)
         proved retry_amplification web->cart 2.000000: web -> cart: 2 attempts per call, 2 at most \
            (retries: 1 marked; of 1 call repeated, 0 got an answer in the end)",
    );
}

#[test]
fn the_worst_case_is_the_largest_product_from_an_entry() {
    let drawing = "a < GET /         0..100
           a > GET /b        0..90
             b < GET /b      0..90
               b > GET /c    0..80
                 c < GET /c  0..80
                   c > GET /d 0..70
                     d < GET /d 0..70
                       d > GET /c 0..60
                         c < GET /c 0..60
           a > GET /d       90..95
             d < GET /d     90..95";
    let declared = |attempts: [u64; 4]| {
        let edges = [(0, 1), (1, 2), (2, 3), (3, 2)].into_iter().zip(attempts);
        let calls = edges.map(|(nodes, attempts)| {
            let attempts = Some(attempts);
            (
                nodes,
                Terms {
                    attempts,
                    ..Terms::default()
                },
            )
        });
        Limits {
            calls: calls.collect(),
            ..Limits::default()
        }
    };
    for (attempts, expected) in [
        ([1, 1, 1, 1], 1.0),
        ([3, 3, 3, 1], 27.0),
        ([4, 4, 4, 1], 64.0),
        // Around a cycle once, over its most retried edge.
        ([3, 3, 2, 3], 27.0),
    ] {
        assert_eq!(
            metric(drawing, &declared(attempts), "worst_retry_amplification"),
            expected
        );
    }
}

#[test]
fn pauses_that_never_vary_are_told() {
    let same: String = (0..10)
        .map(|at| request(&format!("t{at}"), 2, at * 1000, |_| 100))
        .collect();
    let told = "shop -> pay retries without jitter: attempt 2 follows after 100 ms (variation 0 %)";
    let jittered: String = (0..10)
        .map(|at| request(&format!("t{at}"), 2, at * 1000, |_| 50 + at * 10))
        .collect();
    let at_once: String = (0..10)
        .map(|at| request(&format!("t{at}"), 2, at * 1000, |_| 0))
        .collect();
    for (drawing, expected) in [
        (same, told),
        (jittered, ""),
        (
            at_once,
            "shop -> pay retries without jitter: attempt 2 follows at once",
        ),
    ] {
        each_order(&drawing, |_, system| {
            let mut measured = Measured::default();
            measure(&Graph::of(system), Effort::Quick, &mut measured);
            let mut found = measured
                .findings
                .iter()
                .filter(|of| of.metric == "backoff_variation");
            assert_eq!(found.next().map_or("", |finding| &finding.text), expected);
        });
    }
}
