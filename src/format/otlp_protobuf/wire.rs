//! The protobuf wire format: keys, varints, lengths, and skipping what is not needed.
//!
//! It accepts exactly what prost accepts: varints of at most 64 bits, field numbers from 1 in keys of at most 32 bits,
//! groups that end where they should. It knows no message.

use std::fmt;

/// Groups nested deeper than this are refused, as prost refuses them.
const MAX_GROUP_DEPTH: usize = 100;

/// The wire type of a varint.
pub(super) const VARINT: u32 = 0;
/// The wire type of eight bytes.
pub(super) const FIXED64: u32 = 1;
/// The wire type of bytes behind their length.
pub(super) const LEN: u32 = 2;
/// The wire type that opens a group.
pub(super) const START_GROUP: u32 = 3;
/// The wire type that closes a group.
pub(super) const END_GROUP: u32 = 4;
/// The wire type of four bytes.
pub(super) const FIXED32: u32 = 5;

/// Returns the key of a field, as it stands before the field's value.
pub(super) const fn key(number: u32, wire_type: u32) -> u32 {
    number << 3 | wire_type
}

/// Bytes that are not protobuf: where, and what was expected there.
///
/// Boxed, so that the results of the steps before it stay in registers.
#[derive(Debug)]
pub(super) struct Fault(Box<(usize, String)>);

impl Fault {
    /// Returns a fault at the first of `rest`, the bytes that were not read yet.
    #[cold]
    pub(super) fn new(rest: &[u8], message: impl fmt::Display) -> Fault {
        Fault(Box::new((rest.as_ptr().addr(), message.to_string())))
    }

    /// Returns the offset in the record, of which the faulty bytes are a part, and the message.
    pub(super) fn locate(self, record: &[u8]) -> (usize, String) {
        let (address, message) = *self.0;
        (address - record.as_ptr().addr(), message)
    }
}

/// The fields of one message, read from front to back.
///
/// Every step leaves `rest` a suffix of what it was.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a> {
    rest: &'a [u8],
}

impl<'a> Wire<'a> {
    /// Returns the fields in these bytes.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Wire<'a> {
        Wire { rest: bytes }
    }

    /// Returns whether all was read.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns what was not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a varint.
    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [low @ 0..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low))
            }
            [low, high @ 0..=0x7f, ref rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    /// Reads a varint of any length.
    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for (i, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                if i == 9 && byte > 1 {
                    break;
                }
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(Fault::new(
            self.rest,
            match self.rest.len() {
                0..10 => "expected a varint, found the end within it",
                _ => "expected a varint of 64 bits, found a longer one",
            },
        ))
    }

    /// Reads the key of the next field.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<u32, Fault> {
        let before = self.rest;
        let key = self.varint()?;
        u32::try_from(key).map_err(|_| {
            self.rest = before;
            Fault::new(
                before,
                format_args!("expected a field key of 32 bits, found {key}"),
            )
        })
    }

    /// Reads a length and that many bytes.
    #[inline(always)]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let before = self.rest;
        let len = self.varint()?;
        match usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
        {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => {
                let found = self.rest.len();
                self.rest = before;
                Err(cut(before, len, found))
            }
        }
    }

    /// Reads a length and that many bytes, or as many as there are; in the latter case with the fault.
    pub(super) fn container(&mut self) -> Result<(Wire<'a>, Option<Fault>), Fault> {
        let before = self.rest;
        let len = self.varint()?;
        match usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
        {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok((Wire::new(bytes), None))
            }
            None => {
                let bytes = std::mem::take(&mut self.rest);
                Ok((Wire::new(bytes), Some(cut(before, len, bytes.len()))))
            }
        }
    }

    /// Reads eight bytes as a little-endian number.
    #[inline(always)]
    pub(super) fn fixed64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads four bytes as a little-endian number.
    #[inline(always)]
    pub(super) fn fixed32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(cut(self.rest, N as u64, self.rest.len())),
        }
    }

    /// Skips the value of the field whose key was just read.
    pub(super) fn skip(&mut self, key: u32) -> Result<(), Fault> {
        let mut open = Vec::new();
        let mut key = key;
        loop {
            if key >> 3 == 0 {
                return Err(Fault::new(
                    self.rest,
                    "expected a field, found field number 0",
                ));
            }
            match key & 7 {
                VARINT => self.varint().map(drop)?,
                FIXED64 => self.fixed64().map(drop)?,
                LEN => self.bytes().map(drop)?,
                FIXED32 => self.fixed32().map(drop)?,
                START_GROUP if open.len() < MAX_GROUP_DEPTH => open.push(key >> 3),
                START_GROUP => {
                    let message = format_args!(
                        "expected at most {MAX_GROUP_DEPTH} nested groups, found more"
                    );
                    return Err(Fault::new(self.rest, message));
                }
                END_GROUP if open.last() == Some(&(key >> 3)) => {
                    open.pop();
                }
                END_GROUP => {
                    let message =
                        format_args!("expected a field, found the end of group {}", key >> 3);
                    return Err(Fault::new(self.rest, message));
                }
                other => {
                    let message = format_args!("expected a wire type from 0 to 5, found {other}");
                    return Err(Fault::new(self.rest, message));
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            key = self.key()?;
        }
    }

    /// Skips a field that the message does not define; one it does define (with a number in `defined`) got here
    /// because its wire type is wrong, which is a fault.
    #[cold]
    pub(super) fn skip_undefined(
        &mut self,
        key: u32,
        defined: std::ops::RangeInclusive<u32>,
    ) -> Result<(), Fault> {
        let number = key >> 3;
        if !defined.contains(&number) {
            return self.skip(key);
        }
        let found = match key & 7 {
            VARINT => "a varint",
            FIXED64 => "eight bytes",
            LEN => "length-delimited",
            START_GROUP | END_GROUP => "a group",
            FIXED32 => "four bytes",
            _ => "of an unknown wire type",
        };
        let message = format_args!("expected field {number} as OTLP defines it, found it {found}");
        Err(Fault::new(self.rest, message))
    }
}

/// Returns the fault of a value that is longer than what is left.
#[cold]
fn cut(at: &[u8], expected: u64, found: usize) -> Fault {
    Fault::new(
        at,
        format_args!("expected {expected} more bytes, found the end after {found}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_varint, skip_field,
    };

    proptest! {
        #[test]
        fn varints_are_read_as_prost_reads_them(value: u64, shift in 0..64, tail: Vec<u8>, noise in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut bytes = Vec::new();
            encode_varint(value >> shift, &mut bytes);
            bytes.extend(tail);
            let mut wire = Wire::new(&bytes);
            prop_assert_eq!(wire.varint().ok(), Some(value >> shift));

            let mut wire = Wire::new(&noise);
            let mut rest = noise.as_slice();
            let expected = decode_varint(&mut rest).ok();
            prop_assert_eq!(wire.varint().ok(), expected);
            prop_assert_eq!(wire.rest(), if expected.is_some() { rest } else { &noise });
        }

        #[test]
        fn fields_are_skipped_as_prost_skips_them(noise in prop::collection::vec(prop_oneof![0_u8..16, any::<u8>()], 0..24)) {
            let mut wire = Wire::new(&noise);
            let ours = wire.key().and_then(|key| wire.skip(key)).map(|()| wire.rest());
            let mut rest = noise.as_slice();
            let theirs = decode_key(&mut rest)
                .and_then(|(tag, wire_type)| skip_field(wire_type, tag, &mut rest, DecodeContext::default()))
                .map(|()| rest);
            prop_assert_eq!(ours.ok(), theirs.ok());
        }
    }

    #[test]
    fn groups_have_a_depth_limit() {
        let nested = |depth: usize| [vec![0x0b; depth], vec![0x0c; depth]].concat();
        for (depth, fine) in [(1, true), (100, true), (101, false), (100_000, false)] {
            let bytes = nested(depth);
            let mut wire = Wire::new(&bytes);
            let skipped = wire.key().and_then(|key| wire.skip(key));
            assert_eq!(skipped.is_ok(), fine, "depth {depth}");
        }
        assert_eq!(WireType::StartGroup as u32, START_GROUP);
    }

    #[test]
    fn a_container_gives_what_is_there() {
        let bytes = [5, 1, 2];
        let (inside, fault) = Wire::new(&bytes).container().expect("a length");
        assert_eq!(inside.rest(), [1, 2]);
        let (offset, message) = fault.expect("a fault").locate(&bytes);
        assert_eq!(
            (offset, message.as_str()),
            (0, "expected 5 more bytes, found the end after 2")
        );
    }
}
