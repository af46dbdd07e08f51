//! The graph that passes measure: services and what they call, without users.
//!
//! The direct views of messages are left out, because those go through their queue as well; self-edges are no edges.
//! Nodes are numbered by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use crate::algo::graph::{Digraph, Undirected};
use crate::fold::catalogue::NodeKind;
use crate::fold::shape::Shape;
use crate::fold::system::{Arc, System, Vertex};
use crate::model::names::ABSENT;
use crate::pass::declared::Declared;
use crate::pass::dependence::Dependence;
use crate::pass::importance::Importance;
use crate::pass::shapes::Traffic;
use crate::pass::trace::clock_skew::Clocks;
use crate::pass::trace::critical_path::{PathsByEntry, paths_of};
use crate::policy::Policy;
use crate::text;

/// The tags that say to which group a service belongs, the most telling first.
const GROUPING: [&str; 4] = ["domain", "team", "owner", "cell"];

/// Trace ids shown with one finding.
const EXEMPLARS: usize = 3;

/// The service graph in the forms that passes need.
#[derive(Debug)]
pub struct Graph<'a> {
    /// Where it comes from.
    pub system: &'a System,
    /// The vertex of each node.
    pub vertices: Vec<usize>,
    /// All edges.
    pub all: Digraph,
    /// The edges whose caller waits.
    pub sync: Digraph,
    /// All edges, without direction.
    pub undirected: Undirected,
    /// What the policy says that traces cannot know.
    pub declared: Declared<'a>,
    /// How much requests count against each other.
    pub importance: Importance,
    /// Which synchronous edges failures cross.
    pub dependence: Dependence,
    /// The node of each vertex, if it is one.
    nodes: Vec<Option<u32>>,
    /// Computed when they are asked for first: not every output shows something of them.
    traffic: OnceLock<Traffic>,
    clocks: OnceLock<Clocks<'a>>,
    paths: OnceLock<Option<PathsByEntry<'a>>>,
}

impl<'a> Graph<'a> {
    /// Returns the graph of a system about which nothing is declared.
    pub fn of(system: &'a System) -> Graph<'a> {
        static NOTHING: LazyLock<Policy> = LazyLock::new(Policy::default);
        Graph::under(system, &NOTHING)
    }

    /// Returns the graph of a system with what a policy declares about it.
    pub fn under(system: &'a System, policy: &'a Policy) -> Graph<'a> {
        let used: BTreeSet<usize> = system
            .arcs
            .iter()
            .flat_map(|arc| [arc.from, arc.to])
            .collect();
        let declared = Declared::of(system, policy);
        // A service stays in the graph even when nothing calls it, unless it works for its callers; a peer is there because something does.
        let vertices: Vec<usize> = (0..system.vertices.len())
            .filter(|at| {
                let vertex = &system.vertices[*at];
                vertex.kind != NodeKind::Users
                    && !vertex.ignored
                    && (used.contains(at)
                        || (!vertex.instances.is_empty() && !declared.is_proxy(*at)))
            })
            .collect();
        let mut nodes = vec![None; system.vertices.len()];
        for (node, &vertex) in vertices.iter().enumerate() {
            nodes[vertex] = Some(node as u32);
        }
        let pairs = |keep: fn(&Arc) -> bool| {
            let arcs = system.arcs.iter().filter(move |arc| keep(arc));
            arcs.filter_map(|arc| Some((nodes[arc.from]?, nodes[arc.to]?)))
        };
        let all = Digraph::new(vertices.len(), pairs(|arc| !arc.direct));
        let sync = Digraph::new(vertices.len(), pairs(|arc| !arc.direct && arc.sync));
        let mut graph = Graph {
            system,
            undirected: all.undirected(),
            all,
            sync,
            vertices,
            importance: Importance::of(system, &declared),
            declared,
            dependence: Dependence::default(),
            nodes,
            traffic: OnceLock::new(),
            clocks: OnceLock::new(),
            paths: OnceLock::new(),
        };
        graph.dependence = Dependence::of(&graph);
        graph
    }

    /// Returns what the shapes of requests say.
    pub fn traffic(&self) -> &Traffic {
        self.traffic.get_or_init(|| Traffic::of(self))
    }

    /// Returns what calls say of clocks.
    pub fn clocks(&self) -> &Clocks<'a> {
        self.clocks.get_or_init(|| Clocks::of(self))
    }

    /// Returns where the time of each entry point goes; none if no trace was looked at for it.
    pub(in crate::pass) fn paths(&self) -> Option<&PathsByEntry<'a>> {
        self.paths.get_or_init(|| paths_of(self)).as_ref()
    }

    /// Returns the number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.vertices.len()
    }

    /// Returns the node of a vertex, if it is one.
    pub fn node(&self, vertex: usize) -> Option<u32> {
        self.nodes[vertex]
    }

    /// Returns the node of a node of the topology, if it is one.
    pub fn node_of_topology(&self, number: u32) -> Option<u32> {
        self.nodes[self.system.vertex_of[number as usize]]
    }

    /// Returns what stands behind a node.
    pub fn vertex(&self, node: u32) -> &'a Vertex {
        &self.system.vertices[self.vertices[node as usize]]
    }

    /// Returns the name of a node.
    pub fn name(&self, node: u32) -> &'a str {
        &self.vertex(node).name
    }

    /// Returns the names of nodes.
    pub fn names(&self, nodes: &[u32]) -> Vec<String> {
        nodes
            .iter()
            .map(|&node| self.name(node).to_owned())
            .collect()
    }

    /// Returns the names of nodes as one text; of many, the first few and how many more.
    pub fn listed(&self, nodes: &[u32]) -> String {
        let names: Vec<&str> = nodes.iter().map(|&node| self.name(node)).collect();
        text::listed(&names)
    }

    /// Returns how much the requests of a shape count when they are lost.
    pub fn count_of(&self, shape: &Shape) -> u64 {
        self.importance.of_shape(self.system, &self.declared, shape)
    }

    /// Returns whether a node is declared to be infrastructure.
    pub fn is_infrastructure(&self, node: u32) -> bool {
        self.declared
            .is_infrastructure(self.vertices[node as usize])
    }

    /// Returns the groups of the nodes that have one and what says so: the first of [`GROUPING`] that tells two groups
    /// apart, or else `service.namespace`. None unless there are two groups.
    pub fn groups(&self) -> Option<(String, BTreeMap<u32, String>)> {
        let tagged = GROUPING.iter().map(|&tag| {
            let nodes = self.vertices.iter().zip(0u32..);
            let of = nodes.filter_map(|(&vertex, node)| {
                let group = self.declared.described(vertex).tags.get(tag)?;
                Some((node, group.clone()))
            });
            (format!("the tag {tag}"), of.collect())
        });
        let named = std::iter::once_with(|| ("service.namespace".to_owned(), self.namespaces()));
        tagged.chain(named).find(|(_, groups)| {
            let distinct: BTreeSet<&String> = groups.values().collect();
            distinct.len() > 1
        })
    }

    /// Returns the namespace of each node that has exactly one.
    fn namespaces(&self) -> BTreeMap<u32, String> {
        let catalogue = &self.system.rest.catalogue;
        let mut found: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for (number, of) in catalogue.nodes().iter().enumerate() {
            if of.kind == NodeKind::Service
                && of.namespace != ABSENT
                && let Some(node) = self.node_of_topology(number as u32)
            {
                let namespace = catalogue.text(of.namespace);
                found.entry(node).or_default().insert(namespace);
            }
        }
        let only = found.into_iter().filter(|(_, of)| of.len() == 1);
        only.filter_map(|(node, of)| Some((node, (*of.first()?).to_owned())))
            .collect()
    }

    /// Returns the nodes at which requests, messages and jobs enter, ascending.
    pub fn entries(&self) -> Vec<u32> {
        let entries: BTreeSet<u32> = self
            .system
            .entries
            .iter()
            .filter_map(|point| self.node(point.service))
            .collect();
        entries.into_iter().collect()
    }

    /// Returns the arcs from a node to another, over any protocol.
    pub fn arcs_between(&self, from: u32, to: u32) -> &'a [Arc] {
        let ends = (self.vertices[from as usize], self.vertices[to as usize]);
        let arcs = &self.system.arcs;
        let start = arcs.partition_point(|arc| (arc.from, arc.to) < ends);
        let end = arcs.partition_point(|arc| (arc.from, arc.to) <= ends);
        &arcs[start..end]
    }

    /// Returns the ids of a few traces with calls along these edges.
    pub fn exemplars(&self, edges: impl IntoIterator<Item = (u32, u32)>) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for (from, to) in edges {
            for arc in self.arcs_between(from, to) {
                for exemplar in arc.edge.exemplars.list() {
                    let id = exemplar.trace.to_string();
                    if ids.len() < EXEMPLARS && !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            }
            if ids.len() == EXEMPLARS {
                break;
            }
        }
        ids
    }
}
