//! Which timeouts cannot hold, with the arithmetic.
//!
//! The rule is bottom up: who waits must wait for all attempts of the callee, the pauses between them, and its own work.
//! For a service u whose caller x waits T(x, u), and its calls to v:
//!
//! - *Inversion*: attempts x T(u, v) + pauses > T(x, u).
//! - *Deadline not passed on*: T(u, v) is more than what is left of T(x, u) when the call begins. Where deadlines were
//!   captured, each call shows it; elsewhere the distribution of the time already gone says how often.
//! - *Serial calls*: the p99s of the calls of u that its critical paths wait for, times their number, exceed T(x, u). Each call may
//!   keep to its p99 and x still gives up.
//! - *Exceeded*: the servers of u take longer than T(x, u), more often than one in a thousand.
//! - *No timeout*: a call took longer than ten times the p99 and than T(x, u), or longer than a minute, although nothing
//!   says that it would ever have been given up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::algo::stats::wilson;
use crate::finding::{Finding, Grade, Subject};
use crate::fold::ledger::Table;
use crate::fold::record::Record;
use crate::pass::limits::Limits;
use crate::pass::trace::retries::{Attempts, attempts_of};
use crate::pass::trace::timeouts::{CHECKED, Calls, OVERDRAWN, Source, TIMEOUTS, Timeout};
use crate::pass::trace::{exemplars, grouped};
use crate::pass::{Graph, Measured};
use crate::text;
use crate::trace::link::EntryKind;

/// A median from here on is that of streams or long polls, whose length says nothing.
pub(in crate::pass) const LONG_NS: u64 = 10_000_000_000;

/// A call that takes longer than this has no timeout worth the name.
const ENDLESS_NS: u64 = 60_000_000_000;

/// Durations that make a p99.
const MIN_P99: u64 = 300;

/// Calls above a timeout of which one in a thousand is as few as people wish for.
const EXCEEDED: f64 = 0.001;

/// Fewest answers that are no accident.
const MIN_EXCEEDED: u64 = 5;

/// Fewest calls that show a share.
const MIN_CALLS: u64 = 20;

/// What the checks look at.
struct Check<'a, 'g> {
    graph: &'a Graph<'g>,
    limits: &'a Limits,
    calls: &'a BTreeMap<(u32, u32), Calls>,
    attempts: BTreeMap<(u32, u32), Attempts>,
    /// By caller, service and callee: what the starts of the calls say.
    below: BTreeMap<(u32, u32, u32), Cow<'a, Record>>,
}

/// Adds what cannot hold.
pub(super) fn measure(
    graph: &Graph<'_>,
    limits: &Limits,
    calls: &BTreeMap<(u32, u32), Calls>,
    starts: &Table,
    measured: &mut Measured,
) {
    let nodes = |parts: [u32; 4]| {
        let of = |part| graph.node_of_topology(part);
        Some((of(parts[0])?, of(parts[1])?, of(parts[2])?))
    };
    let below = grouped(starts, |key| nodes(key.parts));
    let check = Check {
        graph,
        limits,
        calls,
        attempts: attempts_of(graph),
        below: below
            .into_iter()
            .filter_map(|(nodes, record)| Some((nodes?, record)))
            .collect(),
    };
    let mut inversions = Vec::new();
    let mut late = Vec::new();
    for (&path, record) in &check.below {
        match check.inversion(path) {
            Some(finding) => inversions.push(finding),
            None => late.extend(check.not_passed_on(path, record)),
        }
    }
    inversions.sort_by(|a, b| b.value.total_cmp(&a.value));
    let is_known = calls.values().any(|of| of.timeout.is_some());
    measured.metric(
        "timeout_inversions",
        is_known.then_some(inversions.len() as f64),
    );
    measured.findings.extend(inversions);
    measured.findings.extend(late);
    measured
        .findings
        .extend(calls.keys().filter_map(|&nodes| check.serial(nodes)));
    measured.findings.extend(
        calls
            .iter()
            .filter_map(|(&nodes, of)| check.exceeded(nodes, of)),
    );
    let waiting = check.waiting();
    measured.findings.extend(
        calls
            .iter()
            .filter_map(|(&nodes, of)| check.endless(nodes, of, &waiting)),
    );
}

impl Check<'_, '_> {
    fn name(&self, node: u32) -> &str {
        self.graph.name(node)
    }

    fn edge(&self, (from, to): (u32, u32)) -> Subject {
        Subject::Edge(self.name(from).to_owned(), self.name(to).to_owned())
    }

    /// Returns how long the caller of a pair waits, unless what it waits for are streams.
    fn timeout(&self, nodes: (u32, u32)) -> Option<Timeout> {
        let of = self.calls.get(&nodes)?;
        let is_stream = of.client_ns.quantile(0.5).is_some_and(|ns| ns > LONG_NS);
        of.timeout
            .filter(|timeout| timeout.source != Source::Inferred || !is_stream)
    }

    /// Returns the most attempts of a call, declared or seen, and the sum of the pauses between them.
    fn attempts(&self, nodes: (u32, u32)) -> (u64, u64) {
        let terms = self.limits.calls.get(&nodes).copied().unwrap_or_default();
        let seen = self.attempts.get(&nodes);
        let most = terms
            .attempts
            .or(seen.map(|seen| seen.most))
            .unwrap_or(1)
            .max(1);
        if let Some(backoff) = terms.backoff {
            let pauses = backoff.total(most).as_nanos();
            return (most, u64::try_from(pauses).unwrap_or(u64::MAX));
        }
        let pauses = seen.map_or(&[][..], |seen| &seen.pauses).iter();
        let between = pauses.filter(|pause| u64::from(pause.attempt) <= most);
        (
            most,
            crate::pass::trace::total(between.map(|pause| pause.mean_ns)),
        )
    }

    /// Returns the share of all requests that end by a timeout of a pair, if any do.
    fn cost(&self, nodes: (u32, u32)) -> Option<f64> {
        let timed_out = self.calls.get(&nodes)?.timed_out;
        let requests = self.graph.traffic().weight;
        (timed_out > 0.0 && requests > 0.0).then(|| (timed_out / requests).min(1.0))
    }

    fn inversion(&self, (caller, service, callee): (u32, u32, u32)) -> Option<Finding> {
        let outer = self.timeout((caller, service))?;
        let inner = self.timeout((service, callee))?;
        let (attempts, pauses) = self.attempts((service, callee));
        let needed = inner.ns.saturating_mul(attempts).saturating_add(pauses);
        if needed <= outer.ns || self.passes_on((service, callee)) {
            return None;
        }
        let pauses_shown = match pauses {
            0 => String::new(),
            ns => format!(" + {} backoff", text::duration(ns)),
        };
        let sum = match (attempts, pauses) {
            (1, 0) => text::duration(needed),
            _ => format!(
                "{attempts} x {}{pauses_shown} = {}",
                text::duration(inner.ns),
                text::duration(needed)
            ),
        };
        let text = format!(
            "{} may wait for {} longer than {} waits for it: {sum} > {} ({}, {})",
            self.name(service),
            self.name(callee),
            self.name(caller),
            text::duration(outer.ns),
            inner.source.name(),
            outer.source.name(),
        );
        Some(Finding {
            value: (needed - outer.ns) as f64,
            unit: "ns",
            grade: graded(&[inner, outer], Grade::Proved),
            count: 1,
            of: 1,
            exemplars: self.exemplars((service, callee), (caller, service)),
            text,
            cost: self.cost((caller, service)),
            ..Finding::of(
                TIMEOUTS.name,
                "timeout_inversions",
                self.path(caller, service, callee),
            )
        })
    }

    fn passes_on(&self, nodes: (u32, u32)) -> bool {
        self.calls.get(&nodes).is_some_and(|of| of.passes_on)
    }

    fn path(&self, caller: u32, service: u32, callee: u32) -> Subject {
        Subject::Path(self.graph.names(&[caller, service, callee]))
    }

    fn exemplars(&self, inner: (u32, u32), outer: (u32, u32)) -> Vec<String> {
        let of = |nodes| self.calls.get(&nodes).map_or(&[][..], |of| &of.exemplars);
        if of(inner).is_empty() {
            return match of(outer) {
                [] => self.graph.exemplars([inner]),
                some => some.to_vec(),
            };
        }
        of(inner).to_vec()
    }

    fn not_passed_on(&self, path: (u32, u32, u32), record: &Record) -> Option<Finding> {
        let (caller, service, callee) = path;
        let [checked, overdrawn] = [record.sums[CHECKED], record.sums[OVERDRAWN]];
        let starts = record.sketch.as_ref()?;
        let (late, of, grade, how) = if checked > 0 {
            (overdrawn, checked, Grade::Proved, String::new())
        } else {
            let outer = self.timeout((caller, service))?;
            let inner = self.timeout((service, callee))?;
            if starts.count() < MIN_CALLS || self.passes_on((service, callee)) {
                return None;
            }
            let left_enough = outer.ns.saturating_sub(inner.ns);
            let how = format!(
                ", {} of {} ({}, {})",
                text::duration(inner.ns),
                text::duration(outer.ns),
                inner.source.name(),
                outer.source.name()
            );
            let late = starts.count_above(left_enough);
            (
                late,
                starts.count(),
                graded(&[inner, outer], Grade::Measured),
                how,
            )
        };
        if late == 0 || (late as f64) < of as f64 * 0.01 {
            return None;
        }
        let share = wilson(late, of);
        let text = format!(
            "{} calls {} with more time than {} has left for it in {} of {}{how}: the deadline is not passed on",
            self.name(service),
            self.name(callee),
            self.name(caller),
            text::percent(late as f64 / of as f64),
            text::plural(of, "call"),
        );
        Some(Finding {
            value: late as f64 / of as f64,
            interval: Some((share.low, share.high)),
            grade,
            count: late,
            of,
            exemplars: match record.exemplars.list().next() {
                Some(_) => exemplars(record),
                None => self.exemplars((service, callee), (caller, service)),
            },
            text,
            ..Finding::of(
                TIMEOUTS.name,
                "deadline_not_passed_on",
                self.path(caller, service, callee),
            )
        })
    }

    /// Says where calls after each other may take longer than their caller's caller waits, each within its p99.
    fn serial(&self, nodes: (u32, u32)) -> Option<Finding> {
        let (caller, service) = nodes;
        let outer = self.timeout(nodes)?;
        let served = self.calls.get(&nodes)?.server_ns.count();
        if served < MIN_P99 {
            return None;
        }
        let (mut sum, mut parts) = (0.0, Vec::new());
        let range = self
            .below
            .range((caller, service, 0)..=(caller, service, u32::MAX));
        for (&(_, _, callee), record) in range {
            let of = self.calls.get(&(service, callee));
            let (Some(of), Some(starts)) = (of, &record.sketch) else {
                continue;
            };
            let count = starts.count();
            let all = of.client_ns.sum();
            if of.client_ns.count() < MIN_P99 || all == 0 {
                continue;
            }
            let p99 = of.client_ns.quantile(0.99)? as f64;
            let each = count as f64 / served as f64;
            // What others wait for at the same time is not waited for twice.
            let waited_for = (of.critical_ns as f64 / all as f64).min(1.0);
            let ns = each * waited_for * p99;
            if ns >= outer.ns as f64 * 0.01 {
                parts.push((ns, callee));
                sum += ns;
            }
        }
        if sum <= outer.ns as f64 || parts.len() < 2 {
            return None;
        }
        parts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let shown: Vec<String> = parts
            .iter()
            .map(|(ns, callee)| {
                format!("{} for {}", text::duration(*ns as u64), self.name(*callee))
            })
            .collect();
        let text = format!(
            "the calls of {} one after the other can take {} while each keeps to its p99 ({}), but {} waits {} ({})",
            self.name(service),
            text::duration(sum as u64),
            shown.join(", "),
            self.name(caller),
            text::duration(outer.ns),
            outer.source.name(),
        );
        Some(Finding {
            value: sum - outer.ns as f64,
            unit: "ns",
            grade: Grade::Inferred,
            count: parts.len() as u64,
            of: parts.len() as u64,
            exemplars: self.exemplars(nodes, nodes),
            text,
            ..Finding::of(TIMEOUTS.name, "serial_calls", self.edge(nodes))
        })
    }

    /// Says where the callee takes longer than the caller waits.
    fn exceeded(&self, nodes: (u32, u32), of: &Calls) -> Option<Finding> {
        let timeout = self.timeout(nodes)?;
        let servers = &of.server_ns;
        let over = servers.count_above(timeout.ns);
        let share = wilson(over, servers.count());
        if over < MIN_EXCEEDED || share.low <= EXCEEDED {
            return None;
        }
        let value = over as f64 / servers.count() as f64;
        let text = format!(
            "{} takes longer than the {} that {} waits ({}) in {} of its answers",
            self.name(nodes.1),
            text::duration(timeout.ns),
            self.name(nodes.0),
            timeout.source.name(),
            text::percent(value),
        );
        Some(Finding {
            value,
            interval: Some((share.low, share.high)),
            grade: graded(&[timeout], Grade::Measured),
            count: over,
            of: servers.count(),
            exemplars: self.exemplars(nodes, nodes),
            text,
            cost: self.cost(nodes),
            ..Finding::of(TIMEOUTS.name, "timeout_exceeded", self.edge(nodes))
        })
    }

    /// Returns, by service and callee, the least that a caller of the service waits for it while it makes that call, and who.
    fn waiting(&self) -> BTreeMap<(u32, u32), (u64, u32)> {
        let mut least: BTreeMap<(u32, u32), (u64, u32)> = BTreeMap::new();
        for &(caller, service, callee) in self.below.keys() {
            if let Some(timeout) = self.timeout((caller, service)) {
                let waits = (timeout.ns, caller);
                let known = least.entry((service, callee)).or_insert(waits);
                *known = waits.min(*known);
            }
        }
        least
    }

    /// Says where nothing seems to end calls that take far too long.
    fn endless(
        &self,
        nodes: (u32, u32),
        of: &Calls,
        waiting: &BTreeMap<(u32, u32), (u64, u32)>,
    ) -> Option<Finding> {
        let clients = &of.client_ns;
        let is_stream = clients.quantile(0.5)? > LONG_NS;
        if of.timeout.is_some() || of.passes_on || is_stream || clients.count() < MIN_P99 {
            return None;
        }
        let most = clients.max();
        let p99 = clients.quantile(0.99)?;
        let waiting = waiting.get(&nodes).copied();
        let outlived = waiting.filter(|(ns, _)| most > *ns && most / 10 > p99);
        let why = match outlived {
            Some((ns, caller)) => {
                format!(
                    "ten times its p99 and longer than the {} that {} waits",
                    text::duration(ns),
                    self.name(caller)
                )
            }
            None if most > ENDLESS_NS => {
                "and nothing says that it would ever be given up".to_owned()
            }
            None => return None,
        };
        if self.is_job(nodes.0) {
            return None;
        }
        Some(Finding {
            value: most as f64,
            unit: "ns",
            grade: Grade::Inferred,
            count: 1,
            of: clients.count(),
            exemplars: self.slowest(nodes),
            text: format!(
                "{} waited {} for {}, {why}: no sign of a timeout",
                self.name(nodes.0),
                text::duration(most),
                self.name(nodes.1),
            ),
            ..Finding::of(TIMEOUTS.name, "no_timeout", self.edge(nodes))
        })
    }

    /// Returns whether a node only does work that nobody waits for.
    fn is_job(&self, node: u32) -> bool {
        let vertex = self.graph.vertices[node as usize];
        let mut entries = self
            .graph
            .system
            .entries
            .iter()
            .filter(|entry| entry.service == vertex);
        let is_called = !self.graph.sync.predecessors(node).is_empty();
        !is_called && entries.all(|entry| entry.kind != EntryKind::Request)
    }

    fn slowest(&self, (from, to): (u32, u32)) -> Vec<String> {
        let arcs = self.graph.arcs_between(from, to).iter();
        let ids = arcs.flat_map(|arc| arc.edge.slowest.list());
        let mut ids: Vec<(u64, String)> = ids
            .map(|(ns, exemplar)| (*ns, exemplar.trace.to_string()))
            .collect();
        ids.sort_by(|a, b| b.cmp(a));
        ids.dedup_by(|a, b| a.1 == b.1);
        ids.into_iter().take(3).map(|(_, id)| id).collect()
    }
}

/// Returns the grade of what follows from timeouts: `best` unless one of them is inferred.
fn graded(timeouts: &[Timeout], best: Grade) -> Grade {
    match timeouts
        .iter()
        .any(|timeout| timeout.source == Source::Inferred)
    {
        true => Grade::Inferred,
        false => best,
    }
}
