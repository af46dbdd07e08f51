//! Policies that are wrong: what is said about them, and that nothing worse happens.

use std::fs;
use std::path::Path;

use super::*;

/// Returns the names and texts of the policies that are wrong, by name.
fn broken() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(Path::new(TESTDATA).join("broken"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn mistakes_have_a_place_and_say_what_was_expected_and_found() {
    let mut all = String::new();
    for (name, text) in broken() {
        let mistakes = read(&text, &VOCABULARY).expect_err(&name);
        for mistake in &mistakes {
            assert!(
                mistake.message.contains("expected "),
                "{name}: {}",
                mistake.message
            );
            assert!(
                !mistake.message.ends_with('.'),
                "{name}: {}",
                mistake.message
            );
        }
        all.push_str(&messages(&name, &text));
        all.push('\n');
    }
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!("policy_mistakes", all) });
}

#[test]
fn mistakes_come_in_the_order_of_the_file() {
    let text = fs::read_to_string(Path::new(TESTDATA).join("broken/several.yaml")).unwrap();
    let mistakes = read(&text, &VOCABULARY).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.place.line).collect();
    assert_eq!(lines, [2, 2, 2, 4, 5, 7]);
}

#[test]
fn many_mistakes_are_counted() {
    let text = format!("version: 1\n{}", "x: 1\n".repeat(150));
    let shown = messages("topple.yaml", &text);
    assert_eq!(shown.matches("error: ").count(), 101);
    assert!(shown.ends_with("error: topple.yaml: 50 more mistakes\n"));
}

#[test]
fn depth_and_size_are_bounded_also_behind_aliases() {
    let message = |text: &str| {
        let mistakes = read(text, &VOCABULARY).unwrap_err();
        mistakes.last().unwrap().message.clone()
    };
    let deep = format!("version: 1\nrules: {}{}", "[".repeat(70), "]".repeat(70));
    assert_eq!(message(&deep), "expected at most 64 levels, found more");
    assert!(message(&format!("version: {}", "[".repeat(100_000))).starts_with("expected"));
    let mut doubled = "a0: &a0 [x, x]\n".to_owned();
    let mut nested = "b0: &b0 [x]\n".to_owned();
    for n in 1..100 {
        let last = n - 1;
        doubled.push_str(&format!("a{n}: &a{n} [*a{last}, *a{last}]\n"));
        nested.push_str(&format!("b{n}: &b{n} [*b{last}]\n"));
    }
    assert_eq!(
        message(&doubled),
        "expected at most 100,000 values, found more"
    );
    assert_eq!(message(&nested), "expected at most 64 levels, found more");
    let many: String = (0..60_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(
        message(&many),
        "expected at most 100,000 values, found more"
    );
}

#[test]
fn no_damage_makes_it_panic() {
    let full = fs::read_to_string(Path::new(TESTDATA).join("full/topple.yaml")).unwrap();
    let texts = broken().into_iter().map(|(_, text)| text);
    for text in texts.chain([full]) {
        let chars: Vec<char> = text.chars().collect();
        // Some places of each, which together are thousands.
        let step = chars.len() / 20 + 1;
        for at in (0..chars.len()).step_by(step) {
            let cut: String = chars[..at].iter().collect();
            let _ = messages("cut", &cut);
            for damage in [
                '{',
                '[',
                '"',
                '*',
                '&',
                ':',
                '\t',
                '\n',
                '\u{0}',
                '\u{1f600}',
            ] {
                let mut damaged = chars.clone();
                damaged[at] = damage;
                let damaged: String = damaged.iter().collect();
                let _ = messages("damaged", &damaged);
            }
        }
    }
}
