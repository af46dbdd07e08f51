//! What spans and resources say about themselves, in current and in older attribute names.

use super::system::{Instance, Service, System};
use super::trace::{Failure, Span, What};

/// An attribute's value.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// Plain text without anything to escape.
    Text(&'a str),
    /// Plain text with a number behind it.
    Numbered(&'a str, u64),
    /// A whole number.
    Int(u64),
}

/// An attribute.
pub(super) type Attribute<'a> = (&'static str, Value<'a>);

/// Returns the attributes of an instance's resource.
pub(super) fn of_resource<'a>(service: &'a Service, instance: &'a Instance) -> [Attribute<'a>; 12] {
    [
        ("service.name", Value::Text(&service.name)),
        ("service.namespace", Value::Text("shop")),
        ("service.version", Value::Text(&service.version)),
        ("service.instance.id", Value::Text(&instance.id)),
        ("host.name", Value::Text(&instance.pod)),
        ("k8s.node.name", Value::Text(&instance.node)),
        ("k8s.pod.name", Value::Text(&instance.pod)),
        ("k8s.namespace.name", Value::Text("shop")),
        ("cloud.region", Value::Text(instance.region)),
        ("cloud.availability_zone", Value::Text(instance.zone)),
        ("telemetry.sdk.language", Value::Text(service.language)),
        ("telemetry.sdk.name", Value::Text("opentelemetry")),
    ]
}

/// Returns the name of a span.
pub(super) fn name<'a>(system: &'a System, span: &Span) -> &'a str {
    let own = &system.services[system.instances[span.instance].service];
    match span.what {
        What::Serve { operation } => &own.operations[operation].name,
        What::Call { service, operation } => {
            let callee = &system.services[service];
            if callee.rpc {
                &callee.operations[operation].name
            } else {
                callee.operations[operation].method
            }
        }
        What::Query { store } => &system.stores[store].span_name,
        What::Send { topic } => &system.topics[topic].send_name,
        What::Process { topic } => &system.topics[topic].process_name,
        What::Inside { .. } => "handle request",
    }
}

/// Returns the number of the span's kind in OTLP.
pub(super) fn kind(span: &Span) -> u64 {
    match span.what {
        What::Inside { .. } => 1,
        What::Serve { .. } => 2,
        What::Call { .. } | What::Query { .. } => 3,
        What::Send { .. } => 4,
        What::Process { .. } => 5,
    }
}

/// Puts the attributes of a span into `out`.
pub(super) fn of_span<'a>(system: &'a System, span: &Span, out: &mut Vec<Attribute<'a>>) {
    let own = &system.services[system.instances[span.instance].service];
    out.clear();
    match span.what {
        What::Serve { operation } if own.rpc => rpc(own, own, operation, span, out),
        What::Serve { operation } => served_http(own, operation, span, out),
        What::Call { service, operation } if system.services[service].rpc => {
            let callee = &system.services[service];
            rpc(own, callee, operation, span, out);
            out.push((
                pick(own, "server.address", "net.peer.name"),
                Value::Text(&callee.address),
            ));
            out.push((pick(own, "server.port", "net.peer.port"), Value::Int(9090)));
        }
        What::Call { service, operation } => {
            called_http(own, &system.services[service], operation, span, out)
        }
        What::Query { store } => {
            let store = &system.stores[store];
            out.extend([
                (
                    pick(own, "db.system.name", "db.system"),
                    Value::Text(store.system),
                ),
                (
                    pick(own, "db.namespace", "db.name"),
                    Value::Text(&store.namespace),
                ),
                (
                    pick(own, "db.operation.name", "db.operation"),
                    Value::Text(store.operation),
                ),
                (
                    pick(own, "db.collection.name", "db.sql.table"),
                    Value::Text(&store.collection),
                ),
                (
                    pick(own, "db.query.text", "db.statement"),
                    Value::Text(&store.statement),
                ),
                (
                    pick(own, "server.address", "net.peer.name"),
                    Value::Text(&store.address),
                ),
                (pick(own, "server.port", "net.peer.port"), Value::Int(5432)),
            ]);
        }
        What::Send { topic } => message(system, own, topic, "send", "publish", span, out),
        What::Process { topic } => {
            message(system, own, topic, "process", "process", span, out);
            out.push(("messaging.consumer.group.name", Value::Text(&own.name)));
        }
        What::Inside { operation } => out.extend([
            (
                "code.function.name",
                Value::Text(&own.operations[operation].name),
            ),
            ("code.line.number", Value::Int(40 + operation as u64 * 17)),
        ]),
    }
    out.extend([
        ("thread.id", Value::Int(span.id % 200)),
        ("thread.name", Value::Numbered("exec-", span.id % 200)),
        (
            "shop.tenant",
            Value::Numbered("tenant-", span.trace.1 % 500),
        ),
        (
            "shop.build",
            Value::Numbered("release/weekly/build-", span.trace.0 % 30),
        ),
    ]);
    let error = match span.failure {
        Failure::None => return,
        Failure::Error => "java.lang.IllegalStateException",
        Failure::Timeout => "timeout",
        Failure::Refused => "connection_refused",
    };
    out.push(("error.type", Value::Text(error)));
}

fn served_http<'a>(own: &'a Service, operation: usize, span: &Span, out: &mut Vec<Attribute<'a>>) {
    let operation = &own.operations[operation];
    let status = if span.failure == Failure::None {
        200
    } else {
        500
    };
    out.extend([
        (
            pick(own, "http.request.method", "http.method"),
            Value::Text(operation.method),
        ),
        (
            pick(own, "http.response.status_code", "http.status_code"),
            Value::Int(status),
        ),
        ("http.route", Value::Text(&operation.route)),
        (pick(own, "url.scheme", "http.scheme"), Value::Text("http")),
        (
            pick(own, "url.path", "http.target"),
            Value::Numbered(&operation.path, span.id % 100_000),
        ),
        (
            pick(own, "server.address", "net.host.name"),
            Value::Text(&own.address),
        ),
        (pick(own, "server.port", "net.host.port"), Value::Int(8080)),
        (
            pick(own, "network.peer.address", "net.sock.peer.addr"),
            Value::Numbered("10.20.7.", span.id % 250),
        ),
        (
            pick(own, "network.protocol.version", "http.flavor"),
            Value::Text("1.1"),
        ),
        (
            pick(own, "user_agent.original", "http.user_agent"),
            Value::Text("shop-client/4.2 (linux; amd64) okhttp/4.12.0"),
        ),
    ]);
}

fn called_http<'a>(
    own: &'a Service,
    callee: &'a Service,
    operation: usize,
    span: &Span,
    out: &mut Vec<Attribute<'a>>,
) {
    let operation = &callee.operations[operation];
    out.extend([
        (
            pick(own, "http.request.method", "http.method"),
            Value::Text(operation.method),
        ),
        (
            pick(own, "url.full", "http.url"),
            Value::Numbered(&operation.url, span.id % 100_000),
        ),
        (
            pick(own, "server.address", "net.peer.name"),
            Value::Text(&callee.address),
        ),
        (pick(own, "server.port", "net.peer.port"), Value::Int(8080)),
        (
            pick(own, "network.protocol.version", "http.flavor"),
            Value::Text("1.1"),
        ),
    ]);
    let status = pick(own, "http.response.status_code", "http.status_code");
    match span.failure {
        Failure::None => out.push((status, Value::Int(200))),
        Failure::Error => out.push((status, Value::Int(500))),
        Failure::Timeout | Failure::Refused => {}
    }
    if span.resend > 0 {
        out.push((
            pick(own, "http.request.resend_count", "http.resend_count"),
            Value::Int(span.resend),
        ));
    }
}

fn rpc<'a>(
    own: &Service,
    callee: &'a Service,
    operation: usize,
    span: &Span,
    out: &mut Vec<Attribute<'a>>,
) {
    let operation = &callee.operations[operation];
    out.push((
        pick(own, "rpc.system.name", "rpc.system"),
        Value::Text("grpc"),
    ));
    if own.old_names {
        let method = operation.name.rsplit('/').next().unwrap_or_default();
        out.push(("rpc.service", Value::Text(&operation.route)));
        out.push(("rpc.method", Value::Text(method)));
    } else {
        out.push(("rpc.method", Value::Text(&operation.name)));
    }
    let (name, number) = match span.failure {
        Failure::None => ("OK", 0),
        Failure::Error => ("INTERNAL", 13),
        Failure::Timeout => ("DEADLINE_EXCEEDED", 4),
        Failure::Refused => ("UNAVAILABLE", 14),
    };
    if own.old_names {
        out.push(("rpc.grpc.status_code", Value::Int(number)));
    } else {
        out.push(("rpc.response.status_code", Value::Text(name)));
    }
    if span.resend > 0 {
        out.push(("previous-rpc-attempts", Value::Int(span.resend)));
    }
}

fn message<'a>(
    system: &'a System,
    own: &Service,
    topic: usize,
    operation: &'static str,
    old_operation: &'static str,
    span: &Span,
    out: &mut Vec<Attribute<'a>>,
) {
    let topic = &system.topics[topic];
    out.extend([
        ("messaging.system", Value::Text(topic.system)),
        (
            pick(own, "messaging.destination.name", "messaging.destination"),
            Value::Text(&topic.name),
        ),
        (
            pick(own, "messaging.operation.type", "messaging.operation"),
            Value::Text(if own.old_names {
                old_operation
            } else {
                operation
            }),
        ),
        ("messaging.message.id", Value::Numbered("message-", span.id)),
        ("messaging.message.body.size", Value::Int(span.id % 4000)),
    ]);
}

/// Returns the attribute name that the service's instrumentation writes.
fn pick(own: &Service, current: &'static str, old: &'static str) -> &'static str {
    if own.old_names { old } else { current }
}
