//! How long calls and requests take after a change, and which attempts run into their timeouts: drawn at random.
//!
//! What was seen is kept: a request takes what requests took, plus what its calls take longer. Upwards from the last
//! place, each place gets draws: what an attempt took (evenly spread over what was seen), what it takes now,
//! and from these what a call with all its attempts took and takes. A caller draws from the calls of its callees. Callees that were
//! seen at once cost what the longest costs, others their sum.
//!
//! Seen and changed world use the same random numbers, and every draw has a generator of its own, made from seed, place and number:
//! neither threads nor other changes alter it. Only what a change can reach is drawn, and places in proportion to their requests. O(runs x calls of places it can reach).

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::algo::random::Random;
use crate::model::id::mix;
use crate::simulate::chances::{changed, reached, split};
use crate::simulate::exact::{Calibrated, Call, Chance};
use crate::simulate::links::{Draw, Link, Order};
use crate::simulate::plan::{Entry, NONE, Plan, Requests};
use crate::simulate::setting::{Setting, World};

/// Calls to one callee that are drawn for one caller; more are taken to be like these.
const CALLS_MAX: u64 = 32;

/// A duration beyond every limit.
const ENDLESS: u64 = u64::MAX;

/// Runs and seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dice {
    pub(super) runs: usize,
    pub(super) seed: u64,
}

impl Dice {
    /// Returns the dice of a place that such a share of the requests of its entry point reaches: what is rare is drawn less often.
    fn of_share(self, share: f64) -> Dice {
        /// One in so many of all draws is enough for what hardly anybody reaches.
        const LEAST: usize = 64;
        let runs = (self.runs as f64 * share).ceil() as usize;
        Dice {
            runs: runs.clamp(self.runs.div_ceil(LEAST), self.runs),
            ..self
        }
    }

    fn roll(self, what: u64, number: u64) -> Random {
        Random::new(self.seed, mix(what.wrapping_mul(0x9e37_79b9) ^ mix(number)))
    }
}

/// What is compared.
#[derive(Clone, Copy)]
pub(super) struct Worlds<'a> {
    pub(super) plan: &'a Plan,
    pub(super) order: &'a Order,
    pub(super) seen: &'a World,
    pub(super) now: &'a World,
    /// 0 for the least that failures pass on, 1 for the most.
    pub(super) bound: usize,
}

/// How attempts fail, by place, then and now.
#[derive(Clone, Debug, Default)]
pub(super) struct Chanced {
    pub(super) seen: Vec<Chance>,
    pub(super) now: Vec<Chance>,
    /// Whether the change reaches a place.
    reached: Vec<bool>,
    /// The calls of the places right below the first of each entry point, as far as a change reaches them.
    calls: Vec<Option<Calls>>,
}

/// Draws of one place: what a call took, and what it takes.
#[derive(Clone, Debug, Default)]
struct Calls {
    pairs: Vec<(u64, u64)>,
}

/// Returns the chances of every place before and after a change that takes no time.
pub(super) fn timeless(worlds: &Worlds<'_>, calibrated: &Calibrated) -> Chanced {
    let places = worlds.plan.places.iter().zip(&calibrated.chances);
    let now = places.map(|(place, chance)| Chance {
        own: changed(chance.own, &worlds.now.settings[place.link as usize]),
        timed_out: 0.0,
    });
    Chanced {
        now: now.collect(),
        seen: calibrated.chances.clone(),
        reached: Vec::new(),
        calls: Vec::new(),
    }
}

/// Returns the chances of every place before and after a change, timeouts told apart.
pub(super) fn sampled(worlds: &Worlds<'_>, calibrated: &Calibrated, dice: Dice) -> Chanced {
    let plan = worlds.plan;
    let reached = reached(plan, worlds.seen, worlds.now);
    let parts: Vec<Vec<Sample>> = plan
        .entries
        .par_iter()
        .map(|entry| sample_entry(worlds, calibrated, &reached, entry, dice))
        .collect();
    let mut chanced = Chanced::default();
    for sample in parts.into_iter().flatten() {
        chanced.seen.push(sample.seen);
        chanced.now.push(sample.now);
        chanced.calls.push(sample.calls);
    }
    chanced.reached = reached;
    chanced
}

/// What was drawn for a place.
#[derive(Default)]
struct Sample {
    seen: Chance,
    now: Chance,
    calls: Option<Calls>,
}

fn sample_entry(
    worlds: &Worlds<'_>,
    calibrated: &Calibrated,
    reached: &[bool],
    entry: &Entry,
    dice: Dice,
) -> Vec<Sample> {
    let plan = worlds.plan;
    let first = entry.places.start;
    let n = entry.places.len();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); n];
    for at in entry.places.clone() {
        if plan.places[at].parent != NONE {
            children[plan.places[at].parent as usize - first].push(at);
        }
    }
    let mut samples: Vec<Sample> = (0..n).map(|_| Sample::default()).collect();
    let mut survived = vec![[1.0; 2]; n];
    for at in entry.places.clone().rev() {
        let place = &plan.places[at];
        let (link, number) = (&plan.links[place.link as usize], place.link as usize);
        let [then, now] = [worlds.seen, worlds.now].map(|world| &world.settings[number]);
        let passed_on = survived[at - first].map(|rest| 1.0 - rest);
        let mut sample = Sample {
            seen: calibrated.chances[at],
            now: Chance {
                own: changed(calibrated.chances[at].own, now),
                timed_out: 0.0,
            },
            calls: None,
        };
        if reached[at] && place.parent != NONE && link.ends.2 {
            let dice = dice.of_share(place.share);
            let below: Vec<Below<'_>> = children[at - first]
                .iter()
                .map(|&child| Below {
                    number: child,
                    link: plan.link(child as u32),
                    calls: plan.places[child].calls,
                    drawn: samples[child - first].calls.as_ref(),
                })
                .collect();
            let frames = frames(
                link,
                then,
                now,
                &groups(worlds.order, link, below),
                at,
                dice,
            );
            (sample.seen, sample.now) = split(calibrated.chances[at].own, then, now, &frames);
            let passes = worlds.now.settings[number].passes[worlds.bound];
            let attempt = Attempt {
                link,
                then,
                now,
                fails: [(sample.seen, passed_on[0]), (sample.now, passed_on[1])]
                    .map(|(of, below)| 1.0 - (1.0 - of.own) * (1.0 - below)),
            };
            sample.calls = Some(calls(&attempt, &frames, passes, at, dice));
        }
        // What is further down has served its purpose, but for what requests draw from.
        if place.parent != NONE {
            for &child in &children[at - first] {
                samples[child - first].calls = None;
            }
            let above = place.parent as usize - first;
            let of = |chance, setting: &Setting, passed_on| {
                let call = Call::of(chance, passed_on, setting);
                call.survived(
                    place.calls,
                    setting.passes[worlds.bound],
                    calibrated.spared[at],
                )
            };
            survived[above][0] *= of(sample.seen, then, passed_on[0]);
            survived[above][1] *= of(sample.now, now, passed_on[1]);
        }
        samples[at - first] = sample;
    }
    samples
}

/// The calls of one caller to one callee.
#[derive(Clone, Copy)]
struct Below<'a> {
    number: usize,
    link: &'a Link,
    calls: f64,
    drawn: Option<&'a Calls>,
}

/// Puts callees together that were called at once; those that no change reaches are left out, unless they are in such company.
fn groups<'a>(order: &Order, caller: &Link, below: Vec<Below<'a>>) -> Vec<Vec<Below<'a>>> {
    let mut groups: Vec<Vec<Below<'a>>> = Vec::new();
    for one in below.into_iter().filter(|of| of.link.ends.2) {
        let at_once = |other: &Below<'_>| {
            let nodes = (caller.callee(), one.link.callee(), other.link.callee());
            match nodes {
                (Some(caller), Some(one), Some(other)) => {
                    order.at_once(caller, one, other) == Some(true)
                }
                _ => false,
            }
        };
        let (mut with, rest): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.iter().any(at_once));
        let mut joined: Vec<Below<'a>> = with.drain(..).flatten().collect();
        joined.push(one);
        groups = rest;
        groups.push(joined);
    }
    groups.retain(|group| group.iter().any(|of| of.drawn.is_some()));
    groups
}

/// Returns by how much longer a caller works, in one draw.
fn longer(groups: &[Vec<Below<'_>>], what: usize, number: usize, dice: Dice) -> i64 {
    let mut longer = 0i64;
    for group in groups {
        let (mut then, mut now) = (0u64, 0u64);
        for of in group {
            let draw = mix((what as u64) << 32 ^ of.number as u64);
            let mut random = dice.roll(draw, number as u64);
            let whole = of.calls.floor();
            let calls = whole as u64 + u64::from(random.unit() < of.calls - whole);
            let drawn = calls.min(CALLS_MAX);
            let (mut a, mut b) = (0u64, 0u64);
            for _ in 0..drawn {
                let (x, y) = match of.drawn {
                    Some(Calls { pairs }) if !pairs.is_empty() => pairs[random.below(pairs.len())],
                    _ => {
                        let same = of.link.client.at(random.unit());
                        (same, same)
                    }
                };
                (a, b) = (a.saturating_add(x), b.saturating_add(y));
            }
            if calls > drawn {
                let more = |sum: u64| (sum as f64 * calls as f64 / drawn as f64) as u64;
                (a, b) = (more(a), more(b));
            }
            (then, now) = (then.max(a), now.max(b));
        }
        longer = longer
            .saturating_add_unsigned(now)
            .saturating_sub_unsigned(then);
    }
    longer
}

/// Returns what attempts took and take, in the order of what they took.
fn frames(
    link: &Link,
    then: &Setting,
    now: &Setting,
    groups: &[Vec<Below<'_>>],
    at: usize,
    dice: Dice,
) -> Vec<(u64, u64)> {
    let tail = then
        .timeout
        .map_or(0.0, |limit| link.server.share_from(limit));
    let frames = (0..dice.runs).map(|run| {
        let took = link.client.at((run as f64 + 0.5) / dice.runs as f64);
        let mut random = dice.roll(mix(at as u64) ^ 1, run as u64);
        // What was given up would have taken as long as what the callee went on with.
        let whole = match then.timeout {
            Some(limit) if took >= limit && tail > 0.0 => {
                link.server.at(1.0 - tail * random.unit()).max(took)
            }
            Some(limit) if took >= limit => ENDLESS,
            _ => took,
        };
        let takes = match whole {
            ENDLESS => ENDLESS,
            whole => later(whole, now, longer(groups, at, run, dice), &mut random),
        };
        (took, takes)
    });
    frames.collect()
}

/// Returns what something takes that took so long.
fn later(took: u64, now: &Setting, longer: i64, random: &mut Random) -> u64 {
    let mut takes = match now.times == 1.0 {
        true => took,
        false => (took as f64 * now.times) as u64,
    };
    takes = takes.saturating_add_signed(longer).saturating_add(now.plus);
    let (share, mean) = now.wait;
    if share > 0.0 && random.unit() < share {
        takes = takes.saturating_add((-mean * (1.0 - random.unit()).ln()) as u64);
    }
    takes
}

/// How attempts of a call go.
struct Attempt<'a> {
    link: &'a Link,
    then: &'a Setting,
    now: &'a Setting,
    /// The chance that an attempt that is not given up fails, then and now.
    fails: [f64; 2],
}

/// Returns what calls with all their attempts took and take; of calls that fail their caller, those that succeed now.
fn calls(
    attempt: &Attempt<'_>,
    frames: &[(u64, u64)],
    passes: f64,
    at: usize,
    dice: Dice,
) -> Calls {
    let mut all = Vec::with_capacity(frames.len());
    let mut answered = Vec::new();
    for (number, &frame) in frames.iter().enumerate() {
        let key = mix(at as u64) ^ 2;
        let is_bounded = [attempt.then, attempt.now]
            .iter()
            .any(|of| of.budget.is_some());
        let one = |setting: &Setting, fails: f64, of: fn((u64, u64)) -> u64| {
            let (most, limit) = (setting.attempts, setting.timeout);
            let mut random = dice.roll(key, number as u64);
            let (mut took, mut frame) = (0u64, frame);
            for made in 1..=most {
                let limit = limit.unwrap_or(ENDLESS);
                took = took.saturating_add(of(frame).min(limit));
                let is_over = of(frame) >= limit && limit != ENDLESS;
                let failed = random.unit() < fails || is_over;
                frame = frames[random.below(frames.len())];
                if !failed {
                    return (took, true);
                }
                // Both worlds throw the same dice.
                if is_bounded && made < most && random.unit() >= setting.granted {
                    break;
                }
                if made < most {
                    took = took.saturating_add(attempt.link.pause(made + 1));
                }
            }
            (took, false)
        };
        let (then, now) = (attempt.then, attempt.now);
        let (took, _) = one(then, attempt.fails[0], |of| of.0);
        let (takes, is_answered) = one(now, attempt.fails[1], |of| of.1);
        all.push((took, takes));
        if is_answered {
            answered.push((took, takes));
        }
    }
    let only_answered = passes >= 0.5 && !answered.is_empty();
    Calls {
        pairs: if only_answered { answered } else { all },
    }
}

/// What requests of an entry point took, and what those take that succeed, each in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations {
    pub(super) before: Vec<u64>,
    pub(super) after: Vec<u64>,
}

/// What requests of an entry point take.
#[derive(Clone, Debug)]
pub(super) enum Times {
    /// As long as they took.
    Same,
    /// Nothing is known, or nobody succeeds.
    Unknown,
    /// As long as was drawn.
    Drawn(Durations),
}

impl Times {
    /// Returns what was drawn, if anything was.
    pub(super) fn drawn(&self) -> Option<&Durations> {
        match self {
            Times::Drawn(durations) => Some(durations),
            Times::Same | Times::Unknown => None,
        }
    }
}

/// Returns what requests of an entry point take after a change.
pub(super) fn durations(
    worlds: &Worlds<'_>,
    chanced: &Chanced,
    entry: &Entry,
    succeeds: &[f64],
    dice: Dice,
) -> Times {
    let plan = worlds.plan;
    let shapes = plan.shapes_of(entry);
    let mut until = Vec::with_capacity(shapes.len());
    let mut sum = 0.0;
    for (shape, succeeds) in shapes.iter().zip(succeeds) {
        sum += shape.weight * succeeds;
        until.push(sum);
    }
    if entry.duration.count() == 0 || sum <= 0.0 {
        return Times::Unknown;
    }
    if !chanced.reached[entry.places.start] {
        return Times::Same;
    }
    let draw = Draw::of(&entry.duration);
    let root = plan.link(entry.places.start as u32);
    let now = &worlds.now.settings[plan.places[entry.places.start].link as usize];
    let mut known: Vec<Option<Vec<Vec<Below<'_>>>>> = vec![None; shapes.len()];
    let mut all = Durations::default();
    for run in 0..dice.runs {
        let mut random = dice.roll(mix(entry.places.start as u64) ^ 3, run as u64);
        let point = random.unit() * sum;
        let at = until
            .partition_point(|end| *end <= point)
            .min(shapes.len() - 1);
        let groups = known[at].get_or_insert_with(|| {
            let below = below_first(worlds, chanced, &shapes[at]);
            groups(worlds.order, root, below)
        });
        let then = draw.at((run as f64 + 0.5) / dice.runs as f64);
        let longer = longer(groups, entry.places.start, run, dice);
        all.before.push(then);
        all.after.push(later(then, now, longer, &mut random));
    }
    all.after.sort_unstable();
    Times::Drawn(all)
}

/// Returns the calls of the first step of a shape.
fn below_first<'a>(worlds: &Worlds<'a>, chanced: &'a Chanced, shape: &Requests) -> Vec<Below<'a>> {
    let plan = worlds.plan;
    let first = shape.steps.start as u32;
    let steps = plan.steps[shape.steps.clone()].iter();
    let of_first = steps.filter(|step| step.parent == first);
    let below = of_first.map(|step| Below {
        number: step.place as usize,
        link: plan.link(step.place),
        calls: step.calls,
        drawn: chanced.calls[step.place as usize].as_ref(),
    });
    below.collect()
}
