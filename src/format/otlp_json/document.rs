//! What a document is: traces, another signal or something foreign. Both ways through the format judge by it.

use std::fmt::Write;

/// How many wrappers such as `{"result":{...}}` may stand around the traces.
pub(super) const MAX_WRAPPERS: usize = 8;

/// What a document was seen to hold; both ways through the format judge documents by it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Traces.
    pub(super) traces: bool,
    other_signal: bool,
    foreign: Vec<String>,
    n_foreign: usize,
}

/// What a document is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Traces, or nothing at all.
    Fine,
    /// Metrics or logs.
    OtherSignal,
    /// Something else, described.
    Foreign(String),
}

impl Seen {
    /// Notes a key that is not about traces.
    pub(super) fn key(&mut self, key: &[u8]) {
        const SHOWN: usize = 3;
        if is_other_signal(key) {
            self.other_signal = true;
            return;
        }
        self.n_foreign += 1;
        if self.foreign.len() < SHOWN {
            self.foreign
                .push(String::from_utf8_lossy(key).chars().take(40).collect());
        }
    }

    /// Returns what the document is.
    pub(super) fn judge(&self) -> Judgement {
        if self.traces || (!self.other_signal && self.n_foreign == 0) {
            return Judgement::Fine;
        }
        if self.other_signal {
            return Judgement::OtherSignal;
        }
        let keys = if self.n_foreign == 1 { "key" } else { "keys" };
        let mut found = format!("an object with {keys} {}", self.foreign.join(", "));
        let hidden = self.n_foreign - self.foreign.len();
        if hidden > 0 {
            write!(found, " and {hidden} more").expect("a string takes everything");
        }
        Judgement::Foreign(found)
    }
}

/// Returns whether a key holds metrics, logs or profiles.
pub(super) fn is_other_signal(key: &[u8]) -> bool {
    matches!(
        key,
        b"resourceMetrics"
            | b"resource_metrics"
            | b"scopeMetrics"
            | b"scope_metrics"
            | b"resourceLogs"
            | b"resource_logs"
            | b"scopeLogs"
            | b"scope_logs"
            | b"resourceProfiles"
            | b"resource_profiles"
    )
}
