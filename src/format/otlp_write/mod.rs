//! Writes OTLP messages, the way back from what every format decodes to.
//!
//! JSON is spelled as the Collector's file exporter does: lowerCamelCase, ids in hex, 64-bit numbers as text,
//! enums as numbers, empty fields left out. Nothing is checked here; a message is written as it is. Entity references of resources,
//! which no format but protobuf itself can bring, are left out of JSON on purpose.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use std::io::{self, Write};

#[cfg(test)]
mod tests;

/// Writes the messages as one line of OTLP JSON.
pub fn json_line(messages: &[ResourceSpans], out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.list("resourceSpans", messages, resource_spans)?;
    object.close()?;
    out.write_all(b"\n")
}

/// Writes the messages as one protobuf message behind its length in four big-endian bytes.
pub fn frame(messages: &[ResourceSpans], out: &mut dyn Write) -> io::Result<()> {
    /// Field 1 of `TracesData`, a message.
    const RESOURCE_SPANS: u8 = 1 << 3 | 2;
    let mut body = Vec::new();
    for message in messages {
        body.push(RESOURCE_SPANS);
        message.encode_length_delimited(&mut body)?;
    }
    let length = u32::try_from(body.len()).map_err(|_| {
        let reason = format!("expected a message below 4 GiB, found {} bytes", body.len());
        io::Error::new(io::ErrorKind::InvalidInput, reason)
    })?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&body)
}

/// An object being written; fields that are empty are left out.
struct Object<'w> {
    out: &'w mut dyn Write,
    /// What stands before the next key.
    separator: &'static [u8],
}

/// Writes one value.
type WriteOne<T> = fn(&T, &mut dyn Write) -> io::Result<()>;

impl<'w> Object<'w> {
    fn open(out: &'w mut dyn Write) -> io::Result<Object<'w>> {
        out.write_all(b"{")?;
        Ok(Object {
            out,
            separator: b"",
        })
    }

    fn close(self) -> io::Result<()> {
        self.out.write_all(b"}")
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        self.out.write_all(self.separator)?;
        self.separator = b",";
        write!(self.out, "\"{key}\":")
    }

    fn text(&mut self, key: &str, value: &str) -> io::Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        self.key(key)?;
        text(value, self.out)
    }

    fn hex(&mut self, key: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.key(key)?;
        self.out.write_all(b"\"")?;
        for byte in bytes {
            write!(self.out, "{byte:02x}")?;
        }
        self.out.write_all(b"\"")
    }

    fn number(&mut self, key: &str, value: i64) -> io::Result<()> {
        if value == 0 {
            return Ok(());
        }
        self.key(key)?;
        write!(self.out, "{value}")
    }

    fn nanos(&mut self, key: &str, value: u64) -> io::Result<()> {
        if value == 0 {
            return Ok(());
        }
        self.key(key)?;
        write!(self.out, "\"{value}\"")
    }

    fn list<T>(&mut self, key: &str, values: &[T], one: WriteOne<T>) -> io::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        self.key(key)?;
        list(values, one, self.out)
    }

    fn optional<T>(&mut self, key: &str, value: Option<&T>, one: WriteOne<T>) -> io::Result<()> {
        let Some(value) = value else {
            return Ok(());
        };
        self.key(key)?;
        one(value, self.out)
    }
}

fn text(value: &str, out: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer(out, value)?)
}

fn list<T>(values: &[T], one: WriteOne<T>, out: &mut dyn Write) -> io::Result<()> {
    let mut separator: &[u8] = b"[";
    for value in values {
        out.write_all(separator)?;
        separator = b",";
        one(value, out)?;
    }
    out.write_all(if values.is_empty() { b"[]" } else { b"]" })
}

fn resource_spans(message: &ResourceSpans, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.optional("resource", message.resource.as_ref(), resource)?;
    object.list("scopeSpans", &message.scope_spans, scope_spans)?;
    object.text("schemaUrl", &message.schema_url)?;
    object.close()
}

fn resource(resource: &Resource, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.list("attributes", &resource.attributes, key_value)?;
    object.number(
        "droppedAttributesCount",
        resource.dropped_attributes_count.into(),
    )?;
    object.close()
}

fn scope_spans(message: &ScopeSpans, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.optional("scope", message.scope.as_ref(), scope)?;
    object.list("spans", &message.spans, span)?;
    object.text("schemaUrl", &message.schema_url)?;
    object.close()
}

fn scope(scope: &InstrumentationScope, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.text("name", &scope.name)?;
    object.text("version", &scope.version)?;
    object.list("attributes", &scope.attributes, key_value)?;
    object.number(
        "droppedAttributesCount",
        scope.dropped_attributes_count.into(),
    )?;
    object.close()
}

fn span(span: &Span, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.hex("traceId", &span.trace_id)?;
    object.hex("spanId", &span.span_id)?;
    object.text("traceState", &span.trace_state)?;
    object.hex("parentSpanId", &span.parent_span_id)?;
    object.number("flags", span.flags.into())?;
    object.text("name", &span.name)?;
    object.number("kind", span.kind.into())?;
    object.nanos("startTimeUnixNano", span.start_time_unix_nano)?;
    object.nanos("endTimeUnixNano", span.end_time_unix_nano)?;
    object.list("attributes", &span.attributes, key_value)?;
    object.number(
        "droppedAttributesCount",
        span.dropped_attributes_count.into(),
    )?;
    object.list("events", &span.events, event)?;
    object.number("droppedEventsCount", span.dropped_events_count.into())?;
    object.list("links", &span.links, link)?;
    object.number("droppedLinksCount", span.dropped_links_count.into())?;
    object.optional("status", span.status.as_ref(), status)?;
    object.close()
}

fn event(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.nanos("timeUnixNano", event.time_unix_nano)?;
    object.text("name", &event.name)?;
    object.list("attributes", &event.attributes, key_value)?;
    object.number(
        "droppedAttributesCount",
        event.dropped_attributes_count.into(),
    )?;
    object.close()
}

fn link(link: &Link, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.hex("traceId", &link.trace_id)?;
    object.hex("spanId", &link.span_id)?;
    object.text("traceState", &link.trace_state)?;
    object.list("attributes", &link.attributes, key_value)?;
    object.number(
        "droppedAttributesCount",
        link.dropped_attributes_count.into(),
    )?;
    object.number("flags", link.flags.into())?;
    object.close()
}

fn status(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.text("message", &status.message)?;
    object.number("code", status.code.into())?;
    object.close()
}

fn key_value(pair: &KeyValue, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    object.text("key", &pair.key)?;
    object.optional("value", pair.value.as_ref(), any_value)?;
    object.close()
}

/// Writes a value under its type; unlike other fields it is written when it is zero or empty, too.
fn any_value(any: &AnyValue, out: &mut dyn Write) -> io::Result<()> {
    let mut object = Object::open(out)?;
    match &any.value {
        None => {}
        Some(Any::StringValue(value)) => {
            object.key("stringValue")?;
            text(value, object.out)?;
        }
        Some(Any::BoolValue(value)) => {
            object.key("boolValue")?;
            write!(object.out, "{value}")?;
        }
        Some(Any::IntValue(value)) => {
            object.key("intValue")?;
            write!(object.out, "\"{value}\"")?;
        }
        Some(Any::DoubleValue(value)) => {
            object.key("doubleValue")?;
            double(*value, object.out)?;
        }
        Some(Any::ArrayValue(array)) => {
            object.key("arrayValue")?;
            let mut inner = Object::open(object.out)?;
            inner.list("values", &array.values, any_value)?;
            inner.close()?;
        }
        Some(Any::KvlistValue(pairs)) => {
            object.key("kvlistValue")?;
            let mut inner = Object::open(object.out)?;
            inner.list("values", &pairs.values, key_value)?;
            inner.close()?;
        }
        Some(Any::BytesValue(bytes)) => {
            object.key("bytesValue")?;
            text(&base64(bytes), object.out)?;
        }
        Some(Any::StringValueStrindex(index)) => {
            object.key("stringValueStrindex")?;
            write!(object.out, "{index}")?;
        }
    }
    object.close()
}

/// Writes a number; those that JSON has no number for are written as protobuf's JSON mapping names them.
fn double(value: f64, out: &mut dyn Write) -> io::Result<()> {
    if value.is_nan() {
        out.write_all(b"\"NaN\"")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        })
    } else {
        Ok(serde_json::to_writer(out, &value)?)
    }
}

/// Returns bytes as base64 in the standard alphabet, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}
