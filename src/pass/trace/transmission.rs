//! Whether a caller fails when its callee fails.
//!
//! Terms: the *frame* of a call is the work of the caller it belongs to, known by its topmost span: a SERVER or CONSUMER span,
//! or a job. A frame that calls `v` and waits counts once per `v`. Its call *failed* when the last attempt of a logical
//! call to `v` did; attempts that were repeated with success did not. HTTP 4xx but 408 and 429 are no failure, nor is a
//! cancelled call.
//!
//! - `n1`, `k1`: frames whose call to `v` failed, and those of them that failed.
//! - `n0`, `k0`: frames all of whose calls to `v` went well, and those of them that failed.
//!
//! A failure that ends after its frame cannot be why the frame failed: those frames are counted apart. What follows from the
//! counts is said in [`crate::pass::dependence`].
//!
//! Left out on purpose: calls that are all there is of their caller (a CLIENT span without a span around it), whose caller
//! cannot be told from its call.

use crate::algo::stats::wilson;
use crate::finding::{Dependency, Finding, Grade, Subject};
use crate::fold::ledger::Table;
use crate::fold::watch::NESTED;
use crate::fold::{Look, Seen, Watcher};
use crate::model::dictionary::Weight;
use crate::model::span::Kind;
use crate::pass::dependence::{
    BOTH_FAILED, BOTH_WEIGHT, FAILED_ALONE, FAILED_CALLS, FEWEST, GOOD_CALLS, TABLE, TOO_LATE, Tie,
};
use crate::pass::trace::shown;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::link::{Call, End};
use crate::trace::{Attachment, NONE};

/// Finds out which callers survive their callees.
pub static TRANSMISSION: Pass = Pass {
    name: "transmission",
    about: "which callers fail when their callee fails, and whose fallbacks work",
    explain: "transmissibility",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[TABLE],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// One use of a callee by a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    frame: u32,
    callee: u32,
    ending: Ending,
}

/// How a call ended; of several to one callee the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Good,
    FailedTooLate,
    Failed,
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let [edges] = tables else {
        return;
    };
    let (mut of_trace, mut uses) = (Vec::new(), Vec::new());
    for seen in traces {
        find_uses(seen, &mut of_trace);
        uses.extend(of_trace.iter().map(|of| (seen, *of)));
    }
    let Some(Seen { catalogue, .. }) = traces.first() else {
        return;
    };
    let place = |(seen, of): &(&Seen<'_>, Use)| Some(([seen.node(of.frame), of.callee, 0, 0], 0));
    edges.for_each(catalogue, &uses, place, |(seen, of), record| {
        let frame_failed = seen.outcome(of.frame).failed();
        match of.ending {
            Ending::Good => {
                record.add(GOOD_CALLS, 1);
                record.add(FAILED_ALONE, u64::from(frame_failed));
            }
            Ending::FailedTooLate => record.add(TOO_LATE, 1),
            Ending::Failed => {
                record.add(FAILED_CALLS, 1);
                if frame_failed {
                    record.add(BOTH_FAILED, 1);
                    record.add(BOTH_WEIGHT, seen.weight(of.frame));
                }
                record.exemplars.offer(seen.exemplar(of.frame));
            }
        }
    });
}

/// Finds whom each work of a trace called, and how that ended; what was found before is let go.
fn find_uses(seen: &Seen<'_>, uses: &mut Vec<Use>) {
    uses.clear();
    for call in seen.linked.calls {
        if call.sync
            && call.last
            && matches!(call.from, End::Service(_))
            && let Some(frame) = frame(seen, call)
        {
            uses.push(Use {
                frame,
                callee: seen.end(call.to),
                ending: ending(seen, call, frame),
            });
        }
    }
    uses.sort_unstable_by(|a, b| (a.frame, a.callee, b.ending).cmp(&(b.frame, b.callee, a.ending)));
    // The worst ending of a frame and callee stands first.
    uses.dedup_by_key(|of| (of.frame, of.callee));
}

/// Returns the topmost span of the work a call belongs to, if its caller can be told from its call.
fn frame(seen: &Seen<'_>, call: &Call) -> Option<u32> {
    let mut at = match call.client {
        NONE => seen.trace.parents[call.witness as usize],
        client => client,
    };
    if at == NONE {
        return None;
    }
    let services = seen.linked.services;
    for _ in 0..NESTED {
        let kind = seen.row(at).flags.kind();
        let parent = seen.trace.parents[at as usize];
        let is_inside = !matches!(kind, Kind::Server | Kind::Consumer)
            && parent != NONE
            && services[parent as usize] == services[at as usize];
        if is_inside {
            at = parent;
            continue;
        }
        let is_whole = match kind {
            Kind::Server | Kind::Consumer => true,
            Kind::Internal | Kind::Unspecified => {
                at != call.client
                    && seen.trace.attachments[at as usize] != Attachment::MissingParent
            }
            Kind::Client | Kind::Producer => false,
        };
        return is_whole.then_some(at);
    }
    None
}

fn ending(seen: &Seen<'_>, call: &Call, frame: u32) -> Ending {
    let side = match call.client {
        NONE => call.server,
        client => client,
    };
    if side == NONE || !seen.outcome(side).failed() {
        return Ending::Good;
    }
    // Caller and call have one clock; a callee is compared by how long it took.
    let in_time = match (seen.times(side), seen.times(frame)) {
        (Some((_, end)), Some((_, frame_end))) if call.client != NONE => end <= frame_end,
        (Some((start, end)), Some((frame_start, frame_end))) => {
            end - start <= frame_end - frame_start
        }
        (None, _) | (_, None) => true,
    };
    match in_time {
        true => Ending::Failed,
        false => Ending::FailedTooLate,
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    if graph.sync.n_edges() == 0 {
        return;
    }
    if !graph.dependence.is_known {
        let why = "no spans were looked at for callers that fail with their callee: fold the traces again";
        let untold = Finding::unknown(TRANSMISSION.name, "transmissibility", why);
        measured.findings.push(untold);
        return;
    }
    let ties = graph.dependence.ties();
    let count = |dependency| {
        ties.iter()
            .filter(|tie| tie.dependency == dependency)
            .count()
    };
    let unknown = count(Dependency::Unknown);
    measured.metric("hard_edges", count(Dependency::Hard) as f64);
    measured.metric("soft_edges", count(Dependency::Soft) as f64);
    measured.metric("unknown_edges", unknown as f64);
    let mut findings: Vec<Finding> = ties.iter().filter_map(|tie| finding(graph, tie)).collect();
    findings.sort_by(|a, b| {
        let cost = |finding: &Finding| finding.cost.unwrap_or(0.0);
        cost(b).total_cmp(&cost(a)).then(b.count.cmp(&a.count))
    });
    measured.findings.append(&mut findings);
    if unknown > 0 {
        let never = ties
            .iter()
            .filter(|tie| tie.dependency == Dependency::Unknown && tie.failed_calls == 0)
            .count();
        let shown = match unknown - never {
            0 => "no call failed".to_owned(),
            _ if never == 0 => "calls failed too seldom or not always alike".to_owned(),
            _ => format!(
                "{} never failed, the others too seldom or not always alike",
                text::count(never as u64)
            ),
        };
        let why = format!(
            "whether the caller survives its callee is unknown of {} of {}: {shown}; at least {FEWEST} failed calls are needed",
            text::count(unknown as u64),
            text::plural(ties.len() as u64, "synchronous edge"),
        );
        let untold = Finding::unknown(TRANSMISSION.name, "transmissibility", why);
        measured.findings.push(untold);
    }
}

/// Says what is known of an edge, if it is.
fn finding(graph: &Graph<'_>, tie: &Tie) -> Option<Finding> {
    let (from, to) = (graph.name(tie.from), graph.name(tie.to));
    let failed = text::plural(tie.failed_calls, "time");
    let (metric, text) = match tie.shown {
        _ if tie.has_broken_fallback() => (
            "broken_fallback",
            format!(
                "{from} should do without {to} and does not: it failed {} of the {failed} its call failed{}",
                text::count(tie.both_failed),
                alone(tie),
            ),
        ),
        Dependency::Unknown => return None,
        Dependency::Hard => (
            "hard_dependency",
            format!(
                "{from} fails when {to} fails: {} of the {failed} its call failed{}",
                text::count(tie.both_failed),
                alone(tie),
            ),
        ),
        Dependency::Soft => (
            "soft_dependency",
            format!(
                "{from} does without {to}: it failed {} of the {failed} its call failed{}",
                text::count(tie.both_failed),
                alone(tie),
            ),
        ),
    };
    let requests = graph.traffic().all_weight;
    let cost = Weight(tie.both_weight).value() / requests;
    let share = wilson(tie.both_failed, tie.failed_calls);
    Some(Finding {
        value: tie.both_failed as f64 / tie.failed_calls as f64,
        interval: Some((share.low, share.high)),
        grade: Grade::Measured,
        count: tie.both_failed,
        of: tie.failed_calls,
        exemplars: shown(&tie.exemplars),
        text,
        cost: (tie.both_failed > 0 && requests > 0.0).then(|| cost.min(1.0)),
        ..Finding::of(
            TRANSMISSION.name,
            metric,
            Subject::Edge(from.to_owned(), to.to_owned()),
        )
    })
}

fn alone(tie: &Tie) -> String {
    match tie.good_calls {
        0 => ", and the call never went well".to_owned(),
        good => format!(
            ", {} of {} otherwise",
            text::count(tie.failed_alone),
            text::count(good)
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::{check, check_under};

    /// Returns traces of a shop that calls payments, each drawn by one of several stories.
    fn days(stories: &[(usize, &str)]) -> String {
        let mut drawing = String::new();
        for (story, (times, lines)) in stories.iter().enumerate() {
            for time in 0..*times {
                drawing.push_str(&format!("trace t{story}-{time}\n{lines}\n"));
            }
        }
        drawing
    }

    const WELL: &str = "
        shop < GET /checkout    0..100
          shop > POST /charge  10..60
            pay < POST /charge 12..58";
    const BOTH: &str = "
        shop < GET /checkout    0..100 error
          shop > POST /charge  10..60  error
            pay < POST /charge 12..58  error";
    const ABSORBED: &str = "
        shop < GET /checkout    0..100
          shop > POST /charge  10..60  error
            pay < POST /charge 12..58  error";
    const ALONE: &str = "
        shop < GET /checkout    0..100 error
          shop > POST /charge  10..60
            pay < POST /charge 12..58";

    const UNTOLD: &str = "unknown transmissibility the system: whether the caller survives its callee is unknown of 1 of \
        1 synchronous edge: calls failed too seldom or not always alike; at least 20 failed calls are needed";
    const NONE_FAILED: &str = "unknown transmissibility the system: whether the caller survives its callee is unknown of 1 of \
        1 synchronous edge: no call failed; at least 20 failed calls are needed";

    #[test]
    fn a_caller_that_fails_with_its_callee_depends_on_it() {
        check(
            "transmission",
            &days(&[(30, WELL), (24, BOTH), (1, ABSORBED), (1, ALONE)]),
            "measured hard_dependency shop->pay 0.960000: shop fails when pay fails: 24 of the 25 times its call failed, 1 of 31 otherwise",
        );
    }

    #[test]
    fn a_fallback_that_works_is_said() {
        check(
            "transmission",
            &days(&[(30, WELL), (25, ABSORBED)]),
            "measured soft_dependency shop->pay 0.000000: shop does without pay: it failed 0 of the 25 times its call failed, 0 of 30 otherwise",
        );
    }

    #[test]
    fn too_few_failures_and_callers_that_always_fail_tell_nothing() {
        check("transmission", &days(&[(50, WELL), (19, BOTH)]), UNTOLD);
        check("transmission", &days(&[(50, ALONE), (25, BOTH)]), UNTOLD);
    }

    #[test]
    fn a_healthy_system_is_not_accused() {
        check("transmission", &days(&[(50, WELL)]), NONE_FAILED);
    }

    #[test]
    fn what_is_declared_is_not_among_what_never_failed() {
        let story = "
            shop < GET /checkout    0..100
              shop > POST /charge  10..60
                pay < POST /charge 12..58
              shop > GET /stock    60..90  error
                stock < GET /stock 62..88  error";
        check_under(
            "version: 1\ncalls:\n  - { from: shop, to: pay, soft: true }\n",
            "transmission",
            &days(&[(5, story)]),
            &UNTOLD.replace("1 synchronous edge", "2 synchronous edges"),
        );
    }

    #[test]
    fn only_the_last_attempt_counts() {
        let retried = "
            shop < GET /checkout    0..100 error
              shop > POST /charge  10..20  error=timeout error
                pay < POST /charge 12..18  http=503
              shop > POST /charge  30..60  resend=1
                pay < POST /charge 32..58";
        check("transmission", &days(&[(30, retried)]), NONE_FAILED);
    }

    #[test]
    fn faults_of_the_caller_cancelled_calls_and_late_failures_are_no_failures() {
        for call in ["10..60 http=404 error", "10..60 grpc=1", "10..160 error"] {
            let story =
                format!("shop < GET /checkout 0..100 error\n  shop > GET /stock {call} peer=pay");
            check("transmission", &days(&[(30, &story)]), NONE_FAILED);
        }
    }

    #[test]
    fn a_call_without_a_span_around_it_tells_nothing_of_its_caller() {
        let bare = "
            load > GET /checkout    0..100 error
              shop < GET /checkout  1..99  error";
        check("transmission", &days(&[(30, bare)]), NONE_FAILED);
    }

    #[test]
    fn a_database_that_emits_no_spans_is_a_callee_too() {
        let down = "
            cart < GET /cart   0..50 error
              cart . load      1..40
                cart > get     2..30 db=redis/0 error=ECONNREFUSED error";
        check(
            "transmission",
            &days(&[(20, down)]),
            "measured hard_dependency cart->redis/0 1.000000: cart fails when redis/0 fails: 20 of the 20 times its call failed, \
                and the call never went well",
        );
    }
}
