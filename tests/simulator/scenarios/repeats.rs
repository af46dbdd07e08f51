//! Stories of calls made more than once: timeouts, retries at several layers, hedges, breakers.

use crate::simulator::program::{
    Telling, answer, around, between, call, ms, query, secs, times, us, work,
};
use crate::simulator::system::{Effect, Place, System, service};

/// A shop front that waits too short a time for a slow payment, and tries up to three times.
///
/// What it gives up is done all the same: some orders are charged twice and more.
pub(crate) fn timeouts(seed: u64) -> System {
    let charge = call("payment", "POST /charges")
        .timeout(ms(60))
        .attempts(3, around(ms(20)));
    System::new(seed)
        .with(
            service("shop")
                .workers(200)
                .does("POST /orders", [work(ms(1)), charge.into(), work(ms(1))]),
        )
        .with(
            service("payment")
                .workers(200)
                .does("POST /charges", [work(around(ms(40)))]),
        )
        .users("shop", "POST /orders", 20.0, 0..secs(40))
}

/// Calls through so many layers above a service that fails half the time, each with up to three marked attempts.
pub(crate) fn nested_retries(seed: u64, layers: usize) -> System {
    const NAMES: [&str; 4] = ["edge", "orders", "pricing", "rates"];
    let mut system = System::new(seed);
    for layer in 0..layers {
        let below = call(NAMES[layer + 1], "GET /price").attempts(3, around(ms(5)));
        let steps = [work(us(200)), below.into()];
        system = system.with(service(NAMES[layer]).workers(100).does("GET /price", steps));
    }
    system
        .with(
            service(NAMES[layers])
                .workers(100)
                .does("GET /price", [work(ms(2)), answer(503, 0.5)]),
        )
        .users("edge", "GET /price", 20.0, 0..secs(30))
}

/// Retries that are told so: in spans of their own, marked or not, or not at all.
pub(crate) fn retries(seed: u64, telling: Telling) -> System {
    let below = call("rates", "GET /rates")
        .attempts(3, between(ms(1), ms(9)))
        .telling(telling);
    System::new(seed)
        .with(
            service("pricing")
                .workers(50)
                .does("GET /price", [work(us(300)), below.into(), work(us(300))]),
        )
        .with(
            service("rates")
                .workers(50)
                .does("GET /rates", [work(around(ms(3))), answer(503, 0.3)]),
        )
        .users("pricing", "GET /price", 25.0, 0..secs(30))
}

/// Retries of which an instance makes no more than one per ten first attempts.
pub(crate) fn budget(seed: u64) -> System {
    let below = call("rates", "GET /rates").attempts(4, ms(5)).budget(0.1);
    retries(seed, Telling::Marked).change("pricing", |pricing| {
        pricing.does("GET /price", [work(us(300)), below.into()])
    })
}

/// A store that now and then takes long, and a reader that asks again beside the first time.
pub(crate) fn hedging(seed: u64) -> System {
    let read = call("store", "GET /blobs").hedge(ms(12));
    System::new(seed)
        .with(
            service("reader")
                .workers(50)
                .does("GET /page", [read.into(), work(ms(1))]),
        )
        .with(
            service("store")
                .instances(3)
                .workers(50)
                .does("GET /blobs", [work(around(ms(6)))]),
        )
        .users("reader", "GET /page", 25.0, 0..secs(30))
}

/// An outage in the middle of the day, before a caller that stops asking, or never does.
pub(crate) fn outage(seed: u64, has_breaker: bool) -> System {
    let rates = call("rates", "GET /rates").timeout(ms(200)).fallback();
    let rates = if has_breaker {
        rates.breaker(5, secs(5))
    } else {
        rates
    };
    System::new(seed)
        .with(
            service("pricing")
                .workers(50)
                .does("GET /price", [work(ms(1)), rates.into()]),
        )
        .with(
            service("rates")
                .workers(50)
                .does("GET /rates", [work(between(ms(2), ms(6)))]),
        )
        .users("pricing", "GET /price", 20.0, 0..secs(120))
        .when(
            secs(40)..secs(80),
            Place::Service("rates"),
            Effect::Slow(100.0),
        )
}

/// A busy service with a queue, callers that retry, and a short burst: the retries keep it overloaded after the burst.
///
/// Two workers at twenty milliseconds can do 100 a second, and 70 come; when all of them time out, three times as many come.
pub(crate) fn metastable(seed: u64) -> System {
    let quote = call("quotes", "GET /quotes")
        .timeout(ms(200))
        .attempts(3, ms(20));
    System::new(seed)
        .with(
            service("front")
                .workers(10_000)
                .does("GET /quote", [quote.into()]),
        )
        .with(
            service("quotes")
                .workers(2)
                .does("GET /quotes", [work(ms(20))]),
        )
        .users("front", "GET /quote", 70.0, 0..secs(30))
        .users("front", "GET /quote", 200.0, secs(8)..secs(10))
}

/// A busy service with a queue, a surge of ten seconds, and time enough to see whether it comes back.
///
/// Two workers at seventy milliseconds can do 28 a second, and 20 come; with three attempts for each that times out, 60.
pub(crate) fn long_overload(seed: u64, attempts: usize) -> System {
    let quote = call("quotes", "GET /quotes")
        .timeout(ms(700))
        .attempts(attempts, ms(70));
    System::new(seed)
        .with(
            service("front")
                .workers(10_000)
                .does("GET /quote", [quote.into()]),
        )
        .with(
            service("quotes")
                .workers(2)
                .does("GET /quotes", [work(ms(70))]),
        )
        .users("front", "GET /quote", 20.0, 0..secs(130))
        .users("front", "GET /quote", 40.0, secs(40)..secs(50))
}

/// One query per item of a list, instead of one for all.
pub(crate) fn n_plus_one(seed: u64) -> System {
    let item = query(
        "postgresql",
        "items-db",
        "SELECT items",
        between(ms(1), ms(3)),
    );
    let all = query("postgresql", "items-db", "SELECT lists", ms(4));
    System::new(seed)
        .with(
            service("lists")
                .workers(50)
                .does("GET /list", [all, times(5, 20, vec![item]), work(ms(1))]),
        )
        .users("lists", "GET /list", 15.0, 0..secs(30))
}
