//! The simulator itself: stories go the way they are told, and the truth agrees with itself.

use topple::format::FORMATS;
use topple::input::Record;
use topple::trace::Intake;

use crate::simulator::program::{call, ms, secs};
use crate::simulator::scenarios;
use crate::simulator::system::Effect;
use crate::simulator::truth::Concurrency;

/// Returns how many spans topple reads of a run's text, all of them without a problem.
fn spans(json: &str) -> u64 {
    let otlp = FORMATS
        .iter()
        .find(|format| format.name == "otlp-json")
        .unwrap();
    let mut intake = Intake::new(None);
    Record::with_copy(json.as_bytes(), |record| (otlp.read)(record, &mut intake));
    assert!(intake.problems.is_empty());
    intake.spans_read
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let json = |seed| scenarios::healthy(seed).run().json();
    assert_eq!(json(1), json(1));
    assert_ne!(json(1), json(2));
    assert!(spans(&json(1)) > 5000);
}

#[test]
fn a_good_day_has_no_failures_and_no_waste() {
    let truth = scenarios::healthy(1).run().truth;
    for (pair, edge) in &truth.edges {
        assert_eq!(edge.calls, edge.attempts, "{pair:?}");
        assert_eq!(edge.failed_calls, 0, "{pair:?}");
        assert_eq!((edge.phantoms, edge.orphan_ns), (0, 0), "{pair:?}");
    }
    assert!(truth.entries.values().all(|entry| entry.failed == 0));
    assert!(truth.origins.is_empty());
}

#[test]
fn work_that_nobody_waits_for_is_orphaned() {
    let truth = scenarios::timeouts(2).run().truth;
    let edge = &truth.edges[&("shop", "payment")];
    // Exponential work with a mean of 40 ms goes on for another 40 ms after 60.
    let mean = edge.orphan_ns / edge.timeouts;
    assert!((30_000_000..50_000_000).contains(&mean), "{mean}");
    assert!(edge.outlasted_ns <= edge.orphan_ns);
    assert_eq!(edge.phantoms, edge.timeouts);
    assert!(edge.done_twice > 50 && edge.done_twice < edge.phantoms);
    assert_eq!(edge.most_attempts, 3);
}

#[test]
fn failures_have_an_origin() {
    let truth = scenarios::failing_instance(3).run().truth;
    let failed: u64 = truth.entries.values().map(|entry| entry.failed).sum();
    assert_eq!(truth.origins.keys().collect::<Vec<_>>(), ["catalog-1"]);
    assert_eq!(truth.origins["catalog-1"], failed);
    assert!(failed > 50);
}

#[test]
fn a_host_takes_everything_on_it_along() {
    let truth = scenarios::common_host(3).run().truth;
    assert_eq!(
        truth.origins.keys().collect::<Vec<_>>(),
        ["mail-1", "news-0"]
    );
    let failed = |service, operation| truth.entries[&(service, operation)].failed;
    assert_eq!(failed("mail", "GET /inbox"), truth.origins["mail-1"]);
    assert_eq!(failed("chat", "GET /rooms"), 0);
    assert_eq!(truth.afflicted["mail-1"], truth.afflicted["news-0"]);
    assert_eq!(truth.afflicted.len(), 2);
    assert!(truth.origins.values().all(|failed| *failed > 100));
}

#[test]
fn an_instance_that_loses_requests_is_well_whenever_asked() {
    let truth = scenarios::gray_instance(3).run().truth;
    assert_eq!(truth.afflicted["catalog-1"], [Effect::LoseRequests(0.33)]);
    assert_eq!(truth.afflicted.len(), 1);
    assert_eq!(truth.origins.keys().collect::<Vec<_>>(), ["catalog-1"]);
    let edge = &truth.edges[&("gateway", "catalog")];
    assert_eq!(
        (edge.failed_both, edge.failed_client_only),
        (0, edge.failed_calls)
    );
}

#[test]
fn clocks_are_ahead_and_gain() {
    let truth = scenarios::clock_offsets(3).run().truth;
    let ms = |(least, most): (i64, i64)| (least / 1_000_000, most / 1_000_000);
    let ahead = |of, host| ms(truth.ahead(of, host));
    assert_eq!(ahead("host-of-cart-0", "host-of-cart-1"), (900, 900));
    assert_eq!(ahead("host-of-cart-1", "host-of-checkout-0"), (-897, -897));
    // Twenty microseconds a second, for forty seconds.
    let (least, most) = truth.ahead("host-of-catalog-1", "host-of-catalog-2");
    assert!((780_000..820_000).contains(&(most - least)));
}

#[test]
fn a_request_is_lost_when_a_hard_dependency_is_dead() {
    let truth = scenarios::without(4, "ads").run().truth;
    let lost = truth.lost["ads"]
        .values()
        .map(|(_, lost)| lost)
        .sum::<u64>();
    assert_eq!(lost, 0);
    assert!(truth.soft.contains(&("gateway", "ads")));
    let truth = scenarios::without(4, "payment").run().truth;
    let lost = &truth.lost["payment"];
    let (checkouts, lost_checkouts) = lost[&("gateway", "POST /checkout")];
    assert_eq!(checkouts, lost_checkouts);
    assert_eq!(lost[&("gateway", "GET /products")].1, 0);
    assert!(truth.hard.contains(&("checkout", "payment")));
    let truth = scenarios::without(4, "gateway").run().truth;
    for entry in truth.entries.values() {
        assert_eq!(
            (entry.failed, entry.unseen),
            (entry.requests, entry.requests)
        );
    }
}

#[test]
fn retries_keep_an_overload_up() {
    let overloaded = scenarios::metastable(5).run().truth;
    let entry = overloaded.entries[&("front", "GET /quote")];
    // The burst lasts two seconds of thirty; without retries the queue is empty soon after.
    assert!(entry.failed * 2 > entry.requests, "{entry:?}");
    let once = scenarios::metastable(5).change("front", |front| {
        let quote = call("quotes", "GET /quotes").timeout(ms(200));
        front.does("GET /quote", [quote.into()])
    });
    let entry = once.run().truth.entries[&("front", "GET /quote")];
    assert!(entry.failed * 2 < entry.requests, "{entry:?}");
}

#[test]
fn calls_under_way_begin_after_others_end() {
    let calls = Concurrency::of(&[(0, 10), (2, 6), (4, 12), (6, 8), (12, 14)]);
    assert_eq!((calls.peak, calls.total_ns), (3, 26));
    // Ten pages a second wait for 220 ms each: two at a time on average.
    let truth = scenarios::cross_region(5).run().truth;
    let calls = truth.concurrency[&("page-0".to_owned(), "rows")];
    assert!((2..10).contains(&calls.peak), "{calls:?}");
}

#[test]
fn a_breaker_ends_the_waiting() {
    let waited = |has_breaker| {
        let run = scenarios::outage(6, has_breaker).run();
        run.truth.edges[&("pricing", "rates")]
            .client_ns
            .iter()
            .sum::<u64>()
    };
    assert!(waited(true) * 3 < waited(false));
}

#[test]
fn a_rollout_leaves_one_instance_behind() {
    let truth = scenarios::rollout(7).run().truth;
    let (_, old_until) = truth.versions[&("catalog", "1.0.0")];
    let (new_from, _) = truth.versions[&("catalog", "2.0.0")];
    assert!(new_from >= secs(15) && new_from < secs(16));
    assert!(old_until > secs(58), "the straggler works on");
    assert!(!truth.versions.contains_key(&("cart", "2.0.0")));
}

#[test]
fn steps_are_taken_back_in_part() {
    let truth = scenarios::saga(8).run().truth;
    let failed = truth.entries[&("trips", "POST /trips")].failed;
    let [undone, failing, forgotten] = truth.undone["POST /seats"];
    assert_eq!([undone, failing, forgotten], [failed, 0, 0]);
    let [undone, failing, forgotten] = truth.undone["POST /rooms"];
    assert_eq!(undone + failing + forgotten, failed);
    assert!(undone > forgotten && forgotten > failing && failing > 0);
}

#[test]
fn cells_shards_and_messages() {
    let truth = scenarios::crossed_cells(9).run().truth;
    let crossed = truth.crossings[&("cart", "prices")];
    // A tenth leaves its cell and half of these come back by chance.
    let calls = truth.edges[&("cart", "prices")].calls;
    assert!(
        crossed * 40 > calls && crossed * 10 < calls,
        "{crossed} of {calls}"
    );
    let truth = scenarios::shuffle_shards(9).run().truth;
    let mut shards = truth.shards.iter().filter(|((name, _), _)| *name == "data");
    assert!(shards.all(|(_, shard)| shard.len() == 2));
    let truth = scenarios::messages(9).run().truth;
    assert!(truth.messages_done_twice > 10);
    let truth = scenarios::n_plus_one(9).run().truth;
    assert_eq!(truth.loops.first(), Some(&("lists", "items-db")));
}
