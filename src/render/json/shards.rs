//! What tenants share: an object each.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Record, Records, number};
use crate::report::{Overlap, ShardLoss, Shards};

impl Serialize for Record<'_, Shards> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &of.service)?;
        map.serialize_entry("instances", &of.instances)?;
        map.serialize_entry("size", &of.size)?;
        map.serialize_entry("tenants", &of.tenants)?;
        number(&mut map, "poison_radius", of.poison_radius)?;
        number(&mut map, "full_overlap", of.full_overlap())?;
        map.serialize_entry("overlap", &Records(&of.overlap))?;
        map.serialize_entry("losses", &Records(&of.losses))?;
        map.end()
    }
}

impl Serialize for Record<'_, Overlap> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("shared", &of.shared)?;
        map.serialize_entry("pairs", &of.pairs)?;
        number(&mut map, "share", of.share)?;
        number(&mut map, "random", of.random)?;
        map.end()
    }
}

impl Serialize for Record<'_, ShardLoss> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("failed", &of.failed)?;
        number(&mut map, "all_down", of.all_down)?;
        number(&mut map, "any_down", of.any_down)?;
        map.end()
    }
}
