//! What the gate objects to as SARIF describes results: how bad, where, whether new, and why it is excused.

use serde_json::{Map, Value, json};

use super::rules::{self, Rules};
use super::{physical, plain, sentence};
use crate::render::gate::words::{
    capital, excuse, fingerprint, fingerprints, line_of, missing, place, untold, within,
};
use crate::report::Subject;
use crate::report::verdict::{Age, Excused, Judged, Location, Outcome, Verdict, Violation};
use crate::text;

/// Most results of a run that GitHub takes.
const MAX_RESULTS: usize = 25_000;

/// Most steps of a path that GitHub shows.
const MAX_STEPS: usize = 1_000;

/// Returns the result of every violation, and of every rule that could not be judged; the loudest, if there are too many.
pub(super) fn results(verdict: &Verdict, rules: &Rules<'_>) -> Vec<Value> {
    let fingerprints = fingerprints(verdict);
    let mut order: Vec<usize> = (0..verdict.violations.len()).collect();
    order.sort_by_key(|&at| {
        let violation = &verdict.violations[at];
        std::cmp::Reverse(verdict.loudness(violation))
    });
    order.truncate(MAX_RESULTS);
    order.sort_unstable();
    let room = MAX_RESULTS - order.len();
    let violations = order
        .into_iter()
        .map(|at| of_violation(verdict, rules, &verdict.violations[at], &fingerprints[at]));
    let untold = untold(verdict).take(room);
    violations
        .chain(untold.map(|rule| of_untold(verdict, rules, rule)))
        .collect()
}

/// Returns the notification that results are left out, if they are.
pub(super) fn left_out(verdict: &Verdict) -> Option<Value> {
    let all = verdict.violations.len() + untold(verdict).count();
    let rest = all.saturating_sub(MAX_RESULTS) as u64;
    let text = format!("{} left out", text::plural(rest, "result"));
    (rest > 0).then(|| json!({ "level": "warning", "message": { "text": text } }))
}

fn of_violation(
    verdict: &Verdict,
    rules: &Rules<'_>,
    violation: &Violation,
    fingerprint: &str,
) -> Value {
    let place = place(verdict, violation);
    let mut result = with_rule(rules, &violation.rule);
    let (kind, level) = kind_and_level(verdict, violation);
    result.insert("kind".to_owned(), json!(kind));
    result.insert("level".to_owned(), json!(level));
    result.insert("message".to_owned(), json!({ "text": message(violation) }));
    result.insert(
        "locations".to_owned(),
        json!([{ "physicalLocation": physical(&place), "logicalLocations": [logical(&violation.subject)] }]),
    );
    result.insert("partialFingerprints".to_owned(), prints(fingerprint));
    match violation.age {
        Age::Untold => {}
        Age::New => drop(result.insert("baselineState".to_owned(), json!("new"))),
        Age::Known => drop(result.insert("baselineState".to_owned(), json!("unchanged"))),
    }
    result.insert("suppressions".to_owned(), suppressions(violation));
    if violation.path.len() > 1 {
        let flow = code_flow(violation, &place);
        result.insert("codeFlows".to_owned(), json!([flow]));
    }
    result.insert("properties".to_owned(), properties(violation));
    Value::Object(result)
}

/// Returns the result that a rule could not be judged.
fn of_untold(verdict: &Verdict, rules: &Rules<'_>, rule: &Judged) -> Value {
    let mut result = with_rule(rules, &rule.id);
    let text = plain(&format!("could not be judged: {}", missing(rule)));
    let place = line_of(verdict, rule.line);
    result.insert("kind".to_owned(), json!("open"));
    result.insert("level".to_owned(), json!("none"));
    result.insert("message".to_owned(), json!({ "text": sentence(&text) }));
    result.insert(
        "locations".to_owned(),
        json!([{ "physicalLocation": physical(&place) }]),
    );
    let id = fingerprint(&format!("{}: could not be judged", rule.id));
    result.insert("partialFingerprints".to_owned(), prints(&id));
    result.insert("suppressions".to_owned(), json!([]));
    Value::Object(result)
}

fn with_rule(rules: &Rules<'_>, id: &str) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(rules::id(id)));
    if let Some(index) = rules.index(id) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result
}

/// Returns kind and level; a level other than `none` goes with the kind `fail` alone.
fn kind_and_level(verdict: &Verdict, violation: &Violation) -> (&'static str, &'static str) {
    if violation.level == Outcome::Unknown {
        return ("open", "none");
    }
    match verdict.loudness(violation) {
        Outcome::Fail => ("fail", "error"),
        Outcome::Warn => ("fail", "warning"),
        Outcome::Pass | Outcome::Waived | Outcome::Unknown => ("fail", "note"),
    }
}

/// Returns what was found, why it is excused, and how to fix it.
fn message(violation: &Violation) -> String {
    let found = if violation.text.is_empty() {
        &violation.rule
    } else {
        &violation.text
    };
    let mut message = plain(found);
    if let Some(excuse) = excuse(violation) {
        message.push_str(&format!(" ({})", plain(&excuse)));
    }
    message = sentence(&message);
    if !violation.help.is_empty() {
        let help = capital(&plain(&violation.help));
        message.push_str(&format!(" {}", sentence(&help)));
    }
    message
}

/// Returns fingerprints made of the id alone, so that a result that moves stays the same; GitHub compares the first.
fn prints(fingerprint: &str) -> Value {
    json!({ "primaryLocationLineHash": format!("{fingerprint}:1"), "toppleViolation/v1": fingerprint })
}

/// Returns who suppressed a result; an empty list says that nobody did.
fn suppressions(violation: &Violation) -> Value {
    match &violation.excused {
        None | Some(Excused::Known) => json!([]),
        Some(Excused::Waiver { .. } | Excused::Accepted) => {
            let why = excuse(violation).unwrap_or_default();
            json!([{ "kind": "external", "status": "accepted", "justification": text::visible(&why) }])
        }
    }
}

/// Returns where in the system it is.
fn logical(subject: &Subject) -> Value {
    let (kind, name) = match subject {
        Subject::System => ("system", "the system".to_owned()),
        Subject::Service(name) => ("service", name.clone()),
        Subject::Edge(_, _) => ("edge", subject.to_string()),
        Subject::Path(_) => ("path", subject.to_string()),
        Subject::Call(_, _, operation) | Subject::Entry(_, operation) => {
            ("operation", operation.clone())
        }
        Subject::Instance(_, instance) => ("instance", instance.clone()),
        Subject::Shared(kind, name) => (*kind, name.clone()),
    };
    json!({ "kind": kind, "name": name, "fullyQualifiedName": subject.to_string() })
}

/// Returns a path as steps from service to service, each where its call is made; the last, and what has no place of its own, is
/// shown at the place of the result.
fn code_flow(violation: &Violation, place: &Location) -> Value {
    let path = &violation.path;
    let steps = path.iter().take(MAX_STEPS).enumerate();
    let at = |number: usize| {
        let step = violation.steps.get(number).and_then(within);
        step.unwrap_or_else(|| place.clone())
    };
    let steps: Vec<Value> = steps
        .map(|(number, name)| {
            let text = match path.get(number + 1) {
                Some(next) => format!("{name} calls {next}"),
                None => name.clone(),
            };
            json!({
                "location": {
                    "physicalLocation": physical(&at(number)),
                    "logicalLocations": [logical(&Subject::Service(name.clone()))],
                    "message": { "text": plain(&text) },
                },
                "executionOrder": number,
            })
        })
        .collect();
    json!({ "threadFlows": [{ "locations": steps }] })
}

/// Returns the numbers behind it; what is missing or no number is left out.
fn properties(violation: &Violation) -> Value {
    let mut bag = Map::new();
    bag.insert("id".to_owned(), json!(violation.id));
    bag.insert("grade".to_owned(), json!(violation.grade.name()));
    bag.insert("count".to_owned(), json!(violation.count));
    bag.insert("of".to_owned(), json!(violation.of));
    bag.insert("exemplars".to_owned(), json!(violation.exemplars));
    for (name, value) in [
        ("value", violation.value),
        ("limit", violation.limit),
        ("low", violation.interval.map(|(low, _)| low)),
        ("high", violation.interval.map(|(_, high)| high)),
    ] {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            bag.insert(name.to_owned(), json!(value));
        }
    }
    if !violation.unit.is_empty() {
        bag.insert("unit".to_owned(), json!(violation.unit));
    }
    Value::Object(bag)
}
