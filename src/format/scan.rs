//! Looks at many bytes at a time: finds the ends of strings and of whole containers of JSON, reads hex digits, and tells text from
//! other bytes.
//!
//! One trait, two implementations that must agree on every input: [`Portable`], plain safe code for every
//! architecture, and `Simd` for x86-64 with AVX2 and carry-less multiplication. [`dispatch`] chooses once for a
//! whole piece of work, so that the vector code is inlined into the loop that uses it. This is the only module with
//! `unsafe` code. Every load from a record reads at most 64 bytes from a position inside it, and [`Record`] promises that
//! many readable bytes ([`PAD`](crate::input::PAD)) behind its last one. Bytes are taken for text without the library's
//! look at them where they were just seen to be ASCII.

use crate::input::Record;
use memchr::memchr2;

/// How deep a container that is stepped over may nest.
pub(super) const MAX_DEPTH: u32 = 128;

/// Why a container could not be stepped over, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SkipFault {
    /// The record ends inside the container.
    End,
    /// A closing bracket of the other kind.
    Mismatch(usize),
    /// The bracket that opens one level too many.
    Deep(usize),
}

/// Finds ends in a record. Positions count from the record's first byte.
pub(super) trait Scan: Copy {
    /// Returns the position of the first quote, backslash or control character at or after `from`, which must not
    /// lie behind the record's end; the end when there is none.
    fn string_stop(self, record: &Record<'_>, from: usize) -> usize;

    /// Returns the position behind the container whose opening bracket is at `from`.
    fn container_end(self, record: &Record<'_>, from: usize) -> Result<usize, SkipFault>;

    /// Returns the number of sixteen hex digits.
    fn hex16(self, digits: &[u8; 16]) -> Option<u64>;

    /// Returns the numbers of twice sixteen hex digits.
    fn hex32(self, digits: &[u8; 32]) -> Option<[u64; 2]>;
}

/// Something to do with whichever implementation fits the machine.
pub(super) trait Work {
    /// What comes of it.
    type Out;
    /// Does it; implementations are always inlined, so that vector code is compiled into them.
    fn run<S: Scan>(self, scan: S) -> Self::Out;
}

/// Does the work with the fastest implementation this machine has.
pub(super) fn dispatch<W: Work>(work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = x86::Simd::detect() {
        return simd.run(work);
    }
    work.run(Portable)
}

/// Returns the text of a record, if it is one.
pub(super) fn text<'a>(record: &Record<'a>) -> Option<&'a str> {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = x86::Simd::detect() {
        return simd.text(record);
    }
    std::str::from_utf8(record.bytes()).ok()
}

/// Returns the bytes as text, if they are; soonest when they are few and ASCII, as most texts are.
#[inline]
#[expect(
    unsafe_code,
    reason = "the library looks at texts byte by byte, and most are short; see the proof"
)]
pub(super) fn short_text(bytes: &[u8]) -> Option<&str> {
    if is_short_ascii(bytes) {
        // SAFETY: every byte is ASCII, a character by itself.
        return Some(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).ok()
}

/// Returns whether these are fewer than 256 bytes, all ASCII.
#[inline]
fn is_short_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(HIGH, |bytes| u64::from_le_bytes(*bytes));
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(HIGH, |b| u32::from_le_bytes(*b).into());
    // Words may overlap.
    let all = match bytes.len() {
        0..4 => bytes.iter().fold(0, |all, byte| all | u64::from(*byte)),
        4..8 => half(bytes.first_chunk()) | half(bytes.last_chunk()),
        8..=16 => word(bytes.first_chunk()) | word(bytes.last_chunk()),
        17..256 => {
            let words = bytes.chunks_exact(8).map(|chunk| word(chunk.first_chunk()));
            words.fold(word(bytes.last_chunk()), |all, word| all | word)
        }
        _ => HIGH,
    };
    all & HIGH == 0
}

/// The open brackets of a container, one bit each: set for braces.
#[derive(Default)]
struct Brackets {
    kinds: u128,
    depth: u32,
}

impl Brackets {
    /// Opens a bracket at a position.
    #[inline(always)]
    fn open(&mut self, brace: bool, at: usize) -> Result<(), SkipFault> {
        if self.depth == MAX_DEPTH {
            return Err(SkipFault::Deep(at));
        }
        self.kinds = self.kinds << 1 | u128::from(brace);
        self.depth += 1;
        Ok(())
    }

    /// Closes a bracket at a position; returns whether it was the outermost.
    #[inline(always)]
    fn close(&mut self, brace: bool, at: usize) -> Result<bool, SkipFault> {
        if self.kinds & 1 != u128::from(brace) || self.depth == 0 {
            return Err(SkipFault::Mismatch(at));
        }
        self.kinds >>= 1;
        self.depth -= 1;
        Ok(self.depth == 0)
    }
}

/// The implementation for every machine, and the oracle of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Scan for Portable {
    #[inline(always)]
    fn string_stop(self, record: &Record<'_>, from: usize) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        /// Sets the high bit of zero bytes; a set bit above the lowest one may be wrong.
        fn zeros(word: u64) -> u64 {
            word.wrapping_sub(ONES) & !word & HIGH
        }
        let bytes = record.bytes();
        let mut at = from;
        while let Some(chunk) = bytes[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            let stops = control
                | zeros(word ^ (ONES * u64::from(b'"')))
                | zeros(word ^ (ONES * u64::from(b'\\')));
            if stops != 0 {
                return at + stops.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        let tail = bytes[at..]
            .iter()
            .position(|b| matches!(b, b'"' | b'\\' | 0..0x20));
        tail.map_or(bytes.len(), |i| at + i)
    }

    #[inline(never)]
    fn container_end(self, record: &Record<'_>, from: usize) -> Result<usize, SkipFault> {
        let bytes = record.bytes();
        let mut open = Brackets::default();
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' => open.open(*byte == b'{', at)?,
                b'}' | b']' if open.close(*byte == b'}', at)? => return Ok(at + 1),
                b'"' => loop {
                    let rest = bytes.get(at + 1..).ok_or(SkipFault::End)?;
                    at += 1 + memchr2(b'"', b'\\', rest).ok_or(SkipFault::End)?;
                    if bytes[at] == b'"' {
                        break;
                    }
                    at += 1;
                },
                // Not JSON, but as long as nobody looks at it, an escape means the same everywhere.
                b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => at += 1,
                _ => {}
            }
            at += 1;
        }
        Err(SkipFault::End)
    }

    #[inline(always)]
    fn hex16(self, digits: &[u8; 16]) -> Option<u64> {
        let (high, low) = digits.split_at(8);
        let high = hex8(*high.first_chunk()?)?;
        let low = hex8(*low.first_chunk()?)?;
        Some(u64::from(high) << 32 | u64::from(low))
    }

    #[inline(always)]
    fn hex32(self, digits: &[u8; 32]) -> Option<[u64; 2]> {
        let (high, low) = digits.split_at(16);
        let high = self.hex16(high.first_chunk()?)?;
        let low = self.hex16(low.first_chunk()?)?;
        Some([high, low])
    }
}

/// Returns the number of eight hex digits.
#[inline(always)]
fn hex8(digits: [u8; 8]) -> Option<u32> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let word = u64::from_be_bytes(digits);
    let low7 = word & !HIGH;
    // A sum of two bytes below 0x80 stays in its byte; its high bit says "at least".
    let decimal = (low7 + (0x80 - 0x30) * EACH) & !(low7 + (0x80 - 0x3a) * EACH);
    let lower = low7 | (0x20 * EACH);
    let letter = (lower + (0x80 - 0x61) * EACH) & !(lower + (0x80 - 0x67) * EACH);
    if (decimal | letter) & !word & HIGH != HIGH {
        return None;
    }
    let nibbles = (word & (0x0f * EACH)) + 9 * (word >> 6 & EACH);
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    Some((pairs | pairs >> 16) as u32)
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector loads and functions for processors that have vectors; see the proofs"
)]
mod x86 {
    use super::{Brackets, Record, Scan, SkipFault, Work};
    use std::arch::x86_64::*;

    /// The implementation for AVX2. Its existence proves that this processor has what [`Simd::detect`] asked for.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Simd(());

    impl Simd {
        /// Returns the implementation if this processor can run it.
        pub(super) fn detect() -> Option<Simd> {
            let has = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("pclmulqdq");
            has.then_some(Simd(()))
        }

        /// Does the work in a function compiled for this processor.
        pub(super) fn run<W: Work>(self, work: W) -> W::Out {
            // SAFETY: `self` exists, so the processor has every feature that `run_with` is compiled for.
            unsafe { run_with(self, work) }
        }

        /// Returns the text of a record, if it is one. Only what comes behind the first characters beyond ASCII is looked at closely.
        pub(super) fn text<'a>(self, record: &Record<'a>) -> Option<&'a str> {
            let bytes = record.bytes();
            // SAFETY: `self` exists, so the processor has the features.
            let ascii = unsafe { ascii(bytes) };
            std::str::from_utf8(&bytes[ascii..]).ok()?;
            // SAFETY: what comes before `ascii` is ASCII, each byte a character, and the rest is valid as was just asked.
            Some(unsafe { std::str::from_utf8_unchecked(bytes) })
        }
    }

    /// Returns how many bytes in front are ASCII: not all of them, but whole blocks.
    #[target_feature(enable = "avx2")]
    fn ascii(bytes: &[u8]) -> usize {
        const BLOCK: usize = 256;
        let is_ascii = |block: &&[u8]| block.iter().fold(0, |all, byte| all | byte) < 0x80;
        BLOCK * bytes.chunks_exact(BLOCK).take_while(is_ascii).count()
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
    fn run_with<W: Work>(simd: Simd, work: W) -> W::Out {
        work.run(simd)
    }

    impl Scan for Simd {
        #[inline(always)]
        fn string_stop(self, record: &Record<'_>, from: usize) -> usize {
            let len = record.bytes().len();
            if from >= len {
                return len;
            }
            // Most strings end in their first block, which is looked at without a call.
            // SAFETY: `self` exists, so the processor has the features; `from < len`, as `load` asks.
            let bits = unsafe { stops(load(record, from)) };
            if bits != 0 {
                return len.min(from + bits.trailing_zeros() as usize);
            }
            // SAFETY: `self` exists, so the processor has the features.
            unsafe { string_stop(record, from + 32) }
        }

        #[inline(always)]
        fn container_end(self, record: &Record<'_>, from: usize) -> Result<usize, SkipFault> {
            // SAFETY: `self` exists, so the processor has the features.
            unsafe { container_end(record, from) }
        }

        #[inline(always)]
        fn hex16(self, digits: &[u8; 16]) -> Option<u64> {
            // SAFETY: `self` exists, so the processor has the features.
            unsafe { hex16(digits) }
        }

        #[inline(always)]
        fn hex32(self, digits: &[u8; 32]) -> Option<[u64; 2]> {
            // SAFETY: `self` exists, so the processor has the features.
            unsafe { hex32(digits) }
        }
    }

    /// Returns the bytes that twice as many hex digits stand for, two in each sixteen bits, unless one is none.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn hex(digits: __m256i) -> Option<__m256i> {
        let each = _mm256_set1_epi8;
        let at_most =
            |these: __m256i, most: i8| _mm256_cmpeq_epi8(_mm256_min_epu8(these, each(most)), these);
        let decimal = _mm256_sub_epi8(digits, each(b'0' as i8));
        let lower = _mm256_or_si256(digits, each(0x20));
        let letter = _mm256_sub_epi8(lower, each(b'a' as i8));
        let is_decimal = at_most(decimal, 9);
        if _mm256_movemask_epi8(_mm256_or_si256(is_decimal, at_most(letter, 5))) != -1 {
            return None;
        }
        let letter = _mm256_add_epi8(letter, each(10));
        let nibbles = _mm256_blendv_epi8(letter, decimal, is_decimal);
        Some(_mm256_maddubs_epi16(nibbles, _mm256_set1_epi16(0x0110)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn hex32(digits: &[u8; 32]) -> Option<[u64; 2]> {
        // SAFETY: `digits` are the 32 bytes that are loaded. `loadu` needs no alignment.
        let digits = unsafe { _mm256_loadu_si256(digits.as_ptr().cast()) };
        let pairs = hex(digits)?;
        let bytes = _mm256_packus_epi16(pairs, pairs);
        let high = _mm256_extract_epi64::<0>(bytes) as u64;
        let low = _mm256_extract_epi64::<2>(bytes) as u64;
        Some([high.swap_bytes(), low.swap_bytes()])
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn hex16(digits: &[u8; 16]) -> Option<u64> {
        // SAFETY: `digits` are the 16 bytes that are loaded. `loadu` needs no alignment.
        let digits = unsafe { _mm_loadu_si128(digits.as_ptr().cast()) };
        let pairs = hex(_mm256_broadcastsi128_si256(digits))?;
        let bytes = _mm256_packus_epi16(pairs, pairs);
        Some((_mm256_extract_epi64::<0>(bytes) as u64).swap_bytes())
    }

    /// Loads 32 bytes; the position must lie at most 32 bytes behind the record's end.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(record: &Record<'_>, at: usize) -> __m256i {
        let padded = record.padded();
        debug_assert!(
            at + 32 <= padded.len(),
            "a load must stay inside the padded record"
        );
        // SAFETY: `at <= len + 32` by the callers' loops, and `padded` has at least `len + 64` bytes, so the 32 bytes
        // at `at` are inside it. `loadu` needs no alignment.
        unsafe { _mm256_loadu_si256(padded.as_ptr().add(at).cast()) }
    }

    /// Returns the quotes, backslashes and control characters of a block, one bit each.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn stops(block: __m256i) -> u32 {
        let quotes = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(b'"' as i8));
        let backslashes = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(b'\\' as i8));
        let controls = _mm256_cmpeq_epi8(_mm256_min_epu8(block, _mm256_set1_epi8(0x1f)), block);
        let stops = _mm256_or_si256(_mm256_or_si256(quotes, backslashes), controls);
        _mm256_movemask_epi8(stops) as u32
    }

    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1")]
    fn string_stop(record: &Record<'_>, from: usize) -> usize {
        let len = record.bytes().len();
        let mut at = from;
        while at < len {
            let bits = stops(load(record, at)); // at < len
            if bits != 0 {
                return len.min(at + bits.trailing_zeros() as usize);
            }
            at += 32;
        }
        len
    }

    /// The bytes of a 64-byte block that are something, one bit each.
    struct Block {
        quotes: u64,
        backslashes: u64,
        opens: u64,
        closes: u64,
        braces: u64,
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn block(record: &Record<'_>, at: usize) -> Block {
        let halves = (load(record, at), load(record, at + 32)); // at < len, so at + 32 < len + 32
        let bits = |low: __m256i, high: __m256i| {
            u64::from(_mm256_movemask_epi8(low) as u32)
                | u64::from(_mm256_movemask_epi8(high) as u32) << 32
        };
        let equal = |halves: (__m256i, __m256i), byte: u8| {
            let wanted = _mm256_set1_epi8(byte as i8);
            bits(
                _mm256_cmpeq_epi8(halves.0, wanted),
                _mm256_cmpeq_epi8(halves.1, wanted),
            )
        };
        // Bit 0x20 alone tells braces from square brackets: set, both look like braces; and shifted to the top of
        // its byte it is what movemask collects.
        let bit = _mm256_set1_epi8(0x20);
        let braced = (
            _mm256_or_si256(halves.0, bit),
            _mm256_or_si256(halves.1, bit),
        );
        Block {
            quotes: equal(halves, b'"'),
            backslashes: equal(halves, b'\\'),
            opens: equal(braced, b'{'),
            closes: equal(braced, b'}'),
            braces: bits(
                _mm256_slli_epi16::<2>(halves.0),
                _mm256_slli_epi16::<2>(halves.1),
            ),
        }
    }

    /// Returns in each bit the parity of the bits up to and including it.
    #[inline]
    #[target_feature(enable = "pclmulqdq,sse2")]
    fn parity(bits: u64) -> u64 {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
    fn container_end(record: &Record<'_>, from: usize) -> Result<usize, SkipFault> {
        let len = record.bytes().len();
        let mut open = Brackets::default();
        let mut in_string = 0u64; // all ones while the block before ended inside a string
        let mut escaped = 0u64; // bit 0 set when the block before ended in a backslash that escapes
        let mut at = from;
        while at < len {
            let mut block = block(record, at);
            if block.backslashes | escaped != 0 {
                let mut backslashes = block.backslashes & !escaped;
                let mut ends_escaping = 0;
                while backslashes != 0 {
                    let first = backslashes & backslashes.wrapping_neg();
                    escaped |= first << 1;
                    ends_escaping = first >> 63;
                    backslashes &= !(first | first << 1);
                }
                block.quotes &= !escaped;
                escaped = ends_escaping;
            }
            let strings = parity(block.quotes) ^ in_string;
            in_string = ((strings as i64) >> 63) as u64;
            let mut brackets = (block.opens | block.closes) & !strings;
            if len - at < 64 {
                brackets &= (1 << (len - at)) - 1;
            }
            while brackets != 0 {
                let bit = brackets & brackets.wrapping_neg();
                let here = at + brackets.trailing_zeros() as usize;
                let brace = block.braces & bit != 0;
                if block.opens & bit != 0 {
                    open.open(brace, here)?;
                } else if open.close(brace, here)? {
                    return Ok(here + 1);
                }
                brackets ^= bit;
            }
            at += 64;
        }
        Err(SkipFault::End)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        let Some(simd) = x86::Simd::detect() else {
            return Ok(());
        };
        Record::with_copy(bytes, |record| {
            // What follows a record is unspecified: let it be as misleading as possible.
            let mut padded = record.padded().to_vec();
            padded[bytes.len()..].fill(b'}');
            let record = Record::new(&padded, bytes.len()).expect("padded");
            for from in 0..=bytes.len() {
                prop_assert_eq!(
                    simd.string_stop(&record, from),
                    Portable.string_stop(&record, from),
                    "string from {}",
                    from
                );
                if matches!(bytes.get(from), Some(b'{' | b'[')) {
                    prop_assert_eq!(
                        simd.container_end(&record, from),
                        Portable.container_end(&record, from),
                        "container from {}",
                        from
                    );
                }
            }
            Ok(())
        })
    }

    proptest! {
        #[test]
        fn both_find_the_same_ends_in_json_like_text(text in r#"[\[\]{}"\\a:,\x00\u{e9} ]{0,300}"#) {
            check(text.as_bytes())?;
        }

        #[test]
        fn both_find_the_same_ends_in_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            check(&bytes)?;
        }

        #[test]
        fn both_find_the_same_ends_in_long_strings(fill in 0usize..200, run in 0usize..70, tail in r#"["\\}\]a]{0,20}"#) {
            let text = format!("{{\"{}{}\"{tail}\"}}]}}", "x".repeat(fill), "\\".repeat(run));
            check(text.as_bytes())?;
        }
    }

    proptest! {
        #[test]
        fn hex_digits_are_what_the_standard_library_reads(text in "[0-9a-fA-F]{32}", at in 0usize..32, other: u8) {
            let mut digits: [u8; 32] = *text.as_bytes().first_chunk().expect("32 digits");
            for _ in 0..2 {
                let (high, low) = digits.split_at(16);
                let expected = [high, low].map(|half| {
                    let is_hex = half.iter().all(u8::is_ascii_hexdigit);
                    let half = is_hex.then(|| std::str::from_utf8(half).expect("digits"));
                    half.map(|half| u64::from_str_radix(half, 16).expect("digits"))
                });
                let high = high.first_chunk().expect("16 digits");
                let both = expected[0].zip(expected[1]).map(<[u64; 2]>::from);
                prop_assert_eq!(Portable.hex16(high), expected[0]);
                prop_assert_eq!(Portable.hex32(&digits), both);
                if let Some(simd) = x86::Simd::detect() {
                    prop_assert_eq!(simd.hex16(high), expected[0]);
                    prop_assert_eq!(simd.hex32(&digits), both);
                }
                digits[at] = other;
            }
        }

        #[test]
        fn short_texts_are_what_the_standard_library_accepts(text in "[a\u{7f}\u{e9}\u{1f600}]{0,20}", more in 0usize..300, at in 0usize..300, other: u8) {
            let mut bytes = [text.into_bytes(), vec![b'a'; more]].concat();
            bytes.truncate(more + 16);
            for _ in 0..2 {
                prop_assert_eq!(super::short_text(&bytes), std::str::from_utf8(&bytes).ok());
                let all = bytes.iter().all(u8::is_ascii) && bytes.len() < 256;
                prop_assert_eq!(super::is_short_ascii(&bytes), all);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = other;
                }
            }
        }

        #[test]
        fn texts_are_what_the_standard_library_accepts(
            front in 0usize..600,
            text in "[a\u{e9}\u{1f600}]{0,20}",
            back in 0usize..600,
            at in 0usize..1200,
            bit in 0u32..8,
        ) {
            let mut bytes = [vec![b'a'; front], text.into_bytes(), vec![b'b'; back]].concat();
            for _ in 0..2 {
                Record::with_copy(&bytes, |record| {
                    prop_assert_eq!(super::text(record), std::str::from_utf8(&bytes).ok());
                    Ok(())
                })?;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
    }

    #[test]
    fn both_stop_at_the_same_depth() -> Result<(), TestCaseError> {
        for depth in [127, 128, 129, 1000] {
            check(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes())?;
        }
        let deep = "[".repeat(129);
        let end = Record::with_copy(deep.as_bytes(), |record| Portable.container_end(record, 0));
        assert_eq!(end, Err(SkipFault::Deep(128)));
        Ok(())
    }
}
