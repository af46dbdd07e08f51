//! What a run is compared with: earlier traces, a topology, a JSON report, or the facts of a lock.
//!
//! Baselines are compared by identity - rule and subject of a violation, ends and mode of an edge - never by count or position.

use std::collections::BTreeSet;

use crate::report::{Kind, Report};

/// What a run is compared with.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// What it is, in words: `topple.lock at origin/main`.
    pub name: String,
    /// What it says.
    pub report: Report,
    /// How much that is.
    pub extent: Extent,
    /// The ids of what was objected to when it was written, if it was judged then.
    pub objections: BTreeSet<String>,
    /// What of it could not be understood or is not alike, one sentence each.
    pub notes: Vec<String>,
}

/// How much a baseline holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Who speaks to whom: a lock.
    Graph,
    /// Also numbers about services, edges and the whole.
    Numbers,
    /// Everything that a run of its own would hold: traces, a topology, a JSON report. The last has no distributions: a rule
    /// that needs one says so.
    Everything,
}

impl Baseline {
    /// Returns the baseline that a lock is.
    pub fn of_lock(name: String, report: Report) -> Baseline {
        Baseline {
            name,
            report,
            extent: Extent::Graph,
            objections: BTreeSet::new(),
            notes: Vec::new(),
        }
    }
}

/// Returns the edges of the graph of a report, each with whether the caller waits; those of users are left out.
pub(super) fn ties(report: &Report) -> impl Iterator<Item = (&str, &str, bool)> {
    let nodes: BTreeSet<&str> = report
        .services
        .iter()
        .filter(|service| service.kind != Kind::Users)
        .map(|service| service.name.as_str())
        .collect();
    report
        .edges
        .iter()
        .filter(move |edge| !edge.direct && nodes.contains(edge.from.as_str()))
        .map(|edge| (edge.from.as_str(), edge.to.as_str(), edge.sync))
}

/// Ends of edges.
type Pairs = Vec<(String, String)>;

/// Returns the edges that only the first report has, and those that only the second has.
pub(super) fn compare(now: &Report, base: &Report) -> (Pairs, Pairs) {
    let pairs = |report| -> BTreeSet<(&str, &str)> {
        ties(report).map(|(from, to, _)| (from, to)).collect()
    };
    let (now, base) = (pairs(now), pairs(base));
    let only = |a: &BTreeSet<(&str, &str)>, b: &BTreeSet<(&str, &str)>| -> Pairs {
        a.difference(b)
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
            .collect()
    };
    (only(&now, &base), only(&base, &now))
}
