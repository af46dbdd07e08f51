//! OTLP protobuf: one message, Collector frames behind four-byte lengths, or messages behind varint lengths.
//!
//! `TracesData` and `ExportTraceServiceRequest` have one shape on the wire, so both are read alike. The fast
//! way (`walk`) steps over the bytes and touches only the fields that topple wants; prost is the complete way
//! and the oracle of the tests. The current field `scope_spans` and the older `instrumentation_library_spans` are
//! both read.
//!
//! Metrics and logs have the same outer shape as traces: `signal` tells them apart by what their innermost
//! elements look like.

mod decode;
mod recognise;
mod signal;
mod value;
mod walk;
mod wire;

#[cfg(test)]
mod tests;

use crate::format::Format;

/// OTLP protobuf.
pub const FORMAT: Format = Format {
    name: "otlp-protobuf",
    about: "OTLP protobuf: one message, or messages behind their lengths",
    recognise: recognise::recognise,
    outline: None,
    read: walk::read,
    decode: decode::decode,
};
