//! Failures that those who ask see, and those who watch do not.
//!
//! - *Seen from one side*: of the calls of an edge whose both sides were seen, the share that failed for the client alone, less the
//!   share that failed for the server alone (differential observability; Huang et al., HotOS 2017). Calls that failed without any
//!   span of a service that otherwise emits them are counted apart: they were lost on the way, or their server died.
//! - *Healthy but failing*: an instance whose health checks succeed while, in the same bins of time, its requests fail.
//! - *Slow or failing among its peers*: an instance against the others of the same service and operation.
//!
//! A failed server counts against its instance only when nothing it waited for had failed. Durations are those of
//! successful requests; first requests of cloud functions are left out. Instances are compared operation by operation, so that
//! a different mix of operations makes no difference. Not everything that differs is ill: a shard with other keys and a new
//! version differ too, and findings name the version where it stands alone.

mod edges;

mod fleet;

mod operations;

pub use operations::Answered;
pub(in crate::pass) use operations::answered_by;

use std::collections::BTreeSet;

use crate::finding::{Finding, Subject};
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Attempt, Known, Request, Watcher};
use crate::model::names::{ABSENT, OTHER};
use crate::model::span::{Flags, Kind};
use crate::pass::trace::gray_failure::edges::Edges;
use crate::pass::trace::gray_failure::fleet::Fleet;
use crate::pass::{Effort, Graph, Measured, Pass};

/// Finds failures that health checks and servers do not see.
pub static GRAY_FAILURE: Pass = Pass {
    name: "gray-failure",
    about: "failures that callers see and callees do not, and instances that are slow or failing among their peers",
    explain: "gray-failure",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By caller and callee: calls whose two sides disagree.
        TableOf {
            name: "gray-failure-edges",
            layout: Layout {
                parts: [Part::Node, Part::Node, Part::Unused, Part::Unused],
                bin: 0,
                limit: 1 << 14,
                group: 0,
            },
        },
        // By service, operation and instance, in bins of time; the distribution is that of successful requests.
        TableOf {
            name: "gray-failure-instances",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Text, Part::Unused],
                bin: 10_000_000_000,
                limit: 1 << 13,
                group: 0,
            },
        },
    ],
    attempts: Some(add_attempts),
    requests: Some(add_requests),
    ..Watcher::BLIND
};

/// Calls with both sides that failed for the client alone, and for the server alone.
const CLIENT_ONLY: usize = 0;
const SERVER_ONLY: usize = 1;
/// Failed calls without a span of the callee.
const UNANSWERED: usize = 2;
/// Calls with both sides whose client has several servers, so that they cannot be compared.
const BESIDE: usize = 3;

/// Requests, and those that failed at this instance and nowhere below.
const REQUESTS: usize = 0;
const FAILED: usize = 1;
/// Health checks, and those that failed.
const CHECKS: usize = 2;
const FAILED_CHECKS: usize = 3;

/// Fewest calls of an edge, and of an instance, from which something is said.
const ENOUGH_CALLS: u64 = 200;
const ENOUGH_OF_INSTANCE: u64 = 30;
/// Fewest calls of a bin, on either side, and fewest bins in which an instance has to stand out.
const ENOUGH_OF_BIN: u64 = 5;
const ENOUGH_BINS: usize = 3;
/// Fewest health checks.
const ENOUGH_CHECKS: u64 = 5;
/// How much more often clients see failures: one percentage point.
const TOLD_SHARE: f64 = 0.01;
/// How many times as slow, or as often failed.
const TOLD_RATIO: f64 = 2.0;
/// Expected share of false alarms among the instances named.
const FALSE_ALARMS: f64 = 0.01;
/// Share of health checks that succeed at a healthy instance, and share of requests that fail at an ill one.
const HEALTHY: f64 = 0.99;
const ILL: f64 = 0.05;

/// Adds the calls whose two sides disagree.
fn add_attempts(attempts: &[Attempt], known: &Known<'_>, tables: &mut [Table]) {
    let [edges, _] = tables else {
        return;
    };
    for attempt in attempts.iter().filter(|attempt| attempt.sync) {
        if let Some(sum) = disagreement(attempt) {
            let record = edges.at(known.catalogue, [attempt.from, attempt.to, 0, 0], 0);
            record.add(sum, 1);
            record.exemplars.offer(attempt.exemplar);
        }
    }
}

/// Returns how the two sides of a call disagree, if they do.
fn disagreement(attempt: &Attempt) -> Option<usize> {
    let client = attempt.outcome.failed();
    let Some(server) = attempt.served_outcome else {
        return client.then_some(UNANSWERED);
    };
    if !attempt.lone {
        return Some(BESIDE);
    }
    match (client, server.failed()) {
        (true, false) => Some(CLIENT_ONLY),
        (false, true) => Some(SERVER_ONLY),
        (_, _) => None,
    }
}

/// Adds the requests that instances with names worked on.
fn add_requests(requests: &[Request], known: &Known<'_>, tables: &mut [Table]) {
    let [_, instances] = tables else {
        return;
    };
    let place = |request: &Request| {
        let flags = request.flags;
        let instance = known.resource(request.resource).instance;
        let is_left_out = flags.kind() != Kind::Server
            || flags.has(Flags::COLD_START)
            || flags.has(Flags::NO_START)
            || instance == ABSENT
            || instance == OTHER;
        let parts = [request.node, request.operation, instance, 0];
        (!is_left_out).then_some((parts, request.start))
    };
    instances.for_each(known.catalogue, requests, place, |request, record| {
        let failed = request.flags.outcome().failed();
        if request.flags.has(Flags::HEALTH) {
            record.add(CHECKS, 1);
            record.add(FAILED_CHECKS, u64::from(failed));
            return;
        }
        record.add(REQUESTS, 1);
        if !failed {
            if let Some(ns) = request.duration() {
                record.sample(ns);
            }
        } else if request.alone {
            record.add(FAILED, 1);
            record.exemplars.offer(request.exemplar);
        }
    });
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [edges, instances] = WATCHER.tables else {
        return;
    };
    let (Some(edges), Some(instances)) = (graph.table(edges), graph.table(instances)) else {
        let why = "no spans were looked at for what only one side sees: fold the traces again";
        let finding = Finding::unknown(GRAY_FAILURE.name, "gray_edges", why);
        measured.findings.push(finding);
        return;
    };
    let of_edges = Edges::of(graph, edges);
    let fleet = Fleet::of(graph, instances);
    let mut said = fleet.standing_out();
    said.extend(fleet.healthy_but_failing());
    let lossy = of_edges.findings();
    said.extend(fleet.losing(&of_edges));
    let named: BTreeSet<&Subject> = said.iter().map(|it| &it.subject).collect();
    measured.metric("gray_instances", named.len() as f64);
    let named: BTreeSet<&Subject> = lossy.iter().map(|it| &it.subject).collect();
    measured.metric("gray_edges", named.len() as f64);
    measured.findings.extend(lossy.into_iter().chain(said));
    if !fleet.has_instances {
        let why = "instances cannot be compared: no server span names its instance (service.instance.id, k8s.pod.uid)";
        let finding = Finding::unknown(GRAY_FAILURE.name, "slow_instance", why);
        measured.findings.push(finding);
    } else if !fleet.has_checks {
        let why = "health checks cannot be compared with requests: no span is a health check, many SDKs drop them";
        let finding = Finding::unknown(GRAY_FAILURE.name, "healthy_but_failing", why);
        measured.findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    const NO_CHECKS: &str = "unknown healthy_but_failing the system: health checks cannot be compared with requests: \
        no span is a health check, many SDKs drop them";

    const NO_INSTANCES: &str = "unknown slow_instance the system: instances cannot be compared: no server span names its \
        instance (service.instance.id, k8s.pod.uid)";

    /// Returns requests to three instances in four bins of time, each with its duration and words.
    fn requests(answer: impl Fn(usize, usize) -> (usize, &'static str)) -> String {
        let mut drawing = String::new();
        for number in 0..120 {
            let (start, instance) = (number * 333, number % 3);
            let (ms, words) = answer(number, instance);
            let end = start + ms;
            writeln!(drawing, "trace t{number}").unwrap();
            writeln!(
                drawing,
                "cart < GET /cart {start}..{end} instance=cart-{instance} {words}"
            )
            .unwrap();
        }
        drawing
    }

    #[test]
    fn an_instance_slower_than_its_peers_is_named() {
        let slow = requests(|_, instance| (if instance == 2 { 50 } else { 20 }, "version=1"));
        check(
            "gray-failure",
            &slow,
            &format!(
                "measured slow_instance cart/cart-2 2.493266: cart-2 of cart: GET /cart takes 50 ms in the median, 20.1 ms \
                    at its peers
                {NO_CHECKS}"
            ),
        );
        let other_version = slow.replace("instance=cart-2 version=1", "instance=cart-2 version=2");
        check(
            "gray-failure",
            &other_version,
            &format!(
                "measured slow_instance cart/cart-2 2.493266: cart-2 of cart: GET /cart takes 50 ms in the median, 20.1 ms \
                    at its peers; it alone runs version 2
                {NO_CHECKS}"
            ),
        );
    }

    #[test]
    fn a_slow_spell_a_cold_start_and_a_slower_mix_are_no_slow_instance() {
        // Slow in two bins of four: in the median of all, but not for long enough.
        let spell = requests(|number, instance| {
            let is_slow = instance == 2 && number < 62;
            (if is_slow { 50 } else { 20 }, "")
        });
        check("gray-failure", &spell, NO_CHECKS);
        let cold = requests(|_, instance| match instance {
            2 => (50, "faas.coldstart=true"),
            _ => (20, ""),
        });
        check("gray-failure", &cold, NO_CHECKS);
        let mix = requests(|_, instance| (if instance == 2 { 50 } else { 20 }, ""))
            .lines()
            .map(|line| match line.contains("instance=cart-2") {
                true => format!("{}\n", line.replace("GET /cart", "GET /cart/all")),
                false => format!("{line}\n"),
            })
            .collect::<String>();
        check("gray-failure", &mix, NO_CHECKS);
        check(
            "gray-failure",
            &requests(|_, instance| (20 + instance * 4, "")),
            NO_CHECKS,
        );
    }

    #[test]
    fn an_instance_that_fails_while_its_checks_succeed_is_named() {
        let mut drawing = requests(|number, _| (20, if number % 9 == 1 { "error" } else { "" }));
        let failing = "measured failing_instance cart/cart-1 35.000000: cart-1 of cart: GET /cart fails in 35 % of 40 requests, \
            0 % at its peers";
        check("gray-failure", &drawing, &format!("{failing}\n{NO_CHECKS}"));
        for number in 0..6 {
            let start = number * 6_000;
            writeln!(drawing, "trace h{number}").unwrap();
            writeln!(
                drawing,
                "cart < GET /healthz {start}..{start} instance=cart-1 http.request.method=GET user_agent.original=kube-probe/1.32"
            )
            .unwrap();
        }
        check(
            "gray-failure",
            &drawing,
            &format!(
                "{failing}; its health checks succeed
                measured healthy_but_failing cart/cart-1 35.000000: cart-1 of cart: 14 of 40 requests failed there, while \
                    6 health checks succeeded"
            ),
        );
    }

    #[test]
    fn health_checks_of_another_time_say_nothing() {
        let mut drawing = String::new();
        for number in 0..40 {
            let start = 100_000 + number * 300;
            let word = if number % 2 == 0 { "error" } else { "" };
            writeln!(drawing, "trace t{number}").unwrap();
            writeln!(
                drawing,
                "cart < GET /cart {start}..{} instance=cart-1 {word}",
                start + 20
            )
            .unwrap();
        }
        for number in 0..6 {
            writeln!(drawing, "trace h{number}").unwrap();
            writeln!(
                drawing,
                "cart < GET /healthz {number}..{number} instance=cart-1 http.request.method=GET user_agent.original=kube-probe/1.32"
            )
            .unwrap();
        }
        check("gray-failure", &drawing, "");
    }

    #[test]
    fn failures_from_below_are_not_held_against_an_instance() {
        let mut drawing = String::new();
        for number in 0..120 {
            let (start, instance) = (number * 333, number % 3);
            let error = if number % 9 == 1 { "error" } else { "" };
            writeln!(drawing, "trace t{number}").unwrap();
            writeln!(
                drawing,
                "cart < GET /cart {start}..{} instance=cart-{instance} {error}",
                start + 20
            )
            .unwrap();
            writeln!(drawing, "  cart . load {start}..{} {error}", start + 20).unwrap();
            writeln!(
                drawing,
                "    cart > SELECT carts {start}..{} db=postgresql/carts {error}",
                start + 20
            )
            .unwrap();
        }
        check("gray-failure", &drawing, NO_CHECKS);
    }

    /// Returns calls, of which so many fail for the client alone and so many have no server; those that fail come first.
    fn calls(n: usize, client_only: usize, unanswered: usize, lost_spans: usize) -> String {
        let mut drawing = String::new();
        for number in 0..n {
            let failed = number < client_only + unanswered;
            let served = number < client_only || number >= client_only + unanswered + lost_spans;
            let error = if failed { "error=reset error" } else { "" };
            writeln!(drawing, "trace t{number}").unwrap();
            writeln!(drawing, "shop < GET /shop 0..30").unwrap();
            writeln!(drawing, "  shop > GET /cart 0..30 peer=cart {error}").unwrap();
            if served {
                writeln!(drawing, "    cart < GET /cart 5..20").unwrap();
            }
        }
        drawing
    }

    #[test]
    fn failures_that_clients_alone_see_are_told() {
        check(
            "gray-failure",
            &calls(250, 10, 0, 0),
            &format!(
                "measured differential_observability shop->cart 4.000000: shop -> cart: 10 of 250 calls failed for shop and not for \
                    cart, 0 the other way round
                {NO_INSTANCES}"
            ),
        );
        check("gray-failure", &calls(250, 4, 0, 0), NO_INSTANCES);
        check("gray-failure", &calls(190, 100, 0, 0), NO_INSTANCES);
    }

    #[test]
    fn failures_without_an_answer_are_told_unless_spans_are_lost() {
        check(
            "gray-failure",
            &calls(250, 0, 20, 0),
            &format!(
                "measured unanswered_failures shop->cart 8.000000: shop -> cart: 20 of 250 calls failed without any span of cart: \
                    lost on the way, refused, or their server died
                {NO_INSTANCES}"
            ),
        );
        check("gray-failure", &calls(250, 0, 20, 100), NO_INSTANCES);
    }
}
