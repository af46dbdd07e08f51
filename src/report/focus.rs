//! Cuts a report down to the neighbourhood of one service.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::report::{Report, Subject};
use crate::text;

/// Keeps the services within `depth` hops of a service, in either direction, and what lies between them.
///
/// # Errors
/// Fails when no service has that name.
pub fn focus(report: &mut Report, service: &str, depth: usize) -> Result<()> {
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
    report
        .services
        .retain(|service| near.contains(&service.name));
    report
        .edges
        .retain(|edge| near.contains(&edge.from) && near.contains(&edge.to));
    report.entries.retain(|entry| near.contains(&entry.service));
    report.fix_first = None;
    report.findings.retain(|finding| {
        finding.subject == Subject::System || near.iter().any(|name| finding.subject.names(name))
    });
    Ok(())
}
