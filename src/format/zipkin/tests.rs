//! Zipkin as a whole: every shape it comes in, and what may be wrong with it.

use super::{FORMAT, decode, recognise};
use crate::format::spans::tests::{Notes, check_damage};
use crate::input::{Framing, Record};
use crate::model::id::mix;

#[track_caller]
fn check(text: &str, expected: &str) {
    let told = Notes::of(&FORMAT, text.as_bytes()).told();
    let expected: String = expected
        .lines()
        .skip(1)
        .map(|line| format!("{}\n", line.get(8..).unwrap_or("")))
        .collect();
    assert_eq!(told.trim_end(), expected.trim_end());
}

const CALL: &str = r#"[
  {"traceId":"000000000000000a","id":"B","parentId":"a","kind":"CLIENT","name":"get","timestamp":1000,"duration":"20",
   "localEndpoint":{"serviceName":"web","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"cart","ipv6":"::1"},
   "tags":{"error":"","http.status_code":"503","http.\u006dethod":"GET"},"annotations":[{"timestamp":1001,"value":"ws"}]},
  {"traceId":"000000000000000a","id":"b","parentId":"a","kind":"SERVER","shared":true,
   "localEndpoint":{"serviceName":"cart"},"tags":{"error":"false","cached":true}},
  {"traceId":"0000000000000000000000000000000a","id":"a","localEndpoint":{"serviceName":"web","ipv4":"10.0.0.1"}}
]"#;

#[test]
fn a_call_keeps_its_halves_and_its_peer() {
    check(
        CALL,
        r#"
        web @10.0.0.1
          a:b < a Client 1000000..1020000 "get" Error peer=cart address=::1 zipkin=CLIENT method=GET code=503
          a:a Unspecified 0..0 zipkin=none
        cart @-
          a:b < a Server 0..0 shared zipkin=SERVER
        "#,
    );
}

#[test]
fn everything_has_a_place_in_the_messages() {
    let mut problems = Vec::new();
    let groups = Record::with_copy(CALL.as_bytes(), |record| decode(record, &mut problems));
    let span = &groups[0].scope_spans[0].spans[0];
    assert_eq!(
        (span.events[0].name.as_str(), span.events[0].time_unix_nano),
        ("ws", 1_001_000)
    );
    let keys: Vec<_> = span
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "error",
            "http.status_code",
            "http.method",
            "zipkin.kind",
            "service.peer.name",
            "network.peer.address",
            "network.local.port"
        ]
    );
}

#[test]
fn one_trace_id_in_two_lists_is_two_traces() {
    let one = r#"{"traceId":"1","id":"1"},{"traceId":"1","id":"2"}"#;
    check(
        &format!("[[{one}],[{one}]]"),
        &format!(
            r#"
        - @-
          1:1 Unspecified 0..0 zipkin=none
          1:2 Unspecified 0..0 zipkin=none
          {0:x}:1 Unspecified 0..0 zipkin=none
          {0:x}:2 Unspecified 0..0 zipkin=none
        "#,
            1 ^ mix(1)
        ),
    );
}

#[test]
fn spans_come_in_lists_alone_and_in_a_row() {
    for text in [
        r#"[{"traceId":"1","id":"1"},{"traceId":"1","id":"2"}]"#,
        r#"[[{"traceId":"1","id":"1"}],[],[{"traceId":"2","id":"2"}]]"#,
        "{\"traceId\":\"1\",\"id\":\"1\"}\n{\"traceId\":\"1\",\"id\":\"2\"}",
        "\u{feff}[{\"traceId\":\"1\",\"id\":\"1\"}] [] [{\"traceId\":\"1\",\"id\":\"2\"}]",
    ] {
        let notes = Notes::of(&FORMAT, text.as_bytes());
        let spans = notes.lines.iter().filter(|line| line.starts_with(' '));
        assert_eq!((spans.count(), notes.problems.len()), (2, 0), "{text}");
    }
}

#[test]
fn a_bad_span_does_not_hide_the_good_ones() {
    check(
        r#"[{"traceId":"xyz","id":"1"},{"traceId":"1"},{"id":"1"},{"traceId":"1","id":"0"},5,{"traceId" 1},
{"traceId":"1","id":"1","binaryAnnotations":[]},{"traceId":"1","id":"7"}]"#,
        r#"
        - @-
          1:7 Unspecified 0..0 zipkin=none
        Span lost at 12 [0].traceId: expected a trace id of 16 or 32 hex digits, found "xyz"
        Span lost at 28 [1]: expected an id, found none
        Span lost at 44 [2]: expected a traceId, found none
        Span lost at 75 [3].id: expected a span id of 16 hex digits, found "0"
        Span lost at 80 [4]: expected a span, found 5
        Span lost at 93 [5]: expected ':', found '1'
        Span lost at 141 [6].binaryAnnotations: expected a span of Zipkin v2, found one of v1
        "#,
    );
}

#[test]
fn a_bad_field_is_absent_and_told() {
    check(
        r#"[{"traceId":"1","id":"1","parentId":"q","kind":"BOTH","timestamp":-5,"duration":1.5,"name":7,"tags":[1],"localEndpoint":{"serviceName":""}}]"#,
        r#"
        - @-
          1:1 Unspecified 0..0 zipkin=none
        Field lost at 36 [0].parentId: expected a span id of 16 hex digits, found "q"
        Field lost at 47 [0].kind: expected CLIENT, SERVER, PRODUCER or CONSUMER, found "BOTH"
        Field lost at 66 [0].timestamp: expected whole microseconds, found -5
        Field lost at 80 [0].duration: expected whole microseconds, found 1.5
        Field lost at 91 [0].name: expected text, found 7
        Field lost at 100 [0].tags: expected an object, found [1]
        "#,
    );
}

#[test]
fn a_cut_list_keeps_the_spans_before_the_cut() {
    check(
        r#"[{"traceId":"1","id":"1"},{"traceId":"1","#,
        r#"
        - @-
          1:1 Unspecified 0..0 zipkin=none
        Record lost at 41 [1]: expected a closing bracket, found the end of the text
        "#,
    );
}

#[test]
fn damage_of_any_kind_is_survived() {
    check_damage(&FORMAT, CALL);
    check_damage(
        &FORMAT,
        r#"[[{"traceId":"1","id":"1","tags":{"a":"\u00e9\\"}}],[{"traceId":"1","id":"2"}]]"#,
    );
}

#[test]
fn deep_nesting_is_a_problem() {
    let text = format!(
        r#"[{{"traceId":"1","id":"1"}},{{"tags":{}"#,
        "[".repeat(100_000)
    );
    let notes = Notes::of(&FORMAT, text.as_bytes());
    assert_eq!((notes.lines.len(), notes.problems.len()), (2, 1));
    assert_eq!(
        notes.problems[0].message,
        "expected at most 128 levels of brackets, found '['"
    );
}

#[test]
fn zipkin_is_recognised_by_its_ids() {
    for (head, expected) in [
        ("[]", Some(Framing::Lines)),
        ("[[]]", Some(Framing::Lines)),
        (r#"{"traceId":"1","id":"1"}"#, Some(Framing::Lines)),
        (
            "[\n{\"traceId\":\"1\",\"id\":\"1\",\"name\":\"cu",
            Some(Framing::Documents),
        ),
        (
            "[[null,{\"traceId\":\"1\",\"id\":\"1\"",
            Some(Framing::Lines),
        ),
        (r#"{"traceId":"1","spanId":"1","id":"1"}"#, None),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","id":"1"}]}]}]}"#,
            None,
        ),
        (r#"{"data":[{"traceID":"1","spans":[]}]}"#, None),
        ("", None),
        ("traceId,id", None),
    ] {
        assert_eq!(recognise(head.as_bytes()), expected, "{head}");
    }
}

#[test]
fn another_object_is_one_problem() {
    check(
        r#"{"a":1,"b":2}"#,
        r#"
        Record lost at 0 : expected Zipkin spans, found an object with keys a, b
        "#,
    );
}

#[test]
fn text_that_is_no_json_is_one_problem() {
    let notes = Notes::of(&FORMAT, b"service latency 12 ms");
    assert_eq!(notes.problems.len(), 1);
    assert!(
        notes.problems[0].message.ends_with("found service"),
        "{}",
        notes.told()
    );
}
