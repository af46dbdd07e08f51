//! Services, edges, entry points and findings: an object each.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::budgets::Timeout;
use super::{Counts, Record, Records, falls, interval, number};
use crate::report::fixes::Fix;
use crate::report::{
    DegreeRow, Degrees, EdgeRow, EntryRow, Finding, Grade, Kind, Late, Quantiles, Rarefied,
    Service, Slack, Standing, Subject,
};
use crate::text;

/// Adds a distribution unless it is one of nothing.
fn quantiles<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: &Quantiles,
) -> Result<(), M::Error> {
    if value.count == 0 {
        return Ok(());
    }
    map.serialize_entry(name, &Record(value))
}

impl Serialize for Record<'_, Service> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &service.name)?;
        map.serialize_entry("kind", service.kind.name())?;
        if service.kind == Kind::Service {
            map.serialize_entry("instances", &service.instances)?;
            map.serialize_entry("versions", &service.versions)?;
            if !service.tags.is_empty() {
                map.serialize_entry("tags", &service.tags)?;
            }
            map.serialize_entry("zones", &service.zones)?;
            map.serialize_entry("regions", &service.regions)?;
            map.serialize_entry("hosts", &service.hosts)?;
            map.serialize_entry("spans", &service.spans)?;
            map.serialize_entry("failed_spans", &service.failed_spans)?;
        }
        map.serialize_entry("in_degree", &service.in_degree)?;
        map.serialize_entry("out_degree", &service.out_degree)?;
        map.serialize_entry("degree", &service.degree)?;
        standing(&mut map, &service.standing)?;
        map.end()
    }
}

/// Adds where a node stands in the graph, as far as that was measured.
fn standing<M: SerializeMap>(map: &mut M, of: &Standing) -> Result<(), M::Error> {
    number(map, "clustering", of.clustering)?;
    number(map, "betweenness", of.betweenness)?;
    number(map, "betweenness_half_width", of.betweenness_half_width)?;
    number(map, "traffic_betweenness", of.traffic_betweenness)?;
    number(map, "pagerank", of.pagerank)?;
    if let Some(core) = of.core {
        map.serialize_entry("core", &core)?;
    }
    number(map, "level", of.level)?;
    map.serialize_entry("hub", &of.hub)?;
    map.serialize_entry("orchestrator", &of.orchestrator)?;
    map.serialize_entry("infrastructure", &of.infrastructure)?;
    map.serialize_entry("entry", &of.entry)?;
    map.serialize_entry("redundancy", of.redundancy.name())?;
    number(map, "zone_concentration", of.zone_concentration)?;
    map.serialize_entry("articulation", &of.articulation)?;
    map.serialize_entry("cut_off", &of.cut_off)?;
    if let Some(dominator) = &of.immediate_dominator {
        map.serialize_entry("immediate_dominator", dominator)?;
    }
    map.serialize_entry("dominated", &of.dominated)?;
    number(map, "ancestors", of.ancestors)?;
    match of.blast_radius.as_deref() {
        Some(radius) => map.serialize_entry("blast_radius", &Record(radius)),
        None => Ok(()),
    }
}

impl Serialize for Record<'_, Degrees> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("total", &Records(&self.0.total))?;
        map.serialize_entry("in", &Records(&self.0.incoming))?;
        map.serialize_entry("out", &Records(&self.0.outgoing))?;
        map.end()
    }
}

impl Serialize for Record<'_, Rarefied> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("traces", &self.0.traces)?;
        number(&mut map, "edges", self.0.edges)?;
        number(&mut map, "services_low", self.0.services.0)?;
        number(&mut map, "services_high", self.0.services.1)?;
        map.end()
    }
}

impl Serialize for Record<'_, DegreeRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("degree", &self.0.degree)?;
        map.serialize_entry("count", &self.0.count)?;
        number(&mut map, "ccdf", self.0.ccdf)?;
        map.end()
    }
}

impl Serialize for Record<'_, Slack> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slack = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("calls", &slack.calls)?;
        map.serialize_entry("mean_ns", &slack.mean_ns)?;
        map.serialize_entry("least_ns", &slack.least_ns)?;
        number(&mut map, "of_duration", slack.of_duration)?;
        map.end()
    }
}

impl Serialize for Record<'_, EdgeRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edge = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &edge.from)?;
        map.serialize_entry("to", &edge.to)?;
        map.serialize_entry("mode", if edge.sync { "sync" } else { "async" })?;
        map.serialize_entry("protocol", edge.protocol)?;
        map.serialize_entry("direct", &edge.direct)?;
        number(&mut map, "calls", edge.calls)?;
        number(&mut map, "attempts", edge.attempts)?;
        number(&mut map, "served", edge.served)?;
        map.serialize_entry("errors", &Errors(edge))?;
        number(
            &mut map,
            "error_ratio",
            (edge.attempts > 0.0).then(|| edge.error_ratio()),
        )?;
        number(&mut map, "timeouts", edge.timeouts)?;
        map.serialize_entry("retries", &Retries(edge.retries))?;
        number(&mut map, "retry_amplification", edge.retry_amplification)?;
        if let Some(most) = edge.max_attempts {
            map.serialize_entry("max_attempts", &most)?;
        }
        if let Some((value, source)) = edge.timeout_ns {
            map.serialize_entry("timeout_ns", &Timeout { value, source })?;
        }
        quantiles(&mut map, "client_ns", &edge.client_ns)?;
        quantiles(&mut map, "server_ns", &edge.server_ns)?;
        quantiles(&mut map, "network_ns", &edge.network_ns)?;
        quantiles(&mut map, "queue_ns", &edge.queue_ns)?;
        number(&mut map, "fan_out", edge.fan_out)?;
        map.serialize_entry("fan_out_max", &edge.fan_out_max)?;
        number(&mut map, "critical_path_share", edge.critical_path_share)?;
        if let Some(slack) = &edge.slack {
            map.serialize_entry("slack", &Record(slack))?;
        }
        number(&mut map, "in_flight", edge.in_flight)?;
        if let Some(tie) = &edge.tie {
            falls::tie(&mut map, tie)?;
        }
        map.serialize_entry("evidence", &Counts(&edge.evidence))?;
        map.serialize_entry("zones", &Pairs(&edge.zones))?;
        map.serialize_entry("regions", &Pairs(&edge.regions))?;
        map.serialize_entry("versions", &Pairs(&edge.versions))?;
        map.serialize_entry("error_types", &Counts(&edge.error_types))?;
        if let Some((file, line)) = &edge.code {
            map.serialize_entry("code_file", file)?;
            if let Some(line) = line {
                map.serialize_entry("code_line", line)?;
            }
        }
        if let Some((first, last)) = edge.seen {
            map.serialize_entry("first_seen", &text::time(first))?;
            map.serialize_entry("last_seen", &text::time(last))?;
        }
        map.serialize_entry("exemplars", &edge.exemplars)?;
        map.serialize_entry("failed_exemplars", &edge.failed_exemplars)?;
        map.serialize_entry("slowest_exemplars", &edge.slowest_exemplars)?;
        map.end()
    }
}

/// Failed attempts of an edge by who noticed.
struct Errors<'a>(&'a EdgeRow);

impl Serialize for Errors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "both", self.0.errors_both)?;
        number(&mut map, "client_only", self.0.errors_client_only)?;
        number(&mut map, "server_only", self.0.errors_server_only)?;
        number(&mut map, "client_4xx", self.0.client_4xx)?;
        map.end()
    }
}

/// Retries of an edge by how they show.
struct Retries([f64; 3]);

impl Serialize for Retries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [marked, hidden, inferred] = self.0;
        let mut map = serializer.serialize_map(None)?;
        number(&mut map, "marked", marked)?;
        number(&mut map, "hidden", hidden)?;
        number(&mut map, "inferred", inferred)?;
        map.end()
    }
}

/// Attempts by a property of caller and callee as a list of objects; an unknown property is left out.
struct Pairs<'a>(&'a [(String, String, u64)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Record))
    }
}

impl Serialize for Record<'_, (String, String, u64)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to, attempts) = self.0;
        let mut map = serializer.serialize_map(None)?;
        if !from.is_empty() {
            map.serialize_entry("from", from)?;
        }
        if !to.is_empty() {
            map.serialize_entry("to", to)?;
        }
        map.serialize_entry("attempts", attempts)?;
        map.end()
    }
}

impl Serialize for Record<'_, Quantiles> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Quantiles {
            count,
            sum,
            p50,
            p90,
            p99,
            max,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("count", count)?;
        map.serialize_entry("sum", sum)?;
        map.serialize_entry("p50", p50)?;
        map.serialize_entry("p90", p90)?;
        map.serialize_entry("p99", p99)?;
        map.serialize_entry("max", max)?;
        map.end()
    }
}

impl Serialize for Record<'_, EntryRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("service", &entry.service)?;
        map.serialize_entry("operation", &entry.operation)?;
        map.serialize_entry("kind", entry.kind)?;
        number(&mut map, "requests", entry.requests)?;
        number(&mut map, "failed", entry.failed)?;
        number(&mut map, "weight", entry.weight)?;
        map.serialize_entry("health_checks", &entry.health_checks)?;
        quantiles(&mut map, "duration_ns", &entry.duration_ns)?;
        if entry.late.iter().any(Option::is_some) {
            map.serialize_entry("late", &AllLate(&entry.late))?;
        }
        let (p50, p95, max) = entry.sync_depth;
        map.serialize_entry(
            "sync_depth",
            &Counts(&[("p50", p50), ("p95", p95), ("max", max)]),
        )?;
        if let Some((p50, p95, max)) = entry.critical_hops {
            map.serialize_entry(
                "critical_hops",
                &Counts(&[("p50", p50), ("p95", p95), ("max", max)]),
            )?;
        }
        map.serialize_entry("exemplars", &entry.exemplars)?;
        map.serialize_entry("failed_exemplars", &entry.failed_exemplars)?;
        map.serialize_entry("slowest_exemplars", &entry.slowest_exemplars)?;
        map.end()
    }
}

/// Requests that took longer than asked for, by quantile.
struct AllLate<'a>(&'a [Option<Late>; 3]);

impl Serialize for AllLate<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (quantile, late) in ["p50", "p90", "p99"].into_iter().zip(self.0) {
            if let Some(Late { limit_ns, count }) = *late {
                let counts = [("limit_ns", limit_ns), ("count", count)];
                map.serialize_entry(quantile, &Counts(&counts))?;
            }
        }
        map.end()
    }
}

impl Serialize for Record<'_, Finding> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &finding.id)?;
        map.serialize_entry("pass", finding.pass)?;
        map.serialize_entry("metric", finding.metric)?;
        map.serialize_entry("subject", &Record(&finding.subject))?;
        if finding.grade != Grade::Unknown {
            number(&mut map, "value", finding.value)?;
        }
        if !finding.unit.is_empty() {
            map.serialize_entry("unit", finding.unit)?;
        }
        interval(&mut map, finding.interval)?;
        map.serialize_entry("grade", finding.grade.name())?;
        map.serialize_entry("count", &finding.count)?;
        map.serialize_entry("of", &finding.of)?;
        map.serialize_entry("exemplars", &finding.exemplars)?;
        number(&mut map, "cost", finding.cost)?;
        map.serialize_entry("text", &finding.text)?;
        map.end()
    }
}

impl Serialize for Record<'_, Fix> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fix = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &fix.id)?;
        number(&mut map, "cost", fix.cost)?;
        map.serialize_entry("grade", fix.grade.name())?;
        map.serialize_entry("text", &fix.text)?;
        map.serialize_entry("command", &fix.command)?;
        map.end()
    }
}

impl Serialize for Record<'_, Subject> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Subject::System => map.serialize_entry("system", &true)?,
            Subject::Service(name) => map.serialize_entry("service", name)?,
            Subject::Edge(from, to) => map.serialize_entry("edge", &[from, to])?,
            Subject::Path(path) => map.serialize_entry("path", path)?,
            Subject::Call(from, to, operation) => {
                map.serialize_entry("edge", &[from, to])?;
                map.serialize_entry("operation", operation)?;
            }
            Subject::Entry(service, operation) => {
                let entry = [("service", service), ("operation", operation)];
                map.serialize_entry("entry", &BTreeMap::from(entry))?;
            }
            Subject::Instance(service, instance) => {
                map.serialize_entry("service", service)?;
                map.serialize_entry("instance", instance)?;
            }
            Subject::Shared(kind, name) => map.serialize_entry(kind, name)?,
        }
        map.end()
    }
}
