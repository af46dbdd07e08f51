//! Requests running through the system, and the spans they leave behind.

use super::rng::Rng;
use super::system::{Call, Operation, System, Target};
use std::collections::BTreeMap;

/// A trace that grows past this makes no more calls.
const MAX_SPANS: usize = 1000;

/// One span.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) trace: (u64, u64),
    pub(super) id: u64,
    /// Zero for a root.
    pub(super) parent: u64,
    pub(super) instance: usize,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) what: What,
    pub(super) failure: Failure,
    /// Ordinal of a repeated request.
    pub(super) resend: u64,
    /// Trace and span that made the message.
    pub(super) link: Option<((u64, u64), u64)>,
}

/// What a span was doing.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// Serves an operation of its own service.
    Serve { operation: usize },
    /// Calls an operation of another service.
    Call { service: usize, operation: usize },
    /// Asks a database.
    Query { store: usize },
    /// Sends a message.
    Send { topic: usize },
    /// Works on a message.
    Process { topic: usize },
    /// Something inside the service.
    Inside { operation: usize },
}

/// How a span failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    None,
    /// An exception, here or in what was called.
    Error,
    /// The caller stopped waiting.
    Timeout,
    /// Nobody was there to take the call.
    Refused,
}

/// Calls and failed calls between two services, where both sides were written.
#[derive(Default)]
pub(super) struct Edge {
    pub(super) calls: u64,
    pub(super) errors: u64,
}

/// Edges by caller, callee and kind of the call.
pub(super) type Edges = BTreeMap<(usize, usize, &'static str), Edge>;

/// Runs requests.
pub(super) struct Requests<'s> {
    system: &'s System,
    rng: Rng,
    /// Spans of the request that runs.
    spans: Vec<Span>,
    /// Caller and callee among `spans`, with the kind of the call.
    pairs: Vec<(usize, usize, &'static str)>,
    trace: (u64, u64),
    now: u64,
    pub(super) edges: Edges,
}

/// A request reaching a service.
struct Arrival {
    service: usize,
    operation: usize,
    parent: u64,
    start: u64,
    /// The topic, when it is a message.
    topic: Option<usize>,
    link: Option<((u64, u64), u64)>,
}

/// How a call went.
struct Outcome {
    end: u64,
    failed: bool,
}

impl<'s> Requests<'s> {
    pub(super) fn new(system: &'s System, rng: Rng) -> Requests<'s> {
        Requests {
            system,
            rng,
            spans: Vec::new(),
            pairs: Vec::new(),
            trace: (0, 0),
            now: 1_764_000_000_000_000_000,
            edges: Edges::new(),
        }
    }

    /// Runs one request and hands over its spans, of which one in a hundred gets lost.
    pub(super) fn run(&mut self, mut take: impl FnMut(&Span)) {
        self.spans.clear();
        self.pairs.clear();
        self.now += self.rng.between(1_000_000, 3_000_000);
        self.trace = (self.rng.id(), self.rng.id());
        let service = self.rng.index(self.system.n_entries);
        let arrival = Arrival {
            service,
            operation: self
                .rng
                .index(self.system.services[service].operations.len()),
            parent: 0,
            start: self.now,
            topic: None,
            link: None,
        };
        self.serve(&arrival);

        let rng = &mut self.rng;
        let lost = self
            .spans
            .iter()
            .map(|_| rng.per_mille(10))
            .collect::<Vec<_>>();
        for &(caller, callee, kind) in &self.pairs {
            if lost[caller] || lost[callee] {
                continue;
            }
            let ends = [caller, callee].map(|i| &self.spans[i]);
            let [from, to] = ends.map(|span| self.system.instances[span.instance].service);
            let edge = self.edges.entry((from, to, kind)).or_default();
            edge.calls += 1;
            edge.errors += u64::from(ends.iter().any(|span| span.failure != Failure::None));
        }
        for (span, _) in self.spans.iter().zip(lost).filter(|(_, lost)| !lost) {
            take(span);
        }
    }

    /// Adds a span and returns its index.
    fn open(&mut self, instance: usize, parent: u64, start: u64, what: What) -> usize {
        self.spans.push(Span {
            trace: self.trace,
            id: self.rng.id(),
            parent,
            instance,
            start,
            end: start,
            what,
            failure: Failure::None,
            resend: 0,
            link: None,
        });
        self.spans.len() - 1
    }

    /// Serves a request; returns the index of its span, whose end and failure are known then.
    fn serve(&mut self, arrival: &Arrival) -> usize {
        let system = self.system;
        let service = &system.services[arrival.service];
        let operation = &service.operations[arrival.operation];
        let instance = self
            .rng
            .between(service.instances.start as u64, service.instances.end as u64)
            as usize;
        let what = match arrival.topic {
            Some(topic) => What::Process { topic },
            None => What::Serve {
                operation: arrival.operation,
            },
        };
        let index = self.open(instance, arrival.parent, arrival.start, what);
        self.spans[index].link = arrival.link;
        let mut parent = self.spans[index].id;
        let work = match self.rng.below(400) {
            // Now and then something hangs for longer than most callers wait.
            0 => self.rng.between(200_000_000, 3_000_000_000),
            _ => self.rng.duration(operation.work),
        };
        let start = arrival.start + work / 2;
        let inside = self.rng.per_mille(200).then(|| {
            let what = What::Inside {
                operation: arrival.operation,
            };
            self.open(instance, parent, arrival.start + work / 4, what)
        });
        if let Some(inside) = inside {
            parent = self.spans[inside].id;
        }
        let called = self.make_calls(operation, instance, parent, start);
        let end = called.end + work / 4;
        if let Some(inside) = inside {
            self.spans[inside].end = end;
        }
        self.spans[index].end = end + work / 4;
        if called.failed || self.rng.per_mille(4) {
            self.spans[index].failure = Failure::Error;
        }
        index
    }

    /// Makes the calls of an operation; most failures of them fail the operation.
    fn make_calls(
        &mut self,
        operation: &'s Operation,
        instance: usize,
        parent: u64,
        start: u64,
    ) -> Outcome {
        let mut result = Outcome {
            end: start,
            failed: false,
        };
        for call in &operation.calls {
            if self.spans.len() >= MAX_SPANS || !self.rng.per_mille(call.per_mille) {
                continue;
            }
            let at = if operation.parallel {
                start
            } else {
                result.end
            };
            let outcome = self.call(call, instance, parent, at);
            result.end = result.end.max(outcome.end);
            if outcome.failed && self.rng.per_mille(700) {
                result.failed = true;
                break;
            }
        }
        result
    }

    fn call(&mut self, call: &Call, instance: usize, parent: u64, start: u64) -> Outcome {
        match call.target {
            Target::Service { service, operation } => {
                let mut at = start;
                let mut attempt = 0;
                loop {
                    let outcome =
                        self.attempt(call, (service, operation), instance, parent, at, attempt);
                    if !outcome.failed || attempt == call.retries {
                        return outcome;
                    }
                    at = outcome.end + (20_000_000 << attempt);
                    attempt += 1;
                }
            }
            Target::Store(store) => {
                let index = self.open(instance, parent, start, What::Query { store });
                let end = start + self.rng.duration(900_000);
                let failed = self.rng.per_mille(1);
                self.close(
                    index,
                    end,
                    if failed {
                        Failure::Error
                    } else {
                        Failure::None
                    },
                )
            }
            Target::Topic(topic) => {
                let index = self.open(instance, parent, start, What::Send { topic });
                let end = start + self.rng.duration(700_000);
                self.deliver(index, topic, end);
                self.close(index, end, Failure::None)
            }
        }
    }

    fn close(&mut self, index: usize, end: u64, failure: Failure) -> Outcome {
        self.spans[index].end = end;
        self.spans[index].failure = failure;
        Outcome {
            end,
            failed: failure != Failure::None,
        }
    }

    /// Makes one attempt of a call. When the caller stops waiting, the server goes on.
    fn attempt(
        &mut self,
        call: &Call,
        (service, operation): (usize, usize),
        instance: usize,
        parent: u64,
        start: u64,
        attempt: u64,
    ) -> Outcome {
        let index = self.open(instance, parent, start, What::Call { service, operation });
        self.spans[index].resend = attempt;
        let network = self.rng.duration(300_000);
        if self.rng.per_mille(1) {
            return self.close(index, start + 2 * network, Failure::Refused);
        }
        let parent = self.spans[index].id;
        let arrival = Arrival {
            service,
            operation,
            parent,
            start: start + network,
            topic: None,
            link: None,
        };
        let served = self.serve(&arrival);
        self.pairs.push((index, served, "sync"));
        let Span { end, failure, .. } = self.spans[served];
        if end + network - start > call.timeout {
            self.close(index, start + call.timeout, Failure::Timeout)
        } else {
            self.close(
                index,
                end + network,
                if failure == Failure::None {
                    failure
                } else {
                    Failure::Error
                },
            )
        }
    }

    /// Lets every consumer work on a message: most in the same trace, the others in their own one with a link.
    fn deliver(&mut self, producer: usize, topic: usize, sent: u64) {
        let system = self.system;
        let made = &self.spans[producer];
        let origin = (made.trace, made.id);
        for &(service, operation) in &system.topics[topic].consumers {
            let start = sent + self.rng.duration(30_000_000);
            let own_trace = self.rng.per_mille(300);
            let trace = self.trace;
            if own_trace {
                self.trace = (self.rng.id(), self.rng.id());
            }
            let consumer = self.serve(&Arrival {
                service,
                operation,
                parent: if own_trace { 0 } else { origin.1 },
                start,
                topic: Some(topic),
                link: own_trace.then_some(origin),
            });
            self.trace = trace;
            self.pairs.push((producer, consumer, "message"));
        }
    }
}
