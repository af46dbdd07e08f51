//! What falls when one part falls: an object each.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Counts, Record, Records, interval, number};
use crate::report::{
    BlastRadius, CascadeSize, Chain, EntryRadius, Hop, PlaceRadius, Shares, Survival, TenantRadius,
    Tie, Transmissibility, Way,
};

/// Adds what is known of whether a caller needs its callee.
pub(super) fn tie<M: SerializeMap>(map: &mut M, of: &Tie) -> Result<(), M::Error> {
    map.serialize_entry("dependency", of.dependency.name())?;
    if let Some(tau) = &of.transmissibility {
        map.serialize_entry("transmissibility", &Record(tau))?;
    }
    let counts = |calls, failed| [("calls", calls), ("caller_failed", failed)];
    map.serialize_entry(
        "when_callee_failed",
        &Counts(&counts(of.failed_calls, of.both_failed)),
    )?;
    map.serialize_entry(
        "when_callee_answered",
        &Counts(&counts(of.good_calls, of.failed_alone)),
    )
}

impl Serialize for Record<'_, Transmissibility> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "value", self.0.value)?;
        number(&mut map, "low", self.0.low)?;
        number(&mut map, "high", self.0.high)?;
        map.end()
    }
}

impl Serialize for Record<'_, BlastRadius> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let radius = self.0;
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "touch", radius.touch)?;
        number(&mut map, "hard_low", radius.hard_low)?;
        number(&mut map, "hard_high", radius.hard_high)?;
        number(&mut map, "elsewhere_low", radius.from_elsewhere.0)?;
        number(&mut map, "elsewhere_high", radius.from_elsewhere.1)?;
        interval(&mut map, radius.interval())?;
        map.serialize_entry("intervals", &Intervals(radius))?;
        number(&mut map, "observed", radius.observed)?;
        map.serialize_entry("entries", &Records(&radius.entries))?;
        if !radius.places.is_empty() {
            map.serialize_entry("places", &Records(&radius.places))?;
        }
        if let Some(tenants) = &radius.tenants {
            map.serialize_entry("tenants", &Record(tenants))?;
        }
        map.end()
    }
}

/// The intervals of the shares of a blast radius.
struct Intervals<'a>(&'a BlastRadius);

impl Serialize for Intervals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        for (share, of) in [
            ("touch", self.0.touch_interval),
            ("hard_low", self.0.low_interval),
            ("hard_high", self.0.high_interval),
        ] {
            map.serialize_entry(share, &Record(&of))?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, (f64, f64)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        interval(&mut map, *self.0)?;
        map.end()
    }
}

/// Adds which of some requests fall.
fn shares<M: SerializeMap>(map: &mut M, of: &Shares) -> Result<(), M::Error> {
    number(map, "requests", of.requests)?;
    number(map, "touch", of.touch)?;
    number(map, "hard_low", of.hard_low)?;
    number(map, "hard_high", of.hard_high)?;
    interval(map, of.interval)
}

impl Serialize for Record<'_, EntryRadius> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let radius = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &radius.service)?;
        map.serialize_entry("operation", &radius.operation)?;
        shares(&mut map, &radius.shares)?;
        map.end()
    }
}

impl Serialize for Record<'_, PlaceRadius> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let radius = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", radius.kind)?;
        map.serialize_entry("name", &radius.name)?;
        shares(&mut map, &radius.shares)?;
        map.end()
    }
}

impl Serialize for Record<'_, TenantRadius> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let radius = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tenants", &radius.tenants)?;
        number(&mut map, "touch", radius.touch)?;
        number(&mut map, "hard_low", radius.hard_low)?;
        number(&mut map, "hard_high", radius.hard_high)?;
        interval(&mut map, radius.interval)?;
        map.serialize_entry("by_size", &BySize(radius))?;
        map.end()
    }
}

/// Shares in which tenants count as often as they have requests.
struct BySize<'a>(&'a TenantRadius);

impl Serialize for BySize<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (touch, low, high) = self.0.by_size;
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "touch", touch)?;
        number(&mut map, "hard_low", low)?;
        number(&mut map, "hard_high", high)?;
        interval(&mut map, self.0.by_size_interval)?;
        map.end()
    }
}

impl Serialize for Record<'_, Chain> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let chain = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("hops", &Records(&chain.hops))?;
        if !chain.error.is_empty() {
            map.serialize_entry("error", &chain.error)?;
        }
        map.serialize_entry("start", chain.start.name())?;
        map.serialize_entry("end", chain.stop.name())?;
        map.serialize_entry("traces", &chain.traces)?;
        number(&mut map, "weight", chain.weight)?;
        map.serialize_entry("exemplars", &chain.exemplars)?;
        map.end()
    }
}

impl Serialize for Record<'_, Hop> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &self.0.service)?;
        if !self.0.operation.is_empty() {
            map.serialize_entry("operation", &self.0.operation)?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, Way> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (low, high) = self.0.chance;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("services", &self.0.services)?;
        number(&mut map, "chance_low", low)?;
        number(&mut map, "chance_high", high)?;
        map.end()
    }
}

impl Serialize for Record<'_, Survival> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("lost", &of.lost)?;
        map.serialize_entry("service", &of.service)?;
        number(&mut map, "targeted_low", of.targeted.0)?;
        number(&mut map, "targeted_high", of.targeted.1)?;
        number(&mut map, "random_low", of.random.0)?;
        number(&mut map, "random_high", of.random.1)?;
        map.end()
    }
}

impl Serialize for Record<'_, CascadeSize> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (low, high) = self.0.expected;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &self.0.service)?;
        number(&mut map, "expected_low", low)?;
        number(&mut map, "expected_high", high)?;
        map.end()
    }
}
