//! Traces drawn as text, for tests.
//!
//! One span a line; spans hang below the span they are indented under. A line is a service, a kind, an operation,
//! start and end in milliseconds, with up to six digits behind the point, and words:
//!
//! ```text
//! trace t1
//! shop < GET /checkout      0..100  #root
//!   shop > GET /cart       10..40   peer=cart resend=1
//!     cart < GET /cart     12..38   error
//! ```
//!
//! Kinds: `<` server, `>` client, `<<` consumer, `>>` producer, `.` internal, `?` unspecified. A service may be
//! `namespace/name`, or `-` for none; a time may be `?`. `#word` labels a span, and spans with one label share their
//! id; `link=` (and `child-of=`, `follows=`, `parent=`) name a span by its label, or by `trace/label`. `= class` says
//! which class is expected. In `sql=` a `~` is a space. Any other `key=value` is an attribute, by its full name or one of [`SHORT`].
//!
//! Every drawing is read in several orders and by several threads' worth of intakes, which must make no difference.

mod check;

use std::collections::BTreeSet;

use crate::format::Sink;
use crate::model::attr::{Facts, Value};
use crate::model::id::mix;
use crate::model::span::{Kind, LinkKind, RawLink, RawSpan, Status};
use crate::model::{SpanId, TraceId};
use crate::trace::link::{Linked, Meaning};
use crate::trace::store::partition;
use crate::trace::{Assembler, Intake, Trace, Traces};

pub(crate) use check::{check_calls, check_classes, check_entries, check_tree, compare};

/// What a millisecond count starts from, in nanoseconds since 1970.
pub(crate) const EPOCH: u64 = 1_000_000_000_000;

/// Short names of attributes.
const SHORT: &[(&str, &str)] = &[
    ("peer", "service.peer.name"),
    ("addr", "server.address"),
    ("op", "messaging.operation.type"),
    ("http", "http.response.status_code"),
    ("resend", "http.request.resend_count"),
    ("error", "error.type"),
];

/// A span of a drawing.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    namespace: String,
    service: String,
    kind: Kind,
    operation: String,
    start: u64,
    end: u64,
    is_error: bool,
    is_shared: bool,
    state: String,
    resource: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    links: Vec<RawLink>,
    class: Option<String>,
}

/// Reads a drawing.
pub(crate) fn spans(drawing: &str) -> Vec<Drawn> {
    let lines = || drawing.lines().filter(|line| !line.trim().is_empty());
    // Labels first, since links may point ahead.
    let mut labels: Vec<(String, TraceId, SpanId)> = Vec::new();
    let (mut name, mut low) = (String::new(), 1);
    for (number, line) in lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "trace" {
            (name, low) = (words[1].to_owned(), low + 1);
        } else if let Some(label) = words.iter().find_map(|word| word.strip_prefix('#')) {
            labels.push((
                format!("{name}/{label}"),
                TraceId { high: 1, low },
                SpanId(number as u64 + 1),
            ));
        }
    }
    let find = |name: &str, label: &str| {
        let label = if label.contains('/') {
            label.to_owned()
        } else {
            format!("{name}/{label}")
        };
        let found = labels.iter().find(|known| known.0 == label);
        let (_, trace, span) = found.unwrap_or_else(|| panic!("no span is labelled {label}"));
        (*trace, *span)
    };
    let mut drawn = Vec::new();
    let mut above: Vec<(usize, SpanId)> = Vec::new();
    (name, low) = (String::new(), 1);
    for (number, line) in lines().enumerate() {
        if let Some(next) = line.trim().strip_prefix("trace ") {
            (name, low) = (next.to_owned(), low + 1);
            above.clear();
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        above.retain(|(outer, _)| *outer < indent);
        let parent = above.last().map_or(SpanId(0), |(_, id)| *id);
        let span = span(
            line,
            TraceId { high: 1, low },
            SpanId(number as u64 + 1),
            parent,
            |label| find(&name, label),
        );
        above.push((indent, span.id));
        drawn.push(span);
    }
    drawn
}

fn span(
    line: &str,
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    find: impl Fn(&str) -> (TraceId, SpanId),
) -> Drawn {
    let mut words = line.split_whitespace();
    let service = words.next().expect("a service");
    let (namespace, service) = service.split_once('/').unwrap_or(("", service));
    let kind = match words.next().expect("a kind") {
        "<" => Kind::Server,
        ">" => Kind::Client,
        "<<" => Kind::Consumer,
        ">>" => Kind::Producer,
        "." => Kind::Internal,
        "?" => Kind::Unspecified,
        other => panic!("{other} is no kind in: {line}"),
    };
    let mut drawn = Drawn {
        trace,
        id,
        parent,
        namespace: namespace.to_owned(),
        service: service.strip_prefix('-').unwrap_or(service).to_owned(),
        kind,
        operation: String::new(),
        start: 0,
        end: 0,
        is_error: false,
        is_shared: false,
        state: String::new(),
        resource: Vec::new(),
        attributes: Vec::new(),
        links: Vec::new(),
        class: None,
    };
    for word in words.by_ref() {
        if let Some((start, end)) = word.split_once("..") {
            (drawn.start, drawn.end) = (time(start), time(end));
            break;
        }
        let space = if drawn.operation.is_empty() { "" } else { " " };
        drawn.operation.push_str(space);
        drawn.operation.push_str(word);
    }
    while let Some(word) = words.next() {
        match word {
            "=" => drawn.class = Some(words.next().expect("a class").to_owned()),
            "error" => drawn.is_error = true,
            "shared" => drawn.is_shared = true,
            "missing-parent" => drawn.parent = SpanId(0xdead),
            "short-id" => drawn.trace.high = 0,
            "other-id" => drawn.trace.high = 2,
            "zipkin" => drawn
                .attributes
                .push(("zipkin.kind".into(), "CLIENT".into())),
            "transparent" => drawn
                .attributes
                .push(("transparent-retry".into(), "true".into())),
            _ => drawn.word(word, &find),
        }
    }
    drawn
}

impl Drawn {
    fn word(&mut self, word: &str, find: impl Fn(&str) -> (TraceId, SpanId)) {
        if let Some(label) = word.strip_prefix('#') {
            self.id = find(label).1;
            return;
        }
        let (key, value) = word
            .split_once('=')
            .unwrap_or_else(|| panic!("{word} means nothing"));
        let value = value.to_owned();
        let link = |kind| {
            let (trace, span) = find(&value);
            RawLink { trace, span, kind }
        };
        match key {
            "parent" => self.parent = find(&value).1,
            "link" => self.links.push(link(LinkKind::Link)),
            "child-of" => self.links.push(link(LinkKind::ChildOf)),
            "follows" => self.links.push(link(LinkKind::FollowsFrom)),
            "weight" => self.state = format!("ot={value}"),
            "zone" => self
                .resource
                .push(("cloud.availability_zone".into(), value)),
            "region" => self.resource.push(("cloud.region".into(), value)),
            "version" => self.resource.push(("service.version".into(), value)),
            "instance" => self.resource.push(("service.instance.id".into(), value)),
            "environment" => self
                .resource
                .push(("deployment.environment.name".into(), value)),
            "host" => self.resource.push(("host.id".into(), value)),
            "cell" => self.resource.push(("deployment.cell".into(), value)),
            "language" => self.resource.push(("telemetry.sdk.language".into(), value)),
            "db" | "dest" => {
                let (system, name) = if key == "db" {
                    ("db.system.name", "db.namespace")
                } else {
                    ("messaging.system", "messaging.destination.name")
                };
                let (first, second) = value.split_once('/').unwrap_or((&value, ""));
                self.attributes.push((system.into(), first.into()));
                self.attributes.push((name.into(), second.into()));
            }
            "sql" => {
                let text = value.replace('~', " ");
                self.attributes.push(("db.query.text".into(), text));
            }
            "grpc" => {
                self.attributes
                    .push(("rpc.system.name".into(), "grpc".into()));
                self.attributes.push(("rpc.grpc.status_code".into(), value));
            }
            _ => {
                let name = SHORT
                    .iter()
                    .find(|short| short.0 == key)
                    .map_or(key, |short| short.1);
                self.attributes.push((name.into(), value));
            }
        }
    }

    fn read(&self, intake: &mut Intake) {
        let mut resource = Facts::default();
        resource.set("service.name", Value::Text(&self.service));
        resource.set("service.namespace", Value::Text(&self.namespace));
        let mut raw = RawSpan {
            trace: self.trace,
            span: self.id,
            parent: self.parent,
            kind: self.kind,
            status: if self.is_error {
                Status::Error
            } else {
                Status::Unset
            },
            start: self.start,
            end: self.end,
            name: &self.operation,
            trace_state: &self.state,
            shared: self.is_shared,
            links: self.links.clone(),
            ..RawSpan::default()
        };
        for (facts, list) in [
            (&mut resource, &self.resource),
            (&mut raw.facts, &self.attributes),
        ] {
            for (key, value) in list {
                facts.set(key, Value::Text(value));
            }
        }
        intake.resource(&resource);
        intake.span(&raw);
    }
}

fn time(text: &str) -> u64 {
    if text == "?" {
        return 0;
    }
    let (ms, fraction) = text.split_once('.').unwrap_or((text, ""));
    let ms: u64 = ms.parse().expect("milliseconds");
    let ns: u64 = format!("{fraction:0<6}").parse().expect("nanoseconds");
    ms.saturating_mul(1_000_000)
        .saturating_add(ns)
        .saturating_add(EPOCH)
}

/// How many orders [`traces`] knows.
pub(crate) const ORDERS: u64 = 4;

/// Returns the traces of spans, read in one of several orders by one or several threads.
pub(crate) fn traces(spans: &[Drawn], order: u64) -> Traces {
    let mut spans: Vec<&Drawn> = spans.iter().collect();
    match order {
        0 => {}
        1 => spans.reverse(),
        _ => spans.sort_by_key(|span| mix(span.id.0.rotate_left(7) ^ span.kind as u64 ^ order)),
    }
    let first = Intake::new(None);
    let mut intakes: Vec<Intake> = (0..1 + order % 3).map(|_| first.another()).collect();
    drop(first);
    let n = intakes.len();
    for (i, span) in spans.into_iter().enumerate() {
        span.read(&mut intakes[i % n]);
    }
    Traces::new(intakes)
}

/// Returns the partitions that spans lie in.
pub(crate) fn partitions(spans: &[Drawn]) -> BTreeSet<u32> {
    spans.iter().map(|span| partition(span.trace.low)).collect()
}

/// Calls `f` with every trace of spans and what its spans mean.
pub(crate) fn for_each(
    spans: &[Drawn],
    order: u64,
    mut f: impl FnMut(&Trace<'_>, &Traces, &Meaning<'_>),
) {
    let traces = traces(spans, order);
    let mut linked = Linked::default();
    let mut assembler = Assembler::default();
    assembler
        .for_each(
            &traces,
            partitions(spans),
            |_| u64::MAX,
            |trace| {
                linked.read(trace, &traces.dictionary);
                f(trace, &traces, &linked.meaning());
            },
        )
        .expect("nothing was spilled");
}
