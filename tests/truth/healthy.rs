//! On a good day no pass over traces accuses anybody.
//!
//! A pass that describes rather than accuses is named in [`DESCRIBING`].

use topple::pass::PASSES;

use crate::simulator::scenarios;
use crate::support::{findings, report};

/// Passes over traces that have something to say of every system.
const DESCRIBING: &[&str] = &["concurrency", "critical-path", "sequential-calls", "zones"];

/// Passes over traces that read the tables of another.
const READING: &[&str] = &["common-cause", "metastability"];

#[test]
fn a_good_day_accuses_nobody() {
    let passes: Vec<&str> = PASSES
        .iter()
        .filter(|pass| pass.watch.is_some() || READING.contains(&pass.name))
        .map(|pass| pass.name)
        .collect();
    assert!(!passes.is_empty());
    for (day, system) in [
        ("a day in the shop", scenarios::healthy(1)),
        ("wrong questions", scenarios::wrong_questions(2)),
        ("one trace in four", scenarios::sampled(3)),
        (
            "messages and calls that nobody waits for",
            scenarios::messages(4).redelivers(0.0),
        ),
    ] {
        let report = report(&system.run());
        assert_eq!(report.fix_first.as_deref(), Some(&[][..]), "{day}");
        for pass in passes.iter().filter(|pass| !DESCRIBING.contains(pass)) {
            let said = findings(&report, pass);
            assert!(said.is_empty(), "{day}: {pass} says {said:#?}");
        }
    }
}
