//! What the policy says of the system that traces cannot know, matched with the graph: facts for passes, no demands.

use std::collections::{BTreeMap, BTreeSet};

use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::Table;
use crate::fold::system::System;
use crate::fold::topology::{DECLARED, TAGS};
use crate::model::question::split_tags;
use crate::policy::calls::{Entrypoint, Terms};
use crate::policy::facts::FACTS;
use crate::policy::selector::{Node, OperationSelector, Selector};
use crate::policy::services::Described;
use crate::policy::value::Ratio;
use crate::policy::{Policy, Saga, Stage};

/// Declared facts about the vertices of a system.
#[derive(Debug)]
pub struct Declared<'a> {
    system: &'a System,
    policy: &'a Policy,
    /// What is known of each vertex.
    described: Vec<Described>,
}

impl<'a> Declared<'a> {
    /// Matches a policy with a system.
    pub fn of(system: &'a System, policy: &'a Policy) -> Declared<'a> {
        let mut traced = traced_tags(system);
        let described = system
            .vertices
            .iter()
            .zip(&mut traced)
            .map(|(vertex, tags)| {
                let (name, kind) = (&vertex.name, vertex.kind.name());
                policy.services.describe(name, kind, std::mem::take(tags))
            })
            .collect();
        Declared {
            system,
            policy,
            described,
        }
    }

    /// Returns whether the policy says anything that passes could use.
    pub fn is_empty(&self) -> bool {
        self.policy.calls.declared.is_empty()
            && self.policy.entrypoints.is_empty()
            && self.policy.services.define.is_empty()
            && self.policy.redundancy.is_empty()
    }

    /// Returns a vertex as selectors see it.
    pub fn node(&self, vertex: usize) -> Node<'_> {
        let Described { tags, .. } = &self.described[vertex];
        let of = &self.system.vertices[vertex];
        Node {
            name: &of.name,
            kind: of.kind.name(),
            tags,
        }
    }

    /// Returns what is known of a vertex from its traces and the policy.
    pub fn described(&self, vertex: usize) -> &Described {
        &self.described[vertex]
    }

    /// Returns what is declared about the calls from a vertex to another.
    pub fn terms(&self, from: usize, to: usize) -> Terms {
        self.policy.calls.terms(&self.node(from), &self.node(to))
    }

    /// Returns the declared entry point that requests for an operation of a vertex belong to.
    pub fn entrypoint(&self, vertex: usize, operation: &str) -> Option<&'a Entrypoint> {
        let mut entrypoints = self.policy.entrypoints.iter();
        entrypoints.find(|entry| entry.requests.matches(&self.node(vertex), operation))
    }

    /// Returns the largest share of failed requests that is promised of a vertex, if anything is.
    pub fn promised_errors(&self, vertex: usize) -> Option<f64> {
        let entrypoints = self.policy.entrypoints.iter();
        let own = entrypoints.filter(|of| of.requests.service.matches(&self.node(vertex)));
        let errors = own.filter_map(|of| of.slo.errors);
        errors.map(Ratio::get).max_by(f64::total_cmp)
    }

    /// Returns how much a request for an operation of a vertex counts against others.
    pub fn weight(&self, vertex: usize, operation: &str) -> f64 {
        self.entrypoint(vertex, operation)
            .map_or(1.0, |declared| declared.weight)
    }

    /// Returns whether everybody uses a vertex by declaration, so that it is no hub worth a word.
    pub fn is_infrastructure(&self, vertex: usize) -> bool {
        self.policy
            .services
            .infrastructure
            .matches(&self.node(vertex))
    }

    /// Returns whether a vertex only passes requests on, by declaration.
    pub fn is_proxy(&self, vertex: usize) -> bool {
        self.policy.services.proxies.matches(&self.node(vertex))
    }

    /// Returns whether an operation may be repeated by declaration.
    pub fn is_idempotent(&self, vertex: usize, operation: &str) -> bool {
        self.is_named(&self.policy.idempotent, vertex, operation)
    }

    /// Returns whether an operation need not be done before the answer, by declaration.
    pub fn is_deferrable(&self, vertex: usize, operation: &str) -> bool {
        self.is_named(&self.policy.deferrable, vertex, operation)
    }

    fn is_named(&self, list: &[OperationSelector], vertex: usize, operation: &str) -> bool {
        let node = self.node(vertex);
        list.iter().any(|named| named.matches(&node, operation))
    }

    /// Returns whether any operation is declared to be deferrable.
    pub fn has_deferrable(&self) -> bool {
        !self.policy.deferrable.is_empty()
    }

    /// Returns the groups of vertices of which one is enough; groups of which fewer than two were seen are left out.
    pub fn redundancy(&self) -> Vec<Vec<usize>> {
        let groups = self
            .policy
            .redundancy
            .iter()
            .map(|group| self.matching(group));
        groups.filter(|group| group.len() > 1).collect()
    }

    /// Returns the vertices a selector means, without users.
    pub fn matching(&self, selector: &Selector) -> Vec<usize> {
        let vertices = 0..self.system.vertices.len();
        vertices
            .filter(|vertex| {
                let of = &self.system.vertices[*vertex];
                of.kind != NodeKind::Users && !of.ignored && selector.matches(&self.node(*vertex))
            })
            .collect()
    }

    /// Returns the declared sagas.
    pub fn sagas(&self) -> &'a [Saga] {
        &self.policy.sagas
    }

    /// Returns what parts of requests may take.
    pub fn stages(&self) -> &'a [Stage] {
        &self.policy.stages
    }

    /// Returns how the traces were chosen, by declaration.
    pub fn sampling(&self) -> crate::policy::Sampling {
        self.policy.evidence.sampling
    }
}

/// Returns the names of what the policy declares and what traces of the system were folded under otherwise.
pub fn folded_otherwise(system: &System, policy: &Policy) -> BTreeSet<&'static str> {
    let table = system.rest.ledger.table(&DECLARED);
    let rows = table.into_iter().flat_map(Table::rows);
    rows.filter_map(|(key, _)| {
        let fact = FACTS.get(key.parts[0] as usize)?;
        (fact.hash(policy) != key.number).then_some(fact.name)
    })
    .collect()
}

/// Returns the tags of each vertex that all of its spans agree on; region and zone are tags as well.
fn traced_tags(system: &System) -> Vec<BTreeMap<String, String>> {
    let catalogue = &system.rest.catalogue;
    // By vertex and tag; an instance without a region is one that does not agree.
    let mut values: Vec<(usize, &str, &str)> = Vec::new();
    for (number, vertex) in system.vertices.iter().enumerate() {
        for (key, _) in &vertex.instances {
            for (tag, name) in [("region", key.region), ("zone", key.zone)] {
                values.push((number, tag, catalogue.text(name)));
            }
        }
    }
    if let Some(table) = system.rest.ledger.table(&TAGS) {
        for (key, _) in table.rows() {
            let vertex = system.vertex_of[key.parts[0] as usize];
            for (tag, value) in split_tags(catalogue.text(key.parts[1])) {
                values.push((vertex, tag, value));
            }
        }
    }
    values.sort_unstable();
    values.dedup();
    let mut tags = vec![BTreeMap::new(); system.vertices.len()];
    for of_tag in values.chunk_by(|(a, x, _), (b, y, _)| (a, x) == (b, y)) {
        if let &[(vertex, tag, value)] = of_tag
            && !value.is_empty()
        {
            tags[vertex].insert(tag.to_owned(), value.to_owned());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fold::system::resolve_as;
    use crate::fold::{Catalogue, Observer, Topology, Window};
    use crate::pass::{self, Graph};
    use crate::policy::{Vocabulary, read};
    use crate::trace::Assembler;
    use crate::trace::drawing;

    const POLICY: &str = r#"
version: 1
services:
  rename: [ { from: "/^(.+)-canary$/", to: "$1" } ]
  ignore: [agent]
  proxies: [envoy]
  infrastructure: [flags]
  define:
    - { match: pay, tags: { tier: core }, criticality: critical }
calls:
  - { from: shop, to: { tier: core }, timeout: 400ms, attempts: 3 }
idempotent: ["POST /pay"]
"#;

    const DRAWING: &str = "
        shop-canary < GET /buy    0..100
          shop-canary > POST /pay 10..60
            envoy < POST /pay     12..58
              envoy > POST /pay   13..57
                pay < POST /pay   14..56
          shop-canary > GET /flag 70..72
            flags < GET /flag     70..72
          shop-canary > POST /log 80..82
            agent < POST /log     80..82";

    /// Returns the system of the drawing under the policy, the proxies told to the linking.
    fn system(policy: &Policy) -> System {
        let spans = drawing::spans(DRAWING);
        let mut traces = drawing::traces(&spans, 0);
        let proxies = &policy.services.proxies;
        traces
            .dictionary
            .mark_proxies(|name| proxies.matches_name(name, "service"));
        let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
        let mut observer = Observer::new(&traces.dictionary, catalogue.clone(), Window::default())
            .watched_by(pass::watchers(), policy);
        let mut assembler = Assembler::default();
        assembler
            .for_each(
                &traces,
                drawing::partitions(&spans),
                |_| u64::MAX,
                |trace| observer.observe(trace),
            )
            .unwrap();
        let topology = Topology::merge(Topology::empty(catalogue), observer.finish()).unwrap();
        resolve_as(topology, &policy.services)
    }

    #[test]
    fn names_proxies_and_what_is_left_out_shape_the_graph() {
        let policy = read(POLICY, &Vocabulary::default()).unwrap();
        let system = system(&policy);
        let graph = Graph::under(&system, &policy);
        let edges: Vec<String> = system
            .arcs
            .iter()
            .map(|arc| {
                let name = |vertex: usize| &*system.vertices[vertex].name;
                format!("{} -> {}", name(arc.from), name(arc.to))
            })
            .collect();
        assert_eq!(edges, ["(users) -> shop", "shop -> flags", "shop -> pay"]);
        let nodes: Vec<u32> = (0..graph.n_nodes() as u32).collect();
        assert_eq!(graph.names(&nodes), ["flags", "pay", "shop"]);
    }

    #[test]
    fn declared_facts_are_matched_with_the_graph() {
        let policy = read(POLICY, &Vocabulary::default()).unwrap();
        let system = system(&policy);
        let declared = Declared::of(&system, &policy);
        let vertex = |name: &str| {
            let mut vertices = system.vertices.iter();
            vertices.position(|vertex| vertex.name == name).unwrap()
        };
        let terms = declared.terms(vertex("shop"), vertex("pay"));
        assert_eq!(terms.timeout, Some(std::time::Duration::from_millis(400)));
        assert_eq!(terms.attempts, Some(3));
        assert_eq!(
            declared.terms(vertex("shop"), vertex("flags")),
            Terms::default()
        );
        assert!(declared.is_infrastructure(vertex("flags")));
        assert!(declared.is_idempotent(vertex("pay"), "POST /pay"));
        assert!(!declared.is_empty());
        let tier = &declared.described(vertex("pay")).tags["tier"];
        assert_eq!(tier, "core");
    }
}
