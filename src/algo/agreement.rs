//! How far two partitions of the same things agree.
//!
//! *Mutual information* says how much one grouping tells about the other; *adjusted* mutual
//! information (Vinh, Epps and Bailey, JMLR 11, 2010) takes off what chance would give and scales
//! the rest by the mean of the two entropies: 1 for equal partitions up to names, about 0 for
//! unrelated ones. The expectation is exact, over all partitions with the same group sizes, which
//! costs O(R C N/C) = O(R N) for R and C groups of N things.

use std::collections::BTreeMap;

use crate::algo::special::ln_gamma;

/// Returns the adjusted mutual information of two partitions, given as the group of each thing;
/// none if there are no things. Two partitions that are both a single group, or both all
/// singletons, agree.
pub fn adjusted_mutual_information(first: &[u32], second: &[u32]) -> Option<f64> {
    assert_eq!(
        first.len(),
        second.len(),
        "both partitions are of the same things"
    );
    if first.is_empty() {
        return None;
    }
    let n = first.len() as f64;
    let rows = sizes(first.iter().copied());
    let columns = sizes(second.iter().copied());
    let cells = sizes(first.iter().copied().zip(second.iter().copied()));
    let information: f64 = cells
        .iter()
        .map(|((row, column), &count)| {
            let count = count as f64;
            count / n * (n * count / (rows[row] as f64 * columns[column] as f64)).ln()
        })
        .sum();
    let entropy = |groups: &BTreeMap<u32, u64>| -> f64 {
        groups
            .values()
            .map(|&size| -(size as f64 / n) * (size as f64 / n).ln())
            .sum()
    };
    let expected = expected_information(&rows, &columns, first.len() as u64);
    let largest = (entropy(&rows) + entropy(&columns)) / 2.0;
    let room = largest - expected;
    if room.abs() < 1e-12 {
        Some(1.0)
    } else {
        Some((information - expected) / room)
    }
}

fn sizes<T: Ord>(groups: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut sizes = BTreeMap::new();
    for group in groups {
        *sizes.entry(group).or_insert(0) += 1;
    }
    sizes
}

/// Returns the mean mutual information over all partitions with these group sizes.
fn expected_information(rows: &BTreeMap<u32, u64>, columns: &BTreeMap<u32, u64>, n: u64) -> f64 {
    let ln_factorial: Vec<f64> = (0..=n).map(|k| ln_gamma(k as f64 + 1.0)).collect();
    let ln_factorial = |k: u64| ln_factorial[k as usize];
    let mut expected = 0.0;
    for &row in rows.values() {
        for &column in columns.values() {
            let fixed = ln_factorial(row)
                + ln_factorial(column)
                + ln_factorial(n - row)
                + ln_factorial(n - column)
                - ln_factorial(n);
            // The size of the common part is hypergeometric.
            for common in (row + column).saturating_sub(n).max(1)..=row.min(column) {
                let ln_chance = fixed
                    - ln_factorial(common)
                    - ln_factorial(row - common)
                    - ln_factorial(column - common)
                    - ln_factorial(n + common - row - column);
                let share = common as f64 / n as f64;
                let surprise = (n as f64 * common as f64 / (row as f64 * column as f64)).ln();
                expected += share * surprise * ln_chance.exp();
            }
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn equal_partitions_agree_whatever_their_names() {
        let agreement =
            adjusted_mutual_information(&[0, 0, 1, 1, 2], &[7, 7, 3, 3, 0]).expect("things");
        assert_close(agreement, 1.0, 1e-12);
        assert_eq!(adjusted_mutual_information(&[0, 0], &[1, 1]), Some(1.0));
        assert_eq!(adjusted_mutual_information(&[0, 1], &[1, 0]), Some(1.0));
        assert_eq!(adjusted_mutual_information(&[], &[]), None);
    }

    #[test]
    fn published_values_hold() {
        let check = |first: &[u32], second: &[u32], expected: f64| {
            assert_close(
                adjusted_mutual_information(first, second).expect("things"),
                expected,
                1e-9,
            );
            assert_close(
                adjusted_mutual_information(second, first).expect("things"),
                expected,
                1e-9,
            );
        };
        // scikit-learn's reference case, a value it has kept since its first release.
        let first = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3];
        let second = [1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2];
        assert_close(
            adjusted_mutual_information(&first, &second).expect("things"),
            0.278_21,
            1e-5,
        );
        check(&[0, 0, 1, 1], &[0, 1, 0, 1], -0.5);
    }

    #[test]
    fn the_expectation_is_the_mean_over_shuffles() {
        let first = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3];
        let mut second = [0, 0, 1, 1, 1, 2, 2, 2, 2, 2];
        let mut random = Random::new(3, 0);
        let n_shuffles = 20_000;
        let mut sum = 0.0;
        for _ in 0..n_shuffles {
            random.shuffle(&mut second);
            sum += adjusted_mutual_information(&first, &second).expect("things");
        }
        assert_close(sum / f64::from(n_shuffles), 0.0, 0.01);
    }
}
