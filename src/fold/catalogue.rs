//! The names and nodes a topology speaks of.
//!
//! Numbers are local to one catalogue; what crosses catalogues is text. A node's [`Catalogue::rank`] is a hash of its
//! text, the order in which everything that must not depend on numbers is chosen.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::model::dictionary::Dictionary;
use crate::model::id::mix;
use crate::model::mark;
use crate::model::names::{ABSENT, NameId};
use crate::model::peer::PeerKind;
use crate::trace::link::End;

/// What a node of the raw topology is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NodeKind {
    /// Whoever uses the system.
    Users = 0,
    /// A service that emits spans.
    Service = 1,
    /// A database.
    Database = 2,
    /// A cache.
    Cache = 3,
    /// A queue or topic.
    Queue = 4,
    /// Anything else that emits no spans.
    External = 5,
    /// A callee that no span names.
    Unknown = 6,
}

impl NodeKind {
    /// Every kind, by number.
    pub const ALL: [NodeKind; 7] = [
        NodeKind::Users,
        NodeKind::Service,
        NodeKind::Database,
        NodeKind::Cache,
        NodeKind::Queue,
        NodeKind::External,
        NodeKind::Unknown,
    ];

    /// Returns the name that reports and policies use.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Users => "users",
            NodeKind::Service => "service",
            NodeKind::Database => "database",
            NodeKind::Cache => "cache",
            NodeKind::Queue => "queue",
            NodeKind::External | NodeKind::Unknown => "external",
        }
    }

    fn of_peer(kind: PeerKind) -> NodeKind {
        match kind {
            PeerKind::Database => NodeKind::Database,
            PeerKind::Cache => NodeKind::Cache,
            PeerKind::Queue => NodeKind::Queue,
            PeerKind::External => NodeKind::External,
            PeerKind::None => NodeKind::Unknown,
        }
    }
}

/// A node of the raw topology: a service, or what a span names as its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its namespace, for services.
    pub namespace: NameId,
    /// Its name.
    pub name: NameId,
    /// Its address, for peers that may turn out to be a service.
    pub address: NameId,
}

/// The number of the users' node in every catalogue.
pub const USERS: u32 = 0;

/// Names and nodes.
#[derive(Debug, PartialEq, Eq)]
pub struct Catalogue {
    texts: Vec<Box<str>>,
    nodes: Vec<Node>,
    ranks: Vec<u64>,
    text_ranks: Vec<u64>,
    /// The node of each service of the dictionary; empty when the catalogue was not made from one.
    of_service: Vec<u32>,
    /// The node of each detail of the dictionary; likewise.
    of_detail: Vec<u32>,
}

impl Catalogue {
    /// Returns the catalogue of a dictionary; texts keep their numbers.
    pub fn of(dictionary: &Dictionary) -> Catalogue {
        let texts = (0..dictionary.names.len())
            .map(|id| dictionary.text(id as NameId).into())
            .collect();
        let service = |&(namespace, name): &(NameId, NameId)| Node {
            kind: NodeKind::Service,
            namespace,
            name,
            address: ABSENT,
        };
        let peer = |detail: &crate::model::dictionary::Detail| {
            let kind = NodeKind::of_peer(detail.peer_kind);
            Node {
                kind,
                namespace: ABSENT,
                name: detail.peer,
                address: if kind == NodeKind::External {
                    detail.address
                } else {
                    ABSENT
                },
            }
        };
        let services: Vec<Node> = dictionary.services.iter().map(service).collect();
        let peers: Vec<Node> = dictionary.details.iter().map(peer).collect();
        let mut catalogue = Catalogue::new(
            texts,
            services.iter().skip(1).chain(&peers).copied().collect(),
        );
        let number = |node: &Node| {
            catalogue
                .nodes
                .binary_search(node)
                .map_or(USERS, |i| i as u32)
        };
        let of_service = services.iter().map(number).collect();
        let of_detail = peers.iter().map(number).collect();
        catalogue.of_service = of_service;
        catalogue.of_detail = of_detail;
        catalogue
    }

    /// Returns a catalogue of texts and nodes; nodes are sorted, and the users' node is always there.
    pub fn new(texts: Vec<Box<str>>, mut nodes: Vec<Node>) -> Catalogue {
        nodes.push(Node {
            kind: NodeKind::Users,
            namespace: ABSENT,
            name: ABSENT,
            address: ABSENT,
        });
        nodes.sort_unstable();
        nodes.dedup();
        let text_ranks: Vec<u64> = texts.iter().map(|text| mark::hash(text)).collect();
        let ranks = nodes
            .iter()
            .map(|node| {
                let text = |id: NameId| text_ranks[id as usize];
                let parts = [text(node.namespace), text(node.name), text(node.address)];
                parts
                    .iter()
                    .fold(mix(node.kind as u64), |hash, part| mix(hash ^ part))
            })
            .collect();
        Catalogue {
            texts,
            nodes,
            ranks,
            text_ranks,
            of_service: Vec::new(),
            of_detail: Vec::new(),
        }
    }

    /// Returns the node of one end of a call.
    #[inline]
    pub fn end(&self, end: End) -> u32 {
        match end {
            End::Users => USERS,
            End::Service(service) => self.of_service[service as usize],
            End::Peer(detail) => self.of_detail[detail as usize],
        }
    }

    /// Returns the node of a service of the dictionary.
    #[inline]
    pub fn service(&self, service: u32) -> u32 {
        self.of_service[service as usize]
    }

    /// Returns the text of a name.
    pub fn text(&self, name: NameId) -> &str {
        &self.texts[name as usize]
    }

    /// Returns every text, by number.
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// Returns a node.
    pub fn node(&self, node: u32) -> Node {
        self.nodes[node as usize]
    }

    /// Returns every node, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the hash of a node's text, which is the same in every catalogue.
    #[inline]
    pub fn rank(&self, node: u32) -> u64 {
        self.ranks[node as usize]
    }

    /// Returns the place of a text in the order of everything that must not depend on numbers.
    #[inline]
    pub fn text_rank(&self, name: NameId) -> u64 {
        self.text_ranks[name as usize]
    }

    /// Joins two catalogues; says what became of the texts and nodes of each.
    pub fn join(a: &Catalogue, b: &Catalogue) -> (Catalogue, Move, Move) {
        let mut texts: Vec<&str> = a.texts.iter().chain(&b.texts).map(|text| &**text).collect();
        texts.sort_unstable();
        texts.dedup();
        let number: HashMap<&str, NameId, FxBuildHasher> = texts
            .iter()
            .enumerate()
            .map(|(i, text)| (*text, i as NameId))
            .collect();
        let map = |from: &Catalogue| -> Vec<NameId> {
            from.texts.iter().map(|text| number[&**text]).collect()
        };
        let (texts_a, texts_b) = (map(a), map(b));
        let renamed = |from: &Catalogue, texts: &[NameId]| -> Vec<Node> {
            from.nodes.iter().map(|node| node.renamed(texts)).collect()
        };
        let (nodes_a, nodes_b) = (renamed(a, &texts_a), renamed(b, &texts_b));
        let joined = Catalogue::new(
            texts.into_iter().map(Into::into).collect(),
            nodes_a.iter().chain(&nodes_b).copied().collect(),
        );
        let moved = |nodes: &[Node]| -> Vec<u32> {
            nodes
                .iter()
                .map(|node| joined.nodes.binary_search(node).map_or(USERS, |i| i as u32))
                .collect()
        };
        let (moved_a, moved_b) = (moved(&nodes_a), moved(&nodes_b));
        let move_a = Move {
            texts: texts_a,
            nodes: moved_a,
        };
        let move_b = Move {
            texts: texts_b,
            nodes: moved_b,
        };
        (joined, move_a, move_b)
    }
}

impl Node {
    /// Returns the node with other numbers for its texts.
    pub fn renamed(self, texts: &[NameId]) -> Node {
        Node {
            kind: self.kind,
            namespace: texts[self.namespace as usize],
            name: texts[self.name as usize],
            address: texts[self.address as usize],
        }
    }
}

/// Which numbers of a catalogue are in use.
#[derive(Debug)]
pub(in crate::fold) struct Used(Vec<bool>);

impl Used {
    /// Returns that of so many numbers this one is in use.
    pub(in crate::fold) fn of(n: usize, number: u32) -> Used {
        let mut used = Used(vec![false; n]);
        used.add(number);
        used
    }

    #[inline]
    pub(in crate::fold) fn add(&mut self, number: u32) {
        self.0[number as usize] = true;
    }

    /// Returns those that are, in order.
    pub(in crate::fold) fn numbers(&self) -> Vec<u32> {
        let numbers = (0..).zip(&self.0);
        numbers.filter_map(|(n, used)| used.then_some(n)).collect()
    }
}

impl Extend<u32> for Used {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, numbers: I) {
        numbers.into_iter().for_each(|number| self.add(number));
    }
}

/// What became of the numbers of a catalogue.
#[derive(Debug)]
pub struct Move {
    /// By old text.
    pub texts: Vec<NameId>,
    /// By old node.
    pub nodes: Vec<u32>,
}
