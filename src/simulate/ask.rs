//! What is asked: changes to a system as people write them, such as `cart=+200ms`.
//!
//! Names are not looked up here; see [`setting`](super::setting).

use std::time::Duration;

use crate::policy::value;

/// One change, with the words that asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The option it was asked by, such as `--kill cart`.
    pub text: String,
    /// What changes.
    pub effect: Effect,
}

/// What changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Nobody answers in a service.
    Kill(String),
    /// Calls take longer, or shorter.
    Slow(Target, Delay),
    /// Such a share of attempts fails, whatever happens further down.
    Errors(Target, f64),
    /// No attempt arrives.
    Cut(Target),
    /// So many times as many requests enter.
    Load(String, f64),
    /// The most attempts of one call, the first included, and the most retries as a share of the calls, if that is said.
    Retries(Target, u64, Option<f64>),
    /// How many nanoseconds the caller waits for one attempt.
    Timeout(Target, u64),
}

/// Which calls a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All calls to a service.
    Service(String),
    /// The calls from one service to another.
    Edge(String, String),
}

/// By how much calls take longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// By so many nanoseconds.
    By(u64),
    /// So many times as long.
    Times(f64),
}

/// The options that ask for a change, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `--kill S`
    Kill,
    /// `--slow E=+200ms`
    Slow,
    /// `--errors E=20%`
    Errors,
    /// `--cut E`
    Cut,
    /// `--load ENTRY=x2`
    Load,
    /// `--retries E=3`, `--retries E=3,20%`
    Retries,
    /// `--timeout E=300ms`
    Timeout,
}

impl Verb {
    /// Returns the option.
    pub fn option(self) -> &'static str {
        match self {
            Verb::Kill => "--kill",
            Verb::Slow => "--slow",
            Verb::Errors => "--errors",
            Verb::Cut => "--cut",
            Verb::Load => "--load",
            Verb::Retries => "--retries",
            Verb::Timeout => "--timeout",
        }
    }

    /// Returns what an option looks like.
    fn expected(self) -> &'static str {
        match self {
            Verb::Kill => "the name of a service",
            Verb::Slow => {
                "a service or an edge and a delay, such as cart=+200ms or \"shop -> cart=x2\""
            }
            Verb::Errors => "a service or an edge and a share, such as cart=20%",
            Verb::Cut => "a service or an edge, such as \"shop -> cart\"",
            Verb::Load => "an entry point and a factor, such as checkout=x2",
            Verb::Retries => {
                "a service or an edge and the most attempts, from 1 to 100, such as cart=3, with a budget of retries cart=3,20%"
            }
            Verb::Timeout => "a service or an edge and a duration, such as cart=300ms",
        }
    }

    /// Reads what was written behind the option.
    ///
    /// # Errors
    /// Returns what was expected instead.
    pub fn read(self, text: &str) -> Result<Change, String> {
        let effect = self.effect(text.trim());
        let effect = effect.ok_or_else(|| format!("expected {}", self.expected()))?;
        let quoted = match text.contains(char::is_whitespace) {
            true => format!("\"{text}\""),
            false => text.to_owned(),
        };
        Ok(Change {
            text: format!("{} {quoted}", self.option()),
            effect,
        })
    }

    fn effect(self, text: &str) -> Option<Effect> {
        match self {
            Verb::Kill => (!text.is_empty()).then(|| Effect::Kill(text.to_owned())),
            Verb::Cut => Some(Effect::Cut(target(text)?)),
            Verb::Slow => {
                let (to, by) = assignment(text)?;
                Some(Effect::Slow(target(to)?, delay(by)?))
            }
            Verb::Errors => {
                let (to, share) = assignment(text)?;
                let share = value::percent(share).ok()?.get();
                (share <= 1.0).then_some(Effect::Errors(target(to)?, share))
            }
            Verb::Load => {
                let (entry, by) = assignment(text)?;
                Some(Effect::Load(entry.to_owned(), factor(by)?))
            }
            Verb::Retries => {
                /// More attempts than anybody makes.
                const MOST: u64 = 100;
                let (to, most) = assignment(text)?;
                let (most, budget) = match most.split_once(',') {
                    None => (most, None),
                    Some((most, budget)) => {
                        let budget = value::percent(budget.trim()).ok()?.get();
                        (most.trim(), Some(budget))
                    }
                };
                let most = most.parse().ok().filter(|most| (1..=MOST).contains(most))?;
                Some(Effect::Retries(target(to)?, most, budget))
            }
            Verb::Timeout => {
                let (to, time) = assignment(text)?;
                let ns = nanoseconds(value::duration(time).ok()?);
                (ns > 0).then_some(Effect::Timeout(target(to)?, ns))
            }
        }
    }
}

/// Splits at the last sign of equality, since names may have some.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.rsplit_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

fn target(text: &str) -> Option<Target> {
    match text.split_once("->") {
        None => (!text.is_empty()).then(|| Target::Service(text.to_owned())),
        Some((from, to)) => {
            let (from, to) = (from.trim(), to.trim());
            let is_edge = !from.is_empty() && !to.is_empty();
            is_edge.then(|| Target::Edge(from.to_owned(), to.to_owned()))
        }
    }
}

fn delay(text: &str) -> Option<Delay> {
    if let Some(time) = text.strip_prefix('+') {
        return Some(Delay::By(nanoseconds(value::duration(time).ok()?)));
    }
    Some(Delay::Times(factor(text)?))
}

/// Reads `x2` or `x0.5`.
fn factor(text: &str) -> Option<f64> {
    /// Beyond this a number is no forecast but a mistake.
    const MOST: f64 = 1e6;
    let number = text.strip_prefix('x')?;
    let is_decimal = |c: char| c.is_ascii_digit() || c == '.';
    let factor: f64 = number
        .chars()
        .all(is_decimal)
        .then(|| number.parse().ok())??;
    (factor.is_finite() && factor <= MOST).then_some(factor)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_as_they_are_written() {
        let service = |name: &str| Target::Service(name.to_owned());
        let edge = |from: &str, to: &str| Target::Edge(from.to_owned(), to.to_owned());
        for (verb, text, effect) in [
            (Verb::Kill, "cart", Effect::Kill("cart".to_owned())),
            (
                Verb::Slow,
                "cart=+200ms",
                Effect::Slow(service("cart"), Delay::By(200_000_000)),
            ),
            (
                Verb::Slow,
                "a -> b = x2.5",
                Effect::Slow(edge("a", "b"), Delay::Times(2.5)),
            ),
            (
                Verb::Errors,
                "a=b->c=20%",
                Effect::Errors(edge("a=b", "c"), 0.2),
            ),
            (Verb::Cut, "a->b", Effect::Cut(edge("a", "b"))),
            (
                Verb::Load,
                "GET /cart=x2",
                Effect::Load("GET /cart".to_owned(), 2.0),
            ),
            (
                Verb::Retries,
                "cart=3",
                Effect::Retries(service("cart"), 3, None),
            ),
            (
                Verb::Retries,
                "a -> b=4, 12.5%",
                Effect::Retries(edge("a", "b"), 4, Some(0.125)),
            ),
            (
                Verb::Timeout,
                "cart=300ms",
                Effect::Timeout(service("cart"), 300_000_000),
            ),
        ] {
            assert_eq!(
                verb.read(text).map(|change| change.effect),
                Ok(effect),
                "{text}"
            );
        }
        assert_eq!(Verb::Cut.read("a -> b").unwrap().text, "--cut \"a -> b\"");
    }

    #[test]
    fn what_is_no_change_is_refused_with_an_example() {
        for (verb, text) in [
            (Verb::Kill, ""),
            (Verb::Slow, "cart"),
            (Verb::Slow, "cart=200ms"),
            (Verb::Slow, "cart=x-1"),
            (Verb::Slow, "cart=x1e99"),
            (Verb::Errors, "cart=120%"),
            (Verb::Errors, "=20%"),
            (Verb::Cut, "a ->"),
            (Verb::Load, "shop=2"),
            (Verb::Load, "shop=x"),
            (Verb::Retries, "cart=0"),
            (Verb::Retries, "cart=101"),
            (Verb::Retries, "cart=3,"),
            (Verb::Retries, "cart=3,20"),
            (Verb::Retries, "cart=,20%"),
            (Verb::Timeout, "cart=0ms"),
            (Verb::Timeout, "cart=soon"),
        ] {
            let refused = verb.read(text);
            assert!(
                refused.is_err_and(|why| why.starts_with("expected ")),
                "{text}"
            );
        }
    }
}
