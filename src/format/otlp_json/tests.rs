//! Both ways through the format, and both scanners, against each other; and what every damage does.

use super::scan::{Portable, Work};
use super::walk::Walk;
use super::{FORMAT, diagnosis};
use crate::error::{Lost, Problem};
use crate::format::{Sink, spans};
use crate::input::Record;
use crate::model::attr::NAMES;
use crate::model::{Facts, RawSpan};
use bumpalo::Bump;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::fmt::Write;

/// Writes down what it is handed.
#[derive(Debug, Default, PartialEq)]
struct Notes {
    seen: Vec<String>,
    problems: Vec<Problem>,
    other_signals: usize,
}

fn facts_text(facts: &Facts<'_>) -> String {
    let present = NAMES
        .iter()
        .filter_map(|(slot, _)| Some(format!("{slot:?}={:?}", facts.get(*slot)?)));
    present.collect::<Vec<_>>().join(" ")
}

impl Sink for Notes {
    fn resource(&mut self, facts: &Facts<'_>) {
        self.seen.push(format!("resource {}", facts_text(facts)));
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        self.seen.push(format!(
            "{} {} {} {:?} {:?} {}..{} {:?} {:?} {} {:?} {}",
            span.trace,
            span.span,
            span.parent,
            span.kind,
            span.status,
            span.start,
            span.end,
            span.name,
            span.trace_state,
            span.shared,
            span.links,
            facts_text(&span.facts),
        ));
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn other_signal(&mut self) {
        self.other_signals += 1;
    }
}

fn read(bytes: &[u8]) -> Notes {
    let mut notes = Notes::default();
    Record::with_copy(bytes, |record| (FORMAT.read)(record, &mut notes));
    notes
}

fn read_portably(text: &str) -> Notes {
    let mut notes = Notes::default();
    Record::with_copy(text.as_bytes(), |record| {
        let arena = Bump::new();
        let text = std::str::from_utf8(record.bytes()).expect("a text");
        let walk = Walk {
            record: *record,
            text,
            arena: &arena,
            sink: &mut notes,
        };
        if let Some((fault, path)) = walk.run(Portable) {
            notes.problem(diagnosis(text, fault, path));
        }
    });
    notes
}

fn decode(bytes: &[u8]) -> (Vec<ResourceSpans>, Vec<Problem>) {
    let mut problems = Vec::new();
    let messages = Record::with_copy(bytes, |record| (FORMAT.decode)(record, &mut problems));
    (messages, problems)
}

fn decode_and_feed(bytes: &[u8]) -> Notes {
    let (messages, problems) = decode(bytes);
    let mut notes = Notes {
        problems,
        ..Notes::default()
    };
    spans::feed(&messages, &mut notes);
    notes
}

/// Writes messages as JSON, each choice of spelling taken from a stream of numbers.
struct Writer<'c> {
    out: String,
    choices: &'c [u8],
    next: usize,
}

impl Writer<'_> {
    fn choose(&mut self, n: usize) -> usize {
        self.next += 1;
        usize::from(self.choices[self.next % self.choices.len()]) % n
    }

    fn space(&mut self) {
        let space = ["", "", "", "", " ", "\n", "\r\n\t"][self.choose(7)];
        self.out.push_str(space);
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            let mut units = [0; 2];
            match (c, self.choose(12)) {
                ('"' | '\\', _) => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                ('\n', 1) => self.out.push_str("\\n"),
                ('/', 1) => self.out.push_str("\\/"),
                (_, 0) | ('\0'..' ', _) => {
                    for unit in c.encode_utf16(&mut units) {
                        write!(self.out, "\\u{unit:04x}").expect("a string takes everything");
                    }
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// Writes a key in camelCase or `snake_case`.
    fn key(&mut self, camel: &str) {
        let mut name = camel.to_owned();
        if self.choose(4) == 0 {
            name.clear();
            for c in camel.chars() {
                if c.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(c.to_ascii_lowercase());
            }
        }
        self.text(&name);
        self.space();
        self.out.push(':');
        self.space();
    }

    /// Writes an object of fields in any order, with foreign ones and nulls among them.
    fn object(&mut self, mut fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)>) {
        match self.choose(8) {
            0 => fields.push((
                "unheardOf",
                Box::new(|w| w.out.push_str(r#"{"a":[1,{"b":"}\"]"}],"c":-1.5e3}"#)),
            )),
            1 => fields.push(("\u{e9}tag\u{e8}re", Box::new(|w| w.out.push_str("true")))),
            2 => fields.push(("", Box::new(|w| w.out.push_str("null")))),
            _ => {}
        }
        if self.choose(3) == 0 && !fields.is_empty() {
            let turn = self.choose(fields.len());
            fields.rotate_left(turn);
        }
        self.out.push('{');
        self.space();
        for (i, (name, write)) in fields.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
                self.space();
            }
            self.key(name);
            write(self);
            self.space();
        }
        self.out.push('}');
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        if items.is_empty() && self.choose(2) == 0 {
            self.out.push_str("null");
            return;
        }
        self.out.push('[');
        self.space();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
                self.space();
            }
            write(self, item);
            self.space();
        }
        self.out.push(']');
    }

    fn integer(&mut self, number: impl std::fmt::Display) {
        let text = if self.choose(2) == 0 {
            format!("{number}")
        } else {
            format!("\"{number}\"")
        };
        self.out.push_str(&text);
    }

    fn id(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            let none = ["\"\"", "null", "\"0000000000000000\""][self.choose(3)];
            self.out.push_str(none);
            return;
        }
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let text = match self.choose(8) {
            0 => base64(bytes),
            1 => hex.to_uppercase(),
            2 => format!(
                "{}{}",
                hex.trim_start_matches('0'),
                if hex.trim_start_matches('0').is_empty() {
                    "0"
                } else {
                    ""
                }
            ),
            _ => hex,
        };
        self.text(&text);
    }

    fn name_of_enum(&mut self, number: i32, names: &[&str]) {
        match names.get(number as usize) {
            Some(name) if self.choose(3) == 0 => self.text(name),
            _ => self.integer(number),
        }
    }

    fn value(&mut self, value: &AnyValue) {
        let fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)> = match &value.value {
            None => vec![],
            Some(Any::StringValue(text)) => {
                vec![("stringValue", Box::new(move |w: &mut Self| w.text(text)))]
            }
            Some(Any::IntValue(n)) => {
                vec![("intValue", Box::new(move |w: &mut Self| w.integer(n)))]
            }
            Some(Any::DoubleValue(x)) => vec![(
                "doubleValue",
                Box::new(move |w: &mut Self| w.out.push_str(&format!("{x:?}"))),
            )],
            Some(Any::BoolValue(b)) => vec![(
                "boolValue",
                Box::new(move |w: &mut Self| w.out.push_str(&b.to_string())),
            )],
            Some(Any::BytesValue(bytes)) => vec![(
                "bytesValue",
                Box::new(move |w: &mut Self| w.text(&base64(bytes))),
            )],
            Some(Any::ArrayValue(array)) => vec![(
                "arrayValue",
                Box::new(move |w: &mut Self| {
                    w.object(vec![(
                        "values",
                        Box::new(|w| w.list(&array.values, Writer::value)),
                    )])
                }),
            )],
            Some(Any::KvlistValue(map)) => vec![(
                "kvlistValue",
                Box::new(move |w: &mut Self| {
                    w.object(vec![("values", Box::new(|w| w.attributes(&map.values)))])
                }),
            )],
            Some(Any::StringValueStrindex(_)) => vec![],
        };
        self.object(fields);
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        self.list(attributes, |w, attribute| {
            // The Collector's own spelling must be met often.
            if let (
                Some(AnyValue {
                    value: Some(Any::StringValue(text)),
                }),
                1..,
            ) = (&attribute.value, w.choose(4))
            {
                w.out.push_str("{\"key\":");
                w.text(&attribute.key);
                w.out.push_str(",\"value\":{\"stringValue\":");
                w.text(text);
                w.out.push_str("}}");
                return;
            }
            let mut fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)> =
                vec![("key", Box::new(|w| w.text(&attribute.key)))];
            if let Some(value) = &attribute.value {
                fields.push(("value", Box::new(|w| w.value(value))));
            }
            w.object(fields);
        });
    }

    fn span(&mut self, span: &Span) {
        const KINDS: &[&str] = &[
            "SPAN_KIND_UNSPECIFIED",
            "INTERNAL",
            "server",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ];
        let mut fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)> = vec![
            ("traceId", Box::new(|w| w.id(&span.trace_id))),
            ("spanId", Box::new(|w| w.id(&span.span_id))),
            ("parentSpanId", Box::new(|w| w.id(&span.parent_span_id))),
            ("traceState", Box::new(|w| w.text(&span.trace_state))),
            ("flags", Box::new(|w| w.integer(span.flags))),
            ("name", Box::new(|w| w.text(&span.name))),
            ("kind", Box::new(|w| w.name_of_enum(span.kind, KINDS))),
            (
                "startTimeUnixNano",
                Box::new(|w| w.integer(span.start_time_unix_nano)),
            ),
            (
                "endTimeUnixNano",
                Box::new(|w| w.integer(span.end_time_unix_nano)),
            ),
            ("attributes", Box::new(|w| w.attributes(&span.attributes))),
            (
                "droppedAttributesCount",
                Box::new(|w| w.integer(span.dropped_attributes_count)),
            ),
            ("events", Box::new(|w| w.list(&span.events, Writer::event))),
            ("links", Box::new(|w| w.list(&span.links, Writer::link))),
        ];
        if let Some(status) = &span.status {
            fields.push(("status", Box::new(|w| w.status(status))));
        }
        self.object(fields);
    }

    fn event(&mut self, event: &Event) {
        self.object(vec![
            (
                "timeUnixNano",
                Box::new(|w| w.integer(event.time_unix_nano)),
            ),
            ("name", Box::new(|w| w.text(&event.name))),
            ("attributes", Box::new(|w| w.attributes(&event.attributes))),
        ]);
    }

    fn link(&mut self, link: &Link) {
        self.object(vec![
            ("traceId", Box::new(|w| w.id(&link.trace_id))),
            ("spanId", Box::new(|w| w.id(&link.span_id))),
            ("attributes", Box::new(|w| w.attributes(&link.attributes))),
        ]);
    }

    fn status(&mut self, status: &Status) {
        self.object(vec![
            ("message", Box::new(|w| w.text(&status.message))),
            (
                "code",
                Box::new(|w| w.name_of_enum(status.code, &["STATUS_CODE_UNSET", "OK", "error"])),
            ),
        ]);
    }

    fn group(&mut self, group: &ResourceSpans) {
        let scopes = ["scopeSpans", "instrumentationLibrarySpans"][self.choose(5) / 4];
        let scope = if scopes == "scopeSpans" {
            "scope"
        } else {
            "instrumentationLibrary"
        };
        let mut fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)> = vec![];
        if let Some(resource) = &group.resource {
            fields.push((
                "resource",
                Box::new(|w| {
                    w.object(vec![(
                        "attributes",
                        Box::new(|w| w.attributes(&resource.attributes)),
                    )])
                }),
            ));
        }
        fields.push((
            scopes,
            Box::new(|w| {
                w.list(&group.scope_spans, |w, scope_spans| {
                    let mut fields: Vec<(&str, Box<dyn Fn(&mut Self) + '_>)> = vec![(
                        "spans",
                        Box::new(|w| w.list(&scope_spans.spans, Writer::span)),
                    )];
                    if let Some(named) = &scope_spans.scope {
                        let write = |w: &mut Self| {
                            w.object(vec![("name", Box::new(|w| w.text(&named.name)))])
                        };
                        fields.push((scope, Box::new(write)));
                    }
                    w.object(fields);
                });
            }),
        ));
        fields.push(("schemaUrl", Box::new(|w| w.text(&group.schema_url))));
        self.object(fields);
    }

    fn document(&mut self, groups: &[ResourceSpans]) {
        let wrapper = ["", "", "", "trace", "result"][self.choose(5)];
        let name = ["resourceSpans", "resourceSpans", "batches"][self.choose(3)];
        let write =
            |w: &mut Self| w.object(vec![(name, Box::new(|w| w.list(groups, Writer::group)))]);
        if wrapper.is_empty() {
            write(self);
        } else {
            self.object(vec![(wrapper, Box::new(write))]);
        }
        self.space();
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/ .]{0,12}",
        "[a-z\"\\\\\n\t/\u{e9}\u{1f600}]{0,40}",
        "[a-z{}\\[\\]:,]{30,80}"
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    let names: Vec<&str> = NAMES
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    prop_oneof![
        4 => prop::sample::select(names).prop_map(str::to_owned),
        1 => prop::sample::select(vec![spans::SHARED, spans::REF_TYPE]).prop_map(str::to_owned),
        2 => any_text(),
    ]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => any_text().prop_map(Any::StringValue),
        1 => prop::sample::select(vec!["child_of", "follows_from", "true"]).prop_map(|text| Any::StringValue(text.to_owned())),
        2 => any::<i64>().prop_map(Any::IntValue),
        1 => (-1e12..1e12).prop_map(Any::DoubleValue),
        1 => any::<bool>().prop_map(Any::BoolValue),
        1 => vec(any::<u8>(), 0..6).prop_map(Any::BytesValue),
    ];
    let value = |value| AnyValue { value };
    option::weighted(0.95, leaf)
        .prop_map(value)
        .prop_recursive(2, 8, 3, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(|values| Any::ArrayValue(ArrayValue { values })),
                vec((any_key(), inner), 0..3).prop_map(|pairs| {
                    let values = pairs.into_iter().map(|(key, value)| KeyValue {
                        key,
                        value: Some(value),
                        ..KeyValue::default()
                    });
                    Any::KvlistValue(KeyValueList {
                        values: values.collect(),
                    })
                }),
            ]
            .prop_map(move |any| value(Some(any)))
        })
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (any_key(), option::weighted(0.95, any_value()));
    vec(
        attribute.prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..KeyValue::default()
        }),
        0..6,
    )
}

fn any_id<const N: usize>() -> impl Strategy<Value = Vec<u8>> {
    (prop::array::uniform::<_, N>(any::<u8>()), 0..N).prop_map(|(mut id, zeros)| {
        id[..zeros / 3].fill(0);
        id[N - 1] |= 1;
        id.to_vec()
    })
}

fn any_span() -> impl Strategy<Value = Span> {
    let ids = (
        any_id::<16>(),
        any_id::<8>(),
        prop_oneof![any_id::<8>(), Just(Vec::new())],
    );
    let texts = (any_text(), any_text());
    let times = (
        any::<u64>(),
        prop_oneof![
            any::<u64>(),
            1_600_000_000_000_000_000u64..1_900_000_000_000_000_000
        ],
    );
    let link = (any_id::<16>(), any_id::<8>(), any_attributes());
    let links = vec(
        link.prop_map(|(trace_id, span_id, attributes)| Link {
            trace_id,
            span_id,
            attributes,
            ..Link::default()
        }),
        0..3,
    );
    let event = (any::<u64>(), any_text(), any_attributes());
    let events = vec(
        event.prop_map(|(time_unix_nano, name, attributes)| Event {
            time_unix_nano,
            name,
            attributes,
            ..Event::default()
        }),
        0..3,
    );
    let status =
        option::of((any_text(), 0..3).prop_map(|(message, code)| Status { message, code }));
    let rest = (0..6, any_attributes(), links, events, status, any::<u32>());
    (ids, texts, times, rest).prop_map(
        |((trace_id, span_id, parent_span_id), (name, trace_state), (start, end), rest)| {
            let (kind, attributes, links, events, status, flags) = rest;
            Span {
                trace_id,
                span_id,
                parent_span_id,
                name,
                trace_state,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                kind,
                attributes,
                links,
                events,
                status,
                flags,
                ..Span::default()
            }
        },
    )
}

fn any_group() -> impl Strategy<Value = ResourceSpans> {
    let scope = option::of(any_text()).prop_map(|name| {
        name.map(|name| InstrumentationScope {
            name,
            ..InstrumentationScope::default()
        })
    });
    let scopes = (scope, vec(any_span(), 0..4)).prop_map(|(scope, spans)| ScopeSpans {
        scope,
        spans,
        ..ScopeSpans::default()
    });
    let resource = option::of(any_attributes().prop_map(|attributes| Resource {
        attributes,
        ..Resource::default()
    }));
    (resource, vec(scopes, 0..3), any_text()).prop_map(|(resource, scope_spans, schema_url)| {
        ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_spelling_reads_the_same_both_ways(
        documents in vec(vec(any_group(), 0..3), 1..3),
        choices in vec(any::<u8>(), 50..300),
        marked: bool,
    ) {
        let mut writer = Writer { out: String::new(), choices: &choices, next: 0 };
        if marked {
            writer.out.push('\u{feff}');
        }
        for groups in &documents {
            writer.document(groups);
        }
        let text = writer.out;
        let messages = documents.concat();
        let (decoded, problems) = decode(text.as_bytes());
        prop_assert_eq!(&problems, &[], "{}", text);
        prop_assert_eq!(&decoded, &messages, "{}", text);
        let mut expected = Notes::default();
        spans::feed(&messages, &mut expected);
        let notes = read(text.as_bytes());
        prop_assert_eq!(&notes, &expected, "{}", text);
        prop_assert_eq!(read_portably(&text), expected, "{}", text);
    }

    #[test]
    fn any_text_reads_the_same_with_both_scanners(text in r#"(\{"resourceSpans":\[\{)?[\[\]{}",:0-9a-f\\ null]{0,60}"#) {
        let notes = read(text.as_bytes());
        check_offsets(&notes, text.len());
        prop_assert_eq!(notes, read_portably(&text));
    }
}

#[track_caller]
fn check_offsets(notes: &Notes, len: usize) {
    for problem in &notes.problems {
        assert!(problem.offset <= len, "{problem:?} in {len} bytes");
    }
}

const SMALL: &str = concat!(
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"c\u00e4rt"}}]},"scopeSpans":[{"scope":{"name":"h"},"#,
    r#""spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"GET","kind":2,"#,
    r#""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[{"key":"http.response.status_code","value":{"intValue":"500"}},"#,
    r#"{"key":"http.route","value":{"stringValue":"/a"}},{"key":"error","value":{"boolValue":true}}],"events":[{"name":"x","attributes":[]}],"#,
    r#""links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"W47/95gDgQM="}],"status":{"code":2}}]}]}]}"#,
);
const SPACED: &str = "\u{feff}{ \"batches\" : [ { \"scope_spans\" : [ { \"spans\" : [ { \"trace_id\" : \"1\" , \"span_id\" : \"2\" , \"kind\" : \"SPAN_KIND_CLIENT\",\n \
    \"status\" : { \"code\" : \"STATUS_CODE_ERROR\" } , \"start_time_unix_nano\" : 12 } , { \"traceId\" : \"x\" } ] } ] , \"resource\" : null } ] }\n{\"trace\":{\"resourceSpans\":null}}{\"resourceLogs\":[]}";

#[test]
fn truncation_keeps_what_was_complete_and_points_inside() {
    for fixture in [SMALL, SPACED] {
        let whole = read(fixture.as_bytes());
        for cut in 0..fixture.len() {
            let bytes = &fixture.as_bytes()[..cut];
            let notes = read(bytes);
            check_offsets(&notes, cut);
            assert!(
                whole.seen.starts_with(&notes.seen) || notes.seen.len() <= whole.seen.len(),
                "cut at {cut}"
            );
            let _ = decode_and_feed(bytes);
            if let Ok(text) = std::str::from_utf8(bytes) {
                assert_eq!(notes, read_portably(text), "cut at {cut}");
            }
        }
    }
}

#[test]
fn truncation_inside_a_document_is_one_problem() {
    for cut in 1..SMALL.len() {
        let notes = read(&SMALL.as_bytes()[..cut]);
        let lost: Vec<&Problem> = notes
            .problems
            .iter()
            .filter(|problem| problem.lost == Lost::Record)
            .collect();
        assert_eq!(lost.len(), 1, "cut at {cut}: {lost:?}");
        assert_eq!(lost[0].offset, cut, "cut at {cut}: {lost:?}");
    }
}

#[test]
fn flipped_bits_never_panic_and_read_the_same_with_both_scanners() {
    for fixture in [SMALL, SPACED] {
        for bit in 0..fixture.len() * 8 {
            let mut bytes = fixture.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let notes = read(&bytes);
            check_offsets(&notes, bytes.len());
            let decoded = decode_and_feed(&bytes);
            check_offsets(&decoded, bytes.len());
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert_eq!(notes, read_portably(text), "bit {bit}");
            }
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let problems = read(text.as_bytes()).problems;
    let shown: Vec<String> = problems
        .iter()
        .map(|p| format!("{} {} {:?}: {}", p.offset, p.path, p.lost, p.message))
        .collect();
    assert_eq!(shown, expected, "{text}");
}

fn with_span(fields: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"1","spanId":"2",{fields}}}]}}]}}]}}"#
    )
}

#[test]
fn malformed_fields_are_named_and_absent() {
    let span = "resourceSpans[0].scopeSpans[0].spans[0]";
    for (fields, message) in [
        (
            r#""kind":"FOO""#,
            ".kind Field: expected a span kind, found \"FOO\"",
        ),
        (r#""kind":6"#, ".kind Field: expected a span kind, found 6"),
        (
            r#""startTimeUnixNano":"-1""#,
            ".startTimeUnixNano Field: expected nanoseconds since 1970, found \"-1\"",
        ),
        (
            r#""endTimeUnixNano":1.5"#,
            ".endTimeUnixNano Field: expected nanoseconds since 1970, found 1.5",
        ),
        (r#""name":[]"#, ".name Field: expected a text, found a list"),
        (
            r#""parentSpanId":"xyz""#,
            ".parentSpanId Field: expected a 16-digit span id, found \"xyz\"",
        ),
        (
            r#""status":{"code":"BAD"}"#,
            ".status.code Field: expected a status code, found \"BAD\"",
        ),
        (
            r#""attributes":{}"#,
            ".attributes Field: expected a list of attributes, found an object",
        ),
        (
            r#""attributes":[{"key":"http.route","value":{"stringValue":1}}]"#,
            ".attributes[0].value Field: expected a text, found 1",
        ),
    ] {
        let text = with_span(fields);
        let notes = read(text.as_bytes());
        assert_eq!(notes.seen.len(), 2, "{text}");
        let problem = &notes.problems[0];
        assert_eq!(
            format!("{} {:?}: {}", problem.path, problem.lost, problem.message),
            format!("{span}{message}")
        );
        let decoded = decode_and_feed(text.as_bytes());
        assert_eq!(decoded.seen, notes.seen);
        assert_eq!(decoded.problems.len(), 1, "{:?}", decoded.problems);
    }
}

#[test]
fn bad_ids_lose_one_span() {
    check(
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"12xb","spanId":"2"},{"spanId":"2"},{"traceId":"1","spanId":7},null]}]}]}"#,
        &[
            "54 resourceSpans[0].scopeSpans[0].spans[0].traceId Span: expected a 32-digit trace id, found \"12xb\"",
            "75 resourceSpans[0].scopeSpans[0].spans[1].traceId Span: expected a 32-digit trace id, found none",
            "114 resourceSpans[0].scopeSpans[0].spans[2].spanId Span: expected a 16-digit span id, found 7",
            "117 resourceSpans[0].scopeSpans[0].spans[3] Span: expected a span, found null",
        ],
    );
}

#[test]
fn faults_in_the_text_are_placed_exactly() {
    check(
        "{\"resourceSpans\":[}",
        &["18 resourceSpans[0] Record: expected a value, found '}'"],
    );
    check(
        "{\"resourceSpans\" []}",
        &["17  Record: expected ':', found '['"],
    );
    check(
        "{\"resourceSpans\":[]",
        &["19  Record: expected ',' or '}', found the end of the record"],
    );
    check(
        "{\"a\":[{]}",
        &["7  Record: expected the bracket that closes the open one, found ']'"],
    );
    check(
        "{\"a\":[1 2],\"b\":tru}",
        &["8  Record: expected JSON, found a fault: expected `,` or `]`"],
    );
    check(
        "{\"a\":\"x\ny\"}",
        &["7  Record: expected no control character in a string, found '\\n'"],
    );
    check("[1]", &["0  Record: expected OTLP traces, found a list"]);
    check(
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}",
        &["0  Record: expected OTLP traces, found an object with keys a, b, c and 1 more"],
    );
    check(
        "{\"a\":1}",
        &["0  Record: expected OTLP traces, found an object with key a"],
    );
    check("{}", &[]);
    check("", &[]);
}

#[test]
fn deep_nesting_is_a_problem_and_no_overflow() {
    for open in ["[", "{\"a\":"] {
        let text = format!("{{\"resourceSpans\":[],\"x\":{}", open.repeat(200_000));
        let problems = read(text.as_bytes()).problems;
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0]
                .message
                .starts_with("expected at most 128 nested containers"),
            "{problems:?}"
        );
        assert!(!decode(text.as_bytes()).1.is_empty());
    }
}

#[test]
fn invalid_utf8_is_repaired_and_later_places_stay_exact() {
    let notes = read(b"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"\xff\"}}]}}]} x");
    assert_eq!(notes.seen, ["resource ServiceName=Text(\"\u{fffd}\")"]);
    let places: Vec<(usize, &str)> = notes
        .problems
        .iter()
        .map(|p| (p.offset, p.message.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            (91, "expected UTF-8, found an invalid sequence of bytes"),
            (101, "expected a value, found 'x'")
        ]
    );
}

#[test]
fn other_signals_are_understood() {
    let notes = read(br#"{"resourceMetrics":[{"resource":{}}]} {"resourceLogs":[]}"#);
    assert_eq!((notes.other_signals, notes.problems.len()), (2, 0));
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character() {
    let notes = read(with_span(r#""name":"a\ud83d","traceState":"\ud83d\ude00\udc00""#).as_bytes());
    assert_eq!(notes.problems, []);
    assert!(
        notes.seen[1].contains("\"a\u{fffd}\" \"\u{1f600}\u{fffd}\""),
        "{:?}",
        notes.seen
    );
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let text = with_span(r#""name":"a","name":"b","traceId":"7","kind":1,"kind":3"#);
    let notes = read(text.as_bytes());
    assert_eq!(notes, decode_and_feed(text.as_bytes()));
    assert!(
        notes.seen[1].starts_with("00000000000000000000000000000007"),
        "{:?}",
        notes.seen
    );
}
