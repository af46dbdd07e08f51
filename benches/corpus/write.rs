//! Writes groups of spans as OTLP JSON lines and as protobuf frames of the same content.

use super::attributes::{self, Attribute, Value};
use super::system::System;
use super::trace::{Failure, Span};

/// The spans that one instance sent at once.
pub(super) struct Group {
    pub(super) instance: usize,
    pub(super) spans: Vec<Span>,
}

/// Text of the exception event of failed spans, without the line that differs.
const STACK: &str = "java.lang.IllegalStateException: the request could not be completed
\tat com.example.shop.Handler.handle(Handler.java:118)
\tat com.example.shop.Pipeline.next(Pipeline.java:64)
\tat com.example.shop.Pipeline.run(Pipeline.java:41)
\tat com.example.shop.filter.Tenant.around(Tenant.java:77)
\tat com.example.shop.filter.Metrics.around(Metrics.java:52)
\tat com.example.shop.Server.dispatch(Server.java:203)
\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1144)
\tat java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:642)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
";

/// Turns groups into bytes; its buffers are reused.
pub(super) struct Writer<'s> {
    system: &'s System,
    /// Whether spans carry a sampling threshold in their tracestate.
    sampled: bool,
    attributes: Vec<Attribute<'s>>,
    stack_json: String,
    /// Protobuf of what is being put together, from the inside out.
    span: Vec<u8>,
    group: Vec<u8>,
    message: Vec<u8>,
}

impl<'s> Writer<'s> {
    pub(super) fn new(system: &'s System, sampled: bool) -> Writer<'s> {
        Writer {
            system,
            sampled,
            attributes: Vec::new(),
            stack_json: STACK.replace('\n', "\\n").replace('\t', "\\t"),
            span: Vec::new(),
            group: Vec::new(),
            message: Vec::new(),
        }
    }

    /// Appends one line of JSON and one frame of protobuf.
    pub(super) fn write(&mut self, groups: &[Group], json: &mut String, frames: &mut Vec<u8>) {
        json.push_str("{\"resourceSpans\":[");
        self.message.clear();
        for (i, group) in groups.iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            self.write_group(group, json);
        }
        json.push_str("]}\n");
        frames.extend((self.message.len() as u32).to_be_bytes());
        frames.extend(&self.message);
    }

    fn write_group(&mut self, group: &Group, json: &mut String) {
        let instance = &self.system.instances[group.instance];
        let service = &self.system.services[instance.service];
        let resource = attributes::of_resource(service, instance);
        json.push_str("{\"resource\":{");
        attributes_json(&resource, json);
        json.push_str("},\"scopeSpans\":[{\"scope\":{\"name\":\"");
        json.push_str(service.scope);
        json.push_str("\"},\"spans\":[");

        self.group.clear();
        let mut scope_spans = Vec::new();
        bytes(1, &string(1, service.scope), &mut scope_spans);
        for (i, span) in group.spans.iter().enumerate() {
            attributes::of_span(self.system, span, &mut self.attributes);
            if i > 0 {
                json.push(',');
            }
            self.span_json(span, json);
            self.span_protobuf(span);
            bytes(2, &self.span, &mut scope_spans);
        }
        json.push_str("]}],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.36.0\"}");

        let mut attributes = Vec::new();
        for attribute in &resource {
            attribute_protobuf(1, attribute, &mut attributes);
        }
        bytes(1, &attributes, &mut self.group);
        bytes(2, &scope_spans, &mut self.group);
        bytes(
            3,
            b"https://opentelemetry.io/schemas/1.36.0",
            &mut self.group,
        );
        bytes(1, &self.group, &mut self.message);
    }

    fn span_json(&self, span: &Span, json: &mut String) {
        json.push_str("{\"traceId\":\"");
        hex(span.trace.0, json);
        hex(span.trace.1, json);
        json.push_str("\",\"spanId\":\"");
        hex(span.id, json);
        if self.sampled {
            json.push_str("\",\"traceState\":\"ot=th:8");
        }
        json.push_str("\",\"parentSpanId\":\"");
        if span.parent != 0 {
            hex(span.parent, json);
        }
        json.push_str("\",\"flags\":257,\"name\":\"");
        json.push_str(attributes::name(self.system, span));
        json.push_str("\",\"kind\":");
        decimal(attributes::kind(span), json);
        json.push_str(",\"startTimeUnixNano\":\"");
        decimal(span.start, json);
        json.push_str("\",\"endTimeUnixNano\":\"");
        decimal(span.end, json);
        json.push_str("\",");
        attributes_json(&self.attributes, json);
        if span.failure == Failure::Error {
            json.push_str(",\"events\":[{\"timeUnixNano\":\"");
            decimal(span.end, json);
            json.push_str("\",\"name\":\"exception\",\"attributes\":[{\"key\":\"exception.stacktrace\",\"value\":{\"stringValue\":\"");
            json.push_str(&self.stack_json);
            json.push_str("\"}}]}]");
        }
        if let Some((trace, id)) = span.link {
            json.push_str(",\"links\":[{\"traceId\":\"");
            hex(trace.0, json);
            hex(trace.1, json);
            json.push_str("\",\"spanId\":\"");
            hex(id, json);
            json.push_str("\",\"flags\":257}]");
        }
        json.push_str(if span.failure == Failure::None {
            ",\"status\":{}}"
        } else {
            ",\"status\":{\"message\":\"the request failed\",\"code\":2}}"
        });
    }

    /// Puts the span's message into the buffer for it.
    fn span_protobuf(&mut self, span: &Span) {
        let out = &mut self.span;
        out.clear();
        bytes(1, &trace_id(span.trace), out);
        bytes(2, &span.id.to_be_bytes(), out);
        if self.sampled {
            bytes(3, b"ot=th:8", out);
        }
        if span.parent != 0 {
            bytes(4, &span.parent.to_be_bytes(), out);
        }
        bytes(5, attributes::name(self.system, span).as_bytes(), out);
        varint(6 << 3, out);
        varint(attributes::kind(span), out);
        fixed64(7, span.start, out);
        fixed64(8, span.end, out);
        for attribute in &self.attributes {
            attribute_protobuf(9, attribute, out);
        }
        if span.failure == Failure::Error {
            let mut event = Vec::new();
            fixed64(1, span.end, &mut event);
            bytes(2, b"exception", &mut event);
            attribute_protobuf(3, &("exception.stacktrace", Value::Text(STACK)), &mut event);
            bytes(11, &event, out);
        }
        if let Some((trace, id)) = span.link {
            let mut link = Vec::new();
            bytes(1, &trace_id(trace), &mut link);
            bytes(2, &id.to_be_bytes(), &mut link);
            flags(6, &mut link);
            bytes(13, &link, out);
        }
        if span.failure == Failure::None {
            bytes(15, b"", out);
        } else {
            let mut status = string(2, "the request failed");
            varint(3 << 3, &mut status);
            varint(2, &mut status);
            bytes(15, &status, out);
        }
        flags(16, out);
    }
}

fn attributes_json(attributes: &[Attribute<'_>], json: &mut String) {
    json.push_str("\"attributes\":[");
    for (i, (key, value)) in attributes.iter().enumerate() {
        json.push_str(if i > 0 { ",{\"key\":\"" } else { "{\"key\":\"" });
        json.push_str(key);
        match *value {
            Value::Text(text) => {
                json.push_str("\",\"value\":{\"stringValue\":\"");
                json.push_str(text);
            }
            Value::Numbered(text, number) => {
                json.push_str("\",\"value\":{\"stringValue\":\"");
                json.push_str(text);
                decimal(number, json);
            }
            Value::Int(number) => {
                json.push_str("\",\"value\":{\"intValue\":\"");
                decimal(number, json);
            }
        }
        json.push_str("\"}}");
    }
    json.push(']');
}

fn decimal(number: u64, json: &mut String) {
    let mut digits = [b'0'; 20];
    json.push_str(decimal_digits(number, &mut digits));
}

/// Returns the decimal digits of a number, written at the end of `digits`.
fn decimal_digits(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    str::from_utf8(&digits[at..]).expect("digits are ASCII")
}

fn hex(number: u64, json: &mut String) {
    let digits: [u8; 16] =
        std::array::from_fn(|i| b"0123456789abcdef"[(number >> (60 - 4 * i) & 15) as usize]);
    json.push_str(str::from_utf8(&digits).expect("digits are ASCII"));
}

fn trace_id((high, low): (u64, u64)) -> [u8; 16] {
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Returns how many bytes the varint of a length takes.
fn varint_len(len: usize) -> usize {
    1 + len.checked_ilog2().unwrap_or(0) as usize / 7
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn string(field: u64, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(field, value.as_bytes(), &mut out);
    out
}

fn fixed64(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3 | 1, out);
    out.extend(value.to_le_bytes());
}

/// Writes the trace flags "sampled" and "the parent's place is known" (257), as JSON has them.
fn flags(field: u64, out: &mut Vec<u8>) {
    varint(field << 3 | 5, out);
    out.extend(257_u32.to_le_bytes());
}

fn attribute_protobuf(field: u64, (key, value): &Attribute<'_>, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let (text, tail) = match *value {
        Value::Text(text) => (text, ""),
        Value::Numbered(text, number) => (text, decimal_digits(number, &mut digits)),
        Value::Int(number) => {
            let len = 1 + varint_len(number as usize);
            attribute_head(field, key, len, out);
            varint(3 << 3, out);
            return varint(number, out);
        }
    };
    let len = text.len() + tail.len();
    attribute_head(field, key, 1 + varint_len(len) + len, out);
    varint(1 << 3 | 2, out);
    varint(len as u64, out);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(tail.as_bytes());
}

/// Writes an attribute up to the inside of its value, which takes `len` bytes.
fn attribute_head(field: u64, key: &str, len: usize, out: &mut Vec<u8>) {
    let whole = 1 + varint_len(key.len()) + key.len() + 1 + varint_len(len) + len;
    varint(field << 3 | 2, out);
    varint(whole as u64, out);
    bytes(1, key.as_bytes(), out);
    varint(2 << 3 | 2, out);
    varint(len as u64, out);
}
