//! What chance may have added to the shares of requests that fall, or left out of them.
//!
//! Requests are drawn again ([`crate::algo::bootstrap`]), each as one request whatever its weight: those of a shape
//! share its weight evenly, since no more of it is kept. Requests of one weight need no drawing: how many of them would be hit
//! is binomial ([`endless`]), which is what replicates without end come to. The requests of an entry point, of a region or of a cell are drawn among
//! themselves. Where fewer than [`FEW`] requests fall, or fewer do not, drawing what was seen cannot show what was not: there
//! the interval is at least Wilson's over as many requests of one weight as tell as much.

use std::collections::BTreeMap;

use crate::algo::bootstrap::{Group, endless, intervals};
use crate::algo::stats::{Interval, effective_number, wilson};
use crate::algo::survival::mean_survival;
use crate::pass::graph::SEED;
use crate::pass::graph::blast_radius::Need;

/// How often the requests are drawn again.
pub(in crate::pass) const REPLICATES: usize = 1_000;

/// Up to so many requests of a kind, what was not seen counts more than how often the seen comes up.
const FEW: f64 = 10.0;

/// What alike requests need, by node, and the weight of one of them as bits.
type Alike = (Vec<(u32, Need)>, u64);

/// The requests, those alike together.
#[derive(Debug, Default)]
pub(in crate::pass) struct Requests(BTreeMap<Alike, u64>);

/// The intervals of the shares of every node, and of the survival of requests.
#[derive(Debug)]
pub(in crate::pass) struct Chance {
    /// The nodes that some request uses, ascending.
    nodes: Vec<u32>,
    /// By place among them: of the requests that use it, that may fall with it, and that surely do.
    shares: Vec<[Interval; 3]>,
    /// Of the share of a node that no request uses.
    unused: Interval,
    /// Of the survival where unknown edges are hard, and where they are soft; none of so few requests that nothing is told.
    pub(in crate::pass) survival: Option<[Interval; 2]>,
}

impl Chance {
    /// Returns the interval of the share of requests that need a node at least so much.
    pub(in crate::pass) fn of(&self, node: u32, need: Need) -> (f64, f64) {
        let Interval { low, high } = match self.nodes.binary_search(&node) {
            Ok(place) => self.shares[place][need as usize],
            Err(_) => self.unused,
        };
        (low, high)
    }

    /// Returns from where to where the shares may lie of the requests that surely and that perhaps fall with a node.
    pub(in crate::pass) fn of_falls(&self, node: u32) -> (f64, f64) {
        (self.of(node, Need::Sure).0, self.of(node, Need::Perhaps).1)
    }
}

/// What the requests weigh together.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    requests: u64,
    weight: f64,
    /// So many requests of one weight tell as much.
    effective: u64,
    /// Whether all of them have one weight.
    is_even: bool,
}

impl Requests {
    /// Adds requests with these needs and this weight together.
    pub(in crate::pass) fn push(&mut self, needs: &[(u32, Need)], requests: u64, weight: u64) {
        if requests > 0 {
            let each = weight as f64 / requests as f64;
            let known = self.0.entry((needs.to_vec(), each.to_bits())).or_default();
            *known = known.saturating_add(requests);
        }
    }

    /// Draws the requests again and returns what that tells of their shares.
    pub(in crate::pass) fn shares(&self) -> Chance {
        let whole = self.whole();
        let (nodes, sums) = self.sums();
        let columns = columns(&sums, whole);
        let drawn = self.draw(&nodes, &columns, &[]);
        chance(whole, nodes, &sums, &columns, &drawn)
    }

    /// Draws the requests again and returns what that tells of their shares, and of how many survive the loss of some of so many
    /// nodes.
    pub(in crate::pass) fn shares_and_survival(&self, n_nodes: usize) -> Chance {
        let whole = self.whole();
        let (nodes, sums) = self.sums();
        let columns = columns(&sums, whole);
        let survival: Vec<f64> = (0..=n_nodes).map(|n| mean_survival(n_nodes, n)).collect();
        let mut drawn = self.draw(&nodes, &columns, &survival);
        let of_shares = drawn.split_off(drawn.len().min(2));
        Chance {
            survival: match drawn[..] {
                [hard, soft] if whole.effective as f64 >= 2.0 * FEW => Some([hard, soft]),
                _ => None,
            },
            ..chance(whole, nodes, &sums, &columns, &of_shares)
        }
    }

    fn whole(&self) -> Whole {
        let (mut requests, mut weight, mut squares) = (0u64, 0.0, 0.0);
        for ((_, bits), &some) in &self.0 {
            let each = f64::from_bits(*bits);
            requests = requests.saturating_add(some);
            weight += each * some as f64;
            squares += each * each * some as f64;
        }
        let mut weights = self.0.keys().map(|(_, bits)| *bits);
        let first = weights.next();
        Whole {
            requests,
            weight,
            effective: effective_number(weight, squares).unwrap_or(0),
            is_even: weight > 0.0 && weights.all(|bits| Some(bits) == first),
        }
    }

    /// Returns the nodes that are used, ascending, and the weight of the requests that need each so much or more.
    fn sums(&self) -> (Vec<u32>, Vec<[f64; 3]>) {
        let used = self.0.keys().flat_map(|(needs, _)| needs);
        let mut nodes: Vec<u32> = used.map(|(node, _)| *node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let mut sums = vec![[0.0; 3]; nodes.len()];
        for ((needs, bits), &requests) in &self.0 {
            let weight = f64::from_bits(*bits) * requests as f64;
            for &(node, need) in needs {
                for sum in &mut sums[place(&nodes, node)][..=need as usize] {
                    *sum += weight;
                }
            }
        }
        (nodes, sums)
    }

    /// Draws what needs drawing: how many survive, by how many nodes kill a request, unless nobody asks; then the columns.
    fn draw(&self, nodes: &[u32], columns: &[[Option<u32>; 3]], survival: &[f64]) -> Vec<Interval> {
        let first = if survival.is_empty() { 0 } else { 2 };
        let last = columns.iter().flatten().flatten().max();
        let quantities = first + last.map_or(0, |last| last + 1);
        if quantities == 0 {
            return Vec::new();
        }
        let group = |((needs, bits), &requests): (&Alike, &u64)| {
            let mut adds = Vec::new();
            if !survival.is_empty() {
                let killing = |least: Need| needs.iter().filter(|(_, need)| *need >= least).count();
                let of = |least: Need| survival[killing(least).min(survival.len() - 1)];
                adds.extend([(0, of(Need::Perhaps)), (1, of(Need::Sure))]);
            }
            for &(node, need) in needs {
                let mut last = None;
                for column in columns[place(nodes, node)][..=need as usize]
                    .iter()
                    .flatten()
                {
                    if last != Some(column) {
                        adds.push((first + *column, 1.0));
                    }
                    last = Some(column);
                }
            }
            Group {
                clusters: requests,
                weight: f64::from_bits(*bits),
                adds,
            }
        };
        let groups: Vec<Group> = self.0.iter().map(group).collect();
        intervals(&groups, quantities as usize, REPLICATES, SEED).unwrap_or_default()
    }
}

/// Returns the place of a node that is used.
fn place(nodes: &[u32], node: u32) -> usize {
    nodes.partition_point(|other| *other < node)
}

/// Numbers what has to be drawn. Nodes that all requests need, or none, need no drawing, nor do requests of one weight; what has the
/// same sum is the same requests.
fn columns(sums: &[[f64; 3]], whole: Whole) -> Vec<[Option<u32>; 3]> {
    let mut quantities = 0;
    let of_node = |sums: &[f64; 3]| {
        let mut columns = [None; 3];
        for class in 0..3 {
            if class > 0 && sums[class] == sums[class - 1] {
                columns[class] = columns[class - 1];
            } else if sums[class] > 0.0 && sums[class] < whole.weight && !whole.is_even {
                columns[class] = Some(quantities);
                quantities += 1;
            }
        }
        columns
    };
    sums.iter().map(of_node).collect()
}

fn chance(
    whole: Whole,
    nodes: Vec<u32>,
    sums: &[[f64; 3]],
    columns: &[[Option<u32>; 3]],
    drawn: &[Interval],
) -> Chance {
    let share = |sum: f64| match whole.weight > 0.0 {
        true => (sum / whole.weight).min(1.0),
        false => 0.0,
    };
    let of = |column: Option<u32>, sum: f64| {
        let share = share(sum);
        let drawn = match whole.is_even {
            true => Some(of_one_weight(share, whole.requests)),
            false => column.and_then(|column| drawn.get(column as usize).copied()),
        };
        of_share(share, whole.effective, drawn)
    };
    let of_node = |(columns, sums): (&[Option<u32>; 3], &[f64; 3])| {
        std::array::from_fn(|class| of(columns[class], sums[class]))
    };
    Chance {
        nodes,
        shares: columns.iter().zip(sums).map(of_node).collect(),
        unused: of(None, 0.0),
        survival: None,
    }
}

fn of_one_weight(share: f64, requests: u64) -> Interval {
    endless((share * requests as f64).round() as u64, requests)
}

/// Returns the interval of the share of some things that count each as one.
pub(in crate::pass) fn of_count(hits: u64, all: u64) -> Interval {
    let share = hits as f64 / all.max(1) as f64;
    of_share(share, all, Some(of_one_weight(share, all)))
}

/// Returns the interval of the share of some things that count as much as their sizes say: Wilson's over as many of one size as tell
/// as much. `squares` is the sum of the squares of all sizes.
pub(in crate::pass) fn of_sizes(share: f64, sizes: f64, squares: f64) -> Interval {
    of_share(share, effective_number(sizes, squares).unwrap_or(0), None)
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
        let chance = requests(200, 300, 100, 400, 1 << 20).shares_and_survival(3);
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
    fn requests_of_one_weight_need_no_drawing() {
        let even = requests(0, 0, 400, 600, 1 << 20).shares();
        let endless = endless(400, 1_000);
        assert_eq!(even.of(1, Need::Sure), (endless.low, endless.high));
        assert_eq!(even.of_falls(1), (endless.low, endless.high));
        // One that weighs a little more makes all of them be drawn.
        let mut uneven = requests(0, 0, 400, 599, 1 << 20);
        uneven.push(&[(0, Need::Sure)], 1, (1 << 20) + 1);
        let (low, high) = uneven.shares().of(1, Need::Sure);
        assert!((low, high) != (endless.low, endless.high));
        assert_close(low, endless.low, 0.006);
        assert_close(high, endless.high, 0.006);
    }

    #[test]
    fn weights_make_no_requests() {
        let light = requests(0, 0, 40, 60, 1).shares_and_survival(2);
        let heavy = requests(0, 0, 40, 60, 1_000_000).shares_and_survival(2);
        assert_eq!(light.of(1, Need::Sure), heavy.of(1, Need::Sure));
        let (low, high) = heavy.of(1, Need::Sure);
        assert!(high - low > 0.15, "{low} {high}");
    }

    #[test]
    fn what_was_hardly_seen_is_not_excluded() {
        // Three of a thousand: drawing them again finds none in one of twenty draws, and never more than about seven.
        let (low, high) = requests(0, 0, 3, 997, 1)
            .shares_and_survival(2)
            .of(1, Need::Sure);
        let published = (0.001_021, 0.008_783);
        assert!(
            low <= published.0 && high >= published.1 - 1e-6,
            "{low} {high}"
        );
        let (low, high) = requests(0, 0, 30, 0, 1)
            .shares_and_survival(2)
            .of(1, Need::Sure);
        assert_close(low, 1.0 - 0.113_513, 1e-6);
        assert_eq!(high, 1.0);
    }

    #[test]
    fn survival_moves_with_the_requests_that_fall() {
        let chance = requests(0, 500, 0, 500, 1).shares_and_survival(2);
        let [unknown_is_hard, unknown_is_soft] = chance.survival.unwrap();
        // Of two nodes one kills everybody: (2 - 1) / (2 x 2); with the second, nobody is left.
        assert_eq!((unknown_is_soft.low, unknown_is_soft.high), (0.25, 0.25));
        let half = 0.25 * 1.96 * 0.5 / f64::sqrt(1_000.0);
        assert_close(unknown_is_hard.low, 0.125 - half, 0.001);
        assert_close(unknown_is_hard.high, 0.125 + half, 0.001);
        assert!(
            requests(0, 5, 0, 5, 1)
                .shares_and_survival(2)
                .survival
                .is_none()
        );
        assert!(
            Requests::default()
                .shares_and_survival(2)
                .survival
                .is_none()
        );
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
                .shares_and_survival(2)
                .of(1, Need::Sure);
            held += u64::from(low <= truth && truth <= high);
        }
        assert!(held >= 276, "{held} of 300");
    }
}
