//! Calls that nobody answered: the callee is what the calling span names.

use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::peer::{PeerKind, Protocol};
use crate::model::span::Flags;
use crate::trace::link::message::destination;
use crate::trace::link::{Act, Class, End, Grade, Linked};
use crate::trace::{NONE, Trace};

impl Linked {
    /// Calls that nobody answered, and the classes of CLIENT spans.
    pub(in crate::trace::link) fn virtual_peers(
        &mut self,
        trace: &Trace<'_>,
        dictionary: &Dictionary,
    ) {
        for i in 0..trace.spans.len() {
            if self.acts[i] != Act::Client {
                continue;
            }
            let span = i as u32;
            self.classes[i] = if self.is_answered(span) {
                Class::EdgeClient
            } else if self.is_outer[i] || self.is_stood_for(trace, dictionary, span) {
                Class::Folded
            } else {
                self.virtual_peer(trace, dictionary, span)
            };
        }
    }

    /// Returns whether the call of an unanswered CLIENT is already told by the span around it.
    fn is_stood_for(&self, trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> bool {
        let outer = self.outer[span as usize];
        if outer == NONE {
            return false;
        }
        if self.acts[outer as usize] == Act::Producer {
            return self.is_answered(outer) || destination(trace, dictionary, outer).is_some();
        }
        let detail = |span: u32| &dictionary.details[trace.spans[span as usize].detail as usize];
        let (mine, of_outer) = (detail(span), detail(outer));
        let is_same = mine.peer_kind == PeerKind::None
            || (mine.peer != ABSENT && mine.peer == of_outer.peer)
            || (mine.address != ABSENT && mine.address == of_outer.address);
        self.is_answered(outer) && is_same
    }

    fn virtual_peer(&mut self, trace: &Trace<'_>, dictionary: &Dictionary, span: u32) -> Class {
        let row = &trace.spans[span as usize];
        let mut detail = row.detail;
        let outer = self.outer[span as usize];
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
        let names_nobody = !is_named && row.flags.has(Flags::NAMED_PEER_ONLY);
        // Its own service is really the callee of the call found above it, if there is one.
        if (names_nobody || self.names_itself(dictionary, span, detail))
            && self.crosses(trace, span)
        {
            return Class::EdgeServer;
        }
        if names_nobody {
            return Class::NoPeer;
        }
        let from = self.service(span);
        self.call(from, End::Peer(detail), span, NONE, Grade::OneSided);
        Class::VirtualPeer
    }
    /// Returns whether the peer of a detail has the name of the span's own service, as when a driver that speaks for
    /// its database emits the spans of both.
    fn names_itself(&self, dictionary: &Dictionary, span: u32, detail: u32) -> bool {
        let (_, service) = dictionary.services[self.services[span as usize] as usize];
        let peer = dictionary.details[detail as usize].peer;
        peer != ABSENT && dictionary.text(peer) == dictionary.text(service)
    }
}
