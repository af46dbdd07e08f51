//! Clocks that are off explain every effect before its cause; nothing else is to blame in any story.

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn wrong_clocks_are_not_wrong_instrumentation() {
    let report = report(&scenarios::clock_offsets(4).run());
    assert!(findings(&report, "causality").is_empty());
    assert_eq!(metric(&report, "causal_violations"), 0.0);
    assert!(metric(&report, "skewed_starts") > 100.0);
}
