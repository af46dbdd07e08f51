//! The requests of each operation of a service, whichever instance took them.

use std::collections::BTreeMap;

use crate::fold::sketch::Sketch;
use crate::pass::Graph;
use crate::pass::trace::gray_failure::{FAILED, REQUESTS, WATCHER};
use crate::pass::trace::grouped;

/// The requests of one operation, of instances that are named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// Requests.
    pub requests: u64,
    /// Those that failed at the service and nowhere below.
    pub failed: u64,
    /// Durations of those that succeeded.
    pub duration_ns: Sketch,
}

/// Returns the requests by service and operation; none if no trace was looked at for them.
pub(in crate::pass) fn answered_by(
    graph: &Graph<'_>,
) -> Option<BTreeMap<(String, String), Answered>> {
    let records = grouped(graph.table(&WATCHER.tables[1])?, |key| {
        let [service, operation, _, _] = key.parts;
        (graph.name_of(service), graph.text(operation))
    });
    let answered = records
        .into_iter()
        .filter(|(_, record)| record.sums[REQUESTS] > 0)
        .map(|((service, operation), record)| {
            let answered = Answered {
                requests: record.sums[REQUESTS],
                failed: record.sums[FAILED],
                duration_ns: record.sketch.as_deref().cloned().unwrap_or_default(),
            };
            ((service.to_owned(), operation.to_owned()), answered)
        });
    Some(answered.collect())
}
