//! From attributes to meaning: what a span read becomes as a row.
//!
//! Everything here is a function of one span and its resource; what needs the rest of the trace is in
//! [`crate::trace`]. Definitions follow the OpenTelemetry semantic conventions v1.44.0, old names included.

use crate::model::attr::{Facts, Slot, Value};
use crate::model::dictionary::{Detail, Resource, Weight};
use crate::model::health::is_health;
use crate::model::lexicon::{Lexicon, Recall};
use crate::model::mark;
use crate::model::memo::{self, Meaning};
use crate::model::names::Class;
use crate::model::operation::operation;
use crate::model::outcome::outcome;
use crate::model::peer::{self, PeerKind, Protocol};
use crate::model::question::Questions;
use crate::model::span::{Flags, Kind, Outcome, RawSpan, Role, SpanRow, Status};
use crate::model::statement::guards;

/// Returns who emits spans with these resource attributes; the same questions are asked of all spans of a lexicon.
pub fn resource(facts: &Facts<'_>, questions: &Questions, recall: &mut Recall) -> u32 {
    let key = memo::resource_key(facts);
    recall.resources.get(key).unwrap_or_else(|| {
        let new = new_resource(facts, questions, &recall.lexicon);
        recall.resources.put(key, new);
        new
    })
}

fn new_resource(facts: &Facts<'_>, questions: &Questions, lexicon: &Lexicon) -> u32 {
    let tags = questions.tags(facts);
    let intern = |class, text: Option<&str>| lexicon.intern(class, text.unwrap_or(""));
    let instance = facts
        .text(Slot::ServiceInstance)
        .or_else(|| facts.text(Slot::PodUid))
        .or_else(|| facts.text(Slot::PodName))
        .or_else(|| facts.text(Slot::ContainerId));
    let resource = Resource {
        service: intern(Class::Service, facts.text(Slot::ServiceName)),
        namespace: intern(Class::Service, facts.text(Slot::ServiceNamespace)),
        version: intern(Class::Label, facts.text(Slot::ServiceVersion)),
        instance: intern(Class::Instance, instance),
        host: intern(Class::Instance, clock(facts)),
        zone: intern(Class::Service, facts.text(Slot::Zone)),
        region: intern(Class::Service, facts.text(Slot::Region)),
        cell: intern(Class::Label, facts.text(Slot::Cell)),
        environment: intern(Class::Label, facts.text(Slot::Environment)),
        criticality: intern(Class::Label, facts.text(Slot::Criticality)),
        language: intern(Class::Label, facts.text(Slot::SdkLanguage)),
        tags: intern(Class::Label, Some(&tags)),
    };
    lexicon.resource(resource)
}

/// Returns whether a service name is the SDK's word for "nobody named me".
pub fn is_unknown_service(name: &str) -> bool {
    name == "unknown_service" || name.starts_with("unknown_service:")
}

/// Returns whose clock stamped the spans: the machine, not the pod where the two can be told apart.
fn clock<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    facts
        .text(Slot::HostId)
        .or_else(|| facts.text(Slot::NodeUid))
        .or_else(|| facts.text(Slot::NodeName))
        .or_else(|| {
            let host = facts.text(Slot::HostName)?;
            (facts.text(Slot::PodName) != Some(host)).then_some(host)
        })
        .or_else(|| facts.text(Slot::HostIp))
        .or_else(|| facts.text(Slot::ServiceInstance))
}

/// Returns the row of a span.
pub fn row(
    span: &RawSpan<'_>,
    resource: u32,
    questions: &Questions,
    recall: &mut Recall,
) -> SpanRow {
    let key = span.key.unwrap_or_else(|| memo::key(span));
    let meaning = recall.meanings.get(key).unwrap_or_else(|| {
        let meaning = meaning(span, &recall.lexicon);
        recall.meanings.put(key, meaning);
        meaning
    });
    let mut flags = meaning.flags;
    for (is_so, flag) in [
        (span.start == 0, Flags::NO_START),
        (span.end == 0, Flags::NO_END),
        (span.end != 0 && span.end < span.start, Flags::NEGATIVE),
        (!span.links.is_empty(), Flags::LINKS),
        (span.shared, Flags::SHARED),
        (is_health(span, meaning.protocol), Flags::HEALTH),
        (guards(span), Flags::GUARDED),
        (
            mark::is_marked(span) || questions.has_timeouts() || questions.has_tenant(),
            Flags::MARKS,
        ),
    ] {
        if is_so {
            flags = flags.with(flag);
        }
    }
    SpanRow {
        trace: span.trace,
        span: span.span,
        parent: span.parent,
        start: span.start,
        duration: if span.end == 0 {
            0
        } else {
            span.end.saturating_sub(span.start)
        },
        resource,
        operation: meaning.operation,
        detail: meaning.detail,
        flags,
    }
}

/// Returns what the attributes of a span mean, as far as spans with equal attributes have it in common.
fn meaning(span: &RawSpan<'_>, lexicon: &Lexicon) -> Meaning {
    let facts = &span.facts;
    let protocol = peer::protocol(facts);
    let role = role(span.kind, facts);
    let outcome = outcome(span, protocol);
    let method = facts.text(Slot::HttpMethod);
    let mut flags = Flags::new(span.kind, role, outcome, resends(facts));
    let is_true = |slot| facts.get(slot).and_then(Value::truth) == Some(true);
    let is_speculative = facts.int(Slot::Speculative).is_some_and(|count| count > 0);
    for (is_so, flag) in [
        (facts.get(Slot::Synthetic).is_some(), Flags::SYNTHETIC),
        (facts.get(Slot::Zipkin).is_some(), Flags::NAMED_PEER_ONLY),
        (span.status == Status::Error, Flags::STATUS_ERROR),
        (threshold(span.trace_state).is_some(), Flags::WEIGHTED),
        (is_true(Slot::TransparentRetry), Flags::TRANSPARENT),
        (
            is_true(Slot::Idempotent) || method.is_some_and(is_idempotent),
            Flags::IDEMPOTENT,
        ),
        (is_speculative, Flags::SPECULATIVE),
        (is_true(Slot::ColdStart), Flags::COLD_START),
        (method.is_some(), Flags::HTTP),
    ] {
        if is_so {
            flags = flags.with(flag);
        }
    }
    Meaning {
        protocol,
        flags,
        operation: operation(span, protocol, lexicon),
        detail: detail(span, protocol, outcome, lexicon),
    }
}

/// Returns whether requests of an HTTP method may be repeated without harm (RFC 9110, section 9.2.2).
fn is_idempotent(method: &str) -> bool {
    const METHODS: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
    METHODS
        .iter()
        .any(|known| method.eq_ignore_ascii_case(known))
}

/// Returns what the span does with a message: the operation's type first, then the kind.
fn role(kind: Kind, facts: &Facts<'_>) -> Role {
    if let Some(operation) = facts.text(Slot::MessagingType) {
        match operation {
            "create" => return Role::Create,
            "send" | "publish" => return Role::Send,
            "receive" | "poll" => return Role::Receive,
            "process" | "deliver" => return Role::Process,
            "settle" | "ack" | "nack" | "commit" => return Role::Settle,
            _ => {}
        }
    }
    match kind {
        Kind::Producer => Role::Send,
        Kind::Consumer => Role::Process,
        Kind::Unspecified | Kind::Internal | Kind::Server | Kind::Client => Role::None,
    }
}

/// Returns how often the request had been sent before, as far as the span says.
fn resends(facts: &Facts<'_>) -> u32 {
    let count = |slot| facts.int(slot).filter(|n| *n > 0).unwrap_or(0);
    let most = count(Slot::Resend)
        .max(count(Slot::PreviousAttempts))
        .max(count(Slot::EnvoyAttempt) - 1)
        .max(count(Slot::DeliveryCount) - 1);
    most.clamp(0, 31) as u32
}

/// Returns the interned detail.
fn detail(span: &RawSpan<'_>, protocol: Protocol, outcome: Outcome, lexicon: &Lexicon) -> u32 {
    let facts = &span.facts;
    let peer = match span.kind {
        // What a server says of its own address is no peer; only the logical name of its caller is.
        Kind::Server => facts
            .text(Slot::PeerName)
            .map(|name| peer::Peer {
                kind: PeerKind::External,
                name,
                ..Default::default()
            })
            .unwrap_or_default(),
        Kind::Internal if role(span.kind, facts) == Role::None => peer::Peer::default(),
        // Without a kind, a URL may be either side's; only a logical peer or a database makes it a call.
        Kind::Unspecified
            if facts.text(Slot::PeerName).is_none()
                && facts.text(Slot::PeerService).is_none()
                && facts.text(Slot::DbSystem).is_none() =>
        {
            peer::Peer::default()
        }
        Kind::Internal | Kind::Unspecified | Kind::Client | Kind::Producer | Kind::Consumer => {
            peer::peer(facts, protocol)
        }
    };
    // What a producer or consumer names is a broker, even when it says no more than that.
    let kind = match (span.kind, peer.kind) {
        (Kind::Producer | Kind::Consumer, PeerKind::External) => PeerKind::Queue,
        (_, kind) => kind,
    };
    let error = if outcome == Outcome::Fine {
        ""
    } else {
        facts
            .text(Slot::ErrorType)
            .or_else(|| facts.text(Slot::RpcStatus))
            .unwrap_or(span.events.exception)
    };
    let name = if peer.part.is_empty() {
        lexicon.intern(Class::Peer, peer.name)
    } else {
        lexicon.intern_joined(Class::Peer, peer.name, '/', peer.part)
    };
    let detail = Detail {
        peer_kind: kind,
        protocol,
        peer: name,
        address: lexicon.intern(Class::Peer, peer.address),
        error: lexicon.intern(Class::Label, error),
        weight: weight(span.trace_state),
    };
    lexicon.detail(detail)
}

/// Returns how many spans one stands for: 2^56 / (2^56 - T) of the threshold T in `ot=th:...`.
///
/// Without a threshold, or with a malformed one, a span stands for itself.
/// Source: OpenTelemetry, "TraceState: Probability Sampling".
pub fn weight(trace_state: &str) -> Weight {
    threshold(trace_state).map_or(Weight::ONE, |threshold| {
        let rest = (1u128 << 56) - u128::from(threshold);
        let units = ((1u128 << 76) + rest / 2) / rest;
        Weight(units.min(u128::from(Weight::MAX.0)) as u64)
    })
}

/// Returns the rejection threshold in units of 2^-56.
pub fn threshold(trace_state: &str) -> Option<u64> {
    if trace_state.is_empty() {
        return None;
    }
    let members = trace_state.split(',').map(str::trim);
    let ot = members
        .filter_map(|member| member.strip_prefix("ot="))
        .next()?;
    let digits = ot
        .split(';')
        .find_map(|field| field.trim().strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 {
        return None;
    }
    let value = u64::from_str_radix(digits, 16).ok()?;
    Some(value << (4 * (14 - digits.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_again_by_everything_it_says() {
        let mut recall = Recall::default();
        let mut number = |attributes: &[(&str, Value<'static>)]| {
            let mut facts = Facts::default();
            for (key, value) in attributes {
                facts.set(key, *value);
            }
            resource(&facts, &Questions::default(), &mut recall)
        };
        let cart = ("service.name", Value::Text("cart"));
        let first = number(&[cart, ("cloud.zone", Value::Text("a"))]);
        let second = number(&[cart, ("cloud.zone", Value::Text("b"))]);
        let third = number(&[cart]);
        assert!(first != second && second != third && first != third);
        let again = number(&[("cloud.zone", Value::Text("a")), cart]);
        assert_eq!((again, number(&[])), (first, 0));
    }

    #[test]
    fn weights_are_the_published_ones() {
        let of = |state: &str| weight(state).value();
        assert_eq!(of("ot=th:8"), 2.0);
        assert_eq!(of("vendor=x,ot=rv:123;th:c"), 4.0);
        assert_eq!(of("ot=th:0"), 1.0);
        assert!((of("ot=th:fd70a4") - 100.000_095).abs() < 1e-6);
        assert_eq!(of(""), 1.0);
        assert_eq!(of("ot=th:xyz"), 1.0);
        assert_eq!(weight("ot=th:ffffffffffffff"), Weight::MAX);
    }
}
