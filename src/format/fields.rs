//! What the JSON of Jaeger and Zipkin have in common: fields that may be malformed, and the way to OTLP messages.
//!
//! A field that makes no sense is a problem and counts as absent; `null` is absent. Times are whole
//! microseconds, as numbers or as text.

use crate::error::{Lost, Problem};
use crate::format::peek::{Cursor, Fault, Path, Shape};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::Value;
use std::borrow::Cow;

/// Reads fields and notes the problems of one record.
pub(super) struct Fields<'p> {
    problems: &'p mut Vec<Problem>,
}

/// A field as it was found.
pub(super) struct Field {
    /// Offset from the first byte of the record.
    pub(super) offset: usize,
    /// Its value; `Null` when absent.
    pub(super) value: Value,
}

impl<'p> Fields<'p> {
    pub(super) fn new(problems: &'p mut Vec<Problem>) -> Fields<'p> {
        Fields { problems }
    }

    /// Notes a problem.
    pub(super) fn note(&mut self, lost: Lost, offset: usize, path: &Path<'_>, message: String) {
        self.note_at(lost, offset, path.to_string(), message);
    }

    /// Notes a problem whose path has been kept as text.
    pub(super) fn note_at(&mut self, lost: Lost, offset: usize, path: String, message: String) {
        self.problems.push(Problem {
            offset,
            path,
            message,
            help: None,
            lost,
        });
    }

    /// Notes a fault, which is a problem with its own place.
    pub(super) fn note_fault(&mut self, lost: Lost, fault: Fault) {
        self.problems.push(Problem {
            offset: fault.offset,
            message: fault.to_string(),
            path: fault.path,
            help: None,
            lost,
        });
    }

    /// Reads every object or array in a row with `f`; a fault, or anything else but `null`, ends the record.
    pub(super) fn documents<'a>(
        &mut self,
        text: &'a [u8],
        expected: &str,
        mut f: impl FnMut(&mut Self, &mut Cursor<'a>) -> Result<(), Fault>,
    ) {
        let mut cursor = Cursor::new(text);
        while !cursor.at_end() {
            let shape = cursor.shape();
            let read = match shape {
                Shape::Object | Shape::Array => f(self, &mut cursor),
                Shape::Null => cursor.skip(),
                Shape::Scalar => self.refuse(&mut cursor, &Path::Root, Lost::Record, expected),
            };
            if let Err(fault) = read {
                self.note_fault(Lost::Record, fault);
                return;
            }
            // Text that is no JSON would be a problem for each of its words.
            if shape == Shape::Scalar {
                return;
            }
        }
    }

    /// Reads a span with `f`. A fault inside loses the span alone, unless the text ends in it.
    pub(super) fn span<'a, T>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
        f: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut behind = cursor.clone();
        match f(self, cursor) {
            Ok(span) => Ok(Some(span)),
            Err(fault) => {
                behind.skip().map_err(|cut| cut.inside(path))?;
                *cursor = behind;
                self.note_fault(Lost::Span, fault.inside(path));
                Ok(None)
            }
        }
    }

    /// Reads an element of a document's list with `f`. A fault inside loses the rest of the element alone, unless the text ends in
    /// it or its brackets do not match.
    pub(super) fn element<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
        f: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut behind = cursor.clone();
        let Err(fault) = f(self, cursor) else {
            return Ok(());
        };
        if behind.skip().is_err() {
            return Err(fault);
        }
        *cursor = behind;
        self.note_fault(Lost::Record, fault.inside(path));
        Ok(())
    }

    /// Calls `f` at every element of an array; anything else but `null` is a problem.
    pub(super) fn elements<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
        mut f: impl FnMut(&mut Self, &mut Cursor<'a>, &Path<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match cursor.shape() {
            Shape::Array => {
                cursor.elements(|cursor, index| f(self, cursor, &Path::Index(path, index)))
            }
            Shape::Null => cursor.skip(),
            Shape::Object | Shape::Scalar => self.refuse(cursor, path, Lost::Field, "an array"),
        }
    }

    /// Calls `f` at every member of an object; anything else but `null` is a problem.
    pub(super) fn members<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
        mut f: impl FnMut(&mut Self, &mut Cursor<'a>, &'a [u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match cursor.shape() {
            Shape::Object => cursor.members(|cursor, key| f(self, cursor, key)),
            Shape::Null => cursor.skip(),
            Shape::Array | Shape::Scalar => self.refuse(cursor, path, Lost::Field, "an object"),
        }
    }

    /// Passes over a value of the wrong kind.
    pub(super) fn refuse(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
        lost: Lost,
        expected: &str,
    ) -> Result<(), Fault> {
        let offset = cursor.offset();
        let raw = cursor.raw()?;
        let message = format!("expected {expected}, found {}", excerpt(raw));
        self.note(lost, offset, path, message);
        Ok(())
    }

    /// Reads any value.
    pub(super) fn field(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Field, Fault> {
        let offset = cursor.offset();
        let raw = cursor.raw()?;
        let value = serde_json::from_slice(raw).unwrap_or_else(|_| {
            let message = format!("expected a JSON value, found {}", excerpt(raw));
            self.note(Lost::Field, offset, path, message);
            Value::Null
        });
        Ok(Field { offset, value })
    }

    /// Reads text.
    pub(super) fn text(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Option<String>, Fault> {
        let field = self.field(cursor, path)?;
        Ok(match field.value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => self.absent(field.offset, path, "text", &other),
        })
    }

    /// Reads microseconds and returns nanoseconds.
    pub(super) fn time(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Option<u64>, Fault> {
        let field = self.field(cursor, path)?;
        if field.value.is_null() {
            return Ok(None);
        }
        let nanos = integer(&field.value)
            .and_then(|micros| micros.checked_mul(1000))
            .and_then(|nanos| u64::try_from(nanos).ok());
        Ok(nanos.or_else(|| self.absent(field.offset, path, "whole microseconds", &field.value)))
    }

    /// Reads a whole number.
    pub(super) fn whole(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &Path<'_>,
    ) -> Result<Option<i64>, Fault> {
        let field = self.field(cursor, path)?;
        if field.value.is_null() {
            return Ok(None);
        }
        let whole = integer(&field.value).and_then(|n| i64::try_from(n).ok());
        Ok(whole.or_else(|| self.absent(field.offset, path, "a whole number", &field.value)))
    }

    /// Notes that a value is not what was expected, and returns that it is absent.
    pub(super) fn absent<T>(
        &mut self,
        offset: usize,
        path: &Path<'_>,
        expected: &str,
        found: &Value,
    ) -> Option<T> {
        let found = excerpt(found.to_string().as_bytes());
        self.note(
            Lost::Field,
            offset,
            path,
            format!("expected {expected}, found {found}"),
        );
        None
    }
}

/// Returns the whole number that a number or a numeric text is, unless something would be lost.
pub(super) fn integer(value: &Value) -> Option<i128> {
    let whole = |x: f64| (x.fract() == 0.0 && x.abs() < 9.3e18).then_some(x as i128);
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(n), _, _) => Some(n.into()),
            (None, Some(n), _) => Some(n.into()),
            (None, None, x) => x.and_then(whole),
        },
        Value::String(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse().ok().and_then(whole))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the number that hex digits write, at most `digits` of them; leading zeros may be missing.
pub(super) fn hex(text: &str, digits: usize) -> Option<u128> {
    let fits = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// Returns the eight bytes of a span id, or none for the absent id.
pub(super) fn span_bytes(id: u64) -> Vec<u8> {
    match id {
        0 => Vec::new(),
        id => id.to_be_bytes().to_vec(),
    }
}

/// Returns what a value of JSON is as an attribute: arrays and objects are kept as they are written.
pub(super) fn any(value: Value) -> Option<Any> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => Any::BoolValue(b),
        Value::Number(n) => match n.as_i64() {
            Some(whole) => Any::IntValue(whole),
            None => Any::DoubleValue(n.as_f64()?),
        },
        Value::String(text) => Any::StringValue(text),
        other @ (Value::Array(_) | Value::Object(_)) => Any::StringValue(other.to_string()),
    })
}

/// Returns an attribute.
pub(super) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Returns an attribute of text.
pub(super) fn text_attribute(key: &str, text: impl Into<String>) -> KeyValue {
    attribute(key, Any::StringValue(text.into()))
}

/// Returns a group of spans; a resource that says nothing is left out.
pub(super) fn group(attributes: Vec<KeyValue>) -> ResourceSpans {
    let resource = Resource {
        attributes,
        ..Resource::default()
    };
    ResourceSpans {
        resource: (!resource.attributes.is_empty()).then_some(resource),
        scope_spans: vec![ScopeSpans::default()],
        ..ResourceSpans::default()
    }
}

/// Adds a span to a group.
pub(super) fn push(group: &mut ResourceSpans, span: Span) {
    if let Some(scope) = group.scope_spans.first_mut() {
        scope.spans.push(span);
    }
}

/// Returns the beginning of some text, fit for a message.
pub(super) fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(text);
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out
}

/// Returns the keys of the object at the cursor, as far as the text goes.
pub(super) fn keys<'a>(cursor: &Cursor<'a>) -> Vec<&'a [u8]> {
    let mut keys = Vec::new();
    // A cut or broken object has the keys before the fault; whoever reads it reports the fault.
    let _fault = cursor.clone().members(|cursor, key| {
        keys.push(key);
        cursor.skip()
    });
    keys
}

/// Returns a key as it reads; one with a bad escape is kept as it is written.
pub(super) fn unescaped(key: &[u8]) -> Cow<'_, str> {
    if key.contains(&b'\\') {
        let quoted = [b"\"", key, b"\""].concat();
        if let Ok(text) = serde_json::from_slice::<String>(&quoted) {
            return Cow::Owned(text);
        }
    }
    String::from_utf8_lossy(key)
}

/// Returns keys as a list for a message.
pub(super) fn listed(keys: &[&[u8]]) -> String {
    const MOST: usize = 5;
    if keys.is_empty() {
        return "an empty object".to_owned();
    }
    let names: Vec<_> = keys.iter().take(MOST).map(|key| excerpt(key)).collect();
    let more = if keys.len() > MOST { ", ..." } else { "" };
    let noun = if keys.len() == 1 { "key" } else { "keys" };
    format!("an object with {noun} {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_come_in_every_spelling_and_lose_nothing() {
        let max = u64::MAX;
        for (value, expected) in [
            (json!(12), Some(12)),
            (json!("12"), Some(12)),
            (json!(1.7e18), Some(1_700_000_000_000_000_000)),
            (json!("1.7e18"), Some(1_700_000_000_000_000_000)),
            (json!(max), Some(max.into())),
            (json!(-3), Some(-3)),
            (json!(1.5), None),
            (json!(1e30), None),
            (json!("soon"), None),
            (json!(true), None),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn hex_may_be_short_and_in_any_case() {
        assert_eq!(hex("aB", 16), Some(0xab));
        assert_eq!(hex("", 16), None);
        assert_eq!(hex("+1", 16), None);
        assert_eq!(hex("12345678123456781", 16), None);
    }

    #[test]
    fn foreign_text_in_messages_is_short_and_without_control_characters() {
        assert_eq!(excerpt(b"\"a\x1b[2Jb\""), "\"a [2Jb\"");
        assert_eq!(excerpt(&[b'x'; 41]), format!("{}...", "x".repeat(40)));
    }

    #[test]
    fn a_fault_inside_a_span_loses_that_span_alone() {
        let mut problems = Vec::new();
        let mut fields = Fields::new(&mut problems);
        let mut seen = Vec::new();
        fields.documents(
            br#"[{"a":1},{"a" 2},{"a":3}] [{"a":4},{"a":"#,
            "lists",
            |fields, cursor| {
                fields.elements(cursor, &Path::Root, |fields, cursor, path| {
                    let span = fields.span(cursor, path, |fields, cursor| {
                        let mut a = None;
                        fields.members(cursor, path, |fields, cursor, _| {
                            a = fields.whole(cursor, path)?;
                            Ok(())
                        })?;
                        Ok(a)
                    })?;
                    seen.extend(span.flatten());
                    Ok(())
                })
            },
        );
        assert_eq!(seen, [1, 3, 4]);
        let told: Vec<_> = problems
            .iter()
            .map(|p| (p.offset, p.path.as_str(), p.lost))
            .collect();
        assert_eq!(told, [(14, "[1]", Lost::Span), (40, "[1]", Lost::Record)]);
    }
}
