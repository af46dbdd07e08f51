//! One span of Zipkin.

use crate::error::Lost;
use crate::format::fields::{self, Fields, attribute, text_attribute};
use crate::format::peek::{Cursor, Fault, Path, Shape};
use crate::format::spans::SHARED;
use crate::format::zipkin::{Groups, Occurrences};
use crate::model::{Kind, Status, TraceId};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{Span, Status as Code};
use serde_json::Value;

/// One side of a call.
#[derive(Default)]
struct Endpoint {
    service: Option<String>,
    ip: Option<String>,
    port: Option<i64>,
}

/// A span as it is written.
#[derive(Default)]
struct Draft {
    trace: Option<TraceId>,
    id: Option<u64>,
    parent: u64,
    name: String,
    kind: Option<Kind>,
    start: u64,
    duration: Option<u64>,
    shared: bool,
    local: Endpoint,
    remote: Endpoint,
    tags: Vec<KeyValue>,
    error: Option<String>,
    events: Vec<Event>,
    /// What makes the span useless, where it is known better than "no id".
    bad: Option<(usize, &'static str, String)>,
}

/// Reads a span and adds it to its group.
pub(super) fn read(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
    occurrences: &mut Occurrences,
    groups: &mut Groups,
) -> Result<(), Fault> {
    if cursor.shape() != Shape::Object {
        return fields.refuse(cursor, path, Lost::Span, "a span");
    }
    let offset = cursor.offset();
    let Some(draft) = fields.span(cursor, path, |fields, cursor| draft(fields, cursor, path))?
    else {
        return Ok(());
    };
    match (draft.trace, draft.id, &draft.bad) {
        (Some(trace), Some(id), None) => {
            finish(draft, occurrences.trace_id(trace), id, groups);
        }
        (_, _, Some((at, key, message))) => {
            fields.note(Lost::Span, *at, &Path::Key(path, key), message.clone());
        }
        (None, _, None) => fields.note(
            Lost::Span,
            offset,
            path,
            "expected a traceId, found none".to_owned(),
        ),
        (Some(_), None, None) => {
            fields.note(
                Lost::Span,
                offset,
                path,
                "expected an id, found none".to_owned(),
            );
        }
    }
    Ok(())
}

/// Returns the trace id of a span, unless [`read`] leaves the span out for its ids. A fault in other fields is not noticed: such a
/// span counts here, and later lists with its trace id may then get another number.
pub(super) fn trace_of(cursor: &mut Cursor<'_>) -> Option<TraceId> {
    let (mut trace, mut id, mut is_bad) = (None, None, false);
    let read = cursor.members(|cursor, key| {
        let raw = cursor.raw()?;
        let value = || serde_json::from_slice(raw).unwrap_or(Value::Null);
        match key {
            b"traceId" => {
                let value = value();
                trace = trace_id(&value);
                is_bad |= trace.is_none() && !value.is_null();
            }
            b"id" => {
                let value = value();
                id = identity(&value, 16);
                is_bad |= id.is_none() && !value.is_null();
            }
            b"binaryAnnotations" => is_bad = true,
            _ => {}
        }
        Ok(())
    });
    trace.filter(|_| read.is_ok() && id.is_some() && !is_bad)
}

/// Returns the trace id that a value is.
fn trace_id(value: &Value) -> Option<TraceId> {
    identity(value, 32).map(|id| TraceId::from_bytes(id.to_be_bytes()))
}

fn draft(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Draft, Fault> {
    let mut draft = Draft::default();
    cursor.members(|cursor, key| {
        let offset = cursor.offset();
        match key {
            b"traceId" => {
                let field = fields.field(cursor, &Path::Key(path, "traceId"))?;
                draft.trace = trace_id(&field.value);
                if draft.trace.is_none() && !field.value.is_null() {
                    draft.bad = Some((
                        offset,
                        "traceId",
                        unlike("trace id of 16 or 32 hex digits", &field.value),
                    ));
                }
            }
            b"id" => {
                let field = fields.field(cursor, &Path::Key(path, "id"))?;
                draft.id = identity(&field.value, 16).map(|id| id as u64);
                if draft.id.is_none() && !field.value.is_null() {
                    draft.bad = Some((
                        offset,
                        "id",
                        unlike("span id of 16 hex digits", &field.value),
                    ));
                }
            }
            b"parentId" => {
                let here = Path::Key(path, "parentId");
                let text = fields.text(cursor, &here)?.unwrap_or_default();
                draft.parent = match fields::hex(&text, 16) {
                    Some(id) => id as u64,
                    None if text.is_empty() => 0,
                    None => {
                        let text = Value::String(text);
                        fields
                            .absent(offset, &here, "a span id of 16 hex digits", &text)
                            .unwrap_or(0)
                    }
                };
            }
            b"name" => {
                draft.name = fields
                    .text(cursor, &Path::Key(path, "name"))?
                    .unwrap_or_default()
            }
            b"kind" => {
                let here = Path::Key(path, "kind");
                draft.kind = fields.text(cursor, &here)?.and_then(|text| {
                    Kind::from_name(&text).or_else(|| {
                        let text = Value::String(text);
                        fields.absent(offset, &here, "CLIENT, SERVER, PRODUCER or CONSUMER", &text)
                    })
                });
            }
            b"timestamp" => {
                draft.start = fields
                    .time(cursor, &Path::Key(path, "timestamp"))?
                    .unwrap_or(0);
            }
            b"duration" => draft.duration = fields.time(cursor, &Path::Key(path, "duration"))?,
            b"shared" => {
                let field = fields.field(cursor, &Path::Key(path, "shared"))?;
                draft.shared = field.value == Value::Bool(true);
            }
            b"localEndpoint" => {
                draft.local = endpoint(fields, cursor, &Path::Key(path, "localEndpoint"))?;
            }
            b"remoteEndpoint" => {
                draft.remote = endpoint(fields, cursor, &Path::Key(path, "remoteEndpoint"))?;
            }
            b"tags" => tags(fields, cursor, &Path::Key(path, "tags"), &mut draft)?,
            b"annotations" => {
                draft.events.clear();
                let here = Path::Key(path, "annotations");
                fields.elements(cursor, &here, |fields, cursor, path| {
                    draft.events.push(event(fields, cursor, path)?);
                    Ok(())
                })?;
            }
            b"binaryAnnotations" => {
                cursor.skip()?;
                let message = "expected a span of Zipkin v2, found one of v1".to_owned();
                draft.bad = Some((offset, "binaryAnnotations", message));
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(draft)
}

/// Returns the non-zero number of an id.
fn identity(value: &Value, digits: usize) -> Option<u128> {
    fields::hex(value.as_str()?, digits).filter(|id| *id != 0)
}

fn unlike(expected: &str, found: &Value) -> String {
    format!(
        "expected a {expected}, found {}",
        fields::excerpt(found.to_string().as_bytes())
    )
}

fn endpoint(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Endpoint, Fault> {
    let mut endpoint = Endpoint::default();
    let mut v6 = None;
    fields.members(cursor, path, |fields, cursor, key| {
        match key {
            b"serviceName" => {
                endpoint.service = fields.text(cursor, &Path::Key(path, "serviceName"))?
            }
            b"ipv4" => endpoint.ip = fields.text(cursor, &Path::Key(path, "ipv4"))?,
            b"ipv6" => v6 = fields.text(cursor, &Path::Key(path, "ipv6"))?,
            b"port" => endpoint.port = fields.whole(cursor, &Path::Key(path, "port"))?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    let filled = |text: &String| !text.is_empty();
    endpoint.service = endpoint.service.filter(filled);
    endpoint.ip = endpoint.ip.filter(filled).or(v6.filter(filled));
    endpoint.port = endpoint.port.filter(|port| *port != 0);
    Ok(endpoint)
}

fn tags(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
    draft: &mut Draft,
) -> Result<(), Fault> {
    draft.tags.clear();
    draft.error = None;
    fields.members(cursor, path, |fields, cursor, key| {
        let key = fields::unescaped(key);
        let field = fields.field(cursor, &Path::Key(path, &key))?;
        let Some(value) = fields::any(field.value) else {
            return Ok(());
        };
        if key == "error" {
            draft.error = match &value {
                Any::StringValue(text) if text != "false" => Some(text.clone()),
                Any::BoolValue(true) => Some(String::new()),
                _ => None,
            };
        }
        draft.tags.push(attribute(&key, value));
        Ok(())
    })
}

fn event(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Event, Fault> {
    let mut event = Event::default();
    fields.members(cursor, path, |fields, cursor, key| {
        match key {
            b"timestamp" => {
                event.time_unix_nano = fields
                    .time(cursor, &Path::Key(path, "timestamp"))?
                    .unwrap_or(0);
            }
            b"value" => {
                event.name = fields
                    .text(cursor, &Path::Key(path, "value"))?
                    .unwrap_or_default()
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

fn finish(draft: Draft, trace: TraceId, id: u64, groups: &mut Groups) {
    let mut attributes = draft.tags;
    let kind = match draft.kind {
        Some(Kind::Client) => "CLIENT",
        Some(Kind::Server) => "SERVER",
        Some(Kind::Producer) => "PRODUCER",
        Some(Kind::Consumer) => "CONSUMER",
        Some(Kind::Internal | Kind::Unspecified) | None => "none",
    };
    attributes.push(text_attribute("zipkin.kind", kind));
    if draft.shared {
        attributes.push(attribute(SHARED, Any::BoolValue(true)));
    }
    if let Some(service) = draft.remote.service {
        attributes.push(text_attribute("service.peer.name", service));
    }
    if let Some(ip) = draft.remote.ip {
        attributes.push(text_attribute("network.peer.address", ip));
    }
    for (key, port) in [
        ("network.peer.port", draft.remote.port),
        ("network.local.port", draft.local.port),
    ] {
        attributes.extend(port.map(|port| attribute(key, Any::IntValue(port))));
    }
    // Without a start, a duration says nothing about when the span ended.
    let end = match (draft.start, draft.duration) {
        (0, _) | (_, None) => 0,
        (start, Some(duration)) => start.saturating_add(duration),
    };
    let span = Span {
        trace_id: trace.to_bytes().to_vec(),
        span_id: fields::span_bytes(id),
        parent_span_id: fields::span_bytes(draft.parent),
        name: draft.name,
        kind: draft.kind.unwrap_or_default() as i32,
        start_time_unix_nano: draft.start,
        end_time_unix_nano: end,
        attributes,
        events: draft.events,
        status: draft.error.map(|message| Code {
            message,
            code: Status::Error as i32,
        }),
        ..Span::default()
    };
    groups.add(draft.local.service, draft.local.ip, span);
}
