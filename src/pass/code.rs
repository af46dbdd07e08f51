//! Where in the code of the caller calls are made, as far as spans say so.
//!
//! The place of a call is that of the calling span, or else of the nearest span above it in the same service: `code.file.path` and
//! `code.line.number`, also in their older spelling (OpenTelemetry semantic conventions, "Source code attributes"). Of several places of an edge the one
//! that most calls name counts, then the first by name.
//!
//! Left out on purpose: whether the file is in the repository of whoever reads this; paths are told as the spans do.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::mark::names;
use crate::model::names::OTHER;
use crate::pass::Graph;
use crate::trace::NONE;
use crate::trace::link::{Call, End};

/// Looks for the places of calls.
pub(super) static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee, file and line; the first sum counts calls.
        TableOf {
            name: "code",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    ..Watcher::BLIND
};

/// Spans that are looked at for one call, itself included.
const NEAR: usize = 16;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let mut marks = seen.trace.marks.iter();
    if !marks.any(|mark| mark.kind == MarkKind::Code as u64) {
        return;
    }
    for call in seen.linked.calls {
        if let Some((file, line)) = place(seen, call) {
            let parts = [seen.end(call.from), seen.end(call.to), file, 0];
            let record = table.at(seen.catalogue, parts, u64::from(line));
            record.add(0, 1);
        }
    }
}

/// Returns the file and the line of a call.
fn place(seen: &Seen<'_>, call: &Call) -> Option<(u32, u32)> {
    let End::Service(service) = call.from else {
        return None;
    };
    let parent = |span: u32| seen.trace.parents[span as usize];
    let mut at = match call.client {
        NONE => parent(call.witness),
        client => client,
    };
    for _ in 0..NEAR {
        if at == NONE || seen.linked.services[at as usize] != service {
            return None;
        }
        if let Some(mark) = seen.trace.marks_of(at, MarkKind::Code).next() {
            let (file, line) = names(mark);
            return (file != OTHER).then_some((file, line));
        }
        at = parent(at);
    }
    None
}

/// Returns the file and the line, if it is known, of the calls on each edge of which spans say one, by the names of its ends.
pub fn places<'a>(graph: &Graph<'a>) -> BTreeMap<(&'a str, &'a str), (&'a str, Option<u64>)> {
    let [table] = WATCHER.tables else {
        return BTreeMap::new();
    };
    let mut calls = BTreeMap::new();
    for (key, record) in graph.table(table).into_iter().flat_map(Table::rows) {
        let [from, to, file, _] = key.parts;
        let ends = (graph.name_of(from), graph.name_of(to));
        let known: &mut u64 = calls
            .entry((ends, graph.text(file), key.number))
            .or_default();
        *known = known.saturating_add(record.sums[0]);
    }
    let mut best = BTreeMap::new();
    for ((ends, file, line), count) in calls {
        let place = (count, Reverse((file, line)));
        let known = best.entry(ends).or_insert(place);
        *known = place.max(*known);
    }
    let known = |line: u64| (line > 0).then_some(line);
    best.into_iter()
        .map(|(ends, (_, Reverse((file, line))))| (ends, (file, known(line))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::each_order;

    /// Checks where the calls of a drawing are made, in every order, split and file.
    fn check(drawing: &str, expected: &[&str]) {
        each_order(drawing, |order, system| {
            let graph = Graph::of(system);
            let found: Vec<String> = places(&graph)
                .into_iter()
                .map(|((from, to), (file, line))| {
                    let line = line.map_or(String::new(), |line| format!(":{line}"));
                    format!("{from} -> {to} {file}{line}")
                })
                .collect();
            assert_eq!(found, expected, "order {order}");
        });
    }

    #[test]
    fn the_calling_span_says_where_in_either_spelling() {
        check(
            "
            shop < GET /        0..90
              shop > GET /cart 10..40 code.file.path=src/shop.rs code.line.number=12
                cart < GET /cart 12..38 code.file.path=src/cart.rs
                  cart > GET /db 14..30 peer=db code.filepath=src/db.rs code.lineno=7
              shop > GET /ads  50..60 peer=ads",
            &["cart -> db src/db.rs:7", "shop -> cart src/shop.rs:12"],
        );
    }

    #[test]
    fn else_the_nearest_span_of_the_caller_does() {
        check(
            "
            shop < GET /        0..90 code.file.path=src/main.rs
              shop . render     5..80 code.file.path=src/render.rs code.line.number=3
                shop . inner    6..79
                  shop > GET /cart 10..40
                    cart < GET /cart 12..38
                      cart > GET /db 14..30 peer=db
              shop > GET /ads  82..89 peer=ads
              pay < POST /pay   84..88",
            &[
                "shop -> ads src/main.rs",
                "shop -> cart src/render.rs:3",
                "shop -> pay src/main.rs",
            ],
        );
    }

    #[test]
    fn the_place_of_most_calls_counts() {
        check(
            "
            shop < GET /        0..90
              shop > GET /cart 10..20 peer=cart code.file.path=a.rs code.line.number=1
              shop > PUT /cart 20..30 peer=cart code.file.path=b.rs code.line.number=2
              shop > PUT /cart 30..40 peer=cart code.file.path=b.rs code.line.number=2
              shop > GET /pay  40..50 peer=pay code.file.path=d.rs code.line.number=-4
              shop > GET /pay  50..60 peer=pay code.file.path=c.rs",
            &["shop -> cart b.rs:2", "shop -> pay c.rs"],
        );
    }

    #[test]
    fn a_sender_says_where_a_message_is_sent() {
        check(
            "
            shop >> send  0..10 messaging.system=kafka messaging.destination.name=orders code.file.path=src/send.rs
              mail << process 20..30 messaging.system=kafka messaging.destination.name=orders op=process",
            &[
                "shop -> kafka/orders src/send.rs",
                "shop -> mail src/send.rs",
            ],
        );
    }

    #[test]
    fn spans_without_code_say_nothing() {
        check("shop > GET /cart 10..20 peer=cart code.line.number=4", &[]);
    }
}
