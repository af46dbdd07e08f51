//! What cannot be read is reported, and what came before it counts.

use super::*;
use std::io::Read;

#[test]
fn a_long_line_is_a_problem_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let content = format!(
        "a\n{}\nb\n\n{}\n{}\nc",
        "x".repeat(50),
        "y".repeat(9),
        "z".repeat(300)
    );
    for chunk_bytes in [1, 7, 64, 4096] {
        for source in [
            file(folder.path(), "plain", content.as_bytes()),
            stream(content.as_bytes()),
        ] {
            let limits = Limits {
                record_bytes: 8,
                ..limits(chunk_bytes)
            };
            let name = source.name().to_owned();
            let (seen, reading) = read(vec![source], LINES, limits, 2);
            let texts: Vec<_> = seen.iter().map(|(_, _, text, _)| text[0]).collect();
            assert_eq!(texts, b"abc", "{name} {chunk_bytes}");
            let lines: Vec<String> = reading.problems.iter().map(Located::to_string).collect();
            let too_long = "expected a line of at most 8 bytes, found a longer one";
            assert_eq!(
                lines,
                [
                    format!("{name}:1:1: "),
                    format!("{name}:2:1: {too_long}"),
                    format!("{name}:3:1: "),
                    format!("{name}:5:1: {too_long}"),
                    format!("{name}:6:1: {too_long}"),
                    format!("{name}:7:1: "),
                ],
                "{chunk_bytes}"
            );
            assert_eq!(reading.counts.records, 3);
        }
    }
}

/// Reads a plain file and a pipe of the same content; returns the records, the notes and the fault, which are the same.
fn both_ways(
    content: &[u8],
    recognise: Recognise<'_>,
    limits: Limits,
) -> (usize, Vec<String>, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut results = [
        Source::file("x", folder.path().join("x")),
        Source::stream("x", Cursor::new(content.to_vec())),
    ]
    .map(|source| {
        std::fs::write(folder.path().join("x"), content).unwrap();
        let (seen, mut reading) = read(vec![source], recognise, limits, 2);
        let report = reading.sources.remove(0);
        (
            seen.len(),
            report.notes,
            report.fault.map(|fault| fault.to_string()),
        )
    })
    .to_vec();
    let first = results.remove(0);
    assert_eq!(first, results[0]);
    first
}

#[test]
fn a_cut_frame_is_a_note() {
    let (mut content, _) = framed(&[vec![1; 5], vec![2; 9]], Framing::Frames);
    content.truncate(content.len() - 2);
    for chunk_bytes in [1, 4096] {
        let (records, notes, fault) = both_ways(&content, FRAMES, limits(chunk_bytes));
        assert_eq!((records, fault), (1, None));
        let note = "the last record is incomplete: expected 13 bytes at byte 9, found 11; the file was still being written";
        assert_eq!(notes, [note]);
    }
    let (records, notes, _) = both_ways(&content[..11], FRAMES, limits(4096));
    assert_eq!(records, 1);
    assert_eq!(notes.len(), 1);
}

#[test]
fn an_impossible_frame_is_a_fault_and_what_came_before_counts() {
    let limits = Limits {
        record_bytes: 100,
        ..limits(4096)
    };
    let (mut content, _) = framed(&[vec![1; 5]], Framing::Frames);
    content.extend([0xff; 20]);
    let (records, _, fault) = both_ways(&content, FRAMES, limits);
    assert_eq!(records, 1);
    let expected = "x: expected the length of a record at byte 9, at most 100, found 4294967295";
    assert_eq!(fault.as_deref(), Some(expected));
    let (mut content, _) = framed(&[vec![1; 5]], Framing::Varints);
    content.extend([0xff; 20]);
    let (records, _, fault) = both_ways(&content, VARINTS, limits);
    assert_eq!(records, 1);
    let expected = "x: expected the length of a record at byte 6, at most 100, found no length";
    assert_eq!(fault.as_deref(), Some(expected));
}

#[test]
fn a_document_beyond_the_limit_is_a_fault() {
    let limits = Limits {
        record_bytes: 10,
        ..limits(4)
    };
    let (records, _, fault) = both_ways(b"{\"a\": 12345}", DOCUMENTS, limits);
    assert_eq!(records, 0);
    let expected = "x: expected one document of at most 10 bytes, found a longer one";
    assert_eq!(fault.as_deref(), Some(expected));
}

#[test]
fn files_with_nothing_in_them_say_so() {
    for (content, note) in [
        (&b""[..], "the file is empty"),
        (b"\n\r\n\n", "the file holds only white space"),
    ] {
        let (records, notes, fault) = both_ways(content, LINES, limits(4096));
        assert_eq!((records, fault), (0, None));
        assert_eq!(notes, [note]);
    }
    let (seen, reading) = read(vec![stream(&gzip(b""))], LINES, limits(4096), 1);
    assert!(seen.is_empty());
    assert_eq!(reading.sources[0].notes, ["the file is empty"]);
}

#[test]
fn unknown_content_is_a_fault_that_names_it() {
    let (records, _, fault) = both_ways(b"{\"name\": 1}", NOTHING, limits(4096));
    assert_eq!(records, 0);
    assert_eq!(
        fault.as_deref(),
        Some("x: expected traces, found a JSON object with key name")
    );
    let (_, reading) = read(vec![stream(&gzip(&gzip(b"a")))], NOTHING, limits(4096), 1);
    let fault = reading.sources[0].fault.as_ref().unwrap();
    assert_eq!(
        fault.to_string(),
        "pipe: expected traces, found gzip data (decompressed from gzip)"
    );
    assert!(fault.help().unwrap().starts_with("decompress it first"));
}

#[test]
fn cut_and_broken_compressed_data_are_read_up_to_the_fault() {
    let lines: String = (0..100_000_u64).map(|n| format!("{}\n", n * n)).collect();
    for (name, packed) in [
        ("gzip", gzip(lines.as_bytes())),
        ("zstd", zstd(lines.as_bytes())),
    ] {
        let (seen, reading) = read(
            vec![stream(&packed[..packed.len() / 2])],
            LINES,
            limits(4096),
            2,
        );
        let fault = reading.sources[0].fault.as_ref().unwrap().to_string();
        assert!(
            fault.starts_with(&format!("pipe: the {name} data ends early, after ")),
            "{fault}"
        );
        assert!(
            (10_000..99_000).contains(&seen.len()),
            "{name}: {}",
            seen.len()
        );
        let mut broken = packed.clone();
        let middle = broken.len() / 2;
        broken[middle..middle + 64].fill(0xff);
        let (seen, reading) = read(vec![stream(&broken)], LINES, limits(4096), 2);
        let fault = reading.sources[0].fault.as_ref().unwrap().to_string();
        assert!(fault.contains(name), "{fault}");
        assert!(seen.len() < 100_001);
    }
}

#[test]
fn a_decompression_bomb_is_stopped() {
    let packed = zstd(&vec![b'a'; 8 << 20]);
    let limits = Limits {
        ratio_after_bytes: 1 << 20,
        ratio: 100,
        chunk_bytes: 64 << 10,
        ..Limits::default()
    };
    let (_, reading) = read(vec![stream(&packed)], LINES, limits, 2);
    let report = &reading.sources[0];
    let fault = report.fault.as_ref().unwrap().to_string();
    let expected = "pipe: expected content at most 100 times the size of the file, found more: ";
    assert!(fault.starts_with(expected), "{fault}");
    assert!(report.content_bytes < 4 << 20, "{}", report.content_bytes);
}

#[test]
fn a_failing_pipe_is_read_up_to_the_failure() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1..4 => {
                    buffer[..2].copy_from_slice(b"a\n");
                    Ok(2)
                }
                4 => Err(std::io::ErrorKind::Interrupted.into()),
                _ => Err(std::io::Error::other("Gone away")),
            }
        }
    }
    let (seen, reading) = read(
        vec![Source::stream("pipe", Failing(0))],
        LINES,
        limits(1),
        2,
    );
    assert_eq!(seen.len(), 3);
    let fault = reading.sources[0].fault.as_ref().unwrap().to_string();
    assert_eq!(fault, "pipe: cannot be read on from byte 6: gone away");
}

#[test]
fn a_file_that_is_gone_or_shorter_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (seen, reading) = read(
        vec![Source::file("gone", folder.path().join("gone"))],
        LINES,
        limits(4),
        1,
    );
    assert!(seen.is_empty());
    let fault = reading.sources[0].fault.as_ref().unwrap().to_string();
    assert_eq!(fault, "gone: cannot be opened: no such file or directory");

    let (content, _) = framed(&[vec![1; 5], vec![2; 5], vec![3; 5]], Framing::Frames);
    for (recognise, content) in [(LINES, &b"one\ntwo\nthree\n"[..]), (FRAMES, &content)] {
        let source = file(folder.path(), "shrinks", content);
        let feed = Feed::new(vec![source], recognise, limits(4));
        let mut buffer = Buffer::new();
        let mut records = feed.next(&mut buffer).unwrap().records().count();
        std::fs::write(folder.path().join("shrinks"), &content[..6]).unwrap();
        while let Some(block) = feed.next(&mut buffer) {
            records += block.records().count();
        }
        assert!((1..=2).contains(&records), "{records}");
        let reading = feed.finish(Problems::default());
        assert_eq!(reading.sources[0].notes.len(), 1, "{:?}", reading.sources);
    }
}
