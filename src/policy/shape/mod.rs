//! The shape of the policy file: every key with what it may hold and what it is for.
//!
//! The reader takes the names it knows from these tables, and the JSON Schema is printed from them, so that neither can know
//! a key that the other does not. What a shape cannot say - a waiver of a rule that is not there - the reader checks alone.

mod sections;

mod rule;

mod structure;

mod behaviour;

use crate::policy::gate::Better;
use crate::policy::value::Severity;

pub(super) use behaviour::*;
pub(super) use rule::*;
pub use sections::POLICY;
pub(super) use sections::*;
pub(super) use structure::*;

/// A map with known keys.
#[derive(Debug)]
pub struct Record {
    /// What an entry is called in messages, with its article.
    pub name: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
    /// Its keys, in the order in which people write them.
    pub keys: &'static [Key],
    /// Which keys exclude each other.
    pub choice: Choice,
}

/// A key of a record.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it is for, one line.
    pub about: &'static str,
}

/// Which keys of a record exclude each other.
#[derive(Debug)]
pub enum Choice {
    /// None do.
    Free,
    /// Exactly one of these must be there.
    ExactlyOne(&'static [&'static str]),
    /// At most one of these may be there.
    AtMostOne(&'static [&'static str]),
    /// At least one of these must be there.
    AtLeastOne(&'static [&'static str]),
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// The number 1.
    Version,
    /// `true` or `false`.
    Bool,
    /// A whole number of at least so much.
    Whole(u64),
    /// A number.
    Number,
    /// A number greater than zero.
    Positive,
    /// Text that is not empty.
    Text,
    /// A percentage of at most 100 %.
    Share,
    /// A percentage of any size.
    Percent,
    /// A duration.
    Duration,
    /// A date.
    Date,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Two levels of criticality with an arrow between them.
    CriticalityEdge,
    /// A number of the report: a number, a percentage, or a duration for what is measured in nanoseconds.
    Value,
    /// A query.
    Query,
    /// A glob or a regular expression.
    Pattern,
    /// Services.
    Selector,
    /// Edges: `from -> to`, or a map with `from` and `to`.
    Edges,
    /// Operations: a pattern, or a map with `service` and `operation`.
    Operation,
    /// A list.
    List(&'static Shape),
    /// One of them, or a list.
    OneOrMore(&'static Shape),
    /// A map whose keys are names.
    Map(&'static Shape),
    /// A map with known keys.
    Record(&'static Record),
    /// Any of these.
    Either(&'static [Shape]),
}

/// Returns the names of a table of words.
pub(super) fn words<T>(names: &[(&'static str, T)]) -> Vec<&'static str> {
    names.iter().map(|(name, _)| *name).collect()
}

/// Returns a key that may be there.
const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        about,
    }
}

/// Returns a key that must be there.
const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        required: true,
        ..key(name, shape, about)
    }
}

/// Returns a record whose keys do not exclude each other.
const fn record(name: &'static str, about: &'static str, keys: &'static [Key]) -> Record {
    Record {
        name,
        about,
        keys,
        choice: Choice::Free,
    }
}

const SEVERITY: Shape = Shape::Word(|| words(Severity::NAMES));
const BETTER: Shape = Shape::Word(|| words(Better::NAMES));
