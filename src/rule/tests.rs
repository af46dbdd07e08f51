//! Every verb on a small shop: what it passes, what it objects to, and what it cannot tell; then waivers and baselines.

use jiff::civil::{Date, date};

use crate::finding::{Finding, Metric};
use crate::policy::{self, Policy};
use crate::report::numbers::VOCABULARY;
use crate::report::verdict::{Age, Excused, Outcome, Verdict};
use crate::report::{
    BlastRadius, Data, EdgeRow, EntryRow, Grade, Kind, Quantiles, Report, Service, Subject,
};
use crate::rule::baseline::{Baseline, Extent};
use crate::rule::lock::{EdgeFact, Lock};
use crate::rule::starter::starter;
use crate::rule::{Judging, RULES, judge};

const TODAY: Date = date(2026, 6, 15);

/// Returns an edge with so many calls.
fn edge(from: &str, to: &str, calls: u64) -> EdgeRow {
    EdgeRow {
        from: from.to_owned(),
        to: to.to_owned(),
        sync: true,
        protocol: "http",
        calls: calls as f64,
        attempts: calls as f64,
        served: calls as f64,
        client_ns: Quantiles {
            count: calls,
            p50: 1_000_000,
            p90: 2_000_000,
            p99: 3_000_000,
            max: 4_000_000,
            ..Quantiles::default()
        },
        evidence: vec![("paired", calls)],
        exemplars: vec!["0af7651916cd43dd8448eb211c80319c".to_owned()],
        ..EdgeRow::default()
    }
}

fn service(name: &str, kind: Kind, tags: &[(&str, &str)]) -> Service {
    Service {
        name: name.to_owned(),
        kind,
        tags: tags
            .iter()
            .map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()))
            .collect(),
        ..Service::default()
    }
}

/// Returns a shop: web -> cart -> db, web -> pay -> ledger, cart ~> orders ~> mail; users call web 400 times, 4 times in vain.
fn shop() -> Report {
    let tier = |tier| [("tier", tier)];
    let mut report = Report {
        data: Data {
            traces: 400,
            ..Data::default()
        },
        services: vec![
            service("cart", Kind::Service, &tier("domain")),
            service("db", Kind::Database, &tier("data")),
            service("ledger", Kind::Service, &tier("core")),
            service("mail", Kind::Service, &tier("edge")),
            service("orders", Kind::Queue, &[]),
            service("pay", Kind::Service, &tier("core")),
            service("web", Kind::Service, &tier("edge")),
        ],
        edges: vec![
            edge("(users)", "web", 400),
            edge("cart", "db", 300),
            edge("cart", "orders", 100),
            edge("orders", "mail", 100),
            edge("pay", "ledger", 50),
            edge("web", "cart", 300),
            edge("web", "pay", 50),
            edge("cart", "mail", 100),
        ],
        entries: vec![EntryRow {
            service: "web".to_owned(),
            operation: "POST /buy".to_owned(),
            kind: "request",
            requests: 400.0,
            failed: 4.0,
            duration_ns: Quantiles {
                count: 400,
                p99: 90_000_000,
                max: 200_000_000,
                ..Quantiles::default()
            },
            sync_depth: (2, 2, 3),
            ..EntryRow::default()
        }],
        ..Report::default()
    };
    for at in [2, 3, 7] {
        report.edges[at].sync = false;
        report.edges[at].protocol = "messaging";
    }
    report.edges[7].direct = true;
    report
}

fn policy(text: &str) -> Policy {
    let text = format!("version: 1\n{text}");
    match policy::read(&text, &VOCABULARY) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", policy::read::error("policy", &text, &mistakes)),
    }
}

fn judging(policy: &Policy) -> Judging<'_> {
    Judging {
        policy,
        policy_name: "topple.yaml",
        policy_file: "topple.yaml",
        base: None,
        lock: None,
        only: &[],
        new_only: false,
        today: TODAY,
    }
}

fn verdict(report: &Report, text: &str) -> Verdict {
    judge(report, &judging(&policy(text))).unwrap()
}

/// Judges by one rule, and says what came of it: the outcome, then the ids of violations.
fn said(report: &Report, verb: &str) -> String {
    said_of(&verdict(
        report,
        &format!("rules:\n  - {{ id: r, {verb} }}\n"),
    ))
}

fn said_of(verdict: &Verdict) -> String {
    let outcomes: Vec<&str> = verdict.rules.iter().map(|row| row.outcome.name()).collect();
    let open = verdict.violations.iter().filter(|of| of.excused.is_none());
    let ids: Vec<&str> = open.map(|of| of.id.as_str()).collect();
    format!("{} {}", outcomes.join(" "), ids.join(", "))
        .trim_end()
        .to_owned()
}

/// Checks a table of verbs.
fn check(report: &Report, cases: &[(&str, &str)]) {
    for (verb, expected) in cases {
        assert_eq!(said(report, verb), *expected, "{verb}");
    }
}

#[test]
fn every_verb_has_a_row_and_an_explanation() {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert!(names.is_sorted());
    for rule in RULES {
        assert!(
            crate::explain::find(&rule.explain()).is_some(),
            "explain {}",
            rule.explain()
        );
        assert!(
            !rule.about.is_empty() && !rule.fix.ends_with('.'),
            "{}",
            rule.name
        );
    }
}

#[test]
fn forbid_looks_at_edges_and_paths() {
    check(
        &shop(),
        &[
            ("forbid: { from: web, to: db }", "pass"),
            ("forbid: { from: web, to: cart }", "fail r:web->cart"),
            (
                "forbid: { from: web, to: db, transitive: true }",
                "fail r:web->db",
            ),
            (
                "forbid: { from: web, to: db, transitive: true, except: [ cart -> db ] }",
                "pass",
            ),
            (
                "forbid: { from: web, to: mail, transitive: true, edges: sync }",
                "pass",
            ),
            (
                "forbid: { from: web, to: mail, transitive: true }",
                "fail r:web->mail",
            ),
            // A message past a queue is one from its sender; the queue itself sends to nobody.
            ("forbid: { from: \"*\", to: mail }", "fail r:cart->mail"),
            (
                "forbid: { from: batch, to: db }",
                "unknown r:system unknown",
            ),
        ],
    );
    let verdict = verdict(
        &shop(),
        "rules:\n  - { id: r, forbid: { from: web, to: db, transitive: true } }\n",
    );
    assert_eq!(verdict.violations[0].path, ["web", "cart", "db"]);
    assert_eq!(
        verdict.violations[0].text,
        "web reaches db: web -> cart -> db"
    );
}

#[test]
fn callers_and_requirements_name_who_may_call() {
    check(
        &shop(),
        &[
            ("callers: { of: ledger, only: [pay] }", "pass"),
            (
                "callers: { of: ledger, only: [cart] }",
                "fail r:pay->ledger",
            ),
            (
                "callers: { of: vault, only: [pay] }",
                "unknown r:system unknown",
            ),
            // Users have no name to judge by.
            (
                "callers: { of: web, only: [cart] }",
                "unknown r:system unknown",
            ),
            ("require: { from: \"*\", to: db, via: cart }", "pass"),
            (
                "require: { from: \"*\", to: db, via: pay }",
                "fail r:cart->db",
            ),
            (
                "require: { from: ledger, to: vault, via: pay }",
                "unknown r:system unknown",
            ),
            ("require: { from: web, to: vault, via: pay }", "pass"),
        ],
    );
}

#[test]
fn layers_and_groups_go_by_tags() {
    let order = "layers: { by: tier, order: [edge, domain, core, data]";
    check(
        &shop(),
        &[
            (&format!("{order} }}"), "pass"),
            (
                &format!("{order}, skip: forbid }}"),
                "fail r:cart->db, r:web->pay",
            ),
            (
                "layers: { by: tier, order: [domain, edge, core, data] }",
                "fail r:web->cart",
            ),
            (
                "layers: { by: team, order: [a, b], unassigned: ignore }",
                "unknown r:system unknown",
            ),
            (
                "independent: { by: tier, except: [web, { tier: data }, mail] }",
                "pass",
            ),
            (
                "independent: { by: tier, except: [web, mail] }",
                "fail r:cart->db",
            ),
            ("independent: { by: cell }", "unknown r:system unknown"),
        ],
    );
    let mut report = shop();
    report.services[0].tags.clear();
    assert_eq!(
        said(&report, &format!("{order}, unassigned: warn }}")),
        "warn r:cart"
    );
}

#[test]
fn a_knot_is_one_violation_from_its_first_name_on() {
    let mut report = shop();
    assert_eq!(said(&report, "acyclic: { edges: sync }"), "pass");
    report.edges.push(edge("ledger", "web", 1));
    report.edges.push(edge("db", "web", 1));
    assert_eq!(
        said(&report, "acyclic: { edges: sync }"),
        "fail r:cart->db->web->cart"
    );
    assert_eq!(
        said(&report, "acyclic: { edges: sync, among: { tier: core } }"),
        "pass"
    );
    assert_eq!(
        said(&report, "acyclic: { edges: sync, among: { tier: none } }"),
        "unknown r:system unknown"
    );
}

#[test]
fn hubs_and_depth_have_limits() {
    let mut report = shop();
    report.services[6].out_degree = 7;
    report.services[0].standing.traffic_betweenness = Some(0.75);
    check(
        &report,
        &[
            ("hubs: { max_callees: 7 }", "pass"),
            ("hubs: { max_callees: 6 }", "fail r:web callees"),
            ("hubs: { max_callees: 6, except: web }", "pass"),
            ("hubs: { max_traffic_share: 80% }", "pass"),
            ("hubs: { max_traffic_share: 60% }", "fail r:cart requests"),
            // 75 % of 400 requests may be 72 % of all.
            (
                "hubs: { max_traffic_share: 73% }",
                "unknown r:system unknown",
            ),
            ("depth: { max: 3, edges: sync }", "pass"),
            ("depth: { max: 2, edges: sync }", "fail r:web POST /buy"),
            ("depth: { max: 3, edges: all }", "pass"),
            ("depth: { max: 2, edges: all }", "fail r:web POST /buy"),
        ],
    );
    report.entries.clear();
    assert_eq!(
        said(&report, "depth: { max: 2, edges: sync }"),
        "unknown r:system unknown"
    );
}

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
        report.entries[0].late = [None, None, Some(late)];
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
    assert_eq!(with(0, 0.0, "p99: 80ms", ", edge_share: 50%"), "pass");
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
fn what_takes_too_much_with_it_is_declared_or_measured() {
    let with = |soft: &str| {
        said_of(&verdict(
            &shop(),
            &format!(
                "entrypoints:\n  buy: {{ service: web, operation: \"POST /buy\" }}\ncalls:\n  - {{ from: \"*\", to: \"*\", soft: true }}\n{soft}rules:\n  - {{ id: r, spof: {{ critical_entrypoints: [buy] }} }}\n"
            ),
        ))
    };
    assert_eq!(with(""), "pass");
    assert_eq!(
        with("  - { from: web, to: pay, soft: false }\n"),
        "fail r:pay buy"
    );
    let unsaid = "entrypoints:\n  buy: { service: web, operation: \"POST /buy\" }\nrules:\n  - { id: r, spof: { critical_entrypoints: [buy] } }\n";
    assert_eq!(
        said_of(&verdict(&shop(), unsaid)),
        "unknown r:system unknown"
    );
    let limit = "spof: { max_blast_radius: 35% }";
    assert_eq!(said(&shop(), limit), "unknown r:system unknown");
    // All requests enter at web, which is no reason to object to it.
    let radius = |low: f64, high: f64| {
        let mut report = shop();
        for (at, share) in [(6, (0.0, 0.0)), (0, (low, high))] {
            report.services[at].standing.blast_radius = Some(BlastRadius {
                hard_low: 1.0,
                hard_high: 1.0,
                from_elsewhere: share,
                ..BlastRadius::default()
            });
        }
        said(&report, limit)
    };
    assert_eq!(radius(0.3, 0.35), "pass");
    assert_eq!(radius(0.5, 0.5), "fail r:cart");
    assert_eq!(radius(0.37, 0.37), "unknown r:system unknown");
    assert_eq!(radius(0.3, 0.5), "unknown r:system unknown");
    let mut report = shop();
    for (at, level) in [(6, "critical"), (0, "low")] {
        report.services[at]
            .tags
            .insert("criticality".to_owned(), level.to_owned());
    }
    let rule = "criticality: { forbid_hard: [critical -> low] }";
    assert_eq!(said(&report, rule), "unknown r:system unknown");
    let subject = || Subject::Edge("web".to_owned(), "cart".to_owned());
    let mut with = report.clone();
    with.findings
        .push(Finding::of("transmission", "soft_dependency", subject()));
    assert_eq!(said(&with, rule), "pass");
    report
        .findings
        .push(Finding::of("transmission", "hard_dependency", subject()));
    assert_eq!(said(&report, rule), "fail r:web->cart");
    assert_eq!(said(&shop(), rule), "unknown r:system unknown");
}

#[test]
fn zones_are_those_of_both_ends() {
    let with = |crossed: u64, cross: &str| {
        let mut report = shop();
        let pair = |to: &str, count| ("a".to_owned(), to.to_owned(), count);
        for edge in &mut report.edges {
            edge.zones = vec![pair("a", 100)];
        }
        report.edges[5].zones.push(pair("b", crossed));
        report.edges[5].zones.push(pair("", 7));
        said(&report, &format!("zones: {{ by: zone, cross: {cross} }}"))
    };
    assert_eq!(with(0, "forbid"), "pass");
    assert_eq!(with(1, "forbid"), "fail r:web->cart");
    assert_eq!(with(5, "5%"), "pass");
    assert_eq!(with(7, "5%"), "unknown r:system unknown");
    assert_eq!(with(50, "5%"), "fail r:web->cart");
    assert_eq!(
        said(&shop(), "zones: { by: zone, cross: forbid }"),
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

/// Judges against a baseline that was the same but for what `change` did since.
fn since(change: fn(&mut Report), text: &str, new_only: bool) -> Verdict {
    let mut base = shop();
    base.metrics.push(Metric {
        name: "max_sync_depth",
        value: 3.0,
    });
    let mut now = base.clone();
    change(&mut now);
    let policy = policy(text);
    let lock = Lock::of(&base, &policy);
    let base = Baseline::of_lock("topple.lock".to_owned(), lock.report(&now, &policy));
    judge(
        &now,
        &Judging {
            base: Some(&base),
            lock: Some(&lock),
            new_only,
            ..judging(&policy)
        },
    )
    .unwrap()
}

#[test]
fn new_edges_need_a_baseline_and_are_told_from_edges_not_seen() {
    let rule =
        "rules:\n  - { id: r, new_edges: { approve_in: topple.lock, except: [ web -> mail ] } }\n";
    assert_eq!(
        said(&shop(), "new_edges: { approve_in: topple.lock }"),
        "unknown r:system unknown"
    );
    assert_eq!(said_of(&since(|_| {}, rule, false)), "pass");
    let gone = since(|now| drop(now.edges.remove(4)), rule, false);
    assert_eq!(said_of(&gone), "pass");
    assert_eq!(gone.not_seen, [("pay".to_owned(), "ledger".to_owned())]);
    let new = since(|now| now.edges.push(edge("web", "db", 1)), rule, false);
    assert_eq!(said_of(&new), "fail r:web->db");
    assert_eq!(new.new_edges, [("web".to_owned(), "db".to_owned())]);
    let excepted = since(|now| now.edges.push(edge("web", "mail", 1)), rule, false);
    assert_eq!(said_of(&excepted), "pass");
    let waits = since(|now| now.edges[2].sync = true, rule, false);
    assert_eq!(said_of(&waits), "fail r:cart->orders");
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
    let tail = "evidence: { sampling: tail }\nrules:\n  - { id: r, limit: { metric: error_ratio, edges: web -> cart, above: 0% } }\n";
    let mut report = shop();
    report.edges[5].errors_both = 200.0;
    assert_eq!(said_of(&verdict(&report, tail)), "unknown r:system unknown");
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

#[test]
fn nothing_judged_is_never_a_pass() {
    use crate::error::Exit;
    let rule = "rules:\n  - { id: r, forbid: { from: web, to: cart } }\n";
    let few = format!("evidence: {{ min_traces: 401 }}\n{rule}");
    let verdict = verdict(&shop(), &few);
    assert_eq!(said_of(&verdict), "unknown");
    assert_eq!(verdict.exit(), Exit::Unknown);
    assert!(verdict.notes[0].contains("expected 401 traces or more, found 400"));
    let empty = policy("waivers: []\n");
    assert!(judge(&shop(), &judging(&empty)).is_err());
    let policy = policy(rule);
    let only = ["q".to_owned()];
    let unknown = Judging {
        only: &only,
        ..judging(&policy)
    };
    assert!(
        judge(&shop(), &unknown)
            .unwrap_err()
            .to_string()
            .contains("found \"q\"")
    );
    let new_only = Judging {
        new_only: true,
        ..judging(&policy)
    };
    assert!(judge(&shop(), &new_only).is_err());
    let nobody = Report {
        data: Data::default(),
        ..shop()
    };
    assert_eq!(
        judge(&nobody, &judging(&policy)).unwrap().exit(),
        Exit::Unknown
    );
}

#[test]
fn unknown_is_as_loud_as_the_policy_says() {
    for (loudness, expected) in [
        ("ignore", "unknown"),
        ("warn", "unknown r:system unknown"),
        ("fail", "fail r:system unknown"),
    ] {
        let text = format!(
            "evidence: {{ on_unknown: {loudness} }}\nrules:\n  - {{ id: r, callers: {{ of: vault, only: [pay] }} }}\n"
        );
        assert_eq!(said_of(&verdict(&shop(), &text)), expected, "{loudness}");
    }
}

#[test]
fn waivers_hold_to_the_end_of_their_last_day() {
    let with = |waiver: &str| {
        let text = format!(
            "rules:\n  - {{ id: r, forbid: {{ from: web, to: [cart, pay] }} }}\nwaivers:\n  - {{ rule: r, {waiver} }}\n"
        );
        let verdict = verdict(&shop(), &text);
        let said = [vec![said_of(&verdict)], verdict.notes].concat();
        said.join(" | ")
    };
    let edge = "edge: web -> cart, reason: old";
    assert_eq!(
        with(&format!("{edge}, expires: 2026-08-01")),
        "fail r:web->pay"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-06-15")),
        "fail r:web->pay | the waiver of r (old) is about to end: today is its last day"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-06-14")),
        "fail r:web->cart, r:web->pay | the waiver of r (old) ended on 2026-06-14"
    );
    assert_eq!(
        with(&format!("{edge}, expires: 2026-12-13")),
        "fail r:web->cart, r:web->pay | the waiver of r (old) does not count: it ends on 2026-12-13, more than 180 days from today"
    );
    assert_eq!(with("reason: old, expires: 2026-12-12"), "waived");
    assert_eq!(
        with("service: { tier: edge }, reason: old, expires: 2026-08-01"),
        "waived"
    );
    assert_eq!(
        with("edge: web -> mail, reason: old, expires: 2026-08-01"),
        "fail warn r:web->cart, r:web->pay, waivers:system r web -> mail"
    );
}

#[test]
fn accepted_and_known_violations_are_excused() {
    let rule = "rules:\n  - { id: r, forbid: { from: web, to: [cart, db] } }\n";
    let new = since(|now| now.edges.push(edge("web", "db", 1)), rule, true);
    assert_eq!(said_of(&new), "fail r:web->db");
    let ages: Vec<Age> = new.violations.iter().map(|of| of.age).collect();
    assert_eq!(ages, [Age::Known, Age::New]);
    assert_eq!(new.violations[0].excused, Some(Excused::Known));
    assert_eq!(said_of(&since(|_| {}, rule, true)), "waived");
    let policy = policy(rule);
    let lock = Lock::read("accept r:web->cart\n", "topple.lock").unwrap();
    let accepted = Judging {
        lock: Some(&lock),
        ..judging(&policy)
    };
    assert_eq!(said_of(&judge(&shop(), &accepted).unwrap()), "waived");
}

#[test]
fn only_what_a_baseline_tells_is_new() {
    let rules = "rules:\n  - { id: r, forbid: { from: web, to: cart } }\n  - { id: q, limit: { metric: calls, edges: web -> cart, above: 3 } }\n  - { id: s, retries: { max_rate: 1% } }\n";
    let policy = policy(rules);
    let mut report = shop();
    report.edges[5].retries[0] = 200.0;
    let ages = |extent: Extent, base: Report, objections: &[&str], new_only: bool| {
        let base = Baseline {
            extent,
            objections: objections.iter().map(|id| (*id).to_owned()).collect(),
            ..Baseline::of_lock("base".to_owned(), base)
        };
        let by = Judging {
            base: Some(&base),
            new_only,
            ..judging(&policy)
        };
        let verdict = judge(&report, &by).unwrap();
        let ages: Vec<Age> = verdict.violations.iter().map(|of| of.age).collect();
        (ages, said_of(&verdict))
    };
    let (known, all) = (
        Age::Known,
        "fail fail fail r:web->cart, q:web->cart sync http, s:web->cart rate",
    );
    let lock = |report: &Report| Lock::of(report, &policy).report(report, &policy);
    let (of_lock, said) = ages(Extent::Graph, lock(&report), &[], false);
    assert_eq!(
        (of_lock, said.as_str()),
        (vec![known, Age::Untold, Age::Untold], all)
    );
    let (of_traces, _) = ages(Extent::Everything, report.clone(), &[], false);
    assert_eq!(of_traces, [known; 3]);
    let (of_better, said) = ages(Extent::Everything, shop(), &[], true);
    assert_eq!(of_better, [known, known, Age::New]);
    assert_eq!(said, "waived waived fail s:web->cart rate");
    // What was objected to when the report was written is known, whatever can be read back of it.
    let (of_report, said) = ages(Extent::Numbers, shop(), &["s:web->cart rate"], true);
    assert_eq!(of_report, [known; 3]);
    assert_eq!(said, "waived waived waived");
}

#[test]
fn what_looked_at_nothing_is_unknown() {
    let mut report = shop();
    report.edges.retain(|edge| edge.from == "(users)");
    for verb in [
        "acyclic: { edges: sync }",
        "callers: { of: web, only: [cart] }",
        "criticality: { forbid_hard: [critical -> low] }",
        "forbid: { from: web, to: vault }",
        "growth: { metric: calls, edges: web -> cart, max: 10% }",
        "independent: { by: tier }",
        "layers: { by: tier, order: [edge, data], unassigned: ignore }",
        "limit: { metric: calls, edges: web -> cart, above: 3 }",
        "new_edges: { approve_in: topple.lock }",
        "phantoms: { max_per_10k: 0 }",
        "require: { from: web, to: vault, via: pay }",
        "retries: { max_attempts: 3 }",
        "slo: { entrypoints: \"*\" }",
        "spof: { max_blast_radius: 35% }",
        "timeouts: { nested: true }",
        "zones: { by: zone, cross: forbid }",
    ] {
        assert_eq!(said(&report, verb), "unknown r:system unknown", "{verb}");
    }
}

#[test]
fn a_lock_is_read_as_it_was_written_whatever_the_names() {
    let mut report = shop();
    for (at, name) in ["", "a b", "#x", "\"q\"", "n\nl", "->", "caf\u{e9}"]
        .into_iter()
        .enumerate()
    {
        report.services.push(service(name, Kind::External, &[]));
        report.edges.push(edge("web", name, at as u64));
    }
    let ratchet = policy("metrics:\n  max_sync_depth: { ratchet: lower }\n");
    report.metrics.push(Metric {
        name: "max_sync_depth",
        value: 2.5,
    });
    let mut lock = Lock::of(&report, &ratchet);
    lock.accepted.extend([
        "r:a->b c".to_owned(),
        "r:x\ny".to_owned(),
        " r:z".to_owned(),
    ]);
    let text = lock.to_string();
    assert_eq!(Lock::read(&text, "topple.lock").unwrap(), lock);
    // Merges leave lines in any order, twice, and with other ends.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let shuffled = format!("{}\r\n{text}", lines.join("\r\n"));
    assert_eq!(Lock::read(&shuffled, "topple.lock").unwrap(), lock);
    let twice = [
        "metric m 2",
        "metric m 5",
        "metric m 3",
        "service s external",
        "service s service",
        "service s cache",
    ];
    let both = twice.map(|line| format!("{line}\n"));
    let one_way = Lock::read(&both.concat(), "l").unwrap();
    let other_way = Lock::read(
        &both.iter().rev().map(String::as_str).collect::<String>(),
        "l",
    )
    .unwrap();
    assert_eq!(one_way, other_way);
    assert_eq!(
        (one_way.metrics["m"], one_way.services["s"]),
        (5.0, Kind::Service)
    );
    let mut sorted: Vec<&str> = text.lines().skip(1).collect();
    sorted.sort_by_key(|line| line.split(' ').next());
    assert!(
        sorted
            .iter()
            .eq(text.lines().skip(1).collect::<Vec<_>>().iter())
    );
}

#[test]
fn what_is_no_fact_has_a_place() {
    for (text, expected) in [
        (
            "edge a -> b http sync\nedge a b http sync\n",
            "l:2:9: expected edge FROM -> TO PROTOCOL sync, async or direct, found \"edge a b http sync\"",
        ),
        (
            "edge a -> b gopher sync",
            "l:1:19: expected a protocol such as http, found \"edge a -> b gopher sync\"",
        ),
        (
            "edge a -> b http",
            "l:1:17: expected another word, found \"edge a -> b http\"",
        ),
        (
            "service a planet",
            "l:1:10: expected a kind such as service, found \"service a planet\"",
        ),
        (
            "service \"a",
            "l:1:9: expected a name in quotes, found \"service \"a\"",
        ),
        (
            "metric m many",
            "l:1:9: expected a number, found \"metric m many\"",
        ),
        (
            "metric m 1 2",
            "l:1:12: expected the end of the line, found \"metric m 1 2\"",
        ),
        (
            "accept r",
            "l:1:8: expected the id of a violation, found \"accept r\"",
        ),
        (
            "hello",
            "l:1:1: expected accept, edge, metric or service, found \"hello\"",
        ),
        (
            "<<<<<<< HEAD",
            "l:1: expected a fact, found the mark of a merge that was not finished",
        ),
    ] {
        assert_eq!(Lock::read(text, "l").unwrap_err().to_string(), expected);
    }
}

proptest::proptest! {
    #[test]
    fn no_lock_makes_a_panic(text in "(accept|edge|metric|service|\"|->|[ a#:1\u{e9}\n\r])*") {
        let _ = Lock::read(&text, "l");
    }

    #[test]
    fn any_name_survives_a_lock(from in ".*", to in ".*") {
        let fact = EdgeFact {
            from,
            to,
            protocol: crate::model::peer::Protocol::Http,
            mode: crate::rule::lock::Mode::Sync,
        };
        let lock = Lock { edges: [fact].into(), ..Lock::default() };
        proptest::prop_assert_eq!(Lock::read(&lock.to_string(), "l").unwrap(), lock);
    }
}

#[test]
fn a_starter_passes_what_it_was_made_of() {
    let mut bad = shop();
    bad.edges.push(edge("db", "web", 1));
    bad.metrics.push(Metric {
        name: "largest_cycle",
        value: 3.0,
    });
    for report in [shop(), bad] {
        let (text, lock) = starter(&report);
        let policy = policy(text.split_once("version: 1\n").unwrap().1);
        assert!(!policy.rules.is_empty());
        let base = Baseline::of_lock(String::new(), lock.report(&report, &policy));
        let by = Judging {
            base: Some(&base),
            lock: Some(&lock),
            ..judging(&policy)
        };
        let verdict = judge(&report, &by).unwrap();
        assert!(
            verdict.rules.iter().all(|row| row.outcome == Outcome::Pass),
            "{text}\n{}",
            said_of(&verdict)
        );
        assert!(verdict.violations.is_empty());
    }
}
