//! Windows between a read and a later write of one table are as many and as long as they were; other tables make none.

use topple::finding::Subject;

use crate::simulator::program::{ms, query, query_with_text, secs, work};
use crate::simulator::scenarios;
use crate::simulator::system::{System, service};
use crate::support::{findings, metric, report};

/// A stock that is read, thought about and written, for 10 ms in all.
fn stock(seed: u64, written: &'static str) -> System {
    System::new(seed)
        .with(service("stock").workers(50).does(
            "POST /reservations",
            [
                query("postgresql", "stock-db", "SELECT stock", ms(2)),
                work(ms(5)),
                query("postgresql", "stock-db", written, ms(3)),
            ],
        ))
        .users("stock", "POST /reservations", 10.0, 0..secs(30))
}

#[test]
fn every_read_before_a_write_is_a_window() {
    let run = stock(1, "UPDATE stock").run();
    let report = report(&run);
    let said = findings(&report, "lost-updates");
    let [found] = said[..] else {
        panic!("{said:#?}");
    };
    let names = ["stock", "postgresql/stock-db", "UPDATE stock"].map(str::to_owned);
    let [from, to, operation] = names;
    assert_eq!(found.subject, Subject::Call(from, to, operation));
    assert_eq!(
        found.count,
        run.truth.entries[&("stock", "POST /reservations")].requests
    );
    assert!((found.value - 10.0).abs() < 0.16, "{}", found.value);
}

/// A stock whose statements are recorded.
fn stock_with_text(seed: u64, read: &'static str, written: &'static str) -> System {
    let ask =
        |summary, text, time| query_with_text("postgresql", "stock-db", (summary, text), time);
    System::new(seed)
        .with(service("stock").workers(50).does(
            "POST /reservations",
            [
                ask("SELECT stock", read, ms(2)),
                work(ms(5)),
                ask("UPDATE stock", written, ms(3)),
            ],
        ))
        .users("stock", "POST /reservations", 10.0, 0..secs(30))
}

#[test]
fn statements_that_guard_themselves_make_no_window() {
    const READ: &str = "SELECT n FROM stock WHERE id = $1";
    const WRITTEN: &str = "UPDATE stock SET n = $1 WHERE id = $2";
    for (read, written, windows) in [
        (READ, WRITTEN, 1.0),
        ("SELECT n FROM stock WHERE id = $1 FOR UPDATE", WRITTEN, 0.0),
        (READ, "UPDATE stock SET n = n - $1 WHERE id = $2", 0.0),
        (
            READ,
            "UPDATE stock SET n = $1 WHERE id = $2 AND version = $3",
            0.0,
        ),
    ] {
        let run = stock_with_text(4, read, written).run();
        let report = report(&run);
        assert_eq!(metric(&report, "lost_update_windows"), windows, "{written}");
        let requests = run.truth.entries[&("stock", "POST /reservations")].requests;
        let counts = findings(&report, "lost-updates");
        let counts: Vec<u64> = counts.iter().map(|found| found.count).collect();
        let expected = [requests];
        assert_eq!(counts, &expected[..windows as usize], "{written}");
    }
}

#[test]
fn writes_of_other_tables_are_not() {
    for system in [stock(2, "UPDATE orders"), scenarios::healthy(3)] {
        let report = report(&system.run());
        assert!(findings(&report, "lost-updates").is_empty());
        assert_eq!(metric(&report, "lost_update_windows"), 0.0);
    }
}
