//! Stories: a shop where all is well, and systems in which one thing is not.
//!
//! One function per story; each returns the system, so that a test may change it before it runs.

mod incidents;

mod repeats;

mod shapes;

use crate::simulator::program::{
    Call, around, between, call, ms, query, secs, send, together, work,
};
use crate::simulator::system::{Effect, Place, System, service};

pub(crate) use incidents::*;
pub(crate) use repeats::*;
pub(crate) use shapes::*;

/// The services of the shop.
pub(crate) const SHOP: [&str; 8] = [
    "ads", "cart", "catalog", "checkout", "gateway", "mailer", "payment", "stock",
];

/// A shop of eight services, and nobody in it. Advertisements alone are not missed.
pub(crate) fn shop(seed: u64) -> System {
    let patient = |call: Call| call.timeout(secs(2));
    let catalog = patient(call("catalog", "GET /items"));
    let ads = patient(call("ads", "GET /ads")).fallback();
    System::new(seed)
        .with(
            service("gateway")
                .instances(2)
                .zones(["zone-a", "zone-b"])
                .workers(64)
                .does(
                    "GET /products",
                    [
                        work(between(ms(1), ms(3))),
                        together([vec![catalog.into()], vec![ads.into()]]),
                        work(ms(1)),
                    ],
                )
                .does(
                    "POST /checkout",
                    [
                        work(ms(1)),
                        patient(call("cart", "GET /cart")).into(),
                        patient(call("checkout", "POST /orders")).into(),
                        work(ms(2)),
                    ],
                ),
        )
        .with(
            service("catalog")
                .instances(3)
                .zones(["zone-a", "zone-b"])
                .does(
                    "GET /items",
                    [
                        work(between(ms(1), ms(4))),
                        query("postgresql", "items-db", "SELECT items", around(ms(4))),
                    ],
                ),
        )
        .with(service("ads").instances(2).does(
            "GET /ads",
            [
                work(between(ms(2), ms(5))),
                patient(call("catalog", "GET /items")).into(),
            ],
        ))
        .with(service("cart").instances(3).does(
            "GET /cart",
            [
                query("redis", "carts", "GET cart", between(ms(1), ms(2))),
                work(between(ms(1), ms(3))),
            ],
        ))
        .with(service("checkout").instances(2).workers(32).does(
            "POST /orders",
            [
                work(between(ms(1), ms(2))),
                together([
                    vec![patient(call("stock", "POST /reservations")).into()],
                    vec![patient(call("payment", "POST /charges")).into()],
                ]),
                query("postgresql", "orders-db", "INSERT orders", around(ms(3))),
                send("orders"),
            ],
        ))
        .with(
            service("payment")
                .instances(2)
                .does("POST /charges", [work(between(ms(8), ms(20)))]),
        )
        .with(service("stock").instances(2).does(
            "POST /reservations",
            [
                query("postgresql", "stock-db", "UPDATE stock", around(ms(3))),
                work(ms(1)),
            ],
        ))
        .with(service("mailer").takes("orders", [work(between(ms(5), ms(9)))]))
}

/// The shop on a good day.
pub(crate) fn healthy(seed: u64) -> System {
    shop(seed)
        .users("gateway", "GET /products", 12.0, 0..secs(40))
        .users("gateway", "POST /checkout", 8.0, 0..secs(40))
        .health_checks(secs(5))
}

/// The shop when a service is gone all day.
pub(crate) fn without(seed: u64, service: &'static str) -> System {
    healthy(seed).when(0..secs(1000), Place::Service(service), Effect::Dead)
}
