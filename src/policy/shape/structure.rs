//! Verbs about who calls whom.

use super::{
    Choice, EDGE_MODE, EXCEPT_EDGES, EXCEPT_SERVICES, Record, SEVERITY, Shape, key, record,
    required, words,
};
use crate::policy::rule::Skip;

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
