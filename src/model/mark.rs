//! What single spans say that has no place in the names many spans share: ids, keys, deadlines.
//!
//! A mark is a number with a meaning, kept beside the links of its span. Texts are kept as hashes: whether two are the
//! same is all that is asked of them, and the ids of users stay out of every file. Feature flags and files of code alone keep their names,
//! to be told by them.

use crate::model::attr::{Facts, Slot, Value, mask};
use crate::model::id::mix;
use crate::model::names::NameId;
use crate::model::question::Questions;
use crate::model::span::{Kind, RawSpan};
use crate::text;

/// What the number of a mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MarkKind {
    /// Hash of the id of a message, and of the group of consumers that takes it, if it is named.
    Message = 8,
    /// Hash of the conversation of a message.
    Conversation = 9,
    /// Hash of the key under which the callee drops repeats.
    Idempotency = 10,
    /// Hash of whose request it is.
    Tenant = 11,
    /// Nanoseconds the caller gives the call.
    Deadline = 12,
    /// When the server's certificate ends, in seconds since 1970.
    CertificateEnd = 13,
    /// Hash of who issued the server's certificate.
    CertificateIssuer = 14,
    /// A feature flag and what it said: the numbers of two names, the flag's in the upper half.
    FeatureFlag = 15,
    /// A place in code: the number of the name of its file in the upper half, its line in the lower one, zero when unknown.
    Code = 16,
    /// Bytes that a call carried, of a calling span: those of the request in the upper half, those of the response in the lower one,
    /// each [`MOST_BYTES`] at most.
    Bytes = 17,
}

impl MarkKind {
    /// Every kind that is a number by itself, without names.
    pub const PLAIN: [MarkKind; 8] = [
        MarkKind::Message,
        MarkKind::Conversation,
        MarkKind::Idempotency,
        MarkKind::Tenant,
        MarkKind::Deadline,
        MarkKind::CertificateEnd,
        MarkKind::CertificateIssuer,
        MarkKind::Bytes,
    ];
}

/// The slots that become marks.
const SLOTS: u128 = mask(&[
    Slot::MessageId,
    Slot::Conversation,
    Slot::IdempotencyKey,
    Slot::Tenant,
    Slot::GrpcTimeout,
    Slot::EnvoyTimeout,
    Slot::CertificateEnd,
    Slot::CertificateIssuer,
    Slot::FlagKey,
    Slot::CodeFile,
]);

/// The slots that become marks of calling spans alone.
const SIZES: u128 = mask(&[Slot::RequestSize, Slot::ResponseSize]);

/// The most bytes of one direction that are told apart.
pub const MOST_BYTES: u64 = u32::MAX as u64;

/// Returns whether a span may have marks.
#[inline]
pub fn is_marked(span: &RawSpan<'_>) -> bool {
    let slots = match span.kind {
        Kind::Client => SLOTS | SIZES,
        _ => SLOTS,
    };
    span.facts.any(slots) || !span.events.flags.is_empty()
}

/// Returns the bytes of request and response in the number of a mark.
pub fn bytes_of(number: u64) -> (u64, u64) {
    (number >> 32, number & MOST_BYTES)
}

/// Calls `f` with every feature flag that a span names and what it said.
pub fn feature_flags<'a>(span: &RawSpan<'a>, mut f: impl FnMut(&'a str, &'a str)) {
    let facts = &span.facts;
    if let (Some(flag), Some(variant)) = (facts.text(Slot::FlagKey), facts.text(Slot::FlagVariant))
    {
        f(flag, variant);
    }
    for (flag, variant) in &span.events.flags {
        f(flag, variant);
    }
}

/// Returns the file and the line of the code that made a span, if it says so; the line is zero when it does not.
pub fn code<'a>(span: &RawSpan<'a>) -> Option<(&'a str, u32)> {
    let file = span.facts.text(Slot::CodeFile)?;
    let line = span.facts.int(Slot::CodeLine);
    let line = line.and_then(|line| u32::try_from(line).ok());
    Some((file, line.unwrap_or(0)))
}

/// Returns the number of a mark of two names, or of a name and a number.
pub fn of_names(first: NameId, second: NameId) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// Returns what [`of_names`] put into the number of a mark.
pub fn names(number: u64) -> (NameId, NameId) {
    ((number >> 32) as NameId, number as NameId)
}

/// Calls `f` with every mark of a span that names nothing.
pub fn marks(facts: &Facts<'_>, questions: &Questions, mut f: impl FnMut(MarkKind, u64)) {
    for kind in MarkKind::PLAIN {
        let asked = match kind {
            MarkKind::Deadline => questions.timeout(facts),
            MarkKind::Tenant => questions.tenant(facts).and_then(hashed),
            _ => None,
        };
        if let Some(value) = asked.or_else(|| value(facts, kind)) {
            f(kind, value);
        }
    }
}

fn value(facts: &Facts<'_>, kind: MarkKind) -> Option<u64> {
    let hashed = |slot| hashed(facts.get(slot)?);
    match kind {
        MarkKind::Message => {
            let message = hashed(Slot::MessageId)?;
            let group = hashed(Slot::ConsumerGroup);
            Some(group.map_or(message, |group| mix(message ^ group.rotate_left(1))))
        }
        MarkKind::Conversation => hashed(Slot::Conversation),
        MarkKind::Idempotency => hashed(Slot::IdempotencyKey),
        MarkKind::Tenant => hashed(Slot::Tenant),
        MarkKind::Deadline => {
            let grpc = facts.text(Slot::GrpcTimeout).and_then(grpc_timeout);
            let envoy = || {
                let ms = u64::try_from(facts.int(Slot::EnvoyTimeout)?).ok()?;
                ms.checked_mul(1_000_000)
            };
            grpc.or_else(envoy)
        }
        MarkKind::CertificateEnd => {
            let time: jiff::Timestamp = facts.text(Slot::CertificateEnd)?.parse().ok()?;
            u64::try_from(time.as_second()).ok()
        }
        MarkKind::CertificateIssuer => hashed(Slot::CertificateIssuer),
        MarkKind::Bytes if facts.any(SIZES) => {
            let size = |slot| {
                let bytes = u64::try_from(facts.int(slot)?).ok()?;
                Some(bytes.min(MOST_BYTES))
            };
            let both = (size(Slot::RequestSize), size(Slot::ResponseSize));
            (both != (None, None)).then(|| both.0.unwrap_or(0) << 32 | both.1.unwrap_or(0))
        }
        MarkKind::Bytes => None,
        MarkKind::FeatureFlag | MarkKind::Code => None,
    }
}

/// Returns a hash of an id, whether it is written as a number or as a text.
fn hashed(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Int(number) => Some(mix(number as u64)),
        value => value.text().map(hash),
    }
}

/// Returns a hash of a text that never changes (FNV-1a, mixed).
pub fn hash(text: &str) -> u64 {
    mix(text::hash(text))
}

/// Returns the nanoseconds of a `grpc-timeout` header: at most eight digits and a unit (gRPC over HTTP/2, "Requests").
fn grpc_timeout(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let each: u64 = match unit {
        'H' => 3_600_000_000_000,
        'M' => 60_000_000_000,
        'S' => 1_000_000_000,
        'm' => 1_000_000,
        'u' => 1_000,
        'n' => 1,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, value: Value<'_>) -> Vec<(MarkKind, u64)> {
        let mut facts = Facts::default();
        facts.set(key, value);
        let mut found = Vec::new();
        marks(&facts, &Questions::default(), |kind, value| {
            found.push((kind, value));
        });
        found
    }

    #[test]
    fn deadlines_are_nanoseconds() {
        for (text, ns) in [
            ("100m", Some(100_000_000)),
            ("2S", Some(2_000_000_000)),
            ("1H", Some(3_600_000_000_000)),
            ("5n", Some(5)),
            ("99999999H", None),
            ("100", None),
            ("123456789m", None),
            ("m", None),
            ("", None),
            ("1\u{b5}", None),
        ] {
            let expected: Vec<_> = ns.map(|ns| (MarkKind::Deadline, ns)).into_iter().collect();
            let key = "rpc.request.metadata.grpc-timeout";
            assert_eq!(found(key, Value::Text(text)), expected, "{text}");
        }
        let key = "http.request.header.x-envoy-expected-rq-timeout-ms";
        assert_eq!(
            found(key, Value::Text("250")),
            [(MarkKind::Deadline, 250_000_000)]
        );
        assert_eq!(found(key, Value::Text("-1")), []);
    }

    #[test]
    fn tenants_are_named_by_whatever_attribute_is_asked_for() {
        let tags = [("tenant".to_owned(), "app.customer".to_owned())];
        let questions = Questions::new(&tags, &[]).unwrap();
        assert!(questions.has_tenant() && !Questions::default().has_tenant());
        let said = |key: &str, value: Value<'_>| {
            let mut facts = Facts::asking(questions.asked());
            facts.set(key, value);
            let mut found = Vec::new();
            marks(&facts, &questions, |kind, value| found.push((kind, value)));
            found
        };
        let acme = [(MarkKind::Tenant, hash("acme"))];
        assert_eq!(said("app.customer", Value::Text("acme")), acme);
        assert_eq!(
            said("app.customer", Value::Int(7)),
            [(MarkKind::Tenant, mix(7))]
        );
        // Where it is absent, what is understood anyway counts.
        assert_eq!(said("enduser.id", Value::Text("acme")), acme);
    }

    #[test]
    fn bytes_are_those_of_calling_spans() {
        let of = |kind, sizes: &[(&str, i64)]| {
            let mut span = RawSpan {
                kind,
                ..RawSpan::default()
            };
            for (key, bytes) in sizes {
                span.facts.set(key, Value::Int(*bytes));
            }
            let number = value(&span.facts, MarkKind::Bytes);
            is_marked(&span).then(|| number.map(bytes_of))
        };
        let both = [
            ("http.request.body.size", 7),
            ("http.response.body.size", 40),
        ];
        assert_eq!(of(Kind::Client, &both), Some(Some((7, 40))));
        assert_eq!(of(Kind::Server, &both), None);
        let older = [("http.response_content_length", i64::MAX)];
        assert_eq!(of(Kind::Client, &older), Some(Some((0, MOST_BYTES))));
        assert_eq!(
            of(Kind::Client, &[("http.request.body.size", -1)]),
            Some(None)
        );
        assert_eq!(of(Kind::Client, &[]), None);
    }

    #[test]
    fn ids_are_hashes_and_certificates_end_in_seconds() {
        let message = |id: &str| found("messaging.message.id", Value::Text(id));
        assert_eq!(message("a"), [(MarkKind::Message, hash("a"))]);
        assert_ne!(message("a"), message("b"));
        let taken_by = |group| {
            let mut facts = Facts::default();
            facts.put(Slot::MessageId, 0, Value::Text("a"));
            facts.put(Slot::ConsumerGroup, 0, Value::Text(group));
            value(&facts, MarkKind::Message)
        };
        assert_ne!(taken_by("mail"), taken_by("audit"));
        assert_eq!(taken_by("mail"), taken_by("mail"));
        assert_ne!(taken_by("mail"), Some(hash("a")));
        assert_eq!(message(""), []);
        assert_eq!(
            found("tls.server.not_after", Value::Text("1970-01-02T00:00:00Z")),
            [(MarkKind::CertificateEnd, 86_400)]
        );
        assert_eq!(found("service.name", Value::Text("cart")), []);
    }
}
