//! Verbs about rates, times and numbers: what they pass, object to, and cannot tell.

use super::*;

#[test]
fn timeouts_must_outlast_attempts_and_pauses_below() {
    let with = |calls: &str, verb: &str| {
        said_of(&verdict(
            &shop(),
            &format!(
                "calls:\n  - {{ from: pay, to: ledger, timeout: 1ms }}\n  - {{ from: web, to: \"*\", timeout: 400ms }}\n  - {{ from: cart, to: db, {calls} }}\nrules:\n  - {{ id: r, timeouts: {{ {verb} }} }}\n"
            ),
        ))
    };
    assert_eq!(with("timeout: 200ms, attempts: 2", "nested: true"), "pass");
    assert_eq!(
        with("timeout: 200ms, attempts: 3, backoff: 50ms", "nested: true"),
        "fail r:web->cart->db"
    );
    assert_eq!(
        with("timeout: 200ms, attempts: 2", "nested: true, headroom: 20%"),
        "fail r:web->cart->db"
    );
    let limit = "edges: [ { to: { kind: database }, max: 150ms } ]";
    assert_eq!(with("timeout: 150ms", limit), "pass");
    assert_eq!(with("timeout: 200ms", limit), "fail r:cart->db max");
    assert_eq!(with("attempts: 1", limit), "unknown r:system unknown");
    for verb in [
        "nested: true",
        "edges: [ { to: { kind: cache }, max: 25ms } ]",
    ] {
        assert_eq!(
            said(&shop(), &format!("timeouts: {{ {verb} }}")),
            "unknown r:system unknown"
        );
    }
}

#[test]
fn timeouts_that_nobody_declared_are_those_measured() {
    const MS: u64 = 1_000_000;
    let with = |outer: Option<(u64, &'static str)>, attempts: u64, verb: &str| {
        let mut report = shop();
        report.edges[4].timeout_ns = Some((MS, "captured"));
        report.edges[6].timeout_ns = Some((400 * MS, "captured"));
        report.edges[5].timeout_ns = outer;
        report.edges[1].timeout_ns = Some((200 * MS, "inferred"));
        report.edges[1].max_attempts = Some(attempts);
        verdict(
            &report,
            &format!("rules:\n  - {{ id: r, timeouts: {{ {verb} }} }}\n"),
        )
    };
    let outer = Some((400 * MS, "captured"));
    assert_eq!(said_of(&with(outer, 2, "nested: true")), "pass");
    assert_eq!(
        said_of(&with(None, 2, "nested: true")),
        "unknown r:system unknown"
    );
    let broken = with(outer, 3, "nested: true");
    assert_eq!(said_of(&broken), "fail r:web->cart->db");
    let violation = &broken.violations[0];
    assert_eq!(violation.grade, Grade::Inferred);
    assert_eq!(violation.exemplars.len(), 1);
    assert_eq!(
        violation.text,
        "cart may wait 600 ms for db (3 attempts of 200 ms, inferred), web waits 400 ms (captured) for cart"
    );
    let limit = |max| format!("edges: [ {{ to: {{ kind: database }}, max: {max} }} ]");
    assert_eq!(said_of(&with(outer, 1, &limit("200ms"))), "pass");
    let broken = with(outer, 1, &limit("150ms"));
    assert_eq!(said_of(&broken), "fail r:cart->db max");
    let violation = &broken.violations[0];
    assert_eq!((violation.grade, violation.of), (Grade::Inferred, 300));
    assert_eq!(violation.value, Some(2e8));
}

#[test]
fn retries_are_rates_with_an_interval() {
    let with = |retries: f64, verb: &str| {
        let mut report = shop();
        report.edges[5].retries[0] = retries;
        report.edges[1].retries[0] = 5.0;
        said(&report, &format!("retries: {{ {verb} }}"))
    };
    assert_eq!(with(20.0, "max_rate: 10%"), "pass");
    assert_eq!(with(90.0, "max_rate: 10%"), "fail r:web->cart rate");
    assert_eq!(with(33.0, "max_rate: 10%"), "unknown r:system unknown");
    assert_eq!(
        with(1.0, "one_layer_only: true"),
        "fail r:web->cart->db layers"
    );
    assert_eq!(with(0.0, "one_layer_only: true"), "pass");
    assert_eq!(
        with(0.0, "max_amplification: 9"),
        "unknown r:system unknown"
    );
    let declared = "calls:\n  - { from: web, to: cart, attempts: 4 }\nrules:\n  - { id: r, retries: { max_attempts: 3 } }\n";
    let seen = |attempts: Option<u64>| {
        let mut report = shop();
        for edge in &mut report.edges {
            edge.max_attempts = Some(3);
        }
        report.edges[5].max_attempts = attempts;
        report
    };
    for attempts in [None, Some(2)] {
        assert_eq!(
            said_of(&verdict(&seen(attempts), declared)),
            "fail r:web->cart attempts"
        );
    }
    let limit = "retries: { max_attempts: 3 }";
    assert_eq!(said(&seen(Some(3)), limit), "pass");
    assert_eq!(said(&seen(None), limit), "unknown r:system unknown");
    let mut report = seen(Some(4));
    let about = Subject::Edge("web".to_owned(), "cart".to_owned());
    report.findings.push(Finding {
        exemplars: vec!["a retry".to_owned()],
        ..Finding::of("retries", "retry_amplification", about)
    });
    let broken = verdict(&report, &format!("rules:\n  - {{ id: r, {limit} }}\n"));
    assert_eq!(said_of(&broken), "fail r:web->cart attempts");
    let violation = &broken.violations[0];
    assert_eq!(violation.grade, Grade::Proved);
    assert_eq!(violation.exemplars, ["a retry"]);
    assert!(
        violation
            .text
            .contains("makes up to 4 attempts at cart (seen)")
    );
    let mut report = shop();
    report.metrics.push(Metric {
        name: "worst_retry_amplification",
        value: 27.0,
    });
    assert_eq!(
        said(&report, "retries: { max_amplification: 9 }"),
        "fail r:system amplification"
    );
    assert_eq!(said(&report, "retries: { max_amplification: 27 }"), "pass");
}

#[test]
fn objectives_need_enough_requests_past_them() {
    let with = |late: u64, failed: f64, slo: &str, rule: &str| {
        let mut report = shop();
        report.entries[0].late = [
            None,
            None,
            Some(Late {
                limit_ns: 80_000_000,
                count: late,
            }),
        ];
        report.entries[0].failed = failed;
        said_of(&verdict(
            &report,
            &format!(
                "entrypoints:\n  buy: {{ service: web, operation: \"POST /buy\", slo: {{ {slo} }} }}\nrules:\n  - {{ id: r, slo: {{ entrypoints: \"*\"{rule} }} }}\n"
            ),
        ))
    };
    assert_eq!(with(4, 0.0, "p99: 80ms", ""), "pass");
    assert_eq!(with(5, 0.0, "p99: 80ms", ""), "unknown r:system unknown");
    assert_eq!(with(40, 0.0, "p99: 80ms", ""), "fail r:web POST /buy p99");
    assert_eq!(with(0, 4.0, "errors: 1%", ""), "pass");
    assert_eq!(
        with(0, 40.0, "errors: 1%", ""),
        "fail r:web POST /buy errors"
    );
    assert_eq!(
        with(0, 0.0, "p99: 80ms", ", edge_share: 50%"),
        "unknown r:system unknown"
    );
    assert_eq!(
        with(0, 0.0, "p99: 5ms", ", edge_share: 50%"),
        "fail r:system unknown, r:web->cart buy"
    );
    assert_eq!(
        said(&shop(), "slo: { entrypoints: \"*\" }"),
        "unknown r:system unknown"
    );
}

#[test]
fn phantoms_are_counted_or_a_rate() {
    let with = |phantoms: f64, most: &str| {
        let mut report = shop();
        report.metrics = vec![
            Metric {
                name: "phantom_operations",
                value: phantoms,
            },
            Metric {
                name: "phantoms_per_10k",
                value: phantoms * 10.0,
            },
        ];
        if phantoms > 0.0 {
            let subject = Subject::Call("web".to_owned(), "pay".to_owned(), "POST".to_owned());
            report.findings.push(Finding {
                grade: Grade::Proved,
                ..Finding::of("phantoms", "phantom_operations", subject)
            });
        }
        said(&report, &format!("phantoms: {{ max_per_10k: {most} }}"))
    };
    assert_eq!(with(0.0, "0"), "pass");
    assert_eq!(with(1.0, "0"), "fail r:web->pay POST");
    assert_eq!(with(1.0, "20"), "pass");
    assert_eq!(with(3.0, "20"), "unknown r:system unknown");
    assert_eq!(with(30.0, "20"), "fail r:system");
    assert_eq!(
        said(&shop(), "phantoms: { max_per_10k: 0 }"),
        "unknown r:system unknown"
    );
}

#[test]
fn breakers_are_required_where_an_outage_shows_them() {
    let with = |metrics: &[&'static str]| {
        let mut report = shop();
        report.findings = metrics
            .iter()
            .map(|metric| Finding {
                grade: Grade::Inferred,
                text: "in an outage".to_owned(),
                ..Finding::of(
                    "circuit-breakers",
                    metric,
                    Subject::Edge("web".to_owned(), "pay".to_owned()),
                )
            })
            .collect();
        report
    };
    const RULE: &str = "require_breaker: [ web -> pay ]";
    assert_eq!(said(&with(&[]), RULE), "unknown r:system unknown");
    assert_eq!(said(&with(&["opened_breakers"]), RULE), "pass");
    assert_eq!(said(&with(&["missing_breakers"]), RULE), "fail r:web->pay");
    // Some instances of the caller stop and others do not.
    let both = with(&["missing_breakers", "opened_breakers"]);
    assert_eq!(said(&both, RULE), "fail r:web->pay");
    // What nobody asked for is no matter, and what nobody calls is unknown.
    assert_eq!(
        said(&both, "require_breaker: { from: cart, to: db }"),
        "unknown r:system unknown"
    );
    assert_eq!(
        said(&both, "require_breaker: web -> vault"),
        "unknown r:system unknown"
    );
    check(
        &with(&["missing_breakers"]),
        &[(
            "require_breaker: [ { from: web, to: { tier: core } }, cart -> db ]",
            "fail r:system unknown, r:web->pay",
        )],
    );
    // Against a baseline it is a ratchet: what was there before is known.
    let rule = format!("rules:\n  - {{ id: r, {RULE} }}\n");
    let policy = policy(&rule);
    let ages = |base: Report| {
        let base = Baseline {
            extent: Extent::Everything,
            ..Baseline::of_lock("base".to_owned(), base)
        };
        let by = Judging {
            base: Some(&base),
            new_only: true,
            ..judging(&policy)
        };
        said_of(&judge(&with(&["missing_breakers"]), &by).unwrap())
    };
    assert_eq!(ages(with(&["missing_breakers"])), "waived");
    assert_eq!(ages(with(&["opened_breakers"])), "fail r:web->pay");
}

#[test]
fn numbers_may_get_better_and_not_worse() {
    let gate = "metrics:\n  max_sync_depth: { fail: 9, ratchet: true }\n";
    let growth = "rules:\n  - { id: r, growth: { metric: max_sync_depth, max: 1 } }\n";
    assert_eq!(said_of(&since(|_| {}, gate, false)), "pass");
    assert_eq!(
        said_of(&since(|now| now.metrics[0].value = 2.0, gate, false)),
        "pass"
    );
    assert_eq!(
        said_of(&since(|now| now.metrics[0].value = 4.0, gate, false)),
        "fail metrics.max_sync_depth:system ratchet"
    );
    assert_eq!(
        said_of(&since(|now| now.metrics[0].value = 4.0, growth, false)),
        "pass"
    );
    assert_eq!(
        said_of(&since(|now| now.metrics[0].value = 5.0, growth, false)),
        "fail r:system"
    );
    let mut report = shop();
    report.metrics.push(Metric {
        name: "max_sync_depth",
        value: 10.0,
    });
    assert_eq!(
        said_of(&verdict(&report, gate)),
        "fail metrics.max_sync_depth:system, metrics.max_sync_depth:system unknown"
    );
    assert_eq!(
        said_of(&verdict(&shop(), gate)),
        "unknown metrics.max_sync_depth:system unknown"
    );
    assert_eq!(
        said_of(&verdict(&shop(), growth)),
        "unknown r:system unknown"
    );
}

#[test]
fn growth_of_edges_is_no_chance() {
    let with = |before: (u64, f64), now: (u64, f64), metric: &str| {
        let report = |(calls, errors): (u64, f64)| {
            let mut report = shop();
            report.edges[5] = edge("web", "cart", calls);
            report.edges[5].errors_both = errors;
            report.edges[5].client_ns.p99 = calls * 10_000;
            report
        };
        let rules = format!(
            "rules:\n  - {{ id: r, growth: {{ metric: {metric}, edges: web -> cart, max: 10% }} }}\n"
        );
        let policy = policy(&rules);
        let base = Baseline {
            extent: Extent::Everything,
            ..Baseline::of_lock("base".to_owned(), report(before))
        };
        let by = Judging {
            base: Some(&base),
            ..judging(&policy)
        };
        said_of(&judge(&report(now), &by).unwrap())
    };
    assert_eq!(with((300, 30.0), (300, 30.0), "error_ratio"), "pass");
    assert_eq!(with((300, 30.0), (300, 20.0), "error_ratio"), "pass");
    assert_eq!(
        with((300, 30.0), (300, 90.0), "error_ratio"),
        "fail r:web->cart"
    );
    assert_eq!(
        with((300, 30.0), (300, 40.0), "error_ratio"),
        "unknown r:system unknown"
    );
    assert_eq!(
        with((300, 30.0), (10, 9.0), "error_ratio"),
        "unknown r:system unknown"
    );
    assert_eq!(with((300, 0.0), (320, 0.0), "client_ns.p99"), "pass");
    assert_eq!(
        with((300, 0.0), (400, 0.0), "client_ns.p99"),
        "fail r:web->cart"
    );
    assert_eq!(
        with((100, 0.0), (400, 0.0), "client_ns.p99"),
        "unknown r:system unknown"
    );
}

#[test]
fn limits_of_services_and_of_the_whole_hold_what_was_measured() {
    let mut report = shop();
    report.services[6].degree = 5;
    report.metrics.push(Metric {
        name: "connected_components",
        value: 2.0,
    });
    check(
        &report,
        &[
            ("limit: { metric: degree, services: web, above: 5 }", "pass"),
            (
                "limit: { metric: degree, services: \"*\", above: 4 }",
                "fail r:web",
            ),
            (
                "limit: { metric: betweenness, services: web, above: 1 }",
                "unknown r:system unknown",
            ),
            ("limit: { metric: connected_components, above: 2 }", "pass"),
            (
                "limit: { metric: connected_components, above: 1 }",
                "fail r:system",
            ),
            (
                "limit: { metric: diameter, above: 1 }",
                "unknown r:system unknown",
            ),
        ],
    );
    // The section metrics reads the same number, also where a query would count parts of the graph.
    let gate = "metrics:\n  connected_components: { fail: 1 }\n";
    assert_eq!(
        said_of(&verdict(&report, gate)),
        "fail metrics.connected_components:system"
    );
    let query = "network_health_metrics:\n  parts: { query: \"count(connected_components)\", alert_threshold: 1 }\n  sizes: { query: connected_components, alert_threshold: 6 }\n";
    let verdict = verdict(&report, query);
    assert_eq!(
        said_of(&verdict),
        "pass fail network_health_metrics.sizes:system the part of cart"
    );
    assert!(
        verdict.violations[0]
            .text
            .starts_with("sizes of the part of cart is 7, above")
    );
}

#[test]
fn limits_of_edges_respect_their_evidence() {
    let with = |calls: u64, errors: f64, verb: &str| {
        let mut report = shop();
        report.edges[5] = edge("web", "cart", calls);
        report.edges[5].errors_both = errors;
        said(
            &report,
            &format!(
                "limit: {{ {verb}, edges: web -> cart, above: {} }}",
                if verb.contains("ns") { "2ms" } else { "10%" }
            ),
        )
    };
    assert_eq!(with(300, 30.0, "metric: error_ratio"), "pass");
    assert_eq!(
        with(300, 90.0, "metric: error_ratio"),
        "fail r:web->cart sync http"
    );
    assert_eq!(
        with(10, 9.0, "metric: error_ratio"),
        "unknown r:system unknown"
    );
    assert_eq!(with(300, 0.0, "metric: client_ns.p90"), "pass");
    assert_eq!(
        with(300, 0.0, "metric: client_ns.p99"),
        "fail r:web->cart sync http"
    );
    assert_eq!(
        with(299, 0.0, "metric: client_ns.p99"),
        "unknown r:system unknown"
    );
    // Nothing that went well in a few calls says that the rate is low, nor their quantiles that calls are fast.
    assert_eq!(with(20, 0.0, "metric: error_ratio"), "pass");
    for (calls, verb) in [
        (1, "metric: error_ratio"),
        (19, "metric: error_ratio"),
        (29, "metric: client_ns.p90"),
    ] {
        assert_eq!(with(calls, 0.0, verb), "unknown r:system unknown", "{verb}");
    }
    assert_eq!(
        with(1, 0.0, "metric: client_ns.max"),
        "fail r:web->cart sync http"
    );
    let lower = |calls, errors| {
        let mut report = shop();
        report.edges[5] = edge("web", "cart", calls);
        report.edges[5].errors_both = errors;
        said(
            &report,
            "limit: { metric: error_ratio, edges: web -> cart, below: 10% }",
        )
    };
    assert_eq!(lower(300, 30.0), "pass");
    assert_eq!(lower(300, 33.0), "pass");
    assert_eq!(lower(300, 1.0), "fail r:web->cart sync http");
    assert_eq!(lower(10, 5.0), "unknown r:system unknown");
    let tail = "evidence: { sampling: tail }\nrules:\n  - { id: r, limit: { metric: error_ratio, edges: web -> cart, above: 0% } }\n";
    let mut report = shop();
    report.edges[5].errors_both = 200.0;
    assert_eq!(said_of(&verdict(&report, tail)), "unknown r:system unknown");
}

#[test]
fn counts_that_no_sum_holds_make_no_panic() {
    let mut report = shop();
    report.edges[5].evidence = vec![("paired", u64::MAX), ("one-sided", u64::MAX)];
    let mut other = report.edges[5].clone();
    other.protocol = "grpc";
    report.edges.push(other);
    for rule in [
        "retries: { max_rate: 10% }",
        "forbid: { from: web, to: cart }",
        "limit: { metric: error_ratio, edges: web -> cart, above: 10% }",
    ] {
        assert_ne!(said(&report, rule), "", "{rule}");
    }
}

#[test]
fn late_requests_count_against_the_limit_they_were_counted_by() {
    let with = |limit_ns, count| {
        let mut report = shop();
        report.entries[0].late = [Some(Late { limit_ns, count }), None, None];
        report.entries[0].duration_ns.p50 = 70_000_001;
        said_of(&verdict(
            &report,
            "entrypoints:\n  buy: { service: web, operation: \"POST /buy\", slo: { p90: 70ms, p50: 60ms } }\nrules:\n  - { id: r, slo: { entrypoints: \"*\" } }\n",
        ))
    };
    assert_eq!(with(60_000_000, 10), "pass");
    assert_eq!(with(60_000_000, 300), "fail r:web POST /buy p50");
    assert_eq!(with(50_000_000, 300), "unknown r:system unknown");
}

#[test]
fn queries_alert_for_each_subject() {
    let mut report = shop();
    report.services[6].degree = 5;
    let queries = "network_health_metrics:\n  most: { query: \"max(degree)\", alert_threshold: 4 }\n  each: { query: degree, alert_threshold: 4, severity: warn }\n  none: { query: \"max(betweenness)\", alert_threshold: 1 }\n";
    assert_eq!(
        said_of(&verdict(&report, queries)),
        "fail warn unknown network_health_metrics.most:system, network_health_metrics.each:web, network_health_metrics.none:system unknown"
    );
}
