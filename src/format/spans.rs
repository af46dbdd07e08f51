//! Hands decoded OTLP messages to a sink: the plain way from complete spans to what topple understands.
//!
//! Formats off the hot path read through it, and tests hold the fast readers against it. It reports nothing:
//! the messages come from a [`crate::format::Format::decode`], which has reported what it could not read, has
//! dropped spans without valid ids, and has left out fields that made no sense.

use crate::format::Sink;
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
    let mut facts = Facts::default();
    let mut raw = RawSpan::default();
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
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::model::Slot;
    use opentelemetry_proto::tonic::common::v1::ArrayValue;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Status as Code};

    /// Writes down what it is handed.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Sink for Notes {
        fn resource(&mut self, facts: &Facts<'_>) {
            self.0
                .push(format!("resource {:?}", facts.text(Slot::ServiceName)));
        }
        fn span(&mut self, span: &RawSpan<'_>) {
            self.0.push(format!(
                "{} {:x} < {:x} {:?} {:?} {}..{} shared={} header={:?} links={:?}",
                span.name,
                span.span.0,
                span.parent.0,
                span.kind,
                span.status,
                span.start,
                span.end,
                span.shared,
                span.facts.int(Slot::EnvoyAttempt),
                span.links
                    .iter()
                    .map(|link| (link.span.0, link.kind))
                    .collect::<Vec<_>>(),
            ));
        }
        fn problem(&mut self, problem: Problem) {
            self.0.push(problem.message);
        }
        fn other_signal(&mut self) {}
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
        assert_eq!(notes.0, expected);
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
            &["resource Some(\"cart\")", "resource None"],
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
                "resource None",
                "GET /cart 1 < 2 Server Error 10..20 shared=true header=Some(2) links=[(9, FollowsFrom)]",
                " 3 < 0 Unspecified Unset 0..0 shared=false header=None links=[]",
            ],
        );
    }
}
