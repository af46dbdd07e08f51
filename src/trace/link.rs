//! What the spans of a trace mean for the service graph: calls, entry points, messages, and one class per span.
//!
//! Rules, in the order of the code:
//! - A span without a service name works for the service of its parent.
//! - A SERVER belongs to the nearest CLIENT above it, through INTERNAL spans of the client's service; one CLIENT may
//!   own several SERVERs, which are attempts below the instrumentation. Without a CLIENT, a parent in
//!   another service is the caller (`parent-child`).
//! - A CLIENT whose parent is in another service shows that the parent's service called its own (back-fill).
//! - A CLIENT inside a CLIENT of the same service is one logical call; the inner spans are its attempts.
//! - A CLIENT that nobody answered calls a virtual peer.
//! - Messages: producers and consumers meet by links first, then by parents; each pair of producing span and consuming
//!   service counts once. `create` and `settle` are never calls. Links into other traces wait for the topology.
//! - Roots are entry points: requests (SERVER), messages (CONSUMER) or jobs. A span whose parent is missing is neither.
//! - Siblings to the same callee are attempts of one logical call when they are marked as resent, or when each follows
//!   a retryable failure (see [`Retry`]).
//!
//! One pass over the spans of a trace plus a sort of its calls.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use rustc_hash::FxBuildHasher;

use crate::model::dictionary::Dictionary;
use crate::model::id::mix;
use crate::model::names::ABSENT;
use crate::model::peer::{PeerKind, Protocol};
use crate::model::span::{Flags, Kind, Role};
use crate::model::{LinkKind, LinkRow, SpanId, TraceId};
use crate::trace::assemble::{Attachment, NONE, Trace};

/// The longest pause between an attempt and the next that still looks like one logical call.
pub const MAX_BACKOFF_NS: u64 = 60_000_000_000;

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
    /// Neither it nor a span above it names a service.
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
    /// The calling span, or [`NONE`].
    pub client: u32,
    /// The called span, or [`NONE`].
    pub server: u32,
    /// The span whose failure counts as the called side's, or [`NONE`]; differs from `server` in back-filled calls.
    pub blamed: u32,
    /// Whether the caller waits.
    pub sync: bool,
    /// Whether it is the direct view of a message that has a destination.
    pub direct: bool,
    /// How well it is proved.
    pub grade: Grade,
    /// Whether it begins a logical call.
    pub retry: Retry,
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

/// What a span does in its trace, by kind and messaging role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Local,
    Server,
    Client,
    Producer,
    Consumer,
    Auxiliary,
}

/// What the spans of one trace mean; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub struct Linked {
    /// The service each span works for; zero for none.
    pub services: Vec<u32>,
    /// The class of each span.
    pub classes: Vec<Class>,
    /// Whether the parent of each span waits for it.
    pub waits: Vec<bool>,
    /// Calls.
    pub calls: Vec<Call>,
    /// Roots that are entry points.
    pub entries: Vec<(u32, EntryKind)>,
    /// Messages whose other side may be in another trace.
    pub messages: Vec<MessageEnd>,
    acts: Vec<Act>,
    answered: Vec<bool>,
    /// The outer CLIENT of a nested one, or [`NONE`].
    outer: Vec<u32>,
    is_outer: Vec<bool>,
    pairs: HashMap<(u32, u32), (), FxBuildHasher>,
    order: Vec<u32>,
}

impl Linked {
    /// Reads the meaning of a trace.
    pub fn read(&mut self, trace: &Trace<'_>, dictionary: &Dictionary) {
        self.begin(trace, dictionary);
        for &span in trace.order {
            self.classes[span as usize] = match self.acts[span as usize] {
                Act::Local => self.local(trace, span),
                Act::Server => self.server(trace, dictionary, span),
                Act::Client => self.client(trace, span),
                Act::Producer => self.producer(trace, dictionary, span),
                Act::Consumer => self.consumer(trace, dictionary, span),
                Act::Auxiliary => self.auxiliary(trace, span),
            };
            self.further_parents(trace, span);
        }
        self.virtual_peers(trace, dictionary);
        for (class, service) in self.classes.iter_mut().zip(&self.services) {
            if *service == 0 {
                *class = Class::NoServiceName;
            }
        }
        self.calls
            .retain(|call| call.from != End::Service(0) && call.to != End::Service(0));
        self.group_attempts(trace);
    }

    fn begin(&mut self, trace: &Trace<'_>, dictionary: &Dictionary) {
        let n = trace.spans.len();
        self.calls.clear();
        self.entries.clear();
        self.messages.clear();
        self.pairs.clear();
        self.acts.clear();
        self.acts.extend(
            trace
                .spans
                .iter()
                .map(|row| act(row.flags, dictionary.details[row.detail as usize].peer_kind)),
        );
        self.classes.clear();
        self.classes.resize(n, Class::Internal);
        self.answered.clear();
        self.answered.resize(n, false);
        self.outer.clear();
        self.outer.resize(n, NONE);
        self.is_outer.clear();
        self.is_outer.resize(n, false);
        self.services.clear();
        self.services.resize(n, 0);
        self.waits.clear();
        self.waits.resize(n, true);
        for &span in trace.order {
            let i = span as usize;
            let row = &trace.spans[i];
            let own = dictionary.service_of[row.resource as usize];
            let parent = trace.parents[i];
            self.services[i] = match (own, parent) {
                (0, NONE) => 0,
                (0, parent) => self.services[parent as usize],
                (own, _) => own,
            };
            let follows = trace.links_of(span).iter().any(|link| {
                link.kind() == LinkKind::FollowsFrom && parent != NONE && link.to_span == row.parent
            });
            self.waits[i] = self.acts[i] != Act::Consumer && !follows;
        }
    }

    /// Returns whether a span's parent works for another service.
    fn crosses(&self, trace: &Trace<'_>, span: u32) -> bool {
        let parent = trace.parents[span as usize];
        parent != NONE
            && self.services[parent as usize] != self.services[span as usize]
            && self.services[parent as usize] != 0
            && self.services[span as usize] != 0
    }

    /// Returns the nearest calling span at or above `span`, through INTERNAL spans of the same service, and whether it is `span` itself.
    fn nearest_caller(&self, trace: &Trace<'_>, span: u32) -> Option<(u32, bool)> {
        let mut at = span;
        while at != NONE && self.services[at as usize] == self.services[span as usize] {
            match self.acts[at as usize] {
                Act::Client | Act::Producer => return Some((at, at == span)),
                Act::Local => at = trace.parents[at as usize],
                Act::Server | Act::Consumer | Act::Auxiliary => return None,
            }
        }
        None
    }

    fn call(&mut self, from: End, to: End, client: u32, server: u32, grade: Grade) -> &mut Call {
        let at = self.calls.len();
        self.calls.push(Call {
            from,
            to,
            client,
            server,
            blamed: server,
            sync: true,
            direct: false,
            grade,
            retry: Retry::First,
            last: true,
            lone: true,
            queue_ns: None,
        });
        &mut self.calls[at]
    }

    fn service(&self, span: u32) -> End {
        End::Service(self.services[span as usize])
    }

    /// A call from the parent of `span`, which is in another service.
    fn call_from_parent(&mut self, trace: &Trace<'_>, span: u32, server: u32) {
        let parent = trace.parents[span as usize];
        let (from, to) = (self.service(parent), self.service(span));
        let sync = self.waits[span as usize];
        match self.nearest_caller(trace, parent) {
            Some((caller, _)) => {
                self.answered[caller as usize] = true;
                self.call(from, to, caller, server, Grade::ParentChild).sync = sync;
            }
            None => {
                // Without kinds, a span whose only child is remote is the caller's side of the call.
                let row = &trace.spans[parent as usize];
                let lone =
                    row.flags.kind() == Kind::Unspecified && trace.children(parent).len() == 1;
                let client = if lone { parent } else { NONE };
                self.call(from, to, client, server, Grade::ParentChild).sync = sync;
            }
        }
    }

    /// Returns the class of a span that has no parent in the trace, if it is that.
    fn unattached(&self, trace: &Trace<'_>, span: u32) -> Option<Class> {
        match trace.attachments[span as usize] {
            Attachment::MissingParent => Some(Class::MissingParent),
            Attachment::Cycle => Some(Class::Cycle),
            Attachment::Root | Attachment::Child => None,
        }
    }

    fn local(&mut self, trace: &Trace<'_>, span: u32) -> Class {
        if self.crosses(trace, span) {
            self.call_from_parent(trace, span, span);
            return Class::EdgeServer;
        }
        if self.shares_id_with_another_service(trace, span) {
            return Class::AmbiguousKind;
        }
        if trace.attachments[span as usize] == Attachment::Root {
            if trace.spans[span as usize].flags.kind() == Kind::Unspecified {
                self.enter(span, EntryKind::Request);
                return Class::Entry;
            }
            self.entries.push((span, EntryKind::Job));
        }
        self.unattached(trace, span).unwrap_or(Class::Internal)
    }

    fn shares_id_with_another_service(&self, trace: &Trace<'_>, span: u32) -> bool {
        let i = span as usize;
        let same = |j: usize| {
            trace.spans[j].span == trace.spans[i].span && self.services[j] != self.services[i]
        };
        (i > 0 && same(i - 1)) || (i + 1 < trace.spans.len() && same(i + 1))
    }

    /// A root at which users, or others outside, come in.
    fn enter(&mut self, span: u32, kind: EntryKind) {
        self.entries.push((span, kind));
        let to = self.service(span);
        let sync = self.acts[span as usize] != Act::Consumer;
        self.call(End::Users, to, NONE, span, Grade::OneSided).sync = sync;
    }

    fn server(&mut self, trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> Class {
        let i = span as usize;
        let parent = trace.parents[i];
        if parent == NONE {
            if trace.attachments[i] == Attachment::Root {
                self.entries.push((span, EntryKind::Request));
            }
            let detail = trace.spans[i].detail;
            if dictionary.details[detail as usize].peer_kind != PeerKind::None {
                let to = self.service(span);
                self.call(End::Peer(detail), to, NONE, span, Grade::Declared);
                return Class::EdgeServer;
            }
            if let Some(class) = self.unattached(trace, span) {
                return class;
            }
            let to = self.service(span);
            self.call(End::Users, to, NONE, span, Grade::OneSided);
            return Class::Entry;
        }
        if let Some((caller, direct)) = self.nearest_caller(trace, parent) {
            let same = self.services[caller as usize] == self.services[i];
            if direct || !same {
                let grade = if direct {
                    Grade::Paired
                } else {
                    Grade::ThroughInternal
                };
                let (from, to) = (self.service(caller), self.service(span));
                let sync = self.acts[caller as usize] == Act::Client && self.waits[i];
                self.answered[caller as usize] = true;
                self.call(from, to, caller, span, grade).sync = sync;
                return Class::EdgeServer;
            }
        }
        if self.crosses(trace, span) {
            self.call_from_parent(trace, span, span);
            return Class::EdgeServer;
        }
        Class::Folded
    }

    fn client(&mut self, trace: &Trace<'_>, span: u32) -> Class {
        let i = span as usize;
        let parent = trace.parents[i];
        match trace.attachments[i] {
            Attachment::Root => self.entries.push((span, EntryKind::Job)),
            Attachment::Child | Attachment::MissingParent | Attachment::Cycle => {}
        }
        if self.crosses(trace, span) {
            self.call_from_parent(trace, span, NONE);
        } else if parent != NONE
            && let Some((outer, _)) = self.nearest_caller(trace, parent)
        {
            self.outer[i] = outer;
            self.is_outer[outer as usize] = true;
        }
        // Whether it was answered is known when all spans were looked at.
        Class::EdgeClient
    }

    fn auxiliary(&mut self, trace: &Trace<'_>, span: u32) -> Class {
        let row = &trace.spans[span as usize];
        if trace.attachments[span as usize] == Attachment::Root {
            self.entries.push((span, EntryKind::Job));
        }
        if row.flags.role() == Role::Create {
            self.remember_producer(trace, span);
        }
        Class::MessagingAuxiliary
    }

    fn remember_producer(&mut self, trace: &Trace<'_>, span: u32) {
        self.messages.push(MessageEnd {
            key: message_key(trace.id, trace.spans[span as usize].span),
            span,
            service: self.services[span as usize],
            produces: true,
        });
    }

    fn producer(&mut self, trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> Class {
        let i = span as usize;
        if trace.attachments[i] == Attachment::Root {
            self.entries.push((span, EntryKind::Job));
        }
        if self.crosses(trace, span) {
            self.call_from_parent(trace, span, NONE);
        }
        self.remember_producer(trace, span);
        if let Some(destination) = destination(trace, dictionary, span) {
            let from = self.service(span);
            let call = self.call(from, destination, span, NONE, Grade::OneSided);
            call.sync = false;
        }
        Class::EdgeProducer
    }

    fn consumer(&mut self, trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> Class {
        let i = span as usize;
        let row = &trace.spans[i];
        let parent = trace.parents[i];
        let links = trace.links_of(span);
        let linked = links.iter().any(|link| link.kind() == LinkKind::Link);
        let mut own = destination(trace, dictionary, span);
        let mut met = linked;
        for link in links.iter().filter(|link| link.kind() == LinkKind::Link) {
            if is_inside(trace, link)
                && let Some(producer) = trace.find(link.to_span)
            {
                own = own.or_else(|| destination(trace, dictionary, producer));
                self.deliver(trace, dictionary, producer, span, own);
            } else {
                self.messages.push(MessageEnd {
                    key: message_key(link.to_trace, link.to_span),
                    span,
                    service: self.services[i],
                    produces: false,
                });
            }
        }
        if !linked && parent != NONE {
            match self.nearest_caller(trace, parent) {
                Some((producer, _)) if self.acts[producer as usize] == Act::Producer => {
                    own = own.or_else(|| destination(trace, dictionary, producer));
                    self.deliver(trace, dictionary, producer, span, own);
                    met = true;
                }
                Some((client, true)) if !self.is_receiving(trace, client) => {
                    let (from, to) = (self.service(client), self.service(span));
                    self.answered[client as usize] = true;
                    self.call(from, to, client, span, Grade::Paired).sync = false;
                    met = true;
                }
                Some(_) | None if self.crosses(trace, span) => {
                    self.call_from_parent(trace, span, span);
                    met = true;
                }
                Some(_) | None => {}
            }
        }
        let is_root = trace.attachments[i] == Attachment::Root;
        if is_root && !linked {
            self.enter(span, EntryKind::Message);
        } else if is_root {
            self.entries.push((span, EntryKind::Message));
        }
        if row.flags.role() == Role::Process
            && self.is_inside_receive(trace, parent, self.services[i])
        {
            return Class::Folded;
        }
        if let Some(destination) = own {
            let to = self.service(span);
            let grade = if met { Grade::Paired } else { Grade::OneSided };
            self.call(destination, to, NONE, span, grade).sync = false;
        }
        match (is_root && !linked, own.is_some() || met) {
            (true, _) => Class::Entry,
            (false, true) => Class::EdgeConsumer,
            (false, false) => self.unattached(trace, span).unwrap_or(Class::Internal),
        }
    }

    fn is_receiving(&self, trace: &Trace<'_>, span: u32) -> bool {
        trace.spans[span as usize].flags.role() == Role::Receive
    }

    /// Returns whether `span` or a span above it in the same service takes messages: the delivery was counted there.
    fn is_inside_receive(&self, trace: &Trace<'_>, span: u32, service: u32) -> bool {
        let mut at = span;
        while at != NONE && self.services[at as usize] == service {
            match self.acts[at as usize] {
                Act::Consumer if self.is_receiving(trace, at) => return true,
                Act::Local | Act::Consumer => at = trace.parents[at as usize],
                Act::Server | Act::Client | Act::Producer | Act::Auxiliary => return false,
            }
        }
        false
    }

    /// The direct view of a message: once per producing span and consuming service.
    fn deliver(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        producer: u32,
        span: u32,
        own: Option<End>,
    ) {
        let service = self.services[span as usize];
        match self.pairs.entry((producer, service)) {
            MapEntry::Occupied(_) => return,
            MapEntry::Vacant(entry) => {
                entry.insert(());
            }
        }
        let (sent, taken) = (&trace.spans[producer as usize], &trace.spans[span as usize]);
        let timed = !sent.flags.has(Flags::NO_START) && !taken.flags.has(Flags::NO_START);
        let queue_ns = timed.then(|| {
            taken
                .start
                .saturating_sub(sent.start.saturating_add(sent.duration))
        });
        let direct = own.is_some() || destination(trace, dictionary, producer).is_some();
        let (from, to) = (self.service(producer), self.service(span));
        let grade = if trace.parents[span as usize] == producer || is_linked(trace, span, producer)
        {
            Grade::Paired
        } else {
            Grade::ThroughInternal
        };
        // A producer that sent somewhere has been answered: its own edge is as good as paired.
        let sent_somewhere = self
            .calls
            .iter_mut()
            .find(|call| call.client == producer && call.server == NONE && !call.sync);
        if let Some(call) = sent_somewhere {
            call.grade = Grade::Paired;
        }
        let call = self.call(from, to, producer, span, grade);
        call.sync = false;
        call.direct = direct;
        call.queue_ns = queue_ns;
    }

    /// Parents beyond the first (Jaeger's further references).
    fn further_parents(&mut self, trace: &Trace<'_>, span: u32) {
        for link in trace.links_of(span) {
            let sync = match link.kind() {
                LinkKind::Link => continue,
                LinkKind::ChildOf => true,
                LinkKind::FollowsFrom => false,
            };
            let row = &trace.spans[span as usize];
            if link.to_span == row.parent || !is_inside(trace, link) {
                continue;
            }
            let Some(parent) = trace.find(link.to_span) else {
                continue;
            };
            let (from, to) = (self.service(parent), self.service(span));
            if from != to {
                self.call(from, to, NONE, span, Grade::ParentChild).sync = sync;
                if self.classes[span as usize] == Class::Internal {
                    self.classes[span as usize] = Class::EdgeServer;
                }
            }
        }
    }

    /// Calls that nobody answered, and the classes of CLIENT spans.
    fn virtual_peers(&mut self, trace: &Trace<'_>, dictionary: &Dictionary) {
        for i in 0..trace.spans.len() {
            if self.acts[i] != Act::Client {
                continue;
            }
            let span = i as u32;
            let outer = self.outer[i];
            let transports = outer != NONE && self.acts[outer as usize] == Act::Producer;
            self.classes[i] = if self.answered[i] {
                Class::EdgeClient
            } else if self.is_outer[i] || transports {
                Class::Folded
            } else {
                self.virtual_peer(trace, dictionary, span, outer)
            };
        }
    }

    fn virtual_peer(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        span: u32,
        outer: u32,
    ) -> Class {
        let row = &trace.spans[span as usize];
        let mut detail = row.detail;
        if outer != NONE {
            // What an SDK knows of its target says more than the HTTP call it makes.
            let of_outer = trace.spans[outer as usize].detail;
            let says_more = |protocol| !matches!(protocol, Protocol::Unknown | Protocol::Http);
            let protocol = |detail: u32| dictionary.details[detail as usize].protocol;
            if says_more(protocol(of_outer)) && !says_more(protocol(detail)) {
                detail = of_outer;
            }
        }
        let is_named = dictionary.details[detail as usize].peer_kind != PeerKind::None;
        if !is_named && row.flags.has(Flags::NAMED_PEER_ONLY) {
            // The span's own service is really the callee of the call found above it, if there is one.
            if let Some(call) = self.calls.iter_mut().find(|call| {
                call.grade == Grade::ParentChild && call.blamed == NONE && call.server == NONE && {
                    let parent = trace.parents[span as usize];
                    parent != NONE
                        && call.to == End::Service(self.services[span as usize])
                        && call.from == End::Service(self.services[parent as usize])
                }
            }) {
                call.blamed = span;
                return Class::EdgeServer;
            }
            return Class::NoPeer;
        }
        let from = self.service(span);
        self.call(from, End::Peer(detail), span, NONE, Grade::OneSided);
        Class::VirtualPeer
    }

    /// Finds which attempts belong to one logical call.
    fn group_attempts(&mut self, trace: &Trace<'_>) {
        self.order.clear();
        self.order.extend((0..self.calls.len() as u32).filter(|&c| {
            let call = &self.calls[c as usize];
            call.client != NONE && call.sync
        }));
        let (calls, outer) = (&self.calls, &self.outer);
        let owner = |call: &Call| match outer[call.client as usize] {
            NONE => trace.parents[call.client as usize],
            outer => outer,
        };
        let group = |call: &Call| {
            let row = &trace.spans[call.client as usize];
            (owner(call), call.from, call.to, row.operation)
        };
        self.order.sort_unstable_by_key(|&c| {
            let call = &calls[c as usize];
            let row = &trace.spans[call.client as usize];
            let served = if call.server == NONE {
                0
            } else {
                trace.spans[call.server as usize].start
            };
            (group(call), row.start, call.client, served, call.server)
        });
        for k in 0..self.order.len() {
            let at = self.order[k] as usize;
            let call = self.calls[at];
            let row = &trace.spans[call.client as usize];
            let before = (k > 0)
                .then(|| self.order[k - 1] as usize)
                .filter(|&before| {
                    let earlier = &self.calls[before];
                    let (mine, other) = (
                        (
                            self.outer[call.client as usize],
                            trace.parents[call.client as usize],
                            call.from,
                            call.to,
                            row.operation,
                        ),
                        (
                            self.outer[earlier.client as usize],
                            trace.parents[earlier.client as usize],
                            earlier.from,
                            earlier.to,
                            trace.spans[earlier.client as usize].operation,
                        ),
                    );
                    mine == other && (mine.1 != NONE || call.client == earlier.client)
                });
            let retry = match before {
                Some(before) if self.calls[before].client == call.client => Retry::Hidden,
                _ if row.flags.resend() > 0 => Retry::Marked,
                Some(_)
                    if self.outer[call.client as usize] != NONE
                        || row.flags.has(Flags::TRANSPARENT) =>
                {
                    Retry::Inner
                }
                Some(before) => {
                    let earlier = &trace.spans[self.calls[before].client as usize];
                    let ended = earlier.start.saturating_add(earlier.duration);
                    let waited = row.start.checked_sub(ended);
                    if earlier.flags.outcome().retryable()
                        && waited.is_some_and(|ns| ns <= MAX_BACKOFF_NS)
                    {
                        Retry::Inferred
                    } else {
                        Retry::First
                    }
                }
                None => Retry::First,
            };
            self.calls[at].retry = retry;
            if retry != Retry::First
                && let Some(before) = before
            {
                self.calls[before].last = false;
                if retry == Retry::Hidden {
                    self.calls[before].lone = false;
                    self.calls[at].lone = false;
                }
            }
        }
    }
}

/// Returns whether a link leads into the trace itself.
fn is_inside(trace: &Trace<'_>, link: &LinkRow) -> bool {
    link.to_trace.low == trace.id.low
        && (link.to_trace.high == trace.id.high || link.to_trace.high == 0)
}

fn is_linked(trace: &Trace<'_>, span: u32, producer: u32) -> bool {
    let id = trace.spans[producer as usize].span;
    trace.links_of(span).iter().any(|link| link.to_span == id)
}

/// Returns the queue or topic a span names, if it does.
fn destination(trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> Option<End> {
    let number = trace.spans[span as usize].detail;
    let detail = &dictionary.details[number as usize];
    (detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT).then_some(End::Peer(number))
}

fn act(flags: Flags, peer: PeerKind) -> Act {
    match (flags.kind(), flags.role()) {
        (_, Role::Create | Role::Settle) => Act::Auxiliary,
        (Kind::Server, _) => Act::Server,
        (Kind::Producer, _) => Act::Producer,
        (Kind::Consumer, _) => Act::Consumer,
        (Kind::Client | Kind::Internal | Kind::Unspecified, Role::Send) => Act::Producer,
        (Kind::Client | Kind::Internal | Kind::Unspecified, Role::Receive | Role::Process) => {
            Act::Consumer
        }
        (Kind::Client, Role::None) => Act::Client,
        (Kind::Unspecified, Role::None) if peer != PeerKind::None => Act::Client,
        (Kind::Internal | Kind::Unspecified, Role::None) => Act::Local,
    }
}
