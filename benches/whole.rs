//! How fast the whole program is, and how much memory it takes: `cargo bench --bench whole -- [--spans N]`.
//!
//! A corpus is made once, as OTLP JSON and as protobuf; then the program runs on it as a child, five times per row. Wall
//! time and processor time are medians, memory is the largest anonymous memory of all runs (looked at every 2 ms;
//! Linux only). `edges` rows write the edges as CSV, for which few passes look at the traces. `parse` rows are this program reading the same file on one thread and keeping nothing; `ratio` compares
//! wall times with them. Nothing here is a test: numbers are for people to compare.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

#[path = "corpus/generate.rs"]
mod generate;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use generate::{Options, generate};
use topple::error::Problem;
use topple::format::{FORMATS, Sink};
use topple::input::{self, Buffer, Feed, Limits};
use topple::model::{Facts, RawSpan};
use topple::pipeline::recognise;

const RUNS: usize = 5;

/// Spans of the small file, where starting and ending count.
const FEW: u64 = 10_000;

/// Time between two looks at the memory of a child.
const TICK: Duration = Duration::from_millis(2);

/// Clock ticks a second in `/proc/PID/stat`, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run took.
#[derive(Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    /// User and system time.
    processor_seconds: f64,
    /// Most anonymous memory; zero where nothing says.
    bytes: u64,
}

/// A file of the corpus.
struct Corpus {
    path: PathBuf,
    spans: u64,
    bytes: u64,
}

fn main() -> io::Result<()> {
    let mut spans = 500_000;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--spans" => {
                let value = arguments.next().unwrap_or_default();
                spans = value
                    .parse()
                    .map_err(|_| usage(&format!("expected a number of spans, found {value:?}")))?;
            }
            "--bench" => {}
            _ => return Err(usage(&format!("expected --spans N, found {argument}"))),
        }
    }
    let folder = tempfile::tempdir()?;
    let [json, protobuf] = make(folder.path(), "many", spans)?;
    let [few, _] = make(folder.path(), "few", FEW)?;
    let topology = folder.path().join("many.topo");
    let topology = topology.to_string_lossy();

    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>9} {:>8} {:>9} {:>6}",
        "", "wall s", "cpu s", "MB/s", "Mspans/s", "MiB", "B/span", "ratio"
    );
    let plain_json = parse(&json)?;
    row("parse json", &json, plain_json, plain_json);
    for threads in ["1", "2"] {
        let cost = runs(&["report", "-f", "csv", "-j", threads], &json)?;
        row(&format!("edges json -j {threads}"), &json, cost, plain_json);
    }
    // More threads than there may be processors: for the memory.
    for threads in ["1", "2", "8"] {
        let cost = runs(&["report", "-j", threads], &json)?;
        row(
            &format!("report json -j {threads}"),
            &json,
            cost,
            plain_json,
        );
    }
    let cost = runs(&["report", "-j", "2", "--memory", "1M"], &json)?;
    row("report json -j 2 --memory 1M", &json, cost, plain_json);
    let cost = runs(&["fold", "-q", "-j", "2", "-o", &topology], &json)?;
    row("fold json -j 2", &json, cost, plain_json);

    let plain_protobuf = parse(&protobuf)?;
    row("parse protobuf", &protobuf, plain_protobuf, plain_protobuf);
    for threads in ["1", "2"] {
        let cost = runs(&["report", "-f", "csv", "-j", threads], &protobuf)?;
        let name = format!("edges protobuf -j {threads}");
        row(&name, &protobuf, cost, plain_protobuf);
    }
    for threads in ["1", "2"] {
        let cost = runs(&["report", "-j", threads], &protobuf)?;
        let name = format!("report protobuf -j {threads}");
        row(&name, &protobuf, cost, plain_protobuf);
    }

    let plain_few = parse(&few)?;
    let cost = runs(&["report", "-f", "csv", "-j", "2"], &few)?;
    row(&format!("edges json, {FEW} spans"), &few, cost, plain_few);
    let cost = runs(&["report", "-j", "2"], &few)?;
    row(&format!("report json, {FEW} spans"), &few, cost, plain_few);
    let folded = Corpus {
        path: PathBuf::from(&*topology),
        spans,
        bytes: fs::metadata(&*topology)?.len(),
    };
    let cost = runs(&["report"], &folded)?;
    row("report of the topology", &folded, cost, plain_json);
    println!(
        "{} spans: JSON {} MB, protobuf {} MB, topology {} kB",
        json.spans,
        json.bytes / 1_000_000,
        protobuf.bytes / 1_000_000,
        folded.bytes / 1_000
    );
    Ok(())
}

fn usage(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Makes a corpus as JSON lines and as protobuf frames.
fn make(folder: &Path, name: &str, spans: u64) -> io::Result<[Corpus; 2]> {
    let options = Options {
        spans,
        services: 200,
        seed: 1,
        sampled: false,
    };
    let paths = ["jsonl", "pb"].map(|extension| folder.join(format!("{name}.{extension}")));
    let made = generate(
        &options,
        &mut File::create(&paths[0])?,
        &mut File::create(&paths[1])?,
    )?;
    let [json, protobuf] = paths.map(|path| -> io::Result<Corpus> {
        let bytes = fs::metadata(&path)?.len();
        Ok(Corpus {
            path,
            spans: made.spans,
            bytes,
        })
    });
    Ok([json?, protobuf?])
}

fn row(name: &str, corpus: &Corpus, cost: Cost, plain: Cost) {
    println!(
        "{name:<34} {:>8.3} {:>8.2} {:>8.0} {:>9.2} {:>8} {:>9} {:>6.2}",
        cost.seconds,
        cost.processor_seconds,
        corpus.bytes as f64 / 1e6 / cost.seconds,
        corpus.spans as f64 / 1e6 / cost.seconds,
        known(cost.bytes as f64 / f64::from(1 << 20)),
        known(cost.bytes as f64 / corpus.spans as f64),
        cost.seconds / plain.seconds,
    );
}

/// Returns a number with one decimal; nothing for zero, which stands for unknown.
fn known(number: f64) -> String {
    if number > 0.0 {
        format!("{number:.1}")
    } else {
        String::new()
    }
}

/// Returns the median of the times and the largest memory.
fn summary(mut costs: Vec<Cost>) -> Cost {
    let bytes = costs.iter().map(|cost| cost.bytes).max().unwrap_or(0);
    costs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let middle = costs.get(costs.len() / 2).copied().unwrap_or_default();
    Cost { bytes, ..middle }
}

/// Runs the program several times.
fn runs(arguments: &[&str], corpus: &Corpus) -> io::Result<Cost> {
    let costs = (0..RUNS).map(|_| run(arguments, &corpus.path));
    Ok(summary(costs.collect::<io::Result<_>>()?))
}

/// Runs the program once and looks at it until it is done.
fn run(arguments: &[&str], input: &Path) -> io::Result<Cost> {
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_topple"))
        .args(arguments)
        .arg(input)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let (most, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    let (seconds, processor_seconds) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                most.fetch_max(anonymous_bytes(&process).unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(TICK);
            }
        });
        // The pipe ends with the child, which stays there to be asked until somebody waits for it.
        let mut out = Vec::new();
        let read = child
            .stdout
            .take()
            .map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut out));
        let seconds = begin.elapsed().as_secs_f64();
        while is_running(&process) {
            std::thread::sleep(TICK);
        }
        is_done.store(true, Ordering::Relaxed);
        read.map(|_| (seconds, processor_seconds(&process).unwrap_or(0.0)))
    })?;
    let status = child.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("topple ended with {status}")));
    }
    Ok(Cost {
        seconds,
        processor_seconds,
        bytes: most.into_inner(),
    })
}

/// Returns the anonymous memory of a process.
fn anonymous_bytes(process: &Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// Returns the fields of a process behind its name, which may hold anything.
fn fields(process: &Path) -> Option<Vec<String>> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn is_running(process: &Path) -> bool {
    fields(process).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

/// Returns user and system time.
fn processor_seconds(process: &Path) -> Option<f64> {
    let fields = fields(process)?;
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Reads a file on this thread and keeps nothing, several times.
fn parse(corpus: &Corpus) -> io::Result<Cost> {
    let argument = corpus.path.to_string_lossy().into_owned();
    let mut costs = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        let sources = input::find(std::slice::from_ref(&argument)).map_err(io::Error::other)?;
        let feed = Feed::new(sources, &recognise, Limits::default());
        let mut buffer = Buffer::new();
        let mut count = Count::default();
        while let Some(block) = feed.next(&mut buffer) {
            let format = &FORMATS[block.format()];
            for (record, _) in block.records() {
                (format.read)(&record, &mut count);
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        if count.spans != corpus.spans || count.durations == 0 {
            return Err(io::Error::other(format!(
                "expected {} spans, found {}",
                corpus.spans, count.spans
            )));
        }
        costs.push(Cost {
            seconds,
            processor_seconds: seconds,
            bytes: 0,
        });
    }
    Ok(summary(costs))
}

/// Counts what it is given; the sum of the durations keeps the compiler from leaving out the work.
#[derive(Default)]
struct Count {
    spans: u64,
    durations: u64,
}

impl Sink for Count {
    fn resource(&mut self, _: &Facts<'_>) {}

    fn span(&mut self, span: &RawSpan<'_>) {
        self.spans += 1;
        self.durations += span.end.saturating_sub(span.start) + span.name.len() as u64;
    }

    fn problem(&mut self, _: Problem) {}

    fn other_signal(&mut self) {}
}
