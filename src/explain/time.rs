//! Explanations of durations and of what is computed from them.

use super::Explanation;

pub(super) static CRITICAL_PATH_SHARE: Explanation = Explanation {
    name: "critical_path_share",
    also: &["path"],
    title: "share of all waiting time that passed inside the calls of an edge",
    measures: "At every moment of a request the end of its first span waits for exactly one span: these make the critical path. \
        The share is the time of critical paths inside the calls of the edge and everything below them, divided by the \
        time of all critical paths.",
    matters: "Making something faster that is not on the critical path makes no request faster.",
    example: &[
        "frontend  0..100",
        "  cart    10..40    on the path: share 30 %",
        "  mail    20..60    not on it: pay ends later, and overlaps",
        "  pay     40..90    on the path: share 50 %",
    ],
    blind: "Shares of calls below each other overlap, so they do not add up to 100 %. Clocks of different machines differ: where the calls \
        of a trace prove it, and the hosts are named, they are set right by the middle of what the calls allow; else \
        calls are clamped to the time of their callers. Asynchronous work is never on the path.",
    act: "Follow the largest share downwards until it no longer passes on; the time is spent there.",
    source: "Zhang et al., CRISP, USENIX ATC 2022; Chow et al., The Mystery Machine, OSDI 2014.",
};

pub(super) static IN_FLIGHT: Explanation = Explanation {
    name: "in_flight",
    also: &[],
    title: "mean number of calls under way at the same time",
    measures: "The durations of all calling spans of the edge, summed and divided by the length of the time window.",
    matters: "It is the least number of connections or threads that the calls need on average. Pools that are not much larger \
        will queue.",
    example: &["20 calls per second that take 0.5 s each: 10 in flight"],
    blind: "The peak, which is higher. With sampled spans it counts only what was recorded. A window with idle hours dilutes it.",
    act: "Compare with the size of the pool; look at a window of the busiest minutes.",
    source: "Little, A Proof for the Queuing Formula L = lambda W, Operations Research 1961.",
};

pub(super) static NETWORK_NS: Explanation = Explanation {
    name: "network_ns",
    also: &["net"],
    title: "what a call takes beyond the work of the callee",
    measures: "The duration of the calling span minus the duration of the called span, of calls with both sides. It holds \
        the network, connections, queues on both sides, and the time before and after the callee's instrumentation.",
    matters: "The callee's own dashboard shows nothing of it.",
    example: &["caller 1.2 ms, callee 1.0 ms: network 200 us"],
    blind: "Which direction or which queue. Durations come from one clock each, so differing clocks do no harm. Streams and long \
        polls measure the life of the stream.",
    act: "If it is large against the callee's time: reuse connections, look at proxies, at waiting for a connection, \
        and at distance.",
    source: "Defined here; both durations are of OpenTelemetry spans.",
};

pub(super) static QUANTILES: Explanation = Explanation {
    name: "quantiles",
    also: &[
        "p50",
        "p90",
        "p99",
        "max",
        "count",
        "sum",
        "client_ns",
        "server_ns",
        "duration_ns",
    ],
    title: "distributions of durations",
    measures: "Half of the durations are at most p50, 90 % at most p90, 99 % at most p99 (nearest rank, within 0.8 %). count, \
        sum and max are exact. client_ns is the caller's view of a call, server_ns the callee's, duration_ns that of \
        requests at an entry point.",
    matters: "A mean hides the slow requests that users complain about.",
    example: &["count 100: 98 of 1 ms and 2 of 1 s give p50 1 ms, p90 1 ms, p99 1 s"],
    blind: "Of few durations, p99 is the largest or nearly so: with fewer than 300 do not rely on it. Quantiles of different \
        edges cannot be added.",
    act: "Compare p99 with p50: a wide gap asks for a look at the slowest_exemplars.",
    source: "Histograms with logarithmic buckets as in DDSketch: Masson, Rim, Lee, VLDB 2019.",
};

pub(super) static QUEUE_NS: Explanation = Explanation {
    name: "queue_ns",
    also: &[],
    title: "how long messages waited",
    measures: "The start of the receiving span minus the end of the sending span.",
    matters: "A queue that fills is seen here before anything fails.",
    example: &["sent at 10.0 s, taken at 12.5 s: 2.5 s in the queue"],
    blind: "The clocks of two machines are compared, so short waits are no better than the clocks. A receiver that takes \
        many messages at once has one start for all.",
    act: "If waits grow with traffic, add receivers or make them faster; if they grow without, look for a stuck partition.",
    source: "OpenTelemetry semantic conventions for messaging spans.",
};

pub(super) static SLACK: Explanation = Explanation {
    name: "slack",
    also: &[
        "slack_calls",
        "slack_mean_ns",
        "slack_least_ns",
        "mean_ns",
        "least_ns",
        "of_duration",
    ],
    title: "how much longer calls could take before a request waits for them",
    measures: "Of the calls of an edge that are waited for, but not on the critical path of their request, because another call ended \
        later: how much longer each could have taken until that other call ended. calls counts them as they were seen; mean_ns \
        and least_ns are the mean and the least of them; of_duration is all of it together, divided by what the calls took. A call below another \
        that is off the path has the slack of that one, and its own besides.",
    matters: "Making such a call faster makes no request faster. Its timeout, its place or its priority can give way, up to the least slack.",
    example: &[
        "frontend  0..100",
        "  mail    10..40    not on the path: slack 30",
        "  pay     20..70    on the path: the frontend waits for it until 70",
        "  cart    75..90    on the path: no slack",
    ],
    blind: "What starts later is taken to start when it did, whatever ends later before it. A file that an earlier version folded has none, and an edge whose calls were all on \
        the path has none either.",
    act: "Look elsewhere for time; let calls with much slack wait for those without.",
    source: "The total float of Kelley, Critical-Path Planning and Scheduling, Operations Research 1961; paths as in Zhang et al., CRISP, USENIX ATC 2022.",
};

pub(super) static SYNC_DEPTH: Explanation = Explanation {
    name: "sync_depth",
    also: &[
        "max_sync_depth",
        "p50_sync_depth",
        "p95_sync_depth",
        "p95_hard_depth_low",
        "p95_hard_depth_high",
        "critical_hops",
        "max_critical_hops",
        "p50_critical_hops",
        "p95_critical_hops",
        "depth",
    ],
    title: "how many synchronous calls stand below each other in a request",
    measures: "The longest chain of calls between services, in which each waits for the next, per request: its median, \
        95th percentile and maximum, of requests by their weights. critical_hops are the calls on the critical path of a request, below each other or \
        one after another, databases and other peers too: so often its end waits for the way there and back; 1,000 and more count as 1,000. p95_hard_depth_low and p95_hard_depth_high ask how far down requests need what they call, so that its failure ends them: edges of unknown dependency \
        count as soft for the first and as hard for the second; databases and other peers count in them.",
    matters: "Every layer adds its latency and its failures: five layers that each answer 99.9 % of requests answer 99.5 % \
        together. Timeouts must fit into each other on every one of them.",
    example: &[
        "frontend -> checkout -> payments -> postgresql: depth 2, and hard depth 3 if each needs the next",
    ],
    blind: "Layers that emit no spans, databases among them, and what sampling cut off. Messages and what they start do not count, retries neither.",
    act: "Look for layers that only pass on, and for answers that could be kept nearer.",
    source: "Treynor et al., The Calculus of Service Availability, ACM Queue 2017.",
};
