//! The shapes of reports and comparisons as JSON Schema (draft 2020-12), for programs that read them.

use serde_json::Value;

/// The schema, as it is printed. It is written by hand like the records, because it is a promise of its own.
pub const SCHEMA: &str = include_str!("report.schema.json");

/// The schema of comparisons.
pub const DIFF_SCHEMA: &str = include_str!("diff.schema.json");

/// Returns the schema of simulations, with the shapes that they share with reports.
pub fn simulation_schema() -> Value {
    let read = |text: &str| -> Value {
        serde_json::from_str(text).expect("the schemas of this folder are JSON")
    };
    let mut schema = read(include_str!("simulation.schema.json"));
    let mut report = read(SCHEMA);
    for shared in ["count", "data", "share", "time"] {
        schema["$defs"][shared] = report["$defs"][shared].take();
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{DIFF_SCHEMA, SCHEMA, simulation_schema};
    use crate::render::Options;
    use crate::render::gate;
    use crate::render::json::{DIFF, JSON};
    use crate::render::sample::{
        budgets, cascades, compared, hostile, hostile_cascades, hubs, rendered, shop,
    };
    use crate::report::Report;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn reports() -> impl Iterator<Item = Value> {
        let [falling, _] = hostile_cascades();
        [
            shop(),
            hostile(),
            hubs(),
            cascades(),
            budgets(),
            falling,
            Report::default(),
        ]
        .into_iter()
        .chain([gate::sample::checked(), gate::sample::hostile()])
        .map(|report| serde_json::from_str(&rendered(&JSON, &report, Options::default())).unwrap())
    }

    #[test]
    fn the_schema_is_one() {
        jsonschema::draft202012::meta::validate(&schema()).unwrap();
    }

    #[test]
    fn reports_are_valid() {
        let schema = jsonschema::draft202012::new(&schema()).unwrap();
        for report in reports() {
            let errors: Vec<String> = schema
                .iter_errors(&report)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_invalid() {
        let schema = jsonschema::draft202012::new(&schema()).unwrap();
        let wrong: [fn(&mut Value); 6] = [
            |report| report["schema"] = "topple/report/2".into(),
            |report| report["data"]["traces"] = "40".into(),
            |report| report["services"][0]["kind"] = "pod".into(),
            |report| report["edges"][0]["error_ratio"] = 25.into(),
            |report| report["findings"] = Value::Null,
            |report| {
                report["services"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("name");
            },
        ];
        for (at, make) in wrong.iter().enumerate() {
            let mut report = reports().next().unwrap();
            assert!(schema.is_valid(&report));
            make(&mut report);
            assert!(!schema.is_valid(&report), "{at}");
        }
    }

    /// Adds the keys of a report that its schema does not describe.
    fn undescribed(
        value: &Value,
        schema: &Value,
        root: &Value,
        path: &str,
        found: &mut BTreeSet<String>,
    ) {
        let schema = match schema["$ref"].as_str() {
            Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
            None => schema,
        };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = format!("{path}/{name}");
                    match [&schema["properties"][name], &schema["additionalProperties"]] {
                        [Value::Null, Value::Null] => {
                            found.insert(path);
                        }
                        [Value::Null, any] => undescribed(value, any, root, &path, found),
                        [known, _] => undescribed(value, known, root, &path, found),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    undescribed(item, &schema["items"], root, path, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn comparisons_are_valid_and_every_key_is_described() {
        let schema: Value = serde_json::from_str(DIFF_SCHEMA).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mut found = BTreeSet::new();
        for report in [compared("pay"), Report::default()] {
            let text = rendered(&DIFF, &report, Options::default());
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            undescribed(&value, &schema, &schema, "", &mut found);
            value["tested"] = "40".into();
            assert!(!validator.is_valid(&value));
        }
        assert!(
            found.is_empty(),
            "describe {found:?} in src/render/json/diff.schema.json"
        );
    }

    #[test]
    fn simulations_are_valid_and_every_key_is_described() {
        let schema = simulation_schema();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mut found = BTreeSet::new();
        for cart in ["cart", "\u{1b}[31m|<a>"] {
            let report = crate::render::simulation::tests::sample(cart);
            let text = rendered(
                &crate::render::json::simulation::JSON,
                &report,
                Options::default(),
            );
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
            undescribed(&value, &schema, &schema, "", &mut found);
            value["success"]["before"] = 2.into();
            assert!(!validator.is_valid(&value));
        }
        assert!(
            found.is_empty(),
            "describe {found:?} in src/render/json/simulation.schema.json"
        );
    }

    #[test]
    fn every_key_of_a_report_is_described() {
        let schema = schema();
        let mut found = BTreeSet::new();
        for report in reports() {
            undescribed(&report, &schema, &schema, "", &mut found);
        }
        assert!(
            found.is_empty(),
            "describe {found:?} in src/render/json/report.schema.json"
        );
    }
}
