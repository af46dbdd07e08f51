//! What to fix first: the findings that cost users most.
//!
//! A finding takes part when it has a cost, the share of requests (or, where no request can be told, of calls) that pay for
//! it. Failed requests whose entry point is not known to fail because of an origin take part by themselves. The most costly come first, then the
//! surer, then by id. Costs that can be told by entry point - where failures begin, entry points that fail or are too slow - count requests by
//! the weights of their entry points; others are shares of requests as seen. What a pass says of one instance, operation by operation, takes one row, that
//! which costs most. Ten at most: more is no order of work. An empty list comes with a sentence on what was looked at, because
//! nothing found is not nothing wrong.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Grade, Subject};
use crate::report::EntryRow;
use crate::text;

/// Most rows of the list.
pub const FIXES_MAX: usize = 10;

/// Costs below this share are no reason to act first.
const LEAST_COST: f64 = 1e-4;

/// Something to fix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fix {
    /// The id of the finding; of a failing entry point `entry:`, or `entry-job:` and the like for one that is not for requests, and its
    /// name.
    pub id: String,
    /// Share of requests or calls that pay for it, from 0 to 1.
    pub cost: f64,
    /// How sure the finding is.
    pub grade: Grade,
    /// One sentence.
    pub text: String,
    /// The arguments of topple that show more, without inputs.
    pub command: String,
}

/// An entry point: service, operation, kind.
pub type EntryId = (String, String, &'static str);

/// Returns what to fix first, the most costly first; of failed requests it is given how many failed for an origin that a finding tells.
pub fn fix_first(
    findings: &[Finding],
    entries: &[EntryRow],
    explained: &BTreeMap<EntryId, f64>,
) -> Vec<Fix> {
    let mut costly: Vec<(Fix, &Finding)> = findings
        .iter()
        .filter_map(|finding| Some((of_finding(finding)?, finding)))
        .collect();
    costly.sort_by(|(a, _), (b, _)| order(a, b));
    let mut told: BTreeSet<(&str, &Subject)> = BTreeSet::new();
    costly.retain(|(_, finding)| match finding.subject {
        Subject::Instance(..) => told.insert((finding.pass, &finding.subject)),
        _ => true,
    });
    let requests: f64 = entries.iter().map(EntryRow::counted).sum();
    let failing = entries.iter().filter_map(|entry| {
        let id = (entry.service.clone(), entry.operation.clone(), entry.kind);
        let explained = explained.get(&id).copied().unwrap_or(0.0);
        of_entry(entry, explained, requests)
    });
    let mut fixes: Vec<Fix> = costly.into_iter().map(|(fix, _)| fix).collect();
    fixes.extend(failing);
    fixes.sort_by(order);
    fixes.truncate(FIXES_MAX);
    fixes
}

fn order(a: &Fix, b: &Fix) -> Ordering {
    let order = b.cost.total_cmp(&a.cost);
    order.then_with(|| (a.grade, &a.id).cmp(&(b.grade, &b.id)))
}

fn of_finding(finding: &Finding) -> Option<Fix> {
    let cost = finding.cost.filter(|cost| *cost >= LEAST_COST)?;
    (finding.grade != Grade::Unknown).then(|| Fix {
        id: finding.id.clone(),
        cost,
        grade: finding.grade,
        text: finding.text.clone(),
        command: command(finding),
    })
}

fn of_entry(entry: &EntryRow, explained: f64, requests: f64) -> Option<Fix> {
    // Origins were counted in the same units, so that a rest is no rounding.
    let rest = (entry.failed - explained).max(0.0);
    let cost = rest * entry.weight.unwrap_or(1.0) / requests;
    let whereof = match explained > 0.0 {
        true => format!(
            "; of {} nothing says where they began",
            text::weighted(rest)
        ),
        false => String::new(),
    };
    (cost >= LEAST_COST).then(|| Fix {
        id: match entry.kind {
            kind @ ("job" | "message") => {
                format!("entry-{kind}:{} {}", entry.service, entry.operation)
            }
            _ => format!("entry:{} {}", entry.service, entry.operation),
        },
        cost,
        grade: Grade::Measured,
        text: format!(
            "{} {}: {} of {} {} failed{whereof}",
            entry.service,
            entry.operation,
            text::weighted(entry.failed),
            text::weighted(entry.requests),
            text::nouns(entry.requests as u64, "request"),
        ),
        command: format!("cascades --focus {}", quoted(&entry.service)),
    })
}

/// Passes whose detail is in another part than the report.
const PARTS: [(&str, &[&str]); 2] = [
    (
        "budgets",
        &[
            "critical-path",
            "latency-budget",
            "retries",
            "stages",
            "timeouts",
        ],
    ),
    (
        "cascades",
        &[
            "blast-radius",
            "criticality",
            "origins",
            "serial-availability",
            "shared-dependencies",
            "transmission",
            "zones",
        ],
    ),
];

fn command(finding: &Finding) -> String {
    let part = PARTS
        .iter()
        .find(|(_, passes)| passes.contains(&finding.pass));
    let part = part.map_or("report", |(part, _)| part);
    match place(&finding.subject) {
        Some(service) => format!("{part} --focus {}", quoted(service)),
        None => part.to_owned(),
    }
}

/// Returns the service to look at: of a call, the callee.
fn place(subject: &Subject) -> Option<&str> {
    match subject {
        Subject::System | Subject::Shared(_, _) => None,
        Subject::Service(name) | Subject::Entry(name, _) | Subject::Instance(name, _) => Some(name),
        Subject::Edge(_, to) | Subject::Call(_, to, _) => Some(to),
        Subject::Path(path) => path.first().map(String::as_str),
    }
}

/// Returns a name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, cost: Option<f64>, grade: Grade) -> Finding {
        Finding {
            id: id.to_owned(),
            pass: "retries",
            subject: Subject::Edge("shop".to_owned(), format!("pay ment{id}")),
            grade,
            cost,
            ..Finding::default()
        }
    }

    #[test]
    fn the_most_costly_come_first_and_free_ones_not_at_all() {
        let findings = [
            finding("a", Some(0.01), Grade::Inferred),
            finding("b", Some(0.2), Grade::Inferred),
            finding("c", Some(0.2), Grade::Proved),
            finding("d", None, Grade::Proved),
            finding("e", Some(0.9), Grade::Unknown),
            finding("f", Some(0.0), Grade::Proved),
        ];
        let entry = EntryRow {
            service: "shop".to_owned(),
            operation: "GET /".to_owned(),
            requests: 10.0,
            failed: 1.0,
            ..EntryRow::default()
        };
        let fixes = fix_first(&findings, &[entry], &BTreeMap::new());
        let ids: Vec<&str> = fixes.iter().map(|fix| &*fix.id).collect();
        assert_eq!(ids, ["c", "b", "entry:shop GET /", "a"]);
        assert_eq!(fixes[0].command, "budgets --focus 'pay mentc'");
        assert_eq!(fixes[2].text, "shop GET /: 1 of 10 requests failed");
    }

    #[test]
    fn an_instance_has_one_row_of_a_pass_that_which_costs_most() {
        let of = |id: &str, cost| Finding {
            subject: Subject::Instance("pay".to_owned(), "pay-1".to_owned()),
            ..finding(id, Some(cost), Grade::Proved)
        };
        let other = Finding {
            pass: "timeouts",
            ..of("c", 0.01)
        };
        let findings = [of("a", 0.1), of("b", 0.2), other];
        let fixes = fix_first(&findings, &[], &BTreeMap::new());
        let ids: Vec<&str> = fixes.iter().map(|fix| &*fix.id).collect();
        assert_eq!(ids, ["b", "c"]);
    }

    #[test]
    fn failures_whose_origin_is_told_are_not_told_again() {
        let entry = EntryRow {
            service: "shop".to_owned(),
            operation: "GET /".to_owned(),
            kind: "request",
            requests: 100.0,
            failed: 20.0,
            ..EntryRow::default()
        };
        let told = |explained: f64| {
            let id = ("shop".to_owned(), "GET /".to_owned(), "request");
            let fixes = fix_first(&[], std::slice::from_ref(&entry), &[(id, explained)].into());
            fixes.into_iter().map(|fix| (fix.cost, fix.text)).next()
        };
        let said = "shop GET /: 20 of 100 requests failed";
        assert_eq!(told(20.0), None);
        assert_eq!(told(0.0), Some((0.2, said.to_owned())));
        let rest = format!("{said}; of 8 nothing says where they began");
        assert_eq!(told(12.0), Some((0.08, rest)));
    }

    #[test]
    fn entry_points_of_one_name_are_told_by_their_kind() {
        let entries = ["request", "message", "job"].map(|kind| EntryRow {
            service: "shop".to_owned(),
            operation: "buy".to_owned(),
            kind,
            requests: 10.0,
            failed: 1.0,
            ..EntryRow::default()
        });
        let fixes = fix_first(&[], &entries, &BTreeMap::new());
        let ids: Vec<&str> = fixes.iter().map(|fix| &*fix.id).collect();
        assert_eq!(
            ids,
            [
                "entry-job:shop buy",
                "entry-message:shop buy",
                "entry:shop buy"
            ]
        );
    }

    #[test]
    fn rare_requests_that_matter_come_first() {
        let entry = |operation: &str, requests: f64, failed: f64, weight| EntryRow {
            service: "shop".to_owned(),
            operation: operation.to_owned(),
            requests,
            failed,
            weight,
            ..EntryRow::default()
        };
        let fixes = |weight| {
            let entries = [
                entry("GET /", 960.0, 48.0, None),
                entry("POST /buy", 40.0, 4.0, weight),
            ];
            let fixes = fix_first(&[], &entries, &BTreeMap::new()).into_iter();
            fixes.map(|fix| (fix.id, fix.cost)).collect::<Vec<_>>()
        };
        let (view, buy) = (
            "entry:shop GET /".to_owned(),
            "entry:shop POST /buy".to_owned(),
        );
        // 48 and 4 of 1,000; then 48 and 100 of 960 + 40 * 25 = 1,960.
        assert_eq!(fixes(None), [(view.clone(), 0.048), (buy.clone(), 0.004)]);
        assert_eq!(
            fixes(Some(25.0)),
            [(buy, 100.0 / 1_960.0), (view, 48.0 / 1_960.0)]
        );
    }

    #[test]
    fn there_are_ten_at_most_and_none_for_a_healthy_system() {
        let of = |at| finding(&format!("f{at}"), Some(0.5), Grade::Proved);
        let findings: Vec<Finding> = (0..30).map(of).collect();
        assert_eq!(fix_first(&findings, &[], &BTreeMap::new()).len(), FIXES_MAX);
        assert!(fix_first(&[], &[EntryRow::default()], &BTreeMap::new()).is_empty());
    }

    #[test]
    fn names_are_quoted_for_shells() {
        assert_eq!(quoted("shop-2"), "shop-2");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
