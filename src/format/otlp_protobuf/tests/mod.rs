//! The fast way against prost: on random messages, on reordered and repeated fields, and on damaged bytes.

mod messages;

use crate::error::{Lost, Problem};
use crate::format::habits::tests::read_behind;
use crate::format::otlp_protobuf::FORMAT;
use crate::format::otlp_protobuf::tests::messages::{fixed64, fixture, len, message, varint};
use crate::format::{Sink, spans};
use crate::input::{Framing, Record};
use crate::model::attr::NAMES;
use crate::model::{Facts, RawSpan};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::encoding::encode_varint;

/// Writes down what a reader found.
#[derive(Debug, Default, PartialEq)]
struct Notes {
    found: Vec<String>,
    problems: Vec<Problem>,
    other_signals: usize,
}

impl Sink for Notes {
    fn resource(&mut self, facts: &Facts<'_>) {
        self.found.push(format!("resource {}", listed(facts)));
    }

    fn span(&mut self, span: &RawSpan<'_>) {
        let RawSpan {
            trace,
            span: id,
            parent,
            kind,
            status,
            start,
            end,
            name,
            trace_state,
            shared,
            facts,
            links,
            events,
            key: _,
        } = span;
        self.found.push(format!(
            "{trace} {id} {parent} {kind:?} {status:?} {start} {end} {name:?} {trace_state:?} {shared} {} {links:?} {events:?}",
            listed(facts)
        ));
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn other_signal(&mut self) {
        self.other_signals += 1;
    }
}

fn listed(facts: &Facts<'_>) -> String {
    let facts = NAMES
        .iter()
        .filter_map(|(slot, _)| facts.get(*slot).map(|value| format!("{slot:?}={value:?}")));
    facts.collect::<Vec<_>>().join(" ")
}

fn walked(bytes: &[u8]) -> Notes {
    let mut notes = Notes::default();
    Record::with_copy(bytes, |record| (FORMAT.read)(record, &mut notes));
    for problem in &notes.problems {
        assert!(
            problem.offset <= bytes.len(),
            "{problem:?} is outside of {} bytes",
            bytes.len()
        );
        assert!(!problem.message.is_empty());
    }
    notes
}

/// Reads with prost; also returns whether prost had nothing to complain about.
fn decoded(bytes: &[u8]) -> (Notes, bool) {
    let mut notes = Notes::default();
    let messages = Record::with_copy(bytes, |record| (FORMAT.decode)(record, &mut notes.problems));
    for problem in &notes.problems {
        assert!(
            problem.offset <= bytes.len(),
            "{problem:?} is outside of {} bytes",
            bytes.len()
        );
    }
    spans::feed(&messages, &mut notes);
    let whole = notes
        .problems
        .iter()
        .all(|problem| problem.lost != Lost::Record);
    (notes, whole)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_walk_reads_what_prost_reads(message in message()) {
        let ours = walked(&message);
        let (theirs, whole) = decoded(&message);
        prop_assert!(whole, "the generator makes valid messages: {:?}", theirs.problems);
        prop_assert_eq!(&ours.problems, &theirs.problems);
        if ours.other_signals == 0 {
            prop_assert_eq!(ours.found, theirs.found);
        } else {
            prop_assert!(theirs.found.is_empty());
        }
    }

    #[test]
    fn what_was_learned_changes_nothing(message in message(), at: prop::sample::Index, other: u8) {
        let mut damaged = message.clone();
        if !damaged.is_empty() {
            let at = at.index(damaged.len());
            damaged[at] = other;
        }
        let lesson = [message.as_slice(), &fixture()].concat();
        for bytes in [message, damaged] {
            let taught: Notes = read_behind(&FORMAT, &lesson, &bytes);
            prop_assert_eq!(taught, walked(&bytes));
        }
    }

    #[test]
    fn noise_is_read_without_a_panic(noise: Vec<u8>) {
        walked(&noise);
        decoded(&noise);
    }

    #[test]
    fn text_is_not_recognised(text in "[\\n\\r\\t -~]{0,200}") {
        prop_assert_eq!((FORMAT.recognise)(text.as_bytes()), None);
    }

    #[test]
    fn recognising_never_panics(noise in vec(prop_oneof![Just(10_u8), Just(18), 0_u8..30, any::<u8>()], 0..60)) {
        (FORMAT.recognise)(&noise);
    }
}

#[test]
fn what_was_learned_changes_nothing_of_damaged_messages() {
    let whole = fixture();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        for bytes in [bytes.as_slice(), &whole[..bit / 8]] {
            let taught: Notes = read_behind(&FORMAT, &whole, bytes);
            assert_eq!(taught, walked(bytes), "bit {bit}");
        }
    }
}

#[test]
fn damaged_messages_are_read_as_prost_reads_them() {
    let whole = fixture();
    assert_eq!(walked(&whole).found.len(), 8);
    assert_eq!(walked(&whole).problems, []);
    let mut n_accepted = 0;
    let mut check = |bytes: &[u8]| {
        let ours = walked(bytes);
        let (theirs, accepted) = decoded(bytes);
        if accepted && ours.other_signals == 0 {
            assert_eq!(ours, theirs, "{bytes:02x?}");
            n_accepted += 1;
        }
    };
    for end in 0..whole.len() {
        check(&whole[..end]);
    }
    let mut bytes = whole.clone();
    for bit in 0..8 * whole.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        check(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(
        n_accepted > whole.len(),
        "most flips hit values: {n_accepted}"
    );
}

#[test]
fn spans_before_the_end_of_a_cut_record_are_kept() {
    let whole = fixture();
    let found = walked(&whole).found;
    let mut n_kept = 0;
    for end in 0..whole.len() {
        let ours = walked(&whole[..end]);
        let kept = ours
            .found
            .iter()
            .filter(|line| !line.starts_with("resource"))
            .count();
        assert!(kept >= n_kept, "a longer piece has no fewer spans");
        n_kept = kept;
    }
    assert_eq!(
        n_kept,
        found.len() - 3,
        "all but the last span, and two resources"
    );
}

/// Asserts the problems of a message with one span, given by its fields behind good ids.
fn check_problem(span: &[u8], expected: &str) {
    let span = [len(1, [1; 16]), len(2, [1; 8]), span.to_vec()].concat();
    check_message_problem(&len(1, len(2, len(2, span))), expected);
}

fn check_message_problem(message: &[u8], expected: &str) {
    let notes = walked(message);
    let problems = notes.problems.iter().map(|problem| {
        format!(
            "{:?} {} {}: {}",
            problem.lost, problem.offset, problem.path, problem.message
        )
    });
    assert_eq!(problems.collect::<Vec<_>>(), [expected]);
}

#[test]
fn malformed_fields_are_problems_and_the_span_is_kept() {
    let at = "resourceSpans[0].scopeSpans[0].spans[0]";
    check_problem(
        &varint(6, 9),
        &format!("Field 6 {at}.kind: expected a span kind from 0 to 5, found 9"),
    );
    check_problem(
        &varint(6, u64::MAX),
        &format!("Field 6 {at}.kind: expected a span kind from 0 to 5, found -1"),
    );
    check_problem(
        &len(15, varint(3, 3)),
        &format!("Field 6 {at}.status.code: expected a status code from 0 to 2, found 3"),
    );
    check_problem(
        &len(5, b"ab\xff"),
        &format!("Field 38 {at}.name: expected UTF-8 text, found the byte 0xff"),
    );
    check_problem(
        &len(9, [len(1, "http.route"), len(2, len(1, b"\xfe"))].concat()),
        &format!("Field 52 {at}.attributes: expected UTF-8 text, found the byte 0xfe"),
    );
    check_problem(
        &len(4, "abc"),
        &format!("Field 36 {at}.parentSpanId: expected an id of 8 bytes, found 3 bytes"),
    );
    check_problem(
        &len(13, len(1, [0; 16])),
        &format!("Field 38 {at}.links.traceId: expected an id of 16 bytes, found only zeros"),
    );
}

#[test]
fn spans_without_ids_are_problems() {
    let message = |fields: Vec<u8>| len(1, len(2, len(2, [fields, fixed64(7, 1)].concat())));
    let at = "resourceSpans[0].scopeSpans[0].spans[0]";
    check_message_problem(
        &message(Vec::new()),
        &format!("Span 6 {at}.traceId: expected an id of 16 bytes, found none"),
    );
    check_message_problem(
        &message(len(1, [1; 16])),
        &format!("Span 6 {at}.spanId: expected an id of 8 bytes, found none"),
    );
    check_message_problem(
        &message(len(1, [1])),
        &format!("Span 8 {at}.traceId: expected an id of 16 bytes, found 1 byte"),
    );
}

#[test]
fn bytes_that_are_not_protobuf_end_the_record_where_they_are() {
    let at = "resourceSpans[0].scopeSpans[0].spans[0]";
    check_problem(
        &varint(9, 1),
        &format!("Record 35 {at}: expected field 9 as OTLP defines it, found it a varint"),
    );
    check_problem(
        &[0x4a, 0x05, 0x01],
        &format!("Record 35 {at}: expected 5 more bytes, found the end after 1"),
    );
    check_problem(
        &[0x0f],
        &format!(
            "Record 35 {at}: expected field 1 as OTLP defines it, found it of an unknown wire type"
        ),
    );
}

#[test]
fn spans_of_the_old_field_are_read() {
    let span = [len(1, [1; 16]), len(2, [1; 8]), fixed64(7, 1)].concat();
    let message = len(1, len(1000, len(2, span)));
    let ours = walked(&message);
    assert_eq!(ours.found.len(), 2);
    assert_eq!(decoded(&message).0, ours);
}

#[test]
fn a_group_refused_by_prost_does_not_hide_the_others() {
    let span = |scope: &[u8]| {
        let span = [len(1, [1; 16]), len(2, [1; 8]), fixed64(7, 1)].concat();
        len(1, len(2, [len(2, span), scope.to_vec()].concat()))
    };
    let message = [span(&[]), span(&len(1, len(1, b"\xff"))), span(&[])].concat();
    let (theirs, _) = decoded(&message);
    let spans = theirs
        .found
        .iter()
        .filter(|line| !line.starts_with("resource"))
        .count();
    assert_eq!((spans, theirs.problems.len()), (2, 1));
    assert_eq!(theirs.problems[0].path, "resourceSpans[1]");
}

#[test]
fn metrics_and_logs_are_other_signals() {
    let message = |element: &[u8]| {
        let resource = len(
            1,
            len(1, [len(1, "service.name"), len(2, len(1, "shop"))].concat()),
        );
        len(1, [resource, len(2, len(2, element))].concat())
    };
    let sum = [
        len(1, "requests"),
        len(3, "1"),
        len(7, len(1, fixed64(3, 1))),
    ]
    .concat();
    let gauge = [
        len(1, "memory.in.use.16"),
        len(2, "bytes in use"),
        len(5, len(1, fixed64(3, 1))),
    ]
    .concat();
    let log = [
        fixed64(1, 5),
        varint(2, 9),
        len(5, len(1, "hello")),
        len(9, [1; 16]),
    ]
    .concat();
    for element in [&sum, &gauge, &log] {
        let message = message(element);
        let notes = walked(&message);
        assert_eq!(
            (notes.other_signals, notes.problems, notes.found),
            (1, vec![], vec![])
        );
        assert_eq!((FORMAT.recognise)(&message), Some(Framing::Whole));
        let (theirs, whole) = decoded(&message);
        assert!(whole && theirs.found.is_empty());
    }
}

#[test]
fn framings_are_recognised_from_any_piece_that_shows_enough() {
    let message = fixture();
    let framed = |prefix: &[u8]| [prefix, message.as_slice(), prefix, message.as_slice()].concat();
    let mut length = Vec::new();
    encode_varint(message.len() as u64, &mut length);
    // Six spans make up nearly all of it, so a quarter shows the first one whole.
    let enough = message.len() / 4;
    let cases = [
        (message.clone(), Framing::Whole),
        (
            framed(&(message.len() as u32).to_be_bytes()),
            Framing::Frames,
        ),
        (framed(&length), Framing::Varints),
    ];
    for (content, framing) in cases {
        for end in 0..content.len() {
            let expected = (end > enough).then_some(framing);
            let found = (FORMAT.recognise)(&content[..end]);
            assert!(
                found == expected || end <= enough && found == Some(framing),
                "{framing:?} cut at {end}: {found:?}"
            );
        }
    }
}

#[test]
fn other_content_is_not_recognised() {
    let contents: [&[u8]; 10] = [
        b"",
        b"\n",
        b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
        b"{\"resourceSpans\":[]}\n",
        b"{\n  \"resourceSpans\": [\n    {\n",
        b"[\n\n\n]",
        b"PK\x03\x04\x0a\x00\x00\x00",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"\x28\xb5\x2f\xfd\x04\x00",
        &[0; 4096],
    ];
    for content in contents {
        assert_eq!((FORMAT.recognise)(content), None, "{content:?}");
    }
}
