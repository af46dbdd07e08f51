//! Entry points, the shapes of their requests, and whose those are.

use crate::fold::catalogue::Catalogue;
use crate::fold::frames::Frames;
use crate::fold::ledger::Ledger;
use crate::fold::requests::{Requests, Shaped, tenant_of};
use crate::fold::shape::{EntryKey, Shapes};
use crate::fold::topology::{Entry, Map};
use crate::fold::watch::Seen;
use crate::model::span::Flags;
use crate::trace::link::EntryKind;

/// The entry points of a topology under construction.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: Map<EntryKey, Box<Entry>>,
    shapes: Shapes,
    requests: Requests,
    frames: Frames,
}

impl Entries {
    /// Adds the requests of a trace.
    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        let (trace, linked, catalogue) = (&seen.trace, &seen.linked, seen.catalogue);
        if linked.entries.is_empty() {
            return;
        }
        self.frames.build(trace, linked, &seen.path, catalogue);
        let tenant = tenant_of(trace);
        for &(span, kind) in linked.entries {
            let row = seen.row(span);
            let service = linked.services[span as usize];
            if service == 0 {
                continue;
            }
            let key = EntryKey {
                node: catalogue.service(service),
                operation: row.operation,
                kind,
            };
            let weight = seen.weight(span);
            let failed = row.flags.outcome().failed();
            let is_timed = !row.flags.has(Flags::NO_START) && !row.flags.has(Flags::NO_END);
            let shape = self.frames.shape(span, catalogue);
            let exemplar = seen.exemplar(span);
            let health_check = row.flags.has(Flags::HEALTH) && kind == EntryKind::Request;
            self.entries.entry(key).or_default().add(
                exemplar,
                weight,
                failed,
                health_check,
                is_timed.then_some(row.duration),
                (shape.depth, shape.hops),
            );
            let steps = (shape.steps, shape.counts);
            if let Some(shape) = self.shapes.add(catalogue, key, steps, weight) {
                let request = Shaped {
                    shape,
                    resource: seen.resource(span),
                    tenant,
                    weight,
                    exemplar,
                };
                self.requests.add(catalogue, &request);
            }
        }
    }

    /// Returns entry points and shapes of so many traces; whose requests they are goes to the tables.
    pub(super) fn finish(
        self,
        catalogue: &Catalogue,
        traces: u64,
        ledger: &mut Ledger,
    ) -> (Map<EntryKey, Box<Entry>>, Shapes) {
        self.requests.finish(catalogue, traces, ledger);
        (self.entries, self.shapes)
    }
}
