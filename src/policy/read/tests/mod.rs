//! Whole policies, and what is wrong with others.

mod full;

mod mistakes;

use super::*;

/// Names that the reports of these tests can have.
const VOCABULARY: Vocabulary<'static> = Vocabulary {
    metrics: &[
        "average_clustering",
        "density",
        "flow_hierarchy",
        "largest_cycle",
        "max_sync_depth",
    ],
    services: &["betweenness", "degree"],
    edges: &["calls", "client_ns.p99", "error_ratio", "served"],
};

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/policy");

/// Returns what people see of the mistakes in a text.
fn messages(name: &str, text: &str) -> String {
    let mistakes = match read(text, &VOCABULARY) {
        Ok(_) => return "no mistake\n".to_owned(),
        Err(mistakes) => mistakes,
    };
    let mut out = String::new();
    for error in error(name, text, &mistakes).each() {
        out.push_str(&format!("error: {error}\n"));
        for line in error.excerpt().unwrap_or_default().lines() {
            out.push_str(&format!("  {line}\n"));
        }
        if let Some(help) = error.help() {
            out.push_str(&format!("  help: {help}\n"));
        }
    }
    out
}
