//! A rule: the keys that all have, and its verb.

use super::{
    ACYCLIC, CALLERS, CRITICALITY, Choice, DEPTH, FORBID, GROWTH, HUBS, INDEPENDENT, Key, LAYERS,
    LIMIT, NEW_EDGES, PHANTOMS, REQUIRE, RETRIES, Record, SEVERITY, SLO_KEPT, SPOF, Shape,
    TIMEOUTS, ZONES, key, required, words,
};
use crate::policy::value::EdgeMode;

const MODE: Shape = Shape::Word(|| words(EdgeMode::NAMES));

pub(super) const EXCEPT_EDGES: Key = key(
    "except",
    Shape::OneOrMore(&Shape::Edges),
    "edges that are allowed all the same",
);
pub(super) const EXCEPT_SERVICES: Key =
    key("except", Shape::Selector, "services it does not apply to");
pub(super) const EDGE_MODE: Key = key("edges", MODE, "which edges count: sync, async or all");

/// The names of the verbs.
pub(crate) const VERBS: &[&str] = &[
    "forbid",
    "callers",
    "require",
    "require_breaker",
    "layers",
    "independent",
    "acyclic",
    "hubs",
    "depth",
    "timeouts",
    "retries",
    "slo",
    "spof",
    "criticality",
    "zones",
    "phantoms",
    "new_edges",
    "limit",
    "growth",
];

pub(crate) static RULE: Record = Record {
    name: "a rule",
    about: "A rule: one verb",
    keys: &[
        required("id", Shape::Text, "its name, unique in the file"),
        key(
            "why",
            Shape::Text,
            "why it is there, for those who break it",
        ),
        key(
            "severity",
            SEVERITY,
            "how loudly it speaks; fail unless given",
        ),
        key(
            "waivable",
            Shape::Bool,
            "whether a waiver may except from it; true unless given",
        ),
        key(
            "forbid",
            Shape::Record(&FORBID),
            "no edge from these to those",
        ),
        key(
            "callers",
            Shape::Record(&CALLERS),
            "nobody but these calls a service",
        ),
        key(
            "require",
            Shape::Record(&REQUIRE),
            "calls go through a service in between",
        ),
        key(
            "require_breaker",
            Shape::OneOrMore(&Shape::Edges),
            "edges whose caller stops asking while the callee is down",
        ),
        key(
            "layers",
            Shape::Record(&LAYERS),
            "calls go from a layer to the same or a lower one",
        ),
        key(
            "independent",
            Shape::Record(&INDEPENDENT),
            "no call from one group of services to another",
        ),
        key("acyclic", Shape::Record(&ACYCLIC), "no cycle of calls"),
        key(
            "hubs",
            Shape::Record(&HUBS),
            "limits on what hangs on one service",
        ),
        key("depth", Shape::Record(&DEPTH), "the longest chain of calls"),
        key(
            "timeouts",
            Shape::Record(&TIMEOUTS),
            "timeouts of callers outlast those of what they call",
        ),
        key(
            "retries",
            Shape::Record(&RETRIES),
            "retries are few and do not multiply",
        ),
        key(
            "slo",
            Shape::Record(&SLO_KEPT),
            "entry points keep what is asked of them",
        ),
        key(
            "spof",
            Shape::Record(&SPOF),
            "how much one service may take with it",
        ),
        key(
            "criticality",
            Shape::Record(&CRITICALITY),
            "hard dependencies that must not be",
        ),
        key("zones", Shape::Record(&ZONES), "calls stay in their zone"),
        key(
            "phantoms",
            Shape::Record(&PHANTOMS),
            "operations that succeeded after their caller gave up",
        ),
        key(
            "new_edges",
            Shape::Record(&NEW_EDGES),
            "edges that the baseline does not have",
        ),
        key(
            "limit",
            Shape::Record(&LIMIT),
            "bounds of any number of the report",
        ),
        key(
            "growth",
            Shape::Record(&GROWTH),
            "how much worse than in the baseline a number may be",
        ),
    ],
    choice: Choice::ExactlyOne(VERBS),
};
