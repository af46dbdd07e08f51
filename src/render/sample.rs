//! The reports that every renderer is tested with: a small shop, a hostile one, and how to look at what came out.

mod diff;

mod falls;

use super::{Options, Renderer};
use crate::report::fixes::Fix;
use crate::report::{
    Budgets, CallBudget, Data, Degrees, EdgeRow, EntryBudget, EntryRow, Finding, Grade, Kind,
    Metric, Part, ProblemRow, Quantiles, Redundancy, Report, Service, Spender, Standing, Subject,
};

pub(super) use diff::compared;
pub(super) use falls::{cascades, hostile_cascades, story};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600_000_000_000;

/// Returns durations around a median in microseconds.
fn around(us: u64, count: u64) -> Quantiles {
    let ns = us * 1_000;
    Quantiles {
        count,
        sum: u128::from(ns) * u128::from(count),
        p50: ns,
        p90: 3 * ns,
        p99: 9 * ns + 123,
        max: 12 * ns + 7,
    }
}

fn service(name: &str, kind: Kind, callers: u64, callees: u64) -> Service {
    let emits = kind == Kind::Service;
    Service {
        name: name.to_owned(),
        kind,
        instances: if emits { 2 } else { 0 },
        versions: if emits {
            vec!["1.4.0".to_owned(), "1.4.1".to_owned()]
        } else {
            Vec::new()
        },
        zones: if emits {
            vec!["eu-1a".to_owned()]
        } else {
            Vec::new()
        },
        spans: if emits { 4_321 } else { 0 },
        in_degree: callers,
        out_degree: callees,
        degree: callers.saturating_add(callees),
        ..Service::default()
    }
}

fn edge(from: &str, to: &str, calls: f64) -> EdgeRow {
    let seen = calls as u64;
    EdgeRow {
        from: from.to_owned(),
        to: to.to_owned(),
        sync: true,
        protocol: "http",
        calls,
        attempts: calls,
        served: calls,
        client_ns: around(1_200, seen),
        server_ns: around(1_000, seen),
        network_ns: around(200, seen),
        fan_out: 1.5,
        fan_out_max: 4,
        critical_path_share: Some(0.125),
        in_flight: Some(0.25),
        evidence: vec![("paired", seen)],
        seen: Some((NEW_YEAR, NEW_YEAR + 60_000_000_000)),
        exemplars: vec!["0af7651916cd43dd8448eb211c80319c".to_owned()],
        ..EdgeRow::default()
    }
}

fn entry(service: &str, operation: &str, requests: f64) -> EntryRow {
    EntryRow {
        service: service.to_owned(),
        operation: operation.to_owned(),
        kind: "request",
        requests,
        duration_ns: around(20_000, requests as u64),
        sync_depth: (2, 3, 5),
        exemplars: vec!["0af7651916cd43dd8448eb211c80319c".to_owned()],
        ..EntryRow::default()
    }
}

/// Returns a small shop in which payments fail.
pub(super) fn shop() -> Report {
    Report {
        part: Part::Whole,
        data: Data {
            spans_read: 12_345,
            spans_by_class: vec![
                ("edge_client", 5_000),
                ("edge_server", 5_000),
                ("edge_producer", 0),
                ("virtual_peer", 1_000),
                ("entry", 1_234),
                ("internal", 100),
            ],
            unresolved: vec![("missing_parent", 11)],
            traces: 1_234,
            problems: vec![ProblemRow {
                source: "shop/now.json".to_owned(),
                place: "14:23".to_owned(),
                message: "expected a 32-digit trace id, found \"12ab\"".to_owned(),
            }],
            problems_total: 3,
            window: Some((NEW_YEAR, NEW_YEAR + 900_000_000_000)),
            paired_ratio: Some(0.982),
            orphan_ratio: Some(0.000_9),
            weights_known: true,
            shapes: 17,
            shapes_folded: 4,
        },
        services: vec![
            service("cart", Kind::Service, 1, 1),
            service("checkout", Kind::Service, 1, 2),
            service("frontend", Kind::Service, 0, 2),
            service("kafka/orders", Kind::Queue, 1, 1),
            service("payments", Kind::Service, 1, 1),
            service("postgresql/payments", Kind::Database, 1, 0),
            service("redis", Kind::Cache, 1, 0),
            service("shipping", Kind::Service, 1, 1),
            service("tax.example.com", Kind::External, 1, 0),
        ],
        edges: vec![
            EdgeRow {
                client_ns: Quantiles::default(),
                network_ns: Quantiles::default(),
                evidence: vec![("one-sided", 1_234)],
                ..edge("(users)", "frontend", 1_234.0)
            },
            edge("cart", "redis", 2_000.0),
            EdgeRow {
                sync: false,
                protocol: "kafka",
                network_ns: Quantiles::default(),
                queue_ns: around(40_000, 300),
                critical_path_share: None,
                ..edge("checkout", "kafka/orders", 300.0)
            },
            EdgeRow {
                attempts: 380.0,
                served: 370.0,
                errors_both: 30.0,
                errors_client_only: 10.0,
                errors_server_only: 2.5,
                client_4xx: 5.0,
                timeouts: 10.0,
                retries: [60.0, 10.0, 10.0],
                critical_path_share: Some(0.612),
                zones: vec![("eu-1a".to_owned(), String::new(), 380)],
                error_types: vec![("timeout".to_owned(), 10)],
                failed_exemplars: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
                slowest_exemplars: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
                ..edge("checkout", "payments", 300.0)
            },
            EdgeRow {
                sync: false,
                direct: true,
                protocol: "kafka",
                critical_path_share: None,
                ..edge("checkout", "shipping", 300.0)
            },
            edge("frontend", "cart", 1_000.0),
            EdgeRow {
                client_ns: Quantiles::default(),
                network_ns: Quantiles::default(),
                evidence: vec![("parent-child", 300)],
                ..edge("frontend", "checkout", 300.0)
            },
            EdgeRow {
                sync: false,
                protocol: "kafka",
                critical_path_share: None,
                ..edge("kafka/orders", "shipping", 300.0)
            },
            EdgeRow {
                protocol: "sql",
                ..edge("payments", "postgresql/payments", 901.25)
            },
            EdgeRow {
                client_ns: Quantiles::default(),
                server_ns: Quantiles::default(),
                network_ns: Quantiles::default(),
                critical_path_share: None,
                in_flight: None,
                ..edge("shipping", "tax.example.com", 0.0)
            },
        ],
        entries: vec![
            EntryRow {
                failed: 12.0,
                health_checks: 3,
                ..entry("frontend", "POST /checkout", 1_234.0)
            },
            EntryRow {
                kind: "job",
                ..entry("cart", "sweep", 4.5)
            },
        ],
        degrees: Degrees::default(),
        metrics: vec![
            Metric {
                name: "average_path_length",
                value: 1.708_333_333_333_333_3,
            },
            Metric {
                name: "services",
                value: 9.0,
            },
        ],
        findings: vec![Finding {
            id: "retries:checkout->payments".to_owned(),
            pass: "retries",
            metric: "retry_amplification",
            subject: Subject::Edge("checkout".to_owned(), "payments".to_owned()),
            value: 1.27,
            unit: "attempts/call",
            interval: Some((1.2, 1.34)),
            grade: Grade::Measured,
            count: 80,
            of: 300,
            exemplars: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
            text: "checkout sends payments 1.27 attempts per call".to_owned(),
            cost: None,
        }],
        budgets: Budgets::default(),
        notes: vec!["the last line of shop/now.json is cut off; it was not read".to_owned()],
        verdict: None,
        diff: None,
        fix_first: Some(vec![Fix {
            id: "retries:checkout->payments".to_owned(),
            cost: 0.125,
            grade: Grade::Measured,
            text: "checkout sends payments 1.27 attempts per call".to_owned(),
            command: "budgets --focus payments".to_owned(),
        }]),
        passes: 30,
        ..Report::default()
    }
}

/// Returns what is central in the small shop.
pub(super) fn hubs() -> Report {
    let mut report = shop();
    report.part = Part::Hubs;
    for (at, node) in report.services.iter_mut().enumerate() {
        let at = at as f64;
        node.standing = Standing {
            clustering: Some(0.25),
            betweenness: Some(at / 40.0),
            betweenness_half_width: (at == 4.0).then_some(0.01),
            traffic_betweenness: Some(0.5 - at / 16.0),
            pagerank: Some(0.125),
            core: Some(2),
            level: Some(at / 3.0),
            ..Standing::default()
        };
    }
    let checkout = &mut report.services[1].standing;
    checkout.hub = true;
    checkout.articulation = true;
    checkout.cut_off = 3;
    checkout.dominated = 4;
    report.services[4].standing.immediate_dominator = Some("checkout".to_owned());
    let of_metric = |pass, metric, text: &str| Finding {
        grade: Grade::Proved,
        text: text.to_owned(),
        ..Finding::new(pass, metric, Subject::System)
    };
    report.services[2].standing.entry = true;
    report.services[2].standing.orchestrator = true;
    report.services[1].standing.redundancy = Redundancy::Zones;
    report.services[6].standing.hub = true;
    report.services[6].standing.infrastructure = true;
    report.degrees = Degrees::of(&report.services);
    report.findings = vec![
        Finding {
            value: 2.0,
            unit: "services",
            grade: Grade::Proved,
            count: 1,
            of: 40,
            text: "2 services can wait for each other, as in cart -> checkout -> cart (1 of 40 requests did); \
                   without cart -> checkout they could not"
                .to_owned(),
            ..Finding::new(
                "cycles",
                "largest_cycle",
                Subject::Path(vec!["cart".to_owned(), "checkout".to_owned()]),
            )
        },
        of_metric(
            "hubs",
            "hub_agreement",
            "1 of the first 5 by callers, by shortest paths and by requests agree: checkout",
        ),
        of_metric(
            "paths",
            "static_depth",
            "the longest chain of synchronous calls is 3 deep: frontend -> checkout -> payments -> \
             postgresql/payments",
        ),
        Finding::unknown("power-law", "power_law_p", "power law: insufficient data, 9 degrees"),
        Finding::unknown("clustering", "average_clustering_null", "clustering against chance: too small"),
        Finding::unknown("small-world", "small_world_sigma", "small world: too small"),
    ];
    report.metrics = [("max_sync_depth", 5.0), ("p95_sync_depth", 3.0)]
        .map(|(name, value)| Metric { name, value })
        .to_vec();
    report
}

/// Returns what calls and requests of the small shop may take.
pub(super) fn budgets() -> Report {
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

/// Returns a report of names and numbers that mean harm.
pub(super) fn hostile() -> Report {
    let names = [
        String::new(),
        "\x1b[2J\r\n\u{9b}31m".to_owned(),
        "a|b `c` <b>\"d\"</b> & \\ $(e) #quot; %%{init}%%".to_owned(),
        "n0 --> n1; subgraph end\"]".to_owned(),
        "\u{202e}drowssap\u{2066}".to_owned(),
        "x".repeat(200),
        "\u{6771}\u{4eac}".repeat(60),
        "=cmd()|' @team, [link](http://example.com) **".to_owned(),
    ];
    let mut services: Vec<Service> = names
        .iter()
        .map(|name| service(name, Kind::Service, u64::MAX, 1))
        .collect();
    for node in &mut services {
        node.versions = names.to_vec();
        node.spans = u64::MAX;
    }
    let pairs = names.iter().zip(names.iter().cycle().skip(1));
    let edges = pairs
        .clone()
        .map(|(from, to)| EdgeRow {
            errors_both: 1e15,
            attempts: 1e15 + 0.5,
            client_ns: Quantiles {
                count: 1,
                sum: u128::MAX,
                p50: u64::MAX,
                p90: 0,
                p99: u64::MAX,
                max: 1,
            },
            exemplars: names.to_vec(),
            error_types: names.iter().map(|name| (name.clone(), 1)).collect(),
            zones: vec![(from.clone(), to.clone(), 1)],
            ..edge(from, to, 1e15)
        })
        .chain([edge("nobody", "lists these", f64::INFINITY)])
        .collect();
    let budgets = Budgets {
        calls: pairs
            .clone()
            .map(|(from, to)| CallBudget {
                from: from.clone(),
                to: to.clone(),
                timeout: Some((u64::MAX, "declared")),
                max_attempts: u64::MAX,
                amplification: Some(1e15),
                p99: Some(u64::MAX),
            })
            .collect(),
        entries: pairs
            .clone()
            .map(|(service, operation)| EntryBudget {
                service: service.clone(),
                operation: operation.clone(),
                requests: u64::MAX,
                spenders: vec![Spender {
                    service: operation.clone(),
                    operation: service.clone(),
                    share: f64::NAN,
                    ..Spender::default()
                }],
                ..EntryBudget::default()
            })
            .collect(),
    };
    let entries = pairs
        .map(|(service, operation)| entry(service, operation, 1e15))
        .collect();
    Report {
        part: Part::Whole,
        data: Data {
            spans_read: u64::MAX,
            unresolved: vec![("missing_parent", u64::MAX)],
            problems: names
                .iter()
                .map(|name| ProblemRow {
                    source: name.clone(),
                    place: String::new(),
                    message: name.clone(),
                })
                .collect(),
            problems_total: 8,
            window: Some((0, u64::MAX)),
            ..Data::default()
        },
        services,
        edges,
        entries,
        degrees: Degrees::default(),
        budgets,
        metrics: vec![Metric {
            name: "density",
            value: f64::NAN,
        }],
        findings: names
            .iter()
            .map(|name| Finding {
                text: name.clone(),
                value: f64::NAN,
                ..Finding::default()
            })
            .collect(),
        notes: names.to_vec(),
        verdict: None,
        diff: None,
        fix_first: Some(
            names
                .iter()
                .map(|name| Fix {
                    id: name.clone(),
                    cost: 1.0,
                    grade: Grade::Proved,
                    text: name.clone(),
                    command: format!("report --focus {name}"),
                })
                .collect(),
        ),
        passes: usize::MAX,
        ..Report::default()
    }
}

/// Returns what a renderer writes.
pub(super) fn rendered(renderer: &Renderer, report: &Report, options: Options) -> String {
    let mut out = Vec::new();
    (renderer.write)(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Compares a text with its snapshot.
pub(super) fn check(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}
