//! What calls and requests of the small shop may take.

use super::shop;
use crate::report::{
    Budgets, CallBudget, EntryBudget, Finding, Grade, Part, Report, Slack, Spender, Subject,
};

/// Returns what calls and requests of the small shop may take.
pub(in crate::render) fn budgets() -> Report {
    let mut report = shop();
    report.part = Part::Budgets;
    let call = |from: &str, to: &str| CallBudget {
        from: from.to_owned(),
        to: to.to_owned(),
        max_attempts: 1,
        amplification: Some(1.0),
        p99: Some(90_000_000),
        ..CallBudget::default()
    };
    let spender = |service: &str, operation: &str, share: f64| Spender {
        service: service.to_owned(),
        operation: operation.to_owned(),
        share,
        saving: 0.75 * share,
        share_typical: share / 2.0,
        share_p95: Some(1.0 - share),
        share_p99: Some(1.0 - share),
    };
    report.budgets = Budgets {
        calls: vec![
            call("cart", "redis"),
            CallBudget {
                timeout: Some((200_000_000, "inferred")),
                max_attempts: 3,
                amplification: Some(1.27),
                slack: Some(Slack {
                    calls: 20,
                    mean_ns: 4_000_000,
                    least_ns: 250_000,
                    of_duration: Some(0.5),
                }),
                ..call("checkout", "payments")
            },
            CallBudget {
                timeout: Some((400_000_000, "declared")),
                ..call("frontend", "checkout")
            },
        ],
        entries: vec![
            EntryBudget {
                service: "frontend".to_owned(),
                operation: "POST /checkout".to_owned(),
                requests: 1_234,
                p50: Some(120_000_000),
                p99: Some(900_000_000),
                slo: Some(800_000_000),
                spenders: vec![
                    spender("frontend", "POST /checkout", 0.6),
                    spender("payments", "POST /charge", 0.3),
                ],
            },
            EntryBudget {
                service: "cart".to_owned(),
                operation: "sweep".to_owned(),
                requests: 4,
                p50: Some(1_000_000),
                spenders: vec![Spender {
                    share_p95: None,
                    share_p99: None,
                    ..spender("cart", "sweep", 1.0)
                }],
                ..EntryBudget::default()
            },
        ],
    };
    report.findings.push(Finding {
        value: 350e6,
        unit: "ns",
        grade: Grade::Inferred,
        count: 1,
        of: 1,
        text: "checkout may wait for payments longer than frontend waits for it: 3 x 200 ms + 150 ms backoff = 750 ms > \
               400 ms (inferred, declared)"
            .to_owned(),
        ..Finding::of(
            "timeouts",
            "timeout_inversions",
            Subject::Path(["frontend", "checkout", "payments"].map(str::to_owned).to_vec()),
        )
    });
    report.findings.push(Finding {
        grade: Grade::Proved,
        text: "2 services can wait for each other".to_owned(),
        ..Finding::new("cycles", "largest_cycle", Subject::System)
    });
    report
}
