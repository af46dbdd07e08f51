//! Stories of how a system is built: clocks, regions, cells, shards, what could be done at once, messages.

use crate::simulator::program::{answer, around, between, call, ms, query, secs, send, work};
use crate::simulator::scenarios::{healthy, shop};
use crate::simulator::system::{System, service};

/// The shop on a good day, with clocks that are off by up to a second; one of them drifts.
pub(crate) fn clock_offsets(seed: u64) -> System {
    const MS: i64 = 1_000_000;
    healthy(seed)
        .clock("host-of-gateway-1", -40 * MS, 0)
        .clock("host-of-catalog-0", 25 * MS, 0)
        .clock("host-of-catalog-2", -7 * MS, 20_000)
        .clock("host-of-cart-1", 900 * MS, 0)
        .clock("host-of-checkout-0", 3 * MS, 0)
        .clock("host-of-payment-1", -120 * MS, 0)
}

/// Three calls one after the other that could be made at once; which comes first is a matter of chance.
pub(crate) fn one_after_the_other(seed: u64) -> System {
    let user = call("users", "GET /user");
    let news = call("news", "GET /news");
    let weather = call("weather", "GET /weather");
    System::new(seed)
        .with(
            service("page")
                .workers(50)
                .does(
                    "GET /home",
                    [
                        work(ms(1)),
                        user.clone().into(),
                        news.clone().into(),
                        weather.clone().into(),
                        work(ms(1)),
                    ],
                )
                .does(
                    "GET /start",
                    [
                        work(ms(1)),
                        weather.into(),
                        news.into(),
                        user.into(),
                        work(ms(1)),
                    ],
                ),
        )
        .with(service("users").does("GET /user", [work(between(ms(8), ms(12)))]))
        .with(service("news").does("GET /news", [work(between(ms(20), ms(25)))]))
        .with(service("weather").does("GET /weather", [work(between(ms(30), ms(40)))]))
        .users("page", "GET /home", 10.0, 0..secs(30))
        .users("page", "GET /start", 5.0, 0..secs(30))
}

/// A page that half of its visitors leave before its details are read, and a tenth of those before its reviews.
pub(crate) fn sometimes(seed: u64) -> System {
    System::new(seed)
        .with(service("page").workers(50).does(
            "GET /page",
            [
                answer(304, 0.5),
                call("details", "GET /details").into(),
                answer(304, 0.1),
                call("reviews", "GET /reviews").into(),
            ],
        ))
        .with(service("details").does("GET /details", [work(ms(2))]))
        .with(service("reviews").does("GET /reviews", [work(ms(2))]))
        .users("page", "GET /page", 250.0, 0..secs(30))
}

/// Two cells for everything, and a cart that sometimes leaves its own.
pub(crate) fn crossed_cells(seed: u64) -> System {
    let prices = call("prices", "GET /prices").strays(0.1);
    System::new(seed)
        .cells(["cell-1", "cell-2"])
        .tenants(12)
        .with(
            service("cart")
                .instances(2)
                .does("GET /cart", [work(ms(1)), prices.into()]),
        )
        .with(
            service("prices")
                .instances(4)
                .does("GET /prices", [work(between(ms(1), ms(3)))]),
        )
        .users("cart", "GET /cart", 25.0, 0..secs(30))
}

/// Eight instances, of which each tenant uses two of its own.
pub(crate) fn shuffle_shards(seed: u64) -> System {
    System::new(seed)
        .tenants(20)
        .with(service("door").does("GET /data", [call("data", "GET /rows").into()]))
        .with(
            service("data")
                .instances(8)
                .shard(2)
                .does("GET /rows", [work(between(ms(1), ms(3)))]),
        )
        .users("door", "GET /data", 30.0, 0..secs(40))
}

/// A page in Ireland made of rows in Virginia, one after the other.
pub(crate) fn cross_region(seed: u64) -> System {
    let row = || call("rows", "GET /row").into();
    System::new(seed)
        .distance("eu-west-1", "us-east-1", ms(36))
        .with(
            service("page")
                .workers(50)
                .does("GET /page", [work(ms(1)), row(), row(), row()]),
        )
        .with(
            service("rows")
                .region("us-east-1")
                .instances(2)
                .does("GET /row", [work(between(ms(1), ms(2)))]),
        )
        .users("page", "GET /page", 10.0, 0..secs(30))
}

/// The shop on a good day, of which one trace in four is recorded.
pub(crate) fn sampled(seed: u64) -> System {
    shop(seed)
        .users("gateway", "GET /products", 40.0, 0..secs(40))
        .users("gateway", "POST /checkout", 20.0, 0..secs(40))
        .record_one_of(4)
}

/// Orders by message, of which some are delivered twice; and an audit that nobody waits for.
pub(crate) fn messages(seed: u64) -> System {
    System::new(seed)
        .with(service("orders").workers(50).does(
            "POST /orders",
            [
                query("postgresql", "orders-db", "INSERT orders", around(ms(3))),
                send("orders"),
                call("audit", "POST /entries").and_forget().into(),
                work(ms(1)),
            ],
        ))
        .with(service("audit").does("POST /entries", [work(between(ms(10), ms(30)))]))
        .with(service("billing").takes("orders", [work(between(ms(5), ms(9)))]))
        .users("orders", "POST /orders", 15.0, 0..secs(30))
        .redelivers(0.1)
}
