//! Where the binary writes: files that appear when they are whole, pipes, readers who go away, terminals with and without colour.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{SHOP, broken_line, check, code, command, folder, names, root, run, stdout, text};

/// Longest wait for a child that has nothing to do.
const PATIENCE: Duration = Duration::from_secs(20);

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
fn edges_are_the_same_when_nothing_else_is_computed() {
    let folder = folder();
    let path = folder.path();
    for (file, format) in [("a.csv", "csv"), ("b.dot", "dot"), ("c.mmd", "mermaid")] {
        let alone = run(path, &["shop.pb", "-f", format]).stdout;
        run(path, &["shop.pb", "-o", file, "-o", "all.json"]);
        assert_eq!(
            text(&fs::read(path.join(file)).unwrap()),
            text(&alone),
            "{format}"
        );
    }
    // Somebody who looks at everything gets everything.
    let json = run(path, &["shop.pb", "-f", "json"]).stdout;
    assert_eq!(fs::read(path.join("all.json")).unwrap(), json);
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
