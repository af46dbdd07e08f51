//! Which instances each tenant uses, and whom one tenant can take down.
//!
//! With shuffle sharding every tenant gets a few of the instances, and few pairs of tenants share all of theirs. A tenant's
//! *shard* is the set of instances of a service that worked on its requests. Of n requests spread at random over k
//! instances all k are seen once n is well above k ln k (the coupon collector), so tenants with fewer than k (ln k + 3) are left
//! out. How large k is nobody says: it is the commonest size of the shards of tenants that have enough requests to show the largest shard
//! seen, or, if there are fewer than five of these, a smaller one. A tenant with four requests that all went to one instance has no shard of
//! one instance while others show that shards are of three. The *poison radius* of a tenant is the share of tenants whose whole shard lies in its own: those who lose
//! everything when its requests kill what they touch. What pairs of tenants share is compared with random shards: of N instances, two shards of k
//! have j in common with chance C(k,j) C(N-k,k-j) / C(N,k) (hypergeometric). When f of N are down, a random shard is down as a whole with chance
//! C(f,k) / C(N,k), and has lost something with chance 1 - C(N-f,k) / C(N,k).
//!
//! A trace belongs to a tenant when exactly one is named in it.
//!
//! Left out on purpose: whether clients try another member of their shard; without that, any overlap hurts.

use std::collections::{BTreeMap, BTreeSet};

use crate::algo::availability::{shard_all_down, shard_any_down, shard_overlap};
use crate::finding::{Finding, Grade, Overlap, ShardLoss, Shards, Subject};
use crate::fold::exemplar::Exemplars;
use crate::fold::ledger::{Layout, Part, Table, TableOf};
use crate::fold::{Look, Seen, Watcher};
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
    traces: Some(Look::Each(observe)),
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
struct Tenants<'a> {
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

/// Returns how many instances are shared on average.
fn mean(overlap: &[Overlap], share: fn(&Overlap) -> f64) -> f64 {
    let shared = overlap.iter().map(|of| of.shared as f64 * share(of));
    shared.sum()
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
    let mut services: BTreeMap<&str, Tenants<'_>> = BTreeMap::new();
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
    for (service, tenants) in &services {
        if let Some(shards) = sharding(service, tenants) {
            measured.findings.push(told(&shards, tenants, sampled));
            measured.shards.push(shards);
        }
    }
    if measured.shards.is_empty() {
        let why = "shuffle sharding: no service has 3 instances and 5 tenants with enough requests";
        return measured.findings.push(unknown(why));
    }
    let radii = measured.shards.iter().map(|of| of.poison_radius);
    let worst = radii.fold(0.0, f64::max);
    let overlaps = measured.shards.iter().filter_map(Shards::full_overlap);
    let most = overlaps.reduce(f64::max);
    measured.metric("poison_radius", worst);
    measured.metric("full_shard_overlap", most);
}

/// Returns what the tenants of a service have in common, if enough of them are known.
fn sharding(service: &str, tenants: &Tenants<'_>) -> Option<Shards> {
    let used: Vec<Used<'_>> = tenants.tenants.values().map(Used::of).collect();
    let size = shard_size(&used)?;
    let enough = enough_for(size);
    let known: Vec<&BTreeSet<&str>> = used
        .iter()
        .filter(|used| used.requests >= enough)
        .map(|used| &used.instances)
        .collect();
    if tenants.instances.len() < INSTANCES || known.len() < TENANTS {
        return None;
    }
    let compared = &known[..known.len().min(COMPARED)];
    let n = compared.len();
    let lost_with = |shard: &BTreeSet<&str>| {
        let lost = compared.iter().filter(|other| other.is_subset(shard));
        lost.count() as f64 / n as f64
    };
    let radii = compared.iter().map(|shard| lost_with(shard));
    let instances = tenants.instances.len() as u64;
    Some(Shards {
        service: service.to_owned(),
        instances,
        size: size as u64,
        tenants: n as u64,
        poison_radius: radii.fold(0.0, f64::max),
        overlap: overlaps(compared, size, instances),
        losses: losses(instances, size as u64),
    })
}

/// Returns how many instances pairs of shards of the usual size share.
fn overlaps(compared: &[&BTreeSet<&str>], size: usize, instances: u64) -> Vec<Overlap> {
    let mut pairs = vec![0u64; size + 1];
    let of_size = compared.iter().filter(|shard| shard.len() == size);
    let of_size: Vec<_> = of_size.collect();
    for (at, one) in of_size.iter().enumerate() {
        for other in &of_size[at + 1..] {
            pairs[one.intersection(other).count()] += 1;
        }
    }
    let all = total(pairs.iter().copied());
    let random = shard_overlap(instances, size as u64);
    (0..)
        .zip(pairs.into_iter().zip(random))
        .map(|(shared, (pairs, random))| Overlap {
            shared,
            pairs,
            share: pairs as f64 / all.max(1) as f64,
            random: random.clamp(0.0, 1.0),
        })
        .collect()
}

/// Returns what becomes of a random shard when one instance is down, two, as many as a shard has, a tenth, three tenths and half of all.
fn losses(instances: u64, size: u64) -> Vec<ShardLoss> {
    let tenths = |n: u64| instances.saturating_mul(n).div_ceil(10);
    let failed = BTreeSet::from([1, 2, size, tenths(1), tenths(3), tenths(5)]);
    let failed = failed.into_iter().filter(|failed| *failed <= instances);
    failed
        .map(|failed| ShardLoss {
            failed,
            all_down: shard_all_down(instances, size, failed).clamp(0.0, 1.0),
            any_down: shard_any_down(instances, size, failed).clamp(0.0, 1.0),
        })
        .collect()
}

fn told(shards: &Shards, tenants: &Tenants<'_>, sampled: &str) -> Finding {
    let Shards {
        service,
        instances,
        size,
        poison_radius,
        ..
    } = shards;
    let n = shards.tenants;
    let text = if size == instances {
        format!(
            "{service}: tenants use all {instances} instances, so that each can take down all of them{sampled}"
        )
    } else {
        let shared = match (shards.full_overlap(), shards.overlap.last()) {
            (Some(alike), Some(all)) => format!(
                "{} of the pairs share all, {} of random ones would; {} instances are shared on average, {} at random",
                text::percent(alike),
                text::percent(all.random),
                rounded(mean(&shards.overlap, |of| of.share)),
                rounded(mean(&shards.overlap, |of| of.random)),
            ),
            _ => "no two shards are of that size".to_owned(),
        };
        format!(
            "{service}: tenants use {size} of {instances} instances; one can take down {} of {} tenants ({shared}){sampled}",
            text::percent(*poison_radius),
            text::count(n),
        )
    };
    Finding {
        value: *poison_radius,
        grade: Grade::Inferred,
        count: (poison_radius * n as f64).round() as u64,
        of: n,
        exemplars: shown(&tenants.exemplars),
        text,
        ..Finding::of(
            SHUFFLE_SHARDING.name,
            "poison_radius",
            Subject::Service(service.clone()),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::losses;
    use crate::pass::trace::tests::{check, measure, system_of};

    /// Every pair of eight instances is the shard of one tenant, so that pairs are as random as they can be.
    #[test]
    fn overlaps_are_counted_beside_the_hypergeometric_ones() {
        let shards: Vec<[u32; 2]> = (0..8)
            .flat_map(|one| (one + 1..8).map(move |other| [one, other]))
            .collect();
        let shards: Vec<&[u32]> = shards.iter().map(|shard| &shard[..]).collect();
        let measured = measure(&system_of(&drawing(&shards), 0));
        let [found] = measured.shards.as_slice() else {
            panic!("{:?}", measured.shards);
        };
        assert_eq!((found.instances, found.size, found.tenants), (8, 2, 28));
        let pairs: Vec<u64> = found.overlap.iter().map(|of| of.pairs).collect();
        assert_eq!(pairs, [210, 168, 0]);
        for (of, random) in found.overlap.iter().zip([0.535_714, 0.428_571, 0.035_714]) {
            assert!((of.random - random).abs() < 1e-6, "{of:?}");
            assert!((of.share - of.pairs as f64 / 378.0).abs() < 1e-12);
        }
        assert_eq!(found.full_overlap(), Some(0.0));
        assert!((found.poison_radius - 1.0 / 28.0).abs() < 1e-12);
    }

    #[test]
    fn what_failed_instances_take_is_as_published() {
        let of_hundred = losses(100, 5);
        let failed: Vec<u64> = of_hundred.iter().map(|of| of.failed).collect();
        assert_eq!(failed, [1, 2, 5, 10, 30, 50]);
        let thirty = of_hundred[4];
        assert!((thirty.all_down - 0.001_893).abs() < 1e-6);
        assert!((thirty.any_down - 0.839_2).abs() < 1e-4);
        // Fewer than a shard has are never all of it.
        assert_eq!(
            (of_hundred[1].all_down, of_hundred[0].any_down > 0.049),
            (0.0, true)
        );
        let of_three: Vec<u64> = losses(3, 3).iter().map(|of| of.failed).collect();
        assert_eq!(of_three, [1, 2, 3]);
        assert!((losses(3, 3)[2].all_down - 1.0).abs() < 1e-12);
    }

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
