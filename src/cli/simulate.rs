//! `topple simulate`: reads, and plays changes through.

use clap::Args;

use crate::cli::args::{Color, ReadArgs, TalkArgs};
use crate::cli::{judge_reading, options, output, progress, write_all};
use crate::error::{Error, Exit, Result};
use crate::pipeline;
use crate::render::simulation::SIMULATION_RENDERERS;
use crate::simulate::{Change, DEFAULT_RUNS, DEFAULT_SEED, MAX_RUNS, Question, Verb};

const SIMULATE_EXAMPLES: &str = "\
E is a service, for all calls to it, or an edge \"shop -> cart\". All changes happen at once.

Examples:
  topple simulate traces/ --kill cart
  topple simulate traces/ --slow cart=+200ms --timeout \"shop -> cart=300ms\"
  topple simulate traces/ --errors cart=20% --retries cart=3 --load \"GET /checkout=x2\"";

#[derive(Debug, Args)]
#[command(after_help = SIMULATE_EXAMPLES)]
pub(super) struct SimulateArgs {
    /// Trace files, folders, globs, topologies (*.topo), or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// Nobody answers in a service
    #[arg(long, value_name = "SERVICE", value_parser = |text: &str| Verb::Kill.read(text))]
    pub(super) kill: Vec<Change>,
    /// Calls take longer: +200ms, or x2
    #[arg(long, value_name = "E=TIME", value_parser = |text: &str| Verb::Slow.read(text))]
    pub(super) slow: Vec<Change>,
    /// So many attempts fail
    #[arg(long, value_name = "E=20%", value_parser = |text: &str| Verb::Errors.read(text))]
    pub(super) errors: Vec<Change>,
    /// No attempt arrives
    #[arg(long, value_name = "E", value_parser = |text: &str| Verb::Cut.read(text))]
    pub(super) cut: Vec<Change>,
    /// So many times as many requests enter; ENTRY is a service, an operation, or both
    #[arg(long, value_name = "ENTRY=x2", value_parser = |text: &str| Verb::Load.read(text))]
    pub(super) load: Vec<Change>,
    /// So many attempts of a call at most, the first included; with E=N,20% no more retries than a share of the calls
    #[arg(long, value_name = "E=N", value_parser = |text: &str| Verb::Retries.read(text))]
    pub(super) retries: Vec<Change>,
    /// Callers wait so long for an attempt
    #[arg(long, value_name = "E=300ms", value_parser = |text: &str| Verb::Timeout.read(text))]
    pub(super) timeout: Vec<Change>,
    /// Draws for each entry point, where times matter
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RUNS, value_parser = clap::value_parser!(u64).range(1..=MAX_RUNS))]
    pub(super) runs: u64,
    /// What the draws begin with: the same seed, the same result
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub(super) seed: u64,
    /// Format on stdout: table, json, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// Write to a file, its format by its extension; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Vec<String>,
    /// Show at most N rows of each table [default: 20]
    #[arg(long, value_name = "N")]
    pub(super) top: Option<usize>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Colour the tables
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

pub(super) fn simulate(args: SimulateArgs) -> Result<Exit> {
    let renderers = output::renderers(
        SIMULATION_RENDERERS,
        "table",
        args.format.as_deref(),
        &args.output,
    )?;
    let changes: Vec<_> = [
        args.kill,
        args.slow,
        args.errors,
        args.cut,
        args.load,
        args.retries,
        args.timeout,
    ]
    .concat();
    if changes.is_empty() {
        return Err(Error::new("expected a change to play through, found none")
            .with_help("--kill SERVICE is one; topple simulate -h lists them"));
    }
    let question = Question {
        changes,
        runs: args.runs,
        seed: args.seed,
    };
    let options = options(args.inputs, &args.read)?;
    let outputs = output::open(renderers)?;
    let (report, reading) = progress::shown(args.talk.quiet, |progress| {
        pipeline::simulate(&options, &question, progress)
    })?;
    let mut exit = judge_reading(&reading, report.data.spans_understood(), &args.talk)?;
    let requests = report.simulation.as_ref().map_or(0, |of| of.requests);
    if exit == Exit::Open && requests == 0 {
        exit = Exit::Unknown;
    }
    write_all(outputs, &report, args.top, false, args.color)?;
    Ok(exit)
}
