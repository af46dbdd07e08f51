//! From attributes to meaning: what a span read becomes as a row.
//!
//! Everything here is a function of one span and its resource; what needs the rest of the trace is in
//! [`crate::trace`]. Definitions follow the OpenTelemetry semantic conventions v1.44.0, old names included.

use crate::model::attr::{Facts, Slot, Value};
use crate::model::dictionary::{Detail, Dictionary, Resource, Weight};
use crate::model::memo::{self, Meaning};
use crate::model::names::{Class, NameId};
use crate::model::peer::{self, PeerKind, Protocol};
use crate::model::span::{Flags, Kind, Outcome, RawSpan, Role, SpanRow, Status};

/// Returns who emits spans with these resource attributes.
pub fn resource(facts: &Facts<'_>, dictionary: &mut Dictionary) -> u32 {
    let names = &mut dictionary.names;
    let mut intern = |class, text: Option<&str>| names.intern(class, text.unwrap_or(""));
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
    };
    dictionary.resource(resource)
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
pub fn row(span: &RawSpan<'_>, resource: u32, dictionary: &mut Dictionary) -> SpanRow {
    let key = memo::key(span);
    let meaning = match dictionary.memo.get(key) {
        Some(meaning) => meaning,
        None => {
            let meaning = meaning(span, dictionary);
            dictionary.memo.put(key, meaning);
            meaning
        }
    };
    let mut flags = meaning.flags;
    for (is_so, flag) in [
        (span.start == 0, Flags::NO_START),
        (span.end == 0, Flags::NO_END),
        (span.end != 0 && span.end < span.start, Flags::NEGATIVE),
        (!span.links.is_empty(), Flags::LINKS),
        (span.shared, Flags::SHARED),
        (is_health(span, meaning.protocol), Flags::HEALTH),
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
fn meaning(span: &RawSpan<'_>, dictionary: &mut Dictionary) -> Meaning {
    let facts = &span.facts;
    let protocol = peer::protocol(facts);
    let role = role(span.kind, facts);
    let outcome = outcome(span, protocol);
    let mut flags = Flags::new(span.kind, role, outcome, resends(facts));
    let is_transparent = facts.get(Slot::TransparentRetry).and_then(Value::truth) == Some(true);
    for (is_so, flag) in [
        (facts.get(Slot::Synthetic).is_some(), Flags::SYNTHETIC),
        (facts.get(Slot::Zipkin).is_some(), Flags::NAMED_PEER_ONLY),
        (span.status == Status::Error, Flags::STATUS_ERROR),
        (threshold(span.trace_state).is_some(), Flags::WEIGHTED),
        (is_transparent, Flags::TRANSPARENT),
    ] {
        if is_so {
            flags = flags.with(flag);
        }
    }
    Meaning {
        protocol,
        flags,
        operation: operation(span, protocol, dictionary),
        detail: detail(span, protocol, outcome, dictionary),
    }
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

/// Returns how the span ended: codes before texts, texts before the bare status.
fn outcome(span: &RawSpan<'_>, protocol: Protocol) -> Outcome {
    let facts = &span.facts;
    let error_type = facts.text(Slot::ErrorType);
    if protocol == Protocol::Http || facts.get(Slot::HttpStatus).is_some() {
        let code = facts
            .int(Slot::HttpStatus)
            .or_else(|| error_type.and_then(|text| text.parse().ok()));
        match code {
            Some(408 | 504) => return Outcome::Timeout,
            Some(429 | 502 | 503) => return Outcome::Unavailable,
            Some(500..=599) => return Outcome::Failed,
            Some(401 | 407) => return Outcome::Redirected,
            Some(400..=499) => return Outcome::ClientError,
            _ => {}
        }
        if let Some(300..=399) = code
            && span.status != Status::Error
        {
            return Outcome::Redirected;
        }
    }
    if let Some(outcome) = rpc_outcome(facts) {
        return outcome;
    }
    if let Some(text) = error_type {
        return match error_outcome(text) {
            // Who cancels on purpose leaves the status unset; with an error, the caller gave up on a failure.
            Outcome::Cancelled if span.status == Status::Error => Outcome::Failed,
            outcome => outcome,
        };
    }
    let tagged = match facts.get(Slot::Error) {
        Some(Value::Text(text)) => !matches!(text, "false" | "False" | "0"),
        Some(value) => value.truth() == Some(true),
        None => false,
    };
    let carried = facts
        .text(Slot::OtelStatus)
        .is_some_and(|text| Status::from_name(text) == Some(Status::Error));
    if span.status == Status::Error || tagged || carried {
        return Outcome::Failed;
    }
    Outcome::Fine
}

/// Returns how an RPC ended, if its status says so.
fn rpc_outcome(facts: &Facts<'_>) -> Option<Outcome> {
    let text = facts
        .text(Slot::RpcStatus)
        .or_else(|| facts.text(Slot::ConnectError));
    let number = facts
        .int(Slot::GrpcStatus)
        .or_else(|| facts.int(Slot::RpcStatus));
    if let Some(number) = number {
        return Some(match number {
            0 => return None,
            1 => Outcome::Cancelled,
            4 => Outcome::Timeout,
            8 | 10 | 14 => Outcome::Unavailable,
            3 | 5 | 6 | 7 | 9 | 11 => Outcome::ClientError,
            16 => Outcome::Redirected,
            _ => Outcome::Failed,
        });
    }
    if let Some(text) = text {
        return match text.to_ascii_uppercase().as_str() {
            "OK" => None,
            "CANCELLED" | "CANCELED" => Some(Outcome::Cancelled),
            "DEADLINE_EXCEEDED" => Some(Outcome::Timeout),
            "RESOURCE_EXHAUSTED" | "ABORTED" | "UNAVAILABLE" => Some(Outcome::Unavailable),
            "INVALID_ARGUMENT"
            | "NOT_FOUND"
            | "ALREADY_EXISTS"
            | "PERMISSION_DENIED"
            | "FAILED_PRECONDITION"
            | "OUT_OF_RANGE" => Some(Outcome::ClientError),
            "UNAUTHENTICATED" => Some(Outcome::Redirected),
            _ => Some(Outcome::Failed),
        };
    }
    facts
        .get(Slot::JsonRpcError)
        .and_then(Value::int)
        .filter(|code| *code != 0)
        .map(|_| Outcome::Failed)
}

/// Returns what an `error.type` stands for.
fn error_outcome(text: &str) -> Outcome {
    let has = |needle: &str| contains_ignoring_case(text, needle);
    if has("timeout")
        || has("timedout")
        || has("timed out")
        || has("deadline")
        || has("taskcanceled")
    {
        Outcome::Timeout
    } else if has("cancel") || has("aborterror") {
        Outcome::Cancelled
    } else if has("refused")
        || has("econnre")
        || has("unavailable")
        || has("connect")
        || has("unreachable")
        || has("enotfound")
    {
        Outcome::Unavailable
    } else {
        Outcome::Failed
    }
}

fn contains_ignoring_case(text: &str, needle: &str) -> bool {
    text.as_bytes()
        .windows(needle.len())
        .any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// Returns the operation's name, of low cardinality by construction.
fn operation(span: &RawSpan<'_>, protocol: Protocol, dictionary: &mut Dictionary) -> NameId {
    let facts = &span.facts;
    let names = &mut dictionary.names;
    match protocol {
        Protocol::Http => {
            let route = facts
                .text(Slot::HttpRoute)
                .or_else(|| facts.text(Slot::UrlTemplate));
            match (facts.text(Slot::HttpMethod), route) {
                (Some(method), Some(route)) => {
                    names.intern_joined(Class::Operation, method, ' ', route)
                }
                (None, Some(route)) => names.intern(Class::Operation, route),
                (_, None) => names.intern(Class::Operation, &without_ids(span.name)),
            }
        }
        Protocol::Grpc | Protocol::Rpc => {
            match (facts.text(Slot::RpcService), facts.text(Slot::RpcMethod)) {
                (Some(service), Some(method)) if !method.contains('/') => {
                    names.intern_joined(Class::Operation, service, '/', method)
                }
                (_, Some(method)) => names.intern(Class::Operation, method),
                (_, None) => names.intern(Class::Operation, span.name),
            }
        }
        Protocol::Database => {
            if let Some(summary) = facts.text(Slot::DbSummary) {
                return names.intern(Class::Operation, summary);
            }
            match (
                facts.text(Slot::DbOperation),
                facts.text(Slot::DbCollection),
            ) {
                (Some(operation), Some(collection)) => {
                    names.intern_joined(Class::Operation, operation, ' ', collection)
                }
                (Some(operation), None) => names.intern(Class::Operation, operation),
                (None, _) => names.intern(Class::Operation, span.name),
            }
        }
        Protocol::Messaging => {
            let destination = facts
                .text(Slot::DestinationTemplate)
                .or_else(|| facts.text(Slot::Destination));
            match (facts.text(Slot::MessagingType), destination) {
                (Some(kind), Some(destination)) => {
                    names.intern_joined(Class::Operation, kind, ' ', destination)
                }
                (_, _) => names.intern(Class::Operation, span.name),
            }
        }
        Protocol::Unknown | Protocol::Function | Protocol::Model => {
            names.intern(Class::Operation, &without_ids(span.name))
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

/// Returns the interned detail.
fn detail(
    span: &RawSpan<'_>,
    protocol: Protocol,
    outcome: Outcome,
    dictionary: &mut Dictionary,
) -> u32 {
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
    let names = &mut dictionary.names;
    let error = if outcome == Outcome::Fine {
        ""
    } else {
        facts
            .text(Slot::ErrorType)
            .or_else(|| facts.text(Slot::RpcStatus))
            .unwrap_or("")
    };
    let name = if peer.part.is_empty() {
        names.intern(Class::Peer, peer.name)
    } else {
        names.intern_joined(Class::Peer, peer.name, '/', peer.part)
    };
    let detail = Detail {
        peer_kind: kind,
        protocol,
        peer: name,
        address: names.intern(Class::Peer, peer.address),
        error: names.intern(Class::Label, error),
        weight: weight(span.trace_state),
    };
    dictionary.detail(detail)
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

/// Returns whether the span is a health check.
fn is_health(span: &RawSpan<'_>, protocol: Protocol) -> bool {
    let facts = &span.facts;
    match protocol {
        Protocol::Http => {
            let path = facts
                .text(Slot::HttpRoute)
                .or_else(|| facts.text(Slot::UrlPath))
                .or_else(|| facts.text(Slot::UrlFull).and_then(url_path));
            path.is_some_and(is_health_path)
                || facts.text(Slot::UserAgent).is_some_and(|agent| {
                    HEALTH_AGENTS.iter().any(|prefix| agent.starts_with(prefix))
                })
        }
        Protocol::Grpc => {
            let service = facts
                .text(Slot::RpcService)
                .or(facts.text(Slot::RpcMethod))
                .unwrap_or(span.name);
            service.contains("grpc.health.v1.Health")
        }
        Protocol::Database => facts
            .text(Slot::DbText)
            .or(facts.text(Slot::DbOperation))
            .is_some_and(|text| {
                let text = text.trim_end_matches(';').trim();
                ["SELECT 1", "PING", "hello"]
                    .iter()
                    .any(|check| text.eq_ignore_ascii_case(check))
            }),
        Protocol::Unknown
        | Protocol::Rpc
        | Protocol::Messaging
        | Protocol::Function
        | Protocol::Model => false,
    }
}

/// Who asks for health and nothing else.
const HEALTH_AGENTS: &[&str] = &[
    "kube-probe/",
    "ELB-HealthChecker/",
    "GoogleHC/",
    "Envoy/HC",
    "Consul Health Check",
    "Amazon-Route53-Health-Check-Service",
];

/// Length of the longest of [`HEALTH_SEGMENTS`].
const LONGEST_HEALTH_SEGMENT: usize = 13;

/// First segments of paths that ask for health.
const HEALTH_SEGMENTS: &[&str] = &[
    "health",
    "healthz",
    "livez",
    "readyz",
    "live",
    "ready",
    "liveness",
    "readiness",
    "ping",
    "status",
    "up",
    "hc",
    "_health",
    "__heartbeat__",
];

fn is_health_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/-/").or_else(|| path.strip_prefix('/')) else {
        return false;
    };
    let actuator = rest.strip_prefix("actuator/");
    let rest = actuator.unwrap_or(rest);
    let end = rest
        .bytes()
        .position(|b| matches!(b, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let first = &rest[..end];
    if actuator.is_some() {
        first == "health"
    } else {
        first.len() <= LONGEST_HEALTH_SEGMENT && HEALTH_SEGMENTS.contains(&first)
    }
}

fn url_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').map(|at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span<'a>(kind: Kind, status: Status, attributes: &[(&str, Value<'a>)]) -> RawSpan<'a> {
        let mut span = RawSpan {
            kind,
            status,
            name: "name",
            ..RawSpan::default()
        };
        for (key, value) in attributes {
            span.facts.set(key, *value);
        }
        span
    }

    #[track_caller]
    fn ends(kind: Kind, status: Status, attributes: &[(&str, Value<'_>)], expected: Outcome) {
        let span = span(kind, status, attributes);
        assert_eq!(outcome(&span, peer::protocol(&span.facts)), expected);
    }

    #[test]
    fn outcomes_follow_codes_then_texts_then_status() {
        use Kind::{Client, Server};
        use Value::{Bool, Int, Text};
        ends(
            Client,
            Status::Error,
            &[("http.response.status_code", Int(404))],
            Outcome::ClientError,
        );
        ends(
            Client,
            Status::Error,
            &[("http.status_code", Text("503"))],
            Outcome::Unavailable,
        );
        ends(
            Server,
            Status::Unset,
            &[("http.status_code", Int(500))],
            Outcome::Failed,
        );
        ends(
            Client,
            Status::Error,
            &[("http.status_code", Int(429))],
            Outcome::Unavailable,
        );
        ends(
            Client,
            Status::Unset,
            &[("http.status_code", Int(408))],
            Outcome::Timeout,
        );
        ends(
            Client,
            Status::Unset,
            &[("http.status_code", Int(302))],
            Outcome::Redirected,
        );
        ends(
            Client,
            Status::Unset,
            &[("http.status_code", Int(200))],
            Outcome::Fine,
        );
        ends(
            Client,
            Status::Error,
            &[
                ("rpc.grpc.status_code", Int(14)),
                ("rpc.system", Text("grpc")),
            ],
            Outcome::Unavailable,
        );
        ends(
            Client,
            Status::Error,
            &[("rpc.response.status_code", Text("DEADLINE_EXCEEDED"))],
            Outcome::Timeout,
        );
        ends(
            Server,
            Status::Unset,
            &[("rpc.grpc.status_code", Int(5))],
            Outcome::ClientError,
        );
        ends(
            Client,
            Status::Error,
            &[("error.type", Text("java.net.SocketTimeoutException"))],
            Outcome::Timeout,
        );
        ends(
            Client,
            Status::Error,
            &[("error.type", Text("ECONNREFUSED"))],
            Outcome::Unavailable,
        );
        ends(
            Client,
            Status::Unset,
            &[("error", Bool(true))],
            Outcome::Failed,
        );
        ends(
            Client,
            Status::Unset,
            &[("error", Text("false"))],
            Outcome::Fine,
        );
        ends(Server, Status::Error, &[], Outcome::Failed);
        ends(Server, Status::Ok, &[], Outcome::Fine);
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

    #[test]
    fn health_checks_are_known_by_path_agent_and_query() {
        for path in [
            "/healthz",
            "/-/ready",
            "/health/live",
            "/actuator/health/db",
            "/ping?x=1",
        ] {
            assert!(is_health_path(path), "{path}");
        }
        for path in [
            "/healthcare",
            "/actuator/info",
            "/api/health",
            "health",
            "/",
        ] {
            assert!(!is_health_path(path), "{path}");
        }
        let probe = span(
            Kind::Server,
            Status::Unset,
            &[
                ("http.method", Value::Text("GET")),
                ("http.user_agent", Value::Text("kube-probe/1.29")),
            ],
        );
        assert!(is_health(&probe, Protocol::Http));
        let query = span(
            Kind::Client,
            Status::Unset,
            &[
                ("db.system", Value::Text("mysql")),
                ("db.statement", Value::Text("select 1;")),
            ],
        );
        assert!(is_health(&query, Protocol::Database));
    }

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
