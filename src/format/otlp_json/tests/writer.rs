//! Writes OTLP JSON in every spelling there is.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status};
use std::fmt::Write;

/// Names of fields, each with what writes its value.
type Fields<'f, 'c> = Vec<(&'f str, Box<dyn Fn(&mut Writer<'c>) + 'f>)>;

/// Writes messages as JSON, each choice of spelling taken from a stream of numbers.
pub(super) struct Writer<'c> {
    /// What has been written.
    pub(super) out: String,
    choices: &'c [u8],
    next: usize,
}

impl<'c> Writer<'c> {
    /// Returns a writer that makes these choices, again and again.
    pub(super) fn new(choices: &'c [u8]) -> Writer<'c> {
        Writer {
            out: String::new(),
            choices,
            next: 0,
        }
    }

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
    fn object(&mut self, mut fields: Fields<'_, 'c>) {
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
        let fields: Fields<'_, 'c> = match &value.value {
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
            let mut fields: Fields<'_, 'c> = vec![("key", Box::new(|w| w.text(&attribute.key)))];
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
        let mut fields: Fields<'_, 'c> = vec![
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
        let mut fields: Fields<'_, 'c> = vec![];
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
                    let mut fields: Fields<'_, 'c> = vec![(
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

    /// Writes a document.
    pub(super) fn document(&mut self, groups: &[ResourceSpans]) {
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
