//! Limits on numbers: bounds in both directions, what is worse than the baseline, and measures of the whole network.

use crate::policy::Place;
use crate::policy::query::Query;
use crate::policy::value::{Ratio, Severity};

/// The values that are fine: not below the one, not above the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Anything smaller is out of bounds.
    pub below: Option<f64>,
    /// Anything greater is out of bounds.
    pub above: Option<f64>,
}

impl Bounds {
    /// Returns the bound that a value breaks, if it breaks one. What is not a number breaks nothing and keeps nothing:
    /// the caller has to call it unknown.
    pub fn broken_by(self, value: f64) -> Option<f64> {
        self.below
            .filter(|bound| value < *bound)
            .or(self.above.filter(|bound| value > *bound))
    }

    /// Returns whether there is no bound.
    pub fn is_empty(self) -> bool {
        self == Bounds::default()
    }
}

/// Which way a number gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

impl Better {
    /// Both ways, by their names.
    pub const NAMES: &'static [(&'static str, Better)] =
        &[("lower", Better::Lower), ("higher", Better::Higher)];

    /// Returns whether a value is worse than that of the baseline.
    pub fn is_worse(self, value: f64, baseline: f64) -> bool {
        match self {
            Better::Lower => value > baseline,
            Better::Higher => value < baseline,
        }
    }
}

/// An entry of the section `metrics`: limits on a number about the whole system.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The name of the number, as in the JSON report.
    pub metric: String,
    /// Past these it warns.
    pub warn: Bounds,
    /// Past these the gate closes.
    pub fail: Bounds,
    /// Set when it may only get better than the baseline, and which way that is.
    pub ratchet: Option<Better>,
    /// Where it stands in the policy file.
    pub place: Place,
}

/// An entry of the section `network_health_metrics`: a query, and the value from which it raises an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthMetric {
    /// Its name.
    pub name: String,
    /// What is measured.
    pub query: Query,
    /// Values past these raise an alert; a query with a value per service or edge, one for each that is past them.
    pub alert: Bounds,
    /// How loud the alert is.
    pub severity: Severity,
    /// Where it stands in the policy file.
    pub place: Place,
}

/// How much a number may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// By so much.
    Absolute(f64),
    /// By this share of the value in the baseline.
    Relative(Ratio),
}

impl Change {
    /// Returns how far a value may be from that of the baseline.
    pub fn allowance(self, baseline: f64) -> f64 {
        match self {
            Change::Absolute(amount) => amount,
            Change::Relative(share) => share.get() * baseline.abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_themselves_are_fine() {
        let bounds = Bounds {
            below: Some(0.2),
            above: Some(0.8),
        };
        for (value, broken) in [
            (0.1, Some(0.2)),
            (0.2, None),
            (0.5, None),
            (0.8, None),
            (0.9, Some(0.8)),
            (f64::NAN, None),
        ] {
            assert_eq!(bounds.broken_by(value), broken, "{value}");
        }
        assert!(Bounds::default().is_empty() && !bounds.is_empty());
    }

    #[test]
    fn equal_is_not_worse() {
        assert!(!Better::Lower.is_worse(3.0, 3.0) && Better::Lower.is_worse(4.0, 3.0));
        assert!(!Better::Higher.is_worse(3.0, 3.0) && Better::Higher.is_worse(2.0, 3.0));
    }

    #[test]
    fn a_relative_change_is_a_share_of_the_baseline() {
        let tenth = Change::Relative(Ratio::percent(10.0).unwrap());
        assert_eq!(tenth.allowance(50.0), 5.0);
        assert_eq!(tenth.allowance(-50.0), 5.0);
        assert_eq!(tenth.allowance(0.0), 0.0);
        assert_eq!(Change::Absolute(2.0).allowance(50.0), 2.0);
    }
}
