//! Unknown offsets that differ from each other by at most so much: systems of difference constraints.
//!
//! Terms: each constraint says `x[to] - x[from] <= at_most`. The system has a solution exactly when the graph with an
//! arc from `from` to `to` of length `at_most` has no cycle of negative length; then the shortest distance from `i` to `j` is the least
//! upper bound of `x[j] - x[i]` that follows from all of them (Cormen, Leiserson, Rivest, Stein, Introduction to
//! Algorithms, section 24.4). Feasibility is by Bellman and Ford, O(nodes x constraints), the bounds by Floyd and
//! Warshall, O(nodes^3).

/// `x[to] - x[from] <= at_most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The unknown that is taken away.
    pub from: u32,
    /// The unknown it is taken away from.
    pub to: u32,
    /// The most that the difference can be.
    pub at_most: i64,
}

/// Returns values of all unknowns that meet every constraint, or the unknowns along a cycle of constraints that contradict
/// each other, in the order of its arcs and from its smallest number on.
///
/// Every end of a constraint is below `n`.
pub fn solve(n: usize, constraints: &[Constraint]) -> Result<Vec<i128>, Vec<u32>> {
    // As if from one more node with an arc of length zero to every other.
    let mut values = vec![0i128; n];
    let mut previous: Vec<Option<u32>> = vec![None; n];
    let mut last = None;
    for _ in 0..=n {
        last = None;
        for constraint in constraints {
            let (from, to) = (constraint.from as usize, constraint.to as usize);
            let value = values[from] + i128::from(constraint.at_most);
            if value < values[to] {
                values[to] = value;
                previous[to] = Some(constraint.from);
                last = Some(constraint.to);
            }
        }
        if last.is_none() {
            return Ok(values);
        }
    }
    let mut at = last.unwrap_or_default();
    // Whoever still changes after n rounds hangs below a cycle; n steps back lead into it.
    for _ in 0..n {
        at = previous[at as usize].unwrap_or(at);
    }
    let mut cycle = vec![at];
    let mut next = previous[at as usize];
    while let Some(node) = next.filter(|node| *node != at) {
        cycle.push(node);
        next = previous[node as usize];
    }
    cycle.reverse();
    let smallest = (0..cycle.len()).min_by_key(|place| cycle[*place]);
    cycle.rotate_left(smallest.unwrap_or(0));
    Err(cycle)
}

/// The least upper bounds of all differences.
#[derive(Clone, Debug)]
pub struct Bounds {
    n: usize,
    /// By `from * n + to`.
    at_most: Vec<Option<i128>>,
}

impl Bounds {
    /// Returns the bounds that follow from constraints that have a solution.
    pub fn of(n: usize, constraints: &[Constraint]) -> Bounds {
        let mut at_most: Vec<Option<i128>> = vec![None; n * n];
        for node in 0..n {
            at_most[node * n + node] = Some(0);
        }
        for constraint in constraints {
            let place = constraint.from as usize * n + constraint.to as usize;
            let bound = i128::from(constraint.at_most);
            at_most[place] = Some(at_most[place].map_or(bound, |known| known.min(bound)));
        }
        for middle in 0..n {
            let row = at_most[middle * n..(middle + 1) * n].to_vec();
            for from in 0..n {
                let Some(first) = at_most[from * n + middle] else {
                    continue;
                };
                for (bound, second) in at_most[from * n..(from + 1) * n].iter_mut().zip(&row) {
                    if let Some(second) = second {
                        let sum = first + second;
                        *bound = Some(bound.map_or(sum, |known| known.min(sum)));
                    }
                }
            }
        }
        Bounds { n, at_most }
    }

    /// Returns the most that `x[to] - x[from]` can be, if anything limits it.
    pub fn at_most(&self, from: u32, to: u32) -> Option<i128> {
        self.at_most[from as usize * self.n + to as usize]
    }

    /// Returns the least that `x[to] - x[from]` can be, if anything limits it.
    pub fn at_least(&self, from: u32, to: u32) -> Option<i128> {
        self.at_most(to, from).map(|bound| -bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;

    /// Returns the two constraints of `low <= x[to] - x[from] <= high`.
    fn between(from: u32, to: u32, low: i64, high: i64) -> [Constraint; 2] {
        let constraint = |from, to, at_most| Constraint { from, to, at_most };
        [constraint(from, to, high), constraint(to, from, -low)]
    }

    #[test]
    fn three_clocks_that_contradict_each_other() {
        let (a, b, c) = (0, 1, 2);
        let first = [between(a, b, 30, 45), between(b, c, -20, -10)].concat();
        let bounds = Bounds::of(3, &first);
        assert_eq!(
            (bounds.at_least(a, c), bounds.at_most(a, c)),
            (Some(10), Some(35))
        );
        assert!(solve(3, &first).is_ok());
        let all = [first, between(a, c, 40, 60).to_vec()].concat();
        // From b on: b is at most 45 ahead of a, c at most 10 behind b, a at most 40 behind c.
        assert_eq!(solve(3, &all), Err(vec![a, b, c]));
    }

    #[test]
    fn nothing_limits_what_is_not_connected() {
        let bounds = Bounds::of(3, &between(0, 1, 1, 2));
        assert_eq!((bounds.at_least(0, 2), bounds.at_most(0, 2)), (None, None));
        assert_eq!(solve(0, &[]), Ok(Vec::new()));
        let itself = |at_most| Constraint {
            from: 0,
            to: 0,
            at_most,
        };
        assert!(solve(1, &[itself(0)]).is_ok());
        assert_eq!(solve(1, &[itself(-1)]), Err(vec![0]));
    }

    /// Returns every assignment of small whole numbers, the first unknown being zero.
    fn assignments(n: usize, reach: i64) -> Vec<Vec<i64>> {
        let mut all = vec![vec![0]];
        for _ in 1..n {
            let longer = all.iter().flat_map(|some| {
                (-reach..=reach).map(move |value| [some.as_slice(), &[value]].concat())
            });
            all = longer.collect();
        }
        all
    }

    #[test]
    fn solutions_and_bounds_are_those_of_trying_everything() {
        const N: usize = 4;
        let tried = assignments(N, 9);
        let mut feasible = 0;
        for replicate in 0..300 {
            let mut random = Random::new(11, replicate);
            let mut constraints = Vec::new();
            // A chain keeps every difference within the numbers tried.
            for to in 1..N as u32 {
                constraints.extend(between(to - 1, to, -3, 3));
            }
            for _ in 0..random.below(7) {
                constraints.push(Constraint {
                    from: random.below(N) as u32,
                    to: random.below(N) as u32,
                    at_most: random.below(8) as i64 - 4,
                });
            }
            let meets = |values: &[i64]| {
                constraints.iter().all(|constraint| {
                    let [from, to] = [constraint.from, constraint.to].map(|at| values[at as usize]);
                    to - from <= constraint.at_most
                })
            };
            let solutions: Vec<&Vec<i64>> = tried
                .iter()
                .filter(|values| meets(values.as_slice()))
                .collect();
            match solve(N, &constraints) {
                Ok(values) => {
                    feasible += 1;
                    let values: Vec<i64> = values.iter().map(|value| *value as i64).collect();
                    assert!(meets(&values), "{constraints:?}: {values:?}");
                    let bounds = Bounds::of(N, &constraints);
                    for from in 0..N {
                        for to in 0..N {
                            let most = solutions.iter().map(|x| x[to] - x[from]).max();
                            let found = bounds.at_most(from as u32, to as u32);
                            assert_eq!(found, most.map(i128::from), "{constraints:?}");
                        }
                    }
                }
                Err(cycle) => {
                    assert!(solutions.is_empty(), "{constraints:?}");
                    let shortest = |from: u32, to: u32| {
                        let arcs = constraints.iter();
                        let arcs = arcs.filter(|arc| (arc.from, arc.to) == (from, to));
                        arcs.map(|arc| arc.at_most).min().unwrap()
                    };
                    let next = cycle.iter().cycle().skip(1);
                    let length: i64 = cycle.iter().zip(next).map(|(a, b)| shortest(*a, *b)).sum();
                    assert!(length < 0, "{constraints:?}: {cycle:?}");
                }
            }
        }
        assert!((50..280).contains(&feasible), "{feasible}");
    }
}
