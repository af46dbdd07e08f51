//! The name of a span's operation, of low cardinality by construction.

use crate::model::attr::Slot;
use crate::model::lexicon::Lexicon;
use crate::model::names::{Class, NameId};
use crate::model::peer::Protocol;
use crate::model::span::RawSpan;

/// Returns the operation's name, of low cardinality by construction.
pub(super) fn operation(span: &RawSpan<'_>, protocol: Protocol, lexicon: &Lexicon) -> NameId {
    let facts = &span.facts;
    match protocol {
        Protocol::Http => {
            let route = facts
                .text(Slot::HttpRoute)
                .or_else(|| facts.text(Slot::UrlTemplate));
            match (facts.text(Slot::HttpMethod), route) {
                (Some(method), Some(route)) => {
                    lexicon.intern_joined(Class::Operation, method, ' ', route)
                }
                (None, Some(route)) => lexicon.intern(Class::Operation, route),
                (_, None) => lexicon.intern(Class::Operation, &without_ids(span.name)),
            }
        }
        Protocol::Grpc | Protocol::Rpc => {
            match (facts.text(Slot::RpcService), facts.text(Slot::RpcMethod)) {
                (Some(service), Some(method)) if !method.contains('/') => {
                    lexicon.intern_joined(Class::Operation, service, '/', method)
                }
                (_, Some(method)) => lexicon.intern(Class::Operation, method),
                (_, None) => lexicon.intern(Class::Operation, span.name),
            }
        }
        Protocol::Database => {
            if let Some(summary) = facts.text(Slot::DbSummary) {
                return lexicon.intern(Class::Operation, summary);
            }
            match (
                facts.text(Slot::DbOperation),
                facts.text(Slot::DbCollection),
            ) {
                (Some(operation), Some(collection)) => {
                    lexicon.intern_joined(Class::Operation, operation, ' ', collection)
                }
                (Some(operation), None) => lexicon.intern(Class::Operation, operation),
                (None, _) => lexicon.intern(Class::Operation, span.name),
            }
        }
        Protocol::Messaging => {
            let destination = facts
                .text(Slot::DestinationTemplate)
                .or_else(|| facts.text(Slot::Destination));
            match (facts.text(Slot::MessagingType), destination) {
                (Some(kind), Some(destination)) => {
                    lexicon.intern_joined(Class::Operation, kind, ' ', destination)
                }
                (_, _) => lexicon.intern(Class::Operation, span.name),
            }
        }
        Protocol::Unknown | Protocol::Function | Protocol::Model => {
            lexicon.intern(Class::Operation, &without_ids(span.name))
        }
    }
}

/// Returns a span name with the path segments that look like ids replaced by `{}`, and without a query.
///
/// Names of spans should have no ids in them, but those made from URLs often do. Names without a slash stay as they are.
fn without_ids(name: &str) -> std::borrow::Cow<'_, str> {
    let mut has = (false, false);
    for byte in name.bytes() {
        has.0 |= byte == b'/';
        has.1 |= byte.is_ascii_digit() || byte == b'?';
    }
    if has != (true, true) {
        return name.into();
    }
    let path = name.split('?').next().unwrap_or(name);
    let mut out = String::with_capacity(path.len());
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(if looks_like_id(segment) {
            "{}"
        } else {
            segment
        });
    }
    out.into()
}

/// Returns whether a path segment is a number, a UUID or a long hexadecimal text.
fn looks_like_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    digits > 0 && (digits == segment.len() || (hex && segment.len() >= 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_no_ids() {
        assert_eq!(without_ids("GET /user/123/cart?x=1"), "GET /user/{}/cart");
        assert_eq!(
            without_ids("/b/550e8400-e29b-41d4-a716-446655440000"),
            "/b/{}"
        );
        assert_eq!(without_ids("GET /v1/cart"), "GET /v1/cart");
        assert_eq!(without_ids("SELECT 12"), "SELECT 12");
    }
}
