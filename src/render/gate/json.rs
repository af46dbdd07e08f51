//! The verdict for programs: a record of the JSON report, with everything it rests on behind it.

use super::Renderer;
use crate::render::json;

/// Writes JSON.
pub(super) static JSON: Renderer = Renderer {
    name: "json",
    about: "the verdict and the report it rests on, for programs",
    extensions: &["json"],
    edges_with: None,
    write: json::write,
};

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::Options;
    use crate::render::gate::sample::{checked, hostile};
    use crate::render::sample::{check, rendered};

    #[test]
    fn the_gate_of_the_shop_in_json() {
        let text = rendered(&JSON, &checked(), Options::default());
        // What follows is the report, which has its own snapshot.
        let (verdict, _) = text.split_once(",\n  \"data\": ").unwrap();
        check("render_gate_json", verdict);
    }

    #[test]
    fn what_is_written_reads_back() {
        let report = hostile();
        let text = rendered(&JSON, &report, Options::default());
        let value: Value = serde_json::from_str(&text).unwrap();
        let verdict = report.verdict.unwrap();
        let written = value["verdict"]["violations"].as_array().unwrap();
        assert_eq!(written.len(), verdict.violations.len());
        for (violation, written) in verdict.violations.iter().zip(written) {
            assert_eq!(written["id"], violation.id.as_str());
            assert_eq!(written["text"], violation.text.as_str());
            assert_eq!(written["excused"].is_null(), violation.excused.is_none());
            assert!(written.get("value").is_none(), "no number is not a number");
        }
        assert!(!text.contains("null"));
    }
}
