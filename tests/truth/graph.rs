//! Who is in the graph, what enters it, how long its critical paths are, and what a good day says.

use std::collections::BTreeMap;

use topple::format::FORMATS;
use topple::input::Record;
use topple::report::EntryRow;
use topple::trace::link::Linked;
use topple::trace::path::Path;
use topple::trace::{Assembler, Intake, Traces};

use crate::simulator::scenarios::{self, SHOP};
use crate::simulator::truth::Truth;
use crate::support::{edge, report};

#[test]
fn entry_points_have_the_requests_that_somebody_worked_on() {
    for system in [
        scenarios::healthy(1),
        scenarios::failing_instance(2),
        scenarios::death(3),
        scenarios::metastable(4),
    ] {
        let run = system.run();
        let report = report(&run);
        for ((service, operation), truth) in &run.truth.entries {
            let is_it = |row: &&EntryRow| row.service == *service && row.operation == *operation;
            let row = report.entries.iter().find(is_it).unwrap();
            assert_eq!(row.requests, (truth.requests - truth.unseen) as f64);
            assert_eq!(row.failed, (truth.failed - truth.unseen) as f64);
        }
    }
}

#[test]
fn a_dead_service_stays_in_the_graph() {
    for service in SHOP.into_iter().filter(|&name| name != "gateway") {
        let run = scenarios::without(5, service).run();
        let report = report(&run);
        let callers: Vec<_> = run
            .truth
            .edges
            .keys()
            .filter(|(_, to)| *to == service)
            .collect();
        // Who takes messages is called by nobody.
        assert_eq!(callers.is_empty(), service == "mailer");
        for (from, to) in callers {
            let row = edge(&report, from, to);
            assert_eq!(row.served, 0.0);
            assert_eq!(row.errors_client_only, row.attempts);
            assert!(report.services.iter().any(|node| node.name == service));
        }
    }
}

#[test]
fn a_part_of_the_traces_stands_for_all() {
    let mut widest: f64 = 0.0;
    for seed in 0..3 {
        let run = scenarios::sampled(seed).run();
        let report = report(&run);
        assert!(report.data.weights_known);
        for ((from, to), truth) in &run.truth.edges {
            let row = edge(&report, from, to);
            // Requests are kept independently, one of four, and have up to two such calls each.
            let n = truth.calls as f64;
            let deviation = (2.0 * n * 0.25 * 0.75).sqrt() * 4.0;
            let off = (row.calls - n).abs() / deviation;
            assert!(off < 4.0, "{from} -> {to}: {} of {n}", row.calls);
            widest = widest.max(off);
        }
    }
    assert!(widest > 0.5, "an estimate is no count");
}

#[test]
fn critical_paths_are_what_requests_waited_for() {
    for system in [
        scenarios::healthy(6),
        scenarios::nested_retries(7, 2),
        scenarios::n_plus_one(8),
        scenarios::one_after_the_other(9),
    ] {
        let run = system.run();
        let said = own_times(&run.json());
        assert!(said.len() > 1000);
        assert_eq!(said, run.truth.critical);
    }
}

#[test]
fn critical_paths_are_the_same_when_clocks_are_off() {
    for seed in [11, 12] {
        let system = scenarios::clock_offsets(seed).clock("host-of-catalog-2", -7_000_000, 0);
        let run = system.run();
        let said = own_times(&run.json());
        assert!(said.len() > 1000);
        let differ = run
            .truth
            .critical
            .iter()
            .filter(|(span, ns)| said.get(span) != Some(ns));
        assert_eq!(differ.collect::<Vec<_>>(), []);
        assert_eq!(said.len(), run.truth.critical.len());
    }
}

/// Returns the nanoseconds on critical paths by span id, without spans that have none.
fn own_times(json: &str) -> BTreeMap<u64, u64> {
    let otlp = FORMATS
        .iter()
        .find(|format| format.name == "otlp-json")
        .unwrap();
    let mut intake = Intake::new(None);
    Record::with_copy(json.as_bytes(), |record| (otlp.read)(record, &mut intake));
    let traces = Traces::new(vec![intake]);
    let (mut linked, mut path) = (Linked::default(), Path::default());
    let mut times = BTreeMap::new();
    let mut assembler = Assembler::default();
    assembler
        .for_each(
            &traces,
            0..Assembler::PARTITIONS,
            |_| u64::MAX,
            |trace| {
                linked.read(trace, &traces.dictionary);
                path.read(trace, &linked.meaning(), &traces.dictionary);
                let spans = trace.spans.iter().map(|row| row.span.0);
                times.extend(spans.zip(path.paths().own.iter().copied()));
            },
        )
        .unwrap();
    times.retain(|_, ns| *ns > 0);
    times
}

#[test]
fn calls_under_way_are_counted_by_the_law_of_little() {
    let run = scenarios::metastable(10).run();
    let report = report(&run);
    let row = edge(&report, "front", "quotes");
    let Truth { window, .. } = run.truth;
    let total: u64 = run
        .truth
        .concurrency
        .values()
        .map(|calls| calls.total_ns)
        .sum();
    let mean = total as f64 / (window.1 - window.0) as f64;
    let said = row.in_flight.unwrap();
    assert!((said - mean).abs() < 1e-9 * mean, "{said}, not {mean}");
}
