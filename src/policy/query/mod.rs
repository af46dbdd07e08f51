//! Queries: arithmetic over what was measured, as `network_health_metrics` write it.
//!
//! ```text
//! max(service_connection_count) / avg(service_connection_count)
//! count(service_connection_count > 10)
//! ```
//!
//! A name is one number, or one for each service, edge, pair of services or connected component. A function makes one number
//! of many; arithmetic applies to each of many. Two of many are matched by what they are about. A comparison
//! of many keeps those for which it holds; one of two numbers is 1 or 0. Which names there are is decided by the
//! [`crate::policy::Vocabulary`] and [`NAMES`]; what they are worth, by whoever evaluates.

mod parse;

mod eval;

use std::fmt;
use std::ops::Range;

pub use eval::{Answer, Sample, Unknown};
pub use parse::Fault;

/// What many numbers are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Each service or virtual node.
    Services,
    /// Each edge.
    Edges,
    /// Each ordered pair of nodes with a path between them.
    Pairs,
    /// Each connected component.
    Components,
}

impl Domain {
    /// Returns how messages call one of them.
    pub fn noun(self) -> &'static str {
        match self {
            Domain::Services => "service",
            Domain::Edges => "edge",
            Domain::Pairs => "pair of services",
            Domain::Components => "component",
        }
    }
}

/// Names that queries have beside those of the report: what each is about, and what it is.
pub const NAMES: &[(&str, Domain, &str)] = &[
    (
        "connected_components",
        Domain::Components,
        "nodes of each connected component",
    ),
    (
        "local_clustering_by_service",
        Domain::Services,
        "how many of the pairs of its neighbours are neighbours too",
    ),
    (
        "service_communication_hops",
        Domain::Pairs,
        "edges on the shortest path between two services",
    ),
    (
        "service_connection_count",
        Domain::Services,
        "distinct neighbours",
    ),
];

/// A query that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// As it is written in the policy file.
    text: String,
    root: Expression,
    domain: Option<Domain>,
}

impl Query {
    /// Returns what its numbers are about, if it has more than one.
    pub fn domain(&self) -> Option<Domain> {
        self.domain
    }

    /// Returns the names it asks for, each once, sorted.
    pub fn names(&self) -> Vec<&str> {
        fn add<'a>(expression: &'a Expression, names: &mut Vec<&'a str>) {
            match &expression.kind {
                Kind::Number(_) => {}
                Kind::Name(name) => names.push(name),
                Kind::Negated(inner) | Kind::Call(_, inner) => add(inner, names),
                Kind::Binary(_, left, right) => {
                    add(left, names);
                    add(right, names);
                }
            }
        }
        let mut names = Vec::new();
        add(&self.root, &mut names);
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A part of a query, with the characters it takes.
#[derive(Clone, Debug, PartialEq)]
struct Expression {
    at: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Number(f64),
    Name(String),
    Negated(Box<Expression>),
    Call(Function, Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// What makes one number of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Average,
    Count,
    Gini,
    Largest,
    Smallest,
    Sum,
    /// The smallest that so many percent do not exceed.
    Percentile(u8),
}

/// The names of functions; percentiles are `p1` to `p99`.
const FUNCTIONS: &[(&str, Function)] = &[
    ("avg", Function::Average),
    ("count", Function::Count),
    ("gini", Function::Gini),
    ("max", Function::Largest),
    ("min", Function::Smallest),
    ("sum", Function::Sum),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Compare(Comparison),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

#[cfg(test)]
mod tests;
