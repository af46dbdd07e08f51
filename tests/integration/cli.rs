//! The binary: what it prints where, and how it ends.
//!
//! Every run has an empty environment and relative paths. A snapshot holds commands with exit code, stdout and stderr.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use topple::render::RENDERERS;

/// The recorded shop, from the folder of the project.
pub(crate) const SHOP: &str = "testdata/recorded/shop.pb";

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_topple"));
    command
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Runs with bytes on stdin.
fn run_on(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = command(Path::new(ROOT), arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs in the folder of the project and returns what goes to stdout.
pub(crate) fn stdout(arguments: &[&str]) -> String {
    text(&run(Path::new(ROOT), arguments).stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Returns what a reader of the terminal would see of some commands.
fn transcript(folder: &Path, commands: &[&[&str]]) -> String {
    let mut all = String::new();
    for arguments in commands {
        let output = run(folder, arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        writeln!(all, "$ topple {}", arguments.join(" ")).unwrap();
        writeln!(all, "exit code: {}", code(&output)).unwrap();
        if !out.is_empty() {
            writeln!(all, "----- stdout -----\n{}", out.trim_end()).unwrap();
        }
        if !err.is_empty() {
            writeln!(all, "----- stderr -----\n{}", err.trim_end()).unwrap();
        }
        all.push('\n');
    }
    all
}

/// Compares with `snapshots/cli_<name>.snap`.
pub(crate) fn check(name: &str, folder: &Path, commands: &[&[&str]]) {
    let found = transcript(folder, commands);
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(format!("cli_{name}"), found) });
}

pub(crate) fn root() -> &'static Path {
    Path::new(ROOT)
}

/// Returns a folder with the shop in it, as `shop.pb`.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(SHOP), folder.path().join("shop.pb")).unwrap();
    folder
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["report", "-f", "json"];
    all.extend(arguments);
    serde_json::from_slice(&run(folder, &all).stdout).unwrap()
}

/// Returns a report in every format.
fn reports(folder: &Path, inputs: &[&str]) -> Vec<(&'static str, String)> {
    let report = |name: &'static str| {
        let mut arguments = vec!["report", "-v", "-f", name];
        arguments.extend(inputs);
        let output = run(folder, &arguments);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        (name, text(&output.stdout))
    };
    RENDERERS
        .iter()
        .map(|renderer| report(renderer.name))
        .collect()
}

#[test]
fn the_report_of_the_shop() {
    check("report", root(), &[&[SHOP]]);
}

#[test]
fn the_neighbourhood_of_a_service_in_the_formats_for_people() {
    let focus = |format| [SHOP, "--focus", "payments", "--top", "2", "-f", format];
    check(
        "focus",
        root(),
        &[
            &focus("table"),
            &focus("csv"),
            &focus("dot"),
            &focus("md"),
            &focus("mermaid"),
        ],
    );
}

#[test]
fn depth_widens_the_neighbourhood() {
    let edges = |depth| {
        let report = json(root(), &[SHOP, "--focus", "payments", "--depth", depth]);
        report["edges"].as_array().unwrap().len()
    };
    let all = json(root(), &[SHOP])["edges"].as_array().unwrap().len();
    assert!(edges("0") < edges("1"));
    assert!(edges("1") < edges("2"));
    assert_eq!(edges("9"), all);
}

#[test]
fn mistakes_in_arguments_get_a_suggestion_or_an_example() {
    check(
        "mistakes",
        root(),
        &[
            &[SHOP, "--focus", "paymets"],
            &[SHOP, "--focus", "nothing like it"],
            &[SHOP, "-f", "tabel"],
            &[SHOP, "-f", "yaml"],
            &[SHOP, "-o", "report.xyz"],
            &[SHOP, "-o", "report.json", "-o", "report.json"],
            &["testdata/recorded/shpo.pb"],
            &["no/such/folder"],
            &["hbus", SHOP],
            &["report", "hbus"],
            &["no-such-*.json"],
            &["-", "-"],
            &[SHOP, "--sinse", "2026-01-01"],
            &[SHOP, "--since", "yesterday"],
            &[SHOP, "--until", "1969-12-31"],
            &[SHOP, "--memory", "lots"],
            &[SHOP, "-j", "many"],
            &["fold", SHOP],
            &["fold", SHOP, "-o", "x.topo", "--shard", "4/4"],
            &["fold", SHOP, "-o", "x.topo", "--data-set", "monday"],
            &["convert", SHOP, "-o", "traces.txt"],
            &["convert", SHOP, "-f", "xml"],
            &["explain", "densty"],
            &["explain", "gibberish"],
        ],
    );
}

#[test]
fn what_holds_no_trace_is_told_apart_from_what_is_well() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("empty.json"), "").unwrap();
    fs::create_dir(path.join("none")).unwrap();
    fs::create_dir(path.join("letters")).unwrap();
    fs::write(path.join("letters/a.txt"), "Dear reader,\n").unwrap();
    fs::write(path.join("picture.png"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
    fs::write(path.join("other.json"), "{\"a\":[1,2],\"b\":{}}\n").unwrap();
    fs::write(path.join("one.jsonl"), "{\"resourceSpans\":[{]}\n").unwrap();
    check(
        "no_traces",
        path,
        &[
            &["empty.json"],
            &["shop.pb", "--since", "2027-01-01"],
            &["none"],
            &["letters"],
            &["picture.png"],
            &["other.json"],
            &["one.jsonl"],
            &["one.jsonl", "-q"],
            &["convert", "picture.png", "-o", "x.json"],
            &["fold", "one.jsonl", "-o", "x.topo"],
            &["shop.pb", "letters", "-f", "mermaid", "--focus", "payments"],
        ],
    );
    assert!(!path.join("x.json").exists() && !path.join("x.topo").exists());
}

/// Two lines of the shop with a broken one between them.
pub(crate) fn broken_line() -> String {
    let lines = fs::read_to_string(root().join("testdata/recorded/shop-node.jsonl")).unwrap();
    let mut lines = lines.lines();
    let (first, second) = (lines.next().unwrap(), lines.next().unwrap());
    format!("{first}\n{{\"resourceSpans\":[{{]}}\n{second}\n")
}

#[test]
fn a_broken_line_is_shown_with_its_place_and_the_others_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("a.jsonl"), broken_line()).unwrap();
    fs::write(
        path.join("b.jsonl"),
        "{\"resourceSpans\":[]}\n".to_owned() + &"{\"resourceSpans\":3}\n".repeat(12),
    )
    .unwrap();
    check(
        "problems",
        path,
        &[
            &["a.jsonl", "-f", "mermaid"],
            &["a.jsonl", "-f", "mermaid", "--strict"],
            &["a.jsonl", "-f", "mermaid", "--strict", "-q"],
            &["fold", "a.jsonl", "-o", "strict.topo", "--strict", "-q"],
            &["convert", "a.jsonl", "-o", "strict.json", "--strict", "-q"],
            &["convert", "a.jsonl", "-o", "kept.pb"],
            &["a.jsonl", "b.jsonl", "-f", "mermaid"],
        ],
    );
    assert_eq!(names(path), ["a.jsonl", "b.jsonl", "kept.pb"]);
}

#[test]
fn an_incomplete_last_line_is_told_whatever_is_written() {
    const NOTE: &str = "the last line is incomplete: the file was still being written";
    let folder = folder();
    let file = root().join("testdata/formats/problem-last-line.jsonl");
    let file = file.to_str().unwrap();
    let told = |arguments: &[&str]| {
        let output = run(folder.path(), arguments);
        let count = |bytes: &[u8]| text(bytes).matches(NOTE).count();
        (code(&output), count(&output.stdout), count(&output.stderr))
    };
    // Words are wrapped in a table.
    for format in ["json", "md"] {
        assert_eq!(told(&["-f", format, file]), (0, 1, 0), "{format}");
    }
    for format in ["csv", "dot", "mermaid"] {
        assert_eq!(told(&["-f", format, file]), (0, 0, 1), "{format}");
        assert_eq!(told(&["-q", "-f", format, file]), (0, 0, 0), "{format}");
    }
    assert_eq!(told(&["fold", file, "-o", "day.topo"]), (0, 0, 1));
    assert_eq!(told(&["convert", file, "-o", "day.pb"]), (0, 0, 1));
    assert_eq!(told(&["init", file]), (0, 0, 1));
    for format in ["pretty", "github", "sarif"] {
        let (_, of_stdout, of_stderr) = told(&["check", "-f", format, file]);
        assert_eq!((of_stdout, of_stderr), (0, 1), "{format}");
    }
}

#[test]
fn stdin_is_an_input_like_any_other() {
    let bytes = fs::read(root().join(SHOP)).unwrap();
    let expected = stdout(&[SHOP]);
    for arguments in [&["-"][..], &[], &["report"], &["report", "-"]] {
        let output = run_on(arguments, &bytes);
        assert_eq!(text(&output.stdout), expected, "{arguments:?}");
        assert_eq!((code(&output), output.stderr.len()), (0, 0));
    }
    let output = run_on(&["-"], broken_line().as_bytes());
    assert!(text(&output.stderr).starts_with("problem: <stdin>:2:20: expected"));
}

#[test]
fn the_report_of_a_topology_is_the_report_of_its_traces() {
    let folder = folder();
    let path = folder.path();
    let output = run(path, &["fold", "shop.pb", "-o", "shop.topo"]);
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    assert!(text(&output.stderr).starts_with("shop.topo: 194 spans folded into "));
    assert_eq!(reports(path, &["shop.topo"]), reports(path, &["shop.pb"]));
    run(path, &["fold", "-q", "shop.topo", "-o", "again.topo"]);
    assert_eq!(
        fs::read(path.join("again.topo")).unwrap(),
        fs::read(path.join("shop.topo")).unwrap()
    );
    let output = run(path, &["convert", "shop.topo"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("shop.topo: expected traces, found a topology"));
}

#[test]
fn shards_merge_to_the_whole_and_no_shard_counts_twice() {
    let folder = folder();
    let path = folder.path();
    for shard in ["0/3", "1/3", "2/3"] {
        let file = format!("shard-{}.topo", &shard[..1]);
        let output = run(
            path,
            &[
                "fold",
                "shop.pb",
                "-o",
                &file,
                "--shard",
                shard,
                "--data-set",
                "shop",
                "-q",
            ],
        );
        assert_eq!((code(&output), output.stderr.len()), (0, 0));
    }
    let shards = ["shard-2.topo", "shard-0.topo", "shard-1.topo"];
    let without_notes = |inputs: &[&str]| -> Vec<Vec<String>> {
        let lines = |report: String| report.lines().map(str::to_owned).collect::<Vec<_>>();
        reports(path, inputs)
            .into_iter()
            .filter(|(format, _)| *format != "json")
            .map(|(_, report)| lines(report))
            .map(|lines| {
                let is_note = |line: &String| line.contains("holds shard ");
                lines.into_iter().filter(|line| !is_note(line)).collect()
            })
            .collect()
    };
    assert_eq!(without_notes(&shards), without_notes(&["shop.pb"]));
    let (mut merged, mut whole) = (json(path, &shards), json(path, &["shop.pb"]));
    for report in [&mut merged, &mut whole] {
        report.as_object_mut().unwrap().remove("notes");
    }
    assert_eq!(merged, whole);

    fs::copy(path.join("shard-1.topo"), path.join("copy.topo")).unwrap();
    run(
        path,
        &[
            "fold",
            "-q",
            "shard-0.topo",
            "shard-1.topo",
            "-o",
            "both.topo",
        ],
    );
    check(
        "shards",
        path,
        &[
            &["shard-1.topo", "copy.topo"],
            &["both.topo", "shard-0.topo"],
        ],
    );
}

#[test]
fn converted_traces_have_the_same_graph() {
    let folder = folder();
    let path = folder.path();
    for (from, to) in [
        ("shop.pb", "a.jsonl"),
        ("a.jsonl", "b.pb"),
        ("b.pb", "c.json"),
    ] {
        let output = run(path, &["convert", from, "-o", to]);
        assert_eq!((code(&output), output.stderr.len()), (0, 0));
    }
    let read = |name| fs::read(path.join(name)).unwrap();
    assert_eq!(read("a.jsonl"), read("c.json"));
    assert_eq!(run(path, &["convert", "b.pb"]).stdout, read("a.jsonl"));
    assert_eq!(
        run(path, &["convert", "a.jsonl", "-f", "protobuf"]).stdout,
        read("b.pb")
    );
    let expected = reports(path, &["shop.pb"]);
    for file in ["a.jsonl", "b.pb"] {
        assert_eq!(reports(path, &[file]), expected, "{file}");
    }
}

#[test]
fn explanations_are_listed_and_found_by_any_of_their_names() {
    check(
        "explain",
        root(),
        &[&["explain"], &["explain", "through-internal"]],
    );
}

#[test]
fn a_window_parts_the_traces() {
    let traces = |arguments: &[&str]| {
        let all = [&[SHOP], arguments].concat();
        json(root(), &all)["data"]["traces"].as_u64().unwrap()
    };
    let at = "2026-11-22T18:33:20Z";
    let (before, after) = (traces(&["--until", at]), traces(&["--since", at]));
    assert!(before > 0 && after > 0);
    assert_eq!(before + after, traces(&[]));
    assert_eq!(traces(&["--since", "2026-11-22T19:33:20+01:00"]), after);
    assert_eq!(
        traces(&["--since", "2026-11-22", "--until", "2026-11-23"]),
        before + after
    );
}

#[test]
fn help_and_version_are_no_errors() {
    check(
        "help",
        root(),
        &[
            &["-h"],
            &["report", "-h"],
            &["fold", "-h"],
            &["convert", "-h"],
            &["explain", "-h"],
            &["--version"],
        ],
    );
}
