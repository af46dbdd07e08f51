//! What changed, for programs: every number of both sides with its interval, whether it differs or not.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Record, Records, document, interval, number};
use crate::render::{Options, Renderer};
use crate::report::Report;
use crate::report::diff::{
    AsMany, Cause, Change, Diff, EdgeChange, Effect, EntryChange, OperationChange, OriginChange,
    PartChange, Place, Presence, Shift, SideRow, Thing, VersionChange,
};

/// Writes JSON.
pub(in crate::render) static DIFF: Renderer = Renderer {
    name: "json",
    about: "every number compared, for programs",
    extensions: &["json"],
    edges_with: None,
    write,
};

/// Name and version of the shape.
const SCHEMA: &str = "topple/diff/1";

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let nothing = Diff::default();
    let diff = report.diff.as_ref().unwrap_or(&nothing);
    document(&Record(diff), out)
}

impl Serialize for Record<'_, Diff> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diff = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA)?;
        map.serialize_entry("base", &Record(&diff.base))?;
        map.serialize_entry("head", &Record(&diff.head))?;
        number(&mut map, "confidence", diff.confidence)?;
        map.serialize_entry("tested", &diff.tested)?;
        map.serialize_entry("differing", &diff.differing)?;
        if let Some(focus) = &diff.focus {
            map.serialize_entry("focus", focus)?;
        }
        map.serialize_entry("causes", &Records(&diff.causes))?;
        map.serialize_entry("entries", &Records(&diff.entries))?;
        map.serialize_entry("edges", &Records(&diff.edges))?;
        map.serialize_entry("operations", &Records(&diff.operations))?;
        map.serialize_entry("presence", &Records(&diff.presence))?;
        if let Some(as_many) = &diff.as_many {
            map.serialize_entry("as_many_traces", &Record(as_many))?;
        }
        map.serialize_entry("versions", &Records(&diff.versions))?;
        map.serialize_entry("notes", &diff.untold)?;
        map.end()
    }
}

impl Serialize for Record<'_, SideRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let side = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &side.name)?;
        map.serialize_entry("holds", side.holds.name())?;
        map.serialize_entry("traces", &side.traces)?;
        number(&mut map, "requests", side.requests)?;
        map.end()
    }
}

impl Serialize for Record<'_, Cause> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cause = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("effect", cause.effect.name())?;
        map.serialize_entry("place", &Record(&cause.place))?;
        if let Some((service, operation)) = &cause.entry {
            map.serialize_entry("entry", &Record(&(service, operation)))?;
        }
        map.serialize_entry("entries", &cause.entries)?;
        let names = match cause.effect {
            Effect::Slower | Effect::Faster => ["change_ns", "low_ns", "high_ns", "of_ns"],
            Effect::Failing | Effect::Mending => ["change", "low", "high", "of"],
        };
        let (low, high) = cause.interval;
        let values = [Some(cause.change), Some(low), Some(high), cause.of];
        for (name, value) in names.into_iter().zip(values) {
            number(&mut map, name, value)?;
        }
        map.serialize_entry("sure", &cause.sure)?;
        map.serialize_entry("estimated", &cause.estimated)?;
        map.serialize_entry("text", &cause.text)?;
        map.end()
    }
}

impl Serialize for Record<'_, (&String, &String)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (service, operation) = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", service)?;
        map.serialize_entry("operation", operation)?;
        map.end()
    }
}

impl Serialize for Record<'_, Place> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Place::Own(service) => map.serialize_entry("own", service)?,
            Place::Between(from, to) => map.serialize_entry("network", &[from, to])?,
            Place::Silent(from, to) => map.serialize_entry("calls", &[from, to])?,
        }
        map.end()
    }
}

impl Serialize for Record<'_, Change> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change = self.0;
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "base", change.base)?;
        number(&mut map, "head", change.head)?;
        number(&mut map, "change", change.value())?;
        number(&mut map, "low", change.low)?;
        number(&mut map, "high", change.high)?;
        number(&mut map, "p", change.p)?;
        number(&mut map, "q", change.q)?;
        map.serialize_entry("differs", &change.differs)?;
        map.end()
    }
}

impl Serialize for Record<'_, Shift> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shift = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("base", &shift.base)?;
        map.serialize_entry("head", &shift.head)?;
        interval(&mut map, shift.interval)?;
        map.end()
    }
}

/// Adds a change, if there is one.
fn changed<'a, M: SerializeMap, T>(
    map: &mut M,
    name: &'static str,
    change: &'a Option<T>,
) -> Result<(), M::Error>
where
    Record<'a, T>: Serialize,
{
    match change {
        Some(change) => map.serialize_entry(name, &Record(change)),
        None => Ok(()),
    }
}

/// Adds a number of both sides.
fn both<M: SerializeMap>(
    map: &mut M,
    names: [&'static str; 2],
    (base, head): (f64, f64),
) -> Result<(), M::Error> {
    let [of_base, of_head] = names;
    number(map, of_base, base)?;
    number(map, of_head, head)
}

impl Serialize for Record<'_, EntryChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &entry.service)?;
        map.serialize_entry("operation", &entry.operation)?;
        map.serialize_entry("kind", entry.kind)?;
        both(&mut map, ["requests_base", "requests_head"], entry.requests)?;
        changed(&mut map, "duration_ns", &entry.duration_ns)?;
        changed(&mut map, "p50_ns", &entry.p50_ns)?;
        changed(&mut map, "p99_ns", &entry.p99_ns)?;
        changed(&mut map, "failed_ratio", &entry.failed)?;
        map.serialize_entry("parts", &Records(&entry.parts))?;
        if let Some(short) = entry.short_ns {
            both(&mut map, ["short_base_ns", "short_head_ns"], short)?;
        }
        map.serialize_entry("origins", &Records(&entry.origins))?;
        map.end()
    }
}

impl Serialize for Record<'_, PartChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("place", &Record(&part.place))?;
        map.serialize_entry("operation", &part.operation)?;
        both(&mut map, ["spans_base", "spans_head"], part.spans)?;
        map.serialize_entry("time_ns", &Record(&part.time_ns))?;
        map.end()
    }
}

impl Serialize for Record<'_, OriginChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let origin = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &origin.service)?;
        map.serialize_entry("failed_ratio", &Record(&origin.share))?;
        map.end()
    }
}

impl Serialize for Record<'_, EdgeChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edge = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &edge.from)?;
        map.serialize_entry("to", &edge.to)?;
        map.serialize_entry("mode", if edge.sync { "sync" } else { "async" })?;
        map.serialize_entry("protocol", edge.protocol)?;
        both(&mut map, ["calls_base", "calls_head"], edge.calls)?;
        changed(&mut map, "client_ns", &edge.client_ns)?;
        changed(&mut map, "server_ns", &edge.server_ns)?;
        changed(&mut map, "network_ns", &edge.network_ns)?;
        changed(&mut map, "queue_ns", &edge.queue_ns)?;
        changed(&mut map, "p50_ns", &edge.p50_ns)?;
        changed(&mut map, "p99_ns", &edge.p99_ns)?;
        changed(&mut map, "error_ratio", &edge.error_ratio)?;
        changed(&mut map, "attempts_per_call", &edge.attempts_per_call)?;
        if let Some(critical) = edge.critical_ns {
            let names = [
                "critical_base_ns_per_request",
                "critical_head_ns_per_request",
            ];
            both(&mut map, names, critical)?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, OperationChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(from) = &of.from {
            map.serialize_entry("from", from)?;
        }
        map.serialize_entry("to", &of.to)?;
        map.serialize_entry("operation", &of.operation)?;
        if let Some(attempts) = of.attempts {
            both(&mut map, ["attempts_base", "attempts_head"], attempts)?;
        }
        changed(&mut map, "client_ns", &of.client_ns)?;
        changed(&mut map, "server_ns", &of.server_ns)?;
        changed(&mut map, "network_ns", &of.network_ns)?;
        changed(&mut map, "error_ratio", &of.error_ratio)?;
        changed(&mut map, "repeated_ratio", &of.repeated_ratio)?;
        if let Some(requests) = of.requests {
            both(&mut map, ["requests_base", "requests_head"], requests)?;
        }
        changed(&mut map, "p50_ns", &of.p50_ns)?;
        changed(&mut map, "p99_ns", &of.p99_ns)?;
        changed(&mut map, "failed_ratio", &of.failed)?;
        changed(&mut map, "own_ns_per_request", &of.own_ns)?;
        changed(&mut map, "way_ns_per_request", &of.way_ns)?;
        map.end()
    }
}

impl Serialize for Record<'_, AsMany> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("traces", &self.0.traces)?;
        number(&mut map, "base_edges", self.0.base)?;
        number(&mut map, "head_edges", self.0.head)?;
        map.end()
    }
}

impl Serialize for Record<'_, Presence> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let presence = self.0;
        let mut map = serializer.serialize_map(None)?;
        match &presence.what {
            Thing::Service(name) => map.serialize_entry("service", name)?,
            Thing::Edge(from, to, protocol, sync) => {
                map.serialize_entry("edge", &[from, to])?;
                map.serialize_entry("mode", if *sync { "sync" } else { "async" })?;
                map.serialize_entry("protocol", protocol)?;
            }
            Thing::Entry(service, operation, kind) => {
                map.serialize_entry("entry", &Record(&(service, operation)))?;
                map.serialize_entry("kind", kind)?;
            }
        }
        map.serialize_entry("state", presence.state.name())?;
        number(&mut map, "seen", presence.seen)?;
        number(&mut map, "expected", presence.expected)?;
        number(&mut map, "p_unseen", presence.p_unseen)?;
        map.end()
    }
}

impl Serialize for Record<'_, VersionChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let versions = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &versions.service)?;
        map.serialize_entry("base", &versions.base)?;
        map.serialize_entry("head", &versions.head)?;
        map.end()
    }
}
