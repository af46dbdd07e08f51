//! What to fix first: the findings that cost users most.
//!
//! A finding takes part when it has a cost, the share of requests (or, where no request can be told, of calls) that pay for
//! it. Entry points that fail take part by their failures even when no pass says why. The most costly come first, then the
//! surer, then by id. Costs that can be told by entry point - where failures begin, and entry points that fail - count requests by the
//! weights of their entry points; others are shares of requests or calls as seen. Ten at most: more is no order of work. An empty list comes with a sentence on what was looked at, because
//! nothing found is not nothing wrong.

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

/// Returns what to fix first, the most costly first.
pub fn fix_first(findings: &[Finding], entries: &[EntryRow]) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = findings.iter().filter_map(of_finding).collect();
    let requests: f64 = entries.iter().map(EntryRow::counted).sum();
    fixes.extend(entries.iter().filter_map(|entry| of_entry(entry, requests)));
    fixes.sort_by(|a, b| {
        let order = b.cost.total_cmp(&a.cost);
        order.then_with(|| (a.grade, &a.id).cmp(&(b.grade, &b.id)))
    });
    fixes.truncate(FIXES_MAX);
    fixes
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

fn of_entry(entry: &EntryRow, requests: f64) -> Option<Fix> {
    let cost = entry.failed * entry.weight.unwrap_or(1.0) / requests;
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
            "{} {}: {} of {} {} failed",
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
        &["critical-path", "latency-budget", "retries", "timeouts"],
    ),
    (
        "cascades",
        &[
            "blast-radius",
            "criticality",
            "origins",
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
            subject: Subject::Edge("shop".to_owned(), "pay ment".to_owned()),
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
        let fixes = fix_first(&findings, &[entry]);
        let ids: Vec<&str> = fixes.iter().map(|fix| &*fix.id).collect();
        assert_eq!(ids, ["c", "b", "entry:shop GET /", "a"]);
        assert_eq!(fixes[0].command, "budgets --focus 'pay ment'");
        assert_eq!(fixes[2].text, "shop GET /: 1 of 10 requests failed");
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
        let fixes = fix_first(&[], &entries);
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
            let fixes = fix_first(&[], &entries).into_iter();
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
        let findings = vec![finding("a", Some(0.5), Grade::Proved); 30];
        assert_eq!(fix_first(&findings, &[]).len(), FIXES_MAX);
        assert!(fix_first(&[], &[EntryRow::default()]).is_empty());
    }

    #[test]
    fn names_are_quoted_for_shells() {
        assert_eq!(quoted("shop-2"), "shop-2");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
