//! Requests that are sent a second time before the first is answered.
//!
//! Attempts are compared when one span makes them to one peer with one operation. Two or three of them that overlap are a
//! hedge when the spans say so (a later one is marked as resent, or the driver counts its copies), or when
//! they began apart and either ended together or one was cancelled: the first answer ends the others. Calls that begin
//! together and end apart go to different shards, not to different copies; more than three at once are
//! scattered work in any case. Attempts known to have been answered by one instance are no hedge unless marked. Calls that run side by side
//! also end together by chance now and then: without a mark, an edge hedges only if three calls look like it, and they are most of those that
//! begin apart and overlap.
//!
//! The winner is the one attempt whose server had ended, successfully, within its client's time. The server of a loser was
//! stopped if it did not outlast its client; both are durations, which need no common clock.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Look, Seen, Watcher};
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Outcome};
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::Call;

/// Finds requests sent again before they were answered.
pub static HEDGING: Pass = Pass {
    name: "hedging",
    about: "requests sent a second time before the first is answered: what they cost, how often they win",
    explain: "hedging",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller and callee.
        TableOf {
            name: "hedging",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Logical calls made more than once at a time, those of them that spans mark, and the attempts beside the first.
const HEDGED: usize = 0;
const MARKED: usize = 1;
const EXTRA: usize = 2;
/// Calls of which the winner is known, and of these those that a later attempt won.
const DECIDED: usize = 3;
const LATER_WON: usize = 4;
/// Losers whose server was seen, and of these those that stopped in time.
const LOSERS: usize = 5;
const STOPPED: usize = 6;
/// Groups of two or three attempts that begin apart and overlap, without a mark.
const OVERLAPPING: usize = 7;

/// Fewest calls without a mark that make a hedge, and their least share of those that overlap.
const FEWEST: u64 = 3;
const LEAST_SHARE: f64 = 0.5;

/// More attempts at once than this are no hedge.
const MOST_ATTEMPTS: usize = 3;

/// Times this close together, or within a hundredth of the duration, are one time.
const CLOSE_NS: u64 = 1_000_000;

/// An attempt in the order in which attempts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    parent: u32,
    operation: u32,
    peer: u32,
    start: u64,
    end: u64,
    call: u32,
}

impl Attempt {
    fn is_beside(&self, other: &Attempt) -> bool {
        (self.parent, self.operation, self.peer) == (other.parent, other.operation, other.peer)
    }
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    let mut attempts = Vec::new();
    for seen in traces {
        find_attempts(seen, &mut attempts, table);
        observe_copies(seen, &mut attempts, table);
    }
}

/// Finds the attempts of a trace that may be copies of another; those found before are let go. Copies that a driver sent within
/// one span are counted at once.
fn find_attempts(seen: &Seen<'_>, attempts: &mut Vec<Attempt>, table: &mut Table) {
    attempts.clear();
    for (number, call) in seen.sync_calls() {
        let row = seen.row(call.client);
        if row.flags.has(Flags::SPECULATIVE) {
            // The driver sent the copies within this one span.
            let record = record_of(seen, call, table);
            for sum in [HEDGED, MARKED, EXTRA] {
                record.add(sum, 1);
            }
            record.exemplars.offer(seen.exemplar(call.client));
            continue;
        }
        let parent = seen.trace.parents[call.client as usize];
        if parent == NONE || !call.lone || seen.trace.children(parent).len() < 2 {
            continue;
        }
        if let Some((start, end)) = seen.times(call.client) {
            attempts.push(Attempt {
                parent,
                operation: row.operation,
                peer: seen.detail(call.client).peer,
                start,
                end,
                call: number,
            });
        }
    }
}

/// Looks for copies among the attempts of a trace.
fn observe_copies(seen: &Seen<'_>, attempts: &mut [Attempt], table: &mut Table) {
    if !has_copies(attempts) {
        return;
    }
    attempts.sort_unstable();
    for beside in attempts.chunk_by(Attempt::is_beside) {
        let mut rest = beside;
        while let Some(first) = rest.first() {
            let mut end = first.end;
            let overlapping = rest.iter().skip(1).take_while(|attempt| {
                let overlaps = attempt.start < end;
                end = end.max(attempt.end);
                overlaps
            });
            let n = 1 + overlapping.count();
            let (group, after) = rest.split_at(n);
            if (2..=MOST_ATTEMPTS).contains(&n) {
                observe_group(seen, group, table);
            }
            rest = after;
        }
    }
}

/// Returns whether one of some attempts may be a copy of another. Most traces have none, and few attempts.
fn has_copies(attempts: &[Attempt]) -> bool {
    const FEW: usize = 32;
    let mut others = attempts.iter().enumerate();
    attempts.len() > FEW
        || others.any(|(at, one)| attempts[..at].iter().any(|other| one.is_beside(other)))
}

fn record_of<'t>(seen: &Seen<'_>, call: &Call, table: &'t mut Table) -> &'t mut Record {
    let parts = [seen.end(call.from), seen.end(call.to), 0, 0];
    table.at(seen.catalogue, parts, 0)
}

/// Looks at two or three attempts that overlap.
fn observe_group(seen: &Seen<'_>, group: &[Attempt], table: &mut Table) {
    let calls = || {
        let calls = seen.linked.calls;
        group.iter().map(|attempt| &calls[attempt.call as usize])
    };
    let is_marked = calls()
        .skip(1)
        .any(|call| seen.row(call.client).flags.resend() > 0);
    let Some(known) = calls().find(|call| call.server != NONE) else {
        return;
    };
    if !is_marked {
        if !group.windows(2).all(begin_apart) {
            return;
        }
        record_of(seen, known, table).add(OVERLAPPING, 1);
        if !looks_hedged(seen, group) {
            return;
        }
    }
    let record = record_of(seen, known, table);
    record.exemplars.offer(seen.exemplar(known.client));
    record.add(HEDGED, 1);
    record.add(MARKED, u64::from(is_marked));
    record.add(EXTRA, group.len() as u64 - 1);
    let mut winners = (0usize..).zip(calls()).filter(|(_, call)| {
        in_time(seen, call) == Some(true)
            && seen.outcome(call.server) == Outcome::Fine
            && seen.outcome(call.client) == Outcome::Fine
    });
    let (Some((winner, _)), None) = (winners.next(), winners.next()) else {
        return;
    };
    record.add(DECIDED, 1);
    record.add(LATER_WON, u64::from(winner > 0));
    for (at, call) in calls().enumerate() {
        if let Some(in_time) = in_time(seen, call).filter(|_| at != winner) {
            record.add(LOSERS, 1);
            record.add(STOPPED, u64::from(in_time));
        }
    }
}

/// Returns whether the server of a call ended within its client's time, if both are known.
fn in_time(seen: &Seen<'_>, call: &Call) -> Option<bool> {
    let server = seen.row_if(call.server).map(|_| call.server)?;
    Some(seen.duration(server)? <= seen.duration(call.client)?)
}

/// Returns what is one time for an attempt.
fn slack(attempt: &Attempt) -> u64 {
    CLOSE_NS.max((attempt.end - attempt.start) / 100)
}

fn begin_apart(pair: &[Attempt]) -> bool {
    pair[1].start - pair[0].start > slack(&pair[0])
}

/// Returns whether unmarked attempts that begin apart and overlap are copies of one request.
fn looks_hedged(seen: &Seen<'_>, group: &[Attempt]) -> bool {
    let call = |attempt: &Attempt| &seen.linked.calls[attempt.call as usize];
    let instance = |attempt: &Attempt| {
        let server = call(attempt).server;
        seen.row_if(server).map(|_| seen.resource(server).instance)
    };
    let service = |attempt: &Attempt| seen.row_if(call(attempt).server).map(|_| call(attempt).to);
    group.windows(2).all(|pair| {
        let [one, other] = [&pair[0], &pair[1]];
        let is_elsewhere = match (instance(one), instance(other)) {
            (Some(one), Some(other)) => one != other || one == ABSENT,
            (_, _) => true,
        };
        let is_same_service = match (service(one), service(other)) {
            (Some(one), Some(other)) => one == other,
            (_, _) => true,
        };
        let is_cancelled = [one, other]
            .iter()
            .any(|attempt| seen.outcome(call(attempt).client) == Outcome::Cancelled);
        let ended_together = one.end.abs_diff(other.end) <= slack(one);
        is_elsewhere && is_same_service && (ended_together || is_cancelled)
    })
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let Some(table) = WATCHER.tables.first().and_then(|of| graph.table(of)) else {
        let why =
            "no spans were looked at for requests sent twice at a time: fold the traces again";
        let finding = Finding::unknown(HEDGING.name, "hedged_calls", why);
        measured.findings.push(finding);
        return;
    };
    let mut by_edge = grouped(table, |key| {
        (graph.name_of(key.parts[0]), graph.name_of(key.parts[1]))
    });
    by_edge.retain(|_, record| is_hedging(record));
    let hedged = total(by_edge.values().map(|record| record.sums[HEDGED]));
    measured.metric("hedged_calls", hedged as f64);
    for ((from, to), record) in &by_edge {
        let attempts = attempts(graph, from, to);
        measured.findings.push(finding(from, to, record, attempts));
    }
}

/// Returns whether calls of an edge are sent again on purpose.
fn is_hedging(record: &Record) -> bool {
    let [hedged, marked, overlapping] = [HEDGED, MARKED, OVERLAPPING].map(|at| record.sums[at]);
    let alike = hedged.saturating_sub(marked);
    let is_habit = alike >= FEWEST && alike as f64 >= LEAST_SHARE * overlapping as f64;
    marked > 0 || is_habit
}

/// Returns how many attempts of synchronous calls were seen along an edge.
fn attempts(graph: &Graph<'_>, from: &str, to: &str) -> u64 {
    let vertices = &graph.system.vertices;
    let arcs = graph.system.arcs.iter().filter(|arc| {
        let (caller, callee) = (&vertices[arc.from], &vertices[arc.to]);
        arc.sync && caller.kind != NodeKind::Users && caller.name == from && callee.name == to
    });
    total(arcs.flat_map(|arc| arc.edge.grades))
}

fn finding(from: &str, to: &str, record: &Record, attempts: u64) -> Finding {
    let [hedged, marked, extra, decided, later_won, losers, stopped] =
        [HEDGED, MARKED, EXTRA, DECIDED, LATER_WON, LOSERS, STOPPED].map(|sum| record.sums[sum]);
    // Copies inside one span are no attempts of their own.
    let logical = attempts.saturating_sub(extra).max(hedged).max(1);
    let load = extra as f64 / logical as f64;
    let mut text = format!(
        "{from} -> {to}: {} of {} sent again before an answer came, {} more load",
        text::count(hedged),
        text::plural(logical, "call"),
        text::percent(load),
    );
    if decided > 0 {
        let share = later_won as f64 / decided as f64;
        text += &format!("; the later attempt won {}", text::percent(share));
    }
    if losers > 0 {
        text += &format!(
            "; {} of {} stopped in time",
            text::count(stopped),
            text::plural(losers, "losing server"),
        );
    }
    Finding {
        value: 100.0 * load,
        unit: "%",
        grade: if marked == hedged {
            Grade::Proved
        } else {
            Grade::Inferred
        },
        count: hedged,
        of: logical,
        exemplars: exemplars(record),
        text,
        ..Finding::of(
            HEDGING.name,
            "hedging_load",
            Subject::Edge(from.to_owned(), to.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::check;

    /// Requests in which the second call wins and ends the first, and requests of one call.
    fn hedged(times: usize, others: &str) -> String {
        let mut drawing = String::new();
        for at in 0..times {
            drawing.push_str(&format!(
                "trace h{at}
                 page < GET /page      0..60
                   page > GET /blob   10..50   peer=store
                     store < GET /blob  11..90  instance=s1
                   page > GET /blob   30..50.2 peer=store
                     store < GET /blob  31..49  instance=s2
                 trace one{at}
                 page < GET /page      0..60
                   page > GET /blob   10..20   peer=store
                     store < GET /blob  11..19  instance=s2\n"
            ));
        }
        drawing + others
    }

    #[test]
    fn a_copy_that_wins_ends_the_first_attempt() {
        check(
            "hedging",
            &hedged(3, ""),
            "inferred hedging_load page->store 50.000000: page -> store: 3 of 6 calls sent again before an answer came, \
                50 % more load; the later attempt won 100 %; 0 of 3 losing servers stopped in time",
        );
    }

    #[test]
    fn calls_side_by_side_that_end_together_by_chance_are_no_hedges() {
        check("hedging", &hedged(2, ""), "");
        let side_by_side: String = (0..4)
            .map(|at| {
                format!(
                    "trace s{at}
                     page < GET /page      0..60
                       page > GET /blob   10..40   peer=store
                         store < GET /blob  11..39  instance=s1
                       page > GET /blob   30..50   peer=store
                         store < GET /blob  31..49  instance=s2\n"
                )
            })
            .collect();
        check("hedging", &hedged(3, &side_by_side), "");
    }

    #[test]
    fn a_marked_copy_needs_no_other_sign() {
        check(
            "hedging",
            "page < GET /page      0..90
               page > GET /blob   10..50   peer=store
                 store < GET /blob  11..49  instance=s1
               page > GET /blob   30..80   peer=store resend=1
                 store < GET /blob  31..79  instance=s1",
            "proved hedging_load page->store 100.000000: page -> store: 1 of 1 call sent again before an answer came, \
                100 % more load",
        );
    }

    #[test]
    fn copies_inside_a_driver_are_counted() {
        check(
            "hedging",
            "cart < GET /cart     0..50
               cart > SELECT      10..30  db=cassandra/carts cassandra.speculative_execution.count=1
             trace t2
             cart < GET /cart     0..50
               cart > SELECT      10..30  db=cassandra/carts cassandra.speculative_execution.count=0",
            "proved hedging_load cart->cassandra/carts 100.000000: cart -> cassandra/carts: 1 of 1 call sent again before \
                an answer came, 100 % more load",
        );
    }

    #[test]
    fn shards_asked_at_once_and_retries_are_no_hedges() {
        check(
            "hedging",
            "page < GET /page      0..90
               page > GET /rows   10..50   peer=rows
                 rows < GET /rows   11..49  instance=r1
               page > GET /rows   10..80   peer=rows
                 rows < GET /rows   11..79  instance=r2
             trace scattered
             page < GET /page      0..90
               page > GET /rows   10..50   peer=rows
               page > GET /rows   20..50   peer=rows
               page > GET /rows   30..50   peer=rows
               page > GET /rows   40..50   peer=rows
             trace retried
             page < GET /page      0..90
               page > GET /rows   10..30   peer=rows error=timeout
                 rows < GET /rows   11..29  instance=r1
               page > GET /rows   40..50   peer=rows resend=1
                 rows < GET /rows   41..49  instance=r2
             trace one-instance
             page < GET /page      0..90
               page > GET /rows   10..50   peer=rows
                 rows < GET /rows   11..49  instance=r1
               page > GET /rows   30..50   peer=rows
                 rows < GET /rows   31..49  instance=r1",
            "",
        );
    }
}
