//! The words in which a trace says what it means for the service graph: classes, calls, entry points, messages.

use crate::model::id::mix;
use crate::model::{SpanId, TraceId};

/// The one class every span has. Copies are counted as duplicates beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The calling side of an edge.
    EdgeClient,
    /// The called side of an edge.
    EdgeServer,
    /// The sending side of a message.
    EdgeProducer,
    /// The receiving side of a message.
    EdgeConsumer,
    /// A call to something that emits no spans.
    VirtualPeer,
    /// Where a request, a message or a kindless trace enters.
    Entry,
    /// Work inside a service.
    Internal,
    /// Making or acknowledging a message.
    MessagingAuxiliary,
    /// Part of a call that another span stands for.
    Folded,
    /// Its parent is not in the data.
    MissingParent,
    /// Neither it nor a span above it names a service, or its caller names none.
    NoServiceName,
    /// It was its own ancestor.
    Cycle,
    /// It shares its id with a span of another service, and no kind tells which called which.
    AmbiguousKind,
    /// A call whose other side is not named at all (Zipkin).
    NoPeer,
}

impl Class {
    /// Number of classes.
    pub const COUNT: usize = 14;
}

/// How well a call is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Grade {
    /// Both sides were seen, one the parent of the other.
    Paired = 0,
    /// Both sides were seen, with INTERNAL spans between.
    ThroughInternal = 1,
    /// A span and its parent in another service, without a CLIENT and SERVER pair.
    ParentChild = 2,
    /// Only one side was seen.
    OneSided = 3,
    /// The called side names its caller.
    Declared = 4,
}

impl Grade {
    /// Every grade, the best first, by number.
    pub const ALL: [Grade; 5] = [
        Grade::Paired,
        Grade::ThroughInternal,
        Grade::ParentChild,
        Grade::OneSided,
        Grade::Declared,
    ];

    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Grade::Paired => "paired",
            Grade::ThroughInternal => "through-internal",
            Grade::ParentChild => "parent-child",
            Grade::OneSided => "one-sided",
            Grade::Declared => "declared",
        }
    }
}

/// One end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Whoever uses the system.
    Users,
    /// A service, by its number in the dictionary.
    Service(u32),
    /// What a span's detail names, by the number of the detail.
    Peer(u32),
}

/// Why an attempt is no logical call of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Retry {
    /// It is a first attempt.
    First = 0,
    /// It is marked as resent (`http.request.resend_count` and its kin).
    Marked = 1,
    /// One CLIENT span has several SERVER spans: a repeat below the instrumentation.
    Hidden = 2,
    /// The attempt before failed in a retryable way and had ended.
    Inferred = 3,
    /// It is a further attempt inside one outer CLIENT span, or made by the transport.
    Inner = 4,
}

/// One attempt to call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Who calls.
    pub from: End,
    /// Who is called.
    pub to: End,
    /// The calling span, or [`NONE`](crate::trace::NONE).
    pub client: u32,
    /// The called span, or [`NONE`](crate::trace::NONE).
    pub server: u32,
    /// The span whose failure counts as the called side's, or [`NONE`](crate::trace::NONE); differs from `server` in back-filled calls.
    pub blamed: u32,
    /// The span that shows the call: one of the above, or, in back-filled calls, a span of the called service.
    pub witness: u32,
    /// Whether the caller waits.
    pub sync: bool,
    /// Whether it is the direct view of a message that has a destination.
    pub direct: bool,
    /// How well it is proved.
    pub grade: Grade,
    /// Whether it begins a logical call.
    pub retry: Retry,
    /// The first attempt of the same logical call, by its number among the calls; its own number in a call of one attempt.
    pub first: u32,
    /// Whether no further attempt of the same logical call follows.
    pub last: bool,
    /// Whether the calling span has no other called span.
    pub lone: bool,
    /// How long the message waited, if both times are known.
    pub queue_ns: Option<u64>,
}

/// What kind of work begins at an entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// A request of a user or of something outside.
    Request = 0,
    /// A message.
    Message = 1,
    /// Work the service began by itself.
    Job = 2,
}

impl EntryKind {
    /// Every kind, by number.
    pub const ALL: [EntryKind; 3] = [EntryKind::Request, EntryKind::Message, EntryKind::Job];

    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::Request => "request",
            EntryKind::Message => "message",
            EntryKind::Job => "job",
        }
    }
}

/// A message side that may meet its other side in another trace.
#[derive(Clone, Copy, Debug)]
pub struct MessageEnd {
    /// Key of the producing span; both sides have the same.
    pub key: u64,
    /// The span of this side.
    pub span: u32,
    /// Its service.
    pub service: u32,
    /// Whether this is the producing side.
    pub produces: bool,
}

/// Returns the key under which a producing span is remembered across traces.
pub fn message_key(trace: TraceId, span: SpanId) -> u64 {
    mix(trace.low ^ mix(span.0))
}
