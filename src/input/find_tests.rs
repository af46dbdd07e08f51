#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[&str]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for file in files {
            let path = folder.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn path(&self, below: &str) -> String {
        self.0.path().join(below).to_string_lossy().into_owned()
    }

    /// Returns the names found, relative to the folder, or the error and its help.
    fn find(&self, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match *argument {
                "-" => "-".to_owned(),
                _ => self.path(argument),
            })
            .collect();
        let text = match find(&arguments) {
            Ok(sources) => sources
                .iter()
                .map(Source::name)
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("{error} | {}", error.help().unwrap_or_default()),
        };
        text.replace(&self.path(""), "")
    }
}

#[test]
fn folders_are_read_with_all_below_sorted_and_without_hidden_files() {
    let folder = Folder::with(&["t/b", "t/a/z", "t/a/y", "t/.hidden", "t/.git/x", "u"]);
    assert_eq!(folder.find(&["t"]), "t/a/y t/a/z t/b");
    assert_eq!(folder.find(&["t/.hidden", "u"]), "t/.hidden u");
    assert_eq!(folder.find(&["t/.git"]), "t/.git/x");
}

#[test]
fn a_file_named_twice_is_read_once() {
    let folder = Folder::with(&["t/a", "t/b"]);
    assert_eq!(folder.find(&["t", "t/a", "./t/b", "t/*"]), "./t/b t/a");
}

#[test]
fn globs_match_files_and_folders() {
    let folder = Folder::with(&[
        "t/a.json",
        "t/b.jsonl",
        "t/c/d.json",
        "t/.e.json",
        "t/[x].json",
    ]);
    assert_eq!(folder.find(&["t/*.json"]), "t/[x].json t/a.json");
    assert_eq!(
        folder.find(&["t/**/*.json"]),
        "t/[x].json t/a.json t/c/d.json"
    );
    assert_eq!(
        folder.find(&["t/*.{json,jsonl}"]),
        "t/[x].json t/a.json t/b.jsonl"
    );
    assert_eq!(folder.find(&["t/?"]), "t/c/d.json");
    assert_eq!(folder.find(&["?/[a-b].json*"]), "t/a.json t/b.jsonl");
    assert_eq!(folder.find(&["t/[x].json"]), "t/[x].json");
}

#[test]
fn standard_input_is_read_once_and_first() {
    let folder = Folder::with(&["a"]);
    assert_eq!(folder.find(&["a", "-"]), "<stdin> a");
    assert_eq!(
        folder.find(&["-", "-"]),
        "expected - for standard input once, found it twice | "
    );
}

#[test]
fn what_is_not_there_is_an_error_with_help() {
    let folder = Folder::with(&["traces.jsonl", "empty/.x"]);
    let missing = "no such file or directory";
    assert_eq!(
        folder.find(&["trace.jsonl"]),
        format!("trace.jsonl: {missing} | did you mean traces.jsonl?")
    );
    assert_eq!(
        folder.find(&["other"]),
        format!("other: {missing} | give files, folders, globs, or - for standard input")
    );
    assert_eq!(
        folder.find(&["empty"]),
        "empty: expected a folder with files, found none | hidden files are skipped"
    );
    assert!(
        folder
            .find(&["*.pb"])
            .starts_with("*.pb: expected a file or glob, found no file like it | ")
    );
    assert!(
        folder
            .find(&["tra[ces"])
            .starts_with("tra[ces: expected a file or glob, found neither: ")
    );
    assert!(
        folder
            .find(&["none/*"])
            .starts_with("none/: no such file or directory | ")
    );
    assert_eq!(find(&[]).unwrap().len(), 0);
}

#[cfg(unix)]
#[test]
fn links_to_files_are_read_and_broken_ones_become_sources_that_say_so() {
    use std::os::unix::fs::symlink;
    let folder = Folder::with(&["t/a", "other/b"]);
    symlink(folder.path("other/b"), folder.path("t/link")).unwrap();
    symlink(folder.path("t"), folder.path("t/loop")).unwrap();
    symlink(folder.path("nowhere"), folder.path("t/broken")).unwrap();
    assert_eq!(folder.find(&["t"]), "t/a t/broken t/link");
    assert_eq!(folder.find(&["t/a*"]), "t/a");
    let sources = find(&[folder.path("t")]).unwrap();
    let feed = crate::input::Feed::new(sources, &|_| None, crate::input::Limits::default());
    assert!(feed.next(&mut crate::input::Buffer::new()).is_none());
    let reading = feed.finish(crate::input::Problems::default());
    let fault = reading.sources[1].fault.as_ref().unwrap().to_string();
    assert!(
        fault.ends_with("t/broken: cannot be opened: no such file or directory"),
        "{fault}"
    );
}

#[test]
fn an_unreadable_folder_becomes_a_source_that_says_so() {
    let folder = Folder::with(&["file"]);
    let mut found = Vec::new();
    walk(
        Path::new(&folder.path("file")),
        3,
        &|_| Wanted::Yes,
        &mut found,
    );
    walk(Path::new(&folder.path("")), 0, &|_| Wanted::Yes, &mut found);
    let errors: Vec<_> = found.iter().map(|file| file.error.is_some()).collect();
    assert_eq!(errors, [true, true]);
}
