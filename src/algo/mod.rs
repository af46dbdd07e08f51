//! Graphs and numbers, without spans.
//!
//! Everything here is a pure function of a graph or of numbers: no names, no input, no opinion.
//! Nodes are indices, and what an index stands for is the caller's business. Randomness comes from
//! a seed, floats are added in a fixed order, and neither threads nor hashes show in any result.
//!
//! In reading order:
//!
//! - [`random`] - the seeded generator behind every Monte Carlo method
//! - [`graph`] - the dense directed graph and its undirected projection
//! - [`unionfind`] - sets of nodes that grow together
//! - [`components`] - connected and strongly connected components, static depth
//! - [`cycles`] - shortest example cycles, feedback edges, flow hierarchy, reciprocity
//! - [`cuts`] - articulation points, bridges, blocks
//! - [`dominators`] - who is reached through whom
//! - [`kcore`] - core numbers
//! - [`degree`] - how uneven degrees are
//! - [`clustering`] - triangles
//! - [`distance`] - distances between all pairs
//! - [`betweenness`] - how often a node lies inside shortest paths
//! - [`robustness`] - how a graph falls apart
//! - [`pagerank`] - where a random walk spends its time
//! - [`levels`] - how far down the flow each node stands
//! - [`community`] - groups of nodes
//! - [`rewire`] - random graphs with given degrees
//! - [`nulls`] - a number against what chance gives with the same degrees
//! - [`smallworld`] - clustering and distance against random graphs
//! - [`special`] - ln Gamma, binomials, the normal tail
//! - [`zeta`] - the Hurwitz zeta function
//! - [`hubs`] - the hubs of a graph by description length
//! - [`agreement`] - how far two partitions agree
//! - [`stats`] - intervals and tests
//! - [`differences`] - how far two samples differ
//! - [`regression`] - a line through points
//! - [`bootstrap`] - what chance may have added, by resampling
//! - [`rarefaction`] - what a part of the samples would have shown
//! - [`survival`] - how many requests survive the loss of parts
//! - [`contagion`] - how failures spread along edges
//! - [`queueing`] - requests in flight and the places they take
//! - [`constraints`] - offsets that differ by at most so much
//! - [`availability`] - redundancy, correlation, shuffle sharding
//! - [`powerlaw`] - whether counts follow a power law
//! - [`simplex`] - the minimum of a function
//! - [`rivals`] - what else they might follow
//! - [`verdict`] - what can be said in the end

pub mod agreement;
pub mod availability;
pub mod betweenness;
pub mod bootstrap;
pub mod clustering;
pub mod community;
pub mod components;
pub mod constraints;
pub mod contagion;
pub mod cuts;
pub mod cycles;
pub mod degree;
pub mod differences;
pub mod distance;
pub mod dominators;
pub mod graph;
pub mod hubs;
pub mod kcore;
pub mod levels;
pub mod nulls;
pub mod pagerank;
pub mod powerlaw;
pub mod queueing;
pub mod random;
pub mod rarefaction;
pub mod regression;
pub mod rewire;
pub mod rivals;
pub mod robustness;
pub mod simplex;
pub mod smallworld;
pub mod special;
pub mod stats;
pub mod survival;
pub mod unionfind;
pub mod verdict;
pub mod zeta;

#[cfg(test)]
mod testgraphs;

/// Bytes that the threads of one computation need beside its result, unless two need more.
const SCRATCH: usize = 32 << 20;

/// Returns how many threads a computation uses when each needs so many bytes: a machine with many threads has no more memory for them.
fn threads_for(bytes: usize) -> usize {
    rayon::current_num_threads().min((SCRATCH / bytes.max(1)).max(2))
}
