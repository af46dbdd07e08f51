//! What the README claims: tables, examples, options, exit codes, limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use topple::error::Exit;
use topple::fold::message::MAX_SIDES;
use topple::fold::operations::OPERATIONS;
use topple::fold::shape::{MAX_SHAPES, MAX_STEPS_OF_ONE};
use topple::format::{FORMATS, peek};
use topple::input::Limits;
use topple::input::cutter::MAX_IDS;
use topple::model::names::Class;
use topple::model::{LinkRow, SpanRow};
use topple::pass;
use topple::pipeline::DEFAULT_MEMORY;
use topple::render::gate::GATE_RENDERERS;
use topple::render::{self, RENDERERS};
use topple::text;
use topple::trace::assemble::TOGETHER_MAX;

use crate::cli::{SHOP, stdout};

/// Commands that read traces.
const READERS: [&str; 11] = [
    "report", "hubs", "cascades", "budgets", "simulate", "diff", "check", "explain", "init",
    "fold", "convert",
];

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// Returns the text below a heading, up to the next one.
fn section(heading: &str) -> String {
    let readme = readme();
    let start = readme.find(&format!("\n## {heading}\n")).unwrap();
    let rest = &readme[start + 1..];
    let rest = &rest[rest.find('\n').unwrap()..];
    rest[..rest.find("\n## ").unwrap_or(rest.len())].to_owned()
}

/// Returns the rows of the table below a heading, without its first line.
fn table(heading: &str) -> Vec<Vec<String>> {
    section(heading)
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// Returns the code blocks in a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let open = format!("\n```{language}\n");
    text.split(&open)
        .skip(1)
        .map(|rest| rest[..=rest.find("\n```").unwrap()].to_owned())
        .collect()
}

/// Returns the words in backticks.
fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn help(command: &str) -> String {
    stdout(&[command, "-h"])
}

/// Returns the options of a command, short and long, without those that every command has.
fn options(command: &str) -> BTreeSet<String> {
    help(command)
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .flat_map(|line| {
            line.split([' ', ','])
                .take_while(|word| word.is_empty() || word.starts_with('-'))
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|option| !["-h", "--help", "-V", "--version"].contains(&option.as_str()))
        .collect()
}

#[test]
fn the_start_is_two_commands_that_the_pipeline_of_changes_runs_too() {
    let start = blocks(&readme(), "sh").remove(0);
    let commands: Vec<&str> = start
        .lines()
        .map(|line| line.split(" #").next().unwrap().trim_end())
        .collect();
    assert_eq!(
        commands,
        [
            format!("cargo run --release -- {SHOP}").as_str(),
            "cargo test"
        ]
    );
    let script = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run"));
    // A package does not hold the script.
    if let Ok(script) = script {
        assert!(script.lines().any(|line| line == "cargo test"));
    }
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let version = version.split('"').next().unwrap();
    assert!(readme().contains(&format!("Rust ({version} or newer)")));
}

#[test]
fn examples_print_what_the_program_prints() {
    let readme = readme();
    let examples = blocks(&readme, "console");
    assert!(!examples.is_empty());
    for example in examples {
        let (command, expected) = example.split_once('\n').unwrap();
        let arguments: Vec<&str> = command
            .strip_prefix("$ topple ")
            .unwrap()
            .split(' ')
            .collect();
        assert_eq!(stdout(&arguments), expected, "{command}");
    }
    assert_eq!(
        blocks(&readme, "mermaid"),
        [stdout(&[SHOP, "--focus", "payments", "-f", "mermaid"])]
    );
}

#[test]
fn commands_are_those_of_the_help() {
    let help = stdout(&["-h"]);
    let help: Vec<&str> = help.split_whitespace().collect();
    let help = help.join(" ");
    let (_, listed) = help.split_once("Commands: ").unwrap();
    let (listed, _) = listed.split_once(" help Print this message").unwrap();
    let rows: Vec<String> = table("Commands")
        .iter()
        .map(|row| format!("{} {}", words(&row[0])[0], row[1].replace('`', "")))
        .collect();
    assert_eq!(rows.join(" "), listed);
}

#[test]
fn options_are_those_of_the_help() {
    let mut expected: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for command in READERS {
        for option in options(command) {
            expected.entry(option).or_default().insert(command);
        }
    }
    let mut found = BTreeMap::new();
    let rows = table("Options");
    for row in &rows {
        for option in words(&row[0]) {
            let commands: BTreeSet<&str> = row[2].split(", ").collect();
            assert!(found.insert(option.to_owned(), commands).is_none());
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn commands_in_examples_take_their_options() {
    let mut seen = 0;
    for block in blocks(&readme(), "sh") {
        for line in block.lines() {
            let Some(at) = line.find("topple ") else {
                continue;
            };
            let code = line[at..].split(" #").next().unwrap();
            let arguments: Vec<&str> = code.split_whitespace().skip(1).collect();
            let command = READERS
                .into_iter()
                .find(|command| arguments[0] == *command)
                .unwrap_or("report");
            let known = options(command);
            for option in arguments
                .iter()
                .filter(|word| word.starts_with('-') && word.len() > 1)
            {
                assert!(known.contains(*option), "{line}: {option}");
            }
            seen += 1;
        }
    }
    assert!(seen > 8);
}

#[test]
fn input_formats_are_those_of_the_program() {
    let mut expected: Vec<Vec<String>> = FORMATS
        .iter()
        .map(|format| vec![format!("`{}`", format.name), format.about.to_owned()])
        .collect();
    expected.push(vec![
        "`*.topo`".to_owned(),
        "topologies, as `topple fold` writes them".to_owned(),
    ]);
    assert_eq!(table("Input"), expected);
}

#[test]
fn output_formats_are_those_of_the_program() {
    let expected: Vec<Vec<String>> = RENDERERS
        .iter()
        .map(|renderer| {
            let extensions: Vec<String> = renderer
                .extensions
                .iter()
                .map(|extension| format!("`.{extension}`"))
                .collect();
            vec![
                format!("`{}`", renderer.name),
                renderer.about.to_owned(),
                extensions.join(", "),
            ]
        })
        .collect();
    assert_eq!(table("Output"), expected);
    let json = stdout(&[SHOP, "-f", "json"]);
    assert!(json.starts_with("{\n  \"schema\": \"topple/report/1\""));
    assert!(section("Output").contains("`\"schema\": \"topple/report/1\"`"));
    let help = help("report");
    for renderer in RENDERERS {
        assert!(help.contains(renderer.name), "{}", renderer.name);
    }
}

#[test]
fn gate_formats_are_those_of_the_program() {
    let help = help("check");
    let expected: Vec<Vec<String>> = GATE_RENDERERS
        .iter()
        .map(|renderer| {
            assert!(help.contains(renderer.name), "{}", renderer.name);
            let extensions: Vec<String> = renderer
                .extensions
                .iter()
                .map(|extension| format!("`.{extension}`"))
                .collect();
            vec![
                format!("`{}`", renderer.name),
                renderer.about.to_owned(),
                extensions.join(", "),
            ]
        })
        .collect();
    assert_eq!(table("Formats of the gate")[..expected.len()], expected);
}

#[test]
fn exit_codes_are_those_of_the_program() {
    let codes: Vec<String> = table("Exit codes")
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    let all = [Exit::Open, Exit::Closed, Exit::Usage, Exit::Unknown];
    for exit in all {
        // A new way to end must be named above and in the README.
        match exit {
            Exit::Open | Exit::Closed | Exit::Usage | Exit::Unknown => {}
        }
    }
    let expected: Vec<String> = all
        .iter()
        .map(|exit| *exit as u8)
        .chain([130])
        .map(|code| code.to_string())
        .collect();
    assert_eq!(codes, expected);
}

#[test]
fn limits_are_those_of_the_program() {
    let Limits {
        record_bytes,
        ratio,
        ratio_after_bytes,
        ..
    } = Limits::default();
    let names = |class: Class| format!("{} each", text::count(class.bound() as u64));
    assert_eq!(Class::Peer.bound(), Class::Service.bound());
    assert_eq!(Class::Instance.bound(), Class::Service.bound());
    assert_eq!(Class::Label.bound(), Class::Service.bound());
    let tables = pass::watchers().flat_map(|watcher| watcher.tables);
    let kept = tables.chain([&OPERATIONS]).map(|of| of.layout.limit);
    let kept: Vec<u64> = kept.collect();
    let [least, most] = [kept.iter().min(), kept.iter().max()].map(|of| text::count(*of.unwrap()));
    let bounds: Vec<String> = table("Limits")
        .into_iter()
        .map(|mut row| row.remove(1))
        .collect();
    assert_eq!(
        bounds,
        [
            peek::MAX_DEPTH.to_string(),
            text::bytes(record_bytes as u64),
            text::count(ratio),
            text::count(Class::Operation.bound() as u64),
            names(Class::Service),
            text::count(MAX_SHAPES as u64),
            text::count(MAX_STEPS_OF_ONE as u64),
            text::count(TOGETHER_MAX),
            text::count(MAX_SIDES as u64),
            format!("{least} to {most} each"),
            text::count(MAX_IDS as u64),
        ]
    );
    let first = format!("behind the first {}", text::bytes(ratio_after_bytes));
    assert!(section("Limits").contains(&first));
}

#[test]
fn numbers_in_sentences_are_those_of_the_program() {
    let memory = format!("{}M unless given", DEFAULT_MEMORY >> 20);
    assert!(section("Options").contains(&memory));
    assert!(help("report").contains(&format!("[default: {}M]", DEFAULT_MEMORY >> 20)));
    let rows = format!("rows of each table, {} unless", render::Options::ROWS);
    assert!(section("Options").contains(&rows));
    let bytes = format!(
        "A span takes {} bytes, whatever its attributes, and each of its links {} more",
        size_of::<SpanRow>(),
        size_of::<LinkRow>()
    );
    assert!(section("Memory").contains(&bytes));
}
