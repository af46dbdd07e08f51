//! What several formats of the gate say in the same words: the answer, where to look, why something is excused, and what
//! identifies a violation from run to run.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::Exit;
use crate::report::Report;
use crate::report::verdict::{Excused, FailOn, Judged, Location, Outcome, Verdict, Violation};
use crate::text;

/// Returns the verdict of a report; an empty one when nobody judged.
pub(super) fn verdict(report: &Report) -> Cow<'_, Verdict> {
    match &report.verdict {
        Some(verdict) => Cow::Borrowed(verdict),
        None => Cow::Owned(Verdict::default()),
    }
}

/// Returns the answer in one word.
pub(in crate::render) fn answer(verdict: &Verdict) -> &'static str {
    match verdict.exit() {
        Exit::Closed => "closed",
        Exit::Open => "open",
        Exit::Unknown | Exit::Usage => "unknown",
    }
}

/// Returns the answer as a sentence without an end.
pub(super) fn headline(verdict: &Verdict) -> String {
    let said = match answer(verdict) {
        "open" => "the gate is open",
        "closed" => "the gate is closed",
        _ => "the gate cannot tell",
    };
    match level(verdict) {
        Some(level) => format!("{said} ({level})"),
        None => said.to_owned(),
    }
}

/// Returns what closes the gate, unless that is what anybody would expect.
pub(super) fn level(verdict: &Verdict) -> Option<&'static str> {
    match verdict.fail_on {
        FailOn::Error => None,
        FailOn::Warn => Some("warnings close it"),
        FailOn::Never => Some("nothing closes it"),
    }
}

/// Returns what was counted, in one sentence without an end: `2 violations, 1 warning; 4 of 9 rules hold`.
pub(super) fn counts(verdict: &Verdict) -> String {
    let open = |level| verdict.open(level).count() as u64;
    let excused = verdict.violations.iter();
    let excused = excused.filter(|violation| violation.excused.is_some());
    let mut parts = vec![match open(Outcome::Fail) {
        0 => "no violations".to_owned(),
        n => text::plural(n, "violation"),
    }];
    match open(Outcome::Warn) {
        0 => {}
        n => parts.push(text::plural(n, "warning")),
    }
    match open(Outcome::Unknown) {
        0 => {}
        n => parts.push(format!("{} unknown", text::count(n))),
    }
    match excused.count() as u64 {
        0 => {}
        n => parts.push(format!("{} excused", text::count(n))),
    }
    let mut sentence = parts.join(", ");
    let rules = verdict.rules.len() as u64;
    sentence.push_str(&format!(
        "; {} of {} {}",
        text::count(verdict.rules_with(Outcome::Pass) as u64),
        text::plural(rules, "rule"),
        if rules == 1 { "holds" } else { "hold" },
    ));
    match verdict.rules_with(Outcome::Unknown) as u64 {
        0 => {}
        n => sentence.push_str(&format!(", {} could not be judged", text::count(n))),
    }
    sentence
}

/// Returns a sentence that starts with a capital letter.
pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

/// Returns why a violation does not close the gate, if it does not.
pub(super) fn excuse(violation: &Violation) -> Option<String> {
    Some(match violation.excused.as_ref()? {
        Excused::Waiver {
            reason,
            owner,
            expires,
        } => {
            let owner = owner.as_ref().map(|owner| format!(" by {owner}"));
            format!(
                "waived until {expires}{}: {reason}",
                owner.unwrap_or_default()
            )
        }
        Excused::Accepted => "accepted in the lock".to_owned(),
        Excused::Known => "known: the baseline has it too".to_owned(),
    })
}

/// Returns what is known of a violation beyond its sentence, a line each, names made visible.
pub(super) fn details(violation: &Violation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = &violation.why {
        lines.push(format!("why: {why}"));
    }
    if !violation.help.is_empty() {
        lines.push(format!("fix: {}", violation.help));
    }
    if !violation.path.is_empty() {
        lines.push(format!("path: {}", violation.path.join(" -> ")));
    }
    if violation.of > 0 {
        let count = text::count(violation.count);
        let of = text::count(violation.of);
        lines.push(format!("seen: {count} of {of}, {}", violation.grade.name()));
    }
    if !violation.exemplars.is_empty() {
        lines.push(format!("traces: {}", violation.exemplars.join(", ")));
    }
    for line in &mut lines {
        *line = text::visible(line).into_owned();
    }
    lines
}

/// Returns the rules that could not be judged and of which no violation tells.
pub(super) fn untold(verdict: &Verdict) -> impl Iterator<Item = &Judged> {
    let tells = |rule: &Judged| {
        let mut violations = verdict.violations.iter();
        violations.any(|violation| violation.rule == rule.id)
    };
    verdict
        .rules
        .iter()
        .filter(move |rule| rule.outcome == Outcome::Unknown && !tells(rule))
}

/// Returns what a rule that could not be judged misses, as a sentence without an end.
pub(super) fn missing(rule: &Judged) -> &str {
    rule.missing.as_deref().unwrap_or("too little evidence")
}

/// Returns where to show a violation: its place, or else the line of its rule in the policy file.
///
/// Readers take places relative to the root of the repository and nothing else, so a place outside of it counts as
/// none.
pub(super) fn place(verdict: &Verdict, violation: &Violation) -> Location {
    within(&violation.location).unwrap_or_else(|| {
        let rule = verdict.rules.iter().find(|rule| rule.id == violation.rule);
        line_of(verdict, rule.map_or(1, |rule| rule.line))
    })
}

/// Returns a place, if it is one in the repository.
pub(super) fn within(place: &Location) -> Option<Location> {
    Some(Location {
        file: inside(&place.file)?.to_owned(),
        line: place.line.max(1),
    })
}

/// Returns a line of the policy file.
pub(super) fn line_of(verdict: &Verdict, line: usize) -> Location {
    let name = verdict.policy.rsplit(['/', '\\']).next();
    let name = name.filter(|name| !name.is_empty() && *name != "..");
    Location {
        file: inside(&verdict.policy)
            .or(name)
            .unwrap_or("topple.yaml")
            .to_owned(),
        line: line.max(1),
    }
}

/// Returns a path without a leading `./` if it is relative and stays below where it starts.
fn inside(file: &str) -> Option<&str> {
    let file = file.trim_start_matches("./");
    let has_drive = file.as_bytes().get(1) == Some(&b':');
    let leaves = file.starts_with(['/', '\\']) || file.split(['/', '\\']).any(|part| part == "..");
    (!file.is_empty() && !has_drive && !leaves).then_some(file)
}

/// Returns what identifies each violation from run to run: 32 hex digits made of its id alone, different for each.
pub(super) fn fingerprints(verdict: &Verdict) -> Vec<String> {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let violations = verdict.violations.iter();
    violations
        .map(|violation| {
            let before = seen.entry(&violation.id).or_default();
            *before += 1;
            match *before {
                1 => fingerprint(&violation.id),
                n => fingerprint(&format!("{}\n{n}", violation.id)),
            }
        })
        .collect()
}

/// Returns the FNV-1a hash of a text in 128 bits.
///
/// Source: Fowler, Noll, Vo, Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
pub(super) fn fingerprint(text: &str) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = text.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::render::gate::sample::{checked, hostile};

    #[test]
    fn fingerprints_are_the_published_hash_and_differ() {
        assert_eq!(fingerprint(""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(fingerprint("a"), "d228cb696f1a8caf78912b704e4a8964");
        assert_eq!(fingerprint("foobar"), "343e1662793c64bf6f0d3597ba446f18");
        for report in [checked(), hostile()] {
            let mut verdict = report.verdict.unwrap();
            verdict.violations.extend(verdict.violations.clone());
            let all = fingerprints(&verdict);
            let distinct: BTreeSet<&String> = all.iter().collect();
            assert_eq!(distinct.len(), verdict.violations.len());
            assert_eq!(all[0], fingerprint(&verdict.violations[0].id));
        }
    }

    #[test]
    fn places_outside_the_repository_are_those_of_the_rule() {
        let verdict = Verdict {
            policy: "./ops/topple.yaml".to_owned(),
            rules: vec![Judged {
                id: "r".to_owned(),
                line: 7,
                ..Judged::default()
            }],
            ..Verdict::default()
        };
        for (file, line, expected) in [
            ("src/a.rs", 3, "src/a.rs:3"),
            ("./src/a.rs", 0, "src/a.rs:1"),
            ("", 3, "ops/topple.yaml:7"),
            ("/home/me/a.rs", 3, "ops/topple.yaml:7"),
            ("../a.rs", 3, "ops/topple.yaml:7"),
            ("C:\\a.rs", 3, "ops/topple.yaml:7"),
        ] {
            let violation = Violation {
                rule: "r".to_owned(),
                location: Location {
                    file: file.to_owned(),
                    line,
                },
                ..Violation::default()
            };
            let Location { file, line } = place(&verdict, &violation);
            assert_eq!(format!("{file}:{line}"), expected);
        }
        for (policy, expected) in [
            ("/home/me/topple.yaml", "topple.yaml"),
            ("../team.yaml", "team.yaml"),
            ("", "topple.yaml"),
            ("..", "topple.yaml"),
        ] {
            let verdict = Verdict {
                policy: policy.to_owned(),
                ..Verdict::default()
            };
            assert_eq!(line_of(&verdict, 0).file, expected);
        }
    }

    #[test]
    fn the_answer_counts_what_matters() {
        let report = checked();
        let verdict = verdict(&report);
        assert_eq!(answer(&verdict), "closed");
        assert_eq!(
            counts(&verdict),
            "3 violations, 1 warning, 1 unknown, 3 excused; 1 of 9 rules hold, 2 could not be judged"
        );
        assert_eq!(
            counts(&Verdict::default()),
            "no violations; 0 of 0 rules hold"
        );
        assert_eq!(answer(&Verdict::default()), "unknown");
    }
}
