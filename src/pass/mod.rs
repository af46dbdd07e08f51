//! Measures the service graph: numbers, findings, and where each node stands. A pass has no opinion.
//!
//! Every pass sees the same [`Graph`] and adds to what was [`Measured`]. What cannot be computed is absent from the
//! metrics, and a finding of grade unknown says why. To add a pass over the graph, write `src/pass/graph/<name>.rs` and name it
//! in [`PASSES`].

pub mod shapes;

pub mod declared;

pub mod dependence;

pub mod importance;

mod chance;

mod rarefaction;

pub mod view;

pub mod replicas;

mod outages;

mod cost;

pub mod limits;

pub mod graph;

pub mod trace;

pub mod budgets;

pub mod asked;

pub mod code;

pub mod spent;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::finding::{
    CascadeSize, Chain, Finding, Grade, Metric, Rarefied, Shards, Standing, Survival, Way, Word,
};
use crate::fold::Watcher;
use crate::policy::Sampling;

pub use declared::Declared;
pub use view::Graph;

/// One measure of the graph.
#[derive(Debug)]
pub struct Pass {
    /// Its name, as in findings.
    pub name: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
    /// The name under which it is explained.
    pub explain: &'static str,
    /// What looks at the traces for it, if it is a pass over traces.
    pub watch: Option<&'static Watcher>,
    /// Measures.
    pub measure: fn(&Graph<'_>, Effort, &mut Measured),
}

/// What somebody looks at, so that nothing else need be computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Everything.
    #[default]
    All,
    /// The edges alone, with what the passes of these names have to say of them: those passes look at the traces, no entry points
    /// and shapes of requests are kept, and no pass measures the graph.
    Edges(Vec<&'static str>),
}

impl Choice {
    /// Returns what looks at the traces, for the folding.
    pub fn watchers(&self) -> impl Iterator<Item = &'static Watcher> + '_ {
        let passes = PASSES.iter().filter(|pass| match self {
            Choice::All => true,
            Choice::Edges(names) => names.contains(&pass.name),
        });
        let code = matches!(self, Choice::All).then_some(&code::WATCHER);
        passes.filter_map(|pass| pass.watch).chain(code)
    }

    /// Returns whether anybody looks at entry points and the shapes of their requests.
    pub fn has_requests(&self) -> bool {
        matches!(self, Choice::All)
    }

    /// Returns what the passes that are looked at measure.
    pub fn measure(&self, graph: &Graph<'_>, effort: Effort) -> Measured {
        match self {
            Choice::All => measure(graph, effort),
            Choice::Edges(_) => Measured {
                standings: vec![Standing::default(); graph.n_nodes()],
                ..Measured::default()
            },
        }
    }

    /// Returns how many passes measure.
    pub fn len(&self) -> usize {
        match self {
            Choice::All => PASSES.len(),
            Choice::Edges(_) => 0,
        }
    }

    /// Returns whether no pass measures.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How much time a measure may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Little: the graph is a part among others, estimates will do for large ones.
    Quick,
    /// What it takes: exact, and with random graphs to compare with.
    Thorough,
}

/// What the passes found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Numbers about the whole graph.
    pub metrics: Vec<Metric>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// What a reader should know before trusting the numbers.
    pub notes: Vec<String>,
    /// Where each node of the graph stands, by its number.
    pub standings: Vec<Standing>,
    /// Failures that happened one above another: those that reached an entry point first, then the most frequent.
    pub chains: Vec<Chain>,
    /// The ways on which failures would rise, by service and entry point.
    pub ways: Vec<Way>,
    /// How many services would fail with one.
    pub sizes: Vec<CascadeSize>,
    /// What is left of the requests when services are lost one after another.
    pub survival: Vec<Survival>,
    /// What the tenants of each service share, by service.
    pub shards: Vec<Shards>,
    /// How many edges and services fewer traces would have shown.
    pub rarefaction: Vec<Rarefied>,
    /// What the graph is called.
    pub words: Vec<Word>,
}

impl Measured {
    /// Says what the graph is called.
    pub fn word(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.words.push(Word { name, value });
    }

    /// Adds a number about the whole graph, if there is one.
    pub fn metric(&mut self, name: &'static str, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            self.metrics.push(Metric { name, value });
        }
    }
}

/// Every pass, by name.
pub static PASSES: &[&Pass] = &[
    &graph::blast_radius::BLAST_RADIUS,
    &graph::cascades::CASCADES,
    &trace::causality::CAUSALITY,
    &trace::cells::CELLS,
    &trace::certificates::CERTIFICATES,
    &trace::circuit_breakers::CIRCUIT_BREAKERS,
    &trace::clock_skew::CLOCK_SKEW,
    &graph::clustering::CLUSTERING,
    &trace::common_cause::COMMON_CAUSE,
    &graph::communities::COMMUNITIES,
    &trace::concurrency::CONCURRENCY,
    &graph::cores::CORES,
    &trace::critical_path::CRITICAL_PATH,
    &graph::criticality::CRITICALITY,
    &graph::cycles::CYCLES,
    &trace::deferrable::DEFERRABLE,
    &graph::degree::DEGREE,
    &graph::dominators::DOMINATORS,
    &trace::gray_failure::GRAY_FAILURE,
    &trace::hedging::HEDGING,
    &graph::hubs::HUBS,
    &trace::latency_budget::LATENCY_BUDGET,
    &graph::levels::LEVELS,
    &trace::locality::LOCALITY,
    &trace::lost_updates::LOST_UPDATES,
    &trace::metastability::METASTABILITY,
    &trace::origins::ORIGINS,
    &graph::paths::PATHS,
    &trace::phantoms::PHANTOMS,
    &trace::physics::PHYSICS,
    &graph::power_law::POWER_LAW,
    &trace::retries::RETRIES,
    &graph::robustness::ROBUSTNESS,
    &trace::sagas::SAGAS,
    &trace::sequential_calls::SEQUENTIAL_CALLS,
    &graph::serial_availability::SERIAL_AVAILABILITY,
    &graph::shared_dependencies::SHARED_DEPENDENCIES,
    &trace::shuffle_sharding::SHUFFLE_SHARDING,
    &graph::single_points::SINGLE_POINTS,
    &graph::small_world::SMALL_WORLD,
    &trace::stages::STAGES,
    &trace::timeouts::TIMEOUTS,
    &graph::topology_class::TOPOLOGY_CLASS,
    &trace::transmission::TRANSMISSION,
    &trace::versions::VERSIONS,
    &trace::zones::ZONES,
];

/// Returns what looks at the traces for every pass, for the folding.
pub fn watchers() -> impl Iterator<Item = &'static Watcher> {
    let of_passes = PASSES.iter().filter_map(|pass| pass.watch);
    of_passes.chain([&code::WATCHER])
}

/// The passes whose findings come first, the most important first; the others follow by name.
const FIRST: [&str; 10] = [
    "origins",
    "phantoms",
    "timeouts",
    "retries",
    "transmission",
    "blast-radius",
    "cycles",
    "hubs",
    "single-points",
    "dominators",
];

/// Findings that describe and accuse nobody; they come after the others.
const DESCRIBING: [&str; 4] = [
    "mean_concurrency",
    "opened_breakers",
    "peak_concurrency",
    "request_survival",
];

/// Runs every pass.
///
/// Passes over the graph run one after the other, since each adds to where the nodes stand and may look at what others
/// added; passes over traces run beside them. Metrics are sorted by name. Findings keep the order their pass gives them;
/// those that cannot be told come last.
pub fn measure(graph: &Graph<'_>, effort: Effort) -> Measured {
    let watches = |pass: &&&Pass| pass.watch.is_some();
    let (of_graph, of_traces) = rayon::join(
        || {
            let mut standings = vec![Standing::default(); graph.n_nodes()];
            let passes = PASSES.iter().filter(|pass| !watches(pass));
            let all: Vec<_> = passes
                .map(|pass| {
                    let mut measured = Measured {
                        standings: std::mem::take(&mut standings),
                        ..Measured::default()
                    };
                    (pass.measure)(graph, effort, &mut measured);
                    standings = std::mem::take(&mut measured.standings);
                    (pass.name, measured)
                })
                .collect();
            (all, standings)
        },
        || {
            let passes = PASSES.par_iter().filter(watches);
            let all = passes.map(|pass| {
                let mut measured = Measured::default();
                (pass.measure)(graph, effort, &mut measured);
                (pass.name, measured)
            });
            all.collect::<Vec<_>>()
        },
    );
    let (mut all, standings) = of_graph;
    all.extend(of_traces);
    all.sort_by_key(|(name, _)| *name);
    let mut measured = Measured {
        standings,
        ..Measured::default()
    };
    for (_, of) in all {
        measured.metrics.extend(of.metrics);
        measured.findings.extend(of.findings);
        measured.notes.extend(of.notes);
        measured.chains.extend(of.chains);
        measured.ways.extend(of.ways);
        measured.sizes.extend(of.sizes);
        measured.survival.extend(of.survival);
        measured.shards.extend(of.shards);
        measured.rarefaction.extend(of.rarefaction);
        measured.words.extend(of.words);
    }
    doubt_rates(graph, &mut measured);
    measured.metrics.sort_by_key(|metric| metric.name);
    measured.words.sort_by_key(|word| word.name);
    measured.findings.sort_by_key(|finding| {
        let place = FIRST.iter().position(|name| *name == finding.pass);
        (
            finding.grade == Grade::Unknown,
            DESCRIBING.contains(&finding.metric),
            place.unwrap_or(FIRST.len()),
            finding.pass,
        )
    });
    measured
}

/// Takes the interval of an estimate for no proof where traces were chosen by what became of them, and nothing says how many each stands for.
fn doubt_rates(graph: &Graph<'_>, measured: &mut Measured) {
    let is_tail = graph.declared.sampling() == Sampling::Tail;
    if !is_tail || graph.system.account.weighted_spans > 0 {
        return;
    }
    let estimates = measured.findings.iter_mut();
    for finding in estimates.filter(|finding| finding.grade == Grade::Measured) {
        finding.grade = Grade::Inferred;
    }
    measured.notes.push(
        "traces were chosen by what became of them (evidence: sampling: tail) and carry no weights: shares and rates are those of the traces \
         chosen, and nothing measured by them is graded better than inferred"
            .to_owned(),
    );
}

#[cfg(test)]
mod tests;
