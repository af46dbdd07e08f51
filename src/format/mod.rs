//! Formats turn records into spans and problems.
//!
//! Two ways lead through each format. [`Format::read`] is the fast one: it borrows from the record, understands the
//! attributes of [`crate::model::attr`] and hands each span to a [`Sink`]. [`Format::decode`] is the complete one:
//! it keeps everything, as OTLP messages, for `convert`; tests hold the fast way against it.
//! A format never opens files and never sees a topology.

use crate::error::Problem;
use crate::input::{Framing, Outline, Record};
use crate::model::attr::Asked;
use crate::model::{Facts, RawSpan};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

pub mod otlp_write;
pub mod peek;
pub mod spans;

mod fields;
mod habits;
mod scan;
mod turns;

pub mod jaeger;
pub mod otlp_json;
pub mod otlp_protobuf;
pub mod zipkin;

pub use habits::Habits;

/// Receives what a reader finds, in the order of the record.
pub trait Sink {
    /// Returns the attributes asked for beside the understood ones.
    fn asked(&self) -> Asked {
        &[]
    }
    /// Hands out what was learned from the records before of how attributes are written; readers that learn give it back.
    fn habits(&mut self) -> Habits {
        Habits::default()
    }
    /// Takes back what was learned.
    fn keep(&mut self, _habits: Habits) {}
    /// A resource; the spans that follow belong to it.
    fn resource(&mut self, facts: &Facts<'_>);
    /// A span that is handed over soon: the sink may ask for what it needs then, and keep in it by what it asked.
    fn soon(&mut self, _span: &mut RawSpan<'_>) {}
    /// A span whose trace and span ids are valid.
    fn span(&mut self, span: &RawSpan<'_>);
    /// Something that could not be read.
    fn problem(&mut self, problem: Problem);
    /// A record of another signal (metrics, logs): understood, with nothing to read.
    fn other_signal(&mut self);
}

/// One input format.
pub struct Format {
    /// Name, as help and README list it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Looks at the first bytes (at most 64 KiB) of the content; says how to cut it when the format is recognised.
    pub recognise: fn(&[u8]) -> Option<Framing>,
    /// Where its documents can be cut, if they can.
    pub outline: Option<&'static Outline>,
    /// Reads one record the fast way.
    pub read: fn(&Record<'_>, &mut dyn Sink),
    /// Decodes everything of one record as OTLP messages; problems are appended.
    pub decode: fn(&Record<'_>, &mut Vec<Problem>) -> Vec<ResourceSpans>,
}

/// Every format, by name.
pub static FORMATS: &[Format] = &[
    jaeger::FORMAT,
    otlp_json::FORMAT,
    otlp_protobuf::FORMAT,
    zipkin::FORMAT,
];
