//! How unevenly things are spread over nodes: degrees, traffic, any counts.
//!
//! Degrees come from the graph types; here are the shapes of their distribution. Counts may be any
//! non-negative integers, so the Gini coefficient serves traffic as well. A value that is not
//! defined, such as the inequality of nothing, is `None`.

use crate::algo::graph::Undirected;

/// Returns `(value, how many counts equal it)`, ascending. O(n log n).
pub fn histogram(counts: &[u64]) -> Vec<(u64, usize)> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| (equal[0], equal.len()))
        .collect()
}

/// Returns `(value, share of counts that are at least this)` for every value that occurs,
/// ascending. O(n log n).
pub fn ccdf(counts: &[u64]) -> Vec<(u64, f64)> {
    let mut below = 0;
    let share_from = |(value, equal): (u64, usize)| {
        let share = (counts.len() - below) as f64 / counts.len() as f64;
        below += equal;
        (value, share)
    };
    histogram(counts).into_iter().map(share_from).collect()
}

/// Returns the Gini coefficient: 0 if all counts are equal, towards 1 if one holds everything; none
/// if there is nothing to share. O(n log n).
pub fn gini(counts: &[u64]) -> Option<f64> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let n = sorted.len() as f64;
    let total: f64 = sorted.iter().map(|&count| count as f64).sum();
    // With i counted from one, the weight of the i-th smallest is 2i - n - 1.
    let weighted = sorted
        .iter()
        .enumerate()
        .map(|(i, &count)| (2.0 * i as f64 + 1.0 - n) * count as f64);
    let weighted: f64 = weighted.sum();
    (total > 0.0).then(|| weighted / (n * total))
}

/// Returns Freeman's degree centralisation (Social Networks 1, 1979): 1 for a star, 0 if all
/// degrees are equal; none for fewer than three nodes. O(N).
pub fn centralisation(graph: &Undirected) -> Option<f64> {
    let degrees = graph.degrees();
    let largest = degrees.iter().copied().max()?;
    let missing: usize = degrees.iter().map(|&degree| largest - degree).sum();
    let n = graph.n_nodes() as f64;
    (graph.n_nodes() > 2).then(|| missing as f64 / ((n - 1.0) * (n - 2.0)))
}

/// Returns the correlation of the degrees at both ends of an edge (Newman, PRL 89, 2002); none if
/// there are no edges or all their ends have the same degree. O(N + M).
pub fn assortativity(graph: &Undirected) -> Option<f64> {
    // Over ordered ends: `ends` of them, with the sums of x, x^2 and xy. Integers keep "all the
    // same" exact.
    let (mut ends, mut sum, mut squares, mut products) = (0u128, 0u128, 0u128, 0u128);
    for node in 0..graph.n_nodes() as u32 {
        let degree = graph.degree(node) as u128;
        let across: usize = graph
            .neighbours(node)
            .iter()
            .map(|&other| graph.degree(other))
            .sum();
        ends += degree;
        sum += degree * degree;
        squares += degree * degree * degree;
        products += degree * across as u128;
    }
    let variance = ends * squares - sum * sum;
    let covariance = (ends * products) as f64 - (sum * sum) as f64;
    (variance > 0).then(|| covariance / variance as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::{self, assert_close, random_digraphs};

    fn degrees(graph: &Undirected) -> Vec<u64> {
        graph
            .degrees()
            .iter()
            .map(|&degree| degree as u64)
            .collect()
    }

    #[test]
    fn gini_is_the_mean_difference_of_all_pairs() {
        for graph in random_digraphs(500, 12).map(|graph| graph.undirected()) {
            let counts = degrees(&graph);
            let n = counts.len() as f64;
            let total: u64 = counts.iter().sum();
            let pairs = counts
                .iter()
                .flat_map(|&a| counts.iter().map(move |&b| a.abs_diff(b)));
            let expected = pairs.sum::<u64>() as f64 / (2.0 * n * total as f64);
            match gini(&counts) {
                Some(found) => assert_close(found, expected, 1e-12),
                None => assert_eq!(total, 0),
            }
        }
    }

    #[test]
    fn published_values_hold() {
        let check = |graph: Undirected, assortative: Option<f64>, central: f64, unequal: f64| {
            match (assortativity(&graph), assortative) {
                (Some(found), Some(expected)) => assert_close(found, expected, 1e-6),
                (found, expected) => assert_eq!(found, expected),
            }
            assert_close(centralisation(&graph).expect("nodes"), central, 1e-6);
            assert_close(gini(&degrees(&graph)).expect("edges"), unequal, 1e-6);
        };
        check(testgraphs::karate(), Some(-0.475_613), 0.399_621, 0.385_370);
        check(
            testgraphs::les_miserables(),
            Some(-0.165_225),
            0.397_193,
            0.461_039,
        );
        check(
            testgraphs::florentine(),
            Some(-0.374_838),
            0.274_725,
            0.270_000,
        );
        check(testgraphs::davis(), Some(-0.336_998), 0.290_323, 0.274_930);
        check(testgraphs::kite(), Some(0.152_542), 0.333_333, 0.222_222);
        check(testgraphs::petersen(), None, 0.0, 0.0);
        check(
            testgraphs::barbell(5, 2),
            Some(-0.003_356),
            0.127_273,
            0.108_696,
        );
        let central = |graph: Undirected| centralisation(&graph).expect("nodes");
        assert_close(central(testgraphs::star(19)), 1.0, 1e-12);
        assert_close(central(testgraphs::path(10)), 0.027_778, 1e-6);
        assert_close(central(testgraphs::binary_tree(4)), 0.037_931, 1e-6);
        assert_close(central(testgraphs::grid(5)), 0.036_232, 1e-6);
        assert_close(
            central(testgraphs::shop().graph.undirected()),
            0.190_476,
            1e-6,
        );
    }

    #[test]
    fn histogram_and_ccdf_count_every_value() {
        assert_eq!(histogram(&[3, 1, 3, 0]), [(0, 1), (1, 1), (3, 2)]);
        assert_eq!(ccdf(&[3, 1, 3, 0]), [(0, 1.0), (1, 0.75), (3, 0.5)]);
    }

    #[test]
    fn nothing_has_no_shape() {
        let empty = Undirected::new(0, []);
        assert_eq!((gini(&[]), gini(&[0, 0])), (None, None));
        assert_eq!(
            (centralisation(&empty), assortativity(&empty)),
            (None, None)
        );
        assert_eq!(centralisation(&Undirected::new(2, [(0, 1)])), None);
        assert!(histogram(&[]).is_empty() && ccdf(&[]).is_empty());
    }
}
