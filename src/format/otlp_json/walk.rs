//! The fast way: one walk over the text of a record, which hands each span on as it passes.
//!
//! Nothing is kept but the span at hand, and what it shows is borrowed from the record. The order in which the
//! Collector writes is the fast one; every other order, spelling and white space takes a general step. Events, scopes
//! and unknown fields are stepped over. Of a field that occurs twice the last one counts, but lists of groups and spans
//! are read one after the other.

use super::cursor::{Cursor, Fault, Scalar, Step};
use super::scan::{Scan, Work};
use super::value;
use crate::error::{Lost, Problem};
use crate::format::Sink;
use crate::format::spans::{REF_TYPE, SHARED};
use crate::input::Record;
use crate::model::attr::slot_of_bytes;
use crate::model::{Facts, Kind, LinkKind, RawLink, RawSpan, SpanId, Status, TraceId, Value};
use bumpalo::Bump;
use std::fmt::Write;

/// How many wrappers such as `{"result":{...}}` may stand around the traces.
pub(super) const MAX_WRAPPERS: usize = 8;

/// The walk as a piece of work for [`super::scan::dispatch`]; returns where the text stops being JSON, if it does,
/// and the element that this place is in.
pub(super) struct Walk<'a, 's> {
    /// The record.
    pub(super) record: Record<'a>,
    /// The text of the record.
    pub(super) text: &'a str,
    /// Where unescaped strings go.
    pub(super) arena: &'a Bump,
    /// Who gets the spans.
    pub(super) sink: &'s mut dyn Sink,
}

impl Work for Walk<'_, '_> {
    type Out = Option<(Fault, String)>;

    #[inline(always)]
    fn run<S: Scan>(self, scan: S) -> Self::Out {
        let mut walker = Walker {
            cursor: Cursor::new(scan, self.record, self.text, self.arena),
            sink: self.sink,
            place: Place::default(),
        };
        let fault = walker.documents().err()?;
        Some((fault, walker.place.path("")))
    }
}

/// Where the walk is, for the path of a problem.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    level: Level,
    group: usize,
    scope: usize,
    span: usize,
}

/// The innermost element that the walk is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Level {
    #[default]
    Document,
    Group,
    Resource,
    Scope,
    Span,
}

impl Place {
    /// Returns the path of a field of this place, or of the place itself when the field is empty.
    fn path(self, field: &str) -> String {
        let Place {
            level,
            group,
            scope,
            span,
        } = self;
        let mut path = match level {
            Level::Document => String::new(),
            Level::Group => format!("resourceSpans[{group}]"),
            Level::Resource => format!("resourceSpans[{group}].resource"),
            Level::Scope => format!("resourceSpans[{group}].scopeSpans[{scope}]"),
            Level::Span => format!("resourceSpans[{group}].scopeSpans[{scope}].spans[{span}]"),
        };
        if !path.is_empty() && !field.is_empty() {
            path.push('.');
        }
        path + field
    }
}

/// An id that could not be read: where it stands and what stands there.
type BadId<'a> = Option<(usize, Scalar<'a>)>;

/// The help for an id that is no id.
pub(super) const ID_HELP: &str = "ids are hex strings in OTLP/JSON";

struct Walker<'a, 's, S> {
    cursor: Cursor<'a, S>,
    sink: &'s mut dyn Sink,
    place: Place,
}

impl<'a, S: Scan> Walker<'a, '_, S> {
    #[inline(always)]
    fn documents(&mut self) -> Step<()> {
        let mut resource = Facts::default();
        let mut span = RawSpan::default();
        let _marked = self.cursor.literal(b"\xef\xbb\xbf");
        while !self.cursor.at_end() {
            self.place = Place::default();
            if self.cursor.peek() == b'{' {
                self.document(&mut resource, &mut span)?;
            } else {
                let at = self.cursor.at();
                let found = value::found(self.cursor.scalar()?);
                self.problem(
                    at,
                    "",
                    format!("expected OTLP traces, found {found}"),
                    Lost::Record,
                );
            }
        }
        Ok(())
    }

    /// Reads one document; objects of wrapper keys are entered as if their braces were not there.
    #[inline(always)]
    fn document(&mut self, resource: &mut Facts<'a>, span: &mut RawSpan<'a>) -> Step<()> {
        let start = self.cursor.at();
        let mut seen = Seen::default();
        let mut wrappers = 0;
        let mut more = self.cursor.open::<b'}'>()?;
        loop {
            if more {
                let key = self.cursor.key()?;
                match key {
                    b"resourceSpans" | b"resource_spans" | b"batches" => {
                        seen.traces = true;
                        self.groups(resource, span)?;
                    }
                    b"trace" | b"result"
                        if wrappers < MAX_WRAPPERS && self.cursor.peek() == b'{' =>
                    {
                        wrappers += 1;
                        more = self.cursor.open::<b'}'>()?;
                        continue;
                    }
                    _ => {
                        seen.key(key);
                        self.cursor.skip()?;
                    }
                }
            } else if wrappers == 0 {
                break;
            } else {
                wrappers -= 1;
            }
            more = self.cursor.more::<b'}'>()?;
        }
        match seen.judge() {
            Judgement::Fine => {}
            Judgement::OtherSignal => self.sink.other_signal(),
            Judgement::Foreign(found) => {
                self.place = Place::default();
                self.problem(
                    start,
                    "",
                    format!("expected OTLP traces, found {found}"),
                    Lost::Record,
                );
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn groups(&mut self, resource: &mut Facts<'a>, span: &mut RawSpan<'a>) -> Step<()> {
        let mut more =
            self.enter_list("resourceSpans", "a list of resource spans", Lost::Record)?;
        self.place = Place {
            level: Level::Group,
            ..Place::default()
        };
        while more {
            if self.enter_element("", "resource spans", Lost::Record)? {
                self.group(resource, span)?;
                self.place.level = Level::Group;
            }
            self.place.group += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Document;
        Ok(())
    }

    /// Reads one group, at its opening brace. The resource is needed before the spans: when it comes later in the
    /// text, it is looked for first.
    #[inline(always)]
    fn group(&mut self, resource: &mut Facts<'a>, span: &mut RawSpan<'a>) -> Step<()> {
        let mut announced = false;
        resource.clear();
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"resource" if !announced => self.resource(resource)?,
                b"scopeSpans"
                | b"scope_spans"
                | b"instrumentationLibrarySpans"
                | b"instrumentation_library_spans" => {
                    if !announced {
                        self.look_ahead(resource);
                        self.sink.resource(resource);
                        announced = true;
                    }
                    self.scopes(span)?;
                }
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        if !announced {
            self.sink.resource(resource);
        }
        Ok(())
    }

    /// Reads the resource that comes behind the spans that the walk is at, if there is one, and returns to them. A
    /// fault on the way is left for the walk to meet again.
    #[inline(never)]
    fn look_ahead(&mut self, resource: &mut Facts<'a>) {
        let here = self.cursor.at();
        let mut last = None;
        let mut find = || {
            self.cursor.skip()?;
            while self.cursor.more::<b'}'>()? {
                if self.cursor.key()? == b"resource" {
                    last = Some(self.cursor.at());
                }
                self.cursor.skip()?;
            }
            Ok::<(), Fault>(())
        };
        let _fault: Step<()> = find();
        if let Some(at) = last {
            self.cursor.go_to(at);
            let _fault: Step<()> = self.resource(resource);
            self.place.level = Level::Group;
        }
        self.cursor.go_to(here);
    }

    #[inline(never)]
    fn resource(&mut self, resource: &mut Facts<'a>) -> Step<()> {
        resource.clear();
        if self.enter_element("resource", "a resource", Lost::Field)? {
            self.place.level = Level::Resource;
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"attributes" => self.attributes(resource).map(drop)?,
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
            self.place.level = Level::Group;
        }
        Ok(())
    }

    #[inline(always)]
    fn scopes(&mut self, span: &mut RawSpan<'a>) -> Step<()> {
        let mut more = self.enter_list("scopeSpans", "a list of scope spans", Lost::Record)?;
        self.place.level = Level::Scope;
        self.place.scope = 0;
        while more {
            if self.enter_element("", "scope spans", Lost::Record)? {
                let mut more_fields = self.cursor.open::<b'}'>()?;
                while more_fields {
                    match self.cursor.key()? {
                        b"spans" => self.spans(span)?,
                        _ => self.cursor.skip()?,
                    }
                    more_fields = self.cursor.more::<b'}'>()?;
                }
            }
            self.place.scope += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Group;
        Ok(())
    }

    #[inline(always)]
    fn spans(&mut self, span: &mut RawSpan<'a>) -> Step<()> {
        let mut more = self.enter_list("spans", "a list of spans", Lost::Record)?;
        self.place.level = Level::Span;
        self.place.span = 0;
        while more {
            if self.cursor.peek() == b'{' {
                self.span(span)?;
            } else {
                let at = self.cursor.at();
                let found = value::found(self.cursor.scalar()?);
                self.problem(
                    at,
                    "",
                    format!("expected a span, found {found}"),
                    Lost::Span,
                );
            }
            self.place.span += 1;
            more = self.cursor.more::<b']'>()?;
        }
        self.place.level = Level::Scope;
        Ok(())
    }

    /// Reads one span, at its opening brace.
    #[inline(always)]
    fn span(&mut self, span: &mut RawSpan<'a>) -> Step<()> {
        span.clear();
        let start = self.cursor.at();
        let mut bad_trace = None;
        let mut bad_span = None;
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"traceId" | b"trace_id" => match self.cursor.chunk(value::quoted_trace_id) {
                    Some(id) => span.trace = id,
                    None => (span.trace, bad_trace) = self.any_trace_id()?,
                },
                b"spanId" | b"span_id" => match self.cursor.chunk(value::quoted_span_id) {
                    Some(id) => span.span = id,
                    None => (span.span, bad_span) = self.any_span_id()?,
                },
                b"parentSpanId" | b"parent_span_id" => {
                    span.parent = match self.cursor.chunk(value::quoted_span_id) {
                        Some(id) => id,
                        None => self.parent()?,
                    }
                }
                b"name" => span.name = self.text("name")?,
                b"kind" => {
                    span.kind = match self
                        .cursor
                        .one_digit(|digit| Kind::from_number(u64::from(digit)))
                    {
                        Some(kind) => kind,
                        None => self
                            .field("kind", "a span kind", value::kind)?
                            .unwrap_or_default(),
                    }
                }
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
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        if span.trace.is_zero() || span.span.is_zero() {
            self.lost_span(start, span, bad_trace, bad_span);
        } else {
            self.sink.span(span);
        }
        Ok(())
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
        let id = match scalar {
            Scalar::Text(text) => value::trace_id(text).unwrap_or_default(),
            _ => TraceId::default(),
        };
        Ok((id, Some((at, scalar))))
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
        match self.cursor.chunk(value::quoted_nanos) {
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
    fn text(&mut self, field: &str) -> Step<&'a str> {
        if self.cursor.literal(b"\"") {
            return self.cursor.rest_of_string();
        }
        let no_text = |_| None;
        Ok(self.field(field, "a text", no_text)?.unwrap_or(""))
    }

    /// Reads a field of any type; null is absent, and what `read` does not accept is a problem.
    #[inline(never)]
    fn field<T>(
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
    fn links(&mut self, links: &mut Vec<RawLink>) -> Step<()> {
        links.clear();
        let mut more = self.enter_list("links", "a list of links", Lost::Field)?;
        let mut index = 0;
        while more {
            if self.enter_element("links", "a link", Lost::Field)? {
                if let Some(link) = self.link(index)? {
                    links.push(link);
                }
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
            if let Some((key, at)) = self.attribute_parts(index)? {
                if key == REF_TYPE.as_bytes() {
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
            }
            index += 1;
            more = self.cursor.more::<b']'>()?;
        }
        Ok(kind.unwrap_or_default())
    }

    /// Reads attributes; returns whether one of them says that the span shares its id.
    #[inline(always)]
    fn attributes(&mut self, facts: &mut Facts<'a>) -> Step<bool> {
        facts.clear();
        let mut shared = None;
        let mut more = self.enter_list("attributes", "a list of attributes", Lost::Field)?;
        let mut index = 0;
        while more {
            let start = self.cursor.at();
            if !self.plain_attribute(facts)? {
                self.cursor.go_to(start);
                self.attribute(index, facts, &mut shared)?;
            }
            index += 1;
            more = self.cursor.more::<b']'>()?;
        }
        Ok(shared.unwrap_or(false))
    }

    /// Reads an attribute if it is written exactly as the Collector writes texts and whole numbers; returns whether it
    /// was.
    #[inline(always)]
    fn plain_attribute(&mut self, facts: &mut Facts<'a>) -> Step<bool> {
        if !self.cursor.literal(b"{\"key\":\"") {
            return Ok(false);
        }
        let key = self.cursor.rest_of_string_bytes()?;
        let slot = slot_of_bytes(key);
        if slot.is_none() && key == SHARED.as_bytes() {
            return Ok(false);
        }
        let value = if self.cursor.literal(b",\"value\":{\"stringValue\":\"") {
            if slot.is_some() {
                Value::Text(self.cursor.rest_of_string()?)
            } else {
                self.cursor.skip_rest_of_string()?;
                Value::Other
            }
        } else if self.cursor.literal(b",\"value\":{\"intValue\":\"") {
            match value::small_int(self.cursor.rest_of_string_bytes()?) {
                Some(number) => Value::Int(number),
                None => return Ok(false),
            }
        } else {
            return Ok(false);
        };
        if !self.cursor.literal(b"}}") {
            return Ok(false);
        }
        if let Some((slot, rank)) = slot {
            facts.put(slot, rank, value);
        }
        Ok(true)
    }

    /// Reads an attribute in any spelling; of several that say whether the id is shared, the first counts.
    #[inline(never)]
    fn attribute(
        &mut self,
        index: usize,
        facts: &mut Facts<'a>,
        shared: &mut Option<bool>,
    ) -> Step<()> {
        let Some((key, at)) = self.attribute_parts(index)? else {
            return Ok(());
        };
        let slot = slot_of_bytes(key);
        if slot.is_some() || key == SHARED.as_bytes() {
            let end = self.cursor.at();
            let value = self.value_at(at, &format!("attributes[{index}].value"))?;
            self.cursor.go_to(end);
            match slot {
                Some((slot, rank)) => facts.put(slot, rank, value),
                None => {
                    shared.get_or_insert(value.truth() == Some(true));
                }
            }
        }
        Ok(())
    }

    /// Steps over an attribute; returns its key and the position of its value, if it has them.
    fn attribute_parts(&mut self, index: usize) -> Step<Option<(&'a [u8], Option<usize>)>> {
        let (mut key, mut value) = (None, None);
        if self.enter_element("attributes", "an attribute", Lost::Field)? {
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"key" => {
                        key = Some(self.text(&format!("attributes[{index}].key"))?.as_bytes())
                    }
                    b"value" => {
                        value = Some(self.cursor.at());
                        self.cursor.skip()?;
                    }
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
        }
        Ok(key.map(|key| (key, value)))
    }

    /// Reads the value of an attribute at a position; one that is absent or cannot be read counts as present.
    fn value_at(&mut self, at: Option<usize>, path: &str) -> Step<Value<'a>> {
        let Some(at) = at else {
            return Ok(Value::Other);
        };
        self.cursor.go_to(at);
        Ok(self.any_value(path)?.unwrap_or(Value::Other))
    }

    fn any_value(&mut self, path: &str) -> Step<Option<Value<'a>>> {
        if !self.enter_element(path, "an attribute value", Lost::Field)? {
            return Ok(None);
        }
        let mut value = None;
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            let read = match self.cursor.key()? {
                b"stringValue" | b"string_value" => {
                    self.field(path, "a text", |scalar| match scalar {
                        Scalar::Text(text) => Some(Value::Text(text)),
                        _ => None,
                    })?
                }
                b"intValue" | b"int_value" => self.field(path, "a whole number", |scalar| {
                    i64::try_from(value::whole(scalar)?).ok().map(Value::Int)
                })?,
                b"doubleValue" | b"double_value" => self.field(path, "a number", |scalar| {
                    value::double(scalar).map(Value::Double)
                })?,
                b"boolValue" | b"bool_value" => {
                    self.field(path, "true or false", |scalar| match scalar {
                        Scalar::Bool(truth) => Some(Value::Bool(truth)),
                        _ => None,
                    })?
                }
                b"arrayValue" | b"array_value" => self.array_value(path)?,
                b"kvlistValue" | b"kvlist_value" => {
                    self.field(path, "an object", |scalar| match scalar {
                        Scalar::Object => Some(Value::Other),
                        _ => None,
                    })?
                }
                b"bytesValue" | b"bytes_value" => {
                    self.field(path, "a text", |scalar| match scalar {
                        Scalar::Text(_) => Some(Value::Other),
                        _ => None,
                    })?
                }
                _ => {
                    self.cursor.skip()?;
                    None
                }
            };
            value = read.or(value);
            more = self.cursor.more::<b'}'>()?;
        }
        Ok(value)
    }

    /// Reads an array; one that holds a single text counts as that text, since captured headers come as such.
    fn array_value(&mut self, path: &str) -> Step<Option<Value<'a>>> {
        if !self.enter_element(path, "an array", Lost::Field)? {
            return Ok(None);
        }
        let mut value = Value::Other;
        let mut more = self.cursor.open::<b'}'>()?;
        while more {
            match self.cursor.key()? {
                b"values" => {
                    let mut only = None;
                    let mut n_values = 0;
                    let mut more_values = self.enter_list(path, "a list of values", Lost::Field)?;
                    while more_values {
                        only = self.single_text(path)?;
                        n_values += 1;
                        more_values = self.cursor.more::<b']'>()?;
                    }
                    value = only
                        .filter(|_| n_values == 1)
                        .map_or(Value::Other, Value::Text);
                }
                _ => self.cursor.skip()?,
            }
            more = self.cursor.more::<b'}'>()?;
        }
        Ok(Some(value))
    }

    /// Reads an element of an array; returns its text if it has one.
    fn single_text(&mut self, path: &str) -> Step<Option<&'a str>> {
        let mut text = None;
        if self.enter_element(path, "an attribute value", Lost::Field)? {
            let mut more = self.cursor.open::<b'}'>()?;
            while more {
                match self.cursor.key()? {
                    b"stringValue" | b"string_value" => {
                        text = match self.cursor.scalar()? {
                            Scalar::Text(string) => Some(string),
                            _ => None,
                        }
                    }
                    _ => self.cursor.skip()?,
                }
                more = self.cursor.more::<b'}'>()?;
            }
        }
        Ok(text)
    }

    /// Enters a list; null is an empty one, and anything else is a problem. Returns whether an element follows.
    #[inline(always)]
    fn enter_list(&mut self, field: &str, expected: &str, lost: Lost) -> Step<bool> {
        if self.cursor.peek() == b'[' {
            return self.cursor.open::<b']'>();
        }
        self.wrong_type(field, expected, lost).map(|()| false)
    }

    /// Returns whether an object is next; null is absent and anything else a problem, both are stepped over.
    #[inline(always)]
    fn enter_element(&mut self, field: &str, expected: &str, lost: Lost) -> Step<bool> {
        if self.cursor.peek() == b'{' {
            return Ok(true);
        }
        self.wrong_type(field, expected, lost).map(|()| false)
    }

    #[cold]
    #[inline(never)]
    fn wrong_type(&mut self, field: &str, expected: &str, lost: Lost) -> Step<()> {
        let at = self.cursor.at();
        let scalar = self.cursor.scalar()?;
        if scalar != Scalar::Null {
            self.problem(
                at,
                field,
                format!("expected {expected}, found {}", value::found(scalar)),
                lost,
            );
        }
        Ok(())
    }

    #[cold]
    fn problem(&mut self, offset: usize, field: &str, message: String, lost: Lost) {
        let path = self.place.path(field);
        self.sink.problem(Problem {
            offset,
            path,
            message,
            help: None,
            lost,
        });
    }

    #[cold]
    fn id_problem(&mut self, offset: usize, field: &str, message: &str, lost: Lost) {
        let path = self.place.path(field);
        self.sink.problem(Problem {
            offset,
            path,
            message: message.to_owned(),
            help: Some(ID_HELP),
            lost,
        });
    }
}

/// What a document was seen to hold; both ways through the format judge documents by it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Traces.
    pub(super) traces: bool,
    other_signal: bool,
    foreign: Vec<String>,
    n_foreign: usize,
}

/// What a document is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Traces, or nothing at all.
    Fine,
    /// Metrics or logs.
    OtherSignal,
    /// Something else, described.
    Foreign(String),
}

impl Seen {
    /// Notes a key that is not about traces.
    pub(super) fn key(&mut self, key: &[u8]) {
        const SHOWN: usize = 3;
        if is_other_signal(key) {
            self.other_signal = true;
            return;
        }
        self.n_foreign += 1;
        if self.foreign.len() < SHOWN {
            self.foreign
                .push(String::from_utf8_lossy(key).chars().take(40).collect());
        }
    }

    /// Returns what the document is.
    pub(super) fn judge(&self) -> Judgement {
        if self.traces || (!self.other_signal && self.n_foreign == 0) {
            return Judgement::Fine;
        }
        if self.other_signal {
            return Judgement::OtherSignal;
        }
        let keys = if self.n_foreign == 1 { "key" } else { "keys" };
        let mut found = format!("an object with {keys} {}", self.foreign.join(", "));
        let hidden = self.n_foreign - self.foreign.len();
        if hidden > 0 {
            write!(found, " and {hidden} more").expect("a string takes everything");
        }
        Judgement::Foreign(found)
    }
}

/// Returns whether a key holds metrics, logs or profiles.
pub(super) fn is_other_signal(key: &[u8]) -> bool {
    matches!(
        key,
        b"resourceMetrics"
            | b"resource_metrics"
            | b"scopeMetrics"
            | b"scope_metrics"
            | b"resourceLogs"
            | b"resource_logs"
            | b"scopeLogs"
            | b"scope_logs"
            | b"resourceProfiles"
            | b"resource_profiles"
    )
}
