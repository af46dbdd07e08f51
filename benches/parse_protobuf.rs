//! Reads OTLP protobuf the fast way and with prost, on one thread, and prints the speed of both.
//!
//! `cargo bench --bench parse_protobuf [-- FILE]`, where FILE holds Collector frames. Without FILE, messages are made
//! here. Both ways run in turn, and the best of five runs counts.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use std::time::{Duration, Instant};
use topple::error::Problem;
use topple::format::Sink;
use topple::format::otlp_protobuf::FORMAT;
use topple::input::{PAD, Record};
use topple::model::{Facts, RawSpan, Slot};

/// Adds up a little of everything, so that nothing is optimised away and both ways can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    spans: u64,
    ids: u64,
    names: usize,
    facts: usize,
    problems: u64,
}

impl Sink for Sum {
    fn resource(&mut self, facts: &Facts<'_>) {
        self.facts += facts.text(Slot::ServiceName).map_or(0, str::len);
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        self.spans += 1;
        self.ids = self
            .ids
            .wrapping_add(span.trace.low ^ span.span.0 ^ span.parent.0 ^ span.end);
        self.names += span.name.len();
        self.facts += span.facts.text(Slot::ServerAddress).map_or(0, str::len);
    }

    fn problem(&mut self, _: Problem) {
        self.problems += 1;
    }

    fn other_signal(&mut self) {}
}

fn main() -> std::io::Result<()> {
    let file = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let mut bytes = match file {
        Some(file) => std::fs::read(file)?,
        None => generated(),
    };
    let len = bytes.len();
    bytes.resize(len + PAD, 0);

    let mut best = [Duration::MAX; 2];
    let mut sums = [Sum::default(), Sum::default()];
    for _ in 0..5 {
        let start = Instant::now();
        sums[0] = walk(&bytes, len);
        best[0] = best[0].min(start.elapsed());

        let start = Instant::now();
        sums[1] = decode(&bytes[..len]);
        best[1] = best[1].min(start.elapsed());
    }
    assert_eq!(
        (sums[0].spans, sums[0].ids, sums[0].names),
        (sums[1].spans, sums[1].ids, sums[1].names),
        "both ways read the same spans"
    );
    for (name, time) in ["walk", "prost"].into_iter().zip(best) {
        println!(
            "{name:6} {:8.0} MB/s {:8.0} ns/span",
            len as f64 / 1e6 / time.as_secs_f64(),
            time.as_secs_f64() * 1e9 / sums[0].spans as f64,
        );
    }
    println!(
        "ratio  {:8.2}",
        best[1].as_secs_f64() / best[0].as_secs_f64()
    );
    println!("{:?}", sums[0]);
    Ok(())
}

/// Cuts one frame off; the rest starts with the next length.
fn frame(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*len) as usize, rest))
}

fn walk(padded: &[u8], len: usize) -> Sum {
    let mut sum = Sum::default();
    let mut rest = padded;
    while rest.len() > padded.len() - len {
        let Some((len, body)) = frame(rest) else {
            break;
        };
        let Some(record) = Record::new(body, len) else {
            break;
        };
        (FORMAT.read)(&record, &mut sum);
        rest = &body[len..];
    }
    sum
}

fn decode(bytes: &[u8]) -> Sum {
    let mut sum = Sum::default();
    let mut rest = bytes;
    while let Some((len, body)) = frame(rest) {
        let (message, behind) = body.split_at(len.min(body.len()));
        let Ok(data) = TracesData::decode(message) else {
            break;
        };
        let spans = data
            .resource_spans
            .iter()
            .flat_map(|group| &group.scope_spans);
        for span in spans.flat_map(|scope| &scope.spans) {
            sum.spans += 1;
            let ids = low(&span.trace_id)
                ^ low(&span.span_id)
                ^ low(&span.parent_span_id)
                ^ span.end_time_unix_nano;
            sum.ids = sum.ids.wrapping_add(ids);
            sum.names += span.name.len();
        }
        rest = behind;
    }
    sum
}

/// Returns the last eight bytes of an id as a number; zero when there are fewer.
fn low(id: &[u8]) -> u64 {
    id.last_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Makes 200,000 spans in frames of about 30.
fn generated() -> Vec<u8> {
    let mut bytes = Vec::new();
    for n_frame in 0..7_000_u64 {
        let spans = (0..30).map(|i| span(n_frame * 30 + i)).collect();
        let group = ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", format!("service-{}", n_frame % 100)),
                    text("host.name", format!("host-{}", n_frame % 17)),
                    text("telemetry.sdk.language", "go".to_owned()),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        };
        let message = TracesData {
            resource_spans: vec![group],
        }
        .encode_to_vec();
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
    }
    bytes
}

fn span(i: u64) -> Span {
    let id = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Span {
        trace_id: (u128::from(id / 8) << 64 | u128::from(id))
            .to_be_bytes()
            .to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: (id ^ 1).to_be_bytes().to_vec(),
        name: format!("GET /api/items/{}", i % 50),
        kind: (i % 6) as i32,
        start_time_unix_nano: 1_700_000_000_000_000_000 + i,
        end_time_unix_nano: 1_700_000_000_000_000_000 + i * 3,
        attributes: vec![
            text("http.request.method", "GET".to_owned()),
            number("http.response.status_code", 200),
            text("http.route", "/api/items/{id}".to_owned()),
            text("server.address", "items.shop.svc.cluster.local".to_owned()),
            number("server.port", 8080),
            text(
                "url.full",
                format!("http://items.shop.svc.cluster.local:8080/api/items/{i}"),
            ),
            text(
                "user_agent.original",
                "synthetic-client/1.0 (like others)".to_owned(),
            ),
            text("network.protocol.version", "1.1".to_owned()),
            text("thread.name", format!("worker-{}", i % 32)),
        ],
        events: i
            .is_multiple_of(20)
            .then(|| Event {
                name: "exception".to_owned(),
                attributes: vec![text(
                    "exception.stacktrace",
                    "at a.b.c(D.java:1)\n".repeat(20),
                )],
                ..Event::default()
            })
            .into_iter()
            .collect(),
        ..Span::default()
    }
}

fn text(key: &str, value: String) -> KeyValue {
    attribute(key, Any::StringValue(value))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Any::IntValue(value))
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
