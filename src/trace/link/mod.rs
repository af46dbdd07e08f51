//! What the spans of a trace mean for the service graph: calls, entry points, messages, and one class per span.
//!
//! Rules, in the order of the code:
//! - A span without a service name works for the service of its parent, unless it is the SERVER that answers it.
//! - A proxy named by the policy works for whoever called it, unless a request enters there.
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

pub mod call;

mod act;

mod message;

mod peer;

mod attempts;

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use crate::model::dictionary::Dictionary;
use crate::model::peer::PeerKind;
use crate::model::span::{Kind, Role};
use crate::model::{LinkKind, LinkRow};
use crate::trace::link::act::{Act, act};
use crate::trace::link::attempts::Attempts;
use crate::trace::{Attachment, NONE, Trace};

pub use crate::trace::link::attempts::MAX_BACKOFF_NS;
pub use crate::trace::link::call::{
    Call, Class, End, EntryKind, Grade, MessageEnd, Retry, message_key,
};

/// What the spans of one trace mean.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a> {
    /// The service each span works for; zero for none.
    pub services: &'a [u32],
    /// The class of each span.
    pub classes: &'a [Class],
    /// Whether the parent of each span waits for it.
    pub waits: &'a [bool],
    /// Calls.
    pub calls: &'a [Call],
    /// Roots that are entry points, in the order of spans.
    pub entries: &'a [(u32, EntryKind)],
    /// Messages whose other side may be in another trace.
    pub messages: &'a [MessageEnd],
}

/// Reads the meaning of traces; its space is reused from trace to trace.
#[derive(Debug, Default)]
pub struct Linked {
    services: Vec<u32>,
    classes: Vec<Class>,
    waits: Vec<bool>,
    calls: Vec<Call>,
    entries: Vec<(u32, EntryKind)>,
    messages: Vec<MessageEnd>,
    acts: Vec<Act>,
    /// The nearest calling span at or above each span, through INTERNAL spans of its service, or [`NONE`].
    callers: Vec<u32>,
    /// How many spans answer each calling span: none, one, or more.
    answers: Vec<u8>,
    /// The outermost calling span around a nested CLIENT, or [`NONE`].
    outer: Vec<u32>,
    is_outer: Vec<bool>,
    /// Whether a span takes messages or works on those that a span above it took.
    receives: Vec<bool>,
    /// Producing spans and consuming services that have met.
    pairs: HashMap<(u32, u32), (), FxBuildHasher>,
    attempts: Attempts,
}

impl Linked {
    /// Returns the meaning of the trace that was read last.
    pub fn meaning(&self) -> Meaning<'_> {
        Meaning {
            services: &self.services,
            classes: &self.classes,
            waits: &self.waits,
            calls: &self.calls,
            entries: &self.entries,
            messages: &self.messages,
        }
    }

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
        self.settle_calls();
        for (class, service) in self.classes.iter_mut().zip(&self.services) {
            if *service == 0 {
                *class = Class::NoServiceName;
            }
        }
        self.entries.sort_by_key(|(span, _)| *span);
        self.attempts
            .group(trace, dictionary, &self.outer, &mut self.calls);
    }

    fn begin(&mut self, trace: &Trace<'_>, dictionary: &Dictionary) {
        let n = trace.spans.len();
        self.calls.clear();
        self.entries.clear();
        self.messages.clear();
        self.pairs.clear();
        self.acts.clear();
        let details = &dictionary.details;
        let acts = trace.spans.iter().zip(trace.parents).map(|(row, &parent)| {
            if parent != NONE && dictionary.is_proxy(row.resource) {
                return Act::Local;
            }
            act(row.flags, details[row.detail as usize].peer_kind)
        });
        self.acts.extend(acts);
        refill(&mut self.classes, n, Class::Internal);
        refill(&mut self.callers, n, NONE);
        refill(&mut self.answers, n, 0);
        refill(&mut self.outer, n, NONE);
        refill(&mut self.is_outer, n, false);
        refill(&mut self.receives, n, false);
        refill(&mut self.services, n, 0);
        refill(&mut self.waits, n, true);
        for &span in trace.order {
            let i = span as usize;
            let row = &trace.spans[i];
            let parent = trace.parents[i];
            let own = if parent != NONE && dictionary.is_proxy(row.resource) {
                0
            } else {
                dictionary.service_of[row.resource as usize]
            };
            let act = self.acts[i];
            let answers_parent =
                parent != NONE && act == Act::Server && self.callers[parent as usize] == parent;
            self.services[i] = match (own, parent) {
                (0, NONE) => 0,
                (0, _) if answers_parent => 0,
                (0, parent) => self.services[parent as usize],
                (own, _) => own,
            };
            let at_home = parent != NONE && self.services[parent as usize] == self.services[i];
            self.callers[i] = match act {
                Act::Client | Act::Producer => span,
                Act::Local if at_home => self.callers[parent as usize],
                Act::Local | Act::Server | Act::Consumer | Act::Auxiliary => NONE,
            };
            self.receives[i] = match act {
                Act::Consumer if row.flags.role() == Role::Receive => true,
                Act::Consumer | Act::Local => at_home && self.receives[parent as usize],
                Act::Client | Act::Producer | Act::Server | Act::Auxiliary => false,
            };
            let follows = trace.links_of(span).iter().any(|link| {
                link.kind() == LinkKind::FollowsFrom && parent != NONE && link.to_span == row.parent
            });
            self.waits[i] = act != Act::Consumer && !follows;
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

    fn call(&mut self, from: End, to: End, client: u32, server: u32, grade: Grade) -> &mut Call {
        let at = self.calls.len();
        self.calls.push(Call {
            from,
            to,
            client,
            server,
            blamed: server,
            witness: if client == NONE { server } else { client },
            sync: true,
            direct: false,
            grade,
            retry: Retry::First,
            first: 0,
            last: true,
            lone: true,
            queue_ns: None,
        });
        &mut self.calls[at]
    }

    fn service(&self, span: u32) -> End {
        End::Service(self.services[span as usize])
    }

    /// Notes that a calling span has one more called span.
    fn answer(&mut self, caller: u32) {
        let answers = &mut self.answers[caller as usize];
        *answers = answers.saturating_add(1);
    }

    fn is_answered(&self, caller: u32) -> bool {
        self.answers[caller as usize] > 0
    }

    /// A call from the parent of `span`, which is in another service.
    fn call_from_parent(&mut self, trace: &Trace<'_>, span: u32, server: u32) {
        let parent = trace.parents[span as usize];
        let (from, to) = (self.service(parent), self.service(span));
        let mut client = self.callers[parent as usize];
        if client != NONE {
            self.answer(client);
            self.waits[span as usize] &= self.acts[client as usize] == Act::Client;
        } else if trace.spans[parent as usize].flags.kind() == Kind::Unspecified
            && trace.children(parent).len() == 1
        {
            // Without kinds, a span whose only child is remote is the caller's side of the call.
            client = parent;
        }
        let sync = self.waits[span as usize];
        let call = self.call(from, to, client, server, Grade::ParentChild);
        call.sync = sync;
        if client == NONE {
            call.witness = span;
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
        if self.services[parent as usize] == 0 || self.services[i] == 0 {
            return Class::NoServiceName;
        }
        let caller = self.callers[parent as usize];
        let is_direct = caller == parent;
        if caller != NONE && (is_direct || self.crosses(trace, span)) {
            let grade = if is_direct {
                Grade::Paired
            } else {
                Grade::ThroughInternal
            };
            let (from, to) = (self.service(caller), self.service(span));
            self.answer(caller);
            self.waits[i] &= self.acts[caller as usize] == Act::Client;
            let sync = self.waits[i];
            self.call(from, to, caller, span, grade).sync = sync;
            return Class::EdgeServer;
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
        if trace.attachments[i] == Attachment::Root {
            self.entries.push((span, EntryKind::Job));
        }
        if self.crosses(trace, span) {
            self.call_from_parent(trace, span, NONE);
            if let Some(call) = self.calls.last_mut() {
                // Unless it turns out to call somebody itself.
                call.blamed = span;
            }
        } else if parent != NONE && self.callers[parent as usize] != NONE {
            let outer = self.callers[parent as usize];
            self.is_outer[outer as usize] = true;
            self.outer[i] = match self.outer[outer as usize] {
                NONE => outer,
                outermost => outermost,
            };
        }
        // Whether it was answered is known when all spans were looked at.
        Class::EdgeClient
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
            let is_named = from != End::Service(0) && to != End::Service(0);
            if from != to && is_named {
                self.call(from, to, NONE, span, Grade::ParentChild).sync = sync;
                if matches!(
                    self.classes[span as usize],
                    Class::Internal | Class::MissingParent | Class::NoServiceName
                ) {
                    self.classes[span as usize] = Class::EdgeServer;
                }
            }
        }
    }

    /// What of a call is known only when all spans were looked at.
    fn settle_calls(&mut self) {
        self.calls
            .retain(|call| call.from != End::Service(0) && call.to != End::Service(0));
        for call in &mut self.calls {
            if call.server == NONE
                && call.blamed != NONE
                && self.classes[call.blamed as usize] != Class::EdgeServer
            {
                call.blamed = NONE;
            }
            if call.client == NONE {
                continue;
            }
            let answers = self.answers[call.client as usize];
            call.lone = answers <= 1;
            // A producer whose message was taken has been answered: its own edge is as good as paired.
            if answers > 0
                && self.acts[call.client as usize] == Act::Producer
                && matches!(call.to, End::Peer(_))
            {
                call.grade = Grade::Paired;
            }
        }
    }
}

fn refill<T: Clone>(list: &mut Vec<T>, n: usize, value: T) {
    list.clear();
    list.resize(n, value);
}

/// Returns whether a link leads into the trace itself.
fn is_inside(trace: &Trace<'_>, link: &LinkRow) -> bool {
    link.to_trace.low == trace.id.low
        && (link.to_trace.high == trace.id.high || link.to_trace.high == 0)
}
