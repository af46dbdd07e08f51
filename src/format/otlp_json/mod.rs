//! OTLP as JSON: lines of the Collector's file exporter, documents of Tempo and Jaeger, pretty-printed or not.
//!
//! [`scan`] finds ends many bytes at a time, [`cursor`] knows JSON's grammar, [`walk`] is the fast way over both,
//! [`decode`] the complete one through `serde_json`; [`value`] reads single values for both. When the walk meets
//! text that is not JSON, `serde_json` is asked too, since it notices what the walk steps over.

mod attribute;
mod cursor;
mod decode;
mod decoder;
mod document;
mod place;
mod recognise;
mod repair;
mod span;
mod value;
mod walk;

#[cfg(test)]
mod tests;

use crate::error::{Lost, Problem};
use crate::format::{Format, Sink, scan};
use crate::input::{Outline, Record};
use bumpalo::Bump;
use cursor::Fault;
use document::MAX_WRAPPERS;
use repair::{Repaired, RepairedSink};
use serde::de::IgnoredAny;
use std::ops::Range;
use walk::{Stop, Walk};

/// What is said of a trace id that is too long and was cut, before its length.
const LONG_TRACE_ID: &str = "expected a 32-digit trace id, used the last 32 digits of";

/// OTLP as JSON.
pub const FORMAT: Format = Format {
    name: "otlp-json",
    about: "OTLP traces as JSON, from the Collector, Tempo or Jaeger",
    recognise: recognise::recognise,
    outline: Some(&OUTLINE),
    read,
    decode: decode::decode,
};

/// Lists of resource spans, also in the wrappers of Tempo.
static OUTLINE: Outline = Outline {
    lists: &["resourceSpans", "resource_spans", "batches"],
    wrappers: &["trace", "result"],
    max_wrappers: MAX_WRAPPERS,
    bare: false,
    foreign: &[],
    passes_over: true,
    ids: None,
};

/// Reads one record the fast way.
fn read(record: &Record<'_>, sink: &mut dyn Sink) {
    if let Some(text) = scan::text(record) {
        read_text(record, text, sink);
    } else {
        let repaired = Repaired::new(record.bytes());
        sink.problem(repaired.problem());
        let mut sink = RepairedSink {
            repaired: &repaired,
            sink,
        };
        read_text(&repaired.record(), repaired.text(), &mut sink);
    }
}

fn read_text(record: &Record<'_>, text: &str, sink: &mut dyn Sink) {
    let arena = Bump::new();
    let walk = Walk {
        record: *record,
        text,
        arena: &arena,
        sink: &mut *sink,
    };
    if let Some(stop) = scan::dispatch(walk) {
        sink.problem(told(text, stop));
    }
}

/// Returns the problem of a text that stops being JSON.
fn told(text: &str, stop: Stop) -> Problem {
    let fault = stop.fault;
    // Behind a fault inside a group, the whole text would tell of that one again.
    let asked = match stop.recovered {
        true => fault.at..fault.at,
        false => 0..text.len(),
    };
    diagnosis(text, asked, fault, stop.path)
}

/// Returns the problem of a text in which the walk met a fault. When `serde_json` stops earlier in the text that it is asked
/// about, the fault lies in something the walk stepped over, and `serde_json` knows better.
fn diagnosis(text: &str, asked: Range<usize>, fault: Fault, path: String) -> Problem {
    let (from, part) = (asked.start, text.get(asked).unwrap_or_default());
    let content = if from == 0 { without_bom(part) } else { part };
    let start = from + part.len() - content.len();
    let mut documents = serde_json::Deserializer::from_str(content).into_iter::<IgnoredAny>();
    if let Some(Err(error)) = documents.find(Result::is_err) {
        let problem = diagnosis_of(content, start, &error);
        // Its positions are those of the fault or of the byte before, so that a neighbour is the same fault.
        if problem.offset + 1 < fault.at {
            return problem;
        }
    }
    let found = match text.get(fault.at..).and_then(|rest| rest.chars().next()) {
        None => "the end of the record".to_owned(),
        Some(c) => format!("{c:?}"),
    };
    Problem {
        offset: fault.at,
        path,
        message: format!("expected {}, found {found}", fault.expected),
        help: None,
        lost: Lost::Record,
    }
}

/// Returns the problem of a text, which starts at an offset in the record, in which `serde_json` met a fault.
fn diagnosis_of(text: &str, start: usize, error: &serde_json::Error) -> Problem {
    Problem {
        offset: start + position(text, error),
        path: String::new(),
        message: format!("expected JSON, found a fault: {}", reason(error)),
        help: None,
        lost: Lost::Record,
    }
}

/// Returns the text behind a byte order mark, which some programs write before JSON.
fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns the position in the text at which `serde_json` stopped.
fn position(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let lines = text.split_inclusive('\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// Returns what `serde_json` says, without its own account of the place.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(cut) => text[..cut].to_owned(),
        None => text,
    }
}
