//! One span of Jaeger.

use crate::error::Lost;
use crate::format::fields::{self, Fields, text_attribute};
use crate::format::jaeger::ids::{Ids, NoId};
use crate::format::jaeger::tags;
use crate::format::peek::{Cursor, Fault, Path, Shape};
use crate::format::spans::REF_TYPE;
use crate::model::{Kind, Status};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status as Code};
use serde_json::Value;

/// The process of a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Process<'a> {
    /// Inside the span, told apart by how it is written.
    Inside(&'a [u8]),
    /// Beside the spans of the trace, by its name there.
    Named(String),
    /// Not said.
    Absent,
}

/// A span as it is written; its trace id may be said by the trace alone.
pub(super) struct Draft<'a> {
    offset: usize,
    path: String,
    trace: Result<u128, NoId>,
    id: Result<u64, NoId>,
    /// The field of older spans that says the parent without a reference.
    parent: u64,
    references: Vec<Reference>,
    process: Process<'a>,
    /// The resource of a process inside the span.
    pub(super) resource: Vec<KeyValue>,
    duration: Option<u64>,
    tags: Vec<KeyValue>,
    /// What needs no second look.
    span: Span,
}

/// A reference to another span.
struct Reference {
    /// Trace; absent means the same.
    trace: Option<u128>,
    span: u64,
    follows: bool,
}

/// Reads a span; none when it cannot be read.
pub(super) fn read<'a>(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'a>,
    path: &Path<'_>,
    ids: &mut Ids,
) -> Result<Option<Draft<'a>>, Fault> {
    if cursor.shape() != Shape::Object {
        fields.refuse(cursor, path, Lost::Span, "a span")?;
        return Ok(None);
    }
    fields.span(cursor, path, |fields, cursor| {
        draft(fields, cursor, path, ids)
    })
}

fn draft<'a>(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'a>,
    path: &Path<'_>,
    ids: &mut Ids,
) -> Result<Draft<'a>, Fault> {
    let offset = cursor.offset();
    let mut draft = Draft {
        offset,
        path: path.to_string(),
        trace: Err(NoId::absent(offset)),
        id: Err(NoId::absent(offset)),
        parent: 0,
        references: Vec::new(),
        process: Process::Absent,
        resource: Vec::new(),
        duration: None,
        tags: Vec::new(),
        span: Span::default(),
    };
    let span = &mut draft.span;
    cursor.members(|cursor, key| {
        match key {
            b"traceID" => draft.trace = ids.trace(fields, cursor, &Path::Key(path, "traceID"))?,
            b"spanID" => draft.id = ids.span(fields, cursor, &Path::Key(path, "spanID"))?,
            b"parentSpanID" => {
                let parent = ids.span(fields, cursor, &Path::Key(path, "parentSpanID"))?;
                draft.parent = parent.unwrap_or(0);
            }
            b"flags" => {
                // Only the lowest bit means the same to Jaeger and to W3C: sampled.
                let flags = fields.whole(cursor, &Path::Key(path, "flags"))?;
                span.flags = u32::from(flags.unwrap_or(0) & 1 == 1);
            }
            b"operationName" => {
                let name = fields.text(cursor, &Path::Key(path, "operationName"))?;
                span.name = name.unwrap_or_default();
            }
            b"references" => {
                draft.references.clear();
                let here = Path::Key(path, "references");
                fields.elements(cursor, &here, |fields, cursor, path| {
                    draft
                        .references
                        .extend(reference(fields, cursor, path, ids)?);
                    Ok(())
                })?;
            }
            b"startTime" => {
                let start = fields.time(cursor, &Path::Key(path, "startTime"))?;
                span.start_time_unix_nano = start.unwrap_or(0);
            }
            b"duration" => draft.duration = fields.time(cursor, &Path::Key(path, "duration"))?,
            b"tags" => draft.tags = tags::list(fields, cursor, &Path::Key(path, "tags"))?,
            b"logs" => {
                span.events.clear();
                let here = Path::Key(path, "logs");
                fields.elements(cursor, &here, |fields, cursor, path| {
                    span.events.push(event(fields, cursor, path)?);
                    Ok(())
                })?;
            }
            b"processID" => {
                let name = fields.text(cursor, &Path::Key(path, "processID"))?;
                if let (Some(name), Process::Absent | Process::Named(_)) = (name, &draft.process) {
                    draft.process = Process::Named(name);
                }
            }
            b"process" if cursor.shape() != Shape::Null => {
                let written = cursor.clone().raw()?;
                draft.resource = tags::process(fields, cursor, &Path::Key(path, "process"))?;
                draft.process = Process::Inside(written);
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(draft)
}

fn reference(
    fields: &mut Fields<'_>,
    cursor: &mut Cursor<'_>,
    path: &Path<'_>,
    ids: &mut Ids,
) -> Result<Option<Reference>, Fault> {
    let offset = cursor.offset();
    let (mut trace, mut span, mut follows) = (None, Err(NoId::absent(offset)), false);
    fields.members(cursor, path, |fields, cursor, key| {
        match key {
            b"refType" => {
                let here = Path::Key(path, "refType");
                let field = fields.field(cursor, &here)?;
                follows = match field.value.as_str() {
                    Some("FOLLOWS_FROM") => true,
                    Some("CHILD_OF" | "") => false,
                    Some(_) | None => {
                        if !field.value.is_null() {
                            fields.absent::<()>(
                                field.offset,
                                &here,
                                "CHILD_OF or FOLLOWS_FROM",
                                &field.value,
                            );
                        }
                        false
                    }
                };
            }
            b"traceID" => trace = ids.trace(fields, cursor, &Path::Key(path, "traceID"))?.ok(),
            b"spanID" => span = ids.span(fields, cursor, &Path::Key(path, "spanID"))?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(match span {
        Ok(span) => Some(Reference {
            trace,
            span,
            follows,
        }),
        Err(lacking) => {
            let message = format!("expected a reference to a span id, found {}", lacking.found);
            fields.note(Lost::Field, lacking.offset, path, message);
            None
        }
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
                let time = fields.time(cursor, &Path::Key(path, "timestamp"))?;
                event.time_unix_nano = time.unwrap_or(0);
            }
            b"fields" => event.attributes = tags::list(fields, cursor, &Path::Key(path, "fields"))?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    event.name = take_text(&mut event.attributes, "event").unwrap_or_default();
    Ok(event)
}

impl<'a> Draft<'a> {
    /// Returns the process of the span, or notes why the span is useless.
    pub(super) fn process(
        &self,
        fields: &mut Fields<'_>,
        trace: Option<u128>,
    ) -> Option<Process<'a>> {
        let (what, key, lacking) = match (&self.trace, &self.id) {
            (Err(lacking), _) if trace.is_none() => ("trace", "traceID", lacking),
            (_, Err(lacking)) => ("span", "spanID", lacking),
            (Ok(_) | Err(_), Ok(_)) => return Some(self.process.clone()),
        };
        let message = format!("expected a hex {what} id, found {}", lacking.found);
        let path = format_key(&self.path, key);
        fields.note_at(Lost::Span, lacking.offset, path, message);
        None
    }

    /// Notes that a span outside of any trace names a process, which stands nowhere.
    pub(super) fn note_lacking_process(&self, fields: &mut Fields<'_>) {
        if let (Ok(_), Ok(_), Process::Named(name)) = (&self.trace, &self.id, &self.process) {
            self.note_unknown_process(fields, name);
        }
    }

    /// Notes that the trace has no process of that name.
    pub(super) fn note_unknown_process(&self, fields: &mut Fields<'_>, name: &str) {
        let name = Value::String(name.to_owned()).to_string();
        let message = format!(
            "expected a process of the trace, found {}",
            fields::excerpt(name.as_bytes())
        );
        let path = format_key(&self.path, "processID");
        fields.note_at(Lost::Field, self.offset, path, message);
    }

    /// Returns the span; `of_trace` is the id that its trace has.
    pub(super) fn finish(self, of_trace: Option<u128>) -> Span {
        let trace = self.trace.ok().or(of_trace).unwrap_or(0);
        let mut span = self.span;
        span.trace_id = trace.to_be_bytes().to_vec();
        span.span_id = fields::span_bytes(self.id.unwrap_or(0));

        let here = |reference: &Reference| reference.trace.is_none_or(|id| id == trace);
        let parent = self
            .references
            .iter()
            .position(|reference| here(reference) && !reference.follows);
        let leader = self.references.iter().position(here);
        span.parent_span_id = fields::span_bytes(match parent.or(leader) {
            Some(at) => self.references[at].span,
            None => self.parent,
        });
        let others = self.references.iter().enumerate();
        span.links = others
            .filter(|(at, _)| parent != Some(*at))
            .map(|(_, reference)| link(reference, trace))
            .collect();

        if span.start_time_unix_nano != 0 {
            let end = |duration| span.start_time_unix_nano.saturating_add(duration);
            span.end_time_unix_nano = self.duration.map_or(0, end);
        }
        span.attributes = self.tags;
        understand(&mut span);
        span
    }
}

fn link(reference: &Reference, trace: u128) -> Link {
    let kind = if reference.follows {
        "follows_from"
    } else {
        "child_of"
    };
    Link {
        trace_id: reference.trace.unwrap_or(trace).to_be_bytes().to_vec(),
        span_id: fields::span_bytes(reference.span),
        attributes: vec![text_attribute(REF_TYPE, kind)],
        ..Link::default()
    }
}

/// Moves tags that OTLP has fields for into them; a tag without a meaning there stays a tag.
fn understand(span: &mut Span) {
    let tags = &mut span.attributes;
    if let Some(kind) = text(tags, "span.kind").and_then(Kind::from_name) {
        span.kind = kind as i32;
        tags.retain(|tag| tag.key != "span.kind");
    }
    if let Some(state) = take_text(tags, "w3c.tracestate") {
        span.trace_state = state;
    }
    let failed = match value(tags, "error") {
        Some(Any::BoolValue(failed)) => *failed,
        Some(Any::IntValue(n)) => *n != 0,
        Some(Any::StringValue(text)) => !text.eq_ignore_ascii_case("false"),
        Some(_) | None => false,
    };
    let status = match text(tags, "otel.status_code").and_then(Status::from_name) {
        Some(status) => {
            tags.retain(|tag| tag.key != "otel.status_code");
            status
        }
        None if failed => Status::Error,
        None => Status::Unset,
    };
    let message = take_text(tags, "otel.status_description").unwrap_or_default();
    if status != Status::Unset || !message.is_empty() {
        span.status = Some(Code {
            message,
            code: status as i32,
        });
    }
}

fn value<'t>(tags: &'t [KeyValue], key: &str) -> Option<&'t Any> {
    let tag = tags.iter().find(|tag| tag.key == key)?;
    tag.value.as_ref()?.value.as_ref()
}

fn text<'t>(tags: &'t [KeyValue], key: &str) -> Option<&'t str> {
    match value(tags, key)? {
        Any::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Removes a tag of text and returns it.
fn take_text(tags: &mut Vec<KeyValue>, key: &str) -> Option<String> {
    let text = text(tags, key)?.to_owned();
    tags.retain(|tag| tag.key != key);
    Some(text)
}

fn format_key(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
