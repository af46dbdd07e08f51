//! Threads of work: what an activity does step by step, and what it does at once.

use std::rc::Rc;

use crate::simulator::engine::{Engine, Event, Job};
use crate::simulator::log::{Failure, Kind, Message, QueryMade, Saga, Segment, Undo, What};
use crate::simulator::program::{Call, Step, answer, ms, us, work};
use crate::simulator::system::Effect;

/// A thread of work.
#[derive(Default)]
pub(super) struct Fiber {
    activity: usize,
    /// What is still to be done: steps, the next of them, and how often they come.
    frames: Vec<(Rc<[Step]>, usize, u64)>,
    /// What it is doing, and since when.
    current: Option<(u64, What)>,
    pub(super) past: Vec<Segment>,
    /// Who waits for it.
    parent: Option<usize>,
    /// Whom it waits for.
    pending: usize,
    failure: Option<Failure>,
    /// What it did that can be undone: the operation, what undoes it, and whether that is forgotten.
    done: Vec<(&'static str, Rc<Call>, bool)>,
    /// What is still to be undone, by its place in the saga.
    undoing: Vec<(usize, Rc<Call>)>,
    saga: Option<usize>,
    /// What is being undone.
    undone: Option<usize>,
}

impl Engine<'_> {
    pub(super) fn activity_of(&self, fiber: usize) -> usize {
        self.fibers[fiber].activity
    }

    pub(super) fn new_fiber(&mut self, activity: usize) -> usize {
        self.fibers.push(Fiber {
            activity,
            ..Fiber::default()
        });
        self.fibers.len() - 1
    }

    pub(super) fn begin(&mut self, fiber: usize, steps: &Rc<[Step]>) {
        self.fibers[fiber].frames.push((Rc::clone(steps), 0, 1));
    }

    /// Fails after a millisecond, whatever was asked for.
    pub(super) fn begin_failing(&mut self, fiber: usize) {
        self.begin(fiber, &Rc::from([work(ms(1)), answer(503, 1.0)]));
    }

    /// Does one step after the other until one takes time.
    pub(super) fn advance(&mut self, fiber: usize) {
        let activity = self.fibers[fiber].activity;
        loop {
            if self.log.activities[activity].killed.is_some() {
                return;
            }
            if self.fibers[fiber].failure.is_some() {
                let Some((place, call)) = self.fibers[fiber].undoing.pop() else {
                    return self.finish_fiber(fiber);
                };
                self.fibers[fiber].undone = Some(place);
                return self.call(fiber, &call, true);
            }
            let Some(step) = self.next_step(fiber) else {
                return self.finish_fiber(fiber);
            };
            match step {
                Step::Work(time) => {
                    let ns = time.draw(&mut self.chance);
                    let ns = self.slowed(activity, ns);
                    return self.busy(fiber, ns, What::Own);
                }
                Step::Call(call) if call.waits => return self.call(fiber, &call, false),
                Step::Call(call) => {
                    self.new_call(fiber, &call, false);
                }
                Step::Query(query) => {
                    let ns = query.time.draw(&mut self.chance);
                    let span = self.span_id();
                    self.log.queries.push(QueryMade {
                        activity,
                        what: query,
                        span,
                        start: self.now,
                        end: self.now + ns,
                    });
                    let made = self.log.queries.len() - 1;
                    return self.busy(fiber, ns, What::Query(made));
                }
                Step::Send(queue) => {
                    let sent = self.send(activity, queue);
                    return self.busy(fiber, us(40), What::Send(sent));
                }
                Step::Together(branches) => return self.fork(fiber, &branches),
                Step::Times(least, most, steps) => {
                    let n = self.chance.between(least, most + 1);
                    self.fibers[fiber].frames.push((steps, 0, n));
                }
                Step::Answer(status, share) => {
                    if self.chance.share(share) {
                        self.answer(fiber, status);
                    }
                }
            }
        }
    }

    fn next_step(&mut self, fiber: usize) -> Option<Step> {
        let frames = &mut self.fibers[fiber].frames;
        loop {
            let (steps, next, rounds) = frames.last_mut()?;
            if *rounds == 0 {
                frames.pop();
            } else if let Some(step) = steps.get(*next) {
                *next += 1;
                return Some(step.clone());
            } else {
                (*next, *rounds) = (0, *rounds - 1);
            }
        }
    }

    fn busy(&mut self, fiber: usize, ns: u64, what: What) {
        self.fibers[fiber].current = Some((self.now, what));
        self.plan(ns, Event::Wake(fiber));
    }

    fn slowed(&self, activity: usize, ns: u64) -> u64 {
        let instance = &self.log.instances[self.log.activities[activity].instance];
        let factors = self.system.effects(instance, self.now);
        factors.fold(ns, |ns, effect| match effect {
            Effect::Slow(factor) => (ns as f64 * factor) as u64,
            _ => ns,
        })
    }

    /// Ends the current step and goes on.
    pub(super) fn wake(&mut self, fiber: usize) {
        if let Some((start, what)) = self.fibers[fiber].current.take() {
            let end = self.now;
            self.fibers[fiber].past.push(Segment { start, end, what });
        }
        self.advance(fiber);
    }

    fn answer(&mut self, fiber: usize, status: u16) {
        let activity = &mut self.log.activities[self.fibers[fiber].activity];
        if status < 500 {
            activity.status = status;
            self.fibers[fiber].frames.clear();
            return;
        }
        let instance = activity.instance;
        self.fail(fiber, Failure { instance, status });
    }

    /// Stops the program, and plans to undo what can be undone.
    pub(super) fn fail(&mut self, fiber: usize, failure: Failure) {
        let this = &mut self.fibers[fiber];
        this.failure = Some(failure);
        this.frames.clear();
        if this.done.is_empty() {
            return;
        }
        let done: Vec<_> = this.done.drain(..).collect();
        this.saga = Some(self.log.sagas.len());
        self.log.sagas.push(Saga {
            done: done
                .iter()
                .map(|(operation, _, _)| (*operation, Undo::Forgotten))
                .collect(),
        });
        let remembered = done.into_iter().enumerate();
        this.undoing = remembered
            .filter(|(_, (_, _, is_forgotten))| !is_forgotten)
            .map(|(place, (_, undo, _))| (place, undo))
            .collect();
    }

    fn finish_fiber(&mut self, fiber: usize) {
        let (activity, failure) = (self.fibers[fiber].activity, self.fibers[fiber].failure);
        let Some(parent) = self.fibers[fiber].parent else {
            return self.finish(activity, failure);
        };
        self.fibers[parent].pending -= 1;
        if let Some(failure) = failure
            && self.fibers[parent].failure.is_none()
        {
            self.fail(parent, failure);
        }
        if self.fibers[parent].pending == 0 {
            self.wake(parent);
        }
    }

    fn fork(&mut self, fiber: usize, branches: &[Rc<[Step]>]) {
        let activity = self.fibers[fiber].activity;
        let children: Vec<usize> = branches.iter().map(|_| self.new_fiber(activity)).collect();
        self.fibers[fiber].pending = children.len();
        self.fibers[fiber].current = Some((self.now, What::Join(children.clone())));
        for (&child, steps) in children.iter().zip(branches) {
            self.fibers[child].parent = Some(fiber);
            self.begin(child, steps);
        }
        for child in children {
            self.advance(child);
        }
    }

    /// Calls and waits.
    fn call(&mut self, fiber: usize, call: &Rc<Call>, undoes: bool) {
        let made = self.log.calls.len();
        self.fibers[fiber].current = Some((self.now, What::Call(made)));
        self.new_call(fiber, call, undoes);
    }

    /// A call is done: its fiber goes on, or fails.
    pub(super) fn go_on(&mut self, fiber: usize, call: usize, failure: Option<Failure>) {
        if self.log.activities[self.fibers[fiber].activity]
            .killed
            .is_some()
        {
            return;
        }
        let made = &self.log.calls[call];
        let what = Rc::clone(&made.what);
        let undoes = made.undoes;
        match failure {
            _ if undoes => {
                let this = &mut self.fibers[fiber];
                if let (Some(saga), Some(place)) = (this.saga, this.undone.take()) {
                    self.log.sagas[saga].done[place].1 = if failure.is_some() {
                        Undo::Failed
                    } else {
                        Undo::Succeeded
                    };
                }
            }
            None => {
                if let Some((undo, forgotten)) = &what.undo {
                    let is_forgotten = self.chance.share(*forgotten);
                    let done = (what.operation, Rc::clone(undo), is_forgotten);
                    self.fibers[fiber].done.push(done);
                }
            }
            Some(_) if what.fallback => {}
            Some(failure) => self.fail(fiber, failure),
        }
        self.wake(fiber);
    }

    fn send(&mut self, activity: usize, queue: &'static str) -> usize {
        let span = self.span_id();
        self.log.messages.push(Message {
            activity,
            queue,
            span,
            start: self.now,
            end: self.now + us(40),
        });
        let message = self.log.messages.len() - 1;
        let tenant = self.log.traces[self.log.activities[activity].trace].tenant;
        for service in 0..self.system.services.len() {
            let operations = &self.system.services[service].operations;
            let Some(operation) = operations
                .iter()
                .position(|operation| operation.takes_messages && operation.name == queue)
            else {
                continue;
            };
            let again = self.chance.share(self.system.redelivered);
            for delivery in 0..1 + u64::from(again) {
                let trace = self.trace(tenant);
                let instance = self.pick(None, service, trace, None);
                let job = Job {
                    trace,
                    operation,
                    kind: Kind::Consumer,
                    parent: None,
                    attempt: None,
                    request: None,
                    message: Some(message),
                };
                self.plan(ms(2) + delivery * ms(500), Event::Arrival(instance, job));
            }
        }
        message
    }
}
