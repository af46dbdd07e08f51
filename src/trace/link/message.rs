//! Messages: who sent what to which destination, and who took it.
//!
//! The two sides meet by links first, then by parents. Sides that link into other traces are only noted here; the
//! topology joins them when everything has been read.

use std::collections::hash_map::Entry;

use crate::model::LinkKind;
use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::peer::PeerKind;
use crate::model::span::{Flags, Role};
use crate::trace::link::{
    Act, Class, End, EntryKind, Grade, Linked, MessageEnd, is_inside, message_key,
};
use crate::trace::{Attachment, NONE, Trace};

impl Linked {
    pub(in crate::trace::link) fn auxiliary(&mut self, trace: &Trace<'_>, span: u32) -> Class {
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

    pub(in crate::trace::link) fn producer(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        span: u32,
    ) -> Class {
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

    pub(in crate::trace::link) fn consumer(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        span: u32,
    ) -> Class {
        let i = span as usize;
        let row = &trace.spans[i];
        let parent = trace.parents[i];
        let links = || {
            trace
                .links_of(span)
                .iter()
                .filter(|link| link.kind() == LinkKind::Link)
        };
        let linked = links().next().is_some();
        let mut own = destination(trace, dictionary, span);
        let mut met = linked;
        for link in links() {
            if is_inside(trace, link)
                && let Some(producer) = trace.find(link.to_span)
            {
                own = own.or_else(|| destination(trace, dictionary, producer));
                self.deliver(trace, dictionary, producer, span, Grade::Paired);
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
            let caller = self.callers[parent as usize];
            let is_direct = caller == parent;
            let crosses = self.crosses(trace, span);
            if caller != NONE
                && self.acts[caller as usize] == Act::Producer
                && (is_direct || crosses)
            {
                own = own.or_else(|| destination(trace, dictionary, caller));
                let grade = if is_direct {
                    Grade::Paired
                } else {
                    Grade::ThroughInternal
                };
                self.deliver(trace, dictionary, caller, span, grade);
                met = true;
            } else if is_direct {
                let (from, to) = (self.service(caller), self.service(span));
                self.answer(caller);
                self.call(from, to, caller, span, Grade::Paired).sync = false;
                met = true;
            } else if crosses {
                self.call_from_parent(trace, span, span);
                met = true;
            }
        }
        let is_root = trace.attachments[i] == Attachment::Root;
        if is_root && !linked {
            self.enter(span, EntryKind::Message);
        } else if is_root {
            self.entries.push((span, EntryKind::Message));
        }
        let is_at_home = parent != NONE && self.services[parent as usize] == self.services[i];
        if row.flags.role() == Role::Process && is_at_home && self.receives[parent as usize] {
            // The delivery was counted where the message was received.
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

    /// The direct view of a message: once per producing span and consuming service.
    fn deliver(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
        producer: u32,
        span: u32,
        grade: Grade,
    ) {
        let service = self.services[span as usize];
        if service == 0 || self.services[producer as usize] == 0 {
            return;
        }
        match self.pairs.entry((producer, service)) {
            Entry::Occupied(_) => return,
            Entry::Vacant(entry) => {
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
        let has_destination = |span: u32| destination(trace, dictionary, span).is_some();
        let direct = has_destination(span) || has_destination(producer);
        let (from, to) = (self.service(producer), self.service(span));
        self.answer(producer);
        let call = self.call(from, to, producer, span, grade);
        call.sync = false;
        call.direct = direct;
        call.queue_ns = queue_ns;
    }
}

/// Returns the queue or topic a span names, if it does.
pub(in crate::trace::link) fn destination(
    trace: &Trace<'_>,
    dictionary: &Dictionary,
    span: u32,
) -> Option<End> {
    let number = trace.spans[span as usize].detail;
    let detail = &dictionary.details[number as usize];
    (detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT).then_some(End::Peer(number))
}
