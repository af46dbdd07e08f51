//! Calls one after the other, and calls in a loop, are as many as were made; calls made at once are none.

use topple::finding::{Finding, Grade, Subject};
use topple::report::Report;

use crate::simulator::program::{call, ms, together, work};
use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

fn of<'a>(report: &'a Report, name: &str) -> Vec<&'a Finding> {
    let said = findings(report, "sequential-calls").into_iter();
    said.filter(|it| it.metric == name).collect()
}

#[test]
fn loops_are_counted_call_by_call() {
    let run = scenarios::n_plus_one(1).run();
    let report = report(&run);
    let said = of(&report, "call_loops");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    let names = ["lists", "postgresql/items-db", "SELECT items"].map(str::to_owned);
    let [from, to, operation] = names;
    assert_eq!(found.subject, Subject::Call(from, to, operation));
    // One query for the list, the others for its items.
    let requests = run.truth.entries[&("lists", "GET /list")].requests;
    let queries = run.truth.queries[&("lists", "postgresql/items-db".to_owned())].len() as u64;
    assert_eq!((found.count, found.grade), (requests, Grade::Proved));
    let each = (queries - requests) as f64 / requests as f64;
    assert!(
        (found.value - each).abs() < 1e-9,
        "{} and not {each}",
        found.value
    );
}

#[test]
fn neighbours_are_counted_request_by_request() {
    let run = scenarios::one_after_the_other(2).run();
    let report = report(&run);
    let said = of(&report, "sequential_calls");
    for operation in ["GET /home", "GET /start"] {
        let subject = Subject::Entry("page".to_owned(), operation.to_owned());
        let pairs = said.iter().filter(|it| it.subject == subject);
        let counts: Vec<u64> = pairs.map(|it| it.count).collect();
        // Three calls have two neighbours.
        assert_eq!(
            counts,
            [run.truth.entries[&("page", operation)].requests; 2]
        );
    }
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(of(&report, "call_loops").is_empty());
}

#[test]
fn calls_made_at_once_are_neither() {
    let at_once = |page: crate::simulator::system::Service| {
        let [user, news, weather] = [
            ("users", "GET /user"),
            ("news", "GET /news"),
            ("weather", "GET /weather"),
        ]
        .map(|(service, operation)| vec![call(service, operation).into()]);
        let steps = [work(ms(1)), together([user, news, weather]), work(ms(1))];
        page.does("GET /home", steps.clone())
            .does("GET /start", steps)
    };
    let run = scenarios::one_after_the_other(3)
        .change("page", at_once)
        .run();
    let report = report(&run);
    assert!(findings(&report, "sequential-calls").is_empty());
    assert_eq!(metric(&report, "call_loops"), 0.0);
}
