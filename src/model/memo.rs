//! Remembers what the attributes of recent spans meant.
//!
//! The spans of one operation differ in their ids and times and little else, so most meanings are found here, without
//! looking at texts again. A meaning is found by a 64-bit hash of everything it depends on, the texts included; texts
//! are not compared again. With a hundred thousand different meanings the chance that any two are taken for one
//! another is below 10^-9.

use std::num::NonZeroU64;

use crate::model::attr::{Facts, Slot, Value, mask};
use crate::model::names::NameId;
use crate::model::peer::Protocol;
use crate::model::span::{Flags, RawSpan};
use crate::near::ask_for;

/// Most meanings remembered: more than a system of hundreds of services has, and the most that fit a table of 1.6 MB.
const MOST: usize = 3 << 14;

/// What spans with equal attributes have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meaning {
    /// How the two sides speak.
    pub protocol: Protocol,
    /// The flags that follow from attributes, kind and status.
    pub flags: Flags,
    /// The operation's name.
    pub operation: NameId,
    /// The interned detail.
    pub detail: u32,
}

/// A table of what follows from attributes, by their key. When it is full it is emptied: whoever has that many meanings seldom has one
/// of them twice.
#[derive(Debug)]
pub struct Memo<T> {
    /// Open addressing with steps of one, a power of two; at most three quarters are taken.
    slots: Vec<Option<(NonZeroU64, T)>>,
    len: usize,
}

/// Slots of the first that are not none.
const LEAST: usize = 16;

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Memo {
            slots: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Copy> Memo<T> {
    /// Asks for the memory in which a key is looked for.
    #[inline]
    pub fn ask(&self, key: NonZeroU64) {
        if let Some(slot) = self.slots.get(self.first(key)) {
            ask_for(slot);
        }
    }

    /// Returns where the search for a key begins.
    #[inline]
    fn first(&self, key: NonZeroU64) -> usize {
        key.get() as usize & self.slots.len().wrapping_sub(1)
    }

    /// Returns what follows from the attributes of a key, if it is remembered.
    #[inline]
    pub fn get(&self, key: NonZeroU64) -> Option<T> {
        let mut at = self.first(key);
        loop {
            let (known, meaning) = (*self.slots.get(at)?)?;
            if known == key {
                return Some(meaning);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Remembers what follows from the attributes of a key that is not remembered yet.
    pub fn put(&mut self, key: NonZeroU64, meaning: T) {
        if self.len == MOST {
            self.slots.fill(None);
            self.len = 0;
        }
        if 4 * (self.len + 1) > 3 * self.slots.len() {
            let more = (2 * self.slots.len()).max(LEAST);
            for (key, meaning) in std::mem::replace(&mut self.slots, vec![None; more])
                .into_iter()
                .flatten()
            {
                self.place(key, meaning);
            }
        }
        self.len += 1;
        self.place(key, meaning);
    }

    fn place(&mut self, key: NonZeroU64, meaning: T) {
        let mut at = self.first(key);
        while self.slots[at].is_some() {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = Some((key, meaning));
    }
}

/// Attributes of resources, those looked at for health checks and guards alone, and those that become marks:
/// [`crate::model::meaning`] finds these anew.
const NO_MEANING: u128 = mask(&[
    Slot::ServiceName,
    Slot::ServiceNamespace,
    Slot::ServiceVersion,
    Slot::ServiceInstance,
    Slot::HostId,
    Slot::HostName,
    Slot::HostIp,
    Slot::NodeUid,
    Slot::NodeName,
    Slot::PodName,
    Slot::PodUid,
    Slot::Cluster,
    Slot::ContainerId,
    Slot::Region,
    Slot::Zone,
    Slot::SdkLanguage,
    Slot::UrlPath,
    Slot::UserAgent,
    Slot::DbText,
    Slot::MessageId,
    Slot::ConsumerGroup,
    Slot::Conversation,
    Slot::RequestSize,
    Slot::ResponseSize,
    Slot::IdempotencyKey,
    Slot::IfMatch,
    Slot::GrpcTimeout,
    Slot::EnvoyTimeout,
    Slot::Tenant,
    Slot::CertificateEnd,
    Slot::CertificateIssuer,
    Slot::Cell,
    Slot::Environment,
    Slot::Criticality,
    Slot::FlagKey,
    Slot::FlagVariant,
    Slot::Asked0,
    Slot::Asked1,
    Slot::Asked2,
    Slot::Asked3,
    Slot::Asked4,
    Slot::Asked5,
    Slot::Asked6,
    Slot::Asked7,
]);

/// Names of hosts; without one, addresses count, and without those the URL does.
const HOST_NAMES: u128 = mask(&[Slot::ServerAddress, Slot::NetPeerName]);
const ADDRESSES: u128 = mask(&[Slot::NetworkPeerAddress, Slot::NetSockPeer]);
const URL: u128 = mask(&[Slot::UrlFull]);

/// Returns a hash of everything that is known of a resource.
#[inline]
pub fn resource_key(facts: &Facts<'_>) -> NonZeroU64 {
    not_zero(values(facts, facts.present()))
}

/// Returns a hash of a text.
#[inline]
pub fn text_key(of: &str) -> NonZeroU64 {
    not_zero(text(NAME, of))
}

/// Returns a hash of everything that the meaning of a span depends on.
///
/// It is the sum of hashes of the single things, each of which knows what it is a hash of: they do not wait for each other.
#[inline]
pub fn key(span: &RawSpan<'_>) -> NonZeroU64 {
    let facts = &span.facts;
    let mut hash = text(NAME, span.name);
    if !span.trace_state.is_empty() {
        hash = hash.wrapping_add(text(TRACE_STATE, span.trace_state));
    }
    if !span.events.exception.is_empty() {
        hash = hash.wrapping_add(text(EXCEPTION, span.events.exception));
    }
    let mut slots = facts.present() & !NO_MEANING;
    if slots & HOST_NAMES != 0 && facts.host_is_named() {
        slots &= !(ADDRESSES | URL);
    } else if slots & ADDRESSES != 0 && facts.has_address() {
        slots &= !URL;
    }
    // Whether there is a URL says how the two sides speak.
    let seen = slots ^ (facts.present() & URL).rotate_left(1);
    let ends = span.kind as u64 | (span.status as u64) << 8;
    let seen = step(step(ends, seen as u64), (seen >> 64) as u64);
    not_zero(hash.wrapping_add(seen).wrapping_add(values(facts, slots)))
}

/// Makes room for what says that there is no key.
#[inline]
fn not_zero(hash: u64) -> NonZeroU64 {
    NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN)
}

/// What texts that are no attributes are hashed with; attributes are hashed with the number of their slot.
const NAME: u64 = 1 << 8;
const TRACE_STATE: u64 = 2 << 8;
const EXCEPTION: u64 = 3 << 8;

/// Returns the sum of the hashes of the values in some slots.
#[inline]
fn values(facts: &Facts<'_>, mut slots: u128) -> u64 {
    let mut hash = 0u64;
    while slots != 0 {
        let slot = slots.trailing_zeros() as usize;
        slots &= slots - 1;
        hash = hash.wrapping_add(value(facts, slot));
    }
    hash
}

#[inline(always)]
fn value(facts: &Facts<'_>, slot: usize) -> u64 {
    // Kinds of values are told apart by bits that no slot has.
    let hash = slot as u64;
    match facts.value_at(slot) {
        Value::Text(of) => text(hash, of),
        Value::Int(number) => step(hash | 4 << 16, number as u64),
        Value::Double(number) => step(hash | 1 << 16, number.to_bits()),
        Value::Bool(truth) => step(hash | 2 << 16, u64::from(truth)),
        Value::Other => step(hash | 3 << 16, 0),
    }
}

/// Mixes a word in.
#[inline]
fn step(hash: u64, word: u64) -> u64 {
    step2(hash, word, word.rotate_left(32))
}

/// Mixes two words in by one multiplication whose halves are folded.
#[inline]
fn step2(hash: u64, a: u64, b: u64) -> u64 {
    let product =
        u128::from(hash ^ a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(hash.rotate_left(32))
}

/// Mixes a text in, sixteen bytes at a time; the last ones may overlap those before, which the length tells apart.
#[inline]
fn text(hash: u64, text: &str) -> u64 {
    let mut bytes = text.as_bytes();
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let len = (bytes.len() as u64).wrapping_mul(0xa076_1d64_78bd_642f);
    if bytes.len() < 8 {
        return step2(hash, few(bytes), len);
    }
    let mut hash = hash;
    while bytes.len() > 16 {
        hash = step2(
            hash,
            word(bytes.first_chunk()),
            word(bytes[8..].first_chunk()),
        );
        bytes = &bytes[16.min(bytes.len() - 8)..];
    }
    step2(
        hash,
        word(bytes.first_chunk()),
        word(bytes.last_chunk()) ^ len,
    )
}

/// Returns fewer than eight bytes as a word; with their number it tells them apart.
#[inline]
fn few(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => {
            let byte = |at: usize| u64::from(*bytes.get(at).unwrap_or(&0));
            byte(0) | byte(bytes.len() / 2) << 8 | byte(bytes.len().saturating_sub(1)) << 16
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_differ_when_anything_that_matters_differs() {
        let mut keys = HashSet::new();
        let mut n = 0;
        for name in [
            "",
            "a",
            "b",
            "ab",
            "GET /cart",
            "GET /carts",
            "0123456789abcdef",
        ] {
            for status in [500, 200, 404] {
                for host in ["", "cart", "10.0.0.1"] {
                    for url in ["", "http://a/", "http://b/"] {
                        let mut span = RawSpan {
                            name,
                            ..RawSpan::default()
                        };
                        span.facts.set("http.status_code", Value::Int(status));
                        span.facts.set("network.peer.address", Value::Text(host));
                        span.facts.set("url.full", Value::Text(url));
                        keys.insert(key(&span));
                        n += 1;
                    }
                }
            }
        }
        // A host makes the URL's text irrelevant, so six of nine combinations are two.
        assert_eq!(keys.len(), n * 5 / 9);
    }

    #[test]
    fn a_memo_is_a_map() {
        for seed in 0..20u64 {
            let mut memo = Memo::default();
            let mut map = std::collections::HashMap::new();
            for n in 0..3_000 {
                // Many agree in their last bits.
                let key = not_zero((step(seed, n) % 2_000) << (seed % 4 * 16));
                assert_eq!(memo.get(key), map.get(&key).copied());
                memo.ask(key);
                if memo.get(key).is_none() {
                    memo.put(key, n);
                    map.insert(key, n);
                }
            }
            assert!(map.iter().all(|(key, n)| memo.get(*key) == Some(*n)));
        }
    }

    #[test]
    fn meanings_are_remembered_until_there_are_too_many() {
        let mut memo = Memo::default();
        let key = |n: usize| not_zero((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        assert!(memo.get(key(7)).is_none());
        let found =
            |memo: &Memo<Meaning>, n: usize| memo.get(key(n)).map(|meaning| meaning.operation);
        for n in 0..MOST + 2 {
            let meaning = Meaning {
                operation: n as u32,
                ..Meaning::default()
            };
            memo.put(key(n), meaning);
            assert_eq!(found(&memo, n), Some(n as u32));
        }
        assert_eq!(found(&memo, 0), None);
        assert_eq!(found(&memo, MOST), Some(MOST as u32));
    }
}
