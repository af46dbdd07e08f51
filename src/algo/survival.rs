//! How many requests survive when parts are taken away one after another.
//!
//! Every request has a set of parts each of which alone kills it. Weights are integers, so that sums do not depend on the
//! order of requests. Requests that nothing kills survive everything; without parts or requests there is no curve.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Requests, and the parts that kill each.
#[derive(Clone, Debug)]
pub struct Losses {
    n_parts: usize,
    /// The parts that kill each request, one request after another.
    parts: Vec<u32>,
    /// Where the parts of each request end.
    ends: Vec<usize>,
    weights: Vec<u64>,
}

impl Losses {
    /// Returns no requests of a system of so many parts.
    pub fn new(n_parts: usize) -> Losses {
        Losses {
            n_parts,
            parts: Vec::new(),
            ends: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Adds requests that each of these distinct parts kills.
    pub fn push(&mut self, parts: impl IntoIterator<Item = u32>, weight: u64) {
        self.parts.extend(parts);
        self.ends.push(self.parts.len());
        self.weights.push(weight);
    }

    fn of(&self, request: usize) -> &[u32] {
        let start = match request {
            0 => 0,
            request => self.ends[request - 1],
        };
        &self.parts[start..self.ends[request]]
    }

    fn total(&self) -> u128 {
        self.weights.iter().copied().map(u128::from).sum()
    }

    /// Returns the parts in the order in which each kills most of the requests that are left, ties by number, with the share
    /// that survives so far; parts that kill none of those left are not in it. O(parts of requests + n log n).
    pub fn greedy(&self) -> Vec<(u32, f64)> {
        let mut killed = vec![0u128; self.n_parts];
        let mut users: Vec<Vec<u32>> = vec![Vec::new(); self.n_parts];
        for (request, &weight) in self.weights.iter().enumerate() {
            for &part in self.of(request) {
                killed[part as usize] += u128::from(weight);
                users[part as usize].push(request as u32);
            }
        }
        let total = self.total();
        let mut left = total;
        let mut is_dead = vec![false; self.weights.len()];
        let mut queue: BinaryHeap<(u128, Reverse<u32>)> = (0u32..)
            .zip(&killed)
            .map(|(part, &weight)| (weight, Reverse(part)))
            .collect();
        let mut curve = Vec::new();
        while let Some((weight, Reverse(part))) = queue.pop() {
            let now = killed[part as usize];
            if now == 0 {
                continue;
            }
            if now < weight {
                queue.push((now, Reverse(part)));
                continue;
            }
            for &request in &users[part as usize] {
                let request = request as usize;
                if is_dead[request] {
                    continue;
                }
                is_dead[request] = true;
                for &other in self.of(request) {
                    killed[other as usize] -= u128::from(self.weights[request]);
                }
                left -= u128::from(self.weights[request]);
            }
            curve.push((part, left as f64 / total as f64));
        }
        curve
    }

    /// Returns the share that survives the loss of the first, the first two and so on of some parts. O(parts of requests).
    pub fn after(&self, order: &[u32]) -> Vec<f64> {
        let mut place = vec![order.len(); self.n_parts];
        for (at, &part) in order.iter().enumerate() {
            place[part as usize] = at;
        }
        let mut killed = vec![0u128; order.len() + 1];
        for (request, &weight) in self.weights.iter().enumerate() {
            let places = self.of(request).iter().map(|&part| place[part as usize]);
            let first = places.min().unwrap_or(order.len());
            killed[first] += u128::from(weight);
        }
        let total = self.total();
        let mut left = total;
        let after = killed.iter().take(order.len()).map(|killed| {
            left -= killed;
            left as f64 / total.max(1) as f64
        });
        after.collect()
    }

    /// Returns the area under the curve of [`Losses::greedy`]: the mean of the shares that survive the loss of 1, 2, ... all
    /// parts.
    pub fn greedy_area(&self) -> Option<f64> {
        if self.total() == 0 || self.n_parts == 0 {
            return None;
        }
        let curve = self.greedy();
        let rest = curve.last().map_or(1.0, |(_, share)| *share);
        let lost: f64 = curve.iter().map(|(_, share)| share).sum();
        Some((lost + rest * (self.n_parts - curve.len()) as f64) / self.n_parts as f64)
    }

    /// Returns the mean, over all orders of the parts, of the share that survives the loss of the first k.
    ///
    /// Of n parts, a request with m that kill it survives k random losses with chance C(n-m, k) / C(n, k).
    pub fn random(&self, k: usize) -> Option<f64> {
        let n = self.n_parts as f64;
        self.mean(|m| {
            (0..m)
                .map(|i| (n - k as f64 - i as f64) / (n - i as f64))
                .fold(1.0, |a, b| a * b.max(0.0))
        })
    }

    /// Returns the area under the curve of [`Losses::random`] for k = 1 to n, exactly: for a request with m parts that kill
    /// it the sum over k = 0 to n of those chances is (n+1) / (m+1).
    pub fn random_area(&self) -> Option<f64> {
        self.mean(|m| mean_survival(self.n_parts, m))
    }

    /// Returns the weighted mean of a function of the number of parts that kill a request.
    fn mean(&self, value: impl Fn(usize) -> f64) -> Option<f64> {
        let total = self.total();
        if total == 0 || self.n_parts == 0 {
            return None;
        }
        let mut by_number = vec![0u128; self.n_parts + 1];
        for (request, &weight) in self.weights.iter().enumerate() {
            by_number[self.of(request).len()] += u128::from(weight);
        }
        let sum: f64 = by_number
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0)
            .map(|(m, &weight)| weight as f64 * value(m))
            .sum();
        Some(sum / total as f64)
    }
}

/// Returns what a request adds to [`Losses::random_area`] that so many of the parts kill.
pub fn mean_survival(n_parts: usize, killing: usize) -> f64 {
    let (n, m) = (n_parts as f64, killing as f64);
    (n - m) / (n * (m + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::assert_close;

    fn losses(n_parts: usize, requests: &[(&[u32], u64)]) -> Losses {
        let mut losses = Losses::new(n_parts);
        for (parts, weight) in requests {
            losses.push(parts.iter().copied(), *weight);
        }
        losses
    }

    /// Share that survives the loss of a set of parts.
    fn alive(requests: &[(Vec<u32>, u64)], lost: &[u32]) -> f64 {
        let all: u64 = requests.iter().map(|(_, weight)| weight).sum();
        let left = requests
            .iter()
            .filter(|(parts, _)| parts.iter().all(|part| !lost.contains(part)));
        left.map(|(_, weight)| weight).sum::<u64>() as f64 / all as f64
    }

    fn orders(parts: Vec<u32>) -> Vec<Vec<u32>> {
        if parts.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for &first in &parts {
            let rest = parts
                .iter()
                .copied()
                .filter(|part| *part != first)
                .collect();
            for mut order in orders(rest) {
                order.insert(0, first);
                all.push(order);
            }
        }
        all
    }

    #[test]
    fn four_requests_of_five_services() {
        // gw 0, cart 1, db 2, auth 3, reco 4, of which nobody needs reco.
        let four = losses(
            5,
            &[(&[0, 1, 2, 3], 1), (&[0, 3], 1), (&[0, 1, 2], 1), (&[0], 1)],
        );
        assert_eq!(four.greedy(), [(0, 0.0)]);
        assert_close(four.random_area().unwrap(), 0.185, 1e-12);
        // 1 minus the mean of the shares that fall with each.
        assert_close(
            four.random(1).unwrap(),
            1.0 - (1.0 + 0.5 + 0.5 + 0.5) / 5.0,
            1e-12,
        );
        assert_eq!(four.greedy_area(), Some(0.0));
    }

    #[test]
    fn nothing_has_no_curve_and_what_nothing_kills_lives() {
        assert_eq!(losses(0, &[]).random_area(), None);
        assert_eq!(losses(3, &[]).greedy_area(), None);
        assert_eq!(losses(3, &[(&[], 1)]).greedy_area(), Some(1.0));
        assert_eq!(losses(3, &[(&[], 1)]).random_area(), Some(1.0));
        assert_eq!(losses(2, &[(&[0, 1], 5)]).random(2), Some(0.0));
    }

    #[test]
    fn small_systems_agree_with_trying_everything() {
        for replicate in 0..2_000 {
            let mut random = Random::new(7, replicate);
            let n = 1 + random.below(5);
            let requests: Vec<(Vec<u32>, u64)> = (0..1 + random.below(6))
                .map(|_| {
                    let parts = (0..n as u32).filter(|_| random.below(2) == 0).collect();
                    (parts, 1 + random.below(4) as u64)
                })
                .collect();
            let mut losses = Losses::new(n);
            for (parts, weight) in &requests {
                losses.push(parts.iter().copied(), *weight);
            }
            let all = orders((0..n as u32).collect());
            let mut area = 0.0;
            for k in 1..=n {
                let shares = all.iter().map(|order| alive(&requests, &order[..k]));
                let mean = shares.sum::<f64>() / all.len() as f64;
                assert_close(losses.random(k).unwrap(), mean, 1e-9);
                area += mean / n as f64;
            }
            assert_close(losses.random_area().unwrap(), area, 1e-9);
            let curve = losses.greedy();
            let mut lost: Vec<u32> = Vec::new();
            for &(part, share) in &curve {
                let best = (0..n as u32)
                    .map(|other| [&lost[..], &[other]].concat())
                    .map(|lost| alive(&requests, &lost))
                    .fold(1.0, f64::min);
                lost.push(part);
                assert_close(share, best, 1e-12);
                assert_close(share, alive(&requests, &lost), 1e-12);
            }
            assert_eq!(
                losses.after(&lost),
                curve.iter().map(|(_, share)| *share).collect::<Vec<_>>()
            );
            let end = alive(&requests, &(0..n as u32).collect::<Vec<u32>>());
            assert_close(curve.last().map_or(1.0, |(_, share)| *share), end, 1e-12);
        }
    }
}
