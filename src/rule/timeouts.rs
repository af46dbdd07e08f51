//! `timeouts`: the timeout of a caller outlasts what it calls, attempts and pauses included.
//!
//! With `n` attempts of at most `t` each and pauses `p` between them, a call takes up to `n t + sum(p)`. A caller that is itself
//! given up earlier leaves work for nobody. What is not declared counts as it was measured: timeouts sent with the requests or told by the calls
//! that they ended, and the most attempts seen. What is known of neither is unknown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::policy::rule::{TimeoutLimit, Timeouts};
use crate::policy::value::EdgeMode;
use crate::report::verdict::Violation;
use crate::report::{EdgeRow, Grade, Subject};
use crate::rule::RuleKind;
use crate::rule::baseline::Extent;
use crate::rule::case::{Case, Ends, Found, exemplars, of_edges, proved};
use crate::text;

/// The verb.
pub(super) static TIMEOUTS: RuleKind = RuleKind {
    name: "timeouts",
    about: "timeouts of callers outlast those of what they call",
    needs: Extent::Everything,
    fix: "shorten the lower timeout, make fewer attempts there, or wait longer above",
};

/// The finding about a timeout that outlasts its caller's.
const INVERSIONS: &str = "timeout_inversions";

/// How long a caller waits, and how that is known.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The shortest and the longest time, of edges over several protocols.
    least: Duration,
    most: Duration,
    /// `declared`, `captured` or `inferred`.
    how: &'static str,
    grade: Grade,
}

impl Wait {
    /// Returns what is declared, or else what was measured of the edges between two nodes.
    fn of(declared: Option<Duration>, edges: &[&EdgeRow]) -> Option<Wait> {
        if let Some(timeout) = declared {
            return Some(Wait {
                least: timeout,
                most: timeout,
                how: "declared",
                grade: Grade::Proved,
            });
        }
        let known = edges.iter().filter_map(|edge| edge.timeout_ns);
        let waits = known.map(|(ns, how)| Wait {
            least: Duration::from_nanos(ns),
            most: Duration::from_nanos(ns),
            how,
            grade: match how {
                "inferred" => Grade::Inferred,
                _ => Grade::Proved,
            },
        });
        waits.reduce(|one, other| Wait {
            least: one.least.min(other.least),
            most: one.most.max(other.most),
            how: match one.grade > other.grade {
                true => one.how,
                false => other.how,
            },
            grade: one.grade.max(other.grade),
        })
    }
}

/// The reason that a timeout is missing.
const NOT_KNOWN: &str = "no timeout is declared, was sent with requests or ended enough calls";

pub(super) fn judge(rule: &Timeouts, case: &Case<'_>) -> Found {
    let mut found = Found::default();
    let ends = case.calls(EdgeMode::Sync);
    let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for &(from, to) in ends.keys() {
        callers.entry(to).or_default().push(from);
    }
    for limit in &rule.edges {
        bounded(limit, case, &ends, &mut found);
    }
    if rule.nested {
        for &(from, to) in ends.keys() {
            nested(rule, case, (&callers, &ends), (from, to), &mut found);
        }
        measured(case, &mut found);
    }
    found
}

/// Holds the timeouts of some edges against their limit.
fn bounded(limit: &TimeoutLimit, case: &Case<'_>, ends: &Ends<'_>, found: &mut Found) {
    let mut is_seen = false;
    for (&(from, to), edges) in ends {
        if !limit.edges.matches(&case.node(from), &case.node(to)) {
            continue;
        }
        is_seen = true;
        let Some(wait) = Wait::of(case.terms(from, to).timeout, edges) else {
            found.miss(NOT_KNOWN, format!("{from} -> {to}"));
            continue;
        };
        found.checked += 1;
        if wait.most > limit.max {
            let text = format!(
                "{from} waits {} for {to} ({}), at most {} is allowed",
                shown(wait.most),
                wait.how,
                shown(limit.max)
            );
            let violation = of_edges((from, to), edges, text);
            found.object_to("max", timed(violation, wait.grade, (wait.most, limit.max)));
        }
    }
    if !is_seen {
        found.miss("no such call was seen", limit.edges.to_string());
    }
}

/// Holds what a call may take against how long the callers of its caller wait.
fn nested<'a>(
    rule: &Timeouts,
    case: &Case<'a>,
    (callers, ends): (&BTreeMap<&'a str, Vec<&'a str>>, &Ends<'a>),
    (from, to): (&'a str, &'a str),
    found: &mut Found,
) {
    let wait = |from: &'a str, to: &'a str| {
        let edges = ends.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        let wait = Wait::of(case.terms(from, to).timeout, edges);
        (wait, edges)
    };
    for &above in callers.get(from).into_iter().flatten() {
        if above == to {
            continue;
        }
        let ((outer, _), (inner, edges)) = (wait(above, from), wait(from, to));
        let (Some(outer), Some(inner)) = (outer, inner) else {
            let lacks = match inner {
                None => format!("{from} -> {to}"),
                Some(_) => format!("{above} -> {from}"),
            };
            found.miss(NOT_KNOWN, lacks);
            continue;
        };
        found.checked += 1;
        let terms = case.terms(from, to);
        let seen = edges.iter().filter_map(|edge| edge.max_attempts).max();
        let attempts = terms.attempts.or(seen).unwrap_or(1).max(1);
        let pauses = terms
            .backoff
            .map_or(Duration::ZERO, |backoff| backoff.total(attempts));
        let times = u32::try_from(attempts).unwrap_or(u32::MAX);
        let longest = inner.most.saturating_mul(times).saturating_add(pauses);
        let allowed = outer
            .least
            .mul_f64((1.0 - rule.headroom.get()).clamp(0.0, 1.0));
        if longest <= allowed {
            continue;
        }
        let headroom = match rule.headroom.get() {
            0.0 => String::new(),
            _ => format!(" less {} of headroom", text::percent(rule.headroom.get())),
        };
        let text = format!(
            "{from} may wait {} for {to} ({} of {}, {}{}), {above} waits {} ({}){headroom} for {from}",
            shown(longest),
            text::plural(attempts, "attempt"),
            shown(inner.most),
            inner.how,
            match pauses.is_zero() {
                true => String::new(),
                false => format!(", and {} between them", shown(pauses)),
            },
            shown(outer.least),
            outer.how,
        );
        let path = vec![above.to_owned(), from.to_owned(), to.to_owned()];
        let violation = Violation {
            path: path.clone(),
            exemplars: exemplars(edges.iter().flat_map(|edge| &edge.exemplars)),
            ..proved(Subject::Path(path), text)
        };
        let grade = inner.grade.max(outer.grade);
        found.object(timed(violation, grade, (longest, allowed)));
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

fn timed(violation: Violation, grade: Grade, (value, limit): (Duration, Duration)) -> Violation {
    Violation {
        value: Some(value.as_nanos() as f64),
        limit: Some(limit.as_nanos() as f64),
        unit: "ns",
        grade,
        ..violation
    }
}

fn shown(duration: Duration) -> String {
    text::duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
