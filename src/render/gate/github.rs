//! Workflow commands of GitHub Actions: annotations beside the lines of a change.
//!
//! GitHub shows ten errors, ten warnings and ten notices of a step, so the tenth of a level that has more counts the rest.
//! What is excused is not annotated. Text stands in commands alone, where it is escaped; a line of its own could start
//! another command.
//!
//! Source: GitHub, "Workflow commands for GitHub Actions", and the escaping of its toolkit.

use std::io;

use super::words::{self, counts, details, line_of, missing, place};
use super::{Options, Renderer};
use crate::report::Report;
use crate::report::verdict::{Location, Outcome, Verdict, Violation};
use crate::text;

/// Writes workflow commands.
pub(super) static GITHUB: Renderer = Renderer {
    name: "github",
    about: "annotations of a change, for the log of GitHub Actions",
    extensions: &[],
    edges_with: None,
    write,
};

/// Annotations of a level that GitHub shows for a step.
const MAX_ANNOTATIONS: usize = 10;

/// Most columns of a title and of a message; GitHub cuts longer ones.
const TITLE_COLUMNS: usize = 200;
const MESSAGE_COLUMNS: usize = 3_000;

/// Something to show at a line.
struct Annotation {
    place: Location,
    title: String,
    message: String,
}

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let verdict = words::verdict(report);
    let of = |level| -> Vec<Annotation> {
        let violations = verdict.loud(level);
        violations
            .map(|violation| annotation(&verdict, violation))
            .collect()
    };
    let mut notices = of(Outcome::Unknown);
    notices.extend(words::untold(&verdict).map(|rule| Annotation {
        place: line_of(&verdict, rule.line),
        title: rule.id.clone(),
        message: format!("could not be judged: {}", missing(rule)),
    }));
    notices.extend(verdict.notes.iter().map(|note| Annotation {
        place: line_of(&verdict, 1),
        title: "topple".to_owned(),
        message: note.clone(),
    }));
    write_level("error", &of(Outcome::Fail), out)?;
    write_level("warning", &of(Outcome::Warn), out)?;
    write_level("notice", &notices, out)?;
    let headline = words::headline(&verdict);
    writeln!(out, "topple: {headline}: {}", counts(&verdict))
}

fn annotation(verdict: &Verdict, violation: &Violation) -> Annotation {
    let mut lines = vec![text::visible(&violation.text).into_owned()];
    lines.extend(details(violation));
    Annotation {
        place: place(verdict, violation),
        title: violation.rule.clone(),
        message: lines.join("\n"),
    }
}

fn write_level(level: &str, all: &[Annotation], out: &mut dyn io::Write) -> io::Result<()> {
    let shown = if all.len() > MAX_ANNOTATIONS {
        MAX_ANNOTATIONS - 1
    } else {
        all.len()
    };
    for Annotation {
        place,
        title,
        message,
    } in &all[..shown]
    {
        let lines: Vec<_> = message.split('\n').map(text::visible).collect();
        writeln!(
            out,
            "::{level} file={},line={},title={}::{}",
            property(&text::visible(&place.file)),
            place.line,
            property(&text::truncated(&text::visible(title), TITLE_COLUMNS)),
            data(&text::truncated(&lines.join("\n"), MESSAGE_COLUMNS)),
        )?;
    }
    match all.len() - shown {
        0 => Ok(()),
        rest => writeln!(
            out,
            "::{level} title=topple::{} more like these; the other formats name them",
            text::count(rest as u64)
        ),
    }
}

/// Returns the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Returns the value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gate::sample::{checked, hostile, many};
    use crate::render::sample::{check, rendered};

    fn github(report: &Report) -> String {
        rendered(&GITHUB, report, Options::default())
    }

    #[test]
    fn the_gate_of_the_shop_as_workflow_commands() {
        check("render_gate_github", &github(&checked()));
    }

    #[test]
    fn commands_hold_nothing_that_ends_them() {
        assert_eq!(data("50 %\r\n::error::x"), "50 %25%0D%0A::error::x");
        assert_eq!(property("a:b,c%2C"), "a%3Ab%2Cc%252C");
        for line in github(&hostile()).lines() {
            let Some(command) = line.strip_prefix("::") else {
                assert!(line.starts_with("topple: "), "{line}");
                continue;
            };
            let (properties, _) = command.split_once("::").unwrap();
            let (level, properties) = properties.split_once(' ').unwrap();
            assert!(["error", "warning", "notice"].contains(&level), "{line}");
            for pair in properties.split(',') {
                let (name, value) = pair.split_once('=').unwrap();
                assert!(["file", "line", "title"].contains(&name), "{line}");
                assert!(!value.contains(':'), "{line}");
            }
        }
    }

    #[test]
    fn ten_of_a_level_are_shown_and_the_tenth_counts_the_rest() {
        for (violations, lines, last) in [
            (10, 10, "::error file=topple.lock,line=10,"),
            (11, 10, "::error title=topple::2 more like these"),
            (1_000, 10, "::error title=topple::991 more like these"),
        ] {
            let text = github(&many(violations));
            let errors: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with("::error"))
                .collect();
            assert_eq!(errors.len(), lines);
            assert!(errors[9].starts_with(last), "{}", errors[9]);
        }
    }
}
