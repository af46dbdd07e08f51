//! What the tests of truth need: reports of runs, and the numbers of edges.

use std::io::Write;

use topple::error::Result;
use topple::finding::{Finding, Grade};
use topple::fold::system::{self, System};
use topple::pipeline::{self, DEFAULT_MEMORY, Options, Progress};
use topple::policy::{self, Policy};
use topple::report::numbers::VOCABULARY;
use topple::report::{EdgeRow, Report, Simulation};
use topple::simulate::{Question, Verb};

use crate::simulator::Run;
use crate::simulator::truth::Truth;

/// Hands what the services of a run exported to a part of the pipeline, under a policy.
fn read<T>(run: &Run, policy: Policy, part: impl FnOnce(&Options, &Progress) -> Result<T>) -> T {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    file.write_all(run.json().as_bytes()).unwrap();
    let options = Options {
        inputs: vec![file.path().to_str().unwrap().to_owned()],
        threads: 2,
        memory: DEFAULT_MEMORY,
        window: Default::default(),
        shard: None,
        policy,
        passes: Default::default(),
    };
    part(&options, &Progress::default()).unwrap()
}

/// Returns the service graph of what the services of a run exported, with its topology.
pub(crate) fn system(run: &Run) -> System {
    let (topology, _) = read(run, Policy::default(), pipeline::fold);
    system::resolve(topology)
}

/// Returns a policy of these lines.
pub(crate) fn policy(lines: &str) -> Policy {
    policy::read(&format!("version: 1\n{lines}"), &VOCABULARY).unwrap()
}

/// Returns the policy that declares which calls of a story may fail, as it really is, and more about calls.
pub(crate) fn declared(truth: &Truth, more: &str) -> Policy {
    let line = |pair: &(&str, &str), soft: bool| {
        format!("  - {{ from: {}, to: {}, soft: {soft} }}\n", pair.0, pair.1)
    };
    let hard = truth.hard.iter().map(|pair| line(pair, false));
    let soft = truth
        .soft
        .difference(&truth.hard)
        .map(|pair| line(pair, true));
    let lines: String = hard.chain(soft).collect();
    policy(&format!("calls:\n{lines}{more}"))
}

/// Returns what changes would do to what the services of a run exported.
pub(crate) fn what_if(run: &Run, policy: &Policy, changes: &[(Verb, &str)]) -> Simulation {
    let changes = changes.iter().map(|(verb, text)| verb.read(text).unwrap());
    let question = Question {
        changes: changes.collect(),
        runs: 1_000,
        seed: 1,
    };
    let (report, _) = read(run, policy.clone(), |options, progress| {
        pipeline::simulate(options, &question, progress)
    });
    report.simulation.unwrap()
}

/// Returns the report of what the services of a run exported.
pub(crate) fn report(run: &Run) -> Report {
    report_under(run, Policy::default())
}

/// Returns the report of what the services of a run exported under a policy.
pub(crate) fn report_under(run: &Run, policy: Policy) -> Report {
    let (report, _) = read(run, policy, pipeline::report);
    assert_eq!(report.data.problems_total, 0, "{:?}", report.data.problems);
    report
}

/// Returns the edge between two services.
#[track_caller]
pub(crate) fn edge<'a>(report: &'a Report, from: &str, to: &str) -> &'a EdgeRow {
    let mut edges = report
        .edges
        .iter()
        .filter(|edge| edge.from == from && edge.to == to);
    match (edges.next(), edges.next()) {
        (Some(edge), None) => edge,
        (first, _) => panic!("{from} -> {to}: {first:?} is not the only edge"),
    }
}

/// Returns what a pass found, without what it could not tell.
pub(crate) fn findings<'a>(report: &'a Report, pass: &str) -> Vec<&'a Finding> {
    let of_pass = report.findings.iter().filter(|it| it.pass == pass);
    of_pass.filter(|it| it.grade != Grade::Unknown).collect()
}

/// Returns a number about the whole system.
#[track_caller]
pub(crate) fn metric(report: &Report, name: &str) -> f64 {
    report
        .metric(name)
        .unwrap_or_else(|| panic!("there is no {name}"))
}
