//! Writes a report; knows nothing else.
//!
//! A renderer sees the report alone and writes to what it is given: it opens no file, measures nothing and judges
//! nothing. Names come from strangers, so each renderer escapes them for its target. To add one, write
//! `src/render/<name>.rs` and name it in [`RENDERERS`]; formats of the gate are in [`gate`], those of
//! a simulation in [`simulation`].

mod summary;

mod central;

mod budget;

mod falls;

mod drawing;

mod csv;

mod dot;

pub mod json;

mod md;

mod mermaid;

mod table;

pub mod simulation;

pub mod gate;

pub mod story;

pub mod diff;

#[cfg(test)]
mod sample;

use std::io;

use crate::report::Report;

/// A way to write a report.
#[derive(Debug)]
pub struct Renderer {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
    /// Extensions of files it is chosen for, without the dot; the first is the usual one.
    pub extensions: &'static [&'static str],
    /// If it shows nothing but edges and the names of nodes: the passes that say something of the edges it shows. Nothing else
    /// is computed for it.
    pub edges_with: Option<&'static [&'static str]>,
    /// Writes the report.
    pub write: fn(&Report, &Options, &mut dyn io::Write) -> io::Result<()>,
}

/// What people may choose about the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the terminal shows colours.
    pub color: bool,
    /// Most rows of each table for people; [`Options::ROWS`] unless chosen.
    pub top: Option<usize>,
    /// Whether to show what is left out when all is well, such as the account of the spans.
    pub verbose: bool,
}

impl Options {
    /// Rows of a table for people when nobody chose.
    pub const ROWS: usize = 20;

    fn rows(&self) -> usize {
        self.top.unwrap_or(Options::ROWS)
    }
}

/// Every renderer, by name.
pub static RENDERERS: &[&Renderer] = &[
    &csv::CSV,
    &dot::DOT,
    &json::JSON,
    &md::MD,
    &mermaid::MERMAID,
    &table::TABLE,
];

/// Returns the renderer of a name among some.
pub fn named(table: &[&'static Renderer], name: &str) -> Option<&'static Renderer> {
    table.iter().copied().find(|renderer| renderer.name == name)
}

/// Returns the renderer among some for a file of an extension, whatever its case.
pub fn for_extension(table: &[&'static Renderer], extension: &str) -> Option<&'static Renderer> {
    table.iter().copied().find(|renderer| {
        renderer
            .extensions
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{fs, io};

    use super::*;
    use crate::report::Part;

    /// Files of this folder that render nothing by themselves.
    const HELPERS: [&str; 11] = [
        "budget",
        "central",
        "diff",
        "drawing",
        "falls",
        "gate",
        "mod",
        "sample",
        "simulation",
        "story",
        "summary",
    ];

    #[test]
    fn every_file_is_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/render");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .filter(|name| !HELPERS.contains(&name.as_str()))
            .collect();
        let names: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name).collect();
        assert_eq!(
            names,
            Vec::from_iter(files.iter().map(String::as_str)),
            "name every renderer in RENDERERS, sorted, and every other file in HELPERS"
        );
    }

    #[test]
    fn names_and_extensions_find_their_renderer() {
        let mut seen = BTreeSet::new();
        for renderer in RENDERERS {
            assert_eq!(named(RENDERERS, renderer.name).unwrap().name, renderer.name);
            assert!(!renderer.about.is_empty() && !renderer.about.ends_with('.'));
            for extension in renderer.extensions {
                assert!(seen.insert(*extension), "two renderers claim .{extension}");
                assert_eq!(
                    for_extension(RENDERERS, &extension.to_uppercase())
                        .unwrap()
                        .name,
                    renderer.name
                );
            }
        }
        assert!(named(RENDERERS, "yaml").is_none());
        assert!(for_extension(RENDERERS, "").is_none());
    }

    #[test]
    fn a_failing_writer_ends_every_renderer() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for renderer in RENDERERS {
            let error =
                (renderer.write)(&sample::shop(), &Options::default(), &mut Closed).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{}", renderer.name);
        }
    }

    #[test]
    fn equal_reports_give_equal_bytes() {
        for renderer in RENDERERS {
            for report in [sample::shop(), sample::hostile(), Report::default()] {
                let first = sample::rendered(renderer, &report, Options::default());
                assert_eq!(
                    first,
                    sample::rendered(renderer, &report.clone(), Options::default())
                );
            }
        }
    }

    #[test]
    fn nothing_for_people_holds_a_control_character() {
        for name in ["dot", "md", "mermaid", "table"] {
            for part in [Part::Whole, Part::Hubs, Part::Cascades, Part::Budgets] {
                let report = Report {
                    part,
                    ..sample::hostile()
                };
                check_visible(name, &report);
            }
            for report in sample::hostile_cascades() {
                check_visible(name, &report);
            }
        }
    }

    #[track_caller]
    fn check_visible(name: &str, report: &Report) {
        let text = sample::rendered(named(RENDERERS, name).unwrap(), report, Options::default());
        let hidden = text
            .chars()
            .find(|&c| c != '\n' && (c.is_control() || c == '\u{202e}'));
        assert_eq!(hidden, None, "{name}");
    }
}
