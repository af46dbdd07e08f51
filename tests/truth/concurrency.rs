//! The most calls in flight from one instance is what happened.

use topple::finding::Subject;

use crate::simulator::scenarios;
use crate::simulator::system::System;
use crate::support::{findings, metric, report};

/// Runs a story and compares the peak of every edge between services.
#[track_caller]
fn check(system: System) {
    let run = system.run();
    let report = report(&run);
    let said = findings(&report, "concurrency");
    assert!(!run.truth.edges.is_empty());
    for (from, to) in run.truth.edges.keys() {
        let pools = run
            .truth
            .concurrency
            .iter()
            .filter(|((caller, callee), _)| {
                callee == to
                    && caller
                        .rsplit_once('-')
                        .is_some_and(|(service, _)| service == *from)
            });
        let peak = pools.map(|(_, pool)| pool.peak).max().unwrap();
        let edge = Subject::Edge((*from).to_owned(), (*to).to_owned());
        let found = said
            .iter()
            .find(|it| it.metric == "peak_concurrency" && it.subject == edge);
        match found.map(|it| (it.value, it.interval)) {
            Some(told) => assert_eq!(told, (peak as f64, None), "{from} -> {to}"),
            // Where calls are rare and never made two at a time there is nothing to tell.
            None => assert_eq!(peak, 1, "{from} -> {to}"),
        }
    }
    assert_eq!(metric(&report, "saturated_pools"), 0.0);
    assert!(
        said.iter().all(|it| it.metric == "peak_concurrency"),
        "{said:#?}"
    );
}

#[test]
fn peaks_of_a_good_day_and_of_retries() {
    check(scenarios::healthy(1));
    check(scenarios::timeouts(2));
}

#[test]
fn a_sample_has_no_peak() {
    let report = report(&scenarios::sampled(3).run());
    let peaks = report
        .metrics
        .iter()
        .filter(|it| it.name == "peak_concurrency");
    assert_eq!(peaks.count(), 0);
    assert!(metric(&report, "mean_concurrency") > 0.0);
}
