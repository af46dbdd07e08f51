//! Calls: attempts, timeouts, retries, hedges, breakers.

use std::rc::Rc;

use crate::simulator::engine::{Engine, Event, Job};
use crate::simulator::log::{Attempt, CallMade, Ending, Failure, Kind};
use crate::simulator::program::{Call, Telling, us};
use crate::simulator::system::Effect;

/// How long it takes to be told that the breaker is open.
const REJECTION: u64 = us(20);

impl Engine<'_> {
    /// Begins a logical call.
    pub(super) fn new_call(&mut self, fiber: usize, what: &Rc<Call>, undoes: bool) {
        let span = self.span_id();
        self.log.calls.push(CallMade {
            activity: self.activity_of(fiber),
            fiber: what.waits.then_some(fiber),
            what: Rc::clone(what),
            span,
            start: self.now,
            end: None,
            attempts: Vec::new(),
            pending: 0,
            succeeded: false,
            undoes,
        });
        let call = self.log.calls.len() - 1;
        self.memory(call).calls += 1;
        self.attempt(call);
        if let Some(after) = what.hedge {
            self.plan(after, Event::Hedge(call));
        }
    }

    /// Makes one attempt.
    pub(super) fn attempt(&mut self, call: usize) {
        let activity = self.log.calls[call].activity;
        if self.log.activities[activity].killed.is_some() {
            return;
        }
        let what = Rc::clone(&self.log.calls[call].what);
        let caller = self.caller(call);
        let trace = self.log.activities[activity].trace;
        let service = self.callee(&what);
        let instance = self.pick(Some(caller), service, trace, Some(&what));
        let number = self.log.calls[call].attempts.len();
        let span = match what.telling {
            Telling::Hidden => self.log.calls[call].span,
            Telling::Marked | Telling::Unmarked => self.span_id(),
        };
        let attempt = self.log.attempts.len();
        self.log.attempts.push(Attempt {
            call,
            number,
            span,
            instance,
            start: self.now,
            end: None,
            server: None,
        });
        self.log.calls[call].attempts.push(attempt);
        self.log.calls[call].pending += 1;
        if what.breaker.is_some() && self.now < self.memory(call).resting_until {
            self.plan(REJECTION, Event::End(attempt, Ending::Rejected));
            return;
        }
        if let Some(timeout) = what.timeout {
            self.plan(timeout, Event::End(attempt, Ending::TimedOut));
        }
        if !what.waits {
            self.plan(us(100), Event::End(attempt, Ending::Answered(202)));
        }
        let latency = self.latency_of(attempt);
        let is_lost = self.suffers(instance, |effect| match effect {
            Effect::LoseRequests(share) => Some(share),
            _ => None,
        });
        if is_lost {
            self.plan(2 * latency, Event::End(attempt, Ending::Reset));
            return;
        }
        let job = Job {
            trace,
            operation: self.system.operation(service, what.operation),
            kind: Kind::Server,
            parent: Some(span),
            attempt: Some(attempt),
            request: None,
            message: None,
        };
        self.plan(latency, Event::Arrival(instance, job));
    }

    /// An attempt ends for the caller, unless it had ended before.
    pub(super) fn end_attempt(&mut self, attempt: usize, ending: Ending) {
        if self.log.attempts[attempt].end.is_some() {
            return;
        }
        let call = self.log.attempts[attempt].call;
        self.log.attempts[attempt].end = Some((self.now, ending));
        self.log.calls[call].pending -= 1;
        self.note(call, ending);
        if ending.is_answer() {
            return self.settle(call, None);
        }
        if self.log.calls[call].pending > 0 || ending == Ending::Cancelled {
            return;
        }
        if self.may_repeat(call) {
            self.memory(call).retries += 1;
            let backoff = self.log.calls[call].what.backoff;
            let pause = backoff.draw(&mut self.chance);
            self.plan(pause, Event::Again(call));
            return;
        }
        let server = self.log.attempts[attempt].server;
        let instance = self.log.attempts[attempt].instance;
        let below = server.and_then(|server| self.log.activities[server].failure);
        let failure = below.unwrap_or(Failure {
            instance,
            status: 503,
        });
        self.settle(
            call,
            Some(Failure {
                status: 503,
                ..failure
            }),
        );
    }

    /// Counts failures in a row for the breaker.
    fn note(&mut self, call: usize, ending: Ending) {
        let now = self.now;
        let breaker = self.log.calls[call].what.breaker;
        let memory = self.memory(call);
        match ending {
            Ending::Cancelled | Ending::Rejected => {}
            ending if ending.is_answer() => memory.failures = 0,
            _ => memory.failures += 1,
        }
        if let Some(breaker) = breaker
            && ending != Ending::Rejected
            && memory.failures >= breaker.failures
        {
            memory.resting_until = now + breaker.rest;
        }
    }

    fn may_repeat(&mut self, call: usize) -> bool {
        let what = Rc::clone(&self.log.calls[call].what);
        let made = self.log.calls[call].attempts.len();
        let memory = self.memory(call);
        let is_in_budget = what
            .budget
            .is_none_or(|budget| (memory.retries + 1) as f64 <= budget * memory.calls as f64);
        made < what.attempts && is_in_budget && what.hedge.is_none()
    }

    pub(super) fn hedge(&mut self, call: usize) {
        if self.log.calls[call].end.is_none() {
            self.attempt(call);
        }
    }

    /// A call is over: attempts under way are given up, and its fiber goes on.
    fn settle(&mut self, call: usize, failure: Option<Failure>) {
        self.log.calls[call].end = Some(self.now);
        self.log.calls[call].succeeded = failure.is_none();
        for attempt in self.log.calls[call].attempts.clone() {
            self.end_attempt(attempt, Ending::Cancelled);
        }
        if let Some(fiber) = self.log.calls[call].fiber {
            self.go_on(fiber, call, failure);
        }
    }

    fn caller(&self, call: usize) -> usize {
        self.log.activities[self.log.calls[call].activity].instance
    }

    fn memory(&mut self, call: usize) -> &mut super::Memory {
        let caller = self.caller(call);
        let callee = self.callee(&self.log.calls[call].what);
        self.memories.entry((Some(caller), callee)).or_default()
    }
}
