//! Any OTLP messages that make sense, rich in attributes that topple understands.

use crate::format::spans;
use crate::model::attr::NAMES;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/ .]{0,12}",
        "[a-z\"\\\\\n\t/\u{e9}\u{1f600}]{0,40}",
        "[a-z{}\\[\\]:,]{30,80}"
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    let names: Vec<&str> = NAMES
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    prop_oneof![
        4 => prop::sample::select(names).prop_map(str::to_owned),
        1 => prop::sample::select(vec![spans::SHARED, spans::REF_TYPE]).prop_map(str::to_owned),
        2 => any_text(),
    ]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => any_text().prop_map(Any::StringValue),
        1 => prop::sample::select(vec!["child_of", "follows_from", "true"]).prop_map(|text| Any::StringValue(text.to_owned())),
        2 => any::<i64>().prop_map(Any::IntValue),
        1 => (-1e12..1e12).prop_map(Any::DoubleValue),
        1 => any::<bool>().prop_map(Any::BoolValue),
        1 => vec(any::<u8>(), 0..6).prop_map(Any::BytesValue),
    ];
    let value = |value| AnyValue { value };
    option::weighted(0.95, leaf)
        .prop_map(value)
        .prop_recursive(2, 8, 3, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..3).prop_map(|values| Any::ArrayValue(ArrayValue { values })),
                vec((any_key(), inner), 0..3).prop_map(|pairs| {
                    let values = pairs.into_iter().map(|(key, value)| KeyValue {
                        key,
                        value: Some(value),
                        ..KeyValue::default()
                    });
                    Any::KvlistValue(KeyValueList {
                        values: values.collect(),
                    })
                }),
            ]
            .prop_map(move |any| value(Some(any)))
        })
}

/// Returns attributes of an event, most of them such as are asked for.
fn any_event_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let asked = prop::sample::select(vec![
        "exception.type",
        "feature_flag.key",
        "feature_flag.result.variant",
        "feature_flag.variant",
    ]);
    let asked = (asked, any_value()).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    });
    (any_attributes(), vec(asked, 0..4)).prop_map(|(some, more)| [some, more].concat())
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (any_key(), option::weighted(0.95, any_value()));
    vec(
        attribute.prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..KeyValue::default()
        }),
        0..6,
    )
}

fn any_id<const N: usize>() -> impl Strategy<Value = Vec<u8>> {
    (prop::array::uniform::<_, N>(any::<u8>()), 0..N).prop_map(|(mut id, zeros)| {
        id[..zeros / 3].fill(0);
        id[N - 1] |= 1;
        id.to_vec()
    })
}

fn any_span() -> impl Strategy<Value = Span> {
    let ids = (
        any_id::<16>(),
        any_id::<8>(),
        prop_oneof![any_id::<8>(), Just(Vec::new())],
    );
    let texts = (any_text(), any_text());
    let times = (
        any::<u64>(),
        prop_oneof![
            any::<u64>(),
            1_600_000_000_000_000_000u64..1_900_000_000_000_000_000
        ],
    );
    let link = (any_id::<16>(), any_id::<8>(), any_attributes());
    let links = vec(
        link.prop_map(|(trace_id, span_id, attributes)| Link {
            trace_id,
            span_id,
            attributes,
            ..Link::default()
        }),
        0..3,
    );
    let event = (any::<u64>(), any_text(), any_event_attributes());
    let events = vec(
        event.prop_map(|(time_unix_nano, name, attributes)| Event {
            time_unix_nano,
            name,
            attributes,
            ..Event::default()
        }),
        0..3,
    );
    let status =
        option::of((any_text(), 0..3).prop_map(|(message, code)| Status { message, code }));
    let rest = (0..6, any_attributes(), links, events, status, any::<u32>());
    (ids, texts, times, rest).prop_map(
        |((trace_id, span_id, parent_span_id), (name, trace_state), (start, end), rest)| {
            let (kind, attributes, links, events, status, flags) = rest;
            Span {
                trace_id,
                span_id,
                parent_span_id,
                name,
                trace_state,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                kind,
                attributes,
                links,
                events,
                status,
                flags,
                ..Span::default()
            }
        },
    )
}

/// Any group of spans.
pub(super) fn any_group() -> impl Strategy<Value = ResourceSpans> {
    let scope = option::of(any_text()).prop_map(|name| {
        name.map(|name| InstrumentationScope {
            name,
            ..InstrumentationScope::default()
        })
    });
    let scopes = (scope, vec(any_span(), 0..4)).prop_map(|(scope, spans)| ScopeSpans {
        scope,
        spans,
        ..ScopeSpans::default()
    });
    let resource = option::of(any_attributes().prop_map(|attributes| Resource {
        attributes,
        ..Resource::default()
    }));
    (resource, vec(scopes, 0..3), any_text()).prop_map(|(resource, scope_spans, schema_url)| {
        ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        }
    })
}
