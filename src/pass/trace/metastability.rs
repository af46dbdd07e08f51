//! Overload that holds itself up after what began it is gone.
//!
//! A service is *vulnerable* when its utilisation times the worst amplification of its load is above one and work may be wasted: then,
//! once everything times out, the retries alone keep it at its limit. Its hidden capacity is its capacity over that amplification
//! (Bronson et al.). That takes a declared capacity; the greatest load ever seen is none. The worst amplification is the greatest
//! product of attempts along a path: declared ones, or else those per first attempt in the worst bin; a retry budget b bounds
//! an edge at 1 + b.
//!
//! An *incident* needs none: in bins of 10 s, a surge of first attempts, during or after which the callee turns bad, and after which first
//! attempts are back within 10 % of their usual number (or within the noise of a count, three standard deviations) for at least 60 s while
//! the callee stays bad and attempts outnumber first attempts by a tenth. *Bad* is an error share of at least 10 % and three
//! times that of well bins, or attempts that take three times as long as in them (by geometric means). *Usual* is the median,
//! *well* the lower quartile of all bins.
//!
//! Left out on purpose: incidents whose trigger is no surge, because a fault that lasts looks the same as one that holds itself up.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Record, Table};
use crate::model::dictionary::Weight;
use crate::pass::outages::{ATTEMPTS, CALLS, FAILED, FAILED_NS, FIRSTS, LOGS, TIMED};
use crate::pass::trace::{exemplars, grouped, median, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds overload that holds itself up.
pub static METASTABILITY: Pass = Pass {
    name: "metastability",
    about: "overload that holds itself up after what began it is gone",
    explain: "metastability",
    watch: None,
    measure,
};

/// How long a callee must stay bad, and the widest bins that show it.
const LEAST_NS: u64 = 60_000_000_000;
const WIDEST_NS: u64 = 20_000_000_000;

/// The least first attempts of a bin, and the least bins.
const ENOUGH: u64 = 20;
const BINS: usize = 9;

/// How many times the well bins is bad, and the least error share that is.
const BAD: f64 = 3.0;
const BAD_SHARE: f64 = 0.1;

/// The least attempts per first attempt that hold an overload up.
const AMPLIFIED: f64 = 1.1;

/// What a callee was asked in one bin.
#[derive(Clone, Copy, Debug)]
struct Bin {
    number: u64,
    firsts: f64,
    attempts: f64,
    failing: f64,
    typical_ns: f64,
}

impl Bin {
    fn of(number: u64, record: &Record) -> Bin {
        let sum = |at: usize| record.sums[at] as f64;
        Bin {
            number,
            firsts: sum(FIRSTS),
            attempts: sum(ATTEMPTS),
            failing: sum(FAILED) / sum(ATTEMPTS).max(1.0),
            typical_ns: (sum(LOGS) / sum(TIMED).max(1.0) / 1024.0).exp2(),
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    const METRIC: &str = "metastable_incidents";
    let unknown = |metric, why: String| Finding::unknown(METASTABILITY.name, metric, why);
    let Some(calls) = graph.table(&CALLS) else {
        let why = "metastability: no calls were looked at: fold the traces again";
        return measured.findings.push(unknown(METRIC, why.to_owned()));
    };
    hidden_capacity(graph, calls, measured);
    if calls.width() > WIDEST_NS {
        return measured.findings.push(unknown(
            METRIC,
            format!(
                "metastability: too many instances for this long a time, of which only bins of {} are kept; fold less at a time",
                text::duration(calls.width())
            ),
        ));
    }
    let records = grouped(calls, |key| (graph.name_of(key.parts[1]), key.number));
    let records: Vec<_> = records.into_iter().collect();
    let attempts = total(records.iter().map(|(_, record)| record.sums[ATTEMPTS]));
    let mut looked_at = 0u64;
    let mut found = 0u64;
    for callee in records.chunk_by(|a, b| a.0.0 == b.0.0) {
        let bins: Vec<Bin> = callee
            .iter()
            .filter(|(_, record)| record.sums[FIRSTS] >= ENOUGH)
            .map(|((_, number), record)| Bin::of(*number, record))
            .collect();
        if bins.len() < BINS {
            continue;
        }
        looked_at += 1;
        for incident in incidents(&bins, calls.width()) {
            found += 1;
            let mut sum = Record::default();
            for ((_, number), record) in callee {
                if incident.from <= *number && *number <= incident.to {
                    sum.merge(record);
                }
            }
            measured
                .findings
                .push(said_of(callee[0].0.0, &incident, &sum, attempts));
        }
    }
    if looked_at == 0 {
        return measured.findings.push(unknown(
            METRIC,
            "metastability: no callee was asked often enough for 90 s to tell whether it recovers"
                .to_owned(),
        ));
    }
    measured.metric(METRIC, found as f64);
}

/// Tells of every service with a declared capacity how much of it is left when all attempts are made.
fn hidden_capacity(graph: &Graph<'_>, calls: &Table, measured: &mut Measured) {
    let account = &graph.system.account;
    let seconds = account.last.saturating_sub(account.first) as f64 / 1e9;
    let amplification = amplification(graph, calls);
    let mut worst = None;
    for (vertex, of) in graph.system.vertices.iter().enumerate() {
        let capacity = graph.declared.described(vertex).capacity_rps;
        let Some(capacity) = capacity.filter(|capacity| *capacity > 0.0 && seconds > 0.0) else {
            continue;
        };
        let asking = graph
            .system
            .arcs
            .iter()
            .filter(|arc| arc.to == vertex && !arc.direct);
        let attempts = total(asking.map(|arc| arc.edge.attempts));
        let load = Weight(attempts).value() / seconds;
        let times = amplification[vertex];
        let product = load / capacity * times;
        worst = Some(product.max(worst.unwrap_or(0.0)));
        let verdict = match product > 1.0 {
            true => "retries alone could hold an overload up",
            false => "retries alone could not",
        };
        let name = &of.name;
        measured.findings.push(Finding {
            value: capacity / times,
            unit: "1/s",
            grade: Grade::Inferred,
            text: format!(
                "{name}: {} a second of {} it can do, and up to {times:.1} attempts each: {verdict} \
                 (hidden capacity {} a second)",
                text::value(load),
                text::value(capacity),
                text::value(capacity / times)
            ),
            ..Finding::of(
                METASTABILITY.name,
                "hidden_capacity",
                Subject::Service(name.clone()),
            )
        });
    }
    measured.metric("load_times_amplification", worst);
    if worst.is_none() {
        let why = "metastability: how close to its limit a service works takes a declared capacity (capacity_rps)";
        let finding = Finding::unknown(METASTABILITY.name, "hidden_capacity", why);
        measured.findings.push(finding);
    }
}

/// Returns the worst attempts per request along any path to each vertex: declared where they are, else as in the worst bin.
fn amplification(graph: &Graph<'_>, calls: &Table) -> Vec<f64> {
    /// Longer paths, and those around cycles, are not followed to their end.
    const DEPTH: usize = 32;
    const MOST: f64 = 1e6;
    let mut seen: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    let bins = grouped(calls, |key| {
        let vertex = |node: u32| graph.system.vertex_of[node as usize];
        ((vertex(key.parts[0]), vertex(key.parts[1])), key.number)
    });
    for ((edge, _), record) in &bins {
        if record.sums[FIRSTS] >= ENOUGH {
            let times = record.sums[ATTEMPTS] as f64 / record.sums[FIRSTS] as f64;
            let worst = seen.entry(*edge).or_insert(1.0);
            *worst = worst.max(times);
        }
    }
    let arcs = graph.system.arcs.iter().filter(|arc| arc.sync);
    let edges: Vec<(usize, usize, f64)> = arcs
        .map(|arc| {
            let terms = graph.declared.terms(arc.from, arc.to);
            let observed = seen.get(&(arc.from, arc.to)).copied();
            let declared = terms.attempts.map(|attempts| attempts as f64);
            let times = declared.or(observed).unwrap_or(1.0).max(1.0);
            let bounded = terms
                .retry_budget
                .map_or(times, |budget| times.min(1.0 + budget.get()));
            (arc.from, arc.to, bounded)
        })
        .collect();
    let mut worst = vec![1.0f64; graph.system.vertices.len()];
    for _ in 0..DEPTH {
        let before = worst.clone();
        for &(from, to, times) in &edges {
            if from != to {
                worst[to] = worst[to].max((before[from] * times).min(MOST));
            }
        }
        if worst == before {
            break;
        }
    }
    worst
}

/// A time in which a callee stayed bad though no more than usual was asked of it.
#[derive(Debug)]
struct Incident {
    /// The first and the last bin after the surge.
    from: u64,
    to: u64,
    ns: u64,
    surge: f64,
    usual: f64,
}

fn incidents(bins: &[Bin], width: u64) -> Vec<Incident> {
    let quartile = |value: fn(&Bin) -> f64| {
        let mut values: Vec<f64> = bins.iter().map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 4]
    };
    let usual = median(bins.iter().map(|bin| bin.firsts).collect()).unwrap_or(0.0);
    let (failing, typical_ns) = (quartile(|bin| bin.failing), quartile(|bin| bin.typical_ns));
    let is_bad = |bin: &Bin| {
        bin.failing >= BAD_SHARE.max(BAD * failing) || bin.typical_ns >= BAD * typical_ns
    };
    let surges = |bin: &Bin| bin.firsts > 1.1 * usual && bin.firsts > usual + 3.0 * usual.sqrt();
    let mut found = Vec::new();
    let runs = bins.chunk_by(|a, b| b.number - a.number == 1 && is_bad(a) == is_bad(b));
    let mut before: Option<&Bin> = None;
    for run in runs {
        let is_after_surge =
            before.is_some_and(|bin| surges(bin) && run[0].number - bin.number == 1);
        before = run.last();
        // The surge is over after the last bin of it.
        let over = run.iter().rposition(surges).map_or(0, |at| at + 1);
        let rest = &run[over..];
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            continue;
        };
        let ns = width.saturating_mul(rest.len() as u64);
        let amplified = rest.iter().map(|bin| bin.attempts).sum::<f64>()
            / rest.iter().map(|bin| bin.firsts).sum::<f64>();
        let surge = run[..over].iter().map(|bin| bin.firsts).fold(0.0, f64::max);
        if is_bad(first) && (over > 0 || is_after_surge) && ns >= LEAST_NS && amplified >= AMPLIFIED
        {
            found.push(Incident {
                from: first.number,
                to: last.number,
                ns,
                surge,
                usual,
            });
        }
    }
    found
}

fn said_of(callee: &str, incident: &Incident, sum: &Record, attempts: u64) -> Finding {
    let [asked, firsts, failed] = [ATTEMPTS, FIRSTS, FAILED].map(|at| sum.sums[at]);
    let amplification = asked as f64 / firsts.max(1) as f64;
    let surge = match incident.surge > 0.0 {
        true => format!(
            "of {:.1} times the usual load",
            incident.surge / incident.usual
        ),
        false => "of load".to_owned(),
    };
    Finding {
        value: incident.ns as f64 / 1e9,
        unit: "s",
        grade: Grade::Inferred,
        count: failed,
        of: asked,
        exemplars: exemplars(sum),
        cost: Some(failed as f64 / attempts.max(1) as f64),
        text: format!(
            "{callee} stayed bad for {} after a surge {surge} was over: {} of the attempts failed, which took {}, \
             and each first attempt became {amplification:.1}",
            text::duration(incident.ns),
            text::percent(failed as f64 / asked.max(1) as f64),
            text::duration(sum.sums[FAILED_NS])
        ),
        ..Finding::of(
            METASTABILITY.name,
            "metastable_incidents",
            Subject::Service(callee.to_owned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::ops::Range;

    use crate::pass::trace::tests::{check, check_under};

    const NO_CAPACITY: &str = "unknown hidden_capacity the system: metastability: how close to its limit a service works \
        takes a declared capacity (capacity_rps)";

    /// Bins of 10 s: 25 calls in each, 60 in a surge; of bad bins all fail and are made twice.
    fn drawing(surge: Range<u64>, bad: Range<u64>, twice: bool) -> String {
        let mut drawing = String::new();
        for bin in 0..16 {
            for at in 0..if surge.contains(&bin) { 60 } else { 25 } {
                let start = bin * 10_000 + at * 150;
                writeln!(
                    drawing,
                    "trace t{bin}-{at}\nshop < GET /x {start}..{}",
                    start + 130
                )
                .unwrap();
                if !bad.contains(&bin) {
                    writeln!(
                        drawing,
                        "  shop > GET /q {start}..{} peer=quotes",
                        start + 10
                    )
                    .unwrap();
                    continue;
                }
                for attempt in 0..if twice { 2 } else { 1 } {
                    let start = start + 60 * attempt;
                    let resend = if attempt > 0 { "resend=1" } else { "" };
                    writeln!(
                        drawing,
                        "  shop > GET /q {start}..{} peer=quotes error=timeout error {resend}",
                        start + 50
                    )
                    .unwrap();
                }
            }
        }
        drawing
    }

    #[test]
    fn what_stays_bad_after_a_surge_holds_itself_up() {
        check(
            "metastability",
            &drawing(3..4, 3..11, true),
            &format!(
                "inferred metastable_incidents quotes 70.000000: quotes stayed bad for 1 min 10 s after a surge \
                 of 2.4 times the usual load was over: 100 % of the attempts failed, which took 17.5 s, \
                 and each first attempt became 2.0\n{NO_CAPACITY}"
            ),
        );
    }

    #[test]
    fn recovery_and_lasting_faults_are_no_incidents() {
        // It recovers; it is bad without a surge; nobody repeats anything.
        for (surge, bad, twice) in [
            (3..4, 3..6, true),
            (0..0, 3..11, true),
            (3..4, 3..11, false),
        ] {
            check("metastability", &drawing(surge, bad, twice), NO_CAPACITY);
        }
    }

    #[test]
    fn attempts_along_a_path_multiply_against_a_declared_capacity() {
        let policy = |budget: &str| {
            format!(
                "version: 1
services: {{ define: [ {{ match: rates, capacity_rps: 60 }} ] }}
calls:
  - {{ from: shop, to: prices, attempts: 3 }}
  - {{ from: prices, to: rates, attempts: 3{budget} }}
"
            )
        };
        let drawing = "shop < GET /x            0..100
               shop > GET /p            0..90
                 prices < GET /p        0..90
                   prices > GET /r      0..80
                     rates < GET /r     0..80";
        let little = "unknown metastable_incidents the system: metastability: no callee was asked often enough for 90 s \
            to tell whether it recovers";
        check_under(
            &policy(""),
            "metastability",
            drawing,
            &format!(
                "inferred hidden_capacity rates 6.666667: rates: 10 a second of 60 it can do, and up to 9.0 attempts each: \
                 retries alone could hold an overload up (hidden capacity 6.6667 a second)\n{little}"
            ),
        );
        check_under(
            &policy(", retry_budget: 10%"),
            "metastability",
            drawing,
            &format!(
                "inferred hidden_capacity rates 18.181818: rates: 10 a second of 60 it can do, and up to 3.3 attempts each: \
                 retries alone could not (hidden capacity 18.1818 a second)\n{little}"
            ),
        );
    }

    #[test]
    fn little_data_tells_nothing() {
        check(
            "metastability",
            "shop > GET /q 0..10 peer=quotes",
            &format!(
                "{NO_CAPACITY}
                 unknown metastable_incidents the system: metastability: no callee was asked often enough for 90 s \
                 to tell whether it recovers"
            ),
        );
    }
}
