//! The sections of the file, one after the other.

use super::{BETTER, Choice, RULE, Record, SEVERITY, Shape, key, record, required, words};
use crate::policy::Sampling;
use crate::policy::value::Criticality;

/// The whole file.
pub static POLICY: Record = record(
    "a policy",
    "What a team demands of its system",
    &[
        required("version", Shape::Version, "version of this format: 1"),
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
            "stages",
            Shape::List(&Shape::Record(&STAGE)),
            "what parts of requests may take of their time",
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
            Shape::List(&Shape::Record(&RULE)),
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

pub(crate) static EVIDENCE: Record = record(
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

pub(crate) static SERVICES: Record = record(
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

pub(crate) static RENAME: Record = record(
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

pub(crate) static DEFINITION: Record = record(
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

pub(crate) static ENTRYPOINT: Record = record(
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
            "how much one of its requests counts against others where requests are lost (blast radius, fix first, simulate); 1 unless given",
        ),
    ],
);

pub(crate) static SLO: Record = record(
    "an objective",
    "What an entry point must keep",
    &[
        key("p50", Shape::Duration, "longest median"),
        key("p90", Shape::Duration, "longest 90th percentile"),
        key("p99", Shape::Duration, "longest 99th percentile"),
        key("errors", Shape::Share, "largest share of failed requests"),
    ],
);

pub(crate) static CALL: Record = record(
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

pub(crate) static TIMEOUT_FROM: Record = record(
    "a source of timeouts",
    "Attributes of spans that hold the timeout of their call",
    &[required(
        "timeout_from",
        Shape::OneOrMore(&Shape::Text),
        "the attributes, the first present counts",
    )],
);

pub(crate) static SAGA: Record = record(
    "a saga",
    "An operation and what undoes it",
    &[
        required("action", Shape::Operation, "what is done"),
        required("compensation", Shape::Operation, "what undoes it"),
        key(
            "within",
            Shape::Duration,
            "how soon after a failure it has to be undone; no limit unless given",
        ),
    ],
);

pub(crate) static STAGE: Record = record(
    "a stage",
    "How much of the time of requests some operations may take",
    &[
        required("entry", Shape::Operation, "the entry points"),
        required(
            "of",
            Shape::Operation,
            "operations whose time on the critical path counts",
        ),
        key("mean", Shape::Duration, "the most they may take on average"),
        key(
            "p99",
            Shape::Duration,
            "the longest 99th percentile of their sum by request",
        ),
    ],
);

pub(crate) static OPERATION: Record = Record {
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

pub(crate) static EDGES: Record = Record {
    name: "an edge",
    about: "Edges from some services to others",
    keys: &[
        key("from", Shape::Selector, "callers; any unless given"),
        key("to", Shape::Selector, "callees; any unless given"),
    ],
    choice: Choice::AtLeastOne(&["from", "to"]),
};

pub(crate) static GATE: Record = Record {
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

pub(crate) static BOUNDS: Record = Record {
    name: "bounds",
    about: "Bounds in both directions",
    keys: &[
        key("below", Shape::Value, "anything smaller is out of bounds"),
        key("above", Shape::Value, "anything greater is out of bounds"),
    ],
    choice: Choice::AtLeastOne(&["below", "above"]),
};

pub(crate) static HEALTH_METRIC: Record = record(
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

pub(crate) static WAIVER_POLICY: Record = record(
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

pub(crate) static WAIVER: Record = Record {
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
