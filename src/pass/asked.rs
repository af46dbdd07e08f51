//! What callers ask of callees, by operation, for comparing two topologies.

use std::collections::BTreeMap;

use crate::fold::operations::{
    ATTEMPTS, BETWEEN, CALLED, CALLING, FAILED, Moments, OPERATIONS, REPEATING, SEEN, TRACES,
};
use crate::model::dictionary::Weight;
use crate::pass::Graph;
use crate::pass::trace::grouped;

/// An operation of an edge: caller, callee, what the calling span names it, and what the called span does; empty where it was not seen.
pub type AskedId = (String, String, String, String);

/// The synchronous calls of one operation of an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    /// Attempts seen.
    pub seen: f64,
    /// Traces in which they were.
    pub traces: f64,
    /// Attempts, weighted.
    pub attempts: f64,
    /// Those that failed on either side, weighted.
    pub failed: f64,
    /// Those that repeat another, weighted.
    pub repeated: f64,
    /// Durations of calling spans.
    pub calling: Moments,
    /// Durations of called spans.
    pub called: Moments,
    /// Calling less called durations.
    pub between: Moments,
}

impl Asked {
    /// Adds the calls of another.
    pub fn merge(&mut self, other: &Asked) {
        self.seen += other.seen;
        self.traces += other.traces;
        self.attempts += other.attempts;
        self.failed += other.failed;
        self.repeated += other.repeated;
        self.calling.merge(other.calling);
        self.called.merge(other.called);
        self.between.merge(other.between);
    }
}

/// Returns what is known by operation, and the rest past the bound on how many are kept; none if the topology was folded by a version
/// that did not tell operations apart.
pub fn asked_of(graph: &Graph<'_>) -> Option<BTreeMap<AskedId, Asked>> {
    let table = graph.system.rest.ledger.table(&OPERATIONS)?;
    let records = grouped(table, |key| {
        let [from, to, calling, called] = key.parts;
        let names = (graph.name_of(from), graph.name_of(to));
        let operations = (graph.text(calling), graph.text(called));
        (names, operations, key.number)
    });
    let mut all: BTreeMap<AskedId, Asked> = BTreeMap::new();
    for (((from, to), (calling, called), number), record) in records {
        let id = [from, to, calling, called].map(str::to_owned);
        let of = all.entry(id.into()).or_default();
        let sum = |at: usize| record.sums[at] as f64;
        let weighted = |at: usize| Weight(record.sums[at]).value();
        match number {
            CALLING => {
                of.calling = Moments::of(&record, 0);
                (of.seen, of.traces) = (sum(SEEN), sum(TRACES));
                (of.attempts, of.failed) = (weighted(ATTEMPTS), weighted(FAILED));
            }
            CALLED => {
                of.called = Moments::of(&record, 0);
                of.between = Moments::of(&record, BETWEEN);
            }
            REPEATING => of.repeated = weighted(0),
            _ => {}
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::trace::tests::each_order;

    /// Calls that fail on either side, are repeated in three ways, are not waited for, and a job without a caller.
    const CALLS: &str = "
        trace a
        shop < GET /checkout    0..100
          shop > POST           10..40 error=timeout error
            pay < POST /charge 12..58
          shop > POST           60..90 resend=1
            pay < POST /charge 62..88 error
          shop > GET /rates    90..95 peer=rates error
        trace b
        shop < GET /checkout    0..100
          shop > POST           10..90
            pay < POST /charge 12..30 error
            pay < POST /charge 40..80
        trace c
        pay < POST /charge      0..50 error
        trace d
        shop < GET /checkout    0..100
          pay < POST /refund   10..50 error
          shop > POST          60..70 error=timeout error peer=pay";

    #[test]
    fn operations_add_up_to_their_edges() {
        each_order(CALLS, |_, system| {
            let all = asked_of(&Graph::of(system)).unwrap();
            let mut seen = 0.0;
            for arc in system.arcs.iter().filter(|arc| arc.sync) {
                let name = |vertex: usize| system.vertices[vertex].name.clone();
                let mut sum = Asked::default();
                for ((from, to, _, _), of) in &all {
                    if (from, to) == (&name(arc.from), &name(arc.to)) {
                        sum.merge(of);
                    }
                }
                if sum.seen == 0.0 {
                    // Calls of users have no operations of their own.
                    assert_eq!(name(arc.from), "(users)");
                    continue;
                }
                let weighted = |of: u64| Weight(of).value();
                let edge = &arc.edge;
                assert_eq!(sum.attempts, weighted(edge.attempts));
                assert_eq!(sum.failed, weighted(edge.failed()));
                let retries = edge.retries.map(weighted);
                assert_eq!(sum.repeated, retries.iter().sum::<f64>());
                assert_eq!(sum.seen, edge.grades.iter().sum::<u64>() as f64);
                for (of, sketch) in [
                    (sum.calling, &edge.client_ns),
                    (sum.called, &edge.server_ns),
                    (sum.between, &edge.network_ns),
                ] {
                    assert_eq!(of.count(), sketch.count());
                    let mean = of.mean_and_variance().map(|(mean, _)| mean);
                    assert_eq!(mean, sketch.mean());
                }
                seen += sum.seen;
            }
            assert_eq!(seen, 7.0, "{all:#?}");
        });
    }
}
