//! The lock as a grammar: a regular expression for each kind of line, for tools that check or write locks.

use serde_json::{Value, json};

use super::{KINDS, Mode};
use crate::model::peer::Protocol;

/// A name without quotes, or a JSON string.
const WORD: &str = r##"(?:[^\s"#\x00-\x1f\x7f-\x9f][^\s"\x00-\x1f\x7f-\x9f]*|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")"##;

/// The id of a violation, rule and subject with a colon between them, as it is or as a JSON string.
const ID: &str = r##"(?:[^\s":\x00-\x1f\x7f-\x9f][^:\x00-\x1f\x7f-\x9f]*:[^\x00-\x1f\x7f-\x9f]*|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")"##;

const NUMBER: &str = "-?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?";

/// Returns the grammar.
pub fn schema() -> Value {
    let protocols = one_of(Protocol::ALL.iter().map(|protocol| protocol.name()));
    let modes = one_of(Mode::ALL.iter().map(|mode| mode.name()));
    let kinds = one_of(KINDS.iter().map(|kind| kind.name()));
    json!({
        "schema": "topple/lock/1",
        "title": "topple.lock: what topple check takes as approved",
        "encoding": "UTF-8, a fact a line, ended by a line feed",
        "order": "written sorted, each fact once; read in any order and with repetitions, as merges leave them",
        "lines": [
            line("comment", "^(?:#.*)?$", "is passed by, like an empty line", "# what was approved"),
            line(
                "accept",
                &format!("^accept {ID}$"),
                "excuses the violation of this id",
                "accept no-edge-to-data:web->postgresql/orders",
            ),
            line(
                "declared",
                &format!("^declared {WORD} {WORD}$"),
                "says by a hash what the policy declared when the numbers were measured",
                "declared services a8c7f832281a39c5",
            ),
            line(
                "edge",
                &format!("^edge {WORD} -> {WORD} {protocols} {modes}$"),
                "approves that one calls the other (sync), sends to a queue or reads from it (async), or is the sender of what the other received past a queue (direct)",
                "edge cart -> pricing http sync",
            ),
            line(
                "metric",
                &format!("^metric {WORD} {NUMBER}$"),
                "holds a number that may only get better",
                "metric largest_cycle 0",
            ),
            line(
                "service",
                &format!("^service {WORD} {kinds}$"),
                "says what kind a node is",
                "service \"order db\" database",
            ),
        ],
    })
}

fn line(kind: &str, pattern: &str, about: &str, example: &str) -> Value {
    json!({ "kind": kind, "pattern": pattern, "description": about, "examples": [example] })
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    format!("(?:{})", names.join("|"))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::policy::Policy;
    use crate::rule::lock::{EdgeFact, Lock};

    /// Returns the kinds of lines that a line is, by the grammar.
    fn kinds(line: &str) -> Vec<String> {
        let schema = schema();
        let lines = schema["lines"].as_array().unwrap().iter();
        lines
            .filter(|of| {
                let pattern = Regex::new(of["pattern"].as_str().unwrap()).unwrap();
                pattern.is_match(line)
            })
            .map(|of| of["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn examples_are_what_they_are_examples_of() {
        for of in schema()["lines"].as_array().unwrap() {
            let example = of["examples"][0].as_str().unwrap();
            assert_eq!(kinds(example), [of["kind"].as_str().unwrap()]);
            Lock::read(example, "topple.lock", &Policy::default()).unwrap();
        }
    }

    #[test]
    fn what_is_no_fact_is_no_line_of_the_grammar() {
        for line in [
            "edge a b http sync",
            "edge a -> b gopher sync",
            "edge a -> b http",
            "service a planet",
            "service \"a",
            "metric m many",
            "metric m 1 2",
            "accept r",
            "hello",
            "<<<<<<< HEAD",
        ] {
            assert!(kinds(line).is_empty(), "{line}");
            assert!(Lock::read(line, "l", &Policy::default()).is_err(), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_line_written_is_one_of_the_grammar(from in ".*", to in ".*", value in -1e9f64..1e9) {
            let fact = EdgeFact {
                from: from.clone(),
                to: to.clone(),
                protocol: Protocol::Http,
                mode: Mode::Async,
            };
            let lock = Lock {
                accepted: [format!("r:{to}")].into(),
                declared: [(to.clone(), from.clone())].into(),
                edges: [fact].into(),
                metrics: [(from.clone(), value)].into(),
                services: [(to, crate::report::Kind::Cache)].into(),
            };
            let text = lock.to_string();
            let lines: Vec<String> = text.lines().flat_map(kinds).collect();
            proptest::prop_assert_eq!(lines, ["comment", "accept", "declared", "edge", "metric", "service"]);
        }
    }
}
