//! The minimum of a function of two variables, without derivatives.
//!
//! The simplex of Nelder and Mead (Computer J. 7, 1965), set up again around the best point until
//! that no longer helps. It finds a local minimum; infinity marks points outside the domain. At
//! most 1,200 steps.

/// Returns a point of least value near `start`, which lies inside the domain.
pub fn minimum(function: impl Fn([f64; 2]) -> f64, start: [f64; 2]) -> [f64; 2] {
    const RESTARTS: usize = 6;
    const STEPS: usize = 200;
    const PRECISION: f64 = 1e-10;
    let along = |from: [f64; 2], to: [f64; 2], share: f64| {
        [
            from[0] + share * (to[0] - from[0]),
            from[1] + share * (to[1] - from[1]),
        ]
    };
    let mut best = (function(start), start);
    for _ in 0..RESTARTS {
        let before = best.0;
        let corners = [
            best.1,
            [best.1[0] + 0.5, best.1[1]],
            [best.1[0], best.1[1] + 0.5],
        ];
        let mut simplex = corners.map(|corner| (function(corner), corner));
        for _ in 0..STEPS {
            simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
            if simplex[2].0 - simplex[0].0 <= PRECISION * simplex[0].0.abs() {
                break;
            }
            let middle = along(simplex[0].1, simplex[1].1, 0.5);
            let at = |share: f64| {
                let point = along(middle, simplex[2].1, share);
                (function(point), point)
            };
            let mirrored = at(-1.0);
            let tried = if mirrored.0 < simplex[0].0 {
                let farther = at(-2.0);
                if farther.0 < mirrored.0 {
                    farther
                } else {
                    mirrored
                }
            } else if mirrored.0 < simplex[1].0 {
                mirrored
            } else if mirrored.0 < simplex[2].0 {
                at(-0.5)
            } else {
                at(0.5)
            };
            if tried.0 < simplex[2].0 {
                simplex[2] = tried;
            } else {
                for corner in 1..3 {
                    let point = along(simplex[0].1, simplex[corner].1, 0.5);
                    simplex[corner] = (function(point), point);
                }
            }
        }
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        best = simplex[0];
        if before - best.0 <= PRECISION * best.0.abs() {
            break;
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn the_minimum_of_a_narrow_valley_is_found() {
        let valley = |[x, y]: [f64; 2]| 1.0 + (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
        let [x, y] = minimum(valley, [-1.2, 1.0]);
        assert_close(x, 1.0, 1e-3);
        assert_close(y, 1.0, 1e-3);
    }
}
