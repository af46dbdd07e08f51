//! The command line: arguments, help, progress, messages, exit codes.
//!
//! stdout is the product, stderr the conversation. An error is printed once, with what to do about it; the exit codes
//! are those of [`Exit`]. A reader who closes the pipe ends the writing quietly.

mod args;

mod check;

mod diff;

mod explain;

mod init;

mod lock;

mod output;

mod progress;

mod simulate;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::error::{Error, Exit, Result};
use crate::input::Reading;
use crate::pass::Choice;
use crate::pipeline::{self, Options, Progress};
use crate::policy::{self, Policy};
use crate::render::{self, RENDERERS, Renderer};
use crate::report::Report;
use crate::report::focus::focus;
use crate::rule;
use crate::text;

use args::{
    BudgetsArgs, CascadesArgs, Cli, Color, Command, ConvertArgs, FoldArgs, HubsArgs, ReadArgs,
    ReportArgs, Schema, SelectArgs, ShowArgs, TalkArgs,
};
use output::Output;

/// Runs the program with its arguments, the first of which is its name; returns how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    output::remove_unfinished_when_ended();
    // Without a command, the first argument is a file, or a command that was mistyped.
    let first = match cli.command {
        Some(_) => None,
        None => cli.report.show.inputs.first().cloned(),
    };
    let command = cli.command.unwrap_or(Command::Report(cli.report));
    let result = match command {
        Command::Report(args) => report(args),
        Command::Hubs(args) => hubs(args),
        Command::Cascades(args) => cascades(args),
        Command::Budgets(args) => budgets(args),
        Command::Simulate(args) => simulate::simulate(args),
        Command::Diff(args) => diff::diff(args),
        Command::Check(args) => check::check(args),
        Command::Init(args) => init::init(args),
        Command::Fold(args) => fold(args),
        Command::Convert(args) => convert(args),
        Command::Explain(args) => explain::explain(args),
        Command::Schema(args) => schema(args.what),
    };
    match result {
        Ok(exit) => exit,
        Err(error) if error.is_quiet() => Exit::Open,
        Err(error) => {
            say_error(&match first.as_deref().and_then(command_meant_by) {
                Some(command) => error.with_help(format!("did you mean the command {command}?")),
                None => error,
            });
            Exit::Usage
        }
    }
}

/// Returns the command that was probably meant by an argument that is no path.
fn command_meant_by(argument: &str) -> Option<String> {
    if Path::new(argument).exists() {
        return None;
    }
    let program = Cli::command();
    let commands = program.get_subcommands().map(clap::Command::get_name);
    text::nearest(argument, commands).map(str::to_owned)
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

/// Says something on stderr.
fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", text::visible(text));
}

fn say_error(error: &Error) {
    let mut stderr = anstream::stderr().lock();
    for error in error.each() {
        let _ = writeln!(stderr, "error: {error}");
        for line in error.excerpt().into_iter().flat_map(str::lines) {
            let _ = writeln!(stderr, "  {line}");
        }
        if let Some(help) = error.help() {
            let _ = writeln!(stderr, "  help: {help}");
        }
    }
}

/// Returns the inputs, or stdin when there are none and somebody pipes.
fn inputs(inputs: Vec<String>) -> Result<Vec<String>> {
    if !inputs.is_empty() {
        return Ok(inputs);
    }
    if std::io::stdin().is_terminal() {
        let mut command = Cli::command();
        let _ = write!(
            anstream::stderr().lock(),
            "{}",
            command.render_help().ansi()
        );
        return Err(Error::new(
            "expected trace files, folders or -, found no input",
        ));
    }
    Ok(vec!["-".to_owned()])
}

/// Returns the options of the pipeline.
fn options(arguments: Vec<String>, read: &ReadArgs) -> Result<Options> {
    let policy = pipeline::policy(read.rules.as_deref())?;
    read_options(arguments, &read.select, policy.unwrap_or_default())
}

/// Returns the options of the pipeline under a policy.
fn read_options(arguments: Vec<String>, read: &SelectArgs, policy: Policy) -> Result<Options> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Options {
        inputs: inputs(arguments)?,
        threads: read.threads.unwrap_or(cores).max(1),
        memory: read.memory.unwrap_or(pipeline::DEFAULT_MEMORY),
        window: crate::fold::Window {
            since: read.since,
            until: read.until,
        },
        shard: None,
        policy,
        passes: Choice::All,
    })
}

fn report(args: ReportArgs) -> Result<Exit> {
    let renderers = output::renderers(
        RENDERERS,
        "table",
        args.format.as_deref(),
        &args.show.output,
    )?;
    show(renderers, args.show, pipeline::report)
}

/// Formats that the part on who is central can be written in.
const HUBS_FORMATS: [&str; 3] = ["json", "md", "table"];

/// Formats that the part on what falls can be written in.
const CASCADES_FORMATS: [&str; 4] = ["csv", "json", "md", "table"];

/// Formats that the part on budgets can be written in.
const BUDGETS_FORMATS: [&str; 4] = ["csv", "json", "md", "table"];

fn hubs(args: HubsArgs) -> Result<Exit> {
    let renderers = renderers_of(args.format.as_deref(), &args.show, &HUBS_FORMATS)?;
    show(renderers, args.show, pipeline::hubs)
}

fn cascades(args: CascadesArgs) -> Result<Exit> {
    let renderers = renderers_of(args.format.as_deref(), &args.show, &CASCADES_FORMATS)?;
    show(renderers, args.show, pipeline::cascades)
}

fn budgets(args: BudgetsArgs) -> Result<Exit> {
    let renderers = renderers_of(args.format.as_deref(), &args.show, &BUDGETS_FORMATS)?;
    show(renderers, args.show, pipeline::budgets)
}

/// Returns the renderers asked for, all of which must be among some.
fn renderers_of(
    format: Option<&str>,
    args: &ShowArgs,
    formats: &[&str],
) -> Result<Vec<(&'static Renderer, Option<String>)>> {
    let renderers = output::renderers(RENDERERS, "table", format, &args.output)?;
    for (renderer, _) in &renderers {
        if !formats.contains(&renderer.name) {
            return Err(Error::new(format!(
                "expected one of the formats {}, found \"{}\"",
                formats.join(", "),
                renderer.name
            ))
            .with_help(format!("topple report writes {}", renderer.name)));
        }
    }
    Ok(renderers)
}

/// Returns what any of the renderers shows.
fn shown(renderers: &[(&'static Renderer, Option<String>)]) -> Choice {
    let edges: Option<Vec<_>> = renderers.iter().map(|(to, _)| to.edges_with).collect();
    edges.map_or(Choice::All, |passes| Choice::Edges(passes.concat()))
}

/// Reads, measures and writes.
fn show(
    renderers: Vec<(&'static Renderer, Option<String>)>,
    args: ShowArgs,
    run: fn(&Options, &Progress) -> Result<(Report, Reading)>,
) -> Result<Exit> {
    let mut options = options(args.inputs, &args.read)?;
    options.passes = shown(&renderers);
    let outputs = output::open(renderers)?;
    let (mut report, reading) =
        progress::shown(args.talk.quiet, |progress| run(&options, progress))?;
    let mut exit = judge_reading(&reading, report.data.spans_understood(), &args.talk)?;
    if exit == Exit::Open && report.data.traces == 0 {
        exit = Exit::Unknown;
    }
    if matches!(options.passes, Choice::Edges(_)) {
        say_notes(&reading, &args.talk);
    }
    if let Some(service) = &args.focus {
        focus(&mut report, service, args.depth)?;
    }
    write_all(outputs, &report, args.top, args.verbose, args.color)?;
    Ok(exit)
}

/// Writes a report everywhere it was asked for.
fn write_all(
    outputs: Vec<output::Opened>,
    report: &Report,
    top: Option<usize>,
    verbose: bool,
    color: Color,
) -> Result<()> {
    for (renderer, is_stdout, mut output) in outputs {
        let style = render::Options {
            color: is_stdout && color.wants(std::io::stdout().is_terminal()),
            top,
            verbose,
        };
        let written = output.write(|out| (renderer.write)(report, &style, out));
        pass_by_closed_pipe(written.and_then(|()| output.finish()))?;
    }
    Ok(())
}

/// Returns no error when the reader of our output went away: that ends the writing, not the judgement.
fn pass_by_closed_pipe(written: Result<()>) -> Result<()> {
    match written {
        Err(error) if error.is_quiet() => Ok(()),
        written => written,
    }
}

/// Says what could not be read; decides whether that ends the run. Spans of which nothing could be used are not understood.
fn judge_reading(reading: &Reading, understood_spans: u64, talk: &TalkArgs) -> Result<Exit> {
    let mut understood = 0;
    let mut faults = 0;
    for source in &reading.sources {
        understood += u64::from(source.records > source.problems || source.fault.is_none());
        if let Some(fault) = &source.fault {
            faults += 1;
            say_error(fault);
        }
    }
    if !talk.quiet {
        let mut stderr = anstream::stderr().lock();
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
    let problems = reading.counts.total();
    if understood_spans == 0 && problems > 0 {
        return Err(Error::new(format!(
            "no span was understood: {}",
            text::plural(problems, "problem")
        ))
        .with_help(if talk.quiet {
            "without --quiet the first problems are listed"
        } else {
            "the first problems are listed above"
        }));
    }
    if faults > 0 && (understood == 0 || understood_spans == 0) {
        return Err(Error::new("nothing was understood"));
    }
    if talk.strict && problems > 0 {
        say_error(&Error::new(format!(
            "expected input without problems, as --strict asks, found {}",
            text::plural(problems, "problem")
        )));
        return Ok(Exit::Usage);
    }
    Ok(if faults > 0 { Exit::Usage } else { Exit::Open })
}

/// Says what there is to know of files that were read, such as a last line that is incomplete, where the output does not.
fn say_notes(reading: &Reading, talk: &TalkArgs) {
    if talk.quiet {
        return;
    }
    let mut stderr = anstream::stderr().lock();
    for source in &reading.sources {
        for note in &source.notes {
            let note = format!("{}: {note}", source.name);
            let _ = writeln!(stderr, "note: {}", text::visible(&note));
        }
    }
}

fn fold(args: FoldArgs) -> Result<Exit> {
    let mut options = options(args.inputs, &args.read)?;
    options.shard = args
        .shard
        .map(|shard| (shard, args.data_set.unwrap_or_default()));
    let mut output = Output::open(Some(&args.output))?;
    let (topology, reading) = progress::shown(args.talk.quiet, |progress| {
        pipeline::fold(&options, progress)
    })?;
    let spans = topology.account.spans();
    let understood = topology.account.understood();
    let exit = judge_reading(&reading, understood, &args.talk)?;
    say_notes(&reading, &args.talk);
    if exit != Exit::Open && args.talk.strict {
        return Ok(exit);
    }
    let bytes = pipeline::encode(&options, topology)?;
    output.write(|out| out.write_all(&bytes))?;
    output.finish()?;
    if !args.talk.quiet {
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
    let inputs = inputs(args.inputs)?;
    let mut output = Output::open(args.output.as_deref())?;
    let (spans, reading) = progress::shown(args.talk.quiet, |progress| {
        pipeline::convert(&inputs, progress, |messages| {
            output.write(|out| format.write(messages, out))
        })
    })?;
    let exit = judge_reading(&reading, spans, &args.talk)?;
    say_notes(&reading, &args.talk);
    if exit != Exit::Open && args.talk.strict {
        return Ok(exit);
    }
    output.finish()?;
    Ok(exit)
}

fn schema(what: Schema) -> Result<Exit> {
    let text = match what {
        Schema::Report => render::json::schema::SCHEMA.to_owned(),
        Schema::Diff => render::json::schema::DIFF_SCHEMA.to_owned(),
        Schema::Simulation => format!("{:#}\n", render::json::schema::simulation_schema()),
        Schema::Rules => format!("{:#}\n", policy::schema::schema()),
        Schema::Lock => format!("{:#}\n", rule::lock::schema::schema()),
    };
    let mut output = Output::open(None)?;
    output.write(|out| out.write_all(text.as_bytes()))?;
    output.finish()?;
    Ok(Exit::Open)
}
