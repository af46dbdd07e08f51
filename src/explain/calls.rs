//! Explanations of what is counted on an edge.

use super::Explanation;

pub(super) static DIRECT: Explanation = Explanation {
    name: "direct",
    also: &[],
    title: "edges from sender to receiver that look past the queue between them",
    measures: "A message through a queue makes two edges: sender to queue, and queue to receiver. The same messages are also \
        shown as one direct edge from the sending to the receiving service.",
    matters: "The queue decouples them in time, not in meaning: the receiver still does what the sender asked for.",
    example: &[
        "checkout      ~>  kafka/orders  300",
        "kafka/orders  ~>  shipping      300",
        "checkout      =>  shipping      300  direct",
    ],
    blind: "Messages whose spans neither link to their sender's span nor have it as parent.",
    act: "Do not add direct edges to the others: they are the same messages. Numbers about the graph leave them out.",
    source: "OpenTelemetry semantic conventions for messaging: links from receiving to sending spans.",
};

pub(super) static ERRORS: Explanation = Explanation {
    name: "errors",
    also: &[
        "both",
        "client_only",
        "server_only",
        "client_4xx",
        "error_ratio",
        "error_types",
    ],
    title: "failed attempts, by which side noticed",
    measures: "Attempts that failed on both sides, on the caller's side alone (client_only) or on the called side alone \
        (server_only). error_ratio is their sum divided by all attempts. Faults of the caller (HTTP 4xx but 408 and \
        429) are counted apart as client_4xx and are not failures of the service. timeouts are attempts that ended by one.",
    matters: "client_only means timeouts, refused connections, a broken network: the callee believes that all is well. \
        server_only means that the caller never noticed, or had given up.",
    example: &["both 30, client_only 10, server_only 2 of 380 attempts: error_ratio 0.111"],
    blind: "A wrong answer with status 200. A call given up on purpose carries no error by convention. When only one side \
        emits spans, nothing says what the other saw.",
    act: "Many client_only: look at the caller's timeouts and the network between. Many server_only: look for swallowed \
        errors. Open the failed_exemplars.",
    source: "Span status, http.response.status_code, rpc.status_code and error.type of the OpenTelemetry semantic conventions; \
        differential observability as in Huang et al., Gray Failure, HotOS 2017.",
};

pub(super) static EVIDENCE: Explanation = Explanation {
    name: "evidence",
    also: &[
        "paired",
        "through-internal",
        "parent-child",
        "one-sided",
        "declared",
    ],
    title: "how well the calls of an edge are proved",
    measures: "Attempts by grade. paired: a CLIENT span with its SERVER span. through-internal: the same with INTERNAL spans \
        between. parent-child: a span and its parent in another service, without such a pair. one-sided: only one side was \
        seen. declared: the called side names its caller.",
    matters: "An edge that is mostly one-sided or declared rests on what one side says about the other.",
    example: &["\"evidence\": { \"paired\": 370, \"one-sided\": 10 }"],
    blind: "Whether a name that one side gives is right: an address may belong to a proxy.",
    act: "Instrument the silent side, or correct the peer's name (peer.service, service.peer.name).",
    source: "Defined here over the span kinds and peer attributes of the OpenTelemetry semantic conventions.",
};

pub(super) static FAN_OUT: Explanation = Explanation {
    name: "fan_out",
    also: &["fan_out_max"],
    title: "attempts on an edge in one trace",
    measures: "The mean number of attempts in those traces that have any, and the most in a single trace.",
    matters: "A request that makes fifty calls to the same callee is as slow as the slowest of them, and fifty times as \
        likely to meet its worst percent.",
    example: &[
        "1 % of calls are slow: of requests with 10 such calls 9.6 % meet one, with 100 calls 63 %",
    ],
    blind: "Whether the calls are parallel or one after the other, and whether they could be one.",
    act: "Look at a trace with many calls: a loop over results is often one batch request.",
    source: "Dean, Barroso, The Tail at Scale, Communications of the ACM 2013.",
};

pub(super) static MODE: Explanation = Explanation {
    name: "mode",
    also: &["sync", "async"],
    title: "whether the caller waits for the answer",
    measures: "sync: a request and its response. async: a message, whose sender goes on. Asynchronous edges stay out of \
        critical paths and of synchronous depth.",
    matters: "A slow or failing callee makes a synchronous caller slow or failing too; a message waits in its queue.",
    example: &[
        "checkout  ->  payments      sync",
        "checkout  ~>  kafka/orders  async",
    ],
    blind: "A caller that sends a request and does not look at the answer is synchronous by its span kinds.",
    act: "Ask of every synchronous edge whether the caller needs the answer to go on.",
    source: "Span kinds CLIENT and SERVER, PRODUCER and CONSUMER of OpenTelemetry.",
};

pub(super) static RETRIES: Explanation = Explanation {
    name: "retries",
    also: &["calls", "attempts", "served", "marked", "hidden"],
    title: "attempts beyond the first of a logical call",
    measures: "calls are logical calls, attempts include their repeats, and served are the attempts of which the called side was \
        seen. A retry is marked (the span carries a resend count), hidden (one CLIENT span with several SERVER spans: \
        something below the instrumentation repeats), or inferred (the same call again after a failure that callers \
        retry, within a minute).",
    matters: "Retries multiply load exactly when a service has too much of it, and they multiply along a path: three attempts \
        on each of three layers are up to 27.",
    example: &["300 calls, 380 attempts: 60 retries marked, 10 hidden, 10 inferred"],
    blind: "Retries as new traces. Spans of RPC and database clients often cover the whole call with all its attempts. A loop \
        that repeats a failed call for another reason looks like a retry.",
    act: "Retry on one layer only, with backoff, jitter and a budget; not what cannot succeed.",
    source: "http.request.resend_count of the OpenTelemetry semantic conventions; Site Reliability Engineering, chapters 21 and 22.",
};
