//! What would help most: single changes, each tried in the changed world with the same random numbers.

use std::collections::BTreeSet;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::simulate::chances::reached;
use crate::simulate::durations::Dice;
use crate::simulate::links::Link;
use crate::simulate::outcome::{Help, Range};
use crate::simulate::run::{Model, Outcome};
use crate::simulate::setting::{Setting, World};
use crate::text;

/// Edges of which each kind of change is tried.
const TRIED: usize = 20;

/// Draws for each try.
const RUNS: usize = 500;

/// Changes told.
const TOLD: usize = 3;

/// Shares of requests and of attempts from here on are worth a word.
const WORTH: f64 = 0.000_5;
const WORTH_ATTEMPTS: f64 = 0.01;

/// A p99 that gets shorter by this share is worth a word.
const WORTH_TIME: f64 = 0.05;

/// Returns the changes that would help, the best first, and how many were tried.
pub(super) fn helps(
    model: &Model<'_, '_>,
    now: &World,
    outcome: &Outcome,
    dice: Dice,
) -> (Vec<Help>, u64) {
    let dice = Dice {
        runs: dice.runs.min(RUNS),
        ..dice
    };
    let candidates = candidates(model, now, outcome);
    let tried = candidates.len() as u64;
    if candidates.is_empty() {
        return (Vec::new(), 0);
    }
    let plain = model.run(now, dice);
    let mut found: Vec<Help> = candidates
        .into_par_iter()
        .filter_map(|(aim, text, world)| {
            let mut help = gain(
                model,
                (now, &plain),
                (&world, &model.run(&world, dice)),
                text,
            );
            help.faster = help.faster.filter(|_| aim == Aim::Time);
            let is_worth_it = help.saved.high >= WORTH
                || match aim {
                    Aim::Requests => false,
                    Aim::Attempts => help.saved.low > -WORTH && help.spared >= WORTH_ATTEMPTS,
                    Aim::Time => help.saved.low > -WORTH && help.faster.is_some(),
                };
            is_worth_it.then_some(help)
        })
        .collect();
    // Differences that nobody sees make no order.
    let seen = |share: f64| (share / WORTH).round();
    found.sort_by(|a, b| {
        let saved = |help: &Help| seen(help.saved.low + help.saved.high);
        let time = |help: &Help| help.faster.as_ref().map_or(0, |(ns, _)| *ns);
        saved(b)
            .total_cmp(&saved(a))
            .then_with(|| seen(b.spared).total_cmp(&seen(a.spared)))
            .then_with(|| time(b).cmp(&time(a)))
            .then_with(|| a.text.cmp(&b.text))
    });
    found.truncate(TOLD);
    (found, tried)
}

/// What a change is made for, beside saving requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Requests,
    Attempts,
    Time,
}

/// A change to try: what it is made for, what it is, and the world with it.
type Candidate = (Aim, String, World);

fn candidates(model: &Model<'_, '_>, now: &World, outcome: &Outcome) -> Vec<Candidate> {
    let plan = &model.plan;
    let reached = reached(plan, &model.seen, now);
    // Who is full is so by everybody's calls.
    let is_full = outcome
        .bounds
        .iter()
        .any(|bound| bound.fullness.values().any(|of| of.turned_away > 0.0));
    let in_play: BTreeSet<usize> = (plan.places.iter().zip(&reached))
        .filter(|(_, is)| is_full || **is)
        .map(|(place, _)| place.link as usize)
        .filter(|&link| plan.links[link].is_waited_for() && plan.links[link].callee().is_some())
        .collect();
    let name = |link: &Link| -> String {
        let of = |node: Option<u32>| node.map_or("?", |node| model.graph.name(node));
        format!("{} -> {}", of(link.caller()), of(link.callee()))
    };
    let mut found: Vec<Candidate> = Vec::new();
    let mut add = |aim: Aim, text: String, links: &[usize], f: &dyn Fn(&mut Setting)| {
        let mut world = now.clone();
        for &link in links {
            f(&mut world.settings[link]);
        }
        found.push((aim, text, world));
    };
    // Fallbacks where most requests are at risk.
    let at_risk = |link: usize| {
        let risks = outcome
            .bounds
            .iter()
            .map(|bound| bound.after.links[link].at_risk);
        risks.fold(0.0, f64::max)
    };
    let mut risky: Vec<usize> = in_play
        .iter()
        .copied()
        .filter(|&link| at_risk(link) > 0.0)
        .collect();
    risky.sort_by(|&a, &b| at_risk(b).total_cmp(&at_risk(a)).then(a.cmp(&b)));
    for &link in risky.iter().take(TRIED) {
        let text = format!("a fallback for {}", name(&plan.links[link]));
        add(Aim::Requests, text, &[link], &|of| of.passes = [0.0, 0.0]);
    }
    // Fewer attempts, on one edge and on all of a caller.
    let attempts = |link: usize| outcome.bounds[1].after.links[link].attempts;
    let repeats = in_play
        .iter()
        .copied()
        .filter(|&link| now.settings[link].attempts > 1);
    let mut repeated: Vec<usize> = repeats.collect();
    repeated.sort_by(|&a, &b| attempts(b).total_cmp(&attempts(a)).then(a.cmp(&b)));
    for &link in repeated.iter().take(TRIED) {
        let text = format!("no retries of {}", name(&plan.links[link]));
        add(Aim::Attempts, text, &[link], &|of| of.attempts = 1);
    }
    let callers: BTreeSet<u32> = repeated
        .iter()
        .filter_map(|&link| plan.links[link].caller())
        .collect();
    for caller in callers.into_iter().take(TRIED) {
        let of_caller = |link: &&usize| plan.links[**link].caller() == Some(caller);
        let layer: Vec<usize> = repeated.iter().filter(of_caller).copied().collect();
        if layer.len() > 1 {
            let text = format!("no retries by {}", model.graph.name(caller));
            add(Aim::Attempts, text, &layer, &|of| of.attempts = 1);
        }
    }
    // Timeouts where calls may take longer than they did.
    let endless = in_play.iter().copied().filter(|&link| {
        let is_unlimited =
            now.settings[link].timeout.is_none() && !plan.links[link].client.is_empty();
        is_unlimited && outcome.drawn
    });
    let mut endless: Vec<usize> = endless.collect();
    endless.sort_by(|&a, &b| attempts(b).total_cmp(&attempts(a)).then(a.cmp(&b)));
    for &link in endless.iter().take(TRIED) {
        let limit = round_up(plan.links[link].client.at(0.99));
        let text = format!(
            "a timeout of {} for {}",
            text::duration(limit),
            name(&plan.links[link])
        );
        add(Aim::Time, text, &[link], &|of| of.timeout = Some(limit));
    }
    found
}

/// Returns the next duration with two digits.
fn round_up(ns: u64) -> u64 {
    let mut unit = 1;
    while ns / unit >= 100 {
        unit *= 10;
    }
    ns.div_ceil(unit).max(1).saturating_mul(unit)
}

fn gain(
    model: &Model<'_, '_>,
    (now, plain): (&World, &Outcome),
    (world, helped): (&World, &Outcome),
    text: String,
) -> Help {
    let (before, after) = (model.shares(now, plain), model.shares(world, helped));
    let all = |outcome: &Outcome| {
        let links = &outcome.bounds[1].after.links;
        links.iter().map(|of| of.attempts).sum::<f64>()
    };
    let (made, left) = (all(plain), all(helped));
    let p99 = |outcome: &Outcome, entry: usize| -> Option<u64> {
        let durations = outcome.bounds[1].times.get(entry)?.drawn();
        durations.map(|of| of.after[(of.after.len() * 99).div_ceil(100) - 1])
    };
    let gained = (0..model.plan.entries.len()).filter_map(|at| {
        let (then, now) = (p99(plain, at)?, p99(helped, at)?);
        let less = then.checked_sub(now)?;
        (less as f64 >= WORTH_TIME * then as f64 && less > 0).then_some((less, at))
    });
    let most = gained.max_by_key(|&(less, at)| (less, std::cmp::Reverse(at)));
    Help {
        text,
        saved: Range::of([after[0] - before[0], after[1] - before[1]]),
        spared: if made > 0.0 {
            (made - left) / made
        } else {
            0.0
        },
        faster: most.map(|(less, at)| {
            let entry = &model.plan.entries[at];
            let service = &model.graph.system.vertices[entry.service].name;
            (less, format!("{service} {}", entry.operation))
        }),
    }
}
