//! What a span does in its trace, as far as it tells by itself.

use crate::model::peer::PeerKind;
use crate::model::span::{Flags, Kind, Role};

/// What a span does in its trace, by kind and messaging role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trace::link) enum Act {
    Local,
    Server,
    Client,
    Producer,
    Consumer,
    Auxiliary,
}

/// Returns what a span does: its role with a message first, then its kind.
pub(in crate::trace::link) fn act(flags: Flags, peer: PeerKind) -> Act {
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
