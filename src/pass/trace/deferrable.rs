//! Work that requests wait for though it could be done afterwards.
//!
//! The policy lists operations that need not be done before the answer; services of low criticality count as well. For each
//! synchronous call to one of them: the time on the critical path that goes into it, and whether a failure of it failed the
//! caller. Moving the call behind the answer saves at most that time; that the answer does not need it
//! is the policy's word, so every finding is inferred.
//!
//! Without such a list, and without services of low criticality, nothing can be measured.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Look, Seen, Watcher};
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::{Call, Retry};

/// Finds calls that could be made after the answer.
pub static DEFERRABLE: Pass = Pass {
    name: "deferrable",
    about: "work that requests wait for though it could be done afterwards",
    explain: "deferrable",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and operation.
        TableOf {
            name: "deferrable",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Unused],
                bin: 0,
                limit: 20_000,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    ..Watcher::BLIND
};

/// Calls, nanoseconds on critical paths, failed calls, and those of them whose caller failed too.
const CALLS: usize = 0;
const CRITICAL_NS: usize = 1;
const FAILED: usize = 2;
const FAILED_WITH: usize = 3;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    if seen.policy.deferrable.is_empty() && !seen.dictionary.has_low_criticality() {
        return;
    }
    for (_, call) in seen.sync_calls() {
        if call.retry != Retry::First || call.server == NONE || !is_deferrable(seen, call) {
            continue;
        }
        let operation = seen.row(call.server).operation;
        let parts = [seen.end(call.from), seen.end(call.to), operation, 0];
        let record = table.at(seen.catalogue, parts, 0);
        record.add(CALLS, 1);
        record.add(CRITICAL_NS, seen.path.total[call.client as usize]);
        if seen.outcome(call.client).failed() {
            record.add(FAILED, 1);
            let above = seen.trace.parents[call.client as usize];
            let with = above != NONE && seen.outcome(above).failed();
            record.add(FAILED_WITH, u64::from(with));
        }
        record.exemplars.offer(seen.exemplar(call.client));
    }
}

fn is_deferrable(seen: &Seen<'_>, call: &Call) -> bool {
    if seen
        .dictionary
        .is_of_low_criticality(seen.resource(call.server))
    {
        return true;
    }
    let (node, operation) = (seen.end(call.to), seen.row(call.server).operation);
    let mut named = seen.policy.deferrable.iter();
    named.any(|named| seen.is_meant(named, node, operation))
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let unknown = |why| Finding::unknown(DEFERRABLE.name, "deferrable", why);
    let [table] = WATCHER.tables else {
        return;
    };
    let Some(table) = graph.table(table) else {
        let why = "no spans were looked at for work that could wait: fold the traces again";
        measured.findings.push(unknown(why));
        return;
    };
    let by_call = grouped(table, |key| {
        let [from, to, operation, _] = key.parts;
        (
            graph.name_of(from),
            graph.name_of(to),
            graph.text(operation),
        )
    });
    if by_call.is_empty() && !graph.declared.has_deferrable() {
        let why = "the policy lists no operations that can wait until after the answer, and no service is of low criticality";
        measured.findings.push(unknown(why));
        return;
    }
    let all = graph.system.account.critical_ns as f64;
    for ((from, to, operation), record) in &by_call {
        let [calls, critical_ns, failed, failed_with, ..] = record.sums;
        if calls == 0 || critical_ns == 0 {
            continue;
        }
        let share = critical_ns as f64 / all.max(1.0);
        let failures = match (failed, failed_with) {
            (0, _) => "it never failed".to_owned(),
            (failed, 0) => format!(
                "none of its {} failed the caller",
                text::plural(failed, "failure")
            ),
            (failed, with) => format!(
                "{} of its {} failed the caller",
                text::count(with),
                text::plural(failed, "failure")
            ),
        };
        measured.findings.push(Finding {
            value: critical_ns as f64 / calls as f64 / 1e6,
            unit: "ms",
            grade: Grade::Inferred,
            count: calls,
            of: calls,
            exemplars: exemplars(record),
            text: format!(
                "{from} waits for {to} {operation}, which could be done afterwards: {} a call and {} of all time on critical paths; {failures}",
                text::duration(critical_ns / calls),
                text::percent(share),
            ),
            ..Finding::of(
                DEFERRABLE.name,
                "deferrable",
                Subject::Call((*from).into(), (*to).into(), (*operation).into()),
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::{check, check_under};

    const ORDER: &str = "shop < POST /order     0..100
               shop > POST /email  10..60
                 mail < POST /email 12..58
               shop > POST /charge 60..90
                 pay < POST /charge 62..88";

    #[test]
    fn what_the_policy_lists_is_measured() {
        check_under(
            "version: 1\ndeferrable: [\"POST /email\"]\n",
            "deferrable",
            ORDER,
            "inferred deferrable shop->mail POST /email 50.000000: shop waits for mail POST /email, which could be done afterwards: \
                50 ms a call and 50 % of all time on critical paths; it never failed",
        );
    }

    #[test]
    fn work_behind_the_answer_and_work_without_a_word_are_not() {
        check(
            "deferrable",
            ORDER,
            "unknown deferrable the system: the policy lists no operations that can wait until after the answer, and no service is of low \
             criticality",
        );
        check_under(
            "version: 1\ndeferrable: [\"POST /other\"]\n",
            "deferrable",
            ORDER,
            "",
        );
    }
}
