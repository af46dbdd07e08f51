//! Work that nobody waits for any more, and work done twice.
//!
//! - *Phantom operation*: the client of a synchronous call failed, timed out or was cancelled, and the server succeeded.
//!   The caller believes the opposite of what happened.
//! - *Duplicate*: two servers or more succeeded within one logical call whose operation may not be repeated without harm
//!   (RFC 9110, section 9.2.2; spans may say that theirs may). A message that was processed with success more than
//!   once by one service (or group of consumers, where they are named) counts as well, known by its id and destination.
//! - *Wasted time*: a server that lasted longer than its client worked on for at least the difference of the two
//!   durations after the client had gone; durations need no common clock, so this is a lower bound whatever the clocks
//!   say. Differences within 1 ms and 1 % are left out, and so are calls whose client saw no failure: their client
//!   span may have ended with the response's headers. Where both have one clock, all of the time between the two ends counts; where
//!   the clocks of their hosts are known within bounds, as much of it as those prove (see [`late`]).
//!
//! Left out on purpose: asynchronous calls, and clients with several servers whose end belongs to none of them alone.

mod late;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::{NodeKind, USERS};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Catalogue, Look, Seen, Watcher};
use crate::model::MarkKind;
use crate::model::dictionary::Weight;
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::PeerKind;
use crate::model::span::{Flags, Kind, Outcome, Role};
use crate::pass::trace::clock_skew::clock;
use crate::pass::trace::phantoms::late::{Beyond, LATE};
use crate::pass::trace::{exemplars, grouped, sums, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;
use crate::trace::link::{Call, End};

/// Finds work done for nobody, and work done twice.
pub static PHANTOMS: Pass = Pass {
    name: "phantoms",
    about: "work that succeeds after its caller gave up, and work done twice",
    explain: "phantoms",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and operation; see the constants for the sums.
        sums(
            "phantoms",
            [Part::Node, Part::Node, Part::Text, Part::Unused],
        ),
        // By consuming service, destination, and hash of the message and its consumers: how often it was processed with success. Ids need be
        // unique in one destination alone.
        TableOf {
            name: "phantoms-messages",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 15,
                group: 0,
            },
        },
        LATE,
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Phantom operations: seen, and weighted.
const PHANTOMS_SEEN: usize = 0;
const PHANTOMS_WEIGHT: usize = 1;
/// Logical calls that succeeded more than once: those that may not, and those of which nothing says whether they may.
const DUPLICATES: usize = 2;
const DUPLICATES_UNKNOWN: usize = 3;
/// Nanoseconds that servers worked for nobody, and the calls they did so in.
const WASTED_NS: usize = 4;
const WASTED_SEEN: usize = 5;

/// Differences of durations up to here may come from the granularity of clocks.
const CLOCK_NS: u64 = 1_000_000;

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([edges, messages, late], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut processed: Vec<Processed<'_>> = Vec::new();
    for seen in traces {
        let signs = seen.signs;
        if signs.failed || signs.cancelled || signs.repeated {
            find_calls(seen, &mut found);
        }
        if !seen.trace.marks.is_empty() {
            find_messages(seen, &mut processed);
        }
    }
    add_calls(any.catalogue, &found, edges, late);
    let key = |of: &Processed<'_>| Some((of.parts, of.message));
    messages.for_each(any.catalogue, &processed, key, |of, record| {
        record.add(0, 1);
        record.exemplars.offer(of.seen.exemplar(of.span));
    });
}

/// Finds what is wrong with the calls of a trace.
fn find_calls<'a>(seen: &'a Seen<'a>, found: &mut Vec<Found<'a>>) {
    let mut successes = Successes::default();
    for (number, call) in seen.sync_calls() {
        if call.server != NONE {
            let is_second_success = successes.is_second(seen, number, call);
            found.extend(Found::of(seen, call, is_second_success));
        }
    }
}

fn add_calls(catalogue: &Catalogue, found: &[Found<'_>], edges: &mut Table, late: &mut Table) {
    let key = |found: &Found<'_>| {
        let [from, to, operation, _] = found.parts;
        let (left, [client, server]) = found.apart?;
        let bits = late::bits(left.client, left.server, found.wasted);
        let number = late::number(catalogue, operation) | bits;
        Some(([from, to, client, server], number))
    };
    late.for_each(catalogue, found, key, |found, record| {
        if let Some((left, _)) = found.apart {
            late::add(record, left.client, left.server);
        }
    });
    let key = |found: &Found<'_>| Some((found.parts, 0));
    edges.for_each(catalogue, found, key, |found, record| {
        if found.is_phantom {
            record.add(PHANTOMS_SEEN, 1);
            record.add(PHANTOMS_WEIGHT, found.seen.weight(found.client));
        }
        if let Some(ns) = found.wasted {
            record.add(WASTED_SEEN, 1);
            record.add(WASTED_NS, ns);
        }
        record.add(
            DUPLICATES,
            u64::from(found.repeats == Some(Repeats::MayNot)),
        );
        record.add(
            DUPLICATES_UNKNOWN,
            u64::from(found.repeats == Some(Repeats::Unknown)),
        );
        record.exemplars.offer(found.seen.exemplar(found.client));
    });
}

/// A message that was processed with success, with its key.
#[derive(Clone, Copy, Debug)]
struct Processed<'a> {
    seen: &'a Seen<'a>,
    parts: [u32; 4],
    message: u64,
    span: u32,
}

/// Finds the messages of a trace that were processed with success.
fn find_messages<'a>(seen: &'a Seen<'a>, processed: &mut Vec<Processed<'a>>) {
    for (span, row) in (0..).zip(seen.trace.spans) {
        let flags = row.flags;
        if flags.has(Flags::MARKS)
            && flags.kind() == Kind::Consumer
            && flags.role() == Role::Process
            && flags.outcome() == Outcome::Fine
        {
            for message in seen.trace.marks_of(span, MarkKind::Message) {
                processed.push(Processed {
                    seen,
                    parts: [seen.node(span), destination(seen, span), 0, 0],
                    message,
                    span,
                });
            }
        }
    }
}

/// Returns the node of the destination that a span takes messages from; that of users if it names none.
fn destination(seen: &Seen<'_>, span: u32) -> u32 {
    let detail = seen.detail(span);
    match detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT {
        true => seen.end(End::Peer(seen.row(span).detail)),
        false => USERS,
    }
}

/// How many attempts of each logical call have succeeded so far, up to three, by the number of the first; empty until an
/// attempt repeats another.
#[derive(Debug, Default)]
struct Successes(Vec<u8>);

impl Successes {
    /// Returns whether an attempt is the second that succeeded, so that each logical call counts once; attempts come by
    /// number.
    fn is_second(&mut self, seen: &Seen<'_>, number: u32, call: &Call) -> bool {
        if self.0.is_empty() {
            if call.first == number {
                return false;
            }
            self.0.resize(seen.linked.calls.len(), 0);
            let before = seen.sync_calls().take_while(|(other, _)| *other < number);
            for (_, earlier) in before {
                self.add(seen, earlier);
            }
        }
        self.add(seen, call) && self.0[call.first as usize] == 2
    }

    /// Counts an attempt if it succeeded, and returns whether it did.
    fn add(&mut self, seen: &Seen<'_>, call: &Call) -> bool {
        let is_success = call.server != NONE && seen.outcome(call.server) == Outcome::Fine;
        let known = &mut self.0[call.first as usize];
        *known = (*known + u8::from(is_success)).min(3);
        is_success
    }
}

/// What is wrong with a call, with its key.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    seen: &'a Seen<'a>,
    parts: [u32; 4],
    client: u32,
    is_phantom: bool,
    /// What surely was wasted, if something was.
    wasted: Option<u64>,
    /// When both sides ran, and their hosts, if the client had gone and these have clocks of their own.
    apart: Option<(Left, [NameId; 2])>,
    repeats: Option<Repeats>,
}

/// What is known of a call that succeeded twice, unless it may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    MayNot,
    Unknown,
}

impl<'a> Found<'a> {
    /// Returns what is wrong with a call, if something is.
    fn of(seen: &'a Seen<'a>, call: &Call, is_duplicate: bool) -> Option<Found<'a>> {
        let client = seen.outcome(call.client);
        let gave_up = call.lone && (client.failed() || client == Outcome::Cancelled);
        if !gave_up && !is_duplicate {
            return None;
        }
        let is_phantom = gave_up && seen.outcome(call.server) == Outcome::Fine;
        let left = if gave_up { Left::of(seen, call) } else { None };
        let wasted = left.and_then(|left| left.wasted());
        let apart = left.and_then(|left| Some((left, left.other_hosts()?)));
        if !is_phantom && wasted.is_none() && apart.is_none() && !is_duplicate {
            return None;
        }
        let operation = seen.row(call.server).operation;
        Some(Found {
            seen,
            parts: [seen.end(call.from), seen.end(call.to), operation, 0],
            client: call.client,
            is_phantom,
            wasted,
            apart,
            repeats: match is_duplicate.then(|| may_repeat(seen, call)) {
                Some(Some(false)) => Some(Repeats::MayNot),
                Some(None) => Some(Repeats::Unknown),
                Some(Some(true)) | None => None,
            },
        })
    }
}

/// A server whose client had gone: when both began and ended, and by whose clocks.
#[derive(Clone, Copy, Debug)]
struct Left {
    client: (u64, u64),
    server: (u64, u64),
    hosts: Option<[NameId; 2]>,
}

impl Left {
    fn of(seen: &Seen<'_>, call: &Call) -> Option<Left> {
        Some(Left {
            client: seen.times(call.client)?,
            server: seen.times(call.server)?,
            hosts: clock(seen, call.client)
                .zip(clock(seen, call.server))
                .map(<[NameId; 2]>::from),
        })
    }

    /// Returns the hosts of both when they have clocks of their own.
    fn other_hosts(self) -> Option<[NameId; 2]> {
        self.hosts.filter(|[client, server]| client != server)
    }

    /// Returns how long the server surely worked after its client had gone, if it did, as this call alone tells.
    fn wasted(self) -> Option<u64> {
        let Left { client, server, .. } = self;
        let is_one_clock = self.hosts.is_some() && self.other_hosts().is_none();
        if is_one_clock {
            let after = server.1.saturating_sub(client.1.max(server.0));
            return (after > CLOCK_NS).then_some(after);
        }
        let [waited, worked] = [client, server].map(|(start, end)| end - start);
        let over = worked.checked_sub(waited)?;
        (over > CLOCK_NS.max(waited / 100)).then_some(over)
    }
}

/// Returns whether the request may be repeated without harm, if the spans say so.
fn may_repeat(seen: &Seen<'_>, call: &Call) -> Option<bool> {
    let either = |f: &dyn Fn(u32) -> bool| f(call.client) || f(call.server);
    let has_key = |span| {
        seen.trace
            .marks_of(span, MarkKind::Idempotency)
            .next()
            .is_some()
    };
    if either(&|span| seen.row(span).flags.has(Flags::IDEMPOTENT)) || either(&has_key) {
        return Some(true);
    }
    either(&|span| seen.row(span).flags.has(Flags::HTTP)).then_some(false)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [edges, messages, late] = WATCHER.tables else {
        return;
    };
    let beyond = graph.table(late).map(|late| late::beyond(graph, late));
    let mut beyond = beyond.unwrap_or_default();
    let (Some(edges), Some(messages)) = (graph.table(edges), graph.table(messages)) else {
        let why = "no spans were looked at for work that nobody waits for: fold the traces again";
        measured
            .findings
            .push(Finding::unknown(PHANTOMS.name, "phantom_operations", why));
        return;
    };
    let catalogue = &graph.system.rest.catalogue;
    let by_call = grouped(edges, |key| {
        let [from, to, operation, _] = key.parts;
        let number = late::number(catalogue, operation);
        let ends = (graph.name_of(from), graph.name_of(to));
        (ends.0, ends.1, graph.text(operation), number)
    });
    let wasted_ns = total(by_call.values().map(|record| record.sums[WASTED_NS]));
    let wasted_ns = total(beyond.values().map(|of| of.ns).chain([wasted_ns]));
    let sum = |at: usize| total(by_call.values().map(|record| record.sums[at]));
    measured.metric("phantom_operations", sum(PHANTOMS_SEEN) as f64);
    measured.metric("wasted_server_seconds", wasted_ns as f64 / 1e9);
    let worked = worked_ns(graph);
    if worked > 0.0 {
        let ratio = wasted_ns as f64 / worked;
        measured.metric("wasted_server_ratio", ratio.min(1.0));
    }
    let calls = graph.calls_between_services();
    if calls > 0.0 {
        let phantoms = Weight(sum(PHANTOMS_WEIGHT)).value();
        measured.metric("phantoms_per_10k", phantoms * 1e4 / calls);
    }
    for ((from, to, operation, number), record) in &by_call {
        let beyond = beyond.remove(&(*from, *to, *number)).unwrap_or_default();
        let subject = Subject::Call((*from).into(), (*to).into(), (*operation).into());
        let cost = |weight| graph.cost_of_weight(weight, calls);
        measured
            .findings
            .extend(said_of(subject, (record, beyond), &cost));
    }
    let twice = repeated_messages(graph, messages, measured);
    measured.metric("phantom_duplicates", total([sum(DUPLICATES), twice]) as f64);
}

/// Returns how long servers worked for other services that waited.
fn worked_ns(graph: &Graph<'_>) -> f64 {
    let vertices = &graph.system.vertices;
    let arcs = graph.system.arcs.iter();
    let between = arcs.filter(|arc| arc.sync && vertices[arc.from].kind != NodeKind::Users);
    between.map(|arc| arc.edge.server_ns.sum() as f64).sum()
}

/// Returns what is to be said of the calls of one operation along one edge.
fn said_of(
    subject: Subject,
    (record, beyond): (&Record, Beyond),
    cost: &impl Fn(f64) -> Option<f64>,
) -> Vec<Finding> {
    let told = |metric, unit, value: f64, count: u64, text: String| Finding {
        value,
        unit,
        grade: Grade::Proved,
        count,
        of: count,
        exemplars: exemplars(record),
        text,
        ..Finding::of(PHANTOMS.name, metric, subject.clone())
    };
    let mut said = Vec::new();
    let calls = |count| text::plural(count, "call");
    let place = match &subject {
        Subject::Call(from, to, operation) => format!("{from} -> {to} {operation}"),
        other => other.to_string(),
    };
    let phantoms = record.sums[PHANTOMS_SEEN];
    if phantoms > 0 {
        let text = format!(
            "{place}: {} succeeded after the caller had given up or failed",
            calls(phantoms)
        );
        let mut finding = told(
            "phantom_operations",
            "calls",
            phantoms as f64,
            phantoms,
            text,
        );
        let weight = Weight(record.sums[PHANTOMS_WEIGHT]).value();
        finding.cost = cost(weight);
        said.push(finding);
    }
    for (sum, metric, why) in [
        (
            DUPLICATES,
            "phantom_duplicates",
            "which may not be repeated without harm",
        ),
        (
            DUPLICATES_UNKNOWN,
            "possible_duplicates",
            "and nothing says whether it may be repeated without harm",
        ),
    ] {
        let twice = record.sums[sum];
        if twice > 0 {
            let text = format!("{place}, {why}: {} succeeded more than once", calls(twice));
            let mut finding = told(metric, "calls", twice as f64, twice, text);
            if sum == DUPLICATES {
                finding.cost = cost(twice as f64);
            }
            said.push(finding);
        }
    }
    let wasted = total([record.sums[WASTED_SEEN], beyond.calls]);
    if wasted > 0 {
        let ns = total([record.sums[WASTED_NS], beyond.ns]);
        let up_to = if beyond.calls > 0 { "up to " } else { "" };
        let by_clocks = match beyond.ns {
            0 => String::new(),
            ns => format!(", {} of it by the clocks of both hosts", text::duration(ns)),
        };
        let text = format!(
            "{place}: the callee worked at least {} for nobody, in {up_to}{}{by_clocks}",
            text::duration(ns),
            calls(wasted)
        );
        said.push(told(
            "wasted_server_seconds",
            "s",
            ns as f64 / 1e9,
            wasted,
            text,
        ));
    }
    said
}

/// Adds a finding per service that processed messages with success more than once; returns how many repeats were seen.
fn repeated_messages(graph: &Graph<'_>, messages: &Table, measured: &mut Measured) -> u64 {
    let mut by_service = std::collections::BTreeMap::new();
    for (key, record) in messages.rows() {
        let (again, all, shown): &mut (u64, u64, Vec<String>) =
            by_service.entry(graph.name_of(key.parts[0])).or_default();
        *all += 1;
        if record.sums[0] > 1 {
            *again = total([*again, record.sums[0] - 1]);
            if shown.is_empty() {
                *shown = exemplars(record);
            }
        }
    }
    let mut repeats = 0;
    let (_, halvings) = messages.bounds();
    let sampled = match halvings {
        0 => String::new(),
        halvings => format!(
            ", in a sample of 1 message in {}",
            text::count(1 << halvings.min(63))
        ),
    };
    for (service, (again, all, shown)) in by_service {
        let cost = graph.cost_of_calls(again, all);
        repeats = total([repeats, again]);
        if again > 0 {
            measured.findings.push(Finding {
                value: again as f64,
                unit: "messages",
                grade: Grade::Proved,
                count: again,
                of: all,
                exemplars: shown,
                text: format!(
                    "{service}: {} processed with success again, of {} with an id{sampled}",
                    text::plural(again, "message"),
                    text::count(all),
                ),
                cost,
                ..Finding::of(
                    PHANTOMS.name,
                    "phantom_duplicates",
                    Subject::Service(service.to_owned()),
                )
            });
        }
    }
    repeats
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::check;

    #[test]
    fn a_server_that_succeeds_after_its_client_gave_up_is_a_phantom() {
        check(
            "phantoms",
            "shop < GET /checkout         0..100
               shop > POST /charge        10..60  error=timeout error
                 pay < POST /charge       12..90  http=200",
            "proved phantom_operations shop->pay POST /charge 1.000000: \
                shop -> pay POST /charge: 1 call succeeded after the caller had given up or failed
             proved wasted_server_seconds shop->pay POST /charge 0.028000: \
                shop -> pay POST /charge: the callee worked at least 28 ms for nobody, in 1 call",
        );
    }

    /// A call that is given up after 50 ms and began to be worked on 40 ms after it was made, beside a quick one.
    fn late(callee: &str) -> String {
        format!(
            "shop < GET /checkout         0..200   host=h1
               shop > GET /rates         1..3     host=h1
                 pay < GET /rates       1.5..2.5  host={callee}
               shop > POST /charge       10..60   host=h1 error=timeout error
                 pay < POST /charge      50..90   host={callee} http=200
               shop > GET /rates         101..103 host=h1
                 pay < GET /rates     101.5..102.5 host={callee}"
        )
    }

    #[test]
    fn one_clock_tells_all_that_was_worked_after_the_end() {
        let said = |wasted: &str| {
            format!(
                "proved phantom_operations shop->pay POST /charge 1.000000: \
                    shop -> pay POST /charge: 1 call succeeded after the caller had given up or failed\n{wasted}"
            )
        };
        let one_clock = "proved wasted_server_seconds shop->pay POST /charge 0.030000: \
            shop -> pay POST /charge: the callee worked at least 30 ms for nobody, in 1 call";
        check("phantoms", &late("h1"), &said(one_clock));
        // The quick calls bound how far h2 is ahead to 0.5 ms, to which two steps of 1 ms and a drift of 0.5 ms are added.
        let two_clocks = "proved wasted_server_seconds shop->pay POST /charge 0.027000: \
            shop -> pay POST /charge: the callee worked at least 27 ms for nobody, in up to 1 call, \
            27 ms of it by the clocks of both hosts";
        check("phantoms", &late("h2"), &said(two_clocks));
        // Nobody knows whose clock it is.
        check("phantoms", &late("h2").replace("host=h2", ""), &said(""));
    }

    #[test]
    fn a_client_that_ends_with_the_headers_is_no_phantom() {
        check(
            "phantoms",
            "shop < GET /checkout     0..100
               shop > GET /export     10..20
                 store < GET /export  12..90",
            "",
        );
    }

    #[test]
    fn only_what_may_not_be_repeated_is_a_duplicate() {
        let retried = |method: &str, key: &str| {
            format!(
                "shop < GET /checkout         0..100
                   shop > {method} /charge    10..30  error=timeout error http.request.method={method} {key}
                     pay < {method} /charge   12..29  http.request.method={method}
                   shop > {method} /charge    40..60  resend=1 http.request.method={method} {key}
                     pay < {method} /charge   42..58  http.request.method={method}"
            )
        };
        let phantom = |method: &str| {
            format!(
                "proved phantom_operations shop->pay {method} /charge 1.000000: \
                 shop -> pay {method} /charge: 1 call succeeded after the caller had given up or failed"
            )
        };
        let duplicate = "proved phantom_duplicates shop->pay POST /charge 1.000000: \
            shop -> pay POST /charge, which may not be repeated without harm: 1 call succeeded more than once";
        let post = format!("{}\n{duplicate}", phantom("POST"));
        check("phantoms", &retried("POST", ""), &post);
        check("phantoms", &retried("PUT", ""), &phantom("PUT"));
        let key = "http.request.header.idempotency-key=k1";
        check("phantoms", &retried("POST", key), &phantom("POST"));
    }

    #[test]
    fn a_message_processed_twice_is_a_duplicate() {
        check(
            "phantoms",
            "trace t1
             mail << process orders  0..10  op=process dest=kafka/orders messaging.message.id=m1
             trace t2
             mail << process orders  20..30 op=process dest=kafka/orders messaging.message.id=m1
             trace t3
             mail << process orders  40..50 op=process dest=kafka/orders messaging.message.id=m2
             trace t4
             audit << process orders 40..50 op=process dest=kafka/orders messaging.message.id=m2
             trace t5
             mail << process orders  60..70 op=process dest=kafka/orders messaging.message.id=m3 error
             trace t6
             mail << process bills   60..70 op=process dest=kafka/bills messaging.message.id=m1
             trace t7
             mail << process orders  80..90 op=process dest=kafka/orders messaging.message.id=m2 messaging.consumer.group.name=copy",
            "proved phantom_duplicates mail 1.000000: \
                mail: 1 message processed with success again, of 4 with an id",
        );
    }
}
