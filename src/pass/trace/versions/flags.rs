//! Feature flags that said two things within one request.
//!
//! A request that is new code in one service and old code in the next is as untested as one that meets two versions. Flags are
//! what spans or their events name (OpenTelemetry semantic conventions, "Feature flags"); of a trace the first sixteen flags are looked
//! at, and each counts once.
//!
//! Left out on purpose: what a flag says in different requests, which is what flags are for; evaluations without a variant.

use crate::finding::{Finding, Grade, Subject};
use crate::fold::Seen;
use crate::fold::ledger::Table;
use crate::model::MarkKind;
use crate::model::mark::names;
use crate::model::names::OTHER;
use crate::pass::trace::versions::VERSIONS;
use crate::pass::trace::{exemplars, grouped, total};
use crate::pass::{Graph, Measured};
use crate::text;

const METRIC: &str = "mixed_flag_traces";

/// Flags of one trace that are looked at.
const FLAGS: usize = 16;

/// Adds the flags of a trace that said two things.
pub(super) fn observe(seen: &Seen<'_>, table: &mut Table) {
    let mut marks = seen.trace.marks.iter();
    if !marks.any(|mark| mark.kind == MarkKind::FeatureFlag as u64) {
        return;
    }
    let mut first = [(0, 0, false); FLAGS];
    let mut n = 0;
    for span in 0..seen.trace.spans.len() as u32 {
        for mark in seen.trace.marks_of(span, MarkKind::FeatureFlag) {
            let (flag, variant) = names(mark);
            if flag == OTHER || variant == OTHER {
                continue;
            }
            match first[..n].iter_mut().find(|known| known.0 == flag) {
                Some((_, other, is_mixed)) if *other != variant && !*is_mixed => {
                    *is_mixed = true;
                    let text = |name| seen.catalogue.text(name);
                    let (a, b) = match text(*other) < text(variant) {
                        true => (*other, variant),
                        false => (variant, *other),
                    };
                    let parts = [flag, a, b, seen.node(span)];
                    let record = table.at(seen.catalogue, parts, 0);
                    record.add(0, 1);
                    record.exemplars.offer(seen.exemplar(span));
                }
                Some(_) => {}
                None if n < FLAGS => {
                    first[n] = (flag, variant, false);
                    n += 1;
                }
                None => {}
            }
        }
    }
}

/// Tells of flags that said two things within one request.
pub(super) fn measure(graph: &Graph<'_>, table: &Table, measured: &mut Measured) {
    let by_flag = grouped(table, |key| {
        let [flag, a, b, _] = key.parts;
        (graph.text(flag), graph.text(a), graph.text(b))
    });
    let all = table.traces();
    let count = total(by_flag.values().map(|record| record.sums[0]));
    measured.metric(METRIC, count as f64);
    for ((flag, a, b), record) in by_flag {
        let count = record.sums[0];
        let told = grouped(table, |key| {
            let [of, one, other, node] = key.parts;
            let variants = (graph.text(of), graph.text(one), graph.text(other));
            (variants == (flag, a, b)).then(|| graph.name_of(node))
        });
        let services: Vec<&str> = told.into_keys().flatten().collect();
        let mut finding = Finding {
            value: count as f64,
            unit: "requests",
            grade: Grade::Proved,
            count,
            of: all,
            exemplars: exemplars(&record),
            text: format!(
                "the feature flag {flag} said both {a} and {b} within {}, met at {}",
                text::plural(count, "request"),
                services.join(", ")
            ),
            ..Finding::of(
                VERSIONS.name,
                METRIC,
                Subject::Shared("feature flag", flag.to_owned()),
            )
        };
        finding.id = format!("{} {a}, {b}", finding.id);
        measured.findings.push(finding);
    }
}
