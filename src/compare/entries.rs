//! What changed at the entry points that both sides have: durations and failures, and the places they come from.
//!
//! Where both sides know critical paths, the mean time of a request is shared out among places, and so is its change.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::differences::Sample;
use crate::compare::numbers::{Judging, Share};
use crate::compare::side::{EntryId, EntrySide, Side};
use crate::pass::spent::{EntrySpent, Place, Spent};
use crate::report::diff::{Change, EntryChange, OriginChange, PartChange};

/// A place that has less than this share of the requests' time on both sides is not compared.
const LEAST_PART: f64 = 0.01;

/// Fewest spans of a place on the side that has more of them.
const LEAST_SPANS: f64 = 5.0;

/// Returns whether both sides know where the time of requests goes.
pub(super) fn are_parted(base: &Side, head: &Side) -> bool {
    base.spent.is_some() && head.spent.is_some()
}

/// Returns the changes of entry points, the busiest of the head first.
pub(super) fn entries(base: &Side, head: &Side, judging: Judging) -> Vec<EntryChange> {
    let common = base
        .entries
        .iter()
        .filter_map(|(id, before)| Some((id, before, head.entries.get(id)?)));
    let mut entries: Vec<EntryChange> = common
        .map(|(id, before, now)| entry(base, head, id, [before, now], judging))
        .collect();
    entries.sort_by(|a, b| {
        b.requests.1.total_cmp(&a.requests.1).then_with(|| {
            (&a.service, &a.operation, a.kind).cmp(&(&b.service, &b.operation, b.kind))
        })
    });
    entries
}

fn entry(
    base: &Side,
    head: &Side,
    id: &EntryId,
    [before, now]: [&EntrySide; 2],
    judging: Judging,
) -> EntryChange {
    let (service, operation, kind) = id;
    let key = (service.clone(), operation.clone());
    let spent = |side: &'_ Side| {
        side.spent
            .as_ref()
            .and_then(|spent| spent.get(&key))
            .cloned()
    };
    let parted = spent(base).zip(spent(head));
    let [before_times, now_times] = [before, now].map(|of| of.times.as_ref());
    let ratio = |of: &EntrySide| {
        let value = if of.requests > 0.0 {
            of.failed / of.requests
        } else {
            0.0
        };
        share(value, of)
    };
    let seen = [before.seen, now.seen];
    EntryChange {
        service: service.clone(),
        operation: operation.clone(),
        kind,
        requests: (before.requests, now.requests),
        duration_ns: judging.times(before_times, now_times),
        p50_ns: judging.shift(before_times, now_times, 0),
        p99_ns: judging.shift(before_times, now_times, 1),
        failed: judging.shares(ratio(before), ratio(now)),
        parts: parted
            .as_ref()
            .map(|(before, now)| parts(before, now, seen, judging))
            .unwrap_or_default(),
        short_ns: parted
            .as_ref()
            .map(|(before, now)| (before.short, now.short)),
        origins: origins(base, head, id, [before, now], judging),
    }
}

/// Returns a share of the requests of an entry point.
fn share(value: f64, of: &EntrySide) -> Share {
    Share {
        value,
        count: of.seen,
        independent: of.seen,
    }
}

/// Returns the changes of the places that have a part of the time worth a comparison; all of them if any has.
fn parts(
    before: &EntrySpent,
    now: &EntrySpent,
    seen: [f64; 2],
    judging: Judging,
) -> Vec<PartChange> {
    let places: BTreeSet<&Place> = before.places.keys().chain(now.places.keys()).collect();
    let nothing = Spent::default();
    let parts = places.into_iter().filter_map(|place| {
        let [one, other] = [before, now].map(|entry| entry.places.get(place).unwrap_or(&nothing));
        let is_large = |spent: &Spent, entry: &EntrySpent| spent.mean >= LEAST_PART * entry.mean;
        let is_seen = one.spans.max(other.spans) >= LEAST_SPANS;
        if !is_seen || !(is_large(one, before) || is_large(other, now)) {
            return None;
        }
        let sample = |spent: &Spent, entry: &EntrySpent, seen: f64| Sample {
            // A sampled request stands for several, and is one observation.
            n: entry.requests.min(seen),
            mean: spent.mean,
            variance: spent.variance,
        };
        let time_ns = judging.means(
            sample(one, before, seen[0]),
            sample(other, now, seen[1]),
            LEAST_PART * before.mean.min(now.mean),
        )?;
        let each = |spent: &Spent, entry: &EntrySpent| spent.spans / entry.requests.max(1.0);
        Some(PartChange {
            place: place.clone(),
            operation: most_changed(one, other),
            spans: (each(one, before), each(other, now)),
            time_ns,
        })
    });
    parts.collect()
}

/// Returns the operation whose time changed most; the first of several.
fn most_changed(before: &Spent, now: &Spent) -> String {
    let names: BTreeSet<&String> = before
        .operations
        .keys()
        .chain(now.operations.keys())
        .collect();
    let change = |name: &String| {
        let of = |spent: &Spent| spent.operations.get(name).copied().unwrap_or(0.0);
        (of(now) - of(before)).abs()
    };
    let mut most: Option<(&String, f64)> = None;
    for name in names {
        if most.is_none_or(|(_, known)| change(name) > known) {
            most = Some((name, change(name)));
        }
    }
    most.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// Returns the changes of the shares of requests that failed from somewhere.
fn origins(
    base: &Side,
    head: &Side,
    id: &EntryId,
    [before, now]: [&EntrySide; 2],
    judging: Judging,
) -> Vec<OriginChange> {
    let (Some(failed_before), Some(failed_now)) = (&base.failures, &head.failures) else {
        return Vec::new();
    };
    let keys = failed_before.keys().chain(failed_now.keys());
    let services: BTreeSet<&String> = keys
        .filter(|(entry, _)| entry == id)
        .map(|(_, origin)| origin)
        .collect();
    let from = |failed: &BTreeMap<(EntryId, String), f64>, service: &String, of: &EntrySide| {
        let failed = failed.get(&(id.clone(), service.clone()));
        let value = failed.copied().unwrap_or(0.0) / of.requests.max(1.0);
        share(value.min(1.0), of)
    };
    services
        .into_iter()
        .filter_map(|service| {
            let share: Change = judging.shares(
                from(failed_before, service, before),
                from(failed_now, service, now),
            )?;
            Some(OriginChange {
                service: service.clone(),
                share,
            })
        })
        .collect()
}
