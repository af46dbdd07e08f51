//! One world against the one that was seen.

use std::collections::BTreeMap;

use crate::pass::Graph;
use crate::simulate::chances::{calibrated, takes_time};
use crate::simulate::durations::{Chanced, Dice, Times, Worlds, durations, sampled, timeless};
use crate::simulate::exact::{Calibrated, Chances, Flow, LinkFlow, flow};
use crate::simulate::links::Order;
use crate::simulate::load::{Capacity, Fullness, capacities};
use crate::simulate::plan::Plan;
use crate::simulate::setting::World;

/// Everything that worlds are compared by.
pub(super) struct Model<'a, 'g> {
    pub(super) graph: &'a Graph<'g>,
    pub(super) plan: Plan,
    pub(super) order: Order,
    pub(super) seen: World,
    pub(super) capacities: BTreeMap<u32, Capacity>,
    /// By bound.
    calibrated: [Calibrated; 2],
}

/// What comes of a world.
pub(super) struct Outcome {
    /// With failures passed on as little as may be, and as much.
    pub(super) bounds: [Bound; 2],
    /// Whether something was drawn.
    pub(super) drawn: bool,
}

/// What comes of a world if failures are passed on so much.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) before: Flow,
    pub(super) after: Flow,
    /// The share of requests that succeed, by entry point.
    pub(super) succeeded: Vec<f64>,
    /// How full services are.
    pub(super) fullness: BTreeMap<u32, Fullness>,
    /// What requests take, by entry point; of none if nothing was drawn.
    pub(super) times: Vec<Times>,
}

/// Grants as many retries as the budgets of links allow; returns whether that changes anything.
fn grant(world: &mut World, flow: &Flow) -> bool {
    let links = world.settings.iter_mut().zip(&flow.links);
    let links = links.filter(|(_, of)| of.calls > 0.0);
    links.fold(false, |moved, (setting, of)| {
        setting.grant(of.attempts / of.calls - 1.0) || moved
    })
}

impl<'a, 'g> Model<'a, 'g> {
    pub(super) fn of(graph: &'a Graph<'g>) -> Model<'a, 'g> {
        let plan = Plan::of(graph);
        let seen = World::seen(&plan);
        let calibrated = [0, 1].map(|bound| calibrated(&plan, &seen, bound));
        Model {
            graph,
            order: Order::of(graph),
            capacities: capacities(graph),
            seen,
            calibrated,
            plan,
        }
    }

    /// Lets a world happen.
    pub(super) fn run(&self, now: &World, dice: Dice) -> Outcome {
        let worlds = [&self.seen, now];
        let is_sure = |world: &&World| world.settings.iter().all(|of| of.passes[0] == of.passes[1]);
        let (low, drawn) = self.run_bound(now, 0, dice);
        let (high, also) = match worlds.iter().all(is_sure) {
            true => (low.clone(), drawn),
            false => self.run_bound(now, 1, dice),
        };
        Outcome {
            bounds: [low, high],
            drawn: drawn || also,
        }
    }

    fn run_bound(&self, now: &World, bound: usize, dice: Dice) -> (Bound, bool) {
        /// Steps after which as many retries are granted as budgets allow, or never will be.
        const STEPS: usize = 20;
        let (mut seen, mut asked) = (self.seen.clone(), now.clone());
        let mut steps = 0;
        let (now, fullness, drawn, chanced, [mut before, mut after]) = loop {
            let (now, fullness) = self.settled([&seen, &asked], bound);
            let worlds = self.worlds([&seen, &now], bound);
            let drawn = takes_time(&self.plan, &seen, &now);
            let chanced = match drawn {
                true => sampled(&worlds, &self.calibrated[bound], dice),
                false => timeless(&worlds, &self.calibrated[bound]),
            };
            let flows = self.flows(&worlds, &chanced);
            let moved = [(&mut seen, &flows[0]), (&mut asked, &flows[1])]
                .map(|(world, flow)| grant(world, flow));
            steps += 1;
            if moved == [false, false] || steps == STEPS {
                break (now, fullness, drawn, chanced, flows);
            }
        };
        let worlds = self.worlds([&seen, &now], bound);
        let entries = self.plan.entries.iter();
        let succeeded = entries.clone().enumerate().map(|(at, entry)| {
            let (then, now) = (before.succeeded[at], after.succeeded[at]);
            match then > 0.0 {
                _ if then == now => entry.observed,
                true => (entry.observed * (now / then)).min(1.0),
                false => now.min(1.0),
            }
        });
        let succeeded: Vec<f64> = succeeded.collect();
        self.told_by_users(&mut before, &seen, |at| self.plan.entries[at].observed);
        self.told_by_users(&mut after, &now, |at| succeeded[at]);
        let times = match drawn {
            false => Vec::new(),
            true => entries
                .map(|entry| {
                    let succeeds = &after.of_shape[entry.shapes.clone()];
                    durations(&worlds, &chanced, entry, succeeds, dice)
                })
                .collect(),
        };
        let result = Bound {
            before,
            after,
            succeeded,
            fullness,
            times,
        };
        (result, drawn)
    }

    /// Puts the failures of requests, as they were seen or would be seen, in place of those that calls alone tell: entry points
    /// fail by more than their calls, and users see all of it.
    fn told_by_users(&self, flow: &mut Flow, world: &World, succeeded: impl Fn(usize) -> f64) {
        let entries = self.plan.entries.iter().enumerate();
        let entered = entries.map(|(at, entry)| {
            let link = self.plan.places[entry.places.start].link as usize;
            (link, entry.weight * world.load[at] * (1.0 - succeeded(at)))
        });
        let entered: Vec<(usize, f64)> = entered.collect();
        for (link, _) in &entered {
            flow.links[*link].failed = 0.0;
        }
        for (link, failed) in entered {
            flow.links[link].failed += failed;
        }
    }

    fn worlds<'b>(&'b self, [seen, now]: [&'b World; 2], bound: usize) -> Worlds<'b> {
        Worlds {
            plan: &self.plan,
            order: &self.order,
            seen,
            now,
            bound,
        }
    }

    fn flows(&self, worlds: &Worlds<'_>, chanced: &Chanced) -> [Flow; 2] {
        let [seen, now] = [&chanced.seen, &chanced.now].map(|chances| Chances {
            seen: &chanced.seen,
            now: chances,
            spared: &self.calibrated[worlds.bound].spared,
        });
        [
            flow(&self.plan, worlds.seen, &seen, worlds.bound),
            flow(&self.plan, worlds.now, &now, worlds.bound),
        ]
    }

    /// Returns a world in which services are as full as its calls make them.
    fn settled(&self, [seen, now]: [&World; 2], bound: usize) -> (World, BTreeMap<u32, Fullness>) {
        /// Steps after which shares that are halfway corrected each time stay, or never will.
        const STEPS: usize = 40;
        const STAYS: f64 = 1e-9;
        let mut world = now.clone();
        let mut fullness: BTreeMap<u32, Fullness> = BTreeMap::new();
        if self.capacities.is_empty() {
            return (world, fullness);
        }
        for _ in 0..STEPS {
            let worlds = self.worlds([seen, &world], bound);
            let [before, after] = self.flows(&worlds, &timeless(&worlds, &self.calibrated[bound]));
            let mut moved: f64 = 0.0;
            for (&node, capacity) in &self.capacities {
                let [then, now] = [&before, &after].map(|flow| self.into(flow, node).attempts);
                let times = if then > 0.0 { now / then } else { 1.0 };
                let was = fullness.get(&node).map_or(0.0, |of| of.turned_away);
                let mut of = capacity.at(times);
                of.turned_away = (was + of.turned_away) / 2.0;
                moved = moved.max((of.turned_away - was).abs());
                fullness.insert(node, of);
            }
            for (setting, link) in world.settings.iter_mut().zip(&self.plan.links) {
                if let Some(of) = link.callee().and_then(|node| fullness.get(&node)) {
                    setting.turned_away = of.turned_away;
                    setting.wait = of.wait;
                }
            }
            if moved < STAYS {
                break;
            }
        }
        (world, fullness)
    }

    /// Returns what becomes of all calls to a node.
    pub(super) fn into(&self, flow: &Flow, node: u32) -> LinkFlow {
        let mut sum = LinkFlow::default();
        let links = self.plan.links.iter().zip(&flow.links);
        for (_, of) in links.filter(|(link, _)| link.callee() == Some(node)) {
            sum.calls += of.calls;
            sum.attempts += of.attempts;
            sum.failed += of.failed;
            sum.at_risk += of.at_risk;
        }
        sum
    }

    /// Returns the share of all requests of a world that succeed, by how much they count, of shares by entry point.
    pub(super) fn share(&self, world: &World, succeeded: impl Fn(usize) -> f64) -> f64 {
        let (mut all, mut ok) = (0.0, 0.0);
        for (at, entry) in self.plan.entries.iter().enumerate() {
            let weight = entry.weight * entry.counts * world.load[at];
            all += weight;
            ok += weight * succeeded(at);
        }
        if all > 0.0 { ok / all } else { 1.0 }
    }

    /// Returns the share of all requests of a world that succeed, by bound.
    pub(super) fn shares(&self, world: &World, outcome: &Outcome) -> [f64; 2] {
        [0, 1].map(|bound| self.share(world, |at| outcome.bounds[bound].succeeded[at]))
    }
}
