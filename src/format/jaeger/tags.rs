//! Tags of Jaeger, which say their type, and processes, which are mostly tags.

use crate::format::fields::{self, Field, Fields, attribute, text_attribute};
use crate::format::peek::{Cursor, Fault, Path};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use serde_json::Value;

/// Reads a list of tags.
pub(super) fn list(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Vec<KeyValue>, Fault> {
    let mut tags = Vec::new();
    fields.elements(cursor, path, |fields, cursor, path| {
        tags.extend(tag(fields, cursor, path)?);
        Ok(())
    })?;
    Ok(tags)
}

fn tag(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Option<KeyValue>, Fault> {
    let (mut key, mut kind, mut value) = (None, None, None);
    fields.members(cursor, path, |fields, cursor, name| {
        match name {
            b"key" => key = fields.text(cursor, &Path::Key(path, "key"))?,
            b"type" => kind = fields.text(cursor, &Path::Key(path, "type"))?,
            b"value" => value = Some(fields.field(cursor, &Path::Key(path, "value"))?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    let (Some(key), Some(value)) = (key, value) else {
        return Ok(None);
    };
    let typed = typed(fields, path, kind.as_deref().unwrap_or(""), value);
    Ok(typed.map(|typed| attribute(&key, typed)))
}

/// Returns the value as the type that the tag says it has; values may be written as text.
fn typed(fields: &mut Fields<'_>, path: &Path<'_>, kind: &str, field: Field) -> Option<Any> {
    if field.value.is_null() {
        return None;
    }
    let (typed, expected) = match kind.to_ascii_lowercase().as_str() {
        "bool" => (truth(&field.value).map(Any::BoolValue), "a truth value"),
        "int64" => (
            fields::integer(&field.value)
                .and_then(|n| i64::try_from(n).ok())
                .map(Any::IntValue),
            "a whole number",
        ),
        "float64" => (number(&field.value).map(Any::DoubleValue), "a number"),
        "binary" => (
            field.value.as_str().and_then(base64).map(Any::BytesValue),
            "base64",
        ),
        "string" => match field.value {
            Value::String(text) => return Some(Any::StringValue(text)),
            other => return Some(Any::StringValue(other.to_string())),
        },
        _ => return fields::any(field.value),
    };
    typed.or_else(|| {
        fields.absent(
            field.offset,
            &Path::Key(path, "value"),
            expected,
            &field.value,
        )
    })
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the bytes of base64 text in the standard alphabet, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut n_bits) = (0_u32, 0);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xfff;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
        }
    }
    // One digit alone is less than a byte.
    (n_bits < 6).then_some(bytes)
}

/// Reads a process as the attributes of a resource.
pub(super) fn process(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
) -> Result<Vec<KeyValue>, Fault> {
    let mut service = None;
    let mut tags = Vec::new();
    fields.members(cursor, path, |fields, cursor, key| {
        match key {
            b"serviceName" => service = fields.text(cursor, &Path::Key(path, "serviceName"))?,
            b"tags" => tags = list(fields, cursor, &Path::Key(path, "tags"))?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    let mut attributes = Vec::with_capacity(tags.len() + 3);
    if let Some(service) = service.filter(|service| !service.is_empty()) {
        tags.retain(|tag| tag.key != "service.name");
        attributes.push(text_attribute("service.name", service));
    }
    for (old, new) in [("hostname", "host.name"), ("ip", "host.ip")] {
        let named = |key: &str| tags.iter().find(|tag| tag.key == key);
        if let (Some(tag), None) = (named(old), named(new)) {
            attributes.push(KeyValue {
                key: new.to_owned(),
                ..tag.clone()
            });
        }
    }
    attributes.append(&mut tags);
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_and_without_padding() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("/+7/", Some(b"\xff\xee\xff")),
            ("Z", None),
            ("Zm 9", None),
        ] {
            assert_eq!(base64(text).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn a_tag_has_the_type_it_says() {
        for (tag, expected) in [
            (
                r#"{"key":"a","type":"int64","value":"7"}"#,
                Some(Any::IntValue(7)),
            ),
            (
                r#"{"key":"a","type":"bool","value":"true"}"#,
                Some(Any::BoolValue(true)),
            ),
            (
                r#"{"key":"a","type":"float64","value":1}"#,
                Some(Any::DoubleValue(1.0)),
            ),
            (
                r#"{"key":"a","type":"string","value":7}"#,
                Some(Any::StringValue("7".to_owned())),
            ),
            (
                r#"{"key":"a","type":"binary","value":"Zg=="}"#,
                Some(Any::BytesValue(b"f".to_vec())),
            ),
            (r#"{"key":"a","value":7}"#, Some(Any::IntValue(7))),
            (r#"{"key":"a","value":null}"#, None),
        ] {
            let mut problems = Vec::new();
            let read = super::tag(
                &mut Fields::new(&mut problems),
                &mut Cursor::new(tag.as_bytes()),
                &Path::Root,
            );
            let read = read.expect("whole JSON").and_then(|tag| tag.value?.value);
            assert_eq!((read, problems.len()), (expected, 0), "{tag}");
        }
    }

    #[test]
    fn a_tag_of_another_type_than_it_says_is_a_problem() {
        let mut problems = Vec::new();
        let read = super::tag(
            &mut Fields::new(&mut problems),
            &mut Cursor::new(br#"{"key":"a","type":"int64","value":"x"}"#),
            &Path::Root,
        );
        assert_eq!(read.expect("whole JSON"), None);
        assert_eq!(problems[0].message, "expected a whole number, found \"x\"");
        assert_eq!(
            (problems[0].offset, problems[0].path.as_str()),
            (34, "value")
        );
    }
}
