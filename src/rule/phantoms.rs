//! `phantoms`: nothing succeeds that its caller gave up.

use crate::policy::rule::Phantoms;
use crate::report::verdict::Violation;
use crate::report::{Finding, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, Rate, exemplars, proved};
use crate::text;

/// The verb.
pub(super) static PHANTOMS: RuleKind = RuleKind {
    name: "phantoms",
    about: "nothing succeeds that its caller gave up",
    needs: Extent::Everything,
    fix: "pass deadlines on so that the callee stops, make the caller wait longer, or make the operation safe to repeat",
};

/// How many phantom operations there are.
const PHANTOM_OPERATIONS: &str = "phantom_operations";

/// How many of them there are in ten thousand calls.
const PER_10K: &str = "phantoms_per_10k";

pub(super) fn judge(rule: &Phantoms, case: &Case<'_>) -> Found {
    let [phantoms, rate] = [PHANTOM_OPERATIONS, PER_10K].map(|name| case.report.metric(name));
    let (Some(phantoms), Some(rate)) = (phantoms, rate) else {
        return Found::unknown("no call was seen from both sides");
    };
    let findings: Vec<&Finding> = case
        .report
        .findings
        .iter()
        .filter(|finding| finding.metric == PHANTOM_OPERATIONS && finding.grade != Grade::Unknown)
        .collect();
    let mut found = Found::of(1);
    if rule.max_per_10k == 0.0 {
        for finding in &findings {
            found.object(Violation {
                value: Some(finding.value),
                limit: Some(0.0),
                grade: finding.grade,
                count: finding.count,
                of: finding.of,
                exemplars: exemplars(&finding.exemplars),
                ..proved(finding.subject.clone(), finding.text.clone())
            });
        }
        return found;
    }
    let calls = if rate > 0.0 {
        phantoms * 1e4 / rate
    } else {
        0.0
    };
    if phantoms == 0.0 || calls <= 0.0 {
        return found;
    }
    let limit = (rule.max_per_10k / 1e4).min(1.0);
    match case.rate(phantoms, calls, calls.round() as u64, limit) {
        Rate::Past(interval) => found.object(Violation {
            value: Some(rate),
            limit: Some(rule.max_per_10k),
            unit: "per 10,000 calls",
            interval: Some((interval.low * 1e4, interval.high * 1e4)),
            grade: Grade::Measured,
            count: phantoms.round() as u64,
            of: calls.round() as u64,
            exemplars: exemplars(findings.iter().flat_map(|finding| &finding.exemplars)),
            ..proved(
                Subject::System,
                format!(
                    "{} of 10,000 calls succeed after their caller gave up, at most {} may",
                    text::value(rate),
                    text::value(rule.max_per_10k)
                ),
            )
        }),
        rate => {
            if let Some(why) = case.lacking(rate, "calls") {
                found.miss(why, "");
            }
        }
    }
    found
}
