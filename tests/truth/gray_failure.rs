//! The instance that is ill is the one that is named, and no other.

use topple::finding::{Finding, Subject};
use topple::report::Report;

use crate::simulator::scenarios;
use crate::simulator::system::System;
use crate::support::{findings, report};

/// Runs a story in which one instance of the catalog is ill; returns the report.
fn run(system: System) -> (String, Report) {
    let run = system.run();
    let afflicted: Vec<&String> = run.truth.afflicted.keys().collect();
    let [ill] = afflicted[..] else {
        panic!("{afflicted:?}");
    };
    (ill.clone(), report(&run))
}

/// Returns the findings about instances, all of which must be about one.
#[track_caller]
fn of_instance<'a>(report: &'a Report, ill: &str) -> Vec<&'a Finding> {
    let found = findings(report, "gray-failure").into_iter();
    let found = found.filter(|finding| matches!(finding.subject, Subject::Instance(..)));
    let subject = Subject::Instance("catalog".to_owned(), ill.to_owned());
    let found: Vec<&Finding> = found.collect();
    for finding in &found {
        assert_eq!(finding.subject, subject, "{finding:#?}");
    }
    found
}

#[test]
fn an_instance_that_loses_requests_is_found() {
    let (ill, report) = run(scenarios::gray_instance(1));
    let metrics: Vec<&str> = of_instance(&report, &ill)
        .iter()
        .map(|finding| finding.metric)
        .collect();
    assert_eq!(metrics, ["losing_instance"]);
    let edges: Vec<(&str, &Subject)> = findings(&report, "gray-failure")
        .iter()
        .filter(|finding| matches!(finding.subject, Subject::Edge(..)))
        .map(|finding| (finding.metric, &finding.subject))
        .collect();
    let edge = |from: &str| Subject::Edge(from.to_owned(), "catalog".to_owned());
    assert_eq!(
        edges,
        [
            ("unanswered_failures", &edge("ads")),
            ("unanswered_failures", &edge("gateway"))
        ]
    );
}

#[test]
fn an_instance_that_fails_is_found_though_it_looks_well() {
    let (ill, report) = run(scenarios::failing_instance(2));
    let found = of_instance(&report, &ill);
    let metrics: Vec<&str> = found.iter().map(|finding| finding.metric).collect();
    assert_eq!(metrics, ["failing_instance", "healthy_but_failing"]);
    for finding in found {
        assert!((finding.value - 33.0).abs() < 8.0, "{finding:#?}");
        assert!(finding.text.contains("health check"), "{}", finding.text);
    }
}

#[test]
fn an_instance_that_is_slow_is_found() {
    let (ill, report) = run(scenarios::slow_instance(3));
    let found = of_instance(&report, &ill);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].metric, "slow_instance");
    assert!(found[0].value > 2.5, "{found:#?}");
}
