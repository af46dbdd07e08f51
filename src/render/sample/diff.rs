//! A comparison with something everywhere.

use crate::report::Report;
use crate::report::diff::{
    AsMany, Cause, Change, Diff, EdgeChange, Effect, EntryChange, Holds, OperationChange,
    OriginChange, PartChange, Place, Presence, Shift, SideRow, State, Thing, VersionChange,
};

/// Returns a comparison in which everything has the same name.
pub(in crate::render) fn compared(name: &str) -> Report {
    let name = || name.to_owned();
    let change = Change {
        base: 20e6,
        head: 70e6,
        low: 45e6,
        high: 55e6,
        differs: true,
        matters: true,
        ..Change::default()
    };
    let share = Change {
        base: 0.01,
        head: 0.2,
        low: 0.1,
        high: 0.25,
        ..change
    };
    let place = Place::Between(name(), name());
    let only = |what, state| Presence {
        what,
        state,
        seen: Some(12.0),
        expected: Some(1.25),
        p_unseen: Some(0.287),
    };
    let diff = Diff {
        base: SideRow {
            name: name(),
            holds: Holds::Report,
            traces: 5,
            requests: 5.0,
            is_empty: false,
        },
        confidence: 0.95,
        tested: 12,
        differing: 3,
        causes: [Effect::Slower, Effect::Failing]
            .map(|effect| Cause {
                effect,
                place: place.clone(),
                entry: Some((name(), name())),
                entries: 1,
                change: 50e6,
                interval: (45e6, 55e6),
                of: Some(52e6),
                sure: true,
                estimated: false,
                text: name(),
            })
            .to_vec(),
        entries: vec![EntryChange {
            service: name(),
            operation: name(),
            kind: "request",
            requests: (100.0, 110.0),
            duration_ns: Some(change),
            p99_ns: Some(Shift {
                base: 1,
                head: u64::MAX,
                interval: None,
            }),
            failed: Some(share),
            parts: vec![PartChange {
                place: place.clone(),
                operation: name(),
                spans: (1.0, 2.0),
                time_ns: change,
            }],
            short_ns: Some((0.0, 1.0)),
            origins: vec![OriginChange {
                service: name(),
                share,
            }],
            ..EntryChange::default()
        }],
        edges: vec![EdgeChange {
            from: name(),
            to: name(),
            protocol: "http",
            sync: true,
            calls: (1e12, 1e12),
            client_ns: Some(change),
            network_ns: Some(change),
            error_ratio: Some(share),
            attempts_per_call: Some(Change {
                base: 1.0,
                head: 2.5,
                ..change
            }),
            ..EdgeChange::default()
        }],
        operations: vec![
            OperationChange {
                from: Some(name()),
                to: name(),
                operation: name(),
                attempts: Some((1e12, 1e12)),
                client_ns: Some(change),
                server_ns: Some(change),
                network_ns: Some(change),
                error_ratio: Some(share),
                repeated_ratio: Some(share),
                requests: Some((1e12, 1e12)),
                p99_ns: Some(Shift {
                    base: 1,
                    head: u64::MAX,
                    interval: None,
                }),
                failed: Some(share),
                own_ns: Some(change),
                way_ns: Some(change),
                ..OperationChange::default()
            },
            OperationChange {
                to: name(),
                operation: name(),
                own_ns: Some(change),
                ..OperationChange::default()
            },
        ],
        as_many: Some(AsMany {
            traces: 5,
            base: 7.0,
            head: 6.25,
        }),
        presence: vec![
            only(Thing::Service(name()), State::Added),
            only(Thing::Edge(name(), name(), "http", true), State::NotSeenNow),
            only(Thing::Entry(name(), name(), "request"), State::Removed),
        ],
        versions: vec![VersionChange {
            service: name(),
            base: vec![name()],
            head: vec![name(), name()],
        }],
        untold: vec![name()],
        ..Diff::default()
    };
    Report {
        diff: Some(diff),
        ..Report::default()
    }
}
