use std::collections::BTreeSet;

use super::*;
use crate::fold::catalogue::{Node, NodeKind};
use crate::model::names::ABSENT;

const BINNED: Layout = Layout {
    parts: [Part::Node, Part::Text, Part::Unused, Part::Plain],
    bin: 10,
    limit: 20,
    group: 1,
};

const PLAIN: Layout = Layout {
    parts: [Part::Plain, Part::Unused, Part::Unused, Part::Unused],
    bin: 0,
    limit: 8,
    group: 0,
};

fn catalogue() -> Catalogue {
    let texts: Vec<Box<str>> = ["", "a", "b", "c", "d", "e"].map(Box::from).into();
    let nodes = (1..texts.len() as u32)
        .map(|name| Node {
            kind: NodeKind::Service,
            namespace: ABSENT,
            name,
            address: ABSENT,
        })
        .collect();
    Catalogue::new(texts, nodes)
}

fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = mix(*seed);
    *seed % below
}

type Content = (Vec<(Key, Record)>, Option<Record>, (u32, u32));

/// What a table holds, in words that can be compared.
fn content(table: &Table) -> Content {
    let rows = table.rows().into_iter();
    let rows = rows.map(|(key, record)| (*key, record.clone())).collect();
    (rows, table.other.clone(), table.bounds())
}

/// Adds what `seed` says to one table and, in pieces and another order, to several that are merged; both must agree.
fn check_any_split(layout: Layout, seed: u64) {
    let catalogue = catalogue();
    let mut seed = seed;
    let n = random(&mut seed, 200);
    let spread = 1 << random(&mut seed, 14);
    let events: Vec<([u32; 4], u64)> = (0..n)
        .map(|_| {
            let parts = layout.parts.map(|part| match part {
                Part::Unused => 0,
                Part::Node | Part::Text => random(&mut seed, 5) as u32,
                Part::Plain => random(&mut seed, 4 * spread.min(40)) as u32,
            });
            let number = if layout.bin == 0 {
                0
            } else {
                random(&mut seed, spread)
            };
            (parts, number)
        })
        .collect();
    let count = |event: &([u32; 4], u64), record: &mut Record| {
        record.add(0, 1);
        record.add(1, event.1);
        record.offer(event.1 + 1);
        record.sample(event.1);
    };
    let add = |table: &mut Table, event: &([u32; 4], u64)| {
        count(event, table.at(&catalogue, event.0, event.1));
    };
    let mut whole = Table::new(layout);
    for event in &events {
        add(&mut whole, event);
    }
    whole.settle(&catalogue);
    // The fewest doublings: with one less there are too many keys.
    let bins = |shift: u32| {
        let keys = events.iter();
        let keys = keys.map(|(parts, number)| (parts, (number / layout.bin) >> shift));
        keys.collect::<BTreeSet<_>>().len() as u64
    };
    if whole.shift > 0 {
        assert!(bins(whole.shift - 1) > layout.limit);
    } else if layout.bin > 0 && whole.halvings > 0 {
        panic!("keys were let go before bins were widened");
    }
    // Many at a time, beside what has no key.
    let mut many = Table::new(layout);
    let mut order: Vec<&([u32; 4], u64)> = events.iter().collect();
    if random(&mut seed, 2) == 0 {
        // Equal keys stand together.
        order.sort_unstable();
    }
    let mut some: Vec<Option<&([u32; 4], u64)>> = Vec::new();
    for event in order {
        some.push(Some(event));
        if random(&mut seed, 4) == 0 {
            some.push(None);
        }
    }
    for some in some.chunks(1 + random(&mut seed, 600) as usize) {
        let key = |event: &Option<&([u32; 4], u64)>| event.copied();
        many.for_each(&catalogue, some, key, |event, record| {
            count(event.expect("it has a key"), record);
        });
    }
    many.settle(&catalogue);
    assert_eq!(content(&whole), content(&many));
    let mut parts: Vec<Table> = (0..1 + random(&mut seed, 4))
        .map(|_| Table::new(layout))
        .collect();
    for event in events.iter().rev() {
        let at = random(&mut seed, parts.len() as u64) as usize;
        add(&mut parts[at], event);
    }
    for part in &mut parts {
        part.settle(&catalogue);
    }
    while parts.len() > 1 {
        let at = random(&mut seed, parts.len() as u64) as usize;
        let part = parts.swap_remove(at);
        let at = random(&mut seed, parts.len() as u64) as usize;
        parts[at].merge(&catalogue, part);
    }
    assert_eq!(content(&whole), content(&parts[0]));
    assert!(whole.records.len() as u64 <= layout.limit);
    let total: u64 = whole.rows().iter().map(|(_, record)| record.sums[0]).sum();
    assert_eq!(total + whole.other.map_or(0, |other| other.sums[0]), n);
}

#[test]
fn tables_are_the_same_however_they_were_split() {
    for seed in 0..400 {
        check_any_split(BINNED, seed);
        check_any_split(PLAIN, seed);
    }
}

#[test]
fn keys_come_by_their_parts_then_by_number() {
    let mut seed = 7;
    let mut key = || Key {
        parts: [0; 4].map(|_| random(&mut seed, 3) as u32 * (u32::MAX / 2)),
        number: random(&mut seed, 3) * (u64::MAX / 2),
    };
    for _ in 0..2_000 {
        let (one, other) = (key(), key());
        let expected = (one.parts, one.number).cmp(&(other.parts, other.number));
        assert_eq!(one.cmp(&other), expected);
        assert_eq!(one == other, expected.is_eq());
    }
}

#[test]
fn bins_widen_until_the_keys_fit() {
    let catalogue = catalogue();
    let mut table = Table::new(BINNED);
    for time in 0..1_000 {
        table.at(&catalogue, [1, 0, 0, 0], time).add(0, 1);
    }
    table.settle(&catalogue);
    // 100 bins of 10 become 13 of 80.
    assert_eq!((table.records.len(), table.width()), (13, 80));
    assert_eq!(
        table
            .get(&Key {
                parts: [1, 0, 0, 0],
                number: 12
            })
            .unwrap()
            .sums[0],
        40
    );
}

#[test]
fn keys_of_one_group_stay_or_go_together() {
    let layout = Layout { bin: 0, ..BINNED };
    let catalogue = catalogue();
    let mut table = Table::new(layout);
    for node in 1..=5 {
        for plain in 0..10 {
            table.at(&catalogue, [node, 0, 0, plain], 0).add(0, 1);
        }
    }
    table.settle(&catalogue);
    let kept: Vec<u32> = table.rows().iter().map(|(key, _)| key.parts[0]).collect();
    assert!(
        !kept.is_empty() && kept.len().is_multiple_of(10),
        "{kept:?}"
    );
    assert_eq!(table.other().unwrap().sums[0] as usize, 50 - kept.len());
}
