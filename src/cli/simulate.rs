//! `topple simulate`: reads, and plays changes through.

use crate::cli::args::SimulateArgs;
use crate::cli::{judge_reading, options, output, progress, write_all};
use crate::error::{Error, Exit, Result};
use crate::pipeline;
use crate::render::simulation::SIMULATION_RENDERERS;
use crate::simulate::Question;

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
    let mut exit = judge_reading(&reading, report.data.spans_read, &args.talk)?;
    let requests = report.simulation.as_ref().map_or(0, |of| of.requests);
    if exit == Exit::Open && requests == 0 {
        exit = Exit::Unknown;
    }
    write_all(outputs, &report, args.top, false, args.color)?;
    Ok(exit)
}
