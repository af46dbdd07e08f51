//! SARIF 2.1.0, as code scanning reads it: a rule per rule of the policy, a result per violation.
//!
//! Every result has a physical location below `%SRCROOT%`, the root of the repository, because GitHub drops the others. A
//! violation that is excused is written with its suppression, and as a note: GitHub does not read suppressions, and a note
//! does not fail its check. What nobody could tell is of kind `open`, which has no level. What was repaired is not
//! written; nobody sees it anymore.
//!
//! GitHub takes 25,000 results and 25,000 rules in a run, shows the 5,000 loudest results, 1,000 steps of a path, and ten
//! megabytes of the packed file. The loudest results are kept when there are more.
//!
//! The tests check what is written against the published schema, and against one of our own that allows no more than is written.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub, "SARIF support for code
//! scanning".

mod results;

mod rules;

use std::io;

use serde_json::{Value, json};

use super::words::{self, capital};
use super::{Options, Renderer};
use crate::render::json::document;
use crate::report::Report;
use crate::report::verdict::{Location, Verdict};
use crate::text;

/// Writes SARIF.
pub(super) static SARIF: Renderer = Renderer {
    name: "sarif",
    about: "results with places and history, for code scanning",
    extensions: &["sarif"],
    edges_with: None,
    write,
};

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What paths are relative to.
const ROOT: &str = "%SRCROOT%";

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let verdict = words::verdict(report);
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [run(&verdict)],
    });
    document(&log, out)
}

fn run(verdict: &Verdict) -> Value {
    let rules = rules::Rules::new(verdict);
    let policy = words::line_of(verdict, 1).file;
    let notes = verdict
        .notes
        .iter()
        .map(|note| json!({ "level": "note", "message": { "text": plain(note) } }));
    let headline = words::headline(verdict);
    let said = json!({ "level": "note", "message": { "text": sentence(&capital(&headline)) } });
    let notes: Vec<Value> = std::iter::once(said)
        .chain(notes)
        .chain(results::left_out(verdict))
        .collect();
    let mut run = json!({
        // Results of several policies in one repository do not replace each other: a category ends with a slash.
        "automationDetails": { "id": format!("topple/{}/", text::visible(&policy)) },
        "columnKind": "unicodeCodePoints",
        "invocations": [{ "executionSuccessful": !verdict.unread, "toolExecutionNotifications": notes }],
        "originalUriBaseIds": { ROOT: { "description": { "text": "the root of the repository" } } },
        "results": results::results(verdict, &rules),
        "tool": {
            "driver": {
                "name": "topple",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.list,
            },
        },
    });
    if let Some(baseline) = &verdict.baseline {
        run["properties"] = json!({ "baseline": text::visible(baseline) });
    }
    run
}

/// Returns a place in the repository.
fn physical(place: &Location) -> Value {
    json!({
        "artifactLocation": { "uri": uri(&place.file), "uriBaseId": ROOT },
        "region": { "startLine": place.line },
    })
}

/// Returns a relative path as a reference of RFC 3986: everything but what is unreserved is written in hex.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Returns a message in plain text: what hides is visible, nothing is a link or a placeholder, and no message is empty.
///
/// Source: section 3.11.5, by which braces are doubled, and 3.11.6, by which `[a](b)` is a link.
fn plain(foreign: &str) -> String {
    if foreign.is_empty() {
        return "(empty)".to_owned();
    }
    let text = text::visible(foreign).replace("](", "] (");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('{') {
        let inside = &rest[at + 1..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(&rest[..at]);
        if digits > 0 && inside[digits..].starts_with('}') {
            out.push_str(&format!("{{{{{}}}}}", &inside[..digits]));
            rest = &inside[digits + 1..];
        } else {
            out.push('{');
            rest = inside;
        }
    }
    out.push_str(rest);
    out
}

/// Returns a text with a full stop behind it.
fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests;
