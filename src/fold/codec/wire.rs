//! The protobuf messages of a topology file. Field numbers are never used again for something else.
#![expect(
    missing_docs,
    reason = "the fields are those of the types of this folder, where they are documented"
)]

/// The version alone, read before anything else.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Version {
    #[prost(uint32, tag = "1")]
    pub version: u32,
}

/// The field of [`Topology`] with the tables.
pub const TABLES: u32 = 17;

/// The number of the field that holds shapes.
pub(super) const SHAPES: u32 = 7;

/// A whole topology.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Topology {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(string, repeated, tag = "2")]
    pub texts: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub nodes: Vec<Node>,
    #[prost(message, repeated, tag = "4")]
    pub edges: Vec<Edge>,
    #[prost(message, repeated, tag = "5")]
    pub instances: Vec<Instance>,
    #[prost(message, repeated, tag = "6")]
    pub entries: Vec<Entry>,
    #[prost(message, repeated, tag = "7")]
    pub shapes: Vec<Shape>,
    #[prost(uint32, tag = "8")]
    pub shape_halvings: u32,
    #[prost(message, repeated, tag = "9")]
    pub remainders: Vec<Remainder>,
    #[prost(message, repeated, tag = "10")]
    pub sent: Vec<Sent>,
    #[prost(message, repeated, tag = "11")]
    pub taken: Vec<Taken>,
    #[prost(uint32, tag = "12")]
    pub message_halvings: u32,
    #[prost(message, repeated, tag = "13")]
    pub aliases: Vec<Alias>,
    #[prost(message, optional, tag = "14")]
    pub account: Option<Account>,
    #[prost(message, repeated, tag = "15")]
    pub buckets: Vec<Bucket>,
    #[prost(string, repeated, tag = "16")]
    pub overflowed: Vec<String>,
    #[prost(message, repeated, tag = "17")]
    pub tables: Vec<Table>,
    /// How many tables follow, each in frames of its own: a file may be cut between two frames.
    #[prost(uint32, tag = "18")]
    pub n_tables: u32,
}

/// A node; names are numbers of texts.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Node {
    #[prost(uint32, tag = "1")]
    pub kind: u32,
    #[prost(uint32, tag = "2")]
    pub namespace: u32,
    #[prost(uint32, tag = "3")]
    pub name: u32,
    #[prost(uint32, tag = "4")]
    pub address: u32,
}

/// An edge and its sums.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Edge {
    #[prost(uint32, tag = "1")]
    pub from: u32,
    #[prost(uint32, tag = "2")]
    pub to: u32,
    #[prost(uint32, tag = "3")]
    pub protocol: u32,
    #[prost(bool, tag = "4")]
    pub sync: bool,
    #[prost(bool, tag = "5")]
    pub direct: bool,
    #[prost(uint64, tag = "6")]
    pub calls: u64,
    #[prost(uint64, tag = "7")]
    pub attempts: u64,
    #[prost(uint64, tag = "8")]
    pub served: u64,
    #[prost(uint64, tag = "9")]
    pub failed_both: u64,
    #[prost(uint64, tag = "10")]
    pub failed_client_only: u64,
    #[prost(uint64, tag = "11")]
    pub failed_server_only: u64,
    #[prost(uint64, tag = "12")]
    pub client_faults: u64,
    #[prost(uint64, tag = "13")]
    pub timeouts: u64,
    #[prost(uint64, repeated, tag = "14")]
    pub retries: Vec<u64>,
    #[prost(uint64, repeated, tag = "15")]
    pub grades: Vec<u64>,
    #[prost(message, optional, tag = "16")]
    pub client_ns: Option<Sketch>,
    #[prost(message, optional, tag = "17")]
    pub server_ns: Option<Sketch>,
    #[prost(message, optional, tag = "18")]
    pub network_ns: Option<Sketch>,
    #[prost(message, optional, tag = "19")]
    pub queue_ns: Option<Sketch>,
    #[prost(uint64, tag = "20")]
    pub critical_ns: u64,
    #[prost(uint64, tag = "21")]
    pub traces: u64,
    #[prost(uint64, tag = "22")]
    pub most_in_trace: u64,
    #[prost(fixed64, tag = "23")]
    pub first: u64,
    #[prost(fixed64, tag = "24")]
    pub last: u64,
    #[prost(message, repeated, tag = "25")]
    pub zones: Vec<Pair>,
    #[prost(message, repeated, tag = "26")]
    pub regions: Vec<Pair>,
    #[prost(message, repeated, tag = "27")]
    pub versions: Vec<Pair>,
    #[prost(message, repeated, tag = "28")]
    pub errors: Vec<Pair>,
    #[prost(message, repeated, tag = "29")]
    pub exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "30")]
    pub failed_exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "31")]
    pub slowest: Vec<Exemplar>,
    #[prost(message, optional, tag = "32")]
    pub off_path: Option<OffPath>,
}

/// Calls off the critical path.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OffPath {
    #[prost(uint64, tag = "1")]
    pub calls: u64,
    #[prost(uint64, tag = "2")]
    pub slack_ns: u64,
    #[prost(uint64, tag = "3")]
    pub least_ns: u64,
    #[prost(uint64, tag = "4")]
    pub took_ns: u64,
}

/// A count by one or two texts.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Pair {
    #[prost(uint32, tag = "1")]
    pub a: u32,
    #[prost(uint32, tag = "2")]
    pub b: u32,
    #[prost(uint64, tag = "3")]
    pub count: u64,
}

/// A span of a trace, with the value it was chosen for.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Exemplar {
    #[prost(fixed64, tag = "1")]
    pub trace_high: u64,
    #[prost(fixed64, tag = "2")]
    pub trace_low: u64,
    #[prost(fixed64, tag = "3")]
    pub span: u64,
    #[prost(uint64, tag = "4")]
    pub value: u64,
}

/// A distribution; buckets as differences to the one before.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sketch {
    #[prost(uint32, repeated, tag = "1")]
    pub gaps: Vec<u32>,
    #[prost(uint32, repeated, tag = "2")]
    pub counts: Vec<u32>,
    #[prost(uint64, tag = "7")]
    pub count: u64,
    #[prost(uint64, tag = "3")]
    pub sum_high: u64,
    #[prost(uint64, tag = "4")]
    pub sum_low: u64,
    #[prost(uint64, tag = "5")]
    pub min: u64,
    #[prost(uint64, tag = "6")]
    pub max: u64,
}

/// An instance and its sums.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Instance {
    #[prost(uint32, tag = "1")]
    pub node: u32,
    #[prost(uint32, tag = "2")]
    pub instance: u32,
    #[prost(uint32, tag = "3")]
    pub version: u32,
    #[prost(uint32, tag = "4")]
    pub host: u32,
    #[prost(uint32, tag = "5")]
    pub zone: u32,
    #[prost(uint32, tag = "6")]
    pub region: u32,
    #[prost(uint32, tag = "12")]
    pub environment: u32,
    #[prost(uint64, tag = "7")]
    pub spans: u64,
    #[prost(uint64, tag = "8")]
    pub failed: u64,
    #[prost(uint64, tag = "9")]
    pub health_checks: u64,
    #[prost(fixed64, tag = "10")]
    pub first: u64,
    #[prost(fixed64, tag = "11")]
    pub last: u64,
}

/// Which entry point.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryKey {
    #[prost(uint32, tag = "1")]
    pub node: u32,
    #[prost(uint32, tag = "2")]
    pub operation: u32,
    #[prost(uint32, tag = "3")]
    pub kind: u32,
}

/// An entry point and its sums.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entry {
    #[prost(message, optional, tag = "1")]
    pub key: Option<EntryKey>,
    #[prost(uint64, tag = "2")]
    pub requests: u64,
    #[prost(uint64, tag = "3")]
    pub weight: u64,
    #[prost(uint64, tag = "4")]
    pub failed: u64,
    #[prost(uint64, tag = "5")]
    pub health_checks: u64,
    #[prost(message, optional, tag = "6")]
    pub duration_ns: Option<Sketch>,
    #[prost(uint64, repeated, tag = "7")]
    pub depths: Vec<u64>,
    #[prost(message, repeated, tag = "8")]
    pub exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "9")]
    pub failed_exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "10")]
    pub slowest: Vec<Exemplar>,
    #[prost(uint64, repeated, tag = "11")]
    pub weights_by_depth: Vec<u64>,
    #[prost(uint64, repeated, tag = "12")]
    pub weights_by_hops: Vec<u64>,
}

/// A request shape, step by step; a depth is shifted left by one, its low bit says synchronous.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Shape {
    #[prost(message, optional, tag = "1")]
    pub entry: Option<EntryKey>,
    #[prost(uint32, repeated, tag = "2")]
    pub depths: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    pub nodes: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    pub calls: Vec<u32>,
    #[prost(uint32, repeated, tag = "5")]
    pub failed: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    pub failed_requests: Vec<u32>,
    #[prost(uint64, tag = "7")]
    pub requests: u64,
    #[prost(uint64, tag = "8")]
    pub weight: u64,
}

/// Requests whose shapes were not kept.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Remainder {
    #[prost(message, optional, tag = "1")]
    pub entry: Option<EntryKey>,
    #[prost(uint64, tag = "2")]
    pub requests: u64,
    #[prost(uint64, tag = "3")]
    pub weight: u64,
}

/// The producing side of a message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sent {
    #[prost(fixed64, tag = "1")]
    pub key: u64,
    #[prost(uint32, tag = "2")]
    pub node: u32,
    #[prost(uint32, tag = "3")]
    pub destination: u32,
    #[prost(fixed64, tag = "4")]
    pub end: u64,
}

/// The consuming side of a message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Taken {
    #[prost(fixed64, tag = "1")]
    pub key: u64,
    #[prost(uint32, tag = "2")]
    pub node: u32,
    #[prost(fixed64, tag = "3")]
    pub start: u64,
    #[prost(uint32, tag = "4")]
    pub destination: u32,
    #[prost(uint64, tag = "5")]
    pub weight: u64,
    #[prost(uint64, tag = "6")]
    pub duration: u64,
    #[prost(bool, tag = "7")]
    pub failed: bool,
    #[prost(message, optional, tag = "8")]
    pub exemplar: Option<Exemplar>,
}

/// A service that answered at an address.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Alias {
    #[prost(uint32, tag = "1")]
    pub address: u32,
    #[prost(uint32, tag = "2")]
    pub node: u32,
}

/// How much was read.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Account {
    #[prost(uint64, repeated, tag = "1")]
    pub classes: Vec<u64>,
    #[prost(uint64, tag = "2")]
    pub duplicates: u64,
    #[prost(uint64, tag = "3")]
    pub unreadable: u64,
    #[prost(uint64, tag = "4")]
    pub traces: u64,
    #[prost(uint64, tag = "5")]
    pub traces_outside: u64,
    #[prost(uint64, tag = "6")]
    pub spans_outside: u64,
    #[prost(uint64, tag = "7")]
    pub missing_parents: u64,
    #[prost(uint64, tag = "8")]
    pub weighted_spans: u64,
    #[prost(uint64, tag = "9")]
    pub problems: u64,
    #[prost(fixed64, tag = "10")]
    pub first: u64,
    #[prost(fixed64, tag = "11")]
    pub last: u64,
    #[prost(uint64, tag = "12")]
    pub critical_ns: u64,
    #[prost(uint64, tag = "13")]
    pub spans_in_parts: u64,
}

/// A bucket of a data set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Bucket {
    #[prost(string, tag = "1")]
    pub data_set: String,
    #[prost(uint32, tag = "2")]
    pub of: u32,
    #[prost(uint32, tag = "3")]
    pub index: u32,
}

/// The fields of [`Table`] that are written one by one.
pub(super) const ROWS: u32 = 9;
pub(super) const OTHER: u32 = 10;
pub(super) const EXEMPLARS: u32 = 11;

/// A table of a pass over traces; it says itself how it is laid out.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Table {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, repeated, tag = "2")]
    pub parts: Vec<u32>,
    #[prost(uint64, tag = "3")]
    pub bin: u64,
    #[prost(uint64, tag = "4")]
    pub limit: u64,
    #[prost(uint32, tag = "5")]
    pub group: u32,
    #[prost(uint32, tag = "6")]
    pub shift: u32,
    #[prost(uint32, tag = "7")]
    pub halvings: u32,
    #[prost(uint64, tag = "8")]
    pub traces: u64,
    #[prost(message, repeated, tag = "9")]
    pub rows: Vec<Row>,
    #[prost(message, optional, tag = "10")]
    pub other: Option<Record>,
    /// The exemplars of all records, in the order of the rows, the last those of `other`: 24 bytes each, the words of
    /// [`Exemplar`] with the least byte first. Ids have nothing in common, so the rest compresses faster without them.
    #[prost(bytes = "vec", tag = "11")]
    pub exemplars: Vec<u8>,
}

/// A key, trailing zeros left out, and its record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Row {
    #[prost(uint32, repeated, tag = "1")]
    pub parts: Vec<u32>,
    #[prost(uint64, tag = "2")]
    pub number: u64,
    #[prost(message, optional, tag = "3")]
    pub record: Option<Record>,
}

/// A record; trailing zeros of the sums left out, the least value plus one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    #[prost(uint64, repeated, tag = "1")]
    pub sums: Vec<u64>,
    #[prost(uint64, tag = "2")]
    pub least: u64,
    #[prost(uint64, tag = "3")]
    pub most: u64,
    #[prost(message, optional, tag = "4")]
    pub sketch: Option<Sketch>,
    /// Where version 1 has them.
    #[prost(message, repeated, tag = "5")]
    pub exemplars: Vec<Exemplar>,
    /// How many of the table's are its own.
    #[prost(uint32, tag = "6")]
    pub n_exemplars: u32,
}
