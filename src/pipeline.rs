//! The whole program as functions that can be read aloud: read, fold, resolve, report.

pub mod base;

pub mod sides;

mod git;

use std::iter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::fold::catalogue::NodeKind;
use crate::fold::system::System;
use crate::fold::topology::Bucket;
use crate::fold::{Catalogue, Observer, Topology, Window, codec, system};
use crate::format::FORMATS;
use crate::input::{self, Buffer, Feed, Framing, Limits, Outline, PolicyFile, Problems, Reading};
use crate::model::attr::ASKED_MAX;
use crate::model::question::Questions;
use crate::pass;
use crate::policy::{self, Policy};
use crate::report::numbers::VOCABULARY;
use crate::report::{self, Report};
use crate::simulate::Question;
use crate::trace::intake::{Intake, Shard};
use crate::trace::{Assembler, Trace, Traces};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

/// Memory that a run holds to unless told otherwise.
pub const DEFAULT_MEMORY: u64 = 256 << 20;

/// What of the memory is not for rows: buffers, names and the topology. Rows held past what is left would be given back
/// in pieces, between which little fits.
const OVERHEAD: u64 = 184 << 20;

/// Turns in which a thread folds its share of the rows, at least.
const TURNS: u64 = 8;

/// Turns that are left for each thread whenever one takes another, so that no thread is long alone at the end.
const LAST_TURNS: u64 = 2;

/// Bytes of rows for which a turn is worth it.
const LEAST_TURN: u64 = 1 << 20;

/// What to read and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files, folders, globs, `-`.
    pub inputs: Vec<String>,
    /// Threads.
    pub threads: usize,
    /// Bytes to hold to; past them spans go to temporary files.
    pub memory: u64,
    /// The times traces must start in.
    pub window: Window,
    /// The share of traces to keep, and the name of the data set it is a share of.
    pub shard: Option<(Shard, String)>,
    /// What is declared about the system.
    pub policy: Policy,
    /// What is looked at.
    pub passes: pass::Choice,
}

/// How far reading has come; looked at from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes taken from disks and pipes.
    pub bytes: AtomicU64,
    /// All bytes there are; zero when unknown.
    pub total: AtomicU64,
    /// Spans read.
    pub spans: AtomicU64,
    /// Whether reading is done.
    pub done: AtomicBool,
}

/// Returns the policy in a file of this name, or the one that is found from the working directory, if there is one.
pub fn policy(rules: Option<&str>) -> Result<Option<Policy>> {
    Ok(named_policy(rules)?.map(|(_, policy)| policy))
}

/// Returns the policy as [`policy()`] does, with the name of its file.
pub fn named_policy(rules: Option<&str>) -> Result<Option<(String, Policy)>> {
    let file = match rules {
        Some(name) => Some(input::policy_file_named(name)?),
        None => input::policy_file(Path::new("."))?,
    };
    let Some(PolicyFile { name, text }) = file else {
        return Ok(None);
    };
    match policy::read(&text, &VOCABULARY) {
        Ok(policy) => Ok(Some((name, policy))),
        Err(mistakes) => Err(policy::read::error(&name, &text, &mistakes)),
    }
}

/// Everything read.
#[derive(Debug)]
pub struct Read {
    /// Spans, per thread.
    pub intakes: Vec<Intake>,
    /// Topologies among the inputs, by source.
    pub topologies: Vec<Topology>,
    /// Sources and problems.
    pub reading: Reading,
}

/// Returns the topology of the inputs, and what was read to make it.
///
/// # Errors
/// Fails when an input cannot be found, nothing can be understood, or a topology cannot be added.
pub fn fold(options: &Options, progress: &Progress) -> Result<(Topology, Reading)> {
    pool(options)?.install(|| fold_inside(options, progress))
}

/// Returns the file of a topology, made by as many threads as the options say. What is left of the topology is not freed: the
/// process is about to end.
///
/// # Errors
/// Fails when threads cannot be started, or the compressor fails.
pub fn encode(options: &Options, mut topology: Topology) -> Result<Vec<u8>> {
    let file = pool(options)?.install(|| codec::encode(&mut topology));
    std::mem::forget(topology);
    file
}

/// Returns the report of the inputs.
///
/// # Errors
/// See [`fold`].
pub fn report(options: &Options, progress: &Progress) -> Result<(Report, Reading)> {
    let build = |system: &System, policy: &Policy, reading: &Reading| {
        report::build::report(system, policy, reading, &options.passes)
    };
    report_with(build, options, progress)
}

/// Returns the report of the inputs on who is central, and what hangs on it.
///
/// # Errors
/// See [`fold`].
pub fn hubs(options: &Options, progress: &Progress) -> Result<(Report, Reading)> {
    report_with(report::build::hubs, options, progress)
}

/// Returns the report of the inputs on what falls when one part falls.
///
/// # Errors
/// See [`fold`].
pub fn cascades(options: &Options, progress: &Progress) -> Result<(Report, Reading)> {
    report_with(report::build::cascades, options, progress)
}

/// Returns the report of the inputs on what calls and requests may take and do take.
///
/// # Errors
/// See [`fold`].
pub fn budgets(options: &Options, progress: &Progress) -> Result<(Report, Reading)> {
    report_with(report::build::budgets, options, progress)
}

/// Returns the report of the inputs on what changes would do.
///
/// # Errors
/// Fails as [`fold`] does, and when a change names something that is not there.
pub fn simulate(
    options: &Options,
    question: &Question,
    progress: &Progress,
) -> Result<(Report, Reading)> {
    let build = |system: &System, policy: &Policy, reading: &Reading| {
        report::build::simulation(system, policy, reading, question)
    };
    let (report, reading) = report_with(build, options, progress)?;
    Ok((report?, reading))
}

fn report_with<T: Send>(
    build: impl FnOnce(&System, &Policy, &Reading) -> T + Send,
    options: &Options,
    progress: &Progress,
) -> Result<(T, Reading)> {
    pool(options)?.install(|| {
        let (topology, reading) = fold_inside(options, progress)?;
        let system = system::resolve_as(topology, &options.policy.services);
        let report = build(&system, &options.policy, &reading);
        // Freeing it piece by piece takes as long as another pass over it, and the process is about to end.
        std::mem::forget(system);
        Ok((report, reading))
    })
}

/// Returns the threads that read, fold and measure. Everything is done inside: what one thread frees another may not find, so fewer
/// threads take less memory.
fn pool(options: &Options) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|error| Error::new(format!("cannot start {} threads: {error}", options.threads)))
}

/// Folds, on the threads of the pool that it is called in.
fn fold_inside(options: &Options, progress: &Progress) -> Result<(Topology, Reading)> {
    let read = read_inside(options, progress)?;
    let mut topology = fold_traces(options, read.intakes, &read.reading)?;
    for more in read.topologies {
        topology = Topology::merge(topology, more)?;
    }
    Ok((topology, read.reading))
}

/// Decodes everything of the inputs and hands it on, record by record, in the order of the inputs; returns how many spans that were.
///
/// # Errors
/// Fails when an input cannot be found or is a topology, and when `write` fails.
pub fn convert(
    inputs: &[String],
    progress: &Progress,
    mut write: impl FnMut(&[ResourceSpans]) -> Result<()>,
) -> Result<(u64, Reading)> {
    let sources = input::find(inputs)?;
    let names: Vec<String> = sources
        .iter()
        .map(|source| source.name().to_owned())
        .collect();
    let feed = Feed::new(sources, &recognise, Limits::default()).cutting(outline);
    let mut problems = Problems::default();
    let mut buffer = Buffer::new();
    let mut found = Vec::new();
    let mut spans = 0;
    while let Some(block) = feed.next(&mut buffer) {
        let Some(format) = FORMATS.get(block.format()) else {
            let name = &names[block.source()];
            return Err(Error::new(format!(
                "{name}: expected traces, found a topology, which has no spans any more"
            )));
        };
        for (record, place) in block.records() {
            let messages = (format.decode)(&record, &mut found);
            for problem in found.drain(..) {
                problems.add(place, &record, problem);
            }
            let scopes = messages.iter().flat_map(|message| &message.scope_spans);
            spans += scopes.map(|scope| scope.spans.len() as u64).sum::<u64>();
            if !messages.is_empty() {
                write(&messages)?;
            }
        }
        let state = feed.progress();
        progress.bytes.store(state.bytes, Ordering::Relaxed);
        progress
            .total
            .store(state.total.unwrap_or(0), Ordering::Relaxed);
        progress.spans.store(spans, Ordering::Relaxed);
    }
    Ok((spans, feed.finish(problems)))
}

/// Says which format content has: an index of [`FORMATS`], or one past its end for a topology.
pub fn recognise(head: &[u8]) -> Option<(usize, Framing)> {
    if codec::is_topology(head) {
        return Some((FORMATS.len(), Framing::Whole));
    }
    FORMATS
        .iter()
        .enumerate()
        .find_map(|(index, format)| (format.recognise)(head).map(|framing| (index, framing)))
}

/// Returns where the documents of a format can be cut.
fn outline(format: usize) -> Option<&'static Outline> {
    FORMATS.get(format)?.outline
}

/// Returns what the policy wants to know of attributes.
fn questions(policy: &Policy) -> Result<Questions> {
    Questions::new(&policy.services.tags, &policy.calls.timeout_from).ok_or_else(|| {
        Error::new(format!(
            "expected a policy that asks for at most {ASKED_MAX} attributes that topple does not understand anyway"
        ))
        .with_help("services.tags and calls.timeout_from name them")
    })
}

/// What one thread read; topologies with the number of their source.
type Part = (Intake, Problems, Vec<(usize, Topology)>);

/// Reads the inputs, every thread into an intake of its own.
///
/// # Errors
/// Fails when an input cannot be found, or is a topology that cannot be read.
pub fn read(options: &Options, progress: &Progress) -> Result<Read> {
    pool(options)?.install(|| read_inside(options, progress))
}

/// Reads, on the threads of the pool that it is called in.
fn read_inside(options: &Options, progress: &Progress) -> Result<Read> {
    let sources = input::find(&options.inputs)?;
    let names: Vec<String> = sources
        .iter()
        .map(|source| source.name().to_owned())
        .collect();
    let feed = Feed::new(sources, &recognise, Limits::default()).cutting(outline);
    let budget = options.memory.saturating_sub(OVERHEAD).max(16 << 20);
    let held = AtomicU64::new(0);
    let shard = options.shard.as_ref().map(|(shard, _)| *shard);
    let first = Intake::new(shard).asking(questions(&options.policy)?);
    let worker = |mut intake: Intake| -> Result<Part> {
        let mut problems = Problems::default();
        let mut topologies = Vec::new();
        let mut buffer = Buffer::new();
        let (mut counted, mut spans) = (0, 0);
        while let Some(block) = feed.next(&mut buffer) {
            let (source, format) = (block.source(), FORMATS.get(block.format()));
            for (record, place) in block.records() {
                match format {
                    Some(format) => (format.read)(&record, &mut intake),
                    None => {
                        topologies.push((source, codec::decode(&names[source], record.bytes())?))
                    }
                }
                for problem in intake.problems.drain(..) {
                    problems.add(place, &record, problem);
                }
            }
            intake.check()?;
            let now = intake.held_bytes();
            let all = if now >= counted {
                held.fetch_add(now - counted, Ordering::Relaxed) + (now - counted)
            } else {
                held.fetch_sub(counted - now, Ordering::Relaxed) - (counted - now)
            };
            counted = now;
            if all > budget {
                intake.spill()?;
            }
            let state = feed.progress();
            progress.bytes.store(state.bytes, Ordering::Relaxed);
            progress
                .total
                .store(state.total.unwrap_or(0), Ordering::Relaxed);
            progress
                .spans
                .fetch_add(intake.spans_read - spans, Ordering::Relaxed);
            spans = intake.spans_read;
        }
        Ok((intake, problems, topologies))
    };
    let parts = rayon::broadcast(|_| worker(first.another()))
        .into_iter()
        .collect::<Result<Vec<_>>>();
    progress.done.store(true, Ordering::Relaxed);
    let mut problems = Problems::default();
    let (mut intakes, mut topologies) = (Vec::new(), Vec::new());
    for (intake, more_problems, more_topologies) in parts? {
        problems.merge(more_problems);
        intakes.push(intake);
        topologies.extend(more_topologies);
    }
    topologies.sort_by_key(|(source, _)| *source);
    Ok(Read {
        intakes,
        topologies: topologies
            .into_iter()
            .map(|(_, topology)| topology)
            .collect(),
        reading: feed.finish(problems),
    })
}

/// Folds the spans read, partition by partition, on the threads of the pool that it is called in.
fn fold_traces(options: &Options, intakes: Vec<Intake>, reading: &Reading) -> Result<Topology> {
    let mut traces = Traces::new(intakes);
    let proxies = &options.policy.services.proxies;
    traces
        .dictionary
        .mark_proxies(|name| proxies.matches_name(name, NodeKind::Service.name()));
    let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
    let next = AtomicU32::new(0);
    let threads = options.threads.max(1) as u64;
    // Threads end together when each takes its rows in several turns, the last ones small.
    let (most, bytes) = (options.memory / 16 / threads, traces.bytes());
    let budget = |partition| {
        let all = u64::from(Assembler::PARTITIONS);
        let left = bytes * (all - u64::from(partition)) / all;
        let turn = (left / (LAST_TURNS * threads)).max(LEAST_TURN);
        turn.min(bytes.div_ceil(TURNS * threads)).min(most)
    };
    let mut observer = Observer::new(&traces.dictionary, catalogue, options.window)
        .watched_by(options.passes.watchers(), &options.policy);
    if !options.passes.has_requests() {
        observer = observer.without_requests();
    }
    let worker = |mut observer: Observer<'_>| -> Result<()> {
        let partitions = iter::from_fn(|| {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            (partition < Assembler::PARTITIONS).then_some(partition)
        });
        let observe = |trace: &Trace<'_>| observer.observe(trace);
        Assembler::default().for_each(&traces, partitions, budget, observe)?;
        observer.flush();
        Ok(())
    };
    rayon::broadcast(|_| worker(observer.another()))
        .into_iter()
        .collect::<Result<()>>()?;
    let mut topology = observer.finish();
    // What could not be read belongs to no trace, so of several shards the first alone counts it.
    if options
        .shard
        .as_ref()
        .is_none_or(|(shard, _)| shard.index == 0)
    {
        let faults = reading
            .sources
            .iter()
            .filter(|source| source.fault.is_some());
        topology.account.unreadable += reading.counts.spans;
        topology.account.problems += reading.counts.total() + faults.count() as u64;
    }
    topology.overflowed.extend(
        traces
            .dictionary
            .names
            .overflowed()
            .map(|class| class.name().to_owned()),
    );
    if let Some((shard, data_set)) = &options.shard {
        topology.buckets.insert(Bucket {
            data_set: data_set.clone(),
            of: shard.of,
            index: shard.index,
        });
    }
    Ok(topology)
}
