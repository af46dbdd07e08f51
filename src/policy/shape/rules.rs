//! Rules: the keys that all have, and those of each verb.

use super::{BETTER, Choice, Key, Record, SEVERITY, Shape, key, record, required, words};
use crate::policy::rule::Skip;
use crate::policy::value::EdgeMode;

const MODE: Shape = Shape::Word(|| words(EdgeMode::NAMES));
const EXCEPT_EDGES: Key = key(
    "except",
    Shape::OneOrMore(&Shape::Edges),
    "edges that are allowed all the same",
);
const EXCEPT_SERVICES: Key = key("except", Shape::Selector, "services it does not apply to");
const EDGE_MODE: Key = key("edges", MODE, "which edges count: sync, async or all");

/// The names of the verbs.
pub(crate) const VERBS: &[&str] = &[
    "forbid",
    "callers",
    "require",
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

pub(crate) static FORBID: Record = record(
    "forbid",
    "No edge from these to those",
    &[
        required("from", Shape::Selector, "callers"),
        required("to", Shape::Selector, "callees"),
        key(
            "transitive",
            Shape::Bool,
            "whether a path is forbidden too; false unless given",
        ),
        EDGE_MODE,
        EXCEPT_EDGES,
    ],
);

pub(crate) static CALLERS: Record = record(
    "callers",
    "Nobody but these calls a service",
    &[
        required("of", Shape::Selector, "the services called"),
        required("only", Shape::Selector, "who may call them"),
    ],
);

pub(crate) static REQUIRE: Record = record(
    "require",
    "Calls go through a service in between",
    &[
        required("from", Shape::Selector, "callers"),
        required("to", Shape::Selector, "callees"),
        required("via", Shape::Selector, "the service in between"),
    ],
);

pub(crate) static LAYERS: Record = record(
    "layers",
    "Calls go from a layer to the same or a lower one",
    &[
        required("by", Shape::Text, "the tag whose value is the layer"),
        required(
            "order",
            Shape::List(&Shape::Text),
            "the layers from the top to the bottom",
        ),
        key(
            "skip",
            Shape::Word(|| words(Skip::NAMES)),
            "whether a call may pass over a layer; allow unless given",
        ),
        key(
            "unassigned",
            SEVERITY,
            "how loudly to speak of services without a layer; warn unless given",
        ),
        EXCEPT_EDGES,
    ],
);

pub(crate) static INDEPENDENT: Record = record(
    "independent",
    "No call from one group of services to another",
    &[
        required("by", Shape::Text, "the tag whose value is the group"),
        key(
            "except",
            Shape::Selector,
            "services that all groups may call",
        ),
    ],
);

pub(crate) static ACYCLIC: Record = record(
    "acyclic",
    "No cycle of calls",
    &[
        EDGE_MODE,
        key(
            "among",
            Shape::Selector,
            "among which services; all unless given",
        ),
    ],
);

pub(crate) static HUBS: Record = Record {
    name: "hubs",
    about: "Limits on what hangs on one service",
    keys: &[
        key("max_callers", Shape::Whole(0), "most callers"),
        key("max_callees", Shape::Whole(0), "most callees"),
        key(
            "max_traffic_share",
            Shape::Share,
            "largest share of the requests that pass through it",
        ),
        EXCEPT_SERVICES,
    ],
    choice: Choice::AtLeastOne(&["max_callers", "max_callees", "max_traffic_share"]),
};

pub(crate) static DEPTH: Record = Record {
    name: "depth",
    about: "The longest chain of calls",
    keys: &[
        key(
            "max",
            Shape::Whole(0),
            "the limit for entry points without their own",
        ),
        EDGE_MODE,
        key(
            "per_entrypoint",
            Shape::Map(&Shape::Whole(0)),
            "limits by the name of the entry point",
        ),
    ],
    choice: Choice::AtLeastOne(&["max", "per_entrypoint"]),
};

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

pub(crate) static ZONES: Record = record(
    "zones",
    "Calls stay in their zone",
    &[
        required("by", Shape::Text, "the tag whose value is the zone"),
        required(
            "cross",
            Shape::Either(&[Shape::Word(|| vec!["forbid"]), Shape::Share]),
            "forbid, or the largest share of the calls of an edge that may leave their zone",
        ),
        EXCEPT_EDGES,
    ],
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

pub(crate) static NEW_EDGES: Record = record(
    "new_edges",
    "Edges that the baseline does not have",
    &[
        key(
            "approve_in",
            Shape::Text,
            "the file whose accept lines approve them; topple.lock unless given",
        ),
        EXCEPT_EDGES,
    ],
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
