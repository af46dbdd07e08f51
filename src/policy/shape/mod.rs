//! The shape of the policy file: every key with what it may hold and what it is for.
//!
//! The reader takes the names it knows from these tables, and the JSON Schema is printed from them, so that neither can know
//! a key that the other does not. What a shape cannot say - a waiver of a rule that is not there - the reader checks alone.

pub(super) mod rules;

use crate::policy::gate::Better;
use crate::policy::value::{Criticality, Severity};
use crate::policy::{Sampling, shape};

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

/// The whole file.
pub static POLICY: Record = record(
    "a policy",
    "What a team demands of its system",
    &[
        required("version", Shape::Whole(1), "version of this format: 1"),
        key(
            "evidence",
            Shape::Record(&EVIDENCE),
            "how much proof a rule needs",
        ),
        key("services", Shape::Record(&SERVICES), "what services are"),
        key(
            "entrypoints",
            Shape::Map(&Shape::Record(&ENTRYPOINT)),
            "what is asked of entry points, by name",
        ),
        key(
            "calls",
            Shape::List(&Shape::Either(&[
                Shape::Record(&CALL),
                Shape::Record(&TIMEOUT_FROM),
            ])),
            "declared timeouts and retries; later entries over earlier ones",
        ),
        key(
            "redundancy",
            Shape::List(&Shape::List(&Shape::Selector)),
            "groups of services of which one is enough",
        ),
        key(
            "idempotent",
            Shape::List(&Shape::Operation),
            "operations that may be repeated",
        ),
        key(
            "deferrable",
            Shape::List(&Shape::Operation),
            "operations that need not be done before the answer",
        ),
        key(
            "sagas",
            Shape::List(&Shape::Record(&SAGA)),
            "operations and what undoes them",
        ),
        key(
            "metrics",
            Shape::Map(&Shape::Record(&GATE)),
            "limits on numbers about the whole system, by name",
        ),
        key(
            "network_health_metrics",
            Shape::Map(&Shape::Record(&HEALTH_METRIC)),
            "limits on queries, by name",
        ),
        key(
            "rules",
            Shape::List(&Shape::Record(&shape::rules::RULE)),
            "rules, one verb each",
        ),
        key(
            "waiver_policy",
            Shape::Record(&WAIVER_POLICY),
            "what waivers may be like",
        ),
        key(
            "waivers",
            Shape::List(&Shape::Record(&WAIVER)),
            "exceptions with a reason and an end",
        ),
    ],
);

pub(super) static EVIDENCE: Record = record(
    "evidence",
    "How much proof a rule needs",
    &[
        key(
            "min_traces",
            Shape::Whole(0),
            "fewest traces to judge anything; 1 unless given",
        ),
        key(
            "min_calls",
            Shape::Whole(0),
            "fewest calls of an edge or service to judge its rates; 20 unless given",
        ),
        key(
            "confidence",
            Shape::Share,
            "how sure a rate must be past its limit, above 50% and below 100%; 95% unless given",
        ),
        key(
            "on_unknown",
            SEVERITY,
            "how loudly to speak of what cannot be told; warn unless given",
        ),
        key(
            "sampling",
            Shape::Word(|| words(Sampling::NAMES)),
            "how the traces were chosen; head unless given",
        ),
    ],
);

pub(super) static SERVICES: Record = record(
    "services",
    "What services are",
    &[
        key(
            "tags",
            Shape::Map(&Shape::Text),
            "tags by the resource attribute that holds their value",
        ),
        key(
            "rename",
            Shape::List(&Shape::Record(&RENAME)),
            "names that mean another service; the first match counts",
        ),
        key(
            "ignore",
            Shape::OneOrMore(&Shape::Selector),
            "services that are left out",
        ),
        key(
            "proxies",
            Shape::OneOrMore(&Shape::Selector),
            "services that only pass requests on",
        ),
        key(
            "infrastructure",
            Shape::OneOrMore(&Shape::Selector),
            "services that everybody uses",
        ),
        key(
            "define",
            Shape::List(&Shape::Record(&DEFINITION)),
            "what is declared about services; later entries over earlier ones",
        ),
    ],
);

pub(super) static RENAME: Record = record(
    "a renaming",
    "A name that means another service",
    &[
        required("from", Shape::Pattern, "names it applies to"),
        required(
            "to",
            Shape::Text,
            "the name instead; $1 is the first group of a regular expression",
        ),
    ],
);

pub(super) static DEFINITION: Record = record(
    "a definition",
    "What is declared about services",
    &[
        required("match", Shape::Selector, "the services"),
        key(
            "tags",
            Shape::Map(&Shape::Text),
            "their tags, over those from the traces",
        ),
        key(
            "source",
            Shape::Text,
            "where their code is; {name} is the name of the service",
        ),
        key(
            "criticality",
            Shape::Word(|| words(Criticality::NAMES)),
            "how much they matter",
        ),
        key(
            "capacity_rps",
            Shape::Positive,
            "requests per second they can serve",
        ),
        key(
            "concurrency_limit",
            Shape::Whole(1),
            "requests they serve at a time",
        ),
    ],
);

pub(super) static ENTRYPOINT: Record = record(
    "an entry point",
    "What is asked of an entry point",
    &[
        required("service", Shape::Selector, "the service that is asked"),
        key(
            "operation",
            Shape::Pattern,
            "the operation; any unless given",
        ),
        key("slo", Shape::Record(&SLO), "what it must keep"),
        key(
            "weight",
            Shape::Positive,
            "how much it counts against others; 1 unless given",
        ),
    ],
);

pub(super) static SLO: Record = record(
    "an objective",
    "What an entry point must keep",
    &[
        key("p50", Shape::Duration, "longest median"),
        key("p90", Shape::Duration, "longest 90th percentile"),
        key("p99", Shape::Duration, "longest 99th percentile"),
        key("errors", Shape::Share, "largest share of failed requests"),
    ],
);

pub(super) static CALL: Record = record(
    "a call",
    "How calls on some edges are made",
    &[
        required("from", Shape::Selector, "callers"),
        required("to", Shape::Selector, "callees"),
        key("timeout", Shape::Duration, "how long one attempt may take"),
        key(
            "attempts",
            Shape::Whole(1),
            "most attempts, the first included",
        ),
        key(
            "backoff",
            Shape::OneOrMore(&Shape::Duration),
            "pause between attempts, or [first, longest] for pauses that double",
        ),
        key(
            "retry_budget",
            Shape::Percent,
            "most retries as a share of the calls",
        ),
        key(
            "soft",
            Shape::Bool,
            "whether the caller copes without an answer",
        ),
    ],
);

pub(super) static TIMEOUT_FROM: Record = record(
    "a source of timeouts",
    "Attributes of spans that hold the timeout of their call",
    &[required(
        "timeout_from",
        Shape::OneOrMore(&Shape::Text),
        "the attributes, the first present counts",
    )],
);

pub(super) static SAGA: Record = record(
    "a saga",
    "An operation and what undoes it",
    &[
        required("action", Shape::Operation, "what is done"),
        required("compensation", Shape::Operation, "what undoes it"),
    ],
);

pub(super) static OPERATION: Record = Record {
    name: "an operation",
    about: "Operations of services",
    keys: &[
        key(
            "service",
            Shape::Selector,
            "services that perform it; any unless given",
        ),
        key("operation", Shape::Pattern, "its name; any unless given"),
    ],
    choice: Choice::AtLeastOne(&["service", "operation"]),
};

pub(super) static EDGES: Record = Record {
    name: "an edge",
    about: "Edges from some services to others",
    keys: &[
        key("from", Shape::Selector, "callers; any unless given"),
        key("to", Shape::Selector, "callees; any unless given"),
    ],
    choice: Choice::AtLeastOne(&["from", "to"]),
};

pub(super) static GATE: Record = Record {
    name: "a limit",
    about: "Limits on a number",
    keys: &[
        key(
            "warn",
            Shape::Either(&[Shape::Value, Shape::Record(&BOUNDS)]),
            "warn when it is greater, or outside of below and above",
        ),
        key(
            "fail",
            Shape::Either(&[Shape::Value, Shape::Record(&BOUNDS)]),
            "fail when it is greater, or outside of below and above",
        ),
        key(
            "ratchet",
            Shape::Either(&[Shape::Bool, BETTER]),
            "whether it may only get better than the baseline, and which way that is",
        ),
    ],
    choice: Choice::AtLeastOne(&["warn", "fail", "ratchet"]),
};

pub(super) static BOUNDS: Record = Record {
    name: "bounds",
    about: "Bounds in both directions",
    keys: &[
        key("below", Shape::Value, "anything smaller is out of bounds"),
        key("above", Shape::Value, "anything greater is out of bounds"),
    ],
    choice: Choice::AtLeastOne(&["below", "above"]),
};

pub(super) static HEALTH_METRIC: Record = record(
    "a health metric",
    "A query and the value from which it raises an alert",
    &[
        required("query", Shape::Query, "what is measured"),
        required(
            "alert_threshold",
            Shape::Either(&[Shape::Number, Shape::Record(&BOUNDS)]),
            "alert when it is greater, or outside of below and above",
        ),
        key(
            "severity",
            SEVERITY,
            "how loud the alert is; fail unless given",
        ),
    ],
);

pub(super) static WAIVER_POLICY: Record = record(
    "a waiver policy",
    "What waivers may be like",
    &[
        key(
            "max_days",
            Shape::Whole(1),
            "most days from today to the end of a waiver; 180 unless given",
        ),
        key(
            "warn_before_days",
            Shape::Whole(0),
            "days before its end from which a waiver is spoken of; 14 unless given",
        ),
        key(
            "unused",
            SEVERITY,
            "how loudly to speak of a waiver that nothing needs; warn unless given",
        ),
    ],
);

pub(super) static WAIVER: Record = Record {
    name: "a waiver",
    about: "An exception from a rule",
    keys: &[
        required(
            "rule",
            Shape::Text,
            "the id of the rule, or metrics.<name>, or network_health_metrics.<name>",
        ),
        key("edge", Shape::Edges, "the edges excepted"),
        key("service", Shape::Selector, "the services excepted"),
        key("entrypoint", Shape::Text, "the entry point excepted"),
        required("reason", Shape::Text, "why"),
        key("owner", Shape::Text, "who answers for it"),
        required("expires", Shape::Date, "the last day it holds"),
    ],
    choice: Choice::AtMostOne(&["edge", "service", "entrypoint"]),
};
