//! What chance may have added to the shares of requests that fall, or left out of them.
//!
//! Requests are drawn again ([`crate::algo::bootstrap`]), each as one request whatever its weight: those of a shape
//! share its weight evenly, since no more of it is kept. Where fewer than [`FEW`] requests fall, or fewer do not,
//! drawing what was seen cannot show what was not: there the interval is at least Wilson's over as many requests of one weight as tell as
//! much.

use std::collections::BTreeMap;

use crate::algo::bootstrap::{Group, intervals};
use crate::algo::stats::{Interval, effective_number, wilson};
use crate::algo::survival::mean_survival;
use crate::pass::graph::SEED;

use super::Need;

/// How often the requests are drawn again.
pub(super) const REPLICATES: usize = 1_000;

/// Up to so many requests of a kind, what was not seen counts more than how often the seen comes up.
const FEW: f64 = 10.0;

/// What alike requests need, by node, and the weight of one of them as bits.
type Alike = (Vec<(u32, Need)>, u64);

/// The requests, those alike together.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<Alike, u64>);

/// The intervals of the shares of every node, and of the survival of requests.
#[derive(Debug, Default)]
pub(super) struct Chance {
    /// By node: of the requests that use it, that may fall with it, and that surely do.
    shares: Vec<[Interval; 3]>,
    /// Of the survival where unknown edges are hard, and where they are soft; none of so few requests that nothing is told.
    pub(super) survival: Option<[Interval; 2]>,
}

impl Chance {
    /// Returns the interval of the share of requests that need a node at least so much.
    pub(super) fn of(&self, node: usize, need: Need) -> (f64, f64) {
        let Interval { low, high } = self.shares[node][need as usize];
        (low, high)
    }
}

impl Requests {
    /// Adds requests with these needs and this weight together.
    pub(super) fn push(&mut self, needs: &[(u32, Need)], requests: u64, weight: u64) {
        if requests > 0 {
            let each = weight as f64 / requests as f64;
            let known = self.0.entry((needs.to_vec(), each.to_bits())).or_default();
            *known = known.saturating_add(requests);
        }
    }

    /// Draws the requests again and returns what that tells.
    pub(super) fn chance(&self, n_nodes: usize) -> Chance {
        let each = |bits: u64| f64::from_bits(bits);
        let mut sums = vec![[0.0; 3]; n_nodes];
        let (mut all, mut squares) = (0.0, 0.0);
        for ((needs, bits), &requests) in &self.0 {
            let weight = each(*bits) * requests as f64;
            all += weight;
            squares += each(*bits) * weight;
            for &(node, need) in needs {
                for sum in &mut sums[node as usize][..=need as usize] {
                    *sum += weight;
                }
            }
        }
        let effective = effective_number(all, squares).unwrap_or(0);
        // Nodes that all requests need, or none, need no drawing; what has the same sum is the same requests.
        let mut quantities = 2u32;
        let columns: Vec<[Option<u32>; 3]> = sums
            .iter()
            .map(|sums| {
                let mut columns = [None; 3];
                for class in 0..3 {
                    if class > 0 && sums[class] == sums[class - 1] {
                        columns[class] = columns[class - 1];
                    } else if sums[class] > 0.0 && sums[class] < all {
                        columns[class] = Some(quantities);
                        quantities += 1;
                    }
                }
                columns
            })
            .collect();
        let groups: Vec<Group> = self
            .0
            .iter()
            .map(|((needs, bits), &requests)| {
                let killing = |least: Need| needs.iter().filter(|(_, need)| *need >= least).count();
                let survival =
                    [Need::Perhaps, Need::Sure].map(|least| mean_survival(n_nodes, killing(least)));
                let mut adds = vec![(0, survival[0]), (1, survival[1])];
                for &(node, need) in needs {
                    let mut last = None;
                    for column in columns[node as usize][..=need as usize].iter().flatten() {
                        if last != Some(column) {
                            adds.push((*column, 1.0));
                        }
                        last = Some(column);
                    }
                }
                Group {
                    clusters: requests,
                    weight: each(*bits),
                    adds,
                }
            })
            .collect();
        let drawn = intervals(&groups, quantities as usize, REPLICATES, SEED);
        let share = |sum: f64| if all > 0.0 { (sum / all).min(1.0) } else { 0.0 };
        let of = |column: Option<u32>, sum: f64| {
            let drawn = column.zip(drawn.as_ref());
            let drawn = drawn.map(|(column, drawn)| drawn[column as usize]);
            of_share(share(sum), effective, drawn)
        };
        Chance {
            shares: columns
                .iter()
                .zip(&sums)
                .map(|(columns, sums)| std::array::from_fn(|class| of(columns[class], sums[class])))
                .collect(),
            survival: drawn
                .as_ref()
                .filter(|_| effective as f64 >= 2.0 * FEW)
                .map(|drawn| [drawn[0], drawn[1]]),
        }
    }
}

/// Returns the interval of a share.
fn of_share(share: f64, effective: u64, drawn: Option<Interval>) -> Interval {
    let n = effective as f64;
    let counted = wilson((share * n).round() as u64, effective);
    let is_few = n * share.min(1.0 - share) < FEW;
    let Interval { low, high } = match drawn {
        None => counted,
        Some(drawn) if is_few => Interval {
            low: drawn.low.min(counted.low),
            high: drawn.high.max(counted.high),
        },
        Some(drawn) => drawn,
    };
    Interval {
        low: low.min(share),
        high: high.max(share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;

    fn assert_close(found: f64, expected: f64, within: f64) {
        assert!(
            (found - expected).abs() <= within,
            "{found}, not {expected}"
        );
    }

    /// Requests that all need node 0, and of which so many use, may need, and need node 1.
    fn requests(touch: u64, perhaps: u64, sure: u64, others: u64, weight: u64) -> Requests {
        let mut requests = Requests::default();
        let mut push = |need: Option<Need>, n: u64| {
            let mut needs = vec![(0, Need::Sure)];
            needs.extend(need.map(|need| (1, need)));
            requests.push(&needs, n, n * weight);
        };
        push(Some(Need::Touch), touch);
        push(Some(Need::Perhaps), perhaps);
        push(Some(Need::Sure), sure);
        push(None, others);
        requests
    }

    #[test]
    fn every_share_has_its_own_interval() {
        let chance = requests(200, 300, 100, 400, 1 << 20).chance(3);
        for (need, share) in [(Need::Touch, 0.6), (Need::Perhaps, 0.4), (Need::Sure, 0.1)] {
            let (low, high) = chance.of(1, need);
            let half = 1.96 * f64::sqrt(share * (1.0 - share) / 1_000.0);
            assert_close(low, share - half, 0.1 * half + 0.001);
            assert_close(high, share + half, 0.1 * half + 0.001);
        }
        // What all need or nobody uses is as Wilson says of a thousand.
        let all = wilson(1_000, 1_000);
        assert_eq!(chance.of(0, Need::Sure), (all.low, all.high));
        let none = wilson(0, 1_000);
        assert_eq!(chance.of(2, Need::Touch), (none.low, none.high));
    }

    #[test]
    fn weights_make_no_requests() {
        let light = requests(0, 0, 40, 60, 1).chance(2);
        let heavy = requests(0, 0, 40, 60, 1_000_000).chance(2);
        assert_eq!(light.of(1, Need::Sure), heavy.of(1, Need::Sure));
        let (low, high) = heavy.of(1, Need::Sure);
        assert!(high - low > 0.15, "{low} {high}");
    }

    #[test]
    fn what_was_hardly_seen_is_not_excluded() {
        // Three of a thousand: drawing them again finds none in one of twenty draws, and never more than about seven.
        let (low, high) = requests(0, 0, 3, 997, 1).chance(2).of(1, Need::Sure);
        let published = (0.001_021, 0.008_783);
        assert!(
            low <= published.0 && high >= published.1 - 1e-6,
            "{low} {high}"
        );
        let (low, high) = requests(0, 0, 30, 0, 1).chance(2).of(1, Need::Sure);
        assert_close(low, 1.0 - 0.113_513, 1e-6);
        assert_eq!(high, 1.0);
    }

    #[test]
    fn survival_moves_with_the_requests_that_fall() {
        let chance = requests(0, 500, 0, 500, 1).chance(2);
        let [unknown_is_hard, unknown_is_soft] = chance.survival.unwrap();
        // Of two nodes one kills everybody: (2 - 1) / (2 x 2); with the second, nobody is left.
        assert_eq!((unknown_is_soft.low, unknown_is_soft.high), (0.25, 0.25));
        let half = 0.25 * 1.96 * 0.5 / f64::sqrt(1_000.0);
        assert_close(unknown_is_hard.low, 0.125 - half, 0.001);
        assert_close(unknown_is_hard.high, 0.125 + half, 0.001);
        assert!(requests(0, 5, 0, 5, 1).chance(2).survival.is_none());
        assert!(Requests::default().chance(2).survival.is_none());
    }

    /// How often the interval holds the truth where few requests fall.
    #[test]
    fn rare_losses_are_covered() {
        let mut held = 0;
        for system in 0..300 {
            let mut random = Random::new(4, system);
            let truth = 0.001 + 0.03 * random.unit();
            let hits = random.binomial(500, truth);
            let (low, high) = requests(0, 0, hits, 500 - hits, 1)
                .chance(2)
                .of(1, Need::Sure);
            held += u64::from(low <= truth && truth <= high);
        }
        assert!(held >= 276, "{held} of 300");
    }
}
