//! What chance may have added to a share: resampling whole clusters.
//!
//! What is counted comes in clusters that are independent of each other, while what lies in one cluster is not (the calls
//! of one request). The bootstrap (Efron, Ann. Stat. 7, 1979) draws as many clusters as there were, each as likely as any
//! other and with replacement, and reads the share again; the middle 95 % of many such shares is the interval. A cluster
//! that stands for several, because it was sampled, is drawn as one and then counts with its weight.
//!
//! Of clusters that all weigh the same, a share is binomial, so that its interval needs no drawing: [`endless`].
//!
//! Clusters that are alike are one group: how often each group is drawn is multinomial. Large groups, and lots of small ones, get
//! their number by a binomial draw out of what is left; in a lot clusters are drawn one by one. So a replicate costs no
//! more than its groups, and a thread holds what was drawn of one lot. O(replicates x (groups + what they add)).
//!
//! Every replicate has random numbers of its own and adds in the order of the lots, so neither threads nor blocks of
//! quantities change a bit of the result.

use rayon::prelude::*;

use crate::algo::random::Random;
use crate::algo::special::ln_choose;
use crate::algo::stats::{Interval, Z_95};

/// Shares kept at a time, over all replicates: 32 MiB.
const KEPT: usize = 1 << 22;

/// Groups of fewer clusters are drawn cluster by cluster: so many uniform draws cost what a binomial one does.
const FEW: u64 = 16;

/// Clusters of small groups in a lot: few enough that what is drawn of them stays in a cache.
const LOT: usize = 512;

/// Replicates drawn side by side.
const LANES: usize = 16;

/// Part of the replicates beyond either end of the interval.
const TAIL: f64 = 0.025;

/// Clusters that are alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// How many.
    pub clusters: u64,
    /// What each of them weighs.
    pub weight: f64,
    /// What a weight of one adds to which quantities, each quantity once, ascending.
    pub adds: Vec<(u32, f64)>,
}

/// How clusters are drawn.
#[derive(Debug, Default)]
struct Urn {
    clusters: u64,
    /// Large groups first.
    lots: Vec<Lot>,
}

/// Clusters whose number is drawn at once.
#[derive(Debug, Default)]
struct Lot {
    /// The part that it is of what is left.
    part: f64,
    /// Its groups: one that is large, or some that are small.
    groups: Vec<u32>,
    /// The clusters of small groups: the place of each one's group in the lot.
    clusters: Vec<u16>,
}

impl Urn {
    fn of(groups: &[Group]) -> Urn {
        let (large, small): (Vec<u32>, Vec<u32>) = (0..groups.len() as u32)
            .filter(|group| groups[*group as usize].clusters > 0)
            .partition(|group| groups[*group as usize].clusters >= FEW);
        let mut lots: Vec<Lot> = Vec::new();
        lots.extend(large.into_iter().map(|group| Lot {
            groups: vec![group],
            ..Lot::default()
        }));
        let mut lot = Lot::default();
        for group in small {
            let place = lot.groups.len() as u16;
            lot.groups.push(group);
            lot.clusters
                .extend((0..groups[group as usize].clusters).map(|_| place));
            if lot.clusters.len() >= LOT {
                lots.push(std::mem::take(&mut lot));
            }
        }
        if !lot.groups.is_empty() {
            lots.push(lot);
        }
        let clusters = |lot: &Lot| match lot.clusters.len() {
            0 => groups[lot.groups[0] as usize].clusters,
            some => some as u64,
        };
        let mut left: f64 = lots.iter().map(|lot| clusters(lot) as f64).sum();
        for lot in &mut lots {
            let some = clusters(lot) as f64;
            lot.part = some / left;
            left -= some;
        }
        if let Some(last) = lots.last_mut() {
            last.part = 1.0;
        }
        Urn {
            clusters: lots.iter().map(clusters).fold(0, u64::saturating_add),
            lots,
        }
    }

    /// Draws as many clusters as there are, some replicates side by side, and says lot by lot how many of each group.
    fn draw(
        &self,
        randoms: &mut [Random],
        space: &mut Vec<[u64; LANES]>,
        mut drawn: impl FnMut(u32, &[u64; LANES]),
    ) {
        let mut left = [0; LANES];
        left[..randoms.len()].fill(self.clusters);
        for lot in &self.lots {
            space.clear();
            space.resize(lot.groups.len(), [0; LANES]);
            for (lane, random) in randoms.iter_mut().enumerate() {
                let some = random.binomial(left[lane], lot.part);
                left[lane] -= some;
                if lot.clusters.is_empty() {
                    space[0][lane] = some;
                    continue;
                }
                for _ in 0..some {
                    let cluster = random.below(lot.clusters.len());
                    space[lot.clusters[cluster] as usize][lane] += 1;
                }
            }
            for (group, of_group) in lot.groups.iter().zip(&*space) {
                drawn(*group, of_group);
            }
        }
    }
}

/// Returns the 95 % interval of every quantity: of its sum over all clusters by weight, divided by the sum of the weights. None
/// without clusters that weigh something.
pub fn intervals(
    groups: &[Group],
    quantities: usize,
    replicates: usize,
    seed: u64,
) -> Option<Vec<Interval>> {
    let weighs = |group: &Group| group.clusters > 0 && group.weight > 0.0;
    if !groups.iter().any(weighs) || replicates == 0 {
        return None;
    }
    let urn = Urn::of(groups);
    let width = (KEPT / replicates).clamp(1, quantities.max(1));
    let starts = (0..quantities).step_by(width);
    let blocks = starts.map(|first| {
        let last = quantities.min(first + width);
        block(groups, &urn, first..last, replicates, seed)
    });
    Some(blocks.flatten().collect())
}

/// Returns what [`intervals`] comes to with more and more replicates, for a share of clusters that weigh the same: of so many,
/// so many are hit. The ends are quantiles of the binomial distribution.
///
/// Chances are added up from nine standard deviations below the mean. From [`MANY`] standard deviations on the ends are those of Cornish
/// and Fisher (Rev. Inst. Int. Statist. 5, 1938), which then are off by less than one cluster. O(standard deviation).
pub fn endless(hits: u64, clusters: u64) -> Interval {
    let n = clusters as f64;
    let p = if clusters == 0 { 0.0 } else { hits as f64 / n };
    let end = |part: f64| match clusters {
        0 => part.round(),
        _ if hits == 0 || hits >= clusters => p,
        _ => quantile(hits, clusters, part) / n,
    };
    Interval {
        low: end(TAIL),
        high: end(1.0 - TAIL),
    }
}

/// From so many standard deviations on, a binomial distribution is smooth.
const MANY: f64 = 100.0;

/// Returns how many of the clusters are hit at most in a part of all drawings.
fn quantile(hits: u64, clusters: u64, part: f64) -> f64 {
    let n = clusters as f64;
    let p = hits as f64 / n;
    let spread = (n * p * (1.0 - p)).sqrt();
    if spread > MANY {
        let z = Z_95.copysign(part - 0.5);
        return (n * p + z * spread + (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0).round();
    }
    let mut at = (n * p - 9.0 * spread).floor().max(0.0);
    let mut chance = (ln_choose(clusters, at as u64) + at * p.ln() + (n - at) * (-p).ln_1p()).exp();
    let mut below = chance;
    while below < part && at < n {
        chance *= (n - at) / (at + 1.0) * p / (1.0 - p);
        below += chance;
        at += 1.0;
    }
    at
}

/// Returns the intervals of some of the quantities.
fn block(
    groups: &[Group],
    urn: &Urn,
    quantities: std::ops::Range<usize>,
    replicates: usize,
    seed: u64,
) -> Vec<Interval> {
    let width = quantities.len();
    let within =
        |group: &Group, end: usize| group.adds.partition_point(|add| (add.0 as usize) < end);
    let adds: Vec<&[(u32, f64)]> = groups
        .iter()
        .map(|group| &group.adds[within(group, quantities.start)..within(group, quantities.end)])
        .collect();
    // Some replicates at a time, side by side: what a group adds to a quantity is looked up once for all of them.
    let mut shares = vec![0.0; width * replicates.next_multiple_of(LANES)];
    let draw = |space: &mut Vec<[u64; LANES]>, (chunk, sums): (usize, &mut [f64])| {
        let mut randoms: Vec<Random> = (chunk * LANES..replicates.min((chunk + 1) * LANES))
            .map(|replicate| Random::new(seed, replicate as u64))
            .collect();
        let mut all = [0.0; LANES];
        let (rows, _) = sums.as_chunks_mut::<LANES>();
        urn.draw(&mut randoms, space, |group, drawn| {
            if *drawn == [0; LANES] {
                return;
            }
            let weight = groups[group as usize].weight;
            let weights = drawn.map(|drawn| drawn as f64 * weight);
            add_to(&mut all, &weights, 1.0);
            for &(quantity, each) in adds[group as usize] {
                let row = &mut rows[quantity as usize - quantities.start];
                add_to(row, &weights, each);
            }
        });
        // Only clusters without weight were drawn, or the replicate is one too many: nothing to read.
        let all = all.map(|all| if all > 0.0 { all } else { f64::NAN });
        for row in rows {
            for (sum, all) in row.iter_mut().zip(all) {
                *sum /= all;
            }
        }
    };
    shares
        .par_chunks_mut(width * LANES)
        .enumerate()
        .for_each_init(Default::default, draw);
    (0..width)
        .into_par_iter()
        .map_init(Vec::new, |of_one: &mut Vec<f64>, quantity| {
            of_one.clear();
            let row = quantity * LANES..(quantity + 1) * LANES;
            let rows = shares.chunks(width * LANES);
            let rows = rows.flat_map(|chunk| chunk[row.clone()].iter().copied());
            of_one.extend(rows.filter(|share| !share.is_nan()));
            middle(of_one)
        })
        .collect()
}

/// Adds what weights add to a quantity, replicate by replicate.
#[inline]
fn add_to(sums: &mut [f64; LANES], weights: &[f64; LANES], each: f64) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += weight * each;
    }
}

/// Returns the ends of the middle 95 % of some shares; all of [0, 1] without any.
fn middle(shares: &mut [f64]) -> Interval {
    if shares.is_empty() {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let last = shares.len() - 1;
    let beyond = ((TAIL * shares.len() as f64).round() as usize).saturating_sub(1);
    let mut at = |place: usize| *shares.select_nth_unstable_by(place, f64::total_cmp).1;
    Interval {
        low: at(beyond.min(last)),
        high: at(last - beyond.min(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::stats::wilson;
    use crate::algo::testgraphs::assert_close;

    const REPLICATES: usize = 1000;

    /// So many clusters of weight one, of which so many are hit.
    fn even(hits: u64, clusters: u64) -> Vec<Group> {
        vec![
            Group {
                clusters: hits,
                weight: 1.0,
                adds: vec![(0, 1.0)],
            },
            Group {
                clusters: clusters - hits,
                weight: 1.0,
                adds: Vec::new(),
            },
        ]
    }

    /// The share below which a part of the binomial distribution lies, by adding it up.
    fn binomial_quantile(clusters: u64, p: f64, part: f64) -> f64 {
        let mut below = 0.0;
        for hits in 0..=clusters {
            let ln = crate::algo::special::ln_choose(clusters, hits)
                + hits as f64 * p.ln()
                + (clusters - hits) as f64 * (1.0 - p).ln();
            below += ln.exp();
            if below >= part {
                return hits as f64 / clusters as f64;
            }
        }
        1.0
    }

    #[test]
    fn without_weights_a_share_is_binomial() {
        for (hits, clusters) in [(50, 100), (20, 200), (400, 1_000), (9_000, 10_000), (3, 12)] {
            let found = intervals(&even(hits, clusters), 1, 4 * REPLICATES, 1).unwrap()[0];
            let share = hits as f64 / clusters as f64;
            let spread = (share * (1.0 - share) / clusters as f64).sqrt();
            for (end, part) in [(found.low, 0.025), (found.high, 0.975)] {
                // A fifth of a standard deviation is what 4,000 replicates leave open, and one cluster.
                let slack = 0.2 * spread + 1.0 / clusters as f64;
                assert_close(end, binomial_quantile(clusters, share, part), slack);
            }
        }
    }

    #[test]
    fn replicates_without_end_are_binomial() {
        for (hits, clusters) in [
            (1, 2),
            (3, 12),
            (50, 100),
            (20, 200),
            (9_000, 10_000),
            (1, 1_000_000),
        ] {
            let share = hits as f64 / clusters as f64;
            let found = endless(hits, clusters);
            assert_close(found.low, binomial_quantile(clusters, share, 0.025), 1e-12);
            assert_close(found.high, binomial_quantile(clusters, share, 0.975), 1e-12);
        }
        // Where the distribution is smooth, within one cluster.
        for (hits, clusters) in [(20_000, 100_000), (50_000, 100_000), (99_000, 1_200_000)] {
            let share = hits as f64 / clusters as f64;
            assert!((clusters as f64 * share * (1.0 - share)).sqrt() > MANY);
            let found = endless(hits, clusters);
            let one = 1.0 / clusters as f64 + 1e-12;
            assert_close(found.low, binomial_quantile(clusters, share, 0.025), one);
            assert_close(found.high, binomial_quantile(clusters, share, 0.975), one);
        }
        let drawn = intervals(&even(300, 1_000), 1, 20 * REPLICATES, 2).unwrap()[0];
        let found = endless(300, 1_000);
        assert_close(drawn.low, found.low, 0.002);
        assert_close(drawn.high, found.high, 0.002);
    }

    #[test]
    fn replicates_without_end_of_all_or_nothing_are_of_one_kind() {
        let ends = |hits, clusters| {
            let Interval { low, high } = endless(hits, clusters);
            (low, high)
        };
        assert_eq!(ends(0, 7), (0.0, 0.0));
        assert_eq!(ends(7, 7), (1.0, 1.0));
        assert_eq!(ends(0, 0), (0.0, 1.0));
        let (low, high) = ends(u64::MAX / 3, u64::MAX);
        assert_close(low, 1.0 / 3.0, 1e-6);
        assert_close(high, 1.0 / 3.0, 1e-6);
    }

    #[test]
    fn groups_may_be_split_without_a_change_of_meaning() {
        let whole = intervals(&even(300, 1_000), 1, REPLICATES, 3).unwrap()[0];
        // The same clusters one by one, so that none is drawn by a binomial.
        let each = |hit: bool| Group {
            clusters: 1,
            weight: 1.0,
            adds: hit.then_some((0, 1.0)).into_iter().collect(),
        };
        let single: Vec<Group> = (0..1_000).map(|at| each(at < 300)).collect();
        let apart = intervals(&single, 1, REPLICATES, 3).unwrap()[0];
        assert_close(whole.low, apart.low, 0.006);
        assert_close(whole.high, apart.high, 0.006);
    }

    #[test]
    fn every_cluster_is_as_likely_as_any_other() {
        // Large and small groups, and more small clusters than a lot holds.
        let clusters = |at: usize| [1, 40, 3, 0, 15][at % 5];
        let groups: Vec<Group> = (0..900)
            .map(|at| Group {
                clusters: clusters(at),
                ..Group::default()
            })
            .collect();
        let urn = Urn::of(&groups);
        assert!(urn.lots.iter().filter(|lot| lot.groups.len() > 1).count() > 5);
        let mut seen = vec![0u64; groups.len()];
        let mut space = Vec::new();
        const CHUNKS: usize = 40;
        for chunk in 0..CHUNKS {
            let mut randoms: Vec<Random> = (0..LANES)
                .map(|lane| Random::new(chunk as u64, lane as u64))
                .collect();
            let mut all = [0; LANES];
            urn.draw(&mut randoms, &mut space, |group, drawn| {
                seen[group as usize] += drawn.iter().sum::<u64>();
                all.iter_mut()
                    .zip(drawn)
                    .for_each(|(all, drawn)| *all += drawn);
            });
            assert_eq!(all, [urn.clusters; LANES]);
        }
        let drawn = (CHUNKS * LANES) as f64;
        let terms = groups.iter().zip(&seen).map(|(group, seen)| {
            let expected = group.clusters as f64 * drawn;
            if group.clusters == 0 {
                assert_eq!(*seen, 0);
                return 0.0;
            }
            (*seen as f64 - expected).powi(2) / expected
        });
        let squares: f64 = terms.sum();
        let degrees = groups.iter().filter(|group| group.clusters > 0).count() as f64 - 1.0;
        let slack = 4.0 * (2.0 * degrees).sqrt();
        assert!((squares - degrees).abs() < slack, "{squares} for {degrees}");
    }

    #[test]
    fn a_heavy_cluster_is_drawn_as_one() {
        // A hundred requests, one of which stands for a hundred and is hit: half of the weight, and about nobody's certainty.
        let groups = vec![
            Group {
                clusters: 1,
                weight: 99.0,
                adds: vec![(0, 1.0)],
            },
            Group {
                clusters: 99,
                weight: 1.0,
                adds: Vec::new(),
            },
        ];
        let found = intervals(&groups, 1, REPLICATES, 1).unwrap()[0];
        // It is not drawn at all in 0.99^100 = 37 % of the replicates, and three times or more in 8 %.
        assert_eq!(found.low, 0.0);
        assert!(found.high > 0.74 && found.high < 0.85, "{found:?}");
        // Counting weights as requests would have claimed to know much more.
        assert!(found.high > wilson(99, 198).high + 0.1);
    }

    /// Systems whose truth is known: how often the interval holds it.
    #[test]
    fn nineteen_of_twenty_intervals_hold_the_truth() {
        const SYSTEMS: u64 = 400;
        // Requests of weight 1 and 10, of which a fifth and two fifths are hit.
        let truth = (0.8 * 0.2 + 0.2 * 10.0 * 0.4) / (0.8 + 0.2 * 10.0);
        let mut held = 0;
        for system in 0..SYSTEMS {
            let mut random = Random::new(99, system);
            let mut counts = [[0u64; 2]; 2];
            for _ in 0..500 {
                let is_heavy = random.unit() < 0.2;
                let is_hit = random.unit() < if is_heavy { 0.4 } else { 0.2 };
                counts[usize::from(is_heavy)][usize::from(is_hit)] += 1;
            }
            let group = |heavy: usize, hit: usize| Group {
                clusters: counts[heavy][hit],
                weight: [1.0, 10.0][heavy],
                adds: (hit == 1).then_some((0, 1.0)).into_iter().collect(),
            };
            let groups = vec![group(0, 0), group(0, 1), group(1, 0), group(1, 1)];
            let found = intervals(&groups, 1, REPLICATES, system).unwrap()[0];
            held += u64::from((found.low..=found.high).contains(&truth));
        }
        // 95 % of 400 within four standard deviations.
        assert!((363..=397).contains(&held), "{held} of {SYSTEMS}");
    }

    #[test]
    fn threads_and_blocks_change_nothing() {
        let mut random = Random::new(5, 0);
        let quantities = 40;
        let groups: Vec<Group> = (0..60)
            .map(|at| Group {
                clusters: 1 + random.below(if at % 2 == 0 { 4 } else { 400 }) as u64,
                weight: 1.0 + random.below(9) as f64,
                adds: (0..quantities as u32)
                    .filter(|_| random.below(3) == 0)
                    .map(|quantity| (quantity, 1.0))
                    .collect(),
            })
            .collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build()
                .unwrap()
                .install(|| intervals(&groups, quantities, 200, 7).unwrap())
        };
        let one = with(1);
        assert_eq!(one, with(5));
        let urn = Urn::of(&groups);
        let apart: Vec<Interval> = (0..quantities)
            .flat_map(|at| block(&groups, &urn, at..at + 1, 200, 7))
            .collect();
        assert_eq!(one, apart);
    }

    #[test]
    fn nothing_and_too_much_have_an_answer() {
        assert_eq!(intervals(&[], 3, REPLICATES, 1), None);
        let weightless = Group {
            clusters: 5,
            ..Group::default()
        };
        assert_eq!(
            intervals(std::slice::from_ref(&weightless), 1, REPLICATES, 1),
            None
        );
        // One request with a weight among many without: most draws say nothing, and none is a number out of range.
        let mut groups = even(1, 1);
        groups.push(weightless);
        let found = intervals(&groups, 1, REPLICATES, 1).unwrap()[0];
        assert_eq!((found.low, found.high), (1.0, 1.0));
        let mut huge = even(u64::MAX / 3, u64::MAX / 2);
        huge.extend(huge.clone());
        let found = intervals(&huge, 1, 50, 1).unwrap()[0];
        assert_close(found.low, 2.0 / 3.0, 1e-6);
        assert_eq!(intervals(&even(1, 2), 0, REPLICATES, 1), Some(Vec::new()));
    }
}
