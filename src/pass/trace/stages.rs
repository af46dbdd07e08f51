//! What parts of requests take of the time they may.
//!
//! The policy names *stages*: entry points, operations, and how much of the time of each request these operations may take,
//! on average or at the p99. What a stage takes of one request is the exclusive time of its operations on the
//! critical path (see [`path`](crate::trace::path)), added up by request: p99s are of these sums and never of single operations,
//! whose p99s cannot be added (Dean and Barroso, The Tail at Scale, 2013).
//!
//! A mean takes 20 requests and has the interval of its normal approximation; a p99 takes 300 and has that of the order statistics
//! around it. A stage of which no span was seen takes nothing that is known: the policy may name what has another name in the traces, or
//! select services by tags, which are not known while traces are folded. Requests stand for as many as their weights say in the mean, and for themselves in the p99. O(spans of requests that
//! have a stage).

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::USERS;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Look, Seen, Watcher};
use crate::model::span::Flags;
use crate::pass::trace::critical_path::MIN_REQUESTS;
use crate::pass::trace::latency_budget::{MIN_P99, p99_interval, p99_of};
use crate::pass::trace::{add_square, exemplars, square_sum};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::policy::Stage;
use crate::policy::selector::OperationSelector;
use crate::text;

/// Compares stages with what they may take.
pub static STAGES: Pass = Pass {
    name: "stages",
    about: "what parts of requests take of the time they may",
    explain: "stages",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By the place of the stage in the policy, and service and operation of the entry point. The distribution is of the
        // stage's time by request.
        TableOf {
            name: "stages",
            layout: Layout {
                parts: [Part::Plain, Part::Node, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 12,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    ..Watcher::BLIND
};

/// Requests by weight, their time in the stage, and its squares: the part above 2^32, and that below.
const REQUESTS: usize = 0;
const TIME: usize = 1;
const SQUARES: [usize; 2] = [2, 3];
/// Spans of the stage, on the critical path or beside it.
const SPANS: usize = 4;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let stages = &seen.policy.stages;
    if stages.is_empty() {
        return;
    }
    for &(entry, _) in seen.linked.entries {
        let node = seen.node(entry);
        let is_timed = seen.path.total[entry as usize] > 0;
        if node == USERS || !is_timed || seen.row(entry).flags.has(Flags::HEALTH) {
            continue;
        }
        for (number, stage) in (0..).zip(stages) {
            let operation = seen.row(entry).operation;
            if seen.is_meant(&stage.entry, node, operation) {
                let parts = [number, node, operation, 0];
                add(seen, entry, stage, table.at(seen.catalogue, parts, 0));
            }
        }
    }
}

/// Adds what a stage took of a request.
fn add(seen: &Seen<'_>, entry: u32, stage: &Stage, record: &mut Record) {
    let (mut spans, mut taken) = (0, 0u64);
    for &span in seen.below(entry) {
        if seen.is_meant(&stage.of, seen.node(span), seen.row(span).operation) {
            spans += 1;
            taken = taken.saturating_add(seen.path.own[span as usize]);
        }
    }
    // A sampled request stands for so many.
    let times = (seen.weight(entry) >> 20).max(1);
    record.add(REQUESTS, times);
    record.add(TIME, taken.saturating_mul(times));
    add_square(record, SQUARES, taken, times);
    record.add(SPANS, spans);
    record.sample(taken);
    record.exemplars.offer(seen.exemplar(entry));
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let stages = graph.declared.stages();
    if stages.is_empty() {
        let why = "the policy names no stages, parts of requests and what they may take";
        let unasked = Finding::unknown(STAGES.name, STAGES.name, why);
        return measured.findings.push(unasked);
    }
    let unknown = |why: String| Finding::unknown(STAGES.name, "stage_headroom", why);
    let Some(table) = graph.table(&WATCHER.tables[0]) else {
        let why = "no spans were looked at for stages: fold the traces again";
        return measured.findings.push(unknown(why.to_owned()));
    };
    let mut least: Option<f64> = None;
    let mut found: Vec<Finding> = Vec::new();
    for (number, stage) in (0u32..).zip(stages) {
        let rows = table.rows().into_iter();
        let mut of_stage = rows.filter(|(key, _)| key.parts[0] == number).peekable();
        if of_stage.peek().is_none() {
            measured.findings.push(unknown(format!(
                "what {} takes of {} is unknown: no such request was seen",
                named(&stage.of),
                named(&stage.entry)
            )));
        }
        for (key, record) in of_stage {
            let entry = (graph.name_of(key.parts[1]), graph.text(key.parts[2]));
            if record.sums[SPANS] == 0 {
                measured.findings.push(Finding {
                    text: format!(
                        "{} {}: no operation of {} was seen in {}",
                        entry.0,
                        entry.1,
                        named(&stage.of),
                        text::plural(seen_in(record), "request")
                    ),
                    ..of(entry)
                });
                continue;
            }
            let told = [
                stage.mean.map(|most| mean(entry, stage, record, ns(most))),
                stage.p99.map(|most| p99(entry, stage, record, ns(most))),
            ];
            for (finding, share) in told.into_iter().flatten() {
                least = match (least, share) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                found.push(finding);
            }
        }
    }
    found.sort_by(|a, b| {
        a.value
            .total_cmp(&b.value)
            .then_with(|| a.text.cmp(&b.text))
    });
    measured.metric("least_stage_headroom", least);
    measured.findings.extend(found);
}

/// Returns what to call the operations of a selector.
fn named(selector: &OperationSelector) -> String {
    let (service, operation) = (selector.service.to_string(), selector.operation.to_string());
    match (service.as_str(), operation.as_str()) {
        (_, "*") => service,
        ("*", _) => operation,
        _ => format!("{service} {operation}"),
    }
}

fn ns(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Compares the mean with its budget; returns also what is left as a share of the budget, if that is known.
fn mean(entry: (&str, &str), stage: &Stage, record: &Record, most: u64) -> (Finding, Option<f64>) {
    let count = seen_in(record);
    if count < MIN_REQUESTS {
        return too_few(entry, stage, count, ("mean", MIN_REQUESTS));
    }
    let requests = record.sums[REQUESTS] as f64;
    let mean = record.sums[TIME] as f64 / requests;
    let variance = (square_sum(record, SQUARES) / requests - mean * mean).max(0.0);
    let margin = 1.96 * (variance / count as f64).sqrt();
    let interval = ((mean - margin).max(0.0), mean + margin);
    compared(entry, stage, record, ("on average", mean, interval, most))
}

/// Compares the p99 with its budget.
fn p99(entry: (&str, &str), stage: &Stage, record: &Record, most: u64) -> (Finding, Option<f64>) {
    let sketch = record.sketch.as_deref();
    match sketch.and_then(|sketch| Some((p99_of(sketch)?, p99_interval(sketch)?))) {
        Some((p99, (low, high))) => {
            let interval = (low as f64, high as f64);
            compared(
                entry,
                stage,
                record,
                ("at the p99", p99 as f64, interval, most),
            )
        }
        None => too_few(entry, stage, seen_in(record), ("p99", MIN_P99)),
    }
}

/// Returns how many requests were seen.
fn seen_in(record: &Record) -> u64 {
    record.sketch.as_deref().map_or(0, |sketch| sketch.count())
}

fn of(entry: (&str, &str)) -> Finding {
    let subject = Subject::Entry(entry.0.to_owned(), entry.1.to_owned());
    Finding::of(STAGES.name, "stage_headroom", subject)
}

fn too_few(
    entry: (&str, &str),
    stage: &Stage,
    count: u64,
    (what, least): (&str, u64),
) -> (Finding, Option<f64>) {
    let finding = Finding {
        text: format!(
            "{} {}: {} have no {what} of {}, it takes {least}",
            entry.0,
            entry.1,
            text::plural(count, "request"),
            named(&stage.of)
        ),
        ..of(entry)
    };
    (finding, None)
}

fn compared(
    entry: (&str, &str),
    stage: &Stage,
    record: &Record,
    (at, value, (low, high), most): (&str, f64, (f64, f64), u64),
) -> (Finding, Option<f64>) {
    let left = most as f64 - value;
    let said = match left >= 0.0 {
        true => format!("{} are left", text::duration(left as u64)),
        false => format!("{} too long", text::duration(-left as u64)),
    };
    let sketch = record.sketch.as_deref();
    let [taken, low_text, high_text] = [value, low, high].map(|ns| text::duration(ns as u64));
    let finding = Finding {
        value: left,
        unit: "ns",
        interval: Some((most as f64 - high, most as f64 - low)),
        grade: Grade::Measured,
        count: sketch.map_or(0, |sketch| sketch.count_above(most)),
        of: seen_in(record),
        exemplars: exemplars(record),
        text: format!(
            "{} {}: {} takes {taken} {at} ({low_text} to {high_text}) of {}: {said}",
            entry.0,
            entry.1,
            named(&stage.of),
            text::duration(most),
        ),
        ..of(entry)
    };
    (finding, Some(left / most.max(1) as f64))
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::check_under;

    /// A policy with one stage.
    fn stage(limits: &str) -> String {
        format!(
            "
version: 1
stages:
  - {{ entry: \"GET /\", of: {{ service: pay }}, {limits} }}
"
        )
    }

    /// Requests of which pay takes 30 ms itself, or in the last ones 80 ms; its database takes 10 ms more, and what runs
    /// beside it nothing.
    fn requests(n: u64, slow: u64) -> String {
        (0..n)
            .map(|at| {
                let (t, pay) = (at * 1000, if at + slow >= n { 80 } else { 30 });
                let end = t + 20 + pay + 10;
                format!(
                    "trace t{at}\nweb < GET / {t}..{}\n  web > pay {}..{end}\n    pay < pay {}..{end}\n      pay > SELECT {}..{end} peer=db\n  \
                     web > ads {}..{} peer=ads\n",
                    end + 10,
                    t + 10,
                    t + 20,
                    end - 10,
                    t + 11,
                    t + 12,
                )
            })
            .collect()
    }

    #[test]
    fn a_stage_has_headroom_or_not() {
        // Of 100 requests, 90 with 40 ms and 10 with 90 ms: 45 ms on average, with a deviation of 15 ms.
        check_under(
            &stage("mean: 50ms"),
            "stages",
            &requests(100, 10),
            "measured stage_headroom web GET / 5000000.000000: web GET /: pay takes 45 ms on average (42.1 ms to 47.9 ms) of \
                50 ms: 5 ms are left",
        );
        check_under(
            &stage("mean: 40ms"),
            "stages",
            &requests(100, 10),
            "measured stage_headroom web GET / -5000000.000000: web GET /: pay takes 45 ms on average (42.1 ms to 47.9 ms) of \
                40 ms: 5 ms too long",
        );
    }

    #[test]
    fn the_p99_is_of_the_sum_by_request() {
        check_under(
            &stage("p99: 80ms"),
            "stages",
            &requests(300, 6),
            "measured stage_headroom web GET / -9653247.000000: web GET /: pay takes 89.7 ms at the p99 (40.1 ms to 90 ms) of 80 ms: \
                9.65 ms too long",
        );
    }

    #[test]
    fn too_few_requests_are_unknown() {
        check_under(
            &stage("mean: 1ms, p99: 1ms"),
            "stages",
            &requests(19, 0),
            "unknown stage_headroom web GET /: web GET /: 19 requests have no mean of pay, it takes 20
             unknown stage_headroom web GET /: web GET /: 19 requests have no p99 of pay, it takes 300",
        );
        check_under(
            &stage("mean: 1ms"),
            "stages",
            "web < POST / 0..10",
            "unknown stage_headroom the system: what pay takes of GET / is unknown: no such request was seen",
        );
    }

    #[test]
    fn without_stages_there_is_nothing_to_say() {
        check_under(
            "version: 1\n",
            "stages",
            &requests(30, 0),
            "unknown stages the system: the policy names no stages, parts of requests and what they may take",
        );
    }

    #[test]
    fn what_was_never_seen_does_not_take_nothing() {
        check_under(
            &stage("mean: 1ms").replace("service: pay", "service: { team: billing }"),
            "stages",
            &requests(30, 0),
            "unknown stage_headroom web GET /: web GET /: no operation of {team: billing} was seen in 30 requests",
        );
    }
}
