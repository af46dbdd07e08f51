//! Trace and span ids as integers.

use std::fmt;

use bytemuck::{Pod, Zeroable};

/// A 16-byte trace id; 64-bit ids of older systems have a zero upper half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct TraceId {
    /// The upper eight bytes; zero for 64-bit ids.
    pub high: u64,
    /// The lower eight bytes, by which traces are grouped, so that 64-bit and 128-bit spellings of one id meet.
    pub low: u64,
}

impl TraceId {
    /// Returns whether the id is the invalid all-zero id.
    pub fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    /// Returns the id of 16 big-endian bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> TraceId {
        let id = u128::from_be_bytes(bytes);
        TraceId {
            high: (id >> 64) as u64,
            low: id as u64,
        }
    }

    /// Returns the 16 big-endian bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

/// An 8-byte span id; zero means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct SpanId(pub u64);

impl SpanId {
    /// Returns whether the id is absent (all zero).
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Mixes 64 bits into 64 well-spread bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014).
///
/// Every choice "by smallest hash" in this program uses it, so that the choice does not depend on any order.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_the_hex_they_were_written_in() {
        let id = TraceId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_bytes(), *b"0123456789abcdef");
        assert_eq!(id.to_string(), "30313233343536373839616263646566");
        assert_eq!(SpanId(0xab).to_string(), "00000000000000ab");
    }

    #[test]
    fn mix_is_the_published_splitmix64() {
        // First outputs of SplitMix64 seeded with 0, as in the reference code of Vigna.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }
}
