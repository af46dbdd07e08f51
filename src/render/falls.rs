//! What falls when one part falls: sentences and orders that the renderers of that part share.

use crate::report::{
    BlastRadius, Chain, Dependency, EdgeRow, Grade, Hop, Report, Service, Start, Stop, Survival,
    TenantRadius, Tie,
};
use crate::text;

use super::summary::{edges, name, nodes};

/// Widest name in a sentence.
const NAME_COLUMNS: usize = 30;

/// Services named in one sentence.
const NAMED: usize = 3;

/// Returns the nodes that requests use, those first without which most requests fall that enter elsewhere.
pub(super) fn falling(report: &Report) -> Vec<(&Service, &BlastRadius)> {
    let mut falling: Vec<(&Service, &BlastRadius)> = nodes(report)
        .filter_map(|node| Some((node, node.standing.blast_radius.as_deref()?)))
        .filter(|(_, radius)| radius.touch > 0.0)
        .collect();
    falling.sort_by(|(_, a), (_, b)| {
        let ((a_low, a_high), (b_low, b_high)) = (a.from_elsewhere, b.from_elsewhere);
        b_low
            .total_cmp(&a_low)
            .then(b_high.total_cmp(&a_high))
            .then(b.touch.total_cmp(&a.touch))
    });
    falling
}

/// Returns the nodes that tenants use, those first without which most tenants fall; none when no tenant is known.
pub(super) fn with_tenants(report: &Report) -> Vec<(&Service, &TenantRadius)> {
    let mut nodes: Vec<(&Service, &TenantRadius)> = nodes(report)
        .filter_map(|node| {
            let radius = node.standing.blast_radius.as_deref()?;
            Some((node, radius.tenants.as_ref()?))
        })
        .filter(|(node, of)| of.touch > 0.0 && !node.standing.entry)
        .collect();
    nodes.sort_by(|(_, a), (_, b)| {
        b.hard_low
            .total_cmp(&a.hard_low)
            .then(b.hard_high.total_cmp(&a.hard_high))
            .then(b.touch.total_cmp(&a.touch))
    });
    nodes
}

/// Returns one edge for each caller that waits for a callee: what lets failures through first, then what stops them, then
/// what is unknown, each by how often the call failed.
pub(super) fn ties(report: &Report) -> Vec<(&EdgeRow, &Tie)> {
    let mut ties: Vec<(&EdgeRow, &Tie)> = edges(report)
        .filter_map(|edge| Some((edge, edge.tie.as_ref()?)))
        .collect();
    ties.sort_by_key(|(edge, _)| (&edge.from, &edge.to));
    ties.dedup_by_key(|(edge, _)| (&edge.from, &edge.to));
    ties.sort_by_key(|(_, tie)| {
        (
            tie.dependency,
            std::cmp::Reverse((tie.failed_calls, tie.good_calls)),
        )
    });
    ties
}

/// Returns what happened along an edge, in a few words.
pub(super) fn evidence(tie: &Tie) -> String {
    match tie.failed_calls {
        0 if tie.good_calls == 0 => "no span around the call tells how the caller fared".to_owned(),
        0 => format!("never failed in {}", text::plural(tie.good_calls, "use")),
        failed => format!(
            "caller failed in {} of {} failures, and in {} of {} otherwise",
            text::count(tie.both_failed),
            text::count(failed),
            text::count(tie.failed_alone),
            text::count(tie.good_calls)
        ),
    }
}

/// Returns a chain from where it began upwards.
pub(super) fn chain(chain: &Chain) -> String {
    let hop = |hop: &Hop| {
        let service = name(&hop.service, NAME_COLUMNS);
        match hop.operation.as_str() {
            "" => service,
            operation => format!("{service} {}", name(operation, NAME_COLUMNS)),
        }
    };
    let hops: Vec<String> = chain.hops.iter().map(hop).collect();
    let (first, above) = match &hops[..] {
        [] => return String::new(),
        [first, above @ ..] => (first, above),
    };
    let error = match chain.error.as_str() {
        "" => String::new(),
        error => format!(" ({})", name(error, NAME_COLUMNS)),
    };
    let start = match chain.start {
        Start::Inside => "",
        Start::Silent => ", which emitted no span",
        Start::OnTheWay => ", whose answer was late or lost",
    };
    let mut text = format!("{first}{error}{start}");
    for hop in above {
        text.push_str(&format!(" -> {hop}"));
    }
    text.push_str(match chain.stop {
        Stop::Entry => "",
        Stop::Absorbed if above.is_empty() => ", which did not fail",
        Stop::Absorbed => ", which did without",
        Stop::Retried => ", which tried again",
        Stop::Nobody => ", for which nobody waits",
        Stop::Lost => " -> not in the data",
    });
    text
}

/// Returns the answers, one sentence each: what falls, what fell, what stops failures.
pub(super) fn answers(report: &Report) -> Vec<String> {
    if nodes(report).next().is_none() {
        return Vec::new();
    }
    let mut sentences = vec![most(report), happened(report)];
    sentences.extend(stops(report));
    sentences.extend(survival(report));
    sentences.extend(lost_in_turn(report));
    sentences
}

/// Says what the loss of the worst services, one after another, leaves.
fn lost_in_turn(report: &Report) -> Option<String> {
    let is_left = |of: &&Survival| of.targeted.1 > 0.0;
    let shown: Vec<String> = report
        .survival
        .iter()
        .take_while(is_left)
        .take(NAMED)
        .map(|of| {
            let (low, high) = (text::percent(of.targeted.0), text::percent(of.targeted.1));
            let left = match low == high {
                true => low,
                false => format!("{low} to {high}"),
            };
            format!("{} ({left})", name(&of.service, NAME_COLUMNS))
        })
        .collect();
    (!shown.is_empty()).then(|| {
        format!(
            "Losing the worst in turn leaves so many of the requests: {}.",
            shown.join(", then ")
        )
    })
}

/// Says how many requests survive when services are lost one after another.
fn survival(report: &Report) -> Option<String> {
    let share = |name: &str| report.metric(name).map(text::percent);
    let (low, high) = (share("request_survival")?, share("request_survival_high")?);
    let range = match low == high {
        true => low,
        false => format!("{low} to {high}"),
    };
    Some(format!(
        "Losing services at random, one after another until all are gone, leaves {range} of the requests alive on average."
    ))
}

/// The passes about what falls.
const PASSES: [&str; 7] = [
    "blast-radius",
    "criticality",
    "origins",
    "serial-availability",
    "shared-dependencies",
    "transmission",
    "zones",
];

/// Returns the report with what the passes about other things found left out, and what is not about the service in focus.
pub(super) fn narrowed(report: &Report) -> Report {
    let mut narrowed = report.clone();
    narrowed.findings.retain(|finding| {
        let is_near = match &report.focus {
            Some(focus) => finding.subject.names(focus),
            None => true,
        };
        PASSES.contains(&finding.pass) && (is_near || finding.grade == Grade::Unknown)
    });
    narrowed
}

fn most(report: &Report) -> String {
    let falling = falling(report);
    let inner = |share: fn(&BlastRadius) -> f64| -> Vec<String> {
        falling
            .iter()
            .filter(|(_, radius)| share(radius) > 0.0)
            .take(NAMED)
            .map(|(node, radius)| {
                format!(
                    "{} ({})",
                    name(&node.name, NAME_COLUMNS),
                    text::percent(share(radius))
                )
            })
            .collect()
    };
    let sure = inner(|radius| radius.from_elsewhere.0);
    let perhaps = inner(|radius| radius.from_elsewhere.1);
    match (&sure[..], &perhaps[..]) {
        (_, _) if falling.is_empty() => {
            "Which requests fall with a service is unknown: no request was seen from its start."
                .to_owned()
        }
        ([], []) => "No request needs anything but the service it enters.".to_owned(),
        ([], perhaps) => format!(
            "Nothing shows yet which requests fall with a service: where failures cross is unknown. At most, by how many wait for it: {}.",
            perhaps.join(", ")
        ),
        (sure, _) => format!(
            "Most requests fall without {}.",
            sure.join(", then without ")
        ),
    }
}

fn happened(report: &Report) -> String {
    let Some(first) = report.chains.first() else {
        return "No failed span was seen.".to_owned();
    };
    let sum = |stop: fn(Stop) -> bool| -> u64 {
        let some = report.chains.iter().filter(|chain| stop(chain.stop));
        some.fold(0, |sum, chain| sum.saturating_add(chain.traces))
    };
    let reached = sum(|stop| stop == Stop::Entry);
    let stopped = sum(|stop| matches!(stop, Stop::Absorbed | Stop::Retried));
    format!(
        "Failures rose to an entry point {} and were stopped {}; most often: {}.",
        text::plural(reached, "time"),
        text::plural(stopped, "time"),
        chain(first)
    )
}

fn stops(report: &Report) -> Option<String> {
    let ties = ties(report);
    let count = |dependency| {
        let some = ties.iter().filter(|(_, tie)| tie.dependency == dependency);
        some.count() as u64
    };
    (!ties.is_empty()).then(|| {
        format!(
            "Of {}, {} let failures through and {} stop them; of {} that is unknown.",
            text::plural(ties.len() as u64, "synchronous edge"),
            text::count(count(Dependency::Hard)),
            text::count(count(Dependency::Soft)),
            text::count(count(Dependency::Unknown)),
        )
    })
}

/// Returns where most requests of an entry point fall with a service: its name and both bounds.
pub(super) fn worst_entry(radius: &BlastRadius) -> Option<String> {
    let worst = radius
        .entries
        .iter()
        .filter(|entry| entry.shares.touch > 0.0)
        .max_by(|a, b| {
            let (mine, theirs) = (&a.shares, &b.shares);
            (mine.hard_low * mine.requests)
                .total_cmp(&(theirs.hard_low * theirs.requests))
                .then((mine.touch * mine.requests).total_cmp(&(theirs.touch * theirs.requests)))
                .then_with(|| (&b.service, &b.operation).cmp(&(&a.service, &a.operation)))
        })?;
    Some(format!("{} {}", worst.service, worst.operation))
}
