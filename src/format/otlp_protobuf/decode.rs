//! The complete way: prost, for `convert` and as the oracle of the fast way.
//!
//! What could not be read is told by the fast way, which says where; spans without valid ids and fields that make no
//! sense are then left out here.

use crate::error::{Lost, Problem};
use crate::format::Sink;
use crate::format::otlp_protobuf::signal::{Signal, signal};
use crate::format::otlp_protobuf::walk::{self, RESOURCE_SPANS};
use crate::format::otlp_protobuf::wire::{Fault, Wire};
use crate::format::spans;
use crate::input::Record;
use crate::model::{Facts, RawSpan};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// The field of `ResourceSpans` that OTLP 1.0 removed; prost skips it among the fields of the current message.
#[derive(Clone, PartialEq, Message)]
struct OldResourceSpans {
    #[prost(message, repeated, tag = "1000")]
    instrumentation_library_spans: Vec<ScopeSpans>,
}

/// Keeps the problems of fields and spans; what breaks a record is told by the decoding itself.
struct SmallProblems<'a>(&'a mut Vec<Problem>);

impl Sink for SmallProblems<'_> {
    fn resource(&mut self, _: &Facts<'_>) {}
    fn span(&mut self, _: &RawSpan<'_>) {}
    fn problem(&mut self, problem: Problem) {
        if problem.lost != Lost::Record {
            self.0.push(problem);
        }
    }
    fn other_signal(&mut self) {}
}

/// Decodes one message; a resource group that prost refuses is a problem, and the others are kept.
pub(super) fn decode(record: &Record<'_>, problems: &mut Vec<Problem>) -> Vec<ResourceSpans> {
    walk::read(record, &mut SmallProblems(problems));
    let record = record.bytes();
    match signal(record) {
        Signal::Traces => {}
        Signal::Other => return Vec::new(),
    }
    let mut groups = Vec::new();
    let mut n_groups = 0;
    let mut fields = Wire::new(record);
    let mut fail = |n_groups, offset, message| {
        problems.push(Problem {
            offset,
            path: format!("resourceSpans[{n_groups}]"),
            message,
            help: None,
            lost: Lost::Record,
        });
    };
    while !fields.is_empty() {
        match next_group(&mut fields) {
            Ok(None) => {}
            Ok(Some(bytes)) => {
                match decode_group(bytes) {
                    Ok(group) => groups.push(group),
                    Err(error) => {
                        let offset = bytes.as_ptr().addr() - record.as_ptr().addr();
                        fail(
                            n_groups,
                            offset,
                            format!("expected an OTLP message, found a broken one ({error})"),
                        );
                    }
                }
                n_groups += 1;
            }
            Err(fault) => {
                let (offset, message) = fault.locate(record);
                fail(n_groups, offset, message);
                break;
            }
        }
    }
    groups
}

/// Reads one field; returns its inside if it is a resource group.
fn next_group<'a>(fields: &mut Wire<'a>) -> Result<Option<&'a [u8]>, Fault> {
    match fields.key()? {
        RESOURCE_SPANS => fields.bytes().map(Some),
        other => fields.skip_undefined(other, 1..=1).map(|()| None),
    }
}

/// Decodes one resource group; the spans of the old field follow those of the current one.
fn decode_group(bytes: &[u8]) -> Result<ResourceSpans, prost::DecodeError> {
    let mut group = ResourceSpans::decode(bytes)?;
    let old = OldResourceSpans::decode(bytes)?;
    group.scope_spans.extend(old.instrumentation_library_spans);
    for scope in &mut group.scope_spans {
        scope.spans.retain_mut(keep);
    }
    Ok(group)
}

/// Leaves out what makes no sense in a span; returns whether the span itself makes sense.
fn keep(span: &mut Span) -> bool {
    if spans::span_id(&span.parent_span_id).is_none() {
        span.parent_span_id.clear();
    }
    if SpanKind::try_from(span.kind).is_err() {
        span.kind = 0;
    }
    if let Some(status) = &mut span.status
        && StatusCode::try_from(status.code).is_err()
    {
        status.code = 0;
    }
    span.links
        .retain(|link| valid_ids(&link.trace_id, &link.span_id));
    valid_ids(&span.trace_id, &span.span_id)
}

fn valid_ids(trace_id: &[u8], span_id: &[u8]) -> bool {
    spans::trace_id(trace_id).is_some() && spans::span_id(span_id).is_some()
}
