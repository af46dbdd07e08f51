//! What is remembered of the messages of a trace.

use crate::fold::catalogue::{Catalogue, USERS};
use crate::fold::exemplar::Exemplar;
use crate::fold::message::{Messages, Sent, Taken};
use crate::fold::waiting::Watched;
use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::peer::PeerKind;
use crate::model::span::Flags;
use crate::trace::Trace;
use crate::trace::link::{End, MessageEnd};

impl Messages {
    /// Remembers the sides of messages of a trace.
    pub(super) fn remember(
        &mut self,
        watched: &Watched<'_>,
        dictionary: &Dictionary,
        catalogue: &Catalogue,
    ) {
        for message in watched.linked.messages {
            if message.service != 0 {
                self.remember_side(&watched.trace, message, dictionary, catalogue);
            }
        }
    }

    fn remember_side(
        &mut self,
        trace: &Trace<'_>,
        message: &MessageEnd,
        dictionary: &Dictionary,
        catalogue: &Catalogue,
    ) {
        let row = &trace.spans[message.span as usize];
        let detail = &dictionary.details[row.detail as usize];
        let node = catalogue.service(message.service);
        let destination = if detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT {
            catalogue.end(End::Peer(row.detail))
        } else {
            USERS
        };
        let start = if row.flags.has(Flags::NO_START) {
            0
        } else {
            row.start
        };
        if message.produces {
            let end = if start == 0 {
                0
            } else {
                start.saturating_add(row.duration)
            };
            self.add_sent(
                message.key,
                Sent {
                    node,
                    destination,
                    end,
                },
            );
        } else {
            let taken = Taken {
                start,
                destination,
                weight: detail.weight.0,
                duration: row.duration,
                failed: row.flags.outcome().failed(),
                exemplar: Exemplar {
                    trace: trace.id,
                    span: row.span,
                },
            };
            self.add_taken(message.key, node, taken);
        }
    }
}
