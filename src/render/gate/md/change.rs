//! The drawing of the change: edges that are new, that break a rule, or that the baseline has and nobody saw.
//!
//! What stays as it was is not drawn. Mermaid refuses more than 500 edges; edges that break a rule are drawn first.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::render::mermaid::escaped;
use crate::render::summary::name;
use crate::report::Subject;
use crate::report::verdict::{Outcome, Verdict, Violation};
use crate::text;

/// Most edges drawn.
const MAX_EDGES: usize = 499;

/// Widest name in the drawing.
const NAME_COLUMNS: usize = 48;

/// Why an edge is drawn, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Broken,
    New,
    NotSeen,
}

/// Writes the drawing in so many bytes, unless there is nothing to draw.
pub(super) fn write(verdict: &Verdict, bytes: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let edges = edges(verdict);
    if edges.is_empty() {
        return Ok(());
    }
    let new = match verdict.baseline {
        Some(_) => text::plural(verdict.new_edges.len() as u64, "new edge"),
        None => "No baseline to tell what is new; drawn are the edges that break a rule".to_owned(),
    };
    writeln!(out, "\n### Change\n")?;
    let not_seen = match verdict.not_seen.len() as u64 {
        0 => String::new(),
        n => format!(
            ", {} of the baseline not seen, which is no proof of removal",
            text::plural(n, "edge")
        ),
    };
    writeln!(out, "{new}{not_seen}.\n")?;
    write!(out, "{}", chart(&edges, bytes))
}

/// Returns the edges to draw, with why they are and their labels, those that break a rule first.
fn edges(verdict: &Verdict) -> Vec<(&str, &str, Mark, String)> {
    let new: BTreeSet<(&str, &str)> = pairs(&verdict.new_edges).collect();
    let mut broken: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let is_broken = |found: &&Violation| {
        let is_open = found.excused.is_none() && found.level == Outcome::Fail;
        is_open || verdict.closes(found)
    };
    for violation in verdict.violations.iter().filter(is_broken) {
        for ends in ends(violation) {
            broken.entry(ends).or_default().insert(&violation.rule);
        }
    }
    let mut all: Vec<(&str, &str, Mark, String)> = Vec::new();
    for ((from, to), rules) in &broken {
        let mut words: Vec<&str> = rules.iter().copied().collect();
        if new.contains(&(*from, *to)) {
            words.insert(0, "new");
        }
        all.push((from, to, Mark::Broken, words.join(", ")));
    }
    for (list, mark, label) in [
        (&verdict.new_edges, Mark::New, "new"),
        (&verdict.not_seen, Mark::NotSeen, "not seen"),
    ] {
        let rest = pairs(list).filter(|ends| !broken.contains_key(ends));
        all.extend(rest.map(|(from, to)| (from, to, mark, label.to_owned())));
    }
    all
}

fn pairs(edges: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    edges.iter().map(|(from, to)| (from.as_str(), to.as_str()))
}

/// Returns the edges that a violation is about.
fn ends(violation: &Violation) -> Vec<(&str, &str)> {
    if !violation.path.is_empty() {
        let steps = violation.path.windows(2);
        return steps
            .map(|step| (step[0].as_str(), step[1].as_str()))
            .collect();
    }
    match &violation.subject {
        Subject::Edge(from, to) | Subject::Call(from, to, _) => vec![(from, to)],
        Subject::Path(path) => path
            .windows(2)
            .map(|step| (step[0].as_str(), step[1].as_str()))
            .collect(),
        Subject::System
        | Subject::Service(_)
        | Subject::Entry(_, _)
        | Subject::Instance(_, _)
        | Subject::Shared(_, _) => Vec::new(),
    }
}

/// Returns a block of Mermaid with the edges that fit.
fn chart(edges: &[(&str, &str, Mark, String)], bytes: usize) -> String {
    let mut chart = "```mermaid\nflowchart LR\n".to_owned();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut styles: BTreeMap<Mark, Vec<String>> = BTreeMap::new();
    let mut drawn = 0;
    for (from, to, mark, label) in edges.iter().take(MAX_EDGES) {
        let mut lines = String::new();
        let mut node = |node| match numbers.get(node) {
            Some(number) => *number,
            None => {
                let number = numbers.len();
                let label = escaped(&name(node, NAME_COLUMNS));
                lines.push_str(&format!("  n{number}[\"{label}\"]\n"));
                numbers.insert(node, number);
                number
            }
        };
        let (from, to) = (node(from), node(to));
        let label = escaped(&name(label, NAME_COLUMNS));
        let arrow = match mark {
            Mark::Broken | Mark::New => "==>",
            Mark::NotSeen => "-.->",
        };
        lines.push_str(&format!("  n{from} {arrow}|\"{label}\"| n{to}\n"));
        // The line of styles repeats the number of each edge.
        let style = 5 * (drawn + 1) + 150;
        if chart.len() + lines.len() + style > bytes {
            break;
        }
        chart.push_str(&lines);
        styles.entry(*mark).or_default().push(drawn.to_string());
        drawn += 1;
    }
    for (mark, numbers) in styles {
        let style = match mark {
            Mark::Broken => "stroke:#d00,color:#d00",
            Mark::New => "stroke:#080,color:#080",
            Mark::NotSeen => "stroke:#888,color:#888",
        };
        chart.push_str(&format!("  linkStyle {} {style}\n", numbers.join(",")));
    }
    chart.push_str("```\n");
    match edges.len() - drawn {
        0 => {}
        rest => chart.push_str(&format!(
            "\n{} more not drawn.\n",
            text::plural(rest as u64, "edge")
        )),
    }
    chart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::gate::sample::{checked, hostile, many};

    fn drawing(verdict: &Verdict, bytes: usize) -> String {
        let mut out = Vec::new();
        write(verdict, bytes, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn edges_that_break_a_rule_come_first_and_once() {
        let verdict = checked().verdict.unwrap();
        let drawn: Vec<String> = edges(&verdict)
            .into_iter()
            .map(|(from, to, mark, label)| format!("{from} {to} {mark:?} {label}"))
            .collect();
        assert_eq!(
            drawn,
            [
                "cart checkout Broken no-cycles",
                "checkout cart Broken no-cycles",
                "checkout payments Broken retry-budgets",
                "frontend postgresql/payments Broken new, no-edge-to-data",
                "checkout kafka/orders New new",
                "shipping kafka/returns NotSeen not seen",
            ]
        );
    }

    #[test]
    fn nothing_changed_is_not_drawn() {
        assert_eq!(drawing(&Verdict::default(), 1_000), "");
    }

    #[test]
    fn large_changes_are_drawn_in_part() {
        let verdict = many(2_000).verdict.unwrap();
        for (bytes, at_most) in [(usize::MAX, MAX_EDGES), (10_000, MAX_EDGES), (1_000, 30)] {
            let text = drawing(&verdict, bytes);
            let drawn = text.matches("==>").count();
            assert!(drawn > 5 && drawn <= at_most && text.len() <= bytes.saturating_add(200));
            let rest = text::plural((4_000 - drawn) as u64, "edge");
            assert!(text.ends_with(&format!("\n{rest} more not drawn.\n")));
            let numbers = text.split("linkStyle ").nth(1).unwrap();
            assert_eq!(numbers.split(' ').next().unwrap().split(',').count(), drawn);
        }
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let text = drawing(&hostile().verdict.unwrap(), 60_000);
        for line in text.lines() {
            assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
            assert!(
                !line.contains("%%") && !line.contains("subgraph end\"]"),
                "{line}"
            );
        }
        assert_eq!(text.matches("```").count(), 2);
    }
}
