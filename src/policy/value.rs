//! Values as people write them in the policy file: durations, percentages, dates, and levels of importance.
//!
//! Each reader of text returns the value, or what it expected.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;

/// A share of a whole, written as a percentage; never negative and always finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// Returns the share as a number: 20 % is 0.2.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the share that so many percent are, if that is one.
    pub(super) fn percent(percent: f64) -> Option<Ratio> {
        (percent.is_finite() && percent >= 0.0).then_some(Ratio(percent / 100.0))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A product of two floats shows digits that nobody wrote.
        let percent = (self.0 * 1e14).round() / 1e12;
        write!(f, "{percent}%")
    }
}

/// What a text must be, for the message that it is not.
pub(crate) type Expected = &'static str;

/// Units of durations in nanoseconds, the largest first.
const UNITS: [(&str, f64); 7] = [
    ("d", 86_400e9),
    ("h", 3_600e9),
    ("m", 60e9),
    ("s", 1e9),
    ("ms", 1e6),
    ("us", 1e3),
    ("ns", 1.0),
];

/// What a duration looks like.
pub(super) const DURATION: Expected = "a duration such as 400ms, 2s or 1m30s";

/// Reads a duration: numbers with units from the largest to the smallest, such as `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, Expected> {
    let mut rest = text;
    let mut total = 0.0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let letters = rest[digits..]
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(rest.len() - digits);
        let (number, tail) = rest.split_at(digits);
        let (unit, tail) = tail.split_at(letters);
        let number: f64 = number.parse().map_err(|_| DURATION)?;
        let place = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|place| *place >= next_unit)
            .ok_or(DURATION)?;
        total += number * UNITS[place].1;
        next_unit = place + 1;
        rest = tail;
    }
    /// About 292 years: what 63 bits of nanoseconds hold.
    const LONGEST: f64 = 9.2e18;
    if text.is_empty() || total > LONGEST {
        return Err(DURATION);
    }
    Ok(Duration::from_nanos(total.round() as u64))
}

/// What a percentage looks like.
pub(super) const PERCENT: Expected = "a percentage such as 20% or 0.1%";

/// Reads a percentage, which may be more than the whole.
pub(crate) fn percent(text: &str) -> Result<Ratio, Expected> {
    let number = text.strip_suffix('%').ok_or(PERCENT)?.trim_end();
    let is_decimal = |c: char| c.is_ascii_digit() || c == '.';
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(is_decimal) {
        return Err(PERCENT);
    }
    number.parse().ok().and_then(Ratio::percent).ok_or(PERCENT)
}

/// What a date looks like.
pub(super) const DATE: Expected = "a date such as 2027-01-31";

/// Reads a date of the calendar: four digits, two and two.
pub(super) fn date(text: &str) -> Result<Date, Expected> {
    let shape: Vec<bool> = text.bytes().map(|byte| byte.is_ascii_digit()).collect();
    let wanted: Vec<bool> = "0000-00-00".bytes().map(|byte| byte == b'0').collect();
    if shape != wanted {
        return Err(DATE);
    }
    text.parse().map_err(|_| DATE)
}

/// How loudly something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Not at all.
    Ignore,
    /// In the report, with exit code 0.
    Warn,
    /// The gate closes.
    #[default]
    Fail,
}

impl Severity {
    /// Every severity, by its name in the policy file.
    pub const NAMES: &'static [(&'static str, Severity)] = &[
        ("ignore", Severity::Ignore),
        ("warn", Severity::Warn),
        ("fail", Severity::Fail),
    ];
}

/// How much a service matters, by its declaration or by `service.criticality`; the greater, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// Nobody would notice at once.
    Low,
    /// Some users would.
    Medium,
    /// Many would.
    High,
    /// The business stops.
    Critical,
}

impl Criticality {
    /// Every level, by its name.
    pub const NAMES: &'static [(&'static str, Criticality)] = &[
        ("critical", Criticality::Critical),
        ("high", Criticality::High),
        ("medium", Criticality::Medium),
        ("low", Criticality::Low),
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Criticality::Low => "low",
            Criticality::Medium => "medium",
            Criticality::High => "high",
            Criticality::Critical => "critical",
        }
    }
}

/// Which edges a rule looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdgeMode {
    /// Those at which the caller waits.
    Sync,
    /// Those at which it does not: messages.
    Async,
    /// Both.
    #[default]
    All,
}

impl EdgeMode {
    /// Every mode, by its name.
    pub const NAMES: &'static [(&'static str, EdgeMode)] = &[
        ("sync", EdgeMode::Sync),
        ("async", EdgeMode::Async),
        ("all", EdgeMode::All),
    ];

    /// Returns whether an edge of this kind is looked at.
    pub fn includes(self, sync: bool) -> bool {
        match self {
            EdgeMode::Sync => sync,
            EdgeMode::Async => !sync,
            EdgeMode::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_from_the_largest_to_the_smallest() {
        for (text, nanos) in [
            ("400ms", 400_000_000),
            ("2s", 2_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            ("1d2h", 93_600_000_000_000),
            ("250us", 250_000),
            ("7ns", 7),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-2s",
            "2 s",
            "2sec",
            "30s1m",
            "1s1s",
            "1..5s",
            "2S",
            "1e3s",
            ".s",
            "999999999d",
            "inf",
            "2s ",
        ] {
            assert_eq!(duration(text), Err(DURATION), "{text}");
        }
    }

    #[test]
    fn percentages_need_their_sign() {
        assert_eq!(percent("20%").map(Ratio::get), Ok(0.2));
        assert_eq!(percent("0.1 %").map(Ratio::get), Ok(0.001));
        assert_eq!(percent("150%").map(Ratio::get), Ok(1.5));
        for text in [
            "20", "0.2", "-1%", "%", "nan%", "inf%", "1e999%", "1e1%", "a%", "+5%",
        ] {
            assert_eq!(percent(text), Err(PERCENT), "{text}");
        }
        for text in ["0.1%", "20%", "95%", "33.3%", "150%"] {
            assert_eq!(percent(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert_eq!(date("2028-02-29"), Ok(jiff::civil::date(2028, 2, 29)));
        for text in [
            "2027-02-29",
            "2027-1-31",
            "31-01-2027",
            "2027-01-31T00:00",
            "",
            "tomorrow",
        ] {
            assert_eq!(date(text), Err(DATE), "{text}");
        }
    }

    #[test]
    fn more_critical_is_greater() {
        let levels: Vec<Criticality> = Criticality::NAMES.iter().map(|(_, level)| *level).collect();
        assert!(levels.is_sorted_by(|a, b| a > b));
        for (name, level) in Criticality::NAMES {
            assert_eq!(level.name(), *name);
        }
    }
}
