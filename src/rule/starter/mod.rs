//! A policy to start with: rules that hold for a report today, the others as comments with what they would say.
//!
//! Every line is tried before it is written: it is read as a policy and judged. What passes is active; what does not, or cannot be
//! judged, is a comment that says so.

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;

use crate::policy::{self, Policy};
use crate::report::numbers::VOCABULARY;
use crate::report::verdict::{Outcome, Verdict};
use crate::report::{EntryRow, Kind, Report};
use crate::rule::baseline::Baseline;
use crate::rule::lock::Lock;
use crate::rule::places::Places;
use crate::rule::{Judging, judge};
use crate::text;
use lines::{Line, metrics, queries, rules};

/// Entry points that get an objective.
const ENTRYPOINTS: usize = 12;

/// What a measured p99 may grow by.
const TIME_ROOM: f64 = 1.25;

/// Returns the text of a policy that a report passes, and the lock that belongs to it.
pub fn starter(report: &Report) -> (String, Lock) {
    let mut out = String::from(
        "# What this system promises. Everything below that is no comment holds today.\n\
         # topple explain rules says what each rule means and how to write others.\n\
         version: 1\n\n\
         evidence:\n  \
         min_traces: 1       # fewer: exit code 3; raise it to what your tests always record\n  \
         min_calls: 20       # fewer calls say nothing about rates\n  \
         on_unknown: warn    # ignore, warn, or fail\n",
    );
    tags(report, &mut out);
    let entrypoints = entrypoints(report, &mut out);
    section(report, &entrypoints, "metrics", &metrics(report), &mut out);
    section(
        report,
        &entrypoints,
        "network_health_metrics",
        &queries(),
        &mut out,
    );
    section(report, &entrypoints, "rules", &rules(report), &mut out);
    let _ = write!(
        out,
        "\n# waivers:\n#   - {{ rule: new-edges, edge: {}, reason: \"gone with SHOP-1\", owner: team-shop, expires: YYYY-MM-DD }}  # at most 180 days from today\n",
        example(report)
    );
    let policy = policy::read(&out, &VOCABULARY).unwrap_or_default();
    let lock = Lock::of(report, &policy);
    (out, lock)
}

/// Lists the tags that services have, and shows how to give others.
fn tags(report: &Report, out: &mut String) {
    /// Values shown of a tag.
    const SHOWN: usize = 5;
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for service in &report.services {
        for (tag, value) in &service.tags {
            values.entry(tag).or_default().insert(value);
        }
    }
    out.push_str("\n# services:\n");
    for (tag, values) in &values {
        let shown: Vec<&str> = values.iter().copied().take(SHOWN).collect();
        let more = values.len().saturating_sub(SHOWN);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let line = format!("#   found: {tag} = {}{more}", shown.join(", "));
        let _ = writeln!(out, "{}", text::visible(&line));
    }
    let mut services = report.services.iter();
    let first = services.find(|service| service.kind == Kind::Service);
    let first = first.map(|service| &service.name);
    // Where requests come in is the edge of the system.
    let name = report.entries.first().map(|entry| &entry.service);
    let name = name.or(first).map_or("\"*\"".to_owned(), |name| json(name));
    let _ = writeln!(out, "#   tags: {{ team: service.owner }}");
    let _ = writeln!(
        out,
        "#   define: [ {{ match: {name}, tags: {{ tier: edge }}, criticality: high, source: \"services/{{name}}/\" }} ]"
    );
}

/// Returns an edge as a waiver names it: one of the system, if there is any.
fn example(report: &Report) -> String {
    let services = report.services.iter().filter(|of| of.kind != Kind::Users);
    let names: BTreeSet<&str> = services.map(|of| of.name.as_str()).collect();
    let mut edges = report.edges.iter();
    let edge = edges.find(|edge| names.contains(edge.from.as_str()));
    match edge {
        Some(edge) => format!("{{ from: {}, to: {} }}", json(&edge.from), json(&edge.to)),
        None => "cart -> pricing".to_owned(),
    }
}

fn json(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Returns whether a name means itself as a pattern, and nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['*', '?']) && !name.starts_with('/')
}

/// Writes the busiest entry points; returns the section of those that are active.
fn entrypoints(report: &Report, out: &mut String) -> String {
    let mut section = String::from("entrypoints:\n");
    let mut comments = String::new();
    let mut names = BTreeSet::new();
    let is_usable = |entry: &&EntryRow| is_plain(&entry.service) && is_plain(&entry.operation);
    let mut active = 0;
    for entry in report.entries.iter().filter(is_usable).take(ENTRYPOINTS) {
        let limit = rounded(entry.duration_ns.p99 as f64 * TIME_ROOM);
        let line = format!(
            "  {}: {{ service: {}, operation: {}, slo: {{ p99: {limit} }} }}",
            json(&slug(&entry.operation, &mut names)),
            json(&entry.service),
            json(&entry.operation)
        );
        let requests = entry.duration_ns.count;
        let measured = text::duration(entry.duration_ns.p99);
        if requests >= Policy::default().evidence.min_calls {
            let _ = writeln!(section, "{line}  # {measured} today");
            active += 1;
        } else {
            let said = text::plural(requests, "request");
            let _ = writeln!(comments, "# {line}  # {said} today, too few to tell");
        }
    }
    let section = match active {
        0 => String::new(),
        _ => section,
    };
    if !section.is_empty() || !comments.is_empty() {
        let head = match active {
            0 => "# entrypoints:\n",
            _ => "",
        };
        let _ = write!(out, "\n{head}{section}{comments}");
    }
    section
}

/// Returns a duration rounded up to two digits, as the policy writes it.
fn rounded(ns: f64) -> String {
    let ns = ns.max(1.0);
    let step = 10f64.powf(ns.log10().floor() - 1.0);
    let ns = (ns / step).ceil() * step;
    for (size, unit) in [(1e9, "s"), (1e6, "ms"), (1e3, "us")] {
        if ns >= size {
            let shown = format!("{:.3}", ns / size);
            let shown = shown.trim_end_matches('0').trim_end_matches('.');
            return format!("{shown}{unit}");
        }
    }
    format!("{ns:.0}ns")
}

/// Returns a name for an operation that no other has.
fn slug(operation: &str, taken: &mut BTreeSet<String>) -> String {
    let words: Vec<String> = operation
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let base = match words.is_empty() {
        true => "entry".to_owned(),
        false => words.join("-"),
    };
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// Writes a section: the lines that hold, and the others as comments.
fn section(report: &Report, entrypoints: &str, name: &str, lines: &[Line], out: &mut String) {
    let tried: Vec<(&Line, std::result::Result<(), String>)> = lines
        .iter()
        .map(|line| (line, attempt(report, entrypoints, name, line)))
        .collect();
    let head = match tried.iter().any(|(_, held)| held.is_ok()) {
        true => "",
        false => "# ",
    };
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{head}{name}:");
    for (line, held) in tried {
        let _ = match held {
            Ok(()) => writeln!(out, "{}  # {}", line.text, line.why),
            Err(why) => {
                let said = format!("# {}  # {}: {why}", line.text, line.why);
                writeln!(out, "{}", text::visible(&said))
            }
        };
    }
}

/// Tries a line; returns why it does not hold.
fn attempt(
    report: &Report,
    entrypoints: &str,
    name: &str,
    line: &Line,
) -> std::result::Result<(), String> {
    let source = format!("version: 1\n{entrypoints}{name}:\n{}\n", line.text);
    let policy = policy::read(&source, &VOCABULARY)
        .map_err(|_| "not a rule that can be written down".to_owned())?;
    let lock = Lock::of(report, &policy);
    let base = Baseline::of_lock(String::new(), lock.report(report, &policy));
    let judging = Judging {
        policy: &policy,
        policy_name: policy::FILE_NAME,
        places: &Places::default(),
        base: Some(&base),
        lock: Some(&lock),
        only: &[],
        new_only: false,
        today: Date::default(),
    };
    let verdict: Verdict = judge(report, &judging).map_err(|error| error.to_string())?;
    let Some(row) = verdict.rules.first() else {
        return Err("nothing was judged".to_owned());
    };
    match row.outcome {
        Outcome::Pass | Outcome::Waived => Ok(()),
        Outcome::Unknown => Err(format!(
            "cannot be judged today: {}",
            row.missing.as_deref().unwrap_or("too little was seen")
        )),
        Outcome::Warn | Outcome::Fail => {
            let found = verdict.violations.len() as u64;
            Err(format!("{} today", text::plural(found, "violation")))
        }
    }
}
