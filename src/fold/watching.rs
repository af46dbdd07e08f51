//! Shows traces to the passes that look at them, and keeps their tables.

use std::sync::Arc;

use crate::fold::attempt::{Attempt, Request};
use crate::fold::catalogue::Catalogue;
use crate::fold::ledger::{Ledger, Table};
use crate::fold::log::Log;
use crate::fold::waiting::{Waiting, Watched};
use crate::fold::watch::{Known, Seen, Watcher};
use crate::model::dictionary::Dictionary;
use crate::policy::Policy;
use crate::trace::link::Linked;
use crate::trace::path::Path;
use crate::trace::{NONE, Trace};

/// Traces shown at a time, few enough to stay in a cache while all passes look at them.
const SHOWN: usize = 32;

/// The passes that look at traces.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    dictionary: &'a Dictionary,
    catalogue: Arc<Catalogue>,
    policy: &'a Policy,
    /// Watchers with their tables.
    watchers: Vec<(&'static Watcher, Vec<Table>)>,
    waiting: Waiting,
    attempts: Log<Attempt>,
    requests: Log<Request>,
}

impl<'a> Watching<'a> {
    /// Returns watchers that have seen nothing.
    pub(super) fn new(
        watchers: impl IntoIterator<Item = &'static Watcher>,
        (dictionary, catalogue): (&'a Dictionary, Arc<Catalogue>),
        policy: &'a Policy,
    ) -> Watching<'a> {
        let empty = |watcher: &'static Watcher| {
            let tables = watcher.tables.iter();
            (watcher, tables.map(|of| Table::new(of.layout)).collect())
        };
        Watching {
            dictionary,
            catalogue,
            policy,
            watchers: watchers.into_iter().map(empty).collect(),
            waiting: Waiting::default(),
            attempts: Log::default(),
            requests: Log::default(),
        }
    }

    /// Returns what is declared about the system.
    pub(super) fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// Takes a trace in; what its spans mean is exchanged for space of the same kind.
    pub(super) fn push(&mut self, trace: &Trace<'_>, linked: &mut Linked, path: &mut Path) {
        if self.watchers.is_empty() {
            return;
        }
        self.waiting.push(trace, linked, path);
        if self.waiting.is_full() {
            self.look();
        }
    }

    /// Shows the traces that wait to every pass.
    fn look(&mut self) {
        let (attempts, requests) = (&mut self.attempts, &mut self.requests);
        let seen = |watched| Seen::of(watched, (self.dictionary, &self.catalogue), self.policy);
        let mut all: Vec<&Watched> = self.waiting.traces().iter().collect();
        let looks = |at: fn(&Watcher) -> bool| self.watchers.iter().any(|(watcher, _)| at(watcher));
        if looks(|watcher| watcher.attempts.is_some()) {
            let all = all.iter().map(|watched| seen(watched));
            all.for_each(|seen| collect_attempts(&seen, attempts));
        }
        if looks(|watcher| watcher.requests.is_some()) {
            let all = all.iter().map(|watched| seen(watched));
            all.for_each(|seen| collect_requests(&seen, requests));
        }
        all.sort_by_key(|watched| watched.likeness);
        for some in all.chunks(SHOWN) {
            let some: Vec<Seen<'_>> = some.iter().map(|watched| seen(watched)).collect();
            for (watcher, tables) in &mut self.watchers {
                for table in &mut *tables {
                    table.see(some.len() as u64);
                }
                if let Some(add) = watcher.traces {
                    some.iter().for_each(|seen| add(seen, tables));
                }
            }
        }
        self.waiting.clear();
        if self.attempts.is_full() {
            self.show_attempts();
        }
        if self.requests.is_full() {
            self.show_requests();
        }
    }

    fn show_attempts(&mut self) {
        let known = Known {
            dictionary: self.dictionary,
            catalogue: &self.catalogue,
        };
        let watchers = &mut self.watchers;
        self.attempts.show(|attempts| {
            for (watcher, tables) in &mut *watchers {
                if let Some(add) = watcher.attempts {
                    add(attempts, &known, tables);
                }
            }
        });
    }

    fn show_requests(&mut self) {
        let known = Known {
            dictionary: self.dictionary,
            catalogue: &self.catalogue,
        };
        let watchers = &mut self.watchers;
        self.requests.show(|requests| {
            for (watcher, tables) in &mut *watchers {
                if let Some(add) = watcher.requests {
                    add(requests, &known, tables);
                }
            }
        });
    }

    /// Adds the tables to a ledger.
    pub(super) fn finish(mut self, ledger: &mut Ledger) {
        self.look();
        self.show_attempts();
        self.show_requests();
        for (watcher, tables) in self.watchers {
            for (of, mut table) in watcher.tables.iter().zip(tables) {
                table.settle(&self.catalogue);
                ledger.insert(of.name, table);
            }
        }
    }
}

/// Takes the attempts of a trace into a log.
fn collect_attempts(seen: &Seen<'_>, attempts: &mut Log<Attempt>) {
    let mut before = NONE;
    for (number, call) in (0u32..).zip(&seen.linked.calls) {
        if call.client != NONE {
            let attempt = Attempt::of(seen, number, call, before);
            attempts.push(attempt.key(), attempt);
            if call.sync {
                before = call.client;
            }
        }
    }
}

/// Takes the requests that the spans of a trace worked on into a log.
fn collect_requests(seen: &Seen<'_>, requests: &mut Log<Request>) {
    for span in 0..seen.trace.spans.len() as u32 {
        if let Some(request) = Request::of(seen, span) {
            requests.push(request.key(), request);
        }
    }
}
