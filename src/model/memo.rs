//! Remembers what the attributes of recent spans meant.
//!
//! The spans of one operation differ in their ids and times and little else, so most meanings are found here, without
//! looking at texts again. A meaning is found by a 64-bit hash of everything it depends on, the texts included; texts
//! are not compared again. With a hundred thousand different meanings the chance that any two are taken for one
//! another is below 10^-9.

use crate::model::attr::{Facts, Slot, Value, mask};
use crate::model::names::NameId;
use crate::model::peer::Protocol;
use crate::model::span::{Flags, RawSpan};

/// Sets of the table, four places each: 1.5 MB for a few times the meanings of a system with hundreds of services.
const SETS: usize = 1 << 14;

/// Places of a set.
const WAYS: usize = 4;

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

/// A table of meanings; in a set that is full a new one takes the place of the oldest.
#[derive(Debug)]
pub struct Memo {
    sets: Vec<Set>,
}

/// Keys and their meanings, the newest first; zero is no key.
#[derive(Clone, Copy, Debug, Default)]
struct Set {
    keys: [u64; WAYS],
    meanings: [Meaning; WAYS],
}

impl Default for Memo {
    fn default() -> Self {
        Memo {
            sets: vec![Set::default(); SETS],
        }
    }
}

impl Memo {
    /// Returns the meaning with a key, if it is remembered.
    #[inline]
    pub fn get(&self, key: u64) -> Option<Meaning> {
        let set = &self.sets[key as usize % SETS];
        let way = set.keys.iter().position(|&of| of == key)?;
        Some(set.meanings[way])
    }

    /// Remembers a meaning.
    pub fn put(&mut self, key: u64, meaning: Meaning) {
        let set = &mut self.sets[key as usize % SETS];
        set.keys.rotate_right(1);
        set.meanings.rotate_right(1);
        set.keys[0] = key;
        set.meanings[0] = meaning;
    }
}

/// Attributes of resources, those looked at for health checks alone, and those that become marks:
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
    Slot::Conversation,
    Slot::IdempotencyKey,
    Slot::GrpcTimeout,
    Slot::EnvoyTimeout,
    Slot::Tenant,
    Slot::CertificateEnd,
    Slot::CertificateIssuer,
    Slot::Cell,
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

/// Returns a hash of everything that the meaning of a span depends on; never zero.
#[inline]
pub fn key(span: &RawSpan<'_>) -> u64 {
    let facts = &span.facts;
    let mut hash = step(0, span.kind as u64 | (span.status as u64) << 8);
    hash = text(hash, span.name);
    if !span.trace_state.is_empty() {
        hash = text(hash, span.trace_state);
    }
    if !span.events.exception.is_empty() {
        hash = text(hash ^ 4, span.events.exception);
    }
    let mut slots = facts.present() & !NO_MEANING;
    if slots & HOST_NAMES != 0 && facts.host_is_named() {
        slots &= !(ADDRESSES | URL);
    } else if slots & ADDRESSES != 0 && facts.has_address() {
        slots &= !URL;
    }
    // Whether there is a URL says how the two sides speak.
    let seen = slots ^ (facts.present() & URL).rotate_left(1);
    hash = step(step(hash, seen as u64), (seen >> 64) as u64);
    while slots != 0 {
        let slot = slots.trailing_zeros() as usize;
        slots &= slots - 1;
        hash = value(hash, facts, slot);
    }
    hash.max(1)
}

#[inline]
fn value(hash: u64, facts: &Facts<'_>, slot: usize) -> u64 {
    match facts.value_at(slot) {
        Value::Text(of) => text(hash, of),
        Value::Int(number) => step(hash, number as u64),
        Value::Double(number) => step(hash ^ 1, number.to_bits()),
        Value::Bool(truth) => step(hash ^ 2, u64::from(truth)),
        Value::Other => step(hash, 3),
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
    fn a_new_meaning_takes_the_place_of_an_old_one() {
        let mut memo = Memo::default();
        assert!(memo.get(1).is_none());
        let key = |n: u64| 1 + n * SETS as u64;
        for n in 0..=WAYS as u64 {
            let meaning = Meaning {
                operation: n as u32,
                ..Meaning::default()
            };
            memo.put(key(n), meaning);
        }
        assert!(memo.get(key(0)).is_none());
        for n in 1..=WAYS as u64 {
            assert_eq!(
                memo.get(key(n)).map(|meaning| meaning.operation),
                Some(n as u32)
            );
        }
    }
}
