//! Calls that leave their region, and what that costs, are what the story says.

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn pages_wait_for_another_region() {
    let run = scenarios::cross_region(3).run();
    let report = report(&run);
    assert_eq!(metric(&report, "cross_region_share"), 1.0);
    let found = findings(&report, "locality");
    let metrics: Vec<&str> = found.iter().map(|finding| finding.metric).collect();
    assert_eq!(metrics, ["cross_region_calls", "home_region_mismatch"]);
    assert_eq!(found[0].count, run.truth.edges[&("page", "rows")].calls);
    assert_eq!(
        found[1].count,
        run.truth.entries[&("page", "GET /page")].requests
    );
    // 36 ms each way, and on average 0.3 ms more.
    assert!((72.0..73.0).contains(&found[0].value), "{:#?}", found[0]);
    assert!((216.0..220.0).contains(&found[1].value), "{:#?}", found[1]);
}
