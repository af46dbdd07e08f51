//! What calls and requests may take and do take: sentences that the renderers of that part share.

use crate::report::{EntryBudget, Finding, Grade, Report, Subject};
use crate::text;

use super::central::{of_pass, sentence};

/// The passes whose findings belong to this part, in the order they are shown.
const PASSES: [&str; 5] = [
    "timeouts",
    "retries",
    "latency-budget",
    "stages",
    "critical-path",
];

/// Leaves the findings of this part alone, in its order.
pub(super) fn only_budgets(report: &Report) -> Report {
    let mut of_part = report.clone();
    let place = |finding: &Finding| PASSES.iter().position(|pass| *pass == finding.pass);
    of_part.findings.retain(|finding| place(finding).is_some());
    of_part.findings.sort_by_key(|finding| place(finding));
    of_part
}

/// Returns the answers, one sentence each: timeouts, retries, stages, where the time goes.
pub(super) fn answers(report: &Report) -> Vec<String> {
    if report.budgets.calls.is_empty() && report.budgets.entries.is_empty() {
        return Vec::new();
    }
    let mut sentences = vec![timeouts(report)];
    sentences.extend(retries(report));
    sentences.extend(stages(report));
    sentences.extend(time(report));
    sentences
}

fn timeouts(report: &Report) -> String {
    let calls = &report.budgets.calls;
    let known = calls.iter().filter(|call| call.timeout.is_some()).count() as u64;
    let of_edges = match known {
        0 => "No timeout is known".to_owned(),
        known => format!(
            "Timeouts are known of {} of {}",
            text::count(known),
            text::plural(calls.len() as u64, "synchronous edge")
        ),
    };
    let mut wrong = of_pass(report, "timeouts");
    match (wrong.next(), wrong.count() as u64) {
        (None, _) if known == 0 => format!("{of_edges}: declare them to see which cannot hold."),
        (None, _) => format!("{of_edges}, and nothing contradicts them."),
        (Some(first), 0) => format!("{of_edges}. One finding: {}", sentence(&first.text)),
        (Some(first), more) => {
            format!(
                "{of_edges}. {} findings, first of all: {}",
                text::count(more + 1),
                sentence(&first.text)
            )
        }
    }
}

fn retries(report: &Report) -> Option<String> {
    let found: Vec<&Finding> = of_pass(report, "retries").collect();
    let edges = found.iter().filter(|of| {
        matches!(of.subject, Subject::Edge(_, _)) && of.metric == "retry_amplification"
    });
    let told = [
        "multiplied_retries",
        "worst_retry_amplification",
        "retry_amplification",
    ]
    .iter()
    .find_map(|metric| found.iter().find(|of| of.metric == *metric));
    let Some(told) = told else {
        let has_calls = !report.budgets.calls.is_empty();
        return has_calls.then(|| "No retries were seen.".to_owned());
    };
    let told = sentence(&told.text);
    Some(match edges.count() as u64 {
        0 => format!("No retries were seen, but {told}"),
        1 => format!("1 edge is retried: {told}"),
        count => format!("{} are retried: {told}", text::plural(count, "edge")),
    })
}

/// The stage that has least left comes first.
fn stages(report: &Report) -> Option<String> {
    let known = |of: &&Finding| of.grade != Grade::Unknown;
    let found: Vec<&Finding> = of_pass(report, "stages").filter(known).collect();
    let first = sentence(&found.first()?.text);
    let longer = found.iter().filter(|of| of.value < 0.0).count() as u64;
    Some(match longer {
        0 => format!("Stages keep to what they may take; least is left of one: {first}"),
        1 => format!("1 stage takes longer than it may: {first}"),
        _ => format!(
            "{} stages take longer than they may, most of all one: {first}",
            text::count(longer)
        ),
    })
}

fn time(report: &Report) -> Option<String> {
    of_pass(report, "critical-path")
        .next()
        .map(|told| sentence(&told.text))
}

/// The operation that has most of the time of an entry point, and its share of all, typical and the slowest requests.
pub(super) struct Most {
    pub(super) operation: String,
    pub(super) shares: [Option<f64>; 3],
}

/// Returns the operations with most of the time, and the one with most of the time of the slowest if that is another.
pub(super) fn most(entry: &EntryBudget) -> Vec<Most> {
    let slowest = |of: &crate::report::Spender| of.share_p99.or(of.share_p95).unwrap_or(of.share);
    let first = entry.spenders.first();
    let last = entry
        .spenders
        .iter()
        .rev()
        .max_by(|a, b| slowest(a).total_cmp(&slowest(b)));
    let both = first
        .into_iter()
        .chain(last.filter(|last| Some(*last) != first));
    both.map(|of| {
        let place = match of.service == entry.service {
            true if of.operation == entry.operation => "itself".to_owned(),
            true => of.operation.clone(),
            false => format!("{}: {}", of.service, of.operation),
        };
        Most {
            operation: place,
            shares: [
                Some(of.share),
                Some(of.share_typical),
                of.share_p99.or(of.share_p95),
            ],
        }
    })
    .collect()
}
