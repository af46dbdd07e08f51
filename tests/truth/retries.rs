//! What retries add is what they added, however they are told; where there are none, nobody is accused.

use topple::finding::{Finding, Subject};
use topple::report::Report;

use crate::simulator::program::Telling;
use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

fn amplified<'a>(report: &'a Report, from: &str, to: &str) -> &'a Finding {
    let subject = Subject::Edge(from.to_owned(), to.to_owned());
    let said = findings(report, "retries").into_iter();
    let mut of_edge = said.filter(|it| it.subject == subject && it.metric == "retry_amplification");
    of_edge.next().unwrap()
}

#[test]
fn amplification_is_attempts_per_call() {
    for telling in [Telling::Marked, Telling::Hidden, Telling::Unmarked] {
        let run = scenarios::retries(1, telling).run();
        let truth = &run.truth.edges[&("pricing", "rates")];
        let real = truth.attempts as f64 / truth.calls as f64;
        let report = report(&run);
        let found = amplified(&report, "pricing", "rates");
        assert!(
            (found.value - real).abs() < 1e-9,
            "{telling:?}: {} and not {real}",
            found.value
        );
        assert!((metric(&report, "retry_amplification") - real).abs() < 1e-9);
        let row = report
            .budgets
            .calls
            .iter()
            .find(|row| row.to == "rates")
            .unwrap();
        assert_eq!(row.max_attempts, truth.most_attempts);
        // Three attempts at a third: what is repeated is what failed at first.
        assert!(found.count > 100 && found.count <= truth.attempts - truth.calls);
    }
}

#[test]
fn layers_that_multiply_are_seen_to() {
    let run = scenarios::nested_retries(2, 2).run();
    let report = report(&run);
    for pair in [("edge", "orders"), ("orders", "pricing")] {
        let truth = &run.truth.edges[&pair];
        let real = truth.attempts as f64 / truth.calls as f64;
        assert!((amplified(&report, pair.0, pair.1).value - real).abs() < 1e-9);
    }
    let said = findings(&report, "retries");
    let layers = said
        .iter()
        .find(|it| it.metric == "multiplied_retries")
        .unwrap();
    let path = ["edge", "orders", "pricing"].map(str::to_owned).to_vec();
    assert_eq!(layers.subject, Subject::Path(path));
    // Three by three.
    assert_eq!(layers.value, 9.0);
    assert_eq!(metric(&report, "worst_retry_amplification"), 9.0);
}

#[test]
fn a_day_without_retries_has_none() {
    let run = scenarios::healthy(3).run();
    let report = report(&run);
    assert!(findings(&report, "retries").is_empty());
    assert_eq!(metric(&report, "retry_amplification"), 1.0);
}
