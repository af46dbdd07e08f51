//! Which instances each tenant uses, and whom one tenant can take down.
//!
//! With shuffle sharding every tenant gets a few of the instances, and few pairs of tenants share all of theirs. A tenant's
//! *shard* is the set of instances of a service that worked on its requests. Of n requests spread at random over k
//! instances all k are seen once n is well above k ln k (the coupon collector), so tenants with fewer than k (ln k + 3) are left
//! out. How large k is nobody says: it is the commonest size of the shards of tenants that have enough requests to show the largest shard
//! seen, or, if there are fewer than five of these, a smaller one. A tenant with four requests that all went to one instance has no shard of
//! one instance while others show that shards are of three. The *poison radius* of a tenant is the share of tenants whose whole shard lies in its own: those who lose
//! everything when its requests kill what they touch. What pairs of tenants share is compared with random shards (hypergeometric).
//!
//! A trace belongs to a tenant when exactly one is named in it.
//!
//! Left out on purpose: whether clients try another member of their shard; without that, any overlap hurts.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::availability::shard_overlap;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Seen, Watcher};
use crate::model::MarkKind;
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Kind};
use crate::pass::trace::{shown, total};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds which instances tenants use.
pub static SHUFFLE_SHARDING: Pass = Pass {
    name: "shuffle-sharding",
    about: "which instances each tenant uses, and whom one tenant can take down",
    explain: "shuffle-sharding",
    watch: Some(&WATCHER),
    measure,
};

static WATCHER: Watcher = Watcher {
    tables: &[
        // By service, the two halves of a tenant's hash and instance: requests.
        TableOf {
            name: "shuffle-sharding",
            layout: Layout {
                parts: [Part::Node, Part::Plain, Part::Plain, Part::Text],
                bin: 0,
                limit: 1 << 15,
                group: 3,
            },
        },
    ],
    traces: Some(observe),
    ..Watcher::BLIND
};

/// The least instances, and the least tenants with enough requests, of a service that is looked at.
const INSTANCES: usize = 3;
const TENANTS: usize = 5;

/// The most tenants whose pairs are compared.
const COMPARED: usize = 1000;

fn observe(seen: &Seen<'_>, tables: &mut [Table]) {
    let [table] = tables else {
        return;
    };
    if seen.trace.marks.is_empty() {
        return;
    }
    let mut tenant = None;
    for (span, row) in (0..).zip(seen.trace.spans) {
        if row.flags.has(Flags::MARKS) {
            for mark in seen.trace.marks_of(span, MarkKind::Tenant) {
                if tenant.is_some_and(|known| known != mark) {
                    return;
                }
                tenant = Some(mark);
            }
        }
    }
    let Some(tenant) = tenant else {
        return;
    };
    for (span, row) in (0..).zip(seen.trace.spans) {
        let instance = seen.resource(span).instance;
        if row.flags.kind() == Kind::Server && instance != ABSENT {
            let parts = [
                seen.node(span),
                (tenant >> 32) as u32,
                tenant as u32,
                instance,
            ];
            let record = table.at(seen.catalogue, parts, 0);
            record.add(0, 1);
            record.exemplars.offer(seen.exemplar(span));
        }
    }
}

/// The instances that the tenants of a service used.
#[derive(Debug, Default)]
struct Shards<'a> {
    instances: BTreeSet<&'a str>,
    /// Requests by tenant and instance.
    tenants: BTreeMap<(u32, u32), BTreeMap<&'a str, u64>>,
    /// Traces to look at.
    exemplars: Exemplars,
}

/// What one tenant used.
#[derive(Debug)]
struct Used<'a> {
    instances: BTreeSet<&'a str>,
    requests: f64,
}

impl<'a> Used<'a> {
    fn of(used: &BTreeMap<&'a str, u64>) -> Used<'a> {
        Used {
            instances: used.keys().copied().collect(),
            requests: used.values().map(|&requests| requests as f64).sum(),
        }
    }
}

/// Returns the requests that show all of so many instances, but for one case in twenty. (Coupon collector)
fn enough_for(size: usize) -> f64 {
    let k = size as f64;
    k * (k.ln() + 3.0)
}

/// Returns the commonest size of the shards of those tenants that have enough requests to show the largest shard seen, or the
/// largest size for which there are enough such tenants.
fn shard_size(used: &[Used<'_>]) -> Option<usize> {
    let largest = used.iter().map(|used| used.instances.len()).max()?;
    (1..=largest).rev().find_map(|most| {
        let enough = enough_for(most);
        let told = used.iter().filter(|used| used.requests >= enough);
        let told: Vec<usize> = told.map(|used| used.instances.len()).collect();
        (told.len() >= TENANTS).then(|| commonest(told))?
    })
}

/// Returns the commonest of some sizes; of sizes equally common, the smallest.
fn commonest(sizes: Vec<usize>) -> Option<usize> {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for size in sizes {
        *times.entry(size).or_default() += 1;
    }
    let times = times.into_iter().rev();
    times.max_by_key(|(_, times)| *times).map(|(size, _)| size)
}

/// Returns the mean of a distribution over 0, 1, 2 and so on.
fn mean(shares: &[f64]) -> f64 {
    let of = (0u32..).zip(shares);
    of.map(|(number, share)| f64::from(number) * share).sum()
}

fn rounded(value: f64) -> String {
    text::value((value * 100.0).round() / 100.0)
}

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let [table] = WATCHER.tables else {
        return;
    };
    let unknown = |why: &str| Finding::unknown(SHUFFLE_SHARDING.name, "poison_radius", why);
    let Some(table) = graph.table(table) else {
        let why = "shuffle sharding: no spans were looked at for tenants: fold the traces again";
        return measured.findings.push(unknown(why));
    };
    let mut services: BTreeMap<&str, Shards<'_>> = BTreeMap::new();
    for (key, record) in table.rows() {
        let [service, high, low, instance] = key.parts;
        let instance = graph.text(instance);
        let shards = services.entry(graph.name_of(service)).or_default();
        shards.instances.insert(instance);
        shards.exemplars.merge(&record.exemplars);
        let tenant = shards.tenants.entry((high, low)).or_default();
        let requests = tenant.entry(instance).or_default();
        *requests = record.sums[0].saturating_add(*requests);
    }
    if services.is_empty() {
        let why = "shuffle sharding: no span names a tenant and its instance";
        return measured.findings.push(unknown(why));
    }
    let sampled = match table.bounds() {
        (_, 0) => "",
        _ => ", in a sample of the tenants",
    };
    let found: Vec<Finding> = services
        .iter()
        .filter_map(|(service, shards)| sharding(service, shards, sampled))
        .collect();
    if found.is_empty() {
        let why = "shuffle sharding: no service has 3 instances and 5 tenants with enough requests";
        return measured.findings.push(unknown(why));
    }
    let worst = found
        .iter()
        .map(|finding| finding.value)
        .fold(0.0, f64::max);
    measured.metric("poison_radius", worst);
    measured.findings.extend(found);
}

/// Returns what the tenants of a service have in common, if enough of them are known.
fn sharding(service: &str, shards: &Shards<'_>, sampled: &str) -> Option<Finding> {
    let used: Vec<Used<'_>> = shards.tenants.values().map(Used::of).collect();
    let size = shard_size(&used)?;
    let enough = enough_for(size);
    let known: Vec<&BTreeSet<&str>> = used
        .iter()
        .filter(|used| used.requests >= enough)
        .map(|used| &used.instances)
        .collect();
    if shards.instances.len() < INSTANCES || known.len() < TENANTS {
        return None;
    }
    let compared = &known[..known.len().min(COMPARED)];
    let n = compared.len();
    let lost_with = |shard: &BTreeSet<&str>| {
        let lost = compared.iter().filter(|other| other.is_subset(shard));
        lost.count() as f64 / n as f64
    };
    let radii: Vec<f64> = compared.iter().map(|shard| lost_with(shard)).collect();
    let worst = radii.iter().copied().fold(0.0, f64::max);
    // Pairs by how many instances they share.
    let mut pairs = vec![0u64; size + 1];
    let of_size = compared.iter().filter(|shard| shard.len() == size);
    let of_size: Vec<_> = of_size.collect();
    for (at, one) in of_size.iter().enumerate() {
        for other in &of_size[at + 1..] {
            pairs[one.intersection(other).count()] += 1;
        }
    }
    let instances = shards.instances.len();
    let text = if size == instances {
        format!(
            "{service}: tenants use all {instances} instances, so that each can take down all of them{sampled}"
        )
    } else {
        let random = shard_overlap(instances as u64, size as u64);
        let all = total(pairs.iter().copied());
        let seen: Vec<f64> = pairs
            .iter()
            .map(|&of| of as f64 / all.max(1) as f64)
            .collect();
        let shared = match seen.last() {
            Some(alike) if all > 0 => format!(
                "{} of the pairs share all, {} of random ones would; {} instances are shared on average, {} at random",
                text::percent(*alike),
                text::percent(random.last().copied().unwrap_or(0.0)),
                rounded(mean(&seen)),
                rounded(mean(&random)),
            ),
            _ => "no two shards are of that size".to_owned(),
        };
        format!(
            "{service}: tenants use {size} of {instances} instances; one can take down {} of {} tenants ({shared}){sampled}",
            text::percent(worst),
            text::count(n as u64),
        )
    };
    Some(Finding {
        value: worst,
        grade: Grade::Inferred,
        count: (worst * n as f64).round() as u64,
        of: n as u64,
        exemplars: shown(&shards.exemplars),
        text,
        ..Finding::of(
            SHUFFLE_SHARDING.name,
            "poison_radius",
            Subject::Service(service.to_owned()),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::pass::trace::tests::check;

    /// Ten requests to each instance of each tenant's shard.
    fn drawing(shards: &[&[u32]]) -> String {
        let mut drawing = String::new();
        for (tenant, shard) in shards.iter().enumerate() {
            for instance in *shard {
                for request in 0..10 {
                    writeln!(
                        drawing,
                        "trace t{tenant}-{instance}-{request}
                         data < GET /rows 0..9 instance=i{instance} tenant.id=t{tenant}"
                    )
                    .unwrap();
                }
            }
        }
        drawing
    }

    #[test]
    fn a_tenant_takes_down_those_whose_shard_lies_in_its_own() {
        check(
            "shuffle-sharding",
            &drawing(&[&[0, 1], &[0, 1], &[1, 2], &[2, 3], &[3, 0]]),
            "inferred poison_radius data 0.400000: data: tenants use 2 of 4 instances; \
                one can take down 40 % of 5 tenants (10 % of the pairs share all, 16.7 % of random ones would; \
                0.8 instances are shared on average, 1 at random)",
        );
    }

    #[test]
    fn where_tenants_use_everything_each_can_take_down_all() {
        check(
            "shuffle-sharding",
            &drawing(&[[0, 1, 2].as_slice(); 5]),
            "inferred poison_radius data 1.000000: data: tenants use all 3 instances, \
                so that each can take down all of them",
        );
    }

    #[test]
    fn tenants_with_few_requests_do_not_make_shards_look_small() {
        // Six tenants use three of six instances; twelve have been seen with four requests, all of them at one.
        let shards: Vec<[u32; 3]> = (0..6).map(|i| [i, (i + 1) % 6, (i + 2) % 6]).collect();
        let shards: Vec<&[u32]> = shards.iter().map(|shard| &shard[..]).collect();
        let mut all = drawing(&shards);
        for tenant in 0..12 {
            for request in 0..4 {
                writeln!(
                    all,
                    "trace f{tenant}-{request}
                     data < GET /rows 0..9 instance=i{} tenant.id=f{tenant}",
                    tenant % 6
                )
                .unwrap();
            }
        }
        // Neighbours share two, those two apart one, opposite ones none: 6, 6 and 3 of 15 pairs.
        check(
            "shuffle-sharding",
            &all,
            "inferred poison_radius data 0.166667: data: tenants use 3 of 6 instances; \
                one can take down 16.7 % of 6 tenants (0 % of the pairs share all, 5 % of random ones would; \
                1.2 instances are shared on average, 1.5 at random)",
        );
    }

    #[test]
    fn few_tenants_or_requests_tell_nothing() {
        let few = "unknown poison_radius the system: \
            shuffle sharding: no service has 3 instances and 5 tenants with enough requests";
        check(
            "shuffle-sharding",
            &drawing(&[[0, 1, 2].as_slice(); 4]),
            few,
        );
        check("shuffle-sharding", &drawing(&[[0, 1].as_slice(); 9]), few);
        check(
            "shuffle-sharding",
            "data < GET /rows 0..9 instance=i1",
            "unknown poison_radius the system: shuffle sharding: no span names a tenant and its instance",
        );
    }
}
