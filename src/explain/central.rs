//! Explanations of who is central, and of what hangs on whom.

use super::Explanation;

pub(super) static ARTICULATION_POINTS: Explanation = Explanation {
    name: "articulation_points",
    also: &[
        "single-points",
        "articulation",
        "cut_off",
        "bridges",
        "redundancy",
    ],
    title: "nodes and edges without which the graph falls into parts",
    measures: "An articulation point is a node without which its part of the graph splits; cut_off counts the nodes that \
        are then no longer joined to the largest rest. A bridge is an edge that does the same. The direction of edges is ignored. redundancy says what was \
        seen of the replicas behind a node: zones (several instances at once, in several zones), instances (at once, but not known to be in several zones), one-instance, or unknown.",
    matters: "What lies behind a single node or edge hangs on it: maintenance, a bad release or a full network there separates it.",
    example: &[
        "a -> b -> c, b -> d: b is an articulation point that cuts off 2; all three edges are bridges",
    ],
    blind: "It tells what hangs together, not what still works: a database at the end of one edge splits nothing when it fails, and \
        takes its callers along. A node in several zones is no single piece of hardware, and one bad release still takes all of it. Of one instance in n traces, \
        a second with less than 3/n of them may have gone unseen. Peers without spans show no replicas.",
    act: "Read it together with dominated. Where much is cut off, see that the node has replicas in more than one zone.",
    source: "Hopcroft and Tarjan, Efficient Algorithms for Graph Manipulation, Comm. ACM 16(6), 1973.",
};

pub(super) static BETWEENNESS: Explanation = Explanation {
    name: "betweenness",
    also: &["betweenness_half_width", "traffic_betweenness"],
    title: "how often a node lies between others",
    measures: "betweenness is the share of the ordered pairs of other nodes whose shortest path of synchronous calls leads \
        through the node, divided among paths of equal length. traffic_betweenness is the share of requests, weighted, in which the node \
        was called and called something itself. betweenness_half_width is half of the 95 % interval where a large graph was sampled.",
    matters: "Between others stand the services whose slowness others inherit. The first number asks what could pass, the second what did.",
    example: &["a -> b -> c: b lies between a and c, 1 of 2 ordered pairs of others, 0.5"],
    blind: "Shortest paths are not the paths requests take. Requests whose shapes were not kept are not in the second number, and an entry \
        point is never between.",
    act: "A service that is first in both and has many callers deserves the first look: capacity, timeouts, what it can do without.",
    source: "Brandes, A Faster Algorithm for Betweenness Centrality, J. Math. Sociol. 25, 2001.",
};

pub(super) static CORE: Explanation = Explanation {
    name: "core",
    also: &["cores", "degeneracy"],
    title: "how entangled a node is with others",
    measures: "The largest k for which the node belongs to a part of the graph whose members all have k neighbours inside that \
        part. degeneracy is the largest core of all nodes; from 3 on a finding names who belongs to it, unless everybody does. The direction of edges is ignored.",
    matters: "The members of the innermost core are the hardest to take apart, to move, or to give a cell of their own.",
    example: &["a, b, c joined to each other, d to a alone: a, b, c have core 2, d has core 1"],
    blind: "How much is called, and whether an edge could be given up.",
    act: "Look for edges inside the innermost core that carry few calls.",
    source: "Seidman, Network Structure and Minimum Degree, Social Networks 5, 1983; Batagelj and Zaversnik, 2003.",
};

pub(super) static HUBS: Explanation = Explanation {
    name: "hubs",
    also: &[
        "hub",
        "hub_agreement",
        "orchestrator",
        "orchestrators",
        "infrastructure",
    ],
    title: "services with so many callers that they stand out",
    measures: "Nodes are hubs if naming them makes the list of who calls whom shorter to describe: a hub by callers is a shared dependency. \
        There is no threshold, and there may be no hub. An orchestrator is found the same way by its callees. What is declared to be infrastructure is marked. \
        hub_agreement is the share of the first five by callers that are also among the first five by shortest paths and by requests.",
    matters: "Everybody depends on a hub with many callers: its outage is everybody's, and its change needs everybody. An orchestrator depends on \
        everybody: it fails when any one fails that it cannot do without, and gateways are meant to be that.",
    example: &[
        "19 services that call one: that one is a hub",
        "30 nodes with 20, 18 and otherwise 1 caller: the first two are hubs",
    ],
    blind: "A hub by callers may be harmless, such as a flag service that everybody can do without. Whether a hub is wanted.",
    act: "Know each hub's replicas, zones and limits, and what callers do when it is away.",
    source: "Kirkley, Identifying hubs in directed networks, Phys. Rev. E 109, 034310, 2024, with Erdos-Renyi encoding.",
};

pub(super) static DOMINATORS: Explanation = Explanation {
    name: "immediate_dominator",
    also: &["dominators", "dominated"],
    title: "who can no longer be reached when a service is gone",
    measures: "A service dominates another if every path of synchronous calls from every entry point to the other leads through it; \
        the immediate dominator is the closest one. dominated counts the nodes that can no longer be reached when the service is gone, \
        without itself.",
    matters: "The work of a dominated service can be asked for in one way only.",
    example: &[
        "users -> a -> b -> c, a -> c: a dominates b and c; b dominates nobody, since a calls c too",
    ],
    blind: "It tells who can be reached, not which requests fail: a service with two callers is dominated by neither, and yet both fail with it. \
        Messages are no synchronous calls; what only messages reach has no dominator.",
    act: "Entry points dominate by nature. Of the others, compare what they dominate with the care they get.",
    source: "Lengauer and Tarjan, 1979; Cooper, Harvey and Kennedy, A Simple, Fast Dominance Algorithm, 2001.",
};

pub(super) static CYCLES: Explanation = Explanation {
    name: "largest_cycle",
    also: &["cycles", "feedback_edges", "reentry_ratio"],
    title: "services that wait for each other",
    measures: "cycles counts the groups of services in which synchronous calls lead from each to each; largest_cycle is the size of the largest, zero \
        without any. feedback_edges counts edges without which there were no cycle, found by a heuristic. reentry_ratio is the share of requests, \
        weighted, in which a service was called again while it still waited.",
    matters: "When each side of a cycle waits with a thread for the other, a full pool locks both. Nor can one of them be started or released \
        before the other.",
    example: &[
        "checkout -> inventory -> checkout: a cycle of 2, without inventory -> checkout there is none",
    ],
    blind: "A cycle may be made of different operations that never meet in one request; then it is said to be static only. \
        Cycles through a queue do not wait and are not counted.",
    act: "Pass the data along with the request instead of asking back, or send a message. Start with cycles that requests were seen to go around.",
    source: "Tarjan, Depth-First Search and Linear Graph Algorithms, 1972; Eades, Lin and Smyth, 1993.",
};

pub(super) static LEVEL: Explanation = Explanation {
    name: "level",
    also: &["levels", "trophic_incoherence"],
    title: "how far down the flow of calls a node stands",
    measures: "Levels are numbers chosen so that every call leads as nearly one level down as can be; the lowest of each part is zero. \
        trophic_incoherence is the mean square of what is missing: 0 for perfect layers, 1 for pure circulation.",
    matters: "It shows the layers a system has, whatever it was meant to have, and the calls that go against them.",
    example: &["a -> b -> c: levels 0, 1, 2, incoherence 0; with a -> c too, levels 0, 0.67, 1.33"],
    blind: "How much is called, and what layers were intended.",
    act: "Look at the calls that lead up: from a node to one of lower level.",
    source: "MacKay, Johnson and Sansom, How directed is a directed network?, R. Soc. Open Sci. 7, 201138, 2020.",
};

pub(super) static PAGERANK: Explanation = Explanation {
    name: "pagerank",
    also: &[],
    title: "where a walk along the calls spends its time",
    measures: "A walk follows a random callee with chance 0.85 and starts anew anywhere otherwise; the number is the share of time \
        spent at the node. All nodes together have 1.",
    matters: "A node ranks high when many call it, or few that rank high: what lies at the bottom of much.",
    example: &["a -> c, b -> c: c has 0.57, a and b 0.21 each"],
    blind: "How much is called; every callee is as likely as another.",
    act: "Use it to find the shared ground that the number of callers hides.",
    source: "Brin and Page, The Anatomy of a Large-Scale Hypertextual Web Search Engine, 1998.",
};
