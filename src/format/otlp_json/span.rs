//! The part of the walk inside a span, except for its attributes.

use super::LONG_TRACE_ID;
use super::cursor::{Scalar, Step};
use super::value;
use super::walk::Walker;
use crate::error::Lost;
use crate::format::scan::Scan;
use crate::format::spans::REF_TYPE;
use crate::format::turns::Turns;
use crate::model::event::{Event, Events, is_understood};
use crate::model::{Kind, LinkKind, RawLink, RawSpan, SpanId, Status, TraceId};

/// An id that could not be read: where it stands and what stands there.
type BadId<'a> = Option<(usize, Scalar<'a>)>;

impl<'a, S: Scan> Walker<'a, '_, S> {
    /// Reads one span, at its opening brace.
    #[inline(always)]
    pub(super) fn span(&mut self, turns: &mut Turns<'a>) -> Step<()> {
        let span = turns.now();
        span.clear();
        let start = self.cursor.at();
        let mut bad_trace = None;
        let mut bad_span = None;
        let mut more = self.cursor.open::<b'}'>()?;
        // The fields in the Collector's order; those that come in another one are left to the loop.
        if more && self.cursor.key_is(b"\"traceId\":") {
            (span.trace, bad_trace) = self.trace_id()?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"spanId\":") {
            (span.span, bad_span) = self.span_id()?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"parentSpanId\":") {
            span.parent = self.parent_id()?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"flags\":") {
            self.cursor.skip_number()?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"name\":") {
            span.name = self.text("name")?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"kind\":") {
            span.kind = self.kind()?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"startTimeUnixNano\":") {
            span.start = self.nanos("startTimeUnixNano")?;
            more = self.cursor.more::<b'}'>()?;
        }
        if more && self.cursor.key_is(b"\"endTimeUnixNano\":") {
            span.end = self.nanos("endTimeUnixNano")?;
            more = self.cursor.more::<b'}'>()?;
        }
        while more {
            match self.cursor.key()? {
                b"traceId" | b"trace_id" => (span.trace, bad_trace) = self.trace_id()?,
                b"spanId" | b"span_id" => (span.span, bad_span) = self.span_id()?,
                b"parentSpanId" | b"parent_span_id" => span.parent = self.parent_id()?,
                b"name" => span.name = self.text("name")?,
                b"kind" => span.kind = self.kind()?,
                b"startTimeUnixNano" | b"start_time_unix_nano" => {
                    span.start = self.nanos("startTimeUnixNano")?
                }
                b"endTimeUnixNano" | b"end_time_unix_nano" => {
                    span.end = self.nanos("endTimeUnixNano")?
                }
                b"attributes" => span.shared = self.attributes(&mut span.facts)?,
                b"status" => {
                    span.status = if self.cursor.literal(b"{}") {
                        Default::default()
                    } else {
                        self.status()?
                    }
                }
                b"traceState" | b"trace_state" => span.trace_state = self.text("traceState")?,
                b"links" => self.links(&mut span.links)?,
                b"events" => self.events(&mut span.events)?,
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        if span.trace.is_zero() || span.span.is_zero() {
            self.lost_span(start, span, bad_trace, bad_span);
        } else {
            turns.next(self.sink);
        }
        Ok(())
    }

    #[inline(always)]
    fn trace_id(&mut self) -> Step<(TraceId, BadId<'a>)> {
        match self.cursor.quoted_hex32() {
            Some([high, low]) => Ok((TraceId { high, low }, None)),
            None => self.any_trace_id(),
        }
    }

    #[inline(always)]
    fn span_id(&mut self) -> Step<(SpanId, BadId<'a>)> {
        match self.cursor.quoted_hex16() {
            Some(id) => Ok((SpanId(id), None)),
            None => self.any_span_id(),
        }
    }

    #[inline(always)]
    fn parent_id(&mut self) -> Step<SpanId> {
        match self.cursor.quoted_hex16() {
            Some(id) => Ok(SpanId(id)),
            None => self.parent(),
        }
    }

    #[inline(always)]
    fn kind(&mut self) -> Step<Kind> {
        let from_digit = |digit| Kind::from_number(u64::from(digit));
        match self.cursor.one_digit(from_digit) {
            Some(kind) => Ok(kind),
            None => Ok(self
                .field("kind", "a span kind", value::kind)?
                .unwrap_or_default()),
        }
    }

    #[cold]
    #[inline(never)]
    fn lost_span(
        &mut self,
        start: usize,
        span: &RawSpan<'_>,
        bad_trace: BadId<'_>,
        bad_span: BadId<'_>,
    ) {
        let (field, expected, bad) = if span.trace.is_zero() {
            ("traceId", "a 32-digit trace id", bad_trace)
        } else {
            ("spanId", "a 16-digit span id", bad_span)
        };
        let (at, found) = match bad {
            Some((at, scalar)) => (at, value::found(scalar)),
            None => (start, "none".to_owned()),
        };
        self.id_problem(
            at,
            field,
            &format!("expected {expected}, found {found}"),
            Lost::Span,
        );
    }

    #[cold]
    #[inline(never)]
    fn any_trace_id(&mut self) -> Step<(TraceId, BadId<'a>)> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        let Scalar::Text(text) = scalar else {
            return Ok((TraceId::default(), Some((at, scalar))));
        };
        let id = value::trace_id(text).or_else(|| {
            let id = value::long_trace_id(text)?;
            let message = format!("{LONG_TRACE_ID} {}", text.len());
            self.id_problem(at, "traceId", &message, Lost::Field);
            Some(id)
        });
        Ok((id.unwrap_or_default(), Some((at, scalar))))
    }

    #[cold]
    #[inline(never)]
    fn any_span_id(&mut self) -> Step<(SpanId, BadId<'a>)> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        let id = match scalar {
            Scalar::Text(text) => value::span_id(text).unwrap_or_default(),
            _ => SpanId::default(),
        };
        Ok((id, Some((at, scalar))))
    }

    /// Reads the id of a parent; none, the empty text and zeros mean that there is no parent.
    #[cold]
    #[inline(never)]
    fn parent(&mut self) -> Step<SpanId> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        let id = match scalar {
            Scalar::Null | Scalar::Text("") => Some(SpanId::default()),
            Scalar::Text(text) => value::span_id(text),
            _ => None,
        };
        Ok(id.unwrap_or_else(|| {
            let message = format!(
                "expected a 16-digit span id, found {}",
                value::found(scalar)
            );
            self.id_problem(at, "parentSpanId", &message, Lost::Field);
            SpanId::default()
        }))
    }

    #[inline(always)]
    fn nanos(&mut self, field: &str) -> Step<u64> {
        match self.cursor.quoted_nanos() {
            Some(nanos) => Ok(nanos),
            None => {
                let read = |scalar| u64::try_from(value::whole(scalar)?).ok();
                Ok(self
                    .field(field, "nanoseconds since 1970", read)?
                    .unwrap_or(0))
            }
        }
    }

    #[inline(always)]
    pub(super) fn text(&mut self, field: &str) -> Step<&'a str> {
        if self.cursor.literal(b"\"") {
            return self.cursor.rest_of_string();
        }
        let no_text = |_| None;
        Ok(self.field(field, "a text", no_text)?.unwrap_or(""))
    }

    /// Reads a field of any type; null is absent, and what `read` does not accept is a problem.
    #[inline(never)]
    pub(super) fn field<T>(
        &mut self,
        field: &str,
        expected: &str,
        read: impl FnOnce(Scalar<'a>) -> Option<T>,
    ) -> Step<Option<T>> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        if scalar == Scalar::Null {
            return Ok(None);
        }
        let value = read(scalar);
        if value.is_none() {
            self.problem(
                at,
                field,
                format!("expected {expected}, found {}", value::found(scalar)),
                Lost::Field,
            );
        }
        Ok(value)
    }

    #[inline(never)]
    fn status(&mut self) -> Step<Status> {
        let mut status = Status::Unset;
        if self.enter_element("status", "a status", Lost::Field)? {
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"code" => {
                        status = self
                            .field("status.code", "a status code", value::status)?
                            .unwrap_or_default()
                    }
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
        }
        Ok(status)
    }

    #[inline(never)]
    pub(super) fn links(&mut self, links: &mut Vec<RawLink>) -> Step<()> {
        links.clear();
        let mut more = self.enter_list("links", "a list of links", Lost::Field)?;
        let mut index = 0;
        while more {
            if self.enter_element("links", "a link", Lost::Field)? {
                links.extend(self.link(index)?);
            }
            index += 1;
            more = self.cursor.more::<b']'>()?;
        }
        Ok(())
    }

    #[inline(never)]
    fn events(&mut self, events: &mut Events<'a>) -> Step<()> {
        events.clear();
        let mut more = self.enter_list("events", "a list of events", Lost::Field)?;
        while more {
            if self.enter_element("events", "an event", Lost::Field)? {
                let event = self.event()?;
                events.add(&event);
            }
            more = self.cursor.more::<b']'>()?;
        }
        Ok(())
    }

    /// Reads what is understood of an event.
    fn event(&mut self) -> Step<Event<'a>> {
        let mut event = Event::default();
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"attributes" => {
                    event = Event::default();
                    self.event_attributes(&mut event)?;
                }
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        Ok(event)
    }

    fn event_attributes(&mut self, event: &mut Event<'a>) -> Step<()> {
        let mut index = 0;
        let mut more = self.enter_list("events", "a list of attributes", Lost::Field)?;
        while more {
            if let Some((key, at)) = self.attribute_parts(index)?
                && is_understood(key)
            {
                let end = self.cursor.at();
                let value = self.value_at(at, "events")?;
                event.set(key, value);
                self.cursor.go_to(end);
            }
            index += 1;
            more = self.cursor.more::<b']'>()?;
        }
        Ok(())
    }

    fn link(&mut self, index: usize) -> Step<Option<RawLink>> {
        let start = self.cursor.at();
        let mut link = RawLink::default();
        let (mut bad_trace, mut bad_span) = (None, None);
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"traceId" | b"trace_id" => (link.trace, bad_trace) = self.any_trace_id()?,
                b"spanId" | b"span_id" => (link.span, bad_span) = self.any_span_id()?,
                b"attributes" => link.kind = self.link_kind()?,
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        if !link.trace.is_zero() && !link.span.is_zero() {
            return Ok(Some(link));
        }
        let (name, bad) = if link.trace.is_zero() {
            ("traceId", bad_trace)
        } else {
            ("spanId", bad_span)
        };
        let (at, found) = bad.map_or((start, "none".to_owned()), |(at, scalar)| {
            (at, value::found(scalar))
        });
        let message = format!("expected the id of a linked span, found {found}");
        self.id_problem(at, &format!("links[{index}].{name}"), &message, Lost::Field);
        Ok(None)
    }

    /// Reads the attributes of a link, of which one says what the link means.
    fn link_kind(&mut self) -> Step<LinkKind> {
        let mut kind = None;
        let mut index = 0;
        let mut more = self.enter_list("links", "a list of attributes", Lost::Field)?;
        while more {
            if let Some((key, at)) = self.attribute_parts(index)?
                && key == REF_TYPE.as_bytes()
            {
                let end = self.cursor.at();
                let value = self.value_at(at, "links")?;
                kind.get_or_insert(
                    value
                        .text()
                        .map(LinkKind::from_ref_type)
                        .unwrap_or_default(),
                );
                self.cursor.go_to(end);
            }
            index += 1;
            more = self.cursor.more::<b']'>()?;
        }
        Ok(kind.unwrap_or_default())
    }
}
