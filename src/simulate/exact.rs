//! How many requests succeed, and how many attempts that takes, without dice.
//!
//! With f the chance that one attempt fails, at most M attempts, each failing for itself, a call fails with chance f^M and takes
//! (1 - f^M) / (1 - f) attempts. Where a budget bounds retries, each is granted with the same chance q, and with g = q f a call takes
//! (1 - g^M) / (1 - g) attempts and fails with chance f ((1 - q) (1 - g^(M-1)) / (1 - g) + g^(M-1)). An attempt fails by itself, or by its timeout, or because what the callee waits for failed: a
//! callee that makes k calls fails for them with chance `passes` x (1 - (1 - F)^k), where F is the chance of one of them. Going up
//! the tree of a shape, the chance at its first step is that of the request. O(steps).
//!
//! What was seen counts: where calls failed more often than their callers, that share of the failures is survived again, and only
//! what fails beyond it is passed on. An entry point fails by more than its calls, so what is computed is multiplied by one factor, the share of requests that
//! succeeded divided by the share that should have: with nothing changed, the result is what was seen.

use crate::simulate::plan::{NONE, Plan};
use crate::simulate::setting::{Setting, World};

/// How one attempt at a place fails, apart from what happens further down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Chance {
    /// By itself; then nothing further down is called.
    pub(super) own: f64,
    /// Because the caller gave up.
    pub(super) timed_out: f64,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Call {
    /// The chance that one attempt fails.
    pub(super) attempt_fails: f64,
    /// The chance that the last attempt fails.
    pub(super) fails: f64,
    /// Attempts in the mean.
    pub(super) attempts: f64,
}

impl Call {
    /// Returns what becomes of calls whose callee fails with such a chance for what it waits for.
    pub(super) fn of(chance: Chance, passed_on: f64, setting: &Setting) -> Call {
        let fails = 1.0 - (1.0 - chance.own) * (1.0 - chance.timed_out) * (1.0 - passed_on);
        let most = setting.attempts as f64;
        // The chance that an attempt fails and another is granted.
        let again = match setting.granted < 1.0 {
            true => fails * setting.granted,
            false => fails,
        };
        let geometric = |n: f64| match again < 1.0 {
            true => (1.0 - again.powf(n)) / (1.0 - again),
            false => n,
        };
        let last = match setting.granted < 1.0 {
            true => {
                let refused = (1.0 - setting.granted) * geometric(most - 1.0);
                fails * (refused + again.powf(most - 1.0))
            }
            false => fails.powf(most),
        };
        Call {
            attempt_fails: fails,
            fails: last,
            attempts: geometric(most),
        }
    }

    /// Returns the chance that one of so many of these calls fails.
    pub(super) fn any_fails(self, calls: f64) -> f64 {
        1.0 - (1.0 - self.fails).powf(calls)
    }

    /// Returns the chance that a caller survives so many of these calls.
    pub(super) fn survived(self, calls: f64, passes: f64, spared: Spared) -> f64 {
        let fails = self.any_fails(calls);
        1.0 - passes * (fails - spared.share * fails.min(spared.of))
    }
}

/// Returns the chance of another attempt after each with which so many are made beyond the first, of `most` at most.
pub(super) fn again(retries: f64, most: u64) -> f64 {
    /// Halvings of the range down to the last digits.
    const STEPS: usize = 60;
    let beyond = |again: f64| match again < 1.0 {
        true => again * (1.0 - again.powf(most as f64 - 1.0)) / (1.0 - again),
        false => most as f64 - 1.0,
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        match beyond(middle) <= retries {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// Failed calls that callers were seen to survive, whatever is said of the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spared {
    /// The share of callers whose calls failed.
    pub(super) of: f64,
    /// The share of these that survived.
    pub(super) share: f64,
}

/// What was seen at each place, in terms of chances.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calibrated {
    pub(super) chances: Vec<Chance>,
    pub(super) spared: Vec<Spared>,
}

/// What became of the requests of a world.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flow {
    /// By entry point, the share of requests that succeed as far as calls tell.
    pub(super) succeeded: Vec<f64>,
    /// By shape, the chance that a request succeeds.
    pub(super) of_shape: Vec<f64>,
    /// By link.
    pub(super) links: Vec<LinkFlow>,
}

/// What became of the calls of a link, in requests of the load that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LinkFlow {
    /// Logical calls.
    pub(super) calls: f64,
    /// Attempts.
    pub(super) attempts: f64,
    /// Logical calls that failed, as far as calls tell.
    pub(super) failed: f64,
    /// Requests that the failed calls put at risk.
    pub(super) at_risk: f64,
}

/// Where chances stand, by place; those that were seen tell how many attempts were worked on then.
pub(super) struct Chances<'a> {
    pub(super) seen: &'a [Chance],
    pub(super) now: &'a [Chance],
    pub(super) spared: &'a [Spared],
}

/// Goes through all shapes. `bound` is 0 for the least that failures pass on, 1 for the most.
pub(super) fn flow(plan: &Plan, world: &World, chances: &Chances<'_>, bound: usize) -> Flow {
    let mut flow = Flow {
        succeeded: Vec::with_capacity(plan.entries.len()),
        of_shape: Vec::with_capacity(plan.shapes.len()),
        links: vec![LinkFlow::default(); plan.links.len()],
    };
    let mut calls: Vec<Call> = Vec::new();
    let mut survived: Vec<f64> = Vec::new();
    let mut attempts: Vec<f64> = Vec::new();
    for (number, entry) in plan.entries.iter().enumerate() {
        let mut weight_ok = 0.0;
        for shape in plan.shapes_of(entry) {
            let steps = &plan.steps[shape.steps.clone()];
            let first = shape.steps.start;
            calls.clear();
            calls.resize(steps.len(), Call::default());
            survived.clear();
            survived.resize(steps.len(), 1.0);
            for (at, step) in steps.iter().enumerate().rev() {
                let link = plan.places[step.place as usize].link as usize;
                let setting = &world.settings[link];
                let chance = chances.now[step.place as usize];
                let call = Call::of(chance, 1.0 - survived[at], setting);
                calls[at] = call;
                if step.parent != NONE {
                    let above = step.parent as usize - first;
                    let spared = chances.spared[step.place as usize];
                    survived[above] *= call.survived(step.calls, setting.passes[bound], spared);
                }
            }
            let succeeds = 1.0 - calls[0].attempt_fails;
            flow.of_shape.push(succeeds);
            weight_ok += shape.weight * succeeds;
            attempts.clear();
            let weight = shape.weight * world.load[number];
            for (step, call) in steps.iter().zip(&calls) {
                let link = plan.places[step.place as usize].link as usize;
                let made = match step.parent {
                    NONE => 1.0,
                    parent => {
                        let above = &plan.steps[parent as usize];
                        let [now, seen] = [chances.now, chances.seen]
                            .map(|of| 1.0 - of[above.place as usize].own);
                        let worked_on = if seen > 0.0 { now / seen } else { now };
                        attempts[parent as usize - first] * worked_on * step.calls
                    }
                };
                let sum = &mut flow.links[link];
                let of_users = step.parent == NONE;
                let each = if of_users { 1.0 } else { call.attempts };
                sum.calls += weight * made;
                sum.attempts += weight * made * each;
                sum.failed += weight * made * call.fails;
                let passes = world.settings[link].passes[bound];
                let spared = chances.spared[step.place as usize];
                sum.at_risk += weight * (1.0 - call.survived(step.calls, passes, spared));
                attempts.push(made * each);
            }
        }
        flow.succeeded.push(match entry.weight > 0.0 {
            true => weight_ok / entry.weight,
            false => 1.0,
        });
    }
    flow
}
