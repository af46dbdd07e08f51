//! Overload that holds itself up is found, and one that passes is not.

use topple::finding::Subject;

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn what_does_not_come_back_is_found() {
    let run = scenarios::long_overload(1, 3).run();
    let report = report(&run);
    let said = findings(&report, "metastability");
    let [found, gain] = said[..] else {
        panic!("{said:#?}");
    };
    // Of three attempts two follow a failure, unless the second is answered.
    assert_eq!(gain.metric, "loop_gain");
    assert!((0.5..0.7).contains(&gain.value), "{}", gain.text);
    assert_eq!(found.subject, Subject::Service("quotes".to_owned()));
    assert!(found.value >= 60.0, "{}", found.text);
    assert!(run.truth.edges[&("front", "quotes")].timeouts > found.count);
}

#[test]
fn without_retries_it_comes_back() {
    let report = report(&scenarios::long_overload(2, 1).run());
    assert!(findings(&report, "metastability").is_empty());
    assert_eq!(metric(&report, "metastable_incidents"), 0.0);
    assert_eq!(metric(&report, "loop_gain"), 0.0);
}
