//! When the versions of a service worked, instance by instance: side by side, and the one that was forgotten.

use std::collections::BTreeMap;

use crate::finding::{Finding, Grade, Subject};
use crate::model::names::ABSENT;
use crate::pass::Graph;
use crate::pass::trace::total;
use crate::pass::trace::versions::{ENOUGH, VERSIONS};
use crate::text;

/// What one instance did with one version.
#[derive(Clone, Debug)]
pub(super) struct Life<'a> {
    instance: &'a str,
    version: &'a str,
    spans: u64,
    first: u64,
    last: u64,
}

/// A service and one of its environments, which may have no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) service: &'a str,
    pub(super) environment: &'a str,
}

impl Place<'_> {
    /// Returns the words that say which environment.
    pub(super) fn where_it_is(self) -> String {
        match self.environment {
            "" => String::new(),
            name => format!(" in {name}"),
        }
    }

    /// Returns a finding about it, which is another in each environment.
    pub(super) fn finding(self, metric: &'static str, subject: Subject) -> Finding {
        let mut finding = Finding::of(VERSIONS.name, metric, subject);
        finding.id += &self.where_it_is();
        finding
    }
}

/// Returns what every instance did with each version, by service and environment.
pub(super) fn of<'a>(graph: &Graph<'a>) -> BTreeMap<Place<'a>, Vec<Life<'a>>> {
    let mut services: BTreeMap<Place<'_>, BTreeMap<(&str, &str), Life<'a>>> = BTreeMap::new();
    for vertex in &graph.system.vertices {
        for (key, seen) in &vertex.instances {
            if key.version == ABSENT || seen.last == 0 {
                continue;
            }
            let (instance, version) = (graph.text(key.instance), graph.text(key.version));
            let place = Place {
                service: &vertex.name,
                environment: graph.text(key.environment),
            };
            let lives = services.entry(place).or_default();
            let life = lives.entry((instance, version)).or_insert(Life {
                instance,
                version,
                spans: 0,
                first: u64::MAX,
                last: 0,
            });
            life.spans = life.spans.saturating_add(seen.spans);
            life.first = life.first.min(seen.first);
            life.last = life.last.max(seen.last);
        }
    }
    let listed = |lives: BTreeMap<_, Life<'a>>| lives.into_values().collect();
    services
        .into_iter()
        .map(|(place, lives)| (place, listed(lives)))
        .collect()
}

/// Returns when each version was seen first and last, without those that hardly work.
fn windows<'a>(lives: &[Life<'a>]) -> BTreeMap<&'a str, (u64, u64)> {
    let mut versions: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for life in lives {
        let (spans, first, last) = versions.entry(life.version).or_insert((0, u64::MAX, 0));
        *spans = spans.saturating_add(life.spans);
        *first = life.first.min(*first);
        *last = life.last.max(*last);
    }
    let all = total(versions.values().map(|version| version.0));
    versions.retain(|_, (spans, ..)| *spans > all / 100);
    versions
        .into_iter()
        .map(|(version, (_, first, last))| (version, (first, last)))
        .collect()
}

/// Returns how long versions of a service worked side by side, if they did.
pub(super) fn mixed_window(place: Place<'_>, lives: &[Life<'_>]) -> Option<Finding> {
    let windows = windows(lives);
    let mut changes: Vec<(u64, i32)> = windows
        .values()
        .flat_map(|&(first, last)| [(first, 1), (last, -1)])
        .collect();
    changes.sort_unstable();
    let (mut running, mut since, mut mixed) = (0, 0, 0);
    for (at, change) in changes {
        if running > 1 {
            mixed += at - since;
        }
        running += change;
        since = at;
    }
    if mixed == 0 {
        return None;
    }
    let names: Vec<&str> = windows.into_keys().collect();
    Some(Finding {
        value: mixed as f64 / 1e9,
        unit: "s",
        grade: Grade::Proved,
        text: format!(
            "{}{}: {} of it ({}) worked side by side for {}",
            place.service,
            place.where_it_is(),
            text::plural(names.len() as u64, "version"),
            names.join(", "),
            text::duration(mixed)
        ),
        ..place.finding(
            "mixed_version_seconds",
            Subject::Service(place.service.to_owned()),
        )
    })
}

/// Returns the instance that was forgotten, if exactly one was.
pub(super) fn straggler(place: Place<'_>, lives: &[Life<'_>]) -> Option<Finding> {
    /// What is shorter is a rollout under way.
    const LEAST_NS: u64 = 10_000_000_000;
    let windows = windows(lives);
    let (newest, (began, _)) = windows.into_iter().max_by_key(|(_, (first, _))| *first)?;
    let start = lives.iter().map(|life| life.first).min()?;
    let end = lives.iter().map(|life| life.last).max()?;
    let (moved, old): (Vec<&Life<'_>>, Vec<&Life<'_>>) =
        lives.iter().partition(|life| life.version == newest);
    let is_moved = |life: &Life<'_>| moved.iter().any(|new| new.instance == life.instance);
    let kept = old
        .iter()
        .filter(|life| !is_moved(life) && !life.instance.is_empty());
    let last = kept.max_by_key(|life| (life.last, life.instance))?;
    // When the last of the others was seen with an old version.
    let others = old.iter().filter(|life| life.instance != last.instance);
    let others = others.map(|life| life.last).max().unwrap_or(start);
    let alone = last.last.saturating_sub(others.max(began));
    let is_left = alone >= LEAST_NS.max(end.saturating_sub(began) / 4);
    let is_there = end.saturating_sub(last.last) <= end.saturating_sub(start) / 10;
    if moved.len() < 2 || !is_left || !is_there || last.spans < ENOUGH || began == start {
        return None;
    }
    let subject = Subject::Instance(place.service.to_owned(), last.instance.to_owned());
    Some(Finding {
        value: alone as f64 / 1e9,
        unit: "s",
        grade: Grade::Proved,
        count: 1,
        of: moved.len() as u64 + 1,
        text: format!(
            "{subject}{} still ran {} when {} ran {newest}, for {}",
            place.where_it_is(),
            last.version,
            text::plural(moved.len() as u64, "other instance"),
            text::duration(alone)
        ),
        ..place.finding("version_straggler", subject)
    })
}
