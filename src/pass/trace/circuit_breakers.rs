//! Callers that go on asking a callee that is down, and callers that stop.
//!
//! Only an outage in the data can tell. An *outage* of a calling instance is a run of bins (10 s) of at least 30 s with at least 50
//! attempts, in each of which at least 80 % of them fail. In an outage,
//!
//! - a breaker *opened* when attempts say so (error types such as `CallNotPermittedException`), or when less than a fifth of the
//!   usual attempts per inbound request were made;
//! - a breaker is *missing* when at least 0.7 of the usual attempts per inbound request went on, and the mean failed attempt lasted
//!   at least half of the timeout, which is the longest attempt that timed out. Adaptive throttling lowers that share as well.
//!
//! *Usual* is the median of the bins outside of outages. A caller whose inbound requests are not recorded counts as always
//! equally busy.
//!
//! Left out on purpose: partial failures, and breakers inside the callee's proxy that answer with spans of their own.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Table, TableOf};
use crate::fold::record::Record;
use crate::fold::{Attempt, Known, Request, Watcher};
use crate::pass::cost::cost;
use crate::pass::outages::{self, ATTEMPTS, CALLS, FAILED, FAILED_NS, REJECTED, REQUESTS, SERVED};
use crate::pass::trace::{exemplars, grouped, median, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds callers that go on asking in an outage.
pub static CIRCUIT_BREAKERS: Pass = Pass {
    name: "circuit-breakers",
    about: "callers that go on asking a callee that is down",
    explain: "circuit-breakers",
    watch: Some(&WATCHER),
    measure,
};

static TABLES: [TableOf; 2] = [CALLS, SERVED];

static WATCHER: Watcher = Watcher {
    tables: &TABLES,
    attempts: Some(add_attempts),
    requests: Some(add_requests),
    ..Watcher::BLIND
};

/// The shortest outage, its least attempts, and the least share of them that fail.
const LEAST_NS: u64 = 30_000_000_000;
const ENOUGH: u64 = 50;
const FAILING: f64 = 0.8;

/// Bins no wider than this can show an outage.
const WIDEST_NS: u64 = 60_000_000_000;

/// The share of usual attempts below which a caller has stopped asking, and from which on it has not.
const STOPPED: f64 = 0.2;
const WENT_ON: f64 = 0.7;

fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    if let [calls, _] = tables {
        outages::add_attempts(attempts, known, calls);
    }
}

fn add_requests(requests: &[Request], known: &Known<'_>, tables: &mut [Table]) {
    if let [_, served] = tables {
        outages::add_requests(requests, known, served);
    }
}

/// A caller, one of its instances, and a callee.
type Caller<'a> = (&'a str, &'a str, &'a str);

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    const METRIC: &str = "missing_breakers";
    let unknown = |why: String| Finding::unknown(CIRCUIT_BREAKERS.name, METRIC, why);
    let (Some(calls), Some(served)) = (graph.table(&CALLS), graph.table(&SERVED)) else {
        let why = "circuit breakers: no calls were looked at: fold the traces again";
        return measured.findings.push(unknown(why.to_owned()));
    };
    let width = calls.width().max(served.width());
    if width > WIDEST_NS {
        return measured.findings.push(unknown(format!(
            "circuit breakers: too many instances for this long a time, of which only bins of {} are kept; fold less at a time",
            text::duration(width)
        )));
    }
    let rejected = total(calls.rows().iter().map(|(_, record)| record.sums[REJECTED]));
    measured.metric("rejected_by_breakers", rejected as f64);
    // Both tables have to be in the same bins.
    let bins = |table: &Table, number: u64| number / (width / table.width());
    let inbound = grouped(served, |key| {
        let caller = (graph.name_of(key.parts[0]), graph.text(key.parts[1]));
        (caller, bins(served, key.number))
    });
    let asked = grouped(calls, |key| {
        let [from, to, instance, _] = key.parts;
        let caller = (graph.name_of(from), graph.text(instance), graph.name_of(to));
        (caller, bins(calls, key.number))
    });
    let mut callers: BTreeMap<Caller<'_>, Vec<Bin<'_>>> = BTreeMap::new();
    for ((caller, number), record) in &asked {
        let key = ((caller.0, caller.1), *number);
        callers.entry(*caller).or_default().push(Bin {
            number: *number,
            asked: record,
            inbound: inbound.get(&key).map_or(0, |record| record.sums[REQUESTS]),
        });
    }
    let mut outages = 0;
    let mut missing: BTreeMap<(&str, &str), Vec<Outage>> = BTreeMap::new();
    let mut opened: BTreeMap<(&str, &str), Vec<Outage>> = BTreeMap::new();
    for (caller, bins) in &callers {
        for outage in found(bins, width) {
            outages += 1;
            let edges = match (outage.has_breaker(), outage.is_unprotected()) {
                (true, _) => &mut opened,
                (false, true) => &mut missing,
                (false, false) => continue,
            };
            edges.entry((caller.0, caller.2)).or_default().push(outage);
        }
    }
    if outages == 0 {
        return measured.findings.push(unknown(
            "circuit breakers: no outage in the data, and only an outage shows whether a caller stops asking".to_owned(),
        ));
    }
    measured.metric(METRIC, missing.len() as f64);
    let n_opened: usize = opened.values().map(Vec::len).sum();
    measured.metric("opened_breakers", n_opened as f64);
    let attempts = total(calls.rows().iter().map(|(_, record)| record.sums[ATTEMPTS]));
    let whole = graph.requests_or(attempts);
    let said = missing
        .into_iter()
        .map(|((from, to), outages)| said_of(from, to, &outages, whole));
    measured.findings.extend(said);
    let stopped = opened.into_iter();
    let stopped = stopped.map(|((from, to), outages)| stopped_of(from, to, &outages));
    measured.findings.extend(stopped);
}

/// What one calling instance saw in one bin.
struct Bin<'a> {
    number: u64,
    asked: &'a Record,
    inbound: u64,
}

impl Bin<'_> {
    fn is_failing(&self) -> bool {
        let [attempts, failed] = [self.asked.sums[ATTEMPTS], self.asked.sums[FAILED]];
        failed > 0 && failed as f64 >= FAILING * attempts as f64
    }

    /// Returns attempts per inbound request; per bin where no requests are recorded.
    fn asked_per_request(&self) -> f64 {
        self.asked.sums[ATTEMPTS] as f64 / (self.inbound as f64).max(1.0)
    }
}

/// A time in which a callee failed one calling instance.
struct Outage {
    record: Record,
    ns: u64,
    /// Attempts per inbound request, of the usual ones.
    share: f64,
}

impl Outage {
    /// Returns whether the caller stopped asking, or was told to.
    fn has_breaker(&self) -> bool {
        self.record.sums[REJECTED] > 0 || (self.share > 0.0 && self.share < STOPPED)
    }

    fn is_unprotected(&self) -> bool {
        let failed = self.record.sums[FAILED] as f64;
        let mean = self.record.sums[FAILED_NS] as f64 / failed;
        let timeout = self.record.most as f64;
        !self.has_breaker() && self.share >= WENT_ON && timeout > 0.0 && mean >= 0.5 * timeout
    }
}

/// Returns the outages in the bins of a calling instance, which are in order.
fn found(bins: &[Bin<'_>], width: u64) -> Vec<Outage> {
    let is_one_run =
        |a: &Bin<'_>, b: &Bin<'_>| a.is_failing() == b.is_failing() && b.number - a.number == 1;
    let usual = bins.iter().filter(|bin| !bin.is_failing());
    let usual = median(usual.map(Bin::asked_per_request).collect());
    let runs = bins.chunk_by(is_one_run).filter(|run| run[0].is_failing());
    let outages = runs.map(|run| {
        let mut record = Record::default();
        for bin in run {
            record.merge(bin.asked);
        }
        let inbound = total(run.iter().map(|bin| bin.inbound));
        let per = if inbound > 0 {
            inbound as f64
        } else {
            run.len() as f64
        };
        // Without a usual time before or after, what went on cannot be told from what always was.
        let share = usual.map_or(0.0, |usual| record.sums[ATTEMPTS] as f64 / per / usual);
        Outage {
            record,
            ns: width.saturating_mul(run.len() as u64),
            share,
        }
    });
    outages
        .filter(|outage| outage.ns >= LEAST_NS && outage.record.sums[ATTEMPTS] >= ENOUGH)
        .collect()
}

/// Returns what several outages have in common, and how long the longest was.
fn together(outages: &[Outage]) -> (Record, u64) {
    let mut all = Record::default();
    for outage in outages {
        all.merge(&outage.record);
    }
    (
        all,
        outages.iter().map(|outage| outage.ns).max().unwrap_or(0),
    )
}

/// Says that a caller stopped asking.
fn stopped_of(from: &str, to: &str, outages: &[Outage]) -> Finding {
    let (all, longest) = together(outages);
    let n = outages.len() as u64;
    let (asked, rejected) = (all.sums[ATTEMPTS], all.sums[REJECTED]);
    let how = match rejected {
        0 => format!("only {} went out", text::plural(asked, "attempt")),
        _ => format!(
            "a breaker turned {} of {} away",
            text::count(rejected),
            text::plural(asked, "attempt")
        ),
    };
    Finding {
        value: n as f64,
        unit: "outages",
        grade: match rejected {
            0 => Grade::Inferred,
            _ => Grade::Proved,
        },
        count: n,
        of: n,
        exemplars: exemplars(&all),
        text: format!(
            "{from} -> {to}: stopped asking in {} of up to {}: {how}",
            text::plural(n, "outage"),
            text::duration(longest)
        ),
        ..Finding::of(
            CIRCUIT_BREAKERS.name,
            "opened_breakers",
            Subject::Edge(from.to_owned(), to.to_owned()),
        )
    }
}

fn said_of(from: &str, to: &str, outages: &[Outage], whole: u64) -> Finding {
    let (shown, longest) = together(outages);
    let [asked, failed, wasted] = [ATTEMPTS, FAILED, FAILED_NS].map(|at| shown.sums[at]);
    Finding {
        value: wasted as f64 / 1e9,
        unit: "s",
        grade: Grade::Inferred,
        count: failed,
        of: asked,
        exemplars: exemplars(&shown),
        cost: cost(failed, whole),
        text: format!(
            "{from} -> {to}: went on asking in an outage of {}: {} of {} failed, which took {} in all",
            text::duration(longest),
            text::count(failed),
            text::plural(asked, "attempt"),
            text::duration(wasted)
        ),
        ..Finding::of(
            CIRCUIT_BREAKERS.name,
            "missing_breakers",
            Subject::Edge(from.to_owned(), to.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    /// Two requests a second for 100 s; `during` draws the call of a request in the outage from 20 s to 60 s.
    fn drawing(during: impl Fn(u64) -> String) -> String {
        let mut drawing = String::new();
        for at in 0..200u64 {
            let start = at * 500;
            let call = if (40..120).contains(&at) {
                during(start)
            } else {
                format!("shop > GET /rates {}..{}", start + 1, start + 4)
            };
            writeln!(
                drawing,
                "trace t{at}\nshop < GET /cart {start}..{} instance=i\n  {call} instance=i peer=rates",
                start + 300
            )
            .unwrap();
        }
        drawing
    }

    #[test]
    fn who_waits_for_the_timeout_again_and_again_has_no_breaker() {
        let waits = |start| {
            format!(
                "shop > GET /rates {start}..{} error=timeout error",
                start + 200
            )
        };
        check(
            "circuit-breakers",
            &drawing(waits),
            "inferred missing_breakers shop->rates 16.000000: shop -> rates: \
                went on asking in an outage of 40 s: 80 of 80 attempts failed, which took 16 s in all",
        );
    }

    #[test]
    fn who_is_told_that_the_breaker_is_open_has_one() {
        let rejected = |start: u64| match start % 5000 {
            0 => format!(
                "shop > GET /rates {start}..{} error=timeout error",
                start + 200
            ),
            _ => {
                format!("shop > GET /rates {start}..{start} error=CallNotPermittedException error")
            }
        };
        check(
            "circuit-breakers",
            &drawing(rejected),
            "proved opened_breakers shop->rates 1.000000: shop -> rates: stopped asking in 1 outage of up to 40 s: \
                a breaker turned 72 of 80 attempts away",
        );
    }

    #[test]
    fn failing_fast_costs_little() {
        let refused =
            |start| format!("shop > GET /rates {start}..{start} error=ECONNREFUSED error");
        check("circuit-breakers", &drawing(refused), "");
    }

    #[test]
    fn without_an_outage_nothing_is_known() {
        let works = |start| format!("shop > GET /rates {start}..{}", start + 5);
        check(
            "circuit-breakers",
            &drawing(works),
            "unknown missing_breakers the system: circuit breakers: no outage in the data, \
                and only an outage shows whether a caller stops asking",
        );
    }
}
