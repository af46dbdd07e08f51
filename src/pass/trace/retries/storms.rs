//! Retry storms: bins of time in which a callee fails and repeated attempts become most of what it is asked.
//!
//! A bin of 10 s of an edge, over all instances of the caller, is a storm when more of its calls are repeated than the retry budget
//! allows (the declared one, or else [`BUDGET`]), more than [`FAILING`] of its attempts failed, and there are more than
//! [`TIMES`] as many attempts as logical calls. All three, because each alone has harmless reasons: a budget is passed by chance in
//! bins with few calls, and failures without repeats are no storm.

use crate::finding::{Finding, Grade};
use crate::fold::record::Record;
use crate::pass::limits::Limits;
use crate::pass::outages::{ATTEMPTS, CALLS, FAILED, FIRSTS};
use crate::pass::trace::retries::{RETRIES, subject};
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Graph, Measured};
use crate::text;

/// What a client may add to its calls where nothing is declared: the per-client budget of Beyer et al., Site Reliability Engineering, chapter 21.
const BUDGET: f64 = 0.1;

/// The share of failed attempts from which on a bin is bad.
const FAILING: f64 = 0.2;

/// Attempts for each logical call from which on retries make most of the trouble.
const TIMES: f64 = 1.5;

/// Fewest logical calls of a bin.
const ENOUGH: u64 = 20;

/// The widest bins that show a storm.
const WIDEST_NS: u64 = 20_000_000_000;

/// Adds the storms of every edge.
pub(super) fn measure(graph: &Graph<'_>, limits: &Limits, measured: &mut Measured) {
    const METRIC: &str = "retry_storms";
    let Some(calls) = graph.table(&CALLS) else {
        return;
    };
    if calls.width() > WIDEST_NS {
        let why = format!(
            "retry storms: too many instances for this long a time, of which only bins of {} are kept; fold less at a time",
            text::duration(calls.width())
        );
        let unknown = Finding::unknown(RETRIES.name, METRIC, why);
        return measured.findings.push(unknown);
    }
    let bins = grouped(calls, |key| {
        let [from, to] = [key.parts[0], key.parts[1]].map(|node| graph.node_of_topology(node));
        (from.zip(to), key.number)
    });
    let bins: Vec<_> = bins.into_iter().collect();
    let (mut looked_at, mut found) = (0u64, Vec::new());
    for edge in bins.chunk_by(|a, b| a.0.0 == b.0.0) {
        let Some(nodes) = edge[0].0.0 else {
            continue;
        };
        let declared = limits
            .calls
            .get(&nodes)
            .and_then(|terms| terms.retry_budget);
        let budget = declared.map_or(BUDGET, |budget| budget.get());
        let records = edge.iter().map(|(_, record)| &**record);
        let full: Vec<&Record> = records
            .filter(|record| record.sums[FIRSTS] >= ENOUGH)
            .collect();
        looked_at += full.len() as u64;
        let storms: Vec<&Record> = full
            .iter()
            .copied()
            .filter(|record| is_storm(record, budget))
            .collect();
        if !storms.is_empty() {
            let of = full.len() as u64;
            found.push(storm(graph, nodes, &storms, of, calls.width(), budget));
        }
    }
    if looked_at > 0 {
        let bins = total(found.iter().map(|of| of.count));
        measured.metric(METRIC, bins as f64);
    }
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    measured.findings.append(&mut found);
}

fn is_storm(bin: &Record, budget: f64) -> bool {
    let [attempts, firsts, failed] = [ATTEMPTS, FIRSTS, FAILED].map(|sum| bin.sums[sum] as f64);
    (attempts - firsts) / firsts > budget
        && failed / attempts > FAILING
        && attempts > TIMES * firsts
}

/// Tells the storms of an edge by their worst bin.
fn storm(
    graph: &Graph<'_>,
    nodes: (u32, u32),
    storms: &[&Record],
    of: u64,
    width: u64,
    budget: f64,
) -> Finding {
    let each = |bin: &Record| bin.sums[ATTEMPTS] as f64 / bin.sums[FIRSTS] as f64;
    let mut worst = storms[0];
    let mut all = Record::default();
    for &bin in storms {
        all.merge(bin);
        if each(bin) > each(worst) {
            worst = bin;
        }
    }
    let rate = |sum: usize| {
        let seconds = width as f64 / 1e9;
        text::value((worst.sums[sum] as f64 / seconds * 10.0).round() / 10.0)
    };
    let failed = worst.sums[FAILED] as f64 / worst.sums[ATTEMPTS] as f64;
    let count = storms.len() as u64;
    Finding {
        value: each(worst),
        unit: "attempts/call",
        grade: Grade::Measured,
        count,
        of,
        exemplars: exemplars(&all),
        text: format!(
            "{} -> {}: a retry storm in {} of {} of {}, at worst {} calls/s that became {} attempts/s while {} of them failed (budget: {} more)",
            graph.name(nodes.0),
            graph.name(nodes.1),
            text::count(count),
            text::plural(of, "bin"),
            text::duration(width),
            rate(FIRSTS),
            rate(ATTEMPTS),
            text::percent(failed),
            text::percent(budget),
        ),
        ..Finding::of(RETRIES.name, "retry_storms", subject(graph, nodes))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::measure_under;

    /// One bin of 10 s with 25 calls, of which so many fail and are repeated so often.
    fn bin(failing: u64, repeats: u64) -> String {
        let mut drawing = String::new();
        for at in 0..25 {
            let start = at * 300;
            writeln!(
                drawing,
                "trace t{at}\nshop < GET /x {start}..{}",
                start + 290
            )
            .unwrap();
            let fails = at < failing;
            for attempt in 0..if fails { 1 + repeats } else { 1 } {
                let start = start + 50 * attempt;
                let how = match (fails, attempt) {
                    (false, _) => String::new(),
                    (true, 0) => "http=503".to_owned(),
                    (true, attempt) => format!("http=503 resend={attempt}"),
                };
                writeln!(
                    drawing,
                    "  shop > GET /q {start}..{} peer=quotes {how}",
                    start + 40
                )
                .unwrap();
            }
        }
        drawing
    }

    fn storms(policy: &str, drawing: &str) -> Vec<String> {
        let (measured, _) = measure_under(policy, drawing);
        let storms = measured.findings.into_iter();
        let storms = storms.filter(|finding| finding.metric == "retry_storms");
        storms.map(|finding| finding.text).collect()
    }

    #[test]
    fn failures_that_are_repeated_three_times_are_a_storm() {
        assert_eq!(
            storms("version: 1", &bin(15, 3)),
            [
                "shop -> quotes: a retry storm in 1 of 1 bin of 10 s, at worst 2.5 calls/s that became 7 attempts/s while 85.7 % of \
              them failed (budget: 10 % more)"
            ]
        );
    }

    #[test]
    fn failures_without_repeats_and_few_repeats_are_none() {
        assert_eq!(storms("version: 1", &bin(25, 0)), [] as [&str; 0]);
        assert_eq!(storms("version: 1", &bin(3, 3)), [] as [&str; 0]);
        // More than half again as many attempts, but within a budget that somebody chose.
        let generous = "version: 1\ncalls:\n  - { from: shop, to: quotes, retry_budget: 100% }";
        assert_eq!(storms(generous, &bin(20, 1)), [] as [&str; 0]);
        assert_eq!(storms("version: 1", &bin(20, 1)).len(), 1);
    }
}
