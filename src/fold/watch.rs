//! What a pass over traces sees of one trace, and how it takes part in the folding.
//!
//! A [`Watcher`] adds to its tables; what they mean is the business of the pass. It may look at each trace as a whole, and
//! at what traces have in common: attempts and requests come many at a time, those which are counted together side by
//! side. Nothing else of a trace is kept.

use crate::fold::attempt::{Attempt, Request};
use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::{Table, TableOf};
use crate::model::SpanRow;
use crate::model::dictionary::{Detail, Dictionary, Resource};
use crate::model::names::NameId;
use crate::model::span::{Flags, Kind, Outcome};
use crate::policy::Policy;
use crate::policy::selector::OperationSelector;
use crate::trace::link::{Call, End, EntryKind, Meaning, Retry};
use crate::trace::path::Paths;
use crate::trace::{NONE, Trace};

/// How many spans above each other are climbed: more than programs nest, and few enough for traces made to be deep.
pub const NESTED: usize = 1 << 10;

/// What adds some of many to the tables.
pub type Add<T> = fn(&[T], &Known<'_>, &mut [Table]);

/// How a pass looks at traces.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// At one after the other.
    Each(fn(&Seen<'_>, &mut [Table])),
    /// At many that look alike: what they add to the same table is found at a time, and space is used again.
    Together(fn(&[Seen<'_>], &mut [Table])),
}

/// The part of a pass that looks at traces. Its functions are given the tables in the order of `tables`.
#[derive(Debug)]
pub struct Watcher {
    /// Its tables.
    pub tables: &'static [TableOf],
    /// Adds traces.
    pub traces: Option<Look>,
    /// Adds attempts; those from one node and resource to another stand together.
    pub attempts: Option<Add<Attempt>>,
    /// Adds requests and messages that were worked on; those of one operation of a node and resource stand together.
    pub requests: Option<Add<Request>>,
}

impl Watcher {
    /// Looks at nothing.
    pub const BLIND: Watcher = Watcher {
        tables: &[],
        traces: None,
        attempts: None,
        requests: None,
    };
}

/// What numbers stand for.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What rows point to; names have the numbers of the catalogue's texts.
    pub dictionary: &'a Dictionary,
    /// Nodes and texts.
    pub catalogue: &'a Catalogue,
}

impl<'a> Known<'a> {
    /// Returns a resource.
    #[inline]
    pub fn resource(&self, number: u32) -> &'a Resource {
        &self.dictionary.resources[number as usize]
    }

    /// Returns a detail.
    #[inline]
    pub fn detail(&self, number: u32) -> &'a Detail {
        &self.dictionary.details[number as usize]
    }
}

/// What happened in a trace, for passes that look for something rare.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// Whether a span failed.
    pub failed: bool,
    /// Whether a span was cancelled.
    pub cancelled: bool,
    /// Whether an attempt repeats another.
    pub repeated: bool,
}

impl Signs {
    /// Returns what happened in a trace.
    pub(super) fn of(trace: &Trace<'_>, linked: &Meaning<'_>) -> Signs {
        let mut signs = Signs::default();
        for row in trace.spans {
            let outcome = row.flags.outcome();
            signs.failed |= outcome.failed();
            signs.cancelled |= outcome == Outcome::Cancelled;
        }
        let is_first = |call: &Call| call.retry == Retry::First;
        signs.repeated = !linked.calls.iter().all(is_first);
        signs
    }
}

/// One trace with everything known about it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its spans.
    pub trace: Trace<'a>,
    /// What rows point to; names have the numbers of the catalogue's texts.
    pub dictionary: &'a Dictionary,
    /// Nodes and texts.
    pub catalogue: &'a Catalogue,
    /// What the spans mean.
    pub linked: Meaning<'a>,
    /// The critical paths.
    pub path: Paths<'a>,
    /// What happened.
    pub signs: Signs,
    /// The topmost span above each span.
    pub tops: &'a [u32],
    /// The spans, those below one topmost span together, in the order of their ids.
    pub(in crate::fold) by_top: &'a [u32],
    /// Where in `by_top` the spans below each topmost span begin; one more than there are spans.
    pub(in crate::fold) begins: &'a [u32],
    /// What is declared about the system, for passes that must know what to look for; everything else is matched when
    /// passes measure.
    pub policy: &'a Policy,
}

impl<'a> Seen<'a> {
    /// Returns a span's row.
    #[inline]
    pub fn row(&self, span: u32) -> &'a SpanRow {
        &self.trace.spans[span as usize]
    }

    /// Returns the row of a span that may be [`NONE`].
    #[inline]
    pub fn row_if(&self, span: u32) -> Option<&'a SpanRow> {
        (span != NONE).then(|| self.row(span))
    }

    /// Returns what a span says about its other side and its end.
    #[inline]
    pub fn detail(&self, span: u32) -> &'a Detail {
        &self.dictionary.details[self.row(span).detail as usize]
    }

    /// Returns who emitted a span.
    #[inline]
    pub fn resource(&self, span: u32) -> &'a Resource {
        &self.dictionary.resources[self.row(span).resource as usize]
    }

    /// Returns how a span ended.
    #[inline]
    pub fn outcome(&self, span: u32) -> Outcome {
        self.row(span).flags.outcome()
    }

    /// Returns how many spans this one stands for, in units of 2^-20.
    #[inline]
    pub fn weight(&self, span: u32) -> u64 {
        self.detail(span).weight.0
    }

    /// Returns the node of the service a span works for; [`USERS`] when none is named.
    #[inline]
    pub fn node(&self, span: u32) -> u32 {
        match self.linked.services[span as usize] {
            0 => USERS,
            service => self.catalogue.service(service),
        }
    }

    /// Returns whether a selector of the policy means an operation of a node. Tags of services are not known while traces are
    /// folded: a selector by tags means nothing here, but for the kind of the node.
    pub fn is_meant(&self, selector: &OperationSelector, node: u32, operation: NameId) -> bool {
        if !selector.operation.matches(self.catalogue.text(operation)) {
            return false;
        }
        let node = self.catalogue.node(node);
        let name = self.catalogue.text(node.name);
        selector.service.matches_name(name, node.kind.name())
    }

    /// Returns the node at one end of a call.
    #[inline]
    pub fn end(&self, end: End) -> u32 {
        self.catalogue.end(end)
    }

    /// Returns start and end of a span, if it has both, by the clock of its host.
    #[inline]
    pub fn times(&self, span: u32) -> Option<(u64, u64)> {
        let row = self.row(span);
        let is_timed = !row.flags.has(Flags::NO_START)
            && !row.flags.has(Flags::NO_END)
            && !row.flags.has(Flags::NEGATIVE);
        is_timed.then(|| (row.start, row.start.saturating_add(row.duration)))
    }

    /// Returns how long a span took, if that is known.
    #[inline]
    pub fn duration(&self, span: u32) -> Option<u64> {
        self.times(span).map(|(start, end)| end - start)
    }

    /// Returns a span as something to look at.
    #[inline]
    pub fn exemplar(&self, span: u32) -> Exemplar {
        Exemplar {
            trace: self.trace.id,
            span: self.row(span).span,
        }
    }

    /// Returns the entry point above a span and what kind it is, if the span lies below one.
    pub fn entry(&self, span: u32) -> Option<(u32, EntryKind)> {
        let top = self.tops[span as usize];
        let entries = self.linked.entries;
        let at = entries.partition_point(|(entry, _)| *entry < top);
        entries.get(at).filter(|(entry, _)| *entry == top).copied()
    }

    /// Returns a topmost span and all below it, in the order of their ids; nothing for any other span.
    #[inline]
    pub fn below(&self, top: u32) -> &'a [u32] {
        let [from, to] = [top, top + 1].map(|span| self.begins[span as usize] as usize);
        &self.by_top[from..to]
    }

    /// Returns the node of the service that waits for the work a call is part of, and how long that work had gone on when the
    /// call was made.
    pub fn waited_for(&self, client: u32) -> Option<(u32, u64)> {
        let top = self.top_of_work(client)?;
        let caller = self.node(self.trace.parents[top as usize]);
        if caller == USERS || !self.linked.waits[top as usize] {
            return None;
        }
        let ((began, _), (start, _)) = (self.times(top)?, self.times(client)?);
        Some((caller, start.saturating_sub(began)))
    }

    /// Returns the span with which a service began to work for another, if there is one above a span.
    pub fn top_of_work(&self, span: u32) -> Option<u32> {
        let services = self.linked.services;
        let mut at = span;
        for _ in 0..NESTED {
            let parent = self.trace.parents[at as usize];
            if parent == NONE {
                return None;
            }
            let is_top = self.row(at).flags.kind() == Kind::Server
                || services[parent as usize] != services[span as usize];
            if is_top {
                return (at != span).then_some(at);
            }
            at = parent;
        }
        None
    }

    /// Returns the calls whose caller waits and was seen calling, with their numbers among all calls of the trace.
    pub fn sync_calls(&self) -> impl Iterator<Item = (u32, &'a Call)> {
        let calls = (0u32..).zip(self.linked.calls);
        calls.filter(|(_, call)| call.sync && call.client != NONE)
    }
}
