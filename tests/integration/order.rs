//! The monoid promise: neither the order of spans, files, threads and merges nor the form of the input changes one byte
//! of a topology.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use tempfile::TempDir;
use topple::fold::{Catalogue, Observer, Topology, codec};
use topple::format::{FORMATS, otlp_write};
use topple::input::Record;
use topple::model::dictionary::bucket;
use topple::pipeline::{self, DEFAULT_MEMORY, Options, Progress};
use topple::report::Report;
use topple::trace::intake::Shard;
use topple::trace::{Assembler, Intake, Traces};

use crate::dice::Dice;
use crate::otlp;
use crate::shop::{self, Made};

/// How a file is written.
#[derive(Clone, Copy)]
enum Form {
    Lines,
    Frames,
}

/// How a file is compressed.
#[derive(Clone, Copy)]
enum Pack {
    Plain,
    Gzip,
    Zstd,
}

/// Returns the records of spans in one form, each with at most so many spans.
fn content(spans: &[Made], form: Form, per_record: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for record in spans.chunks(per_record) {
        match form {
            Form::Lines => otlp_write::json_line(&otlp::messages(record), &mut out).unwrap(),
            Form::Frames => otlp_write::frame(&otlp::messages(record), &mut out).unwrap(),
        }
    }
    out
}

fn packed(content: &[u8], pack: Pack) -> Vec<u8> {
    match pack {
        Pack::Plain => content.to_vec(),
        Pack::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Pack::Zstd => zstd::bulk::compress(content, 1).unwrap(),
    }
}

/// Writes files into a new folder; returns it with their paths.
fn files(contents: &[Vec<u8>]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = contents
        .iter()
        .enumerate()
        .map(|(number, content)| {
            let path = folder.path().join(format!("{number}.traces"));
            std::fs::write(&path, content).unwrap();
            path
        })
        .collect();
    (folder, paths)
}

fn options(paths: &[PathBuf], threads: usize) -> Options {
    Options {
        inputs: paths
            .iter()
            .map(|path: &PathBuf| path.to_str().unwrap().to_owned())
            .collect(),
        threads,
        memory: DEFAULT_MEMORY,
        window: Default::default(),
        shard: None,
        passes: Default::default(),
        policy: Default::default(),
    }
}

fn fold(options: &Options) -> Topology {
    let (topology, reading) = pipeline::fold(options, &Progress::default()).unwrap();
    assert_eq!(reading.counts.total(), 0, "{:?}", reading.problems);
    assert!(reading.sources.iter().all(|source| source.fault.is_none()));
    topology
}

/// Returns the topology of spans, read from one plain file by one thread.
pub(crate) fn topology_of(spans: &[Made]) -> Topology {
    let (_folder, paths) = files(&[content(spans, Form::Lines, 7)]);
    fold(&options(&paths, 1))
}

/// Returns the report of spans, likewise.
pub(crate) fn report_of(spans: &[Made]) -> Report {
    let (_folder, paths) = files(&[content(spans, Form::Frames, 5)]);
    pipeline::report(&options(&paths, 2), &Progress::default())
        .unwrap()
        .0
}

fn bytes(topology: &Topology) -> Vec<u8> {
    codec::encode(&mut topology.clone()).unwrap()
}

/// Returns what a topology is after it was written and read again.
pub(crate) fn reread(topology: &Topology) -> Topology {
    let content = zstd::decode_all(bytes(topology).as_slice()).unwrap();
    codec::decode("again.topo", &content).unwrap()
}

/// Returns the spans of each bucket of trace ids, in their order.
fn by_bucket(spans: &[Made], of: u32) -> Vec<Vec<Made>> {
    let low = |made: &Made| u64::from_be_bytes(made.span.trace_id[8..].try_into().unwrap());
    let part = |index| {
        spans
            .iter()
            .filter(|made| bucket(low(made), of) == index)
            .cloned()
            .collect()
    };
    (0..of).map(part).collect()
}

/// Merges topologies two by two in any order, some of them written and read in between.
fn merged(mut parts: Vec<Topology>, dice: &mut Dice) -> Topology {
    while parts.len() > 1 {
        let one = parts.swap_remove(dice.below(parts.len()));
        let mut two = parts.swap_remove(dice.below(parts.len()));
        if dice.percent(50) {
            two = reread(&two);
        }
        parts.push(Topology::merge(one, two).unwrap());
    }
    parts.remove(0)
}

#[test]
fn no_order_split_or_form_of_files_changes_a_byte() {
    for seed in 0..2 {
        let mut dice = Dice::new(seed);
        let mut spans = shop::spans(seed, 120);
        let expected = bytes(&topology_of(&spans));
        let expected_report = report_of(&spans);
        for round in 0..8 {
            dice.shuffle(&mut spans);
            let n_files = 1 + dice.below(5);
            let contents: Vec<Vec<u8>> = spans
                .chunks(spans.len().div_ceil(n_files) - dice.below(7))
                .map(|of_file| {
                    let form = dice.of(&[Form::Lines, Form::Frames]);
                    let per_record = 1 + dice.below(40);
                    packed(
                        &content(of_file, form, per_record),
                        dice.of(&[Pack::Plain, Pack::Gzip, Pack::Zstd]),
                    )
                })
                .collect();
            let (_folder, mut paths) = files(&contents);
            dice.shuffle(&mut paths);
            let mut options = options(&paths, [1, 2, 8][round % 3]);
            options.memory = dice.of(&[1, DEFAULT_MEMORY]);
            assert!(
                bytes(&fold(&options)) == expected,
                "seed {seed}, round {round}"
            );
            if round % 4 == 0 {
                let (report, _) = pipeline::report(&options, &Progress::default()).unwrap();
                assert_eq!(report, expected_report, "seed {seed}, round {round}");
            }
        }
    }
}

#[test]
fn shards_and_parts_merge_in_any_order() {
    let spans = shop::spans(7, 150);
    let whole = topology_of(&spans);
    let expected = bytes(&whole);
    let mut dice = Dice::new(7);
    let (_folder, paths) = files(&[content(&spans, Form::Frames, 9)]);
    for of in [2, 5] {
        let shards: Vec<Topology> = (0..of)
            .map(|index| {
                let mut options = options(&paths, 2);
                options.shard = Some((Shard { index, of }, "today".to_owned()));
                fold(&options)
            })
            .collect();
        for _ in 0..3 {
            let mut sum = merged(shards.clone(), &mut dice);
            assert_eq!(sum.buckets.len(), of as usize);
            sum.buckets.clear();
            assert!(bytes(&sum) == expected, "{of} shards");
        }
    }
    let parts: Vec<Topology> = by_bucket(&spans, 6)
        .iter()
        .map(|part| topology_of(part))
        .collect();
    for _ in 0..3 {
        assert!(
            bytes(&merged(parts.clone(), &mut dice)) == expected,
            "parts by file"
        );
    }
    assert!(bytes(&reread(&whole)) == expected, "written and read");
    let nothing = topology_of(&spans[..0]);
    assert!(
        bytes(&Topology::merge(nothing, whole).unwrap()) == expected,
        "nothing is neutral"
    );
}

#[test]
fn topologies_count_among_traces_like_the_traces_they_hold() {
    let spans = shop::spans(21, 120);
    let expected = bytes(&topology_of(&spans));
    let expected_report = report_of(&spans);
    let parts = by_bucket(&spans, 4);
    for folded in [[0, 1], [1, 3], [2, 3]] {
        let contents: Vec<Vec<u8>> = (0..4)
            .map(|part| match folded.contains(&part) {
                true => bytes(&topology_of(&parts[part])),
                false => content(&parts[part], Form::Lines, 8),
            })
            .collect();
        let (_folder, paths) = files(&contents);
        let options = options(&paths, 2);
        assert!(bytes(&fold(&options)) == expected, "{folded:?}");
        assert_eq!(
            pipeline::report(&options, &Progress::default()).unwrap().0,
            expected_report
        );
    }
}

/// Folds spans that were read by two threads, of which one went to a temporary file at some point.
fn spilled(spans: &[Made], spill_at: usize) -> (Topology, u64) {
    let first = Intake::new(None);
    let mut intakes = [first.another(), first];
    let otlp_protobuf = FORMATS
        .iter()
        .find(|format| format.name == "otlp-protobuf")
        .unwrap();
    for (number, record) in spans.chunks(11).enumerate() {
        let intake = &mut intakes[number % 3 % 2];
        let frame = content(record, Form::Frames, record.len());
        Record::with_copy(&frame[4..], |record| (otlp_protobuf.read)(record, intake));
        intake.check().unwrap();
        assert!(intake.problems.is_empty());
        if number == spill_at {
            intakes
                .iter_mut()
                .for_each(|intake| intake.spill().unwrap());
        }
    }
    let on_disk = intakes
        .iter()
        .map(|intake| intake.spans.spilled_bytes())
        .sum();
    let traces = Traces::new(intakes.into());
    let catalogue = std::sync::Arc::new(Catalogue::of(&traces.dictionary));
    let policy = Default::default();
    let mut observer = Observer::new(&traces.dictionary, catalogue, Default::default())
        .watched_by(topple::pass::watchers(), &policy);
    let mut assembler = Assembler::default();
    assembler
        .for_each(
            &traces,
            0..Assembler::PARTITIONS,
            |_| 1,
            |trace| observer.observe(trace),
        )
        .unwrap();
    (observer.finish(), on_disk)
}

#[test]
fn spans_in_temporary_files_count_like_those_in_memory() {
    let spans = shop::spans(33, 110);
    let expected = bytes(&topology_of(&spans));
    let records = spans.len().div_ceil(11);
    for (spill_at, on_disk) in [
        (0, true),
        (records / 2, true),
        (records - 1, true),
        (usize::MAX, false),
    ] {
        let (topology, bytes_on_disk) = spilled(&spans, spill_at);
        assert_eq!(
            bytes_on_disk > 0,
            on_disk,
            "a trace that fills chunks is needed"
        );
        assert!(bytes(&topology) == expected, "spilled at {spill_at}");
    }
}

#[test]
fn one_shard_twice_is_an_error() {
    let spans = shop::spans(3, 20);
    let (_folder, paths) = files(&[content(&spans, Form::Lines, 9)]);
    let mut options = options(&paths, 1);
    options.shard = Some((Shard { index: 1, of: 4 }, "monday".to_owned()));
    let shard = fold(&options);
    let (_folder, twice) = files(&[bytes(&shard), bytes(&shard)]);
    let error = pipeline::fold(&self::options(&twice, 1), &Progress::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "two topologies hold shard 1/4 of monday: its traces would count twice"
    );
    options.shard = Some((Shard { index: 1, of: 4 }, "tuesday".to_owned()));
    let sum = Topology::merge(shard, fold(&options)).unwrap();
    assert_eq!(sum.buckets.len(), 2);
}

#[test]
fn a_folder_is_read_like_its_files() {
    let spans = shop::spans(5, 40);
    let parts = by_bucket(&spans, 3);
    let contents: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| content(part, Form::Frames, 4))
        .collect();
    let (folder, _) = files(&contents);
    let of_folder = fold(&options(&[Path::to_path_buf(folder.path())], 2));
    assert!(bytes(&of_folder) == bytes(&topology_of(&spans)));
}
