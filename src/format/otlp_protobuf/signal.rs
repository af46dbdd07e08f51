//! Tells traces from metrics and logs, whose messages have the same outer shape.
//!
//! In all three, field 1 of the message holds resource groups, field 2 of a group holds scopes, and field 2 of a scope
//! holds the elements: spans, metrics or log records. Only these differ, and they differ in the wire types of their
//! fields:
//!
//! - a span has a varint as field 6 and eight bytes as fields 7 and 8, and starts with ids of 16 and 8 bytes;
//! - a metric has length-delimited fields only, first its name;
//! - a log record has eight bytes as fields 1 and 11 and a varint as field 2.
//!
//! The rule: an element whose wire types are a span's and whose ids have 16 and 8 bytes is a span. One whose wire
//! types are no span's but a metric's or a log record's is of another signal. One that could be a span with bad ids
//! or a metric with a name and data decides only if no other element does, and then for metrics. Anything else is
//! left to the reader of spans, which reports what is wrong with it. In practice the first element decides.

use crate::format::otlp_protobuf::walk::{LIBRARY_SPANS, RESOURCE_SPANS, SCOPE_SPANS, SPANS};
use crate::format::otlp_protobuf::wire::{FIXED32, FIXED64, Fault, LEN, VARINT, Wire};

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Spans, or nothing.
    Traces,
    /// Metrics or log records.
    Other,
}

/// Wire types of the fields of a `Span`, from field 1.
const SPAN: &[u32] = &[
    LEN, LEN, LEN, LEN, LEN, VARINT, FIXED64, FIXED64, LEN, VARINT, LEN, VARINT, LEN, VARINT, LEN,
    FIXED32,
];
/// Wire types of the fields of a `Metric`, from field 1; the withdrawn fields 4, 6 and 8 held data, too.
const METRIC: &[u32] = &[LEN; 12];
/// Wire types of the fields of a `LogRecord`, from field 1; the withdrawn field 4 was a name.
const LOG_RECORD: &[u32] = &[
    FIXED64, VARINT, LEN, LEN, LEN, LEN, VARINT, FIXED32, LEN, LEN, FIXED64, LEN,
];

/// What an element looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A span with ids of the right lengths.
    Span,
    /// A metric or a log record.
    Other,
    /// A metric, or a span with bad ids.
    Unsure,
    /// None of these.
    Unknown,
}

/// Returns what a message holds.
pub(super) fn signal(record: &[u8]) -> Signal {
    let mut unsure = false;
    let decided = children(record, &[RESOURCE_SPANS], &mut |group| {
        children(group, &[SCOPE_SPANS, LIBRARY_SPANS], &mut |scope| {
            children(scope, &[SPANS], &mut |bytes| match element(bytes) {
                Ok(Element::Span) => Some(Signal::Traces),
                Ok(Element::Other) => Some(Signal::Other),
                Ok(Element::Unsure) => {
                    unsure = true;
                    None
                }
                Ok(Element::Unknown) | Err(_) => None,
            })
        })
    });
    decided.unwrap_or(if unsure {
        Signal::Other
    } else {
        Signal::Traces
    })
}

/// Calls `look` with the inside of each field that has one of the keys, until it returns something; a fault ends it.
fn children<'a>(
    bytes: &'a [u8],
    keys: &[u32],
    look: &mut dyn FnMut(&'a [u8]) -> Option<Signal>,
) -> Option<Signal> {
    let mut fields = Wire::new(bytes);
    while !fields.is_empty() {
        let key = fields.key().ok()?;
        if !keys.contains(&key) {
            fields.skip(key).ok()?;
            continue;
        }
        let (inside, cut) = fields.container().ok()?;
        let found = look(inside.rest());
        if found.is_some() || cut.is_some() {
            return found;
        }
    }
    None
}

/// Returns what an element looks like.
pub(super) fn element(bytes: &[u8]) -> Result<Element, Fault> {
    let (mut span, mut metric, mut log_record) = (true, true, true);
    let (mut first, mut second, mut has_data) = (0, 0, false);
    let mut fields = Wire::new(bytes);
    while !fields.is_empty() {
        let key = fields.key()?;
        let value = fields;
        fields.skip(key)?;
        let (number, wire_type) = (key >> 3, key & 7);
        for (fits, shape) in [
            (&mut span, SPAN),
            (&mut metric, METRIC),
            (&mut log_record, LOG_RECORD),
        ] {
            *fits &= shape
                .get(number as usize - 1)
                .is_none_or(|&expected| expected == wire_type);
        }
        match number {
            1 | 2 if wire_type == LEN => {
                let mut value = value;
                let len = value.bytes()?.len();
                *(if number == 1 { &mut first } else { &mut second }) = len;
            }
            5 | 9 | 11 => has_data = true,
            _ => {}
        }
    }
    Ok(match (span, metric || log_record) {
        _ if bytes.is_empty() => Element::Unknown,
        (true, _) if first == 16 && second == 8 => Element::Span,
        (true, _) if metric && first > 0 && has_data => Element::Unsure,
        (false, true) => Element::Other,
        (true, _) | (false, false) => Element::Unknown,
    })
}
