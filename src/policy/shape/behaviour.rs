//! Verbs about what calls do, and about any number.

use super::{BETTER, Choice, EXCEPT_SERVICES, Record, Shape, key, record, required};

pub(crate) static TIMEOUTS: Record = Record {
    name: "timeouts",
    about: "Timeouts of callers outlast those of what they call",
    keys: &[
        key(
            "nested",
            Shape::Bool,
            "whether the timeout of a caller must outlast all attempts of each call it makes; false unless given",
        ),
        key(
            "headroom",
            Shape::Share,
            "what part of the caller's timeout must be left over, below 100%; 0% unless given",
        ),
        key(
            "edges",
            Shape::List(&Shape::Record(&TIMEOUT_LIMIT)),
            "longest timeouts on some edges",
        ),
    ],
    choice: Choice::AtLeastOne(&["nested", "edges"]),
};

pub(crate) static TIMEOUT_LIMIT: Record = record(
    "a timeout limit",
    "The longest timeout on some edges",
    &[
        key("from", Shape::Selector, "callers; any unless given"),
        key("to", Shape::Selector, "callees; any unless given"),
        required("max", Shape::Duration, "the longest timeout"),
    ],
);

pub(crate) static RETRIES: Record = Record {
    name: "retries",
    about: "Retries are few and do not multiply",
    keys: &[
        key(
            "max_attempts",
            Shape::Whole(1),
            "most attempts of one call, the first included",
        ),
        key(
            "max_rate",
            Shape::Percent,
            "most retries as a share of the calls",
        ),
        key(
            "max_amplification",
            Shape::Positive,
            "most attempts that one request can cause at one service, over all layers",
        ),
        key(
            "one_layer_only",
            Shape::Bool,
            "whether only one layer of a path may retry; false unless given",
        ),
    ],
    choice: Choice::AtLeastOne(&[
        "max_attempts",
        "max_rate",
        "max_amplification",
        "one_layer_only",
    ]),
};

pub(crate) static SLO_KEPT: Record = record(
    "slo",
    "Entry points keep what is asked of them",
    &[
        required(
            "entrypoints",
            Shape::OneOrMore(&Shape::Pattern),
            "which entry points, by name",
        ),
        key(
            "edge_share",
            Shape::Share,
            "largest share of the time asked for that a single edge may take",
        ),
    ],
);

pub(crate) static SPOF: Record = Record {
    name: "spof",
    about: "How much one service may take with it",
    keys: &[
        key(
            "max_blast_radius",
            Shape::Share,
            "largest share of the requests that may fail with one service",
        ),
        key(
            "critical_entrypoints",
            Shape::OneOrMore(&Shape::Text),
            "entry points that must not hang on a single service but their own",
        ),
        EXCEPT_SERVICES,
    ],
    choice: Choice::AtLeastOne(&["max_blast_radius", "critical_entrypoints"]),
};

pub(crate) static CRITICALITY: Record = record(
    "criticality",
    "Hard dependencies that must not be",
    &[required(
        "forbid_hard",
        Shape::OneOrMore(&Shape::CriticalityEdge),
        "levels of caller and callee, such as critical -> low",
    )],
);

pub(crate) static PHANTOMS: Record = record(
    "phantoms",
    "Operations that succeeded after their caller gave up",
    &[required(
        "max_per_10k",
        Shape::Number,
        "most of them in ten thousand calls",
    )],
);

pub(crate) static LIMIT: Record = Record {
    name: "limit",
    about: "Bounds of any number of the report",
    keys: &[
        required("metric", Shape::Text, "the number, as in the JSON report"),
        key(
            "services",
            Shape::Selector,
            "which services, for a number about services; all unless given",
        ),
        key(
            "edges",
            Shape::Edges,
            "which edges, for a number about edges; all unless given",
        ),
        key("below", Shape::Value, "anything smaller is out of bounds"),
        key("above", Shape::Value, "anything greater is out of bounds"),
    ],
    choice: Choice::AtLeastOne(&["below", "above"]),
};

pub(crate) static GROWTH: Record = record(
    "growth",
    "How much worse than in the baseline a number may be",
    &[
        required("metric", Shape::Text, "the number, as in the JSON report"),
        key(
            "services",
            Shape::Selector,
            "which services, for a number about services; all unless given",
        ),
        key(
            "edges",
            Shape::Edges,
            "which edges, for a number about edges; all unless given",
        ),
        key(
            "better",
            BETTER,
            "which way it gets better; lower unless given",
        ),
        required(
            "max",
            Shape::Either(&[Shape::Number, Shape::Percent]),
            "how much worse it may be: a number, or a percentage of the baseline",
        ),
    ],
);
