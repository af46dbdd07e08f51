//! Jaeger as a whole: every shape it comes in, and what may be wrong with it.

use super::{FORMAT, recognise};
use crate::format::spans::tests::{Notes, check_damage};
use crate::format::zipkin;
use crate::input::Framing;

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

const CALL: &str = r#"{"data":[{"traceID":"a","spans":[
  {"traceID":"a","spanID":"b","operationName":"get","references":[{"refType":"CHILD_OF","traceID":"a","spanID":"A"}],
   "startTime":"1000","duration":20,"processID":"p1","flags":1,
   "tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"error","type":"bool","value":true},
           {"key":"http.status_code","type":"int64","value":503},{"key":"w3c.tracestate","type":"string","value":"ot=th:8"}],
   "logs":[{"timestamp":1001,"fields":[{"key":"event","type":"string","value":"retry"},{"key":"n","type":"int64","value":1}]}]},
  {"traceID":"0a","spanID":"a","operationName":"root","references":[],"startTime":900,"duration":200,"processID":"p2","tags":null}],
 "processes":{"p1":{"serviceName":"web","tags":[{"key":"ip","type":"string","value":"10.0.0.1"}]},"p2":{"serviceName":"edge"}}}],
 "total":0,"errors":null}"#;

#[test]
fn an_answer_of_the_api_is_read_by_trace_and_process() {
    check(
        CALL,
        r#"
        web @10.0.0.1
          a:b < a Client 1000000..1020000 "get" Error state=ot=th:8 code=503
        edge @-
          a:a Unspecified 900000..1100000 "root"
        "#,
    );
}

#[test]
fn everything_has_a_place_in_the_messages() {
    let mut problems = Vec::new();
    let groups = crate::input::Record::with_copy(CALL.as_bytes(), |record| {
        (FORMAT.decode)(record, &mut problems)
    });
    let span = &groups[0].scope_spans[0].spans[0];
    assert_eq!(span.flags, 1);
    let event = &span.events[0];
    assert_eq!(
        (
            event.name.as_str(),
            event.time_unix_nano,
            event.attributes.len()
        ),
        ("retry", 1_001_000, 1)
    );
    let keys: Vec<_> = span.attributes.iter().map(|tag| tag.key.as_str()).collect();
    assert_eq!(keys, ["error", "http.status_code"]);
}

#[test]
fn every_shape_of_file_holds_the_same_spans() {
    let span = r#"{"traceID":"1","spanID":"1","process":{"serviceName":"a"}},{"traceID":"1","spanID":"2","processID":"p"}"#;
    let trace =
        format!(r#"{{"processes":{{"p":{{"serviceName":"b"}}}},"spans":[{span}],"traceID":"1"}}"#);
    for text in [
        trace.clone(),
        format!("[{trace}]"),
        format!("{{\"data\":{trace}}}"),
        format!(
            "\u{feff}{{\"data\":[null,{trace}]}} {{\"data\":null,\"errors\":[{{\"code\":404}}]}}"
        ),
    ] {
        check(
            &text,
            r#"
        a @-
          1:1 Unspecified 0..0
        b @-
          1:2 Unspecified 0..0
        "#,
        );
    }
}

#[test]
fn stored_spans_share_a_resource_when_their_process_is_written_alike() {
    check(
        r#"[{"traceID":"1","spanID":"1","parentSpanID":"9","process":{"serviceName":"a"}},
            {"traceID":"2","spanID":"2","parentSpanID":"0","process":{"serviceName":"a"}}]"#,
        r#"
        a @-
          1:1 < 9 Unspecified 0..0
          2:2 Unspecified 0..0
        "#,
    );
}

#[test]
fn references_become_a_parent_and_links() {
    let reference = |kind: &str, trace: &str, span: &str| {
        format!(
            r#"{{"refType":"{kind}","traceID":"{trace}","spanID":"{span}","span":{{"spanID":"zz"}}}}"#
        )
    };
    let span = |id: &str, references: &[String]| {
        format!(
            r#"{{"traceID":"1","spanID":"{id}","references":[{}]}}"#,
            references.join(",")
        )
    };
    let spans = [
        span(
            "a",
            &[
                reference("FOLLOWS_FROM", "1", "2"),
                reference("CHILD_OF", "1", "3"),
            ],
        ),
        span(
            "b",
            &[
                reference("CHILD_OF", "1", "2"),
                reference("CHILD_OF", "1", "3"),
            ],
        ),
        span("c", &[reference("FOLLOWS_FROM", "1", "2")]),
        span("d", &[reference("CHILD_OF", "7", "2")]),
        span("e", &[r#"{"spanID":"4"}"#.to_owned()]),
    ];
    check(
        &format!(r#"{{"traceID":"1","spans":[{}]}}"#, spans.join(",")),
        r#"
        - @-
          1:a < 3 Unspecified 0..0 FollowsFrom(1:2)
          1:b < 2 Unspecified 0..0 ChildOf(1:3)
          1:c < 2 Unspecified 0..0 FollowsFrom(1:2)
          1:d Unspecified 0..0 ChildOf(7:2)
          1:e < 4 Unspecified 0..0
        "#,
    );
}

#[test]
fn status_comes_from_the_error_tag_unless_opentelemetry_said_it() {
    for (tags, expected) in [
        (r#"{"key":"error","type":"bool","value":true}"#, " Error"),
        (
            r#"{"key":"error","type":"string","value":"true"}"#,
            " Error",
        ),
        (
            r#"{"key":"error","type":"string","value":"timeout"}"#,
            " Error",
        ),
        (r#"{"key":"error","type":"string","value":"False"}"#, ""),
        (r#"{"key":"error","type":"bool","value":false}"#, ""),
        (r#"{"key":"otel.status_code","value":"ERROR"}"#, " Error"),
        (
            r#"{"key":"otel.status_code","value":"OK"},{"key":"error","value":true}"#,
            " Ok",
        ),
        (r#"{"key":"span.kind","type":"string","value":"tag"}"#, ""),
    ] {
        let text = format!(r#"{{"traceID":"1","spanID":"1","tags":[{tags}]}}"#);
        let notes = Notes::of(&FORMAT, text.as_bytes());
        assert_eq!(
            notes.told(),
            format!("- @-\n  1:1 Unspecified 0..0{expected}\n"),
            "{tags}"
        );
    }
}

#[test]
fn ids_that_are_no_hex_are_hashed_and_told_once() {
    let text = r#"{"traceID":"t1","spans":[{"traceID":"t1","spanID":"s1"},
        {"traceID":"t1","spanID":"s2","references":[{"refType":"CHILD_OF","traceID":"t1","spanID":"s1"}]}]}"#;
    let notes = Notes::of(&FORMAT, text.as_bytes());
    assert_eq!(notes.problems.len(), 1, "{}", notes.told());
    assert_eq!(
        notes.problems[0].message,
        "expected a hex trace id, found \"t1\"; used a hash of it"
    );
    let first = notes.lines[1].split([':', ' ']).nth(3).expect("a span id");
    assert!(
        notes.lines[2].contains(&format!("< {first} ")),
        "{}",
        notes.told()
    );
}

#[test]
fn a_bad_span_or_field_does_not_hide_the_good_ones() {
    check(
        r#"{"traceID":"1","spans":[{"spanID":"0"},{"traceID":"2"},"x",{"spanID":"1" "a":2},
{"traceID":"1","spanID":"2","startTime":"soon","processID":"p9","references":[{"refType":"KNOWS","spanID":"3"},{}],"tags":7}]}"#,
        r#"
        - @-
          1:2 < 3 Unspecified 0..0
        Span lost at 55 spans[2]: expected a span, found "x"
        Span lost at 73 spans[3]: expected ',' or '}', found '"'
        Field lost at 121 spans[4].startTime: expected whole microseconds, found "soon"
        Field lost at 170 spans[4].references[0].refType: expected CHILD_OF or FOLLOWS_FROM, found "KNOWS"
        Field lost at 192 spans[4].references[1]: expected a reference to a span id, found none
        Field lost at 203 spans[4].tags: expected an array, found 7
        Span lost at 34 spans[0].spanID: expected a hex span id, found "0"
        Span lost at 39 spans[1].spanID: expected a hex span id, found none
        Field lost at 81 spans[4].processID: expected a process of the trace, found "p9"
        "#,
    );
}

#[test]
fn a_cut_file_keeps_the_spans_before_the_cut() {
    check(
        r#"{"data":[{"traceID":"1","spans":[{"spanID":"1","processID":"p1"},{"spanID":"2","tags":["#,
        r#"
        - @-
          1:1 Unspecified 0..0
        Record lost at 87 data[0].spans[1]: expected a closing bracket, found the end of the text
        "#,
    );
}

#[test]
fn damage_of_any_kind_is_survived() {
    check_damage(&FORMAT, CALL);
    check_damage(
        &FORMAT,
        r#"[{"traceID":"1","spanID":"1","process":{"serviceName":"\u00e9"}},{"traceID":"1","spanID":"2"}]"#,
    );
}

#[test]
fn jaeger_is_recognised_by_its_keys() {
    for (head, expected) in [
        (CALL, Some(Framing::Documents)),
        (
            r#"{"data":[{"traceID":"1","spans":[]}]}"#,
            Some(Framing::Lines),
        ),
        (r#"{"data":[],"total":0}"#, Some(Framing::Lines)),
        (
            r#"{"data":[{"spans":[{"traceID":"1","spanID":"1","na"#,
            Some(Framing::Lines),
        ),
        (
            "{\n\"spans\":[{\"traceID\":\"1\",\"spanID\":\"1\",\"na",
            Some(Framing::Documents),
        ),
        (
            r#"{"traceID":"1","spanID":"1","operationName":"x"}"#,
            Some(Framing::Lines),
        ),
        (r#"[{"traceID":"1","spans":[]}]"#, Some(Framing::Lines)),
        (r#"{"resourceSpans":[]}"#, None),
        (r#"{"result":{"resourceSpans":[]}}"#, None),
        (r#"{"data":[{"a":1}]}"#, None),
        (r#"{"trace":{"spans":[]}}"#, None),
        ("[]", None),
        ("", None),
    ] {
        assert_eq!(recognise(head.as_bytes()), expected, "{head}");
    }
}

#[test]
fn another_object_is_one_problem() {
    check(
        r#"{"a":1}"#,
        r#"
        Record lost at 0 : expected a Jaeger trace or span, found an object with key a
        "#,
    );
}

#[test]
fn the_same_story_is_the_same_in_zipkin() {
    let jaeger = r#"{"data":[{"traceID":"a","processes":{"p1":{"serviceName":"web"},"p2":{"serviceName":"cart"}},"spans":[
        {"traceID":"a","spanID":"1","operationName":"home","startTime":100,"duration":50,"processID":"p1","tags":[{"key":"span.kind","value":"server"}]},
        {"traceID":"a","spanID":"2","operationName":"get","startTime":110,"duration":30,"processID":"p1","references":[{"refType":"CHILD_OF","traceID":"a","spanID":"1"}],
         "tags":[{"key":"span.kind","value":"client"},{"key":"error","type":"string","value":"503"}]},
        {"traceID":"a","spanID":"3","operationName":"get","startTime":115,"duration":20,"processID":"p2","references":[{"refType":"CHILD_OF","traceID":"a","spanID":"2"}],
         "tags":[{"key":"span.kind","value":"server"}]}]}]}"#;
    let story = r#"[
        {"traceId":"a","id":"1","kind":"SERVER","name":"home","timestamp":100,"duration":50,"localEndpoint":{"serviceName":"web"}},
        {"traceId":"a","id":"2","parentId":"1","kind":"CLIENT","name":"get","timestamp":110,"duration":30,"localEndpoint":{"serviceName":"web"},"tags":{"error":"503"}},
        {"traceId":"a","id":"3","parentId":"2","kind":"SERVER","name":"get","timestamp":115,"duration":20,"localEndpoint":{"serviceName":"cart"}}]"#;
    let told = Notes::of(&zipkin::FORMAT, story.as_bytes()).told();
    let without_kind: Vec<_> = told
        .lines()
        .map(|line| line.split(" zipkin=").next().expect("a first part"))
        .collect();
    let expected = Notes::of(&FORMAT, jaeger.as_bytes()).told();
    assert_eq!(without_kind, expected.lines().collect::<Vec<_>>());
    assert_eq!(without_kind.len(), 5);
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
