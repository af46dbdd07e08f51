//! What is done and undone: whether steps of a request that failed later were taken back.
//!
//! The policy names pairs of operations, an action and its compensation. A step is an action whose SERVER (or CONSUMER) span
//! succeeded. When the request failed, or anything that started after the step failed, the step should have been
//! taken back by one compensation that succeeded. Steps and compensations are counted within a trace; where messages name
//! a conversation, within the conversation, which may span traces.
//!
//! Where the policy says how soon (`within`), a compensation is *late* when it ends later than that after the failure: after the end
//! of the first span to fail of those that started when the step had ended, or else after the end of the failed request. A step that was
//! taken back late is not missing. Of a conversation the first failure and the last compensation are compared; while the data end before
//! the deadline, what is not taken back yet is unknown.
//!
//! Compensations should come in the reverse order of their steps; that is compared within one trace alone, and
//! by start times. Without sagas in the policy nothing can be measured.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::USERS;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::names::{ABSENT, NameId};
use crate::model::span::Kind;
use crate::pass::trace::{exemplars, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::policy::Saga;
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
        // By service and operation of the action, and the place of the saga in the policy: what was settled within traces.
        TableOf {
            name: "sagas",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Plain, Part::Unused],
                bin: 0,
                limit: 1 << 15,
                group: 0,
            },
        },
        // By the halves of the conversation, and by service and operation of the action, which are those of users and none where a trace
        // has compensations alone; the number is the place of the saga in the policy. The least is when something first
        // failed, the most when the last compensation ended.
        TableOf {
            name: "sagas-conversations",
            layout: Layout {
                parts: [Part::Plain, Part::Plain, Part::Node, Part::Text],
                bin: 0,
                limit: 1 << 15,
                group: 2,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
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
/// Compensations that came too late.
const LATE: usize = 7;

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
    /// When something first failed that a step has to be taken back for; `u64::MAX` when nothing did.
    failed_at: u64,
    /// A compensation, and when each ended that succeeded.
    undo: Option<u32>,
    undone_at: Vec<u64>,
}

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table, conversations] = tables else {
        return;
    };
    let sagas = &seen.policy.sagas;
    if sagas.is_empty() {
        return;
    }
    let nothing = Done {
        failed_at: u64::MAX,
        ..Done::default()
    };
    let mut done: Vec<Done> = vec![nothing; sagas.len()];
    let mut conversation = 0;
    let failures = Failures::of(seen);
    for span in 0..seen.trace.spans.len() as u32 {
        if let Some(mark) = seen.trace.marks_of(span, MarkKind::Conversation).next() {
            conversation = mark.max(1);
        }
        if matches!(seen.row(span).flags.kind(), Kind::Server | Kind::Consumer) {
            for (saga, done) in sagas.iter().zip(&mut done) {
                observe_span(seen, span, saga, &failures, done);
            }
        }
    }
    for (number, of) in done.iter().enumerate() {
        let nowhere = of.undo.filter(|_| conversation != 0);
        let nowhere = nowhere.map(|span| (USERS, ABSENT, span));
        let Some((node, operation, span)) = of.place.or(nowhere) else {
            continue;
        };
        let record = match conversation {
            0 => table.at(seen.catalogue, [node, operation, number as u32, 0], 0),
            _ => {
                let halves = [(conversation >> 32) as u32, conversation as u32];
                let parts = [halves[0], halves[1], node, operation];
                conversations.at(seen.catalogue, parts, number as u64)
            }
        };
        record.add(STEPS, of.steps);
        record.add(TO_UNDO, of.to_undo);
        record.add(UNDONE, of.undone);
        record.add(UNDO_FAILED, of.undo_failed);
        if conversation == 0 {
            record.add(MISSING, of.to_undo.saturating_sub(of.undone));
            record.add(TWICE, of.undone.saturating_sub(of.steps));
            let deadline = deadline(&sagas[number], of.failed_at);
            let late = of.undone_at.iter().filter(|end| **end > deadline);
            record.add(LATE, late.count() as u64);
        } else {
            record.least = record.least.min(of.failed_at);
            let last = of.undone_at.iter().copied().max().unwrap_or(0);
            record.most = record.most.max(last);
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

/// Returns until when a failed saga has to be taken back.
fn deadline(saga: &Saga, failed_at: u64) -> u64 {
    let within = saga.within.map_or(u128::MAX, |within| within.as_nanos());
    failed_at.saturating_add(u64::try_from(within).unwrap_or(u64::MAX))
}

/// What failed in a trace.
struct Failures {
    /// Start, and the first end of all that started then or later, by start.
    spans: Vec<(u64, u64)>,
}

impl Failures {
    fn of(seen: &Seen<'_>) -> Failures {
        let failed = seen.trace.spans.iter();
        let failed = failed.filter(|row| row.flags.outcome().failed());
        let ends = failed.map(|row| (row.start, row.start.saturating_add(row.duration)));
        let mut spans: Vec<(u64, u64)> = ends.collect();
        spans.sort_unstable();
        let mut first = u64::MAX;
        for (_, end) in spans.iter_mut().rev() {
            first = first.min(*end);
            *end = first;
        }
        Failures { spans }
    }

    /// Returns when something first failed of what started when a step had ended, or else when the request of the step failed.
    fn after(&self, seen: &Seen<'_>, span: u32) -> Option<u64> {
        let end = |span: u32| {
            let row = seen.row(span);
            row.start.saturating_add(row.duration)
        };
        let done = end(span);
        let later = self.spans.partition_point(|(start, _)| *start < done);
        let top = seen.tops[span as usize];
        let of_request = (top != span && seen.outcome(top).failed()).then(|| end(top));
        self.spans.get(later).map(|(_, end)| *end).or(of_request)
    }
}

fn observe_span(seen: &Seen<'_>, span: u32, saga: &Saga, failures: &Failures, done: &mut Done) {
    let row = seen.row(span);
    let is_meant = |selector| seen.is_meant(selector, seen.node(span), row.operation);
    let failed = row.flags.outcome().failed();
    if is_meant(&saga.action) {
        if !failed {
            done.steps += 1;
            if let Some(at) = failures.after(seen, span) {
                done.to_undo += 1;
                done.failed_at = done.failed_at.min(at);
            }
            done.last_step = done.last_step.max(row.start);
        }
        done.place
            .get_or_insert((seen.node(span), row.operation, span));
    } else if is_meant(&saga.compensation) {
        done.undo = Some(span);
        if failed {
            done.undo_failed += 1;
        } else {
            done.undone += 1;
            done.undone_at.push(row.start.saturating_add(row.duration));
            if done.first_undo == 0 {
                done.first_undo = row.start;
            }
            done.first_undo = done.first_undo.min(row.start);
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let sagas = graph.declared.sagas();
    let [table, conversations] = WATCHER.tables else {
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
        by_saga.entry(key_of).or_default().merge(record);
    }
    let mut open = 0;
    if let Some(conversations) = graph.table(conversations) {
        for (saga, place, mut record) in by_conversation(conversations) {
            let declared = sagas.get(saga as usize);
            let deadline = declared.map_or(u64::MAX, |saga| deadline(saga, record.least));
            let [steps, to_undo, undone, ..] = record.sums;
            let missing = to_undo.saturating_sub(undone);
            if missing > 0 && deadline < u64::MAX && graph.system.account.last < deadline {
                open += missing;
            } else {
                record.sums[MISSING] = missing;
            }
            record.sums[TWICE] = undone.saturating_sub(steps);
            record.sums[LATE] = u64::from(to_undo > 0 && record.most > deadline);
            // These are times, and of no use to others.
            (record.least, record.most) = (u64::MAX, 0);
            let key_of = (saga, graph.name_of(place.0), graph.text(place.1));
            by_saga.entry(key_of).or_default().merge(&record);
        }
    }
    let sum = |at: usize| total(by_saga.values().map(|record| record.sums[at]));
    measured.metric("missing_compensations", sum(MISSING) as f64);
    if sagas.iter().any(|saga| saga.within.is_some()) {
        measured.metric("late_compensations", sum(LATE) as f64);
    }
    if open > 0 {
        measured.findings.push(Finding::unknown(
            SAGAS.name,
            "late_compensations",
            format!(
                "the data end before the deadline of {} that {} not been taken back yet",
                text::plural(open, "step"),
                if open == 1 { "has" } else { "have" }
            ),
        ));
    }
    for ((saga, service, operation), record) in &by_saga {
        let declared = sagas.get(*saga as usize);
        let undo =
            declared.map_or_else(String::new, |saga| saga.compensation.operation.to_string());
        let within = declared.and_then(|saga| saga.within);
        let within = within.map_or(0, |of| u64::try_from(of.as_nanos()).unwrap_or(u64::MAX));
        let late = format!(
            "taken back later than {} after the failure by",
            text::duration(within)
        );
        for (at, metric, what) in [
            (MISSING, "missing_compensations", "not taken back by"),
            (
                TWICE,
                "repeated_compensations",
                "taken back once too often by",
            ),
            (UNDO_FAILED, "failed_compensations", "met a failure of"),
            (LATE, "late_compensations", late.as_str()),
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
                    // Both are told by times of several hosts.
                    grade: match at {
                        DISORDERED | LATE => Grade::Inferred,
                        _ => Grade::Proved,
                    },
                    count: n,
                    of,
                    exemplars: exemplars(record),
                    // The wrong order undoes everything all the same, and so does what comes late.
                    cost: (at != DISORDERED && at != LATE)
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

/// Returns what each conversation did of each saga: the number of the saga, the service and the operation of its action, and the sums.
/// Conversations without an action are left out.
fn by_conversation(table: &Table) -> impl Iterator<Item = (u32, (u32, NameId), Record)> {
    type Place = (u32, NameId);
    let mut all: BTreeMap<(u32, u32, u64), (Option<Place>, Record)> = BTreeMap::new();
    for (key, record) in table.rows() {
        let [high, low, node, operation] = key.parts;
        let (place, sums) = all.entry((high, low, key.number)).or_default();
        let is_action = operation != ABSENT;
        *place = place.or(is_action.then_some((node, operation)));
        sums.merge(record);
    }
    let all = all.into_iter();
    all.filter_map(|((.., saga), (place, record))| {
        Some((u32::try_from(saga).ok()?, place?, record))
    })
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

    /// The policy with a deadline.
    fn within(deadline: &str) -> String {
        POLICY.replace("/refund\" }", &format!("/refund\", within: {deadline} }}"))
    }

    #[test]
    fn what_is_taken_back_late_is_not_missing() {
        // The shipping fails at 58 ms, and the refund ends 30 ms later.
        let drawing = "shop < POST /order        0..100 error
               shop > POST /charge    10..30
                 pay < POST /charge   12..28
               shop > POST /ship      40..60 error
                 ship < POST /ship    42..58 error
               shop > POST /refund    70..90
                 pay < POST /refund   72..88";
        check_under(
            &within("29ms"),
            "sagas",
            drawing,
            "inferred late_compensations pay POST /charge 1.000000: \
                pay POST /charge: of 1 step, 1 taken back later than 29 ms after the failure by POST /refund",
        );
        check_under(&within("30ms"), "sagas", drawing, "");
        let forgotten: Vec<&str> = drawing
            .lines()
            .filter(|line| !line.contains("/refund"))
            .collect();
        check_under(
            &within("29ms"),
            "sagas",
            &forgotten.join("\n"),
            "proved missing_compensations pay POST /charge 1.000000: \
                pay POST /charge: of 1 step, 1 not taken back by POST /refund",
        );
    }

    /// A conversation whose order fails at 58 ms, and what comes of it in other traces.
    fn conversation(rest: &str) -> String {
        format!(
            "shop << process orders   0..100 op=process dest=kafka/orders messaging.message.conversation_id=c1 error
               shop > POST /charge    10..30
                 pay < POST /charge   12..28
               shop > POST /ship      40..60 error
                 ship < POST /ship    42..58 error
             {rest}"
        )
    }

    #[test]
    fn conversations_are_taken_back_in_other_traces() {
        let refund = conversation(
            "trace t2
             pay < POST /refund 500..510 messaging.message.conversation_id=c1",
        );
        check_under(POLICY, "sagas", &refund, "");
        check_under(&within("1s"), "sagas", &refund, "");
        check_under(
            &within("400ms"),
            "sagas",
            &refund,
            "inferred late_compensations pay POST /charge 1.000000: \
                pay POST /charge: of 1 step, 1 taken back later than 400 ms after the failure by POST /refund",
        );
        let other = refund.replace(
            "510 messaging.message.conversation_id=c1",
            "510 messaging.message.conversation_id=c2",
        );
        let missing = "proved missing_compensations pay POST /charge 1.000000: \
            pay POST /charge: of 1 step, 1 not taken back by POST /refund";
        check_under(POLICY, "sagas", &other, missing);
        check_under(&within("400ms"), "sagas", &other, missing);
        // The data end before the second has passed.
        check_under(
            &within("1s"),
            "sagas",
            &other,
            "unknown late_compensations the system: \
                the data end before the deadline of 1 step that has not been taken back yet",
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
