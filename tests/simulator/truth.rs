//! What really happened in a run, counted from the log of events in true time.
//!
//! Counts of edges leave out what a killed caller had under way: nobody can know of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulator::log::{CallMade, Ending, Kind, Log, Undo};
use crate::simulator::path;
use crate::simulator::program::{Step, Telling};
use crate::simulator::system::{Clock, Effect, Place, System};

/// A caller and who it calls.
pub(crate) type Pair = (&'static str, &'static str);

/// What really happened.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Calls between services.
    pub(crate) edges: BTreeMap<Pair, Edge>,
    /// Nanoseconds of each query, in order, by service and by system and database.
    pub(crate) queries: BTreeMap<(&'static str, String), Vec<u64>>,
    /// Messages sent by service and queue.
    pub(crate) sent: BTreeMap<Pair, u64>,
    /// Requests by service and operation.
    pub(crate) entries: BTreeMap<Pair, Entry>,
    /// Failed requests by the instance where the failure began.
    pub(crate) origins: BTreeMap<String, u64>,
    /// Instances at which something goes wrong at some time, and what.
    pub(crate) afflicted: BTreeMap<String, Vec<Effect>>,
    /// Calls under way, by instance that calls and service that is called.
    pub(crate) concurrency: BTreeMap<(String, &'static str), Concurrency>,
    /// The clocks of hosts.
    pub(crate) clocks: BTreeMap<String, Clock>,
    /// Calls without which an operation fails.
    pub(crate) hard: BTreeSet<Pair>,
    /// Calls without which operations go on.
    pub(crate) soft: BTreeSet<Pair>,
    /// Requests while a service was dead, and those of them that failed, by service, then by entry point.
    pub(crate) lost: BTreeMap<&'static str, BTreeMap<Pair, (u64, u64)>>,
    /// When each version of a service began its first and last work.
    pub(crate) versions: BTreeMap<Pair, (u64, u64)>,
    /// Who does the same again and again, and to whom.
    pub(crate) loops: BTreeSet<Pair>,
    /// Calls that left their cell.
    pub(crate) crossings: BTreeMap<Pair, u64>,
    /// Instances of a service that a tenant used.
    pub(crate) shards: BTreeMap<(&'static str, u64), BTreeSet<String>>,
    /// Messages that one service worked on twice with success.
    pub(crate) messages_done_twice: u64,
    /// What became of the steps of operations that failed, by step.
    pub(crate) undone: BTreeMap<&'static str, [u64; 3]>,
    /// Nanoseconds of critical paths by span id.
    pub(crate) critical: BTreeMap<u64, u64>,
    /// When the first work began and the last ended.
    pub(crate) window: (u64, u64),
}

/// Calls from one service to another.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    /// Logical calls.
    pub(crate) calls: u64,
    /// Logical calls whose final attempt failed.
    pub(crate) failed_calls: u64,
    /// Attempts.
    pub(crate) attempts: u64,
    /// Attempts that somebody worked on.
    pub(crate) served: u64,
    /// Attempts that failed on both sides.
    pub(crate) failed_both: u64,
    /// Attempts of which only the caller saw that they failed.
    pub(crate) failed_client_only: u64,
    /// Attempts of which the callee alone says that they failed: those that something below the caller's span repeated, and
    /// those that nobody waited for.
    pub(crate) failed_server_only: u64,
    /// Attempts that the caller gave up after its timeout.
    pub(crate) timeouts: u64,
    /// Attempts that a breaker did not let through.
    pub(crate) rejected: u64,
    /// Retries marked, hidden, and unmarked.
    pub(crate) retries: [u64; 3],
    /// Attempts made beside another.
    pub(crate) hedges: u64,
    /// The most attempts of one call.
    pub(crate) most_attempts: u64,
    /// Attempts that succeeded although the caller had to take them for failed.
    pub(crate) phantoms: u64,
    /// Calls that may not be repeated without harm (POST, PATCH) and succeeded more than once.
    pub(crate) done_twice: u64,
    /// Nanoseconds that callees worked after nobody waited any more.
    pub(crate) orphan_ns: u64,
    /// Nanoseconds of each attempt that went on after nobody waited any more.
    pub(crate) orphans: Vec<u64>,
    /// Nanoseconds by which callees' spans outlast those of callers who gave up.
    pub(crate) outlasted_ns: u64,
    /// Nanoseconds of each calling span, in order.
    pub(crate) client_ns: Vec<u64>,
    /// Nanoseconds of each called span, in order.
    pub(crate) server_ns: Vec<u64>,
}

/// Requests of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// All.
    pub(crate) requests: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that nobody worked on to an end, so that nobody recorded them.
    pub(crate) unseen: u64,
}

/// Calls under way at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// The most.
    pub(crate) peak: u64,
    /// The sum of all durations.
    pub(crate) total_ns: u64,
}

impl Truth {
    /// Counts what happened.
    pub(super) fn of(system: &System, log: &Log) -> Truth {
        let mut truth = Truth {
            critical: path::critical(log),
            ..Truth::default()
        };
        truth.read_programs(system);
        truth.count_calls(system, log);
        truth.count_queries(system, log);
        truth.count_requests(system, log);
        truth.count_activities(system, log);
        for instance in &log.instances {
            let clock = system.clock_of(&instance.host);
            truth.clocks.insert(instance.host.clone(), clock);
        }
        for instance in &log.instances {
            let mut effects: Vec<Effect> = Vec::new();
            for fault in &system.faults {
                effects.extend(system.effects(instance, fault.when.start));
            }
            effects.dedup();
            if !effects.is_empty() {
                truth.afflicted.insert(instance.name.clone(), effects);
            }
        }
        for (step, undo) in log.sagas.iter().flat_map(|saga| &saga.done) {
            let counts = truth.undone.entry(step).or_default();
            counts[match undo {
                Undo::Succeeded => 0,
                Undo::Failed => 1,
                Undo::Forgotten => 2,
            }] += 1;
        }
        truth
    }

    /// Returns how far the clock of one host is ahead of another's, at least and at most.
    pub(crate) fn ahead(&self, of: &str, host: &str) -> (i64, i64) {
        let (one, other) = (self.clocks[of], self.clocks[host]);
        let at = |time: u64| other.ahead(time) - one.ahead(time);
        let (start, end) = (at(self.window.0), at(self.window.1));
        (start.min(end), start.max(end))
    }

    fn read_programs(&mut self, system: &System) {
        for service in &system.services {
            for operation in &service.operations {
                self.read_steps(service.name, &operation.steps);
            }
        }
    }

    fn read_steps(&mut self, service: &'static str, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Call(call) if call.waits => {
                    let pair = (service, call.service);
                    if call.fallback {
                        self.soft.insert(pair);
                    } else {
                        self.hard.insert(pair);
                    }
                }
                Step::Together(branches) => {
                    for branch in branches {
                        self.read_steps(service, branch);
                    }
                }
                Step::Times(_, _, steps) => {
                    self.read_steps(service, steps);
                    self.loops
                        .extend(steps.iter().filter_map(|step| match step {
                            Step::Call(call) => Some((service, call.service)),
                            Step::Query(query) => Some((service, query.database)),
                            _ => None,
                        }));
                }
                Step::Work(_)
                | Step::Call(_)
                | Step::Query(_)
                | Step::Send(_)
                | Step::Answer(..) => {}
            }
        }
    }

    fn count_calls(&mut self, system: &System, log: &Log) {
        let mut under_way: BTreeMap<(String, &'static str), Vec<(u64, u64)>> = BTreeMap::new();
        for call in &log.calls {
            let Some(end) = call
                .end
                .filter(|&end| !log.is_lost(call.activity, Some(end)))
            else {
                continue;
            };
            let caller = &log.instances[log.activities[call.activity].instance];
            let pair = (system.services[caller.service].name, call.what.service);
            let spans = match call.what.telling {
                Telling::Hidden => vec![(call.start, end)],
                Telling::Marked | Telling::Unmarked => call
                    .attempts
                    .iter()
                    .filter_map(|&at| {
                        let attempt = &log.attempts[at];
                        attempt.end.map(|(end, _)| (attempt.start, end))
                    })
                    .collect(),
            };
            let edge = self.edges.entry(pair).or_default();
            edge.client_ns
                .extend(spans.iter().map(|(start, end)| end - start));
            under_way
                .entry((caller.name.clone(), call.what.service))
                .or_default()
                .extend(spans);
            edge.add(log, call, end);
            for &attempt in &call.attempts {
                let callee = &log.instances[log.attempts[attempt].instance];
                if callee.cell != caller.cell {
                    *self.crossings.entry(pair).or_default() += 1;
                }
            }
        }
        for edge in self.edges.values_mut() {
            edge.client_ns.sort_unstable();
            edge.server_ns.sort_unstable();
        }
        for (pair, spans) in under_way {
            self.concurrency.insert(pair, Concurrency::of(&spans));
        }
    }

    fn count_queries(&mut self, system: &System, log: &Log) {
        let service = |activity: usize| {
            let instance = &log.instances[log.activities[activity].instance];
            system.services[instance.service].name
        };
        for query in &log.queries {
            if !log.is_lost(query.activity, Some(query.end)) {
                let database = format!("{}/{}", query.what.system, query.what.database);
                let queries = self.queries.entry((service(query.activity), database));
                queries.or_default().push(query.end - query.start);
            }
        }
        for queries in self.queries.values_mut() {
            queries.sort_unstable();
        }
        for message in &log.messages {
            if !log.is_lost(message.activity, Some(message.end)) {
                let pair = (service(message.activity), message.queue);
                *self.sent.entry(pair).or_default() += 1;
            }
        }
    }

    fn count_requests(&mut self, system: &System, log: &Log) {
        for request in &log.requests {
            let pair = (request.service, request.operation);
            let is_seen = request
                .activity
                .is_some_and(|at| log.activities[at].end.is_some());
            let entry = self.entries.entry(pair).or_default();
            entry.requests += 1;
            entry.failed += u64::from(request.failure.is_some());
            entry.unseen += u64::from(!is_seen);
            if let Some(failure) = request.failure {
                let origin = log.instances[failure.instance].name.clone();
                *self.origins.entry(origin).or_default() += 1;
            }
            for fault in &system.faults {
                if let (Place::Service(service), Effect::Dead) = (fault.place, fault.effect)
                    && fault.when.contains(&request.start)
                {
                    let entries = self.lost.entry(service).or_default();
                    let (requests, lost) = entries.entry(pair).or_default();
                    *requests += 1;
                    *lost += u64::from(request.failure.is_some());
                }
            }
        }
    }

    fn count_activities(&mut self, system: &System, log: &Log) {
        let mut done: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        self.window = (u64::MAX, 0);
        for activity in &log.activities {
            let Some(end) = activity.end else {
                continue;
            };
            let instance = &log.instances[activity.instance];
            let service = system.services[instance.service].name;
            self.window.0 = self.window.0.min(activity.start);
            self.window.1 = self.window.1.max(end);
            let version = (service, system.version(instance, activity.start));
            let window = self.versions.entry(version).or_insert((u64::MAX, 0));
            *window = (window.0.min(activity.start), window.1.max(activity.start));
            if activity.kind == Kind::Server {
                let tenant = log.traces[activity.trace].tenant;
                let shard = self.shards.entry((service, tenant)).or_default();
                shard.insert(instance.name.clone());
            }
            if let Some(message) = activity.message
                && activity.status < 500
            {
                *done.entry((message, instance.service)).or_default() += 1;
            }
        }
        self.messages_done_twice = done.values().filter(|&&times| times > 1).count() as u64;
    }
}

impl Edge {
    /// Adds a logical call that ended then.
    fn add(&mut self, log: &Log, call: &CallMade, call_end: u64) {
        self.calls += 1;
        self.failed_calls += u64::from(!call.succeeded);
        self.most_attempts = self.most_attempts.max(call.attempts.len() as u64);
        let is_hidden = call.what.telling == Telling::Hidden;
        let mut successes = 0;
        for (place, &at) in call.attempts.iter().enumerate() {
            let attempt = &log.attempts[at];
            let Some((end, ending)) = attempt.end else {
                continue;
            };
            self.attempts += 1;
            if place > 0 && call.what.hedge.is_some() {
                self.hedges += 1;
            } else if place > 0 {
                self.retries[match call.what.telling {
                    Telling::Marked => 0,
                    Telling::Hidden => 1,
                    Telling::Unmarked => 2,
                }] += 1;
            }
            self.timeouts += u64::from(ending == Ending::TimedOut);
            self.rejected += u64::from(ending == Ending::Rejected);
            // Of several attempts below one span, the caller knows how the last ended.
            let is_told = !is_hidden || place + 1 == call.attempts.len();
            let server = attempt.server.map(|at| &log.activities[at]);
            let served = server.and_then(|server| Some((server, server.end?)));
            let server_failed = served.is_some_and(|(server, _)| server.status >= 500);
            match (ending.is_failure() && is_told, server_failed) {
                (true, true) => self.failed_both += 1,
                (true, false) => self.failed_client_only += 1,
                (false, true) => self.failed_server_only += 1,
                (false, false) => {}
            }
            let Some((server, served_until)) = served else {
                continue;
            };
            self.served += 1;
            self.server_ns.push(served_until - server.start);
            let gave_up = !matches!(ending, Ending::Answered(_));
            successes += u64::from(!server_failed);
            self.phantoms += u64::from(gave_up && !server_failed);
            if gave_up {
                let abandoned = end.max(server.start);
                let orphan = served_until.saturating_sub(abandoned);
                self.orphan_ns += orphan;
                self.orphans.push(orphan);
                let client_ns = if is_hidden {
                    call_end - call.start
                } else {
                    end - attempt.start
                };
                self.outlasted_ns += (served_until - server.start).saturating_sub(client_ns);
            }
        }
        let operation = call.what.operation;
        let may_harm = operation.starts_with("POST") || operation.starts_with("PATCH");
        self.done_twice += u64::from(may_harm && successes > 1);
    }
}

impl Concurrency {
    /// Counts intervals by looking at each beginning, when the most are under way.
    pub(crate) fn of(spans: &[(u64, u64)]) -> Concurrency {
        let mut changes: Vec<(u64, i64)> = spans
            .iter()
            .flat_map(|&(start, end)| [(start, 1), (end, -1)])
            .collect();
        // Ends come first.
        changes.sort_unstable();
        let (mut now, mut peak) = (0, 0);
        for (_, change) in changes {
            now += change;
            peak = peak.max(now);
        }
        Concurrency {
            peak: peak.unsigned_abs(),
            total_ns: spans.iter().map(|(start, end)| end - start).sum(),
        }
    }
}
