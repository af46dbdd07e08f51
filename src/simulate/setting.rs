//! Changes, as numbers per link: names find their links, and unknown names are refused.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::fold::system::USERS_NAME;
use crate::pass::Graph;
use crate::simulate::ask::{Change, Delay, Effect, Target};
use crate::simulate::exact::again;
use crate::simulate::links::{End, Link};
use crate::simulate::plan::{Entry, Plan};
use crate::text;

/// How the calls of a link go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    /// The least and the most likely that the caller fails with a failed call.
    pub(super) passes: [f64; 2],
    /// Most attempts of one call.
    pub(super) attempts: u64,
    /// Most retries as a share of the calls, in the mean.
    pub(super) budget: Option<f64>,
    /// The chance that a retry is within the budget.
    pub(super) granted: f64,
    /// How long the caller waits for one attempt.
    pub(super) timeout: Option<u64>,
    /// The share of attempts that fail by themselves, where it is not what was seen.
    pub(super) errors: Option<f64>,
    /// So many times as long as was seen.
    pub(super) times: f64,
    /// Longer by so many nanoseconds.
    pub(super) plus: u64,
    /// The share of attempts that find the callee full.
    pub(super) turned_away: f64,
    /// The share of attempts that wait for a place there, and for how many nanoseconds in the mean.
    pub(super) wait: (f64, f64),
}

impl Setting {
    fn of(link: &Link) -> Setting {
        Setting {
            passes: link.passes,
            attempts: link.attempts,
            budget: link.budget,
            granted: 1.0,
            timeout: link.timeout.map(|(ns, _)| ns),
            errors: None,
            times: 1.0,
            plus: 0,
            turned_away: 0.0,
            wait: (0.0, 0.0),
        }
    }

    /// Grants as many retries as the budget allows when so many were made for each call; returns whether that changes anything.
    pub(super) fn grant(&mut self, retries: f64) -> bool {
        /// Shares that differ by less are the same.
        const SAME: f64 = 1e-9;
        let Some(budget) = self.budget.filter(|_| self.attempts > 1) else {
            return false;
        };
        // If all calls fail alike, this is where retries are as many as the budget.
        let [then, now] = [retries, budget].map(|of| again(of, self.attempts));
        let granted = match (budget > 0.0, then > 0.0) {
            (false, _) => 0.0,
            (true, true) => (self.granted * now / then).min(1.0),
            (true, false) => 1.0,
        };
        let changes = (granted - self.granted).abs() > SAME;
        if changes {
            self.granted = granted;
        }
        changes
    }

    /// Returns whether calls take another time than they took.
    pub(super) fn is_delayed(&self) -> bool {
        self.times != 1.0 || self.plus > 0 || self.wait.0 > 0.0
    }
}

/// How everything goes: the calls of every link, and how many requests enter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct World {
    pub(super) settings: Vec<Setting>,
    /// By entry point, how many times as many requests enter.
    pub(super) load: Vec<f64>,
}

impl World {
    /// Returns the world that was seen.
    pub(super) fn seen(plan: &Plan) -> World {
        World {
            settings: plan.links.iter().map(Setting::of).collect(),
            load: vec![1.0; plan.entries.len()],
        }
    }

    /// Applies a change; returns a note if it changes nothing.
    ///
    /// # Errors
    /// Fails when nothing has the name that the change says.
    pub(super) fn apply(
        &mut self,
        graph: &Graph<'_>,
        plan: &Plan,
        change: &Change,
    ) -> Result<Option<String>> {
        let mut set = |links: Vec<usize>, f: &dyn Fn(&mut Setting)| {
            links.iter().for_each(|&link| f(&mut self.settings[link]));
            let waited_for = links.iter().any(|&link| plan.links[link].ends.2);
            match (links.is_empty(), waited_for) {
                (true, _) => Some("no request shape that was kept has such a call"),
                (false, false) => {
                    Some("nobody waits for these calls, so that no request fails with them")
                }
                (false, true) => None,
            }
        };
        let note = match &change.effect {
            Effect::Kill(service) => {
                let links = links_of(graph, plan, &Target::Service(service.clone()))?;
                set(links, &|of| of.errors = Some(1.0))
            }
            Effect::Cut(target) => set(links_of(graph, plan, target)?, &|of| of.errors = Some(1.0)),
            Effect::Errors(target, share) => {
                let share = *share;
                set(links_of(graph, plan, target)?, &|of| {
                    of.errors = Some(share)
                })
            }
            Effect::Slow(target, delay) => {
                set(links_of(graph, plan, target)?, &|of| match *delay {
                    Delay::By(ns) => of.plus = of.plus.saturating_add(ns),
                    Delay::Times(factor) => of.times *= factor,
                })
            }
            Effect::Retries(target, most, budget) => {
                set(made(plan, links_of(graph, plan, target)?), &|of| {
                    of.attempts = *most;
                    of.budget = budget.or(of.budget);
                })
            }
            Effect::Timeout(target, ns) => set(made(plan, links_of(graph, plan, target)?), &|of| {
                of.timeout = Some(*ns)
            }),
            Effect::Load(name, factor) => {
                for entry in entries_of(graph, plan, name)? {
                    self.load[entry] *= factor;
                }
                None
            }
        };
        Ok(note.map(|why| format!("{}: {why}", change.text)))
    }
}

/// Returns the links that are calls of a service; users neither repeat nor give up.
fn made(plan: &Plan, mut links: Vec<usize>) -> Vec<usize> {
    links.retain(|&link| plan.links[link].ends.0 != End::Users);
    links
}

fn links_of(graph: &Graph<'_>, plan: &Plan, target: &Target) -> Result<Vec<usize>> {
    let node = |name: &str| -> Result<End> {
        let numbered = (0u32..).take(graph.n_nodes());
        match numbered.into_iter().find(|&node| graph.name(node) == name) {
            Some(node) => Ok(End::Node(node)),
            None if name == USERS_NAME => Ok(End::Users),
            None => Err(no_service(graph, name)),
        }
    };
    let links = plan.links.iter().enumerate();
    match target {
        Target::Service(name) => {
            let to = node(name)?;
            Ok(links
                .filter(|(_, link)| link.ends.1 == to)
                .map(|(at, _)| at)
                .collect())
        }
        Target::Edge(from, to) => {
            let ends = (node(from)?, node(to)?);
            let found: Vec<usize> = links
                .filter(|(_, link)| (link.ends.0, link.ends.1) == ends)
                .map(|(at, _)| at)
                .collect();
            let is_edge = match ends {
                (End::Node(from), End::Node(to)) => graph.all.successors(from).contains(&to),
                _ => false,
            };
            match found.is_empty() && !is_edge {
                true => Err(no_edge(graph, from, to)),
                false => Ok(found),
            }
        }
    }
}

fn no_service(graph: &Graph<'_>, name: &str) -> Error {
    let names = || (0u32..).take(graph.n_nodes()).map(|node| graph.name(node));
    let error = Error::new(format!("expected the name of a service, found \"{name}\""));
    match text::nearest(name, names()) {
        Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
        None => error.with_help("topple report lists the services"),
    }
}

fn no_edge(graph: &Graph<'_>, from: &str, to: &str) -> Error {
    let error = Error::new(format!("expected an edge, found none from {from} to {to}"));
    let number = (0u32..)
        .take(graph.n_nodes())
        .find(|&node| graph.name(node) == from);
    let callees = number.map_or(&[][..], |from| graph.all.successors(from));
    match callees {
        [] => error.with_help(format!("{from} calls nobody")),
        callees => error.with_help(format!("{from} calls {}", graph.listed(callees))),
    }
}

/// Returns the entry points of a name: one that is declared, a service, an operation, or both.
fn entries_of(graph: &Graph<'_>, plan: &Plan, name: &str) -> Result<Vec<usize>> {
    let names = |entry: &Entry| -> Vec<String> {
        let service = &graph.system.vertices[entry.service].name;
        let declared = graph.declared.entrypoint(entry.service, &entry.operation);
        let mut names = vec![
            service.clone(),
            entry.operation.clone(),
            format!("{service} {}", entry.operation),
        ];
        names.extend(declared.map(|of| of.name.clone()));
        names
    };
    let found: Vec<usize> = plan
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| names(entry).iter().any(|known| known == name))
        .map(|(at, _)| at)
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let all: BTreeSet<String> = plan.entries.iter().flat_map(names).collect();
    let error = Error::new(format!(
        "expected the name of an entry point, found \"{name}\""
    ));
    Err(match text::nearest(name, all.iter().map(String::as_str)) {
        Some(near) => error.with_help(format!("did you mean \"{near}\"?")),
        None => error.with_help("topple report lists the entry points"),
    })
}
