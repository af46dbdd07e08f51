//! The verdict of the gate: rules, and what they object to.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Record, Records, interval, number};
use crate::render::gate;
use crate::report::verdict::{Age, Excused, Judged, Location, Verdict, Violation};

impl Serialize for Record<'_, Verdict> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let verdict = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("gate", gate::answer(verdict))?;
        map.serialize_entry("fail_on", verdict.fail_on.name())?;
        if verdict.unread {
            map.serialize_entry("unread", &true)?;
        }
        map.serialize_entry("policy", &verdict.policy)?;
        if let Some(baseline) = &verdict.baseline {
            map.serialize_entry("baseline", baseline)?;
        }
        map.serialize_entry("rules", &Records(&verdict.rules))?;
        let violations = verdict.violations.iter();
        let violations: Vec<_> = violations
            .map(|found| (found, verdict.closes(found)))
            .collect();
        map.serialize_entry("violations", &Records(&violations))?;
        map.serialize_entry("new_edges", &verdict.new_edges)?;
        map.serialize_entry("not_seen", &verdict.not_seen)?;
        map.serialize_entry("notes", &verdict.notes)?;
        map.end()
    }
}

impl Serialize for Record<'_, Judged> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &rule.id)?;
        map.serialize_entry("verb", rule.verb)?;
        map.serialize_entry("outcome", rule.outcome.name())?;
        if let Some(why) = &rule.why {
            map.serialize_entry("why", why)?;
        }
        if let Some(missing) = &rule.missing {
            map.serialize_entry("missing", missing)?;
        }
        map.serialize_entry("checked", &rule.checked)?;
        map.serialize_entry("line", &rule.line)?;
        map.end()
    }
}

/// A violation, and whether it closes the gate.
impl Serialize for Record<'_, (&Violation, bool)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (violation, closes) = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &violation.id)?;
        map.serialize_entry("rule", &violation.rule)?;
        map.serialize_entry("verb", violation.verb)?;
        map.serialize_entry("level", violation.level.name())?;
        map.serialize_entry("closes", closes)?;
        match violation.age {
            Age::Untold => {}
            Age::New => map.serialize_entry("age", "new")?,
            Age::Known => map.serialize_entry("age", "known")?,
        }
        if let Some(excused) = &violation.excused {
            map.serialize_entry("excused", &Record(excused))?;
        }
        map.serialize_entry("subject", &Record(&violation.subject))?;
        if let Some(entrypoint) = &violation.entrypoint {
            map.serialize_entry("entrypoint", entrypoint)?;
        }
        map.serialize_entry("text", &violation.text)?;
        if let Some(why) = &violation.why {
            map.serialize_entry("why", why)?;
        }
        if !violation.help.is_empty() {
            map.serialize_entry("help", &violation.help)?;
        }
        number(&mut map, "value", violation.value)?;
        number(&mut map, "limit", violation.limit)?;
        if !violation.unit.is_empty() {
            map.serialize_entry("unit", violation.unit)?;
        }
        interval(&mut map, violation.interval)?;
        map.serialize_entry("grade", violation.grade.name())?;
        map.serialize_entry("count", &violation.count)?;
        map.serialize_entry("of", &violation.of)?;
        map.serialize_entry("exemplars", &violation.exemplars)?;
        if !violation.path.is_empty() {
            map.serialize_entry("path", &violation.path)?;
        }
        if !violation.location.file.is_empty() {
            map.serialize_entry("location", &Record(&violation.location))?;
        }
        map.end()
    }
}

impl Serialize for Record<'_, Excused> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Excused::Waiver {
                reason,
                owner,
                expires,
            } => {
                map.serialize_entry("by", "waiver")?;
                map.serialize_entry("reason", reason)?;
                if let Some(owner) = owner {
                    map.serialize_entry("owner", owner)?;
                }
                map.serialize_entry("expires", expires)?;
            }
            Excused::Accepted => map.serialize_entry("by", "lock")?,
            Excused::Known => map.serialize_entry("by", "baseline")?,
        }
        map.end()
    }
}

impl Serialize for Record<'_, Location> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.0.file)?;
        map.serialize_entry("line", &self.0.line)?;
        map.end()
    }
}
