//! A straight line through points, by least squares.

use crate::algo::differences::student_quantile;
use crate::algo::stats::Interval;

/// A slope and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// How much the second number grows with the first.
    pub value: f64,
    /// Where it lies, if errors are independent, normal and of equal spread.
    pub interval: Interval,
}

/// Returns the slope of the line through points with the least squares of errors; `None` for fewer than three points, and when
/// all have the same first number. O(points).
pub fn slope(confidence: f64, points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Slope> {
    let n = points.clone().count() as f64;
    if n < 3.0 {
        return None;
    }
    let (sum_x, sum_y) = points
        .clone()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    if xx <= 0.0 {
        return None;
    }
    let value = xy / xx;
    let rest = (yy - value * xy).max(0.0);
    let error = (rest / (n - 2.0) / xx).sqrt();
    let margin = student_quantile(confidence, n - 2.0) * error;
    Some(Slope {
        value,
        interval: Interval {
            low: value - margin,
            high: value + margin,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anscombe, Graphs in Statistical Analysis, Am. Stat. 27, 1973: slope 0.5, standard error 0.118 with nine degrees of freedom.
    #[test]
    fn anscombes_first_line() {
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let found = slope(0.95, x.into_iter().zip(y)).unwrap();
        assert!((found.value - 0.500_091).abs() < 1e-6, "{found:?}");
        let error = (found.interval.high - found.value) / 2.262_157;
        assert!((error - 0.117_906).abs() < 1e-5, "{error}");
    }

    #[test]
    fn points_on_a_line_leave_no_doubt() {
        let found = slope(
            0.95,
            (0..5).map(|x| (f64::from(x), 3.0 * f64::from(x) - 1.0)),
        )
        .unwrap();
        assert!((found.value - 3.0).abs() < 1e-12);
        assert!(found.interval.high - found.interval.low < 1e-6);
    }

    #[test]
    fn no_line_is_none() {
        assert_eq!(slope(0.95, [(1.0, 1.0), (2.0, 2.0)].into_iter()), None);
        assert_eq!(slope(0.95, [(1.0, 1.0); 5].into_iter()), None);
    }
}
