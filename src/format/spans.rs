//! Hands decoded OTLP messages to a sink: the plain way from complete spans to what topple understands.
//!
//! Formats off the hot path read through it, and tests hold the fast readers against it. It reports nothing:
//! the messages come from a [`crate::format::Format::decode`], which has reported what it could not read, has
//! dropped spans without valid ids, and has left out fields that made no sense.

use crate::error::Problem;
use crate::format::Sink;
use crate::input::Record;
use crate::model::event::Event;
use crate::model::{Facts, Kind, LinkKind, RawLink, RawSpan, SpanId, Status, TraceId, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};

/// Attribute of a span that is the SERVER half of a Zipkin span whose id the CLIENT half shares.
pub const SHARED: &str = "zipkin.shared";

/// Attribute of a link that came from a reference of Jaeger: `child_of` or `follows_from`.
pub const REF_TYPE: &str = "opentracing.ref_type";

/// Hands resources and spans to the sink in their order, one resource for each message.
pub fn feed(messages: &[ResourceSpans], sink: &mut dyn Sink) {
    let mut facts = Facts::asking(sink.asked());
    let mut raw = RawSpan::asking(sink.asked());
    for message in messages {
        facts.clear();
        if let Some(resource) = &message.resource {
            set_facts(&mut facts, &resource.attributes);
        }
        sink.resource(&facts);
        for span in message.scope_spans.iter().flat_map(|scope| &scope.spans) {
            if fill(&mut raw, span) {
                sink.span(&raw);
            }
        }
    }
}

/// Reads a record by decoding it: what [`crate::format::Format::read`] is for formats off the hot path.
pub fn read_decoded(
    decode: fn(&Record<'_>, &mut Vec<Problem>) -> Vec<ResourceSpans>,
    record: &Record<'_>,
    sink: &mut dyn Sink,
) {
    let mut problems = Vec::new();
    feed(&decode(record, &mut problems), sink);
    for problem in problems {
        sink.problem(problem);
    }
}

/// Returns the value of an attribute as topple sees it.
pub fn value(any: Option<&AnyValue>) -> Value<'_> {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => Value::Text(text),
        Some(Any::IntValue(n)) => Value::Int(*n),
        Some(Any::DoubleValue(x)) => Value::Double(*x),
        Some(Any::BoolValue(b)) => Value::Bool(*b),
        // Captured headers are arrays, nearly always of one element.
        Some(Any::ArrayValue(array)) => match array.values.as_slice() {
            [
                AnyValue {
                    value: Some(Any::StringValue(text)),
                },
            ] => Value::Text(text),
            _ => Value::Other,
        },
        Some(Any::KvlistValue(_) | Any::BytesValue(_) | Any::StringValueStrindex(_)) | None => {
            Value::Other
        }
    }
}

/// Returns the trace id of its bytes, if they are a valid one.
pub fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = TraceId::from_bytes(bytes.try_into().ok()?);
    (!id.is_zero()).then_some(id)
}

/// Returns the span id of its bytes, if they are a valid one.
pub fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = SpanId(u64::from_be_bytes(bytes.try_into().ok()?));
    (!id.is_zero()).then_some(id)
}

fn set_facts<'a>(facts: &mut Facts<'a>, attributes: &'a [KeyValue]) {
    for attribute in attributes {
        facts.set(&attribute.key, value(attribute.value.as_ref()));
    }
}

/// Fills `raw` from a span; returns whether its ids are valid.
fn fill<'a>(raw: &mut RawSpan<'a>, span: &'a Span) -> bool {
    let (Some(trace), Some(id)) = (trace_id(&span.trace_id), span_id(&span.span_id)) else {
        return false;
    };
    raw.clear();
    raw.trace = trace;
    raw.span = id;
    raw.parent = span_id(&span.parent_span_id).unwrap_or_default();
    raw.kind = number(span.kind)
        .and_then(Kind::from_number)
        .unwrap_or_default();
    raw.status = span
        .status
        .as_ref()
        .and_then(|status| number(status.code))
        .and_then(Status::from_number)
        .unwrap_or_default();
    raw.start = span.start_time_unix_nano;
    raw.end = span.end_time_unix_nano;
    raw.name = &span.name;
    raw.trace_state = &span.trace_state;
    raw.shared = truth(&span.attributes, SHARED);
    set_facts(&mut raw.facts, &span.attributes);
    raw.links.extend(span.links.iter().filter_map(link));
    for of in &span.events {
        let mut event = Event::default();
        for attribute in &of.attributes {
            event.set(attribute.key.as_bytes(), value(attribute.value.as_ref()));
        }
        raw.events.add(&event);
    }
    true
}

fn link(link: &Link) -> Option<RawLink> {
    Some(RawLink {
        trace: trace_id(&link.trace_id)?,
        span: span_id(&link.span_id)?,
        kind: find(&link.attributes, REF_TYPE)
            .and_then(Value::text)
            .map(LinkKind::from_ref_type)
            .unwrap_or_default(),
    })
}

fn truth(attributes: &[KeyValue], key: &str) -> bool {
    find(attributes, key).and_then(Value::truth) == Some(true)
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<Value<'a>> {
    let attribute = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(value(attribute.value.as_ref()))
}

/// Returns the number of an enum, unless it is negative.
fn number(code: i32) -> Option<u64> {
    u64::try_from(code).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::Lost;
    use crate::format::Format;
    use crate::model::Slot;
    use opentelemetry_proto::tonic::common::v1::ArrayValue;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::span::Event as Happened;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Status as Code};
    use std::fmt::Write as _;

    /// Writes down what it is handed, one line for each thing.
    #[derive(Default)]
    pub(in crate::format) struct Notes {
        pub(in crate::format) lines: Vec<String>,
        pub(in crate::format) problems: Vec<Problem>,
    }

    impl Notes {
        /// Reads text as one record.
        pub(in crate::format) fn of(format: &Format, text: &[u8]) -> Notes {
            let mut notes = Notes::default();
            Record::with_copy(text, |record| (format.read)(record, &mut notes));
            notes
        }

        /// Returns lines and problems as one text.
        pub(in crate::format) fn told(&self) -> String {
            let mut out = String::new();
            for line in &self.lines {
                let _infallible = writeln!(out, "{line}");
            }
            for Problem {
                offset,
                path,
                message,
                lost,
                ..
            } in &self.problems
            {
                let _infallible = writeln!(out, "{lost:?} lost at {offset} {path}: {message}");
            }
            out
        }
    }

    impl Sink for Notes {
        fn resource(&mut self, facts: &Facts<'_>) {
            let (service, ip) = (facts.text(Slot::ServiceName), facts.text(Slot::HostIp));
            self.lines
                .push(format!("{} @{}", service.unwrap_or("-"), ip.unwrap_or("-")));
        }

        fn span(&mut self, span: &RawSpan<'_>) {
            let mut line = format!("  {:x}", span.trace.low);
            if span.trace.high != 0 {
                line = format!("  {}", span.trace);
            }
            line += &format!(":{:x}", span.span.0);
            if !span.parent.is_zero() {
                line += &format!(" < {:x}", span.parent.0);
            }
            line += &format!(" {:?} {}..{}", span.kind, span.start, span.end);
            if !span.name.is_empty() {
                line += &format!(" {:?}", span.name);
            }
            if span.status != Status::Unset {
                line += &format!(" {:?}", span.status);
            }
            if span.shared {
                line += " shared";
            }
            if !span.trace_state.is_empty() {
                line += &format!(" state={}", span.trace_state);
            }
            for (slot, name) in [
                (Slot::PeerName, "peer"),
                (Slot::NetworkPeerAddress, "address"),
                (Slot::Zipkin, "zipkin"),
                (Slot::HttpMethod, "method"),
            ] {
                if let Some(text) = span.facts.text(slot) {
                    line += &format!(" {name}={text}");
                }
            }
            for (slot, name) in [(Slot::HttpStatus, "code"), (Slot::EnvoyAttempt, "attempt")] {
                if let Some(n) = span.facts.int(slot) {
                    line += &format!(" {name}={n}");
                }
            }
            if !span.events.exception.is_empty() {
                line += &format!(" exception={}", span.events.exception);
            }
            for (flag, variant) in &span.events.flags {
                line += &format!(" {flag}={variant}");
            }
            for link in &span.links {
                line += &format!(" {:?}({:x}:{:x})", link.kind, link.trace.low, link.span.0);
            }
            self.lines.push(line);
        }

        fn problem(&mut self, problem: Problem) {
            self.problems.push(problem);
        }

        fn other_signal(&mut self) {
            self.lines.push("other signal".to_owned());
        }
    }

    /// Cuts the text at every byte and flips every bit: no problem may lie outside, no span may be made up by a cut.
    pub(in crate::format) fn check_damage(format: &Format, text: &str) {
        let whole = Notes::of(format, text.as_bytes());
        assert_eq!(whole.problems, [], "{text}");
        let spans = |notes: &Notes| {
            notes
                .lines
                .iter()
                .filter(|line| line.starts_with(' '))
                .count()
        };
        for end in 0..text.len() {
            let cut = &text.as_bytes()[..end];
            let notes = Notes::of(format, cut);
            assert!(spans(&notes) <= spans(&whole), "{}", notes.told());
            assert!(
                notes.problems.iter().all(|problem| problem.offset <= end),
                "{}",
                notes.told()
            );
            let lost = notes
                .problems
                .iter()
                .filter(|problem| problem.lost == Lost::Record);
            assert!(lost.count() <= 1, "{}", notes.told());
            assert!(
                spans(&notes) == spans(&whole) || end == 0 || !notes.problems.is_empty(),
                "{end}"
            );
            (format.recognise)(cut);
        }
        for bit in 0..text.len() * 8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let notes = Notes::of(format, &bytes);
            assert!(
                notes
                    .problems
                    .iter()
                    .all(|problem| problem.offset <= bytes.len()),
                "{bit}"
            );
            (format.recognise)(&bytes);
        }
    }

    fn attribute(key: &str, value: Any) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    fn check(messages: &[ResourceSpans], expected: &[&str]) {
        let mut notes = Notes::default();
        feed(messages, &mut notes);
        assert_eq!(notes.lines, expected);
    }

    #[test]
    fn an_absent_resource_is_announced_like_any_other() {
        let named = Resource {
            attributes: vec![attribute(
                "service.name",
                Any::StringValue("cart".to_owned()),
            )],
            ..Resource::default()
        };
        check(
            &[
                ResourceSpans {
                    resource: Some(named),
                    ..ResourceSpans::default()
                },
                ResourceSpans::default(),
            ],
            &["cart @-", "- @-"],
        );
    }

    #[test]
    fn spans_keep_what_topple_understands_and_nothing_of_their_predecessor() {
        let header = ArrayValue {
            values: vec![AnyValue {
                value: Some(Any::StringValue("2".to_owned())),
            }],
        };
        let link = Link {
            trace_id: vec![7; 16],
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 9],
            attributes: vec![attribute(
                REF_TYPE,
                Any::StringValue("follows_from".to_owned()),
            )],
            ..Link::default()
        };
        let full = Span {
            trace_id: vec![7; 16],
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 1],
            parent_span_id: vec![0, 0, 0, 0, 0, 0, 0, 2],
            name: "GET /cart".to_owned(),
            kind: 2,
            start_time_unix_nano: 10,
            end_time_unix_nano: 20,
            attributes: vec![
                attribute(SHARED, Any::BoolValue(true)),
                attribute(
                    "http.request.header.x-envoy-attempt-count",
                    Any::ArrayValue(header),
                ),
            ],
            links: vec![link, Link::default()],
            events: vec![Happened {
                attributes: vec![
                    attribute("exception.type", Any::StringValue("IOError".to_owned())),
                    attribute("feature_flag.key", Any::StringValue("beta".to_owned())),
                    attribute("feature_flag.variant", Any::StringValue("on".to_owned())),
                ],
                ..Happened::default()
            }],
            status: Some(Code {
                code: 2,
                ..Code::default()
            }),
            ..Span::default()
        };
        let bare = Span {
            trace_id: vec![7; 16],
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 3],
            kind: -1,
            ..Span::default()
        };
        let without_id = Span {
            trace_id: vec![7; 16],
            span_id: vec![0; 8],
            ..Span::default()
        };
        check(
            &[ResourceSpans {
                scope_spans: vec![ScopeSpans {
                    spans: vec![full, without_id, bare],
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
            &[
                "- @-",
                "  07070707070707070707070707070707:1 < 2 Server 10..20 \"GET /cart\" Error shared attempt=2 exception=IOError beta=on FollowsFrom(707070707070707:9)",
                "  07070707070707070707070707070707:3 Unspecified 0..0",
            ],
        );
    }
}
