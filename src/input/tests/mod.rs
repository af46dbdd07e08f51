//! Whatever the chunks and threads: the records are those of a naive split, at the places where they stand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod places;

use super::*;
use crate::error::Problem;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Mutex;

/// A record with the name of its source and the offset, and with its line where lines count.
type Seen = (usize, u64, Vec<u8>, bool);

const LINES: Recognise<'static> = &|_| Some((0, Framing::Lines));
const FRAMES: Recognise<'static> = &|_| Some((1, Framing::Frames));
const VARINTS: Recognise<'static> = &|_| Some((2, Framing::Varints));
const DOCUMENTS: Recognise<'static> = &|_| Some((3, Framing::Documents));
const NOTHING: Recognise<'static> = &|_| None;

fn limits(chunk_bytes: usize) -> Limits {
    Limits {
        chunk_bytes,
        ..Limits::default()
    }
}

/// Reads everything with some threads; every record counts as a problem at its first byte.
fn read(
    sources: Vec<Source>,
    recognise: Recognise<'_>,
    limits: Limits,
    threads: usize,
) -> (Vec<Seen>, Reading) {
    let feed = Feed::new(sources, recognise, limits);
    let seen = Mutex::new(Vec::new());
    let problems = Mutex::new(Problems::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut buffer = Buffer::new();
                let mut own = Problems::default();
                while let Some(block) = feed.next(&mut buffer) {
                    for (record, place) in block.records() {
                        assert!(record.padded().len() >= record.bytes().len() + PAD);
                        own.add(place, &record, Problem::default());
                        seen.lock().unwrap().push((
                            place.source(),
                            place.byte(),
                            record.bytes().to_vec(),
                            place.last_unterminated(),
                        ));
                    }
                }
                problems.lock().unwrap().merge(own);
            });
        }
    });
    let progress = feed.progress();
    let reading = feed.finish(problems.into_inner().unwrap());
    let bytes: u64 = reading.sources.iter().map(|source| source.bytes).sum();
    assert_eq!(progress.bytes, bytes);
    let mut seen = seen.into_inner().unwrap();
    seen.sort();
    (seen, reading)
}

fn file(folder: &Path, name: &str, content: &[u8]) -> Source {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    Source::file(name, path)
}

fn stream(content: &[u8]) -> Source {
    Source::stream("pipe", Cursor::new(content.to_vec()))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(content, 1).unwrap()
}

fn naive_lines(content: &[u8]) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut byte = 0;
    for line in content.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let last = text.len() == line.len();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !text.iter().all(u8::is_ascii_whitespace) {
            found.push((0, byte, text.to_vec(), last));
        }
        byte += line.len() as u64;
    }
    found
}

fn framed(records: &[Vec<u8>], framing: Framing) -> (Vec<u8>, Vec<Seen>) {
    let mut content = Vec::new();
    let mut found = Vec::new();
    for record in records {
        match framing {
            Framing::Frames => content.extend((record.len() as u32).to_be_bytes()),
            _ => prost::encoding::encode_varint(record.len() as u64, &mut content),
        }
        if !record.is_empty() {
            found.push((0, content.len() as u64, record.clone(), false));
        }
        content.extend(record);
    }
    (content, found)
}

/// Checks that every way to read the content gives the expected records and the lines they stand in.
fn check(content: &[u8], recognise: Recognise<'_>, expected: &[Seen]) {
    let folder = tempfile::tempdir().unwrap();
    let half = content.len() / 2;
    let packed = [gzip(&content[..half]), gzip(&content[half..])].concat();
    let packed_too = [zstd(&content[..half]), zstd(&content[half..])].concat();
    for chunk_bytes in [1, 7, 64, 4 << 20] {
        for threads in [1, 2, 8] {
            let sources = [
                file(folder.path(), "plain", content),
                stream(content),
                file(folder.path(), "gz", &packed),
                stream(&packed_too),
            ];
            for source in sources {
                let name = source.name().to_owned();
                let (seen, reading) = read(vec![source], recognise, limits(chunk_bytes), threads);
                let context = format!("{name}, {chunk_bytes} bytes a chunk, {threads} threads");
                assert_eq!(seen, expected, "{context}");
                let report = &reading.sources[0];
                assert!(report.fault.is_none(), "{context}: {:?}", report.fault);
                assert_eq!(report.records, expected.len() as u64, "{context}");
                assert_eq!(report.content_bytes, content.len() as u64, "{context}");
                for (located, (_, byte, ..)) in reading.problems.iter().zip(expected) {
                    let before = &content[..*byte as usize];
                    let line = 1 + before.iter().filter(|&&b| b == b'\n').count() as u64;
                    match located.position {
                        Position::Line {
                            line: found,
                            column,
                        } => {
                            assert_eq!((found, column), (line, 1), "{context}");
                        }
                        Position::Byte(found) => assert_eq!(found, *byte, "{context}"),
                    }
                }
                let shown = expected.len().min(10);
                assert_eq!(reading.problems.len(), shown, "{context}");
                assert_eq!(reading.counts.total(), expected.len() as u64, "{context}");
            }
        }
    }
}

#[test]
fn lines_are_those_of_a_naive_split() {
    for content in [
        "a\nbb\nccc\n",
        "a\r\nb\r\n\r\n \t\r\nc",
        "\n\n\nlonger than a chunk of seven\n\nx\n",
        "no end",
        "\na",
        "1234567\n1234567\n123456\n12345678\n",
    ] {
        check(content.as_bytes(), LINES, &naive_lines(content.as_bytes()));
    }
    let long = format!("{}\n{}\nend\n", "x".repeat(200_000), "y".repeat(70_000));
    check(long.as_bytes(), LINES, &naive_lines(long.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_lines_are_those_of_a_naive_split(content in "(x|yy|\r|\n|[a-z]{0,30}){1,60}y") {
        check(content.as_bytes(), LINES, &naive_lines(content.as_bytes()));
    }

    #[test]
    fn random_frames_come_back(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
    ) {
        // The first byte of a length is no byte order mark, and there is something to read.
        let records: Vec<Vec<u8>> = [vec![vec![7]], records].concat();
        let (content, expected) = framed(&records, Framing::Frames);
        check(&content, FRAMES, &expected);
        let (content, expected) = framed(&records, Framing::Varints);
        check(&content, VARINTS, &expected);
    }
}

#[test]
fn frames_larger_than_windows_and_chunks_come_back() {
    let records: Vec<Vec<u8>> = (0..40_usize).map(|n| vec![n as u8; n * n * 10]).collect();
    let (content, expected) = framed(&records, Framing::Frames);
    check(&content, FRAMES, &expected);
    let (content, expected) = framed(&records, Framing::Varints);
    check(&content, VARINTS, &expected);
}

#[test]
fn a_document_is_one_record() {
    let content = b"{\n  \"a\": 1\n}\n{\"b\": 2}\n";
    check(content, DOCUMENTS, &[(0, 0, content.to_vec(), false)]);
}

#[test]
fn a_byte_order_mark_is_no_content_of_text() {
    let content = b"\xef\xbb\xbfa\nb\n";
    let expected = [(0, 3, b"a".to_vec(), false), (0, 5, b"b".to_vec(), false)];
    let recognise: Recognise<'_> = &|head| head.starts_with(b"a").then_some((0, Framing::Lines));
    check(content, recognise, &expected);
    let frames: Recognise<'_> = &|head| head.starts_with(&[0xef]).then_some((1, Framing::Frames));
    let (_, reading) = read(vec![stream(content)], frames, limits(64), 1);
    assert_eq!(reading.sources[0].format, Some(1));
}

#[test]
fn sources_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let sources = || {
        vec![
            file(folder.path(), "a", b"1\n2\n"),
            file(folder.path(), "b", &gzip(b"3\n")),
            stream(b"4\n5"),
            file(folder.path(), "c", &zstd(b"6\n")),
        ]
    };
    for threads in [1, 2, 8] {
        let (seen, reading) = read(sources(), LINES, limits(1), threads);
        let found: Vec<_> = seen
            .iter()
            .map(|(source, _, text, _)| (*source, text[0]))
            .collect();
        assert_eq!(
            found,
            [
                (0, b'1'),
                (0, b'2'),
                (1, b'3'),
                (2, b'4'),
                (2, b'5'),
                (3, b'6')
            ]
        );
        let lines: Vec<String> = reading.problems.iter().map(Located::to_string).collect();
        let expected = [
            "a:1:1: ",
            "a:2:1: ",
            "b:1:1: ",
            "pipe:1:1: ",
            "pipe:2:1: ",
            "c:1:1: ",
        ];
        assert_eq!(lines, expected);
    }
}

#[test]
fn progress_knows_the_total_without_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let a = file(folder.path(), "a", b"1\n2\n");
    let feed = Feed::new(vec![a], LINES, limits(2));
    assert_eq!(
        feed.progress(),
        Progress {
            bytes: 0,
            total: Some(4)
        }
    );
    let mut buffer = Buffer::new();
    assert!(feed.next(&mut buffer).is_some());
    assert_eq!(
        feed.progress(),
        Progress {
            bytes: 2,
            total: Some(4)
        }
    );
    let feed = Feed::new(vec![stream(b"1\n")], LINES, limits(2));
    assert_eq!(feed.progress().total, None);
}
