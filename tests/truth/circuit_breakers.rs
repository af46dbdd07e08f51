//! A caller without a breaker is found in an outage, and one with a breaker is not.

use topple::finding::Subject;

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn who_goes_on_asking_is_found() {
    let run = scenarios::outage(1, false).run();
    let report = report(&run);
    let said = findings(&report, "circuit-breakers");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    let edge = ("pricing", "rates");
    let subject = Subject::Edge(edge.0.to_owned(), edge.1.to_owned());
    assert_eq!(found.subject, subject);
    let timeouts = run.truth.edges[&edge].timeouts;
    assert!(found.count <= timeouts && found.count * 10 > timeouts * 9);
    // Each took the whole timeout of 200 ms.
    assert!((found.value - found.count as f64 * 0.2).abs() < 1e-6);
    assert_eq!(metric(&report, "opened_breakers"), 0.0);
}

#[test]
fn who_stops_asking_has_a_breaker() {
    let run = scenarios::outage(2, true).run();
    let report = report(&run);
    let said = findings(&report, "circuit-breakers");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    assert_eq!(found.metric, "opened_breakers");
    let subject = Subject::Edge("pricing".to_owned(), "rates".to_owned());
    assert_eq!((&found.subject, found.value), (&subject, 1.0));
    assert_eq!(metric(&report, "opened_breakers"), 1.0);
    let rejected = run.truth.edges[&("pricing", "rates")].rejected;
    assert!(rejected > 0);
    assert_eq!(metric(&report, "rejected_by_breakers"), rejected as f64);
}
