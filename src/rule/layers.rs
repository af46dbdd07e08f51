//! `layers`: calls go from a layer to the same or a lower one.
//!
//! Calls and messages to a queue are judged. Who reads from a queue is not called by it, and a message that reaches a layer above
//! is how a lower layer speaks without depending on it.

use crate::policy::rule::{Layers, Skip};
use crate::policy::value::{EdgeMode, Severity};
use crate::report::verdict::{Outcome, Violation};
use crate::report::{Kind, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, of_edges, proved, spoken};

/// The verb.
pub(super) static LAYERS: RuleKind = RuleKind {
    name: "layers",
    about: "calls go down the layers",
    needs: Extent::Graph,
    fix: "turn the call around: pass the data along with the request, or send an event that the upper layer reads",
};

pub(super) fn judge(rule: &Layers, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let layer_of = |name: &str| -> Option<usize> {
        let layer = case.service(name)?.tags.get(&rule.by)?;
        rule.order.iter().position(|known| known == layer)
    };
    for (&(from, to), edges) in &case.calls(EdgeMode::All) {
        let edges: Vec<_> = edges.iter().copied().filter(|edge| !edge.direct).collect();
        let (Some(above), Some(below)) = (layer_of(from), layer_of(to)) else {
            continue;
        };
        if edges.is_empty() || case.is_excepted(&rule.except, from, to) {
            continue;
        }
        found.checked += 1;
        let names = (&rule.order[above], &rule.order[below]);
        let objection = if below < above {
            format!("{from} ({}) calls up to {to} ({})", names.0, names.1)
        } else if rule.skip == Skip::Forbid && below > above + 1 {
            let between = rule.order[above + 1..below].join(", ");
            format!(
                "{from} ({}) calls {to} ({}) past {between}",
                names.0, names.1
            )
        } else {
            continue;
        };
        let text = format!("{objection}: {}", spoken(&edges));
        found.object(of_edges((from, to), &edges, text));
    }
    unassigned(rule, case, &layer_of, &mut found);
    if found.checked == 0 {
        found.miss(
            format!(
                "no call between services that have a layer in their tag \"{}\" was seen",
                rule.by
            ),
            "",
        );
    }
    found
}

/// Objects to services without a layer.
fn unassigned(
    rule: &Layers,
    case: &Case<'_>,
    layer_of: &dyn Fn(&str) -> Option<usize>,
    found: &mut Found,
) {
    let level = match rule.unassigned {
        Severity::Ignore => return,
        Severity::Warn => Outcome::Warn,
        Severity::Fail => Outcome::Fail,
    };
    for service in &case.report.services {
        if service.kind != Kind::Service || layer_of(&service.name).is_some() {
            continue;
        }
        let text = match service.tags.get(&rule.by) {
            Some(layer) => format!(
                "{} has the layer {layer}, which is none of {}",
                service.name,
                rule.order.join(", ")
            ),
            None => format!("{} has no tag \"{}\"", service.name, rule.by),
        };
        found.object(Violation {
            level,
            help: format!(
                "give it the tag in services.define: tags: {{ {}: {} }}",
                rule.by,
                rule.order.first().map_or("", String::as_str)
            ),
            ..proved(Subject::Service(service.name.clone()), text)
        });
    }
}
