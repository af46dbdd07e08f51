//! What all observers of a topology add to.
//!
//! There is one of everything, however many threads there are: what is kept of millions of traces is large. Each part has a
//! lock, and a thread with traces to add goes to the parts that nobody else is at first, so that threads seldom wait for
//! each other. Sums do not show in which order they were added.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, TryLockError};

use rayon::prelude::*;

use crate::fold::attempt::{Attempt, Request};
use crate::fold::calls::{Calls, Edges};
use crate::fold::catalogue::Catalogue;
use crate::fold::entries::Entries;
use crate::fold::ledger::Table;
use crate::fold::message::Messages;
use crate::fold::operations::OPERATIONS;
use crate::fold::topology::{Account, DECLARED, Instance, InstanceKey, TAGS, Topology};
use crate::fold::waiting::Waiting;
use crate::fold::watch::{Known, Look, Seen, Watcher};
use crate::lock::{alone, lock};
use crate::model::dictionary::Dictionary;
use crate::model::names::ABSENT;
use crate::model::span::{Flags, Kind};
use crate::policy::Policy;
use crate::policy::facts::FACTS;
use crate::trace::Attachment;

/// What is declared where nobody looks at traces who would ask.
static UNDECLARED: LazyLock<Policy> = LazyLock::new(Policy::default);

/// The sums of a topology under construction.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    dictionary: &'a Dictionary,
    catalogue: Arc<Catalogue>,
    policy: Option<&'a Policy>,
    spans: Mutex<Spans>,
    calls: Mutex<Calls>,
    edges: Mutex<Edges>,
    messages: Mutex<Messages>,
    /// Nothing when nobody looks at them.
    entries: Option<Mutex<Entries>>,
    /// Watchers with their tables.
    watchers: Vec<(&'static Watcher, Mutex<Vec<Table>>)>,
}

/// Sums over spans.
#[derive(Debug)]
struct Spans {
    account: Account,
    /// By resource of the dictionary.
    instances: Vec<Instance>,
}

/// Parts beside those of the watchers.
const PARTS: usize = 4;

/// Whether to wait for a part that another thread is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Yes,
}

/// Returns a part to add to; nothing when another thread is at it and there is other work.
fn locked<T>(part: &Mutex<T>, wait: Wait) -> Option<MutexGuard<'_, T>> {
    match wait {
        Wait::Yes => Some(lock(part)),
        Wait::No => match part.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        },
    }
}

/// Goes to each part once, first to those that no other thread is at; `add` says whether it was at the part.
fn each(parts: impl Iterator<Item = usize>, mut add: impl FnMut(usize, Wait) -> bool) {
    let mut left: Vec<usize> = parts.collect();
    while let Some(&first) = left.first() {
        let before = left.len();
        left.retain(|&part| !add(part, Wait::No));
        if left.len() == before {
            add(first, Wait::Yes);
            left.remove(0);
        }
    }
}

impl<'a> Shared<'a> {
    /// Returns sums of nothing.
    pub(super) fn new(dictionary: &'a Dictionary, catalogue: Arc<Catalogue>) -> Shared<'a> {
        let spans = Spans {
            account: Account::default(),
            instances: vec![Instance::default(); dictionary.resources.len()],
        };
        Shared {
            dictionary,
            catalogue,
            policy: None,
            spans: Mutex::new(spans),
            calls: Mutex::default(),
            edges: Mutex::default(),
            messages: Mutex::default(),
            entries: Some(Mutex::default()),
            watchers: Vec::new(),
        }
    }

    /// Leaves out entry points and the shapes of their requests.
    pub(super) fn leave_out_requests(&mut self) {
        self.entries = None;
    }

    /// Lets passes look at each trace.
    pub(super) fn watch(
        &mut self,
        watchers: impl IntoIterator<Item = &'static Watcher>,
        policy: &'a Policy,
    ) {
        self.policy = Some(policy);
        let empty = |watcher: &'static Watcher| {
            let tables = watcher.tables.iter();
            let tables = tables.map(|of| Table::new(of.layout)).collect();
            (watcher, Mutex::new(tables))
        };
        self.watchers.extend(watchers.into_iter().map(empty));
    }

    /// Returns what rows point to.
    pub(super) fn dictionary(&self) -> &'a Dictionary {
        self.dictionary
    }

    /// Returns whether some pass looks at something.
    pub(super) fn looks(&self, at: fn(&Watcher) -> bool) -> bool {
        self.watchers.iter().any(|(watcher, _)| at(watcher))
    }

    /// Returns the traces that wait, as everything sees them that adds them up.
    pub(super) fn seen<'s>(&'s self, waiting: &'s Waiting) -> Vec<Seen<'s>> {
        waiting.traces(self.known(), self.policy.unwrap_or(&UNDECLARED))
    }

    /// Adds traces to everything but the tables of passes; of those outside the window, only how many there were and how many
    /// spans they had.
    pub(super) fn add(&self, traces: &[Seen<'_>], outside: (u64, u64)) {
        each(0..PARTS, |part, wait| {
            match part {
                0 => locked(&self.spans, wait).map(|mut spans| spans.add(traces, outside)),
                1 => locked(&self.calls, wait).map(|mut calls| {
                    for seen in traces {
                        calls.add(seen);
                    }
                    if calls.is_full() {
                        let mut edges = lock(&self.edges);
                        edges.take(&mut calls);
                        // Others may collect calls in the meantime.
                        drop(calls);
                        edges.add(self.dictionary, &self.catalogue);
                    }
                }),
                2 => locked(&self.messages, wait).map(|mut messages| {
                    for seen in traces {
                        messages.remember(seen);
                    }
                }),
                _ => self.entries.as_ref().map_or(Some(()), |entries| {
                    let mut entries = locked(entries, wait)?;
                    for seen in traces {
                        entries.add(seen);
                    }
                    Some(())
                }),
            }
            .is_some()
        });
    }

    /// Shows traces to the passes that look at traces.
    pub(super) fn show_traces(&self, traces: &[Seen<'_>]) {
        let looks = |watcher: &Watcher| watcher.traces.is_some();
        self.show(looks, |watcher, tables| match watcher.traces {
            Some(Look::Each(add)) => traces.iter().for_each(|seen| add(seen, tables)),
            Some(Look::Together(add)) => add(traces, tables),
            None => {}
        });
    }

    /// Shows attempts to the passes that look at attempts.
    pub(super) fn show_attempts(&self, attempts: &[Attempt]) {
        let looks = |watcher: &Watcher| watcher.attempts.is_some();
        self.show(looks, |watcher, tables| {
            if let Some(add) = watcher.attempts {
                add(attempts, &self.known(), tables);
            }
        });
    }

    /// Shows requests to the passes that look at requests.
    pub(super) fn show_requests(&self, requests: &[Request]) {
        let looks = |watcher: &Watcher| watcher.requests.is_some();
        self.show(looks, |watcher, tables| {
            if let Some(add) = watcher.requests {
                add(requests, &self.known(), tables);
            }
        });
    }

    fn known(&self) -> Known<'_> {
        Known {
            dictionary: self.dictionary,
            catalogue: &self.catalogue,
        }
    }

    fn show(&self, looks: fn(&Watcher) -> bool, mut add: impl FnMut(&Watcher, &mut [Table])) {
        let parts = (0..self.watchers.len()).filter(|part| looks(self.watchers[*part].0));
        each(parts, |part, wait| {
            let (watcher, tables) = &self.watchers[part];
            locked(tables, wait)
                .map(|mut tables| add(watcher, &mut tables))
                .is_some()
        });
    }

    /// Returns the topology of everything that was added.
    pub(super) fn into_topology(self) -> Topology {
        let mut topology = Topology::empty(Arc::clone(&self.catalogue));
        let Spans { account, instances } = alone(self.spans);
        topology.account = account;
        let mut tags = Table::new(TAGS.layout);
        let dictionary = self.dictionary;
        let resources = dictionary.resources.iter().zip(&dictionary.service_of);
        for ((resource, &service), instance) in resources.zip(&instances) {
            if instance.spans == 0 || resource.service == ABSENT {
                continue;
            }
            let key = InstanceKey {
                node: self.catalogue.service(service),
                instance: resource.instance,
                version: resource.version,
                host: resource.host,
                zone: resource.zone,
                region: resource.region,
                environment: resource.environment,
            };
            if resource.tags != ABSENT {
                let parts = [key.node, resource.tags, 0, 0];
                tags.at(&self.catalogue, parts, 0).add(0, instance.spans);
            }
            topology.instances.entry(key).or_default().merge(instance);
        }
        tags.settle(&self.catalogue);
        topology.ledger.insert(TAGS.name, tags);
        let traces = topology.account.traces;
        let (edges, calls) = (alone(self.edges), alone(self.calls));
        let ((edges, operations, aliases), tables) = rayon::join(
            || edges.finish(calls, dictionary, &self.catalogue),
            || settled(self.watchers, &self.catalogue, traces),
        );
        (topology.edges, topology.aliases) = (edges, aliases);
        topology.ledger.insert(OPERATIONS.name, operations);
        topology.messages = alone(self.messages);
        if let Some(entries) = self.entries {
            (topology.entries, topology.shapes) =
                alone(entries).finish(&self.catalogue, traces, &mut topology.ledger);
        }
        for (name, table) in tables {
            topology.ledger.insert(name, table);
        }
        if let Some(policy) = self.policy {
            declare(policy, &mut topology);
        }
        topology
    }
}

/// Returns the tables of passes that looked at so many traces, within their bounds.
fn settled(
    watchers: Vec<(&'static Watcher, Mutex<Vec<Table>>)>,
    catalogue: &Catalogue,
    traces: u64,
) -> Vec<(&'static str, Table)> {
    let tables = watchers.into_par_iter().flat_map_iter(|(watcher, tables)| {
        let tables = watcher.tables.iter().zip(alone(tables));
        tables.map(|(of, mut table)| {
            table.see(traces);
            table.settle(catalogue);
            (of.name, table)
        })
    });
    tables.collect()
}

/// Keeps what the policy says of what was kept.
fn declare(policy: &Policy, topology: &mut Topology) {
    let traces = topology.account.traces;
    if traces == 0 {
        return;
    }
    let mut table = Table::new(DECLARED.layout);
    for (number, fact) in (0..).zip(&FACTS) {
        if fact.folds {
            let key = [number, 0, 0, 0];
            let record = table.at(&topology.catalogue, key, fact.hash(policy));
            record.add(0, traces);
        }
    }
    table.settle(&topology.catalogue);
    topology.ledger.insert(DECLARED.name, table);
}

impl Spans {
    fn add(&mut self, traces: &[Seen<'_>], (traces_outside, spans_outside): (u64, u64)) {
        self.account.traces_outside += traces_outside;
        self.account.spans_outside += spans_outside;
        for seen in traces {
            self.count(seen);
        }
    }

    fn count(&mut self, seen: &Seen<'_>) {
        let trace = &seen.trace;
        let account = &mut self.account;
        if let Some((start, end)) = trace.window() {
            account.first = account.first.min(start);
            account.last = account.last.max(end);
        }
        account.traces += 1;
        account.duplicates += u64::from(trace.duplicates);
        if trace.is_part {
            account.spans_in_parts += trace.spans.len() as u64 + u64::from(trace.duplicates);
        }
        for (i, row) in trace.spans.iter().enumerate() {
            account.classes[seen.linked.classes[i] as usize] += 1;
            account.missing_parents += u64::from(trace.attachments[i] == Attachment::MissingParent);
            account.weighted_spans += u64::from(row.flags.has(Flags::WEIGHTED));
            if trace.attachments[i] == Attachment::Root {
                let critical_ns = seen.path.total[i];
                account.critical_ns = account.critical_ns.saturating_add(critical_ns);
            }
            let instance = &mut self.instances[row.resource as usize];
            instance.spans += 1;
            instance.failed += u64::from(row.flags.outcome().failed());
            instance.health_checks +=
                u64::from(row.flags.has(Flags::HEALTH) && row.flags.kind() == Kind::Server);
            if !row.flags.has(Flags::NO_START) {
                instance.first = instance.first.min(row.start);
                instance.last = instance.last.max(row.start);
            }
        }
    }
}
