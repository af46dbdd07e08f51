//! Adds traces to a topology, one at a time.
//!
//! An [`Observer`] reads the meaning of the spans of each trace ([`Linked`]) and the critical path ([`Path`]); one per thread.
//! Traces wait until there are many, and are then added to what all observers of a topology share: edges, instances,
//! entry points, shapes, messages and the tables of passes.

use std::sync::Arc;

use crate::fold::catalogue::Catalogue;
use crate::fold::shared::Shared;
use crate::fold::topology::Topology;
use crate::fold::waiting::Waiting;
use crate::fold::watch::Watcher;
use crate::fold::watching::Watching;
use crate::model::dictionary::Dictionary;
use crate::policy::Policy;
use crate::trace::Trace;
use crate::trace::link::Linked;
use crate::trace::path::Path;

/// The times traces must start in to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Earliest start, in nanoseconds since 1970.
    pub since: Option<u64>,
    /// First start that is too late.
    pub until: Option<u64>,
}

impl Window {
    /// Returns whether a trace that starts then counts; one without any time counts only when no window is asked for.
    fn holds(self, start: Option<u64>) -> bool {
        match (self.since, self.until, start) {
            (None, None, _) => true,
            (_, _, None) => false,
            (since, until, Some(start)) => {
                since.is_none_or(|since| start >= since) && until.is_none_or(|until| start < until)
            }
        }
    }
}

/// A topology under construction, with the space that a thread needs.
#[derive(Debug)]
pub struct Observer<'a> {
    shared: Arc<Shared<'a>>,
    window: Window,
    linked: Linked,
    path: Path,
    waiting: Waiting,
    watching: Watching,
    /// Traces outside the window since the others were added, and their spans.
    outside: (u64, u64),
}

impl<'a> Observer<'a> {
    /// Returns an observer that has seen nothing.
    pub fn new(
        dictionary: &'a Dictionary,
        catalogue: Arc<Catalogue>,
        window: Window,
    ) -> Observer<'a> {
        Observer::of(Arc::new(Shared::new(dictionary, catalogue)), window)
    }

    fn of(shared: Arc<Shared<'a>>, window: Window) -> Observer<'a> {
        let waiting = Waiting::new(shared.looks(|_| true));
        Observer {
            shared,
            window,
            linked: Linked::default(),
            path: Path::default(),
            waiting,
            watching: Watching::new(),
            outside: (0, 0),
        }
    }

    /// Returns the observer, with passes that look at each trace; no other may add to the same topology yet.
    #[must_use]
    pub fn watched_by(
        mut self,
        watchers: impl IntoIterator<Item = &'static Watcher>,
        policy: &'a Policy,
    ) -> Self {
        let shared = Arc::get_mut(&mut self.shared);
        let shared = shared.expect("passes are named before observers multiply");
        shared.watch(watchers, policy);
        self.waiting = Waiting::new(shared.looks(|_| true));
        self
    }

    /// Returns the observer, leaving out entry points and the shapes of their requests, for which nobody asks; no other may add to
    /// the same topology yet.
    #[must_use]
    pub fn without_requests(mut self) -> Self {
        let shared = Arc::get_mut(&mut self.shared);
        let shared = shared.expect("what is left out is known before observers multiply");
        shared.leave_out_requests();
        self
    }

    /// Returns another observer, for another thread, that adds to the same topology.
    #[must_use]
    pub fn another(&self) -> Observer<'a> {
        Observer::of(Arc::clone(&self.shared), self.window)
    }

    /// Adds a trace.
    pub fn observe(&mut self, trace: &Trace<'_>) {
        let times = trace.window();
        if !self.window.holds(times.map(|(start, _)| start)) {
            self.outside.0 += 1;
            self.outside.1 += trace.spans.len() as u64 + u64::from(trace.duplicates);
            return;
        }
        let dictionary = self.shared.dictionary();
        self.linked.read(trace, dictionary);
        self.path.read(trace, &self.linked.meaning(), dictionary);
        self.waiting.push(trace, &self.linked, &self.path);
        if self.waiting.is_full() {
            self.add();
        }
    }

    /// Adds the traces that wait to what all observers share, and shows them to the passes.
    fn add(&mut self) {
        let outside = std::mem::take(&mut self.outside);
        let traces = self.shared.seen(&self.waiting);
        self.shared.add(&traces, outside);
        if self.shared.looks(|_| true) {
            self.watching.look(&traces, &self.shared);
        }
        drop(traces);
        self.waiting.clear();
    }

    /// Adds everything that waits; the last thing that an observer does beside the one that finishes.
    pub fn flush(&mut self) {
        self.add();
        self.watching.finish(&self.shared);
    }

    /// Returns the topology of what was observed; all other observers must be gone.
    pub fn finish(mut self) -> Topology {
        self.flush();
        let shared = Arc::into_inner(self.shared);
        let shared = shared.expect("other observers end before the topology is asked for");
        shared.into_topology()
    }
}
