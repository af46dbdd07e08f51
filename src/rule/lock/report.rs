//! The report that the facts of a lock are of, so that rules can judge what was there before.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, Mode};
use crate::policy::Policy;
use crate::report::numbers::METRICS;
use crate::report::{Data, EdgeRow, Metric, Report, Service};

impl Lock {
    /// Returns the report that the facts are of: the graph without any count, so that structural rules can judge it.
    ///
    /// Services have the tags that the policy gives them, over those that a service of the same name has `now`.
    pub fn report(&self, now: &Report, policy: &Policy) -> Report {
        let mut kinds = self.services.clone();
        for edge in &self.edges {
            for name in [&edge.from, &edge.to] {
                kinds.entry(name.clone()).or_default();
            }
        }
        let tags: BTreeMap<&str, &BTreeMap<String, String>> = now
            .services
            .iter()
            .map(|service| (service.name.as_str(), &service.tags))
            .collect();
        let mut callers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut callees = callers.clone();
        for (from, to, _) in self.ties().filter(|(from, to, _)| from != to) {
            callers.entry(to).or_default().insert(from);
            callees.entry(from).or_default().insert(to);
        }
        let degree = |of: &BTreeMap<&str, BTreeSet<&str>>, name: &str| {
            of.get(name).map_or(0, |others| others.len() as u64)
        };
        let services = kinds
            .iter()
            .map(|(name, kind)| {
                let traced = tags.get(name.as_str()).map(|tags| (*tags).clone());
                let described =
                    policy
                        .services
                        .describe(name, kind.name(), traced.unwrap_or_default());
                Service {
                    name: name.clone(),
                    kind: *kind,
                    tags: described.tags,
                    source: described.source,
                    in_degree: degree(&callers, name),
                    out_degree: degree(&callees, name),
                    ..Service::default()
                }
            })
            .collect();
        let edges = self
            .edges
            .iter()
            .map(|edge| EdgeRow {
                from: edge.from.clone(),
                to: edge.to.clone(),
                sync: edge.mode == Mode::Sync,
                direct: edge.mode == Mode::Direct,
                protocol: edge.protocol.name(),
                ..EdgeRow::default()
            })
            .collect();
        let metrics = METRICS
            .iter()
            .filter_map(|name| {
                let value = *self.metrics.get(*name)?;
                Some(Metric { name, value })
            })
            .collect();
        // Without numbers nothing rests on what was declared.
        let declared = match self.metrics.is_empty() {
            true => now.declared.clone(),
            false => self.declared.clone(),
        };
        Report {
            declared,
            data: Data {
                traces: 1,
                ..Data::default()
            },
            services,
            edges,
            metrics,
            ..Report::default()
        }
    }
}
