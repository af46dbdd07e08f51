//! `topple init`: writes a policy and a lock that pass today.

use std::path::Path;

use crate::cli::args::InitArgs;
use crate::cli::lock::write_lock;
use crate::cli::output::Output;
use crate::cli::{judge_reading, progress, read_options, say, say_notes};
use crate::error::{Error, Exit, Result};
use crate::pipeline;
use crate::policy::{FILE_NAME, Policy};
use crate::rule::lock;
use crate::rule::starter::starter;

pub(super) fn init(args: InitArgs) -> Result<Exit> {
    if !args.force {
        for name in [FILE_NAME, lock::FILE_NAME] {
            if Path::new(name).exists() {
                return Err(
                    Error::new(format!("{name}: expected no such file yet, found one"))
                        .with_help("--force writes over it"),
                );
            }
        }
    }
    let options = read_options(args.inputs, &args.read, Policy::default())?;
    let (report, reading) = progress::shown(args.talk.quiet, |progress| {
        pipeline::report(&options, progress)
    })?;
    let read = judge_reading(&reading, report.data.spans_understood(), &args.talk)?;
    say_notes(&reading, &args.talk);
    if read != Exit::Open && args.talk.strict {
        return Ok(read);
    }
    if report.data.traces == 0 {
        say("nothing was written: there is no trace to learn from");
        return Ok(Exit::Unknown);
    }
    let (policy, lock) = starter(&report);
    let mut output = Output::open(Some(FILE_NAME))?;
    output.write(|out| out.write_all(policy.as_bytes()))?;
    output.finish()?;
    write_lock(lock::FILE_NAME, &lock, args.talk.quiet)?;
    if !args.talk.quiet {
        say(&format!(
            "{FILE_NAME}: written; read it, then run topple check with the same traces"
        ));
        say(&format!(
            "so that branches merge: echo '{} merge=union' >> .gitattributes",
            lock::FILE_NAME
        ));
    }
    Ok(read)
}
