//! The rules of a policy as SARIF describes rules: what each is for, and help from its explanation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{plain, sentence};
use crate::explain::{self, Explanation, Passage};
use crate::render::gate::words::capital;
use crate::render::md::prose;
use crate::report::verdict::{Judged, Outcome, Verdict, Violation};
use crate::text;

/// Most columns of a description; GitHub takes 1,024.
const COLUMNS: usize = 1_000;

/// The rules, and where each stands.
pub(super) struct Rules<'a> {
    pub(super) list: Vec<Value>,
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Rules<'a> {
    /// Returns every rule that was judged; of two with one id, the first.
    pub(super) fn new(verdict: &'a Verdict) -> Rules<'a> {
        let mut rules = Rules {
            list: Vec::new(),
            places: BTreeMap::new(),
        };
        for rule in &verdict.rules {
            if !rules.places.contains_key(rule.id.as_str()) {
                rules.places.insert(&rule.id, rules.list.len());
                rules.list.push(described(verdict, rule));
            }
        }
        rules
    }

    /// Returns where a rule stands.
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }
}

/// Returns the id of a rule; an absent one is said to be empty.
pub(super) fn id(foreign: &str) -> String {
    if foreign.is_empty() {
        return "(empty)".to_owned();
    }
    text::truncated(&text::visible(foreign), 255).into_owned()
}

fn described(verdict: &Verdict, rule: &Judged) -> Value {
    let explanation = explanation(rule.verb);
    let why = rule.why.as_deref().filter(|why| !why.is_empty());
    let title = explanation.map(|explanation| explanation.title);
    let (text, markdown) = help(verdict, rule, explanation);
    let mut described = json!({
        "id": id(&rule.id),
        "shortDescription": { "text": described_as(title.or(why), rule) },
        "fullDescription": { "text": described_as(why.or(title), rule) },
        "help": { "text": text, "markdown": markdown },
        "properties": { "tags": ["topple", if rule.verb.is_empty() { "rule" } else { rule.verb }] },
    });
    let name = pascal_case(&rule.id);
    if !name.is_empty() {
        described["name"] = json!(name);
    }
    if let Some(level) = level(verdict, rule) {
        described["defaultConfiguration"] = json!({ "level": level });
        let severity = if level == "error" { "error" } else { "warning" };
        described["properties"]["problem.severity"] = json!(severity);
    }
    described
}

/// Returns the explanation of a verb; one that explains the word among others would lead astray.
fn explanation(verb: &str) -> Option<&'static Explanation> {
    explain::find(&format!("rules.{verb}"))
        .or_else(|| explain::find(verb).filter(|explanation| explanation.name == verb))
}

/// Returns a description of a rule, plain and not too long: a sentence, or else its id.
fn described_as(text: Option<&str>, rule: &Judged) -> String {
    match text {
        Some(text) => sentence(&capital(&text::truncated(&plain(text), COLUMNS))),
        None => id(&rule.id),
    }
}

/// Returns how loud a rule is, as far as this run shows.
fn level(verdict: &Verdict, rule: &Judged) -> Option<&'static str> {
    let violations = verdict.violations.iter();
    let own = violations.filter(|violation| violation.rule == rule.id);
    // An excused violation says how loud the rule would be without the excuse.
    let loudness = |violation: &Violation| match violation.excused {
        Some(_) => violation.level,
        None => verdict.loudness(violation),
    };
    match own.map(loudness).max() {
        Some(Outcome::Fail) => Some("error"),
        Some(Outcome::Warn) => Some("warning"),
        Some(Outcome::Unknown | Outcome::Waived | Outcome::Pass) | None => None,
    }
}

/// Returns the help of a rule as plain text and as Markdown: why it is there, how to fix it, what its verb means.
fn help(verdict: &Verdict, rule: &Judged, explanation: Option<&Explanation>) -> (String, String) {
    let mut parts: Vec<(&str, String, bool)> = Vec::new();
    if let Some(why) = &rule.why {
        parts.push(("Why this rule", text::visible(why).into_owned(), true));
    }
    let mut violations = verdict.violations.iter();
    let own = violations.find(|violation| violation.rule == rule.id && !violation.help.is_empty());
    if let Some(violation) = own {
        let help = text::visible(&violation.help).into_owned();
        parts.push(("How to fix it", help, true));
    }
    for (heading, passage) in explanation.into_iter().flat_map(Explanation::passages) {
        parts.push(match passage {
            Passage::Prose(text) => (heading, text.to_owned(), true),
            Passage::Lines(lines) => (heading, lines.join("\n"), false),
        });
    }
    if parts.is_empty() {
        let verb = text::visible(rule.verb).into_owned();
        parts.push(("What it is", format!("a rule of the verb {verb}"), true));
    }
    let text: Vec<String> = parts
        .iter()
        .map(|(heading, text, _)| format!("{heading}\n{}", text.replace("](", "] (")))
        .collect();
    let markdown: Vec<String> = parts
        .iter()
        .map(|(heading, text, is_prose)| {
            if *is_prose {
                format!("## {heading}\n\n{}", prose(text))
            } else {
                format!("## {heading}\n\n```text\n{text}\n```")
            }
        })
        .collect();
    (text.join("\n\n"), markdown.join("\n\n"))
}

/// Returns an id as a name: `no-edge-to-data` as `NoEdgeToData`.
fn pascal_case(id: &str) -> String {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric());
    let mut name: String = words
        .filter_map(|word| {
            let first = word.chars().next()?;
            Some(format!("{}{}", first.to_ascii_uppercase(), &word[1..]))
        })
        .collect();
    name.truncate(255);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names() {
        assert_eq!(pascal_case("no-edge-to-data"), "NoEdgeToData");
        assert_eq!(pascal_case("metrics.largest_cycle"), "MetricsLargestCycle");
        assert_eq!(pascal_case("\u{6771}\u{4eac}"), "");
    }

    #[test]
    fn help_comes_from_the_explanation_of_the_verb() {
        let verdict = Verdict::default();
        let rule = Judged {
            verb: "phantoms",
            why: Some("no work for nobody".to_owned()),
            ..Judged::default()
        };
        let (text, markdown) = help(&verdict, &rule, explain::find("phantoms"));
        assert!(text.starts_with("Why this rule\nno work for nobody\n\nWhat it measures\n"));
        assert!(
            markdown.contains("\n\n## Example\n\n```text\n"),
            "{markdown}"
        );
        assert!(explanation("timeouts").is_none_or(|found| found.name == "rules.timeouts"));
        let nothing = Judged::default();
        assert_eq!(
            help(&verdict, &nothing, None).0,
            "What it is\na rule of the verb "
        );
    }
}
