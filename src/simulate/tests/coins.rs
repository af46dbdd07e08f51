//! Random small shapes, gone through coin by coin: every way a request can go, with its chance, against what is computed.

use crate::algo::random::Random;
use crate::fold::sketch::Sketch;
use crate::simulate::exact::{Chance, Chances, Spared, flow};
use crate::simulate::links::{Draw, End, Known, Link};
use crate::simulate::plan::{Entry, NONE, Place, Plan, Requests, Step};
use crate::simulate::setting::World;
use crate::trace::link::EntryKind;

/// Coins that fall in every possible way, one way after the other.
#[derive(Default)]
struct Coins {
    fallen: Vec<bool>,
    next: usize,
    chance: f64,
}

impl Coins {
    /// Tosses a coin that shows heads with such a chance.
    fn toss(&mut self, heads: f64) -> bool {
        if heads <= 0.0 || heads >= 1.0 {
            return heads >= 1.0;
        }
        if self.next == self.fallen.len() {
            self.fallen.push(true);
        }
        let side = self.fallen[self.next];
        self.next += 1;
        self.chance *= if side { heads } else { 1.0 - heads };
        side
    }

    /// Goes on to the next way; returns whether there is one.
    fn turn(&mut self) -> bool {
        while self.fallen.last() == Some(&false) {
            self.fallen.pop();
        }
        let is_left = self.fallen.last_mut().map(|last| *last = false).is_some();
        (self.next, self.chance) = (0, 1.0);
        is_left
    }
}

/// Goes through one attempt at a step; returns whether it fails.
fn attempt(
    plan: &Plan,
    world: &World,
    chances: &[Chance],
    at: usize,
    coins: &mut Coins,
    made: &mut [f64],
) -> bool {
    let place = plan.steps[at].place as usize;
    if coins.toss(chances[place].own) {
        return true;
    }
    let mut failed = false;
    for (child, step) in plan.steps.iter().enumerate() {
        if step.parent != at as u32 {
            continue;
        }
        let link = plan.places[step.place as usize].link as usize;
        let mut any = false;
        for _ in 0..step.calls as u64 {
            let mut fails = true;
            for _ in 0..world.settings[link].attempts {
                made[link] += 1.0;
                fails = attempt(plan, world, chances, child, coins, made);
                if !fails {
                    break;
                }
            }
            any |= fails;
        }
        failed |= any && coins.toss(world.settings[link].passes[0]);
    }
    coins.toss(chances[place].timed_out) || failed
}

/// Returns a shape of up to four steps and the way into it, each step with a link of its own.
fn random_plan(random: &mut Random) -> (Plan, World, Vec<Chance>) {
    let n = 1 + random.below(4);
    let mut plan = Plan {
        links: Vec::new(),
        entries: Vec::new(),
        places: Vec::new(),
        shapes: vec![Requests {
            weight: 1.0,
            squares: 1.0,
            steps: 0..n,
        }],
        steps: Vec::new(),
    };
    let mut chances = Vec::new();
    let share = |random: &mut Random| [0.0, 0.25, 0.5, 1.0][random.below(4)];
    for at in 0..n as u32 {
        let parent = if at == 0 {
            NONE
        } else {
            random.below(at as usize) as u32
        };
        let calls = if at == 0 {
            1.0
        } else {
            1.0 + (random.below(4) / 3) as f64
        };
        let passes = share(random);
        plan.links.push(Link {
            ends: (
                if at == 0 {
                    End::Users
                } else {
                    End::Node(parent)
                },
                End::Node(at),
                true,
            ),
            passes: [passes; 2],
            passes_known: Known::Seen,
            budget: None,
            attempts: if at == 0 {
                1
            } else {
                1 + random.below(2) as u64
            },
            attempts_known: Known::Seen,
            timeout: None,
            pauses: Vec::new(),
            client: Draw::default(),
            server: Draw::default(),
        });
        plan.places.push(Place {
            parent,
            link: at,
            calls,
            failed: 0.0,
            share: 1.0,
        });
        plan.steps.push(Step {
            parent,
            place: at,
            calls,
        });
        chances.push(Chance {
            own: share(random) / 2.0,
            timed_out: share(random) / 4.0,
        });
    }
    plan.entries.push(Entry {
        service: 0,
        operation: String::new(),
        kind: EntryKind::Request,
        places: 0..n,
        shapes: 0..1,
        weight: 1.0,
        counts: 1.0,
        requests: 1,
        effective: 1,
        observed: 1.0,
        duration: Sketch::default(),
    });
    let world = World::seen(&plan);
    (plan, world, chances)
}

#[test]
fn small_systems_agree_with_every_way_they_can_go() {
    let (mut gone_through, mut ways) = (0, 0u64);
    for replicate in 0..4_000 {
        let mut random = Random::new(11, replicate);
        let (plan, world, chances) = random_plan(&mut random);
        let mut coins = Coins {
            chance: 1.0,
            ..Coins::default()
        };
        let mut fails = 0.0;
        let mut made = vec![0.0; plan.links.len()];
        let mut tried = 0u64;
        let is_done = loop {
            let mut one = vec![0.0; plan.links.len()];
            let has_failed = attempt(&plan, &world, &chances, 0, &mut coins, &mut one);
            for (sum, n) in made.iter_mut().zip(&one) {
                *sum += n * coins.chance;
            }
            fails += if has_failed { coins.chance } else { 0.0 };
            tried += 1;
            if !coins.turn() {
                break true;
            }
            if tried > 20_000 {
                break false;
            }
        };
        if !is_done {
            continue;
        }
        gone_through += 1;
        ways += tried;
        let none = vec![Chance::default(); chances.len()];
        let spared = vec![Spared::default(); chances.len()];
        let of = Chances {
            seen: &none,
            now: &chances,
            spared: &spared,
        };
        let flow = flow(&plan, &world, &of, 0);
        super::close(1.0 - flow.succeeded[0], fails, 1e-9);
        for (link, made) in made.iter().enumerate().skip(1) {
            super::close(flow.links[link].attempts, *made, 1e-9);
        }
    }
    assert!(
        gone_through > 3_000 && ways > 100_000,
        "{gone_through} systems, {ways} ways"
    );
}
