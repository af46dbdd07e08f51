//! Problems stand at lines and columns, or at bytes.

use super::*;
use crate::error::Lost;

#[test]
fn an_incomplete_last_line_is_a_note_and_a_broken_one_a_problem() {
    let lost = Problem {
        lost: Lost::Record,
        ..Problem::default()
    };
    for (content, notes, problems) in [
        (&b"{}\n{\"a\": [1"[..], 1, 0),
        (b"{}\n{\"a\" 1}", 0, 1),
        (b"{}\n{\"a\": [1\n", 0, 1),
    ] {
        let feed = Feed::new(vec![stream(content)], LINES, limits(4096));
        let mut problems_found = Problems::default();
        let mut buffer = Buffer::new();
        while let Some(block) = feed.next(&mut buffer) {
            for (record, place) in block.records().skip(1) {
                problems_found.add(place, &record, lost.clone());
            }
        }
        let reading = feed.finish(problems_found);
        assert_eq!(reading.sources[0].notes.len(), notes);
        assert_eq!(reading.counts.records, problems);
        assert_eq!(reading.sources[0].problems, problems);
    }
}

#[test]
fn columns_count_characters_and_lines_of_documents() {
    let at = |content: &str, recognise: Recognise<'_>, needle: &str| {
        let feed = Feed::new(vec![stream(content.as_bytes())], recognise, limits(4096));
        let mut problems = Problems::default();
        let mut buffer = Buffer::new();
        while let Some(block) = feed.next(&mut buffer) {
            for (record, place) in block.records() {
                let text = std::str::from_utf8(record.bytes()).unwrap();
                if let Some(offset) = text.find(needle) {
                    let message = "expected more".to_owned();
                    problems.add(
                        place,
                        &record,
                        Problem {
                            offset,
                            message,
                            ..Problem::default()
                        },
                    );
                }
            }
        }
        feed.finish(problems).problems[0].to_string()
    };
    assert_eq!(
        at("{}\n\n\u{e4}\u{1f600}!\n", LINES, "!"),
        "pipe:3:3: expected more"
    );
    assert_eq!(
        at("{\n \"\u{e4}\": !\n}\n", DOCUMENTS, "!"),
        "pipe:2:7: expected more"
    );
    let whole: Recognise<'_> = &|_| Some((0, Framing::Whole));
    assert_eq!(at("ab\ncd!", whole, "!"), "pipe: byte 5: expected more");
}

#[test]
fn lines_of_a_block_count_even_when_its_records_are_left() {
    let feed = Feed::new(vec![stream(b"1\n2\n3\n4\n5\n6\n")], LINES, limits(6));
    let mut buffer = Buffer::new();
    let first = feed.next(&mut buffer).unwrap().records().next();
    assert!(first.is_some());
    let block = feed.next(&mut buffer).unwrap();
    let mut problems = Problems::default();
    let (record, place) = block.records().next().unwrap();
    problems.add(place, &record, Problem::default());
    let byte = place.byte();
    let reading = feed.finish(problems);
    assert_eq!(
        reading.problems[0].position,
        Position::Line {
            line: byte / 2 + 1,
            column: 1
        }
    );
}
