//! Where things happen: who gets a call, how far away it is, and what goes wrong there.

use std::rc::Rc;

use crate::simulator::chance::scatter;
use crate::simulator::engine::Engine;
use crate::simulator::program::{Call, ms, us};
use crate::simulator::system::{Effect, Instance};

impl Engine<'_> {
    /// Returns whether nobody is there now.
    pub(super) fn is_dead(&self, instance: usize) -> bool {
        self.is_dead_at(instance, self.now)
    }

    /// Returns whether nobody is there at some time.
    pub(super) fn is_dead_at(&self, instance: usize, now: u64) -> bool {
        let mut effects = self.system.effects(&self.log.instances[instance], now);
        effects.any(|effect| effect == Effect::Dead)
    }

    /// Returns whether an effect that hits a share of cases hits now.
    pub(super) fn suffers(&mut self, instance: usize, share: fn(Effect) -> Option<f64>) -> bool {
        let instance = &self.log.instances[instance];
        let shares: Vec<f64> = self
            .system
            .effects(instance, self.now)
            .filter_map(share)
            .collect();
        shares.into_iter().any(|share| self.chance.share(share))
    }

    /// Returns the instance that gets the next call: the callers take turns among those they may use.
    pub(super) fn pick(
        &mut self,
        from: Option<usize>,
        service: usize,
        trace: usize,
        call: Option<&Call>,
    ) -> usize {
        let trace = self.log.traces[trace];
        let strays = call.is_some_and(|call| call.strays > 0.0 && self.chance.share(call.strays));
        let mut usable: Vec<usize> = (0..self.machines.len())
            .filter(|&at| self.log.instances[at].service == service)
            .collect();
        let in_cell = |at: &usize| strays || self.log.instances[*at].cell == trace.cell;
        if usable.iter().any(in_cell) {
            usable.retain(in_cell);
        }
        if let Some(size) = self.system.services[service].shard {
            let of = scatter(self.system.seed ^ scatter(trace.tenant) ^ service as u64);
            usable.sort_by_key(|&at| scatter(of ^ at as u64));
            usable.truncate(size);
            usable.sort_unstable();
        }
        let memory = self.memories.entry((from, service)).or_default();
        memory.turn += 1;
        usable[memory.turn % usable.len()]
    }

    /// Returns how long a packet of an attempt takes, one way.
    pub(super) fn latency_of(&mut self, attempt: usize) -> u64 {
        let attempt = &self.log.attempts[attempt];
        let caller = self.log.activities[self.log.calls[attempt.call].activity].instance;
        let (one, other) = (
            &self.log.instances[caller],
            &self.log.instances[attempt.instance],
        );
        let region = |instance: &Instance| self.system.services[instance.service].region;
        let (base, noise) = if region(one) != region(other) {
            let known = self.system.distances.get(&(region(one), region(other)));
            (known.copied().unwrap_or(ms(40)), us(300))
        } else if one.zone != other.zone {
            (us(600), us(100))
        } else if one.host != other.host {
            (us(200), us(50))
        } else {
            (us(50), us(10))
        };
        base + self.chance.around(noise)
    }

    /// Returns the number of a call's callee.
    pub(super) fn callee(&self, call: &Rc<Call>) -> usize {
        self.system.service(call.service)
    }
}
