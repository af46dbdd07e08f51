//! Reads the two sides of a comparison: traces, topologies, JSON reports, locks, and locks of commits.

use std::path::Path;

use crate::compare::side::Side;
use crate::error::{Error, Result};
use crate::fold::system;
use crate::input::Reading;
use crate::pipeline::base::{self, Content};
use crate::pipeline::{Options, Progress, fold_inside, pool};
use crate::report::Report;
use crate::report::diff::Holds;
use crate::rule::lock::FILE_NAME;

/// Returns what is known of one side, and what was read to know it and how many spans of it were understood, if that was traces.
///
/// `options` say how to read; the only one of their inputs is the side.
///
/// # Errors
/// Fails when there is nothing of that name, or it cannot be read.
pub fn side(options: &Options, progress: &Progress) -> Result<(Side, Option<(Reading, u64)>)> {
    let [name] = &options.inputs[..] else {
        return Err(Error::new("expected one input on each side"));
    };
    let of_report =
        |name: &str, report: &Report, holds| (Side::of_report(name, report, holds), None);
    let is_input = name == "-" || Path::new(name).exists() || name.contains(['*', '?']);
    if !is_input {
        let (name, lock) =
            base::lock_of_commit(name, FILE_NAME, &options.policy)?.ok_or_else(|| {
                Error::new(format!(
                    "{name}: expected a file, a folder, a glob, -, or a commit with {FILE_NAME}"
                ))
            })?;
        let report = lock.report(&Report::default(), &options.policy);
        return Ok(of_report(&name, &report, Holds::Lock));
    }
    Ok(match base::content(name, &options.policy)? {
        Content::Lock(lock) => {
            let report = lock.report(&Report::default(), &options.policy);
            of_report(name, &report, Holds::Lock)
        }
        Content::Report(said) => of_report(name, &said.report, Holds::Report),
        Content::Traces => pool(options)?.install(|| -> Result<_> {
            let (topology, reading) = fold_inside(options, progress)?;
            let understood = topology.account.understood();
            let system = system::resolve_as(topology, &options.policy.services);
            let side = Side::of_system(name, &system, &options.policy);
            Ok((side, Some((reading, understood))))
        })?,
    })
}
