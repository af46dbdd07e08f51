//! Cuts a report down to the neighbourhood of one service.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::report::{Part, Report, Subject};
use crate::text;

/// Keeps the services within `depth` hops of a service, in either direction, and what lies between them.
///
/// Without a depth that is one hop; in the part on cascades it is everything that waits for the service, however far above, and
/// everything it waits for, however far below.
///
/// # Errors
/// Fails when no service has that name.
pub fn focus(report: &mut Report, service: &str, depth: Option<usize>) -> Result<()> {
    let names = || report.services.iter().map(|service| service.name.as_str());
    if !names().any(|name| name == service) {
        let error = Error::new(format!(
            "expected the name of a service, found \"{service}\""
        ));
        return Err(match text::nearest(service, names()) {
            Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
            None => error.with_help("topple report without --focus lists the services"),
        });
    }
    let near = match (depth, report.part) {
        (None, Part::Cascades) => above_and_below(report, service),
        (depth, Part::Whole | Part::Hubs | Part::Cascades | Part::Budgets) => {
            around(report, service, depth.unwrap_or(1))
        }
    };
    report
        .services
        .retain(|service| near.contains(&service.name));
    report
        .edges
        .retain(|edge| near.contains(&edge.from) && near.contains(&edge.to));
    report.entries.retain(|entry| near.contains(&entry.service));
    report.fix_first = None;
    let budgets = &mut report.budgets;
    budgets
        .calls
        .retain(|call| near.contains(&call.from) && near.contains(&call.to));
    budgets
        .entries
        .retain(|entry| near.contains(&entry.service));
    report.findings.retain(|finding| {
        finding.subject == Subject::System || near.iter().any(|name| finding.subject.names(name))
    });
    let is_on = |name: &str| name == service;
    report
        .chains
        .retain(|chain| chain.hops.iter().any(|hop| is_on(&hop.service)));
    report
        .ways
        .retain(|way| way.services.first().is_some_and(|first| is_on(first)));
    report.sizes.retain(|size| is_on(&size.service));
    report.shards.retain(|shards| is_on(&shards.service));
    report.focus = Some(service.to_owned());
    Ok(())
}

/// Returns the names of the services within so many hops.
fn around(report: &Report, service: &str, depth: usize) -> BTreeSet<String> {
    let mut near: BTreeSet<String> = BTreeSet::from([service.to_owned()]);
    for _ in 0..depth {
        let mut next = near.clone();
        for edge in &report.edges {
            if near.contains(&edge.from) {
                next.insert(edge.to.clone());
            }
            if near.contains(&edge.to) {
                next.insert(edge.from.clone());
            }
        }
        near = next;
    }
    near
}

/// Returns the names of the services that wait for a service, directly or not, and of those it waits for.
fn above_and_below(report: &Report, service: &str) -> BTreeSet<String> {
    let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut callees: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in report.edges.iter().filter(|edge| edge.tie.is_some()) {
        callers.entry(&edge.to).or_default().push(&edge.from);
        callees.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut near = BTreeSet::from([service.to_owned()]);
    for next in [&callers, &callees] {
        let mut seen = BTreeSet::from([service]);
        let mut queue = vec![service];
        while let Some(name) = queue.pop() {
            for &other in next.get(name).into_iter().flatten() {
                if seen.insert(other) {
                    near.insert(other.to_owned());
                    queue.push(other);
                }
            }
        }
    }
    near
}
