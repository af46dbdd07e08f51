//! Where in the repository a violation is shown.
//!
//! What shows results beside code takes a file and a line for each. The best place there is counts: the code of the caller, as
//! its spans name it; the line of the edge in the lock; the source of the service that the policy names; the line of the rule.

use std::collections::BTreeMap;

use crate::finding::Subject;
use crate::report::Report;
use crate::report::verdict::{Location, Violation};
use crate::rule::case::Case;

/// Places in the repository, each file with `/` between folders and from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The policy file.
    pub policy_file: String,
    /// Files of code: as spans name them, and as the repository does.
    pub code: BTreeMap<String, String>,
    /// The lock.
    pub lock_file: String,
    /// The line of each edge in the lock, from 1.
    pub lock_lines: BTreeMap<(String, String), usize>,
}

/// The places of the edges of a report.
pub(super) struct Found<'a> {
    places: &'a Places,
    code: BTreeMap<(&'a str, &'a str), Location>,
}

impl<'a> Found<'a> {
    /// Returns where the edges of a report are made in code.
    pub(super) fn of(report: &'a Report, places: &'a Places) -> Found<'a> {
        let mut code = BTreeMap::new();
        for edge in &report.edges {
            if let Some((file, line)) = &edge.code
                && let Some(file) = places.code.get(file)
            {
                let line = line.and_then(|line| usize::try_from(line).ok());
                let place = Location {
                    file: file.clone(),
                    line: line.unwrap_or(1),
                };
                code.entry((&*edge.from, &*edge.to)).or_insert(place);
            }
        }
        Found { places, code }
    }

    /// Sets where a violation of the rule on a line of the policy is shown, and where each step of its path is.
    pub(super) fn place(&self, violation: &mut Violation, line: usize, case: &Case<'_>) {
        let of_rule = || Location {
            file: self.places.policy_file.clone(),
            line,
        };
        let place = match &violation.subject {
            Subject::System | Subject::Shared(_, _) => None,
            Subject::Service(name) | Subject::Entry(name, _) | Subject::Instance(name, _) => {
                source(name, case)
            }
            Subject::Edge(from, to) | Subject::Call(from, to, _) => self.edge(from, to, case),
            Subject::Path(path) => match path.as_slice() {
                [from, to, ..] => self.edge(from, to, case),
                [name] => source(name, case),
                [] => None,
            },
        };
        violation.location = place.unwrap_or_else(of_rule);
        let steps = violation.path.windows(2).map(|step| match step {
            [from, to] => self.edge(from, to, case),
            _ => None,
        });
        let shown = |step: Option<Location>| step.unwrap_or_else(|| violation.location.clone());
        violation.steps = steps.map(shown).collect();
    }

    /// Returns where an edge is shown, if there is a better place than a rule.
    fn edge(&self, from: &str, to: &str, case: &Case<'_>) -> Option<Location> {
        let of_lock = || {
            let ends = (from.to_owned(), to.to_owned());
            let line = self.places.lock_lines.get(&ends)?;
            Some(Location {
                file: self.places.lock_file.clone(),
                line: *line,
            })
        };
        let of_code = self.code.get(&(from, to)).cloned();
        of_code.or_else(of_lock).or_else(|| source(from, case))
    }
}

/// Returns where the code of a service is, if the policy names a file.
fn source(name: &str, case: &Case<'_>) -> Option<Location> {
    let file = case.service(name)?.source.clone()?;
    let is_file = !file.is_empty() && !file.ends_with('/');
    is_file.then_some(Location { file, line: 1 })
}
