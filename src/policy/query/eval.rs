//! What a query is worth. What cannot be told is unknown with a reason, never a number.
//!
//! Unknown are: a name without a value, a name that stands for none at all, a division by zero, a result past what a number
//! can hold, and a function other than `count` and `sum` of what a comparison left nothing of. Percentiles are of
//! nearest rank; the Gini coefficient is that of the values with equal weights, and unknown when they are negative or all zero.

use std::collections::BTreeMap;

use super::{Comparison, Expression, Function, Kind, Operator, Query};

/// One number, or one for each subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// One number.
    One(f64),
    /// One for each subject, by its name: a service, or `caller -> callee`.
    Each(BTreeMap<String, Sample>),
}

/// A number that so many have. It is one for services and edges; pairs of services are many, and come grouped by their value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The number.
    pub value: f64,
    /// How many have it; at least one.
    pub count: u64,
}

impl Sample {
    /// Returns the number of one subject.
    pub fn of_one(value: f64) -> Sample {
        Sample { value, count: 1 }
    }
}

/// Why something cannot be told, as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub String);

impl Query {
    /// Returns what it is worth, given what its names are worth.
    pub fn evaluate(
        &self,
        lookup: &dyn Fn(&str) -> Result<Answer, Unknown>,
    ) -> Result<Answer, Unknown> {
        evaluate(&self.root, lookup)
    }
}

fn unknown<T>(why: impl Into<String>) -> Result<T, Unknown> {
    Err(Unknown(why.into()))
}

fn evaluate(
    expression: &Expression,
    lookup: &dyn Fn(&str) -> Result<Answer, Unknown>,
) -> Result<Answer, Unknown> {
    match &expression.kind {
        Kind::Number(number) => Ok(Answer::One(*number)),
        Kind::Name(name) => named(name, lookup(name)?),
        Kind::Negated(inner) => binary(
            Operator::Subtract,
            Answer::One(0.0),
            evaluate(inner, lookup)?,
        ),
        Kind::Call(function, inner) => match evaluate(inner, lookup)? {
            Answer::One(_) => unknown("a function of a single number"),
            Answer::Each(values) => {
                aggregate(*function, values.into_values().collect()).map(Answer::One)
            }
        },
        Kind::Binary(operator, left, right) => {
            binary(*operator, evaluate(left, lookup)?, evaluate(right, lookup)?)
        }
    }
}

/// Returns what a name is worth, if there is anything and all of it is numbers.
fn named(name: &str, answer: Answer) -> Result<Answer, Unknown> {
    let is_number = match &answer {
        Answer::One(value) => value.is_finite(),
        Answer::Each(values) if values.is_empty() => return unknown(format!("there is no {name}")),
        Answer::Each(values) => values.values().all(|sample| sample.value.is_finite()),
    };
    if is_number {
        Ok(answer)
    } else {
        unknown(format!("{name} is not a number"))
    }
}

/// Makes one number of many.
fn aggregate(function: Function, mut samples: Vec<Sample>) -> Result<f64, Unknown> {
    samples.sort_by(|a, b| a.value.total_cmp(&b.value));
    let n: u64 = samples
        .iter()
        .fold(0, |n, sample| n.saturating_add(sample.count));
    let sum: f64 = samples
        .iter()
        .map(|sample| sample.value * sample.count as f64)
        .sum();
    let (Some(smallest), Some(largest)) = (samples.first(), samples.last()) else {
        return match function {
            Function::Count | Function::Sum => Ok(0.0),
            Function::Average
            | Function::Gini
            | Function::Largest
            | Function::Smallest
            | Function::Percentile(_) => unknown("the comparison leaves nothing"),
        };
    };
    finite(match function {
        Function::Average => sum / n as f64,
        Function::Count => n as f64,
        Function::Sum => sum,
        Function::Largest => largest.value,
        Function::Smallest => smallest.value,
        Function::Percentile(percent) => percentile(&samples, n, percent),
        Function::Gini if smallest.value < 0.0 || sum == 0.0 => {
            return unknown("the Gini coefficient needs values of at least 0 that are not all 0");
        }
        Function::Gini => gini(&samples, n, sum),
    })
}

/// Returns the smallest value that so many percent of the sorted values do not exceed.
fn percentile(samples: &[Sample], n: u64, percent: u8) -> f64 {
    let rank = (u128::from(n) * u128::from(percent)).div_ceil(100).max(1);
    let mut seen = 0;
    for sample in samples {
        seen += u128::from(sample.count);
        if seen >= rank {
            return sample.value;
        }
    }
    f64::NAN
}

/// Returns the Gini coefficient of sorted values: the i-th smallest of n, counted from one, weighs 2i - n - 1.
fn gini(samples: &[Sample], n: u64, sum: f64) -> f64 {
    let n = n as f64;
    let mut before = 0.0;
    let mut weighted = 0.0;
    for sample in samples {
        let count = sample.count as f64;
        weighted += sample.value * count * (2.0 * before + count - n);
        before += count;
    }
    weighted / (n * sum)
}

fn finite(value: f64) -> Result<f64, Unknown> {
    if value.is_finite() {
        Ok(value)
    } else {
        unknown("the result is past what a number can hold")
    }
}

fn binary(operator: Operator, left: Answer, right: Answer) -> Result<Answer, Unknown> {
    match (left, right) {
        (Answer::One(left), Answer::One(right)) => match operator {
            Operator::Compare(comparison) => Ok(Answer::One(f64::from(u8::from(holds(
                comparison, left, right,
            ))))),
            arithmetic => compute(arithmetic, left, right).map(Answer::One),
        },
        (Answer::Each(left), Answer::One(right)) => each(
            operator,
            left.into_iter()
                .map(|(of, sample)| (of, sample, sample.value, right)),
        ),
        (Answer::One(left), Answer::Each(right)) => each(
            operator,
            right
                .into_iter()
                .map(|(of, sample)| (of, sample, left, sample.value)),
        ),
        (Answer::Each(left), Answer::Each(right)) => {
            let could_match = !left.is_empty() && !right.is_empty();
            let matched: Vec<_> = left
                .into_iter()
                .filter_map(|(of, sample)| {
                    let other = right.get(&of)?.value;
                    Some((of, sample, sample.value, other))
                })
                .collect();
            if could_match && matched.is_empty() {
                return unknown("nothing has a value on both sides of an operator");
            }
            each(operator, matched.into_iter())
        }
    }
}

/// Applies an operator to each of many: subject, sample of the subject, left, right. A comparison keeps the sample.
fn each(
    operator: Operator,
    values: impl Iterator<Item = (String, Sample, f64, f64)>,
) -> Result<Answer, Unknown> {
    let mut all = BTreeMap::new();
    for (of, sample, left, right) in values {
        match operator {
            Operator::Compare(comparison) => {
                if holds(comparison, left, right) {
                    all.insert(of, sample);
                }
            }
            arithmetic => {
                let value = compute(arithmetic, left, right)
                    .map_err(|Unknown(why)| Unknown(format!("{why} for {of}")))?;
                all.insert(of, Sample { value, ..sample });
            }
        }
    }
    Ok(Answer::Each(all))
}

fn compute(operator: Operator, left: f64, right: f64) -> Result<f64, Unknown> {
    match operator {
        Operator::Add => finite(left + right),
        Operator::Subtract => finite(left - right),
        Operator::Multiply => finite(left * right),
        Operator::Divide if right == 0.0 => unknown("a division by zero"),
        Operator::Divide => finite(left / right),
        Operator::Compare(comparison) => Ok(f64::from(u8::from(holds(comparison, left, right)))),
    }
}

fn holds(comparison: Comparison, left: f64, right: f64) -> bool {
    match comparison {
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
    }
}
