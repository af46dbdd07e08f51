//! How a span ended, from whatever its convention says of it: HTTP and RPC codes, error types, tags, status.

use crate::model::attr::{Facts, Slot, Value};
use crate::model::peer::Protocol;
use crate::model::span::{Outcome, RawSpan, Status};

/// Returns how the span ended: codes before texts, texts before the bare status.
pub(super) fn outcome(span: &RawSpan<'_>, protocol: Protocol) -> Outcome {
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
        // An exception says how a failed span failed, and never that it did: many are survived.
        return match error_outcome(span.events.exception) {
            outcome @ (Outcome::Timeout | Outcome::Unavailable) => outcome,
            _ => Outcome::Failed,
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::peer;
    use crate::model::span::Kind;

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
    fn an_exception_says_how_a_failed_span_failed_and_never_that_it_did() {
        let end = |status, exception| {
            let mut span = RawSpan {
                status,
                ..RawSpan::default()
            };
            span.events.exception = exception;
            outcome(&span, Protocol::Unknown)
        };
        let timeout = "java.util.concurrent.TimeoutException";
        assert_eq!(end(Status::Error, timeout), Outcome::Timeout);
        assert_eq!(end(Status::Error, "ValueError"), Outcome::Failed);
        assert_eq!(end(Status::Error, ""), Outcome::Failed);
        assert_eq!(end(Status::Unset, timeout), Outcome::Fine);
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
}
