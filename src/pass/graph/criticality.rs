//! Important services that wait for less important ones.
//!
//! How important a service is says the policy, or the resource attribute `service.criticality`. A synchronous edge from a more to a less
//! important service is an inversion when the dependency is hard: the more important one is then only as available as the other.
//! Where the dependency is unknown it may be one, and where it is soft it is none.
//!
//! Left out on purpose: services of which nobody says how important they are.

use crate::finding::{Dependency, Finding, Grade, Subject};
use crate::pass::{Effort, Graph, Measured, Pass};
use crate::text;

/// Finds important services that need less important ones.
pub static CRITICALITY: Pass = Pass {
    name: "criticality",
    about: "important services that wait for less important ones",
    explain: "criticality_inversion",
    watch: None,
    measure,
};

fn measure(graph: &Graph<'_>, _: Effort, measured: &mut Measured) {
    let level = |node: u32| {
        let vertex = graph.vertices[node as usize];
        graph.declared.described(vertex).criticality
    };
    let (mut levelled, mut inversions) = (false, 0);
    for tie in graph.dependence.ties() {
        let (Some(caller), Some(callee)) = (level(tie.from), level(tie.to)) else {
            continue;
        };
        levelled = true;
        if caller <= callee {
            continue;
        }
        let (grade, says) = match tie.dependency {
            Dependency::Soft => continue,
            Dependency::Hard => (Grade::Proved, "needs"),
            Dependency::Unknown => (Grade::Inferred, "waits for, and may need,"),
        };
        inversions += u64::from(tie.dependency == Dependency::Hard);
        let calls: u64 = graph
            .arcs_between(tie.from, tie.to)
            .iter()
            .flat_map(|arc| arc.edge.grades)
            .fold(0, u64::saturating_add);
        let (from, to) = (graph.name(tie.from), graph.name(tie.to));
        measured.findings.push(Finding {
            value: calls as f64,
            unit: "calls",
            grade,
            count: calls,
            of: calls,
            exemplars: graph.exemplars([(tie.from, tie.to)]),
            text: format!(
                "{from}, which is {}, {says} {to}, which is {}: {}",
                caller.name(),
                callee.name(),
                text::plural(calls, "attempt")
            ),
            ..Finding::of(
                CRITICALITY.name,
                "criticality_inversion",
                Subject::Edge(from.to_owned(), to.to_owned()),
            )
        });
    }
    if levelled {
        measured.metric("criticality_inversions", inversions as f64);
    }
}
