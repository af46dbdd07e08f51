//! Graphs for tests: the classical ones whose values are published, the shop of the design, and
//! random ones.

use crate::algo::graph::{Digraph, Undirected};
use crate::algo::random::Random;

/// Reads `from:to,to from:to` into an undirected graph.
fn drawn(n_nodes: usize, lists: &str) -> Undirected {
    let number = |text: &str| text.parse::<u32>().expect("a node number");
    let edges = lists.split_whitespace().flat_map(|list| {
        let (from, ends) = list.split_once(':').expect("a list after a colon");
        ends.split(',').map(move |to| (number(from), number(to)))
    });
    Undirected::new(n_nodes, edges)
}

/// Zachary's karate club: friendships of 34 members (Zachary, J. Anthropol. Res. 33, 1977).
pub(crate) fn karate() -> Undirected {
    drawn(
        34,
        "0:1,2,3,4,5,6,7,8,10,11,12,13,17,19,21,31 1:2,3,7,13,17,19,21,30 2:3,7,8,9,13,27,28,32 3:7,12,13 4:6,10 \
         5:6,10,16 6:16 8:30,32,33 9:33 13:33 14:32,33 15:32,33 18:32,33 19:33 20:32,33 22:32,33 23:25,27,29,32,33 \
         24:25,27,31 25:31 26:29,33 27:33 28:31,33 29:32,33 30:32,33 31:32,33 32:33",
    )
}

/// Who shares a chapter in Les Miserables (Knuth, The Stanford GraphBase, 1993), unweighted.
pub(crate) fn les_miserables() -> Undirected {
    drawn(
        77,
        "0:1 1:2,3,4,5,6,7,8,9,10 2:3,10 3:10 \
         10:11,12,13,14,15,23,24,25,26,27,28,29,31,32,33,34,35,36,37,38,43,44,48,49,51,55,58,64,68,69,70,71,72 12:23 \
         16:17,18,19,20,21,22,23 17:18,19,20,21,22,23,26,55 18:19,20,21,22,23 19:20,21,22,23 20:21,22,23 21:22,23 \
         22:23 23:24,25,27,29,30,31 24:25,26,27,41,42,50,68,69,70 25:26,27,39,40,41,42,48,55,68,69,70,71,75 \
         26:27,43,49,51,54,55,72 27:28,29,31,33,43,48,58,68,69,70,71,72 28:44,45 29:34,35,36,37,38 30:31 \
         34:35,36,37,38 35:36,37,38 36:37,38 37:38 39:52,55 41:42,55,57,62,68,69,70,71,75 46:47,48 \
         48:55,57,58,59,60,61,62,63,64,65,66,68,69,71,73,74,75,76 49:50,51,54,55,56 51:52,53,54,55 54:55 \
         55:56,57,58,59,61,62,63,64,65 57:58,59,61,62,63,64,65,67 58:59,60,61,62,63,64,65,66,70,76 \
         59:60,61,62,63,64,65,66 60:61,62,63,64,65,66 61:62,63,64,65,66 62:63,64,65,66,76 63:64,65,66,76 64:65,66,76 \
         65:66,76 66:76 68:69,70,71,75 69:70,71,75 70:71,75 71:75 73:74",
    )
}

/// Marriages of 15 Florentine families (Breiger and Pattison, Social Networks 8, 1986); node 1 is
/// Medici.
pub(crate) fn florentine() -> Undirected {
    drawn(
        15,
        "0:1 1:5,6,7,8,9 2:3,4,5 3:4,11 4:6,11 6:7 7:12 8:12,13 9:10 11:12 12:14",
    )
}

/// Women and the events they attended (Davis, Gardner and Gardner, Deep South, 1941); node 25 is
/// event 8.
pub(crate) fn davis() -> Undirected {
    drawn(
        32,
        "0:18,19,20,21,22,23,25,26 1:18,19,20,22,23,24,25 2:19,20,21,22,23,24,25,26 3:18,20,21,22,23,24,25 \
         4:20,21,22,24 5:20,22,23,25 6:22,23,24,25 7:23,25,26 8:22,24,25,26 9:24,25,26,29 10:25,26,27,29 \
         11:25,26,27,29,30,31 12:24,25,26,27,29,30,31 13:23,24,26,27,28,29,30,31 14:24,25,27,28,29 15:25,26 16:26,28 \
         17:26,28",
    )
}

/// The kite of ten nodes (Krackhardt, Adm. Sci. Q. 35, 1990).
pub(crate) fn kite() -> Undirected {
    drawn(10, "0:1,2,3,5 1:3,4,6 2:3,5 3:4,5,6 4:6 5:6,7 6:7 7:8 8:9")
}

/// Petersen's graph.
pub(crate) fn petersen() -> Undirected {
    Undirected::new(
        10,
        (0..5).flat_map(|i| [(i, (i + 1) % 5), (i, i + 5), (i + 5, (i + 2) % 5 + 5)]),
    )
}

/// Two complete graphs of `size` nodes at the ends of a path with `bridge` inner nodes.
pub(crate) fn barbell(size: u32, bridge: u32) -> Undirected {
    let second = size + bridge;
    let bells = [0, second]
        .into_iter()
        .flat_map(|first| (0..size).flat_map(move |a| (0..a).map(move |b| (first + a, first + b))));
    Undirected::new(
        (second + size) as usize,
        bells.chain((size - 1..second).map(|i| (i, i + 1))),
    )
}

/// A centre and `leaves` leaves.
pub(crate) fn star(leaves: u32) -> Undirected {
    Undirected::new(leaves as usize + 1, (1..=leaves).map(|leaf| (0, leaf)))
}

/// A path of `n` nodes.
pub(crate) fn path(n: u32) -> Undirected {
    Undirected::new(n as usize, (1..n).map(|i| (i - 1, i)))
}

/// A ring of `n` nodes, each joined to those up to `reach` steps away.
pub(crate) fn ring(n: u32, reach: u32) -> Undirected {
    Undirected::new(
        n as usize,
        (0..n).flat_map(|i| (1..=reach).map(move |step| (i, (i + step) % n))),
    )
}

/// The complete graph.
pub(crate) fn complete(n: u32) -> Undirected {
    Undirected::new(n as usize, (0..n).flat_map(|a| (0..a).map(move |b| (a, b))))
}

/// The balanced binary tree of the given height.
pub(crate) fn binary_tree(height: u32) -> Undirected {
    let n = (1 << (height + 1)) - 1;
    Undirected::new(n as usize, (1..n).map(|i| ((i - 1) / 2, i)))
}

/// The cube of the given dimension.
pub(crate) fn hypercube(dimension: u32) -> Undirected {
    let n = 1u32 << dimension;
    Undirected::new(
        n as usize,
        (0..n).flat_map(|a| (0..dimension).map(move |bit| (a, a ^ (1 << bit)))),
    )
}

/// A square grid.
pub(crate) fn grid(side: u32) -> Undirected {
    let cells = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
    let edges = cells.flat_map(|(row, column)| {
        let here = row * side + column;
        let right = (column + 1 < side).then_some((here, here + 1));
        let down = (row + 1 < side).then_some((here, here + side));
        right.into_iter().chain(down)
    });
    Undirected::new((side * side) as usize, edges)
}

/// A directed graph with names.
pub(crate) struct Named {
    pub(crate) graph: Digraph,
    names: Vec<&'static str>,
}

impl Named {
    fn new(lists: &'static str) -> Named {
        let edges: Vec<(&str, &str)> = lists
            .split_whitespace()
            .flat_map(|list| {
                let (from, ends) = list.split_once(':').expect("a list after a colon");
                ends.split(',').map(move |to| (from, to))
            })
            .collect();
        let mut names: Vec<&str> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
        names.sort_unstable();
        names.dedup();
        let index = |name: &str| names.binary_search(&name).expect("a known name") as u32;
        let graph = Digraph::new(
            names.len(),
            edges.iter().map(|&(from, to)| (index(from), index(to))),
        );
        Named { graph, names }
    }

    pub(crate) fn index(&self, name: &str) -> u32 {
        self.names.binary_search(&name).expect("a known name") as u32
    }

    pub(crate) fn names(&self, nodes: &[u32]) -> Vec<&'static str> {
        nodes
            .iter()
            .map(|&node| self.names[node as usize])
            .collect()
    }

    /// The value of the named node.
    pub(crate) fn value<T: Copy>(&self, values: &[T], name: &str) -> T {
        values[self.index(name) as usize]
    }
}

/// The shop of sixteen services that the directed vectors are stated for.
pub(crate) fn shop() -> Named {
    Named::new(
        "gateway:auth,cart,catalog,checkout cart:redis,auth catalog:catalog-db,search search:elastic \
         checkout:cart,payment,inventory,auth payment:auth,bank,ledger-db inventory:catalog-db,checkout \
         auth:user-db report:ledger-db,s3",
    )
}

/// The flow graph of Lengauer and Tarjan (TOPLAS 1(1), 1979), figure 1, entered at R.
pub(crate) fn lengauer_tarjan() -> Named {
    Named::new("R:A,B,C A:D B:A,D,E C:F,G D:L E:H F:I G:I,J H:E,K I:K J:I K:I,R L:H")
}

/// Seeded random directed graphs of up to `max_nodes` nodes and every density, self-loops and
/// repeats included.
pub(crate) fn random_digraphs(count: u64, max_nodes: usize) -> impl Iterator<Item = Digraph> {
    (0..count).map(move |replicate| {
        let mut random = Random::new(0x5eed, replicate);
        let n_nodes = random.below(max_nodes + 1);
        let n_pairs = if n_nodes == 0 {
            0
        } else {
            random.below(n_nodes * n_nodes + 1)
        };
        let pairs: Vec<(u32, u32)> = (0..n_pairs)
            .map(|_| (random.below(n_nodes) as u32, random.below(n_nodes) as u32))
            .collect();
        Digraph::new(n_nodes, pairs)
    })
}

/// For every ordered pair, whether a path of at least one edge leads from the first to the second.
pub(crate) fn reachability(graph: &Digraph) -> Vec<Vec<bool>> {
    let n_nodes = graph.n_nodes();
    let mut reach = vec![vec![false; n_nodes]; n_nodes];
    for (from, to) in graph.edges() {
        reach[from as usize][to as usize] = true;
    }
    for middle in 0..n_nodes {
        for from in 0..n_nodes {
            for to in 0..n_nodes {
                reach[from][to] |= reach[from][middle] && reach[middle][to];
            }
        }
    }
    reach
}

/// For every ordered pair, the number of edges of a shortest path, or `None` (Floyd and Warshall).
pub(crate) fn distances(
    n_nodes: usize,
    edges: impl Iterator<Item = (u32, u32)>,
) -> Vec<Vec<Option<u32>>> {
    let mut distance = vec![vec![None; n_nodes]; n_nodes];
    for (node, row) in distance.iter_mut().enumerate() {
        row[node] = Some(0);
    }
    for (from, to) in edges {
        distance[from as usize][to as usize] = Some(1);
    }
    for middle in 0..n_nodes {
        for from in 0..n_nodes {
            for to in 0..n_nodes {
                if let (Some(first), Some(second)) = (distance[from][middle], distance[middle][to])
                {
                    let through = first + second;
                    distance[from][to] =
                        Some(distance[from][to].map_or(through, |known: u32| known.min(through)));
                }
            }
        }
    }
    distance
}

/// Fails unless `actual` is within `tolerance` of `expected`.
#[track_caller]
pub(crate) fn assert_close(actual: f64, expected: f64, tolerance: f64) {
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} is not within {tolerance} of {expected}"
    );
}
