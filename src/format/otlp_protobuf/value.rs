//! Attributes: a key and a value of one of several types.
//!
//! Only the attributes that [`Facts::slot_of_bytes`] knows are decoded; of the others not even the text is checked. A repeated
//! field follows the rules of protobuf: the last scalar wins, messages and arrays are joined.

use crate::format::habits::{Beginning, Habits, LONGEST};
use crate::format::otlp_protobuf::wire::{FIXED64, Fault, LEN, VARINT, Wire, key};
use crate::format::scan;
use crate::format::spans::SHARED;
use crate::model::Value;
use crate::model::attr::{Facts, Slot};
use crate::model::event::is_understood;

/// Text that is not UTF-8: the bytes that should have been text.
pub(super) struct NotText<'a>(pub(super) &'a [u8]);

/// What became of an attribute.
pub(super) enum Attribute<'a> {
    /// It was kept, or is none that topple knows.
    Done,
    /// It should have been text.
    NotText(NotText<'a>),
    /// It is the mark of a shared Zipkin span, which is no fact of the model.
    Shared(bool),
}

/// A value before its text is checked.
#[derive(Clone, Copy)]
enum Raw<'a> {
    /// Bytes that should be UTF-8.
    Text(&'a [u8]),
    /// A value that holds no text, or none at all.
    Plain(Value<'a>),
    /// An array: how many elements there are, and the text of the last if it is text.
    Array(usize, Option<&'a [u8]>),
}

/// A value that was not given.
const NOTHING: Raw<'_> = Raw::Plain(Value::Other);

/// Keeps the attribute in `bytes`, a `KeyValue`, if it is understood; `ahead` are its first bytes and perhaps what is behind it.
#[inline(always)]
pub(super) fn attribute<'a>(
    bytes: &'a [u8],
    ahead: Option<&[u8; LONGEST]>,
    facts: &mut Facts<'a>,
    habits: &mut Habits,
) -> Result<Attribute<'a>, Fault> {
    if let Some(ahead) = ahead
        && let Some(beginning) = habits.follow(ahead)
        && let Some([len @ 0..=0x7f, value @ ..]) = bytes.get(beginning.len..)
        && value.len() == usize::from(*len)
    {
        return match (beginning.slot, value) {
            (None, _) => Ok(Attribute::Done),
            (Some(slot), [0x0a, len @ 0..=0x7f, text @ ..]) if text.len() == usize::from(*len) => {
                Ok(put(slot, Raw::Text(text), facts))
            }
            (Some(slot), _) => {
                any_value(Wire::new(value), NOTHING).map(|value| put(slot, value, facts))
            }
        };
    }
    unusual_attribute(bytes, ahead, facts, habits)
}

/// Keeps an attribute that is none of those that came next before.
#[inline(never)]
fn unusual_attribute<'a>(
    bytes: &'a [u8],
    ahead: Option<&[u8; LONGEST]>,
    facts: &mut Facts<'a>,
    habits: &mut Habits,
) -> Result<Attribute<'a>, Fault> {
    if let Some((name, value)) = common_shape(bytes) {
        let slot = facts.slot_of_bytes(name);
        if slot.is_none() && name == SHARED.as_bytes() {
            return any_value(Wire::new(value), NOTHING).map(shared);
        }
        if let Some(ahead) = ahead {
            let beginning = Beginning {
                len: bytes.len() - value.len() - 1,
                slot,
                shape: 0,
            };
            habits.learn(ahead, beginning);
        }
        match slot {
            Some(slot) => any_value(Wire::new(value), NOTHING).map(|value| put(slot, value, facts)),
            None => Ok(Attribute::Done),
        }
    } else {
        let (name, value) = key_value(bytes)?;
        Ok(match facts.slot_of_bytes(name) {
            Some(slot) => put(slot, value, facts),
            None if name == SHARED.as_bytes() => shared(value),
            None => Attribute::Done,
        })
    }
}

#[inline]
fn put<'a>((slot, rank): (Slot, u8), value: Raw<'a>, facts: &mut Facts<'a>) -> Attribute<'a> {
    match checked(value) {
        Ok(value) => {
            facts.put(slot, rank, value);
            Attribute::Done
        }
        Err(not_text) => Attribute::NotText(not_text),
    }
}

fn shared(value: Raw<'_>) -> Attribute<'_> {
    match checked(value) {
        Ok(value) => Attribute::Shared(value.truth() == Some(true)),
        Err(not_text) => Attribute::NotText(not_text),
    }
}

/// Returns the text of the attribute in `bytes`, a `KeyValue`, if it has that name; empty when it is not text.
pub(super) fn text_of<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a str>, Fault> {
    let (found, value) = key_value(bytes)?;
    Ok((found == name.as_bytes()).then(|| match checked(value) {
        Ok(value) => value.text().unwrap_or_default(),
        Err(NotText(_)) => "",
    }))
}

/// Returns key and value of an attribute of an event, if it is understood and readable.
pub(super) fn of_event(bytes: &[u8]) -> Result<Option<(&[u8], Value<'_>)>, Fault> {
    if common_shape(bytes).is_some_and(|(name, _)| !is_understood(name)) {
        return Ok(None);
    }
    let (name, value) = key_value(bytes)?;
    let is_asked = is_understood(name);
    Ok(checked(value)
        .ok()
        .filter(|_| is_asked)
        .map(|value| (name, value)))
}

/// Returns key and value of a `KeyValue` written as every encoder writes it: a key of less than 128 bytes, then a
/// value of less than 128 bytes, nothing more.
#[inline(always)]
fn common_shape(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, len @ 0..=0x7f, rest @ ..] = bytes else {
        return None;
    };
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    match rest {
        [0x12, len @ 0..=0x7f, value @ ..] if value.len() == usize::from(*len) => {
            Some((name, value))
        }
        _ => None,
    }
}

/// Returns key and value of any `KeyValue`.
fn key_value(bytes: &[u8]) -> Result<(&[u8], Raw<'_>), Fault> {
    const KEY: u32 = key(1, LEN);
    const VALUE: u32 = key(2, LEN);
    const KEY_INDEX: u32 = key(3, VARINT);

    let mut fields = Wire::new(bytes);
    let mut name = &bytes[..0];
    let mut value = NOTHING;
    while !fields.is_empty() {
        match fields.key()? {
            KEY => name = fields.bytes()?,
            VALUE => value = any_value(Wire::new(fields.bytes()?), value)?,
            KEY_INDEX => fields.varint().map(drop)?,
            other => fields.skip_undefined(other, 1..=3)?,
        }
    }
    Ok((name, value))
}

/// Returns the value in an `AnyValue` that joins one read before.
#[inline]
fn any_value<'a>(mut fields: Wire<'a>, before: Raw<'a>) -> Result<Raw<'a>, Fault> {
    const STRING: u32 = key(1, LEN);
    const BOOL: u32 = key(2, VARINT);
    const INT: u32 = key(3, VARINT);
    const DOUBLE: u32 = key(4, FIXED64);
    const ARRAY: u32 = key(5, LEN);
    const MAP: u32 = key(6, LEN);
    const BYTES: u32 = key(7, LEN);
    const STRING_INDEX: u32 = key(8, VARINT);

    let mut value = before;
    while !fields.is_empty() {
        value = match fields.key()? {
            STRING => Raw::Text(fields.bytes()?),
            BOOL => Raw::Plain(Value::Bool(fields.varint()? != 0)),
            INT => Raw::Plain(Value::Int(fields.varint()? as i64)),
            DOUBLE => Raw::Plain(Value::Double(f64::from_bits(fields.fixed64()?))),
            ARRAY => array(Wire::new(fields.bytes()?), value)?,
            MAP | BYTES => {
                fields.bytes()?;
                Raw::Plain(Value::Other)
            }
            STRING_INDEX => {
                fields.varint()?;
                Raw::Plain(Value::Other)
            }
            other => {
                fields.skip_undefined(other, 1..=8)?;
                value
            }
        };
    }
    Ok(value)
}

/// Returns the elements of an `ArrayValue` that joins one read before.
fn array<'a>(mut fields: Wire<'a>, before: Raw<'a>) -> Result<Raw<'a>, Fault> {
    const VALUES: u32 = key(1, LEN);

    let (mut n_elements, mut last) = match before {
        Raw::Array(n_elements, last) => (n_elements, last),
        Raw::Text(_) | Raw::Plain(_) => (0, None),
    };
    while !fields.is_empty() {
        match fields.key()? {
            VALUES => {
                n_elements += 1;
                last = element(Wire::new(fields.bytes()?))?;
            }
            other => fields.skip_undefined(other, 1..=1)?,
        }
    }
    Ok(Raw::Array(n_elements, last))
}

/// Returns the text of an array's element if it is text; does not look into arrays and maps in it.
fn element(mut fields: Wire<'_>) -> Result<Option<&[u8]>, Fault> {
    const STRING: u32 = key(1, LEN);

    let mut text = None;
    while !fields.is_empty() {
        match fields.key()? {
            STRING => text = Some(fields.bytes()?),
            other => {
                fields.skip_undefined(other, 1..=1)?;
                if matches!(other >> 3, 2..=8) {
                    text = None;
                }
            }
        }
    }
    Ok(text)
}

/// Returns the value as the model wants it, its text checked.
#[inline]
fn checked(value: Raw<'_>) -> Result<Value<'_>, NotText<'_>> {
    Ok(match value {
        Raw::Text(text) | Raw::Array(1, Some(text)) => Value::Text(checked_text(text)?),
        Raw::Plain(value) => value,
        Raw::Array(..) => Value::Other,
    })
}

/// Returns bytes as the text they should be.
#[inline]
pub(super) fn checked_text(bytes: &[u8]) -> Result<&str, NotText<'_>> {
    scan::short_text(bytes).ok_or(NotText(bytes))
}
