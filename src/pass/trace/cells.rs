//! Whether cells keep to themselves: calls that leave their cell, and what several cells use.
//!
//! A cell is what a resource says of itself (`deployment.cell` and its kin). A call crosses when both sides name cells and the
//! names differ. What names no cell of its own (a database, a queue, an outside host, or an instance without the attribute) is
//! shared when callers in two cells or more use it, and so is a tenant whose requests are worked on in several.
//!
//! The isolation index is the share of calls that stay, among calls with both cells known; it is told only when those are
//! at least 95 % of all. What crossing costs is the *added* time: client less server duration, which needs no common clock, of the calls that
//! cross, against those of the same edge that do not, each in the median.
//!
//! Left out on purpose: what a service may share by design (routers, identity), which is for a policy to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::{Key, Record};
use crate::fold::sketch::Sketch;
use crate::fold::{Attempt, Known, Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::names::ABSENT;
use crate::model::span::Flags;
use crate::pass::trace::locality::{Between, ENOUGH, added_ns};
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds what cells share.
pub static CELLS: Pass = Pass {
    name: "cells",
    about: "calls that leave their cell, and what several cells use",
    explain: "cells",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and their cells: calls that cross. Under the key of zeros the calls that do not.
        TableOf {
            name: "cells",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
        // By callee, its instance and the caller's cell: calls of what names no cell.
        TableOf {
            name: "cells-shared",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 2,
            },
        },
        // By the two halves of a tenant's hash and cell.
        TableOf {
            name: "cells-tenants",
            layout: Layout {
                parts: [Part::Plain, Part::Plain, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 15,
                group: 2,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    attempts: Some(add_attempts),
    ..Watcher::BLIND
};

/// Calls that cross, of a key with cells; with the distribution of client less server time.
const CROSSING: usize = 0;
/// Calls that stay in their cell, and calls of which a cell is not known, under the key of zeros.
const STAYING: usize = 1;
const UNTOLD: usize = 2;

/// The least share of calls whose cells are known for an isolation index.
const COVERAGE: f64 = 0.95;

fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [edges, shared, _] = tables else {
        return;
    };
    let (mut staying, mut untold) = (0, 0);
    for attempt in attempts {
        let from = known.resource(attempt.client).cell;
        let server = attempt.server().map(|number| known.resource(number));
        let to = server.map_or(ABSENT, |server| server.cell);
        if server.is_some() {
            match (from, to) {
                (ABSENT, _) | (_, ABSENT) => untold += 1,
                (from, to) if from == to => staying += 1,
                (from_cell, to_cell) => {
                    let parts = [attempt.from, attempt.to, from_cell, to_cell];
                    let record = edges.at(known.catalogue, parts, 0);
                    record.add(CROSSING, 1);
                    if let Some(ns) = attempt.way().filter(|_| attempt.sync && attempt.lone) {
                        record.sample(ns);
                    }
                    record.exemplars.offer(attempt.exemplar);
                }
            }
        }
        if from != ABSENT && to == ABSENT {
            let instance = server.map_or(ABSENT, |server| server.instance);
            let parts = [attempt.to, instance, from, 0];
            let record = shared.at(known.catalogue, parts, 0);
            record.add(0, 1);
            record.exemplars.offer(attempt.exemplar);
        }
    }
    if staying + untold > 0 {
        let record = edges.at(known.catalogue, [0; 4], 0);
        record.add(STAYING, staying);
        record.add(UNTOLD, untold);
    }
}

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [_, _, tenants] = tables else {
        return;
    };
    if seen.trace.marks.is_empty() {
        return;
    }
    for (span, row) in (0..).zip(seen.trace.spans) {
        if row.flags.has(Flags::MARKS) && seen.resource(span).cell != ABSENT {
            for tenant in seen.trace.marks_of(span, MarkKind::Tenant) {
                let parts = [
                    (tenant >> 32) as u32,
                    tenant as u32,
                    seen.resource(span).cell,
                    0,
                ];
                let record = tenants.at(seen.catalogue, parts, 0);
                record.add(0, 1);
                record.exemplars.offer(seen.exemplar(span));
            }
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [edges, shared, tenants] = WATCHER.tables else {
        return;
    };
    let unknown = |why: String| Finding::unknown(CELLS.name, "cell_isolation", why);
    let tables = (
        graph.table(edges),
        graph.table(shared),
        graph.table(tenants),
    );
    let (Some(edges), Some(shared), Some(tenants)) = tables else {
        let why = "cells: no calls were looked at for their cells: fold the traces again";
        return measured.findings.push(unknown(why.to_owned()));
    };
    let zeros = edges.get(&Key::default());
    let count = |sum: usize| zeros.map_or(0, |record| record.sums[sum]);
    let (staying, untold) = (count(STAYING), count(UNTOLD));
    let rows = edges.rows();
    let others = edges.other().into_iter();
    let all = rows.iter().map(|(_, record)| *record).chain(others);
    let crossing = total(all.map(|record| record.sums[CROSSING]));
    let known = total([staying, crossing]);
    if known == 0 && shared.rows().is_empty() {
        let why = "cells: no span names its cell, as deployment.cell in the resource would";
        return measured.findings.push(unknown(why.to_owned()));
    }
    measured.metric("cross_cell_calls", crossing as f64);
    let calls = total([known, untold]);
    let coverage = known as f64 / calls as f64;
    if coverage >= COVERAGE {
        measured.metric("cell_isolation", staying as f64 / known as f64);
    } else {
        measured.findings.push(unknown(format!(
            "cells: both cells are known of {} of {} calls alone; the isolation index takes 95 %",
            text::count(known),
            text::count(calls)
        )));
    }
    crossings(graph, edges, known, measured);
    shared_by_cells(graph, shared, measured);
    tenants_in_cells(tenants, measured);
}

fn crossings(graph: &Graph<'_>, edges: &Table, known: u64, measured: &mut Measured) {
    let mut pairs: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for (key, record) in edges.rows() {
        if record.sums[CROSSING] > 0 {
            let [from, to, one, other] = key.parts;
            let cells = format!("{} to {}", graph.text(one), graph.text(other));
            let ends = (graph.name_of(from), graph.name_of(to));
            pairs.entry(ends).or_default().insert(cells);
        }
    }
    let by_edge = grouped(edges, |key| {
        let [from, to, ..] = key.parts;
        (graph.name_of(from), graph.name_of(to))
    });
    let between = Between::all(graph);
    for ((from, to), cells) in pairs {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let record = &by_edge[&(from, to)];
        let count = record.sums[CROSSING];
        let all = between.get(&(from, to)).map(|between| &between.network_ns);
        let added = all.and_then(|all| added_time((from, to), record, all));
        measured.findings.push(Finding {
            value: count as f64,
            unit: "calls",
            grade: Grade::Proved,
            count,
            of: known,
            exemplars: exemplars(record),
            text: format!(
                "{from} -> {to}: {} into another cell ({})",
                text::plural(count, "call"),
                text::listed(&cells)
            ),
            ..Finding::of(
                CELLS.name,
                "cross_cell_calls",
                Subject::Edge(from.to_owned(), to.to_owned()),
            )
        });
        measured.findings.extend(added);
    }
}

/// Says what crossing adds to the calls of an edge, if enough of them do.
fn added_time((from, to): (&str, &str), record: &Record, all: &Sketch) -> Option<Finding> {
    let crossed = record.sketch.as_deref()?;
    if crossed.count() < ENOUGH {
        return None;
    }
    let stayed = all.without(crossed);
    let (added, is_compared) = added_ns(crossed, &stayed)?;
    let compared = match is_compared {
        true => "more than those that stay",
        false => "on the way",
    };
    Some(Finding {
        value: added as f64 / 1e6,
        unit: "ms",
        grade: Grade::Measured,
        count: crossed.count(),
        of: all.count().max(crossed.count()),
        exemplars: exemplars(record),
        text: format!(
            "{from} -> {to}: calls into another cell take {} {compared}, in the median of {}",
            text::duration(added),
            text::count(crossed.count()),
        ),
        ..Finding::of(
            CELLS.name,
            "cross_cell_latency",
            Subject::Edge(from.to_owned(), to.to_owned()),
        )
    })
}

fn shared_by_cells(graph: &Graph<'_>, shared: &Table, measured: &mut Measured) {
    let mut used: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (key, _) in shared.rows() {
        let [callee, instance, cell, _] = key.parts;
        let place = (graph.name_of(callee), graph.text(instance));
        used.entry(place).or_default().insert(graph.text(cell));
    }
    let records = grouped(shared, |key| {
        (graph.name_of(key.parts[0]), graph.text(key.parts[1]))
    });
    used.retain(|_, cells| cells.len() > 1);
    measured.metric("shared_between_cells", used.len() as f64);
    for ((callee, instance), cells) in used {
        let record = &records[&(callee, instance)];
        let subject = match instance {
            "" => Subject::Service(callee.to_owned()),
            instance => Subject::Instance(callee.to_owned(), instance.to_owned()),
        };
        measured.findings.push(Finding {
            value: cells.len() as f64,
            unit: "cells",
            grade: Grade::Proved,
            count: cells.len() as u64,
            exemplars: exemplars(record),
            text: format!(
                "{subject}: used from {} ({})",
                text::plural(cells.len() as u64, "cell"),
                text::listed(&cells.iter().copied().collect::<Vec<_>>())
            ),
            ..Finding::of(CELLS.name, "shared_between_cells", subject)
        });
    }
}

fn tenants_in_cells(tenants: &Table, measured: &mut Measured) {
    let mut cells: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for (key, _) in tenants.rows() {
        *cells.entry((key.parts[0], key.parts[1])).or_default() += 1;
    }
    let several = cells.values().filter(|&&cells| cells > 1).count() as u64;
    if cells.is_empty() {
        return;
    }
    measured.metric("tenants_in_several_cells", several as f64);
    if several == 0 {
        return;
    }
    let by_tenant = grouped(tenants, |key| (key.parts[0], key.parts[1]));
    let shown = cells.iter().find(|(_, cells)| **cells > 1);
    let sampled = match tenants.bounds() {
        (_, 0) => "",
        _ => ", in a sample of the tenants",
    };
    measured.findings.push(Finding {
        value: several as f64,
        unit: "tenants",
        grade: Grade::Proved,
        count: several,
        of: cells.len() as u64,
        exemplars: shown.map_or(Vec::new(), |(tenant, _)| exemplars(&by_tenant[tenant])),
        text: format!(
            "requests of {} of {} were worked on in several cells{sampled}",
            text::count(several),
            text::plural(cells.len() as u64, "tenant")
        ),
        ..Finding::of(CELLS.name, "tenants_in_several_cells", Subject::System)
    });
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    #[test]
    fn a_call_into_another_cell_is_found_and_one_at_home_is_not() {
        check(
            "cells",
            "trace t1
             shop < GET /cart         0..100  cell=c1
               shop > GET /prices    10..40   cell=c1
                 prices < GET /prices 12..38  cell=c2
             trace t2
             shop < GET /cart         0..100  cell=c1
               shop > GET /prices    10..40   cell=c1
                 prices < GET /prices 12..38  cell=c1",
            "proved cross_cell_calls shop->prices 1.000000: \
                shop -> prices: 1 call into another cell (c1 to c2)",
        );
    }

    /// Returns requests with a call to a server in a cell, so many milliseconds on the way.
    fn calls(n: usize, cell: &str, network_ms: usize) -> String {
        let mut drawing = String::new();
        for number in 0..n {
            let end = 20 + network_ms;
            let (request, at) = (format!("trace {cell}-{number}"), end + 10);
            writeln!(
                drawing,
                "{request}
                 page < GET /page       0..{at}     cell=c1
                   page > GET /row      10..{end}   cell=c1
                     rows < GET /row    11..21      cell={cell}"
            )
            .unwrap();
        }
        drawing
    }

    #[test]
    fn crossing_costs_what_it_adds_to_staying() {
        let (home, away) = (calls(40, "c1", 1), calls(40, "c2", 4));
        let crossing = "proved cross_cell_calls page->rows 40.000000: page -> rows: 40 calls into another cell (c1 to c2)";
        check(
            "cells",
            &format!("{home}{away}"),
            &format!(
                "{crossing}
                 measured cross_cell_latency page->rows 2.996481: page -> rows: calls into another cell take 3 ms more than \
                 those that stay, in the median of 40"
            ),
        );
        // Nobody stays.
        check(
            "cells",
            &away,
            &format!(
                "{crossing}
                 measured cross_cell_latency page->rows 4.000000: page -> rows: calls into another cell take 4 ms on the way, \
                 in the median of 40"
            ),
        );
        // Too few to say.
        check(
            "cells",
            &calls(20, "c2", 4),
            "proved cross_cell_calls page->rows 20.000000: page -> rows: 20 calls into another cell (c1 to c2)",
        );
    }

    #[test]
    fn a_database_that_two_cells_use_is_shared() {
        let drawing = |other: &str| {
            format!(
                "trace t1
                 shop < GET /cart      0..100  cell=c1
                   shop > SELECT      10..40   cell=c1 db=postgresql/items
                   shop > GET /a      50..60   cell=c1
                     stock < GET /a   51..59   cell=c1
                 trace t2
                 shop < GET /cart      0..100  cell={other}
                   shop > SELECT      10..40   cell={other} db=postgresql/items"
            )
        };
        check(
            "cells",
            &drawing("c2"),
            "proved shared_between_cells postgresql/items 2.000000: \
                postgresql/items: used from 2 cells (c1, c2)",
        );
        check("cells", &drawing("c1"), "");
    }

    #[test]
    fn a_tenant_belongs_to_one_cell() {
        let drawing = |other: &str| {
            format!(
                "trace t1
                 shop < GET /cart      0..100  cell=c1 tenant.id=t
                   shop > GET /a      50..60   cell=c1
                     stock < GET /a   51..59   cell=c1
                 trace t2
                 shop < GET /cart      0..100  cell={other} tenant.id=t"
            )
        };
        check(
            "cells",
            &drawing("c2"),
            "proved tenants_in_several_cells the system 1.000000: \
                requests of 1 of 1 tenant were worked on in several cells",
        );
        check("cells", &drawing("c1"), "");
    }

    #[test]
    fn few_known_cells_make_no_index() {
        check(
            "cells",
            "trace t1
             shop < GET /cart        0..100  cell=c1
               shop > GET /a        10..40   cell=c1
                 stock < GET /a     12..38   cell=c1
               shop > GET /a        50..60   cell=c1
                 stock < GET /a     52..58",
            "unknown cell_isolation the system: cells: both cells are known of 1 of 2 calls alone; \
                the isolation index takes 95 %",
        );
        check(
            "cells",
            "shop < GET /cart 0..100",
            "unknown cell_isolation the system: cells: no span names its cell, as deployment.cell in the resource would",
        );
    }
}
