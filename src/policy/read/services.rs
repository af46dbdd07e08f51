//! The sections `services` and `redundancy`.

use crate::policy::read::fields::Fields;
use crate::policy::read::{Mistake, Reader, leaf};
use crate::policy::selector::{CRITICALITY, KIND, Selector};
use crate::policy::services::{Definition, Rename, Services};
use crate::policy::shape::{DEFINITION, RENAME, SERVICES};
use crate::policy::value::Criticality;
use crate::policy::yaml::{Node, Value};

pub(super) fn services(reader: &mut Reader<'_>, node: &Node) -> Option<Services> {
    let fields = reader.fields(node, &SERVICES)?;
    let mut listed = |name| Selector::Any(fields.one_or_more(reader, name, leaf::selector));
    let ignore = listed("ignore");
    let proxies = listed("proxies");
    let infrastructure = listed("infrastructure");
    Some(Services {
        tags: tags(reader, &fields),
        rename: fields.list(reader, "rename", rename),
        ignore,
        proxies,
        infrastructure,
        define: fields.list(reader, "define", definition),
    })
}

/// Reads the key `tags`; the kind of a node is no tag of its own.
fn tags(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<(String, String)> {
    fields.entries(reader, "tags", |reader, key, value| {
        let name = leaf::text(reader, key)?;
        if name == KIND {
            return reader.expected("a tag other than kind, which every node has", key);
        }
        Some((name, leaf::text(reader, value)?))
    })
}

fn rename(reader: &mut Reader<'_>, node: &Node) -> Option<Rename> {
    let fields = reader.fields(node, &RENAME)?;
    let from = fields.read(reader, "from", leaf::pattern);
    let to = fields.read(reader, "to", leaf::text);
    let (from, to) = (from?, to?);
    let target = fields.get("to")?;
    let groups = from.regex().map_or(0, |regex| regex.captures_len() - 1);
    if let Some(wrong) = references(&to).find(|(group, next)| *group > groups || *next) {
        let mistake = match wrong {
            (group, true) => Mistake::at(
                target,
                format!("expected ${{{group}}} before a letter, a digit or _, found ${group}"),
            ),
            (group, false) => Mistake::at(
                target,
                format!("expected groups up to ${groups}, found ${group}"),
            )
            .with_help("a group is what stands in ( ) in the /regex/ of \"from\""),
        };
        reader.report(mistake);
        return None;
    }
    Some(Rename { from, to })
}

/// Returns the groups that a replacement asks for, and whether a letter follows that would be read as a part of the name.
fn references(to: &str) -> impl Iterator<Item = (usize, bool)> {
    to.split('$').skip(1).filter_map(|rest| {
        let (digits, is_bare) = match rest.strip_prefix('{') {
            Some(rest) => (rest, false),
            None => (rest, true),
        };
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let next = digits[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        Some((digits[..end].parse().ok()?, is_bare && next))
    })
}

fn definition(reader: &mut Reader<'_>, node: &Node) -> Option<Definition> {
    let fields = reader.fields(node, &DEFINITION)?;
    let matching = fields.read(reader, "match", leaf::selector);
    let tags = tags(reader, &fields);
    if tags.iter().any(|(name, _)| name == CRITICALITY)
        && let Some(node) = fields.get("tags")
    {
        reader.report(
            Mistake::at(node, "expected a tag other than criticality, found it")
                .with_help("criticality is a key beside tags"),
        );
    }
    let source = fields.read(reader, "source", leaf::text);
    let criticality = fields.read(reader, "criticality", leaf::word(Criticality::NAMES));
    let capacity_rps = fields.read(reader, "capacity_rps", leaf::positive);
    let concurrency_limit = fields.read(reader, "concurrency_limit", leaf::counting);
    Some(Definition {
        matching: matching?,
        tags,
        source,
        criticality,
        capacity_rps,
        concurrency_limit,
    })
}

/// Reads a group of services of which one is enough.
pub(super) fn redundancy(reader: &mut Reader<'_>, node: &Node) -> Option<Selector> {
    match &node.value {
        Value::List(items) if !items.is_empty() => leaf::selector(reader, node),
        Value::List(_) | Value::Scalar { .. } | Value::Map(_) => reader.expected(
            "a group as a list, such as [payments-eu, payments-us]",
            node,
        ),
    }
}
