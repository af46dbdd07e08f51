//! Requests sent twice at a time are counted as they were sent.

use topple::finding::Grade;

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn hedges_are_told_from_other_calls() {
    let run = scenarios::hedging(5).run();
    let edge = &run.truth.edges[&("reader", "store")];
    let report = report(&run);
    let found = findings(&report, "hedging");
    assert_eq!(found.len(), 1, "{found:#?}");
    let finding = found[0];
    assert_eq!(finding.grade, Grade::Inferred);
    // A copy sent less than a millisecond before the first answer is no sign of anything.
    let (hedges, said) = (edge.hedges as f64, finding.count as f64);
    assert!(said <= hedges && said > 0.9 * hedges, "{said} of {hedges}");
    assert_eq!(metric(&report, "hedged_calls"), said);
    let load = 100.0 * hedges / edge.calls as f64;
    assert!((finding.value - load).abs() < 0.1 * load, "{finding:#?}");
}

#[test]
fn stories_without_hedges_have_none() {
    for system in [
        scenarios::timeouts(1),
        scenarios::one_after_the_other(2),
        scenarios::n_plus_one(3),
    ] {
        let report = report(&system.run());
        assert_eq!(metric(&report, "hedged_calls"), 0.0);
    }
}
