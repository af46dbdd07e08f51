//! What is written, byte by byte, and that it reads as before.

use super::*;
use crate::format::spans::tests::Notes;
use crate::format::{jaeger, otlp_protobuf, zipkin};
use crate::input::Record;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::TracesData;

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn message(spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![pair(
                "service.name",
                Any::StringValue("a \"b\"\n".to_owned()),
            )],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

fn full() -> Span {
    Span {
        trace_id: (1..=16).collect(),
        span_id: vec![0xab; 8],
        trace_state: "ot=th:8".to_owned(),
        flags: 1,
        name: "get".to_owned(),
        kind: 3,
        start_time_unix_nano: u64::MAX,
        events: vec![Event {
            time_unix_nano: 5,
            name: "retry".to_owned(),
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            ..Link::default()
        }],
        status: Some(Status {
            message: String::new(),
            code: 2,
        }),
        attributes: vec![
            pair("i", Any::IntValue(i64::MIN)),
            pair("e", Any::StringValue(String::new())),
            pair("n", Any::DoubleValue(f64::NAN)),
            pair("d", Any::DoubleValue(0.5)),
            pair("y", Any::BytesValue(b"fo".to_vec())),
            pair(
                "a",
                Any::ArrayValue(ArrayValue {
                    values: vec![any(Any::BoolValue(false))],
                }),
            ),
            pair(
                "k",
                Any::KvlistValue(KeyValueList {
                    values: vec![pair("x", Any::IntValue(0))],
                }),
            ),
        ],
        ..Span::default()
    }
}

#[test]
fn json_is_spelled_as_the_collector_does() {
    let mut out = Vec::new();
    json_line(&[message(vec![full(), Span::default()])], &mut out).expect("a vector takes all");
    let expected = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a \"b\"\n"}}]},"#,
        r#""scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"abababababababab","#,
        r#""traceState":"ot=th:8","flags":1,"name":"get","kind":3,"startTimeUnixNano":"18446744073709551615","#,
        r#""attributes":[{"key":"i","value":{"intValue":"-9223372036854775808"}},{"key":"e","value":{"stringValue":""}},"#,
        r#"{"key":"n","value":{"doubleValue":"NaN"}},{"key":"d","value":{"doubleValue":0.5}},"#,
        r#"{"key":"y","value":{"bytesValue":"Zm8="}},{"key":"a","value":{"arrayValue":{"values":[{"boolValue":false}]}}},"#,
        r#"{"key":"k","value":{"kvlistValue":{"values":[{"key":"x","value":{"intValue":"0"}}]}}}],"#,
        r#""events":[{"timeUnixNano":"5","name":"retry"}],"#,
        r#""links":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202"}],"#,
        r#""status":{"code":2}},{}]}]}]}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn nothing_is_an_empty_object() {
    let mut out = Vec::new();
    json_line(&[], &mut out).expect("a vector takes all");
    assert_eq!(out, b"{}\n");
}

#[test]
fn a_frame_is_what_protobuf_makes_of_the_messages() {
    let mut span = full();
    span.attributes.retain(|pair| pair.key != "n"); // no NaN, which equals nothing
    let messages = vec![message(vec![span]), ResourceSpans::default()];
    let mut out = Vec::new();
    frame(&messages, &mut out).expect("a vector takes all");
    let (length, body) = out.split_at(4);
    assert_eq!(length, (body.len() as u32).to_be_bytes());
    let read = TracesData::decode(body).expect("a message");
    assert_eq!(read.resource_spans, messages);
}

#[test]
fn what_was_converted_reads_as_before() {
    let shared = r#"[{"traceId":"a","id":"b","kind":"SERVER","shared":true,"timestamp":1,"duration":2,
        "localEndpoint":{"serviceName":"cart","ipv4":"10.0.0.1"},"remoteEndpoint":{"serviceName":"web"},"tags":{"error":""}}]"#;
    let follows = r#"{"traceID":"a","spanID":"b","process":{"serviceName":"cart"},
        "references":[{"refType":"FOLLOWS_FROM","traceID":"a","spanID":"c"}],
        "tags":[{"key":"span.kind","value":"consumer"},{"key":"w3c.tracestate","value":"ot=th:8"}]}"#;
    for (format, text) in [(zipkin::FORMAT, shared), (jaeger::FORMAT, follows)] {
        let mut problems = Vec::new();
        let messages = Record::with_copy(text.as_bytes(), |record| {
            (format.decode)(record, &mut problems)
        });
        let mut out = Vec::new();
        frame(&messages, &mut out).expect("a vector takes all");
        let converted = Notes::of(&otlp_protobuf::FORMAT, &out[4..]).told();
        assert_eq!(converted, Notes::of(&format, text.as_bytes()).told());
        assert_eq!(converted.lines().count(), 2);
    }
}

#[test]
fn base64_pads_to_four_digits() {
    for (bytes, expected) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
    ] {
        assert_eq!(base64(bytes.as_bytes()), expected);
    }
}
