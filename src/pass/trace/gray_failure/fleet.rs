//! Instances that are slower, or fail more often, than the others of their service, and those whose health checks do not
//! show what their requests do.

use std::collections::BTreeMap;

use crate::algo::stats::{TwoByTwo, benjamini_hochberg, mann_whitney_binned, wilson};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::fold::sketch::Sketch;
use crate::pass::Graph;
use crate::pass::cost::cost;
use crate::pass::trace::gray_failure::edges::Edges;
use crate::pass::trace::gray_failure::{
    CHECKS, ENOUGH_BINS, ENOUGH_CHECKS, ENOUGH_OF_BIN, ENOUGH_OF_INSTANCE, FAILED, FAILED_CHECKS,
    FALSE_ALARMS, GRAY_FAILURE, HEALTHY, ILL, REQUESTS, TOLD_RATIO, TOLD_SHARE, UNANSWERED,
};
use crate::pass::trace::{exemplars, p_greater, total};
use crate::text;

/// What one instance did for one operation.
#[derive(Debug, Default)]
struct Work {
    record: Record,
    bins: BTreeMap<u64, Sketch>,
}

/// The instances of all services.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    /// By service and operation, then by instance.
    operations: BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, Work>>,
    /// By service, then by instance: all operations together, health checks as well.
    instances: BTreeMap<&'a str, BTreeMap<&'a str, Record>>,
    /// By service and instance: sums over the bins of time with both health checks and requests.
    watched: BTreeMap<(&'a str, &'a str), Record>,
    /// The versions of each service's instances.
    versions: BTreeMap<(&'a str, &'a str), &'a str>,
    /// What the requests of an instance are a share of.
    whole: u64,
    pub(super) has_instances: bool,
    pub(super) has_checks: bool,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(graph: &Graph<'a>, table: &Table) -> Fleet<'a> {
        let mut fleet = Fleet {
            operations: BTreeMap::new(),
            instances: BTreeMap::new(),
            watched: BTreeMap::new(),
            versions: BTreeMap::new(),
            whole: 0,
            has_instances: false,
            has_checks: false,
        };
        let mut bins: BTreeMap<(&str, &str, u64), Record> = BTreeMap::new();
        for (key, record) in table.rows() {
            let [service, operation, instance, _] = key.parts;
            let service = graph.name_of(service);
            let (operation, instance) = (graph.text(operation), graph.text(instance));
            let of_service = fleet.instances.entry(service).or_default();
            of_service.entry(instance).or_default().merge(record);
            let counts = Record {
                sums: record.sums,
                exemplars: record.exemplars.clone(),
                ..Record::default()
            };
            let bin = bins.entry((service, instance, key.number)).or_default();
            bin.merge(&counts);
            fleet.has_instances = true;
            fleet.has_checks |= record.sums[CHECKS] > 0;
            fleet.whole = total([fleet.whole, record.sums[REQUESTS]]);
            if record.sums[REQUESTS] > 0 {
                let of_operation = fleet.operations.entry((service, operation)).or_default();
                let work = of_operation.entry(instance).or_default();
                work.record.merge(record);
                if let Some(sketch) = &record.sketch {
                    work.bins.entry(key.number).or_default().merge(sketch);
                }
            }
        }
        fleet.whole = graph.requests_or(fleet.whole);
        let watched = |record: &Record| record.sums[CHECKS] > 0 && record.sums[REQUESTS] > 0;
        for ((service, instance, _), record) in bins.iter().filter(|(_, record)| watched(record)) {
            let sum = fleet.watched.entry((service, instance)).or_default();
            sum.merge(record);
        }
        for vertex in &graph.system.vertices {
            for (key, _) in &vertex.instances {
                let instance = graph.text(key.instance);
                let version = graph.text(key.version);
                fleet.versions.insert((&vertex.name, instance), version);
            }
        }
        fleet
    }

    /// Returns what is said of instances that are slower, or fail more often, than the others.
    pub(super) fn standing_out(&self) -> Vec<Finding> {
        let mut tested: Vec<(f64, Option<Finding>)> = Vec::new();
        for (&(service, operation), instances) in &self.operations {
            if instances.len() < 2 {
                continue;
            }
            let (all, mut bins) = (merged(instances.values()), BTreeMap::new());
            for work in instances.values() {
                for (bin, sketch) in &work.bins {
                    let sum: &mut Sketch = bins.entry(*bin).or_default();
                    sum.merge(sketch);
                }
            }
            for (&instance, work) in instances {
                let place = Place {
                    service,
                    operation,
                    instance,
                };
                tested.extend(self.slow(place, work, &all, &bins));
                tested.extend(self.failing(place, work, &all));
            }
        }
        let p: Vec<f64> = tested.iter().map(|(p, _)| *p).collect();
        let adjusted = benjamini_hochberg(&p);
        let significant = tested.into_iter().zip(adjusted);
        significant
            .filter(|(_, q)| *q < FALSE_ALARMS)
            .filter_map(|((_, finding), _)| finding)
            .collect()
    }

    /// Tests whether an instance is slower than its peers; the finding is there when it also matters.
    fn slow(
        &self,
        place: Place<'_>,
        work: &Work,
        all: &Record,
        bins: &BTreeMap<u64, Sketch>,
    ) -> Option<(f64, Option<Finding>)> {
        let (own, all) = (work.record.sketch.as_ref()?, all.sketch.as_ref()?);
        let peers = all.without(own);
        if own.count() < ENOUGH_OF_INSTANCE || peers.count() < ENOUGH_OF_INSTANCE {
            return None;
        }
        let counts = all.buckets().map(|(bucket, count)| {
            let mine = own.count_in(bucket);
            (u64::from(mine), u64::from(count.saturating_sub(mine)))
        });
        let test = mann_whitney_binned(counts)?;
        let ratio = ratio_of_medians(own, &peers)?;
        let persists = || {
            let judged = work.bins.iter().filter_map(|(bin, mine)| {
                let others = bins.get(bin)?.without(mine);
                let is_enough = mine.count() >= ENOUGH_OF_BIN && others.count() >= ENOUGH_OF_BIN;
                is_enough.then(|| ratio_of_medians(mine, &others)).flatten()
            });
            let judged: Vec<bool> = judged.map(|ratio| ratio > TOLD_RATIO).collect();
            let slow = judged.iter().filter(|is_slow| **is_slow).count();
            slow >= ENOUGH_BINS && slow * 2 > judged.len()
        };
        let is_slow = test.superiority > 0.5 && ratio > TOLD_RATIO && persists();
        let median = |sketch: &Sketch| text::duration(sketch.quantile(0.5).unwrap_or(0));
        let finding = is_slow.then(|| Finding {
            value: ratio,
            unit: "times",
            count: own.count(),
            of: all.count(),
            cost: cost(own.count(), self.whole),
            text: format!(
                "{} of {}: {} takes {} in the median, {} at its peers{}{}",
                place.instance,
                place.service,
                place.operation,
                median(own),
                median(&peers),
                self.checks(place),
                self.version(place),
            ),
            ..place.finding("slow_instance", &work.record)
        });
        Some((test.p, finding))
    }

    /// Tests whether an instance fails more often than its peers; the finding is there when it also matters.
    fn failing(
        &self,
        place: Place<'_>,
        work: &Work,
        all: &Record,
    ) -> Option<(f64, Option<Finding>)> {
        let [mine, theirs] = [&work.record, all].map(|record| {
            let n = record.sums[REQUESTS];
            (record.sums[FAILED].min(n), n)
        });
        let (failed, n) = mine;
        let (failed_peers, n_peers) = (theirs.0.saturating_sub(failed), theirs.1.saturating_sub(n));
        if n < ENOUGH_OF_INSTANCE || n_peers < ENOUGH_OF_INSTANCE || failed == 0 {
            return None;
        }
        let table = TwoByTwo {
            both: failed,
            first_only: n - failed,
            second_only: failed_peers,
            neither: n_peers.saturating_sub(failed_peers),
        };
        let (share, of_peers) = (
            failed as f64 / n as f64,
            failed_peers as f64 / n_peers as f64,
        );
        let interval = wilson(failed, n);
        let is_failing = share > TOLD_RATIO * of_peers && interval.low - of_peers > TOLD_SHARE;
        let finding = is_failing.then(|| Finding {
            value: 100.0 * share,
            unit: "%",
            interval: Some((100.0 * interval.low, 100.0 * interval.high)),
            count: failed,
            of: n,
            cost: cost(failed, self.whole),
            text: format!(
                "{} of {}: {} fails in {} of {}, {} at its peers{}{}",
                place.instance,
                place.service,
                place.operation,
                text::percent(share),
                text::plural(n, "request"),
                text::percent(of_peers),
                self.checks(place),
                self.version(place),
            ),
            ..place.finding("failing_instance", &work.record)
        });
        Some((p_greater(table), finding))
    }

    /// Returns a finding per instance that answers its health checks and fails its requests.
    pub(super) fn healthy_but_failing(&self) -> Vec<Finding> {
        let mut said = Vec::new();
        for (&(service, instance), record) in &self.watched {
            let [requests, failed, checks, failed_checks] =
                [REQUESTS, FAILED, CHECKS, FAILED_CHECKS].map(|sum| record.sums[sum]);
            let interval = wilson(failed.min(requests), requests);
            let is_healthy = failed_checks as f64 <= (1.0 - HEALTHY) * checks as f64;
            let is_judged = checks >= ENOUGH_CHECKS && requests >= ENOUGH_OF_INSTANCE;
            if is_judged && is_healthy && interval.low > ILL {
                let place = Place {
                    service,
                    operation: "",
                    instance,
                };
                said.push(Finding {
                    value: 100.0 * failed as f64 / requests as f64,
                    unit: "%",
                    interval: Some((100.0 * interval.low, 100.0 * interval.high)),
                    count: failed,
                    of: requests,
                    cost: cost(failed, self.whole),
                    text: format!(
                        "{instance} of {service}: {} of {} failed there, while {} succeeded",
                        text::count(failed),
                        text::plural(requests, "request"),
                        text::plural(checks - failed_checks, "health check"),
                    ),
                    ..place.finding("healthy_but_failing", record)
                });
            }
        }
        said
    }

    /// Returns a finding per service whose lost calls one instance misses, the others being equally busy.
    pub(super) fn losing(&self, edges: &Edges<'_>) -> Vec<Finding> {
        let mut lost: BTreeMap<&str, (u64, Record)> = BTreeMap::new();
        for (&(from, to), calls) in &edges.by_ends {
            if edges.unanswered(from, to, calls).is_some() {
                let (n, record) = lost.entry(to).or_default();
                *n = total([*n, calls.record.sums[UNANSWERED]]);
                record.merge(&calls.record);
            }
        }
        let mut said = Vec::new();
        for (service, (n_lost, record)) in lost {
            let Some(instances) = self.instances.get(service) else {
                continue;
            };
            let mut busy: Vec<(u64, &str)> = instances
                .iter()
                .map(|(instance, record)| (record.sums[REQUESTS], *instance))
                .collect();
            busy.sort_unstable();
            // Two others at least, or nothing says which of two is the normal one.
            let [(fewest, instance), (second, _), .., (most, _)] = busy[..] else {
                continue;
            };
            let others = busy.len() as u64 - 1;
            let mean = total(busy[1..].iter().map(|(n, _)| *n)) as f64 / others as f64;
            let missing = mean - fewest as f64;
            let is_even = second as f64 > 0.8 * mean && (most as f64) < 1.25 * mean;
            let fits = missing > 0.5 * n_lost as f64 && missing < 1.5 * n_lost as f64;
            // Four times the chance variation of a count.
            let is_clear = missing > 4.0 * mean.sqrt();
            if is_even && fits && is_clear {
                let place = Place {
                    service,
                    operation: "",
                    instance,
                };
                said.push(Finding {
                    value: missing,
                    unit: "calls",
                    grade: Grade::Inferred,
                    count: n_lost,
                    of: total([n_lost, fewest]),
                    cost: cost(n_lost, self.whole),
                    text: format!(
                        "{instance} of {service}: it received {} where its peers received {} on average, and {} to {service} \
                         were lost{}",
                        text::plural(fewest, "request"),
                        text::count(mean.round() as u64),
                        text::plural(n_lost, "call"),
                        self.checks(place),
                    ),
                    ..place.finding("losing_instance", &record)
                });
            }
        }
        said
    }

    /// Returns a half-sentence about the health checks of an instance, if it answers them.
    fn checks(&self, place: Place<'_>) -> &'static str {
        let instances = self.instances.get(place.service);
        let record = instances.and_then(|instances| instances.get(place.instance));
        let is_healthy = record.is_some_and(|record| {
            record.sums[CHECKS] >= ENOUGH_CHECKS && record.sums[FAILED_CHECKS] == 0
        });
        if is_healthy {
            "; its health checks succeed"
        } else {
            ""
        }
    }

    /// Returns a half-sentence about the version of an instance, if no other of the service runs it.
    fn version(&self, place: Place<'_>) -> String {
        let key = (place.service, place.instance);
        let own = self.versions.get(&key).copied().unwrap_or_default();
        let mut others = self
            .versions
            .iter()
            .filter(|((service, instance), _)| *service == key.0 && *instance != key.1);
        if own.is_empty() || others.any(|(_, version)| *version == own) {
            return String::new();
        }
        format!("; it alone runs version {own}")
    }
}

/// Where work is done.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    service: &'a str,
    operation: &'a str,
    instance: &'a str,
}

impl Place<'_> {
    fn finding(self, metric: &'static str, record: &Record) -> Finding {
        let subject = Subject::Instance(self.service.to_owned(), self.instance.to_owned());
        let mut finding = Finding {
            grade: Grade::Measured,
            exemplars: exemplars(record),
            ..Finding::of(GRAY_FAILURE.name, metric, subject)
        };
        if !self.operation.is_empty() {
            finding.id = format!("{} {}", finding.id, self.operation);
        }
        finding
    }
}

fn merged<'a>(works: impl Iterator<Item = &'a Work>) -> Record {
    let mut sum = Record::default();
    for work in works {
        sum.merge(&work.record);
    }
    sum
}

fn ratio_of_medians(one: &Sketch, other: &Sketch) -> Option<f64> {
    let (one, other) = (one.quantile(0.5)?, other.quantile(0.5)?);
    Some(one as f64 / other.max(1) as f64)
}
