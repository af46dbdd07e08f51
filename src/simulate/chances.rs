//! How likely attempts fail at each place: what was seen, taken apart, and what a change makes of it.
//!
//! What was seen to fail at a place is what failed further down and was passed on, what ran into its timeout, and the rest, which is
//! taken to fail by itself. Going upwards, the first two are known when a place is reached.

use crate::simulate::exact::{Calibrated, Call, Chance, Spared};
use crate::simulate::plan::{NONE, Plan};
use crate::simulate::setting::{Setting, World};

/// Returns what was seen at every place in terms of chances: what failed, less what further down explains.
pub(super) fn calibrated(plan: &Plan, seen: &World, bound: usize) -> Calibrated {
    let n = plan.places.len();
    let mut of = Calibrated {
        chances: vec![Chance::default(); n],
        spared: vec![Spared::default(); n],
    };
    // By place, the chance that one of its calls fails, and that this is passed on, for those below it.
    let mut below: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); n];
    for (at, place) in plan.places.iter().enumerate().rev() {
        let children = std::mem::take(&mut below[at]);
        let passed_on = |share: f64| {
            let survived = children
                .iter()
                .map(|(_, fails, passes)| 1.0 - passes * share * fails);
            1.0 - survived.product::<f64>()
        };
        let share = share_passed_on(place.failed, &passed_on);
        for &(child, fails, _) in &children {
            of.spared[child] = Spared {
                of: fails,
                share: 1.0 - share,
            };
        }
        if place.parent == NONE {
            continue;
        }
        let setting = &seen.settings[place.link as usize];
        let passed_on = passed_on(share);
        let by_itself = match passed_on < 1.0 {
            true => 1.0 - (1.0 - place.failed) / (1.0 - passed_on),
            false => 0.0,
        };
        of.chances[at].own = by_itself.clamp(0.0, 1.0);
        let call = Call::of(of.chances[at], passed_on, setting);
        let fails = call.any_fails(place.calls);
        below[place.parent as usize].push((at, fails, setting.passes[bound]));
    }
    of
}

/// Returns the share of failures that may be passed on without callers failing more often than they did.
fn share_passed_on(failed: f64, passed_on: &impl Fn(f64) -> f64) -> f64 {
    /// Halvings of the range down to the last digits.
    const STEPS: usize = 50;
    if passed_on(1.0) <= failed {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        match passed_on(middle) <= failed {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// Returns the chance of a place after a change, given the one that was seen.
pub(super) fn changed(own: f64, setting: &Setting) -> f64 {
    let own = setting.errors.unwrap_or(own);
    1.0 - (1.0 - own) * (1.0 - setting.turned_away)
}

/// Tells timeouts from what else failed, then and now.
pub(super) fn split(
    own: f64,
    then: &Setting,
    now: &Setting,
    frames: &[(u64, u64)],
) -> (Chance, Chance) {
    let share = |limit: Option<u64>, of: fn(&(u64, u64)) -> u64| {
        let over = limit.map_or(0, |limit| {
            frames.iter().filter(|pair| of(pair) >= limit).count()
        });
        over as f64 / frames.len().max(1) as f64
    };
    let (mut before, mut after) = (
        share(then.timeout, |of| of.0),
        share(now.timeout, |of| of.1),
    );
    // Elsewhere calls of this link were given up more often than they failed here at all.
    if before > own {
        after = match after > before {
            true => (own + after - before).min(1.0),
            false => after * own / before,
        };
        before = own;
    }
    let rest = match before < 1.0 {
        true => (1.0 - (1.0 - own) / (1.0 - before)).clamp(0.0, 1.0),
        false => 0.0,
    };
    let chance = |own, timed_out| Chance { own, timed_out };
    (chance(rest, before), chance(changed(rest, now), after))
}

/// Returns, by place, whether a change reaches it from its own calls or from further down.
pub(super) fn reached(plan: &Plan, seen: &World, now: &World) -> Vec<bool> {
    let mut reached: Vec<bool> = plan
        .places
        .iter()
        .map(|place| {
            let link = place.link as usize;
            seen.settings[link] != now.settings[link]
        })
        .collect();
    for (at, place) in plan.places.iter().enumerate().rev() {
        if reached[at] && place.parent != NONE {
            reached[place.parent as usize] = true;
        }
    }
    reached
}

/// Returns whether a change can alter how long anything takes.
pub(super) fn takes_time(plan: &Plan, seen: &World, now: &World) -> bool {
    let reached = reached(plan, seen, now);
    let mut places = plan.places.iter().zip(reached).filter(|(_, is)| *is);
    places.any(|(place, _)| {
        let [seen, now] = [seen, now].map(|world| &world.settings[place.link as usize]);
        now.is_delayed() || now.timeout != seen.timeout || now.attempts.max(seen.attempts) > 1
    })
}
