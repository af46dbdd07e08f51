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

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::algo::availability::beta_factor;
use crate::algo::graph::Digraph;
use crate::algo::special::ln_choose;
use crate::algo::stats::{TwoByTwo, benjamini_hochberg};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::Record;
use crate::model::names::ABSENT;
use crate::pass::outages::{ATTEMPTS, CALLS, ORIGINS, REQUESTS, SERVED, UNSERVED};
use crate::pass::trace::{exemplars, grouped, median, p_greater, total};
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

/// What a node did over time: requests and failures that originate there, by bin.
#[derive(Debug, Default)]
struct Series {
    bins: BTreeMap<u64, (u64, u64)>,
    unusual: BTreeSet<u64>,
}

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

impl Series {
    fn find_unusual(&mut self) {
        let share =
            |(requests, failures): &(u64, u64)| *failures as f64 / (*requests as f64).max(1.0);
        let all = total(self.bins.values().map(|bin| bin.0)) as f64;
        let usual = median(self.bins.values().map(share).collect());
        let usual = usual.unwrap_or(0.0).max(1.0 / all.max(1.0));
        let unusual = self.bins.iter().filter(|(_, (requests, failures))| {
            *failures >= FAILURES && binomial_tail(*requests, *failures, usual) < UNLIKELY
        });
        self.unusual = unusual.map(|(bin, _)| *bin).collect();
    }

    /// Returns whether most of these bins have more requests than usual.
    fn is_busy(&self, bins: &BTreeSet<u64>) -> bool {
        let usual = median(self.bins.values().map(|bin| bin.0 as f64).collect()).unwrap_or(0.0);
        let busy = bins.iter().filter(|bin| {
            let requests = self.bins.get(bin).map_or(0, |bin| bin.0);
            requests as f64 > BUSY * usual
        });
        2 * busy.count() > bins.len()
    }
}

/// Returns the chance of at least `hits` of `trials`, each with this share.
fn binomial_tail(trials: u64, hits: u64, share: f64) -> f64 {
    /// Terms this much smaller than the sum add nothing.
    const NOTHING: f64 = 1e-15;
    /// With more hits than this the steps around the mean would be many; then nothing is called unusual that is not twice it.
    const MANY: u64 = 1 << 20;
    let trials = trials.max(hits);
    let (n, k) = (trials as f64, hits as f64);
    if k <= n * share || share >= 1.0 {
        return 1.0;
    }
    if hits > MANY {
        return if k > 2.0 * n * share { 0.0 } else { 1.0 };
    }
    let mut term = (ln_choose(trials, hits) + k * share.ln() + (n - k) * (1.0 - share).ln()).exp();
    let mut sum = 0.0;
    let mut at = k;
    while term > sum * NOTHING && at <= n {
        sum += term;
        term *= (n - at) / (at + 1.0) * share / (1.0 - share);
        at += 1.0;
    }
    sum
}

/// Which nodes a service needs, directly or not, for those with unusual bins.
struct Related(BTreeMap<u32, BTreeSet<u32>>);

impl Related {
    fn of(graph: &Graph<'_>, series: &BTreeMap<u32, Series>) -> Related {
        let unusual = |node: &u32| {
            series
                .get(node)
                .is_some_and(|series| !series.unusual.is_empty())
        };
        let mut services: Vec<u32> = series.keys().copied().filter(unusual).collect();
        services.retain(|node| graph.vertex(*node).kind == NodeKind::Service);
        services.sort_by_key(|node| (std::cmp::Reverse(series[node].unusual.len()), *node));
        services.truncate(COMPARED);
        let below = |node: u32| {
            let reached = reachable(&graph.sync, node).into_iter();
            reached.filter(unusual).collect()
        };
        Related(
            services
                .into_iter()
                .map(|node| (node, below(node)))
                .collect(),
        )
    }

    fn services(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.keys().copied()
    }

    /// Returns whether calls may explain that two services fail together.
    fn are(&self, one: u32, other: u32) -> bool {
        match (self.0.get(&one), self.0.get(&other)) {
            (Some(a), Some(b)) => a.contains(&other) || b.contains(&one) || !a.is_disjoint(b),
            _ => true,
        }
    }
}

/// Returns the nodes that a node calls, directly or not.
fn reachable(graph: &Digraph, from: u32) -> BTreeSet<u32> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for &next in graph.successors(node) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// Two services, and how often they fail together.
struct Together {
    nodes: (u32, u32),
    /// The bins in which both fail, and the spells that have such a bin.
    bins: BTreeSet<u64>,
    spells: u64,
    phi: f64,
    p: f64,
}

impl Together {
    /// Compares two services over the bins in which both were asked for something; nothing if one of them never failed in
    /// any, or always did.
    fn of(series: &BTreeMap<u32, Series>, nodes: (u32, u32)) -> Option<Together> {
        let (one, other) = (&series[&nodes.0], &series[&nodes.1]);
        let known = one.bins.keys().filter(|bin| other.bins.contains_key(bin));
        let facts: Vec<(u64, [bool; 2])> = known
            .map(|bin| (*bin, [one, other].map(|of| of.unusual.contains(bin))))
            .collect();
        let both = |(_, fails): &&(u64, [bool; 2])| *fails == [true; 2];
        let count = |fails: [bool; 2]| facts.iter().filter(|fact| fact.1 == fails).count() as u64;
        let by_bin = TwoByTwo {
            both: count([true, true]),
            first_only: count([true, false]),
            second_only: count([false, true]),
            neither: count([false, false]),
        };
        let phi = by_bin.phi()?;
        let is_bad = |fact: &(u64, [bool; 2])| fact.1 != [false; 2];
        let is_one_run =
            |a: &(u64, [bool; 2]), b: &(u64, [bool; 2])| is_bad(a) == is_bad(b) && b.0 - a.0 == 1;
        let mut by_spell = TwoByTwo::default();
        let mut n_spells = 0;
        for spell in facts.chunk_by(is_one_run).filter(|run| is_bad(&run[0])) {
            n_spells += 1;
            if spell.iter().any(|fact| both(&fact)) {
                by_spell.both += 1;
            } else {
                by_spell.first_only += u64::from(spell.iter().any(|fact| fact.1[0]));
                by_spell.second_only += u64::from(spell.iter().any(|fact| fact.1[1]));
            }
        }
        let n_bad = facts.len() as u64 - by_bin.neither;
        by_spell.neither = by_bin.neither * n_spells / n_bad.max(1);
        Some(Together {
            nodes,
            bins: facts.iter().filter(both).map(|fact| fact.0).collect(),
            spells: by_spell.both,
            phi,
            p: p_greater(by_spell),
        })
    }
}

fn pairs(graph: &Graph<'_>, series: &BTreeMap<u32, Series>, related: &Related) -> Vec<Together> {
    let services: Vec<u32> = related.services().collect();
    let mut pairs: Vec<Together> = Vec::new();
    for (at, &one) in services.iter().enumerate() {
        let others = services[at + 1..].iter();
        let unrelated = others.filter(|&&other| !related.are(one, other));
        pairs.extend(unrelated.filter_map(|&other| Together::of(series, (one, other))));
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    let adjusted = benjamini_hochberg(&p);
    let mut told: Vec<Together> = pairs
        .into_iter()
        .zip(adjusted)
        .map(|(pair, p)| Together { p, ..pair })
        .filter(|pair| {
            let (one, other) = (&series[&pair.nodes.0], &series[&pair.nodes.1]);
            pair.spells >= TOGETHER
                && pair.p <= FALSE_ALARMS
                && !(one.is_busy(&pair.bins) && other.is_busy(&pair.bins))
        })
        .collect();
    told.sort_by_key(|pair| (graph.name(pair.nodes.0), graph.name(pair.nodes.1)));
    told
}

/// Something that instances have in common: what it is, and its name.
type Cause<'a> = (&'static str, &'a str);

/// Returns what every instance of every service runs on and uses, in the order in which it is told.
fn instances<'a>(
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
            let only = |name: fn(&crate::fold::topology::InstanceKey) -> u32| {
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
type Requests<'a> = BTreeMap<(Option<u32>, u32, u64), Cow<'a, Record>>;

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
fn explain<'a>(
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
            cost: Some(failed as f64 / n_requests.max(1) as f64),
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

/// Tells which share of the failures is common, if there were enough.
fn episodes(series: &BTreeMap<u32, Series>, related: &Related, measured: &mut Measured) {
    // Runs of unusual bins: first, one past the last, whose.
    let mut runs: Vec<(u64, u64, u32)> = Vec::new();
    for node in related.services() {
        let mut open: Option<(u64, u64)> = None;
        for &bin in &series[&node].unusual {
            match &mut open {
                Some((_, end)) if *end == bin => *end = bin.saturating_add(1),
                open => {
                    runs.extend(open.map(|(start, end)| (start, end, node)));
                    *open = Some((bin, bin.saturating_add(1)));
                }
            }
        }
        runs.extend(open.map(|(start, end)| (start, end, node)));
    }
    runs.sort_unstable();
    let (mut single, mut shared) = (0, 0);
    let mut rest = &runs[..];
    while let Some(&(_, mut end, _)) = rest.first() {
        let mut n = 1;
        while n < rest.len() && rest[n].0 < end {
            end = end.max(rest[n].1);
            n += 1;
        }
        let (episode, after) = rest.split_at(n);
        rest = after;
        let nodes: BTreeSet<u32> = episode.iter().map(|run| run.2).collect();
        let is_shared = nodes.iter().any(|&one| {
            let others = nodes.range(one + 1..);
            others.into_iter().any(|&other| !related.are(one, other))
        });
        if is_shared {
            shared += 1;
        } else {
            single += 1;
        }
    }
    let all = single + shared;
    if all >= EPISODES {
        measured.metric("beta_factor", beta_factor(single, shared));
        return;
    }
    // So many episodes of one service each would be a chance of one in twenty if more than this were shared.
    let bound = match (all, shared) {
        (0, _) => String::new(),
        (_, 0) => format!(
            "; none was shared, so up to {} of them may be",
            text::percent(1.0 - FALSE_ALARMS.powf(1.0 / all as f64))
        ),
        (_, 1) => "; 1 was shared".to_owned(),
        (_, shared) => format!("; {shared} were shared"),
    };
    measured.findings.push(Finding::unknown(
        COMMON_CAUSE.name,
        "beta_factor",
        format!(
            "common cause: {} of failures in the data, and a beta factor takes {EPISODES}{bound}",
            text::plural(all, "episode")
        ),
    ));
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::binomial_tail;
    use crate::algo::stats::TwoByTwo;
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
        assert!((super::p_greater(table) / 3.76e-8 - 1.0).abs() < 1e-2);
    }

    #[test]
    fn the_binomial_tail_is_the_sum_of_its_terms() {
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
        for n in 1..30u64 {
            for hits in 0..=n {
                for share in [0.01f64, 0.2, 0.5, 0.9] {
                    let exact: f64 = (hits..=n)
                        .map(|k| {
                            choose(n, k) * share.powi(k as i32) * (1.0 - share).powi((n - k) as i32)
                        })
                        .sum();
                    let found = binomial_tail(n, hits, share);
                    if hits as f64 > n as f64 * share {
                        assert!((found - exact).abs() < 1e-9, "{n} {hits} {share}");
                    } else {
                        assert_eq!(found, 1.0);
                    }
                }
            }
        }
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
