//! Messages for the tests, put together byte by byte: random ones, and a small one with a bit of everything.

use crate::format::otlp_protobuf::wire::{
    END_GROUP, FIXED32, FIXED64, LEN, START_GROUP, VARINT, key,
};
use crate::format::spans;
use crate::model::attr::NAMES;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::encoding::encode_varint;

/// Returns a field with a length-delimited value.
pub(super) fn len(number: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = varint_field(number << 3 | LEN, value.as_ref().len() as u64);
    bytes.extend(value.as_ref());
    bytes
}

pub(super) fn varint(number: u32, value: u64) -> Vec<u8> {
    varint_field(key(number, VARINT), value)
}

pub(super) fn fixed64(number: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(u64::from(key(number, FIXED64)), &mut bytes);
    bytes.extend(value.to_le_bytes());
    bytes
}

fn varint_field(key: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(u64::from(key), &mut bytes);
    encode_varint(value, &mut bytes);
    bytes
}

/// Returns fields that no message of OTLP defines.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![20_u32..40, 2000_u32..3000, Just((1 << 29) - 1)];
    prop_oneof![
        (number.clone(), any::<u64>()).prop_map(|(number, value)| varint(number, value)),
        (number.clone(), any::<u64>()).prop_map(|(number, value)| fixed64(number, value)),
        (number.clone(), vec(any::<u8>(), 0..200)).prop_map(|(number, value)| len(number, value)),
        (number.clone(), any::<u32>()).prop_map(|(number, value)| {
            let mut bytes = Vec::new();
            encode_varint(u64::from(key(number, FIXED32)), &mut bytes);
            bytes.extend(value.to_le_bytes());
            bytes
        }),
        (number, any::<u64>()).prop_map(|(number, value)| {
            let mut bytes = varint_field(key(number, START_GROUP), 0);
            bytes.truncate(bytes.len() - 1);
            bytes.extend(varint(1, value));
            encode_varint(u64::from(key(number, END_GROUP)), &mut bytes);
            bytes
        }),
    ]
}

/// Returns fields in any order and number, now and then with unknown ones among them.
fn fields(one: BoxedStrategy<Vec<u8>>, n: std::ops::Range<usize>) -> BoxedStrategy<Vec<u8>> {
    vec(prop_oneof![12 => one, 1 => unknown()], n)
        .prop_map(|parts| parts.concat())
        .boxed()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z./]{0,12}",
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("\u{e9}\u{4e16}".to_owned()),
        "x{120,140}"
    ]
}

fn any_value() -> BoxedStrategy<Vec<u8>> {
    let leaf = prop_oneof![
        6 => text().prop_map(|text| len(1, text)),
        1 => any::<bool>().prop_map(|value| varint(2, u64::from(value))),
        2 => any::<i64>().prop_map(|value| varint(3, value as u64)),
        1 => any::<i32>().prop_map(|value| fixed64(4, f64::from(value).to_bits())),
        1 => vec(any::<u8>(), 0..4).prop_map(|value| len(7, value)),
        1 => (0_u64..9).prop_map(|value| varint(8, value)),
    ]
    .boxed();
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            6 => inner.clone(),
            2 => vec(inner.clone(), 0..3).prop_map(|values| len(5, values.iter().flat_map(|value| len(1, value)).collect::<Vec<_>>())),
            1 => inner.clone().prop_map(|value| len(6, len(1, [len(1, "k"), len(2, value)].concat()))),
            1 => vec(inner, 0..3).prop_map(|values| values.concat()),
        ]
        .boxed()
    })
    .boxed()
}

fn attribute_name() -> impl Strategy<Value = String> {
    let known = NAMES
        .iter()
        .flat_map(|(_, names)| names.iter())
        .map(|name| (*name).to_owned());
    let known = known.collect::<Vec<_>>();
    prop_oneof![4 => prop::sample::select(known), 1 => "[a-z.]{0,20}", 1 => Just(spans::REF_TYPE.to_owned())]
}

fn key_value() -> BoxedStrategy<Vec<u8>> {
    let plain = (attribute_name(), any_value())
        .prop_map(|(name, value)| [len(1, name), len(2, value)].concat());
    let odd = prop_oneof![
        attribute_name().prop_map(|name| len(1, name)),
        any_value().prop_map(|value| len(2, value)),
        (0_u64..5).prop_map(|index| varint(3, index)),
    ];
    prop_oneof![4 => plain, 1 => fields(odd.boxed(), 0..5)].boxed()
}

fn id(size: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => vec(any::<u8>(), size),
        1 => Just(vec![0; size]),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..6, 1 => 0_u64..9, 1 => any::<u64>(), 1 => Just(1 << 32 | 2)]
}

fn link() -> BoxedStrategy<Vec<u8>> {
    let reference = prop_oneof![Just("child_of"), Just("follows_from"), Just("x")]
        .prop_map(|kind| len(4, [len(1, spans::REF_TYPE), len(2, len(1, kind))].concat()));
    let one = prop_oneof![
        id(16).prop_map(|id| len(1, id)),
        id(8).prop_map(|id| len(2, id)),
        reference,
        key_value().prop_map(|attribute| len(4, attribute)),
        text().prop_map(|text| len(3, text)),
    ];
    fields(one.boxed(), 0..7)
}

fn event() -> BoxedStrategy<Vec<u8>> {
    let asked = prop::sample::select(vec![
        "exception.type",
        "feature_flag.key",
        "feature_flag.result.variant",
        "feature_flag.variant",
    ]);
    let asked = (asked, any_value())
        .prop_map(|(name, value)| len(3, [len(1, name), len(2, value)].concat()));
    let one = prop_oneof![
        1 => any::<u64>().prop_map(|time| fixed64(1, time)),
        1 => text().prop_map(|name| len(2, name)),
        6 => asked,
        2 => key_value().prop_map(|attribute| len(3, attribute)),
        1 => any::<u32>().prop_map(|count| varint(4, u64::from(count))),
    ];
    fields(one.boxed(), 0..7)
}

fn span() -> BoxedStrategy<Vec<u8>> {
    let status = prop_oneof![
        number().prop_map(|code| varint(3, code)),
        text().prop_map(|text| len(2, text))
    ];
    let one = prop_oneof![
        2 => text().prop_map(|text| len(3, text)),
        2 => id(8).prop_map(|id| len(4, id)),
        2 => text().prop_map(|text| len(5, text)),
        2 => number().prop_map(|kind| varint(6, kind)),
        2 => any::<u64>().prop_map(|time| fixed64(7, time)),
        2 => any::<u64>().prop_map(|time| fixed64(8, time)),
        6 => key_value().prop_map(|attribute| len(9, attribute)),
        1 => any::<u32>().prop_map(|count| varint(10, u64::from(count))),
        2 => event().prop_map(|event| len(11, event)),
        2 => link().prop_map(|link| len(13, link)),
        2 => fields(status.boxed(), 0..3).prop_map(|status| len(15, status)),
        1 => id(16).prop_map(|id| len(1, id)),
    ];
    (id(16), id(8), fields(one.boxed(), 0..10))
        .prop_map(|(trace_id, span_id, rest)| [len(1, trace_id), rest, len(2, span_id)].concat())
        .boxed()
}

pub(super) fn message() -> BoxedStrategy<Vec<u8>> {
    let resource = prop_oneof![
        4 => key_value().prop_map(|attribute| len(1, attribute)),
        1 => (0_u64..9).prop_map(|count| varint(2, count)),
        1 => text().prop_map(|text| len(3, len(1, text))),
    ];
    let scope = prop_oneof![
        4 => span().prop_map(|span| len(2, span)),
        1 => text().prop_map(|name| len(1, len(1, name))),
        1 => text().prop_map(|url| len(3, url)),
    ];
    let group = prop_oneof![
        2 => fields(resource.boxed(), 0..4).prop_map(|resource| len(1, resource)),
        3 => fields(scope.boxed(), 0..5).prop_map(|scope| len(2, scope)),
        1 => text().prop_map(|url| len(3, url)),
    ];
    fields(
        fields(group.boxed(), 0..5)
            .prop_map(|group| len(1, group))
            .boxed(),
        0..4,
    )
}

/// Returns a small message with a bit of everything.
pub(super) fn fixture() -> Vec<u8> {
    let attribute = |name: &str, value: Vec<u8>| [len(1, name), len(2, value)].concat();
    let link = [
        len(1, [7; 16]),
        len(2, [8; 8]),
        len(4, attribute(spans::REF_TYPE, len(1, "follows_from"))),
    ]
    .concat();
    let span = |id: u8| {
        [
            len(1, [id; 16]),
            len(2, [id; 8]),
            len(3, "ot=th:8"),
            len(4, [9; 8]),
            varint_field(key(16, FIXED32), 0),
            vec![0; 3],
            len(5, "GET /cart"),
            varint(6, 3),
            fixed64(7, 1_700_000_000_000_000_000),
            fixed64(8, 1_700_000_000_000_000_300),
            len(9, attribute("server.address", len(1, "cart"))),
            len(9, attribute("http.response.status_code", varint(3, 503))),
            len(
                9,
                attribute(
                    "http.request.header.x-envoy-attempt-count",
                    len(5, len(1, len(1, "2"))),
                ),
            ),
            len(11, [fixed64(1, 5), len(2, "exception")].concat()),
            len(13, &link),
            len(15, [len(2, "refused"), varint(3, 2)].concat()),
        ]
        .concat()
    };
    let group = [
        len(
            2,
            [len(1, len(1, "http")), len(2, span(1)), len(2, span(2))].concat(),
        ),
        len(1, len(1, attribute("service.name", len(1, "shop")))),
        len(2, len(2, span(3))),
    ]
    .concat();
    [len(1, &group), len(1, &group)].concat()
}
