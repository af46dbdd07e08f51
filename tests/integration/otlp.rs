//! OTLP messages of generated spans, and their attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

use crate::shop::{Made, SERVICES};

/// Returns the spans as messages, neighbours of one instance together.
pub(crate) fn messages(spans: &[Made]) -> Vec<ResourceSpans> {
    spans
        .chunk_by(|a, b| (a.service, a.instance) == (b.service, b.instance))
        .map(|group| ResourceSpans {
            resource: Some(resource(group[0].service, group[0].instance)),
            scope_spans: vec![ScopeSpans {
                spans: group.iter().map(|made| made.span.clone()).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        })
        .collect()
}

fn resource(service: usize, instance: usize) -> Resource {
    let (namespace, name, _) = SERVICES[service];
    let mut attributes = vec![
        text("service.name", name),
        text("service.instance.id", &format!("{name}-{instance}")),
        text("service.version", &format!("1.{}", instance % 2)),
        text(
            "cloud.availability_zone",
            ["zone-a", "zone-b", "zone-c"][instance % 3],
        ),
        text("host.id", &format!("host-{}", (service + instance) % 4)),
    ];
    if !namespace.is_empty() {
        attributes.push(text("service.namespace", namespace));
    }
    Resource {
        attributes,
        ..Resource::default()
    }
}

/// Returns a text attribute.
pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// Returns a whole-number attribute.
pub(crate) fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
