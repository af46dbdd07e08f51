//! Stories of things that break: instances that look well, hosts, deployments, sagas.

use crate::simulator::program::{answer, around, between, call, ms, query, secs, work};
use crate::simulator::scenarios::shop;
use crate::simulator::system::{Effect, Place, System, service};

/// The shop for long enough that instances can be compared.
fn long_day(seed: u64) -> System {
    shop(seed)
        .users("gateway", "GET /products", 15.0, 0..secs(60))
        .users("gateway", "POST /checkout", 8.0, 0..secs(60))
        .health_checks(secs(2))
}

/// One instance of the catalog loses a third of its requests before it sees them, and is healthy whenever asked.
pub(crate) fn gray_instance(seed: u64) -> System {
    long_day(seed).when(
        0..secs(60),
        Place::Instance("catalog", 1),
        Effect::LoseRequests(0.33),
    )
}

/// One instance of the catalog fails a third of its requests, and is healthy whenever asked.
pub(crate) fn failing_instance(seed: u64) -> System {
    long_day(seed).when(
        0..secs(60),
        Place::Instance("catalog", 1),
        Effect::Fail(0.33),
    )
}

/// One instance of the catalog works ten times as slowly as the others.
pub(crate) fn slow_instance(seed: u64) -> System {
    long_day(seed).when(
        0..secs(60),
        Place::Instance("catalog", 2),
        Effect::Slow(10.0),
    )
}

/// Two services that do not know each other share a host, and the host has two bad spells.
pub(crate) fn common_host(seed: u64) -> System {
    let mut system = System::new(seed)
        .with(
            service("news")
                .instances(2)
                .on(["h1", "h2"])
                .does("GET /news", [work(between(ms(2), ms(6)))]),
        )
        .with(
            service("mail")
                .instances(2)
                .on(["h3", "h1"])
                .does("GET /inbox", [work(between(ms(3), ms(9)))]),
        )
        .with(
            service("chat")
                .instances(2)
                .on(["h2", "h3"])
                .does("GET /rooms", [work(between(ms(1), ms(4)))]),
        )
        .users("news", "GET /news", 12.0, 0..secs(120))
        .users("mail", "GET /inbox", 12.0, 0..secs(120))
        .users("chat", "GET /rooms", 12.0, 0..secs(120));
    for start in [20, 60, 90] {
        let spell = secs(start)..secs(start + 10);
        system = system.when(spell, Place::Host("h1"), Effect::Fail(0.8));
    }
    system
}

/// The catalog gets a new version, one instance every ten seconds; one instance is forgotten.
pub(crate) fn rollout(seed: u64) -> System {
    long_day(seed).change("catalog", |catalog| {
        catalog.rollout(secs(15), secs(10), Some(1))
    })
}

/// The cart dies in the middle of the day, with work under way.
pub(crate) fn death(seed: u64) -> System {
    long_day(seed).when(secs(30)..secs(60), Place::Service("cart"), Effect::Dead)
}

/// Some answers of the payment are lost, and the checkout asks again: customers pay twice.
pub(crate) fn lost_answers(seed: u64) -> System {
    let charge = call("payment", "POST /charges").attempts(3, around(ms(10)));
    shop(seed)
        .change("checkout", |checkout| {
            checkout.does("POST /orders", [work(ms(1)), charge.into()])
        })
        .users("gateway", "POST /checkout", 20.0, 0..secs(40))
        .when(
            0..secs(60),
            Place::Service("payment"),
            Effect::LoseAnswers(0.2),
        )
}

/// A trip is a flight, a hotel and a car; without a car the rest is taken back, but the hotel sometimes not.
pub(crate) fn saga(seed: u64) -> System {
    let hotel = call("hotels", "POST /rooms")
        .forgetful_undo(call("hotels", "POST /room-cancellations"), 0.25);
    let flight = call("flights", "POST /seats").undo(call("flights", "POST /seat-cancellations"));
    System::new(seed)
        .with(service("trips").workers(50).does(
            "POST /trips",
            [
                flight.into(),
                hotel.into(),
                call("cars", "POST /cars").into(),
            ],
        ))
        .with(
            service("flights")
                .does("POST /seats", [work(around(ms(5)))])
                .does("POST /seat-cancellations", [work(around(ms(5)))]),
        )
        .with(
            service("hotels")
                .does("POST /rooms", [work(around(ms(5)))])
                .does(
                    "POST /room-cancellations",
                    [work(around(ms(5))), answer(503, 0.1)],
                ),
        )
        .with(service("cars").does("POST /cars", [work(around(ms(5))), answer(503, 0.3)]))
        .users("trips", "POST /trips", 15.0, 0..secs(40))
}

/// A good day on which many users ask wrongly: answers of 404 are no failures.
pub(crate) fn wrong_questions(seed: u64) -> System {
    shop(seed)
        .change("catalog", |catalog| {
            let select = query("postgresql", "items-db", "SELECT items", around(ms(4)));
            catalog.does("GET /items", [work(ms(2)), answer(404, 0.3), select])
        })
        .users("gateway", "GET /products", 20.0, 0..secs(40))
}
