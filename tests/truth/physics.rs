//! Round trips between regions are counted, and the speed of light is not beaten.

use topple::finding::Subject;

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn a_page_made_of_rows_far_away_is_chatty() {
    let report = report(&scenarios::cross_region(1).run());
    let found = findings(&report, "physics");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].metric, "chatty_requests");
    assert_eq!(found[0].value, 3.0);
    assert_eq!(
        found[0].subject,
        Subject::Entry("page".to_owned(), "GET /page".to_owned())
    );
    // 72 ms there and back, of which light needs 53.5.
    let inflation = metric(&report, "route_inflation");
    assert!((1.34..1.40).contains(&inflation), "{inflation}");
}

#[test]
fn a_server_in_another_town_than_it_says_is_found() {
    let near = scenarios::cross_region(2).distance("eu-west-1", "us-east-1", 2_000_000);
    let report = report(&near.run());
    let found = findings(&report, "physics");
    assert_eq!(found[0].metric, "wrong_region", "{found:#?}");
}
