//! Work that requests wait for though it could wait is measured as long as it took; work behind the answer is not.

use topple::finding::Subject;

use crate::simulator::program::{between, call, ms, secs, work};
use crate::simulator::scenarios;
use crate::simulator::system::{System, service};
use crate::support::{findings, policy, report_under};

/// Orders that wait for their entry in the books.
fn orders(seed: u64) -> System {
    System::new(seed)
        .with(service("orders").workers(50).does(
            "POST /orders",
            [
                work(ms(2)),
                call("audit", "POST /entries").into(),
                work(ms(1)),
            ],
        ))
        .with(service("audit").does("POST /entries", [work(between(ms(10), ms(30)))]))
        .users("orders", "POST /orders", 10.0, 0..secs(30))
}

#[test]
fn what_is_waited_for_is_measured() {
    let run = orders(1).run();
    let report = report_under(&run, policy("deferrable: [\"POST /entries\"]"));
    let said = findings(&report, "deferrable");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    let names = ["orders", "audit", "POST /entries"].map(str::to_owned);
    let [from, to, operation] = names;
    assert_eq!(found.subject, Subject::Call(from, to, operation));
    let truth = &run.truth.edges[&("orders", "audit")];
    assert_eq!(found.count, truth.calls);
    // Nothing runs beside it, so that all of it is waited for.
    let mean = truth.client_ns.iter().sum::<u64>() as f64 / truth.calls as f64 / 1e6;
    assert!(
        (found.value - mean).abs() < 1e-6,
        "{} and not {mean}",
        found.value
    );
}

#[test]
fn what_is_done_by_message_is_not() {
    let run = scenarios::healthy(2).run();
    assert!(!run.truth.sent.is_empty());
    let report = report_under(
        &run,
        policy("deferrable: [\"process orders\", \"POST /entries\"]"),
    );
    assert!(findings(&report, "deferrable").is_empty());
}
