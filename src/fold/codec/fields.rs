//! Fields of messages, written one after the other as prost writes them, for what is too many to become a message first.

use prost::encoding::WireType;

/// Adds a number in groups of seven bits.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_key(out: &mut Vec<u8>, tag: u32, kind: WireType) {
    put_varint(out, u64::from(tag) << 3 | kind as u64);
}

/// Adds a number, unless it is zero.
#[inline]
pub(super) fn put_number(out: &mut Vec<u8>, tag: u32, number: u64) {
    if number != 0 {
        put_key(out, tag, WireType::Varint);
        put_varint(out, number);
    }
}

/// Adds what has a length.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_length(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

/// Adds what stands before so many bytes.
#[inline]
pub(super) fn put_length(out: &mut Vec<u8>, tag: u32, n_bytes: usize) {
    put_key(out, tag, WireType::LengthDelimited);
    put_varint(out, n_bytes as u64);
}

/// Adds a list of numbers, unless it is empty.
#[inline]
pub(super) fn put_numbers(out: &mut Vec<u8>, tag: u32, numbers: impl Iterator<Item = u64> + Clone) {
    let length: u64 = numbers.clone().map(length).sum();
    if length > 0 {
        put_key(out, tag, WireType::LengthDelimited);
        put_varint(out, length);
        numbers.for_each(|number| put_varint(out, number));
    }
}

/// Returns how many bytes a number takes.
#[inline]
fn length(number: u64) -> u64 {
    u64::from((70 - (number | 1).leading_zeros()) / 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::codec::wire;
    use prost::Message;

    #[test]
    fn fields_are_written_as_prost_writes_them() {
        let mut numbers = vec![0, 1, 127, 128, 300, 1 << 32, u64::MAX];
        numbers.extend((0..64).map(|bit| 1u64 << bit));
        for &number in &numbers {
            let mut out = Vec::new();
            put_varint(&mut out, number);
            assert_eq!(out.len() as u64, length(number));
            let message = wire::Record {
                sums: vec![number, 7],
                least: number,
                most: number / 2,
                sketch: None,
                exemplars: Vec::new(),
                n_exemplars: 3,
            };
            let mut fields = Vec::new();
            put_numbers(&mut fields, 1, [number, 7].into_iter());
            put_number(&mut fields, 2, number);
            put_number(&mut fields, 3, number / 2);
            put_number(&mut fields, 6, 3);
            assert_eq!(fields, message.encode_to_vec(), "{number}");
        }
        let mut out = Vec::new();
        put_numbers(&mut out, 1, [].into_iter());
        assert!(out.is_empty());
    }
}
