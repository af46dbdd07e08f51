//! Whose requests had which shape, and where they entered: tables of the topology that tell shares of tenants, regions and
//! cells from shapes, which know none of them.
//!
//! A request belongs to a tenant when exactly one is named in its trace. Shapes are named by their rank, which is the same
//! in every catalogue. Requests of nobody, and requests that enter where neither region nor cell is known, leave no row.

use crate::fold::catalogue::Catalogue;
use crate::fold::exemplar::Exemplar;
use crate::fold::ledger::{Layout, Ledger, Part, Table, TableOf};
use crate::fold::record::Key;
use crate::model::MarkKind;
use crate::model::dictionary::Resource;
use crate::model::names::ABSENT;
use crate::model::span::Flags;
use crate::trace::Trace;

/// Requests by the region and the cell of the instance they enter, and the halves of the rank of their shape.
pub const PLACES: TableOf = TableOf {
    name: "requests-places",
    layout: Layout {
        parts: [Part::Text, Part::Text, Part::Plain, Part::Plain],
        bin: 0,
        limit: 1 << 14,
        group: 0,
    },
};

/// Requests by the halves of the hash of their tenant and of the rank of their shape; of too many, a sample of the tenants.
pub const TENANTS: TableOf = TableOf {
    name: "requests-tenants",
    layout: Layout {
        parts: [Part::Plain; 4],
        bin: 0,
        limit: 1 << 15,
        group: 2,
    },
};

/// Of both: requests, and their weight.
pub const REQUESTS: usize = 0;
/// See [`REQUESTS`].
pub const WEIGHT: usize = 1;

/// Returns the rank of the shape that a key of either table is about.
pub fn shape_of(key: &Key) -> u64 {
    u64::from(key.parts[2]) << 32 | u64::from(key.parts[3])
}

fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

/// A request by its shape, and where it entered.
#[derive(Clone, Copy, Debug)]
pub(in crate::fold) struct Shaped<'a> {
    /// The rank of its shape.
    pub(in crate::fold) shape: u64,
    /// What it entered.
    pub(in crate::fold) resource: &'a Resource,
    /// Whose it is, if somebody's.
    pub(in crate::fold) tenant: Option<u64>,
    /// Its weight.
    pub(in crate::fold) weight: u64,
    /// Where it began.
    pub(in crate::fold) exemplar: Exemplar,
}

/// The tables under construction.
#[derive(Debug)]
pub(in crate::fold) struct Requests {
    places: Table,
    tenants: Table,
}

impl Default for Requests {
    fn default() -> Self {
        Requests {
            places: Table::new(PLACES.layout),
            tenants: Table::new(TENANTS.layout),
        }
    }
}

impl Requests {
    /// Adds a request.
    pub(in crate::fold) fn add(&mut self, catalogue: &Catalogue, request: &Shaped<'_>) {
        let [high, low] = halves(request.shape);
        let count = |table: &mut Table, [one, other]: [u32; 2]| {
            let record = table.at(catalogue, [one, other, high, low], 0);
            record.add(REQUESTS, 1);
            record.add(WEIGHT, request.weight);
            record.exemplars.offer(request.exemplar);
        };
        let place = [request.resource.region, request.resource.cell];
        if place != [ABSENT; 2] {
            count(&mut self.places, place);
        }
        if let Some(tenant) = request.tenant {
            count(&mut self.tenants, halves(tenant));
        }
    }

    /// Puts the tables of so many traces where they belong.
    pub(in crate::fold) fn finish(self, catalogue: &Catalogue, traces: u64, ledger: &mut Ledger) {
        for (of, mut table) in [(PLACES, self.places), (TENANTS, self.tenants)] {
            table.see(traces);
            table.settle(catalogue);
            ledger.insert(of.name, table);
        }
    }
}

/// Returns whose the requests of a trace are, if one tenant is named in it and no other.
pub(in crate::fold) fn tenant_of(trace: &Trace<'_>) -> Option<u64> {
    let mut tenant = None;
    for (span, row) in (0..).zip(trace.spans) {
        if row.flags.has(Flags::MARKS) {
            for mark in trace.marks_of(span, MarkKind::Tenant) {
                if tenant.is_some_and(|known| known != mark) {
                    return None;
                }
                tenant = Some(mark);
            }
        }
    }
    tenant
}
