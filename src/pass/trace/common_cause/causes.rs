//! What services that fail together have in common, and the sentences about it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::algo::stats::{TwoByTwo, benjamini_hochberg};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::record::Record;
use crate::fold::topology::InstanceKey;
use crate::model::names::ABSENT;
use crate::pass::outages::{ORIGINS, REQUESTS};
use crate::pass::trace::common_cause::pairs::Together;
use crate::pass::trace::common_cause::series::Series;
use crate::pass::trace::common_cause::{COMMON_CAUSE, FALSE_ALARMS};
use crate::pass::trace::{exemplars, p_greater, total};
use crate::pass::{Graph, Measured};
use crate::text;

/// Something that instances have in common: what it is, and its name.
pub(super) type Cause<'a> = (&'static str, &'a str);

/// Returns what every instance of every service runs on and uses, in the order in which it is told.
pub(super) fn instances<'a>(
    graph: &Graph<'a>,
    places: impl Iterator<Item = (u32, u32)>,
) -> BTreeMap<(u32, u32), Vec<Cause<'a>>> {
    let mut causes: BTreeMap<(u32, u32), Vec<Cause<'a>>> = BTreeMap::new();
    for (topology_node, instance) in places {
        let Some(node) = graph.node_of_topology(topology_node) else {
            continue;
        };
        causes.entry((node, instance)).or_insert_with(|| {
            let known = graph.vertex(node).instances.iter().map(|(key, _)| key);
            let own: Vec<_> = known
                .filter(|key| match key.instance {
                    ABSENT => key.host == instance,
                    known => known == instance,
                })
                .collect();
            let only = |name: fn(&InstanceKey) -> u32| {
                let names: BTreeSet<u32> = own.iter().map(|key| name(key)).collect();
                let name = names.first().copied().filter(|_| names.len() == 1)?;
                (name != ABSENT).then(|| graph.text(name))
            };
            let placed = [
                ("host", only(|key| key.host)),
                ("zone", only(|key| key.zone)),
                ("region", only(|key| key.region)),
                ("version", only(|key| key.version)),
            ];
            let used = graph.sync.successors(node).iter().copied();
            let used = used.filter(|callee| graph.vertex(*callee).kind != NodeKind::Service);
            let used = used.map(|callee| ("callee", graph.name(callee)));
            let placed = placed.into_iter();
            placed
                .filter_map(|(what, name)| Some((what, name?)))
                .chain(used)
                .collect()
        });
    }
    causes
}

/// How requests under one cause, and those elsewhere, ended.
#[derive(Debug, Default)]
struct Tally<'a> {
    failed: u64,
    fine: u64,
    services: BTreeSet<&'a str>,
}

/// The requests of services that are looked at, by node, instance and bin.
pub(super) type Requests<'a> = BTreeMap<(Option<u32>, u32, u64), Cow<'a, Record>>;

/// Returns the requests of a service in some bins, with the instances that worked on them.
fn requests_in<'r>(
    requests: &'r Requests<'_>,
    node: u32,
    bins: &'r BTreeSet<u64>,
) -> impl Iterator<Item = (u32, &'r Record)> {
    let of_node = requests.range((Some(node), 0, 0)..=(Some(node), u32::MAX, u64::MAX));
    let inside = of_node.filter(|((_, _, bin), _)| bins.contains(bin));
    inside.map(|((_, instance, _), record)| (*instance, &**record))
}

/// Services that fail together for one reason, known or not.
#[derive(Debug, Default)]
struct Group {
    /// When each of them fails together with another.
    bins: BTreeMap<u32, BTreeSet<u64>>,
    ochiai: f64,
    /// The highest correlation of a pair, and the highest chance that one is none.
    phi: f64,
    p: f64,
}

impl Group {
    fn add(&mut self, pair: &Together) {
        for node in [pair.nodes.0, pair.nodes.1] {
            self.bins.entry(node).or_default().extend(&pair.bins);
        }
        self.phi = self.phi.max(pair.phi);
        self.p = self.p.max(pair.p);
    }

    fn merge(mut self, other: Group) -> Group {
        for (node, bins) in other.bins {
            self.bins.entry(node).or_default().extend(bins);
        }
        Group {
            bins: self.bins,
            ochiai: self.ochiai.max(other.ochiai),
            phi: self.phi.max(other.phi),
            p: self.p.max(other.p),
        }
    }

    /// Returns the names of the services, in order.
    fn names<'a>(&self, graph: &Graph<'a>) -> Vec<&'a str> {
        let names: BTreeSet<&str> = self.bins.keys().map(|node| graph.name(*node)).collect();
        names.into_iter().collect()
    }

    /// Returns their requests while they failed, each counted once.
    fn record(&self, requests: &Requests<'_>) -> Record {
        let mut all = Record::default();
        for (node, bins) in &self.bins {
            for (_, record) in requests_in(requests, *node, bins) {
                all.merge(record);
            }
        }
        all
    }
}

/// Adds a finding per cause with the services it hits, and one per group of services that nothing explains.
pub(super) fn explain<'a>(
    graph: &Graph<'a>,
    series: &BTreeMap<u32, Series>,
    together: &[Together],
    instances: &BTreeMap<(u32, u32), Vec<Cause<'a>>>,
    requests: &Requests<'_>,
    measured: &mut Measured,
) {
    let mut found: BTreeMap<Cause<'a>, Group> = BTreeMap::new();
    let mut unexplained: Vec<Group> = Vec::new();
    for pair in together {
        let mut by_cause: BTreeMap<Cause<'a>, Tally<'a>> = BTreeMap::new();
        let (mut failed, mut fine) = (0u64, 0u64);
        for node in [pair.nodes.0, pair.nodes.1] {
            for (instance, record) in requests_in(requests, node, &pair.bins) {
                let bad = record.sums[ORIGINS];
                let good = record.sums[REQUESTS].saturating_sub(bad);
                (failed, fine) = (failed.saturating_add(bad), fine.saturating_add(good));
                for &cause in instances.get(&(node, instance)).into_iter().flatten() {
                    let tally = by_cause.entry(cause).or_default();
                    tally.failed = tally.failed.saturating_add(bad);
                    tally.fine = tally.fine.saturating_add(good);
                    if bad > 0 {
                        tally.services.insert(graph.name(node));
                    }
                }
            }
        }
        if let Some((cause, ochiai)) = best(&by_cause, failed, fine) {
            let known = found.entry(cause).or_default();
            known.ochiai = known.ochiai.max(ochiai);
            known.add(pair);
        } else {
            let is_near = |group: &mut Group| {
                group.bins.contains_key(&pair.nodes.0) || group.bins.contains_key(&pair.nodes.1)
            };
            let near = unexplained.extract_if(.., is_near);
            let mut joined = near.reduce(Group::merge).unwrap_or_default();
            joined.add(pair);
            unexplained.push(joined);
        }
    }
    let bins_of = |node: u32| series[&node].bins.values().map(|bin| bin.0);
    let n_requests = total(series.keys().flat_map(|&node| bins_of(node)));
    unexplained.sort_by_key(|group| group.names(graph));
    let groups = unexplained.iter();
    measured
        .findings
        .extend(groups.map(|group| untold(graph, group, requests)));
    for ((what, name), group) in found {
        let record = group.record(requests);
        let failed = record.sums[ORIGINS];
        measured.findings.push(Finding {
            value: group.phi,
            grade: Grade::Inferred,
            count: failed,
            of: record.sums[REQUESTS],
            exemplars: exemplars(&record),
            cost: graph.cost_of_calls(failed, n_requests),
            text: format!(
                "{} fail at the same times (phi {:.2}), and {what} {name} explains it best (Ochiai {:.2})",
                text::listed(&group.names(graph)),
                group.phi,
                group.ochiai,
            ),
            ..Finding::of(
                COMMON_CAUSE.name,
                "common_cause",
                Subject::Shared(what, name.to_owned()),
            )
        });
    }
}

/// Returns the cause with the highest Ochiai coefficient that both services share and chance does not explain.
fn best<'a>(
    by_cause: &BTreeMap<Cause<'a>, Tally<'a>>,
    failed: u64,
    fine: u64,
) -> Option<(Cause<'a>, f64)> {
    let causes: Vec<(&Cause<'a>, &Tally<'a>)> = by_cause.iter().collect();
    let p: Vec<f64> = causes
        .iter()
        .map(|(_, tally)| {
            p_greater(TwoByTwo {
                both: tally.failed,
                first_only: failed.saturating_sub(tally.failed),
                second_only: tally.fine,
                neither: fine.saturating_sub(tally.fine),
            })
        })
        .collect();
    let adjusted = benjamini_hochberg(&p);
    let likely = causes
        .into_iter()
        .zip(adjusted)
        .filter(|((_, tally), p)| *p <= FALSE_ALARMS && tally.services.len() > 1);
    let scored = likely.map(|((cause, tally), _)| {
        let under = tally.failed as f64 + tally.fine as f64;
        (*cause, tally.failed as f64 / (failed as f64 * under).sqrt())
    });
    // Of equal ones the first in the order of names.
    scored.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Tells of services that fail together for no reason that is known.
fn untold(graph: &Graph<'_>, group: &Group, requests: &Requests<'_>) -> Finding {
    let names = text::listed(&group.names(graph));
    let bins: BTreeSet<&u64> = group.bins.values().flatten().collect();
    Finding {
        value: group.phi,
        grade: Grade::Inferred,
        count: bins.len() as u64,
        exemplars: exemplars(&group.record(requests)),
        text: format!(
            "{names} fail at the same times (phi {:.2}, p {:.1e}); no host, zone, region, version or callee that they share \
             explains it",
            group.phi, group.p
        ),
        ..Finding::of(
            COMMON_CAUSE.name,
            "correlated_failures",
            Subject::Shared("failures", names),
        )
    }
}
