//! JUnit XML, as CI systems show it: a suite per rule, a case per violation, one case for a rule that holds.
//!
//! JUnit knows passed, failed and skipped. What closes the gate has failed; what is excused or cannot be told is skipped, with
//! the reason; a warning has passed and says so in its output. Cases are named by their subject, without numbers, so that
//! they are the same from run to run. Times are left out: nothing ran.
//!
//! What is written is valid by the older and by the newer schema of Jenkins: `skipped` has no attributes in the older, and a
//! suite no file, so the reason is its content and the place a line of the output. The tests validate by the published
//! older one, which allows less, and by a table made from both.
//!
//! Source: the schemas `junit-4.xsd` and `junit-10.xsd` of the xUnit plugin of Jenkins; XML 1.0, sections 2.2 and 2.4.

use std::collections::BTreeMap;
use std::io;

use super::words::{self, details, excuse, missing, place};
use super::{Options, Renderer};
use crate::report::Report;
use crate::report::verdict::{Judged, Outcome, Verdict, Violation};
use crate::text;

/// Writes JUnit XML.
pub(super) static JUNIT: Renderer = Renderer {
    name: "junit",
    about: "a test suite per rule, for CI systems",
    extensions: &["xml"],
    edges_with: None,
    write,
};

/// A test case.
struct Case {
    name: String,
    result: Outcome,
    /// What a list of failures shows.
    message: String,
    /// Everything else.
    body: Vec<String>,
}

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let verdict = words::verdict(report);
    let suites: Vec<(&Judged, Vec<Case>)> = verdict
        .rules
        .iter()
        .map(|rule| (rule, cases(&verdict, rule)))
        .collect();
    let all = suites.iter().flat_map(|(_, cases)| cases);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"topple\" tests=\"{}\" failures=\"{}\" errors=\"0\">",
        all.clone().count(),
        all.filter(|case| case.result == Outcome::Fail).count(),
    )?;
    for (rule, cases) in &suites {
        write_suite(rule, cases, out)?;
    }
    writeln!(out, "</testsuites>")
}

/// Returns the cases of a rule: its violations, or else the rule itself.
fn cases(verdict: &Verdict, rule: &Judged) -> Vec<Case> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let violations = verdict.violations.iter();
    let cases: Vec<Case> = violations
        .filter(|violation| violation.rule == rule.id)
        .map(|violation| {
            let mut case = case(verdict, violation);
            let times = seen.entry(case.name.clone()).or_default();
            *times += 1;
            if *times > 1 {
                case.name.push_str(&format!(" ({times})"));
            }
            case
        })
        .collect();
    if !cases.is_empty() {
        return cases;
    }
    let (result, message) = match rule.outcome {
        Outcome::Unknown => (Outcome::Unknown, missing(rule).to_owned()),
        Outcome::Pass | Outcome::Waived | Outcome::Warn | Outcome::Fail => {
            (Outcome::Pass, String::new())
        }
    };
    vec![Case {
        name: rule.id.clone(),
        result,
        message,
        body: vec![format!("checked: {}", text::count(rule.checked))],
    }]
}

fn case(verdict: &Verdict, violation: &Violation) -> Case {
    let mut message = violation.text.clone();
    if let Some(excuse) = excuse(violation) {
        message.push_str(&format!(" ({excuse})"));
    }
    let result = verdict.loudness(violation);
    let place = place(verdict, violation);
    let mut body = vec![message.clone()];
    if result == Outcome::Warn {
        body[0].insert_str(0, "warning: ");
    }
    body.extend(details(violation));
    body.push(format!("at: {}:{}", place.file, place.line));
    Case {
        name: violation.subject.to_string(),
        result,
        message,
        body,
    }
}

fn write_suite(rule: &Judged, cases: &[Case], out: &mut dyn io::Write) -> io::Result<()> {
    let with = |results: &[Outcome]| {
        let found = cases.iter().filter(|case| results.contains(&case.result));
        found.count()
    };
    let name = escaped(&rule.id);
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" package=\"{}\">",
        cases.len(),
        with(&[Outcome::Fail]),
        with(&[Outcome::Waived, Outcome::Unknown]),
        escaped(rule.verb),
    )?;
    for case in cases {
        let message = escaped(&case.message);
        let lines: Vec<String> = case.body.iter().map(|line| escaped(line)).collect();
        let body = lines.join("\n");
        writeln!(
            out,
            "    <testcase name=\"{}\" classname=\"{name}\">",
            escaped(&case.name)
        )?;
        match case.result {
            Outcome::Fail => writeln!(
                out,
                "      <failure type=\"fail\" message=\"{message}\">{body}</failure>"
            )?,
            Outcome::Waived | Outcome::Unknown => {
                let kind = case.result.name();
                writeln!(out, "      <skipped>{kind}: {message}</skipped>")?;
                writeln!(out, "      <system-out>{body}</system-out>")?;
            }
            Outcome::Pass | Outcome::Warn => {
                writeln!(out, "      <system-out>{body}</system-out>")?;
            }
        }
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

/// Returns text for content and for attributes: what hides is made visible, what XML cannot hold is written out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text::visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gate::sample::{checked, hostile};
    use crate::render::sample::{check, rendered};

    fn junit(report: &Report) -> String {
        rendered(&JUNIT, report, Options::default())
    }

    #[test]
    fn the_gate_of_the_shop_in_junit() {
        check("render_gate_junit", &junit(&checked()));
    }

    #[test]
    fn xml_holds_no_character_that_it_cannot() {
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&apos;");
        assert_eq!(escaped("]]>\u{0}\u{1b}\n"), "]]&gt;\\x00\\x1b\\n");
        assert_eq!(
            escaped("\u{fffe}\u{e9}\u{1f4a5}"),
            "\\u{fffe}\u{e9}\u{1f4a5}"
        );
    }

    /// Elements with the parents, the attributes they must have, and those they may have, by both schemas.
    const SCHEMA: [(&str, &str, &[&str], &[&str]); 6] = [
        (
            "testsuites",
            "",
            &[],
            &["name", "tests", "failures", "errors"],
        ),
        (
            "testsuite",
            "testsuites",
            &["name", "tests", "failures", "errors"],
            &["skipped", "package"],
        ),
        ("testcase", "testsuite", &["name"], &["classname"]),
        ("failure", "testcase", &[], &["type", "message"]),
        ("skipped", "testcase", &[], &[]),
        ("system-out", "testcase", &[], &[]),
    ];

    /// Reads the attributes of a tag; panics at anything that is not well-formed.
    fn attributes(mut text: &str) -> BTreeMap<&str, &str> {
        let mut all = BTreeMap::new();
        while !text.trim().is_empty() {
            let (name, rest) = text.split_once("=\"").unwrap();
            let (value, rest) = rest.split_once('"').unwrap();
            assert!(!value.contains('<'));
            assert!(all.insert(name.trim_start(), value).is_none());
            text = rest;
        }
        all
    }

    /// Checks that a document is well-formed and has the elements of the schema; returns how many there are of each.
    fn validate(document: &str) -> BTreeMap<&str, usize> {
        let valid = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(document.chars().all(valid));
        let document = document
            .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
            .unwrap();
        let mut open: Vec<&str> = Vec::new();
        let mut seen = BTreeMap::new();
        for piece in document.split('<').skip(1) {
            let (tag, content) = piece.split_once('>').unwrap();
            assert!(!content.contains("]]>"));
            for entity in content.split('&').skip(1) {
                let name = entity.split_once(';').unwrap().0;
                assert!(
                    ["amp", "lt", "gt", "quot", "apos"].contains(&name),
                    "&{name}"
                );
            }
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            let (inside, is_empty) = match tag.strip_suffix('/') {
                Some(inside) => (inside, true),
                None => (tag, false),
            };
            let (name, rest) = inside.split_once(' ').unwrap_or((inside, ""));
            let (_, parent, must, may) = SCHEMA.iter().find(|row| row.0 == name).unwrap();
            assert_eq!(open.last().copied().unwrap_or(""), *parent);
            let found = attributes(rest);
            assert!(must.iter().all(|name| found.contains_key(name)));
            assert!(
                found
                    .keys()
                    .all(|name| must.contains(name) || may.contains(name))
            );
            *seen.entry(name).or_default() += 1;
            if !is_empty {
                open.push(name);
            }
        }
        assert!(open.is_empty());
        seen
    }

    #[test]
    fn documents_keep_to_the_schema() {
        validate(&junit(&Report::default()));
        validate(&junit(&hostile()));
        let text = junit(&checked());
        let seen = validate(&text);
        assert_eq!(
            (
                seen["testsuite"],
                seen["testcase"],
                seen["failure"],
                seen["skipped"]
            ),
            (9, 10, 3, 5)
        );
        assert!(
            text.contains("<testsuites name=\"topple\" tests=\"10\" failures=\"3\" errors=\"0\">")
        );
    }

    #[test]
    fn cases_of_one_subject_have_names_of_their_own() {
        let mut report = checked();
        let verdict = report.verdict.as_mut().unwrap();
        let again = verdict.violations[0].clone();
        verdict.violations.push(again);
        assert!(junit(&report).contains("name=\"frontend-&gt;postgresql/payments (2)\""));
    }
}
