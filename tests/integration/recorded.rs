//! The recorded shop, told by the report: the facts of `testdata/recorded/NOTE.md`, found again.

use std::path::{Path, PathBuf};

use topple::pipeline::{self, Progress};
use topple::report::{EdgeRow, EntryRow, Report, Service};

use crate::support::options;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/recorded")
        .join(name)
}

fn report(names: &[&str]) -> Report {
    let paths: Vec<PathBuf> = names.iter().map(|name| file(name)).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    pipeline::report(&options(&paths), &Progress::default())
        .unwrap()
        .0
}

fn service<'a>(report: &'a Report, name: &str) -> &'a Service {
    report
        .services
        .iter()
        .find(|service| service.name == name)
        .unwrap()
}

fn edge<'a>(report: &'a Report, from: &str, to: &str) -> &'a EdgeRow {
    let mut edges = report
        .edges
        .iter()
        .filter(|edge| edge.from == from && edge.to == to);
    let edge = edges
        .next()
        .unwrap_or_else(|| panic!("no edge from {from} to {to}"));
    assert!(edges.next().is_none(), "two edges from {from} to {to}");
    edge
}

fn entry<'a>(report: &'a Report, service: &str, operation: &str) -> &'a EntryRow {
    let is_it = |entry: &&EntryRow| entry.service == service && entry.operation == operation;
    report.entries.iter().find(is_it).unwrap()
}

/// Returns spans that called, spans that were called, and attempts that failed at the caller.
fn pairs(edge: &EdgeRow) -> (u64, u64, f64) {
    (
        edge.client_ns.count,
        edge.server_ns.count,
        edge.errors_both + edge.errors_client_only,
    )
}

#[test]
fn every_span_has_its_class() {
    let data = report(&["shop.pb"]).data;
    assert_eq!(
        (data.spans_read, data.traces, data.problems_total),
        (194, 40, 0)
    );
    assert_eq!(
        data.spans_by_class,
        [
            ("edge_client", 47),
            ("edge_server", 49),
            ("edge_producer", 7),
            ("edge_consumer", 10),
            ("virtual_peer", 41),
            ("entry", 28),
            ("internal", 11),
            ("messaging_auxiliary", 0),
            ("folded", 0),
            ("duplicate", 0)
        ]
    );
    assert_eq!(data.unresolved, [("missing_parent", 1)]);
    assert_eq!(data.paired_ratio, Some(1.0));
    assert_eq!(data.orphan_ratio, Some(1.0 / 194.0));
    assert!(data.weights_known);
}

#[test]
fn services_have_their_spans_failures_and_instances() {
    let report = report(&["shop.pb"]);
    for (name, spans, failed) in [
        ("inventory", 31, 0),
        ("mailer", 19, 1),
        ("orders", 60, 5),
        ("payments", 13, 2),
        ("pricing", 18, 2),
        ("shipping", 6, 0),
        ("web", 47, 10),
    ] {
        let service = service(&report, name);
        assert_eq!(
            (service.spans, service.failed_spans),
            (spans, failed),
            "{name}"
        );
        assert_eq!(
            service.instances,
            if name == "inventory" { 2 } else { 1 },
            "{name}"
        );
    }
    let inventory = service(&report, "inventory");
    assert_eq!(inventory.versions, ["2.3.0", "2.4.0"]);
    assert_eq!(inventory.zones, ["eu-west-1a", "eu-west-1b"]);
    assert_eq!(inventory.regions, ["eu-west-1"]);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
}

#[test]
fn calls_have_both_sides() {
    let report = report(&["shop.pb"]);
    for (from, to, expected) in [
        ("web", "orders", (12, 12, 4.0)),
        ("web", "inventory", (9, 9, 0.0)),
        ("orders", "pricing", (8, 10, 1.0)),
        ("orders", "inventory", (6, 6, 0.0)),
        ("orders", "payments", (8, 8, 2.0)),
        ("mailer", "orders", (2, 2, 0.0)),
        ("shipping", "payments", (2, 2, 0.0)),
    ] {
        let edge = edge(&report, from, to);
        assert_eq!(pairs(edge), expected, "{from} -> {to}");
        assert_eq!(edge.evidence, [("paired", expected.1)], "{from} -> {to}");
    }
    for (from, to, calls, failed) in [
        ("inventory", "postgresql/inventory", 15, 0.0),
        ("orders", "sqlite", 8, 0.0),
        ("pricing", "sqlite", 8, 0.0),
        ("mailer", "smtp-relay", 7, 0.0),
        ("web", "reviews", 3, 3.0),
    ] {
        let edge = edge(&report, from, to);
        assert_eq!(
            (pairs(edge), edge.served),
            ((calls, 0, failed), 0.0),
            "{from} -> {to}"
        );
        assert_eq!(edge.evidence, [("one-sided", calls)], "{from} -> {to}");
    }
}

#[test]
fn retries_are_found_marked_hidden_and_inferred() {
    let report = report(&["shop.pb"]);
    let retries = |from, to| {
        let edge = edge(&report, from, to);
        (edge.calls, edge.attempts, edge.retries)
    };
    assert_eq!(retries("orders", "payments"), (6.0, 8.0, [2.0, 0.0, 0.0]));
    assert_eq!(retries("orders", "pricing"), (8.0, 10.0, [0.0, 2.0, 0.0]));
    assert_eq!(retries("web", "orders"), (11.0, 12.0, [0.0, 0.0, 1.0]));
    for edge in report
        .edges
        .iter()
        .filter(|edge| !matches!(edge.to.as_str(), "payments" | "pricing" | "orders"))
    {
        assert_eq!(edge.retries, [0.0; 3], "{} -> {}", edge.from, edge.to);
    }
}

#[test]
fn timeouts_are_those_an_attribute_tells() {
    let report = report(&["shop.pb"]);
    let pricing = edge(&report, "orders", "pricing");
    assert_eq!(
        (
            pricing.timeouts,
            pricing.errors_both,
            pricing.errors_client_only,
            pricing.errors_server_only
        ),
        (1.0, 0.0, 1.0, 2.0)
    );
    // Of the two timeouts of web, one is told by an event alone and one is an abort; neither says timeout.
    let orders = edge(&report, "web", "orders");
    assert_eq!(
        (
            orders.timeouts,
            orders.errors_both,
            orders.errors_client_only,
            orders.errors_server_only
        ),
        (0.0, 2.0, 2.0, 0.0)
    );
    // Its own answers say 504.
    let users = edge(&report, "(users)", "web");
    assert_eq!((users.timeouts, users.errors_server_only), (2.0, 3.0));
    let payments = edge(&report, "orders", "payments");
    assert_eq!(
        (
            payments.errors_both,
            payments.errors_client_only,
            payments.errors_server_only
        ),
        (2.0, 0.0, 0.0)
    );
    assert_eq!(payments.error_types, [("503".to_owned(), 2)]);
}

#[test]
fn messages_meet_across_traces() {
    let report = report(&["shop.pb"]);
    for (from, to, messages, failed) in [
        ("orders", "mailer", 6, 1.0),
        ("orders", "shipping", 6, 0.0),
        ("inventory", "mailer", 1, 0.0),
    ] {
        let edge = edge(&report, from, to);
        assert!(edge.direct && !edge.sync, "{from} -> {to}");
        assert_eq!(
            (edge.calls, edge.queue_ns.count, edge.errors()),
            (messages as f64, messages, failed),
            "{from} -> {to}"
        );
    }
    for (from, to, spans) in [
        ("orders", "shopmq/orders.created", 6.0),
        ("inventory", "shopmq/stock.low", 1.0),
        // One message failed first and was processed twice.
        ("shopmq/orders.created", "mailer", 7.0),
        // Two receives took three messages each.
        ("shopmq/orders.created", "shipping", 2.0),
        ("shopmq/stock.low", "mailer", 1.0),
    ] {
        let edge = edge(&report, from, to);
        assert_eq!(
            (edge.attempts, edge.sync, edge.direct),
            (spans, false, false),
            "{from} -> {to}"
        );
    }
}

#[test]
fn sampled_spans_stand_for_those_left_out() {
    let report = report(&["shop.pb"]);
    // Six of nine calls were kept with probability 1/2.
    let inventory = edge(&report, "web", "inventory");
    assert_eq!((inventory.attempts, inventory.server_ns.count), (15.0, 9));
    let database = edge(&report, "inventory", "postgresql/inventory");
    assert_eq!((database.attempts, database.client_ns.count), (21.0, 15));
    // The job's were kept with probability 1/4.
    assert_eq!(edge(&report, "mailer", "orders").attempts, 8.0);
    assert_eq!(edge(&report, "orders", "sqlite").attempts, 14.0);
    assert_eq!(edge(&report, "(users)", "web").attempts, 28.0);
}

#[test]
fn entry_points_are_requests_messages_and_jobs() {
    let report = report(&["shop.pb"]);
    let entries: Vec<(&str, &str, &str, f64, f64)> = report
        .entries
        .iter()
        .map(|entry| {
            (
                entry.service.as_str(),
                entry.operation.as_str(),
                entry.kind,
                entry.requests,
                entry.failed,
            )
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("web", "GET /browse", "request", 12.0, 0.0),
            ("mailer", "digest", "job", 8.0, 0.0),
            ("mailer", "process orders.created", "message", 7.0, 1.0),
            ("web", "POST /checkout", "request", 7.0, 1.0),
            ("orders", "GET /healthz", "request", 3.0, 0.0),
            ("payments", "GET /healthz", "request", 3.0, 0.0),
            ("web", "GET /healthz", "request", 3.0, 0.0),
            ("shipping", "pack batch", "job", 2.0, 0.0),
            // The third came with a stranger's parent.
            ("web", "GET /products", "request", 2.0, 0.0),
            ("web", "GET /order", "request", 1.0, 0.0),
            ("web", "GET /quote", "request", 1.0, 0.0),
            ("web", "GET /report", "request", 1.0, 1.0),
            ("web", "GET /statement", "request", 1.0, 1.0),
        ]
    );
    for entry in &report.entries {
        assert_eq!(
            entry.health_checks,
            if entry.operation == "GET /healthz" {
                3
            } else {
                0
            },
            "{}",
            entry.operation
        );
    }
    assert_eq!(
        entry(&report, "web", "POST /checkout").sync_depth,
        (2, 2, 2)
    );
    assert_eq!(entry(&report, "web", "GET /quote").sync_depth, (2, 2, 2));
    assert_eq!(entry(&report, "web", "GET /browse").sync_depth, (1, 1, 1));
}

#[test]
fn zones_and_versions_say_which_instance_answered() {
    let report = report(&["shop.pb"]);
    let pair = |a: &str, b: &str, count| (a.to_owned(), b.to_owned(), count);
    let web = edge(&report, "web", "inventory");
    let orders = edge(&report, "orders", "inventory");
    assert_eq!(
        web.zones,
        [
            pair("eu-west-1a", "eu-west-1a", 6),
            pair("eu-west-1a", "eu-west-1b", 3)
        ]
    );
    assert_eq!(
        orders.zones,
        [
            pair("eu-west-1a", "eu-west-1a", 3),
            pair("eu-west-1a", "eu-west-1b", 3)
        ]
    );
    assert_eq!(
        web.versions,
        [pair("1.0.0", "2.3.0", 6), pair("1.0.0", "2.4.0", 3)]
    );
}

#[test]
fn what_both_exporters_wrote_counts_once() {
    let [one, both] = [
        report(&["shop.pb"]),
        report(&["shop.pb", "shop-node.jsonl"]),
    ];
    assert_eq!(report(&["shop-node.jsonl"]).data.spans_read, 84);
    assert_eq!(both.data.spans_read, 194 + 84);
    assert!(both.data.spans_by_class.contains(&("duplicate", 84)));
    assert_eq!(
        (both.services, both.edges, both.entries, both.metrics),
        (one.services, one.edges, one.entries, one.metrics)
    );
}
