//! Trophic levels: how far down the flow of calls each node stands.
//!
//! MacKay, Johnson and Sansom (R. Soc. Open Sci. 7, 201138, 2020): with weights A, the levels h
//! solve `(diag(in + out) - A - A^T) h = in - out`, which makes every edge as nearly one step as
//! can be; the incoherence F0 is the weighted mean of (h_to - h_from - 1)^2, 0 for perfect layers
//! and 1 for pure circulation. Cycles need no special care. Levels are fixed up to a constant per
//! connected component: here the lowest level of each is zero.
//!
//! Method: fixing one node per component at zero leaves a symmetric positive definite M-matrix,
//! solved by conjugate gradients. The preconditioner is the incomplete Cholesky factor in the order
//! of a breadth-first search from the fixed nodes, last node first: exact for trees, and it always
//! exists (Meijerink and van der Vorst, Math. Comp. 31, 1977). O(N + M) per round. Self-loops are
//! no edges; a lonely node has level zero; without edges there is no incoherence.

use crate::algo::graph::Digraph;

/// The levels of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// The level of each node; the lowest of each component is zero.
    pub level: Vec<f64>,
    /// F0; none without edges.
    pub incoherence: Option<f64>,
}

/// Returns the levels of `graph`, whose edges have the given positive and finite weights, in the
/// order of [`Digraph::edges`].
pub fn trophic_levels(graph: &Digraph, weights: &[f64]) -> Levels {
    assert_eq!(weights.len(), graph.n_edges(), "every edge has one weight");
    let system = System::new(graph, weights);
    let mut imbalance = vec![0.0; graph.n_nodes()];
    for ((from, to), &weight) in graph.edges().zip(weights) {
        imbalance[to as usize] += weight;
        imbalance[from as usize] -= weight;
    }
    let by_place: Vec<f64> = system
        .order
        .iter()
        .map(|&node| imbalance[node as usize])
        .collect();
    let mut solution = system.solve(by_place);
    for component in system.components.windows(2) {
        let part = &mut solution[component[0]..component[1]];
        let lowest = part.iter().copied().fold(f64::INFINITY, f64::min);
        part.iter_mut().for_each(|level| *level -= lowest);
    }
    let mut level = vec![0.0; graph.n_nodes()];
    for (&node, value) in system.order.iter().zip(solution) {
        level[node as usize] = value;
    }
    let strain = |((from, to), &weight): ((u32, u32), &f64)| {
        weight * (level[to as usize] - level[from as usize] - 1.0).powi(2)
    };
    let total: f64 = weights.iter().sum();
    let strains: f64 = graph.edges().zip(weights).map(strain).sum();
    Levels {
        incoherence: (total > 0.0).then(|| strains / total),
        level,
    }
}

/// The linear system, with nodes renumbered by their place in the breadth-first order.
struct System {
    /// The node at each place.
    order: Vec<u32>,
    /// The first place of each component, which is the fixed one, and the number of places.
    components: Vec<usize>,
    diagonal: Vec<f64>,
    /// For each place, the places before it that it is tied to, with the weight of the tie.
    ties: Vec<Vec<(u32, f64)>>,
    /// The pivots of the incomplete factor.
    pivots: Vec<f64>,
}

impl System {
    fn new(graph: &Digraph, weights: &[f64]) -> System {
        const UNSEEN: u32 = u32::MAX;
        let n_nodes = graph.n_nodes();
        let undirected = graph.undirected();
        let mut place = vec![UNSEEN; n_nodes];
        let mut order: Vec<u32> = Vec::with_capacity(n_nodes);
        let mut components = Vec::new();
        for start in 0..n_nodes as u32 {
            if place[start as usize] != UNSEEN {
                continue;
            }
            components.push(order.len());
            place[start as usize] = order.len() as u32;
            order.push(start);
            let mut next = order.len() - 1;
            while let Some(&node) = order.get(next) {
                next += 1;
                for &other in undirected.neighbours(node) {
                    if place[other as usize] == UNSEEN {
                        place[other as usize] = order.len() as u32;
                        order.push(other);
                    }
                }
            }
        }
        components.push(n_nodes);

        let mut diagonal = vec![0.0; n_nodes];
        let mut ties: Vec<Vec<(u32, f64)>> = vec![Vec::new(); n_nodes];
        for ((from, to), &weight) in graph.edges().zip(weights) {
            let (a, b) = (place[from as usize], place[to as usize]);
            diagonal[a as usize] += weight;
            diagonal[b as usize] += weight;
            ties[a.max(b) as usize].push((a.min(b), weight));
        }
        // The fixed places become rows of the identity, without ties.
        for &fixed in &components[..components.len() - 1] {
            diagonal[fixed] = 1.0;
        }
        for list in &mut ties {
            list.retain(|(other, _)| components.binary_search(&(*other as usize)).is_err());
        }
        // Eliminating from the last place on, each tie lowers the pivot at its other end.
        let mut pivots = diagonal.clone();
        for index in (0..n_nodes).rev() {
            merge_repeated(&mut ties[index]);
            let pivot = pivots[index];
            for &(other, weight) in &ties[index] {
                pivots[other as usize] -= weight * weight / pivot;
            }
        }
        System {
            order,
            components,
            diagonal,
            ties,
            pivots,
        }
    }

    /// Returns the solution by preconditioned conjugate gradients, exact to about twelve digits.
    fn solve(&self, mut residual: Vec<f64>) -> Vec<f64> {
        const PRECISION: f64 = 1e-13;
        const ROUNDS: usize = 2000;
        for &fixed in &self.components[..self.components.len() - 1] {
            residual[fixed] = 0.0;
        }
        let mut solution = vec![0.0; residual.len()];
        let mut corrected = self.precondition(&residual);
        let mut direction = corrected.clone();
        let mut energy = dot(&residual, &corrected);
        let enough = energy * PRECISION * PRECISION;
        for _ in 0..ROUNDS {
            if energy <= enough {
                break;
            }
            let image = self.apply(&direction);
            let step = energy / dot(&direction, &image);
            for (value, along) in solution.iter_mut().zip(&direction) {
                *value += step * along;
            }
            for (value, along) in residual.iter_mut().zip(&image) {
                *value -= step * along;
            }
            corrected = self.precondition(&residual);
            let next_energy = dot(&residual, &corrected);
            let keep = next_energy / energy;
            energy = next_energy;
            for (value, new) in direction.iter_mut().zip(&corrected) {
                *value = new + keep * *value;
            }
        }
        solution
    }

    fn apply(&self, vector: &[f64]) -> Vec<f64> {
        let mut image: Vec<f64> = self
            .diagonal
            .iter()
            .zip(vector)
            .map(|(d, value)| d * value)
            .collect();
        for (index, list) in self.ties.iter().enumerate() {
            for &(other, weight) in list {
                image[index] -= weight * vector[other as usize];
                image[other as usize] -= weight * vector[index];
            }
        }
        image
    }

    /// Solves with the incomplete factor: from the last place to the first, and back.
    fn precondition(&self, vector: &[f64]) -> Vec<f64> {
        let mut result = vector.to_vec();
        for index in (0..result.len()).rev() {
            let share = result[index] / self.pivots[index];
            for &(other, weight) in &self.ties[index] {
                result[other as usize] += weight * share;
            }
        }
        for index in 0..result.len() {
            let before: f64 = self.ties[index]
                .iter()
                .map(|&(other, weight)| weight * result[other as usize])
                .sum();
            result[index] = (result[index] + before) / self.pivots[index];
        }
        result
    }
}

/// Adds up the weights of ties to the same place, which calls in both directions make.
fn merge_repeated(ties: &mut Vec<(u32, f64)>) {
    ties.sort_by_key(|&(other, _)| other);
    ties.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::random::Random;
    use crate::algo::testgraphs::{self, assert_close, random_digraphs};

    #[test]
    fn levels_solve_their_equations() {
        for (number, graph) in random_digraphs(1500, 12).enumerate() {
            let mut random = Random::new(1, number as u64);
            let weights: Vec<f64> = (0..graph.n_edges())
                .map(|_| 0.1 + 10.0 * random.unit())
                .collect();
            let found = trophic_levels(&graph, &weights);
            let mut error = vec![0.0; graph.n_nodes()];
            for ((from, to), weight) in graph.edges().zip(&weights) {
                let strain = weight * (found.level[to as usize] - found.level[from as usize] - 1.0);
                error[to as usize] += strain;
                error[from as usize] -= strain;
            }
            assert!(
                error.iter().all(|value| value.abs() < 1e-8),
                "{graph:?} {error:?}"
            );
            for members in
                crate::algo::components::connected_components(&graph.undirected()).members()
            {
                let lowest = members
                    .iter()
                    .map(|&node| found.level[node as usize])
                    .fold(f64::INFINITY, f64::min);
                assert_eq!(lowest, 0.0);
            }
        }
    }

    #[test]
    fn the_shop_has_its_published_levels() {
        let shop = testgraphs::shop();
        let found = trophic_levels(&shop.graph, &vec![1.0; shop.graph.n_edges()]);
        let expected = [
            ("gateway", 0.0),
            ("checkout", 0.471_698),
            ("inventory", 0.547_170),
            ("catalog", 0.849_057),
            ("cart", 1.037_736),
            ("payment", 1.056_604),
            ("report", 1.056_604),
            ("auth", 1.641_509),
            ("catalog-db", 1.698_113),
            ("search", 1.849_057),
            ("redis", 2.037_736),
            ("bank", 2.056_604),
            ("ledger-db", 2.056_604),
            ("s3", 2.056_604),
            ("user-db", 2.641_509),
            ("elastic", 2.849_057),
        ];
        for (name, level) in expected {
            assert_close(shop.value(&found.level, name), level, 1e-6);
        }
        assert_close(found.incoherence.expect("edges"), 0.166_217, 1e-6);
    }

    #[test]
    fn a_long_chain_has_its_steps() {
        let n_nodes = 100_000;
        let chain = Digraph::new(n_nodes, (1..n_nodes as u32).map(|node| (node - 1, node)));
        let found = trophic_levels(&chain, &vec![1.0; n_nodes - 1]);
        assert_close(found.level[n_nodes - 1], n_nodes as f64 - 1.0, 1e-3);
        assert_close(found.incoherence.expect("edges"), 0.0, 1e-9);
    }

    #[test]
    fn a_ring_circulates_and_nothing_has_no_level() {
        let ring = trophic_levels(&Digraph::new(3, [(0, 1), (1, 2), (2, 0)]), &[1.0; 3]);
        assert_close(ring.incoherence.expect("edges"), 1.0, 1e-12);
        assert_eq!(trophic_levels(&Digraph::new(0, []), &[]).incoherence, None);
        assert_eq!(
            trophic_levels(&Digraph::new(2, [(1, 1)]), &[]).level,
            [0.0, 0.0]
        );
    }
}
