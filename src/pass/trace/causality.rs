//! Effects that begin before their causes.
//!
//! - *One clock*: a span that began before its parent by the same host's clock. No clock is to blame: the
//!   instrumentation is.
//! - *Two clocks*: a server that began before its client, or a consumer before its producer. As long as one offset of the two clocks
//!   fits all their calls ([`clock_skew`]) nothing is wrong but the clocks; otherwise nothing explains it.
//! - *Backwards*: a span that ended before it began.
//!
//! Starts are compared in the coarser of the two spans' granules: of a start cut off to a whole millisecond nothing
//! is known below one. Spans of browsers are left out, of hosts nobody names all but work inside one process, and so are parents in other traces:
//! links may point anywhere in time.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Look, Seen, Watcher};
use crate::model::SpanRow;
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Kind};
use crate::pass::trace::clock_skew;
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::NONE;

/// Finds effects that begin before their causes.
pub static CAUSALITY: Pass = Pass {
    name: "causality",
    about: "spans that begin before their cause, and what explains it",
    explain: "causality",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By the services and hosts of parent and child, and by what is wrong. Values are nanoseconds too early.
        TableOf {
            name: "causality",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// How often.
const SEEN: usize = 0;

/// What is wrong, the number of the key.
const ONE_CLOCK: u64 = 0;
const TWO_CLOCKS: u64 = 1;
const BACKWARDS: u64 = 2;

/// A span that began or ended too early, with its key.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    seen: &'a Seen<'a>,
    parts: [u32; 4],
    what: u64,
    span: u32,
    /// Nanoseconds too early, of a span that began before its cause.
    early: Option<u64>,
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let ([table], [any, ..]) = (tables, traces) else {
        return;
    };
    let mut found: Vec<Found<'_>> = Vec::new();
    for seen in traces {
        find(seen, &mut found);
    }
    let key = |found: &Found<'_>| Some((found.parts, found.what));
    table.for_each(any.catalogue, &found, key, |found, record| {
        record.add(SEEN, 1);
        if let Some(early) = found.early {
            record.offer(early);
        }
        record.exemplars.offer(found.seen.exemplar(found.span));
    });
}

/// Finds what began or ended too early in a trace.
fn find<'a>(seen: &'a Seen<'a>, found: &mut Vec<Found<'a>>) {
    let spans = seen.trace.spans.iter().zip(seen.trace.parents);
    for (span, (row, &parent)) in (0..).zip(spans) {
        if row.flags.has(Flags::NEGATIVE) {
            let node = seen.node(span);
            let host = seen.resource(span).host;
            found.push(Found {
                seen,
                parts: [node, node, host, host],
                what: BACKWARDS,
                span,
                early: None,
            });
        }
        if let Some(above) = seen.row_if(parent)
            && row.start < above.start
        {
            found.extend(early(seen, parent, span));
        }
    }
    // Messages meet their producers by links.
    for call in seen.linked.calls {
        if call.client != NONE
            && call.server != NONE
            && seen.trace.parents[call.server as usize] != call.client
        {
            let (sent, taken) = (seen.row(call.client), seen.row(call.server));
            if taken.start < sent.start && taken.flags.kind() == Kind::Consumer {
                found.extend(early(seen, call.client, call.server));
            }
        }
    }
}

/// Looks at a span that shows an earlier start than its cause.
fn early<'a>(seen: &'a Seen<'a>, cause: u32, effect: u32) -> Option<Found<'a>> {
    let (before, after) = (seen.row(cause), seen.row(effect));
    let is_untimed = |row: &SpanRow| row.flags.has(Flags::NO_START);
    let early = before.start - after.start;
    if is_untimed(before) || is_untimed(after) || early < granule(before).max(granule(after)) {
        return None;
    }
    let clocks = (
        clock_skew::clock(seen, cause),
        clock_skew::clock(seen, effect),
    );
    let (from, to) = match clocks {
        (Some(from), Some(to)) => (from, to),
        // A process has one clock, whether or not anything names its host.
        (None, None) if is_one_process(seen, before, after) => (ABSENT, ABSENT),
        (_, _) => return None,
    };
    Some(Found {
        seen,
        parts: [seen.node(cause), seen.node(effect), from, to],
        what: if from == to { ONE_CLOCK } else { TWO_CLOCKS },
        span: effect,
        early: Some(early),
    })
}

/// Returns whether a child ran in the process of its parent, and that process is no browser.
fn is_one_process(seen: &Seen<'_>, parent: &SpanRow, child: &SpanRow) -> bool {
    let resource = &seen.dictionary.resources[child.resource as usize];
    let comes_from_outside = matches!(child.flags.kind(), Kind::Server | Kind::Consumer);
    parent.resource == child.resource
        && !comes_from_outside
        && !seen.dictionary.is_browser(resource)
}

/// Returns the step in which a span's clock seems to have been read.
fn granule(row: &SpanRow) -> u64 {
    let steps = [1_000_000, 1_000];
    steps
        .into_iter()
        .find(|step| row.start.is_multiple_of(*step))
        .unwrap_or(1)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let Some(table) = WATCHER.tables.first().and_then(|of| graph.table(of)) else {
        let why = "no spans were looked at for effects before their causes: fold the traces again";
        let finding = Finding::unknown(CAUSALITY.name, "causal_violations", why);
        measured.findings.push(finding);
        return;
    };
    let clocks = graph.clocks();
    let records = grouped(table, |key| {
        let [from, to, one, other] = key.parts;
        let hosts = (graph.text(one), graph.text(other));
        (key.number, graph.name_of(from), graph.name_of(to), hosts)
    });
    let (mut violations, mut explained) = (0u64, 0u64);
    // Of one pair of services the hosts are put together, unless the hosts are what matters.
    let mut said: BTreeMap<(u64, &str, &str), Early<'_>> = BTreeMap::new();
    for ((what, from, to, hosts), record) in &records {
        let is_explained = *what == TWO_CLOCKS && !clocks.contradict(hosts.0, hosts.1);
        let sum = if is_explained {
            &mut explained
        } else {
            &mut violations
        };
        *sum = total([*sum, record.sums[SEEN]]);
        if !is_explained {
            let early = said.entry((*what, from, to)).or_default();
            if early.record.most <= record.most {
                early.hosts = *hosts;
            }
            early.record.merge(record);
        }
    }
    measured.metric("causal_violations", violations as f64);
    measured.metric("skewed_starts", explained as f64);
    for ((what, from, to), early) in said {
        measured.findings.push(finding(what, from, to, &early));
    }
}

/// Effects before their causes between two services.
#[derive(Debug, Default)]
struct Early<'a> {
    record: Record,
    /// The hosts of the worst of them.
    hosts: (&'a str, &'a str),
}

fn finding(what: u64, from: &str, to: &str, early: &Early<'_>) -> Finding {
    let Early { record, hosts } = early;
    let count = record.sums[SEEN];
    let spans = text::plural(count, "span");
    let most = text::duration(record.most);
    let clock = match hosts.0 {
        "" => "their process".to_owned(),
        host => host.to_owned(),
    };
    let (metric, subject, text) = match what {
        BACKWARDS => (
            "backward_spans",
            Subject::Service(to.to_owned()),
            format!("{to}: {spans} with an end before the start"),
        ),
        ONE_CLOCK if from == to => (
            "causal_violations",
            Subject::Service(to.to_owned()),
            format!(
                "{to}: {spans} began earlier than the parent by the clock of {clock}, by up to {most}: \
                 the instrumentation stamps times wrongly"
            ),
        ),
        ONE_CLOCK => (
            "causal_violations",
            Subject::Edge(from.to_owned(), to.to_owned()),
            format!(
                "{from} -> {to}: {spans} began earlier than the parent by the clock of {clock}, by up to {most}: \
                 the instrumentation stamps times wrongly, or several hosts have that name"
            ),
        ),
        _ => (
            "causal_contradictions",
            Subject::Edge(from.to_owned(), to.to_owned()),
            format!(
                "{from} -> {to}: {spans} began earlier than the cause, by up to {most}, and no difference of the clocks of {} \
                 and {} explains it",
                hosts.0, hosts.1
            ),
        ),
    };
    Finding {
        value: count as f64,
        unit: "spans",
        grade: Grade::Proved,
        count,
        of: count,
        exemplars: exemplars(record),
        text,
        ..Finding::of(CAUSALITY.name, metric, subject)
    }
}

#[cfg(test)]
mod tests {
    use crate::pass::trace::tests::check;

    #[test]
    fn a_child_before_its_parent_on_one_clock_is_an_instrumentation_bug() {
        check(
            "causality",
            "shop < GET /cart   10..100  host=h1
               shop . render     4..50   host=h1",
            "proved causal_violations shop 1.000000: \
                shop: 1 span began earlier than the parent by the clock of h1, by up to 6 ms: \
                the instrumentation stamps times wrongly",
        );
        check(
            "causality",
            "shop < GET /cart   10..100
               shop . render     4..50
               shop > GET /price 3..50
                 price < GET /price 1..40",
            "proved causal_violations shop 2.000000: \
                shop: 2 spans began earlier than the parent by the clock of their process, by up to 7 ms: \
                the instrumentation stamps times wrongly",
        );
    }

    #[test]
    fn what_clocks_or_their_granules_explain_is_no_violation() {
        check(
            "causality",
            "shop < GET /cart     10..100   host=h1
               shop > GET /price   20..80   host=h1
                 price < GET /price 4..40   host=h2
               shop . render        9.5..50 host=h1
             trace browser
             page > GET /cart      10..100  host=h3 language=webjs
               page . paint         5..90   host=h3 language=webjs",
            "",
        );
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_told() {
        check(
            "causality",
            "shop < GET /cart   100..10",
            "proved backward_spans shop 1.000000: shop: 1 span with an end before the start",
        );
    }

    #[test]
    fn what_no_difference_of_clocks_explains_is_a_contradiction() {
        check(
            "causality",
            "trace t1
             shop > GET /price     100..200 host=h1
               price < GET /price  110..190 host=h2
             trace t2
             shop > GET /price     300..400 host=h1
               price < GET /price  250..330 host=h2
             trace t3
             shop >> send          500..510 host=h1 op=send dest=kafka/orders #sent
             mail << take          400..410 host=h2 op=process dest=kafka/orders link=t3/sent",
            "proved causal_contradictions shop->price 1.000000: shop -> price: 1 span began earlier than the cause, by up to 50 ms, \
                and no difference of the clocks of h1 and h2 explains it
             proved causal_contradictions shop->mail 1.000000: shop -> mail: 1 span began earlier than the cause, by up to 100 ms, \
                and no difference of the clocks of h1 and h2 explains it",
        );
    }
}
