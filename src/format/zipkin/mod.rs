//! Zipkin v2 JSON: a list of spans, a list of traces, single spans, or several of these in a row.
//!
//! Spans become OTLP spans, grouped by their local endpoint. The remote endpoint becomes peer attributes, and
//! `zipkin.kind` says of every span what kind it had, since a call of Zipkin without a named peer makes no
//! link. Spans that share an id stay two spans, the SERVER half marked. Version 1 is refused, not misread.

use crate::error::{Lost, Problem};
use crate::format::fields::{self, Fields, text_attribute};
use crate::format::peek::{self, Cursor, Path, Shape};
use crate::format::{Format, Sink, spans};
use crate::input::{Framing, Outline, Record};
use crate::model::TraceId;
use crate::model::id::mix;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use rustc_hash::FxHashMap;

mod span;
#[cfg(test)]
mod tests;

/// Zipkin v2 JSON.
pub const FORMAT: Format = Format {
    name: "zipkin",
    about: "Zipkin v2 JSON: list, list of lists, one span per line",
    recognise,
    outline: Some(&OUTLINE),
    read,
    decode,
};

/// Lists of spans or of traces.
static OUTLINE: Outline = Outline {
    lists: &[],
    wrappers: &[],
    max_wrappers: 0,
    bare: true,
    foreign: &[],
    passes_over: false,
    ids: Some(ids),
};

/// Returns the trace ids of the spans of a list, each as often as it is there.
fn ids(list: &[u8]) -> Vec<TraceId> {
    let mut ids = Vec::new();
    // Whoever reads the list says what is wrong with it.
    let _fault = Cursor::new(list).elements(|cursor, _| {
        ids.extend(span::trace_of(&mut cursor.clone()));
        cursor.skip()
    });
    ids
}

fn recognise(head: &[u8]) -> Option<Framing> {
    peek::any_document(head, |cursor| holds_spans(cursor, 0)).then(|| peek::framing(head))
}

/// Returns whether a span is here or at most two lists deep; an empty list is a list of no spans.
fn holds_spans(cursor: &mut Cursor<'_>, depth: u32) -> bool {
    match cursor.shape() {
        Shape::Object => {
            let keys = fields::keys(cursor);
            keys.contains(&b"traceId".as_slice())
                && keys.contains(&b"id".as_slice())
                && !keys.contains(&b"spanId".as_slice())
        }
        Shape::Array if depth < 2 => {
            let (mut found, mut empty) = (false, true);
            let walked = cursor.elements(|cursor, _| {
                empty = false;
                found |= holds_spans(&mut cursor.clone(), depth + 1);
                cursor.skip()
            });
            found || (empty && walked.is_ok())
        }
        Shape::Array | Shape::Null | Shape::Scalar => false,
    }
}

fn read(record: &Record<'_>, sink: &mut dyn Sink) {
    spans::read_decoded(decode, record, sink);
}

fn decode(record: &Record<'_>, problems: &mut Vec<Problem>) -> Vec<ResourceSpans> {
    const EXPECTED: &str = "Zipkin spans";
    let mut groups = Groups::default();
    Fields::new(problems).documents(record.bytes(), EXPECTED, |fields, cursor| {
        let mut occurrences = Occurrences::behind(record.repeats());
        match cursor.shape() {
            Shape::Array => fields.elements(cursor, &Path::Root, |fields, cursor, path| {
                fields.element(cursor, path, |fields, cursor| {
                    if cursor.shape() != Shape::Array {
                        let mut alone = Occurrences::default();
                        return span::read(fields, cursor, path, &mut alone, &mut groups);
                    }
                    occurrences.next_list();
                    fields.elements(cursor, path, |fields, cursor, path| {
                        span::read(fields, cursor, path, &mut occurrences, &mut groups)
                    })
                })
            }),
            Shape::Object if !holds_spans(&mut cursor.clone(), 0) => {
                let message = format!(
                    "expected {EXPECTED}, found {}",
                    fields::listed(&fields::keys(cursor))
                );
                let offset = cursor.offset();
                cursor.skip()?;
                fields.note(Lost::Record, offset, &Path::Root, message);
                Ok(())
            }
            Shape::Object | Shape::Null | Shape::Scalar => {
                span::read(fields, cursor, &Path::Root, &mut occurrences, &mut groups)
            }
        }
    });
    groups.groups
}

/// Tells apart traces that have one id in several lists.
///
/// In a list of lists each list is one trace, and Zipkin's own linker never links spans of two lists, even under
/// one trace id. So from its second list on, an id is changed in a way that depends on the list's ordinal alone.
#[derive(Default)]
struct Occurrences {
    list: u64,
    /// For each trace id: the last list it was in, and how many lists before that.
    seen: FxHashMap<TraceId, (u64, u64)>,
}

impl Occurrences {
    /// Returns them at the start of a part of a document, before which ids were in so many lists.
    fn behind(repeats: &[(TraceId, u64)]) -> Occurrences {
        let before = |&(id, lists): &(TraceId, u64)| (id, (u64::MAX, lists.saturating_sub(1)));
        Occurrences {
            list: 0,
            seen: repeats.iter().map(before).collect(),
        }
    }

    fn next_list(&mut self) {
        self.list += 1;
    }

    fn trace_id(&mut self, id: TraceId) -> TraceId {
        let (last, nth) = self.seen.entry(id).or_insert((self.list, 0));
        if *last != self.list {
            *last = self.list;
            *nth += 1;
        }
        match *nth {
            0 => id,
            nth => TraceId {
                high: id.high,
                low: (id.low ^ mix(nth)).max(1),
            },
        }
    }
}

/// Spans by local endpoint, in the order of first appearance.
#[derive(Default)]
struct Groups {
    groups: Vec<ResourceSpans>,
    index: FxHashMap<(Option<String>, Option<String>), usize>,
}

impl Groups {
    fn add(&mut self, service: Option<String>, ip: Option<String>, span: Span) {
        let groups = &mut self.groups;
        let at = *self
            .index
            .entry((service, ip))
            .or_insert_with_key(|(service, ip)| {
                let pair = [("service.name", service), ("host.ip", ip)];
                groups.push(fields::group(
                    pair.into_iter()
                        .filter_map(|(key, text)| Some(text_attribute(key, text.as_deref()?)))
                        .collect(),
                ));
                groups.len() - 1
            });
        fields::push(&mut self.groups[at], span);
    }
}
