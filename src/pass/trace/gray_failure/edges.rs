//! Edges on which callers see failures that callees do not.

use std::collections::BTreeMap;

use crate::algo::stats::{paired_difference, wilson};
use crate::finding::{Finding, Grade, Subject};
use crate::fold::catalogue::NodeKind;
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::Graph;
use crate::pass::cost::cost;
use crate::pass::trace::gray_failure::{
    BESIDE, CLIENT_ONLY, ENOUGH_CALLS, GRAY_FAILURE, SERVER_ONLY, TOLD_SHARE, UNANSWERED,
};
use crate::pass::trace::{exemplars, grouped, total};
use crate::text;
use crate::trace::link::Grade as Evidence;

/// Calls of an edge between two services that emit spans.
#[derive(Debug, Default)]
pub(super) struct EdgeCalls {
    /// Calls with both sides seen, and with the client's alone.
    paired: u64,
    one_sided: u64,
    pub(super) record: Record,
}

/// The calls between services, and whose sides disagree.
#[derive(Debug)]
pub(super) struct Edges<'a> {
    pub(super) by_ends: BTreeMap<(&'a str, &'a str), EdgeCalls>,
    /// What calls are a share of.
    whole: u64,
}

impl<'a> Edges<'a> {
    pub(super) fn of(graph: &Graph<'a>, table: &Table) -> Edges<'a> {
        let mut by_ends: BTreeMap<(&str, &str), EdgeCalls> = BTreeMap::new();
        for arc in &graph.system.arcs {
            let (from, to) = (
                &graph.system.vertices[arc.from],
                &graph.system.vertices[arc.to],
            );
            if arc.sync && from.kind != NodeKind::Users && to.kind == NodeKind::Service {
                let calls = by_ends.entry((&from.name, &to.name)).or_default();
                let grades = &arc.edge.grades;
                let paired = [Evidence::Paired, Evidence::ThroughInternal];
                let paired = total(paired.map(|grade| grades[grade as usize]));
                calls.paired = total([calls.paired, paired]);
                calls.one_sided = total([calls.one_sided, grades[Evidence::OneSided as usize]]);
            }
        }
        let records = grouped(table, |key| {
            (graph.name_of(key.parts[0]), graph.name_of(key.parts[1]))
        });
        for (ends, record) in records {
            if let Some(calls) = by_ends.get_mut(&ends) {
                calls.paired = calls.paired.saturating_sub(record.sums[BESIDE]);
                calls.record = record.into_owned();
            }
        }
        let all = total(by_ends.values().map(EdgeCalls::all));
        let whole = graph.requests_or(all);
        Edges { by_ends, whole }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut said = Vec::new();
        for (&(from, to), calls) in &self.by_ends {
            said.extend(self.seen_from_one_side(from, to, calls));
            said.extend(self.unanswered(from, to, calls));
        }
        said
    }

    fn finding(&self, metric: &'static str, from: &str, to: &str, calls: &EdgeCalls) -> Finding {
        let subject = Subject::Edge(from.to_owned(), to.to_owned());
        Finding {
            grade: Grade::Measured,
            unit: "pp",
            exemplars: exemplars(&calls.record),
            ..Finding::of(GRAY_FAILURE.name, metric, subject)
        }
    }

    fn seen_from_one_side(&self, from: &str, to: &str, calls: &EdgeCalls) -> Option<Finding> {
        let [client, server] = [CLIENT_ONLY, SERVER_ONLY].map(|sum| calls.record.sums[sum]);
        if calls.paired < ENOUGH_CALLS {
            return None;
        }
        let interval = paired_difference(client, server, calls.paired);
        (interval.low > TOLD_SHARE).then(|| Finding {
            value: 100.0 * (client as f64 - server as f64) / calls.paired as f64,
            interval: Some((100.0 * interval.low, 100.0 * interval.high)),
            count: client,
            of: calls.paired,
            cost: cost(client, self.whole),
            text: format!(
                "{from} -> {to}: {} of {} failed for {from} and not for {to}, {} the other way round",
                text::count(client),
                text::plural(calls.paired, "call"),
                text::count(server),
            ),
            ..self.finding("differential_observability", from, to, calls)
        })
    }

    pub(super) fn unanswered(&self, from: &str, to: &str, calls: &EdgeCalls) -> Option<Finding> {
        let (lost, all) = (calls.record.sums[UNANSWERED], calls.all());
        if all < ENOUGH_CALLS || calls.paired == 0 {
            return None;
        }
        let interval = wilson(lost.min(all), all);
        (interval.low - calls.lost_spans() > TOLD_SHARE).then(|| Finding {
            value: 100.0 * lost as f64 / all as f64,
            interval: Some((100.0 * interval.low, 100.0 * interval.high)),
            count: lost,
            of: all,
            cost: cost(lost, self.whole),
            text: format!(
                "{from} -> {to}: {} of {} failed without any span of {to}: lost on the way, refused, or their server died",
                text::count(lost),
                text::plural(all, "call"),
            ),
            ..self.finding("unanswered_failures", from, to, calls)
        })
    }
}

impl EdgeCalls {
    fn all(&self) -> u64 {
        total([self.paired, self.one_sided])
    }

    /// Returns the share of calls that did not fail and still have no span of the callee: spans that were not recorded.
    fn lost_spans(&self) -> f64 {
        let fine = self.one_sided.saturating_sub(self.record.sums[UNANSWERED]);
        fine as f64 / total([self.paired, fine]).max(1) as f64
    }
}
