//! Steps that were not taken back are counted as they happened, and those that were are nobody's fault.

use topple::finding::Subject;

use crate::simulator::program::{answer, around, call, ms, secs, work};
use crate::simulator::scenarios;
use crate::simulator::system::{System, service};
use crate::support::{findings, metric, policy, report_under};

const SAGAS: &str = "
sagas:
  - { action: \"POST /seats\", compensation: \"POST /seat-cancellations\" }
  - { action: \"POST /rooms\", compensation: \"POST /room-cancellations\" }
";

#[test]
fn what_was_forgotten_or_failed_is_not_taken_back() {
    let run = scenarios::saga(1).run();
    let report = report_under(&run, policy(SAGAS));
    let [_, failed, forgotten] = run.truth.undone["POST /rooms"];
    assert!(failed > 0 && forgotten > 0);
    let said = findings(&report, "sagas");
    let rooms = Subject::Entry("hotels".to_owned(), "POST /rooms".to_owned());
    assert!(said.iter().all(|it| it.subject == rooms), "{said:#?}");
    let count = |name: &str| said.iter().find(|it| it.metric == name).unwrap().count;
    assert_eq!(count("missing_compensations"), failed + forgotten);
    assert_eq!(count("failed_compensations"), failed);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert_eq!(
        metric(&report, "missing_compensations"),
        (failed + forgotten) as f64
    );
}

/// A trip whose steps are always taken back when there is no car.
fn careful(seed: u64) -> System {
    let hotel = call("hotels", "POST /rooms").undo(call("hotels", "POST /room-cancellations"));
    let flight = call("flights", "POST /seats").undo(call("flights", "POST /seat-cancellations"));
    let car = call("cars", "POST /cars");
    System::new(seed)
        .with(
            service("trips")
                .workers(50)
                .does("POST /trips", [flight.into(), hotel.into(), car.into()]),
        )
        .with(
            service("flights")
                .does("POST /seats", [work(around(ms(5)))])
                .does("POST /seat-cancellations", [work(around(ms(5)))]),
        )
        .with(
            service("hotels")
                .does("POST /rooms", [work(around(ms(5)))])
                .does("POST /room-cancellations", [work(around(ms(5)))]),
        )
        .with(service("cars").does("POST /cars", [work(ms(5)), answer(503, 0.3)]))
        .users("trips", "POST /trips", 15.0, 0..secs(40))
}

#[test]
fn what_was_taken_back_is_fine() {
    let run = careful(2).run();
    let [undone, failed, forgotten] = run.truth.undone["POST /rooms"];
    assert!(undone > 50);
    assert_eq!((failed, forgotten), (0, 0));
    let report = report_under(&run, policy(SAGAS));
    assert!(findings(&report, "sagas").is_empty());
    assert_eq!(metric(&report, "missing_compensations"), 0.0);
}
