//! What is known of one edge, and how it adds up.

use crate::fold::exemplar::{Exemplars, Slowest};
use crate::fold::sketch::Sketch;
use crate::model::names::NameId;
use crate::model::peer::Protocol;

/// Which edge: caller, callee, how they speak, whether the caller waits, and which view of a message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// The calling node.
    pub from: u32,
    /// The called node.
    pub to: u32,
    /// How they speak.
    pub protocol: Protocol,
    /// Whether the caller waits.
    pub sync: bool,
    /// Whether it is the direct view of messages that go through a destination.
    pub direct: bool,
}

/// Sums over the calls of one edge. Weighted sums are in units of 2^-20 calls (see [`crate::model::dictionary::Weight`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Logical calls, weighted.
    pub calls: u64,
    /// Attempts, weighted.
    pub attempts: u64,
    /// Attempts of which the called side was seen, weighted.
    pub served: u64,
    /// Attempts that failed on both sides, weighted.
    pub failed_both: u64,
    /// Attempts of which only the calling side failed or was seen to fail, weighted.
    pub failed_client_only: u64,
    /// Attempts of which only the called side failed or was seen to fail, weighted.
    pub failed_server_only: u64,
    /// Attempts at which the caller was at fault (HTTP 4xx and its kin), weighted.
    pub client_faults: u64,
    /// Attempts whose calling side ended by a timeout, weighted.
    pub timeouts: u64,
    /// Attempts marked as resent, hidden below one CLIENT span, and inferred from a failure before; weighted.
    pub retries: [u64; 3],
    /// Attempts seen, unweighted, by grade of evidence.
    pub grades: [u64; 5],
    /// Durations of calling spans.
    pub client_ns: Sketch,
    /// Durations of called spans.
    pub server_ns: Sketch,
    /// Calling minus called duration, where the called side did not last longer.
    pub network_ns: Sketch,
    /// How long messages waited.
    pub queue_ns: Sketch,
    /// Time on critical paths spent in these calls.
    pub critical_ns: u64,
    /// Calls that their requests waited for, but longer for others.
    pub off_path: OffPath,
    /// Traces in which the edge was used.
    pub traces: u64,
    /// Most attempts in one trace.
    pub most_in_trace: u64,
    /// Earliest start in nanoseconds since 1970; `u64::MAX` when unknown.
    pub first: u64,
    /// Latest start; zero when unknown.
    pub last: u64,
    /// Attempts by zone of caller and callee, where one is known; sorted.
    pub zones: Tally<(NameId, NameId)>,
    /// Attempts by region of caller and callee, where one is known; sorted.
    pub regions: Tally<(NameId, NameId)>,
    /// Attempts by version of caller and callee, where one is known; sorted.
    pub versions: Tally<(NameId, NameId)>,
    /// Errors by kind; sorted.
    pub errors: Tally<NameId>,
    /// Any calls.
    pub exemplars: Exemplars,
    /// Failed calls.
    pub failed_exemplars: Exemplars,
    /// The slowest calls.
    pub slowest: Slowest,
    /// The trace observed last and its attempts so far; not part of the sums.
    pub(in crate::fold) current: (u64, u64),
}

/// Calls off the critical path, and how much longer they could have taken before they would have been on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffPath {
    /// Calls as they were seen.
    pub calls: u64,
    /// How much longer they could have taken, together.
    pub slack_ns: u64,
    /// The least by which one of them could have taken longer; `u64::MAX` without calls.
    pub least_ns: u64,
    /// What they took, together.
    pub took_ns: u64,
}

impl Default for OffPath {
    fn default() -> OffPath {
        OffPath {
            calls: 0,
            slack_ns: 0,
            least_ns: u64::MAX,
            took_ns: 0,
        }
    }
}

impl OffPath {
    #[inline]
    pub(super) fn add(&mut self, slack_ns: u64, took_ns: u64) {
        self.merge(&OffPath {
            calls: 1,
            slack_ns,
            least_ns: slack_ns,
            took_ns,
        });
    }

    /// Adds other calls.
    #[inline]
    pub fn merge(&mut self, other: &OffPath) {
        self.calls = self.calls.saturating_add(other.calls);
        self.slack_ns = self.slack_ns.saturating_add(other.slack_ns);
        self.least_ns = self.least_ns.min(other.least_ns);
        self.took_ns = self.took_ns.saturating_add(other.took_ns);
    }
}

/// Counts by key, few keys, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<K>(Vec<(K, u64)>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Tally(Vec::new())
    }
}

impl<K: Ord + Copy> Tally<K> {
    /// Adds to a key.
    #[inline]
    pub fn add(&mut self, key: K, count: u64) {
        match self.0.binary_search_by(|entry| entry.0.cmp(&key)) {
            Ok(at) => self.0[at].1 += count,
            Err(at) => self.0.insert(at, (key, count)),
        }
    }

    /// Adds everything of another.
    pub fn merge(&mut self, other: &Tally<K>) {
        for &(key, count) in &other.0 {
            self.add(key, count);
        }
    }

    /// Returns the same counts under other keys.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(K) -> K) -> Tally<K> {
        let mut renamed = Tally::default();
        for &(key, count) in &self.0 {
            renamed.add(name(key), count);
        }
        renamed
    }

    /// Returns keys and counts, by key.
    pub fn entries(&self) -> &[(K, u64)] {
        &self.0
    }
}

impl Edge {
    /// Returns an edge without calls.
    pub fn new() -> Edge {
        Edge {
            first: u64::MAX,
            ..Edge::default()
        }
    }

    /// Returns all failures, weighted.
    pub fn failed(&self) -> u64 {
        self.failed_both
            .saturating_add(self.failed_client_only)
            .saturating_add(self.failed_server_only)
    }

    /// Adds another edge's sums.
    pub fn merge(&mut self, other: &Edge) {
        for (mine, more) in [
            (&mut self.calls, other.calls),
            (&mut self.attempts, other.attempts),
            (&mut self.served, other.served),
            (&mut self.failed_both, other.failed_both),
            (&mut self.failed_client_only, other.failed_client_only),
            (&mut self.failed_server_only, other.failed_server_only),
            (&mut self.client_faults, other.client_faults),
            (&mut self.timeouts, other.timeouts),
            (&mut self.critical_ns, other.critical_ns),
            (&mut self.traces, other.traces),
        ] {
            *mine = mine.saturating_add(more);
        }
        for (mine, more) in self.retries.iter_mut().zip(other.retries) {
            *mine = mine.saturating_add(more);
        }
        for (mine, more) in self.grades.iter_mut().zip(other.grades) {
            *mine = mine.saturating_add(more);
        }
        self.off_path.merge(&other.off_path);
        self.client_ns.merge(&other.client_ns);
        self.server_ns.merge(&other.server_ns);
        self.network_ns.merge(&other.network_ns);
        self.queue_ns.merge(&other.queue_ns);
        self.most_in_trace = self.most_in_trace.max(other.most_in_trace);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.zones.merge(&other.zones);
        self.regions.merge(&other.regions);
        self.versions.merge(&other.versions);
        self.errors.merge(&other.errors);
        self.exemplars.merge(&other.exemplars);
        self.failed_exemplars.merge(&other.failed_exemplars);
        self.slowest.merge(&other.slowest);
    }

    /// Gives names other numbers.
    pub fn rename(&mut self, texts: &[NameId]) {
        let both = |(a, b): (NameId, NameId)| (texts[a as usize], texts[b as usize]);
        self.zones = self.zones.renamed(both);
        self.regions = self.regions.renamed(both);
        self.versions = self.versions.renamed(both);
        self.errors = self.errors.renamed(|name| texts[name as usize]);
    }
}
