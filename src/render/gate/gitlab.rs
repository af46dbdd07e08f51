//! Code quality of GitLab: what changed shows in the merge request.
//!
//! GitLab compares the reports of two branches by fingerprint: what only the source has is new, what only the target has is
//! fixed. So the excused are written too, as `info`; left out they would look repaired.
//!
//! Source: GitLab, "Code Quality", the format of its reports.

use std::io;

use serde_json::{Value, json};

use super::words::{self, excuse, fingerprints, place};
use super::{Options, Renderer};
use crate::render::json::document;
use crate::report::Report;
use crate::report::verdict::{Location, Outcome, Violation};
use crate::text;

/// Writes a code quality report.
pub(super) static GITLAB: Renderer = Renderer {
    name: "gitlab",
    about: "code quality of a merge request, for GitLab",
    extensions: &[],
    edges_with: None,
    write,
};

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let verdict = words::verdict(report);
    let rows: Vec<Value> = verdict
        .violations
        .iter()
        .zip(fingerprints(&verdict))
        .map(|(violation, fingerprint)| {
            let Location { file, line } = place(&verdict, violation);
            json!({
                "description": description(violation),
                "check_name": text::visible(&violation.rule),
                "fingerprint": fingerprint,
                "severity": severity(verdict.loudness(violation)),
                "location": { "path": text::visible(&file), "lines": { "begin": line } },
            })
        })
        .collect();
    document(&rows, out)
}

fn description(violation: &Violation) -> String {
    let mut sentence = violation.text.clone();
    if let Some(excuse) = excuse(violation) {
        sentence.push_str(&format!(" ({excuse})"));
    }
    text::visible(&sentence).into_owned()
}

/// Returns one of `info`, `minor`, `major`, `critical` and `blocker`.
fn severity(loudness: Outcome) -> &'static str {
    match loudness {
        Outcome::Fail => "critical",
        Outcome::Warn => "minor",
        Outcome::Unknown | Outcome::Waived | Outcome::Pass => "info",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::render::gate::sample::{checked, hostile};
    use crate::render::sample::{check, rendered};

    #[test]
    fn the_gate_of_the_shop_as_code_quality() {
        check(
            "render_gate_gitlab",
            &rendered(&GITLAB, &checked(), Options::default()),
        );
    }

    #[test]
    fn every_row_has_what_gitlab_asks_for() {
        for report in [checked(), hostile()] {
            let text = rendered(&GITLAB, &report, Options::default());
            let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(rows.len(), report.verdict.unwrap().violations.len());
            let mut seen = BTreeSet::new();
            for row in &rows {
                assert!(seen.insert(row["fingerprint"].as_str().unwrap()));
                assert!(row["description"].is_string() && row["check_name"].is_string());
                let levels = ["info", "minor", "major", "critical", "blocker"];
                assert!(levels.contains(&row["severity"].as_str().unwrap()));
                let path = row["location"]["path"].as_str().unwrap();
                assert!(!path.is_empty() && !path.starts_with(['/', '.']), "{path}");
                assert!(row["location"]["lines"]["begin"].as_u64().unwrap() > 0);
            }
        }
    }
}
