//! What the passes over traces cost while traces are folded: `cargo bench --bench passes -- [--spans N | FILE]`.
//!
//! A corpus is read anew for every row, folded on one thread as a run folds it, and written. Times are
//! processor times of all threads where the system tells them (Linux), else by the clock. `none` folds edges alone, `all`
//! with every pass, the others with one pass each; `ratio` compares observing and writing together with `none`.
//! The last lines compare whole folds, reading included. Nothing here is a test: numbers are for people to compare.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

#[path = "corpus/generate.rs"]
mod generate;

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use topple::fold::{Catalogue, Observer, Watcher, Window, codec};
use topple::pass::{Choice, PASSES};
use topple::pipeline::{self, DEFAULT_MEMORY, Progress};
use topple::policy::Policy;
use topple::trace::{Assembler, Traces};

/// Bytes of rows that are held together, as a run with the default memory and two threads does.
const TURN: u64 = DEFAULT_MEMORY / 16;

/// Clock ticks a second in `/proc/self/stat`, the same on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// The row of each pass is the fastest of so many runs.
const RUNS: usize = 3;

/// Edges alone and all passes are compared by so many runs of each, in turn: a machine is faster at one time than at another.
const IN_TURN: usize = 9;

/// What a fold took.
#[derive(Clone, Copy)]
struct Cost {
    read: Duration,
    observe: Duration,
    write: Duration,
    records: usize,
}

impl Cost {
    /// Without reading, which is the same for all.
    fn seconds(self) -> f64 {
        (self.observe + self.write).as_secs_f64()
    }
}

fn main() -> io::Result<()> {
    let (mut spans, mut file, mut only) = (500_000, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--spans" => spans = value().parse().map_err(io::Error::other)?,
            "--pass" => only = Some(value()),
            "--bench" => {}
            _ => file = Some(argument),
        }
    }
    let folder = tempfile::tempdir()?;
    let file = match file {
        Some(file) => file,
        None => make(folder.path(), spans)?,
    };
    println!(
        "{:<20} {:>10} {:>10} {:>10} {:>8}",
        "pass", "observe s", "write s", "records", "ratio"
    );
    let all: Vec<_> = PASSES.iter().filter_map(|pass| pass.watch).collect();
    let [none, all] = costs(&file, [&[], &all], IN_TURN)?;
    row("none", none, none);
    let watched = PASSES
        .iter()
        .filter_map(|pass| Some((pass.name, pass.watch?)));
    for (name, watcher) in watched {
        if only.as_ref().is_none_or(|only| only == name) {
            let [cost] = costs(&file, [&[watcher]], RUNS)?;
            row(name, cost, none);
        }
    }
    row("all", all, none);
    let read = none.read.min(all.read).as_secs_f64();
    let [none, all] = [none, all].map(|cost| read + cost.seconds());
    println!("{:<20} {none:>10.3}", "whole, edges alone");
    println!(
        "{:<20} {all:>10.3} {:>30.2}",
        "whole, all passes",
        all / none
    );
    Ok(())
}

/// Makes a corpus as protobuf frames, which are read fastest.
fn make(folder: &std::path::Path, spans: u64) -> io::Result<String> {
    let options = generate::Options {
        spans,
        services: 200,
        seed: 1,
        sampled: false,
    };
    let path = folder.join("corpus.pb");
    generate::generate(&options, &mut io::sink(), &mut File::create(&path)?)?;
    Ok(path.to_string_lossy().into_owned())
}

fn row(name: &str, cost: Cost, none: Cost) {
    println!(
        "{name:<20} {:>10.3} {:>10.3} {:>10} {:>8.2}",
        cost.observe.as_secs_f64(),
        cost.write.as_secs_f64(),
        cost.records,
        cost.seconds() / none.seconds(),
    );
}

/// Returns what folds with some sets of watchers take, the fastest of so many runs of each.
fn costs<const N: usize>(
    file: &str,
    sets: [&[&'static Watcher]; N],
    runs: usize,
) -> io::Result<[Cost; N]> {
    let mut best = [None; N];
    for _ in 0..runs {
        for (best, watchers) in best.iter_mut().zip(sets) {
            let cost = fold(file, watchers).map_err(io::Error::other)?;
            let is_better = |best: Cost| cost.seconds() < best.seconds();
            if best.is_none_or(is_better) {
                *best = Some(cost);
            }
        }
    }
    Ok(best.map(|cost| cost.expect("there is at least one run")))
}

/// Whose processor time is measured.
#[derive(Clone, Copy)]
enum Whose {
    /// That of this thread, to the nanosecond.
    Thread,
    /// That of all threads, also of those that have ended, to the hundredth of a second.
    Process,
}

impl Whose {
    /// Returns the processor time until now, if the system tells it.
    fn worked(self) -> Option<Duration> {
        match self {
            Whose::Thread => {
                let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
                text.split(' ')
                    .next()?
                    .parse()
                    .ok()
                    .map(Duration::from_nanos)
            }
            Whose::Process => {
                let text = fs::read_to_string("/proc/self/stat").ok()?;
                // User and system time are the 14th and 15th field; the second ends at the last bracket.
                let (_, rest) = text.rsplit_once(')')?;
                let mut fields = rest.split_whitespace().skip(11);
                let mut ticks = || fields.next()?.parse::<u64>().ok();
                Some(Duration::from_millis(
                    (ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND,
                ))
            }
        }
    }
}

/// A moment, and what was worked until then.
struct Time {
    whose: Whose,
    clock: Instant,
    worked: Option<Duration>,
}

impl Time {
    fn now(whose: Whose) -> Time {
        Time {
            whose,
            clock: Instant::now(),
            worked: whose.worked(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.worked, self.whose.worked()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.clock.elapsed(),
        }
    }
}

fn fold(file: &str, watchers: &[&'static Watcher]) -> topple::error::Result<Cost> {
    let policy = Policy::default();
    let options = pipeline::Options {
        inputs: vec![file.to_owned()],
        threads: 2,
        memory: 16 * DEFAULT_MEMORY,
        window: Window::default(),
        shard: None,
        policy: policy.clone(),
        passes: Choice::All,
    };
    let start = Time::now(Whose::Process);
    let read = pipeline::read(&options, &Progress::default())?;
    let traces = Traces::new(read.intakes);
    let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
    let reading = start.elapsed();
    let start = Time::now(Whose::Thread);
    let window = Window::default();
    let mut observer = Observer::new(&traces.dictionary, Arc::clone(&catalogue), window)
        .watched_by(watchers.iter().copied(), &policy);
    let partitions = 0..Assembler::PARTITIONS;
    Assembler::default().for_each(
        &traces,
        partitions,
        |_| TURN,
        |trace| observer.observe(trace),
    )?;
    let mut topology = observer.finish();
    let observe = start.elapsed();
    let tables = topology.ledger.tables();
    let records = tables.map(|(_, table)| table.rows().len()).sum();
    let start = Time::now(Whose::Process);
    codec::encode(&mut topology)?;
    // A run does not free the topology; its process ends.
    let write = start.elapsed();
    Ok(Cost {
        read: reading,
        observe,
        write,
        records,
    })
}
