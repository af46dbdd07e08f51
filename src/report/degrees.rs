//! How many nodes have how many callers, callees and neighbours.

use crate::algo::degree::{ccdf, histogram};
use crate::report::Service;

/// How many nodes have one number of neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DegreeRow {
    /// The number of neighbours.
    pub degree: u64,
    /// Nodes that have so many.
    pub count: u64,
    /// Share of all nodes that have so many or more: the complementary cumulative distribution.
    pub ccdf: f64,
}

/// The distributions of degrees, each by ascending degree without those that do not occur; empty without nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Degrees {
    /// Of distinct neighbours.
    pub total: Vec<DegreeRow>,
    /// Of distinct callers.
    pub incoming: Vec<DegreeRow>,
    /// Of distinct callees.
    pub outgoing: Vec<DegreeRow>,
}

impl Degrees {
    /// Returns the distributions over nodes.
    pub fn of(nodes: &[Service]) -> Degrees {
        let rows = |degree: fn(&Service) -> u64| {
            let degrees: Vec<u64> = nodes.iter().map(degree).collect();
            let shares = ccdf(&degrees).into_iter();
            let counts = histogram(&degrees).into_iter();
            counts
                .zip(shares)
                .map(|((degree, count), (_, ccdf))| DegreeRow {
                    degree,
                    count: count as u64,
                    ccdf,
                })
                .collect()
        };
        Degrees {
            total: rows(|node| node.degree),
            incoming: rows(|node| node.in_degree),
            outgoing: rows(|node| node.out_degree),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_counts_once_in_each_distribution() {
        let node = |in_degree, out_degree, degree| Service {
            in_degree,
            out_degree,
            degree,
            ..Service::default()
        };
        let found = Degrees::of(&[node(0, 2, 2), node(1, 0, 1), node(1, 0, 1), node(0, 1, 1)]);
        let row = |degree, count, ccdf| DegreeRow {
            degree,
            count,
            ccdf,
        };
        assert_eq!(found.total, [row(1, 3, 1.0), row(2, 1, 0.25)]);
        assert_eq!(found.incoming, [row(0, 2, 1.0), row(1, 2, 0.5)]);
        assert_eq!(
            found.outgoing,
            [row(0, 2, 1.0), row(1, 1, 0.5), row(2, 1, 0.25)]
        );
        assert_eq!(Degrees::of(&[]), Degrees::default());
    }
}
