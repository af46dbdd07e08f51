//! What is done and undone: whether steps of a request that failed later were taken back.
//!
//! The policy names pairs of operations, an action and its compensation. A step is an action whose SERVER (or CONSUMER) span
//! succeeded. When the request failed, or anything that started after the step failed, the step should have been
//! taken back by one compensation that succeeded. Steps and compensations are counted within a trace; where messages name
//! a conversation, within the conversation, which may span traces.
//!
//! Compensations should come in the reverse order of their steps; that is compared within one trace alone, and
//! by start times. Without sagas in the policy nothing can be measured.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Record, Table, TableOf};
use crate::fold::{Seen, Watcher};
use crate::model::MarkKind;
use crate::model::names::NameId;
use crate::model::span::Kind;
use crate::pass::trace::{exemplars, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::policy::Saga;
use crate::policy::selector::Node;
use crate::text;

/// Finds steps that were not taken back.
pub static SAGAS: Pass = Pass {
    name: "sagas",
    about: "steps of failed requests that were not taken back",
    explain: "sagas",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By service and operation of the action, and the place of the saga in the policy; the number is the
        // conversation, or zero for what was settled within traces.
        TableOf {
            name: "sagas",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Plain, Part::Unused],
                bin: 0,
                limit: 1 << 15,
                group: 0,
            },
        },
    ],
    traces: Some(observe),
    ..Watcher::BLIND
};

/// Steps done, those that had to be taken back, compensations that succeeded and that failed.
const STEPS: usize = 0;
const TO_UNDO: usize = 1;
const UNDONE: usize = 2;
const UNDO_FAILED: usize = 3;
/// What was settled within a trace: steps not taken back, taken back more than once, and in the wrong order.
const MISSING: usize = 4;
const TWICE: usize = 5;
const DISORDERED: usize = 6;

/// What one trace did of one saga.
#[derive(Clone, Debug, Default)]
struct Done {
    /// The first step, to name the service and the operation.
    place: Option<(u32, NameId, u32)>,
    steps: u64,
    to_undo: u64,
    undone: u64,
    undo_failed: u64,
    last_step: u64,
    first_undo: u64,
}

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let sagas = &seen.policy.sagas;
    if sagas.is_empty() {
        return;
    }
    let mut done: Vec<Done> = vec![Done::default(); sagas.len()];
    let mut conversation = 0;
    let failed = seen.trace.spans.iter();
    let failed = failed.filter(|row| row.flags.outcome().failed());
    let last_failed = failed.map(|row| row.start).max();
    for span in 0..seen.trace.spans.len() as u32 {
        if let Some(mark) = seen.trace.marks_of(span, MarkKind::Conversation).next() {
            conversation = mark.max(1);
        }
        if matches!(seen.row(span).flags.kind(), Kind::Server | Kind::Consumer) {
            for (saga, done) in sagas.iter().zip(&mut done) {
                observe_span(seen, span, saga, last_failed, done);
            }
        }
    }
    for (number, of) in done.iter().enumerate() {
        let Some((node, operation, span)) = of.place else {
            continue;
        };
        let parts = [node, operation, number as u32, 0];
        let record = table.at(seen.catalogue, parts, conversation);
        record.add(STEPS, of.steps);
        record.add(TO_UNDO, of.to_undo);
        record.add(UNDONE, of.undone);
        record.add(UNDO_FAILED, of.undo_failed);
        if conversation == 0 {
            record.add(MISSING, of.to_undo.saturating_sub(of.undone));
            record.add(TWICE, of.undone.saturating_sub(of.steps));
        }
        let is_disordered = done[number + 1..].iter().any(|later| {
            // Of two sagas that were taken back, the one whose step came last goes first.
            let both = of.undone > 0 && later.undone > 0;
            both && (of.last_step < later.last_step) == (of.first_undo < later.first_undo)
        });
        record.add(DISORDERED, u64::from(is_disordered));
        if of.to_undo > 0 || of.undone > 0 {
            record.exemplars.offer(seen.exemplar(span));
        }
    }
}

fn observe_span(
    seen: &Seen<'_>,
    span: u32,
    saga: &Saga,
    last_failed: Option<u64>,
    done: &mut Done,
) {
    let row = seen.row(span);
    let operation = seen.catalogue.text(row.operation);
    let is_action = saga.action.operation.matches(operation);
    if !is_action && !saga.compensation.operation.matches(operation) {
        return;
    }
    let tags = BTreeMap::new();
    let service = seen.catalogue.node(seen.node(span));
    let node = Node {
        name: seen.catalogue.text(service.name),
        kind: service.kind.name(),
        tags: &tags,
    };
    let failed = row.flags.outcome().failed();
    if is_action && saga.action.service.matches(&node) {
        if !failed {
            done.steps += 1;
            done.to_undo += u64::from(failed_later(seen, span, last_failed));
            done.last_step = done.last_step.max(row.start);
        }
        done.place
            .get_or_insert((seen.node(span), row.operation, span));
    } else if !is_action && saga.compensation.service.matches(&node) {
        if failed {
            done.undo_failed += 1;
        } else {
            done.undone += 1;
            if done.first_undo == 0 {
                done.first_undo = row.start;
            }
            done.first_undo = done.first_undo.min(row.start);
        }
    }
}

/// Returns whether the request failed, or something in it that started after a span had ended.
fn failed_later(seen: &Seen<'_>, span: u32, last_failed: Option<u64>) -> bool {
    let row = seen.row(span);
    let end = row.start.saturating_add(row.duration);
    let top = seen.tops[span as usize];
    (top != span && seen.outcome(top).failed()) || last_failed.is_some_and(|start| start >= end)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let sagas = graph.declared.sagas();
    let [table] = WATCHER.tables else {
        return;
    };
    if sagas.is_empty() {
        let why = "the policy names no sagas, pairs of an operation and what undoes it";
        measured
            .findings
            .push(Finding::unknown(SAGAS.name, "sagas", why));
        return;
    }
    let Some(table) = graph.table(table) else {
        let why = "no spans were looked at for what undoes what: fold the traces again";
        measured
            .findings
            .push(Finding::unknown(SAGAS.name, "sagas", why));
        return;
    };
    let mut by_saga: BTreeMap<(u32, &str, &str), Record> = BTreeMap::new();
    for (key, record) in table.rows() {
        let [node, operation, saga, _] = key.parts;
        let key_of = (saga, graph.name_of(node), graph.text(operation));
        let mut settled = record.clone();
        if key.number != 0 {
            let [steps, to_undo, undone, ..] = record.sums;
            settled.sums[MISSING] = to_undo.saturating_sub(undone);
            settled.sums[TWICE] = undone.saturating_sub(steps);
        }
        by_saga.entry(key_of).or_default().merge(&settled);
    }
    let sum = |at: usize| total(by_saga.values().map(|record| record.sums[at]));
    measured.metric("missing_compensations", sum(MISSING) as f64);
    for ((saga, service, operation), record) in &by_saga {
        let undo = sagas
            .get(*saga as usize)
            .map_or_else(String::new, |saga| saga.compensation.operation.to_string());
        for (at, metric, what) in [
            (MISSING, "missing_compensations", "not taken back by"),
            (
                TWICE,
                "repeated_compensations",
                "taken back once too often by",
            ),
            (UNDO_FAILED, "failed_compensations", "met a failure of"),
            (
                DISORDERED,
                "disordered_compensations",
                "taken back in the order they were done by",
            ),
        ] {
            let n = record.sums[at];
            if n > 0 {
                let of = record.sums[STEPS];
                measured.findings.push(Finding {
                    value: n as f64,
                    unit: "steps",
                    grade: if at == DISORDERED {
                        Grade::Inferred
                    } else {
                        Grade::Proved
                    },
                    count: n,
                    of,
                    exemplars: exemplars(record),
                    // The wrong order undoes everything all the same.
                    cost: (at != DISORDERED)
                        .then(|| graph.cost_of_calls(n, of))
                        .flatten(),
                    text: format!(
                        "{service} {operation}: of {}, {} {what} {undo}",
                        text::plural(of, "step"),
                        text::count(n),
                    ),
                    ..Finding::of(
                        SAGAS.name,
                        metric,
                        Subject::Entry((*service).to_owned(), (*operation).to_owned()),
                    )
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::{check, check_under};

    const POLICY: &str = "
version: 1
sagas:
  - { action: \"POST /charge\", compensation: \"POST /refund\" }
";

    #[test]
    fn a_step_before_a_failure_has_to_be_taken_back() {
        check_under(
            POLICY,
            "sagas",
            "shop < POST /order        0..100 error
               shop > POST /charge    10..30
                 pay < POST /charge   12..28
               shop > POST /ship      40..60 error
                 ship < POST /ship    42..58 error",
            "proved missing_compensations pay POST /charge 1.000000: \
                pay POST /charge: of 1 step, 1 not taken back by POST /refund",
        );
    }

    #[test]
    fn a_step_that_was_taken_back_is_fine() {
        check_under(
            POLICY,
            "sagas",
            "shop < POST /order        0..100 error
               shop > POST /charge    10..30
                 pay < POST /charge   12..28
               shop > POST /ship      40..60 error
                 ship < POST /ship    42..58 error
               shop > POST /refund    70..90
                 pay < POST /refund   72..88",
            "",
        );
    }

    #[test]
    fn without_sagas_nothing_can_be_told() {
        check(
            "sagas",
            "shop < POST /order 0..100",
            "unknown sagas the system: the policy names no sagas, pairs of an operation and what undoes it",
        );
    }
}
