//! What is remembered of the messages of a trace.

use crate::fold::catalogue::USERS;
use crate::fold::message::{Messages, Sent, Taken};
use crate::fold::watch::Seen;
use crate::model::names::ABSENT;
use crate::model::peer::PeerKind;
use crate::model::span::Flags;
use crate::trace::link::{End, MessageEnd};

impl Messages {
    /// Remembers the sides of messages of a trace.
    pub(super) fn remember(&mut self, seen: &Seen<'_>) {
        for message in seen.linked.messages {
            if message.service != 0 {
                self.remember_side(seen, message);
            }
        }
    }

    fn remember_side(&mut self, seen: &Seen<'_>, message: &MessageEnd) {
        let row = seen.row(message.span);
        let detail = seen.detail(message.span);
        let node = seen.catalogue.service(message.service);
        let destination = if detail.peer_kind == PeerKind::Queue && detail.peer != ABSENT {
            seen.end(End::Peer(row.detail))
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
                exemplar: seen.exemplar(message.span),
            };
            self.add_taken(message.key, node, taken);
        }
    }
}
