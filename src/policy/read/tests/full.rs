//! A policy with every section and key, and small ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::policy::calls::{Backoff, Slo};
use crate::policy::gate::{Better, Bounds, Change};
use crate::policy::query::Domain;
use crate::policy::rule::{Scope, Skip, Verb};
use crate::policy::value::{Criticality, EdgeMode, Ratio};
use crate::policy::waiver::{Waived, WaiverPolicy};

fn full() -> Policy {
    let text = fs::read_to_string(Path::new(TESTDATA).join("full/topple.yaml")).unwrap();
    read(&text, &VOCABULARY).unwrap_or_else(|_| panic!("{}", messages("topple.yaml", &text)))
}

fn percent(percent: f64) -> Ratio {
    Ratio::percent(percent).unwrap()
}

fn milliseconds(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

#[test]
fn the_sections_on_evidence_and_services_are_read() {
    let Policy {
        evidence, services, ..
    } = full();
    assert_eq!(
        evidence,
        Evidence {
            min_traces: 50,
            min_calls: 30,
            confidence: percent(99.0),
            on_unknown: Severity::Fail,
            sampling: Sampling::Tail,
        }
    );
    let tag = |name: &str, attribute: &str| (name.to_owned(), attribute.to_owned());
    assert_eq!(services.tags[2], tag("zone", "cloud.availability_zone"));
    assert_eq!(services.renamed("billing-canary"), "billing");
    assert_eq!(services.renamed("billing-green"), "billing-green");
    assert_eq!(services.ignore.to_string(), "[telemetry-agent, probe-*]");
    assert_eq!(services.proxies.to_string(), "[envoy]");
    assert_eq!(
        services.infrastructure.to_string(),
        "[settings, {kind: cache}]"
    );
    let traced = [("zone".to_owned(), "north-1".to_owned())];
    let billing = services.describe("billing", "service", traced.into());
    assert_eq!(billing.criticality, Some(Criticality::Critical));
    assert_eq!(billing.capacity_rps, Some(450.5));
    assert_eq!(billing.concurrency_limit, Some(64));
    let tags: Vec<String> = billing
        .tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(tags, ["criticality=critical", "tier=core", "zone=north-1"]);
    let routing = services.describe("routing", "service", Default::default());
    assert_eq!(routing.source.as_deref(), Some("teams/routing/src"));
    let database = services.describe("orders", "database", Default::default());
    assert_eq!(database.tags["tier"], "data");
}

#[test]
fn the_sections_on_calls_and_entry_points_are_read() {
    let policy = full();
    let [book, track] = policy.entrypoints.as_slice() else {
        panic!("{:?}", policy.entrypoints)
    };
    assert_eq!((book.name.as_str(), book.weight), ("book", 8.0));
    assert_eq!(book.requests.operation.to_string(), "POST /parcels");
    assert_eq!(
        book.slo,
        Slo {
            p50: Some(milliseconds(80)),
            p90: Some(milliseconds(250)),
            p99: Some(milliseconds(1_200)),
            errors: Some(percent(0.5)),
        }
    );
    assert_eq!((track.slo, track.weight), (Slo::default(), 1.0));
    let edge = policy
        .services
        .describe("public-api", "service", Default::default());
    let none = Default::default();
    let node = |name, tags| crate::policy::selector::Node {
        name,
        kind: "service",
        tags,
    };
    let terms = policy
        .calls
        .terms(&node("public-api", &edge.tags), &node("routing", &none));
    assert_eq!(terms.timeout, Some(milliseconds(1_500)));
    assert_eq!(terms.attempts, Some(2));
    assert_eq!(
        terms.backoff,
        Some(Backoff {
            first: milliseconds(50),
            longest: milliseconds(400),
        })
    );
    assert_eq!((terms.retry_budget, terms.soft), (None, Some(true)));
    let terms = policy
        .calls
        .terms(&node("routing", &none), &node("billing", &none));
    assert_eq!(
        (terms.soft, terms.retry_budget),
        (Some(false), Some(percent(10.0)))
    );
    assert_eq!(policy.calls.declared[1].place.to_string(), "29:5");
    assert_eq!(
        policy.calls.timeout_from,
        [
            "http.request.header.x-timeout-ms",
            "rpc.request.metadata.grpc-timeout"
        ]
    );
    assert_eq!(
        texts(&policy.redundancy),
        ["[billing-north, billing-south]", "[depot-*]"]
    );
    let billing = node("billing", &none);
    assert!(policy.idempotent[1].matches(&billing, "POST /holds"));
    assert!(!policy.idempotent[1].matches(&node("routing", &none), "POST /holds"));
    assert!(policy.deferrable[0].matches(&node("newsletter", &none), "anything"));
    assert!(
        policy.sagas[0]
            .compensation
            .matches(&billing, "DELETE /holds")
    );
    assert_eq!(policy.sagas[0].within, Some(milliseconds(30_000)));
    let stage = &policy.stages[0];
    assert!(stage.of.matches(&billing, "anything"));
    assert!(!stage.entry.matches(&billing, "anything"));
    assert_eq!(
        (stage.mean, stage.p99),
        (Some(milliseconds(20)), Some(milliseconds(90)))
    );
}

#[test]
fn the_sections_on_metrics_are_read() {
    let policy = full();
    let above = |bound| Bounds {
        above: Some(bound),
        ..Bounds::default()
    };
    let below = |bound| Bounds {
        below: Some(bound),
        ..Bounds::default()
    };
    let gates: Vec<_> = policy
        .metrics
        .iter()
        .map(|gate| (gate.metric.as_str(), gate.warn, gate.fail, gate.ratchet))
        .collect();
    let none = Bounds::default();
    let both = Bounds {
        below: Some(0.05),
        above: Some(0.6),
    };
    assert_eq!(
        gates,
        [
            ("max_sync_depth", none, above(7.0), None),
            ("largest_cycle", above(0.0), none, Some(Better::Lower)),
            (
                "flow_hierarchy",
                below(0.7),
                below(0.5),
                Some(Better::Higher)
            ),
            ("average_clustering", both, none, Some(Better::Lower)),
            ("density", none, none, Some(Better::Lower)),
        ]
    );
    let health: Vec<_> = policy
        .network_health_metrics
        .iter()
        .map(|metric| (metric.query.domain(), metric.alert, metric.severity))
        .collect();
    assert_eq!(
        health,
        [
            (None, above(3.0), Severity::Fail),
            (Some(Domain::Services), above(0.8), Severity::Warn),
            (None, above(10.0), Severity::Fail),
            (None, above(1.0), Severity::Fail),
            (Some(Domain::Edges), below(5.0), Severity::Fail),
        ]
    );
    assert_eq!(
        policy.network_health_metrics[4].query.names(),
        ["calls", "error_ratio"]
    );
}

#[test]
fn every_verb_is_read() {
    let policy = full();
    let of = |id: &str| policy.rules.iter().find(|rule| rule.id == id).unwrap();
    assert_eq!(policy.rules.len(), 23);
    assert_eq!(of("egress").severity, Severity::Warn);
    assert_eq!(
        of("no-edge-to-data").why.as_deref(),
        Some("Data has one owner.")
    );
    assert!(!of("cells").waivable && of("tiers").waivable);
    for rule in &policy.rules {
        match &rule.verb {
            Verb::Forbid(forbid) if rule.id == "no-report-path" => {
                assert_eq!(forbid.edges.to_string(), "report-* -> routing");
                assert_eq!((forbid.transitive, forbid.mode), (true, EdgeMode::Sync));
                assert_eq!(texts(&forbid.except), ["report-api -> routing"]);
            }
            Verb::Forbid(forbid) => {
                assert_eq!(forbid.edges.to_string(), "{tier: edge} -> {tier: data}");
                assert_eq!((forbid.transitive, forbid.mode), (false, EdgeMode::All));
            }
            Verb::Callers(callers) => {
                assert_eq!(callers.of.to_string(), "billing");
                assert_eq!(callers.only.to_string(), "[routing, refunds]");
            }
            Verb::Require(require) => {
                assert_eq!(require.edges.to_string(), "* -> {kind: external}");
                assert_eq!(require.via.to_string(), "gatekeeper");
            }
            Verb::Layers(layers) => {
                assert_eq!(layers.by, "tier");
                assert_eq!(layers.order, ["edge", "domain", "core", "data"]);
                assert_eq!(
                    (layers.skip, layers.unassigned),
                    (Skip::Forbid, Severity::Fail)
                );
                assert_eq!(texts(&layers.except), ["settings -> *"]);
            }
            Verb::Independent(independent) => {
                assert_eq!(
                    (
                        independent.by.as_str(),
                        independent.except.to_string().as_str()
                    ),
                    ("cell", "[login]")
                );
            }
            Verb::Acyclic(acyclic) => {
                assert_eq!(acyclic.mode, EdgeMode::Sync);
                assert_eq!(acyclic.among.to_string(), "{tier: [domain, core]}");
            }
            Verb::Hubs(hubs) => {
                assert_eq!((hubs.max_callers, hubs.max_callees), (Some(12), Some(15)));
                assert_eq!(hubs.max_traffic_share, Some(percent(40.0)));
            }
            Verb::Depth(depth) => {
                assert_eq!((depth.max, depth.mode), (Some(6), EdgeMode::Sync));
                assert_eq!(depth.per_entrypoint, [("book".to_owned(), 5)]);
            }
            Verb::Timeouts(timeouts) => {
                assert_eq!((timeouts.nested, timeouts.headroom), (true, percent(20.0)));
                assert_eq!(timeouts.edges[0].edges.to_string(), "* -> {kind: cache}");
                assert_eq!(timeouts.edges[0].max, milliseconds(25));
            }
            Verb::Retries(retries) => {
                assert_eq!(retries.max_attempts, Some(3));
                assert_eq!(retries.max_rate, Some(percent(10.0)));
                assert_eq!(retries.max_amplification, Some(9.0));
                assert!(retries.one_layer_only);
            }
            Verb::SloKept(slo) => {
                assert_eq!(texts(&slo.entrypoints), ["*"]);
                assert_eq!(slo.edge_share, Some(percent(60.0)));
            }
            Verb::Spof(spof) => {
                assert_eq!(spof.max_blast_radius, Some(percent(35.0)));
                assert_eq!(spof.critical_entrypoints, ["book"]);
                assert_eq!(spof.except.to_string(), "login");
            }
            Verb::CriticalityOrder(order) => assert_eq!(
                order.forbid_hard,
                [
                    (Criticality::Critical, Criticality::Medium),
                    (Criticality::Critical, Criticality::Low),
                ]
            ),
            Verb::Zones(zones) if rule.id == "mostly-in-zone" => {
                assert_eq!((zones.by.as_str(), zones.cross), ("zone", percent(5.0)));
            }
            Verb::Zones(zones) => {
                assert_eq!((zones.by.as_str(), zones.cross), ("region", percent(0.0)));
                assert_eq!(texts(&zones.except), ["mirror -> mirror"]);
            }
            Verb::Phantoms(phantoms) => assert_eq!(phantoms.max_per_10k, 0.0),
            Verb::RequireBreaker(required) => assert_eq!(
                texts(&required.edges),
                ["booking -> billing", "* -> {kind: external}"]
            ),
            Verb::NewEdges(new_edges) => {
                assert_eq!(new_edges.approve_in, "topple.lock");
                assert_eq!(texts(&new_edges.except), ["* -> {kind: cache}"]);
            }
            Verb::Limit(limit) if rule.id == "betweenness" => {
                assert_eq!(limit.metric, "betweenness");
                assert!(
                    matches!(&limit.scope, Scope::Services(of) if of.to_string() == "{tier: domain}")
                );
                assert_eq!(limit.bounds.above, Some(0.4));
            }
            Verb::Limit(limit) => {
                assert!(
                    matches!(&limit.scope, Scope::Edges(of) if of.to_string() == "* -> {kind: database}")
                );
                assert_eq!(limit.bounds.above, Some(250e6));
            }
            Verb::Growth(growth) if rule.id == "depth-growth" => {
                assert_eq!(growth.scope, Scope::System);
                assert_eq!(
                    (growth.better, growth.max),
                    (Better::Lower, Change::Absolute(1.0))
                );
            }
            Verb::Growth(growth) => {
                assert!(
                    matches!(&growth.scope, Scope::Edges(of) if of.to_string() == "* -> billing")
                );
                assert_eq!(
                    (growth.better, growth.max),
                    (Better::Higher, Change::Relative(percent(25.0)))
                );
            }
        }
    }
}

#[test]
fn waivers_are_read() {
    let policy = full();
    assert_eq!(
        policy.waiver_policy,
        WaiverPolicy {
            max_days: 90,
            warn_before_days: 7,
            unused: Severity::Fail,
        }
    );
    let [callback, reading, depot, density] = policy.waivers.as_slice() else {
        panic!("{:?}", policy.waivers)
    };
    assert!(
        matches!(&callback.waived, Waived::Edges(of) if of.to_string() == "tracking -> routing")
    );
    assert_eq!(callback.expires, jiff::civil::date(2027, 1, 31));
    assert_eq!(callback.owner.as_deref(), Some("team-parcels"));
    assert!(matches!(&reading.waived, Waived::Services(of) if of.to_string() == "settings"));
    assert_eq!(depot.waived, Waived::Entrypoint("track".to_owned()));
    assert_eq!(
        (density.rule.as_str(), &density.waived),
        ("metrics.density", &Waived::Everything)
    );
}

#[test]
fn the_least_policy_has_the_defaults() {
    assert_eq!(read("version: 1", &VOCABULARY), Ok(Policy::default()));
    assert_eq!(
        read("\u{feff}# nothing else\r\nversion: 1\r\n", &VOCABULARY),
        Ok(Policy::default())
    );
    assert_eq!(Policy::default().evidence.confidence, percent(95.0));
}

#[test]
fn anchors_stand_for_what_they_name() {
    let text = "version: 1\nservices:\n  proxies: &all [envoy, mesh]\n  ignore: *all\n";
    let policy = read(text, &VOCABULARY).unwrap();
    assert_eq!(policy.services.ignore, policy.services.proxies);
}
