//! Compares two sides: what was added and removed, what is slower or fails more, and where that comes from.
//!
//! A [`Side`] is what is known of one of them, whatever it was read from. Every number is compared on its own, by a test that
//! takes spans of one trace for one observation; Benjamini and Hochberg's correction over all of them keeps the share of false
//! alarms among the changes reported. What one side does not hold is not compared, and [`Diff::untold`] says so.
//!
//! In reading order:
//!
//! - [`side`] - what is known of one side
//! - [`numbers`] - one number of both sides
//! - [`edges`] - what changed at edges
//! - [`operations`] - the same by operation
//! - [`entries`] - what changed at entry points, and the parts of it
//! - [`estimate`] - the same from sums of durations, where critical paths are not known
//! - [`presence`] - what only one side has
//! - [`causes`] - what the changes come from, ranked and in words
//! - [`focus`] - one service out of all
//!
//! Left out on purpose: metrics of the graph, which `topple check` holds against a baseline; changes inside one side.

pub mod side;

mod numbers;

mod edges;

mod operations;

mod entries;

mod estimate;

mod presence;

mod causes;

pub mod focus;

#[cfg(test)]
mod tests;

use crate::algo::stats::benjamini_hochberg;
use crate::compare::numbers::Judging;
use crate::compare::side::Side;
use crate::policy::Evidence;
use crate::policy::facts::differing;
use crate::report::diff::{Change, Diff, Holds, VersionChange};
use crate::text;

/// Returns what changed from the base to the head.
pub fn compare(base: &Side, head: &Side, evidence: &Evidence) -> Diff {
    let judging = Judging {
        confidence: evidence.confidence.get(),
        least: evidence.min_calls as f64,
    };
    let mut diff = Diff {
        base: base.row.clone(),
        head: head.row.clone(),
        confidence: judging.confidence,
        presence: presence::presence(base, head, judging),
        as_many: presence::as_many(base, head),
        versions: versions(base, head),
        ..Diff::default()
    };
    let mut alone = operations::Alone::new();
    let poorest = base.row.holds.max(head.row.holds);
    if poorest < Holds::Lock {
        diff.edges = edges::edges(base, head, judging);
        (diff.operations, alone) = operations::operations(base, head, judging);
        diff.entries = entries::entries(base, head, judging);
    }
    let mut estimates = match entries::are_parted(base, head) {
        true => Vec::new(),
        false => estimate::parts(base, head, judging),
    };
    let mut changes = changes(&mut diff);
    changes.extend(estimates.iter_mut().map(|part| &mut part.time_ns));
    (diff.tested, diff.differing) = correct(changes, 1.0 - judging.confidence);
    operations::adopt(&mut diff, &alone);
    diff.causes = causes::causes(&diff, &estimates, base, head);
    diff.untold = untold(&diff, judging);
    diff.untold.extend(otherwise(base, head));
    if poorest == Holds::Traces && (base.asked.is_none() || head.asked.is_none()) {
        diff.untold.push(
            "operations of edges were not compared one by one: a topology was folded by a version that did not tell them apart"
                .to_owned(),
        );
    }
    diff
}

/// Returns the services that run other versions, where both sides name them.
fn versions(base: &Side, head: &Side) -> Vec<VersionChange> {
    let common = base.versions.iter().filter_map(|(service, before)| {
        let now = head.versions.get(service)?;
        (before != now).then(|| VersionChange {
            service: service.clone(),
            base: before.clone(),
            head: now.clone(),
        })
    });
    common.collect()
}

/// Returns every number that was compared.
fn changes(diff: &mut Diff) -> Vec<&mut Change> {
    let mut changes: Vec<&mut Change> = Vec::new();
    for entry in &mut diff.entries {
        changes.extend(&mut entry.duration_ns);
        changes.extend(&mut entry.failed);
        changes.extend(entry.parts.iter_mut().map(|part| &mut part.time_ns));
        changes.extend(entry.origins.iter_mut().map(|origin| &mut origin.share));
    }
    for edge in &mut diff.edges {
        changes.extend(&mut edge.client_ns);
        changes.extend(&mut edge.server_ns);
        changes.extend(&mut edge.network_ns);
        changes.extend(&mut edge.queue_ns);
        changes.extend(&mut edge.error_ratio);
        changes.extend(&mut edge.attempts_per_call);
    }
    for of in &mut diff.operations {
        changes.extend(&mut of.client_ns);
        changes.extend(&mut of.server_ns);
        changes.extend(&mut of.network_ns);
        changes.extend(&mut of.error_ratio);
        changes.extend(&mut of.repeated_ratio);
        changes.extend(&mut of.failed);
        changes.extend(&mut of.own_ns);
        changes.extend(&mut of.way_ns);
    }
    changes
}

/// Adjusts the chances for all comparisons; returns how many there are, and how many of them differ.
fn correct(changes: Vec<&mut Change>, false_alarms: f64) -> (u64, u64) {
    let chances: Vec<f64> = changes.iter().map(|change| change.p).collect();
    let tested = chances.len() as u64;
    let mut differing = 0;
    for (change, q) in changes.into_iter().zip(benjamini_hochberg(&chances)) {
        change.q = q;
        change.differs = change.matters && q <= false_alarms;
        differing += u64::from(change.differs);
    }
    (tested, differing)
}

/// Says what the policy said of one side and not of the other.
fn otherwise(base: &Side, head: &Side) -> Vec<String> {
    let stale = |name: &str, side: &Side| Some(format!("{name}: {}", side.stale.as_ref()?));
    let mut said: Vec<String> = stale("BASE", base).into_iter().collect();
    said.extend(stale("HEAD", head));
    if let (Some(before), Some(now)) = (&base.declared, &head.declared) {
        let names: Vec<&str> = differing(before, now).into_iter().collect();
        if !names.is_empty() {
            said.push(format!(
                "the policy said something else of {} when one side was written: what rests on that may differ for no other reason",
                names.join(" and ")
            ));
        }
    }
    said
}

/// Says what was not compared.
fn untold(diff: &Diff, judging: Judging) -> Vec<String> {
    let mut untold = Vec::new();
    let sides = [("BASE", &diff.base), ("HEAD", &diff.head)];
    for (side, row) in sides {
        match row.holds {
            Holds::Traces => {}
            Holds::Report => untold.push(format!(
                "{side} is a JSON report, which holds quantiles and no distributions: intervals of times are wider than they need be, \
                 and what changes come from is estimated from sums of durations"
            )),
            Holds::Lock => untold.push(format!(
                "latency, errors, retries and entry points were not compared: {side} is a lock, which holds no numbers"
            )),
        }
    }
    if diff.base.holds.max(diff.head.holds) == Holds::Lock {
        return untold;
    }
    let is_parted = diff.entries.iter().any(|entry| entry.short_ns.is_some());
    if diff.base.holds.max(diff.head.holds) == Holds::Traces
        && !is_parted
        && !diff.entries.is_empty()
    {
        untold.push(
            "a topology was folded by a version that kept no critical paths, or not all of them: what changes come from is estimated from \
             sums of durations"
                .to_owned(),
        );
    }
    let thin = diff
        .edges
        .iter()
        .filter(|edge| edge.changes().next().is_none());
    let thin = thin.count() as u64;
    let least = text::count(judging.least as u64);
    if thin > 0 {
        untold.push(format!(
            "{} not compared: fewer than {least} calls on a side, or in too few traces",
            were(thin, "edge")
        ));
    }
    let thin = diff.entries.iter().filter(|entry| entry.failed.is_none());
    let thin = thin.count() as u64;
    if thin > 0 {
        untold.push(format!(
            "{} not compared: fewer than {least} requests on a side",
            were(thin, "entry point")
        ));
    }
    untold
}

fn were(n: u64, noun: &str) -> String {
    let verb = if n == 1 { "was" } else { "were" };
    format!("{} {verb}", text::plural(n, noun))
}
