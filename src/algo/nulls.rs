//! A number of a graph against what chance gives: the same number of random graphs with the same
//! degrees.
//!
//! Small and sparse graphs have triangles and groups by chance, and hubs alone make more of both. So
//! a number means something only beside those of graphs that share every degree with the graph and
//! nothing else ([`rewired`]). Said as z, the distance from their mean in standard deviations; what
//! does not vary over the random graphs has none.
//!
//! O(K (S + cost of the number)) for K random graphs of S swaps each, in parallel; each has its own
//! seed.

use rayon::prelude::*;

use crate::algo::graph::Undirected;
use crate::algo::random::Random;
use crate::algo::rewire::rewired;

/// Attempts for a random graph; about half of them succeed.
pub const SWAPS_PER_EDGE: usize = 10;

/// A value with those of random graphs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgainstNull {
    /// The value of the graph.
    pub observed: f64,
    /// The mean over the random graphs.
    pub mean: f64,
    /// The standard deviation over the random graphs.
    pub deviation: f64,
}

impl AgainstNull {
    /// Returns a value with those of at least two random graphs.
    pub fn new(observed: f64, nulls: impl Iterator<Item = f64> + Clone) -> AgainstNull {
        let n = nulls.clone().count() as f64;
        let mean = nulls.clone().sum::<f64>() / n;
        let squares: f64 = nulls.map(|value| (value - mean) * (value - mean)).sum();
        AgainstNull {
            observed,
            mean,
            deviation: (squares / (n - 1.0)).sqrt(),
        }
    }

    /// Returns how many standard deviations the graph is above the random ones; none if they do not
    /// vary, up to rounding.
    pub fn z(&self) -> Option<f64> {
        /// Sums of equal values differ by less, relative to the mean.
        const ROUNDING: f64 = 1e-12;
        (self.deviation > ROUNDING * self.mean.abs())
            .then(|| (self.observed - self.mean) / self.deviation)
    }
}

/// Returns a number of `graph` with those of `n_nulls` random graphs of the same degrees, two at
/// least; a graph for which there is no such number counts as zero.
pub fn against_null(
    graph: &Undirected,
    n_nulls: u32,
    seed: u64,
    number: impl Fn(&Undirected) -> Option<f64> + Sync,
) -> AgainstNull {
    let null = |replicate: u32| {
        let mut random = Random::new(seed, u64::from(replicate));
        number(&rewired(graph, SWAPS_PER_EDGE, &mut random)).unwrap_or(0.0)
    };
    let nulls: Vec<f64> = (0..n_nulls.max(2)).into_par_iter().map(null).collect();
    AgainstNull::new(number(graph).unwrap_or(0.0), nulls.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::clustering::clustering;
    use crate::algo::community::leiden;
    use crate::algo::testgraphs::{self, assert_close};

    #[test]
    fn karate_is_more_clustered_and_grouped_than_chance() {
        let karate = testgraphs::karate();
        let average = |graph: &Undirected| clustering(graph).average();
        let found = against_null(&karate, 100, 1, average);
        assert_close(found.observed, 0.570_638, 1e-6);
        assert_close(found.mean, 0.3514, 0.0394);
        assert!(found.z().is_some_and(|z| z > 3.0), "{found:?}");
        let modularity = |graph: &Undirected| leiden(graph, 2, 1).modularity;
        let found = against_null(&karate, 20, 1, modularity);
        assert!(found.mean > 0.2 && found.z().is_some_and(|z| z > 3.0));
        assert_eq!(found, against_null(&karate, 20, 1, modularity));
    }

    #[test]
    fn a_random_graph_is_like_its_nulls() {
        let n_nodes = 80;
        let is_outside = |seed: u64| {
            let mut random = Random::new(11, seed);
            let pairs: Vec<(u32, u32)> = (0..200)
                .map(|_| (random.below(n_nodes) as u32, random.below(n_nodes) as u32))
                .collect();
            let graph = Undirected::new(n_nodes, pairs);
            let found = against_null(&graph, 20, seed, |of| clustering(of).average());
            found.z().is_some_and(|z| z.abs() > 3.0)
        };
        assert!((0..40).filter(|&seed| is_outside(seed)).count() <= 3);
    }

    #[test]
    fn what_cannot_vary_has_no_z() {
        let of_star = against_null(&testgraphs::star(40), 20, 1, |graph| {
            clustering(graph).average()
        });
        assert_eq!((of_star.observed, of_star.z()), (0.0, None));
        let same = AgainstNull::new(0.3, [0.1; 20].into_iter());
        assert_eq!(same.z(), None);
        let nothing = against_null(&Undirected::new(0, []), 0, 1, |_| None);
        assert_eq!(nothing.z(), None);
    }
}
