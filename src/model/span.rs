//! A span as a reader sees it, and as the store keeps it.

use std::num::NonZeroU64;

use bytemuck::{Pod, Zeroable};

use crate::model::attr::{Asked, Facts};
use crate::model::event::Events;
use crate::model::id::{SpanId, TraceId};
use crate::model::mark::{self, MarkKind};
use crate::model::names::NameId;

/// The kind of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Not said.
    #[default]
    Unspecified = 0,
    /// Work inside a service.
    Internal = 1,
    /// The receiving side of a request.
    Server = 2,
    /// The sending side of a request.
    Client = 3,
    /// The sending side of a message.
    Producer = 4,
    /// The receiving side of a message.
    Consumer = 5,
}

impl Kind {
    /// Returns the kind of its number in OTLP, if there is one.
    #[inline]
    pub fn from_number(number: u64) -> Option<Kind> {
        Some(match number {
            0 => Kind::Unspecified,
            1 => Kind::Internal,
            2 => Kind::Server,
            3 => Kind::Client,
            4 => Kind::Producer,
            5 => Kind::Consumer,
            _ => return None,
        })
    }

    /// Returns the kind of its name in any of the spellings `SPAN_KIND_CLIENT`, `CLIENT` and `client`.
    pub fn from_name(name: &str) -> Option<Kind> {
        let name = name.strip_prefix("SPAN_KIND_").unwrap_or(name);
        Some(match name.to_ascii_uppercase().as_str() {
            "UNSPECIFIED" => Kind::Unspecified,
            "INTERNAL" => Kind::Internal,
            "SERVER" => Kind::Server,
            "CLIENT" => Kind::Client,
            "PRODUCER" => Kind::Producer,
            "CONSUMER" => Kind::Consumer,
            _ => return None,
        })
    }
}

/// The status of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Status {
    /// Not said, which means no error was noticed.
    #[default]
    Unset = 0,
    /// Explicitly fine.
    Ok = 1,
    /// Failed.
    Error = 2,
}

impl Status {
    /// Returns the status of its number in OTLP, if there is one.
    #[inline]
    pub fn from_number(number: u64) -> Option<Status> {
        Some(match number {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::Error,
            _ => return None,
        })
    }

    /// Returns the status of its name in any of the spellings `STATUS_CODE_ERROR`, `ERROR` and `error`.
    pub fn from_name(name: &str) -> Option<Status> {
        let name = name.strip_prefix("STATUS_CODE_").unwrap_or(name);
        Some(match name.to_ascii_uppercase().as_str() {
            "UNSET" => Status::Unset,
            "OK" => Status::Ok,
            "ERROR" => Status::Error,
            _ => return None,
        })
    }
}

/// What a link means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LinkKind {
    /// An OpenTelemetry link: related, usually the creation context of a message.
    #[default]
    Link = 0,
    /// A further parent (Jaeger's second CHILD_OF reference).
    ChildOf = 1,
    /// A parent that does not wait (Jaeger's FOLLOWS_FROM).
    FollowsFrom = 2,
}

impl LinkKind {
    /// Returns the kind of the attribute `opentracing.ref_type`, with which OpenTelemetry carries Jaeger's references.
    pub fn from_ref_type(value: &str) -> LinkKind {
        match value {
            "child_of" => LinkKind::ChildOf,
            "follows_from" => LinkKind::FollowsFrom,
            _ => LinkKind::Link,
        }
    }
}

/// A link of a span being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawLink {
    /// Trace of the linked span.
    pub trace: TraceId,
    /// The linked span.
    pub span: SpanId,
    /// What the link means.
    pub kind: LinkKind,
}

/// A span being read: everything topple wants to know, borrowed from the record.
///
/// A reader keeps one of these per record and calls [`RawSpan::clear`] between spans.
#[derive(Clone, Debug, Default)]
pub struct RawSpan<'a> {
    /// Trace; never zero when pushed to the store.
    pub trace: TraceId,
    /// Span; never zero when pushed to the store.
    pub span: SpanId,
    /// Parent; zero for a root.
    pub parent: SpanId,
    /// Kind.
    pub kind: Kind,
    /// Status.
    pub status: Status,
    /// Start in nanoseconds since 1970; zero when absent.
    pub start: u64,
    /// End in nanoseconds since 1970; zero when absent.
    pub end: u64,
    /// Name.
    pub name: &'a str,
    /// W3C `tracestate`.
    pub trace_state: &'a str,
    /// Whether this is the SERVER half of a Zipkin span whose id the CLIENT half shares.
    pub shared: bool,
    /// Understood attributes.
    pub facts: Facts<'a>,
    /// Links.
    pub links: Vec<RawLink>,
    /// What its events said.
    pub events: Events<'a>,
    /// By what its meaning is looked up, once somebody has asked for that; see [`memo`](crate::model::memo).
    pub key: Option<NonZeroU64>,
}

impl<'a> RawSpan<'a> {
    /// Returns an empty span that keeps the attributes asked for as well.
    pub fn asking(asked: Asked) -> Self {
        RawSpan {
            facts: Facts::asking(asked),
            ..RawSpan::default()
        }
    }

    /// Makes it an empty span again, keeping the space.
    #[inline]
    pub fn clear(&mut self) {
        self.trace = TraceId::default();
        self.span = SpanId::default();
        self.parent = SpanId::default();
        self.kind = Kind::Unspecified;
        self.status = Status::Unset;
        self.start = 0;
        self.end = 0;
        self.name = "";
        self.trace_state = "";
        self.shared = false;
        self.facts.clear();
        self.links.clear();
        self.events.clear();
        self.key = None;
    }
}

/// A span in the store: 64 bytes, names as numbers of a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct SpanRow {
    /// Trace.
    pub trace: TraceId,
    /// Span.
    pub span: SpanId,
    /// Parent; zero for a root.
    pub parent: SpanId,
    /// Start in nanoseconds since 1970; zero when absent.
    pub start: u64,
    /// Duration in nanoseconds; zero when absent or negative.
    pub duration: u64,
    /// The resource that emitted the span.
    pub resource: u32,
    /// The operation's name.
    pub operation: u32,
    /// The interned detail: peer, protocol, error, weight.
    pub detail: u32,
    /// See [`Flags`].
    pub flags: Flags,
}

/// A link in the store, or a mark: then `to_trace.low` is its number and the kind that of a [`MarkKind`].
///
/// [`MarkKind`]: crate::model::MarkKind
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct LinkRow {
    /// Trace of the span that has the link.
    pub trace: TraceId,
    /// The span that has the link.
    pub span: SpanId,
    /// Trace of the linked span.
    pub to_trace: TraceId,
    /// The linked span.
    pub to_span: SpanId,
    /// The [`LinkKind`] as a number, or that of a mark.
    pub kind: u64,
}

impl LinkRow {
    /// Returns whether it is a mark.
    #[inline]
    pub fn is_mark(&self) -> bool {
        self.kind >= MarkKind::Message as u64
    }

    /// Returns the same row with other numbers of the names it has.
    #[inline]
    pub fn renamed(&self, texts: &[NameId]) -> LinkRow {
        let is = |kind: MarkKind| self.kind == kind as u64;
        if !is(MarkKind::FeatureFlag) && !is(MarkKind::Code) {
            return *self;
        }
        let (first, mut second) = mark::names(self.to_trace.low);
        let first = texts[first as usize];
        if is(MarkKind::FeatureFlag) {
            second = texts[second as usize];
        }
        LinkRow {
            to_trace: TraceId {
                high: 0,
                low: mark::of_names(first, second),
            },
            ..*self
        }
    }

    /// Returns what the link means.
    pub fn kind(&self) -> LinkKind {
        match self.kind {
            1 => LinkKind::ChildOf,
            2 => LinkKind::FollowsFrom,
            _ => LinkKind::Link,
        }
    }
}

const _: () = assert!(size_of::<SpanRow>() == 64, "a span row is one cache line");

/// The small facts of a span, packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Flags(pub u32);

/// What a span does with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Nothing.
    #[default]
    None = 0,
    /// Makes a message without sending it.
    Create = 1,
    /// Sends.
    Send = 2,
    /// Takes messages from a queue.
    Receive = 3,
    /// Works on a message.
    Process = 4,
    /// Acknowledges.
    Settle = 5,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// No failure was noticed.
    #[default]
    Fine = 0,
    /// The caller was at fault (HTTP 4xx but 408 and 429); no failure of the service.
    ClientError = 1,
    /// Failed.
    Failed = 2,
    /// Failed by a timeout (HTTP 408 or 504, DEADLINE_EXCEEDED, a timeout exception).
    Timeout = 3,
    /// Failed in a way that callers retry (HTTP 429, 502, 503; UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED; refused connections).
    Unavailable = 4,
    /// Given up by the caller; neither success nor failure.
    Cancelled = 5,
    /// Turned to another place or asked for credentials (HTTP 3xx, 401, 407): a repeat is no retry.
    Redirected = 6,
}

impl Outcome {
    /// Returns whether the span counts as failed.
    #[inline]
    pub fn failed(self) -> bool {
        match self {
            Outcome::Failed | Outcome::Timeout | Outcome::Unavailable => true,
            Outcome::Fine | Outcome::ClientError | Outcome::Cancelled | Outcome::Redirected => {
                false
            }
        }
    }

    /// Returns whether an answer came to an end, whatever it says.
    #[inline]
    pub fn answered(self) -> bool {
        match self {
            Outcome::Fine | Outcome::ClientError | Outcome::Redirected => true,
            Outcome::Failed | Outcome::Timeout | Outcome::Unavailable | Outcome::Cancelled => false,
        }
    }

    /// Returns whether a caller may sensibly try again.
    #[inline]
    pub fn retryable(self) -> bool {
        match self {
            Outcome::Timeout | Outcome::Unavailable => true,
            Outcome::Fine
            | Outcome::ClientError
            | Outcome::Failed
            | Outcome::Cancelled
            | Outcome::Redirected => false,
        }
    }
}

impl Flags {
    const KIND: u32 = 0;
    const ROLE: u32 = 3;
    const OUTCOME: u32 = 6;
    const RESEND: u32 = 9;

    /// The span had no start time.
    pub const NO_START: Flags = Flags(1 << 14);
    /// The span had no end time.
    pub const NO_END: Flags = Flags(1 << 15);
    /// The span ended before it started; its duration is kept as zero.
    pub const NEGATIVE: Flags = Flags(1 << 16);
    /// The span has links.
    pub const LINKS: Flags = Flags(1 << 17);
    /// The SERVER half of a shared Zipkin span.
    pub const SHARED: Flags = Flags(1 << 18);
    /// A health check.
    pub const HEALTH: Flags = Flags(1 << 19);
    /// A bot or a test.
    pub const SYNTHETIC: Flags = Flags(1 << 20);
    /// A call that makes no link without a named peer (Zipkin).
    pub const NAMED_PEER_ONLY: Flags = Flags(1 << 21);
    /// A repeat made by the transport, no retry.
    pub const TRANSPARENT: Flags = Flags(1 << 22);
    /// The span carries a sampling weight.
    pub const WEIGHTED: Flags = Flags(1 << 23);
    /// The status said error, whatever the codes said.
    pub const STATUS_ERROR: Flags = Flags(1 << 24);
    /// The span has marks.
    pub const MARKS: Flags = Flags(1 << 25);
    /// The request may be repeated without harm, by its method or because the span says so.
    pub const IDEMPOTENT: Flags = Flags(1 << 26);
    /// The driver sent further copies before the first was answered.
    pub const SPECULATIVE: Flags = Flags(1 << 27);
    /// The first request of a cloud function.
    pub const COLD_START: Flags = Flags(1 << 28);
    /// An HTTP request with a method.
    pub const HTTP: Flags = Flags(1 << 29);
    /// A read that locks, or a write under a condition or relative to what is there.
    pub const GUARDED: Flags = Flags(1 << 30);

    /// Returns flags of the three enums and a resend ordinal, which is capped at 31.
    #[inline]
    pub fn new(kind: Kind, role: Role, outcome: Outcome, resend: u32) -> Flags {
        Flags(
            (kind as u32) << Flags::KIND
                | (role as u32) << Flags::ROLE
                | (outcome as u32) << Flags::OUTCOME
                | resend.min(31) << Flags::RESEND,
        )
    }

    /// Returns these flags with others added.
    #[inline]
    #[must_use]
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Returns the flags of a span from those of two copies of it.
    ///
    /// A time is absent only when no copy has it; everything else holds when any copy says so. Of two roles, outcomes or
    /// resend ordinals the larger one stays.
    #[must_use]
    pub fn merged(self, other: Flags) -> Flags {
        let field = |shift: u32, bits: u32| {
            let mask = bits << shift;
            (self.0 & mask).max(other.0 & mask)
        };
        let times = Flags::NO_START.0 | Flags::NO_END.0;
        let fields = field(Flags::KIND, 7)
            | field(Flags::ROLE, 7)
            | field(Flags::OUTCOME, 7)
            | field(Flags::RESEND, 31);
        let rest = !times & !((1 << (Flags::RESEND + 5)) - 1);
        Flags(fields | (self.0 | other.0) & rest | self.0 & other.0 & times)
    }

    /// Returns whether all of the others are set.
    #[inline]
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the kind.
    #[inline]
    pub fn kind(self) -> Kind {
        Kind::from_number(u64::from(self.0 >> Flags::KIND & 7)).unwrap_or(Kind::Unspecified)
    }

    /// Returns the messaging role.
    #[inline]
    pub fn role(self) -> Role {
        match self.0 >> Flags::ROLE & 7 {
            1 => Role::Create,
            2 => Role::Send,
            3 => Role::Receive,
            4 => Role::Process,
            5 => Role::Settle,
            _ => Role::None,
        }
    }

    /// Returns the outcome.
    #[inline]
    pub fn outcome(self) -> Outcome {
        match self.0 >> Flags::OUTCOME & 7 {
            1 => Outcome::ClientError,
            2 => Outcome::Failed,
            3 => Outcome::Timeout,
            4 => Outcome::Unavailable,
            5 => Outcome::Cancelled,
            6 => Outcome::Redirected,
            _ => Outcome::Fine,
        }
    }

    /// Returns the resend ordinal, at most 31; zero for a first try.
    #[inline]
    pub fn resend(self) -> u32 {
        self.0 >> Flags::RESEND & 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_give_back_what_was_put_in() {
        for kind in 0..6 {
            for role in [
                Role::None,
                Role::Create,
                Role::Send,
                Role::Receive,
                Role::Process,
                Role::Settle,
            ] {
                for outcome in [
                    Outcome::Fine,
                    Outcome::ClientError,
                    Outcome::Failed,
                    Outcome::Timeout,
                    Outcome::Unavailable,
                    Outcome::Cancelled,
                    Outcome::Redirected,
                ] {
                    for resend in [0, 1, 31, 40] {
                        let kind = Kind::from_number(kind).expect("a kind");
                        let flags = Flags::new(kind, role, outcome, resend).with(Flags::HEALTH);
                        assert_eq!(
                            (flags.kind(), flags.role(), flags.outcome(), flags.resend()),
                            (kind, role, outcome, resend.min(31))
                        );
                        assert!(flags.has(Flags::HEALTH) && !flags.has(Flags::LINKS));
                    }
                }
            }
        }
    }

    #[test]
    fn names_of_kinds_are_read_in_every_spelling() {
        assert_eq!(Kind::from_name("SPAN_KIND_CLIENT"), Some(Kind::Client));
        assert_eq!(Kind::from_name("server"), Some(Kind::Server));
        assert_eq!(Kind::from_name("tag"), None);
        assert_eq!(Status::from_name("STATUS_CODE_ERROR"), Some(Status::Error));
        assert_eq!(Status::from_name("OK"), Some(Status::Ok));
    }
}
