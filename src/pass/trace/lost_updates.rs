//! Windows in which an update can be lost: a read and a later write of the same table in one request, without a transaction.
//!
//! Two requests that both read before either writes lose one of the two updates (the read-modify-write race). Within one
//! trace and one service: a read of a database collection, then a write to the same collection that starts after the read has
//! ended, with no span of a transaction between their starts. The window is from the start of the read to the end of the write.
//! With writes to one key at a rate of lambda, the chance that another falls into a window w is 1 - exp(-lambda w).
//!
//! Writes that nothing orders are looked at as well: see [`inversions`].
//!
//! A read that locks what it reads and a write that is conditional or relative are no candidates, as far as the text of the statement
//! or a captured header says so: see [`Flags::GUARDED`]. What reads and changes in one step (`findAndModify`) is no write here.
//!
//! Keys and isolation levels are not in the spans, nor are conditions in statements that were not recorded, so every
//! finding is a candidate: inferred, and none of them costs anybody anything by itself.

mod inversions;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Look, Seen, Watcher};
use crate::model::names::NameId;
use crate::model::peer::PeerKind;
use crate::model::span::Flags;
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;
use crate::trace::order::Order;

/// Finds windows in which an update can be lost.
pub static LOST_UPDATES: Pass = Pass {
    name: "lost-updates",
    about: "reads followed by writes of the same table without a transaction",
    explain: "lost-updates",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By service, database, and the operation that writes; with the distribution of the windows.
        TableOf {
            name: "lost-updates",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 20_000,
                group: 0,
            },
        },
        // By the hosts of two writes that nothing orders, in text order, the database and the operation. The number says which of
        // them began first by its clock; with the distribution of the nanoseconds between their starts.
        TableOf {
            name: "lost-updates-inversions",
            layout: Layout {
                parts: [Part::Text, Part::Text, Part::Node, Part::Text],
                bin: 0,
                limit: 1 << 13,
                group: 0,
            },
        },
    ],
    traces: Some(Look::Together(observe)),
    ..Watcher::BLIND
};

/// Words that begin the name of a reading operation, of a writing one, and of what belongs to a transaction.
const READS: [&str; 5] = ["select", "find", "get", "hget", "hgetall"];
const WRITES: [&str; 7] = ["update", "replace", "set", "hset", "put", "save", "upsert"];
const TRANSACTIONS: [&str; 6] = [
    "begin",
    "start transaction",
    "commit",
    "multi",
    "exec",
    "watch",
];

/// Most calls to databases that one request is looked at for.
const CALLS_MAX: usize = 256;

/// A call to a database.
#[derive(Clone, Copy, Debug)]
struct Access<'a> {
    service: u32,
    database: u32,
    operation: NameId,
    start: u64,
    end: u64,
    span: u32,
    /// What it writes, if it does and nothing guards that.
    written: Option<&'a str>,
    is_guarded: bool,
}

fn observe(traces: &[Seen<'_>], tables: &mut [Table]) {
    let [windows, unordered] = tables else {
        return;
    };
    let mut accesses = Vec::new();
    let mut order = Order::default();
    for seen in traces {
        find_accesses(seen, &mut accesses);
        inversions::observe(seen, &accesses, &mut order, unordered);
        observe_windows(seen, &accesses, windows);
    }
}

/// Finds the calls of a trace to databases; those found before are let go.
fn find_accesses<'a>(seen: &Seen<'a>, accesses: &mut Vec<Access<'a>>) {
    accesses.clear();
    let found = seen
        .sync_calls()
        .filter(|(_, call)| seen.detail(call.client).peer_kind == PeerKind::Database)
        .filter_map(|(_, call)| {
            let (start, end) = seen.times(call.client)?;
            let row = seen.row(call.client);
            let is_guarded = row.flags.has(Flags::GUARDED);
            let written = collection(seen.catalogue.text(row.operation), &WRITES);
            Some(Access {
                service: seen.end(call.from),
                database: seen.end(call.to),
                operation: row.operation,
                start,
                end,
                span: call.client,
                written: written.filter(|_| !is_guarded),
                is_guarded,
            })
        });
    accesses.extend(found.take(CALLS_MAX));
}

/// Adds the windows of a trace.
fn observe_windows(seen: &Seen<'_>, accesses: &[Access<'_>], table: &mut Table) {
    let name = |access: &Access<'_>| seen.catalogue.text(access.operation);
    for write in accesses {
        let Some(written) = write.written else {
            continue;
        };
        let same_place = |other: &&Access<'_>| {
            (other.service, other.database) == (write.service, write.database)
        };
        let reads = || {
            let before = accesses.iter().filter(same_place);
            let before = before.filter(|read| read.end <= write.start);
            before.filter(|read| collection(name(read), &READS) == Some(written))
        };
        // The latest read before the write is the one it may rest on.
        let Some(read) = reads().max_by_key(|read| (read.start, read.span)) else {
            continue;
        };
        if reads().any(|read| read.is_guarded) {
            continue;
        }
        let in_transaction = accesses.iter().filter(same_place).any(|other| {
            is_transaction(name(other)) && other.start <= write.end && other.end >= read.start
                || is_transaction(name(other)) && other.start <= read.start
        });
        if in_transaction {
            continue;
        }
        let parts = [
            write.service,
            write.database,
            read.operation,
            write.operation,
        ];
        let record = table.at(seen.catalogue, parts, 0);
        record.add(0, 1);
        record.sample(write.end.saturating_sub(read.start));
        record.exemplars.offer(seen.exemplar(write.span));
    }
}

/// Returns what an operation named `VERB collection` is about, in any case, when its verb is one of these.
fn collection<'a>(name: &'a str, verbs: &[&str]) -> Option<&'a str> {
    // Names are many, and few begin with a verb of the right length.
    let is_one = |verb: &&&str| {
        let bytes = name.as_bytes();
        let begins = bytes.get(..verb.len());
        bytes.get(verb.len()) == Some(&b' ')
            && begins.is_some_and(|begins| begins.eq_ignore_ascii_case(verb.as_bytes()))
    };
    let verb = verbs.iter().find(is_one)?;
    let rest = &name[verb.len() + 1..];
    rest.split(' ').next().filter(|word| !word.is_empty())
}

fn is_transaction(name: &str) -> bool {
    TRANSACTIONS.iter().any(|word| {
        name.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && name[word.len()..]
                .chars()
                .next()
                .is_none_or(|c| !c.is_alphanumeric())
    })
}

/// Returns the chance that one of the writes to a key, so many a second, falls into a window.
fn chance(writes_per_second: f64, window_ns: u64) -> f64 {
    -(-writes_per_second * window_ns as f64 / 1e9).exp_m1()
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [table, unordered] = WATCHER.tables else {
        return;
    };
    let (Some(table), Some(unordered)) = (graph.table(table), graph.table(unordered)) else {
        let why = "no spans were looked at for reads before writes: fold the traces again";
        measured.findings.push(Finding::unknown(
            LOST_UPDATES.name,
            "lost_update_windows",
            why,
        ));
        return;
    };
    let by_place = grouped(table, |key| {
        let [service, database, read, write] = key.parts;
        let names = (graph.name_of(service), graph.name_of(database));
        (names, graph.text(read), graph.text(write))
    });
    measured.metric("lost_update_windows", by_place.len() as f64);
    for (((service, database), read, write), record) in &by_place {
        let Some(window) = record
            .sketch
            .as_ref()
            .and_then(|sketch| sketch.quantile(0.5))
        else {
            continue;
        };
        let n = record.sums[0];
        let mut finding = Finding {
            value: window as f64 / 1e6,
            unit: "ms",
            grade: Grade::Inferred,
            count: n,
            of: n,
            exemplars: exemplars(record),
            text: format!(
                "{service} reads ({read}) and later writes ({write}) {database} without a transaction in the spans, {} apart in the median \
                 of {}: at one write a second to the same key, {} would meet another",
                text::duration(window),
                text::plural(n, "request"),
                text::percent(chance(1.0, window)),
            ),
            ..Finding::of(
                LOST_UPDATES.name,
                "lost_update_windows",
                Subject::Call((*service).into(), (*database).into(), (*write).into()),
            )
        };
        finding.id = format!("{} after {read}", finding.id);
        measured.findings.push(finding);
    }
    inversions::measure(graph, unordered, measured);
}

#[cfg(test)]
mod tests {
    use super::chance;
    use crate::pass::trace::tests::check;

    #[test]
    fn the_chance_of_another_write_follows_the_poisson_law() {
        assert!((chance(5.0, 20_000_000) - 0.095_163).abs() < 1e-6);
        assert_eq!(chance(5.0, 0), 0.0);
    }

    fn request(between: &str) -> String {
        format!(
            "shop < POST /buy        0..100
               {between}
               shop > SELECT stock   10..15  db=postgresql/shop
               shop > UPDATE stock   25..30  db=postgresql/shop"
        )
    }

    #[test]
    fn a_read_before_a_write_is_a_window() {
        check(
            "lost-updates",
            &request(""),
            "inferred lost_update_windows shop->postgresql/shop UPDATE stock 20.000000: shop reads (SELECT stock) and later writes \
             (UPDATE stock) postgresql/shop without a transaction in the spans, 20 ms apart in the median of 1 request: at one \
             write a second to the same key, 2 % would meet another",
        );
    }

    #[test]
    fn locks_conditions_and_relative_writes_close_the_window() {
        let sql = |read: &str, write: &str| {
            format!(
                "shop < POST /buy        0..100
                   shop > SELECT stock   10..15  db=postgresql/shop {read}
                   shop > UPDATE stock   25..30  db=postgresql/shop {write}"
            )
        };
        for (read, write) in [
            ("sql=SELECT~n~FROM~stock~FOR~UPDATE", ""),
            ("", "sql=UPDATE~stock~SET~n~=~n~-~?"),
            ("", "sql=UPDATE~stock~SET~n=?~WHERE~version=?"),
            ("", "http.request.header.if-match=7"),
        ] {
            check("lost-updates", &sql(read, write), "");
        }
        check(
            "lost-updates",
            &sql(
                "sql=SELECT~n~FROM~stock",
                "sql=UPDATE~stock~SET~n=?~WHERE~id=?",
            ),
            "inferred lost_update_windows shop->postgresql/shop UPDATE stock 20.000000: shop reads (SELECT stock) and later writes \
             (UPDATE stock) postgresql/shop without a transaction in the spans, 20 ms apart in the median of 1 request: at one \
             write a second to the same key, 2 % would meet another",
        );
        // The lock was taken by an earlier read of the same table.
        let twice = sql("sql=SELECT~n~FROM~stock~FOR~UPDATE", "").replace(
            "shop > UPDATE",
            "shop > SELECT stock   16..18  db=postgresql/shop
                   shop > UPDATE",
        );
        check("lost-updates", &twice, "");
    }

    #[test]
    fn a_transaction_closes_the_window() {
        check(
            "lost-updates",
            &request("shop > BEGIN          1..2    db=postgresql/shop"),
            "",
        );
        check(
            "lost-updates",
            "shop < POST /buy        0..100
               shop > SELECT stock   10..15  db=postgresql/shop
               shop > UPDATE orders  25..30  db=postgresql/shop",
            "",
        );
    }

    /// Two services write the same table at once, on hosts whose clocks the caller knows within 4 ms each.
    fn race(late: u64) -> String {
        format!(
            "web < POST /buy          0..100  host=h1
               web > POST /a         10..50  host=h1
                 a < POST /a         12..48  host=h2
                   a > UPDATE stock  20..30  host=h2 db=postgresql/shop
               web > POST /b         10..90  host=h1
                 b < POST /b         12..88  host=h3
                   b > UPDATE stock  {}..{}  host=h3 db=postgresql/shop",
            20 + late,
            25 + late
        )
    }

    #[test]
    fn unordered_writes_closer_than_clocks_are_known_are_told() {
        // Either clock is within 2 ms of the caller's, and known to two steps of a millisecond: h3 is within 8 ms of h2.
        check(
            "lost-updates",
            &race(3),
            "inferred order_inversion_risk postgresql/shop 1.000000: postgresql/shop: of 1 pair of writes (UPDATE stock) \
             that nothing orders, 1 is closer than the clocks of their hosts are known: if the later time stamp wins, \
             it may be the earlier write, provided both have one key",
        );
    }

    #[test]
    fn ordered_and_distant_writes_are_no_risk() {
        check("lost-updates", &race(40), "");
        // The second service is asked after the first has answered.
        let one_after_the_other = race(3)
            .replace("10..90", "60..90")
            .replace("12..88", "62..88")
            .replace("23..28", "70..75");
        check("lost-updates", &one_after_the_other, "");
        // One host has one clock.
        check("lost-updates", &race(3).replace("h3", "h2"), "");
        // Relative writes may be made in any order.
        let relative = race(3).replace(
            "db=postgresql/shop",
            "db=postgresql/shop sql=UPDATE~stock~SET~n=n-1",
        );
        check("lost-updates", &relative, "");
    }
}
