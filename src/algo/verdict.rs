//! What can be said about counts and a power law, in one of five phrases.
//!
//! Puts the bootstrap of [`powerlaw`](crate::algo::powerlaw) and the comparisons of
//! [`rivals`](crate::algo::rivals) together. A power law is never proved: the best that can be said
//! is that it is plausible and that everything else fits worse.

use crate::algo::rivals::{Comparison, Rival};

/// What can be said about counts and a power law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too few counts, or too few in the tail.
    InsufficientData,
    /// Synthetic data fit better too often.
    RuledOut,
    /// Plausible, but these rivals fit significantly better.
    Outdone(Vec<Rival>),
    /// Plausible, and these rivals fit as well as far as one can tell.
    NotDistinguishable(Vec<Rival>),
    /// Plausible, and every rival fits significantly worse.
    Favoured,
}

impl Verdict {
    /// Returns the verdict in words.
    pub fn words(&self) -> String {
        let names = |rivals: &[Rival]| {
            rivals
                .iter()
                .map(|rival| rival.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Verdict::InsufficientData => "insufficient data".to_owned(),
            Verdict::RuledOut => "ruled out".to_owned(),
            Verdict::Outdone(rivals) => format!("plausible, but {} fits better", names(rivals)),
            Verdict::NotDistinguishable(rivals) => {
                format!("plausible, not distinguishable from {}", names(rivals))
            }
            Verdict::Favoured => "plausible and favoured".to_owned(),
        }
    }
}

/// The level of both the bootstrap and the comparisons.
const LEVEL: f64 = 0.1;

/// The least number of counts for any verdict.
pub const MIN_COUNTS: usize = 100;

/// Returns the verdict on `n_counts` counts whose best tail has the given `goodness` and
/// comparisons; pass no goodness if no tail could be fitted.
pub fn verdict(n_counts: usize, goodness: Option<f64>, comparisons: &[Comparison]) -> Verdict {
    let Some(p) = goodness.filter(|_| n_counts >= MIN_COUNTS) else {
        return Verdict::InsufficientData;
    };
    if p < LEVEL {
        return Verdict::RuledOut;
    }
    let rivals_where = |holds: &dyn Fn(&Comparison) -> bool| -> Vec<Rival> {
        comparisons
            .iter()
            .filter(|comparison| holds(comparison))
            .map(|comparison| comparison.rival)
            .collect()
    };
    let better = rivals_where(&|c| !c.degenerate && c.p < LEVEL && c.ratio < 0.0);
    if !better.is_empty() {
        return Verdict::Outdone(better);
    }
    // The cutoff contains the power law and so can never fit worse.
    let equal = rivals_where(&|c| c.rival != Rival::Cutoff && (c.degenerate || c.p >= LEVEL));
    if equal.is_empty() {
        Verdict::Favoured
    } else {
        Verdict::NotDistinguishable(equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_evidence() {
        let result = |rival, ratio, p, degenerate| Comparison {
            rival,
            ratio,
            p,
            degenerate,
        };
        let exponential = result(Rival::Exponential, 4.0, 0.001, false);
        let lognormal = result(Rival::Lognormal, 2.5, 0.01, false);
        let stretched = result(Rival::StretchedExponential, 2.0, 0.04, false);
        let cutoff = result(Rival::Cutoff, -0.1, 0.6, false);
        let words = |n, p, comparisons: &[Comparison]| verdict(n, p, comparisons).words();
        let all = [exponential, lognormal, stretched, cutoff];
        assert_eq!(words(99, Some(0.5), &all), "insufficient data");
        assert_eq!(words(500, None, &[]), "insufficient data");
        assert_eq!(words(500, Some(0.09), &all), "ruled out");
        assert_eq!(words(500, Some(0.5), &all), "plausible and favoured");
        let unclear = [
            exponential,
            result(Rival::Lognormal, 0.4, 0.66, false),
            stretched,
            cutoff,
        ];
        assert_eq!(
            words(500, Some(0.5), &unclear),
            "plausible, not distinguishable from lognormal"
        );
        let imitation = [
            exponential,
            result(Rival::Lognormal, 2.5, 0.01, true),
            stretched,
            cutoff,
        ];
        assert_eq!(
            words(500, Some(0.5), &imitation),
            "plausible, not distinguishable from lognormal"
        );
        let cut = [
            exponential,
            lognormal,
            stretched,
            result(Rival::Cutoff, -4.5, 0.003, false),
        ];
        assert_eq!(
            words(500, Some(0.5), &cut),
            "plausible, but power law with cutoff fits better"
        );
    }
}
