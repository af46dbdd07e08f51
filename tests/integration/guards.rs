//! Guards: rules about the project itself that a reader should not have to check by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use topple::format::FORMATS;
use topple::pass::PASSES;
use topple::render::RENDERERS;

/// Files of `src/format` that serve formats and are none.
const FORMAT_HELPERS: &[&str] = &[
    "fields",
    "habits",
    "otlp_write",
    "peek",
    "scan",
    "spans",
    "turns",
];

/// The one module that may be unsafe, with its proof and its safe twin.
const UNSAFE: &str = "src/format/scan.rs";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Returns the files below a folder with such an ending, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == ending)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Returns a path as messages name it.
fn short(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

fn is_test(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

/// Returns the names of the first segment of every `crate::` path in code, also of those in braces; comments are left out.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let name = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            paths.insert(name(&list[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => {
                paths.insert(name(rest));
            }
        }
    }
    paths
}

#[test]
fn a_module_uses_only_modules_listed_before_it() {
    let lib = read(&root().join("src/lib.rs"));
    let floors: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(floors.len() > 7, "lib.rs lists {floors:?}");
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let name = short(&path);
        if is_test(&name) || name == "src/lib.rs" || name == "src/main.rs" {
            continue;
        }
        let module = name.split('/').nth(1).unwrap().trim_end_matches(".rs");
        let Some(floor) = floors.iter().position(|floor| *floor == module) else {
            wrong.push(format!("{name}: src/lib.rs does not list {module}"));
            continue;
        };
        let code = read(&path);
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
        for used in crate_paths(code) {
            if !floors[..=floor].contains(&used.as_str()) {
                wrong.push(format!(
                    "{name} uses crate::{used}, which src/lib.rs lists after {module}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let code = "use crate::a::B;\n// crate::no\nuse crate::{c, d::{self, e}, f::g};\nfn x() -> crate::h::I {}\npub(crate) fn y() { mycrate::z() }";
    assert_eq!(crate_paths(code).into_iter().collect::<String>(), "acdfh");
}

#[test]
fn every_format_is_in_the_table() {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert!(
        names.is_sorted(),
        "FORMATS is not in the order of names: {names:?}"
    );
    let mut listed: BTreeSet<String> = names.iter().map(|name| name.replace('-', "_")).collect();
    listed.extend(FORMAT_HELPERS.iter().map(|helper| (*helper).to_owned()));
    let found: BTreeSet<String> = std::fs::read_dir(root().join("src/format"))
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
        .filter(|name| name != "mod")
        .collect();
    assert_eq!(
        found, listed,
        "name a new format in FORMATS of src/format/mod.rs, or a helper in FORMAT_HELPERS here"
    );
    for format in FORMATS {
        assert!(
            !format.about.is_empty() && !format.about.ends_with('.'),
            "{}: {:?}",
            format.name,
            format.about
        );
    }
}

#[test]
fn what_renderers_show_of_edges_comes_from_passes_over_traces() {
    let watching = PASSES.iter().filter(|pass| pass.watch.is_some());
    let names: BTreeSet<&str> = watching.map(|pass| pass.name).collect();
    let shown = RENDERERS.iter().filter_map(|renderer| renderer.edges_with);
    for pass in shown.flatten() {
        assert!(names.contains(pass), "no pass over traces is named {pass}");
    }
}

#[test]
fn sources_are_ascii() {
    for path in ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
    {
        for (number, line) in read(&path).lines().enumerate() {
            assert!(
                line.is_ascii(),
                "{}:{}: write the character as an escape: {line}",
                short(&path),
                number + 1
            );
        }
    }
}

#[test]
fn unsafe_code_stays_in_one_file() {
    for path in ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
    {
        let name = short(&path);
        if name == UNSAFE {
            continue;
        }
        for (number, line) in read(&path).lines().enumerate() {
            let code = line.split("//").next().unwrap();
            let keyword = ["unsafe", " "].concat();
            let found =
                code.contains(&keyword) || code.contains(&["expect(", "unsafe_code"].concat());
            assert!(!found, "{name}:{}: only {UNSAFE} may be unsafe", number + 1);
        }
    }
}

#[test]
fn every_dependency_says_why() {
    let manifest = read(&root().join("Cargo.toml"));
    let (mut in_dependencies, mut before, mut missing, mut names) =
        (false, "", Vec::new(), Vec::new());
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            in_dependencies = table.contains("dependencies]");
            names.clear();
        } else if in_dependencies
            && let Some((name, rest)) = line.split_once('=').filter(|_| !line.starts_with('#'))
        {
            if !rest.contains('#') && !before.starts_with('#') {
                missing.push(name.trim());
            }
            names.push(name.trim());
            assert!(
                names.is_sorted(),
                "Cargo.toml: {} is out of order",
                name.trim()
            );
        }
        before = line;
    }
    assert!(
        missing.is_empty(),
        "Cargo.toml: say in a comment behind or above each dependency why it is there: {missing:?}"
    );
}
