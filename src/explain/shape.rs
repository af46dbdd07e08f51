//! Explanations of the shape of the graph: distances, triangles, groups, robustness, textbook shapes.

use super::Explanation;

pub(super) static ASSORTATIVITY: Explanation = Explanation {
    name: "assortativity",
    also: &[],
    title: "whether neighbours have similar numbers of neighbours",
    measures: "The correlation of the degrees at both ends of an edge, from -1 to 1.",
    matters: "Below zero, nodes with many neighbours are joined to nodes with few, as in a star: the usual case, since many services share few.",
    example: &["a star: -1   two stars whose centres are joined: above -1"],
    blind: "Which way calls go, and why. It does not exist where all degrees are equal.",
    act: "Nothing by itself. Compare a system with its own past.",
    source: "Newman, Assortative Mixing in Networks, Phys. Rev. Lett. 89, 208701, 2002.",
};

pub(super) static CLUSTERING: Explanation = Explanation {
    name: "average_clustering",
    also: &[
        "clustering",
        "transitivity",
        "local_clustering_by_service",
        "directed_clustering",
        "average_clustering_null",
        "average_clustering_null_deviation",
        "average_clustering_z",
    ],
    title: "how often two neighbours of a node are neighbours too",
    measures: "clustering is the share of the pairs of a node's neighbours that are neighbours, zero below two neighbours; \
        average_clustering is the mean over all nodes. transitivity is the share of all paths of two edges whose ends are neighbours. \
        directed_clustering takes directions into account and is a mean too. average_clustering_null is the mean over 20 random graphs in which \
        every node keeps its degree, average_clustering_null_deviation their standard deviation, and average_clustering_z how many of those \
        the graph is above the mean.",
    matters: "A triangle a -> b, a -> c, b -> c means that c is called directly and through b: one slow c delays a twice.",
    example: &[
        "a, b, c joined to each other, d to a: a has 0.333, b and c 1, d 0; average 0.583, transitivity 0.6",
    ],
    blind: "Small graphs have high values by chance, so below 30 nodes or above a density of 0.3 nothing is compared. A tree or a star has \
        none, however well it is built. topple report leaves the random graphs to topple hubs.",
    act: "Read average_clustering_z, never a fixed limit: within 2 of zero the triangles are what chance gives.",
    source: "Watts and Strogatz, Nature 393, 1998; Fagiolo, Phys. Rev. E 76, 026107, 2007; Maslov and Sneppen, Science 296, 2002.",
};

pub(super) static PATHS: Explanation = Explanation {
    name: "average_path_length",
    also: &[
        "paths",
        "diameter",
        "radius",
        "global_efficiency",
        "directed_average_path_length",
        "reachable_pairs",
        "reachable_share",
        "service_communication_hops",
        "static_depth",
    ],
    title: "how far apart nodes are",
    measures: "Without direction, over the largest component: average_path_length is the mean number of edges on a shortest path, diameter the \
        largest, radius the smallest distance within which one node has all others, global_efficiency the mean of 1/distance. With direction: \
        reachable_pairs counts the ordered pairs joined by a path of calls, reachable_share is their share of all ordered pairs, directed_average_path_length is their mean distance. static_depth is the \
        longest chain of synchronous calls, a cycle counted as one node.",
    matters: "Every hop adds latency and a chance to fail: five hops at 99.9 % are 99.5 %. Chains matter more than means.",
    example: &[
        "a -> b -> c: average_path_length 1.33, diameter 2, radius 1, reachable_pairs 3, static_depth 2",
    ],
    blind: "Which paths requests take: see max_sync_depth for that. Most pairs of a service graph cannot reach each other at all.",
    act: "Shorten the longest chain that requests really take; a limit on the mean path says little, since it grows with the system.",
    source: "Watts and Strogatz, Nature 393, 1998; Latora and Marchiori, Phys. Rev. Lett. 87, 2001.",
};

pub(super) static CENTRALISATION: Explanation = Explanation {
    name: "degree_centralisation",
    also: &["degree_gini"],
    title: "how unevenly neighbours are spread",
    measures: "degree_centralisation compares the differences to the largest degree with those of a star: 1 for a star, 0 if all degrees are equal. \
        degree_gini is 0 if all degrees are equal and nears 1 if one node has all neighbours.",
    matters: "The more it is centred, the more hangs on few nodes, and the better it survives the loss of any other.",
    example: &["a star of 5: centralisation 1, gini 0.3   a ring: both 0"],
    blind: "Who is in the centre: see hubs. The largest degree over the mean is no substitute, since it grows with the system.",
    act: "Watch it rise from release to release.",
    source: "Freeman, Centrality in Social Networks, Social Networks 1, 1979; Gini, 1912.",
};

pub(super) static FLOW_HIERARCHY: Explanation = Explanation {
    name: "flow_hierarchy",
    also: &[],
    title: "share of edges that lie on no cycle",
    measures: "Edges, of calls and of messages, that are part of no cycle, divided by all edges.",
    matters: "At 1 the system can be drawn from top to bottom, started from bottom to top, and reasoned about layer by layer.",
    example: &["a -> b, b -> a, b -> c: 1 of 3 edges, 0.333"],
    blind: "Whether requests ever go around a cycle. Cycles through queues count as well.",
    act: "Look at largest_cycle for the cycles that wait.",
    source: "Luo and Magee, Detecting Evolving Patterns of Self-Organizing Networks, Complexity 16(6), 2011.",
};

pub(super) static MODULARITY: Explanation = Explanation {
    name: "modularity",
    also: &[
        "communities",
        "community_agreement",
        "modularity_null",
        "modularity_null_deviation",
        "modularity_z",
    ],
    title: "how well the graph falls into groups",
    measures: "communities counts the groups of the best division found in ten seeded attempts; modularity is the share of edges inside groups minus what \
        chance would put there with the same degrees. The direction of edges is ignored. modularity_null is the mean over 20 random graphs in \
        which every node keeps its degree, modularity_null_deviation their standard deviation, modularity_z how many of those the graph is above the mean. \
        community_agreement is the adjusted mutual information with declared groups (the tag domain, team, owner or cell), or with service.namespace: 1 if they are the same, about 0 if \
        they have nothing to do with each other; over the services that have a group.",
    matters: "Groups with few edges between them can be owned, deployed and isolated apart.",
    example: &["two rings of four nodes, joined by one edge: 2 communities, modularity 0.39"],
    blind: "Sparse random graphs have high values too: read modularity_z. Small groups inside large graphs are merged. Below 30 nodes nothing is compared \
        with chance, and without two groups of services nothing with groups.",
    act: "Where the communities disagree with your teams, look at the edges that cross: those are the ones to agree on.",
    source: "Newman and Girvan, Phys. Rev. E 69, 2004; Traag, Waltman and van Eck, From Louvain to Leiden, Sci. Rep. 9, 5233, 2019; Vinh, Epps and \
        Bailey, J. Mach. Learn. Res. 11, 2010.",
};

pub(super) static POWER_LAW: Explanation = Explanation {
    name: "power_law_alpha",
    also: &["power-law", "power_law_p", "power_law_verdict"],
    title: "whether the numbers of neighbours follow a power law",
    measures: "power_law_p is the share of 1,000 synthetic data sets, drawn from the power law that fits the largest degrees best, that fit worse than the \
        degrees do. Below 0.1 a power law is ruled out, and there is no exponent. Otherwise power_law_alpha is the exponent, and the finding says which other distributions fit \
        as well. Without 100 nodes, 50 of them in the tail, the answer is insufficient data. power_law_verdict has the answer in words.",
    matters: "Under a power law some nodes have very many more neighbours than others, and there is no typical number.",
    example: &[
        "power law: ruled out (p = 0.01 with 1000 synthetic data sets, seed 1); there is no exponent",
        "plausible, not distinguishable from lognormal; exponent 2.41 from degree 3 on",
    ],
    blind: "Almost every system is too small to tell. A straight line in a log-log plot tells nothing. topple report leaves the test to topple hubs.",
    act: "Nothing: it describes. Act on hubs.",
    source: "Clauset, Shalizi and Newman, Power-Law Distributions in Empirical Data, SIAM Rev. 51(4), 2009.",
};

pub(super) static ROBUSTNESS: Explanation = Explanation {
    name: "robustness_adaptive",
    also: &[
        "robustness",
        "robustness_betweenness",
        "robustness_static",
        "robustness_random",
        "robustness_random_error",
        "robustness_random_orders",
        "robustness_ratio",
        "one_removal_mean",
        "one_removal_worst",
    ],
    title: "how the graph falls apart when nodes are removed",
    measures: "The mean share of nodes that still hang together over the removal of one node after another: always the one with most neighbours left \
        (adaptive), by degree in the whole graph (static), always the one that most shortest paths lead through (betweenness), or in random order \
        (random, the mean of robustness_random_orders orders from a fixed seed: 1,000, fewer for graphs of more than 50,000 nodes and edges, and at least 20; \
        robustness_random_error is the standard error of that mean). At most 0.5. one_removal_mean and one_removal_worst are the share of all nodes that still hang \
        together when any one is gone, on average and at worst, exactly. robustness_ratio is adaptive divided by random.",
    matters: "Far less under attack than at random: a few nodes hold everything together.",
    example: &["5 nodes all joined to each other: 0.4 for all three   a star of 5: 0.16 adaptive"],
    blind: "It tells what hangs together, not what works: the loss of one shared database changes the number little and may end all requests. Where removal by \
        betweenness takes too long it is left out, never estimated.",
    act: "Use it as a description of shape, and never as an availability.",
    source: "Albert, Jeong and Barabasi, Nature 406, 2000; Schneider et al., PNAS 108(10), 2011.",
};

pub(super) static SMALL_WORLD: Explanation = Explanation {
    name: "small_world_sigma",
    also: &["small-world", "small_world_omega"],
    title: "clustered like a lattice, short like a random graph",
    measures: "sigma is clustering over that of random graphs, divided by path length over that of random graphs. omega compares path length with random \
        graphs and clustering with lattices: near 0 for a small world, above for random graphs, below for lattices. All have the same degrees as the graph. The lattices count with their mean clustering, \
        but with no less than that of the graph.",
    matters: "It describes how a system grew: in groups with shortcuts between them.",
    example: &[
        "small world: sigma 1.51, omega -0.06 against 20 random graphs with the same degrees",
    ],
    blind: "Below 30 nodes, above a density of 0.3 or without triangles in random graphs there is no answer. sigma grows with the number of nodes. \
        topple report leaves it to topple hubs.",
    act: "Nothing: it describes.",
    source: "Humphries and Gurney, PLoS ONE 3, 2008; Telesford et al., Brain Connect. 1, 2011.",
};

pub(super) static TOPOLOGY_CLASS: Explanation = Explanation {
    name: "topology_class",
    also: &["topology-class"],
    title: "which textbook shape the graph is like",
    measures: "A star: degree_centralisation above 0.8. Two equal hubs with spokes: the two nodes of highest degree share more than 0.8 of their \
        neighbours, each joins half of all others, and the graph holds without either. A mesh: more than half of all pairs are neighbours. Layered: flow_hierarchy \
        above 0.95 and trophic_incoherence below 0.1. Otherwise mixed.",
    matters: "The shape tells which failures to think of first: the centre of a star, the ground floor of layers, everything in a mesh.",
    example: &["the shape of the graph is a star: degree centralisation 0.93"],
    blind: "The limits are conventions. Traffic that is not traced, such as gossip between replicas, is not seen.",
    act: "Nothing: it describes.",
    source: "Freeman 1979 for stars; Luo and Magee 2011, MacKay et al. 2020 for layers; limits of this program.",
};
