//! `require_breaker`: who calls something that is down stops asking.
//!
//! Only an outage shows whether there is a breaker, so each edge is unknown until one was seen along it.

use std::collections::BTreeMap;

use crate::policy::rule::RequireBreaker;
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{Finding, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Found, exemplars, proved};

/// The verb.
pub(super) static REQUIRE_BREAKER: RuleKind = RuleKind {
    name: "require_breaker",
    about: "callers stop asking what is down",
    needs: Extent::Everything,
    fix: "stop asking after a few failures in a row, try again with single requests, and answer from something else meanwhile",
};

/// Edges whose caller went on asking in an outage, and those whose caller stopped.
const MISSING: &str = "missing_breakers";
const OPENED: &str = "opened_breakers";

pub(super) fn judge(rule: &RequireBreaker, case: &Case<'_>) -> Found {
    let told = |metric: &str| -> BTreeMap<(&str, &str), &Finding> {
        let findings = case.report.findings.iter();
        let told = findings.filter(|of| of.metric == metric && of.grade != Grade::Unknown);
        let told = told.filter_map(|of| match &of.subject {
            Subject::Edge(from, to) => Some(((from.as_str(), to.as_str()), of)),
            _ => None,
        });
        told.collect()
    };
    let (missing, opened) = (told(MISSING), told(OPENED));
    let ends = case.calls(EdgeMode::Sync);
    let mut found = Found::default();
    for selector in &rule.edges {
        let is_meant = |(from, to): (&_, &_)| selector.matches(&case.node(from), &case.node(to));
        if !ends.keys().any(|&(from, to)| is_meant((from, to))) {
            found.miss("no such call was seen", selector.to_string());
        }
    }
    let required = ends.keys().copied();
    for (from, to) in required.filter(|(from, to)| case.is_excepted(&rule.edges, from, to)) {
        match (missing.get(&(from, to)), opened.contains_key(&(from, to))) {
            (Some(finding), _) => {
                found.checked += 1;
                found.object(Violation {
                    value: Some(finding.value),
                    unit: finding.unit,
                    grade: finding.grade,
                    count: finding.count,
                    of: finding.of,
                    exemplars: exemplars(&finding.exemplars),
                    ..proved(finding.subject.clone(), finding.text.clone())
                });
            }
            (None, true) => found.checked += 1,
            (None, false) => found.miss(
                "no outage was seen that shows whether the caller stops asking",
                format!("{from} -> {to}"),
            ),
        }
    }
    found
}
