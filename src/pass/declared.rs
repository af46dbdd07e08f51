//! What the policy says of the system that traces cannot know, matched with the graph: facts for passes, no demands.

use std::collections::{BTreeMap, BTreeSet};

use crate::fold::catalogue::NodeKind;
use crate::fold::observe::TAGS;
use crate::fold::system::System;
use crate::model::question::split_tags;
use crate::policy::calls::{Entrypoint, Terms};
use crate::policy::selector::{Node, OperationSelector, Selector};
use crate::policy::services::Described;
use crate::policy::{Policy, Saga};

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

    /// Returns whether everybody uses a vertex by declaration, so that it is no hub worth a word.
    pub fn is_infrastructure(&self, vertex: usize) -> bool {
        self.policy
            .services
            .infrastructure
            .matches(&self.node(vertex))
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

    /// Returns how the traces were chosen, by declaration.
    pub fn sampling(&self) -> crate::policy::Sampling {
        self.policy.evidence.sampling
    }
}

/// Returns the tags of each vertex that all of its spans agree on; region and zone are tags as well.
fn traced_tags(system: &System) -> Vec<BTreeMap<String, String>> {
    let mut values: Vec<BTreeMap<&str, BTreeSet<&str>>> =
        vec![BTreeMap::new(); system.vertices.len()];
    let catalogue = &system.rest.catalogue;
    for (of, vertex) in values.iter_mut().zip(&system.vertices) {
        for (key, _) in &vertex.instances {
            for (tag, name) in [("region", key.region), ("zone", key.zone)] {
                of.entry(tag).or_default().insert(catalogue.text(name));
            }
        }
    }
    if let Some(table) = system.rest.ledger.table(&TAGS) {
        for (key, _) in table.rows() {
            let of = &mut values[system.vertex_of[key.parts[0] as usize]];
            for (tag, value) in split_tags(catalogue.text(key.parts[1])) {
                of.entry(tag).or_default().insert(value);
            }
        }
    }
    values
        .into_iter()
        .map(|tags| {
            let single = tags.into_iter().filter_map(|(tag, values)| {
                let value = values
                    .first()
                    .filter(|value| values.len() == 1 && !value.is_empty())?;
                Some((tag.to_owned(), (*value).to_owned()))
            });
            single.collect()
        })
        .collect()
}
