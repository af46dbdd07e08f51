//! The binary: what it prints where, how it ends, and what it leaves behind.
//!
//! Every run has an empty environment and relative paths. A snapshot holds commands with exit code, stdout and stderr.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use topple::render::RENDERERS;

/// The recorded shop, from the folder of the project.
pub(crate) const SHOP: &str = "testdata/recorded/shop.pb";

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Longest wait for a child that has nothing to do.
const PATIENCE: Duration = Duration::from_secs(20);

fn command(folder: &Path, arguments: &[&str]) -> Command {
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

fn text(bytes: &[u8]) -> String {
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
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(SHOP), folder.path().join("shop.pb")).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
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
fn broken_line() -> String {
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
fn files_get_the_format_of_their_extension() {
    let folder = folder();
    let path = folder.path();
    let output = run(path, &["shop.pb", "-o", "a.csv", "-o", "b.MMD"]);
    assert_eq!((code(&output), output.stdout.len()), (0, 0));
    let output = run(path, &["shop.pb", "-f", "md", "-o", "c.json"]);
    assert_eq!(
        text(&output.stdout),
        text(&run(path, &["shop.pb", "-f", "md"]).stdout)
    );
    for (file, format) in [("a.csv", "csv"), ("b.MMD", "mermaid"), ("c.json", "json")] {
        let expected = run(path, &["shop.pb", "-f", format]).stdout;
        assert_eq!(fs::read(path.join(file)).unwrap(), expected, "{file}");
    }
    assert_eq!(names(path), ["a.csv", "b.MMD", "c.json", "shop.pb"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_no_file_is_left() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("folder.json")).unwrap();
    check(
        "no_folder",
        path,
        &[
            &["shop.pb", "-o", "a.json", "-o", "none/b.json"],
            &["shop.pb", "-o", "folder.json"],
            &["fold", "shop.pb", "-o", "none/shop.topo"],
            &["convert", "shop.pb", "-o", "none/shop.json"],
        ],
    );
    assert_eq!(names(path), ["folder.json", "shop.pb"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_pipes_are_written_as_they_are() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("real.csv"), "old").unwrap();
    std::os::unix::fs::symlink("real.csv", path.join("link.csv")).unwrap();
    let expected = run(path, &["shop.pb", "-f", "csv"]).stdout;
    run(path, &["shop.pb", "-o", "link.csv"]);
    assert!(path.join("link.csv").is_symlink());
    assert_eq!(fs::read(path.join("real.csv")).unwrap(), expected);

    let pipe = path.join("pipe.csv");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
    let output = run(path, &["shop.pb", "-o", "pipe.csv"]);
    assert_eq!((code(&output), output.stderr.len()), (0, 0));
    assert!(wait_for(|| reader.is_finished()));
    assert_eq!(reader.join().unwrap(), expected);
    assert_eq!(names(path), ["link.csv", "pipe.csv", "real.csv", "shop.pb"]);
}

#[test]
fn a_failed_run_keeps_the_file_of_the_last_one() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("old.json"), "old").unwrap();
    fs::write(path.join("letter.txt"), "Dear reader,\n").unwrap();
    let output = run(path, &["letter.txt", "-o", "old.json"]);
    assert_eq!(code(&output), 2);
    assert_eq!(fs::read(path.join("old.json")).unwrap(), b"old");
    assert_eq!(names(path), ["letter.txt", "old.json", "shop.pb"]);
}

/// Waits for something, for a while.
fn wait_for(mut is_there: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if is_there() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_file() {
    for arguments in [
        &["convert", "-", "-o", "out.json"][..],
        &["fold", "-", "-o", "out.topo"],
        &["report", "-", "-o", "out.csv"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(folder.path(), arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let line = b"{\"resourceSpans\":[]}\n";
        child.stdin.as_mut().unwrap().write_all(line).unwrap();
        assert!(wait_for(|| !names(folder.path()).is_empty()));
        let interrupted = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(interrupted.success());
        assert!(wait_for(|| child.try_wait().unwrap().is_some()));
        assert_eq!(child.wait().unwrap().code(), Some(130), "{arguments:?}");
        assert_eq!(names(folder.path()), [""; 0], "{arguments:?}");
    }
}

#[test]
fn a_reader_who_goes_away_ends_the_writing_quietly() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("broken.jsonl"), broken_line()).unwrap();
    let leave = |arguments: &[&str]| {
        let mut child = command(path, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        (code(&output), text(&output.stderr))
    };
    assert_eq!(leave(&["shop.pb"]), (0, String::new()));
    assert_eq!(leave(&["convert", "shop.pb"]), (0, String::new()));
    assert_eq!(leave(&["explain"]), (0, String::new()));
    let (code, err) = leave(&["broken.jsonl", "--strict", "-q"]);
    assert_eq!(code, 2, "the judgement stays");
    assert!(err.starts_with("error: expected input without problems"));
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = command(root(), arguments)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        output.stdout.contains(&0x1b)
    };
    let force = ("CLICOLOR_FORCE", "1");
    assert!(!colored(&[SHOP], &[]));
    assert!(colored(&[SHOP, "--color", "always"], &[]));
    assert!(colored(&[SHOP, "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(colored(&[SHOP], &[force]));
    assert!(!colored(&[SHOP], &[force, ("NO_COLOR", "1")]));
    assert!(!colored(&[SHOP, "--color", "never"], &[force]));
    assert!(!colored(&[SHOP, "--color", "always", "-f", "json"], &[]));
}

#[test]
fn without_colour_the_table_is_the_same() {
    let colored = stdout(&[SHOP, "--color", "always"]);
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, stdout(&[SHOP]));
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
