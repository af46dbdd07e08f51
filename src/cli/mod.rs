//! The command line: arguments, help, progress, messages, exit codes.
//!
//! stdout is the product, stderr the conversation. An error is printed once, with what to do about it; the exit codes
//! are those of [`Exit`]. A reader who closes the pipe ends the writing quietly.

mod args;

mod output;

mod progress;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};

use clap::Parser;
use clap::error::ErrorKind;

use crate::error::{Error, Exit, Result};
use crate::explain;
use crate::fold::codec;
use crate::input::Reading;
use crate::pipeline::{self, Options};
use crate::render;
use crate::report::focus::focus;
use crate::text;

use args::{Cli, Command, ConvertArgs, ExplainArgs, FoldArgs, ReportArgs, Shared};
use output::Output;

/// Runs the program with its arguments, the first of which is its name; returns how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    output::remove_unfinished_on_interrupt();
    let command = cli.command.unwrap_or(Command::Report(cli.report));
    let result = match command {
        Command::Report(args) => report(args),
        Command::Fold(args) => fold(args),
        Command::Convert(args) => convert(args),
        Command::Explain(args) => explain(&args),
    };
    match result {
        Ok(exit) => exit,
        Err(error) if error.is_quiet() => Exit::Open,
        Err(error) => {
            say_error(&error);
            Exit::Usage
        }
    }
}

/// Prints what clap has to say; help is no error.
fn usage(error: &clap::Error) -> Exit {
    // Nothing can be done when not even this can be written.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Open,
        _ => Exit::Usage,
    }
}

fn say_error(error: &Error) {
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    if let Some(help) = error.help() {
        let _ = writeln!(stderr, "  help: {help}");
    }
}

/// Returns the options of the pipeline, with stdin as the input when there is none and somebody pipes.
fn options(inputs: Vec<String>, shared: &Shared) -> Result<Options> {
    let inputs = if inputs.is_empty() {
        if std::io::stdin().is_terminal() {
            let mut command = <Cli as clap::CommandFactory>::command();
            let _ = write!(
                anstream::stderr().lock(),
                "{}",
                command.render_help().ansi()
            );
            return Err(Error::new(
                "expected trace files, folders or -, found no input",
            ));
        }
        vec!["-".to_owned()]
    } else {
        inputs
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Options {
        inputs,
        threads: shared.threads.unwrap_or(cores).max(1),
        memory: shared.memory.unwrap_or(pipeline::DEFAULT_MEMORY),
        window: crate::fold::Window {
            since: shared.since,
            until: shared.until,
        },
        shard: None,
    })
}

fn report(args: ReportArgs) -> Result<Exit> {
    let renderers = output::renderers(args.format.as_deref(), &args.output)?;
    let options = options(args.inputs, &args.shared)?;
    let (mut report, reading) = progress::shown(args.shared.quiet, |progress| {
        pipeline::report(&options, progress)
    })?;
    let exit = judge_reading(&reading, report.data.spans_read, &args.shared)?;
    if let Some(service) = &args.focus {
        focus(&mut report, service, args.depth)?;
    }
    for (renderer, target) in renderers {
        let style = render::Options {
            color: target.is_none() && args.shared.color.wants(std::io::stdout().is_terminal()),
            top: args.top,
            verbose: args.shared.verbose,
        };
        let mut output = Output::open(target.as_deref())?;
        output.write(|out| (renderer.write)(&report, &style, out))?;
        output.finish()?;
    }
    Ok(exit)
}

/// Says what could not be read; decides whether that ends the run.
fn judge_reading(reading: &Reading, spans_read: u64, shared: &Shared) -> Result<Exit> {
    let mut stderr = anstream::stderr().lock();
    let mut understood = 0;
    let mut faults = 0;
    for source in &reading.sources {
        understood += u64::from(source.records > source.problems || source.fault.is_none());
        if let Some(fault) = &source.fault {
            faults += 1;
            let _ = writeln!(stderr, "error: {fault}");
            if let Some(help) = fault.help() {
                let _ = writeln!(stderr, "  help: {help}");
            }
        }
    }
    if !shared.quiet {
        for problem in &reading.problems {
            let _ = writeln!(stderr, "problem: {}", text::visible(&problem.to_string()));
            if !problem.path.is_empty() {
                let _ = writeln!(stderr, "  in {}", text::visible(&problem.path));
            }
            if let Some(help) = problem.help {
                let _ = writeln!(stderr, "  help: {help}");
            }
        }
        let more = reading.counts.total() - reading.problems.len() as u64;
        if more > 0 {
            let _ = writeln!(
                stderr,
                "... and {more} more {}",
                text::nouns(more, "problem")
            );
        }
    }
    drop(stderr);
    let problems = reading.counts.total();
    if spans_read == 0 && problems > 0 {
        return Err(Error::new(format!(
            "no span was understood: {}",
            text::plural(problems, "problem")
        ))
        .with_help("the first problems are listed above"));
    }
    if faults > 0 && (understood == 0 || spans_read == 0) {
        return Err(Error::new("nothing was understood"));
    }
    if faults > 0 || (shared.strict && problems > 0) {
        return Ok(Exit::Usage);
    }
    Ok(Exit::Open)
}

fn fold(args: FoldArgs) -> Result<Exit> {
    let mut options = options(args.inputs, &args.shared)?;
    options.shard = args
        .shard
        .map(|shard| (shard, args.data_set.unwrap_or_default()));
    let (topology, reading) = progress::shown(args.shared.quiet, |progress| {
        pipeline::fold(&options, progress)
    })?;
    let spans = topology.account.spans();
    let exit = judge_reading(&reading, spans, &args.shared)?;
    if exit != Exit::Open && args.shared.strict {
        return Ok(exit);
    }
    let bytes = codec::encode(topology)?;
    let mut output = Output::open(Some(&args.output))?;
    output.write(|out| out.write_all(&bytes))?;
    output.finish()?;
    if !args.shared.quiet {
        let _ = writeln!(
            anstream::stderr().lock(),
            "{}: {} folded into {}",
            args.output,
            text::plural(spans, "span"),
            text::bytes(bytes.len() as u64)
        );
    }
    Ok(exit)
}

fn convert(args: ConvertArgs) -> Result<Exit> {
    let format = output::trace_format(args.format.as_deref(), args.output.as_deref())?;
    let options = options(args.inputs, &args.shared)?;
    let mut output = Output::open(args.output.as_deref())?;
    let (spans, reading) = progress::shown(args.shared.quiet, |progress| {
        pipeline::convert(&options, progress, |messages| {
            output.write(|out| format.write(messages, out))
        })
    })?;
    let exit = judge_reading(&reading, spans, &args.shared)?;
    output.finish()?;
    Ok(exit)
}

fn explain(args: &ExplainArgs) -> Result<Exit> {
    let mut output = Output::open(None)?;
    match &args.name {
        None => output.write(|out| explain::list(out))?,
        Some(name) => match explain::find(name) {
            Some(explanation) => output.write(|out| explanation.write(out))?,
            None => {
                let error = Error::new(format!(
                    "expected a name that topple explains, found \"{name}\""
                ));
                return Err(match explain::nearest(name) {
                    Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
                    None => error.with_help("topple explain lists all names"),
                });
            }
        },
    }
    output.finish()?;
    Ok(Exit::Open)
}
