//! Arguments and their help.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::simulate::SimulateArgs;
use crate::trace::intake::Shard;

const EXAMPLES: &str = "\
Examples:
  topple traces/                                 the service graph with its numbers
  topple report traces/ --focus cart -f mermaid  the neighbourhood of one service
  topple hubs traces/                            who is central, and what hangs on it
  topple cascades traces/ --focus cart           what falls when cart falls, and why
  topple budgets traces/                         timeouts and retries that cannot hold
  topple simulate traces/ --kill cart            what if nobody answers in cart?
  topple diff before/ after/                     what changed, and where it comes from
  topple check traces/ --base origin/main        may this change pass?
  topple fold traces/ -o day.topo                fold once, report often";

/// Read exported OpenTelemetry traces; show the service graph, its calls, failures and delays
#[derive(Debug, Parser)]
#[command(name = "topple", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the service graph: entry points, edges, services (the default command)
    Report(ReportArgs),
    /// Show who is central, and what hangs on it: hubs, single points, cycles, depth
    Hubs(HubsArgs),
    /// Show what falls when one part falls: requests, ways, failures that happened, fallbacks
    Cascades(CascadesArgs),
    /// Show which timeouts and retries cannot hold, and where the time of each entry point goes
    Budgets(BudgetsArgs),
    /// Show what changes would do: a service gone, calls that fail or take longer, more load, retries
    Simulate(SimulateArgs),
    /// Show what changed between two sets of traces, and where a slow-down or failures come from
    Diff(DiffArgs),
    /// Judge the system by a policy; closed (exit code 1) when a rule is broken
    Check(CheckArgs),
    /// Write a policy and a lock that pass today, to start with
    Init(InitArgs),
    /// Fold traces into a topology file, which is small, adds up, and is read like traces
    Fold(FoldArgs),
    /// Write traces of any format as OTLP JSON or protobuf
    Convert(ConvertArgs),
    /// Explain a metric, a rule, a grade of evidence; with traces, tell the story of one violation
    Explain(ExplainArgs),
    /// Print the schema of what the program writes or reads
    #[command(hide = true)]
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Format on stdout: table, json, csv, dot, mermaid, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct HubsArgs {
    /// Format on stdout: table, json, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct CascadesArgs {
    /// Format on stdout: table, json, csv, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

#[derive(Debug, Args)]
pub(super) struct BudgetsArgs {
    /// Format on stdout: table, json, csv, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  topple diff before/ after/                   what changed, and where it comes from
  topple diff monday.topo now.jsonl -f md      a comment for the pull request
  topple diff origin/main topple.lock          edges added and removed since a commit";

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(super) struct DiffArgs {
    /// What to compare with: traces, a topology, a JSON report, a lock, or a commit whose topple.lock counts
    #[arg(value_name = "BASE")]
    pub(super) base: String,
    /// What to compare: the same
    #[arg(value_name = "HEAD")]
    pub(super) head: String,
    /// Format on stdout: table, json, md [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// Write to a file, its format by its extension; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Vec<String>,
    /// Show only what a service takes part in
    #[arg(long, value_name = "SERVICE")]
    pub(super) focus: Option<String>,
    /// Show at most N rows of each table [default: 20]
    #[arg(long, value_name = "N")]
    pub(super) top: Option<usize>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Show also what does not differ
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Colour the tables
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Trace files, folders, globs, topologies (*.topo), or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// What to compare with: a commit whose lock counts, a lock, traces, a topology, or a JSON report [default: the base of the
    /// pull request in a CI job, else the lock]
    #[arg(long, value_name = "REF|FILE")]
    pub(super) base: Option<String>,
    /// What closes the gate
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = FailOn::Error)]
    pub(super) fail_on: FailOn,
    /// Excuse what the baseline has too
    #[arg(long)]
    pub(super) new_only: bool,
    /// Add the edges of this run to the lock before judging; what a ratchet holds only gets better
    #[arg(long)]
    pub(super) update_lock: bool,
    /// Accept every open violation in the lock, or those of a metric, a rule or an id; may be given several times
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) accept: Vec<String>,
    /// Judge only this rule; may be given several times
    #[arg(long, value_name = "RULE")]
    pub(super) only: Vec<String>,
    /// The day that waivers are held against [default: today in UTC]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(super) today: Option<jiff::civil::Date>,
    /// Format on stdout: pretty, json, md, sarif, junit, gitlab, github [default: pretty]
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// Write to a file, its format by its extension; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Vec<String>,
    /// Show at most N violations [default: 20]
    #[arg(long, value_name = "N")]
    pub(super) top: Option<usize>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Show also what is excused and unknown, and a waiver to paste for each violation
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Colour the verdict
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

/// What closes the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Broken rules whose severity is fail
    Error,
    /// Broken rules of any severity
    Warn,
    /// Nothing
    Never,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Trace files, folders, globs, topologies (*.topo), or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// Write over topple.yaml and topple.lock
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) read: SelectArgs,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

/// What to read, and how much of it to show where.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Trace files, folders, globs, topologies (*.topo), or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// Write to a file, its format by its extension; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Vec<String>,
    /// Show only the neighbourhood of a service
    #[arg(long, value_name = "SERVICE")]
    pub(super) focus: Option<String>,
    /// Hops around the service of --focus [default: 1; for cascades all]
    #[arg(long, value_name = "N")]
    pub(super) depth: Option<usize>,
    /// Show at most N rows of each table [default: 20]
    #[arg(long, value_name = "N")]
    pub(super) top: Option<usize>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Show what is left out when all is well, such as the account of the spans
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Colour the tables
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(super) struct FoldArgs {
    /// Trace files, folders, globs, topologies (*.topo), or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// The topology file to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: String,
    /// Keep only shard K of N of the traces, cut by trace id, and record that in the file
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// Name of the data set that is folded shard by shard; shards of different sets may be merged
    #[arg(long, value_name = "NAME", requires = "shard")]
    pub(super) data_set: Option<String>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Trace files, folders, globs, or - for stdin
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// The file to write, its format by its extension: .json and .jsonl, or .pb [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<String>,
    /// Format: json (one document a line) or protobuf (messages behind 4-byte lengths)
    #[arg(short, long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// What to explain; without a name, everything that can be explained is listed
    pub(super) name: Option<String>,
    /// Traces, to tell the story of the violation, the rule or the finding that NAME is the id of
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<String>,
    /// What to compare with, as in topple check
    #[arg(long, value_name = "REF|FILE")]
    pub(super) base: Option<String>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// What to describe
    #[arg(value_enum, value_name = "WHAT")]
    pub(super) what: Schema,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Schema {
    /// The JSON report
    Report,
    /// The policy file, topple.yaml
    Rules,
    /// The lines of the lock, topple.lock
    Lock,
    /// What topple diff writes as JSON
    Diff,
    /// What topple simulate writes as JSON
    Simulation,
}

/// Which traces to read, by what policy, and with what.
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// The policy file that declares what traces cannot know [default: topple.yaml, here or up to the root of the repository]
    #[arg(long, value_name = "FILE")]
    pub(super) rules: Option<String>,
}

/// Which traces to read, and with what.
#[derive(Debug, Args)]
pub(super) struct SelectArgs {
    /// Only traces that start at this time or later, such as 2026-01-31 or 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) since: Option<u64>,
    /// Only traces that start before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) until: Option<u64>,
    /// Memory to hold to; past it spans wait in temporary files [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(super) memory: Option<u64>,
    /// Threads [default: one per core]
    #[arg(short = 'j', long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

/// What to make of what could not be read.
#[derive(Debug, Args)]
pub(super) struct TalkArgs {
    /// Say nothing on stderr but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Exit with 2 when anything could not be read
    #[arg(long)]
    pub(super) strict: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Returns whether to colour what goes to a terminal or not.
    pub(super) fn wants(self, is_terminal: bool) -> bool {
        let is_set = |name: &str| {
            std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
        };
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !is_set("NO_COLOR") && (is_set("CLICOLOR_FORCE") || is_terminal),
        }
    }
}

/// Parses a time, or a date for its first moment in UTC, to nanoseconds since 1970.
fn time(text: &str) -> Result<u64, String> {
    let timestamp = match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => text
            .parse::<jiff::civil::DateTime>()
            .ok()
            .and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil).ok())
            .ok_or_else(|| {
                "expected a time such as 2026-01-31T08:00:00Z or a date such as 2026-01-31"
                    .to_owned()
            })?,
    };
    u64::try_from(timestamp.as_nanosecond())
        .map_err(|_| "expected a time after 1970 and before 2554".to_owned())
}

/// Parses a date such as 2026-01-31.
fn day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse()
        .map_err(|_| "expected a date such as 2026-01-31".to_owned())
}

/// Parses a number of bytes with an optional unit: `256M`, `1GiB`, `500000`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let unit = text[digits..].trim().to_ascii_uppercase();
    let factor: u64 = match unit.trim_end_matches("IB").trim_end_matches('B') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err("expected a size such as 256M or 1G".to_owned()),
    };
    text[..digits]
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "expected a size such as 256M or 1G".to_owned())
}

/// Parses `K/N` with K below N.
fn shard(text: &str) -> Result<Shard, String> {
    let parse = || {
        let (index, of) = text.split_once('/')?;
        let shard = Shard {
            index: index.parse().ok()?,
            of: of.parse().ok()?,
        };
        (shard.index < shard.of).then_some(shard)
    };
    parse().ok_or_else(|| "expected K/N with K from 0 to N - 1, such as 0/4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn times_sizes_and_shards_are_parsed_or_refused_with_an_example() {
        assert_eq!(time("1970-01-02"), Ok(86_400_000_000_000));
        assert_eq!(time("1970-01-01T00:00:01Z"), Ok(1_000_000_000));
        assert_eq!(time("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(time("yesterday").is_err_and(|text| text.contains("2026")));
        assert!(time("1969-01-01").is_err());
        assert_eq!(size("256M"), Ok(256 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("12"), Ok(12));
        assert!(size("M").is_err() && size("1X").is_err() && size("99999999999T").is_err());
        assert_eq!(shard("1/4"), Ok(Shard { index: 1, of: 4 }));
        assert!(shard("4/4").is_err() && shard("4").is_err());
    }
}
