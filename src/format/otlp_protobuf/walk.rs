//! The fast way: one pass over the bytes of a message, everything borrowed, no allocation per span.
//!
//! What prost accepts is read as prost reads it. Beyond that the walk is forgiving where nothing is lost: what it
//! does not need (most of events, scopes, attributes that topple does not know) is skipped by its length, and what stands inside
//! is not looked at. Text that is not UTF-8, a number outside an enum and a malformed id are problems of the
//! field or the span; bytes that are not protobuf end the record, and the spans before them are kept.

use crate::error::{Lost, Problem};
use crate::format::habits::LONGEST;
use crate::format::otlp_protobuf::signal::{Signal, signal};
use crate::format::otlp_protobuf::value::{
    Attribute, NotText, attribute, checked_text, of_event, text_of,
};
use crate::format::otlp_protobuf::wire::{FIXED32, FIXED64, Fault, LEN, VARINT, Wire, key};
use crate::format::spans::REF_TYPE;
use crate::format::turns::Turns;
use crate::format::{Habits, Sink};
use crate::input::Record;
use crate::model::event::Event;
use crate::model::{Facts, Kind, LinkKind, RawLink, SpanId, Status, TraceId};

/// `resource_spans` in `TracesData`.
pub(super) const RESOURCE_SPANS: u32 = key(1, LEN);
/// `resource` in `ResourceSpans`.
pub(super) const RESOURCE: u32 = key(1, LEN);
/// `scope_spans` in `ResourceSpans`.
pub(super) const SCOPE_SPANS: u32 = key(2, LEN);
/// `instrumentation_library_spans` in `ResourceSpans`, of the same shape as `scope_spans`; removed in OTLP 1.0.
pub(super) const LIBRARY_SPANS: u32 = key(1000, LEN);
/// `spans` in `ScopeSpans`.
pub(super) const SPANS: u32 = key(2, LEN);
/// `schema_url` in `ResourceSpans` and `ScopeSpans`.
pub(super) const SCHEMA_URL: u32 = key(3, LEN);

/// Reads one message.
pub(super) fn read(record: &Record<'_>, sink: &mut dyn Sink) {
    let padded = record.padded();
    let record = record.bytes();
    match signal(record) {
        Signal::Traces => {}
        Signal::Other => return sink.other_signal(),
    }
    let mut walk = Walk {
        record,
        padded,
        habits: sink.habits(),
        place: Place::default(),
        resource: Facts::asking(sink.asked()),
        turns: Turns::asking(sink.asked()),
        sink,
    };
    let end = walk.traces(Wire::new(record));
    walk.turns.finish(walk.sink);
    walk.sink.keep(std::mem::take(&mut walk.habits));
    if let Err(fault) = end {
        let (offset, message) = fault.locate(record);
        walk.sink.problem(Problem {
            offset,
            path: walk.place.path(""),
            message,
            help: None,
            lost: Lost::Record,
        });
    }
}

/// The element being read.
#[derive(Clone, Copy, Default)]
struct Place {
    resource: usize,
    scope: Option<usize>,
    span: Option<usize>,
}

impl Place {
    /// Returns the place as problems name it, followed by a field if that is not empty.
    #[cold]
    fn path(self, field: &str) -> String {
        let mut path = format!("resourceSpans[{}]", self.resource);
        if let Some(scope) = self.scope {
            path += &format!(".scopeSpans[{scope}]");
        }
        if let Some(span) = self.span {
            path += &format!(".spans[{span}]");
        }
        if !field.is_empty() {
            path.push('.');
            path += field;
        }
        path
    }
}

/// One walk over a record.
///
/// `resource` and the spans are reused from element to element.
struct Walk<'a, 's> {
    record: &'a [u8],
    /// The record and what is behind it.
    padded: &'a [u8],
    sink: &'s mut dyn Sink,
    habits: Habits,
    place: Place,
    resource: Facts<'a>,
    turns: Turns<'a>,
}

/// The fields of a span that wait until its end, since the last one of a kind wins.
struct Pending<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a [u8],
    name: &'a [u8],
    kind: u64,
    status: u64,
}

impl<'a> Walk<'a, '_> {
    fn traces(&mut self, mut fields: Wire<'a>) -> Result<(), Fault> {
        while !fields.is_empty() {
            match fields.key()? {
                RESOURCE_SPANS => {
                    let (inside, cut) = fields.container()?;
                    self.resource_spans(inside)?;
                    cut.map_or(Ok(()), Err)?;
                    self.place.resource += 1;
                }
                other => fields.skip_undefined(other, 1..=1)?,
            }
        }
        Ok(())
    }

    fn resource_spans(&mut self, mut fields: Wire<'a>) -> Result<(), Fault> {
        self.resources(fields)?;
        self.turns.finish(self.sink);
        self.sink.resource(&self.resource);
        let mut n_scopes = 0;
        while !fields.is_empty() {
            match fields.key()? {
                RESOURCE | SCHEMA_URL => fields.bytes().map(drop)?,
                SCOPE_SPANS | LIBRARY_SPANS => {
                    let (inside, cut) = fields.container()?;
                    self.place.scope = Some(n_scopes);
                    self.scope_spans(inside)?;
                    self.place.scope = None;
                    cut.map_or(Ok(()), Err)?;
                    n_scopes += 1;
                }
                other => fields.skip_undefined(other, 1..=3)?,
            }
        }
        Ok(())
    }

    /// Collects the attributes of every `resource` among the fields, wherever it stands.
    ///
    /// Faults between the resources are left to the second look at these fields.
    fn resources(&mut self, mut fields: Wire<'a>) -> Result<(), Fault> {
        const ATTRIBUTES: u32 = key(1, LEN);
        const DROPPED: u32 = key(2, VARINT);
        const ENTITIES: u32 = key(3, LEN);

        self.resource.clear();
        self.habits.restart();
        while let Ok(field) = fields.key() {
            if field != RESOURCE {
                if fields.skip(field).is_err() {
                    break;
                }
                continue;
            }
            let Ok((mut inside, None)) = fields.container() else {
                break;
            };
            while !inside.is_empty() {
                match inside.key()? {
                    ATTRIBUTES => {
                        let bytes = inside.bytes()?;
                        let ahead = self.ahead(bytes);
                        if let Attribute::NotText(not_text) =
                            attribute(bytes, ahead, &mut self.resource, &mut self.habits)?
                        {
                            self.not_text(not_text, "resource.attributes");
                        }
                    }
                    DROPPED => inside.varint().map(drop)?,
                    ENTITIES => inside.bytes().map(drop)?,
                    other => inside.skip_undefined(other, 1..=3)?,
                }
            }
        }
        Ok(())
    }

    fn scope_spans(&mut self, mut fields: Wire<'a>) -> Result<(), Fault> {
        const SCOPE: u32 = key(1, LEN);

        let mut n_spans = 0;
        while !fields.is_empty() {
            match fields.key()? {
                SPANS => {
                    let bytes = fields.bytes()?;
                    self.place.span = Some(n_spans);
                    self.span(bytes)?;
                    self.place.span = None;
                    n_spans += 1;
                }
                SCOPE | SCHEMA_URL => fields.bytes().map(drop)?,
                other => fields.skip_undefined(other, 1..=3)?,
            }
        }
        Ok(())
    }

    fn span(&mut self, bytes: &'a [u8]) -> Result<(), Fault> {
        const TRACE_ID: u32 = key(1, LEN);
        const SPAN_ID: u32 = key(2, LEN);
        const TRACE_STATE: u32 = key(3, LEN);
        const PARENT_SPAN_ID: u32 = key(4, LEN);
        const NAME: u32 = key(5, LEN);
        const KIND: u32 = key(6, VARINT);
        const START: u32 = key(7, FIXED64);
        const END: u32 = key(8, FIXED64);
        const ATTRIBUTES: u32 = key(9, LEN);
        const DROPPED_ATTRIBUTES: u32 = key(10, VARINT);
        const EVENTS: u32 = key(11, LEN);
        const DROPPED_EVENTS: u32 = key(12, VARINT);
        const LINKS: u32 = key(13, LEN);
        const DROPPED_LINKS: u32 = key(14, VARINT);
        const STATUS: u32 = key(15, LEN);
        const FLAGS: u32 = key(16, FIXED32);

        self.turns.now().clear();
        self.habits.restart();
        let nothing = &bytes[..0];
        let mut pending = Pending {
            trace_id: nothing,
            span_id: nothing,
            parent_span_id: nothing,
            trace_state: nothing,
            name: nothing,
            kind: 0,
            status: 0,
        };
        let mut fields = Wire::new(bytes);
        while !fields.is_empty() {
            match fields.key()? {
                TRACE_ID => pending.trace_id = fields.bytes()?,
                SPAN_ID => pending.span_id = fields.bytes()?,
                TRACE_STATE => pending.trace_state = fields.bytes()?,
                PARENT_SPAN_ID => pending.parent_span_id = fields.bytes()?,
                NAME => pending.name = fields.bytes()?,
                KIND => pending.kind = fields.varint()?,
                START => self.turns.now().start = fields.fixed64()?,
                END => self.turns.now().end = fields.fixed64()?,
                ATTRIBUTES => {
                    let bytes = fields.bytes()?;
                    let ahead = self.ahead(bytes);
                    match attribute(bytes, ahead, &mut self.turns.now().facts, &mut self.habits)? {
                        Attribute::Done => {}
                        Attribute::NotText(not_text) => self.not_text(not_text, "attributes"),
                        Attribute::Shared(shared) => self.turns.now().shared = shared,
                    }
                }
                LINKS => self.link(fields.bytes()?)?,
                STATUS => pending.status = status(fields.bytes()?, pending.status)?,
                EVENTS => self.event(fields.bytes()?),
                DROPPED_ATTRIBUTES | DROPPED_EVENTS | DROPPED_LINKS => fields.varint().map(drop)?,
                FLAGS => fields.fixed32().map(drop)?,
                other => fields.skip_undefined(other, 1..=16)?,
            }
        }
        self.finish_span(bytes, &pending);
        Ok(())
    }

    /// Returns the first bytes of a part of the record, and what is behind it where it is shorter.
    #[inline(always)]
    fn ahead(&self, part: &[u8]) -> Option<&'a [u8; LONGEST]> {
        let at = part.as_ptr().addr() - self.record.as_ptr().addr();
        self.padded.get(at..)?.first_chunk()
    }

    /// Checks the fields that waited and hands the span over.
    fn finish_span(&mut self, bytes: &'a [u8], pending: &Pending<'a>) {
        let Some(trace) = trace_id(pending.trace_id) else {
            return self.bad_id(bytes, pending.trace_id, 16, "traceId", Lost::Span);
        };
        let Some(span) = span_id(pending.span_id) else {
            return self.bad_id(bytes, pending.span_id, 8, "spanId", Lost::Span);
        };
        self.turns.now().trace = trace;
        self.turns.now().span = span;
        match pending.parent_span_id.try_into() {
            Ok(parent) => self.turns.now().parent = SpanId(u64::from_be_bytes(parent)),
            Err(_) if pending.parent_span_id.is_empty() => {}
            Err(_) => self.bad_id(
                bytes,
                pending.parent_span_id,
                8,
                "parentSpanId",
                Lost::Field,
            ),
        }
        match checked_text(pending.name) {
            Ok(name) => self.turns.now().name = name,
            Err(not_text) => self.not_text(not_text, "name"),
        }
        match checked_text(pending.trace_state) {
            Ok(trace_state) => self.turns.now().trace_state = trace_state,
            Err(not_text) => self.not_text(not_text, "traceState"),
        }
        match Kind::from_number(enum_number(pending.kind)) {
            Some(kind) => self.turns.now().kind = kind,
            None => self.bad_enum(bytes, pending.kind, "a span kind from 0 to 5", "kind"),
        }
        match Status::from_number(enum_number(pending.status)) {
            Some(status) => self.turns.now().status = status,
            None => self.bad_enum(
                bytes,
                pending.status,
                "a status code from 0 to 2",
                "status.code",
            ),
        }
        self.turns.next(self.sink);
    }

    /// Reads what is understood of an event; a damaged one says nothing.
    #[inline(never)]
    fn event(&mut self, bytes: &'a [u8]) {
        const ATTRIBUTES: u32 = key(3, LEN);

        let read = || {
            let (mut event, mut fields) = (Event::default(), Wire::new(bytes));
            while !fields.is_empty() {
                match fields.key()? {
                    ATTRIBUTES => {
                        if let Some((key, value)) = of_event(fields.bytes()?)? {
                            event.set(key, value);
                        }
                    }
                    other => fields.skip(other)?,
                }
            }
            Ok::<_, Fault>(event)
        };
        if let Ok(event) = read() {
            self.turns.now().events.add(&event);
        }
    }

    fn link(&mut self, bytes: &'a [u8]) -> Result<(), Fault> {
        const TRACE_ID: u32 = key(1, LEN);
        const SPAN_ID: u32 = key(2, LEN);
        const TRACE_STATE: u32 = key(3, LEN);
        const ATTRIBUTES: u32 = key(4, LEN);
        const DROPPED_ATTRIBUTES: u32 = key(5, VARINT);
        const FLAGS: u32 = key(6, FIXED32);

        let nothing = &bytes[..0];
        let (mut trace, mut span, mut reference) = (nothing, nothing, None);
        let mut fields = Wire::new(bytes);
        while !fields.is_empty() {
            match fields.key()? {
                TRACE_ID => trace = fields.bytes()?,
                SPAN_ID => span = fields.bytes()?,
                ATTRIBUTES => {
                    let text = text_of(fields.bytes()?, REF_TYPE)?;
                    reference = reference.or(text);
                }
                TRACE_STATE => fields.bytes().map(drop)?,
                DROPPED_ATTRIBUTES => fields.varint().map(drop)?,
                FLAGS => fields.fixed32().map(drop)?,
                other => fields.skip_undefined(other, 1..=6)?,
            }
        }
        let kind = reference.map_or(LinkKind::Link, LinkKind::from_ref_type);
        match (trace_id(trace), span_id(span)) {
            (Some(trace), Some(span)) => self.turns.now().links.push(RawLink { trace, span, kind }),
            (None, _) => self.bad_id(bytes, trace, 16, "links.traceId", Lost::Field),
            (_, None) => self.bad_id(bytes, span, 8, "links.spanId", Lost::Field),
        }
        Ok(())
    }

    /// Reports text that is not UTF-8.
    #[cold]
    fn not_text(&mut self, NotText(bytes): NotText<'a>, field: &str) {
        let valid = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let bad = &bytes[valid..];
        let found = bad.first().copied().unwrap_or_default();
        let message = format!("expected UTF-8 text, found the byte 0x{found:02x}");
        self.problem(bad, field, message, Lost::Field);
    }

    /// Reports an id that is not `len` bytes long or all zero; `owner` is the message that should have it.
    #[cold]
    fn bad_id(&mut self, owner: &[u8], found: &[u8], len: usize, field: &str, lost: Lost) {
        let at = if found.is_empty() { owner } else { found };
        let found = match found.len() {
            0 => "none".to_owned(),
            found if found == len => "only zeros".to_owned(),
            1 => "1 byte".to_owned(),
            found => format!("{found} bytes"),
        };
        self.problem(
            at,
            field,
            format!("expected an id of {len} bytes, found {found}"),
            lost,
        );
    }

    /// Reports a number that is none of an enum.
    #[cold]
    fn bad_enum(&mut self, owner: &[u8], found: u64, expected: &str, field: &str) {
        let message = format!("expected {expected}, found {}", found as i32);
        self.problem(owner, field, message, Lost::Field);
    }

    /// Reports a problem at the first byte of `at`, a part of the record.
    #[cold]
    fn problem(&mut self, at: &[u8], field: &str, message: String, lost: Lost) {
        self.sink.problem(Problem {
            offset: at.as_ptr().addr() - self.record.as_ptr().addr(),
            path: self.place.path(field),
            message,
            help: None,
            lost,
        });
    }
}

/// Returns the code in a `Status` that joins one read before.
fn status(bytes: &[u8], before: u64) -> Result<u64, Fault> {
    const MESSAGE: u32 = key(2, LEN);
    const CODE: u32 = key(3, VARINT);

    let mut code = before;
    let mut fields = Wire::new(bytes);
    while !fields.is_empty() {
        match fields.key()? {
            MESSAGE => fields.bytes().map(drop)?,
            CODE => code = fields.varint()?,
            other => fields.skip_undefined(other, 2..=3)?,
        }
    }
    Ok(code)
}

/// Returns the number of an enum, which is the lower half of its varint.
fn enum_number(varint: u64) -> u64 {
    varint & 0xffff_ffff
}

/// Returns the trace id of 16 bytes that are not all zero.
#[inline]
fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = TraceId::from_bytes(bytes.try_into().ok()?);
    (!id.is_zero()).then_some(id)
}

/// Returns the span id of eight bytes that are not all zero.
#[inline]
fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = SpanId(u64::from_be_bytes(bytes.try_into().ok()?));
    (!id.is_zero()).then_some(id)
}
