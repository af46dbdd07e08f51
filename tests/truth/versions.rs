//! A rollout is seen for as long as it lasted, and so is the instance that it forgot.

use topple::finding::Subject;

use crate::simulator::program::secs;
use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn the_forgotten_instance_is_found() {
    let run = scenarios::rollout(1).run();
    let report = report(&run);
    let window = |version| run.truth.versions[&("catalog", version)];
    let (old, new) = (window("1.0.0"), window("2.0.0"));
    let mixed = (old.1.min(new.1) - old.0.max(new.0)) as f64 / 1e9;
    let said = metric(&report, "mixed_version_seconds");
    assert!((said - mixed).abs() < 0.1, "{said} s and not {mixed}");
    let stragglers: Vec<_> = findings(&report, "versions")
        .into_iter()
        .filter(|it| it.metric == "version_straggler")
        .map(|it| it.subject.clone())
        .collect();
    let forgotten = Subject::Instance("catalog".to_owned(), "catalog-1".to_owned());
    assert_eq!(stragglers, [forgotten]);
    // Products are read by the gateway and, beside it, by the advertisements.
    assert!(metric(&report, "mixed_version_traces") > 10.0);
}

#[test]
fn a_rollout_that_ends_forgets_nobody() {
    let run = scenarios::rollout(2)
        .change("catalog", |catalog| catalog.rollout(secs(5), secs(5), None))
        .run();
    let report = report(&run);
    assert!(metric(&report, "mixed_version_seconds") > 5.0);
    assert_eq!(metric(&report, "version_stragglers"), 0.0);
}
