//! `timeouts`: the timeout of a caller outlasts what it calls, attempts and pauses included.
//!
//! With `n` attempts of at most `t` each and pauses `p` between them, a call takes up to `n t + sum(p)`. A caller that is itself
//! given up earlier leaves work for nobody. Declared timeouts are judged here; those that were measured are judged by the findings about them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::policy::rule::Timeouts;
use crate::policy::value::EdgeMode;
use crate::report::Subject;
use crate::report::verdict::Violation;
use crate::rule::RuleKind;
use crate::rule::case::{Case, Found, exemplars, proved};
use crate::text;

/// The verb.
pub(super) static TIMEOUTS: RuleKind = RuleKind {
    name: "timeouts",
    about: "timeouts of callers outlast those of what they call",
    fix: "shorten the lower timeout, make fewer attempts there, or wait longer above",
};

/// The finding about a timeout that outlasts its caller's.
const INVERSIONS: &str = "timeout_inversions";

pub(super) fn judge(rule: &Timeouts, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let ends = case.calls(EdgeMode::Sync);
    let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for &(from, to) in ends.keys() {
        callers.entry(to).or_default().push(from);
    }
    for &(from, to) in ends.keys() {
        let terms = case.terms(from, to);
        for limit in &rule.edges {
            if !limit.edges.matches(&case.node(from), &case.node(to)) {
                continue;
            }
            let Some(timeout) = terms.timeout else {
                found.miss("no timeout is declared", format!("{from} -> {to}"));
                continue;
            };
            found.checked += 1;
            if timeout > limit.max {
                let text = format!(
                    "{from} waits {} for {to}, at most {} is allowed",
                    shown(timeout),
                    shown(limit.max)
                );
                found.object_to(
                    "max",
                    bounded(
                        Subject::Edge(from.to_owned(), to.to_owned()),
                        text,
                        (timeout, limit.max),
                    ),
                );
            }
        }
        if rule.nested {
            nested(rule, case, &callers, (from, to), &mut found);
        }
    }
    if rule.nested {
        measured(case, &mut found);
        if found.checked == 0 && found.objections.is_empty() {
            found.miss("no timeouts above each other are declared", "");
        }
    }
    found
}

/// Holds what a call may take against how long the callers of its caller wait.
fn nested<'a>(
    rule: &Timeouts,
    case: &Case<'a>,
    callers: &BTreeMap<&'a str, Vec<&'a str>>,
    (from, to): (&'a str, &'a str),
    found: &mut Found,
) {
    for &above in callers.get(from).into_iter().flatten() {
        if above == to {
            continue;
        }
        let outer = case.terms(above, from).timeout;
        let inner = case.terms(from, to);
        let (Some(outer), Some(timeout)) = (outer, inner.timeout) else {
            continue;
        };
        found.checked += 1;
        let attempts = inner.attempts.unwrap_or(1);
        let pauses = inner
            .backoff
            .map_or(Duration::ZERO, |backoff| backoff.total(attempts));
        let times = u32::try_from(attempts).unwrap_or(u32::MAX);
        let longest = timeout.saturating_mul(times).saturating_add(pauses);
        let allowed = outer.mul_f64((1.0 - rule.headroom.get()).clamp(0.0, 1.0));
        if longest <= allowed {
            continue;
        }
        let headroom = match rule.headroom.get() {
            0.0 => String::new(),
            _ => format!(" less {} of headroom", rule.headroom),
        };
        let text = format!(
            "{from} may wait {} for {to} ({} of {}{}), {above} waits {}{headroom} for {from}",
            shown(longest),
            text::plural(attempts, "attempt"),
            shown(timeout),
            match pauses.is_zero() {
                true => String::new(),
                false => format!(" and {} between them", shown(pauses)),
            },
            shown(outer),
        );
        let path = vec![above.to_owned(), from.to_owned(), to.to_owned()];
        found.object(Violation {
            path: path.clone(),
            ..bounded(Subject::Path(path), text, (longest, allowed))
        });
    }
}

/// Objects to what was measured, unless it is declared and so judged already.
fn measured(case: &Case<'_>, found: &mut Found) {
    for finding in &case.report.findings {
        let is_judged = |violation: &Violation| violation.subject == finding.subject;
        if finding.metric != INVERSIONS
            || finding.subject == Subject::System
            || found.objections.iter().any(|(_, of)| is_judged(of))
        {
            continue;
        }
        let path = match &finding.subject {
            Subject::Path(path) => path.clone(),
            _ => Vec::new(),
        };
        found.checked += 1;
        found.object(Violation {
            value: Some(finding.value),
            unit: finding.unit,
            interval: finding.interval,
            grade: finding.grade,
            count: finding.count,
            of: finding.of,
            exemplars: exemplars(&finding.exemplars),
            path,
            ..proved(finding.subject.clone(), finding.text.clone())
        });
    }
}

fn bounded(subject: Subject, text: String, (value, limit): (Duration, Duration)) -> Violation {
    Violation {
        value: Some(value.as_nanos() as f64),
        limit: Some(limit.as_nanos() as f64),
        unit: "ns",
        ..proved(subject, text)
    }
}

fn shown(duration: Duration) -> String {
    text::duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
