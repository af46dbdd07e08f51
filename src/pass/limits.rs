//! What a team says of its calls and entry points that traces cannot show: timeouts, attempts, objectives.

use std::collections::BTreeMap;

use crate::pass::Graph;
use crate::policy::calls::Terms;

/// What is declared of a system, by nodes of its graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// How calls are made, by caller and callee.
    pub calls: BTreeMap<(u32, u32), Terms>,
    /// How many nanoseconds the slowest percent of the requests of an entry point may take, by node and operation.
    pub slos: BTreeMap<(u32, String), u64>,
}

/// Returns what is declared of a graph.
pub fn limits_of(graph: &Graph<'_>) -> Limits {
    let mut limits = Limits::default();
    if graph.declared.is_empty() {
        return limits;
    }
    for arc in graph
        .system
        .arcs
        .iter()
        .filter(|arc| arc.sync && !arc.direct)
    {
        if let (Some(from), Some(to)) = (graph.node(arc.from), graph.node(arc.to)) {
            let terms = graph.declared.terms(arc.from, arc.to);
            limits.calls.insert((from, to), terms);
        }
    }
    for point in &graph.system.entries {
        let declared = graph.declared.entrypoint(point.service, &point.operation);
        let slo = declared.and_then(|entrypoint| entrypoint.slo.p99);
        if let (Some(node), Some(slo)) = (graph.node(point.service), slo) {
            let ns = u64::try_from(slo.as_nanos()).unwrap_or(u64::MAX);
            limits.slos.insert((node, point.operation.clone()), ns);
        }
    }
    limits
}
