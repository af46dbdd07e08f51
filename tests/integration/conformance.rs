//! The linking rules against the answers of Zipkin, Jaeger and the Collector's service graph connector, and against our
//! own for the examples of the semantic conventions. Runs when the folder with the cases is there; the rules are also
//! tested on drawings of our own.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use topple::report::{EdgeRow, Report};

use crate::support::{report, shared};

/// Calls and failures by caller and callee.
type Links = BTreeMap<(String, String), (u64, u64)>;

fn links<'a>(edges: impl Iterator<Item = &'a EdgeRow>) -> Links {
    let mut links = Links::new();
    for edge in edges {
        let sum = links
            .entry((edge.from.clone(), edge.to.clone()))
            .or_default();
        sum.0 += edge.attempts as u64;
        sum.1 += edge.errors() as u64;
    }
    links
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn account_adds_up(report: &Report, case: &str) {
    let data = &report.data;
    let classes = data.spans_by_class.iter().chain(&data.unresolved);
    assert_eq!(
        data.spans_read,
        classes.map(|(_, count)| count).sum::<u64>(),
        "{case}"
    );
}

/// Zipkin's links, where topple answers differently on purpose.
fn zipkin_differences(case: &str) -> Option<&'static [(&'static str, &'static str, u64, u64)]> {
    Some(match case {
        // A consumer is linked to its producer with and without a broker.
        "messagingSpansDontLinkWithoutBroker_consumer" => {
            &[("kafka", "consumer", 1, 0), ("producer", "consumer", 1, 0)]
        }
        "messagingSpansDontLinkWithoutBroker_producer" => &[
            ("kafka", "consumer", 1, 0),
            ("producer", "consumer", 1, 0),
            ("producer", "kafka", 1, 0),
        ],
        "messagingWithBroker_both_sides_same" => &[
            ("kafka", "consumer", 1, 0),
            ("producer", "consumer", 1, 0),
            ("producer", "kafka", 1, 0),
        ],
        "messagingWithBroker_different" => &[
            ("kafka2", "consumer", 1, 0),
            ("producer", "consumer", 1, 0),
            ("producer", "kafka1", 1, 0),
        ],
        "messagingWithoutBroker_noLinks" => &[("producer", "consumer", 1, 0)],
        "clientDoesntLinkToConsumer_child" => &[("client", "consumer", 1, 0)],
        // The error of a client span whose own name is really the callee's counts.
        "errorsOnUninstrumentedLinks" => &[("client", "server", 2, 2)],
        // The answer beside the case is that of either of its two traces alone.
        "traceIdIsOpaque" => &[("app", "db", 2, 2), ("web", "app", 2, 0)],
        _ => return None,
    })
}

#[test]
fn zipkin_dependency_linker() {
    let Some(folder) = shared("conformance/zipkin-linker") else {
        return;
    };
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(case) = name.strip_suffix(".links.json") else {
            continue;
        };
        let report = report(&path.with_file_name(format!("{case}.json")));
        account_adds_up(&report, case);
        // The entry node has no counterpart at Zipkin.
        let found = links(report.edges.iter().filter(|edge| edge.from != "(users)"));
        let expected: Links = match zipkin_differences(case) {
            Some(links) => links
                .iter()
                .map(|(from, to, calls, errors)| {
                    (((*from).to_owned(), (*to).to_owned()), (*calls, *errors))
                })
                .collect(),
            None => read_json(&path)
                .as_array()
                .unwrap()
                .iter()
                .map(|link| {
                    let count = |key: &str| link[key].as_u64().unwrap();
                    (
                        (text(&link["parent"]), text(&link["child"])),
                        (count("callCount"), count("errorCount")),
                    )
                })
                .collect(),
        };
        assert_eq!(found, expected, "{case}");
        cases += 1;
    }
    assert!(cases >= 42, "only {cases} cases");
}

#[test]
fn service_graph_connector() {
    let Some(folder) = shared("conformance/otel-servicegraph") else {
        return;
    };
    for (case, answer) in read_json(&folder.join("expected.json"))
        .as_object()
        .unwrap()
    {
        let report = report(&folder.join(case));
        account_adds_up(&report, case);
        let found = links(report.edges.iter());
        let expected: Links = answer["expected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| {
                // One entry node, and a database is named by its system too.
                let client = text(&link["client"]).replace("user", "(users)");
                let server = text(&link["server"]).replace("orders", "postgresql/orders");
                (
                    (client, server),
                    (
                        link["count"].as_u64().unwrap(),
                        link["failed"].as_u64().unwrap(),
                    ),
                )
            })
            .collect();
        let found: Links =
            if case.starts_with("incomplete_server") || case.starts_with("virtual_node") {
                found
            } else {
                found
                    .into_iter()
                    .filter(|((from, _), _)| from != "(users)")
                    .collect()
            };
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn jaeger_dependencies() {
    let Some(folder) = shared("conformance/jaeger-deps") else {
        return;
    };
    for (case, answer) in read_json(&folder.join("expected.json"))
        .as_object()
        .unwrap()
    {
        let report = report(&folder.join(case));
        account_adds_up(&report, case);
        let found = links(report.edges.iter().filter(|edge| edge.from != "(users)"));
        let expected: Links = answer["expected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| {
                (
                    (text(&link[0]), text(&link[1])),
                    (link[2].as_u64().unwrap(), 0),
                )
            })
            // A parent and child of one service are no call.
            .filter(|((from, to), _)| from != to)
            .collect();
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn semantic_conventions() {
    let Some(folder) = shared("conformance/semconv") else {
        return;
    };
    for (case, answer) in read_json(&folder.join("expected.json"))
        .as_object()
        .unwrap()
    {
        let report = report(&folder.join(case));
        account_adds_up(&report, case);
        let is_destination = |name: &str| name.contains('/');
        let between_services = report.edges.iter().filter(|edge| {
            edge.from != "(users)" && !is_destination(&edge.from) && !is_destination(&edge.to)
        });
        let count = |edges: &Value, from: &dyn Fn(&str) -> String| -> Links {
            let edges = edges.as_array().map(Vec::as_slice).unwrap_or_default();
            edges
                .iter()
                .map(|edge| {
                    let ends = (
                        from(edge[0].as_str().unwrap()),
                        from(edge[1].as_str().unwrap()),
                    );
                    (ends, (edge[3].as_u64().unwrap(), 0))
                })
                .collect()
        };
        let without_errors = |links: Links| -> Links {
            links
                .into_iter()
                .map(|(ends, (calls, _))| (ends, (calls, 0)))
                .collect()
        };
        let found = without_errors(links(between_services));
        assert_eq!(
            found,
            count(&answer["service_edges"], &str::to_owned),
            "{case}"
        );
        let through = links(
            report
                .edges
                .iter()
                .filter(|edge| is_destination(&edge.from) || is_destination(&edge.to)),
        );
        let short: Links = without_errors(through)
            .into_iter()
            .map(|((from, to), count)| {
                let last = |name: String| name.rsplit('/').next().unwrap().to_owned();
                ((last(from), last(to)), count)
            })
            .collect();
        assert_eq!(
            short,
            count(&answer["broker_edges"], &str::to_owned),
            "{case}"
        );
        if let Some(logical) = answer["logical_calls"].as_u64() {
            let edge = report.edges.iter().find(|edge| edge.from == "A").unwrap();
            assert_eq!(
                (edge.calls as u64, edge.attempts as u64),
                (logical, answer["calls"].as_u64().unwrap())
            );
            assert_eq!(
                edge.retries.iter().sum::<f64>() as u64,
                answer["retries"].as_u64().unwrap()
            );
        }
    }
}
