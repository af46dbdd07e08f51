//! One story in every format and spelling gives one graph; damage gives problems with places, never a panic.

use std::path::{Path, PathBuf};

use topple::input::{Located, Position};
use topple::pipeline::{self, Progress};
use topple::report::Report;

use crate::support::{options, report};

/// What every file without a problem tells: edges with calls, errors and exemplars.
const STORY: &str = "\
(users) -> web: 2 calls, 0 errors 5f0c3a9e71d24b6889ab4c5d6e7f8012 00000000000000004be1c07d92a6f358
cart -> carts-db: 1 call, 0 errors 5f0c3a9e71d24b6889ab4c5d6e7f8012
web -> cart: 1 call, 1 error 5f0c3a9e71d24b6889ab4c5d6e7f8012
web -> pricing: 1 call, 1 error 00000000000000004be1c07d92a6f358
6 spans in 2 traces\n";

/// Files with one thing wrong, with what is said of it; the rest of the story is there.
const PROBLEMS: &[(&str, &str)] = &[
    (
        "problem-field.jsonl",
        "3:592 expected a text, found 7 in resourceSpans[0].scopeSpans[0].spans[1].traceState",
    ),
    (
        "problem-frame.pb",
        "problem-frame.pb: the last record is incomplete: expected 504 bytes at byte 945, found 6; the file was still being written",
    ),
    (
        "problem-id.json",
        "40:19 expected a 32-digit trace id, found \"not-an-id\" in resourceSpans[0].scopeSpans[0].spans[1].traceId",
    ),
    (
        "problem-id.pb",
        "byte 12 expected an id of 16 bytes, found 2 bytes in resourceSpans[0].scopeSpans[0].spans[0].traceId",
    ),
    (
        "problem-last-line.jsonl",
        "problem-last-line.jsonl: the last line is incomplete: the file was still being written",
    ),
    (
        "problem-line.jsonl",
        "2:30 expected ':', found the end of the record in resourceSpans[0]",
    ),
];

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn count(count: f64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1.0 { "" } else { "s" })
}

/// Draws the graph of a report as text.
fn drawn(report: &Report) -> String {
    let mut text = String::new();
    for edge in &report.edges {
        let (calls, errors) = (count(edge.calls, "call"), count(edge.errors(), "error"));
        text += &format!(
            "{} -> {}: {calls}, {errors} {}\n",
            edge.from,
            edge.to,
            edge.exemplars.join(" ")
        );
    }
    let lost = report
        .data
        .unresolved
        .iter()
        .map(|(_, count)| count)
        .sum::<u64>();
    text + &format!(
        "{} spans in {} traces\n",
        report.data.spans_read - lost,
        report.data.traces
    )
}

/// Draws what is said of problems and in notes, without the folder.
fn said(report: &Report) -> String {
    let problems = report
        .data
        .problems
        .iter()
        .map(|problem| format!("{} {}\n", problem.place, problem.message));
    let notes = report
        .notes
        .iter()
        .map(|note| format!("{}\n", note.rsplit('/').next().unwrap()));
    problems.chain(notes).collect()
}

#[test]
fn every_spelling_tells_the_same_story() {
    let mut spellings = 0;
    for path in fixtures() {
        let report = report(&path);
        assert_eq!(
            drawn(&report),
            STORY,
            "{}: {:?}",
            name(&path),
            report.data.problems
        );
        if name(&path).starts_with("problem-") {
            continue;
        }
        assert_eq!(
            (report.data.problems_total, said(&report).as_str()),
            (0, ""),
            "{}",
            name(&path)
        );
        spellings += 1;
    }
    assert!(spellings >= 30, "only {spellings} files");
}

#[test]
fn every_problem_has_its_place() {
    let problems: Vec<PathBuf> = fixtures()
        .into_iter()
        .filter(|path| name(path).starts_with("problem-"))
        .collect();
    assert_eq!(
        problems.iter().map(|path| name(path)).collect::<Vec<_>>(),
        PROBLEMS.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for (path, (name, expected)) in problems.iter().zip(PROBLEMS) {
        assert_eq!(said(&report(path)).trim_end(), *expected, "{name}");
    }
}

#[test]
fn all_files_together_are_one_story_told_many_times() {
    let good: Vec<PathBuf> = fixtures()
        .into_iter()
        .filter(|path| !name(path).starts_with("problem-"))
        .collect();
    let paths: Vec<&Path> = good.iter().map(PathBuf::as_path).collect();
    let (report, _) = pipeline::report(&options(&paths), &Progress::default()).unwrap();
    let copies = report
        .data
        .spans_by_class
        .iter()
        .find(|(class, _)| *class == "duplicate")
        .unwrap()
        .1;
    // The one file with shared ids spells a span in another way, which is another span.
    assert!(
        (6 * (good.len() as u64 - 1) - 6..6 * (good.len() as u64 - 1)).contains(&copies),
        "{copies} copies"
    );
}

/// Returns a file cut at many places, and with one of many bits flipped; other ones for each seed.
fn damaged(content: &[u8], seed: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cuts = (seed % 31..content.len())
        .step_by(31)
        .map(|end| content[..end].to_vec());
    let flips = (seed % 509..content.len() * 8).step_by(509).map(|bit| {
        let mut bytes = content.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    cuts.chain(flips)
}

/// Panics when a position lies outside the content; positions in compressed files are known by their bytes alone.
fn is_inside(problem: &Located, file: &[u8], content_bytes: u64) {
    let is_packed = file.starts_with(&[0x1f, 0x8b]) || file.starts_with(&[0x28, 0xb5]);
    match problem.position {
        Position::Byte(byte) => assert!(byte <= content_bytes, "{problem}"),
        Position::Line { line, column } if is_packed => {
            assert!(line.max(column) <= content_bytes + 1, "{problem}");
        }
        Position::Line { line, column } => {
            let text = String::from_utf8_lossy(file);
            let lines: Vec<&str> = text.split('\n').collect();
            assert!((1..=lines.len() as u64).contains(&line), "{problem}");
            let width = lines[line as usize - 1].chars().count() as u64;
            assert!((1..=width + 1).contains(&column), "{problem}");
        }
    }
}

#[test]
fn damage_never_panics_and_is_told_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let mut options = options(&[&path]);
    options.threads = 1;
    let mut told = 0;
    for (seed, fixture) in fixtures().iter().enumerate() {
        let content = std::fs::read(fixture).unwrap();
        for bytes in damaged(&content, seed) {
            std::fs::write(&path, &bytes).unwrap();
            let Ok((report, reading)) = pipeline::report(&options, &Progress::default()) else {
                continue;
            };
            let data = &report.data;
            let classes = data.spans_by_class.iter().chain(&data.unresolved);
            assert_eq!(
                data.spans_read,
                classes.map(|(_, count)| count).sum::<u64>()
            );
            for problem in &reading.problems {
                is_inside(problem, &bytes, reading.sources[0].content_bytes);
            }
            told += reading.problems.len();
        }
    }
    assert!(told > 500, "only {told} problems");
}
