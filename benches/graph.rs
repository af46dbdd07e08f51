//! How long the graph algorithms take on a service graph of a given size.
//!
//! ```text
//! cargo bench --bench graph                         5,000/50,000 and 20,000/200,000 nodes/edges
//! cargo bench --bench graph -- --large              100,000/1,000,000 as well
//! cargo bench --bench graph -- 5000 50000 FILE      one size, and its edges as lines "from to"
//! ```
//!
//! The graph is directed, with power-law in-degrees, and the same for the same size: services call
//! the platform below them, popular ones likelier, and some calls go back up and close cycles. Each
//! line is a pass, its best time, and a value that another program should find too;
//! `benches/peers/graph.py` compares. The last line is the peak memory of the process, where the
//! system tells.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use topple::algo::betweenness::directed_betweenness;
use topple::algo::clustering::clustering;
use topple::algo::components::{longest_chain, strong_components};
use topple::algo::cuts::cuts;
use topple::algo::distance::{directed_distances, undirected_distances};
use topple::algo::dominators::dominators;
use topple::algo::graph::{Digraph, Undirected};
use topple::algo::kcore::core_numbers;
use topple::algo::levels::trophic_levels;
use topple::algo::random::Random;
use topple::algo::robustness::{
    adaptive_degree_order, attack_curve, path_curve, robustness, static_degree_order,
};

/// A pass is repeated until this much time has gone by.
const PATIENCE: Duration = Duration::from_millis(500);

/// Quadratic passes stop at this many nodes, except for distances.
const BETWEENNESS_NODES: usize = 20_000;
const PATH_CURVE_NODES: usize = 5_000;

fn main() -> io::Result<()> {
    // Cargo adds `--bench` on its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let numbers: Vec<usize> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    match (numbers.as_slice(), arguments.get(2)) {
        (&[n_nodes, n_edges], file) => {
            let graph = service_graph(n_nodes, n_edges);
            if let Some(file) = file {
                write_edges(&graph, file)?;
            }
            measure(&graph);
        }
        _ => {
            measure(&service_graph(5_000, 50_000));
            measure(&service_graph(20_000, 200_000));
            if arguments.iter().any(|argument| argument == "--large") {
                measure(&service_graph(100_000, 1_000_000));
            }
        }
    }
    if let Some(peak) = peak_memory() {
        println!("peak memory {peak}");
    }
    Ok(())
}

/// Returns the graph of the given size; at least two nodes, and fewer edges than a quarter of all
/// pairs.
fn service_graph(n_nodes: usize, n_edges: usize) -> Digraph {
    assert!(
        n_nodes > 1 && n_edges < n_nodes * n_nodes / 4,
        "{n_edges} edges are too many for {n_nodes} nodes"
    );
    let mut random = Random::new(2026, n_nodes as u64);
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(n_edges + n_edges / 4);
    // Every service calls one that was there before, and the graph is connected.
    for caller in 1..n_nodes {
        let callee = popular(&pairs, caller, &mut random);
        pairs.push((caller as u32, callee));
    }
    loop {
        while pairs.len() < n_edges {
            let caller = if random.below(5) < 2 {
                pairs[random.below(pairs.len())].0
            } else {
                random.below(n_nodes) as u32
            };
            let callee = popular(&pairs, n_nodes, &mut random);
            let (lower, higher) = (caller.min(callee), caller.max(callee));
            // One in twenty calls goes back up.
            let call = if random.below(20) == 0 {
                (lower, higher)
            } else {
                (higher, lower)
            };
            if lower != higher {
                pairs.push(call);
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.len() >= n_edges {
            return Digraph::new(n_nodes, pairs);
        }
    }
}

/// Returns the callee of a random earlier call, seven times in ten, or any node below the bound.
fn popular(pairs: &[(u32, u32)], bound: usize, random: &mut Random) -> u32 {
    if !pairs.is_empty() && random.below(10) < 7 {
        pairs[random.below(pairs.len())].1
    } else {
        random.below(bound) as u32
    }
}

fn write_edges(graph: &Digraph, file: &str) -> io::Result<()> {
    let mut out = io::BufWriter::new(fs::File::create(file)?);
    for (from, to) in graph.edges() {
        writeln!(out, "{from} {to}")?;
    }
    out.flush()
}

fn measure(graph: &Digraph) {
    let n_nodes = graph.n_nodes();
    println!(
        "graph {n_nodes} nodes {} edges {} threads",
        graph.n_edges(),
        rayon::current_num_threads()
    );
    let pairs: Vec<(u32, u32)> = graph.edges().collect();
    let undirected = graph.undirected();
    time("build", || {
        Digraph::new(n_nodes, pairs.iter().copied()).n_edges() as f64
    });
    time("undirected", || graph.undirected().n_edges() as f64);
    time("depth", || {
        longest_chain(graph, &strong_components(graph)).len() as f64 - 1.0
    });
    time("dominators", || {
        dominators(graph, &entries(graph))
            .subtree_sizes
            .iter()
            .sum::<usize>() as f64
    });
    time("levels", || {
        trophic_levels(graph, &vec![1.0; graph.n_edges()])
            .incoherence
            .unwrap_or(0.0)
    });
    time("clustering", || {
        clustering(&undirected).average().unwrap_or(0.0)
    });
    time("kcore", || {
        core_numbers(&undirected)
            .iter()
            .map(|&core| f64::from(core))
            .sum()
    });
    time("articulation", || {
        cuts(&undirected).articulation_points.len() as f64
    });
    time("attack", || {
        attack(&undirected, &static_degree_order(&undirected))
    });
    time("attack-adaptive", || {
        attack(&undirected, &adaptive_degree_order(&undirected))
    });
    time("distance", || {
        directed_distances(graph).mean().unwrap_or(0.0)
    });
    time("distance-undirected", || {
        undirected_distances(&undirected).mean().unwrap_or(0.0)
    });
    if n_nodes <= PATH_CURVE_NODES {
        let order = static_degree_order(&undirected);
        time("path-curve", || {
            let points = path_curve(&undirected, &order, 100);
            points.iter().filter_map(|point| point.mean_distance).sum()
        });
    }
    if n_nodes <= BETWEENNESS_NODES {
        time("betweenness", || directed_betweenness(graph).iter().sum());
    }
}

fn entries(graph: &Digraph) -> Vec<u32> {
    (0..graph.n_nodes() as u32)
        .filter(|&node| graph.predecessors(node).is_empty())
        .collect()
}

fn attack(graph: &Undirected, order: &[u32]) -> f64 {
    robustness(&attack_curve(graph, order)).unwrap_or(0.0)
}

/// Runs a pass until patience ends, and prints its best time and its value.
fn time(pass: &str, run: impl Fn() -> f64) {
    let start = Instant::now();
    let mut best = Duration::MAX;
    let mut value = 0.0;
    while start.elapsed() < PATIENCE {
        let before = Instant::now();
        value = black_box(run());
        best = best.min(before.elapsed());
    }
    println!("{pass:20} {:12.6} s  {value:.6}", best.as_secs_f64());
}

/// Returns the high-water mark of resident memory, as Linux words it.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
