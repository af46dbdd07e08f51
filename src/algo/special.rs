//! Special functions that statistics need: ln Gamma, binomial coefficients, the normal tail.
//!
//! Each is written from its textbook expansion (Abramowitz and Stegun, 1964: 6.1.41, 7.1.6, 7.1.14)
//! and holds about 14 digits. Arguments outside the stated domain are the caller's mistake and
//! yield NaN or infinity, not a panic.

use std::f64::consts::{PI, SQRT_2};

/// Returns ln Gamma(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    /// Stirling's series is good for 16 digits from here on.
    const SMALLEST: f64 = 10.0;
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < SMALLEST {
        product *= shifted;
        shifted += 1.0;
    }
    // B(2k) / (2k (2k-1)) for k = 1, 2, ...
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let inverse_square = 1.0 / (shifted * shifted);
    let correction = series
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * inverse_square + term)
        / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * (2.0 * PI).ln() + correction - product.ln()
}

/// Returns ln of the binomial coefficient of n over k; minus infinity if k > n.
pub fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    if k == 0 || k == n {
        return 0.0;
    }
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

/// Returns the binomial coefficient of n over k exactly, or `None` if it needs more than 128 bits.
pub fn choose(n: u64, k: u64) -> Option<u128> {
    if k > n {
        return Some(0);
    }
    (0..k.min(n - k)).try_fold(1u128, |product, step| {
        // The product of step + 1 consecutive numbers is divisible by (step + 1)!.
        Some(product.checked_mul(u128::from(n - step))? / u128::from(step + 1))
    })
}

/// Returns the complementary error function, 1 - erf(x).
pub fn erfc(x: f64) -> f64 {
    /// The series wins below, the continued fraction above.
    const BORDER: f64 = 2.0;
    if x < -BORDER {
        return 2.0 - erfc(-x);
    }
    if x < BORDER {
        // erf(x) as exp(-x^2) times a series whose terms all have one sign.
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > sum.abs() * f64::EPSILON / 4.0 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum;
    }
    (-x * x).exp() / PI.sqrt() / tail_fraction(x)
}

/// Returns exp(-x^2) / (sqrt(pi) erfc(x)) for x >= 2, as a continued fraction.
fn tail_fraction(x: f64) -> f64 {
    const DEPTH: u32 = 100;
    (1..=DEPTH)
        .rev()
        .fold(x, |below, k| x + f64::from(k) / 2.0 / below)
}

/// Returns the probability that a standard normal variable exceeds z.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// Returns the logarithm of [`normal_tail`], also where that is too small for a number.
pub fn ln_normal_tail(z: f64) -> f64 {
    let x = z / SQRT_2;
    if x < 2.0 {
        normal_tail(z).ln()
    } else {
        -x * x - (2.0 * PI.sqrt() * tail_fraction(x)).ln()
    }
}

/// Returns the probability that a standard normal variable is further from zero than z.
pub fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::testgraphs::assert_close;

    #[test]
    fn ln_gamma_is_the_factorial() {
        let mut factorial = 1.0f64;
        for n in 1..100 {
            assert_close(
                ln_gamma(f64::from(n)),
                factorial.ln(),
                1e-12 * factorial.ln().max(1.0),
            );
            factorial *= f64::from(n);
        }
        assert_close(ln_gamma(0.5), PI.sqrt().ln(), 1e-14);
        assert_close(ln_gamma(1e-3), 6.907_178_885_383_853, 1e-12);
    }

    #[test]
    fn binomials_follow_pascal() {
        for n in 1..60 {
            for k in 1..n {
                let above = choose(n - 1, k - 1).expect("small") + choose(n - 1, k).expect("small");
                assert_eq!(choose(n, k), Some(above));
                assert_close(ln_choose(n, k), (above as f64).ln(), 1e-11);
            }
        }
        assert_eq!(choose(2048, 4), Some(730_862_190_080));
        assert_eq!((choose(3, 4), choose(1_000_000, 500_000)), (Some(0), None));
        assert_eq!(ln_choose(3, 4), f64::NEG_INFINITY);
    }

    #[test]
    fn erfc_has_its_tabulated_values() {
        // Abramowitz and Stegun, table 7.1, and mpmath for the far tail.
        let table = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (1.99, 0.004888586800383003),
            (2.0, 0.004_677_734_981_047_266),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_034_8e-12),
            (10.0, 2.088_487_583_762_545e-45),
            (-1.0, 1.842_700_792_949_715),
        ];
        for (x, value) in table {
            assert_close(erfc(x) / value, 1.0, 2e-12);
        }
        assert_eq!((erfc(-30.0), erfc(f64::INFINITY)), (2.0, 0.0));
        assert_close(normal_two_sided(1.959_963_984_540_054), 0.05, 1e-12);
        assert_close(normal_tail(-1.0), 0.841_344_746_068_543, 1e-12);
        for z in [-5.0, 0.0, 2.5, 2.9, 8.0, 30.0] {
            assert_close(ln_normal_tail(z), normal_tail(z).ln(), 1e-11);
        }
        assert_close(ln_normal_tail(100.0), -5_005.524_208_694_205, 1e-9);
    }
}
