"""Times the graph libraries of Python on the graph of `cargo bench --bench graph`, and compares.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    cargo bench --bench graph -- 5000 50000 graph.txt > ours.txt
    venv/bin/python benches/peers/graph.py graph.txt ours.txt [--peers igraph,rustworkx] [--passes attack]

Every peer reads the same file and computes the same value by its own fastest documented call, without loading. Like ours
it is repeated until half a second has gone by, and the best time counts; run both on a machine that does nothing else. A value that differs from ours by more than 1e-6 is marked: then the row compares
two different things. The attack of igraph has 100 points, ours has one for every node.
"""

import argparse
import sys
import time

TOLERANCE = 1e-6

# A pass is repeated until this many seconds have gone by, as ours is.
PATIENCE = 0.5


def read_edges(path):
    with open(path, encoding="ascii") as lines:
        return [tuple(map(int, line.split())) for line in lines]


def read_ours(path):
    """Returns seconds and value of each pass."""
    ours = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 4 and words[2] == "s":
                ours[words[0]] = float(words[1]), float(words[3])
    return ours


def simple(edges):
    return sorted({(min(edge), max(edge)) for edge in edges})


def timed(run):
    """Returns the value of a pass and its best time."""
    start = time.perf_counter()
    best = float("inf")
    while time.perf_counter() - start < PATIENCE:
        before = time.perf_counter()
        value = run()
        best = min(best, time.perf_counter() - before)
    return value, best


def with_igraph(n_nodes, edges):
    import igraph

    directed = igraph.Graph(n_nodes, edges, directed=True)
    undirected = igraph.Graph(n_nodes, simple(edges))

    def attack():
        order = sorted(range(n_nodes), key=lambda node: -undirected.degree(node))
        total = 0
        for step in range(100):
            rest = undirected.induced_subgraph(order[step * n_nodes // 100 :])
            total += max(rest.connected_components().sizes())
        return total / n_nodes / 100

    def path_curve():
        order = sorted(range(n_nodes), key=lambda node: -undirected.degree(node))
        total = 0
        for step in range(100):
            rest = undirected.induced_subgraph(order[step * n_nodes // 100 :])
            largest = rest.connected_components().giant()
            if largest.vcount() > 1:
                total += largest.average_path_length()
        return total

    scale = (n_nodes - 1) * (n_nodes - 2)
    return {
        "path-curve": path_curve,
        "clustering": lambda: undirected.transitivity_avglocal_undirected(mode="zero"),
        "kcore": lambda: sum(undirected.coreness()),
        "articulation": lambda: len(undirected.articulation_points()),
        "attack": attack,
        "distance": lambda: directed.average_path_length(),
        "betweenness": lambda: sum(directed.betweenness()) / scale,
    }


def with_networkit(n_nodes, edges):
    import networkit

    directed = networkit.Graph(n_nodes, directed=True)
    for source, target in edges:
        directed.addEdge(source, target)
    undirected = networkit.Graph(n_nodes)
    for source, target in simple(edges):
        undirected.addEdge(source, target)

    def distance():
        total = pairs = 0
        for source in range(n_nodes):
            search = networkit.distance.BFS(directed, source, storePaths=False)
            search.run()
            for steps in search.getDistances():
                if 0 < steps < n_nodes:
                    total += steps
                    pairs += 1
        return total / pairs

    scale = (n_nodes - 1) * (n_nodes - 2)
    scores = lambda algorithm: algorithm.run().scores()
    return {
        "clustering": lambda: sum(scores(networkit.centrality.LocalClusteringCoefficient(undirected))) / n_nodes,
        "kcore": lambda: sum(scores(networkit.centrality.CoreDecomposition(undirected))),
        "distance": distance,
        "betweenness": lambda: sum(scores(networkit.centrality.Betweenness(directed))) / scale,
    }


def with_rustworkx(n_nodes, edges):
    import rustworkx

    directed = rustworkx.PyDiGraph()
    directed.add_nodes_from(range(n_nodes))
    directed.add_edges_from_no_data(edges)
    undirected = rustworkx.PyGraph()
    undirected.add_nodes_from(range(n_nodes))
    undirected.add_edges_from_no_data(simple(edges))

    def distance():
        return rustworkx.digraph_unweighted_average_shortest_path_length(directed, disconnected=True)

    return {
        "kcore": lambda: sum(rustworkx.core_number(undirected).values()),
        "articulation": lambda: len(rustworkx.articulation_points(undirected)),
        "distance": distance,
        "betweenness": lambda: sum(rustworkx.digraph_betweenness_centrality(directed).values()),
    }


def with_networkx(n_nodes, edges):
    import networkx

    directed = networkx.DiGraph()
    directed.add_nodes_from(range(n_nodes))
    directed.add_edges_from(edges)
    undirected = directed.to_undirected()
    return {
        "clustering": lambda: networkx.average_clustering(undirected),
        "kcore": lambda: sum(networkx.core_number(undirected).values()),
        "articulation": lambda: len(list(networkx.articulation_points(undirected))),
        "betweenness": lambda: sum(networkx.betweenness_centrality(directed).values()),
    }


PEERS = {
    "igraph": with_igraph,
    "networkit": with_networkit,
    "networkx": with_networkx,
    "rustworkx": with_rustworkx,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", help="edges as lines `from to`")
    parser.add_argument("ours", help="what `cargo bench --bench graph` printed for that graph")
    parser.add_argument("--peers", default="igraph,networkit,rustworkx", help="of " + ", ".join(PEERS))
    parser.add_argument("--passes", help="only these, by the names in the second file")
    arguments = parser.parse_args()

    edges = read_edges(arguments.graph)
    n_nodes = max(map(max, edges)) + 1
    ours = read_ours(arguments.ours)
    wanted = arguments.passes.split(",") if arguments.passes else list(ours)
    print(f"{n_nodes} nodes, {len(edges)} edges; seconds")
    print(f"{'pass':<16}{'ours':>12}  {'peer':<12}{'theirs':>12}{'ratio':>10}")
    for name in arguments.peers.split(","):
        for measured, run in PEERS[name](n_nodes, edges).items():
            if measured not in wanted or measured not in ours:
                continue
            value, seconds = timed(run)
            own_seconds, own_value = ours[measured]
            # Our values are printed with six digits.
            same = abs(value - own_value) <= TOLERANCE * max(1.0, abs(own_value))
            note = "" if same or measured == "attack" else f"  value {value:.6f}, ours {own_value:.6f}"
            print(f"{measured:<16}{own_seconds:>12.6f}  {name:<12}{seconds:>12.6f}{seconds / own_seconds:>9.1f}x{note}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
