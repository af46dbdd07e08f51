//! Ids, numbers and names as OTLP JSON writes them.
//!
//! Both ways through the format read single values here, so that they cannot disagree about them.

use super::cursor::Scalar;
use crate::model::{Kind, SpanId, Status, TraceId};

/// Returns the number of eight decimal digits.
#[inline(always)]
fn decimal8(digits: [u8; 8]) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(digits);
    let digits = word ^ (0x30 * EACH);
    if (digits | digits.wrapping_add(6 * EACH)) & (0xf0 * EACH) != 0 {
        return None; // a carry comes only from a byte that is caught by itself
    }
    Some(number8(digits))
}

/// Returns the number whose eight digits are the bytes of a word, the first digit the lowest byte.
#[inline(always)]
fn number8(digits: u64) -> u64 {
    // Pairs, then fours, then all eight.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

/// Returns the number of up to seven digits behind an opening quote, and the length of both them and the closing quote.
#[inline(always)]
pub(super) fn quoted_int(text: &[u8; 8]) -> Option<(usize, i64)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*text);
    let digits = word ^ (0x30 * EACH);
    // The high bit of the first byte that is no digit is set, and none before it: digits make no carry.
    let others = (digits | digits.wrapping_add(0x76 * EACH)) & (0x80 * EACH);
    let bits = others.trailing_zeros() & !7;
    if bits == 0 || bits == 64 || (word >> bits) as u8 != b'"' {
        return None;
    }
    // Zeros come before the first digit.
    let number = number8(digits << (64 - bits));
    Some((bits as usize / 8 + 1, number as i64))
}

/// Returns the nanoseconds of 19 digits, as every time from 2001 to 2262 is written.
#[inline(always)]
pub(super) fn nanos(text: &[u8; 19]) -> Option<u64> {
    let high = decimal8(*text.first_chunk()?)?;
    let middle = decimal8(*text[8..].first_chunk()?)?;
    let low = text[16..].iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0'))
    })?;
    Some((high * 100_000_000 + middle) * 1000 + low)
}

/// Returns the small number of at most 18 digits.
#[inline(always)]
pub(super) fn small_int(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0'))
    })
}

/// Returns the bytes of an id: hex digits, of which leading zeros may be missing, or base64 with or without padding,
/// told apart by length. Unpadded base64 that happens to be all hex digits counts as hex.
fn id_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    if is_hex && (1..=2 * N).contains(&digits.len()) {
        let mut id = [0; N];
        for (place, digit) in digits.iter().rev().enumerate() {
            let value = char::from(*digit).to_digit(16)? as u8;
            id[N - 1 - place / 2] |= value << (place % 2 * 4);
        }
        return Some(id);
    }
    base64(text)?.try_into().ok()
}

/// Returns the bytes of a text in base64, standard or for URLs, with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    let padding = text.len() - unpadded.len();
    if unpadded.len() % 4 == 1 || (padding > 0 && (padding > 2 || !text.len().is_multiple_of(4))) {
        return None;
    }
    let mut bytes = Vec::with_capacity(unpadded.len() * 3 / 4);
    let (mut bits, mut n_bits) = (0u32, 0);
    for byte in unpadded.bytes() {
        bits = bits << 6 | u32::from(base64_digit(byte)?);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
        }
    }
    Some(bytes)
}

/// Returns the value of a base64 digit of the standard or the URL alphabet.
fn base64_digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Returns the trace id of a text in any spelling; it may be zero.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    id_bytes(text).map(TraceId::from_bytes)
}

/// Returns the span id of a text in any spelling; it may be zero.
pub(super) fn span_id(text: &str) -> Option<SpanId> {
    id_bytes(text).map(|bytes| SpanId(u64::from_be_bytes(bytes)))
}

/// Returns the last 32 digits of a hex text that is too long for a trace id, as some writers make them.
pub(super) fn long_trace_id(text: &str) -> Option<TraceId> {
    let is_long = (33..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_long
        .then(|| trace_id(&text[text.len() - 32..]))
        .flatten()
        .filter(|id| !id.is_zero())
}

/// Returns the whole number of a value, a number or a text; also one with a point or an exponent if nothing is lost.
pub(super) fn whole(value: Scalar<'_>) -> Option<i128> {
    let (Scalar::Number(text) | Scalar::Text(text)) = value else {
        return None;
    };
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        (float.fract() == 0.0 && float.abs() < 1e20).then_some(float as i128)
    })
}

/// Returns the floating-point number of a value, a number or a text such as `NaN`.
pub(super) fn double(value: Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Number(text) | Scalar::Text(text) => text.parse().ok(),
        Scalar::Null | Scalar::Bool(_) | Scalar::List | Scalar::Object => None,
    }
}

/// Returns the kind of a value, its number or its name.
pub(super) fn kind(value: Scalar<'_>) -> Option<Kind> {
    match (whole(value), value) {
        (Some(number), _) => Kind::from_number(u64::try_from(number).ok()?),
        (None, Scalar::Text(name)) => Kind::from_name(name),
        (None, _) => None,
    }
}

/// Returns the status of a value, its number or its name.
pub(super) fn status(value: Scalar<'_>) -> Option<Status> {
    match (whole(value), value) {
        (Some(number), _) => Status::from_number(u64::try_from(number).ok()?),
        (None, Scalar::Text(name)) => Status::from_name(name),
        (None, _) => None,
    }
}

/// Returns a value as messages show it, long text cut short.
pub(super) fn found(value: Scalar<'_>) -> String {
    const SHOWN: usize = 40;
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Number(text) => text.chars().take(SHOWN).collect(),
        Scalar::Text(text) => match text.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{:?}...", &text[..cut]),
            None => format!("{text:?}"),
        },
        Scalar::List => "a list".to_owned(),
        Scalar::Object => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fast_decimals_read_what_the_standard_library_reads(number in 1_000_000_000_000_000_000u64..10_000_000_000_000_000_000, at in 0usize..19, other: u8) {
            let mut text: [u8; 19] = *number.to_string().as_bytes().first_chunk().expect("19 digits");
            prop_assert_eq!(nanos(&text), Some(number));
            text[at] = other;
            prop_assert_eq!(nanos(&text).is_some(), other.is_ascii_digit());
        }
    }

    proptest! {
        #[test]
        fn short_numbers_end_in_a_quote(text in r#"[0-9]{0,8}["0-9:/a\x00\x80]{8}"#) {
            let text: &[u8; 8] = text.as_bytes().first_chunk().expect("eight bytes");
            let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
            let expected = (digits > 0 && text.get(digits) == Some(&b'"'))
                .then(|| (digits + 1, small_int(&text[..digits]).expect("digits")));
            prop_assert_eq!(quoted_int(text), expected);
        }
    }

    #[test]
    fn ids_are_told_apart_by_length() {
        let id = Some(TraceId {
            high: 0x5b8e_fff7_9803_8103,
            low: 0xd269_b633_813f_c60c,
        });
        assert_eq!(trace_id("5B8EFFF798038103D269B633813FC60C"), id);
        assert_eq!(trace_id("W47/95gDgQPSabYzgT/GDA=="), id);
        assert_eq!(trace_id("W47_95gDgQPSabYzgT_GDA"), id);
        assert_eq!(
            trace_id("d269b633813fc60c"),
            Some(TraceId {
                high: 0,
                low: 0xd269_b633_813f_c60c
            })
        );
        assert_eq!(trace_id("7"), Some(TraceId { high: 0, low: 7 }));
        assert_eq!(span_id("7uGbfsPBsXM="), Some(SpanId(0xeee1_9b7e_c3c1_b173)));
        assert_eq!(span_id("7uGbfsPBsXM"), Some(SpanId(0xeee1_9b7e_c3c1_b173)));
        assert_eq!(span_id("12345678901"), Some(SpanId(0x123_4567_8901)));
    }

    #[test]
    fn junk_is_no_id() {
        for junk in [
            "",
            "xyz",
            "5b8efff798038103d269b633813fc60c0",
            "W47/95gDgQPSabYzgT/GDA=",
            "====",
            "7uGbfsPB*XM=",
        ] {
            assert_eq!(trace_id(junk), None, "{junk}");
        }
        assert_eq!(span_id("5b8efff798038103d269b633813fc60c"), None);
    }

    #[test]
    fn whole_numbers_are_read_in_every_spelling() {
        assert_eq!(whole(Scalar::Number("12")), Some(12));
        assert_eq!(whole(Scalar::Text("-12")), Some(-12));
        assert_eq!(
            whole(Scalar::Number("1.7e18")),
            Some(1_700_000_000_000_000_000)
        );
        assert_eq!(whole(Scalar::Number("1.5")), None);
        assert_eq!(whole(Scalar::Text("NaN")), None);
        assert_eq!(whole(Scalar::Text("")), None);
        assert_eq!(whole(Scalar::Bool(true)), None);
    }
}
