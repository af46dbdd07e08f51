//! Versions that run side by side, and what does not work between them.
//!
//! - *Mixed window*: the time between the first and last spans of versions of one service in which two of them or more
//!   were seen; versions with less than 1 % of the service's spans are left out.
//! - *Mixed trace*: one request that two versions of one service worked on. Of a trace the first 16 services are looked at.
//! - *Incompatible pair*: calls from one version to another fail at least twice as often (Fisher's exact test), or take at least
//!   1.5 times as long (Welch's test of the logarithms of durations), as the other calls along the edge. The p-values of all pairs
//!   are adjusted together (Benjamini and Hochberg, 5 %); both sides take 20 calls.
//! - *Straggler*: the one instance that still runs an old version at the end of the data, after every other instance
//!   moved on; for at least 10 s and a quarter of the time since the newest version began.
//! - *Mixed flags*: one request in which a feature flag said two things (see [`flags`]).
//!
//! Environments (`deployment.environment.name`) are looked at apart: that staging runs what production does not is what it is for. What
//! names none is an environment of its own.
//!
//! Left out on purpose: what a version is called; a canary is no straggler, because the others have not moved.

mod lives;

mod pairs;

mod flags;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Attempt, Catalogue, Known, Look, Seen, Watcher};
use crate::model::names::{ABSENT, NameId};
use crate::model::span::Kind;
use crate::pass::trace::{exemplars, grouped, log2, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds versions that run side by side.
pub static VERSIONS: Pass = Pass {
    name: "versions",
    about: "versions side by side, what fails between them, and who was forgotten",
    explain: "versions",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller, callee and their versions; the number is the rank of the callee's environment, zero without one. See the
        // constants for the sums.
        TableOf {
            name: "versions",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Text, Part::Text],
                bin: 0,
                limit: 1 << 14,
                group: 2,
            },
        },
        // By service and two of its versions in the order of their texts: traces with both.
        TableOf {
            name: "versions-mixed",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Text, Part::Unused],
                bin: 0,
                limit: 1 << 12,
                group: 1,
            },
        },
        // By feature flag, two of the things it said in the order of their texts, and a service that met them: traces with both.
        TableOf {
            name: "versions-flags",
            layout: Layout {
                parts: [Part::Text, Part::Text, Part::Text, Part::Node],
                bin: 0,
                limit: 1 << 12,
                group: 1,
            },
        },
    ],
    traces: Some(Look::Each(observe)),
    attempts: Some(add_attempts),
    ..Watcher::BLIND
};

/// Attempts, and those that failed for the caller.
const CALLS: usize = 0;
const FAILED: usize = 1;
/// Attempts with a duration, the sum of its logarithms, and of their squares in units of 2^-10.
const TIMED: usize = 2;
const LOGS: usize = 3;
const SQUARES: usize = 4;

/// Services of one trace that are looked at.
const SERVICES: usize = 16;

/// The least calls on both sides of a comparison.
const ENOUGH: u64 = 20;

/// The share of false alarms among pairs that are told.
const FALSE_ALARMS: f64 = 0.05;

fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [pairs, ..] = tables else {
        return;
    };
    let place = |attempt: &Attempt| {
        let server = attempt.server().filter(|_| attempt.sync)?;
        let [client, server] = [attempt.client, server].map(|number| known.resource(number));
        let (from, to) = (client.version, server.version);
        let parts = [attempt.from, attempt.to, from, to];
        let is_known = from != ABSENT && to != ABSENT;
        is_known.then(|| (parts, number_of(known.catalogue, server.environment)))
    };
    pairs.for_each(known.catalogue, attempts, place, |attempt, record| {
        record.add(CALLS, 1);
        if attempt.outcome.failed() {
            record.add(FAILED, 1);
            record.exemplars.offer(attempt.exemplar);
        } else if let Some(ns) = attempt.duration() {
            let log = log2(ns);
            record.add(TIMED, 1);
            record.add(LOGS, log);
            record.add(SQUARES, (log * log) >> 10);
        }
    });
}

/// Returns the number that stands for an environment in every topology.
fn number_of(catalogue: &Catalogue, environment: NameId) -> u64 {
    match environment {
        ABSENT => 0,
        environment => catalogue.text_rank(environment),
    }
}

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [_, mixed, flags] = tables else {
        return;
    };
    flags::observe(seen, flags);
    let mut first = [((0, ABSENT), ABSENT, false); SERVICES];
    let mut n = 0;
    for (span, row) in (0..).zip(seen.trace.spans) {
        if !matches!(row.flags.kind(), Kind::Server | Kind::Consumer) {
            continue;
        }
        let resource = seen.resource(span);
        let version = resource.version;
        let node = seen.node(span);
        if version == ABSENT {
            continue;
        }
        let place = (node, resource.environment);
        match first[..n].iter_mut().find(|known| known.0 == place) {
            // A request counts once for each service.
            Some((_, other, is_mixed)) if *other != version && !*is_mixed => {
                *is_mixed = true;
                let (a, b) = (seen.catalogue.text(*other), seen.catalogue.text(version));
                let (a, b) = if a < b {
                    (*other, version)
                } else {
                    (version, *other)
                };
                let record = mixed.at(seen.catalogue, [node, a, b, 0], 0);
                record.exemplars.offer(seen.exemplar(span));
                record.add(0, 1);
            }
            Some(_) => {}
            None if n < SERVICES => {
                first[n] = (place, version, false);
                n += 1;
            }
            None => {}
        }
    }
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [pairs, mixed, flags] = WATCHER.tables else {
        return;
    };
    if let Some(flags) = graph.table(flags) {
        flags::measure(graph, flags, measured);
    }
    let unknown = |why: &str| Finding::unknown(VERSIONS.name, "mixed_version_seconds", why);
    let (Some(pairs), Some(mixed)) = (graph.table(pairs), graph.table(mixed)) else {
        let why = "versions: no spans were looked at for their versions: fold the traces again";
        return measured.findings.push(unknown(why));
    };
    let lives = lives::of(graph);
    if lives.is_empty() {
        let why = "versions: no span names a version, as service.version in the resource would";
        return measured.findings.push(unknown(why));
    }
    for (place, lives) in &lives {
        measured.findings.extend(lives::mixed_window(*place, lives));
        measured.findings.extend(lives::straggler(*place, lives));
    }
    let spans = |findings: &[Finding]| {
        let windows = findings
            .iter()
            .filter(|finding| finding.metric == "mixed_version_seconds");
        windows.map(|finding| finding.value).fold(0.0, f64::max)
    };
    let longest = spans(&measured.findings);
    measured.metric("mixed_version_seconds", longest);
    let stragglers = measured
        .findings
        .iter()
        .filter(|finding| finding.metric == "version_straggler");
    let stragglers = stragglers.count() as f64;
    measured.metric("version_stragglers", stragglers);
    mixed_traces(graph, mixed, measured);
    pairs::measure(graph, pairs, measured);
}

fn mixed_traces(graph: &Graph<'_>, mixed: &Table, measured: &mut Measured) {
    let by_versions = grouped(mixed, |key| {
        let [service, a, b, _] = key.parts;
        (graph.name_of(service), graph.text(a), graph.text(b))
    });
    let all = mixed.traces();
    let count = total(by_versions.values().map(|record| record.sums[0]));
    measured.metric("mixed_version_traces", count as f64);
    for ((service, a, b), record) in by_versions {
        let count = record.sums[0];
        measured.findings.push(Finding {
            value: count as f64,
            unit: "requests",
            grade: Grade::Proved,
            count,
            of: all,
            exemplars: exemplars(&record),
            text: format!(
                "{service}: {} met both {a} and {b}",
                text::plural(count, "request")
            ),
            ..Finding::of(
                VERSIONS.name,
                "mixed_version_traces",
                Subject::Entry(service.to_owned(), format!("{a}, {b}")),
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    /// A request that asks a flag in two services.
    fn flagged(cart: &str, pay: &str) -> String {
        format!(
            "web < POST /buy        0..100 version=1
               web > GET /cart    10..40 version=1
                 cart < GET /cart 12..38 version=1 feature_flag.key=beta feature_flag.result.variant={cart}
               web > POST /pay    50..90 version=1
                 pay < POST /pay  52..88 version=1 feature_flag.key=beta feature_flag.variant={pay}"
        )
    }

    #[test]
    fn a_flag_that_says_two_things_within_a_request_is_told() {
        check(
            "versions",
            &flagged("on", "off"),
            "proved mixed_flag_traces feature flag beta 1.000000: the feature flag beta said both off and on within 1 request, \
             met at pay",
        );
        check("versions", &flagged("on", "on"), "");
        // Two requests may well be told different things.
        let apart = "trace a
            cart < GET /cart 0..10  version=1 feature_flag.key=beta feature_flag.result.variant=on
            trace b
            cart < GET /cart 20..30 version=1 feature_flag.key=beta feature_flag.result.variant=off";
        check("versions", apart, "");
    }

    const SECOND: u64 = 1000;

    /// Requests to instances of the catalog, one a second: instance, version and times of each.
    fn catalog(lives: &[(&str, &str, std::ops::Range<u64>)]) -> String {
        let mut drawing = String::new();
        for (instance, version, when) in lives {
            for second in when.clone() {
                let (start, end) = (second * SECOND, second * SECOND + 5);
                writeln!(
                    drawing,
                    "trace {instance}{second}\ncatalog < GET /items {start}..{end} instance={instance} version={version}"
                )
                .unwrap();
            }
        }
        drawing
    }

    #[test]
    fn the_one_instance_left_on_the_old_version_is_a_straggler() {
        check(
            "versions",
            &catalog(&[
                ("a", "1", 0..20),
                ("a", "2", 20..100),
                ("b", "1", 0..100),
                ("c", "1", 0..30),
                ("c", "2", 30..100),
            ]),
            "proved mixed_version_seconds catalog 79.000000: \
                catalog: 2 versions of it (1, 2) worked side by side for 1 min 19 s
             proved version_straggler catalog/b 70.000000: \
                catalog/b still ran 1 when 2 other instances ran 2, for 1 min 10 s",
        );
    }

    #[test]
    fn neither_a_rollout_nor_a_canary_leaves_a_straggler() {
        let mixed = |seconds: u32, shown: &str| {
            format!(
                "proved mixed_version_seconds catalog {seconds}.000000: \
                 catalog: 2 versions of it (1, 2) worked side by side for {shown}"
            )
        };
        let rolled = [
            ("a", "1", 0..20),
            ("a", "2", 20..100),
            ("b", "1", 0..26),
            ("b", "2", 26..100),
            ("c", "1", 0..30),
            ("c", "2", 30..100),
        ];
        check("versions", &catalog(&rolled), &mixed(9, "9 s"));
        let canary = [("a", "1", 0..99), ("b", "1", 0..99), ("c", "2", 20..99)];
        check("versions", &catalog(&canary), &mixed(78, "1 min 18 s"));
        check("versions", &catalog(&[("a", "1", 0..50)]), "");
    }

    #[test]
    fn staging_may_run_what_production_does_not() {
        let lives = [
            ("a", "1", 0..20),
            ("a", "2", 20..100),
            ("b", "1", 0..100),
            ("c", "1", 0..30),
            ("c", "2", 30..100),
        ];
        let in_staging = |drawing: String, of: &str| -> String {
            let lines = drawing.lines().map(|line| match line.contains('<') {
                true if line.contains(of) => format!(
                    "{line} environment=staging
"
                ),
                true => format!(
                    "{line} environment=production
"
                ),
                false => format!(
                    "{line}
"
                ),
            });
            lines.collect()
        };
        // What is left of the old version is staging alone.
        let apart = [("b", "1", 0..100), ("a", "2", 20..100), ("c", "2", 30..100)];
        check("versions", &in_staging(catalog(&apart), "instance=b"), "");
        // Both in one environment are told with its name.
        check(
            "versions",
            &in_staging(catalog(&lives), "no instance"),
            "proved mixed_version_seconds catalog 79.000000: \
                catalog in production: 2 versions of it (1, 2) worked side by side for 1 min 19 s
             proved version_straggler catalog/b 70.000000: \
                catalog/b in production still ran 1 when 2 other instances ran 2, for 1 min 10 s",
        );
        // One request that meets both is told only where both belong to one environment.
        let met = |environment: &str| {
            format!(
                "shop < GET /cart         0..100
                   shop > GET /items     10..20
                     catalog < GET /items 11..19 version=1 environment=production
                   shop > GET /more      30..40
                     catalog < GET /more 30..39 version=2 environment={environment}"
            )
        };
        check("versions", &met("staging"), "");
        check(
            "versions",
            &met("production"),
            "proved mixed_version_traces catalog 1, 2 1.000000: \
                catalog: 1 request met both 1 and 2",
        );
        // Nor are calls in one environment held against those in another.
        let apart = pairs("error", 10).replace("version=2", "version=2 environment=staging");
        check("versions", &apart, "");
        let together = pairs("error", 10)
            .replace("version=1", "version=1 environment=staging")
            .replace("version=2", "version=2 environment=staging");
        check(
            "versions",
            &together,
            "measured version_pair_errors shop->catalog 7 to 2 0.250000: \
                 shop 7 -> catalog 2 in staging: 25 % of the calls fail, 0 % between other versions",
        );
    }

    #[test]
    fn spans_without_versions_say_nothing() {
        check(
            "versions",
            "catalog < GET /items 0..10",
            "unknown mixed_version_seconds the system: \
                versions: no span names a version, as service.version in the resource would",
        );
    }

    /// Forty calls of each pair of versions; the words of the calls and how long they take.
    fn pairs(of_new: &str, ms: u64) -> String {
        let mut drawing = String::new();
        for (version, words, ms) in [("1", "", 10), ("2", of_new, ms)] {
            for at in 0..40 {
                let words = if at % 4 == 0 { words } else { "" };
                writeln!(
                    drawing,
                    "trace t{version}-{at}
                     shop < GET /cart       0..1000  version=7
                       shop > GET /items   10..{}    version=7 {words}
                         catalog < GET /items 11..{} version={version} {words}",
                    10 + ms + at % 3,
                    9 + ms + at % 3
                )
                .unwrap();
            }
        }
        drawing
    }

    #[test]
    fn a_pair_of_versions_that_fails_or_is_slow_is_told() {
        // Both versions start in the same millisecond, so that no time passes between them.
        check(
            "versions",
            &pairs("error", 10),
            "measured version_pair_errors shop->catalog 7 to 2 0.250000: \
                 shop 7 -> catalog 2: 25 % of the calls fail, 0 % between other versions",
        );
        check(
            "versions",
            &pairs("", 40),
            "measured version_pair_slowdown shop->catalog 7 to 2 3.766011: \
                 shop 7 -> catalog 2: calls take 3.8 times as long as between other versions",
        );
        check("versions", &pairs("", 10), "");
    }

    #[test]
    fn a_request_may_meet_two_versions() {
        check(
            "versions",
            "shop < GET /cart         0..100
               shop > GET /items     10..20
                 catalog < GET /items 11..19 version=1
               shop > GET /more      30..40
                 catalog < GET /more 30..39 version=2",
            "proved mixed_version_traces catalog 1, 2 1.000000: \
                catalog: 1 request met both 1 and 2",
        );
    }
}
