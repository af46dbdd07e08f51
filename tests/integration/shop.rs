//! Random systems: what they are asked, what they answer, and the spans they leave behind.
//!
//! The spans have everything that makes a graph hard: both halves of http and gRPC calls, failures on either side,
//! retries with and without a mark and below one CLIENT span, databases, messages inside and across traces, jobs, services
//! known by address alone, lost spans, copies, ids shared by both halves, 64-bit trace ids, sampling weights, several
//! instances, and two services of one name.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use crate::dice::Dice;
use crate::otlp::{number, text};

/// Kinds of spans, as OTLP numbers them.
pub(crate) const INTERNAL: i32 = 1;
pub(crate) const SERVER: i32 = 2;
pub(crate) const CLIENT: i32 = 3;
pub(crate) const PRODUCER: i32 = 4;
pub(crate) const CONSUMER: i32 = 5;

/// Services by namespace, name and the address they are called at.
pub(crate) const SERVICES: &[(&str, &str, &str)] = &[
    ("", "web", "front.internal"),
    ("", "checkout", "checkout.shop.svc.cluster.local"),
    ("eu", "cart", "cart-eu.internal"),
    ("us", "cart", "cart-us.internal"),
    ("", "stock", "warehouse.internal"),
    // Two services answer at one address: it can teach nothing.
    ("", "prices", "shared.internal"),
    ("", "taxes", "shared.internal"),
    ("", "mail", "mail.internal"),
];

/// Names of messages' destinations.
pub(crate) const TOPICS: &[&str] = &["orders", "returns"];

/// A span made, with what a recount needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// The service, as an index of [`SERVICES`].
    pub(crate) service: usize,
    /// Its instance.
    pub(crate) instance: usize,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Whether it stands for two.
    pub(crate) weight: u64,
    /// How the two sides speak: `http`, `grpc`, `database`, `messaging`, or nothing.
    pub(crate) protocol: &'static str,
    /// What it calls when nobody answers: an address, a database, a topic.
    pub(crate) peer: String,
    /// The span itself.
    pub(crate) span: Span,
}

/// A trace under construction.
struct Trace<'a> {
    dice: &'a mut Dice,
    high: u64,
    low: u64,
    weight: u64,
    shares_ids: bool,
    spans: Vec<Made>,
}

/// Returns the spans of a random system.
pub(crate) fn spans(seed: u64, traces: usize) -> Vec<Made> {
    let mut dice = Dice::new(seed);
    let mut all = Vec::new();
    // Messages on their way: the spans that sent them.
    let mut sent: Vec<(Vec<u8>, Vec<u8>, usize, u64)> = Vec::new();
    for number in 0..traces {
        let mut trace = Trace {
            high: if dice.percent(10) { 0 } else { dice.next() },
            low: dice.next(),
            weight: if dice.percent(20) { 2 } else { 1 },
            shares_ids: dice.percent(15),
            spans: Vec::new(),
            dice: &mut dice,
        };
        let at = 1_700_000_000_000_000_000 + number as u64 * 1_000_000_000;
        match trace.dice.below(10) {
            0 => trace.job(at),
            1 if !sent.is_empty() => {
                let messages = 1 + trace.dice.below(3);
                let taken: Vec<_> = (0..messages)
                    .map(|_| sent[trace.dice.below(sent.len())].clone())
                    .collect();
                trace.batch(at, &taken);
            }
            _ => {
                let calls = if number % 97 == 50 { 150 } else { 4 };
                let service = trace.dice.below(2);
                trace.request(service, at, calls);
            }
        }
        let mut spans = trace.spans;
        for made in spans.iter().filter(|made| made.span.kind == PRODUCER) {
            let topic = TOPICS
                .iter()
                .position(|topic| made.peer.ends_with(topic))
                .unwrap();
            sent.push((
                made.span.trace_id.clone(),
                made.span.span_id.clone(),
                topic,
                made.span.end_time_unix_nano,
            ));
        }
        let shared = spans.iter().any(|made| {
            spans
                .iter()
                .filter(|other| other.span.span_id == made.span.span_id)
                .count()
                > 1
        });
        if !shared {
            spans.retain(|_| !dice.percent(4));
        }
        for at in 0..spans.len() {
            if dice.percent(3) {
                let mut copy = spans[at].clone();
                if dice.percent(50) {
                    copy.span.end_time_unix_nano += 1_000_000;
                }
                spans.push(copy);
            }
            // Some exporters know the lower half of a trace id alone.
            if dice.percent(3) {
                spans[at].span.trace_id[..8].fill(0);
            }
        }
        all.append(&mut spans);
    }
    all
}

impl Trace<'_> {
    /// Adds a span; returns its place.
    fn span(
        &mut self,
        service: usize,
        kind: i32,
        parent: &[u8],
        times: (u64, u64),
        attributes: Vec<KeyValue>,
    ) -> usize {
        let trace_id = [self.high.to_be_bytes(), self.low.to_be_bytes()].concat();
        let state = if self.weight == 2 { "ot=th:8" } else { "" };
        let span = Span {
            trace_id,
            span_id: (self.dice.next() | 1).to_be_bytes().to_vec(),
            parent_span_id: parent.to_vec(),
            name: format!("work {service}"),
            kind,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.1,
            trace_state: state.to_owned(),
            attributes,
            ..Span::default()
        };
        let instance = self.dice.below(1 + service % 3);
        self.spans.push(Made {
            service,
            instance,
            failed: false,
            weight: self.weight,
            protocol: "",
            peer: String::new(),
            span,
        });
        self.spans.len() - 1
    }

    fn id(&self, at: usize) -> Vec<u8> {
        self.spans[at].span.span_id.clone()
    }

    /// A request of a user.
    fn request(&mut self, service: usize, at: u64, calls: usize) {
        let attributes = vec![
            text("http.request.method", "GET"),
            text("http.route", "/items/{id}"),
        ];
        let root = self.span(service, SERVER, &[], (at, at + 900_000_000), attributes);
        self.spans[root].protocol = "http";
        self.work(root, at + 1_000_000, calls, 0);
    }

    /// Work that nobody asked for.
    fn job(&mut self, at: u64) {
        let root = self.span(7, INTERNAL, &[], (at, at + 700_000_000), Vec::new());
        self.work(root, at + 1_000_000, 3, 1);
    }

    /// Work on messages of other traces, which are linked.
    fn batch(&mut self, at: u64, taken: &[(Vec<u8>, Vec<u8>, usize, u64)]) {
        let topic = taken[0].2;
        let start = taken.iter().map(|sent| sent.3).max().unwrap_or(at).max(at);
        let consumer = self.consumer(topic, &[], start);
        self.spans[consumer].span.links = taken
            .iter()
            .map(|(trace, span, _, _)| link(trace, span))
            .collect();
        self.work(consumer, start + 1_000_000, 2, 1);
    }

    fn consumer(&mut self, topic: usize, parent: &[u8], at: u64) -> usize {
        let mut attributes = messaging(TOPICS[topic]);
        attributes.push(text("messaging.operation.type", "process"));
        let taker = 4 + 3 * self.dice.below(2);
        let consumer = self.span(taker, CONSUMER, parent, (at, at + 500_000_000), attributes);
        self.spans[consumer].protocol = "messaging";
        self.spans[consumer].peer = format!("kafka/{}", TOPICS[topic]);
        if self.dice.percent(10) {
            self.fail(consumer, "handler");
        }
        consumer
    }

    /// What a span does: a few things in a row.
    fn work(&mut self, span: usize, mut at: u64, things: usize, depth: usize) {
        let (mut above, service) = (self.id(span), self.spans[span].service);
        for _ in 0..things {
            if self.dice.percent(10) {
                let inner = self.span(service, INTERNAL, &above, (at, at + 20_000_000), Vec::new());
                above = self.id(inner);
            }
            match self.dice.below(10) {
                0 | 1 => self.database(service, &above, at),
                2 => self.message(service, &above, at),
                _ if depth < 4 => self.call(service, &above, at, depth),
                _ => {}
            }
            at += 40_000_000;
        }
    }

    fn database(&mut self, service: usize, above: &[u8], at: u64) {
        let (system, name) = self
            .dice
            .of(&[("postgresql", "orders"), ("redis", "sessions")]);
        let attributes = vec![
            text("db.system.name", system),
            text("db.namespace", name),
            text("db.operation.name", "GET"),
        ];
        let took = 1_000_000 + self.dice.below(9_000_000) as u64;
        let query = self.span(service, CLIENT, above, (at, at + took), attributes);
        self.spans[query].protocol = "database";
        self.spans[query].peer = format!("{system}/{name}");
        if self.dice.percent(10) {
            self.fail(query, "connection_lost");
        }
    }

    fn message(&mut self, service: usize, above: &[u8], at: u64) {
        let topic = self.dice.below(TOPICS.len());
        let mut attributes = messaging(TOPICS[topic]);
        attributes.push(text("messaging.operation.type", "send"));
        let sent = self.span(service, PRODUCER, above, (at, at + 2_000_000), attributes);
        self.spans[sent].protocol = "messaging";
        self.spans[sent].peer = format!("kafka/{}", TOPICS[topic]);
        let id = self.id(sent);
        match self.dice.below(4) {
            0 => {
                self.consumer(topic, &id, at + 30_000_000);
            }
            1 => {
                let consumer = self.consumer(topic, above, at + 25_000_000);
                let trace = self.spans[sent].span.trace_id.clone();
                self.spans[consumer].span.links = vec![link(&trace, &id)];
            }
            _ => {}
        }
    }

    /// A call to another service, with its repeats.
    fn call(&mut self, caller: usize, above: &[u8], at: u64, depth: usize) {
        let callee = (caller + 1 + self.dice.below(SERVICES.len() - 1)) % SERVICES.len();
        let protocol = if callee.is_multiple_of(2) {
            "http"
        } else {
            "grpc"
        };
        let style = self.dice.below(20);
        let attempts = if style < 3 { 2 } else { 1 };
        for attempt in 0..attempts {
            let fails = attempts == 2 && attempt == 0;
            let start = at + attempt * 12_000_000;
            let client = self.client(caller, callee, protocol, above, start);
            if style == 0 && attempt == 1 {
                self.spans[client]
                    .span
                    .attributes
                    .push(number("http.request.resend_count", 1));
            }
            if fails {
                self.fail(client, "unavailable");
                self.spans[client]
                    .span
                    .attributes
                    .push(number("http.response.status_code", 503));
                continue;
            }
            self.answer(client, callee, protocol, start, depth);
        }
        if style == 5 && !self.shares_ids {
            // One CLIENT span, two SERVER spans: a repeat below the instrumentation.
            let client = self.client(caller, callee, protocol, above, at);
            let first = self.server(client, callee, protocol, (at + 1_000_000, at + 2_000_000));
            self.fail(first, "unavailable");
            self.server(client, callee, protocol, (at + 4_000_000, at + 6_000_000));
            if self.dice.percent(50) {
                self.fail(client, "upstream");
            }
        }
    }

    fn client(
        &mut self,
        caller: usize,
        callee: usize,
        protocol: &'static str,
        above: &[u8],
        at: u64,
    ) -> usize {
        let address = SERVICES[callee].2;
        let mut attributes = vec![text("server.address", address)];
        attributes.extend(of_protocol(protocol, callee));
        let client = self.span(caller, CLIENT, above, (at, at + 10_000_000), attributes);
        self.spans[client].protocol = protocol;
        self.spans[client].peer = address
            .split('.')
            .next()
            .filter(|_| address.contains(".svc."))
            .unwrap_or(address)
            .to_owned();
        client
    }

    fn server(
        &mut self,
        client: usize,
        callee: usize,
        protocol: &'static str,
        times: (u64, u64),
    ) -> usize {
        let mut attributes = of_protocol(protocol, callee);
        attributes.push(text("http.route", "/"));
        if protocol == "grpc" {
            attributes.pop();
        }
        let id = self.id(client);
        let server = self.span(callee, SERVER, &id, times, attributes);
        self.spans[server].protocol = protocol;
        if self.shares_ids {
            let above = self.spans[client].span.parent_span_id.clone();
            self.spans[server].span.span_id = id;
            self.spans[server].span.parent_span_id = above;
        }
        server
    }

    /// The called side of a call, and how both sides end.
    fn answer(
        &mut self,
        client: usize,
        callee: usize,
        protocol: &'static str,
        at: u64,
        depth: usize,
    ) {
        let end = self.dice.of(&[9_000_000, 5_000_000, 30_000_000]);
        let server = self.server(client, callee, protocol, (at + 500_000, at + end));
        match self.dice.below(12) {
            0 => {
                self.fail(client, "upstream");
                self.fail(server, "crash");
            }
            1 => self.fail(client, "timeout"),
            2 => self.fail(server, "crash"),
            _ => {}
        }
        let things = self.dice.below(3);
        self.work(server, at + 1_000_000, things, depth + 1);
    }

    fn fail(&mut self, at: usize, error: &str) {
        let made = &mut self.spans[at];
        made.failed = true;
        made.span.attributes.push(text("error.type", error));
        made.span.status = Some(Status {
            code: 2,
            message: String::new(),
        });
    }
}

fn of_protocol(protocol: &str, callee: usize) -> Vec<KeyValue> {
    match protocol {
        "http" => vec![text("http.request.method", "GET")],
        _ => vec![
            text("rpc.system", "grpc"),
            text("rpc.service", &format!("shop.{}", SERVICES[callee].1)),
            text("rpc.method", "Get"),
        ],
    }
}

fn messaging(topic: &str) -> Vec<KeyValue> {
    vec![
        text("messaging.system", "kafka"),
        text("messaging.destination.name", topic),
    ]
}

fn link(trace: &[u8], span: &[u8]) -> Link {
    Link {
        trace_id: trace.to_vec(),
        span_id: span.to_vec(),
        ..Link::default()
    }
}
