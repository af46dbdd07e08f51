//! Jaeger JSON: what its UI and API give out, bare traces, and stored spans with their process inside.
//!
//! Spans become OTLP spans, grouped by process within each trace. The first CHILD_OF reference into the same trace
//! is the parent, every other reference a link; without a CHILD_OF the first FOLLOWS_FROM is parent and link, so
//! that the model sees a parent that does not wait. Ids that are no hex are replaced by a hash of their text.
//! The copies of whole spans that the UI keeps inside references are passed over.

use crate::error::{Lost, Problem};
use crate::format::fields::{self, Fields};
use crate::format::peek::{self, Cursor, Fault, Path, Shape};
use crate::format::{Format, Sink, spans};
use crate::input::{Framing, Outline, Record};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use rustc_hash::FxHashMap;

mod ids;
mod span;
mod tags;
#[cfg(test)]
mod tests;

use ids::Ids;
use span::{Draft, Process};

/// Jaeger JSON.
pub const FORMAT: Format = Format {
    name: "jaeger",
    about: "Jaeger JSON: UI download, API, bare traces, stored spans",
    recognise,
    outline: Some(&OUTLINE),
    read,
    decode,
};

/// Lists of traces or of spans, bare or in an answer.
static OUTLINE: Outline = Outline {
    lists: &["data"],
    wrappers: &[],
    max_wrappers: 0,
    bare: true,
    foreign: &["traceID", "spanID", "spans", "processes"],
    passes_over: false,
    ids: None,
};

const EXPECTED: &str = "a Jaeger trace or span";

/// What an object is, by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    /// An answer of the API, with a list of traces.
    Answer,
    /// A trace.
    Trace,
    /// A span.
    Span,
    /// None of these.
    Other,
}

impl Thing {
    fn of(keys: &[&[u8]]) -> Thing {
        let has = |key: &str| keys.contains(&key.as_bytes());
        if has("spanID") && has("traceID") {
            Thing::Span
        } else if has("spans") && (has("traceID") || has("processes")) {
            Thing::Trace
        } else if has("data") {
            Thing::Answer
        } else {
            Thing::Other
        }
    }
}

fn recognise(head: &[u8]) -> Option<Framing> {
    peek::any_document(head, holds_traces).then(|| peek::framing(head))
}

fn holds_traces(cursor: &mut Cursor<'_>) -> bool {
    match cursor.shape() {
        Shape::Object => {
            let keys = fields::keys(cursor);
            match Thing::of(&keys) {
                Thing::Trace | Thing::Span => true,
                // A head may end before it comes to the keys behind the spans.
                Thing::Other => keys.contains(&b"spans".as_slice()) && any_under(cursor, b"spans"),
                Thing::Answer => {
                    let answers = [b"errors".as_slice(), b"total", b"limit", b"offset"];
                    keys.iter().any(|key| answers.contains(key)) || any_under(cursor, b"data")
                }
            }
        }
        Shape::Array => any_in(cursor),
        Shape::Null | Shape::Scalar => false,
    }
}

/// Returns whether a member holds a trace or a span, or a list with one.
fn any_under(cursor: &Cursor<'_>, wanted: &[u8]) -> bool {
    let mut found = false;
    // A fault ends the search: the head may be cut anywhere.
    let _fault = cursor.clone().members(|cursor, key| {
        if key == wanted {
            found |= match cursor.shape() {
                Shape::Array => any_in(cursor),
                Shape::Object => is_part(cursor),
                Shape::Null | Shape::Scalar => false,
            };
        }
        cursor.skip()
    });
    found
}

/// Returns whether an element of the array is a trace or a span.
fn any_in(cursor: &Cursor<'_>) -> bool {
    let mut found = false;
    // A fault ends the search: the head may be cut anywhere.
    let _fault = cursor.clone().elements(|cursor, _| {
        found |= cursor.shape() == Shape::Object && is_part(cursor);
        cursor.skip()
    });
    found
}

fn is_part(cursor: &Cursor<'_>) -> bool {
    let keys = fields::keys(cursor);
    match Thing::of(&keys) {
        Thing::Trace | Thing::Span => true,
        Thing::Other => keys.contains(&b"spans".as_slice()) && any_under(cursor, b"spans"),
        Thing::Answer => false,
    }
}

fn read(record: &Record<'_>, sink: &mut dyn Sink) {
    spans::read_decoded(decode, record, sink);
}

fn decode(record: &Record<'_>, problems: &mut Vec<Problem>) -> Vec<ResourceSpans> {
    let mut reader = Reader::default();
    Fields::new(problems).documents(record.bytes(), EXPECTED, |fields, cursor| {
        let done = match cursor.shape() {
            Shape::Array => fields.elements(cursor, &Path::Root, |fields, cursor, path| {
                fields.element(cursor, path, |fields, cursor| {
                    reader.thing(fields, cursor, path)
                })
            }),
            Shape::Object if Thing::of(&fields::keys(cursor)) == Thing::Answer => {
                reader.answer(fields, cursor)
            }
            Shape::Object | Shape::Null | Shape::Scalar => {
                reader.thing(fields, cursor, &Path::Root)
            }
        };
        // Spans outside of any trace wait for their end here, since they need no processes.
        let loose = std::mem::take(&mut reader.loose);
        for draft in &loose.drafts {
            draft.note_lacking_process(fields);
        }
        reader.finish(fields, loose, Completeness::Cut);
        done
    });
    reader.groups
}

/// Whether a trace was read to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Completeness {
    Whole,
    Cut,
}

impl Completeness {
    fn of(result: &Result<(), Fault>) -> Completeness {
        match result {
            Ok(()) => Completeness::Whole,
            Err(_) => Completeness::Cut,
        }
    }
}

/// A trace as it is read: its id and processes may come behind its spans.
#[derive(Default)]
struct Trace<'a> {
    id: Option<u128>,
    processes: FxHashMap<String, Vec<KeyValue>>,
    drafts: Vec<Draft<'a>>,
}

#[derive(Default)]
struct Reader<'a> {
    groups: Vec<ResourceSpans>,
    ids: Ids,
    loose: Trace<'a>,
}

impl<'a> Reader<'a> {
    fn answer(&mut self, fields: &mut Fields<'_>, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        cursor.members(|cursor, key| {
            if key != b"data" {
                return cursor.skip();
            }
            let path = Path::Key(&Path::Root, "data");
            match cursor.shape() {
                Shape::Object => self.thing(fields, cursor, &path),
                Shape::Array | Shape::Null | Shape::Scalar => {
                    fields.elements(cursor, &path, |fields, cursor, path| {
                        fields.element(cursor, path, |fields, cursor| {
                            self.thing(fields, cursor, path)
                        })
                    })
                }
            }
        })
    }

    /// Reads a trace or a span.
    fn thing(
        &mut self,
        fields: &mut Fields<'_>,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
    ) -> Result<(), Fault> {
        match cursor.shape() {
            Shape::Null => cursor.skip(),
            Shape::Array | Shape::Scalar => fields.refuse(cursor, path, Lost::Record, EXPECTED),
            Shape::Object => {
                let keys = fields::keys(cursor);
                match Thing::of(&keys) {
                    Thing::Span => {
                        let draft = span::read(fields, cursor, path, &mut self.ids)?;
                        self.loose.drafts.extend(draft);
                        Ok(())
                    }
                    Thing::Other if !keys.contains(&b"spans".as_slice()) => {
                        let offset = cursor.offset();
                        cursor.skip().map_err(|fault| fault.inside(path))?;
                        let message =
                            format!("expected {EXPECTED}, found {}", fields::listed(&keys));
                        fields.note(Lost::Record, offset, path, message);
                        Ok(())
                    }
                    Thing::Trace | Thing::Answer | Thing::Other => self.trace(fields, cursor, path),
                }
            }
        }
    }

    fn trace(
        &mut self,
        fields: &mut Fields<'_>,
        cursor: &mut Cursor<'a>,
        path: &Path<'_>,
    ) -> Result<(), Fault> {
        let mut trace = Trace::default();
        let done = cursor.members(|cursor, key| match key {
            b"traceID" => {
                let here = Path::Key(path, "traceID");
                trace.id = self.ids.trace(fields, cursor, &here)?.ok();
                Ok(())
            }
            b"spans" => {
                let here = Path::Key(path, "spans");
                trace.drafts.clear();
                fields.elements(cursor, &here, |fields, cursor, path| {
                    trace
                        .drafts
                        .extend(span::read(fields, cursor, path, &mut self.ids)?);
                    Ok(())
                })
            }
            b"processes" => {
                let here = Path::Key(path, "processes");
                trace.processes.clear();
                fields.members(cursor, &here, |fields, cursor, key| {
                    let name = fields::unescaped(key);
                    let process = tags::process(fields, cursor, &Path::Key(&here, &name))?;
                    trace.processes.insert(name.into_owned(), process);
                    Ok(())
                })
            }
            _ => cursor.skip(),
        });
        self.finish(fields, trace, Completeness::of(&done));
        done.map_err(|fault| fault.inside(path))
    }

    /// Turns the spans of a trace into messages, one for each process.
    fn finish(&mut self, fields: &mut Fields<'_>, trace: Trace<'a>, completeness: Completeness) {
        let mut index = FxHashMap::default();
        for draft in trace.drafts {
            let Some(process) = draft.process(fields, trace.id) else {
                continue;
            };
            let at = match index.get(&process) {
                Some(at) => *at,
                None => {
                    let attributes = match &process {
                        Process::Inside(_) => draft.resource.clone(),
                        Process::Absent => Vec::new(),
                        Process::Named(name) => match trace.processes.get(name) {
                            Some(attributes) => attributes.clone(),
                            None => {
                                // In a cut trace the processes may be what is missing.
                                if completeness == Completeness::Whole {
                                    draft.note_unknown_process(fields, name);
                                }
                                Vec::new()
                            }
                        },
                    };
                    self.groups.push(fields::group(attributes));
                    index.insert(process, self.groups.len() - 1);
                    self.groups.len() - 1
                }
            };
            if let Some(group) = self.groups.get_mut(at) {
                fields::push(group, draft.finish(trace.id));
            }
        }
    }
}
