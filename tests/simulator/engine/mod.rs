//! Lets a story happen: a queue of events in true time, and what each does.
//!
//! Instances have a fixed number of workers and a first-in-first-out queue before them. An operation holds a worker from its start to its
//! end, also while it waits. Nothing cancels work: who is no longer waited for works on. Events at one time happen in the order in which they were
//! planned, so a story always goes the same way.

mod calls;

mod fibers;

mod places;

use std::collections::{BTreeMap, VecDeque};

use crate::simulator::chance::{Chance, scatter};
use crate::simulator::log::{Activity, Ending, Failure, Kind, Log, Request, Trace};
use crate::simulator::program::us;
use crate::simulator::system::{Effect, System};

use fibers::Fiber;

/// What is planned to happen.
enum Event {
    /// A user of this load comes.
    User(usize),
    /// An instance is asked whether it is well.
    Health(usize),
    /// An instance dies.
    Death(usize),
    /// A request or message reaches an instance.
    Arrival(usize, Job),
    /// A thread of work has done what it did by itself.
    Wake(usize),
    /// An attempt ends, if it has not ended yet.
    End(usize, Ending),
    /// The pause before the next attempt is over.
    Again(usize),
    /// A call is hedged, if it is still under way.
    Hedge(usize),
}

/// What an instance is asked for.
#[derive(Clone)]
struct Job {
    trace: usize,
    operation: usize,
    kind: Kind,
    parent: Option<u64>,
    attempt: Option<usize>,
    request: Option<usize>,
    message: Option<usize>,
}

/// What an instance does at the moment.
#[derive(Default)]
struct Machine {
    busy: Vec<usize>,
    queue: VecDeque<Job>,
}

/// What an instance remembers of calling a service.
#[derive(Default)]
struct Memory {
    turn: usize,
    calls: u64,
    retries: u64,
    failures: u32,
    resting_until: u64,
}

/// A running story.
pub(super) struct Engine<'a> {
    system: &'a System,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    planned: u64,
    chance: Chance,
    machines: Vec<Machine>,
    memories: BTreeMap<(Option<usize>, usize), Memory>,
    fibers: Vec<Fiber>,
    log: Log,
}

impl<'a> Engine<'a> {
    /// Lets the story happen, until nobody works any more.
    pub(super) fn run(system: &'a System) -> Log {
        let instances = system.instances();
        let mut engine = Engine {
            system,
            now: 0,
            events: BTreeMap::new(),
            planned: 0,
            chance: Chance::new(scatter(system.seed)),
            machines: instances.iter().map(|_| Machine::default()).collect(),
            memories: BTreeMap::new(),
            fibers: Vec::new(),
            log: Log {
                instances,
                ..Log::default()
            },
        };
        for (at, load) in system.loads.iter().enumerate() {
            let first = load.when.start + engine.chance.around(load.gap);
            engine.plan(first - engine.now, Event::User(at));
        }
        for instance in 0..engine.machines.len() {
            if let Some(every) = system.health_checks {
                let first = engine.chance.between(0, every);
                engine.plan(first, Event::Health(instance));
            }
        }
        for fault in &system.faults {
            for instance in 0..engine.machines.len() {
                if fault.effect == Effect::Dead && engine.is_dead_at(instance, fault.when.start) {
                    engine.plan(fault.when.start, Event::Death(instance));
                }
            }
        }
        while let Some(((now, _), event)) = engine.events.pop_first() {
            engine.now = now;
            engine.happen(event);
        }
        engine.log.fibers = engine.fibers.into_iter().map(|fiber| fiber.past).collect();
        engine.log
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::User(load) => self.user(load),
            Event::Health(instance) => self.health_check(instance),
            Event::Death(instance) => self.die(instance),
            Event::Arrival(instance, job) => self.arrive(instance, job),
            Event::Wake(fiber) => self.wake(fiber),
            Event::End(attempt, ending) => self.end_attempt(attempt, ending),
            Event::Again(call) => self.attempt(call),
            Event::Hedge(call) => self.hedge(call),
        }
    }

    fn plan(&mut self, after: u64, event: Event) {
        self.planned += 1;
        self.events.insert((self.now + after, self.planned), event);
    }

    fn span_id(&mut self) -> u64 {
        self.log.span_ids += 1;
        scatter(self.system.seed.rotate_left(32) ^ self.log.span_ids).max(1)
    }

    fn trace(&mut self, tenant: u64) -> usize {
        let cells = &self.system.cells;
        self.log.traces.push(Trace {
            high: self.chance.next(),
            low: self.chance.next(),
            tenant,
            cell: (!cells.is_empty()).then(|| cells[tenant as usize % cells.len()]),
        });
        self.log.traces.len() - 1
    }

    fn user(&mut self, load: usize) {
        let load_told = &self.system.loads[load];
        let gap = self.chance.around(load_told.gap);
        if self.now + gap < load_told.when.end {
            self.plan(gap, Event::User(load));
        }
        let service = self.system.service(load_told.service);
        let tenant = self.chance.between(0, self.system.tenants);
        let trace = self.trace(tenant);
        let instance = self.pick(None, service, trace, None);
        self.log.requests.push(Request {
            service: load_told.service,
            operation: load_told.operation,
            start: self.now,
            failure: None,
            activity: None,
        });
        let job = Job {
            trace,
            operation: self.system.operation(service, load_told.operation),
            kind: Kind::Server,
            parent: None,
            attempt: None,
            request: Some(self.log.requests.len() - 1),
            message: None,
        };
        self.arrive(instance, job);
    }

    fn health_check(&mut self, instance: usize) {
        if self.now >= self.system.until {
            return;
        }
        let every = self.system.health_checks.unwrap();
        self.plan(every, Event::Health(instance));
        if self.is_dead(instance) {
            return;
        }
        let (trace, span, fiber) = (self.trace(0), self.span_id(), self.new_fiber(usize::MAX));
        self.log.activities.push(Activity {
            trace,
            instance,
            operation: "GET /healthz",
            kind: Kind::Health,
            span,
            parent: None,
            message: None,
            attempt: None,
            request: None,
            start: self.now,
            end: Some(self.now + us(300)),
            killed: None,
            status: 200,
            failure: None,
            fiber,
        });
    }

    fn die(&mut self, instance: usize) {
        let machine = std::mem::take(&mut self.machines[instance]);
        for activity in machine.busy {
            self.log.activities[activity].killed = Some(self.now);
            let (attempt, request) = {
                let killed = &self.log.activities[activity];
                (killed.attempt, killed.request)
            };
            self.turn_away(instance, attempt, request, Ending::Reset);
        }
        for job in machine.queue {
            self.turn_away(instance, job.attempt, job.request, Ending::Reset);
        }
    }

    /// Lets who asked know that nobody answers.
    fn turn_away(
        &mut self,
        instance: usize,
        attempt: Option<usize>,
        request: Option<usize>,
        ending: Ending,
    ) {
        if let Some(attempt) = attempt {
            let latency = self.latency_of(attempt);
            self.plan(latency, Event::End(attempt, ending));
        }
        if let Some(request) = request {
            self.log.requests[request].failure = Some(Failure {
                instance,
                status: 503,
            });
        }
    }

    fn arrive(&mut self, instance: usize, job: Job) {
        if self.is_dead(instance) {
            self.turn_away(instance, job.attempt, job.request, Ending::Refused);
            return;
        }
        let workers = self.system.services[self.log.instances[instance].service].workers;
        if self.machines[instance].busy.len() < workers {
            self.start(instance, job);
        } else {
            self.machines[instance].queue.push_back(job);
        }
    }

    fn start(&mut self, instance: usize, job: Job) {
        let activity = self.log.activities.len();
        let service = &self.system.services[self.log.instances[instance].service];
        let operation = &service.operations[job.operation];
        let (span, fiber) = (self.span_id(), self.new_fiber(activity));
        self.log.activities.push(Activity {
            trace: job.trace,
            instance,
            operation: operation.name,
            kind: job.kind,
            span,
            parent: job.parent,
            message: job.message,
            attempt: job.attempt,
            request: job.request,
            start: self.now,
            end: None,
            killed: None,
            status: 200,
            failure: None,
            fiber,
        });
        if let Some(request) = job.request {
            self.log.requests[request].activity = Some(activity);
        }
        if let Some(attempt) = job.attempt {
            self.log.attempts[attempt].server = Some(activity);
        }
        self.machines[instance].busy.push(activity);
        let fails = self.suffers(instance, |effect| match effect {
            Effect::Fail(share) => Some(share),
            _ => None,
        });
        if fails {
            self.begin_failing(fiber);
        } else {
            self.begin(fiber, &operation.steps);
        }
        self.advance(fiber);
    }

    /// An activity is done: its worker takes the next job, and who asked gets the answer.
    fn finish(&mut self, activity: usize, failure: Option<Failure>) {
        let now = self.now;
        let done = &mut self.log.activities[activity];
        done.end = Some(now);
        done.failure = failure;
        if let Some(failure) = failure {
            done.status = failure.status;
        }
        let (instance, attempt, status) = (done.instance, done.attempt, done.status);
        if let Some(request) = done.request {
            self.log.requests[request].failure = failure;
        }
        let machine = &mut self.machines[instance];
        machine.busy.retain(|&busy| busy != activity);
        if let Some(attempt) = attempt {
            let latency = self.latency_of(attempt);
            let is_lost = self.suffers(instance, |effect| match effect {
                Effect::LoseAnswers(share) => Some(share),
                _ => None,
            });
            let ending = if is_lost {
                Ending::Reset
            } else {
                Ending::Answered(status)
            };
            self.plan(latency, Event::End(attempt, ending));
        }
        if let Some(job) = self.machines[instance].queue.pop_front() {
            self.start(instance, job);
        }
    }
}
