//! What a reader should know before trusting the numbers, in sentences.

use std::collections::BTreeSet;

use crate::fold::catalogue::NodeKind;
use crate::fold::system::{System, Vertex};
use crate::fold::topology::Topology;
use crate::input::Reading;
use crate::model::meaning::is_unknown_service;
use crate::pass::Graph;
use crate::pass::declared::folded_otherwise;
use crate::policy::Policy;
use crate::report::bounds;
use crate::text;

/// Services named in one note.
const NAMED: usize = 3;

/// Says what is known of the sources, the names, the messages and the bounds.
pub(super) fn notes(topology: &Topology, system: &System, reading: &Reading) -> Vec<String> {
    let mut notes = Vec::new();
    for source in &reading.sources {
        notes.extend(
            source
                .notes
                .iter()
                .map(|note| format!("{}: {note}", source.name)),
        );
    }
    let names: Vec<&str> = system
        .vertices
        .iter()
        .filter(|vertex| vertex.kind == NodeKind::Service && is_unknown_service(&vertex.name))
        .map(|vertex| vertex.name.as_str())
        .collect();
    if !names.is_empty() {
        notes.push(format!(
            "no service name was set for {}: spans of different programs may look like one service; set OTEL_SERVICE_NAME",
            names.join(", ")
        ));
    }
    notes.extend(gaps(system));
    if system.unmet_messages > 0 {
        notes.push(format!(
            "{} linked to a sender that is not in the data",
            text::plural(system.unmet_messages, "message"),
        ));
    }
    if system.message_sampling > 1 {
        notes.push(format!(
            "direct edges between traces are estimated from one message in {}: there were more than can be remembered",
            system.message_sampling
        ));
    }
    let folded: u64 = topology
        .shapes
        .remainders()
        .iter()
        .map(|remainder| remainder.requests)
        .sum();
    if folded > 0 {
        notes.push(format!(
            "the request shapes of {} were not kept: there are more shapes than the bound, or larger ones",
            text::plural(folded, "request")
        ));
    }
    for class in &topology.overflowed {
        notes.push(format!(
            "too many {class} names: some are counted together as (other)"
        ));
    }
    notes.extend(bounds::of_tables(&topology.ledger, system.account.traces));
    if system.account.spans_in_parts > 0 {
        notes.push(format!(
            "{} in traces too large to be held, which were looked at in parts: what lies above and below a call may be missing",
            text::plural(system.account.spans_in_parts, "span")
        ));
    }
    if system.account.traces_outside > 0 {
        notes.push(format!(
            "{} outside the time window asked for",
            text::plural(system.account.traces_outside, "trace")
        ));
    }
    for bucket in &topology.buckets {
        let of = if bucket.data_set.is_empty() {
            String::new()
        } else {
            format!(" of {}", bucket.data_set)
        };
        notes.push(format!("holds shard {}/{}{of}", bucket.index, bucket.of));
    }
    notes
}

/// Says that requests of some entry points count more than others, if they do.
pub(super) fn of_weights(graph: &Graph<'_>) -> Option<String> {
    if graph.importance.is_even() {
        return None;
    }
    let mut named: BTreeSet<(&str, String)> = BTreeSet::new();
    for point in &graph.system.entries {
        let declared = graph.declared.entrypoint(point.service, &point.operation);
        if let Some(declared) = declared.filter(|declared| declared.weight != 1.0) {
            named.insert((&declared.name, text::value(declared.weight)));
        }
    }
    let named: Vec<String> = named
        .iter()
        .map(|(name, weight)| format!("one of {name} as {weight}"))
        .collect();
    Some(format!(
        "where requests are lost they count by the weight of their entry point: {} (entrypoints in the policy)",
        named.join(", "),
    ))
}

/// Says what the policy said otherwise when traces were folded, if it did.
pub fn stale(system: &System, policy: &Policy) -> Option<String> {
    let names = folded_otherwise(system, policy);
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "traces were folded when the policy said something else of {}: what rests on that is as it was said then; fold them again",
            names.join(" and "),
        )
    })
}

/// Says how many calls to services that emit spans were seen from the caller's side alone, if there are any.
fn gaps(system: &System) -> Option<String> {
    let mut gaps: Vec<&Vertex> = system
        .vertices
        .iter()
        .filter(|vertex| vertex.gap_calls > 0)
        .collect();
    gaps.sort_by_key(|vertex| (std::cmp::Reverse(vertex.gap_calls), vertex.name.as_str()));
    let calls: u64 = gaps.iter().map(|vertex| vertex.gap_calls).sum();
    let named: Vec<String> = gaps
        .iter()
        .take(NAMED)
        .map(|vertex| format!("{} to {}", text::count(vertex.gap_calls), vertex.name))
        .collect();
    let more = match gaps.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and to {more} more"),
    };
    (calls > 0).then(|| {
        format!(
            "{} to services that emit spans left a span at the caller alone ({}{more}): lost or unsampled spans, or calls that never arrived",
            text::plural(calls, "call"),
            named.join(", "),
        )
    })
}
