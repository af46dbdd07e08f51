//! What changes do, for programs. Additions are free; anything else raises [`SCHEMA`].

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Record, Records, document, interval, number};
use crate::render::{Options, Renderer};
use crate::report::{
    Assumption, EdgeChange, EntryChange, Help, Latency, Range, Report, ServiceChange, Simulation,
    Spread, Success,
};

/// Writes JSON.
pub(in crate::render) static JSON: Renderer = Renderer {
    name: "json",
    about: "everything, for programs",
    extensions: &["json"],
    edges_with: None,
    write,
};

/// Name and version of the shape.
const SCHEMA: &str = "topple/simulation/1";

fn write(report: &Report, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(of) = &report.simulation else {
        return Ok(());
    };
    document(&Simulated(report, of), out)
}

/// A report with what it simulates.
struct Simulated<'a>(&'a Report, &'a Simulation);

impl Serialize for Simulated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Simulated(report, of) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA)?;
        map.serialize_entry("data", &Record(&report.data))?;
        map.serialize_entry("changes", &of.changes)?;
        map.serialize_entry("runs", &of.runs)?;
        map.serialize_entry("seed", &of.seed)?;
        map.serialize_entry("drawn", &of.drawn)?;
        map.serialize_entry("requests", &of.requests)?;
        map.serialize_entry("requests_missing", &of.missing)?;
        map.serialize_entry("success", &Record(&of.all))?;
        map.serialize_entry("entries", &Records(&of.entries))?;
        map.serialize_entry("services", &Records(&of.services))?;
        map.serialize_entry("edges", &Records(&of.edges))?;
        map.serialize_entry("helps", &Records(&of.helps))?;
        map.serialize_entry("helps_tried", &of.tried)?;
        map.serialize_entry("assumptions", &Records(&of.assumptions))?;
        map.serialize_entry("untold", &of.untold)?;
        map.serialize_entry("notes", &report.notes)?;
        map.end()
    }
}

impl Serialize for Record<'_, Range> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        interval(&mut map, (self.0.low, self.0.high))?;
        map.end()
    }
}

impl Serialize for Record<'_, Success> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "before", self.0.before)?;
        map.serialize_entry("after", &Record(&self.0.after))?;
        map.serialize_entry("interval", &Record(&self.0.interval))?;
        map.serialize_entry("lost", &Record(&self.0.lost()))?;
        map.end()
    }
}

impl Serialize for Record<'_, Spread> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("low", &self.0.low)?;
        map.serialize_entry("value", &self.0.value)?;
        map.serialize_entry("high", &self.0.high)?;
        map.end()
    }
}

impl Serialize for Record<'_, Latency> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("p50", &Record(&self.0.p50))?;
        map.serialize_entry("p95", &Record(&self.0.p95))?;
        map.serialize_entry("p99", &Record(&self.0.p99))?;
        map.end()
    }
}

impl Serialize for Record<'_, EntryChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &entry.service)?;
        map.serialize_entry("operation", &entry.operation)?;
        map.serialize_entry("kind", entry.kind)?;
        number(&mut map, "requests", entry.requests)?;
        number(&mut map, "weight", entry.weight)?;
        number(&mut map, "load", entry.load)?;
        map.serialize_entry("success", &Record(&entry.success))?;
        if let Some(before) = &entry.before {
            map.serialize_entry("duration_before_ns", &Record(before))?;
        }
        if let Some(after) = &entry.after {
            map.serialize_entry("duration_after_ns", &Record(after))?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, ServiceChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &of.service)?;
        map.serialize_entry("load", &Record(&of.load))?;
        number(&mut map, "attempts_per_s_before", of.rate_before)?;
        number(&mut map, "failed_ratio_before", of.failed_before)?;
        map.serialize_entry("failed_ratio_after", &Record(&of.failed_after))?;
        if let Some(utilisation) = &of.utilisation {
            map.serialize_entry("utilisation", &Record(utilisation))?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, EdgeChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &of.from)?;
        map.serialize_entry("to", &of.to)?;
        number(&mut map, "attempts_before", of.attempts_before)?;
        map.serialize_entry("attempts_after", &Record(&of.attempts_after))?;
        map.serialize_entry("attempts_per_call", &Record(&of.per_call))?;
        number(&mut map, "failed_ratio_before", of.failed_before)?;
        map.serialize_entry("failed_ratio_after", &Record(&of.failed_after))?;
        map.end()
    }
}

impl Serialize for Record<'_, Help> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("text", &of.text)?;
        map.serialize_entry("saved", &Record(&of.saved))?;
        number(&mut map, "attempts_spared", of.spared)?;
        if let Some((less, entry)) = &of.faster {
            map.serialize_entry("p99_less_ns", less)?;
            map.serialize_entry("p99_less_at", entry)?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, Assumption> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("text", &self.0.text)?;
        if let Some(edges) = self.0.edges {
            map.serialize_entry("edges", &edges)?;
        }
        map.end()
    }
}
