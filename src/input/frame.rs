//! Lengths in front of binary records.

use crate::input::Framing;

/// The most bytes that a length takes.
pub(super) const HEADER_MAX: usize = 10;

/// What stands at the start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The length of the record, behind a header of so many bytes.
    Frame {
        /// Bytes of the header.
        header: usize,
        /// Bytes of the record behind it.
        len: u64,
    },
    /// The header goes on behind these bytes.
    Short,
    /// No length.
    Broken,
}

/// Returns the header at the start of `bytes`; framings without lengths have one record of all bytes.
pub(super) fn header(framing: Framing, bytes: &[u8]) -> Header {
    match framing {
        Framing::Frames => match bytes.first_chunk() {
            Some(length) => Header::Frame {
                header: 4,
                len: u64::from(u32::from_be_bytes(*length)),
            },
            None => Header::Short,
        },
        Framing::Varints => varint(bytes),
        Framing::Lines | Framing::Documents | Framing::Whole => Header::Frame {
            header: 0,
            len: bytes.len() as u64,
        },
    }
}

fn varint(bytes: &[u8]) -> Header {
    let mut len = 0_u64;
    for (i, &byte) in bytes.iter().take(HEADER_MAX).enumerate() {
        if i == HEADER_MAX - 1 && byte > 1 {
            return Header::Broken;
        }
        len |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Header::Frame { header: i + 1, len };
        }
    }
    Header::Short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_four_big_endian_bytes_or_a_varint() {
        let frame = |header, len| Header::Frame { header, len };
        assert_eq!(header(Framing::Frames, &[0, 0, 1, 2, 9]), frame(4, 258));
        assert_eq!(header(Framing::Frames, &[0, 0, 1]), Header::Short);
        assert_eq!(header(Framing::Varints, &[0xac, 0x02, 9]), frame(2, 300));
        assert_eq!(header(Framing::Varints, &[0]), frame(1, 0));
        assert_eq!(header(Framing::Varints, &[0x80; 9]), Header::Short);
        assert_eq!(header(Framing::Varints, &[0xff; 11]), Header::Broken);
        let mut largest = [0xff; 10];
        largest[9] = 1;
        assert_eq!(header(Framing::Varints, &largest), frame(10, u64::MAX));
    }
}
