//! Formats of the gate: the same verdict for a terminal, for programs, and for what shows results beside a change.
//!
//! Each target has its own words for how bad something is; that mapping, and the escaping, are the business of the format's
//! own file. To add one, write `src/render/gate/<name>.rs` and name it in [`GATE_RENDERERS`].

mod words;

mod github;

mod gitlab;

mod json;

mod junit;

mod md;

mod sarif;

#[cfg(test)]
pub(super) mod sample;

use super::{Options, Renderer};

pub(super) use words::answer;

/// Every format of the gate, by name.
pub static GATE_RENDERERS: &[&Renderer] = &[
    &github::GITHUB,
    &gitlab::GITLAB,
    &json::JSON,
    &junit::JUNIT,
    &md::MD,
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
    const HELPERS: [&str; 3] = ["mod", "sample", "words"];

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
