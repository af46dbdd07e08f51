//! Failures are told in the order in which they happened, whatever the clocks show.

use crate::simulator::program::{answer, around, call, ms, secs, work};
use crate::simulator::system::{System, service};
use crate::support::{findings, report};

/// A trip whose room is given back when there is no car, in vain half of the time; the clock of the hotels is a minute behind.
fn trips(seed: u64) -> System {
    let hotel = call("hotels", "POST /rooms").undo(call("hotels", "POST /room-cancellations"));
    let car = call("cars", "POST /cars");
    System::new(seed)
        .with(
            service("trips")
                .workers(50)
                .does("POST /trips", [hotel.into(), car.into()]),
        )
        .with(
            service("hotels")
                .on(["inn"])
                .does("POST /rooms", [work(around(ms(5)))])
                .does(
                    "POST /room-cancellations",
                    [work(around(ms(5))), answer(500, 0.5)],
                ),
        )
        .with(service("cars").does("POST /cars", [work(ms(5)), answer(503, 0.3)]))
        .clock("inn", -(secs(60) as i64), 0)
        .users("trips", "POST /trips", 15.0, 0..secs(40))
}

#[test]
fn the_failure_that_came_first_is_told_first() {
    let run = trips(3).run();
    let [_, in_vain, _] = run.truth.undone["POST /rooms"];
    assert!(in_vain > 20);
    let report = report(&run);
    let origins = findings(&report, "origins");
    let texts: Vec<&str> = origins.iter().map(|it| it.text.as_str()).collect();
    let [cars, hotels] = texts[..] else {
        panic!("{texts:#?}");
    };
    let both = format!("in {in_vain} of {in_vain} requests with both");
    let [before, after] = [("before", "hotels"), ("after", "cars")]
        .map(|(word, other)| format!("; {word} those of {other} {both}"));
    assert!(
        cars.starts_with("cars: ") && cars.ends_with(&before),
        "{cars} {before}"
    );
    assert!(
        hotels.starts_with("hotels: ") && hotels.ends_with(&after),
        "{hotels} {after}"
    );
}
