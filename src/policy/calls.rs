//! What traces cannot know about calls: declared timeouts and retries, and what is asked of entry points.

use std::time::Duration;

use crate::policy::Place;
use crate::policy::selector::{EdgeSelector, Node, OperationSelector};
use crate::policy::value::Ratio;

/// The section `calls`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// What is declared, later ones over earlier ones.
    pub declared: Vec<Call>,
    /// Attributes of spans that hold the timeout of their call, the first present counts.
    pub timeout_from: Vec<String>,
}

/// What is declared about the calls on some edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The edges.
    pub edges: EdgeSelector,
    /// What is said about each of them.
    pub terms: Terms,
    /// Where it stands in the policy file.
    pub place: Place,
}

/// How a call is made; what is not declared is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// Most attempts, the first included; at least one.
    pub attempts: Option<u64>,
    /// Pauses between attempts.
    pub backoff: Option<Backoff>,
    /// Most retries as a share of the calls.
    pub retry_budget: Option<Ratio>,
    /// Whether the caller copes without an answer.
    pub soft: Option<bool>,
}

/// Pauses between attempts: the first, doubled each time up to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest pause; never shorter than the first.
    pub longest: Duration,
}

impl Backoff {
    /// Returns the sum of the pauses between so many attempts, without jitter.
    pub fn total(self, attempts: u64) -> Duration {
        let mut total = Duration::ZERO;
        let mut pause = self.first;
        let mut left = attempts.saturating_sub(1);
        while left > 0 && pause < self.longest && !pause.is_zero() {
            total = total.saturating_add(pause);
            pause = pause.saturating_mul(2).min(self.longest);
            left -= 1;
        }
        // From here on every pause is the same.
        let rest = pause.as_nanos().saturating_mul(u128::from(left));
        total.saturating_add(Duration::from_nanos(
            u64::try_from(rest).unwrap_or(u64::MAX),
        ))
    }
}

impl Calls {
    /// Returns what is declared about an edge: every matching entry counts, later ones over earlier ones, term by term.
    pub fn terms(&self, from: &Node<'_>, to: &Node<'_>) -> Terms {
        let mut all = Terms::default();
        for call in self
            .declared
            .iter()
            .filter(|call| call.edges.matches(from, to))
        {
            let Terms {
                timeout,
                attempts,
                backoff,
                retry_budget,
                soft,
            } = call.terms;
            all.timeout = timeout.or(all.timeout);
            all.attempts = attempts.or(all.attempts);
            all.backoff = backoff.or(all.backoff);
            all.retry_budget = retry_budget.or(all.retry_budget);
            all.soft = soft.or(all.soft);
        }
        all
    }
}

/// An entry of the section `entrypoints`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entrypoint {
    /// Its name.
    pub name: String,
    /// The requests that belong to it.
    pub requests: OperationSelector,
    /// What is asked of it.
    pub slo: Slo,
    /// How much one of its requests counts against those of others where requests are lost; more than zero, 1 unless given.
    pub weight: f64,
    /// Where it stands in the policy file.
    pub place: Place,
}

/// What is asked of an entry point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slo {
    /// Longest median.
    pub p50: Option<Duration>,
    /// Longest 90th percentile.
    pub p90: Option<Duration>,
    /// Longest 99th percentile.
    pub p99: Option<Duration>,
    /// Largest share of failed requests.
    pub errors: Option<Ratio>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff {
            first: milliseconds(100),
            longest: milliseconds(1_000),
        };
        // 100, 200, 400, 800, 1000, 1000
        for (attempts, expected) in [(0, 0), (1, 0), (2, 100), (5, 1_500), (7, 3_500)] {
            assert_eq!(
                backoff.total(attempts),
                milliseconds(expected),
                "{attempts}"
            );
        }
    }

    #[test]
    fn pauses_without_end_are_no_loop_without_end() {
        let constant = Backoff {
            first: milliseconds(10),
            longest: milliseconds(10),
        };
        assert_eq!(constant.total(4), milliseconds(30));
        assert_eq!(constant.total(u64::MAX), Duration::from_nanos(u64::MAX));
        let none = Backoff {
            first: Duration::ZERO,
            longest: Duration::ZERO,
        };
        assert_eq!(none.total(u64::MAX), Duration::ZERO);
        let from_zero = Backoff {
            first: Duration::ZERO,
            longest: milliseconds(10),
        };
        assert_eq!(from_zero.total(u64::MAX), Duration::ZERO);
    }
}
