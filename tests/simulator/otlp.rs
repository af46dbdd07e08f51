//! The spans of a run as OTLP JSON, as services with the current semantic conventions would export them.
//!
//! Times are those of the clock of the span's host. What a killed instance had not ended is missing, and so are traces that were
//! not sampled.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::simulator::log::{Activity, Attempt, Ending, Kind, Log};
use crate::simulator::program::Telling;
use crate::simulator::system::System;

/// True time zero, in nanoseconds since 1970.
const EPOCH: i64 = 1_767_225_600_000_000_000;

/// A span of what an instance did.
struct Span {
    activity: usize,
    id: u64,
    parent: Option<u64>,
    kind: u8,
    name: String,
    times: (u64, u64),
    is_error: bool,
    attributes: Vec<(&'static str, Value)>,
    /// Trace and span it follows.
    link: Option<(usize, u64)>,
}

enum Value {
    Text(String),
    Number(u64),
}

/// Returns the document.
pub(super) fn write(system: &System, log: &Log) -> String {
    let mut by_resource: BTreeMap<(usize, &str), Vec<Span>> = BTreeMap::new();
    for span in spans(log) {
        let activity = &log.activities[span.activity];
        let trace = &log.traces[activity.trace];
        if trace.low & ((1 << 56) - 1) < system.threshold {
            continue;
        }
        let version = system.version(&log.instances[activity.instance], activity.start);
        let key = (activity.instance, version);
        by_resource.entry(key).or_default().push(span);
    }
    let mut out = String::from("{\"resourceSpans\":[");
    for (at, ((instance, version), spans)) in by_resource.into_iter().enumerate() {
        out.push_str(if at > 0 { ",\n" } else { "" });
        resource(&mut out, system, log, instance, version);
        out.push_str(",\"scopeSpans\":[{\"spans\":[");
        for (at, span) in spans.iter().enumerate() {
            out.push_str(if at > 0 { ",\n" } else { "\n" });
            write_span(&mut out, system, log, span);
        }
        out.push_str("]}]}");
    }
    out.push_str("]}\n");
    out
}

fn spans(log: &Log) -> impl Iterator<Item = Span> + '_ {
    let servers = (0..log.activities.len()).filter_map(|at| served(log, at));
    let hidden = log.calls.iter().filter_map(|call| {
        let is_hidden = call.what.telling == Telling::Hidden;
        let &last = call.attempts.last().filter(|_| is_hidden)?;
        let (_, ending) = log.attempts[last].end?;
        Some(client(
            log,
            &log.attempts[last],
            call.start,
            call.end?,
            ending,
        ))
    });
    let clients = log.attempts.iter().filter_map(|attempt| {
        let is_hidden = log.calls[attempt.call].what.telling == Telling::Hidden;
        let (end, ending) = attempt.end.filter(|_| !is_hidden)?;
        Some(client(log, attempt, attempt.start, end, ending))
    });
    let queries = log.queries.iter().map(|query| {
        let (operation, collection) = query.what.summary.split_once(' ').unwrap();
        let statement = query.what.text.map(|said| ("db.query.text", text(said)));
        let attributes = [
            ("db.system.name", text(query.what.system)),
            ("db.namespace", text(query.what.database)),
            ("db.operation.name", text(operation)),
            ("db.collection.name", text(collection)),
            ("server.address", text(query.what.database)),
        ];
        Span {
            activity: query.activity,
            id: query.span,
            parent: Some(log.activities[query.activity].span),
            kind: 3,
            name: query.what.summary.to_owned(),
            times: (query.start, query.end),
            is_error: false,
            attributes: attributes.into_iter().chain(statement).collect(),
            link: None,
        }
    });
    let messages = log
        .messages
        .iter()
        .enumerate()
        .map(|(number, message)| Span {
            activity: message.activity,
            id: message.span,
            parent: Some(log.activities[message.activity].span),
            kind: 4,
            name: format!("send {}", message.queue),
            times: (message.start, message.end),
            is_error: false,
            attributes: about_message(message.queue, "send", number),
            link: None,
        });
    servers
        .chain(hidden)
        .chain(clients)
        .chain(queries)
        .chain(messages)
        .filter(|span| !log.is_lost(span.activity, Some(span.times.1)))
}

fn served(log: &Log, at: usize) -> Option<Span> {
    let activity = &log.activities[at];
    let span = Span {
        activity: at,
        id: activity.span,
        parent: activity.parent,
        kind: 2,
        name: activity.operation.to_owned(),
        times: (activity.start, activity.end?),
        is_error: activity.status >= 500,
        attributes: Vec::new(),
        link: None,
    };
    if activity.kind == Kind::Consumer {
        let message = activity.message?;
        let sent = &log.messages[message];
        let sender = log.activities[sent.activity].trace;
        return Some(Span {
            kind: 5,
            name: format!("process {}", sent.queue),
            attributes: about_message(sent.queue, "process", message),
            link: Some((sender, sent.span)),
            ..span
        });
    }
    let mut attributes = about_request(activity.operation, "http.route");
    attributes.push((
        "http.response.status_code",
        Value::Number(u64::from(activity.status)),
    ));
    if span.is_error {
        attributes.push(("error.type", text(&activity.status.to_string())));
    }
    match activity.kind {
        Kind::Health => attributes.push(("user_agent.original", text("kube-probe/1.32"))),
        Kind::Server | Kind::Consumer => attributes.push(("enduser.id", tenant(log, activity))),
    }
    Some(Span { attributes, ..span })
}

fn client(log: &Log, attempt: &Attempt, start: u64, end: u64, ending: Ending) -> Span {
    let call = &log.calls[attempt.call];
    let mut attributes = about_request(call.what.operation, "url.template");
    attributes.push(("server.address", text(call.what.service)));
    attributes.push(("server.port", Value::Number(8080)));
    if ending != Ending::Rejected {
        let address = format!("10.0.0.{}", attempt.instance + 1);
        attributes.push(("network.peer.address", Value::Text(address)));
    }
    let error = match ending {
        Ending::Answered(status) => {
            attributes.push((
                "http.response.status_code",
                Value::Number(u64::from(status)),
            ));
            (status >= 400).then(|| status.to_string())
        }
        Ending::TimedOut => Some("timeout".to_owned()),
        Ending::Refused => Some("connection_refused".to_owned()),
        Ending::Reset => Some("ECONNRESET".to_owned()),
        Ending::Rejected => Some("CallNotPermittedException".to_owned()),
        Ending::Cancelled => None,
    };
    let is_error = error.is_some();
    if let Some(error) = error {
        attributes.push(("error.type", Value::Text(error)));
    }
    let is_marked = call.what.telling == Telling::Marked && call.what.hedge.is_none();
    if attempt.number > 0 && is_marked {
        let resent = Value::Number(attempt.number as u64);
        attributes.push(("http.request.resend_count", resent));
    }
    Span {
        activity: call.activity,
        id: attempt.span,
        parent: Some(log.activities[call.activity].span),
        kind: 3,
        name: call.what.operation.to_owned(),
        times: (start, end),
        is_error,
        attributes,
        link: None,
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn tenant(log: &Log, activity: &Activity) -> Value {
    Value::Text(format!("tenant-{}", log.traces[activity.trace].tenant))
}

fn about_request(operation: &str, route_key: &'static str) -> Vec<(&'static str, Value)> {
    let (method, route) = operation.split_once(' ').unwrap();
    vec![
        ("http.request.method", text(method)),
        (route_key, text(route)),
    ]
}

fn about_message(
    queue: &str,
    operation: &'static str,
    number: usize,
) -> Vec<(&'static str, Value)> {
    vec![
        ("messaging.system", text("kafka")),
        ("messaging.destination.name", text(queue)),
        ("messaging.operation.type", text(operation)),
        (
            "messaging.message.id",
            Value::Text(format!("message-{number}")),
        ),
    ]
}

fn resource(out: &mut String, system: &System, log: &Log, instance: usize, version: &str) {
    let known = &log.instances[instance];
    let service = &system.services[known.service];
    let mut attributes = vec![
        ("service.name", text(service.name)),
        ("service.instance.id", text(&known.name)),
        ("service.version", text(version)),
        ("host.id", text(&known.host)),
        ("cloud.availability_zone", text(known.zone)),
        ("cloud.region", text(service.region)),
    ];
    if let Some(cell) = known.cell {
        attributes.push(("deployment.cell", text(cell)));
    }
    out.push_str("{\"resource\":{");
    write_attributes(out, &attributes);
    out.push('}');
}

fn write_span(out: &mut String, system: &System, log: &Log, span: &Span) {
    let activity = &log.activities[span.activity];
    let clock = system.clock_of(&log.instances[activity.instance].host);
    let shown = |time: u64| EPOCH + time as i64 + clock.ahead(time);
    let trace_id = |trace: usize| {
        let trace = &log.traces[trace];
        format!("{:016x}{:016x}", trace.high, trace.low)
    };
    let put = |out: &mut String, text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap();
    put(
        out,
        format_args!(
            r#"{{"traceId":"{}","spanId":"{:016x}","#,
            trace_id(activity.trace),
            span.id
        ),
    );
    if let Some(parent) = span.parent {
        put(out, format_args!(r#""parentSpanId":"{parent:016x}","#));
    }
    if system.threshold > 0 {
        let threshold = format!("{:014x}", system.threshold);
        let short = threshold.trim_end_matches('0');
        put(out, format_args!(r#""traceState":"ot=th:{short}","#));
    }
    put(
        out,
        format_args!(
            r#""kind":{},"name":"{}","startTimeUnixNano":"{}","endTimeUnixNano":"{}","#,
            span.kind,
            span.name,
            shown(span.times.0),
            shown(span.times.1)
        ),
    );
    if span.is_error {
        out.push_str(r#""status":{"code":2},"#);
    }
    if let Some((trace, id)) = span.link {
        let trace = trace_id(trace);
        put(
            out,
            format_args!(r#""links":[{{"traceId":"{trace}","spanId":"{id:016x}"}}],"#),
        );
    }
    write_attributes(out, &span.attributes);
    out.push('}');
}

fn write_attributes(out: &mut String, attributes: &[(&str, Value)]) {
    out.push_str("\"attributes\":[");
    for (at, (key, value)) in attributes.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        let written = match value {
            Value::Text(text) => {
                write!(
                    out,
                    r#"{{"key":"{key}","value":{{"stringValue":"{text}"}}}}"#
                )
            }
            Value::Number(number) => {
                write!(
                    out,
                    r#"{{"key":"{key}","value":{{"intValue":"{number}"}}}}"#
                )
            }
        };
        written.unwrap();
    }
    out.push(']');
}
