//! From a topology to the service graph: nodes get their names, addresses find the services that answer there, and
//! messages of different traces meet.
//!
//! Rules:
//! - A service is called by its name; by `namespace/name` where two namespaces share the name.
//! - A peer known by an address at which exactly one service answered in a paired call is that service.
//! - A peer with the name of a service is that service: calls to it of which only one side was seen ([`Vertex::gap_calls`]).
//! - Other peers with one name are one node, whatever address they had.
//! - The policy may give services other names, and leave some out; what is left out keeps its vertex and loses its edges.
//!
//! O(nodes + edges), both far fewer than spans.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as BTreeEntry;

use crate::fold::catalogue::{NodeKind, USERS};
use crate::fold::edge::Edge;
use crate::fold::message::Met;
use crate::fold::topology::{Account, Entry, Instance, InstanceKey, Topology, sorted, sorted_refs};
use crate::model::names::ABSENT;
use crate::model::peer::Protocol;
use crate::policy::services::Services;
use crate::trace::link::{EntryKind, Grade};

/// The name of the users' node.
pub const USERS_NAME: &str = "(users)";

/// The name of a callee that nothing names.
pub const UNKNOWN_NAME: &str = "unknown";

/// A node of the service graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Its name, unique in the graph.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Instances, by key of the topology.
    pub instances: Vec<(InstanceKey, Instance)>,
    /// Attempts to reach the service of which only the calling side was seen, though the service emits spans.
    pub gap_calls: u64,
    /// Whether the policy leaves it out.
    pub ignored: bool,
}

/// An edge of the service graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arc {
    /// The caller's vertex.
    pub from: usize,
    /// The callee's vertex.
    pub to: usize,
    /// How they speak.
    pub protocol: Protocol,
    /// Whether the caller waits.
    pub sync: bool,
    /// Whether it is the direct view of messages that go through a destination.
    pub direct: bool,
    /// The sums.
    pub edge: Box<Edge>,
}

/// An entry point of the service graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    /// The service's vertex.
    pub service: usize,
    /// The operation.
    pub operation: String,
    /// What begins there.
    pub kind: EntryKind,
    /// The sums.
    pub entry: Box<Entry>,
}

/// The service graph.
#[derive(Clone, Debug)]
pub struct System {
    /// Nodes by name; the users' node comes first.
    pub vertices: Vec<Vertex>,
    /// Edges by caller, callee, protocol, mode and view.
    pub arcs: Vec<Arc>,
    /// Entry points by service, operation and kind.
    pub entries: Vec<EntryPoint>,
    /// The vertex of each node of the topology.
    pub vertex_of: Vec<usize>,
    /// The topology, whose instances, edges and entry points have moved here.
    pub rest: Topology,
    /// How much was read.
    pub account: Account,
    /// Messages taken whose sender is not in the data.
    pub unmet_messages: u64,
    /// Of how many messages between traces each one counted stands for.
    pub message_sampling: u64,
}

/// Resolves a topology, with every service under the name it gives itself.
pub fn resolve(topology: Topology) -> System {
    resolve_as(topology, &Services::default())
}

/// Resolves a topology, with the names of services that the policy gives them, and without those that it leaves out.
pub fn resolve_as(mut topology: Topology, services: &Services) -> System {
    let (mut vertices, vertex_of) = name_nodes(&topology, services);
    for (key, instance) in sorted(std::mem::take(&mut topology.instances)) {
        vertices[vertex_of[key.node as usize]]
            .instances
            .push((key, instance));
    }
    // Most services have one instance, and room for four is made at first.
    for vertex in &mut vertices {
        vertex.instances.shrink_to_fit();
    }
    let edges = sorted(std::mem::take(&mut topology.edges));
    let sampling = topology.messages.sampling();
    let mut arcs: BTreeMap<(usize, usize, Protocol, bool, bool), Box<Edge>> = BTreeMap::new();
    for (key, edge) in edges {
        let (from, to) = (vertex_of[key.from as usize], vertex_of[key.to as usize]);
        if vertices[from].ignored || vertices[to].ignored {
            continue;
        }
        let one_sided = edge.grades[Grade::OneSided as usize];
        if vertices[to].kind == NodeKind::Service && !topology.is_service(key.to) && one_sided > 0 {
            vertices[to].gap_calls += one_sided;
        }
        match arcs.entry((from, to, key.protocol, key.sync, key.direct)) {
            BTreeEntry::Vacant(entry) => {
                entry.insert(edge);
            }
            BTreeEntry::Occupied(mut entry) => entry.get_mut().merge(&edge),
        }
    }
    for met in topology.messages.meet() {
        let (from, to) = (vertex_of[met.from as usize], vertex_of[met.to as usize]);
        let direct = met.sent.destination != USERS || met.taken.destination != USERS;
        let edge = match arcs.entry((from, to, Protocol::Messaging, false, direct)) {
            BTreeEntry::Vacant(entry) => entry.insert(Box::new(Edge::new())),
            BTreeEntry::Occupied(entry) => entry.into_mut(),
        };
        add_message(edge, &met, sampling);
    }
    let entries = sorted(std::mem::take(&mut topology.entries))
        .into_iter()
        .filter(|(key, _)| !vertices[vertex_of[key.node as usize]].ignored)
        .map(|(key, entry)| EntryPoint {
            service: vertex_of[key.node as usize],
            operation: topology.catalogue.text(key.operation).to_owned(),
            kind: key.kind,
            entry,
        })
        .collect();
    let arcs = arcs
        .into_iter()
        .map(|((from, to, protocol, sync, direct), edge)| Arc {
            from,
            to,
            protocol,
            sync,
            direct,
            edge,
        })
        .collect();
    let mut system = System {
        vertices,
        arcs,
        entries,
        vertex_of,
        account: topology.account.clone(),
        unmet_messages: topology.messages.unmet(),
        message_sampling: sampling,
        rest: topology,
    };
    system
        .entries
        .sort_by(|a, b| (a.service, &a.operation, a.kind).cmp(&(b.service, &b.operation, b.kind)));
    system
}

/// Returns the vertices, by name with the users first, and the vertex of each node.
fn name_nodes(topology: &Topology, services: &Services) -> (Vec<Vertex>, Vec<usize>) {
    let catalogue = &topology.catalogue;
    let nodes = catalogue.nodes();
    let mut namespaces: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.kind == NodeKind::Service) {
        *namespaces.entry(catalogue.text(node.name)).or_default() += 1;
    }
    // The services that answered at each address.
    let mut answers: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for ((address, node), ()) in sorted_refs(&topology.aliases) {
        answers
            .entry(catalogue.text(*address))
            .or_default()
            .push(*node);
    }
    let service_name = |number: u32| {
        let node = catalogue.node(number);
        let name = catalogue.text(node.name);
        let shared = namespaces.get(name).is_some_and(|count| *count > 1);
        if shared && node.namespace != ABSENT {
            format!("{}/{name}", catalogue.text(node.namespace))
        } else {
            name.to_owned()
        }
    };
    let mut named: BTreeMap<(bool, String), NodeKind> = BTreeMap::new();
    let mut key_of = Vec::with_capacity(nodes.len());
    for (number, node) in nodes.iter().enumerate() {
        let number = number as u32;
        let bound = (node.address != ABSENT)
            .then(|| answers.get(catalogue.text(node.address)))
            .flatten()
            .filter(|services| services.len() == 1)
            .map(|services| services[0]);
        let (kind, name) = match (node.kind, bound) {
            (NodeKind::Users, _) => (NodeKind::Users, USERS_NAME.to_owned()),
            (NodeKind::Service, _) => (NodeKind::Service, service_name(number)),
            (_, Some(service)) => (NodeKind::Service, service_name(service)),
            (_, None) if node.name == ABSENT => (NodeKind::Unknown, UNKNOWN_NAME.to_owned()),
            (kind, None) => (kind, catalogue.text(node.name).to_owned()),
        };
        let name = match kind {
            NodeKind::Users => name,
            _ => services.renamed(&name).into_owned(),
        };
        let key = (kind != NodeKind::Users, name);
        // Of several kinds with one name the first of the list counts: a service before a database before the rest.
        named
            .entry(key.clone())
            .and_modify(|known| *known = kind.min(*known))
            .or_insert(kind);
        key_of.push(key);
    }
    let numbers: BTreeMap<&(bool, String), usize> = named
        .keys()
        .enumerate()
        .map(|(at, key)| (key, at))
        .collect();
    let vertex_of = key_of
        .iter()
        .map(|key| numbers.get(key).copied().unwrap_or(USERS as usize))
        .collect();
    let vertices = named
        .iter()
        .map(|((_, name), kind)| Vertex {
            name: name.clone(),
            kind: *kind,
            instances: Vec::new(),
            gap_calls: 0,
            ignored: *kind != NodeKind::Users && services.ignore.matches_name(name, kind.name()),
        })
        .collect();
    (vertices, vertex_of)
}

/// Adds one message whose sides lie in different traces to its edge.
fn add_message(edge: &mut Edge, met: &Met, sampling: u64) {
    let weight = met.taken.weight.saturating_mul(sampling);
    let sum = |total: &mut u64| *total = total.saturating_add(weight);
    sum(&mut edge.calls);
    sum(&mut edge.attempts);
    sum(&mut edge.served);
    edge.grades[Grade::Paired as usize] += 1;
    edge.traces += 1;
    edge.most_in_trace = edge.most_in_trace.max(1);
    if met.taken.failed {
        sum(&mut edge.failed_server_only);
        edge.failed_exemplars.offer(met.taken.exemplar);
    }
    edge.exemplars.offer(met.taken.exemplar);
    if met.taken.start != 0 {
        edge.first = edge.first.min(met.taken.start);
        edge.last = edge.last.max(met.taken.start);
        edge.server_ns.add(met.taken.duration);
        edge.slowest.offer(met.taken.duration, met.taken.exemplar);
        if met.sent.end != 0 {
            edge.queue_ns
                .add(met.taken.start.saturating_sub(met.sent.end));
        }
    }
}
