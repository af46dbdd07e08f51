//! The sections `waiver_policy` and `waivers`.

use crate::policy::read::references::To;
use crate::policy::read::{Reader, leaf};
use crate::policy::shape::{WAIVER, WAIVER_POLICY};
use crate::policy::value::Severity;
use crate::policy::waiver::{Waived, Waiver, WaiverPolicy};
use crate::policy::yaml::Node;

pub(super) fn waiver_policy(reader: &mut Reader<'_>, node: &Node) -> Option<WaiverPolicy> {
    let fields = reader.fields(node, &WAIVER_POLICY)?;
    let default = WaiverPolicy::default();
    Some(WaiverPolicy {
        max_days: fields
            .read(reader, "max_days", leaf::counting)
            .unwrap_or(default.max_days),
        warn_before_days: fields
            .read(reader, "warn_before_days", leaf::whole)
            .unwrap_or(default.warn_before_days),
        unused: fields
            .read(reader, "unused", leaf::word(Severity::NAMES))
            .unwrap_or(default.unused),
    })
}

pub(super) fn waiver(reader: &mut Reader<'_>, node: &Node) -> Option<Waiver> {
    let fields = reader.fields(node, &WAIVER)?;
    let rule = fields.read(reader, "rule", |reader, node| {
        reader.reference(To::WaivedRule, node)
    });
    let waived = if fields.has("edge") {
        fields.read(reader, "edge", leaf::edges).map(Waived::Edges)
    } else if fields.has("service") {
        fields
            .read(reader, "service", leaf::selector)
            .map(Waived::Services)
    } else if fields.has("entrypoint") {
        fields
            .read(reader, "entrypoint", |reader, node| {
                reader.reference(To::Entrypoint, node)
            })
            .map(Waived::Entrypoint)
    } else {
        Some(Waived::Everything)
    };
    let reason = fields.read(reader, "reason", leaf::text);
    let owner = fields.read(reader, "owner", leaf::text);
    let expires = fields.read(reader, "expires", leaf::date);
    Some(Waiver {
        rule: rule?,
        waived: waived?,
        reason: reason?,
        owner,
        expires: expires?,
        place: node.place,
    })
}
