//! Every verb on a small shop: what it passes, what it objects to, and what it cannot tell; then waivers and baselines.

mod lock;

mod rates;

mod structure;

mod verdict;

use std::sync::LazyLock;

use jiff::civil::{Date, date};

use crate::finding::{Finding, Metric};
use crate::policy::{self, Policy};
use crate::report::numbers::VOCABULARY;
use crate::report::verdict::{Age, Excused, Outcome, Verdict};
use crate::report::{
    BlastRadius, Data, Dependency, EdgeRow, EntryRow, Grade, Kind, Late, Quantiles, Report,
    Service, Subject, Tie,
};
use crate::rule::baseline::{Baseline, Extent};
use crate::rule::lock::{EdgeFact, Lock};
use crate::rule::places::Places;
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

/// Nothing but the policy file.
static PLACES: LazyLock<Places> = LazyLock::new(|| Places {
    policy_file: "topple.yaml".to_owned(),
    ..Places::default()
});

fn judging(policy: &Policy) -> Judging<'_> {
    Judging {
        policy,
        policy_name: "topple.yaml",
        places: &PLACES,
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
