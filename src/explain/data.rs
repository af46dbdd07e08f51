//! Explanations of what was read: the account of the spans, and how far it can be trusted.

use super::Explanation;

pub(super) static ENTRIES: Explanation = Explanation {
    name: "entries",
    also: &["(users)", "users", "requests", "health_checks"],
    title: "where requests, messages and jobs begin",
    measures: "The first span of every trace that has one in the data. A SERVER span without a parent is a request: \
        somebody outside called, and the graph shows this as an edge from (users). A CONSUMER span is a message from \
        an outside sender. Any other first span is a job that the service started by itself.",
    matters: "Entry points are where users notice. A failing edge deep inside matters as far as it makes an entry \
        point fail or wait.",
    example: &[
        "service   operation       kind     requests  failed",
        "frontend  POST /checkout  request     1,234      1%",
    ],
    blind: "A span whose parent is missing from the data is never taken for a request of users, so a system whose \
        outermost part is not traced, or was sampled away, may show no entry points. Health checks are counted, but \
        only those that were traced.",
    act: "If an entry point is missing, look at orphan_ratio: export the spans of the gateway too, or let it start \
        the trace.",
    source: "OpenTelemetry trace semantic conventions, span kinds.",
};

pub(super) static EXEMPLARS: Explanation = Explanation {
    name: "exemplars",
    also: &["failed_exemplars", "slowest_exemplars"],
    title: "trace ids to look at behind a number",
    measures: "Up to three trace ids each: of any calls, of failed calls, and of the slowest calls. Which ones are kept \
        depends on the ids and durations alone, so the same data always shows the same traces.",
    matters: "A number says that something is wrong; one trace often says what.",
    example: &["\"failed_exemplars\": [\"4bf92f3577b34da6a3ce929d0e0e4736\"]"],
    blind: "They are examples, not the typical case. The trace may no longer be stored where you look for it.",
    act: "Open one in your tracing tool, the failed ones first.",
    source: "The idea of exemplars in OpenTelemetry and Prometheus metrics.",
};

pub(super) static ORPHAN_RATIO: Explanation = Explanation {
    name: "orphan_ratio",
    also: &[],
    title: "share of spans whose parent is not in the data",
    measures: "Spans that name a parent which is nowhere in their trace, divided by all spans.",
    matters: "Where parents are missing, so are calls: edges look less busy than they are, entry points vanish, and \
        traces fall apart into pieces.",
    example: &["3 of 1,000 spans name a missing parent: 0.3 %"],
    blind: "A whole service that sends no spans is not missed by anyone: its callers end at it and its callees begin \
        anew. A trace cut at the edge of a file looks the same as one that lost spans.",
    act: "Above a few percent, look for dropped spans (exporter queues, memory limits), proxies that start spans but do \
        not export them, sampling that decides per service, and files that end in the middle of a trace.",
    source: "Missing and inferred spans at scale: Huye, Shkuro, Sambasivan, USENIX ATC 2023.",
};

pub(super) static PAIRED_RATIO: Explanation = Explanation {
    name: "paired_ratio",
    also: &[],
    title: "share of calls between services of which both sides were seen",
    measures: "Of the synchronous calls to services that emit spans: those with a calling and a called span, divided by \
        those and the calls of which only the calling side was seen.",
    matters: "What needs both sides - time on the network, errors that only one side noticed - is known for this share of \
        the calls alone. A low share means lost spans, or calls that never arrived.",
    example: &["982 calls with both sides, 18 with the caller's alone: 98.2 %"],
    blind: "Databases and other peers that never emit spans are not counted. Neither are calls that were sampled away \
        on both sides.",
    act: "Look at the notes of the report for the services with a gap. If the caller's spans fail, the requests \
        did not arrive; if they succeed, the callee's spans were lost.",
    source: "Pairs of client and server as in the servicegraph connector of the OpenTelemetry Collector.",
};

pub(super) static PROBLEMS: Explanation = Explanation {
    name: "problems",
    also: &["problems_total"],
    title: "what in the input could not be read, and where",
    measures: "Every span, line or file that is not what its format says, with file, line and column, or the byte in binary \
        files. The first ones are shown, all are counted; the good spans beside them are kept.",
    matters: "Spans that could not be read are in no other number.",
    example: &["shop/now.json:14:23: expected a 32-digit trace id, found \"12ab\""],
    blind: "A wrong value of the right form, such as a clock that is an hour off, is no problem of the input.",
    act: "Correct the exporter, or leave the file out. --strict makes any problem end the run with exit code 2.",
    source: "The formats: OTLP, Jaeger and Zipkin.",
};

pub(super) static SHAPES: Explanation = Explanation {
    name: "shapes",
    also: &["shapes_folded"],
    title: "distinct call trees of requests",
    measures: "A shape is the tree of services one request went through, repeated calls to the same callee counted on one \
        branch. Requests of one shape are counted together. shapes_folded counts the requests whose shapes were not \
        kept because there were too many different ones, or because they were too large.",
    matters: "What fails when a service fails is a question about requests, and a request only depends on what stands in \
        its own tree.",
    example: &[
        "frontend",
        "  checkout",
        "    payments",
        "12,000 requests, one shape",
    ],
    blind: "What was not called in the data, such as a fallback that was never needed, is in no shape.",
    act: "If many requests are folded, narrow the input to the entry points or the time you ask about.",
    source: "Defined here; call-tree summaries of the kind go back to CRISP (Zhang et al., USENIX ATC 2022).",
};

pub(super) static SPANS_BY_CLASS: Explanation = Explanation {
    name: "spans_by_class",
    also: &[
        "spans_read",
        "edge_client",
        "edge_server",
        "edge_producer",
        "edge_consumer",
        "virtual_peer",
        "entry",
        "internal",
        "messaging_auxiliary",
        "folded",
        "duplicate",
    ],
    title: "where every span went: each is in exactly one class",
    measures: "The calling (edge_client) and called (edge_server) side of calls, the sending (edge_producer) and receiving \
        (edge_consumer) side of messages, calls to something that emits no spans (virtual_peer), spans where a request \
        enters (entry), work inside a service (internal), making or acknowledging messages (messaging_auxiliary), parts of a \
        call that another span stands for (folded), copies (duplicate), and the unresolved. The sum is the number of \
        spans read.",
    matters: "A graph derived from spans is as good as its account: a span that fits nowhere would otherwise vanish in silence.",
    example: &[
        "edge_client 5,000 + edge_server 5,000 + entry 1,000 + unresolved 11 = 11,011 spans read",
    ],
    blind: "Spans that were never exported, or sampled away before the export.",
    act: "Look at the unresolved first; then at a class that is larger than you expect. Many duplicates mean that \
        a file was given twice or an exporter resends.",
    source: "Span kinds and messaging operations of the OpenTelemetry semantic conventions.",
};

pub(super) static UNRESOLVED: Explanation = Explanation {
    name: "unresolved",
    also: &[
        "ambiguous_kind",
        "cycle",
        "missing_parent",
        "no_peer",
        "no_service_name",
        "outside_window",
        "unreadable",
    ],
    title: "spans that found no place in the graph, by reason",
    measures: "missing_parent: the parent is not in the data. no_service_name: neither the span nor one above it names a \
        service. no_peer: a call that does not say whom. cycle: the span is its own ancestor. ambiguous_kind: two \
        services share a span id and nothing says who called. outside_window: its trace lies outside the time asked for. \
        unreadable: the span was there, but damaged.",
    matters: "These spans are counted nowhere else. When they are many, edges and entry points are missing.",
    example: &["unresolved: missing parent  11  0.1%"],
    blind: "Why a parent is missing: lost, not yet written, sampled away, or never traced.",
    act: "missing_parent: see orphan_ratio. no_service_name: set OTEL_SERVICE_NAME. cycle and ambiguous_kind: report them to \
        whoever writes the instrumentation.",
    source: "OpenTelemetry, Jaeger and Zipkin span models.",
};

pub(super) static WEIGHTS_KNOWN: Explanation = Explanation {
    name: "weights_known",
    also: &["weights"],
    title: "whether spans say how many requests each stands for",
    measures: "A sampled span can carry its sampling threshold in the trace state (ot=th:...). Its weight is one divided by \
        the probability of being kept, and calls, attempts, errors and requests are sums of weights. Without a threshold \
        the weight is one.",
    matters: "With weights, counts estimate the real traffic. Without, they say what was recorded, and comparing services \
        that are sampled differently misleads.",
    example: &[
        "ot=th:8  half of the requests are kept, each counts 2",
        "ot=th:c  a quarter is kept, each counts 4",
    ],
    blind: "Sampling after the fact that prefers failed or slow traces without adjusting the threshold: error ratios are \
        then too high.",
    act: "Use a consistent probability sampler, or treat counts as counts of what was recorded.",
    source: "OpenTelemetry specification, TraceState: probability sampling.",
};
