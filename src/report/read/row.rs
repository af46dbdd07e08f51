//! Services, edges and entry points.

use super::field::{Field, Read};
use crate::model::peer::Protocol;
use crate::report::{
    BlastRadius, Dependency, EdgeRow, EntryRadius, EntryRow, Kind, Late, PlaceRadius, Quantiles,
    Redundancy, Service, Shares, Slack, Standing, TenantRadius, Tie, Transmissibility,
};
use crate::text;
use crate::trace::link::{EntryKind, Grade};

const KINDS: [Kind; 6] = [
    Kind::Service,
    Kind::Database,
    Kind::Cache,
    Kind::Queue,
    Kind::External,
    Kind::Users,
];

const REDUNDANCIES: [Redundancy; 4] = [
    Redundancy::Unknown,
    Redundancy::OneInstance,
    Redundancy::Instances,
    Redundancy::Zones,
];

const DEPENDENCIES: [Dependency; 3] = [Dependency::Hard, Dependency::Soft, Dependency::Unknown];

/// How a timeout may be known.
const TIMEOUT_SOURCES: [&str; 3] = ["declared", "captured", "inferred"];

pub(super) fn service(row: &Field<'_>) -> Read<Service> {
    let tags = row.at("tags").parts()?.into_iter();
    Ok(Service {
        name: row.at("name").text()?.to_owned(),
        kind: row.at("kind").named(&KINDS, Kind::name)?,
        tags: tags
            .map(|(tag, value)| Ok((tag.to_owned(), value.text()?.to_owned())))
            .collect::<Read<_>>()?,
        source: None,
        instances: row.at("instances").count()?,
        versions: row.at("versions").texts()?,
        zones: row.at("zones").texts()?,
        regions: row.at("regions").texts()?,
        hosts: row.at("hosts").count()?,
        spans: row.at("spans").count()?,
        failed_spans: row.at("failed_spans").count()?,
        in_degree: row.at("in_degree").count()?,
        out_degree: row.at("out_degree").count()?,
        degree: row.at("degree").count()?,
        standing: standing(row)?,
    })
}

fn standing(row: &Field<'_>) -> Read<Standing> {
    let is = |name: &str| row.at(name).flag();
    Ok(Standing {
        clustering: row.at("clustering").some_number()?,
        betweenness: row.at("betweenness").some_number()?,
        betweenness_half_width: row.at("betweenness_half_width").some_number()?,
        traffic_betweenness: row.at("traffic_betweenness").some_number()?,
        pagerank: row.at("pagerank").some_number()?,
        core: row.at("core").some_count()?,
        level: row.at("level").some_number()?,
        hub: is("hub")?,
        orchestrator: is("orchestrator")?,
        infrastructure: is("infrastructure")?,
        entry: is("entry")?,
        redundancy: row
            .at("redundancy")
            .some_named(&REDUNDANCIES, Redundancy::name)?
            .unwrap_or_default(),
        zone_concentration: row.at("zone_concentration").some_number()?,
        articulation: is("articulation")?,
        cut_off: row.at("cut_off").count()?,
        immediate_dominator: row
            .at("immediate_dominator")
            .some_text()?
            .map(str::to_owned),
        dominated: row.at("dominated").count()?,
        ancestors: row.at("ancestors").some_number()?,
        blast_radius: match row.part("blast_radius")? {
            radius if radius.is_absent() => None,
            radius => Some(Box::new(blast_radius(&radius)?)),
        },
    })
}

fn blast_radius(row: &Field<'_>) -> Read<BlastRadius> {
    let entries = row.at("entries").list()?;
    let places = row.at("places").list()?;
    // Reports of old have one interval for all.
    let widest = (row.at("low").number()?, row.at("high").number()?);
    let intervals = row.part("intervals")?;
    let interval = |share: &'static str| -> Read<(f64, f64)> {
        match intervals.part(share)? {
            of if of.is_absent() => Ok(widest),
            of => Ok((of.at("low").number()?, of.at("high").number()?)),
        }
    };
    Ok(BlastRadius {
        touch: row.at("touch").number()?,
        hard_low: row.at("hard_low").number()?,
        hard_high: row.at("hard_high").number()?,
        from_elsewhere: (
            row.at("elsewhere_low").number()?,
            row.at("elsewhere_high").number()?,
        ),
        touch_interval: interval("touch")?,
        low_interval: interval("hard_low")?,
        high_interval: interval("hard_high")?,
        observed: row.at("observed").some_number()?,
        entries: entries
            .iter()
            .map(|of| {
                Ok(EntryRadius {
                    service: of.at("service").text()?.to_owned(),
                    operation: of.at("operation").text()?.to_owned(),
                    shares: shares(of)?,
                })
            })
            .collect::<Read<_>>()?,
        places: places
            .iter()
            .map(|of| {
                let kind = of.at("kind").text()?;
                Ok(PlaceRadius {
                    kind: PLACES
                        .into_iter()
                        .find(|known| *known == kind)
                        .unwrap_or("region"),
                    name: of.at("name").text()?.to_owned(),
                    shares: shares(of)?,
                })
            })
            .collect::<Read<_>>()?,
        tenants: match row.part("tenants")? {
            of if of.is_absent() => None,
            of => Some(tenants(&of)?),
        },
    })
}

fn shares(row: &Field<'_>) -> Read<Shares> {
    Ok(Shares {
        requests: row.at("requests").number()?,
        touch: row.at("touch").number()?,
        hard_low: row.at("hard_low").number()?,
        hard_high: row.at("hard_high").number()?,
        interval: ends(row)?,
    })
}

/// The kinds of places in which requests enter.
const PLACES: [&str; 2] = ["region", "cell"];

/// Returns an interval; reports of old have none for the parts of a whole.
fn ends(row: &Field<'_>) -> Read<(f64, f64)> {
    let end = |name: &str| row.at(name).some_number();
    Ok((end("low")?.unwrap_or(0.0), end("high")?.unwrap_or(1.0)))
}

fn tenants(row: &Field<'_>) -> Read<TenantRadius> {
    let sizes = row.part("by_size")?;
    Ok(TenantRadius {
        tenants: row.at("tenants").count()?,
        touch: row.at("touch").number()?,
        hard_low: row.at("hard_low").number()?,
        hard_high: row.at("hard_high").number()?,
        interval: ends(row)?,
        by_size: (
            sizes.at("touch").number()?,
            sizes.at("hard_low").number()?,
            sizes.at("hard_high").number()?,
        ),
        by_size_interval: ends(&sizes)?,
    })
}

/// Returns the name of a protocol; a newer program may know more of them.
fn protocol(row: &Field<'_>) -> Read<&'static str> {
    let name = row.at("protocol").some_text()?;
    let known = Protocol::ALL
        .into_iter()
        .find(|known| name == Some(known.name()));
    Ok(known.unwrap_or_default().name())
}

pub(super) fn edge(row: &Field<'_>) -> Read<EdgeRow> {
    let errors = row.part("errors")?;
    let retries = row.part("retries")?;
    let timeout = row.part("timeout_ns")?;
    Ok(EdgeRow {
        from: row.at("from").text()?.to_owned(),
        to: row.at("to").text()?.to_owned(),
        sync: row.at("mode").named(&["sync", "async"], |mode| mode)? == "sync",
        protocol: protocol(row)?,
        direct: row.at("direct").flag()?,
        calls: row.at("calls").number()?,
        attempts: row.at("attempts").number()?,
        served: row.at("served").number()?,
        errors_both: errors.at("both").number()?,
        errors_client_only: errors.at("client_only").number()?,
        errors_server_only: errors.at("server_only").number()?,
        client_4xx: errors.at("client_4xx").number()?,
        timeouts: row.at("timeouts").number()?,
        retries: [
            retries.at("marked").number()?,
            retries.at("hidden").number()?,
            retries.at("inferred").number()?,
        ],
        retry_amplification: row.at("retry_amplification").some_number()?,
        max_attempts: row.at("max_attempts").some_count()?,
        timeout_ns: timeout.at("value").some_count()?.zip(
            timeout
                .at("source")
                .some_named(&TIMEOUT_SOURCES, |name| name)?,
        ),
        client_ns: quantiles(&row.part("client_ns")?)?,
        server_ns: quantiles(&row.part("server_ns")?)?,
        network_ns: quantiles(&row.part("network_ns")?)?,
        queue_ns: quantiles(&row.part("queue_ns")?)?,
        fan_out: row.at("fan_out").number()?,
        fan_out_max: row.at("fan_out_max").count()?,
        critical_path_share: row.at("critical_path_share").some_number()?,
        slack: slack(row)?,
        in_flight: row.at("in_flight").some_number()?,
        evidence: evidence(&row.part("evidence")?)?,
        zones: pairs(&row.at("zones"))?,
        regions: pairs(&row.at("regions"))?,
        versions: pairs(&row.at("versions"))?,
        error_types: error_types(&row.at("error_types"))?,
        code: match row.at("code_file").some_text()? {
            Some(file) => Some((file.to_owned(), row.at("code_line").some_count()?)),
            None => None,
        },
        seen: time(&row.at("first_seen"))?.zip(time(&row.at("last_seen"))?),
        tie: tie(row)?,
        exemplars: row.at("exemplars").texts()?,
        failed_exemplars: row.at("failed_exemplars").texts()?,
        slowest_exemplars: row.at("slowest_exemplars").texts()?,
    })
}

/// Returns how much longer calls off the critical path could take.
fn slack(row: &Field<'_>) -> Read<Option<Slack>> {
    let part = row.part("slack")?;
    let Some(calls) = part.at("calls").some_count()? else {
        return Ok(None);
    };
    Ok(Some(Slack {
        calls,
        mean_ns: part.at("mean_ns").count()?,
        least_ns: part.at("least_ns").count()?,
        of_duration: part.at("of_duration").some_number()?,
    }))
}

/// Returns how many calls are proved in which way.
fn evidence(row: &Field<'_>) -> Read<Vec<(&'static str, u64)>> {
    let mut evidence = Vec::new();
    for grade in Grade::ALL {
        if let Some(calls) = row.at(grade.name()).some_count()? {
            evidence.push((grade.name(), calls));
        }
    }
    Ok(evidence)
}

fn time(field: &Field<'_>) -> Read<Option<u64>> {
    let Some(text) = field.some_text()? else {
        return Ok(None);
    };
    match text::time_of(text) {
        Some(time) => Ok(Some(time)),
        None => field.expected("a time such as 2026-01-31T12:00:00Z"),
    }
}

/// Returns counts by a property of caller and callee; an unknown property is absent.
fn pairs(field: &Field<'_>) -> Read<Vec<(String, String, u64)>> {
    let name =
        |of: Field<'_>| -> Read<String> { Ok(of.some_text()?.unwrap_or_default().to_owned()) };
    let pairs = field.list()?;
    pairs
        .iter()
        .map(|pair| {
            Ok((
                name(pair.object()?.at("from"))?,
                name(pair.at("to"))?,
                pair.at("attempts").count()?,
            ))
        })
        .collect()
}

/// Returns the kinds of errors in their order: the most frequent first, then by name.
fn error_types(field: &Field<'_>) -> Read<Vec<(String, u64)>> {
    let all = field.parts()?.into_iter();
    let mut all = all
        .map(|(kind, times)| Ok((kind.to_owned(), times.count()?)))
        .collect::<Read<Vec<(String, u64)>>>()?;
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(all)
}

fn tie(row: &Field<'_>) -> Read<Option<Tie>> {
    let dependency = row
        .at("dependency")
        .some_named(&DEPENDENCIES, Dependency::name)?;
    let Some(dependency) = dependency else {
        return Ok(None);
    };
    let tau = row.part("transmissibility")?;
    let (failed, answered) = (
        row.part("when_callee_failed")?,
        row.part("when_callee_answered")?,
    );
    let transmissibility = match tau.at("value").some_number()? {
        Some(value) => Some(Transmissibility {
            value,
            low: tau.at("low").number()?,
            high: tau.at("high").number()?,
        }),
        None => None,
    };
    Ok(Some(Tie {
        dependency,
        transmissibility,
        failed_calls: failed.at("calls").count()?,
        both_failed: failed.at("caller_failed").count()?,
        good_calls: answered.at("calls").count()?,
        failed_alone: answered.at("caller_failed").count()?,
    }))
}

pub(super) fn entry(row: &Field<'_>) -> Read<EntryRow> {
    let depth = row.part("sync_depth")?;
    let hops = match row.part("critical_hops")? {
        of if of.is_absent() => None,
        of => Some((
            of.at("p50").count()?,
            of.at("p95").count()?,
            of.at("max").count()?,
        )),
    };
    let all_late = row.part("late")?;
    let late = |quantile: &str| late(&all_late.part(quantile)?);
    Ok(EntryRow {
        service: row.at("service").text()?.to_owned(),
        operation: row.at("operation").text()?.to_owned(),
        kind: row
            .at("kind")
            .named(&EntryKind::ALL, EntryKind::name)?
            .name(),
        requests: row.at("requests").number()?,
        failed: row.at("failed").number()?,
        weight: row.at("weight").some_number()?,
        health_checks: row.at("health_checks").count()?,
        duration_ns: quantiles(&row.part("duration_ns")?)?,
        late: [late("p50")?, late("p90")?, late("p99")?],
        sync_depth: (
            depth.at("p50").count()?,
            depth.at("p95").count()?,
            depth.at("max").count()?,
        ),
        critical_hops: hops,
        exemplars: row.at("exemplars").texts()?,
        failed_exemplars: row.at("failed_exemplars").texts()?,
        slowest_exemplars: row.at("slowest_exemplars").texts()?,
    })
}

fn quantiles(row: &Field<'_>) -> Read<Quantiles> {
    Ok(Quantiles {
        count: row.at("count").count()?,
        sum: row.at("sum").sum()?,
        p50: row.at("p50").count()?,
        p90: row.at("p90").count()?,
        p99: row.at("p99").count()?,
        max: row.at("max").count()?,
    })
}

/// Returns how many requests took longer than asked for.
fn late(row: &Field<'_>) -> Read<Option<Late>> {
    let (limit, count) = (
        row.at("limit_ns").some_count()?,
        row.at("count").some_count()?,
    );
    Ok(limit
        .zip(count)
        .map(|(limit_ns, count)| Late { limit_ns, count }))
}
