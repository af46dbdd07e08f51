//! Numbers, times and names as people read them: ASCII, with units, never longer than they must be.
//!
//! Machines get plain numbers from the renderers for machines; nothing here is meant to be parsed.

mod names;

use std::borrow::Cow;

use jiff::Timestamp;

pub use crate::text::names::{beginning, nearest, truncated, visible, width, wrapped};

/// Returns names as one text; of many, the first few and how many more.
pub fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {} more", count(more as u64)),
    }
}

/// Returns a duration in the unit that suits it, three significant digits: `850 us`, `1.2 ms`, `3.45 s`, `2 min 5 s`.
pub fn duration(ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 4] = [(1, "ns"), (1_000, "us"), (1_000_000, "ms"), (SECOND, "s")];
    const LARGE: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    for (size, unit) in UNITS {
        let digits = significant(ns as f64 / size as f64);
        if digits.parse::<f64>().is_ok_and(|shown| shown < 1000.0) && ns < 60 * SECOND {
            return format!("{digits} {unit}");
        }
    }
    let seconds = ns / SECOND + u64::from(ns % SECOND >= SECOND / 2);
    for (at, (size, unit)) in LARGE.iter().enumerate() {
        if seconds >= *size {
            let mut shown = format!("{} {unit}", seconds / size);
            if let Some((small, small_unit)) = LARGE.get(at + 1)
                && seconds % size >= *small
            {
                shown.push_str(&format!(" {} {small_unit}", seconds % size / small));
            }
            return shown;
        }
    }
    "0 s".to_owned()
}

/// Returns a difference of durations with its sign: `+1.2 ms`, `-850 us`.
pub fn signed_duration(ns: f64) -> String {
    let sign = if ns < 0.0 { "-" } else { "+" };
    format!("{sign}{}", duration(ns.abs().round() as u64))
}

/// Returns a number with three significant digits, without trailing zeros behind the point.
fn significant(value: f64) -> String {
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    trimmed(format!("{value:.decimals$}"))
}

/// Returns a decimal without trailing zeros behind the point.
fn trimmed(decimal: String) -> String {
    if decimal.contains('.') {
        decimal
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        decimal
    }
}

/// Returns a count with separators: `1,234`.
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// Returns a weighted count: whole ones as such, others with one decimal: `1,234.5`.
pub fn weighted(n: f64) -> String {
    if n.fract() == 0.0 {
        return grouped(&format!("{n:.0}"));
    }
    if n.abs() < 0.05 {
        return "<0.1".to_owned();
    }
    grouped(&format!("{n:.1}"))
}

/// Puts separators into the whole part of a decimal.
fn grouped(decimal: &str) -> String {
    let whole_len = decimal.find('.').unwrap_or(decimal.len());
    let (whole, fraction) = decimal.split_at(whole_len);
    let mut out = String::with_capacity(decimal.len() + whole_len / 3);
    for (at, digit) in whole.chars().enumerate() {
        let left = whole_len - at;
        if digit.is_ascii_digit()
            && left.is_multiple_of(3)
            && out.ends_with(|last: char| last.is_ascii_digit())
        {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(fraction);
    out
}

/// Returns a number of bytes: `512 B`, `1.5 KiB`, `20 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut size = n as f64 / 1024.0;
    for unit in UNITS {
        if size < 999.5 || unit == "EiB" {
            return format!("{} {unit}", significant(size));
        }
        size /= 1024.0;
    }
    format!("{n} B")
}

/// Returns a share as a percentage with one decimal; only none is `0 %` and only all is `100 %`.
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.000_5 {
        return "<0.1 %".to_owned();
    }
    if (0.999_5..1.0).contains(&share) {
        return ">99.9 %".to_owned();
    }
    format!("{} %", trimmed(format!("{:.1}", share * 100.0)))
}

/// Returns a value of a metric with at most four decimals: `0.4167`, `12`, `1,234.5`.
pub fn value(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.000_05 {
        return format!("{value:.1e}");
    }
    grouped(&trimmed(format!("{value:.4}")))
}

/// Returns a count with its noun: `1 span`, `2 spans`, `3 entries`, `4 classes`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {}", count(n), nouns(n, noun))
}

/// Returns a noun in the form that suits a count.
pub fn nouns(n: u64, noun: &str) -> Cow<'_, str> {
    if n == 1 {
        return Cow::Borrowed(noun);
    }
    let vowel_before_y = noun.ends_with("ay")
        || noun.ends_with("ey")
        || noun.ends_with("oy")
        || noun.ends_with("uy");
    if let Some(stem) = noun.strip_suffix('y').filter(|_| !vowel_before_y) {
        return Cow::Owned(format!("{stem}ies"));
    }
    let hisses = ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    Cow::Owned(format!("{noun}{}", if hisses { "es" } else { "s" }))
}

/// Returns a time, given in nanoseconds since 1970, in UTC to the nanosecond (RFC 3339).
pub fn time(ns: u64) -> String {
    format!("{:.9}", timestamp(ns))
}

/// Returns a time, given in nanoseconds since 1970, in UTC to the second (RFC 3339).
pub fn time_to_second(ns: u64) -> String {
    format!("{:.0}", timestamp(ns))
}

/// Returns the nanoseconds since 1970 of a time as [`time`] writes it.
pub fn time_of(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

fn timestamp(ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).expect("64 bits of nanoseconds end in the year 2554")
}

/// Returns a hash of a text that never changes (FNV-1a in 64 bits), to tell texts apart in files.
///
/// Source: Fowler, Noll, Vo, Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 us"),
            (850_000, "850 us"),
            (999_499, "999 us"),
            (999_500, "1 ms"),
            (1_204_000, "1.2 ms"),
            (1_234_567, "1.23 ms"),
            (12_340_000, "12.3 ms"),
            (99_960_000, "100 ms"),
            (3_400_000_000, "3.4 s"),
            (59_990_000_000, "60 s"),
            (60_000_000_000, "1 min"),
            (125_000_000_000, "2 min 5 s"),
            (3_600_000_000_000, "1 h"),
            (12_000_000_000_000, "3 h 20 min"),
            (180_000_000_000_000, "2 d 2 h"),
            (u64::MAX, "213503 d 23 h"),
        ] {
            assert_eq!(duration(ns), expected);
        }
    }

    #[test]
    fn counts_have_separators() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1_234, "1,234"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(n), expected);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn weighted_counts_are_whole_or_have_one_decimal() {
        for (n, expected) in [
            (0.0, "0"),
            (1_234.0, "1,234"),
            (1_234.56, "1,234.6"),
            (0.04, "<0.1"),
            (-1_234.5, "-1,234.5"),
            (-123.0, "-123"),
        ] {
            assert_eq!(weighted(n), expected);
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        for (n, expected) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1 MiB"),
            (20 << 20, "20 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }

    #[test]
    fn percentages_never_round_to_none_or_all() {
        for (share, expected) in [
            (0.0, "0 %"),
            (0.000_4, "<0.1 %"),
            (0.001, "0.1 %"),
            (0.1234, "12.3 %"),
            (0.5, "50 %"),
            (0.999_6, ">99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), expected);
        }
    }

    #[test]
    fn values_keep_four_decimals() {
        for (number, expected) in [
            (12.0, "12"),
            (0.416_666, "0.4167"),
            (12_345.5, "12,345.5"),
            (0.000_001, "1.0e-6"),
            (-0.25, "-0.25"),
        ] {
            assert_eq!(value(number), expected);
        }
    }

    #[test]
    fn nouns_follow_their_count() {
        assert_eq!(plural(1, "span"), "1 span");
        assert_eq!(plural(0, "span"), "0 spans");
        assert_eq!(plural(1_000, "retry"), "1,000 retries");
        assert_eq!(plural(2, "gateway"), "2 gateways");
        assert_eq!(plural(2, "class"), "2 classes");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(
            time(1_767_225_600_000_000_001),
            "2026-01-01T00:00:00.000000001Z"
        );
        assert_eq!(
            time_to_second(1_767_225_600_999_999_999),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(time_to_second(u64::MAX), "2554-07-21T23:34:33Z");
    }
}
