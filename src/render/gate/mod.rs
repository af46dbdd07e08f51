//! Formats of the gate: the same verdict for a terminal, for programs, and for what shows results beside a change.
//!
//! Each target has its own words for how bad something is; that mapping, and the escaping, are the business of the format's
//! own file. To add one, write `src/render/gate/<name>.rs` and name it in [`GATE_RENDERERS`].

mod story;

mod words;

mod github;

mod gitlab;

mod json;

mod junit;

mod md;

mod pretty;

mod sarif;

#[cfg(test)]
pub(super) mod sample;

use super::{Options, Renderer};

pub(super) use story::{paragraph, write as write_violation};
pub(super) use words::answer;

/// Every format of the gate, by name.
pub static GATE_RENDERERS: &[&Renderer] = &[
    &github::GITHUB,
    &gitlab::GITLAB,
    &json::JSON,
    &junit::JUNIT,
    &md::MD,
    &pretty::PRETTY,
    &sarif::SARIF,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::render::sample::rendered;
    use crate::report::Report;

    /// Files of this folder that render nothing by themselves.
    const HELPERS: [&str; 4] = ["mod", "sample", "story", "words"];

    #[test]
    fn every_file_is_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/render/gate");
        let stem =
            |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| stem(entry.unwrap().path()))
            .filter(|name| !HELPERS.contains(&name.as_str()))
            .collect();
        let names: Vec<&str> = GATE_RENDERERS
            .iter()
            .map(|renderer| renderer.name)
            .collect();
        assert_eq!(
            names,
            Vec::from_iter(files.iter().map(String::as_str)),
            "name every format in GATE_RENDERERS, sorted, and every other file in HELPERS"
        );
    }

    #[test]
    fn formats_say_what_they_are_for_and_share_no_extension() {
        let mut seen = BTreeSet::new();
        for renderer in GATE_RENDERERS {
            assert!(!renderer.about.is_empty() && !renderer.about.ends_with('.'));
            for extension in renderer.extensions {
                assert!(seen.insert(*extension), "two formats claim .{extension}");
            }
        }
    }

    /// Returns whether a format says that the gate is closed, and how many violations close it, where it counts them.
    fn closed(name: &str, text: &str) -> (bool, usize) {
        let json = || serde_json::from_str::<serde_json::Value>(text).unwrap();
        let count = |rows: &serde_json::Value, field: &str, word: serde_json::Value| {
            let rows = rows.as_array().unwrap().iter();
            rows.filter(|row| row[field] == word).count()
        };
        match name {
            "github" => {
                let errors = text.matches("::error ").count();
                (text.contains("topple: the gate is closed"), errors)
            }
            "gitlab" => {
                let rows = count(&json(), "severity", "critical".into());
                (rows > 0, rows)
            }
            "json" => {
                let verdict = &json()["verdict"];
                let rows = count(&verdict["violations"], "closes", true.into());
                (verdict["gate"] == "closed", rows)
            }
            "junit" => {
                let rows = text.matches("<failure").count();
                (rows > 0, rows)
            }
            "md" => (text.contains("## topple: the gate is closed"), usize::MAX),
            "pretty" => (text.starts_with("gate closed"), usize::MAX),
            "sarif" => {
                let run = &json()["runs"][0];
                let notes = &run["invocations"][0]["toolExecutionNotifications"];
                let said = notes[0]["message"]["text"].as_str().unwrap();
                let rows = count(&run["results"], "level", "error".into());
                (said.starts_with("The gate is closed"), rows)
            }
            name => panic!("{name} is not checked"),
        }
    }

    #[test]
    fn every_format_agrees_with_the_exit_code_at_every_level() {
        use crate::error::Exit;
        use crate::report::verdict::{FailOn, Outcome};
        for fail_on in [FailOn::Error, FailOn::Warn, FailOn::Never] {
            for has_fails in [true, false] {
                let mut report = sample::checked();
                let verdict = report.verdict.as_mut().unwrap();
                verdict.fail_on = fail_on;
                verdict
                    .violations
                    .retain(|found| has_fails || found.level != Outcome::Fail);
                let exit = verdict.exit();
                let closing = verdict.loud(Outcome::Fail).count();
                assert_eq!(exit == Exit::Closed, closing > 0);
                for renderer in GATE_RENDERERS {
                    let text = rendered(renderer, &report, Options::default());
                    let (is_closed, count) = closed(renderer.name, &text);
                    let at = format!("{} {fail_on:?} {has_fails}", renderer.name);
                    assert_eq!(is_closed, exit == Exit::Closed, "{at}");
                    assert!(count == closing || count == usize::MAX, "{at}: {count}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_called_open_when_not_all_was_read() {
        let mut report = sample::checked();
        let verdict = report.verdict.as_mut().unwrap();
        verdict.violations.clear();
        verdict.unread = true;
        for renderer in GATE_RENDERERS {
            let text = rendered(renderer, &report, Options::default());
            assert!(
                !text.contains("gate is open") && !text.contains("gate open"),
                "{}: {text}",
                renderer.name
            );
        }
    }

    #[test]
    fn no_verdict_and_hostile_ones_are_written_too() {
        for renderer in GATE_RENDERERS {
            for report in [Report::default(), sample::checked(), sample::hostile()] {
                let text = rendered(renderer, &report, Options::default());
                assert!(text.ends_with('\n'), "{}", renderer.name);
                assert_eq!(
                    text,
                    rendered(renderer, &report.clone(), Options::default())
                );
                let hidden = text
                    .chars()
                    .find(|&c| c != '\n' && (c.is_control() || c == '\u{202e}'));
                // JSON for programs keeps every name as it is, with its own escapes for controls.
                let keeps = ["json", "sarif"].contains(&renderer.name);
                assert!(
                    hidden.is_none() || (keeps && hidden.is_some_and(|c| !c.is_ascii())),
                    "{}: {hidden:?}",
                    renderer.name
                );
            }
        }
    }
}
