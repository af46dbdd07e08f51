//! Explanations of numbers about the whole graph.

use super::Explanation;

pub(super) static CONNECTED_COMPONENTS: Explanation = Explanation {
    name: "connected_components",
    also: &["largest_component"],
    title: "parts of the graph without any edge between them",
    measures: "The number of parts that remain when the direction of edges is ignored, and the number of nodes of the largest.",
    matters: "A system that belongs together is usually one part. A second part is another system in the same data, a service \
        without calls, or a tear: trace context that got lost on the way.",
    example: &["a -> b -> c   d -> e   f: 3 components, the largest of 3"],
    blind: "Edges that were not called, or not seen, in the data.",
    act: "If parts should hang together, look at orphan_ratio, and for proxies or queues that drop the trace context.",
    source: "Graph theory: weakly connected components.",
};

pub(super) static RAREFACTION: Explanation = Explanation {
    name: "rarefaction",
    also: &["edges_seen_once", "services_low", "services_high"],
    title: "how many edges and services fewer traces would have shown",
    measures: "For 1, 2, 5, 10, ... of the traces, and for all: how many edges and services that many of them show on average, over all ways to choose them. \
        An edge that is in t of N traces is missed by n of them with chance C(N - t, n) / C(N, n). Services are in as many traces as the edge of \
        theirs that is in most (services_low), and at most in as many as all of their edges together (services_high). edges_seen_once counts the edges \
        that one trace alone shows: divided by all traces, it is how many new edges the next trace shows.",
    matters: "The longer one looks, the more one finds: two windows are comparable at the same number of traces, and a graph whose rare edges were \
        hardly seen is not all there.",
    example: &[
        "10 traces, a -> b in 8 and a -> c in 2 of them: 1 edge in 1 trace, 1.78 in 5, 2 in all",
    ],
    blind: "Traces that no sample could have, and which traces sampling prefers. Two windows at different hours differ for other reasons. Of an edge with several \
        protocols, that in most traces counts.",
    act: "Compare the numbers at equal traces in the reports of two windows; with many edges seen once, record longer before an edge is taken to be gone.",
    source: "Hurlbert, The Nonconcept of Species Diversity, Ecology 52(4), 1971; Good, The population frequencies of species, Biometrika 40, 1953.",
};

pub(super) static DEGREE: Explanation = Explanation {
    name: "degree",
    also: &[
        "average_degree",
        "max_degree",
        "in_degree",
        "service_connection_count",
        "out_degree",
        "degree_distribution",
        "ccdf",
    ],
    title: "how many neighbours a node has",
    measures: "in_degree counts the distinct callers without users, out_degree the distinct callees, degree the distinct \
        neighbours whatever the direction. average_degree and max_degree are over all nodes. degree_distribution counts the nodes of each \
        degree; ccdf is the share of the nodes that have it or more.",
    matters: "Many callers: many depend on it, and its change or outage reaches far. Many callees: it depends on many, and fails \
        when any one does that it cannot do without.",
    example: &["a -> c, b -> c, c -> d: c has in_degree 2, out_degree 1, degree 3"],
    blind: "How much is called, and whether the caller can do without. Degrees grow with the time that was observed: compare \
        equal windows, or see rarefaction.",
    act: "Watch the services with most callers closest. A gateway with many callees is meant to be one.",
    source: "Graph theory; Freeman, Centrality in Social Networks, Social Networks 1979.",
};

pub(super) static TRAFFIC_SHARE: Explanation = Explanation {
    name: "top_callee_traffic_share",
    also: &["top3_callee_traffic_share"],
    title: "how much of the calls goes to the busiest callees",
    measures: "Of all calls and messages between nodes, weighted by sampling, the share that goes to the one node called most, and to the \
        first three. Calls of users, of a node to itself, and the direct views of messages are left out.",
    matters: "Degree counts callers, this counts calls: what takes most of them is felt first when it slows down, and is scaled first.",
    example: &["a -> c 90 times, b -> c 5 times, a -> b 5 times: c takes 95 % of all calls"],
    blind: "Whether callers can do without. One request that calls a hundred times counts a hundred times.",
    act: "Watch it from release to release. A share that grows without new requests is a loop of calls: see fan_out.",
    source: "Concentration ratios of economics, over calls.",
};

pub(super) static DENSITY: Explanation = Explanation {
    name: "density",
    also: &[],
    title: "share of all possible edges that exist",
    measures: "Edges divided by n (n - 1), the number of ordered pairs of n nodes.",
    matters: "A tree is sparse, and a change in it reaches few. In a dense graph everything calls everything.",
    example: &["a -> b, b -> c: 2 of 6 possible edges, density 0.333"],
    blind: "It falls as a system grows, because few services call many others. Compare a system with its own past and \
        not with others.",
    act: "A rise without new services means new couplings: look which edges are new.",
    source: "Graph theory.",
};

pub(super) static EDGES: Explanation = Explanation {
    name: "edges",
    also: &["self_edges"],
    title: "who calls whom",
    measures: "Ordered pairs of different nodes with a call or message from the first to the second. Edges from users, and the \
        direct views of messages through a queue, are not counted. self_edges are nodes that call themselves, counted apart.",
    matters: "Every edge is a way for failures and latency to spread from the called to the calling side.",
    example: &[
        "checkout -> payments over http and over grpc: one edge here, two rows in the table of edges",
    ],
    blind: "Dependencies that were not used in the data, and those that are not calls: shared files, shared hosts, \
        configuration.",
    act: "Read the table of edges for one you did not expect.",
    source: "Graph theory: the simple directed graph of the calls.",
};

pub(super) static NODES: Explanation = Explanation {
    name: "nodes",
    also: &[
        "services",
        "kind",
        "service",
        "database",
        "cache",
        "queue",
        "external",
        "peers",
        "spans",
        "failed_spans",
        "instances",
        "hosts",
    ],
    title: "services, and the peers without spans that they call",
    measures: "services emit spans. A database, cache, queue or external peer emits none and is known from its callers' spans: \
        its name is the peer's own if they say so, else its kind and namespace, its queue, or its address. nodes are both \
        together, without users. Of a service, spans and failed_spans are those it emitted, instances and hosts those that they name.",
    matters: "Peers without spans fail like any other, and are most often shared.",
    example: &["checkout: service   postgresql/orders: database   kafka/orders: queue"],
    blind: "One database under two addresses is two nodes; two behind one name are one. An outside peer may be a service \
        of yours that is not instrumented.",
    act: "Set peer.service or service.peer.name at the caller to give a peer its right name.",
    source: "Peer, database and messaging attributes of the OpenTelemetry semantic conventions.",
};

pub(super) static RECIPROCITY: Explanation = Explanation {
    name: "reciprocity",
    also: &[],
    title: "share of edges that are answered by one in the other direction",
    measures: "Edges a -> b for which b -> a exists too, divided by all edges.",
    matters: "Two services that call each other cannot be deployed, scaled or started one before the other, and when both wait \
        for each other under load they can lock up.",
    example: &["a -> b, b -> a, b -> c: 2 of 3 edges, 0.667"],
    blind: "Longer cycles such as a -> b -> c -> a. Whether both directions ever happen in the same request.",
    act: "Turn one direction around: pass the data along with the request, or send a message.",
    source: "Graph theory; network analysis of directed graphs.",
};
