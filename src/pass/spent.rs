//! Where the time and the failures of the requests of each entry point come from, for comparing two topologies.
//!
//! Time is exclusive time on critical paths, so that what the places of an entry point have adds up to the durations of its requests.
//! Its spread over requests is known as far as the tables tell: exact where no request has two spans of a place, otherwise
//! from sums of squares within requests of similar duration, and never more than such durations allow.

use std::collections::BTreeMap;

use crate::fold::catalogue::{NodeKind, USERS};
use crate::fold::record::Record;
use crate::pass::Graph;
use crate::pass::trace::{critical_path, gray_failure, grouped, origins, square_sum};
use crate::trace::link::EntryKind;

pub use crate::pass::trace::gray_failure::Answered;

/// Where time goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a service itself.
    Own(String),
    /// Between a caller and a callee that emits spans, in both directions: the network, and whatever waits for it.
    Between(String, String),
    /// In calls of something that emits no spans, and on the way to it.
    Silent(String, String),
}

impl Place {
    /// Returns the names of its services.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Place::Own(service) => vec![service],
            Place::Between(from, to) | Place::Silent(from, to) => vec![from, to],
        }
    }
}

/// Time of requests in one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spent {
    /// Spans on paths.
    pub spans: f64,
    /// Mean time of a request, in nanoseconds.
    pub mean: f64,
    /// Its variance over requests; not less than it is, unless numbers of spans differ among requests of similar duration.
    pub variance: f64,
    /// The time by operation: mean of a request.
    pub operations: BTreeMap<String, f64>,
}

/// The requests of an entry point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntrySpent {
    /// Requests, weighted.
    pub requests: f64,
    /// Mean duration.
    pub mean: f64,
    /// Mean time of a request in spans that are too short to be told one from another.
    pub short: f64,
    /// Where the rest went.
    pub places: BTreeMap<Place, Spent>,
}

/// Where the time of all requests goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeOf {
    /// By service and operation of the entry point.
    pub entries: BTreeMap<(String, String), EntrySpent>,
    /// Whatever the entry point, by place and operation there: means over all requests.
    pub operations: BTreeMap<(Place, String), Spent>,
    /// Requests, weighted.
    pub requests: f64,
}

/// Sums of one place over the requests of one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    spans: f64,
    time: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, record: &Record) {
        let sum = |at: usize| record.sums[at] as f64;
        self.spans += sum(critical_path::COUNT);
        self.time += sum(critical_path::TIME);
        self.squares += square_sum(record, critical_path::SQUARES);
    }
}

/// Returns where the time of requests goes; none if no trace was looked at for it, or only by a version that did not tell calls
/// from other work.
pub fn time_of(graph: &Graph<'_>) -> Option<TimeOf> {
    let [of] = critical_path::WATCHER.tables else {
        return None;
    };
    let named = |node: u32| graph.name_of(node).to_owned();
    let marks = critical_path::marks(&graph.system.rest.catalogue);
    let records = grouped(graph.table(of)?, |key| {
        let [entry, entry_operation, node, operation] = key.parts;
        let (callee, bucket) = critical_path::called(&marks, key.number);
        let spent_by =
            (node != USERS).then(|| (place(graph, node, callee), graph.text(operation).to_owned()));
        let entry = (named(entry), graph.text(entry_operation).to_owned());
        (entry, bucket, spent_by)
    });
    let mut entries: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    let is_old = |record: &Record| {
        let squares = critical_path::SQUARES.map(|at| record.sums[at]);
        record.sums[critical_path::TIME] > 0 && squares == [0, 0]
    };
    if records
        .iter()
        .any(|((_, _, of), record)| of.is_some() && is_old(record))
    {
        return None;
    }
    for ((entry, bucket, of), record) in records {
        let rows = entries.entry(entry).or_default();
        rows.push(Row {
            bucket,
            of,
            record: record.into_owned(),
        });
    }
    let requests = entries.values().flatten();
    let requests = requests.filter(|row| row.of.is_none());
    let requests = requests.map(|row| row.record.sums[critical_path::COUNT] as f64);
    let requests = requests.sum::<f64>();
    Some(TimeOf {
        requests,
        operations: operations(entries.values(), requests.max(1.0)),
        entries: entries
            .into_iter()
            .map(|(entry, rows)| (entry, entry_spent(&rows)))
            .collect(),
    })
}

/// Returns the time by place and operation, of all entry points together.
fn operations<'a>(
    entries: impl Iterator<Item = &'a Vec<Row>>,
    n: f64,
) -> BTreeMap<(Place, String), Spent> {
    let mut all: BTreeMap<&(Place, String), Sums> = BTreeMap::new();
    for rows in entries {
        let mut requests: BTreeMap<u64, f64> = BTreeMap::new();
        let mut sums: BTreeMap<&(Place, String), BTreeMap<u64, Sums>> = BTreeMap::new();
        for row in rows {
            match &row.of {
                Some(of) => {
                    let of = sums.entry(of).or_default();
                    of.entry(row.bucket).or_default().add(&row.record);
                }
                None => {
                    let count = row.record.sums[critical_path::COUNT] as f64;
                    *requests.entry(row.bucket).or_default() += count;
                }
            }
        }
        for (of, buckets) in sums {
            let of_entry = in_all(&buckets, &requests);
            let sum = all.entry(of).or_default();
            sum.spans += of_entry.spans;
            sum.time += of_entry.time;
            sum.squares += of_entry.squares;
        }
    }
    let of_all = all.into_iter();
    of_all
        .map(|(of, sums)| (of.clone(), spent(sums, n)))
        .collect()
}

/// One record of an entry point: requests of a bucket, or what they spent somewhere.
struct Row {
    bucket: u64,
    of: Option<(Place, String)>,
    record: Record,
}

fn place(graph: &Graph<'_>, node: u32, callee: Option<u32>) -> Place {
    let own = graph.name_of(node).to_owned();
    let Some(callee) = callee else {
        return Place::Own(own);
    };
    let vertex = &graph.system.vertices[graph.system.vertex_of[callee as usize]];
    let to = vertex.name.clone();
    match vertex.kind {
        NodeKind::Service if to == own => Place::Own(own),
        NodeKind::Service => Place::Between(own, to),
        NodeKind::Users
        | NodeKind::Database
        | NodeKind::Cache
        | NodeKind::Queue
        | NodeKind::External
        | NodeKind::Unknown => Place::Silent(own, to),
    }
}

fn entry_spent(rows: &[Row]) -> EntrySpent {
    let mut requests: BTreeMap<u64, f64> = BTreeMap::new();
    let mut sums: BTreeMap<&Place, BTreeMap<u64, Sums>> = BTreeMap::new();
    let mut entry = EntrySpent::default();
    let mut operations: BTreeMap<(&Place, &str), f64> = BTreeMap::new();
    for row in rows {
        let sum = |at: usize| row.record.sums[at] as f64;
        let (count, time) = (sum(critical_path::COUNT), sum(critical_path::TIME));
        let Some((place, operation)) = &row.of else {
            *requests.entry(row.bucket).or_default() += count;
            entry.requests += count;
            entry.mean += time;
            entry.short += sum(critical_path::SHORT);
            continue;
        };
        let of = sums.entry(place).or_default();
        of.entry(row.bucket).or_default().add(&row.record);
        *operations.entry((place, operation)).or_default() += time;
    }
    let n = entry.requests.max(1.0);
    entry.mean /= n;
    entry.short /= n;
    entry.places = sums
        .into_iter()
        .map(|(place, of)| (place.clone(), spent(in_all(&of, &requests), n)))
        .collect();
    for ((place, operation), time) in operations {
        if let Some(spent) = entry.places.get_mut(place) {
            spent.operations.insert(operation.to_owned(), time / n);
        }
    }
    entry
}

/// Adds up buckets, with squares of the time of a request instead of that of a span.
fn in_all(of: &BTreeMap<u64, Sums>, requests: &BTreeMap<u64, f64>) -> Sums {
    let mut all = Sums::default();
    for (bucket, sums) in of {
        let requests = requests.get(bucket).copied().unwrap_or(0.0).max(1.0);
        // A sum of k numbers squared is at most k times the sum of their squares. (Cauchy)
        let told = (sums.spans / requests).max(1.0) * sums.squares;
        // No request spends more than it lasts. (Bhatia and Davis, Am. Math. Mon. 107, 2000)
        let most = sums.time * critical_path::most_in(*bucket);
        all.spans += sums.spans;
        all.time += sums.time;
        all.squares += told.min(most);
    }
    all
}

/// Returns what each of so many requests spends.
fn spent(of: Sums, n: f64) -> Spent {
    let mean = of.time / n;
    let variance = (of.squares / n - mean * mean).max(0.0);
    Spent {
        spans: of.spans,
        mean,
        variance: variance * n / (n - 1.0).max(1.0),
        operations: BTreeMap::new(),
    }
}

/// Returns the requests that services answered, by service and operation, where spans name instances; none if no trace was looked
/// at for them.
pub fn answered_by(graph: &Graph<'_>) -> Option<BTreeMap<(String, String), Answered>> {
    gray_failure::answered_by(graph)
}

/// Returns how many failed requests, weighted, of each entry point, by service, operation and kind, began to fail at each service;
/// none if no trace was looked at for it.
pub fn failures_of(
    graph: &Graph<'_>,
) -> Option<BTreeMap<(String, String, EntryKind, String), f64>> {
    origins::by_entry(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::each_order;

    fn ms(ns: f64) -> f64 {
        (ns / 1e4).round() / 100.0
    }

    #[test]
    fn the_way_to_a_callee_and_silent_callees_are_places_of_their_own() {
        each_order(
            "web < GET /            0..100
               web > GET /cart     10..40
                 cart < GET /cart  15..35
                   cart > GET      20..30  db.system=redis server.address=carts
               web > POST /pay     50..80  peer=bank",
            |_, system| {
                let entries = time_of(&Graph::of(system)).unwrap().entries;
                let entry = entries.values().next().unwrap();
                let found: Vec<(Place, f64)> = entry
                    .places
                    .iter()
                    .map(|(place, spent)| (place.clone(), ms(spent.mean)))
                    .collect();
                let name = str::to_owned;
                assert_eq!(
                    found,
                    [
                        (Place::Own(name("cart")), 10.0),
                        (Place::Own(name("web")), 40.0),
                        (Place::Between(name("web"), name("cart")), 10.0),
                        (Place::Silent(name("cart"), name("redis/carts")), 10.0),
                        (Place::Silent(name("web"), name("bank")), 30.0),
                    ]
                );
                assert_eq!((entry.requests, ms(entry.mean)), (1.0, 100.0));
            },
        );
    }

    #[test]
    fn the_spread_over_requests_is_exact_for_one_span_a_request() {
        let drawing: String = [10u64, 14, 30, 22, 10, 90]
            .iter()
            .enumerate()
            .map(|(at, pay)| {
                let t = at as u64 * 10_000;
                format!(
                    "trace t{at}\nweb < GET / {t}..{}\n  web > pay {}..{} peer=pay\n",
                    t + 100 + pay,
                    t + 50,
                    t + 50 + pay
                )
            })
            .collect();
        each_order(&drawing, |_, system| {
            let entries = time_of(&Graph::of(system)).unwrap().entries;
            let entry = entries.values().next().unwrap();
            let pay = &entry.places[&Place::Silent("web".to_owned(), "pay".to_owned())];
            // Of 10, 14, 30, 22, 10, 90: mean 29.33, variance 943.47.
            assert!((pay.mean / 1e6 - 176.0 / 6.0).abs() < 1e-9);
            assert!((pay.variance / 1e12 - 943.466_666).abs() < 1e-3);
            let own = &entry.places[&Place::Own("web".to_owned())];
            assert!(own.variance / 1e12 < 1e-3, "{}", own.variance);
        });
    }

    #[test]
    fn failures_are_counted_by_entry_and_origin() {
        each_order(
            "trace a
             web < GET /          0..100 error
               web > GET /cart    10..40 error
                 cart < GET /cart 15..35 error
             trace b
             web < GET /          200..300",
            |_, system| {
                let failed = failures_of(&Graph::of(system)).unwrap();
                let found: Vec<_> = failed
                    .iter()
                    .map(|((service, _, _, origin), n)| (&**service, &**origin, *n))
                    .collect();
                assert_eq!(found, [("web", "cart", 1.0)]);
            },
        );
    }
}
