//! What calls carry, by how far they go.
//!
//! Where calling spans tell the sizes of bodies (`http.request.body.size`, `http.response.body.size`), the bytes of requests and
//! responses are summed of calls that stay in their zone, leave it, leave their region, or of which a zone is not known.
//!
//! Left out on purpose: headers, and what retransmission adds, which no span tells.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::Seen;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::model::MarkKind;
use crate::model::mark::bytes_of;
use crate::model::names::ABSENT;
use crate::pass::trace::locality::{CALLS, ENOUGH, LOCALITY, TO_REGION, TO_ZONE, reach};
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Graph, Measured};
use crate::text;
use crate::trace::NONE;

/// By caller, callee and how far the call goes, of calls whose spans tell the sizes of bodies.
pub(super) const BYTES: TableOf = TableOf {
    name: "locality-bytes",
    layout: Layout {
        parts: [Part::Node, Part::Node, Part::Plain, Part::Unused],
        bin: 0,
        limit: 1 << 13,
        group: 2,
    },
};

/// How far a call goes that does not leave, or of which that is unknown.
const STAYS: u32 = 0;
const UNKNOWN: u32 = 3;

/// Bytes of requests, and of responses.
const SENT: usize = 1;
const RECEIVED: usize = 2;

/// Adds what calls carry.
pub(super) fn observe(seen: &Seen<'_>, table: &mut Table) {
    for (_, call) in seen.sync_calls() {
        let body = seen.trace.marks_of(call.client, MarkKind::Bytes).next();
        let Some((sent, received)) = body.map(bytes_of).filter(|_| call.server != NONE) else {
            continue;
        };
        let (from, to) = (seen.resource(call.client), seen.resource(call.server));
        let is_known = from.zone != ABSENT && to.zone != ABSENT;
        let far = reach(from, to).unwrap_or(if is_known { STAYS } else { UNKNOWN });
        let parts = [seen.end(call.from), seen.end(call.to), far, 0];
        let record = table.at(seen.catalogue, parts, 0);
        record.add(CALLS, 1);
        record.add(SENT, sent);
        record.add(RECEIVED, received);
        record.exemplars.offer(seen.exemplar(call.client));
    }
}

/// Says that nothing tells what calls carry.
pub(super) fn unknown() -> Finding {
    let why = "what calls carry out of their zone is unknown: no calling span tells the sizes of bodies, as \
               http.response.body.size would";
    Finding::unknown(LOCALITY.name, "cross_zone_bytes", why)
}

/// Says what calls carry out of their zones and regions.
pub(super) fn measure(graph: &Graph<'_>, table: &Table, measured: &mut Measured) {
    let bytes = |record: &Record| total([record.sums[SENT], record.sums[RECEIVED]]);
    let rows = table.rows();
    for (metric, far) in [
        ("same_zone_bytes", STAYS),
        ("cross_zone_bytes", TO_ZONE),
        ("cross_region_bytes", TO_REGION),
        ("unplaced_bytes", UNKNOWN),
    ] {
        let of_far = rows.iter().filter(|(key, _)| key.parts[2] == far);
        let sum = total(of_far.map(|(_, record)| bytes(record)));
        measured.metric(metric, sum as f64);
    }
    let by_edge = grouped(table, |key| {
        let [from, to, far, _] = key.parts;
        (graph.name_of(from), graph.name_of(to), far)
    });
    let mut all: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for ((from, to, _), record) in &by_edge {
        let sum = all.entry((from, to)).or_default();
        *sum = total([*sum, bytes(record)]);
    }
    for ((from, to, far), record) in &by_edge {
        let (metric, place) = match *far {
            TO_ZONE => ("cross_zone_bytes", "zone"),
            TO_REGION => ("cross_region_bytes", "region"),
            _ => continue,
        };
        let (calls, carried) = (record.sums[CALLS], bytes(record));
        if calls < ENOUGH || carried == 0 {
            continue;
        }
        let of = all[&(*from, *to)];
        measured.findings.push(Finding {
            value: carried as f64,
            unit: "bytes",
            grade: Grade::Proved,
            count: calls,
            of: calls,
            exemplars: exemplars(record),
            text: format!(
                "{from} -> {to}: {} carried {} out of their {place}, {} sent and {} received: {} of what the calls of this edge carry",
                text::plural(calls, "call"),
                text::bytes(carried),
                text::bytes(record.sums[SENT]),
                text::bytes(record.sums[RECEIVED]),
                text::percent(carried as f64 / of as f64),
            ),
            ..Finding::of(
                LOCALITY.name,
                metric,
                Subject::Edge((*from).to_owned(), (*to).to_owned()),
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::locality::tests::calls;
    use crate::pass::trace::tests::{check, measure, system_of};

    #[test]
    fn bytes_are_counted_by_how_far_they_go() {
        let sized = |n: usize, place: &str, sizes: &str| {
            let drawing = calls(n, place, 1);
            drawing.replace(
                "region=r1 zone=z1\n    rows",
                &format!("region=r1 zone=z1 {sizes}\n    rows"),
            )
        };
        let new = "http.request.body.size=100 http.response.body.size=900";
        let old = "http.request_content_length=100 http.response_content_length=900";
        let home = sized(40, "region=r1 zone=z1", new);
        let away = sized(40, "region=r1 zone=z2", old);
        check(
            "locality",
            &format!("{home}{away}"),
            "proved cross_zone_bytes page->rows 40000.000000: page -> rows: 40 calls carried 39.1 KiB out of their zone, \
                3.91 KiB sent and 35.2 KiB received: 50 % of what the calls of this edge carry",
        );
        let far = sized(40, "region=r2 zone=z3", "http.response.body.size=2000");
        let measured = measure(&system_of(&format!("{home}{away}{far}"), 0));
        let metric = |name: &str| {
            measured
                .metrics
                .iter()
                .find(|of| of.name == name)
                .unwrap()
                .value
        };
        assert_eq!(metric("same_zone_bytes"), 40_000.0);
        assert_eq!(metric("cross_zone_bytes"), 40_000.0);
        assert_eq!(metric("cross_region_bytes"), 80_000.0);
        assert_eq!(metric("unplaced_bytes"), 0.0);
        // What stays has nothing to tell, and neither have few calls.
        check("locality", &home, "");
        let few = sized(20, "region=r1 zone=z2", new);
        check("locality", &format!("{home}{few}"), "");
    }
}
