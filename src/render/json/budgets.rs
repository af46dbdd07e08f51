//! What calls and requests may take: an object each.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Record, Records, number};
use crate::report::{Budgets, CallBudget, EntryBudget, Spender};

impl Serialize for Record<'_, Budgets> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("calls", &Records(&self.0.calls))?;
        map.serialize_entry("entries", &Records(&self.0.entries))?;
        map.end()
    }
}

/// A timeout and how it is known.
pub(super) struct Timeout {
    pub(super) value: u64,
    pub(super) source: &'static str,
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("source", self.source)?;
        map.end()
    }
}

impl Serialize for Record<'_, CallBudget> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let call = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &call.from)?;
        map.serialize_entry("to", &call.to)?;
        if let Some((value, source)) = call.timeout {
            map.serialize_entry("timeout_ns", &Timeout { value, source })?;
        }
        map.serialize_entry("max_attempts", &call.max_attempts)?;
        number(&mut map, "retry_amplification", call.amplification)?;
        count(&mut map, "p99_ns", call.p99)?;
        if let Some(slack) = &call.slack {
            map.serialize_entry("slack", &Record(slack))?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, EntryBudget> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &entry.service)?;
        map.serialize_entry("operation", &entry.operation)?;
        map.serialize_entry("requests", &entry.requests)?;
        count(&mut map, "p50_ns", entry.p50)?;
        count(&mut map, "p99_ns", entry.p99)?;
        count(&mut map, "slo_p99_ns", entry.slo)?;
        map.serialize_entry("spenders", &Records(&entry.spenders))?;
        map.end()
    }
}

impl Serialize for Record<'_, Spender> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &of.service)?;
        map.serialize_entry("operation", &of.operation)?;
        number(&mut map, "share", of.share)?;
        number(&mut map, "saving", of.saving)?;
        number(&mut map, "share_typical", of.share_typical)?;
        number(&mut map, "share_p95", of.share_p95)?;
        number(&mut map, "share_p99", of.share_p99)?;
        map.end()
    }
}

/// Adds a whole number unless it is missing.
fn count<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: Option<u64>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(name, &value),
        None => Ok(()),
    }
}
