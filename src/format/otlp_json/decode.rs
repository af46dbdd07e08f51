//! The complete way: everything a document says, as OTLP messages, through `serde_json`.
//!
//! It accepts the same spellings as the walk. Spans without valid ids are left out, as the walk leaves them out, and
//! fields that cannot be read are absent. A problem names the element; its offset is that of the document.

use super::cursor::Scalar;
use super::decoder::{Decoder, Object, field, found};
use super::document::{Judgement, MAX_WRAPPERS, Seen};
use super::repair::Repaired;
use super::value;
use super::walk::ID_HELP;
use super::{LONG_TRACE_ID, diagnosis_of, without_bom};
use crate::error::{Lost, Problem};
use crate::input::Record;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::Value;

/// Decodes everything of one record; problems are appended.
pub(super) fn decode(record: &Record<'_>, problems: &mut Vec<Problem>) -> Vec<ResourceSpans> {
    match std::str::from_utf8(record.bytes()) {
        Ok(text) => decode_text(text, problems),
        Err(_) => {
            let repaired = Repaired::new(record.bytes());
            problems.push(repaired.problem());
            let first = problems.len();
            let spans = decode_text(repaired.text(), problems);
            for problem in &mut problems[first..] {
                problem.offset = repaired.original(problem.offset);
            }
            spans
        }
    }
}

fn decode_text(text: &str, problems: &mut Vec<Problem>) -> Vec<ResourceSpans> {
    let content = without_bom(text);
    let start = text.len() - content.len();
    let mut documents = serde_json::Deserializer::from_str(content).into_iter::<Value>();
    let mut groups = Vec::new();
    loop {
        let offset = start + documents.byte_offset();
        let mut decoder = Decoder::new(problems, offset);
        match documents.next() {
            None => return groups,
            Some(Ok(document)) => decoder.document(&document, &mut groups),
            Some(Err(error)) => {
                decoder.problems.push(diagnosis_of(content, start, &error));
                return groups;
            }
        }
    }
}

impl Decoder<'_> {
    fn document(&mut self, document: &Value, groups: &mut Vec<ResourceSpans>) {
        let Value::Object(object) = document else {
            let found = found(document);
            self.problem(format!("expected OTLP traces, found {found}"), Lost::Record);
            return;
        };
        let mut seen = Seen::default();
        self.wrapped(object, MAX_WRAPPERS, &mut seen, groups);
        if let Judgement::Foreign(found) = seen.judge() {
            self.problem(format!("expected OTLP traces, found {found}"), Lost::Record);
        }
    }

    fn wrapped(
        &mut self,
        object: &Object,
        wrappers: usize,
        seen: &mut Seen,
        groups: &mut Vec<ResourceSpans>,
    ) {
        for (key, value) in object {
            match (key.as_str(), value) {
                ("resourceSpans" | "resource_spans" | "batches", value) => {
                    seen.traces = true;
                    self.within("resourceSpans", |decoder| {
                        decoder.items(
                            value,
                            "a list of resource spans",
                            Lost::Record,
                            |decoder, item| {
                                groups.extend(
                                    decoder
                                        .object(item, "resource spans", Lost::Record)
                                        .map(|group| decoder.group(group)),
                                );
                            },
                        );
                    });
                }
                ("trace" | "result", Value::Object(inner)) if wrappers > 0 => {
                    self.wrapped(inner, wrappers - 1, seen, groups)
                }
                _ => seen.key(key.as_bytes()),
            }
        }
    }

    fn group(&mut self, group: &Object) -> ResourceSpans {
        let mut resource_spans = ResourceSpans {
            resource: field(group, ["resource"; 2])
                .and_then(|value| self.within("resource", |decoder| decoder.resource(value))),
            schema_url: self.text(group, ["schemaUrl", "schema_url"]),
            ..ResourceSpans::default()
        };
        for names in [
            ["scopeSpans", "scope_spans"],
            [
                "instrumentationLibrarySpans",
                "instrumentation_library_spans",
            ],
        ] {
            if let Some(value) = field(group, names) {
                self.within("scopeSpans", |decoder| {
                    decoder.items(
                        value,
                        "a list of scope spans",
                        Lost::Record,
                        |decoder, item| {
                            if let Some(scope) = decoder.object(item, "scope spans", Lost::Record) {
                                resource_spans.scope_spans.push(decoder.scope_spans(scope));
                            }
                        },
                    );
                });
            }
        }
        resource_spans
    }

    fn resource(&mut self, value: &Value) -> Option<Resource> {
        let resource = self.object(value, "a resource", Lost::Field)?;
        Some(Resource {
            attributes: self.attributes(resource, ["attributes"; 2]),
            dropped_attributes_count: self.count(
                resource,
                ["droppedAttributesCount", "dropped_attributes_count"],
            ),
            entity_refs: self.list(
                resource,
                ["entityRefs", "entity_refs"],
                "an entity",
                |decoder, entity| EntityRef {
                    schema_url: decoder.text(entity, ["schemaUrl", "schema_url"]),
                    r#type: decoder.text(entity, ["type"; 2]),
                    id_keys: decoder.texts(entity, ["idKeys", "id_keys"]),
                    description_keys: decoder
                        .texts(entity, ["descriptionKeys", "description_keys"]),
                },
            ),
        })
    }

    fn scope_spans(&mut self, object: &Object) -> ScopeSpans {
        let scope = field(object, ["scope"; 2]).or_else(|| {
            field(
                object,
                ["instrumentationLibrary", "instrumentation_library"],
            )
        });
        let mut spans = Vec::new();
        if let Some(value) = field(object, ["spans"; 2]) {
            self.within("spans", |decoder| {
                decoder.items(
                    value,
                    "a list of spans",
                    Lost::Record,
                    |decoder, item| match item {
                        Value::Object(span) => spans.extend(decoder.span(span)),
                        other => decoder.problem(
                            format!("expected a span, found {}", found(other)),
                            Lost::Span,
                        ),
                    },
                );
            });
        }
        ScopeSpans {
            scope: scope.and_then(|value| self.within("scope", |decoder| decoder.scope(value))),
            spans,
            schema_url: self.text(object, ["schemaUrl", "schema_url"]),
        }
    }

    fn scope(&mut self, value: &Value) -> Option<InstrumentationScope> {
        let scope = self.object(value, "a scope", Lost::Field)?;
        Some(InstrumentationScope {
            name: self.text(scope, ["name"; 2]),
            version: self.text(scope, ["version"; 2]),
            attributes: self.attributes(scope, ["attributes"; 2]),
            dropped_attributes_count: self.count(
                scope,
                ["droppedAttributesCount", "dropped_attributes_count"],
            ),
        })
    }

    fn span(&mut self, span: &Object) -> Option<Span> {
        let trace_id = self.trace_id(span, Lost::Span)?;
        let span_id = self.span_id(span, Lost::Span)?;
        Some(Span {
            trace_id,
            span_id,
            trace_state: self.text(span, ["traceState", "trace_state"]),
            parent_span_id: self.parent(span),
            flags: self.count(span, ["flags"; 2]),
            name: self.text(span, ["name"; 2]),
            kind: self
                .read(span, ["kind"; 2], "a span kind", value::kind)
                .unwrap_or_default() as i32,
            start_time_unix_nano: self.nanos(span, ["startTimeUnixNano", "start_time_unix_nano"]),
            end_time_unix_nano: self.nanos(span, ["endTimeUnixNano", "end_time_unix_nano"]),
            attributes: self.attributes(span, ["attributes"; 2]),
            dropped_attributes_count: self
                .count(span, ["droppedAttributesCount", "dropped_attributes_count"]),
            events: self.list(span, ["events"; 2], "an event", |decoder, event| Event {
                time_unix_nano: decoder.nanos(event, ["timeUnixNano", "time_unix_nano"]),
                name: decoder.text(event, ["name"; 2]),
                attributes: decoder.attributes(event, ["attributes"; 2]),
                dropped_attributes_count: decoder.count(
                    event,
                    ["droppedAttributesCount", "dropped_attributes_count"],
                ),
            }),
            dropped_events_count: self.count(span, ["droppedEventsCount", "dropped_events_count"]),
            links: self
                .list(span, ["links"; 2], "a link", Decoder::link)
                .into_iter()
                .flatten()
                .collect(),
            dropped_links_count: self.count(span, ["droppedLinksCount", "dropped_links_count"]),
            status: field(span, ["status"; 2])
                .and_then(|value| self.within("status", |decoder| decoder.status(value))),
        })
    }

    fn link(&mut self, link: &Object) -> Option<Link> {
        Some(Link {
            trace_id: self.trace_id(link, Lost::Field)?,
            span_id: self.span_id(link, Lost::Field)?,
            trace_state: self.text(link, ["traceState", "trace_state"]),
            attributes: self.attributes(link, ["attributes"; 2]),
            dropped_attributes_count: self
                .count(link, ["droppedAttributesCount", "dropped_attributes_count"]),
            flags: self.count(link, ["flags"; 2]),
        })
    }

    fn status(&mut self, value: &Value) -> Option<Status> {
        let status = self.object(value, "a status", Lost::Field)?;
        Some(Status {
            message: self.text(status, ["message"; 2]),
            code: self
                .read(status, ["code"; 2], "a status code", value::status)
                .unwrap_or_default() as i32,
        })
    }

    fn trace_id(&mut self, object: &Object, lost: Lost) -> Option<Vec<u8>> {
        let value = object.get("traceId").or_else(|| object.get("trace_id"));
        let text = value.and_then(Value::as_str);
        let mut id = text.and_then(value::trace_id).filter(|id| !id.is_zero());
        if let (None, Some(text)) = (id, text) {
            id = value::long_trace_id(text);
            if id.is_some() {
                let message = format!("{LONG_TRACE_ID} {}", text.len());
                self.within("traceId", |decoder| decoder.problem(message, Lost::Field));
                if let Some(problem) = self.problems.last_mut() {
                    problem.help = Some(ID_HELP);
                }
            }
        }
        self.id_or_problem(
            id.map(|id| id.to_bytes().to_vec()),
            "traceId",
            "a 32-digit trace id",
            value,
            lost,
        )
    }

    fn span_id(&mut self, object: &Object, lost: Lost) -> Option<Vec<u8>> {
        let value = object.get("spanId").or_else(|| object.get("span_id"));
        let id = value
            .and_then(Value::as_str)
            .and_then(value::span_id)
            .filter(|id| !id.is_zero());
        self.id_or_problem(
            id.map(|id| id.0.to_be_bytes().to_vec()),
            "spanId",
            "a 16-digit span id",
            value,
            lost,
        )
    }

    fn id_or_problem(
        &mut self,
        id: Option<Vec<u8>>,
        name: &'static str,
        expected: &str,
        value: Option<&Value>,
        lost: Lost,
    ) -> Option<Vec<u8>> {
        if id.is_none() {
            let found = value.map_or("none".to_owned(), found);
            self.within(name, |decoder| {
                decoder.problem(format!("expected {expected}, found {found}"), lost)
            });
            if let Some(problem) = self.problems.last_mut() {
                problem.help = Some(ID_HELP);
            }
        }
        id
    }

    /// Returns the id of the parent; empty when there is none.
    fn parent(&mut self, span: &Object) -> Vec<u8> {
        let Some(value) = field(span, ["parentSpanId", "parent_span_id"]) else {
            return Vec::new();
        };
        let id = match value.as_str() {
            Some("") => return Vec::new(),
            Some(text) => value::span_id(text),
            None => None,
        };
        let bytes = id.map(|id| {
            if id.is_zero() {
                Vec::new()
            } else {
                id.0.to_be_bytes().to_vec()
            }
        });
        self.id_or_problem(
            bytes,
            "parentSpanId",
            "a 16-digit span id",
            Some(value),
            Lost::Field,
        )
        .unwrap_or_default()
    }

    fn attributes(&mut self, object: &Object, names: [&'static str; 2]) -> Vec<KeyValue> {
        self.list(object, names, "an attribute", |decoder, attribute| {
            KeyValue {
                key: decoder.text(attribute, ["key"; 2]),
                value: field(attribute, ["value"; 2])
                    .map(|value| decoder.within("value", |decoder| decoder.any_value(value))),
                ..KeyValue::default()
            }
        })
    }

    /// Returns the value of an attribute; nested values are as deep as `serde_json` lets them be.
    fn any_value(&mut self, value: &Value) -> AnyValue {
        let value = self
            .object(value, "an attribute value", Lost::Field)
            .and_then(|object| self.known_value(object));
        AnyValue { value }
    }

    fn known_value(&mut self, object: &Object) -> Option<any_value::Value> {
        let (key, value) = object.iter().find(|(_, value)| !value.is_null())?;
        match key.as_str() {
            "stringValue" | "string_value" => {
                self.read(object, [key; 2], "a text", |scalar| match scalar {
                    Scalar::Text(text) => Some(any_value::Value::StringValue(text.to_owned())),
                    _ => None,
                })
            }
            "intValue" | "int_value" => self.read(object, [key; 2], "a whole number", |scalar| {
                i64::try_from(value::whole(scalar)?)
                    .ok()
                    .map(any_value::Value::IntValue)
            }),
            "doubleValue" | "double_value" => self.read(object, [key; 2], "a number", |scalar| {
                value::double(scalar).map(any_value::Value::DoubleValue)
            }),
            "boolValue" | "bool_value" => {
                self.read(object, [key; 2], "true or false", |scalar| match scalar {
                    Scalar::Bool(truth) => Some(any_value::Value::BoolValue(truth)),
                    _ => None,
                })
            }
            "bytesValue" | "bytes_value" => {
                self.read(object, [key; 2], "bytes in base64", |scalar| match scalar {
                    Scalar::Text(text) => value::base64(text).map(any_value::Value::BytesValue),
                    _ => None,
                })
            }
            "arrayValue" | "array_value" => {
                let array = self.object(value, "an array", Lost::Field)?;
                let mut values = Vec::new();
                if let Some(list) = field(array, ["values"; 2]) {
                    self.items(list, "a list of values", Lost::Field, |decoder, item| {
                        values.push(if item.is_null() {
                            AnyValue::default()
                        } else {
                            decoder.any_value(item)
                        });
                    });
                }
                Some(any_value::Value::ArrayValue(ArrayValue { values }))
            }
            "kvlistValue" | "kvlist_value" => {
                let map = self.object(value, "an object", Lost::Field)?;
                let values = self.attributes(map, ["values"; 2]);
                Some(any_value::Value::KvlistValue(KeyValueList { values }))
            }
            _ => None,
        }
    }
}
