//! What if: changes to a system, played through on the requests that were seen.
//!
//! Every kept shape of a request is gone through in the world that was seen and in the changed one. How many requests succeed, and
//! how many attempts that takes, is computed without dice ([`exact`]); how long requests take, and what runs into its timeout, is
//! drawn ([`durations`]). What is not known is never guessed: edges of which nobody knows whether failures cross them are taken as
//! soft for the better end of every range and as hard for the worse one. What is taken for granted is part of the result
//! ([`told`]).
//!
//! Left out on purpose: what happens between requests, such as breakers, hedges, caches and pools, except how full
//! services get where the policy says how much they can take ([`load`]), and budgets of retries, which hold in the mean of the whole time
//! ([`run`]).

mod links;

mod plan;

mod ask;

mod setting;

mod exact;

mod chances;

mod durations;

mod load;

mod run;

mod help;

mod told;

mod outcome;

use std::collections::BTreeMap;

use crate::algo::stats::{Z_95, wilson};
use crate::error::Result;
use crate::fold::system::USERS_NAME;
use crate::model::dictionary::Weight;
use crate::pass::Graph;
use crate::simulate::durations::{Dice, Durations, Times};
use crate::simulate::exact::LinkFlow;
use crate::simulate::links::End;
use crate::simulate::run::{Model, Outcome};
use crate::simulate::setting::World;

pub use ask::{Change, Delay, Effect, Target, Verb};
pub use outcome::{
    Assumption, EdgeChange, EntryChange, Help, Latency, Range, ServiceChange, Simulation, Spread,
    Success,
};

/// Draws for each entry point unless told otherwise.
pub const DEFAULT_RUNS: u64 = 4_000;

/// Most draws for each entry point.
pub const MAX_RUNS: u64 = 1_000_000;

/// The seed unless told otherwise.
pub const DEFAULT_SEED: u64 = 1;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The changes, all at once.
    pub changes: Vec<Change>,
    /// Draws for each entry point; at least one.
    pub runs: u64,
    /// The seed of the draws.
    pub seed: u64,
}

/// Returns what changes do to a system, and what a reader should know before trusting that.
///
/// # Errors
/// Fails when a change names something that is not there.
pub fn simulate(graph: &Graph<'_>, question: &Question) -> Result<(Simulation, Vec<String>)> {
    let changes = question.changes.iter().map(|of| of.text.clone()).collect();
    if graph.traffic().requests == 0 {
        let nothing = Simulation {
            changes,
            missing: graph.traffic().missing,
            ..Simulation::default()
        };
        return Ok((nothing, Vec::new()));
    }
    let model = Model::of(graph);
    let mut now = model.seen.clone();
    let mut notes = Vec::new();
    for change in &question.changes {
        notes.extend(now.apply(graph, &model.plan, change)?);
    }
    let dice = Dice {
        runs: usize::try_from(question.runs).unwrap_or(usize::MAX).max(1),
        seed: question.seed,
    };
    let outcome = model.run(&now, dice);
    let (helps, tried) = help::helps(&model, &now, &outcome, dice);
    let simulation = Simulation {
        changes,
        runs: dice.runs as u64,
        seed: dice.seed,
        drawn: outcome.drawn,
        requests: graph.traffic().requests,
        missing: graph.traffic().missing,
        all: all(&model, &now, &outcome, dice),
        entries: entries(&model, &now, &outcome, dice),
        services: services(&model, &outcome),
        edges: edges(&model, &outcome),
        assumptions: told::assumptions(&model, &now, &outcome),
        untold: told::untold(&model, &now),
        helps,
        tried,
    };
    Ok((simulation, notes))
}

/// Returns a share before and after, with the interval that so many requests and draws allow.
fn success(before: f64, after: [f64; 2], requests: u64, dice: Option<Dice>) -> Success {
    let after = Range::of(after);
    let n = requests as f64;
    let n = dice
        .map_or(n, |dice| 1.0 / (1.0 / n + 1.0 / dice.runs as f64))
        .round();
    let bound = |share: f64| wilson(((share * n).round() as u64).min(n as u64), n as u64);
    Success {
        before,
        after,
        interval: Range {
            low: bound(after.low).low.min(after.low),
            high: bound(after.high).high.max(after.high),
        },
    }
}

fn all(model: &Model<'_, '_>, now: &World, outcome: &Outcome, dice: Dice) -> Success {
    let before = model.share(now, |at| model.plan.entries[at].observed);
    let requests = model.plan.effective();
    let after = model.shares(now, outcome);
    success(before, after, requests, outcome.drawn.then_some(dice))
}

fn entries(model: &Model<'_, '_>, now: &World, outcome: &Outcome, dice: Dice) -> Vec<EntryChange> {
    let plan = &model.plan;
    let mut entries: Vec<EntryChange> = Vec::new();
    for (at, entry) in plan.entries.iter().enumerate() {
        let after = [0, 1].map(|bound| outcome.bounds[bound].succeeded[at]);
        let times: Vec<&Times> = outcome
            .bounds
            .iter()
            .filter_map(|of| of.times.get(at))
            .collect();
        let durations: Vec<&Durations> = times.iter().filter_map(|of| of.drawn()).collect();
        let sketch = &entry.duration;
        let spread = |q: f64| {
            sketch.quantile(q).map(|value| Spread {
                low: value,
                value,
                high: value,
            })
        };
        let seen = spread(0.5).zip(spread(0.95)).zip(spread(0.99));
        let seen = seen.map(|((p50, p95), p99)| Latency { p50, p95, p99 });
        let latency = |of: fn(&Durations) -> &[u64]| {
            let sides: Vec<&[u64]> = durations.iter().map(|durations| of(durations)).collect();
            latency(&sides, entry.requests)
        };
        let some_succeed = after.iter().any(|share| *share > 0.0);
        let is_same = times.iter().any(|of| matches!(of, Times::Same));
        let (before, after_latency) = match outcome.drawn && !is_same {
            false => (seen, seen.filter(|_| some_succeed)),
            true => (latency(|of| &of.before).or(seen), latency(|of| &of.after)),
        };
        entries.push(EntryChange {
            service: model.graph.system.vertices[entry.service].name.clone(),
            operation: entry.operation.clone(),
            kind: entry.kind.name(),
            requests: entry.weight,
            weight: Some(entry.counts).filter(|counts| *counts != 1.0),
            load: now.load[at],
            success: success(
                entry.observed,
                after,
                entry.effective,
                outcome.drawn.then_some(dice),
            ),
            before,
            after: after_latency,
        });
    }
    let lost = |of: &EntryChange| {
        of.success.lost().high * of.requests * of.weight.unwrap_or(1.0) * of.load
    };
    entries.sort_by(|a, b| {
        lost(b)
            .total_cmp(&lost(a))
            .then_with(|| b.requests.total_cmp(&a.requests))
            .then_with(|| {
                (&a.service, &a.operation, a.kind).cmp(&(&b.service, &b.operation, b.kind))
            })
    });
    entries
}

/// Returns the quantiles of durations, drawn on each side of what is known.
fn latency(sides: &[&[u64]], requests: u64) -> Option<Latency> {
    let first = *sides.first()?;
    let n = (first.len() as u64).min(requests).max(1) as f64;
    let spread = |q: f64| {
        let margin = Z_95 * (q * (1.0 - q) / n).sqrt();
        let at = |of: &[u64], q: f64| {
            let rank = (q.clamp(0.0, 1.0) * of.len() as f64).ceil() as usize;
            of[rank.clamp(1, of.len()) - 1]
        };
        let ends = |q: f64| sides.iter().map(move |of| at(of, q));
        Spread {
            low: ends(q - margin).min().unwrap_or(0),
            value: ends(q).max().unwrap_or(0),
            high: ends(q + margin).max().unwrap_or(0),
        }
    };
    Some(Latency {
        p50: spread(0.5),
        p95: spread(0.95),
        p99: spread(0.99),
    })
}

/// Shares that differ by less than this are the same.
const SAME: f64 = 1e-9;

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Returns the share of calls that failed, and that fails now: what was seen, and by bound what is not
/// the same.
fn failures(sums: &[[LinkFlow; 2]; 2]) -> (f64, Range) {
    let share = |of: &LinkFlow| ratio(of.failed, of.calls);
    let before = share(&sums[0][0]);
    let after = [0, 1].map(|bound| {
        let [then, now] = &sums[bound];
        match (share(now) - share(then)).abs() <= SAME {
            true => before,
            false => share(now),
        }
    });
    (before, Range::of(after))
}

fn services(model: &Model<'_, '_>, outcome: &Outcome) -> Vec<ServiceChange> {
    let graph = model.graph;
    let seconds = load::window(graph);
    let mut attempts: BTreeMap<usize, u64> = BTreeMap::new();
    for arc in graph.system.arcs.iter().filter(|arc| !arc.direct) {
        let sum = attempts.entry(arc.to).or_default();
        *sum = sum.saturating_add(arc.edge.attempts);
    }
    let mut services: Vec<ServiceChange> = (0u32..)
        .take(graph.n_nodes())
        .map(|node| {
            let sums = [0, 1].map(|bound| {
                let of = &outcome.bounds[bound];
                [&of.before, &of.after].map(|flow| model.into(flow, node))
            });
            let arrived = attempts.get(&graph.vertices[node as usize]);
            let full = [0, 1].map(|bound| outcome.bounds[bound].fullness.get(&node));
            let (failed_before, failed_after) = failures(&sums);
            ServiceChange {
                service: graph.name(node).to_owned(),
                load: Range::of(sums.map(|[then, now]| match then.attempts > 0.0 {
                    true => now.attempts / then.attempts,
                    false => 1.0,
                })),
                rate_before: seconds.zip(arrived).map(|(s, &n)| Weight(n).value() / s),
                failed_before,
                failed_after,
                utilisation: match full {
                    [Some(low), Some(high)] => Some(Range::of([low.utilisation, high.utilisation])),
                    _ => None,
                },
            }
        })
        .filter(|of| {
            of.failed_after.high != of.failed_before
                || of.failed_after.low != of.failed_before
                || (of.load.high - 1.0).abs() > SAME
                || (of.load.low - 1.0).abs() > SAME
                || of.utilisation.is_some()
        })
        .collect();
    services.sort_by(|a, b| {
        let failed = |of: &ServiceChange| of.failed_after.high - of.failed_before;
        let load = |of: &ServiceChange| (of.load.high - 1.0).abs().max((of.load.low - 1.0).abs());
        failed(b)
            .total_cmp(&failed(a))
            .then_with(|| load(b).total_cmp(&load(a)))
            .then_with(|| a.service.cmp(&b.service))
    });
    services
}

fn edges(model: &Model<'_, '_>, outcome: &Outcome) -> Vec<EdgeChange> {
    let graph = model.graph;
    let mut edges: Vec<EdgeChange> = Vec::new();
    let waited_for = model.plan.links.iter().enumerate();
    for (at, link) in waited_for.filter(|(_, link)| link.ends.2) {
        let (End::Node(to), from) = (link.ends.1, link.ends.0) else {
            continue;
        };
        let name = match from {
            End::Users => USERS_NAME,
            End::Node(from) => graph.name(from),
            End::LeftOut => continue,
        };
        let sums = [0, 1].map(|bound| {
            let of = &outcome.bounds[bound];
            [of.before.links[at], of.after.links[at]]
        });
        let seen = match from {
            End::Node(from) => {
                let arcs = graph.arcs_between(from, to).iter();
                let attempts = arcs
                    .filter(|arc| arc.sync && !arc.direct)
                    .map(|arc| arc.edge.attempts);
                Weight(attempts.fold(0, u64::saturating_add)).value()
            }
            End::Users | End::LeftOut => sums[0][0].attempts,
        };
        let after = sums.map(|[then, now]| seen * ratio(now.attempts, then.attempts));
        let (failed_before, failed_after) = failures(&sums);
        let edge = EdgeChange {
            from: name.to_owned(),
            to: graph.name(to).to_owned(),
            attempts_before: seen,
            attempts_after: Range::of(after),
            per_call: Range::of(sums.map(|[_, now]| ratio(now.attempts, now.calls))),
            failed_before,
            failed_after,
        };
        let is_same = |one: f64, other: f64| (one - other).abs() <= SAME * one.abs().max(1.0);
        let same_calls = [edge.attempts_after.low, edge.attempts_after.high]
            .iter()
            .all(|&after| is_same(after, seen));
        let same_failures = [edge.failed_after.low, edge.failed_after.high]
            .iter()
            .all(|&after| is_same(after, edge.failed_before));
        if !(same_calls && same_failures) {
            edges.push(edge);
        }
    }
    edges.sort_by(|a, b| {
        let failed = |of: &EdgeChange| {
            (of.failed_after.high * of.attempts_after.high) - of.failed_before * of.attempts_before
        };
        let more = |of: &EdgeChange| (of.attempts_after.high - of.attempts_before).abs();
        failed(b)
            .total_cmp(&failed(a))
            .then_with(|| more(b).total_cmp(&more(a)))
            .then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
    });
    edges
}

#[cfg(test)]
mod tests;
