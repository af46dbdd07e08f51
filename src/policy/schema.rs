//! The shape of the policy file as JSON Schema (draft 2020-12), for editors.
//!
//! It is printed from the tables of [`super::shape`]. A schema cannot know which names of a file refer to which, so that it
//! accepts some files that the reader refuses; it refuses none that the reader accepts.

use serde_json::{Map, Value, json};

use crate::policy::selector::{KIND, KINDS};
use crate::policy::shape::{Choice, EDGES, OPERATION, POLICY, Record, Shape};

const PERCENT: &str = r"^[0-9]+(\.[0-9]*)?\s*%$";
const SHARE: &str = r"^0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?)\s*%$";

/// Returns the schema.
pub fn schema() -> Value {
    let Value::Object(mut root) = record(&POLICY) else {
        return Value::Null;
    };
    root.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    root.insert("title".to_owned(), json!("topple.yaml"));
    root.insert(
        "$defs".to_owned(),
        json!({
            "selector": selector(),
            "edges": { "anyOf": [{ "type": "string", "pattern": "->" }, record(&EDGES)] },
            "operation": { "anyOf": [text(), record(&OPERATION)] },
        }),
    );
    Value::Object(root)
}

/// Returns the schema of a selector of services, which may hold others.
fn selector() -> Value {
    let pattern = text();
    let values = json!({ "anyOf": [text(), { "type": "array", "items": pattern, "minItems": 1 }] });
    let kind =
        json!({ "anyOf": [{ "enum": KINDS }, { "type": "string", "pattern": r"[*?]|^/.*/$" }] });
    let kinds = json!({ "anyOf": [kind, { "type": "array", "items": kind, "minItems": 1 }] });
    json!({
        "description": "services: a name, a glob, a /regex/, tags such as {tier: edge}, or a list of them",
        "anyOf": [
            { "type": "string", "anyOf": [{ "pattern": "^[^\\[{]+$" }, { "pattern": "^/.*/$" }] },
            { "type": "array", "items": { "$ref": "#/$defs/selector" }, "minItems": 1 },
            {
                "type": "object",
                "properties": { KIND: kinds },
                "additionalProperties": values,
                "minProperties": 1,
            },
        ],
    })
}

fn text() -> Value {
    json!({ "type": "string", "pattern": r"\S" })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// Returns the pattern of durations: each unit at most once, from the largest to the smallest.
fn duration() -> String {
    let units = ["d", "h", "m", "s", "ms", "us", "ns"];
    let parts: String = units
        .map(|unit| format!(r"(([0-9]+\.?[0-9]*|\.[0-9]+){unit})?"))
        .concat();
    format!("^(?=.){parts}$")
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Version => json!({ "const": 1 }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Shape::Text | Shape::Pattern | Shape::Query => text(),
        Shape::Share => pattern(SHARE),
        Shape::Percent => pattern(PERCENT),
        Shape::Duration => pattern(&duration()),
        Shape::Date => pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        Shape::Word(words) => json!({ "enum": words() }),
        Shape::CriticalityEdge => {
            let level = r"\s*(critical|high|medium|low)\s*";
            pattern(&format!("^{level}->{level}$"))
        }
        Shape::Value => json!({ "anyOf": [
            { "type": "number" },
            pattern(PERCENT),
            pattern(&duration()),
        ] }),
        Shape::Selector => json!({ "$ref": "#/$defs/selector" }),
        Shape::Edges => json!({ "$ref": "#/$defs/edges" }),
        Shape::Operation => json!({ "$ref": "#/$defs/operation" }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::OneOrMore(item) => json!({ "anyOf": [
            shape(item),
            { "type": "array", "items": shape(item) },
        ] }),
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": shape(value) }),
        Shape::Record(of) => record(of),
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() })
        }
    }
}

fn record(of: &Record) -> Value {
    let properties: Map<String, Value> = of
        .keys
        .iter()
        .map(|key| {
            let mut property = shape(&key.shape);
            if let Value::Object(property) = &mut property {
                property.insert("description".to_owned(), json!(key.about));
            }
            (key.name.to_owned(), property)
        })
        .collect();
    let required: Vec<&str> = of
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": of.about,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let with = |name: &&str| json!({ "required": [name] });
    let (key, value) = match of.choice {
        Choice::Free => return schema,
        Choice::ExactlyOne(names) => ("oneOf", json!(names.iter().map(with).collect::<Vec<_>>())),
        Choice::AtLeastOne(names) => ("anyOf", json!(names.iter().map(with).collect::<Vec<_>>())),
        Choice::AtMostOne(names) => {
            let pairs = names.iter().enumerate().flat_map(|(at, one)| {
                names[at + 1..]
                    .iter()
                    .map(move |other| json!({ "required": [one, other] }))
            });
            ("not", json!({ "anyOf": pairs.collect::<Vec<_>>() }))
        }
    };
    schema[key] = value;
    schema
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::policy::yaml;

    /// Files that are wrong in a way that no schema can see.
    const BEYOND_SHAPE: &[&str] = &[
        "backoff-order.yaml",
        "backoff-three.yaml",
        "duration-zero.yaml",
        "entrypoint-none.yaml",
        "entrypoint-unknown.yaml",
        "growth-negative.yaml",
        "headroom-all.yaml",
        "headroom-alone.yaml",
        "layers-one.yaml",
        "layers-twice.yaml",
        "limit-metric.yaml",
        "limit-scope.yaml",
        "metric-bounds.yaml",
        "metric-name.yaml",
        "metric-order.yaml",
        "phantoms-range.yaml",
        "quantiles-order.yaml",
        "query-character.yaml",
        "query-domains.yaml",
        "query-function.yaml",
        "query-name.yaml",
        "query-number.yaml",
        "query-open.yaml",
        "query-two-comparisons.yaml",
        "ratchet-direction.yaml",
        "regex-large.yaml",
        "regex.yaml",
        "rename-group-text.yaml",
        "rename-group.yaml",
        "rule-id-twice.yaml",
        "tag-criticality.yaml",
        "tag-kind.yaml",
        "two-locks.yaml",
        "waiver-date.yaml",
        "waiver-not-waivable.yaml",
        "waiver-rule.yaml",
    ];

    /// Returns a tree of YAML as JSON, by the core schema of YAML 1.2.
    fn json_of(node: &yaml::Node) -> Value {
        match &node.value {
            yaml::Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text().unwrap_or_default().to_owned(), json_of(value)))
                .collect::<Map<String, Value>>()
                .into(),
            yaml::Value::List(items) => items.iter().map(json_of).collect::<Vec<_>>().into(),
            yaml::Value::Scalar { .. } if node.is_nothing() => Value::Null,
            yaml::Value::Scalar { text, plain: true } => serde_json::from_str::<Value>(text)
                .ok()
                .filter(|value| value.is_number() || value.is_boolean())
                .unwrap_or_else(|| json!(text)),
            yaml::Value::Scalar { text, .. } => json!(text),
        }
    }

    /// Returns a file as JSON, if it is YAML.
    fn file(path: &Path) -> Option<Value> {
        let mut mistakes = Vec::new();
        let node = yaml::read(&fs::read_to_string(path).unwrap(), &mut mistakes)?;
        mistakes.is_empty().then(|| json_of(&node))
    }

    fn testdata() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/policy"))
    }

    #[test]
    fn the_full_policy_is_valid() {
        let schema = jsonschema::draft202012::new(&schema()).unwrap();
        let policy = file(&testdata().join("full/topple.yaml")).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&policy)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    #[test]
    fn the_schema_is_one() {
        jsonschema::draft202012::meta::validate(&schema()).unwrap();
    }

    #[test]
    fn what_is_wrong_in_shape_is_invalid() {
        let schema = jsonschema::draft202012::new(&schema()).unwrap();
        let mut accepted = Vec::new();
        for entry in fs::read_dir(testdata().join("broken")).unwrap() {
            let path = entry.unwrap().path();
            if file(&path).is_some_and(|policy| schema.is_valid(&policy)) {
                accepted.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
        accepted.sort();
        assert_eq!(accepted, BEYOND_SHAPE);
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        fn check(record: &Record) {
            assert!(record.about.starts_with(char::is_uppercase) && !record.about.ends_with('.'));
            for key in record.keys {
                let about = key.about;
                assert!(
                    !about.is_empty() && !about.ends_with('.'),
                    "{}: {about}",
                    key.name
                );
                below(&key.shape);
            }
        }
        fn below(shape: &Shape) {
            match shape {
                Shape::Record(record) => check(record),
                Shape::List(item) | Shape::OneOrMore(item) | Shape::Map(item) => below(item),
                Shape::Either(shapes) => shapes.iter().for_each(below),
                _ => {}
            }
        }
        check(&POLICY);
    }
}
