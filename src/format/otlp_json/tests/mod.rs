//! Both ways through the format, and both scanners, against each other; and what every damage does.

mod any;
mod writer;

use super::walk::Walk;
use super::{FORMAT, told};
use crate::error::{Lost, Problem};
use crate::format::habits::tests::read_behind;
use crate::format::scan::{Portable, Work};
use crate::format::{Sink, spans};
use crate::input::Record;
use crate::model::attr::NAMES;
use crate::model::{Facts, RawSpan};
use any::any_group;
use bumpalo::Bump;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use proptest::collection::vec;
use proptest::prelude::*;
use writer::Writer;

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
            "{} {} {} {:?} {:?} {}..{} {:?} {:?} {} {:?} {:?} {}",
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
            span.events,
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
        if let Some(stop) = walk.run(Portable) {
            notes.problem(told(text, stop));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_spelling_reads_the_same_both_ways(
        documents in vec(vec(any_group(), 0..3), 1..3),
        choices in vec(any::<u8>(), 50..300),
        marked: bool,
    ) {
        let mut writer = Writer::new(&choices);
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
    fn what_was_learned_changes_nothing(
        documents in vec(vec(any_group(), 1..3), 2),
        choices in vec(any::<u8>(), 50..300),
        plainly in vec(any::<bool>(), 2),
    ) {
        let mut texts = vec![];
        for (groups, plainly) in documents.iter().zip(plainly) {
            let mut writer = Writer::new(if plainly { &[0] } else { &choices });
            writer.document(groups);
            texts.push(writer.out);
        }
        let lesson = format!("{}{}{SMALL}", texts[0], texts[1]);
        let taught: Notes = read_behind(&FORMAT, lesson.as_bytes(), texts[1].as_bytes());
        prop_assert_eq!(taught, read(texts[1].as_bytes()), "{}", texts[1]);
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
fn a_space_behind_colons_and_commas_changes_nothing() {
    let text = SMALL.replace("\":", "\": ").replace(",\"", ", \"");
    assert_eq!(read(text.as_bytes()), read(SMALL.as_bytes()), "{text}");
}

#[test]
fn what_was_learned_changes_nothing_of_damaged_text() {
    for bit in 0..SMALL.len() * 8 {
        let mut bytes = SMALL.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let taught: Notes = read_behind(&FORMAT, SMALL.as_bytes(), &bytes);
        assert_eq!(taught, read(&bytes), "bit {bit}");
        let cut = &SMALL.as_bytes()[..bit / 8];
        let taught: Notes = read_behind(&FORMAT, SMALL.as_bytes(), cut);
        assert_eq!(taught, read(cut), "cut at {}", bit / 8);
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
