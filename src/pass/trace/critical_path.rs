//! Where the time of requests goes: exclusive time on critical paths, by entry point and operation.
//!
//! The path is that of [`path`](crate::trace::path): at every moment the end of the request waits for one span. The time
//! of the path spent in a span itself is added up by the span's service and operation, apart for requests of different duration
//! (eight buckets for each doubling), so that what typical and what slow requests spend can be told from each other. Quantiles
//! are of requests: p99s of operations are neither added nor averaged.
//!
//! Clocks that the calls of a trace prove to differ are set right first, by the middle of what the calls allow; requests in which
//! that was done are counted. A child that still lies outside its parent is clamped. Requests in which that cuts off more than 5 % of
//! their duration are counted too: their clocks differ and nobody said whose they are, or work went on after the answer. *Calls at once* is the largest number of synchronous
//! calls of one span that all began before the first of them ended.
//!
//! Spans that call are kept apart by whom they call, since what they take themselves is the way there and back, or an answer of
//! something that emits no spans. Spans with less than 1/1024 of their request's time are put together. What would be saved if an
//! operation took no time is added up too (see [`path`](crate::trace::path)): less than its time where siblings end hardly earlier. How
//! much longer spans off the path might take is not measured. O(spans).

mod requests;

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::ledger::{Layout, Part, TableOf};
use crate::fold::record::Record;
use crate::fold::{Look, Watcher};
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds where the time of requests goes.
pub static CRITICAL_PATH: Pass = Pass {
    name: "critical-path",
    about: "in which operations the time of each entry point is spent",
    explain: "critical_time",
    watch: Some(&WATCHER),
    measure,
};

pub(in crate::pass) static WATCHER: Watcher = Watcher {
    tables: &[
        // By node and operation of the entry, and of the span; a request as a whole is that of no node and operation. The
        // number has the bucket of the duration, and above it whom the span calls.
        TableOf {
            name: "critical-path",
            layout: Layout {
                parts: [Part::Node, Part::Text, Part::Node, Part::Text],
                bin: 0,
                limit: 50_000,
                group: 2,
            },
        },
    ],
    traces: Some(Look::Together(requests::observe)),
    ..Watcher::BLIND
};

/// Requests, or spans on their paths.
pub(in crate::pass) const COUNT: usize = 0;
/// Their time: durations of requests, or time on the path in the spans themselves.
pub(in crate::pass) const TIME: usize = 1;
/// Of requests: those of which much was clamped, their calls at once, and the time of spans too short to be told.
const CLAMPED: usize = 2;
/// Of spans: the most by which requests would be shorter without them.
const SAVED: usize = 2;
const AT_ONCE: usize = 3;
pub(in crate::pass) const SHORT: usize = 4;
/// Of requests: those of which clocks were set right.
const SET_RIGHT: usize = 5;
/// Requests as they were seen, not weighted.
const SEEN: usize = 7;
/// Of spans: squares of their time, the part above 2^32, and that below.
pub(in crate::pass) const SQUARES: [usize; 2] = [5, 6];

/// Bits of the number that hold the bucket of the duration.
const BUCKET_BITS: u32 = 16;

/// Returns a mark of a node that is the same for every catalogue, and not zero.
fn mark(catalogue: &Catalogue, node: u32) -> u64 {
    (catalogue.rank(node) >> BUCKET_BITS).max(1)
}

/// Splits the number of a key: whom the span calls, by the nodes of the marks, and the bucket of the duration.
pub(in crate::pass) fn called(marks: &BTreeMap<u64, u32>, number: u64) -> (Option<u32>, u64) {
    let callee = marks.get(&(number >> BUCKET_BITS)).copied();
    (callee, number & ((1 << BUCKET_BITS) - 1))
}

/// Returns the node of every mark.
pub(in crate::pass) fn marks(catalogue: &Catalogue) -> BTreeMap<u64, u32> {
    let nodes = 0..catalogue.nodes().len() as u32;
    nodes.map(|node| (mark(catalogue, node), node)).collect()
}

/// Returns the bucket of a duration: eight for each doubling.
fn bucket(ns: u64) -> u64 {
    let exponent = u64::from(63 - ns.max(8).leading_zeros());
    exponent << 3 | ns.max(8) >> (exponent - 3) & 7
}

/// Returns the largest duration that a bucket holds.
pub(in crate::pass) fn most_in(bucket: u64) -> f64 {
    let above = bucket + 1;
    (8 + (above & 7)) as f64 * 2f64.powi((above >> 3) as i32 - 3)
}

/// A service and one of its operations.
pub(in crate::pass) type Operation<'a> = (&'a str, &'a str);

/// What an operation has to do with the time of requests.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// Exclusive time on critical paths.
    time: u64,
    /// By how much requests would be shorter at most without it.
    saved: u64,
}

/// Requests of similar duration, and where their time went.
#[derive(Clone, Debug, Default)]
pub(in crate::pass) struct Spent<'a> {
    /// Requests, weighted.
    pub(in crate::pass) requests: u64,
    /// Requests as they were seen.
    pub(in crate::pass) seen: u64,
    /// Their durations together.
    pub(in crate::pass) time: u64,
    by_operation: BTreeMap<Operation<'a>, Share>,
}

impl<'a> Spent<'a> {
    fn add(&mut self, other: &Spent<'a>) {
        self.requests = self.requests.saturating_add(other.requests);
        self.seen = self.seen.saturating_add(other.seen);
        self.time = self.time.saturating_add(other.time);
        for (operation, of) in &other.by_operation {
            let sum = self.by_operation.entry(*operation).or_default();
            sum.time = sum.time.saturating_add(of.time);
            sum.saved = sum.saved.saturating_add(of.saved);
        }
    }

    /// Returns the part of the time that something of an operation is.
    fn part(&self, operation: Operation<'_>, of: fn(&Share) -> u64) -> f64 {
        match (self.by_operation.get(&operation), self.time) {
            (Some(share), 1..) => of(share) as f64 / self.time as f64,
            _ => 0.0,
        }
    }

    /// Returns the share of the time that would be saved at most if an operation took none.
    pub(in crate::pass) fn saving(&self, operation: Operation<'_>) -> f64 {
        self.part(operation, |share| share.saved)
    }

    /// Returns the share of the time that an operation has.
    pub(in crate::pass) fn share(&self, operation: Operation<'_>) -> f64 {
        self.part(operation, |share| share.time)
    }

    /// Returns operations and their shares, the largest first.
    pub(in crate::pass) fn shares(&self) -> Vec<(Operation<'a>, f64)> {
        let mut shares: Vec<(Operation<'a>, f64)> = self
            .by_operation
            .keys()
            .map(|operation| (*operation, self.share(*operation)))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shares
    }
}

/// The requests of one entry point.
#[derive(Clone, Debug, Default)]
pub(in crate::pass) struct EntryPaths<'a> {
    /// By bucket of duration.
    buckets: BTreeMap<u64, Spent<'a>>,
    /// Requests of which much was clamped, weighted.
    pub(in crate::pass) clamped: u64,
    /// Requests of which clocks were set right, weighted.
    set_right: u64,
    /// Calls at once: their sum over requests, and the most.
    pub(in crate::pass) at_once: (u64, u64),
    /// Traces to look at.
    pub(in crate::pass) exemplars: Vec<String>,
}

impl<'a> EntryPaths<'a> {
    /// Returns how many requests there are, weighted and as they were seen.
    pub(in crate::pass) fn requests(&self) -> (u64, u64) {
        let buckets = self.buckets.values();
        buckets.fold((0, 0), |(requests, seen), spent| {
            let requests = u64::saturating_add(requests, spent.requests);
            (requests, u64::saturating_add(seen, spent.seen))
        })
    }

    /// Returns all requests together.
    pub(in crate::pass) fn all(&self) -> Spent<'a> {
        self.between(0.0, 1.0)
    }

    /// Returns the requests from one quantile of the duration to another, with all that share a bucket with them.
    pub(in crate::pass) fn between(&self, from: f64, to: f64) -> Spent<'a> {
        let (all, _) = self.requests();
        let (first, last) = (
            (from * all as f64).ceil().max(1.0),
            (to * all as f64).ceil(),
        );
        let (mut sum, mut below) = (Spent::default(), 0u64);
        for spent in self.buckets.values() {
            let began = below as f64 + 1.0;
            below = below.saturating_add(spent.requests);
            if below as f64 >= first && began <= last {
                sum.add(spent);
            }
        }
        sum
    }
}

/// The requests of every entry point, by service and operation.
pub(in crate::pass) type PathsByEntry<'a> = BTreeMap<Operation<'a>, EntryPaths<'a>>;

/// Returns where the time of each entry point goes; `None` if no trace was looked at for it. Asked for by way of [`Graph::paths`].
pub(in crate::pass) fn paths_of<'a>(graph: &Graph<'a>) -> Option<PathsByEntry<'a>> {
    let [of] = WATCHER.tables else {
        return None;
    };
    let named = |node: u32, operation: u32| (graph.name_of(node), graph.text(operation));
    let records = grouped(graph.table(of)?, |key| {
        let [entry, entry_operation, node, operation] = key.parts;
        let spent_by = (node != USERS).then(|| named(node, operation));
        let bucket = key.number & ((1 << BUCKET_BITS) - 1);
        (named(entry, entry_operation), bucket, spent_by)
    });
    let mut paths = PathsByEntry::new();
    let records: Vec<_> = records.into_iter().collect();
    for of_entry in records.chunk_by(|a, b| a.0.0 == b.0.0) {
        let of = paths.entry(of_entry[0].0.0).or_default();
        for ((_, bucket, operation), record) in of_entry {
            let spent = of.buckets.entry(*bucket).or_default();
            match operation {
                Some(operation) => {
                    let share = Share {
                        time: record.sums[TIME],
                        saved: record.sums[SAVED],
                    };
                    spent.by_operation.insert(*operation, share);
                }
                None => {
                    spent.requests = record.sums[COUNT];
                    spent.seen = record.sums[SEEN];
                    spent.time = record.sums[TIME];
                    of.add_request(record);
                }
            }
        }
    }
    Some(paths)
}

impl EntryPaths<'_> {
    fn add_request(&mut self, record: &Record) {
        self.clamped = self.clamped.saturating_add(record.sums[CLAMPED]);
        self.set_right = self.set_right.saturating_add(record.sums[SET_RIGHT]);
        self.at_once.0 = self.at_once.0.saturating_add(record.sums[AT_ONCE]);
        self.at_once.1 = self.at_once.1.max(record.most);
        // Those of the slowest requests stay.
        self.exemplars = exemplars(record);
    }
}

/// Returns why the paths of a topology cannot be used, if that is so: they were never looked for, or by a version that did not count
/// requests as they were seen.
pub(in crate::pass) fn why_unknown(paths: Option<&PathsByEntry<'_>>) -> Option<&'static str> {
    let Some(paths) = paths else {
        return Some("no spans were looked at for critical paths: fold the traces again");
    };
    let is_old = |of: &EntryPaths<'_>| {
        let (requests, seen) = of.requests();
        seen == 0 && requests > 0
    };
    paths.values().any(is_old).then_some(
        "an earlier version looked for critical paths and did not count the requests that it saw: fold the traces again",
    )
}

/// Fewest requests of which a share is worth a sentence.
pub(in crate::pass) const MIN_REQUESTS: u64 = 20;

/// From so much less saving than time on, as a share of the request, a sentence says so.
const SHADOWED: f64 = 0.05;

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let paths = graph.paths();
    if let Some(why) = why_unknown(paths) {
        let untold = Finding::unknown(CRITICAL_PATH.name, "critical_time", why);
        measured.findings.push(untold);
    }
    let mut found: Vec<(u64, Finding)> = Vec::new();
    for (&(service, operation), of) in paths.into_iter().flatten() {
        let all = of.all();
        let shares = all.shares();
        let Some(&(most, share)) = shares.first().filter(|_| all.seen >= MIN_REQUESTS) else {
            continue;
        };
        let doubt = doubt(of, all.requests);
        let place = match most == (service, operation) {
            true => "in itself".to_owned(),
            false => format!("in {} {}", most.0, most.1),
        };
        let saving = all.saving(most);
        let held = match saving < share - SHADOWED {
            true => format!(
                "; without it requests would be {} shorter at most, because others end hardly earlier",
                text::percent(saving)
            ),
            false => String::new(),
        };
        let finding = Finding {
            value: share,
            grade: if doubt.is_empty() {
                Grade::Proved
            } else {
                Grade::Inferred
            },
            count: all.requests,
            of: all.requests,
            exemplars: of.exemplars.clone(),
            text: format!(
                "{service} {operation} spends more of its time {place} than elsewhere: {} of {} a request on average{held}{doubt}",
                text::percent(share),
                text::duration(all.time / all.requests),
            ),
            ..Finding::of(
                CRITICAL_PATH.name,
                "critical_time",
                Subject::Entry(service.to_owned(), operation.to_owned()),
            )
        };
        found.push((all.time, finding));
    }
    found.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    measured
        .findings
        .extend(found.into_iter().map(|(_, finding)| finding));
}

/// Says which clocks make the path of an entry point doubtful, if some do.
fn doubt(of: &EntryPaths<'_>, requests: u64) -> String {
    let share = |of: u64| Some(of as f64 / requests as f64).filter(|share| *share > 0.05);
    let mut doubt = String::new();
    if let Some(share) = share(of.set_right) {
        doubt += &format!(
            "; in {} of the requests clocks were apart, and were set right by the middle of what calls allow",
            text::percent(share)
        );
    }
    if let Some(share) = share(of.clamped) {
        doubt += &format!(
            "; in {} of the requests children outlast their parents by more than 5 %, so clocks differ or work goes on",
            text::percent(share)
        );
    }
    doubt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::{check, each_order};

    fn spent(drawing: &str, expected: &[(&str, &str, u64)]) {
        each_order(drawing, |order, system| {
            let paths = paths_of(&Graph::of(system)).unwrap();
            let all = paths.values().next().unwrap().all();
            let found: Vec<(&str, &str, u64)> = all
                .by_operation
                .iter()
                .map(|(&(service, operation), of)| (service, operation, of.time / 1_000_000))
                .collect();
            assert_eq!(found, expected, "order {order}");
            let sum: u64 = all.by_operation.values().map(|of| of.time).sum();
            assert_eq!(sum, all.time, "order {order}");
        });
    }

    #[test]
    fn the_time_of_a_request_is_shared_out_without_rest() {
        spent(
            "web < GET /            0..100
               web > GET /cart     10..40
                 cart < GET /cart  15..35
               web > GET /mail     20..60
               web > GET /pay      40..90",
            &[
                ("cart", "GET /cart", 20),
                ("web", "GET /", 20),
                ("web", "GET /cart", 10),
                ("web", "GET /pay", 50),
            ],
        );
    }

    #[test]
    fn slow_requests_are_told_from_typical_ones() {
        let drawing: String = (0..30)
            .map(|at| {
                let (t, pay) = (at * 10_000, if at % 10 == 0 { 900 } else { 10 });
                format!(
                    "trace t{at}\nweb < GET / {t}..{}\n  web > pay {}..{} peer=pay\n",
                    t + 100 + pay,
                    t + 50,
                    t + 50 + pay
                )
            })
            .collect();
        each_order(&drawing, |_, system| {
            let paths = paths_of(&Graph::of(system)).unwrap();
            let of = &paths[&("web", "GET /")];
            let pay = ("web", "pay");
            assert_eq!(
                (
                    of.between(0.4, 0.6).requests,
                    of.between(0.95, 1.0).requests
                ),
                (27, 3)
            );
            assert!((of.between(0.4, 0.6).share(pay) - 10.0 / 110.0).abs() < 1e-9);
            assert!((of.between(0.95, 1.0).share(pay) - 0.9).abs() < 1e-9);
            assert!((of.all().share(pay) - 2970.0 / 5970.0).abs() < 1e-9);
        });
        check(
            "critical-path",
            &drawing,
            "proved critical_time web GET / 0.502513: web GET / spends more of its time in itself than elsewhere: 50.3 % of 199 ms a \
                request on average",
        );
    }

    #[test]
    fn a_few_requests_that_stand_for_many_are_a_few() {
        let drawing: String = (0..10)
            .map(|at| format!("trace t{at}\nweb < GET / {at}..{} weight=th:c\n", at + 100))
            .collect();
        check("critical-path", &drawing, "");
    }

    #[test]
    fn children_outside_their_parents_are_said() {
        let drawing: String = (0..20)
            .map(|at| {
                let t = at * 1000;
                format!(
                    "trace t{at}\nweb < GET / {t}..{}\n  web > pay {}..{}\n    pay < pay {}..{}\n",
                    t + 100,
                    t + 10,
                    t + 90,
                    t + 40,
                    t + 120,
                )
            })
            .collect();
        check(
            "critical-path",
            &drawing,
            "inferred critical_time web GET / 0.500000: web GET / spends more of its time in pay pay than elsewhere: 50 % of 100 ms a \
                request on average; in 100 % of the requests children outlast their parents by more than 5 %, so clocks \
                differ or work goes on",
        );
    }

    /// Twenty requests that wait for a host whose clock is ahead by some milliseconds.
    fn skewed(ms: u64) -> String {
        let request = |at: u64| {
            let t = at * 1000;
            format!(
                "trace t{at}\nweb < GET / {t}..{}.5 host=h1\n  web > pay {}.5..{} host=h1\n    pay < pay {}..{}.5 host=h2\n",
                t + 100,
                t + 10,
                t + 90,
                t + 15 + ms,
                t + 85 + ms,
            )
        };
        (0..20).map(request).collect()
    }

    #[test]
    fn clocks_that_calls_prove_to_differ_are_set_right() {
        let in_pay = "web GET / spends more of its time in pay pay than elsewhere: 70.1 % of 100 ms a request on average";
        check(
            "critical-path",
            &skewed(0),
            &format!("proved critical_time web GET / 0.701493: {in_pay}"),
        );
        check(
            "critical-path",
            &skewed(700),
            &format!(
                "inferred critical_time web GET / 0.701493: {in_pay}; in 100 % of the requests clocks were apart, and were set \
                    right by the middle of what calls allow"
            ),
        );
    }

    #[test]
    fn calls_at_once_all_overlap() {
        for (calls, expected) in [
            ("0..10 5..15 8..20", 3),
            ("0..10 5..15 12..20", 2),
            ("0..10 10..20", 1),
        ] {
            let calls: String = calls
                .split(' ')
                .map(|time| format!("\n  web > pay {time} peer=pay"))
                .collect();
            each_order(&format!("web < GET / 0..100{calls}"), |_, system| {
                let paths = paths_of(&Graph::of(system)).unwrap();
                assert_eq!(paths.values().next().unwrap().at_once, (expected, expected));
            });
        }
    }

    #[test]
    fn health_checks_are_no_requests() {
        each_order(
            "web < GET /healthz 0..100 http.route=/healthz http.request.method=GET",
            |_, system| {
                assert!(paths_of(&Graph::of(system)).unwrap().is_empty());
            },
        );
    }

    #[test]
    fn buckets_are_in_order_and_an_eighth_of_a_doubling_wide() {
        let mut last = 0;
        for ns in (8..100_000).chain((17..64).map(|exponent| 1 << exponent)) {
            let next = bucket(ns);
            assert!(next >= last);
            last = next;
        }
        assert_eq!(bucket(1 << 40) + 8, bucket(1 << 41));
        assert!(bucket(u64::MAX) < 64 << 3);
        assert_eq!(bucket(0), bucket(8));
        for ns in [8, 15, 16, 1_000, 123_456_789, 1 << 40] {
            let most = most_in(bucket(ns));
            assert!(
                most > ns as f64 && most <= ns as f64 * 1.125 + 1.0,
                "{ns}: {most}"
            );
        }
    }
}
