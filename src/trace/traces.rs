//! All spans read, by partition, from which a share at a time is loaded: as many traces as may be held together, or a part of the
//! spans of a trace that is too large.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::model::dictionary::Dictionary;
use crate::model::id::mix;
use crate::model::lexicon::{Recall, Renumbering};
use crate::model::span::Kind;
use crate::model::{LinkRow, SpanId, SpanRow};
use crate::trace::intake::Intake;
use crate::trace::store::{PARTITIONS, Store};

/// All spans read, by partition.
#[derive(Debug)]
pub struct Traces {
    /// What rows point to.
    pub dictionary: Dictionary,
    /// From the numbers of the rows to those of the dictionary.
    map: Renumbering,
    stores: Vec<(Store<SpanRow>, Store<LinkRow>)>,
}

impl Traces {
    /// Puts together what threads have read, each into [another](Intake::another) intake.
    pub fn new(intakes: Vec<Intake>) -> Traces {
        let mut recall = Recall::default();
        let mut stores = Vec::new();
        for intake in intakes {
            recall = intake.recall;
            stores.push((intake.spans, intake.links));
        }
        let lexicon = Arc::into_inner(recall.lexicon);
        let lexicon = lexicon.expect("all threads read with one lexicon, and have ended");
        let (dictionary, map) = lexicon.close();
        Traces {
            dictionary,
            map,
            stores,
        }
    }

    /// Returns the bytes of all rows.
    pub fn bytes(&self) -> u64 {
        let rows: usize = (0..PARTITIONS).map(|partition| self.len(partition)).sum();
        (rows * size_of::<SpanRow>()) as u64
    }

    /// Returns how many spans a partition has.
    pub(in crate::trace) fn len(&self, partition: u32) -> usize {
        self.stores
            .iter()
            .map(|(spans, _)| spans.len(partition))
            .sum()
    }

    /// Lets go of the rows of a partition.
    pub(in crate::trace) fn drop_rows(&self, partition: u32) {
        for (spans, links) in &self.stores {
            spans.drop_rows(partition);
            links.drop_rows(partition);
        }
    }

    /// Returns the traces of a partition with more rows than `most`: the lower halves of their ids, and how many rows. Sorted.
    pub(in crate::trace) fn large(&self, partition: u32, most: u64) -> Result<Vec<(u64, u64)>> {
        if self.len(partition) as u64 <= most {
            return Ok(Vec::new());
        }
        let mut rows_of: HashMap<u64, u64, FxBuildHasher> = HashMap::default();
        for (spans, _) in &self.stores {
            spans.for_each_chunk(partition, |chunk| {
                for row in chunk {
                    *rows_of.entry(row.trace.low).or_default() += 1;
                }
            })?;
        }
        let mut large: Vec<(u64, u64)> = rows_of.into_iter().filter(|of| of.1 > most).collect();
        large.sort_unstable();
        Ok(large)
    }

    /// Adds a share of a partition: rows with the numbers of the dictionary.
    pub(in crate::trace) fn load(
        &self,
        partition: u32,
        share: Share<'_>,
        rows: &mut Vec<SpanRow>,
        links: &mut Vec<LinkRow>,
    ) -> Result<()> {
        let map = &self.map;
        for (span_store, _) in &self.stores {
            let renamed = |row: &SpanRow| SpanRow {
                resource: map.resources[row.resource as usize],
                operation: map.names[row.operation as usize],
                detail: map.details[row.detail as usize],
                ..*row
            };
            span_store.for_each_chunk(partition, |chunk| match share {
                // An iterator that knows its length copies without asking for room row by row.
                Share::Traces {
                    of: 1, large: [], ..
                } => rows.extend(chunk.iter().map(renamed)),
                Share::Traces { .. } | Share::Spans { .. } => {
                    let of_share = chunk.iter().filter(|row| share.holds(row));
                    rows.extend(of_share.map(renamed));
                }
            })?;
        }
        let owners: HashSet<SpanId, FxBuildHasher> = match share {
            Share::Traces { .. } => HashSet::default(),
            Share::Spans { .. } => rows.iter().map(|row| row.span).collect(),
        };
        for (_, link_store) in &self.stores {
            link_store.for_each_chunk(partition, |chunk| {
                let of_share = chunk.iter().filter(|link| share.holds_link(link, &owners));
                links.extend(of_share.map(|link| link.renamed(&map.names)));
            })?;
        }
        Ok(())
    }
}

/// What of a partition is loaded.
#[derive(Clone, Copy, Debug)]
pub(in crate::trace) enum Share<'a> {
    /// A share of the traces, without those that are too large.
    Traces {
        index: u64,
        of: u64,
        large: &'a [(u64, u64)],
    },
    /// A share of the spans of one trace.
    Spans { low: u64, index: u64, of: u64 },
}

impl Share<'_> {
    /// Returns whether a trace is one of the share.
    fn holds_trace(index: u64, of: u64, large: &[(u64, u64)], low: u64) -> bool {
        let is_large = || large.binary_search_by_key(&low, |large| large.0).is_ok();
        // Bits that the partition did not use up.
        (of == 1 || mix(low) >> 8 & (of - 1) == index) && (large.is_empty() || !is_large())
    }

    fn holds(self, row: &SpanRow) -> bool {
        match self {
            Share::Traces { index, of, large } => {
                Share::holds_trace(index, of, large, row.trace.low)
            }
            Share::Spans { low, index, of } => {
                // The called side stays with the calling side.
                let key = match row.flags.kind() {
                    Kind::Server | Kind::Consumer if !row.parent.is_zero() => row.parent,
                    _ => row.span,
                };
                row.trace.low == low && mix(key.0) & (of - 1) == index
            }
        }
    }

    /// Returns whether a link is one of the share, of which these are spans.
    fn holds_link(self, link: &LinkRow, owners: &HashSet<SpanId, FxBuildHasher>) -> bool {
        match self {
            Share::Traces { index, of, large } => {
                Share::holds_trace(index, of, large, link.trace.low)
            }
            Share::Spans { low, .. } => link.trace.low == low && owners.contains(&link.span),
        }
    }
}
