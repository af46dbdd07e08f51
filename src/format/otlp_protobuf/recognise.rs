//! Recognises OTLP protobuf by its structure, since it has no magic number.
//!
//! Content is taken for OTLP when, under one of the framings, every message that the first bytes show is
//! a nest of fields as OTLP has them (resource groups, in them resources and scopes, in these elements that look like
//! spans, metrics or log records), as far as the bytes reach, and at least one attribute of a resource or one element was
//! seen whole. Text, JSON and archives fail at the first nested lengths.

use crate::format::otlp_protobuf::signal::{Element, element};
use crate::format::otlp_protobuf::walk::{
    LIBRARY_SPANS, RESOURCE, RESOURCE_SPANS, SCHEMA_URL, SCOPE_SPANS, SPANS,
};
use crate::format::otlp_protobuf::wire::{FIXED32, FIXED64, LEN, VARINT, Wire, key};
use crate::input::Framing;

/// Looks at the first bytes of the content, which may be all of it.
pub(super) fn recognise(head: &[u8]) -> Option<Framing> {
    [
        (Framing::Whole, whole as Cut),
        (Framing::Frames, frame),
        (Framing::Varints, delimited),
    ]
    .into_iter()
    .find(|(_, cut)| fits(head, *cut))
    .map(|(framing, _)| framing)
}

/// Cuts the first message off; `None` when the bytes end before its length does.
type Cut = fn(&[u8]) -> Option<(Window<'_>, &[u8])>;

/// The part of a message that is in sight.
#[derive(Clone, Copy)]
struct Window<'a> {
    bytes: &'a [u8],
    /// Whether the message goes on behind `bytes`.
    open: bool,
}

/// What was seen, good or bad.
enum Look {
    /// Not OTLP.
    Wrong,
    /// Nothing that contradicts OTLP; `true` when something spoke for it.
    Fine(bool),
}

fn fits(head: &[u8], cut: Cut) -> bool {
    let mut rest = head;
    let mut convinced = false;
    while !rest.is_empty() {
        let Some((window, behind)) = cut(rest) else {
            break;
        };
        match each_field(window, |key, inside| match key {
            RESOURCE_SPANS => resource_group(inside),
            _ => Look::Wrong,
        }) {
            Look::Wrong => return false,
            Look::Fine(seen) => convinced |= seen,
        }
        rest = behind;
    }
    convinced
}

fn whole(bytes: &[u8]) -> Option<(Window<'_>, &[u8])> {
    Some((Window { bytes, open: true }, &[]))
}

fn frame(bytes: &[u8]) -> Option<(Window<'_>, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    Some(window(rest, u64::from(u32::from_be_bytes(*len))))
}

fn delimited(bytes: &[u8]) -> Option<(Window<'_>, &[u8])> {
    let mut wire = Wire::new(bytes);
    let len = wire.varint().ok()?;
    Some(window(wire.rest(), len))
}

/// Returns the window of a message of `len` bytes and what follows it.
fn window(bytes: &[u8], len: u64) -> (Window<'_>, &[u8]) {
    match usize::try_from(len)
        .ok()
        .and_then(|len| bytes.split_at_checked(len))
    {
        Some((bytes, rest)) => (Window { bytes, open: false }, rest),
        None => (Window { bytes, open: true }, &[]),
    }
}

fn resource_group(window: Window<'_>) -> Look {
    each_field(window, |key, inside| match key {
        RESOURCE => each_field(inside, resource_field),
        SCOPE_SPANS | LIBRARY_SPANS => each_field(inside, |key, inside| match key {
            SPANS => whole_element(inside),
            SCOPE | SCHEMA_URL => Look::Fine(false),
            _ => Look::Wrong,
        }),
        SCHEMA_URL => Look::Fine(false),
        _ => Look::Wrong,
    })
}

/// `scope` in `ScopeSpans`.
const SCOPE: u32 = key(1, LEN);

fn resource_field(field: u32, inside: Window<'_>) -> Look {
    const ATTRIBUTES: u32 = key(1, LEN);
    const DROPPED: u32 = key(2, VARINT);
    const ENTITIES: u32 = key(3, LEN);
    match field {
        ATTRIBUTES => each_field(inside, |field, inside| match field >> 3 {
            1 if field & 7 == LEN => attribute_name(inside),
            2 if field & 7 == LEN => Look::Fine(false),
            3 if field & 7 == VARINT => Look::Fine(false),
            _ => Look::Wrong,
        }),
        DROPPED | ENTITIES => Look::Fine(false),
        _ => Look::Wrong,
    }
}

fn attribute_name(window: Window<'_>) -> Look {
    if window.bytes.iter().any(u8::is_ascii_control) {
        return Look::Wrong;
    }
    Look::Fine(!window.open && !window.bytes.is_empty())
}

fn whole_element(window: Window<'_>) -> Look {
    if window.open || window.bytes.is_empty() {
        return Look::Fine(false);
    }
    match element(window.bytes) {
        Ok(Element::Span | Element::Other) => Look::Fine(true),
        Ok(Element::Unsure | Element::Unknown) => Look::Fine(false),
        Err(_) => Look::Wrong,
    }
}

/// Looks at every field in sight; fields that are not length-delimited come with an empty window.
fn each_field(window: Window<'_>, mut look: impl FnMut(u32, Window<'_>) -> Look) -> Look {
    let mut fields = Wire::new(window.bytes);
    let mut convinced = false;
    while !fields.is_empty() {
        let Ok(key) = fields.key() else {
            return unfinished(window, convinced);
        };
        if !matches!(key & 7, VARINT | FIXED64 | LEN | FIXED32) {
            return Look::Wrong;
        }
        let inside = if key & 7 == LEN {
            match fields.container() {
                Ok((_, Some(_))) if !window.open => return Look::Wrong,
                Ok((inside, cut)) => Window {
                    bytes: inside.rest(),
                    open: cut.is_some(),
                },
                Err(_) => return unfinished(window, convinced),
            }
        } else if fields.skip(key).is_ok() {
            Window {
                bytes: &[],
                open: false,
            }
        } else {
            return unfinished(window, convinced);
        };
        match look(key, inside) {
            Look::Wrong => return Look::Wrong,
            Look::Fine(seen) => convinced |= seen,
        }
    }
    Look::Fine(convinced)
}

/// Judges a field that could not be read: fine where the message goes on out of sight.
fn unfinished(window: Window<'_>, convinced: bool) -> Look {
    if window.open {
        Look::Fine(convinced)
    } else {
        Look::Wrong
    }
}
