//! Health checks, by path, agent, RPC service and query.

use crate::model::attr::Slot;
use crate::model::peer::Protocol;
use crate::model::span::RawSpan;

/// Returns whether the span is a health check.
pub(super) fn is_health(span: &RawSpan<'_>, protocol: Protocol) -> bool {
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
    // No scheme has a colon (RFC 3986, section 3.1).
    let rest = url.split_once(':')?.1.strip_prefix("//")?;
    rest.find('/').map(|at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attr::Value;
    use crate::model::span::{Kind, Status};

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
}
