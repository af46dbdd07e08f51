//! Calls that leave their cell, and tenants that share their instances, are those that did.

use std::collections::BTreeSet;

use crate::simulator::scenarios;
use crate::support::{findings, metric, report};

#[test]
fn calls_that_leave_their_cell_are_counted() {
    let run = scenarios::crossed_cells(1).run();
    let report = report(&run);
    let crossed = run.truth.crossings[&("cart", "prices")];
    assert!(crossed > 10);
    assert_eq!(metric(&report, "cross_cell_calls"), crossed as f64);
    let calls = run.truth.edges[&("cart", "prices")].attempts;
    let isolation = 1.0 - crossed as f64 / calls as f64;
    assert!((metric(&report, "cell_isolation") - isolation).abs() < 1e-12);
    assert_eq!(metric(&report, "shared_between_cells"), 0.0);
}

#[test]
fn the_poison_radius_is_that_of_the_shards_used() {
    let run = scenarios::shuffle_shards(2).run();
    let report = report(&run);
    let shards = run.truth.shards.iter();
    let shards: Vec<&BTreeSet<String>> = shards
        .filter(|((service, _), _)| *service == "data")
        .map(|(_, shard)| shard)
        .collect();
    assert!(shards.len() == 20 && shards.iter().all(|shard| shard.len() == 2));
    let lost = |shard: &BTreeSet<String>| shards.iter().filter(|it| it.is_subset(shard)).count();
    let most = shards.iter().map(|shard| lost(shard)).max().unwrap();
    assert_eq!(metric(&report, "poison_radius"), most as f64 / 20.0);
    assert_eq!(findings(&report, "shuffle-sharding").len(), 1);
}
