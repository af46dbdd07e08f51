//! What a pass over traces sees of one trace, and how it takes part in the folding.
//!
//! A [`Watcher`] looks at each trace once and adds to its tables; what they mean is the business of the pass. Nothing else
//! of the trace is kept.

use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::{Table, TableOf};
use crate::model::SpanRow;
use crate::model::dictionary::{Detail, Dictionary, Resource};
use crate::model::span::{Flags, Outcome};
use crate::policy::Policy;
use crate::trace::link::{Call, End, EntryKind, Linked};
use crate::trace::path::Path;
use crate::trace::{NONE, Trace};

/// The part of a pass that looks at traces.
#[derive(Debug)]
pub struct Watcher {
    /// Its tables.
    pub tables: &'static [TableOf],
    /// Adds one trace to the tables, which stand in the order of `tables`.
    pub observe: fn(&Seen<'_>, &mut [Table]),
}

/// One trace with everything known about it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its spans.
    pub trace: &'a Trace<'a>,
    /// What rows point to; names have the numbers of the catalogue's texts.
    pub dictionary: &'a Dictionary,
    /// Nodes and texts.
    pub catalogue: &'a Catalogue,
    /// What the spans mean.
    pub linked: &'a Linked,
    /// The critical paths.
    pub path: &'a Path,
    /// The topmost span above each span.
    pub tops: &'a [u32],
    /// The spans, those below one topmost span together.
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
        let entries = &self.linked.entries;
        let at = entries.partition_point(|(entry, _)| *entry < top);
        entries.get(at).filter(|(entry, _)| *entry == top).copied()
    }

    /// Returns a topmost span and all below it, in the order of their ids; nothing for any other span.
    #[inline]
    pub fn below(&self, top: u32) -> &'a [u32] {
        let [from, to] = [top, top + 1].map(|span| self.begins[span as usize] as usize);
        &self.by_top[from..to]
    }

    /// Returns the calls whose caller waits and was seen calling, with their numbers among all calls of the trace.
    pub fn sync_calls(&self) -> impl Iterator<Item = (u32, &'a Call)> {
        let calls = (0u32..).zip(&self.linked.calls);
        calls.filter(|(_, call)| call.sync && call.client != NONE)
    }
}
