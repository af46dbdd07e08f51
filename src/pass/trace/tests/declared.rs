//! Passes over failures with what the policy declares.

use crate::pass::trace::tests::{check, check_under};

/// Returns traces of one story.
fn days(times: usize, story: &str) -> String {
    let day = |time: usize| format!("trace t{time}\n{story}\n");
    (0..times).map(day).collect()
}

const ADS: &str = "version: 1\ncalls:\n  - { from: shop, to: ads, soft: true }\n";

#[test]
fn a_fallback_that_is_declared_and_does_not_work_is_said() {
    let fails = "
        shop < GET /home   0..50 error
          shop > GET /ads  5..40 error
            ads < GET /ads 6..39 error";
    check_under(
        ADS,
        "transmission",
        &days(25, fails),
        "measured broken_fallback shop->ads 1.000000: shop should do without ads and does not: \
            it failed 25 of the 25 times its call failed, and the call never went well",
    );
    check_under(ADS, "transmission", &days(3, fails), "");
}

#[test]
fn what_is_declared_is_not_said_to_be_seen() {
    let fails = "
        shop < GET /home   0..50 error
          shop > GET /ads  5..40 error
            ads < GET /ads 6..39 error";
    let does_without = fails.replacen("0..50 error", "0..50", 1);
    let fails_alone = "
        shop < GET /home   0..50 error
          shop > GET /ads  5..40
            ads < GET /ads 6..39";
    let mixed = |first: (usize, &str), second: (usize, &str)| {
        let stories =
            std::iter::repeat_n(first.1, first.0).chain(std::iter::repeat_n(second.1, second.0));
        let days = stories.enumerate();
        days.map(|(day, story)| format!("trace t{day}\n{story}\n"))
            .collect::<String>()
    };
    // It fails as often when the advertisements come.
    check_under(
        ADS,
        "transmission",
        &mixed((50, fails_alone), (25, fails)),
        "",
    );
    // A fifth, more or less.
    let some = mixed((20, &does_without), (5, fails));
    check_under(ADS, "transmission", &some, "");
    check_under(&ADS.replace("true", "false"), "transmission", &some, "");
}

const LEVELS: &str = "
version: 1
services:
  define:
    - { match: pay, criticality: critical }
    - { match: score, criticality: low }
";

#[test]
fn who_needs_something_less_important_inverts_the_order() {
    let fails = "
        pay < POST /pay      0..50 error
          pay > GET /score   5..40 error
            score < GET /score 6..39 error";
    let well = "
        pay < POST /pay      0..50
          pay > GET /score   5..40
            score < GET /score 6..39";
    let up = "
        score < POST /pay    0..50 error
          score > GET /pay   5..40 error
            pay < GET /pay   6..39 error";
    check_under(
        LEVELS,
        "criticality",
        &days(20, fails),
        "proved criticality_inversion pay->score 20.000000: \
            pay, which is critical, needs score, which is low: 20 attempts",
    );
    check_under(
        LEVELS,
        "criticality",
        &days(20, well),
        "inferred criticality_inversion pay->score 20.000000: \
            pay, which is critical, waits for, and may need, score, which is low: 20 attempts",
    );
    check_under(LEVELS, "criticality", &days(20, up), "");
    check("criticality", &days(20, fails), "");
}

const PAIR: &str = "
version: 1
redundancy: [ [pay-eu, pay-us] ]
calls:
  - { from: \"pay-*\", to: ledger, soft: false }
";

#[test]
fn what_both_of_a_pair_need_is_said() {
    let both = "
        trace t1
        pay-eu < POST /pay     0..50
          pay-eu > GET /book   5..40
            ledger < GET /book 6..39
        trace t2
        pay-us < POST /pay     0..50
          pay-us > GET /book   5..40
            ledger < GET /book 6..39";
    check_under(
        PAIR,
        "shared-dependencies",
        both,
        "proved shared_dependencies pay-eu->pay-us 1.000000: pay-eu, pay-us stand in for each other and all need ledger; \
            how often all fail at once cannot be told, for no failure began in pay-eu, pay-us",
    );
    let apart = both.replacen("ledger <", "other <", 1);
    check_under(
        PAIR,
        "shared-dependencies",
        &apart,
        "inferred shared_dependencies pay-eu->pay-us 0.000000: pay-eu, pay-us stand in for each other and share nothing that \
            was seen; how often all fail at once cannot be told, for no failure began in pay-eu, pay-us",
    );
    check("shared-dependencies", both, "");
    let three = ["a", "b", "c"].map(|name| {
        format!("trace {name}\n{name} < GET / 0..50\n  {name} > GET /book 5..40\n    book < GET /book 6..39\n")
    });
    check_under(
        "version: 1\nredundancy: [ [a, b, c] ]\n",
        "shared-dependencies",
        &three.concat(),
        "inferred shared_dependencies a->b->c 1.000000: a, b, c stand in for each other and may all need book; \
            how often all fail at once cannot be told, for no failure began in a, b, c",
    );
}

#[test]
fn shared_failures_are_more_than_independent_ones() {
    let mut days = String::new();
    for at in 0..20 {
        for name in ["pay-eu", "pay-us"] {
            let error = if at == 0 { "error" } else { "" };
            days.push_str(&format!(
                "trace {name}{at}\n{name} < POST /pay 0..50 {error}\n"
            ));
        }
    }
    // q = 5 % each: 0.05^2 alone, and 0.045^2 + 0.1 x 0.05 when a tenth is shared.
    check_under(
        PAIR,
        "shared-dependencies",
        &days,
        "inferred shared_dependencies pay-eu->pay-us 0.000000: pay-eu, pay-us stand in for each other and share nothing that \
            was seen; by what was seen, all fail at once in 0 % to 5 % of requests, 0.3 % if they fail independently, 0.7 % if 10 % of \
            the failures are shared",
    );
}

#[test]
fn a_service_in_two_regions_that_needs_one_is_said() {
    let day = |us: &str| {
        format!(
            "trace t1
             shop < GET /     0..50 region=eu
               shop > GET /db 5..40 region=eu
                 book < GET /db 6..39 region=eu
             trace t2
             shop < GET /     0..50 region=us
               shop > GET /db 5..40 region=us
                 book < GET /db 6..39 {us}"
        )
    };
    check(
        "shared-dependencies",
        &day("region=eu"),
        "inferred shared_region shop->book 2.000000: shop may need book in eu from each of eu, us",
    );
    // From where it calls nobody, nothing is known.
    let idle = day("region=eu") + "\ntrace t3\nshop < GET / 0..50 region=ap";
    check(
        "shared-dependencies",
        &idle,
        "inferred shared_region shop->book 2.000000: shop may need book in eu from each of eu, us",
    );
    check("shared-dependencies", &day("region=us"), "");
    check("shared-dependencies", &day(""), "");
}
