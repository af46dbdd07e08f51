//! The verdicts that every format of the gate is tested with: on the small shop, on a hostile system, on a large one.

use crate::render::sample;
use crate::report::verdict::{Age, Excused, Judged, Location, Outcome, Verdict, Violation};
use crate::report::{Grade, Report, Subject};

fn name(name: &str) -> String {
    name.to_owned()
}

fn edge(from: &str, to: &str) -> Subject {
    Subject::Edge(name(from), name(to))
}

fn judged(id: &str, verb: &'static str, outcome: Outcome, line: usize) -> Judged {
    Judged {
        id: name(id),
        verb,
        outcome,
        checked: 10,
        line,
        ..Judged::default()
    }
}

fn violation(rule: &Judged, level: Outcome, subject: Subject, text: &str) -> Violation {
    Violation {
        id: format!("{}:{subject}", rule.id),
        rule: rule.id.clone(),
        verb: rule.verb,
        level,
        subject,
        text: name(text),
        why: rule.why.clone(),
        help: name("call what is allowed, or change the rule"),
        grade: Grade::Proved,
        count: 12,
        of: 300,
        exemplars: vec![name("4bf92f3577b34da6a3ce929d0e0e4736")],
        ..Violation::default()
    }
}

fn at(file: &str, line: usize) -> Location {
    Location {
        file: name(file),
        line,
    }
}

/// Returns the shop with a verdict that has something of everything.
pub(in crate::render) fn checked() -> Report {
    use Outcome::{Fail, Pass, Unknown, Waived, Warn};
    let rules = vec![
        Judged {
            why: Some(name("Edge services reach data only through a domain API.")),
            ..judged("no-edge-to-data", "forbid", Fail, 12)
        },
        judged("no-cycles", "acyclic", Fail, 13),
        judged("retry-budgets", "retries", Fail, 14),
        judged("tiers", "layers", Warn, 15),
        Judged {
            missing: Some(name(
                "no timeout of checkout is declared; say it under calls",
            )),
            ..judged("timeout-budgets", "timeouts", Unknown, 16)
        },
        Judged {
            missing: Some(name("expected 20 calls, found 3")),
            ..judged("slo", "slo", Unknown, 17)
        },
        judged("new-edges", "new_edges", Waived, 18),
        judged("cells", "independent", Pass, 19),
        judged("metrics.largest_cycle", "metrics", Waived, 30),
    ];
    let violations = vec![
        Violation {
            age: Age::New,
            location: at("services/frontend/client.rs", 42),
            ..violation(
                &rules[0],
                Fail,
                edge("frontend", "postgresql/payments"),
                "frontend (edge) calls postgresql/payments (data) directly",
            )
        },
        Violation {
            age: Age::New,
            path: ["cart", "checkout", "cart"].map(name).to_vec(),
            location: at("topple.lock", 3),
            ..violation(
                &rules[1],
                Fail,
                Subject::Path(vec![name("cart"), name("checkout")]),
                "cart -> checkout -> cart is a cycle of synchronous calls",
            )
        },
        Violation {
            age: Age::New,
            value: Some(0.267),
            limit: Some(0.1),
            unit: "ratio",
            interval: Some((0.219, 0.32)),
            grade: Grade::Measured,
            count: 80,
            of: 300,
            ..violation(
                &rules[2],
                Fail,
                Subject::Call(
                    name("checkout"),
                    name("payments"),
                    name("POST /charge/{id}"),
                ),
                "26.7 % of the calls are retries (21.9 to 32 %), 10 % are allowed",
            )
        },
        Violation {
            age: Age::Known,
            ..violation(
                &rules[3],
                Warn,
                Subject::Service(name("shipping")),
                "shipping has no tier",
            )
        },
        Violation {
            grade: Grade::Unknown,
            count: 0,
            of: 3,
            ..violation(
                &rules[5],
                Unknown,
                Subject::Entry(name("frontend"), name("POST /checkout")),
                "3 requests are too few to tell the share of failures; 20 would do",
            )
        },
        Violation {
            excused: Some(Excused::Waiver {
                reason: name("moves behind the gateway with the next release"),
                owner: Some(name("team-shop")),
                expires: name("2027-01-31"),
            }),
            age: Age::New,
            location: at("topple.lock", 9),
            ..violation(
                &rules[6],
                Fail,
                edge("shipping", "tax.example.com"),
                "shipping -> tax.example.com is new and not approved",
            )
        },
        Violation {
            excused: Some(Excused::Accepted),
            location: at("topple.lock", 7),
            ..violation(
                &rules[6],
                Fail,
                edge("cart", "redis"),
                "cart -> redis is new and not approved",
            )
        },
        Violation {
            excused: Some(Excused::Known),
            age: Age::Known,
            value: Some(3.0),
            limit: Some(0.0),
            ..violation(
                &rules[8],
                Fail,
                Subject::System,
                "largest_cycle is 3, at most 0 is allowed",
            )
        },
    ];
    Report {
        verdict: Some(Verdict {
            rules,
            violations,
            baseline: Some(name("topple.lock at origin/main")),
            not_seen: vec![(name("shipping"), name("kafka/returns"))],
            new_edges: vec![
                (name("checkout"), name("kafka/orders")),
                (name("frontend"), name("postgresql/payments")),
            ],
            notes: vec![name(
                "the waiver of new-edges for shipping -> tax.example.com ends in 9 days",
            )],
            policy: name("topple.yaml"),
            ..Verdict::default()
        }),
        ..sample::shop()
    }
}

/// Returns a verdict on names that mean harm, to every target.
pub(in crate::render) fn hostile() -> Report {
    let names = [
        "",
        "\x1b[2J\r\n::error::owned\u{9b}31m",
        "::error file=x,line=1::a%0Ab, ##[error]c",
        "]]> <b>\"d\"</b> & 'e' &amp; <!-- f --> </failure>",
        "a|b `c` ``` \\ [link](http://example.com) @team {0} {{1}}",
        "n0 --> n1; subgraph end\"] %%{init}%%",
        "\u{202e}drowssap\u{2066} \u{fffe}\u{ffff}\u{0}\u{1f4a5}",
        "/etc/passwd",
        "../../up and away?#%20",
    ];
    let verbs = ["forbid", "hubs", "", "metrics"];
    let long = "x ".repeat(5_000);
    let mut verdict = Verdict {
        baseline: Some(name(names[1])),
        policy: name(names[8]),
        ..Verdict::default()
    };
    for (number, foreign) in names.into_iter().chain([long.as_str()]).enumerate() {
        let next = names[(number + 1) % names.len()];
        let outcome = [Outcome::Fail, Outcome::Warn, Outcome::Unknown][number % 3];
        let rule = Judged {
            why: Some(name(foreign)),
            missing: Some(name(next)),
            ..judged(foreign, verbs[number % verbs.len()], outcome, 0)
        };
        for level in [Outcome::Fail, Outcome::Warn, Outcome::Unknown] {
            verdict.violations.push(Violation {
                help: name(foreign),
                path: vec![name(foreign), name(next), name(foreign)],
                value: Some(f64::NAN),
                limit: Some(f64::INFINITY),
                interval: Some((f64::NEG_INFINITY, f64::NAN)),
                count: u64::MAX,
                of: u64::MAX,
                exemplars: vec![name(foreign)],
                excused: [
                    None,
                    Some(Excused::Waiver {
                        reason: name(foreign),
                        owner: Some(name(next)),
                        expires: name(foreign),
                    }),
                ][number % 2]
                    .clone(),
                location: at(foreign, 0),
                ..violation(&rule, level, edge(foreign, next), foreign)
            });
        }
        verdict.rules.push(rule);
        verdict
            .rules
            .push(judged(next, "forbid", Outcome::Unknown, 1));
        verdict.new_edges.push((name(foreign), name(next)));
        verdict.not_seen.push((name(next), name(foreign)));
        verdict.notes.push(name(foreign));
    }
    Report {
        verdict: Some(verdict),
        ..sample::hostile()
    }
}

/// Returns a verdict with so many violations of one rule, each on an edge of its own.
pub(in crate::render) fn many(violations: usize) -> Report {
    let rule = judged("many", "forbid", Outcome::Fail, 1);
    let numbers = 1..=violations;
    Report {
        verdict: Some(Verdict {
            violations: numbers
                .clone()
                .map(|number| Violation {
                    location: at("topple.lock", number),
                    ..violation(
                        &rule,
                        Outcome::Fail,
                        edge(&format!("service-{number}"), "hub"),
                        &format!("service-{number} calls hub"),
                    )
                })
                .collect(),
            new_edges: numbers
                .map(|number| (format!("service-{number}"), name("new")))
                .collect(),
            rules: vec![rule],
            policy: name("topple.yaml"),
            ..Verdict::default()
        }),
        ..Report::default()
    }
}
