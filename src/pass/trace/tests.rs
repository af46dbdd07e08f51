//! Drawings folded and measured: what a pass says of them, in every order, split and file.

mod origins;

mod declared;

mod blast_radius;

mod extremes;

use std::sync::Arc;

use crate::finding::Finding;
use crate::fold::system::{System, resolve, resolve_as};
use crate::fold::{Catalogue, Observer, Topology, Window, codec};
use crate::pass::{self, Effort, Graph, Measured};
use crate::policy::{Policy, Vocabulary, read};
use crate::trace::Assembler;
use crate::trace::drawing::{self, Drawn, ORDERS, compare};

/// Returns the topology of spans read in one of several orders, every partition folded apart.
fn topology(spans: &[Drawn], order: u64, policy: &Policy) -> Topology {
    let traces = drawing::traces(spans, order);
    let catalogue = Arc::new(Catalogue::of(&traces.dictionary));
    let mut assembler = Assembler::default();
    let mut topology = Topology::empty(Arc::clone(&catalogue));
    for partition in drawing::partitions(spans) {
        let mut observer = Observer::new(
            &traces.dictionary,
            Arc::clone(&catalogue),
            Window::default(),
        )
        .watched_by(pass::watchers(), policy);
        assembler
            .for_each(
                &traces,
                [partition],
                |_| u64::MAX,
                |trace| observer.observe(trace),
            )
            .expect("nothing was spilled");
        topology = Topology::merge(topology, observer.finish()).expect("no shards");
    }
    topology
}

/// Returns the system of a drawing read in an order.
pub(crate) fn system_of(drawing: &str, order: u64) -> System {
    resolve(topology(
        &drawing::spans(drawing),
        order,
        &Policy::default(),
    ))
}

/// Calls `f` with the system of a drawing read in each order; all of them must be written as the same file.
pub(in crate::pass) fn each_order(drawing: &str, f: impl FnMut(u64, &System)) {
    each_order_under(&Policy::default(), drawing, f);
}

fn each_order_under(policy: &Policy, drawing: &str, mut f: impl FnMut(u64, &System)) {
    let spans = drawing::spans(drawing);
    let mut first = None;
    for order in 0..ORDERS {
        let file = codec::encode(&mut topology(&spans, order, policy)).unwrap();
        assert_eq!(
            first.get_or_insert_with(|| file.clone()),
            &file,
            "order {order}"
        );
        let content = zstd::decode_all(&file[..]).unwrap();
        let read = codec::decode("drawing", &content).unwrap();
        assert!(
            codec::encode(&mut read.clone()).unwrap() == file,
            "the file changes when it is read"
        );
        f(order, &resolve(read));
        f(order, &resolve(topology(&spans, order, policy)));
    }
}

/// Returns what the passes measure.
pub(in crate::pass) fn measure(system: &System) -> Measured {
    pass::measure(&Graph::of(system), Effort::Thorough)
}

/// Returns what the passes measure of a drawing under a policy, and the names of the nodes.
pub(in crate::pass) fn measure_under(policy: &str, drawing: &str) -> (Measured, Vec<String>) {
    let policy = read(policy, &Vocabulary::default()).unwrap();
    let system = resolve_as(
        topology(&drawing::spans(drawing), 0, &policy),
        &policy.services,
    );
    let graph = Graph::under(&system, &policy);
    let nodes: Vec<u32> = (0..graph.n_nodes() as u32).collect();
    (pass::measure(&graph, Effort::Thorough), graph.names(&nodes))
}

/// Checks what one pass says of a drawing, one finding a line: `grade metric subject value: text`.
#[track_caller]
pub(in crate::pass) fn check(pass: &str, drawing: &str, expected: &str) {
    each_order(drawing, |order, system| {
        compare(&said(pass, &measure(system)), expected, order);
    });
}

/// Checks what one pass says of a drawing under a policy.
#[track_caller]
pub(in crate::pass) fn check_under(policy: &str, pass: &str, drawing: &str, expected: &str) {
    let policy = read(policy, &Vocabulary::default()).unwrap();
    each_order_under(&policy, drawing, |order, system| {
        let measured = pass::measure(&Graph::under(system, &policy), Effort::Thorough);
        compare(&said(pass, &measured), expected, order);
    });
}

/// Returns the findings of a pass, one a line.
fn said(pass: &str, measured: &Measured) -> String {
    let findings = measured.findings.iter();
    let found: Vec<String> = findings
        .filter(|finding| finding.pass == pass)
        .map(line)
        .collect();
    found.join("\n")
}

fn line(finding: &Finding) -> String {
    let Finding {
        metric,
        subject,
        text,
        ..
    } = finding;
    let grade = finding.grade.name();
    match finding.grade {
        pass::Grade::Unknown => format!("{grade} {metric} {subject}: {text}"),
        _ => format!("{grade} {metric} {subject} {:.6}: {text}", finding.value),
    }
}
