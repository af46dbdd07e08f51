//! The other side of a call, as far as one span tells: its name, kind, address, and the protocol.
//!
//! The order of names is the one every report relies on: logical peer, the type's own identity, host name, address,
//! host of the URL, RPC service, system, `unknown`. Addresses are kept apart from names: they teach which service answers there.

use crate::model::attr::{Facts, Slot};

/// What kind of thing stands on the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PeerKind {
    /// The span says nothing of another side.
    #[default]
    None = 0,
    /// A database.
    Database = 1,
    /// A cache.
    Cache = 2,
    /// A queue or topic.
    Queue = 3,
    /// Anything else: a host, a function, a model, a named service.
    External = 4,
}

/// How caller and callee speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// Not said.
    #[default]
    Unknown = 0,
    /// HTTP.
    Http = 1,
    /// gRPC.
    Grpc = 2,
    /// Another RPC system.
    Rpc = 3,
    /// A database's own.
    Database = 4,
    /// Messages.
    Messaging = 5,
    /// A function call of a cloud.
    Function = 6,
    /// A generative model.
    Model = 7,
}

impl Protocol {
    /// Every protocol, by number.
    pub const ALL: [Protocol; 8] = [
        Protocol::Unknown,
        Protocol::Http,
        Protocol::Grpc,
        Protocol::Rpc,
        Protocol::Database,
        Protocol::Messaging,
        Protocol::Function,
        Protocol::Model,
    ];

    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Unknown => "unknown",
            Protocol::Http => "http",
            Protocol::Grpc => "grpc",
            Protocol::Rpc => "rpc",
            Protocol::Database => "database",
            Protocol::Messaging => "messaging",
            Protocol::Function => "faas",
            Protocol::Model => "genai",
        }
    }
}

/// The other side of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Its kind.
    pub kind: PeerKind,
    /// First part of the name: the system, or the whole name.
    pub name: &'a str,
    /// Second part of the name, behind a slash; empty when there is none.
    pub part: &'a str,
    /// Host name or address without port; empty when not said.
    pub address: &'a str,
}

/// Returns how the span's two sides speak.
pub fn protocol(facts: &Facts<'_>) -> Protocol {
    if facts.get(Slot::MessagingSystem).is_some() || facts.get(Slot::Destination).is_some() {
        Protocol::Messaging
    } else if facts.get(Slot::DbSystem).is_some() {
        Protocol::Database
    } else if let Some(system) = facts.text(Slot::RpcSystem) {
        if system.eq_ignore_ascii_case("grpc") {
            Protocol::Grpc
        } else {
            Protocol::Rpc
        }
    } else if facts.get(Slot::GenAi).is_some() {
        Protocol::Model
    } else if facts.get(Slot::FaasInvoked).is_some() {
        Protocol::Function
    } else if facts.get(Slot::HttpMethod).is_some()
        || facts.get(Slot::HttpStatus).is_some()
        || facts.get(Slot::UrlFull).is_some()
        || facts.get(Slot::HttpRoute).is_some()
    {
        Protocol::Http
    } else if facts.get(Slot::GrpcStatus).is_some() {
        Protocol::Grpc
    } else if facts.get(Slot::RpcService).is_some() || facts.get(Slot::RpcMethod).is_some() {
        Protocol::Rpc
    } else {
        Protocol::Unknown
    }
}

/// Returns the other side of a call as the calling span tells it.
pub fn peer<'a>(facts: &Facts<'a>, protocol: Protocol) -> Peer<'a> {
    let host = host_name(facts);
    let address = host.unwrap_or("");
    let named = |kind, name, part| Peer {
        kind,
        name,
        part,
        address,
    };
    let logical = facts
        .text(Slot::PeerName)
        .or_else(|| facts.text(Slot::PeerService));
    let kind = match protocol {
        Protocol::Database => database_kind(facts.text(Slot::DbSystem).unwrap_or("")),
        Protocol::Messaging => PeerKind::Queue,
        Protocol::Unknown
        | Protocol::Http
        | Protocol::Grpc
        | Protocol::Rpc
        | Protocol::Function
        | Protocol::Model => PeerKind::External,
    };
    // A message goes to a destination, whoever runs the broker.
    if protocol == Protocol::Messaging
        && let Some(destination) = destination(facts)
    {
        return match facts.text(Slot::MessagingSystem) {
            Some(system) => named(kind, system, destination),
            None => named(kind, destination, ""),
        };
    }
    if let Some(name) = logical {
        return named(kind, name, "");
    }
    let host_name = host.filter(|host| !is_ip(host));
    match protocol {
        Protocol::Database => {
            if let Some(system) = facts.text(Slot::DbSystem) {
                let part = facts.text(Slot::DbNamespace).or(host_name).unwrap_or("");
                return named(kind, system, part);
            }
        }
        Protocol::Messaging => {
            if let Some(name) = host_name.or(facts.text(Slot::MessagingSystem)) {
                return named(kind, name, "");
            }
        }
        Protocol::Function => {
            if let Some(function) = facts.text(Slot::FaasInvoked) {
                return named(kind, function, "");
            }
        }
        Protocol::Model => {
            if let Some(provider) = facts.text(Slot::GenAi) {
                return named(kind, provider, "");
            }
        }
        Protocol::Unknown | Protocol::Http | Protocol::Grpc | Protocol::Rpc => {}
    }
    if let Some(host) = host_name {
        return named(kind, host, "");
    }
    if host.is_some() {
        // Bare addresses come and go with every deployment: one node for all of a type.
        return named(kind, protocol.name(), "(ip addresses)");
    }
    if let Some(service) = facts.text(Slot::RpcService).or_else(|| {
        let method = facts.text(Slot::RpcMethod)?;
        method.rsplit_once('/').map(|(service, _)| service)
    }) {
        return named(kind, service.trim_start_matches('/'), "");
    }
    if let Some(system) = facts.text(Slot::RpcSystem) {
        return named(kind, system, "");
    }
    Peer {
        kind: PeerKind::None,
        ..Peer::default()
    }
}

/// Returns the queue or topic of a messaging span, the template before the name.
fn destination<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    facts
        .text(Slot::DestinationTemplate)
        .or_else(|| facts.text(Slot::Destination))
}

/// Returns the host of the other side, name or address, without port and without the suffix of a Kubernetes service.
pub fn host_name<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    let host = facts
        .text(Slot::ServerAddress)
        .or_else(|| facts.text(Slot::NetPeerName))
        .or_else(|| facts.text(Slot::NetworkPeerAddress))
        .or_else(|| facts.text(Slot::NetSockPeer))
        .or_else(|| url_host(facts.text(Slot::UrlFull)?))?;
    let host = without_cluster_suffix(without_port(host));
    (!host.is_empty()).then_some(host)
}

/// Returns the host of a URL, with its port.
fn url_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some(host)
}

/// Strips a port: `cart:8080`, `10.0.0.1:80`, `[::1]:80`. A bare IPv6 address has no port to strip.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match host.bytes().position(|b| b == b':') {
        Some(at) if host[at + 1..].bytes().all(|b| b.is_ascii_digit()) => &host[..at],
        _ => host,
    }
}

/// Strips `.namespace.svc` and what follows from the name of a Kubernetes service.
fn without_cluster_suffix(host: &str) -> &str {
    let dot = |from: usize| {
        host[from..]
            .bytes()
            .position(|b| b == b'.')
            .map(|at| from + at)
    };
    let Some(first) = dot(0) else { return host };
    let Some(second) = dot(first + 1) else {
        return host;
    };
    let rest = &host[second + 1..];
    if rest == "svc" || rest.starts_with("svc.") {
        &host[..first]
    } else {
        host
    }
}

/// Returns whether a host is an address rather than a name.
fn is_ip(host: &str) -> bool {
    let first = host.bytes().next().unwrap_or(b'.');
    // Names of hosts may begin with a digit; only what looks like an address is parsed as one.
    (first.is_ascii_hexdigit() || first == b':') && host.parse::<std::net::IpAddr>().is_ok()
}

/// Returns whether a database system is a cache.
fn database_kind(system: &str) -> PeerKind {
    match system {
        "redis" | "memcached" | "valkey" | "hazelcast" | "coherence" | "infinispan" | "ehcache"
        | "evcache" => PeerKind::Cache,
        _ => PeerKind::Database,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attr::Value;

    #[track_caller]
    fn check(attributes: &[(&str, &'static str)], expected: &str) {
        let mut facts = Facts::default();
        for (key, value) in attributes {
            facts.set(key, Value::Text(value));
        }
        let protocol = protocol(&facts);
        let peer = peer(&facts, protocol);
        let name = match (peer.name, peer.part) {
            (name, "") => name.to_owned(),
            (name, part) => format!("{name}/{part}"),
        };
        let found = format!("{:?} {} at {}", peer.kind, name, peer.address);
        assert_eq!(found, expected);
    }

    #[test]
    fn names_follow_the_order() {
        check(
            &[("service.peer.name", "a"), ("peer.service", "b")],
            "External a at ",
        );
        check(
            &[("peer.service", "b"), ("server.address", "c:80")],
            "External b at c",
        );
        check(
            &[
                ("db.system", "postgresql"),
                ("db.name", "orders"),
                ("server.address", "pg-1"),
            ],
            "Database postgresql/orders at pg-1",
        );
        check(
            &[("db.system.name", "redis"), ("net.peer.name", "r1:6379")],
            "Cache redis/r1 at r1",
        );
        check(
            &[("db.system.name", "redis"), ("net.peer.ip", "10.0.0.1")],
            "Cache redis at 10.0.0.1",
        );
        check(
            &[
                ("messaging.system", "kafka"),
                ("messaging.destination.name", "orders"),
                ("server.address", "k"),
            ],
            "Queue kafka/orders at k",
        );
        check(
            &[
                ("http.method", "GET"),
                ("http.url", "http://u:p@cart.shop.svc.cluster.local:80/x?y"),
            ],
            "External cart at cart",
        );
        check(
            &[("rpc.system", "grpc"), ("rpc.service", "shop.Cart")],
            "External shop.Cart at ",
        );
        check(&[("rpc.method", "shop.Cart/Get")], "External shop.Cart at ");
        check(
            &[("http.method", "GET"), ("server.address", "10.1.2.3:80")],
            "External http/(ip addresses) at 10.1.2.3",
        );
        check(
            &[("http.method", "GET"), ("server.address", "[::1]:80")],
            "External http/(ip addresses) at ::1",
        );
        check(&[("server.address", "")], "None  at ");
        check(&[("http.method", "GET")], "None  at ");
    }
}
