//! Services that fail at the same time though neither needs the other, and what they have in common.
//!
//! A failure *originates* in a service when a request fails there though nothing it asked for had failed, or when a call finds
//! nobody there. A bin (10 s) is *unusual* for a service when at least 5 failures originate in it, which happens with p < 0.001 (binomial)
//! if the share of failures were that of the median bin. For two services without a path of calls between them, and without a
//! failing callee of both, the bins in which both were asked for something make a table of two facts, whose correlation is phi.
//! Bins of one spell are not independent, so Fisher's test counts spells, and calm time in pieces of their mean length; it takes two
//! spells in common. p-values of all pairs are adjusted together (Benjamini and Hochberg, 5 %). Pairs that fail when both are
//! busier than usual are left out: their load explains them. Pairs that nothing explains are told together where they share a
//! service.
//!
//! What explains a pair is the host, zone, region, version or callee (one that emits no spans) under which most of the failures of the
//! shared bins lie and few successes: the highest Ochiai coefficient ef / sqrt((ef + nf) (ef + ep)), if Fisher's test agrees and
//! failures of both services lie there.
//!
//! Episodes are runs of unusual bins; those of unrelated services that overlap are shared. The beta factor 2 n2 / (n1 + 2 n2) is
//! told from 5 episodes on (NUREG/CR-4780); an episode of more than two services counts as shared by two.
//!
//! Left out on purpose: which failed first. Bins are far wider than clocks differ, and order within a bin proves nothing.

mod causes;

mod episodes;

mod pairs;

mod series;

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::pass::outages::{ATTEMPTS, CALLS, ORIGINS, REQUESTS, SERVED, UNSERVED};
use crate::pass::trace::common_cause::causes::{explain, instances};
use crate::pass::trace::common_cause::episodes::episodes;
use crate::pass::trace::common_cause::pairs::{Related, pairs};
use crate::pass::trace::common_cause::series::Series;
use crate::pass::trace::grouped;
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds services that fail together.
pub static COMMON_CAUSE: Pass = Pass {
    name: "common-cause",
    about: "services that fail together though neither needs the other",
    explain: "common-cause",
    watch: None,
    measure,
};

/// The least failures of an unusual bin, and how unlikely they must be.
const FAILURES: u64 = 5;
const UNLIKELY: f64 = 0.001;

/// The share of false alarms among pairs and causes that are told.
const FALSE_ALARMS: f64 = 0.05;

/// The least spells in which a pair fails together, and the most services that are compared.
const TOGETHER: u64 = 2;
const COMPARED: usize = 200;

/// The least episodes for a beta factor.
const EPISODES: u64 = 5;

/// How many times the usual load explains failures.
const BUSY: f64 = 1.5;

/// Bins no wider than this can show what fails together.
const WIDEST_NS: u64 = 60_000_000_000;

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let unknown = |why: String| Finding::unknown(COMMON_CAUSE.name, "beta_factor", why);
    let (Some(calls), Some(served)) = (graph.table(&CALLS), graph.table(&SERVED)) else {
        let why = "common cause: no requests were looked at: fold the traces again";
        return measured.findings.push(unknown(why.to_owned()));
    };
    let width = calls.width().max(served.width());
    if width > WIDEST_NS {
        return measured.findings.push(unknown(format!(
            "common cause: too many instances for this long a time, of which only bins of {} are kept; fold less at a time",
            text::duration(width)
        )));
    }
    let mut series: BTreeMap<u32, Series> = BTreeMap::new();
    let mut add = |node: u32, bin: u64, requests: u64, failures: u64| {
        if let Some(node) = graph.node_of_topology(node) {
            let known = series.entry(node).or_default().bins.entry(bin).or_default();
            *known = (
                known.0.saturating_add(requests),
                known.1.saturating_add(failures),
            );
        }
    };
    for (key, record) in served.rows() {
        let bin = key.number / (width / served.width());
        add(
            key.parts[0],
            bin,
            record.sums[REQUESTS],
            record.sums[ORIGINS],
        );
    }
    for (key, record) in calls.rows() {
        let bin = key.number / (width / calls.width());
        let unserved = record.sums[UNSERVED];
        let is_service = graph.system.rest.is_service(key.parts[1]);
        let asked = if is_service {
            unserved
        } else {
            record.sums[ATTEMPTS]
        };
        add(key.parts[1], bin, asked, unserved);
    }
    for series in series.values_mut() {
        series.find_unusual();
    }
    let related = Related::of(graph, &series);
    let together = pairs(graph, &series, &related);
    // Where no two services failed there was nothing to go together.
    let is_told = related.services().count() > 1;
    measured.metric(
        "correlated_failures",
        is_told.then_some(together.len() as f64),
    );
    let instances = instances(
        graph,
        served
            .rows()
            .iter()
            .map(|(key, _)| (key.parts[0], key.parts[1])),
    );
    let requests = grouped(served, |key| {
        let node = graph.node_of_topology(key.parts[0]);
        (node, key.parts[1], key.number / (width / served.width()))
    });
    explain(graph, &series, &together, &instances, &requests, measured);
    episodes(&series, &related, measured);
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::algo::stats::TwoByTwo;
    use crate::pass::trace::p_greater;
    use crate::pass::trace::tests::{check, each_order, measure};

    #[test]
    fn correlation_has_its_published_value() {
        let table = TwoByTwo {
            both: 8,
            first_only: 2,
            second_only: 3,
            neither: 87,
        };
        assert!((table.phi().unwrap() - 0.735_083).abs() < 1e-6);
        assert!((p_greater(table) / 3.76e-8 - 1.0).abs() < 1e-2);
    }

    /// Ten requests in each bin to each instance; those on the host fail in some of the bins.
    fn drawing(services: &[(&str, &str, &str)], failing: &[u64], other: &[u64]) -> String {
        let mut drawing = String::new();
        for bin in 0..40 {
            for (service, instance, host) in services {
                let spell = if *service == "chat" { other } else { failing };
                let is_bad = spell.contains(&bin) && *host == "h1";
                for at in 0..10 {
                    let start = bin * 10_000 + at * 100;
                    writeln!(
                        drawing,
                        "trace t{bin}-{instance}-{at}
                         {service} < GET /x {start}..{} instance={instance} host={host} {}",
                        start + 50,
                        if is_bad { "error" } else { "" }
                    )
                    .unwrap();
                }
            }
        }
        drawing
    }

    const PLACES: [(&str, &str, &str); 4] = [
        ("news", "n0", "h1"),
        ("news", "n1", "h2"),
        ("mail", "m0", "h3"),
        ("mail", "m1", "h1"),
    ];

    #[test]
    fn a_host_explains_what_fails_together() {
        check(
            "common-cause",
            &drawing(&PLACES, &[5, 12, 20, 28, 36], &[]),
            "inferred common_cause host h1 1.000000: mail, news fail at the same times (phi 1.00), \
                and host h1 explains it best (Ochiai 1.00)",
        );
        check(
            "common-cause",
            &drawing(&PLACES, &[5, 12, 20], &[]),
            "inferred common_cause host h1 1.000000: mail, news fail at the same times (phi 1.00), \
                and host h1 explains it best (Ochiai 1.00)
             unknown beta_factor the system: common cause: 3 episodes of failures in the data, \
                and a beta factor takes 5; 3 were shared",
        );
    }

    #[test]
    fn one_spell_in_common_is_no_correlation() {
        check(
            "common-cause",
            &drawing(&PLACES, &[20, 21, 22, 23], &[]),
            "unknown beta_factor the system: common cause: 1 episode of failures in the data, \
                and a beta factor takes 5; 1 was shared",
        );
    }

    #[test]
    fn times_in_which_nobody_asked_are_not_times_without_failures() {
        let mut drawing = String::new();
        for burst in 0..8u64 {
            for (service, failing) in [("news", [1, 3, 5]), ("mail", [1, 3, 6])] {
                for at in 0..10 {
                    let start = burst * 1_000_000 + at * 100;
                    let word = if failing.contains(&burst) {
                        "error"
                    } else {
                        ""
                    };
                    writeln!(
                        drawing,
                        "trace {service}-{burst}-{at}\n{service} < GET /x {start}..{} {word}",
                        start + 50
                    )
                    .unwrap();
                }
            }
        }
        check(
            "common-cause",
            &drawing,
            "unknown beta_factor the system: common cause: 4 episodes of failures in the data, \
                and a beta factor takes 5; 2 were shared",
        );
    }

    #[test]
    fn services_that_all_fail_together_are_told_once() {
        let apart = [
            ("news", "n0", "h1"),
            ("mail", "m0", "h1"),
            ("shop", "s0", "h1"),
        ];
        let drawing = drawing(&apart, &[5, 12, 20, 28, 36], &[]).replace(" host=h1", "");
        check(
            "common-cause",
            &drawing,
            "inferred correlated_failures failures mail, news, shop 1.000000: mail, news, shop fail at the same times \
                (phi 1.00, p 1.5e-6); no host, zone, region, version or callee that they share explains it",
        );
    }

    #[test]
    fn failures_of_one_cause_count_once() {
        let places = [
            ("news", "n0", "h1"),
            ("news", "n1", "h2"),
            ("mail", "m0", "h1"),
            ("mail", "m1", "h3"),
            ("shop", "s0", "h1"),
            ("shop", "s1", "h4"),
        ];
        each_order(&drawing(&places, &[5, 12, 20], &[]), |_, system| {
            let found = measure(system).findings;
            let cause = found.iter().find(|of| of.metric == "common_cause").unwrap();
            assert_eq!((cause.count, cause.of), (90, 180));
        });
    }

    #[test]
    fn services_that_fail_at_different_times_share_nothing() {
        let apart = [("news", "n0", "h1"), ("chat", "c0", "h1")];
        check(
            "common-cause",
            &drawing(&apart, &[5, 12, 20], &[8, 15, 30]),
            "",
        );
        check(
            "common-cause",
            &drawing(&PLACES, &[], &[]),
            "unknown beta_factor the system: common cause: 0 episodes of failures in the data, \
                and a beta factor takes 5",
        );
    }

    #[test]
    fn a_caller_fails_with_its_callee_and_is_no_second_origin() {
        let mut drawing = String::new();
        for bin in 0..20 {
            for at in 0..10 {
                let start = bin * 10_000 + at * 100;
                let word = if bin % 4 == 0 { "error" } else { "" };
                writeln!(
                    drawing,
                    "trace t{bin}-{at}
                     shop < GET /x {start}..{} {word}
                       shop > GET /y {start}..{} {word}
                         pay < GET /y {start}..{} {word}",
                    start + 50,
                    start + 40,
                    start + 30
                )
                .unwrap();
            }
        }
        check("common-cause", &drawing, "");
    }
}
