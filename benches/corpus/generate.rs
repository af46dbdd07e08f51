//! A corpus for benchmarks: what a Collector's file exporter would write about an invented system.
//!
//! Requests run through services in layers (`system`, `trace`); spans wait at the instance that made them until a
//! batch is full, so a trace is spread over many lines; a line carries the batches of several instances. JSON
//! and protobuf carry the same content. Everything follows from the seed.

mod attributes;
mod rng;
mod system;
mod trace;
mod write;

use rng::Rng;
use std::io::{self, Write};
use system::System;
use trace::{Requests, Span};
use write::{Group, Writer};

/// How many batches of instances make one line.
const GROUPS_IN_LINE: usize = 6;

/// Buffered output is handed on when it reaches this many bytes.
const FLUSH: usize = 1 << 20;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How many spans, at least; the last request is finished.
    pub(crate) spans: u64,
    /// How many services.
    pub(crate) services: usize,
    /// What everything follows from.
    pub(crate) seed: u64,
    /// Whether spans carry a sampling threshold (one in two) in their tracestate.
    pub(crate) sampled: bool,
}

/// One row of the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Name of the calling or sending service.
    pub(crate) caller: String,
    /// Name of the called or receiving service.
    pub(crate) callee: String,
    /// `sync` for calls, `message` for messages.
    pub(crate) kind: &'static str,
    /// Pairs of spans of which both were written: attempts of calls, and messages taken.
    pub(crate) calls: u64,
    /// Those of which either span failed.
    pub(crate) errors: u64,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// Spans written.
    pub(crate) spans: u64,
    /// Every edge, by names and kind.
    pub(crate) edges: Vec<Edge>,
}

/// Writes a corpus as JSON lines and as protobuf frames behind four-byte lengths.
pub(crate) fn generate(
    options: &Options,
    json: &mut dyn Write,
    protobuf: &mut dyn Write,
) -> io::Result<Made> {
    let mut rng = Rng::new(options.seed);
    let system = System::new(options.services, &mut rng);
    let mut requests = Requests::new(&system, rng);
    let mut lines = Lines {
        system: &system,
        writer: Writer::new(&system, options.sampled),
        waiting: system.instances.iter().map(|_| Vec::new()).collect(),
        line: Vec::new(),
        json: String::new(),
        frames: Vec::new(),
    };
    let mut spans = 0;
    while spans < options.spans {
        requests.run(|span| {
            spans += 1;
            lines.add(span);
        });
        if lines.json.len() >= FLUSH {
            lines.flush(json, protobuf)?;
        }
    }
    lines.finish();
    lines.flush(json, protobuf)?;

    let name = |service: usize| system.services[service].name.clone();
    let edges = requests
        .edges
        .iter()
        .map(|(&(caller, callee, kind), edge)| Edge {
            caller: name(caller),
            callee: name(callee),
            kind,
            calls: edge.calls,
            errors: edge.errors,
        });
    let mut edges = edges.collect::<Vec<_>>();
    edges.sort_by(|a, b| (&a.caller, &a.callee, a.kind).cmp(&(&b.caller, &b.callee, b.kind)));
    Ok(Made { spans, edges })
}

/// Collects spans into batches, batches into lines, lines into output.
struct Lines<'s> {
    system: &'s System,
    writer: Writer<'s>,
    /// Spans not yet sent, by instance.
    waiting: Vec<Vec<Span>>,
    line: Vec<Group>,
    json: String,
    frames: Vec<u8>,
}

impl Lines<'_> {
    fn add(&mut self, span: &Span) {
        let waiting = &mut self.waiting[span.instance];
        waiting.push(*span);
        if waiting.len() >= self.system.instances[span.instance].batch {
            self.send(span.instance);
        }
    }

    fn send(&mut self, instance: usize) {
        let spans = std::mem::take(&mut self.waiting[instance]);
        self.line.push(Group { instance, spans });
        if self.line.len() >= GROUPS_IN_LINE {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.writer
            .write(&self.line, &mut self.json, &mut self.frames);
        self.line.clear();
    }

    /// Sends what still waits.
    fn finish(&mut self) {
        for instance in 0..self.waiting.len() {
            if !self.waiting[instance].is_empty() {
                self.send(instance);
            }
        }
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn flush(&mut self, json: &mut dyn Write, protobuf: &mut dyn Write) -> io::Result<()> {
        json.write_all(self.json.as_bytes())?;
        protobuf.write_all(&self.frames)?;
        self.json.clear();
        self.frames.clear();
        Ok(())
    }
}
