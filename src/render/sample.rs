//! The reports that every renderer is tested with: a small shop, a hostile one, and how to look at what came out.

mod budgets;

mod diff;

mod falls;

mod hostile;

mod hubs;

use super::{Options, Renderer};
use crate::report::fixes::Fix;
use crate::report::{
    Budgets, Data, Degrees, EdgeRow, EntryRow, Finding, Grade, Kind, Metric, Part, ProblemRow,
    Quantiles, Report, Service, Slack, Subject,
};

pub(super) use budgets::budgets;
pub(super) use diff::compared;
pub(super) use falls::{cascades, hostile_cascades, story};
pub(super) use hostile::hostile;
pub(super) use hubs::hubs;

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
        critical_hops: Some((1, 4, 9)),
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
                slack: Some(Slack {
                    calls: 20,
                    mean_ns: 4_000_000,
                    least_ns: 250_000,
                    of_duration: Some(0.5),
                }),
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
